/* kept_numbers.c - sums, averages, least and greatest of events by labels and time, from the metric rows that at-agg makes of them: what
 * counts as a number there, and how it is summed, is at-agg's to say. */
#include <math.h>

#include "base/time.h"
#include "query/kept_priv.h"
#include "window/number.h"

#define SUM_MOST ((__int128)1 << 100)   /* so that as many as there can be are still added up within 127 bits */

/* DIGITSeEXP in 10^-9. 0, or -1 when it is too large or too fine. */
static int
read_sum(struct str text, __int128 *sum)
{
	struct str digits;
	int64_t exp = 0;
	int minus;

	if (!str_cut(&text, 'e', &digits) || (text.p && str_int64(text, &exp)) || exp < -9 || exp > 20)
		return -1;
	minus = digits.n && *digits.p == '-';
	digits.p += minus, digits.n -= (size_t)minus;
	*sum = 0;
	for (size_t i = 0; i < digits.n; i++) {
		if (digits.p[i] < '0' || digits.p[i] > '9' || *sum > SUM_MOST)
			return -1;
		*sum = *sum * 10 + (digits.p[i] - '0');
	}
	for (exp += 9; exp > 0 && *sum <= SUM_MOST; exp--)
		*sum *= 10;
	if (!digits.n || *sum > SUM_MOST)
		return -1;
	*sum = minus ? -*sum : *sum;
	return 0;
}

/* "sum1:N;DIGITSeEXP" of the row's states. 1, 0 there is none, -1. */
static int
sum_of(struct json states, __int128 *sum, int64_t *n)
{
	struct buf scratch = { 0 };
	int rc = 0;

	for (struct json_iter it = json_iter(states); rc == 0 && states.type == JSON_OBJECT && json_next(&it); ) {
		int list = it.value.type == JSON_ARRAY;
		struct json_iter parts = json_iter(it.value);

		for (int more = list ? json_next(&parts) : 1; more && rc == 0; more = list && json_next(&parts)) {
			struct str text = json_text(list ? parts.value : it.value, &scratch), count;

			if (!text.p || !str_starts(text, STR("sum1:")))
				continue;
			text.p += 5, text.n -= 5;
			rc = str_cut(&text, ';', &count) && text.p && str_int64(count, n) == 0 && read_sum(text, sum) == 0 ? 1 : -1;
		}
	}
	buf_release(&scratch);
	return rc;
}

/* The last number of a row is its aggregate. */
static struct json
number_in(struct json row)
{
	struct json last = JSON_ABSENT;

	for (struct json_iter it = json_iter(row); json_next(&it); )
		if (it.value.type == JSON_NUMBER)
			last = it.value;
	return last;
}

/* A row's value: 1, 0 it has none, -1 cells cannot say it. */
static int
value_of(enum kept_kind kind, struct json row, struct met *met)
{
	struct json number = number_in(row);
	struct number_sum one = { 0 };
	struct number sum;
	uint64_t bits;
	int64_t n = 1;
	double x;
	int rc = 1;

	met->count = 1;
	met->sum = 0;
	switch (kind) {
	case KEPT_COUNT:
		if (number.type != JSON_NUMBER || str_int64((struct str){ number.p, number.n }, &n) || n < 0 || n > UINT32_MAX)
			return -1;
		met->count = (uint32_t)n;
		return n > 0;
	case KEPT_SUM:
	case KEPT_MEAN:
		if ((rc = sum_of(json_get(row, STR("states")), &met->sum, &n)) == 0 && kind == KEPT_SUM && number_of(number, &sum)) {
			struct buf text = { 0 };        /* the row has the sum itself where that loses nothing */

			number_sum_add(&one, &sum);
			number_sum_text(&one, &text);
			number_sum_release(&one);
			rc = read_sum(buf_get(&text), &met->sum) == 0 ? 1 : -1;
			buf_release(&text);
		}
		if (kind == KEPT_SUM)
			return rc > 0 ? 1 : -1;
		met->count = (uint32_t)n;
		return rc < 0 || n < 0 || n > UINT32_MAX ? -1 : rc > 0 && n > 0;
	default:
		if (number.type != JSON_NUMBER)
			return 0;
		if (!json_double(number, &x) || !isfinite(x))
			return -1;
		memcpy(&bits, &x, sizeof(bits));
		met->sum = bits;
		return 1;
	}
}

int
kept_take_rows(struct kept_counter *c, enum kept_kind kind, const struct kept_question *q, struct str rows, int64_t step)
{
	struct buf scratch = { 0 };
	struct str line;
	int rc = 0;

	kept_begin_cells(c, kind, q->n_by, step);
	for (int k = 0; k < q->n_by; k++)
		map_clear(&c->by[k].map), c->by[k].n = 0;
	while (rc >= 0 && rows.n && str_cut(&rows, '\n', &line)) {
		struct json row = json_value(line), labels = json_get(row, STR("labels"));
		struct met met = { 0 };
		int is_new;
		struct map_entry *e;

		if (time_parse_rfc3339(json_text(json_get(row, STR("timestamp")), &scratch), &met.time) < 0) {
			rc = -1;
			break;
		}
		if ((rc = value_of(kind, row, &met)) <= 0)
			continue;
		e = map_put(&c->series, labels.type == JSON_OBJECT ? json_raw(labels) : STR("{}"), &is_new);
		if (is_new) {
			struct cell label[KEPT_BY_MOST];

			for (int k = 0; k < q->n_by; k++)
				label[k] = kept_label(c, k, cell_of_json(json_get(labels, q->by[k]), &scratch));
			e->num = kept_new_series(c, label);
		}
		met.series = (uint32_t)e->num;
		kept_met(c, met);
	}
	buf_release(&scratch);
	kept_sort_met(c);
	return rc < 0 ? -1 : 0;
}
