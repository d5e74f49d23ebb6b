#define _GNU_SOURCE 1
#include "clinux_service.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <systemd/sd-daemon.h>

// Linking libsystemd would load it, liblzma, libzstd, liblz4, libgcrypt and libcap at every start: 0.5 ms and 1.4 MiB of resident
// memory were measured, more than everything else that a small program in C does at its start. Without a service manager there is
// nothing to talk to, so the library is opened when the first of its variables is seen. The types come from its own header.
static struct {
    void *handle;
    __typeof__(sd_notify) *notify;
    __typeof__(sd_watchdog_enabled) *watchdog_enabled;
    __typeof__(sd_listen_fds_with_names) *listen_fds_with_names;
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
