/* explain.c - the verb explain: what changed, and which values of which dimensions drove it. */
#include <stdio.h>
#include <string.h>

#include "base/cmd.h"
#include "base/out.h"
#include "base/time.h"
#include "config/config.h"
#include "event/rows.h"
#include "insight/claims.h"
#include "insight/metric_claims.h"
#include "insight/periods.h"

#include "at-insight.h"

static int
add_row(void *self, struct str row, struct err *err)
{
	return periods_add(self, row, err);
}

static int
span(int64_t *range, struct err *err)
{
	*range = 0;
	if (want.range && dur_parse(str_of(want.range), range, err))
		return err_at(err, "--range");
	if (want.range && *range < 1)
		return err_set(err, ERR_USAGE, "--range: '%s' is no length of time, try 7d", want.range);
	return 0;
}

static int
explain_rows(char **files, struct claims *claims, struct err *err)
{
	struct periods p = { .by = str_of(want.by) };
	struct rows rows = { .row = add_row, .self = &p };
	struct explain *e = NULL;
	int rc;

	if ((rc = span(&p.range, err)) == 0)
		rc = rows_read(&rows, files, err);
	if (rc == 0 && p.n_rows == 0 && rows.rejects.count)
		rc = err_set(err, ERR_INPUT, "no row that could be taken");
	if (rc == 0 && p.n_rows && !(e = periods_explain(&p, err)))     /* no rows: nothing to say, as of rows alone */
		rc = err->code;
	if (e) {
		const struct claim periods = { .from = p.from, .to = p.to, .before_from = p.before_from, .before_to = p.before_to, .step_ms = p.step_ms };

		claims_of_explain(claims, explain_run(e), buf_get(&p.metric), p.name, &periods);
	}
	reject_close(&rows.rejects);
	explain_free(e);
	periods_release(&p);
	return rc;
}

/* Parts that cannot be told apart: then what can be told of the whole, and why not more. */
static int
explain_whole(struct query *query, const struct metric_ask *ask, struct claims *claims, struct buf *why, struct err *err)
{
	struct err parts = *err;
	int rc;

	err_clear(err);
	if ((rc = metric_claims_whole(query, ask, claims, err)) == 0)
		buf_lit(why, parts.text);
	return rc;
}

static int
no_property(const char *quoted, struct err *err)        /* in the error's own text */
{
	char name[100];

	snprintf(name, sizeof(name), "%.*s", (int)strcspn(quoted, ","), quoted);
	return err_set(err, ERR_USAGE, "--by: events have no property %s", name);
}

static int
explain_store(const char *metric, struct claims *claims, struct buf *why, struct err *err)
{
	const struct cmd_settings *settings = cmd_settings();
	struct config *config = config_open(settings->config, err);
	struct query_spec spec = { .store = settings->store, .tenant = settings->tenant, .config = config, .zone = settings->zone, .stopping = cmd_stopping };
	struct metric_ask ask = { .metric = str_of(metric), .by = str_of(want.by), .to = time_now() };
	struct query *query = NULL;
	const char *column;
	int64_t range;
	int rc = config ? 0 : err->code;

	if (rc == 0 && (rc = span(&range, err)) == 0) {
		ask.from = ask.to - (range ? range : 7 * 86400000LL);
		rc = (query = query_open(&spec, err)) ? metric_claims(query, &ask, claims, err) : err->code;
		if (rc == ERR_USAGE && query && !want.by)
			rc = explain_whole(query, &ask, claims, why, err);
		else if (rc == ERR_USAGE && want.by && (column = strstr(err->text, "no column \"")))      /* of a statement that nobody wrote */
			rc = no_property(column + 10, err);
	}
	query_close(query);
	config_close(config);
	return rc;
}

int
explain(char **words, int n, struct err *err)
{
	struct claims claims;
	struct buf why = {0};
	int rc;

	claims_begin(&claims, cmd_settings()->zone);
	if (n == 0 || strcmp(words[0], "-") == 0)
		rc = explain_rows(words + (n > 0), &claims, err);
	else if (n > 1)
		rc = err_set(err, ERR_USAGE, "explain: one metric is explained, '%s' is more; rows from files come behind '-'", words[1]);
	else
		rc = explain_store(words[0], &claims, &why, err);
	if (rc == 0)
		rc = put_claims(&claims, err);
	if (rc == 0 && why.n && !put_rows())
		buf_printf(&out_stdout()->buf, "What drove it cannot be told: %s.\n", buf_text(&why));
	else if (rc == 0 && why.n && !cmd_settings()->quiet)
		cmd_say("what drove it cannot be told: %s", buf_text(&why));
	else if (rc == 0 && claims.n == 1 && !put_rows())
		buf_lit(&out_stdout()->buf, "No value stands out from the others.\n");
	buf_release(&why);
	claims_release(&claims);
	return rc;
}
