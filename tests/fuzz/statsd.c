#include "format.h"

FUZZ_FORMAT("statsd")
