/* Arrays of numbers: any bytes are refused, or give numbers that come back from what they are put to; codes are below their limit.
 *
 * Byte 0: 0 numbers made by the bytes are put and taken; else the bytes are taken as such: 2 bytes n, 2 bytes limit (codes), bytes. */
#include <stdlib.h>

#include "base/mem.h"
#include "codec/integers.h"

int LLVMFuzzerTestOneInput(const unsigned char *, size_t);

#define MOST 5000

static int64_t number[MOST], again[MOST];
static uint32_t code[MOST], code_again[MOST];

static void
put_and_take(size_t n)
{
	struct buf b = { 0 };
	struct str rest;

	integers_put(&b, number, n);
	if (integers_size(number, n) != b.n)
		abort();
	rest = buf_get(&b);
	if (integers_take(&rest, again, n) < 0 || rest.n || memcmp(number, again, n * sizeof(*number)) != 0)
		abort();
	buf_release(&b);
}

static void
put_and_take_codes(size_t n, uint32_t limit)
{
	struct buf b = { 0 };
	struct str rest;

	integers_put_codes(&b, code, n, limit);
	rest = buf_get(&b);
	if (integers_take_codes(&rest, code_again, n, limit) < 0 || rest.n || memcmp(code, code_again, n * sizeof(*code)) != 0)
		abort();
	buf_release(&b);
}

/* Each byte says how the next numbers follow from the last: again, a step, a step changed by a little, or any number; how often. */
static void
make(const unsigned char *p, size_t size)
{
	const unsigned char *end = p + size;
	uint64_t v = 0, step = 1;
	size_t n = 0;

	while (end - p >= 2) {
		int how = *p++, often = *p++;

		if (how & 4 && end - p >= 8) {
			memcpy(how & 8 ? &step : &v, p, 8);
			p += 8;
			if (how & 16)
				v >>= how >> 5 << 3;
		}
		for (int k = 0; k <= often && n < MOST; k++) {
			if ((how & 3) == 1)
				v += step;
			else if ((how & 3) == 2)
				v += step += (unsigned)k % 3 - 1;
			else if ((how & 3) == 3 && p < end)
				v = (v & ~(uint64_t)255) | *p++;
			number[n] = (int64_t)v;
			code[n] = (uint32_t)v & 0xffff;
			n++;
		}
	}
	put_and_take(n);
	put_and_take_codes(n, 0x10000);
}

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	struct str rest;
	size_t n;
	uint32_t limit;

	if (size && data[0] == 0)
		make(data + 1, size - 1);
	if (size < 5 || data[0] == 0)
		return 0;
	n = (data[1] | (size_t)data[2] << 8) % MOST;
	limit = data[3] | (uint32_t)data[4] << 8;
	limit = data[0] & 2 ? limit << 16 : limit;
	rest = (struct str){ (const char *)data + 5, size - 5 };
	if (integers_take(&rest, number, n) == 0)
		put_and_take(n);
	else if (rest.n != size - 5)
		abort();
	rest = (struct str){ (const char *)data + 5, size - 5 };
	if (integers_take_codes(&rest, code, n, limit) == 0) {
		for (size_t i = 0; i < n; i++)
			if (code[i] >= limit)
				abort();
		put_and_take_codes(n, limit);
	} else if (rest.n != size - 5) {
		abort();
	}
	return 0;
}
