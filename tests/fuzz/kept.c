/* Any bytes as a kept state of counts: refused, or counts that come back the same. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "query/kept_priv.h"

int LLVMFuzzerTestOneInput(const unsigned char *, size_t);

static void
free_cells(struct kept_cells *x)
{
	free(x->label), free(x->start), free(x->time), free(x->count), free(x->sum);
}

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t n)
{
	struct kept_cells x = { 0 }, back = { 0 };
	struct buf b = { 0 };
	struct str state = { (const char *)data + 1, n - 1 };
	int n_by = n ? data[0] % 4 : 0;
	enum kept_kind kind = n ? data[0] / 4 % KEPT_ROWS : 0;

	if (n && kept_decode(&x, state, kind, n_by) == 0) {
		for (size_t s = 0; s < x.n_series; s++)
			for (size_t i = x.start[s] + 1; i < x.start[s + 1]; i++)
				assert(x.time[i] > x.time[i - 1] && x.count[i]);
		kept_encode(&x, &b);
		assert(kept_decode(&back, buf_get(&b), kind, n_by) == 0 && back.n == x.n && back.n_series == x.n_series);
		assert(!x.n || x.kind == KEPT_COUNT || memcmp(back.sum, x.sum, x.n * sizeof(*x.sum)) == 0);
		assert(!x.n || (memcmp(back.time, x.time, x.n * sizeof(*x.time)) == 0 && memcmp(back.count, x.count, x.n * sizeof(*x.count)) == 0));
		if (x.step == KEPT_MINUTE)
			kept_coarsen(&x, KEPT_HOUR);
	}
	free_cells(&x);
	free_cells(&back);
	buf_release(&b);
	return 0;
}
