#include "alert/silences.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/time.h"
#include "crypt/crypt.h"

#define MATCHERS_MOST 64
#define WEEK_MS       (7 * 86400000LL)

/* ---- matchers */

struct matcher { struct str key, value; int not; struct regex *regex; };
struct silences_matchers { struct matcher one[MATCHERS_MOST]; int n; struct arena *arena; };

static int
add_matcher(struct silences_matchers *m, struct json key, struct json value, struct err *err)
{
	struct matcher *one = &m->one[m->n];
	struct buf whole = { 0 };

	if (m->n == MATCHERS_MOST || value.type != JSON_STRING)
		return err_set(err, ERR_INPUT, "match.%.*s: wants a text", (int)(key.n > 60 ? 60 : key.n), key.p);
	*one = (struct matcher){ json_text_dup(key, m->arena), json_text_dup(value, m->arena), 0, NULL };
	m->n++;
	if (one->value.n && one->value.p[0] == '!')
		one->not = 1, one->value.p++, one->value.n--;
	if (one->value.n && one->value.p[0] == '~') {
		buf_lit(&whole, "\\A(?:");
		buf_add(&whole, one->value.p + 1, one->value.n - 1);
		buf_lit(&whole, ")\\z");
		one->regex = regex_new(buf_get(&whole), NULL, err);
		buf_release(&whole);
		if (!one->regex) {
			err->code = ERR_INPUT;
			return err_at(err, "match.%.60s", one->key.p);
		}
	}
	return 0;
}

struct silences_matchers *
silences_matchers_new(struct json match, struct err *err)
{
	struct silences_matchers *m = mem_new(sizeof(*m));
	struct json_iter it;
	int rc = match.type == JSON_OBJECT || match.type == JSON_NONE ? 0 : err_set(err, ERR_INPUT, "match: wants an object, {\"alert\":\"NAME\"}");

	m->arena = arena_new(0);
	for (it = json_iter(match); rc == 0 && json_next(&it); )
		rc = add_matcher(m, it.key, it.value, err);
	if (rc) {
		silences_matchers_free(m);
		return NULL;
	}
	return m;
}

void
silences_matchers_free(struct silences_matchers *m)
{
	if (!m)
		return;
	for (int i = 0; i < m->n; i++)
		regex_free(m->one[i].regex);
	arena_free(m->arena);
	free(m);
}

struct str
silences_part(struct str key, struct str alert, struct str severity, struct json labels, struct buf *scratch)
{
	struct json v;

	if (str_eq(key, STR("alert")))
		return alert;
	if (str_eq(key, STR("severity")))
		return severity;
	v = json_get(labels, key);
	if (v.type == JSON_NONE && str_eq(key, STR("alertname")))       /* as Alertmanager calls it */
		return alert;
	return v.type == JSON_STRING ? json_text(v, scratch) : v.type > JSON_NULL ? json_raw(v) : STR("");
}

int
silences_match(const struct silences_matchers *m, struct str alert, struct str severity, struct json labels)
{
	struct buf scratch = { 0 };
	int yes = 1;

	for (int i = 0; i < m->n && yes; i++) {
		struct str part = silences_part(m->one[i].key, alert, severity, labels, &scratch);
		int is = m->one[i].regex ? regex_find(m->one[i].regex, part, 0, NULL, 0, &(struct err){ 0 }) > 0 : str_eq(part, m->one[i].value);

		yes = is != m->one[i].not;
	}
	buf_release(&scratch);
	return yes;
}

/* ---- silences */

struct silence { struct silences_matchers *match; int64_t from, until; };
struct silences { struct silence *one; int n, cap; struct err *err; };

static int
time_of(struct json record, const char *key, int64_t *ms)
{
	struct buf scratch = { 0 };
	int rc = time_parse_rfc3339(json_text(json_get(record, str_of(key)), &scratch), ms);

	buf_release(&scratch);
	return rc;
}

static int
take(void *self, struct str id, struct str value)
{
	struct silences *s = self;
	struct json record = json_value(value);
	struct silence one;

	(void)id;
	if (time_of(record, "from", &one.from) || time_of(record, "until", &one.until) || !(one.match = silences_matchers_new(json_get(record, STR("match")), s->err))) {
		err_clear(s->err);      /* a damaged one silences nothing */
		return 0;
	}
	if (s->n == s->cap)
		s->one = mem_grow(s->one, (size_t)(s->cap = s->cap ? 2 * s->cap : 8), sizeof(*s->one));
	s->one[s->n++] = one;
	return 0;
}

struct silences *
silences_load(struct store *store, struct err *err)
{
	struct silences *s = mem_new(sizeof(*s));

	s->err = err;
	if (store_each_state(store, SILENCES, take, s, err) < 0) {
		silences_free(s);
		return NULL;
	}
	return s;
}

void
silences_free(struct silences *s)
{
	if (!s)
		return;
	for (int i = 0; i < s->n; i++)
		silences_matchers_free(s->one[i].match);
	free(s->one);
	free(s);
}

int
silences_hold(const struct silences *s, int64_t now, struct str alert, struct str severity, struct json labels)
{
	for (int i = 0; i < s->n; i++)
		if (s->one[i].from <= now && now < s->one[i].until && silences_match(s->one[i].match, alert, severity, labels))
			return 1;
	return 0;
}

int64_t
silences_next(const struct silences *s, int64_t now)
{
	int64_t next = TIME_NONE;

	for (int i = 0; i < s->n; i++)
		for (int end = 0; end < 2; end++) {
			int64_t t = end ? s->one[i].until : s->one[i].from;

			if (t > now && (next == TIME_NONE || t < next))
				next = t;
		}
	return next;
}

static int
draw_id(struct buf *id, struct err *err)
{
	uint8_t random[8];

	if (crypt_random(random, sizeof(random), err))
		return err->code;
	buf_lit(id, "s");
	for (size_t i = 0; i < sizeof(random); i++)
		buf_printf(id, "%02x", random[i]);
	return 0;
}

static int
count_one(void *self, struct str id, struct str value)
{
	(void)id, (void)value;
	return ++*(int *)self > SILENCES_MOST;
}

static int
check_given(struct json given, int64_t now, int64_t *from, int64_t *until, struct err *err)
{
	static const char *const known[] = { "id", "match", "from", "until", "duration", "by", "comment", NULL };
	struct buf scratch = { 0 };
	struct json_iter it;
	struct json duration = json_get(given, STR("duration"));
	int64_t ms;
	int rc = 0;

	if (given.type != JSON_OBJECT)
		return err_set(err, ERR_INPUT, "wants an object, {\"match\":{…},\"duration\":\"2h\"}");
	for (it = json_iter(given); rc == 0 && json_next(&it); ) {
		int is = 0;

		for (int i = 0; known[i]; i++)
			is |= json_text_eq(it.key, str_of(known[i]));
		if (!is)
			rc = err_set(err, ERR_INPUT, "%.*s: no such key", (int)(it.key.n > 60 ? 60 : it.key.n), it.key.p);
	}
	*from = now;
	if (rc == 0 && json_get(given, STR("match")).type != JSON_OBJECT)
		rc = err_set(err, ERR_INPUT, "match: is missing, {\"alert\":\"NAME\"} is one");
	if (rc == 0 && json_get(given, STR("from")).type && time_of(given, "from", from))
		rc = err_set(err, ERR_INPUT, "from: is no time, 2026-11-23T10:15:30Z is one");
	if (rc == 0 && duration.type && json_get(given, STR("until")).type) {
		rc = err_set(err, ERR_INPUT, "duration: is there beside until, and only one of them can say when it ends");
	} else if (rc == 0 && json_get(given, STR("until")).type) {
		if (time_of(given, "until", until))
			rc = err_set(err, ERR_INPUT, "until: is no time, 2026-11-23T10:15:30Z is one");
	} else if (rc == 0) {
		if (duration.type == JSON_STRING && dur_parse(json_text(duration, &scratch), &ms, err) == 0 && ms > 0 && ms <= TIME_MAX - *from) {
			*until = *from + ms;
		} else {
			err_clear(err);
			rc = err_set(err, ERR_INPUT, duration.type == JSON_NONE ? "until: is missing, a time, or \"duration\":\"2h\"" : "duration: wants a span, 2h, that ends before the year 10000");
		}
	}
	if (rc == 0 && *until <= *from)
		rc = err_set(err, ERR_INPUT, "until: is not later than from");
	buf_release(&scratch);
	return rc;
}

static struct silences_matchers *
checked(struct json given, int64_t now, int64_t *from, int64_t *until, struct err *err)
{
	struct silences_matchers *m = NULL;

	if (check_given(given, now, from, until, err) || !(m = silences_matchers_new(json_get(given, STR("match")), err)))
		return NULL;
	if (m->n)
		return m;
	silences_matchers_free(m);
	err_set(err, ERR_INPUT, "match: says nothing, that would silence everything; {\"alert\":\"~.*\"} does if that is meant");
	return NULL;
}

int
silences_check(struct json given, int64_t now, struct err *err)
{
	int64_t from, until;
	struct silences_matchers *m = checked(given, now, &from, &until, err);

	silences_matchers_free(m);
	return m ? 0 : err->code;
}

int
silences_put(struct store *store, struct str id, struct json given, struct str by, int64_t now, struct buf *record, struct err *err)
{
	struct silences_matchers *m = NULL;
	struct buf drawn = { 0 };
	int64_t from, until = 0;
	struct json v;
	int n = 0, rc;

	if (!(m = checked(given, now, &from, &until, err))) {
		rc = err->code;
		goto out;
	}
	if ((rc = store_each_state(store, SILENCES, count_one, &n, err)) > 0) {
		rc = err_set(err, ERR_INPUT, "there are %d silences already", SILENCES_MOST);
		goto out;
	}
	if (!id.p && (rc = draw_id(&drawn, err)))
		goto out;
	id = id.p ? id : buf_get(&drawn);
	buf_clear(record);
	buf_lit(record, "{\"id\":");
	json_put_string(record, id);
	buf_lit(record, ",\"match\":");
	json_put_compact(record, json_get(given, STR("match")));
	buf_lit(record, ",\"from\":");
	json_put_time(record, from);
	buf_lit(record, ",\"until\":");
	json_put_time(record, until);
	if (by.n) {
		buf_lit(record, ",\"by\":");
		json_put_string(record, by);
	}
	if ((v = json_get(given, STR("comment"))).type == JSON_STRING) {
		buf_lit(record, ",\"comment\":");
		buf_str(record, json_raw(v));
	}
	buf_byte(record, '}');
	rc = store_put_state(store, SILENCES, id, buf_get(record), err);
out:
	silences_matchers_free(m);
	buf_release(&drawn);
	return rc;
}

void
silences_show(struct buf *b, struct json record, int64_t now)
{
	int64_t from = 0, until = 0;

	time_of(record, "from", &from);
	time_of(record, "until", &until);
	buf_add(b, record.p, record.n - 1);
	buf_printf(b, ",\"state\":\"%s\"}", now < from ? "pending" : now < until ? "active" : "expired");
}

struct tidying { struct store *store; int64_t now; struct err *err; };

static int
drop_old(void *self, struct str id, struct str value)
{
	struct tidying *t = self;
	int64_t until;

	if (time_of(json_value(value), "until", &until) || until > t->now - WEEK_MS)
		return 0;
	return store_drop_state(t->store, SILENCES, id, t->err);
}

int
silences_tidy(struct store *store, int64_t now, struct err *err)
{
	struct tidying t = { store, now, err };

	return store_each_state(store, SILENCES, drop_old, &t, err);
}
