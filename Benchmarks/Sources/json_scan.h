// Strict one-pass JSON scanner (RFC 8259) for the C peers of the benchmarks.
//
// Validates the whole text (grammar, UTF-8, escapes, depth) and notes where the members of the JSON-RPC envelope lie. Nothing is
// allocated, nothing is copied: every `span` points into the scanned bytes.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct {
    const uint8_t *at; // NULL when the member is absent
    size_t length;
} span;

/// Deepest nesting of arrays and objects that is accepted.
enum { JSON_DEPTH_MAX = 64 };

/// One JSON-RPC message. `method`, `name`, `version` and string ids keep their quotes.
typedef struct {
    span id, method, params, result, error;
    span name;          // params.name
    span arguments;     // params.arguments
    span text;          // params.arguments.text
    span meta;          // params._meta
    span version;       // params._meta["io.modelcontextprotocol/protocolVersion"]
    span capabilities;  // params._meta["io.modelcontextprotocol/clientCapabilities"]
    bool jsonrpc;       // "jsonrpc":"2.0" was there
} envelope;

/// Scans one message. False when it is not one strict JSON object, repeats a key that the envelope notes, or is too deep.
bool envelope_scan(const uint8_t *bytes, size_t length, envelope *out);

static inline bool span_is(span s, const char *text) {
    size_t length = strlen(text);
    return s.at && s.length == length && memcmp(s.at, text, length) == 0;
}

/// True when `quoted` is the JSON string of exactly `plain` (no escapes, which our clients never send in names).
static inline bool span_quotes(span quoted, span plain) {
    return quoted.at && plain.at && quoted.length == plain.length + 2 && memcmp(quoted.at + 1, plain.at, plain.length) == 0;
}
