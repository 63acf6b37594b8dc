#include "format.h"

FUZZ_FORMAT("combined")
