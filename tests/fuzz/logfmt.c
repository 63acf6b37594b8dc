#include "format.h"

FUZZ_FORMAT("logfmt")
