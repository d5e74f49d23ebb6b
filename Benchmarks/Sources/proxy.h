// What the parts of the C proxy share: the limits, a client's connection, and what each part does for the others.
//
//     proxy.c          clients' sockets and the loop
//     proxy_head.c     heads: of requests, parsed and checked; of answers, written
//     proxy_calls.c    requests in, answers of our own out
//     proxy_worker.c   the worker's channel: calls in flight, their ids, the answers
#pragma once
#include "buffer.h"
#include "json_scan.h"

#include <sys/types.h>

enum {
    CONNECTIONS_MAX = 20000,
    HEAD_BYTES_MAX = 16384,
    BODY_BYTES_MAX = 4 << 20,
    READ_BYTES = 1 << 18,
    ID_BYTES_MAX = 256,
};

// ---- proxy.c ----

typedef struct {
    buffer in, out;        // `in` holds only what one read left over
    uint32_t generation;
    bool open, busy, dirty, waits_for_space, close_after_write;
    int32_t next_dirty;
} connection;

extern connection *connections;   // by descriptor
/// What one read takes, whoever it is from.
extern uint8_t read_space[READ_BYTES];

#define LISTENER UINT64_C(0xFFFFFFFF00000001)
#define WORKER UINT64_C(0xFFFFFFFF00000002)

void watch(int operation, int fd, uint32_t events, uint64_t key);
/// The connection has output: it is written at the end of the turn.
void mark_dirty(int fd);
/// Sends what the socket takes. True when the buffer is empty now; `failed` is set when the peer has gone.
bool send_out(int fd, buffer *out, bool *failed);

// ---- proxy_head.c ----

typedef struct {
    size_t length;                 // of the head, with its empty line
    size_t body;
    bool is_get, keep_alive, host_fine, origin_fine, type_fine, accepts_both;
    span target, version, method, name;
} head;

/// Parses the head in one pass. 0: complete; 1: more bytes are needed; else the status that refuses it.
int parse_head(const uint8_t *bytes, size_t count, head *h);
/// The head of an answer; the same fields that the supervisor sends.
void append_head(buffer *out, int status, size_t length, bool keep_alive);
/// Once a turn: the clock is read for the `Date` field.
void refresh_date(void);

// ---- proxy_calls.c ----

/// Requests of one connection are answered in order: while one is in flight the rest waits in `in`.
void take_requests(int fd, const uint8_t *fresh, size_t count);
/// An error of JSON-RPC, as a whole answer.
void refuse(int fd, int status, int code, const char *why, bool keep_alive);

// ---- proxy_worker.c ----

void start_worker(char *const command[]);
void send_call(int fd, const head *h, const uint8_t *body, const envelope *m);
void worker_readable(void);
void flush_worker(void);
/// There are calls to be written that nobody waits with.
bool worker_output_is_pending(void);
