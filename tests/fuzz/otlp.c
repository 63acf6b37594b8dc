#include "format.h"

FUZZ_FORMAT("otlp")
