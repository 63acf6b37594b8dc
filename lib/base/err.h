/* err.h - why something failed, in words its user can act on.
 *
 * A function that can fail takes `struct err *` last and returns 0, or a
 * negative ERR_ code (NULL, where it returns a pointer). The struct lives on
 * the caller's stack: failing allocates nothing, prints nothing, leaks nothing.
 * The text says what is wrong first and how to mend it after a comma.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

enum {
	ERR_IO = -1,            /* a file, the store or the network would not */
	ERR_USAGE = -2,         /* the command line is wrong: exit 2 */
	ERR_INPUT = -3,         /* a row is wrong: rejected, counted, the stream goes on */
	ERR_CORRUPT = -4,       /* bytes in the store are not what was written */
	ERR_FULL = -5,          /* disk or map is full */
	ERR_LIMIT = -6,         /* more than a bound allows */
	ERR_CANCEL = -7,        /* the user or a deadline ended it */
	ERR_DENIED = -8,        /* the caller may not */
};

struct err {
	int  code;              /* 0 while all is well */
	long col;               /* 1-based byte column of a fault in a row or expression; 0 when it has none */
	char text[400];
};

/* Record a failure and return its code, so a caller can `return err_set(…)`. */
int err_set(struct err *, int code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* The same with the column (1-based byte) at which the input is wrong. */
int err_col(struct err *, long col, int code, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* Put where it happened in front of the text: "FILE:LINE: ". Returns the code. */
int err_at(struct err *, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Forget: as if nothing had failed. */
void err_clear(struct err *);

#endif
