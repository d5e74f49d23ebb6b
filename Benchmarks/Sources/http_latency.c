// One connection, one call after the other: how long each took, to the nanosecond.
//
//     http_latency PORT CALLS REQUEST-FILE
//
// REQUEST-FILE is the whole HTTP request, head and body. Any status but 200 ends the run with status 1.
#include "measure.h"

int main(int count, char *arguments[]) {
    if (count != 4) {
        fprintf(stderr, "usage: http_latency PORT CALLS REQUEST-FILE\n");
        return 64;
    }
    size_t length;
    char *request = file_read(arguments[3], &length);
    long calls = atol(arguments[2]);
    int fd = loopback_connect(atoi(arguments[1]));
    if (fd < 0) fail("connect");
    samples times = {0};
    answer a;
    for (long i = -calls / 10; i < calls; i++) { // the first tenth warms up
        uint64_t start = now_ns();
        write_all(fd, request, length);
        if (!answer_read(fd, UNTIL_END, &a)) fail("the connection was closed");
        if (a.status != 200) fail("the answer was not 200");
        if (i >= 0) samples_add(&times, now_ns() - start);
    }
    samples_print(&times, "");
}
