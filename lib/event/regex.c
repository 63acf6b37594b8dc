#include "event/regex_priv.h"

#include "expr/regex.h"

static void *
compile(struct str pattern, struct err *err)
{
	return regex_new(pattern, NULL, err);
}

static int
match(void *re, struct str text)
{
	struct err err = { 0 };

	return regex_find(re, text.p ? text : STR(""), 0, NULL, 0, &err);
}

static void
release(void *re)
{
	regex_free(re);
}

const struct schema_regex regex_priv = { compile, match, release };
