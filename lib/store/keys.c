#include "store/keys.h"

#include <stdlib.h>

#include "base/mem.h"
#include "json/json.h"
#include "store/store_priv.h"

void
keys_release(struct keys *k)
{
	map_release(&k->map);
	free(k->one);
	*k = (struct keys){ 0 };
}

void
keys_clear(struct keys *k)
{
	map_clear(&k->map);
	k->n = 0;
	k->first = 0;
}

#define ONES  0x0101010101010101u
#define HIGHS 0x8080808080808080u

/* Behind the closing quote of the string whose text begins at p, or NULL. Eight bytes at a time as long as none of them is a
 * quote or a backslash. */
static const char *
skip_string(const char *p, const char *end)
{
	while (p < end) {
		while (end - p >= 8) {
			uint64_t w, quote, back;

			memcpy(&w, p, 8);
			quote = w ^ ONES * '"';
			back = w ^ ONES * '\\';
			if ((((quote - ONES) & ~quote) | ((back - ONES) & ~back)) & HIGHS)
				break;
			p += 8;
		}
		for (int i = 0; i < 8 && p < end; i++) {
			if (*p == '"')
				return p + 1;
			p += *p == '\\' && end - p > 1 ? 2 : 1;
		}
	}
	return NULL;
}

/* Behind the value that begins at p: at the ',' or '}' that follows it, or NULL. */
static const char *
skip_value(const char *p, const char *end)
{
	int depth = 0;

	if (p < end && *p == '"')
		return skip_string(p + 1, end);
	for (; p < end; p++)
		switch (*p) {
		case '"':
			if (!(p = skip_string(p + 1, end)))
				return NULL;
			p--;
			break;
		case '{': case '[':
			depth++;
			break;
		case '}': case ']':
			if (depth-- == 0)
				return p;
			break;
		case ',':
			if (depth == 0)
				return p;
			break;
		}
	return NULL;
}

static uint32_t
look_up(struct keys *k, struct str raw)
{
	struct map_entry *e;
	int is_new;

	if (raw.n > STORE_KEY_MOST || (k->n >= KEYS_MOST && !map_find(&k->map, raw))) {
		k->dropped++;
		return 0;
	}
	e = map_put(&k->map, raw, &is_new);
	if (is_new) {
		if (k->n == k->cap)
			k->one = mem_grow(k->one, k->cap = k->cap ? k->cap * 2 : 64, sizeof(*k->one));
		k->one[k->n] = (struct keys_one){ .raw = e->key };
		e->bits = ++k->n;
	}
	return (uint32_t)e->bits;
}

void
keys_count(struct keys *k, struct str properties)
{
	keys_count_times(k, properties, 1);
}

void
keys_count_times(struct keys *k, struct str properties, int64_t times)
{
	const char *p = properties.p, *end = p + properties.n;
	uint32_t guess = k->first, was = 0;

	if (properties.n < 3 || *p != '{')
		return;
	while (p + 1 < end && p[1] == '"') {
		const char *key = p += 2;
		struct str raw;

		if (guess && k->one[guess - 1].raw.n < (size_t)(end - p) && p[k->one[guess - 1].raw.n] == '"' &&
		    memcmp(p, k->one[guess - 1].raw.p, k->one[guess - 1].raw.n) == 0) {
			p += k->one[guess - 1].raw.n + 1;
		} else {
			if (!(p = skip_string(p, end)))
				return;
			raw = (struct str){ key, (size_t)(p - key) - 1 };
			guess = look_up(k, raw);
			*(was ? &k->one[was - 1].next : &k->first) = guess;
		}
		if (guess) {
			k->one[guess - 1].count += times;
			was = guess;
			guess = k->one[guess - 1].next;
		}
		if (p == end || *p != ':' || !(p = skip_value(p + 1, end)) || p == end || *p != ',')
			return;
	}
}

void
keys_add(struct keys *k, const struct keys *more)
{
	for (size_t i = 0; i < more->n; i++) {
		uint32_t at = look_up(k, more->one[i].raw);

		if (at)
			k->one[at - 1].count += more->one[i].count;
	}
}

struct str
keys_text(struct str raw, struct buf *scratch)
{
	struct buf quoted = { 0 };
	struct str text;

	if (!memchr(raw.p, '\\', raw.n))
		return raw;
	buf_byte(&quoted, '"');
	buf_str(&quoted, raw);
	buf_byte(&quoted, '"');
	text = json_text((struct json){ quoted.p, quoted.n, JSON_STRING, 1 }, scratch);
	if (text.p == quoted.p + 1) {           /* borrowed after all: keep it */
		buf_clear(scratch);
		buf_str(scratch, text);
		text = buf_get(scratch);
	}
	buf_release(&quoted);
	return text.p ? text : raw;
}
