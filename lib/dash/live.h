/* live.h - a dashboard in the terminal, kept true: whatever is committed is seen at once, keys and the mouse lead through it.
 *
 *      keys, mouse ──► one thread draws ◄── readings, widget by widget ── another asks ──► store or at-serve
 *                          ▲ somebody wrote to the store, or at-serve says so ►┘
 *
 * So a slow answer never holds up a key, and a new wish ends the answer that is no longer wanted. Nobody writes, nobody types: nothing
 * is done, but for the clock's sake every few seconds to a minute.
 */
#ifndef DASH_LIVE_H
#define DASH_LIVE_H

#include "dash/draw.h"
#include "dash/render.h"

struct live_spec {
	struct data *data;              /* the asking thread's until live_run is over */
	const struct definition *definition;
	struct period period;           /* at the beginning; at: 0 now, and on with the clock */
	int color, ascii;
	int is_plain;                   /* no screen: sentences, then those that changed */
	struct rendering rendering;     /* of what is exported */
	int (*stopping)(void);
};

/* Until it is left. 0; < 0: there is no terminal. 1: an answer still hangs, what `data` uses must not be closed: end the process. */
int live_run(const struct live_spec *, struct err *);

/* For query_spec.stopping of the query that `data` asks: 1 when the answer is no longer wanted. */
int live_unwanted(void);

#endif
