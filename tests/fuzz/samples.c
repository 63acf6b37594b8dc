/* Any bytes as a piece of samples: refused, or rising times that come back the same, bit for bit. Any doubles, too. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "store/series_priv.h"

int LLVMFuzzerTestOneInput(const unsigned char *, size_t);

static void
round_trip(struct samples_coder *c, const struct samples *x)
{
	struct samples back = { 0 };
	struct samples_head head;
	struct buf b = { 0 };

	samples_pack(c, &b, x, 0, x->n);
	assert(samples_unpack(c, buf_get(&b), &back) == (int)x->n && back.n_states == x->n_states);
	assert(samples_peek(c, buf_get(&b), &head) == 0 && head.n == x->n && head.first == x->time[0] && head.last == x->time[x->n - 1]);
	for (size_t i = 0; i < x->n; i++)
		assert(back.time[i] == x->time[i] && memcmp(&back.value[i], &x->value[i], 8) == 0 && !back.state[i].p == !x->state[i].p &&
		    str_eq(back.state[i], x->state[i]));
	buf_release(&b);
	samples_release(&back);
}

/* Any integers as a column, and a value by itself. */
static void
round_trip_ints(struct samples_coder *c, const unsigned char *data, size_t n)
{
	size_t many = n / 8 < PLANES_MOST ? n / 8 : PLANES_MOST;
	int64_t *x = mem_grow(NULL, 2 * many + 1, sizeof(*x));
	struct buf b = { 0 };
	struct str rest;
	double v, back;

	memcpy(x, data, many * 8);
	for (size_t i = 0; n && i < many && data[0] % 2; i++)   /* small ones too */
		x[i] = x[i] % (1 + data[0]) * (n > 1 ? data[1] : 1);
	planes_pack(&c->planes, &b, x, many);
	rest = buf_get(&b);
	assert(planes_unpack(&c->planes, &rest, x + many, many) == 0 && rest.n == 0 && memcmp(x, x + many, many * 8) == 0);
	buf_clear(&b);
	if (many) {
		memcpy(&v, data, 8);
		samples_put_value(&b, v);
		rest = buf_get(&b);
		assert(samples_take_value(&rest, &back) == 0 && rest.n == 0 && memcmp(&v, &back, 8) == 0);
	}
	buf_release(&b);
	free(x);
}

static int
count_batch(void *self, uint64_t series, int64_t time, double value, struct str state)
{
	uint64_t *last = self;

	(void)time, (void)value;
	assert(series >= *last && series <= STORE_SERIES_MOST && (!state.p || state.n < 1u << 30));
	*last = series;
	return 0;
}

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t n)
{
	struct samples_coder c = { 0 };
	struct samples x = { 0 };
	struct str rest = { (const char *)data, n };
	double v;

	if (samples_unpack(&c, rest, &x) > 0) {
		for (size_t i = 1; i < x.n; i++)
			assert(x.time[i] > x.time[i - 1]);
		round_trip(&c, &x);
	}
	samples_take_value(&rest, &v);
	{                               /* as a batch of the tail, with its head and without packing too */
		uint64_t last = 0;
		struct buf batch = { 0 }, body = { 0 };

		store_batch_each(&c, (struct str){ (const char *)data, n }, &body, count_batch, &last);
		buf_add(&batch, "\1\1\1\0", 4);
		for (size_t left = n; ; left >>= 7) {   /* the length of the body */
			buf_byte(&batch, (char)((left & 127) | (left > 127 ? 128 : 0)));
			if (left <= 127)
				break;
		}
		buf_add(&batch, data, n);
		last = 0;
		store_batch_each(&c, buf_get(&batch), &body, count_batch, &last);
		buf_release(&batch);
		buf_release(&body);
	}
	samples_clear(&x);
	for (size_t at = 0; at + 9 <= n && x.n < SAMPLES_MOST; at += 9) {
		struct str state = { 0 };

		if (data[at] % 3 == 0)
			state = (struct str){ (const char *)data + at, data[at] % 9 };
		memcpy(&v, data + at + 1, 8);
		if (data[at] % 5 == 0)
			v = (double)(data[at + 1] * 256 + data[at + 2]) / 100;
		samples_add(&x, (x.n ? x.time[x.n - 1] : -1000) + 1 + data[at], v, state);
	}
	if (x.n)
		round_trip(&c, &x);
	round_trip_ints(&c, data, n);
	samples_release(&x);
	samples_coder_release(&c);
	return 0;
}
