/* Whatever bytes: no fault. What json_check accepts is walked to its end, and written without blanks it is accepted again
 * and stays as it is. All instruction sets say the same. */
#include <math.h>
#include <stdlib.h>

#include "json/json_priv.h"

int LLVMFuzzerTestOneInput(const unsigned char *, size_t);

static struct buf scratch, back;

/* Visit everything; whole: the text was accepted, so nothing may be wrong. */
static void
visit(struct json v, int whole, int depth)
{
	struct json_iter it = json_iter(v);
	int64_t n;
	double d, again;

	if (depth > JSON_DEPTH + 1)
		return;
	while (json_next(&it)) {
		if (it.object) {
			struct str key = json_text(it.key, &scratch);

			if (!json_text_eq(it.key, key))
				abort();
		}
		visit(it.value, whole, depth + 1);
	}
	if (whole && it.fault)
		abort();
	if (json_int64(v, &n) && v.type != JSON_NUMBER)
		abort();
	if (json_double(v, &d)) {
		buf_clear(&scratch);
		json_put_double(&scratch, d);
		if (!json_double(json_value(buf_get(&scratch)), &again) || again != d)
			abort();
	}
	if (v.type == JSON_STRING) {
		struct str text = json_text(v, &scratch);

		if (!json_text_eq(v, text))
			abort();
		if (whole) {
			struct json w;

			buf_clear(&back);
			json_put_string(&back, text);
			w = json_value(buf_get(&back));
			if (w.type != JSON_STRING || !json_text_eq(w, text))
				abort();
		}
	}
}

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	struct str text = { (const char *)data, size }, rest = text;
	struct buf once = { 0 }, twice = { 0 };
	struct err err = { 0 }, other = { 0 };
	struct json v = json_value(text);
	int whole;

	json_use(json_variants()[0]);
	whole = json_check(text, &err) == 0;
	for (int i = 1; json_variants()[i]; i++) {
		json_use(json_variants()[i]);
		if ((json_check(text, &other) == 0) != whole || other.col != err.col || strcmp(other.text, err.text) != 0)
			abort();
	}
	if (whole) {
		struct json w = json_checked(text);

		if (!v.type || w.type != v.type || w.p != v.p || w.n != v.n || w.escaped != v.escaped)
			abort();
	}
	visit(v, whole, 0);
	json_get(v, (struct str){ (const char *)data, size % 8 });
	json_index(v, (int64_t)size - 8);
	while (json_take(&rest).type)
		;
	json_put_compact(&once, v);
	if (whole) {
		struct json w = json_value(buf_get(&once));

		if (json_check(buf_get(&once), &err) != 0 || w.type != v.type)
			abort();
		json_put_compact(&twice, w);
		if (!str_eq(buf_get(&once), buf_get(&twice)))
			abort();
	}
	buf_release(&once);
	buf_release(&twice);
	return 0;
}
