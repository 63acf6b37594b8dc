/* The bytes of a model: version:1 (3), then the fields in the order of `each_field`, integers and doubles as eight bytes,
 * floats as four, counts as two or one, all little-endian. Version 1 had no `born`, `fatigue`, `usual` and `away`, and another
 * stream where SHORT_RESIDUAL is; version 2 had one plane; both are read, and what is new is learned from there on. */
#include "detect/model.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "detect/packing_priv.h"

#define FORMAT      3
#define BINS        40          /* 16 to 32 bins span the range seen, two more are its edges */
#define FINE        5           /* 2^5 bins of the finest kind span the range at most */
#define CELLS       20          /* the same at half the fineness, for the two streams that are looked at together */
#define HOURS       168         /* of a week */
#define DAY_HOURS   24
#define QUARTERS    96          /* of a day */
#define WARM_UP     100         /* values before anything is said */
#define RAMP        100.0       /* values after which it is half sure of itself */
#define FIRST_RATE  0.03        /* how novel a stream is taken for at first */
#define MEMORY      3000        /* values over which a stream learns how often it is novel */
#define REFRACTORY  150.0       /* values, */
#define PACE_MS     300000.0    /* those that are nearer together count less: by the root of their distance over this */
#define AGAIN       1.5         /* an alarm is told again within that time only when it is so much worse */
#define GOES_ON     1.2         /* what an incident that lasts keeps the bar at, in shares of its score */
#define FORGIVEN    5000.0      /* values over which alarms are forgotten */
#define BAR_RISES   0.05        /* the threshold with each alarm that is not forgotten; more when values are near together, */
#define DENSE       0.2         /* five times as much at most: it is by the week that people count alarms */
#define LONGER      0.3         /* and the refractory time */
#define STRANGE     0.5         /* of novelty at first, a tenth after two days: hours come that were never seen */
#define NOVEL_HALF  0.3         /* mean novelty that makes a score of one half */
#define DOUBT       0.8         /* of novelty that no tail confirms */
#define ONE_HALF    0.28        /* what comes of it that is printed as 0.5 */
#define SURE        5.0         /* -log10 of a tail that does */
#define EXTREME     10.0        /* -log10 of a tail that lifts the score by a quarter of what is left to 1, twice that at most */
#define SURPRISE    0.3         /* the most that surprise alone can add up to, before it is printed */
#define BAND        3.0         /* -log10 of the share outside the band */
#define TAIL        0.05        /* the share of distances that is the tail */
#define TAIL_VALUES 100         /* of the tail: memory of its fit */
#define BIGGEST     1e37        /* values beyond are cut to it: floats and squares stay finite */
#define LEAP        10.0        /* standard deviations: the most that one value moves a forecast's aim */

enum stream { VALUE, WEEKLY, SHORT_RESIDUAL, SHORT_MEAN, VARIATION, STREAMS, PLANE = STREAMS, PLANES = 2, ALL = PLANE + PLANES };

_Static_assert(BINS % 4 == 0 && CELLS % 4 == 0, "four counts are looked at together");

static const double weights[ALL] = { 1, 1, 1, 1, 0.5, 1, 1 };

/* Counts of values in bins of width 2^step; bin i holds [(base + i) · 2^step, (base + i + 1) · 2^step). When the range
 * grows two bins become one, until it fits again. */
struct bins {
	int64_t  n, step, base;
	double   min, max;
	uint16_t count[BINS];
};

/* How far distances reach: their quantile 1 - TAIL, and the moments of what lies beyond. */
struct tail {
	int64_t n, beyond;
	double  edge, mean, var;
};

enum { DISTANCE, SHORT_DRIFT, LONG_DRIFT, TAILS };
enum { LAST, BY_WEEK, BY_DAY, FORECASTS };

struct model {
	int64_t n;                      /* values seen */
	uint16_t near[PLANES];          /* the cell of the last one in each plane: the next one's is near; not of the bytes */
	double  last, mean6, mean24, mean30, var30, mean100, var100;
	double  error[FORECASTS];       /* recent mean of each forecast's distance */
	double  scale;                  /* robust standard deviation of the best one's */
	double  drift6, drift24;        /* means of its signed distance */
	double  rate[ALL];              /* how novel each stream is as a rule */
	double  peak, sinking;          /* what the last alarm left, and by how much it sinks with a value */
	double  fatigue;                /* alarms, those long ago count less */
	double  lean;                   /* times the odds of the threshold */
	int64_t born, latest;           /* local times of the first value and of the one before */
	double  usual;                  /* mean distance from the day's profile */
	double  away;                   /* short mean of it in units of what is usual at the hour, signed */
	struct tail tails[TAILS];
	struct bins bins[STREAMS];
	struct bins across, down[PLANES];       /* the long mean, and its variation; and the short residual */
	float   usual_at[DAY_HOURS];
	uint8_t week_seen[HOURS / 8], day_seen[QUARTERS / 8];
	/* up to here each value asks for all, of what follows for an item or two */
	uint8_t cells[PLANES][CELLS][CELLS];
	float   week[HOURS], day[QUARTERS];
};

size_t
model_size(void)
{
	return sizeof(struct model);
}

struct model *
model_init(void *memory)
{
	struct model *m = memset(memory, 0, sizeof(*m));

	m->lean = 1;
	return m;
}

void
model_lean(struct model *m, double times)
{
	m->lean = times;
}

static double
clamp(double x, double low, double high)
{
	return x < low ? low : x > high ? high : x;
}

/* The step at which the range spans half of 2^FINE bins to all of them; not finer than a double can tell. */
static int64_t
step_of(double min, double max)
{
	int e, finest;

	frexp(fmax(fabs(min), fabs(max)), &finest);
	finest -= 45;
	if (max <= min)
		return finest;
	frexp(max - min, &e);
	return e - FINE > finest ? e - FINE : finest;
}

/* value / 2^step: as ldexp, without a call where a double has the power. */
static double
in_steps(double value, int64_t step)
{
	union { uint64_t bits; double power; } times;

	if (step < -1000 || step > 1000)
		return ldexp(value, (int)-step);
	times.bits = (uint64_t)(1023 - step) << 52;
	return value * times.power;
}

/* The bin of a value as a whole number, relative to base; far out it is only far out. */
static double
bin_of(const struct bins *b, double value)
{
	return floor(in_steps(value, b->step)) - (double)b->base;
}

static int
within(double i, int n)
{
	return i < 0 ? 0 : i >= n ? n - 1 : (int)i;
}

/* 1 where no value was before, falling with the count: of its own bin and the nearer neighbour, so that it does not matter
 * where bins begin. */
static double
novelty(const struct bins *b, double value)
{
	double place = in_steps(value, b->step), whole = floor(place), at = whole - (double)b->base;
	unsigned count = 0;
	int64_t first;

	if (at < -1 || at > BINS)
		return 1;
	first = (int64_t)at - (place - whole < 0.5);
	for (int64_t i = first; i < first + 2; i++)
		if (i >= 0 && i < BINS)
			count += b->count[i];
	return 1 / (1.0 + count);
}

/* Where the bin that was number `old` is now. */
static int64_t
moved(int64_t old, int64_t steps)
{
	return steps > 62 ? -(old < 0) : old >> steps;
}

static void
widen(struct bins *b, double value)
{
	double min = fmin(b->min, value), max = fmax(b->max, value);
	struct bins was = *b;
	int64_t steps;

	b->step = step_of(min, max) > was.step ? step_of(min, max) : was.step;
	b->base = (int64_t)floor(in_steps(min, b->step));
	b->min = min;
	b->max = max;
	steps = b->step - was.step;
	memset(b->count, 0, sizeof(b->count));
	for (int i = 0; i < BINS; i++) {
		uint16_t *to;
		uint64_t four;

		if (i % 4 == 0 && (memcpy(&four, &was.count[i], sizeof(four)), !four)) {        /* as most are */
			i += 3;
			continue;
		}
		if (!was.count[i])
			continue;
		to = &b->count[within((double)(moved(was.base + i, steps) - b->base), BINS)];
		*to = (uint16_t)(*to + was.count[i] < UINT16_MAX ? *to + was.count[i] : UINT16_MAX);
	}
}

/* A monster widens the range to three times what it was, not to its own height: what comes after is still told apart. */
static double
tamed(const struct bins *b, double value)
{
	double range = b->max - b->min;

	return b->n < WARM_UP || range <= 0 ? value : clamp(value, b->min - range, b->max + range);
}

static void
count(struct bins *b, double value)
{
	uint16_t *to;

	value = tamed(b, value);

	if (b->n == 0) {
		b->min = b->max = value;
		b->step = step_of(value, value);
		b->base = (int64_t)floor(in_steps(value, b->step));
	} else if (value < b->min || value > b->max)
		widen(b, value);
	to = &b->count[within(bin_of(b, value), BINS)];
	if (*to < UINT16_MAX)
		++*to;
	b->n++;
}

/* Two streams together: a cell is two bins of each. */
static int
cell_of(const struct bins *b, double value, int *outside)
{
	double at = floor((bin_of(b, value) + (double)(b->base & 1)) / 2);

	*outside |= at < 0 || at >= CELLS;
	return within(at, CELLS);
}

/* The cells as they were go to where their bins are now. */
static void
move_cells(uint8_t cells[CELLS][CELLS], int64_t base_x, int64_t steps_x, const struct bins *across, int64_t base_y, int64_t steps_y,
    const struct bins *down)
{
	uint8_t was[CELLS][CELLS];

	memcpy(was, cells, sizeof(was));
	memset(cells, 0, sizeof(was));
	for (int a = 0; a < CELLS; a++) {
		int row = within((double)(moved((base_x >> 1) + a, steps_x) - (across->base >> 1)), CELLS);

		for (int b = 0; b < CELLS; b++) {
			uint8_t *to;
			uint32_t four;

			if (b % 4 == 0 && (memcpy(&four, &was[a][b], sizeof(four)), !four)) {   /* as most are */
				b += 3;
				continue;
			}
			if (!was[a][b])
				continue;
			to = &cells[row][within((double)(moved((base_y >> 1) + b, steps_y) - (down->base >> 1)), CELLS)];
			*to = (uint8_t)(*to + was[a][b] < UINT8_MAX ? *to + was[a][b] : UINT8_MAX);
		}
	}
}

/* Within the range seen: counting it moves no bin. */
static int
is_usual(const struct bins *b, double value)
{
	return b->n && value >= b->min && value <= b->max;
}

/* Of each plane: x together with one of y. */
static void
novelty_together(struct model *m, double x, const double *y, double *novel)
{
	int64_t step_x = m->across.step, base_x = m->across.base;
	int first = m->across.n == 0, outside = first, i = cell_of(&m->across, x, &outside), is_usual_x = is_usual(&m->across, x);
	int at[PLANES];

	count(&m->across, x);
	for (int k = 0; k < PLANES; k++) {
		struct bins *down = &m->down[k];
		int64_t step_y = down->step, base_y = down->base;
		int out = outside || down->n == 0, j = cell_of(down, y[k], &out), is_young = down->n < WARM_UP, is_usual_y = is_usual(down, y[k]);

		novel[k] = is_young ? 0 : out ? 1 : 1 / (1.0 + m->cells[k][i][j]);
		if (down->n == 0)
			memset(m->cells[k], 0, sizeof(m->cells[k]));    /* whatever a saved model says */
		count(down, y[k]);
		at[k] = is_usual_y ? j : cell_of(down, tamed(down, y[k]), &out);
		if (!first && down->n > 1 && (m->across.step != step_x || m->across.base != base_x || down->step != step_y || down->base != base_y))
			move_cells(m->cells[k], base_x, m->across.step - step_x, &m->across, base_y, down->step - step_y, down);
	}
	if (!is_usual_x)
		i = cell_of(&m->across, tamed(&m->across, x), &outside);
	for (int k = 0; k < PLANES; k++) {
		uint8_t *to = &m->cells[k][i][at[k]];

		if (*to < UINT8_MAX)
			++*to;
		m->near[k] = (uint16_t)(i * CELLS + at[k]);
	}
}

/* The tail beyond `edge` as a generalised Pareto distribution with 0 ≤ shape ≤ 1/2, by its mean and variance. The mean
 * begins at half the edge, as if 20 values had said so. */
static void
fit(const struct tail *t, double *shape, double *scale)
{
	double mean = (t->mean * (double)t->beyond + t->edge * 0.5 * 20) / ((double)t->beyond + 20);

	*shape = t->beyond > 10 && t->var > 0 ? 0.5 * (1 - mean * mean / t->var) : 0;
	*shape = *shape < 0 ? 0 : *shape > 0.5 ? 0.5 : *shape;
	*scale = fmax(mean * (1 - *shape), DBL_MIN);
}

/* -log10 of the share of distances beyond x; 0 within the usual, or while too little is known. */
static double
rarity(const struct tail *t, double x)
{
	double shape, scale;

	if (t->n < 50 || x <= t->edge)
		return 0;
	fit(t, &shape, &scale);
	x = (x - t->edge) / scale;
	return fmin(-log10(TAIL) + (shape > 1e-3 ? log1p(shape * x) / shape : x) / M_LN10, 300);
}

/* The distance beyond which the share 10^-rare lies. */
static double
reach(const struct tail *t, double rare)
{
	double shape, scale, x = (rare + log10(TAIL)) * M_LN10;

	fit(t, &shape, &scale);
	return t->edge + scale * (shape > 1e-3 ? expm1(shape * x) / shape : x);
}

static void
learn_tail(struct tail *t, double x)
{
	double step, excess;

	if (t->n++ == 0) {
		t->edge = x;
		return;
	}
	step = 2 * (t->edge > 0 ? t->edge : x) * fmax(1.0 / (double)t->n, 0.005);       /* in shares of itself: any unit will do */
	if (t->n < 30)
		step = fmax(step, 0.3 * fabs(x - t->edge));
	t->edge += x > t->edge ? step * (1 - TAIL) : -step * TAIL;
	if ((excess = x - t->edge) <= 0)
		return;
	if (t->beyond++ >= 10)
		excess = fmin(excess, 10 * t->mean);    /* one monster must not make the next one usual */
	step = 1.0 / (double)(t->beyond < TAIL_VALUES ? t->beyond : TAIL_VALUES);
	excess -= t->mean;
	t->mean += step * excess;
	t->var = (1 - step) * (t->var + step * excess * excess);
}

static int
seen(uint8_t *bits, int i)
{
	int was = bits[i / 8] >> (i % 8) & 1;

	bits[i / 8] |= (uint8_t)(1 << (i % 8));
	return was;
}

/* An exponential mean over `span` values and the variance around it. */
static void
learn_moments(double *mean, double *var, double value, double span)
{
	double off = value - *mean;

	*mean += off / span;
	*var = (1 - 1 / span) * (*var + off * off / span);
}

/* A forecast follows the values, but not in leaps: one monster does not spoil it. */
static void
learn_aim(const struct model *m, double *aim, double value, double scale, double share)
{
	double leap = m->n <= WARM_UP ? INFINITY : LEAP * scale;

	*aim += share * clamp(value - *aim, -leap, leap);
}

static void
learn_aim32(const struct model *m, float *aim, double value, double scale)
{
	double exact = (double)*aim;

	learn_aim(m, &exact, value, scale, 0.3);
	*aim = (float)exact;
}

static int64_t
floor_mod(int64_t a, int64_t b)
{
	int64_t r = a % b;

	return r < 0 ? r + b : r;
}

/* The signed distance from the day's profile in units of what is usual at this hour: counts vary more where there are more. */
static double
in_units(struct model *m, int hour, double residual)
{
	double at = m->usual_at[hour] > 0 ? (double)m->usual_at[hour] : m->usual, usual = 0.8 * at + 0.2 * m->usual, size = fabs(residual);
	double units = usual > 0 ? residual / (1.25 * usual) : 0;       /* of a normal distribution: standard deviations */

	if (m->n > 50)
		size = fmin(size, 4 * usual);
	m->usual += (size - m->usual) / (double)(m->n < 200 ? m->n + 1 : 200);
	m->usual_at[hour] = (float)(m->usual_at[hour] > 0 ? at + (size - at) * 0.05 : m->usual);
	return units;
}

/* Seen from where alarms are decided, a score of ONE_HALF is one half. */
static double
as_printed(double score)
{
	return score / (score + ONE_HALF / (1 - ONE_HALF) * (1 - score));
}

/* What is left to the last alarm of the refractory time is the peak; returns 1 when the score rises above it. A series that
 * alarms often is believed less: its bar rises. */
static int
alarms(struct model *m, double score, double threshold, int64_t elapsed_ms)
{
	double pace = elapsed_ms <= 0 ? 0 : fmin(sqrt((double)elapsed_ms / PACE_MS), 1);
	double odds = threshold * m->lean, least = odds / (odds + (1 - ONE_HALF) / ONE_HALF * (1 - threshold));        /* as_printed backwards */
	int high = score >= least * (1 + BAR_RISES * m->fatigue / fmax(pace * pace, DENSE)) && m->n > WARM_UP, alarm = high && score > m->peak;

	m->fatigue -= m->fatigue * pace / FORGIVEN;
	if (alarm) {
		m->peak = score * AGAIN;
		m->sinking = m->peak / (REFRACTORY * (1 + LONGER * m->fatigue));
		m->fatigue++;
	} else if (high)
		m->peak = fmax(m->peak, score * GOES_ON);
	m->peak = fmax(m->peak - m->sinking * pace, 0);
	return alarm;
}

static void
when(int64_t local_ms, int *hour, int *quarter)
{
	*hour = (int)(floor_mod(local_ms, 7 * 86400000LL) / 3600000);
	*quarter = (int)(floor_mod(local_ms, 86400000) / 900000);
}

void
model_fetch(const struct model *m, int64_t local_ms)
{
	const char *from = (const char *)m, *to = (const char *)m->cells;
	int hour, quarter;

	when(local_ms, &hour, &quarter);
	__builtin_prefetch(&m->week[hour], 1);          /* nothing that is asked for here helps these by lying beside them: first */
	__builtin_prefetch(&m->day[quarter], 1);
	for (int k = 0; k < PLANES; k++)
		__builtin_prefetch(&m->cells[k][0][0] + m->near[k], 1);
	for (; from < to; from += 64)
		__builtin_prefetch(from, 1);
}

/* One value and what was known before it. */
struct moment {
	double value, scale, off;       /* off: from what the best forecast said */
	int hour, quarter, has_week, has_day;
};

/* What would be expected: the forecast that was nearest of late; which. */
static int
expect(const struct model *m, const struct moment *at, double forecast[FORECASTS], struct verdict *out)
{
	double half;
	int best = 0;

	forecast[LAST] = m->last;
	forecast[BY_WEEK] = at->has_week ? (double)m->week[at->hour] : m->last;
	forecast[BY_DAY] = at->has_day ? (double)m->day[at->quarter] : m->last;
	for (int i = 1; i < FORECASTS; i++)
		if (m->error[i] < m->error[best])
			best = i;
	half = m->tails[DISTANCE].n < 50 ? 4 * m->scale : reach(&m->tails[DISTANCE], BAND);
	out->expected = forecast[best];
	out->lower = out->expected - half;
	out->upper = out->expected + half;
	if (m->bins[VALUE].n && m->bins[VALUE].min >= 0 && out->lower < 0)
		out->lower = 0;                 /* what was never negative is not expected to be */
	return best;
}

/* How far off it is, from 0 to 1; the forecasts' errors and what is usual of them learn from it. */
static double
surprise_of(struct model *m, const struct moment *at, const double forecast[FORECASTS])
{
	double surprise = m->n < 20 ? 0 : fmin(fabs(at->off) / at->scale, 1e6);
	double distance = 1.25 * fabs(at->off); /* of a normal distribution: the standard deviation by the mean distance */

	for (int i = 0; i < FORECASTS; i++) {
		double error = fabs(at->value - forecast[i]);

		if (m->error[i] > 0)
			error = fmin(error, 10 * m->error[i]);
		m->error[i] += (error - m->error[i]) / (double)(m->n < 50 ? m->n + 1 : 50);
	}
	if (m->n > 10)
		distance = fmin(distance, 4 * at->scale);
	m->scale += (distance - m->scale) / (double)(m->n < 200 ? m->n + 1 : 200);
	return surprise * surprise / (surprise * surprise + 16);
}

/* How rare it is that one is so far off, or drifts so far: the rarest of the three. */
static double
rarity_of(struct model *m, const struct moment *at)
{
	double distance[TAILS], drift = clamp(at->off, -2 * LEAP * at->scale, 2 * LEAP * at->scale), rare = 0;

	m->drift6 += (drift - m->drift6) / 6;
	m->drift24 += (drift - m->drift24) / 24;
	distance[DISTANCE] = fabs(at->off);
	distance[SHORT_DRIFT] = fabs(m->drift6);
	distance[LONG_DRIFT] = fabs(m->drift24);
	for (int i = 0; i < TAILS; i++) {
		rare = fmax(rare, rarity(&m->tails[i], distance[i]));
		learn_tail(&m->tails[i], distance[i]);
	}
	return rare;
}

/* How new it is, each stream weighed by how seldom it says so: from 0 to 1. What lies far away in the model is asked for late, when model_fetch has
 * brought it. */
static double
novelty_of(struct model *m, const struct moment *at)
{
	double x[STREAMS], novel[ALL], sum = 0, all = 0, tame, tiny;

	x[VALUE] = at->value;
	x[WEEKLY] = at->value - (at->has_week ? (double)m->week[at->hour] : m->mean24);
	m->away += (clamp(in_units(m, at->quarter / 4, at->value - (at->has_day ? (double)m->day[at->quarter] : m->mean24)), -LEAP, LEAP) - m->away) / 6;
	x[SHORT_RESIDUAL] = m->away;
	tame = tamed(&m->bins[VALUE], at->value);
	learn_moments(&m->mean30, &m->var30, tame, 30);
	learn_moments(&m->mean100, &m->var100, tame, 100);
	m->mean6 += (tame - m->mean6) / 6;
	m->mean24 += (tame - m->mean24) / 24;
	learn_aim(m, &m->last, at->value, at->scale, 1 / 3.0);
	x[SHORT_MEAN] = m->mean6;
	tiny = 1e-6 * fabs(m->mean30) + 1e-6 * (m->bins[VALUE].max - m->bins[VALUE].min) + DBL_MIN;     /* so that a flat line has a logarithm */
	x[VARIATION] = log(sqrt(m->var30) + tiny);
	for (int i = 0; i < STREAMS; i++)
		novel[i] = m->bins[i].n < WARM_UP ? 0 : novelty(&m->bins[i], clamp(x[i], -BIGGEST, BIGGEST));
	novelty_together(m, m->mean24, (double[PLANES]){ log(sqrt(m->var100) + tiny), m->away }, &novel[PLANE]);
	m->n++;
	for (int i = 0; i < ALL; i++) {
		double trust = m->n <= WARM_UP + 1 ? -log10(FIRST_RATE) / 2.5 : clamp(-log10(m->rate[i]) / 2.5, 0, 1);

		sum += weights[i] * novel[i] * trust;
		all += weights[i];
		if (m->n <= WARM_UP)
			m->rate[i] = FIRST_RATE;
		else
			m->rate[i] += (novel[i] - m->rate[i]) * fmax(1.0 / (double)(m->n - WARM_UP + 10), 1.0 / MEMORY);
	}
	for (int i = 0; i < STREAMS; i++)
		count(&m->bins[i], clamp(x[i], -BIGGEST, BIGGEST));
	return sum / all;
}

static void
learn_profiles(struct model *m, const struct moment *at)
{
	if (at->has_week)
		learn_aim32(m, &m->week[at->hour], at->value, at->scale);
	else
		m->week[at->hour] = (float)at->value;
	if (at->has_day)
		learn_aim32(m, &m->day[at->quarter], at->value, at->scale);
	else
		m->day[at->quarter] = (float)at->value;
}

/* New, and the more so where it is rare too; or off. days: since the first value. */
static double
score_of(const struct model *m, double new, double rare, double surprise, double days)
{
	double score = 0;

	if (m->n > WARM_UP) {
		score = new * (double)m->n / ((double)m->n + RAMP);
		score = score / (score + NOVEL_HALF) * (rare >= SURE ? 1 : DOUBT);
		score *= 1 - STRANGE / (1 + days * days);
		rare = rare * rare / (EXTREME * EXTREME);
		score += (1 - score) * 0.5 * rare / (1 + rare);
	}
	return fmax(score, m->n > 20 ? SURPRISE * surprise : 0);
}

void
model_push(struct model *m, int64_t local_ms, double value, double threshold, struct verdict *out)
{
	struct moment at = { .value = clamp(value, -BIGGEST, BIGGEST) };
	double forecast[FORECASTS], surprise, rare, new, score;

	when(local_ms, &at.hour, &at.quarter);
	if (m->n == 0) {
		m->last = m->mean6 = m->mean24 = m->mean30 = m->mean100 = at.value;
		m->born = m->latest = local_ms;
	}
	at.has_week = seen(m->week_seen, at.hour);
	at.has_day = seen(m->day_seen, at.quarter);
	at.scale = m->scale > 0 ? m->scale : fmax(1e-9 * fabs(at.value), DBL_MIN);
	at.off = at.value - forecast[expect(m, &at, forecast, out)];
	surprise = surprise_of(m, &at, forecast);
	rare = rarity_of(m, &at);
	new = novelty_of(m, &at);
	learn_profiles(m, &at);
	score = score_of(m, new, rare, surprise, (double)(local_ms - m->born) / 86400000);
	out->score = as_printed(score);
	out->alarm = alarms(m, score, threshold, local_ms - m->latest);
	m->latest = local_ms;
}

void
model_push_least(struct model *m, int64_t local_ms, double value, double threshold, struct verdict *out)
{
	struct model before = *m;

	model_push(m, local_ms, value, threshold, out);
	if (value > out->expected)
		return;
	*m = before;
	out->score = 0;
	out->alarm = 0;
}

static void
pack_bins(struct packing *p, struct bins *b)
{
	PACK(p, b->n);
	PACK(p, b->step);
	PACK(p, b->base);
	PACK(p, b->min);
	PACK(p, b->max);
	PACK_ALL(p, b->count);
	/* a damaged step or range would lead out of the integers */
	if (!p->to && (b->n < 0 || b->step < -2000 || b->step > 2000 || !(fabs(b->min) < PACKED_MOST) || !(fabs(b->max) < PACKED_MOST) || b->max < b->min ||
	    b->base > (1LL << 48) || b->base < -(1LL << 48) || b->step < step_of(b->min, b->max)))
		p->failed = 1;
}

static void
each_field(struct packing *p, struct model *m)
{
	double *means[] = { &m->last, &m->mean6, &m->mean24, &m->mean30, &m->var30, &m->mean100, &m->var100, &m->scale, &m->drift6,
		&m->drift24, &m->peak, &m->sinking };

	PACK(p, m->n);
	for (size_t i = 0; i < sizeof(means) / sizeof(means[0]); i++)
		PACK(p, *means[i]);
	PACK_ALL(p, m->error);
	for (int i = 0; i < (p->version < 3 ? ALL - 1 : ALL); i++)
		PACK(p, m->rate[i]);
	if (p->version < 3)
		m->rate[ALL - 1] = m->n > WARM_UP ? FIRST_RATE : 0;
	for (int i = 0; i < TAILS; i++) {
		PACK(p, m->tails[i].n);
		PACK(p, m->tails[i].beyond);
		PACK(p, m->tails[i].edge);
		PACK(p, m->tails[i].mean);
		PACK(p, m->tails[i].var);
	}
	for (int i = 0; i < STREAMS; i++) {
		pack_bins(p, &m->bins[i]);
		if (p->version == 1 && i == SHORT_RESIDUAL)
			m->bins[i] = (struct bins){0};
	}
	pack_bins(p, &m->across);
	for (int k = 0; k < (p->version < 3 ? 1 : PLANES); k++) {
		pack_bins(p, &m->down[k]);
		for (int i = 0; i < CELLS; i++)
			PACK_ALL(p, m->cells[k][i]);
		p->failed |= m->down[k].n > m->across.n;
	}
	PACK_ALL(p, m->week);
	PACK_ALL(p, m->day);
	PACK_ALL(p, m->week_seen);
	PACK_ALL(p, m->day_seen);
	if (p->version == 1)
		m->born = m->latest = INT64_MIN / 4;
	else {
		PACK(p, m->born);
		PACK(p, m->latest);
		PACK(p, m->fatigue);
		PACK(p, m->usual);
		PACK(p, m->away);
		PACK_ALL(p, m->usual_at);
	}
	if (p->to)
		return;
	for (size_t i = 0; i < sizeof(means) / sizeof(means[0]); i++)
		detect_pack_expect(p, *means[i], -PACKED_MOST);
	for (int i = 0; i < ALL; i++)
		detect_pack_expect(p, m->rate[i], 0);
	for (int i = 0; i < FORECASTS; i++)
		detect_pack_expect(p, m->error[i], 0);
	for (int i = 0; i < TAILS; i++) {
		detect_pack_expect(p, m->tails[i].edge, 0);
		detect_pack_expect(p, m->tails[i].mean, 0);
		detect_pack_expect(p, m->tails[i].var, 0);
		p->failed |= m->tails[i].n < 0 || m->tails[i].beyond < 0;
	}
	for (int i = 0; i < HOURS; i++)
		detect_pack_expect(p, (double)m->week[i], -PACKED_MOST);
	for (int i = 0; i < QUARTERS; i++)
		detect_pack_expect(p, (double)m->day[i], -PACKED_MOST);
	for (int i = 0; i < DAY_HOURS; i++)
		detect_pack_expect(p, (double)m->usual_at[i], 0);
	detect_pack_expect(p, m->usual, 0);
	detect_pack_expect(p, m->away, -PACKED_MOST);
	detect_pack_expect(p, m->fatigue, 0);
	p->failed |= m->born > INT64_MAX / 4 || m->born < INT64_MIN / 4 || m->latest > INT64_MAX / 4 || m->latest < INT64_MIN / 4;
	detect_pack_expect(p, m->var30, 0);
	detect_pack_expect(p, m->var100, 0);
	detect_pack_expect(p, m->scale, 0);
	p->failed |= m->n < 0 || m->n > INT64_MAX / 2;
}

void
model_put(const struct model *m, struct buf *to)
{
	struct packing p = { .to = to, .version = FORMAT };
	struct model copy = *m;

	buf_byte(to, FORMAT);
	each_field(&p, &copy);
}

int
model_read(struct model *m, struct str *bytes, struct err *err)
{
	struct packing p = { .from = bytes };

	model_init(m);
	if (detect_pack_version(&p, 1, FORMAT))
		each_field(&p, m);
	return p.failed ? err_set(err, ERR_CORRUPT, "the saved model is damaged or of another version") : 0;
}
