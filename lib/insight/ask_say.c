/* ask_say.c - how a question was read, and its rows, in words: every figure is one of the rows, rounded as it says. */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "insight/ask_priv.h"

static void
put_spoken(struct buf *b, struct str name, int plural)
{
	size_t from = b->n;

	for (size_t i = 0; i < name.n && i < 60; i++)
		buf_byte(b, name.p[i] == '_' || name.p[i] == '-' || name.p[i] == '.' ? ' ' : name.p[i]);
	while (b->n > from && ((unsigned char)b->p[b->n - 1] & 0xc0) == 0x80 && name.n > 60)
		b->n--;
	if (!plural || b->n == from)
		return;
	switch (b->p[b->n - 1]) {
	case 's': case 'x': case 'z':
		buf_lit(b, "es");
		break;
	case 'h':
		buf_lit(b, b->n > from + 1 && (b->p[b->n - 2] == 'c' || b->p[b->n - 2] == 's') ? "es" : "s");
		break;
	case 'y':
		if (b->n > from + 1 && !strchr("aeiou", b->p[b->n - 2])) {
			b->n--;
			buf_lit(b, "ies");
			break;
		}
		/* fall through */
	default:
		buf_byte(b, 's');
	}
}

static int
is_done(struct str name)                                /* invoice_paid: "invoice paid events" */
{
	static const char *const ends[] = { "paid", "sent", "made", "seen", "left", "lost", "won", "sold", "built", "read", "shown", "met", "bought", "found", "written" };

	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
		size_t n = strlen(ends[i]);

		if (name.n > n + 1 && memcmp(name.p + name.n - n, ends[i], n) == 0 && strchr("_- .", name.p[name.n - n - 1]))
			return 1;
	}
	return 0;
}

static void
put_event(const struct ask *ask, int i, int n, struct buf *b)          /* add to cart: "add to cart events" */
{
	struct str name = ask->event[i].name;

	if (is_done(name) || memmem(name.p, name.n, "_to_", 4) || memmem(name.p, name.n, " to ", 4) || (name.n > 3 && memcmp(name.p + name.n - 2, "ed", 2) == 0)) {
		put_spoken(b, name, 0);
		buf_lit(b, n == 1 ? " event" : " events");
	} else {
		put_spoken(b, name, n != 1);
	}
}

static void
put_events(const struct ask *ask, uint64_t events, int n, const char *between, struct buf *b)
{
	int k = 0;

	for (int i = 0; i < ask->n_events; i++)
		if (events >> i & 1) {
			buf_lit(b, k++ ? between : "");
			put_event(ask, i, n, b);
		}
}

static const char *
article(const char *word)
{
	return strchr("aeiou", *word) && strncmp(word, "us", 2) && strncmp(word, "uni", 3) && strncmp(word, "eu", 2) ? "an " : "a ";
}

static const char *const aggs[] = { "", "total", "average", "smallest", "largest", "median", "" };

/* "signups", "users with a purchase", "average revenue of purchases". n: of how many. */
static void
put_measure(const struct ask *ask, const struct ask_measure *m, int n, struct buf *b)
{
	if (m->called.p) {
		struct str name = m->called;

		if (n == 1 && name.n > 3 && name.p[name.n - 1] == 's' && name.p[name.n - 2] != 's')
			name.n--;
		put_spoken(b, name, 0);
		return;
	}
	switch (m->of) {
	case ASK_DISTINCT_USERS:
	case ASK_DISTINCT_SESSIONS:
		buf_lit(b, m->of == ASK_DISTINCT_USERS ? n == 1 ? "user" : "users" : n == 1 ? "session" : "sessions");
		if (m->events) {
			struct buf e = { 0 };

			put_events(ask, m->events, 1, " or ", &e);
			buf_printf(b, " with %s%.*s", article(buf_text(&e)), STR_FMT(buf_get(&e)));
			buf_release(&e);
		}
		break;
	case ASK_DISTINCT_FIELD:
		buf_lit(b, "different values of ");
		put_spoken(b, ask->field[m->field].name, 0);
		break;
	case ASK_OF_FIELD:
		if (m->agg == ASK_QUANTILE)
			buf_printf(b, "p%g of ", m->q * 100);
		else
			buf_printf(b, "%s ", aggs[m->agg]);
		put_spoken(b, ask->field[m->field].name, 0);
		if (m->events && m->field != ask->money && !ask->field[m->field].stored) {
			buf_lit(b, " of ");
			put_events(ask, m->events, 2, " and ", b);
		}
		break;
	case ASK_OF_SESSION_LENGTH:
		buf_printf(b, "%s length of a session", m->agg == ASK_QUANTILE ? "percentile of the" : aggs[m->agg]);
		break;
	default:
		if (m->events)
			put_events(ask, m->events, n, " and ", b);
		else
			buf_lit(b, n == 1 ? "event" : "events");
	}
}

static struct str
field_name(const struct ask *ask, int field)
{
	return field >= 0 ? ask->field[field].name : field == -1 ? STR("user") : field == -2 ? STR("session") : field == -3 ?
	    STR("hour of the day") : field == -5 ? STR("event") : STR("day of the week");
}

static const char *const op_words[] = { "=", ">", ">=", "<", "<=" };

static void
put_filters(const struct ask *ask, const struct ask_filters *fs, const char *between, struct buf *b)
{
	for (int i = 0; i < fs->n; i++) {
		const struct ask_filter *f = &fs->f[i];

		buf_lit(b, f->or ? " or " : between);
		if (f->field == -4 && f->n) {
			static const char *const days[] = { "Sundays", "Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays" };

			for (int k = 0; k < f->n; k++)
				buf_printf(b, "%s%s", k ? " or " : f->not ? "not on " : "on ", days[f->value[k].p[0] - '0']);
			continue;
		}
		if (f->field == -4) {
			buf_lit(b, f->not ? "on working days" : "on weekends");
			continue;
		}
		put_spoken(b, field_name(ask, f->field), 0);
		if (f->is_null) {
			buf_lit(b, f->not ? " given" : " not given");
		} else if (f->is_number) {
			buf_printf(b, " %s %g", op_words[f->op], f->number);
		} else {
			buf_lit(b, f->prefix ? " beginning with " : f->not ? " not " : " ");
			for (int k = 0; k < f->n; k++) {
				buf_lit(b, k ? " or " : "");
				if (f->field >= 0 && ask->field[f->field].flag)
					buf_lit(b, str_eq(f->value[k], STR("1")) ? "yes" : "no");
				else
					buf_str(b, f->value[k]);
			}
		}
	}
}

static void
put_conditions(const struct ask *ask, const struct ask_reading *r, struct buf *b)
{
	for (int i = 0; i < r->n_conditions; i++) {
		const struct ask_condition *c = &r->condition[i];

		buf_lit(b, i == 0 ? " who " : r->ordered ? ", then " : " and ");
		if (r->by_session && i == 0)
			b->n -= 4, buf_lit(b, "with ");
		if (c->sum) {
			buf_printf(b, "spent %s %g", op_words[c->op], c->count);
		} else {
			if (!r->by_session)
				buf_lit(b, c->not ? "did not have " : "had ");
			else if (c->not)
				buf_lit(b, "no ");
			if (c->has_count)
				buf_printf(b, "%s %g ", op_words[c->op], c->count);
			if (c->event < 0)
				buf_lit(b, "any event");
			else
				put_event(ask, c->event, c->has_count && c->count != 1 ? 2 : 1, b);
		}
		put_filters(ask, &c->where, " of ", b);
		if (c->has_period)
			buf_printf(b, " %s", c->period.label);
	}
}

static const char *const units[] = { "", "minute", "hour", "day", "week", "month", "quarter", "year" };

static void
put_time(struct buf *b, int64_t t)                      /* to the minute, in UTC */
{
	char text[TIME_LEN];

	time_print(t, text);
	buf_printf(b, "%.16sZ", text);
}

static void
put_period(const struct ask_period *p, struct buf *b)   /* last week (2026-06-08T00:00Z to …) */
{
	buf_printf(b, "%s (", p->label);
	if (p->from != TIME_NONE)
		put_time(b, p->from);
	else
		buf_lit(b, "the beginning");
	buf_lit(b, " to ");
	if (p->to != TIME_NONE)
		put_time(b, p->to);
	else
		buf_lit(b, "now");
	buf_byte(b, ')');
}

void
ask_understood(const struct ask *ask, const struct ask_reading *r, struct buf *b)
{
	if (r->edge)
		buf_lit(b, r->edge == 1 ? "time of the first of " : r->edge == 2 ? "time of the last of " : "times of ");
	if (r->funnel)
		buf_lit(b, "funnel of ");
	if (r->count_groups)
		buf_printf(b, "number of %s with ", r->unit ? units[r->unit] : "groups");
	if (r->average_over)
		buf_printf(b, "%s over each %s of ", aggs[r->average_over == ASK_QUANTILE ? 0 : r->average_over], units[r->unit]);
	if (r->ratio == 2)
		buf_lit(b, "share of ");
	put_measure(ask, &r->m, 2, b);
	if (r->m.called.p) {            /* and what that is */
		struct ask_measure plain = r->m;

		plain.called = (struct str){ 0 };
		buf_lit(b, " = ");
		put_measure(ask, &plain, 2, b);
	}
	put_filters(ask, &r->m.where, ", ", b);
	put_conditions(ask, r, b);
	if (r->ratio == 1) {
		buf_lit(b, " / ");
		put_measure(ask, &r->base, 2, b);
		put_filters(ask, &r->base.where, ", ", b);
	}
	put_filters(ask, &r->where, ", ", b);
	if (r->unit && !r->average_over)
		buf_printf(b, ", by %s", units[r->unit]);
	if (r->part)
		buf_printf(b, ", by %s", r->part == 1 ? "hour of the day" : "day of the week");
	for (int i = 0; i < r->n_groups; i++) {
		buf_lit(b, ", by ");
		put_spoken(b, field_name(ask, r->group[i]), 0);
	}
	if (r->having)
		buf_printf(b, ", %s %g", op_words[r->having_op], r->having_number);
	if (r->rank && (r->n_groups || r->unit || r->part))
		buf_printf(b, ", %s first", r->rank > 0 ? "most" : "least");
	for (int i = 0; i < r->n_periods; i++) {
		buf_lit(b, i ? " against " : ", ");
		put_period(&r->period[i], b);
	}
	if (!r->n_periods)
		buf_lit(b, ", all time");
}

/* ---- figures */

static void
put_grouped(struct buf *b, const char *digits)          /* 12,345.6 */
{
	size_t whole = strspn(digits, "-0123456789"), first = digits[0] == '-';

	for (size_t i = 0; digits[i]; i++) {
		if (i > first && i < whole && (whole - i) % 3 == 0)
			buf_byte(b, ',');
		buf_byte(b, digits[i]);
	}
}

enum unit { PLAIN, SHARE, SPAN_MS, SECONDS, MONEY };

static void
put_figure(struct buf *b, const struct cell *c, enum unit unit, double unit_ms)
{
	char text[64];
	double v = cell_number(c);

	if (c->type == CELL_TEXT) {
		buf_str(b, c->text.n <= 200 ? c->text : (struct str){ c->text.p, 0 });
		return;
	}
	if (isnan(v)) {
		buf_lit(b, "nothing");
		return;
	}
	if (unit == SHARE) {
		buf_printf(b, "%.*f %%", fabs(v) < 0.01 && v != 0 ? 2 : 1, v * 100);
		return;
	}
	if (unit == SPAN_MS || unit == SECONDS) {
		double ms = v * (unit == SECONDS ? 1000 : unit_ms);

		if (fabs(ms) < 1000)
			buf_printf(b, "%.4g ms", ms);
		else if (fabs(ms) < 120000)
			buf_printf(b, "%.1f s", ms / 1000);
		else
			buf_printf(b, "%.1f min", ms / 60000);
		return;
	}
	if (c->type == CELL_INTEGER)
		snprintf(text, sizeof(text), "%lld", (long long)c->integer);
	else if (unit == MONEY || fabs(v) >= 100)
		snprintf(text, sizeof(text), "%.2f", fabs(v) < 1e15 ? v : 0);
	else
		snprintf(text, sizeof(text), "%.4g", v);
	if (c->type != CELL_INTEGER && fabs(v) >= 1e15)
		snprintf(text, sizeof(text), "%.6g", v);
	put_grouped(b, text);
}

static enum unit
unit_of(const struct ask *ask, const struct ask_reading *r, double *unit_ms)
{
	*unit_ms = 1;
	if (r->count_groups)
		return PLAIN;
	if (r->ratio)
		return r->per ? r->m.of == ASK_OF_FIELD && r->m.field == ask->money ? MONEY : PLAIN : SHARE;
	if (r->m.of == ASK_OF_SESSION_LENGTH)
		return SECONDS;
	if (r->m.of == ASK_OF_FIELD && r->m.field == ask->money)
		return MONEY;
	if (r->m.of == ASK_OF_FIELD && ask->field[r->m.field].role == ASK_SPAN && ask->field[r->m.field].unit_ms > 0) {
		*unit_ms = ask->field[r->m.field].unit_ms;
		return SPAN_MS;
	}
	return PLAIN;
}

static void
put_key(struct buf *b, const struct ask_reading *r, int column, const struct cell *c)
{
	static const char *const days[] = { "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday" };

	if (c->type == CELL_NULL)
		buf_lit(b, "(none)");
	else if (column == 0 && r->unit && c->type == CELL_TEXT && c->text.n >= 16)
		buf_str(b, (struct str){ c->text.p, r->unit >= 3 && memcmp(c->text.p + 10, "T00:00", 6) == 0 ? 10 : 16 });
	else if (r->part == 2 && column == (r->unit > 0) && c->type == CELL_INTEGER && c->integer >= 0 && c->integer < 7)
		buf_lit(b, days[c->integer]);
	else if (r->part == 1 && column == (r->unit > 0) && c->type == CELL_INTEGER)
		buf_printf(b, "%02lld:00", (long long)c->integer);
	else if (c->type == CELL_INTEGER)
		buf_int64(b, c->integer);
	else if (c->type == CELL_REAL)
		buf_printf(b, "%g", c->real);
	else
		buf_str(b, c->text);
}

/* What the figure is of: filters and period. */
static void
put_scope(const struct ask *ask, const struct ask_reading *r, int period, struct buf *b)
{
	put_filters(ask, &r->where, ", ", b);
	if (r->n_periods == 1 && period)
		buf_printf(b, ", %s", r->period[0].label);
}

static void
put_what(const struct ask *ask, const struct ask_reading *r, int n, struct buf *b)
{
	if (r->ratio == 1 && !r->per) {
		put_measure(ask, &r->m, 2, b);
		put_filters(ask, &r->m.where, ", ", b);
		put_conditions(ask, r, b);
		buf_lit(b, " among ");
		put_measure(ask, &r->base, 2, b);
	} else if (r->ratio == 1) {
		put_measure(ask, &r->m, 2, b);
		if (!r->m.called.p)
			put_filters(ask, &r->m.where, ", ", b);
		buf_lit(b, " per ");
		put_measure(ask, &r->base, 1, b);
		if (!r->base.called.p)
			put_filters(ask, &r->base.where, ", ", b);
	} else {
		put_measure(ask, &r->m, n, b);
		put_conditions(ask, r, b);
	}
}

static void
say_one(const struct ask *ask, const struct ask_reading *r, const struct cell *c, struct buf *b)
{
	double unit_ms;
	enum unit unit = unit_of(ask, r, &unit_ms);
	int n = c->type == CELL_INTEGER && c->integer == 1 ? 1 : 2;

	if (r->edge) {
		buf_lit(b, r->edge == 1 ? "The first was at " : "The last was at ");
		put_figure(b, c, PLAIN, 1);
		put_scope(ask, r, 1, b);
	} else if (r->count_groups) {
		put_figure(b, c, PLAIN, 1);
		buf_printf(b, " %s%s with %s %g ", r->unit ? units[r->unit] : "groups", r->unit &&
		    n != 1 ? "s" : "", op_words[r->having_op], r->having_number);
		put_what(ask, r, 2, b);
		put_scope(ask, r, 1, b);
	} else if (r->m.of == ASK_COUNT || r->m.of == ASK_DISTINCT_USERS || r->m.of == ASK_DISTINCT_SESSIONS || r->m.of == ASK_DISTINCT_FIELD) {
		if (r->ratio) {
			put_figure(b, c, unit, unit_ms);
			buf_lit(b, r->per ? " " : ": ");
			put_what(ask, r, n, b);
		} else if (r->average_over) {
			put_figure(b, c, unit, unit_ms);
			buf_byte(b, ' ');
			put_what(ask, r, 2, b);
			buf_printf(b, " in the %s %s", aggs[r->average_over == ASK_QUANTILE ? ASK_MEDIAN : r->average_over], units[r->unit]);
		} else {
			put_figure(b, c, unit, unit_ms);
			buf_byte(b, ' ');
			put_what(ask, r, n, b);
		}
		put_scope(ask, r, 1, b);
	} else {
		size_t at = b->n;

		if (r->average_over)
			buf_printf(b, "%s per %s of ", aggs[r->average_over == ASK_QUANTILE ? ASK_MEDIAN : r->average_over], units[r->unit]);
		put_what(ask, r, 2, b);
		put_scope(ask, r, 1, b);
		buf_lit(b, ": ");
		put_figure(b, c, unit, unit_ms);
		b->p[at] = (char)toupper((unsigned char)b->p[at]);
	}
	buf_byte(b, '.');
}

static void
say_two(const struct ask *ask, const struct ask_reading *r, const struct cell *c, struct buf *b)
{
	double unit_ms, now = cell_number(&c[0]), then = cell_number(&c[1]);
	enum unit unit = unit_of(ask, r, &unit_ms);
	size_t at = b->n;

	put_what(ask, r, 2, b);
	put_scope(ask, r, 0, b);
	buf_printf(b, ": ");
	b->p[at] = (char)toupper((unsigned char)b->p[at]);
	put_figure(b, &c[0], unit, unit_ms);
	buf_printf(b, " %s, ", r->period[0].label);
	put_figure(b, &c[1], unit, unit_ms);
	buf_printf(b, " %s", r->period[1].label);
	if (!isnan(now) && !isnan(then)) {
		if (now == then)
			buf_lit(b, ", the same");
		else if (then != 0)
			buf_printf(b, ", %s by %.1f %%", now > then ? "up" : "down", fabs((now - then) / then) * 100);
		else
			buf_printf(b, ", %s", now > then ? "up" : "down");
	}
	buf_byte(b, '.');
}

static void
put_line(const struct ask *ask, const struct ask_reading *r, const struct ask_rows *rows, int i, struct buf *b)
{
	const struct cell *c = &rows->cell[i * rows->n_columns];
	int keys = r->n_groups + (r->unit > 0) + (r->part > 0);
	double unit_ms;
	enum unit unit = unit_of(ask, r, &unit_ms);

	if (r->funnel)
		keys = 2, unit = PLAIN;
	for (int k = 0; k < keys && k < rows->n_columns; k++) {
		buf_lit(b, k ? ", " : "");
		put_key(b, r, k, &c[k]);
	}
	for (int k = keys; k < rows->n_columns; k++) {
		buf_lit(b, k == keys ? ": " : ", ");
		if (r->ratio == 2 && k == keys + 1) {
			struct ask_reading plain = *r;

			plain.ratio = 0;
			unit = unit_of(ask, &plain, &unit_ms);
		}
		put_figure(b, &c[k], unit, unit_ms);
	}
}

void
ask_say(const struct ask *ask, const struct ask_reading *r, const struct ask_rows *rows, struct buf *b)
{
	int keys = r->n_groups + (r->unit > 0) + (r->part > 0);

	if (rows->n_rows == 0) {
		size_t at = b->n;

		buf_lit(b, "no ");
		put_measure(ask, &r->m, 2, b);
		put_scope(ask, r, 1, b);
		buf_byte(b, '.');
		b->p[at] = 'N';
		return;
	}
	if (r->edge == 3) {
		const struct cell *c = rows->cell;

		if (c[2].type == CELL_INTEGER && c[2].integer == 0) {
			buf_lit(b, "Never.");
			return;
		}
		put_figure(b, &c[2], PLAIN, 1);
		buf_lit(b, c[2].integer == 1 ? " time, at " : " times, the first at ");
		put_figure(b, &c[0], PLAIN, 1);
		if (c[2].integer != 1) {
			buf_lit(b, ", the last at ");
			put_figure(b, &c[1], PLAIN, 1);
		}
		buf_byte(b, '.');
		return;
	}
	if ((keys == 0 || r->count_groups || r->average_over) && !r->funnel) {
		if (r->n_periods == 2 && rows->n_columns == 4)
			say_two(ask, r, rows->cell, b);
		else
			say_one(ask, r, rows->cell, b);
		return;
	}
	if (rows->n_rows == 1 && r->rank) {
		put_line(ask, r, rows, 0, b);
		buf_byte(b, ' ');
		if (!r->ratio && r->m.of != ASK_OF_FIELD && r->m.of != ASK_OF_SESSION_LENGTH) {
			put_what(ask, r, 2, b);
		} else {
			buf_byte(b, '(');
			put_what(ask, r, 2, b);
			buf_byte(b, ')');
		}
		put_scope(ask, r, 1, b);
		buf_byte(b, '.');
		return;
	}
	{
		size_t at = b->n;

		put_what(ask, r, 2, b);
		put_scope(ask, r, 1, b);
		if (r->n_periods == 2)
			buf_printf(b, ", %s and %s", r->period[0].label, r->period[1].label);
		buf_byte(b, ':');
		b->p[at] = (char)toupper((unsigned char)b->p[at]);
	}
	for (int i = 0; i < rows->n_rows && i < 100; i++) {
		buf_lit(b, "\n  ");
		put_line(ask, r, rows, i, b);
	}
	if (rows->n_rows > 100 || rows->more)
		buf_printf(b, "\n  and %s%d more", rows->more ? "at least " : "", rows->n_rows - 100);
}

/* ---- who comes back */

static void
put_began(const struct ask *ask, const struct ask_retention *r, int n, struct buf *b)
{
	if (r->start < 0)
		buf_printf(b, "new user%s (first event of any kind)", n == 1 ? "" : "s");
	else
		buf_printf(b, "user%s with a first \"%.*s\"", n == 1 ? "" : "s", STR_FMT(ask->event[r->start].name));
	put_filters(ask, &r->where, ", ", b);
}

static void
put_came_back(const struct ask *ask, const struct ask_retention *r, struct buf *b)
{
	const char *unit = units[r->unit], *in = r->unit == ASK_UNIT_DAY ? "on the" : "in the calendar";

	if (r->back < 0)
		buf_lit(b, r->within ? "any event on a later day" : "any event");
	else
		buf_printf(b, "%s\"%.*s\"", r->back == r->start ? "another " : "", STR_FMT(ask->event[r->back].name));
	if (!r->period)
		buf_printf(b, " in each %s from then on", unit);
	else if (r->within)
		buf_printf(b, " within %d %s%s", r->period, unit, r->period == 1 ? "" : "s");
	else if (r->period == 1)
		buf_printf(b, r->unit == ASK_UNIT_DAY ? " on the next day" : " in the next calendar %s", unit);
	else
		buf_printf(b, " %s %s %d %ss later", in, unit, r->period, unit);
}

void
ask_retention_understood(const struct ask *ask, const struct ask_retention *r, struct buf *b)
{
	buf_lit(b, "retention: ");
	put_began(ask, r, 2, b);
	if (r->has_range) {
		buf_lit(b, ", ");
		put_period(&r->range, b);
		if (r->start < 0 && !r->within)
			buf_printf(b, ", of the %ss that begin then", units[r->unit]);
	}
	buf_lit(b, "; coming back: ");
	put_came_back(ask, r, b);
	buf_lit(b, r->period ? "; without those for whom that is not over at the end of the data" : "; the last may still run at the end of the data");
}

/* One line a cohort: when it began, how many, and the share of each period from then on. */
static void
say_cohorts(const struct ask *ask, const struct ask_retention *r, const struct ask_rows *rows, struct buf *b)
{
	const struct zone *zone = query_zone(ask->query);
	int shown = 0, cohorts = 0;

	buf_lit(b, "Retention, ");
	put_began(ask, r, 2, b);
	if (r->has_range)
		buf_printf(b, ", %s", r->range.label);
	buf_printf(b, ", one %s a line; share with ", units[r->unit]);
	put_came_back(ask, r, b);
	buf_lit(b, " (*: not over yet):");
	for (int i = 0; i < rows->n_rows; i++) {
		const struct cell *c = &rows->cell[i * rows->n_columns];
		char local[TIME_LEN];
		int64_t t;

		if (c[2].integer == 0) {
			if (++cohorts > 100)
				continue;
			shown = cohorts;
			if (time_parse_rfc3339(c[0].text, &t) == 0)
				time_print(t + zone_offset(zone, t), local);
			else
				memcpy(local, "          ", 10);
			buf_printf(b, "\n  %.10s, %lld user%s: ", local, (long long)c[1].integer, c[1].integer == 1 ? "" : "s");
		} else if (cohorts <= 100) {
			buf_lit(b, ", ");
		}
		if (cohorts <= 100) {
			put_figure(b, &c[4], SHARE, 1);
			buf_lit(b, c[5].integer ? "" : "*");
		}
	}
	if (cohorts > shown || rows->more)
		buf_printf(b, "\n  and %s%d more", rows->more ? "at least " : "", cohorts - shown);
}

void
ask_retention_say(const struct ask *ask, const struct ask_retention *r, const struct ask_rows *rows, struct buf *b)
{
	const struct cell *c = rows->cell;
	const struct cell *share = r->count_first ? c + 2 : c, *users = r->count_first ? c : c + 1, *size = users + 1, *young = c + 3;

	if (!r->period && rows->n_rows) {
		say_cohorts(ask, r, rows, b);
		return;
	}
	if (!rows->n_rows || (size->integer == 0 && young->integer == 0)) {
		buf_lit(b, "No ");
		put_began(ask, r, 2, b);
		if (r->has_range)
			buf_printf(b, ", %s", r->range.label);
		buf_byte(b, '.');
		return;
	}
	if (size->integer == 0) {
		buf_printf(b, "It cannot be told yet: for none of %lld ", (long long)young->integer);
		put_began(ask, r, 2, b);
		if (r->has_range)
			buf_printf(b, ", %s,", r->range.label);
		buf_lit(b, " the time to come back is over.");
		return;
	}
	if (!r->count_first) {
		put_figure(b, share, SHARE, 1);
		buf_lit(b, ": ");
	}
	put_figure(b, users, PLAIN, 1);
	buf_lit(b, " of ");
	put_figure(b, size, PLAIN, 1);
	buf_byte(b, ' ');
	put_began(ask, r, size->integer == 1 ? 1 : 2, b);
	if (r->has_range)
		buf_printf(b, ", %s,", r->range.label);
	buf_lit(b, " had ");
	put_came_back(ask, r, b);
	if (r->count_first) {
		buf_lit(b, " (");
		put_figure(b, share, SHARE, 1);
		buf_byte(b, ')');
	}
	buf_byte(b, '.');
	if (young->integer) {
		buf_byte(b, ' ');
		put_figure(b, young, PLAIN, 1);
		buf_printf(b, " began too late for that to be over, and %s left out.", young->integer == 1 ? "is" : "are");
	}
}
