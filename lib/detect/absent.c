/* The bytes of absent: version:1 (129, a list as of store/admin.h), then sources in the order of the queue: length of the name:4, the name,
 * length of the rest:4 (not in version 1), time of the last row:8, rows:8, usual distance in ms:8, told:1; little-endian (packing_priv.h). */
#include "detect/absent.h"

#include <stdlib.h>

#include "base/map.h"
#include "base/mem.h"
#include "detect/packing_priv.h"

#define FORMAT   129
#define SOURCE   25             /* bytes of the fields of one */
#define REGULAR  8              /* rows */
#define MEMORY   8.0            /* distances */
#define NAME_MOST (64u << 10)

struct source {
	struct source *before, *after;  /* in the queue; of one that was told: NULL */
	struct str name;
	int64_t time, rows;
	double  usual;
	uint8_t told;
};

struct absent {
	int64_t span;
	struct map sources;
	struct source *first, *last;    /* who came longest ago, who came last */
};

struct absent *
absent_new(int64_t span_ms)
{
	struct absent *a = mem_new(sizeof(*a));

	a->span = span_ms;
	return a;
}

void
absent_free(struct absent *a)
{
	if (!a)
		return;
	for (struct map_entry *e = map_first(&a->sources); e; e = map_next(&a->sources, e))
		free(e->ptr);
	map_release(&a->sources);
	free(a);
}

static void
leave(struct absent *a, struct source *s)
{
	*(s->before ? &s->before->after : &a->first) = s->after;
	*(s->after ? &s->after->before : &a->last) = s->before;
	s->before = s->after = NULL;
}

static void
join(struct absent *a, struct source *s)
{
	s->before = a->last;
	s->after = NULL;
	*(a->last ? &a->last->after : &a->first) = s;
	a->last = s;
}

static struct source *
source_of(struct absent *a, struct str name, int *is_new)
{
	struct map_entry *e = map_put(&a->sources, name, is_new);
	struct source *s;

	if (!*is_new)
		return e->ptr;
	s = e->ptr = mem_new(sizeof(*s));
	s->name = e->key;
	return s;
}

int
absent_knows(const struct absent *a, struct str name)
{
	return map_find(&a->sources, name) != NULL;
}

void
absent_came(struct absent *a, struct str name, int64_t time_ms)
{
	int is_new;
	struct source *s = source_of(a, name, &is_new);

	if (is_new || s->told)
		s->told = 0;
	else
		leave(a, s);
	if (!is_new && time_ms > s->time) {
		double distance = (double)(time_ms - s->time);

		s->usual += (distance - s->usual) / ((double)s->rows < MEMORY ? (double)s->rows : MEMORY);
	}
	if (is_new || time_ms > s->time) {
		s->time = time_ms;
		s->rows++;
	}
	join(a, s);
}

static int
is_regular(const struct absent *a, const struct source *s)
{
	return s->rows >= REGULAR && s->usual <= (double)a->span / 2;
}

int
absent_next(struct absent *a, int64_t time_ms, struct absent_found *out)
{
	struct source *s;

	while ((s = a->first) && time_ms - s->time > a->span) {
		leave(a, s);
		s->told = 1;            /* or need not be */
		if (!is_regular(a, s))
			continue;
		out->name = s->name;
		out->since_ms = s->time;
		out->usual_ms = (int64_t)s->usual;
		return 1;
	}
	return 0;
}

int64_t
absent_due(const struct absent *a)
{
	return a->first ? a->first->time + a->span + 1 : INT64_MAX;
}

static void
each_field(struct packing *p, struct source *s)
{
	PACK(p, s->time);
	PACK(p, s->rows);
	PACK(p, s->usual);
	PACK(p, s->told);
	detect_pack_expect(p, s->usual, 0);
	p->failed |= s->rows < 1 || s->rows > INT64_MAX / 8 || s->time > INT64_MAX / 8 || s->time < INT64_MIN / 8 || s->told > 1;
}

static void
put_source(struct source *s, struct packing *p)
{
	uint32_t n = (uint32_t)s->name.n, rest = SOURCE;
	struct source copy = *s;

	PACK(p, n);
	buf_str(p->to, s->name);
	PACK(p, rest);
	each_field(p, &copy);
}

void
absent_put(const struct absent *a, struct buf *to)
{
	struct packing p = { .to = to, .version = FORMAT };

	buf_byte(to, (char)FORMAT);
	for (struct source *s = a->first; s; s = s->after)
		put_source(s, &p);
	for (struct map_entry *e = map_first(&a->sources); e; e = map_next(&a->sources, e))
		if (((struct source *)e->ptr)->told)
			put_source(e->ptr, &p);
}

int
absent_take(struct absent *a, struct str bytes, struct err *err)
{
	struct packing p = { .from = &bytes, .version = bytes.n ? (unsigned char)*bytes.p : 0 };

	if (p.version != FORMAT && p.version != 1)
		return err_set(err, ERR_CORRUPT, "the saved sources are damaged or of another version");
	bytes.p++, bytes.n--;
	while (bytes.n && !p.failed) {
		struct source *s;
		uint32_t n = 0, rest = SOURCE;
		int is_new;

		PACK(&p, n);
		if (p.failed || n > bytes.n || n > NAME_MOST)
			return err_set(err, ERR_CORRUPT, "the saved sources are damaged");
		s = source_of(a, (struct str){ bytes.p, n }, &is_new);
		bytes.p += n, bytes.n -= n;
		if (!is_new && !s->told)
			leave(a, s);
		if (p.version == FORMAT)
			PACK(&p, rest);
		each_field(&p, s);
		p.failed |= rest != SOURCE;
		if (p.failed)
			s->told = 1, s->rows = 1;       /* in no queue */
		else if (!s->told)
			join(a, s);
	}
	return p.failed ? err_set(err, ERR_CORRUPT, "the saved sources are damaged") : 0;
}
