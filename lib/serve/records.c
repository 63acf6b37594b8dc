/* records.c - administration: dashboards, rules and webhooks of a tenant, keys, users, roles, tenants, and logging in.
 *
 * The first three lie as JSON in the tenant's store, kind by kind, each with a version that counts its changes: that is its ETag, and
 * If-Match is looked at inside the transaction that writes, so of two who change the same one hears 412; where a PUT has none, so is the version
 * that what it sends was read at. What else only the server says is left (given.h).
 */
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/random.h>

#include "alert/deliver.h"
#include "alert/noise.h"
#include "auth/audit.h"
#include "base/dur.h"
#include "config/schema.h"
#include "serve/given.h"
#include "serve/serve_priv.h"
#include "store/admin.h"

#define RECORD_MOST (256u << 10)        /* bytes of one */
#define RECORDS_MOST 2000               /* of a kind */

struct kind { const char *name, *one, *state, *schema; };
static const struct kind kinds[] = { { "dashboards", "dashboard", "dashboard", "Dashboard" }, { "rules", "rule", "rule", "Rule" },
	{ "webhooks", "webhook", "webhook", "Webhook" } };

static const struct kind *
kind_of(const struct exchange *ex)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (strcmp(ex->route->resource, kinds[i].name) == 0)
			return &kinds[i];
	return &kinds[0];
}

static void
audit(struct exchange *ex, const char *action, struct str object, const char *result)
{
	struct err err = { 0 };

	audit_add(ex->serve->auth, &(struct audit_entry){ .tenant = ex->who ? ex->who->tenant : STR("-"), .who = ex->who ? ex->who->name : STR("-"),
	    .from = str_of(http_client(ex->request)), .action = str_of(action), .object = object, .result = str_of(result), .request = str_of(ex->id) }, &err);
}

static struct auth_actor
actor_of(const struct exchange *ex)
{
	return (struct auth_actor){ .who = ex->who, .name = ex->who->name, .from = str_of(http_client(ex->request)), .request = str_of(ex->id) };
}

/* ---- records as JSON */

static int64_t
version_of(struct json record)
{
	int64_t n = 0;

	json_int64(json_get(record, STR("version")), &n);
	return n;
}

static void
put_hidden(struct buf *b, struct json object)
{
	struct json_iter it;
	int n = 0;

	buf_byte(b, '{');
	for (it = json_iter(object); json_next(&it); ) {
		buf_lit(b, n++ ? "," : "");
		buf_str(b, json_raw(it.key));
		buf_lit(b, ":\"***\"");
	}
	buf_byte(b, '}');
}

/* Without what must not be shown again: a webhook's secret, and what its own headers say. */
static void
put_shown(struct buf *b, struct json record)
{
	struct json_iter it;
	struct buf scratch = { 0 };
	int n = 0;

	buf_byte(b, '{');
	for (it = json_iter(record); json_next(&it); ) {
		struct str key = json_text(it.key, &scratch);

		if (str_eq(key, STR("secret")))
			continue;
		buf_lit(b, n++ ? "," : "");
		json_put_key(b, key);
		if (str_eq(key, STR("headers")) && it.value.type == JSON_OBJECT)
			put_hidden(b, it.value);
		else
			buf_str(b, json_raw(it.value));
	}
	buf_byte(b, '}');
	buf_release(&scratch);
}

static int
id_is_good(struct str id)
{
	for (size_t i = 0; i < id.n; i++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-", id.p[i]) || !id.p[i])
			return 0;
	return id.n >= 1 && id.n <= 64 && id.p[0] != '.';
}

/* Those of webhooks are part of other names. */
static int
id_fits(const struct exchange *ex, struct str id)
{
	return id_is_good(id) && (kind_of(ex) != &kinds[2] || id.n <= 48);
}

static void
random_id(char *out, size_t n)
{
	static const char letters[] = "abcdefghijkmnpqrstuvwxyz23456789";
	unsigned char b[64];

	while (getrandom(b, n, 0) != (ssize_t)n)
		;
	for (size_t i = 0; i < n; i++)
		out[i] = letters[b[i] % 32];
	out[n] = 0;
}

/* RFC 7396: members of `with` replace those of `from`, null takes them out. */
static void
merge(struct buf *b, struct json from, struct json with)
{
	struct json_iter it;
	struct buf scratch = { 0 };
	int n = 0;

	if (with.type != JSON_OBJECT) {
		buf_str(b, json_raw(with));
		return;
	}
	buf_byte(b, '{');
	for (it = json_iter(from); from.type == JSON_OBJECT && json_next(&it); ) {
		struct str key = json_text(it.key, &scratch);
		struct json other = json_get(with, key);

		if (other.type == JSON_NULL)
			continue;
		buf_lit(b, n++ ? "," : "");
		json_put_key(b, key);
		if (other.type == JSON_NONE)
			buf_str(b, json_raw(it.value));
		else
			merge(b, it.value, other);
	}
	for (it = json_iter(with); json_next(&it); ) {
		struct str key = json_text(it.key, &scratch);

		if (it.value.type == JSON_NULL || json_get(from, key).type != JSON_NONE)
			continue;
		buf_lit(b, n++ ? "," : "");
		json_put_key(b, key);
		merge(b, JSON_ABSENT, it.value);
	}
	buf_byte(b, '}');
	buf_release(&scratch);
}

/* What is stored: id, what was given, and what the server says of it. */
static void
put_record(struct buf *b, struct str id, struct json given, struct json was, int64_t version, const struct exchange *ex)
{
	struct json created = json_get(was, STR("created"));
	struct json_iter it;
	struct buf scratch = { 0 };

	buf_lit(b, "{\"id\":");
	json_put_string(b, id);
	for (it = json_iter(given); json_next(&it); ) {
		struct str key = json_text(it.key, &scratch);

		if (str_eq(key, STR("id")) || str_eq(key, STR("$schema")))
			continue;
		buf_byte(b, ',');
		json_put_key(b, key);
		json_put_compact(b, it.value);
	}
	buf_printf(b, ",\"version\":%lld,\"created\":", (long long)version);
	if (created.type == JSON_STRING)
		buf_str(b, json_raw(created));
	else
		json_put_time(b, time_wall());
	buf_lit(b, ",\"changed\":");
	json_put_time(b, time_wall());
	buf_lit(b, ",\"by\":");
	json_put_string(b, ex->who->name);
	buf_byte(b, '}');
	buf_release(&scratch);
}

/* A webhook as it is to be, with what is never shown and so cannot be sent back: the secret, and headers that were shown as "***". */
static void
put_kept(struct buf *b, struct json given, struct json was)
{
	struct json old = json_get(was, STR("headers")), secret = json_get(was, STR("secret"));
	struct buf scratch = { 0 };
	struct json_iter it, head;
	int n = 0, m = 0;

	buf_byte(b, '{');
	for (it = json_iter(given); json_next(&it); ) {
		buf_lit(b, n++ ? "," : "");
		buf_str(b, json_raw(it.key));
		buf_byte(b, ':');
		if (!json_text_eq(it.key, STR("headers")) || it.value.type != JSON_OBJECT) {
			buf_str(b, json_raw(it.value));
			continue;
		}
		buf_byte(b, '{');
		for (head = json_iter(it.value); json_next(&head); ) {
			struct json before = json_get(old, json_text(head.key, &scratch));

			buf_lit(b, m++ ? "," : "");
			buf_str(b, json_raw(head.key));
			buf_byte(b, ':');
			buf_str(b, json_raw(json_text_eq(head.value, STR("***")) && before.type ? before : head.value));
		}
		buf_byte(b, '}');
	}
	if (json_get(given, STR("secret")).type == JSON_NONE && secret.type == JSON_STRING) {
		buf_lit(b, n ? ",\"secret\":" : "\"secret\":");
		buf_str(b, json_raw(secret));
	}
	buf_byte(b, '}');
	buf_release(&scratch);
}

/* Where a webhook may go, as far as its text tells; which addresses are let through is known when it is sent. */
static int
is_web(struct json url)
{
	struct buf scratch = { 0 };
	struct str text = json_text(url, &scratch);
	size_t n = text.n >= 8 && strncasecmp(text.p, "https://", 8) == 0 ? 8 : text.n >= 7 && strncasecmp(text.p, "http://", 7) == 0 ? 7 : 0;
	int good = n && text.n > n && text.p[n] != '/';

	buf_release(&scratch);
	return good;
}

static int
pass_by(void *self, const struct cell *cells, int n, struct err *err)
{
	(void)self, (void)cells, (void)n, (void)err;
	return 0;
}

/* More headers of a webhook: such as can be sent, and none that is ours to say. 0 or ERR_INPUT. */
static int
check_heads(struct json headers, struct err *err)
{
	static const char *const told[] = { "host", "content-length", "content-type", "transfer-encoding", "connection", "expect", "webhook-id", "webhook-timestamp", "webhook-signature" };
	struct buf name = { 0 }, value = { 0 };

	for (struct json_iter it = json_iter(headers); headers.type == JSON_OBJECT && !err->code && json_next(&it); ) {
		struct str n = json_text(it.key, &name), v = json_text(it.value, &value);

		if (!http_is_token(n))
			err_set(err, ERR_INPUT, "headers: a name has letters, digits and -");
		for (size_t i = 0; i < sizeof(told) / sizeof(*told) && !err->code; i++)
			if (http_same(n, str_of(told[i])))
				err_set(err, ERR_INPUT, "headers: %s is told with each message already", told[i]);
		for (size_t i = 0; i < v.n && !err->code; i++)
			if (((unsigned char)v.p[i] < 32 && v.p[i] != '\t') || v.p[i] == 127)
				err_set(err, ERR_INPUT, "headers.%.*s: holds a control character", n.n > 60 ? 60 : (int)n.n, n.p);
	}
	buf_release(&name);
	buf_release(&value);
	return err->code;
}

/* Ids of widgets stand in links' paths; that no two have the same one the schema says. 0 or ERR_INPUT. */
static int
check_widgets(struct json widgets, struct err *err)
{
	struct buf scratch = { 0 };
	int n = 0;

	for (struct json_iter it = json_iter(widgets); widgets.type == JSON_ARRAY && !err->code && json_next(&it); n++) {
		struct str id = json_text(json_get(it.value, STR("id")), &scratch);

		if (memchr(id.p ? id.p : "", '/', id.n) || str_eq(id, STR(".")) || str_eq(id, STR("..")))
			err_set(err, ERR_INPUT, "widgets[%d].id: '%.*s' cannot be part of a link's path: no /, nor dots alone", n, id.n > 60 ? 60 : (int)id.n, id.p);
	}
	buf_release(&scratch);
	return err->code;
}

/* A statement of a rule that can never be asked: no SQL at all, or more than reading. What it reads may come yet. 0, or answered. */
static int
check_statement(struct exchange *ex)
{
	struct str sql = exchange_text(ex, json_get(ex->body, STR("sql")));
	struct err err = { 0 };
	struct query *q;

	if (!sql.p || !principal_may(ex->who, AUTH_READ, "query", (struct str){ 0 }))
		return 0;
	if (!(q = exchange_query(ex)))
		return ERR_IO;
	if (query_begin(q, &err) == 0)
		query_plan(q, sql, (struct cell_sink){ pass_by, NULL }, &err);
	query_end(q);
	if (!strstr(err.text, "only reading is allowed") && !strstr(err.text, "syntax error") && !strstr(err.text, "is a second one"))
		return 0;
	exchange_problem(ex, 422, "sql: %s", err.text);
	return ERR_INPUT;
}

/* Would headers that are never shown go to another server than the one they were given for, by somebody who need not know them? `said` is what
 * came, `given` what is to be. */
static int
leads_away(struct json said, struct json given, struct json was)
{
	struct buf to = { 0 }, from = { 0 }, scratch = { 0 };
	struct str there = http_origin(json_text(json_get(given, STR("url")), &to)), before = http_origin(json_text(json_get(was, STR("url")), &from));
	struct json headers = json_get(given, STR("headers")), old = json_get(was, STR("headers")), here = json_get(said, STR("headers"));
	int away = 0;

	if (!str_eq(there, before) && headers.type == JSON_OBJECT)
		for (struct json_iter it = json_iter(headers); json_next(&it); ) {
			struct str name = json_text(it.key, &scratch);
			struct json v = json_get(here, name);

			away |= json_get(old, name).type != JSON_NONE && (v.type == JSON_NONE || json_text_eq(v, STR("***")));
		}
	buf_release(&to), buf_release(&from), buf_release(&scratch);
	return away;
}

/* ---- earlier versions of a dashboard: what it was before each change, the latest VERSIONS of them, as "ID/0000000007" */

#define VERSIONS 50

static int
keep_version(struct store *store, struct str id, struct str record, int64_t version, struct err *err)
{
	char name[96], old[96];
	int n = snprintf(name, sizeof(name), "%.*s/%010lld", STR_FMT(id), (long long)version), m = snprintf(old, sizeof(old), "%.*s/%010lld", STR_FMT(id),
	    (long long)version - VERSIONS);

	if (store_put_state(store, "dashboard_version", (struct str){ name, (size_t)n }, record, err))
		return err->code;
	return version > VERSIONS ? store_drop_state(store, "dashboard_version", (struct str){ old, (size_t)m }, err) : 0;
}

/* With the dashboard its versions go: another one of its name has none. */
static int
drop_versions(struct store *store, struct str id, int64_t version, struct err *err)
{
	int rc = 0;

	for (int64_t v = version > VERSIONS ? version - VERSIONS : 1; v < version && rc >= 0; v++) {
		char name[96];
		int n = snprintf(name, sizeof(name), "%.*s/%010lld", STR_FMT(id), (long long)v);

		rc = store_drop_state(store, "dashboard_version", (struct str){ name, (size_t)n }, err);
	}
	return rc < 0 ? rc : 0;
}

/* ---- changing one, in the commit's thread */

enum how { CREATE, REPLACE, PATCH, REMOVE };
enum { REFUSED_NONE = 1, REFUSED_THERE, REFUSED_MATCH, REFUSED_VERSION, REFUSED_MANY, REFUSED_SCHEMA, REFUSED_RIGHTS, REFUSED_SHARED, REFUSED_ERROR };

struct change {
	struct serve_job job;
	struct exchange *ex;
	const struct kind *kind;
	enum how how;
	struct str id;
	struct str match, unmatch;      /* If-Match, If-None-Match; p NULL: none */
	struct buf was, merged, whole, record;
	struct buf what;                /* of a dashboard: how its shared links name it */
	int is_new;
};

static int
count_one(void *self, struct str name, struct str value)
{
	(void)name, (void)value;
	return ++*(int *)self > RECORDS_MOST;
}

static int
tag_matches(struct str match, int64_t version)
{
	struct str piece;
	char tag[32];

	snprintf(tag, sizeof(tag), "\"v%lld\"", (long long)version);
	while (str_cut(&match, ',', &piece)) {
		piece = str_trim(piece);
		if (str_eq(piece, STR("*")) || str_eq(piece, str_of(tag)))
			return 1;
	}
	return 0;
}

/* What was wrong with a rule as it was. */
static int
drop_trouble(const struct change *c, struct store *store, struct err *err)
{
	return c->kind == &kinds[1] ? store_drop_state(store, ALERTS_TROUBLE, c->id, err) : 0;
}

static int
change(struct serve_job *job, struct store *store, struct err *err)
{
	struct change *c = (struct change *)(void *)job;
	struct json was, given = c->ex->body;
	int64_t version = 0, read;
	int there = store_get_state(store, c->kind->state, c->id, &c->was, err), n = 0, shared;

	if (there < 0)
		return there;
	was = there ? json_value(buf_get(&c->was)) : JSON_ABSENT;
	version = there ? version_of(was) : 0;
	if (c->how == CREATE && there)
		return REFUSED_THERE;
	if (!there && (c->how == PATCH || c->how == REMOVE))
		return REFUSED_NONE;
	if ((c->match.p && (!there || !tag_matches(c->match, version))) || (c->unmatch.p && there && tag_matches(c->unmatch, version)))
		return REFUSED_MATCH;
	if (c->how == REPLACE && there && !c->match.p && json_int64(json_get(c->ex->sent, STR("version")), &read) && read != version)
		return REFUSED_VERSION;         /* where it is not there any more, or not yet, it is made */
	if (c->how == REMOVE && c->kind == &kinds[2] && deliver_forget(store, c->id, err) < 0)
		return err->code;
	if (c->how == REMOVE && c->kind == &kinds[0] && drop_versions(store, c->id, version, err) < 0)
		return err->code;
	if (c->how == REMOVE)
		return drop_trouble(c, store, err) < 0 ? err->code : store_drop_state(store, c->kind->state, c->id, err);
	if (!there && (store_each_state(store, c->kind->state, count_one, &n, err) > 0 || n > RECORDS_MOST))
		return REFUSED_MANY;
	if (c->how == PATCH) {
		struct buf plain = { 0 };

		given_put(&plain, c->ex->route->answer, was);
		merge(&c->merged, json_value(buf_get(&plain)), given);
		buf_release(&plain);
		given = json_value(buf_get(&c->merged));
		if (serve_exchange_schema(c->kind->schema, given, err))
			return REFUSED_SCHEMA;
	}
	if (c->kind == &kinds[0] && (shared = auth_share_exceeds(c->ex->serve->auth, c->ex->who, buf_get(&c->what), err)))
		return shared < 0 ? REFUSED_ERROR : REFUSED_SHARED;             /* no matter of the others in this transaction */
	if (c->kind == &kinds[1] && json_get(given, STR("sql")).type != JSON_NONE && !principal_may(c->ex->who, AUTH_READ, "query", (struct str){ 0 }))
		return REFUSED_RIGHTS;          /* its alerts say what the statement answers */
	if (c->kind == &kinds[1] && alerts_check_rule(given, err))
		return REFUSED_SCHEMA;
	if (c->kind == &kinds[2] && !is_web(json_get(given, STR("url")))) {
		err_set(err, ERR_INPUT, "url: wants http:// or https://, and a host");
		return REFUSED_SCHEMA;
	}
	if ((c->kind == &kinds[2] && check_heads(json_get(given, STR("headers")), err)) || (c->kind == &kinds[0] && check_widgets(json_get(given, STR("widgets")), err)))
		return REFUSED_SCHEMA;
	if (there && c->kind == &kinds[2] && leads_away(c->ex->body, given, was)) {
		err_set(err, ERR_INPUT, "url: another server, so give the values of its headers again, or null");
		return REFUSED_SCHEMA;
	}
	if (there && c->kind == &kinds[2]) {
		put_kept(&c->whole, given, was);
		given = json_value(buf_get(&c->whole));
	}
	put_record(&c->record, c->id, given, was, version + 1, c->ex);
	c->is_new = !there;
	if (c->record.n > RECORD_MOST)
		return REFUSED_MANY;
	if (!there && c->kind == &kinds[2] && hooks_begin(store, err))
		return err->code;
	if (there && c->kind == &kinds[0] && keep_version(store, c->id, buf_get(&c->was), version, err) < 0)
		return err->code;
	if (drop_trouble(c, store, err) < 0)
		return err->code;
	return store_put_state(store, c->kind->state, c->id, buf_get(&c->record), err);
}

static void
set_tag(struct exchange *ex, int64_t version)
{
	char tag[24];

	snprintf(tag, sizeof(tag), "v%lld", (long long)version);
	exchange_etag(ex, str_of(tag));
}

static void
what_of(struct str id, struct buf *what)
{
	buf_lit(what, "dashboard ");
	buf_str(what, id);
}

/* With the dashboard its links go: another one of its name is not what they were made for. */
static void
drop_shares(struct exchange *ex, struct str id)
{
	struct auth_actor actor = actor_of(ex);
	struct buf what = { 0 };
	struct err err = { 0 };

	what_of(id, &what);
	while (auth_share_remove(ex->serve->auth, &actor, buf_get(&what), (struct str){ 0 }, &err) > 0)
		;
	buf_release(&what);
}

static void
change_record(struct exchange *ex, enum how how, struct str id, struct str secret)
{
	static const char *const done[] = { "create", "change", "change", "remove" };
	struct change c = { .job = { .run = change }, .ex = ex, .kind = kind_of(ex), .how = how, .id = id, .match = http_header(ex->request, "If-Match"),
		.unmatch = http_header(ex->request, "If-None-Match") };
	struct err err = { 0 };
	struct serve_tenant *t = serve_tenant(ex->serve, ex->who->tenant, &err);
	struct buf shown = { 0 };
	char action[40];
	int rc;

	what_of(id, &c.what);
	rc = c.kind == &kinds[1] && how != REMOVE ? check_statement(ex) : 0;
	if (rc) {
		buf_release(&c.what);
		return;
	}
	rc = t ? serve_tenant_write(t, &c.job, &err) : err.code;
	snprintf(action, sizeof(action), "%s.%s", c.kind->one, done[how]);
	switch (rc) {
	case 0:
		audit(ex, action, id, "ok");
		if (c.kind == &kinds[2])
			hooks_wake(ex->serve->hooks);
		if (c.kind == &kinds[0] && how == REMOVE)
			drop_shares(ex, id);
		if (how == REMOVE) {
			exchange_none(ex);
			break;
		}
		put_shown(&shown, json_value(buf_get(&c.record)));
		if (secret.n) {                 /* once */
			shown.n--;
			buf_lit(&shown, ",\"secret\":");
			json_put_string(&shown, secret);
			buf_byte(&shown, '}');
		}
		set_tag(ex, version_of(json_value(buf_get(&c.record))));
		if (c.is_new)
			exchange_place(ex, c.kind->name, id);
		exchange_json(ex, c.is_new ? 201 : 200, &shown);
		break;
	case REFUSED_NONE:
		exchange_problem(ex, 404, "no %s '%.*s'", c.kind->one, STR_FMT(id));
		break;
	case REFUSED_THERE:
		exchange_problem(ex, 409, "there is a %s '%.*s' already, change it with PUT or PATCH", c.kind->one, STR_FMT(id));
		break;
	case REFUSED_MATCH:
		if (c.match.p)
			exchange_problem(ex, 412, "the %s was changed meanwhile, read it again and change that", c.kind->one);
		else
			exchange_problem(ex, 412, "there is a %s '%.*s' already", c.kind->one, STR_FMT(id));
		break;
	case REFUSED_VERSION:
		exchange_problem(ex, 412, "version: the %s was changed meanwhile, read it again and change that; If-Match: * puts this in its place nevertheless", c.kind->one);
		break;
	case REFUSED_MANY:
		exchange_problem(ex, 422, "more than %d %s, or one larger than %u KiB", RECORDS_MOST, c.kind->name, RECORD_MOST >> 10);
		break;
	case REFUSED_SCHEMA:
		exchange_problem(ex, 422, "%s", c.job.err.text);
		break;
	case REFUSED_ERROR:
		exchange_error(ex, &c.job.err);
		break;
	case REFUSED_SHARED:
		exchange_problem(ex, 403, "a shared link shows this dashboard with rights that you do not have: it has to be taken back first");
		break;
	case REFUSED_RIGHTS:
		exchange_problem(ex, 403, "a rule with sql asks what your roles do not allow: read:query");
		break;
	default:
		exchange_error(ex, &err);
	}
	buf_release(&c.was);
	buf_release(&c.merged);
	buf_release(&c.whole);
	buf_release(&c.record);
	buf_release(&c.what);
	buf_release(&shown);
}

/* ---- dashboards of the configuration: to be read, not changed */

static struct json
configured(const struct exchange *ex, struct str id)
{
	struct json all = config_get(ex->config, "dashboards", "dashboards"), one = config_get(ex->config, "dashboards", "");
	struct json_iter it;

	if (json_text_eq(json_get(one, STR("id")), id))
		return one;
	for (it = json_iter(all); all.type == JSON_ARRAY && json_next(&it); )
		if (json_text_eq(json_get(it.value, STR("id")), id))
			return it.value;
	return JSON_ABSENT;
}

static void
put_configured(struct buf *b, struct json dashboard)
{
	put_shown(b, dashboard);
	b->n--;
	buf_lit(b, ",\"readonly\":true}");
}

static int
is_configured(struct exchange *ex, struct str id)
{
	if (kind_of(ex) != &kinds[0] || configured(ex, id).type != JSON_OBJECT)
		return 0;
	exchange_problem(ex, 409, "dashboard '%.*s' stands in config/dashboards.json, change it there or take another id", STR_FMT(id));
	return 1;
}

/* ---- their routes */

/* What is wrong with a rule, and how much it says, for who sees all that it is judged on: an error may have a value in it. The text ends with the
 * record's bracket. */
static void
put_judged(struct exchange *ex, struct store *store, struct str id, struct buf *shown)
{
	struct buf trouble = { 0 };
	struct noise_of noise;
	struct err err = { 0 };

	if (ex->who->policy)
		return;
	shown->n--;
	if (noise_find(store, ALERTS_STATE, id, time_now(), &noise, &err) == 0) {
		buf_byte(shown, ',');
		noise_put(shown, &noise);
	}
	if (store_get_state(store, ALERTS_TROUBLE, id, &trouble, &err) > 0) {
		buf_lit(shown, ",\"state\":");
		buf_str(shown, buf_get(&trouble));
	}
	buf_byte(shown, '}');
	buf_release(&trouble);
}

struct listing { struct exchange_list list; struct store *store; };

static int
list_one(void *self, struct str name, struct str value)
{
	struct listing *l = self;
	struct exchange *ex = l->list.ex;
	struct buf *item;

	if (ex->route->action == AUTH_READ && !principal_may(ex->who, AUTH_READ, ex->route->resource, name))
		return 0;
	item = exchange_list_item(&l->list);
	put_shown(item, json_value(value));
	if (kind_of(ex) == &kinds[1])
		put_judged(ex, l->store, name, item);
	return 0;
}

static void
list_configured(struct exchange_list *l, struct json dashboard)
{
	struct buf id = { 0 };

	if (principal_may(l->ex->who, AUTH_READ, "dashboards", json_text(json_get(dashboard, STR("id")), &id)))
		put_configured(exchange_list_item(l), dashboard);
	buf_release(&id);
}

static void
list_records(struct exchange *ex)
{
	const struct kind *kind = kind_of(ex);
	struct listing l;
	struct store *store = exchange_store(ex);
	struct json all = config_get(ex->config, "dashboards", "dashboards"), one = config_get(ex->config, "dashboards", "");
	struct json_iter it;
	struct err err = { 0 };

	if (!store)
		return;
	l.store = store;
	exchange_list_begin(&l.list, ex, kind->name);
	if (kind == &kinds[0] && json_get(one, STR("id")).type == JSON_STRING)
		list_configured(&l.list, one);
	for (it = json_iter(all); kind == &kinds[0] && all.type == JSON_ARRAY && json_next(&it); )
		list_configured(&l.list, it.value);
	store_each_state(store, kind->state, list_one, &l, &err);
	exchange_list_end(&l.list, &err);
}

static void
get_record(struct exchange *ex)
{
	const struct kind *kind = kind_of(ex);
	struct store *store = exchange_store(ex);
	struct json config = kind == &kinds[0] ? configured(ex, ex->segment[0]) : JSON_ABSENT;
	struct buf value = { 0 }, json = { 0 };
	struct err err = { 0 };
	int rc;

	if (!store)
		return;
	if (config.type == JSON_OBJECT) {
		put_configured(&json, config);
		exchange_json(ex, 200, &json);
	} else if ((rc = store_get_state(store, kind->state, ex->segment[0], &value, &err)) < 0) {
		exchange_error(ex, &err);
	} else if (rc == 0) {
		exchange_problem(ex, 404, "no %s '%.*s'", kind->one, (int)(ex->segment[0].n > 64 ? 64 : ex->segment[0].n), ex->segment[0].p);
	} else {
		set_tag(ex, version_of(json_value(buf_get(&value))));
		put_shown(&json, json_value(buf_get(&value)));
		if (kind == &kinds[1])
			put_judged(ex, store, ex->segment[0], &json);
		exchange_json(ex, 200, &json);
	}
	buf_release(&value);
	buf_release(&json);
}

static void
create_record(struct exchange *ex)
{
	struct str id = exchange_text(ex, json_get(ex->body, STR("id"))), secret = { 0 };
	char made[16];
	struct buf body = { 0 };
	struct err err = { 0 };

	if (!id.n) {
		random_id(made, 12);
		id = str_of(made);
	} else if (!id_fits(ex, id)) {
		exchange_problem(ex, 422, "id: wants 1 to %d of A-Z a-z 0-9 _ . -", kind_of(ex) == &kinds[2] ? 48 : 64);
		return;
	}
	if (serve_exchange_may(ex, id) || is_configured(ex, id))
		return;
	if (kind_of(ex) == &kinds[2] && json_get(ex->body, STR("secret")).type == JSON_NONE) {
		buf_add(&body, ex->body.p, ex->body.n - 1);
		buf_lit(&body, ",\"secret\":\"");
		if (deliver_secret(&body, &err)) {
			buf_release(&body);
			exchange_error(ex, &err);
			return;
		}
		buf_lit(&body, "\"}");
		ex->body = json_value(buf_get(&body));
		secret = exchange_text(ex, json_get(ex->body, STR("secret")));
	}
	change_record(ex, CREATE, id, secret);
	buf_release(&body);
}

static int
segment_is_good(struct exchange *ex)
{
	if (id_fits(ex, ex->segment[0]))
		return 1;
	exchange_problem(ex, 404, "no such id: they have 1 to 64 of A-Z a-z 0-9 _ . -");
	return 0;
}

static void
put_one(struct exchange *ex)
{
	if (segment_is_good(ex) && !is_configured(ex, ex->segment[0]))
		change_record(ex, REPLACE, ex->segment[0], (struct str){ 0 });
}

static void
patch_one(struct exchange *ex)
{
	struct json_iter it;
	struct buf scratch = { 0 };

	if (!segment_is_good(ex) || is_configured(ex, ex->segment[0]))
		return;
	for (it = json_iter(ex->body); json_next(&it); ) {
		struct str key = json_text(it.key, &scratch);

		if (given_is_read_only(ex->route->answer, key) || str_eq(key, STR("id"))) {
			exchange_problem(ex, 422, "%.*s: is not to be set", STR_FMT(key));
			buf_release(&scratch);
			return;
		}
	}
	buf_release(&scratch);
	change_record(ex, PATCH, ex->segment[0], (struct str){ 0 });
}

static void
remove_one(struct exchange *ex)
{
	if (segment_is_good(ex) && !is_configured(ex, ex->segment[0]))
		change_record(ex, REMOVE, ex->segment[0], (struct str){ 0 });
}

struct versions { struct buf json; struct str id; int n; };

static void
put_version(struct versions *v, struct json record)
{
	struct json widgets = json_get(record, STR("widgets"));
	struct json_iter it = json_iter(widgets);
	int n = 0;

	while (widgets.type == JSON_ARRAY && json_next(&it))
		n++;
	buf_printf(&v->json, "%s{\"version\":%lld,\"widgets\":%d", v->n++ ? "," : "", (long long)version_of(record), n);
	for (const char *const names[] = { "title", "changed", "by" }, *const *name = names; name < names + 3; name++)
		if (json_get(record, str_of(*name)).type == JSON_STRING) {
			buf_byte(&v->json, ',');
			json_put_key(&v->json, str_of(*name));
			buf_str(&v->json, json_raw(json_get(record, str_of(*name))));
		}
	buf_byte(&v->json, '}');
}

static int
list_version(void *self, struct str name, struct str value)
{
	struct versions *v = self;

	if (name.n == v->id.n + 11 && str_starts(name, v->id) && name.p[v->id.n] == '/')
		put_version(v, json_value(value));
	return 0;
}

/* The oldest first, the present one last. */
static void
list_versions(struct exchange *ex)
{
	struct versions v = { .id = ex->segment[0] };
	struct store *store = exchange_store(ex);
	struct buf now = { 0 };
	struct err err = { 0 };
	int rc;

	if (!store)
		return;
	rc = store_get_state(store, "dashboard", v.id, &now, &err);
	buf_lit(&v.json, "{\"versions\":[");
	if (rc > 0)
		rc = store_each_state(store, "dashboard_version", list_version, &v, &err) < 0 ? err.code : 1;
	if (rc > 0)
		put_version(&v, json_value(buf_get(&now)));
	buf_lit(&v.json, "]}");
	if (rc < 0)
		exchange_error(ex, &err);
	else if (rc == 0)
		exchange_problem(ex, 404, "no dashboard of this id has versions");
	else
		exchange_json(ex, 200, &v.json);
	buf_release(&v.json);
	buf_release(&now);
}

static void
get_version(struct exchange *ex)
{
	struct store *store = exchange_store(ex);
	struct buf value = { 0 }, json = { 0 };
	struct err err = { 0 };
	int64_t wanted = 0;
	char name[96];
	int rc = 0, n = 0;

	if (!store)
		return;
	if (id_is_good(ex->segment[0]) && str_int64(ex->segment[1], &wanted) == 0 && wanted > 0 && wanted < 9999999999)
		n = snprintf(name, sizeof(name), "%.*s/%010lld", STR_FMT(ex->segment[0]), (long long)wanted);
	if (n && (rc = store_get_state(store, "dashboard_version", (struct str){ name, (size_t)n }, &value, &err)) == 0 &&
	    (rc = store_get_state(store, "dashboard", ex->segment[0], &value, &err)) > 0 && version_of(json_value(buf_get(&value))) != wanted)
		rc = 0;
	if (rc < 0) {
		exchange_error(ex, &err);
	} else if (rc == 0) {
		exchange_problem(ex, 404, "there is no such version");
	} else {
		put_shown(&json, json_value(buf_get(&value)));
		exchange_json(ex, 200, &json);
	}
	buf_release(&value);
	buf_release(&json);
}

/* ---- shared links of a dashboard: what they show is shared.c */

static int
dashboard_is(struct exchange *ex)
{
	struct store *store = exchange_store(ex);
	struct buf value = { 0 };
	struct err err = { 0 };
	int rc;

	if (!store)
		return 0;
	rc = configured(ex, ex->segment[0]).type == JSON_OBJECT ? 1 : store_get_state(store, "dashboard", ex->segment[0], &value, &err);
	buf_release(&value);
	if (rc < 0)
		exchange_error(ex, &err);
	else if (rc == 0)
		exchange_problem(ex, 404, "no dashboard '%.*s'", (int)(ex->segment[0].n > 64 ? 64 : ex->segment[0].n), ex->segment[0].p);
	return rc > 0;
}

static int
list_share(void *self, struct str json)
{
	struct exchange_list *l = self;

	buf_str(exchange_list_item(l), json);
	return 0;
}

static void
list_shares(struct exchange *ex)
{
	struct exchange_list l;
	struct buf what = { 0 };
	struct err err = { 0 };

	if (!dashboard_is(ex))
		return;
	what_of(ex->segment[0], &what);
	exchange_list_begin(&l, ex, "shares");
	auth_share_list(ex->serve->auth, ex->who->tenant, buf_get(&what), list_share, &l, &err);
	exchange_list_end(&l, &err);
	buf_release(&what);
}

#define SHARE_MOST (90 * 86400000LL)

/* In the tenant's transaction, as changes of the dashboard are: who sees less than the maker changes it before there is the link, or not at all. */
struct sharing { struct serve_job job; struct exchange *ex; struct str what; int64_t expires; struct buf out; };

static int
share(struct serve_job *job, struct store *store, struct err *err)
{
	struct sharing *s = (struct sharing *)(void *)job;
	struct auth_actor actor = actor_of(s->ex);
	struct buf value = { 0 };
	int rc = configured(s->ex, s->ex->segment[0]).type == JSON_OBJECT ? 1 : store_get_state(store, "dashboard", s->ex->segment[0], &value, err);

	buf_release(&value);
	if (rc <= 0)
		return rc < 0 ? rc : REFUSED_NONE;
	return auth_share(s->ex->serve->auth, &actor, s->what, s->expires, &s->out, err) ? REFUSED_ERROR : 0;
}

static void
create_share(struct exchange *ex)
{
	struct str span = exchange_text(ex, json_get(ex->body, STR("expires")));
	struct sharing s = { .job = { .run = share }, .ex = ex };
	struct buf what = { 0 };
	struct err err = { 0 };
	struct serve_tenant *t;
	int64_t ms = 7 * 86400000LL;
	int rc;

	if (span.n && (dur_parse(span, &ms, &err) || ms < 60000 || ms > SHARE_MOST)) {
		exchange_problem(ex, 422, "expires: a span from 1m to 90d");
		return;
	}
	what_of(ex->segment[0], &what);
	s.what = buf_get(&what);
	s.expires = time_now() + ms;
	rc = (t = serve_tenant(ex->serve, ex->who->tenant, &err)) ? serve_tenant_write(t, &s.job, &err) : err.code;
	if (rc == REFUSED_NONE)
		exchange_problem(ex, 404, "no dashboard '%.*s'", (int)(ex->segment[0].n > 64 ? 64 : ex->segment[0].n), ex->segment[0].p);
	else if (rc)
		exchange_error(ex, rc == REFUSED_ERROR ? &s.job.err : &err);
	else
		exchange_json(ex, 201, &s.out);
	if (s.out.p)
		memset(s.out.p, 0, s.out.cap);
	buf_release(&s.out);
	buf_release(&what);
}

static void
remove_share(struct exchange *ex)
{
	struct auth_actor actor = actor_of(ex);
	struct buf what = { 0 };
	struct err err = { 0 };
	int rc;

	what_of(ex->segment[0], &what);
	rc = auth_share_remove(ex->serve->auth, &actor, buf_get(&what), ex->segment[1], &err);
	if (rc < 0)
		exchange_error(ex, &err);
	else if (rc == 0)
		exchange_problem(ex, 404, "there is no such shared link");
	else
		exchange_none(ex);
	buf_release(&what);
}

/* ---- keys, users, roles: the room auth has them */

static enum auth_record
record_of(const struct exchange *ex)
{
	return strcmp(ex->route->resource, "users") == 0 ? AUTH_USERS : strcmp(ex->route->resource, "roles") == 0 ? AUTH_ROLES : AUTH_KEYS;
}

static int
list_account(void *self, struct str id, struct str json)
{
	struct exchange_list *l = self;

	if (principal_may(l->ex->who, AUTH_ADMIN, l->ex->route->resource, id))
		buf_str(exchange_list_item(l), json);
	return 0;
}

static void
list_accounts(struct exchange *ex)
{
	struct exchange_list l;
	struct err err = { 0 };

	exchange_list_begin(&l, ex, ex->route->resource);
	auth_list(ex->serve->auth, record_of(ex), ex->who->tenant, list_account, &l, &err);
	exchange_list_end(&l, &err);
}

/* rc: 1 done, 0 there is none, < 0. What it says is shown. */
static void
answer_account(struct exchange *ex, int rc, int status, struct buf *out, const struct err *err)
{
	if (rc < 0 && err->code == ERR_INPUT)
		exchange_problem(ex, strstr(err->text, "already") ? 409 : 422, "%s", err->text);
	else if (rc < 0)
		exchange_error(ex, err);
	else if (rc == 0)
		exchange_problem(ex, 404, "no such %.*s: '%.*s'", (int)strlen(ex->route->resource) - 1, ex->route->resource,
		    (int)(ex->segment[0].n > 64 ? 64 : ex->segment[0].n), ex->segment[0].p);
	else if (status == 204)
		exchange_none(ex);
	else
		exchange_json(ex, status, out);
	if (out->p)
		memset(out->p, 0, out->cap);    /* it may hold a new secret */
	buf_release(out);
}

static void
get_account(struct exchange *ex)
{
	struct buf out = { 0 };
	struct err err = { 0 };

	answer_account(ex, auth_get(ex->serve->auth, record_of(ex), ex->who->tenant, ex->segment[0], &out, &err), 200, &out, &err);
}

static void
create_account(struct exchange *ex)
{
	struct auth_actor actor = actor_of(ex);
	struct buf out = { 0 };
	struct err err = { 0 };
	struct json made, name;
	int rc;

	if (record_of(ex) != AUTH_KEYS && serve_exchange_may(ex, exchange_text(ex, json_get(ex->body, STR("name")))))
		return;                         /* a key's id is drawn */
	rc = auth_create(ex->serve->auth, record_of(ex), &actor, ex->who->tenant, ex->body, &out, &err);
	made = rc < 0 ? JSON_ABSENT : json_value(buf_get(&out));
	name = json_get(made, record_of(ex) == AUTH_KEYS ? STR("id") : STR("name"));
	if (name.type == JSON_STRING)
		exchange_place(ex, ex->route->resource, exchange_text(ex, name));
	answer_account(ex, rc < 0 ? rc : 1, 201, &out, &err);
}

/* A role is put whole: what is not said has no bound, or is none. What keys and users have beside it is secret, so only what is named changes. */
static struct json
role_to_put(struct exchange *ex)
{
	static const char *const all[] = { "description", "permissions", "rows", "events", "metrics", "hide", "mask" };
	struct json_iter it;
	struct buf b = { 0 };
	int n = 0;

	if (ex->body.type != JSON_OBJECT)
		return ex->body;
	buf_byte(&b, '{');
	for (it = json_iter(ex->body); json_next(&it); ) {
		buf_lit(&b, n++ ? "," : "");
		buf_str(&b, json_raw(it.key));
		buf_byte(&b, ':');
		buf_str(&b, json_raw(it.value));
	}
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		if (json_get(ex->body, str_of(all[i])).type == JSON_NONE)
			buf_printf(&b, "%s\"%s\":null", n++ ? "," : "", all[i]);
	buf_byte(&b, '}');
	ex->body = json_value((struct str){ arena_dup(ex->arena, b.p, b.n), b.n });
	buf_release(&b);
	return ex->body;
}

static void
change_account(struct exchange *ex)
{
	struct json body = record_of(ex) == AUTH_ROLES && strcmp(ex->route->method, "PUT") == 0 ? role_to_put(ex) : ex->body;
	struct auth_actor actor = actor_of(ex);
	struct buf out = { 0 };
	struct err err = { 0 };

	answer_account(ex, auth_change(ex->serve->auth, record_of(ex), &actor, ex->who->tenant, ex->segment[0], body, &out, &err), 200, &out, &err);
}

static void
remove_account(struct exchange *ex)
{
	struct auth_actor actor = actor_of(ex);
	struct buf out = { 0 };
	struct err err = { 0 };

	answer_account(ex, auth_remove(ex->serve->auth, record_of(ex), &actor, ex->who->tenant, ex->segment[0], &err), 204, &out, &err);
}

static void
rotate_key(struct exchange *ex)
{
	struct auth_actor actor = actor_of(ex);
	struct buf out = { 0 };
	struct err err = { 0 };

	answer_account(ex, auth_rotate(ex->serve->auth, &actor, ex->who->tenant, ex->segment[0], &out, &err), 200, &out, &err);
}

static void
set_mfa(struct exchange *ex)
{
	struct auth_actor actor = actor_of(ex);
	struct buf out = { 0 };
	struct err err = { 0 };
	int on = json_get(ex->body, STR("on")).type == JSON_TRUE, rc;

	if ((rc = auth_mfa(ex->serve->auth, &actor, ex->who->tenant, ex->segment[0], on, &out, &err)) > 0 && !out.n)
		buf_lit(&out, "{\"mfa\":false}");
	answer_account(ex, rc, 200, &out, &err);
}

/* ---- tenants */

static int
list_tenant(void *self, const char *name)
{
	struct exchange_list *l = self;

	if (principal_may(l->ex->who, AUTH_ADMIN, "tenants", str_of(name)))
		buf_printf(exchange_list_item(l), "{\"name\":\"%s\"}", name);
	return 0;
}

static void
list_tenants(struct exchange *ex)
{
	struct exchange_list l;
	struct err err = { 0 };

	exchange_list_begin(&l, ex, "tenants");
	store_tenants(ex->serve->spec.store, list_tenant, &l, &err);
	exchange_list_end(&l, &err);
}

static int
look_at_stats(void *self, struct store *store, struct err *err)
{
	return store_stats(store, self, err);
}

static void
get_tenant(struct exchange *ex)
{
	struct buf json = { 0 };
	struct store_stats st;
	struct err err = { 0 };

	if (!store_has_tenant(ex->serve->spec.store, ex->segment[0])) {
		exchange_problem(ex, 404, "no such tenant");
		return;
	}
	if (serve_tenant_look(ex->serve, ex->segment[0], look_at_stats, &st, &err)) {
		exchange_error(ex, &err);
		return;
	}
	buf_lit(&json, "{\"name\":");
	json_put_string(&json, ex->segment[0]);
	buf_printf(&json, ",\"events\":%lld,\"series\":%lld,\"samples\":%lld,\"bytes\":%lld,\"first\":", (long long)st.events, (long long)st.series,
	    (long long)st.samples, (long long)st.bytes_file);
	if (st.first == TIME_NONE)
		buf_lit(&json, "null,\"last\":null}");
	else {
		json_put_time(&json, st.first);
		buf_lit(&json, ",\"last\":");
		json_put_time(&json, st.last);
		buf_byte(&json, '}');
	}
	exchange_json(ex, 200, &json);
	buf_release(&json);
}

static void
create_tenant(struct exchange *ex)
{
	struct str name = exchange_text(ex, json_get(ex->body, STR("name")));
	struct auth_actor actor = actor_of(ex);
	struct buf json = { 0 };
	struct err err = { 0 };

	if (memchr(name.p, 0, name.n)) {        /* below it would end there */
		exchange_problem(ex, 422, "name: holds a control character");
		return;
	}
	if (serve_exchange_may(ex, name))
		return;
	if (store_has_tenant(ex->serve->spec.store, name)) {
		exchange_problem(ex, 409, "there is a tenant '%.*s' already", STR_FMT(name));
		return;
	}
	if (auth_tenant_add(ex->serve->auth, &actor, name.p, &err)) {
		audit(ex, "tenant.create", name, "failed");
		if (err.code == ERR_USAGE || err.code == ERR_INPUT)
			exchange_problem(ex, 422, "%s", err.text);
		else
			exchange_error(ex, &err);
		return;
	}
	exchange_place(ex, "tenants", name);
	buf_lit(&json, "{\"name\":");
	json_put_string(&json, name);
	buf_byte(&json, '}');
	exchange_json(ex, 201, &json);
	buf_release(&json);
}

static int
see_one(void *self, struct str id, struct str json)
{
	(void)id, (void)json;
	return ++*(int *)self;
}

/* A tenant that some worker has open would go on being written to where nobody finds it, and a key of it would make it again. */
static void
remove_tenant(struct exchange *ex)
{
	struct str name = ex->segment[0];
	struct auth_actor actor = actor_of(ex);
	struct err err = { 0 };
	int n = 0;

	if (!store_has_tenant(ex->serve->spec.store, name)) {
		exchange_problem(ex, 404, "no such tenant");
	} else if (auth_list(ex->serve->auth, AUTH_KEYS, name, see_one, &n, &err) < 0 || auth_list(ex->serve->auth, AUTH_USERS, name, see_one, &n, &err) < 0) {
		exchange_error(ex, &err);
	} else if (n) {
		exchange_problem(ex, 409, "the tenant has keys or users, remove them first");
	} else if (ex->serve->spec.workers > 1 || serve_tenant_is_open(ex->serve, name)) {
		exchange_problem(ex, 409, "the tenant is in use here: stop the server, and remove it by at-admin tenant remove %.*s", STR_FMT(name));
	} else if (auth_tenant_remove(ex->serve->auth, &actor, arena_dup(ex->arena, name.p, name.n), &err)) {
		audit(ex, "tenant.remove", name, "failed");
		exchange_error(ex, &err);
	} else {
		exchange_none(ex);
	}
}

/* ---- logging in */

static void
answer_login(struct exchange *ex, int rc, struct auth_login *login, const struct err *err)
{
	struct buf json = { 0 };

	if (rc == 0 && login->session.n) {
		serve_exchange_set_session(ex, buf_get(&login->session));
		buf_lit(&json, "{\"session\":");
		json_put_string(&json, buf_get(&login->session));
		buf_lit(&json, ",\"expires\":");
		json_put_time(&json, login->expires);
		buf_byte(&json, '}');
		exchange_json(ex, 200, &json);
	} else if (rc == 0 || login->tenants.n) {
		buf_lit(&json, "{\"type\":\"about:blank\",\"title\":\"Unauthorized\",\"status\":401,\"detail\":");
		json_put_string(&json, rc ? str_of(err->text) : STR("a one-time code is needed: POST /api/v1/login/mfa {challenge, code}"));
		buf_lit(&json, rc ? ",\"tenants\":" : ",\"mfa\":");
		if (rc)
			buf_str(&json, buf_get(&login->tenants));
		else
			json_put_string(&json, buf_get(&login->challenge));
		buf_byte(&json, '}');
		exchange_head(ex, "WWW-Authenticate", STR("Bearer realm=\"at\""));
		exchange_send(ex, 401, "application/problem+json", buf_get(&json));
	} else if (rc == ERR_LIMIT) {
		char wait[24];

		snprintf(wait, sizeof(wait), "%ld", err->col > 0 ? err->col : 1);
		exchange_head(ex, "Retry-After", str_of(wait));
		exchange_problem(ex, 429, "%s", err->text);
	} else if (rc == ERR_INPUT) {
		exchange_head(ex, "WWW-Authenticate", STR("Bearer realm=\"at\""));
		exchange_problem(ex, 401, "%s", err->text);
	} else {
		exchange_error(ex, err);
	}
	if (json.p)
		memset(json.p, 0, json.cap);
	buf_release(&json);
	auth_login_release(login);
}

/* Which ways there are, for a page that asks before it shows them; and whether there was a session's cookie, which no script can see, so that
 * a stranger's page need not ask who it is and be refused. */
static void
login_ways(struct exchange *ex)
{
	struct buf json = { 0 };

	buf_printf(&json, "{\"password\":true,\"oidc\":%s,\"session\":%s}", auth_has_oidc(ex->serve->auth) ? "true" : "false",
	    serve_exchange_session(ex).p ? "true" : "false");
	exchange_json(ex, 200, &json);
	buf_release(&json);
}

static void
login(struct exchange *ex)
{
	const struct auth_user user = { exchange_text(ex, json_get(ex->body, STR("user"))), exchange_text(ex, json_get(ex->body, STR("tenant"))),
		http_header(ex->request, "X-Tenant") };
	struct str password = exchange_text(ex, json_get(ex->body, STR("password")));
	struct auth_login made = { 0 };
	struct err err = { 0 };

	answer_login(ex, auth_login(ex->serve->auth, &user, password, http_client(ex->request), &made, &err), &made, &err);
}

static void
login_mfa(struct exchange *ex)
{
	struct str challenge = exchange_text(ex, json_get(ex->body, STR("challenge"))), code = exchange_text(ex, json_get(ex->body, STR("code")));
	struct auth_login made = { 0 };
	struct err err = { 0 };

	answer_login(ex, auth_login_mfa(ex->serve->auth, challenge, code, http_client(ex->request), &made, &err), &made, &err);
}

static void
password(struct exchange *ex)
{
	struct str now = exchange_text(ex, json_get(ex->body, STR("password"))), fresh = exchange_text(ex, json_get(ex->body, STR("new")));
	struct auth_actor actor = actor_of(ex);
	struct auth_login made = { 0 };
	struct err err = { 0 };
	int rc = auth_password(ex->serve->auth, &actor, now, fresh, http_client(ex->request), &made, &err);

	if (rc == ERR_INPUT || rc == ERR_DENIED) {      /* 401 would say that the session is over */
		exchange_problem(ex, 422, "%s%s", rc == ERR_DENIED ? "" : err.col == 1 ? "new: " : "password: ", rc == ERR_INPUT && err.col != 1 ? "is not the present one" : err.text);
		auth_login_release(&made);
	} else {
		answer_login(ex, rc, &made, &err);
	}
}

static void
logout(struct exchange *ex)
{
	struct err err = { 0 };
	struct str session = ex->who->kind == AUTH_SESSION ? serve_exchange_session(ex) : (struct str){ 0 };

	serve_exchange_set_session(ex, (struct str){ 0 });
	if (session.n && auth_logout(ex->serve->auth, session, http_client(ex->request), &err) < 0)
		exchange_error(ex, &err);
	else
		exchange_none(ex);
}

static int
list_session(void *self, const struct auth_session *s)
{
	struct buf *b = exchange_list_item(self);

	buf_lit(b, "{\"id\":");
	json_put_string(b, s->id);
	buf_lit(b, ",\"created\":");
	json_put_time(b, s->created);
	buf_lit(b, ",\"seen\":");
	json_put_time(b, s->seen);
	buf_lit(b, ",\"expires\":");
	json_put_time(b, s->expires);
	buf_lit(b, ",\"address\":");
	json_put_string(b, s->address);
	buf_printf(b, ",\"current\":%s}", s->is_current ? "true" : "false");
	return 0;
}

/* One's own: a key or a token has none. */
static void
list_sessions(struct exchange *ex)
{
	struct exchange_list list;
	struct err err = { 0 };

	exchange_list_begin(&list, ex, "sessions");
	if (ex->who->kind == AUTH_SESSION)
		auth_sessions(ex->serve->auth, serve_exchange_session(ex), list_session, &list, &err);
	exchange_list_end(&list, &err);
}

static void
end_session(struct exchange *ex)
{
	struct err err = { 0 };
	int rc = ex->who->kind == AUTH_SESSION ? auth_session_end(ex->serve->auth, serve_exchange_session(ex), ex->segment[0], http_client(ex->request), &err) : 0;

	if (rc > 0)
		exchange_none(ex);
	else if (rc == 0)
		exchange_problem(ex, 404, "none of your sessions has this id, GET /api/v1/auth/sessions has those that do");
	else
		exchange_error(ex, &err);
}

/* What of the API's operations the roles allow, so that a page offers nothing that would be refused: "read:events", … */
static void
put_permissions(struct buf *b, const struct principal *who)
{
	static const struct { enum auth_action action; const char *name; } actions[] = { { AUTH_READ, "read" }, { AUTH_WRITE, "write" }, { AUTH_ADMIN, "admin" } };
	size_t at = b->n;

	for (int g = 0; route_groups[g]; g++)
		for (const struct route *r = route_groups[g]; r->method; r++)
			for (size_t i = 0; r->resource && !r->anyone && i < sizeof(actions) / sizeof(*actions); i++) {
				char word[80];
				int n = snprintf(word, sizeof(word), "\"%s:%s\"", actions[i].name, r->resource);

				if (r->action != actions[i].action || !principal_may(who, r->action, r->resource, (struct str){ 0 }) ||
				    (b->n > at && memmem(b->p + at, b->n - at, word, (size_t)n)))
					continue;
				buf_lit(b, b->n > at ? "," : "");
				buf_lit(b, word);
			}
}

static void
me(struct exchange *ex)
{
	static const char *const how[] = { "key", "session", "token" };
	struct buf json = { 0 };
	struct str rest = ex->who->roles, role;
	int n = 0;

	buf_lit(&json, "{\"name\":");
	json_put_string(&json, ex->who->name);
	buf_lit(&json, ",\"tenant\":");
	json_put_string(&json, ex->who->tenant);
	buf_printf(&json, ",\"by\":\"%s\",\"roles\":[", how[ex->who->kind]);
	while (rest.n && str_cut(&rest, ',', &role)) {
		buf_lit(&json, n++ ? "," : "");
		json_put_string(&json, role);
	}
	buf_lit(&json, "],\"permissions\":[");
	put_permissions(&json, ex->who);
	buf_lit(&json, "],\"expires\":");
	if (ex->who->expires >= TIME_MAX)
		buf_lit(&json, "null");
	else
		json_put_time(&json, ex->who->expires);
	buf_byte(&json, '}');
	exchange_json(ex, 200, &json);
	buf_release(&json);
}

/* ---- the table */

#define KIND(name, One, Many) \
	{ "GET", "/api/v1/" name, "All " name ".", AUTH_READ, name, NULL, NULL, Many, 200, ROUTE_POOL, 0, list_records }, \
	{ "POST", "/api/v1/" name, "Make one; without an id it gets one.", AUTH_WRITE, name, NULL, One, One "Record", 201, ROUTE_POOL, 0, create_record }, \
	{ "GET", "/api/v1/" name "/{id}", "One of the " name ".", AUTH_READ, name, NULL, NULL, One "Record", 200, ROUTE_POOL, 0, get_record }, \
	{ "PUT", "/api/v1/" name "/{id}", "Make it, or put this in its place, as GET gave it or without what is readOnly; If-Match as wished.", AUTH_WRITE, name, NULL, One, One "Record", 200, ROUTE_POOL, 0, put_one }, \
	{ "PATCH", "/api/v1/" name "/{id}", "Change some members (JSON merge patch); If-Match as wished.", AUTH_WRITE, name, NULL, "Patch", One "Record", 200, ROUTE_POOL, 0, patch_one }, \
	{ "DELETE", "/api/v1/" name "/{id}", "Take it away.", AUTH_WRITE, name, NULL, NULL, NULL, 204, ROUTE_POOL, 0, remove_one }
#define ACCOUNT(name, One, Many, put) \
	{ "GET", "/api/v1/" name, "All " name " of the tenant.", AUTH_ADMIN, name, NULL, NULL, Many, 200, ROUTE_POOL, 0, list_accounts }, \
	{ "POST", "/api/v1/" name, "Make one.", AUTH_ADMIN, name, NULL, One, One "Record", 201, ROUTE_POOL, 0, create_account }, \
	{ "GET", "/api/v1/" name "/{id}", "One of the " name ".", AUTH_ADMIN, name, NULL, NULL, One "Record", 200, ROUTE_POOL, 0, get_account }, \
	{ "PUT", "/api/v1/" name "/{id}", put, AUTH_ADMIN, name, NULL, "Patch", One "Record", 200, ROUTE_POOL, 0, change_account }, \
	{ "PATCH", "/api/v1/" name "/{id}", "Change what is named.", AUTH_ADMIN, name, NULL, "Patch", One "Record", 200, ROUTE_POOL, 0, change_account }, \
	{ "DELETE", "/api/v1/" name "/{id}", "Take it away, at once.", AUTH_ADMIN, name, NULL, NULL, NULL, 204, ROUTE_POOL, 0, remove_account }

const struct route route_records[] = {
	KIND("dashboards", "Dashboard", "Dashboards"),
	{ "GET", "/api/v1/dashboards/{id}/versions", "What it was: its latest versions, the present one last.", AUTH_READ, "dashboards", NULL, NULL, "Versions", 200, ROUTE_POOL, 0, list_versions },
	{ "GET", "/api/v1/dashboards/{id}/versions/{version}", "One of them, as it was.", AUTH_READ, "dashboards", NULL, NULL, "DashboardRecord", 200, ROUTE_POOL, 0, get_version },
	{ "GET", "/api/v1/dashboards/{id}/shares", "Links that show it to who has them.", AUTH_WRITE, "dashboards", NULL, NULL, "Shares", 200, ROUTE_POOL, 0, list_shares },
	{ "POST", "/api/v1/dashboards/{id}/shares", "Make a link that shows it, read only, with the rights of who makes it; its token is shown once.", AUTH_WRITE, "dashboards", NULL, "Share",
	    "ShareRecord", 201, ROUTE_POOL, 4096, create_share },
	{ "DELETE", "/api/v1/dashboards/{id}/shares/{share}", "Take a link back.", AUTH_WRITE, "dashboards", NULL, NULL, NULL, 204, ROUTE_POOL, 0, remove_share },
	KIND("rules", "Rule", "Rules"),
	KIND("webhooks", "Webhook", "Webhooks"),
	ACCOUNT("keys", "Key", "Keys", "Change what is named."),
	{ "POST", "/api/v1/keys/{id}/rotate", "A new secret; the old one lives for an hour.", AUTH_ADMIN, "keys", NULL, NULL, "KeyRecord", 200, ROUTE_POOL, 0, rotate_key },
	ACCOUNT("users", "User", "Users", "Change what is named."),
	{ "POST", "/api/v1/users/{id}/mfa", "One-time codes on (a new secret and recovery codes, shown once) or off.", AUTH_ADMIN, "users", NULL, "Mfa", "MfaMade", 200,
	    ROUTE_POOL, 0, set_mfa },
	ACCOUNT("roles", "Role", "Roles", "Put this in its place."),
	{ "GET", "/api/v1/tenants", "All tenants.", AUTH_ADMIN, "tenants", NULL, NULL, "Tenants", 200, ROUTE_POOL, 0, list_tenants },
	{ "POST", "/api/v1/tenants", "Make one.", AUTH_ADMIN, "tenants", NULL, "Tenant", "Tenant", 201, ROUTE_POOL, 0, create_tenant },
	{ "GET", "/api/v1/tenants/{id}", "One tenant, and what it holds.", AUTH_ADMIN, "tenants", NULL, NULL, "TenantRecord", 200, ROUTE_POOL, 0, get_tenant },
	{ "DELETE", "/api/v1/tenants/{id}", "Remove a tenant that nobody uses, with all it holds.", AUTH_ADMIN, "tenants", NULL, NULL, NULL, 204, ROUTE_POOL, 0, remove_tenant },
	{ "GET", "/api/v1/login", "Which ways to log in there are.", AUTH_READ, NULL, NULL, NULL, "LoginWays", 200, ROUTE_LOOP, 0, login_ways },
	{ "POST", "/api/v1/login", "A session for a user, as a cookie; 401 with `mfa` asks for a code.", AUTH_READ, NULL, NULL, "Login", "Session", 200, ROUTE_POOL, 4096, login },
	{ "POST", "/api/v1/login/mfa", "The second half of a login.", AUTH_READ, NULL, NULL, "LoginMfa", "Session", 200, ROUTE_POOL, 4096, login_mfa },
	{ "POST", "/api/v1/password", "One's own password, by who knows the present one; other sessions end.", AUTH_WRITE, "session", NULL, "Password", "Session", 200, ROUTE_POOL, 4096,
	    password, .anyone = 1 },
	{ "POST", "/api/v1/logout", "End the session.", AUTH_WRITE, "session", NULL, NULL, NULL, 204, ROUTE_POOL, 0, logout, .anyone = 1 },
	{ "GET", "/api/v1/auth/sessions", "One's own sessions, wherever they began.", AUTH_READ, "session", NULL, NULL, "Sessions", 200, ROUTE_POOL, 0, list_sessions, .anyone = 1 },
	{ "DELETE", "/api/v1/auth/sessions/{id}", "End one of one's own sessions, at once.", AUTH_WRITE, "session", NULL, NULL, NULL, 204, ROUTE_POOL, 0, end_session, .anyone = 1 },
	{ "GET", "/api/v1/me", "Who the credentials stand for.", AUTH_READ, "session", NULL, NULL, "Me", 200, ROUTE_POOL, 0, me, .anyone = 1 },
	{ 0 }
};
