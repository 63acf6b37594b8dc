#ifdef __aarch64__

#define SIMD_NEON
#include "json/json_check_priv.h"
#include "json/project_walk_priv.h"

const struct json_variant json_neon = { "neon", check, container_end, walk, NULL };

#endif
