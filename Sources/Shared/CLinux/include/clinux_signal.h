#pragma once
#include <stdint.h>

#pragma clang assume_nonnull begin

/// Signal sets travel as a mask: bit n-1 stands for signal n, as in /proc/self/status.
int clinux_signal_block(uint64_t mask);
/// Replaces the calling thread's mask.
int clinux_signal_set_mask(uint64_t mask);
/// The calling thread's mask.
uint64_t clinux_signal_mask(void);
/// A new signalfd (CLOEXEC, NONBLOCK) or a negative errno.
int clinux_signalfd(uint64_t mask);
int clinux_signal_ignore(int signal);
int clinux_signal_default(int signal);

#pragma clang assume_nonnull end
