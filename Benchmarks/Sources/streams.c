// Opens many connections, leaves each in a given state, and holds them.
//
//     streams PORT COUNT event|head REQUEST-FILE [REQUEST-FILE…]
//
// Each connection sends the requests one after the other (whole HTTP requests; `{session}` becomes the Mcp-Session-Id that an
// earlier answer on it carried) and awaits each answer; of an event stream only its first event, or only its head. Then it
// prints `{"opened":N,…}` and holds everything until its stdin ends, when it prints how many connections the server had closed
// meanwhile.
#define _GNU_SOURCE
#include "measure.h"

#include <poll.h>
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

int main(int count, char *arguments[]) {
    if (count < 5 || count > 4 + REQUESTS_MAX) {
        fprintf(stderr, "usage: streams PORT COUNT event|head REQUEST-FILE…\n");
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

    char byte;
    while (read(0, &byte, 1) > 0) {}
    int closed = 0;
    if (poll(held, (nfds_t)wanted, 0) > 0)
        for (int n = 0; n < wanted; n++) if (held[n].revents & (POLLRDHUP | POLLHUP | POLLERR)) closed++;
    printf("{\"closed\":%d}\n", closed);
}
