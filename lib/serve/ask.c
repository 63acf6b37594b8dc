/* ask.c - POST /api/v1/ask: a question in plain English, answered under the caller's rights. */
#include "insight/ask.h"
#include "serve/serve_priv.h"

/* What the room below says of commands, in words of the API. */
static void
reword(struct buf *text)
{
	static const struct { const char *from, *to; } words[] = { { "at-query schema lists them", "GET /api/v1/schema lists them" },
		{ "at-insight explain METRIC", "POST /api/v1/insights" }, { "at-insight forecast METRIC", "GET /api/v1/forecast" } };
	struct buf said = { 0 };

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		const char *at = text->n ? memmem(text->p, text->n, words[i].from, strlen(words[i].from)) : NULL;

		if (!at)
			continue;
		buf_clear(&said);
		buf_add(&said, text->p, (size_t)(at - text->p));
		buf_lit(&said, words[i].to);
		at += strlen(words[i].from);
		buf_add(&said, at, (size_t)(text->p + text->n - at));
		buf_clear(text);
		buf_str(text, buf_get(&said));
	}
	buf_release(&said);
}

static void
answer(struct exchange *ex)
{
	struct str question = exchange_text(ex, json_get(ex->body, STR("question")));
	struct ask_answer a = { 0 };
	struct buf json = { 0 };
	struct err err = { 0 };
	struct ask *ask = exchange_ask(ex);

	if (!ask)
		return;
	if (ask_answer(ask, question, &a, &err) == 0) {
		if (a.refused)
			reword(&a.text);
		ask_put_json(&json, question, &a);
		exchange_json(ex, 200, &json);
	} else {
		exchange_error(ex, &err);
	}
	ask_answer_release(&a);
	buf_release(&json);
}

const struct route route_ask[] = {
	{ "POST", "/api/v1/ask", "A question in plain English: its SQL, rows and a sentence, or why it cannot be told.", AUTH_READ,
	    "insights", NULL, "Ask", "Answer", 200, ROUTE_POOL, 65536, answer },
	{ 0 }
};
