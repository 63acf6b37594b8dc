#include "insight/forecast.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define PARTS_MOST 4            /* methods of one mixture */
#define PARAMS     4
#define ORIGINS    24           /* places in the series that it is forecast from again, to see how far off the forecasts were */
#define FAR        6
#define SURE       10           /* seasons: with so many a real one shows in the changes, too */

/* ---- fitting: parameters in boxes, first on a grid, then by steps along the axes that halve */

struct model {
	const double *y;
	size_t n;
	int period, longer;             /* 0: none */
	int multiplicative;
	const double *season;           /* its first guess, period values */
	double enough;                  /* a pass whose sum goes beyond it may end with what it has, since it has lost */
	/* One pass: the sum of squared errors one step ahead; with `ahead`, the values that follow. */
	double (*pass)(const struct model *, const double *param, double *ahead, int horizon, double *state);
	void (*four)(const struct model *, double param[4][PARAMS], double sse[4]);      /* passes of four without `ahead`; NULL: by `pass` */
	double *state;                  /* room for its seasons, four times */
	int params;
	const double *grid[PARAMS];
	int n_grid[PARAMS];
	double low[PARAMS], high[PARAMS];
};

/* Four of them side by side, which is what makes fitting fast: a pass is one long chain in which each step waits for the one before it. What
 * comes out of each is the same to the last bit. sse: of `n` of them. */
typedef double four __attribute__((vector_size(32)));
typedef double four_anywhere __attribute__((vector_size(32), aligned(8)));
typedef int64_t four_bits __attribute__((vector_size(32)));
#define ACROSS(param, k) (four){ (param)[0][k], (param)[1][k], (param)[2][k], (param)[3][k] }

/* For the processor at hand: the same instructions, four values wide where it has them. */
#ifdef __x86_64__
#define FOUR(name) \
	__attribute__((target("avx2"))) static void name##_avx2(const struct model *m, double param[4][PARAMS], double sse[4]) { name##_of_four(m, param, sse); } \
	static void name##_four(const struct model *m, double param[4][PARAMS], double sse[4]) \
	{ \
		if (__builtin_cpu_supports("avx2")) \
			name##_avx2(m, param, sse); \
		else \
			name##_of_four(m, param, sse); \
	}
#else
#define FOUR(name) static void name##_four(const struct model *m, double param[4][PARAMS], double sse[4]) { name##_of_four(m, param, sse); }
#endif

static void
passes(const struct model *m, double param[4][PARAMS], int n, double sse[4])
{
	if (!m->four || n == 1) {
		for (int i = 0; i < n; i++)
			sse[i] = m->pass(m, param[i], NULL, 0, m->state);
		return;
	}
	for (int i = n; i < 4; i++)
		memcpy(param[i], param[0], sizeof(param[i]));
	m->four(m, param, sse);
}

static double
fit(const struct model *of, double *best)
{
	struct model bounded = *of, *m = &bounded;
	double least = INFINITY, step[PARAMS], param[4][PARAMS] = { { 0 } }, sse[4];
	int at[PARAMS] = {0}, k, n = 0;

	do {
		for (k = 0; k < m->params; k++)
			param[n][k] = m->grid[k][at[k]];
		n++;
		for (k = 0; k < m->params && ++at[k] == m->n_grid[k]; k++)
			at[k] = 0;
		if (n < 4 && k < m->params)
			continue;
		passes(m, param, n, sse);
		for (int i = 0; i < n; i++)
			if (sse[i] < least)
				least = m->enough = sse[i], memcpy(best, param[i], sizeof(param[i]));
		n = 0;
	} while (k < m->params);
	if (!isfinite(least))
		return least;
	for (k = 0; k < m->params; k++)
		step[k] = (m->high[k] - m->low[k]) / 8;
	for (int round = 0; round < 7; round++)
		for (k = 0; k < m->params; k++) {
			double was = best[k];
			int better = 0;

			if (step[k] == 0)               /* it is fixed */
				continue;

			for (int i = 0; i < 2; i++) {           /* a step down and a step up */
				memcpy(param[i], best, sizeof(param[i]));
				param[i][k] = fmin(m->high[k], fmax(m->low[k], was + (i ? step[k] : -step[k])));
			}
			passes(m, param, m->four ? 2 : 1, sse);
			if (sse[0] < least) {
				least = m->enough = sse[0], memcpy(best, param[0], sizeof(param[0])), better = 1;
				param[1][k] = fmin(m->high[k], fmax(m->low[k], best[k] + step[k]));
				sse[1] = param[1][k] == was ? INFINITY : m->pass(m, param[1], NULL, 0, m->state);      /* from there, not back again */
			} else if (!m->four) {
				sse[1] = m->pass(m, param[1], NULL, 0, m->state);
			}
			if (sse[1] < least)
				least = m->enough = sse[1], memcpy(best, param[1], sizeof(param[1])), better = 1;
			if (!better)
				step[k] /= 2;
		}
	return least;
}

/* ---- damped trend */

/* The line through the first values, where smoothing begins. */
static void
first_line(const double *y, size_t n, double *level, double *trend)
{
	size_t k = n < 10 ? n : 10;
	double sx = 0, sy = 0, sxx = 0, sxy = 0;

	for (size_t i = 0; i < k; i++)
		sx += (double)i, sy += y[i], sxx += (double)(i * i), sxy += (double)i * y[i];
	*trend = k > 1 ? ((double)k * sxy - sx * sy) / ((double)k * sxx - sx * sx) : 0;
	*level = sy / (double)k - *trend * (sx / (double)k + 1);
}

/* param: alpha, beta as a share of it, phi. */
static double
damped_pass(const struct model *m, const double *param, double *ahead, int horizon, double *state)
{
	double alpha = param[0], beta = param[0] * param[1], phi = param[2], l, b, sse = 0, enough = m->enough;

	(void)state;
	first_line(m->y, m->n, &l, &b);
	for (size_t i = 0; i < m->n && !(sse > enough); i++) {
		double f = l + phi * b, e = m->y[i] - f;

		sse += e * e;
		l = f + alpha * e;
		b = phi * b + beta * e;
	}
	for (int h = 0; h < horizon; h++) {
		b *= phi;
		l += b;
		ahead[h] = l;
	}
	return sse;
}

static inline __attribute__((always_inline)) void
damped_of_four(const struct model *m, double param[4][PARAMS], double sse[4])
{
	four alpha = ACROSS(param, 0), beta = ACROSS(param, 0) * ACROSS(param, 1), phi = ACROSS(param, 2), sum = { 0 }, l, b;
	double level, trend;

	first_line(m->y, m->n, &level, &trend);
	l = (four){ level, level, level, level }, b = (four){ trend, trend, trend, trend };
	for (size_t i = 0; i < m->n; i++) {
		four f = l + phi * b, e = m->y[i] - f;

		sum += e * e;
		l = f + alpha * e;
		b = phi * b + beta * e;
	}
	memcpy(sse, &sum, sizeof(sum));
}
FOUR(damped)

/* ---- theta: smoothing towards the line through all values so far. param: alpha, theta. */
static double
theta_pass(const struct model *m, const double *param, double *ahead, int horizon, double *state)
{
	double alpha = param[0], share = 1 - 1 / param[1], rest = 1 - alpha;
	double l = m->y[0], mean = m->y[0], A = m->y[0], B = 0, power = rest, sse = 0, enough = m->enough;

	(void)state;
	for (size_t t = 2; t <= m->n + (size_t)horizon && !(sse > enough); t++) {
		double f = l + share * (power * A + (1 - power * rest) / alpha * B), y = f, before = mean, T = (double)t;

		if (t <= m->n) {
			y = m->y[t - 1];
			sse += t > 2 ? (y - f) * (y - f) : 0;
		} else {
			ahead[t - m->n - 1] = f;
		}
		l = alpha * y + rest * l;
		mean = ((T - 1) * mean + y) / T;
		B = ((T - 2) * B + 6 * (y - before) / T) / (T + 1);
		A = mean - B * (T + 1) / 2;
		power *= rest;
	}
	return sse;
}

static inline __attribute__((always_inline)) void
theta_of_four(const struct model *m, double param[4][PARAMS], double sse[4])
{
	four alpha = ACROSS(param, 0), share = 1 - 1 / ACROSS(param, 1), rest = 1 - alpha, power = rest, sum = { 0 }, l;
	double mean = m->y[0], A = m->y[0], B = 0;

	l = (four){ A, A, A, A };
	for (size_t t = 2; t <= m->n; t++) {
		double y = m->y[t - 1], before = mean, T = (double)t;
		four f = l + share * (power * A + (1 - power * rest) / alpha * B);

		if (t > 2)
			sum += (y - f) * (y - f);
		l = alpha * y + rest * l;
		mean = ((T - 1) * mean + y) / T;
		B = ((T - 2) * B + 6 * (y - before) / T) / (T + 1);
		A = mean - B * (T + 1) / 2;
		power *= rest;
	}
	memcpy(sse, &sum, sizeof(sum));
}
FOUR(theta)

/* Where smoothing with a season begins. */
static void
first_season(const struct model *m, double *level, double *trend)
{
	size_t p = (size_t)m->period;
	double l = 0, b = 0;

	for (size_t i = 0; i < p; i++)
		l += (m->multiplicative ? m->y[i] / m->season[i] : m->y[i] - m->season[i]) / (double)p;
	for (size_t i = 0; i < p && m->n >= 2 * p; i++)
		b += (m->multiplicative ? (m->y[i + p] - m->y[i]) / m->season[i] : m->y[i + p] - m->y[i]) / (double)(p * p);
	*level = l - b * (double)(p + 1) / 2;
	*trend = b;
}

/* ---- with a season that is smoothed, too. param: alpha, beta as a share of it, phi, gamma. */
static double
seasonal_pass(const struct model *m, const double *param, double *ahead, int horizon, double *s)
{
	double alpha = param[0], beta = param[0] * param[1], phi = param[2], gamma = param[3] * (1 - param[0]), l, b, sse = 0, enough = m->enough;
	size_t p = (size_t)m->period, at = 0;

	memcpy(s, m->season, p * sizeof(*s));
	first_season(m, &l, &b);
	for (size_t i = 0; i < m->n && !(sse > enough); i++) {
		double f = l + phi * b, season = s[at], e;

		if (m->multiplicative) {
			e = m->y[i] - f * season;
			sse += e * e;
			s[at] += fabs(f) > 1e-9 ? gamma * e / f : 0;
			e /= season;
		} else {
			e = m->y[i] - f - season;
			sse += e * e;
			s[at] += gamma * e;
		}
		l = f + alpha * e;
		b = phi * b + beta * e;
		at = at + 1 == p ? 0 : at + 1;
	}
	for (int h = 0; h < horizon; h++) {
		b *= phi;
		l += b;
		ahead[h] = m->multiplicative ? l * s[at] : l + s[at];
		at = at + 1 == p ? 0 : at + 1;
	}
	return isfinite(sse) ? sse : INFINITY;
}

static inline __attribute__((always_inline)) void
seasonal_of_four(const struct model *m, double param[4][PARAMS], double sse[4])
{
	four alpha = ACROSS(param, 0), beta = ACROSS(param, 0) * ACROSS(param, 1), phi = ACROSS(param, 2), gamma = ACROSS(param, 3) * (1 - ACROSS(param, 0));
	four_anywhere *s = (four_anywhere *)m->state;
	size_t p = (size_t)m->period, at = 0;
	four sum = { 0 }, l, b;
	double level, trend;

	for (size_t i = 0; i < p; i++)
		s[i] = (four){ m->season[i], m->season[i], m->season[i], m->season[i] };
	first_season(m, &level, &trend);
	l = (four){ level, level, level, level }, b = (four){ trend, trend, trend, trend };
	for (size_t i = 0; i < m->n; i++) {
		four f = l + phi * b, season = s[at], e;

		if (m->multiplicative) {
			e = m->y[i] - f * season;
			sum += e * e;
			s[at] = season + (four)((four_bits)(gamma * e / f) & ((f > 1e-9) | (f < -1e-9)));
			e /= season;
		} else {
			e = m->y[i] - f - season;
			sum += e * e;
			s[at] = season + gamma * e;
		}
		l = f + alpha * e;
		b = phi * b + beta * e;
		at = at + 1 == p ? 0 : at + 1;
	}
	for (int i = 0; i < 4; i++)
		sse[i] = isfinite(sum[i]) ? sum[i] : INFINITY;
}
FOUR(seasonal)

/* ---- two seasons, the shorter in the longer. param: alpha, the shorter's gamma, the longer's, rho of the rest. */
static double
two_pass(const struct model *m, const double *param, double *ahead, int horizon, double *state)
{
	size_t p = (size_t)m->period, q = (size_t)m->longer;
	double *s = state, *w = state + p, l = 0, error = 0, sse = 0, enough = m->enough, rho = param[3];
	size_t i, a = 0, c = 0;

	memcpy(state, m->season, (p + q) * sizeof(*state));
	for (i = 0; i < q; i++)
		l += m->y[i] / (double)q;
	for (i = 0; i < m->n && !(sse > enough); i++) {
		double f = l + s[a] + w[c], e = m->y[i] - f, e1 = e - rho * error;

		sse += i >= q ? e1 * e1 : 0;
		l += param[0] * e;
		s[a] += param[1] * e;
		w[c] += param[2] * e;
		error = e;
		a = a + 1 == p ? 0 : a + 1;
		c = c + 1 == q ? 0 : c + 1;
	}
	for (int h = 0; h < horizon; h++) {
		error *= rho;
		ahead[h] = l + s[a] + w[c] + error;
		a = a + 1 == p ? 0 : a + 1;
		c = c + 1 == q ? 0 : c + 1;
	}
	return isfinite(sse) ? sse : INFINITY;
}

/* ---- counts that are mostly nothing: how large one is, and how likely. param: alpha, beta. */
static double
sparse_pass(const struct model *m, const double *param, double *ahead, int horizon, double *state)
{
	double size = 0, chance = 0, sse = 0, enough = m->enough;
	size_t some = 0;

	(void)state;
	for (size_t i = 0; i < m->n; i++)
		some += m->y[i] != 0, size += m->y[i];
	chance = (double)some / (double)m->n;
	size = some ? size / (double)some : 0;
	for (size_t i = 0; i < m->n && !(sse > enough); i++) {
		double e = m->y[i] - chance * size;

		sse += e * e;
		if (m->y[i] != 0)
			size += param[0] * (m->y[i] - size);
		chance += param[1] * ((m->y[i] != 0) - chance);
	}
	for (int h = 0; h < horizon; h++)
		ahead[h] = chance * size;
	return sse;
}

/* ---- seasons */

/* Is the autocorrelation at the lag out of Bartlett's bound at 90 %? */
static int
is_seasonal(const double *y, size_t n, int period)
{
	double mean = 0, c0 = 0, sum = 0, r = 0;

	if (period < 2 || n < 3 * (size_t)period)
		return 0;
	for (size_t i = 0; i < n; i++)
		mean += y[i] / (double)n;
	for (size_t i = 0; i < n; i++)
		c0 += (y[i] - mean) * (y[i] - mean);
	if (c0 <= 0)
		return 0;
	for (int k = 1; k <= period; k++) {
		double c = 0;

		for (size_t i = (size_t)k; i < n; i++)
			c += (y[i] - mean) * (y[i - (size_t)k] - mean);
		r = c / c0;
		if (k < period)
			sum += r * r;
	}
	return fabs(r) > 1.645 * sqrt((1 + 2 * sum) / (double)n);
}

/* A trend alone passes that test at every lag. Its changes do not, and where there are seasons enough those of a real season do. */
static int
has_season(const double *y, size_t n, int period)
{
	double *change;
	int yes;

	if (!is_seasonal(y, n, period) || n < SURE * (size_t)period)
		return is_seasonal(y, n, period);
	change = mem_new(n * sizeof(*change));
	for (size_t i = 1; i < n; i++)
		change[i - 1] = y[i] - y[i - 1];
	yes = is_seasonal(change, n - 1, period);
	free(change);
	return yes;
}

/* Classical decomposition: a factor (mean 1) or a summand (mean 0) for each place in the season, the first for y[0]. */
static void
decompose(const double *y, size_t n, int period, int multiplicative, double *season)
{
	size_t p = (size_t)period, half = p / 2;
	double *sum = mem_new(2 * p * sizeof(*sum)), *count = sum + p, total = 0;

	for (size_t i = half; i + half < n; i++) {
		double trend = 0;

		for (size_t k = i - half; k <= i + half; k++)
			trend += y[k] * (p % 2 == 0 && (k == i - half || k == i + half) ? 0.5 : 1);
		trend /= (double)p;
		if (multiplicative && trend == 0)
			continue;
		sum[i % p] += multiplicative ? y[i] / trend : y[i] - trend;
		count[i % p]++;
	}
	for (size_t i = 0; i < p; i++) {
		season[i] = count[i] > 0 ? sum[i] / count[i] : multiplicative;
		total += season[i] / (double)p;
	}
	for (size_t i = 0; i < p; i++)
		season[i] = multiplicative ? (total != 0 ? season[i] / total : 1) : season[i] - total;
	free(sum);
}

/* ---- the mixture */

static const double alphas[] = { 0.05, 0.2, 0.4, 0.6, 0.8, 0.99 }, betas[] = { 0.01, 0.1, 0.4 }, phis[] = { 0.8, 0.9, 0.98 },
    gammas[] = { 0.01, 0.1, 0.3, 0.7 }, thetas[] = { 1, 1.5, 2, 4, 10 }, rhos[] = { 0, 0.5, 0.9 }, levels[] = { 0.001, 0.01, 0.1 },
    seasons[] = { 0.005, 0.1, 0.5 };
#define N(a) (int)(sizeof(a) / sizeof(*(a)))

static const struct model smoothing = { .enough = INFINITY, .pass = damped_pass, .four = damped_four, .params = 3, .grid = { alphas, betas, phis }, .n_grid = { N(alphas), N(betas), N(phis) },
	.low = { 0.01, 0, 0.8 }, .high = { 0.999, 1, 0.98 } };
static const struct model sparse = { .enough = INFINITY, .pass = sparse_pass, .params = 2, .grid = { levels, levels }, .n_grid = { N(levels), N(levels) },
	.low = { 0.001, 0.001 }, .high = { 0.3, 0.3 } };
static const struct model level_only = { .enough = INFINITY, .pass = theta_pass, .four = theta_four, .params = 2, .grid = { alphas, thetas }, .n_grid = { N(alphas), 1 },
	.low = { 0.01, 1 }, .high = { 0.99, 1 } };
static const struct model theta = { .enough = INFINITY, .pass = theta_pass, .four = theta_four, .params = 2, .grid = { alphas, thetas }, .n_grid = { N(alphas), N(thetas) },
	.low = { 0.01, 1 }, .high = { 0.99, 20 } };
static const struct model season_too = { .enough = INFINITY, .pass = seasonal_pass, .four = seasonal_four, .params = 4, .grid = { alphas, betas, phis + 1, gammas },
	.n_grid = { N(alphas), N(betas), N(phis) - 1, N(gammas) }, .low = { 0.01, 0, 0.8, 0 }, .high = { 0.99, 1, 0.98, 1 } };
static const struct model two_seasons = { .enough = INFINITY, .pass = two_pass, .params = 4, .grid = { levels, seasons, seasons, rhos },
	.n_grid = { N(levels), N(seasons), N(seasons), N(rhos) }, .low = { 0, 0, 0, 0 }, .high = { 0.1, 0.9, 0.9, 0.995 } };

/* Of what a method sees: the series, its logarithms, or the series without its season. */
enum seen { AS_IT_IS, LOGARITHMS, ADJUSTED };

struct mixture {
	const double *y;
	size_t n;
	int horizon, period, longer, positive, parts;
	double *log_y, *adjusted, *season, *state, *ahead;
	struct { struct model model; double best[PARAMS], weight; enum seen seen; } part[PARTS_MOST];
};

static void
add_part(struct mixture *x, const struct model *kind, enum seen seen, double weight)
{
	struct model *m = &x->part[x->parts].model;

	*m = *kind;
	m->y = seen == LOGARITHMS ? x->log_y : seen == ADJUSTED ? x->adjusted : x->y;
	m->n = x->n;
	m->period = x->period, m->longer = x->longer;
	m->multiplicative = x->positive;
	m->season = x->season, m->state = x->state;
	x->part[x->parts].weight = weight;
	x->part[x->parts].seen = seen;
	fit(m, x->part[x->parts++].best);
}

/* What the mixture says at value n of the series, with what it has learned from all of it. */
static void
mix(struct mixture *x, size_t n, int horizon, double *mean)
{
	double total = 0;

	for (int h = 0; h < horizon; h++)
		mean[h] = 0;
	for (int k = 0; k < x->parts; k++) {
		struct model m = x->part[k].model;
		double weight = x->part[k].weight;

		m.n = n;
		m.pass(&m, x->part[k].best, x->ahead, horizon, x->state);
		for (int h = 0; h < horizon; h++) {
			double f = x->ahead[h], s = x->period ? x->season[(n + (size_t)h) % (size_t)x->period] : x->positive;

			f = x->part[k].seen == LOGARITHMS ? exp(f) : x->part[k].seen == AS_IT_IS ? f : x->positive ? f * s : f + s;
			mean[h] += weight * f;
		}
		total += weight;
	}
	for (int h = 0; h < horizon; h++)
		mean[h] /= total;
}

/* Half of all is nothing, and the rest is no less. */
static int
is_sparse(const double *y, size_t n)
{
	size_t none = 0;

	for (size_t i = 0; i < n; i++) {
		if (y[i] < 0)
			return 0;
		none += y[i] == 0;
	}
	return 2 * none >= n;
}

static void
mixture_init(struct mixture *x)
{
	size_t p = (size_t)x->period, q = (size_t)x->longer;

	x->log_y = mem_new(2 * x->n * sizeof(double));
	x->adjusted = x->log_y + x->n;
	x->season = mem_new(5 * (p + q + 1) * sizeof(double));
	x->state = x->season + p + q + 1;
	x->ahead = mem_new((size_t)x->horizon * sizeof(double));
	for (size_t i = 0; i < x->n; i++)
		x->log_y[i] = x->positive ? log(x->y[i]) : x->y[i];
	if (is_sparse(x->y, x->n)) {
		x->period = x->longer = 0;
		add_part(x, &sparse, AS_IT_IS, 1);
		return;
	}
	if (q) {                                /* on logarithms where there are such, so that seasons multiply */
		decompose(x->log_y, x->n, x->period, 0, x->season);
		for (size_t i = 0; i < x->n; i++)
			x->adjusted[i] = x->log_y[i] - x->season[i % p];
		decompose(x->adjusted, x->n, x->longer, 0, x->season + p);
		add_part(x, &two_seasons, x->positive ? LOGARITHMS : AS_IT_IS, 1);
		return;
	}
	if (p)
		decompose(x->y, x->n, x->period, x->positive, x->season);
	for (size_t i = 0; i < x->n; i++)
		x->adjusted[i] = !p ? x->y[i] : x->positive ? x->y[i] / x->season[i % p] : x->y[i] - x->season[i % p];
	add_part(x, &theta, ADJUSTED, 2);
	add_part(x, &smoothing, ADJUSTED, 1);
	add_part(x, &level_only, ADJUSTED, 0.5);
	if (p)
		add_part(x, &season_too, AS_IT_IS, 1);
}

static void
mixture_release(struct mixture *x)
{
	free(x->log_y);
	free(x->season);
	free(x->ahead);
}

/* ---- how far off */

static int
by_size(const void *a, const void *b)
{
	double x = fabs(*(const double *)a), y = fabs(*(const double *)b);

	return x < y ? -1 : x > y;
}

/* A jump of the level is one error, however far: those beyond FAR medians count as that. */
static void
clip(double *e, int n)
{
	double *sorted = mem_dup(e, (size_t)n * sizeof(*e)), most;

	qsort(sorted, (size_t)n, sizeof(*sorted), by_size);
	most = FAR * fabs(sorted[n / 2]);
	for (int i = 0; i < n && most > 0; i++)
		e[i] = fmax(-most, fmin(most, e[i]));
	free(sorted);
}

/* The scale of errors one step ahead, and how their square grows with each further step, from forecasts at places of the second half.
 * Where all is positive errors are shares of the forecast. */
static void
errors_of(struct mixture *x, double *scale, double *growth)
{
	static const double grows[] = { 0, 0.02, 0.05, 0.1, 0.2, 0.4, 0.7, 1, 1.5 };
	size_t first = x->n / 2 > 2 ? x->n / 2 : 2, span = x->n - first, step = span / ORIGINS + 1;
	double *f = mem_new((size_t)x->horizon * sizeof(double)), *e = mem_new((ORIGINS + 2) * (size_t)x->horizon * sizeof(double)), best = INFINITY;
	int *at = mem_new((ORIGINS + 2) * (size_t)x->horizon * sizeof(int)), n = 0;

	for (size_t o = x->n - 1; o >= first && n <= ORIGINS * x->horizon; o -= step) {
		int h_most = x->n - o < (size_t)x->horizon ? (int)(x->n - o) : x->horizon;

		mix(x, o, h_most, f);
		for (int h = 0; h < h_most; h++)
			if (isfinite(f[h]) && (!x->positive || f[h] > 0))
				e[n] = x->positive ? x->y[o + (size_t)h] / f[h] - 1 : x->y[o + (size_t)h] - f[h], at[n++] = h;
		if (o < first + step)
			break;
	}
	*scale = 0, *growth = 0;
	if (n)
		clip(e, n);
	for (size_t k = 0; k < sizeof(grows) / sizeof(*grows) && n; k++) {
		double sum = 0, logs = 0, likely;

		for (int i = 0; i < n; i++) {
			double v = 1 + grows[k] * at[i];

			sum += e[i] * e[i] / v;
			logs += log(v);
		}
		likely = n * log(sum / n + 1e-300) + logs;
		if (likely < best)
			best = likely, *growth = grows[k], *scale = sqrt(sum / n);
	}
	free(f);
	free(e);
	free(at);
}

/* Acklam's rational approximation of the normal quantile, 1e-9. */
double
forecast_deviations(double level)
{
	double p = (1 + level) / 2, q, r;

	if (p < 0.97575) {
		q = p - 0.5, r = q * q;
		return (((((-3.969683028665376e+01 * r + 2.209460984245205e+02) * r - 2.759285104469687e+02) * r + 1.383577518672690e+02) * r -
		           3.066479806614716e+01) * r + 2.506628277459239e+00) * q /
		       (((((-5.447609879822406e+01 * r + 1.615858368580409e+02) * r - 1.556989798598866e+02) * r + 6.680131188771972e+01) * r -
		           1.328068155288572e+01) * r + 1);
	}
	q = sqrt(-2 * log(1 - p));
	return -(((((-7.784894002430293e-03 * q - 3.223964580411365e-01) * q - 2.400758277161838e+00) * q - 2.549732539343734e+00) * q +
	            4.374664141464968e+00) * q + 2.938163982698783e+00) /
	       ((((7.784695709041462e-03 * q + 3.224671290700398e-01) * q + 2.445134137142996e+00) * q + 3.754408661907416e+00) * q + 1);
}

#define WIDER 1.2       /* a fit flatters itself: what 95 % wants on the M3 and M4 series that were looked at */

static void
interval(struct mixture *x, double level, int counts, const double *mean, double *lower, double *upper)
{
	double scale, growth, z = forecast_deviations(level) * WIDER * (1 + 3 / (double)x->n);

	errors_of(x, &scale, &growth);
	for (int h = 0; h < x->horizon; h++) {
		double half = z * scale * sqrt(1 + growth * h) * (x->positive ? mean[h] : 1);

		lower[h] = mean[h] - half;
		upper[h] = mean[h] + half;
		if ((x->positive || counts) && lower[h] < 0)
			lower[h] = 0;
	}
}

/* Missing values are those between their neighbours. NULL: none is there at all. */
static double *
filled(const struct forecast_spec *spec)
{
	double *y = mem_new(spec->n * sizeof(*y));
	size_t known = 0, last = 0;

	for (size_t i = 0; i < spec->n; i++) {
		if (!isfinite(y[i] = spec->value[i]))
			continue;
		for (size_t k = known ? last + 1 : 0; k < i; k++)
			y[k] = known ? y[last] + (y[i] - y[last]) * (double)(k - last) / (double)(i - last) : y[i];
		last = i, known++;
	}
	for (size_t k = last + 1; known && k < spec->n; k++)
		y[k] = y[last];
	if (!known) {
		free(y);
		return NULL;
	}
	return y;
}

/* Squares of numbers beyond this, or of the largest within its reciprocal, are none: such series are looked at in other units. */
#define OTHER_UNITS 1e100

/* The power of two that brings the largest of n values near 1, when it lies far from there; else 0. Such a factor changes no digit. */
static int
scale_of(const double *y, size_t n)
{
	double most = 0;
	int exponent;

	for (size_t i = 0; i < n; i++)
		most = fmax(most, fabs(y[i]));
	if (most == 0 || (most < OTHER_UNITS && most > 1 / OTHER_UNITS))
		return 0;
	frexp(most, &exponent);
	return exponent;
}

static void
rescale(double *y, size_t n, int exponent)
{
	for (size_t i = 0; exponent && i < n; i++)
		y[i] = fmin(DBL_MAX, fmax(-DBL_MAX, ldexp(y[i], exponent)));
}

int
forecast_run(const struct forecast_spec *spec, double *mean, double *lower, double *upper, struct err *err)
{
	struct mixture x = { .n = spec->n, .horizon = spec->horizon, .positive = 1 };
	double *y = spec->n >= FORECAST_LEAST ? filled(spec) : NULL;
	int counts = spec->counts, exponent;

	if (!y)
		return err_set(err, ERR_INPUT, "%zu values, a forecast wants %d at least", spec->n, FORECAST_LEAST);
	x.y = y;
	exponent = scale_of(y, x.n);
	rescale(y, x.n, -exponent);
	for (size_t i = 0; i < x.n; i++) {
		x.positive &= y[i] > 0;
		counts &= y[i] >= 0;
	}
	for (int i = 0; i < FORECAST_PERIODS && spec->periods[i]; i++)
		if (has_season(y, x.n, spec->periods[i]))
			*(x.period ? &x.longer : &x.period) = spec->periods[i];
	if (x.longer % (x.period ? x.period : 1))
		x.longer = 0;
	mixture_init(&x);
	mix(&x, x.n, x.horizon, mean);
	for (int h = 0; h < x.horizon; h++) {
		if (!isfinite(mean[h]))
			mean[h] = y[x.n - 1];
		if ((x.positive || counts) && mean[h] < 0)
			mean[h] = 0;
	}
	interval(&x, spec->level, counts, mean, lower, upper);
	rescale(mean, (size_t)x.horizon, exponent);
	rescale(lower, (size_t)x.horizon, exponent);
	rescale(upper, (size_t)x.horizon, exponent);
	mixture_release(&x);
	free(y);
	return 0;
}

size_t
forecast_begins(const double *value, size_t n)
{
	size_t i = 0;

	while (i < n && !(value[i] < 0 || value[i] > 0))
		i++;
	return i < n ? i : 0;
}

int
forecast_reaches(const double *mean, int horizon, double last, double bound)
{
	for (int h = 0; h < horizon; h++)
		if (last < bound ? mean[h] >= bound : mean[h] <= bound)
			return h + 1;
	return 0;
}
