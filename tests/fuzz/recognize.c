/* Any text as a pattern of rows, run over any letters: refused, or a match of rows that each are their variable's; and what is remembered of
 * failed ways changes nothing. */
#include <stdlib.h>

#include "pattern/recognize.h"

int LLVMFuzzerTestOneInput(const unsigned char *, size_t);

struct rows { struct recognize *r; const unsigned char *p; size_t n; long asked; };

/* A row fits the variable whose name begins with its letter; "any" row is one of a variable X. */
static int
fits(void *self, size_t start, const uint8_t *taken, size_t n, struct err *err)
{
	struct rows *rows = self;
	struct str name = recognize_variable(rows->r, taken[n - 1]);

	if (start + n > rows->n)
		abort();
	if (++rows->asked > 100000)
		return err_set(err, ERR_LIMIT, "enough");
	return name.n && (name.p[0] == 'X' || (unsigned char)name.p[0] == rows->p[start + n - 1]);
}

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	struct str rest = { (const char *)data, size }, pattern;
	struct err err = {0};
	struct rows rows = {0};
	struct recognize *other = NULL;

	str_cut(&rest, '\n', &pattern);
	if (!(rows.r = recognize_new(pattern, &err)))
		return err.code ? 0 : (abort(), 0);
	if (!(other = recognize_new(pattern, &err)))
		abort();
	rows.p = (const unsigned char *)rest.p, rows.n = rest.n < 40 ? rest.n : 40;
	for (size_t start = 0; start < rows.n && !err.code; start++) {
		struct recognize_ask ask = { .fits = fits, .self = &rows, .rows = rows.n };
		const uint8_t *a = NULL, *b = NULL;
		size_t n = 0, m = 0;
		int one = recognize_at(rows.r, &ask, start, &a, &n, &err), two;

		ask.forgets = 1;
		two = recognize_at(other, &ask, start, &b, &m, &err);
		if (err.code)
			break;
		if (one != two || (one && (n != m || (n && memcmp(a, b, n) != 0))))
			abort();
		for (size_t i = 0; one && i < n; i++)
			if (recognize_variable(rows.r, a[i]).p[0] != 'X' && (unsigned char)recognize_variable(rows.r, a[i]).p[0] != rows.p[start + i])
				abort();
		if (two)
			recognize_forget(other);
	}
	recognize_free(rows.r);
	recognize_free(other);
	return 0;
}
