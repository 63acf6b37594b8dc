/* actions.c - recommend without a user or item: what to do next, and what came of what was recommended before. */
#include "base/cmd.h"
#include "base/out.h"
#include "base/time.h"
#include "insight/action.h"
#include "insight/changes.h"
#include "json/json.h"
#include "store/store.h"

#include "at-insight.h"

#define DAY 86400000LL

struct measuring { struct query *query; const struct config *config; };

static int
measure(void *self, const char *rule, struct str key, int64_t from, int64_t to, double *value, double *of, struct err *err)
{
	struct measuring *m = self;

	return changes_measure(m->query, m->config, rule, key, from, to, value, of, err);
}

/* The rows, and in prose the sentence with what is to be expected and how it is looked at. */
static void
put(struct json row)
{
	struct buf *b = &out_stdout()->buf, scratch = {0};
	struct json evidence = json_get(row, STR("evidence"));

	if (put_rows()) {
		buf_str(b, json_raw(row));
		buf_byte(b, '\n');
	} else {
		buf_str(b, json_text(json_get(row, STR("insight")), &scratch));
		buf_lit(b, ".");
		if (json_is(json_get(evidence, STR("expected")), JSON_STRING)) {
			buf_lit(b, " Expect: ");
			buf_str(b, json_text(json_get(evidence, STR("expected")), &scratch));
			buf_lit(b, ". Check in a week: ");
			buf_str(b, json_text(json_get(evidence, STR("check")), &scratch));
		}
		buf_byte(b, '\n');
	}
	out_row(out_stdout());
	buf_release(&scratch);
}

/* Keep what is recommended, and that what was due has been looked at. */
static int
keep(struct store *store, struct json list, struct str outcomes, struct err *err)
{
	struct str rest = outcomes, line;
	struct json_iter it;
	int rc = store_begin(store, err);

	while (rc == 0 && rest.n && str_cut(&rest, '\n', &line))
		rc = action_done(store, line, err);
	for (it = json_iter(list); rc == 0 && json_next(&it); )
		rc = action_keep(store, json_raw(it.value), err);
	return rc ? rc : store_commit(store, err);
}

int
actions(struct query *query, const struct config *config, struct err *err)
{
	struct measuring measuring = { query, config };
	const struct changes_spec spec = { .from = time_now() - 7 * DAY, .to = time_now(), .recommend = 1, .config = config };
	struct buf answer = {0}, outcomes = {0};
	struct store *store = want.save ? store_open(cmd_settings()->store, cmd_settings()->tenant, STORE_CREATE, err) : NULL;
	struct str rest, line;
	struct json list;
	struct json_iter it;
	int n = 0, rc = want.save && !store ? err->code : 0;

	if (rc == 0)
		rc = changes_run(query, &spec, &answer, err);
	if (rc == 0)
		rc = action_outcomes(store ? store : query_store(query, err), time_now(), measure, &measuring, &outcomes, err);
	if (rc == 0) {
		list = json_get(json_value(buf_get(&answer)), STR("recommendations"));
		for (rest = buf_get(&outcomes); rest.n && str_cut(&rest, '\n', &line) && line.n; n++)
			put(json_value(line));
		for (it = json_iter(list); json_next(&it); n++)
			put(it.value);
		if (n == 0 && !put_rows())
			buf_lit(&out_stdout()->buf, "Nothing to recommend.\n");
		if (store)
			rc = keep(store, list, buf_get(&outcomes), err);
	}
	store_close(store);
	buf_release(&answer);
	buf_release(&outcomes);
	return rc;
}
