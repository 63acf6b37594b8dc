#include "event/regex_priv.h"

#include <regex.h>
#include <stdlib.h>

#include "base/mem.h"

static void *
compile(struct str pattern, struct err *err)
{
	regex_t *re = mem_new(sizeof(*re));
	char *text = mem_dup(pattern.p, pattern.n), why[100];
	int rc = regcomp(re, text, REG_EXTENDED | REG_NOSUB);

	free(text);
	if (!rc)
		return re;
	regerror(rc, re, why, sizeof(why));
	err_set(err, ERR_INPUT, "'%.*s' is no regular expression, %s", (int)(pattern.n > 80 ? 80 : pattern.n), pattern.p, why);
	free(re);
	return NULL;
}

static int
match(void *re, struct str text)
{
	regmatch_t all = { 0, (regoff_t)text.n };

	return regexec(re, text.p ? text.p : "", 0, &all, REG_STARTEND) == 0;
}

static void
release(void *re)
{
	regfree(re);
	free(re);
}

const struct schema_regex regex_priv = { compile, match, release };
