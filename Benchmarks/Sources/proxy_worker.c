// The worker's channel of the C proxy: one line out per call, with a number of ours for its id; one line in per answer, which
// gets the client's own id back.
#define _GNU_SOURCE
#include "proxy.h"

#include <errno.h>
#include <spawn.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    CALLS_MAX = 1 << 13,
    LINE_BYTES_MAX = 4 << 20,
    WORKER_QUEUE_BYTES_MAX = 64 << 20,
};

extern char **environ;

typedef struct {
    uint64_t id;           // 0: free
    int32_t fd, next_free;
    uint32_t generation;
    uint16_t id_length;
    bool keep_alive;
    uint8_t client_id[ID_BYTES_MAX];
} call;

static call *calls;
static int32_t free_call = -1, calls_touched;
static uint64_t sequence;
static int worker_fd;
static buffer worker_in, worker_out;
static bool worker_waits_for_space;

void start_worker(char *const command[]) {
    calls = calloc(CALLS_MAX, sizeof *calls);
    if (!calls) die("set-up");
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends)) die("socketpair");
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 0);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
    pid_t pid;
    if ((errno = posix_spawnp(&pid, command[0], &actions, NULL, command, environ))) die(command[0]);
    close(ends[1]);
    worker_fd = ends[0]; // stays blocking: O_NONBLOCK would be the worker's too, so every send and recv says MSG_DONTWAIT
    watch(EPOLL_CTL_ADD, worker_fd, EPOLLIN, WORKER);
}

void send_call(int fd, const head *h, const uint8_t *body, const envelope *m) {
    int32_t slot = free_call >= 0 ? free_call : calls_touched;
    if (slot == CALLS_MAX || buffer_count(&worker_out) > WORKER_QUEUE_BYTES_MAX) {
        refuse(fd, 503, -32603, "too many calls", true);
        return;
    }
    call *entry = &calls[slot];
    if (slot == free_call) free_call = entry->next_free;
    else calls_touched++;
    entry->id = ++sequence << 13 | (uint32_t)slot;
    entry->fd = fd;
    entry->generation = connections[fd].generation;
    entry->keep_alive = h->keep_alive;
    entry->id_length = (uint16_t)m->id.length;
    memcpy(entry->client_id, m->id.at, m->id.length);
    connections[fd].busy = true;

    char number[20];
    size_t digits = decimal(entry->id, number);
    size_t before = (size_t)(m->id.at - body), after = h->body - before - m->id.length;
    buffer_reserve(&worker_out, h->body + sizeof number + 1);
    uint8_t *line = worker_out.bytes + worker_out.end;
    memcpy(line, body, before);
    memcpy(line + before, number, digits);
    memcpy(line + before + digits, m->id.at + m->id.length, after);
    size_t length = before + digits + after;
    // Raw line feeds are legal between tokens only, where a space means the same: the message must stay one line.
    if (memchr(line, '\n', length) || memchr(line, '\r', length))
        for (size_t i = 0; i < length; i++) if (line[i] == '\n' || line[i] == '\r') line[i] = ' ';
    line[length] = '\n';
    worker_out.end += length + 1;
}

static void worker_line(const uint8_t *line, size_t length) {
    envelope m;
    if (!envelope_scan(line, length, &m) || !m.id.at || (!m.result.at && !m.error.at)) return; // garbage or a notification
    uint64_t id = 0;
    if (m.id.length > 16) return;
    for (size_t i = 0; i < m.id.length; i++) {
        if (m.id.at[i] < '0' || m.id.at[i] > '9') return;
        id = id * 10 + (uint64_t)(m.id.at[i] - '0');
    }
    int32_t slot = (int32_t)(id & (CALLS_MAX - 1));
    call *entry = &calls[slot];
    if (!id || entry->id != id) return;
    entry->id = 0;
    entry->next_free = free_call;
    free_call = slot;

    int fd = entry->fd;
    connection *c = &connections[fd];
    if (!c->open || c->generation != entry->generation) return; // the client has gone
    size_t before = (size_t)(m.id.at - line), after = length - before - m.id.length;
    append_head(&c->out, 200, before + entry->id_length + after, entry->keep_alive);
    buffer_append(&c->out, line, before);
    buffer_append(&c->out, entry->client_id, entry->id_length);
    buffer_append(&c->out, m.id.at + m.id.length, after);
    if (!entry->keep_alive) c->close_after_write = true;
    c->busy = false;
    mark_dirty(fd);
    if (buffer_count(&c->in)) take_requests(fd, NULL, 0); // pipelined requests that waited
}

void worker_readable(void) {
    ssize_t n = recv(worker_fd, read_space, sizeof read_space, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n <= 0) {
        fprintf(stderr, "proxy: the worker has ended\n");
        exit(1);
    }
    const uint8_t *bytes = read_space;
    size_t count = (size_t)n, used = 0;
    bool held = buffer_count(&worker_in) > 0;
    if (held) {
        buffer_append(&worker_in, read_space, count);
        bytes = worker_in.bytes + worker_in.start;
        count = buffer_count(&worker_in);
    }
    const uint8_t *feed;
    while ((feed = memchr(bytes + used, '\n', count - used))) {
        worker_line(bytes + used, (size_t)(feed - bytes) - used);
        used = (size_t)(feed - bytes) + 1;
    }
    if (count - used > LINE_BYTES_MAX) {
        fprintf(stderr, "proxy: a line of the worker is too long\n");
        exit(1);
    }
    if (held) {
        worker_in.start += used;
        if (!buffer_count(&worker_in)) buffer_release(&worker_in);
    } else if (used < count) {
        buffer_append(&worker_in, bytes + used, count - used);
    }
}

void flush_worker(void) {
    if (!buffer_count(&worker_out)) return;
    bool failed = false, empty = send_out(worker_fd, &worker_out, &failed);
    if (failed) die("worker");
    if (empty == worker_waits_for_space) {
        worker_waits_for_space = !empty;
        watch(EPOLL_CTL_MOD, worker_fd, empty ? EPOLLIN : EPOLLIN | EPOLLOUT, WORKER);
    }
}

bool worker_output_is_pending(void) { return buffer_count(&worker_out) && !worker_waits_for_space; }
