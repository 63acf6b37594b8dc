/* backtest.c - at-detect -r --backtest: the same rules over history, and what they would have done. */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "alert/backtest.h"
#include "alert/stored.h"
#include "base/cmd.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/time.h"
#include "event/rows.h"

#include "at-detect.h"

#define MINUTE 60000

struct replay {
	const struct rules_wish *wish;
	struct rules *rules;
	struct evaluate *evaluate;
	struct backtest *backtest;
	struct store *store;
	struct query *query;
	int64_t *next;                  /* when a rule that is asked is asked again */
	int *asked;
	int n_asked;
	struct rows rows;
	int64_t first;
	long n;
};

static int
on_alert(void *self, const struct evaluate_alert *alert, struct err *err)
{
	struct replay *r = self;

	(void)err;
	if (r->wish->all) {
		buf_str(&out_stdout()->buf, alert->json);
		buf_byte(&out_stdout()->buf, '\n');
		out_row(out_stdout());
	}
	if (r->wish->tell && alert->state == EVALUATE_FIRING)
		cmd_found();
	backtest_alert(r->backtest, alert);
	return 0;
}

static int
on_row(void *self, struct str row, struct err *err)
{
	struct replay *r = self;
	int rc = evaluate_row(r->evaluate, row, r->rows.file, r->rows.line, err);

	r->n++;
	if (r->first == TIME_NONE)
		r->first = evaluate_time(r->evaluate);
	return rc;
}

static int
on_label(void *self, struct str row, struct err *err)
{
	struct replay *r = self;

	return backtest_label(r->backtest, row, err);
}

/* Rules that are asked, at each of their steps up to that time, as if it were then. */
static int
ask_until(struct replay *r, int64_t time, struct err *err)
{
	int rc = 0;

	for (int i = 0; i < r->rules->n && rc == 0; i++)
		for (; r->asked[i] && r->next[i] <= time && rc == 0 && !cmd_stopping(); r->next[i] += r->rules->rule[i].every_ms) {
			time_set_now(r->next[i]);
			rc = stored_ask(r->evaluate, r->rules, i, r->query, r->next[i], err);
		}
	return rc;
}

static int
on_sample(void *self, int64_t time, struct str row, struct err *err)
{
	struct replay *r = self;
	int rc = r->n_asked ? ask_until(r, time, err) : 0;

	r->n++;
	return rc ? rc : cmd_stopping() ? ERR_CANCEL : evaluate_row(r->evaluate, row, "store", r->n, err);
}

static int
play_events(struct replay *r, int64_t from, int64_t to, struct err *err)
{
	struct store_scan *scan = store_scan_open(r->store, &(struct store_range){ .from = from, .to = to, .by_time = 1 }, err);
	struct buf row = { 0 };
	struct event e;
	int rc = scan ? 0 : err->code;

	while (scan && !cmd_stopping() && (rc = store_scan_next(scan, &e, err)) > 0) {
		buf_clear(&row);
		event_put(&row, &e);
		r->n++;
		if ((rc = evaluate_row(r->evaluate, buf_get(&row), "store", r->n, err)))
			break;
	}
	store_scan_close(scan);
	buf_release(&row);
	return rc < 0 ? rc : 0;
}

/* What is asked is asked from the beginning of the range, in whole steps. */
static int
play_store(struct replay *r, const char *range, int64_t *from, int64_t *to, struct err *err)
{
	struct str text = str_of(range);
	const char *dots = range ? strstr(range, "..") : NULL;
	int patterns = 0, rows = 0, rc;
	int64_t first, last;

	if ((rc = stored_range(r->store, &first, &last, err)) <= 0)
		return rc < 0 ? rc : err_set(err, ERR_USAGE, "--backtest: neither rows on stdin nor a FILE, and the store is empty");
	*from = first, *to = last + 1;
	if (dots && ((dots > range && time_parse((struct str){ range, (size_t)(dots - range) }, cmd_settings()->zone, from, err)) ||
	    (dots[2] && time_parse(str_of(dots + 2), cmd_settings()->zone, to, err))))
		return err_at(err, "--backtest");
	if (!dots && text.n && time_parse(text, cmd_settings()->zone, from, err))
		return err_at(err, "--backtest");
	if (*to <= *from)
		return err_set(err, ERR_USAGE, "--backtest: the range ends before it begins");
	for (int i = 0; i < r->rules->n; i++) {
		const struct rule *rule = &r->rules->rule[i];

		if ((r->asked[i] = stored_is_asked(rule, r->store, err)) < 0)
			return r->asked[i];
		r->next[i] = (*from / rule->every_ms + 1) * rule->every_ms;
		r->n_asked += r->asked[i];
		patterns |= rule->kind == RULES_PATTERN;
		rows |= !r->asked[i] && rule->kind != RULES_PATTERN;
	}
	if (rows)
		rc = stored_samples(r->store, *from, *to, on_sample, r, err);
	else
		rc = 0;
	if (rc == 0 && patterns)
		rc = play_events(r, *from, *to, err);
	return rc == 0 ? ask_until(r, *to, err) : rc == ERR_CANCEL && cmd_stopping() ? 0 : rc;
}

static void
put_row(void *self, struct str row)
{
	(void)self;
	buf_str(&out_stdout()->buf, row);
	buf_byte(&out_stdout()->buf, '\n');
}

static int
read_labels(struct replay *r, struct err *err)
{
	char *files[2] = { (char *)r->wish->labels, NULL };
	struct rows rows = { .row = on_label, .self = r };
	int rc = r->wish->labels ? rows_read(&rows, files, err) : 0;

	if (rows.rejects.count && rc == 0)
		rc = err_set(err, ERR_USAGE, "--labels: %ld rows are no incidents, {\"from\":TIME,\"to\":TIME} is one", rows.rejects.count);
	reject_close(&rows.rejects);
	return rc;
}

void
backtest(const struct rules_wish *wish, struct rules *rules, const struct config *config, char **files, struct err *err)
{
	struct replay r = { .wish = wish, .rules = rules, .rows = { .row = on_row, .self = &r }, .first = TIME_NONE };
	int64_t from = TIME_NONE, to;
	int rc = 0;

	if (*wish->range && *files) {
		err_set(err, ERR_USAGE, "--backtest: a range is of the store, rows of a FILE are taken whole: leave out '%s' or %s", wish->range, *files);
		return;
	}
	r.next = mem_new((size_t)rules->n * sizeof(*r.next));
	r.asked = mem_new((size_t)rules->n * sizeof(*r.asked));
	r.backtest = backtest_new(rules);
	r.evaluate = evaluate_new(&(struct evaluate_spec){ .rules = rules, .alert = on_alert, .self = &r, .zone = cmd_settings()->zone, .late_ms = wish->late_ms, .no_clock = 1 }, err);
	if (!r.evaluate || read_labels(&r, err))
		goto out;
	if (!*wish->range && (*files || !isatty(0)))
		rc = rows_read(&r.rows, files, err);
	from = r.first, to = evaluate_time(r.evaluate);
	if (rc == 0 && r.n == 0 && !*files && (r.store = store_open(cmd_settings()->store, cmd_settings()->tenant, STORE_READ, err)) &&
	    (r.query = query_open(&(struct query_spec){ .store = cmd_settings()->store, .tenant = cmd_settings()->tenant, .opened = r.store, .config = config, .zone = cmd_settings()->zone }, err)))
		rc = play_store(&r, wish->range, &from, &to, err);
	if (rc == 0 && !err->code && evaluate_finish(r.evaluate, err) == 0)
		backtest_report(r.backtest, from, to, put_row, NULL);
out:
	reject_close(&r.rows.rejects);
	query_close(r.query);
	store_close(r.store);
	evaluate_free(r.evaluate);
	backtest_free(r.backtest);
	free(r.next);
	free(r.asked);
}
