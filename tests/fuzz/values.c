#include "format.h"

FUZZ_FORMAT("json")
