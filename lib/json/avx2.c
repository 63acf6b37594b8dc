#ifdef __x86_64__

#define SIMD_AVX2
#include "json/json_check_priv.h"
#include "json/project_walk_priv.h"

const struct json_variant json_avx2 = { "avx2", check, container_end, walk, NULL };

#endif
