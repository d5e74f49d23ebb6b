#pragma once

/// Sends `signal` to every process that descends from the caller, and to nobody else. The number of processes found, or -1 when
/// /proc cannot be read. A process that is born meanwhile may be missed: repeat until no child is left.
int clinux_tree_signal(int signal);
