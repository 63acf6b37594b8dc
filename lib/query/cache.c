#include "query/cache.h"

#include <stdlib.h>

#include "base/map.h"
#include "base/mem.h"
#include "codec/varint.h"

struct answer {
	struct answer *older, *newer;   /* in the order of use */
	struct buf question, packed;    /* packed: number of columns, their names, then rows of cells */
	uint64_t version;
};

struct cache {
	struct map answers;             /* question -> answer, NULL where it was dropped */
	struct answer *oldest, *newest;
	size_t n, bytes;
	const struct query_sink *to;    /* of the answer listened to */
	struct query_sink self;
	struct buf packed;
	int too_long;
};

static void
unlink_answer(struct cache *c, struct answer *a)
{
	*(a->older ? &a->older->newer : &c->oldest) = a->newer;
	*(a->newer ? &a->newer->older : &c->newest) = a->older;
	a->older = a->newer = NULL;
}

static void
link_newest(struct cache *c, struct answer *a)
{
	a->older = c->newest;
	*(c->newest ? &c->newest->newer : &c->oldest) = a;
	c->newest = a;
}

static void
drop(struct cache *c, struct answer *a)
{
	struct map_entry *e = map_find(&c->answers, buf_get(&a->question));

	if (e)
		e->ptr = NULL;
	unlink_answer(c, a);
	c->bytes -= a->packed.cap + a->question.cap;
	buf_release(&a->question);
	buf_release(&a->packed);
	free(a);
	c->n--;
	if (c->answers.n <= 2 * c->n + 1000)
		return;
	map_clear(&c->answers);                 /* questions once asked do not pile up */
	for (a = c->oldest; a; a = a->newer)
		map_put(&c->answers, buf_get(&a->question), NULL)->ptr = a;
}

struct cache *
cache_new(void)
{
	return mem_new(sizeof(struct cache));
}

void
cache_free(struct cache *c)
{
	if (!c)
		return;
	while (c->oldest)
		drop(c, c->oldest);
	map_release(&c->answers);
	buf_release(&c->packed);
	free(c);
}

/* ---- giving */

static struct cell
take_cell(struct str *rest)
{
	struct cell cell = { .type = (enum cell_type)*rest->p };

	rest->p++, rest->n--;
	switch (cell.type) {
	case CELL_INTEGER:
		varint_take_signed(rest, &cell.integer);
		break;
	case CELL_REAL:
		memcpy(&cell.real, rest->p, sizeof(cell.real));
		rest->p += sizeof(cell.real), rest->n -= sizeof(cell.real);
		break;
	case CELL_TEXT:
		varint_take_str(rest, &cell.text);
		break;
	default:
		break;
	}
	return cell;
}

int
cache_answer(struct cache *c, struct str question, uint64_t version, const struct query_sink *to, struct err *err)
{
	struct map_entry *e = map_find(&c->answers, question);
	struct answer *a = e ? e->ptr : NULL;
	struct str rest;
	struct str *names;
	struct cell *cells;
	uint64_t n;
	int rc = 0;

	if (!a)
		return 0;
	if (a->version != version) {
		drop(c, a);
		return 0;
	}
	unlink_answer(c, a);
	link_newest(c, a);
	rest = buf_get(&a->packed);
	varint_take(&rest, &n);
	names = mem_grow(NULL, n + 1, sizeof(*names));
	cells = mem_grow(NULL, n + 1, sizeof(*cells));
	for (uint64_t i = 0; i < n; i++)
		varint_take_str(&rest, &names[i]);
	if (to->columns)
		rc = to->columns(to->self, names, (int)n, err);
	while (rc == 0 && rest.n) {
		for (uint64_t i = 0; i < n; i++)
			cells[i] = take_cell(&rest);
		rc = to->row(to->self, cells, (int)n, err);
	}
	free(names);
	free(cells);
	return rc ? rc : 1;
}

/* ---- keeping */

static int
columns(void *self, const struct str *names, int n, struct err *err)
{
	struct cache *c = self;

	buf_clear(&c->packed);
	varint_put(&c->packed, (uint64_t)n);
	for (int i = 0; i < n; i++)
		varint_put_str(&c->packed, names[i]);
	return c->to->columns ? c->to->columns(c->to->self, names, n, err) : 0;
}

static int
row(void *self, const struct cell *cells, int n, struct err *err)
{
	struct cache *c = self;

	for (int i = 0; i < n && !c->too_long; i++) {
		buf_byte(&c->packed, (char)cells[i].type);
		switch (cells[i].type) {
		case CELL_INTEGER:
			varint_put_signed(&c->packed, cells[i].integer);
			break;
		case CELL_REAL:
			buf_add(&c->packed, &cells[i].real, sizeof(cells[i].real));
			break;
		case CELL_TEXT:
			varint_put_str(&c->packed, cells[i].text);
			break;
		default:
			break;
		}
		c->too_long = c->packed.n > CACHE_ANSWER;
	}
	return c->to->row(c->to->self, cells, n, err);
}

const struct query_sink *
cache_listen(struct cache *c, const struct query_sink *to)
{
	buf_clear(&c->packed);
	c->too_long = 0;
	c->to = to;
	c->self = (struct query_sink){ columns, row, c };
	return &c->self;
}

void
cache_keep(struct cache *c, struct str question, uint64_t version)
{
	struct map_entry *e;
	struct answer *a;

	if (c->too_long || c->packed.n == 0 || question.n > CACHE_ANSWER) {
		cache_forget(c);
		return;
	}
	e = map_find(&c->answers, question);
	if (e && e->ptr)
		drop(c, e->ptr);
	a = mem_new(sizeof(*a));
	buf_str(&a->question, question);
	buf_str(&a->packed, buf_get(&c->packed));
	a->version = version;
	c->bytes += a->packed.cap + a->question.cap;
	link_newest(c, a);
	c->n++;
	map_put(&c->answers, question, NULL)->ptr = a;
	while (c->bytes > CACHE_MOST)
		drop(c, c->oldest);
	cache_forget(c);
}

void
cache_forget(struct cache *c)
{
	buf_release(&c->packed);
	c->to = NULL;
}
