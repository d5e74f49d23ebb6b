#pragma once
#include <stdint.h>
#include "clinux_address.h"

#pragma clang assume_nonnull begin

/// accept4 with SOCK_CLOEXEC | SOCK_NONBLOCK. The new descriptor or a negative errno; never retries.
int clinux_accept(int listener, struct clinux_address *peer);
/// A stream socket, SOCK_CLOEXEC, and SOCK_NONBLOCK when asked.
int clinux_socket(int family, int nonblocking);
/// Both ends close-on-exec; SOCK_NONBLOCK on both when asked.
int clinux_socketpair(int ends[_Nonnull 2], int nonblocking);
int clinux_pipe(int ends[_Nonnull 2], int nonblocking);
int clinux_set_option(int fd, int level, int name, int value);
int clinux_get_option(int fd, int level, int name, int *value);
int clinux_local_address(int fd, struct clinux_address *address);
/// SO_PEERCRED: who created the other end of a Unix socket.
int clinux_peer_credentials(int fd, int32_t *pid, uint32_t *uid, uint32_t *gid);
/// The bytes that wait in the socket's receive queue (FIONREAD).
int clinux_readable_bytes(int fd);

#pragma clang assume_nonnull end
