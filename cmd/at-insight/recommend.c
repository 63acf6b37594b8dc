/* recommend.c - the verb recommend: items for a user, items beside an item; without either, what to do next. */
#include <stdlib.h>
#include <string.h>

#include "base/cmd.h"
#include "base/mem.h"
#include "base/out.h"
#include "base/time.h"
#include "config/config.h"
#include "event/rows.h"
#include "insight/recommend.h"
#include "insight/taken.h"
#include "insight/words.h"

#include "at-insight.h"

#define TOP_USUAL 10
#define TOP_MOST  1000
#define DAY       86400000LL

struct give { struct recommend *from; struct recommended *to; struct str field; int top, is_item, any; };

static void
put_sentence(const struct give *g, struct str whom, const struct recommended *r, struct buf *b)
{
	words_text(b, r->item);
	if (g->is_item) {
		buf_lit(b, " goes with ");
		words_text(b, whom);
	} else if (r->cold) {
		buf_lit(b, " is what most users take");
	} else if (r->because.p) {
		buf_lit(b, " goes with ");
		words_text(b, r->because);
	} else {
		buf_lit(b, " is what users like this one take");
	}
	buf_lit(b, " (");
	words_count(b, (double)r->users, "user", "users");
	buf_lit(b, " took it)");
}

static void
put_row(const struct give *g, struct str whom, const struct recommended *r, struct buf *b)
{
	struct buf text = {0};

	put_sentence(g, whom, r, &text);
	buf_lit(b, "{\"insight\":");
	json_put_string(b, buf_get(&text));
	buf_lit(b, ",\"kind\":\"recommendation\",\"score\":");
	json_put_double(b, (double)(int64_t)(r->score * 1e6 + 0.5) / 1e6);
	buf_lit(b, ",\"metric\":\"recommended\",\"labels\":{");
	json_put_key(b, g->is_item ? STR("beside") : STR("user_id"));
	json_put_string(b, whom);
	buf_byte(b, ',');
	json_put_key(b, g->field);
	json_put_string(b, r->item);
	buf_lit(b, "},\"timestamp\":");
	json_put_time(b, time_now());
	buf_printf(b, ",\"evidence\":{\"method\":\"%s\",\"users\":%lld", g->is_item ? "neighbours" : r->cold ? "popularity" : "neighbours and factors", (long long)r->users);
	if (r->because.p && !g->is_item) {
		buf_lit(b, ",\"because\":");
		json_put_string(b, r->because);
	}
	buf_lit(b, "}}\n");
	buf_release(&text);
}

static void
give(struct give *g, struct str whom)
{
	struct buf *b = &out_stdout()->buf;
	int n = g->is_item ? recommend_item(g->from, whom, g->top, g->to) : recommend_user(g->from, whom, g->top, g->to);

	for (int i = 0; i < n; i++) {
		if (put_rows()) {
			put_row(g, whom, &g->to[i], b);
		} else {
			put_sentence(g, whom, &g->to[i], b);
			buf_lit(b, ".\n");
		}
		out_row(out_stdout());
	}
	if (n == 0 && !put_rows())
		buf_lit(b, g->is_item ? "Nothing goes with it.\n" : "Nothing to recommend.\n");
	g->any |= n > 0;
}

static int
give_line(void *self, struct str row, struct err *err)
{
	(void)err;
	give(self, str_trim(row));
	return 0;
}

static int
items(struct query *query, struct err *err)
{
	const char *whom = want.item ? want.item : want.user;
	struct buf field = {0};
	struct give g = { .from = recommend_new(), .top = want.top ? (int)want.top : TOP_USUAL, .is_item = want.item != NULL };
	struct rows rows = { .row = give_line, .self = &g };
	int64_t range = 90 * DAY;
	int rc = 0;

	if (want.top != 0 && (want.top < 1 || want.top > TOP_MOST))
		rc = err_set(err, ERR_USAGE, "--top: wants a number from 1 to %d", TOP_MOST);
	if (rc == 0 && want.range && dur_parse(str_of(want.range), &range, err))
		rc = err_at(err, "--range");
	if (rc == 0)
		rc = taken_field(query, str_of(want.by), &field, err);
	if (rc == 0)
		rc = taken_add(query, buf_get(&field), time_now() - range, time_now() + 1, g.from, err);
	if (rc == 0) {
		g.field = buf_get(&field);
		g.to = mem_new((size_t)(g.top + 1) * sizeof(*g.to));
		recommend_learn(g.from, !g.is_item);
		if (strcmp(whom, "-") == 0) {
			rc = rows_read(&rows, (char *[]){ "-", NULL }, err);
			reject_close(&rows.rejects);
		} else if (g.is_item && !recommend_knows_item(g.from, str_of(whom))) {
			rc = err_set(err, ERR_IO, "--item: nobody took '%.80s' in this time", whom);
		} else {
			give(&g, str_of(whom));
		}
	}
	recommend_free(g.from);
	free(g.to);
	buf_release(&field);
	return rc;
}

int
recommend(char **words, int n, struct err *err)
{
	const struct cmd_settings *settings = cmd_settings();
	struct config *config = config_open(settings->config, err);
	struct query_spec spec = { .store = settings->store, .tenant = settings->tenant, .config = config, .zone = settings->zone, .stopping = cmd_stopping };
	struct query *query = NULL;
	int rc = config ? 0 : err->code;

	if (rc == 0 && n)
		rc = err_set(err, ERR_USAGE, "recommend: '%s' is too much, --user %s or --item %s is meant", words[0], words[0], words[0]);
	if (rc == 0 && want.format && !put_rows() && strcmp(want.format, "text"))
		rc = err_set(err, ERR_USAGE, "--format: '%s' is no form of this, text and ndjson are", want.format);
	if (rc == 0 && !want.user && !want.item && (want.by || want.range || want.top))       /* what to do next has none of these */
		rc = err_set(err, ERR_USAGE, "recommend: --%s goes with --user or --item", want.by ? "by" : want.range ? "range" : "top");
	if (rc == 0 && want.save && (want.user || want.item))
		rc = err_set(err, ERR_USAGE, "recommend: --save keeps what to do next, items for a user are not stored");
	if (rc == 0 && want.user && want.item)
		rc = err_set(err, ERR_USAGE, "recommend: --user or --item, not both");
	if (rc == 0)
		rc = (query = query_open(&spec, err)) ? (want.user || want.item ? items(query, err) : actions(query, config, err)) : err->code;
	query_close(query);
	config_close(config);
	return rc;
}
