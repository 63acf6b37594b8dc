/* follow.h - files that grow: read across rotation, and gone on with where an earlier run stopped.
 *
 * Each file is one stream of bytes, read by the `in` that follow_in gives. When the file is renamed and made anew, the
 * stream goes on with the new one after the end of the old; when it is cut short (copytruncate), what the copy holds beyond
 * what was read comes first, then the file from its beginning. A last line that has no newline then gets one.
 *
 *      access.log.2      access.log.1      access.log
 *      ───────────────┤├───────────────┤├──────────┤→       the stream: oldest first
 *            ↑ place: which file (device, inode, a fingerprint of its first bytes), and the offset in it
 *
 * A place is looked for by its file's identity under the name itself and the names beside it: NAME.1, NAME.20261123,
 * NAME-20261123 and the like, plain ones (what is compressed is not read: rotate with delaycompress). What cannot be
 * found again is said by follow_notice.
 *
 * A writer that goes on with the old file after the new one has lines (a web server that ends gracefully) is not heard.
 */
#ifndef SOURCE_FOLLOW_H
#define SOURCE_FOLLOW_H

#include "base/buf.h"
#include "base/err.h"
#include "base/in.h"

struct follow;

/* once: the streams end where the files end now (but for a line that is being written: a last one without newline in a file
 * changed in the last seconds is left). Else they never end, and IN_IDLE says that nothing is there now. */
struct follow *follow_new(int once);
void follow_free(struct follow *);

/* Add a file, which may come later. place: where to go on (from follow_place), p NULL: its beginning. Its number from 0, or
 * < 0: it is no regular file, gzip, or the place is none. */
int follow_add(struct follow *, const char *path, struct str place, struct err *);

/* Its first bytes (up to 64 KiB), wherever the stream goes on: to detect the format. Empty while there are none. */
struct str follow_head(struct follow *, int number);

/* Give the first line of the file again before the stream goes on in its middle: for formats with a header. Before the
 * first read. */
void follow_again(struct follow *, int number);

struct in *follow_in(struct follow *, int number);      /* lives as long as the follow, or until follow_turn */

/* For formats that begin anew with each file (a header, an array): its streams end with a file, too. Before the first read. At
 * such an end follow_turn is 1: then follow_in gives the next file's, with offsets from 0; 0: there is none to go on with. */
void follow_part(struct follow *, int number);
int follow_has_next(const struct follow *, int number);
int follow_turn(struct follow *, int number);

/* Where in a file the stream begins: 0 also when the place of follow_add was not found again. After follow_head. */
int64_t follow_begin(struct follow *, int number);

/* The place of the stream's byte `offset` (record.end). Offsets only grow from call to call. Appended as printable text. */
void follow_place(struct follow *, int number, int64_t offset, struct buf *place);

/* Wait until a file may have changed, at most ms (-1: for ever). 1 look again, 0 the time ran out or a signal came. */
int follow_wait(struct follow *, int ms);

/* What the user should know, once each: NULL, or "FILE: …". Lasts until the next call. */
const char *follow_notice(struct follow *);

#endif
