/* coprocess.h - rows through a program of the user's: each row goes to its standard input, and for each comes one row back, in order.
 *
 *      rows ─► queue ─► stdin │ CMD │ stdout ─► out            both pipes are read and written as they are ready: neither side waits
 *                                                              for a full one
 *
 * The stream never waits for it. A row that has no answer in time, or whose answer is no JSON object, goes out as it came, and is counted;
 * so do all while the program is away: one that ends, hangs or answers what nobody asked is ended and started again, after 0.1 s, then
 * 0.2, up to 30. The order of rows stays. The program is started without a shell: words are cut at blanks, and quotes ('…', "…", \x) keep
 * them together. It must write an answer when it has it, not when its buffer is full.
 */
#ifndef DETECT_COPROCESS_H
#define DETECT_COPROCESS_H

#include "base/err.h"
#include "base/out.h"

struct coprocess_spec {
	const char *command;
	int64_t within_ms;      /* of a row: so long its answer may take. 0: 10 s */
};

struct coprocess;
struct coprocess *coprocess_new(const struct coprocess_spec *, struct out *, struct err *);     /* starts it; ERR_USAGE: no command */
void coprocess_free(struct coprocess *);        /* ends the program */

/* One row. It, and others before it, may come out now or later. ERR_INPUT: no row. */
int coprocess_row(struct coprocess *, struct str row, struct err *);

/* The input is silent: what is there comes out. Ms until it wants to be called again, -1: never. */
int coprocess_silence(struct coprocess *);

/* The input is at its end: wait for the answers, and for the program's own end, no longer than a row may take. */
void coprocess_finish(struct coprocess *);

struct coprocess_figures { long rows, passed, starts; };        /* passed: went out as they came */
void coprocess_figures(const struct coprocess *, struct coprocess_figures *);

#endif
