/* serve.h - the service: an HTTP server over one store, in one process or several.
 *
 *      loop (one thread): requests, credentials, events as they come ──► commit (a thread a tenant) ──► 200
 *                    └──► pool (some threads): queries, administration ──► answer
 *
 * The listening socket is bound once; each worker is a process with its own loop, pool and commits over the same store, which is
 * opened after the fork. The parent watches them and starts one that died again.
 */
#ifndef SERVE_SERVE_H
#define SERVE_SERVE_H

#include "auth/auth.h"
#include "http/server.h"

struct serve_spec {
	const char *listen;             /* "127.0.0.1:8321" */
	const char *tls_cert, *tls_key; /* files, or NULL */
	int insecure;                   /* beyond loopback without TLS */
	long workers;                   /* processes */
	const char *user;               /* who serves once the address is bound; NULL: who starts it */
	const char *store, *config;     /* directories */
	const struct zone *zone;
	int quiet, verbose;             /* quiet: only what failed or was slow is logged */
};

/* Serve until SIGTERM or SIGINT. 0 or < 0. */
int serve_run(const struct serve_spec *, struct err *);

/* ---- what routes ask of it; any thread */
struct serve;

/* The tenant's store, opened when it is first asked for and open until the end: for store_share. NULL and the reason. */
struct store *serve_store(struct serve *, struct str tenant, struct err *);

/* One line of the log: {"time":…,"level":…,"what":…, and the members `more`, "\"a\":1,\"b\":2" }. */
void serve_log(struct serve *, const char *level, const char *what, struct str more);

#endif
