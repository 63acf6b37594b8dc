/* at-agg - group rows over windows of time. See at-agg(1). */
#include <sys/stat.h>
#include <unistd.h>

#include "base/cmd.h"
#include "base/out.h"
#include "base/time.h"
#include "config/config.h"
#include "event/rows.h"
#include "store/store.h"
#include "window/records.h"
#include "window/window.h"

static const char *const examples[] = {
	"at-agg -w 1m -b status access.log",
	"at-agg -w 1h -b source -a 'count,sum(revenue),p95(duration_ms)' events.ndjson",
	"tail -f app.log | at-ingest -n | at-agg -w 5m/1m -l 10s -b page | at-detect",
	NULL
};

static int
row(void *win, struct str text, struct err *err)
{
	return window_row(win, text, err);
}

static int
waiting(void *win, struct err *err)
{
	return window_wait(win, err);
}

/* ---- the same by several threads */

static void *
reader_new(void *win)
{
	return window_reader_new(win);
}

static void
reader_free(void *reader)
{
	window_reader_free(reader);
}

static void *
batch_new(void *win)
{
	(void)win;
	return window_batch_new();
}

static void
batch_free(void *batch)
{
	window_batch_free(batch);
}

static void
look(void *reader, void *batch, struct str block)
{
	window_look(reader, batch, block);
}

static int
use(void *win, void *batch, struct rows *rows, struct err *err)
{
	struct str line;
	long lines;
	int rc, odd;

	do {
		odd = window_count(win, batch, &line, &lines, err);
		rows_used(rows, lines);
		if (odd == WINDOW_END)
			return 0;
		if (odd == ERR_INPUT && rows_lossy) {          /* once more, mended */
			err_clear(err);
			odd = WINDOW_ODD;
		}
		rc = odd == WINDOW_ODD ? rows_give(rows, line, err) : rows_came(rows, line, odd, err);
	} while (!rc);
	return rc;
}

/* Tables, access logs and the like. */
static const struct format *format;

static int
other(void *win, struct rows *rows, struct in *in, struct err *err)
{
	const struct format *f = window_records_format(format, in, rows->file);
	int rc = f ? window_records(win, f, in, rows, err) : 0;

	return rc < 0 ? rc : f != NULL;
}

static int
set_format(const char *name, struct err *err)
{
	formats_settings.as_events = 1;
	formats_settings.lossy = rows_lossy;
	formats_settings.zone = cmd_settings()->zone;
	return name && strcmp(name, "auto") && !(format = formats_find(name, err)) ? err->code : 0;
}

/* The roll-ups that are to be made of what is saved. */
static int
follow_ladder(struct store *store, struct err *err)
{
	struct config *config = config_open(cmd_settings()->config, err);
	int rc = config ? store_ladder_follow(store, config, err) : err->code;

	config_close(config);
	return rc;
}

/* Open windows of the last run, when there are any. */
static int
resume(struct window *win, struct store *store, const char *name, struct err *err)
{
	struct buf text = { 0 };
	int rc = store_get_state(store, "window", str_of(name), &text, err);

	if (rc > 0)
		rc = window_load(win, buf_get(&text), err);
	buf_release(&text);
	return rc ? err_at(err, "--state %s", name) : 0;
}

static void
closing_line(const struct window *win, const struct rows *rows, const struct store *store, int64_t began_ns)
{
	struct window_counts n = window_counts(win);
	const struct cmd_settings *set = cmd_settings();
	double seconds = (double)(time_mono_ns() - began_ns) / 1e9;

	if (store && store_samples_refused(store))
		cmd_say("%llu samples of new series were not saved: the tenant has as many as limits.series in analytics.json allows",
		    (unsigned long long)store_samples_refused(store));
	if (!set->quiet && (n.late || rows->rejects.count || set->verbose || isatty(2)))
		cmd_say("%lu rows in, %lu out, %lu late, %ld rejected, %.1f s", (unsigned long)n.rows, (unsigned long)n.out,
		    (unsigned long)n.late, rows->rejects.count, seconds);
}

int
main(int argc, char **argv)
{
	struct window_spec spec = { WINDOW_DEFAULT_FIELDS, .lateness_ms = -1 };
	const char *form = NULL, *late = NULL, *rejects = NULL, *state = NULL;
	int save = 0;
	int64_t began_ns = time_mono_ns();
	const struct opt opts[] = {
		{ 'w', "window", "WIN", "span: 1m, 5m/1m, session:30m, count:1000 or all", opt_text, &spec.span },
		{ 'b', "by", "FIELDS", "one group for each value of these fields", opt_text, &spec.by },
		{ 'a', "aggregates", "AGGS", "count, sum(f), avg(f), p95(f), distinct(f), x=max(f), …", opt_text, &spec.aggregates },
		{ 'W', "where", "JQ", "only rows for which this is true", opt_text, &spec.where },
		{ 'f', "format", "FORMAT", "auto (default), ndjson, csv, combined and so on, as in at-ingest(1)", opt_text, &form },
		{ 'M', "metric", "NAME", "name of the metric (default events)", opt_text, &spec.name },
		{ 'l', "lateness", "DUR", "how long a window waits for late rows", opt_dur, &spec.lateness_ms },
		{ 0, "late", "FILE", "write rows that came too late to FILE", opt_text, &late },
		{ 'r', "rejects", "FILE", "write rows that cannot be read to FILE", opt_text, &rejects },
		{ 'u', "updates", "DUR", "also show open windows every DUR, as partial", opt_dur, &spec.updates_ms },
		{ 0, "idle", "DUR", "silence after which live input goes by the clock (5s)", opt_dur, &spec.idle_ms },
		{ 0, "states", NULL, "write the states too, so that rows can be merged", opt_flag, &spec.states },
		{ 's', "save", NULL, "keep the rows in the store as metrics", opt_flag, &save },
		{ 0, "state", "NAME", "go on with the windows left open by the last run", opt_text, &state },
		ROWS_OPT_LOSSY,
		CMD_OPT_STRICT,
		{ 0 }
	};
	const struct cmd cmd = { "at-agg", "[FILE…]", "group rows over windows of time", opts, examples, NULL };
	char **files = cmd_start(&cmd, argc, argv, NULL);
	const struct cmd_settings *set = cmd_settings();
	struct err err = { 0 }, closing = { 0 };
	struct rows rows = { .row = row, .wait = waiting, .reader_new = reader_new, .reader_free = reader_free, .batch_new = batch_new,
	    .batch_free = batch_free, .look = look, .use = use, .other = other };
	struct store *store = NULL;
	struct window *win = NULL;
	struct stat st;

	spec.zone = set->zone;
	spec.hold = spec.lateness_ms < 0 && !state;
	if (spec.lateness_ms < 0)
		spec.lateness_ms = 0;
	spec.out = out_stdout();
	if (late && rejects && strcmp(late, rejects) == 0 && strcmp(late, "-") && (stat(late, &st) || S_ISREG(st.st_mode)))
		err_set(&err, ERR_USAGE, "--late and --rejects want a file each");
	if (state && !*state)
		err_set(&err, ERR_USAGE, "--state: wants a name");
	if (err.code || set_format(form, &err) || (late && out_apart("--late", late, files, &err)) || (rejects && out_apart("--rejects", rejects, files, &err)) ||
	    (late && !(spec.late = out_open(late, state != NULL, &err))) ||
	    (rejects && !(rows.rejects.to = out_open(rejects, 0, &err))) ||
	    ((save || state) && !(store = store_open(set->store, set->tenant, STORE_CREATE, &err))) ||
	    (save && follow_ladder(store, &err)))
		goto out;
	spec.save = save ? store : NULL;
	spec.keep = state ? store : NULL;
	spec.state = state;
	if (!(rows.self = win = window_new(&spec, &err)) || (state && resume(win, store, state, &err)) || rows_read(&rows, files, &err) ||
	    (state ? window_keep(win, &err) : window_finish(win, &err))     /* open windows wait for the next run */)
		goto out;
	reject_close(&rows.rejects);
	closing_line(win, &rows, store, began_ns);
out:
	window_free(win);
	store_close(store);
	if (spec.late && out_close(spec.late, &closing))
		cmd_fail(&closing);
	if (rows.rejects.to && out_close(rows.rejects.to, &closing))
		cmd_fail(&closing);
	return cmd_end(&err);
}
