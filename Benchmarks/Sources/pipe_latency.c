// Straight to the worker: one call after the other over its own pipes, nothing in between.
//
//     pipe_latency CALLS OPENING-FILE CALL-FILE -- worker command…
//
// OPENING-FILE holds the lines of the handshake (each message that has an id is answered by one line), CALL-FILE the message
// to time.
#include "measure.h"

#include <unistd.h>

static char line[1 << 20];

/// Reads up to the line feed that ends one answer.
static void read_line(int fd) {
    size_t have = 0;
    do {
        ssize_t n = read(fd, line + have, sizeof line - have);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) fail("the worker has ended");
        have += (size_t)n;
    } while (line[have - 1] != '\n');
}

int main(int count, char *arguments[]) {
    if (count < 6 || strcmp(arguments[4], "--")) {
        fprintf(stderr, "usage: pipe_latency CALLS OPENING-FILE CALL-FILE -- command…\n");
        return 64;
    }
    size_t length;
    char *opening = file_read(arguments[2], NULL), *call = file_read(arguments[3], &length);
    long calls = atol(arguments[1]);
    child worker = child_start(arguments + 5);
    for (char *message = strtok(opening, "\n"); message; message = strtok(NULL, "\n")) {
        write_all(worker.input, message, strlen(message));
        write_all(worker.input, "\n", 1);
        if (strstr(message, "\"id\":")) read_line(worker.output);
    }
    samples times = {0};
    for (long i = -calls / 10; i < calls; i++) { // the first tenth warms up
        uint64_t start = now_ns();
        write_all(worker.input, call, length);
        read_line(worker.output);
        if (i >= 0) samples_add(&times, now_ns() - start);
    }
    child_finish(&worker);
    samples_print(&times, "");
}
