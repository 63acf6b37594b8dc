/* models.c - at-detect --model and --exec: models of others. */
#include "base/cmd.h"
#include "detect/coprocess.h"
#include "detect/scorer.h"
#include "event/rows.h"

#include "at-detect.h"

struct job {
	struct rows rows;
	struct scorer *scorer;
	struct coprocess *coprocess;    /* instead of scorer */
};

static int
score(void *self, struct str row, struct err *err)
{
	struct job *job = self;
	int rc = scorer_row(job->scorer, row, &out_stdout()->buf, err);

	if (rc == 0)
		out_row(out_stdout());
	return rc;
}

static int
pass(void *self, struct str row, struct err *err)
{
	return coprocess_row(((struct job *)self)->coprocess, row, err);
}

static int
silence(void *self, struct err *err)
{
	(void)err;
	return coprocess_silence(((struct job *)self)->coprocess);
}

static void
closing_line(const struct job *job)
{
	struct coprocess_figures f;

	coprocess_figures(job->coprocess, &f);
	if (!cmd_settings()->quiet && (cmd_settings()->verbose || f.passed || f.starts > 1))
		cmd_say("%ld row%s, %ld without an answer passed as %s came, the program was started %ld time%s", f.rows, f.rows == 1 ? "" : "s",
		    f.passed, f.passed == 1 ? "it" : "they", f.starts, f.starts == 1 ? "" : "s");
}

void
models(const char *path, const char *fields, const struct coprocess_spec *spec, char **files, struct err *err)
{
	struct job job = { .rows = { .self = &job } };

	if (path && (job.scorer = scorer_open(path, err)) && (!fields || !*fields || scorer_bind(job.scorer, fields, err) == 0)) {
		job.rows.row = score;
		rows_read(&job.rows, files, err);
	} else if (!path && (job.coprocess = coprocess_new(spec, out_stdout(), err))) {
		job.rows.row = pass, job.rows.wait = silence;
		rows_read(&job.rows, files, err);
		coprocess_finish(job.coprocess);
		closing_line(&job);
	}
	reject_close(&job.rows.rejects);
	scorer_free(job.scorer);
	coprocess_free(job.coprocess);
}
