/* resume.h - a state that is saved while rows come, with the place in them, so that after kill -9 the same command goes on.
 *
 * State, place and what is stored of the rows are one transaction. Just before it, and as soon as the input is silent, what came out goes
 * to stdout; only much of it goes earlier. How far stdout was stands in the transaction, too, where that is a file that is appended to: rows that
 * came out behind the last transaction and come again are not written twice. Into a pipe they are, as nobody knows who has read them.
 *
 * A transaction costs as much as there is state, so one is due RESUME_MS after the last, and later where it takes long: a twentieth of the time
 * goes there at most.
 */
#ifndef AT_DETECT_RESUME_H
#define AT_DETECT_RESUME_H

#include "event/place.h"
#include "store/store.h"

struct resume;

/* store NULL: nothing is kept. name NULL: what is put is, but no place, which is then NULL, too. kind: whose state it is. NULL on failure. */
struct resume *resume_open(struct store *, const char *kind, const char *name, struct err *);
void resume_free(struct resume *);             /* before the store is closed, else last */
struct place *resume_place(struct resume *);    /* for rows.place */

/* Rows came since it was saved, and it is time? Called for each row: mostly it counts only. */
int resume_is_due(struct resume *);

#define RESUME_MS 200

/* When by the steady clock the next save may be, when it is to be so long after the last. */
int64_t resume_due_at(const struct resume *, int64_t every_ms);

/* Something changed though no row came. */
void resume_touch(struct resume *);

/* The input is silent: what is held of stdout goes out. Ms until it is due, 0: now; -1: nothing came since. */
int resume_silence(struct resume *);

/* A transaction for what `put` puts, and the place: what is in stdout is written before. end: the input is at its end, so resume_free forgets the place. */
int resume_save(struct resume *, int (*put)(void *self, struct store *, struct err *), void *self, int end, struct err *);

#endif
