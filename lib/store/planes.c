#include "store/planes.h"

#include <math.h>
#include <stdlib.h>
#include <zstd.h>

#include "base/mem.h"
#include "codec/varint.h"

#define LEVEL      1            /* of zstd: planes are noise or nearly constant, higher ones gain 1 % */
#define TOO_SMALL  64           /* numbers not worth packing */
#define LOOKED_AT  16           /* blocks by which the way is chosen */
#define BY_BASES   4            /* bits of the first byte */
#define LOW_BITS   8
#define ORDERS     3

enum { PLAIN, PACKED, CONSTANT };

void
planes_release(struct planes_coder *c)
{
	ZSTD_freeCCtx(c->pack);
	ZSTD_freeDCtx(c->unpack);
	free(c->left);
	free(c->plane);
	*c = (struct planes_coder){ 0 };
}

static void
make_ready(struct planes_coder *c)
{
	if (c->left)
		return;
	c->left = mem_grow(NULL, (size_t)ORDERS * PLANES_MOST, sizeof(*c->left));
	c->plane = mem_grow(NULL, (size_t)8 * PLANES_MOST, 1);
}

static inline uint64_t
zigzag(uint64_t x)
{
	return x << 1 ^ (uint64_t)((int64_t)x >> 63);
}

static inline uint64_t
unzigzag(uint64_t x)
{
	return x >> 1 ^ (0 - (x & 1));
}

static int
planes_of(uint64_t bits)
{
	return bits ? 8 - __builtin_clzll(bits) / 8 : 0;
}

static uint64_t
size_of(uint64_t x)
{
	return (int64_t)x < 0 ? 0 - x : x;
}

/* The greatest common divisor of all, 1 for none. */
static uint64_t
divisor(const uint64_t *x, size_t n)
{
	uint64_t g = 0;

	for (size_t i = 0; i < n && g != 1; i++) {
		uint64_t a = size_of(x[i]), b;

		if (a == 0 || (g && a % g == 0))
			continue;
		for (; g; g = b) {
			b = a % g;
			a = g;
		}
		g = a;
	}
	return g ? g : 1;
}

static void
divide(uint64_t *x, size_t n, uint64_t by)
{
	if (by == 1)
		return;
	if ((by & (by - 1)) == 0) {
		int shift = __builtin_ctzll(by);

		for (size_t i = 0; i < n; i++)          /* exact, so the sign comes along */
			x[i] = (uint64_t)((int64_t)x[i] >> shift);
		return;
	}
	for (size_t i = 0; i < n; i++)
		x[i] = (uint64_t)((int64_t)x[i] / (int64_t)by);
}

static uint64_t
least(const uint64_t *x, size_t n)
{
	int64_t min = (int64_t)x[0];

	for (size_t i = 1; i < n; i++)
		min = (int64_t)x[i] < min ? (int64_t)x[i] : min;
	return (uint64_t)min;
}

/* About how many bits n numbers would take: the entropy of each plane, by LOOKED_AT blocks of them. */
static double
bits_of(const uint64_t *x, size_t n, int by_bases)
{
	uint16_t seen[8][256] = { 0 };
	size_t blocks = (n + PLANES_BLOCK - 1) / PLANES_BLOCK, step = blocks > LOOKED_AT ? blocks / LOOKED_AT : 1, looked = 0;
	uint64_t all = 0;
	double bits = 0;

	for (size_t b = 0; b < blocks; b += step) {
		const uint64_t *p = x + b * PLANES_BLOCK;
		size_t m = n - b * PLANES_BLOCK < PLANES_BLOCK ? n - b * PLANES_BLOCK : PLANES_BLOCK;
		uint64_t base = by_bases ? least(p, m) : 0;

		for (size_t i = 0; i < m; i++) {
			uint64_t r = by_bases ? p[i] - base : zigzag(p[i]);

			all |= r;
			seen[0][r & 255]++;
			for (int k = 1; k < 8 && (r >> 8 * k); k++)
				seen[k][r >> 8 * k & 255]++;
		}
		looked += m;
	}
	for (int k = planes_of(all) - 1; k >= 0; k--) {
		double h = 0;
		size_t others = 0;

		for (int i = 1; i < 256; i++)
			others += seen[k][i];
		seen[k][0] = (uint16_t)(looked - others);
		for (int i = 0; i < 256; i++)
			if (seen[k][i])
				h += seen[k][i] * log2((double)looked / seen[k][i]);
		bits += n < TOO_SMALL && h > 0 ? 8.0 * (double)looked : h;
	}
	return bits * (double)n / (double)looked + (by_bases ? 12.0 * (double)blocks : 0);
}

static int
width_of(uint64_t bits)
{
	return bits ? 64 - __builtin_clzll(bits) : 0;
}

/* How many low bits are better put by themselves: so many that the highest plane is full. */
static int
low_bits(const uint64_t *x, size_t n, uint64_t all)
{
	int width = width_of(all), low = width % 8;
	uint16_t seen[2][256] = { 0 };
	size_t step = n > 4096 ? n / 2048 : 1, looked = 0;
	double bits[2] = { 0 };

	if (width < 9 || low == 0 || n < TOO_SMALL)
		return 0;
	for (size_t i = 0; i < n; i += step, looked++) {        /* the two highest bytes of both ways; the others are the same noise */
		seen[0][x[i] >> (width - low)]++;
		seen[1][x[i] >> (width - 8) & 255]++;
	}
	for (int k = 0; k < 2; k++)
		for (int i = 0; i < 256; i++)
			if (seen[k][i])
				bits[k] += seen[k][i] * log2((double)looked / seen[k][i]);
	return bits[0] + 8.0 * (double)looked > bits[1] + (low + 0.1) * (double)looked ? low : 0;
}

static void
put_low(struct buf *out, const uint64_t *x, size_t n, int low)
{
	unsigned char *p = (unsigned char *)buf_room(out, n * (size_t)low / 8 + 8);
	uint64_t word = 0;
	int have = 0;
	size_t len = 0;

	for (size_t i = 0; i < n; i++) {
		word |= (x[i] & ((1u << low) - 1)) << have;
		for (have += low; have >= 8; have -= 8, word >>= 8)
			p[len++] = (unsigned char)word;
	}
	if (have)
		p[len++] = (unsigned char)word;
	out->n += len;
}

static void
put_plane(struct planes_coder *c, struct buf *out, const unsigned char *p, size_t n)
{
	size_t i = 1, packed = 0, room;

	while (i < n && p[i] == p[0])
		i++;
	if (i == n) {
		buf_byte(out, CONSTANT);
		buf_byte(out, (char)p[0]);
		return;
	}
	if (n >= TOO_SMALL) {
		if (!c->pack)
			c->pack = ZSTD_createCCtx();
		room = ZSTD_compressBound(n);
		if (c->pack)
			packed = ZSTD_compressCCtx(c->pack, buf_room(out, room + 8) + 8, room, p, n, LEVEL);
		if (ZSTD_isError(packed) || packed + 3 >= n)
			packed = 0;
	}
	buf_byte(out, packed ? PACKED : PLAIN);
	if (packed) {
		const char *from = out->p + out->n + 7;

		varint_put(out, packed);
		memmove(out->p + out->n, from, packed);
		out->n += packed;
	} else {
		buf_add(out, p, n);
	}
}

void
planes_pack(struct planes_coder *c, struct buf *out, const int64_t *x, size_t n)
{
	uint64_t *d[ORDERS], *left, base = 0, was = 0, all = 0, by;
	double least_bits = INFINITY;
	int order = 0, by_bases = 0, planes, low;
	size_t m;

	make_ready(c);
	for (int k = 0; k < ORDERS; k++)
		d[k] = c->left + (size_t)k * PLANES_MOST;
	if (n == 0)
		return;
	memcpy(d[0], x, n * sizeof(*x));
	for (size_t i = 1; i < n; i++)
		d[1][i - 1] = d[0][i] - d[0][i - 1];
	for (size_t i = 2; i < n; i++)
		d[2][i - 2] = d[1][i - 1] - d[1][i - 2];
	for (int k = 0; k < ORDERS && (size_t)k < n; k++)
		for (int bases = 0; bases < 2; bases++) {
			double bits = n == (size_t)k ? 0 : bits_of(d[k], n - (size_t)k, bases) + 32 * k;

			if (bits < least_bits) {
				least_bits = bits;
				order = k;
				by_bases = bases;
			}
		}
	left = d[order];
	m = n - (size_t)order;
	by = divisor(left, m);
	if (by > INT64_MAX)
		by = 1;
	divide(left, m, by);
	for (size_t at = 0; by_bases && at < m; at += PLANES_BLOCK) {     /* the bases go behind, until they are written */
		size_t many = m - at < PLANES_BLOCK ? m - at : PLANES_BLOCK;

		base = least(left + at, many);
		for (size_t i = 0; i < many; i++)
			all |= left[at + i] -= base;
		((uint64_t *)(void *)c->plane)[at / PLANES_BLOCK] = base;
	}
	for (size_t i = 0; !by_bases && i < m; i++)
		all |= left[i] = zigzag(left[i]);
	low = low_bits(left, m, all);
	planes = planes_of(all >> low);
	buf_byte(out, (char)(order | by_bases << 2 | (low ? LOW_BITS : 0) | planes << 4));
	if (order >= 1)
		varint_put_signed(out, x[0]);
	if (order == 2)
		varint_put_signed(out, (int64_t)((uint64_t)x[1] - (uint64_t)x[0]));
	if (planes || by_bases)
		varint_put(out, by);
	for (size_t at = 0; by_bases && at < m; at += PLANES_BLOCK) {
		base = ((uint64_t *)(void *)c->plane)[at / PLANES_BLOCK];
		varint_put_signed(out, (int64_t)(base - was));
		was = base;
	}
	if (low) {
		buf_byte(out, (char)low);
		put_low(out, left, m, low);
	}
	for (int k = 0; k < planes; k++) {
		for (size_t i = 0; i < m; i++)
			c->plane[i] = (unsigned char)(left[i] >> (8 * k + low));
		put_plane(c, out, c->plane, m);
	}
}

static int
take_plane(struct planes_coder *c, struct str *rest, unsigned char *to, size_t n, const unsigned char **got)
{
	uint64_t packed;
	int kind;

	if (rest->n < 2)
		return -1;
	kind = rest->p[0];
	rest->p++;
	rest->n--;
	*got = to;
	if (kind == CONSTANT) {
		memset(to, rest->p[0], n);
		packed = 1;
	} else if (kind == PLAIN && rest->n >= n) {
		*got = (const unsigned char *)rest->p;
		packed = n;
	} else if (kind == PACKED) {
		if (varint_take(rest, &packed) || packed > rest->n)
			return -1;
		if (!c->unpack && !(c->unpack = ZSTD_createDCtx()))
			return -1;
		if (ZSTD_decompressDCtx(c->unpack, to, n, rest->p, packed) != n)
			return -1;
	} else {
		return -1;
	}
	rest->p += packed;
	rest->n -= packed;
	return 0;
}

/* Low bits under what the planes gave: eight numbers take `low` bytes. */
static void
join_low(uint64_t *to, const unsigned char *p, size_t n, int low)
{
	const uint64_t mask = (1u << low) - 1;
	size_t i = 0;

	for (; i + 8 <= n; i += 8, p += low) {
		uint64_t word = 0;

		for (int k = 0; k < low; k++)
			word |= (uint64_t)p[k] << 8 * k;
		for (int k = 0; k < 8; k++)
			to[i + (size_t)k] = to[i + (size_t)k] << low | (word >> (k * low) & mask);
	}
	for (size_t bit = 0; i < n; i++, bit += (size_t)low) {
		unsigned two = p[bit / 8] | (bit % 8 + (size_t)low > 8 ? (unsigned)p[bit / 8 + 1] << 8 : 0);

		to[i] = to[i] << low | (two >> bit % 8 & mask);
	}
}

/* The planes put together. One or two of them are the rule, and loops that the compiler makes wide. */
static void
join(uint64_t *to, const unsigned char *const *p, int planes, size_t n)
{
	if (planes == 0)
		memset(to, 0, n * sizeof(*to));
	else if (planes == 1)
		for (size_t i = 0; i < n; i++)
			to[i] = p[0][i];
	else
		for (size_t i = 0; i < n; i++)
			to[i] = p[0][i] | (uint64_t)p[1][i] << 8;
	for (int k = 2; k < planes; k++)
		for (size_t i = 0; i < n; i++)
			to[i] |= (uint64_t)p[k][i] << 8 * k;
}

int
planes_unpack(struct planes_coder *c, struct str *rest, int64_t *out, size_t n)
{
	const unsigned char *plane[8] = { 0 };
	uint64_t *left, by = 1, base = 0, sum, step = 0;
	int64_t x0 = 0, d0 = 0, d, bases[PLANES_MOST / PLANES_BLOCK];
	const unsigned char *low_at = NULL;
	int how, order, by_bases, planes, low = 0;
	size_t m;

	make_ready(c);
	if (n == 0)
		return 0;
	if (n > PLANES_MOST || rest->n < 1)
		return -1;
	how = (unsigned char)rest->p[0];
	order = how & 3;
	by_bases = how & BY_BASES;
	planes = how >> 4;
	rest->p++;
	rest->n--;
	if (order == 3 || planes > 8 || n < (size_t)order)
		return -1;
	m = n - (size_t)order;
	if ((order >= 1 && varint_take_signed(rest, &x0)) || (order == 2 && varint_take_signed(rest, &d0)) ||
	    ((planes || by_bases || how & LOW_BITS) && varint_take(rest, &by)))
		return -1;
	for (size_t at = 0; by_bases && at < m; at += PLANES_BLOCK) {
		if (varint_take_signed(rest, &d))
			return -1;
		base += (uint64_t)d;
		bases[at / PLANES_BLOCK] = (int64_t)base;
	}
	if (how & LOW_BITS) {
		size_t len;

		if (rest->n < 1 || (low = (unsigned char)rest->p[0]) < 1 || low > 7)
			return -1;
		len = (m * (size_t)low + 7) / 8;
		low_at = (const unsigned char *)rest->p + 1;
		if (rest->n - 1 < len)
			return -1;
		rest->p += 1 + len;
		rest->n -= 1 + len;
	}
	for (int k = 0; k < planes; k++)
		if (m == 0 || take_plane(c, rest, c->plane + (size_t)k * PLANES_MOST, m, &plane[k]))
			return -1;
	left = order ? c->left : (uint64_t *)(void *)out;
	join(left, plane, planes, m);
	if (low)
		join_low(left, low_at, m, low);
	if (by_bases)
		for (size_t at = 0; at < m; at += PLANES_BLOCK) {
			size_t end = m - at < PLANES_BLOCK ? m : at + PLANES_BLOCK;

			base = (uint64_t)bases[at / PLANES_BLOCK];
			for (size_t i = at; i < end; i++)
				left[i] = (left[i] + base) * by;
		}
	else
		for (size_t i = 0; i < m && (planes || low); i++)
			left[i] = unzigzag(left[i]) * by;
	sum = (uint64_t)x0;
	if (order == 1) {
		out[0] = x0;
		for (size_t i = 0; i < m; i++)
			out[i + 1] = (int64_t)(sum += left[i]);
	} else if (order == 2) {
		out[0] = x0;
		step = (uint64_t)d0;
		out[1] = (int64_t)(sum += step);
		for (size_t i = 0; i < m; i++)
			out[i + 2] = (int64_t)(sum += step += left[i]);
	}
	return 0;
}

void
planes_pack_bytes(struct planes_coder *c, struct buf *out, struct str bytes)
{
	size_t packed = 0, room = ZSTD_compressBound(bytes.n);

	if (bytes.n >= TOO_SMALL) {
		if (!c->pack)
			c->pack = ZSTD_createCCtx();
		if (c->pack)
			packed = ZSTD_compressCCtx(c->pack, buf_room(out, room + 24) + 24, room, bytes.p, bytes.n, LEVEL);
		if (ZSTD_isError(packed) || packed + 5 >= bytes.n)
			packed = 0;
	}
	if (packed) {
		const char *from = out->p + out->n + 24;

		buf_byte(out, 1);
		varint_put(out, bytes.n);
		varint_put(out, packed);
		memmove(out->p + out->n, from, packed);
		out->n += packed;
	} else {
		buf_byte(out, 0);
		varint_put_str(out, bytes);
	}
}

int
planes_unpack_bytes(struct planes_coder *c, struct str *rest, struct buf *out, size_t most)
{
	uint64_t n, packed;
	int kind;

	if (rest->n < 1)
		return -1;
	kind = rest->p[0];
	rest->p++;
	rest->n--;
	if (varint_take(rest, &n) || n > most)
		return -1;
	packed = n;
	if (kind == 1) {
		if (varint_take(rest, &packed) || packed > rest->n || n / (1 << 18) > packed ||        /* see chunk_unpack */
		    (!c->unpack && !(c->unpack = ZSTD_createDCtx())) ||
		    ZSTD_decompressDCtx(c->unpack, buf_room(out, n), n, rest->p, packed) != n)
			return -1;
		out->n += n;
	} else if (kind == 0 && n <= rest->n) {
		buf_add(out, rest->p, n);
	} else {
		return -1;
	}
	rest->p += packed;
	rest->n -= packed;
	return 0;
}
