/* event.c - one walk over a row that json_check has passed.
 *
 * After the check the bytes can be trusted: the walk finds keys and the ends of values by looking at quotes and brackets
 * alone, 16 bytes a step inside strings. When the row is as we write it (known keys, compact properties, no key twice) the
 * event borrows everything from the row and nothing is copied. Bound by json_check, which takes two thirds of the time.
 */
#include "event/event.h"

#include <stdlib.h>

#include "base/mem.h"
#include "event/orders_priv.h"
#include "event/walk_priv.h"

struct member {
	const char *key;        /* behind the opening quote */
	uint32_t    key_n;
	uint8_t     escaped, gone;
	struct json value;
};

/* The members of the two objects of a row, and a table that finds a key that came twice. A slot counts only in its own
 * round, so the table is never cleared. */
struct event_keys {
	struct member *top, *inner;
	size_t top_cap, inner_cap, n_top, n_inner;
	const char *inner_of;   /* the object whose members `inner` holds since the walk over the row; NULL: none */
	long inner_found;       /* so many, < 0 for too many */
	int inner_blanks;       /* between their tokens */
	struct slot { uint32_t round, index; } *slot;
	size_t cap;             /* slots, a power of two, at least twice the members */
	uint32_t round;
	uint64_t seed;          /* drawn for each process: nobody can prepare collisions */
	struct event_orders *orders;  /* of the keys of properties */
	struct buf decoded;
};

void
event_reader_release(struct event_reader *r)
{
	for (int i = 0; i < 4; i++)
		buf_release(&r->text[i]);
	buf_release(&r->properties);
	buf_release(&r->said);
	if (r->keys) {
		free(r->keys->top);
		free(r->keys->inner);
		free(r->keys->slot);
		buf_release(&r->keys->decoded);
		event_orders_free(r->keys->orders);
		free(r->keys);
		r->keys = NULL;
	}
}

/* ---- the walk */

static struct member *
member_add(struct member **list, size_t *cap, size_t n)
{
	if (n == *cap) {
		*cap = n ? n * 2 : 64;
		*list = mem_grow(*list, *cap, sizeof(**list));
	}
	return &(*list)[n];
}

/* The members of the object that begins at *at, in order, duplicates and all; *at is moved behind it. < 0 when there are too
 * many. `inner` (NULL: not wanted) takes those of its properties on the way, so that they are walked once; of several the
 * last, as meant. */
static long
members(const char **at, const char *end, struct member **list, size_t *cap, int *blanks, struct event_keys *inner)
{
	const char *p = *at;
	size_t n = 0;

	for (p++; ; ) {
		struct member *m;

		p = walk_blanks(p, end, blanks);
		if (p >= end || *p == '}') {
			*at = p < end ? p + 1 : end;
			return (long)n;
		}
		if (*p == ',') {
			p = walk_blanks(p + 1, end, blanks);
			if (p >= end)
				return (long)n;
		}
		if (n == EVENT_KEYS_MOST)
			return -1;
		m = member_add(list, cap, n++);
		m->key = p + 1;
		m->escaped = m->gone = 0;
		p = walk_string(p + 1, end, &m->escaped);
		m->key_n = (uint32_t)(p - m->key);
		p = walk_blanks(p + 1, end, blanks);
		p = walk_blanks(p + 1, end, blanks);
		if (p >= end)           /* not in valid text */
			return (long)n - 1;
		if (inner && *p == '{' && m->key_n == 10 && memcmp(m->key, "properties", 10) == 0) {
			m->value = (struct json){ .p = p, .type = JSON_OBJECT };
			inner->inner_of = p;
			inner->inner_blanks = 0;
			inner->inner_found = members(&p, end, &inner->inner, &inner->inner_cap, &inner->inner_blanks, NULL);
			if (inner->inner_found < 0)
				p = walk_value(p, end, &m->value, blanks);
			m->value.n = (size_t)(p - m->value.p);
		} else
			p = walk_value(p, end, &m->value, blanks);
	}
}

/* ---- keys that came twice */

static inline uint64_t
load(const char *p, size_t n)
{
	uint64_t x = 0;

	memcpy(&x, p, n);
	return x;
}

static inline uint64_t
fold(uint64_t a, uint64_t b)
{
	__uint128_t x = (__uint128_t)a * b;

	return (uint64_t)x ^ (uint64_t)(x >> 64);
}

static inline uint64_t
key_hash(const struct event_keys *k, struct str key)
{
	uint64_t a, b;

	if (key.n > 16)
		return str_hash(key);
	if (key.n >= 8)
		a = load(key.p, 8), b = load(key.p + key.n - 8, 8);
	else if (key.n >= 4)
		a = load(key.p, 4), b = load(key.p + key.n - 4, 4);
	else
		a = load(key.p, key.n), b = key.n;
	return fold(a ^ k->seed, b ^ (k->seed >> 32 | k->seed << 32) ^ key.n * 0x9e3779b97f4a7c15u);
}

/* The decoded key; one that is escaped lives in k->decoded until the next call. */
static struct str
member_key(struct event_keys *k, const struct member *m)
{
	if (m->escaped)
		return json_text((struct json){ m->key - 1, m->key_n + 2u, JSON_STRING, 1 }, &k->decoded);
	return (struct str){ m->key, m->key_n };
}

static int
member_is(const struct member *m, struct str key)
{
	if (m->escaped)
		return json_text_eq((struct json){ m->key - 1, m->key_n + 2u, JSON_STRING, 1 }, key);
	return str_eq((struct str){ m->key, m->key_n }, key);
}

static void
round_begin(struct event_keys *k, size_t n)
{
	if (k->cap < 2 * n || ++k->round == 0) {
		while (k->cap < 2 * n || k->cap < 256)
			k->cap = k->cap ? k->cap * 2 : 256;
		free(k->slot);
		k->slot = mem_new(k->cap * sizeof(*k->slot));
		k->round = 1;
	}
}

/* The slot of a key: of this round when the key is known already, else free. */
static struct slot *
slot_find(struct event_keys *k, const struct member *list, struct str key)
{
	size_t i = key_hash(k, key) & (k->cap - 1);

	while (k->slot[i].round == k->round && !member_is(&list[k->slot[i].index], key))
		i = (i + 1) & (k->cap - 1);
	return &k->slot[i];
}

/* Give the first of several members with one key the value of the last, and mark the others gone. Did it find any? */
static int
members_unique(struct event_keys *k, struct member *list, size_t n)
{
	int found = 0;

	round_begin(k, n);
	for (size_t i = 0; i < n; i++) {
		struct slot *s;

		if (list[i].gone)
			continue;
		s = slot_find(k, list, member_key(k, &list[i]));
		if (s->round == k->round) {
			list[s->index].value = list[i].value;
			list[i].gone = 1;
			found = 1;
		} else
			*s = (struct slot){ k->round, (uint32_t)i };
	}
	return found;
}

/* ---- what a key means */

enum { NAME, TIME, USER, SESSION, ID, PROPERTIES, FIELDS };

/* Field by field, the key itself first, then its aliases in the order of at-rows(5). */
static const struct known { const char *key; uint8_t n, field, alias; } known[] = {
	{ "event", 5, NAME, 0 }, { "name", 4, NAME, 1 }, { "type", 4, NAME, 1 },
	{ "timestamp", 9, TIME, 0 }, { "ts", 2, TIME, 1 }, { "time", 4, TIME, 1 }, { "@timestamp", 10, TIME, 1 },
	{ "originalTimestamp", 17, TIME, 1 },
	{ "user_id", 7, USER, 0 }, { "userId", 6, USER, 1 }, { "distinct_id", 11, USER, 1 }, { "anonymousId", 11, USER, 1 },
	{ "client_id", 9, USER, 1 },
	{ "session_id", 10, SESSION, 0 }, { "sessionId", 9, SESSION, 1 },
	{ "id", 2, ID, 0 }, { "messageId", 9, ID, 1 }, { "uuid", 4, ID, 1 }, { "event_id", 8, ID, 1 },
	{ "properties", 10, PROPERTIES, 0 },
};
#define KNOWN (int)(sizeof(known) / sizeof(known[0]))

static inline int
known_find(const char *key, size_t n)
{
	if (n < 2 || n > 17)
		return -1;
	for (int i = 0; i < KNOWN; i++)
		if (known[i].n == n && known[i].key[0] == key[0] && memcmp(known[i].key, key, n) == 0)
			return i;
	return -1;
}

struct str
event_field_of(struct str key)
{
	int i = known_find(key.p, key.n);

	while (i > 0 && known[i].alias)
		i--;
	return i < 0 ? (struct str){ 0 } : (struct str){ known[i].key, known[i].n };
}

struct str
event_key_of(struct str field, int i)
{
	int own = known_find(field.p, field.n), at = own + i;

	if (own < 0 || known[own].alias || known[own].field == PROPERTIES || i < 0 || at >= KNOWN || known[at].field != known[own].field)
		return (struct str){ 0 };
	return (struct str){ known[at].key, known[at].n };
}

int
event_is_id(struct str field)
{
	int i = known_find(field.p, field.n);

	return i >= 0 && !known[i].alias && (known[i].field == ID || known[i].field == USER || known[i].field == SESSION);
}

/* May this value stand for the field? Null never does. Aliases of another kind are ordinary properties. */
static int
suits(int field, struct json v)
{
	switch (field) {
	case NAME: return v.type == JSON_STRING && v.n > 2;
	case TIME: return (v.type == JSON_STRING && v.n > 2) || v.type == JSON_NUMBER;
	case PROPERTIES: return v.type == JSON_OBJECT;
	default: return v.type == JSON_NUMBER || (v.type == JSON_STRING && v.n > 2);
	}
}

/* Nothing was said: null, and for ids the empty string, which names nobody. */
static int
is_nothing(int field, struct json v)
{
	return v.type == JSON_NULL || (field != NAME && v.type == JSON_STRING && v.n == 2);
}

static struct str
text_of(struct json v, struct buf *scratch)
{
	if (v.type == JSON_NUMBER)
		return json_raw(v);
	if (v.escaped)
		return json_text(v, scratch);
	return (struct str){ v.p + 1, v.n - 2 };
}

static long
col_of(struct str row, struct json v)           /* 1 of a value that stands elsewhere: properties that were text */
{
	return v.p >= row.p && v.p < row.p + row.n ? v.p - row.p + 1 : 1;
}

static int
time_read(struct str row, struct json v, struct buf *scratch, int64_t *ms, struct err *err)
{
	struct str text = text_of(v, scratch);
	int64_t whole;
	double number;

	if (v.type == JSON_STRING) {
		if (time_parse_rfc3339(text, ms) == 0)
			return 0;
		if ((str_int64(text, &whole) == 0 && time_of_epoch_int(whole, ms) == 0) ||
		    (str_double(text, &number) == 0 && time_of_epoch(number, ms) == 0))
			goto range;
		return err_col(err, col_of(row, v), ERR_INPUT, "'%.*s' is no time, try 2026-11-23T10:15:30Z or epoch seconds",
		    text.n > 40 ? 40 : STR_FMT(text));
	}
	if (!(json_int64(v, &whole) ? time_of_epoch_int(whole, ms) == 0 : json_double(v, &number) && time_of_epoch(number, ms) == 0))
		return err_col(err, col_of(row, v), ERR_INPUT, "%.*s is no time, it lies outside the years 0000 to 9999",
		    v.n > 40 ? 40 : (int)v.n, v.p);
range:
	if (*ms < TIME_MIN || *ms > TIME_MAX)
		return err_col(err, col_of(row, v), ERR_INPUT, "the time lies outside the years 0000 to 9999");
	return 0;
}

static int
id_read(struct str row, struct json v, const char *what, struct buf *scratch, struct str *to, struct err *err)
{
	*to = text_of(v, scratch);
	if (to->n > EVENT_ID_MOST)
		return err_col(err, col_of(row, v), ERR_INPUT, "%s is longer than %d bytes", what, EVENT_ID_MOST);
	return 0;
}

/* ---- properties that cannot be taken as they stand */

static void
put_member(struct buf *out, struct event_keys *k, const struct member *m, int blanks)
{
	if (out->n > 1)
		buf_byte(out, ',');
	if (m->escaped)
		json_put_key(out, member_key(k, m));
	else {
		buf_byte(out, '"');
		buf_add(out, m->key, m->key_n);
		buf_add(out, "\":", 2);
	}
	if (blanks)
		json_put_compact(out, m->value);
	else
		buf_add(out, m->value.p, m->value.n);
}

/* The object's own members, then those of the top level that mean nothing else and are not there yet. */
static int
properties_build(struct event_reader *r, int blanks)
{
	struct event_keys *k = r->keys;
	struct buf *out = &r->properties;
	size_t kept = 0;

	buf_clear(out);
	buf_byte(out, '{');
	for (size_t i = 0; i < k->n_inner; i++)
		if (!k->inner[i].gone)
			put_member(out, k, &k->inner[i], blanks), kept++;
	for (size_t i = 0; i < k->n_top; i++) {
		struct member *m = &k->top[i];

		if (m->gone || slot_find(k, k->inner, member_key(k, m))->round == k->round)
			continue;
		if (++kept > EVENT_KEYS_MOST)
			return -1;
		put_member(out, k, m, 1);
	}
	buf_byte(out, '}');
	return 0;
}

int
event_read(struct event_reader *r, struct str row, struct event *e, struct err *err)
{
	int rc = json_check(row, err);

	return rc ? rc : event_read_checked(r, row, e, err);
}

/* Properties as text that is an object, as a cell of CSV holds them and a row of at-query's answers. JSON_ABSENT: it is none. */
static struct json
properties_of_text(struct event_reader *r, struct json text)
{
	struct err ignored = { 0 };
	struct json v;

	buf_clear(&r->said);
	buf_str(&r->said, text_of(text, &r->text[0]));
	if (json_check(buf_get(&r->said), &ignored))
		return JSON_ABSENT;
	v = json_checked(buf_get(&r->said));
	return v.type == JSON_OBJECT ? v : JSON_ABSENT;
}

/* Which member stands for which field: of a key that came twice the last, then the lowest rank. *extra: some mean nothing. */
static int
fields_find(struct event_reader *r, struct str row, struct json field[FIELDS], int *extra, struct err *err)
{
	static const char *const names[] = { "event", "timestamp", "user_id", "session_id", "id", "properties" };
	struct event_keys *k = r->keys;
	struct member *last[KNOWN] = { 0 };
	struct json text;

	*extra = 0;
	for (size_t i = 0; i < k->n_top; i++) {
		struct member *m = &k->top[i];
		struct str key = member_key(k, m);
		int is = known_find(key.p, key.n);

		if (is < 0)
			*extra = 1;
		else {
			if (last[is])
				last[is]->gone = 1;
			last[is] = m;
		}
	}
	for (int i = 0; i < KNOWN; i++) {
		struct member *m = last[i];
		int f = known[i].field;

		if (!m)
			continue;
		if (f == PROPERTIES && m->value.type == JSON_STRING && m->value.n > 2 && (text = properties_of_text(r, m->value)).p)
			m->value = text;
		if (is_nothing(f, m->value))
			m->gone = 1;
		else if (field[f].p || (known[i].alias && !suits(f, m->value)))
			*extra = 1;             /* another stands for the field: this one is an ordinary property */
		else if (suits(f, m->value)) {
			field[f] = m->value;
			m->gone = 1;
		} else
			return err_col(err, col_of(row, m->value), ERR_INPUT, "%s: wants %s", names[f],
			    f == PROPERTIES ? "an object" : f == NAME ? "1 to 255 bytes of text" :
			    f == TIME ? "a time, as RFC 3339 or an epoch number" : "text or a number");
	}
	return 0;
}

/* Properties: as they stand where nothing has to change. *user: their userId. */
static int
properties_read(struct event_reader *r, struct str row, struct json properties, int extra, struct json *user, struct event *e, struct err *err)
{
	struct event_keys *k = r->keys;
	int blanks = 0, rebuild;
	long n = 0;

	if (properties.p) {
		if (properties.p == k->inner_of)
			n = k->inner_found, blanks = k->inner_blanks;
		else {                  /* its key is written with an escape, or it was text */
			const char *p = properties.p;

			n = members(&p, p + properties.n, &k->inner, &k->inner_cap, &blanks, NULL);
		}
		if (n < 0)
			return err_col(err, col_of(row, properties), ERR_INPUT, "more than %d keys in properties", EVENT_KEYS_MOST);
	}
	k->n_inner = (size_t)n;
	rebuild = members_unique(k, k->inner, k->n_inner) | blanks;
	for (size_t i = 0; i < k->n_inner; i++) {
		struct member *m = &k->inner[i];

		rebuild |= m->escaped;
		if (!m->gone && member_is(m, STR("userId")))
			*user = m->value;
	}
	if (extra) {
		members_unique(k, k->top, k->n_top);
		members_unique(k, k->inner, k->n_inner);        /* the table of this round is the properties' */
		rebuild = 1;
	}
	if (rebuild) {
		if (properties_build(r, blanks))
			return err_col(err, 1, ERR_INPUT, "more than %d keys in properties", EVENT_KEYS_MOST);
		e->properties = buf_get(&r->properties);
	} else if (k->n_inner) {
		e->properties = json_raw(properties);
		if (!user->p)
			event_orders_learn(k->orders, e->properties);
	} else
		e->properties = STR("{}");
	return 0;
}

/* All but the properties. */
static int
fields_read(struct event_reader *r, struct str row, const struct json field[FIELDS], struct event *e, struct err *err)
{
	int rc;

	e->received = r->now;
	e->seq = 0;
	e->time = r->now;
	if (field[TIME].p && (rc = time_read(row, field[TIME], &r->text[0], &e->time, err)))
		return rc;
	if (field[NAME].p)
		e->name = text_of(field[NAME], &r->text[0]);
	else if (r->default_name.p)
		e->name = r->default_name;
	else
		return err_col(err, 1, ERR_INPUT, "no event name, give the row \"event\" or use --event NAME");
	if (e->name.n > EVENT_NAME_MOST)
		return err_col(err, field[NAME].p ? col_of(row, field[NAME]) : 1, ERR_INPUT, "event: wants 1 to 255 bytes, has %zu", e->name.n);
	e->id = e->user_id = e->session_id = (struct str){ 0 };
	if ((field[ID].p && (rc = id_read(row, field[ID], "id", &r->text[1], &e->id, err))) ||
	    (field[USER].p && (rc = id_read(row, field[USER], "user_id", &r->text[2], &e->user_id, err))) ||
	    (field[SESSION].p && (rc = id_read(row, field[SESSION], "session_id", &r->text[3], &e->session_id, err))))
		return rc;
	return 0;
}

/* `own`: of a row that we wrote, properties that need no look; p NULL: there are none such. */
static int
read_checked(struct event_reader *r, struct str row, struct str own, struct event *e, struct err *err)
{
	struct event_keys *k = r->keys;
	const char *p = row.p, *end = row.p + row.n;
	struct json field[FIELDS] = { 0 }, user = JSON_ABSENT;
	int blanks = 0, extra, rc;
	long n;

	p = walk_blanks(p, end, &blanks);
	if (p == end || *p != '{')
		return err_col(err, p - row.p + 1, ERR_INPUT, "a row is a JSON object, {\"event\":…}");
	if (own.p)                      /* what is before `,"properties":`, or the brace alone */
		end = own.p - row.p > 15 ? own.p - 14 : p + 1;
	k->inner_of = NULL;
	if ((n = members(&p, end, &k->top, &k->top_cap, &blanks, k)) < 0)
		return err_col(err, 1, ERR_INPUT, "more than %d keys in the row", EVENT_KEYS_MOST);
	k->n_top = (size_t)n;
	k->n_inner = 0;
	if ((rc = fields_find(r, row, field, &extra, err)))
		return rc;
	if (own.p)
		e->properties = own.n > 2 ? own : STR("{}");
	else if ((rc = properties_read(r, row, field[PROPERTIES], extra, &user, e, err)))
		return rc;
	if (!field[USER].p && suits(USER, user))
		field[USER] = user;
	return fields_read(r, row, field, e, err);
}

/* The closing quote of a string whose text is printed as it stands; NULL when that is not sure. It begins at p. */
static inline const char *
plain_end(const char *p, const char *end)
{
#ifdef __SSE2__
	const __m128i quote = _mm_set1_epi8('"'), slash = _mm_set1_epi8('\\'), delete = _mm_set1_epi8(0x7f);

	for (; end - p >= 16; p += 16) {
		__m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
		unsigned hit = (unsigned)_mm_movemask_epi8(_mm_or_si128(_mm_cmpeq_epi8(v, quote),
		    _mm_or_si128(_mm_cmpeq_epi8(v, slash), _mm_cmpeq_epi8(v, delete))));

		if (hit)
			return p[__builtin_ctz(hit)] == '"' ? p + __builtin_ctz(hit) : NULL;
	}
#endif
	while (p < end && *p != '"' && *p != '\\' && *p != 0x7f)
		p++;
	return p < end && *p == '"' ? p : NULL;
}

/* Does the text stand at *p? Then *p is moved behind it. */
#define STANDS(p, end, text) \
	((size_t)((end) - *(p)) >= sizeof(text) - 1 && memcmp(*(p), text, sizeof(text) - 1) == 0 && (*(p) += sizeof(text) - 1))

/* The text of a string at *p, which is moved behind its quote. */
static inline int
plain(const char **p, const char *end, size_t most, struct str *to)
{
	const char *from = *p, *quote = plain_end(from, end);

	if (!quote || quote == from || (size_t)(quote - from) > most)
		return 0;
	*to = (struct str){ from, (size_t)(quote - from) };
	*p = quote + 1;
	return 1;
}

/* Nearly all rows that a format writes, and those of an event's own form with keys in an order that came before, are in
 * canonical form already: the same without a table of keys. 0 when this one is not, or when it is wrong. */
static int
read_canonical(struct event_reader *r, struct str row, struct str own, struct event *e)
{
	const char *p = row.p, *end = row.p + row.n, *last;

	e->id = e->user_id = e->session_id = (struct str){ 0 };
	if (!STANDS(&p, end, "{\"event\":\"") || !plain(&p, end, EVENT_NAME_MOST, &e->name) ||
	    !STANDS(&p, end, ",\"timestamp\":\"") || end - p <= TIME_LEN || p[TIME_LEN] != '"' ||
	    !time_is_printed(p) || time_parse_rfc3339((struct str){ p, TIME_LEN }, &e->time))
		return 0;
	p += TIME_LEN + 1;
	if ((STANDS(&p, end, ",\"id\":\"") && !plain(&p, end, EVENT_ID_MOST, &e->id)) ||
	    (STANDS(&p, end, ",\"user_id\":\"") && !plain(&p, end, EVENT_ID_MOST, &e->user_id)) ||
	    (STANDS(&p, end, ",\"session_id\":\"") && !plain(&p, end, EVENT_ID_MOST, &e->session_id)) ||
	    !STANDS(&p, end, ",\"properties\":") || (own.p && p != own.p))
		return 0;
	if (!own.p) {
		if (!(last = event_orders_follow(r->keys->orders, p, end)))
			return 0;
		own = (struct str){ p, (size_t)(last - p) };
	}
	if (own.p + own.n + 1 != end || *(end - 1) != '}')
		return 0;
	e->properties = own;
	e->received = r->now;
	e->seq = 0;
	r->canonical = row;
	return 1;
}

/* The same of a row whose values are known: it need not be walked. One whose ids are empty, which name nobody, is not canonical. */
static int
read_own(struct event_reader *r, struct str row, struct str properties, const struct str own[EVENT_OWN], struct event *e)
{
	int empty = 0;

	if (!own[EVENT_OWN_NAME].n || own[EVENT_OWN_NAME].n > EVENT_NAME_MOST || own[EVENT_OWN_TIME].n != TIME_LEN ||
	    !time_is_printed(own[EVENT_OWN_TIME].p) || time_parse_rfc3339(own[EVENT_OWN_TIME], &e->time))
		return 0;
	for (int i = EVENT_OWN_ID; i < EVENT_OWN; i++) {
		if (own[i].n > EVENT_ID_MOST)
			return 0;
		empty |= own[i].p && !own[i].n;
	}
	e->name = own[EVENT_OWN_NAME];
	e->id = own[EVENT_OWN_ID].n ? own[EVENT_OWN_ID] : (struct str){ 0 };
	e->user_id = own[EVENT_OWN_USER].n ? own[EVENT_OWN_USER] : (struct str){ 0 };
	e->session_id = own[EVENT_OWN_SESSION].n ? own[EVENT_OWN_SESSION] : (struct str){ 0 };
	e->properties = properties;
	e->received = r->now;
	e->seq = 0;
	if (!empty)
		r->canonical = row;
	return 1;
}

static void
begin(struct event_reader *r)
{
	r->canonical = (struct str){ 0 };
	if (r->keys)
		return;
	r->keys = mem_new(sizeof(*r->keys));
	r->keys->seed = str_hash(STR("keys of a row"));
	r->keys->orders = event_orders_new();
}

int
event_read_checked(struct event_reader *r, struct str row, struct event *e, struct err *err)
{
	struct str none = { 0 };

	begin(r);
	return read_canonical(r, row, none, e) ? 0 : read_checked(r, row, none, e, err);
}

int
event_read_own(struct event_reader *r, struct str row, struct str properties, const struct str own[EVENT_OWN], struct event *e, struct err *err)
{
	begin(r);
	if (properties.n > 2 && (own ? read_own(r, row, properties, own, e) : read_canonical(r, row, properties, e)))
		return 0;
	return read_checked(r, row, properties, e, err);
}

/* ---- writing */

static void
put_text(struct buf *out, const char *key, struct str text)
{
	buf_lit(out, key);
	json_put_string(out, text);
}

void
event_put(struct buf *out, const struct event *e)
{
	if (e->name.p) {
		put_text(out, "{\"event\":", e->name);
		buf_lit(out, ",\"timestamp\":");
	} else
		buf_lit(out, "{\"timestamp\":");
	json_put_time(out, e->time);
	if (e->id.p)
		put_text(out, ",\"id\":", e->id);
	if (e->user_id.p)
		put_text(out, ",\"user_id\":", e->user_id);
	if (e->session_id.p)
		put_text(out, ",\"session_id\":", e->session_id);
	buf_lit(out, ",\"properties\":");
	if (e->properties.n)
		buf_str(out, e->properties);
	else
		buf_lit(out, "{}");
	buf_byte(out, '}');
}

void
event_put_lossy(struct buf *out, struct str text)
{
	const char *p, *end;
	size_t from = out->n;
	long bad;

	while ((bad = str_utf8_fault(text)) >= 0) {
		buf_add(out, text.p, (size_t)bad);
		buf_lit(out, "\xef\xbf\xbd");
		text.p += bad + 1, text.n -= (size_t)bad + 1;
		while (text.n && (*text.p & 0xc0) == 0x80)      /* what followed the broken one belongs to it */
			text.p++, text.n--;
	}
	buf_str(out, text);

	/* Lone surrogates: same length, so they are mended in place. */
	if (out->n == from)
		return;
	for (p = out->p + from, end = out->p + out->n; (p = memchr(p, '\\', (size_t)(end - p))); ) {
		uint32_t unit = 0, low = 0;

		if (end - p > 1 && p[1] == 'u')
			str_hex(p + 2, end, 4, &unit);
		if (unit >> 10 == 0xd800 >> 10 && end - p >= 12 && p[6] == '\\' && p[7] == 'u' && str_hex(p + 8, end, 4, &low) &&
		    low >> 10 == 0xdc00 >> 10)
			p += 12;
		else if (unit >= 0xd800 && unit <= 0xdfff) {
			memcpy(out->p + (p + 2 - out->p), "fffd", 4);
			p += 6;
		} else
			p += end - p > 1 ? 2 : 1;
	}
}
