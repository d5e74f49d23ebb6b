// How long a process takes from posix_spawn to its first useful answer.
//
//     start_latency worker RUNS HOLD OPENING-FILE -- command…   until its first line, after OPENING-FILE went to its stdin
//     start_latency server RUNS PORT PATH -- command…           until GET PATH on PORT answers 200
//
// The runs follow each other; each process is ended (stdin closed, or SIGTERM) and reaped before the next starts. With HOLD >
// 0 that many further workers are then started and kept, their pids printed, until stdin ends. What stdin holds goes to each of
// them as it is (whole lines, the last of them a request), and `{"answered":N}` is printed when each has written one more line.
#define _GNU_SOURCE
#include "measure.h"

#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

enum { STDIN_BYTES_MAX = 16384, LINE_BYTES_MAX = 1 << 20 };

/// Awaits the end of the worker's next line. Its first `size` - 1 bytes are kept when `line` is not NULL.
static void await_line(const child *worker, char *line, size_t size) {
    char byte;
    size_t count = 0;
    do {
        ssize_t n;
        while ((n = read(worker->output, &byte, 1)) < 0 && errno == EINTR) {}
        if (n <= 0) fail("the worker ended without an answer");
        if (line && count + 1 < size) line[count++] = byte;
    } while (byte != '\n');
    if (line) line[count] = 0;
}

static child start_worker(char *const command[], const char *opening, size_t length) {
    child worker = child_start(command);
    write_all(worker.input, opening, length);
    await_line(&worker, NULL, 0);
    return worker;
}

/// Sends `lines` to every worker, one worker after the other; each must answer with a result.
static void ask_workers(const child *workers, long count, const char *lines, size_t length) {
    char *line = malloc(LINE_BYTES_MAX);
    if (!line) fail("out of memory");
    for (long i = 0; i < count; i++) {
        write_all(workers[i].input, lines, length);
        await_line(&workers[i], line, LINE_BYTES_MAX);
        if (!strstr(line, "\"result\":") || strstr(line, "\"isError\":true")) {
            fprintf(stderr, "start_latency: a worker answered %.300s\n", line);
            exit(1);
        }
    }
    free(line);
    printf("{\"answered\":%ld}\n", count);
    fflush(stdout);
}

static void time_workers(long runs, long hold, const char *opening_path, char *const command[]) {
    size_t length;
    char *opening = file_read(opening_path, &length);
    samples times = {0};
    for (long i = -1; i < runs; i++) { // the first run warms the page cache
        uint64_t start = now_ns();
        child worker = start_worker(command, opening, length);
        if (i >= 0) samples_add(&times, now_ns() - start);
        child_finish(&worker);
    }
    child *held = calloc((size_t)hold + 1, sizeof *held);
    char *extra = calloc((size_t)hold + 4, 16), *at = extra;
    at += sprintf(at, ",\"pids\":[");
    for (long i = 0; i < hold; i++) {
        held[i] = start_worker(command, opening, length);
        at += sprintf(at, "%s%d", i ? "," : "", held[i].pid);
    }
    sprintf(at, "]");
    samples_print(&times, extra);
    char lines[STDIN_BYTES_MAX];
    ssize_t n;
    while (hold && (n = read(0, lines, sizeof lines)) > 0) ask_workers(held, hold, lines, (size_t)n); // one write, one read
    for (long i = 0; i < hold; i++) child_finish(&held[i]);
}

/// One try: true when the server answered 200. Refused connections are the normal case until it listens.
static bool is_ready(int port, const char *request) {
    int fd = loopback_connect(port);
    if (fd < 0) return false;
    answer a;
    bool ready = write(fd, request, strlen(request)) > 0 && answer_read(fd, UNTIL_END, &a) && a.status == 200;
    close(fd);
    return ready;
}

static void time_servers(long runs, int port, const char *path, char *const command[]) {
    enum { DEADLINE_SECONDS = 20 };
    char request[256];
    snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nConnection: close\r\n\r\n", path, port);
    samples times = {0};
    for (long i = -1; i < runs; i++) {
        uint64_t start = now_ns();
        pid_t pid;
        if ((errno = posix_spawnp(&pid, command[0], NULL, NULL, command, environ))) {
            perror(command[0]);
            exit(1);
        }
        while (!is_ready(port, request)) {
            if (now_ns() - start > DEADLINE_SECONDS * UINT64_C(1000000000) || waitpid(pid, NULL, WNOHANG) == pid) {
                kill(pid, SIGKILL);
                fail("the server did not become ready");
            }
            nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
        }
        if (i >= 0) samples_add(&times, now_ns() - start);
        kill(pid, SIGTERM);
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {}
    }
    samples_print(&times, "");
}

int main(int count, char *arguments[]) {
    if (count < 7 || strcmp(arguments[5], "--") || (strcmp(arguments[1], "worker") && strcmp(arguments[1], "server"))) {
        fprintf(stderr, "usage: start_latency worker RUNS HOLD OPENING-FILE -- command…\n"
                        "       start_latency server RUNS PORT PATH -- command…\n");
        return 64;
    }
    signal(SIGPIPE, SIG_IGN);
    if (arguments[1][0] == 'w') time_workers(atol(arguments[2]), atol(arguments[3]), arguments[4], arguments + 6);
    else time_servers(atol(arguments[2]), atoi(arguments[3]), arguments[4], arguments + 6);
}
