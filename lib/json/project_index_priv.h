/* project_index_priv.h - the walk over a row whose quotes were all found before (AVX-512).
 *
 * The walk that looks for each quote when it comes to it (project_walk_priv.h) waits: where a key is, is known when the
 * value before it has ended, 15 cycles each. Here one pass over the row, 64 bytes a step, writes down the places of the
 * quotes that no backslash escapes, and the walk takes them two by two: nothing waits for anything but a count.
 *
 *      {"event":"a","n":12}        quote: 1 7 9 11 13 15       a key and a text take two each
 */
#ifndef JSON_PROJECT_INDEX_PRIV_H
#define JSON_PROJECT_INDEX_PRIV_H

#include "json/project_walk_priv.h"

#ifdef SIMD_AVX512

FN inline void
index_quotes(const char *p, size_t n, struct project_index *x)
{
	static const uint8_t steps[64] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25,
		26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56,
		57, 58, 59, 60, 61, 62, 63 };
	const __m512i step = _mm512_loadu_si512(steps), quote = _mm512_set1_epi8('"'), slash = _mm512_set1_epi8('\\');
	uint64_t carry = 0;
	unsigned count = 0;

	x->escapes = 0;
	for (size_t at = 0; at < n; at += 64) {
		__mmask64 in = n - at < 64 ? ((uint64_t)1 << (n - at)) - 1 : ~(uint64_t)0;
		__m512i v = _mm512_maskz_loadu_epi8(in, p + at), base = _mm512_set1_epi16((short)at), places;
		uint64_t quotes = _mm512_cmpeq_epi8_mask(v, quote), slashes = _mm512_cmpeq_epi8_mask(v, slash);

		if (UNLIKELY(slashes | carry)) {
			quotes &= ~simd_escaped(slashes, &carry);
			x->escapes = 1;
		}
		x->bits[at / 64] = quotes;
		x->before[at / 64] = (uint16_t)count;
		places = _mm512_maskz_compress_epi8(quotes, step);
		_mm512_storeu_si512(x->quote + count, _mm512_add_epi16(_mm512_cvtepu8_epi16(_mm512_castsi512_si256(places)), base));
		if (UNLIKELY(__builtin_popcountll(quotes) > 32))
			_mm512_storeu_si512(x->quote + count + 32,
			    _mm512_add_epi16(_mm512_cvtepu8_epi16(_mm512_extracti64x4_epi64(places, 1)), base));
		count += (unsigned)__builtin_popcountll(quotes);
	}
	x->quotes = count;
}

/* How many quotes stand before the place. */
FN INLINE unsigned
quotes_before(const struct project_index *x, size_t at)
{
	return at / 64 * 64 < PROJECT_INDEXED ? x->before[at / 64] + (unsigned)__builtin_popcountll(_bzhi_u64(x->bits[at / 64], at % 64)) : x->quotes;
}

/* project_find, for a key whose quotes are the i-th and the next: mostly it is known and stands in its first place. */
FN __attribute__((noinline)) struct project_key *
find_between(struct project *project, int owner, const char *p, unsigned i, struct project_key **expect)
{
	const struct project_index *x = &project->index;

	if (LIKELY(i + 1 < x->quotes && p == project->start + x->quote[i])) {
		size_t n = x->quote[i + 1] + 1u - x->quote[i];
		struct project_key *key = n < PROJECT_KEY ? &project->keys[project_place(p, n, owner)] : NULL;

		if (LIKELY(key && key->owner == owner && stands(key, p, project->end))) {
			project->at = p + key->len;
			return *expect = key;
		}
	}
	return project_find(project, owner, p, expect);
}

/* As walk; *quote is the number of the first quote behind p, and then of the first behind the object. */
FN const char *
walk_object(struct project *project, int owner, const char *p, unsigned *quote)
{
	const struct project_index *x = &project->index;
	struct project_key *key = project->node[owner].first, **expect = &project->node[owner].first;
	const char *const start = project->start, *const end = project->end;
	unsigned i = *quote;

	p = skip_blank(p + 1, end);
	if (p < end && *p == '}')
		return p + 1;
	for (;;) {
		struct project_node *node;
		const char *from;
		int over;
		uint8_t type;

		if (LIKELY(key && key->owner == owner && stands(key, p, end))) {
			p += key->len;
		} else {
			if (!(key = find_between(project, owner, p, i, expect)))
				return NULL;
			p = project->at;
		}
		expect = &key->after;
		i += 2;
		p = skip_blank(p, end);
		if (UNLIKELY(p == end))
			goto wrong;
		from = p;
		node = node_of(project, key);
		if (*p == '"') {
			if (UNLIKELY(i + 1 >= x->quotes))
				goto wrong_value;
			p = start + x->quote[i + 1] + 1;
			i += 2;
			type = JSON_STRING;
		} else if (*p == '{' || *p == '[') {
			type = *p == '{' ? JSON_OBJECT : JSON_ARRAY;
			if (type == JSON_OBJECT && node && node->child) {
				if (!(p = walk_object(project, key->node, p, &i)))
					return NULL;
			} else {
				if (!(p = container_end(p + 1, end)))
					goto wrong_value;
				i = p < end ? quotes_before(x, (size_t)(p - start)) : x->quotes;
			}
		} else {
			const char *then = start + x->quote[i] - 1;

			type = JSON_NUMBER;
			p = scalar_end(p, start, end);
			if (LIKELY(i < x->quotes && p == then))
				p = then;       /* known without waiting for the end of the scalar */
			if (UNLIKELY(p == from) || (node && !(type = json_scalar_type(from, p))))
				goto wrong_value;
		}
		if (node) {
			node->value.p = from;
			node->value.n = (size_t)(p - from);
			node->value.type = type;
			node->value.escaped = type == JSON_STRING && x->escapes && memchr(from, '\\', (size_t)(p - from));
		}
		key = *expect;
		p = next_key(p, end, &over);
		if (LIKELY(!over))
			continue;
		if (over < 0)
			goto wrong;
		*quote = i;
		return p;
wrong_value:
		p = from;
wrong:
		project->wrong = p;
		return NULL;
	}
}

FN const char *
walk_row(struct project *project, int owner, const char *p)
{
	size_t n = (size_t)(project->end - project->start);
	unsigned quote = 0;

	if (UNLIKELY(n > PROJECT_INDEXED))
		return walk(project, owner, p);
	if (project->index.row != project->row)
		index_quotes(project->start, n, &project->index);
	return walk_object(project, owner, p, &quote);
}

#endif
#endif
