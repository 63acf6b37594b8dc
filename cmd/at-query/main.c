/* at-query - SQL, metrics, funnels, retention over the store or over rows. See at-query(1). */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cmd.h"
#include "base/dur.h"
#include "base/in.h"
#include "base/mem.h"
#include "base/width.h"
#include "base/time.h"
#include "ingest/ingest.h"
#include "query/functions.h"
#include "query/metric.h"
#include "json/cell.h"
#include "query/verbs.h"
#include "shell.h"
#include "store/admin.h"

#define SQL_MOST (16u << 20)            /* bytes of SQL on stdin */

static const char *const examples[] = {
	"at-query \"SELECT event, count(*) FROM events WHERE timestamp > NOW() - INTERVAL 1 DAY GROUP BY event\"",
	"at-query funnel 'page_view,signup,purchase' --within 7d",
	"at-agg -w 5m access.ndjson | at-query -i - -f chart \"SELECT timestamp, count FROM input\"",
	NULL
};

/* Options of verbs, said once in their tables: each name once here, its help naming the verbs. */
struct verb_options {
	struct opt opt[64];
	const char *value[64];
	int flag[64];
	char *help[64];
	int n;
};

static void
add_verb_options(struct verb_options *o)
{
	for (const struct table_function *const *f = verbs_all; *f && !(*f)->sql_only; f++)
		for (const struct table_function_param *p = (*f)->params; p->name; p++) {
			struct buf help = {0};
			int i;

			if (p->operand)
				continue;
			for (i = 0; i < o->n && strcmp(o->opt[i].name, p->name) != 0; i++)
				;
			if (i < o->n) {         /* another verb has it: say which */
				const char *colon = strchr(o->help[i], ':');

				buf_add(&help, o->help[i], (size_t)(colon - o->help[i]));
				buf_printf(&help, ", %s%s", (*f)->name, colon);
				free(o->help[i]);
			} else if (o->n < 63) {
				o->n++;
				o->opt[i] = (struct opt){ .name = p->name, .arg = p->value, .set = p->value ? opt_text : opt_flag,
					.to = p->value ? (void *)&o->value[i] : (void *)&o->flag[i] };
				if (strlen(p->name) == 1)       /* -n */
					o->opt[i].key = *p->name;
				buf_printf(&help, "%s: %s", (*f)->name, p->does);
			}
			o->opt[i].help = o->help[i] = mem_text(buf_text(&help));
			buf_release(&help);
		}
}

static void
free_verb_options(struct verb_options *o)
{
	for (int i = 0; i < o->n; i++)
		free(o->help[i]);
	free(o);
}

static int
has_empty(struct str list)
{
	struct str piece;

	while (str_cut(&list, ',', &piece))
		if (str_trim(piece).n == 0)
			return 1;
	return 0;
}

/* The arguments of a verb from options and operands. */
static int
verb_arguments(const struct table_function *f, const struct verb_options *o, char **operands, struct cell *args, struct err *err)
{
	for (int i = 0; f->params[i].name; i++) {
		args[i] = cell_null();
		if (f->params[i].operand) {
			if (*operands)
				args[i] = cell_text(str_of(*operands++));
			continue;
		}
		for (int k = 0; k < o->n; k++)
			if (strcmp(o->opt[k].name, f->params[i].name) == 0 && (o->value[k] || o->flag[k]))
				args[i] = o->flag[k] ? cell_integer(1) : cell_text(str_of(o->value[k]));
	}
	if (*operands)
		return err_set(err, ERR_USAGE, "%s: '%s' is one operand too many", f->name, *operands);
	for (int i = 0; f->params[i].name; i++)
		if (args[i].type == CELL_TEXT && strcmp(f->params[i].name, "by") == 0 && has_empty(args[i].text))
			return err_set(err, ERR_USAGE, "%s: --by: an empty field name, give them as source,country", f->name);
	for (int i = 0; f->params[i].name; i++)
		if (args[i].type == CELL_TEXT && str_utf8_fault(args[i].text) >= 0)
			return err_set(err, ERR_USAGE, "%s: '%.80s' is not UTF-8", f->name, args[i].text.p);
	for (int k = 0; k < o->n; k++) {
		int has = !o->value[k] && !o->flag[k];

		for (int i = 0; f->params[i].name; i++)
			has |= strcmp(o->opt[k].name, f->params[i].name) == 0;
		if (!has)
			return err_set(err, ERR_USAGE, "%s has no %s%s, see at-query %s --help", f->name, strlen(o->opt[k].name) == 1 ? "-" : "--",
			    o->opt[k].name, f->name);
	}
	return 0;
}

/* SQL has no use for a verb's option: it was meant for a verb that is not there. Only --strict means something without one. */
static int
no_verb(const struct verb_options *o, struct err *err)
{
	for (int k = 0; k < o->n; k++) {
		const char *name = o->opt[k].name;

		if (!o->value[k] && !o->flag[k])
			continue;
		if (strcmp(name, "strict"))
			return err_set(err, ERR_USAGE, "%s%s is an option of verbs (%s), SQL has none", strlen(name) == 1 ? "-" : "--", name, o->help[k]);
		cmd_set_strict(NULL, NULL, err);
	}
	return 0;
}

/* What was printed by stdio must have come out. */
static int
flushed(struct err *err)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return 0;
	return err->code ? err->code : err_set(err, ERR_IO, "cannot write standard output: %s", strerror(errno));
}

/* at-query funnel --help */
static void
verb_help(const struct table_function *f)
{
	printf("usage: at-query %s", f->name);
	for (const struct table_function_param *p = f->params; p->name; p++) {
		const char *dashes = strlen(p->name) == 1 ? "-" : "--";

		if (p->operand)
			printf(" %s", p->value);
		else if (p->value)
			printf(" [%s%s %s]", dashes, p->name, p->value);
		else
			printf(" [%s%s]", dashes, p->name);
	}
	printf("\n%s.\n\n", f->does);
	for (const struct table_function_param *p = f->params; p->name; p++) {
		char left[64];

		snprintf(left, sizeof(left), "%s%s%s%s", p->operand ? "" : strlen(p->name) == 1 ? "-" : "--", p->operand ? p->value : p->name,
		    !p->operand && p->value ? " " : "", !p->operand && p->value ? p->value : "");
		printf("  %-20s %s\n", left, p->does);
	}
	printf("\ncolumns: ");
	for (const char *const *c = f->columns; *c; c++)
		printf("%s%s", c == f->columns ? "" : ", ", *c);
	printf("\nin SQL:  SELECT * FROM %s(", f->name);
	for (const struct table_function_param *p = f->params; p->name; p++)
		printf("%s%s", p == f->params ? "" : ", ", p->name);
	printf(")\nOptions of every command: at-query --help. Pages: at-query(1), at-sql(7).\n");
}

/* ---- events in canonical form, so that they go on through a pipe */

static int
put_event(void *out, const struct event *e, struct err *err)
{
	struct out *to = out;

	(void)err;
	event_put(&to->buf, e);
	buf_byte(&to->buf, '\n');
	out_row(to);
	return 0;
}

static void
idle(void *out)
{
	out_flush(out);
}

static void
skipped(const struct err *why)
{
	cmd_fail(why);
}

static int
run_events(struct query *q, const struct table_function *f, const struct cell *args, struct err *err)
{
	struct table_function_call call = { q, args, f };
	struct history_spec spec;

	if (verbs_events(&call, &spec, err) < 0)
		return err->code;
	spec.skipped = skipped;
	return history_run(q, &spec, put_event, idle, out_stdout(), err);
}

/* A metric as metric rows: {"metric":…,"timestamp":…,"window":…,"labels":{…},"value":…} */
struct metric_rows { const char *name; char every[32]; struct str names[64]; int n; };

static int
metric_names(void *self, const struct str *names, int n, struct err *err)
{
	struct metric_rows *m = self;

	(void)err;
	m->n = n < 64 ? n : 64;
	memcpy(m->names, names, (size_t)m->n * sizeof(*names));
	return 0;
}

static int
metric_row(void *self, const struct cell *cells, int n, struct err *err)
{
	struct metric_rows *m = self;
	struct buf *to = &out_stdout()->buf;

	(void)err;
	buf_lit(to, "{\"metric\":");
	json_put_string(to, str_of(m->name));
	buf_lit(to, ",\"timestamp\":");
	cell_put_json(to, &cells[n - 2]);
	if (*m->every) {
		buf_lit(to, ",\"window\":");
		json_put_string(to, str_of(m->every));
	}
	buf_lit(to, ",\"labels\":{");
	for (int i = 0; i < n - 2; i++) {
		buf_lit(to, i ? "," : "");
		json_put_key(to, m->names[i]);
		cell_put_json(to, &cells[i]);
	}
	buf_lit(to, "},\"value\":");
	cell_put_json(to, &cells[n - 1]);
	buf_lit(to, "}\n");
	out_row(out_stdout());
	return 0;
}

static int
run_metric(struct query *q, const struct table_function *f, const struct cell *args, struct err *err)
{
	struct metric_rows rows = { .name = args[0].type == CELL_TEXT ? args[0].text.p : "" };
	const struct query_sink sink = { metric_names, metric_row, &rows };
	int64_t every, months;

	for (int i = 0; f->params[i].name; i++)
		if (strcmp(f->params[i].name, "every") == 0 && args[i].type == CELL_TEXT && table_function_read_every(args[i].text, &every, &months) == 0) {
			metric_every_print(every, (int)months, rows.every);     /* 60s is 1m, as at-agg has it: one series */
		}
	return query_call(q, f, args, &sink, err);
}

/* ---- verbs over the rows of -i: a store of their own, that no folder names once it is open, and until then a process of its own
 * looks after, so nothing is left of it however this ends */

static int
remove_entry(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st, (void)type, (void)at;
	remove(path);
	return 0;
}

/* Waits for a byte at `end`, or for this process to be killed, and takes the folder away. In a process group of its own, from before there is anything
 * in the folder, and without any open file: neither a signal to our group nor a reader that waits for the end of our output has to do with it. Its
 * pid, or -1. */
static pid_t
start_caretaker(const char *dir, int *end)
{
	char byte;
	int fd[2];
	pid_t pid;

	*end = -1;
	if (pipe2(fd, O_CLOEXEC) < 0)
		return -1;
	if ((pid = fork()) == 0) {
		setpgid(0, 0);
		signal(SIGTERM, SIG_IGN), signal(SIGINT, SIG_IGN), signal(SIGHUP, SIG_IGN);
		dup2(fd[0], 0);
		close_range(1, ~0U, 0);
		while (read(0, &byte, 1) < 0 && errno == EINTR)
			;
		nftw(dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
		_exit(0);
	}
	if (pid > 0)
		setpgid(pid, pid);      /* it may not have run yet */
	close(fd[0]);
	*end = fd[1];
	return pid;
}

static void
end_caretaker(pid_t pid, int end)
{
	if (end >= 0) {
		while (write(end, "", 1) < 0 && errno == EINTR)
			;
		close(end);
	}
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

/* A terminal that is closed ends the reading, as SIGTERM does. */
static void
on_hangup(int sig)
{
	(void)sig;
	kill(getpid(), SIGTERM);
}

/* at-ingest into that folder. Until it is gone again nothing is to end this without a word to it: no hangup, no reader of stderr that went. */
static struct store *
store_rows(const char *dir, const struct query_spec *spec, struct err *err)
{
	char *files[] = { (char *)spec->input, NULL };
	struct ingest_spec ingest = { .format = spec->input_format, .store = dir };
	struct sigaction hangup = { .sa_handler = on_hangup }, pass = { .sa_handler = SIG_IGN }, was_hangup, was_pipe;
	struct store *store = NULL;
	int end;
	pid_t caretaker = start_caretaker(dir, &end);

	if (sigaction(SIGHUP, NULL, &was_hangup) == 0 && was_hangup.sa_handler != SIG_IGN)
		sigaction(SIGHUP, &hangup, NULL);
	sigaction(SIGPIPE, &pass, &was_pipe);
	if (ingest_run(&ingest, files, err) == 0)
		store = store_open(dir, spec->tenant, STORE_READ, err);
	end_caretaker(caretaker, end);
	nftw(dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);      /* where there was none */
	sigaction(SIGPIPE, &was_pipe, NULL);
	sigaction(SIGHUP, &was_hangup, NULL);
	return store;
}

/* The rows as at-ingest takes them, events and metrics, which are `spec`'s store then. NULL: none, err says why. */
static struct store *
store_aside(struct query_spec *spec, struct err *err)
{
	const char *room = getenv("TMPDIR");
	struct buf path = {0};
	char *dir;

	if (strcmp(spec->input, "-") && access(spec->input, R_OK)) {
		err_set(err, ERR_IO, "%s: %s", spec->input, strerror(errno));
		return NULL;
	}
	buf_printf(&path, "%s/at-query.XXXXXX", room && *room ? room : "/tmp");
	dir = mem_text(buf_text(&path));
	buf_release(&path);
	if (!mkdtemp(dir))
		err_set(err, ERR_IO, "%s: %s, put a folder for the rows of -i into TMPDIR", dir, strerror(errno));
	else
		spec->opened = store_rows(dir, spec, err);
	free(dir);
	if (cmd_stopping())             /* it ended the reading: what was read is answered */
		spec->stopping = NULL;
	spec->store = NULL;
	spec->input = NULL;
	return spec->opened;
}

/* ---- names for completion */

static int
print_name(void *self, struct str name, struct err *err)
{
	struct buf safe = {0};

	(void)self, (void)err;
	width_put_shown(&safe, name);
	puts(buf_text(&safe));
	buf_release(&safe);
	return 0;
}

static int
print_event(void *self, struct str name, int64_t count, int64_t first, int64_t last)
{
	(void)count, (void)first, (void)last;
	return print_name(self, name, NULL);
}

static int
print_tenant(void *self, const char *name)
{
	return print_name(self, str_of(name), NULL);
}

static void
print_table(void *self, const char *name, const char *does)
{
	(void)does;
	print_name(self, str_of(name), NULL);
}

static void
print_function(void *self, const char *name)
{
	print_name(self, str_of(name), NULL);
}

static int
complete(struct query *q, const char *kind, struct err *err)
{
	if (strcmp(kind, "verbs") == 0) {
		for (const struct table_function *const *f = verbs_all; *f && !(*f)->sql_only; f++)
			puts((*f)->name);
	} else if (strcmp(kind, "formats") == 0) {
		for (int i = 0; output_names[i]; i++)
			puts(output_names[i]);
	} else if (strcmp(kind, "functions") == 0) {
		functions_each(print_function, NULL);
	} else if (strcmp(kind, "tables") == 0) {
		query_each_table(q, print_table, NULL, err);
	} else if (strcmp(kind, "columns") == 0) {
		query_each_column(q, "events", print_name, NULL, err);
	} else if (strcmp(kind, "events") == 0) {
		if (query_store(q, err))
			store_each_name(query_store(q, err), print_event, NULL, err);
	} else if (strcmp(kind, "metrics") == 0) {
		static const char sql[] = "SELECT DISTINCT metric FROM metrics UNION SELECT DISTINCT event FROM events ORDER BY 1";
		const struct query_sink sink = { NULL, shell_print_first, NULL };
		size_t at = 0;

		query_run(q, str_of(sql), &at, NULL, 0, &sink, err);
	} else if (strcmp(kind, "tenants") == 0) {
		store_tenants(cmd_settings()->store, print_tenant, NULL, err);
	} else {
		err_set(err, ERR_USAGE, "--complete '%s': try verbs, formats, functions, tables, columns, events, metrics or tenants", kind);
	}
	return err->code;
}

/* ---- SQL on stdin */

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

static const struct table_function *
find_verb(const char *name)
{
	const struct table_function *f = verbs_find(name);

	return f && !f->sql_only ? f : NULL;
}

/* A word that is none, and near to a verb; NULL. */
static const char *
near_verb(const char *word)
{
	const size_t n = strlen(word);
	const char *near = NULL;
	int most = n > 4 ? 2 : 1;

	if (strspn(word, "abcdefghijklmnopqrstuvwxyz") != n)
		return NULL;
	for (const struct table_function *const *f = verbs_all; *f && !(*f)->sql_only; f++)
		if (str_nearer(word, (*f)->name, &most))
			near = (*f)->name;
	return near;
}

int
main(int argc, char **argv)
{
	struct verb_options *verb_options = mem_new(sizeof(*verb_options));
	struct shell shell = { .format_name = NULL };
	struct opt_list params = {0};
	struct query_spec spec = { .stopping = cmd_stopping };
	const char *complete_kind = NULL;
	int64_t memory = 0;
	const struct opt own[] = {
		{ 'f', "format", "FORMAT", "table, box, json, ndjson, csv, tsv, markdown, html, chart or vertical", opt_text, &shell.format_name },
		{ 'P', "param", "NAME=VALUE", "the value of :NAME in the statement", add_param, &params },
		{ 'i', "input", "FILE", "rows for the table input, or for a verb; - for stdin; nothing is stored", opt_text, &spec.input },
		{ 0, "input-format", "FORMAT", "what -i reads: ndjson, json, csv, … (told from its content)", opt_text, &spec.input_format },
		{ 0, "csv-safe", NULL, "in CSV put ' in front of what a spreadsheet takes for a formula", opt_flag, &shell.safe_csv },
		{ 0, "ascii", NULL, "no characters beyond ASCII in frames and bars", opt_flag, &shell.ascii },
		{ 0, "timeout", "DUR", "give a statement no more time than this", opt_dur, &spec.timeout_ms },
		{ 0, "max-memory", "SIZE", "give statements no more memory than this (4G), then temporary files", opt_size, &memory },
		{ 0, "no-pager", NULL, "do not show long answers through $PAGER", opt_flag, &shell.no_pager },
		{ 0, "complete", "KIND", "names for completion: tables, columns, events, metrics, tenants, verbs", opt_text, &complete_kind },
	};
	const int n_own = sizeof(own) / sizeof(*own);
	struct cmd_verb verbs[32] = { { 0 } };
	struct opt opts[96] = { { 0 } };
	const struct cmd cmd = { "at-query", "[SQL | VERB …]", "SQL, metrics, funnels and retention over stored events or rows", opts, examples, verbs };
	const struct table_function *verb;
	struct cell args[TABLE_FUNCTION_PARAMS];
	struct config *config = NULL;
	struct query *q = NULL;
	struct buf sql = {0};
	struct err err = {0};
	struct store *aside = NULL;
	char **operands, *comment = NULL;
	int n, status;

	add_verb_options(verb_options);
	memcpy(opts, own, sizeof(own));
	if (!wants_help(argv))
		memcpy(opts + n_own, verb_options->opt, (size_t)verb_options->n * sizeof(*opts));
	for (int i = 0; verbs_all[i] && !verbs_all[i]->sql_only && i < 31; i++) {
		const struct table_function_param *p = verbs_all[i]->params;

		verbs[i] = (struct cmd_verb){ verbs_all[i]->name, p->name && p->operand ? p->value : "", verbs_all[i]->does };
	}
	if (argc > 2 && (verb = find_verb(argv[1])))
		for (int i = 2; i < argc; i++)
			if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
				verb_help(verb);
				free_verb_options(verb_options);
				if (flushed(&err))
					fprintf(stderr, "at-query: %s\n", err.text);
				return err.code ? 1 : 0;
			}
	for (int i = 1; i < argc; i++)
		if (strncmp(argv[i], "-- ", 3) == 0 || strncmp(argv[i], "--\n", 3) == 0) {     /* SQL that begins with a comment, no option */
			struct buf text = {0};

			buf_printf(&text, " %s", argv[i]);
			argv[i] = comment = mem_text(buf_text(&text));
			buf_release(&text);
		}
	operands = cmd_start(&cmd, argc, argv, &n);
	spec.store = cmd_settings()->store;
	spec.tenant = cmd_settings()->tenant;
	spec.zone = cmd_settings()->zone;
	spec.memory = memory ? memory : 4LL << 30;
	spec.large_heap = spec.memory >= 1 << 30;       /* it holds on to what it has: not where that is to be little */
	if (!spec.large_heap)
		mem_small_heap();
	spec.keep_answers = n == 0;             /* a shell, a script */
	shell.spec = &spec;
	for (int i = 0; i < params.n; i++) {
		const char *equals = strchr(params.text[i], '=');

		shell.params = mem_grow(shell.params, (size_t)shell.n_params + 1, sizeof(*shell.params));
		shell.params[shell.n_params++] = (struct query_param){ { params.text[i], (size_t)(equals - params.text[i]) }, str_of(equals + 1) };
	}
	verb = n ? find_verb(operands[0]) : NULL;
	if (shell_format(&shell, &err) == 0 && (config = config_open(cmd_settings()->config, &err)) &&
	    (!spec.input || !verb || strcmp(verb->name, "explain") == 0 || (aside = store_aside(&spec, &err)))) {
		spec.config = config;
		q = query_open(&spec, &err);
	}
	if (!q) {
		;
	} else if (complete_kind) {
		complete(q, complete_kind, &err);
	} else if (verb) {
		if (verb_arguments(verb, verb_options, operands + 1, args, &err) == 0) {
			if (strcmp(verb->name, "events") == 0 && shell.format == OUTPUT_NDJSON)
				run_events(q, verb, args, &err);
			else if (strcmp(verb->name, "metric") == 0 && shell.format == OUTPUT_NDJSON)
				run_metric(q, verb, args, &err);
			else
				shell_verb(&shell, q, verb, args, &err);
		}
	} else if (n && near_verb(operands[0])) {
		err_set(&err, ERR_USAGE, "'%s' is no verb, did you mean %s?", operands[0], near_verb(operands[0]));
	} else if (no_verb(verb_options, &err)) {
		;
	} else if (n > 1) {
		err_set(&err, ERR_USAGE, "'%s' is no verb; SQL is one argument in quotes", operands[0]);
	} else if (n == 1 && strcmp(operands[0], "-")) {
		shell_statements(&shell, q, str_of(operands[0]), &err);
	} else if (spec.input && strcmp(spec.input, "-") == 0) {
		err_set(&err, ERR_USAGE, "stdin has the rows of -i, give the SQL as an argument");
	} else if (isatty(0) && n == 0) {
		shell_interact(&shell, &q, &err);
	} else if (read_sql(&sql, &err) >= 0) {
		shell_statements(&shell, q, buf_get(&sql), &err);
	}
	query_close(q);
	store_close(aside);
	config_close(config);
	flushed(&err);
	status = cmd_end(&err);
	shell_wait_pager(&shell);
	free_verb_options(verb_options);
	free(params.text);
	free(shell.params);
	free(comment);
	buf_release(&sql);
	return status;
}
