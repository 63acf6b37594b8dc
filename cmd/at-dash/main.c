/* at-dash - dashboards in the terminal, and rows on standard input as a picture. See at-dash(1). */
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "at-dash.h"
#include "base/cmd.h"
#include "base/mem.h"
#include "base/out.h"
#include "base/time.h"
#include "dash/find.h"
#include "dash/live.h"
#include "dash/reading.h"
#include "dash/render.h"
#include "dash/screen.h"
#include "event/rows.h"

#define WIDTH_MOST 1000

/* What the command line asks for. */
struct wish {
	struct board_spec board;
	const char *url, *render, *range, *filter;
	int once, plain, safe_csv;
	long width, series, points;
};

/* ---- where the values come from */

struct source { struct config *config; struct query *query; struct data *data; };

static int
open_source(struct source *s, const struct wish *w, int is_live, struct err *err)
{
	struct query_spec spec = { .store = cmd_settings()->store, .tenant = cmd_settings()->tenant, .zone = cmd_settings()->zone, .memory = 4LL << 30,
		.keep_answers = 1, .stopping = is_live ? live_unwanted : cmd_stopping };

	if (w->url) {
		s->data = data_of_url(w->url, getenv("AT_KEY"), err);
	} else if ((s->config = config_open(cmd_settings()->config, err))) {
		spec.config = s->config;
		if ((s->query = query_open(&spec, err)))
			s->data = data_of_query(s->query);
	}
	return err->code;
}

static void
close_source(struct source *s)
{
	data_free(s->data);
	query_close(s->query);
	config_close(s->config);
}

/* The dashboard of that id; "overview", or none, is made from what there is. */
static struct definition *
find_definition(struct source *s, const char *name, struct err *err)
{
	struct definition *d = name ? find_dashboard(s->data, str_of(name), err) : NULL;
	struct buf ids = {0};

	if (name && err->code && s->query)      /* most likely a file was meant */
		err_at(err, "'%.64s' is no file, and for a dashboard of that name", name);
	if (d || err->code)
		return d;
	if (!name || strcmp(name, "overview") == 0)
		return find_made(s->data, err);
	if (find_ids(s->data, &ids, err) == 0)
		err_set(err, ERR_INPUT, "'%.64s' is no dashboard and no file; there are: overview%s%.200s", name, ids.n ? ", " : "", buf_text(&ids));
	buf_release(&ids);
	return NULL;
}

/* ---- once */

static int
terminal_width(void)
{
	struct winsize w;

	return ioctl(1, TIOCGWINSZ, &w) == 0 && w.ws_col ? w.ws_col : 80;
}

static int
wanted_width(const struct wish *w)
{
	return w->width ? (int)(w->width < WIDTH_MOST ? w->width : WIDTH_MOST) : terminal_width();
}

static struct rendering
rendering_of(const struct wish *w)
{
	return (struct rendering){ .width = wanted_width(w), .ascii = w->board.ascii, .safe_csv = w->safe_csv,
		.colors = w->render || !cmd_settings()->color ? 0 : screen_has_true_color() ? 1 << 24 : 256 };
}

int
write_file(const char *path, const struct buf *text, struct err *err)
{
	struct out *out = strcmp(path, "-") ? out_replace(path, err) : out_stdout();

	if (!out)
		return err->code;
	buf_str(&out->buf, buf_get(text));
	return strcmp(path, "-") ? out_close(out, err) : 0;
}

static int
draw_once(struct source *s, const struct definition *definition, const struct wish *w, struct err *err)
{
	struct reading *readings = mem_new((size_t)definition->n * sizeof(*readings) + 1);
	struct drawing d = { .definition = definition, .readings = readings, .chosen = -1, .is_plain = w->plain,
		.period = { .at = time_now() + 1, .range = str_of(w->range), .filter = str_of(w->filter), .zone = cmd_settings()->zone } };
	const struct rendering r = rendering_of(w);
	const struct render_format *format = w->render ? render_find(w->render, err) : &render_formats[0];
	struct buf text = {0};

	for (int i = 0; i < definition->n; i++)
		reading_init(&readings[i]);
	for (int i = 0; i < definition->n && format && !cmd_stopping(); i++)
		if (reading_get(&readings[i], s->data, definition, &definition->widget[i], &d.period) < 0) {
			struct err why = readings[i].err;       /* the widget says it, and whoever runs this as a job hears it */

			err_at(&why, "%.*s", definition->widget[i].id.n > 64 ? 64 : (int)definition->widget[i].id.n, definition->widget[i].id.p);
			cmd_fail(&why);
		}
	if (format && !err->code) {
		format->put(&d, &r, &text);
		write_file(w->render ? w->render : "-", &text, err);
	}
	for (int i = 0; i < definition->n; i++)
		reading_release(&readings[i]);
	free(readings);
	buf_release(&text);
	return err->code;
}

/* ---- until it is left: as live_run */
static int
draw_live(struct source *s, const struct definition *definition, const struct wish *w, struct err *err)
{
	const struct live_spec spec = { .data = s->data, .definition = definition, .color = cmd_settings()->color, .is_plain = w->plain,
		.ascii = w->board.ascii || screen_is_ascii(), .rendering = { .width = wanted_width(w), .ascii = w->board.ascii, .safe_csv = w->safe_csv },
		.period = { .range = str_of(w->range), .filter = str_of(w->filter), .zone = cmd_settings()->zone }, .stopping = cmd_stopping };

	return live_run(&spec, err);
}

static int
draw_rows(const struct wish *w, char **files, int is_live, struct err *err)
{
	const struct rows_spec spec = { .board = w->board, .filter = str_of(w->filter), .range = str_of(w->range), .rendering = rendering_of(w), .file = w->render,
		.is_live = is_live };

	return rows_run(&spec, files, err);
}

/* ---- which of all it is */

static int
is_file(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && !S_ISDIR(st.st_mode);
}

/* Something that rows may come on: no terminal, and not /dev/null as in cron. */
static int
stdin_has_rows(void)
{
	struct stat st;

	return fstat(0, &st) == 0 && (S_ISFIFO(st.st_mode) || S_ISREG(st.st_mode) || S_ISSOCK(st.st_mode));
}

/* What no widget could be asked. */
static int
is_no_range(const struct wish *w, struct err *err)
{
	const struct period period = { .at = time_now() + 1, .zone = cmd_settings()->zone };
	int64_t from, to;

	return reading_range(str_of(w->range), &period, &from, &to, err) ? err_at(err, "--range") : 0;
}

static int
run(const struct wish *w, char **operands, int n, struct err *err)
{
	struct definition *definition = NULL;
	struct source s = {0};
	int is_live = !w->once && !w->render && isatty(1);

	if (w->range && is_no_range(w, err))
		return err->code;
	if (n == 1 && is_file(operands[0]) && !(definition = definition_open(operands[0], err)) && err->code)
		return err->code;
	if (!definition && !w->url && (n > 1 || (n == 1 && (strcmp(operands[0], "-") == 0 || is_file(operands[0]))) || (n == 0 && stdin_has_rows())))
		return draw_rows(w, operands, is_live, err);
	if (n > 1)
		return err_set(err, ERR_USAGE, "'%s' is one dashboard too many", operands[1]);
	if (open_source(&s, w, is_live, err) == 0 && (definition || (definition = find_definition(&s, operands[0], err)))) {
		if (!is_live)
			draw_once(&s, definition, w, err);
		else if (draw_live(&s, definition, w, err) > 0)
			return 0;               /* an answer hangs */
	}
	definition_free(definition);
	close_source(&s);
	return err->code;
}

int
main(int argc, char **argv)
{
	struct wish w = {0};
	const struct opt opts[] = {
		{ 0,   "once",   NULL,      "write the picture as text, and end; of rows behind the end of the input", opt_flag,  &w.once },
		{ 'o', "render", "FILE",    "write the picture as FILE.txt, .svg, .html, .json or .csv, and end",    opt_text,  &w.render },
		{ 0,   "url",    "URL",     "ask at-serve there, with the key of $AT_KEY, instead of the store",       opt_text,  &w.url },
		{ 0,   "range",  "RANGE",   "7d, yesterday, 2026-11-01/2026-11-08: instead of each widget's own; of rows, of these only",      opt_text,  &w.range },
		{ 0,   "filter", "TEXT",    "only the rows and curves in which this stands",                           opt_text,  &w.filter },
		{ 'n', "series", "N",       "of rows: lines of a metric at most, the largest first; default 8",        opt_count, &w.series },
		{ 0,   "points", "N",       "of rows: values of a series that are kept; default 1000",                 opt_count, &w.points },
		{ 0,   "width",  "COLUMNS", "of the picture of --once; default the terminal's, else 80",               opt_count, &w.width },
		{ 0,   "ascii",  NULL,      "no characters beyond ASCII",                                              opt_flag,  &w.board.ascii },
		{ 0,   "plain",  NULL,      "sentences instead of pictures, for screen readers",                       opt_flag,  &w.plain },
		{ 0,   "csv-safe", NULL,    "in CSV put ' in front of what a spreadsheet takes for a formula",         opt_flag,  &w.safe_csv },
		ROWS_OPT_LOSSY,
		CMD_OPT_STRICT,
		{0}
	};
	static const char *const examples[] = {
		"at-dash web_analytics",
		"at-dash --render report.html examples/config/dashboards/web-analytics.json",
		"tail -f access.log | at-ingest -n | at-agg -w 1s -b status | at-dash",
		NULL
	};
	const struct cmd cmd = { "at-dash", "[DASHBOARD | FILE…]", "draw dashboards and rows in the terminal", opts, examples, NULL };
	int n;
	char **operands = cmd_start(&cmd, argc, argv, &n);
	struct err err = {0};

	w.board.series = (int)(w.series < 1000 ? w.series : 1000);
	w.board.points = (int)(w.points < 1000000 ? w.points : 1000000);
	w.board.plain = w.plain;
	w.board.zone = cmd_settings()->zone;
	run(&w, operands, n, &err);
	return cmd_end(&err);
}
