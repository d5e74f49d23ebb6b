#define _GNU_SOURCE 1
#include "clinux_service.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>

// libsystemd pulls in liblzma, libzstd, liblz4, libgcrypt and libcap: too much for a start without a service manager. The symbols
// below are the library's stable interface (LIBSYSTEMD_209 and 227).
static struct {
    void *handle;
    int (*notify)(int unset_environment, const char *state);
    int (*watchdog_enabled)(int unset_environment, uint64_t *usec);
    int (*listen_fds_with_names)(int unset_environment, char ***names);
} library;

static int load(void) {
    if (library.handle) return 0;
    void *handle = dlopen("libsystemd.so.0", RTLD_NOW | RTLD_LOCAL);
    if (!handle) return -ENOENT;
    library.notify = dlsym(handle, "sd_notify");
    library.watchdog_enabled = dlsym(handle, "sd_watchdog_enabled");
    library.listen_fds_with_names = dlsym(handle, "sd_listen_fds_with_names");
    if (!library.notify || !library.watchdog_enabled || !library.listen_fds_with_names) {
        dlclose(handle);
        return -ENOSYS;
    }
    library.handle = handle;
    return 0;
}

int clinux_service_notify(const char *state) {
    if (!getenv("NOTIFY_SOCKET")) return 0;
    int error = load();
    return error ? error : library.notify(0, state);
}

int64_t clinux_service_watchdog(void) {
    if (!getenv("WATCHDOG_USEC")) return 0;
    int error = load();
    if (error) return error;
    uint64_t usec = 0;
    int enabled = library.watchdog_enabled(0, &usec);
    if (enabled <= 0) return enabled;
    return usec > INT64_MAX ? INT64_MAX : (int64_t)usec;
}

int clinux_service_sockets(char ***names) {
    *names = NULL;
    if (!getenv("LISTEN_FDS")) return 0;
    int error = load();
    return error ? error : library.listen_fds_with_names(1, names);
}

void clinux_service_free_names(char **names, int count) {
    if (!names) return;
    for (int index = 0; index < count; index++) free(names[index]);
    free(names);
}

int clinux_service_is_loaded(void) { return library.handle != NULL; }
