/* Any bytes as a batch of the tail: refused, or rows that come back the same after packing them again. */
#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"
#include "store/tail.h"

int LLVMFuzzerTestOneInput(const unsigned char *, size_t);

static int
same(struct str a, struct str b)
{
	return !a.p == !b.p && str_eq(a, b);
}

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t n)
{
	struct tail_iter it;
	struct tail_rows rows = { 0 };
	struct event *ev = NULL, one, again;
	size_t many = 0, at = 0;
	struct buf value = { 0 };

	if (tail_value((struct str){ (const char *)data, n }, 5, &it))
		return 0;
	while (tail_next(&it, &one) == 1) {
		assert(one.seq == 5 + many);
		ev = mem_grow(ev, many + 1, sizeof(*ev));
		ev[many++] = one;
		tail_rows_add(&rows, &one);
	}
	assert(rows.n == many);
	for (size_t i = 0; i < rows.n_batches; i++) {
		buf_clear(&value);
		tail_put_value(&value, &rows, &rows.batch[i]);
		assert(tail_value(buf_get(&value), 5 + at, &it) == 0);
		while (tail_next(&it, &again) == 1) {
			one = ev[at++];
			assert(again.time == one.time && again.received == one.received && again.seq == one.seq && same(again.name, one.name) &&
			    same(again.id, one.id) && same(again.user_id, one.user_id) && same(again.session_id, one.session_id) &&
			    same(again.properties, one.properties));
		}
	}
	assert(at == many);
	free(ev);
	buf_release(&value);
	tail_rows_release(&rows);
	return 0;
}
