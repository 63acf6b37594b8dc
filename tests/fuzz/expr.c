/* A program, a newline, a row: whatever the bytes, the native evaluator ends, its results are JSON, and all ways of asking
 * (results, truth, truth by bound fields) say the same. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "expr/expr.h"

int LLVMFuzzerTestOneInput(const unsigned char *, size_t);

static void
must(int holds)
{
	if (!holds)
		abort();
}

/* Rows are filtered by their fields without being checked whole: any bytes may stand within them. */
static void
ask_unchecked(struct expr *e, struct str row)
{
	struct json fields[PROJECT_MOST];
	struct project *project = project_new();
	struct err err = {0};

	if (expr_bind(e, project, &err) == 0 && project_row(project, row, fields, &err) == 0) {
		int truth = expr_test_fields(e, fields, &err);

		must(truth == 0 || truth == 1 || truth == ERR_INPUT || truth == ERR_LIMIT);
	}
	project_free(project);
}

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t n)
{
	const unsigned char *end = n ? memchr(data, '\n', n) : NULL;
	size_t len = end ? (size_t)(end - data) : n;
	char *program = mem_dup(data, len);
	struct str row = { end ? (const char *)end + 1 : "null", end ? n - len - 1 : 4 };
	struct err err = {0};
	struct expr *e = expr_new(program, EXPR_NATIVE_ONLY, &err);

	must(e || (err.code && err.text[0] && err.col >= 0 && err.col <= (long)strlen(program) + 1));
	if (e && json_check(row, &err) == 0) {
		struct buf out = {0};
		struct json fields[PROJECT_MOST];
		struct project *project = project_new();
		int results = expr_run(e, row, &out, &err), lines = 0;
		int truth = expr_test(e, row, &err);
		struct str rest = buf_get(&out), line;

		must(results >= 0 || results == ERR_INPUT || results == ERR_LIMIT);
		for (; results > 0 && rest.n && str_cut(&rest, '\n', &line); lines++) {
			must(str_utf8_fault(line) >= 0 || json_value(line).type != JSON_NONE);
			if (lines == 0)         /* not-a-number is true and prints as null */
				must(truth == (!str_eq(line, STR("null")) && !str_eq(line, STR("false"))) || str_eq(line, STR("null")));
		}
		must(results < 0 || lines == results);
		must(results != 0 || truth == 0);
		if (json_value(row).type == JSON_OBJECT && expr_bind(e, project, &err) == 0
		    && project_row(project, row, fields, &err) == 0)
			must(expr_test_fields(e, fields, &err) == truth || truth == ERR_LIMIT);
		project_free(project);
		buf_release(&out);
	} else if (e) {
		ask_unchecked(e, row);
	}
	expr_free(e);
	free(program);
	return 0;
}
