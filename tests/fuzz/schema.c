/* Any bytes as a tracking plan, up to the first newline, and any row behind it: no answer is a crash. */
#include <stdlib.h>

#include "event/plan.h"

int LLVMFuzzerTestOneInput(const unsigned char *, size_t);

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	static struct event_reader reader;
	const unsigned char *nl = size ? memchr(data, '\n', size) : NULL;
	struct str plan = { (const char *)data, nl ? (size_t)(nl - data) : size };
	struct str row = nl ? (struct str){ (const char *)nl + 1, size - plan.n - 1 } : STR("{\"event\":\"a\",\"x\":1}");
	struct err err = { 0 };
	struct event e;
	struct plan *p = plan_new(plan, "plan", &err);

	if (!p) {
		if (!err.code || !err.text[0])
			abort();
		return 0;
	}
	if (event_read(&reader, row, &e, &err) == 0 && plan_check(p, &e, &err) < 0 && !err.text[0])
		abort();
	plan_free(p);
	return 0;
}
