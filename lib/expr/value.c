/* Values: jq's order, equality and text of them, over raw JSON and over what the program made. */
#include "expr/expr_priv.h"

#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define FEW_KEYS 16     /* in an object: to find keys that come twice, compare each with each */

int
expr_raise(struct expr_run *run, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(run->err->text, sizeof(run->err->text), fmt, ap);
	va_end(ap);
	run->err->col = 0;
	return run->err->code = ERR_INPUT;
}

int
expr_limit(struct expr_run *run, const char *what)
{
	return err_set(run->err, ERR_LIMIT, "the expression needs more %s than one row may have", what);
}

int
expr_charge(struct expr_run *run, size_t steps)
{
	run->steps += steps;
	return run->steps > EXPR_STEPS ? expr_limit(run, "time") : 0;
}

void *
expr_get(struct expr_run *run, size_t size)
{
	void *p = size > EXPR_MEMORY ? NULL : arena_get(run->arena, size ? size : 1);

	if (!p)
		expr_limit(run, "memory");
	return p;
}

void *
expr_more(struct expr_run *run, const void *items, size_t *cap, size_t size)
{
	size_t had = *cap, want = had ? had * 2 : 8;
	void *more = expr_get(run, want * size);

	if (!more)
		return NULL;
	if (had)
		memcpy(more, items, had * size);
	*cap = want;
	return more;
}

struct expr_value
expr_raw(struct json j)
{
	return (struct expr_value){ .type = j.type, .form = EXPR_RAW, .escaped = j.escaped, .n = j.n, .p = j.p };
}

static struct json
json_of(const struct expr_value *v)
{
	return (struct json){ v->p, v->n, v->type, v->escaped };
}

const char *
expr_kind(const struct expr_value *v)
{
	static const char *const kinds[] = {
		"invalid", "null", "boolean", "boolean", "number", "string", "array", "object",
	};

	return kinds[v->type];
}

/* ---- numbers */

static locale_t c_locale;

static void
make_c_locale(void)
{
	c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
}

static double
slow_number(const char *p, size_t n)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	char some[64], *text = some;
	double d;

	pthread_once(&once, make_c_locale);
	if (n >= sizeof(some))
		text = mem_new(n + 1);
	memcpy(text, p, n);
	text[n] = 0;
	d = strtod_l(text, NULL, c_locale);
	if (text != some)
		free(text);
	return d;
}

/* Up to 15 digits and a power of ten up to 22 are exact in doubles, so one division rounds rightly. */
double
expr_number(const struct expr_value *v)
{
	static const double tens[] = { 1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15 };
	const char *p, *end;
	int64_t m = 0;
	size_t fraction = 0;
	int minus;

	if (v->form == EXPR_NUM)
		return v->num;
	p = v->p;
	end = p + v->n;
	if (v->n > 16)
		return slow_number(v->p, v->n);
	minus = p < end && *p == '-';
	p += minus;
	if (end - p > 16)
		return slow_number(v->p, v->n);
	for (; p < end && *p >= '0' && *p <= '9'; p++)
		m = m * 10 + (*p - '0');
	if (p < end && *p == '.')
		for (p++; p < end && *p >= '0' && *p <= '9'; p++, fraction++)
			m = m * 10 + (*p - '0');
	if (p < end || m >= 1000000000000000)
		return slow_number(v->p, v->n);
	return (minus ? -(double)m : (double)m) / tens[fraction];
}

static int
is_integer(const struct expr_value *v)
{
	if (v->form != EXPR_RAW)
		return 0;
	for (size_t i = v->p[0] == '-'; i < v->n; i++)
		if (v->p[i] < '0' || v->p[i] > '9')
			return 0;
	return 1;
}

/* A whole number written with more digits than every double has. */
static int
is_long_integer(const struct expr_value *v)
{
	return v->form == EXPR_RAW && v->n >= 16 && is_integer(v);
}

/* Written as it will be printed: at most 15 digits, a point between them, no zero at the end, not below 0.0001. */
static int
is_plain_decimal(const struct expr_value *v)
{
	const char *p = v->p, *end, *point;

	if (v->form != EXPR_RAW || v->n > 16 || v->n < 3)
		return 0;
	end = p + v->n;
	p += *p == '-';
	point = memchr(p, '.', (size_t)(end - p));
	if (!point || end[-1] < '1' || end[-1] > '9' || (p[0] == '0' && end - point > 4 && memcmp(point + 1, "000", 3) == 0))
		return 0;
	for (; p < end; p++)
		if ((*p < '0' || *p > '9') && p != point)
			return 0;
	return 1;
}

/* Two integers by their digits; JSON writes no leading zeros. */
static int
compare_digits(const struct expr_value *a, const struct expr_value *b)
{
	int am = a->p[0] == '-', bm = b->p[0] == '-', r;

	if (am != bm)
		return am ? -1 : 1;
	r = a->n != b->n ? (a->n < b->n ? -1 : 1) : memcmp(a->p, b->p, a->n);
	return am ? -r : r;
}

static int
compare_numbers(const struct expr_value *a, const struct expr_value *b)
{
	double x, y;

	if (is_long_integer(a) && is_long_integer(b))
		return compare_digits(a, b);
	x = expr_number(a), y = expr_number(b);
	if (x != x)
		return -1;      /* not-a-number counts as null, which is below every number, itself included */
	if (y != y)
		return 1;
	return x < y ? -1 : x > y;
}

/* The layout of jq's numbers: the shortest digits that read back the same; an exponent of two digits at least where the
 * plain form would take more than 15 zeros behind or 4 in front. */
void
expr_put_number(struct buf *b, double d)
{
	char text[40], digits[20];
	int n = 0, exponent, point;
	const char *e;

	if (d != d) {
		buf_lit(b, "null");
		return;
	}
	if (isinf(d)) {
		buf_lit(b, d < 0 ? "-1.7976931348623157e+308" : "1.7976931348623157e+308");
		return;
	}
	if (fabs(d) < 1e15 && d == (double)(int64_t)d && !(d == 0 && signbit(d))) {
		buf_int64(b, (int64_t)d);
		return;
	}
	if (d == 0) {
		buf_lit(b, "-0");
		return;
	}
	for (int precision = fabs(d) < 2.3e-308 ? 0 : 14; precision < 17; precision++) {
		struct expr_value back = { .type = JSON_NUMBER, .form = EXPR_RAW };

		snprintf(text, sizeof(text), "%.*e", precision, d);
		for (char *q = text; *q; q++)           /* whatever the locale's point is */
			if (*q == ',')
				*q = '.';
		back.p = text, back.n = strlen(text);
		if (slow_number(text, back.n) == d)
			break;
	}
	e = strchr(text, 'e');
	exponent = atoi(e + 1);
	for (const char *q = text; q < e; q++)
		if (*q >= '0' && *q <= '9' && n < 18)
			digits[n++] = *q;
	while (n > 1 && digits[n - 1] == '0')
		n--;
	point = exponent + 1;
	if (d < 0)
		buf_byte(b, '-');
	if (point <= -4 || point > n + 15) {
		buf_byte(b, digits[0]);
		if (n > 1) {
			buf_byte(b, '.');
			buf_add(b, digits + 1, (size_t)n - 1);
		}
		buf_printf(b, "e%c%02d", point - 1 < 0 ? '-' : '+', abs(point - 1));
	} else if (point <= 0) {
		buf_lit(b, "0.");
		for (int i = point; i < 0; i++)
			buf_byte(b, '0');
		buf_add(b, digits, (size_t)n);
	} else {
		for (int i = 0; i < n; i++) {
			if (i == point)
				buf_byte(b, '.');
			buf_byte(b, digits[i]);
		}
		for (int i = n; i < point; i++)
			buf_byte(b, '0');
	}
}

/* ---- texts */

int
expr_text(struct expr_run *run, const struct expr_value *v, struct str *text)
{
	struct str s;
	char *copy;

	if (v->form == EXPR_STR) {
		*text = (struct str){ v->p, v->n };
		return 0;
	}
	if (!v->escaped) {
		*text = (struct str){ v->p + 1, v->n - 2 };
		return 0;
	}
	s = json_text(json_of(v), &run->scratch);
	if (!(copy = expr_get(run, s.n)))
		return ERR_LIMIT;
	if (s.n)
		memcpy(copy, s.p, s.n);
	*text = (struct str){ copy, s.n };
	return 0;
}

static int
texts(struct expr_run *run, const struct expr_value *a, const struct expr_value *b, struct str *x, struct str *y)
{
	return expr_text(run, a, x) < 0 || expr_text(run, b, y) < 0 ? ERR_LIMIT : 0;
}

/* ---- arrays and objects as they are */

static int
no_json(struct expr_run *run)
{
	return expr_raise(run, "the row is no JSON, check its brackets and quotes");
}

int
expr_items(struct expr_run *run, const struct expr_value *v, struct expr_value **items, size_t *n)
{
	struct expr_value *list;
	struct json_iter it;
	size_t cap = 0;

	if (v->form == EXPR_LIST) {
		*items = v->items, *n = v->n;
		return 0;
	}
	*n = 0;
	if (!(list = expr_more(run, NULL, &cap, sizeof(*list))))
		return ERR_LIMIT;
	for (it = json_iter(json_of(v)); json_next(&it); ) {
		if (*n == cap && !(list = expr_more(run, list, &cap, sizeof(*list))))
			return ERR_LIMIT;
		list[(*n)++] = expr_raw(it.value);
	}
	*items = list;
	return it.fault ? no_json(run) : expr_charge(run, *n);
}

/* Do all keys surely differ? Plain raw keys, told apart by a few of their bytes; only where those meet are the keys
 * themselves compared. */
static int
all_differ(const struct expr_member *m, size_t n)
{
	uint64_t seen[4] = {0};

	for (size_t i = 0; i < n; i++) {
		const struct expr_value *k = &m[i].key;
		unsigned h;

		if (k->form != EXPR_RAW || k->escaped)
			return 0;
		h = ((unsigned)k->n * 37 + (unsigned char)k->p[1] * 11 + (unsigned char)k->p[k->n / 2] * 5 + (unsigned char)k->p[k->n - 2]) & 255;
		if (seen[h / 64] >> h % 64 & 1)
			for (size_t j = 0; j < i; j++)
				if (m[j].key.n == k->n && memcmp(m[j].key.p, k->p, k->n) == 0)
					return 0;
		seen[h / 64] |= (uint64_t)1 << h % 64;
	}
	return 1;
}

/* Keys that come twice: the place of the first, the value of the last. */
static int
drop_doubles(struct expr_run *run, struct expr_member *m, size_t *n)
{
	size_t cap = 64, out = 0, *slot;

	if (*n <= 2 * FEW_KEYS && all_differ(m, *n))
		return 0;
	if (*n <= FEW_KEYS) {
		for (size_t i = 0; i < *n; i++) {
			size_t k;
			int same = 0;

			for (k = 0; k < out && !same; k++)
				if (expr_equal(run, &m[k].key, &m[i].key, &same) < 0)
					return ERR_LIMIT;
			if (same)
				m[k - 1].value = m[i].value;
			else
				m[out++] = m[i];
		}
		*n = out;
		return 0;
	}
	while (cap < *n * 2)
		cap *= 2;
	if (!(slot = expr_get(run, cap * sizeof(*slot))))
		return ERR_LIMIT;
	memset(slot, 0, cap * sizeof(*slot));
	for (size_t i = 0; i < *n; i++) {
		struct str key;
		size_t h;
		int same = 0;

		if (expr_text(run, &m[i].key, &key) < 0)
			return ERR_LIMIT;
		for (h = str_hash(key) & (cap - 1); slot[h]; h = (h + 1) & (cap - 1)) {
			if (expr_equal(run, &m[slot[h] - 1].key, &m[i].key, &same) < 0)
				return ERR_LIMIT;
			if (same)
				break;
		}
		if (same) {
			m[slot[h] - 1].value = m[i].value;
		} else {
			m[out] = m[i];
			slot[h] = ++out;
		}
	}
	*n = out;
	return 0;
}

int
expr_members(struct expr_run *run, const struct expr_value *v, struct expr_member **members, size_t *n)
{
	struct expr_member *list;
	struct json_iter it;
	size_t cap = 0;

	if (v->form == EXPR_MAP) {
		*members = v->members, *n = v->n;
		return 0;
	}
	*n = 0;
	if (!(list = expr_more(run, NULL, &cap, sizeof(*list))))
		return ERR_LIMIT;
	for (it = json_iter(json_of(v)); json_next(&it); ) {
		if (*n == cap && !(list = expr_more(run, list, &cap, sizeof(*list))))
			return ERR_LIMIT;
		list[(*n)++] = (struct expr_member){ expr_raw(it.key), expr_raw(it.value) };
	}
	*members = list;
	if (it.fault)
		return no_json(run);
	if (expr_charge(run, *n) < 0)
		return ERR_LIMIT;
	return drop_doubles(run, *members, n);
}

int
expr_member(struct expr_run *run, const struct expr_value *v, struct str key, struct expr_value *out)
{
	if (v->form == EXPR_RAW) {
		struct json j = json_get(json_of(v), key);

		if (j.type == JSON_NONE)
			return 0;
		*out = expr_raw(j);
		return 1;
	}
	for (size_t i = 0; i < v->n; i++) {
		struct str s;

		if (expr_text(run, &v->members[i].key, &s) < 0)
			return ERR_LIMIT;
		if (str_eq(s, key)) {
			*out = v->members[i].value;
			return 1;
		}
	}
	return 0;
}

/* ---- equality and order */

static int equal_at(struct expr_run *, const struct expr_value *a, const struct expr_value *b, int *is, int depth);

static int
equal_lists(struct expr_run *run, const struct expr_value *a, const struct expr_value *b, int *is, int depth)
{
	struct expr_value *p, *q;
	size_t n, m;
	int rc;

	if ((rc = expr_items(run, a, &p, &n)) < 0 || (rc = expr_items(run, b, &q, &m)) < 0)
		return rc;
	*is = n == m;
	for (size_t i = 0; i < n && *is; i++)
		if ((rc = equal_at(run, &p[i], &q[i], is, depth)) < 0)
			return rc;
	return expr_charge(run, n);
}

/* The value of that key: of the member `likely`, as mostly the order is the same, or of another. 1, 0: there is none, < 0. */
static int
find_member(struct expr_run *run, const struct expr_value *key, const struct expr_value *map, const struct expr_member *likely, int depth,
    struct expr_value *out)
{
	struct str text;
	int rc, same;

	if ((rc = equal_at(run, key, &likely->key, &same, depth)) < 0)
		return rc;
	if (same)
		return *out = likely->value, 1;
	if (expr_text(run, key, &text) < 0 || expr_charge(run, map->n) < 0)
		return ERR_LIMIT;
	return expr_member(run, map, text, out);
}

static int
equal_maps(struct expr_run *run, const struct expr_value *a, const struct expr_value *b, int *is, int depth)
{
	struct expr_member *p, *q;
	struct expr_value other, got;
	size_t n, m;
	int rc;

	if ((rc = expr_members(run, a, &p, &n)) < 0 || (rc = expr_members(run, b, &q, &m)) < 0)
		return rc;
	other = expr_of_members(q, m);
	*is = n == m;
	for (size_t i = 0; i < n && *is; i++) {
		*is = 0;
		if ((rc = find_member(run, &p[i].key, &other, &q[i], depth, &got)) < 0 ||
		    (rc && (rc = equal_at(run, &p[i].value, &got, is, depth)) < 0))
			return rc;
	}
	return expr_charge(run, n);
}

static int
equal_at(struct expr_run *run, const struct expr_value *a, const struct expr_value *b, int *is, int depth)
{
	struct str x, y;

	*is = 0;
	if (a->type != b->type)
		return 0;
	if (depth > EXPR_DEEP)
		return expr_limit(run, "nesting");
	switch (a->type) {
	case JSON_NUMBER:
		*is = (a->form == EXPR_RAW && b->form == EXPR_RAW && a->n == b->n && memcmp(a->p, b->p, a->n) == 0) || compare_numbers(a, b) == 0;
		return 0;
	case JSON_STRING:
		if (texts(run, a, b, &x, &y) < 0)
			return ERR_LIMIT;
		*is = str_eq(x, y);
		return 0;
	case JSON_ARRAY:
		return equal_lists(run, a, b, is, depth + 1);
	case JSON_OBJECT:
		return equal_maps(run, a, b, is, depth + 1);
	default:
		*is = 1;
		return 0;
	}
}

int
expr_equal(struct expr_run *run, const struct expr_value *a, const struct expr_value *b, int *is)
{
	return equal_at(run, a, b, is, 0);
}

static int
by_key(const void *a, const void *b)
{
	const struct str *x = a, *y = b;

	return str_cmp(*x, *y);
}

struct sorted { struct str key; struct expr_value value; };

static int
sorted_members(struct expr_run *run, const struct expr_value *v, struct sorted **out, size_t *n)
{
	struct expr_member *m;
	int rc = expr_members(run, v, &m, n);

	if (rc < 0)
		return rc;
	if (!(*out = expr_get(run, *n * sizeof(**out))))
		return ERR_LIMIT;
	for (size_t i = 0; i < *n; i++) {
		(*out)[i].value = m[i].value;
		if (expr_text(run, &m[i].key, &(*out)[i].key) < 0)
			return ERR_LIMIT;
	}
	qsort(*out, *n, sizeof(**out), by_key);
	return 0;
}

static int
compare_at(struct expr_run *run, const struct expr_value *a, const struct expr_value *b, int *order, int depth)
{
	struct str x, y;
	int rc;

	*order = (int)a->type - (int)b->type;
	if (*order)
		return 0;
	if (depth > EXPR_DEEP)
		return expr_limit(run, "nesting");
	switch (a->type) {
	case JSON_NUMBER:
		*order = compare_numbers(a, b);
		return 0;
	case JSON_STRING:
		if (texts(run, a, b, &x, &y) < 0)
			return ERR_LIMIT;
		*order = str_cmp(x, y);
		return 0;
	case JSON_ARRAY: {
		struct expr_value *p, *q;
		size_t n, m;

		if ((rc = expr_items(run, a, &p, &n)) < 0 || (rc = expr_items(run, b, &q, &m)) < 0)
			return rc;
		for (size_t i = 0; i < n && i < m && !*order; i++)
			if ((rc = compare_at(run, &p[i], &q[i], order, depth + 1)) < 0)
				return rc;
		if (!*order)
			*order = n < m ? -1 : n > m;
		return expr_charge(run, n);
	}
	case JSON_OBJECT: {
		struct sorted *p, *q;
		size_t n, m;

		if ((rc = sorted_members(run, a, &p, &n)) < 0 || (rc = sorted_members(run, b, &q, &m)) < 0)
			return rc;
		for (size_t i = 0; i < n && i < m && !*order; i++)      /* the keys as arrays first */
			*order = str_cmp(p[i].key, q[i].key);
		if (!*order)
			*order = n < m ? -1 : n > m;
		for (size_t i = 0; i < n && !*order; i++)
			if ((rc = compare_at(run, &p[i].value, &q[i].value, order, depth + 1)) < 0)
				return rc;
		return expr_charge(run, n);
	}
	default:
		return 0;
	}
}

int
expr_compare(struct expr_run *run, const struct expr_value *a, const struct expr_value *b, int *order)
{
	return compare_at(run, a, b, order, 0);
}

int
expr_contains(struct expr_run *run, const struct expr_value *a, const struct expr_value *b, int *is)
{
	struct str x, y;
	int rc;

	*is = 0;
	if (a->type != b->type)
		return 0;
	switch (a->type) {
	case JSON_STRING:
		if (texts(run, a, b, &x, &y) < 0)
			return ERR_LIMIT;
		x.n = strnlen(x.p, x.n), y.n = strnlen(y.p, y.n);       /* jq 1.6 sees texts up to a NUL here */
		*is = !y.n || memmem(x.p, x.n, y.p, y.n) != NULL;
		return 0;
	case JSON_ARRAY: {
		struct expr_value *p, *q;
		size_t n, m;

		if ((rc = expr_items(run, a, &p, &n)) < 0 || (rc = expr_items(run, b, &q, &m)) < 0)
			return rc;
		*is = 1;
		for (size_t i = 0; i < m && *is; i++) {
			*is = 0;
			for (size_t k = 0; k < n && !*is; k++)
				if ((rc = expr_charge(run, 1)) < 0 || (rc = expr_contains(run, &p[k], &q[i], is)) < 0)
					return rc;
		}
		return 0;
	}
	case JSON_OBJECT: {
		struct expr_member *q;
		struct expr_value got;
		size_t m;

		if ((rc = expr_members(run, b, &q, &m)) < 0)
			return rc;
		*is = 1;
		for (size_t i = 0; i < m && *is; i++) {
			*is = 0;
			if (expr_text(run, &q[i].key, &x) < 0 || expr_charge(run, 1) < 0)
				return ERR_LIMIT;
			if ((rc = expr_member(run, a, x, &got)) < 0)
				return rc;
			if (rc && (rc = expr_contains(run, &got, &q[i].value, is)) < 0)
				return rc;
		}
		return 0;
	}
	default:
		return expr_equal(run, a, b, is);
	}
}

/* ---- printing */

static int
put_items(struct expr_run *run, struct buf *b, const struct expr_value *v, int depth)
{
	struct expr_value *items;
	size_t n;
	int rc;

	if ((rc = expr_items(run, v, &items, &n)) < 0)
		return rc;
	buf_byte(b, '[');
	for (size_t i = 0; i < n; i++) {
		if (i)
			buf_byte(b, ',');
		if ((rc = expr_put(run, b, &items[i], depth)) < 0)
			return rc;
	}
	buf_byte(b, ']');
	return 0;
}

static int
put_members(struct expr_run *run, struct buf *b, const struct expr_value *v, int depth)
{
	struct expr_member *m;
	size_t n;
	int rc;

	if ((rc = expr_members(run, v, &m, &n)) < 0)
		return rc;
	buf_byte(b, '{');
	for (size_t i = 0; i < n; i++) {
		if (i)
			buf_byte(b, ',');
		if ((rc = expr_put(run, b, &m[i].key, depth)) < 0)
			return rc;
		buf_byte(b, ':');
		if ((rc = expr_put(run, b, &m[i].value, depth)) < 0)
			return rc;
	}
	buf_byte(b, '}');
	return 0;
}

int
expr_put(struct expr_run *run, struct buf *b, const struct expr_value *v, int depth)
{
	struct str s;

	if (depth > EXPR_DEEP)
		return expr_limit(run, "nesting");
	if (b->n > EXPR_MEMORY)
		return expr_limit(run, "memory");
	switch (v->type) {
	case JSON_NULL:  buf_lit(b, "null"); return 0;
	case JSON_FALSE: buf_lit(b, "false"); return 0;
	case JSON_TRUE:  buf_lit(b, "true"); return 0;
	case JSON_NUMBER:
		if (is_integer(v) || is_plain_decimal(v))
			buf_add(b, v->p, v->n);
		else
			expr_put_number(b, expr_number(v));
		return 0;
	case JSON_STRING:
		if (v->form == EXPR_RAW && !v->escaped && !memchr(v->p, 0x7f, v->n)) {
			buf_add(b, v->p, v->n);
			return 0;
		}
		if (expr_text(run, v, &s) < 0)
			return ERR_LIMIT;
		json_put_string(b, s);
		return 0;
	case JSON_ARRAY:
		return put_items(run, b, v, depth + 1);
	case JSON_OBJECT:
		return put_members(run, b, v, depth + 1);
	default:
		return no_json(run);
	}
}
