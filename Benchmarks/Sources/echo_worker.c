// A stdio MCP server that costs as little as possible: every figure is then about what stands in front of it.
//
//     echo_worker [--era legacy|modern|both]
//
// One JSON-RPC message per line. Answers `initialize` (2024-11-05 … 2025-11-25), `server/discover` (2026-07-28), `ping`,
// `tools/list` with the tools `echo` and `change`, and `tools/call`: `echo` returns `arguments.text` as text, `change` writes
// `notifications/tools/list_changed` before its answer. Reads and writes in batches: one write per read.
#define _GNU_SOURCE
#include "buffer.h"
#include "json_scan.h"

#include <errno.h>
#include <unistd.h>

enum { READ_BYTES = 1 << 18, LINE_BYTES_MAX = 16 << 20 };

#define SERVER_INFO "{\"name\":\"echo\",\"version\":\"1.0.0\"}"
#define META "\"resultType\":\"complete\",\"_meta\":{\"io.modelcontextprotocol/serverInfo\":" SERVER_INFO "}"
#define CACHE "\"ttlMs\":60000,\"cacheScope\":\"public\","
#define UNSUPPORTED ",\"data\":{\"supported\":[\"2026-07-28\"],\"requested\":\"2025-11-25\"}"
#define TOOLS "\"tools\":[{\"name\":\"echo\",\"description\":\"Returns its text.\",\"inputSchema\":{\"type\":\"object\"," \
    "\"properties\":{\"text\":{\"type\":\"string\"}},\"required\":[\"text\"]}},{\"name\":\"change\",\"description\":" \
    "\"Tells that the list of tools changed.\",\"inputSchema\":{\"type\":\"object\"}}]"
#define CAPABILITIES "\"capabilities\":{\"tools\":{\"listChanged\":true}}"
#define CHANGED "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\"}\n"

static bool serves_legacy = true, serves_modern = true;
static buffer out;

static inline void text(const char *bytes) { buffer_append(&out, bytes, strlen(bytes)); }
static inline void copy(span s) { buffer_append(&out, s.at, s.length); }

static void error(int code, const char *message, const char *data) {
    char line[256];
    snprintf(line, sizeof line, ",\"error\":{\"code\":%d,\"message\":\"%s\"%s}}\n", code, message, data);
    text(line);
}

static void initialize(span asked) {
    static const char *const known[] = {"\"2025-11-25\"", "\"2025-06-18\"", "\"2025-03-26\"", "\"2024-11-05\""};
    const char *chosen = known[0];
    for (size_t i = 0; i < 4; i++) if (span_is(asked, known[i])) chosen = known[i];
    text(",\"result\":{\"protocolVersion\":");
    text(chosen);
    text("," CAPABILITIES ",\"serverInfo\":" SERVER_INFO "}}\n");
}

static void answer(const envelope *m, span asked) {
    bool modern = m->version.at != NULL;
    bool changes = span_is(m->method, "\"tools/call\"") && span_is(m->name, "\"change\"") && (serves_modern || !modern);
    if (changes) text(CHANGED);
    text("{\"jsonrpc\":\"2.0\",\"id\":");
    copy(m->id);
    if (span_is(m->method, "\"initialize\"")) {
        if (serves_legacy) initialize(asked);
        else error(-32022, "Unsupported protocol version", UNSUPPORTED);
    } else if (modern && !serves_modern) {
        error(-32601, "Method not found", "");
    } else if (changes) {
        text(modern ? ",\"result\":{\"content\":[]," META "}}\n" : ",\"result\":{\"content\":[]}}\n");
    } else if (span_is(m->method, "\"tools/call\"")) {
        if (!span_is(m->name, "\"echo\"") || !m->text.at || m->text.at[0] != '"') {
            error(-32602, "Unknown tool, or no text", "");
            return;
        }
        text(",\"result\":{\"content\":[{\"type\":\"text\",\"text\":");
        copy(m->text);
        text(modern ? "}]," META "}}\n" : "}]}}\n");
    } else if (span_is(m->method, "\"tools/list\"")) {
        text(modern ? ",\"result\":{" TOOLS "," CACHE META "}}\n" : ",\"result\":{" TOOLS "}}\n");
    } else if (span_is(m->method, "\"server/discover\"") && serves_modern) {
        text(",\"result\":{\"supportedVersions\":[\"2026-07-28\"]," CAPABILITIES "," CACHE META "}}\n");
    } else if (span_is(m->method, "\"ping\"") && !modern) {
        text(",\"result\":{}}\n");
    } else {
        error(-32601, "Method not found", "");
    }
}

/// `params.protocolVersion` of `initialize`. The scan has proved the message valid, so a plain search inside params will do.
static span protocol_version(span params) {
    static const char key[] = "\"protocolVersion\"";
    const uint8_t *p = params.at ? memmem(params.at, params.length, key, sizeof key - 1) : NULL;
    if (!p) return (span){0};
    const uint8_t *end = params.at + params.length;
    p += sizeof key - 1;
    while (p < end && *p != '"') p++;
    const uint8_t *close = p < end ? memchr(p + 1, '"', (size_t)(end - p - 1)) : NULL;
    return close ? (span){p, (size_t)(close + 1 - p)} : (span){0};
}

static void take_line(const uint8_t *line, size_t length) {
    envelope m;
    if (!length || !envelope_scan(line, length, &m) || !m.method.at || !m.id.at) return; // notifications need no answer
    answer(&m, span_is(m.method, "\"initialize\"") ? protocol_version(m.params) : (span){0});
}

static void write_out(void) {
    while (buffer_count(&out)) {
        ssize_t n = write(1, out.bytes + out.start, buffer_count(&out));
        if (n < 0 && errno != EINTR) exit(0); // nobody reads any more
        if (n > 0) out.start += (size_t)n;
    }
    buffer_release(&out);
}

int main(int count, char *arguments[]) {
    if (count == 3 && !strcmp(arguments[1], "--era")) {
        serves_legacy = strcmp(arguments[2], "modern") != 0;
        serves_modern = strcmp(arguments[2], "legacy") != 0;
    }
    buffer in = {0};
    for (;;) {
        buffer_reserve(&in, READ_BYTES);
        ssize_t n = read(0, in.bytes + in.end, READ_BYTES);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return 0;
        in.end += (size_t)n;
        const uint8_t *feed;
        while ((feed = memchr(in.bytes + in.start, '\n', buffer_count(&in)))) {
            take_line(in.bytes + in.start, (size_t)(feed - (in.bytes + in.start)));
            in.start = (size_t)(feed + 1 - in.bytes);
        }
        if (!buffer_count(&in)) in.start = in.end = 0;
        if (buffer_count(&in) > LINE_BYTES_MAX) return 1;
        write_out();
    }
}
