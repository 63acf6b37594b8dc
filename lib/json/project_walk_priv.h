/* project_walk_priv.h - the walk over a row, compiled once for each instruction set (simd_priv.h). */
#ifndef JSON_PROJECT_WALK_PRIV_H
#define JSON_PROJECT_WALK_PRIV_H

#include "json/json_priv.h"
#include "json/project_priv.h"
#include "json/simd_priv.h"

/* From behind the opening quote to the closing one, or NULL. */
FN INLINE const char *
string_end(const char *p, const char *start, const char *end, uint8_t *escaped)
{
	for (;;) {
		uint64_t mask = simd_at(simd_quotes, p, start, end);

		if (!mask) {
			if (end - p <= W)
				return NULL;
			p += W;
			continue;
		}
		p += simd_first(mask);
		if (*p == '"')
			return p;
		*escaped = 1;
		if (end - p < 2)
			return NULL;
		p += 2;
	}
}

/* From behind the opening bracket to behind the one that closes it, or NULL: 64 bytes at a time, the brackets outside
 * strings counted as bits. */
FN inline const char *
container_end(const char *p, const char *end)
{
	uint64_t depth = 1, in_string = 0, carry = 0;

	while (p < end) {
		char copy[64];
		const char *from = p;
		struct simd_masks m;
		uint64_t inside;

		if (end - p < 64) {
			memset(copy, 0, sizeof(copy));
			memcpy(copy, p, (size_t)(end - p));
			from = copy;
		}
		m = simd_64(from);
		if (m.backslash | carry)
			m.quote &= ~simd_escaped(m.backslash, &carry);
		inside = simd_inside(m.quote) ^ in_string;
		in_string = 0 - (inside >> 63);
		m.open &= ~inside;
		m.close &= ~inside;
		if ((uint64_t)__builtin_popcountll(m.close) >= depth)
			for (uint64_t rest = m.close, n = 1; rest; rest &= rest - 1, n++) {
				uint64_t below = (rest & -rest) - 1;

				if (depth + (uint64_t)__builtin_popcountll(m.open & below) == n)
					return p + __builtin_ctzll(rest) + 1;
			}
		depth += (uint64_t)__builtin_popcountll(m.open) - (uint64_t)__builtin_popcountll(m.close);
		p += 64;
	}
	return NULL;
}

FN INLINE const char *
scalar_end(const char *p, const char *start, const char *end)
{
	for (;;) {
		uint64_t mask = simd_at(simd_no_scalar, p, start, end);

		if (mask)
			return p + simd_first(mask);
		if (end - p <= W)
			return end;
		p += W;
	}
}

/* Does the text of a key stand at p? */
FN INLINE int
stands(const struct project_key *key, const char *p, const char *end)
{
#if defined(SIMD_AVX2)
	if (end - p >= W)
		return (simd_mask(simd_eq(simd_load(p), simd_load(key->text))) & key->mask) == key->mask;
#elif defined(SIMD_SSE2)
	if (end - p >= 2 * W)
		return ((simd_mask(simd_eq(simd_load(p), simd_load(key->text))) |
		    simd_mask(simd_eq(simd_load(p + W), simd_load(key->text + W))) << W) & key->mask) == key->mask;
#endif
	return end - p >= key->len && memcmp(p, key->text, key->len) == 0;
}

FN INLINE const char *
skip_blank(const char *p, const char *end)
{
	while (p < end && (unsigned char)*p <= ' ' && json_is_blank(*p))
		p++;
	return p;
}

FN inline const char *
walk(struct project *project, int owner, const char *p)
{
	struct project_key **expect = &project->node[owner].first;
	const char *const start = project->start, *const end = project->end;

	p = skip_blank(p + 1, end);
	if (p < end && *p == '}')
		return p + 1;
	for (;;) {
		struct project_key *key = *expect;
		struct json value = { 0 };
		const char *from;
		int node;

		if (key && key->owner == owner && stands(key, p, end)) {
			p += key->len;
			node = key->node;
			expect = &key->after;
		} else if (!(p = project_find(project, owner, p, &expect, &node))) {
			return NULL;
		}
		p = skip_blank(p, end);
		if (p == end)
			goto wrong;
		from = p;
		if (node) {
			if (project->node[node].row == project->row)
				project_forget(project, node);
			project->node[node].row = project->row;
		}
		switch (*p) {
		case '"':
			if (!(p = string_end(p + 1, start, end, &value.escaped)))
				goto wrong_value;
			p++;
			value.type = JSON_STRING;
			break;
		case '{':
			value.type = JSON_OBJECT;
			if (node && project->node[node].child) {
				if (!(p = walk(project, node, p)))
					return NULL;
				break;
			}
			if (!(p = container_end(p + 1, end)))
				goto wrong_value;
			break;
		case '[':
			value.type = JSON_ARRAY;
			if (!(p = container_end(p + 1, end)))
				goto wrong_value;
			break;
		default:
			p = scalar_end(p, start, end);
			if (p == from)
				goto wrong_value;
			if (node && !(value.type = json_scalar_type(from, p)))
				goto wrong_value;
		}
		if (node) {
			value.p = from;
			value.n = (size_t)(p - from);
			project->node[node].value = value;
		}
		p = skip_blank(p, end);
		if (p == end)
			goto wrong;
		if (*p == '}')
			return p + 1;
		if (*p != ',')
			goto wrong;
		p = skip_blank(p + 1, end);
		continue;
wrong_value:
		p = from;
wrong:
		project->wrong = p;
		return NULL;
	}
}

#endif
