/* The bytes of a counter: version:1 (1), then the fields in the order of `each_field` (packing_priv.h). */
#include "detect/counter.h"

#include <math.h>
#include <string.h>

#include "detect/packing_priv.h"

#define FORMAT      1
#define SHOWN       32          /* steps in which one shows that it is a counter, when a reset is among them */
#define SHOWN_LONG  200         /* without a reset, */
#define SHOWN_MS    (2 * 86400000LL)    /* in that time: a gauge may well rise for a day */
#define RESETS_FEW  8           /* steps to each reset, at least: small counts fall to less than half all the time */
#define DENIED      8           /* steps in which one shows that its name is wrong, */
#define DENIED_FEW  4           /* when there are less than that to each fall */
#define NEAR_ZERO   4.0         /* of the largest increment: further up nothing begins anew */
#define YOUNG       8           /* rises before that is known */
#define LATE        1.5         /* steps that one is too long by; too short by */
#define ADAPTS      3           /* such in a row are the usual */

int
counter_name(struct str name)
{
	static const struct str end = { "_total", 6 };

	if (name.n && name.p[name.n - 1] == '"')        /* as it stands in a row */
		name.n--;
	return name.n > end.n && memcmp(name.p + name.n - end.n, end.p, end.n) == 0;
}

static int
is_counter(const struct counter *c)
{
	return c->kind == COUNTER_BY_NAME || c->kind == COUNTER_BY_SHAPE;
}

/* The usual steps that have passed, 1 when it is about one. */
static double
steps_of(struct counter *c, int64_t elapsed)
{
	double times = c->step_ms ? (double)elapsed / (double)c->step_ms : 1;

	if (c->step_ms && times <= LATE && times >= 1 / LATE)
		c->other = 0;
	else if (c->step_ms && ++c->other < ADAPTS)
		return fmax(times, 1);
	c->step_ms = elapsed;
	c->other = 0;
	return 1;
}

static void
is_none(struct counter *c, struct counted *out)
{
	out->is_other = is_counter(c);
	out->as = COUNTED_VALUE;
	c->kind = COUNTER_NOT;
}

/* A value below the one before. */
static void
fell(struct counter *c, double value, double times, struct counted *out)
{
	int is_half = value < c->last / 2;
	int is_near_zero = c->rises < YOUNG || value <= NEAR_ZERO * c->largest * times, is_by_name = c->kind == COUNTER_BY_NAME;

	c->falls++;
	if (is_by_name ? c->steps >= DENIED && c->falls > c->steps / DENIED_FEW : !is_half || !is_near_zero)
		is_none(c, out);
	else if (times > 1 || (!is_half && !is_near_zero))      /* who knows when it began, or whether */
		out->as = COUNTED_UNKNOWN;
	else
		*out = (struct counted){ .as = COUNTED_AT_LEAST, .judged = value, .times = 1 };
}

static void
rose(struct counter *c, double value, double times, struct counted *out)
{
	*out = (struct counted){ .as = COUNTED_INCREMENT, .judged = (value - c->last) / times, .base = c->last, .times = times };
	c->rises += value > c->last;
	c->largest = fmax(c->largest, out->judged);
}

/* Has it shown by now what it is? */
static void
decide(struct counter *c, int64_t time_ms, struct counted *out)
{
	int is_long = c->steps >= SHOWN_LONG && time_ms - c->born_ms >= SHOWN_MS;

	if (c->kind != COUNTER_UNSURE || c->steps < SHOWN)
		return;
	if (c->falls > c->steps / RESETS_FEW)
		c->kind = COUNTER_NOT;
	else if (c->rises > c->steps / 2 && (c->falls || is_long)) {
		c->kind = COUNTER_BY_SHAPE;
		out->is_other = 1;
	}
}

void
counter_push(struct counter *c, int is_named, int64_t time_ms, double value, struct counted *out)
{
	struct counted as_it_is = { .judged = value, .times = 1 };
	int64_t elapsed = time_ms - c->time_ms;

	*out = as_it_is;
	if (c->kind == COUNTER_NOT)
		return;
	if (value < 0) {
		is_none(c, out);
		return;
	}
	if (!c->began) {
		*c = (struct counter){ .began = 1, .kind = is_named ? COUNTER_BY_NAME : COUNTER_UNSURE, .born_ms = time_ms };
		out->is_other = is_named;
		out->as = COUNTED_UNKNOWN;
	} else if (elapsed == 0) {      /* a further one of its time */
		if (value < c->last && c->kind == COUNTER_UNSURE)
			is_none(c, out);
		out->as = COUNTED_UNKNOWN;
		value = c->last;
	} else if (elapsed < 0)         /* from the past: it goes on from there */
		out->as = COUNTED_UNKNOWN;
	else {
		double times = steps_of(c, elapsed);

		c->steps++;
		if (value < c->last)
			fell(c, value, times, out);
		else
			rose(c, value, times, out);
		if (c->steps == UINT32_MAX)
			c->steps /= 2, c->rises /= 2, c->falls /= 2;
		decide(c, time_ms, out);
	}
	c->last = value;
	c->time_ms = time_ms;
	if (!is_counter(c)) {
		as_it_is.is_other = out->is_other;
		*out = as_it_is;
	}
}

static void
each_field(struct packing *p, struct counter *c)
{
	PACK(p, c->kind);
	PACK(p, c->began);
	PACK(p, c->other);
	PACK(p, c->steps);
	PACK(p, c->rises);
	PACK(p, c->falls);
	PACK(p, c->born_ms);
	PACK(p, c->time_ms);
	PACK(p, c->step_ms);
	PACK(p, c->last);
	PACK(p, c->largest);
	p->failed |= c->kind > COUNTER_NOT || c->began > 1 || c->other >= ADAPTS || c->rises > c->steps || c->falls > c->steps || c->step_ms < 0 ||
	    c->born_ms > INT64_MAX / 4 || c->born_ms < INT64_MIN / 4 || c->time_ms > INT64_MAX / 4 || c->time_ms < INT64_MIN / 4 ||
	    !isfinite(c->last) || c->last < 0 || !isfinite(c->largest) || c->largest < 0;
}

void
counter_put(const struct counter *c, struct buf *to)
{
	struct packing p = { .to = to, .version = FORMAT };
	struct counter copy = *c;

	buf_byte(to, FORMAT);
	each_field(&p, &copy);
}

int
counter_read(struct counter *c, struct str *bytes, struct err *err)
{
	struct packing p = { .from = bytes };

	*c = (struct counter){0};
	if (detect_pack_version(&p, FORMAT, FORMAT))
		each_field(&p, c);
	return p.failed ? err_set(err, ERR_CORRUPT, "what was saved of a counter is damaged or of another version") : 0;
}
