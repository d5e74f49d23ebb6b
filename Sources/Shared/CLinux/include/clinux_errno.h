#pragma once

/// "ENOENT", or NULL for a number the C library does not know. Static storage.
const char *_Nullable clinux_errno_name(int code);
/// "No such file or directory" in the C locale, or NULL. Static storage.
const char *_Nullable clinux_errno_text(int code);
