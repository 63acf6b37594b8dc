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
	struct buf value = { 0 }, scratch = { 0 }, again_scratch = { 0 };
	struct pack pack = { 0 };
	struct str plain;

	if (tail_plain((struct str){ (const char *)data, n }, &pack, &scratch, &plain) || tail_value(plain, 5, &it))
		goto out;
	while (tail_next(&it, &one) == 1) {
		assert(one.seq == 5 + many);
		ev = mem_grow(ev, many + 1, sizeof(*ev));
		ev[many++] = one;
		tail_rows_add(&rows, &one);
	}
	assert(rows.n == many);
	for (size_t i = 0; i < rows.n_batches; i++) {
		buf_clear(&value);
		tail_put_value(&value, &rows, &rows.batch[i], &pack);
		assert(tail_plain(buf_get(&value), &pack, &again_scratch, &plain) == 0 && tail_value(plain, 5 + at, &it) == 0);
		while (tail_next(&it, &again) == 1) {
			one = ev[at++];
			assert(again.time == one.time && again.received == one.received && again.seq == one.seq && same(again.name, one.name) &&
			    same(again.id, one.id) && same(again.user_id, one.user_id) && same(again.session_id, one.session_id) &&
			    same(again.properties, one.properties));
		}
	}
	assert(at == many);
out:
	free(ev);
	pack_release(&pack);
	buf_release(&scratch);
	buf_release(&again_scratch);
	buf_release(&value);
	tail_rows_release(&rows);
	return 0;
}
