/* patterns.c - at-detect -p: every row of events goes to each pattern. */
#include <stdlib.h>

#include "base/cmd.h"
#include "base/mem.h"
#include "event/rows.h"

#include "at-detect.h"

struct job {
	struct rows rows;
	struct pattern **pattern;
	int n;
};

static int
match(void *self, struct str row, struct err *err)
{
	struct job *job = self;
	int rc = 0;

	for (int i = 0; i < job->n && rc == 0; i++)
		rc = pattern_row(job->pattern[i], row, err);
	return rc;
}

static int
deadlines(void *self, struct err *err)
{
	struct job *job = self;
	int next = -1;

	(void)err;
	for (int i = 0; i < job->n; i++) {
		int ms = pattern_silence(job->pattern[i]);

		next = ms >= 0 && (next < 0 || ms < next) ? ms : next;
	}
	return next;
}

/* The state of the n-th pattern is kept under NAME, NAME:2, NAME:3, … */
static int
each_state(struct job *job, struct store *store, const char *name, int save, struct err *err)
{
	struct buf key = {0}, value = {0};
	int rc = save ? store_begin(store, err) : 0;

	for (int i = 0; i < job->n && rc == 0; i++) {
		buf_clear(&key);
		buf_clear(&value);
		buf_lit(&key, name);
		if (i)
			buf_printf(&key, ":%d", i + 1);
		if (save) {
			pattern_save(job->pattern[i], &value);
			rc = store_put_state(store, "pattern", buf_get(&key), buf_get(&value), err);
		} else if ((rc = store_get_state(store, "pattern", buf_get(&key), &value, err)) > 0) {
			if ((rc = pattern_load(job->pattern[i], buf_get(&value), err)))
				err_at(err, "--state %s", name);
		}
	}
	if (save && rc == 0)
		rc = store_commit(store, err);
	else if (save)
		store_abort(store);
	buf_release(&key);
	buf_release(&value);
	return rc;
}

static void
closing_line(const struct job *job, int tell)
{
	struct pattern_figures all = {0};

	for (int i = 0; i < job->n; i++) {
		struct pattern_figures f;

		pattern_figures(job->pattern[i], &f);
		all.matches += f.matches, all.late += f.late, all.given_up += f.given_up, all.open += f.open;
	}
	if (all.matches && tell)
		cmd_found();
	if (!cmd_settings()->quiet && (cmd_settings()->verbose || all.late || all.given_up))
		cmd_say("%ld matches, %ld rows late%s, %ld tries given up, %ld open", all.matches, all.late,
		    all.late ? " (-l holds rows back and puts them in order)" : "", all.given_up, all.open);
}

void
patterns(const struct opt_list *texts, struct pattern_spec *spec, char **files, struct store *store, const char *state, int tell, struct err *err)
{
	struct job self = { .rows = { .row = match, .wait = deadlines, .self = &self } }, *job = &self;

	job->pattern = mem_new((size_t)texts->n * sizeof(*job->pattern));
	for (; job->n < texts->n; job->n++) {
		spec->text = texts->text[job->n];
		if (!(job->pattern[job->n] = pattern_new(spec, out_stdout(), err)))
			break;
	}
	if (!err->code && (!state || each_state(job, store, state, 0, err) == 0) && rows_read(&job->rows, files, err) == 0) {
		for (int i = 0; i < job->n && !state && !err->code; i++)
			pattern_finish(job->pattern[i], err);
		if (state)
			each_state(job, store, state, 1, err);
		closing_line(job, tell);
	}
	for (int i = 0; i < job->n; i++)
		pattern_free(job->pattern[i]);
	free(job->pattern);
	reject_close(&job->rows.rejects);
}
