// What every measuring tool shares: a clock, percentiles, starting a process, reading one HTTP answer.
#pragma once
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

/// Prints the reason and ends with status 1.
_Noreturn void fail(const char *what);

uint64_t now_ns(void);

/// Durations in nanoseconds, kept whole so that percentiles are exact.
typedef struct {
    uint64_t *values;
    size_t count, capacity;
} samples;

void samples_add(samples *s, uint64_t value);
/// Prints `{"count":…,"p50_us":…,"p90_us":…,"p99_us":…,"max_us":…,"mean_us":…<extra>}` and a line feed.
void samples_print(samples *s, const char *extra);

/// A child whose stdin and stdout are pipes of ours (stderr inherited).
typedef struct {
    pid_t pid;
    int input, output;
} child;

child child_start(char *const command[]);
/// Closes the pipes and waits for the child to end.
void child_finish(child *c);

/// The whole of a file, NUL-terminated; `length` may be NULL.
char *file_read(const char *path, size_t *length);

/// A blocking TCP connection to 127.0.0.1, or -1 with errno.
int loopback_connect(int port);
void write_all(int fd, const void *bytes, size_t length);

/// What one HTTP answer said.
typedef struct {
    int status;
    bool is_stream;      // text/event-stream
    char session[256];   // value of Mcp-Session-Id, or ""
} answer;

/// How much of an event stream is awaited; other answers are always read whole.
typedef enum { UNTIL_END, UNTIL_EVENT, UNTIL_HEAD } await;

/// Reads one answer (Content-Length or chunked) from a blocking connection. False at end of file or when it is not HTTP.
bool answer_read(int fd, await stream, answer *out);
