// Opens many connections, leaves each in a given state, and holds them.
//
//     streams PORT COUNT event|head REQUEST-FILE [REQUEST-FILE…] [-- CALL-FILE ROUNDS]
//
// Each connection sends the requests one after the other (whole HTTP requests; `{session}` becomes the Mcp-Session-Id that an
// earlier answer on it carried) and awaits each answer; of an event stream only its first event, or only its head. Then it
// prints `{"opened":N,…}` and holds everything until its stdin ends, when it prints how many connections the server had closed
// meanwhile. With a CALL-FILE it first sends that call ROUNDS times from a connection of its own, and prints how long it took
// each time from the call until the last stream had received its `list_changed`.
#define _GNU_SOURCE
#include "measure.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { REQUESTS_MAX = 4, REQUEST_BYTES_MAX = 16384 };

/// Sends `text` with `{session}` replaced.
static void send_request(int fd, const char *text, const char *session) {
    char bytes[REQUEST_BYTES_MAX];
    const char *mark = strstr(text, "{session}");
    int length = mark ? snprintf(bytes, sizeof bytes, "%.*s%s%s", (int)(mark - text), text, session, mark + 9)
                      : snprintf(bytes, sizeof bytes, "%s", text);
    if (length < 0 || length >= (int)sizeof bytes) fail("the request is too long");
    write_all(fd, bytes, (size_t)length);
}

/// What one stream has received: events counted, and how much of the next `list_changed` is already there.
typedef struct {
    unsigned events, matched;
} listener;

static void listener_take(listener *l, const char *bytes, size_t length) {
    static const char mark[] = "list_changed"; // its first letter does not occur again, so a mismatch restarts the search
    for (size_t i = 0; i < length; i++) {
        l->matched = bytes[i] == mark[l->matched] ? l->matched + 1 : bytes[i] == mark[0];
        if (l->matched == sizeof mark - 1) {
            l->events++;
            l->matched = 0;
        }
    }
}

/// Times from the call to the last stream's event. Fails when a stream hears nothing for ten seconds, or hears of a change twice.
static void time_broadcasts(int port, const struct pollfd *held, int wanted, const char *call, long rounds) {
    enum { BATCH = 512, SILENCE_MS_MAX = 10000 };
    int caller = loopback_connect(port), poller = epoll_create1(EPOLL_CLOEXEC);
    listener *listeners = calloc((size_t)wanted, sizeof *listeners);
    if (caller < 0 || poller < 0 || !listeners) fail("cannot listen to the streams");
    for (int n = 0; n < wanted; n++) {
        struct epoll_event event = {.events = EPOLLIN, .data.u32 = (uint32_t)n};
        if (epoll_ctl(poller, EPOLL_CTL_ADD, held[n].fd, &event)) fail("epoll_ctl");
    }
    samples times = {0};
    for (long round = 0; round < rounds; round++) {
        int missing = wanted;
        uint64_t start = now_ns();
        write_all(caller, call, strlen(call));
        while (missing) {
            struct epoll_event ready[BATCH];
            int found = epoll_wait(poller, ready, BATCH, SILENCE_MS_MAX);
            if (found < 0 && errno == EINTR) continue;
            if (found <= 0) {
                fprintf(stderr, "streams: %d of %d streams did not hear of change %ld\n", missing, wanted, round + 1);
                exit(1);
            }
            for (int i = 0; i < found; i++) {
                char bytes[4096];
                listener *l = &listeners[ready[i].data.u32];
                ssize_t n = read(held[ready[i].data.u32].fd, bytes, sizeof bytes);
                if (n <= 0) fail("a stream was closed");
                unsigned before = l->events;
                listener_take(l, bytes, (size_t)n);
                if (l->events > (unsigned)round + 1) fail("a stream heard of a change twice");
                missing -= (int)(l->events - before);
            }
        }
        samples_add(&times, now_ns() - start);
        answer a;
        if (!answer_read(caller, UNTIL_END, &a) || a.status != 200) fail("the call that changes was not answered with 200");
    }
    close(caller);
    close(poller);
    free(listeners);
    samples_print(&times, "");
}

int main(int count, char *arguments[]) {
    bool broadcasts = count > 7 && !strcmp(arguments[count - 3], "--");
    const char *call = broadcasts ? file_read(arguments[count - 2], NULL) : NULL;
    long rounds = broadcasts ? atol(arguments[count - 1]) : 0;
    if (broadcasts) count -= 3;
    if (count < 5 || count > 4 + REQUESTS_MAX) {
        fprintf(stderr, "usage: streams PORT COUNT event|head REQUEST-FILE… [-- CALL-FILE ROUNDS]\n");
        return 64;
    }
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    int port = atoi(arguments[1]), wanted = atoi(arguments[2]), requests = count - 4;
    await stream = strcmp(arguments[3], "head") ? UNTIL_EVENT : UNTIL_HEAD;
    char *texts[REQUESTS_MAX];
    for (int i = 0; i < requests; i++) texts[i] = file_read(arguments[4 + i], NULL);
    struct pollfd *held = calloc((size_t)wanted, sizeof *held);
    if (wanted <= 0 || !held) fail("how many connections?");

    uint64_t start = now_ns();
    for (int n = 0; n < wanted; n++) {
        int fd = loopback_connect(port);
        if (fd < 0) {
            perror("connect");
            return 1;
        }
        answer a = {0};
        char session[sizeof a.session] = "";
        for (int i = 0; i < requests; i++) {
            send_request(fd, texts[i], session);
            if (!answer_read(fd, stream, &a)) fail("the connection was closed");
            if (a.status != 200 && a.status != 202) {
                fprintf(stderr, "streams: connection %d, request %d: status %d\n", n, i + 1, a.status);
                return 1;
            }
            if (a.session[0]) memcpy(session, a.session, sizeof session);
        }
        held[n] = (struct pollfd){.fd = fd, .events = POLLRDHUP};
    }
    printf("{\"opened\":%d,\"seconds\":%.3f}\n", wanted, (double)(now_ns() - start) / 1e9);
    fflush(stdout);
    if (broadcasts) time_broadcasts(port, held, wanted, call, rounds);

    char byte;
    while (read(0, &byte, 1) > 0) {}
    int closed = 0;
    if (poll(held, (nfds_t)wanted, 0) > 0)
        for (int n = 0; n < wanted; n++) if (held[n].revents & (POLLRDHUP | POLLHUP | POLLERR)) closed++;
    printf("{\"closed\":%d}\n", closed);
}
