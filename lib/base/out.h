/* out.h - writing: a large buffer in front of a file descriptor; every failure is caught, EINTR and short writes retried.
 *
 * Errors stick: after a failed write the rest is dropped and out_close (and out_failed) tell. A closed pipe downstream
 * ends the process by SIGPIPE as for every filter.
 */
#ifndef BASE_OUT_H
#define BASE_OUT_H

#include "base/buf.h"
#include "base/err.h"

struct out {
	struct buf buf;         /* add rows here with buf_ functions, then call out_row */
	int  fd;
	int  own;               /* close fd at the end */
	int  failed;            /* errno of the first failure */
	int  pays;              /* pages_pay of fd: 1, or -1; 0: not asked yet */
	const char *name;
	char *part;             /* what is written to instead of `name` until it is whole (out_replace); NULL: `name` itself */
	int (*give)(void *self, struct str);    /* instead of writing to fd: other than 0 is a failure; NULL: fd */
	void *self;
};

#define OUT_BLOCK (256u << 10)                  /* bytes that are gathered before a write */

struct out *out_stdout(void);                   /* the one for fd 1; closed by cmd_end */
/* 0600; never through a link of another user. "-": what fd 1 is, with a buffer of its own, so whole rows lie between those of out_stdout. */
struct out *out_open(const char *path, int append, struct err *);
/* The same of what is worth nothing in part: until out_close the file that is there stays as it was, and stays when something failed. */
struct out *out_replace(const char *path, struct err *);
/* Before it is opened, which empties it: is what is to be written there (NULL: to standard output) one of the files that are read, of which
 * no one is standard input? option: what names it, "--late". 0, or ERR_USAGE. */
int out_apart(const char *option, const char *path, char *const *files, struct err *);
void out_flush(struct out *);                   /* write what is there */
void out_write(struct out *, struct str);       /* what is there and these bytes, which are not copied */
int  out_pays(struct out *);                    /* is it worth while to gather bytes in pages.h for out_give? */
void out_give(struct out *, struct str);        /* as out_write, of bytes that are never written again */
int  out_failed(const struct out *, struct err *);      /* 0, or ERR_IO with the reason: a write failed before */
int  out_close(struct out *, struct err *);     /* flush, close, free; 0 or ERR_IO with the reason */

static inline void
out_row(struct out *o)                          /* a row is complete in buf: write when a block is full */
{
	if (o->buf.n >= OUT_BLOCK)
		out_flush(o);
}

#endif
