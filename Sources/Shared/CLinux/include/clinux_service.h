#pragma once
#include <stdint.h>

#pragma clang assume_nonnull begin

/// The service manager's protocol, by libsystemd, which is loaded only when NOTIFY_SOCKET, LISTEN_FDS or WATCHDOG_USEC is set.

/// 1 when sent, 0 when there is no manager to tell, or a negative errno.
int clinux_service_notify(const char *state);
/// Microseconds between two WATCHDOG=1 the manager waits for at most, 0 when none is asked for, or a negative errno.
int64_t clinux_service_watchdog(void);
/// The number of inherited sockets, the first of which is descriptor 3; 0 without socket activation; or a negative errno. All
/// are made close-on-exec, and LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES leave the environment.
/// `names` receives an array of `result` strings, to be given to clinux_service_free_names.
int clinux_service_sockets(char *_Nullable *_Nullable *_Nonnull names);
void clinux_service_free_names(char *_Nullable *_Nullable names, int count);
/// 1 when libsystemd has been loaded into this process.
int clinux_service_is_loaded(void);

#pragma clang assume_nonnull end
