#pragma once
#include <stdint.h>

#pragma clang assume_nonnull begin

enum clinux_placement {
    /// The parent's process group and session.
    CLINUX_INHERIT_GROUP = 0,
    CLINUX_NEW_GROUP = 1,
    /// A new session and so a new group, without a controlling terminal.
    CLINUX_NEW_SESSION = 2,
};

struct clinux_spawn_request {
    /// Used as it is; no search.
    const char *path;
    char *_Nullable const *_Nonnull arguments;
    char *_Nullable const *_Nonnull environment;
    const char *_Nullable directory;
    /// `descriptors[n]` becomes descriptor n of the child. Everything from `descriptor_count` up is closed.
    const int *descriptors;
    int descriptor_count;
    int placement;
};

/// posix_spawn with every signal at its default and none blocked. The child's pid, or a negative errno, which is also how a
/// failed exec is told. No descriptor is left behind.
int clinux_spawn(const struct clinux_spawn_request *request);

#pragma clang assume_nonnull end
