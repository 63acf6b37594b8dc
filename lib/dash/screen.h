/* screen.h - a whole terminal to draw on (ncurses), given back as it was on any end of the program, also by a signal or an abort.
 *
 * Keys come from the terminal itself, so that standard input may be a pipe. Only cells that changed go to the terminal. What is said on
 * stderr (cmd_say) waits until the terminal is given back.
 */
#ifndef DASH_SCREEN_H
#define DASH_SCREEN_H

#include "base/err.h"
#include "base/str.h"
#include "dash/canvas.h"

int  screen_open(int color, struct err *);      /* ERR_IO: there is no terminal */
void screen_close(void);                        /* also when it is not open */
void screen_size(int *width, int *height);
int  screen_fd(void);                           /* for poll: there may be a key */
int  screen_is_ascii(void);                     /* the locale's letters are not UTF-8; also before screen_open */
int  screen_has_true_color(void);               /* so COLORTERM says; also before screen_open */

/* Show lines of text from the n-th on, and a status line at the bottom. Lines that begin with '!' are bold, and red in colours; the chosen one (< 0:
 * none) is reversed. cursor: the column of the status line where what is typed appears; < 0: nothing is typed. */
void screen_show(struct str text, int from, int chosen, struct str status, int cursor);

/* The same of a picture. */
void screen_draw(const struct canvas *, int from, struct str status, int cursor);

/* One of these, or the character of a key; never waits. A click or a turned wheel tells where. */
enum { SCREEN_NONE, SCREEN_UP = 0x200000, SCREEN_DOWN, SCREEN_LEFT, SCREEN_RIGHT, SCREEN_PAGE_UP, SCREEN_PAGE_DOWN, SCREEN_HOME, SCREEN_END, SCREEN_ENTER,
    SCREEN_TAB, SCREEN_BACK_TAB, SCREEN_ESCAPE, SCREEN_BACKSPACE, SCREEN_RESIZED, SCREEN_CLICK, SCREEN_DOUBLE_CLICK, SCREEN_WHEEL_UP, SCREEN_WHEEL_DOWN };
int  screen_key(void);
void screen_mouse(int *x, int *y);              /* of the last click */

#endif
