/* letters.c - at-admin letters: messages for webhooks and receivers that could not be delivered. */
#include <stdlib.h>

#include "alert/deliver.h"
#include "at-admin.h"
#include "base/cmd.h"
#include "base/time.h"

static struct json receivers;           /* of the configuration */

struct listing { int rows; const char *tenant; struct store *store; struct str only; struct err *err; };        /* only: p NULL, all */

static int
list_one(void *self, struct str id, struct str json)
{
	const struct listing *l = self;
	struct json m = json_value(json);
	struct buf text = { 0 };

	if (l->only.p && !str_eq(l->only, id))
		return 0;
	if (l->rows) {
		put_row_of(l->tenant, json);
	} else {
		if (want.all)
			put_column(str_of(l->tenant), 16);
		put_column(id, 36);
		put_column(json_text(json_get(m, STR("webhook")), &text), 18);
		put_column(json_text(json_get(m, STR("type")), &text), 16);
		put_column(json_text(json_get(m, STR("failed")), &text), TIME_LEN + 1);
		put_column(json_text(json_get(m, STR("error")), &text), 0);
		buf_byte(say(), '\n');
	}
	buf_release(&text);
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
put_id(struct buf *id, const char *word)
{
	struct str name = str_of(word);

	if (receivers_has(receivers, name))
		buf_lit(id, DELIVER_CONFIGURED);
	buf_str(id, name);
}

static int
list(struct store *s, const char *name, struct err *err)
{
	struct listing l = { .tenant = name, .store = s, .err = err };
	struct buf id = { 0 };

	if (as_rows(err, &l.rows))
		return err->code;
	if (want.n > 1) {
		put_id(&id, want.words[1]);
		deliver_each(s, buf_get(&id), 1, list_one, &l, err);
	} else if (deliver_each(s, (struct str){ 0 }, 1, list_one, &l, err) == 0) {
		receivers_each(receivers, list_configured, &l);
	}
	buf_release(&id);
	return err->code;
}

static int
replay(struct store *s, const char *name, struct err *err)
{
	struct listing l = { .tenant = name, .only = str_of(want.n > 2 ? want.words[2] : NULL), .err = err };
	const int again = strcmp(want.words[0], "replay") == 0;
	struct buf id = { 0 };
	int rc = as_rows(err, &l.rows);

	put_id(&id, want.words[1]);
	if (rc == 0 && want.dry) {
		deliver_each(s, buf_get(&id), 1, list_one, &l, err);
	} else if (rc == 0 && (rc = again ? deliver_replay(s, buf_get(&id), l.only, time_now(), err) : deliver_drop(s, buf_get(&id), l.only, err)) >= 0) {
		buf_printf(say(), again ? "%d wait to be sent again\n" : "%d dropped\n", rc);
		access_note(again ? "letters.replay" : "letters.drop", name, want.words[1], err);
	}
	buf_release(&id);
	return err->code;
}

int
letters_verb(struct err *err)
{
	const char *what = want.n ? want.words[0] : "list";
	const int lists = strcmp(what, "list") == 0, drops = strcmp(what, "drop") == 0;
	struct config *config;

	if (!(lists && want.n <= 2) && !((drops || strcmp(what, "replay") == 0) && (want.n == 2 || want.n == 3)))
		return err_set(err, ERR_USAGE, "letters: say list [RECEIVER], replay RECEIVER [ID] or drop RECEIVER [ID]");
	if ((!lists && of_one("letters", err)) || (drops && !want.dry && sure(err, "dropping messages that were not delivered")))
		return err->code;
	if (!(config = config_open(cmd_settings()->config, err)))
		return err->code;
	receivers = config_get(config, "analytics", "receivers");
	if (lists)
		on_tenants(list, STORE_READ, err);
	else
		on_tenants(replay, want.dry ? STORE_READ : STORE_WRITE, err);
	config_close(config);
	return err->code;
}
