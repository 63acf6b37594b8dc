#include "shell.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef HAVE_READLINE
#include <readline/readline.h>
#include <readline/history.h>
#endif

#include "base/cmd.h"
#include "base/io.h"
#include "base/later.h"
#include "base/mem.h"
#include "base/width.h"
#include "base/time.h"
#include "query/functions.h"
#include "query/rewrite.h"
#include "query/verbs.h"

#define HISTORY_MOST 5000

/* ---- one answer */

static int
is_utf8_terminal(void)
{
	const char *names[] = { "LC_ALL", "LC_CTYPE", "LANG" }, *term = getenv("TERM");

	if (term && strcmp(term, "dumb") == 0)
		return 0;
	for (int i = 0; i < 3; i++) {
		const char *value = getenv(names[i]);

		if (value && *value)
			return strcasestr(value, "utf-8") || strcasestr(value, "utf8");
	}
	return 0;
}

int
shell_format(struct shell *s, struct err *err)
{
	int format;

	s->terminal = isatty(1);
	if (s->terminal && !is_utf8_terminal())
		s->ascii = 1;
	if (!s->format_name) {
		s->format = s->terminal ? OUTPUT_TABLE : OUTPUT_NDJSON;
		return 0;
	}
	if ((format = output_find(s->format_name, err)) < 0)
		return format;
	s->format = (enum output_format)format;
	return 0;
}

static int
width(const struct shell *s)
{
	struct winsize size;

	return s->terminal && ioctl(1, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

/* On a terminal a table goes through $PAGER, which shows a short one at once. No shell: words are cut at blanks. */
static void
start_pager(struct shell *s)
{
	const char *pager = getenv("PAGER");
	char *words[16], *text, *rest, *word;
	int fd[2], n = 0;

	if (!s->terminal || s->no_pager || s->pager || (s->format != OUTPUT_TABLE && s->format != OUTPUT_BOX && s->format != OUTPUT_VERTICAL))
		return;
	if (!pager || !*pager || strcmp(pager, "cat") == 0)
		return;
	if (pipe2(fd, O_CLOEXEC) < 0)
		return;
	text = rest = mem_text(pager);
	while (n < 15 && (word = strsep(&rest, " ")))
		if (*word)
			words[n++] = word;
	words[n] = NULL;
	s->pager = n ? fork() : -1;
	if (s->pager == 0) {
		setenv("LESS", "FRSX", 0);
		signal(SIGINT, SIG_IGN);
		dup2(fd[0], 0);
		execvp(words[0], words);
		_exit(127);
	}
	if (s->pager > 0) {
		s->saved = fcntl(1, F_DUPFD_CLOEXEC, 3);
		dup2(fd[1], 1);
	} else {
		s->pager = 0;
	}
	close(fd[0]), close(fd[1]);
	free(text);
}

void
shell_wait_pager(struct shell *s)
{
	if (s->pager <= 0)
		return;
	dup2(s->saved, 1);      /* the last writer of the pipe goes: the pager sees the end */
	close(s->saved);
	while (waitpid(s->pager, NULL, 0) < 0 && errno == EINTR)
		;
	s->pager = 0;
}

struct answer { struct shell *shell; struct output *output; };

static int
columns(void *self, const struct str *names, int n, struct err *err)
{
	struct answer *a = self;
	const struct output_spec spec = { .format = a->shell->format, .to = out_stdout(), .width = width(a->shell), .ascii = a->shell->ascii,
		.color = cmd_settings()->color, .safe_csv = a->shell->safe_csv };

	(void)err;
	a->output = output_new(&spec, names, n);
	return 0;
}

static int
row(void *self, const struct cell *cells, int n, struct err *err)
{
	return output_row(((struct answer *)self)->output, cells, n, err);
}

static int
has_timer(const struct shell *s)
{
	int for_reading = s->format == OUTPUT_TABLE || s->format == OUTPUT_BOX || s->format == OUTPUT_VERTICAL || s->format == OUTPUT_CHART;

	return s->terminal && !cmd_settings()->quiet && (s->timer == TIMER_ON || (s->timer == TIMER_OF_TABLES && for_reading));
}

static int
end(struct answer *a, int64_t start, int rc, struct err *err)
{
	int64_t n = a->output ? output_count(a->output) : 0;
	double ms = (double)(time_mono_ns() - start) / 1e6;
	struct err second = {0};

	if (a->output && rc < 0 && n == 0)
		output_drop(a->output);         /* no head of a table that never came */
	else if (a->output && output_end(a->output, &second) < 0 && rc >= 0)
		*err = second;
	if (rc >= 0 && !err->code && a->output && has_timer(a->shell)) {
		buf_printf(&out_stdout()->buf, "(%lld row%s, ", (long long)n, n == 1 ? "" : "s");
		buf_printf(&out_stdout()->buf, ms < 1000 ? "%.1f ms)\n" : "%.2f s)\n", ms < 1000 ? ms : ms / 1000);
	}
	return err->code ? err->code : rc;
}

int
shell_statements(struct shell *s, struct query *q, struct str sql, struct err *err)
{
	size_t at = 0;
	int rc;

	start_pager(s);
	do {
		struct answer a = { .shell = s };
		const struct query_sink sink = { columns, row, &a };
		int64_t start = time_mono_ns();

		rc = query_run(q, sql, &at, s->params, s->n_params, &sink, err);
		rc = end(&a, start, rc, err);
	} while (rc > 0);
	return rc;
}

int
shell_verb(struct shell *s, struct query *q, const struct table_function *f, const struct cell *args, struct err *err)
{
	struct answer a = { .shell = s };
	const struct query_sink sink = { columns, row, &a };
	int64_t start = time_mono_ns();

	start_pager(s);
	return end(&a, start, query_call(q, f, args, &sink, err), err);
}

int
shell_print_first(void *self, const struct cell *cells, int n, struct err *err)
{
	(void)self, (void)err;
	if (n && cells[0].type == CELL_TEXT)
		printf("%.*s\n", STR_FMT(cells[0].text));
	return 0;
}

/* ---- the prompt */

static volatile sig_atomic_t interrupted;

static void
on_interrupt(int signal)
{
	(void)signal;
	interrupted = 1;
}

static int
stopping(void)
{
	return interrupted;
}

static const char help[] =
	"SQL ends with a semicolon; Ctrl-C ends a statement, Ctrl-D or .quit the shell.\n"
	"  .tables            what can be read\n"
	"  .schema [TABLE]    its columns (also \\d TABLE)\n"
	"  .mode FORMAT       table, box, json, ndjson, csv, tsv, markdown, html, chart, vertical\n"
	"  .timer [on|off]    say how long a statement took\n"
	"  .quit              leave (also \\q)\n"
	"Verbs work too: funnel 'a,b,c' --within 7d, metric signup --every 1d, schema, ….\n";

static void
print_table(void *self, const char *name, const char *does)
{
	(void)self;
	buf_printf(&out_stdout()->buf, "%-16s %s\n", name, does);
}

static int
print_column(void *self, struct str name, struct err *err)
{
	(void)self, (void)err;
	buf_lit(&out_stdout()->buf, "  ");
	width_put_shown(&out_stdout()->buf, name);
	buf_byte(&out_stdout()->buf, '\n');
	return 0;
}

/* A semicolon with nothing but blanks behind it, which ends what is no SQL too. */
static int
ends_line(const char *p)
{
	return *p == ';' && !p[1 + strspn(p + 1, " \t;")];
}

/* Words as a shell cuts them: blanks part, quotes hold together. */
static int
cut_words(char *line, char **words, int most)
{
	int n = 0;
	char *p = line, *to;

	while (n < most) {
		char quote = 0;

		while (*p == ' ' || *p == '\t')
			p++;
		if (!*p || *p == ';')
			break;
		words[n++] = to = p;
		for (; *p && (quote || (*p != ' ' && *p != '\t' && !ends_line(p))); p++)
			if (quote ? *p == quote : *p == '\'' || *p == '"')
				quote = quote ? 0 : *p;
			else
				*to++ = *p;
		if (*p)
			p++;
		*to = 0;
	}
	return n;
}

static int
verb_line(struct shell *s, struct query *q, const struct table_function *f, char *line, struct err *err)
{
	struct cell args[TABLE_FUNCTION_PARAMS];
	char *words[64];
	int n = cut_words(line, words, 64);

	for (int i = 0; f->params[i].name; i++)
		args[i] = cell_null();
	for (int w = 1; w < n; w++) {
		char *name = words[w], *value = NULL;
		int i;

		if (*name == '-') {
			name += strspn(name, "-");
			if ((value = strchr(name, '=')))
				*value++ = 0;
			for (i = 0; f->params[i].name && (f->params[i].operand || strcmp(f->params[i].name, name) != 0); i++)
				;
			if (!f->params[i].name)
				return err_set(err, ERR_USAGE, "%s has no --%s", f->name, name);
			if (!value && f->params[i].value && !(value = ++w < n ? words[w] : NULL))
				return err_set(err, ERR_USAGE, "--%s wants %s", name, f->params[i].value);
			args[i] = value ? cell_text(str_of(value)) : cell_integer(1);
			continue;
		}
		for (i = 0; f->params[i].name && (!f->params[i].operand || args[i].type != CELL_NULL); i++)
			;
		if (!f->params[i].name)
			return err_set(err, ERR_USAGE, "%s: '%s' is one operand too many", f->name, name);
		args[i] = cell_text(str_of(name));
	}
	return shell_verb(s, q, f, args, err);
}

/* A line that is no SQL. 1 when it was one, -1 to leave. */
static int
command(struct shell *s, struct query *q, char *line, struct err *err)
{
	char *words[4];
	int n;

	if (*line != '.' && *line != '\\')
		return 0;
	if ((n = cut_words(line, words, 4)) == 0)
		return 1;
	if (strcmp(words[0], ".quit") == 0 || strcmp(words[0], ".exit") == 0 || strcmp(words[0], ".q") == 0 || strcmp(words[0], "\\q") == 0)
		return -1;
	if (strcmp(words[0], ".help") == 0 || strcmp(words[0], "\\?") == 0 || strcmp(words[0], "\\h") == 0) {
		buf_lit(&out_stdout()->buf, help);
	} else if (strcmp(words[0], ".tables") == 0 || (n == 1 && (strcmp(words[0], "\\d") == 0 || strcmp(words[0], "\\dt") == 0))) {
		query_each_table(q, print_table, NULL, err);
	} else if (strcmp(words[0], ".schema") == 0 || strcmp(words[0], "\\d") == 0) {
		const char *table = n > 1 ? words[1] : "events";

		size_t at = out_stdout()->buf.n;

		width_put_shown(&out_stdout()->buf, str_of(table));
		buf_byte(&out_stdout()->buf, '\n');
		if (query_each_column(q, table, print_column, NULL, err) < 0)
			out_stdout()->buf.n = at;
	} else if (strcmp(words[0], ".timer") == 0 || strcmp(words[0], "\\timing") == 0) {
		if (n > 1 && strcmp(words[1], "on") && strcmp(words[1], "off"))
			err_set(err, ERR_USAGE, "%s: '%.40s' is neither on nor off", words[0], words[1]);
		else
			s->timer = (n > 1 ? strcmp(words[1], "off") == 0 : s->timer != TIMER_OFF) ? TIMER_OFF : TIMER_ON;
		if (n == 1)
			buf_printf(&out_stdout()->buf, "%s\n", s->timer == TIMER_OFF ? "off" : "on");
	} else if (strcmp(words[0], ".mode") == 0 && n > 1) {
		int format = output_find(words[1], err);

		if (format >= 0)
			s->format = (enum output_format)format;
	} else if (strcmp(words[0], ".mode") == 0) {
		buf_printf(&out_stdout()->buf, "%s\n", output_names[s->format]);
	} else {
		err_set(err, ERR_USAGE, "no command %s, try .help", words[0]);
	}
	return 1;
}

/* What was typed so far. 1 to go on, -1 to leave. */
static int
take_line(struct shell *s, struct query *q, struct buf *statement, const char *line)
{
	const struct table_function *f;
	struct err err = {0};
	char word[32] = "";
	char *copy;
	int rc = 0;

	if (statement->n == 0) {
		copy = mem_text(line + strspn(line, " \t"));
		if (!*copy) {
			free(copy);
			return 1;
		}
		rc = command(s, q, copy, &err);
		snprintf(word, strcspn(copy, " \t;") + 1 < sizeof(word) ? strcspn(copy, " \t;") + 1 : sizeof(word), "%s", copy);
		if (rc == 0 && (f = verbs_find(word)) && !f->sql_only && strcmp(word, "explain") != 0) {
			interrupted = 0;
			verb_line(s, q, f, copy, &err);
			rc = 1;
		}
		free(copy);
	}
	if (rc == 0) {
		buf_lit(statement, line);
		buf_byte(statement, '\n');
		if (rewrite_complete(buf_get(statement))) {
			interrupted = 0;
			shell_statements(s, q, buf_get(statement), &err);
			buf_clear(statement);
		}
	}
	if (err.code)
		cmd_say("%s", err.text);
	out_flush(out_stdout());
	return rc < 0 ? -1 : 1;
}

#ifdef HAVE_READLINE

/* ---- readline, of which these are used */

#define NAMES(f) f(add_history) f(read_history) f(rl_attempted_completion_function) f(rl_attempted_completion_over) \
	f(rl_callback_handler_install) f(rl_callback_handler_remove) f(rl_callback_read_char) f(rl_catch_signals) \
	f(rl_completer_word_break_characters) f(rl_completion_matches) f(rl_free_line_state) f(rl_library_version) \
	f(rl_outstream) f(rl_readline_name) f(rl_replace_line) f(stifle_history) f(using_history) f(write_history)
static struct { NAMES(LATER_POINTER) } lib;
static const struct later_symbol symbols[] = { NAMES(LATER_SYMBOL) { 0 } };
#define add_history                        (*lib.add_history)
#define read_history                       (*lib.read_history)
#define rl_attempted_completion_function   (*lib.rl_attempted_completion_function)
#define rl_attempted_completion_over       (*lib.rl_attempted_completion_over)
#define rl_callback_handler_install        (*lib.rl_callback_handler_install)
#define rl_callback_handler_remove         (*lib.rl_callback_handler_remove)
#define rl_callback_read_char              (*lib.rl_callback_read_char)
#define rl_catch_signals                   (*lib.rl_catch_signals)
#define rl_completer_word_break_characters (*lib.rl_completer_word_break_characters)
#define rl_completion_matches              (*lib.rl_completion_matches)
#define rl_free_line_state                 (*lib.rl_free_line_state)
#define rl_library_version                 (*lib.rl_library_version)
#define rl_outstream                       (*lib.rl_outstream)
#define rl_readline_name                   (*lib.rl_readline_name)
#define rl_replace_line                    (*lib.rl_replace_line)
#define stifle_history                     (*lib.stifle_history)
#define using_history                      (*lib.using_history)
#define write_history                      (*lib.write_history)

static const char *
readline_version(void)
{
	struct err err = {0};

	return later_open(LIBREADLINE, symbols, &err) < 0 ? "missing" : rl_library_version;
}
CMD_LIBRARY("readline", readline_version())

/* ---- completion */

static struct { char **name; size_t n, cap; } words;
static struct query *completing;

static void
add_word(const char *text, size_t n)
{
	if (words.n == words.cap) {
		words.cap = words.cap ? 2 * words.cap : 256;
		words.name = mem_grow(words.name, words.cap, sizeof(*words.name));
	}
	words.name[words.n++] = mem_dup(text, n);
}

static int
add_column_word(void *self, struct str name, struct err *err)
{
	(void)self, (void)err;
	add_word(name.p, name.n);
	return 0;
}

static void
add_table_word(void *self, const char *name, const char *does)
{
	(void)self, (void)does;
	add_word(name, strlen(name));
}

static void
add_function_word(void *self, const char *name)
{
	(void)self;
	add_word(name, strlen(name));
}

static void
gather_words(struct query *q)
{
	static const char *const keywords[] = { "SELECT", "FROM", "WHERE", "GROUP BY", "ORDER BY", "HAVING", "LIMIT", "DISTINCT", "INTERVAL", "BETWEEN", "QUALIFY",
		"PARTITION BY", "count(*)", "sum(", "avg(", "min(", "max(", ".help", ".tables", ".schema", ".timer", ".mode", ".quit", NULL };
	struct err err = {0};

	query_each_table(q, add_table_word, NULL, &err);
	query_each_column(q, "events", add_column_word, NULL, &err);
	for (int i = 0; keywords[i]; i++)
		add_word(keywords[i], strlen(keywords[i]));
	functions_each(add_function_word, NULL);
}

static char *
next_word(const char *text, int state)
{
	static size_t at;

	if (!state)
		at = 0;
	while (at < words.n) {
		const char *name = words.name[at++];

		if (strncasecmp(name, text, strlen(text)) == 0)
			return strdup(name);
	}
	return NULL;
}

static char **
complete(const char *text, int start, int stop)
{
	(void)start, (void)stop;
	rl_attempted_completion_over = 1;
	if (!words.n)
		gather_words(completing);
	return rl_completion_matches(text, next_word);
}

/* $XDG_STATE_HOME/at/history, readable by its owner only; no other's file, no link is followed. */
static char *
history_file(void)
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	struct buf path = {0};
	struct stat st;
	char *out;
	int fd;

	if (state && *state == '/')
		buf_lit(&path, state);
	else if (home && *home)
		buf_printf(&path, "%s/.local/state", home);
	else
		return NULL;
	buf_lit(&path, "/at");
	for (char *slash = strchr(path.p + 1, '/'); ; slash = strchr(slash + 1, '/')) {
		buf_text(&path);
		if (slash)
			*slash = 0;
		mkdir(path.p, 0700);
		if (!slash)
			break;
		*slash = '/';
	}
	buf_lit(&path, "/history");
	fd = io_open(buf_text(&path), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	out = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid() && fchmod(fd, 0600) == 0 ? mem_text(path.p) : NULL;
	if (fd >= 0)
		close(fd);
	buf_release(&path);
	return out;
}

static char *typed;
static int have_line;

static void
on_line(char *line)
{
	typed = line;
	have_line = 1;
	rl_callback_handler_remove();
}

/* The next line, NULL at the end of input; "" with *cancelled when Ctrl-C gave it up. */
static char *
prompt(const char *text, int *cancelled)
{
	*cancelled = 0;
	have_line = 0;
	interrupted = 0;
	rl_callback_handler_install(text, on_line);
	while (!have_line) {
		struct pollfd in = { .fd = 0, .events = POLLIN };

		if (poll(&in, 1, -1) < 0 && errno == EINTR && interrupted) {
			rl_callback_handler_remove();
			rl_free_line_state();
			rl_replace_line("", 0);
			fputs("^C\n", rl_outstream);
			*cancelled = 1;
			return strdup("");
		}
		if (in.revents)
			rl_callback_read_char();
	}
	return typed;
}

int
shell_interact(struct shell *s, struct query **q, struct err *err)
{
	struct sigaction on = { .sa_handler = on_interrupt };
	char *file = history_file(), *line;
	struct buf statement = {0};
	int going = 1, cancelled;

	if (later_open(LIBREADLINE, symbols, err) < 0) {
		free(file);
		return err->code;
	}
	s->spec->stopping = stopping;
	query_close(*q);
	if (!(*q = query_open(s->spec, err)))
		return err->code;
	completing = *q;
	rl_readline_name = "at-query";
	rl_catch_signals = 0;
	rl_attempted_completion_function = complete;
	rl_completer_word_break_characters = " \t\n\"'`@$><=;|&{(,*+-/";
	sigaction(SIGINT, &on, NULL);
	using_history();
	stifle_history(HISTORY_MOST);
	if (file)
		read_history(file);
	if (!cmd_settings()->quiet)
		fputs("at-query: SQL ends with a semicolon; .help helps, .quit leaves\n", stderr);
	while (going > 0 && (line = prompt(statement.n ? "..> " : "at> ", &cancelled))) {
		if (cancelled) {
			buf_clear(&statement);
		} else {
			if (*line && line[strspn(line, " \t")])
				add_history(line);
			going = take_line(s, *q, &statement, line);
			shell_wait_pager(s);
		}
		free(line);
	}
	if (going > 0)
		fputc('\n', stdout);
	if (file)
		write_history(file);
	for (size_t i = 0; i < words.n; i++)
		free(words.name[i]);
	free(words.name);
	free(file);
	buf_release(&statement);
	return 0;
}

#else

int
shell_interact(struct shell *s, struct query **q, struct err *err)
{
	struct sigaction on = { .sa_handler = on_interrupt };
	struct buf statement = {0};
	char *line = NULL;
	size_t cap = 0;
	int going = 1;

	s->spec->stopping = stopping;
	query_close(*q);
	if (!(*q = query_open(s->spec, err)))
		return err->code;
	sigaction(SIGINT, &on, NULL);
	while (going > 0) {
		ssize_t n;

		fputs(statement.n ? "..> " : "at> ", stdout);
		fflush(stdout);
		if ((n = getline(&line, &cap, stdin)) < 0) {
			if (!interrupted || !ferror(stdin))
				break;
			clearerr(stdin);
			interrupted = 0;
			buf_clear(&statement);
			fputc('\n', stdout);
			continue;
		}
		line[strcspn(line, "\r\n")] = 0;
		going = take_line(s, *q, &statement, line);
	}
	free(line);
	buf_release(&statement);
	return 0;
}

#endif
