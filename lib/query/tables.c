#include "query/tables.h"

#include <stdlib.h>
#include <strings.h>

#include "base/mem.h"
#include "base/time.h"
#include "query/query_priv.h"
#include "query/verbs.h"

const struct tables_entry tables_all[] = {
	{ "events", "what happened: event, timestamp, user_id, session_id, properties, a column for each property" },
	{ "metrics", "stored samples: metric, timestamp, field, value, labels, a column for each label" },
	{ "anomalies", "what at-detect found" },
	{ "alerts", "states of alert rules" },
	{ "insights", "what is worth knowing" },
	{ "audit", "who did what" },
	{ "input", "the rows of -i FILE" },
	{ 0 }
};

int
tables_add(struct query *q, struct err *err)
{
	if (tables_add_events(q) != SQLITE_OK || tables_add_samples(q) != SQLITE_OK || tables_add_rows(q) != SQLITE_OK)
		return err_set(err, ERR_IO, "SQLite: %s", sqlite3_errmsg(q->db));
	for (const struct table_function *const *f = verbs_all; *f; f++)
		if (table_function_add(q, *f, err) < 0)
			return err->code;
	return 0;
}

struct str
tables_name(struct tables_names *names, struct str name, const char *type)
{
	struct buf lower = {0}, unique = {0};
	struct map_entry *e = NULL;
	int is_new = 0;

	buf_str(&unique, name);
	for (int n = 2; !is_new; n++) {
		buf_clear(&lower);
		buf_small(&lower, buf_get(&unique));
		e = map_put(names->seen, buf_get(&lower), &is_new);
		if (!is_new) {
			buf_clear(&unique);
			buf_printf(&unique, "%.*s_%d", STR_FMT(name), n);
		}
	}
	buf_lit(&names->sql, names->n++ ? ", \"" : "CREATE TABLE x(\"");
	for (size_t i = 0; i < unique.n; i++) {
		if (unique.p[i] == '"')
			buf_byte(&names->sql, '"');
		buf_byte(&names->sql, unique.p[i]);
	}
	buf_printf(&names->sql, "\" %s", type);
	buf_release(&lower), buf_release(&unique);
	return e->key;
}

int
tables_declare(struct query *q, const char *sql)
{
	int rc;

	q->declaring = 1;
	rc = sqlite3_declare_vtab(q->db, sql);
	q->declaring = 0;
	return rc;
}

/* ---- time compared as text: the first instant whose text is not below (or is above) another text */

static int64_t
first_at(struct str text, int above)
{
	int64_t low = TIME_MIN, high = TIME_MAX + 1;    /* high: its text would do, if there were one */
	char out[TIME_LEN];

	while (low < high) {
		int64_t middle = low + (high - low) / 2;
		int order;

		time_print(middle, out);
		order = str_cmp((struct str){ out, TIME_LEN }, text);
		if (above ? order > 0 : order >= 0)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

void
tables_bound(struct tables_range *r, int op, struct str text)
{
	int64_t at = first_at(text, op == '>' || op == 'L');

	if (op == '>' || op == 'G' || op == '=')
		r->from = at > r->from ? at : r->from;
	if (op == '<' || op == 'L')
		r->to = at < r->to ? at : r->to;
	if (op == '=') {
		at = first_at(text, 1);
		r->to = at < r->to ? at : r->to;
	}
}
