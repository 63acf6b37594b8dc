/* pages.h - bytes in memory that a pipe takes as it lies, without a copy (io_give).
 *
 * A pipe that was given pages points to them until they are read, and a reader may pass them on unread (splice, tee), which
 * nobody tells the writer. So no byte is written twice here: pieces stand behind each other in a region, and a region that
 * is full is unmapped, whatever the pipe still holds of it.
 *
 *      region  │ piece, given │ piece, given │ piece, being written …   │
 *
 * New memory is dear but in large pages: 325 MB through a pipe cost its two ends 0.21 s of CPU by write, 0.08 s so, 0.24 s
 * so with pages of 4 KiB. Where there are no large pages, or no pipe, a piece is an ordinary buffer.
 */
#ifndef BASE_PAGES_H
#define BASE_PAGES_H

#include "base/buf.h"

struct pages {          /* zero-initialised is ready, for ordinary buffers */
	struct buf buf;         /* the piece; before anything is added to it pages_room is asked */
	char  *region;          /* that it lies in; NULL: an ordinary one */
	size_t size;
	int    wanted;          /* regions are */
};

int  pages_pay(int fd);                         /* is it a pipe that is better given pages? It becomes a large one. */
void pages_begin(struct pages *);               /* another piece, empty: the one before is given, or not wanted */
void pages_room(struct pages *, size_t more);   /* buf.cap is for so many bytes more; buf.p may change */
void pages_release(struct pages *);             /* ready again, as before */

#endif
