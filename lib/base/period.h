/* period.h - the time that a question is about: "1h", "7d", "today", "yesterday", "all", "2026-11-01/2026-11-08" (or ..), "2026-11-01". */
#ifndef BASE_PERIOD_H
#define BASE_PERIOD_H

#include "base/err.h"
#include "base/str.h"
#include "base/time.h"

struct period_text { struct str range, from, to; };     /* p NULL: not given. Where there is a range, from and to do not count */

/* [*from, *to) in ms. A span alone is that long until now, a time alone from there until now, today and yesterday whole. Nothing at all:
 * `default_ms` until now, or until `to` where that is all there is; 0: all time, TIME_MIN to behind TIME_MAX. 0, or ERR_INPUT with words as the API has them. */
int period_read(const struct period_text *, int64_t default_ms, const struct zone *, int64_t *from, int64_t *to, struct err *);

/* Does the text of a range say both of its ends (two times, today, yesterday, all)? Others go on with the clock: 7d, 2026-11-01. */
int period_is_fixed(struct str range);

#endif
