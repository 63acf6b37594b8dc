/* Any bytes as a question over a small shop: a refusal with a reason, or one statement that only selects, whose quotes and brackets close
 * and whose texts are those of the vocabulary or of the question. */
#include <stdlib.h>

#include "base/mem.h"
#include "insight/ask_priv.h"
#include "query/token.h"

static struct ask *
shop(void)
{
	static const char *const events[] = { "page_view", "signup", "login", "search", "add_to_cart", "checkout", "purchase", "video played", "ticket_opened", "report_opened",
	    "invoice_paid", "report_cancelled", "lesson_started", "lesson_completed", "registered" };
	static const char *const fields[] = { "country", "page", "source", "device", "plan", "revenue", "duration_ms", "battery_pct", "total", "is_passed", "language" };
	static const struct { int field; const char *value; } values[] = { { 0, "DE" }, { 0, "US" }, { 0, "IN" }, { 1, "/" },
	    { 1, "/pricing" }, { 1, "/product/1" }, { 1, "/product/2" },
		{ 1, "/about" }, { 2, "google" }, { 2, "o'brien; DROP" }, { 3, "mobile" }, { 3, "desktop" }, { 4, "last week" }, { 4, "monthly" }, { 10, "de" } };
	struct ask *ask = mem_new(sizeof(*ask));

	ask->arena = arena_new(0);
	for (int i = 0; i < 15; i++)
		ask->event[ask->n_events++] = (struct ask_event){ str_of(events[i]), 10 };
	for (int i = 0; i < 11; i++)
		ask->field[ask->n_fields++] = (struct ask_field){ .name = str_of(fields[i]), .sql = str_of(fields[i]), .number = i >= 5 && i < 9, .flag = i == 9,
		    .events = i == 5 ? 64 : i == 6 ? 1 : 0x7fff };
	ask_teach_names(ask);
	for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++)
		ask_teach_value(ask, values[i].field, str_of(values[i].value), 1);
	ask->metric[ask->n_metrics++] = (struct ask_metric){ .name = STR("mrr"), .m = { .of = ASK_OF_FIELD, .field = 5, .agg = ASK_SUM, .events = 1024, .called = STR("mrr") } };
	ask_teach_metric(ask, 0);
	ask_teach_parts(ask);
	ask->id_prefix = STR("acc");
	return ask;
}

static void
check_sql(struct str sql)
{
	struct token t;
	struct err err = { 0 };
	size_t at = 0;
	int depth = 0, n = 0, got;

	while ((got = token_next(sql, &at, &t, &err)) == 1) {
		if (n++ == 0 && !token_is(&t, "SELECT") && !token_is(&t, "WITH"))
			abort();
		if (t.kind == TOKEN_OPERATOR && token_is(&t, ";"))
			abort();
		if (t.kind == TOKEN_OPERATOR)
			depth += token_is(&t, "(") - token_is(&t, ")");
		if (depth < 0 || t.kind == TOKEN_PARAM)
			abort();
	}
	if (got < 0 || depth || !n)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct ask *ask;
	static struct ask_word words[ASK_WORDS];
	static struct ask_item items[ASK_WORDS + ASK_LIST];
	static struct ask_reading reading;
	struct str question = { (const char *)data, size };
	struct buf why = { 0 }, sql = { 0 }, understood = { 0 };
	struct arena *arena = arena_new(0);
	int n;

	if (!ask)
		ask = shop();
	if (size <= ASK_QUESTION_MOST && str_utf8_fault(question) < 0 && (n = ask_words(arena, question, words, ASK_WORDS)) > 0) {
		n = ask_items(ask, words, n, 1795000000000, NULL, items);
		if (ask_read(ask, items, n, 1795000000000, NULL, &reading, &why)) {
			ask_sql(ask, &reading, 1795000000000, &sql);
			ask_understood(ask, &reading, &understood);
			check_sql(buf_get(&sql));
			if (str_utf8_fault(buf_get(&understood)) >= 0)
				abort();
		} else if (!why.n || str_utf8_fault(buf_get(&why)) >= 0) {
			abort();
		}
	}
	buf_release(&why);
	buf_release(&sql);
	buf_release(&understood);
	arena_free(arena);
	return 0;
}
