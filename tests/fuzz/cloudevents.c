#include "format.h"

FUZZ_FORMAT("cloudevents")
