/* in.h - reading: files, pipes and stdin as lines, gzip unpacked on the way.
 *
 * Large blocks, no copy of a line that lies whole in one. gzip is known by its first bytes (1f 8b), whatever the name;
 * concatenated members are one stream; a member that unpacks to more than 1000 times its size plus 64 MiB is refused.
 *
 * Liveness: before a read that would block, the `wait` hook runs (outputs are flushed there), and it says how long the
 * wait may last; a wait that runs out, or a signal, comes back to the caller.
 */
#ifndef BASE_IN_H
#define BASE_IN_H

#include "base/err.h"
#include "base/str.h"

enum {
	IN_END = 0, IN_LINE = 1,
	IN_IDLE = 2,            /* the wait hook's time ran out with nothing to read: call again */
};
#define IN_SLACK 64             /* so many bytes behind a line or block may be read, whatever they are */
#define IN_LINE_MOST (64u << 20)                /* bytes of the longest line that is read; a longer one is ERR_LIMIT */

struct in;

/* Open a file, or stdin for "-". NULL and "FILE: reason" on failure (a directory is a failure). */
struct in *in_open(const char *path, struct err *);
struct in *in_open_fd(int fd, const char *name, struct err *);  /* fd is taken over */

/* Bytes from a function: it puts at most n at `to` and says how many in *got. IN_LINE, IN_END, IN_IDLE (none now: call
 * again), < 0. Such bytes are not unpacked, and wait hooks are not called. */
struct in *in_open_read(int (*read)(void *self, char *to, size_t n, size_t *got, struct err *), void *self, const char *name);
void in_close(struct in *);

/* `hook` is called when the next read would block; it returns how many ms to wait at most, -1 for ever. */
void in_on_wait(struct in *, int (*hook)(void *self), void *self);

/* The next line without its "\n" or "\r\n" (a BOM at the very start is passed over); borrowed until the next call.
 * IN_LINE, IN_END (also after SIGINT/SIGTERM: cmd_stopping(), which leaves a line that was
 * not read whole), IN_IDLE, or < 0. ERR_LIMIT is a line too long: it is counted and skipped in constant memory, and reading
 * may go on; after another failure, told as "FILE: reason", comes IN_END. */
int in_line(struct in *, struct str *line, struct err *);

/* The next bytes, as many as there are (at most 1 MiB), for formats that are not lines. IN_LINE, IN_END, IN_IDLE, < 0. */
int in_bytes(struct in *, struct str *bytes, struct err *);

/* Whole lines, as many as there are up to some 256 KiB (a longer line, whole), for those who cut them elsewhere: each with
 * its "\n", but the last of the input perhaps. They lie in the block's own memory and stay until it is read into again.
 * IN_LINE, IN_END, IN_IDLE, < 0 as in_line, which is not called on the same input. wait 0: where in_line would wait, IN_IDLE
 * comes at once, and the hook is not called. ERR_LIMIT counts as one line. in_lineno says nothing. */
struct in_block {
	struct str text;
	char  *buf;             /* the block's memory; zero-initialised is none */
	size_t cap;
};
int in_block(struct in *, struct in_block *, int wait, struct err *);
void in_block_release(struct in_block *);

/* Look at the first bytes (up to 64 KiB, unpacked, behind a BOM) without taking them. Of a pipe it waits for the first
 * whole line, no longer than the wait hook says. */
struct str in_peek(struct in *, struct err *);

const char *in_name(const struct in *);         /* "stdin" or the path */
long    in_lineno(const struct in *);           /* of the last line returned, from 1 */
int64_t in_offset(const struct in *);           /* bytes of the (unpacked) input consumed by the lines returned so far */
int64_t in_size(const struct in *);             /* bytes of the file, -1 when not known: for progress */
int64_t in_position(const struct in *);         /* bytes of the file read so far (packed): for progress */

#endif
