// HTTP/1.1 heads of the C proxy: requests' are checked field by field (RFC 9112), answers' have the fields of the supervisor's.
#define _GNU_SOURCE
#include "proxy.h"

#include <strings.h>
#include <time.h>

enum { FIELDS_MAX = 100 };

static char date_field[64];
static size_t date_length;
static time_t date_second;

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

int parse_head(const uint8_t *bytes, size_t count, head *h) {
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

void refresh_date(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    if (now.tv_sec == date_second) return;
    date_second = now.tv_sec;
    struct tm calendar;
    gmtime_r(&now.tv_sec, &calendar);
    date_length = strftime(date_field, sizeof date_field, "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &calendar);
}

void append_head(buffer *out, int status, size_t length, bool keep_alive) {
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
