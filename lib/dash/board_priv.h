/* board_priv.h - what a board keeps of its rows, for those who draw it. */
#ifndef DASH_BOARD_PRIV_H
#define DASH_BOARD_PRIV_H

#include "base/map.h"
#include "dash/board.h"

#define KEPT 200                /* lines of the lists: events, anomalies, alerts */
#define LINE 400                /* bytes of one */

struct line {                           /* one series */
	struct str labels;              /* the key's */
	int64_t *time;
	double *value;
	char *mark;
	int n, cap;
	double size;                    /* of what is shown of it, by which lines are put in order */
};

struct panel {                          /* a metric and a field */
	struct panel *next;
	struct str metric, field;
	struct map lines;
	int adds;                       /* values of its lines may be summed */
};

struct told { int64_t time; char text[LINE]; };
struct ring { struct told told[KEPT]; int n, at; };     /* the newest; at: where the next one comes */
struct list { struct ring all, shown; };        /* shown: of what the filter and the range let through, which the newest of all may have none of */

struct board {
	struct board_spec spec;
	struct buf filter, range;
	struct map panels;
	struct panel *first, **last;
	size_t series;
	int64_t left_out;
	int64_t newest, from, to;       /* of all rows; of what is shown, as board_period has found it */
	int64_t until;                  /* of what is shown at an earlier time; TIME_NONE: it goes on */
	struct part { const void *what; int line; } *part;      /* of the picture that was drawn last */
	int parts, part_cap, drawn_lines;
	struct list events, anomalies, alerts;
	struct buf key, text, scratch;
};

/* Does the filter let the series through? */
int board_shows(struct board *, const struct panel *, struct str labels);

/* Find from and to anew: before each picture. A range that goes on has no end. */
void board_period(struct board *);

/* The lines of a panel of which something is shown, and of each only that; the largest first. Borrowed arrays; freed by the caller. */
struct line *board_lines(struct board *, const struct panel *, int *n);

/* How many values they have; and the times of all of them, rising, each once: how many. */
size_t board_values(const struct line *, int lines);
int board_times(const struct line *, int lines, int64_t *);

/* "hits count": its metric and field. */
void board_put_title(struct buf *, const struct panel *);

/* The next that is shown of a list, the newest first; *at is 0 at the beginning. NULL: there are no more. */
const struct told *board_told(struct board *, const struct list *, int *at);

#endif
