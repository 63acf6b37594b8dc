#include "format.h"

FUZZ_FORMAT("singer")
