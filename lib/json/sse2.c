#ifdef __x86_64__

#define SIMD_SSE2
#include "json/json_check_priv.h"
#include "json/project_walk_priv.h"

const struct json_variant json_sse2 = { "sse2", check, container_end, walk, NULL };

#endif
