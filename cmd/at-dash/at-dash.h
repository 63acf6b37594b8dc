/* at-dash.h - the command's two halves. */
#ifndef AT_DASH_H
#define AT_DASH_H

#include "dash/board.h"

/* Draw rows: live in the terminal until it is left, or once as text of that width, to the file (NULL: standard output). Returns err->code. */
int rows_run(const struct board_spec *, char **files, int is_live, int width, const char *file, struct err *);

/* Write a text to a file; "-": to standard output. Returns err->code. */
int write_file(const char *path, const struct buf *, struct err *);

#endif
