/* Arrays of codes and numbers: any bytes are refused, or give what comes back from what it is put to; codes are below their limit.
 *
 * Byte 0: 0 codes made by the bytes are put and taken; else the bytes are taken as such: 2 bytes n, 2 bytes limit, bytes. */
#include <stdlib.h>

#include "codec/entropy.h"

int LLVMFuzzerTestOneInput(const unsigned char *, size_t);

#define MOST 5000

static int64_t number[MOST], again[MOST];
static uint32_t code[MOST], code_again[MOST];

static void
put_and_take(size_t n)
{
	struct buf b = { 0 };
	struct str rest;

	entropy_put(&b, number, n);
	rest = buf_get(&b);
	if (entropy_take(&rest, again, n) < 0 || rest.n || memcmp(number, again, n * sizeof(*number)) != 0)
		abort();
	buf_release(&b);
}

static void
put_and_take_codes(size_t n, uint32_t limit)
{
	struct buf b = { 0 };
	struct str rest;

	entropy_put_codes(&b, code, n, limit);
	rest = buf_get(&b);
	if (entropy_take_codes(&rest, code_again, n, limit) < 0 || rest.n || memcmp(code, code_again, n * sizeof(*code)) != 0)
		abort();
	buf_release(&b);
}

/* Of each byte the low half says how many codes follow, the high half how skewed they are. */
static void
make(const unsigned char *p, size_t size)
{
	uint32_t limit = size >= 2 ? 1 + (p[0] | (uint32_t)(p[1] & 15) << 8) : 1;
	uint64_t chance = size;
	size_t n = 0;

	for (size_t i = 2; i < size && n < MOST; i++)
		for (unsigned k = 0; k <= p[i] % 16u && n < MOST; k++) {
			chance = (chance + p[i]) * 6364136223846793005u + 1;
			code[n] = (uint32_t)(chance >> 40) % limit >> (chance >> 20) % (1 + (p[i] >> 4));
			number[n] = code[n] - (int64_t)p[1] * 3;
			n++;
		}
	put_and_take(n);
	put_and_take_codes(n, limit);
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
	rest = (struct str){ (const char *)data + 5, size - 5 };
	if (entropy_take(&rest, number, n) == 0)
		put_and_take(n);
	else if (rest.n != size - 5)
		abort();
	rest = (struct str){ (const char *)data + 5, size - 5 };
	if (entropy_take_codes(&rest, code, n, limit) == 0) {
		for (size_t i = 0; i < n; i++)
			if (code[i] >= limit)
				abort();
		put_and_take_codes(n, limit);
	} else if (rest.n != size - 5) {
		abort();
	}
	return 0;
}
