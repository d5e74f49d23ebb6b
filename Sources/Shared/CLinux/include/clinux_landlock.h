#pragma once

#pragma clang assume_nonnull begin

/// The version of Landlock that this kernel offers (1 from 5.13 on), or a negative errno without it.
int clinux_landlock_version(void);
/// Confines the calling thread, and every thread and process it starts from now on, for good: of the whole file system only what is
/// at or below `paths` may be opened, the first `writable` of them for writing too and the others for reading alone; no TCP; no
/// signals to and no abstract sockets of others (each as far as the kernel's version goes). What is open stays usable. A path that
/// does not exist is left out.
int clinux_landlock_allow_only(const char *_Nullable const *_Nonnull paths, int count, int writable);

#pragma clang assume_nonnull end
