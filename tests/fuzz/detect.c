/* Any bytes as rows: refused or judged, and what comes out is JSON. Any bytes as a saved model: refused, or it judges. */
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "detect/detect.h"
#include "detect/model.h"
#include "json/json.h"

int LLVMFuzzerTestOneInput(const unsigned char *, size_t);

static void
rows(struct str text)
{
	struct detect_spec spec = DETECT_DEFAULTS;
	struct out out = {0};
	struct err err = {0};
	struct detect *d;
	struct str row, got;
	long line = 0;

	spec.all = 1;
	d = detect_new(&spec, &out, &err);
	assert(d);
	while (text.n && str_cut(&text, '\n', &row)) {
		err_clear(&err);
		line++;
		if (str_trim(row).n && detect_row(d, row, "fuzz", line, &err) < 0)
			assert(err.code == ERR_INPUT || err.code == ERR_USAGE);
	}
	for (got = buf_get(&out.buf); got.n && str_cut(&got, '\n', &row); )
		assert(!row.n || json_check(row, &err) == 0);
	buf_release(&out.buf);
	detect_free(d);
}

static void
saved(struct str bytes)
{
	struct err err = {0};
	struct model *m = model_take(&bytes, &err);
	struct verdict v;

	if (!m)
		return;
	for (int i = 0; i < 300; i++)
		model_push(m, i * 900000LL, i % 7 ? i * 0.1 : -1e12, 0.5, &v);
	model_free(m);
}

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t n)
{
	if (n == 0)
		return 0;
	if (data[0] == 1) {             /* a saved model begins with its version */
		struct buf whole = {0};

		/* what is not given is zero, so that the fuzzer need not find the size first */
		buf_add(&whole, data, n < 4000 ? n : 4000);
		memset(buf_room(&whole, 4000), 0, 4000);
		whole.n += 4000;
		saved(buf_get(&whole));
		buf_release(&whole);
	} else
		rows((struct str){ (const char *)data, n });
	return 0;
}
