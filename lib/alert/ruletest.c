#include "alert/ruletest.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/time.h"
#include "event/when.h"

#define ROWS_MOST 1000000               /* of one test */

struct row { int64_t time; size_t at, n, number; };

struct trial {
	const char *folder;             /* of the file, with its slash; "" */
	struct rules *rules;
	struct json test;
	struct row *row;
	size_t n, cap;
	struct buf rows, made;
	int failed, checks;
	void (*say)(void *, int, struct str);
	void *self;
	struct json want;               /* of the check at hand */
	struct str alert;
	struct buf got;                 /* what there was, a line each */
	int matched[256], n_want, n_extra;
};

/* ---- input */

static int
add_row(struct trial *t, struct str text, int64_t time, struct err *err)
{
	if (t->n == ROWS_MOST)
		return err_set(err, ERR_INPUT, "more than %d rows", ROWS_MOST);
	if (t->n == t->cap)
		t->row = mem_grow(t->row, t->cap = t->cap ? 2 * t->cap : 256, sizeof(*t->row));
	t->row[t->n] = (struct row){ time, t->rows.n, text.n, t->n };
	t->n++;
	buf_str(&t->rows, text);
	return 0;
}

static int
add_given(struct trial *t, struct str text, struct err *err)
{
	struct buf scratch = { 0 }, compact = { 0 };
	struct json v = json_value(text);
	int64_t time;
	int rc;

	json_put_compact(&compact, v);
	if ((rc = when_row(json_get(v, STR("timestamp")), buf_get(&compact), &scratch, &time, err)) == 0)
		rc = add_row(t, buf_get(&compact), time, err);
	buf_release(&scratch);
	buf_release(&compact);
	return rc;
}

/* metric{a="b",c="d"} */
static int
read_series(struct str text, struct buf *metric, struct buf *labels, struct err *err)
{
	struct str rest = str_trim(text);
	const char *brace = memchr(rest.p, '{', rest.n);
	int n = 0;

	json_put_string(metric, brace ? (struct str){ rest.p, (size_t)(brace - rest.p) } : rest);
	buf_byte(labels, '{');
	if (brace)
		rest.n -= (size_t)(brace + 1 - rest.p), rest.p = brace + 1;
	while (brace && rest.n && rest.p[0] != '}') {
		const char *equal = memchr(rest.p, '=', rest.n), *end;

		if (!equal || equal + 1 >= rest.p + rest.n || equal[1] != '"')
			return err_set(err, ERR_INPUT, "series: '%.60s' is none, name{label=\"value\"} is", text.p);
		for (end = equal + 2; end < rest.p + rest.n && *end != '"'; end++)
			if (*end == '\\')
				end++;
		if (end >= rest.p + rest.n)
			return err_set(err, ERR_INPUT, "series: a label's value does not end");
		buf_lit(labels, n++ ? "," : "");
		json_put_key(labels, str_trim((struct str){ rest.p, (size_t)(equal - rest.p) }));
		buf_add(labels, equal + 1, (size_t)(end + 1 - equal - 1));
		rest.n -= (size_t)(end + 1 - rest.p), rest.p = end + 1;
		rest = str_trim(rest);
		if (rest.n && rest.p[0] == ',')
			rest.p++, rest.n--;
		rest = str_trim(rest);
	}
	buf_byte(labels, '}');
	return json_check(buf_get(labels), err) ? err_set(err, ERR_INPUT, "series: '%.60s' is none, name{label=\"value\"} is", text.p) : 0;
}

static int
add_value(struct trial *t, struct str metric, struct str labels, struct str field, struct str window, int64_t time, double value, struct err *err)
{
	buf_clear(&t->made);
	buf_lit(&t->made, "{\"metric\":");
	buf_str(&t->made, metric);
	buf_lit(&t->made, ",\"timestamp\":");
	json_put_time(&t->made, time);
	buf_lit(&t->made, ",\"window\":");
	json_put_string(&t->made, window);
	buf_lit(&t->made, ",\"labels\":");
	buf_str(&t->made, labels);
	buf_byte(&t->made, ',');
	json_put_key(&t->made, field);
	json_put_double(&t->made, value);
	buf_byte(&t->made, '}');
	return add_row(t, buf_get(&t->made), time, err);
}

/* "_", "7", "7x3", "1+2x3", "9-2x3", "_x3": the first value, what is added each time, and how often more. */
static int
read_piece(struct str piece, double *value, double *step, int64_t *more, int *none)
{
	const char *x = memchr(piece.p, 'x', piece.n), *sign = NULL;
	struct str front = piece;

	*step = 0, *more = 0, *none = 0;
	if (x) {
		front.n = (size_t)(x - piece.p);
		if (str_int64((struct str){ x + 1, piece.n - front.n - 1 }, more) || *more < 0 || *more > ROWS_MOST)
			return -1;
	}
	if (str_eq(front, STR("_")) || str_eq(front, STR("stale"))) {
		*none = 1;
		return 0;
	}
	for (size_t i = 1; i < front.n; i++)
		if ((front.p[i] == '+' || front.p[i] == '-') && front.p[i - 1] != 'e' && front.p[i - 1] != 'E')
			sign = front.p + i;
	if (sign && (!x || str_double((struct str){ sign + 1, (size_t)(front.p + front.n - sign) - 1 }, step)))
		return -1;
	if (sign && *sign == '-')
		*step = -*step;
	return str_double((struct str){ front.p, sign ? (size_t)(sign - front.p) : front.n }, value);
}

static int
add_series(struct trial *t, struct json v, struct str interval, int64_t step_ms, struct err *err)
{
	struct buf metric = { 0 }, labels = { 0 }, a = { 0 }, b = { 0 }, c = { 0 };
	struct str rest = json_text(json_get(v, STR("values")), &a), field = json_text(json_get(v, STR("field")), &b), piece;
	int64_t time = 0;
	int rc = read_series(json_text(json_get(v, STR("series")), &c), &metric, &labels, err);

	field = field.p ? field : STR("value");
	while (rc == 0 && rest.n && str_cut(&rest, ' ', &piece)) {
		double value = 0, step;
		int64_t more;
		int none;

		if (!piece.n)
			continue;
		if (read_piece(piece, &value, &step, &more, &none)) {
			rc = err_set(err, ERR_INPUT, "values: '%.*s' is none, 5, _ or 1+2x3 is", (int)(piece.n > 40 ? 40 : piece.n), piece.p);
			break;
		}
		for (int64_t i = 0; i <= more - (none && more) && rc == 0; i++, time += step_ms)
			if (!none)
				rc = add_value(t, buf_get(&metric), buf_get(&labels), field, interval, time, value + step * (double)i, err);
	}
	buf_release(&metric);
	buf_release(&labels);
	buf_release(&a);
	buf_release(&b);
	buf_release(&c);
	return rc;
}

static int
by_time(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	return x->time != y->time ? (x->time < y->time ? -1 : 1) : (x->number > y->number) - (x->number < y->number);
}

static int
read_file_rows(struct trial *t, struct str name, struct err *err)
{
	struct buf path = { 0 }, text = { 0 };
	FILE *f;
	int rc = 0;

	buf_lit(&path, name.n && name.p[0] == '/' ? "" : t->folder);
	buf_str(&path, name);
	if (!(f = fopen(buf_text(&path), "re")))
		rc = err_set(err, ERR_IO, "%s: cannot be opened", buf_text(&path));
	for (int c; f && rc == 0; ) {
		buf_clear(&text);
		while ((c = getc(f)) != EOF && c != '\n' && text.n < (1 << 20))
			buf_byte(&text, (char)c);
		if (text.n && (rc = json_check(buf_get(&text), err)) == 0)
			rc = add_given(t, buf_get(&text), err);
		if (c == EOF)
			break;
	}
	if (f)
		fclose(f);
	buf_release(&path);
	buf_release(&text);
	return rc;
}

static int
read_input(struct trial *t, struct err *err)
{
	struct buf scratch = { 0 }, name = { 0 };
	struct json interval = json_get(t->test, STR("interval")), file = json_get(t->test, STR("rows_file"));
	struct str step = interval.type == JSON_STRING ? json_text(interval, &scratch) : STR("1m");
	struct json_iter it;
	int64_t step_ms;
	int rc = 0;

	if (dur_parse(step, &step_ms, err) || step_ms <= 0)
		rc = err_set(err, ERR_INPUT, "interval: is no span, try 1m");
	for (it = json_iter(json_get(t->test, STR("input_series"))); rc == 0 && json_next(&it); )
		rc = add_series(t, it.value, step, step_ms, err);
	for (it = json_iter(json_get(t->test, STR("rows"))); rc == 0 && json_next(&it); )
		rc = add_given(t, json_raw(it.value), err);
	if (rc == 0 && file.type == JSON_STRING)
		rc = read_file_rows(t, json_text(file, &name), err);
	if (t->n)
		qsort(t->row, t->n, sizeof(*t->row), by_time);
	buf_release(&scratch);
	buf_release(&name);
	return rc;
}

/* ---- checks */

static int
ignore(void *self, const struct evaluate_alert *a, struct err *err)
{
	(void)self, (void)a, (void)err;
	return 0;
}

static int
is_equal(struct json a, struct json b)
{
	struct buf x = { 0 }, y = { 0 };
	int yes = a.type == b.type && str_eq(json_text(a, &x), json_text(b, &y));

	buf_release(&x);
	buf_release(&y);
	return yes;
}

static int
have_labels(struct json want, struct json got)
{
	struct json_iter it;
	struct buf key = { 0 };
	int n = 0, yes = 1;

	for (it = json_iter(got); json_next(&it); )
		n++;
	for (it = json_iter(want); json_next(&it); n--)
		yes &= is_equal(it.value, json_get(got, json_text(it.key, &key)));
	buf_release(&key);
	return yes && n == 0;
}

/* Promtool's expectations name the rule's own labels too, so all labels are compared. */
static int
is_wanted(struct json want, const struct evaluate_alert *a)
{
	struct json row = json_value(a->json), labels = json_get(want, STR("exp_labels")), message = json_get(want, STR("exp_message")), severity = json_get(want, STR("exp_severity"));
	struct json state = json_get(want, STR("state"));
	struct str expected = state.type == JSON_STRING ? (struct str){ state.p + 1, state.n - 2 } : STR("firing");

	return str_eq(expected, a->state == EVALUATE_FIRING ? STR("firing") : STR("pending")) && have_labels(labels, json_value(a->labels)) &&
	    (message.type != JSON_STRING || is_equal(message, json_get(row, STR("message")))) && (severity.type != JSON_STRING || is_equal(severity, json_get(row, STR("severity"))));
}

static int
compare(void *self, const struct evaluate_alert *a, struct err *err)
{
	struct trial *t = self;
	struct json_iter it;
	int i = 0, pending_wanted = 0, found = 0;

	(void)err;
	if (t->alert.n && !str_eq(t->alert, a->name))
		return 0;
	for (it = json_iter(t->want); json_next(&it) && i < 256; i++) {
		pending_wanted |= json_text_eq(json_get(it.value, STR("state")), STR("pending"));
		if (!found && !t->matched[i] && is_wanted(it.value, a))
			found = t->matched[i] = 1;
	}
	if (a->state == EVALUATE_PENDING && !pending_wanted)
		return 0;
	t->n_extra += !found;
	buf_lit(&t->got, "\n    got      ");
	buf_str(&t->got, a->json);
	return 0;
}

static int
check(struct trial *t, struct evaluate *e, struct json v, struct str name, size_t *at, struct err *err)
{
	struct buf time_text = { 0 }, alert = { 0 }, line = { 0 };
	struct str when = json_text(json_get(v, STR("eval_time")), &time_text);
	struct json_iter it;
	int64_t time;
	int rc = 0, n = 0, ok = 1;

	t->want = json_get(v, STR("exp_alerts"));
	t->alert = json_text(json_get(v, json_get(v, STR("alertname")).type ? STR("alertname") : STR("alert")), &alert);
	if (when.p == NULL || (dur_parse(when, &time, err) && (err_clear(err), time_parse_rfc3339(when, &time))))
		return err_set(err, ERR_INPUT, "eval_time: is neither a span nor a time");
	for (; *at < t->n && t->row[*at].time <= time && rc == 0; ++*at)
		rc = evaluate_row(e, (struct str){ t->rows.p + t->row[*at].at, t->row[*at].n }, "rows", (long)*at + 1, err);
	memset(t->matched, 0, sizeof(t->matched));
	t->n_extra = 0;
	buf_clear(&t->got);
	if (rc == 0 && (rc = evaluate_until(e, time, err)) == 0)
		rc = evaluate_each(e, compare, t, err);
	buf_printf(&line, "%.*s at %.*s: %.*s", STR_FMT(name), STR_FMT(when), t->alert.n ? (int)t->alert.n : 3, t->alert.n ? t->alert.p : "all");
	for (it = json_iter(t->want); json_next(&it) && n < 256; n++)
		ok &= t->matched[n];
	ok &= t->n_extra == 0;
	if (!ok) {
		n = 0;
		for (it = json_iter(t->want); json_next(&it) && n < 256; n++) {
			buf_printf(&line, "\n    expected%s ", t->matched[n] ? "" : "!");
			buf_str(&line, json_raw(it.value));
		}
		if (!n)
			buf_lit(&line, "\n    expected nothing");
		buf_str(&line, t->got.n ? buf_get(&t->got) : STR("\n    got      nothing"));
	}
	t->failed += !ok;
	t->checks++;
	if (rc == 0)
		t->say(t->self, ok, buf_get(&line));
	buf_release(&time_text);
	buf_release(&alert);
	buf_release(&line);
	return rc;
}

/* The checks in order of time, whatever order they stand in, would be kinder; promtool wants them so too: each file of rows is played once. */
static int
run_test(struct trial *t, int number, struct err *err)
{
	struct buf scratch = { 0 };
	struct json name = json_get(t->test, STR("name"));
	struct str called = json_text(name, &scratch);
	struct evaluate *e = evaluate_new(&(struct evaluate_spec){ .rules = t->rules, .alert = ignore, .no_clock = 1 }, err);
	struct json_iter it;
	char text[32];
	size_t at = 0;
	int rc = e ? read_input(t, err) : err->code, n = 0;

	snprintf(text, sizeof(text), "test %d", number);
	called = called.n ? called : str_of(text);
	for (it = json_iter(json_get(t->test, STR("alert_rule_test"))); rc == 0 && json_next(&it); n++)
		if ((rc = check(t, e, it.value, called, &at, err)))
			err_at(err, "alert_rule_test[%d]", n);
	if (rc)
		err_at(err, "tests[%d]", number);
	evaluate_free(e);
	free(t->row);
	t->row = NULL;
	t->n = t->cap = 0;
	buf_clear(&t->rows);
	buf_release(&scratch);
	return rc;
}

static int
read_rules(struct trial *t, struct json v, struct err *err)
{
	struct json files = json_get(v, STR("rule_files")), rules = json_get(v, STR("rules"));
	struct buf path = { 0 }, name = { 0 };
	struct json_iter it;
	int rc = 0;

	for (it = json_iter(files); rc == 0 && json_next(&it); ) {
		struct str file = json_text(it.value, &name);

		buf_clear(&path);
		buf_lit(&path, file.n && file.p[0] == '/' ? "" : t->folder);
		buf_str(&path, file);
		rc = rules_add_file(t->rules, buf_text(&path), err);
	}
	if (rc == 0 && rules.type)
		rc = rules_add_all(t->rules, rules, err);
	if (rc == 0 && !t->rules->n)
		rc = err_set(err, ERR_INPUT, "rule_files: names no file with rules");
	buf_release(&path);
	buf_release(&name);
	return rc;
}

int
ruletest_run(const char *path, void (*say)(void *, int, struct str), void *self, struct err *err)
{
	const char *slash = strrchr(path, '/');
	char *folder = mem_dup(path, slash ? (size_t)(slash + 1 - path) : 0);
	struct trial t = { .folder = folder, .rules = rules_new(0), .say = say, .self = self };
	struct buf text = { 0 };
	struct json_iter it;
	struct json v;
	int n = 0, rc = config_read(path, &text, err);

	v = json_value(buf_get(&text));
	if (rc == 0 && (rc = read_rules(&t, v, err)) == 0)
		for (it = json_iter(json_get(v, STR("tests"))); rc == 0 && json_next(&it); n++) {
			t.test = it.value;
			rc = run_test(&t, n, err);
		}
	if (rc == 0 && !t.checks)
		rc = err_set(err, ERR_INPUT, "tests: has no alert_rule_test");
	if (rc && rc != ERR_USAGE && rc != ERR_IO)
		err_at(err, "%s", path), rc = err->code = ERR_USAGE;
	rules_free(t.rules);
	buf_release(&text);
	buf_release(&t.rows);
	buf_release(&t.made);
	buf_release(&t.got);
	free(folder);
	return rc ? rc : t.failed;
}
