/* trail.h - the audit's entries for who only reads them: apart from audit.h, so that such a program has no cryptography to load, and starts a
 * millisecond sooner.
 */
#ifndef AUTH_TRAIL_H
#define AUTH_TRAIL_H

#include "json/json.h"
#include "store/store.h"

/* The environment that holds them, of the store at `dir`, for reading; store_close. NULL with err->code 0: there is none yet. */
struct store *trail_open(const char *dir, struct err *);

/* Entries of a tenant (p NULL: all), oldest first, from <= time < to, each a JSON object {seq,timestamp,tenant,who,…,hash}. */
int trail_each(struct store *, struct str tenant, int64_t from, int64_t to, int (*each)(void *, struct str json), void *, struct err *);

#endif
