/* access.c - who may what: users, keys, roles, tenants, and the audit of what was done. */
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "at-admin.h"
#include "auth/audit.h"
#include "base/cmd.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/out.h"
#include "base/time.h"
#include "query/output.h"
#include "store/admin.h"

#define PASSWORD_MOST 1000

static struct str
tenant(void)
{
	return str_of(cmd_settings()->tenant);
}

const char *
access_who(void)
{
	static char name[100];
	const struct passwd *pw = getpwuid(getuid());

	snprintf(name, sizeof(name), pw ? "%s" : "uid %.0s%ld", pw ? pw->pw_name : "", (long)getuid());
	return name;
}

static struct auth_actor
actor(void)
{
	return (struct auth_actor){ .name = str_of(access_who()), .from = STR("cli") };
}

static struct auth *
open_auth(const struct config *config, struct err *err)
{
	return auth_open(cmd_settings()->store, config, err);
}

/* What one verb tells: as JSON only when asked, so that KEY=$(at-admin key create) is the key. */
static int
as_json(void)
{
	return want.format && strcmp(want.format, "ndjson") == 0;
}

/* ---- what is given, as the API would have it */

static void
put_list(struct buf *b, const char *name, const struct opt_list *list)
{
	if (list->n == 0)
		return;
	buf_byte(b, ',');
	json_put_key(b, str_of(name));
	for (int i = 0; i < list->n; i++) {
		buf_byte(b, i ? ',' : '[');
		json_put_string(b, str_of(list->text[i]));
	}
	buf_byte(b, ']');
}

static void
put_text(struct buf *b, const char *name, const char *text)
{
	if (!text)
		return;
	buf_byte(b, ',');
	json_put_key(b, str_of(name));
	json_put_string(b, str_of(text));
}

static void
begin(struct buf *b, const char *name)
{
	buf_lit(b, "{\"name\":");
	json_put_string(b, str_of(name));
}

/* The member as text, decoded, for messages. */
static struct str
member(const struct buf *record, const char *name, struct buf *scratch)
{
	struct json v = json_get(json_value(buf_get(record)), str_of(name));

	return json_is(v, JSON_STRING) ? json_text(v, scratch) : json_raw(v);
}

/* A list of texts for people: a,b. */
static void
put_words(struct buf *b, struct json list)
{
	struct json_iter it = json_iter(list);
	struct buf scratch = { 0 };
	int n = 0;

	while (json_is(list, JSON_ARRAY) && json_next(&it)) {
		buf_lit(b, n++ ? "," : "");
		buf_str(b, json_text(it.value, &scratch));
	}
	buf_release(&scratch);
}

/* ---- lists */

struct listing {
	const char *const *columns;
	int n;
	struct output *output;          /* NULL: NDJSON */
	struct err *err;
	struct buf *scratch;
};

static int
list_one(void *self, struct str json)
{
	struct listing *l = self;
	struct cell cell[16];

	if (!l->output) {
		buf_str(say(), json);
		buf_byte(say(), '\n');
		out_row(out_stdout());
		return 0;
	}
	for (int i = 0; i < l->n; i++) {
		struct json v = json_get(json_value(json), str_of(l->columns[i]));

		buf_clear(&l->scratch[i]);
		if (json_is(v, JSON_ARRAY)) {
			put_words(&l->scratch[i], v);
			cell[i] = (struct cell){ .type = CELL_TEXT, .text = buf_get(&l->scratch[i]) };
		} else {
			cell[i] = cell_of_json(v, &l->scratch[i]);
		}
	}
	return output_row(l->output, cell, l->n, l->err);
}

static int
list_record(void *self, struct str id, struct str json)
{
	(void)id;
	return list_one(self, json);
}

static int
list_begin(struct listing *l, const char *const *columns, struct err *err)
{
	struct output_spec spec = { .format = OUTPUT_TABLE, .to = out_stdout() };
	struct str names[16];
	int rows;

	*l = (struct listing){ .columns = columns, .err = err };
	if (as_rows(err, &rows))
		return err->code;
	while (columns[l->n]) {
		names[l->n] = str_of(columns[l->n]);
		l->n++;
	}
	l->scratch = mem_new(sizeof(*l->scratch) * 16);
	if (!rows)
		l->output = output_new(&spec, names, l->n);
	return 0;
}

static int
list_end(struct listing *l, int rc)
{
	if (l->output && output_end(l->output, l->err) && rc == 0)
		rc = l->err->code;
	for (int i = 0; i < l->n; i++)
		buf_release(&l->scratch[i]);
	free(l->scratch);
	return rc;
}

static int
list(struct auth *a, enum auth_record record, const char *const *columns, struct err *err)
{
	struct listing l;

	if (!want.all && !str_eq(tenant(), STR("*")) && tenant_there(err))
		return err->code;
	if (list_begin(&l, columns, err))
		return err->code;
	return list_end(&l, auth_list(a, record, want.all ? (struct str){ 0 } : tenant(), list_record, &l, err));
}

static int
none(struct err *err, const char *what, const char *name)
{
	return err_set(err, ERR_IO, "tenant %s has no %s '%s'", cmd_settings()->tenant, what, name);
}

static int
remove_record(struct auth *a, enum auth_record record, const char *what, const char *name, struct err *err)
{
	struct auth_actor who = actor();
	int rc = auth_remove(a, record, &who, tenant(), str_of(name), err);

	return rc == 0 ? none(err, what, name) : rc < 0 ? rc : 0;
}

/* `in` as a new record. What it says is looked through before anything is opened to write: a wrong word makes no store. */
static int
create(enum auth_record record, struct buf *in, struct buf *out, struct err *err)
{
	struct auth_actor who = actor();
	struct json given = json_checked(buf_get(in));
	struct auth *a = auth_look(cmd_settings()->store, err);
	int rc = a ? auth_create_check(a, record, &who, tenant(), given, err) : want.dry ? err->code : 0;      /* NULL: another is just making it */

	auth_close(a);
	if (rc == 0)
		err_clear(err);
	if (rc == 0 && want.dry) {
		buf_printf(say(), "%.*s: would be made\n", STR_FMT(buf_get(in)));
	} else if (rc == 0) {
		rc = (a = open_auth(NULL, err)) ? auth_create(a, record, &who, tenant(), given, out, err) : err->code;
		auth_close(a);
	}
	return rc;
}

/* What stands behind user, key, role or audit, and how many words behind that. */
struct act {
	const char *word;
	int least, most;
	const char *would;              /* CHANGES: what of the record is told with --dry-run */
	enum { LOOKS, MAKES, CHANGES } how;     /* MAKES: by create(), which opens the store itself */
	int (*call)(struct auth *, struct err *);
};

/* ---- keys */

/* "key 4fX… 'name' of tenant default: admin, until 2027-…" */
static void
tell_key(const struct buf *record, const char *what)
{
	struct buf id = { 0 }, name = { 0 }, of = { 0 }, until = { 0 };
	struct str expires = member(record, "expires", &until);

	put_words(&of, json_get(json_value(buf_get(record)), STR("roles")));
	if (!cmd_settings()->quiet)
		cmd_say("%s %.*s '%.*s' of tenant %s, roles %.*s, %s%.*s", what, STR_FMT(member(record, "id", &id)), STR_FMT(member(record, "name", &name)),
		    cmd_settings()->tenant, STR_FMT(buf_get(&of)), expires.n ? "until " : "without an end", STR_FMT(expires));
	buf_release(&id), buf_release(&name), buf_release(&of), buf_release(&until);
}

static void
give_key(const struct buf *record, int rows, const char *what)
{
	struct buf scratch = { 0 };

	buf_str(say(), rows ? buf_get(record) : member(record, "key", &scratch));
	buf_byte(say(), '\n');
	if (!rows)
		tell_key(record, what);
	buf_release(&scratch);
}

static int
create_key(struct auth *a, struct err *err)
{
	static const char *const otherwise[] = { "admin" };
	const struct opt_list admin = { (const char **)otherwise, 1 };
	struct buf in = { 0 }, out = { 0 };
	char until[TIME_LEN + 1] = "";
	int64_t at;

	(void)a;
	if (want.expires) {
		if (expires_at(&at, err))
			return err->code;
		time_print(at, until);
		until[TIME_LEN] = 0;
	}
	begin(&in, want.n > 1 ? want.words[1] : "key");
	put_list(&in, "roles", want.roles.n ? &want.roles : &admin);
	put_list(&in, "scopes", &want.scopes);
	put_text(&in, "expires", want.expires ? until : NULL);
	buf_byte(&in, '}');
	if (create(AUTH_KEYS, &in, &out, err) == 0 && !want.dry)
		give_key(&out, as_json(), "key");
	buf_release(&in);
	buf_release(&out);
	return err->code;
}

static int
rotate_key(struct auth *a, struct err *err)
{
	const char *id = want.words[1];
	struct auth_actor who = actor();
	struct buf out = { 0 };
	int rc = auth_rotate(a, &who, tenant(), str_of(id), &out, err);

	if (rc > 0)
		give_key(&out, as_json(), "the old secret is good for an hour; key");
	buf_release(&out);
	return rc == 0 ? none(err, "key", id) : rc < 0 ? rc : 0;
}

static int
revoke_keys(struct auth *a, struct err *err)
{
	int rc = 0;

	for (int i = 1; i < want.n && rc == 0; i++)
		rc = remove_record(a, AUTH_KEYS, "key", want.words[i], err);
	return rc;
}

static int
list_keys(struct auth *a, struct err *err)
{
	static const char *const columns[] = { "id", "name", "tenant", "roles", "scopes", "expires", "used", NULL };

	return list(a, AUTH_KEYS, columns, err);
}

static const struct act key_acts[] = {
	{ "create", 0, 1, NULL, MAKES, create_key },
	{ "list", 0, 0, NULL, LOOKS, list_keys },
	{ "revoke", 1, 1000, "would go", CHANGES, revoke_keys },
	{ "rotate", 1, 1, "would have a new secret", CHANGES, rotate_key },
	{ 0 }
};

/* ---- users */

/* A line without its end; from a terminal without echo. */
static int
read_line(const char *prompt, struct buf *line, struct err *err)
{
	struct termios was, now;
	int tty = isatty(0) && tcgetattr(0, &was) == 0;
	ssize_t n;
	char c;

	if (tty) {
		now = was;
		now.c_lflag &= ~(tcflag_t)ECHO;
		tcsetattr(0, TCSAFLUSH, &now);
		fprintf(stderr, "%s: ", prompt);
	}
	buf_room(line, PASSWORD_MOST);  /* no copies left behind by growing */
	while ((n = io_read(0, &c, 1)) == 1 && c != '\n' && line->n < PASSWORD_MOST)
		buf_byte(line, c);
	if (tty) {
		tcsetattr(0, TCSAFLUSH, &was);
		fputc('\n', stderr);
	}
	if (line->n && line->p[line->n - 1] == '\r')
		line->n--;
	return n < 0 ? err_set(err, ERR_IO, "stdin: %m") : line->n == PASSWORD_MOST ? err_set(err, ERR_INPUT, "the password is too long") : 0;
}

static void
forget(struct buf *b)
{
	if (b->p)
		explicit_bzero(b->p, b->cap);
	buf_release(b);
}

/* From a terminal twice, else the first line of stdin; never an argument, which everybody can see. */
static int
read_password(struct buf *password, struct err *err)
{
	struct buf again = { 0 };
	int rc = read_line("password (12 characters or more)", password, err);

	if (rc == 0 && isatty(0) && (rc = read_line("again", &again, err)) == 0 && !str_eq(buf_get(password), buf_get(&again)))
		rc = err_set(err, ERR_INPUT, "they are not the same");
	if (rc == 0 && str_utf8_fault(buf_get(password)) >= 0)
		rc = err_set(err, ERR_INPUT, "the password is no UTF-8");
	forget(&again);
	return rc;
}

static int
put_password(struct buf *in, struct err *err)
{
	struct buf password = { 0 };
	int rc = read_password(&password, err);

	buf_lit(in, ",\"password\":");
	buf_room(in, 6 * PASSWORD_MOST);
	json_put_string(in, buf_get(&password));
	forget(&password);
	return rc;
}

static void
tell(const char *what, const char *name, struct buf *out)
{
	if (as_json()) {
		buf_str(say(), buf_get(out));
		buf_byte(say(), '\n');
	} else if (!cmd_settings()->quiet) {
		cmd_say("%s %s of tenant %s", what, name, cmd_settings()->tenant);
	}
}

static int
add_user(struct auth *a, struct err *err)
{
	struct buf in = { 0 }, out = { 0 };
	const char *name = want.words[1];

	(void)a;
	begin(&in, name);
	put_list(&in, "roles", &want.roles);
	if (want.dry || put_password(&in, err) == 0) {
		buf_byte(&in, '}');
		if (create(AUTH_USERS, &in, &out, err) == 0 && !want.dry)
			tell("user", name, &out);
	}
	forget(&in);
	buf_release(&out);
	return err->code;
}

static int
new_password(struct auth *a, struct err *err)
{
	const char *name = want.words[1];
	struct auth_actor who = actor();
	struct buf in = { 0 }, out = { 0 };
	int rc = 0;

	begin(&in, name);
	if (put_password(&in, err) == 0) {
		buf_byte(&in, '}');
		if ((rc = auth_change(a, AUTH_USERS, &who, tenant(), str_of(name), json_checked(buf_get(&in)), &out, err)) > 0)
			tell("a new password for user", name, &out);
		else if (rc == 0)
			none(err, "user", name);
	}
	forget(&in);
	buf_release(&out);
	return err->code;
}

/* What an authenticator app is given, and the codes for when it is lost. */
static void
give_mfa(const struct buf *record)
{
	struct buf scratch = { 0 };
	struct json_iter it = json_iter(json_get(json_value(buf_get(record)), STR("codes")));

	buf_printf(say(), "secret %.*s\n", STR_FMT(member(record, "secret", &scratch)));
	buf_printf(say(), "%.*s\n", STR_FMT(member(record, "uri", &scratch)));
	while (json_next(&it))
		buf_printf(say(), "%.*s\n", STR_FMT(json_text(it.value, &scratch)));
	buf_release(&scratch);
}

static int
user_mfa(struct auth *a, struct err *err)
{
	const char *name = want.words[1];
	const int on = want.n == 2;
	struct auth_actor who = actor();
	struct buf out = { 0 };
	int rc = auth_mfa(a, &who, tenant(), str_of(name), on, &out, err);

	if (rc > 0 && on && !as_json())
		give_mfa(&out);
	else if (rc > 0 && on)
		buf_printf(say(), "%.*s\n", STR_FMT(buf_get(&out)));
	if (rc > 0 && !cmd_settings()->quiet)
		cmd_say(on ? "user %s has one-time codes: the secret for his app, and ten codes for once, are shown this time only" :
		    "user %s has no one-time codes any more", name);
	forget(&out);
	return rc == 0 ? none(err, "user", name) : rc < 0 ? rc : 0;
}

static int
remove_user(struct auth *a, struct err *err)
{
	return remove_record(a, AUTH_USERS, "user", want.words[1], err);
}

static int
list_users(struct auth *a, struct err *err)
{
	static const char *const columns[] = { "name", "tenant", "roles", "disabled", "mfa", "created", NULL };

	return list(a, AUTH_USERS, columns, err);
}

static const struct act user_acts[] = {
	{ "add", 1, 1, NULL, MAKES, add_user },
	{ "list", 0, 0, NULL, LOOKS, list_users },
	{ "remove", 1, 1, "would go", CHANGES, remove_user },
	{ "password", 1, 1, "would have a new password", CHANGES, new_password },
	{ "mfa", 1, 2, "would have other one-time codes, or none", CHANGES, user_mfa },
	{ 0 }
};

/* ---- roles */

/* --sees WHAT=VALUE: rows once, the others as lists. */
static int
put_bounds(struct buf *in, struct err *err)
{
	static const struct { const char *what, *field; int once; } bounds[] = {
		{ "rows=", "rows", 1 }, { "event=", "events", 0 }, { "metric=", "metrics", 0 }, { "hide=", "hide", 0 }, { "mask=", "mask", 0 },
	};
	int known = 0;

	for (size_t b = 0; b < sizeof(bounds) / sizeof(*bounds); b++) {
		const char *of[100];
		struct opt_list list = { of, 0 };

		for (int i = 0; i < want.bounds.n && list.n < 100; i++)
			if (strncmp(want.bounds.text[i], bounds[b].what, strlen(bounds[b].what)) == 0)
				of[list.n++] = want.bounds.text[i] + strlen(bounds[b].what);
		known += list.n;
		if (bounds[b].once && list.n > 1)
			return err_set(err, ERR_USAGE, "--sees: rows= once, join conditions with 'or' and 'and'");
		if (bounds[b].once)
			put_text(in, bounds[b].field, list.n ? of[0] : NULL);
		else
			put_list(in, bounds[b].field, &list);
	}
	return known == want.bounds.n ? 0 : err_set(err, ERR_USAGE, "--sees: wants rows=COND, event=NAME, metric=NAME, hide=PROPERTY or mask=PROPERTY");
}

static int
add_role(struct auth *a, struct err *err)
{
	const struct opt_list permissions = { (const char **)want.words + 2, want.n - 2 };
	const char *name = want.words[1];
	struct buf in = { 0 }, out = { 0 };

	(void)a;
	begin(&in, name);
	put_list(&in, "permissions", &permissions);
	if (put_bounds(&in, err) == 0) {
		buf_byte(&in, '}');
		if (create(AUTH_ROLES, &in, &out, err) == 0 && !want.dry)
			tell("role", name, &out);
	}
	buf_release(&in);
	buf_release(&out);
	return err->code;
}

static int
remove_role(struct auth *a, struct err *err)
{
	return remove_record(a, AUTH_ROLES, "role", want.words[1], err);
}

static int
list_roles(struct auth *a, struct err *err)
{
	static const char *const columns[] = { "name", "tenant", "permissions", "rows", "events", "metrics", "hide", "mask", "description", NULL };

	return list(a, AUTH_ROLES, columns, err);
}

static const struct act role_acts[] = {
	{ "add", 2, 100, NULL, MAKES, add_role },
	{ "list", 0, 0, NULL, LOOKS, list_roles },
	{ "remove", 1, 1, "would go", CHANGES, remove_role },
	{ 0 }
};

/* ---- audit */

static int
verify_audit(struct auth *a, struct err *err)
{
	struct buf now = { 0 };
	int64_t n = audit_verify(a, str_of(want.n > 1 ? want.words[1] : NULL), &now, err);

	if (n >= 0 && now.n) {
		buf_str(say(), buf_get(&now));
		buf_byte(say(), '\n');
	}
	if (n >= 0 && cmd_settings()->verbose)
		cmd_say("%lld entries hold", (long long)n);
	buf_release(&now);
	return n < 0 ? (int)n : 0;
}

static int
list_audit(struct auth *a, struct err *err)
{
	static const char *const columns[] = { "timestamp", "tenant", "who", "from", "action", "object", "result", NULL };
	struct listing l;

	if (list_begin(&l, columns, err))
		return err->code;
	return list_end(&l, audit_each(a, want.all ? (struct str){ 0 } : tenant(), want.from == TIME_NONE ? TIME_MIN : want.from,
	    want.to == TIME_NONE ? TIME_MAX + 1 : want.to, list_one, &l, err));
}

static const struct act audit_acts[] = {
	{ "list", 0, 0, NULL, LOOKS, list_audit },
	{ "verify", 0, 1, NULL, LOOKS, verify_audit },
	{ 0 }
};

/* ---- with the environment open */

static int
would(struct auth *a, const struct act *act, enum auth_record record, const char *what, struct err *err)
{
	struct buf out = { 0 };
	int rc = 1;

	for (int i = 1; i < want.n && rc > 0 && (i == 1 || act->most > 2); i++)
		if ((rc = auth_get(a, record, tenant(), str_of(want.words[i]), &out, err)) > 0 && json_is(json_get(json_value(buf_get(&out)), STR("builtin")), JSON_TRUE))
			rc = err_set(err, ERR_INPUT, "'%s' is a role that is always there", want.words[i]);
		else if (rc > 0)
			buf_printf(say(), "%s %s: %s\n", what, want.words[i], act->would);
		else if (rc == 0)
			none(err, what, want.words[i]);
	buf_release(&out);
	return err->code;
}

/* The act that the words name; only what makes something needs no store that is there (and roles: some are always there). */
static int
access_verb(const char *what, const struct act *acts, enum auth_record record, const struct config *config, const char *usage, struct err *err)
{
	const char *word = want.n ? want.words[0] : acts == audit_acts ? "list" : "";
	const int n = want.n ? want.n - 1 : 0;
	const struct act *act = acts;
	struct auth *a;
	int rows;

	while (act->word && (strcmp(act->word, word) || n < act->least || n > act->most))
		act++;
	if (!act->word || (act->call == user_mfa && n == 2 && strcmp(want.words[2], "off")))
		return err_set(err, ERR_USAGE, "%s: say %s", what, usage);
	if (as_rows(err, &rows) || (act->how != LOOKS && of_one(what, err)))
		return err->code;
	if (act->how == MAKES)
		return act->call(NULL, err);
	if (act->call != list_roles && store_there(err))
		return err->code;
	if (act->how == CHANGES && !want.dry && !store_has_system(cmd_settings()->store))
		return none(err, what, want.words[1]);
	a = act->how == LOOKS || want.dry ? auth_look(cmd_settings()->store, err) : open_auth(config, err);
	if (a && act->how == CHANGES && want.dry)
		would(a, act, record, what, err);
	else if (a)
		act->call(a, err);
	auth_close(a);
	return err->code;
}

/* The secrets of one-time codes are sealed by the configuration. */
int
access_user(struct err *err)
{
	struct config *config = config_open(cmd_settings()->config, err);

	if (config)
		access_verb("user", user_acts, AUTH_USERS, config, "add NAME, list, remove NAME, password NAME or mfa NAME [off]", err);
	config_close(config);
	return err->code;
}

int
access_key(struct err *err)
{
	return access_verb("key", key_acts, AUTH_KEYS, NULL, "create [NAME], list, revoke ID… or rotate ID", err);
}

int
access_role(struct err *err)
{
	return access_verb("role", role_acts, AUTH_ROLES, NULL, "add NAME PERMISSION…, list or remove NAME", err);
}

int
access_audit(struct err *err)
{
	return access_verb("audit", audit_acts, AUTH_USERS, NULL, "list or verify [ANCHOR]", err);
}

int
access_tenant_add(const char *name, struct err *err)
{
	struct auth *a = open_auth(NULL, err);
	struct auth_actor who = actor();

	if (a)
		auth_tenant_add(a, &who, name, err);
	auth_close(a);
	return err->code;
}

int
access_tenant_remove(const char *name, struct err *err)
{
	struct auth *a = open_auth(NULL, err);
	struct auth_actor who = actor();

	if (a)
		auth_tenant_remove(a, &who, name, err);
	auth_close(a);
	return err->code;
}

struct erasures { int (*one)(void *, struct str mask, int64_t when); void *self; };

static int
take_erasure(void *self, struct str entry)
{
	const struct erasures *to = self;
	struct json action = json_get(json_value(entry), STR("action")), object = json_get(json_value(entry), STR("object"));
	struct str user = STR("user "), mask, time;
	struct buf scratch = { 0 }, when = { 0 };
	int64_t at;
	int rc = 0;

	if (json_is(action, JSON_STRING) && json_text_eq(action, STR(ACCESS_ERASED)) && json_is(object, JSON_STRING)) {
		mask = json_text(object, &scratch);
		time = json_text(json_get(json_value(entry), STR("timestamp")), &when);
		if (str_starts(mask, user) && time_parse_rfc3339(time, &at) == 0)
			rc = to->one(to->self, (struct str){ mask.p + user.n, mask.n - user.n }, at);
	}
	buf_release(&scratch);
	buf_release(&when);
	return rc;
}

int
access_erasures(void *self, const char *tenant_name, int (*one)(void *, struct str mask, int64_t when), void *to, struct err *err)
{
	struct erasures all = { one, to };
	struct buf now = { 0 };
	struct auth *a;
	int rc;

	(void)self;
	if (!store_has_system(cmd_settings()->store))
		return err_set(err, ERR_IO, "there is no audit");
	if (!(a = open_auth(NULL, err)))
		return err->code;
	rc = audit_verify(a, (struct str){ 0 }, &now, err) < 0 ? err->code :
	    audit_each(a, str_of(tenant_name), TIME_MIN, TIME_MAX + 1, take_erasure, &all, err);
	buf_release(&now);
	auth_close(a);
	return rc;
}

int
access_note(const char *action, const char *tenant_name, const char *object, struct err *err)
{
	struct auth *a = open_auth(NULL, err);
	struct auth_actor who = actor();

	if (a)
		audit_add(a, &(struct audit_entry){ .tenant = str_of(tenant_name), .who = who.name, .from = who.from, .action = str_of(action),
		    .object = str_of(object), .result = STR("ok") }, err);
	auth_close(a);
	return err->code;
}
