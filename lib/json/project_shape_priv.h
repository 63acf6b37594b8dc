/* project_shape_priv.h - rows that say the same of the same keys in the same order, by comparing what stands between their
 * values (AVX-512).
 *
 *      row      {"event":"a","n":12,"o":{"p":"x"}}
 *      pieces   {"event":"  ,"n":   ,"o":{"p":"  }}       and between them a, 12 and x
 *
 * Rows of tables and of logs, and those of one writer, have few shapes. Where each piece is, is known from the places of the
 * quotes: a text ends at a quote of a certain number, a number as many bytes before one as stood between them. So all pieces
 * are compared without one waiting for the other: 3 cycles each, where a key of the walk takes 10. The same pieces at these
 * places are the same structure, since their quotes, none of them behind a backslash that was not there, are all but those of the
 * texts; what the walk would ask of a value is asked here. Any other row is the walk's, which says what is wrong with it.
 */
#ifndef JSON_PROJECT_SHAPE_PRIV_H
#define JSON_PROJECT_SHAPE_PRIV_H

#include "json/project_index_priv.h"

#ifdef SIMD_AVX512

#define SHAPE_TRIES 64          /* rows after which it is seen whether shapes come again */
#define SHAPE_MISSES 8          /* rows that are otherwise before another shape is learned instead */
#define SHAPE_REST 1024         /* rows that are walked when they do not; twice as many each time */
#define SHAPE_REST_MOST (1u << 20)

/* Do the pieces stand in this row? at: where each begins; `length` bytes are in the row. */
FN INLINE int
pieces_stand(const struct project *project, const struct project_shape *s, size_t length, uint32_t at[PROJECT_PIECES])
{
	const char *start = project->start;
	const uint16_t *quote = project->index.quote;

	for (int i = 0; i < s->pieces; i++) {
		const struct project_piece *piece = &s->piece[i];
		uint32_t place = i ? (uint32_t)(quote[piece->quote] + piece->by) : 0;

		if (UNLIKELY((size_t)place + piece->n > length))
			return 0;
		if (UNLIKELY(_mm256_cmpneq_epi8_mask(_mm256_maskz_loadu_epi8(piece->mask, start + place), simd_load(piece->text))))
			return 0;
		at[i] = place;
	}
	return at[s->pieces - 1] + s->piece[s->pieces - 1].n == length;
}

FN INLINE int
shape_fits(const struct project *project, const struct project_shape *s, size_t length, struct json *out)
{
	const char *start = project->start, *end = project->end;
	uint32_t at[PROJECT_PIECES] RAW;

	if (!pieces_stand(project, s, length, at))
		return 0;
	for (int i = 0; i < s->scalars; i++) {
		int k = s->scalar[i];
		const char *from = start + at[k] + s->piece[k].before, *to = start + at[k + 1];

		if (from >= to || (s->piece[k].is_asked ? !json_scalar_type(from, to) : scalar_end(from, start, end) != to))
			return 0;
	}
	for (int i = 0; i < project->fields; i++) {
		int k = s->value[i];
		const char *from;

		if (k < 0) {
			out[i] = JSON_ABSENT;
			continue;
		}
		from = start + at[k] + s->piece[k].before;
		out[i] = (struct json){ .p = from, .n = (size_t)(start + at[k + 1] - from), .type = JSON_STRING };
		if (!s->piece[k].is_text)
			out[i].type = json_scalar_type(from, from + out[i].n);
		else if (UNLIKELY(project->index.escapes))
			out[i].escaped = memchr(from, '\\', out[i].n) != NULL;
	}
	return 1;
}

/* 1: the row is one of a known shape, and these are its values. Else the walk is to go over it, and project->learn is the shape to
 * be learned from it, or NULL. */
FN int
by_shape(struct project *project, struct json *out)
{
	size_t n = (size_t)(project->end - project->start);
	struct project_index *x = &project->index;
	struct project_shape *s;

	if (n > PROJECT_INDEXED || !n)
		return 0;
	index_quotes(project->start, n, x);
	x->row = project->row;
	x->quote[x->quotes] = (uint16_t)n;
	if (++project->tried == SHAPE_TRIES) {
		if (project->fitted < SHAPE_TRIES / 4 * 3)
			project->rest = project->next_rest, project->next_rest = project->next_rest < SHAPE_REST_MOST ? 2 * project->next_rest : SHAPE_REST_MOST;
		else
			project->next_rest = SHAPE_REST;
		project->tried = project->fitted = 0;
	}
	s = &project->shape[x->quotes / 2 % PROJECT_SHAPES];
	if (s->pieces && s->quotes == x->quotes && s->fields == project->fields && shape_fits(project, s, n, out)) {
		s->missed = 0;
		project->fitted++;
		return 1;
	}
	if (!s->pieces || ++s->missed > SHAPE_MISSES)
		project->learn = s;
	return 0;
}

#endif
#endif
