/* ruletest.h - unit tests of rules, in the manner of promtool test rules.
 *
 *      {"rule_files":["rules.json"],                           or "rules":[…] in place
 *       "tests":[{"name":"many signups","interval":"1m",
 *         "input_series":[{"series":"signups{source=\"google\"}","field":"count","values":"0 150x5 20 _ 20"}],
 *         "rows":[{"metric":…},…] or "rows_file":"rows.ndjson",  as well as series, or instead
 *         "alert_rule_test":[{"eval_time":"5m","alertname":"many",
 *            "exp_alerts":[{"exp_labels":{"source":"google"},"exp_message":"…","exp_severity":"page","state":"firing"}]}]}]}
 *
 * values: numbers one interval apart from time 0 (1970), "_" none, "5x3" 5 and three times more of it, "1+2x3" 1 3 5 7, "9-2x3" 9 7 5 3. eval_time: a span
 * from 0, or a time. What is expected is all that fires then under that name, in any order; with "state":"pending" what is pending.
 * Paths are seen from the test's own file. What an expectation does not name (message, severity) is not compared.
 */
#ifndef ALERT_RULETEST_H
#define ALERT_RULETEST_H

#include "alert/evaluate.h"

/* Run a file of tests. Each check gives a line to `say`: "ok NAME, …" or what differs. The number of checks that failed, or < 0. */
int ruletest_run(const char *path, void (*say)(void *, int ok, struct str line), void *self, struct err *err);

#endif
