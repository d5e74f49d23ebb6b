#define _GNU_SOURCE 1
#include "clinux_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <sys/un.h>

socklen_t clinux_address_encode(const struct clinux_address *address, struct sockaddr_storage *storage) {
    memset(storage, 0, sizeof *storage);
    if (address->family == AF_INET) {
        struct sockaddr_in *in = (struct sockaddr_in *)storage;
        in->sin_family = AF_INET;
        in->sin_port = htons(address->port);
        memcpy(&in->sin_addr, address->bytes, 4);
        return sizeof *in;
    }
    if (address->family == AF_INET6) {
        struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)storage;
        in6->sin6_family = AF_INET6;
        in6->sin6_port = htons(address->port);
        in6->sin6_scope_id = address->scope;
        memcpy(&in6->sin6_addr, address->bytes, 16);
        return sizeof *in6;
    }
    return 0;
}

void clinux_address_decode(const struct sockaddr_storage *storage, socklen_t length, struct clinux_address *address) {
    memset(address, 0, sizeof *address);
    if (length < sizeof storage->ss_family) return;
    address->family = storage->ss_family;
    if (storage->ss_family == AF_INET && length >= sizeof(struct sockaddr_in)) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)storage;
        address->port = ntohs(in->sin_port);
        memcpy(address->bytes, &in->sin_addr, 4);
    } else if (storage->ss_family == AF_INET6 && length >= sizeof(struct sockaddr_in6)) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)storage;
        address->port = ntohs(in6->sin6_port);
        address->scope = in6->sin6_scope_id;
        memcpy(address->bytes, &in6->sin6_addr, 16);
    }
}

socklen_t clinux_address_encode_unix(const uint8_t *path, uintptr_t length, struct sockaddr_storage *storage) {
    memset(storage, 0, sizeof *storage);
    struct sockaddr_un *un = (struct sockaddr_un *)storage;
    if (length == 0 || length >= sizeof un->sun_path || memchr(path, 0, length)) return 0;
    un->sun_family = AF_UNIX;
    memcpy(un->sun_path, path, length);
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + 1);
}
