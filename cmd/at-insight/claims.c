/* claims.c - claims to stdout in the form that --format says, and with --save to the store. */
#include <string.h>

#include "base/cmd.h"
#include "base/out.h"
#include "store/store.h"

#include "at-insight.h"

int
put_rows(void)
{
	return want.format && strcmp(want.format, "ndjson") == 0;
}

static int
save(const struct claims *claims, struct err *err)
{
	struct store *store = store_open(cmd_settings()->store, cmd_settings()->tenant, STORE_CREATE, err);
	struct buf row = {0};
	int rc = store ? store_begin(store, err) : err->code;

	for (size_t i = 0; rc == 0 && i < claims->n; i++) {
		buf_clear(&row);
		claims_put_row(claims, &claims->list[i], &row);
		rc = store_add_row(store, "insight", claims->list[i].to, (struct str){ row.p, row.n - 1 }, err);
	}
	if (rc == 0)
		rc = store_commit(store, err);
	store_close(store);
	buf_release(&row);
	return rc;
}

int
put_claims(struct claims *claims, struct err *err)
{
	struct buf *b = &out_stdout()->buf, why = {0};

	if (want.format && !put_rows() && strcmp(want.format, "text"))
		return err_set(err, ERR_USAGE, "--format: '%s' is no form of this, text and ndjson are", want.format);
	if (want.save && save(claims, err))
		return err->code;
	if (put_rows()) {
		for (size_t i = 0; i < claims->n; i++) {
			claims_put_row(claims, &claims->list[i], b);
			out_row(out_stdout());
		}
	} else {
		claims_put_prose(claims, b, &why);
		if (claims->n == 0 && !cmd_failed())    /* of what could not be read nothing is known */
			buf_lit(b, "Nothing notable.\n");
		if (why.n && cmd_settings()->verbose)
			cmd_say("in its own words: %s", buf_text(&why));
	}
	buf_release(&why);
	return 0;
}
