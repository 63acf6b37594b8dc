#include "json/json_check_priv.h"
#include "json/project_walk_priv.h"

const struct json_variant json_portable = { "portable", check, container_end, walk, NULL };
