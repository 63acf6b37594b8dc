/* Answers kept for the same question: the same rows again, never those of another version, never more than there is room for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "query/cache.h"
#include "store/admin.h"
#include "folder.h"

static int
print_columns(void *self, const struct str *names, int n, struct err *err)
{
	(void)err;
	for (int i = 0; i < n; i++)
		buf_printf(self, "[%.*s]", (int)names[i].n, names[i].p);
	return 0;
}

static int
print_row(void *self, const struct cell *c, int n, struct err *err)
{
	(void)err;
	for (int i = 0; i < n; i++) {
		buf_printf(self, "|%d:", c[i].type);
		cell_put_json(self, &c[i]);
	}
	buf_byte(self, '\n');
	return 0;
}

static int
refuse(void *self, const struct cell *c, int n, struct err *err)
{
	(void)self, (void)c, (void)n;
	return err_set(err, ERR_IO, "full");
}

/* Ask once the long way: `rows` rows that say `word`. */
static void
ask(struct cache *c, struct str question, uint64_t version, const char *word, int rows, struct buf *out)
{
	const struct query_sink to = { print_columns, print_row, out }, *through = cache_listen(c, &to);
	const struct str names[] = { STR("a"), STR("b"), STR(""), STR("a") };
	struct err err = { 0 };

	assert_int_equal(through->columns(through->self, names, 4, &err), 0);
	for (int i = 0; i < rows; i++)
		assert_int_equal(through->row(through->self, (struct cell[]){ cell_integer(i ? INT64_MIN : INT64_MAX), cell_real(-0.1 * i),
		    cell_null(), cell_text(str_of(word)) }, 4, &err), 0);
	cache_keep(c, question, version);
}

static void
the_same_question_of_the_same_version_has_the_same_answer(void **state)
{
	struct cache *c = cache_new();
	struct buf first = { 0 }, again = { 0 };
	const struct query_sink to = { print_columns, print_row, &again };
	struct err err = { 0 };

	(void)state;
	assert_int_equal(cache_answer(c, STR("q"), 7, &to, &err), 0);
	ask(c, STR("q"), 7, "süß\n", 3, &first);
	assert_int_equal(cache_answer(c, STR("q2"), 7, &to, &err), 0);
	assert_int_equal(cache_answer(c, STR("q"), 7, &to, &err), 1);
	assert_true(again.n > 0 && str_eq(buf_get(&first), buf_get(&again)));
	assert_int_equal(cache_answer(c, STR("q"), 7, &(struct query_sink){ NULL, refuse, NULL }, &err), ERR_IO);
	assert_int_equal(cache_answer(c, STR("q"), 8, &to, &err), 0);          /* something was committed */
	assert_int_equal(cache_answer(c, STR("q"), 7, &to, &err), 0);          /* and the old one is gone for good */
	cache_free(c);
	buf_release(&first), buf_release(&again);
}

static void
an_answer_without_rows_is_one_and_a_forgotten_one_is_none(void **state)
{
	struct cache *c = cache_new();
	struct buf out = { 0 };
	const struct query_sink to = { print_columns, print_row, &out };
	struct err err = { 0 };

	(void)state;
	ask(c, STR("none"), 1, "", 0, &out);
	buf_clear(&out);
	assert_int_equal(cache_answer(c, STR("none"), 1, &to, &err), 1);
	assert_true(str_eq(buf_get(&out), STR("[a][b][][a]")));
	cache_listen(c, &to);
	cache_forget(c);
	cache_keep(c, STR("nothing was heard"), 1);
	assert_int_equal(cache_answer(c, STR("nothing was heard"), 1, &to, &err), 0);
	cache_free(c);
	buf_release(&out);
}

static void
the_least_recently_used_goes_first_and_a_huge_one_is_not_kept(void **state)
{
	struct cache *c = cache_new();
	struct buf out = { 0 };
	const struct query_sink to = { print_columns, print_row, &out };
	char *word = calloc(1, 1 << 20), question[20];
	struct err err = { 0 };

	(void)state;
	memset(word, 'x', (1 << 20) - 1);
	for (int i = 0; i < 100; i++) {
		ask(c, (struct str){ question, (size_t)sprintf(question, "q%d", i) }, 1, word, 1, &out);
		assert_int_equal(cache_answer(c, STR("q0"), 1, &to, &err), 1);         /* used again and again */
		buf_clear(&out);
	}
	assert_int_equal(cache_answer(c, STR("q99"), 1, &to, &err), 1);
	assert_int_equal(cache_answer(c, STR("q1"), 1, &to, &err), 0);
	for (int i = 0; i < 5000; i++)          /* many questions with short answers, whose places are used again */
		ask(c, (struct str){ question, (size_t)sprintf(question, "q%d", i) }, 2, i % 100 ? "y" : word, 1, &out);
	assert_int_equal(cache_answer(c, STR("q4999"), 2, &to, &err), 1);
	ask(c, STR("huge"), 1, word, 6, &out);
	assert_int_equal(cache_answer(c, STR("huge"), 1, &to, &err), 0);
	cache_free(c);
	buf_release(&out);
	free(word);
}

/* Another process stores an event. */
static void
store_one(void)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		struct err err = { 0 };
		struct store *store = store_open(dir, "default", STORE_CREATE, &err);
		struct event ev = { .name = STR("e"), .time = 1700000000000, .received = 1700000000000, .properties = STR("{\"a\":1}") };

		_exit(store && store_begin(store, &err) == 0 && store_add(store, &ev, &err) == 0 && store_commit(store, &err) == 0 ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* The answer and, behind it, whether rows were read for it. */
static const char *
run(struct query *q, const char *sql)
{
	static struct buf out;
	const struct query_sink to = { NULL, print_row, &out };
	struct err err = { 0 };
	size_t at = 0;

	buf_clear(&out);
	if (query_run(q, str_of(sql), &at, NULL, 0, &to, &err) != 1)
		fail_msg("%s: %s", sql, err.text);
	assert_int_equal(at, strlen(sql));
	buf_lit(&out, query_read(q) ? "read" : "kept");
	return buf_text(&out);
}

static void
a_kept_answer_is_never_stale(void **state)
{
	struct query_spec spec = { .tenant = "default", .keep_answers = 1 };
	struct err err = { 0 };
	struct query *q;

	(void)state;
	store_one();
	spec.store = dir;
	assert_non_null(q = query_open(&spec, &err));
	assert_non_null(query_store(q, &err));
	assert_string_equal(run(q, "SELECT count(a) FROM events"), "|1:1\nread");
	assert_string_equal(run(q, "SELECT count(a) FROM events"), "|1:1\nkept");
	store_one();
	assert_string_equal(run(q, "SELECT count(a) FROM events"), "|1:2\nread");
	assert_string_equal(run(q, "SELECT count(a) FROM events"), "|1:2\nkept");
	for (int i = 0; i < 2; i++) {           /* the clock goes on, random numbers are others each time */
		assert_string_equal(run(q, "SELECT count(a) FROM events WHERE timestamp < NOW()"), "|1:2\nread");
		assert_string_equal(run(q, "SELECT count(a) FROM events WHERE timestamp < strftime('%Y', 'now')"), "|1:2\nread");
		assert_string_equal(run(q, "SELECT count(a) FROM events WHERE random() IS NOT NULL"), "|1:2\nread");
		assert_string_equal(run(q, "SELECT count(a) FROM events WHERE uuid() > '!'"), "|1:2\nread");
		assert_string_equal(run(q, "SELECT count(*) FROM events WHERE datetime('now', a || ' seconds') > '2000'"), "|1:2\nread");
		assert_string_equal(run(q, "SELECT max(NOW() > a || '') FROM events"), "|1:1\nread");
	}
	query_close(q);
}

static void
all_statements_end_by_what_they_have_together(void **state)
{
	struct query_spec spec = { .tenant = "default", .store = dir };
	const char *sql = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT 100000) SELECT max(x) FROM c";
	struct buf out = { 0 };
	const struct query_sink sink = { print_columns, print_row, &out };
	struct err err = { 0 };
	struct query *q;
	size_t at = 0;

	(void)state;
	store_one();
	assert_non_null(q = query_open(&spec, &err));
	query_set_until(q, 1);
	assert_true(query_run(q, str_of(sql), &at, NULL, 0, &sink, &err) < 0);
	assert_int_equal(err.code, ERR_CANCEL);
	err_clear(&err);
	query_set_until(q, 0);
	at = 0;
	assert_int_equal(query_run(q, str_of(sql), &at, NULL, 0, &sink, &err), 1);
	query_close(q);
	buf_release(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_question_of_the_same_version_has_the_same_answer),
		cmocka_unit_test(an_answer_without_rows_is_one_and_a_forgotten_one_is_none),
		cmocka_unit_test(the_least_recently_used_goes_first_and_a_huge_one_is_not_kept),
		cmocka_unit_test_setup_teardown(a_kept_answer_is_never_stale, folder_set_up, folder_tear_down),
		cmocka_unit_test_setup_teardown(all_statements_end_by_what_they_have_together, folder_set_up, folder_tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
