/* A text with no foul bytes says what it says; one with a figure more does not pass. Nothing is read beyond either end. */
#include <stdlib.h>

#include "base/buf.h"
#include "insight/checked.h"

int LLVMFuzzerTestOneInput(const unsigned char *, size_t);

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	size_t half = size / 2;
	char *a = malloc(half + 1), *b = malloc(size - half + 1);
	struct buf more = { 0 };

	if (!a || !b)
		abort();
	if (size) {
		memcpy(a, data, half);
		memcpy(b, data + half, size - half);
	}
	if (checked_against((struct str){ a, half }, (struct str){ b, size - half }) && !checked_against((struct str){ a, half }, (struct str){ a, half }))
		abort();
	if (checked_against((struct str){ b, size - half }, (struct str){ b, size - half })) {
		buf_add(&more, b, size - half);
		buf_lit(&more, " 91827364.5");
		if (checked_against(buf_get(&more), (struct str){ b, size - half }))
			abort();
	}
	buf_release(&more);
	free(a);
	free(b);
	return 0;
}
