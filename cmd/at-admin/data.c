/* data.c - what leaves a store and comes back: backups, what there is of one user. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "at-admin.h"
#include "base/cmd.h"
#include "base/out.h"
#include "base/time.h"
#include "json/json.h"
#include "store/admin.h"

/* ---- backup and restore */

int
data_backup(struct err *err)
{
	char *path = NULL;
	int rc;

	if (want.n != 1 || !*want.words[0])
		return err_set(err, ERR_USAGE, "backup: say where to, backup DIR");
	if (want.dry) {
		if ((rc = store_there(err)))
			return rc;
		buf_printf(say(), "%s: would be copied into %s\n", cmd_settings()->store, want.words[0]);
		return 0;
	}
	if ((rc = store_backup_all(cmd_settings()->store, want.words[0], time_now(), want.keep, &path, err)) == 0)
		rc = access_note("backup", "-", path, err);
	if (rc == 0)
		buf_printf(say(), "%s\n", path);
	free(path);
	return rc;
}

static int
restore_tenant(void *self, const char *name)
{
	struct err *err = self;
	struct store_restored r;
	struct buf what = { 0 };
	int rc = store_restore(cmd_settings()->store, name, want.words[0], want.until, access_erasures, NULL, &r, err);

	if (rc == 0) {
		buf_printf(&what, "%s", r.from ? r.from : "nothing");
		if (r.next)
			buf_printf(&what, " and %lld events of %s", (long long)r.added, r.next);
		if (r.erased)
			buf_printf(&what, ", without %lld events of users erased since", (long long)r.erased);
		if (!cmd_settings()->quiet)
			cmd_say("%s: %lld events, of %s", name, (long long)r.events, buf_text(&what));
		rc = access_note("restore", name, buf_text(&what), err);
	}
	buf_release(&what);
	free(r.from);
	free(r.next);
	if (rc == ERR_INPUT && want.all) {      /* it came later than the others, which have their turn */
		cmd_fail(err);
		err_clear(err);
		rc = 0;
	}
	return rc;
}

/* What would be taken, without doing it. */
static int
plan(struct err *err)
{
	struct store_restored r;
	int rc = store_restore_plan(want.words[0], want.until, &r, err);

	if (rc == 0)
		buf_printf(say(), "%s%s%s would be taken\n", r.from ? r.from : "", r.from && r.next ? ", and what came after it of " : "", r.next ? r.next : "");
	free(r.from);
	free(r.next);
	return rc;
}

static int
is_ready(void *self, const char *name)
{
	return store_restore_ready(cmd_settings()->store, name, self);
}

/* Every tenant of the backup; users, keys and audit too where the store has none. */
static int
restore_all(struct err *err)
{
	struct store_restored r;
	int rc = store_restore_plan(want.words[0], want.until, &r, err);

	if (rc == 0 && !store_has_system(cmd_settings()->store)) {     /* the backup's audit tells of no erasure since */
		if ((rc = store_tenants(r.from ? r.from : r.next, is_ready, err, err)) == 0)
			rc = store_restore_system(cmd_settings()->store, r.from ? r.from : r.next, err);
	} else if (rc == 0 && cmd_settings()->verbose)
		cmd_say("users, keys and audit stay as they are");
	if (rc == 0)
		rc = store_tenants(r.from ? r.from : r.next, restore_tenant, err, err);
	free(r.from);
	free(r.next);
	return rc;
}

int
data_restore(struct err *err)
{
	struct buf tenant = { 0 };
	int rc, fresh = !is_there("format");

	if (want.n != 1 || !*want.words[0])
		return err_set(err, ERR_USAGE, "restore: say from where, restore DIR");
	buf_printf(&tenant, "tenants/%s/data.mdb", cmd_settings()->tenant);
	rc = want.dry || (!want.all && !is_there(buf_text(&tenant))) || fresh ? 0 : sure(err, "putting the backup in the place of what is there");
	buf_release(&tenant);
	if (rc)
		return rc;
	if (want.dry)
		return plan(err);
	if (!want.all && !fresh)
		return restore_tenant(err, cmd_settings()->tenant);
	return restore_all(err);
}

/* ---- one user */

static int
no_user(const char *verb, struct err *err)
{
	if (want.user && *want.user && want.n == 0)
		return 0;
	return err_set(err, ERR_USAGE, "%s: say of whom, --user ID", verb);
}

static int
is_user(void *self, struct str user)
{
	return str_eq(user, *(const struct str *)self);
}

static int
put_row(void *self, int64_t time, struct str json)
{
	(void)time;
	if (store_row_names(json_checked(json), is_user, self)) {
		buf_str(say(), json);
		buf_byte(say(), '\n');
		out_row(out_stdout());
	}
	return 0;
}

static int
put_sample(void *self, const struct store_sample *x)
{
	if (!store_row_names(json_checked(x->labels), is_user, self))
		return 0;
	buf_lit(say(), "{\"metric\":");
	json_put_string(say(), x->metric);
	buf_lit(say(), ",\"timestamp\":");
	json_put_time(say(), x->time);
	if (x->window.n) {
		buf_lit(say(), ",\"window\":");
		json_put_string(say(), x->window);
	}
	buf_lit(say(), ",\"labels\":");
	buf_str(say(), x->labels);
	buf_byte(say(), ',');
	json_put_key(say(), x->field);
	json_put_double(say(), x->value);
	buf_lit(say(), "}\n");
	out_row(out_stdout());
	return 0;
}

static int
export(struct store *s, const char *name, struct err *err)
{
	struct str user = str_of(want.user);
	struct store_range range = { .from = TIME_MIN, .to = TIME_MAX + 1, .user_id = user, .by_time = 1 };
	struct store_scan *scan = store_scan_open(s, &range, err);
	struct event ev;
	int rc = scan ? 1 : err->code;

	(void)name;
	while (rc > 0 && !cmd_stopping() && (rc = store_scan_next(scan, &ev, err)) > 0)
		if (str_eq(ev.user_id, user)) {
			event_put(say(), &ev);
			buf_byte(say(), '\n');
			out_row(out_stdout());
		}
	store_scan_close(scan);
	if (rc == 0)
		rc = store_each_sample(s, (struct str){ 0 }, TIME_MIN, TIME_MAX + 1, put_sample, &user, err);
	for (size_t i = 0; store_row_kinds[i] && rc == 0; i++)
		rc = store_each_row(s, store_row_kinds[i], TIME_MIN, TIME_MAX + 1, put_row, &user, err);
	return rc;
}

int
data_export(struct err *err)
{
	int rc = no_user("export", err);

	return rc ? rc : on_tenants(export, STORE_READ, err);
}

static int
erase(struct store *s, const char *name, struct err *err)
{
	struct store_dropped gone;
	char mask[STORE_MASK_LEN + 8] = "user ";
	int rc = store_erase_user(s, str_of(want.user), time_now(), want.dry, &gone, err);

	if (rc == 0 && want.dry) {
		buf_printf(say(), "%s: %lld events would go, and series, anomalies, alerts and insights of the user\n", name, (long long)gone.events);
		return 0;
	}
	store_mask(s, str_of(want.user), mask + 5);
	mask[5 + STORE_MASK_LEN] = 0;
	if (rc || (rc = access_note(ACCESS_ERASED, name, mask, err)))
		return rc;
	if ((rc = store_shred(s, err)) < 0)
		return err_at(err, "%s: the user is erased, but traces stay in free pages of the file until at-admin compact", name);
	if (!cmd_settings()->quiet)
		cmd_say("%s: %lld events and %lld samples gone%s", name, (long long)gone.events, (long long)gone.samples,
		    rc ? "; another process has the tenant open, so that traces stay in free pages of the file until at-admin compact finds it alone" : "");
	return 0;
}

int
data_erase(struct err *err)
{
	int rc = no_user("erase", err);

	if (rc == 0 && !want.dry)
		rc = sure(err, "erasing a user");
	return rc ? rc : on_tenants(erase, STORE_WRITE, err);
}
