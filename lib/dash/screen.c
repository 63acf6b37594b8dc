#include "dash/screen.h"

#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <ncurses.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <term.h>
#include <termios.h>
#include <unistd.h>
#include <wchar.h>

#include "base/cmd.h"
#include "base/mem.h"

CMD_LIBRARY("ncurses", curses_version() + sizeof("ncurses"))       /* it says "ncurses 6.4…" */

static SCREEN *screen;
static FILE *tty;
static int colors;                      /* 0, 8, 256 or EXACT */
#define EXACT (1 << 24)
static int clicked_x, clicked_y;

/* ---- what ends a program without a word */

static const int deadly[] = { SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGHUP, SIGQUIT };
#define DEADLY (sizeof(deadly) / sizeof(*deadly))
static struct sigaction handled[DEADLY];        /* by whom, before: the store answers for faults in its own pages */
static volatile sig_atomic_t is_dying;
static struct termios before;
static char goodbye[128];               /* what the terminal is to be told then */
static int goodbye_fd = -1;

/* Only what a signal's handler may do; then the signal does what it does. Who handled it before is asked first, and may not come back. */
static void
die(int sig, siginfo_t *info, void *context)
{
	int was = errno;

	for (size_t i = 0; i < DEADLY && !is_dying; i++)
		if (deadly[i] == sig && handled[i].sa_flags & SA_SIGINFO) {
			is_dying = 1;           /* should it ask us in turn */
			handled[i].sa_sigaction(sig, info, context);
		}
	if (goodbye_fd >= 0) {
		ssize_t n = write(goodbye_fd, goodbye, strlen(goodbye));

		(void)n;
		tcsetattr(goodbye_fd, TCSANOW, &before);
	}
	signal(sig, SIG_DFL);
	raise(sig);
	errno = was;
}

static void
expect_death(void)
{
	struct sigaction act = { .sa_flags = SA_NODEFER | SA_SIGINFO | SA_ONSTACK };
	const char *leave = tigetstr("rmcup"), *show = tigetstr("cnorm"), *plain = tigetstr("sgr0");

	snprintf(goodbye, sizeof(goodbye), "\033[?1000l\033[?1002l\033[?1006l%s%s%s", plain && plain != (char *)-1 ? plain : "",
	    show && show != (char *)-1 ? show : "", leave && leave != (char *)-1 ? leave : "");
	goodbye_fd = fileno(tty);
	act.sa_sigaction = die;
	for (size_t i = 0; i < DEADLY; i++)
		if (sigaction(deadly[i], NULL, &handled[i]) == 0 && (handled[i].sa_handler == SIG_DFL || handled[i].sa_flags & SA_SIGINFO))
			sigaction(deadly[i], &act, NULL);
}

/* ---- */

int
screen_is_ascii(void)
{
	setlocale(LC_CTYPE, "");
	return strcmp(nl_langinfo(CODESET), "UTF-8") != 0;
}

/* What xterm shows for one of its 256 colours, -1 for the terminal's own. */
static int
rgb_of_256(int number)
{
	int cube = number - 16, gray = 8 + 10 * (number - 232);
	const int level[] = { 0, 0x5f, 0x87, 0xaf, 0xd7, 0xff };

	return number < 16 ? -1 : number >= 232 ? gray << 16 | gray << 8 | gray : level[cube / 36] << 16 | level[cube / 6 % 6] << 8 | level[cube % 6];
}

/* A pair of colours for each role: heats exactly where that can be, of 256, or the nearest of eight; heats then have none, their
 * characters tell them. */
static void
start_colors(void)
{
	static const short near[] = { COLOR_BLUE, COLOR_YELLOW, COLOR_GREEN, COLOR_RED, COLOR_MAGENTA, COLOR_CYAN, COLOR_WHITE, COLOR_BLUE };

	start_color();
	use_default_colors();
	colors = COLOR_PAIRS <= CANVAS_ROLES || COLORS < 256 ? 8 : COLORS >= EXACT ? EXACT : 256;
	for (int role = 0; role < CANVAS_ROLES && role + 1 < COLOR_PAIRS; role++) {
		int number = canvas_256((enum canvas_role)role);

		if (colors == EXACT && role >= CANVAS_HEAT)
			init_extended_pair(role + 1, role - CANVAS_HEAT > CANVAS_HEATS / 2 ? 0x000000 : 0xffffff, (int)canvas_rgb((enum canvas_role)role, 1));
		else if (colors == EXACT)
			init_extended_pair(role + 1, rgb_of_256(number), -1);
		else if (colors == 256 && role >= CANVAS_HEAT)
			init_pair((short)(role + 1), role - CANVAS_HEAT > CANVAS_HEATS / 2 ? 16 : 231, (short)number);
		else if (colors == 256)
			init_pair((short)(role + 1), (short)number, -1);
		else
			init_pair((short)(role + 1), role == CANVAS_GOOD ? COLOR_GREEN : role == CANVAS_BAD ? COLOR_RED : role == CANVAS_FOCUS ? COLOR_CYAN :
			    role >= CANVAS_CURVE && role < CANVAS_HEAT ? near[role - CANVAS_CURVE] : -1, -1);
	}
}

int
screen_has_true_color(void)
{
	const char *said = getenv("COLORTERM");

	return said && (strcmp(said, "truecolor") == 0 || strcmp(said, "24bit") == 0);
}

/* A terminal that says it has true colour is asked for by the name under which ncurses knows how: tmux-256color as tmux-direct. Not every
 * machine has these descriptions (Debian: ncurses-term); then it is what TERM says. */
static SCREEN *
new_screen(int color)
{
	const char *term = getenv("TERM"), *end = term ? strstr(term, "-256color") : NULL;
	SCREEN *exact = NULL;
	char name[80];

	if (color && term && screen_has_true_color() && !strstr(term, "-direct")) {
		snprintf(name, sizeof(name), "%.*s-direct", end ? (int)(end - term) : (int)strlen(term), term);
		exact = newterm(name, tty, tty);
	}
	return exact ? exact : newterm(NULL, tty, tty);
}

int
screen_open(int color, struct err *err)
{
	setlocale(LC_CTYPE, "");
	if (!(tty = fopen("/dev/tty", "r+e")) || tcgetattr(fileno(tty), &before) || !(screen = new_screen(color))) {
		if (tty)
			fclose(tty);
		tty = NULL;
		return err_set(err, ERR_IO, "there is no terminal to draw on, --once writes the picture as text");
	}
	atexit(screen_close);
	cmd_hold();
	expect_death();
	cbreak();
	noecho();
	nodelay(stdscr, TRUE);
	keypad(stdscr, TRUE);
	set_escdelay(25);
	curs_set(0);
	mousemask(BUTTON1_CLICKED | BUTTON1_PRESSED | BUTTON1_DOUBLE_CLICKED | BUTTON4_PRESSED | BUTTON5_PRESSED, NULL);
	mouseinterval(200);
	if (color && has_colors())
		start_colors();
	return 0;
}

void
screen_close(void)
{
	if (!screen)
		return;
	goodbye_fd = -1;
	endwin();
	delscreen(screen);
	fclose(tty);
	screen = NULL;
	cmd_speak();
}

void
screen_size(int *width, int *height)
{
	getmaxyx(stdscr, *height, *width);
}

int
screen_fd(void)
{
	return fileno(tty);
}

static void
put_line(int y, struct str line, int attributes)
{
	attron(attributes);
	mvaddnstr(y, 0, line.p, (int)line.n);
	attroff(attributes);
	clrtoeol();
}

/* The status line below, with the cursor where something is typed. */
static void
put_status(int height, int width, struct str status, int cursor)
{
	put_line(height - 1, status, A_REVERSE);
	curs_set(cursor >= 0);
	if (cursor >= 0)
		move(height - 1, cursor < width ? cursor : width - 1);
	refresh();
}

static attr_t
attributes_of(enum canvas_role role)
{
	switch (role) {
	case CANVAS_TITLE:
		return A_BOLD;
	case CANVAS_CHOSEN:
		return A_REVERSE | A_BOLD;
	case CANVAS_FAINT: case CANVAS_FRAME:
		return colors >= 256 ? 0 : A_DIM;
	case CANVAS_FOCUS:
		return colors ? 0 : A_BOLD;
	default:
		return 0;
	}
}

static void
put_cell(int x, int y, const struct canvas_cell *cell)
{
	wchar_t text[4] = { cell->c[0] ? (wchar_t)cell->c[0] : L' ', (wchar_t)cell->c[1], (wchar_t)cell->c[2], 0 };
	cchar_t c;

	if (colors >= 256 && cell->role >= CANVAS_HEAT && cell->c[0] >= 0x2588 && cell->c[0] <= 0x2593)
		text[0] = L' ';
	if (setcchar(&c, text, attributes_of((enum canvas_role)cell->role), colors ? (short)(cell->role + 1) : 0, NULL) == OK)
		mvadd_wch(y, x, &c);
}

void
screen_draw(const struct canvas *canvas, int from, struct str status, int cursor)
{
	int width, height, y;

	is_dying = 0;                   /* it was a fault that the store got over */
	screen_size(&width, &height);
	for (y = 0; y < height - 1; y++) {
		move(y, 0);
		if (y + from >= canvas->height) {
			clrtoeol();
			continue;
		}
		for (int x = 0; x < width && x < canvas->width; x++)
			if (canvas_at(canvas, x, y + from)->c[0] || x == 0 || !canvas_at(canvas, x - 1, y + from)->wide)
				put_cell(x, y, canvas_at(canvas, x, y + from));
		if (canvas->width < width) {
			move(y, canvas->width);
			clrtoeol();
		}
	}
	put_status(height, width, status, cursor);
}

void
screen_show(struct str text, int from, int chosen, struct str status, int cursor)
{
	int width, height, y = 0, n = 0;
	struct str line;

	screen_size(&width, &height);
	for (; y < height - 1 && text.n && str_cut(&text, '\n', &line); n++) {
		if (n < from)
			continue;
		put_line(y++, line, n == chosen ? (int)(A_BOLD | A_REVERSE) : line.n && line.p[0] == '!' ? (int)A_BOLD | (colors ? COLOR_PAIR(CANVAS_BAD + 1) : 0) :
		    line.n && line.p[0] != ' ' ? (int)A_BOLD | (colors ? COLOR_PAIR(CANVAS_FOCUS + 1) : 0) : 0);
	}
	for (; y < height - 1; y++)
		put_line(y, STR(""), 0);
	put_status(height, width, status, cursor);
}

/* ---- keys */

static int
mouse_key(void)
{
	MEVENT e;

	if (getmouse(&e) != OK)
		return SCREEN_NONE;
	clicked_x = e.x, clicked_y = e.y;
	return e.bstate & BUTTON4_PRESSED ? SCREEN_WHEEL_UP : e.bstate & BUTTON5_PRESSED ? SCREEN_WHEEL_DOWN :
	    e.bstate & BUTTON1_DOUBLE_CLICKED ? SCREEN_DOUBLE_CLICK : SCREEN_CLICK;
}

void
screen_mouse(int *x, int *y)
{
	*x = clicked_x, *y = clicked_y;
}

int
screen_key(void)
{
	static const struct { int curses, ours; } keys[] = { { KEY_UP, SCREEN_UP }, { KEY_DOWN, SCREEN_DOWN }, { KEY_LEFT, SCREEN_LEFT }, { KEY_RIGHT, SCREEN_RIGHT },
		{ KEY_PPAGE, SCREEN_PAGE_UP }, { KEY_NPAGE, SCREEN_PAGE_DOWN }, { KEY_HOME, SCREEN_HOME }, { KEY_END, SCREEN_END }, { KEY_ENTER, SCREEN_ENTER },
		{ KEY_BTAB, SCREEN_BACK_TAB }, { KEY_BACKSPACE, SCREEN_BACKSPACE }, { KEY_RESIZE, SCREEN_RESIZED } };
	wint_t c;
	int rc;

	do {
		if ((rc = get_wch(&c)) == ERR)
			return SCREEN_NONE;
		if (rc != KEY_CODE_YES)
			return c == '\n' || c == '\r' ? SCREEN_ENTER : c == '\t' ? SCREEN_TAB : c == 27 ? SCREEN_ESCAPE : c == 127 || c == 8 ? SCREEN_BACKSPACE : (int)c;
		if (c == KEY_MOUSE && (rc = mouse_key()) != SCREEN_NONE)
			return rc;
		for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
			if ((int)c == keys[i].curses)
				return keys[i].ours;
	} while (1);                    /* a key without a meaning: the next */
}
