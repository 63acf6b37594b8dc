/* rules.c - at-detect -r: rows in, alerts out, what is known kept under --state. */
#include <stdlib.h>

#include "alert/evaluate.h"
#include "base/cmd.h"
#include "base/mem.h"
#include "base/time.h"
#include "event/rows.h"

#include "at-detect.h"

#define COMMIT_MS   200                 /* a change waits for the store no longer while rows come */
#define COMMIT_MOST 10000               /* nor more of them */

struct run {
	const struct rules_wish *wish;
	struct rules *rules;
	struct evaluate *evaluate;
	struct store *store;            /* NULL: nothing is kept */
	struct rows rows;
	struct buf unsaved;             /* alert rows, a line each, that wait for the store */
	long changes;                   /* since the last commit */
	int64_t changed;                /* mono ms of the first of them */
	long firings;
};

static int
on_alert(void *self, const struct evaluate_alert *alert, struct err *err)
{
	struct run *run = self;
	struct out *out = out_stdout();

	(void)err;
	buf_str(&out->buf, alert->json);
	buf_byte(&out->buf, '\n');
	out_row(out);
	run->firings += alert->state == EVALUATE_FIRING;
	if (!run->store)
		return 0;
	if (run->wish->save) {
		buf_printf(&run->unsaved, "%lld ", (long long)alert->time);
		buf_str(&run->unsaved, alert->json);
		buf_byte(&run->unsaved, '\n');
	}
	if (!run->changes++)
		run->changed = time_mono_ns() / 1000000;
	return 0;
}

static int
save_rows(struct run *run, struct err *err)
{
	struct str rest = buf_get(&run->unsaved), line, time;
	int64_t ms;
	int rc = 0;

	while (rc == 0 && rest.n && str_cut(&rest, '\n', &line) && str_cut(&line, ' ', &time) && str_int64(time, &ms) == 0)
		rc = store_add_row(run->store, "alert", ms, line, err);
	return rc;
}

/* What changed and what was made of it, in one transaction. */
static int
commit(struct run *run, struct err *err)
{
	int rc;

	if (!run->store || (rc = store_begin(run->store, err)))
		return run->store ? err->code : 0;
	if ((rc = save_rows(run, err)) == 0 && run->wish->state)
		rc = evaluate_save(run->evaluate, run->store, run->wish->state, err);
	if (rc) {
		store_abort(run->store);
		return rc;
	}
	buf_clear(&run->unsaved);
	run->changes = 0;
	return store_commit(run->store, err);
}

static int
on_row(void *self, struct str row, struct err *err)
{
	struct run *run = self;
	int rc = evaluate_row(run->evaluate, row, run->rows.file, run->rows.line, err);

	if (rc == 0 && run->changes && (run->changes >= COMMIT_MOST || time_mono_ns() / 1000000 - run->changed > COMMIT_MS))
		rc = commit(run, err);
	return rc;
}

static int
on_silence(void *self, struct err *err)
{
	struct run *run = self;
	int ms = evaluate_silence(run->evaluate, err);

	if (ms >= -1 && run->changes && commit(run, err))
		return err->code - 1;
	return ms;
}

static void
closing_line(struct run *run)
{
	struct evaluate_figures f;

	evaluate_figures(run->evaluate, &f);
	if (run->wish->tell && run->firings)
		cmd_found();
	if (!cmd_settings()->quiet && (cmd_settings()->verbose || (f.late && !run->wish->state)))
		cmd_say("%ld firings of %d rules on %lld series, %lld rows older than one of their series left out, %lld pending, %lld firing", run->firings, run->rules->n,
		    (long long)f.series, (long long)f.late, (long long)f.pending, (long long)f.firing);
}

static int
read_rules(struct run *run, struct err *err)
{
	run->rules = rules_new(0);
	for (int i = 0; i < run->wish->files.n; i++)
		if (rules_add_file(run->rules, run->wish->files.text[i], err))
			return err->code;
	return run->rules->n ? 0 : err_set(err, ERR_USAGE, "%s: has no rules that are enabled", run->wish->files.text[0]);
}

void
rules(const struct rules_wish *wish, char **files, struct err *err)
{
	struct run run = { .wish = wish, .rows = { .row = on_row, .wait = on_silence, .self = &run } };

	if (read_rules(&run, err))
		goto out;
	if ((wish->state || wish->save) && !(run.store = store_open(cmd_settings()->store, cmd_settings()->tenant, STORE_CREATE, err)))
		goto out;
	if (!(run.evaluate = evaluate_new(&(struct evaluate_spec){ .rules = run.rules, .alert = on_alert, .self = &run, .zone = cmd_settings()->zone, .late_ms = wish->late_ms }, err)) ||
	    (wish->state && evaluate_load(run.evaluate, run.store, wish->state, err)))
		goto out;
	if (rows_read(&run.rows, files, err) == 0 && (wish->state || evaluate_finish(run.evaluate, err) == 0) && commit(&run, err) == 0)
		closing_line(&run);
out:
	reject_close(&run.rows.rejects);
	evaluate_free(run.evaluate);
	rules_free(run.rules);
	store_close(run.store);
	buf_release(&run.unsaved);
}
