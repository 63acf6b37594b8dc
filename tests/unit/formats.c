/* The samples of tests/golden/formats, as each format's own documentation shows it: NAME.SUFFIX or NAME-WHAT.SUFFIX is of
 * format NAME, and its records stand in the same name with .out behind it (GOLDEN=1 rewrites those). */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/time.h"
#include "event/event.h"
#include "formats/formats.h"
#include "formats/marks_priv.h"
#include "json/json.h"

#define SAMPLES "tests/golden/formats"

static void
slurp(const char *path, struct buf *b)
{
	FILE *f = fopen(path, "rb");
	char block[65536];
	size_t n;

	buf_clear(b);
	while (f && (n = fread(block, 1, sizeof(block), f)) > 0)
		buf_add(b, block, n);
	if (f)
		fclose(f);
}

/* Bytes for a format, `step` at a time, with nothing to read between two when `idle`. */
struct feed { struct str text; size_t at, step; int idle, turn; };

static int
feed_read(void *self, char *to, size_t n, size_t *got, struct err *err)
{
	struct feed *f = self;

	(void)err;
	if (f->at == f->text.n)
		return IN_END;
	if (f->idle && (f->turn = !f->turn))
		return IN_IDLE;
	*got = f->text.n - f->at;
	if (*got > f->step)
		*got = f->step;
	if (*got > n)
		*got = n;
	memcpy(to, f->text.p + f->at, *got);
	f->at += *got;
	return IN_LINE;
}

/* No key of an object, nor of the objects in it that a format wrote, comes twice. */
static void
no_key_twice(struct json object)
{
	for (struct json_iter it = json_iter(object); json_next(&it); ) {
		int n = 0;

		for (struct json_iter other = json_iter(object); json_next(&other); )
			n += str_eq(json_raw(other.key), json_raw(it.key));
		assert_int_equal(n, 1);
		if (json_text_eq(it.key, STR("properties")))
			no_key_twice(it.value);
	}
}

/* All records of a text: "LINE JSON" and "LINE:COL: error", a line each. */
static void
convert(const struct format *format, struct str text, size_t step, int idle, struct buf *to)
{
	struct feed feed = { text, 0, step, idle, 0 };
	struct in *in = in_open_read(feed_read, &feed, "sample");
	struct err err = {0};
	struct record r = {0};
	void *it = format->open(in, &err);
	int64_t end = 0;
	int rc;

	buf_clear(to);
	while ((rc = format->next(it, &r, &err)) != IN_END) {
		if (rc == IN_IDLE) {
			assert_true(idle);
			continue;
		}
		assert_true(r.end >= end && r.end <= (int64_t)text.n);
		end = r.end;
		if (rc == IN_LINE) {
			if (r.checked) {
				assert_int_equal(json_check(r.json, &err), 0);
				no_key_twice(json_value(r.json));
			}
			buf_printf(to, "%ld ", r.line);
			if (json_check(r.json, &err) == 0)
				json_put_compact(to, json_value(r.json));
			else
				buf_str(to, r.json);
			err_clear(&err);
			buf_byte(to, '\n');
			continue;
		}
		if (rc != ERR_INPUT) {
			buf_printf(to, "over: %s\n", err.text);
			break;
		}
		assert_int_equal(err.code, ERR_INPUT);
		buf_printf(to, "%ld:%ld: %s\n", r.line, err.col, err.text);
		err_clear(&err);
	}
	format->close(it);
	in_close(in);
}

static const struct format *
format_of(const char *file)
{
	char name[64];
	struct err err = {0};

	snprintf(name, sizeof(name), "%.*s", (int)strcspn(file, "-."), file);
	return formats_find(name, &err);
}

static void
each_sample(void (*with)(const char *file, const struct format *, struct str text))
{
	DIR *dir = opendir(SAMPLES);
	struct dirent *e;
	struct buf text = {0};
	char path[512];
	int n = 0;

	assert_non_null(dir);
	while ((e = readdir(dir))) {
		size_t len = strlen(e->d_name);

		if (e->d_name[0] == '.' || (len > 4 && strcmp(e->d_name + len - 4, ".out") == 0))
			continue;
		snprintf(path, sizeof(path), SAMPLES "/%s", e->d_name);
		slurp(path, &text);
		assert_true(text.n > 0);
		assert_non_null(format_of(e->d_name));
		with(e->d_name, format_of(e->d_name), buf_get(&text));
		n++;
	}
	closedir(dir);
	buf_release(&text);
	assert_true(n >= 20);
}

static void
as_expected(const char *file, const struct format *format, struct str text)
{
	struct buf is = {0}, wanted = {0};
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), SAMPLES "/%s.out", file);
	convert(format, text, 1 << 20, 0, &is);
	if (getenv("GOLDEN") && (f = fopen(path, "wb"))) {
		fwrite(is.p, 1, is.n, f);
		fclose(f);
	}
	slurp(path, &wanted);
	if (!str_eq(buf_get(&is), buf_get(&wanted)))
		print_message("%s gives:\n%s", file, buf_text(&is));
	assert_true(str_eq(buf_get(&is), buf_get(&wanted)));
	buf_release(&is);
	buf_release(&wanted);
}

static void
samples_give_their_records(void **state)
{
	(void)state;
	each_sample(as_expected);
}

static void
recognized(const char *file, const struct format *format, struct str text)
{
	struct str head = text;

	assert_string_equal(formats_detect(text, file)->name, format->name);
	assert_string_equal(formats_detect(text, "")->name, format->name);
	assert_string_equal(formats_detect(text, "stdin")->name, format->name);
	/* the first lines of a pipe, when more has not come yet */
	for (int lines = 0; head.n && lines < 2; lines++) {
		const char *nl = memchr(head.p, '\n', head.n);

		head.n -= nl ? (size_t)(nl + 1 - head.p) : head.n;
		head.p = nl ? nl + 1 : head.p;
	}
	if (head.n)
		assert_string_equal(formats_detect((struct str){ text.p, (size_t)(head.p - text.p) }, "stdin")->name, format->name);
}

static void
auto_knows_every_sample(void **state)
{
	(void)state;
	each_sample(recognized);
	assert_string_equal(formats_detect(STR(""), "")->name, "ndjson");
	assert_string_equal(formats_detect(STR(""), "a.csv")->name, "csv");
	assert_string_equal(formats_detect(STR("plain words\n"), "a.txt")->name, "ndjson");
	assert_string_equal(formats_detect(STR("{\"event\":\"a\"}\n{\"event\":\"b\"}\n"), "x.json")->name, "ndjson");
	assert_string_equal(formats_detect(STR("cpu usage=1\n"), "")->name, "influx");
	assert_string_equal(formats_detect(STR("a=1 b=2\n"), "")->name, "logfmt");
	assert_string_equal(formats_detect(STR("a,b\n1,2\n"), "stdin")->name, "csv");
}

static void
pieces_make_no_difference(const char *file, const struct format *format, struct str text)
{
	struct buf whole = {0}, pieces = {0};

	(void)file;
	convert(format, text, 1 << 20, 0, &whole);
	for (size_t step = 1; step < 40; step += 1 + step / 3) {
		convert(format, text, step, step % 2, &pieces);
		assert_true(str_eq(buf_get(&whole), buf_get(&pieces)));
	}
	buf_release(&whole);
	buf_release(&pieces);
}

static void
it_does_not_matter_in_which_pieces_bytes_come(void **state)
{
	(void)state;
	each_sample(pieces_make_no_difference);
}

/* Whatever is done to a sample's bytes: good records stay good, and bad bytes are told with their place (fault 21, 26). */
static void
damaged(const char *file, const struct format *format, struct str text)
{
	char *copy = mem_dup(text.p, text.n);
	struct buf out = {0};
	unsigned seed = 7;

	(void)file;
	for (int i = 0; i < 60; i++) {
		size_t at = (size_t)rand_r(&seed) % text.n;
		static const char odd[] = "\0\xff\"\\\n{}[],=: |<\x80";

		memcpy(copy, text.p, text.n);
		copy[at] = odd[(size_t)rand_r(&seed) % (sizeof(odd) - 1)];
		formats_settings.lossy = i % 2;
		convert(format, (struct str){ copy, text.n - (i % 5 ? 0 : at) }, 4096, 0, &out);
	}
	formats_settings.lossy = 0;
	free(copy);
	buf_release(&out);
}

static void
fault_21_damage_is_told_and_passes(void **state)
{
	(void)state;
	each_sample(damaged);
}

static struct str
one(const char *format, const char *text, struct buf *to)
{
	struct err err = {0};

	convert(formats_find(format, &err), str_of(text), 1 << 20, 0, to);
	return (struct str){ buf_text(to), to->n };
}

static void
text_that_is_no_utf8_is_rejected_or_mended(void **state)
{
	struct buf out = {0};

	(void)state;
	assert_string_equal(one("csv", "a,b\nx\xff,1\n", &out).p, "2:2: byte 0xff is no UTF-8, --lossy would replace it\n");
	assert_string_equal(one("logfmt", "a=\xc3\n", &out).p, "1:3: byte 0xc3 is no UTF-8, --lossy would replace it\n");
	formats_settings.lossy = 1;
	assert_string_equal(one("csv", "a,b\nx\xff,1\n", &out).p, "2 {\"a\":\"x\xef\xbf\xbd\",\"b\":\"1\"}\n");
	assert_string_equal(one("csv", "a,b\n\"x\xff\n\xe2\x82\",1\n", &out).p, "2 {\"a\":\"x\xef\xbf\xbd\\n\xef\xbf\xbd\xef\xbf\xbd\",\"b\":\"1\"}\n");
	formats_settings.lossy = 0;
	buf_release(&out);
}

static void
names_a_format_makes_up_give_way_to_the_users(void **state)
{
	struct buf out = {0};

	(void)state;
	formats_settings.unnamed = 1;
	assert_string_equal(one("logfmt", "msg=hi a=1\n", &out).p, "1 {\"msg\":\"hi\",\"a\":1}\n");
	assert_string_equal(one("common", "h - - [10/Oct/2000:13:55:36 +0000] \"GET / HTTP/1.1\" 200 1\n", &out).p,
	    "1 {\"timestamp\":\"2000-10-10T13:55:36.000Z\",\"properties\":{\"ip\":\"h\",\"method\":\"GET\",\"path\":\"/\","
	    "\"protocol\":\"HTTP/1.1\",\"status\":200,\"bytes\":1}}\n");
	assert_string_equal(one("statsd", "a:1|c\n", &out).p, "1 {\"event\":\"a\",\"properties\":{\"type\":\"counter\",\"value\":1}}\n");
	formats_settings.unnamed = 0;
	buf_release(&out);
}

static void
csv_headers_with_holes_get_names(void **state)
{
	struct buf out = {0};

	(void)state;
	assert_string_equal(one("csv", "\xef\xbb\xbf" "a,,a, a ,\"b\"\"c\"\n1,2,3,4,5\n", &out).p,
	    "2 {\"a\":\"1\",\"column_2\":\"2\",\"a_2\":\"3\",\"a_3\":\"4\",\"b\\\"c\":\"5\"}\n");
	assert_string_equal(one("csv", "a,b\n1,2\na,b\n3,4", &out).p, "2 {\"a\":\"1\",\"b\":\"2\"}\n4 {\"a\":\"3\",\"b\":\"4\"}\n");
	assert_string_equal(one("csv", "a\n\n1\n \n", &out).p, "3 {\"a\":\"1\"}\n4 {\"a\":\" \"}\n");
	buf_release(&out);
}

static void
csv_quotes_are_told_where_they_are_wrong(void **state)
{
	struct buf out = {0};

	(void)state;
	assert_string_equal(one("csv", "a,b\n\"x\"y,1\n2,3\n", &out).p,
	    "2:4: text behind a closing quote, a quote in a quoted field is doubled\n3 {\"a\":\"2\",\"b\":\"3\"}\n");
	assert_string_equal(one("csv", "a,b\n1,2\n\"x,1\n2,3\n", &out).p,
	    "2 {\"a\":\"1\",\"b\":\"2\"}\n3:0: the quote that opens in this record is never closed\n");
	assert_string_equal(one("csv", "a,b\n1,\"2\",3\n", &out).p, "2:0: 3 fields, but the header names 2\n");
	assert_string_equal(one("csv", "a,b\n1 \"x\" , 2 \n", &out).p, "2 {\"a\":\"1 \\\"x\\\" \",\"b\":\" 2 \"}\n");
	buf_release(&out);
}

/* Rows are cut here: the same rows with fields in quotes say the same, whoever cuts them. */
static void
both_ways_through_csv_agree(void **state)
{
	static const char *const bits[] = { "a", "bc", "", " ", "\\", "\t", "\x01", "\x7f", "caf\xc3\xa9", "0123456789abcdef", "\r", "x y",
		"a long value of more than sixteen bytes", "say \"hi\" you" };
	enum { BITS = sizeof(bits) / sizeof(bits[0]) };
	struct buf plain = {0}, quoted = {0}, a = {0}, b = {0}, c = {0};
	unsigned seed = 1;

	(void)state;
	for (int round = 0; round < 300; round++) {
		int columns = 1 + rand_r(&seed) % 20;

		buf_clear(&plain);
		for (int i = 0; i < columns; i++)
			buf_printf(&plain, "%sname%d", i ? "," : "", i);
		buf_byte(&plain, '\n');
		buf_clear(&quoted);
		buf_str(&quoted, buf_get(&plain));
		for (int row = 0; row < 10; row++) {
			int n = rand_r(&seed) % 8 ? columns : 1 + rand_r(&seed) % 20;

			for (int i = 0; i < n; i++) {
				const char *bit = bits[(size_t)rand_r(&seed) % BITS];
				const char *guarded = bit == bits[BITS - 1] ? "say \"\"hi\"\" you" : bit;

				if (columns == 1 && !*bit)
					bit = "z";
				buf_printf(&plain, "%s%s", i ? "," : "", bit);
				if (i && rand_r(&seed) % 3)
					buf_printf(&quoted, ",%s", bit);
				else
					buf_printf(&quoted, "%s\"%s\"", i ? "," : "", guarded);
			}
			buf_lit(&plain, ",end\n");
			buf_lit(&quoted, ",end\n");
		}
		one("csv", buf_text(&plain), &a);
		one("csv", buf_text(&quoted), &b);
		assert_string_equal(buf_text(&a), buf_text(&b));
		formats_csv_by_library = 1;
		one("csv", buf_text(&quoted), &c);
		formats_csv_by_library = 0;
		assert_string_equal(buf_text(&a), buf_text(&c));
	}
	buf_release(&plain);
	buf_release(&c);
	buf_release(&quoted);
	buf_release(&a);
	buf_release(&b);
}

/* Where a byte stands in a line and what else is in it, is the same in each instruction set; what is behind the line does not count. */
static void
marks_are_the_same_in_all_instruction_sets(void **state)
{
	static uint16_t at[MARKS_ROOM], wanted[MARKS_ROOM];
	static const char odd[] = "\"\\\x01\x1f\x7f\x80\xff\n\t";
	marks_find *const *all = formats_marks_variants();
	unsigned seed = 1, n, many;
	int last = 0;

	(void)state;
	while (all[last + 1])
		last++;
	for (int round = 0; round < 20000; round++) {
		char text[MARKS_LINE + 2 * IN_SLACK];
		struct str line = { text, round < 200 ? (size_t)round : (size_t)rand_r(&seed) % (MARKS_LINE + 8) };
		char mark = ",\";\t|"[rand_r(&seed) % 5];
		int dense = rand_r(&seed) % 4, what;

		for (size_t i = 0; i < sizeof(text); i++)
			text[i] = rand_r(&seed) % (dense ? 8 : 2) ? (char)(' ' + 1 + rand_r(&seed) % 90) : mark;
		for (int i = rand_r(&seed) % 3; i > 0 && line.n; i--)
			text[(size_t)rand_r(&seed) % line.n] = odd[rand_r(&seed) % 9];
		if (rand_r(&seed) % 2)
			for (size_t i = 0; i < line.n; i++)
				if ((text[i] == '"' || text[i] == '\\') && text[i] != mark)
					text[i] = 'x';
		memset(text + line.n, "\"\x80,"[rand_r(&seed) % 3], IN_SLACK);
		what = all[last](line, mark, wanted, &many);
		for (int i = 0; i < last; i++) {
			assert_int_equal(all[i](line, mark, at, &n), what);
			if (line.n <= MARKS_LINE) {
				assert_int_equal(n, many);
				assert_memory_equal(at, wanted, n * sizeof(*at));
			}
		}
	}
}

/* All events of a text, in canonical form. */
static void
events_of(const struct format *format, struct str text, int as_events, struct buf *to)
{
	struct feed feed = { text, 0, 1 << 20, 0, 0 };
	struct in *in = in_open_read(feed_read, &feed, "sample");
	struct event_reader reader = { .default_name = STR("row"), .now = 1 };
	struct record r = {0};
	struct err err = {0};
	struct event e;
	void *it;
	size_t from;
	int rc;

	formats_settings.as_events = as_events;
	it = format->open(in, &err);
	buf_clear(to);
	while ((rc = format->next(it, &r, &err)) != IN_END) {
		if (rc == IN_LINE)
			rc = r.properties.p ? event_read_own(&reader, r.json, r.properties, r.event, &e, &err) : event_read(&reader, r.json, &e, &err);
		from = to->n;
		if (rc == 0)
			event_put(to, &e);
		else
			buf_str(to, str_of(err.text));
		if (rc == 0 && reader.canonical.p) {    /* what is passed on as it stands is what would be written */
			assert_int_equal(reader.canonical.n, to->n - from);
			assert_memory_equal(reader.canonical.p, to->p + from, to->n - from);
		}
		buf_byte(to, '\n');
		err_clear(&err);
	}
	format->close(it);
	in_close(in);
	event_reader_release(&reader);
	formats_settings.as_events = 0;
}

static void
same_events(const char *file, const struct format *format, struct str text)
{
	struct buf a = {0}, b = {0};

	(void)file;
	events_of(format, text, 0, &a);
	events_of(format, text, 1, &b);
	assert_string_equal(buf_text(&a), buf_text(&b));
	buf_release(&a);
	buf_release(&b);
}

/* Records whose properties stand ready are the same events as those that the event room takes apart. */
static void
ready_properties_change_no_event(void **state)
{
	static const char *const names[] = { "event", "timestamp", "id", "user_id", "session_id", "page", "ts", "userId", "name", "type",
		"properties", "a \\ b", "", "page", "revenue" };
	static const char *const values[] = { "", "x", "2026-11-23T10:00:00Z", "1700000000", "a,b", "say \"\"x\"\"", "\xc3\xa9", "{}", "\\",
		"2026-11-23T10:00:00.123Z", "2026-11-23T10:00:00.123Z", "a\x7f", "a b c d e f g h i j k" };
	struct buf text = {0};
	struct err err = {0};
	unsigned seed = 3;

	(void)state;
	each_sample(same_events);
	for (int round = 0; round < 500; round++) {
		int columns = 1 + rand_r(&seed) % 8, quotes = round % 2;

		buf_clear(&text);
		for (int row = 0; row < 5; row++)
			for (int i = 0; i < columns; i++) {
				const char *cell = row ? values[(size_t)rand_r(&seed) % 13] : names[(size_t)rand_r(&seed) % (round % 3 ? 15 : 6)];
				int quote = (quotes && row) || strpbrk(cell, ",\"");

				buf_printf(&text, "%s%s%s%s%s", i ? "," : "", quote ? "\"" : "", cell, quote ? "\"" : "", i + 1 == columns ? ",z\n" : "");
			}
		same_events("", formats_find("csv", &err), buf_get(&text));
	}
	buf_release(&text);
}

/* A line that is longer than what is looked at in one pass goes the long way: both say the same, whatever stands in it. */
static void
long_and_short_log_lines_are_read_alike(void **state)
{
	static const char *const lines[] = {
		"84.65.138.53 - u98828 [10/Nov/2026:00:00:00 +0000] \"GET /cart HTTP/1.1\" 304 1226 \"-\" \"Mozilla/5.0 (X11)\"",
		"::1 - - [31/Dec/2026:23:59:59 -0130] \"POST /a?b=\xc3\xa9 HTTP/2\" 200 - \"https://x.example/\" \"curl/8\"",
		"a - b [10/Nov/2026:00:00:00 +0000] \"GET / HTTP/1.0\" 200 5 \"\" \"ab\"",
		"x - y z [10/Nov/2026:00:00:00 +0000] \"-\" 400 0 \"r\" \"x\"",
	};
	static const char letters[] = "\"\"\\- []:/09aZ\t\x7f\xc3";
	struct buf line = {0}, grown = {0}, a = {0}, b = {0};
	struct err err = {0};
	const struct format *combined = formats_find("combined", &err);
	char pad[1100];
	unsigned seed = 5;

	(void)state;
	memset(pad, 'Q', sizeof(pad));
	for (int round = 0; round < 20000; round++) {
		const char *base = lines[(size_t)rand_r(&seed) % 4];
		size_t n = strlen(base), from;

		buf_clear(&line);
		buf_lit(&line, base);
		for (int k = rand_r(&seed) % 4; k > 0; k--)             /* the agent stays as it is */
			line.p[(size_t)rand_r(&seed) % (n - 5)] = letters[(size_t)rand_r(&seed) % (sizeof(letters) - 1)];
		buf_clear(&grown);
		buf_add(&grown, line.p, n - 1);
		buf_add(&grown, pad, sizeof(pad));
		buf_byte(&grown, '"');
		events_of(combined, buf_get(&line), 1, &a);
		events_of(combined, buf_get(&grown), 1, &b);
		for (from = 0; from + sizeof(pad) <= b.n && memcmp(b.p + from, pad, sizeof(pad)) != 0; from++)
			;
		if (from + sizeof(pad) <= b.n) {
			memmove(b.p + from, b.p + from + sizeof(pad), b.n - from - sizeof(pad));
			b.n -= sizeof(pad);
		}
		assert_string_equal(buf_text(&a), buf_text(&b));
	}
	buf_release(&line);
	buf_release(&grown);
	buf_release(&a);
	buf_release(&b);
}

static void
unknown_formats_are_told_with_the_nearest(void **state)
{
	struct err err = {0};

	(void)state;
	assert_null(formats_find("cvs", &err));
	assert_non_null(strstr(err.text, "did you mean csv"));
	assert_null(formats_find("kafka", &err));
	assert_non_null(strstr(err.text, "unknown format 'kafka'"));
}

/* An array of 64 MB passes in constant memory. */
struct array { long i, n; };

static int
array_read(void *self, char *to, size_t n, size_t *got, struct err *err)
{
	struct array *a = self;
	int k;

	(void)err;
	if (a->i > a->n)
		return IN_END;
	for (*got = 0; a->i <= a->n && n - *got > 200; *got += (size_t)k, a->i++)
		k = snprintf(to + *got, n - *got, a->i == a->n ? "]" : "%c{\"event\":\"e%ld\",\"properties\":{\"page\":\"/home/%ld\",\"list\":[1,2,3]}}",
		    a->i ? ',' : '[', a->i, a->i);
	return IN_LINE;
}

static long
peak_kb(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return u.ru_maxrss;
}

static void
a_huge_array_passes_in_constant_memory(void **state)
{
	struct array a = { 0, 800000 };
	struct in *in = in_open_read(array_read, &a, "array");
	struct err err = {0};
	struct record r = {0};
	const struct format *f = formats_find("json", &err);
	void *it = f->open(in, &err);
	long n = 0, before = peak_kb();
	int64_t from = time_mono_ns(), bytes;

	(void)state;
	while (f->next(it, &r, &err) == IN_LINE)
		n++;
	bytes = in_offset(in);
	assert_int_equal(n, 800000);
	assert_true(peak_kb() - before < 8 << 10);
	print_message("json: %.0f MB/s\n", (double)bytes * 1e3 / (double)(time_mono_ns() - from));
	f->close(it);
	in_close(in);
}

/* What the comments in csv.c and logs.c say, on this machine. */
static void
speed(void **state)
{
	static const struct { const char *format, *head, *row; } of[] = {
		{ "csv", "event,timestamp,user_id,session_id,source,page,country,device,browser,duration_ms,revenue,referrer,utm_campaign,query\n",
		  "page_view,2026-11-10T00:00:00.492Z,u10476,9911f9a5a10e637a,google,/blog/2026/12/kafka-reports-107,BR,mobile,Chrome,1278,,,spring-sale_2021,\n" },
		{ "csv", "a,b,c\n", "\"quoted\",2026-11-10T00:00:00.492Z,\"a longer text, with a comma in it\"\n" },
		{ "combined", "", "113.111.204.28 - u10476 [10/Nov/2026:00:00:00 +0000] \"GET /blog/2026/12/kafka-reports-107 HTTP/1.1\" 200 1458 "
		  "\"https://www.google.com/search?q=android+invoice\" \"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36\"\n" },
	};
	struct buf text = {0};

	(void)state;
	for (size_t k = 0; k < sizeof(of) / sizeof(of[0]); k++) {
		struct err err = {0};
		struct record r = {0};
		const struct format *f = formats_find(of[k].format, &err);
		struct feed feed;
		struct in *in;
		int64_t best = INT64_MAX;
		void *it;

		buf_clear(&text);
		buf_lit(&text, of[k].head);
		for (int i = 0; i < 5000; i++)
			buf_lit(&text, of[k].row);
		for (int round = 0; round < 10; round++) {
			int64_t from = time_mono_ns();
			int n = 0;

			feed = (struct feed){ buf_get(&text), 0, 1 << 20, 0, 0 };
			in = in_open_read(feed_read, &feed, "");
			it = f->open(in, &err);
			while (f->next(it, &r, &err) == IN_LINE)
				n++;
			assert_int_equal(n, 5000);
			if (time_mono_ns() - from < best)
				best = time_mono_ns() - from;
			f->close(it);
			in_close(in);
		}
		print_message("%s: %.0f ns a record of %zu bytes\n", of[k].format, (double)best / 5000, strlen(of[k].row));
	}
	buf_release(&text);
}

static int
fixed_clock(void **state)
{
	int64_t now;

	(void)state;
	time_parse_rfc3339(STR("2026-11-24T00:00:00Z"), &now);
	time_set_now(now);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(samples_give_their_records),
		cmocka_unit_test(auto_knows_every_sample),
		cmocka_unit_test(it_does_not_matter_in_which_pieces_bytes_come),
		cmocka_unit_test(fault_21_damage_is_told_and_passes),
		cmocka_unit_test(text_that_is_no_utf8_is_rejected_or_mended),
		cmocka_unit_test(names_a_format_makes_up_give_way_to_the_users),
		cmocka_unit_test(csv_headers_with_holes_get_names),
		cmocka_unit_test(csv_quotes_are_told_where_they_are_wrong),
		cmocka_unit_test(both_ways_through_csv_agree),
		cmocka_unit_test(marks_are_the_same_in_all_instruction_sets),
		cmocka_unit_test(ready_properties_change_no_event),
		cmocka_unit_test(long_and_short_log_lines_are_read_alike),
		cmocka_unit_test(unknown_formats_are_told_with_the_nearest),
		cmocka_unit_test(a_huge_array_passes_in_constant_memory),
		cmocka_unit_test(speed),
	};

	return cmocka_run_group_tests(tests, fixed_clock, NULL);
}
