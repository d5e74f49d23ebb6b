#define _GNU_SOURCE 1
#include "clinux_memory.h"

#include <errno.h>
#include <malloc.h>
#include <sys/resource.h>

void clinux_use_one_arena(void) { mallopt(M_ARENA_MAX, 1); }

void clinux_release_free_memory(void) { malloc_trim(0); }

int clinux_limit_address_space(uint64_t bytes) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_AS, &limit) != 0) return -errno;
    if (limit.rlim_cur <= bytes) return 0;
    limit.rlim_cur = bytes;
    return setrlimit(RLIMIT_AS, &limit) == 0 ? 0 : -errno;
}
