/* words.h - figures as people write them: 12,345 · 3.4 % · 2.5 times · 16 Nov 2026. */
#ifndef INSIGHT_WORDS_H
#define INSIGHT_WORDS_H

#include <stdint.h>

#include "base/buf.h"
#include "base/zone.h"

void words_number(struct buf *, double);        /* three digits that matter, or all of a whole number; 1,234,567 */
void words_percent(struct buf *, double share); /* of 0.324: "32 %"; never a sign */
void words_points(struct buf *, double share);  /* the same for a difference of shares: "3.2 points" */
/* " from 12.4 to 12.6": as many digits as it takes to see how far they lie apart; a difference in points is that of the figures as they are shown, so
 * that who reads both finds that they agree. */
void words_from_to(struct buf *, double from, double to);
void words_from_to_percent(struct buf *, double from, double to);       /* of shares */
void words_points_between(struct buf *, double from, double to);
void words_count(struct buf *, double n, const char *one, const char *many);    /* "1 day", "3 days" */
void words_name(struct buf *, struct str name, int at_start);   /* user_signups: "User signups" at the start of a sentence */
void words_plural(struct buf *, struct str name, int at_start);         /* of an event: "Page views", "Searches", "Events order_shipped" */
void words_time(struct buf *, int64_t time, int64_t step_ms, const struct zone *);      /* "16 Nov 2026", with "14:00" where the step is below a day */
void words_text(struct buf *, struct str);              /* somebody's text: at most 120 bytes, without control characters */
void words_labels(struct buf *, struct str json);       /* {"country":"NL","device":"mobile"}: "country NL, device mobile"; nothing of {} */

#endif
