/* place.h - how far rows were read, so that a run that was killed goes on there when it is given the same rows again.
 *
 * A stream is known again by how it begins, whatever file or pipe it comes through: its first lines, LINES of them or as many as were
 * read, are compared by their hashes, line by line. With the first one that differs it is another stream, and nothing of it is passed
 * over; until then nothing is used. When all are the same, so many bytes are passed over as were read of it, and the last line of
 * them must be the one that was read last, or it is an error: something would be lost or read twice.
 *
 *      known:   first lines ════════ read ═══════════│last line│
 *      again:   first lines ════════ passed over ════│last line│ used from here on …
 *
 * Of the rows themselves nothing is kept: hashes (SHA-256, cut to 64 bits) and counts, some 160 bytes a stream. rows.h calls what stands
 * below "by the reader"; who has the rows asks for the rest.
 */
#ifndef EVENT_PLACE_H
#define EVENT_PLACE_H

#include "base/buf.h"
#include "base/err.h"

struct place;

struct place *place_new(void);
void place_free(struct place *);

/* What was read so far, the row at hand with it, as bytes; and back: before the first row. ERR_CORRUPT. */
void place_put(struct place *, struct buf *);
int place_take(struct place *, struct str, struct err *);

/* By the reader: another stream begins. */
void place_begin(struct place *);

/* By the reader: whole lines came. What of them is to be used is left in *block, perhaps with lines in front that were held back, then in
 * the place's own memory until the next call; *passed lines were passed over. ERR_IO: it is not the stream that it seemed to be. */
int place_come(struct place *, struct str *block, long *passed, struct err *);

/* By the reader: this line, `n` bytes with its end, is used. It is borrowed until the next call of these, at the end place_rest. */
void place_used(struct place *, struct str line, size_t n);
void place_rest(struct place *);

#endif
