#include "window/aggregate.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

/* The names a user gives; each reads a slot of its kind. suffix: what comes behind the field's name in the output. */
enum { COUNT, SUM, AVG, MIN, MAX, STDDEV, VAR, DISTINCT, TOPK, FIRST, LAST, RATE, PERCENTILE, WHATS };
static const struct {
	const char *name;
	enum aggregate_kind kind;
	int takes_field;
} table[WHATS] = {
	[COUNT] = { "count", AGGREGATE_COUNT, 0 },
	[SUM] = { "sum", AGGREGATE_SUM, 1 },
	[AVG] = { "avg", AGGREGATE_SUM, 1 },
	[MIN] = { "min", AGGREGATE_MIN, 1 },
	[MAX] = { "max", AGGREGATE_MAX, 1 },
	[STDDEV] = { "stddev", AGGREGATE_MOMENTS, 1 },
	[VAR] = { "var", AGGREGATE_MOMENTS, 1 },
	[DISTINCT] = { "distinct", AGGREGATE_DISTINCT, 1 },
	[TOPK] = { "topk", AGGREGATE_TOPK, 1 },
	[FIRST] = { "first", AGGREGATE_FIRST, 1 },
	[LAST] = { "last", AGGREGATE_LAST, 1 },
	[RATE] = { "rate", AGGREGATE_COUNT, 0 },
	[PERCENTILE] = { "p", AGGREGATE_QUANTILE, 1 },
};

#define TOPK_DEFAULT 10
#define TOPK_MOST 10000

/* "p99.9" to 0.999; -1 when it is no percentile. */
static double
percentile(struct str name)
{
	double share;

	if (name.n < 2 || name.p[0] != 'p' || str_double((struct str){ name.p + 1, name.n - 1 }, &share) || share < 0 || share > 100)
		return -1;
	return share / 100;
}

static int
what_of(struct str name)
{
	for (int i = 0; i < PERCENTILE; i++)
		if (str_eq(name, str_of(table[i].name)))
			return i;
	return percentile(name) >= 0 ? PERCENTILE : -1;
}

static struct str
keep(struct aggregates *a, struct str s)
{
	if (!a->text)
		a->text = arena_new(0);
	return (struct str){ arena_dup(a->text, s.p, s.n), s.n };
}

static int
slot_for(struct aggregates *a, enum aggregate_kind kind, struct str field, int top)
{
	for (int i = 0; i < a->slots; i++)
		if (a->slot[i].kind == kind && a->slot[i].top == top && str_eq(a->slot[i].field, field))
			return i;
	a->slot = mem_grow(a->slot, (size_t)a->slots + 1, sizeof(*a->slot));
	a->slot[a->slots] = (struct aggregate_slot){ .kind = kind, .field = field.p ? keep(a, field) : field, .top = top, .field_index = -1 };
	return a->slots++;
}

static int
output_for(struct aggregates *a, struct aggregate_output out)
{
	a->output = mem_grow(a->output, (size_t)a->outputs + 1, sizeof(*a->output));
	a->output[a->outputs] = out;
	return a->outputs++;
}

/* One item between commas: [NAME=]AGG[(FIELD[,N])]. */
static int
parse_item(struct aggregates *a, struct str item, struct err *err)
{
	struct str name = { NULL, 0 }, agg, field = { NULL, 0 }, top = { NULL, 0 };
	const char *equals = memchr(item.p, '=', item.n), *open = memchr(item.p, '(', item.n);
	struct aggregate_output out = { .share = -1 };
	struct buf text = { 0 };
	int64_t n = 0;

	if (equals && (!open || equals < open)) {
		name = str_trim((struct str){ item.p, (size_t)(equals - item.p) });
		item = str_trim((struct str){ equals + 1, item.n - (size_t)(equals + 1 - item.p) });
		if (!name.n)
			return err_set(err, ERR_USAGE, "no name before '=', try x=sum(revenue)");
	}
	agg = item;
	if ((open = memchr(item.p, '(', item.n))) {
		if (item.p[item.n - 1] != ')')
			return err_set(err, ERR_USAGE, "'%.*s': no ')' at the end", STR_FMT(item));
		agg = str_trim((struct str){ item.p, (size_t)(open - item.p) });
		top = (struct str){ open + 1, item.n - (size_t)(open + 2 - item.p) };
		str_cut(&top, ',', &field);
		field = str_trim(field);
	}
	if ((out.what = what_of(agg)) < 0)
		return err_set(err, ERR_USAGE, "no aggregate '%.*s', there are count, sum(f), avg(f), min(f), max(f), stddev(f), "
		    "var(f), p50(f) to p99.9(f), distinct(f), topk(f,n), first(f), last(f), rate", STR_FMT(agg));
	if (table[out.what].takes_field && !field.n)
		return err_set(err, ERR_USAGE, "'%.*s' wants a field, try %.*s(revenue)", STR_FMT(item), STR_FMT(agg));
	if (!table[out.what].takes_field && field.n)
		return err_set(err, ERR_USAGE, "'%.*s' takes no field", STR_FMT(agg));
	if (top.p && out.what != TOPK)
		return err_set(err, ERR_USAGE, "'%.*s' takes one field", STR_FMT(agg));
	if (out.what == TOPK) {
		n = TOPK_DEFAULT;
		if (top.p && (str_int64(str_trim(top), &n) || n < 1 || n > TOPK_MOST))
			return err_set(err, ERR_USAGE, "topk wants a number from 1 to %d: topk(page,5)", TOPK_MOST);
	}
	if (out.what == PERCENTILE)
		out.share = percentile(agg);
	out.named = name.p != NULL;
	if (!out.named) {
		buf_str(&text, field);
		if (field.n)
			buf_byte(&text, '_');
		buf_str(&text, agg);
		name = buf_get(&text);
	}
	out.name = keep(a, name);
	for (int i = 0; i < a->outputs; i++)
		if (str_eq(a->output[i].name, out.name)) {
			buf_release(&text);
			return err_set(err, ERR_USAGE, "two fields named '%.*s', name one of them: x=%.*s(…)", STR_FMT(out.name), STR_FMT(agg));
		}
	out.key = out.named || !field.n ? out.name : keep(a, field);
	out.slot = slot_for(a, table[out.what].kind, field.n ? field : (struct str){ NULL, 0 }, (int)n);
	output_for(a, out);
	buf_release(&text);
	return 0;
}

/* Commas within parentheses belong to the item. */
int
aggregates_parse(struct aggregates *a, struct str list, struct err *err)
{
	size_t from = 0;
	int depth = 0;

	for (size_t i = 0; i <= list.n; i++) {
		char c = i < list.n ? list.p[i] : ',';

		depth += (c == '(') - (c == ')');
		if (c == ',' && (depth <= 0 || i == list.n)) {
			struct str item = str_trim((struct str){ list.p + from, i - from });

			if (!item.n)
				return err_set(err, ERR_USAGE, "an empty aggregate, give them as 'count,sum(revenue)'");
			if (parse_item(a, item, err))
				return err->code;
			from = i + 1;
		}
	}
	return 0;
}

int
aggregates_by_name(struct aggregates *a, struct str name)
{
	struct aggregate_output out = { .what = LAST, .share = -1 };
	struct str field = { NULL, 0 };
	const char *line = name.n ? memrchr(name.p, '_', name.n) : NULL;
	int what;

	for (int i = 0; i < a->outputs; i++)
		if (str_eq(a->output[i].name, name))
			return i;
	out.name = out.key = keep(a, name);
	if (str_eq(name, STR("count")) || str_eq(name, STR("rate"))) {
		out.what = name.p[0] == 'c' ? COUNT : RATE;
	} else if (line && line > name.p) {
		struct str suffix = { line + 1, name.n - (size_t)(line + 1 - name.p) };

		what = what_of(suffix);
		if (what >= 0 && table[what].takes_field) {
			field = (struct str){ name.p, (size_t)(line - name.p) };
			out.what = what;
			out.share = what == PERCENTILE ? percentile(suffix) : -1;
			out.key = keep(a, field);
		}
	}
	if (out.what == LAST && !field.p)
		field = name;
	out.slot = slot_for(a, table[out.what].kind, field, out.what == TOPK ? TOPK_DEFAULT : 0);
	return output_for(a, out);
}

void
aggregates_release(struct aggregates *a)
{
	free(a->slot);
	free(a->output);
	arena_free(a->text);
	*a = (struct aggregates){ 0 };
}

/* ---- double-double sums: Knuth's two-sum, and the product's low half by fused multiply-add */

static void
precise_add(double *high, double *low, double x, double x_low)
{
	double sum = *high + x, part = sum - *high, error = (*high - (sum - part)) + (x - part);

	error += *low + x_low;
	*high = sum + error;
	*low = error - (*high - sum);
}

static void
moments_add(struct moments *m, double x)
{
	double square = x * x;

	m->n++;
	precise_add(&m->sum, &m->sum_low, x, 0);
	precise_add(&m->square, &m->square_low, square, fma(x, x, -square));
}

/* The variance of a sample: (Σx² − (Σx)²/n) / (n − 1), in long double upon exact parts. */
static double
moments_variance(const struct moments *m)
{
	long double n = (long double)m->n, mean, spread;
	double mean_high, p, p_low, high = m->square, low = m->square_low;

	if (m->n < 2)
		return NAN;
	mean = ((long double)m->sum + (long double)m->sum_low) / n;
	mean_high = (double)mean;
	p = m->sum * mean_high;
	p_low = fma(m->sum, mean_high, -p) + m->sum_low * mean_high + m->sum * (double)(mean - mean_high);
	precise_add(&high, &low, -p, -p_low);
	spread = (long double)high + (long double)low;
	return spread <= 0 ? 0 : (double)(spread / (n - 1));
}

/* A variance keeps some fifteen digits; more would be noise that depends on the order of rows. */
static double
fifteen(double x)
{
	char text[40];
	double back;

	snprintf(text, sizeof(text), "%.14e", x);
	return str_double(str_of(text), &back) ? x : back;
}

/* ---- states */

static void
moment_set(struct moment *m, struct str text, int64_t time)
{
	if (!m->text || m->n < text.n)
		m->text = mem_grow(m->text, text.n + 1, 1);
	memcpy(m->text, text.p, text.n);
	m->n = text.n;
	m->time = time;
}

/* A value as the text it is told apart by: a string decoded, a number in one spelling, anything else as it stands. */
static struct str
as_text(struct json v, struct buf *scratch)
{
	double d;

	if (v.type == JSON_STRING)
		return json_text(v, scratch);
	if (v.type == JSON_NUMBER && (memchr(v.p, '.', v.n) || memchr(v.p, 'e', v.n) || memchr(v.p, 'E', v.n)) && json_double(v, &d)) {
		buf_clear(scratch);
		json_put_double(scratch, d);
		return buf_get(scratch);
	}
	return json_raw(v);
}

void
aggregate_add(const struct aggregate_slot *slot, union aggregate_state *s, struct json v, const struct number *x, int64_t time,
    struct buf *scratch)
{
	if (slot->kind == AGGREGATE_COUNT) {
		s->count++;
		return;
	}
	if (v.type == JSON_NONE || v.type == JSON_NULL)
		return;
	switch (slot->kind) {
	case AGGREGATE_SUM:
		if (x)
			total_add(&s->total, x);
		break;
	case AGGREGATE_MIN:
		if (x && (!s->extreme.is_set || x->value < s->extreme.x.value))
			s->extreme = (struct extreme){ *x, 1 };
		break;
	case AGGREGATE_MAX:
		if (x && (!s->extreme.is_set || x->value > s->extreme.x.value))
			s->extreme = (struct extreme){ *x, 1 };
		break;
	case AGGREGATE_MOMENTS:
		if (x)
			moments_add(&s->moments, x->value);
		break;
	case AGGREGATE_QUANTILE:
		if (x) {
			if (!s->quantile)
				s->quantile = quantile_new();
			quantile_add(s->quantile, x->value);
		}
		break;
	case AGGREGATE_DISTINCT:
		if (!s->distinct)
			s->distinct = distinct_new();
		distinct_add(s->distinct, as_text(v, scratch));
		break;
	case AGGREGATE_TOPK:
		if (!s->topk)
			s->topk = topk_new(slot->top);
		topk_add(s->topk, as_text(v, scratch), 1);
		break;
	case AGGREGATE_FIRST:
		if (!s->moment.text || time < s->moment.time)
			moment_set(&s->moment, json_raw(v), time);
		break;
	case AGGREGATE_LAST:
		if (!s->moment.text || time >= s->moment.time)
			moment_set(&s->moment, json_raw(v), time);
		break;
	default:
		break;
	}
}

static void
merge_extreme(struct extreme *to, const struct extreme *from, int sign)
{
	if (from->is_set && (!to->is_set || sign * from->x.value > sign * to->x.value))
		*to = *from;
}

void
aggregate_merge(const struct aggregate_slot *slot, union aggregate_state *s, const union aggregate_state *from)
{
	switch (slot->kind) {
	case AGGREGATE_COUNT:
		s->count += from->count;
		break;
	case AGGREGATE_SUM:
		total_merge(&s->total, &from->total);
		break;
	case AGGREGATE_MIN:
		merge_extreme(&s->extreme, &from->extreme, -1);
		break;
	case AGGREGATE_MAX:
		merge_extreme(&s->extreme, &from->extreme, 1);
		break;
	case AGGREGATE_MOMENTS:
		s->moments.n += from->moments.n;
		precise_add(&s->moments.sum, &s->moments.sum_low, from->moments.sum, from->moments.sum_low);
		precise_add(&s->moments.square, &s->moments.square_low, from->moments.square, from->moments.square_low);
		break;
	case AGGREGATE_QUANTILE:
		if (from->quantile) {
			if (!s->quantile)
				s->quantile = quantile_new();
			quantile_merge(s->quantile, from->quantile);
		}
		break;
	case AGGREGATE_DISTINCT:
		if (from->distinct) {
			if (!s->distinct)
				s->distinct = distinct_new();
			distinct_merge(s->distinct, from->distinct);
		}
		break;
	case AGGREGATE_TOPK:
		if (from->topk) {
			if (!s->topk)
				s->topk = topk_new(slot->top);
			topk_merge(s->topk, from->topk);
		}
		break;
	case AGGREGATE_FIRST:
	case AGGREGATE_LAST:
		if (from->moment.text && (!s->moment.text || (slot->kind == AGGREGATE_FIRST ? from->moment.time < s->moment.time
		                                                                             : from->moment.time >= s->moment.time)))
			moment_set(&s->moment, (struct str){ from->moment.text, from->moment.n }, from->moment.time);
		break;
	default:
		break;
	}
}

void
aggregate_clear(const struct aggregate_slot *slot, union aggregate_state *s)
{
	switch (slot->kind) {
	case AGGREGATE_QUANTILE: quantile_free(s->quantile); break;
	case AGGREGATE_DISTINCT: distinct_free(s->distinct); break;
	case AGGREGATE_TOPK: topk_free(s->topk); break;
	case AGGREGATE_FIRST:
	case AGGREGATE_LAST: free(s->moment.text); break;
	default: break;
	}
	memset(s, 0, sizeof(*s));
}

/* ---- what is printed */

static void
put_topk(const struct topk *t, int n, struct buf *b)
{
	struct topk_item *items = mem_new((size_t)n * sizeof(*items));
	int found = t ? topk_get(t, items) : 0;

	buf_byte(b, '[');
	for (int i = 0; i < found; i++) {
		buf_lit(b, i ? ",{\"value\":" : "{\"value\":");
		json_put_string(b, items[i].value);
		buf_lit(b, ",\"count\":");
		json_put_int64(b, (int64_t)items[i].count);
		buf_byte(b, '}');
	}
	buf_byte(b, ']');
	free(items);
}

static void
put_extreme(const struct extreme *e, struct buf *b)
{
	if (!e->is_set)
		buf_lit(b, "null");
	else if (e->x.exact)
		total_put_nano(e->x.nano, b);
	else
		json_put_double(b, e->x.value);
}

static void
put_double_or_null(double x, struct buf *b)
{
	if (isnan(x))
		buf_lit(b, "null");
	else
		json_put_double(b, x);
}

void
aggregate_put(const struct aggregate_output *out, const struct aggregate_slot *slot, const union aggregate_state *s,
    double seconds, struct buf *b)
{
	double v;

	switch (out->what) {
	case COUNT:
		json_put_int64(b, (int64_t)s->count);
		break;
	case RATE:
		put_double_or_null(seconds > 0 ? (double)s->count / seconds : NAN, b);
		break;
	case SUM:
		if (s->total.n)
			total_put(&s->total, b);
		else
			buf_byte(b, '0');
		break;
	case AVG:
		put_double_or_null(s->total.n ? total_get(&s->total) / (double)s->total.n : NAN, b);
		break;
	case MIN:
	case MAX:
		put_extreme(&s->extreme, b);
		break;
	case STDDEV:
	case VAR:
		v = moments_variance(&s->moments);
		put_double_or_null(isnan(v) ? v : fifteen(out->what == VAR ? v : sqrt(v)), b);
		break;
	case DISTINCT:
		json_put_int64(b, s->distinct ? (int64_t)distinct_get(s->distinct) : 0);
		break;
	case TOPK:
		put_topk(s->topk, slot->top, b);
		break;
	case FIRST:
	case LAST:
		buf_str(b, s->moment.text ? (struct str){ s->moment.text, s->moment.n } : STR("null"));
		break;
	default:
		put_double_or_null(s->quantile ? quantile_get(s->quantile, out->share) : NAN, b);
	}
}

/* ---- text of states */

static const char *const prefix[AGGREGATE_KINDS] = { "n1:", "sum1:", "min1:", "max1:", "var1:", "dd1:", "hll1:", "ss1:",
	"first1:", "last1:" };

/* Any text without the characters that part states: percent-encoded. */
static void
put_encoded(struct str s, struct buf *b)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] <= ' ' || strchr("%;\"\\", s.p[i]) || (unsigned char)s.p[i] >= 0x7f)
			buf_printf(b, "%%%02X", (unsigned char)s.p[i]);
		else
			buf_byte(b, s.p[i]);
}

static int
hex_of(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static int
take_encoded(struct str s, struct buf *b)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] != '%') {
			buf_byte(b, s.p[i]);
			continue;
		}
		if (s.n - i < 3 || hex_of(s.p[i + 1]) < 0 || hex_of(s.p[i + 2]) < 0)
			return -1;
		buf_byte(b, (char)(hex_of(s.p[i + 1]) * 16 + hex_of(s.p[i + 2])));
		i += 2;
	}
	return 0;
}

void
aggregate_write(const struct aggregate_slot *slot, const union aggregate_state *s, struct buf *b)
{
	if (slot->kind < AGGREGATE_QUANTILE || slot->kind > AGGREGATE_TOPK)
		buf_lit(b, prefix[slot->kind]);
	switch (slot->kind) {
	case AGGREGATE_COUNT:
		buf_printf(b, "%lu", (unsigned long)s->count);
		break;
	case AGGREGATE_SUM:
		total_write(&s->total, b);
		break;
	case AGGREGATE_MIN:
	case AGGREGATE_MAX:
		if (s->extreme.is_set)
			put_extreme(&s->extreme, b);
		break;
	case AGGREGATE_MOMENTS:
		buf_printf(b, "%lu;%.17g;%.17g;%.17g;%.17g", (unsigned long)s->moments.n, s->moments.sum, s->moments.sum_low,
		    s->moments.square, s->moments.square_low);
		break;
	case AGGREGATE_QUANTILE:
		if (s->quantile)
			quantile_put(s->quantile, b);
		else
			buf_lit(b, "dd1:");
		break;
	case AGGREGATE_DISTINCT:
		if (s->distinct)
			distinct_put(s->distinct, b);
		else
			buf_lit(b, "hll1:e");
		break;
	case AGGREGATE_TOPK:
		if (s->topk)
			topk_put(s->topk, b);
		else
			buf_printf(b, "ss1:%d;", slot->top);
		break;
	default:
		if (s->moment.text) {
			buf_printf(b, "%ld;", (long)s->moment.time);
			put_encoded((struct str){ s->moment.text, s->moment.n }, b);
		}
	}
}

static int
read_moments(struct str text, struct moments *m)
{
	struct str part[5];
	int64_t n;

	for (int i = 0; i < 5; i++)
		if (!str_cut(&text, ';', &part[i]))
			return -1;
	if (text.p || str_int64(part[0], &n) || n < 0 || str_double(part[1], &m->sum) || str_double(part[2], &m->sum_low) ||
	    str_double(part[3], &m->square) || str_double(part[4], &m->square_low))
		return -1;
	m->n = (uint64_t)n;
	return 0;
}

static int
read_moment(struct str text, struct moment *m)
{
	struct str time;
	struct buf json = { 0 };
	struct err err = { 0 };
	int rc = -1;

	if (!text.n)
		return 0;
	if (str_cut(&text, ';', &time) && text.p && str_int64(time, &m->time) == 0 && take_encoded(text, &json) == 0 &&
	    json_check(buf_get(&json), &err) == 0) {
		int64_t at = m->time;

		moment_set(m, buf_get(&json), at);
		rc = 0;
	}
	buf_release(&json);
	return rc;
}

static int
read_state(const struct aggregate_slot *slot, union aggregate_state *s, struct str whole, struct str text)
{
	int64_t n;

	switch (slot->kind) {
	case AGGREGATE_COUNT:
		if (str_int64(text, &n) || n < 0)
			return -1;
		s->count = (uint64_t)n;
		return 0;
	case AGGREGATE_SUM:
		return total_read(text, &s->total);
	case AGGREGATE_MIN:
	case AGGREGATE_MAX:
		s->extreme.is_set = text.n && number_read((struct json){ text.p, text.n, JSON_NUMBER, 0 }, &s->extreme.x);
		return text.n && !s->extreme.is_set ? -1 : 0;
	case AGGREGATE_MOMENTS:
		return read_moments(text, &s->moments);
	case AGGREGATE_QUANTILE:
		return (s->quantile = quantile_read(whole)) ? 0 : -1;
	case AGGREGATE_DISTINCT:
		return (s->distinct = distinct_read(whole)) ? 0 : -1;
	case AGGREGATE_TOPK:
		return (s->topk = topk_read(whole)) ? 0 : -1;
	default:
		return read_moment(text, &s->moment);
	}
}

int
aggregate_read(const struct aggregate_slot *slot, union aggregate_state *s, struct str text)
{
	union aggregate_state from;
	struct str head = str_of(prefix[slot->kind]);
	int rc;

	memset(&from, 0, sizeof(from));
	if (!str_starts(text, head))
		return -1;
	rc = read_state(slot, &from, text, (struct str){ text.p + head.n, text.n - head.n });
	if (rc == 0)
		aggregate_merge(slot, s, &from);
	aggregate_clear(slot, &from);
	return rc;
}

int
aggregate_needs_state(const struct aggregate_output *out, const struct aggregate_slot *slot)
{
	return slot->kind >= AGGREGATE_MOMENTS || out->what == AVG;
}

int
aggregate_take(const struct aggregate_output *out, const struct aggregate_slot *slot, union aggregate_state *s, struct json v,
    uint64_t count, int64_t time)
{
	struct number x;
	struct buf none = { 0 };
	int is_number = number_read(v, &x);

	if (v.type == JSON_NULL || v.type == JSON_NONE)
		return 0;
	switch (out->what) {
	case COUNT:
		if (!is_number || x.value < 0 || x.value > 9e18)
			return -1;
		s->count += (uint64_t)x.value;
		return 0;
	case RATE:                                      /* made anew from the count, which is an output of its own */
		return count ? 0 : -1;
	case AVG:
		if (!is_number || !count)
			return -1;
		x = (struct number){ .value = x.value * (double)count };
		total_add(&s->total, &x);
		s->total.n += count - 1;
		return 0;
	case SUM:
	case MIN:
	case MAX:
		if (!is_number)
			return -1;
		aggregate_add(slot, s, v, &x, time, &none);
		return 0;
	case FIRST:
	case LAST:
		aggregate_add(slot, s, v, NULL, time, &none);
		return 0;
	default:
		return -1;
	}
}
