/* patterns.c - at-detect -p: every row of events goes to each pattern; what is open, and the matches with -s, go to the store on the way. */
#include <stdlib.h>

#include "base/cmd.h"
#include "base/mem.h"
#include "event/rows.h"
#include "event/when.h"
#include "json/json.h"

#include "at-detect.h"
#include "resume.h"

#define UNSAVED_MOST (4u << 20)         /* bytes of matches that wait for the store */

struct job {
	struct rows rows;
	struct pattern **pattern;
	int n;
	struct resume *resume;
	const char *state;              /* NULL: what is open is not kept */
	struct out out;                 /* of the patterns with -s: it goes on to stdout, and waits for the store */
	struct buf unsaved;             /* a row each line */
};

/* ---- the store */

/* The state of the n-th pattern is kept under NAME, NAME:2, NAME:3, … */
static void
name_state(struct buf *key, const char *name, int i)
{
	buf_clear(key);
	buf_lit(key, name);
	if (i)
		buf_printf(key, ":%d", i + 1);
}

static int
load(struct job *job, struct store *store, struct err *err)
{
	struct buf key = {0}, value = {0};
	int rc = 0;

	for (int i = 0; i < job->n && rc >= 0; i++) {
		name_state(&key, job->state, i);
		if ((rc = store_get_state(store, "pattern", buf_get(&key), &value, err)) > 0 && (rc = pattern_load(job->pattern[i], buf_get(&value), err)))
			err_at(err, "--state %s", job->state);
	}
	buf_release(&key);
	buf_release(&value);
	return rc < 0 ? rc : 0;
}

static int
put_matches(struct job *job, struct store *store, struct err *err)
{
	struct str rest = buf_get(&job->unsaved), line;
	struct buf scratch = {0};
	int64_t time;
	int rc = 0;

	while (rc == 0 && rest.n && str_cut(&rest, '\n', &line)) {
		struct json row = json_value(line);

		if (json_get(row, STR("match")).type != JSON_NONE && (rc = when_row(json_get(row, STR("timestamp")), line, &scratch, &time, err)) == 0)
			rc = store_add_row(store, "match", time, line, err);
	}
	buf_release(&scratch);
	return rc;
}

static int
put(void *self, struct store *store, struct err *err)
{
	struct job *job = self;
	struct buf key = {0}, value = {0};
	int rc = put_matches(job, store, err);

	for (int i = 0; i < job->n && rc == 0 && job->state; i++) {
		name_state(&key, job->state, i);
		buf_clear(&value);
		pattern_save(job->pattern[i], &value);
		rc = store_put_state(store, "pattern", buf_get(&key), buf_get(&value), err);
	}
	buf_release(&key);
	buf_release(&value);
	return rc;
}

static int
save(struct job *job, int end, struct err *err)
{
	int rc = resume_save(job->resume, put, job, end, err);

	buf_clear(&job->unsaved);
	return rc;
}

/* ---- rows */

static int
pass_on(void *self, struct str rows)
{
	struct job *job = self;

	buf_str(&job->unsaved, rows);
	buf_str(&out_stdout()->buf, rows);
	out_row(out_stdout());
	return 0;
}

static int
match(void *self, struct str row, struct err *err)
{
	struct job *job = self;
	int rc = 0;

	for (int i = 0; i < job->n && rc == 0; i++)
		rc = pattern_row(job->pattern[i], row, err);
	if (job->out.buf.n)
		out_flush(&job->out);
	if (rc == 0 && (resume_is_due(job->resume) || job->unsaved.n > UNSAVED_MOST))
		rc = save(job, 0, err);
	return rc;
}

static void
ahead(void *self, struct str row)
{
	struct job *job = self;

	for (int i = 0; i < job->n; i++)
		pattern_ahead(job->pattern[i], row);
}

static int
deadlines(void *self, struct err *err)
{
	struct job *job = self;
	int next = -1, due;

	for (int i = 0; i < job->n; i++) {
		struct pattern_figures before, after;
		int ms;

		pattern_figures(job->pattern[i], &before);
		ms = pattern_silence(job->pattern[i]);
		pattern_figures(job->pattern[i], &after);
		if (after.matches != before.matches || after.open != before.open)
			resume_touch(job->resume);
		next = ms >= 0 && (next < 0 || ms < next) ? ms : next;
	}
	if (job->out.buf.n)
		out_flush(&job->out);
	due = resume_silence(job->resume);
	due = job->unsaved.n ? 0 : due;
	if (due == 0 && save(job, 0, err))
		return err->code - 1;
	return due > 0 && (next < 0 || due < next) ? due : next;
}

static void
closing_line(const struct job *job, int tell)
{
	struct pattern_figures all = {0};

	for (int i = 0; i < job->n; i++) {
		struct pattern_figures f;

		pattern_figures(job->pattern[i], &f);
		all.matches += f.matches, all.late += f.late, all.given_up += f.given_up, all.open += f.open;
		if (f.keyless && !f.keyed && !cmd_settings()->quiet)
			cmd_say("no event of the pattern has all the fields that it is by; at-ingest -n -m in front gives them other names");
	}
	if (all.matches && tell)
		cmd_found();
	if (!cmd_settings()->quiet && (cmd_settings()->verbose || all.late || all.given_up))
		cmd_say("%ld matches, %ld rows late%s, %ld tries given up, %ld open", all.matches, all.late,
		    all.late ? " (-l holds rows back and puts them in order)" : "", all.given_up, all.open);
}

static void
finish(struct job *job, struct store *store, int tell, struct err *err)
{
	for (int i = 0; i < job->n && !job->state && !err->code; i++)
		pattern_finish(job->pattern[i], err);
	out_flush(&job->out);
	if (store && !err->code)
		save(job, !cmd_stopping(), err);
	closing_line(job, tell);
}

void
patterns(const struct opt_list *texts, struct pattern_spec *spec, char **files, const struct patterns_keep *keep, int tell, struct err *err)
{
	struct job self = { .rows = { .row = match, .ahead = ahead, .wait = deadlines, .self = &self }, .state = keep->state,
		.out = { .fd = -1, .name = "matches", .give = pass_on, .self = &self } }, *job = &self;

	job->pattern = mem_new((size_t)texts->n * sizeof(*job->pattern));
	for (; job->n < texts->n; job->n++) {
		spec->text = texts->text[job->n];
		if (!(job->pattern[job->n] = pattern_new(spec, keep->matches ? &job->out : out_stdout(), err)))
			break;
	}
	if (!err->code && (!job->state || load(job, keep->store, err) == 0) && (job->resume = resume_open(keep->store, "pattern", job->state, err))) {
		job->rows.place = resume_place(job->resume);
		if (rows_read(&job->rows, files, err) == 0)
			finish(job, keep->store, tell, err);
	}
	for (int i = 0; i < job->n; i++)
		pattern_free(job->pattern[i]);
	free(job->pattern);
	buf_release(&job->out.buf);
	buf_release(&job->unsaved);
	reject_close(&job->rows.rejects);
	resume_free(job->resume);
}
