#include "format.h"

FUZZ_FORMAT("segment")
