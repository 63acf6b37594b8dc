/* feedback.c - at-admin feedback: anomalies that were true, or false, so that at-detect learns of them. */
#include <stdio.h>

#include "at-admin.h"
#include "base/cmd.h"
#include "base/time.h"
#include "detect/feedback.h"
#include "event/rows.h"
#include "json/json.h"

struct marking { struct store *store; int is_true; long marked; };

static int
mark(void *self, struct str row, struct err *err)
{
	struct marking *m = self;
	int n, rc;

	if (!m->store && !(m->store = store_open(cmd_settings()->store, cmd_settings()->tenant, want.dry ? STORE_WRITE : STORE_CREATE, err)))
		return err->code;
	if ((rc = store_begin(m->store, err)))          /* a row each: others write while stdin waits */
		return rc;
	n = feedback_mark(m->store, row, m->is_true, err);
	if (n < 0 || want.dry)
		store_abort(m->store);
	else if ((rc = store_commit(m->store, err)))
		return rc;
	m->marked += n > 0 ? n : 0;
	return n < 0 ? n : 0;
}

/* The store is opened, and made, with the first row. */
static int
mark_all(int is_true, char **files, struct err *err)
{
	struct marking m = { NULL, is_true, 0 };
	struct rows rows = { .row = mark, .self = &m };
	int rc = rows_read(&rows, files, err);
	char what[64];

	snprintf(what, sizeof(what), "%ld series marked %s", m.marked, is_true ? "true" : "false");
	if (rc == 0 && !cmd_settings()->quiet)
		cmd_say("%s%s", what, want.dry ? ", were it not for --dry-run" : "");
	reject_close(&rows.rejects);
	store_close(m.store);
	return rc == 0 && m.marked && !want.dry ? access_note("feedback", cmd_settings()->tenant, what, err) : rc;
}

struct listing { const char *tenant; int rows; };

/* {"metric":…,"labels":…,"field":…,"timestamp":…,"true":…}: a key is metric, labels and field as they stood, a byte 0 between. */
static void
show(void *self, struct str key, struct str time, int is_true)
{
	const struct listing *l = self;
	struct str metric, labels;
	struct buf row = { 0 }, text = { 0 };

	str_cut(&key, 0, &metric);
	str_cut(&key, 0, &labels);
	if (l->rows) {
		buf_lit(&row, "{\"metric\":");
		buf_str(&row, metric.n ? metric : STR("null"));
		if (labels.n) {
			buf_lit(&row, ",\"labels\":");
			buf_str(&row, labels);
		}
		buf_lit(&row, ",\"field\":");
		json_put_string(&row, key);
		buf_lit(&row, ",\"timestamp\":");
		buf_str(&row, time);
		buf_printf(&row, ",\"true\":%s}", is_true ? "true" : "false");
		put_row_of(l->tenant, buf_get(&row));
	} else {
		if (want.all)
			put_column(str_of(l->tenant), 16);
		put_column(json_text(json_value(time), &text), TIME_LEN);
		put_column(is_true ? STR("true") : STR("false"), 5);
		put_column(json_text(json_value(metric), &text), 24);
		put_column(key, 16);
		put_column(labels, 0);
		buf_byte(say(), '\n');
	}
	buf_release(&row);
	buf_release(&text);
}

static int
list(struct store *s, const char *name, struct err *err)
{
	struct listing l = { .tenant = name };

	return as_rows(err, &l.rows) ? err->code : feedback_each(s, show, &l, err);
}

int
feedback_verb(struct err *err)
{
	static char *none[] = { NULL };
	const char *what = want.n ? want.words[0] : "";
	int lists = strcmp(what, "list") == 0 && want.n == 1, is_true = strcmp(what, "true") == 0;

	if (!lists && !is_true && strcmp(what, "false"))
		return err_set(err, ERR_USAGE, "feedback: say true or false, and give the rows that at-detect wrote, or list");
	if (lists)
		return on_tenants(list, STORE_READ, err);
	if (of_one("feedback", err) || tenant_there(err))
		return err->code;
	return mark_all(is_true, want.n > 1 ? want.words + 1 : none, err);
}
