#include "store/samples.h"

#include <math.h>

#include "codec/varint.h"

#define EXACT 9007199254740992.0        /* 2^53: integers up to it are doubles */

static const double tens[] = { 1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9 };

static int
same(double a, double b)
{
	return memcmp(&a, &b, sizeof(a)) == 0;
}

/* value × 10^k as an integer, where that loses nothing. */
static int
scaled(double v, int k, int64_t *i)
{
	double x = v * tens[k];

	if (!(x >= -EXACT && x <= EXACT))
		return 0;
	*i = llrint(x);
	return same((double)*i / tens[k], v);
}

static int
form_of(const struct samples_point *p, size_t n)
{
	int64_t i;
	int k = 0;

	for (size_t at = 0; at < n; at++) {
		while (k < 10 && !scaled(p[at].value, k, &i))
			k++;
		if (k == 10)
			return 0;
	}
	for (size_t at = 0; at < n; at++)       /* the greater power must hold for those before too */
		if (!scaled(p[at].value, k, &i))
			return 0;
	return 1 + k;
}

void
samples_pack(struct buf *b, const struct samples_point *p, size_t n)
{
	int form = form_of(p, n), states = 0;
	uint64_t step = 0;
	int64_t was = 0;

	varint_put(b, n);
	buf_byte(b, (char)form);
	for (size_t i = 0; i < n; i++) {
		if (i == 0) {
			varint_put_signed(b, p[0].time);
		} else {
			uint64_t now = (uint64_t)p[i].time - (uint64_t)p[i - 1].time;

			varint_put_signed(b, (int64_t)(now - step));
			step = now;
		}
		states |= p[i].state.p != NULL;
	}
	for (size_t i = 0; i < n; i++)
		if (form == 0) {
			uint64_t bits;

			memcpy(&bits, &p[i].value, 8);
			for (int k = 0; k < 8; k++)
				buf_byte(b, (char)(bits >> (8 * k)));
		} else {
			int64_t now = 0;

			scaled(p[i].value, form - 1, &now);
			varint_put_signed(b, now - was);
			was = now;
		}
	buf_byte(b, (char)states);
	for (size_t i = 0; i < n && states; i++) {
		varint_put(b, p[i].state.p ? p[i].state.n + 1 : 0);
		buf_str(b, p[i].state);
	}
}

int
samples_unpack(struct str in, struct samples_point *p)
{
	uint64_t n, step = 0, len;
	int64_t d, was = 0;
	int form, states;

	if (varint_take(&in, &n) || n == 0 || n > SAMPLES_MOST || in.n == 0)
		return -1;
	form = (unsigned char)in.p[0];
	in.p++;
	in.n--;
	if (form > 10)
		return -1;
	for (uint64_t i = 0; i < n; i++) {
		if (varint_take_signed(&in, &d))
			return -1;
		p[i].state = (struct str){ 0 };
		if (i == 0) {
			p[0].time = d;
			continue;
		}
		step += (uint64_t)d;
		if (step == 0 || step > INT64_MAX || __builtin_add_overflow(p[i - 1].time, (int64_t)step, &p[i].time))
			return -1;
	}
	for (uint64_t i = 0; i < n; i++)
		if (form == 0) {
			uint64_t bits = 0;

			if (in.n < 8)
				return -1;
			for (int k = 7; k >= 0; k--)
				bits = bits << 8 | (unsigned char)in.p[k];
			memcpy(&p[i].value, &bits, 8);
			in.p += 8;
			in.n -= 8;
		} else {
			if (varint_take_signed(&in, &d))
				return -1;
			was = (int64_t)((uint64_t)was + (uint64_t)d);
			p[i].value = (double)was / tens[form - 1];
		}
	if (in.n == 0)
		return -1;
	states = in.p[0];
	in.p++;
	in.n--;
	if (states & ~1)
		return -1;
	for (uint64_t i = 0; i < n && states; i++) {
		if (varint_take(&in, &len) || (len && len - 1 > in.n))
			return -1;
		if (len) {
			p[i].state = (struct str){ in.p, len - 1 };
			in.p += len - 1;
			in.n -= len - 1;
		}
	}
	return in.n ? -1 : (int)n;
}
