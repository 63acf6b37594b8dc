/* outbox.h - bytes that threads give and the loop sends, with a bound.
 *
 * What is in it and what the loop has taken but not sent yet counts as waiting. It is shared by whoever gives and the loop.
 */
#ifndef HTTP_OUTBOX_H
#define HTTP_OUTBOX_H

#include "base/buf.h"

struct outbox;

struct outbox *outbox_new(void);
void outbox_free(struct outbox *);

/* Add up to three pieces as one, if not more than `most` bytes wait before it: 0, or 1; with `block` it waits until that is so.
 * < 0: closed. */
int outbox_add(struct outbox *, const struct str piece[], int n, size_t most, int block);

/* The last piece, whatever waits: after it nothing is taken any more, but what is there goes out. 0, < 0: closed. */
int outbox_seal(struct outbox *, struct str);

/* The loop: take all that is there to the end of `to`; 1 when something came. And how many bytes taken are not sent yet. */
int outbox_take(struct outbox *, struct buf *to);
void outbox_unsent(struct outbox *, size_t);

void outbox_close(struct outbox *);             /* what is there goes nowhere; who waits is woken */

#endif
