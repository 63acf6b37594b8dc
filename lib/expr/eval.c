/* The evaluator. A node that gives at most one result is evaluated straight (expr_eval_one). One that may give many hands
 * each result to what comes after it, a callback; so whatever follows runs inside, and `try` catches, as in jq 1.6, also
 * what is raised behind it. */
#include "expr/expr_priv.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/letter.h"

#define FEW 4           /* operands that need no memory of the arena */

/* The first bytes of a value, as jq shows them in its messages. */
static const char *
shown(struct expr_run *run, const struct expr_value *v, char text[16])
{
	struct buf b = {0};
	size_t n;

	if (v->type == JSON_STRING && v->n > 4096) {    /* only the front matters */
		struct str s = { v->p, v->n };

		if (v->form == EXPR_RAW && v->escaped)
			expr_text(run, v, &s);
		else if (v->form == EXPR_RAW)
			s = (struct str){ v->p + 1, 64 };
		s.n = s.n < 64 ? s.n : 64;
		json_put_string(&b, s);
	} else if (expr_put(run, &b, v, 0) < 0) {
		buf_clear(&b);
	}
	n = b.n < 14 ? b.n : 14;
	memcpy(text, b.p ? b.p : "", n);
	text[n] = 0;
	if (b.n > 14)
		memcpy(text + 11, "...", 4);
	buf_release(&b);
	return text;
}

static int
raise_type(struct expr_run *run, const struct expr_value *v, const char *msg)
{
	char a[16];

	shown(run, v, a);
	return expr_raise(run, "%s (%s) %s", expr_kind(v), a, msg);
}

static int
raise_types(struct expr_run *run, const struct expr_value *v, const struct expr_value *w, const char *msg)
{
	char a[16], b[16];

	shown(run, v, a);
	shown(run, w, b);
	return expr_raise(run, "%s (%s) and %s (%s) %s", expr_kind(v), a, expr_kind(w), b, msg);
}

static struct expr_value
of_bool(int is)
{
	return expr_of_type(is ? JSON_TRUE : JSON_FALSE);
}

/* ---- operators */

static int
concat(struct expr_run *run, struct str a, struct str b, struct expr_value *out)
{
	char *p = expr_get(run, a.n + b.n);

	if (!p)
		return ERR_LIMIT;
	if (a.n)
		memcpy(p, a.p, a.n);
	if (b.n)
		memcpy(p + a.n, b.p, b.n);
	*out = expr_of_text((struct str){ p, a.n + b.n });
	return expr_charge(run, (a.n + b.n) / 64) < 0 ? ERR_LIMIT : 1;
}

static int
merge(struct expr_run *run, const struct expr_value *a, const struct expr_value *b, int deep, struct expr_value *out)
{
	struct expr_member *p, *q, *m;
	size_t n, k, before;
	int rc, is;

	if (deep > EXPR_DEEP)
		return expr_limit(run, "nesting");
	if ((rc = expr_members(run, a, &p, &n)) < 0 || (rc = expr_members(run, b, &q, &k)) < 0)
		return rc;
	if (!(m = expr_get(run, (n + k) * sizeof(*m))))
		return ERR_LIMIT;
	if (n)
		memcpy(m, p, n * sizeof(*m));
	before = n;
	for (size_t i = 0; i < k; i++) {
		size_t at;

		if ((rc = expr_charge(run, before / 4 + 1)) < 0)
			return rc;
		for (at = 0, is = 0; at < before; at++) {
			if ((rc = expr_equal(run, &m[at].key, &q[i].key, &is)) < 0)
				return rc;
			if (is)
				break;
		}
		if (!is)
			m[n++] = q[i];
		else if (deep && m[at].value.type == JSON_OBJECT && q[i].value.type == JSON_OBJECT) {
			if ((rc = merge(run, &m[at].value, &q[i].value, deep + 1, &m[at].value)) < 0)
				return rc;
		} else
			m[at].value = q[i].value;
	}
	*out = expr_of_members(m, n);
	return 1;
}

static int
add(struct expr_run *run, const struct expr_value *a, const struct expr_value *b, struct expr_value *out)
{
	struct expr_value *p, *q, *all;
	struct str x, y;
	size_t n, k;
	int rc;

	if (a->type == JSON_NULL)
		return *out = *b, 1;
	if (b->type == JSON_NULL)
		return *out = *a, 1;
	if (a->type != b->type)
		return raise_types(run, a, b, "cannot be added");
	switch (a->type) {
	case JSON_NUMBER:
		*out = expr_of_number(expr_number(a) + expr_number(b));
		return 1;
	case JSON_STRING:
		return expr_text(run, a, &x) < 0 || expr_text(run, b, &y) < 0 ? ERR_LIMIT : concat(run, x, y, out);
	case JSON_ARRAY:
		if ((rc = expr_items(run, a, &p, &n)) < 0 || (rc = expr_items(run, b, &q, &k)) < 0)
			return rc;
		if (!(all = expr_get(run, (n + k) * sizeof(*all))))
			return ERR_LIMIT;
		if (n)
			memcpy(all, p, n * sizeof(*all));
		if (k)
			memcpy(all + n, q, k * sizeof(*all));
		*out = expr_of_items(all, n + k);
		return expr_charge(run, n + k) < 0 ? ERR_LIMIT : 1;
	case JSON_OBJECT:
		return merge(run, a, b, 0, out);
	default:
		return raise_types(run, a, b, "cannot be added");
	}
}

static int
subtract(struct expr_run *run, const struct expr_value *a, const struct expr_value *b, struct expr_value *out)
{
	struct expr_value *p, *q, *left;
	size_t n, k, m = 0;
	int rc, is;

	if (a->type == JSON_NUMBER && b->type == JSON_NUMBER) {
		*out = expr_of_number(expr_number(a) - expr_number(b));
		return 1;
	}
	if (a->type != JSON_ARRAY || b->type != JSON_ARRAY)
		return raise_types(run, a, b, "cannot be subtracted");
	if ((rc = expr_items(run, a, &p, &n)) < 0 || (rc = expr_items(run, b, &q, &k)) < 0)
		return rc;
	if (!(left = expr_get(run, n * sizeof(*left))))
		return ERR_LIMIT;
	for (size_t i = 0; i < n; i++) {
		is = 0;
		for (size_t j = 0; j < k && !is; j++)
			if ((rc = expr_charge(run, 1)) < 0 || (rc = expr_equal(run, &p[i], &q[j], &is)) < 0)
				return rc;
		if (!is)
			left[m++] = p[i];
	}
	*out = expr_of_items(left, m);
	return 1;
}

static int
split(struct expr_run *run, struct str s, struct str by, struct expr_value *out);

#define REPEAT_MOST 536870911.0         /* bytes; beyond it libjq refuses too */

static int
multiply(struct expr_run *run, const struct expr_value *a, const struct expr_value *b, struct expr_value *out)
{
	struct str s;
	double times;
	char *p;

	if (a->type == JSON_NUMBER && b->type == JSON_NUMBER) {
		*out = expr_of_number(expr_number(a) * expr_number(b));
		return 1;
	}
	if (a->type == JSON_OBJECT && b->type == JSON_OBJECT)
		return merge(run, a, b, 1, out);
	if (a->type == JSON_NUMBER && b->type == JSON_STRING) {
		const struct expr_value *c = a;

		a = b, b = c;
	} else if (a->type != JSON_STRING || b->type != JSON_NUMBER) {
		return raise_types(run, a, b, "cannot be multiplied");
	}
	times = expr_number(b);
	times -= 1;             /* rounded as jq rounds it: a count next to 0 is 0 */
	if (!(times > -1)) {
		*out = expr_of_type(JSON_NULL);
		return 1;
	}
	if (times < 1)
		return *out = *a, 1;
	if (expr_text(run, a, &s) < 0)
		return ERR_LIMIT;
	times = floor(times) + 1;
	if (times * (double)s.n > REPEAT_MOST)
		return expr_raise(run, "Repeat string result too long");
	if (!(p = expr_get(run, (size_t)times * s.n)))
		return ERR_LIMIT;
	for (size_t i = 0; s.n && i < (size_t)times; i++)
		memcpy(p + i * s.n, s.p, s.n);
	*out = expr_of_text((struct str){ p, s.n ? (size_t)times * s.n : 0 });
	return 1;
}

static int
divide(struct expr_run *run, const struct expr_value *a, const struct expr_value *b, struct expr_value *out)
{
	struct str x, y;

	if (a->type == JSON_NUMBER && b->type == JSON_NUMBER) {
		double by = expr_number(b);

		if (by == 0)
			return raise_types(run, a, b, "cannot be divided because the divisor is zero");
		*out = expr_of_number(expr_number(a) / by);
		return 1;
	}
	if (a->type != JSON_STRING || b->type != JSON_STRING)
		return raise_types(run, a, b, "cannot be divided");
	return expr_text(run, a, &x) < 0 || expr_text(run, b, &y) < 0 ? ERR_LIMIT : split(run, x, y, out);
}

/* What a cast to intmax_t gives on the machines jq runs on, said without undefined behaviour. */
static int64_t
whole(double d)
{
	return d != d ? INT64_MIN : d >= 9223372036854775808.0 || d < -9223372036854775808.0 ? INT64_MIN : (int64_t)d;
}

static int
modulo(struct expr_run *run, const struct expr_value *a, const struct expr_value *b, struct expr_value *out)
{
	int64_t x, y;

	if (a->type != JSON_NUMBER || b->type != JSON_NUMBER)
		return raise_types(run, a, b, "cannot be divided (remainder)");
	x = whole(expr_number(a)), y = whole(expr_number(b));
	if (y == 0)
		return raise_types(run, a, b, "cannot be divided (remainder) because the divisor is zero");
	*out = expr_of_number(y == -1 ? 0 : (double)(x % y));
	return 1;
}

static int
compare(struct expr_run *run, enum expr_op op, const struct expr_value *a, const struct expr_value *b, struct expr_value *out)
{
	int r, rc;

	if (op == EXPR_EQ || op == EXPR_NE) {
		if ((rc = expr_equal(run, a, b, &r)) < 0)
			return rc;
		*out = of_bool(r == (op == EXPR_EQ));
		return 1;
	}
	if ((rc = expr_compare(run, a, b, &r)) < 0)
		return rc;
	*out = of_bool(op == EXPR_LT ? r < 0 : op == EXPR_GT ? r > 0 : op == EXPR_LE ? r <= 0 : r >= 0);
	return 1;
}

int
expr_binary(struct expr_run *run, enum expr_op op, const struct expr_value *a, const struct expr_value *b, struct expr_value *out)
{
	switch (op) {
	case EXPR_ADD: return add(run, a, b, out);
	case EXPR_SUB: return subtract(run, a, b, out);
	case EXPR_MUL: return multiply(run, a, b, out);
	case EXPR_DIV: return divide(run, a, b, out);
	case EXPR_MOD: return modulo(run, a, b, out);
	default:       return compare(run, op, a, b, out);
	}
}

static int
negate(struct expr_run *run, const struct expr_value *v, struct expr_value *out)
{
	if (v->type != JSON_NUMBER)
		return raise_type(run, v, "cannot be negated");
	if (v->form == EXPR_RAW && v->n >= 16 && strspn(v->p + 1, "0123456789") >= v->n - 1) {  /* an integer stays exact */
		char *p = expr_get(run, v->n + 1);

		if (!p)
			return ERR_LIMIT;
		*out = *v;
		if (v->p[0] == '-') {
			out->p++, out->n--;
		} else {
			p[0] = '-';
			memcpy(p + 1, v->p, v->n);
			out->p = p, out->n++;
		}
		return 1;
	}
	*out = expr_of_number(-expr_number(v));
	return 1;
}

/* ---- indexing */

static size_t
codepoints(struct str s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += (s.p[i] & 0xc0) != 0x80;
	return n;
}

static size_t
byte_of(struct str s, size_t codepoint)
{
	size_t i = 0;

	for (; i < s.n; i++)
		if ((s.p[i] & 0xc0) != 0x80 && codepoint-- == 0)
			break;
	return i;
}

static int
slice(struct expr_run *run, const struct expr_value *of, const struct expr_value *from, const struct expr_value *to,
    struct expr_value *out)
{
	struct expr_value *items = NULL;
	struct str s = {0};
	double a, b, len;
	size_t n, first, last;
	int rc;

	if (of->type == JSON_NULL)
		return *out = *of, 1;
	if (of->type == JSON_ARRAY) {
		if ((rc = expr_items(run, of, &items, &n)) < 0)
			return rc;
	} else if (of->type == JSON_STRING) {
		if (expr_text(run, of, &s) < 0)
			return ERR_LIMIT;
		n = codepoints(s);
	} else {
		return expr_raise(run, "Cannot index %s with object", expr_kind(of));
	}
	if ((from->type != JSON_NULL && from->type != JSON_NUMBER) || (to->type != JSON_NULL && to->type != JSON_NUMBER))
		return expr_raise(run, "Start and end indices of an %s slice must be numbers", expr_kind(of));
	len = (double)n;
	a = from->type == JSON_NULL ? 0 : expr_number(from);
	b = to->type == JSON_NULL ? len : expr_number(to);
	if (a < 0)
		a += len;
	if (b < 0)
		b += len;
	if (!(a > 0))
		a = 0;
	if (a > len)
		a = len;
	b = b > len ? len : b < 0 || b != b ? 0 : b;
	first = (size_t)a;
	last = (size_t)ceil(b);
	if (last < first)
		last = first;
	if (of->type == JSON_ARRAY) {
		*out = expr_of_items(items + first, last - first);
	} else {
		size_t p = byte_of(s, first), q = byte_of(s, last);

		*out = expr_of_text((struct str){ s.p + p, q - p });
	}
	return 1;
}

static int
positions(struct expr_run *run, const struct expr_value *in, const struct expr_value *of, struct expr_value *out)
{
	struct expr_value *p, *q, *found;
	size_t n, k, m = 0;
	int rc, is;

	if ((rc = expr_items(run, in, &p, &n)) < 0 || (rc = expr_items(run, of, &q, &k)) < 0)
		return rc;
	if (!(found = expr_get(run, n * sizeof(*found))))
		return ERR_LIMIT;
	for (size_t i = 0; k && i < n; i++) {
		is = 1;
		for (size_t j = 0; j < k && is; j++) {
			if ((rc = expr_charge(run, 1)) < 0)
				return rc;
			if (i + j >= n)
				is = 0;
			else if ((rc = expr_equal(run, &p[i + j], &q[j], &is)) < 0)
				return rc;
		}
		if (is)
			found[m++] = expr_of_number((double)i);
	}
	*out = expr_of_items(found, m);
	return 1;
}

int
expr_index(struct expr_run *run, const struct expr_value *of, const struct expr_value *key, struct expr_value *out)
{
	struct str k;
	int rc;

	if (of->type == JSON_OBJECT && key->type == JSON_STRING) {
		if (expr_text(run, key, &k) < 0)
			return ERR_LIMIT;
		if ((rc = expr_member(run, of, k, out)) == 0)
			*out = expr_of_type(JSON_NULL);
		return rc < 0 ? rc : 1;
	}
	if (of->type == JSON_ARRAY && key->type == JSON_NUMBER) {
		double d = expr_number(key);
		struct expr_value found = expr_of_type(JSON_NULL);      /* out may be of */
		int64_t i;

		if (d >= INT_MIN && d <= INT_MAX && d == (double)(int64_t)d) {
			i = (int64_t)d;
			if (of->form == EXPR_RAW) {
				struct json j = json_index((struct json){ of->p, of->n, of->type, of->escaped }, i);

				if (j.type != JSON_NONE)
					found = expr_raw(j);
			} else {
				i += i < 0 ? (int64_t)of->n : 0;
				if (i >= 0 && i < (int64_t)of->n)
					found = of->items[i];
			}
		}
		*out = found;
		return 1;
	}
	if (of->type == JSON_NULL && (key->type == JSON_STRING || key->type == JSON_NUMBER || key->type == JSON_OBJECT))
		return *out = *of, 1;
	if (of->type == JSON_ARRAY && key->type == JSON_ARRAY)
		return positions(run, of, key, out);
	if (key->type == JSON_OBJECT && (of->type == JSON_ARRAY || of->type == JSON_STRING)) {
		struct expr_value from, to;

		if ((rc = expr_member(run, key, STR("start"), &from)) < 0 || (!rc && (from = expr_of_type(JSON_NONE), 0)))
			return rc;
		if ((rc = expr_member(run, key, STR("end"), &to)) < 0 || (!rc && (to = expr_of_type(JSON_NONE), 0)))
			return rc;
		return slice(run, of, &from, &to, out);
	}
	if (key->type == JSON_STRING) {
		if (expr_text(run, key, &k) < 0)
			return ERR_LIMIT;
		if (k.n < 30)
			return expr_raise(run, "Cannot index %s with string \"%.*s\"", expr_kind(of), STR_FMT(k));
		return expr_raise(run, "Cannot index %s with string", expr_kind(of));
	}
	return expr_raise(run, "Cannot index %s with %s", expr_kind(of), expr_kind(key));
}

/* ---- functions */

/* What was printed becomes a text of the row. 1, or what printing it gave. */
static int
take_printed(struct expr_run *run, int rc, struct buf *b, struct expr_value *out)
{
	char *p = NULL;

	if (rc >= 0 && !(p = expr_get(run, b->n)))
		rc = ERR_LIMIT;
	if (p) {
		if (b->n)
			memcpy(p, b->p, b->n);
		*out = expr_of_text((struct str){ p, b->n });
		rc = 1;
	}
	buf_release(b);
	return rc;
}

static int
as_json(struct expr_run *run, const struct expr_value *v, struct expr_value *out)       /* tojson */
{
	struct buf b = {0};

	return take_printed(run, expr_put(run, &b, v, 0), &b, out);
}

static int
as_text(struct expr_run *run, const struct expr_value *v, struct expr_value *out)       /* tostring */
{
	return v->type == JSON_STRING ? (*out = *v, 1) : as_json(run, v, out);
}

#define FN(name) static int \
	name(struct expr_run *run, const struct expr_node *x, const struct expr_value *in, const struct expr_value *arg, \
	    struct expr_value *out)
#define UNUSED (void)x, (void)arg, (void)in, (void)run, (void)out

FN(fn_length)
{
	struct expr_member *m;
	struct str s;
	size_t n;
	int rc;

	UNUSED;
	switch (in->type) {
	case JSON_NULL:
		n = 0;
		break;
	case JSON_NUMBER:
		*out = expr_of_number(fabs(expr_number(in)));
		return 1;
	case JSON_STRING:
		if (expr_text(run, in, &s) < 0)
			return ERR_LIMIT;
		n = codepoints(s);
		break;
	case JSON_ARRAY: {
		struct expr_value *items;

		if ((rc = expr_items(run, in, &items, &n)) < 0)
			return rc;
		break;
	}
	case JSON_OBJECT:
		if ((rc = expr_members(run, in, &m, &n)) < 0)
			return rc;
		break;
	default:
		return raise_type(run, in, "has no length");
	}
	*out = expr_of_number((double)n);
	return 1;
}

FN(fn_utf8bytelength)
{
	struct str s;

	UNUSED;
	if (in->type != JSON_STRING)
		return raise_type(run, in, "only strings have UTF-8 byte length");
	if (expr_text(run, in, &s) < 0)
		return ERR_LIMIT;
	*out = expr_of_number((double)s.n);
	return 1;
}

FN(fn_not)
{
	UNUSED;
	*out = of_bool(!expr_true(in));
	return 1;
}

FN(fn_type)
{
	UNUSED;
	*out = expr_of_text(str_of(expr_kind(in)));
	return 1;
}

FN(fn_tostring)
{
	UNUSED;
	return as_text(run, in, out);
}

FN(fn_tojson)
{
	UNUSED;
	return as_json(run, in, out);
}

/* jq reads the text as JSON in its own loose way; what is clearly a number is one, the rest is an error. */
FN(fn_tonumber)
{
	struct expr_value v;
	struct str s;
	size_t i = 0, digits = 0, whole_digits, end;
	int plain = 1;

	UNUSED;
	if (in->type == JSON_NUMBER)
		return *out = *in, 1;
	if (in->type != JSON_STRING)
		return raise_type(run, in, "cannot be parsed as a number");
	if (expr_text(run, in, &s) < 0)
		return ERR_LIMIT;
	s = str_trim(s);
	end = s.n;
	if (str_eq(s, STR("nan"))) {
		*out = expr_of_number(NAN);
		return 1;
	}
	if (i < end && (s.p[i] == '-' || s.p[i] == '+'))
		plain = s.p[i++] == '-';
	while (i < end && s.p[i] >= '0' && s.p[i] <= '9')
		i++, digits++;
	whole_digits = digits;
	if (plain && digits && i == end && (s.p[i - digits] != '0' || digits == 1)) {
		v = (struct expr_value){ .type = JSON_NUMBER, .form = EXPR_RAW, .n = s.n, .p = s.p };
		return *out = v, 1;
	}
	if (i < end && s.p[i] == '.')
		for (i++; i < end && s.p[i] >= '0' && s.p[i] <= '9'; i++)
			digits++;
	if (digits && i < end && (s.p[i] | 32) == 'e') {
		i++;
		if (i < end && (s.p[i] == '-' || s.p[i] == '+'))
			i++;
		whole_digits = i;
		while (i < end && s.p[i] >= '0' && s.p[i] <= '9')
			i++;
		if (i == whole_digits)
			digits = 0;
	}
	if (!digits || i != end)
		return raise_type(run, in, "cannot be parsed as a number");
	v = (struct expr_value){ .type = JSON_NUMBER, .form = EXPR_RAW, .n = s.n, .p = s.p };
	if (s.p[0] == '+')
		v.p++, v.n--;
	*out = expr_of_number(expr_number(&v));
	return 1;
}

static int
keys(struct expr_run *run, const struct expr_value *in, int sorted, struct expr_value *out);

FN(fn_keys)
{
	UNUSED;
	return keys(run, in, 1, out);
}

FN(fn_keys_unsorted)
{
	UNUSED;
	return keys(run, in, 0, out);
}

static int
by_text(const void *a, const void *b)
{
	const struct str *x = a, *y = b;

	return str_cmp(*x, *y);
}

static int
keys(struct expr_run *run, const struct expr_value *in, int sorted, struct expr_value *out)
{
	struct expr_value *items;
	struct expr_member *m;
	struct str *names;
	size_t n;
	int rc;

	if (in->type == JSON_ARRAY) {
		if ((rc = expr_items(run, in, &items, &n)) < 0)
			return rc;
		if (!(items = expr_get(run, n * sizeof(*items))))
			return ERR_LIMIT;
		for (size_t i = 0; i < n; i++)
			items[i] = expr_of_number((double)i);
		*out = expr_of_items(items, n);
		return 1;
	}
	if (in->type != JSON_OBJECT)
		return raise_type(run, in, "has no keys");
	if ((rc = expr_members(run, in, &m, &n)) < 0)
		return rc;
	if (!(names = expr_get(run, n * sizeof(*names))) || !(items = expr_get(run, n * sizeof(*items))))
		return ERR_LIMIT;
	for (size_t i = 0; i < n; i++)
		if (expr_text(run, &m[i].key, &names[i]) < 0)
			return ERR_LIMIT;
	if (sorted)
		qsort(names, n, sizeof(*names), by_text);
	for (size_t i = 0; i < n; i++)
		items[i] = expr_of_text(names[i]);
	*out = expr_of_items(items, n);
	return 1;
}

static int
two_texts(struct expr_run *run, const struct expr_value *a, const struct expr_value *b, struct str *x, struct str *y)
{
	if (a->type != JSON_STRING || b->type != JSON_STRING)
		return 0;
	return expr_text(run, a, x) < 0 || expr_text(run, b, y) < 0 ? ERR_LIMIT : 1;
}

static int
ends(struct str s, struct str with)
{
	return s.n >= with.n && (with.n == 0 || memcmp(s.p + s.n - with.n, with.p, with.n) == 0);
}

/* startswith, endswith */
static int
tell_end(struct expr_run *run, const struct expr_value *in, const struct expr_value *arg, int (*has)(struct str, struct str),
    const char *name, struct expr_value *out)
{
	struct str s, t;
	int rc = two_texts(run, in, arg, &s, &t);

	if (rc <= 0)
		return rc ? rc : expr_raise(run, "%s() requires string inputs", name);
	*out = of_bool(has(s, t));
	return 1;
}

FN(fn_startswith)
{
	UNUSED;
	return tell_end(run, in, arg, str_starts, "startswith", out);
}

FN(fn_endswith)
{
	UNUSED;
	return tell_end(run, in, arg, ends, "endswith", out);
}

/* ltrimstr, rtrimstr: what is no text, or does not have that end, stays what it is. */
static int
trim_end(struct expr_run *run, const struct expr_value *in, const struct expr_value *arg, int (*has)(struct str, struct str),
    int front, struct expr_value *out)
{
	struct str s, t;
	int rc = two_texts(run, in, arg, &s, &t);

	if (rc < 0)
		return rc;
	*out = rc && has(s, t) ? expr_of_text((struct str){ s.p + (front ? t.n : 0), s.n - t.n }) : *in;
	return 1;
}

FN(fn_ltrimstr)
{
	UNUSED;
	return trim_end(run, in, arg, str_starts, 1, out);
}

FN(fn_rtrimstr)
{
	UNUSED;
	return trim_end(run, in, arg, ends, 0, out);
}

struct list { struct expr_value *items; size_t n, cap; };

static int
add_item(struct expr_run *run, struct list *l, struct expr_value v)
{
	if (l->n == l->cap && (!(l->items = expr_more(run, l->items, &l->cap, sizeof(v))) || expr_charge(run, l->n) < 0))
		return ERR_LIMIT;
	l->items[l->n++] = v;
	return 0;
}

static int
split(struct expr_run *run, struct str s, struct str by, struct expr_value *out)
{
	struct list pieces = {0};

	if (by.n == 0) {
		for (size_t i = 0, k; i < s.n; i = k) {
			for (k = i + 1; k < s.n && (s.p[k] & 0xc0) == 0x80; k++)
				;
			if (add_item(run, &pieces, expr_of_text((struct str){ s.p + i, k - i })) < 0)
				return ERR_LIMIT;
		}
	} else {
		for (size_t i = 0; i < s.n; ) {
			const char *found = memmem(s.p + i, s.n - i, by.p, by.n);
			size_t end = found ? (size_t)(found - s.p) : s.n;

			if (add_item(run, &pieces, expr_of_text((struct str){ s.p + i, end - i })) < 0)
				return ERR_LIMIT;
			if (end + by.n == s.n && add_item(run, &pieces, expr_of_text(STR(""))) < 0)
				return ERR_LIMIT;
			i = end + by.n;
		}
	}
	*out = expr_of_items(pieces.items, pieces.n);
	return 1;
}

FN(fn_split)
{
	struct str s, t;
	int rc = two_texts(run, in, arg, &s, &t);

	UNUSED;
	if (rc <= 0)
		return rc ? rc : expr_raise(run, "split input and separator must be strings");
	return split(run, s, t, out);
}

int
expr_iterate(struct expr_run *run, const struct expr_value *in, struct expr_value **items, size_t *n)
{
	struct expr_member *m;
	char text[16];
	int rc;

	if (in->type == JSON_ARRAY)
		return expr_items(run, in, items, n);
	if (in->type != JSON_OBJECT) {
		shown(run, in, text);
		return expr_raise(run, "Cannot iterate over %s (%s)", expr_kind(in), text);
	}
	if ((rc = expr_members(run, in, &m, n)) < 0)
		return rc;
	if (!(*items = expr_get(run, *n * sizeof(**items))))
		return ERR_LIMIT;
	for (size_t i = 0; i < *n; i++)
		(*items)[i] = m[i].value;
	return 0;
}

FN(fn_join)
{
	struct expr_value *items, sum = expr_of_text(STR("")), piece;
	size_t n;
	int rc = expr_iterate(run, in, &items, &n);

	UNUSED;
	if (rc < 0)
		return rc;
	for (size_t i = 0; i < n; i++) {
		if (i && (rc = add(run, &sum, arg, &sum)) < 0)
			return rc;
		piece = items[i];
		if (piece.type == JSON_NULL)
			piece = expr_of_text(STR(""));
		else if (piece.type == JSON_TRUE || piece.type == JSON_FALSE || piece.type == JSON_NUMBER)
			if ((rc = as_text(run, &items[i], &piece)) < 0)
				return rc;
		if ((rc = add(run, &sum, &piece, &sum)) < 0)
			return rc;
	}
	*out = sum;
	return 1;
}

FN(fn_has)
{
	struct expr_value *items, v;
	struct str key;
	size_t n;
	int rc;

	UNUSED;
	if (in->type == JSON_NULL) {
		*out = of_bool(0);
		return 1;
	}
	if (in->type == JSON_OBJECT && arg->type == JSON_STRING) {
		if (expr_text(run, arg, &key) < 0)
			return ERR_LIMIT;
		if ((rc = expr_member(run, in, key, &v)) < 0)
			return rc;
		*out = of_bool(rc);
		return 1;
	}
	if (in->type == JSON_ARRAY && arg->type == JSON_NUMBER) {
		double d = expr_number(arg);

		if ((rc = expr_items(run, in, &items, &n)) < 0)
			return rc;
		*out = of_bool(d > -1 && d < (double)n);
		return 1;
	}
	return expr_raise(run, "Cannot check whether %s has a %s key", expr_kind(in), expr_kind(arg));
}

FN(fn_contains)
{
	int rc, is, a = in->type, b = arg->type;

	UNUSED;
	if (a != b)
		return raise_types(run, in, arg, "cannot have their containment checked");
	if ((rc = expr_contains(run, in, arg, &is)) < 0)
		return rc;
	*out = of_bool(is);
	return 1;
}

FN(fn_indices)
{
	struct expr_value one = *arg, only = expr_of_items(&one, 1);
	struct list found = {0};
	size_t from = 0;
	struct str s, t;
	int rc;

	UNUSED;
	if (in->type == JSON_ARRAY)
		return positions(run, in, arg->type == JSON_ARRAY ? arg : &only, out);
	if ((rc = two_texts(run, in, arg, &s, &t)) < 0)
		return rc;
	if (!rc)
		return expr_index(run, in, arg, out);
	while (t.n && from + t.n <= s.n) {
		const char *p = memmem(s.p + from, s.n - from, t.p, t.n);

		if (!p)
			break;
		if (add_item(run, &found, expr_of_number((double)(p - s.p))) < 0)
			return ERR_LIMIT;
		from = (size_t)(p - s.p) + t.n;
	}
	*out = expr_of_items(found.items, found.n);
	return 1;
}

static int
change_case(struct expr_run *run, const struct expr_value *in, char low, char high, struct expr_value *out)
{
	struct str s;
	char *p;

	if (in->type != JSON_STRING)
		return expr_raise(run, "explode input must be a string");
	if (expr_text(run, in, &s) < 0)
		return ERR_LIMIT;
	if (!(p = expr_get(run, s.n)))
		return ERR_LIMIT;
	for (size_t i = 0; i < s.n; i++)
		p[i] = s.p[i] >= low && s.p[i] <= high ? (char)(s.p[i] ^ 32) : s.p[i];
	*out = expr_of_text((struct str){ p, s.n });
	return 1;
}

FN(fn_ascii_downcase)
{
	UNUSED;
	return change_case(run, in, 'A', 'Z', out);
}

FN(fn_ascii_upcase)
{
	UNUSED;
	return change_case(run, in, 'a', 'z', out);
}

FN(fn_explode)
{
	struct expr_value *items;
	struct str s, rest;
	size_t n = 0;

	UNUSED;
	if (in->type != JSON_STRING)
		return expr_raise(run, "explode input must be a string");
	if (expr_text(run, in, &s) < 0)
		return ERR_LIMIT;
	for (rest = s; rest.n; n++)             /* as they will be taken: a row may hold bytes that are no characters */
		letter_take(&rest);
	if (!(items = expr_get(run, n * sizeof(*items))))
		return ERR_LIMIT;
	for (n = 0; s.n; n++) {
		uint32_t c = letter_take(&s);

		items[n] = expr_of_number(c & LETTER_NONE ? 0xfffd : c);
	}
	*out = expr_of_items(items, n);
	return expr_charge(run, n) < 0 ? ERR_LIMIT : 1;
}

static double
significant(double d)
{
	return significand(d);
}

/* Functions of one number that are the C library's, as jq has them. */
static const struct { const char *name; double (*fn)(double); } math[] = {
	{ "floor", floor }, { "sqrt", sqrt }, { "ceil", ceil }, { "round", round }, { "fabs", fabs }, { "trunc", trunc },
	{ "rint", rint }, { "nearbyint", nearbyint }, { "exp", exp }, { "exp2", exp2 }, { "exp10", exp10 },
	{ "expm1", expm1 }, { "log", log }, { "log2", log2 }, { "log10", log10 }, { "log1p", log1p }, { "cbrt", cbrt },
	{ "sin", sin }, { "cos", cos }, { "tan", tan }, { "asin", asin }, { "acos", acos }, { "atan", atan },
	{ "sinh", sinh }, { "cosh", cosh }, { "tanh", tanh }, { "asinh", asinh }, { "acosh", acosh }, { "atanh", atanh },
	{ "significand", significant }, { "logb", logb },
};

FN(fn_math)
{
	UNUSED;
	if (in->type != JSON_NUMBER)
		return raise_type(run, in, "number required");
	*out = expr_of_number(math[x->which - 1000].fn(expr_number(in)));
	return 1;
}

FN(fn_pow)
{
	UNUSED;
	if (arg[1].type != JSON_NUMBER)
		return raise_type(run, &arg[1], "number required");
	if (arg[0].type != JSON_NUMBER)
		return raise_type(run, &arg[0], "number required");
	*out = expr_of_number(pow(expr_number(&arg[1]), expr_number(&arg[0])));
	return 1;
}

FN(fn_infinite)
{
	UNUSED;
	*out = expr_of_number(INFINITY);
	return 1;
}

FN(fn_nan)
{
	UNUSED;
	*out = expr_of_number(NAN);
	return 1;
}

FN(fn_isinfinite)
{
	UNUSED;
	*out = of_bool(in->type == JSON_NUMBER && isinf(expr_number(in)));
	return 1;
}

FN(fn_isnan)
{
	UNUSED;
	*out = of_bool(in->type == JSON_NUMBER && isnan(expr_number(in)));
	return 1;
}

FN(fn_isnormal)
{
	UNUSED;
	*out = of_bool(in->type == JSON_NUMBER && isnormal(expr_number(in)));
	return 1;
}

static int
raised(struct expr_run *run, const struct expr_value *v)
{
	struct expr_value text;
	int rc;

	if (v->type == JSON_NULL)       /* raising null is giving no result */
		return 0;
	if ((rc = as_text(run, v, &text)) < 0)
		return rc;
	if (v->type == JSON_STRING) {
		struct str s;

		if (expr_text(run, v, &s) < 0)
			return ERR_LIMIT;
		return expr_raise(run, "%.*s", (int)(s.n < 300 ? s.n : 300), s.p);
	}
	return expr_raise(run, "%.*s (not a string)", (int)(text.n < 300 ? text.n : 300), text.p);
}

FN(fn_error)
{
	UNUSED;
	return raised(run, x->n ? arg : in);
}

FN(fn_test)
{
	struct regex *re = x->regex;
	const struct expr_value *pattern = &arg[x->n - 1], *flags = x->n == 2 ? &arg[0] : NULL;
	char text[32] = "";
	struct str s, t;
	struct err err = {0};
	int rc;

	if (x->n == 1 && pattern->type == JSON_ARRAY) {         /* test(["re", "flags"]) */
		struct expr_value *items;
		size_t n;

		if ((rc = expr_items(run, pattern, &items, &n)) < 0)
			return rc;
		if (n == 0)
			return expr_raise(run, "array not a string or array");
		pattern = &items[0];
		flags = n > 1 ? &items[1] : NULL;
	} else if (x->n == 1 && pattern->type != JSON_STRING) {
		return expr_raise(run, "%s not a string or array", expr_kind(pattern));
	}
	if (in->type != JSON_STRING)
		return raise_type(run, in, "cannot be matched, as it is not a string");
	if (pattern->type != JSON_STRING)
		return raise_type(run, pattern, "is not a string");
	if (expr_text(run, in, &s) < 0)
		return ERR_LIMIT;
	if (re) {
		rc = regex_find(re, s, 0, NULL, 0, run->err);
		*out = of_bool(rc == 1);
		return rc < 0 ? rc : 1;
	}
	if (flags && flags->type == JSON_STRING) {
		if (expr_text(run, flags, &t) < 0)
			return ERR_LIMIT;
		if (t.n >= sizeof(text) || (t.n && memchr(t.p, 0, t.n)))
			return expr_raise(run, "%.*s is not a valid modifier string", (int)(t.n < 300 ? t.n : 300), t.p);
		memcpy(text, t.p, t.n);
	} else if (flags && flags->type != JSON_NULL) {
		return raise_type(run, flags, "is not a string");
	}
	if (expr_text(run, pattern, &t) < 0 || expr_charge(run, 1000) < 0)
		return ERR_LIMIT;
	if (!(re = regex_new(t, text, &err)))
		return expr_raise(run, "%s", err.text);
	rc = regex_find(re, s, 0, NULL, 0, run->err);
	regex_free(re);
	*out = of_bool(rc == 1);
	return rc < 0 ? rc : 1;
}

/* ---- order */

struct sorting { struct expr_value key, value; size_t at; };

static __thread struct expr_run *sorting_run;
static __thread int sorting_rc;

static int
by_value(const void *a, const void *b)
{
	const struct sorting *x = a, *y = b;
	int r = 0, rc;

	if (sorting_rc == 0 && (rc = expr_compare(sorting_run, &x->key, &y->key, &r)) < 0)
		sorting_rc = rc;
	if (sorting_rc == 0)
		sorting_rc = expr_charge(sorting_run, 1);
	return sorting_rc < 0 ? 0 : r ? r : x->at < y->at ? -1 : x->at > y->at;
}

/* values and their keys sorted by key; equal ones stay in order. */
static int
sort(struct expr_run *run, struct expr_value *values, struct expr_value *by, size_t n, struct sorting **out)
{
	struct sorting *s = expr_get(run, n * sizeof(*s));

	if (!s)
		return ERR_LIMIT;
	for (size_t i = 0; i < n; i++)
		s[i] = (struct sorting){ by[i], values[i], i };
	sorting_run = run;
	sorting_rc = 0;
	qsort(s, n, sizeof(*s), by_value);
	*out = s;
	return sorting_rc;
}

int
expr_sorted(struct expr_run *run, const struct expr_value *list, struct expr_value **items)
{
	struct expr_value *values;
	struct sorting *s;
	size_t n;
	int rc;

	if ((rc = expr_items(run, list, &values, &n)) < 0 || (rc = sort(run, values, values, n, &s)) < 0)
		return rc;
	if (!(*items = expr_get(run, n * sizeof(**items))))
		return ERR_LIMIT;
	for (size_t i = 0; i < n; i++)
		(*items)[i] = s[i].value;
	return 0;
}

enum { BY_SORT, BY_GROUP, BY_MIN, BY_MAX };

static int
order_by(struct expr_run *run, int which, const struct expr_value *in, const struct expr_value *by, struct expr_value *out)
{
	struct expr_value *values, *ks, *items = NULL;
	struct list groups = {0};
	struct sorting *s;
	size_t n, k, from = 0;
	int rc, r;

	if (in->type != JSON_ARRAY)
		return which == BY_MIN || which == BY_MAX ? raise_types(run, in, by, "cannot be iterated over")
		    : raise_types(run, in, by, "cannot be sorted, as they are not both arrays");
	if ((rc = expr_items(run, in, &values, &n)) < 0 || (rc = expr_items(run, by, &ks, &k)) < 0)
		return rc;
	if (which == BY_MIN || which == BY_MAX) {
		size_t best = 0;

		*out = n ? values[0] : expr_of_type(JSON_NULL);
		for (size_t i = 1; i < n; i++) {
			if ((rc = expr_compare(run, &ks[i], &ks[best], &r)) < 0)
				return rc;
			if ((r < 0) == (which == BY_MIN))
				best = i, *out = values[i];
		}
		return expr_charge(run, n) < 0 ? ERR_LIMIT : 1;
	}
	if ((rc = sort(run, values, ks, n, &s)) < 0)
		return rc;
	if (!(items = expr_get(run, n * sizeof(*items))))
		return ERR_LIMIT;
	for (size_t i = 0; i < n; i++)
		items[i] = s[i].value;
	if (which == BY_SORT) {
		*out = expr_of_items(items, n);
		return 1;
	}
	for (size_t i = 1; i <= n; i++) {
		r = 0;
		if (i < n && (rc = expr_equal(run, &s[from].key, &s[i].key, &r)) < 0)
			return rc;
		if (r)
			continue;
		if (add_item(run, &groups, expr_of_items(items + from, i - from)) < 0)
			return ERR_LIMIT;
		from = i;
	}
	*out = expr_of_items(groups.items, groups.n);
	return 1;
}

FN(fn_sort)
{
	UNUSED;
	if (in->type != JSON_ARRAY)
		return raise_type(run, in, "cannot be sorted, as it is not an array");
	return order_by(run, BY_SORT, in, in, out);
}

FN(fn_min)
{
	UNUSED;
	return order_by(run, BY_MIN, in, in, out);
}

FN(fn_max)
{
	UNUSED;
	return order_by(run, BY_MAX, in, in, out);
}

FN(fn_reverse)
{
	struct expr_value *items, *back;
	struct str s;
	size_t n;
	int rc;

	UNUSED;
	switch (in->type) {
	case JSON_ARRAY:
		break;
	case JSON_STRING:
		if (expr_text(run, in, &s) < 0)
			return ERR_LIMIT;
		if (s.n)
			return expr_raise(run, "Cannot index string with number");
		*out = expr_of_items(NULL, 0);
		return 1;
	case JSON_NUMBER:
		if (expr_number(in) != 0)
			return expr_raise(run, "Cannot index number with number");
		*out = expr_of_items(NULL, 0);
		return 1;
	case JSON_NULL:
		*out = expr_of_items(NULL, 0);
		return 1;
	case JSON_OBJECT: {
		struct expr_member *m;

		if ((rc = expr_members(run, in, &m, &n)) < 0)
			return rc;
		if (n)
			return expr_raise(run, "Cannot index object with number");
		*out = expr_of_items(NULL, 0);
		return 1;
	}
	default:
		return raise_type(run, in, "has no length");
	}
	if ((rc = expr_items(run, in, &items, &n)) < 0)
		return rc;
	if (!(back = expr_get(run, n * sizeof(*back))))
		return ERR_LIMIT;
	for (size_t i = 0; i < n; i++)
		back[i] = items[n - 1 - i];
	*out = expr_of_items(back, n);
	return 1;
}

/* jq's own definition, whose depth may be of any type until it is counted down. */
static int
flatten(struct expr_run *run, const struct expr_value *in, const struct expr_value *levels, struct list *list)
{
	struct expr_value *each, less, zero = expr_of_number(0), one = expr_of_number(1);
	size_t k;
	int rc = expr_iterate(run, in, &each, &k), none;

	for (size_t i = 0; rc >= 0 && i < k; i++) {
		none = 1;
		if (each[i].type == JSON_ARRAY && (rc = expr_equal(run, levels, &zero, &none)) < 0)
			break;
		if (none)
			rc = add_item(run, list, each[i]);
		else if ((rc = subtract(run, levels, &one, &less)) >= 0)
			rc = flatten(run, &each[i], &less, list);
	}
	return rc;
}

FN(fn_flatten)
{
	struct expr_value zero = expr_of_number(0), levels = x->n ? *arg : expr_of_number(-1);
	struct list list = {0};
	int rc, r;

	UNUSED;
	if (x->n) {
		if ((rc = expr_compare(run, &levels, &zero, &r)) < 0)
			return rc;
		if (r < 0)
			return expr_raise(run, "flatten depth must not be negative");
	}
	if ((rc = flatten(run, in, &levels, &list)) < 0)
		return rc;
	*out = expr_of_items(list.items, list.n);
	return 1;
}

FN(fn_from_entries)
{
	static const char *const names[] = { "key", "Key", "name", "Name" };
	struct expr_value *items, sum = expr_of_type(JSON_NULL), v;
	struct expr_member *m;
	size_t n;
	int rc = expr_iterate(run, in, &items, &n);

	UNUSED;
	if (rc < 0)
		return rc;
	for (size_t i = 0; i < n; i++) {
		struct expr_value object;

		if (!(m = expr_get(run, sizeof(*m))))
			return ERR_LIMIT;
		m->key = expr_of_type(JSON_NULL);
		for (int k = 0; k < 4; k++) {   /* .key // .Key // .name // .Name */
			v = expr_of_text(str_of(names[k]));
			if ((rc = expr_index(run, &items[i], &v, &m->key)) < 0)
				return rc;
			if (expr_true(&m->key))
				break;
		}
		v = expr_of_text(STR("value"));
		if ((rc = fn_has(run, x, &items[i], &v, &m->value)) < 0)
			return rc;
		if (!expr_true(&m->value))
			v = expr_of_text(STR("Value"));
		if ((rc = expr_index(run, &items[i], &v, &m->value)) < 0)
			return rc;
		if (m->key.type != JSON_STRING)
			return expr_raise(run, "Object keys must be strings");
		object = expr_of_members(m, 1);
		if ((rc = add(run, &sum, &object, &sum)) < 0)
			return rc;
	}
	*out = sum.type == JSON_NULL ? expr_of_members(NULL, 0) : sum;
	return 1;
}

typedef int fn(struct expr_run *, const struct expr_node *, const struct expr_value *, const struct expr_value *,
    struct expr_value *);

static const struct { const char *name; int n; fn *call; } functions[] = {
	{ "length", 0, fn_length }, { "utf8bytelength", 0, fn_utf8bytelength }, { "not", 0, fn_not }, { "type", 0, fn_type },
	{ "tostring", 0, fn_tostring }, { "tonumber", 0, fn_tonumber }, { "tojson", 0, fn_tojson },
	{ "keys", 0, fn_keys }, { "keys_unsorted", 0, fn_keys_unsorted },
	{ "startswith", 1, fn_startswith }, { "endswith", 1, fn_endswith },
	{ "ltrimstr", 1, fn_ltrimstr }, { "rtrimstr", 1, fn_rtrimstr }, { "split", 1, fn_split }, { "join", 1, fn_join },
	{ "has", 1, fn_has }, { "contains", 1, fn_contains }, { "indices", 1, fn_indices },
	{ "ascii_downcase", 0, fn_ascii_downcase }, { "ascii_upcase", 0, fn_ascii_upcase }, { "explode", 0, fn_explode },
	{ "test", 1, fn_test }, { "test", 2, fn_test }, { "error", 0, fn_error }, { "error", 1, fn_error },
	{ "sort", 0, fn_sort }, { "min", 0, fn_min }, { "max", 0, fn_max }, { "reverse", 0, fn_reverse },
	{ "flatten", 0, fn_flatten }, { "flatten", 1, fn_flatten }, { "from_entries", 0, fn_from_entries },
	{ "pow", 2, fn_pow }, { "infinite", 0, fn_infinite }, { "nan", 0, fn_nan }, { "isinfinite", 0, fn_isinfinite },
	{ "isnan", 0, fn_isnan }, { "isnormal", 0, fn_isnormal },
};

int
expr_builtin(struct str name, int arity)
{
	for (size_t i = 0; i < sizeof(functions) / sizeof(*functions); i++)
		if (functions[i].n == arity && str_eq(name, str_of(functions[i].name)))
			return (int)i;
	for (size_t i = 0; i < sizeof(math) / sizeof(*math); i++)
		if (arity == 0 && str_eq(name, str_of(math[i].name)))
			return 1000 + (int)i;
	return -1;
}

int
expr_builtin_is_test(int index)
{
	return index < 1000 && functions[index].call == fn_test;
}

/* ---- formats */

enum { AS_TEXT, AS_JSON, AS_CSV, AS_TSV, AS_HTML, AS_URI, AS_SH, AS_BASE64 };

int
expr_format(struct str name)
{
	static const char *const names[] = { "text", "json", "csv", "tsv", "html", "uri", "sh", "base64" };

	for (int i = 0; i < (int)(sizeof(names) / sizeof(*names)); i++)
		if (str_eq(name, str_of(names[i])))
			return i;
	return -1;
}

static const char *
escaped_as(int how, unsigned char c)
{
	if (c == 0)
		return "\\0";
	switch (how) {
	case AS_CSV:  return c == '"' ? "\"\"" : NULL;
	case AS_TSV:  return c == '\t' ? "\\t" : c == '\r' ? "\\r" : c == '\n' ? "\\n" : c == '\\' ? "\\\\" : NULL;
	case AS_HTML: return c == '&' ? "&amp;" : c == '<' ? "&lt;" : c == '>' ? "&gt;" : c == '\'' ? "&apos;"
	    : c == '"' ? "&quot;" : NULL;
	default:      return c == '\'' ? "'\\''" : NULL;
	}
}

static void
put_escaped(struct buf *b, int how, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		const char *e = escaped_as(how, (unsigned char)s.p[i]);

		if (e)
			buf_lit(b, e);
		else
			buf_byte(b, s.p[i]);
	}
}

static void
put_base64(struct buf *b, struct str s)
{
	static const char table[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < s.n; i += 3) {
		size_t n = s.n - i < 3 ? s.n - i : 3;
		unsigned code = 0;

		for (size_t k = 0; k < 3; k++)
			code = code << 8 | (k < n ? (unsigned char)s.p[i + k] : 0);
		for (size_t k = 0; k < 4; k++)
			buf_byte(b, k <= n ? table[code >> (18 - 6 * k) & 63] : '=');
	}
}

static void
put_uri(struct buf *b, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if ((c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') || (c && strchr("-_.!~*'()", c)))
			buf_byte(b, (char)c);
		else
			buf_printf(b, "%%%02X", c);
	}
}

static int
put_row(struct expr_run *run, struct buf *b, int how, const struct expr_value *in)
{
	static const char *const wrong[] = {
		[AS_CSV] = "cannot be csv-formatted, only array", [AS_TSV] = "cannot be tsv-formatted, only array",
	};
	const char *quote = how == AS_CSV ? "\"" : how == AS_SH ? "'" : "", *between = how == AS_CSV ? "," : how == AS_TSV ? "\t" : " ";
	struct expr_value *items, one = *in;
	struct str s;
	size_t n = 1;
	int rc;

	if (in->type == JSON_ARRAY) {
		if ((rc = expr_items(run, in, &items, &n)) < 0)
			return rc;
	} else if (how == AS_SH) {
		items = &one;
	} else {
		return raise_type(run, in, wrong[how]);
	}
	for (size_t i = 0; i < n; i++) {
		if (i)
			buf_lit(b, between);
		switch (items[i].type) {
		case JSON_STRING:
			if (expr_text(run, &items[i], &s) < 0)
				return ERR_LIMIT;
			buf_lit(b, quote);
			put_escaped(b, how, s);
			buf_lit(b, quote);
			break;
		case JSON_NULL:
			if (how == AS_SH)
				buf_lit(b, "null");
			break;
		case JSON_NUMBER:
			if (how != AS_SH && isnan(expr_number(&items[i])))
				break;
			/* fall through */
		case JSON_FALSE:
		case JSON_TRUE:
			if ((rc = expr_put(run, b, &items[i], 0)) < 0)
				return rc;
			break;
		default:
			return raise_type(run, &items[i], how == AS_SH ? "can not be escaped for shell" : "is not valid in a csv row");
		}
	}
	return 0;
}

static int
format(struct expr_run *run, int how, const struct expr_value *in, struct expr_value *out)
{
	struct expr_value text;
	struct buf b = {0};
	struct str s;
	int rc;

	if (how == AS_TEXT)
		return as_text(run, in, out);
	if (how == AS_JSON)
		return as_json(run, in, out);
	if (how == AS_CSV || how == AS_TSV || how == AS_SH) {
		rc = put_row(run, &b, how, in);
	} else {
		if ((rc = as_text(run, in, &text)) < 0 || (rc = expr_text(run, &text, &s)) < 0)
			return rc;
		if (how == AS_HTML)
			put_escaped(&b, how, s);
		else if (how == AS_URI)
			put_uri(&b, s);
		else
			put_base64(&b, s);
	}
	if (rc == 0)
		rc = expr_charge(run, b.n / 16);
	return take_printed(run, rc, &b, out);
}

/* ---- nodes */

static int
path(struct expr_run *run, const struct expr_node *x, const struct expr_value *in, struct expr_value *out)
{
	struct expr_value v = *in, key;
	int rc;

	if (x->slots && run->fields) {
		const struct json *f = &run->fields[x->slots[x->nkeys - 1]];

		if (f->type != JSON_NONE) {
			*out = expr_raw(*f);
			return 1;
		}
		for (int i = 0; i < x->nkeys - 1; i++) {
			f = &run->fields[x->slots[i]];
			if (f->type == JSON_NONE || f->type == JSON_NULL)
				break;
			if (f->type != JSON_OBJECT)
				return expr_raise(run, "Cannot index %s with string \"%.*s\"",
				    expr_kind(&(struct expr_value){ .type = f->type }), STR_FMT(x->keys[i + 1]));
		}
		*out = expr_of_type(JSON_NULL);
		return 1;
	}
	for (int i = 0; i < x->nkeys; i++) {
		key = expr_of_text(x->keys[i]);
		if ((rc = expr_index(run, &v, &key, &v)) < 0)
			return rc;
	}
	*out = v;
	return 1;
}

static int
object(struct expr_run *run, const struct expr_node *x, const struct expr_value *ops, struct expr_value *out)
{
	struct expr_member *m = expr_get(run, (size_t)x->n / 2 * sizeof(*m));
	size_t n = 0;
	int rc, is;

	if (!m)
		return ERR_LIMIT;
	for (int i = 0; i < x->n; i += 2) {
		size_t k;

		for (k = 0, is = 0; k < n; k++) {
			if ((rc = expr_equal(run, &m[k].key, &ops[i], &is)) < 0)
				return rc;
			if (is)
				break;
		}
		m[k] = (struct expr_member){ is ? m[k].key : ops[i], ops[i + 1] };
		n += !is;
	}
	*out = expr_of_members(m, n);
	return 1;
}

/* A member is put into its object before the next key is looked at, so a key that is no string is found here. */
static int
member_fits(struct expr_run *run, const struct expr_node *x, const struct expr_value *ops, int i)
{
	if (x->op == EXPR_OBJECT && i & 1 && ops[i - 1].type != JSON_STRING)
		return expr_raise(run, "Object keys must be strings");
	return 0;
}

/* The operator itself, its operands being there. 1, 0 for no result, < 0. */
static int
apply(struct expr_run *run, const struct expr_node *x, const struct expr_value *in, const struct expr_value *ops,
    struct expr_value *out)
{
	int rc;

	switch (x->op) {
	case EXPR_INDEX: rc = expr_index(run, &ops[1], &ops[0], out); break;
	case EXPR_SLICE: rc = slice(run, &ops[2], &ops[0], &ops[1], out); break;
	case EXPR_NEG:   return negate(run, &ops[0], out);
	case EXPR_ADD: case EXPR_SUB: case EXPR_MUL: case EXPR_DIV: case EXPR_MOD:
	case EXPR_EQ: case EXPR_NE: case EXPR_LT: case EXPR_GT: case EXPR_LE: case EXPR_GE:
		return expr_binary(run, x->op, &ops[1], &ops[0], out);
	case EXPR_OBJECT: return object(run, x, ops, out);
	case EXPR_FORMAT: return format(run, x->which, &ops[0], out);
	case EXPR_CALL:
		return (x->which >= 1000 ? fn_math : functions[x->which].call)(run, x, in, ops, out);
	default:
		return 0;
	}
	return rc == ERR_INPUT && x->optional ? 0 : rc;         /* `?` on an index */
}

static int
collect(void *to, struct expr_run *run, const struct expr_value *v)
{
	return add_item(run, to, *v);
}

static int
keep_last(void *to, struct expr_run *run, const struct expr_value *v)
{
	(void)run;
	*(struct expr_value *)to = *v;
	return 0;
}

struct reducing { const struct expr_node *x; const struct expr_value *in; struct expr_value state; };

/* One item of the source of a reduce: the state becomes the last result of the update, null when there is none. */
static int
reduce_item(void *to, struct expr_run *run, const struct expr_value *v)
{
	struct reducing *r = to;
	struct expr_value was = r->state, old = run->vars[r->x->which];
	int rc;

	r->state = expr_of_type(JSON_NULL);
	run->vars[r->x->which] = *v;
	rc = expr_eval(run, r->x->kid[2], &was, keep_last, &r->state);
	run->vars[r->x->which] = old;
	return rc;
}

static int
reduce(struct expr_run *run, const struct expr_node *x, const struct expr_value *in, const struct expr_value *start,
    struct expr_value *out)
{
	struct reducing r = { x, in, *start };
	int rc = expr_eval(run, x->kid[0], in, reduce_item, &r);

	*out = r.state;
	return rc < 0 ? rc : 1;
}

static int
map_values(struct expr_run *run, const struct expr_node *x, const struct expr_value *in, struct expr_value *out)
{
	struct expr_value *items, v;
	struct list list = {0};
	size_t n;
	int rc = expr_iterate(run, in, &items, &n);

	for (size_t i = 0; rc >= 0 && i < n; i++) {
		if (x->kid[0]->many) {
			rc = expr_eval(run, x->kid[0], &items[i], collect, &list);
		} else if ((rc = expr_eval_one(run, x->kid[0], &items[i], &v)) > 0) {
			rc = collect(&list, run, &v);
		}
	}
	*out = expr_of_items(list.items, list.n);
	return rc < 0 ? rc : 1;
}

int
expr_eval_one(struct expr_run *run, const struct expr_node *x, const struct expr_value *in, struct expr_value *out)
{
	struct expr_value few[FEW], *ops = few, v;
	int rc;

	switch (x->op) {
	case EXPR_DOT:
		return *out = *in, 1;
	case EXPR_CONST:
		return *out = x->value, 1;
	case EXPR_PATH:
		return path(run, x, in, out);
	case EXPR_VAR:
		return *out = run->vars[x->which], 1;
	case EXPR_PIPE:
		if ((rc = expr_eval_one(run, x->kid[0], in, &v)) <= 0)
			return rc;
		return expr_eval_one(run, x->kid[1], &v, out);
	case EXPR_COMMA:                /* without operands: `empty` */
		return 0;
	case EXPR_AND:
	case EXPR_OR:
		if ((rc = expr_eval_one(run, x->kid[0], in, &v)) <= 0)
			return rc;
		if (expr_true(&v) == (x->op == EXPR_OR))
			return *out = of_bool(x->op == EXPR_OR), 1;
		if ((rc = expr_eval_one(run, x->kid[1], in, &v)) <= 0)
			return rc;
		return *out = of_bool(expr_true(&v)), 1;
	case EXPR_ALT:
		if ((rc = expr_eval_one(run, x->kid[0], in, &v)) < 0)
			return rc;
		if (rc && expr_true(&v))
			return *out = v, 1;
		return expr_eval_one(run, x->kid[1], in, out);
	case EXPR_IF:
		if ((rc = expr_eval_one(run, x->kid[0], in, &v)) <= 0)
			return rc;
		return expr_eval_one(run, x->kid[expr_true(&v) ? 1 : 2], in, out);
	case EXPR_SELECT:
		if ((rc = expr_eval_one(run, x->kid[0], in, &v)) <= 0)
			return rc;
		if (!expr_true(&v))
			return 0;
		return *out = *in, 1;
	case EXPR_AS:
		if ((rc = expr_eval_one(run, x->kid[0], in, &v)) <= 0)
			return rc;
		few[0] = run->vars[x->which];
		run->vars[x->which] = v;
		rc = expr_eval_one(run, x->kid[1], in, out);
		run->vars[x->which] = few[0];
		return rc;
	case EXPR_COLLECT: {
		struct list list = {0};

		if (!x->kid[0]->many) {
			if ((rc = expr_eval_one(run, x->kid[0], in, &v)) > 0)
				rc = collect(&list, run, &v);
		} else {
			rc = expr_eval(run, x->kid[0], in, collect, &list);
		}
		*out = expr_of_items(list.items, list.n);
		return rc < 0 ? rc : 1;
	}
	case EXPR_MAPF:
		return map_values(run, x, in, out);
	case EXPR_SORTF:
		if ((rc = map_values(run, x->kid[0], in, &v)) < 0)
			return rc;
		return order_by(run, x->which, in, &v, out);
	case EXPR_REDUCE:
		if ((rc = expr_eval_one(run, x->kid[1], in, &v)) <= 0)
			return rc;
		return reduce(run, x, in, &v, out);
	case EXPR_UPDATE:
		if (x->which == EXPR_PIPE)
			return expr_update(run, x, in, NULL, out);
		if ((rc = expr_eval_one(run, x->kid[0], in, &v)) <= 0)
			return rc;
		return expr_update(run, x, in, &v, out);
	case EXPR_DELETE:
		return expr_delete(run, x, in, out);
	case EXPR_BREAK:
		run->breaking = (uint64_t)run->vars[x->which].n;
		return EXPR_BREAKING;
	default:
		break;
	}
	if (x->n > FEW && !(ops = expr_get(run, (size_t)x->n * sizeof(*ops))))
		return ERR_LIMIT;
	for (int i = 0; i < x->n; i++)
		if ((rc = expr_eval_one(run, x->kid[i], in, &ops[i])) <= 0 || (rc = member_fits(run, x, ops, i)) < 0)
			return rc;
	return apply(run, x, in, ops, out);
}

/* What comes after one of many results: the rest of the node, then what comes after the node. */
struct after {
	const struct expr_node *x;
	const struct expr_value *in;
	expr_emit emit;
	void *to;
	struct expr_value *ops;         /* the operands so far */
	int i;
	struct reducing *state;         /* of foreach */
	int found;                      /* of // */
};

static int next_operand(void *to, struct expr_run *run, const struct expr_value *v);

/* The operands from a->i on, each with each, then the operator. */
static int
operands(struct expr_run *run, struct after *a)
{
	struct expr_value out;
	int rc;

	if (a->i < a->x->n)
		return expr_eval(run, a->x->kid[a->i], a->in, next_operand, a);
	rc = apply(run, a->x, a->in, a->ops, &out);
	return rc <= 0 ? rc : a->emit(a->to, run, &out);
}

static int
next_operand(void *to, struct expr_run *run, const struct expr_value *v)
{
	struct after *a = to, more = *a;
	int rc;

	a->ops[a->i] = *v;
	if ((rc = member_fits(run, a->x, a->ops, a->i)) < 0)
		return rc;
	more.i++;
	return operands(run, &more);
}

static int
then_pipe(void *to, struct expr_run *run, const struct expr_value *v)
{
	struct after *a = to;

	return expr_eval(run, a->x->kid[1], v, a->emit, a->to);
}

static int
then_bool(void *to, struct expr_run *run, const struct expr_value *v)
{
	struct after *a = to;
	struct expr_value out = of_bool(expr_true(v));

	return a->emit(a->to, run, &out);
}

static int
then_and(void *to, struct expr_run *run, const struct expr_value *v)
{
	struct after *a = to;
	int or = a->x->op == EXPR_OR;
	struct expr_value out = of_bool(or);

	if (expr_true(v) == or)
		return a->emit(a->to, run, &out);
	return expr_eval(run, a->x->kid[1], a->in, then_bool, a);
}

static int
then_alternative(void *to, struct expr_run *run, const struct expr_value *v)
{
	struct after *a = to;

	if (!expr_true(v))
		return 0;
	a->found = 1;
	return a->emit(a->to, run, v);
}

static int
then_if(void *to, struct expr_run *run, const struct expr_value *v)
{
	struct after *a = to;

	return expr_eval(run, a->x->kid[expr_true(v) ? 1 : 2], a->in, a->emit, a->to);
}

static int
then_select(void *to, struct expr_run *run, const struct expr_value *v)
{
	struct after *a = to;

	return expr_true(v) ? a->emit(a->to, run, a->in) : 0;
}

static int
then_as(void *to, struct expr_run *run, const struct expr_value *v)
{
	struct after *a = to;
	struct expr_value old = run->vars[a->x->which];
	int rc;

	run->vars[a->x->which] = *v;
	rc = expr_eval(run, a->x->kid[1], a->in, a->emit, a->to);
	run->vars[a->x->which] = old;
	return rc;
}

static int
then_update(void *to, struct expr_run *run, const struct expr_value *v)
{
	struct after *a = to;
	struct expr_value out;
	int rc = expr_update(run, a->x, a->in, v, &out);

	return rc < 0 ? rc : a->emit(a->to, run, &out);
}

static int
foreach_updated(void *to, struct expr_run *run, const struct expr_value *v)
{
	struct after *a = to;

	a->state->state = *v;
	return expr_eval(run, a->x->kid[3], v, a->emit, a->to);
}

static int
foreach_item(void *to, struct expr_run *run, const struct expr_value *v)
{
	struct after *a = to;
	struct expr_value was = a->state->state, old = run->vars[a->x->which];
	int rc;

	a->state->state = expr_of_type(JSON_NULL);
	run->vars[a->x->which] = *v;
	rc = expr_eval(run, a->x->kid[2], &was, foreach_updated, a);
	run->vars[a->x->which] = old;
	return rc;
}

static int
each(struct expr_run *run, const struct expr_node *x, const struct expr_value *v, expr_emit emit, void *to)
{
	struct expr_value *items;
	size_t n;
	int rc;

	if (x->optional && v->type != JSON_ARRAY && v->type != JSON_OBJECT)
		return 0;
	if ((rc = expr_iterate(run, v, &items, &n)) < 0)
		return rc;
	for (size_t i = 0; i < n; i++)
		if ((rc = expr_charge(run, 1)) < 0 || (rc = emit(to, run, &items[i])) != 0)
			return rc;
	return 0;
}

static int
then_each(void *to, struct expr_run *run, const struct expr_value *v)
{
	struct after *a = to;

	return each(run, a->x, v, a->emit, a->to);
}

static int
recurse(struct expr_run *run, const struct expr_value *v, expr_emit emit, void *to, int depth)
{
	struct expr_value *items;
	size_t n;
	int rc = emit(to, run, v);

	if (depth > EXPR_DEEP)
		return expr_limit(run, "nesting");
	if (rc || (v->type != JSON_ARRAY && v->type != JSON_OBJECT))
		return rc;
	if ((rc = expr_iterate(run, v, &items, &n)) < 0)
		return rc;
	for (size_t i = 0; i < n; i++)
		if ((rc = expr_charge(run, 1)) < 0 || (rc = recurse(run, &items[i], emit, to, depth + 1)) != 0)
			return rc;
	return 0;
}

int
expr_eval(struct expr_run *run, const struct expr_node *x, const struct expr_value *in, expr_emit emit, void *to)
{
	struct after a = { x, in, emit, to, NULL, 0, NULL, 0 };
	struct expr_value v, few[FEW];
	int rc;

	if ((rc = expr_charge(run, 1)) < 0)
		return rc;
	if (!x->many) {
		rc = expr_eval_one(run, x, in, &v);
		return rc <= 0 ? rc : emit(to, run, &v);
	}
	switch (x->op) {
	case EXPR_COMMA:
		for (int i = 0; i < x->n; i++)
			if ((rc = expr_eval(run, x->kid[i], in, emit, to)) != 0)
				return rc;
		return 0;
	case EXPR_PIPE:
		return expr_eval(run, x->kid[0], in, then_pipe, &a);
	case EXPR_AND:
	case EXPR_OR:
		return expr_eval(run, x->kid[0], in, then_and, &a);
	case EXPR_ALT:
		if ((rc = expr_eval(run, x->kid[0], in, then_alternative, &a)) != 0 || a.found)
			return rc;
		return expr_eval(run, x->kid[1], in, emit, to);
	case EXPR_IF:
		return expr_eval(run, x->kid[0], in, then_if, &a);
	case EXPR_SELECT:
		return expr_eval(run, x->kid[0], in, then_select, &a);
	case EXPR_AS:
		return expr_eval(run, x->kid[0], in, then_as, &a);
	case EXPR_TRY:
		rc = expr_eval(run, x->kid[0], in, emit, to);
		return rc == ERR_INPUT || rc == EXPR_BREAKING ? 0 : rc;
	case EXPR_EACH:
		return expr_eval(run, x->kid[0], in, then_each, &a);
	case EXPR_RECURSE:
		return recurse(run, in, emit, to, 0);
	case EXPR_UPDATE:
		return expr_eval(run, x->kid[0], in, then_update, &a);
	case EXPR_FOREACH: {
		struct reducing r = { .x = x, .in = in };

		if ((rc = expr_eval_one(run, x->kid[1], in, &r.state)) <= 0)
			return rc;
		a.state = &r;
		return expr_eval(run, x->kid[0], in, foreach_item, &a);
	}
	case EXPR_LABEL: {
		struct expr_value old = run->vars[x->which];
		uint64_t mine = ++run->labels;

		run->vars[x->which] = (struct expr_value){ .n = mine };
		rc = expr_eval(run, x->kid[0], in, emit, to);
		run->vars[x->which] = old;
		return rc == EXPR_BREAKING && run->breaking == mine ? 0 : rc;
	}
	default:
		a.ops = few;
		if (x->n > FEW && !(a.ops = expr_get(run, (size_t)x->n * sizeof(*a.ops))))
			return ERR_LIMIT;
		return operands(run, &a);
	}
}
