/* kept_counts.c - numbers of events by labels and time.
 *
 * Rows of a batch come in order of time, so one step's counts are a small array by series that is emptied when the next step begins;
 * what came out is then sorted by series. Bound by decoding the columns; this is 2 to 4 ns a row with labels that are codes.
 *
 * As bytes:
 *      byte 16 + kind · varint step in ms · varint labels · varint series · for each series: its labels (byte: type; signed varint, 8 bytes
 *      of IEEE 754, or text), varint n, then n times: varint steps since the one before (the first signed, since 1970), varint count; of sums
 *      and means byte k, signed varint: so many 10^(k-9); of least and greatest 8 bytes of IEEE 754
 */
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/time.h"
#include "codec/varint.h"
#include "query/kept_priv.h"

#define STATE     16            /* the first byte of kind 0 */
#define COUNT_MOST (1u << 20)   /* rows of a chunk at most */

void
kept_counter_release(struct kept_counter *c)
{
	for (int i = 0; i < KEPT_BY_MOST; i++) {
		map_release(&c->by[i].map);
		free(c->by[i].cell), free(c->by[i].of_code);
	}
	free(c->cells.label), free(c->cells.start), free(c->cells.time), free(c->cells.count), free(c->cells.sum);
	map_release(&c->series);
	free(c->met), free(c->now), free(c->touched), free(c->wanted);
	buf_release(&c->key);
	*c = (struct kept_counter){ 0 };
}

/* ---- labels */

/* Equal values have one number: 1 and 1.0 too, as in SQL. */
static uint32_t
number_of(struct kept_counter *c, struct values *x, struct cell v)
{
	struct map_entry *e;
	int is_new;

	if (v.type == CELL_REAL && v.real == floor(v.real) && fabs(v.real) < 9e15)
		v = cell_integer((int64_t)v.real);
	buf_clear(&c->key);
	buf_byte(&c->key, (char)v.type);
	if (v.type == CELL_INTEGER)
		buf_add(&c->key, &v.integer, sizeof(v.integer));
	else if (v.type == CELL_REAL)
		buf_add(&c->key, &v.real, sizeof(v.real));
	else if (v.type == CELL_TEXT)
		buf_str(&c->key, v.text);
	e = map_put(&x->map, buf_get(&c->key), &is_new);
	if (!is_new)
		return (uint32_t)e->num;
	if (x->n == x->cap)
		x->cell = mem_grow(x->cell, x->cap = x->cap ? 2 * x->cap : 32, sizeof(*x->cell));
	if (v.type == CELL_TEXT)
		v.text = (struct str){ e->key.p + 1, e->key.n - 1 };
	x->cell[x->n] = v;
	e->num = (int64_t)x->n;
	return (uint32_t)x->n++;
}

struct cell
kept_label(struct kept_counter *c, int by, struct cell v)
{
	uint32_t number = number_of(c, &c->by[by], v);

	return c->by[by].cell[number];
}

static uint32_t
value_of(struct kept_counter *c, struct values *x, const struct column *from, int is_time, size_t i)
{
	char text[TIME_LEN];
	uint32_t *known;

	if (from->form == COLUMN_NULL || (from->valid && !(from->valid[i / 64] >> (i % 64) & 1)))
		return number_of(c, x, cell_null());
	switch (from->form) {
	case COLUMN_CODES:
		known = &x->of_code[from->code[i]];
		if (!*known)
			*known = number_of(c, x, from->value[from->code[i]]) + 1;
		return *known - 1;
	case COLUMN_INTEGER:
		if (!is_time)
			return number_of(c, x, cell_integer(from->integer[i]));
		time_print(from->integer[i], text);
		return number_of(c, x, cell_text((struct str){ text, TIME_LEN }));
	default:
		return number_of(c, x, cell_real(from->real[i]));
	}
}

uint32_t
kept_new_series(struct kept_counter *c, const struct cell *label)
{
	struct kept_cells *to = &c->cells;

	if ((to->n_series + 1) * ((size_t)to->n_by + 1) > to->label_cap)
		to->label = mem_grow(to->label, to->label_cap = 2 * to->label_cap + 4 * ((size_t)to->n_by + 1), sizeof(*to->label));
	for (int k = 0; k < to->n_by; k++)
		to->label[to->n_series * (size_t)to->n_by + (size_t)k] = label[k];
	return (uint32_t)to->n_series++;
}

static uint32_t
new_series(struct kept_counter *c, const uint32_t *number)
{
	struct cell label[KEPT_BY_MOST];

	if (c->cells.n_series == c->now_cap) {
		size_t cap = c->now_cap ? 2 * c->now_cap : 64;

		c->now = mem_grow(c->now, cap, sizeof(*c->now));
		memset(c->now + c->now_cap, 0, (cap - c->now_cap) * sizeof(*c->now));
		c->touched = mem_grow(c->touched, cap, sizeof(*c->touched));
		c->now_cap = cap;
	}
	for (int k = 0; k < c->cells.n_by; k++)
		label[k] = c->by[k].cell[number[k]];
	return kept_new_series(c, label);
}

static uint32_t
series_of(struct kept_counter *c, const struct column *by, const struct store_field *field, size_t i)
{
	uint32_t number[KEPT_BY_MOST] = { 0 };
	struct map_entry *e;
	int is_new;

	for (int k = 0; k < c->cells.n_by; k++)
		number[k] = value_of(c, &c->by[k], &by[k], field[k].of == FIELD_TIME || field[k].of == FIELD_RECEIVED, i);
	if (c->cells.n_by < 2) {
		if (c->cells.n_series <= number[0])     /* numbers are given one by one */
			new_series(c, number);
		return number[0];
	}
	e = map_put(&c->series, (struct str){ (const char *)number, (size_t)c->cells.n_by * sizeof(*number) }, &is_new);
	if (is_new)
		e->num = new_series(c, number);
	return (uint32_t)e->num;
}

/* ---- rows */

void
kept_begin_cells(struct kept_counter *c, enum kept_kind kind, int n_by, int64_t step)
{
	c->cells.kind = kind;
	c->cells.n_by = n_by;
	c->cells.step = step;
	c->cells.n_series = c->met_n = 0;
	map_clear(&c->series);
}

void
kept_met(struct kept_counter *c, struct met met)
{
	if (c->met_n == c->met_cap)
		c->met = mem_grow(c->met, c->met_cap = c->met_cap ? 2 * c->met_cap : 256, sizeof(*c->met));
	c->met[c->met_n++] = met;
}

static void
end_step(struct kept_counter *c, int64_t time, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		kept_met(c, (struct met){ .series = c->touched[i], .count = c->now[c->touched[i]], .time = time });
		c->now[c->touched[i]] = 0;
	}
}

static void
room_for_cells(struct kept_cells *x, size_t n)
{
	if (n > x->cap) {
		x->cap = 2 * n;
		x->time = mem_grow(x->time, x->cap, sizeof(*x->time));
		x->count = mem_grow(x->count, x->cap, sizeof(*x->count));
		x->sum = mem_grow(x->sum, x->cap, sizeof(*x->sum));
	}
}

/* From by time to by series: both orders are kept within. */
void
kept_sort_met(struct kept_counter *c)
{
	struct kept_cells *to = &c->cells;

	room_for_cells(to, c->met_n);
	if (to->n_series + 2 > to->start_cap)
		to->start = mem_grow(to->start, to->start_cap = 2 * to->n_series + 2, sizeof(*to->start));
	memset(to->start, 0, (to->n_series + 2) * sizeof(*to->start));
	for (size_t i = 0; i < c->met_n; i++)
		to->start[c->met[i].series + 2]++;
	for (size_t i = 2; i < to->n_series + 2; i++)
		to->start[i] += to->start[i - 1];
	for (size_t i = 0; i < c->met_n; i++) {         /* start[s + 1] moves from the beginning of s to its end */
		size_t at = to->start[c->met[i].series + 1]++;

		to->time[at] = c->met[i].time;
		to->count[at] = c->met[i].count;
		to->sum[at] = c->met[i].sum;
	}
	to->n = c->met_n;
}

void
kept_want_names(struct kept_counter *c, const struct kept_question *q, const struct column *name)
{
	if (name->n_values > c->wanted_cap)
		c->wanted = mem_grow(c->wanted, c->wanted_cap = name->n_values, 1);
	for (uint32_t i = 0; i < name->n_values; i++) {
		c->wanted[i] = 0;
		for (int k = 0; k < q->n_names && name->value[i].type == CELL_TEXT && !c->wanted[i]; k++)
			c->wanted[i] = str_eq(name->value[i].text, q->names[k]);
	}
}

int
kept_count(struct kept_counter *c, struct store_batch *b, const struct kept_question *q, const struct store_field *field, int64_t from, int64_t to, int64_t step, struct err *err)
{
	struct column name, time, by[KEPT_BY_MOST];
	size_t low, high, touched = 0;
	int64_t now = INT64_MIN, next = INT64_MIN;

	kept_begin_cells(c, KEPT_COUNT, q->n_by, step);
	if (store_batch_column(b, 1, &time, err) < 0 || (q->n_names && store_batch_column(b, 0, &name, err) < 0))
		return err->code;
	if (q->n_names)
		kept_want_names(c, q, &name);
	for (int k = 0; k < q->n_by; k++) {
		struct values *x = &c->by[k];

		if (store_batch_column(b, 2 + k, &by[k], err) < 0)
			return err->code;
		map_clear(&x->map);
		x->n = 0;
		if (by[k].form == COLUMN_CODES) {
			if (by[k].n_values > x->codes_cap)
				x->of_code = mem_grow(x->of_code, x->codes_cap = by[k].n_values, sizeof(*x->of_code));
			memset(x->of_code, 0, by[k].n_values * sizeof(*x->of_code));
		}
	}
	low = store_first_not_before(time.integer, b->n, from);
	high = store_first_not_before(time.integer, b->n, to);
	for (size_t i = low; i < high; i++) {
		uint32_t s;

		if (q->n_names && !c->wanted[name.code[i]])
			continue;
		if (time.integer[i] >= next) {
			end_step(c, now, touched);
			touched = 0;
			now = kept_floor(time.integer[i], step);
			next = now + step;
		}
		s = series_of(c, by, field + 2, i);
		if (c->now[s]++ == 0)
			c->touched[touched++] = s;
	}
	end_step(c, now, touched);
	kept_sort_met(c);
	return 0;
}

void
kept_fold(enum kept_kind kind, __int128 *to, __int128 from)
{
	double a = kept_double(*to), b = kept_double(from);

	if (kind == KEPT_SUM || kind == KEPT_MEAN)
		*to += from;
	else if (kind == KEPT_LEAST ? b < a : b > a)
		*to = from;
}

void
kept_coarsen(struct kept_cells *x, int64_t step)
{
	size_t n = 0, begin = 0;

	for (size_t s = 0; s < x->n_series; s++) {
		size_t end = x->start[s + 1], first = n;

		for (size_t i = begin; i < end; i++) {
			int64_t t = kept_floor(x->time[i], step);

			if (n > first && x->time[n - 1] == t) {
				x->count[n - 1] += x->count[i];
				if (x->kind != KEPT_COUNT)
					kept_fold(x->kind, &x->sum[n - 1], x->sum[i]);
				continue;
			}
			x->time[n] = t;
			if (x->kind != KEPT_COUNT)
				x->sum[n] = x->sum[i];
			x->count[n++] = x->count[i];
		}
		begin = end;
		x->start[s + 1] = n;
	}
	x->n = n;
	x->step = step;
}

int
kept_give(const struct kept_cells *x, int64_t from, int64_t to, int part, int (*each)(void *, int part, const struct kept_counts *), void *self)
{
	int rc = 0;

	for (size_t s = 0; s < x->n_series && rc == 0; s++) {
		const int64_t *time = x->time + x->start[s];
		size_t n = x->start[s + 1] - x->start[s], low = store_first_not_before(time, n, from), high = store_first_not_before(time, n, to);
		struct kept_counts one = { x->label + s * (size_t)x->n_by, time + low, x->count + x->start[s] + low,
			x->sum ? x->sum + x->start[s] + low : NULL, high - low };

		if (low < high)
			rc = each(self, part, &one);
	}
	return rc;
}

/* ---- as bytes */

static void
put_sum(struct buf *to, enum kept_kind kind, __int128 sum)
{
	int zeros = 0;

	if (kind == KEPT_SUM || kind == KEPT_MEAN) {
		for (; zeros < 9 && sum % 10 == 0; zeros++)
			sum /= 10;
		buf_byte(to, (char)zeros);
		varint_put_signed(to, (int64_t)sum);
	} else {
		uint64_t bits = (uint64_t)sum;

		for (int i = 0; i < 8; i++)
			buf_byte(to, (char)(bits >> (8 * i)));
	}
}

int
kept_can_encode(const struct kept_cells *x)
{
	for (size_t i = 0; i < x->n && (x->kind == KEPT_SUM || x->kind == KEPT_MEAN); i++)
		if (x->sum[i] != (int64_t)x->sum[i])
			return 0;
	return 1;
}

void
kept_encode(const struct kept_cells *x, struct buf *to)
{
	buf_byte(to, (char)(STATE + x->kind));
	varint_put(to, (uint64_t)x->step);
	varint_put(to, (uint64_t)x->n_by);
	varint_put(to, x->n_series);
	for (size_t s = 0; s < x->n_series; s++) {
		size_t begin = x->start[s], end = x->start[s + 1];

		for (int k = 0; k < x->n_by; k++) {
			const struct cell *v = &x->label[s * (size_t)x->n_by + (size_t)k];

			buf_byte(to, (char)v->type);
			if (v->type == CELL_INTEGER)
				varint_put_signed(to, v->integer);
			else if (v->type == CELL_REAL)
				buf_add(to, &v->real, sizeof(v->real));
			else if (v->type == CELL_TEXT)
				varint_put_str(to, v->text);
		}
		varint_put(to, end - begin);
		for (size_t i = begin; i < end; i++) {
			if (i == begin)
				varint_put_signed(to, x->time[i] / x->step);
			else
				varint_put(to, (uint64_t)((x->time[i] - x->time[i - 1]) / x->step));
			varint_put(to, x->count[i]);
			if (x->kind != KEPT_COUNT)
				put_sum(to, x->kind, x->sum[i]);
		}
	}
}

static int
take_label(struct str *rest, struct cell *v)
{
	if (!rest->n)
		return -1;
	*v = (struct cell){ .type = (enum cell_type)(unsigned char)*rest->p };
	rest->p++, rest->n--;
	switch (v->type) {
	case CELL_NULL:
		return 0;
	case CELL_INTEGER:
		return varint_take_signed(rest, &v->integer);
	case CELL_REAL:
		if (rest->n < sizeof(v->real))
			return -1;
		memcpy(&v->real, rest->p, sizeof(v->real));
		rest->p += sizeof(v->real), rest->n -= sizeof(v->real);
		return 0;
	case CELL_TEXT:
		return varint_take_str(rest, &v->text);
	default:
		return -1;
	}
}

static inline int
take_small(struct str *rest, uint64_t *v)       /* a varint that is mostly one byte */
{
	if (rest->n && !(*rest->p & 0x80)) {
		*v = (unsigned char)*rest->p;
		rest->p++, rest->n--;
		return 0;
	}
	return varint_take(rest, v);
}

static int
take_sum(struct str *rest, enum kept_kind kind, __int128 *sum)
{
	uint64_t bits = 0;
	int64_t digits;

	if (kind == KEPT_SUM || kind == KEPT_MEAN) {
		int zeros = rest->n ? (unsigned char)*rest->p : 10;

		if (zeros > 9)
			return -1;
		rest->p++, rest->n--;
		if (varint_take_signed(rest, &digits))
			return -1;
		for (*sum = digits; zeros; zeros--)
			*sum *= 10;
		return 0;
	}
	if (rest->n < 8)
		return -1;
	for (int i = 0; i < 8; i++)
		bits |= (uint64_t)(unsigned char)rest->p[i] << (8 * i);
	rest->p += 8, rest->n -= 8;
	*sum = bits;
	return isfinite(kept_double(*sum)) ? 0 : -1;
}

static int
take_times(struct kept_cells *x, struct str *rest)
{
	int64_t at = 0, least = TIME_MIN / x->step - 1, greatest = TIME_MAX / x->step;
	uint64_t n, gap, many;

	if (varint_take(rest, &n) || n > rest->n / 2)   /* two bytes each at least */
		return -1;
	room_for_cells(x, x->n + n);
	for (uint64_t i = 0; i < n; i++) {
		if (i == 0 ? varint_take_signed(rest, &at) : take_small(rest, &gap))
			return -1;
		if (i && (gap == 0 || gap > (uint64_t)(greatest - least)))
			return -1;
		at += i ? (int64_t)gap : 0;
		if (take_small(rest, &many) || many == 0 || many > COUNT_MOST || at < least || at > greatest)
			return -1;
		if (x->kind != KEPT_COUNT && take_sum(rest, x->kind, &x->sum[x->n]))
			return -1;
		x->time[x->n] = at * x->step;
		x->count[x->n++] = (uint32_t)many;
	}
	return 0;
}

int
kept_decode(struct kept_cells *x, struct str state, enum kept_kind kind, int n_by)
{
	uint64_t step, labels, series;

	if (!state.n || *state.p != (char)(STATE + kind))
		return -1;
	x->kind = kind;
	state.p++, state.n--;
	if (varint_take(&state, &step) || (step != KEPT_MINUTE && step != KEPT_HOUR) || varint_take(&state, &labels) ||
	    labels != (uint64_t)n_by || n_by > KEPT_BY_MOST || varint_take(&state, &series) || series > state.n)
		return -1;
	x->step = (int64_t)step;
	x->n_by = n_by;
	x->n_series = series;
	x->n = 0;
	if ((series + 1) * ((size_t)n_by + 1) > x->label_cap)
		x->label = mem_grow(x->label, x->label_cap = (series + 1) * ((size_t)n_by + 1), sizeof(*x->label));
	if (series + 2 > x->start_cap)
		x->start = mem_grow(x->start, x->start_cap = series + 2, sizeof(*x->start));
	x->start[0] = 0;
	for (uint64_t s = 0; s < series; s++) {
		for (int k = 0; k < n_by; k++)
			if (take_label(&state, &x->label[s * (size_t)n_by + (size_t)k]))
				return -1;
		if (take_times(x, &state))
			return -1;
		x->start[s + 1] = x->n;
	}
	return state.n ? -1 : 0;
}
