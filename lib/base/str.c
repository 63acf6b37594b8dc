#include "base/str.h"

#include <ctype.h>
#include <errno.h>
#include <locale.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>
#include <pthread.h>

#include "base/letter.h"

int
str_cmp(struct str a, struct str b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int c = n ? memcmp(a.p, b.p, n) : 0;

	return c ? c : (a.n > b.n) - (a.n < b.n);
}

int
str_starts(struct str s, struct str with)
{
	return s.n >= with.n && (with.n == 0 || memcmp(s.p, with.p, with.n) == 0);
}

static int
blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

struct str
str_trim(struct str s)
{
	while (s.n && blank(s.p[0]))
		s.p++, s.n--;
	while (s.n && blank(s.p[s.n - 1]))
		s.n--;
	return s;
}

int
str_cut(struct str *rest, char sep, struct str *piece)
{
	const char *at;

	if (!rest->p)
		return 0;
	at = rest->n ? memchr(rest->p, sep, rest->n) : NULL;
	if (!at) {
		*piece = *rest;
		*rest = (struct str){ NULL, 0 };
		return 1;
	}
	*piece = (struct str){ rest->p, (size_t)(at - rest->p) };
	rest->n -= piece->n + 1;
	rest->p = at + 1;
	return 1;
}

int
str_int64(struct str s, int64_t *out)
{
	size_t i = 0;
	int minus = 0;
	uint64_t u = 0;

	if (s.n && (s.p[0] == '-' || s.p[0] == '+'))
		minus = s.p[i++] == '-';
	if (i == s.n)
		return -1;
	for (; i < s.n; i++) {
		unsigned digit = (unsigned char)s.p[i] - '0';

		if (digit > 9 || __builtin_mul_overflow(u, 10, &u) || __builtin_add_overflow(u, digit, &u))
			return -1;
	}
	if (u > (uint64_t)INT64_MAX + (unsigned)minus)
		return -1;
	*out = minus ? (int64_t)(0 - u) : (int64_t)u;
	return 0;
}

static locale_t c_locale;

static void
make_c_locale(void)
{
	c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
}

int
str_double(struct str s, double *out)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	char text[512], *end;

	if (s.n == 0 || s.n >= sizeof(text))
		return -1;
	for (size_t i = 0; i < s.n; i++)        /* no hex, inf, nan or blanks, which strtod would take */
		if (!strchr("0123456789+-.eE", s.p[i]) || !s.p[i])
			return -1;
	memcpy(text, s.p, s.n);
	text[s.n] = 0;
	pthread_once(&once, make_c_locale);
	*out = strtod_l(text, &end, c_locale);
	return end == text + s.n && *out - *out == 0 ? 0 : -1;
}

int
str_hex(const char *p, const char *end, int digits, uint32_t *value)
{
	uint32_t v = 0;

	if (end - p < digits)
		return 0;
	for (int i = 0; i < digits; i++) {
		int digit = str_hex_digit(p[i]);

		if (digit < 0)
			return 0;
		v = v << 4 | (uint32_t)digit;
	}
	*value = v;
	return 1;
}

struct str
str_unmarked(struct str s)
{
	return str_starts(s, STR("\xef\xbb\xbf")) ? (struct str){ s.p + 3, s.n - 3 } : s;
}

long
str_utf8_fault(struct str s)
{
	const char *p = s.p, *end;

	if (!s.n)
		return -1;
	for (end = p + s.n; p < end; ) {
		uint64_t eight;
		size_t len;

		if (end - p >= 8 && (memcpy(&eight, p, 8), (eight & 0x8080808080808080u) == 0)) {
			p += 8;
			continue;
		}
		if (!(len = letter_len(p, end)))
			return (long)(p - s.p);
		p += len;
	}
	return -1;
}

/* Multiply-and-fold over 16 bytes a step, in the manner of wyhash (Wang Yi, public domain description): every input
 * bit reaches every output bit through the 128-bit product. */
static inline uint64_t
fold(uint64_t a, uint64_t b)
{
	__uint128_t m = (__uint128_t)a * b;

	return (uint64_t)m ^ (uint64_t)(m >> 64);
}

static inline uint64_t
word(const char *p)                             /* little-endian on every machine, so that files agree */
{
	uint64_t v;

	memcpy(&v, p, 8);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	v = __builtin_bswap64(v);
#endif
	return v;
}

static inline uint64_t
half(const char *p)
{
	uint32_t v;

	memcpy(&v, p, 4);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	v = __builtin_bswap32(v);
#endif
	return v;
}

/* The last bytes, up to 16 of them, and zeros: read in pieces that overlap, since what was just copied byte by byte is read as
 * words only after a wait. */
static inline void
last_words(const char *p, size_t n, uint64_t to[2])
{
	to[0] = to[1] = 0;
	if (n > 8) {
		to[0] = word(p);
		to[1] = word(p + n - 8) >> (8 * (16 - n));
	} else if (n >= 4)
		to[0] = half(p) | half(p + n - 4) << (8 * (n - 4));
	else if (n)
		to[0] = (uint64_t)(unsigned char)p[0] | (uint64_t)(unsigned char)p[n / 2] << (8 * (n / 2)) |
		    (uint64_t)(unsigned char)p[n - 1] << (8 * (n - 1));
}

static uint64_t
hash(struct str s, uint64_t seed)
{
	static const uint64_t k0 = 0xa0761d6478bd642fu, k1 = 0xe7037ed1a0b428dbu, k2 = 0x8ebc6af09c88c6e3u;
	uint64_t last[2];
	uint64_t h = seed ^ fold(seed ^ k0, s.n ^ k1);
	size_t n = s.n;
	const char *p = s.p;

	for (; n > 16; n -= 16, p += 16)
		h = fold(word(p) ^ k1, word(p + 8) ^ h);
	last_words(p, n, last);
	h = fold(last[0] ^ k1, last[1] ^ h);
	return fold(h ^ k2, s.n ^ k0);
}

static uint64_t process_seed;

static void
draw_seed(void)
{
	if (getrandom(&process_seed, sizeof(process_seed), 0) != sizeof(process_seed)) {
		struct timespec t;

		clock_gettime(CLOCK_REALTIME, &t);
		process_seed = fold((uint64_t)t.tv_nsec ^ 0x9e3779b97f4a7c15u, (uint64_t)t.tv_sec ^ (uintptr_t)&t);
	}
}

__attribute__((constructor)) static void
seed_at_start(void)
{
	draw_seed();
}

uint64_t
str_hash(struct str s)
{
	return hash(s, process_seed);
}

uint64_t
str_hash_stable(struct str s)
{
	return hash(s, 0x2d358dccaa6c78a5u);
}

int
str_near(const char *a, const char *b, int most)
{
	enum { LONGEST = 40 };
	int la = (int)strlen(a), lb = (int)strlen(b);
	int d[LONGEST + 1][LONGEST + 1];

	if (la > LONGEST || lb > LONGEST || abs(la - lb) > most)
		return 0;
	for (int i = 0; i <= la; i++)
		d[i][0] = i;
	for (int j = 0; j <= lb; j++)
		d[0][j] = j;
	for (int i = 1; i <= la; i++)
		for (int j = 1; j <= lb; j++) {
			int same = tolower((unsigned char)a[i - 1]) == tolower((unsigned char)b[j - 1]);
			int least = d[i - 1][j - 1] + !same;

			if (d[i - 1][j] + 1 < least)
				least = d[i - 1][j] + 1;
			if (d[i][j - 1] + 1 < least)
				least = d[i][j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && d[i - 2][j - 2] + 1 < least)
				least = d[i - 2][j - 2] + 1;
			d[i][j] = least;
		}
	return d[la][lb] <= most;
}

int
str_nearer(const char *a, const char *b, int *most)
{
	const int had = *most;

	while (*most >= 0 && str_near(a, b, *most))
		(*most)--;
	return *most < had;
}
