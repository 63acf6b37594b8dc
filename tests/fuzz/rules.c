/* Any text as a file of rules and as rows for them: refused or taken, never a crash; what comes out is JSON, and the same each time. */
#include <stdlib.h>

#include "alert/evaluate.h"
#include "alert/reads.h"
#include "base/mem.h"
#include "base/time.h"

int LLVMFuzzerTestOneInput(const unsigned char *, size_t);

static int
on_alert(void *self, const struct evaluate_alert *alert, struct err *err)
{
	if (json_check(alert->json, err))
		abort();
	buf_str(self, alert->json);
	buf_byte(self, '\n');
	return 0;
}

static void
run(struct json file, struct str rows, struct buf *out)
{
	struct rules *rules = rules_new(EXPR_NATIVE_ONLY);
	struct err err = { 0 };
	struct evaluate *e = NULL;
	struct str line;

	if (rules_add_all(rules, file, &err) == 0)
		reads_find(rules, NULL);
	for (int i = 0; i < rules->n; i++)
		if (rules->rule[i].reads.p && json_check(rules->rule[i].reads, &err))
			abort();
	if (!err.code && (e = evaluate_new(&(struct evaluate_spec){ .rules = rules, .alert = on_alert, .self = out, .no_clock = 1 }, &err)))
		for (long n = 1; rows.n && str_cut(&rows, '\n', &line); n++) {
			err_clear(&err);
			evaluate_row(e, line, "rows", n, &err);
		}
	if (e)
		evaluate_finish(e, &err);
	evaluate_free(e);
	rules_free(rules);
}

/* The first line is the file, the rest rows. */
int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	struct str rest = { (const char *)data, size }, line;
	struct buf once = { 0 }, again = { 0 };
	struct err err = { 0 };

	time_set_now(1795000000000);    /* of rows without a time */
	str_cut(&rest, '\n', &line);
	if (json_check(line, &err) == 0) {
		run(json_value(line), rest, &once);
		run(json_value(line), rest, &again);
		if (!str_eq(buf_get(&once), buf_get(&again)))
			abort();
	}
	buf_release(&once);
	buf_release(&again);
	return 0;
}
