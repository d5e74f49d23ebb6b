#define _GNU_SOURCE 1
#include "clinux_signal.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <sys/signalfd.h>

static void set_from_mask(uint64_t mask, sigset_t *set) {
    sigemptyset(set);
    for (int signal = 1; signal <= 64; signal++) {
        if (mask >> (signal - 1) & 1) sigaddset(set, signal);
    }
}

int clinux_signal_block(uint64_t mask) {
    sigset_t set;
    set_from_mask(mask, &set);
    return -pthread_sigmask(SIG_BLOCK, &set, NULL);
}

int clinux_signal_set_mask(uint64_t mask) {
    sigset_t set;
    set_from_mask(mask, &set);
    return -pthread_sigmask(SIG_SETMASK, &set, NULL);
}

uint64_t clinux_signal_mask(void) {
    sigset_t set;
    uint64_t mask = 0;
    pthread_sigmask(SIG_BLOCK, NULL, &set);
    for (int signal = 1; signal <= 64; signal++) {
        if (sigismember(&set, signal) == 1) mask |= (uint64_t)1 << (signal - 1);
    }
    return mask;
}

int clinux_signalfd(uint64_t mask) {
    sigset_t set;
    set_from_mask(mask, &set);
    int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return fd < 0 ? -errno : fd;
}

static int set_handler(int number, void (*handler)(int)) {
    struct sigaction action = {.sa_handler = handler};
    sigemptyset(&action.sa_mask);
    return sigaction(number, &action, NULL) < 0 ? -errno : 0;
}

int clinux_signal_ignore(int number) { return set_handler(number, SIG_IGN); }

int clinux_signal_default(int number) { return set_handler(number, SIG_DFL); }
