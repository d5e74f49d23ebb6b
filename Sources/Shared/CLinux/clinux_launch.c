#define _GNU_SOURCE 1
#include "clinux_launch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "clinux_tree.h"

// The guard of one third-party server.
//
//     supervisor ──lifeline (a pipe nobody writes to)──▶ guard ──▶ server ──▶ whatever the server starts
//
// The supervisor may be killed with SIGKILL at any moment and then cleans up nothing. Process groups miss descendants that
// called setsid, PR_SET_PDEATHSIG fires on the re-exec of the supervisor and is not inherited, and cgroups are not always
// delegated. So this process stays between the two. It is a subreaper: every descendant whose parent dies becomes its child,
// hence nobody below can get away, and it ends only when all of them have.
//
//     running ──lifeline ends──▶ leaving ──grace──▶ terminating ──term──▶ killing ──no child left──▶ exit
//        └──────────the server ends, with descendants left──────▲  SIGQUIT───▲
//
// Signals: SIGTERM is passed to all descendants, once per arrival, and the sender keeps the deadlines. SIGQUIT kills them all
// at once. Everything else is ignored: process managers send SIGINT to every process of a tree they see, but only the
// supervisor decides when a server stops.
//
// The exit status is the server's own; a death by signal is repeated on itself, without a second core file. 127 and 126 say, as
// in a shell, that the command was not found or could not be run.
//
// Plain C without allocation of its own: it must cost next to nothing beside an interpreter, and nothing of Swift's runtime is
// needed.

enum { EXIT_USAGE = 64, EXIT_INTERNAL = 70, EXIT_CANNOT_RUN = 126, EXIT_NOT_FOUND = 127 };

/// How long unkillable processes (state D) are waited for before the guard gives up.
static const int64_t kill_patience_ms = 10000;

enum phase { RUNNING, LEAVING, TERMINATING, KILLING };

struct guard {
    enum phase phase;
    pid_t server;
    int server_ended;
    siginfo_t server_exit;
    int lifeline;
    int signals;
    int64_t grace_ms;
    int64_t term_ms;
    /// When the phase ends, in milliseconds of the monotonic clock; INT64_MAX: never by time.
    int64_t deadline;
    /// In phase `KILLING`: when the next round of SIGKILL goes out.
    int64_t next_kill;
};

static int64_t now_ms(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

static void complain(const char *what, const char *detail) {
    dprintf(STDERR_FILENO, "mcp-worker launch: %s%s%s\n", what, detail ? ": " : "", detail ? detail : "");
}

static int parse_number(const char *text, long maximum, int64_t *value) {
    char *end;
    errno = 0;
    long number = strtol(text, &end, 10);
    if (errno || end == text || *end || number < 0 || number > maximum) return -1;
    *value = number;
    return 0;
}

/// The index of the command, or -1.
static int parse_arguments(struct guard *guard, int count, char *const *arguments) {
    int64_t lifeline = -1;
    int index = 0;
    for (; index < count && strcmp(arguments[index], "--") != 0; index += 2) {
        const char *name = arguments[index];
        if (index + 1 >= count) return -1;
        const char *value = arguments[index + 1];
        int failed;
        if (strcmp(name, "--lifeline-fd") == 0) failed = parse_number(value, INT_MAX, &lifeline);
        else if (strcmp(name, "--grace-ms") == 0) failed = parse_number(value, 3600000, &guard->grace_ms);
        else if (strcmp(name, "--term-ms") == 0) failed = parse_number(value, 3600000, &guard->term_ms);
        else failed = -1;
        if (failed) return -1;
    }
    guard->lifeline = (int)lifeline;
    return index + 1 < count ? index + 1 : -1;
}

static void enter(struct guard *guard, enum phase phase) {
    if (phase <= guard->phase) return;
    guard->phase = phase;
    switch (phase) {
    case RUNNING: break;
    case LEAVING: guard->deadline = now_ms() + guard->grace_ms; break;
    case TERMINATING:
        clinux_tree_signal(SIGTERM);
        // A stopped process does not see SIGTERM before it runs again.
        clinux_tree_signal(SIGCONT);
        guard->deadline = now_ms() + guard->term_ms;
        break;
    case KILLING:
        guard->deadline = now_ms() + kill_patience_ms;
        guard->next_kill = 0;
        break;
    }
}

/// Reaps whatever has ended. 0 when no child is left.
static int reap(struct guard *guard) {
    for (;;) {
        siginfo_t info = {.si_pid = 0};
        if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG) < 0) {
            if (errno == EINTR) continue;
            return 0;
        }
        if (info.si_pid == 0) return 1;
        if (info.si_pid == guard->server) {
            guard->server_exit = info;
            guard->server_ended = 1;
        }
    }
}

/// One signal only: whoever sends them faster than they are passed on must not keep us from reaping.
static void read_signal(struct guard *guard) {
    struct signalfd_siginfo info;
    if (read(guard->signals, &info, sizeof info) != sizeof info) return;
    if (info.ssi_signo == SIGTERM && guard->phase < TERMINATING) clinux_tree_signal(SIGTERM);
    if (info.ssi_signo == SIGQUIT) enter(guard, KILLING);
}

static void read_lifeline(struct guard *guard) {
    char ignored[64];
    ssize_t count = read(guard->lifeline, ignored, sizeof ignored);
    if (count > 0 || (count < 0 && (errno == EAGAIN || errno == EINTR))) return;
    close(guard->lifeline);
    guard->lifeline = -1;
    enter(guard, LEAVING);
}

static void advance_by_time(struct guard *guard) {
    if (guard->phase == LEAVING && now_ms() >= guard->deadline) enter(guard, TERMINATING);
    if (guard->phase == TERMINATING && now_ms() >= guard->deadline) enter(guard, KILLING);
    if (guard->phase != KILLING || now_ms() < guard->next_kill) return;
    if (now_ms() >= guard->deadline) {
        complain("some processes cannot be killed", NULL);
        _exit(EXIT_INTERNAL);
    }
    // Without /proc nobody can be found, but most of them are in our process group, and so are we.
    if (clinux_tree_signal(SIGKILL) < 0) kill(0, SIGKILL);
    guard->next_kill = now_ms() + 10;
}

static int timeout(const struct guard *guard) {
    int64_t deadline = guard->phase == KILLING ? guard->next_kill : guard->deadline;
    if (guard->phase == RUNNING || deadline == INT64_MAX) return -1;
    int64_t left = deadline - now_ms();
    return left < 0 ? 0 : (int)left;
}

/// Returns when no descendant is left.
static void watch(struct guard *guard) {
    while (reap(guard)) {
        if (guard->server_ended) enter(guard, TERMINATING);
        struct pollfd polled[2] = {
            {.fd = guard->signals, .events = POLLIN},
            {.fd = guard->lifeline, .events = POLLIN},  // Ignored by poll when negative.
        };
        if (poll(polled, 2, timeout(guard)) > 0) {
            if (polled[0].revents) read_signal(guard);
            if (polled[1].revents) read_lifeline(guard);
        }
        advance_by_time(guard);
    }
}

static void leave_like(const siginfo_t *info) {
    if (info->si_code == CLD_EXITED) _exit(info->si_status);
    struct rlimit no_core = {0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
    signal(info->si_status, SIG_DFL);
    sigset_t only;
    sigemptyset(&only);
    sigaddset(&only, info->si_status);
    kill(getpid(), info->si_status);
    sigprocmask(SIG_UNBLOCK, &only, NULL);
    _exit(EXIT_INTERNAL);
}

static int start_server(struct guard *guard, char *const *command) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t all, none;
    sigfillset(&all);
    sigemptyset(&none);
    int error = posix_spawn_file_actions_init(&actions);
    if (error) return error;
    error = posix_spawnattr_init(&attributes);
    if (error) return error;
    if (!error) error = posix_spawnattr_setsigdefault(&attributes, &all);
    if (!error) error = posix_spawnattr_setsigmask(&attributes, &none);
    if (!error) error = posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
    if (!error) error = posix_spawn_file_actions_addclosefrom_np(&actions, 3);
    // Searches the PATH of this process, which is the environment the server is given.
    if (!error) error = posix_spawnp(&guard->server, command[0], &actions, &attributes, command, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return error;
}

/// The server's ends of its pipes must be the only ones, or the supervisor never sees their end.
static void give_up_standard_streams(void) {
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int fd = 0; fd < 3; fd++) {
        if (null < 0) close(fd);
        else dup2(null, fd);
    }
    if (null > 2) close(null);
}

int clinux_launch_main(int count, char *const *arguments) {
    struct guard guard = {.phase = RUNNING, .grace_ms = 300, .term_ms = 400, .deadline = INT64_MAX};
    int command = parse_arguments(&guard, count, arguments);
    if (command < 0) {
        complain("usage: launch [--lifeline-fd N] [--grace-ms N] [--term-ms N] -- command [argument ...]", NULL);
        return EXIT_USAGE;
    }
    if (guard.lifeline >= 0 && fcntl(guard.lifeline, F_SETFD, FD_CLOEXEC) < 0) {
        complain("the lifeline is not an open descriptor", NULL);
        return EXIT_USAGE;
    }
    // A lifeline that blocks would stop the guard if somebody wrote to it and another reader were faster.
    if (guard.lifeline >= 0) fcntl(guard.lifeline, F_SETFL, fcntl(guard.lifeline, F_GETFL) | O_NONBLOCK);
    prctl(PR_SET_NAME, "mcp-guard");
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    // SIGCHLD may have been left ignored, which would make children vanish unreaped.
    signal(SIGCHLD, SIG_DFL);
    guard.signals = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
    if (guard.signals < 0 || prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0) {
        complain("cannot guard", strerrordesc_np(errno));
        return EXIT_INTERNAL;
    }
    int error = start_server(&guard, arguments + command);
    if (error) {
        complain(arguments[command], strerrordesc_np(error));
        return error == ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_RUN;
    }
    give_up_standard_streams();
    watch(&guard);
    leave_like(&guard.server_exit);
    return EXIT_INTERNAL;
}
