#define _GNU_SOURCE 1
#include "clinux_errno.h"

#include <string.h>

const char *clinux_errno_name(int code) { return strerrorname_np(code); }

const char *clinux_errno_text(int code) { return strerrordesc_np(code); }
