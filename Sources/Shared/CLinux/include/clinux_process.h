#pragma once
#include <stdint.h>

#pragma clang assume_nonnull begin

/// A pidfd (always close-on-exec) or a negative errno.
int clinux_pidfd_open(int pid);
int clinux_pidfd_signal(int pidfd, int signal);

struct clinux_exit {
    /// 0 when nothing has ended yet.
    int32_t pid;
    /// The exit code, or the signal's number.
    int32_t status;
    uint8_t was_signalled;
    uint8_t dumped_core;
};

/// waitid(P_PIDFD, WEXITED | WNOHANG): reaps the child when it has ended.
int clinux_pidfd_wait(int pidfd, struct clinux_exit *result);
/// waitid(P_ALL, WEXITED | WNOHANG | WNOWAIT): tells which child has ended, without reaping it.
int clinux_peek_exited(struct clinux_exit *result);
/// waitid(P_PID, WEXITED | WNOHANG).
int clinux_reap(int pid, struct clinux_exit *result);
/// Orphaned descendants become our children from now on. Kept over execve, not inherited by children.
int clinux_become_subreaper(void);

#pragma clang assume_nonnull end
