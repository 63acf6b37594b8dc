/* CSV and TSV as RFC 4180 has them, with the first line naming the columns; in TSV \t, \n, \r and \\ then are a tab, a newline,
 * a carriage return and a backslash, as Miller, ClickHouse and jq's @tsv have it, and a backslash before anything else is itself. Values
 * stay the text they are:
 *
 *      event,last,note                 {"event":"buy","last":"","note":"said \"no\""}
 *      buy,,"said ""no"""
 *
 * For at-ingest without -m the columns that are not the event's own stand in `properties` at once, unless one has another
 * name for one of the event's own keys: then the event room must weigh them.
 *
 * A column without a name is column_N, a name that comes again is name_2, name_3; blanks around names are cut. A header
 * without a comma but with `;`, a tab or `|` is cut there. Rows with another number of fields than the header are bad, as
 * is text behind a closing quote; a quote in the middle of an unquoted field is text. Empty lines are passed over, as is a
 * line that repeats the header (files put one behind the other, or rotated).
 *
 * libcsv reads every record that goes over a line's end, or is wrong. It takes 5 ns a byte (0.195 GB/s: 690 ns for a row of 134
 * bytes), so all others are cut here (marks_priv.h; a slower way has those that hold a quote in a value or whose text JSON writes
 * otherwise): bound by the copying of keys and values, tests/unit/formats.c times it. tests/fuzz/csv.c holds the ways together.
 */
#include <csv.h>
#include <ctype.h>
#include <stdlib.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "base/cmd.h"
#include "base/mem.h"
#include "formats/marks_priv.h"

#define TEXT_OF(x)  #x
#define DOTTED(a, b, c) TEXT_OF(a) "." TEXT_OF(b) "." TEXT_OF(c)
CMD_LIBRARY("libcsv", DOTTED(CSV_MAJOR, CSV_MINOR, CSV_RELEASE))

#define IN_FIELD    2           /* libcsv's pstate in the middle of a field; its header does not name it */
#define INPUT_MOST  (1u << 20)  /* bytes of a bad record that are kept to be shown */
#define COLUMNS_MOST 16384
#define SHORT       32          /* a key up to this length is copied in two steps of 16 */

/* Columns that the event room gives a meaning (at-rows(5)): the event's own keys, in the order of its canonical form, and
 * then the other names for them. */
static const char *const meanings[] = { "event", "timestamp", "id", "user_id", "session_id", "name", "type", "ts", "time",
	"@timestamp", "originalTimestamp", "userId", "distinct_id", "anonymousId", "client_id", "sessionId", "messageId", "uuid",
	"event_id", "properties" };
enum { OWN = 5, LABELS = 7, MEANINGS = sizeof(meanings) / sizeof(meanings[0]) };

struct column {
	char  *text;            /* `{"name":"` for the first, `","name":"` for the others; SHORT bytes there at least */
	size_t n;
	int    field;           /* its number in the row: columns stand here in the order they are written */
	int    meaning;
};

struct table {
	struct in *in;
	struct csv_parser lib;
	char   delim;
	int    escapes;         /* \\t, \\n, \\r and \\\\ stand for what JSON has them for too */
	struct column *column;  /* that are written */
	int    written, own;    /* so many, of them so many the event's own; -1: the record is flat */
	struct str *name;       /* of each column of the header */
	int    columns;         /* there */
	int    borrowed;        /* names and header are another's */
	int    in_part;         /* columns that nobody wants are left out */
	size_t brace;           /* where the properties begin in the text of the first of them */
	size_t keys;            /* bytes of all column texts */
	struct str *value;      /* of the row's fields */
	uint16_t mark[1 + MARKS_ROOM];  /* where its delimiters are, and its end; the first is as if one stood before it */
	struct str event[OWN];          /* what the row at hand says of the event itself */
	const char *end_text;
	size_t end_n;
	char  *header;          /* the line, to know it again */
	size_t header_n;
	struct buf json, mended;

	/* the record that libcsv is in */
	int    inside, rows;    /* lines are still to come; its end was seen */
	long   line;
	struct buf input, values;
	size_t *end;            /* of each field in values */
	int    fields, room;
	int64_t size;
	struct err fault;       /* what makes it bad, though it must be read to its end */
};

static int
no_blank(unsigned char c)
{
	(void)c;
	return 0;
}

static int
newline(unsigned char c)
{
	return c == '\n';
}

static void *
table_open(struct in *in, char delim, int escapes)
{
	struct table *t = mem_new(sizeof(*t));

	t->in = in;
	t->delim = delim;
	t->escapes = escapes;
	csv_init(&t->lib, CSV_STRICT);
	csv_set_space_func(&t->lib, no_blank);          /* blanks belong to the value */
	csv_set_term_func(&t->lib, newline);
	return t;
}

static void *
open_csv(struct in *in, struct err *err)
{
	(void)err;
	return table_open(in, ',', 0);
}

static void *
open_tsv(struct in *in, struct err *err)
{
	(void)err;
	return table_open(in, '\t', 1);
}

static void
table_close(void *self)
{
	struct table *t = self;

	if (!t)
		return;
	csv_free(&t->lib);
	for (int i = 0; i < t->written; i++)
		free(t->column[i].text);
	free(t->column);
	for (int i = 0; i < t->columns && !t->borrowed; i++)
		free((char *)t->name[i].p);
	if (!t->borrowed) {
		free(t->name);
		free(t->header);
	}
	free(t->value);
	free(t->end);
	buf_release(&t->json);
	buf_release(&t->mended);
	buf_release(&t->input);
	buf_release(&t->values);
	free(t);
}

/* ---- writing */

/* Does an escape of TSV begin here? */
static int
is_escape(const char *p, const char *end)
{
	return *p == '\\' && p + 1 < end && (p[1] == 't' || p[1] == 'n' || p[1] == 'r' || p[1] == '\\');
}

/* The text of a JSON string without its quotes; up to 6 bytes for one. */
static char *
escaped(char *to, const char *p, size_t n, int escapes)
{
	static const char hex[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)p[i];
		const char *at;

		if (c >= 0x20 && c != '"' && c != '\\' && c != 0x7f) {
			*to++ = (char)c;
			continue;
		}
		*to++ = '\\';
		if (escapes && is_escape(p + i, p + n)) {
			*to++ = p[++i];
			continue;
		}
		if ((at = c ? strchr("\"\"\\\\\bb\ff\nn\rr\tt", c) : NULL) && (c < 0x20 || c == '"' || c == '\\'))
			*to++ = at[1] == (char)c ? (char)c : at[1];
		else {
			memcpy(to, "u00", 3);
			to[3] = hex[c >> 4];
			to[4] = hex[c & 15];
			to += 5;
		}
	}
	return to;
}

static inline char *
put_key(char *to, const struct column *c)
{
	if (__builtin_expect(c->n > SHORT, 0))
		memcpy(to, c->text, c->n);
	else {
		memcpy(to, c->text, 16);
		memcpy(to + 16, c->text + 16, 16);
	}
	return to + c->n;
}

/* ---- a row without a quote */

static int
ragged(const struct table *t, int fields, struct err *err)
{
	return err_set(err, ERR_INPUT, "%d field%s, but the header names %d", fields, fields == 1 ? "" : "s", t->columns);
}

static inline char *
put_value(const struct table *t, char *to, struct str v, const char *end, int escape)
{
	if (__builtin_expect(escape, 0))
		return escaped(to, v.p, v.n, t->escapes);
	if (v.n <= 16 && end - v.p >= 16)       /* most: a copy of a fixed length, what is too much is written over */
		memcpy(to, v.p, 16);
	else
		memcpy(to, v.p, v.n);
	return to + v.n;
}

/* The record of t->value; nothing may be read at `end`. */
static void
write_record(struct table *t, size_t bytes, const char *end, int escape, struct record *r)
{
	size_t properties = 0;
	char *to;

	buf_clear(&t->json);
	to = buf_room(&t->json, t->keys + bytes * (escape ? 6 : 1) + 3 * SHORT);
	for (int i = 0; i < t->written; i++) {
		const struct column *c = &t->column[i];

		if (i == t->own)
			properties = (size_t)(to - t->json.p) + t->brace;
		to = put_value(t, put_key(to, c), t->value[c->field], end, escape);
	}
	memcpy(to, t->end_text, t->end_n);
	t->json.n = (size_t)(to - t->json.p) + t->end_n;
	r->json = buf_get(&t->json);
	r->properties = (struct str){ properties ? t->json.p + properties : NULL, properties ? t->json.n - 1 - properties : 0 };
	r->event = NULL;
}

static int
cut(struct table *t, struct str line, int escape, struct record *r, struct err *err)
{
	const char *p = line.p, *end = p + line.n, *from = p;
	struct str *value = t->value;
	int n = 0;

#define FIELD_ENDS(at) \
	do { \
		if (n + 1 == t->columns) \
			goto many; \
		value[n++] = (struct str){ from, (size_t)((at) - from) }; \
		from = (at) + 1; \
	} while (0)
#ifdef __SSE2__
	__m128i delim = _mm_set1_epi8(t->delim);

	for (; end - p >= 16; p += 16) {
		unsigned mask = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(_mm_loadu_si128((const __m128i *)(const void *)p), delim));

		for (; mask; mask &= mask - 1)
			FIELD_ENDS(p + __builtin_ctz(mask));
	}
#endif
	for (; p < end && (p = memchr(p, t->delim, (size_t)(end - p))); p++)
		FIELD_ENDS(p);
	value[n++] = (struct str){ from, (size_t)(end - from) };
	if (n != t->columns)
		return ragged(t, n, err);
	write_record(t, line.n, end, escape, r);
	return 0;
many:
	for (n = 1, p = line.p; p < end; p++)
		n += *p == t->delim;
	return ragged(t, n, err);
}

int formats_csv_by_library;     /* for tests: whatever holds a quote goes to libcsv */

/* The ends of fields of a line that has quotes, so many of them; 0 when one goes over the line's end, or holds a quote. */
static int
quoted_marks(struct str line, char delim, uint16_t at[static MARKS_ROOM], unsigned *n)
{
	const char *p = line.p, *end = p + line.n;

	for (*n = 0; ; at[(*n)++] = (uint16_t)(p - line.p), p++) {
		if (p < end && *p == '"') {
			if (!(p = memchr(p + 1, '"', (size_t)(end - p - 1))) || (++p < end && *p != delim))
				return 0;
		} else
			for (; p < end && *p != delim; p++)
				if (*p == '"')
					return 0;
		if (p == end)
			return 1;
	}
}

/* A column's key and value; of a value in quotes these are left out. */
static inline char *
put_column(const struct table *t, char *to, const struct column *c, struct str line, int quoted, size_t *n)
{
	size_t from = (uint16_t)(t->mark[c->field] + 1u);
	struct str value = { line.p + from, t->mark[c->field + 1] - from };

	if (quoted && value.n && *value.p == '"')
		value.p++, value.n -= 2;
	*n = value.n;
	return marks_copy(put_key(to, c), value);
}

/* Nearly every row: no byte that JSON writes otherwise but quotes around fields, and as many of these as there are columns. 0
 * when it is another one. */
static int
plain_row(struct table *t, struct str line, struct record *r)
{
	char *start, *to, *properties = NULL;
	unsigned n;
	size_t length;
	int what = formats_marks(line, t->delim, t->mark + 1, &n), quoted = what & FORMATS_QUOTE, i = 0;

	if ((what & FORMATS_ESCAPE) || (quoted && (formats_csv_by_library || !quoted_marks(line, t->delim, t->mark + 1, &n))) ||
	    n + 1 != (unsigned)t->columns || ((what & FORMATS_HIGH) && str_utf8_fault(line) >= 0))
		return 0;
	t->mark[n + 1] = (uint16_t)line.n;
	start = to = formats_room(&t->json, r, t->keys + line.n + 4 * SHORT);
	for (; i < t->own; i++) {
		to = put_column(t, to, &t->column[i], line, quoted, &length);
		t->event[t->column[i].meaning] = (struct str){ to - length, length };
	}
	if (t->own >= 0 && t->own < t->written)
		properties = to + t->brace;
	for (; i < t->written; i++)
		to = put_column(t, to, &t->column[i], line, quoted, &length);
	memcpy(to, t->end_text, t->end_n);
	to += t->end_n;
	r->json = (struct str){ start, (size_t)(to - start) };
	r->properties = (struct str){ properties, properties ? (size_t)(to - 1 - properties) : 0 };
	r->event = t->own > 0 ? t->event : NULL;
	return 1;
}

/* Any other record that is whole in its line: what stands in quotes may hold guarded ones, and JSON may write its bytes
 * otherwise. 0: `next` is to say what it is. So it is of a long line that is written in part: what is left out may be an id that is
 * too long, for which the row is rejected (a line of MARKS_LINE bytes has none). */
static int
whole_row(struct table *t, struct str line, struct record *r)
{
	const char *p = line.p, *end = p + line.n, *to;
	struct buf *values = &t->values;
	int what = formats_scan(p, line.n), n;

	if ((t->in_part && line.n > MARKS_LINE) || (what & FORMATS_ZERO) || ((what & FORMATS_QUOTE) && formats_csv_by_library) || ((what & FORMATS_HIGH) && str_utf8_fault(line) >= 0))
		return 0;
	buf_clear(values);
	buf_room(values, line.n);               /* it stays where it is */
	for (n = 0; n < t->columns; n++, p++) {
		size_t from = values->n;

		if (p < end && *p == '"') {
			for (p++; ; p = to + 2) {
				if (!(to = memchr(p, '"', (size_t)(end - p))))
					return 0;
				buf_add(values, p, (size_t)(to - p));
				if (to + 1 == end || to[1] != '"')
					break;
				buf_byte(values, '"');
			}
			p = to + 1;
			if (p < end && *p != t->delim)
				return 0;
		} else {
			if (!(to = memchr(p, t->delim, (size_t)(end - p))))
				to = end;
			buf_add(values, p, (size_t)(to - p));
			p = to;
		}
		t->value[n] = (struct str){ values->p + from, values->n - from };
		if (p == end)
			break;
	}
	if (n + 1 != t->columns)
		return 0;
	write_record(t, values->n, NULL, 1, r);
	return 1;
}

/* ---- a record with one: libcsv */

static void
on_field(void *text, size_t n, void *self)
{
	struct table *t = self;

	if (t->fields == t->room)
		t->end = mem_grow(t->end, (size_t)(t->room = t->room ? 2 * t->room : 64), sizeof(*t->end));
	if (t->fields > COLUMNS_MOST)
		return;
	buf_add(&t->values, text, n);
	t->end[t->fields++] = t->values.n;
}

static void
on_row(int c, void *self)
{
	struct table *t = self;

	(void)c;
	t->rows++;
}

static void
forget(struct table *t)
{
	csv_fini(&t->lib, NULL, NULL, NULL);            /* in the middle of a record: it begins anew */
	t->inside = 0;
}

/* Bytes of the record to libcsv. 0, or the offset + 1 of what it will not take. */
static size_t
feed(struct table *t, const char *p, size_t n)
{
	size_t done = 0;

	while ((done += csv_parse(&t->lib, p + done, n - done, on_field, on_row, t)) < n) {
		if (t->lib.quoted || p[done] != '"')
			return done + 1;
		/* A quote in the middle of an unquoted field: strict stops there, and only there it is let through. */
		csv_set_opts(&t->lib, 0);
		done += csv_parse(&t->lib, p + done, 1, on_field, on_row, t);
		csv_set_opts(&t->lib, CSV_STRICT);
	}
	return 0;
}

/* The line to libcsv: 1 when a record is whole in values and end, 0 when more lines must come; ERR_INPUT. */
static int
record_line(struct table *t, struct str line, size_t ending, struct err *err)
{
	struct str good = line;
	size_t at;
	int rc;

	if (!t->inside) {
		t->inside = 1;
		t->rows = t->fields = 0;
		t->line = in_lineno(t->in);
		t->size = 0;
		buf_clear(&t->values);
		buf_clear(&t->input);
		err_clear(&t->fault);
	}
	if (t->input.n < INPUT_MOST) {
		if (t->input.n)
			buf_byte(&t->input, '\n');
		buf_add(&t->input, line.p, line.n < INPUT_MOST ? line.n : INPUT_MOST);
	}
	if ((t->size += (int64_t)line.n + 1) > IN_LINE_MOST) {
		forget(t);
		return err_set(err, ERR_INPUT, "the quote that opens here is not closed within %u MiB", IN_LINE_MOST >> 20);
	}
	if ((rc = formats_text_good(&good, formats_scan(line.p, line.n), &t->mended, err)) && !t->fault.code)
		t->fault = *err;
	if ((at = feed(t, good.p, good.n))) {
		forget(t);
		return err_col(err, (long)at, ERR_INPUT, "text behind a closing quote, a quote in a quoted field is doubled");
	}
	if (t->lib.quoted && t->lib.pstate == IN_FIELD)         /* the line's end belongs to the value */
		feed(t, ending == 2 ? "\r\n" : "\n", 1 + (ending == 2));
	else
		feed(t, "\n", 1);
	if (!t->rows)
		return 0;
	t->inside = 0;
	if (t->fault.code) {
		*err = t->fault;
		return ERR_INPUT;
	}
	return 1;
}

static int
write_values(struct table *t, struct record *r, struct err *err)
{
	size_t from = 0;

	if (t->fields != t->columns)
		return ragged(t, t->fields, err);
	for (int i = 0; i < t->fields; i++) {
		t->value[i] = (struct str){ buf_get(&t->values).p + from, t->end[i] - from };
		from = t->end[i];
	}
	write_record(t, t->values.n, NULL, 1, r);
	return 0;
}

/* ---- the header */

static struct str
unique(struct map *seen, struct str name, struct buf *scratch)
{
	struct str given = name;
	int fresh;

	for (int i = 2; map_put(seen, name, &fresh), !fresh; i++) {
		buf_clear(scratch);
		buf_printf(scratch, "%.*s_%d", STR_FMT(given), i);
		name = buf_get(scratch);
	}
	return name;
}

/* A name whose escapes are what they stand for. */
static struct str
unescaped(struct buf *b, struct str name)
{
	static const char what[] = "t\tn\nr\r\\\\";

	buf_clear(b);
	for (size_t i = 0; i < name.n; i++)
		if (is_escape(name.p + i, name.p + name.n))
			buf_byte(b, strchr(what, name.p[++i])[1]);
		else
			buf_byte(b, name.p[i]);
	return buf_get(b);
}

static int
meaning(struct str name)
{
	for (int i = 0; i < MEANINGS; i++)
		if (str_eq(name, str_of(meanings[i])))
			return i;
	return MEANINGS;
}

/* A column's text, to be written next. */
static void
add_column(struct table *t, int field, const char *before)
{
	struct column *c = &t->column[t->written++];
	struct buf text = {0};

	buf_lit(&text, before);
	json_put_key(&text, t->name[field]);
	buf_byte(&text, '"');
	*c = (struct column){ mem_new(text.n + SHORT), text.n, field, meaning(t->name[field]) };
	memcpy(c->text, text.p, text.n);
	t->keys += text.n;
	buf_release(&text);
}

/* Lay out the record: the event's own keys and then its properties, which the event room then takes as they stand; flat when
 * a column has one of the other names, which it must weigh. Of properties that nobody wants the first is kept: there are some;
 * and of a table whose every column is the event's own and unwanted the first: it has rows. */
static void
lay_out(struct table *t, int (*wants)(void *of, struct str key), void *of)
{
	int has[MEANINGS + 1] = {0}, flat = !formats_settings.as_events, n = t->columns, others = 0, any = 0, properties = 0;

	t->column = mem_grow(NULL, (size_t)n, sizeof(*t->column));
	t->value = mem_grow(NULL, (size_t)n, sizeof(*t->value));
	for (int i = 0; i < n; i++) {
		has[meaning(t->name[i])] = 1;
		properties |= meaning(t->name[i]) >= OWN;
	}
	for (int i = has[0] ? LABELS : OWN; i < MEANINGS; i++)          /* beside `event`, `name` and `type` are any properties */
		flat |= has[i];
	t->mark[0] = (uint16_t)-1;
	t->own = -1;
	if (flat)
		for (int i = 0; i < n; i++)
			add_column(t, i, i ? "\"," : "{");
	else {
		for (int k = 0; k < OWN; k++)
			for (int i = 0; has[k] && i < n; i++)
				if (meaning(t->name[i]) == k && (!wants || wants(of, t->name[i])))
					add_column(t, i, t->written ? "\"," : "{");
		if (!t->written && !properties)
			add_column(t, 0, "{");
		t->own = t->written;
		t->brace = t->own ? 15 : 14;
		for (int i = 0; i < n; i++)
			any |= meaning(t->name[i]) >= OWN && wants && wants(of, t->name[i]);
		for (int i = 0; i < n; i++)
			if (meaning(t->name[i]) >= OWN && (!wants || (any ? wants(of, t->name[i]) : !others)))
				add_column(t, i, others++ ? "\"," : t->own ? "\",\"properties\":{" : "{\"properties\":{");
	}
	t->end_text = others ? "\"}}" : "\"}";
	t->end_n = strlen(t->end_text);
}

static int
name_columns(struct table *t, struct err *err)
{
	struct map seen = {0};
	struct buf scratch = {0}, plain = {0};
	int n = t->fields;
	char number[32];

	if (n > COLUMNS_MOST)
		return err_set(err, ERR_LIMIT, "%s: more than %d columns", in_name(t->in), COLUMNS_MOST);
	t->name = mem_grow(NULL, (size_t)n, sizeof(*t->name));
	for (int i = 0; i < n; i++) {
		size_t from = i ? t->end[i - 1] : 0;
		struct str name = str_trim((struct str){ buf_get(&t->values).p + from, t->end[i] - from });

		if (t->escapes)
			name = unescaped(&plain, name);
		if (!name.n) {
			snprintf(number, sizeof(number), "column_%d", i + 1);
			name = str_of(number);
		}
		name = unique(&seen, name, &scratch);
		t->name[i] = (struct str){ mem_dup(name.p, name.n), name.n };
	}
	t->columns = n;
	lay_out(t, NULL, NULL);
	map_release(&seen);
	buf_release(&scratch), buf_release(&plain);
	return 0;
}

/* Where a header without the usual separator is cut. */
static char
other_delim(struct str line)
{
	static const char others[] = ";\t|";

	if (!memchr(line.p, ',', line.n))
		for (const char *c = others; *c; c++)
			if (memchr(line.p, *c, line.n))
				return *c;
	return ',';
}

/* ---- the format */

static int
next(void *self, struct record *r, struct err *err)
{
	struct table *t = self;
	struct str line;
	int64_t before = in_offset(t->in);
	int rc, what;

	r->checked = 1;
	r->more = 0;
	r->header = (struct str){ t->header, t->header_n };
	for (;; before = r->end) {
		rc = in_line(t->in, &line, err);
		r->end = in_offset(t->in);
		if (rc != IN_LINE)
			break;
		if (!line.n && !t->inside)
			continue;
		if (!t->columns && !t->inside) {
			if (t->delim == ',')
				t->delim = other_delim(line);
			csv_set_delim(&t->lib, (unsigned char)t->delim);
			if (memchr(line.p, '\r', line.n) && !memchr(line.p, '"', line.n))
				return err_set(err, ERR_IO, "%s: its lines end with a carriage return alone, tr '\\r' '\\n' mends that", in_name(t->in));
		}
		if (line.n == t->header_n && t->header && !t->inside && memcmp(line.p, t->header, line.n) == 0)
			continue;
		if (t->columns && !t->inside && (plain_row(t, line, r) || whole_row(t, line, r))) {
			r->input = line;
			r->line = in_lineno(t->in);
			return IN_LINE;
		}
		if (t->columns && !t->inside && !((what = formats_scan(line.p, line.n)) & FORMATS_QUOTE)) {
			r->input = line;
			r->line = in_lineno(t->in);
			if ((what & (FORMATS_HIGH | FORMATS_ZERO)) && formats_text_good(&line, what, &t->mended, err))
				return ERR_INPUT;
			return cut(t, line, what & FORMATS_ESCAPE, r, err) ? ERR_INPUT : IN_LINE;
		}
		rc = record_line(t, line, (size_t)(r->end - before) - line.n, err);
		if (rc == 0)
			continue;
		if (!t->columns) {              /* without the names nothing can be read */
			if (rc < 0)
				return err->code = ERR_IO, err_at(err, "%s: the header", in_name(t->in));
			if ((rc = name_columns(t, err)))
				return rc;
			t->header_n = t->input.n;
			t->header = mem_dup(t->input.p, t->input.n);
			r->header = (struct str){ t->header, t->header_n };
			continue;
		}
		r->input = buf_get(&t->input);
		r->line = t->line;
		return rc < 0 || write_values(t, r, err) ? ERR_INPUT : IN_LINE;
	}
	if (rc == ERR_LIMIT) {
		forget(t);
		r->input = STR("");
		r->line = in_lineno(t->in);
		return err->code = ERR_INPUT;
	}
	if (rc == IN_END && t->inside && !cmd_stopping()) {
		forget(t);
		r->input = buf_get(&t->input);
		r->line = t->line;
		r->cut = 1;
		return err_set(err, t->columns ? ERR_INPUT : ERR_IO, "the quote that opens in this record is never closed");
	}
	return rc;
}

static int
inside(const void *self)
{
	return ((const struct table *)self)->inside;
}

static void
lose(void *self)
{
	forget(self);
}

static void *
another(void *self, int (*wants)(void *of, struct str key), void *of)
{
	struct table *t = self, *mine;

	if (!t->columns)
		return NULL;
	mine = table_open(NULL, t->delim, t->escapes);
	mine->borrowed = 1;
	mine->in_part = wants != NULL;
	mine->name = t->name;
	mine->columns = t->columns;
	mine->header = t->header;
	mine->header_n = t->header_n;
	lay_out(mine, wants, of);
	return mine;
}

static int
plain(void *self, struct str line, struct record *r)
{
	struct table *t = self;

	if (!line.n || (line.n == t->header_n && memcmp(line.p, t->header, line.n) == 0) ||
	    (!plain_row(t, line, r) && !whole_row(t, line, r)))
		return 0;
	r->input = line;
	r->checked = 1;
	r->more = 0;
	return 1;
}

/* Cut the next record off *rest and count its fields: a quote counts where a field begins. -1: it goes on behind the end. */
static int
count(struct str *rest, char delim)
{
	int n = 1, quoted = 0, fresh = 1;
	size_t i;

	for (i = 0; i < rest->n && (quoted || rest->p[i] != '\n'); i++) {
		int turns = rest->p[i] == '"' && (quoted || fresh);     /* "" inside quotes turns twice */

		quoted ^= turns;
		n += rest->p[i] == delim && !quoted;
		fresh = rest->p[i] == delim || turns;
	}
	rest->p += i + (i < rest->n);
	rest->n -= i + (i < rest->n);
	return quoted ? -1 : n;
}

static int
same_fields(struct str head, char delim)
{
	int names, all = 1, good = 1;

	while (head.n && (head.p[0] == '\n' || head.p[0] == '\r'))
		head.p++, head.n--;
	if (!head.n || strchr("{[<", head.p[0] ? head.p[0] : 'x') || (names = count(&head, delim)) < 2)
		return 0;
	while (all < 20 && head.n) {
		int blank = head.p[0] == '\n', n = count(&head, delim);

		if (blank || (!head.n && n != names))   /* the last one may be cut */
			continue;
		all++;
		good += n == names;
	}
	return all == 1 ? 35 : good * 100 / all >= 60 ? 65 : 0;
}

/* Names alone in the first line, as a log's or statsd's has not, which hold a | too. */
static int
only_names(struct str line)
{
	for (size_t i = 0; i < line.n; i++)
		if (!isalnum((unsigned char)line.p[i]) && !strchr("_ .|\r", line.p[i]))
			return 0;
	return line.n && isalpha((unsigned char)line.p[0]);
}

static int
looks_csv(struct str head, const char *file)
{
	int score = same_fields(head, ',');

	if (formats_named(file, ".csv"))
		return 92;
	if (!score)
		score = same_fields(head, ';') * 9 / 10;
	return score || !only_names(formats_first_line(head)) ? score : same_fields(head, '|') * 9 / 10;
}

static int
looks_tsv(struct str head, const char *file)
{
	return formats_named(file, ".tsv.tab") ? 92 : same_fields(head, '\t');
}

const struct format formats_csv = {
	"csv", "comma-separated values, the first line names the columns", looks_csv, open_csv, next, table_close, another, plain, inside,
	lose, 1
};
const struct format formats_tsv = {
	"tsv", "the same with tabs", looks_tsv, open_tsv, next, table_close, another, plain, inside, lose, 1
};
