/* Any bytes as rows: refused or judged, and what comes out is JSON. Any bytes as a saved model, a saved change or saved sources:
 * refused, or it goes on. The first byte says which: 1 to 3 a model of that version, 4 sources, 5 a change,
 * 6 a counter, else rows. */
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "detect/absent.h"
#include "detect/change.h"
#include "detect/counter.h"
#include "detect/detect.h"
#include "detect/model.h"
#include "json/json.h"

int LLVMFuzzerTestOneInput(const unsigned char *, size_t);

static void
rows(struct str text)
{
	size_t n = text.n;
	struct detect_spec spec = DETECT_DEFAULTS;
	struct out out = {0};
	struct err err = {0};
	struct detect *d;
	struct str row, got;
	long line = 0;

	spec.all = n % 3 == 0;
	spec.changes = n % 3 == 1;
	spec.absent_ms = n % 2 ? 60000 : 0;
	d = detect_new(&spec, &out, &err);
	assert(d);
	while (text.n && str_cut(&text, '\n', &row)) {
		err_clear(&err);
		line++;
		if (str_trim(row).n && detect_row(d, row, "fuzz", line, &err) < 0)
			assert(err.code == ERR_INPUT || err.code == ERR_USAGE);
	}
	err_clear(&err);
	assert(detect_flush(d, &err) == 0);
	for (got = buf_get(&out.buf); got.n && str_cut(&got, '\n', &row); )
		assert(!row.n || json_check(row, &err) == 0);
	buf_release(&out.buf);
	detect_free(d);
}

static void
saved(struct str bytes)
{
	struct err err = {0};
	struct model *m = mem_new(model_size());
	struct verdict v;
	int rc = model_read(m, &bytes, &err);

	for (int i = 0; i < 300 && rc == 0; i++)
		model_push(m, i * 900000LL, i % 7 ? i * 0.1 : -1e12, 0.5, &v);
	free(m);
}

static void
saved_change(struct str bytes)
{
	struct err err = {0};
	struct change *c = mem_new(change_size());
	struct change_found found;
	int rc = change_read(c, &bytes, &err);

	for (int i = 0; i < 300 && rc == 0; i++)
		if (change_push(c, i * 900000LL, 0, i % 7 ? i * 0.1 : -1e12, &found))
			assert(found.kind <= CHANGE_VARIANCE);
	free(c);
}

static void
saved_sources(struct str bytes)
{
	struct err err = {0};
	struct absent *a = absent_new(1000);
	struct absent_found found;

	absent_take(a, bytes, &err);
	for (int i = 0; i < 100; i++)
		absent_came(a, i % 2 ? STR("a") : STR("b"), i * 100);
	while (absent_next(a, 1000000, &found))
		assert(found.usual_ms >= 0);
	absent_free(a);
}

static void
saved_counter(struct str bytes)
{
	struct err err = {0};
	struct counter c;
	struct counted counted;
	int rc = counter_read(&c, &bytes, &err);

	for (int i = 0; i < 300 && rc == 0; i++) {
		counter_push(&c, i % 2, i * 900000LL, i % 70 ? i * 0.1 : 0, &counted);
		assert(counted.times >= 1 && isfinite(counted.judged) && isfinite(counted.base));
	}
}

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t n)
{
	if (n == 0)
		return 0;
	if (data[0] == 4) {
		saved_sources((struct str){ (const char *)data + 1, n - 1 });
	} else if (data[0] == 6) {
		saved_counter((struct str){ (const char *)data + 1, n - 1 });
	} else if (data[0] <= 5) {
		struct buf whole = {0};

		/* what is not given is zero, so that the fuzzer need not find the size first */
		buf_add(&whole, data, n < 4000 ? n : 4000);
		memset(buf_room(&whole, 4000), 0, 4000);
		whole.n += 4000;
		if (data[0] == 5) {
			whole.p[0] = 1;
			saved_change(buf_get(&whole));
		} else
			saved(buf_get(&whole));
		buf_release(&whole);
	} else
		rows((struct str){ (const char *)data, n });
	return 0;
}
