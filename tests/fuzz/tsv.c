#include "format.h"

FUZZ_FORMAT("tsv")
