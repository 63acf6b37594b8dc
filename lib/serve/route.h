/* route.h - the API as a table: what each path takes, gives and asks of its caller; documents and checks are made from it.
 *
 *      request ──► route ──► who? may he? ──► parameters and body by the table ──► call(exchange) ──► answer
 *
 * One row is one operation. /openapi.json, 404, 405 with Allow, 401, 403, 415 and 422 come from the rows, so none of them can be
 * wrong alone. A group of operations is one file with one array, listed in route.c: GraphQL, other vendors' formats and what else
 * comes is another file and a line.
 */
#ifndef SERVE_ROUTE_H
#define SERVE_ROUTE_H

#include "auth/auth.h"
#include "http/server.h"
#include "http/socket.h"
#include "query/query.h"

struct exchange;

enum route_how {
	ROUTE_POOL = 0,                 /* call() runs in a thread of the pool: it may read the store, and take its time */
	ROUTE_LOOP = 1,                 /* on the loop's thread: it waits for nothing */
};

struct route_param {
	const char *name, *type;        /* "string", "integer", "duration", "time", "list" */
	int required;
	const char *does;
};

struct route {
	const char *method, *path;      /* "GET", "/api/v1/dashboards/{id}" */
	const char *does;               /* one line: the summary in OpenAPI */
	enum auth_action action;
	const char *resource;           /* "events"; NULL: needs no credentials */
	const struct route_param *params;       /* of the query, a row of NULL at the end; NULL: none */
	const char *body;               /* name of the schema in schemas.json that the JSON body must hold to; NULL: none, or checked by call() */
	const char *answer;             /* the schema of a 2xx answer */
	int status;                     /* of a good answer, for the document: 200, 201, 204 */
	enum route_how how;
	int64_t body_bytes;             /* 0: the server's bound */
	void (*call)(struct exchange *);
};

/* ---- what call() has: a request with its caller, parameters and body read; it ends with one of the answers below */
struct exchange {
	struct http_request *request;
	struct arena *arena;
	const struct route *route;
	struct principal *who;          /* NULL where the route needs none */
	struct str segment[4];          /* the values of {…} in the path */
	struct json body;               /* JSON_NONE when there is none */
	struct serve *serve;            /* serve.h */
	char id[33];                    /* the request's: in logs, errors and X-Request-Id */
};

struct str exchange_param(const struct exchange *, const char *name);           /* p NULL: not given */

/* The tenant's engine, for this thread and this caller, with the caller's policy in it; borrowed until the answer. NULL: answered. */
struct query *exchange_query(struct exchange *);

/* The period that timeRange (or from and to) names: "1h", "7d", "today", "2026-11-01/2026-11-08"; 0, or answered with 400. */
int exchange_range(struct exchange *, int64_t default_ms, int64_t *from, int64_t *to);

void exchange_json(struct exchange *, int status, struct buf *json);            /* with ETag and 304 for GET */
void exchange_problem(struct exchange *, int status, const char *mend, ...) __attribute__((format(printf, 3, 4)));    /* RFC 9457 */
void exchange_error(struct exchange *, const struct err *);     /* the status that fits the code: 400, 408, 413, 422, 503, 500 */
void exchange_none(struct exchange *);                          /* 204 */

#endif
