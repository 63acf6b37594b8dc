#include "insight/claims.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/time.h"
#include "insight/checked.h"
#include "json/json.h"

#define LEVEL 0.05                      /* of the false discovery rate */

void
claims_begin(struct claims *c, const struct zone *zone)
{
	*c = (struct claims){ .arena = arena_new(0), .zone = zone };
}

void
claims_release(struct claims *c)
{
	free(c->list);
	arena_free(c->arena);
	*c = (struct claims){ .n = 0 };
}

static struct str
keep(struct claims *c, struct str s)
{
	return (struct str){ s.p ? arena_dup(c->arena, s.p, s.n) : NULL, s.n };
}

/* 0 to 1: a half at the size that people call large. */
static double
bounded(double effect, double large)
{
	effect = fabs(effect);
	return isfinite(effect) ? effect / (effect + large) : 1;
}

/* How unlikely, 0 to 1: a thousandth is a half, a millionth two thirds. */
static double
surprise(double p)
{
	double nats = p > 0 ? -log(p) : 700;

	return nats / (nats + 6.9);
}

void
claims_add(struct claims *c, const struct claim *from)
{
	struct claim *to;

	if (c->n == c->cap)
		c->list = mem_grow(c->list, c->cap = c->cap ? 2 * c->cap : 32, sizeof(*c->list));
	to = &c->list[c->n++];
	*to = *from;
	to->metric = keep(c, from->metric);
	to->labels = keep(c, from->labels.n ? from->labels : STR("{}"));
	to->title = keep(c, from->title);
	to->field = keep(c, from->field);
	to->other = keep(c, from->other);
	to->other_labels = keep(c, from->other_labels);
	to->note = keep(c, from->note);
	to->query = keep(c, from->query);
	if (to->labels.n <= 2 && to->group == 0)
		to->group = INFINITY;                   /* the whole, of which no number is known */
	if (from->kind == CLAIM_TARGET)                 /* somebody set it: worth a word in any case */
		to->score = 0.2 + 0.8 * (isnan(from->effect) ? 0 : bounded(from->effect, 0.25) * surprise(from->p));
	else
		to->score = bounded(from->effect, from->is_rate && !from->relative ? 0.1 : 0.25) * surprise(from->p) * sqrt(fmin(fmax(from->coverage, 0), 1));
}

void
claims_of_explain(struct claims *c, const struct explain_answer *a, struct str metric, const struct str *names, const struct claim *periods)
{
	struct claim claim = *periods, whole;
	struct buf labels = {0};
	int ratio = a->kind == EXPLAIN_RATIO, reversed = -1;
	double before = ratio ? a->before.num / a->before.den : a->before.num, after = ratio ? a->after.num / a->after.den : a->after.num;
	double error = a->z != 0 ? fabs(a->change / a->z) : 0;

	claim.metric = metric;
	claim.is_rate = ratio && before >= 0 && before <= 1 && after >= 0 && after <= 1;
	claim.relative = !ratio;
	whole = claim;
	whole.kind = CLAIM_CHANGE;
	whole.test = ratio ? "two proportions, dispersion fitted" : "two counts, dispersion fitted";
	whole.before = before, whole.value = after;
	whole.shared = !ratio && a->n && isfinite(a->shared) ? a->shared : 0;
	whole.was_zero = before == 0 && a->kind != EXPLAIN_COUNT && a->before.den > 0;
	whole.effect = ratio ? a->change : before != 0 ? a->change / fabs(before) : INFINITY;
	whole.lower = whole.effect - 1.96 * error / (ratio ? 1 : fabs(before));
	whole.upper = whole.effect + 1.96 * error / (ratio ? 1 : fabs(before));
	whole.z = a->z, whole.p = erfc(fabs(a->z) / M_SQRT2);
	whole.coverage = 1, whole.share = NAN, whole.n = (int)a->cells;
	whole.group = ratio ? fmin(a->before.den, a->after.den) : a->kind == EXPLAIN_COUNT ? fmax(1, fmin(before, after)) : 0;
	if (isfinite(before) && isfinite(after))
		claims_add(c, &whole);
	c->tests += 1 + (size_t)a->n;
	for (int i = 0; i < a->n; i++) {
		const struct explain_cause *cause = &a->cause[i];
		struct claim one = claim;

		buf_clear(&labels);
		buf_byte(&labels, '{');
		for (int d = 0; d < cause->n; d++) {
			buf_lit(&labels, d ? "," : "");
			json_put_key(&labels, names[cause->dim[d]]);
			buf_str(&labels, cause->value[d]);
		}
		buf_byte(&labels, '}');
		one.kind = CLAIM_CONTRIBUTION;
		one.labels = buf_get(&labels);
		one.test = "likelihood ratio over all combinations of values";
		one.before = ratio ? cause->before.num / cause->before.den : cause->before.num;
		one.value = ratio ? cause->after.num / cause->after.den : cause->after.num;
		one.effect = cause->effect, one.lower = cause->lower, one.upper = cause->upper;
		one.z = cause->z, one.p = cause->q, one.n = (int)cause->cells;
		one.share = a->change != 0 && fabs(a->z) > 2 ? cause->change / a->change : NAN;
		one.mix = cause->mix;
		one.group = ratio ? fmin(cause->before.den, cause->after.den) : a->kind == EXPLAIN_COUNT ? fmin(cause->before.num, cause->after.num) : 0;
		one.coverage = ratio ? cause->after.den / a->after.den : fmax(cause->before.num / a->before.num, cause->after.num / a->after.num);
		claims_add(c, &one);
	}
	for (int d = 0; ratio && d < EXPLAIN_DIMS; d++)
		if (a->along[d].reversed && (reversed < 0 || fabs(a->along[d].mix) > fabs(a->along[reversed].mix)))
			reversed = d;
	for (int d = 0, most = -1; ratio && fabs(a->z) > 3 && d < EXPLAIN_DIMS; d++) {
		if (most < 0 || fabs(a->along[d].mix) > fabs(a->along[most].mix))
			most = d;
		if (d == EXPLAIN_DIMS - 1 && (reversed >= 0 || fabs(a->along[most].mix) > 0.25 * fabs(a->change))) {
			most = reversed >= 0 ? reversed : most;
			whole.kind = reversed >= 0 ? CLAIM_REVERSAL : CLAIM_MIX;
			whole.test = "rate and mix along one dimension";
			whole.other = names[most];
			whole.value = a->along[most].rate;
			whole.mix = whole.before = a->along[most].mix;
			whole.effect = a->change;
			claims_add(c, &whole);
		}
	}
	buf_release(&labels);
}

/* ---- which are told */

/* Targets in front: they were set, not found among many. */
static int
by_p(const void *a, const void *b)
{
	const struct claim *x = a, *y = b;
	int order = (y->kind == CLAIM_TARGET) - (x->kind == CLAIM_TARGET);

	return order ? order : (x->p > y->p) - (x->p < y->p);
}

static int
by_score(const void *a, const void *b)
{
	const struct claim *x = a, *y = b;
	int order;

	if (x->score != y->score)
		return x->score > y->score ? -1 : 1;
	if ((order = str_cmp(x->metric, y->metric)) || (order = str_cmp(x->labels, y->labels)))
		return order;
	return (int)x->kind - (int)y->kind;
}

/* The same thing told twice: a change, a shift and a trend of one series are mostly one event. */
static int
same_thing(const struct claim *x, const struct claim *y)
{
	int moved_x = x->kind == CLAIM_CHANGE || x->kind == CLAIM_SHIFT || x->kind == CLAIM_TREND;
	int moved_y = y->kind == CLAIM_CHANGE || y->kind == CLAIM_SHIFT || y->kind == CLAIM_TREND;
	int far_x = x->kind == CLAIM_RECORD || x->kind == CLAIM_OUTLIER, far_y = y->kind == CLAIM_RECORD || y->kind == CLAIM_OUTLIER;

	if (x->kind == CLAIM_CORRELATION && y->kind == CLAIM_CORRELATION)       /* of several that go together one pair tells it */
		return str_eq(x->metric, y->metric) || str_eq(x->metric, y->other) || str_eq(x->other, y->metric) || str_eq(x->other, y->other);
	if (x->kind == CLAIM_CORRELATION || y->kind == CLAIM_CORRELATION)
		return 0;
	if (x->kind == CLAIM_SEASON && y->kind == CLAIM_SEASON)         /* the parts have the season of the whole, and most metrics that of their users */
		return x->n == y->n && (str_eq(x->metric, y->metric) || (x->lag == y->lag && x->step_ms == y->step_ms));
	return str_eq(x->metric, y->metric) && str_eq(x->field, y->field) && str_eq(x->labels, y->labels) && ((moved_x && moved_y) || (far_x && far_y));
}

void
claims_rank(struct claims *c, size_t most)
{
	size_t kept, targets = 0, n = 0;
	double tests;

	if (c->n == 0)
		return;
	qsort(c->list, c->n, sizeof(*c->list), by_p);
	while (targets < c->n && c->list[targets].kind == CLAIM_TARGET)
		targets++;
	kept = targets;
	tests = (double)(c->tests > c->n - targets ? c->tests : c->n - targets);
	for (size_t i = targets; i < c->n; i++)         /* Benjamini and Hochberg, J. of the Royal Statistical Society B 57, 1995 */
		if (c->list[i].p <= LEVEL * (double)(i - targets + 1) / tests)
			kept = i + 1;
	c->n = kept;
	qsort(c->list, c->n, sizeof(*c->list), by_score);
	for (size_t i = 0; i < c->n && n < most; i++) {
		size_t k = 0;

		while (k < n && !same_thing(&c->list[k], &c->list[i]))
			k++;
		if (k == n)
			c->list[n++] = c->list[i];
	}
	c->n = n;
}

/* ---- as prose */

int
claims_may_leave(const struct claim *x)
{
	static const char *const people[] = { "user_id", "session_id", "id", "email", "user", "ip", "phone", "name" };

	for (size_t i = 0; i < sizeof(people) / sizeof(*people); i++)
		if (json_is(json_get(json_value(x->labels), str_of(people[i])), JSON_NONE) == 0 || json_is(json_get(json_value(x->other_labels), str_of(people[i])), JSON_NONE) == 0)
			return 0;
	return x->group >= CLAIMS_SMALL && x->other_labels.n <= 2;
}

static int
same_metric(const struct claim *x, const struct claim *y)
{
	return str_eq(x->metric, y->metric) && str_eq(x->field, y->field);
}

static int
is_cause(const struct claim *x)
{
	return x->kind == CLAIM_CONTRIBUTION || x->kind == CLAIM_MIX || x->kind == CLAIM_REVERSAL;
}

/* Is the change there that it is a cause of? */
static int
is_told(const struct claims *c, const struct claim *cause)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->list[i].kind == CLAIM_CHANGE && same_metric(&c->list[i], cause) && c->list[i].from == cause->from && c->list[i].to == cause->to && c->list[i].labels.n <= 2)
			return 1;
	return 0;
}

static int
one_subject(const struct claim *x, const struct claim *y)
{
	return !is_cause(x) && !is_cause(y) && same_metric(x, y) && str_eq(x->labels, y->labels);
}

void
claims_put_prose(struct claims *c, struct buf *b, struct buf *why)
{
	const struct claim **order = mem_new((c->n + 1) * sizeof(*order));
	struct buf *text = mem_new((c->n + 1) * sizeof(*text)), *said = mem_new((c->n + 1) * sizeof(*said));
	struct str *own = mem_new((c->n + 1) * sizeof(*own));
	char *told = mem_new(c->n + 1);
	size_t n = 0;
	int sent = 0;

	for (size_t i = 0; i < c->n; i++)               /* all of a metric, subject by subject, then what drove it */
		for (int causes = 0; causes < 2; causes++)
			for (size_t k = i; k < c->n && !(told[i] && !causes); k++)
				if (same_metric(&c->list[i], &c->list[k]) && !told[k] && is_cause(&c->list[k]) == causes)
					for (size_t j = k; j < c->n; j++)
						if (!told[j] && (j == k || one_subject(&c->list[k], &c->list[j])))
							order[n++] = &c->list[j], told[j] = 1;
	for (size_t i = 0; i < n; i++)
		claims_write(c, order[i], i && order[i - 1]->kind != CLAIM_CORRELATION && one_subject(order[i - 1], order[i]), &text[i]);         /* "they" would be both */
	for (size_t i = 0; i < n; i++)                  /* of which change, where that is not told itself */
		if (is_cause(order[i]) && !is_told(c, order[i]) && !(i && is_cause(order[i - 1]) && same_metric(order[i - 1], order[i])))
			claims_write_periods(c, order[i], &text[i]);
	for (size_t i = 0; i < n && checked_model(); i++)
		if (claims_may_leave(order[i]))
			own[sent++] = buf_get(&text[i]);
	if (sent)
		checked_phrase(own, sent, said, why);
	sent = 0;
	for (size_t i = 0; i < n; i++) {
		struct buf *line = checked_model() && claims_may_leave(order[i]) ? &said[sent++] : &text[i];

		buf_str(b, buf_get(line));
		buf_lit(b, line->n && line->p[line->n - 1] == '.' ? "\n" : ".\n");
	}
	for (size_t i = 0; i < c->n; i++) {
		buf_release(&text[i]);
		buf_release(&said[i]);
	}
	free(order), free(text), free(said), free(own), free(told);
}

/* ---- as rows */

const char *
claims_kind(enum claim_kind kind)
{
	static const char *const names[CLAIM_KINDS] = { [CLAIM_CHANGE] = "change", [CLAIM_TREND] = "trend", [CLAIM_RECORD] = "anomaly", [CLAIM_SHIFT] = "change",
		[CLAIM_SEASON] = "season", [CLAIM_CONTRIBUTION] = "contribution", [CLAIM_MIX] = "contribution", [CLAIM_REVERSAL] = "contribution",
		[CLAIM_CORRELATION] = "correlation", [CLAIM_FORECAST] = "forecast", [CLAIM_OUTLIER] = "anomaly", [CLAIM_QUALITY] = "anomaly",
		[CLAIM_TARGET] = "forecast" };

	return names[kind];
}

static void
put_number(struct buf *b, const char *key, double v)
{
	json_put_more_double(b, key, isfinite(v) ? v : NAN);
}

void
claims_put_row(const struct claims *c, const struct claim *x, struct buf *b)
{
	static const char *const what[CLAIM_KINDS] = { "change", "trend", "record", "level shift", "season", "contribution", "mix", "reversal", "correlation", "forecast",
		"outlier", "data quality", "target" };
	struct buf text = {0};

	claims_write(c, x, 0, &text);
	buf_lit(b, "{\"insight\":");
	json_put_string(b, buf_get(&text));
	buf_printf(b, ",\"kind\":\"%s\",\"score\":", claims_kind(x->kind));
	json_put_double(b, nearbyint(x->score * 1e4) / 1e4 + 0.0);      /* and no -0 */
	buf_lit(b, ",\"metric\":");
	json_put_string(b, x->metric);
	buf_lit(b, ",\"labels\":");
	buf_str(b, x->labels);
	buf_lit(b, ",\"timestamp\":");
	json_put_time(b, x->to);
	if (x->field.p) {
		buf_lit(b, ",\"field\":");
		json_put_string(b, x->field);
	}
	buf_printf(b, ",\"evidence\":{\"claim\":\"%s\"", what[x->kind]);
	put_number(b, isnan(x->before) ? "value" : "current", x->value);
	if (!isnan(x->before))
		put_number(b, "previous", x->before);
	if (x->more) {
		char previous[60];

		snprintf(previous, sizeof(previous), "previous_%s", x->more);
		put_number(b, x->more, x->more_now);
		put_number(b, previous, x->more_before);
	}
	put_number(b, x->relative ? "change" : "difference", x->effect);
	put_number(b, "lower", x->lower);
	put_number(b, "upper", x->upper);
	put_number(b, "z", x->z);
	put_number(b, "p", x->p);
	put_number(b, "coverage", x->coverage);
	if (x->shared != 0)
		put_number(b, "shared", x->shared);
	if (x->kind == CLAIM_CONTRIBUTION && isfinite(x->share))
		put_number(b, "share", x->share);
	if (x->bounded) {
		put_number(b, "least", x->least);
		put_number(b, "most", x->most);
	}
	if ((x->kind == CLAIM_CONTRIBUTION && x->mix != 0) || x->kind == CLAIM_MIX || x->kind == CLAIM_REVERSAL)
		put_number(b, "mix", x->mix);
	if (x->kind == CLAIM_CORRELATION)
		put_number(b, "lag", x->lag);
	if (x->kind == CLAIM_SEASON)
		put_number(b, "period", x->n);
	if (x->kind == CLAIM_TARGET) {
		put_number(b, "target", x->target);
		put_number(b, "so_far", x->so_far);
		put_number(b, "chance", x->chance);
		buf_printf(b, ",\"direction\":\"%s\"", x->at_most ? "down" : "up");
	} else {
		put_number(b, "n", x->n);
	}
	if (x->other.n) {
		buf_lit(b, ",\"of\":");
		json_put_string(b, x->other);
	}
	if (x->test) {
		buf_lit(b, ",\"test\":");
		json_put_string(b, str_of(x->test));
	}
	json_put_more_time(b, "from", x->from);
	json_put_more_time(b, "to", x->to);
	if (x->before_from || x->before_to) {
		json_put_more_time(b, "previous_from", x->before_from);
		json_put_more_time(b, "previous_to", x->before_to);
	}
	if (x->query.n) {
		buf_lit(b, ",\"query\":");
		json_put_string(b, x->query);
	}
	buf_lit(b, "}}\n");
	buf_release(&text);
}

void
claims_put_rows(const struct claims *c, struct buf *b)
{
	for (size_t i = 0; i < c->n; i++) {
		if (i)
			buf_byte(b, ',');
		claims_put_row(c, &c->list[i], b);
		b->n--;                                 /* its line end */
	}
}
