#ifdef __x86_64__

#define SIMD_AVX2
#include "json/project_walk_priv.h"

const struct project_variant project_avx2 = { "avx2", walk };

#endif
