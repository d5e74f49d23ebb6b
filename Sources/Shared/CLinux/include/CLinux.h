#pragma once
// What Swift cannot import by itself: macros, variadic calls and GNU extensions. One job per file, every name starts with
// `clinux_`. Functions that return `int` follow the kernel's own convention: a negative errno on failure.
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>

#include "clinux_address.h"
#include "clinux_errno.h"
#include "clinux_file.h"
#include "clinux_landlock.h"
#include "clinux_launch.h"
#include "clinux_memory.h"
#include "clinux_process.h"
#include "clinux_service.h"
#include "clinux_signal.h"
#include "clinux_socket.h"
#include "clinux_spawn.h"
#include "clinux_tree.h"
