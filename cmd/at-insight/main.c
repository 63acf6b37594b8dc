/* at-insight - what changed and why, what comes next. See at-insight(1). */
#include <math.h>
#include <string.h>

#include "base/cmd.h"
#include "event/rows.h"

#include "at-insight.h"

struct want want = { .level = NAN };

static int
set_reach(void *to, const char *text, struct err *err)
{
	want.reaches = 1;
	return opt_number(to, text, err);
}

static const struct { const char *name; int (*call)(char **, int, struct err *); } calls[] = {
	{ "forecast", forecast },
	{ "ask", ask },
	{ "explain", explain },
	{ "summary", summary },
	{ "report", report },
	{ "recommend", recommend },
};
#define VERBS "forecast, ask, explain, summary, report, recommend"

/* Options that were given and the verbs that know them; rows: no verb. Elsewhere they would be passed over. */
static int
check_options(const char *verb, struct err *err)
{
	const struct { int given; const char *option, *verbs; } of[] = {
		{ !!want.horizon, "horizon", "forecast" }, { !isnan(want.level), "level", "forecast" }, { want.reaches, "reach", "forecast" },
		{ !!want.holidays, "holidays", "forecast" }, { !!want.by, "by", "forecast, explain, recommend" }, { !!want.every, "every", "forecast" },
		{ !!want.range, "range", "forecast, explain, summary, report, recommend" },
		{ !!want.format, "format", "forecast, ask, explain, summary, report, recommend, rows" },
		{ !!want.dashboard, "dashboard", "report" }, { !!want.output, "output", "report" }, { !!want.user, "user", "recommend" }, { !!want.item, "item", "recommend" },
		{ want.top != 0, "top", "recommend" }, { want.save, "save", "explain, summary, recommend, rows" } };

	for (size_t i = 0; i < sizeof(of) / sizeof(*of); i++)
		if (of[i].given && !strstr(of[i].verbs, verb))
			return err_set(err, ERR_USAGE, "--%s goes with %s", of[i].option, of[i].verbs);
	return 0;
}

static int
run(char **words, int n, struct err *err)
{
	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
		if (strcmp(words[0], calls[i].name) == 0)
			return check_options(words[0], err) ? err->code : calls[i].call(words + 1, n - 1, err);
	}
	return err_set(err, ERR_USAGE, "'%s' is no verb, try " VERBS, words[0]);
}

int
main(int argc, char **argv)
{
	const struct opt opts[] = {
		{ 0,   "horizon", "N|DUR",  "how far: steps, or a span; default a season, else 14 steps",            opt_text,   &want.horizon },
		{ 0,   "level",   "PERCENT", "of the interval; default 95",                                          opt_number, &want.level },
		{ 0,   "reach",   "VALUE",  "only the row where the forecast reaches this value, if it does",        set_reach,  &want.reach },
		{ 0,   "holidays", "FILE",  "of forecast: days that are not as usual, a date and a name a line; else those of analytics.json", opt_text, &want.holidays },
		{ 'b', "by",      "FIELDS", "of a stored metric: a series for each value of these fields; of explain: what to tell parts by; of recommend: the property that holds the item",          opt_text,   &want.by },
		{ 0,   "every",   "DUR",    "of a stored metric: the length of a step; default 1h",                  opt_text,   &want.every },
		{ 0,   "range",   "DUR",    "of a stored metric: how much of it is looked at, default 2000 steps; of explain: the period, against the one before, default 7d; of report: a RANGE for all widgets",   opt_text,   &want.range },
		{ 'f', "format",  "FORMAT", "of ask and explain: text, or ndjson: of ask one row with the question, its SQL, rows and text; of explain insight rows; of report text, markdown, html or pdf", opt_text,   &want.format },
		{ 0,   "dashboard", "ID|FILE", "of report: which; default one of what the store holds",              opt_text,   &want.dashboard },
		{ 'o', "output",  "FILE",   "of report: where to; its end says the form",                            opt_text,   &want.output },
		{ 0,   "user",    "ID",     "of recommend: items for this user; -: for each line of stdin",            opt_text,   &want.user },
		{ 0,   "item",    "ID",     "of recommend: items that go with this one; -: for each line of stdin",   opt_text,   &want.item },
		{ 0,   "top",     "N",      "of recommend: so many items; default 10",                                opt_count,  &want.top },
		{ 's', "save",    NULL,     "of explain, summary and rows: store the insights too, for the table insights of at-query", opt_flag, &want.save },
		ROWS_OPT_LOSSY,
		CMD_OPT_STRICT,
		{0}
	};
	static const char *const examples[] = {
		"at-insight forecast signups --every 1d --horizon 14d",
		"at-agg -w 1h today.ndjson | at-insight forecast - --horizon 24",
		"at-insight forecast disk_used --reach 100",
		"at-insight explain purchases --range 7d --by country,device",
		"at-agg -w 1d events.ndjson | at-insight",
		"at-insight report --dashboard examples/config/dashboards/business-metrics.json -o week.pdf",
		"at-insight recommend --user u17 --by product_id",
		"at-insight ask 'which country had the most revenue yesterday?'",
		NULL
	};
	static const struct cmd_verb verbs[] = {
		{ "forecast", "[METRIC | - [FILE…]]", "the next values of a metric, or of metric rows, with the interval they are likely to lie in" },
		{ "ask", "[QUESTION | -]", "a question in plain English over the store; with -, one a line of stdin" },
		{ "explain", "[METRIC | - [FILE…]]", "what changed, and which values of which dimensions drove it; metric rows: of two times" },
		{ "summary", "", "what is worth saying of the whole store, by default of 28 days" },
		{ "report", "", "a dashboard with what is worth saying of it, as text, Markdown, HTML or PDF" },
		{ "recommend", "[--user U | --item I]", "items for a user, or beside an item, from what users did; without either, what to do next" },
		{0}
	};
	const struct cmd cmd = { "at-insight", "[VERB …]", "say what changed and why, what comes next, and answer questions", opts, examples, verbs };
	struct err err = {0};
	int n;
	char **words = cmd_start(&cmd, argc, argv, &n);

	if (!isnan(want.level) && !(want.level > 0 && want.level < 100))
		err_set(&err, ERR_USAGE, "--level: %g is no percentage between 0 and 100", want.level);
	else if (n && (n > 1 || strcmp(words[0], "-")))
		run(words, n, &err);
	else if (check_options("rows", &err) == 0)
		notable(words, &err);
	return cmd_end(&err);
}
