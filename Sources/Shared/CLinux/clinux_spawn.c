#define _GNU_SOURCE 1
#include "clinux_spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <unistd.h>

enum { DESCRIPTORS_MAX = 16 };

static int add_attributes(posix_spawnattr_t *attributes, int placement) {
    sigset_t all, none;
    sigfillset(&all);
    sigemptyset(&none);
    short flags = POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK;
    if (placement == CLINUX_NEW_GROUP) flags |= POSIX_SPAWN_SETPGROUP;
    if (placement == CLINUX_NEW_SESSION) flags |= POSIX_SPAWN_SETSID;
    int error = posix_spawnattr_setsigdefault(attributes, &all);
    if (!error) error = posix_spawnattr_setsigmask(attributes, &none);
    if (!error) error = posix_spawnattr_setpgroup(attributes, 0);
    if (!error) error = posix_spawnattr_setflags(attributes, flags);
    return error;
}

static int add_actions(posix_spawn_file_actions_t *actions, const int *sources, int count, const char *directory) {
    int error = 0;
    for (int target = 0; target < count && !error; target++) {
        // With source == target glibc clears close-on-exec, which is what is wanted.
        error = posix_spawn_file_actions_adddup2(actions, sources[target], target);
    }
    if (!error) error = posix_spawn_file_actions_addclosefrom_np(actions, count);
    if (!error && directory) error = posix_spawn_file_actions_addchdir_np(actions, directory);
    return error;
}

int clinux_spawn(const struct clinux_spawn_request *request) {
    int count = request->descriptor_count;
    if (count < 3 || count > DESCRIPTORS_MAX) return -EINVAL;

    // A source below `count` that is not yet at its place could be overwritten by an earlier dup2: move it out of the way
    // first.
    int sources[DESCRIPTORS_MAX], moved[DESCRIPTORS_MAX], moved_count = 0, error = 0;
    for (int target = 0; target < count && !error; target++) {
        sources[target] = request->descriptors[target];
        if (sources[target] >= count || sources[target] == target) continue;
        sources[target] = fcntl(sources[target], F_DUPFD_CLOEXEC, count);
        if (sources[target] < 0) error = errno;
        else moved[moved_count++] = sources[target];
    }

    pid_t pid = -1;
    if (!error) {
        posix_spawn_file_actions_t actions;
        posix_spawnattr_t attributes;
        error = posix_spawn_file_actions_init(&actions);
        if (!error) {
            error = posix_spawnattr_init(&attributes);
            if (!error) {
                error = add_attributes(&attributes, request->placement);
                if (!error) error = add_actions(&actions, sources, count, request->directory);
                if (!error) {
                    error = posix_spawn(
                        &pid, request->path, &actions, &attributes, request->arguments, request->environment);
                }
                posix_spawnattr_destroy(&attributes);
            }
            posix_spawn_file_actions_destroy(&actions);
        }
    }
    for (int index = 0; index < moved_count; index++) close(moved[index]);
    return error ? -error : pid;
}
