// The limit: a single-threaded epoll proxy in C that does what the supervisor does for one small `tools/call`, and nothing else.
//
//     proxy PORT -- worker command…
//
// Per call: HTTP/1.1 head checked field by field (RFC 9112), Host, Origin, Accept and Content-Type checked, body validated as
// strict JSON in one pass, the 2026-07-28 headers compared with the body, id replaced by a number of ours, one line to the
// worker; the worker's line validated, its id looked up, the client's own id put back, the answer framed. Every descriptor is
// written at most once per turn of the loop. No sessions, streams, authentication, TLS, restarts: whoever wants those pays for
// them above this figure.
#define _GNU_SOURCE
#include "buffer.h"
#include "json_scan.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    CONNECTIONS_MAX = 20000,
    CALLS_MAX = 1 << 13,
    HEAD_BYTES_MAX = 16384,
    BODY_BYTES_MAX = 4 << 20,
    LINE_BYTES_MAX = 4 << 20,
    ID_BYTES_MAX = 256,
    FIELDS_MAX = 100,
    WORKER_QUEUE_BYTES_MAX = 64 << 20,
    READ_BYTES = 1 << 18,
    EVENTS = 512,
    /// Polls with zero timeout before what the turn produced is written: more answers per write under load.
    EXTRA_POLLS = 4,
};

extern char **environ;

// ---- state ----

typedef struct {
    buffer in, out;        // `in` holds only what one read left over
    uint32_t generation;
    bool open, busy, dirty, waits_for_space, close_after_write;
    int32_t next_dirty;
} connection;

typedef struct {
    uint64_t id;           // 0: free
    int32_t fd, next_free;
    uint32_t generation;
    uint16_t id_length;
    bool keep_alive;
    uint8_t client_id[ID_BYTES_MAX];
} call;

static connection *connections;   // by descriptor
static call *calls;
static int32_t free_call = -1, calls_touched, first_dirty = -1;
static uint64_t sequence;
static int poller, worker_fd;
static buffer worker_in, worker_out;
static bool worker_waits_for_space;
static uint8_t read_space[READ_BYTES];
static char date_field[64];
static size_t date_length;
static time_t date_second;

#define LISTENER UINT64_C(0xFFFFFFFF00000001)
#define WORKER UINT64_C(0xFFFFFFFF00000002)

static void watch(int operation, int fd, uint32_t events, uint64_t key) {
    struct epoll_event event = {.events = events, .data.u64 = key};
    if (epoll_ctl(poller, operation, fd, &event)) die("epoll_ctl");
}

static inline uint64_t key_of(int fd) { return (uint64_t)connections[fd].generation << 32 | (uint32_t)fd; }

static void close_connection(int fd) {
    connection *c = &connections[fd];
    buffer_release(&c->in);
    buffer_release(&c->out);
    c->open = false;
    close(fd);
}

static void mark_dirty(int fd) {
    connection *c = &connections[fd];
    if (c->dirty) return;
    c->dirty = true;
    c->next_dirty = first_dirty;
    first_dirty = fd;
}

// ---- HTTP ----

typedef struct {
    size_t length;                 // of the head, with its empty line
    size_t body;
    bool is_get, keep_alive, host_fine, origin_fine, type_fine, accepts_both;
    span target, version, method, name;
} head;

/// tchar of RFC 9110 5.6.2.
static const uint8_t is_token[256] = {
    ['0' ... '9'] = 1, ['A' ... 'Z'] = 1, ['a' ... 'z'] = 1, ['!'] = 1, ['#'] = 1, ['$'] = 1, ['%'] = 1, ['&'] = 1, ['\''] = 1,
    ['*'] = 1, ['+'] = 1, ['-'] = 1, ['.'] = 1, ['^'] = 1, ['_'] = 1, ['`'] = 1, ['|'] = 1, ['~'] = 1,
};
/// Bytes a field value may hold: visible ASCII, space, tab, obs-text.
static const uint8_t is_value[256] = {['\t'] = 1, [' ' ... '~'] = 1, [0x80 ... 0xFF] = 1};

static inline bool named(span s, const char *name, size_t length) {
    return s.length == length && !strncasecmp((const char *)s.at, name, length);
}
#define NAMED(s, literal) named(s, literal, sizeof literal - 1)

static inline bool begins(span s, const char *prefix) {
    size_t length = strlen(prefix);
    return s.length >= length && !strncasecmp((const char *)s.at, prefix, length);
}

static inline bool holds(span s, const char *part) { return memmem(s.at, s.length, part, strlen(part)) != NULL; }
static inline span after(span s, size_t count) { return (span){s.at + count, s.length - count}; }

static bool host_is_ours(span value) {
    static const char *const hosts[] = {"127.0.0.1", "localhost", "[::1]"};
    for (size_t i = 0; i < 3; i++) {
        size_t length = strlen(hosts[i]);
        if (begins(value, hosts[i]) && (value.length == length || value.at[length] == ':')) return true;
    }
    return false;
}

/// Takes one field into the head. 0, or the status that refuses the request.
static int take_field(head *h, span name, span value, unsigned *seen) {
    enum { HOST = 1, LENGTH = 2 };
    switch (name.length) {
    case 4:
        if (!NAMED(name, "host")) return 0;
        if (*seen & HOST) return 400;
        *seen |= HOST;
        h->host_fine = host_is_ours(value);
        return 0;
    case 6:
        if (NAMED(name, "origin")) h->origin_fine = begins(value, "http://") && host_is_ours(after(value, 7));
        else if (NAMED(name, "accept")) h->accepts_both = holds(value, "application/json") && holds(value, "text/event-stream");
        return 0;
    case 8:
        if (NAMED(name, "mcp-name")) h->name = value;
        return 0;
    case 10:
        if (NAMED(name, "connection")) h->keep_alive = !NAMED(value, "close");
        else if (NAMED(name, "mcp-method")) h->method = value;
        return 0;
    case 12:
        if (NAMED(name, "content-type")) h->type_fine = begins(value, "application/json");
        return 0;
    case 14:
        if (!NAMED(name, "content-length")) return 0;
        if (*seen & LENGTH || !value.length || value.length > 9) return 400;
        *seen |= LENGTH;
        for (size_t i = 0; i < value.length; i++) {
            if (value.at[i] < '0' || value.at[i] > '9') return 400;
            h->body = h->body * 10 + (size_t)(value.at[i] - '0');
        }
        return h->body > BODY_BYTES_MAX ? 413 : 0;
    case 17:
        return NAMED(name, "transfer-encoding") ? 501 : 0;
    case 20:
        if (NAMED(name, "mcp-protocol-version")) h->version = value;
        return 0;
    default:
        return 0;
    }
}

/// Parses the head in one pass. 0: complete; 1: more bytes are needed; else the status that refuses it.
static int parse_head(const uint8_t *bytes, size_t count, head *h) {
    *h = (head){.keep_alive = true, .origin_fine = true};
    const uint8_t *p = bytes, *end = bytes + (count < HEAD_BYTES_MAX ? count : HEAD_BYTES_MAX);
    int short_of = count < HEAD_BYTES_MAX ? 1 : 431;
    while (p < end && is_token[*p]) p++;
    if (p == end) return short_of;
    span verb = {bytes, (size_t)(p - bytes)};
    if (*p++ != ' ') return 400;
    const uint8_t *target = p;
    while (p < end && *p > ' ' && *p < 0x7F) p++;
    if (end - p < 11) return short_of;
    if (p == target || *target != '/') return 400;
    h->target = (span){target, (size_t)(p - target)};
    if (memcmp(p, " HTTP/1.1\r\n", 11)) return 400;
    p += 11;
    h->is_get = span_is(verb, "GET");
    if (!h->is_get && !span_is(verb, "POST")) return 405;

    unsigned seen = 0;
    for (int fields = 0;; fields++) {
        if (end - p < 2) return short_of;
        if (*p == '\r') {
            if (p[1] != '\n') return 400;
            h->length = (size_t)(p + 2 - bytes);
            return seen & 1 ? 0 : 400;
        }
        if (fields == FIELDS_MAX) return 431;
        const uint8_t *name = p;
        while (p < end && is_token[*p]) p++;
        if (p == end) return short_of;
        if (p == name || *p != ':') return 400;
        span field = {name, (size_t)(p - name)};
        p++;
        while (p < end && (*p == ' ' || *p == '\t')) p++;
        const uint8_t *value = p;
        while (p < end && is_value[*p]) p++;
        if (end - p < 2) return short_of;
        if (p[0] != '\r' || p[1] != '\n') return 400;
        const uint8_t *last = p;
        while (last > value && (last[-1] == ' ' || last[-1] == '\t')) last--;
        p += 2;
        int refusal = take_field(h, field, (span){value, (size_t)(last - value)}, &seen);
        if (refusal) return refusal;
    }
}

static void refresh_date(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    if (now.tv_sec == date_second) return;
    date_second = now.tv_sec;
    struct tm calendar;
    gmtime_r(&now.tv_sec, &calendar);
    date_length = strftime(date_field, sizeof date_field, "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &calendar);
}

/// The head of an answer; the same fields that the supervisor sends.
static void append_head(buffer *out, int status, size_t length, bool keep_alive) {
    static const char fixed[] =
        "Content-Type: application/json\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n"
        "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\nReferrer-Policy: no-referrer\r\n"
        "Cross-Origin-Resource-Policy: same-origin\r\n";
    char line[64];
    if (status == 200) buffer_append(out, "HTTP/1.1 200 OK\r\n", 17);
    else buffer_append(out, line, (size_t)snprintf(line, sizeof line, "HTTP/1.1 %d Refused\r\n", status));
    buffer_append(out, date_field, date_length);
    buffer_append(out, fixed, sizeof fixed - 1);
    if (!keep_alive) buffer_append(out, "Connection: close\r\n", 19);
    memcpy(line, "Content-Length: ", 16);
    size_t count = 16 + decimal(length, line + 16);
    memcpy(line + count, "\r\n\r\n", 4);
    buffer_append(out, line, count + 4);
}

/// A whole answer of our own: an error of JSON-RPC, or the health document.
static void answer(int fd, int status, const char *body, bool keep_alive) {
    connection *c = &connections[fd];
    append_head(&c->out, status, strlen(body), keep_alive);
    buffer_append(&c->out, body, strlen(body));
    if (!keep_alive) c->close_after_write = true;
    mark_dirty(fd);
}

static void refuse(int fd, int status, int code, const char *why, bool keep_alive) {
    char body[256];
    snprintf(body, sizeof body, "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":%d,\"message\":\"%s\"}}", code, why);
    answer(fd, status, body, keep_alive);
}

// ---- a call on its way in ----

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

static void send_call(int fd, const head *h, const uint8_t *body, const envelope *m) {
    int32_t slot = free_call >= 0 ? free_call : calls_touched;
    if (slot == CALLS_MAX || buffer_count(&worker_out) > WORKER_QUEUE_BYTES_MAX) {
        refuse(fd, 503, -32603, "too many calls", true);
        return;
    }
    call *entry = &calls[slot];
    if (slot == free_call) free_call = entry->next_free;
    else calls_touched++;
    entry->id = ++sequence << 13 | (uint32_t)slot;
    entry->fd = fd;
    entry->generation = connections[fd].generation;
    entry->keep_alive = h->keep_alive;
    entry->id_length = (uint16_t)m->id.length;
    memcpy(entry->client_id, m->id.at, m->id.length);
    connections[fd].busy = true;

    char number[20];
    size_t digits = decimal(entry->id, number);
    size_t before = (size_t)(m->id.at - body), after = h->body - before - m->id.length;
    buffer_reserve(&worker_out, h->body + sizeof number + 1);
    uint8_t *line = worker_out.bytes + worker_out.end;
    memcpy(line, body, before);
    memcpy(line + before, number, digits);
    memcpy(line + before + digits, m->id.at + m->id.length, after);
    size_t length = before + digits + after;
    // Raw line feeds are legal between tokens only, where a space means the same: the message must stay one line.
    if (memchr(line, '\n', length) || memchr(line, '\r', length))
        for (size_t i = 0; i < length; i++) if (line[i] == '\n' || line[i] == '\r') line[i] = ' ';
    line[length] = '\n';
    worker_out.end += length + 1;
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

/// Requests of one connection are answered in order: while one is in flight the rest waits in `in`.
static void take_requests(int fd, const uint8_t *fresh, size_t count) {
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

static void connection_readable(int fd) {
    ssize_t n = recv(fd, read_space, sizeof read_space, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n <= 0 || buffer_count(&connections[fd].in) > BODY_BYTES_MAX + HEAD_BYTES_MAX + READ_BYTES) close_connection(fd);
    else take_requests(fd, read_space, (size_t)n);
}

// ---- an answer on its way out ----

static void worker_line(const uint8_t *line, size_t length) {
    envelope m;
    if (!envelope_scan(line, length, &m) || !m.id.at || (!m.result.at && !m.error.at)) return; // garbage or a notification
    uint64_t id = 0;
    if (m.id.length > 16) return;
    for (size_t i = 0; i < m.id.length; i++) {
        if (m.id.at[i] < '0' || m.id.at[i] > '9') return;
        id = id * 10 + (uint64_t)(m.id.at[i] - '0');
    }
    int32_t slot = (int32_t)(id & (CALLS_MAX - 1));
    call *entry = &calls[slot];
    if (!id || entry->id != id) return;
    entry->id = 0;
    entry->next_free = free_call;
    free_call = slot;

    int fd = entry->fd;
    connection *c = &connections[fd];
    if (!c->open || c->generation != entry->generation) return; // the client has gone
    size_t before = (size_t)(m.id.at - line), after = length - before - m.id.length;
    append_head(&c->out, 200, before + entry->id_length + after, entry->keep_alive);
    buffer_append(&c->out, line, before);
    buffer_append(&c->out, entry->client_id, entry->id_length);
    buffer_append(&c->out, m.id.at + m.id.length, after);
    if (!entry->keep_alive) c->close_after_write = true;
    c->busy = false;
    mark_dirty(fd);
    if (buffer_count(&c->in)) take_requests(fd, NULL, 0); // pipelined requests that waited
}

static void worker_readable(void) {
    ssize_t n = recv(worker_fd, read_space, sizeof read_space, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n <= 0) {
        fprintf(stderr, "proxy: the worker has ended\n");
        exit(1);
    }
    const uint8_t *bytes = read_space;
    size_t count = (size_t)n, used = 0;
    bool held = buffer_count(&worker_in) > 0;
    if (held) {
        buffer_append(&worker_in, read_space, count);
        bytes = worker_in.bytes + worker_in.start;
        count = buffer_count(&worker_in);
    }
    const uint8_t *feed;
    while ((feed = memchr(bytes + used, '\n', count - used))) {
        worker_line(bytes + used, (size_t)(feed - bytes) - used);
        used = (size_t)(feed - bytes) + 1;
    }
    if (count - used > LINE_BYTES_MAX) {
        fprintf(stderr, "proxy: a line of the worker is too long\n");
        exit(1);
    }
    if (held) {
        worker_in.start += used;
        if (!buffer_count(&worker_in)) buffer_release(&worker_in);
    } else if (used < count) {
        buffer_append(&worker_in, bytes + used, count - used);
    }
}

// ---- writing: once per descriptor and turn ----

/// Sends what the socket takes. True when the buffer is empty now; `failed` is set when the peer has gone.
static bool send_out(int fd, buffer *out, bool *failed) {
    ssize_t n = send(fd, out->bytes + out->start, buffer_count(out), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && errno != EAGAIN && errno != EINTR) *failed = true;
    if (n > 0) out->start += (size_t)n;
    if (buffer_count(out)) return false;
    buffer_release(out);
    return true;
}

static void flush_worker(void) {
    if (!buffer_count(&worker_out)) return;
    bool failed = false, empty = send_out(worker_fd, &worker_out, &failed);
    if (failed) die("worker");
    if (empty == worker_waits_for_space) {
        worker_waits_for_space = !empty;
        watch(EPOLL_CTL_MOD, worker_fd, empty ? EPOLLIN : EPOLLIN | EPOLLOUT, WORKER);
    }
}

static void flush_connection(int fd) {
    connection *c = &connections[fd];
    if (!c->open || !buffer_count(&c->out)) return;
    bool failed = false, empty = send_out(fd, &c->out, &failed);
    if (failed || (empty && c->close_after_write)) {
        close_connection(fd);
    } else if (empty == c->waits_for_space) {
        c->waits_for_space = !empty;
        watch(EPOLL_CTL_MOD, fd, empty ? EPOLLIN : EPOLLIN | EPOLLOUT, key_of(fd));
    }
}

static void flush_all(void) {
    flush_worker();
    while (first_dirty >= 0) {
        int fd = first_dirty;
        first_dirty = connections[fd].next_dirty;
        connections[fd].dirty = false;
        if (!connections[fd].waits_for_space) flush_connection(fd);
    }
}

// ---- set-up and loop ----

static void accept_all(int listener) {
    for (;;) {
        int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) return;
        if (fd >= CONNECTIONS_MAX) {
            close(fd);
            continue;
        }
        int one = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        connection *c = &connections[fd];
        uint32_t generation = c->generation + 1;
        bool dirty = c->dirty; // still linked in the list of this turn
        int32_t next = c->next_dirty;
        *c = (connection){.generation = generation & 0x7FFFFFFF, .open = true, .dirty = dirty, .next_dirty = next};
        watch(EPOLL_CTL_ADD, fd, EPOLLIN, key_of(fd));
    }
}

static int listen_on(int port) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) || listen(fd, 4096)) die("listen");
    return fd;
}

static void start_worker(char *const command[]) {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends)) die("socketpair");
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 0);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
    pid_t pid;
    if ((errno = posix_spawnp(&pid, command[0], &actions, NULL, command, environ))) die(command[0]);
    close(ends[1]);
    worker_fd = ends[0]; // stays blocking: O_NONBLOCK would be the worker's too, so every send and recv says MSG_DONTWAIT
}

static void handle(const struct epoll_event *event, int listener) {
    uint64_t key = event->data.u64;
    if (key == LISTENER) return accept_all(listener);
    if (key == WORKER) {
        if (event->events & EPOLLOUT) flush_worker();
        if (event->events & (EPOLLIN | EPOLLHUP | EPOLLERR)) worker_readable();
        return;
    }
    int fd = (int)(uint32_t)key;
    if (!connections[fd].open || connections[fd].generation != key >> 32) return;
    if (event->events & EPOLLOUT) flush_connection(fd);
    if (connections[fd].open && event->events & (EPOLLIN | EPOLLHUP | EPOLLERR)) connection_readable(fd);
}

static bool output_is_pending(void) { return first_dirty >= 0 || (buffer_count(&worker_out) && !worker_waits_for_space); }

/// Waits for events and handles them; false when there were none.
static bool turn(int listener, int timeout) {
    static struct epoll_event events[EVENTS];
    int n = epoll_wait(poller, events, EVENTS, timeout);
    if (n < 0 && errno != EINTR) die("epoll_wait");
    if (n > 0) refresh_date();
    for (int i = 0; i < n; i++) handle(&events[i], listener);
    return n > 0;
}

int main(int count, char *arguments[]) {
    if (count < 4 || strcmp(arguments[2], "--")) {
        fprintf(stderr, "usage: proxy PORT -- worker command…\n");
        return 64;
    }
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    signal(SIGPIPE, SIG_IGN);

    connections = calloc(CONNECTIONS_MAX, sizeof *connections);
    calls = calloc(CALLS_MAX, sizeof *calls);
    poller = epoll_create1(EPOLL_CLOEXEC);
    if (!connections || !calls || poller < 0) die("set-up");
    start_worker(arguments + 3);
    int listener = listen_on(atoi(arguments[1]));
    watch(EPOLL_CTL_ADD, worker_fd, EPOLLIN, WORKER);
    watch(EPOLL_CTL_ADD, listener, EPOLLIN, LISTENER);

    for (;;) {
        turn(listener, -1);
        for (int polls = 0; polls < EXTRA_POLLS && output_is_pending() && turn(listener, 0); polls++) {}
        flush_all();
    }
}
