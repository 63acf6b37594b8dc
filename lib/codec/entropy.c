/* An array of n codes or numbers, as bytes, begins with its kind. Other kinds than these are those of integers.c.
 *
 *      200 base S frequencies W states words                 one code in each symbol
 *      201 base S frequencies W states words                 two: code | next << 4
 *      202 base S frequencies W states words                 four: code | next << 2 | …
 *      203 base S frequencies W B states words bits          the class of a number (entropy_priv.h), the rest of it in the bits
 *
 *      base         signed varint: what was taken from each number; 0 for codes
 *      S            byte: symbols - 1
 *      frequencies  as codes < 4096 (integers.h), of each symbol; they add up to 4096
 *      W, B         varints: words; bytes of bits
 *      states       32 of 4 bytes; symbol i belongs to state i % 32
 *      words        of 2 bytes
 *
 * All little-endian. With state x a symbol is found in the slot x % 4096; x becomes frequency * (x / 4096) + the slot's place among
 * those of the symbol; is it < 2^16 now, the next word comes in from below. Encoding is the same backwards, from the last symbol to
 * the first, from states of 2^16: where the decoder must end.
 */
#include "codec/entropy.h"

#include <endian.h>
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "codec/entropy_priv.h"
#include "codec/integers.h"
#include "codec/varint.h"

#define KIND   200
#define CLASS  3                        /* of kinds - 200; below: 1 << kind codes in a symbol */
#define WHOLE  (1u << ENTROPY_BITS)
#define LEAST  (1u << 16)               /* states are not below */
#define DIRECT 64                       /* fewer different codes are symbols themselves */
#define WIDE   (1u << (ENTROPY_WIDEST + 3))     /* numbers must be below */
#define BLOCK  1024                     /* symbols decoded at a time */
#define FEWEST 512                      /* of so few numbers the table eats what is gained */

/* ---- putting ---- */

struct model {
	int kind;                       /* - 200 */
	unsigned char *symbol;          /* n of them, below `symbols` */
	size_t n;
	unsigned symbols;
	uint32_t frequency[256], start[256], count[256];
};

static size_t
symbols_of(size_t n, int kind)
{
	return kind == CLASS ? n : (n + (1u << kind) - 1) >> kind;
}

static void
make_symbols(unsigned char *symbol, const uint32_t *codes, size_t n, int kind)
{
	size_t each = kind == CLASS ? 1 : (size_t)1 << kind, i = 0;
	uint32_t class;

	if (kind == CLASS)
		for (; i < n; i++) {
			entropy_priv_class(codes[i], &class);
			symbol[i] = (unsigned char)class;
		}
	else if (kind == 0)
		for (; i < n; i++)
			symbol[i] = (unsigned char)codes[i];
	else if (kind == 1)
		for (; i + 2 <= n; i += 2)
			*symbol++ = (unsigned char)(codes[i] | codes[i + 1] << 4);
	else
		for (; i + 4 <= n; i += 4)
			*symbol++ = (unsigned char)(codes[i] | codes[i + 1] << 2 | codes[i + 2] << 4 | codes[i + 3] << 6);
	if (i < n)
		*symbol = 0;
	for (size_t k = 0; i < n; i++, k++)
		*symbol |= (unsigned char)(codes[i] << k * (8 / each));
}

/* Frequencies that add up to 4096, none of them 4096, those of what occurs at least 1. */
static void
count_symbols(struct model *m)
{
	uint32_t all = 0, part[4][256] = { 0 };         /* neighbours are often the same: their counts must not wait for each other */

	for (size_t i = 0; i < m->n; i++)
		part[i % 4][m->symbol[i]]++;
	for (unsigned k = 0; k < 256; k++)
		m->count[k] = part[0][k] + part[1][k] + part[2][k] + part[3][k];
	for (unsigned k = 0; k < 256; k++) {
		if (m->count[k])
			m->symbols = k + 1;
		m->frequency[k] = (uint32_t)(((double)m->count[k] * WHOLE + (double)m->n / 2) / (double)m->n);
		if (m->count[k] && m->frequency[k] == 0)
			m->frequency[k] = 1;
		all += m->frequency[k];
	}
	while (all != WHOLE) {          /* the most frequent bears what rounding has left */
		unsigned top = 0;
		uint32_t by;

		for (unsigned k = 1; k < m->symbols; k++)
			top = m->frequency[k] > m->frequency[top] ? k : top;
		by = m->frequency[top] / 32 + 1;
		if (all < WHOLE) {
			by = by < WHOLE - all ? by : WHOLE - all;
			m->frequency[top] += by, all += by;
		} else {
			by = by < all - WHOLE ? by : all - WHOLE;
			m->frequency[top] -= by, all -= by;
		}
	}
	for (unsigned k = 0, start = 0; k < m->symbols; k++) {
		m->start[k] = start;
		start += m->frequency[k];
	}
}

/* How many bytes it will take, but for a few. SIZE_MAX: it cannot be. */
static size_t
size_of(const struct model *m)
{
	double bits = 0;

	for (unsigned k = 0; k < m->symbols; k++) {
		if (m->frequency[k] == WHOLE)
			return SIZE_MAX;
		if (m->count[k])
			bits += (double)m->count[k] * (log2((double)WHOLE / m->frequency[k]) + (m->kind == CLASS && k >= 8 ? k / 4 - 1 : 0));
	}
	return (size_t)(bits / 8) + m->symbols * 3 / 2 + 4 * ENTROPY_STATES + 8;
}

static void
put_bits(struct buf *b, const uint32_t *codes, size_t n)
{
	unsigned char *p = (unsigned char *)buf_room(b, n * 4 + 8);
	uint64_t word = 0, out;
	unsigned fill = 0;

	for (size_t i = 0; i < n; i++) {
		uint32_t class;
		unsigned width = entropy_priv_class(codes[i], &class);

		word |= (uint64_t)(codes[i] & ((1u << width) - 1)) << fill;     /* less than 8 + 25 bits */
		fill += width;
		out = htole64(word);
		memcpy(p, &out, 8);
		p += fill >> 3;
		word >>= fill & ~7u;
		fill &= 7;
	}
	b->n = (size_t)((char *)p + (fill > 0) - b->p);
}

/* bound by the division of each state, 32 of which do not wait for each other */
static void
put_model(struct buf *b, const struct model *m, const uint32_t *codes, size_t n, int64_t base)
{
	uint16_t *words = mem_grow(NULL, m->n + 1, sizeof(*words)), *end = words + m->n + 1, *word = end;
	uint32_t state[ENTROPY_STATES];
	struct buf bits = { 0 };

	for (unsigned k = 0; k < ENTROPY_STATES; k++)
		state[k] = LEAST;
	for (size_t i = m->n; i-- > 0; ) {
		uint32_t symbol = m->symbol[i], frequency = m->frequency[symbol], x = state[i % ENTROPY_STATES];
		unsigned full = x >> 20 >= frequency;           /* nobody can foretell it: no branch */

		word[-1] = htole16((uint16_t)x);
		word -= full;
		x >>= full * 16;
		state[i % ENTROPY_STATES] = (x / frequency << ENTROPY_BITS) + x % frequency + m->start[symbol];
	}
	buf_byte(b, (char)(KIND + m->kind));
	varint_put_signed(b, base);
	buf_byte(b, (char)(m->symbols - 1));
	integers_put_codes(b, m->frequency, m->symbols, WHOLE);
	varint_put(b, (uint64_t)(end - word));
	if (m->kind == CLASS) {
		put_bits(&bits, codes, n);
		varint_put(b, bits.n);
	}
	for (unsigned k = 0; k < ENTROPY_STATES; k++)
		state[k] = htole32(state[k]);
	buf_add(b, state, sizeof(state));
	buf_add(b, word, (size_t)(end - word) * sizeof(*word));
	buf_add(b, bits.p, bits.n);
	buf_release(&bits);
	free(words);
}

/* Smaller than `size` by more than a sixteenth, which decoding it is worth? Then it is put; 1. */
static int
put_smaller(struct buf *b, const uint32_t *codes, size_t n, uint32_t limit, int64_t base, size_t size)
{
	struct model m = { 0 };
	int smaller;

	if (n < FEWEST || limit > WIDE)
		return 0;
	m.kind = limit <= 4 ? 2 : limit <= 16 ? 1 : limit <= DIRECT ? 0 : CLASS;
	m.n = symbols_of(n, m.kind);
	m.symbol = mem_grow(NULL, m.n, 1);
	make_symbols(m.symbol, codes, n, m.kind);
	count_symbols(&m);
	if ((smaller = size_of(&m) < size - size / 16))
		put_model(b, &m, codes, n, base);
	free(m.symbol);
	return smaller;
}

void
entropy_put_codes(struct buf *b, const uint32_t *codes, size_t n, uint32_t limit)
{
	size_t start = b->n, end;

	integers_put_codes(b, codes, n, limit);
	end = b->n;
	b->n = start;
	if (limit <= 1 || !put_smaller(b, codes, n, limit, 0, end - start))
		b->n = end;             /* it still stands there */
}

void
entropy_put(struct buf *b, const int64_t *v, size_t n)
{
	int64_t least = n ? v[0] : 0, most = least;
	size_t start = b->n, end;
	uint32_t *codes;

	integers_put(b, v, n);
	for (size_t i = 0; i < n; i++) {
		least = v[i] < least ? v[i] : least;
		most = v[i] > most ? v[i] : most;
	}
	if (n < FEWEST || (uint64_t)most - (uint64_t)least >= WIDE)
		return;
	codes = mem_grow(NULL, n, sizeof(*codes));
	for (size_t i = 0; i < n; i++)
		codes[i] = (uint32_t)((uint64_t)v[i] - (uint64_t)least);
	end = b->n;
	b->n = start;
	if (!put_smaller(b, codes, n, (uint32_t)(most - least) + 1, least, end - start))
		b->n = end;
	free(codes);
}

/* ---- taking ---- */

static int
take_table(struct str *rest, int kind, uint32_t limit, uint32_t *table)
{
	uint32_t frequency[256], slot = 0;
	unsigned symbols, bits = kind == CLASS ? 8 : 8u >> kind;

	if (rest->n == 0)
		return -1;
	symbols = (unsigned char)*rest->p + 1u;
	rest->p++, rest->n--;
	if (integers_take_codes(rest, frequency, symbols, WHOLE) < 0)
		return -1;
	for (uint32_t k = 0; k < symbols; k++) {
		if (frequency[k] > WHOLE - slot)
			return -1;
		if (kind == CLASS ? frequency[k] && k >= (ENTROPY_WIDEST + 2) * 4 : 0)
			return -1;
		for (unsigned at = 0; frequency[k] && kind != CLASS && at < 8; at += bits)
			if ((k >> at & ((1u << bits) - 1)) >= limit)
				return -1;
		for (uint32_t place = 0; place < frequency[k]; place++)
			table[slot++] = k | frequency[k] << 8 | place << 20;
	}
	return slot == WHOLE ? 0 : -1;
}

static const unsigned char *
take_bytes(struct str *rest, uint64_t n)
{
	const char *p = rest->p;

	if (n > rest->n)
		return NULL;
	rest->p += n;
	rest->n -= (size_t)n;
	return (const unsigned char *)p;
}

static int
take_start(struct str *rest, int kind, uint32_t limit, struct entropy_decoder *d)
{
	uint64_t words, bits = 0;
	const unsigned char *states;

	if (take_table(rest, kind, limit, d->table) < 0 || varint_take(rest, &words) < 0 || words > rest->n ||
	    (kind == CLASS && varint_take(rest, &bits) < 0) || !(states = take_bytes(rest, sizeof(d->state))) ||
	    !(d->word = take_bytes(rest, 2 * words)) || !(d->bits = take_bytes(rest, bits)))
		return -1;
	d->words_end = d->word + 2 * words;
	d->bits_end = d->bits + bits;
	d->bit = 0;
	memcpy(d->state, states, sizeof(d->state));
	for (unsigned k = 0; k < ENTROPY_STATES; k++)
		d->state[k] = le32toh(d->state[k]);
	return 0;
}

/* The next n symbols, from a multiple of 32 on. */
static int
take_symbols(struct entropy_decoder *d, uint32_t *out, size_t n)
{
	for (size_t i = entropy_priv_used->symbols(d, out, n); i < n; i++) {
		uint32_t *x = &d->state[i % ENTROPY_STATES], found = d->table[*x % WHOLE];

		*x = (found >> 8 & (WHOLE - 1)) * (*x >> ENTROPY_BITS) + (found >> 20);
		if (*x < LEAST) {
			if (d->word == d->words_end)
				return -1;
			*x = *x << 16 | d->word[0] | (uint32_t)d->word[1] << 8;
			d->word += 2;
		}
		out[i] = found & 255;
	}
	return 0;
}

static int
take_numbers(struct entropy_decoder *d, uint32_t *v, size_t n, uint32_t *most)
{
	for (size_t i = entropy_priv_used->numbers(d, v, n, most); i < n; i++) {
		unsigned width = v[i] < 8 ? 0 : v[i] / 4 - 1;
		uint64_t word = 0;

		if ((uint64_t)(d->bits_end - d->bits) * 8 < d->bit + width)
			return -1;
		for (unsigned k = 0; k < 5 && d->bits + k < d->bits_end; k++)
			word |= (uint64_t)d->bits[k] << 8 * k;
		v[i] = (v[i] < 4 ? v[i] : (4 | (v[i] & 3)) << width) | (uint32_t)(word >> d->bit & ((1u << width) - 1));
		*most = v[i] > *most ? v[i] : *most;
		d->bit += width;
		d->bits += d->bit >> 3;
		d->bit &= 7;
	}
	return 0;
}

/* Codes out of symbols that hold each of them: n. */
static void
spread(const uint32_t *symbols, uint32_t *out, size_t n, unsigned each)
{
	unsigned bits = 8 / each;

	for (size_t i = entropy_priv_used->spread(symbols, out, n, each); i < n; i++)
		out[i] = symbols[i / each] >> i % each * bits & ((1u << bits) - 1);
}

static int
is_at_end(const struct entropy_decoder *d)
{
	for (unsigned k = 0; k < ENTROPY_STATES; k++)
		if (d->state[k] != LEAST)
			return 0;
	return d->word == d->words_end && d->bits + (d->bit != 0) == d->bits_end;
}

/* Into codes, or into v where that is not NULL. */
static int
take(struct str *rest, int kind, uint32_t *codes, int64_t *v, size_t n, uint32_t limit)
{
	struct entropy_decoder d MEM_RAW;
	uint32_t symbol[BLOCK] MEM_RAW, number[4 * BLOCK] MEM_RAW;
	struct str r = { rest->p + 1, rest->n - 1 };
	size_t each = kind == CLASS ? 1 : (size_t)1 << kind;
	int64_t base;

	if (varint_take_signed(&r, &base) < 0 || (codes && base) || take_start(&r, kind, limit, &d) < 0)
		return -1;
	for (size_t at = 0, m; at < n; at += m) {
		uint32_t most = 0, *out = codes ? codes + at : number;

		m = n - at < each * BLOCK ? n - at : each * BLOCK;
		if (take_symbols(&d, each > 1 ? symbol : out, symbols_of(m, kind)) < 0)
			return -1;
		if (each > 1)
			spread(symbol, out, m, (unsigned)each);
		if (kind == CLASS && (take_numbers(&d, out, m, &most) < 0 || most >= limit))
			return -1;
		for (size_t i = 0; v && i < m; i++)
			v[at + i] = (int64_t)((uint64_t)base + out[i]);
	}
	if (!is_at_end(&d))
		return -1;
	*rest = r;
	return 0;
}

int
entropy_take_codes(struct str *rest, uint32_t *out, size_t n, uint32_t limit)
{
	int kind = n && rest->n && limit > 1 ? (unsigned char)*rest->p - KIND : -1;

	if (kind < 0 || kind > CLASS)
		return integers_take_codes(rest, out, n, limit);
	return take(rest, kind, out, NULL, n, limit);
}

int
entropy_take(struct str *rest, int64_t *out, size_t n)
{
	int kind = n && rest->n ? (unsigned char)*rest->p - KIND : -1;

	if (kind < 0 || kind > CLASS)
		return integers_take(rest, out, n);
	return take(rest, kind, NULL, out, n, UINT32_MAX);
}
