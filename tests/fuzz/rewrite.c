/* Any bytes as SQL: no crash, no hang, and what comes out is text that cuts into tokens again. */
#include "query/rewrite.h"
#include "statement.h"

static int
columns(void *self, const char *sql, int (*each)(void *, struct str, struct err *), void *to, struct err *err)
{
	(void)self, (void)sql;
	return each(to, STR("a"), err) || each(to, STR("b:1"), err);
}

static int
values(void *self, const char *sql, int (*each)(void *, struct str, struct str, struct err *), void *to, struct err *err)
{
	(void)self, (void)sql;
	return each(to, STR("x"), STR("'x'"), err);
}

static int
is_property(void *self, struct str name)
{
	(void)self;
	return name.n == 1;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct rewrite_host host = { NULL, columns, values, is_property };
	struct str rest = { (const char *)data, size };
	struct rewrite r = {0};
	struct err err = {0};

	while (rest.n && !err.code && rewrite_next(&rest, &host, &r, &err) == 1) {
		struct token token;
		size_t at = 0;

		while (token_next(buf_get(&r.text), &at, &token, &err) == 1)
			;
		if (err.code || rewrite_origin(&r, r.text.n) > size)
			abort();
	}
	rewrite_complete((struct str){ (const char *)data, size });
	rewrite_release(&r);
	return 0;
}
