// What nginx proxies to: a trivial HTTP server on a Unix socket that answers every request with the same JSON.
//
//     http_worker SOCKET-PATH ANSWER-FILE
//
// It finds the end of the head and Content-Length and looks at nothing else. On SIGTERM it prints how many connections it
// accepted and how many requests it answered, which shows whether nginx really kept its upstream connections.
#define _GNU_SOURCE
#include "buffer.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { CONNECTIONS_MAX = 4096, READ_BYTES = 1 << 17, EVENTS = 256 };

static buffer partial[CONNECTIONS_MAX]; // by descriptor; holds an incomplete request only
static uint8_t read_space[READ_BYTES];
static char answer[1 << 16];
static size_t answer_length;
static uint64_t accepted, answered;

/// Bytes of the first request, 0 while it is incomplete.
static size_t request_length(const uint8_t *bytes, size_t count) {
    const uint8_t *end = memmem(bytes, count, "\r\n\r\n", 4);
    if (!end) return 0;
    size_t head = (size_t)(end + 4 - bytes), body = 0;
    const char *field = memmem(bytes, head, "Content-Length: ", 16);
    if (field) body = strtoul(field + 16, NULL, 10);
    return head + body <= count ? head + body : 0;
}

static void readable(int fd) {
    ssize_t n = recv(fd, read_space, sizeof read_space, MSG_DONTWAIT);
    if (n < 0 && errno == EAGAIN) return;
    buffer *held = &partial[fd];
    if (n <= 0) {
        buffer_release(held);
        close(fd);
        return;
    }
    const uint8_t *bytes = read_space;
    size_t count = (size_t)n, used = 0, length;
    bool kept = buffer_count(held) > 0;
    if (kept) {
        buffer_append(held, read_space, count);
        bytes = held->bytes + held->start;
        count = buffer_count(held);
    }
    while (used < count && (length = request_length(bytes + used, count - used))) {
        used += length;
        answered++;
        if (send(fd, answer, answer_length, MSG_NOSIGNAL) != (ssize_t)answer_length) break;
    }
    if (!kept) buffer_append(held, bytes + used, count - used);
    else held->start += used;
    if (!buffer_count(held)) buffer_release(held);
}

static void watch(int poller, int fd) {
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event)) die("epoll_ctl");
}

static void load_answer(const char *path) {
    static char body[1 << 15];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? -1 : read(fd, body, sizeof body);
    if (length <= 0) die(path);
    close(fd);
    answer_length = (size_t)snprintf(answer, sizeof answer,
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zd\r\n\r\n%.*s", length, (int)length, body);
}

int main(int count, char *arguments[]) {
    if (count != 3) {
        fprintf(stderr, "usage: http_worker SOCKET-PATH ANSWER-FILE\n");
        return 64;
    }
    load_answer(arguments[2]);
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", arguments[1]);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 4096)) die(arguments[1]);

    sigset_t stop;
    sigemptyset(&stop);
    sigaddset(&stop, SIGTERM);
    sigprocmask(SIG_BLOCK, &stop, NULL);
    int signals = signalfd(-1, &stop, SFD_CLOEXEC), poller = epoll_create1(EPOLL_CLOEXEC);
    watch(poller, listener);
    watch(poller, signals);

    struct epoll_event events[EVENTS];
    for (;;) {
        int n = epoll_wait(poller, events, EVENTS, -1);
        for (int i = 0; i < n; i++) {
            int fd = events[i].data.fd;
            if (fd == signals) {
                printf("{\"accepted\":%lu,\"answered\":%lu}\n", (unsigned long)accepted, (unsigned long)answered);
                return 0;
            }
            if (fd != listener) {
                readable(fd);
                continue;
            }
            int client;
            while ((client = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
                accepted++;
                if (client < CONNECTIONS_MAX) watch(poller, client);
                else close(client);
            }
        }
    }
}
