/* regex_priv.h - the regular expressions of `pattern`, in rules and in plans. */
#ifndef EVENT_REGEX_PRIV_H
#define EVENT_REGEX_PRIV_H

#include "config/schema.h"

extern const struct schema_regex regex_priv;

#endif
