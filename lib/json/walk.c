#include "json/json.h"

#include "base/letter.h"

#if defined(__SSE2__)
#define SIMD_SSE2
#elif defined(__aarch64__)
#define SIMD_NEON
#endif
#include "json/json_scan_priv.h"

const char *
json_string_end(const char *p, const char *start, const char *end, uint8_t *escaped)
{
	return string_end(p, start, end, escaped);
}

uint8_t
json_scalar_type(const char *p, const char *end)
{
	switch (end - p) {
	case 4:
		if (memcmp(p, "true", 4) == 0)
			return JSON_TRUE;
		if (memcmp(p, "null", 4) == 0)
			return JSON_NULL;
		break;
	case 5:
		if (memcmp(p, "false", 5) == 0)
			return JSON_FALSE;
	}
	return json_number_end(p, end) == end && p < end ? JSON_NUMBER : JSON_NONE;
}

/* The value at p, which is no blank, written where it is wanted: a copy would wait for its parts. 0 when there is none. */
FN INLINE int
value_at(const char *p, const char *start, const char *end, struct json *v)
{
	uint8_t escaped = 0, type;
	const char *last;

	if (p == end)
		return 0;
	switch (*p) {
	case '"':
		if (!(last = string_end(p + 1, start, end, &escaped)))
			return 0;
		last++;
		type = JSON_STRING;
		break;
	case '{': case '[':
		if (!(last = json_used->container_end(p + 1, end)))
			return 0;
		type = *p == '{' ? JSON_OBJECT : JSON_ARRAY;
		break;
	default:
		last = scalar_end(p, start, end);
		if (!(type = json_scalar_type(p, last)))
			return 0;
	}
	v->p = p;
	v->n = (size_t)(last - p);
	v->type = type;
	v->escaped = escaped;
	return 1;
}

struct json
json_value(struct str text)
{
	const char *end = text.p + text.n;
	struct json v;

	if (text.n == 0 || !value_at(skip_blank(text.p, end), text.p, end, &v) || skip_blank(v.p + v.n, end) != end)
		return JSON_ABSENT;
	return v;
}

struct json
json_checked(struct str text)
{
	const char *p = text.p, *end = text.p + text.n;
	struct json v;

	while (p < end && json_is_blank(*p))
		p++;
	while (end > p && json_is_blank(end[-1]))
		end--;
	if (p == end)
		return JSON_ABSENT;
	v = (struct json){ .p = p, .n = (size_t)(end - p) };
	switch (*p) {
	case '{': v.type = JSON_OBJECT; break;
	case '[': v.type = JSON_ARRAY; break;
	case '"':
		v.type = JSON_STRING;
		v.escaped = memchr(p, '\\', v.n) != NULL;
		break;
	default: v.type = json_scalar_type(p, end);
	}
	return v.type ? v : JSON_ABSENT;
}

struct json
json_take(struct str *rest)
{
	const char *end = rest->p + rest->n, *p;
	struct json v;

	if (rest->n == 0)
		return JSON_ABSENT;
	p = skip_blank(rest->p, end);
	if (value_at(p, rest->p, end, &v))
		p += v.n;
	else
		v = JSON_ABSENT;
	*rest = (struct str){ p, (size_t)(end - p) };
	return v;
}

struct json_iter
json_iter(struct json v)
{
	if (v.type != JSON_OBJECT && v.type != JSON_ARRAY)
		return (struct json_iter){ 0 };
	return (struct json_iter){ .p = v.p + 1, .start = v.p, .end = v.p + v.n, .object = v.type == JSON_OBJECT };
}

static int
fault(struct json_iter *it, const char *at)
{
	it->fault = 1;
	it->p = at;
	return 0;
}

int
json_next(struct json_iter *it)
{
	const char *p = skip_blank(it->p, it->end), *end = it->end;

	if (!p || it->fault)
		return 0;
	if (p == end)
		return fault(it, p);
	if (*p == (it->object ? '}' : ']')) {
		if (p + 1 != end)
			return fault(it, p);
		it->p = it->end = NULL;
		return 0;
	}
	if (it->started) {
		if (*p != ',')
			return fault(it, p);
		p = skip_blank(p + 1, end);
	}
	it->started = 1;
	if (it->object) {
		if (p == end || *p != '"')
			return fault(it, p);
		if (!value_at(p, it->start, end, &it->key))
			return fault(it, p);
		p = skip_blank(p + it->key.n, end);
		if (p == end || *p != ':')
			return fault(it, p);
		p = skip_blank(p + 1, end);
	}
	if (!value_at(p, it->start, end, &it->value))
		return fault(it, p);
	it->p = p + it->value.n;
	return 1;
}

struct json
json_get(struct json v, struct str key)
{
	struct json found = JSON_ABSENT;

	if (v.type != JSON_OBJECT)
		return found;
	for (struct json_iter it = json_iter(v); json_next(&it); )
		if (json_text_eq(it.key, key))
			found = it.value;
	return found;
}

struct json
json_index(struct json v, int64_t i)
{
	int64_t n = 0;

	if (v.type != JSON_ARRAY)
		return JSON_ABSENT;
	if (i < 0) {
		for (struct json_iter it = json_iter(v); json_next(&it); )
			n++;
		i += n;
	}
	for (struct json_iter it = json_iter(v); i >= 0 && json_next(&it); i--)
		if (i == 0)
			return it.value;
	return JSON_ABSENT;
}

/* Decode the escape at p (a backslash), which is moved behind it. What stands for nothing, as a lone surrogate, becomes
 * U+FFFD. */
static size_t
unescape(const char **p, const char *end, char out[4])
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *s = *p + 1, *which;
	uint32_t c, low;

	if (s < end && *s == 'u' && str_hex(s + 1, end, 4, &c)) {
		s += 5;
		if (c >= 0xd800 && c < 0xe000) {
			if (c < 0xdc00 && end - s >= 6 && s[0] == '\\' && s[1] == 'u' && str_hex(s + 2, end, 4, &low) &&
			    low >= 0xdc00 && low < 0xe000) {
				c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
				s += 6;
			} else {
				c = 0xfffd;
			}
		}
		*p = s;
		return letter_write(c, out);
	}
	if (s == end || !*s || !(which = strchr(from, *s))) {
		*p = s + (s < end);
		return letter_write(0xfffd, out);
	}
	*p = s + 1;
	*out = to[which - from];
	return 1;
}

struct str
json_text(struct json v, struct buf *scratch)
{
	const char *p, *end;
	char piece[4];

	if (v.type != JSON_STRING)
		return (struct str){ NULL, 0 };
	p = v.p + 1, end = v.p + v.n - 1;
	if (!v.escaped)
		return (struct str){ p, (size_t)(end - p) };
	buf_clear(scratch);
	while (p < end) {
		const char *backslash = memchr(p, '\\', (size_t)(end - p));

		if (!backslash)
			backslash = end;
		buf_add(scratch, p, (size_t)(backslash - p));
		p = backslash;
		if (p < end) {
			size_t n = unescape(&p, end, piece);

			buf_add(scratch, piece, n);
		}
	}
	return buf_get(scratch);
}

struct str
json_text_dup(struct json v, struct arena *arena)
{
	struct buf scratch = { 0 };
	struct str text = json_text(v, &scratch);

	if (text.p && !(text.p = arena_dup(arena, text.p, text.n)))
		text.n = 0;
	buf_release(&scratch);
	return text;
}

int
json_text_eq(struct json v, struct str text)
{
	const char *p, *end, *t = text.p, *t_end = text.n ? t + text.n : t;
	char piece[4];

	if (v.type != JSON_STRING)
		return 0;
	p = v.p + 1, end = v.p + v.n - 1;
	if (!v.escaped)
		return (size_t)(end - p) == text.n && (text.n == 0 || memcmp(p, text.p, text.n) == 0);
	while (p < end) {
		if (*p == '\\') {
			size_t n = unescape(&p, end, piece);

			if ((size_t)(t_end - t) < n || memcmp(t, piece, n) != 0)
				return 0;
			t += n;
		} else if (t == t_end || *p++ != *t++) {
			return 0;
		}
	}
	return t == t_end;
}
