/* wheel.h - many deadlines that are set often and reached seldom: a wheel of slots, each a list of those due in it.
 *
 * Moving a deadline further away is a store; it is put into its new slot when the old one comes round. Nearer than its slot it is
 * moved at once. Deadlines are met up to WHEEL_TICK late.
 */
#ifndef HTTP_WHEEL_H
#define HTTP_WHEEL_H

#include <stdint.h>

#define WHEEL_TICK  128                 /* ms that a slot is wide */
#define WHEEL_SLOTS 256                 /* beyond the wheel's 33 s a deadline goes round more than once */

struct wheel_item {
	struct wheel_item *next, **here;        /* here: what points to it; NULL: in no slot */
	int64_t due, slot;                      /* ms; number of the tick that it stands in */
};

struct wheel {
	int64_t tick;                           /* the last one looked at */
	int n;                                  /* items */
	struct wheel_item *slot[WHEEL_SLOTS];
};

void wheel_init(struct wheel *, int64_t now);
void wheel_set(struct wheel *, struct wheel_item *, int64_t due);
void wheel_remove(struct wheel *, struct wheel_item *);         /* also of one that is in no slot */

/* The next that is due, taken out; NULL when there is none by now. */
struct wheel_item *wheel_next(struct wheel *, int64_t now);

/* ms until wheel_next may have something; -1: nothing is in it. */
int wheel_wait(const struct wheel *, int64_t now);

#endif
