/* summary.c - the verb summary, and at-insight without a verb: what is worth saying of the store, or of metric rows. */
#include "base/cmd.h"
#include "base/time.h"
#include "config/config.h"
#include "event/rows.h"
#include "insight/claims.h"
#include "insight/metric_claims.h"

#include "at-insight.h"

#define TOLD 12
#define DAY  86400000LL

static int
add_row(void *self, struct str row, struct err *err)
{
	return series_add_row(self, row, err);
}

int
notable(char **files, struct err *err)
{
	struct series_set set = {0};
	struct rows rows = { .row = add_row, .self = &set };
	struct claims claims;
	int rc = rows_read(&rows, files, err);

	claims_begin(&claims, cmd_settings()->zone);
	if (rc == 0 && set.by_key.n == 0 && rows.rejects.count)
		rc = err_set(err, ERR_INPUT, "no row that could be taken");
	if (rc == 0) {
		claims_of_series(&claims, &set, 0, NULL);
		claims_rank(&claims, TOLD);
		rc = put_claims(&claims, err);
	}
	claims_release(&claims);
	reject_close(&rows.rejects);
	series_set_release(&set);
	return rc;
}

int
summary(char **words, int n, struct err *err)
{
	const struct cmd_settings *settings = cmd_settings();
	struct config *config = config_open(settings->config, err);
	struct query_spec spec = { .store = settings->store, .tenant = settings->tenant, .config = config, .zone = settings->zone, .stopping = cmd_stopping };
	struct query *query = NULL;
	struct claims claims;
	int64_t range = 28 * DAY, to = time_now();
	int rc = config ? 0 : err->code;

	claims_begin(&claims, settings->zone);
	if (rc == 0 && n)
		rc = err_set(err, ERR_USAGE, "summary: '%s' is too much, it is of the whole store; explain is of one metric", words[0]);
	if (rc == 0 && want.range && dur_parse(str_of(want.range), &range, err))
		rc = err_at(err, "--range");
	if (rc == 0 && range < 600000)
		rc = err_set(err, ERR_USAGE, "--range: '%s' is too short to say anything of, try 28d", want.range);
	if (rc == 0)
		rc = (query = query_open(&spec, err)) ? metric_claims_overview(query, to - range, to, &claims, err) : err->code;
	if (rc == 0) {
		claims_rank(&claims, TOLD);
		rc = put_claims(&claims, err);
	}
	claims_release(&claims);
	query_close(query);
	config_close(config);
	return rc;
}
