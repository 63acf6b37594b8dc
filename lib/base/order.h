/* order.h - orders for qsort and bsearch. */
#ifndef BASE_ORDER_H
#define BASE_ORDER_H

/* Doubles from the least on. Not-a-number is not for this: leave it out before. */
static inline int
order_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

#endif
