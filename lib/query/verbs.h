/* verbs.h - metric, funnel, retention, paths, sessions, events, schema, …: the functions that give rows, in one table. */
#ifndef QUERY_VERBS_H
#define QUERY_VERBS_H

#include "query/history.h"
#include "query/table_function.h"

extern const struct table_function *const verbs_all[];          /* NULL at the end */
const struct table_function *verbs_find(const char *name);      /* NULL: none */

/* What a call of `events` asks for; its texts are those of the call. 0 or ERR_USAGE. */
int verbs_events(const struct table_function_call *, struct history_spec *, struct err *);

#endif
