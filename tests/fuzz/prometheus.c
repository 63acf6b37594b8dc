#include "format.h"

FUZZ_FORMAT("prometheus")
