#ifdef __SSE2__

#define SIMD_SSE2
#include "json/project_walk_priv.h"

const struct project_variant project_sse2 = { "sse2", walk };

#endif
