/* number.h - numbers as they stand in rows, and sums of them without any rounding.
 *
 * People write decimals, so sums are kept in decimals: 0.1 + 0.2 is 0.3, integers stay integers beyond 2^53, and the
 * order in which values come or parts are merged cannot show in a single digit of the answer.
 */
#ifndef WINDOW_NUMBER_H
#define WINDOW_NUMBER_H

#include "json/json.h"

#define NUMBER_DIGITS 38                        /* significant digits that are kept; more are cut */

/* digits * 10^exp. Beyond the range of a double: ±1.7976931348623157e308, as everywhere in at; nearer to zero than
 * 1e-400: zero. */
struct number {
	__int128 digits;
	int exp;
};

/* Of a JSON number, or of a string that holds one and nothing else ("12.5", as CSV gives). 1, or 0 when it is none. */
int number_of(struct json, struct number *);
int number_read(struct str text, struct number *);
double number_double(const struct number *);
int number_cmp(const struct number *, const struct number *);
void number_put(const struct number *, struct buf *);   /* integers to 38 digits whole, others as the nearest double */
int number_is_put_whole(const struct number *);         /* does number_put lose nothing? */

/* A sum, and what follows from it. Zero-initialised is 0. */
struct number_sum {
	__int128 near;                  /* in units of 10^-9: where nearly every value falls */
	struct number_wide *far;        /* what does not; NULL as a rule */
};
void number_sum_release(struct number_sum *);
void number_sum_far(struct number_sum *, const struct number *);
void number_sum_square(struct number_sum *, const struct number *);     /* adds its square */
void number_sum_merge(struct number_sum *, const struct number_sum *from);
int  number_sum_is_whole(const struct number_sum *);    /* does number_sum_put lose nothing? */
void number_sum_put(const struct number_sum *, struct buf *);           /* as a JSON number */
void number_sum_text(const struct number_sum *, struct buf *);          /* without loss: "-123e-2" */
int  number_sum_read(struct number_sum *, struct str text);             /* adds such a text. 0 or -1 */
double number_mean(const struct number_sum *, int64_t n);
/* Over n - 1. A variance beyond the range of a double is NAN: its square root, the deviation, is not. */
double number_variance(const struct number_sum *sum, const struct number_sum *squares, int64_t n);
double number_deviation(const struct number_sum *sum, const struct number_sum *squares, int64_t n);

static inline void
number_sum_add(struct number_sum *s, const struct number *v)
{
	static const int64_t ten[] = { 1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000, 1000000000 };

	/* below 2^63 * 10^9 < 2^93 each: 2^33 values before the sum could leave 2^126 */
	if (v->exp <= 0 && v->exp >= -9 && v->digits == (int64_t)v->digits &&
	    s->near < (__int128)1 << 126 && s->near > -((__int128)1 << 126))
		s->near += v->digits * ten[9 + v->exp];
	else
		number_sum_far(s, v);
}

#endif
