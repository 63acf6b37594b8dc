/* at-dash.h - the command's two halves. */
#ifndef AT_DASH_H
#define AT_DASH_H

#include "dash/board.h"

struct rows_spec {
	struct board_spec board;
	struct str filter, range;       /* at the beginning */
	struct rendering rendering;
	const char *file;               /* what is written, NULL: to standard output */
	int is_live;
};

/* Draw rows: live in the terminal until it is left, or once, to the file. Returns err->code. */
int rows_run(const struct rows_spec *, char **files, struct err *);

/* Write a text to a file; "-": to standard output. Returns err->code. */
int write_file(const char *path, const struct buf *, struct err *);

#endif
