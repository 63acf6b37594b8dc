#include "ingest/ingest.h"

#include <errno.h>
#include <glob.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cmd.h"
#include "base/in.h"
#include "base/io.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/out.h"
#include "base/task.h"
#include "base/width.h"
#include "config/config.h"
#include "event/reject.h"
#include "expr/expr.h"
#include "formats/formats.h"
#include "ingest/accept.h"
#include "ingest/ahead.h"
#include "ingest/metrics.h"
#include "ingest/sink.h"
#include "source/follow.h"
#include "source/lines.h"

#define DAY_MS 86400000ll
#define LOAD_NICE 10                            /* of a load, as nice(1) has it: a tenth of the processor beside one who wants it all */
#define BAR_AFTER_NS 1000000000ll               /* work that is done sooner needs no bar */
#define BAR_EVERY_NS 100000000ll
#define BAR_ROWS 4096                           /* rows between looks at the clock */

#define CLOCK_ROWS 64                           /* rows that came in one read may have one time of arrival */
#define TURN 1024                               /* rows of one followed file before the next has its turn */

/* One file, or stdin, that is read. */
struct input {
	const char *path;
	struct in *in;
	const struct format *format;    /* NULL: not known yet */
	void *state;                    /* of the format; NULL: not begun, or read by several threads */
	struct follow *follow;          /* with --follow or --resume */
	int number;                     /* in it */
	struct kept *kept;              /* with --resume */
	int64_t end;                    /* behind the last row */
	int inside;                     /* record.inside of it */
	long base;                      /* lines before those of this run */
};

/* How far a file was read: what --resume keeps, as {"files":{"/var/log/x":{"place":"…","line":12,"inside":1}}}. */
struct kept {
	struct buf place;
	long line;
	int inside;
	struct input *input;            /* being read now */
};

struct run {
	const struct ingest_spec *spec;
	const struct format *format;    /* -f; NULL: found out for each file */
	struct config *config;
	struct expr *map;
	struct accept accept;
	struct store *store;
	struct sink *sink;
	struct metrics *metrics;
	unsigned series_age;            /* of the sink, when the metrics' numbers were given */
	struct rejects rejects;
	struct metrics_row metric;      /* the row at hand: here, since locals are filled with zeros for each row */
	int clock_rows;                 /* rows for which accept.reader.now will do */
	struct buf mapped, mended;
	struct map kept;                /* absolute path → struct kept */

	struct input *at;               /* for the bar */
	glob_t found;                   /* files of --from */
	struct arena *texts;            /* what the configuration gives: for the whole run */
	long dropped, rows;
	int64_t start_ns, bar_ns;
	int bar;                        /* there is one on the terminal */
	struct err failed;              /* what the wait hook met */
};

/* ---- the bar */

static void
bar_clear(struct run *r)
{
	if (r->bar)
		fputs("\r\033[K", stderr);
	r->bar = 0;
}

static void
bar_draw(struct run *r)
{
	int64_t now = time_mono_ns(), size, at;
	double s = (double)(now - r->start_ns) / 1e9;
	struct str path = str_of(r->at ? r->at->path : "");
	struct buf shown = { 0 };
	char share[40] = "";

	if (now - r->start_ns < BAR_AFTER_NS || now - r->bar_ns < BAR_EVERY_NS)
		return;
	r->bar_ns = now;
	size = r->at ? in_size(r->at->in) : -1;
	at = r->at ? in_position(r->at->in) : 0;
	if (size > 0) {
		int full = (int)(at >= size ? 20 : at * 20 / size);

		snprintf(share, sizeof(share), "[%.*s%*s] %3d %%  ", full, "####################", 20 - full, "", (int)(at >= size ? 100 : at * 100 / size));
	}
	width_put_shown(&shown, (struct str){ path.p, path.n > 40 ? 40 : path.n });
	fprintf(stderr, "\r\033[K%s: %s%s  %ld rows, %.0f k/s", cmd_name(), share, buf_text(&shown), r->rows, (double)r->rows / s / 1000);
	buf_release(&shown);
	fflush(stderr);
	r->bar = 1;
}

/* ---- one row */

static void
refuse(struct run *r, const char *file, long line, struct str input, struct err *why)
{
	if (!r->rejects.to && r->rejects.count < REJECT_SHOWN)
		bar_clear(r);
	reject_row(&r->rejects, file, line, input, why);
	err_clear(why);
}

/* A metric row's samples, where it is wanted. */
static void
give_metrics(struct run *r, struct str row, const struct metrics_row *m)
{
	for (int i = 0; i < m->n; i++)
		sink_add_sample(r->sink, m->series[i], m->time, m->value[i]);
	sink_add_row(r->sink, row);
}

static uint32_t
number_series(void *self, const struct store_sample *x)
{
	struct run *r = self;

	return r->store ? sink_series(r->sink, x) : 0;
}

/* One object, known to be valid JSON; own: the record that it is, when a format wrote one with properties, else NULL. give 0:
 * only see whether it is good. */
static int
take_event(struct run *r, struct str row, const struct record *own, int give, struct err *err)
{
	struct event e;
	int rc;

	if (!own && !r->spec->event && (rc = metrics_read(r->metrics, row, r->accept.reader.now, &r->metric, err))) {
		if (rc > 0 && give)
			give_metrics(r, row, &r->metric);
		return rc < 0 ? rc : 0;
	}
	rc = own ? accept_own(&r->accept, own, &e, err) : accept_checked(&r->accept, row, &e, err);
	if (rc < 0)
		return rc;
	if (give && rc)
		sink_add(r->sink, &e, r->accept.clean ? (struct str){ NULL, 0 } : r->accept.reader.canonical);
	else if (give)
		r->dropped++;
	return 0;
}

static int
take_mapped(struct run *r, struct str row, struct err *err)
{
	struct str rest, line;
	int n, rc;

	buf_clear(&r->mapped);
	if ((n = expr_run(r->map, row, &r->mapped, err)) < 0)
		return n;
	for (int give = n == 1; give <= 1; give++)              /* several are looked at before the first is given on */
		for (rest = buf_get(&r->mapped); str_cut(&rest, '\n', &line); )
			if (line.n && (rc = take_event(r, line, NULL, give, err))) {
				err->col = 0;
				return err_at(err, "the map's result %.*s%s", line.n > 60 ? 60 : STR_FMT(line), line.n > 60 ? "…" : "");
			}
	return 0;
}

static int
take(struct run *r, const struct record *record, struct err *err)
{
	struct str row = record->json;
	int rc;

	if (sink_series_age(r->sink) != r->series_age) {
		metrics_forget(r->metrics);
		r->series_age = sink_series_age(r->sink);
	}
	if (!r->map && !r->spec->event && !record->checked && metrics_quick(r->metrics, row, &r->metric)) {
		give_metrics(r, row, &r->metric);
		return 0;
	}
	if (r->clock_rows-- == 0) {
		r->clock_rows = CLOCK_ROWS;
		r->accept.reader.now = time_now();
	}
	if (!record->checked && (rc = json_check(row, err))) {
		if (!r->spec->lossy)
			return rc;
		err_clear(err);
		buf_clear(&r->mended);
		event_put_lossy(&r->mended, row);
		row = buf_get(&r->mended);
		if ((rc = json_check(row, err)))
			return rc;
	}
	rc = r->map ? take_mapped(r, row, err) : take_event(r, row, record->properties.p ? record : NULL, 1, err);
	if (rc && row.p != record->input.p)
		err->col = 0;                                   /* it counts in text that the user never saw */
	return rc;
}

/* ---- one input */

static int
on_wait(void *self)
{
	struct run *r = self;
	int ms;

	r->clock_rows = 0;
	if (r->rejects.to)
		out_flush(r->rejects.to);
	ms = sink_idle(r->sink, &r->failed);
	if (cmd_settings()->progress)
		bar_draw(r);
	return ms < -1 ? 0 : ms;
}

/* Called when a batch is handed over: what is behind the last row. Rejects are written before that is kept, so that none
 * of them can be lost. */
static void
put_place(void *self, struct buf *out)
{
	struct run *r = self;
	int n = 0;

	if (r->rejects.to)
		out_flush(r->rejects.to);
	buf_lit(out, "{\"files\":{");
	for (struct map_entry *e = map_first(&r->kept); e; e = map_next(&r->kept, e)) {
		struct kept *k = e->ptr;

		if (k->input) {
			buf_clear(&k->place);
			follow_place(k->input->follow, k->input->number, k->input->end, &k->place);
			k->inside = k->input->inside;
		}
		if (!k->place.n)
			continue;
		if (n++)
			buf_byte(out, ',');
		json_put_key(out, e->key);
		buf_lit(out, "{\"place\":");
		json_put_string(out, buf_get(&k->place));
		buf_printf(out, ",\"line\":%ld", k->line);
		if (k->inside)
			buf_printf(out, ",\"inside\":%d", k->inside);
		buf_byte(out, '}');
	}
	buf_lit(out, "}}");
}

static int
read_kept(struct run *r, struct str json, struct err *err)
{
	struct buf scratch = { 0 };
	struct json files;
	struct json_iter it;

	if (json_check(json, err))
		return err->code = ERR_CORRUPT, err_at(err, "the place kept as '%s' is damaged", r->spec->resume);
	files = json_get(json_value(json), STR("files"));
	for (it = json_iter(files); files.type == JSON_OBJECT && json_next(&it); ) {
		struct kept *k = map_put(&r->kept, json_text(it.key, &scratch), NULL)->ptr = mem_new(sizeof(*k));
		int64_t line = 0, inside = 0;

		buf_str(&k->place, json_text(json_get(it.value, STR("place")), &scratch));
		json_int64(json_get(it.value, STR("line")), &line);
		json_int64(json_get(it.value, STR("inside")), &inside);
		k->line = (long)line;
		k->inside = inside > 0 && inside <= UINT8_MAX ? (int)inside : 0;
	}
	buf_release(&scratch);
	return 0;
}

/* The same name for a file from wherever it is called, also one that is not there yet. */
static void
absolute(const char *path, struct buf *out)
{
	const char *slash = strrchr(path, '/');
	char *dir = slash ? mem_dup(path, slash == path ? 1 : (size_t)(slash - path)) : mem_text("."), full[PATH_MAX];

	buf_printf(out, "%s/%s", realpath(dir, full) ? (strcmp(full, "/") ? full : "") : dir, slash ? slash + 1 : path);
	free(dir);
}

static struct kept *
kept_of(struct run *r, const char *path)
{
	struct buf full = { 0 };
	struct map_entry *e;
	int is_new;

	absolute(path, &full);
	e = map_put(&r->kept, buf_get(&full), &is_new);
	if (is_new)
		e->ptr = mem_new(sizeof(struct kept));
	buf_release(&full);
	return e->ptr;
}

static int
is_over(const struct run *r)
{
	return r->failed.code || cmd_stopping() || (!r->store && out_stdout()->failed);
}

/* Say that an input failed; the others are still read. */
static int
pass_over(struct err *err)
{
	cmd_fail(err);
	err_clear(err);
	return 0;
}

/* What came of a record, or of a bad one (got < 0). 0, or < 0, which ends the run. */
static int
settle(struct run *r, struct input *input, struct record *record, int got, struct err *err)
{
	if (got == IN_LINE)
		got = take(r, record, err);
	if (got == ERR_INPUT || got == ERR_LIMIT) {
		r->rejects.header = record->header;
		refuse(r, input->path, input->base + record->line, record->input, err);
	} else if (got < 0)
		return got;
	if (record->more)
		return 0;
	input->end = record->end;
	input->inside = record->inside;
	if (input->kept)
		input->kept->line = input->base + record->line;
	if ((got = sink_row_end(r->sink, err)))
		return got;
	if (++r->rows % BAR_ROWS == 0 && cmd_settings()->progress)
		bar_draw(r);
	return 0;
}

/* A file of the stream is at its end: is there another to go on with, whose header or array begins anew? IN_LINE, or IN_END. */
static int
turn(struct input *input, struct err *err)
{
	if (!input->follow || !follow_turn(input->follow, input->number))
		return IN_END;
	input->format->close(input->state);
	input->in = follow_in(input->follow, input->number);
	input->base = 0;
	input->end = 0;
	input->inside = 0;
	if ((input->state = input->format->open(input->in, err)))
		return IN_LINE;
	pass_over(err);
	return IN_END;
}

/* One record. IN_LINE, IN_IDLE, IN_END (also when the input failed), or < 0, which ends the run. */
static int
step(struct run *r, struct input *input, struct err *err)
{
	struct record record = { .input = STR("") };
	int got = input->format->next(input->state, &record, err);

	if (got == ERR_INPUT && record.cut && input->follow && !follow_has_next(input->follow, input->number) && (input->kept || cmd_stopping())) {
		err_clear(err);         /* as half a line is: left for the next run */
		got = IN_END;
	}
	if (got == IN_END)
		return turn(input, err);
	if (got == IN_IDLE)
		return got;
	if (got < 0 && got != ERR_INPUT && got != ERR_LIMIT) {
		pass_over(err);
		return IN_END;
	}
	got = settle(r, input, &record, got, err);
	return got < 0 ? got : IN_LINE;
}

/* ---- one input by several threads: lines.h and ahead.h */

struct team {
	struct run *run;
	struct input *input;
};

static int
may_look_ahead(const struct run *r, const struct input *input)
{
	return !r->store && !r->map && !r->accept.clean && !r->accept.plan && !r->spec->dedupe && !input->follow && input->format->plain &&
	    task_threads() > 1;
}

static void *
worker_new(void *self, void *state)
{
	struct team *t = self;

	return ahead_new(t->input->format, state, t->run->accept.reader.default_name);
}

static void
worker_free(void *worker)
{
	ahead_free(worker);
}

static void *
lines_batch_new(void)
{
	return ahead_batch_new(out_pays(out_stdout()));
}

static void
lines_batch_free(void *batch)
{
	ahead_batch_free(batch);
}

static void
look_ahead(void *worker, void *batch, struct str block)
{
	ahead_look(worker, batch, block);
}

static int
use_ahead(void *self, void *batch, long *line, struct str *text, size_t *odd, struct err *err)
{
	struct run *r = ((struct team *)self)->run;
	enum ahead_what what;
	long n;

	(void)err;
	while ((what = ahead_next(batch, text, odd, &n)) == AHEAD_ROWS) {
		sink_pass(r->sink, *text, n);
		*line += n;
		r->rows += n;
	}
	return what == AHEAD_ODD ? LINES_ODD : LINES_END;
}

static int
take_record(void *self, struct record *record, int got, struct err *err)
{
	struct team *t = self;

	return settle(t->run, t->input, record, got, err);
}

static int
team_is_over(void *self)
{
	return is_over(((struct team *)self)->run);
}

static void
team_rests(void *self)
{
	if (cmd_settings()->progress)
		bar_draw(((struct team *)self)->run);
}

static int
read_ahead(struct run *r, struct input *input, struct err *err)
{
	static const struct lines_use use = { .worker_new = worker_new, .worker_free = worker_free, .batch_new = lines_batch_new,
	    .batch_free = lines_batch_free, .look = look_ahead, .use = use_ahead, .record = take_record, .is_over = team_is_over,
	    .rest = team_rests };
	struct team t = { r, input };
	struct err fault = { 0 };
	int rc = lines_read(input->in, input->format, &use, &t, &fault, err);

	if (!rc && fault.code)
		pass_over(&fault);
	return rc;
}

/* Find out the format and open it, unless several threads are to read. 1, or 0 when there is nothing to tell it by yet, < 0. */
static int
begin(struct run *r, struct input *input, struct err *err)
{
	struct str head = STR("");

	if (input->follow) {
		head = follow_head(input->follow, input->number);
		if (!head.n)
			return 0;
	} else if (!r->format)
		head = in_peek(input->in, err);
	if (err->code)
		return err->code;
	input->format = r->format ? r->format : formats_detect(head, strcmp(input->path, "stdin") ? input->path : "");
	if (!r->format && cmd_settings()->verbose)
		cmd_say("%s: reading as %s", input->path, input->format->name);
	if (input->follow && !follow_begin(input->follow, input->number))
		input->base = input->inside = 0;        /* the file of the last run is gone */
	if (input->follow && (input->format->header || input->format->go_on))
		follow_part(input->follow, input->number);
	if (input->follow && input->format->header && input->base) {
		follow_again(input->follow, input->number);
		input->base--;
	}
	if (may_look_ahead(r, input))
		return 1;
	if (!(input->state = input->format->open(input->in, err)))
		return err->code;
	if (input->inside && input->format->go_on)
		input->format->go_on(input->state, input->inside);
	return 1;
}

/* Let an input go; what was kept of it stays. */
static void
end(struct input *input)
{
	if (input->kept) {
		buf_clear(&input->kept->place);
		follow_place(input->follow, input->number, input->end, &input->kept->place);
		input->kept->inside = input->inside;
		input->kept->input = NULL;
	}
	if (input->state)
		input->format->close(input->state);
	input->state = NULL;
}

/* With --resume: go on where the last run ended. */
static int
add_followed(struct run *r, struct input *input, struct follow *follow, const char *path, struct err *err)
{
	struct str place = { 0 };

	*input = (struct input){ .path = path, .follow = follow };
	if (r->spec->resume) {
		input->kept = kept_of(r, path);
		if (input->kept->place.n) {
			place = buf_get(&input->kept->place);
			input->base = input->kept->line;
			input->inside = input->kept->inside;
		}
	}
	if ((input->number = follow_add(follow, path, place, err)) < 0)
		return input->number;
	input->in = follow_in(follow, input->number);
	if (input->kept)
		input->kept->input = input;
	return 0;
}

static void
say_notices(struct run *r, struct follow *follow)
{
	const char *notice;

	while ((notice = follow_notice(follow))) {
		bar_clear(r);
		cmd_say("%s", notice);
	}
}

/* A file, or stdin, from beginning (or where the last run ended) to end. */
static int
read_file(struct run *r, const char *path, struct err *err)
{
	struct input input = { .path = strcmp(path, "-") ? path : "stdin" };
	struct follow *follow = NULL;
	int rc = 0;

	if (r->spec->resume) {
		follow = follow_new(1);
		if (add_followed(r, &input, follow, path, err)) {
			follow_free(follow);
			return pass_over(err);
		}
	} else if (!(input.in = in_open(path, err)))
		return pass_over(err);
	r->at = &input;
	in_on_wait(input.in, on_wait, r);
	if ((rc = begin(r, &input, err)) < 0)
		rc = pass_over(err);
	else if (rc > 0 && !input.state)
		rc = read_ahead(r, &input, err);
	else if (rc > 0) {
		do
			rc = is_over(r) ? IN_END : step(r, &input, err);
		while (rc == IN_LINE || rc == IN_IDLE);
	}
	if (follow)
		say_notices(r, follow);
	end(&input);
	if (follow)
		follow_free(follow);
	else
		in_close(input.in);
	r->at = NULL;
	if (!rc && r->failed.code)
		*err = r->failed, rc = err->code;
	return rc;
}

/* Nobody reads stdout any more. A row that is written would tell, but none may come for long. */
static int
is_unread(void)
{
	struct pollfd p = { .fd = 1 };

	return poll(&p, 1, 0) > 0 && (p.revents & POLLERR);
}

/* --follow: all files in turns, until a signal comes. */
static int
read_followed(struct run *r, char **files, struct err *err)
{
	struct follow *follow = follow_new(0);
	struct input *inputs;
	int n = 0, rc = 0;

	while (files[n])
		n++;
	inputs = mem_grow(NULL, (size_t)n, sizeof(*inputs));
	n = 0;
	for (; *files; files++)
		if (add_followed(r, &inputs[n], follow, *files, err))
			pass_over(err);
		else
			n++;
	while (n && rc >= 0 && !is_over(r)) {
		int busy = 0;

		for (int i = 0; i < n && rc >= 0; i++) {
			struct input *input = &inputs[i];

			if (!input->state && (rc = begin(r, input, err)) <= 0)
				continue;
			for (int k = 0; k < TURN && !is_over(r) && (rc = step(r, input, err)) == IN_LINE; k++)
				busy = 1;
			if (rc == IN_END && !cmd_stopping() && !is_over(r)) {   /* it failed, and was told of */
				end(input);
				inputs[i--] = inputs[--n];
				if (i + 1 < n && inputs[i + 1].kept)
					inputs[i + 1].kept->input = &inputs[i + 1];
			}
		}
		say_notices(r, follow);
		if (!busy && rc >= 0 && n) {
			int ms = on_wait(r);

			if (!r->store && is_unread())
				break;
			if (!r->failed.code)
				follow_wait(follow, ms);
		}
	}
	for (int i = 0; i < n; i++)
		end(&inputs[i]);
	free(inputs);
	follow_free(follow);
	if (rc >= 0 && r->failed.code)
		*err = r->failed, rc = err->code;
	return rc < 0 ? rc : 0;
}

/* ---- reject rows once more */

/* The text of one reject, as a small file of its own. */
static struct in *
memory_file(struct str text, struct err *err)
{
	int fd = memfd_create("replay", MFD_CLOEXEC);

	if (fd < 0 || io_write(fd, text.p, text.n) || lseek(fd, 0, SEEK_SET)) {
		err_set(err, ERR_IO, "cannot keep a reject in memory");
		if (fd >= 0)
			close(fd);
		return NULL;
	}
	return in_open_fd(fd, "replay", err);
}

/* What names the columns of a CSV file, of a reject that has it not: it is taken from the file, where that is still there. */
static void
put_header(struct buf *out, const char *source)
{
	struct err err = { 0 };
	struct in *in = in_open(source, &err);
	struct str line;

	if (in && in_line(in, &line, &err) == IN_LINE) {
		buf_str(out, line);
		buf_byte(out, '\n');
	}
	in_close(in);
}

static int
replay_row(struct run *r, const char *source, long line, struct str input, struct str header, struct err *err)
{
	const struct format *format = r->format ? r->format : header.p ? formats_detect(header, source) : formats_detect(input, source);
	struct record record = { .json = input, .input = input, .line = line };
	struct buf text = { 0 };
	struct in *in;
	void *state;
	int rc, got;

	if (header.p && !format->header && !(format = formats_find("csv", err)))        /* one column */
		return err->code;
	if (strcmp(format->name, "ndjson") == 0) {
		rc = take(r, &record, err);
		goto out;
	}
	if (format->header && header.p) {
		buf_str(&text, header);
		buf_byte(&text, '\n');
	} else if (format->header)
		put_header(&text, source);
	buf_str(&text, input);
	if (!(in = memory_file(buf_get(&text), err))) {
		rc = err->code;
		goto out;
	}
	rc = ERR_INPUT;
	if ((state = format->open(in, err))) {
		while ((got = format->next(state, &record, err)) == IN_LINE && (rc = take(r, &record, err)) == 0)
			;
		if (got < 0)
			rc = got;
		format->close(state);
	}
	in_close(in);
	if (rc == ERR_INPUT && !err->code)
		err_set(err, ERR_INPUT, "no row of format %s", format->name);
out:
	buf_release(&text);
	return rc;
}

static int
replay(struct run *r, const char *path, struct err *err)
{
	struct input at = { .path = path };
	struct buf source = { 0 }, input = { 0 }, columns = { 0 };
	struct str row, name, text, header;
	int got = 0, rc = 0;

	if (!(at.in = in_open(path, err)))
		return err->code;
	r->at = &at;
	in_on_wait(at.in, on_wait, r);
	while (!rc && !is_over(r) && (got = in_line(at.in, &row, err)) != IN_END) {
		int64_t line = 0;

		if (got == IN_IDLE || (got == IN_LINE && str_trim(row).n == 0))
			continue;
		if (got == IN_LINE && json_check(row, err) == 0) {
			struct json v = json_value(row);

			name = json_text(json_get(v, STR("source")), &source);
			text = json_text(json_get(v, STR("input")), &input);
			header = json_text(json_get(v, STR("header")), &columns);
			json_int64(json_get(v, STR("line")), &line);
			if (text.p) {
				char *file = mem_dup(name.p ? name.p : path, name.p ? name.n : strlen(path));

				r->rejects.header = header;
				got = replay_row(r, file, (long)line, text, header, err);
				if (got == ERR_INPUT || got == ERR_LIMIT)
					refuse(r, file, (long)line, text, err);
				else if (got < 0)
					rc = got;
				free(file);
				r->rows++;
				if (!rc)
					rc = sink_row_end(r->sink, err);
				continue;
			}
			got = err_set(err, ERR_INPUT, "is no reject row, it has no \"input\"");
		}
		if (got < 0 && got != ERR_INPUT && got != ERR_LIMIT) {
			rc = got;
			break;
		}
		r->rejects.header = (struct str){ NULL, 0 };
		refuse(r, path, in_lineno(at.in), row, err);
	}
	in_close(at.in);
	r->at = NULL;
	buf_release(&source);
	buf_release(&input);
	buf_release(&columns);
	if (!rc && r->failed.code)
		*err = r->failed, rc = err->code;
	return rc;
}

/* ---- sources of data-sources.json */

static char *
text_of(struct run *r, struct json v)
{
	struct buf scratch = { 0 };
	struct str t = json_text(v, &scratch);
	char *mine = t.p ? arena_dup(r->texts, t.p, t.n) : NULL;

	buf_release(&scratch);
	return mine;
}

/* What the source says, where no option says otherwise. Returns its files, NULL at the end. */
static char **
source_files(struct run *r, struct ingest_spec *spec, struct err *err)
{
	struct json source = json_get(config_get(r->config, "data-sources", "sources"), str_of(spec->from)), path;
	char *type = text_of(r, json_get(source, STR("type")));
	int flags = GLOB_NOCHECK;

	if (!source.type) {
		err_set(err, ERR_USAGE, "--from: no source '%s' in %s/data-sources.json", spec->from, cmd_settings()->config);
		return NULL;
	}
	if (type && strcmp(type, "events") == 0) {
		err_set(err, ERR_USAGE, "--from: source '%s' is a name for events that are stored, there is nothing to read", spec->from);
		return NULL;
	}
	if (!type || strcmp(type, "file")) {
		err_set(err, ERR_USAGE, "--from: source '%s' is of type %s, which is not in this build; files are", spec->from, type ? type : "?");
		return NULL;
	}
	if (!spec->format)
		spec->format = text_of(r, json_get(source, STR("format")));
	if (!spec->map)
		spec->map = text_of(r, json_get(source, STR("map")));
	if (!spec->event)
		spec->event = text_of(r, json_get(source, STR("event")));
	if (json_get(source, STR("follow")).type == JSON_TRUE) {
		spec->follow = 1;
		if (!spec->resume && !spec->no_store)
			spec->resume = spec->from;
	}
	path = json_get(source, STR("path"));
	if (path.type == JSON_STRING)
		glob(text_of(r, path), flags, NULL, &r->found);
	else
		for (struct json_iter it = json_iter(path); json_next(&it); flags |= GLOB_APPEND)
			glob(text_of(r, it.value), flags, NULL, &r->found);
	return r->found.gl_pathv;
}

/* ---- the whole */

static int
same_file(const char *a, const char *b)
{
	struct stat x, y;

	return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

static int
check_usage(const struct ingest_spec *spec, char **files, struct err *err)
{
	if (spec->resume && spec->no_store)
		return err_set(err, ERR_USAGE, "--resume keeps its place in the store, leave out -n");
	if (spec->resume && !*spec->resume)
		return err_set(err, ERR_USAGE, "--resume: wants a name");
	for (int i = 0; spec->resume && !spec->from && !spec->replay && (!i || files[i]); i++)
		if (!files[i] || strcmp(files[i], "-") == 0)
			return err_set(err, ERR_USAGE, "--resume needs FILEs, a pipe cannot be read from the middle");
	if (spec->from && *files)
		return err_set(err, ERR_USAGE, "--from names the input already, leave out '%s'", *files);
	if (spec->replay && (*files || spec->from || spec->follow || spec->resume))
		return err_set(err, ERR_USAGE, "--replay reads its own file, leave out FILEs, --from, --follow and --resume");
	if (spec->replay && spec->rejects && same_file(spec->replay, spec->rejects))
		return err_set(err, ERR_USAGE, "--replay reads '%s', give -r another file", spec->replay);
	if (!spec->from && !spec->replay && ((spec->rejects && out_apart("--rejects", spec->rejects, files, err)) ||
	    ((spec->tee || spec->no_store) && out_apart(NULL, NULL, files, err))))
		return err->code;
	if (spec->event && (!*spec->event || strlen(spec->event) > EVENT_NAME_MOST || str_utf8_fault(str_of(spec->event)) >= 0))
		return err_set(err, ERR_USAGE, "--event: wants 1 to %d bytes of UTF-8", EVENT_NAME_MOST);
	return 0;
}

/* Nothing but files, from beginning to end, into the store? */
static int
is_load(const struct ingest_spec *spec, char **files)
{
	struct stat st;

	if (spec->store || spec->no_store || spec->tee || spec->follow || spec->replay)
		return 0;
	if (!*files)
		return fstat(STDIN_FILENO, &st) == 0 && S_ISREG(st.st_mode);
	for (; *files; files++)
		if ((strcmp(*files, "-") ? stat(*files, &st) : fstat(STDIN_FILENO, &st)) || !S_ISREG(st.st_mode))
			return 0;
	return 1;
}

/* A load takes all processors it finds, and nobody waits for its next row: where others want them it stands back. On two processors, a
 * user's events among 10 M while a load runs: 51 ms at the 99th percentile beside an equal, 44 to 52 at 5, 40 so, and the load as fast as before
 * between the queries. Alone on the machine it is no slower. For this thread and those it will start. */
static void
stand_back(void)
{
	errno = 0;
	if (getpriority(PRIO_PROCESS, 0) < LOAD_NICE && errno == 0)
		setpriority(PRIO_PROCESS, 0, LOAD_NICE);
}

static int
prepare(struct run *r, struct ingest_spec *spec, char **files, struct err *err)
{
	const struct cmd_settings *set = cmd_settings();
	struct buf scratch = { 0 };
	struct sink_spec sink = { .tee = spec->tee || spec->no_store, .dedupe_ms = -1, .place = put_place, .self = r };
	int rc = 0;

	if (spec->dedupe && *spec->dedupe) {
		if (dur_parse(str_of(spec->dedupe), &sink.dedupe_ms, err) || (sink.dedupe_ms <= 0 && err_set(err, ERR_USAGE, "wants more than nothing")))
			return err->code = ERR_USAGE, err_at(err, "--dedupe");
	} else if (spec->dedupe)
		sink.dedupe_ms = DAY_MS;
	if (spec->format && strcmp(spec->format, "auto") && !(r->format = formats_find(spec->format, err)))
		return err->code;
	formats_settings.lossy = spec->lossy;
	formats_settings.as_events = !spec->map;
	formats_settings.unnamed = spec->event != NULL;
	formats_settings.zone = set->zone;
	if (accept_open(&r->accept, r->config, spec->schema, err))
		return err->code;
	r->accept.reader.default_name = str_of(spec->event);
	if (spec->map && !(r->map = expr_new(spec->map, 0, err)))
		return err_at(err, "-m");
	if (spec->rejects && !(r->rejects.to = out_open(spec->rejects, spec->follow || spec->resume != NULL, err)))
		return err->code;
	if (!spec->no_store && !(r->store = store_open(spec->store ? spec->store : set->store, set->tenant, STORE_CREATE, err)))
		return err->code;
	if (r->store && store_ladder_follow(r->store, r->config, err))
		return err->code;
	if (spec->resume) {
		sink.name = str_of(spec->resume);
		rc = store_get_state(r->store, "ingest", sink.name, &scratch, err);
		if (rc > 0)
			rc = read_kept(r, buf_get(&scratch), err);
		sink.kept = buf_get(&scratch);
	}
	sink.store = r->store;
	if (is_load(spec, files))
		stand_back();
	if (rc >= 0)
		r->sink = sink_new(&sink, err);
	buf_release(&scratch);
	return r->sink ? 0 : err->code;
}

static void
rate_text(double per_second, char out[32])
{
	if (per_second >= 1e6)
		snprintf(out, 32, "%.1f M/s", per_second / 1e6);
	else if (per_second >= 1000)
		snprintf(out, 32, "%.0f k/s", per_second / 1000);
	else
		snprintf(out, 32, "%.0f /s", per_second);
}

static void
close_line(struct run *r)
{
	const struct cmd_settings *set = cmd_settings();
	double seconds = (double)(time_mono_ns() - r->start_ns) / 1e9;
	long stored = sink_stored(r->sink);
	char rate[32], dropped[48] = "";

	bar_clear(r);
	if (r->store && store_samples_refused(r->store))
		cmd_say("%llu samples of new series were not stored: the tenant has as many as limits.series in analytics.json allows",
		    (unsigned long long)store_samples_refused(r->store));
	if (set->quiet || r->spec->store || !(set->verbose || r->rejects.count || isatty(2)))
		return;
	rate_text((double)stored / (seconds > 0.001 ? seconds : 0.001), rate);
	if (r->dropped)
		snprintf(dropped, sizeof(dropped), ", %ld dropped", r->dropped);
	cmd_say("%ld %s, %ld rejected, %ld duplicate%s, %.1f s, %s", stored, r->store ? "stored" : "accepted", r->rejects.count,
	    sink_duplicates(r->sink), dropped, seconds, rate);
}

int
ingest_run(struct ingest_spec *spec, char **files, struct err *err)
{
	static char *standard[] = { "-", NULL };
	struct run r = { .spec = spec, .start_ns = time_mono_ns() };
	int rc;

	if ((rc = check_usage(spec, files, err)))
		return rc;
	r.texts = arena_new(0);
	r.metrics = metrics_new(number_series, &r);
	if (!(r.config = config_open(cmd_settings()->config, err)) || (spec->from && !(files = source_files(&r, spec, err))) ||
	    prepare(&r, spec, files, err))
		goto out;
	if (!*files)
		files = standard;
	if (spec->replay)
		replay(&r, spec->replay, err);
	else if (spec->follow && files != standard)
		read_followed(&r, files, err);
	else {
		if (files == standard && isatty(0) && !cmd_settings()->quiet)
			cmd_say("reading rows from the terminal, end with Ctrl-D; --help tells more");
		for (; *files && !err->code && !is_over(&r); files++)
			read_file(&r, *files, err);
	}
	sink_finish(r.sink, err);
	close_line(&r);
	if (err->code == ERR_CANCEL)                            /* stdout took no more: cmd_end says why */
		err_clear(err);
out:
	metrics_free(r.metrics);
	sink_free(r.sink);
	store_close(r.store);
	if (r.rejects.to) {
		struct err late = { 0 };

		if (out_close(r.rejects.to, &late) && !err->code)
			*err = late;
	}
	for (struct map_entry *e = map_first(&r.kept); e; e = map_next(&r.kept, e)) {
		buf_release(&((struct kept *)e->ptr)->place);
		free(e->ptr);
	}
	map_release(&r.kept);
	accept_release(&r.accept);
	buf_release(&r.mapped);
	buf_release(&r.mended);
	expr_free(r.map);
	globfree(&r.found);
	arena_free(r.texts);
	config_close(r.config);
	return err->code;
}
