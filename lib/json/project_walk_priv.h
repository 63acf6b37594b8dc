/* project_walk_priv.h - the walk over a row, compiled once for each instruction set (simd_priv.h). */
#ifndef JSON_PROJECT_WALK_PRIV_H
#define JSON_PROJECT_WALK_PRIV_H

#include "json/json_scan_priv.h"
#include "json/project_priv.h"

/* Does the text of a key stand at p? */
FN INLINE int
stands(const struct project_key *key, const char *p, const char *end)
{
#if defined(SIMD_AVX512)
	__mmask32 in = end - p >= W ? ~0u : _bzhi_u32(~0u, (unsigned)(end - p));       /* what is behind the end is not read */

	return (_mm256_cmpeq_epi8_mask(_mm256_maskz_loadu_epi8(in, p), simd_load(key->text)) & key->mask) == key->mask;
#elif defined(SIMD_AVX2)
	if (end - p >= W)
		return (simd_mask(simd_eq(simd_load(p), simd_load(key->text))) & key->mask) == key->mask;
#elif defined(SIMD_SSE2)
	if (end - p >= 2 * W)
		return ((simd_mask(simd_eq(simd_load(p), simd_load(key->text))) |
		    simd_mask(simd_eq(simd_load(p + W), simd_load(key->text + W))) << W) & key->mask) == key->mask;
#endif
	return end - p >= key->len && memcmp(p, key->text, key->len) == 0;
}

/* Where the value of a key belongs that was asked for; NULL: nobody asked. */
FN INLINE struct project_node *
node_of(struct project *project, const struct project_key *key)
{
	struct project_node *node;

	if (!key->node)
		return NULL;
	node = &project->node[key->node];
	if (UNLIKELY(node->row == project->row))
		project_forget(project, key->node);
	node->row = project->row;
	return node;
}

/* From behind a value to the next key, or (*over 1) behind the object; where neither follows *over is -1. */
FN INLINE const char *
next_key(const char *p, const char *end, int *over)
{
	*over = 0;
	if (UNLIKELY(p == end || *p != ',')) {
		p = skip_blank(p, end);
		if (p == end || *p != ',') {
			*over = p < end && *p == '}' ? 1 : -1;
			return p + (*over > 0);
		}
	}
	return skip_blank(p + 1, end);
}

FN inline const char *
walk(struct project *project, int owner, const char *p)
{
	struct project_key *key = project->node[owner].first, **expect = &project->node[owner].first;
	const char *const start = project->start, *const end = project->end;

	p = skip_blank(p + 1, end);
	if (p < end && *p == '}')
		return p + 1;
	for (;;) {
		struct project_node *node;
		const char *from;
		int over;
		uint8_t type, escaped = 0;

		if (LIKELY(key && key->owner == owner && stands(key, p, end))) {
			p += key->len;
		} else {
			if (!(key = project_find(project, owner, p, expect)))
				return NULL;
			p = project->at;
		}
		expect = &key->after;
		p = skip_blank(p, end);
		if (UNLIKELY(p == end))
			goto wrong;
		from = p;
		node = node_of(project, key);
		if (*p == '"') {
			if (!(p = string_end(p + 1, start, end, &escaped)))
				goto wrong_value;
			p++;
			type = JSON_STRING;
		} else if (*p == '{' || *p == '[') {
			type = *p == '{' ? JSON_OBJECT : JSON_ARRAY;
			if (type == JSON_OBJECT && node && node->child) {
				if (!(p = walk(project, key->node, p)))
					return NULL;
			} else if (!(p = container_end(p + 1, end))) {
				goto wrong_value;
			}
		} else {
			type = JSON_NUMBER;
			p = scalar_end(p, start, end);
			if (UNLIKELY(p == from) || (node && !(type = json_scalar_type(from, p))))
				goto wrong_value;
		}
		if (node) {
			node->value.p = from;
			node->value.n = (size_t)(p - from);
			node->value.type = type;
			node->value.escaped = escaped;
		}
		key = *expect;
		p = next_key(p, end, &over);
		if (LIKELY(!over))
			continue;
		if (over < 0)
			goto wrong;
		return p;
wrong_value:
		p = from;
wrong:
		project->wrong = p;
		return NULL;
	}
}

#endif
