/* The picture's cells and the layout: nothing is drawn outside, nothing hostile gets in, nothing lies on something else. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/width.h"
#include "dash/canvas.h"
#include "dash/chart.h"
#include "dash/definition.h"
#include "dash/layout.h"
#include "dash/reading.h"

static const char *
shown(const char *text, int width, int ascii)
{
	static char out[1000];
	struct canvas c;
	struct buf b = {0};

	canvas_init(&c, width, 1, ascii);
	canvas_text(&c, 0, 0, width, str_of(text), CANVAS_PLAIN);
	canvas_print(&c, 0, &b);
	snprintf(out, sizeof(out), "%.*s", (int)b.n - 1, b.p);
	canvas_release(&c);
	buf_release(&b);
	return out;
}

static void
texts_are_harmless_and_cut(void **state)
{
	(void)state;
	assert_string_equal(shown("plain", 10, 0), "plain");
	assert_string_equal(shown("too long for it", 8, 0), "too lon…");
	assert_string_equal(shown("too long for it", 8, 1), "too lon~");
	assert_string_equal(shown("a\033[2Jb", 20, 0), "a\\x1b[2Jb");
	assert_string_equal(shown("a\302\233b\177", 20, 0), "a\\x9bb\\x7f");
	assert_string_equal(shown("\342\200\256x", 20, 0), "\\u202ex");
	assert_string_equal(shown("bad\377\300", 20, 0), "bad\\xff\\xc0");
	assert_string_equal(shown("日本語", 5, 0), "日本…");
	assert_string_equal(shown("日本語", 6, 0), "日本語");
	assert_string_equal(shown("日本", 6, 1), "????");
	assert_string_equal(shown("e\314\201\314\202\314\203\314\204x", 6, 0), "e\314\201\314\202x");       /* two marks stay */
	assert_string_equal(shown("", 6, 0), "");
}

/* Random texts, boxes and bars anywhere: each line of the output takes no more columns than the canvas has. */
static void
nothing_is_drawn_outside(void **state)
{
	static const char *const texts[] = { "word", "日本語", "a\314\201", "\033]0;x", "\377", "", "long long long long long" };

	(void)state;
	for (unsigned seed = 1; seed <= 300; seed++) {
		struct canvas c;
		struct buf b = {0};
		struct str rest, line;
		int w = 1 + (int)(seed * 7 % 50), h = 1 + (int)(seed * 3 % 9), lines = 0;

		srand(seed);
		canvas_init(&c, w, h, seed % 3 == 0);
		for (int i = 0; i < 60; i++) {
			int x = rand() % 80 - 15, y = rand() % 16 - 3;

			switch (rand() % 5) {
			case 0: canvas_text(&c, x, y, rand() % 30, str_of(texts[rand() % 7]), CANVAS_PLAIN); break;
			case 1: canvas_right(&c, x, y, rand() % 30, str_of(texts[rand() % 7]), CANVAS_BAD); break;
			case 2: canvas_box(&c, x, y, rand() % 30, rand() % 8, CANVAS_FRAME); break;
			case 3: canvas_bar(&c, x, y, rand() % 300 / 10.0 - 3, 20, CANVAS_CURVE); break;
			case 4: canvas_heat(&c, x, y, rand() % 120 / 100.0 - 0.1); canvas_column(&c, x, y, rand() % 90 / 10.0, 9, CANVAS_CURVE); break;
			}
		}
		canvas_print(&c, 0, &b);
		for (rest = buf_get(&b); rest.n && str_cut(&rest, '\n', &line); lines++) {
			assert_true(width_of(line) <= w);
			assert_true(str_utf8_fault(line) < 0);
			for (size_t i = 0; i < line.n; i++)
				assert_true((unsigned char)line.p[i] >= 0x20);
		}
		assert_int_equal(lines, h);
		canvas_release(&c);
		buf_release(&b);
	}
}

static struct definition *
random_definition(unsigned seed, struct buf *json)
{
	struct err err = {0};

	srand(seed);
	buf_clear(json);
	buf_lit(json, "{\"id\":\"d\",\"widgets\":[");
	for (int i = 0, n = rand() % 14; i < n; i++) {
		buf_printf(json, "%s{\"id\":\"w%d\",\"type\":\"%s\"", i ? "," : "", i, definition_types[rand() % WIDGET_TYPES]);
		if (rand() % 3)
			buf_printf(json, ",\"position\":{\"x\":%d,\"y\":%d,\"w\":%d,\"h\":%d}", rand() % 15, rand() % 1000000, 1 + rand() % 16, 1 + rand() % 9);
		buf_byte(json, '}');
	}
	buf_lit(json, "]}");
	return definition_read(json_value(buf_get(json)), &err);
}

static void
widgets_do_not_overlap_and_fit(void **state)
{
	struct place p[DEFINITION_WIDGETS];
	struct buf json = {0};

	(void)state;
	for (unsigned seed = 1; seed <= 300; seed++) {
		struct definition *d = random_definition(seed, &json);
		int width = 40 + (int)(seed * 13 % 261), height;

		assert_non_null(d);
		height = layout_cells(d, width, 3, p);
		for (int i = 0; i < d->n; i++) {
			assert_true(p[i].x >= 0 && p[i].x + p[i].w <= width && p[i].w > 0 && p[i].h > 2 && p[i].y >= 0 && p[i].y + p[i].h <= height);
			for (int k = 0; k < i; k++)
				assert_true(p[i].x >= p[k].x + p[k].w || p[k].x >= p[i].x + p[i].w || p[i].y >= p[k].y + p[k].h || p[k].y >= p[i].y + p[i].h);
		}
		assert_true(height < 14 * 160);
		definition_free(d);
	}
	buf_release(&json);
}

static void
definitions_are_checked(void **state)
{
	static const char *const wrong[] = { "{}", "{\"widgets\":3}", "{\"widgets\":[{}]}", "{\"widgets\":[{\"id\":\"a\",\"type\":\"cube\"}]}",
		"{\"widgets\":[{\"id\":\"a\",\"type\":\"text\",\"position\":{\"x\":0,\"y\":0,\"w\":0,\"h\":1}}]}" };

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		struct err err = {0};

		assert_null(definition_read(json_value(str_of(wrong[i])), &err));
		assert_int_equal(err.code, ERR_INPUT);
	}
}

static void
numbers_read_well(void **state)
{
	static const struct { double v; const char *unit; int decimals; const char *text; } cases[] = { { 1234567, "", -1, "1,234,567" }, { -1234.5, "", -1, "-1,234.5" },
		{ 0.5, "%", -1, "50.0 %" }, { 0.12345, "%", 2, "12.35 %" }, { 1536, "bytes", -1, "1.5 KiB" }, { 1234.5, "€", 2, "€1,234.50" }, { 3, "ms", -1, "3 ms" },
		{ 0, "", -1, "0" }, { 999, "", -1, "999" }, { -1000, "", -1, "-1,000" }, { 0.0421, "", -1, "0.0421" }, { 1e300, "", -1, "1e+300" }, { NAN, "", -1, "-" } };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct widget w = { .unit = str_of(cases[i].unit), .decimals = cases[i].decimals };
		struct buf b = {0};

		reading_put_value(&b, cases[i].v, &w);
		assert_string_equal(buf_text(&b), cases[i].text);
		buf_release(&b);
	}
	assert_true(chart_round_up(7) == 10 && chart_round_up(2) == 2 && chart_round_up(2.1) == 5 && chart_round_up(0) == 1 && chart_round_up(-3) == 1);
	assert_int_equal(reading_every(3600000), 60000);
	assert_int_equal(reading_every(7 * 86400000LL), 10800000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(texts_are_harmless_and_cut), cmocka_unit_test(nothing_is_drawn_outside),
		cmocka_unit_test(widgets_do_not_overlap_and_fit), cmocka_unit_test(definitions_are_checked), cmocka_unit_test(numbers_read_well) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
