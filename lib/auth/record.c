/* record.c - records of users, keys and roles: their fields in a table, so that nothing else can be set from outside, and nothing
 * secret be shown. */
#include <stdlib.h>

#include "auth/auth_priv.h"
#include "base/mem.h"
#include "base/time.h"
#include "config/schema.h"
#include "crypt/crypt.h"

#define NAME_MOST     128
#define TEXT_MOST     4000
#define LIST_MOST     POLICY_ROLES_MOST       /* items of a list */
#define PASSWORD_LEAST 12       /* characters (OWASP ASVS 2.1.1), and most: 2.1.2 */
#define PASSWORD_MOST  128

/* ---- checks */

static int
text_of(struct json v, size_t most, struct buf *scratch, struct str *text, struct err *err)
{
	if (!json_is(v, JSON_STRING))
		return err_set(err, ERR_INPUT, "wants a text");
	*text = json_text(v, scratch);
	if (text->n == 0 || text->n > most)
		return err_set(err, ERR_INPUT, "wants 1 to %zu bytes", most);
	for (size_t i = 0; i < text->n; i++)
		if ((unsigned char)text->p[i] < 0x20 || text->p[i] == 0x7f)
			return err_set(err, ERR_INPUT, "holds a control character");
	if (str_utf8_fault(*text) >= 0)         /* a word of a command line: JSON was looked at as it came */
		return err_set(err, ERR_INPUT, "is not UTF-8");
	return 0;
}

static int
check_text(struct auth *a, struct json v, struct buf *out, struct err *err)
{
	struct buf scratch = { 0 };
	struct str text;
	int rc = text_of(v, TEXT_MOST, &scratch, &text, err);

	(void)a;
	if (rc == 0)
		json_put_string(out, text);
	buf_release(&scratch);
	return rc;
}

static int
check_name(struct auth *a, struct json v, struct buf *out, struct err *err)
{
	struct buf scratch = { 0 };
	struct str text;
	int rc = text_of(v, NAME_MOST, &scratch, &text, err);

	(void)a;
	for (size_t i = 0; rc == 0 && i < text.n; i++)
		if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._@+-", text.p[i]))
			rc = err_set(err, ERR_INPUT, "wants letters, digits and . _ @ + - alone");
	if (rc == 0 && (str_eq(text, STR(".")) || str_eq(text, STR(".."))))     /* no path leads to it */
		rc = err_set(err, ERR_INPUT, "wants more than dots");
	if (rc == 0)
		json_put_string(out, text);
	buf_release(&scratch);
	return rc;
}

static int
check_list(struct json v, int (*ok)(struct str), const char *what, struct buf *out, struct err *err)
{
	struct json_iter it = json_iter(v);
	struct buf scratch = { 0 };
	struct str text;
	int n = 0, rc = 0;

	if (!json_is(v, JSON_ARRAY))
		return err_set(err, ERR_INPUT, "wants a list of texts");
	buf_byte(out, '[');
	while (rc == 0 && json_next(&it)) {
		if (n++)
			buf_byte(out, ',');
		if (n > LIST_MOST)
			rc = err_set(err, ERR_INPUT, "has more than %d items", LIST_MOST);
		else if ((rc = text_of(it.value, NAME_MOST * 3, &scratch, &text, err)) == 0 && ok && !ok(text))
			rc = err_set(err, ERR_INPUT, "'%.*s' is no %s", STR_FMT(text), what);
		else if (rc == 0)
			json_put_string(out, text);
	}
	buf_byte(out, ']');
	buf_release(&scratch);
	return rc;
}

static int
check_texts(struct auth *a, struct json v, struct buf *out, struct err *err)
{
	(void)a;
	return check_list(v, NULL, NULL, out, err);
}

static int
role_name_ok(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!strchr("abcdefghijklmnopqrstuvwxyz0123456789_-", s.p[i]))
			return 0;
	return s.n >= 1 && s.n <= 63;
}

static int
check_role_name(struct auth *a, struct json v, struct buf *out, struct err *err)
{
	struct buf scratch = { 0 };
	struct str text;
	int rc = text_of(v, NAME_MOST, &scratch, &text, err);

	(void)a;
	if (rc == 0 && !role_name_ok(text))
		rc = err_set(err, ERR_INPUT, "wants 1 to 63 of a-z 0-9 _ -");
	if (rc == 0)
		json_put_string(out, text);
	buf_release(&scratch);
	return rc;
}

static int
check_roles(struct auth *a, struct json v, struct buf *out, struct err *err)
{
	(void)a;
	return check_list(v, role_name_ok, "role's name", out, err);
}

static int
check_permissions(struct auth *a, struct json v, struct buf *out, struct err *err)
{
	(void)a;
	return check_list(v, principal_permission_ok, "permission, try read:events, write:dashboards or *:*", out, err);
}

static int
check_flag(struct auth *a, struct json v, struct buf *out, struct err *err)
{
	(void)a;
	if (!json_is(v, JSON_TRUE) && !json_is(v, JSON_FALSE))
		return err_set(err, ERR_INPUT, "wants true or false");
	buf_str(out, json_raw(v));
	return 0;
}

/* A span from now, or a time. */
static int
check_expires(struct auth *a, struct json v, struct buf *out, struct err *err)
{
	struct buf scratch = { 0 };
	struct str text;
	int64_t at, span;
	int rc = text_of(v, 40, &scratch, &text, err);

	(void)a;
	if (rc == 0) {
		if (time_parse_rfc3339(text, &at)) {
			if (dur_parse(text, &span, err) || span > TIME_MAX - time_now())
				rc = err_set(err, ERR_INPUT, "wants a span as 90d, or a time as 2027-01-31T00:00:00Z");
			else
				at = time_now() + span;
		}
		if (rc == 0 && at <= time_now())
			rc = err_set(err, ERR_INPUT, "is not in the future");
		if (rc == 0)
			json_put_time(out, at);
	}
	buf_release(&scratch);
	return rc;
}

/* Characters, not bytes; only its scrypt goes on. */
static int
check_password(struct auth *a, struct json v, struct buf *out, struct err *err)
{
	struct buf scratch = { 0 }, kept = { 0 };
	struct str text = { 0 };
	size_t n = 0;
	int rc = 0;

	(void)a;
	if (!json_is(v, JSON_STRING))
		return err_set(err, ERR_INPUT, "wants a text");
	text = json_text(v, &scratch);
	for (size_t i = 0; i < text.n; i++)
		n += ((unsigned char)text.p[i] & 0xc0) != 0x80;
	if (n < PASSWORD_LEAST || n > PASSWORD_MOST)
		rc = err_set(err, ERR_INPUT, "wants %d to %d characters", PASSWORD_LEAST, PASSWORD_MOST);
	else if ((rc = crypt_password(text, &kept, err)) == 0)
		json_put_string(out, buf_get(&kept));
	if (scratch.p)
		crypt_wipe(scratch.p, scratch.cap);
	buf_release(&scratch);
	buf_release(&kept);
	return rc;
}

/* ---- the fields, in the order they are written */

const struct auth_field auth_user_fields[] = {
	{ "name",     AUTH_IN | AUTH_FIXED | AUTH_NEEDED, check_name, NULL },
	{ "tenant",   0, NULL, NULL },
	{ "roles",    AUTH_IN, check_roles, "[]" },
	{ "disabled", AUTH_IN, check_flag, "false" },
	{ "password", AUTH_IN | AUTH_SECRET | AUTH_NEEDED, check_password, NULL },
	{ "mfa",      AUTH_FLAG, NULL, NULL },                  /* {secret, step, codes}, see login.c */
	{ "since",    AUTH_SECRET, NULL, NULL },                /* sessions that began before are void */
	{ "created",  0, NULL, NULL },
	{ "changed",  0, NULL, NULL },
	{ 0 }
};

const struct auth_field auth_key_fields[] = {
	{ "id",       0, NULL, NULL },
	{ "name",     AUTH_IN | AUTH_NEEDED, check_text, NULL },
	{ "tenant",   0, NULL, NULL },
	{ "roles",    AUTH_IN | AUTH_NEEDED, check_roles, NULL },
	{ "scopes",   AUTH_IN, check_permissions, NULL },
	{ "expires",  AUTH_IN, check_expires, NULL },
	{ "created",  0, NULL, NULL },
	{ "by",       0, NULL, NULL },
	{ "rotated",  0, NULL, NULL },
	{ "hash",     AUTH_SECRET, NULL, NULL },
	{ "old",      AUTH_SECRET, NULL, NULL },                /* good until an hour after `rotated` */
	{ 0 }
};

const struct auth_field auth_role_fields[] = {
	{ "name",        AUTH_IN | AUTH_FIXED | AUTH_NEEDED, check_role_name, NULL },
	{ "tenant",      0, NULL, NULL },
	{ "description", AUTH_IN, check_text, NULL },
	{ "permissions", AUTH_IN | AUTH_NEEDED, check_permissions, NULL },
	{ "rows",        AUTH_IN, check_text, NULL },
	{ "events",      AUTH_IN, check_texts, NULL },
	{ "metrics",     AUTH_IN, check_texts, NULL },
	{ "hide",        AUTH_IN, check_texts, NULL },
	{ "mask",        AUTH_IN, check_texts, NULL },
	{ "created",     0, NULL, NULL },
	{ "changed",     0, NULL, NULL },
	{ 0 }
};

/* ---- making and showing */

/* Each key is a field that may be given, once. */
static int
check_keys(const struct auth_field *fields, const char *what, struct json in, struct err *err)
{
	unsigned seen = 0;
	struct json_iter it = json_iter(in);

	if (!json_is(in, JSON_OBJECT))
		return err_set(err, ERR_INPUT, "wants an object");
	while (json_next(&it)) {
		int i = 0;

		while (fields[i].name && !json_text_eq(it.key, str_of(fields[i].name)))
			i++;
		if (!fields[i].name || !(fields[i].how & AUTH_IN))
			return err_set(err, ERR_INPUT, "%.*s: a %s has no such field that can be set", (int)(it.key.n > 60 ? 60 : it.key.n), it.key.p,
			    what);
		if (seen & 1u << i)
			return err_set(err, ERR_INPUT, "%s: is there twice", fields[i].name);
		seen |= 1u << i;
	}
	return it.fault ? err_set(err, ERR_INPUT, "no JSON object") : 0;
}

static const struct auth_set *
set_for(const char *name, const struct auth_set *sets, int n)
{
	for (int i = 0; i < n; i++)
		if (strcmp(sets[i].name, name) == 0)
			return &sets[i];
	return NULL;
}

int
auth_record_make(struct auth *a, const struct auth_field *fields, const char *what, struct json old, struct json in, const struct auth_set *sets,
    int n_sets, struct buf *out, struct err *err)
{
	size_t start = out->n;
	int rc;

	if ((rc = check_keys(fields, what, in, err)))
		return rc;
	buf_byte(out, '{');
	for (const struct auth_field *f = fields; f->name; f++) {
		struct json given = json_get(in, str_of(f->name)), was = json_get(old, str_of(f->name));
		const struct auth_set *set = set_for(f->name, sets, n_sets);
		size_t before = out->n;

		if (out->n > start + 1)
			buf_byte(out, ',');
		json_put_key(out, str_of(f->name));
		if (!json_is(given, JSON_NONE) && was.type != JSON_NONE && f->how & AUTH_FIXED && !schema_equal(given, was))
			return err_set(err, ERR_INPUT, "%s: cannot be changed", f->name);
		if (set && set->json.p) {
			buf_str(out, set->json);
		} else if (set) {
			out->n = before;
		} else if (!json_is(was, JSON_NONE) && !(f->how & AUTH_SECRET) && schema_equal(given, was)) {
			buf_str(out, json_raw(was));    /* as it is: an end that passed is not in the future */
		} else if (!json_is(given, JSON_NONE) && !json_is(given, JSON_NULL)) {
			if ((rc = f->check(a, given, out, err)))
				return err_at(err, "%s", f->name);
		} else if (json_is(given, JSON_NONE) && !json_is(was, JSON_NONE)) {
			buf_str(out, json_raw(was));
		} else if (f->how & AUTH_NEEDED) {
			return err_set(err, ERR_INPUT, "%s: is missing", f->name);
		} else if (f->otherwise) {
			buf_lit(out, f->otherwise);
		} else {
			out->n = before;
		}
	}
	buf_byte(out, '}');
	return 0;
}

void
auth_record_show(const struct auth_field *fields, struct json record, struct buf *out)
{
	int n = 0;

	buf_byte(out, '{');
	for (const struct auth_field *f = fields; f->name; f++) {
		struct json v = json_get(record, str_of(f->name));

		if (f->how & AUTH_SECRET || (json_is(v, JSON_NONE) && !(f->how & AUTH_FLAG)))
			continue;
		if (n++)
			buf_byte(out, ',');
		json_put_key(out, str_of(f->name));
		if (f->how & AUTH_FLAG)
			buf_lit(out, json_is(v, JSON_NONE) ? "false" : "true");
		else
			buf_str(out, json_raw(v));
	}
}

/* ---- reading */

struct str
auth_text(struct json record, const char *name, struct arena *arena)
{
	return json_text_dup(json_get(record, str_of(name)), arena);
}

int64_t
auth_time(struct json record, const char *name)
{
	struct json v = json_get(record, str_of(name));
	int64_t at;

	return json_is(v, JSON_STRING) && v.n > 2 && time_parse_rfc3339((struct str){ v.p + 1, v.n - 2 }, &at) == 0 ? at : TIME_NONE;
}

void
auth_hash_hex(struct str secret, struct buf *out)
{
	uint8_t hash[32];

	crypt_sha256(secret, hash);
	crypt_hex((struct str){ (const char *)hash, 32 }, out);
}

void
auth_put_text(struct buf *b, const char *name, struct str text)
{
	buf_byte(b, b->n ? ',' : '{');
	json_put_key(b, str_of(name));
	json_put_string(b, text);
}

void
auth_put_time(struct buf *b, const char *name, int64_t at)
{
	buf_byte(b, b->n ? ',' : '{');
	json_put_key(b, str_of(name));
	json_put_time(b, at);
}

void
auth_take_text(struct str *to, struct str from, char **at)
{
	*to = (struct str){ from.p ? *at : NULL, from.n };
	if (from.n)
		memcpy(*at, from.p, from.n);
	*at += from.n;
}

void
auth_tenant_key(struct str tenant, struct str name, struct buf *out)
{
	buf_str(out, tenant);
	buf_byte(out, 0);
	buf_str(out, name);
}
