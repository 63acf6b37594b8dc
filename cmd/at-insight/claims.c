/* claims.c - claims to stdout, in the form that -f says. */
#include <string.h>

#include "base/out.h"

#include "at-insight.h"

int
put_rows(void)
{
	return want.format && strcmp(want.format, "ndjson") == 0;
}

int
put_claims(const struct claims *claims, struct err *err)
{
	struct buf *b = &out_stdout()->buf;
	int rows = put_rows();

	if (want.format && !rows && strcmp(want.format, "text"))
		return err_set(err, ERR_USAGE, "-f: '%s' is no form of this, text and ndjson are", want.format);
	for (size_t i = 0; i < claims->n; i++) {
		if (rows) {
			claims_put_row(claims, &claims->list[i], b);
		} else {
			claims_write(claims, &claims->list[i], b);
			buf_lit(b, ".\n");
		}
		out_row(out_stdout());
	}
	if (claims->n == 0 && !rows)
		buf_lit(b, "Nothing notable.\n");
	return 0;
}
