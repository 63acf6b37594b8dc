/* ask.c - POST /api/v1/ask: a question in plain English, answered under the caller's rights. */
#include "insight/ask.h"
#include "serve/serve_priv.h"

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
	ex->asked = question;
	ex->asked_in_words = 1;
	if (ask_answer(ask, question, &a, &err) == 0) {
		if (a.refused)
			serve_reword(&a.text);
		ex->rows = a.rows.n_rows;
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
	    "insights", NULL, "Ask", "Answer", 200, ROUTE_POOL, 65536, answer, .reads = 1 },
	{ 0 }
};
