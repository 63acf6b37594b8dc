/* silence.c - at-admin silence: alerts that are not to be heard for a while. */
#include <stdlib.h>

#include "alert/silences.h"
#include "at-admin.h"
#include "base/cmd.h"
#include "base/time.h"

#define USUAL_MS (2 * 3600000LL)        /* without --expires */

/* NAME=VALUE… as {"match":{…},"until":…}. */
static int
put_given(struct buf *given, struct err *err)
{
	int64_t until = time_now() + USUAL_MS;

	if (want.expires && expires_at(&until, err))
		return err->code;
	buf_lit(given, "{\"match\":{");
	for (int i = 1; i < want.n; i++) {
		const char *equal = strchr(want.words[i], '=');

		if (!equal || equal == want.words[i] || str_utf8_fault(str_of(want.words[i])) >= 0)
			return err_set(err, ERR_USAGE, "silence add: '%.60s' is no NAME=VALUE, alert=many is one", want.words[i]);
		buf_lit(given, i > 1 ? "," : "");
		json_put_key(given, (struct str){ want.words[i], (size_t)(equal - want.words[i]) });
		json_put_string(given, str_of(equal + 1));
	}
	buf_lit(given, "},\"until\":");
	json_put_time(given, until);
	buf_byte(given, '}');
	return 0;
}

/* What is said is looked through before a store is opened, and made where there is none. */
static int
add(struct err *err)
{
	struct buf given = { 0 }, record = { 0 }, id = { 0 };
	struct store *s = NULL;
	int rc = put_given(&given, err);

	if (rc == 0)
		rc = silences_check(json_value(buf_get(&given)), time_now(), err);
	if (rc == 0)
		rc = tenant_there(err);
	if (rc == 0 && want.dry)
		buf_printf(say(), "%.*s: would be made\n", STR_FMT(buf_get(&given)));
	else if (rc == 0 && !(s = store_open(cmd_settings()->store, cmd_settings()->tenant, STORE_CREATE, err)))
		rc = err->code;
	if (s && (rc = store_begin(s, err)) == 0) {
		if ((rc = silences_tidy(s, time_now(), err)) == 0)
			rc = silences_put(s, (struct str){ 0 }, json_value(buf_get(&given)), str_of(access_who()), time_now(), &record, err);
		if (rc)
			store_abort(s);
		else
			rc = store_commit(s, err);
	}
	if (rc == ERR_INPUT)
		rc = err->code = ERR_USAGE;
	if (s && rc == 0) {
		buf_str(say(), json_text(json_get(json_value(buf_get(&record)), STR("id")), &id));
		buf_byte(say(), '\n');
		access_note("silence.create", cmd_settings()->tenant, buf_text(&id), err);
	}
	store_close(s);
	buf_release(&given);
	buf_release(&record);
	buf_release(&id);
	return rc;
}

struct listing { const char *tenant; int rows; };

static int
list_one(void *self, struct str id, struct str value)
{
	const struct listing *l = self;
	struct json v = json_value(value);
	struct buf whole = { 0 }, text = { 0 };

	silences_show(&whole, v, time_now());
	if (l->rows) {
		put_row_of(l->tenant, buf_get(&whole));
	} else {
		if (want.all)
			put_column(str_of(l->tenant), 16);
		put_column(id, 18);
		put_column(json_text(json_get(json_value(buf_get(&whole)), STR("state")), &text), 8);
		put_column(json_text(json_get(v, STR("until")), &text), TIME_LEN + 1);
		put_column(json_raw(json_get(v, STR("match"))), 0);
		buf_byte(say(), '\n');
	}
	buf_release(&whole);
	buf_release(&text);
	return 0;
}

static int
list(struct store *s, const char *name, struct err *err)
{
	struct listing l = { .tenant = name };

	return as_rows(err, &l.rows) ? err->code : store_each_state(s, SILENCES, list_one, &l, err);
}

static int
take_away(struct store *s, const char *id, struct err *err)
{
	struct buf record = { 0 };
	int rc = store_get_state(s, SILENCES, str_of(id), &record, err);

	buf_release(&record);
	if (rc <= 0)
		return rc < 0 ? rc : err_set(err, ERR_IO, "silence remove: there is none '%.60s', see at-admin silence list", id);
	if (want.dry)
		buf_printf(say(), "silence %s: would go\n", id);
	if (want.dry || (rc = store_begin(s, err)))
		return want.dry ? 0 : rc;
	if ((rc = store_drop_state(s, SILENCES, str_of(id), err))) {
		store_abort(s);
		return rc;
	}
	return (rc = store_commit(s, err)) ? rc : access_note("silence.remove", cmd_settings()->tenant, id, err);
}

int
silence_verb(struct err *err)
{
	const char *what = want.n ? want.words[0] : "";
	int adds = strcmp(what, "add") == 0, lists = strcmp(what, "list") == 0, rc;
	struct store *s;

	if (!(adds && want.n > 1) && !(lists && want.n == 1) && !(strcmp(what, "remove") == 0 && want.n == 2))
		return err_set(err, ERR_USAGE, "silence: say add NAME=VALUE… [--expires 2h], list or remove ID");
	if (lists)
		return on_tenants(list, STORE_READ, err);
	if (of_one("silence", err))
		return err->code;
	if (adds)
		return add(err);
	if (!(s = store_open(cmd_settings()->store, cmd_settings()->tenant, want.dry ? STORE_READ : STORE_WRITE, err)))
		return err->code;
	rc = take_away(s, want.words[1], err);
	store_close(s);
	return rc;
}
