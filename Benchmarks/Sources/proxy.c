// The limit: a single-threaded epoll proxy in C that does what the supervisor does for one small `tools/call`, and nothing else.
//
//     proxy PORT -- worker command…
//
// Per call: HTTP/1.1 head checked field by field (RFC 9112), Host, Origin, Accept and Content-Type checked, body validated as
// strict JSON in one pass, the 2026-07-28 headers compared with the body, id replaced by a number of ours, one line to the
// worker; the worker's line validated, its id looked up, the client's own id put back, the answer framed. Every descriptor is
// written at most once per turn of the loop. No sessions, streams, authentication, TLS, restarts: whoever wants those pays for
// them above this figure.
#define _GNU_SOURCE
#include "proxy.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    EVENTS = 512,
    /// Polls with zero timeout before what the turn produced is written: more answers per write under load.
    EXTRA_POLLS = 4,
};

connection *connections;
uint8_t read_space[READ_BYTES];
static int32_t first_dirty = -1;
static int poller;

void watch(int operation, int fd, uint32_t events, uint64_t key) {
    struct epoll_event event = {.events = events, .data.u64 = key};
    if (epoll_ctl(poller, operation, fd, &event)) die("epoll_ctl");
}

static inline uint64_t key_of(int fd) { return (uint64_t)connections[fd].generation << 32 | (uint32_t)fd; }

static void close_connection(int fd) {
    connection *c = &connections[fd];
    buffer_release(&c->in);
    buffer_release(&c->out);
    c->open = false;
    close(fd);
}

void mark_dirty(int fd) {
    connection *c = &connections[fd];
    if (c->dirty) return;
    c->dirty = true;
    c->next_dirty = first_dirty;
    first_dirty = fd;
}

static void connection_readable(int fd) {
    ssize_t n = recv(fd, read_space, sizeof read_space, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n <= 0 || buffer_count(&connections[fd].in) > BODY_BYTES_MAX + HEAD_BYTES_MAX + READ_BYTES) close_connection(fd);
    else take_requests(fd, read_space, (size_t)n);
}

// ---- writing: once per descriptor and turn ----

bool send_out(int fd, buffer *out, bool *failed) {
    ssize_t n = send(fd, out->bytes + out->start, buffer_count(out), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && errno != EAGAIN && errno != EINTR) *failed = true;
    if (n > 0) out->start += (size_t)n;
    if (buffer_count(out)) return false;
    buffer_release(out);
    return true;
}

static void flush_connection(int fd) {
    connection *c = &connections[fd];
    if (!c->open || !buffer_count(&c->out)) return;
    bool failed = false, empty = send_out(fd, &c->out, &failed);
    if (failed || (empty && c->close_after_write)) {
        close_connection(fd);
    } else if (empty == c->waits_for_space) {
        c->waits_for_space = !empty;
        watch(EPOLL_CTL_MOD, fd, empty ? EPOLLIN : EPOLLIN | EPOLLOUT, key_of(fd));
    }
}

static void flush_all(void) {
    flush_worker();
    while (first_dirty >= 0) {
        int fd = first_dirty;
        first_dirty = connections[fd].next_dirty;
        connections[fd].dirty = false;
        if (!connections[fd].waits_for_space) flush_connection(fd);
    }
}

// ---- set-up and loop ----

static void accept_all(int listener) {
    for (;;) {
        int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) return;
        if (fd >= CONNECTIONS_MAX) {
            close(fd);
            continue;
        }
        int one = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        connection *c = &connections[fd];
        uint32_t generation = c->generation + 1;
        bool dirty = c->dirty; // still linked in the list of this turn
        int32_t next = c->next_dirty;
        *c = (connection){.generation = generation & 0x7FFFFFFF, .open = true, .dirty = dirty, .next_dirty = next};
        watch(EPOLL_CTL_ADD, fd, EPOLLIN, key_of(fd));
    }
}

static int listen_on(int port) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) || listen(fd, 4096)) die("listen");
    return fd;
}

static void handle(const struct epoll_event *event, int listener) {
    uint64_t key = event->data.u64;
    if (key == LISTENER) return accept_all(listener);
    if (key == WORKER) {
        if (event->events & EPOLLOUT) flush_worker();
        if (event->events & (EPOLLIN | EPOLLHUP | EPOLLERR)) worker_readable();
        return;
    }
    int fd = (int)(uint32_t)key;
    if (!connections[fd].open || connections[fd].generation != key >> 32) return;
    if (event->events & EPOLLOUT) flush_connection(fd);
    if (connections[fd].open && event->events & (EPOLLIN | EPOLLHUP | EPOLLERR)) connection_readable(fd);
}

static bool output_is_pending(void) { return first_dirty >= 0 || worker_output_is_pending(); }

/// Waits for events and handles them; false when there were none.
static bool turn(int listener, int timeout) {
    static struct epoll_event events[EVENTS];
    int n = epoll_wait(poller, events, EVENTS, timeout);
    if (n < 0 && errno != EINTR) die("epoll_wait");
    if (n > 0) refresh_date();
    for (int i = 0; i < n; i++) handle(&events[i], listener);
    return n > 0;
}

int main(int count, char *arguments[]) {
    if (count < 4 || strcmp(arguments[2], "--")) {
        fprintf(stderr, "usage: proxy PORT -- worker command…\n");
        return 64;
    }
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    signal(SIGPIPE, SIG_IGN);

    connections = calloc(CONNECTIONS_MAX, sizeof *connections);
    poller = epoll_create1(EPOLL_CLOEXEC);
    if (!connections || poller < 0) die("set-up");
    start_worker(arguments + 3);
    int listener = listen_on(atoi(arguments[1]));
    watch(EPOLL_CTL_ADD, listener, EPOLLIN, LISTENER);

    for (;;) {
        turn(listener, -1);
        for (int polls = 0; polls < EXTRA_POLLS && output_is_pending() && turn(listener, 0); polls++) {}
        flush_all();
    }
}
