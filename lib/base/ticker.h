/* ticker.h - a thread that does the same again and again: each time so many ms after it was done, or at once when it is woken. */
#ifndef BASE_TICKER_H
#define BASE_TICKER_H

#include "base/err.h"

struct ticker;

/* woken: ticker_wake was called since the call before; 1 the first time. */
struct ticker *ticker_new(void (*call)(void *self, int woken), void *self, int every_ms);

/* The thread begins, with the first call. 0, or ERR_LIMIT when there is none to be had. */
int ticker_start(struct ticker *, struct err *err);

/* Any thread; NULL is fine. */
void ticker_wake(struct ticker *);

/* 1 from ticker_free on: for a long call, which then ends early. Any thread. */
int ticker_ending(struct ticker *);

/* Ends after the call that is running. NULL is fine. */
void ticker_free(struct ticker *);

#endif
