#include "json_scan.h"

/// What a byte means inside a string: 0 nothing, else a stop that needs a look.
static const uint8_t string_stop[256] = {
    [0 ... 0x1F] = 1, ['"'] = 1, ['\\'] = 1, [0x80 ... 0xFF] = 1,
};

static inline const uint8_t *skip_space(const uint8_t *p, const uint8_t *end) {
    while (p < end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t')) p++;
    return p;
}

static inline bool is_digit(uint8_t byte) { return byte >= '0' && byte <= '9'; }

/// Four hexadecimal digits at `p`, or -1.
static int hex4(const uint8_t *p, const uint8_t *end) {
    if (end - p < 4) return -1;
    int value = 0;
    for (int i = 0; i < 4; i++) {
        uint8_t c = p[i], lower = c | 0x20;
        if (is_digit(c)) value = value * 16 + (c - '0');
        else if (lower >= 'a' && lower <= 'f') value = value * 16 + (lower - 'a' + 10);
        else return -1;
    }
    return value;
}

/// The byte after the escape whose backslash is at `p`, or NULL. A lone surrogate is an error.
static const uint8_t *skip_escape(const uint8_t *p, const uint8_t *end) {
    if (end - p < 2) return NULL;
    switch (p[1]) {
    case '"': case '\\': case '/': case 'b': case 'f': case 'n': case 'r': case 't':
        return p + 2;
    case 'u': {
        int unit = hex4(p + 2, end);
        if (unit < 0) return NULL;
        if (unit < 0xD800 || unit > 0xDFFF) return p + 6;
        if (unit > 0xDBFF || end - p < 12 || p[6] != '\\' || p[7] != 'u') return NULL;
        int low = hex4(p + 8, end);
        return low >= 0xDC00 && low <= 0xDFFF ? p + 12 : NULL;
    }
    default:
        return NULL;
    }
}

/// The byte after the UTF-8 sequence that starts at `p` (RFC 3629: no overlong form, no surrogate, nothing above U+10FFFF), or
/// NULL.
static const uint8_t *skip_utf8(const uint8_t *p, const uint8_t *end) {
    uint8_t lead = p[0];
    size_t left = (size_t)(end - p);
#define CONTINUES(i) ((p[i] & 0xC0) == 0x80)
    if (lead >= 0xC2 && lead <= 0xDF) return left >= 2 && CONTINUES(1) ? p + 2 : NULL;
    if ((lead & 0xF0) == 0xE0) {
        if (left < 3 || !CONTINUES(1) || !CONTINUES(2)) return NULL;
        if (lead == 0xE0 && p[1] < 0xA0) return NULL;
        if (lead == 0xED && p[1] > 0x9F) return NULL;
        return p + 3;
    }
    if (lead >= 0xF0 && lead <= 0xF4) {
        if (left < 4 || !CONTINUES(1) || !CONTINUES(2) || !CONTINUES(3)) return NULL;
        if (lead == 0xF0 && p[1] < 0x90) return NULL;
        if (lead == 0xF4 && p[1] > 0x8F) return NULL;
        return p + 4;
    }
#undef CONTINUES
    return NULL;
}

/// The byte after the string whose opening quote is at `p`, or NULL.
static const uint8_t *skip_string(const uint8_t *p, const uint8_t *end) {
    p++;
    for (;;) {
        while (p < end && !string_stop[*p]) p++;
        if (p == end) return NULL;
        if (*p == '"') return p + 1;
        if (*p < 0x20) return NULL;
        p = *p == '\\' ? skip_escape(p, end) : skip_utf8(p, end);
        if (!p) return NULL;
    }
}

static const uint8_t *skip_number(const uint8_t *p, const uint8_t *end) {
    if (p < end && *p == '-') p++;
    if (p == end || !is_digit(*p)) return NULL;
    if (*p == '0') p++;
    else while (p < end && is_digit(*p)) p++;
    if (p < end && *p == '.') {
        p++;
        if (p == end || !is_digit(*p)) return NULL;
        while (p < end && is_digit(*p)) p++;
    }
    if (p < end && (*p | 0x20) == 'e') {
        p++;
        if (p < end && (*p == '+' || *p == '-')) p++;
        if (p == end || !is_digit(*p)) return NULL;
        while (p < end && is_digit(*p)) p++;
    }
    return p;
}

static const uint8_t *skip_literal(const uint8_t *p, const uint8_t *end, const char *word, size_t length) {
    return (size_t)(end - p) >= length && memcmp(p, word, length) == 0 ? p + length : NULL;
}

/// Which object of the message is being walked: it decides which keys are noted.
typedef enum { IN_NOTHING, IN_ENVELOPE, IN_PARAMS, IN_META, IN_ARGUMENTS } place;

static const uint8_t *skip_value(const uint8_t *p, const uint8_t *end, int depth, place inside, envelope *out);

/// Where the value of `key` belongs, and the place its own members have. NULL: not noted.
static span *noted(place inside, span key, envelope *out, place *below) {
    *below = IN_NOTHING;
    switch (inside) {
    case IN_ENVELOPE:
        if (span_is(key, "id")) return &out->id;
        if (span_is(key, "method")) return &out->method;
        if (span_is(key, "params")) { *below = IN_PARAMS; return &out->params; }
        if (span_is(key, "result")) return &out->result;
        if (span_is(key, "error")) return &out->error;
        return NULL;
    case IN_PARAMS:
        if (span_is(key, "name")) return &out->name;
        if (span_is(key, "arguments")) { *below = IN_ARGUMENTS; return &out->arguments; }
        if (span_is(key, "_meta")) { *below = IN_META; return &out->meta; }
        return NULL;
    case IN_ARGUMENTS:
        return span_is(key, "text") ? &out->text : NULL;
    case IN_META:
        if (span_is(key, "io.modelcontextprotocol/protocolVersion")) return &out->version;
        if (span_is(key, "io.modelcontextprotocol/clientCapabilities")) return &out->capabilities;
        return NULL;
    case IN_NOTHING:
        return NULL;
    }
    return NULL;
}

static const uint8_t *skip_object(const uint8_t *p, const uint8_t *end, int depth, place inside, envelope *out) {
    p = skip_space(p + 1, end);
    if (p < end && *p == '}') return p + 1;
    for (;;) {
        if (p == end || *p != '"') return NULL;
        const uint8_t *key = p + 1;
        if (!(p = skip_string(p, end))) return NULL;
        span name = {key, (size_t)(p - 1 - key)};
        p = skip_space(p, end);
        if (p == end || *p != ':') return NULL;
        const uint8_t *value = skip_space(p + 1, end);
        place below = IN_NOTHING;
        span *note = inside == IN_NOTHING ? NULL : noted(inside, name, out, &below);
        if (note && note->at) return NULL; // a key that repeats
        if (!(p = skip_value(value, end, depth, below, out))) return NULL;
        if (note) *note = (span){value, (size_t)(p - value)};
        else if (inside == IN_ENVELOPE && span_is(name, "jsonrpc")) {
            if (out->jsonrpc || !span_is((span){value, (size_t)(p - value)}, "\"2.0\"")) return NULL;
            out->jsonrpc = true;
        }
        p = skip_space(p, end);
        if (p == end) return NULL;
        if (*p == '}') return p + 1;
        if (*p != ',') return NULL;
        p = skip_space(p + 1, end);
    }
}

static const uint8_t *skip_array(const uint8_t *p, const uint8_t *end, int depth, envelope *out) {
    p = skip_space(p + 1, end);
    if (p < end && *p == ']') return p + 1;
    for (;;) {
        if (!(p = skip_value(p, end, depth, IN_NOTHING, out))) return NULL;
        p = skip_space(p, end);
        if (p == end) return NULL;
        if (*p == ']') return p + 1;
        if (*p != ',') return NULL;
        p = skip_space(p + 1, end);
    }
}

static const uint8_t *skip_value(const uint8_t *p, const uint8_t *end, int depth, place inside, envelope *out) {
    if (p == end) return NULL;
    switch (*p) {
    case '{': return depth == JSON_DEPTH_MAX ? NULL : skip_object(p, end, depth + 1, inside, out);
    case '[': return depth == JSON_DEPTH_MAX ? NULL : skip_array(p, end, depth + 1, out);
    case '"': return skip_string(p, end);
    case 't': return skip_literal(p, end, "true", 4);
    case 'f': return skip_literal(p, end, "false", 5);
    case 'n': return skip_literal(p, end, "null", 4);
    default: return skip_number(p, end);
    }
}

bool envelope_scan(const uint8_t *bytes, size_t length, envelope *out) {
    *out = (envelope){0};
    const uint8_t *end = bytes + length;
    const uint8_t *p = skip_space(bytes, end);
    if (p == end || *p != '{') return false;
    p = skip_object(p, end, 1, IN_ENVELOPE, out);
    return p && skip_space(p, end) == end && out->jsonrpc;
}
