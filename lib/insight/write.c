/* write.c - a claim as a sentence. Every figure comes out of the claim; each kind has its forms, and which one is taken depends on the
 * claim alone, so that the same claim is told in the same words. */
#include <math.h>

#include "base/time.h"
#include "insight/claims.h"
#include "insight/words.h"

#define DAY 86400000LL

static void
put_name(const struct claim *x, int at_start, struct buf *b)
{
	const char *slash = memchr(x->metric.p, '/', x->metric.n);

	if (x->title.n) {
		words_name(b, x->title, at_start);
		return;
	}
	if (x->field.p) {
		words_name(b, x->field, at_start);
		buf_lit(b, " of ");
	}
	at_start &= !x->field.p;
	if (!x->counted && slash && slash > x->metric.p && slash + 1 < x->metric.p + x->metric.n) {         /* purchase/page_view */
		words_plural(b, (struct str){ x->metric.p, (size_t)(slash - x->metric.p) }, at_start);
		buf_lit(b, " per ");
		words_name(b, (struct str){ slash + 1, (size_t)(x->metric.p + x->metric.n - slash - 1) }, 0);
		return;
	}
	if (x->counted)
		words_plural(b, x->metric, at_start);
	else
		words_name(b, x->metric, at_start);
}

static int
is_plural(const struct claim *x)
{
	return !x->field.p && (x->counted || (x->metric.n > 2 && x->metric.p[x->metric.n - 1] == 's' && x->metric.p[x->metric.n - 2] != 's'));
}

/* "Signups (country NL)", "They" */
static void
put_subject(const struct claim *x, int again, struct buf *b)
{
	if (again) {
		buf_lit(b, is_plural(x) ? "They" : "It");
		return;
	}
	put_name(x, 1, b);
	if (x->labels.n > 2) {
		buf_lit(b, " (");
		words_labels(b, x->labels);
		buf_byte(b, ')');
	}
}

static void
put_value(const struct claim *x, double v, struct buf *b)
{
	if (x->is_rate && v < 0)
		buf_byte(b, '-');
	if (x->is_rate)
		words_percent(b, v);
	else
		words_number(b, v);
}

/* "rose 32 %", "fell by 3.2 points", "more than doubled" */
static void
put_moved(const struct claim *x, struct buf *b)
{
	const char *verb = x->value > x->before ? "rose" : "fell";

	if (x->value == x->before) {
		buf_lit(b, "stayed the same");
	} else if (!x->relative || x->before == 0) {
		buf_lit(b, verb);
		if (x->is_rate) {
			buf_lit(b, " by ");
			words_points_between(b, x->before, x->value);
		}
	} else if (x->effect >= 3 && x->before > 0) {
		buf_lit(b, "grew to ");
		words_number(b, nearbyint(x->effect + 1));
		buf_lit(b, is_plural(x) ? " times what they were" : " times what it was");
	} else {
		buf_printf(b, "%s ", verb);
		words_percent(b, x->effect);
	}
}

static void
put_from_to(const struct claim *x, struct buf *b)
{
	if (x->value == x->before) {
		buf_lit(b, " at ");
		put_value(x, x->value, b);
		return;
	}
	if (x->is_rate)
		words_from_to_percent(b, x->before, x->value);
	else
		words_from_to(b, x->before, x->value);
}

/* "on 16 Nov 2026", "at 16 Nov 2026 14:00" */
static void
put_when(const struct claims *c, int64_t time, int64_t step, struct buf *b)
{
	struct buf text = {0};

	words_time(&text, time, step, c->zone);
	buf_lit(b, text.n && memchr(text.p, ':', text.n) ? " at " : " on ");
	buf_str(b, buf_get(&text));
	buf_release(&text);
}

static void
put_span(const struct claims *c, int64_t from, int64_t to, int64_t step, struct buf *b)
{
	int64_t midnight = from, last;

	if (step && step % DAY == 0)                    /* whole days are named by the last of them, others by where they end */
		time_trunc(STR("day"), c->zone, from, &midnight);
	last = step && step % DAY == 0 && midnight == from && to - from > step ? to - step : to;

	if (step && to - from <= step) {
		words_time(b, from, step, c->zone);
		return;
	}
	words_time(b, from, step, c->zone);
	buf_lit(b, " to ");
	words_time(b, last, step, c->zone);
}

static void
put_steps(const struct claim *x, int n, struct buf *b)
{
	int64_t step = x->step_ms;
	static const struct { int64_t ms; const char *one, *many; } units[] = {
		{ 7 * DAY, "week", "weeks" }, { DAY, "day", "days" }, { 3600000, "hour", "hours" }, { 60000, "minute", "minutes" }, { 1000, "second", "seconds" } };

	for (size_t i = 0; step && i < sizeof(units) / sizeof(*units); i++)
		if (n * step % units[i].ms == 0) {
			words_count(b, (double)(n * step / units[i].ms), units[i].one, units[i].many);
			return;
		}
	words_count(b, n, "step", "steps");
}

/* "week", "3 days" */
static void
put_length(int64_t ms, struct buf *b)
{
	int64_t days = (ms + DAY / 2) / DAY, off = ms - days * DAY;
	struct buf text = {0};

	if (days > 1 && off >= -3600000 && off <= 3600000)      /* up to now and a moment more; over a change of the clock */
		ms = days * DAY;
	else if (ms > 60000)
		ms = (ms + 30000) / 60000 * 60000;
	put_steps(&(struct claim){ .step_ms = ms }, 1, &text);
	buf_str(b, str_starts(buf_get(&text), STR("1 ")) ? (struct str){ text.p + 2, text.n - 2 } : buf_get(&text));
	buf_release(&text);
}

static void
put_change(const struct claims *c, const struct claim *x, int again, struct buf *b)
{
	put_subject(x, again, b);
	buf_byte(b, ' ');
	if (x->before == 0 && x->value != 0) {
		buf_lit(b, "came to ");
		put_value(x, x->value, b);
		buf_lit(b, x->was_zero ? "; in the period before it was 0" : "; in the period before there was nothing");
	} else if (x->p > 0.05) {
		buf_lit(b, "stayed at ");
		put_value(x, x->value, b);
		buf_lit(b, ": the difference from ");
		put_value(x, x->before, b);
		buf_lit(b, " may be chance");
	} else {
		put_moved(x, b);
		put_from_to(x, b);
	}
	claims_write_periods(c, x, b);
	if (x->shared != 0 && x->p <= 0.05) {           /* else what is named would seem to be all of it */
		buf_lit(b, x->shared < 0 ? "; without what is named for it the rest fell " : "; without what is named for it the rest rose ");
		words_percent(b, fabs(x->shared));
	}
}

void
claims_write_periods(const struct claims *c, const struct claim *x, struct buf *b)
{
	if (x->before_from && x->from) {
		buf_lit(b, " (");
		put_span(c, x->from, x->to, x->step_ms, b);
		buf_lit(b, ", against the ");
		if (x->before_to == x->from && x->from - x->before_from == x->to - x->from) {
			put_length(x->to - x->from, b);
			buf_lit(b, " before)");
		} else {
			buf_lit(b, "time from ");
			put_span(c, x->before_from, x->before_to, x->step_ms, b);
			buf_byte(b, ')');
		}
	}
}

static void
put_contribution(const struct claim *x, struct buf *b)
{
	struct buf labels = {0};

	words_labels(&labels, x->labels);
	buf_str(b, buf_get(&labels));
	if (b->n >= labels.n && labels.n && b->p[b->n - labels.n] >= 'a' && b->p[b->n - labels.n] <= 'z')
		b->p[b->n - labels.n] = (char)(b->p[b->n - labels.n] - 32);
	buf_release(&labels);
	buf_lit(b, ": ");
	put_name(x, 0, b);
	buf_byte(b, ' ');
	put_moved(x, b);
	put_from_to(x, b);
	if (x->bounded) {
		buf_lit(b, "; parts overlap, so of the change of the whole between ");
		words_number(b, x->least);
		buf_lit(b, " and ");
		words_number(b, x->most);
		buf_lit(b, " can be from here");
	}
	if (!isfinite(x->share))
		return;
	buf_lit(b, ", ");
	if (x->share < -0.005) {
		buf_lit(b, "against the change of the whole");
	} else if (x->share > 1.005) {
		buf_lit(b, "more than the whole change");
	} else if (x->share >= 0.995) {
		buf_lit(b, "all of the change");
	} else {
		words_percent(b, x->share);
		buf_lit(b, " of the change");
	}
}

static void
put_mix(const struct claim *x, struct buf *b)
{
	if (x->kind == CLAIM_REVERSAL) {
		buf_lit(b, "Nearly every ");
		words_name(b, x->other, 0);
		buf_printf(b, " by itself %s, though the whole %s: what changed is how much each of them counts for (Simpson's paradox)", x->value > 0 ? "rose" : "fell",
		    x->effect > 0 ? "rose" : "fell");
		return;
	}
	buf_lit(b, "Along ");
	words_name(b, x->other, 0);
	buf_lit(b, ", the mix accounts for ");
	buf_lit(b, x->mix < 0 ? "-" : "+");
	if (x->is_rate)
		words_points(b, x->mix);
	else
		words_number(b, fabs(x->mix));
	buf_lit(b, " of the change, and the rates within for ");
	buf_lit(b, x->value < 0 ? "-" : "+");
	if (x->is_rate)
		words_points(b, x->value);
	else
		words_number(b, fabs(x->value));
}

static void
put_trend(const struct claim *x, int again, struct buf *b)
{
	put_subject(x, again, b);
	buf_printf(b, " %s steadily, ", x->effect > 0 ? "rose" : "fell");
	words_percent(b, x->effect);
	buf_lit(b, " over ");
	put_steps(x, x->n, b);
	buf_lit(b, " (about ");
	words_number(b, fabs(x->value));
	buf_lit(b, " every ");
	if (x->step_ms == DAY || x->step_ms == 3600000 || x->step_ms == 60000 || x->step_ms == 7 * DAY)
		buf_lit(b, x->step_ms == DAY ? "day" : x->step_ms == 3600000 ? "hour" : x->step_ms == 60000 ? "minute" : "week");
	else
		put_steps(x, 1, b);
	buf_byte(b, ')');
}

static void
put_season(const struct claims *c, const struct claim *x, int again, struct buf *b)
{
	static const char *const days[] = { "Sundays", "Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays" };
	int64_t whole = x->n * x->step_ms;
	struct civil peak;

	time_civil(x->from + x->lag * x->step_ms + (c->zone ? zone_offset(c->zone, x->from) : 0), &peak);
	put_subject(x, again, b);
	buf_lit(b, is_plural(x) ? " have a " : " has a ");
	if (whole == DAY || whole == 7 * DAY || whole == 3600000) {
		buf_lit(b, whole == DAY ? "daily" : whole == 7 * DAY ? "weekly" : "hourly");
		buf_lit(b, " rhythm");
	} else {
		buf_lit(b, "rhythm of ");
		put_steps(x, x->n, b);
	}
	if (whole == DAY && x->step_ms < DAY)
		buf_printf(b, ", highest at about %02d:%02d", peak.hour, peak.minute);
	else if (whole == 7 * DAY)
		buf_printf(b, ", highest on %s", days[peak.weekday]);
	buf_lit(b, ": it makes up ");
	words_percent(b, x->value);
	buf_lit(b, " of the variation");
}

static void
put_correlation(const struct claim *x, struct buf *b)
{
	put_subject(x, 0, b);
	buf_lit(b, " and ");
	if (x->other_counted)
		words_plural(b, x->other, 0);
	else
		words_name(b, x->other, 0);
	if (x->other_labels.n > 2) {
		buf_lit(b, " (");
		words_labels(b, x->other_labels);
		buf_byte(b, ')');
	}
	if (x->value > 0)
		buf_lit(b, " move together");
	else
		buf_lit(b, " move against each other");
	if (x->lag) {
		buf_lit(b, ", the ");
		buf_lit(b, x->lag > 0 ? "latter " : "former ");
		put_steps(x, x->lag > 0 ? x->lag : -x->lag, b);
		buf_lit(b, " ahead");
	}
	buf_lit(b, " (correlation ");
	words_number(b, x->value);
	buf_byte(b, ')');
}

/* "reached", "are likely to miss", "may exceed" */
static void
put_prospect(const struct claim *x, int over, struct buf *b)
{
	const char *keep = x->at_most ? "keep to" : "reach", *fail = x->at_most ? "exceed" : "miss";
	int kept = x->at_most ? x->value <= x->target : x->value >= x->target;

	if (over)
		buf_lit(b, x->at_most ? kept ? "kept to" : "exceeded" : kept ? "reached" : "missed");
	else if (x->certain)
		buf_printf(b, "%s %s", is_plural(x) ? "have" : "has", x->at_most ? "exceeded" : "reached");
	else if (!(x->p <= 0.05))
		buf_printf(b, "may %s or %s", keep, fail);
	else
		buf_printf(b, "%s likely to %s", is_plural(x) ? "are" : "is", kept ? keep : fail);
}

/* What is expected of whole things, as a whole number. */
static void
put_expected(const struct claim *x, double v, struct buf *b)
{
	int whole = x->kind == CLAIM_TARGET ? x->so_far == floor(x->so_far) : x->counted || x->before == floor(x->before);

	put_value(x, whole && fabs(v) >= 10 ? nearbyint(v) : v, b);
}

static void
put_target(const struct claim *x, int again, struct buf *b)
{
	int known = !isnan(x->value), over = x->certain && x->value == x->so_far && x->lower == x->upper;

	put_subject(x, again, b);
	buf_byte(b, ' ');
	if (known)
		put_prospect(x, over, b);
	else
		buf_lit(b, is_plural(x) ? "stand at" : "stands at");
	if (!known) {
		buf_byte(b, ' ');
		put_value(x, x->so_far, b);
		buf_lit(b, " so far, against");
	}
	buf_lit(b, known ? " the target of " : " a target of ");
	buf_lit(b, x->at_most ? "at most " : "");
	put_value(x, x->target, b);
	buf_byte(b, ' ');
	buf_str(b, x->note);
	if (!known) {
		buf_lit(b, "; what is still to come cannot be told");
		return;
	}
	buf_lit(b, ": ");
	if (over) {
		put_value(x, x->value, b);
		if (x->value != x->target && x->target != 0) {
			buf_lit(b, ", ");
			words_percent(b, x->effect);
			buf_lit(b, x->value > x->target ? " above it" : " below it");
		}
		return;
	}
	put_value(x, x->so_far, b);
	buf_lit(b, " so far, ");
	put_expected(x, x->value, b);
	buf_lit(b, " expected by its end");
	if (isfinite(x->lower) && isfinite(x->upper) && x->upper - x->lower > 0.005 * fabs(x->value)) {
		buf_lit(b, ", between ");
		put_expected(x, x->lower, b);
		buf_lit(b, " and ");
		put_expected(x, x->upper, b);
	}
	if (!x->certain && !(x->p <= 0.05)) {
		buf_lit(b, "; the chance to ");
		buf_lit(b, x->at_most ? "keep to it is " : "reach it is ");
		words_percent(b, x->chance);
	}
}

void
claims_write(const struct claims *c, const struct claim *x, int again, struct buf *b)
{
	switch (x->kind) {
	case CLAIM_CHANGE:
		put_change(c, x, again, b);
		break;
	case CLAIM_CONTRIBUTION:
		put_contribution(x, b);
		break;
	case CLAIM_MIX:
	case CLAIM_REVERSAL:
		put_mix(x, b);
		break;
	case CLAIM_TREND:
		put_trend(x, again, b);
		break;
	case CLAIM_SHIFT:
		put_subject(x, again, b);
		buf_lit(b, x->value > x->before ? " stepped up" : " stepped down");
		put_from_to(x, b);
		put_when(c, x->from, x->step_ms, b);
		buf_lit(b, " and stayed there");
		break;
	case CLAIM_RECORD:
		put_subject(x, again, b);
		buf_printf(b, " reached %s %s of ", is_plural(x) ? "their" : "its", x->effect > 0 ? "highest" : "lowest");
		put_steps(x, x->n, b);
		buf_lit(b, ", ");
		put_value(x, x->value, b);
		buf_byte(b, ',');
		put_when(c, x->from, x->step_ms, b);
		buf_lit(b, " (before: ");
		put_value(x, x->before, b);
		buf_byte(b, ')');
		break;
	case CLAIM_OUTLIER:
		put_subject(x, again, b);
		buf_lit(b, is_plural(x) ? " were " : " was ");
		put_value(x, x->value, b);
		put_when(c, x->from, x->step_ms, b);
		buf_lit(b, ", where about ");
		put_value(x, x->before, b);
		buf_lit(b, " was to be expected");
		break;
	case CLAIM_SEASON:
		put_season(c, x, again, b);
		break;
	case CLAIM_CORRELATION:
		put_correlation(x, b);
		break;
	case CLAIM_FORECAST:
		put_subject(x, again, b);
		buf_lit(b, is_plural(x) ? " are expected at " : " is expected at ");
		put_expected(x, x->value, b);
		buf_lit(b, " for the next ");
		put_length(x->n * x->step_ms, b);
		buf_lit(b, ", between ");
		put_expected(x, x->lower, b);
		buf_lit(b, " and ");
		put_expected(x, x->upper, b);
		buf_lit(b, " (last: ");
		put_value(x, x->before, b);
		buf_byte(b, ')');
		break;
	case CLAIM_QUALITY:
		put_subject(x, again, b);
		buf_byte(b, ' ');
		if (is_plural(x) && str_starts(x->note, STR("has "))) {
			buf_lit(b, "have ");
			buf_str(b, (struct str){ x->note.p + 4, x->note.n - 4 });
		} else if (is_plural(x) && str_starts(x->note, STR("is "))) {
			buf_lit(b, "are ");
			buf_str(b, (struct str){ x->note.p + 3, x->note.n - 3 });
		} else {
			buf_str(b, x->note);
		}
		break;
	case CLAIM_TARGET:
		put_target(x, again, b);
		break;
	case CLAIM_KINDS:
		break;
	}
}
