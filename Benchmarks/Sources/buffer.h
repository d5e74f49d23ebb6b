// Byte queues for the C peers: bytes [start, end) of one allocation, given back to a small pool when they run empty.
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { POOL_MAX = 512, POOLED_BYTES_MAX = 1 << 16 };

static inline _Noreturn void die(const char *what) {
    perror(what);
    exit(1);
}

typedef struct {
    uint8_t *bytes;
    size_t start, end, capacity;
} buffer;

/// Of the whole program (buffer.c): what one part gives back another one takes.
extern struct buffer_pool { uint8_t *bytes; size_t capacity; } pool[POOL_MAX];
extern size_t pooled;

static inline size_t buffer_count(const buffer *b) { return b->end - b->start; }

static inline void buffer_reserve(buffer *b, size_t more) {
    if (b->bytes && b->capacity - b->end >= more) return;
    if (!b->bytes && pooled && pool[pooled - 1].capacity >= more) {
        pooled--;
        b->bytes = pool[pooled].bytes;
        b->capacity = pool[pooled].capacity;
        return;
    }
    if (b->start) {
        memmove(b->bytes, b->bytes + b->start, buffer_count(b));
        b->end -= b->start;
        b->start = 0;
        if (b->capacity - b->end >= more) return;
    }
    size_t capacity = b->capacity ? b->capacity : 2048;
    while (capacity - b->end < more) capacity *= 2;
    b->bytes = realloc(b->bytes, capacity);
    if (!b->bytes) die("realloc");
    b->capacity = capacity;
}

static inline void buffer_append(buffer *b, const void *bytes, size_t length) {
    if (!length) return;
    buffer_reserve(b, length);
    memcpy(b->bytes + b->end, bytes, length);
    b->end += length;
}

static inline void buffer_release(buffer *b) {
    if (!b->bytes) return;
    if (pooled < POOL_MAX && b->capacity <= POOLED_BYTES_MAX) {
        pool[pooled].bytes = b->bytes;
        pool[pooled++].capacity = b->capacity;
    } else {
        free(b->bytes);
    }
    *b = (buffer){0};
}

/// Writes `value` in decimal; returns the number of digits.
static inline size_t decimal(uint64_t value, char out[20]) {
    char digits[20];
    size_t count = 0;
    do digits[count++] = (char)('0' + value % 10); while (value /= 10);
    for (size_t i = 0; i < count; i++) out[i] = digits[count - 1 - i];
    return count;
}
