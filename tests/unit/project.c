#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "json/project_priv.h"

static uint64_t seed;

static unsigned
dice(unsigned sides)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(seed >> 33) % sides;
}

static const char *const keys[] = { "properties", "properties", "a", "b", "a.b", "source", "user_id", "", "é", "q\"q", "x.y.z", "y",
    "a key of exactly 28 bytes ab", "a key of exactly 29 bytes abc", "a key of exactly 30 bytes abcd",
    "a key that is longer than anything that would be remembered" };
#define KEYS (sizeof(keys) / sizeof(*keys))

static void
put_blank(struct buf *b)
{
	if (dice(8) == 0)
		for (unsigned n = dice(dice(10) ? 4 : 70); n; n--)
			buf_byte(b, " \t\n\r"[dice(4)]);
}

/* The same text in one of the ways to write it. */
static void
put_key(struct buf *b, struct str key)
{
	if (dice(6) || key.n == 0 || (unsigned char)*key.p >= 0x80) {
		json_put_string(b, key);
	} else {
		buf_printf(b, "\"\\u%04x", (unsigned char)*key.p);
		for (size_t i = 1; i < key.n; i++)
			buf_printf(b, key.p[i] == '"' ? "\\%c" : "%c", key.p[i]);
		buf_byte(b, '"');
	}
}

static void
put_value(struct buf *b, int depth)
{
	static const char *const plain[] = { "1", "-0.5", "1e99", "true", "false", "null", "12345678901234567890", "0",
	    "[]", "{}", "\"\"", "\"\\\\\"", "\"\\\"\"", "\"x]}\"", "[[[{\"a\":\"]\\\\\"}]]]", "\"\\ud83d\\ude00 {\"" };
	unsigned n = dice(dice(4) ? 4 : 12);

	put_blank(b);
	switch (dice(depth < 5 ? 6 : 3)) {
	case 0:
		buf_byte(b, '"');
		for (n = dice(dice(3) ? 20 : 150); n; n--)
			buf_lit(b, dice(20) ? "x" : dice(2) ? "\\\\" : dice(2) ? "\\\"" : "[{");
		buf_byte(b, '"');
		break;
	case 1: case 2:
		buf_lit(b, plain[dice(sizeof(plain) / sizeof(*plain))]);
		break;
	case 3:
		buf_byte(b, '[');
		for (unsigned i = 0; i < n; i++) {
			if (i)
				buf_byte(b, ',');
			put_value(b, depth + 1);
		}
		buf_byte(b, ']');
		break;
	default:
		buf_byte(b, '{');
		put_blank(b);
		for (unsigned i = 0; i < n; i++) {
			if (i)
				buf_byte(b, ',');
			put_blank(b);
			put_key(b, str_of(keys[dice(KEYS)]));
			put_blank(b);
			buf_byte(b, ':');
			put_value(b, depth + 1);
		}
		buf_byte(b, '}');
	}
	put_blank(b);
}

/* What the header promises, the plain way: "b.c" in a, then c in b in a. */
static struct json
reach(struct json v, struct str dotted)
{
	const char *dot = memchr(dotted.p, '.', dotted.n);
	struct json inner = JSON_ABSENT, found;

	if (!dot)
		return inner;
	inner = json_get(v, (struct str){ dotted.p, (size_t)(dot - dotted.p) });
	dotted = (struct str){ dot + 1, dotted.n - (size_t)(dot + 1 - dotted.p) };
	found = json_get(inner, dotted);
	return found.type ? found : reach(inner, dotted);
}

static struct json
plain_field(struct json row, struct str name)
{
	struct json found = json_get(row, name), properties = json_get(row, STR("properties"));

	if (!found.type)
		found = json_get(properties, name);
	if (!found.type)
		found = reach(row, name);
	if (!found.type)
		found = reach(properties, name);
	return found;
}

#define FIRST_TYPES (1 << JSON_STRING | 1 << JSON_NUMBER)

static struct json
plain_first(struct json row, const struct project_place *place, int n)
{
	for (int i = 0; i < n; i++) {
		struct json v = json_get(row, place[i].key[0]);

		if (place[i].key[1].p)
			v = json_get(v, place[i].key[1]);
		if (v.type == JSON_NUMBER || (v.type == JSON_STRING && v.n > 2))
			return v;
	}
	return JSON_ABSENT;
}

static void
assert_same(struct json a, struct json b)
{
	assert_int_equal(a.type, b.type);
	assert_ptr_equal(a.p, b.p);
	assert_int_equal(a.n, b.n);
	assert_int_equal(a.escaped, b.escaped);
}

#define FIELDS 12

/* A projection with random fields and paths; what they are stands in name[] and path[]. */
struct asked { struct str name, path[4]; int n, index, places; struct project_place place[4]; };

static struct project *
ask(struct asked *asked, int *n)
{
	struct project *p = project_new();
	struct err err = { 0 };

	*n = (int)dice(FIELDS) + 1;
	for (int i = 0; i < *n; i++) {
		struct asked *a = &asked[i];

		*a = (struct asked){ 0 };
		if (dice(4) == 0) {
			static const char *const firsts[] = { "first", "second" };

			a->places = (int)dice(4) + 1;
			for (int k = 0; k < a->places; k++) {
				a->place[k].key[0] = str_of(keys[dice(KEYS)]);
				if (dice(3) == 0)
					a->place[k].key[1] = str_of(keys[dice(KEYS)]);
			}
			a->index = project_first(p, str_of(firsts[dice(2)]), a->place, a->places, FIRST_TYPES, &err);
			for (int k = 0; k < i; k++)
				if (asked[k].index == a->index)
					*a = asked[k];
		} else if (dice(3)) {
			a->name = dice(4) ? str_of(keys[dice(KEYS)]) : dice(2) ? STR("a.a.b") : STR("a.x.y.z");
			a->index = project_field(p, a->name, &err);
		} else {
			a->n = (int)dice(4);
			for (int k = 0; k < a->n; k++)
				a->path[k] = str_of(keys[dice(KEYS)]);
			a->index = project_path(p, a->path, a->n, &err);
		}
		assert_in_range(a->index, 0, i);
	}
	return p;
}

static void
projection_is_the_plain_walk(void **state __attribute__((unused)))
{
	struct buf text = { 0 };

	for (seed = 1; seed <= 5000; ) {
		struct asked asked[FIELDS];
		struct project *p;
		int n;
		uint64_t from = seed;

		p = ask(asked, &n);
		for (int rows = 0; rows < 10; rows++) {
			struct json out[FIELDS], row, want;
			struct err err = { 0 };
			char *exact;

			do {
				buf_clear(&text);
				put_value(&text, 0);
				row = json_value(buf_get(&text));
			} while (row.type != JSON_OBJECT);
			assert_int_equal(json_check(buf_get(&text), &err), 0);
			exact = malloc(text.n);         /* so that a read beyond it is found */
			memcpy(exact, text.p, text.n);
			row = json_value((struct str){ exact, text.n });
			for (const struct json_variant *const *v = json_variants(); *v; v++) {
				json_use(*v);
				assert_int_equal(project_row(p, (struct str){ exact, text.n }, out, &err), 0);
				for (int i = 0; i < n; i++) {
					struct asked *a = &asked[i];

					if (a->places) {
						want = plain_first(row, a->place, a->places);
					} else if (a->name.p) {
						want = plain_field(row, a->name);
					} else {
						want = row;
						for (int k = 0; k < a->n; k++)
							want = json_get(want, a->path[k]);
					}
					assert_same(out[a->index], want);
				}
			}
			free(exact);
		}
		project_free(p);
		seed = from + 1;
	}
	buf_release(&text);
}

/* Rows of any length, also such whose quotes are too many or too far behind to be written down. */
static void
length_changes_no_value(void **state __attribute__((unused)))
{
	struct buf text = { 0 };
	struct project *p = project_new();
	struct err err = { 0 };
	int a = project_field(p, STR("a"), &err), b = project_field(p, STR("b"), &err), c = project_field(p, STR("o.c"), &err);

	for (size_t n = 0; n < 9000; n += n < 300 || (n > 8000 && n < 8400) ? 1 : 97)
		for (int kind = 0; kind < 3; kind++) {
			static const char *const fill[] = { "x", "\"\",", "\\\"" };    /* text, many quotes, escaped ones */
			struct json out[3];

			buf_clear(&text);
			buf_lit(&text, kind == 1 ? "{\"a\":\"1\",\"z\":[" : "{\"a\":\"1\",\"z\":\"");
			while (text.n < n)
				buf_lit(&text, fill[kind]);
			buf_lit(&text, kind == 1 ? "0],\"o\":{\"c\":\"2\",\"d\":{\"e\":1}},\"properties\":{\"b\":-3.5e1}}" :
			    "\",\"o\":{\"c\":\"2\",\"d\":{\"e\":1}},\"properties\":{\"b\":-3.5e1}}");
			for (const struct json_variant *const *v = json_variants(); *v; v++) {
				json_use(*v);
				assert_int_equal(project_row(p, buf_get(&text), out, &err), 0);
				assert_true(str_eq(json_raw(out[a]), STR("\"1\"")) && str_eq(json_raw(out[b]), STR("-3.5e1")) &&
				    str_eq(json_raw(out[c]), STR("\"2\"")));
				assert_true(!out[a].escaped && !out[c].escaped);
			}
		}
	json_use(json_variants()[0]);
	project_free(p);
	buf_release(&text);
}

/* On wrong bytes too: the same values or the same fault at the same place. */
static void
variants_agree_on_broken_rows(void **state __attribute__((unused)))
{
	struct buf text = { 0 };

	for (seed = 1; seed <= 5000; ) {
		uint64_t from = seed, again;
		struct asked asked[FIELDS];
		struct json first[FIELDS], out[FIELDS];
		struct err first_err = { 0 };
		char *exact;
		int n, rc = 0;

		do {
			buf_clear(&text);
			put_value(&text, 0);
		} while (json_value(buf_get(&text)).type != JSON_OBJECT);
		for (unsigned k = dice(4); k < 4; k++)
			text.p[dice((unsigned)text.n)] = "\"\\{}[]:, 1x\x80"[dice(12)];
		if (dice(4) == 0)
			text.n = dice((unsigned)text.n);
		exact = malloc(text.n + 1);
		memcpy(exact + 1, text.p, text.n);
		again = seed;
		for (const struct json_variant *const *v = json_variants(); *v; v++) {
			struct err err = { 0 };
			struct project *p;
			int got;

			seed = again;
			p = ask(asked, &n);
			json_use(*v);
			for (int twice = 0; twice < 2; twice++) {
				err = (struct err){ 0 };
				got = project_row(p, (struct str){ exact + 1, text.n }, out, &err);
				if (v == json_variants() && twice == 0) {
					rc = got;
					memcpy(first, out, sizeof(first));
					first_err = err;
				}
				assert_int_equal(got, rc);
				assert_int_equal(err.col, first_err.col);
				assert_string_equal(err.text, first_err.text);
				for (int i = 0; i < project_count(p); i++)
					assert_same(out[i], first[i]);
			}
			project_free(p);
		}
		free(exact);
		seed = from + 1;
	}
	buf_release(&text);
}

/* A row of the shape that the seed says, with values by dice: a byte of it wrong, now and then. */
static void
put_shaped(struct buf *to, uint64_t shape, int wrong)
{
	static const char *const texts[] = { "", "x", "a b", "q\\\"q", "\\\\", "\\u0041", "a text that is longer than one step of the search, by far", "{}:,[]" };
	static const char *const scalars[] = { "0", "-12.5e3", "true", "false", "null", "123456789012", "nul", "1.2.3", "-" };
	uint64_t values = seed;
	int members, open = 0, last;

	buf_clear(to);
	seed = shape;
	members = 1 + (int)dice(12);
	put_blank(to);
	buf_byte(to, '{');
	for (int i = 0; i < members; i++) {
		const char *key = keys[dice(dice(20) ? KEYS - 1 : KEYS)];
		int kind = (int)dice(8);

		buf_lit(to, i && to->p[to->n - 1] != '{' ? ",\"" : "\"");
		buf_lit(to, strcmp(key, "q\"q") ? key : "q\\\"q");
		buf_lit(to, "\":");
		put_blank(to);
		if (kind == 0 && open < 3) {
			buf_byte(to, '{');
			open++;
			continue;
		}
		shape = seed;
		seed = values;
		if (kind > 3)
			buf_printf(to, "\"%s\"", texts[dice(sizeof(texts) / sizeof(*texts))]);
		else
			buf_lit(to, scalars[dice(dice(30) ? 6 : sizeof(scalars) / sizeof(*scalars))]);
		values = seed;
		seed = shape;
		if (open && dice(4) == 0)
			buf_byte(to, '}'), open--;
	}
	for (; open >= 0; open--)
		buf_byte(to, '}');
	seed = values;
	last = (int)dice((unsigned)to->n);
	if (wrong && dice(3) == 0)
		to->p[last] = "\"\\{}[]:, 1x\x80"[dice(12)];
	if (wrong && dice(20) == 0)
		to->n = (size_t)last;
}

/* Rows of a shape that came before are what the walk says of them: the same values, or the same fault. */
static void
a_known_shape_changes_no_value(void **state __attribute__((unused)))
{
	struct buf text = { 0 };
	long by_shape = 0;

	for (uint64_t shape = 1; shape <= 400; shape++) {
		struct asked asked[FIELDS];
		struct project *quick, *walk;
		int n;

		seed = shape * 7919;
		quick = ask(asked, &n);
		seed = shape * 7919;
		walk = ask(asked, &n);
		for (int row = 0; row < 60; row++) {
			struct json first[FIELDS], out[FIELDS];
			struct err err = { 0 }, other = { 0 };
			char *exact;
			int rc;

			put_shaped(&text, shape * 31 + (uint64_t)(row % 7 == 6), row > 1);
			exact = malloc(text.n + 1);
			memcpy(exact, text.p, text.n);
			json_use(json_variants()[0]);
			rc = project_row(quick, (struct str){ exact, text.n }, out, &err);
			by_shape += quick->fitted;
			quick->fitted = quick->tried = quick->rest = 0;
			json_use(&json_portable);
			assert_int_equal(project_row(walk, (struct str){ exact, text.n }, first, &other), rc);
			assert_int_equal(err.col, other.col);
			assert_string_equal(err.text, other.text);
			for (int i = 0; i < project_count(quick); i++)
				assert_same(out[i], first[i]);
			free(exact);
		}
		project_free(quick);
		project_free(walk);
	}
	json_use(json_variants()[0]);
	if (json_used->by_shape)
		assert_true(by_shape > 1000);
	buf_release(&text);
}

static struct json
one(const char *row, const char *field)
{
	struct project *p = project_new();
	struct err err = { 0 };
	struct json out[1];

	assert_int_equal(project_field(p, str_of(field), &err), 0);
	if (project_row(p, str_of(row), out, &err) < 0)
		assert_int_equal(out[0].type, JSON_NONE);
	project_free(p);
	return out[0];
}

#define assert_found(row, field, text) \
	do { \
		struct json found = one(row, field); \
		assert_int_equal(found.n, strlen(text)); \
		assert_memory_equal(found.p, text, found.n); \
	} while (0)

/* Which of several places counts is for the values to say, also in rows of one shape. */
static void
a_known_shape_says_nothing_of_which_place_counts(void **state __attribute__((unused)))
{
	static const struct project_place places[] = { { { { "u", 1 } } }, { { { "v", 1 } } }, { { { "p", 1 }, { "u", 1 } } } };
	static const char *const values[] = { "\"x\"", "\"\"", "null", "7", "true", "\"y\\u0031\"" };
	static const char *const shapes[] = { "{\"u\":%s,\"p\":{}}", "{\"u\":%s,\"v\":%s}", "{\"v\":%s,\"p\":{\"u\":%s}}", "{\"p\":{\"u\":%s}}", "{\"a\":%s}" };
	struct err err = { 0 };
	char row[128];
	struct json out[2];

	for (const struct json_variant *const *v = json_variants(); *v; v++) {
		json_use(*v);
		for (size_t shape = 0; shape < sizeof(shapes) / sizeof(*shapes); shape++) {
			struct project *p = project_new();

			project_first(p, STR("u"), places, 3, FIRST_TYPES, &err);
			project_field(p, STR("a"), &err);
			for (seed = 1; seed < 2000; ) {
				snprintf(row, sizeof(row), shapes[shape], values[dice(6)], values[dice(6)]);
				assert_int_equal(project_row(p, str_of(row), out, &err), 0);
				assert_same(out[0], plain_first(json_value(str_of(row)), places, 3));
			}
			project_free(p);
		}
	}
}

static void
a_field_is_a_key_of_the_row_or_of_its_properties(void **state __attribute__((unused)))
{
	assert_found("{\"properties\":{\"source\":1},\"source\":2}", "source", "2");
	assert_found("{\"source\":2,\"properties\":{\"source\":1}}", "source", "2");
	assert_found("{\"properties\":{\"source\":1}}", "source", "1");
	assert_found("{\"source\":null,\"properties\":{\"source\":1}}", "source", "null");
	assert_found("{\"count\":3}", "count", "3");
	assert_found("{\"a.b\":1,\"a\":{\"b\":2}}", "a.b", "1");
	assert_found("{\"properties\":{\"a.b\":1},\"a\":{\"b\":2}}", "a.b", "1");
	assert_found("{\"properties\":{\"a\":{\"b\":3}},\"a\":{\"b\":2}}", "a.b", "2");
	assert_found("{\"properties\":{\"a\":{\"b\":3}},\"a\":5}", "a.b", "3");
	assert_found("{\"a\":{\"b\":{\"c\":1},\"b.c\":2}}", "a.b.c", "2");
	assert_found("{\"properties\":{\"a\":{\"b.c\":2}},\"a\":{\"b\":{\"c\":1}}}", "a.b.c", "1");
	assert_int_equal(one("{\"a\":[1],\"properties\":[{\"b\":1}]}", "b").type, JSON_NONE);
}

static void
the_last_of_duplicate_keys_is_meant(void **state __attribute__((unused)))
{
	assert_found("{\"a\":1,\"a\":2}", "a", "2");
	assert_found("{\"a\":1,\"\\u0061\":2}", "a", "2");
	assert_int_equal(one("{\"properties\":{\"x\":1},\"properties\":{\"y\":2}}", "x").type, JSON_NONE);
	assert_int_equal(one("{\"properties\":{\"x\":1},\"properties\":3}", "x").type, JSON_NONE);
	assert_found("{\"properties\":{\"x\":1},\"properties\":{\"y\":2,\"x\":3}}", "x", "3");
}

static void
what_is_no_row_is_refused_at_its_place(void **state __attribute__((unused)))
{
	static const struct { const char *row; long col; } wrong[] = {
		{ "", 1 }, { "  ", 3 }, { "[]", 1 }, { "1", 1 }, { "{", 2 }, { "{\"a\"", 5 }, { "{\"a\":", 6 }, { "{\"a\":1", 7 },
		{ "{\"a\":1,}", 8 }, { "{\"a\" 1}", 6 }, { "{\"a\":\"x}", 6 }, { "{\"a\":[1}", 9 }, { "{\"a\":1}}", 8 }, { "{a:1}", 2 },
		{ "{\"a\":1 \"b\":2}", 8 }, { "{\"a\":tru}", 6 }, { "{\"a\":01}", 6 }, { "{,}", 2 }, { "{\"a\":}", 6 },
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		struct project *p = project_new();
		struct err err = { 0 };
		struct json out[1];

		project_field(p, STR("a"), &err);
		assert_int_equal(project_row(p, str_of(wrong[i].row), out, &err), ERR_INPUT);
		assert_int_equal(out[0].type, JSON_NONE);
		if (err.col != wrong[i].col)
			fail_msg("%s: column %ld, not %ld: %s", wrong[i].row, err.col, wrong[i].col, err.text);
		project_free(p);
	}
}

static void
the_number_of_fields_is_bounded(void **state __attribute__((unused)))
{
	struct project *p = project_new();
	struct err err = { 0 };
	char name[16], *deep = calloc(1, 2 * JSON_DEPTH + 2);

	for (int i = 0; i < PROJECT_MOST; i++) {
		snprintf(name, sizeof(name), "f%d", i);
		assert_int_equal(project_field(p, str_of(name), &err), i);
	}
	assert_int_equal(project_field(p, STR("f7"), &err), 7);
	assert_int_equal(project_field(p, STR("more"), &err), ERR_LIMIT);
	project_free(p);
	p = project_new();
	memset(deep, '.', 2 * JSON_DEPTH);
	assert_int_equal(project_field(p, str_of(deep), &err), ERR_LIMIT);
	assert_int_equal(project_count(p), 0);
	project_free(p);
	free(deep);
}

/* More keys than are remembered, and rows of every length around the width of a step. */
static void
many_keys_and_all_lengths(void **state __attribute__((unused)))
{
	struct project *p = project_new();
	struct buf row = { 0 };
	struct err err = { 0 };
	struct json out[1];

	project_field(p, STR("wanted"), &err);
	for (const struct json_variant *const *v = json_variants(); *v; v++) {
		json_use(*v);
		for (int i = 0; i < 5000; i += 1000) {
			buf_clear(&row);
			buf_byte(&row, '{');
			for (int k = 0; k < 1000; k++)
				buf_printf(&row, "\"k%d\":%d,", i + k, k);
			buf_lit(&row, "\"wanted\":7}");
			assert_int_equal(project_row(p, buf_get(&row), out, &err), 0);
			assert_memory_equal(out[0].p, "7}", 2);
		}
		for (int n = 0; n < 300; n++) {
			char *exact;

			buf_clear(&row);
			buf_printf(&row, "{\"x\":[\"%*s\\\\\",{}],\"wanted\":\"%*s\"}", n / 2, "", n, "");
			exact = malloc(row.n);
			memcpy(exact, row.p, row.n);
			assert_int_equal(project_row(p, (struct str){ exact, row.n }, out, &err), 0);
			assert_int_equal(out[0].n, n + 2);
			free(exact);
		}
	}
	project_free(p);
	buf_release(&row);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(projection_is_the_plain_walk),
		cmocka_unit_test(length_changes_no_value),
		cmocka_unit_test(variants_agree_on_broken_rows),
		cmocka_unit_test(a_known_shape_changes_no_value),
		cmocka_unit_test(a_known_shape_says_nothing_of_which_place_counts),
		cmocka_unit_test(a_field_is_a_key_of_the_row_or_of_its_properties),
		cmocka_unit_test(the_last_of_duplicate_keys_is_meant),
		cmocka_unit_test(what_is_no_row_is_refused_at_its_place),
		cmocka_unit_test(the_number_of_fields_is_bounded),
		cmocka_unit_test(many_keys_and_all_lengths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
