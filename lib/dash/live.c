#include "dash/live.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/out.h"
#include "base/time.h"
#include "base/width.h"
#include "dash/prompt.h"
#include "dash/screen.h"

#define FRAME_MS   30                   /* between two pictures */
#define LEAST_MS   50                   /* between two rounds of asking, and four times the work of one: a quarter of a core at most */
#define CLOCK_LEAST 5000                /* between rounds that only the clock asks for */
#define CLOCK_MOST 60000
#define UNTOLD_MS  2000                 /* between rounds where nobody tells what is new */
#define LOOK_MOST  1000                 /* a write is told before its commit is there: looked for again after 1, 2, 4, … and so many ms */
#define PLAIN_MS   5000                 /* between two readings aloud */
#define HANGS_MS   1000                 /* an answer may take so long to end */

enum asking { NOTHING, FILTER, RANGE, FILE_NAME };

struct live {
	const struct live_spec *spec;
	int n;

	/* between the threads */
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct reading *reading;
	char *asked;
	struct buf range, filter;       /* as wished */
	int64_t at;                     /* 0: now */
	unsigned wished;                /* counts wishes */
	int looks, paused, stops, is_over;      /* is_over: the asking thread is done */
	int told;                       /* eventfd: something new to draw */

	/* the drawing thread's */
	struct canvas canvas;
	struct place *place;
	int chosen, from, skip, is_full, helps, leaves;
	enum asking asking;
	struct prompt prompt;           /* of what is asked */
	struct buf message;
	int64_t drawn_ns;
	int is_new;
};

static _Atomic int unwanted;

int
live_unwanted(void)
{
	return atomic_load(&unwanted);
}

/* ---- the thread that asks */

static int64_t
clock_ms(const struct live *l, int has_watch)
{
	int64_t least = CLOCK_MOST;

	for (int i = 0; i < l->n; i++)
		if (l->reading[i].every_ms && l->reading[i].every_ms < least)
			least = l->reading[i].every_ms;
	return has_watch ? (least < CLOCK_LEAST ? CLOCK_LEAST : least) : UNTOLD_MS;
}

static void
tell(struct live *l)
{
	uint64_t one = 1;
	ssize_t n = write(l->told, &one, sizeof(one));

	(void)n;
}

/* One round: each widget asked, and shown as soon as it is there. */
static void
ask_all(struct live *l, unsigned wish)
{
	struct buf range = {0}, filter = {0};
	struct period period = l->spec->period;

	pthread_mutex_lock(&l->lock);
	buf_str(&range, buf_get(&l->range));
	buf_str(&filter, buf_get(&l->filter));
	period.at = l->at ? l->at : time_now() + 1;
	pthread_mutex_unlock(&l->lock);
	period.range = buf_get(&range), period.filter = buf_get(&filter);
	for (int i = 0; i < l->n; i++) {
		struct reading next, old;
		int is_wanted;

		reading_init(&next);
		reading_get(&next, l->spec->data, l->spec->definition, &l->spec->definition->widget[i], &period);
		pthread_mutex_lock(&l->lock);
		if ((is_wanted = !l->stops && l->wished == wish)) {
			old = l->reading[i];
			l->reading[i] = next;
			next = old;
			l->asked[i] = 1;
		}
		pthread_mutex_unlock(&l->lock);
		reading_release(&next);
		if (!is_wanted)
			break;
		tell(l);
	}
	buf_release(&range);
	buf_release(&filter);
}

static void
sleep_ms(int64_t ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&t, NULL);
}

/* Of this process, in all its threads. */
static int64_t
work_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

enum why { ENDS, WISH, CLOCK, WRITE, NOTHING_YET };

/* Under the lock, at most so long, but for ever where only a wish could change the picture. */
static enum why
wait_for_work(struct live *l, unsigned wish, int64_t ms)
{
	struct timespec until;
	int64_t ns;

	clock_gettime(CLOCK_MONOTONIC, &until);
	ns = until.tv_nsec + ms % 1000 * 1000000;
	until.tv_sec += ms / 1000 + ns / 1000000000;
	until.tv_nsec = ns % 1000000000;
	while (!l->stops && l->wished == wish) {
		if (l->looks && !l->paused && !l->at) {
			l->looks = 0;
			return WRITE;
		}
		if (l->paused || l->at)
			pthread_cond_wait(&l->wake, &l->lock);
		else if (pthread_cond_timedwait(&l->wake, &l->lock, &until) == ETIMEDOUT)
			return NOTHING_YET;
	}
	return l->stops ? ENDS : WISH;
}

/* Until there is a reason to ask again. A commit is found by its number: the watch only says when to look, early, and not of a file that
 * took the place of the one it knew; so it is looked for without being told too, ever more seldom. */
static enum why
wait_for_reason(struct live *l, unsigned wish, uint64_t version)
{
	int64_t clock = time_mono_ms() + clock_ms(l, version != 0), look = 1;
	enum why why;

	for (;; look = 2 * look < LOOK_MOST ? 2 * look : LOOK_MOST) {
		int64_t left = clock - time_mono_ms();

		pthread_mutex_lock(&l->lock);
		why = wait_for_work(l, wish, left < 0 ? 0 : look < left ? look : left);
		pthread_mutex_unlock(&l->lock);
		if (why == ENDS || why == WISH)
			return why;
		if (data_version(l->spec->data) != version)
			return WRITE;
		if (time_mono_ms() >= clock)
			return CLOCK;
		if (why == WRITE)
			look = 1;
	}
}

static void *
ask(void *self)
{
	struct live *l = self;
	enum why why;

	do {
		uint64_t version = data_version(l->spec->data);
		int64_t began = time_mono_ms(), work = work_ms(), ms;
		unsigned wish;

		pthread_mutex_lock(&l->lock);
		wish = l->wished;
		l->looks = 0;
		atomic_store(&unwanted, l->stops);
		pthread_mutex_unlock(&l->lock);
		ask_all(l, wish);
		work = work_ms() - work;
		why = wait_for_reason(l, wish, version);
		ms = (4 * work > LEAST_MS ? 4 * work : LEAST_MS) - (time_mono_ms() - began);
		if (why == WRITE && ms > 0)
			sleep_ms(ms < CLOCK_LEAST ? ms : CLOCK_LEAST);
	} while (why != ENDS);
	pthread_mutex_lock(&l->lock);
	l->is_over = 1;
	pthread_cond_broadcast(&l->wake);
	pthread_mutex_unlock(&l->lock);
	return NULL;
}

static void
wish(struct live *l)
{
	l->wished++;
	atomic_store(&unwanted, 1);
	pthread_cond_signal(&l->wake);          /* what is there stays to be seen until then */
}

/* ---- drawing */

static struct drawing
drawing_of(struct live *l)
{
	struct drawing d = { .definition = l->spec->definition, .readings = l->reading, .asked = l->asked, .period = l->spec->period, .chosen = l->chosen,
		.skip = l->skip };

	d.period.at = l->at ? l->at : time_now() + 1;
	d.period.range = buf_get(&l->range), d.period.filter = buf_get(&l->filter);
	return d;
}

static const char help[] =
	"  arrows, h j k l     to the next widget that way\n"
	"  tab, shift tab      to the next, the one before\n"
	"  enter, escape       the widget on the whole screen, and back; a double click too\n"
	"  j k, page up, down  there: the rows of a table\n"
	"  /                   only rows and curves with a text; an empty one: all\n"
	"  t                   the range: 3h, 7d, yesterday, 2026-11-01/2026-11-08; tab offers some, empty: each its own\n"
	"  space               hold the picture; and go on\n"
	"  [ ]                 back and forth in time; ] at the end goes on with the clock\n"
	"  e                   write it to a file: .txt .svg .html .json .csv\n"
	"  r                   ask again now\n"
	"  q                   leave\n";

/* The status line; the column where what is typed ends, or -1. */
static int
put_status(struct live *l, int width, struct buf *to)
{
	struct buf line = {0};

	if (l->asking)
		return prompt_put(&l->prompt, width, to);
	buf_lit(&line, l->at ? " at an earlier time" : l->paused ? " paused" : " live");
	prompt_put_state(&line, &l->message, &l->range, &l->filter, width >= 72 ? "? help  q quit  enter open  / filter  t range  e write" : "? help  q quit");
	width_put(to, buf_get(&line), width, 0, 1);
	buf_release(&line);
	return -1;
}

/* Scrolled no further than to the end, and, where the chosen widget is followed, so far that it is seen, its top first. */
static void
scroll(struct live *l, int height, int follow)
{
	int last = l->canvas.height - height;

	if (follow && l->chosen >= 0) {
		const struct place *p = &l->place[l->chosen];

		if (p->y + p->h > l->from + height)
			l->from = p->y + p->h - height;
		if (p->y < l->from)
			l->from = p->y <= 1 ? 0 : p->y;
	}
	l->from = l->from > last ? last : l->from;
	l->from = l->from < 0 ? 0 : l->from;
}

static void
draw(struct live *l, int follow)
{
	struct drawing d;
	struct buf status = {0};
	int width, height, cursor;

	screen_size(&width, &height);
	canvas_release(&l->canvas);
	height = height > 1 ? height - 1 : 1;
	pthread_mutex_lock(&l->lock);
	d = drawing_of(l);
	if (l->helps) {
		prompt_help(&l->canvas, width, height, l->spec->ascii, help);
	} else if (l->is_full && l->chosen >= 0) {
		if (l->skip >= l->reading[l->chosen].table.rows)
			l->skip = d.skip = l->reading[l->chosen].table.rows ? l->reading[l->chosen].table.rows - 1 : 0;
		canvas_init(&l->canvas, width, height, l->spec->ascii);
		draw_widget(&l->canvas, &d, l->chosen, (struct place){ 0, 0, width, height });
	} else {
		draw_dashboard(&l->canvas, &d, width, height, l->spec->ascii, l->place);
	}
	cursor = put_status(l, width, &status);
	pthread_mutex_unlock(&l->lock);
	if (!l->helps && !l->is_full)
		scroll(l, height, follow);
	screen_draw(&l->canvas, l->helps || l->is_full ? 0 : l->from, buf_get(&status), cursor);
	buf_release(&status);
	l->drawn_ns = time_mono_ns();
	l->is_new = 0;
}

/* ---- keys */

static void __attribute__((format(printf, 2, 3)))
say(struct live *l, const char *fmt, ...)
{
	char text[300];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	buf_clear(&l->message);
	buf_lit(&l->message, text);
}

/* The widget next to the chosen one in a direction: of those that lie beyond it the one whose middle is nearest, sideways counting more. */
static void
move(struct live *l, int dx, int dy)
{
	const struct place *from = l->chosen >= 0 ? &l->place[l->chosen] : NULL;
	int best = -1, least = 0;

	for (int i = 0; i < l->n; i++) {
		const struct place *p = &l->place[i];
		int x, y, far;

		if (!from || i == l->chosen)
			continue;
		x = 2 * p->x + p->w - 2 * from->x - from->w, y = 2 * (2 * p->y + p->h - 2 * from->y - from->h);         /* cells are twice as high as wide */
		if ((dx && (dx > 0 ? p->x < from->x + from->w : p->x + p->w > from->x)) || (dy && (dy > 0 ? p->y < from->y + from->h : p->y + p->h > from->y)))
			continue;
		far = dx ? abs(x) + 3 * abs(y) : abs(y) + 3 * abs(x);
		if (best < 0 || far < least)
			best = i, least = far;
	}
	if (!from && l->n)
		best = 0;
	if (best >= 0)
		l->chosen = best;
}

/* By so many parts of the range that is looked at; behind now it goes on with the clock. */
static void
scrub(struct live *l, int parts)
{
	int64_t now = time_now() + 1, span, at;

	pthread_mutex_lock(&l->lock);
	span = l->n && l->reading[l->chosen >= 0 ? l->chosen : 0].to ? l->reading[l->chosen >= 0 ? l->chosen : 0].to - l->reading[l->chosen >= 0 ? l->chosen : 0].from : 3600000;
	span = span / 8 < 1000 ? 1000 : span / 8;
	at = (l->at ? l->at : now) + parts * span;
	l->at = at >= now || at < TIME_MIN ? 0 : at;
	wish(l);
	pthread_mutex_unlock(&l->lock);
}

static void
write_file(struct live *l, const char *path)
{
	struct err err = {0};
	const struct render_format *format = render_find(path, &err);
	struct buf text = {0};
	struct out *out = NULL;

	if (format && (out = out_replace(path, &err))) {
		struct drawing d;

		pthread_mutex_lock(&l->lock);
		d = drawing_of(l);
		d.chosen = -1, d.skip = 0;
		format->put(&d, &l->spec->rendering, &text);
		pthread_mutex_unlock(&l->lock);
		buf_str(&out->buf, buf_get(&text));
		out_close(out, &err);
	}
	if (err.code)
		say(l, "%s", err.text);
	else
		say(l, "written to %s", path);
	buf_release(&text);
}

static void
begin_typing(struct live *l, enum asking what, struct str text)
{
	static const char *const labels[] = { NULL, "filter", "range", "write to" };

	l->asking = what;
	prompt_begin(&l->prompt, labels[what], text, what == RANGE ? prompt_ranges : NULL);
}

/* Taken as the answer to what was asked. */
static void
end_typing(struct live *l)
{
	struct str text = str_trim(buf_get(&l->prompt.typed));
	struct err err = {0};
	int64_t from, to;
	struct period period = l->spec->period;

	period.at = time_now() + 1;
	if (l->asking == FILE_NAME && text.n) {
		char *path = mem_dup(text.p, text.n);

		write_file(l, path);
		free(path);
	} else if (l->asking == RANGE && text.n && reading_range(text, &period, &from, &to, &err) < 0) {
		say(l, "%s", err.text);
	} else if (l->asking != FILE_NAME) {
		struct buf *to_set = l->asking == RANGE ? &l->range : &l->filter;

		pthread_mutex_lock(&l->lock);
		buf_clear(to_set);
		buf_str(to_set, text);
		wish(l);
		pthread_mutex_unlock(&l->lock);
	}
	l->asking = NOTHING;
}

static void
type(struct live *l, int key)
{
	if (prompt_key(&l->prompt, key))
		end_typing(l);
	else if (!l->prompt.label)
		l->asking = NOTHING;
}

static void
begin_export(struct live *l)
{
	struct buf name = {0};

	prompt_put_file(&name, l->spec->definition->id);
	begin_typing(l, FILE_NAME, buf_get(&name));
	buf_release(&name);
}

static void
click(struct live *l, int opens)
{
	int x, y;

	screen_mouse(&x, &y);
	for (int i = 0; i < l->n && !l->is_full; i++) {
		const struct place *p = &l->place[i];

		if (x >= p->x && x < p->x + p->w && y + l->from >= p->y && y + l->from < p->y + p->h) {
			l->chosen = i;
			l->is_full = opens;
			l->skip = 0;
			return;
		}
	}
	if (opens)
		l->is_full = 0;
}

/* What the keys of moving do: from widget to widget, or in a table on the whole screen from row to row. */
static void
go(struct live *l, int dx, int dy, int by)
{
	if (l->is_full) {
		l->skip += dy * by;
		l->skip = l->skip < 0 ? 0 : l->skip;
	} else if (by > 1) {
		l->from += dy * by;
		l->from = l->from < 0 ? 0 : l->from;
	} else {
		move(l, dx, dy);
	}
}

/* 1: the picture follows the chosen widget. */
static int
press(struct live *l, int key, int page)
{
	buf_clear(&l->message);
	switch (key) {
	case 'q': l->leaves = 1; break;
	case '?': l->helps = !l->helps; break;
	case SCREEN_ESCAPE:
		l->helps = l->is_full = l->skip = 0;
		break;
	case SCREEN_ENTER:
		l->is_full = l->helps ? l->is_full : !l->is_full;
		l->helps = l->skip = 0;
		break;
	case 'h': case SCREEN_LEFT: go(l, -1, 0, 1); break;
	case 'l': case SCREEN_RIGHT: go(l, 1, 0, 1); break;
	case 'k': case SCREEN_UP: go(l, 0, -1, 1); break;
	case 'j': case SCREEN_DOWN: go(l, 0, 1, 1); break;
	case SCREEN_TAB: case SCREEN_BACK_TAB:
		if (l->n)
			l->chosen = (l->chosen + (key == SCREEN_TAB ? 1 : l->n - (l->chosen >= 0))) % l->n;
		l->skip = 0;
		break;
	case SCREEN_PAGE_UP: go(l, 0, -1, page); return 0;
	case SCREEN_PAGE_DOWN: go(l, 0, 1, page); return 0;
	case SCREEN_WHEEL_UP: go(l, 0, -1, 3); return 0;
	case SCREEN_WHEEL_DOWN: go(l, 0, 1, 3); return 0;
	case 'g': case SCREEN_HOME: l->from = l->skip = 0; return 0;
	case 'G': case SCREEN_END: l->from = l->skip = 1 << 20; return 0;
	case SCREEN_CLICK: click(l, 0); return 0;
	case SCREEN_DOUBLE_CLICK: click(l, 1); return 0;
	case '/': begin_typing(l, FILTER, buf_get(&l->filter)); break;
	case 't': begin_typing(l, RANGE, buf_get(&l->range)); break;
	case 'e': begin_export(l); break;
	case '[': scrub(l, -1); break;
	case ']': scrub(l, 1); break;
	case ' ': case 'r':
		pthread_mutex_lock(&l->lock);
		if (key == ' ')
			l->paused = !l->paused;
		if (key == 'r' || !l->paused)
			wish(l);
		pthread_mutex_unlock(&l->lock);
		break;
	}
	return 1;
}

static int
take_keys(struct live *l)
{
	int key, width, height, follow = 0, some = 0;

	screen_size(&width, &height);
	while (!l->leaves && (key = screen_key()) != SCREEN_NONE) {
		some = 1;
		if (l->asking && key != SCREEN_RESIZED)
			type(l, key);
		else
			follow |= press(l, key, height > 4 ? height - 3 : 1);
	}
	l->is_new |= some;
	return follow;
}

/* ---- the loops */

static void
drain(int fd)
{
	char bytes[4096];

	while (read(fd, bytes, sizeof(bytes)) > 0)
		;
}

static void
look(struct live *l, int watch)
{
	drain(watch);
	pthread_mutex_lock(&l->lock);
	l->looks = 1;
	pthread_cond_signal(&l->wake);
	pthread_mutex_unlock(&l->lock);
}

static void
run_screen(struct live *l, int watch)
{
	struct pollfd fds[] = { { screen_fd(), POLLIN, 0 }, { l->told, POLLIN, 0 }, { watch, POLLIN, 0 } };

	draw(l, 0);
	while (!l->spec->stopping()) {
		int64_t since = (time_mono_ns() - l->drawn_ns) / 1000000;
		int follow;

		poll(fds, 3, l->is_new && since < FRAME_MS ? (int)(FRAME_MS - since) : 1000);    /* a second: a signal may come just before */
		if (fds[2].revents & POLLIN)
			look(l, watch);
		if (fds[1].revents & POLLIN) {
			drain(l->told);
			l->is_new = 1;
		}
		if ((fds[0].revents & (POLLHUP | POLLERR)) != 0)        /* the terminal is gone */
			return;
		follow = take_keys(l);
		if (l->leaves)
			return;
		if (follow || (l->is_new && time_mono_ns() - l->drawn_ns >= FRAME_MS * 1000000LL))
			draw(l, follow);
	}
}

/* Read aloud what is another line than before. */
static void
read_aloud(struct live *l, struct buf *said)
{
	struct buf now = {0};
	struct str before = buf_get(said), rest, line, old;
	struct drawing d;

	pthread_mutex_lock(&l->lock);
	d = drawing_of(l);
	draw_plain(&d, &now);
	pthread_mutex_unlock(&l->lock);
	for (rest = buf_get(&now); rest.n && str_cut(&rest, '\n', &line); ) {
		int same = before.n && str_cut(&before, '\n', &old) && str_eq(old, line);

		if (!same) {
			buf_str(&out_stdout()->buf, line);
			buf_byte(&out_stdout()->buf, '\n');
		}
	}
	out_flush(out_stdout());
	buf_release(said);
	*said = now;
}

static int
all_asked(struct live *l)
{
	int all = 1;

	pthread_mutex_lock(&l->lock);
	for (int i = 0; i < l->n; i++)
		all &= l->asked[i];
	pthread_mutex_unlock(&l->lock);
	return all;
}

static void
run_plain(struct live *l, int watch)
{
	struct pollfd fds[] = { { l->told, POLLIN, 0 }, { watch, POLLIN, 0 } };
	struct buf said = {0};
	int64_t last = 0;

	while (!l->spec->stopping()) {
		poll(fds, 2, 1000);
		if (fds[1].revents & POLLIN)
			look(l, watch);
		if (fds[0].revents & POLLIN)
			drain(l->told), l->is_new = 1;
		if (l->is_new && all_asked(l) && (!last || time_mono_ms() - last > PLAIN_MS)) {
			read_aloud(l, &said);
			last = time_mono_ms();
			l->is_new = 0;
		}
	}
	buf_release(&said);
}

/* Signals are the drawing thread's: they end its poll. */
static int
start(struct live *l, pthread_t *thread)
{
	sigset_t all, was;
	int rc;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &was);
	rc = pthread_create(thread, NULL, ask, l);
	pthread_sigmask(SIG_SETMASK, &was, NULL);
	return rc;
}

/* 1: it hangs. */
static int
stop(struct live *l, pthread_t thread)
{
	struct timespec until;
	int is_over;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += HANGS_MS / 1000;
	pthread_mutex_lock(&l->lock);
	l->stops = 1;
	atomic_store(&unwanted, 1);
	pthread_cond_broadcast(&l->wake);
	while (!l->is_over && pthread_cond_timedwait(&l->wake, &l->lock, &until) == 0)
		;
	is_over = l->is_over;
	pthread_mutex_unlock(&l->lock);
	if (is_over)
		pthread_join(thread, NULL);
	else
		pthread_detach(thread);
	return !is_over;
}

int
live_run(const struct live_spec *spec, struct err *err)
{
	struct live *l = mem_new(sizeof(*l));
	struct err ignore = {0};
	pthread_condattr_t monotonic;
	pthread_t thread;
	int watch = data_watch(spec->data, &ignore), hangs = 0;

	*l = (struct live){ .spec = spec, .n = spec->definition->n, .chosen = -1, .at = spec->period.at, .told = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC),
		.wished = 1 };
	if (watch >= 0)
		fcntl(watch, F_SETFL, O_NONBLOCK);
	pthread_mutex_init(&l->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&l->wake, &monotonic);
	l->reading = mem_new((size_t)l->n * sizeof(*l->reading) + 1);
	l->asked = mem_new((size_t)l->n + 1);
	l->place = mem_new((size_t)l->n * sizeof(*l->place) + 1);
	for (int i = 0; i < l->n; i++)
		reading_init(&l->reading[i]);
	buf_str(&l->range, spec->period.range);
	buf_str(&l->filter, spec->period.filter);
	if (l->told < 0) {
		err_set(err, ERR_IO, "eventfd: %s", strerror(errno));
	} else if (spec->is_plain || screen_open(spec->color, err) == 0) {
		if (start(l, &thread)) {
			err_set(err, ERR_IO, "no thread to be had");
		} else {
			if (spec->is_plain)
				run_plain(l, watch);
			else
				run_screen(l, watch);
			screen_close();
			hangs = stop(l, thread);
		}
	}
	screen_close();
	if (hangs)
		return 1;               /* the thread uses all of it: the process ends */
	for (int i = 0; i < l->n; i++)
		reading_release(&l->reading[i]);
	free(l->reading), free(l->asked), free(l->place);
	canvas_release(&l->canvas);
	buf_release(&l->range), buf_release(&l->filter), buf_release(&l->message);
	prompt_release(&l->prompt);
	pthread_cond_destroy(&l->wake);
	pthread_mutex_destroy(&l->lock);
	close(l->told);
	if (watch >= 0)
		close(watch);
	free(l);
	return err->code;
}
