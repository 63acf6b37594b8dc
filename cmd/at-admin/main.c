/* at-admin - look after a store: tenants, users, keys, figures, checks, room, backups. See at-admin(1). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "at-admin.h"
#include "base/cmd.h"
#include "base/mem.h"
#include "base/out.h"
#include "base/dur.h"
#include "base/time.h"
#include "base/width.h"
#include "config/config.h"
#include "store/admin.h"

struct want want = { .before = TIME_NONE, .from = TIME_NONE, .to = TIME_NONE, .until = TIME_NONE };

struct buf *
say(void)
{
	return &out_stdout()->buf;
}

int
is_there(const char *below)
{
	struct buf path = { 0 };
	struct stat st;
	int there;

	buf_printf(&path, "%s/%s", cmd_settings()->store, below);
	there = lstat(buf_text(&path), &st) == 0;
	buf_release(&path);
	return there;
}

static int
pass(void *self, const char *name)
{
	(void)self, (void)name;
	return 0;
}

int
store_there(struct err *err)
{
	return store_tenants(cmd_settings()->store, pass, NULL, err);
}

int
tenant_there(struct err *err)
{
	const char *name = cmd_settings()->tenant;
	int rc = store_tenant_name(name, err);

	if (rc || strcmp(name, "default") == 0 || store_has_tenant(cmd_settings()->store, str_of(name)))
		return rc;
	return err_set(err, ERR_IO, "%s: there is no tenant '%s', make it with `at-admin tenant add %s`", cmd_settings()->store, name, name);
}

int
of_one(const char *verb, struct err *err)
{
	return want.all ? err_set(err, ERR_USAGE, "%s: --all goes with list, this is done to one alone", verb) : 0;
}

int
expires_at(int64_t *until, struct err *err)
{
	struct err no = { 0 };
	int64_t span;

	if (dur_parse(str_of(want.expires), &span, &no) == 0 && span <= TIME_MAX - time_now())
		*until = time_now() + span;
	else if (time_parse(str_of(want.expires), cmd_settings()->zone, until, &no))
		return err_set(err, ERR_USAGE, "--expires: '%.80s' is none, it wants a span as 90d, or a time as 2027-01-31T00:00:00Z", want.expires);
	return *until > time_now() ? 0 : err_set(err, ERR_USAGE, "--expires: '%.80s' is not in the future", want.expires);
}

/* Something will be gone: asked on a terminal, refused elsewhere without --yes. */
int
sure(struct err *err, const char *what)
{
	char answer[16] = "";
	struct buf shown = { 0 };

	if (want.yes)
		return 0;
	if (!isatty(0) || !isatty(2))
		return err_set(err, ERR_USAGE, "%s is for good: add --yes, or -n to see what would go", what);
	width_put_shown(&shown, str_of(what));
	fprintf(stderr, "%s: %s is for good. Go on? [y/N] ", cmd_name(), buf_text(&shown));
	buf_release(&shown);
	if (fgets(answer, sizeof(answer), stdin) && (answer[0] == 'y' || answer[0] == 'Y'))
		return 0;
	return err_set(err, ERR_CANCEL, "nothing was done");
}

/* ---- one tenant, or with --all each of them */

struct each { on_tenant *call; int how; struct err *err; };

static int
with_tenant(void *self, const char *name)
{
	const struct each *each = self;
	struct store *s = store_open(cmd_settings()->store, name, each->how, each->err);
	int rc = s ? each->call(s, name, each->err) : each->err->code;

	store_close(s);
	if (rc && want.all && rc != ERR_USAGE) {        /* the other tenants have their turn */
		cmd_fail(each->err);
		err_clear(each->err);
		return 0;
	}
	return rc;
}

int
on_tenants(on_tenant *call, int how, struct err *err)
{
	struct each each = { call, how, err };

	if (want.all)
		return store_tenants(cmd_settings()->store, with_tenant, &each, err);
	return with_tenant(&each, cmd_settings()->tenant);
}

/* With --all also users, keys and the audit, which are of no tenant. */
static int
on_all(on_tenant *call, int how, struct err *err)
{
	struct store *s;
	int rc = on_tenants(call, how, err);

	if (rc || !want.all || !store_has_system(cmd_settings()->store))
		return rc;
	if (!(s = store_open(cmd_settings()->store, NULL, how, err)))
		return err->code;
	rc = call(s, "system", err);
	store_close(s);
	return rc;
}

/* ---- what lists print */

void
put_row_of(const char *tenant, struct str json)
{
	if (want.all && json.n > 2) {
		buf_printf(say(), "{\"tenant\":\"%s\",", tenant);     /* a tenant's name has no byte to escape */
		json = (struct str){ json.p + 1, json.n - 1 };
	}
	buf_str(say(), json);
	buf_byte(say(), '\n');
	out_row(out_stdout());
}

void
put_column(struct str text, int width)
{
	struct buf shown = { 0 };

	width_put_shown(&shown, text);
	if (width && width_of(buf_get(&shown)) <= width)
		width_put(say(), buf_get(&shown), width, 0, 0);
	else                                    /* an id is not cut: it is to be given back */
		buf_str(say(), buf_get(&shown));
	buf_lit(say(), width ? " " : "");
	buf_release(&shown);
}

/* ---- verbs */

static int
init(struct err *err)
{
	struct stat st;

	if (want.dry) {
		buf_printf(say(), "%s: %s\n", cmd_settings()->store, stat(cmd_settings()->store, &st) ? "would be made" : "is there");
		return 0;
	}
	return store_init(cmd_settings()->store, err);
}

int
as_rows(struct err *err, int *rows)
{
	if (want.format && strcmp(want.format, "ndjson") && strcmp(want.format, "table"))
		return err_set(err, ERR_USAGE, "--format: '%s' is none of table, ndjson", want.format);
	*rows = want.format ? strcmp(want.format, "ndjson") == 0 : !isatty(1);
	return 0;
}

static void
put_number(int rows, const char *name, int64_t n)
{
	if (rows)
		buf_printf(say(), ",\"%s\":%lld", name, (long long)n);
	else
		buf_printf(say(), "%-16s %20lld\n", name, (long long)n);
}

static void
put_time(int rows, const char *name, int64_t t)
{
	char text[TIME_LEN + 1] = "";

	if (t != TIME_NONE)
		time_print(t, text);
	if (rows)
		buf_printf(say(), t == TIME_NONE ? ",\"%s\":null" : ",\"%s\":\"%s\"", name, text);
	else
		buf_printf(say(), "%-16s %24s\n", name, t == TIME_NONE ? "-" : text);
}

static int
stats(struct store *s, const char *name, struct err *err)
{
	struct store_stats st;
	int rows, rc;

	if ((rc = as_rows(err, &rows)) || (rc = store_stats(s, &st, err)))
		return rc;
	buf_printf(say(), rows ? "{\"tenant\":\"%s\"" : "%-16s %20s\n", rows ? name : "tenant", name);
	put_number(rows, "format", st.format);
	put_number(rows, "events", st.events);
	put_number(rows, "tail_events", st.tail_events);
	put_number(rows, "chunks", st.chunks);
	put_number(rows, "chunk_fill_pct", st.chunk_fill_pct);
	put_time(rows, "first", st.first);
	put_time(rows, "last", st.last);
	put_number(rows, "series", st.series);
	put_number(rows, "samples", st.samples);
	put_number(rows, "bytes_file", st.bytes_file);
	put_number(rows, "bytes_used", st.bytes_used);
	put_number(rows, "bytes_free", st.bytes_free);
	put_number(rows, "readers", st.readers);
	put_number(rows, "reader_behind", st.reader_behind);
	buf_lit(say(), rows ? "}\n" : "\n");
	return 0;
}

struct finding { const char *tenant; int rows; };

static void
tell(void *self, const char *what)
{
	const struct finding *f = self;

	if (!f->rows) {
		buf_printf(say(), "%s: %s\n", f->tenant, what);
		return;
	}
	buf_printf(say(), "{\"tenant\":\"%s\",\"finding\":", f->tenant);
	json_put_string(say(), str_of(what));
	buf_lit(say(), "}\n");
}

static int
verify(struct store *s, const char *name, struct err *err)
{
	struct finding f = { .tenant = name };
	struct err found = { 0 };
	int rc;

	if ((rc = as_rows(err, &f.rows)) || (rc = store_verify(s, tell, &f, err)) < 0)
		return rc;
	if (rc > 0) {
		err_set(&found, ERR_CORRUPT, "%s: %d findings, restore the tenant from a backup, or at-admin verify mend takes out what is damaged", name, rc);
		cmd_fail(&found);
	} else if (cmd_settings()->verbose) {
		cmd_say("%s: all is well", name);
	}
	return 0;
}

static int
compact(struct store *s, const char *name, struct err *err)
{
	struct store_stats before, after;
	int rc;

	if ((rc = store_stats(s, &before, err)))
		return rc;
	if (want.dry) {
		buf_printf(say(), "%s: %lld events in the tail to seal, chunks %lld %% full, %lld of %lld bytes free\n", name,
		    (long long)before.tail_events, (long long)before.chunk_fill_pct, (long long)before.bytes_free, (long long)before.bytes_file);
		return 0;
	}
	if ((rc = store_compact(s, err)) < 0 || store_stats(s, &after, err))
		return err->code;
	if (rc > 0 && !cmd_settings()->quiet)
		cmd_say("%s: the file keeps its size: another process has the tenant open", name);
	if (cmd_settings()->verbose)
		cmd_say("%s: %lld bytes before, %lld after, chunks %lld %% full", name, (long long)before.bytes_file,
		    (long long)after.bytes_file, (long long)after.chunk_fill_pct);
	return 0;
}

static int64_t keep_events = TIME_NONE, keep_metrics = TIME_NONE;       /* what is older goes */
static struct store_ladder keep_ladder;                                 /* n 0: the configuration has none */

/* A span of the configuration, as the time it reaches back to. */
static int
span(const struct config *config, const char *path, int64_t *before, struct err *err)
{
	struct json v = config_get(config, "analytics", path);
	struct buf scratch = { 0 };
	int64_t ms;
	int rc = 0;

	if (!json_is(v, JSON_NONE)) {
		if ((rc = dur_parse(json_text(v, &scratch), &ms, err)) || ms <= 0)
			rc = rc ? err_at(err, "analytics.json: %s", path) : err_set(err, ERR_USAGE, "analytics.json: %s: longer than nothing", path);
		else
			*before = time_now() - ms;
	}
	buf_release(&scratch);
	return rc;
}

/* retention.metrics: a span, or a ladder of roll-ups; what is no sample goes with its last rung. */
static int
metrics_kept(const struct config *config, struct err *err)
{
	int rc = store_ladder_config(config, &keep_ladder, err);

	if (rc == 0 && keep_ladder.n && keep_ladder.rung[keep_ladder.n - 1].keep_ms)
		keep_metrics = time_now() - keep_ladder.rung[keep_ladder.n - 1].keep_ms;
	return rc;
}

static int
retain_what(struct err *err)
{
	struct config *config;
	int rc;

	keep_events = keep_metrics = want.before;
	if (want.before != TIME_NONE)
		return 0;
	if (!(config = config_open(cmd_settings()->config, err)))
		return err->code;
	if ((rc = span(config, "retention.events", &keep_events, err)) == 0 &&
	    (rc = metrics_kept(config, err)) == 0 && keep_events == TIME_NONE && keep_ladder.n == 0)
		rc = err_set(err, ERR_USAGE, "nothing says how long to keep: give --before TIME, or \"retention\":{\"events\":\"90d\"} in analytics.json");
	config_close(config);
	return rc;
}

static int
retain(struct store *s, const char *name, struct err *err)
{
	const int ladder = keep_ladder.n > 1;
	struct store_dropped gone, more = { 0 };
	char what[80];
	int rc = store_retain(s, keep_events, want.dry && ladder ? time_now() - keep_ladder.rung[0].keep_ms : keep_metrics, want.dry, &gone, err);

	if (rc == 0 && ladder && !want.dry && (rc = store_ladder_set(s, &keep_ladder, err)) == 0)
		rc = store_retain_ladder(s, time_now(), 0, &more, err);
	if (rc)
		return rc;
	gone.samples += more.samples;
	snprintf(what, sizeof(what), "%lld events and %lld samples", (long long)gone.events, (long long)gone.samples);
	if (want.dry) {
		buf_printf(say(), "%s: %s would go\n", name, what);
		return 0;
	}
	if (cmd_settings()->verbose)
		cmd_say("%s: %s gone", name, what);
	if (access_note("retain", name, what, err))
		return err->code;
	return gone.unread ? err_set(err, ERR_CORRUPT, "%s: %s; what cannot be read stays as it is (%lld), all else that is older is gone: "
	    "at-admin restore puts a backup in its place", name, gone.left.text, (long long)gone.unread) : 0;
}

static int
print_name(void *self, const char *name)
{
	buf_printf(say(), self ? "{\"name\":\"%s\"}\n" : "%s\n", name);        /* a tenant's name has no byte to escape */
	return 0;
}

static int
has_name(void *self, const char *name)
{
	return strcmp(self, name) == 0;
}

static int
tenant(struct err *err)
{
	const char *dir = cmd_settings()->store, *what = want.n ? want.words[0] : "", *name = want.n > 1 ? want.words[1] : NULL;
	char question[128];
	int rc, rows;

	if (strcmp(what, "list") == 0 && want.n == 1)           /* on a pipe, too, a name a line: for loops of the shell */
		return as_rows(err, &rows) ? err->code : store_tenants(dir, print_name, want.format && rows ? &rows : NULL, err);
	if (want.n != 2 || (strcmp(what, "add") && strcmp(what, "remove")))
		return err_set(err, ERR_USAGE, "tenant: say add NAME, list or remove NAME");
	if (of_one("tenant", err))
		return err->code;
	if (strcmp(what, "add") == 0) {
		if ((rc = store_tenant_name(name, err)) || !want.dry)
			return rc ? rc : access_tenant_add(name, err);
		if (store_has_tenant(dir, str_of(name)))
			return err_set(err, ERR_IO, "%s: there is a tenant '%s' already", dir, name);
		buf_printf(say(), "%s: would be made\n", name);
		return 0;
	}
	if ((rc = store_tenants(dir, has_name, (void *)name, err)) < 0)
		return rc;
	if (rc == 0)
		return err_set(err, ERR_IO, "%s: there is no tenant '%s'", dir, name);
	if (want.dry) {
		buf_printf(say(), "%s: would go with all its events\n", name);
		return 0;
	}
	snprintf(question, sizeof(question), "removing tenant %s and all its events", name);
	return (rc = sure(err, question)) ? rc : access_tenant_remove(name, err);
}

static int
mend(struct store *s, const char *name, struct err *err)
{
	struct store_mended done;
	char what[160];

	if (store_mend(s, want.words[1], want.dry, &done, err))
		return err->code;
	snprintf(what, sizeof(what), "%lld damaged pieces with %lld events", (long long)done.pieces, (long long)done.events);
	if (want.dry) {
		buf_printf(say(), "%s: %s would be taken out, %lld chunks made anew\n", name, what, (long long)done.again);
		return 0;
	}
	if (!cmd_settings()->quiet)
		cmd_say("%s: %s %s %s, %lld chunks made anew", name, what, done.pieces ? "are now in" : "to be put into", want.words[1], (long long)done.again);
	return done.pieces || done.again ? access_note("verify mend", name, what, err) : 0;
}

static int
verify_mend(struct err *err)
{
	if (want.n != 2 || strcmp(want.words[0], "mend"))
		return err_set(err, ERR_USAGE, "verify: want nothing more, or mend and the folder for what is taken out");
	if (!want.dry && sure(err, "taking out what cannot be read"))
		return err->code;
	return on_tenants(mend, STORE_WRITE, err);
}

static int
stats_verb(struct err *err)
{
	if (want.n && (want.n > 1 || strcmp(want.words[0], "rules")))
		return err_set(err, ERR_USAGE, "stats: '%s' is too much, see at-admin stats --help", want.words[want.n > 1]);
	return want.n ? stats_rules(err) : on_tenants(stats, STORE_READ, err);
}

static int
verify_verb(struct err *err)
{
	return want.n ? verify_mend(err) : on_all(verify, STORE_READ, err);
}

static int
compact_verb(struct err *err)
{
	return on_tenants(compact, want.dry ? STORE_READ : STORE_WRITE, err);
}

static int
retain_verb(struct err *err)
{
	int rc;

	if ((rc = retain_what(err)) || (!want.dry && (rc = sure(err, "dropping what is older"))))
		return rc;
	return on_tenants(retain, STORE_WRITE, err);
}

enum { BEFORE = 1, UNTIL = 2, KEEP = 4, USER = 8, ROLE = 16, SCOPE = 32, EXPIRES = 64, SEES = 128, PERIOD = 256 };

static const struct {
	const char *name;
	int words;      /* some may stand behind it */
	int knows;      /* which of the options that say what, how much or how long */
	int (*call)(struct err *);
} calls[] = {
	{ "init",     0, 0,                      init },
	{ "stats",    1, 0,                      stats_verb },
	{ "verify",   1, 0,                      verify_verb },
	{ "compact",  0, 0,                      compact_verb },
	{ "tenant",   1, 0,                      tenant },
	{ "user",     1, ROLE,                   access_user },
	{ "key",      1, ROLE | SCOPE | EXPIRES, access_key },
	{ "role",     1, SEES,                   access_role },
	{ "audit",    1, PERIOD,                 access_audit },
	{ "silence",  1, EXPIRES,                silence_verb },
	{ "letters",  1, 0,                      letters_verb },
	{ "feedback", 1, 0,                      feedback_verb },
	{ "retain",   0, BEFORE,                 retain_verb },
	{ "backup",   1, KEEP,                   data_backup },
	{ "restore",  1, UNTIL,                  data_restore },
	{ "archive",  1, BEFORE,                 archive_verb },
	{ "export",   0, USER,                   data_export },
	{ "erase",    0, USER,                   data_erase },
};
#define VERBS "init, stats, verify, compact, tenant, user, key, role, audit, silence, letters, feedback, retain, backup, restore, archive, export or erase"

/* What narrows one verb must not be passed over by another, which would take more than was meant: `erase --before`, `retain --user`. */
static int
check_options(const char *verb, int knows, struct err *err)
{
	const struct { int given, what; const char *option; } each[] = {
		{ want.before != TIME_NONE, BEFORE, "before" }, { want.until != TIME_NONE, UNTIL, "until" }, { want.keep != 0, KEEP, "keep" },
		{ want.user != NULL, USER, "user" }, { want.roles.n != 0, ROLE, "role" }, { want.scopes.n != 0, SCOPE, "scope" },
		{ want.expires != NULL, EXPIRES, "expires" }, { want.bounds.n != 0, SEES, "sees" },
		{ want.from != TIME_NONE, PERIOD, "from" }, { want.to != TIME_NONE, PERIOD, "to" },
	};

	for (size_t i = 0; i < sizeof(each) / sizeof(*each); i++)
		if (each[i].given && !(each[i].what & knows))
			return err_set(err, ERR_USAGE, "%s: --%s does not go with it, see at-admin %s --help", verb, each[i].option, verb);
	return 0;
}

static int
run(const char *verb, struct err *err)
{
	size_t i = 0, n = sizeof(calls) / sizeof(*calls);
	int rows;

	while (i < n && strcmp(verb, calls[i].name))
		i++;
	if (i == n)
		return err_set(err, ERR_USAGE, "there is no verb '%s', try " VERBS, verb);
	if (want.n && !calls[i].words)
		return err_set(err, ERR_USAGE, "%s: '%s' is too much, see at-admin %s --help", verb, want.words[0], verb);
	return check_options(verb, calls[i].knows, err) || as_rows(err, &rows) ? err->code : calls[i].call(err);
}

int
main(int argc, char **argv)
{
	const struct opt opts[] = {
		{ 'a', "all",    NULL,     "every tenant of the store, not one (stats, compact, retain, lists; verify: users, keys and audit too)", opt_flag, &want.all },
		{ 'n', "dry-run", NULL,    "change nothing, say what would be done", opt_flag, &want.dry },
		{ 'y', "yes",    NULL,     "do not ask before something goes for good", opt_flag, &want.yes },
		{ 'f', "format", "FORMAT", "table or ndjson (stats, verify, lists, a new key); default table on a terminal", opt_text, &want.format },
		{ 0,   "before", "TIME",   "retain: drop what is older than this, whatever the configuration says; archive: put it into files", opt_time, &want.before },
		{ 0,   "until",  "TIME",   "restore: as it was then", opt_time, &want.until },
		{ 0,   "keep",   "N",      "backup: so many stay in the folder, older ones go", opt_count, &want.keep },
		{ 0,   "user",   "ID",     "export, erase: of whom, as user_id has it", opt_text, &want.user },
		{ 0,   "role",   "ROLE",   "user, key: may what this role grants; several add up", opt_list, &want.roles },
		{ 0,   "scope",  "PERMISSION", "key: may nothing but this of what its roles grant; several add up", opt_list, &want.scopes },
		{ 0,   "expires", "WHEN",  "key: good until then, or for so long: 90d; silence: likewise (2h)", opt_text, &want.expires },
		{ 0,   "sees",   "BOUND",  "role: rows=COND, event=NAME, metric=NAME, hide=PROPERTY or mask=PROPERTY; several add up", opt_list, &want.bounds },
		{ 0,   "from",   "TIME",   "audit: what was done from this time on", opt_time, &want.from },
		{ 0,   "to",     "TIME",   "audit: what was done before this time", opt_time, &want.to },
		{ 0 }
	};
	static const char *const examples[] = {
		"at-admin stats", "at-admin verify && at-admin compact -v", "KEY=$(at-admin key create --role ingest)", NULL
	};
	static const struct cmd_verb verbs[] = {
		{ "init",    "",                             "make the store and its tenant default; fine when they are there" },
		{ "stats",   "[rules] [-a] [-f FORMAT]",     "events, chunks, series, bytes and readers of a tenant; or how often its alert rules fire" },
		{ "verify",  "[mend DIR] [-a] [-f FORMAT]",  "read everything back, tell what does not hold together; mend: take damaged events out" },
		{ "compact", "[-a] [-n]",                    "fill the chunks and give free pages back: the file gets smaller" },
		{ "tenant",  "add NAME | list | remove NAME", "make, name or remove tenants" },
		{ "user",    "add | remove | password | mfa NAME, list", "people who log in; a password is read from stdin" },
		{ "key",     "create [NAME], list, revoke | rotate ID", "keys for programs; a new one is printed once, alone" },
		{ "role",    "add NAME PERMISSION…, list, remove NAME", "what users and keys may do and see" },
		{ "audit",   "[list | verify [ANCHOR]]", "what was done by whom; verify tells whether the log is whole" },
		{ "silence", "add NAME=VALUE…, list, remove ID", "alerts of that name, severity or label are not notified for a while" },
		{ "letters", "[list [RECEIVER] | replay | drop RECEIVER [ID]]", "messages that webhooks and receivers did not take: sent again, or let go" },
		{ "feedback", "true | false [FILE…], list",  "anomalies, as at-detect wrote them, were true or false: its series alarm sooner or later" },
		{ "retain",  "[--before TIME] [-a] [-n] [-y]", "drop what is older than the time, or than retention in analytics.json says" },
		{ "backup",  "DIR [--keep N]",               "copy the whole store, while it is used, into a new folder in DIR; its name is printed" },
		{ "restore", "DIR [--until TIME] [-a] [-n] [-y]", "a tenant, or all, as in the newest backup in DIR, or as it was at a time" },
		{ "archive", "DIR --before TIME [-a] [-n] [-y]", "events older than the time into files DIR/TENANT/DAY.ndjson.gz, and off the store" },
		{ "export",  "--user ID [-a]",               "all there is of one user, as rows" },
		{ "erase",   "--user ID [-a] [-n] [-y]",     "drop all there is of one user, from the file too; a restore does not bring it back" },
		{ 0 }
	};
	const struct cmd cmd = { "at-admin", "VERB [WORD…]", "look after a store: tenants, users, keys, figures, checks, room, backups", opts, examples, verbs };
	struct err err = { 0 };

	want.words = cmd_start(&cmd, argc, argv, &want.n);
	if (want.n == 0) {
		err_set(&err, ERR_USAGE, "say what: " VERBS ", see at-admin --help");
	} else {
		want.n--;
		run(*want.words++, &err);
	}
	return cmd_end(&err);
}
