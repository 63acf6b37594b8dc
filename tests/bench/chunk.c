/* What a chunk costs: bytes of each column, packing, reading rows and columns.
 *
 *      build/bench/chunk FILE.ndjson [rows of a chunk [rounds of packing]]
 *
 * Time of a column is that of a chunk not open yet: shapes, their rows, the values.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "store/chunk_column.h"

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static const char *const names[CHUNK_COLUMNS] = { "time", "seq", "received", "name", "id", "user", "session", "properties", "keys", "users",
	"shapes", "rows" };

static int
fetch(void *self, int column, int part, struct buf *out, struct err *err)
{
	const struct chunk_packed *packed = self;

	for (size_t i = 0; i < packed->n; i++) {
		const struct chunk_block *b = &packed->block[i];

		if (b->column == column && b->part == part) {
			buf_add(out, packed->bytes.p + b->at, b->len);
			return 0;
		}
	}
	return err_set(err, ERR_CORRUPT, "no such block");
}

static void
path_name(const struct chunk *c, uint32_t path, struct buf *b)
{
	if (c->shapes.path[path].parent)
		path_name(c, c->shapes.path[path].parent, b), buf_byte(b, '.');
	buf_str(b, c->shapes.path[path].key);
}

static int
by_time(const void *x, const void *y)
{
	const struct event *a = x, *b = y;

	return a->time < b->time ? -1 : a->time > b->time ? 1 : (a->seq > b->seq) - (a->seq < b->seq);
}

int
main(int argc, char **argv)
{
	FILE *f = argc > 1 ? fopen(argv[1], "r") : NULL;
	size_t most = argc > 2 ? strtoul(argv[2], NULL, 10) : 65536, n = 0, cap = 0, raw = 0, sum = 0, disk = 0;
	struct chunk_packed packed = { 0 };
	struct event_reader reader = { .now = 1800000000000 };
	struct event *ev = mem_grow(NULL, most, sizeof(*ev));
	struct chunk c = { 0 };
	struct err err = { 0 };
	size_t bytes[CHUNK_COLUMNS] = { 0 };
	char *line = NULL;
	double t, pack = 1e9, rows = 1e9, all = 1e9;
	struct event one;
	struct chunk again = { 0 };
	struct chunk_column_room room = { 0 };
	struct column column;
	double read = 0;
	struct buf name = { 0 };
	ssize_t len;

	if (!f)
		return 2;
	while (n < most && (len = getline(&line, &cap, f)) > 0) {
		struct event *e = &ev[n];

		if (event_read(&reader, (struct str){ line, (size_t)len - 1 }, e, &err))
			continue;
#define KEEP(s) ((s).p = (s).p ? mem_dup((s).p, (s).n) : NULL)
		KEEP(e->name), KEEP(e->id), KEEP(e->user_id), KEEP(e->session_id), KEEP(e->properties);
		e->received = 1800000000000;
		e->seq = 1 + n++;
		raw += (size_t)len;
	}
	qsort(ev, n, sizeof(*ev), by_time);
	for (int i = 0; i < (argc > 3 ? atoi(argv[3]) : 5); i++) {
		t = now();
		chunk_pack(&packed, ev, n);
		t = now() - t;
		pack = t < pack ? t : pack;
	}
	for (size_t i = 0; i < packed.n; i++) {
		bytes[packed.block[i].column] += packed.block[i].len;
		disk += packed.block[i].len > 2000 ? (packed.block[i].len + 20 + 4095) / 4096 * 4096 : packed.block[i].len * 3 / 2 + 30;
		sum += packed.block[i].len;
	}
	for (int i = 0; i < 3; i++) {
		t = now();
		if (chunk_open(&c, buf_get(&packed.header), fetch, &packed, &err))
			goto out;
		for (size_t row = 0; row < n; row++)
			if (chunk_row(&c, row, CHUNK_ALL & ~(1u << CHUNK_PROPERTIES), &one, &err))
				goto out;
		t = now() - t;
		rows = t < rows ? t : rows;
		t = now();
		if (chunk_open(&c, buf_get(&packed.header), fetch, &packed, &err))
			goto out;
		for (size_t row = 0; row < n; row++)
			if (chunk_row(&c, row, CHUNK_ALL, &one, &err) || !str_eq(one.properties, ev[row].properties))
				goto out;
		t = now() - t;
		all = t < all ? t : all;
	}
	printf("%zu events of %.1f bytes in %zu blocks: %.2f bytes an event, about %.2f on disk\n", n, (double)raw / (double)n, packed.n,
	    (double)sum / (double)n, (double)disk / (double)n);
	printf("pack %.0f ns, rows %.0f ns, with properties %.0f ns an event\n", pack / (double)n * 1e9, rows / (double)n * 1e9, all / (double)n * 1e9);
	for (int i = 0; i < CHUNK_COLUMNS; i++)
		printf("%12s %8.3f\n", names[i], (double)bytes[i] / (double)n);
	printf("%zu shapes, %zu leaves\n", c.shapes.n_shapes, c.shapes.n_leaves);
	for (size_t i = 0; i < c.shapes.n_leaves; i++) {
		static const char *const forms[] = { "nothing", "dictionary", "numbers", "mixed", "plain" };
		const struct values_reader *v = &c.leaf[i].values;

		for (int k = 0; k < 5; k++) {
			t = now();
			if (chunk_open(&again, buf_get(&packed.header), fetch, &packed, &err) ||
			    chunk_column(&again, c.shapes.path[c.shapes.leaf_path[i]].key, 0, 0, n, &room, &column, &err) < 0)
				goto out;
			t = now() - t;
			read = k == 0 || t < read ? t : read;
		}
		buf_clear(&name);
		path_name(&c, c.shapes.leaf_path[i], &name);
		printf("%20s %8.3f  %7zu values  %-10s %6zu texts %5.1f B  %6zu numbers %5.1f B  codes %6.3f B a value  %5.2f ns a row\n", buf_text(&name), (double)c.leaf[i].len / (double)n, v->n,
		    v->n_numbers && v->style == VALUES_DOUBLE ? v->form == VALUES_NUMBERS ? "doubles" : "doubles +" : forms[v->form], v->n_texts, v->n_texts ? (double)v->pieces.n / (double)v->n_texts : 0, v->n_numbers,
		    v->n_numbers ? (double)v->numbers.n / (double)v->n_numbers : 0, (double)v->codes.n / (double)v->n, read / (double)n * 1e9);
	}
	return 0;
out:
	fprintf(stderr, "%s\n", err.text);
	return 1;
}
