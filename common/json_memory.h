#pragma once

#include <yajl/yajl_common.h>

/* yajl checks no allocation, so it gets ours, which cannot fail (common/memory.h). */
extern yajl_alloc_funcs json_memory;
