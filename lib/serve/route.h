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

#include "http/socket.h"
#include "serve/exchange.h"

enum route_how {
	ROUTE_POOL = 0,                 /* call() runs in a thread of the pool: it may read the store, and take its time */
	ROUTE_LOOP = 1,                 /* on the loop's thread: it waits for nothing */
	ROUTE_HEAD = 2,                 /* the same, before the body: call() takes the body itself (http_body_pieces), or opens a WebSocket */
};

struct route_param {
	const char *name, *type;        /* "string", "integer", "number", "duration", "time", "list", "boolean" */
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
	const char *answer;             /* the schema of a 2xx answer, or a media type where it is no JSON */
	int status;                     /* of a good answer, for the document: 200, 201, 204 */
	enum route_how how;
	int64_t body_bytes;             /* 0: the server's bound */
	void (*call)(struct exchange *);
	int keeps;                      /* 1: the answer says the same until the store changes, or a second went by */
	int reads;                      /* 1: it answers with the tenant's data: in the audit, by choice */
	int quiet;                      /* 1: not in the document */
	int anyone;                     /* 1: who has credentials may, whatever his roles; `resource` names it in the document */
	int greets;                     /* a WebSocket: 1: a browser without credentials may send them in his first message; 2: nobody needs any */
	const char *messages;           /* what is live: for the document, as JSON, what may be sent and what comes; NULL: nothing of the kind */
	int tells;                      /* 1: its 503 is what it was asked for, and no failure */
	const char *bodies;             /* other forms of the body, for the document: "TYPE":{"schema":…},… as JSON */
	const struct route_param *heads;        /* headers that mean something here, for the document; NULL: none */
	int loose;                      /* 1: intake, where clients mislabel: the body is known by its content, not by its type */
};

/* All of them: groups of rows, each with a row of zeros at its end; a NULL behind the last group. */
extern const struct route *const route_groups[];
extern const struct route route_intake[], route_reads[], route_insights[], route_ask[], route_records[], route_hooks[], route_alerts[], route_pages[], route_status[], route_live[],
    route_provider[], route_web[], route_shared[];

/* The row for a method and a path, and the values of {…}. NULL: *allow has the methods that the path has ("" for no such path). */
const struct route *route_find(struct str method, struct str path, struct str *segment, struct buf *allow);

/* Rows are numbered through all groups. NULL: there is none of that number. */
const struct route *route_row(int number);

/* The document, OpenAPI 3.1. */
void route_openapi(struct buf *);

/* The schemas that rows name, as JSON text: {"components":{"schemas":{…}}}. */
extern const char route_schemas[];

#endif
