/* at-query - SQL, metrics, funnels, retention over the store or over rows. See at-query(1). */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cmd.h"
#include "base/in.h"
#include "base/mem.h"
#include "json/cell.h"
#include "query/verbs.h"
#include "at-query.h"

#define SQL_MOST (16u << 20)            /* bytes of SQL on stdin */
#define OPTIONS  96
#define VERBS    32

static const char *const examples[] = {
	"at-query \"SELECT event, count(*) FROM events WHERE timestamp > NOW() - INTERVAL 1 DAY GROUP BY event\"",
	"at-query funnel 'page_view,signup,purchase' --within 7d",
	"at-agg -w 5m access.ndjson | at-query -i - -f chart \"SELECT timestamp, count FROM input\"",
	NULL
};

/* What the command line asks for. */
struct asked {
	struct shell shell;
	struct query_spec spec;
	struct verb_options *verb_options;
	const struct table_function *verb;      /* NULL: SQL */
	struct opt_list params;
	const char *complete;
	int64_t memory;
	char **operands;
	int n;
};

/* What was printed by stdio must have come out. */
static int
flushed(struct err *err)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return 0;
	return err->code ? err->code : err_set(err, ERR_IO, "cannot write standard output: %s", strerror(errno));
}

static int
read_sql(struct buf *to, struct err *err)
{
	struct in *in = in_open("-", err);
	struct str line;
	int rc;

	if (!in)
		return err->code;
	while ((rc = in_line(in, &line, err)) == IN_LINE || rc == IN_IDLE) {
		if (rc == IN_IDLE)
			continue;
		buf_str(to, line);
		buf_byte(to, '\n');
		if (to->n > SQL_MOST) {
			rc = err_set(err, ERR_LIMIT, "more than %u MiB of SQL on stdin", SQL_MOST >> 20);
			break;
		}
	}
	in_close(in);
	return cmd_stopping() && rc >= 0 ? err_set(err, ERR_CANCEL, "interrupted before the SQL on stdin was whole") : rc;
}

static int
add_param(void *to, const char *text, struct err *err)
{
	const char *equals = strchr(text, '=');

	if (!equals || equals == text)
		return err_set(err, ERR_USAGE, "'%s' is no NAME=VALUE", text);
	return opt_list(to, text, err);
}

/* --help and the page show the options that hold for all; those of a verb stand in its own help. Completions have both. */
static int
wants_help(char **argv)
{
	for (argv++; *argv && strcmp(*argv, "--") != 0; argv++)
		if (strcmp(*argv, "--help") == 0 || strcmp(*argv, "-h") == 0 || strcmp(*argv, "--help=text") == 0 || strcmp(*argv, "--help=mdoc") == 0)
			return 1;
	return 0;
}

static void
list_verbs(struct cmd_verb *verbs)              /* VERBS of them, the last one empty */
{
	for (int i = 0; verbs_all[i] && !verbs_all[i]->sql_only && i < VERBS - 1; i++) {
		const struct table_function_param *p = verbs_all[i]->params;

		verbs[i] = (struct cmd_verb){ verbs_all[i]->name, p->name && p->operand ? p->value : "", verbs_all[i]->does };
	}
}

/* `at-query funnel … --help`: the verb's own, printed. */
static int
wants_verb_help(int argc, char **argv)
{
	const struct table_function *verb = argc > 2 ? verb_named(argv[1]) : NULL;

	for (int i = 2; verb && i < argc; i++)
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
			verb_help(verb);
			return 1;
		}
	return 0;
}

/* SQL that begins with a comment is no option: it gets a blank. To be freed; NULL: there is none. */
static char *
shift_comment(int argc, char **argv)
{
	struct buf text = {0};

	for (int i = 1; i < argc; i++)
		if (strncmp(argv[i], "-- ", 3) == 0 || strncmp(argv[i], "--\n", 3) == 0) {
			buf_printf(&text, " %s", argv[i]);
			argv[i] = mem_text(buf_text(&text));
			buf_release(&text);
			return argv[i];
		}
	return NULL;
}

/* What holds for all statements, of the settings and options. */
static void
settle(struct asked *a)
{
	struct query_spec *spec = &a->spec;

	spec->store = cmd_settings()->store;
	spec->tenant = cmd_settings()->tenant;
	spec->zone = cmd_settings()->zone;
	spec->memory = a->memory ? a->memory : 4LL << 30;
	spec->large_heap = spec->memory >= 2LL << 30;   /* it holds on to half a GiB and what it has: not where that is to be little */
	if (!spec->large_heap)
		mem_small_heap();
	spec->keep_answers = a->n == 0;                 /* a shell, a script */
	a->verb = a->n ? verb_named(a->operands[0]) : NULL;
	a->shell.spec = spec;
	for (int i = 0; i < a->params.n; i++) {
		const char *text = a->params.text[i], *equals = strchr(text, '=');

		a->shell.params = mem_grow(a->shell.params, (size_t)a->shell.n_params + 1, sizeof(*a->shell.params));
		a->shell.params[a->shell.n_params++] = (struct query_param){ { text, (size_t)(equals - text) }, str_of(equals + 1) };
	}
}

static int
run_verb(struct asked *a, struct query *q, struct err *err)
{
	struct cell args[TABLE_FUNCTION_PARAMS];
	int rows = a->shell.format == OUTPUT_NDJSON;

	if (verb_arguments(a->verb, a->verb_options, a->operands + 1, args, err) < 0)
		return err->code;
	if (rows && strcmp(a->verb->name, "events") == 0)
		return verb_print_events(q, a->verb, args, err);
	if (rows && strcmp(a->verb->name, "metric") == 0)
		return verb_print_metric(q, a->verb, args, err);
	return shell_verb(&a->shell, q, a->verb, args, err);
}

/* SQL: the operand, standard input, or what is typed at a prompt. */
static int
run_sql(struct asked *a, struct query **q, struct err *err)
{
	const char *first = a->n ? a->operands[0] : NULL, *near = first ? verb_near(first) : NULL;
	struct buf sql = {0};
	int rc;

	if (near)
		return err_set(err, ERR_USAGE, "'%s' is no verb, did you mean %s?", first, near);
	if (verb_none(a->verb_options, err))
		return err->code;
	if (a->n > 1)
		return err_set(err, ERR_USAGE, "'%s' is no verb; SQL is one argument in quotes", first);
	if (first && strcmp(first, "-"))
		return shell_statements(&a->shell, *q, str_of(first), err);
	if (a->spec.input && strcmp(a->spec.input, "-") == 0)
		return err_set(err, ERR_USAGE, "stdin has the rows of -i, give the SQL as an argument");
	if (isatty(0) && !first)
		return shell_interact(&a->shell, q, err);
	if ((rc = read_sql(&sql, err)) >= 0)
		rc = shell_statements(&a->shell, *q, buf_get(&sql), err);
	buf_release(&sql);
	return rc;
}

static int
run(struct asked *a, struct err *err)
{
	struct config *config = NULL;
	struct store *aside = NULL;
	struct query *q = NULL;
	int stores_rows;

	settle(a);
	stores_rows = a->spec.input && a->verb && strcmp(a->verb->name, "explain");
	if (shell_format(&a->shell, err) == 0 && (config = config_open(cmd_settings()->config, err)) &&
	    (!stores_rows || (aside = aside_open(&a->spec, err)))) {
		a->spec.config = config;
		q = query_open(&a->spec, err);
	}
	if (q && a->complete)
		complete(q, a->complete, err);
	else if (q && a->verb)
		run_verb(a, q, err);
	else if (q)
		run_sql(a, &q, err);
	query_close(q);
	store_close(aside);
	config_close(config);
	return err->code;
}

int
main(int argc, char **argv)
{
	struct asked a = { .spec.stopping = cmd_stopping, .verb_options = verb_options_new() };
	const struct opt own[] = {
		{ 'f', "format", "FORMAT", "table, box, json, ndjson, csv, tsv, markdown, html, chart or vertical", opt_text, &a.shell.format_name },
		{ 'P', "param", "NAME=VALUE", "the value of :NAME in the statement", add_param, &a.params },
		{ 'i', "input", "FILE", "rows for the table input, or for a verb; - for stdin; nothing is stored", opt_text, &a.spec.input },
		{ 0, "input-format", "FORMAT", "what -i reads: ndjson, json, csv, … (told from its content)", opt_text, &a.spec.input_format },
		{ 0, "csv-safe", NULL, "in CSV put ' in front of what a spreadsheet takes for a formula", opt_flag, &a.shell.safe_csv },
		{ 0, "ascii", NULL, "no characters beyond ASCII in frames and bars", opt_flag, &a.shell.ascii },
		{ 0, "timeout", "DUR", "give a statement no more time than this", opt_dur, &a.spec.timeout_ms },
		{ 0, "max-memory", "SIZE", "give statements no more memory than this (4G), then temporary files", opt_size, &a.memory },
		{ 0, "no-pager", NULL, "do not show long answers through $PAGER", opt_flag, &a.shell.no_pager },
		{ 0, "complete", "KIND", "names for completion: tables, columns, events, metrics, tenants, verbs", opt_text, &a.complete },
	};
	struct opt opts[OPTIONS] = { { 0 } };
	struct cmd_verb verbs[VERBS] = { { 0 } };
	const struct cmd cmd = { "at-query", "[SQL | VERB …]", "SQL, metrics, funnels and retention over stored events or rows", opts, examples, verbs };
	struct err err = {0};
	char *comment = NULL;
	int status;

	memcpy(opts, own, sizeof(own));
	if (!wants_help(argv))
		memcpy(opts + sizeof(own) / sizeof(*own), a.verb_options->opt, (size_t)a.verb_options->n * sizeof(*opts));
	list_verbs(verbs);
	if (wants_verb_help(argc, argv)) {
		status = flushed(&err) ? fprintf(stderr, "at-query: %s\n", err.text), 1 : 0;
	} else {
		comment = shift_comment(argc, argv);
		a.operands = cmd_start(&cmd, argc, argv, &a.n);
		run(&a, &err);
		flushed(&err);
		status = cmd_end(&err);
		shell_wait_pager(&a.shell);
	}
	verb_options_free(a.verb_options);
	free(a.params.text);
	free(a.shell.params);
	free(comment);
	return status;
}
