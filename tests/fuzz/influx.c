#include "format.h"

FUZZ_FORMAT("influx")
