#include "json/project_walk_priv.h"

const struct project_variant project_portable = { "portable", walk };
