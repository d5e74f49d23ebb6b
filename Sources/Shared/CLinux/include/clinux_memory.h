#pragma once
#include <stdint.h>

/// One allocation arena for all threads. By default each thread reserves 64 MiB of addresses and keeps its own free memory.
void clinux_use_one_arena(void);
/// Gives whole free pages of the heap back to the kernel.
void clinux_release_free_memory(void);
/// Lowers the soft RLIMIT_AS to `bytes`; a lower limit stays.
int clinux_limit_address_space(uint64_t bytes);
