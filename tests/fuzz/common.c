#include "format.h"

FUZZ_FORMAT("common")
