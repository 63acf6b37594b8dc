#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <dirent.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "json/json_priv.h"
#include "skip.h"

static uint64_t seed = 1;

static uint64_t
draw(void)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return seed ^ seed >> 29;
}

static struct json
value(const char *text)
{
	return json_value(str_of(text));
}

static int
check(struct str text, long *col)
{
	struct err err = { 0 };
	char *exact = malloc(text.n + 1);       /* so that a read before or behind it is found */
	int rc;

	memcpy(exact + 1, text.p, text.n);
	rc = json_check((struct str){ exact + 1, text.n }, &err);
	free(exact);
	if (col)
		*col = err.col;
	if (rc)
		assert_int_equal(rc, ERR_INPUT);
	return rc == 0;
}

/* The JSONTestSuite beside the project: y_ must be accepted, n_ refused. */
static void
the_parsing_suite(void **state __attribute__((unused)))
{
	static const char dir[] = "../shared/eval/conformance/json/test_parsing";
	static char text[1 << 20];
	DIR *d = opendir(dir);
	struct dirent *e;
	int n = 0;

	if (!d)
		SKIP("no ../shared/eval/conformance/json here");
	while ((e = readdir(d))) {
		char path[4096];
		struct str got = { text, 0 };
		FILE *f;

		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		if (e->d_name[1] != '_' || !(f = fopen(path, "rb")))
			continue;
		got.n = fread(text, 1, sizeof(text), f);
		fclose(f);
		for (int i = 0; json_variants()[i]; i++) {
			json_use(json_variants()[i]);
			if (check(got, NULL) ? e->d_name[0] == 'n' : e->d_name[0] == 'y')
				fail_msg("%s: %s", json_variants()[i]->name, e->d_name);
		}
		n++;
	}
	closedir(d);
	assert_in_range(n, 300, 1000);
}

static void
wrong_text_is_told_at_its_first_wrong_byte(void **state __attribute__((unused)))
{
	static const struct { const char *text; long col; } wrong[] = {
		{ "", 1 }, { " ", 2 }, { "[", 2 }, { "[1,]", 4 }, { "[1 2]", 4 }, { "{\"a\"}", 5 }, { "{\"a\":1,}", 8 }, { "{1:2}", 2 },
		{ "nul", 1 }, { "\"a\nb\"", 3 }, { "\"\\x\"", 2 }, { "\"abc", 5 }, { "1 1", 3 }, { "01", 2 }, { "1.", 1 }, { "-", 1 },
		{ "\"0123456789012345678901234567890123456789\xff\"", 42 }, { "\"\\ud800\"", 2 }, { "\"\\udc00\"", 2 },
		{ "\"\\ud800\\u0041\"", 2 }, { "\"\xed\xa0\x80\"", 2 }, { "\"\xc0\x80\"", 2 }, { "\"\xe0\x80\x80\"", 2 },
		{ "\"\xf0\x80\x80\x80\"", 2 }, { "\"\xf4\x90\x80\x80\"", 2 }, { "\"\xf5\x80\x80\x80\"", 2 }, { "\"\x80\"", 2 },
		{ "\"\xc3\"", 2 }, { "\"\xe2\x82\"", 2 }, { "\"\xf0\x9f\x98\"", 2 }, { "\"ok \xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80 \xfe\"", 17 },
		{ "\xef\xbb\xbf{}", 1 }, { "\"\x7f\"\x01", 4 }, { "tru", 1 }, { "[true false]", 7 }, { "{\"a\":1]", 7 }, { "[1}", 3 },
	};

	for (int i = 0; json_variants()[i]; i++) {
		json_use(json_variants()[i]);
		for (size_t k = 0; k < sizeof(wrong) / sizeof(*wrong); k++) {
			long col;

			assert_false(check(str_of(wrong[k].text), &col));
			if (col != wrong[k].col)
				fail_msg("%s: column %ld, not %ld", wrong[k].text, col, wrong[k].col);
		}
		assert_false(check(STR("\"a\0b\""), NULL));
		assert_false(check(STR("[1]\0"), NULL));
	}
}

/* A wrong byte anywhere in a string of any length is found there, whatever stands around it. */
static void
strings_are_checked_at_every_place(void **state __attribute__((unused)))
{
	static const struct str pieces[] = { { "a", 1 }, { "\xc3\xa9", 2 }, { "\xe2\x82\xac", 3 }, { "\xf0\x9f\x98\x80", 4 },
	    { "\\n", 2 }, { "\\u00e9", 6 }, { "\\ud83d\\ude00", 12 }, { "\xed\x9f\xbf", 3 }, { "\xf4\x8f\xbf\xbf", 4 }, { "\x7f", 1 } };
	static const struct str bad[] = { { "\xff", 1 }, { "\x01", 1 }, { "\\", 1 }, { "\xed\xa0\x80", 3 }, { "\xc3", 1 }, { "\\ud800", 6 },
	    { "\x80", 1 }, { "\xf0\x9f\x98", 3 }, { "\xe0\x9f\x80", 3 }, { "\xf0\x8f\x80\x80", 4 }, { "\n", 1 }, { "\xc1\xbf", 2 } };
	struct buf b = { 0 };

	for (int round = 0; round < 20000; round++) {
		unsigned n = (unsigned)(draw() % (round % 100 ? 40 : 400)), at = n ? (unsigned)(draw() % n) : 0, plain = draw() % 16;
		long want = 0, col;

		buf_clear(&b);
		buf_byte(&b, '"');
		for (unsigned i = 0; i < n; i++) {
			if (i == at && round % 2) {
				want = (long)b.n + 1;
				buf_str(&b, bad[draw() % (sizeof(bad) / sizeof(*bad))]);
				buf_byte(&b, ' ');
			}
			buf_str(&b, pieces[draw() % 16 < plain ? 0 : draw() % (sizeof(pieces) / sizeof(*pieces))]);
		}
		buf_byte(&b, '"');
		for (int i = 0; json_variants()[i]; i++) {
			json_use(json_variants()[i]);
			assert_int_equal(check(buf_get(&b), &col), !want);
			assert_int_equal(want, col);
		}
	}
	buf_release(&b);
}

static void
nesting_is_bounded_and_walkers_do_not_mind(void **state __attribute__((unused)))
{
	struct buf b = { 0 };
	long col;

	for (int depth = JSON_DEPTH - 1; depth <= JSON_DEPTH + 1; depth++) {
		buf_clear(&b);
		for (int i = 0; i < depth; i++)
			buf_lit(&b, i & 1 ? "{\"a\":" : "[");
		buf_lit(&b, "1");
		for (int i = depth - 1; i >= 0; i--)
			buf_byte(&b, i & 1 ? '}' : ']');
		for (int i = 0; json_variants()[i]; i++) {
			json_use(json_variants()[i]);
			assert_int_equal(check(buf_get(&b), &col), depth <= JSON_DEPTH);
		}
	}
	buf_clear(&b);
	for (int i = 0; i < 10000; i++)
		buf_byte(&b, '[');
	assert_int_equal(json_value(buf_get(&b)).type, JSON_NONE);
	assert_false(check(buf_get(&b), &col));
	assert_int_equal(col, JSON_DEPTH + 1);
	for (int i = 0; i < 10000; i++)
		buf_byte(&b, ']');
	assert_int_equal(json_value(buf_get(&b)).n, 20000);
	assert_int_equal(json_index(json_value(buf_get(&b)), 0).n, 19998);
	assert_false(check(buf_get(&b), NULL));
	buf_release(&b);
}

static void
long_strings(void **state __attribute__((unused)))
{
	const size_t n = 10 << 20;
	char *text = malloc(n + 2);
	struct buf scratch = { 0 };
	struct json v;

	memset(text, 'x', n + 2);
	text[0] = text[n + 1] = '"';
	assert_true(check((struct str){ text, n + 2 }, NULL));
	v = json_value((struct str){ text, n + 2 });
	assert_int_equal(json_text(v, &scratch).n, n);
	text[n] = '\\';         /* now it does not end */
	assert_false(check((struct str){ text, n + 2 }, NULL));
	assert_int_equal(json_value((struct str){ text, n + 2 }).type, JSON_NONE);
	text[n] = '"';
	text[n - 1] = '\\';
	assert_int_equal(json_text(json_value((struct str){ text, n + 2 }), &scratch).n, n - 1);
	buf_release(&scratch);
	free(text);
}

static void
assert_text(const char *json, const char *want, size_t n)
{
	struct buf scratch = { 0 };
	struct json v = value(json);
	struct str got = json_text(v, &scratch);

	assert_int_equal(got.n, n);
	assert_memory_equal(got.p, want, n);
	assert_true(json_text_eq(v, (struct str){ want, n }));
	assert_false(json_text_eq(v, (struct str){ want, n ? n - 1 : 1 }));
	buf_release(&scratch);
}

static void
strings_are_decoded(void **state __attribute__((unused)))
{
	assert_text("\"\"", "", 0);
	assert_text("\"plain é\"", "plain é", 8);
	assert_text("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t", 8);
	assert_text("\"a\\u0000b\"", "a\0b", 3);
	assert_text("\"\\u00e9\\u20AC\\ud83d\\ude00\\uffff\"", "é€😀\xef\xbf\xbf", 12);
	/* what json_check refuses is still safe */
	assert_text("\"\\ud800x\\udc00\"", "\xef\xbf\xbdx\xef\xbf\xbd", 7);
	assert_text("\"\\q\\u12\"", "\xef\xbf\xbd\xef\xbf\xbd" "12", 8);
	assert_int_equal(json_text(value("1"), NULL).n, 0);
	assert_null(json_text(value("1"), NULL).p);
	assert_false(json_text_eq(value("1"), STR("1")));
}

static void
values_of_all_types(void **state __attribute__((unused)))
{
	static const struct { const char *text; int type; } cases[] = {
		{ " null ", JSON_NULL }, { "false", JSON_FALSE }, { "true", JSON_TRUE }, { "-1.5e+3", JSON_NUMBER }, { "\"x\"", JSON_STRING },
		{ "[1]", JSON_ARRAY }, { "{}\n", JSON_OBJECT }, { "", JSON_NONE }, { " ", JSON_NONE }, { "nil", JSON_NONE }, { "1 2", JSON_NONE },
		{ "[", JSON_NONE }, { "\"", JSON_NONE }, { "01", JSON_NONE }, { "+1", JSON_NONE }, { ".5", JSON_NONE }, { "1e", JSON_NONE },
		{ "truefalse", JSON_NONE }, { "]", JSON_NONE }, { "NaN", JSON_NONE }, { "0x10", JSON_NONE }, { "[\"]", JSON_NONE },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		if (value(cases[i].text).type != cases[i].type)
			fail_msg("%s", cases[i].text);
	assert_int_equal(json_value((struct str){ NULL, 0 }).type, JSON_NONE);
	for (size_t i = 0; i < 7; i++) {        /* and in checked text the same again */
		struct json a = value(cases[i].text), b = json_checked(str_of(cases[i].text));

		assert_true(a.p == b.p && a.n == b.n && a.type == b.type && a.escaped == b.escaped);
	}
}

static void
concatenated_values_are_taken_one_by_one(void **state __attribute__((unused)))
{
	struct str rest = STR(" {\"a\":1}[2] \"x\"\n3 true ");
	static const char *const want[] = { "{\"a\":1}", "[2]", "\"x\"", "3", "true" };

	for (int i = 0; i < 5; i++)
		assert_true(str_eq(json_raw(json_take(&rest)), str_of(want[i])));
	assert_int_equal(json_take(&rest).type, JSON_NONE);
	assert_int_equal(rest.n, 0);
	rest = STR("1 {\"a\":");
	assert_int_equal(json_take(&rest).type, JSON_NUMBER);
	assert_int_equal(json_take(&rest).type, JSON_NONE);
	assert_int_equal(rest.n, 5);
}

static void
objects_and_arrays_are_walked(void **state __attribute__((unused)))
{
	struct json v = value("{ \"a\" : 1 , \"b\":[ 1,2 , [3] ],\"a\":{},\"\\u0063\":null}");
	struct json_iter it = json_iter(v);
	int n = 0;

	while (json_next(&it))
		n++;
	assert_int_equal(n, 4);
	assert_false(it.fault);
	assert_false(json_next(&it));
	assert_int_equal(json_get(v, STR("a")).type, JSON_OBJECT);
	assert_int_equal(json_get(v, STR("c")).type, JSON_NULL);
	assert_int_equal(json_get(v, STR("d")).type, JSON_NONE);
	assert_int_equal(json_get(value("[1]"), STR("a")).type, JSON_NONE);
	v = json_get(v, STR("b"));
	assert_true(str_eq(json_raw(json_index(v, 0)), STR("1")));
	assert_true(str_eq(json_raw(json_index(v, -1)), STR("[3]")));
	assert_true(str_eq(json_raw(json_index(v, -3)), STR("1")));
	assert_int_equal(json_index(v, 3).type, JSON_NONE);
	assert_int_equal(json_index(v, -4).type, JSON_NONE);
	assert_int_equal(json_index(v, INT64_MIN).type, JSON_NONE);
	for (it = json_iter(value("[1,,2]")), n = 0; json_next(&it); )
		n++;
	assert_int_equal(n, 1);
	assert_true(it.fault);
	for (it = json_iter(value("{\"a\":1 \"b\":2}")); json_next(&it); )
		;
	assert_true(it.fault);
	it = json_iter(value("3"));
	assert_false(json_next(&it) || it.fault);
}

static void
integers_are_exact(void **state __attribute__((unused)))
{
	static const struct { const char *text; int fits; int64_t v; } cases[] = {
		{ "0", 1, 0 }, { "-0", 1, 0 }, { "1", 1, 1 }, { "1.0", 1, 1 }, { "1e3", 1, 1000 }, { "1.5e1", 1, 15 }, { "100e-2", 1, 1 },
		{ "9223372036854775807", 1, INT64_MAX }, { "-9223372036854775808", 1, INT64_MIN }, { "9223372036854775808", 0, 0 },
		{ "-9223372036854775809", 0, 0 }, { "9007199254740993", 1, 9007199254740993 }, { "1e18", 1, 1000000000000000000 },
		{ "1e19", 0, 0 }, { "10000000000000000000", 0, 0 }, { "0.5", 0, 0 }, { "1e-1", 0, 0 }, { "0e999999999999999999999", 1, 0 },
		{ "1e999999999999999999999", 0, 0 }, { "0.00000000000000000000000000000000000001e38", 1, 1 },
		{ "922337203685477580.7e1", 1, INT64_MAX }, { "922337203685477580.70e1", 1, INT64_MAX }, { "9223372036854775807.5", 0, 0 },
		{ "9223372036854775807.00000000000000000000", 1, INT64_MAX }, { "12345678901234567890123", 0, 0 },
		{ "123.00000000000000000000000000001", 0, 0 }, { "9223372036854775800", 1, 9223372036854775800 },
		{ "92233720368547758070e-1", 1, INT64_MAX }, { "0.0", 1, 0 }, { "99999999999999999990e-1", 0, 0 },
	};
	struct buf b = { 0 };
	int64_t v;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		v = 0;
		if (json_int64(value(cases[i].text), &v) != cases[i].fits || v != cases[i].v)
			fail_msg("%s: %lld", cases[i].text, (long long)v);
	}
	for (int i = 0; i < 20000; i++) {
		int64_t from = (int64_t)(draw() >> draw() % 64) * (i & 1 ? -1 : 1);

		buf_clear(&b);
		json_put_int64(&b, from);
		assert_true(json_int64(json_value(buf_get(&b)), &v) && v == from);
	}
	assert_false(json_int64(value("\"1\""), &v));
	assert_false(json_int64(JSON_ABSENT, &v));
	buf_release(&b);
}

/* Correctly rounded means: as the C library reads it. */
static void
doubles_are_correctly_rounded(void **state __attribute__((unused)))
{
	static const char *const hard[] = { "0.1", "-0.0", "1e23", "8.5e22", "9007199254740993", "9007199254740992.5", "9007199254740993.0000001",
	    "2.2250738585072011e-308", "2.2250738585072014e-308", "4.9e-324", "2.4e-324", "2.5e-324", "1.7976931348623157e308", "0e400", "1e-400",
	    "179769313486231580793728971405303415079934132710037826936173778980444968292764750946649017977587207096330286416692887910946555547851940402630657488671505820681908902000708383676273854845817711531764475730270069855571366959622842914819860834936475292719074168444365510704342711559699508093042880e0",
	    "6929495644600919.5", "3.7455744005952583e15", "1.00000000000000011102230246251565404236316680908203125",
	    "1.00000000000000011102230246251565404236316680908203124", "1.00000000000000011102230246251565404236316680908203126",
	    "0.000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000001234567890123456789",
	    "7.2057594037927933e16", "5e-324", "123456789012345678e-20", "1e22", "1e-22", "18446744073709551615", "18446744073709551616e-5" };
	char text[80];
	double got;

	for (size_t i = 0; i < sizeof(hard) / sizeof(*hard); i++) {
		double want = strtod(hard[i], NULL);

		assert_int_equal(json_double(value(hard[i]), &got), 1);
		assert_memory_equal(&got, &want, 8);
	}
	for (int i = 0; i < 300000; i++) {
		int n = 0, digits = 1 + (int)(draw() % (i % 4 ? 17 : 26)), point = (int)(draw() % 26), kind = (int)(draw() % 3);
		double want;

		if (i % 5 == 0) {       /* what a double prints as, and the middle between it and the next */
			uint64_t bits = draw();

			memcpy(&want, &bits, 8);
			if (!isfinite(want))
				continue;
			n = snprintf(text, sizeof(text), "%.*e", i % 2 ? 16 : 18, want);
		} else {
			if (draw() & 1)
				text[n++] = '-';
			for (int k = 0; k < digits; k++) {
				if (k == point && k)
					text[n++] = '.';
				text[n++] = (char)((k || digits == 1 || point == 1 ? '0' : '1') + (int)(draw() % (k || digits == 1 || point == 1 ? 10 : 9)));
			}
			text[n] = 0;
			if (kind)
				n += snprintf(text + n, sizeof(text) - (size_t)n, "e%d", kind == 1 ? (int)(draw() % 60) - 30 : (int)(draw() % 660) - 345);
		}
		want = strtod(text, NULL);
		if (want - want != 0)
			want = copysign(DBL_MAX, want);
		assert_int_equal(json_double(value(text), &got), 1);
		if (memcmp(&got, &want, 8) != 0)
			fail_msg("%s: %.17g, not %.17g", text, got, want);
	}
	assert_int_equal(json_double(value("1e400"), &got), 1);
	assert_true(got == DBL_MAX);
	assert_int_equal(json_double(value("-1e400"), &got), 1);
	assert_true(got == -DBL_MAX);
	assert_int_equal(json_double(value("\"1\""), &got), 0);
}

/* A double of the kinds that occur, and of those that are hard. */
static double
some_double(int i)
{
	uint64_t bits = draw();
	double d;

	switch (i % 8) {
	case 0: return ldexp(1, (int)(bits % 2098) - 1074);
	case 1: return (double)(int64_t)(bits >> bits % 64);
	case 2: return (double)(bits % 1000000000) / 100;
	case 3: return (double)(bits % 100000) / 1000 * 1e-6;
	case 4: return (double)(bits % 1000) * pow(10, (int)(bits >> 20) % 25);
	case 5: return (double)(bits >> 11) / 9007199254740992.0;
	case 6: return 0.1 * (double)(bits % 1000);
	}
	memcpy(&d, &bits, 8);
	return isfinite(d) ? d : 0;
}

static void
printed_doubles_read_back_the_same(void **state __attribute__((unused)))
{
	struct buf b = { 0 };

	for (int i = 0; i < 100000; i++) {
		double d = some_double(i), got;

		buf_clear(&b);
		json_put_double(&b, d);
		assert_true(check(buf_get(&b), NULL));
		assert_int_equal(json_double(json_value(buf_get(&b)), &got), 1);
		if (memcmp(&got, &d, 8) != 0)
			fail_msg("%.17g as %s", d, buf_text(&b));
	}
	buf_release(&b);
}

/* What jq makes of a text; NULL without jq. */
static char *
jq(struct str in, size_t *n)
{
	char path[] = "/tmp/json-unit-XXXXXX", command[100], *out = malloc(in.n * 2 + 100);
	FILE *f = fdopen(mkstemp(path), "w");

	fwrite(in.p, 1, in.n, f);
	fclose(f);
	snprintf(command, sizeof(command), "jq -c . %s", path);
	f = popen(command, "r");
	*n = fread(out, 1, in.n * 2 + 100, f);
	if (pclose(f) != 0) {
		free(out);
		out = NULL;
	}
	unlink(path);
	return out;
}

static void
doubles_and_strings_are_printed_as_jq_prints_them(void **state __attribute__((unused)))
{
	struct buf in = { 0 }, ours = { 0 };
	size_t n;
	char *theirs = jq(STR("0.10"), &n);

	if (!theirs)
		SKIP("no jq here");
	free(theirs);
	for (int i = 0; i < 60000; i++) {
		double d = i < 2100 ? ldexp(1, i - 1074) : i < 2800 ? pow(10, i - 2450) : some_double(i);

		if (!isfinite(d))
			d = 0;
		buf_printf(&in, "%.17g\n", d);
		json_put_double(&ours, d);
		buf_byte(&ours, '\n');
	}
	for (unsigned c = 0; c < 0x3000; c++) {
		char text[3] = { (char)c };
		struct str s = { text, 1 };

		if (c >= 0x800)
			text[0] = (char)(0xe0 | c >> 12), text[1] = (char)(0x80 | (c >> 6 & 63)), text[2] = (char)(0x80 | (c & 63)), s.n = 3;
		else if (c >= 0x80)
			text[0] = (char)(0xc0 | c >> 6), text[1] = (char)(0x80 | (c & 63)), s.n = 2;
		json_put_string(&ours, s);
		json_put_string(&in, s);
		buf_byte(&ours, '\n');
		buf_byte(&in, '\n');
	}
	theirs = jq(buf_get(&in), &n);
	assert_non_null(theirs);
	for (size_t i = 0; i < n && i < ours.n; i++)
		if (theirs[i] != ours.p[i]) {
			size_t from = i;

			while (from && ours.p[from - 1] != '\n')
				from--;
			fail_msg("%.30s…, and jq %.30s…", ours.p + from, theirs + from);
		}
	assert_int_equal(n, ours.n);
	free(theirs);
	buf_release(&in);
	buf_release(&ours);
}

static void
assert_put(struct buf *b, const char *want)
{
	assert_string_equal(buf_text(b), want);
	buf_clear(b);
}

/* As jq writes them, with a point, as ECMAScript does, and both. */
static const struct { double value; const char *text[4]; } laid_out[] = {
	{ 0, { "0", "0.0", "0", "0.0" } },
	{ -12, { "-12", "-12.0", "-12", "-12.0" } },
	{ 0.1 + 0.2, { "0.30000000000000004", "0.30000000000000004", "0.30000000000000004", "0.30000000000000004" } },
	{ 1e-4, { "0.0001", "0.0001", "0.0001", "0.0001" } },
	{ 1.5e-5, { "1.5e-05", "1.5e-05", "0.000015", "0.000015" } },
	{ 1e-6, { "1e-06", "1e-06", "0.000001", "0.000001" } },
	{ -1.25e-7, { "-1.25e-07", "-1.25e-07", "-1.25e-7", "-1.25e-7" } },
	{ 5e-324, { "5e-324", "5e-324", "5e-324", "5e-324" } },
	{ 9007199254740991, { "9007199254740991", "9007199254740991.0", "9007199254740991", "9007199254740991.0" } },
	{ 1.2345678901234567e20, { "123456789012345670000", "123456789012345670000", "123456789012345670000", "123456789012345670000" } },
	{ 1e17, { "1e+17", "1e+17", "100000000000000000", "100000000000000000" } },
	{ 1e21, { "1e+21", "1e+21", "1e+21", "1e+21" } },
	{ 1.7976931348623157e308, { "1.7976931348623157e+308", "1.7976931348623157e+308", "1.7976931348623157e+308", "1.7976931348623157e+308" } },
};

/* Digits and exponent are what the text of a double says, and make it again. */
static void
doubles_are_their_shortest_digits(void **state __attribute__((unused)))
{
	for (size_t i = 0; i < 100000; i++) {
		double d = fabs(some_double(i)), read;
		char text[40];
		int exponent;
		uint64_t digits;

		if (!isfinite(d) || d == 0)
			continue;
		digits = json_shortest(d, &exponent);
		assert_true(digits % 10 && digits < 100000000000000000);
		read = json_decimal(digits, exponent);
		assert_memory_equal(&read, &d, sizeof(d));
		snprintf(text, sizeof(text), "%llue%d", (unsigned long long)digits, exponent);
		assert_true(strtod(text, NULL) == d);
	}
}

static void
writing(void **state __attribute__((unused)))
{
	struct buf b = { 0 };

	json_put_double(&b, NAN);
	assert_put(&b, "null");
	json_put_double(&b, -INFINITY);
	assert_put(&b, "-1.7976931348623157e+308");
	json_put_double(&b, -0.0);
	assert_put(&b, "-0");
	for (size_t i = 0; i < sizeof(laid_out) / sizeof(*laid_out); i++)
		for (unsigned how = 0; how < 4; how++) {
			json_put_double_as(&b, laid_out[i].value, how);
			assert_put(&b, laid_out[i].text[how]);
		}
	json_put_key(&b, STR("a\"\\\n\x01\x7f/é"));
	assert_put(&b, "\"a\\\"\\\\\\n\\u0001\\u007f/é\":");
	json_put_time(&b, 1);
	assert_put(&b, "\"1970-01-01T00:00:00.001Z\"");
	json_put_compact(&b, value(" { \"a b\" : [ 1 ,\t\"\\\" ]\" ] ,\n\"c\":{ } } "));
	assert_put(&b, "{\"a b\":[1,\"\\\" ]\"],\"c\":{}}");
	json_put_compact(&b, JSON_ABSENT);
	assert_put(&b, "");
	json_put_string(&b, (struct str){ NULL, 0 });
	assert_put(&b, "\"\"");
	buf_release(&b);
}

/* Text of any length, with something to escape at every place. */
static void
written_strings_read_back(void **state __attribute__((unused)))
{
	struct buf b = { 0 }, scratch = { 0 };

	for (int round = 0; round < 20000; round++) {
		char text[100];
		size_t n = draw() % sizeof(text);
		struct str got;

		for (size_t i = 0; i < n; i++)
			text[i] = (char)(draw() % 10 ? 'a' : draw() % 128);
		buf_clear(&b);
		json_put_string(&b, (struct str){ text, n });
		assert_true(check(buf_get(&b), NULL));
		got = json_text(json_value(buf_get(&b)), &scratch);
		assert_int_equal(got.n, n);
		assert_memory_equal(got.p, text, n);
	}
	buf_release(&b);
	buf_release(&scratch);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_parsing_suite),
		cmocka_unit_test(wrong_text_is_told_at_its_first_wrong_byte),
		cmocka_unit_test(strings_are_checked_at_every_place),
		cmocka_unit_test(nesting_is_bounded_and_walkers_do_not_mind),
		cmocka_unit_test(long_strings),
		cmocka_unit_test(strings_are_decoded),
		cmocka_unit_test(doubles_are_their_shortest_digits),
		cmocka_unit_test(values_of_all_types),
		cmocka_unit_test(concatenated_values_are_taken_one_by_one),
		cmocka_unit_test(objects_and_arrays_are_walked),
		cmocka_unit_test(integers_are_exact),
		cmocka_unit_test(doubles_are_correctly_rounded),
		cmocka_unit_test(printed_doubles_read_back_the_same),
		cmocka_unit_test(doubles_and_strings_are_printed_as_jq_prints_them),
		cmocka_unit_test(writing),
		cmocka_unit_test(written_strings_read_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
