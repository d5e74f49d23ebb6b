#define _GNU_SOURCE 1
#include "clinux_process.h"

#include <errno.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>

int clinux_pidfd_open(int pid) {
    int fd = pidfd_open(pid, 0);
    return fd < 0 ? -errno : fd;
}

int clinux_pidfd_signal(int pidfd, int signal) { return pidfd_send_signal(pidfd, signal, NULL, 0) < 0 ? -errno : 0; }

static int wait_for(idtype_t type, id_t id, int options, struct clinux_exit *result) {
    siginfo_t info = {.si_pid = 0};
    if (waitid(type, id, &info, options) < 0) return -errno;
    result->pid = info.si_pid;
    result->status = info.si_status;
    result->was_signalled = info.si_pid != 0 && info.si_code != CLD_EXITED;
    result->dumped_core = info.si_pid != 0 && info.si_code == CLD_DUMPED;
    return 0;
}

int clinux_pidfd_wait(int pidfd, struct clinux_exit *result) {
    return wait_for(P_PIDFD, (id_t)pidfd, WEXITED | WNOHANG, result);
}

int clinux_peek_exited(struct clinux_exit *result) { return wait_for(P_ALL, 0, WEXITED | WNOHANG | WNOWAIT, result); }

int clinux_reap(int pid, struct clinux_exit *result) { return wait_for(P_PID, (id_t)pid, WEXITED | WNOHANG, result); }

int clinux_become_subreaper(void) { return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0 ? -errno : 0; }
