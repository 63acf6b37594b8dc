/* complete.c - names for completion: what stands in the store, and what this command knows. */
#include <stdio.h>
#include <string.h>

#include "base/cmd.h"
#include "base/width.h"
#include "query/functions.h"
#include "query/verbs.h"
#include "store/admin.h"
#include "at-query.h"

static int
print_name(void *self, struct str name, struct err *err)
{
	struct buf safe = {0};

	(void)self, (void)err;
	width_put_shown(&safe, name);
	puts(buf_text(&safe));
	buf_release(&safe);
	return 0;
}

static int
print_event(void *self, struct str name, int64_t count, int64_t first, int64_t last)
{
	(void)count, (void)first, (void)last;
	return print_name(self, name, NULL);
}

static int
print_tenant(void *self, const char *name)
{
	return print_name(self, str_of(name), NULL);
}

static void
print_table(void *self, const char *name, const char *does)
{
	(void)does;
	print_name(self, str_of(name), NULL);
}

static void
print_function(void *self, const char *name)
{
	print_name(self, str_of(name), NULL);
}

int
complete(struct query *q, const char *kind, struct err *err)
{
	if (strcmp(kind, "verbs") == 0) {
		for (const struct table_function *const *f = verbs_all; *f && !(*f)->sql_only; f++)
			puts((*f)->name);
	} else if (strcmp(kind, "formats") == 0) {
		for (int i = 0; output_names[i]; i++)
			puts(output_names[i]);
	} else if (strcmp(kind, "functions") == 0) {
		functions_each(print_function, NULL);
	} else if (strcmp(kind, "tables") == 0) {
		query_each_table(q, print_table, NULL, err);
	} else if (strcmp(kind, "columns") == 0) {
		query_each_column(q, "events", print_name, NULL, err);
	} else if (strcmp(kind, "events") == 0) {
		if (query_store(q, err))
			store_each_name(query_store(q, err), print_event, NULL, err);
	} else if (strcmp(kind, "metrics") == 0) {
		static const char sql[] = "SELECT DISTINCT metric FROM metrics UNION SELECT DISTINCT event FROM events ORDER BY 1";
		const struct query_sink sink = { NULL, shell_print_first, NULL };
		size_t at = 0;

		query_run(q, str_of(sql), &at, NULL, 0, &sink, err);
	} else if (strcmp(kind, "tenants") == 0) {
		store_tenants(cmd_settings()->store, print_tenant, NULL, err);
	} else {
		err_set(err, ERR_USAGE, "--complete '%s': try verbs, formats, functions, tables, columns, events, metrics or tenants", kind);
	}
	return err->code;
}
