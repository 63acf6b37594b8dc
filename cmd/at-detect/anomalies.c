/* anomalies.c - at-detect without another wish: every metric row is judged; models, and the alarms with -s, go to the store on the way. */
#include "base/cmd.h"
#include "detect/detect.h"

#include "at-detect.h"
#include "resume.h"

struct job {
	struct detect *detect;
	struct rows rows;
	struct resume *resume;
	const char *state;              /* NULL: models are not kept */
	int any;                        /* a row was judged, or had nothing to be */
	int is_due;                     /* they are to be saved as soon as no alarm waits for others of its time */
};

static int
put(void *self, struct store *store, struct err *err)
{
	struct job *job = self;

	return job->state ? detect_save(job->detect, store, job->state, err) : 0;
}

static int
judge(void *self, struct str row, struct err *err)
{
	struct job *job = self;
	int rc = detect_row(job->detect, row, job->rows.file, job->rows.line, err);

	job->any |= rc == 0;
	if (rc == 0 && job->state && (resume_is_due(job->resume) || job->is_due)) {
		job->is_due = !detect_is_even(job->detect);
		rc = job->is_due ? 0 : resume_save(job->resume, put, job, 0, err);
	}
	return rc;
}

static void
ahead(void *self, struct str row)
{
	detect_ahead(((struct job *)self)->detect, row);
}

static int
silence(void *self, struct err *err)
{
	struct job *job = self;
	long before = detect_alarms(job->detect);
	int next = detect_silence(job->detect, err), due;

	if (detect_alarms(job->detect) != before)
		resume_touch(job->resume);
	due = resume_silence(job->resume);
	if (next < -1 || !job->state)
		return next;
	if (due == 0 && resume_save(job->resume, put, job, 0, err))
		return err->code - 1;
	return due > 0 && (next < 0 || due < next) ? due : next;
}

void
anomalies(struct detect_spec *spec, char **files, struct store *store, const char *state, int tell, struct err *err)
{
	struct job job = { .rows = { .row = judge, .ahead = ahead, .wait = silence, .self = &job }, .state = state };

	spec->save_with_models = state != NULL;
	if ((job.detect = detect_new(spec, out_stdout(), err)) && (!state || detect_load(job.detect, store, state, err) == 0) &&
	    (!store || detect_heed(job.detect, store, err) == 0) && (job.resume = resume_open(state ? store : NULL, spec->changes ? "change" : "detect", state, err))) {
		job.rows.place = resume_place(job.resume);
		if (rows_read(&job.rows, files, err) == 0 && detect_flush(job.detect, err) == 0 && state)
			resume_save(job.resume, put, &job, !cmd_stopping(), err);
	}
	if (job.any && spec->fields && *spec->fields && !detect_series(job.detect) && !cmd_settings()->quiet)
		cmd_say("no row has a number called as --fields says: %.200s", spec->fields);
	if (job.detect && tell && detect_alarms(job.detect))
		cmd_found();
	reject_close(&job.rows.rejects);
	detect_free(job.detect);
	resume_free(job.resume);
}
