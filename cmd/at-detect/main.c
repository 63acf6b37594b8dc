/* at-detect - anomalies in streams of metric rows, patterns in streams of events, scores of models of others. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cmd.h"
#include "detect/detect.h"

#include "at-detect.h"

/* What at-detect does in one run is one of these. */
static const char *const works[] = { NULL, "changes", "pattern", "rules", "backtest", "model", "exec" };
enum { ANOMALIES = 1, CHANGES = 2, PATTERN = 4, RULES = 8, BACKTEST = 16, MODEL = 32, PROGRAM = 64 };

/* An option that was given, and the works that know it: elsewhere it would be passed over. */
struct belongs {
	int given;
	const char *option;
	int works;
};

static int
check_options(const struct belongs *one, int work, struct err *err)
{
	char others[64] = "";
	int done = 0, n = 0;

	while (work >> (done + 1))
		done++;
	while (one->option && (!one->given || one->works & work))
		one++;
	if (!one->option)
		return 0;
	if (work != ANOMALIES)
		return err_set(err, ERR_USAGE, "--%s does not go with --%s", one->option, works[done]);
	for (int i = 1; i < (int)(sizeof(works) / sizeof(*works)); i++)
		if (one->works >> i & 1)
			n += snprintf(others + n, sizeof(others) - (size_t)n, "%s--%s", n ? ", " : "", works[i]);
	return err_set(err, ERR_USAGE, "--%s goes with %s", one->option, others);
}

int
main(int argc, char **argv)
{
	struct detect_spec spec = DETECT_DEFAULTS;
	struct pattern_spec pattern = {0};
	struct opt_list texts = {0};
	struct rules_wish wish = {0};
	struct coprocess_spec program = {0};
	const char *state = NULL, *model = NULL;
	double sensitivity = NAN;               /* not given */
	int tell = 0, save = 0, is_rules, work;
	const struct opt opts[] = {
		{ 't', "sensitivity", "SHARE",  "from 0, never an alarm, to 1, the most; default 0.5",           opt_number, &sensitivity },
		{ 'f', "fields",      "FIELDS", "judge these fields only, not every number of a row",            opt_text,   &spec.fields },
		{ 'a', "all",         NULL,     "write every judged row with its score, not alarms only",         opt_flag,   &spec.all },
		{ 0,   "each",        NULL,     "each alarm as a row of its own, not those of one time together", opt_flag,   &spec.each },
		{ 0,   "changes",     NULL,     "write change points of level, trend and variance instead of anomalies", opt_flag, &spec.changes },
		{ 0,   "absent",      "DUR",    "an alarm, too, when rows of a series that came regularly stay away so long", opt_dur, &spec.absent_ms },
		{ 'e', "exit-status", NULL,     "exit 3 when there was an alarm, a match or an alert that fires",                                 opt_flag,   &tell },
		{ 'p', "pattern",     "PATTERN", "match this sequence of events instead, 'a -> b within 1h by user_id'; may be given several times", opt_list, &texts },
		{ 'r', "rules",       "FILE",   "evaluate the alert rules of this file instead; may be given several times", opt_list, &wish.files },
		{ 0,   "notify",      NULL,     "tell the receivers of config/analytics.json of alerts that begin and end", opt_flag, &wish.notify },
		{ 0,   "backtest",    "[RANGE]", "count what the rules would have done: over rows, or over the store", opt_text, &wish.range },
		{ 0,   "labels",      "FILE",   "backtest: incidents as they were, for precision and recall", opt_text, &wish.labels },
		{ 0,   "follow",      NULL,     "rules over the store: ask again and again, as `every` says, until a signal", opt_flag, &wish.follow },
		{ 'M', "name",        "NAME",   "what matches are called; default the pattern's text",            opt_text,   &pattern.name },
		{ 'l', "lateness",    "DUR",    "of events: hold them back so long and put them in order of time", opt_dur,    &pattern.late_ms },
		{ 0,   "timeouts",    NULL,     "write what began to match and ran out of time, too",             opt_flag,   &pattern.timeouts },
		{ 0,   "state",       "NAME",   "go on with what was saved under this name in the store (models, open matches, alerts), and save it as rows come", opt_text, &state },
		{ 0,   "model",       "FILE",   "score each row with this model of XGBoost (JSON), LightGBM (text) or a linear one (JSON) instead; -f names the fields that are its features, in its order", opt_text, &model },
		{ 0,   "exec",        "CMD",    "send each row through this program instead, which reads rows and answers each with one", opt_text, &program.command },
		{ 0,   "exec-timeout", "DUR",   "so long a row waits for the program's answer before it passes as it came; default 10s", opt_dur, &program.within_ms },
		{ 's', "save",        NULL,     "store the alarms, change points, matches or alerts too, for the tables anomalies and alerts of at-query",      opt_flag,   &save },
		ROWS_OPT_LOSSY,
		CMD_OPT_STRICT,
		{0}
	};
	static const char *const examples[] = {
		"at-ingest -n access.log | at-agg -w 5m | at-detect",
		"at-detect -a temperatures.csv",
		"at-query events --follow | at-detect -p 'add_to_cart -> !purchase within 30m by user_id'",
		"at-agg -w 1m -b source events.ndjson | at-detect -r rules.json",
		"at-ingest -n orders.csv | at-detect --model fraud.json | jq -c 'select(.model.score > 0.9)'",
		"at-agg -w 1h -b country today.ndjson | at-detect -e --state hourly || echo look!",
		NULL
	};
	const struct cmd cmd = { "at-detect", "[FILE…] | test FILE…", "find anomalies in streams of metric rows, and patterns in streams of events", opts, examples, NULL };
	char **files = cmd_start(&cmd, argc, argv, NULL);
	struct err err = {0};
	struct store *store = NULL;

	spec.zone = cmd_settings()->zone;
	if (files[0] && files[1] && strcmp(files[0], "test") == 0) {
		rules_test(files + 1, &err);
		return cmd_end(&err);
	}
	is_rules = wish.files.n || wish.notify || wish.range || wish.follow;
	work = is_rules ? (wish.range ? BACKTEST : RULES) : texts.n ? PATTERN : model ? MODEL : program.command ? PROGRAM : spec.changes ? CHANGES : ANOMALIES;
	if (is_rules + !!texts.n + !!model + !!program.command + spec.changes > 1)
		err_set(&err, ERR_USAGE, "--rules, --pattern, --model, --exec and --changes are different works: one of them (a rule may have a pattern)");
	else if (state && !*state)
		err_set(&err, ERR_USAGE, "--state: wants a name");
	else
		check_options((const struct belongs[]){
			{ !isnan(sensitivity), "sensitivity", ANOMALIES },
			{ spec.fields && *spec.fields, "fields", ANOMALIES | CHANGES | MODEL },
			{ spec.all, "all", ANOMALIES | BACKTEST },
			{ spec.each, "each", ANOMALIES },
			{ spec.absent_ms != 0, "absent", ANOMALIES | CHANGES },
			{ tell, "exit-status", ANOMALIES | CHANGES | PATTERN | RULES | BACKTEST },
			{ wish.notify, "notify", RULES },
			{ !!wish.labels, "labels", BACKTEST },
			{ wish.follow, "follow", RULES },
			{ !!pattern.name, "name", PATTERN },
			{ pattern.late_ms != 0, "lateness", PATTERN | RULES | BACKTEST },
			{ pattern.timeouts, "timeouts", PATTERN },
			{ !!state, "state", ANOMALIES | CHANGES | PATTERN | RULES },
			{ program.within_ms != 0, "exec-timeout", PROGRAM },
			{ save, "save", ANOMALIES | CHANGES | PATTERN | RULES },
			{ 0, NULL, 0 }
		}, work, &err);
	if (!isnan(sensitivity))
		spec.sensitivity = sensitivity;
	if (is_rules) {
		wish.late_ms = pattern.late_ms, wish.save = save, wish.tell = tell, wish.all = spec.all, wish.state = state;
		if (!err.code)
			rules(&wish, files, &err);
		free(wish.files.text);
		free(texts.text);
		return cmd_end(&err);
	}
	if (!err.code && (state || save))
		store = spec.save = store_open(cmd_settings()->store, cmd_settings()->tenant, STORE_CREATE, &err);
	if (!save)
		spec.save = NULL;
	if (!err.code && (model || program.command))
		models(model, spec.fields, &program, files, &err);
	else if (!err.code && texts.n)
		patterns(&texts, &pattern, files, &(struct patterns_keep){ store, state, save }, tell, &err);
	else if (!err.code)
		anomalies(&spec, files, store, state, tell, &err);
	free(texts.text);
	store_close(store);
	return cmd_end(&err);
}
