#define _GNU_SOURCE 1
#include "clinux_tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

// A system with more processes than this loses some of them in one round; they are found in a later one, when their parents are
// gone.
enum { PROCESSES_MAX = 16384, PID_LIMIT = 1 << 22 };

struct process {
    int pid;
    int parent;
    unsigned long long start;
};

// Static and zero, so only the pages in use cost memory.
static struct process processes[PROCESSES_MAX];
static uint8_t descends[PID_LIMIT / 8];

static int is_marked(int pid) { return pid > 0 && pid < PID_LIMIT && descends[pid / 8] >> (pid % 8) & 1; }

static void unmark(int pid) {
    if (pid > 0 && pid < PID_LIMIT) descends[pid / 8] &= (uint8_t)~(1u << (pid % 8));
}

static void mark(int pid) {
    if (pid > 0 && pid < PID_LIMIT) descends[pid / 8] |= (uint8_t)(1u << (pid % 8));
}

static int read_process(int pid, struct process *process) {
    char path[32], text[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return -1;
    ssize_t length = read(fd, text, sizeof text - 1);
    close(fd);
    if (length <= 0) return -1;
    text[length] = 0;
    // The name stands in parentheses and may hold anything, parentheses too.
    char *rest = strrchr(text, ')');
    if (!rest) return -1;
    process->pid = pid;
    int parsed = sscanf(
        rest + 1, " %*c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu", &process->parent,
        &process->start);
    return parsed == 2 ? 0 : -1;
}

static int read_all(void) {
    DIR *directory = opendir("/proc");
    if (!directory) return -1;
    int count = 0;
    struct dirent *entry;
    while (count < PROCESSES_MAX && (entry = readdir(directory))) {
        char *end;
        long pid = strtol(entry->d_name, &end, 10);
        if (*end || pid <= 0 || pid >= PID_LIMIT) continue;
        if (read_process((int)pid, &processes[count]) == 0) count++;
    }
    closedir(directory);
    return count;
}

int clinux_tree_signal(int signal) {
    int count = read_all();
    if (count <= 0) return -1;
    int self = getpid(), found = 0, grown = 1;
    mark(self);
    while (grown) {  // Bound: the depth of the tree.
        grown = 0;
        for (int index = 0; index < count; index++) {
            if (is_marked(processes[index].pid) || !is_marked(processes[index].parent)) continue;
            mark(processes[index].pid);
            grown = 1;
        }
    }
    for (int index = 0; index < count; index++) {
        struct process *process = &processes[index], again;
        if (process->pid == self || !is_marked(process->pid)) continue;
        int fd = pidfd_open(process->pid, 0);
        if (fd < 0) continue;
        // The number may name another process by now; the start time tells.
        if (read_process(process->pid, &again) == 0 && again.start == process->start) {
            found++;
            pidfd_send_signal(fd, signal, NULL, 0);
        }
        close(fd);
    }
    // Not memset: that would touch, and so pay for, every page of the map.
    for (int index = 0; index < count; index++) unmark(processes[index].pid);
    unmark(self);
    return found;
}
