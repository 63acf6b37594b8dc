/* Any bytes as the head or a part of a run of ids: refused, or what is looked for is found just where it stands. */
#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"
#include "store/dedupe.h"

int LLVMFuzzerTestOneInput(const unsigned char *, size_t);

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t n)
{
	struct str all = { (const char *)data, n };
	struct dedupe_run run;
	struct dedupe_entry *e;
	struct buf sorted = { 0 };
	size_t many = n / 24, lines;
	unsigned char *filter;
	int64_t found;

	if (dedupe_run_head(all, &run) == 0) {
		assert(run.n_lines > 0 && run.lines + run.n_lines * 64 == data + n);
		dedupe_filter_has(run.lines, run.n_lines, run.n, (uint64_t)run.least);
		dedupe_filter_has(run.lines, run.n_lines, UINT64_MAX, UINT64_MAX);
	}
	dedupe_find(all, run.n, 1, 2, &found);          /* not sorted: any answer, but safe */
	if (many == 0)
		return 0;
	e = mem_grow(NULL, many, sizeof(*e));
	lines = dedupe_filter_lines(many);
	filter = mem_new(lines * 64);
	for (size_t i = 0; i < many; i++) {
		dedupe_get(all.p + i * 24, &e[i]);
		dedupe_filter_add(filter, lines, e[i].low, e[i].high);
	}
	dedupe_sort(e, many);
	dedupe_put(&sorted, e, many);
	for (size_t i = 0; i < many; i++) {
		assert(dedupe_filter_has(filter, lines, e[i].low, e[i].high));
		assert(dedupe_find(buf_get(&sorted), e[i].low, e[i].high, e[i].time, &found) == 1 && found == e[i].time);
		if (e[i].low + 1 != 0 && (i + 1 == many || e[i + 1].low > e[i].low + 1))
			assert(dedupe_find(buf_get(&sorted), e[i].low + 1, e[i].high, 0, &found) == 0);
	}
	free(filter);
	free(e);
	buf_release(&sorted);
	return 0;
}
