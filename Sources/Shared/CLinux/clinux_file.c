#define _GNU_SOURCE 1
#include "clinux_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

int clinux_open(const char *path, int purpose, unsigned mode) {
    static const int flags[] = {
        [CLINUX_READ] = O_RDONLY,
        [CLINUX_CREATE] = O_WRONLY | O_CREAT | O_EXCL,
        [CLINUX_APPEND] = O_WRONLY | O_CREAT | O_APPEND,
        [CLINUX_READ_WRITE] = O_RDWR | O_CREAT,
        [CLINUX_DIRECTORY] = O_RDONLY | O_DIRECTORY,
        [CLINUX_DEVICE] = O_RDWR | O_NONBLOCK,
    };
    if (purpose < 0 || purpose >= (int)(sizeof flags / sizeof *flags)) return -EINVAL;
    int fd = open(path, flags[purpose] | O_CLOEXEC | O_NOCTTY, mode);
    return fd < 0 ? -errno : fd;
}

static void fill(const struct stat *from, struct clinux_file_status *status) {
    status->size = from->st_size;
    status->modified = (int64_t)from->st_mtim.tv_sec * 1000000000 + from->st_mtim.tv_nsec;
    status->device = from->st_dev;
    status->inode = from->st_ino;
    status->mode = from->st_mode & 07777;
    status->uid = from->st_uid;
    status->gid = from->st_gid;
    status->is_regular = S_ISREG(from->st_mode);
    status->is_socket = S_ISSOCK(from->st_mode);
    status->is_directory = S_ISDIR(from->st_mode);
}

int clinux_file_status(int fd, struct clinux_file_status *status) {
    struct stat buffer;
    if (fstat(fd, &buffer) < 0) return -errno;
    fill(&buffer, status);
    return 0;
}

int clinux_path_status(const char *path, struct clinux_file_status *status) {
    struct stat buffer;
    if (lstat(path, &buffer) < 0) return -errno;
    fill(&buffer, status);
    return 0;
}

int clinux_memfd(const char *name) {
    int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    return fd < 0 ? -errno : fd;
}

enum { ALL_SEALS = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL };

int clinux_memfd_seal(int fd) { return fcntl(fd, F_ADD_SEALS, ALL_SEALS) < 0 ? -errno : 0; }

int clinux_memfd_is_sealed(int fd) {
    int seals = fcntl(fd, F_GET_SEALS);
    return seals < 0 ? -errno : (seals & ALL_SEALS) == ALL_SEALS;
}

int clinux_set_close_on_exec(int fd, int enabled) { return fcntl(fd, F_SETFD, enabled ? FD_CLOEXEC : 0) < 0 ? -errno : 0; }

int clinux_is_close_on_exec(int fd) {
    int flags = fcntl(fd, F_GETFD);
    return flags < 0 ? -errno : (flags & FD_CLOEXEC) != 0;
}

int clinux_set_nonblocking(int fd, int enabled) {
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0) return -errno;
    int wanted = enabled ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
    if (wanted == flags) return 0;
    return fcntl(fd, F_SETFL, wanted) < 0 ? -errno : 0;
}

int clinux_is_nonblocking(int fd) {
    int flags = fcntl(fd, F_GETFL);
    return flags < 0 ? -errno : (flags & O_NONBLOCK) != 0;
}

int clinux_duplicate(int fd, int least) {
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, least);
    return copy < 0 ? -errno : copy;
}

char **clinux_environ(void) { return environ; }
