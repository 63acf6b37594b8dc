/* The first half of the rewriter: what stands inside expressions. */
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/time.h"
#include "query/functions.h"
#include "query/rewrite_priv.h"

#define is     rewrite_is
#define one_of rewrite_is_one_of
#define put    rewrite_put

/* `a … b` go, one token stands in their place. */
static struct tok *
replace(struct work *w, struct tok *a, struct tok *b, const char *sql)
{
	struct tok *t = put(w, a, a, "%s", sql);

	t->end = b->end;
	rewrite_cut(a, b);
	return t;
}

static struct str
small_name(struct work *w, const struct tok *t, struct buf *small)
{
	buf_clear(small);
	buf_small(small, rewrite_bare(w, t));
	return buf_get(small);
}

/* ---- types */

/* A type begins at t: "double precision", "varchar(20)", "timestamp with time zone", "int[]". Its last token; name gets it. */
static struct tok *
type_end(struct tok *t, struct buf *name)
{
	struct tok *last = t;

	if (!rewrite_named(t))
		return NULL;
	if (is(t, "double") && is(t->next, "precision"))
		last = t->next;
	else if ((is(t, "character") || is(t, "char") || is(t, "bit")) && is(t->next, "varying"))
		last = t->next;
	if (is(last->next, "(") && last->next->match != last->next)
		last = last->next->match;
	if (is(last->next, "[") && is(last->next->next, "]")) {        /* int[]: a list, which is JSON */
		buf_clear(name);
		buf_lit(name, "json");
		return last->next->next;
	}
	if ((is(last->next, "with") || is(last->next, "without")) && is(last->next->next, "time") && is(last->next->next->next, "zone"))
		last = last->next->next->next;
	buf_clear(name);
	rewrite_text(t, last->next, name);
	return last;
}

static void
casts(struct work *w)
{
	struct buf type = {0};

	for (struct tok *t = w->head.next; t != &w->head && !w->err->code; t = t->next) {
		struct tok *a, *b, *as = NULL;

		if (is(t, "::")) {
			if (!(a = rewrite_operand_start(t->prev)) || !(b = type_end(t->next, &type))) {
				rewrite_fail(w, t, "'::' wants a value before it and a type behind it");
				break;
			}
			char *quoted = rewrite_quote(w, buf_get(&type), '\'');
			struct tok *last = t->prev;

			put(w, t, t, ",");
			put(w, t, b, "%s", quoted)->end = b->end;
			rewrite_cut(t, b);
			last = last->next->next;
			t = rewrite_wrap(w, a, last, "cast_to(", ")")->next->match;
			t->at = t->prev->at, t->end = t->prev->end;
		} else if ((is(t, "cast") || is(t, "try_cast") || is(t, "safe_cast")) && is(t->next, "(")) {
			for (struct tok *i = t->next->next; i != t->next->match; i = i->next) {
				if (is(i, "("))
					i = i->match;
				else if (is(i, "as"))
					as = i;
			}
			if (!as || !(b = type_end(as->next, &type)) || b->next != t->next->match) {
				rewrite_fail(w, t, "%.*s wants a value, AS and a type", (int)t->text.n, t->text.p);
				break;
			}
			if (is(t, "cast") && !functions_type_differs(buf_get(&type)))
				continue;       /* SQLite's own meaning */
			char *quoted = rewrite_quote(w, buf_get(&type), '\'');

			put(w, as, as, ",");
			put(w, as, b, "%s", quoted)->end = b->end;
			rewrite_cut(as, b);
			rewrite_set(w, t, is(t, "cast") ? "cast_to" : "try_cast_to");
		}
	}
	buf_release(&type);
}

/* ---- literals and words */

static void
literal_time(struct work *w, struct tok *t, int64_t ms, int date)
{
	char out[TIME_LEN], quoted[TIME_LEN + 3];

	time_print(ms, out);
	snprintf(quoted, sizeof(quoted), "'%.*s'", date ? 10 : TIME_LEN, out);
	rewrite_set(w, t, quoted);
	t->kind = TOKEN_STRING;
	t->is_time = 1;
}

/* A unit written bare, date_trunc(hour, t), becomes a text: one, the other such words are columns; the last in the calls that have it there. */
static void
bare_units(struct work *w, struct tok *call)
{
	static const char *const units[] = { "microsecond", "millisecond", "second", "minute", "hour", "day", "week", "month",
		"quarter", "year", "microseconds", "milliseconds", "seconds", "minutes", "hours", "days", "weeks", "months", "quarters",
		"years", "isoweek", "dayofweek", "dayofyear", "epoch", "dow", "doy", NULL };

	static const char *const behind[] = { "timestamp_trunc", "timestamp_diff", "last_day", NULL };
	struct tok *unit = NULL;

	for (struct tok *i = call->next->next; i != call->next->match && i->kind != TOKEN_END; i = i->next) {
		if (is(i, "(")) {
			i = i->match;
		} else if ((is(i->prev, "(") || is(i->prev, ",")) && (is(i->next, ",") || is(i->next, ")"))) {
			struct str text = rewrite_bare(w, i);

			for (int k = 0; units[k] && i->kind == TOKEN_STRING; k++)
				if (strlen(units[k]) == text.n && strncasecmp(units[k], text.p, text.n) == 0)
					return;
			if (i->kind == TOKEN_WORD && one_of(i, units) && (!unit || one_of(call, behind)) && (!is(call, "last_day") || is(i->prev, ",")))
				unit = i;
		}
	}
	if (unit)
		rewrite_set(w, unit, rewrite_quote(w, unit->text, '\'')), unit->kind = TOKEN_STRING;
}

static int
n_commas(const struct tok *open)        /* in these brackets, and in none within them */
{
	int n = 0;

	for (const struct tok *k = open->next; k != open->match && k->kind != TOKEN_END; k = k->next) {
		k = is(k, "(") ? k->match : k;
		n += is(k, ",");
	}
	return n;
}

static void
words(struct work *w)
{
	static const char *const unit_calls[] = { "date_trunc", "datetrunc", "date_part", "datepart", "datediff", "date_diff", "dateadd",
		"timestampdiff", "timestampadd", "timestamp_trunc", "timestamp_diff", "last_day", NULL };
	static const char *const moving[] = { "date_add", "date_sub", "datesub", NULL };        /* of three, (day, 1, t): of two it may be a column */

	for (struct tok *t = w->head.next; t != &w->head && !w->err->code; t = t->next) {
		if (t->kind != TOKEN_WORD || is(t->prev, "."))
			continue;
		if (t->next->kind == TOKEN_STRING && *t->next->text.p == '\'' &&
		    (is(t, "timestamp") || is(t, "timestamptz") || is(t, "datetime") || is(t, "date"))) {
			int64_t ms;

			if (time_parse_rfc3339(str_trim(rewrite_bare(w, t->next)), &ms) < 0) {
				rewrite_fail(w, t->next, "%.*s is no time, try '2026-11-23' or '2026-11-23T10:15:30Z'", STR_FMT(t->next->text));
				return;
			}
			t->next->at = t->at;
			t->next->blank = t->blank;
			t = t->next;
			literal_time(w, t, ms, is(t->prev, "date"));
			rewrite_cut(t->prev, t->prev);
		} else if (is(t, "time") && t->next->kind == TOKEN_STRING && *t->next->text.p == '\'') {
			rewrite_wrap(w, t->next, t->next, "cast_to(", ", 'time')");
			rewrite_cut(t, t);
		} else if (is(t, "json_exists") && is(t->next, "(") && t->next->match != t->next) {
			rewrite_set(w, t, "json_type");
			t = rewrite_wrap(w, t, t->next->match, "(", "IS NOT NULL)")->match;
		} else if (is(t, "extract") && is(t->next, "(")) {
			struct tok *part = t->next->next, *from = part->next;

			if (part->kind != TOKEN_WORD && part->kind != TOKEN_STRING)
				continue;
			if (is(from, "from")) {
				rewrite_set(w, t, "date_part");
				if (part->kind == TOKEN_WORD)
					rewrite_set(w, part, rewrite_quote(w, part->text, '\'')), part->kind = TOKEN_STRING;
				replace(w, from, from, ",");
			}
		} else if (is(t, "position") && is(t->next, "(")) {
			for (struct tok *i = t->next->next; i != t->next->match; i = i->next) {
				if (is(i, "("))
					i = i->match;
				if (is(i, "in")) {
					struct tok *first = t->next->next, *last = i->prev;

					rewrite_set(w, t, "strpos");
					i = replace(w, i, i, ",");
					rewrite_move(first, last, t->next->match);
					rewrite_move(i, i, first);
					break;
				}
			}
		} else if ((is(t, "substring") || is(t, "substr")) && is(t->next, "(")) {
			for (struct tok *i = t->next->next; i != t->next->match; i = i->next) {
				if (is(i, "("))
					i = i->match;
				else if (is(i, "from") || is(i, "for"))
					i = replace(w, i, i, ",");
			}
		} else if ((is(t, "left") || is(t, "right")) && is(t->next, "(")) {
			rewrite_set(w, t, is(t, "left") ? "str_left" : "str_right");
		} else if ((is(t, "current_timestamp") || is(t, "localtimestamp")) && !is(t->next, "(")) {
			t = replace(w, t, t, "now()")->next->next;
		} else if (is(t, "current_date") && !is(t->next, "(")) {
			t = replace(w, t, t, "today()")->next->next;    /* SQLite's is that of UTC */
		} else if ((one_of(t, unit_calls) && is(t->next, "(")) || (one_of(t, moving) && is(t->next, "(") && n_commas(t->next) == 2)) {
			bare_units(w, t);
		}
	}
}

/* `t AT TIME ZONE 'z'` */
static void
zones(struct work *w)
{
	for (struct tok *t = w->head.next; t != &w->head && !w->err->code; t = t->next) {
		struct tok *a, *b;

		if (!is(t, "at") || !is(t->next, "time") || !is(t->next->next, "zone"))
			continue;
		a = rewrite_operand_start(t->prev);
		b = rewrite_operand_end(t->next->next->next);
		if (!a || !b) {
			rewrite_fail(w, t, "AT TIME ZONE wants a time before it and a zone behind it");
			return;
		}
		replace(w, t, t->next->next, ",");
		t = rewrite_wrap(w, a, b, "at_zone(", ")")->next->match;
	}
}

/* ---- intervals */

static int
is_unit(const struct tok *t)
{
	static const char *const units[] = { "microsecond", "millisecond", "second", "minute", "hour", "day", "week", "month", "quarter",
		"year", "microseconds", "milliseconds", "seconds", "minutes", "hours", "days", "weeks", "months", "quarters", "years", NULL };

	return t->kind == TOKEN_WORD && one_of(t, units);
}

int
rewrite_has_unit(const struct tok *number)
{
	if (number->kind == TOKEN_STRING)
		for (size_t i = 0; i < number->text.n; i++)
			if ((number->text.p[i] | 32) >= 'a' && (number->text.p[i] | 32) <= 'z')
				return 0;       /* '1 hour' says it itself: what follows is a name */
	return is_unit(number->next);
}

/* A frame's `RANGE … INTERVAL … PRECEDING` counts in milliseconds, and so must its ORDER BY. */
static void
frame(struct work *w, struct tok *first, struct tok *last)
{
	struct str text = rewrite_bare(w, first);
	struct tok *t, *end;
	int64_t ms, months;
	char digits[32];

	if (first != last || first->kind != TOKEN_STRING || functions_interval(text, &ms, &months) < 0 || months || ms < 0) {
		rewrite_fail(w, first, "a frame's INTERVAL is a span of days or less, such as INTERVAL '1 hour'");
		return;
	}
	snprintf(digits, sizeof(digits), "%lld", (long long)ms);
	rewrite_set(w, first, digits);
	first->kind = TOKEN_NUMBER;
	for (t = first->prev; t->kind != TOKEN_END && !is(t, "("); t = t->prev) {
		if (is(t, ")"))
			t = t->match;
		if (!is(t, "order") || !is(t->next, "by"))
			continue;
		t = t->next->next;
		if (is(t, "epoch_ms") && t->made)
			return;
		for (end = t; !is(end->next, "desc") && !is(end->next, "asc") && !is(end->next, "nulls") && !is(end->next, "range") &&
		     !is(end->next, ",") && !is(end->next, ")") && end->next->kind != TOKEN_END; end = end->next)
			if (is(end, "("))
				end = end->match;
		if (is(end->next, ")") && is(end, "("))
			return;
		rewrite_wrap(w, t, end, "epoch_ms(", ")");
		return;
	}
}

/* The span that ends with this token, NULL when what does is none. */
static struct tok *
span_before(struct tok *last)
{
	struct tok *first = rewrite_operand_start(last);

	return first && first->is_span && (first == last || first->next->match == last) ? first : NULL;
}

static const char *const comparisons[] = { "=", "==", "<>", "!=", "<", "<=", ">", ">=", NULL };

static struct tok *sum_start(struct work *, struct tok *last, int *difference);

/* Is the operand a difference in brackets, or what a span was added to one is? */
static int
holds_difference(struct work *w, struct tok *operand)
{
	int difference = 0;

	return is(operand, "span_add") || (is(operand, "(") && operand->match != operand && sum_start(w, operand->match->prev, &difference) == operand->next && difference);
}

/* What begins the sum that ends with `last`. *difference: something is taken from something there that is no number and no span, so
 * that the sum may be the seconds between two times. NULL: no operand ends there. */
static struct tok *
sum_start(struct work *w, struct tok *last, int *difference)
{
	struct tok *a = rewrite_operand_start(last), *before;
	int64_t ms;

	*difference = a && holds_difference(w, a);
	while (a && (is(a->prev, "+") || is(a->prev, "-")) && (before = rewrite_operand_start(a->prev->prev))) {
		int plain = a == last && (a->kind == TOKEN_NUMBER || (a->kind == TOKEN_STRING && !a->is_time && time_parse_rfc3339(str_trim(rewrite_bare(w, a)), &ms) < 0));

		*difference |= (is(a->prev, "-") && !plain) || holds_difference(w, before);
		last = a->prev->prev;
		a = before;
	}
	return a;
}

/* Does the span stand where a number of seconds does: in a comparison or below a line? */
static int
counts_seconds(struct tok *first, struct tok *last)
{
	struct tok *prev = first->prev, *a;

	if (is(prev, "/") || (is(last->next, "/") && is(last->next->next, "interval")))
		return 1;
	if (is(prev, "+") || is(prev, "-") || is(last->next, "+") || is(last->next, "-"))
		return 0;
	if (one_of(prev, comparisons) || one_of(last->next, comparisons) || is(prev, "between") || is(last->next, "between"))
		return 1;
	return is(prev, "and") && (a = rewrite_operand_start(prev->prev)) && is(a->prev, "between");
}

/* The span as that number. It is no whole one, as those taken from a day are days, and those above a line are divided without a rest.
 * Its last token. */
static struct tok *
in_seconds(struct work *w, struct tok *first, struct tok *last)
{
	int64_t ms, months;
	char digits[48];

	if (first == last && functions_interval(rewrite_bare(w, first), &ms, &months) == 0 && ms >= 0 && months >= 0) {
		snprintf(digits, sizeof(digits), "%.15g", functions_span_seconds(ms, months));
		if (!strpbrk(digits, ".e"))
			strcat(digits, ".0");
		rewrite_set(w, first, digits);
		first->kind = TOKEN_NUMBER;
		first->is_span = 0;
		first->in_seconds = 1;
		return last;
	}
	first = rewrite_wrap(w, first, last, "interval_seconds(", ")");
	first->in_seconds = 1;
	return first->next->match;
}

/* `first … last` becomes such a call that gives a span. */
static struct tok *
span_call(struct work *w, struct tok *first, struct tok *last, const char *head)
{
	first = rewrite_wrap(w, first, last, head, ")");
	first->is_span = 1;
	return first;
}

static void
intervals(struct work *w)
{
	struct buf text = {0};

	for (struct tok *t = w->head.next; t != &w->head && !w->err->code; t = t->next) {
		struct tok *a, *first, *last, *prev;
		int sign = 1, difference;

		if (!is(t, "interval") || is(t->prev, ".") || is(t->next, ",") || is(t->next, ")") || is(t->next, "."))
			continue;
		/* the span itself: one literal where it is constant, else text built from number and unit */
		first = t->next;
		if (is(first, "-") || is(first, "+")) {
			sign = is(first, "-") ? -1 : 1;
			first = first->next;
		}
		if (!(last = rewrite_operand_end(first)) || (first->kind == TOKEN_WORD && !is_unit(last->next)))
			continue;       /* a column of that name */
		if (!is_unit(last->next) && first->kind != TOKEN_STRING && first->kind != TOKEN_PARAM) {
			rewrite_fail(w, t, "INTERVAL wants a unit, such as INTERVAL 1 HOUR or INTERVAL '1 hour'");
			break;
		}
		buf_clear(&text);
		if (first == last && (first->kind == TOKEN_STRING || first->kind == TOKEN_NUMBER)) {
			if (sign < 0)
				buf_lit(&text, "-");
			buf_str(&text, rewrite_bare(w, first));
			if (rewrite_has_unit(last)) {
				last = last->next;
				buf_lit(&text, " ");
				buf_str(&text, last->text);
			}
			int64_t ms, months;

			if (functions_interval(buf_get(&text), &ms, &months) < 0) {
				rewrite_fail(w, first, "'%.*s' is no span, try INTERVAL '1 hour'", (int)(text.n < 60 ? text.n : 60), text.p);
				break;
			}
			first = replace(w, t, last, rewrite_quote(w, buf_get(&text), '\''));
			first->is_span = 1;
			last = first;
		} else if (first->kind == TOKEN_PARAM && !is_unit(last->next)) {        /* INTERVAL :span, which says its unit itself */
			rewrite_cut(t, first->prev);
			first = span_call(w, first, last, sign < 0 ? "interval_of(-1," : "interval_of(1,");
			last = first->next->match;
		} else {
			const char *unit = rewrite_quote(w, (struct str){ last->next->text.p, last->next->text.n }, '\'');

			rewrite_cut(t, first->prev);    /* INTERVAL and a sign */
			a = last->next;
			put(w, a, a, ", %s", unit);
			rewrite_cut(a, a);
			last = last->next->next;
			first = span_call(w, first, last, sign < 0 ? "interval_of(-1," : "interval_of(1,");
			last = first->next->match;
		}
		/* how it is used */
		if (is(last->next, "preceding") || is(last->next, "following")) {
			frame(w, first, last);
			t = last;
			continue;
		}
		if (is(first->prev, "*") && (a = rewrite_operand_start(first->prev->prev))) {
			replace(w, first->prev, first->prev, ",");
			first = span_call(w, a, last, "interval_of(");
			last = first->next->match;
		} else if (is(last->next, "*") && (a = rewrite_operand_end(last->next->next))) {
			struct tok *star = last->next;

			rewrite_move(first, last, a->next);
			rewrite_move(star, star, first);
			replace(w, star, star, ",");
			first = span_call(w, a = rewrite_operand_start(a), last, "interval_of(");
			last = first->next->match;
		} else if (is(last->next, "/") && !is(last->next->next, "interval") && (a = rewrite_operand_end(last->next->next))) {
			replace(w, last->next, last->next, ", 1.0 /");
			first = span_call(w, first, a, "interval_of(");
			last = first->next->match;
		}
		prev = first->prev;
		if ((is(prev, "+") || is(prev, "-")) && (a = span_before(prev->prev)) && !is(a->prev, "-")) {   /* of two spans one */
			replace(w, prev, prev, is(prev, "-") ? ", -1," : ", 1,");
			first = span_call(w, a, last, "interval_sum(");
			last = first->next->match;
			prev = first->prev;
		}
		a = is(prev, "+") || is(prev, "-") ? sum_start(w, prev->prev, &difference) : NULL;
		if (!a && (is(last->next, "+") || is(last->next, "-")) && is(last->next->next, "interval")) {
			t = last;       /* the next one takes it in */
			continue;
		}
		if (!a && counts_seconds(first, last)) {
			t = in_seconds(w, first, last);
			continue;
		}
		if (a) {        /* a difference may be a time, less seconds or days, or the seconds between two: that shows when it runs */
			replace(w, prev, prev, is(prev, "-") ? ", -1," : ", 1,");
			t = rewrite_wrap(w, a, last, difference ? "span_add(" : "time_add(", ")")->next->match;
		} else if (is(last->next, "+") && (a = rewrite_operand_end(last->next->next))) {
			struct tok *plus = last->next, *b = plus->next;

			rewrite_move(first, last, a->next);
			put(w, first, plus, ", 1,");
			rewrite_cut(plus, plus);
			t = rewrite_wrap(w, b, last, "time_add(", ")")->next->match;
		} else {
			t = last;
		}
	}
	buf_release(&text);
}

/* ---- names that others give */

/* The last argument of f(…, condition) becomes FILTER (WHERE condition) behind it. */
static void
filter_by_last(struct work *w, struct tok *open)
{
	struct tok *close = open->match, *comma = NULL, *filter;

	for (struct tok *k = open->next; k != close; k = k->next) {
		k = is(k, "(") ? k->match : k;
		comma = is(k, ",") ? k : comma;
	}
	filter = put(w, close->next, close, "FILTER (WHERE )");
	filter->blank = 1;
	if (comma) {
		rewrite_move(comma->next, close->prev, filter->next->match);
		rewrite_cut(comma, comma);
	} else {                /* countIf(x), which is one of ours by now */
		rewrite_move(open->next, close->prev, filter->next->match);
	}
	filter->next->next->next->blank = 1;
}

/* minIf(x, c), sum_if(x, c), quantileIf(0.9)(x, c): an aggregate whose name goes on with If. */
static int
combined(struct work *w, struct tok *t)
{
	struct str base = { t->text.p, t->text.n - 2 };
	struct tok *open = is(t->next->match->next, "(") ? t->next->match->next : t->next;
	int exact;

	if (t->text.n < 4 || open->next == open->match || open->match == open || strncasecmp(t->text.p + t->text.n - 2, "if", 2) != 0)
		return 0;
	base.n -= base.p[base.n - 1] == '_';
	exact = base.n == 9 && strncasecmp(base.p, "uniqexact", 9) == 0;
	if ((!exact && !functions_is_aggregate(base)) || functions_is_aggregate(t->text))
		return 0;
	filter_by_last(w, open);
	t->text = base;
	t->made = 1;
	return 1;
}

/* trim(BOTH 'x' FROM y) → trim(y, 'x') */
static void
trimmed(struct work *w, struct tok *t)
{
	struct tok *open = t->next, *close = open->match, *first = open->next, *from = first;

	while (from != close && !is(from, "from"))
		from = is(from, "(") ? from->match->next : from->next;
	if (from == close)
		return;         /* trim(leading) is that of a column */
	if (is(first, "leading"))
		rewrite_set(w, t, "ltrim");
	else if (is(first, "trailing"))
		rewrite_set(w, t, "rtrim");
	if (is(first, "leading") || is(first, "trailing") || is(first, "both")) {
		rewrite_cut(first, first);
		first = open->next;
	}
	if (from == first) {
		rewrite_cut(from, from);
		return;
	}
	put(w, close, from, ",");
	rewrite_move(first, from->prev, close);
	rewrite_cut(from, from);
}

static void
other_names(struct work *w)
{
	static const struct { const char *name, *ours, *before, *behind; } names[] = {
		{ "tostring", "CAST", "", "AS TEXT" }, { "toint8", "CAST", "", "AS INTEGER" }, { "toint16", "CAST", "", "AS INTEGER" }, { "toint32", "CAST", "", "AS INTEGER" },
		{ "toint64", "CAST", "", "AS INTEGER" }, { "touint8", "CAST", "", "AS INTEGER" }, { "touint16", "CAST", "", "AS INTEGER" }, { "touint32", "CAST", "", "AS INTEGER" },
		{ "touint64", "CAST", "", "AS INTEGER" }, { "toint32ornull", "try_cast_to", "", ", 'bigint'" }, { "toint64ornull", "try_cast_to", "", ", 'bigint'" },
		{ "touint32ornull", "try_cast_to", "", ", 'bigint'" }, { "touint64ornull", "try_cast_to", "", ", 'bigint'" }, { "toint32orzero", "CAST", "", "AS INTEGER" },
		{ "toint64orzero", "CAST", "", "AS INTEGER" }, { "touint32orzero", "CAST", "", "AS INTEGER" }, { "touint64orzero", "CAST", "", "AS INTEGER" },
		{ "tofloat32", "cast_to", "", ", 'double'" }, { "tofloat64", "cast_to", "", ", 'double'" }, { "tofloat64ornull", "try_cast_to", "", ", 'double'" },
		{ "tofloat64orzero", "CAST", "", "AS REAL" }, { "lowerutf8", "lower", "", "" }, { "upperutf8", "upper", "", "" }, { "chr", "char", "", "" }, { "iff", "iif", "", "" },
		{ "to_hex", "printf", "'%X',", "" }, { "regexp_full_match", "regexp_matches", "", "" }, { "visitparamextractstring", "property", "", "" },
		{ "jsonextractstring", "property", "", "" }, { "jsonextractint", "property", "", "" }, { "jsonextractuint", "property", "", "" }, { "jsonextractfloat", "property", "", "" },
		{ "jsonextractbool", "property", "", "" }, { "jsonextractraw", "property", "", "" }, { "jsonextract", "property", "", "" }, { "to_json", "json_quote", "", "" },
		{ "addseconds", "date_add", "", ", 'second'" }, { "addminutes", "date_add", "", ", 'minute'" }, { "addhours", "date_add", "", ", 'hour'" }, { "adddays", "date_add", "", ", 'day'" },
		{ "addweeks", "date_add", "", ", 'week'" }, { "addmonths", "date_add", "", ", 'month'" }, { "addquarters", "date_add", "", ", 'quarter'" }, { "addyears", "date_add", "", ", 'year'" },
		{ "subtractseconds", "date_sub", "", ", 'second'" }, { "subtractminutes", "date_sub", "", ", 'minute'" }, { "subtracthours", "date_sub", "", ", 'hour'" },
		{ "subtractdays", "date_sub", "", ", 'day'" }, { "subtractweeks", "date_sub", "", ", 'week'" }, { "subtractmonths", "date_sub", "", ", 'month'" },
		{ "subtractquarters", "date_sub", "", ", 'quarter'" }, { "subtractyears", "date_sub", "", ", 'year'" }, { "count_star", "count", "", "*" },
		{ "to_varchar", "CAST", "", "AS TEXT" }, { "json_object_agg", "json_group_object", "", "" }, { "jsonb_object_agg", "json_group_object", "", "" },
		{ "object_agg", "json_group_object", "", "" }, { "object_construct", "json_object", "", "" }, { "jsonb_build_object", "json_object", "", "" },
		{ "json_build_object", "json_object", "", "" }, { "jsonb_build_array", "json_array", "", "" }, { "json_build_array", "json_array", "", "" },
		{ "jsonb_array_length", "json_array_length", "", "" },
		{ "parse_json", "json", "", "" }, { "jsonb_agg", "array_agg", "", "" }, { "json_agg", "array_agg", "", "" }, { NULL, NULL, NULL, NULL } };

	for (struct tok *t = w->head.next; t != &w->head && !w->err->code; t = t->next) {
		struct tok *open = t->next, *close = open->match, *comma;
		int i;

		if (t->kind != TOKEN_WORD || !is(open, "(") || close == open || is(t->prev, "."))
			continue;
		combined(w, t);
		if (is(t, "uniqexact") && open->next != close) {
			rewrite_set(w, t, "count");
			put(w, open->next, open->next, "DISTINCT");
			open->next->next->blank = 1;
			continue;
		}
		if (is(t, "trim")) {
			trimmed(w, t);
			continue;
		}
		if (is(t, "json_extract_string") && (comma = rewrite_operand_end(open->next)) && is(comma->next, ",")) {
			replace(w, comma->next, comma->next, "->>");
			t->next->blank = t->blank;
			rewrite_cut(t, t);
			continue;
		}
		for (i = 0; names[i].name && !is(t, names[i].name); i++)
			;
		if (!names[i].name || (open->next == close && !is(t, "count_star")))
			continue;
		if (is(t, "regexp_full_match") && (comma = rewrite_operand_end(open->next)) && is(comma->next, ",") && rewrite_operand_end(comma->next->next))
			rewrite_wrap(w, comma->next->next, rewrite_operand_end(comma->next->next), "('^(?:' ||", "|| ')$')");
		rewrite_set(w, t, names[i].ours);
		if (*names[i].before)
			put(w, open->next, open->next, "%s", names[i].before);
		if (*names[i].behind)
			put(w, close, close, "%s", names[i].behind)->blank = 1;
	}
}

/* ---- functions of items */

/* Behind what stands at this level from t on: its comma or word, or `after`. */
static struct tok *
part_end(struct tok *t, const struct tok *after, const char *const *words)
{
	for (; t != after && t->kind != TOKEN_END && !is(t, ",") && !(words && one_of(t, words)); t = t->next)
		if (is(t, "("))
			t = t->match;
	return t;
}

/* (SELECT json_group_array(value) FROM unnest_items(list) WHERE condition), in which the item is called `name` in the tokens it takes. NULL: all. */
static void
items_of(struct work *w, struct tok *before, struct str name, struct tok *value, struct tok *value_end, struct tok *list, struct tok *list_end, struct tok *cond, struct tok *cond_end)
{
	struct tok *open = put(w, before, before, "(SELECT json_group_array() FROM unnest_items() AS lambda)"), *array = open->next->next->next, *from = array->next->next->next->next;
	struct tok *first[2] = { NULL, NULL }, *after[2] = { NULL, NULL };

	if (value)
		first[0] = rewrite_copy(w, value, value_end->prev, array->match), after[0] = array->match;
	else
		put(w, array->match, array, "lambda.unnest_item");
	rewrite_copy(w, list, list_end->prev, from->match);
	if (cond) {
		put(w, open->match, open, "WHERE")->blank = 1;
		first[1] = rewrite_copy(w, cond, cond_end->prev, open->match), after[1] = open->match;
		first[1]->blank = 1;
	}
	for (int i = 0; i < 2; i++)
		for (struct tok *t = first[i]; t != after[i]; t = t->next)
			if (rewrite_named(t) && !is(t->prev, ".") && !is(t->next, "(") && rewrite_same_name(rewrite_bare(w, t), name)) {
				put(w, t, t, "lambda.unnest_item");
				rewrite_cut(t, t);
			}
}

/* list_transform(list, x -> f(x)), list_filter(list, x -> c), arrayMap(x -> f(x), list); [f(x) FOR x IN list IF c]. */
static void
lambdas(struct work *w)
{
	static const char *const maps[] = { "list_transform", "array_transform", "list_apply", "array_apply", "transform", "arraymap", NULL };
	static const char *const filters[] = { "list_filter", "array_filter", "filter", "arrayfilter", NULL }, *const ends[] = { "for", "if", NULL };

	for (struct tok *t = w->head.prev; t != &w->head && !w->err->code; t = t->prev) {
		struct tok *open = t->next, *close = open->match, *arrow, *list, *x, *body, *comma, *behind;
		int map = one_of(t, maps);

		if (is(t, "json_array") && t->made && is(open, "(") && close != open) {
			struct tok *for_ = part_end(open->next, close, ends), *if_;

			if (!is(for_, "for") || !rewrite_named(for_->next) || !is(for_->next->next, "in"))
				continue;
			list = for_->next->next->next;
			if (is(list, "(") && list->opened == OPENED_LIST)       /* x IN [1, 2] is no list else */
				list = put(w, list, list, "json_array");
			if_ = part_end(list, close, ends);
			behind = close->next;
			items_of(w, behind, rewrite_bare(w, for_->next), open->next, for_, list, if_, if_ != close ? if_->next : NULL, close);
		} else if ((map || one_of(t, filters)) && is(open, "(") && close != open) {
			comma = part_end(open->next, close, NULL);
			if (comma == close)
				continue;
			x = is(open->next->next, "->") ? open->next : comma->next;      /* ClickHouse's has the list behind it */
			arrow = x->next;
			if (!rewrite_named(x) || !is(arrow, "->"))
				continue;
			list = x == open->next ? comma->next : open->next;
			body = arrow->next;
			behind = close->next;
			items_of(w, behind, rewrite_bare(w, x), map ? body : NULL, x == open->next ? comma : close, list, x == open->next ? close : comma, map ? NULL : body,
			    x == open->next ? comma : close);
		} else {
			continue;
		}
		behind->prev->end = close->end;
		t = close->next;
		rewrite_cut(is(open->prev, "(") ? open : open->prev, close);
	}
}

/* ---- operators */

/* a ** b and a // b as calls. The last token. */
static struct tok *
operator_call(struct work *w, struct tok *t, const char *head)
{
	struct tok *a = rewrite_operand_start(t->prev), *b, *more;

	if (is(t, "*"))         /* of ** the second */
		rewrite_cut(t->next, t->next);
	b = rewrite_operand_end(t->next);
	while (a && !is(t, "//") && (is(a->prev, "-") || is(a->prev, "+")) && !rewrite_operand_start(a->prev->prev))
		a = a->prev;    /* -2 ** 2 is 4 */
	while (a && is(t, "//") && (is(a->prev, "*") || is(a->prev, "/") || is(a->prev, "%")) && (more = rewrite_operand_start(a->prev->prev)))
		a = more;
	if (!a || !b) {
		rewrite_fail(w, t, "an operand is wanted on both sides of this");
		return t;
	}
	replace(w, t, t, ",");
	return rewrite_wrap(w, a, b, head, ")")->next->match;
}

static void
operators(struct work *w)
{
	for (struct tok *t = w->head.next; t != &w->head && !w->err->code; t = t->next) {
		struct tok *end;

		if (is(t, "similar") && is(t->next, "to") && (end = rewrite_operand_end(t->next->next))) {
			rewrite_wrap(w, t->next->next, end, "('^(?:' ||", "|| ')$')");
			rewrite_cut(t->next, t->next);
			rewrite_set(w, t, "REGEXP");
			t->next->blank = 1;
			continue;
		}
		if ((is(t, "div") || is(t, "mod")) && !is(t->prev, ".") && rewrite_operand_start(t->prev) && rewrite_operand_end(t->next))
			rewrite_set(w, t, is(t, "div") ? "//" : "%"), t->kind = TOKEN_OPERATOR;
		else if (is(t, "<=>"))
			rewrite_set(w, t, "IS"), t->kind = TOKEN_WORD, t->blank = t->next->blank = 1;
		if ((is(t, "*") && is(t->next, "*") && !t->next->blank && rewrite_operand_start(t->prev)) || is(t, "^") || is(t, "//")) {
			t = operator_call(w, t, is(t, "//") ? "divided(" : "pow(");
			continue;
		}

		if (is(t, "ilike")) {
			rewrite_set(w, t, "MATCH");
		} else if (is(t, "match") && is(t->next, "(") && !is(t->prev, "from") && !is(t->prev, "join") && n_commas(t->next) == 1 && !rewrite_operand_start(t->prev)) {
			rewrite_set(w, t, "regexp_matches");            /* ClickHouse's function; of one argument it is the table of sequences */
		} else if (is(t, "rlike")) {
			rewrite_set(w, t, "REGEXP"), t->kind = TOKEN_WORD;
		} else if (t->kind != TOKEN_OPERATOR) {
			continue;
		} else if (is(t, "~~") && !rewrite_operand_start(t->prev)) {
			rewrite_set(w, t, "~");         /* ~~x: nothing before it that could be LIKE something */
			put(w, t, t, "~");
		} else if (is(t, "~~") || is(t, "~~*")) {
			rewrite_set(w, t, is(t, "~~") ? "LIKE" : "MATCH"), t->kind = TOKEN_WORD;
		} else if (is(t, "!~~") || is(t, "!~~*")) {
			put(w, t, t, "NOT");
			rewrite_set(w, t, is(t, "!~~") ? "LIKE" : "MATCH"), t->kind = TOKEN_WORD;
		} else if ((is(t, "~") && rewrite_operand_start(t->prev)) || is(t, "~*") || is(t, "!~") || is(t, "!~*")) {
			if (t->text.p[t->text.n - 1] == '*' && (end = rewrite_operand_end(t->next)))
				rewrite_wrap(w, t->next, end, "('(?i)' ||", ")");
			if (*t->text.p == '!')
				put(w, t, t, "NOT");
			rewrite_set(w, t, "REGEXP"), t->kind = TOKEN_WORD;
			t->next->blank = 1;
		}
	}
}

/* ---- calls */

/* Does `order` (of ORDER BY) stand in the brackets that open at `open`, and not in those of an OVER? */
static struct tok *
inner_order(struct tok *open)
{
	for (struct tok *i = open->next; i != open->match && i->kind != TOKEN_END; i = i->next) {
		if (is(i, "("))
			i = i->match;
		else if (is(i, "select") || is(i, "partition") || is(i, "with") || is(i, "from"))
			return NULL;
		else if (is(i, "order") && is(i->next, "by"))
			return i;
	}
	return NULL;
}

static int
descending(struct work *w, struct tok *order, struct tok *close, struct tok **key_last)
{
	struct tok *last = close->prev;
	int down = 0;

	if (is(last->prev, "nulls"))
		last = last->prev->prev;
	if (is(last, "desc") || is(last, "asc")) {
		down = is(last, "desc");
		last = last->prev;
	}
	if (last == order->next || last == order)
		rewrite_fail(w, close, "ORDER BY wants what to order by");
	for (struct tok *i = order->next->next; !w->err->code && i != last->next && i->kind != TOKEN_END; i = i->next) {
		if (is(i, "("))
			i = i->match;
		if (is(i, ","))
			rewrite_fail(w, i, "an aggregate is ordered by one value");
	}
	*key_last = last;
	return down;
}

/* ORDER BY several values, or with a place for NULLs: `order_key(a, how, b, how …)` stands in their place, which sorts as they do. */
static void
several_keys(struct work *w, struct tok *order, struct tok *close)
{
	struct tok *last = close, *i, *next;
	int several = 0;

	for (i = order->next->next; i != close && i->kind != TOKEN_END; i = i->next) {
		if (is(i, "("))
			i = i->match;
		several |= is(i, ",") || (is(i, "nulls") && i != order->next->next);
	}
	if (!several)
		return;
	for (i = order->next->next; i != close && i->kind != TOKEN_END; i = next) {
		int how = 0, nulls = 0;

		for (next = i; next != close && !is(next, ","); next = next->next)
			if (is(next, "("))
				next = next->match;
		last = next->prev;
		if (i == next || is(last, "by")) {
			rewrite_fail(w, next, "ORDER BY wants what to order by");
			return;
		}
		if (is(last->prev, "nulls") && last->prev != i && (is(last, "first") || is(last, "last"))) {
			nulls = is(last, "first") ? 2 : 4;
			last = last->prev->prev;
		}
		if (last != i && (is(last, "desc") || is(last, "asc"))) {
			how = is(last, "desc");
			last = last->prev;
		}
		if (last->next != next)
			rewrite_cut(last->next, next->prev);
		put(w, next, last, ", %d", how + nulls);
		next = next == close ? close : next->next;
	}
	rewrite_wrap(w, order->next->next, close->prev, "order_key(", ")");
}

/* max(x) FILTER (WHERE c) OVER (…): SQLite forgets the filter of these two where their frame moves along (3.40), so it goes into the argument. */
static void
filter_inside(struct work *w, struct tok *open)
{
	struct tok *filter = open->match->next, *where = filter->next->next, *last = filter->next->match, *then;

	if ((!is(open->prev, "min") && !is(open->prev, "max")) || is(open->next, "distinct") || n_commas(open) || !is(where, "where") || where->next == last)
		return;
	put(w, open->next, open->next, "CASE WHEN");
	then = put(w, open->next->next->next, open->next, "THEN");
	then->blank = then->next->blank = 1;
	rewrite_move(where->next, last->prev, then);
	put(w, open->match, open->match, "END")->blank = 1;
	rewrite_cut(filter, last);
}

/* Aggregates with OVER behind them, and what SQLite runs over frames instead (functions_window.c, functions_aggregate.c). */
static void
over_frame(struct work *w, struct tok *open)
{
	static const char *const calls[][2] = { { "first", "first_value" }, { "arbitrary", "first_value" }, { "last", "last_value" }, { "anylast", "last_value" },
		{ "any_value", "nth_there" }, { "any", "nth_there" }, { "arg_max", "window_greatest" }, { "argmax", "window_greatest" }, { "max_by", "window_greatest" },
		{ "arg_min", "window_least" }, { "argmin", "window_least" }, { "min_by", "window_least" }, { "string_agg", "window_text" }, { "listagg", "window_text" },
		{ "array_agg", "window_list" }, { "list", "window_list" }, { "grouparray", "window_list" }, { "mode", "window_mode" },
		{ "approx_count_distinct", "window_different" }, { "uniq", "window_different" }, { "uniqexact", "window_different" },
		{ "bit_or", "window_bit_or" }, { "bit_and", "window_bit_and" }, { "bit_xor", "window_bit_xor" }, { NULL, NULL } };
	struct tok *name = open->prev, *close = open->match, *over = close->next;
	int i;

	if (is(over, "filter") && is(over->next, "("))
		over = over->next->match->next;
	if (!is(over, "over") || open->next == close || inner_order(open))
		return;
	if (over != close->next)
		filter_inside(w, open);
	if (is(name, "count") && is(open->next, "distinct") && n_commas(open) == 0) {
		rewrite_cut(open->next, open->next);
		rewrite_set(w, name, "window_different");
		return;
	}
	if (over != close->next && (is(name, "first_value") || is(name, "last_value")))
		rewrite_set(w, name, is(name, "first_value") ? "first" : "last");
	for (i = 0; calls[i][0] && !is(name, calls[i][0]); i++)
		;
	if (!calls[i][0] || is(open->next, "distinct"))
		return;
	if (over != close->next && (is(name, "first") || is(name, "arbitrary") || is(name, "last") || is(name, "anylast"))) {
		rewrite_set(w, name, calls[i][1][0] == 'f' ? "nth_of_all" : "nth_last_of_all");
		put(w, close, close, ", 1");
		return;
	}
	rewrite_set(w, name, calls[i][1]);
	if (is(name, "nth_there"))
		put(w, close, close, ", 1");
}

/* quantile_cont(x, [0.5, 0.9]) gives a list. */
static void
several_shares(struct work *w, struct tok *open)
{
	static const char *const names[] = { "quantile_cont", "quantile", "percentile_cont", "percentile", "quantile_disc", "percentile_disc", NULL };
	struct tok *close = open->match, *list = open->next;

	if (!one_of(open->prev, names) || is(list, "distinct") || !(list = rewrite_operand_end(list)) || !is(list->next, ","))
		return;
	list = list->next->next;
	if (!is(list, "json_array") || !list->made || list->next->match->next != close || list->next->next == close->prev)
		return;
	rewrite_set(w, open->prev, is(open->prev, "quantile_disc") || is(open->prev, "percentile_disc") ? "quantiles_disc" : "quantiles");
	rewrite_cut(close->prev, close->prev);
	rewrite_cut(list, list->next);
}

static void
calls(struct work *w)
{
	static const struct { const char *name, *by, *separator, *once; } ordered[] = {         /* once: with DISTINCT */
		{ "string_agg", "ordered_text", "','", "ordered_texts_once" }, { "group_concat", "ordered_text", "','", "ordered_texts_once" },
		{ "listagg", "ordered_text", "','", "ordered_texts_once" }, { "array_agg", "ordered_list", "''", "ordered_list_once" },
		{ "list", "ordered_list", "''", "ordered_list_once" }, { "grouparray", "ordered_list", "''", "ordered_list_once" },
		{ "first", "ordered_first", "''" }, { "any_value", "ordered_first", "''" }, { "first_value", "ordered_first", "''" },
		{ "last", "ordered_last", "''" }, { NULL } };

	for (struct tok *t = w->head.next; t != &w->head && !w->err->code; t = t->next) {
		struct tok *open, *close, *order, *key_last;
		int i, down, once;

		/* f(p)(x) → f(x, p) */
		if (is(t, ")") && is(t->next, "(") && t->match != t && rewrite_named(t->match->prev) && t->match->next != t &&
		    !(t->match->prev->kind == TOKEN_WORD && token_reserved(t->match->prev->text)) &&
		    !is(t->match->prev->prev, "as") && !is(t->match->prev->prev, "with")) {
			struct tok *p = t->match->next, *p_last = t->prev, *second = t->next;

			close = second->match;
			if (second->next == close || is(second->next, "select"))
				continue;
			put(w, close, close, ",");
			rewrite_move(p, p_last, close);
			rewrite_cut(t, second);
			t->match->match = close;
			close->match = t->match;
			t = close;
		}
		if (!is(t, "(") || t->match == t || !rewrite_named(t->prev))
			continue;
		open = t, close = t->match;
		/* f(p) WITHIN GROUP (ORDER BY x) → f(x, p) */
		if (is(close->next, "within") && is(close->next->next, "group") && is(close->next->next->next, "(")) {
			struct tok *group = close->next->next->next, *key;
			int has_p = open->next != close;

			order = group->next;
			if (!is(order, "order") || !is(order->next, "by")) {
				rewrite_fail(w, order, "WITHIN GROUP wants (ORDER BY …)");
				return;
			}
			down = descending(w, order, group->match, &key_last);
			if (w->err->code)
				return;
			key = order->next->next;
			if (is(open->prev, "string_agg") || is(open->prev, "listagg") || is(open->prev, "group_concat") || is(open->prev, "array_agg")) {
				rewrite_move(order, group->match->prev, close);
			} else {
				if (down && has_p && is(open->prev, "percentile_disc") && open->next->next == close && open->next->kind == TOKEN_NUMBER) {
					double share;   /* the n-th from above: where n is whole, of as many one more from below */

					if (str_double(open->next->text, &share) == 0) {
						char text[40];

						snprintf(text, sizeof(text), "%.17g", share > 1e-12 && share <= 1 ? 1 - share + 1e-12 : 1 - share);
						rewrite_set(w, open->next, text);
					}
				} else if (down && has_p) {
					rewrite_wrap(w, open->next, close->prev, "(1 - (", "))");
				}
				rewrite_move(key, key_last, open->next);
				if (has_p)
					put(w, key_last->next, key_last, ",");
			}
			rewrite_cut(close->next, group->match);
		}
		if (is(open->prev, "over") || is(open->prev, "as") || is(open->prev, "filter"))
			continue;
		several_shares(w, open);
		over_frame(w, open);
		order = inner_order(open);
		for (i = 0; ordered[i].name && !is(open->prev, ordered[i].name); i++)
			;
		once = order && ordered[i].once && is(open->next, "distinct");
		if (once) {
			rewrite_cut(open->next, open->next);
		} else if (is(open->next, "distinct")) {
			struct tok *row = open->next->next;
			int commas = n_commas(open);

			if (commas && is(open->prev, "count")) {
				rewrite_wrap(w, open->next->next, close->prev, "json_array(", ")");
			} else if (is(open->prev, "count") && is(row, "(") && row->match == close->prev && n_commas(row)) {
				put(w, row, row, "json_array");         /* count(DISTINCT (a, b)) */
			} else if (commas && (is(open->prev, "string_agg") || is(open->prev, "group_concat") || is(open->prev, "listagg"))) {
				rewrite_set(w, open->prev, "distinct_text");
				rewrite_cut(open->next, open->next);
			}
		}
		if (!order)
			continue;
		if (ordered[i].name)
			several_keys(w, order, close);
		down = descending(w, order, close, &key_last);
		if (w->err->code)
			return;
		if (!ordered[i].name) {         /* the order makes no difference to it */
			rewrite_cut(order, close->prev);
			continue;
		}
		/* f(x [, separator] ORDER BY key) → by(x, key, down, separator) */
		struct tok *comma = NULL;

		for (struct tok *k = open->next; k != order; k = k->next) {
			if (is(k, "("))
				k = k->match;
			if (is(k, ","))
				comma = k;
		}
		if (key_last != close->prev)
			rewrite_cut(key_last->next, close->prev);
		put(w, close, order, ", %d,", down);
		if (comma) {
			rewrite_move(comma->next, order->prev, close);
			rewrite_cut(comma, comma);
		} else {
			put(w, close, order, "%s", ordered[i].separator);
		}
		replace(w, order, order->next, ",");
		rewrite_set(w, open->prev, once ? ordered[i].once : ordered[i].by);
	}
}

/* ---- properties.page, viewport.w */

#define LEVELS_MOST 2048        /* brackets in brackets, those of what was rewritten too; deeper ones count as the last */

/* Is there a source of that name in the statement, or one with that alias? What a column is called is none: `viewport.w AS viewport`. */
static int
look_for_source(struct work *w, struct str name)
{
	static const char *const ends[] = { "select", "where", "group", "order", "having", "window", "qualify", "limit", "union", "except", "intersect", NULL };
	static const char *const before[] = { "from", "join", "lateral", ",", "as", ")", "(", NULL };
	static const char *const calls[] = { "extract", "trim", "ltrim", "rtrim", "substring", "overlay", NULL };        /* extract(hour FROM t) */
	enum { OTHER, SOURCES, CALL } level[LEVELS_MOST] = { OTHER };
	int depth = 0;

	for (struct tok *t = w->head.next; t != &w->head; t = t->next) {
		int at = depth < LEVELS_MOST ? depth : LEVELS_MOST - 1, in = level[at];

		if (is(t, "(")) {       /* FROM (a JOIN b), but not FROM (SELECT … and not f(… */
			depth++;
			level[depth < LEVELS_MOST ? depth : LEVELS_MOST - 1] =
			    one_of(t->prev, calls) ? CALL : in == SOURCES && (is(t->prev, "from") || is(t->prev, "join") || is(t->prev, ",") || is(t->prev, "(")) ? SOURCES : OTHER;
		} else if (is(t, ")") && depth) {
			depth--;
		} else if (is(t->prev, ".")) {
			continue;
		} else if (is(t, "from")) {
			level[at] = in == CALL || (is(t->prev, "distinct") && (is(t->prev->prev, "is") || is(t->prev->prev, "not"))) ? in : SOURCES;
		} else if (one_of(t, ends)) {
			level[at] = OTHER;
		} else if (in == SOURCES && rewrite_named(t) && !is(t->next, ".") && rewrite_same_name(rewrite_bare(w, t), name) &&
		    (one_of(t->prev, before) || (rewrite_named(t->prev) && !(t->prev->kind == TOKEN_WORD && token_reserved(t->prev->text))))) {
			return 1;
		}
	}
	return 0;
}

int
rewrite_names_source(struct work *w, struct str name)
{
	struct map_entry *e = map_put(&w->sources, name, NULL);

	if (!e->num)
		e->num = look_for_source(w, name) ? 1 : 2;
	return e->num == 1;
}

/* e.viewport.w: a table or alias, then a column of it. */
static int
is_behind_source(struct work *w, const struct tok *t)
{
	const struct tok *source = t->prev->prev;

	return rewrite_named(source) && !is(source->prev, ".") && rewrite_names_source(w, rewrite_bare(w, source));
}

#define DOTTED_MOST 1024        /* bytes: a statement may be one long row of names, and each beginning of it is looked for */

/* service.name where a property is called just so. The last token of the longest such name that begins at t, NULL: there is none. */
static struct tok *
dotted_property(struct work *w, struct tok *t, struct buf *name)
{
	struct tok *last = t, *found = NULL;
	size_t n = 0;

	buf_clear(name);
	buf_str(name, rewrite_bare(w, t));
	while (name->n < DOTTED_MOST && is(last->next, ".") && rewrite_named(last->next->next) && !is(last->next->next->next, "(")) {
		last = last->next->next;
		buf_byte(name, '.');
		buf_str(name, rewrite_bare(w, last));
		if (w->host->is_property(w->host->self, buf_get(name)))
			found = last, n = name->n;
	}
	name->n = n;
	return found;
}

/* That name, or where there is none in a row what is nested likewise: as fields are looked for everywhere. */
static struct tok *
put_dotted(struct work *w, struct tok *t, struct tok *last, struct str name)
{
	struct buf sql = {0};
	struct tok *source = is(t->prev, ".") ? t->prev->prev : NULL, *put;
	const char *of = source ? rewrite_quote(w, rewrite_bare(w, source), '"') : "", *dot = source ? "." : "";
	int nested = w->host->is_property(w->host->self, rewrite_bare(w, t));

	if (nested)
		buf_lit(&sql, "coalesce(");
	buf_printf(&sql, "%s%s%s", of, dot, rewrite_quote(w, name, '"'));
	if (nested) {
		buf_printf(&sql, ", property(%s%s%s", of, dot, rewrite_quote(w, rewrite_bare(w, t), '"'));
		for (struct tok *key = t; key != last; ) {
			key = key->next->next;
			buf_printf(&sql, ", %s", rewrite_quote(w, rewrite_bare(w, key), '\''));
		}
		buf_lit(&sql, "))");
	}
	put = replace(w, source ? source : t, last, buf_text(&sql));
	buf_release(&sql);
	return put;
}

/* {'a': 1} AS s: what is called s is reached into as s.a. */
static void
struct_names(struct work *w, struct map *names)
{
	struct buf small = {0};

	for (struct tok *t = w->head.next; t != &w->head; t = t->next) {
		struct tok *name;

		if (!is(t, "json_object") || !is(t->next, "(") || t->next->match == t->next)
			continue;
		name = t->next->match->next;
		if (is(name, "as"))
			name = name->next;
		if (rewrite_named(name) && !(name->kind == TOKEN_WORD && token_reserved(name->text)))
			map_put(names, small_name(w, name, &small), NULL);
	}
	buf_release(&small);
}

/* f(x).a, (s).a and {'a': 1}.a. The last token of it; NULL: it is none. */
static struct tok *
behind_bracket(struct work *w, struct tok *t)
{
	struct tok *first, *key = t->next->next;

	if (!is(t, ")") || t->match == t || !is(t->next, ".") || !rewrite_named(key) || is(key->next, "(") || !(first = rewrite_operand_start(t)) || is(first, "any_members"))
		return NULL;
	while (is(key->next, ".") && rewrite_named(key->next->next))
		key = key->next->next;
	for (struct tok *dot = t->next; is(dot, "."); dot = dot->next->next) {
		rewrite_set(w, dot->next, rewrite_quote(w, rewrite_bare(w, dot->next), '\''));
		dot->next->kind = TOKEN_STRING;
		dot = replace(w, dot, dot, ",");
	}
	return rewrite_wrap(w, first, key, "property(", ")")->next->match;
}

static void
properties(struct work *w)
{
	struct buf dotted = {0}, small = {0};
	struct map structs = {0};
	int aliased = -1;

	struct_names(w, &structs);

	for (struct tok *t = w->head.next; t != &w->head && !w->err->code; t = t->next) {
		struct tok *first = t, *last = t;
		int ours;

		if ((last = behind_bracket(w, t))) {
			t = last;
			continue;
		}
		last = t;
		if (!rewrite_named(t) || !is(t->next, ".") || !rewrite_named(t->next->next) || is(t->next->next->next, "("))
			continue;
		if (is(t->prev, "."))
			first = t->prev->prev;
		struct str name = rewrite_bare(w, t);
		int may_reach = is(t->prev, ".") ? is_behind_source(w, t) : !rewrite_names_source(w, name);

		if (may_reach && w->host && w->host->is_property && (last = dotted_property(w, t, &dotted))) {
			t = put_dotted(w, t, last, buf_get(&dotted));
			continue;
		}
		last = t;
		if (name.n == 10 && strncasecmp(name.p, "properties", 10) == 0) {
			if (aliased < 0)
				aliased = rewrite_names_source(w, name);
			ours = !aliased;
		} else {
			ours = may_reach && ((w->host && w->host->is_property && w->host->is_property(w->host->self, name)) || map_find(&structs, small_name(w, t, &small)));
		}
		if (!ours) {
			continue;
		}
		while (is(last->next, ".") && rewrite_named(last->next->next)) {
			struct tok *dot = last->next, *key = dot->next;

			replace(w, dot, dot, ",");
			rewrite_set(w, key, rewrite_quote(w, rewrite_bare(w, key), '\''));
			key->kind = TOKEN_STRING;
			last = key;
		}
		t = rewrite_wrap(w, first, last, "property(", ")")->next->match;
	}
	map_release(&structs);
	buf_release(&dotted), buf_release(&small);
}

/* ---- times compared */

static const char *const time_columns[] = { "timestamp", "received_at", NULL };

static int
is_time_column(const struct tok *t)
{
	struct tok bare = *t;

	if (t->kind == TOKEN_QUOTED && t->text.n > 2)
		bare.kind = TOKEN_WORD, bare.text = (struct str){ t->text.p + 1, t->text.n - 2 };
	return bare.kind == TOKEN_WORD && one_of(&bare, time_columns) && !is(t->next, "(") && !is(t->next, ".");
}

static int
is_time_value(struct tok *first, struct tok *last)      /* an operand that is surely a time in canonical form */
{
	static const char *const calls[] = { "now", "time_add", "date_trunc", "time_bucket", "at_time", NULL };
	static const char *const passing[] = { "min", "max", "lag", "lead", "first_value", "last_value", "first", "last", NULL };

	if (is_time_column(last))
		return 1;
	if (first->kind == TOKEN_WORD && is(first->next, "(")) {
		if (one_of(first, calls))
			return 1;
		if (one_of(first, passing)) {
			struct tok *a = first->next->next, *b = rewrite_operand_end(a);

			return b && a != last && is_time_value(a, b);
		}
	}
	return 0;
}

/* Where a column may be called timestamp without being ours, of rows read with -i (2) or by an alias of the statement (1),
 * numbers beside it are times only where its values are. */
static int
may_be_another(struct work *w)
{
	for (struct tok *t = w->head.next; t != &w->head; t = t->next)
		if (t->kind == TOKEN_WORD && is(t, "input"))
			return 2;
	for (struct tok *t = w->head.next; t != &w->head; t = t->next) {
		if (is_time_column(t) && is(t->prev, "as"))
			return 1;
		if (is(t, "(") && t->match != t && rewrite_named(t->next) && (is(t->prev->prev, "as") || (is(t->match->next, "as") &&
		    (is(t->match->next->next, "(") || is(t->match->next->next, "not") || is(t->match->next->next, "materialized")))))
			for (struct tok *i = t->next; i != t->match; i = i->next)      /* WITH x(timestamp, n) AS, AS x(timestamp, n) */
				if (is_time_column(i) && (is(i->prev, "(") || is(i->prev, ",")))
					return 1;
	}
	return 0;
}

static int
is_canonical(const struct tok *at)      /* was it brought into that form before, beside another value? */
{
	return is(at->prev, "(") && (is(at->prev->prev, "at_time") || is(at->prev->prev, "at_alike"));
}

/* The times of rows read with -i are as they were written there: beside a time in canonical form they are brought into it too. */
static void
canonical_input(struct work *w, struct tok *at, struct tok *to, int another)
{
	if (another == 2 && !is_canonical(at))
		rewrite_wrap(w, at, to, "at_time(", ")");
}

/* A day that a call gives, one of --tz: today(), x::date, and what was added to it. */
static int
is_day(const struct tok *first, const struct tok *last)
{
	static const char *const days[] = { "today", "yesterday", "date", "todate", "to_date", "last_day", "make_date", NULL };
	static const char *const moved[] = { "time_minus", "time_plus", "time_add", "span_add", NULL };
	struct tok *inner;

	if (first->kind != TOKEN_WORD || !is(first->next, "(") || first->next->match != last || last == first->next)
		return 0;
	inner = first->next->next;
	if (is(first, "cast_to"))
		return inner->kind != TOKEN_STRING && str_eq(last->prev->text, STR("'date'"));
	return one_of(first, days) || (one_of(first, moved) && (last = rewrite_operand_end(inner)) && is_day(inner, last));
}

/* `last` is followed by a comma and `at … to` once more. The last token. */
static struct tok *
with_copy(struct work *w, struct tok *last, struct tok *at, struct tok *to)
{
	last = put(w, last->next, last, ",");
	rewrite_copy(w, at, to, last->next);
	for (struct tok *i = at; ; i = i->next) {
		last = last->next;
		if (i == to)
			return last;
	}
}

/* `first … last` stands beside the time column `at … to`: bring it into canonical form. */
static void
canonical(struct work *w, struct tok *first, struct tok *last, struct tok *at, struct tok *to, int another)
{
	int64_t ms, epoch;
	double d;

	if (is_day(first, last)) {
		first = rewrite_wrap(w, first, last, "at_midnight(", ")");
		if (another != 2)
			return;
		last = first->next->match;
	}
	if (first == last && first->kind == TOKEN_STRING && *first->text.p == '\'') {
		if (time_parse_rfc3339(str_trim(rewrite_bare(w, first)), &ms) == 0) {
			literal_time(w, first, ms, 0);
			canonical_input(w, at, to, another);
			return;
		}
	} else if (first == last && first->kind == TOKEN_NUMBER && !another) {          /* epoch seconds, ms, µs or ns */
		if ((str_int64(first->text, &epoch) == 0 && time_of_epoch_int(epoch, &ms) == 0) ||
		    (str_double(first->text, &d) == 0 && time_of_epoch(d, &ms) == 0)) {
			literal_time(w, first, ms, 0);
			return;
		}
	} else if (is(first, "null")) {
		return;
	} else if (is_time_value(first, last)) {
		if (is_time_column(last))
			canonical_input(w, first, last, another);       /* two columns, each as it was written */
		if (!is(first, "at_time"))      /* that is in the column's form already */
			canonical_input(w, at, to, another);
		return;
	}
	if (another == 2 && !is_canonical(at)) {       /* any value beside a time in any form, or a number beside one */
		rewrite_wrap(w, first, with_copy(w, last, at, to), "at_alike(", ")");
		rewrite_wrap(w, at, with_copy(w, to, first, last), "at_alike(", ")");
		return;
	}
	if (another)
		last = with_copy(w, last, at, to);
	rewrite_wrap(w, first, last, "at_time(", ")");
}

/* The operand that begins at `first`, with what is added to it and taken from it. */
static struct tok *
sum_end(struct tok *first)
{
	static const char *const signs[] = { "+", "-", "*", "/", "%", NULL };
	struct tok *end = rewrite_operand_end(first), *more;

	while (end && one_of(end->next, signs) && (more = rewrite_operand_end(end->next->next)))
		end = more;
	return end;
}

/* How tight an operator binds that compares; 0 of any other token. */
static int
tightness(const struct tok *t)
{
	static const char *const loose[] = { "=", "==", "<>", "!=", "is", "isnull", "notnull", "in", "like", "glob", "match", "regexp", "between", "not", NULL };
	static const char *const tight[] = { "<", "<=", ">", ">=", NULL };

	return one_of(t, tight) ? 2 : one_of(t, loose);
}

/* Is the operand all there is on its side of the comparison? */
static int
whole(struct tok *first, struct tok *last)
{
	static const char *const go_on[] = { "+", "-", "*", "/", "%", "||", "->", "->>", "&", "|", "<<", ">>", ".", "collate", "over", "at", NULL };

	return !one_of(last->next, go_on) && !one_of(first->prev, go_on);
}

/* Does `op` compare what begins at `left` with what ends at `right`, or does another comparison beside them take one of them first?
 * In `a <> b >= c` b is compared with c only, in `a = b = c` with a: those that bind alike go from left to right. */
static int
meet(const struct tok *left, const struct tok *op, const struct tok *right)
{
	const struct tok *before = left->prev;
	int taken = is(before, "not") || is(before, "from") ? is(before->prev, "is") || is(before->prev, "distinct") : tightness(before);

	return taken < tightness(op) && tightness(right->next) <= tightness(op);
}

/* ---- what is added to times, and what lies between them */

static const char *const passing[] = { "min", "max", "lag", "lead", "first_value", "last_value", "first", "last", "coalesce", "ifnull", "nullif", "greatest", "least",
	NULL };         /* give a time they got */

/* A time in any form that SQL here gives one, or a name that the statement gave such a thing. */
static int
is_time_operand(struct work *w, struct tok *first, struct tok *last, const struct map *aliases)
{
	static const char *const casts[] = { "cast_to", "try_cast_to", NULL };
	static const char *const calls[] = { "date", "todate", "to_date", "today", "yesterday", "last_day", "make_date", "to_timestamp", "make_timestamp", "todatetime",
		"strptime", "date_add", "date_sub", "dateadd", "timestampadd", "at_zone", "timezone", NULL };
	struct buf small = {0};
	int found = 0;

	if (is_time_value(first, last) || (first == last && first->is_time))
		return 1;
	if (first->kind == TOKEN_WORD && is(first->next, "(") && first->next->match != first->next) {
		struct tok *end = first->next->match, *a = first->next->next, *b = rewrite_operand_end(a);

		if (one_of(first, casts) && end == last && end->prev->kind == TOKEN_STRING) {
			struct str type = small_name(w, end->prev, &small);

			found = (type.n >= 9 && memcmp(type.p, "timestamp", 9) == 0) || str_eq(type, STR("date")) || str_eq(type, STR("datetime"));
		} else {
			found = (one_of(first, calls) && end == last) || (one_of(first, passing) && b && a != last && is_time_operand(w, a, b, aliases));
		}
	} else if (rewrite_named(last) && !is(last->next, "(")) {
		found = map_find(aliases, small_name(w, last, &small)) != NULL;
	}
	buf_release(&small);
	return found;
}

enum { INSTANT = 1, DAY_OR_OTHER, EITHER };     /* what a name that the statement gave a time is; either: not the same in all of its parts */

/* A time of an event or of now, cut or moved or not: texts beside it are to be in its form. EITHER: where it is one. */
static int
is_instant(struct work *w, struct tok *first, struct tok *last, const struct map *aliases)
{
	static const char *const moving[] = { "date_trunc", "time_bucket", "time_add", NULL };
	struct buf small = {0};
	int found = 0;

	if (is_time_column(last) || is(first, "now"))
		return INSTANT;
	if (first->kind == TOKEN_WORD && is(first->next, "(") && first->next->match != first->next) {
		struct tok *end = first->next->match, *a = one_of(first, passing) || one_of(first, moving) ? first->next->next : end, *b;

		while (a != end && !found && (b = rewrite_operand_end(a)) && (b->next == end || is(b->next, ","))) {
			found = is_instant(w, a, b, aliases);
			a = b->next == end ? end : b->next->next;
		}
	} else if (rewrite_named(last) && !is(last->next, "(")) {
		const struct map_entry *e = map_find(aliases, small_name(w, last, &small));

		found = e && e->num != DAY_OR_OTHER ? (int)e->num : 0;
	}
	buf_release(&small);
	return found;
}

/* SELECT min(timestamp) AS first: the names of times, and what they are. */
static void
time_aliases(struct work *w, struct map *aliases)
{
	struct buf small = {0};

	for (struct tok *t = w->head.next; t != &w->head; t = t->next) {
		struct tok *end = is(t->prev, "as") ? t->prev->prev : t->prev, *first;

		if (!rewrite_named(t) || (end == t->prev && !is(t->next, ",") && !is(t->next, "from")) || !(first = rewrite_operand_start(end)))
			continue;
		if ((is(first->prev, "select") || is(first->prev, "distinct") || is(first->prev, ",")) && is_time_operand(w, first, end, aliases)) {
			int is_new, kind = is_instant(w, first, end, aliases);
			struct map_entry *e = map_put(aliases, small_name(w, t, &small), &is_new);

			kind = kind ? kind : DAY_OR_OTHER;
			e->num = is_new || (int)e->num == kind ? kind : EITHER;
		}
	}
	buf_release(&small);
}

/* One time less another is seconds, a number added to a time or taken from it is seconds; with days of the calendar it is days. */
static void
differences(struct work *w, const struct map *aliases)
{
	for (struct tok *t = w->head.next; t != &w->head && !w->err->code; t = t->next) {
		struct tok *a, *b, *more;
		int plus = is(t, "+"), left;

		if ((!plus && !is(t, "-")) || !(a = rewrite_operand_start(t->prev)) || !(b = rewrite_operand_end(t->next)) ||
		    is(a->prev, "*") || is(a->prev, "/") || is(a->prev, "%") || is(b->next, "||"))
			continue;
		/* what was added to or taken from before is a time or seconds: that shows when it runs */
		left = (a->made && (is(a, "time_minus") || is(a, "time_plus") || is(a, "span_add"))) || is_time_operand(w, a, t->prev, aliases);
		if (left && b->kind == TOKEN_NUMBER)    /* now() - 24 * 3600 */
			while ((is(b->next, "*") || is(b->next, "/")) && (more = rewrite_operand_end(b->next->next)) && more->kind == TOKEN_NUMBER)
				b = more;
		else if (!left && (plus || !is_time_operand(w, t->next, b, aliases)))
			continue;
		if (is(b->next, "*") || is(b->next, "/") || is(b->next, "%"))
			continue;
		replace(w, t, t, ",");
		t = rewrite_wrap(w, a, b, plus ? "time_plus(" : "time_minus(", ")")->next->match;
	}
}

/* ---- a difference beside a span counts seconds, of days too, under a name that the statement gave it and counted */

enum { GAP = 1, GAP_OF_DAYS, GAP_OR_NOT };      /* what a name is: whole numbers of it are days, or all; it is something else, too */

static const char *const counting[] = { "min", "max", "avg", "sum", "total", "median", "mode", "quantile", "quantile_cont", "quantile_disc", "percentile_cont",
	"percentile_disc", "approx_quantile", "stddev", "stddev_samp", "stddev_pop", "abs", "round", "floor", "ceil", "lag", "lead", "first_value", "last_value", "nth_value",
	"first", "last", "any_value", "coalesce", "ifnull", "nullif", "greatest", "least", NULL };   /* of a difference they are one */

/* From a difference to all that stands around it and is one too. */
static void
climb(struct tok **first, struct tok **last)
{
	for (;;) {
		struct tok *open = (*first)->prev, *close = (*last)->next, *end;

		if (!is(open, "(") || open->match == open)
			return;
		if (open->match == close && rewrite_operand_start(close) == open)
			*first = open, *last = close;
		else if (one_of(open->prev, counting) && (open->match == close || is(close, ",")) && (end = rewrite_operand_end(open->prev)))
			*first = open->prev, *last = end;
		else
			return;
	}
}

/* Does it stand beside a span, which counts seconds? */
static int
meets_seconds(struct tok *first, struct tok *last)
{
	struct tok *a;

	climb(&first, &last);
	if (is(last->next, ","))                /* the difference less the span, or with it: these are calls by now */
		return is(first->prev, "(") && is(first->prev->prev, "span_add") && first->prev->prev->made;
	if (is(last->next, "/") || one_of(last->next, comparisons))
		return last->next->next->in_seconds;
	if (is(last->next, "between") || (is(last->next, "not") && is(last->next->next, "between"))) {
		a = is(last->next, "not") ? last->next->next->next : last->next->next;
		return a->in_seconds || ((a = rewrite_operand_end(a)) && is(a->next, "and") && a->next->next->in_seconds);
	}
	return one_of(first->prev, comparisons) && (a = rewrite_operand_start(first->prev->prev)) && a->in_seconds;
}

static int
is_date(const struct tok *first, const struct tok *last)        /* one that is written out too */
{
	return is_day(first, last) || (first == last && first->is_time && first->text.n == sizeof("'2026-11-23'") - 1);
}

/* The difference that an operand is or counts, a call made for it or a name; NULL: none. */
static struct tok *
difference_in(struct work *w, struct tok *first, struct tok *last, const struct map *gaps, int *kind)
{
	struct buf small = {0};
	const struct map_entry *e;
	struct tok *end, *a;

	while ((is(first, "(") && first->match == last) || (one_of(first, counting) && is(first->next, "(") && first->next->match != first->next)) {
		first = is(first, "(") ? first->next : first->next->next;
		if (!(end = rewrite_operand_end(first)) || (!is(end->next, ")") && !is(end->next, ",")))
			return NULL;
		last = end;
	}
	if (first->made && is(first, "time_minus") && is(first->next, "(") && first->next->match == last) {
		a = first->next->next;
		*kind = (end = rewrite_operand_end(a)) && is(end->next, ",") && is_date(a, end) && is_date(end->next->next, last->prev) ? GAP_OF_DAYS : GAP;
		return first;
	}
	if (!rewrite_named(last) || is(last->next, "("))
		return NULL;
	e = map_find(gaps, small_name(w, last, &small));
	buf_release(&small);
	if (!e || e->num == GAP_OR_NOT)
		return NULL;
	*kind = (int)e->num;
	return last;
}

/* Does an item whose last token this is mention the name? max(gap) AS gap is what gap is. */
static int
mentions(struct work *w, const struct tok *last, struct str name)
{
	int depth = 0, found = 0;

	for (const struct tok *t = last; t->kind != TOKEN_END && depth >= 0 && !found && !(depth == 0 && (is(t, ",") || is(t, "select"))); t = t->prev) {
		struct str own = rewrite_named(t) ? rewrite_bare(w, t) : (struct str){ 0 };

		depth += is(t, ")") - is(t, "(");
		found = own.n == name.n && strncasecmp(own.p, name.p, name.n) == 0;
	}
	return found;
}

/* SELECT max(timestamp)::date - min(timestamp)::date AS gap: the names of differences. */
static void
gap_names(struct work *w, struct map *gaps)
{
	struct buf small = {0};

	for (struct tok *t = w->head.next; t != &w->head; t = t->next) {
		struct tok *end = is(t->prev, "as") ? t->prev->prev : t->prev, *first;
		int kind, is_new;

		if (!rewrite_named(t) || (end == t->prev && !is(t->next, ",") && !is(t->next, "from")))
			continue;
		if (!(first = rewrite_operand_start(end)) || !(is(first->prev, "select") || is(first->prev, "distinct") || is(first->prev, ",")) ||
		    !difference_in(w, first, end, gaps, &kind)) {
			if (end == t->prev || mentions(w, end, rewrite_bare(w, t)))
				continue;
			kind = GAP_OR_NOT;
		} else if (w->host && w->host->is_property && w->host->is_property(w->host->self, rewrite_bare(w, t))) {
			kind = GAP_OR_NOT;
		}
		struct map_entry *e = map_put(gaps, small_name(w, t, &small), &is_new);

		e->num = is_new || (int)e->num == kind ? kind : e->num == GAP_OR_NOT || kind == GAP_OR_NOT ? GAP_OR_NOT : GAP;
	}
	buf_release(&small);
}

/* d1::date - d2::date > INTERVAL 7 DAY, … AS gap … HAVING avg(gap) > INTERVAL 7 DAY: days are counted in seconds there. */
static void
days_in_seconds(struct work *w)
{
	struct map gaps = {0};

	gap_names(w, &gaps);
	for (struct tok *t = w->head.next; t != &w->head && !w->err->code; t = t->next) {
		struct tok *first, *call;
		int kind;

		if (t->made && is(t, "time_minus") && is(t->next, "(")) {
			if (meets_seconds(t, t->next->match))
				rewrite_set(w, t, "seconds_between");
		} else if (gaps.n && rewrite_named(t) && !is(t->next, "(") && !is(t->next, ".") && !is(t->prev, "as") && (first = rewrite_operand_start(t)) &&
		    difference_in(w, t, t, &gaps, &kind)) {
			call = first->prev->prev;
			if (is(first->prev, "(") && is(call, "time_add") && call->made)         /* gap + INTERVAL 1 DAY is no time */
				rewrite_set(w, call, "span_add");
			if (meets_seconds(first, t))
				rewrite_wrap(w, first, t, kind == GAP_OF_DAYS ? "(86400.0 *" : "gap_seconds(", ")");
		}
	}
	map_release(&gaps);
}

/* A text that is a time, a parameter or a day, alone on its side of a comparison with the instant `at … to`, or what may be one. */
static void
beside_instant(struct work *w, struct tok *first, struct tok *last, struct tok *at, struct tok *to, int instant, int another)
{
	int64_t ms;

	if (!whole(first, last) || !(is_day(first, last) || (first == last && (first->kind == TOKEN_PARAM ||
	    (first->kind == TOKEN_STRING && *first->text.p == '\'' && time_parse_rfc3339(str_trim(rewrite_bare(w, first)), &ms) == 0)))))
		return;
	if (instant == EITHER)
		rewrite_wrap(w, first, with_copy(w, last, at, to), "at_time(", ")");
	else
		canonical(w, first, last, at, to, another);
}

/* max(timestamp) >= '2026-11-01', date_trunc('day', timestamp) = today(), first BETWEEN … of a time that is called so. */
static void
instants_compared(struct work *w, const struct map *aliases, int another)
{
	for (struct tok *t = w->head.next; t != &w->head && !w->err->code; t = t->next) {
		int compares = one_of(t, comparisons), between = is(t, "between"), in = is(t, "in") && is(t->next, "(") && !is(t->next->next, "values");
		struct tok *to = is(t->prev, "not") ? t->prev->prev : t->prev, *at, *after, *end, *low;
		int instant;

		if ((!compares && !between && !in) || is(t->next, "select"))
			continue;
		end = in ? t->next->match : rewrite_operand_end(t->next);
		if (!end)
			continue;
		after = end->next;
		if ((at = rewrite_operand_start(to)) && !is_time_column(to) && whole(at, to) && meet(at, t, compares ? end : to) && (instant = is_instant(w, at, to, aliases))) {
			if (!in)
				beside_instant(w, t->next, end, at, to, instant, another);
			if (between && is(after, "and") && (low = rewrite_operand_end(after->next)))
				beside_instant(w, after->next, low, at, to, instant, another);
			for (struct tok *i = t->next->next; in && i != end && i->kind != TOKEN_END; i = after) {
				after = i->next;
				if ((is(i->prev, ",") || is(i->prev, "(")) && (low = rewrite_operand_end(i)) && (is(low->next, ",") || low->next == end)) {
					after = low->next;
					beside_instant(w, i, low, at, to, instant, another);
				}
			}
		} else if (compares && (at = rewrite_operand_start(t->prev)) && !is_time_column(end) && whole(t->next, end) && meet(at, t, end) &&
		    (instant = is_instant(w, t->next, end, aliases))) {
			beside_instant(w, at, t->prev, t->next, end, instant, another);
		}
	}
}

/* CASE WHEN x THEN timestamp ELSE '2026-11-01' END: a text that a branch is, beside one that is an instant. */
static void
instants_of_case(struct work *w, struct tok *t, const struct map *aliases, int another)
{
	static const char *const ends[] = { "when", "else", "end", NULL };
	struct tok *at = NULL, *to = NULL, *end;

	for (int chosen = 0; chosen < 2 && (!chosen || at); chosen++)
		for (struct tok *i = t->next, *next; i->kind != TOKEN_END && !is(i, "end") && !is(i, ")") && !is(i, "case"); i = next) {
			next = is(i, "(") ? i->match->next : i->next;
			if (!is(i, "then") && !is(i, "else"))
				continue;
			if (!(end = rewrite_operand_end(i->next)) || !one_of(end->next, ends))
				continue;
			next = end->next;
			if (chosen && end == i->next)
				beside_instant(w, end, end, at, to, INSTANT, another);
			else if (!chosen && !at && is_instant(w, i->next, end, aliases) == INSTANT)
				at = i->next, to = end;
		}
}

/* max('2026-11-01', timestamp): a text that such a call chooses from beside an instant. */
static void
instants_chosen(struct work *w, const struct map *aliases, int another)
{
	static const char *const calls[] = { "max", "min", "greatest", "least", "coalesce", "ifnull", "nullif", "iif", NULL };

	for (struct tok *t = w->head.next; t != &w->head && !w->err->code; t = t->next) {
		struct tok *close = t->next->match, *at = NULL, *to = NULL, *after;

		if (is(t, "case") && !is(t->prev, "."))
			instants_of_case(w, t, aliases, another);
		if (!one_of(t, calls) || !is(t->next, "(") || close == t->next || is(t->prev, "."))
			continue;
		for (struct tok *i = t->next->next, *end; i != close && i->kind != TOKEN_END && !at; i = after) {
			for (after = i; after != close && !is(after, ","); after = after->next)
				if (is(after, "("))
					after = after->match;
			if ((end = rewrite_operand_end(i)) && end->next == after && is_instant(w, i, end, aliases) == INSTANT)
				at = i, to = end;
			after = after == close ? close : after->next;
		}
		for (struct tok *i = at ? t->next->next : close; i != close && i->kind != TOKEN_END; i = after) {
			after = i->next;
			if (is(i, "("))
				after = i->match->next;
			else if ((is(i->prev, ",") || i->prev == t->next) && (is(after, ",") || after == close))
				beside_instant(w, i, i, at, to, INSTANT, another);
		}
	}
}

/* extract(day FROM a - b), hour(a - b), epoch(INTERVAL …): parts of a span, which a number of seconds or a text does not say. */
static void
span_parts(struct work *w)
{
	static const char *const calls[] = { "day", "hour", "minute", "second", "epoch", NULL };

	for (struct tok *t = w->head.next; t != &w->head && !w->err->code; t = t->next) {
		struct tok *open = t->next, *of = open->next, *close;
		int alone = one_of(t, calls);

		if ((!alone && !is(t, "date_part") && !is(t, "datepart")) || !is(open, "(") || is(t->prev, ".") || (!alone && (of->kind != TOKEN_STRING || !is(of->next, ","))))
			continue;
		of = alone ? of : of->next->next;
		if (!(close = rewrite_operand_end(of)) || close->next != open->match || !(of->is_span || (is(of, "time_minus") && of->made && is(of->next, "("))))
			continue;
		if (alone)
			put(w, of, t, "%s,", rewrite_quote(w, t->text, '\''));
		rewrite_set(w, t, "span_part");
		if (of->is_span) {
			rewrite_wrap(w, of, close, "interval_seconds(", "), 0");
		} else {
			rewrite_cut(of, of->next);
			rewrite_cut(close, close);
		}
	}
}

static void
times(struct work *w)
{
	int another = may_be_another(w);
	struct map aliases = {0};

	time_aliases(w, &aliases);
	differences(w, &aliases);
	span_parts(w);
	days_in_seconds(w);
	instants_chosen(w, &aliases, another);
	instants_compared(w, &aliases, another);
	map_release(&aliases);
	for (struct tok *t = w->head.next; t != &w->head && !w->err->code; t = t->next) {
		struct tok *a, *b, *next;

		if (!is_time_column(t) || !(a = rewrite_operand_start(t)))
			continue;
		next = t->next;
		if (one_of(next, comparisons)) {
			if ((b = sum_end(next->next)) && whole(next, b) && whole(a, t) && meet(a, next, b))
				canonical(w, next->next, b, a, t, another);
		} else if (!meet(a, next, t)) {
			/* `x = timestamp IN (…)` asks for x = timestamp */
		} else if (is(next, "between") || (is(next, "not") && is(next->next, "between"))) {
			next = is(next, "not") ? next->next->next : next->next;
			if ((b = sum_end(next)) && is(b->next, "and")) {
				struct tok *high = b->next->next, *high_end = sum_end(high);

				canonical(w, next, b, a, t, another);
				if (high_end && whole(high->prev, high_end))
					canonical(w, high, high_end, a, t, another);
			}
		} else if ((is(next, "in") || (is(next, "not") && is(next->next, "in")))) {
			next = is(next, "not") ? next->next->next : next->next;
			if (is(next, "(") && !is(next->next, "select") && !is(next->next, "with") && !is(next->next, "values"))
				for (struct tok *i = next->next, *end = next->match; i != end && i->kind != TOKEN_END; i = i->next) {
					if (!is(i->prev, ",") && i->prev != next)
						continue;
					if ((b = rewrite_operand_end(i)) && (is(b->next, ",") || b->next == end)) {
						struct tok *behind = b->next;

						canonical(w, i, b, a, t, another);
						i = behind->prev;
					}
				}
		}
		if (one_of(a->prev, comparisons) && (b = rewrite_operand_start(a->prev->prev)) && whole(b, a->prev->prev) && whole(a, t) && meet(b, a->prev, t))
			canonical(w, b, a->prev->prev, a, t, another);
	}
	/* max(timestamp) > 1795017600 */
	for (struct tok *t = w->head.next; t != &w->head && !w->err->code && !another; t = t->next) {
		struct tok *a, *b;

		if (!one_of(t, comparisons) || !(a = rewrite_operand_start(t->prev)) || !(b = rewrite_operand_end(t->next)) || !whole(a, t->prev) || !whole(t, b) || !meet(a, t, b))
			continue;
		if (b->kind == TOKEN_NUMBER && is_time_value(a, t->prev))
			canonical(w, t->next, b, a, t->prev, 0);
		else if (a->kind == TOKEN_NUMBER && a->next == t && is_time_value(t->next, b))
			canonical(w, a, a, t->next, b, 0);
	}
}

void
rewrite_expressions(struct work *w)
{
	casts(w);
	lambdas(w);
	words(w);
	zones(w);
	intervals(w);
	operators(w);
	other_names(w);
	calls(w);
	properties(w);
	times(w);
}
