/* Any text taken as a state: no crash; what is accepted is written again, and that is read again as the same. */
#include <stdlib.h>

#include "sketch/distinct.h"
#include "sketch/quantile.h"
#include "sketch/topk.h"

int LLVMFuzzerTestOneInput(const unsigned char *, size_t);

#define ROUND(kind)                                                             \
static void                                                                     \
round_##kind(struct str text)                                                   \
{                                                                               \
	struct kind *first = kind##_read(text), *second;                        \
	struct buf one = { 0 }, two = { 0 };                                    \
                                                                                \
	if (!first)                                                             \
		return;                                                         \
	kind##_put(first, &one);                                                \
	if (!(second = kind##_read(buf_get(&one))))                             \
		abort();                                                        \
	kind##_put(second, &two);                                               \
	if (!str_eq(buf_get(&one), buf_get(&two)))                              \
		abort();                                                        \
	kind##_merge(first, second);                                            \
	kind##_free(first), kind##_free(second);                                \
	buf_release(&one), buf_release(&two);                                   \
}
ROUND(quantile)
ROUND(distinct)
ROUND(topk)

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	struct str text = { (const char *)data, size };

	round_quantile(text);
	round_distinct(text);
	round_topk(text);
	return 0;
}
