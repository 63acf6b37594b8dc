#ifdef __aarch64__

#define SIMD_NEON
#include "json/project_walk_priv.h"

const struct project_variant project_neon = { "neon", walk };

#endif
