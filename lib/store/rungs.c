#include "store/rungs.h"

#include <math.h>
#include <stdlib.h>

#include "base/dur.h"
#include "base/mem.h"
#include "codec/decimals.h"
#include "codec/varint.h"
#include "config/config.h"
#include "sketch/distinct.h"
#include "sketch/quantile.h"

#define LAG        16           /* buckets that are made at once */
#define NEAR       64           /* buckets that may be made anew for nothing: less than finding their samples again costs */
#define DAY_MS     86400000LL
#define NUMBER_MOST 63
#define SERIES_MOST 1000000     /* of a tenant, where limits.series says nothing */
#define LADDER     STR("ladder")

/* ---- the ladder */

static int
span_of(struct str s, int64_t *ms, struct err *err)
{
	int64_t years;

	if (s.n > 1 && s.p[s.n - 1] == 'y' && str_int64((struct str){ s.p, s.n - 1 }, &years) == 0 && years > 0 && years < 10000) {
		*ms = years * 365 * DAY_MS;
		return 0;
	}
	if (dur_parse(s, ms, err))
		return err->code;
	return *ms > 0 ? 0 : err_set(err, ERR_USAGE, "'%.*s': longer than nothing", STR_FMT(s));
}

int
store_ladder_parse(struct str text, struct store_ladder *l, struct err *err)
{
	struct str rest = text, one;

	*l = (struct store_ladder){ .n = 1, .rung = { { .floor = INT64_MIN } } };
	if (!memchr(text.p, ' ', text.n) && !memchr(text.p, ',', text.n))
		return span_of(text, &l->rung[0].keep_ms, err);
	for (int i = 0; str_cut(&rest, ',', &one); i++) {
		struct str width;
		struct store_rung *r = &l->rung[i];

		if (i == STORE_RUNGS)
			return err_set(err, ERR_USAGE, "at most raw and %d roll-ups", STORE_RUNGS - 1);
		one = str_trim(one);
		str_cut(&one, ' ', &width);
		one = str_trim(one);
		*r = (struct store_rung){ .floor = INT64_MIN };
		if ((i == 0) != str_eq(width, STR("raw")))
			return err_set(err, ERR_USAGE, "raw comes first, as in: raw 7d, 1m 90d, 1h 2y");
		if ((i && span_of(width, &r->width_ms, err)) || (one.n && span_of(one, &r->keep_ms, err)))
			return err->code;
		if (i > 1 && (r->width_ms <= r[-1].width_ms || r->width_ms % r[-1].width_ms))
			return err_set(err, ERR_USAGE, "each roll-up is a multiple of the one before, as in: raw 7d, 1m 90d, 1h 2y");
		if (i && r->keep_ms && r->keep_ms < r->width_ms * LAG)
			return err_set(err, ERR_USAGE, "a roll-up is kept for at least %d of its spans", LAG);
		if (i && (!r[-1].keep_ms || (r->keep_ms && r->keep_ms < r[-1].keep_ms)))
			return err_set(err, ERR_USAGE, "each roll-up is kept for longer than what it is made of");
		l->n = i + 1;
	}
	return 0;
}

static int
take_ladder(struct str value, struct store_ladder *l)
{
	uint64_t n, number, width, keep;

	*l = (struct store_ladder){ 0 };
	if (varint_take(&value, &n) || n < 1 || n > STORE_RUNGS)
		return -1;
	for (; l->n < (int)n; l->n++) {
		struct store_rung *r = &l->rung[l->n];

		if (varint_take(&value, &number) || varint_take(&value, &width) || varint_take(&value, &keep) || varint_take_signed(&value, &r->floor) ||
		    number > NUMBER_MOST || (number == 0) != (l->n == 0) || width > INT64_MAX / LAG || keep > INT64_MAX || (width == 0) != (l->n == 0) ||
		    (l->n > 1 && width % (uint64_t)r[-1].width_ms))
			return -1;
		r->number = (int)number;
		r->width_ms = (int64_t)width;
		r->keep_ms = (int64_t)keep;
	}
	return value.n ? -1 : 0;
}

int
store_ladder_of(const struct store_view *v, struct store_ladder *l, struct err *err)
{
	struct str value;
	int rc;

	*l = (struct store_ladder){ .n = 1, .rung = { { .floor = INT64_MIN } } };
	rc = store_fetch(v, STORE_META, LADDER, &value, err);
	return rc > 0 && take_ladder(value, l) ? store_damaged(err, v->s, "a ladder of roll-ups that cannot be read back") : rc;
}

int
store_ladder_get(struct store *s, struct store_ladder *l, struct err *err)
{
	struct store_view v;
	int rc;

	*l = (struct store_ladder){ .n = 1, .rung = { { .floor = INT64_MIN } } };
	if ((rc = store_view_open(&v, s, err)))
		return rc;
	rc = store_ladder_of(&v, l, err);
	store_view_close(&v);
	return rc;
}

int
store_ladder_put(struct store *s, const struct store_ladder *l, struct err *err)
{
	struct buf b = { 0 };
	int rc;

	varint_put(&b, (uint64_t)l->n);
	for (int i = 0; i < l->n; i++) {
		varint_put(&b, (uint64_t)l->rung[i].number);
		varint_put(&b, (uint64_t)l->rung[i].width_ms);
		varint_put(&b, (uint64_t)l->rung[i].keep_ms);
		varint_put_signed(&b, l->rung[i].floor);
	}
	rc = store_put(s, STORE_META, LADDER, buf_get(&b), err);
	s->pieces_changed = 1;
	buf_release(&b);
	return rc;
}

/* Everything of a rung that the ladder has no more. */
static int
drop_rung(struct store *s, int number, struct err *err)
{
	struct store_view v;
	struct str k, value;
	char key[16];
	int rc;

	for (;;) {
		struct store_cursor c = { .view = &v, .table = STORE_SAMPLES, .keys_only = 1 };

		store_view_of_txn(s, &v);
		store_piece_key(key, (uint64_t)(number * 4) << 56, INT64_MIN);
		rc = store_walk(&c, (struct str){ key, 16 }, &k, &value, err);
		if (rc > 0 && (k.n != 16 || (unsigned char)k.p[0] / 4 != number))
			rc = 0;
		if (rc > 0)
			memcpy(key, k.p, 16);
		store_walk_end(&c);
		if (rc <= 0 || (rc = store_delete(s, STORE_SAMPLES, (struct str){ key, 16 }, err)))
			return rc;
	}
}

/* Numbers and floors of the rungs that stay; a new one gets a number that none has had. */
int
store_ladder_set(struct store *s, const struct store_ladder *want, struct err *err)
{
	struct store_ladder old, l = *want;
	int rc, had, number = 0, same;

	if ((had = store_ladder_get(s, &old, err)) < 0)
		return had;
	same = old.n == l.n;
	for (int i = 0; i < l.n && i < old.n; i++)
		same &= old.rung[i].width_ms == l.rung[i].width_ms && old.rung[i].keep_ms == l.rung[i].keep_ms;
	if (same)
		return 0;
	if ((rc = store_begin(s, err)))
		return rc;
	if ((had = store_ladder_get(s, &old, err)) < 0)
		goto out;
	for (int k = 0; k < old.n; k++)
		number = old.rung[k].number > number ? old.rung[k].number : number;
	for (int i = 0; i < l.n; i++) {
		/* a new one can have no more than the one below */
		l.rung[i].floor = i == 0 ? old.rung[0].floor : l.rung[i - 1].floor == INT64_MIN ? INT64_MIN : store_rung_floor(l.rung[i - 1].floor, l.rung[i].width_ms);
		l.rung[i].number = 0;
		for (int k = 1; k < old.n; k++)
			if (i && old.rung[k].width_ms == l.rung[i].width_ms) {
				l.rung[i].floor = old.rung[k].floor;
				l.rung[i].number = old.rung[k].number;
			}
		if (i && !l.rung[i].number)
			l.rung[i].number = ++number;
		if (number > NUMBER_MOST) {
			rc = err_set(err, ERR_LIMIT, "the ladder was changed too often");
			goto out;
		}
	}
	for (int k = 1; k < old.n && rc == 0; k++) {
		int stays = 0;

		for (int i = 1; i < l.n; i++)
			stays |= l.rung[i].number == old.rung[k].number;
		if (!stays)
			rc = drop_rung(s, old.rung[k].number, err);
	}
	if (rc == 0 && (rc = store_ladder_put(s, &l, err)) == 0)
		rc = store_commit(s, err);
out:
	store_abort(s);
	return rc < 0 ? rc : had < 0 ? had : 0;
}

int
store_ladder_config(const struct config *config, struct store_ladder *l, struct err *err)
{
	struct json v = config_get(config, "analytics", "retention.metrics");
	struct buf scratch = { 0 };
	int rc = 0;

	l->n = 0;
	if (v.type != JSON_NONE && (rc = store_ladder_parse(json_text(v, &scratch), l, err)))
		rc = err_at(err, "analytics.json: retention.metrics");
	buf_release(&scratch);
	return rc;
}

int
store_ladder_follow(struct store *s, const struct config *config, struct err *err)
{
	struct store_ladder l;
	int64_t most = SERIES_MOST;
	int rc = store_ladder_config(config, &l, err);

	json_int64(config_get(config, "analytics", "limits.series"), &most);
	store_limit_series(s, (uint64_t)most);
	return rc == 0 && l.n > 1 ? store_ladder_set(s, &l, err) : rc;
}

/* ---- buckets */

struct making {
	struct samples *out;            /* count, sum, least, greatest */
	int64_t width, bucket;
	double count, least, greatest;
	__int128 nano;                  /* the sum: in 10^-9, and of what is no decimal */
	double rest;
	struct quantile *quantile;
	struct distinct *distinct;
	struct arena *texts;
};

static void
add_state(struct making *m, struct str state)
{
	if (str_starts(state, STR("dd1:"))) {
		struct quantile *q = quantile_read(state);

		if (q && !m->quantile)
			m->quantile = q;
		else if (q) {
			quantile_merge(m->quantile, q);
			quantile_free(q);
		}
	} else if (str_starts(state, STR("hll1:"))) {
		struct distinct *d = distinct_read(state);

		if (d && !m->distinct)
			m->distinct = d;
		else if (d) {
			distinct_merge(m->distinct, d);
			distinct_free(d);
		}
	}
}

static void
end_bucket(struct making *m)
{
	const double value[4] = { m->count, decimals_of_nano(m->nano) + m->rest, m->least, m->greatest };
	struct str state = { 0 };
	struct buf b = { 0 };

	if (m->count == 0)
		return;
	if (m->quantile)
		quantile_put(m->quantile, &b);
	else if (m->distinct)
		distinct_put(m->distinct, &b);
	if (b.n) {
		if (!m->out[0].texts)
			m->out[0].texts = arena_new(0);
		state = (struct str){ arena_dup(m->out[0].texts, b.p, b.n), b.n };
	}
	for (int i = 0; i < 4; i++)
		samples_add(&m->out[i], m->bucket, value[i], i == 0 ? state : (struct str){ 0 });
	quantile_free(m->quantile);
	distinct_free(m->distinct);
	m->quantile = NULL;
	m->distinct = NULL;
	m->count = 0;
	buf_release(&b);
}

static void
add_to_bucket(struct making *m, int64_t time, double count, double sum, double least, double greatest, struct str state)
{
	if (m->count == 0 || time < m->bucket || store_rung_apart(m->bucket, time) >= (uint64_t)m->width) {
		end_bucket(m);
		m->bucket = store_rung_floor(time, m->width);
		m->nano = 0;
		m->rest = 0;
		m->least = least;
		m->greatest = greatest;
	}
	m->count += count;
	decimals_sum_one(sum, &m->nano, &m->rest);
	m->least = fmin(m->least, least);
	m->greatest = fmax(m->greatest, greatest);
	if (state.p)
		add_state(m, state);
}

/* The four series of a rung, over [from, to): appended to x. */
static int
read_rung(struct store *s, struct store_reader *reader, const struct store_rung *r, uint64_t series, int64_t from, int64_t to,
    struct samples x[4], struct err *err)
{
	static const struct samples none = { 0 };
	const struct samples *got;
	size_t at, n;
	int rc = 0;

	for (int part = 0; part < 4 && rc == 0; part++) {
		store_reader_begin(reader, store_rung_series(r, series, part), &none, from, to);
		while ((rc = store_reader_next(s, reader, &got, &at, &n, err)) > 0)
			for (size_t i = at; i < at + n; i++) {
				struct str state = got->state[i];

				if (!got->n_states)
					state.p = NULL;
				if (state.p) {
					if (!x[part].texts)
						x[part].texts = arena_new(0);
					state.p = arena_dup(x[part].texts, state.p, state.n);
				}
				samples_add(&x[part], got->time[i], got->value[i], state.p ? state : (struct str){ 0 });
			}
	}
	for (int part = 1; part < 4 && rc == 0; part++)
		if (x[part].n != x[0].n || (x[0].n && memcmp(x[part].time, x[0].time, x[0].n * sizeof(*x[0].time))))
			rc = store_damaged(err, s, "roll-ups whose counts and sums have other times");
	return rc;
}

static void
release_four(struct samples x[4])
{
	for (int i = 0; i < 4; i++)
		samples_release(&x[i]);
}

/* Before the samples' floor from the rung below, from there on from the samples. */
int
store_rungs_make(struct store *s, struct store_reader *reader, const struct store_ladder *l, int rung, uint64_t series, int64_t from, int64_t to,
    struct samples out[4], struct err *err)
{
	static const struct samples none = { 0 };
	struct making m = { .out = out, .width = l->rung[rung].width_ms };
	int64_t raw = l->rung[0].floor > from ? l->rung[0].floor : from;
	const struct samples *x;
	size_t at, n;
	int rc = 0;

	if (raw > to)
		raw = to;
	if (from < raw && rung > 1) {
		struct samples below[4] = { 0 };

		rc = read_rung(s, reader, &l->rung[rung - 1], series, from, raw, below, err);
		for (size_t i = 0; i < below[0].n && rc == 0; i++)
			add_to_bucket(&m, below[0].time[i], below[0].value[i], below[1].value[i], below[2].value[i], below[3].value[i],
			    below[0].state[i]);
		release_four(below);
	}
	store_reader_begin(reader, series, &none, raw, to);
	while (rc == 0 && (rc = store_reader_next(s, reader, &x, &at, &n, err)) > 0) {
		for (size_t i = at; i < at + n; i++)
			add_to_bucket(&m, x->time[i], 1, x->value[i], x->value[i], x->value[i], x->n_states ? x->state[i] : (struct str){ 0 });
		rc = 0;
	}
	end_bucket(&m);
	return rc;
}

int
store_rungs_end(const struct store_view *v, struct samples_coder *coder, const struct store_rung *r, uint64_t series, int64_t *end, struct err *err)
{
	struct samples_head head;
	int rc = store_last_piece(v, coder, store_rung_series(r, series, 0), &head, err);

	*end = rc > 0 ? store_rung_next(head.last, r->width_ms) : INT64_MIN;
	return rc < 0 ? rc : 0;
}

static int
put_four(struct store *s, const struct store_rung *r, uint64_t series, struct samples x[4], struct err *err)
{
	int rc = 0;

	for (int part = 0; part < 4 && rc == 0 && x[0].n; part++)
		rc = store_seal_series(s, store_rung_series(r, series, part), &x[part], err);
	return rc;
}

/* Samples before the raw floor: added to what the bucket has. */
static int
add_late(struct store *s, struct store_reader *reader, const struct store_rung *r, uint64_t series, const struct samples *add, size_t n, struct err *err)
{
	struct samples out[4] = { 0 };
	struct making m = { .out = out, .width = r->width_ms };
	int rc = 0;

	for (size_t i = 0, k; i < n && rc == 0; i = k) {
		int64_t bucket = store_rung_floor(add->time[i], r->width_ms);
		struct samples had[4] = { 0 };

		rc = read_rung(s, reader, r, series, bucket, store_rung_next(bucket, 1), had, err);
		if (rc == 0 && had[0].n)
			add_to_bucket(&m, bucket, had[0].value[0], had[1].value[0], had[2].value[0], had[3].value[0], had[0].state[0]);
		for (k = i; k < n && store_rung_apart(bucket, add->time[k]) < (uint64_t)r->width_ms; k++)
			add_to_bucket(&m, add->time[k], 1, add->value[k], add->value[k], add->value[k], add->state[k]);
		release_four(had);
	}
	end_bucket(&m);
	if (rc == 0)
		rc = put_four(s, r, series, out, err);
	release_four(out);
	return rc;
}

/* Buckets [from, to) of a rung made anew; `to` is a multiple of the width. */
static int
make_anew(struct store *s, struct store_reader *reader, const struct store_ladder *l, int rung, uint64_t series, int64_t from, int64_t to, struct err *err)
{
	struct samples out[4] = { 0 };
	int rc = store_rungs_make(s, reader, l, rung, series, from, to, out, err);

	if (rc == 0)
		rc = put_four(s, &l->rung[rung], series, out, err);
	release_four(out);
	return rc;
}

static int
first_time(struct store *s, struct store_reader *reader, const struct store_ladder *l, int rung, uint64_t series, int64_t *first, struct err *err)
{
	struct store_view v;
	int rc = 0;

	store_view_of_txn(s, &v);
	*first = INT64_MAX;
	for (int i = 0; i < rung && rc >= 0; i++) {     /* of what it can be made of */
		struct samples_head head;
		uint64_t of = i ? store_rung_series(&l->rung[i], series, 0) : series;

		if ((rc = store_first_piece(&v, &reader->coder, of, &head, err)) > 0 && head.first < *first)
			*first = head.first;
	}
	return rc < 0 ? rc : 0;
}

int
store_rungs_complete(struct store *s, const struct store_ladder *l, uint64_t series, int64_t until, struct err *err)
{
	struct store_reader reader = { 0 };
	struct store_view v;
	int rc = 0;

	store_view_of_txn(s, &v);
	for (int i = 1; i < l->n && rc == 0; i++) {
		const struct store_rung *r = &l->rung[i];
		int64_t from, to = store_rung_floor(until, r->width_ms);

		if ((rc = store_rungs_end(&v, &reader.coder, r, series, &from, err)) == 0 && from == INT64_MIN &&
		    (rc = first_time(s, &reader, l, i, series, &from, err)) == 0 && from < INT64_MAX)
			from = store_rung_floor(from, r->width_ms);
		if (rc == 0 && from < to)
			rc = make_anew(s, &reader, l, i, series, from, to, err);
	}
	store_reader_release(&reader);
	return rc;
}

int
store_rungs_sealed(struct store *s, const struct store_ladder *l, uint64_t series, const struct samples *add, struct err *err)
{
	struct store_reader reader = { 0 };
	struct samples_head head;
	struct store_view v;
	int rc;

	store_view_of_txn(s, &v);
	rc = l->n > 1 && add->n ? store_last_piece(&v, &reader.coder, series, &head, err) : 0;

	for (int i = 1; i < l->n && rc > 0; i++) {
		const struct store_rung *r = &l->rung[i];
		int64_t width = r->width_ms, raw = l->rung[0].floor, end, from, to = store_rung_floor(head.last, width);
		struct samples again[4] = { 0 };
		size_t late = 0, k;

		while (late < add->n && add->time[late] < raw)
			late++;
		if ((late && (rc = add_late(s, &reader, r, series, add, late, err))) ||
		    (rc = store_rungs_end(&v, &reader.coder, r, series, &end, err)))
			break;
		for (k = late; k < add->n && add->time[k] < end && rc == 0; ) {         /* buckets that were made already, those that lie near in one go */
			from = store_rung_floor(add->time[k], width);
			for (k++; k < add->n && add->time[k] < end && store_rung_apart(add->time[k - 1], add->time[k]) / NEAR <= (uint64_t)width; k++)
				;
			rc = store_rungs_make(s, &reader, l, i, series, from, store_rung_next(store_rung_floor(add->time[k - 1], width), width), again, err);
		}
		if (rc == 0)
			rc = put_four(s, r, series, again, err);
		release_four(again);
		from = end;
		if (rc == 0 && end == INT64_MIN && (rc = first_time(s, &reader, l, i, series, &from, err)) == 0 && from < INT64_MAX)
			from = store_rung_floor(from, width);
		if (rc == 0 && from < to && store_rung_apart(from, to) / (uint64_t)width >= LAG)
			rc = make_anew(s, &reader, l, i, series, from, to, err);
		rc = rc < 0 ? rc : 1;
	}
	store_reader_release(&reader);
	return rc < 0 ? rc : 0;
}
