/* Any dashboard over any answers: what is drawn fits, is UTF-8 without control characters, and what is written is well-formed.
 *
 *      a definition, a line end, then answers, one a line: {"columns":[…],"rows":[[…]]}; the statements get them in turn
 */
#include <math.h>
#include <stdlib.h>

#include "base/time.h"
#include "base/width.h"
#include "dash/data_priv.h"
#include "dash/render.h"

int LLVMFuzzerTestOneInput(const unsigned char *, size_t);

static struct str answers, rest;

static int
answer(struct data *data, const char *sql, const struct query_param *params, int n, struct arena *arena, struct answer *to, struct err *err)
{
	struct answer_maker m = { to, arena, 0 };
	struct json all, columns, rows;
	struct str line, name[32];
	struct cell cell[32];
	struct buf scratch[32] = {0};
	int width = 0;

	(void)data, (void)sql, (void)params, (void)n;
	if (!rest.n)
		rest = answers;
	if (!rest.n || !str_cut(&rest, '\n', &line) || json_check(line, &(struct err){ 0 }))
		return err_set(err, ERR_INPUT, "no answer");
	all = json_value(line), columns = json_get(all, STR("columns")), rows = json_get(all, STR("rows"));
	for (struct json_iter it = json_iter(columns); json_is(columns, JSON_ARRAY) && width < 32 && json_next(&it); width++)
		if (!(name[width] = json_text_dup(it.value, arena)).p)
			name[width] = STR("");
	data_put_columns(&m, name, width, err);
	for (struct json_iter it = json_iter(rows); !err->code && json_is(rows, JSON_ARRAY) && json_next(&it); ) {
		int k = 0;

		for (struct json_iter c = json_iter(it.value); json_is(it.value, JSON_ARRAY) && k < width && json_next(&c); k++)
			cell[k] = cell_of_json(c.value, &scratch[k]);
		for (; k < width; k++)
			cell[k] = cell_null();
		data_put_row(&m, cell, width, err);
	}
	data_put_end(&m);
	for (int k = 0; k < 32; k++)
		buf_release(&scratch[k]);
	return err->code;
}

/* As many steps as are wanted, of values that follow from the bytes. */
static int
go_on(struct data *d, const struct data_ahead *ahead, struct answer_maker *m, struct err *err)
{
	(void)d;
	for (int i = 0; i < ahead->steps && i < 50 && !err->code; i++) {
		char time[TIME_LEN];
		double x = rest.n ? (double)(signed char)rest.p[(size_t)i % rest.n] * pow(10, i % 310) : NAN;

		time_print(ahead->to + i * ahead->every_ms, time);
		data_put_step(m, (struct str){ time, TIME_LEN }, x, x - i, i % 7 ? x + 2 * i : INFINITY, err);
	}
	return err->code;
}

static void
check_lines(struct str text, int width)
{
	struct str line;

	if (str_utf8_fault(text) >= 0)
		abort();
	while (text.n && str_cut(&text, '\n', &line)) {
		if (width && width_of(line) > width)
			abort();
		for (size_t i = 0; i < line.n; i++)
			if ((unsigned char)line.p[i] < 0x20 || line.p[i] == 0x7f || ((unsigned char)line.p[i] == 0xc2 && i + 1 < line.n && (unsigned char)line.p[i + 1] < 0xa0))
				abort();
	}
}

static void
check_all(const struct drawing *d, int width)
{
	struct rendering r = { .width = width, .ascii = width % 2 };
	struct buf out = {0};

	for (const struct render_format *f = render_formats; f->name; f++) {
		buf_clear(&out);
		f->put(d, &r, &out);
		if (strcmp(f->name, "json") == 0 && json_check(buf_get(&out), &(struct err){ 0 }))
			abort();
		if (strcmp(f->name, "json") && strcmp(f->name, "csv"))
			check_lines(buf_get(&out), strcmp(f->name, "txt") ? 0 : width);
		if (strcmp(f->name, "html") == 0 && memmem(out.p, out.n, "<script", 7))
			abort();
	}
	buf_release(&out);
}

int
LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t n)
{
	struct str all = { (const char *)bytes, n }, text;
	struct data data = { .ask = answer, .forecast = go_on };
	struct drawing d = { .chosen = -1 };
	struct definition *definition = NULL;
	struct reading *readings;
	struct err err = {0};

	time_set_now(1795478399000);
	d.period.at = 1795478399001;
	if (!str_cut(&all, '\n', &text) || json_check(text, &err) || !(definition = definition_read(json_value(text), &err)))
		return 0;
	answers = rest = all;
	readings = calloc((size_t)definition->n + 1, sizeof(*readings));
	for (int i = 0; i < definition->n; i++) {
		reading_init(&readings[i]);
		reading_get(&readings[i], &data, definition, &definition->widget[i], &d.period);
	}
	d.definition = definition, d.readings = readings;
	check_all(&d, 20 + (int)(n * 7 % 280));
	d.is_plain = 1;
	check_all(&d, 1000000);
	for (int i = 0; i < definition->n; i++)
		reading_release(&readings[i]);
	free(readings);
	definition_free(definition);
	return 0;
}
