/* at.h - the analytics store and engine, or at-serve, as a C library. See at(3).
 *
 *      struct at *at = at_open("/var/lib/at", NULL);          or  at_open("https://analytics.example.org", key)
 *
 *      if (!at || at_track(at, "{\"event\":\"signup\",\"user_id\":\"u1\"}", 0) || at_commit(at))
 *              fprintf(stderr, "%s\n", at_error(at));
 *      at_query(at, "SELECT event, COUNT(*) AS n FROM events GROUP BY event", print, NULL);
 *      at_close(at);
 *
 * Functions return 0, or a negative number with the reason in at_error. A handle belongs to one thread at a time, and is
 * opened after any fork.
 */
#ifndef AT_AT_H
#define AT_AT_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

const char *at_version(void);                   /* "0.1.0" */

struct at;

/* Open a store, made where there is none; tenant NULL: "default". Or, where `dir` begins with http:// or https://, at-serve there; then
 * `tenant` is the key. NULL on failure, with the reason in at_error(NULL). */
struct at *at_open(const char *dir, const char *tenant);
void at_close(struct at *);                     /* NULL is fine; what was not committed is gone */
const char *at_error(const struct at *);        /* why the last call failed; borrowed until the next call. NULL: at_open */

/* Add one event, a JSON object as at-rows(5) describes it; len 0: up to its final 0. It is stored by at_commit. A row that
 * is no event is refused with a negative number, and others may follow. */
int at_track(struct at *, const char *json, size_t len);

/* Make what was added durable: it is on disk, and every reader sees it, when this returns 0. A server that is away or busy is
 * asked again for some seconds; after that the events still wait, and count once however often they were sent. */
int at_commit(struct at *);

/* Run a statement of at-sql(7). Each row comes as a JSON object, borrowed until the function returns; other than 0 ends it. */
int at_query(struct at *, const char *sql, int (*row)(void *self, const char *json, size_t len), void *self);

/* The answers of GET /api/v1/metrics and POST /api/v1/insights as at-serve(1) has them, one JSON object each, from a server or a store. `how`
 * is a JSON object, NULL: as if {}. Of a metric: "timeRange" ("1h"), "from", "to", "interval", "groupBy" ("source,country"). Of insights
 * about a named set of events (NULL: all): "timeRange" ("7d"), "from", "to", "metrics" (names), "includeRecommendations". Metrics and sets
 * that are defined are those of the server's configuration; of a store, those that at_config names. */
int at_metrics(struct at *, const char *metric, const char *how, int (*answer)(void *self, const char *json, size_t len), void *self);
int at_insights(struct at *, const char *source, const char *how, int (*answer)(void *self, const char *json, size_t len), void *self);

/* The folder with analytics.json and data-sources.json for questions to a store; none at first. A server has its own. */
int at_config(struct at *, const char *dir);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
