#pragma once
#include <stdint.h>

#pragma clang assume_nonnull begin

/// What a file is open for. Close-on-exec and without becoming a controlling terminal in every case.
enum clinux_open {
    CLINUX_READ = 0,
    /// O_WRONLY | O_CREAT | O_EXCL.
    CLINUX_CREATE = 1,
    /// O_WRONLY | O_CREAT | O_APPEND.
    CLINUX_APPEND = 2,
    /// O_RDWR | O_CREAT.
    CLINUX_READ_WRITE = 3,
    /// O_RDONLY | O_DIRECTORY.
    CLINUX_DIRECTORY = 4,
    /// O_RDWR | O_NONBLOCK, for /dev/null and the like.
    CLINUX_DEVICE = 5,
};

int clinux_open(const char *path, int purpose, unsigned mode);

struct clinux_file_status {
    int64_t size;
    /// Nanoseconds since 1970.
    int64_t modified;
    uint64_t device;
    uint64_t inode;
    uint32_t mode;
    uint32_t uid;
    uint32_t gid;
    uint8_t is_regular;
    uint8_t is_socket;
    uint8_t is_directory;
};

int clinux_file_status(int fd, struct clinux_file_status *status);
/// lstat.
int clinux_path_status(const char *path, struct clinux_file_status *status);
/// A memfd (close-on-exec, sealable).
int clinux_memfd(const char *name);
/// Forbids every change of content and size, and further seals.
int clinux_memfd_seal(int fd);
/// 1 when all of the above seals are on.
int clinux_memfd_is_sealed(int fd);
int clinux_set_close_on_exec(int fd, int enabled);
int clinux_is_close_on_exec(int fd);
/// Keeps the other flags of the open file description.
int clinux_set_nonblocking(int fd, int enabled);
int clinux_is_nonblocking(int fd);
/// F_DUPFD_CLOEXEC.
int clinux_duplicate(int fd, int least);
char *_Nullable *_Nullable clinux_environ(void);

#pragma clang assume_nonnull end
