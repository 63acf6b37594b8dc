/* at-ingest - turn anything into clean events. See at-ingest(1). */
#include "base/cmd.h"
#include "ingest/ingest.h"

int
main(int argc, char **argv)
{
	struct ingest_spec spec = { 0 };
	const struct opt opts[] = {
		{ 'f', "format",   "FORMAT", "auto (default), ndjson, json, csv, combined, syslog and so on, as in at-ingest(1)", opt_text, &spec.format },
		{ 'm', "map",      "JQ",     "make events of each row with this jq program", opt_text, &spec.map },
		{ 't', "tee",      NULL,     "write each accepted event to standard output too", opt_flag, &spec.tee },
		{ 'n', "no-store", NULL,     "store nothing, only write events to standard output", opt_flag, &spec.no_store },
		{ 'r', "rejects",  "FILE",   "write rows that are refused to FILE, with the reason", opt_text, &spec.rejects },
		{ 0,   "event",    "NAME",   "the name of events that have none", opt_text, &spec.event },
		{ 0,   "schema",   "FILE",   "a tracking plan, JSON Schema per event: refuse what breaks it", opt_text, &spec.schema },
		{ 0,   "from",     "SOURCE", "read a source of data-sources.json", opt_text, &spec.from },
		{ 0,   "follow",   NULL,     "keep reading as the files grow, over rotation", opt_flag, &spec.follow },
		{ 0,   "resume",   "NAME",   "go on where the last run under this NAME ended, exactly", opt_text, &spec.resume },
		{ 0,   "dedupe",   "[DUR]",  "drop events whose id was seen within DUR (default 24h)", opt_text, &spec.dedupe },
		{ 0,   "replay",   "FILE",   "read reject rows again and say what is still bad", opt_text, &spec.replay },
		{ 0,   "lossy",    NULL,     "mend text that is no UTF-8 instead of refusing the row", opt_flag, &spec.lossy },
		CMD_OPT_STRICT,
		{ 0 }
	};
	static const char *const examples[] = {
		"at-ingest /var/log/nginx/access.log",
		"at-ingest -f csv --event order -r bad.ndjson orders.csv.gz",
		"tail -F app.ndjson | at-ingest -n -m '{event:.action, user_id:.uid, properties:.}' | at-agg -w 1m",
		NULL
	};
	const struct cmd cmd = { "at-ingest", "[FILE…]", "turn anything into clean events", opts, examples, NULL };
	struct err err = { 0 };
	char **files = cmd_start(&cmd, argc, argv, NULL);

	ingest_run(&spec, files, &err);
	return cmd_end(&err);
}
