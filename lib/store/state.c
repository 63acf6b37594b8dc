/* state.c - small named state and rows kept as JSON text. */
#include <stdlib.h>

#include "codec/varint.h"
#include "store/store_priv.h"

#define NAME_MOST 300           /* bytes of a name that stand in the key; a longer one is cut there and hashed */

/* kind 0 name, or kind 0 the name's beginning 0 hash; the value holds the whole name. */
static void
state_key(const struct store *s, struct buf *key, const char *kind, struct str name)
{
	uint64_t hash[2];

	buf_clear(key);
	buf_lit(key, kind);
	buf_byte(key, 0);
	if (name.n <= NAME_MOST) {
		buf_str(key, name);
		return;
	}
	store_hash(s, name, hash);
	buf_add(key, name.p, NAME_MOST);
	buf_byte(key, 0);
	for (int i = 0; i < 16; i++)
		buf_byte(key, (char)(hash[i / 8] >> (8 * (i % 8))));
}

static int
kind_ok(const struct store *s, const char *kind, struct err *err)
{
	size_t n = strlen(kind);

	return n && n <= 64 ? 0 : err_set(err, ERR_USAGE, "%s: a kind has 1 to 64 bytes", s->path);
}

int
store_put_state(struct store *s, const char *kind, struct str name, struct str value, struct err *err)
{
	struct buf key = { 0 };
	int rc;

	if (!s->txn)
		return err_set(err, ERR_IO, "%s: no transaction is open", s->path);
	if ((rc = kind_ok(s, kind, err)))
		return rc;
	state_key(s, &key, kind, name);
	buf_clear(&s->value);
	varint_put_str(&s->value, name);
	buf_str(&s->value, value);
	rc = store_put(s, STORE_STATE, buf_get(&key), buf_get(&s->value), err);
	buf_release(&key);
	return rc;
}

int
store_get_state(struct store *s, const char *kind, struct str name, struct buf *value, struct err *err)
{
	struct store_view v;
	struct buf key = { 0 };
	struct str got, whole;
	int rc;

	buf_clear(value);
	if ((rc = kind_ok(s, kind, err)) || (rc = store_view_open(&v, s, err)))
		return rc;
	state_key(s, &key, kind, name);
	if ((rc = store_fetch(&v, STORE_STATE, buf_get(&key), &got, err)) > 0) {
		if (varint_take_str(&got, &whole))
			rc = store_damaged(err, s, "a state without its name");
		else if (!str_eq(whole, name))
			rc = 0;
		else
			buf_str(value, got);
	}
	store_view_close(&v);
	buf_release(&key);
	return rc;
}

int
store_drop_state(struct store *s, const char *kind, struct str name, struct err *err)
{
	struct buf key = { 0 };
	int rc;

	if (!s->txn)
		return err_set(err, ERR_IO, "%s: no transaction is open", s->path);
	if ((rc = kind_ok(s, kind, err)))
		return rc;
	state_key(s, &key, kind, name);
	rc = store_delete(s, STORE_STATE, buf_get(&key), err);
	buf_release(&key);
	return rc;
}

int
store_each_state(struct store *s, const char *kind, int (*each)(void *, struct str name, struct str value), void *self, struct err *err)
{
	struct store_view v;
	struct store_cursor c = { .view = &v, .table = STORE_STATE };
	struct buf all = { 0 };
	struct str key, value, rest, name, prefix = { kind, strlen(kind) + 1 };
	int rc;

	if ((rc = kind_ok(s, kind, err)) || (rc = store_view_open(&v, s, err)))
		return rc;
	for (rc = store_walk(&c, prefix, &key, &value, err); rc > 0 && str_starts(key, prefix); rc = store_walk_next(&c, &key, &value, err))
		varint_put_str(&all, value);
	store_walk_end(&c);
	store_view_close(&v);
	rc = rc < 0 ? rc : 0;
	for (rest = buf_get(&all); rc == 0 && rest.n; ) {
		varint_take_str(&rest, &value);
		rc = varint_take_str(&value, &name) ? store_damaged(err, s, "a state without its name") : each(self, name, value);
	}
	buf_release(&all);
	return rc;
}

int
store_has_state(struct store *s, const char *kind, struct err *err)
{
	struct store_view v;
	struct store_cursor c = { .view = &v, .table = STORE_STATE };
	struct str key, value, prefix = { kind, strlen(kind) + 1 };
	int rc;

	if ((rc = kind_ok(s, kind, err)) || (rc = store_view_open(&v, s, err)))
		return rc;
	rc = store_walk(&c, prefix, &key, &value, err);
	if (rc > 0)
		rc = str_starts(key, prefix);
	store_walk_end(&c);
	store_view_close(&v);
	return rc;
}

/* ---- rows: kind 0 time number -> JSON */

const char *const store_row_kinds[] = { "alert", "anomaly", "match", "insight", NULL };

static int
names(struct json v, int (*is)(void *, struct str), void *self, struct buf *scratch)
{
	struct json_iter it = json_iter(v);
	int found = 0;

	while ((v.type == JSON_OBJECT || v.type == JSON_ARRAY) && !found && json_next(&it)) {
		if (it.value.type == JSON_OBJECT || it.value.type == JSON_ARRAY)
			found = names(it.value, is, self, scratch);
		else if (v.type == JSON_OBJECT && json_text_eq(it.key, STR("user_id")) && (it.value.type == JSON_STRING || it.value.type == JSON_NUMBER))
			found = is(self, it.value.type == JSON_STRING ? json_text(it.value, scratch) : json_raw(it.value));
	}
	return found;
}

int
store_row_names(struct json row, int (*is)(void *self, struct str user), void *self)
{
	struct buf scratch = { 0 };
	int found = names(row, is, self, &scratch);

	buf_release(&scratch);
	return found;
}

int
store_add_row(struct store *s, const char *kind, int64_t time, struct str json, struct err *err)
{
	struct buf key = { 0 };
	char number[8];
	int rc;

	if (!s->txn)
		return err_set(err, ERR_IO, "%s: no transaction is open", s->path);
	if ((rc = kind_ok(s, kind, err)))
		return rc;
	buf_add(&key, kind, strlen(kind) + 1);
	store_key64(number, store_key_time(time));
	buf_add(&key, number, 8);
	store_key64(number, s->head.next_row++);
	buf_add(&key, number, 8);
	rc = store_put(s, STORE_ROWS, buf_get(&key), json, err);
	buf_release(&key);
	return rc;
}

#define PIECE (1 << 20)         /* bytes copied in one transaction, so that none is held while the caller works */

int
store_each_row(struct store *s, const char *kind, int64_t from, int64_t to, int (*each)(void *, int64_t time, struct str json), void *self, struct err *err)
{
	struct buf start = { 0 }, all = { 0 };
	size_t prefix = strlen(kind) + 1;
	uint64_t behind = store_held_next_row(s);
	struct store_head head;
	void *reader = NULL;
	char number[8];
	int rc, walked, more = 1;

	if ((rc = kind_ok(s, kind, err)))
		return rc;
	if (s->rights && !(reader = s->rights->open(s->rights->self, s, err)))
		return err->code;
	buf_add(&start, kind, prefix);
	store_key64(number, store_key_time(from));
	buf_add(&start, number, 8);
	while (more && rc == 0) {
		struct store_view v;
		struct store_cursor c = { .view = &v, .table = STORE_ROWS };
		struct str key, value, rest;

		buf_clear(&all);
		more = 0;
		if ((rc = store_view_open(&v, s, err)))
			break;
		if (v.own && behind == UINT64_MAX && store_view_head(&v, &head, &(struct err){ 0 }) == 0)       /* without a head: all there is */
			behind = head.next_row;
		for (rc = store_walk(&c, buf_get(&start), &key, &value, err); rc > 0; rc = store_walk_next(&c, &key, &value, err)) {
			if (key.n != prefix + 16 || memcmp(key.p, kind, prefix) || store_key_time_get(store_key64_get(key.p + prefix)) >= to)
				break;
			if (store_key64_get(key.p + prefix + 8) >= behind)
				continue;               /* it came later */
			if (all.n >= PIECE) {
				buf_clear(&start);
				buf_str(&start, key);
				more = 1;
				break;
			}
			buf_add(&all, key.p + prefix, 8);
			varint_put_str(&all, value);
		}
		store_walk_end(&c);
		store_view_close(&v);
		walked = rc < 0 ? rc : 0;       /* what stands in front of a damaged row is given all the same */
		rc = 0;
		for (rest = buf_get(&all); rc == 0 && rest.n; ) {
			int64_t time = store_key_time_get(store_key64_get(rest.p));

			rest.p += 8;
			rest.n -= 8;
			varint_take_str(&rest, &value);
			if (s->rights && (rc = s->rights->row(reader, kind, &value, err)) <= 0)
				continue;
			rc = each(self, time, value);
		}
		rc = rc ? rc : walked;
	}
	if (s->rights)
		s->rights->close(reader);
	buf_release(&start);
	buf_release(&all);
	return rc;
}
