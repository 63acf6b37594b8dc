/* exchange.h - one request with its caller, parameters and body read, on its way to one answer.
 *
 * What a route's call() has in hand. It ends with exactly one of the answers below, given by any thread, now or later; behind
 * that the exchange is gone. Texts live in the request's arena.
 */
#ifndef SERVE_EXCHANGE_H
#define SERVE_EXCHANGE_H

#include "auth/auth.h"
#include "base/period.h"
#include "http/server.h"
#include "json/json.h"
#include "query/query.h"

struct route;
struct serve;

#define EXCHANGE_SEGMENTS 4             /* {…} of a path */

struct exchange {
	struct http_request *request;
	struct arena *arena;
	const struct route *route;
	struct principal *who;          /* NULL where the route needs none */
	struct str segment[EXCHANGE_SEGMENTS];  /* the values of {…} in the path */
	struct json body;               /* JSON_NONE when there is none; of a PUT without what only the server says (given.h) */
	struct json sent;               /* the same as it came */
	struct str params;              /* a query in place of the request's own, for a route that asks another; p NULL: none */
	struct serve *serve;
	const struct config *config;    /* as it was when the request came; good until the answer */
	struct str asked;               /* the statement or question that it came to, for the audit; p NULL: its parameters say all */
	int asked_in_words;             /* in English, not SQL */
	int64_t rows;                   /* that the answer has */
	size_t said;                    /* its first bytes, which its ETag is of; 0: all */
	char id[33];                    /* the request's: in logs, errors and X-Request-Id */
};

struct str exchange_param(const struct exchange *, const char *name);           /* p NULL: not given */
struct str exchange_text(struct exchange *, struct json);       /* a JSON text decoded, into the arena; p NULL when it is none */

/* The tenant's engine, for this thread and this caller, with the caller's policy in it; borrowed until the answer. Only in a thread
 * of the pool. NULL: answered. */
struct query *exchange_query(struct exchange *);

/* The same for questions in English: what they may name in this store, as this caller sees it, learnt once for each state of it. NULL: answered. */
struct ask;
struct ask *exchange_ask(struct exchange *);

/* The tenant's store for reading, of this thread, as the engine has it: what is read here is not bound by the policy. NULL: answered. */
struct store *exchange_store(struct exchange *);

/* The period that timeRange (or from and to) names: "1h", "7d", "today", "2026-11-01/2026-11-08"; 0, or answered with 400: of the parameters of
 * the query, or of what else said it. default_ms 0: all time. */
int exchange_range(struct exchange *, int64_t default_ms, int64_t *from, int64_t *to);
int exchange_period(struct exchange *, struct period_text, int64_t default_ms, int64_t *from, int64_t *to);

void exchange_json(struct exchange *, int status, struct buf *json);            /* with ETag and 304 for GET */

/* The answer {"name":[item, …]}: begin, an item's text into what `item` gives for each (it stands until the next), end, which answers
 * with it, or with the error, and lets go of it. */
struct exchange_list { struct exchange *ex; struct buf json; int n; };
void exchange_list_begin(struct exchange_list *, struct exchange *, const char *name);
struct buf *exchange_list_item(struct exchange_list *);
void exchange_list_end(struct exchange_list *, const struct err *);
void exchange_etag(struct exchange *, struct str);              /* the ETag of the answer to come, unquoted; else a hash of its bytes */
void exchange_head(struct exchange *, const char *name, struct str value);      /* one more header of the answer to come: Allow */
void exchange_place(struct exchange *, const char *collection, struct str id);  /* Location: what was made */
void exchange_send(struct exchange *, int status, const char *type, struct str body);
void exchange_problem(struct exchange *, int status, const char *mend, ...) __attribute__((format(printf, 3, 4)));    /* RFC 9457 */
void exchange_error(struct exchange *, const struct err *);     /* the status that fits the code: 400, 408, 413, 422, 503, 500 */
void exchange_none(struct exchange *);                          /* 204 */
void exchange_stopping(struct exchange *);                      /* 503: the server stops */

/* An answer in pieces, from a thread of the pool (http_stream_write waits for the client): begin gives 0 or < 0 when it is gone; end
 * belongs to every begun one and answers the exchange. */
int exchange_stream(struct exchange *, const char *type);
int exchange_write(struct exchange *, struct str);
void exchange_stream_end(struct exchange *);
void exchange_stream_cut(struct exchange *);    /* instead: it is not whole, and the client sees that */

#endif
