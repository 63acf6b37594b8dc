/* rates.h - how often somebody may ask, counted over all workers together.
 *
 * Each caller has one number, the time at which what he asked so far would be over if it came at his rate (GCRA, as in ITU-T I.371): a request
 * moves it on by 1/rate and is let through while it is no more than burst/rate ahead. The numbers lie in memory that the workers share,
 * eight to a set and found by the hash of a name; a set that is full loses the one that asked least, who then begins anew. No lock: a
 * number is changed by compare and swap.
 */
#ifndef SERVE_RATES_H
#define SERVE_RATES_H

#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

struct rates;
struct rates *rates_new(struct err *);          /* before the fork */
void rates_free(struct rates *);                /* NULL is fine */

/* One request of `name` at the steady time now_ns. 0: it may pass, and is counted; else the seconds after which it may. */
double rates_take(struct rates *, struct str name, double per_second, double burst, int64_t now_ns);

#endif
