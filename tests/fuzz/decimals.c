/* Arrays of doubles: any bytes are refused, or give doubles that come back from what they are put to, bit by bit.
 *
 * Byte 0: 0 doubles made by the bytes are put and taken; else the bytes are taken as such: 2 bytes n, bytes. */
#include <math.h>
#include <stdlib.h>

#include "codec/decimals.h"

int LLVMFuzzerTestOneInput(const unsigned char *, size_t);

#define MOST 3000

static double value[MOST], again[MOST];

static void
put_and_take(size_t n)
{
	static const double power[DECIMALS_DIGITS + 1] = { 1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
	    1e16, 1e17, 1e18 };
	struct buf b = { 0 };
	struct str rest;

	for (int entropy = 0; entropy < 2; entropy++) {
		buf_clear(&b);
		(entropy ? decimals_put_entropy : decimals_put)(&b, value, n);
		rest = buf_get(&b);
		if (decimals_take(&rest, again, n) < 0 || rest.n || memcmp(value, again, n * sizeof(*value)) != 0)
			abort();
	}
	for (size_t i = 0; i < n && i < 100; i++) {
		int64_t digits;
		int e = decimals_split(value[i], &digits);
		double back = e < 0 ? value[i] : (double)digits / power[e];

		if (memcmp(&back, &value[i], sizeof(back)) != 0 || (e > 0 && digits % 10 == 0))
			abort();
	}
	buf_release(&b);
}

/* Each piece: how, then a number of 2 bytes or any double. */
static void
make(const unsigned char *p, size_t size)
{
	const unsigned char *end = p + size;
	size_t n = 0;

	while (end - p >= 9 && n < MOST) {
		int how = *p++;

		if (how & 1) {
			memcpy(&value[n++], p, 8);
			p += 8;
			continue;
		}
		for (int k = 0; k <= how >> 5 && n < MOST; k++)
			value[n++] = (double)((p[0] | p[1] << 8) + k) / pow(10, how >> 1 & 15);
		p += 2;
	}
	put_and_take(n);
}

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	struct str rest;
	size_t n;

	if (size && data[0] == 0)
		make(data + 1, size - 1);
	if (size < 3 || data[0] == 0)
		return 0;
	n = (data[1] | (size_t)data[2] << 8) % MOST;
	rest = (struct str){ (const char *)data + 3, size - 3 };
	if (decimals_take(&rest, value, n) == 0)
		put_and_take(n);
	else if (rest.n != size - 3)
		abort();
	return 0;
}
