#ifdef __x86_64__

#define SIMD_AVX512
#include "json/json_check_priv.h"
#include "json/project_shape_priv.h"

const struct json_variant json_avx512 = { "avx512", check, container_end, walk_row, by_shape };

#endif
