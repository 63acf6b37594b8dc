/* cache.h - answers given before, as long as nothing has changed: a dashboard asks the same again and again.
 *
 * An answer is kept under its question (the statement, its parameters) together with the version of the store that it saw. The
 * version counts every commit that changed the tenant (store_version), so an answer is given again only while a fresh run
 * could say nothing else, and never a moment longer. What reads the clock or draws random numbers is no matter for the cache: the
 * caller says so by not keeping it.
 *
 *      question ──► entry: version, columns, rows packed one behind the other         least recently used goes first
 *
 * Not for several threads at once.
 */
#ifndef QUERY_CACHE_H
#define QUERY_CACHE_H

#include "query/query.h"

#define CACHE_MOST   (64u << 20)        /* bytes of all answers */
#define CACHE_ANSWER (4u << 20)         /* bytes of one: a longer one is cheaper to run again than to keep */

struct cache;
struct cache *cache_new(void);
void cache_free(struct cache *);                /* NULL is fine */

/* Give the answer kept for this question and version to the sink. 1 given, 0 there is none, < 0 what the sink said. */
int cache_answer(struct cache *, struct str question, uint64_t version, const struct query_sink *, struct err *);

/* Listen to an answer on its way: what is returned passes everything on to `to`. Then keep it, or forget it. */
const struct query_sink *cache_listen(struct cache *, const struct query_sink *to);
void cache_keep(struct cache *, struct str question, uint64_t version);
void cache_forget(struct cache *);

#endif
