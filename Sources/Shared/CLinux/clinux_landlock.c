#define _GNU_SOURCE 1
#include "clinux_landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

// Our own declarations: the headers of Debian 12 know version 2 only. Numbers and layouts are the kernel's ABI.
enum { CREATE_RULESET = 444, ADD_RULE = 445, RESTRICT_SELF = 446 };
enum { CREATE_VERSION = 1, RULE_PATH_BENEATH = 1 };
enum { WRITE_FILE = 1 << 1, READ_FILE = 1 << 2 };

struct ruleset {
    uint64_t files;
    uint64_t network;
    uint64_t scopes;
};

struct path_beneath {
    uint64_t allowed;
    int32_t parent;
} __attribute__((packed));

int clinux_landlock_version(void) {
    long version = syscall(CREATE_RULESET, NULL, 0, CREATE_VERSION);
    return version >= 0 ? (int)version : -errno;
}

static int add_path(int ruleset, const char *path, uint64_t allowed) {
    int parent = open(path, O_PATH | O_CLOEXEC);
    if (parent < 0) return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
    struct path_beneath rule = {allowed, parent};
    long result = syscall(ADD_RULE, ruleset, RULE_PATH_BENEATH, &rule, 0);
    int code = result < 0 ? -errno : 0;
    close(parent);
    return code;
}

int clinux_landlock_allow_only(const char *const *paths, int count, int writable) {
    int version = clinux_landlock_version();
    if (version < 0) return version;
    // Thirteen rights in version 1; then refer, truncate, and ioctl of devices in version 5.
    uint64_t files = (1u << 13) - 1;
    if (version >= 2) files |= 1u << 13;
    if (version >= 3) files |= 1u << 14;
    if (version >= 5) files |= 1u << 15;
    struct ruleset rules = {files, version >= 4 ? 3 : 0, version >= 6 ? 3 : 0};
    size_t size = version >= 6 ? sizeof rules : version >= 4 ? offsetof(struct ruleset, scopes) : offsetof(struct ruleset, network);
    // Dates in local time need the zone, whose file cannot be read any more afterwards.
    tzset();
    int ruleset = (int)syscall(CREATE_RULESET, &rules, size, 0);
    if (ruleset < 0) return -errno;
    int code = 0;
    for (int index = 0; index < count && code == 0; index++) {
        code = add_path(ruleset, paths[index], index < writable ? READ_FILE | WRITE_FILE : READ_FILE);
    }
    if (code == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) code = -errno;
    if (code == 0 && syscall(RESTRICT_SELF, ruleset, 0) != 0) code = -errno;
    close(ruleset);
    return code;
}
