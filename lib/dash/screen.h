/* screen.h - a whole terminal to draw on (ncurses), given back as it was on any end of the program that can be seen.
 *
 * Keys come from the terminal itself, so that standard input may be a pipe.
 */
#ifndef DASH_SCREEN_H
#define DASH_SCREEN_H

#include "base/err.h"
#include "base/str.h"

int  screen_open(int color, struct err *);      /* ERR_IO: there is no terminal */
void screen_close(void);                        /* also when it is not open */
void screen_size(int *width, int *height);

/* Show lines of text from the n-th on, and a status line at the bottom. Lines that begin with '!' are bold, and red in colours. Only what
 * changed goes to the terminal. */
void screen_show(struct str text, int from, struct str status);

enum { SCREEN_NONE, SCREEN_UP, SCREEN_DOWN, SCREEN_PAGE_UP, SCREEN_PAGE_DOWN, SCREEN_HOME, SCREEN_RESIZED };
int  screen_key(void);                          /* one of these, or a character; never waits */

#endif
