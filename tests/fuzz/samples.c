/* Any bytes as a piece of samples: refused, or rising times that come back the same, bit for bit. Any doubles, too. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "store/samples.h"

int LLVMFuzzerTestOneInput(const unsigned char *, size_t);

static void
round_trip(const struct samples_point *p, size_t n)
{
	struct samples_point *back = mem_grow(NULL, SAMPLES_MOST, sizeof(*back));
	struct buf b = { 0 };

	samples_pack(&b, p, n);
	assert(samples_unpack(buf_get(&b), back) == (int)n);
	for (size_t i = 0; i < n; i++)
		assert(back[i].time == p[i].time && memcmp(&back[i].value, &p[i].value, 8) == 0 && !back[i].state.p == !p[i].state.p &&
		    str_eq(back[i].state, p[i].state));
	buf_release(&b);
	free(back);
}

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t n)
{
	struct samples_point *p = mem_grow(NULL, SAMPLES_MOST, sizeof(*p));
	int many = samples_unpack((struct str){ (const char *)data, n }, p);

	if (many > 0) {
		for (int i = 1; i < many; i++)
			assert(p[i].time > p[i - 1].time);
		round_trip(p, (size_t)many);
	}
	many = 0;
	for (size_t at = 0; at + 9 <= n && many < SAMPLES_MOST; at += 9, many++) {
		p[many] = (struct samples_point){ .time = (many ? p[many - 1].time : -1000) + 1 + data[at] };
		memcpy(&p[many].value, data + at + 1, 8);
		if (data[at] % 3 == 0)
			p[many].state = (struct str){ (const char *)data + at, data[at] % 9 };
		if (data[at] % 5 == 0)
			p[many].value = (double)(data[at + 1] * 256 + data[at + 2]) / 100;
	}
	if (many)
		round_trip(p, (size_t)many);
	free(p);
	return 0;
}
