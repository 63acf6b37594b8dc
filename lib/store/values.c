#include "store/values.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "codec/bitmap.h"
#include "codec/decimals.h"
#include "codec/integers.h"
#include "codec/varint.h"
#include "json/json.h"

#define PIECE       (32 << 10)  /* bytes of texts after which a piece ends: small enough to unpack for one of them */
#define DIGITS_MOST 18          /* of a number: always an int64 */
#define EXACT       (1LL << 53) /* below it every whole number is a double */
#define TOKEN_MOST  26          /* bytes of a double with all its digits */
#define DOUBLE      128         /* in place of the places: the digits are the bits of a double; below it the layouts that give the token */
#define LAYOUTS     4           /* combinations of JSON_DOUBLE_, and sets of them: */
#define ANY_LAYOUT    15u
#define POINT_LAYOUTS (1u << JSON_DOUBLE_POINT | 1u << (JSON_DOUBLE_POINT | JSON_DOUBLE_ECMA))
#define ECMA_LAYOUTS  (1u << JSON_DOUBLE_ECMA | 1u << (JSON_DOUBLE_POINT | JSON_DOUBLE_ECMA))
#define MANY        200         /* values asked for one by one, after which the others will be as well */
#define RARE        8192        /* values after which is decided whether texts repeat */

static const int64_t power[DIGITS_MOST + 1] = { 1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000, 1000000000, 10000000000,
    100000000000, 1000000000000, 10000000000000, 100000000000000, 1000000000000000, 10000000000000000, 100000000000000000,
    1000000000000000000 };

/* ---- writing */

void
values_release(struct values *v)
{
	free(v->code);
	free(v->text);
	free(v->digits);
	free(v->places);
	free(v->slot);
	buf_release(&v->bytes);
	buf_release(&v->scratch);
	*v = (struct values){ 0 };
}

void
values_clear(struct values *v)
{
	if (v->n_texts && v->slots)
		memset(v->slot, 0, v->slots * sizeof(*v->slot));
	v->n = v->n_texts = v->n_numbers = v->n_doubles = 0;
	v->plain = v->unsorted = 0;
	v->none = 0;
	buf_clear(&v->bytes);
}

static void
add_code(struct values *v, uint32_t code)
{
	if (!v->bytes.p)
		buf_room(&v->bytes, 1);         /* texts are places in it, even if all are empty */
	if (v->n == v->code_cap)
		v->code = mem_grow(v->code, v->code_cap = v->code_cap ? v->code_cap * 2 : 256, sizeof(*v->code));
	v->code[v->n++] = code;
}

static void
more_slots(struct values *v)
{
	size_t slots = v->slots ? v->slots * 2 : 64;
	uint64_t *slot = mem_new(slots * sizeof(*slot));

	for (size_t i = 0; i < v->slots; i++)
		if (v->slot[i]) {
			size_t at = v->slot[i] >> 32;

			while (slot[at &= slots - 1])
				at++;
			slot[at] = v->slot[i];
		}
	free(v->slot);
	v->slot = slot;
	v->slots = slots;
}

static inline uint64_t
eight(const char *p)
{
	uint64_t w;

	memcpy(&w, p, 8);
	return w;
}

static inline uint32_t
four(const char *p)
{
	uint32_t w;

	memcpy(&w, p, 4);
	return w;
}

static inline uint64_t
fold(uint64_t a, uint64_t b)
{
	__uint128_t m = (__uint128_t)a * b;

	return (uint64_t)m ^ (uint64_t)(m >> 64);
}

static uint64_t seed;
static pthread_once_t seed_once = PTHREAD_ONCE_INIT;

static void
draw_seed(void)
{
	seed = str_hash(STR("values")) | 1;     /* drawn for each process, so nobody can prepare collisions */
}

/* As str_hash, in line and without a copy: most texts have fewer than 16 bytes, and a dozen of each row are looked up. */
static inline uint32_t
hash_of(struct str s)
{
	static const uint64_t k0 = 0xa0761d6478bd642fu, k1 = 0xe7037ed1a0b428dbu;
	uint64_t a = 0, b = 0, h = seed;
	const char *p = s.p;
	size_t n = s.n;

	for (; n > 16; n -= 16, p += 16)
		h = fold(eight(p) ^ k0, eight(p + 8) ^ h);
	if (n >= 8)
		a = eight(p), b = eight(p + n - 8);
	else if (n >= 4)
		a = four(p), b = four(p + n - 4);
	else if (n)
		a = (uint64_t)(unsigned char)p[0] << 16 | (uint64_t)(unsigned char)p[n / 2] << 8 | (unsigned char)p[n - 1];
	h = fold(a ^ k1, b ^ h ^ s.n);
	h = fold(h ^ k0, seed);
	return (uint32_t)h;
}

/* memcmp without the call, for the few bytes that a text has. */
static inline int
same(const char *a, const char *b, size_t n)
{
	size_t i = 0;

	if (n < 8) {
		if (n >= 4)
			return four(a) == four(b) && four(a + n - 4) == four(b + n - 4);
		for (; i < n; i++)
			if (a[i] != b[i])
				return 0;
		return 1;
	}
	for (; i + 8 < n; i += 8)
		if (eight(a + i) != eight(b + i))
			return 0;
	return eight(a + n - 8) == eight(b + n - 8);
}

static uint32_t
add_text(struct values *v, struct str s)
{
	if (v->n_texts == v->text_cap)
		v->text = mem_grow(v->text, v->text_cap = v->text_cap ? v->text_cap * 2 : 64, sizeof(*v->text));
	v->text[v->n_texts] = (struct values_text){ (uint32_t)v->bytes.n, (uint32_t)s.n + 1 };
	buf_str(&v->bytes, s);
	return (uint32_t)v->n_texts++;
}

/* The number of a text: found, or made. */
static inline uint32_t
look_up(struct values *v, struct str s, uint32_t hash)
{
	uint64_t one;
	size_t at;

	if (v->plain)
		return add_text(v, s);
	if (v->n_texts * 2 >= v->slots)
		more_slots(v);
	for (at = hash & (v->slots - 1); (one = v->slot[at]) != 0; at = (at + 1) & (v->slots - 1)) {
		const struct values_text *t = &v->text[(uint32_t)one - 1];

		if (one >> 32 == hash && t->n == s.n + 1 && same(v->bytes.p + t->at, s.p, s.n))
			return (uint32_t)one - 1;
	}
	v->slot[at] = (uint64_t)hash << 32 | (v->n_texts + 1);
	v->plain = v->n == RARE && v->n_texts > RARE / 8 * 7;
	return add_text(v, s);
}

static uint32_t
look_up_none(struct values *v)
{
	if (v->none)
		return v->none - 1;
	if (v->n_texts == v->text_cap)
		v->text = mem_grow(v->text, v->text_cap = v->text_cap ? v->text_cap * 2 : 64, sizeof(*v->text));
	v->text[v->n_texts] = (struct values_text){ .at = (uint32_t)v->bytes.n };
	v->none = (uint32_t)++v->n_texts;
	return v->none - 1;
}

void
values_with_none(struct values *v)
{
	look_up_none(v);
}

/* digits / 10^places, correctly rounded. */
static double
decimal(int64_t digits, int places)
{
	double d = json_decimal(digits < 0 ? 0 - (uint64_t)digits : (uint64_t)digits, -places);

	return digits < 0 ? -d : d;
}

void
values_add(struct values *v, struct str text)
{
	pthread_once(&seed_once, draw_seed);
	add_code(v, text.p ? look_up(v, text, hash_of(text)) : look_up_none(v));
}

/* A token that can be made again from its digits and the place of the point? */
static int
take_number(struct str s, int64_t *digits, unsigned *places)
{
	const char *p = s.p, *end = p + s.n, *first;
	uint64_t u = 0;
	int minus = *p == '-', point = 0;

	first = p += minus;
	if (end - p > DIGITS_MOST + 1 || p == end || (unsigned)(*p - '0') > 9)
		return 0;
	for (; p < end && (unsigned)(*p - '0') <= 9; p++)
		u = u * 10 + (unsigned)(*p - '0');
	if (*first == '0' && p - first > 1)
		return 0;
	*places = 0;
	if (p < end && *p == '.') {
		const char *from = ++p;

		point = 1;
		for (; p < end && (unsigned)(*p - '0') <= 9; p++)
			u = u * 10 + (unsigned)(*p - '0');
		*places = (unsigned)(p - from);
		if (*places == 0)
			return 0;
	}
	if (p != end || p - first - point > DIGITS_MOST || (minus && u == 0))
		return 0;
	*digits = minus ? -(int64_t)u : (int64_t)u;
	return 1;
}

static int
gives(struct buf *scratch, struct str token, double d, unsigned how)
{
	buf_clear(scratch);
	json_put_double_as(scratch, d, how);
	return str_eq(buf_get(scratch), token);
}

/* Layouts in which a double, but no whole one, is that token, a bit for each: they differ in small ones. */
static unsigned
layouts_of(struct buf *scratch, struct str token, double d)
{
	unsigned usual = gives(scratch, token, d, 0);

	if (fabs(d) >= 1e-4)
		return usual ? ANY_LAYOUT : 0;
	return (usual ? ANY_LAYOUT & ~ECMA_LAYOUTS : 0) | (gives(scratch, token, d, JSON_DOUBLE_ECMA) ? ECMA_LAYOUTS : 0);
}

/* A token of more digits, or with an exponent, that a double's shortest digits give back. */
static int
take_double(struct buf *scratch, struct str s, int64_t *bits, unsigned *layouts)
{
	double d;

	if (s.n > TOKEN_MOST || !(memchr(s.p, '.', s.n) || memchr(s.p, 'e', s.n)) || !json_double(json_checked(s), &d) || !(fabs(d) < EXACT))
		return 0;
	*layouts = d == 0 ? (str_eq(s, STR("-0.0")) ? POINT_LAYOUTS : 0) : d == trunc(d) ? 0 : layouts_of(scratch, s, d);
	memcpy(bits, &d, sizeof(d));
	return *layouts != 0;
}

static inline int
may_be_number(struct str s)
{
	return s.n && (*s.p == '-' || (unsigned)(*s.p - '0') <= 9);
}

static void
add_number(struct values *v, int64_t digits, unsigned places)
{
	if (v->n_numbers == v->number_cap) {
		v->number_cap = v->number_cap ? v->number_cap * 2 : 256;
		v->digits = mem_grow(v->digits, v->number_cap, sizeof(*v->digits));
		v->places = mem_grow(v->places, v->number_cap, 1);
	}
	v->digits[v->n_numbers] = digits;
	v->places[v->n_numbers++] = (uint8_t)places;
	add_code(v, VALUES_NUMBER);
}

void
values_add_json(struct values *columns, struct values_token *token, size_t n)
{
	int64_t digits;
	unsigned places;

	pthread_once(&seed_once, draw_seed);
	for (size_t i = 0; i < n; i++) {
		const struct values *v = &columns[token[i].column];

		if (may_be_number(token[i].token) || v->plain)
			continue;
		token[i].hash = hash_of(token[i].token);
		if (v->slots)
			__builtin_prefetch(&v->slot[token[i].hash & (v->slots - 1)]);
	}
	for (size_t i = 0; i < n; i++) {
		struct values *v = &columns[token[i].column];
		struct str s = token[i].token;

		if (!may_be_number(s))
			add_code(v, look_up(v, s, token[i].hash));
		else if (take_number(s, &digits, &places))
			add_number(v, digits, places);
		else if (take_double(&v->scratch, s, &digits, &places))
			add_number(v, digits, DOUBLE | places), v->n_doubles++;
		else
			add_code(v, look_up(v, s, hash_of(s)));
	}
}

/* Append a number as it is written with that many places. */
static void
put_token(struct buf *b, int64_t digits, int places)
{
	char text[24], *p = text + sizeof(text);
	uint64_t u = digits < 0 ? 0 - (uint64_t)digits : (uint64_t)digits;

	for (int i = 0; u || i <= places; i++) {
		if (i == places && places)
			*--p = '.';
		*--p = (char)('0' + u % 10);
		u /= 10;
	}
	if (digits < 0)
		*--p = '-';
	buf_add(b, p, (size_t)(text + sizeof(text) - p));
}

struct how { enum values_style style; int places; };    /* of doubles: the layout in place of the places */

/* Append a number's token. */
static void
put_number(struct buf *b, int64_t digits, unsigned places)
{
	if (places & DOUBLE)
		json_put_double_as(b, values_double(digits), (unsigned)__builtin_ctz(places));
	else
		put_token(b, digits, (int)places);
}

/* ---- as whole numbers */

/* Would the number come back from that style? Then *scaled is what to keep. */
static int
fits(struct how how, int64_t digits, int places, int64_t *scaled)
{
	if (places > how.places)        /* a double too */
		return 0;
	switch (how.style) {
	case VALUES_BARE:
		if (places && digits % 10 == 0)
			return 0;
		break;
	case VALUES_POINT:
		if (places == 0 || (places > 1 && digits % 10 == 0))
			return 0;
		break;
	default:
		if (places != how.places)
			return 0;
		break;
	}
	return !__builtin_mul_overflow(digits, power[how.places - places], scaled) && *scaled != INT64_MIN;
}

/* The style that lets most numbers come back; how many; and whether some are too far from 0 to be doubles when they are scaled. */
static struct how
choose_style(const struct values *v, size_t *back, int *far)
{
	size_t with[DIGITS_MOST + 1] = { 0 }, zeros[DIGITS_MOST + 1] = { 0 }, bare, point, fixed = 0, all_zeros = 0;
	uint64_t most[DIGITS_MOST + 1] = { 0 };
	struct how how = { VALUES_BARE, 0 };
	size_t n = v->n_numbers - v->n_doubles;
	int usual = 0;

	for (size_t i = 0; i < v->n_numbers; i++) {
		unsigned e = v->places[i];
		uint64_t u;

		if (e & DOUBLE)
			continue;
		with[e]++;
		u = v->digits[i] < 0 ? 0 - (uint64_t)v->digits[i] : (uint64_t)v->digits[i];
		most[e] = u > most[e] ? u : most[e];
		if (e)
			zeros[e] += v->digits[i] % 10 == 0;
	}
	*back = n;
	*far = 0;
	if (with[0] == n)
		return how;
	for (int e = 0; e <= DIGITS_MOST; e++) {
		if (with[e])
			how.places = e;
		all_zeros += zeros[e];
		if (with[e] > fixed)
			fixed = with[e], usual = e;
	}
	bare = n - all_zeros;
	point = n - with[0] - (all_zeros - zeros[1]);
	*back = point > bare ? point : bare;
	if (point > bare)
		how.style = VALUES_POINT;
	if (usual && fixed > *back)
		*back = fixed, how = (struct how){ VALUES_FIXED, usual };
	for (int e = 0; e <= how.places; e++)
		*far |= (__uint128_t)most[e] * (uint64_t)power[how.places - e] > EXACT;
	return how;
}

/* ---- as doubles */

/* The double that a number is, and the layouts in which it comes back from that: all that differs is how small ones are written, and
 * whole ones. Up to 15 digits are the shortest of theirs without a look. */
static unsigned
as_double(int64_t digits, unsigned places, double *d)
{
	uint64_t u = digits < 0 ? 0 - (uint64_t)digits : (uint64_t)digits;
	int exponent;

	if (places & DOUBLE) {
		*d = values_double(digits);
		return places & ANY_LAYOUT;
	}
	*d = decimal(digits, (int)places);
	if (places == 0)
		return u < EXACT ? ANY_LAYOUT & ~POINT_LAYOUTS : 0;
	if (u % 10 == 0)
		return places == 1 && u < EXACT ? POINT_LAYOUTS : 0;
	if (u >= 1000000000000000 && (json_shortest(fabs(*d), &exponent) != u || exponent != -(int)places))
		return 0;
	if (places <= 4 || u >= (uint64_t)power[places - 4])
		return ANY_LAYOUT;
	return places <= 6 || u >= (uint64_t)power[places - 6] ? ECMA_LAYOUTS : 0;
}

/* The layout that lets most of them come back, and how many. */
static struct how
choose_layout(const struct values *v, double *as, uint8_t *layouts, size_t *back)
{
	size_t with[ANY_LAYOUT + 1] = { 0 }, count[LAYOUTS] = { 0 };
	int best = 0;

	for (size_t i = 0; i < v->n_numbers; i++)
		with[layouts[i] = (uint8_t)as_double(v->digits[i], v->places[i], &as[i])]++;
	for (unsigned set = 0; set <= ANY_LAYOUT; set++)
		for (int how = 0; how < LAYOUTS; how++)
			count[how] += set >> how & 1 ? with[set] : 0;
	for (int how = 1; how < LAYOUTS; how++)
		best = count[how] > count[best] ? how : best;
	*back = count[best];
	return (struct how){ VALUES_DOUBLE, best };
}

/* Which numbers stay, and become what they are kept as, in place; the others become texts. */
static void
keep_numbers(struct values *v, struct how how, const double *as, const uint8_t *layouts)
{
	struct buf token = { 0 };
	size_t n = 0, at = 0;
	int64_t scaled;

	for (size_t i = 0; i < v->n; i++) {
		int back;

		if (v->code[i] != VALUES_NUMBER)
			continue;
		if (how.style == VALUES_DOUBLE) {
			back = layouts[at] >> how.places & 1;
			memcpy(&scaled, &as[at], sizeof(scaled));
		} else {
			back = fits(how, v->digits[at], v->places[at], &scaled);
		}
		if (back) {
			v->digits[n++] = scaled;
		} else {
			buf_clear(&token);
			put_number(&token, v->digits[at], v->places[at]);
			v->code[i] = look_up(v, buf_get(&token), hash_of(buf_get(&token)));
		}
		at++;
	}
	v->n_numbers = n;
	buf_release(&token);
}

/* Doubles where there are such, or where digits are too many to be taken for doubles, if not more of them would have to be texts. */
static struct how
settle_numbers(struct values *v)
{
	size_t back, back_as_doubles;
	int far;
	struct how how = choose_style(v, &back, &far), layout;
	double *as = NULL;
	uint8_t *layouts = NULL;

	if (v->n_doubles || far) {
		as = mem_grow(NULL, v->n_numbers, sizeof(*as));
		layouts = mem_grow(NULL, v->n_numbers, sizeof(*layouts));
		layout = choose_layout(v, as, layouts, &back_as_doubles);
		how = back_as_doubles >= back ? layout : how;
	}
	if (how.style != VALUES_BARE || how.places || v->n_doubles)
		keep_numbers(v, how, as, layouts);
	free(as);
	free(layouts);
	return how;
}

/* ---- sections */

struct array { const int64_t *number; const double *real; const uint32_t *code; uint32_t limit; };     /* one of them */

static void
put_array(struct buf *b, const struct array *a, size_t from, size_t n)
{
	if (a->code)
		integers_put_codes(b, a->code + from, n, a->limit);
	else if (a->real)
		decimals_put(b, a->real + from, n);
	else
		integers_put(b, a->number + from, n);
}

static void
put_segments(struct buf *b, struct array a, size_t n)
{
	struct buf all = { 0 };
	size_t was = 0;

	if (n == 0 || (a.code && a.limit <= 1))
		return;
	if (n <= VALUES_SEGMENT) {
		put_array(b, &a, 0, n);
		return;
	}
	for (size_t from = 0; from < n; from += VALUES_SEGMENT, was = all.n) {
		put_array(&all, &a, from, n - from < VALUES_SEGMENT ? n - from : VALUES_SEGMENT);
		varint_put(b, all.n - was);
	}
	buf_str(b, buf_get(&all));
	buf_release(&all);
}

static void
put_section(struct values *v, struct buf *b)
{
	varint_put_str(b, buf_get(&v->scratch));
	buf_clear(&v->scratch);
}

/* Append all that a section of numbers says. */
static void
put_all_numbers(struct buf *b, struct how how, const int64_t *number, size_t n)
{
	buf_byte(b, (char)(how.places | (int)how.style << 5));
	if (how.style == VALUES_DOUBLE)
		put_segments(b, (struct array){ .real = (const double *)(const void *)number }, n);
	else
		put_segments(b, (struct array){ .number = number }, n);
}

static void
put_numbers(struct values *v, struct buf *b, struct how how, const int64_t *number, size_t n)
{
	buf_clear(&v->scratch);
	put_all_numbers(&v->scratch, how, number, n);
	put_section(v, b);
}

/* About how many bytes would they take one by one? */
static size_t
numbers_size(struct values *v, struct how how)
{
	if (how.style != VALUES_DOUBLE)
		return integers_size(v->digits, v->n_numbers);
	buf_clear(&v->scratch);
	put_all_numbers(&v->scratch, how, v->digits, v->n_numbers);
	return v->scratch.n;
}

static void
put_codes(struct values *v, struct buf *b, const uint32_t *code, size_t n, uint32_t limit)
{
	buf_clear(&v->scratch);
	put_segments(&v->scratch, (struct array){ .code = code, .limit = limit }, n);
	put_section(v, b);
}

/* ---- texts in order of their bytes
 *
 * Eight bytes at a time: a radix sort by them, and the runs that agree once more by the next eight. Costs about 30 ns a text, a
 * quarter of qsort with memcmp. */

struct order { uint64_t key; uint32_t text; };

static uint64_t
key_at(const struct values *v, uint32_t text, size_t depth)
{
	const struct values_text *t = &v->text[text];
	size_t n = t->n ? t->n - 1 : 0;
	const unsigned char *p = (const unsigned char *)v->bytes.p + t->at + depth;
	uint64_t key = 0;

	if (n >= depth + 8) {
		key = eight((const char *)p);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
		key = __builtin_bswap64(key);
#endif
		return key;
	}
	for (size_t i = 0; depth + i < n; i++)
		key |= (uint64_t)p[i] << (56 - 8 * i);
	return key;
}

static void
sort_keys(struct order *o, struct order *to, size_t n)
{
	if (n < 48) {
		for (size_t i = 1; i < n; i++) {
			struct order one = o[i];
			size_t k = i;

			for (; k && o[k - 1].key > one.key; k--)
				o[k] = o[k - 1];
			o[k] = one;
		}
		return;
	}
	for (int shift = 0; shift < 64; shift += 8) {
		size_t count[257] = { 0 };
		struct order *from = o;

		for (size_t i = 0; i < n; i++)
			count[(o[i].key >> shift & 255) + 1]++;
		if (count[(o[0].key >> shift & 255) + 1] == n)
			continue;
		for (int i = 0; i < 256; i++)
			count[i + 1] += count[i];
		for (size_t i = 0; i < n; i++)
			to[count[from[i].key >> shift & 255]++] = from[i];
		memcpy(o, to, n * sizeof(*o));
	}
}

static void
sort_run(const struct values *v, struct order *o, struct order *to, size_t n, size_t depth)
{
	size_t longest = 0;

	for (size_t i = 0; i < n; i++) {
		longest = v->text[o[i].text].n > longest ? v->text[o[i].text].n : longest;
		o[i].key = key_at(v, o[i].text, depth);
	}
	if (longest <= depth + 1)       /* they differ in length alone, by zeros at their ends: any order will do (padded_order) */
		return;
	sort_keys(o, to, n);
	for (size_t i = 0, end; i < n; i = end) {
		for (end = i + 1; end < n && o[end].key == o[i].key; end++)
			;
		if (end - i > 1)
			sort_run(v, o + i, to, end - i, depth + 8);
	}
}

static unsigned
bits_of(size_t most)
{
	return most > 1 ? 64 - (unsigned)__builtin_clzll(most - 1) : 0;
}

/* Texts that come and go, like sessions, have near numbers in the order in which they first came: their codes need fewer bits
 * than their texts save by what they share with a neighbour. */
static int
comes_and_goes(const struct values *v)
{
	size_t saved = 0;
	unsigned bits = bits_of(v->n_texts);

	for (size_t from = 0; from < v->n; from += 1024) {
		uint32_t least = UINT32_MAX, greatest = 0;
		size_t end = v->n - from < 1024 ? v->n : from + 1024;

		for (size_t i = from; i < end; i++) {
			uint32_t code = v->code[i];

			if (code != VALUES_NUMBER) {
				least = code < least ? code : least;
				greatest = code > greatest ? code : greatest;
			}
		}
		if (least <= greatest)
			saved += (bits - bits_of(greatest - least + 1)) * (end - from) / 8;
	}
	return saved > v->n_texts * 4;
}

static void
sort_texts(struct values *v)
{
	size_t n = v->n_texts;
	struct order *o, *to;
	struct values_text *text;
	uint32_t *place;

	if (v->plain || (v->unsorted = comes_and_goes(v)))
		return;
	text = mem_grow(NULL, v->text_cap, sizeof(*text));
	place = mem_grow(NULL, n, sizeof(*place));
	o = mem_grow(NULL, n, sizeof(*o));
	to = mem_grow(NULL, n, sizeof(*to));
	for (size_t i = 0; i < n; i++)
		o[i].text = (uint32_t)i;
	sort_run(v, o, to, n, 0);
	for (size_t i = 0; i < n; i++) {
		text[i] = v->text[o[i].text];
		place[o[i].text] = (uint32_t)i;
	}
	for (size_t i = 0; i < v->n; i++)
		if (v->code[i] != VALUES_NUMBER)
			v->code[i] = place[v->code[i]];
	free(v->text);
	v->text = text;
	free(o);
	free(to);
	free(place);
}

static size_t
shared(const char *a, const char *b, size_t n)
{
	size_t i = 0;

	while (i + 8 <= n && eight(a + i) == eight(b + i))
		i += 8;
	while (i < n && a[i] == b[i])
		i++;
	return i;
}

static void
put_texts(struct values *v, struct pack *pack, struct buf *b)
{
	int64_t *len = mem_grow(NULL, v->n_texts + 1, sizeof(*len)), *front = mem_grow(NULL, v->n_texts + 1, sizeof(*front));
	struct buf all = { 0 }, piece = { 0 };
	size_t size = 0;

	buf_clear(&v->scratch);
	for (size_t i = 0; i < v->n_texts; i++) {
		const struct values_text *t = &v->text[i], *before = t - (i != 0);
		size_t n = t->n ? t->n - 1 : 0, most = before->n ? before->n - 1 : 0;

		len[i] = t->n;
		front[i] = piece.n && !v->unsorted ? (int64_t)shared(v->bytes.p + t->at, v->bytes.p + before->at, n < most ? n : most) : 0;
		buf_add(&piece, v->bytes.p + t->at + front[i], n - (size_t)front[i]);
		size += n;
		if (size >= PIECE || (i + 1 == v->n_texts && size)) {
			pack_put(pack, &all, buf_get(&piece));
			buf_clear(&piece);
			size = 0;
		}
	}
	put_segments(&v->scratch, (struct array){ .number = len }, v->n_texts);
	put_segments(&v->scratch, (struct array){ .number = front }, v->n_texts);
	buf_str(&v->scratch, buf_get(&all));
	put_section(v, b);
	buf_release(&all);
	buf_release(&piece);
	free(len);
	free(front);
}

static int
by_number(const void *x, const void *y)
{
	int64_t a = *(const int64_t *)x, b = *(const int64_t *)y;

	return (a > b) - (a < b);
}

static int
by_double(const void *x, const void *y)
{
	double a = values_double(*(const int64_t *)x), b = values_double(*(const int64_t *)y);

	return (a > b) - (a < b);
}

/* The distinct numbers, rising, at most `most` of them, and for each number which one it is. Their count, 0: more. */
static size_t
distinct_numbers(const int64_t *number, size_t n, struct how how, size_t most, int64_t **list, uint32_t **which)
{
	size_t slots = 64, many = 0;
	uint32_t *slot, *place;
	int64_t *one;
	struct { int64_t v; uint32_t at; } *order;

	while (slots < most * 2)
		slots *= 2;
	slot = mem_new(slots * sizeof(*slot));
	one = mem_grow(NULL, most + 1, sizeof(*one));
	place = mem_grow(NULL, n, sizeof(*place));
	for (size_t i = 0; i < n; i++) {
		size_t at = (uint64_t)number[i] * 0x9e3779b97f4a7c15 >> 32;
		uint32_t k;

		while ((k = slot[at &= slots - 1]) && one[k - 1] != number[i])
			at++;
		if (!k) {
			if (many == most) {
				many = 0;
				goto out;
			}
			one[many++] = number[i];
			slot[at] = k = (uint32_t)many;
		}
		place[i] = k - 1;
	}
	order = mem_grow(NULL, many + 1, sizeof(*order));
	for (size_t i = 0; i < many; i++)
		order[i].v = one[i], order[i].at = (uint32_t)i;
	qsort(order, many, sizeof(*order), how.style == VALUES_DOUBLE ? by_double : by_number);
	for (size_t i = 0; i < many; i++) {
		one[i] = order[i].v;
		slot[order[i].at] = (uint32_t)i;        /* the table is not needed any more */
	}
	free(order);
	for (size_t i = 0; i < n; i++)
		place[i] = slot[place[i]];
out:
	free(slot);
	if (!many) {
		free(one);
		free(place);
		return 0;
	}
	*list = one;
	*which = place;
	return many;
}

/* Numbers in a dictionary, or one by one? */
static int
put_as_dictionary(struct values *v, struct pack *pack, struct buf *b, struct how how)
{
	size_t most = v->n_numbers / 4 + 1 < 16384 ? v->n_numbers / 4 + 1 : 16384, many = 0, at = 0, aside;
	int64_t *list = NULL;
	uint32_t *which = NULL;

	if (v->n_numbers) {
		if (!(many = distinct_numbers(v->digits, v->n_numbers, how, most, &list, &which)))
			return 0;
		aside = v->n_texts ? v->n * bits_of(v->n_texts + 1) / 8 : 0;
		if (v->n * bits_of(many + v->n_texts) / 8 + many * (how.style == VALUES_DOUBLE ? 8 : 2) >= numbers_size(v, how) + aside) {
			free(list);
			free(which);
			return 0;
		}
	}
	sort_texts(v);
	for (size_t i = 0; i < v->n; i++)
		v->code[i] = v->code[i] == VALUES_NUMBER ? which[at++] : v->code[i] + (uint32_t)many;
	buf_byte(b, VALUES_DICTIONARY);
	varint_put(b, many);
	varint_put(b, v->n_texts);
	put_numbers(v, b, how, list, many);
	put_texts(v, pack, b);
	put_codes(v, b, v->code, v->n, (uint32_t)(many + v->n_texts));
	free(list);
	free(which);
	return 1;
}

static void
see_number(struct values_facts *f, double d)
{
	f->kinds |= VALUES_HAS_NUMBERS;
	f->least = d < f->least ? d : f->least;
	f->greatest = d > f->greatest ? d : f->greatest;
}

/* What kinds of JSON are there, and between what do the numbers lie? */
static void
find_facts(struct values *v, struct how how)
{
	struct values_facts *f = &v->facts;
	int64_t least = INT64_MAX, greatest = INT64_MIN;
	double d;

	*f = (struct values_facts){ .least = INFINITY, .greatest = -INFINITY, .distinct = v->n_texts };
	for (size_t i = 0; how.style != VALUES_DOUBLE && i < v->n_numbers; i++) {
		least = v->digits[i] < least ? v->digits[i] : least;
		greatest = v->digits[i] > greatest ? v->digits[i] : greatest;
	}
	if (how.style == VALUES_DOUBLE) {
		for (size_t i = 0; i < v->n_numbers; i++)
			see_number(f, values_double(v->digits[i]));
	} else if (v->n_numbers) {      /* rounded like the values themselves, so the order of doubles holds */
		see_number(f, decimal(least, how.places));
		see_number(f, decimal(greatest, how.places));
	}
	for (size_t i = 0; i < v->n_texts; i++) {
		struct str s = { v->bytes.p + v->text[i].at, v->text[i].n ? v->text[i].n - 1 : 0 };
		char c = s.n ? *s.p : 0;

		if (c == '"')
			f->kinds |= VALUES_HAS_TEXTS;
		else if (c == '{' || c == '[')
			f->kinds |= VALUES_HAS_NESTED;
		else if (c == 't' || c == 'f')
			f->kinds |= VALUES_HAS_BOOLEANS;
		else if (c == 'n') {
			f->kinds |= VALUES_HAS_NULLS;
			for (size_t k = 0; k < v->n; k++)
				f->nulls += v->code[k] == i;
		} else if (json_double(json_checked(s), &d))
			see_number(f, d);
	}
}

/* Each value once more, as they came. */
static void
lay_plain(struct values *v)
{
	struct values_text *text = mem_grow(NULL, v->n, sizeof(*text));
	struct buf bytes = { 0 };

	buf_room(&bytes, v->bytes.n + 1);
	for (size_t i = 0; i < v->n; i++) {
		const struct values_text *t = &v->text[v->code[i]];

		text[i] = (struct values_text){ (uint32_t)bytes.n, t->n };
		if (t->n)
			buf_add(&bytes, v->bytes.p + t->at, t->n - 1);
	}
	free(v->text);
	buf_release(&v->bytes);
	v->text = text;
	v->bytes = bytes;
	v->n_texts = v->text_cap = v->n;
	v->unsorted = 1;
}

void
values_put(struct values *v, struct pack *pack, struct buf *b)
{
	struct how how = { VALUES_BARE, 0 };

	if (v->n == 0) {
		buf_byte(b, VALUES_NOTHING);
		return;
	}
	if (v->n_numbers)
		how = settle_numbers(v);
	find_facts(v, how);
	if (v->n_numbers == 0 && v->n_texts > v->n / 8 * 7 && v->n_texts > 16) {
		lay_plain(v);
		buf_byte(b, VALUES_PLAIN);
		put_texts(v, pack, b);
	} else if (v->n_texts == 0 && v->n_numbers && !put_as_dictionary(v, pack, b, how)) {
		buf_byte(b, VALUES_NUMBERS);
		put_numbers(v, b, how, v->digits, v->n_numbers);
	} else if (v->n_texts && !put_as_dictionary(v, pack, b, how)) {
		sort_texts(v);
		for (size_t i = 0; i < v->n; i++)
			v->code[i]++;                   /* VALUES_NUMBER becomes 0 */
		buf_byte(b, VALUES_MIXED);
		varint_put(b, v->n_texts);
		varint_put(b, v->n_numbers);
		put_texts(v, pack, b);
		put_codes(v, b, v->code, v->n, (uint32_t)v->n_texts + 1);
		put_numbers(v, b, how, v->digits, v->n_numbers);
	}
}

void
values_put_codes(struct buf *b, const uint32_t *code, size_t n, uint32_t limit)
{
	put_segments(b, (struct array){ .code = code, .limit = limit }, n);
}

enum { INTEGERS_SEGMENTS, INTEGERS_STEPS };

void
values_put_integers(struct pack *pack, struct buf *b, const int64_t *v, size_t n)
{
	struct buf a = { 0 }, steps = { 0 }, packed = { 0 };

	put_segments(&a, (struct array){ .number = v }, n);
	if (a.n > 256) {
		for (size_t i = 0; i < n; i++)
			varint_put_signed(&steps, (int64_t)((uint64_t)v[i] - (i ? (uint64_t)v[i - 1] : 0)));
		varint_put(&packed, steps.n);
		pack_put(pack, &packed, buf_get(&steps));
	}
	if (packed.n && packed.n < a.n) {
		buf_byte(b, INTEGERS_STEPS);
		buf_str(b, buf_get(&packed));
	} else {
		buf_byte(b, INTEGERS_SEGMENTS);
		buf_str(b, buf_get(&a));
	}
	buf_release(&a);
	buf_release(&steps);
	buf_release(&packed);
}

/* ---- reading */

static int
damaged(struct err *err, const char *what)
{
	return err_set(err, ERR_CORRUPT, "damaged chunk: %s", what);
}

void
values_reader_release(struct values_reader *r)
{
	free(r->number);
	free(r->code);
	free(r->rank);
	free(r->end);
	free(r->none);
	free(r->front);
	buf_release(&r->scratch);
	free(r->bytes);
	free(r->piece);
	*r = (struct values_reader){ 0 };
}

/* The bytes of segment i of n values. 0 or -1. */
static int
segment(struct str all, size_t n, size_t i, struct str *one, size_t *many)
{
	size_t segments = (n + VALUES_SEGMENT - 1) / VALUES_SEGMENT, at = 0, len = 0;
	uint64_t u = 0;

	*many = n - i * VALUES_SEGMENT < VALUES_SEGMENT ? n - i * VALUES_SEGMENT : VALUES_SEGMENT;
	if (n <= VALUES_SEGMENT) {
		*one = all;
		return 0;
	}
	for (size_t k = 0; k < segments; k++) {
		if (varint_take(&all, &u) || u > VALUES_BYTES_MOST)
			return -1;
		if (k < i)
			at += u;
		if (k == i)
			len = u;
	}
	if (at > all.n || len > all.n - at)
		return -1;
	*one = (struct str){ all.p + at, len };
	return 0;
}

static int
take_segment(struct str all, size_t n, size_t i, int64_t *out, size_t *many)
{
	struct str one;

	return segment(all, n, i, &one, many) || integers_take(&one, out, *many) || one.n ? -1 : 0;
}

/* Doubles are as far from 0 as the writer has them: whole ones are integers to who reads them. */
static int
too_far(const int64_t *bits, size_t n)
{
	static const double exact = EXACT;
	int64_t most, far = 0;

	memcpy(&most, &exact, sizeof(most));
	for (; n >= 8; n -= 8, bits += 8)
		for (int i = 0; i < 8; i++)
			far |= most - 1 - (bits[i] & INT64_MAX);
	for (size_t i = 0; i < n; i++)
		far |= most - 1 - (bits[i] & INT64_MAX);
	return far < 0;
}

static int
take_doubles(struct str all, size_t n, size_t i, int64_t *out, size_t *many)
{
	struct str one;

	return segment(all, n, i, &one, many) || decimals_take(&one, (double *)(void *)out, *many) || one.n || too_far(out, *many) ? -1 : 0;
}

static int
take_code_segment(struct str all, size_t n, size_t i, uint32_t *out, uint32_t limit, size_t *many)
{
	struct str one;

	if (limit <= 1) {
		*many = n - i * VALUES_SEGMENT < VALUES_SEGMENT ? n - i * VALUES_SEGMENT : VALUES_SEGMENT;
		memset(out, 0, *many * sizeof(*out));
		return all.n || limit == 0 ? -1 : 0;
	}
	return segment(all, n, i, &one, many) || integers_take_codes(&one, out, *many, limit) || one.n ? -1 : 0;
}

static int
take_all(struct str all, size_t n, int64_t *out)
{
	size_t many;

	for (size_t i = 0; i * VALUES_SEGMENT < n; i++)
		if (take_segment(all, n, i, out + i * VALUES_SEGMENT, &many))
			return -1;
	return 0;
}

int
values_take_codes(struct str all, uint32_t *out, size_t n, uint32_t limit)
{
	size_t many;

	for (size_t i = 0; i * VALUES_SEGMENT < n; i++)
		if (take_code_segment(all, n, i, out + i * VALUES_SEGMENT, limit, &many))
			return -1;
	return 0;
}

int
values_take_integers(struct pack *pack, struct str column, int64_t *out, size_t n)
{
	struct buf steps = { 0 };
	struct str rest;
	uint64_t len, sum = 0;
	int64_t step;
	int rc = -1;

	if (column.n == 0)
		return -1;
	rest = (struct str){ column.p + 1, column.n - 1 };
	if (column.p[0] == INTEGERS_SEGMENTS)
		return take_all(rest, n, out);
	if (column.p[0] != INTEGERS_STEPS || varint_take(&rest, &len) || len < n || len > n * 10)
		return -1;
	buf_room(&steps, len);
	if (pack_take(pack, &rest, steps.p, len) || rest.n)
		goto out;
	rest = (struct str){ steps.p, len };
	for (size_t i = 0; i < n; i++) {
		if (varint_take_signed(&rest, &step))
			goto out;
		out[i] = (int64_t)(sum += (uint64_t)step);
	}
	rc = rest.n ? -1 : 0;
out:
	buf_release(&steps);
	return rc;
}

int
values_some_integers(struct str column, size_t n, const uint32_t *i, size_t many, int64_t *out)
{
	int64_t *number;
	size_t segment_at = SIZE_MAX, there = 0;
	struct str rest;

	if (column.n == 0 || column.p[0] != INTEGERS_SEGMENTS)
		return column.n ? 0 : -1;
	rest = (struct str){ column.p + 1, column.n - 1 };
	number = mem_grow(NULL, VALUES_SEGMENT, sizeof(*number));
	for (size_t k = 0; k < many; k++) {
		if (i[k] / VALUES_SEGMENT != segment_at && take_segment(rest, n, segment_at = i[k] / VALUES_SEGMENT, number, &there)) {
			free(number);
			return -1;
		}
		out[k] = number[i[k] % VALUES_SEGMENT];
	}
	free(number);
	return 1;
}

/* Segment i of the numbers. */
static int
take_numbers(const struct values_reader *r, size_t i, int64_t *out)
{
	size_t many;

	return (r->style == VALUES_DOUBLE ? take_doubles : take_segment)(r->numbers, r->n_numbers, i, out, &many);
}

/* Take the head of a numbers' section: how they are written. */
static int
take_how(struct values_reader *r)
{
	unsigned char how;

	if (r->numbers.n == 0)
		return -1;
	how = (unsigned char)r->numbers.p[0];
	r->numbers.p++;
	r->numbers.n--;
	r->places = how & 31;
	r->style = how >> 5;
	return how >> 5 > VALUES_DOUBLE || r->places > (r->style == VALUES_DOUBLE ? LAYOUTS - 1 : DIGITS_MOST) ? -1 : 0;
}

int
values_open(struct values_reader *r, struct pack *pack, struct str column, size_t n, struct err *err)
{
	struct str rest = column;
	uint64_t numbers = 0, texts = 0;
	int wrong = 0;

	r->pack = pack;
	r->n = n;
	r->segment = SIZE_MAX;
	r->numbers_there = r->texts_there = r->all_there = 0;
	r->asked = 0;
	r->n_numbers = r->n_texts = 0;
	r->codes = r->numbers = r->pieces = (struct str){ "", 0 };
	if (rest.n == 0)
		return damaged(err, "a column is empty");
	r->form = (enum values_form)(unsigned char)rest.p[0];
	rest.p++;
	rest.n--;
	switch (r->form) {
	case VALUES_NOTHING:
		wrong = n != 0;
		break;
	case VALUES_DICTIONARY:
		wrong = varint_take(&rest, &numbers) || varint_take(&rest, &texts) || numbers > n || texts > n + 1 ||    /* none comes on top */
		    numbers + texts == 0 ||
		    varint_take_str(&rest, &r->numbers) || take_how(r) || varint_take_str(&rest, &r->pieces) || varint_take_str(&rest, &r->codes);
		break;
	case VALUES_NUMBERS:
		numbers = n;
		wrong = varint_take_str(&rest, &r->numbers) || take_how(r);
		break;
	case VALUES_MIXED:
		wrong = varint_take(&rest, &texts) || varint_take(&rest, &numbers) || texts > n || numbers > n ||
		    varint_take_str(&rest, &r->pieces) || varint_take_str(&rest, &r->codes) || varint_take_str(&rest, &r->numbers) || take_how(r);
		break;
	case VALUES_PLAIN:
		texts = n;
		wrong = varint_take_str(&rest, &r->pieces);
		break;
	default:
		return damaged(err, "a column's form is not known");
	}
	if (wrong || rest.n)
		return damaged(err, "a column's head cannot be");
	r->n_numbers = numbers;
	r->n_texts = texts;
	return 0;
}

/* Room for n items in an array that keeps none of them. */
#define ROOM(array, array_cap, many) do { \
	if ((many) > (array_cap)) { \
		free(array); \
		(array) = mem_grow(NULL, (array_cap) = (many), sizeof(*(array))); \
	} } while (0)

/* Take an array of n numbers off the front: its segments say their own bytes, one alone is taken as it comes. */
static int
take_array(struct str *rest, size_t n, int64_t *out)
{
	size_t segments = (n + VALUES_SEGMENT - 1) / VALUES_SEGMENT, size = 0;
	struct str all = *rest;
	uint64_t u;

	if (segments <= 1)
		return integers_take(rest, out, n);
	for (size_t i = 0; i < segments; i++) {
		if (varint_take(rest, &u) || u > VALUES_BYTES_MOST)
			return -1;
		size += u;
	}
	if (size > rest->n)
		return -1;
	rest->p += size;
	rest->n -= size;
	all.n = (size_t)(rest->p - all.p);
	return take_all(all, n, out);
}

/* Where each text lies, what it shares with the one before, and in which piece it is. */
static int
load_texts(struct values_reader *r, struct err *err)
{
	struct str rest = r->pieces;
	int64_t *len = NULL, *front = NULL;
	uint64_t total = 0, from = 0, packed = 0;
	int rc = 0;

	if (r->texts_there)
		return 0;
	len = mem_grow(NULL, r->n_texts + 1, sizeof(*len));
	front = mem_grow(NULL, r->n_texts + 1, sizeof(*front));
	if (take_array(&rest, r->n_texts, len) || take_array(&rest, r->n_texts, front))
		goto wrong;
	ROOM(r->end, r->end_cap, r->n_texts + 1);
	ROOM(r->front, r->front_cap, r->n_texts + 1);
	ROOM(r->none, r->none_cap, r->n_texts + 1);
	r->end[0] = 0;
	r->n_pieces = 0;
	r->sorted = 0;
	for (size_t i = 0, first = 0; i < r->n_texts; i++) {
		uint64_t n = (uint64_t)len[i] - (len[i] != 0), before = i > first ? r->end[i] - r->end[i - 1] : 0;
		struct values_piece *p;

		if (len[i] < 0 || n > VALUES_BYTES_MOST || total > VALUES_BYTES_MOST || front[i] < 0 || (uint64_t)front[i] > n ||
		    (uint64_t)front[i] > before)
			goto wrong;
		r->none[i] = len[i] == 0;
		r->front[i] = (uint32_t)front[i];
		r->sorted |= front[i] != 0;
		r->end[i + 1] = total += n;
		packed += n - (uint64_t)front[i];
		if (total - from < PIECE && (i + 1 < r->n_texts || total == from))
			continue;
		if (r->n_pieces == r->piece_cap)
			r->piece = mem_grow(r->piece, r->piece_cap = r->piece_cap ? r->piece_cap * 2 : 8, sizeof(*r->piece));
		p = &r->piece[r->n_pieces++];
		*p = (struct values_piece){ .first = first, .end = i + 1, .n = packed };
		if (pack_skip(&rest, p->n, &p->packed))
			goto wrong;
		from = total;
		packed = 0;
		first = i + 1;
	}
	if (rest.n)
		goto wrong;
	if (total + VALUES_SLACK > r->bytes_cap) {
		free(r->bytes);
		r->bytes = mem_grow(NULL, r->bytes_cap = total + VALUES_SLACK, 1);
	}
	r->texts_there = 1;
out:
	free(len);
	free(front);
	return rc;
wrong:
	rc = damaged(err, "a column's texts cannot be");
	goto out;
}

/* Its bytes as they lie, to the scratch. */
static int
take_piece(struct values_reader *r, const struct values_piece *p, struct err *err)
{
	struct str packed = p->packed;

	buf_clear(&r->scratch);
	buf_room(&r->scratch, p->n + VALUES_SLACK);
	return pack_take(r->pack, &packed, r->scratch.p, p->n) ? damaged(err, "a column's texts do not unpack") : 0;
}

/* Copy, where 16 bytes may be read and written too much: most are fewer, and a call of memcpy costs more. */
static inline void
copy(char *to, const char *from, size_t n)
{
	char first[16];

	memcpy(first, from, 16);        /* what is read too much may lie where is written */
	memcpy(to, first, 16);
	if (n > 16)
		memcpy(to + 16, from + 16, n - 16);
}

/* A text of at most 16 bytes: as many as it shares with the one before, which ends in `last`, and then its own. What it shares is never
 * more than was packed before it, so the bytes in front of `from` are there. Held in a register, since what was just written in
 * parts is read as a whole only after a wait: 4 ns a text, not 15. */
typedef unsigned char text16 __attribute__((vector_size(16)));

static inline text16
joined(text16 last, const char *from, size_t front)
{
	static const unsigned char bits[32] = { 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255 };
	text16 own, shared;

	memcpy(&own, from - front, 16);
	memcpy(&shared, bits + 16 - front, 16);
	return (last & shared) | (own & ~shared);
}

static int
unpack_piece(struct values_reader *r, struct values_piece *p, struct err *err)
{
	const char *from;
	size_t behind = r->end[p->end];
	text16 last = { 0 };
	char kept[16];
	int rc = take_piece(r, p, err);

	if (rc)
		return rc;
	from = r->scratch.p;
	memcpy(kept, r->bytes + behind, sizeof(kept));          /* of the next piece, which may be there */
	for (size_t i = p->first; i < p->end; i++) {
		char *to = r->bytes + r->end[i];
		size_t n = r->end[i + 1] - r->end[i], front = r->front[i];

		if (n <= 16) {
			last = joined(last, from, front);
			memcpy(to, &last, 16);
		} else {
			if (front)
				copy(to, r->bytes + r->end[i - 1], front);
			copy(to + front, from, n - front);
			memcpy(&last, to, 16);
		}
		from += n - front;
	}
	memcpy(r->bytes + behind, kept, sizeof(kept));
	p->there = 1;
	return 0;
}

int
values_text(struct values_reader *r, size_t i, struct str *s, struct err *err)
{
	size_t low = 0, high;
	int rc;

	if ((rc = load_texts(r, err)))
		return rc;
	if (i >= r->n_texts)
		return damaged(err, "a code has no text");
	*s = (struct str){ r->none[i] ? NULL : "", r->end[i + 1] - r->end[i] };
	if (s->n == 0)
		return 0;
	for (high = r->n_pieces; high - low > 1; ) {
		size_t middle = (low + high) / 2;

		if (r->piece[middle].first <= i)
			low = middle;
		else
			high = middle;
	}
	if (!r->piece[low].there && (rc = unpack_piece(r, &r->piece[low], err)))
		return rc;
	s->p = r->bytes + r->end[i];
	return 0;
}

int
values_all_texts(struct values_reader *r, struct err *err)
{
	int rc = load_texts(r, err);

	for (size_t i = 0; i < (r->n_texts ? r->n_pieces : 0) && rc == 0; i++)
		if (!r->piece[i].there)
			rc = unpack_piece(r, &r->piece[i], err);
	r->all_there = rc == 0;
	return rc;
}

/* The dictionary's numbers, or all of them. */
int
values_numbers(struct values_reader *r, struct err *err)
{
	if (r->numbers_there)
		return 0;
	ROOM(r->number, r->number_cap, r->n_numbers + BITMAP_SLACK);
	for (size_t i = 0; i * VALUES_SEGMENT < r->n_numbers; i++)
		if (take_numbers(r, i, r->number + i * VALUES_SEGMENT))
			return damaged(err, "a column's numbers cannot be");
	r->number[r->n_numbers] = 0;
	r->numbers_there = 1;
	r->segment = SIZE_MAX;
	return 0;
}

int
values_codes(struct values_reader *r, uint32_t *out, struct err *err)
{
	uint32_t limit = (uint32_t)(r->form == VALUES_MIXED ? r->n_texts + 1 : r->n_numbers + r->n_texts);

	if (values_take_codes(r->codes, out, r->n, limit))
		return damaged(err, "a column's codes cannot be");
	return 0;
}

/* MIXED: all codes, and for each value how many numbers stand before it. */
int
values_mixed(struct values_reader *r, struct err *err)
{
	uint32_t rank = 0;
	int rc;

	if (r->segment == 0)
		return 0;
	ROOM(r->code, r->code_cap, r->n + 1);
	ROOM(r->rank, r->rank_cap, r->n + 1);
	if ((rc = values_numbers(r, err)) || (rc = values_codes(r, r->code, err)))
		return rc;
	for (size_t i = 0; i < r->n; i++) {
		r->rank[i] = rank;
		rank += r->code[i] == 0;
	}
	if (rank != r->n_numbers)
		return damaged(err, "a column's numbers are not as many as its codes say");
	r->segment = 0;
	return 0;
}

static int
load_segment(struct values_reader *r, size_t i, struct err *err)
{
	size_t many;
	int rc;

	switch (r->form) {
	case VALUES_DICTIONARY:
		if ((rc = values_numbers(r, err)))
			return rc;
		ROOM(r->code, r->code_cap, (size_t)VALUES_SEGMENT);
		if (take_code_segment(r->codes, r->n, i, r->code, (uint32_t)(r->n_numbers + r->n_texts), &many))
			return damaged(err, "a column's codes cannot be");
		break;
	case VALUES_NUMBERS:
		r->numbers_there = 0;
		ROOM(r->number, r->number_cap, (size_t)VALUES_SEGMENT);
		if (take_numbers(r, i, r->number))
			return damaged(err, "a column's numbers cannot be");
		break;
	case VALUES_MIXED:
		return values_mixed(r, err);
	default:
		break;
	}
	r->segment = i;
	return 0;
}

int
values_code(struct values_reader *r, size_t i, uint32_t *code, struct err *err)
{
	int rc;

	if (i >= r->n)
		return damaged(err, "a column has fewer values than its rows");
	if (r->segment != i / VALUES_SEGMENT && (rc = load_segment(r, i / VALUES_SEGMENT, err)))
		return rc;
	*code = r->code[i % VALUES_SEGMENT];
	return 0;
}

/* The order in which the writer puts texts: those that differ by zeros at their ends alone come in any, and are 0 here. */
static int
padded_order(struct str a, struct str b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	struct str longer = a.n > b.n ? a : b;
	int order = n ? memcmp(a.p, b.p, n) : 0;

	for (size_t i = n; i < longer.n && order == 0; i++)
		order = longer.p[i] == 0 ? 0 : a.n > b.n ? 1 : -1;
	return order;
}

/* Of pieces whose first texts rise the last that begins before the text. A first text has nothing in common with another. */
static int
find_piece(struct values_reader *r, struct str text, size_t *found, struct err *err)
{
	size_t low = 0, high = r->n_pieces;
	int rc;

	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;
		const struct values_piece *p = &r->piece[middle];
		struct str first = { r->bytes + r->end[p->first], r->end[p->first + 1] - r->end[p->first] };

		if (!p->there) {
			if ((rc = take_piece(r, p, err)))
				return rc;
			first.p = r->scratch.p;
		}
		if (padded_order(first, text) < 0)
			low = middle;
		else
			high = middle;
	}
	*found = low;
	return 0;
}

/* One after the other. */
static int
find_unsorted(struct values_reader *r, struct str text, uint32_t *code, struct err *err)
{
	int rc = values_all_texts(r, err);

	for (size_t i = 0; i < r->n_texts && rc == 0; i++)
		if (!r->none[i] && str_eq((struct str){ r->bytes + r->end[i], r->end[i + 1] - r->end[i] }, text))
			*code = (uint32_t)i;
	return rc;
}

int
values_find(struct values_reader *r, struct str text, uint32_t *code, struct err *err)
{
	size_t low, high, piece = 0;
	struct str one;
	int rc;

	*code = (uint32_t)r->n_texts;
	if ((rc = load_texts(r, err)))
		return rc;
	if (!r->sorted)
		return find_unsorted(r, text, code, err);
	if (r->n_pieces == 0 || (rc = find_piece(r, text, &piece, err)))
		return rc;
	low = r->piece[piece].first ? r->piece[piece].first : 1;
	high = r->piece[piece].end;
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if ((rc = values_text(r, middle, &one, err)))
			return rc;
		if (padded_order(one, text) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (int order = 0; low < r->n_texts && order == 0; low++) {
		if ((rc = values_text(r, low, &one, err)))
			return rc;
		if ((order = padded_order(one, text)) == 0 && str_eq(one, text)) {
			*code = (uint32_t)low;
			break;
		}
	}
	return 0;
}

void
values_put_number(const struct values_reader *r, int64_t number, struct buf *b)
{
	int places = r->places;

	if (r->style == VALUES_DOUBLE) {
		json_put_double_as(b, values_double(number), (unsigned)places);
		return;
	}
	if (r->style != VALUES_FIXED)
		while (places > (r->style == VALUES_POINT) && number % 10 == 0) {
			number /= 10;
			places--;
		}
	put_token(b, number, places);
}

int
values_get(struct values_reader *r, size_t i, struct str *s, int64_t *number, struct err *err)
{
	size_t in = i % VALUES_SEGMENT;
	uint32_t code;
	int rc;

	if (i >= r->n)
		return damaged(err, "a column has fewer values than its rows");
	if (r->form == VALUES_PLAIN)
		return values_text(r, i, s, err);
	if (r->segment != (r->form == VALUES_MIXED ? 0 : i / VALUES_SEGMENT) && (rc = load_segment(r, i / VALUES_SEGMENT, err)))
		return rc;
	switch (r->form) {
	case VALUES_DICTIONARY:
		code = r->code[in];
		if (code >= r->n_numbers)
			return values_text(r, code - r->n_numbers, s, err);
		*number = r->number[code];
		return 1;
	case VALUES_NUMBERS:
		*number = r->number[r->numbers_there ? i : in];
		return 1;
	default:
		code = r->code[i];
		if (code)
			return values_text(r, code - 1, s, err);
		*number = r->number[r->rank[i]];
		return 1;
	}
}

int
values_append(struct values_reader *r, size_t i, struct buf *b, struct err *err)
{
	struct str s;
	int64_t number;
	int rc;

	/* Row after row, that is all there is to do. */
	if (r->all_there && r->form == VALUES_DICTIONARY && i / VALUES_SEGMENT == r->segment && i < r->n &&
	    r->code[i % VALUES_SEGMENT] >= r->n_numbers) {
		size_t k = r->code[i % VALUES_SEGMENT] - r->n_numbers;

		values_put_short(b, r->bytes + r->end[k], r->end[k + 1] - r->end[k]);
		return 0;
	}
	if (r->n_texts && r->asked++ == MANY && (rc = values_all_texts(r, err)))
		return rc;
	rc = values_get(r, i, &s, &number, err);
	if (rc > 0)
		values_put_number(r, number, b);
	else if (rc == 0)
		buf_str(b, s);
	return rc < 0 ? rc : 0;
}

int
values_at(struct values_reader *r, size_t i, struct buf *scratch, struct str *s, struct err *err)
{
	int64_t number;
	int rc = values_get(r, i, s, &number, err);

	if (rc > 0) {
		buf_clear(scratch);
		values_put_number(r, number, scratch);
		*s = buf_get(scratch);
	}
	return rc < 0 ? rc : 0;
}
