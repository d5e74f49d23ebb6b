#pragma once

#pragma clang assume_nonnull begin

/// The guard: runs a third-party server as its child and outlives every descendant of it. See clinux_launch.c.
/// `arguments` are those after the word `launch`: `[--lifeline-fd N] [--grace-ms N] [--term-ms N] -- command [argument ...]`.
/// Does not return in any way but with an exit status.
int clinux_launch_main(int count, char *_Nullable const *_Nonnull arguments);

#pragma clang assume_nonnull end
