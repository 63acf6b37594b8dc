/* dur.h - spans of time, in milliseconds. */
#ifndef BASE_DUR_H
#define BASE_DUR_H

#include "base/err.h"
#include "base/str.h"

/* `250ms 30s 5m 1h 7d 2w`, also `1h30m` and a bare number, which is seconds. Never negative. 0 or ERR_USAGE. */
int  dur_parse(struct str, int64_t *ms, struct err *);

/* In the largest unit up to days that divides it: "1m", "90s", "7d"; ends with 0. */
void dur_print(int64_t ms, char out[32]);

#endif
