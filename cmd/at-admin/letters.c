/* letters.c - at-admin letters: messages for webhooks and receivers that could not be delivered. */
#include <stdlib.h>

#include "alert/deliver.h"
#include "at-admin.h"
#include "base/cmd.h"
#include "base/time.h"

struct listing { int rows; struct store *store; struct str only; struct err *err; };        /* only: p NULL, all */

static int
list_one(void *self, struct str id, struct str json)
{
	const struct listing *l = self;
	struct json m = json_value(json), failed = json_get(m, STR("failed"));
	struct buf whose = { 0 }, type = { 0 }, why = { 0 };

	if (l->only.p && !str_eq(l->only, id))
		return 0;
	if (l->rows) {
		buf_str(say(), json);
	} else {
		buf_printf(say(), "%-36.*s %-18.*s", STR_FMT(id), STR_FMT(json_text(json_get(m, STR("webhook")), &whose)));
		buf_printf(say(), " %-16.*s ", STR_FMT(json_text(json_get(m, STR("type")), &type)));
		if (failed.type == JSON_STRING)
			buf_str(say(), (struct str){ failed.p + 1, failed.n - 2 });
		buf_printf(say(), "  %.*s", STR_FMT(json_text(json_get(m, STR("error")), &why)));
	}
	buf_byte(say(), '\n');
	buf_release(&whose);
	buf_release(&type);
	buf_release(&why);
	return 0;
}

static int
list_configured(void *self, struct str name, struct json receiver)
{
	struct listing *l = self;
	struct buf id = { 0 };
	int rc;

	(void)receiver;
	buf_lit(&id, DELIVER_CONFIGURED);
	buf_str(&id, name);
	rc = deliver_each(l->store, buf_get(&id), 1, list_one, l, l->err);
	buf_release(&id);
	return rc;
}

/* A receiver of the configuration is meant by its name, also by ":NAME" when it no longer stands there; else a webhook by its id. */
static void
put_id(struct buf *id, const char *word, struct json receivers)
{
	struct str name = str_of(word);

	if (receivers_has(receivers, name))
		buf_lit(id, DELIVER_CONFIGURED);
	buf_str(id, name);
}

int
letters_verb(struct err *err)
{
	const char *what = want.n ? want.words[0] : "list";
	int lists = strcmp(what, "list") == 0, again = strcmp(what, "replay") == 0, rc = 0;
	struct listing l = { .err = err };
	struct config *config = NULL;
	struct json receivers;
	struct buf id = { 0 };

	if (!(lists && want.n <= 2) && !((again || strcmp(what, "drop") == 0) && (want.n == 2 || want.n == 3)))
		return err_set(err, ERR_USAGE, "letters: say list [RECEIVER], replay RECEIVER [ID] or drop RECEIVER [ID]");
	if ((rc = as_rows(err, &l.rows)) || (!lists && !again && !want.dry && (rc = sure(err, "dropping messages that were not delivered"))))
		return rc;
	if (!(config = config_open(cmd_settings()->config, err)) ||
	    !(l.store = store_open(cmd_settings()->store, cmd_settings()->tenant, lists || want.dry ? STORE_READ : STORE_WRITE, err)))
		goto out;
	receivers = config_get(config, "analytics", "receivers");
	if (want.n > 1)
		put_id(&id, want.words[1], receivers);
	if (want.n > 2)
		l.only = str_of(want.words[2]);
	if (lists && want.n > 1)
		deliver_each(l.store, buf_get(&id), 1, list_one, &l, err);
	else if (lists && deliver_each(l.store, (struct str){ 0 }, 1, list_one, &l, err) == 0)
		receivers_each(receivers, list_configured, &l);
	if (lists || err->code)
		goto out;
	if (want.dry) {
		deliver_each(l.store, buf_get(&id), 1, list_one, &l, err);
	} else if ((rc = again ? deliver_replay(l.store, buf_get(&id), l.only, time_now(), err) : deliver_drop(l.store, buf_get(&id), l.only, err)) >= 0) {
		buf_printf(say(), again ? "%d wait to be sent again\n" : "%d dropped\n", rc);
		access_note(again ? "letters.replay" : "letters.drop", cmd_settings()->tenant, want.words[1], err);
	}
out:
	store_close(l.store);
	config_close(config);
	buf_release(&id);
	return err->code;
}
