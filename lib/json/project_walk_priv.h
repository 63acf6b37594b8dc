/* project_walk_priv.h - the walk over a row, compiled once for each instruction set (simd_priv.h). */
#ifndef JSON_PROJECT_WALK_PRIV_H
#define JSON_PROJECT_WALK_PRIV_H

#include "json/json_scan_priv.h"
#include "json/project_priv.h"

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
