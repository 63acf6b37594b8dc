/* Any text as a model: refused, or every walk through it ends, at any values, and a row with its score is JSON. */
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "detect/scorer.h"
#include "json/json.h"

int LLVMFuzzerTestOneInput(const unsigned char *, size_t);

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	static const double values[] = { 0, NAN, 1, -1, 0.5, 1e300, -1e300, 3e9, INFINITY, -INFINITY, 1e-40, 16777216, 31, 32 };
	struct buf row = {0}, out = {0};
	struct err err = {0};
	struct scorer *s = scorer_new((struct str){ (const char *)data, size }, &err);

	if (!s != !!err.code)
		abort();
	if (s) {
		int n = scorer_features(s);
		double *x = mem_new((size_t)n * sizeof(*x)), *scores = mem_new((size_t)scorer_outputs(s) * sizeof(*scores));

		for (size_t v = 0; v < sizeof(values) / sizeof(*values); v++) {
			for (int i = 0; i < n; i++)
				x[i] = values[(v + (size_t)i) % (sizeof(values) / sizeof(*values))];
			scorer_score(s, x, scores);
		}
		buf_byte(&row, '{');
		for (int i = 0; i < n && i < 100; i++) {
			if (i)
				buf_byte(&row, ',');
			json_put_key(&row, scorer_feature(s, i));
			buf_lit(&row, i % 3 ? "1.5" : "\"red\"");
		}
		buf_byte(&row, '}');
		if (scorer_row(s, buf_get(&row), &out, &err) == 0 && json_check(str_trim(buf_get(&out)), &err))
			abort();
		free(x);
		free(scores);
		scorer_free(s);
	}
	buf_release(&row);
	buf_release(&out);
	return 0;
}
