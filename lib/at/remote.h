/* remote.h - the library's calls over at-serve: events wait here, and go as one batch with each commit. */
#ifndef AT_REMOTE_H
#define AT_REMOTE_H

#include "base/buf.h"
#include "base/err.h"
#include "event/event.h"

struct remote;

/* url: "https://analytics.example.org"; key: of at-admin key create. Nothing is asked of the server yet. */
struct remote *remote_new(const char *url, const char *key, struct err *);
void remote_free(struct remote *);
int remote_waits(const struct remote *);        /* events that were added and not sent */

/* Add an event; it gets an id where it has none, so that it counts once however often it is sent. */
int remote_add(struct remote *, const struct event *, struct err *);

/* Send what waits: 0 when all of it is durable there. Tried again for a few seconds while the server is away or busy. ERR_INPUT:
 * the server refused some, and took the others. After any other failure all still waits. */
int remote_commit(struct remote *, struct err *);

/* Run a statement there; each row comes as a JSON object, borrowed. */
int remote_query(struct remote *, const char *sql, int (*row)(void *, const char *, size_t), void *, struct err *);

/* An answer of GET (body p NULL) or POST, whole, appended; with a final 0 behind it. */
int remote_ask(struct remote *, const char *path, struct str body, struct buf *json, struct err *);

#endif
