/* at-dash.h - the command's two halves. */
#ifndef AT_DASH_H
#define AT_DASH_H

#include "dash/board.h"

/* Draw rows: live in the terminal until it is left, or once as text of that width on standard output. Returns err->code. */
int rows_run(const struct board_spec *, char **files, int is_live, int width, struct err *);

#endif
