// Requests of the C proxy on their way in: the ladder of checks, and the answers that need no worker.
#include "proxy.h"

/// A whole answer of our own: an error of JSON-RPC, or the health document.
static void answer(int fd, int status, const char *body, bool keep_alive) {
    connection *c = &connections[fd];
    append_head(&c->out, status, strlen(body), keep_alive);
    buffer_append(&c->out, body, strlen(body));
    if (!keep_alive) c->close_after_write = true;
    mark_dirty(fd);
}

void refuse(int fd, int status, int code, const char *why, bool keep_alive) {
    char body[256];
    snprintf(body, sizeof body, "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":%d,\"message\":\"%s\"}}", code, why);
    answer(fd, status, body, keep_alive);
}

/// The ladder of protocol checks between a valid message and the worker. NULL, or why it is refused.
static const char *check_call(const head *h, const envelope *m, int *status, int *code) {
    *status = 400, *code = -32600;
    if (!m->method.at || m->method.at[0] != '"' || !m->id.at || m->id.length > ID_BYTES_MAX) return "not a request";
    if (!memchr("\"-0123456789", m->id.at[0], 12)) return "the id is no string or number";
    if (m->params.at && m->params.at[0] != '{') return "params is no object";
    *code = -32602;
    if (!m->version.at || !m->capabilities.at || m->capabilities.at[0] != '{') return "params._meta is incomplete";
    *code = -32020;
    if (!span_quotes(m->version, h->version)) return "MCP-Protocol-Version differs from the body";
    *code = -32022;
    if (!span_is(m->version, "\"2026-07-28\"")) return "unsupported protocol version";
    *code = -32020;
    if (!span_quotes(m->method, h->method)) return "Mcp-Method differs from the body";
    if (span_is(m->method, "\"tools/call\"")) {
        if (!span_quotes(m->name, h->name)) return "Mcp-Name differs from the body";
        return NULL;
    }
    *status = 404, *code = -32601;
    return span_is(m->method, "\"tools/list\"") ? NULL : "method not found";
}

/// Takes at most one request out of `bytes`; returns how many bytes it used up, 0 when it is not complete yet.
static size_t take_request(int fd, const uint8_t *bytes, size_t count) {
    head h;
    int status = parse_head(bytes, count, &h);
    if (status == 1) return 0;
    if (status) {
        refuse(fd, status, -32600, "not an acceptable HTTP request", false);
        return count;
    }
    size_t whole = h.length + h.body;
    if (!h.host_fine || !h.origin_fine) refuse(fd, 403, -32600, "Host or Origin", false);
    else if (h.is_get && span_is(h.target, "/ready")) answer(fd, 200, "{\"status\":\"healthy\"}", h.keep_alive);
    else if (!span_is(h.target, "/mcp") || h.is_get) refuse(fd, 404, -32600, "no such resource", false);
    else if (!h.type_fine || !h.accepts_both) refuse(fd, h.type_fine ? 406 : 415, -32600, "Content-Type or Accept", false);
    else if (count < whole) return 0;
    else {
        envelope m;
        int code;
        const char *why;
        if (!envelope_scan(bytes + h.length, h.body, &m)) refuse(fd, 400, -32700, "not one JSON-RPC message", h.keep_alive);
        else if ((why = check_call(&h, &m, &status, &code))) refuse(fd, status, code, why, h.keep_alive);
        else send_call(fd, &h, bytes + h.length, &m);
    }
    return connections[fd].close_after_write ? count : whole;
}

void take_requests(int fd, const uint8_t *fresh, size_t count) {
    connection *c = &connections[fd];
    if (buffer_count(&c->in)) {
        buffer_append(&c->in, fresh, count);
        fresh = c->in.bytes + c->in.start;
        count = buffer_count(&c->in);
    }
    size_t used = 0;
    while (used < count && !c->busy && !c->close_after_write) {
        size_t n = take_request(fd, fresh + used, count - used);
        if (!n) break;
        used += n;
    }
    if (buffer_count(&c->in)) {
        c->in.start += used;
        if (!buffer_count(&c->in)) buffer_release(&c->in);
    } else if (used < count) {
        buffer_append(&c->in, fresh + used, count - used);
    }
}
