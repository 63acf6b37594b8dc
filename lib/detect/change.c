/* The bytes of a change: version:1 (2), then the fields in the order of `each_field` (packing_priv.h). Version 1 had one kind of days, and held
 * nothing back; it is read as if days of both kinds had been so. */
#include "detect/change.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "base/time.h"
#include "detect/packing_priv.h"

#define FORMAT      2
#define HOUR_MS     3600000LL
#define WEEK_HOURS  168
#define DAY_HOURS   24
#define SATURDAY    2           /* of the weeks that the epoch began: on a Thursday */
#define WARM_UP     50          /* values before anything is told */
#define LEAST       8           /* values of the new kind, at least */
#define RAMP_LEAST  20          /* a ramp shows in */
#define MEMORY      64.0        /* values of the level, as long as hours are not known */
#define FOLLOWS     0.25        /* of it while something seems to change */
#define TRACKS      200.0       /* values in which a trend that was found is followed */
#define SLOW        500.0       /* values of what is slow: how neighbours go together, how much they differ */
#define NEW_KIND    0.25        /* of that on a day of a new kind: else a weekend would pass for neighbours that go together */
#define LEARNED     0.2         /* of an hour of the week by each time it comes */
#define UNITS_MOST  4.0         /* of one distance */
#define SLACK       0.5         /* units that are no sign */
#define JUMP        3.0         /* times what was in the sum before: the change begins here */
#define LEVEL_BAR   20.0        /* e^(2 * SLACK * LEVEL_BAR) values between false alarms, were they normal */
#define BEND_MOST   9.0         /* of one squared second difference, in shares of its mean */
#define VARIANCE_BAR 36.0       /* e^VARIANCE_BAR values, were they independent; neighbours share two thirds of a second difference */
#define ABRUPT      16          /* values in which a step shows that is no part of a wave */
#define BIGGEST     1e30        /* values beyond are cut to it: squares and their sums stay finite */
#define NEAR_MIDNIGHT (2 * HOUR_MS)     /* what begins there may have begun on the day before, that was of a new kind, */
#define HELD_HOURS  72          /* or on the one before that */
#define TIMES       1.5         /* the least change of a standard deviation that is told */

/* A sum that grows with what is not usual, and what came since it was 0. */
struct run {
	double  sum;
	int64_t since_ms, n;
	double  r, e, he, hh;   /* sums of distances r and of what is beyond the slack in them, with h hours since */
	double  usual;          /* sum of what was usual */
	double  q;              /* sum of squared differences in shares of their mean */
};

enum { UP, DOWN, WIDER, CALMER, RUNS };
enum kind { WEEKDAY, WEEKEND, KINDS };         /* of days */

struct change {
	int64_t n, born_ms, time_ms;    /* times of the first value and of the last */
	int64_t hour;                   /* of all time, local */
	int64_t visit;                  /* values in it so far */
	int64_t measured;               /* distances that units were learned of: begins anew when hours become known */
	int64_t by_hour;                /* 1 when they have */
	double  level, distance;        /* mean of the last values; the last distance */
	double  last[2];                /* values, the last first */
	double  offset, per_hour;       /* what levels and trends that were found add to the profile */
	double  spread;                 /* mean size of distances */
	double  square, with_next;      /* means of their squares, and of products of neighbours */
	double  bend;                   /* mean of squared second differences; at each hour of the day below */
	struct run run[RUNS];
	int64_t held_ms[DOWN + 1];      /* when a level began that was found on a day of a kind that was new, and is not told yet; 0: none */
	float   week[WEEK_HOURS], day[KINDS][DAY_HOURS], spread_at[KINDS][DAY_HOURS], bend_at[KINDS][DAY_HOURS];
	uint8_t week_known[WEEK_HOURS / 8], day_known[KINDS][DAY_HOURS / 8];
};

size_t
change_size(void)
{
	return sizeof(struct change);
}

struct change *
change_init(void *memory)
{
	return memset(memory, 0, sizeof(struct change));
}

static double
clamp(double x, double low, double high)
{
	return x < low ? low : x > high ? high : x;
}

static int
known(const uint8_t *bits, int i)
{
	return bits[i / 8] >> (i % 8) & 1;
}

/* A time within its hour, and the middle of the values of the hour, of which the mean is, when they come as this one did behind the one
 * before: those at 0, 5 … 55 minutes have theirs at 27.5. */
struct within { int64_t hour; double part, middle; };

static struct within
within_hour(int64_t local_ms, double hours)
{
	struct within w = { .hour = time_floor_div(local_ms, HOUR_MS) };
	double step = clamp(hours, 1.0 / 3600, 1);

	w.part = (double)(local_ms - w.hour * HOUR_MS) / (double)HOUR_MS;
	w.middle = step < 1 ? fmod(w.part, step) + (1 - step) / 2 : w.part;
	return w;
}

/* Of n hours that come round, what is usual in the middle between two that are known; NAN where they are not. */
static double
between(const float *at, const uint8_t *bits, int n, struct within w)
{
	int here = (int)(w.hour - time_floor_div(w.hour, n) * n), other = (here + (w.part < w.middle ? n - 1 : 1)) % n;
	double share = fabs(w.part - w.middle);

	if (!known(bits, here))
		return NAN;
	return known(bits, other) ? (double)at[here] * (1 - share) + (double)at[other] * share : (double)at[here];
}

/* How far a smooth curve may be from the lines between the means of its hours: an eighth of the second difference of those around it, and a
 * 24th by which the means are off themselves. What chance does to that difference does not count. */
static double
bulge_of(const float *at, const uint8_t *bits, int n, struct within w, double chance)
{
	int here = (int)(w.hour - time_floor_div(w.hour, n) * n), other = (here + (w.part < w.middle ? n - 1 : 1)) % n;
	double most = 0;

	for (int i = here; ; i = other) {
		int before = (i + n - 1) % n, behind = (i + 1) % n;

		if (known(bits, before) && known(bits, i) && known(bits, behind))
			most = fmax(most, fabs((double)at[before] - 2 * (double)at[i] + (double)at[behind]));
		if (i == other)
			return fmax(most - chance, 0) / 6;
	}
}

/* Of a local hour. */
static enum kind
kind_of(int64_t hour)
{
	int64_t day = time_floor_div(hour, DAY_HOURS);

	day -= time_floor_div(day, 7) * 7;
	return day == SATURDAY || day == SATURDAY + 1 ? WEEKEND : WEEKDAY;
}

/* How well is it known what is usual? By the level alone, by days of the other kind, by days of this kind or by this hour of the week. */
enum known { BY_LEVEL, BY_OTHERS, BY_ITSELF };

static double
usual_at(const struct change *c, struct within w, enum known *how)
{
	enum kind kind = kind_of(w.hour);
	double usual = between(c->week, c->week_known, WEEK_HOURS, w);

	*how = BY_ITSELF;
	if (isnan(usual))
		usual = between(c->day[kind], c->day_known[kind], DAY_HOURS, w);
	if (isnan(usual)) {
		*how = BY_OTHERS;
		usual = between(c->day[!kind], c->day_known[!kind], DAY_HOURS, w);
	}
	if (!isnan(usual))
		return usual + c->offset;
	*how = BY_LEVEL;
	return c->level;
}

/* What of a distance is not the lines'. hours: since the value before. */
static double
beyond_lines(const struct change *c, struct within w, double r, double unit, double hours)
{
	enum kind kind = kind_of(w.hour);
	double chance = 2 * unit * sqrt(6 * hours);
	double bulge = fmax(bulge_of(c->week, c->week_known, WEEK_HOURS, w, chance), bulge_of(c->day[kind], c->day_known[kind], DAY_HOURS, w, chance));

	return r > 0 ? fmax(r - bulge, 0) : fmin(r + bulge, 0);
}

/* An hour's mean: exact when it comes the first time, then by LEARNED each time it comes. */
static void
learn_hour(float *at, int is_known, double value, int64_t visit, double hours)
{
	double share = is_known ? clamp(LEARNED * hours, 1e-4, LEARNED) : 1 / (double)visit;

	*at = visit == 1 && !is_known ? (float)value : (float)((double)*at + share * (value - (double)*at));
}

static void
set_known(uint8_t *bits, int i)
{
	bits[i / 8] |= (uint8_t)(1 << (i % 8));
}

static void
learn_profile(struct change *c, int64_t local_ms, double value, double hours)
{
	int64_t hour = time_floor_div(local_ms, HOUR_MS);
	int week = (int)(c->hour - time_floor_div(c->hour, WEEK_HOURS) * WEEK_HOURS), day = week % DAY_HOURS;
	enum kind kind = kind_of(c->hour);

	if (hour != c->hour && c->visit) {
		/* hours of a day are of use when they come after one another */
		if (hour - c->hour < 6 && hour > c->hour) {
			set_known(c->week_known, week);
			set_known(c->day_known[kind], day);
		}
		c->visit = 0;
	}
	c->hour = hour;
	c->visit++;
	week = (int)(hour - time_floor_div(hour, WEEK_HOURS) * WEEK_HOURS), day = week % DAY_HOURS, kind = kind_of(hour);
	learn_hour(&c->week[week], known(c->week_known, week), value - c->offset, c->visit, hours);
	learn_hour(&c->day[kind][day], known(c->day_known[kind], day), value - c->offset, c->visit, hours);
}

static void
run_reset(struct change *c)
{
	memset(c->run, 0, sizeof(c->run));
}

/* 1 when the sum has passed the bar. */
static int
run_push(struct run *run, double sign, double bar, int64_t time_ms, double r, double slack, double usual, double q)
{
	double hours;

	if (run->sum + sign <= 0) {
		*run = (struct run){0};
		return 0;
	}
	if (sign >= UNITS_MOST - SLACK && fabs(r) > JUMP * fabs(run->r) / (double)(run->n ? run->n : 1)) {     /* only here it began, what was before it was chance: a ramp would be less steep */
		double sum = run->sum;

		*run = (struct run){ .sum = sum };
	}
	if (run->n++ == 0)
		run->since_ms = time_ms;
	hours = (double)(time_ms - run->since_ms) / (double)HOUR_MS;
	run->sum = fmin(run->sum + sign, 3 * bar);
	run->r += r, run->e += r - slack, run->he += hours * (r - slack), run->hh += hours * hours;
	run->usual += usual, run->q += q;
	return run->sum > bar && run->n >= LEAST;
}

/* What the distances since then come to: a step, or a ramp that begins there. */
static void
step_or_ramp(struct change *c, const struct run *run, int64_t time_ms, int hour_known, struct change_found *out)
{
	double n = (double)run->n, step = run->r / n, ramp = run->hh > 0 ? run->he / run->hh : 0;
	double hours = (double)(time_ms - run->since_ms) / (double)HOUR_MS;

	out->since_ms = run->since_ms;
	if (run->n >= RAMP_LEAST && ramp * run->he > 1.05 * run->e * run->e / n) {      /* of the squares, what each of them explains */
		out->kind = CHANGE_TREND;
		out->before = c->per_hour;
		out->after = c->per_hour + ramp;
		c->per_hour += ramp;
		if (hour_known)         /* else it may be the first day's wave */
			c->offset += ramp * hours;
		c->level += ramp * hours;
	} else {
		out->kind = CHANGE_LEVEL;
		out->before = run->usual / n;
		out->after = out->before + step;
		if (hour_known || run->n <= ABRUPT)     /* else it may be the first day's wave, that the profile is about to learn */
			c->offset += step;
		c->level = out->after;
	}
	c->distance = 0;
}

static int
other_variance(struct change *c, const struct run *run, struct change_found *out)
{
	double times = sqrt(run->q / (double)run->n);

	if (times < TIMES && times > 1 / TIMES)
		return 0;
	out->kind = CHANGE_VARIANCE;
	out->since_ms = run->since_ms;
	out->before = sqrt(c->bend / 6);        /* of independent values: six times the variance */
	out->after = out->before * times;
	c->bend *= times * times;
	for (int i = 0; i < KINDS * DAY_HOURS; i++)
		c->bend_at[i / DAY_HOURS][i % DAY_HOURS] *= (float)(times * times);
	return 1;
}

/* What is usual at this hour on days of its kind, else on others, else at all. */
static double
at_hour(float at[KINDS][DAY_HOURS], enum kind kind, int hour, double all)
{
	return at[kind][hour] > 0 ? (double)at[kind][hour] : at[!kind][hour] > 0 ? (double)at[!kind][hour] : all;
}

/* A level that seemed to begin on the first day of a kind might have been that day's. When it shows against that day on the next, or when days
 * of the other kind come again, it began then; what was learned of the hours since holds it already. */
static void
began_before(struct change *c, int64_t zone_ms, int side, double step, struct change_found *found)
{
	int64_t began = found->since_ms + zone_ms, of_day = began - time_floor_div(began, DAY_HOURS * HOUR_MS) * DAY_HOURS * HOUR_MS;
	int64_t from = time_floor_div(c->held_ms[side] + zone_ms, HOUR_MS);

	if (!c->held_ms[side] || found->kind != CHANGE_LEVEL || (of_day > NEAR_MIDNIGHT && DAY_HOURS * HOUR_MS - of_day > NEAR_MIDNIGHT) ||
	    c->hour < from || c->hour - from > HELD_HOURS)
		return;
	found->since_ms = c->held_ms[side];
	c->held_ms[side] = 0;
	for (int64_t hour = from; hour <= c->hour; hour++) {
		enum kind kind = kind_of(hour);
		double share = kind_of(hour - DAY_HOURS) == kind ? LEARNED : 1;

		c->week[hour - time_floor_div(hour, WEEK_HOURS) * WEEK_HOURS] -= (float)step;
		c->day[kind][hour - time_floor_div(hour, DAY_HOURS) * DAY_HOURS] -= (float)(share * step);
	}
}

/* A level that was found on a day of a new kind is not told yet. */
static void
hold(struct change *c, int side)
{
	if (c->held_ms[side] == 0 || c->run[side].since_ms - c->held_ms[side] > DAY_HOURS * HOUR_MS)
		c->held_ms[side] = c->run[side].since_ms;
}

/* The first value after a day of a new kind: what seemed to begin on that day is held like what was found on it, and not told by this value. */
static void
hold_runs(struct change *c, int64_t zone_ms, double hours)
{
	enum known before;

	if (c->run[UP].sum <= 0 && c->run[DOWN].sum <= 0)
		return;
	usual_at(c, within_hour(c->time_ms + zone_ms, hours), &before);
	for (int side = UP; side <= DOWN && before == BY_OTHERS; side++) {
		if (c->run[side].sum > LEVEL_BAR / 2)
			hold(c, side);
		c->run[side] = (struct run){0};
	}
}

/* A value beside what was known before it. */
struct beside {
	double value, usual, r;         /* r: from the usual */
	double unit;                    /* what is usual of r */
	double bend, bend_at, q;        /* how the last three values bend, squared; what is usual of it; how many times that */
	double passed, hours;           /* since the last value, in hours; at most one */
	double spread_at;
	int64_t time_ms, zone_ms;
	struct within within;
	enum known how;
	enum kind kind;
	int day;
};

/* A level that changed, at once or step by step: sums of how far the values are off beyond what they may be. 1: found; out. */
static int
level_change(struct change *c, const struct beside *b, struct change_found *out)
{
	int hour_known = b->how != BY_LEVEL;
	double together = c->square > 0 ? clamp(c->with_next / c->square, 0, 0.98) : 0;
	double far = b->unit * sqrt((1 + together) / (1 - together));
	double units = clamp((hour_known ? beyond_lines(c, b->within, b->r, b->unit, b->hours) : b->r) / far, -UNITS_MOST, UNITS_MOST);

	for (int side = UP; side <= DOWN; side++) {
		struct run *run = &c->run[side];
		double sign = side == UP ? 1 : -1;

		if (!run_push(run, sign * units - SLACK, LEVEL_BAR, b->time_ms, b->r, sign * SLACK * far, b->usual, 0) ||
		    (!hour_known && run->n > ABRUPT && run->sum < 2 * LEVEL_BAR))
			continue;
		if (b->how == BY_OTHERS) {
			hold(c, side);
			*run = (struct run){0};
			continue;
		}
		step_or_ramp(c, run, b->time_ms, hour_known, out);
		began_before(c, b->zone_ms, side, out->after - out->before, out);
		run_reset(c);
		return 1;
	}
	return 0;
}

/* A variance that changed: log likelihood ratios of four times, and a quarter of, the usual. 1: found; out. */
static int
variance_change(struct change *c, const struct beside *b, struct change_found *out)
{
	double wide = fmin(b->q, BEND_MOST);

	for (int side = WIDER; side <= CALMER && b->how != BY_OTHERS; side++) {
		double sign = side == WIDER ? 0.5 * (0.75 * wide - log(4)) : 0.5 * (log(4) - 3 * wide);

		if (!run_push(&c->run[side], sign, VARIANCE_BAR, b->time_ms, 0, 0, 0, fmin(b->q, 100)))
			continue;
		if (other_variance(c, &c->run[side], out)) {
			run_reset(c);
			return 1;
		}
		c->run[side] = (struct run){0};
	}
	return 0;
}

/* The level, what is usual of the distance from it and of how values bend, at this hour of such days too. c->n has the value. */
static void
learn_usual(struct change *c, const struct beside *b)
{
	double share = 1 / (double)(c->n < (int64_t)MEMORY ? c->n : (int64_t)MEMORY), size = fabs(b->r), cut, most = UNITS_MOST * b->unit;
	float *spread_at = &c->spread_at[b->kind][b->day], *bend_at = &c->bend_at[b->kind][b->day];

	if (++c->measured > 10 && c->spread > 1e-3 * fabs(b->value - b->usual))
		size = fmin(size, most);
	cut = b->r < 0 ? -size : size;
	if (fmax(c->run[UP].sum, c->run[DOWN].sum) > LEVEL_BAR / 4)
		share *= FOLLOWS;
	c->level += share * (clamp(b->value, c->level - 4 * most, c->level + 4 * most) - c->level);
	if (b->how != BY_OTHERS)
		c->spread += (size - c->spread) / (double)(c->measured < 200 ? c->measured : 200);
	if (c->measured > WARM_UP / 2 && b->how != BY_OTHERS)
		*spread_at = (float)(*spread_at > 0 ? b->spread_at + (size - b->spread_at) * clamp(LEARNED * b->hours, 1e-3, 0.1) : b->spread_at);
	if (c->per_hour != 0 && b->how == BY_ITSELF) {  /* a trend that was found a little wrong must not lead away */
		c->offset = clamp(c->offset + cut / TRACKS, -BIGGEST, BIGGEST);
		if (b->passed > 0)
			c->per_hour = clamp(c->per_hour + cut / (4 * TRACKS * TRACKS) / fmax(b->passed, 1e-6), -BIGGEST, BIGGEST);
	}
	share = fmax(1 / (double)c->measured, 1 / SLOW) * (b->how == BY_OTHERS ? NEW_KIND : 1);
	c->with_next += share * (cut * clamp(c->distance, -most, most) - c->with_next);
	c->square += share * (cut * cut - c->square);
	if (c->n > 2) {
		double cut_bend = c->n > 30 ? fmin(b->bend, BEND_MOST * b->bend_at) : b->bend, first = 1 / (double)(c->n - 2);

		c->bend += fmax(first, 1 / SLOW) * (cut_bend - c->bend);
		/* the first values are all there is to know, however near together they are */
		*bend_at = (float)(*bend_at > 0 ? b->bend_at + (cut_bend - b->bend_at) * fmax(first, clamp(LEARNED * b->hours, 1e-3, 0.1)) : c->bend);
	}
	c->distance = b->r;
}

/* The value beside what is usual at its time; `value` and `passed` and the times are known. */
static void
look(struct change *c, struct beside *b)
{
	int64_t local_ms = b->time_ms + b->zone_ms, hour = time_floor_div(local_ms, HOUR_MS);
	enum known how;

	b->hours = fmin(b->passed, 1);
	b->kind = kind_of(hour);
	b->day = (int)(hour - time_floor_div(local_ms, HOUR_MS * DAY_HOURS) * DAY_HOURS);
	b->within = within_hour(local_ms, b->hours);
	b->usual = usual_at(c, b->within, &how);
	b->how = how;                   /* nobody has an address in b: it stays in registers */
	b->spread_at = at_hour(c->spread_at, b->kind, b->day, c->spread);
	b->unit = 1.25 * (0.7 * b->spread_at + 0.3 * c->spread) + 1e-6 * fabs(b->usual) + DBL_MIN;
	b->r = b->value - b->usual;
	b->bend = b->value - 2 * c->last[0] + c->last[1];
	b->bend *= b->bend;
	b->bend_at = at_hour(c->bend_at, b->kind, b->day, c->bend);
	b->q = b->bend_at > 0 ? b->bend / b->bend_at : 1;
}

int
change_push(struct change *c, int64_t time_ms, int64_t zone_ms, double value, struct change_found *out)
{
	struct beside b = { .value = clamp(value, -BIGGEST, BIGGEST), .time_ms = time_ms, .zone_ms = zone_ms };
	int found = 0;

	b.passed = c->n ? clamp((double)(time_ms - c->time_ms) / (double)HOUR_MS, 0, 1e6) : 0;
	if (c->n == 0) {
		c->level = c->last[0] = c->last[1] = b.value;
		c->born_ms = time_ms;
		c->hour = time_floor_div(time_ms + zone_ms, HOUR_MS);
	}
	if (c->by_hour)
		c->offset = clamp(c->offset + c->per_hour * b.passed, -BIGGEST, BIGGEST);
	c->level = clamp(c->level + c->per_hour * b.passed, -BIGGEST, BIGGEST);
	look(c, &b);
	if (b.how != BY_LEVEL && !c->by_hour) {
		c->by_hour = 1;
		c->per_hour = 0;
		c->measured = 0;
		memset(c->spread_at, 0, sizeof(c->spread_at));
	}
	if (b.how != BY_LEVEL && b.how != BY_OTHERS && c->hour != b.within.hour)
		hold_runs(c, zone_ms, b.hours);
	if (c->n >= WARM_UP && c->measured >= WARM_UP / 2)
		found = level_change(c, &b, out) || variance_change(c, &b, out);
	c->n++;
	if (!found)
		learn_usual(c, &b);
	learn_profile(c, time_ms + zone_ms, b.value, b.hours);
	c->last[1] = c->last[0];
	c->last[0] = b.value;
	c->time_ms = time_ms;
	return found;
}

static void
each_field(struct packing *p, struct change *c)
{
	double *numbers[] = { &c->level, &c->distance, &c->offset, &c->per_hour, &c->spread, &c->square, &c->with_next, &c->last[0],
		&c->last[1], &c->bend };
	int kinds = p->version < 2 ? 1 : KINDS;
	int64_t *times[] = { &c->n, &c->born_ms, &c->time_ms, &c->hour, &c->visit, &c->measured, &c->by_hour };

	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		PACK(p, *times[i]);
		p->failed |= *times[i] > INT64_MAX / 8 || *times[i] < INT64_MIN / 8;
	}
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		PACK(p, *numbers[i]);
		detect_pack_expect(p, *numbers[i], -PACKED_MOST);
	}
	for (int i = 0; i < RUNS; i++) {
		struct run *run = &c->run[i];
		double *sums[] = { &run->sum, &run->r, &run->e, &run->he, &run->hh, &run->usual, &run->q };

		PACK(p, run->since_ms);
		PACK(p, run->n);
		for (size_t k = 0; k < sizeof(sums) / sizeof(sums[0]); k++) {
			PACK(p, *sums[k]);
			p->failed |= !isfinite(*sums[k]);
		}
		p->failed |= run->n < 0 || run->n > INT64_MAX / 8 || run->since_ms > INT64_MAX / 8 || run->since_ms < INT64_MIN / 8 || run->sum < 0;
	}
	PACK_ALL(p, c->week);
	for (int kind = 0; kind < kinds; kind++)
		PACK_ALL(p, c->day[kind]);
	for (int kind = 0; kind < kinds; kind++)
		PACK_ALL(p, c->spread_at[kind]);
	for (int kind = 0; kind < kinds; kind++)
		PACK_ALL(p, c->bend_at[kind]);
	PACK_ALL(p, c->week_known);
	for (int kind = 0; kind < kinds; kind++)
		PACK_ALL(p, c->day_known[kind]);
	if (kinds == 1) {
		memcpy(c->day[WEEKEND], c->day[WEEKDAY], sizeof(c->day[WEEKDAY]));
		memcpy(c->spread_at[WEEKEND], c->spread_at[WEEKDAY], sizeof(c->spread_at[WEEKDAY]));
		memcpy(c->bend_at[WEEKEND], c->bend_at[WEEKDAY], sizeof(c->bend_at[WEEKDAY]));
		memcpy(c->day_known[WEEKEND], c->day_known[WEEKDAY], sizeof(c->day_known[WEEKDAY]));
	} else
		for (int side = UP; side <= DOWN; side++) {
			PACK(p, c->held_ms[side]);
			p->failed |= c->held_ms[side] > INT64_MAX / 8 || c->held_ms[side] < INT64_MIN / 8;
		}
	for (int i = 0; i < WEEK_HOURS; i++)
		detect_pack_expect(p, (double)c->week[i], -PACKED_MOST);
	for (int i = 0; i < DAY_HOURS; i++) {
		for (int kind = 0; kind < KINDS; kind++) {
			detect_pack_expect(p, (double)c->day[kind][i], -PACKED_MOST);
			detect_pack_expect(p, (double)c->spread_at[kind][i], 0);
			detect_pack_expect(p, (double)c->bend_at[kind][i], 0);
		}
	}
	detect_pack_expect(p, c->spread, 0);
	detect_pack_expect(p, c->square, 0);
	detect_pack_expect(p, c->bend, 0);
	p->failed |= c->n < 0 || c->visit < 0 || c->measured < 0;
}

void
change_put(const struct change *c, struct buf *to)
{
	struct packing p = { .to = to, .version = FORMAT };
	struct change copy = *c;

	buf_byte(to, FORMAT);
	each_field(&p, &copy);
}

int
change_read(struct change *c, struct str *bytes, struct err *err)
{
	struct packing p = { .from = bytes };

	change_init(c);
	if (detect_pack_version(&p, 1, FORMAT))
		each_field(&p, c);
	return p.failed ? err_set(err, ERR_CORRUPT, "what was saved of changes is damaged or of another version") : 0;
}
