#pragma once
#include <stdint.h>
#include <sys/socket.h>

#pragma clang assume_nonnull begin

/// A socket address without the layers of `sockaddr`: what the wrappers hand over to Swift.
struct clinux_address {
    /// AF_INET, AF_INET6, AF_UNIX, or another family, of which nothing else is filled in.
    uint16_t family;
    /// Host byte order. 0 for AF_UNIX.
    uint16_t port;
    /// Interface index of a link-local IPv6 address, else 0.
    uint32_t scope;
    /// The address in network order: 4 bytes (AF_INET) or 16 (AF_INET6).
    uint8_t bytes[16];
};

/// Number of bytes of `storage` used, or 0 when the family is not AF_INET or AF_INET6.
socklen_t clinux_address_encode(const struct clinux_address *address, struct sockaddr_storage *storage);
void clinux_address_decode(const struct sockaddr_storage *storage, socklen_t length, struct clinux_address *address);
/// Number of bytes of `storage` used, or 0 when `path` is empty, too long for sun_path with its NUL, or holds a NUL.
socklen_t clinux_address_encode_unix(const uint8_t *path, uintptr_t length, struct sockaddr_storage *storage);

#pragma clang assume_nonnull end
