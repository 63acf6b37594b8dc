/* feedback.c - at-admin feedback: anomalies that were true, or false, so that at-detect learns of them. */
#include <stdio.h>

#include "at-admin.h"
#include "base/cmd.h"
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

/* {"metric":…,"labels":…,"field":…,"timestamp":…,"true":…}: a key is metric, labels and field as they stood, a byte 0 between. */
static void
show(void *self, struct str key, struct str time, int is_true)
{
	struct str part;

	(void)self;
	str_cut(&key, 0, &part);
	buf_lit(say(), "{\"metric\":");
	buf_str(say(), part.n ? part : STR("null"));
	str_cut(&key, 0, &part);
	if (part.n) {
		buf_lit(say(), ",\"labels\":");
		buf_str(say(), part);
	}
	buf_lit(say(), ",\"field\":");
	json_put_string(say(), key);
	buf_lit(say(), ",\"timestamp\":");
	buf_str(say(), time);
	buf_printf(say(), ",\"true\":%s}\n", is_true ? "true" : "false");
}

int
feedback_verb(struct err *err)
{
	static char *none[] = { NULL };
	const char *what = want.n ? want.words[0] : "";
	int list = strcmp(what, "list") == 0 && want.n == 1, is_true = strcmp(what, "true") == 0, rc;
	struct store *s;

	if (!list && !is_true && strcmp(what, "false"))
		return err_set(err, ERR_USAGE, "feedback: say true or false, and give the rows that at-detect wrote, or list");
	if (!list)
		return mark_all(is_true, want.n > 1 ? want.words + 1 : none, err);
	if (!(s = store_open(cmd_settings()->store, cmd_settings()->tenant, STORE_READ, err)))
		return err->code;
	rc = feedback_each(s, show, NULL, err);
	store_close(s);
	return rc;
}
