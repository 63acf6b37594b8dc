#include "dash/screen.h"

#include <locale.h>
#include <ncurses.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cmd.h"
#include "base/mem.h"

CMD_LIBRARY("ncurses", curses_version() + sizeof("ncurses"))       /* it says "ncurses 6.4…" */

static SCREEN *screen;
static FILE *tty;
static int colors;

int
screen_open(int color, struct err *err)
{
	setlocale(LC_CTYPE, "");
	if (!(tty = fopen("/dev/tty", "r+e")) || !(screen = newterm(NULL, tty, tty))) {
		if (tty)
			fclose(tty);
		tty = NULL;
		return err_set(err, ERR_IO, "there is no terminal to draw on, --once writes the picture as text");
	}
	atexit(screen_close);
	cbreak();
	noecho();
	nodelay(stdscr, TRUE);
	keypad(stdscr, TRUE);
	set_escdelay(25);
	curs_set(0);
	if (color && has_colors()) {
		start_color();
		use_default_colors();
		init_pair(1, COLOR_RED, -1);
		init_pair(2, COLOR_CYAN, -1);
		colors = 1;
	}
	return 0;
}

void
screen_close(void)
{
	if (!screen)
		return;
	endwin();
	delscreen(screen);
	fclose(tty);
	screen = NULL;
}

void
screen_size(int *width, int *height)
{
	getmaxyx(stdscr, *height, *width);
}

static void
put_line(int y, struct str line, int attributes)
{
	attron(attributes);
	mvaddnstr(y, 0, line.p, (int)line.n);
	attroff(attributes);
	clrtoeol();
}

void
screen_show(struct str text, int from, struct str status)
{
	int width, height, y = 0, n = 0;
	struct str line;

	screen_size(&width, &height);
	for (; y < height - 1 && text.n && str_cut(&text, '\n', &line); n++) {
		if (n < from)
			continue;
		put_line(y++, line, line.n && line.p[0] == '!' ? A_BOLD | (colors ? COLOR_PAIR(1) : 0) :
		    line.n && line.p[0] != ' ' ? A_BOLD | (colors ? COLOR_PAIR(2) : 0) : 0);
	}
	for (; y < height - 1; y++)
		put_line(y, STR(""), 0);
	put_line(height - 1, status, A_REVERSE);
	refresh();
}

int
screen_key(void)
{
	int c = getch();

	switch (c) {
	case ERR:
		return SCREEN_NONE;
	case KEY_UP: case 'k':
		return SCREEN_UP;
	case KEY_DOWN: case 'j':
		return SCREEN_DOWN;
	case KEY_PPAGE:
		return SCREEN_PAGE_UP;
	case KEY_NPAGE:
		return SCREEN_PAGE_DOWN;
	case KEY_HOME: case 'g':
		return SCREEN_HOME;
	case KEY_RESIZE:
		return SCREEN_RESIZED;
	}
	return c > SCREEN_RESIZED && c < 0x80 ? c : SCREEN_NONE;
}
