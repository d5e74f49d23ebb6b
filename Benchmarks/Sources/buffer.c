#include "buffer.h"

struct buffer_pool pool[POOL_MAX];
size_t pooled;
