#include "codec/bitmap.h"

#include "codec/bitmap_priv.h"

void
bitmap_of(const uint32_t *code, size_t n, const uint32_t *is, size_t codes, uint64_t *bits)
{
	bitmap_priv_used->of(code, n, is, codes, bits);
}

void
bitmap_equal(const uint32_t *code, size_t n, uint32_t one, uint64_t *bits)
{
	bitmap_priv_used->equal(code, n, one, bits);
}

size_t
bitmap_count(const uint64_t *bits, size_t n)
{
	return bitmap_priv_used->count(bits, n);
}

size_t
bitmap_rows(const uint64_t *bits, size_t n, uint32_t first, uint32_t *row)
{
	return bitmap_priv_used->rows(bits, n, first, row);
}

void
bitmap_spread32(const uint64_t *bits, size_t n, const uint32_t *value, uint32_t more, uint32_t *out)
{
	bitmap_priv_used->spread32(bits, n, value, more, out);
}

void
bitmap_spread64(const uint64_t *bits, size_t n, const int64_t *value, int64_t *out)
{
	bitmap_priv_used->spread64(bits, n, value, out);
}

void
bitmap_map(const uint32_t *code, size_t n, const uint32_t *to, uint32_t *out)
{
	for (size_t i = 0; i < n; i++)          /* gathering eight at a time is no faster */
		out[i] = to[code[i]];
}
