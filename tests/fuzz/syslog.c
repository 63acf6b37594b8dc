#include "format.h"

FUZZ_FORMAT("syslog")
