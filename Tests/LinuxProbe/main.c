#define _GNU_SOURCE 1
// The child of the tests: tells what it was given, or misbehaves as asked.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "CLinux.h"

extern char **environ;

/// The open descriptors, one per line.
static int report_descriptors(void) {
    DIR *directory = opendir("/proc/self/fd");
    if (!directory) return 1;
    struct dirent *entry;
    while ((entry = readdir(directory))) {
        if (entry->d_name[0] != '.' && atoi(entry->d_name) != dirfd(directory)) printf("%s\n", entry->d_name);
    }
    closedir(directory);
    return 0;
}

/// "blocked ignored", as masks in hexadecimal.
static int report_signals(void) {
    unsigned long long ignored = 0;
    for (int number = 1; number <= 64; number++) {
        struct sigaction action;
        if (sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN) ignored |= 1ull << (number - 1);
    }
    printf("%llx %llx\n", (unsigned long long)clinux_signal_mask(), ignored);
    return 0;
}

/// "pid group session directory".
static int report_identity(void) {
    char directory[4096];
    if (!getcwd(directory, sizeof directory)) return 1;
    printf("%d %d %d %s\n", getpid(), getpgrp(), getsid(0), directory);
    return 0;
}

/// What the shells of the world call a daemon: a grandchild in its own session, whose parent is gone, deaf to SIGTERM. Its pid
/// goes to the file `path`; it waits for ever.
static void start_daemon(const char *path) {
    if (fork() == 0) {
        setsid();
        if (fork() == 0) {
            signal(SIGTERM, SIG_IGN);
            signal(SIGHUP, SIG_IGN);
            FILE *file = fopen(path, "w");
            if (!file) _exit(1);
            fprintf(file, "%d\n", getpid());
            fclose(file);
            for (int fd = 0; fd < 3; fd++) close(fd);
            for (;;) pause();
        }
        _exit(0);
    }
    while (wait(NULL) > 0) {}
}

/// Waits until `path` holds a line.
static void await_file(const char *path) {
    char text[16];
    for (;;) {
        FILE *file = fopen(path, "r");
        if (file && fgets(text, sizeof text, file) && strchr(text, '\n')) {
            fclose(file);
            return;
        }
        if (file) fclose(file);
        usleep(1000);
    }
}

/// A server that leaves a daemon behind and does not care about the end of its input.
static int serve_badly(const char *path) {
    signal(SIGTERM, SIG_IGN);
    start_daemon(path);
    await_file(path);
    printf("serving\n");
    fflush(stdout);
    for (;;) pause();
}

/// A supervisor: starts `launch` with a lifeline and the server above, and waits to be killed.
static int supervise(const char *self, const char *path) {
    int lifeline[2], input[2];
    if (pipe2(lifeline, O_CLOEXEC) || pipe2(input, O_CLOEXEC)) return 1;
    char *arguments[] = {(char *)self, "launch", "--lifeline-fd", "3", "--grace-ms", "50", "--term-ms", "50", "--",
                         (char *)self, "serve-badly", (char *)path, NULL};
    int descriptors[] = {input[0], 1, 2, lifeline[0]};
    struct clinux_spawn_request request = {
        .path = self, .arguments = arguments, .environment = environ, .descriptors = descriptors, .descriptor_count = 4,
        .placement = CLINUX_NEW_SESSION,
    };
    if (clinux_spawn(&request) < 0) return 1;
    for (;;) pause();
}

int main(int count, char **arguments) {
    const char *command = count > 1 ? arguments[1] : "", *argument = count > 2 ? arguments[2] : "";
    if (strcmp(command, "launch") == 0) return clinux_launch_main(count - 2, arguments + 2);
    if (strcmp(command, "descriptors") == 0) return report_descriptors();
    if (strcmp(command, "signals") == 0) return report_signals();
    if (strcmp(command, "identity") == 0) return report_identity();
    if (strcmp(command, "daemon") == 0) {
        start_daemon(argument);
        await_file(argument);  // Only a daemon that is there can be left behind.
        return 0;
    }
    if (strcmp(command, "serve-badly") == 0) return serve_badly(argument);
    if (strcmp(command, "supervise") == 0) return supervise(arguments[0], argument);
    if (strcmp(command, "environment") == 0) {
        for (char **variable = environ; *variable; variable++) printf("%s\n", *variable);
        return 0;
    }
    if (strcmp(command, "arguments") == 0) {
        for (int index = 0; index < count; index++) printf("%s\n", arguments[index]);
        return 0;
    }
    if (strcmp(command, "exit") == 0) return atoi(argument);
    if (strcmp(command, "raise") == 0) {
        signal(atoi(argument), SIG_DFL);  // The test build carries Swift's runtime, which reports crashes.
        raise(atoi(argument));
        return 0;
    }
    if (strcmp(command, "wait") == 0) {
        for (;;) pause();
    }
    if (strcmp(command, "copy") == 0) {
        char buffer[4096];
        ssize_t length;
        while ((length = read(0, buffer, sizeof buffer)) > 0) {
            if (write(1, buffer, (size_t)length) != length) return 1;
        }
        return 0;
    }
    fprintf(stderr, "unknown command\n");
    return 64;
}
