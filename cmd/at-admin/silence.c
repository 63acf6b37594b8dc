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
	const char *who = getenv("USER");
	struct store *s = NULL;
	int rc = put_given(&given, err);

	if (rc == 0)
		rc = silences_check(json_value(buf_get(&given)), time_now(), err);
	if (rc == 0 && want.dry)
		buf_printf(say(), "%.*s: would be made\n", STR_FMT(buf_get(&given)));
	else if (rc == 0 && !(s = store_open(cmd_settings()->store, cmd_settings()->tenant, STORE_CREATE, err)))
		rc = err->code;
	if (s && (rc = store_begin(s, err)) == 0) {
		if ((rc = silences_tidy(s, time_now(), err)) == 0)
			rc = silences_put(s, (struct str){ 0 }, json_value(buf_get(&given)), str_of(who), time_now(), &record, err);
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

static int
list_one(void *self, struct str id, struct str value)
{
	struct json v = json_value(value);
	struct buf whole = { 0 }, text = { 0 };
	int rows = *(int *)self;

	silences_show(&whole, v, time_now());
	if (rows) {
		buf_str(say(), buf_get(&whole));
	} else {
		struct str state = json_text(json_get(json_value(buf_get(&whole)), STR("state")), &text);

		buf_printf(say(), "%-18.*s %-8.*s ", STR_FMT(id), STR_FMT(state));
		buf_printf(say(), "%.*s  %.*s", (int)json_get(v, STR("until")).n - 2, json_get(v, STR("until")).p + 1, (int)json_get(v, STR("match")).n, json_get(v, STR("match")).p);
	}
	buf_byte(say(), '\n');
	buf_release(&whole);
	buf_release(&text);
	return 0;
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
	int adds = strcmp(what, "add") == 0, lists = strcmp(what, "list") == 0, rows, rc;
	struct store *s;

	if (!(adds && want.n > 1) && !(lists && want.n == 1) && !(strcmp(what, "remove") == 0 && want.n == 2))
		return err_set(err, ERR_USAGE, "silence: say add NAME=VALUE… [--expires 2h], list or remove ID");
	if ((rc = as_rows(err, &rows)))
		return rc;
	if (adds)
		return add(err);
	if (!(s = store_open(cmd_settings()->store, cmd_settings()->tenant, lists || want.dry ? STORE_READ : STORE_WRITE, err)))
		return err->code;
	rc = lists ? store_each_state(s, SILENCES, list_one, &rows, err) : take_away(s, want.words[1], err);
	store_close(s);
	return rc;
}
