#define _GNU_SOURCE
#include "measure.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <spawn.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

void fail(const char *what) {
    fprintf(stderr, "%s: %s\n", program_invocation_short_name, what);
    exit(1);
}

uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

void samples_add(samples *s, uint64_t value) {
    if (s->count == s->capacity) {
        s->capacity = s->capacity ? s->capacity * 2 : 4096;
        s->values = realloc(s->values, s->capacity * sizeof *s->values);
        if (!s->values) fail("out of memory");
    }
    s->values[s->count++] = value;
}

static int ascending(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/// Nearest-rank percentile of sorted values, in microseconds.
static double percentile_us(const samples *s, unsigned percent) {
    size_t rank = (s->count * percent + 99) / 100;
    return (double)s->values[rank ? rank - 1 : 0] / 1000;
}

void samples_print(samples *s, const char *extra) {
    if (!s->count) fail("no samples");
    qsort(s->values, s->count, sizeof *s->values, ascending);
    double sum = 0;
    for (size_t i = 0; i < s->count; i++) sum += (double)s->values[i];
    printf("{\"count\":%zu,\"p50_us\":%.2f,\"p90_us\":%.2f,\"p99_us\":%.2f,\"max_us\":%.2f,\"mean_us\":%.2f%s}\n", s->count,
           percentile_us(s, 50), percentile_us(s, 90), percentile_us(s, 99), percentile_us(s, 100),
           sum / (double)s->count / 1000, extra);
    fflush(stdout);
}

child child_start(char *const command[]) {
    int in[2], out[2];
    if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC)) fail("pipe2");
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in[0], 0);
    posix_spawn_file_actions_adddup2(&actions, out[1], 1);
    child c = {.input = in[1], .output = out[0]};
    int error = posix_spawnp(&c.pid, command[0], &actions, NULL, command, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(in[0]);
    close(out[1]);
    if (error) {
        errno = error;
        perror(command[0]);
        exit(1);
    }
    return c;
}

void child_finish(child *c) {
    close(c->input);
    close(c->output);
    while (waitpid(c->pid, NULL, 0) < 0 && errno == EINTR) {}
}

char *file_read(const char *path, size_t *length) {
    FILE *file = fopen(path, "rb");
    if (!file) {
        perror(path);
        exit(1);
    }
    size_t capacity = 1 << 20;
    char *bytes = malloc(capacity + 1);
    if (!bytes) fail("out of memory");
    size_t count = fread(bytes, 1, capacity, file);
    fclose(file);
    bytes[count] = 0;
    if (length) *length = count;
    return bytes;
}

int loopback_connect(int port) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(fd, (struct sockaddr *)&address, sizeof address)) {
        int saved = errno;
        close(fd);
        errno = saved;
        return -1;
    }
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return fd;
}

void write_all(int fd, const void *bytes, size_t length) {
    const char *at = bytes;
    while (length) {
        ssize_t n = write(fd, at, length);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) fail("write");
        at += n;
        length -= (size_t)n;
    }
}

/// The value of field `name` inside the head, or NULL. The head ends in CR LF CR LF and is NUL-terminated.
static const char *field(const char *head, const char *name) {
    size_t length = strlen(name);
    for (const char *line = strstr(head, "\r\n"); line && line[2] != '\r'; line = strstr(line + 2, "\r\n"))
        if (!strncasecmp(line + 2, name, length) && line[2 + length] == ':') {
            const char *value = line + 3 + length;
            while (*value == ' ') value++;
            return value;
        }
    return NULL;
}

bool answer_read(int fd, await stream, answer *out) {
    char bytes[65536];
    size_t have = 0, body = 0;
    long length = -1;
    bool chunked = false;
    *out = (answer){0};
    for (;;) {
        if (have == sizeof bytes - 1) return false;
        ssize_t n = read(fd, bytes + have, sizeof bytes - 1 - have);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        have += (size_t)n;
        bytes[have] = 0;
        if (!body) {
            char *end = strstr(bytes, "\r\n\r\n");
            if (!end) continue;
            body = (size_t)(end + 4 - bytes);
            if (strncmp(bytes, "HTTP/1.1 ", 9)) return false;
            out->status = atoi(bytes + 9);
            const char *value = field(bytes, "content-length");
            if (value) length = atol(value);
            value = field(bytes, "transfer-encoding");
            chunked = value && !strncasecmp(value, "chunked", 7);
            value = field(bytes, "content-type");
            out->is_stream = value && !strncasecmp(value, "text/event-stream", 17);
            value = field(bytes, "mcp-session-id");
            if (value) snprintf(out->session, sizeof out->session, "%.*s", (int)strcspn(value, "\r"), value);
            if (out->is_stream && stream == UNTIL_HEAD) return true;
        }
        if (length >= 0 && have - body >= (size_t)length) return true;
        if (out->is_stream && stream == UNTIL_EVENT && strstr(bytes + body, "\n\n")) return true;
        if (chunked && have - body >= 5 && !memcmp(bytes + have - 5, "0\r\n\r\n", 5)) return true;
        if (length < 0 && !chunked && !out->is_stream) return true; // 202, 204: no body
    }
}
