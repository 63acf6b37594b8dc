/* ingest.h - anything in, clean events out: source → format → map → event → cleansing → plan → sink.
 *
 * Every input row ends in one of four ways, and is counted there: stored (or passed on), rejected with place and reason,
 * duplicate, dropped by a rule. A row whose map gives several events is taken whole or rejected whole.
 */
#ifndef INGEST_INGEST_H
#define INGEST_INGEST_H

#include "base/err.h"

struct ingest_spec {
	const char *format;     /* -f */
	const char *map;        /* -m: jq */
	const char *event;      /* --event: name of events that have none */
	const char *schema;     /* --schema: tracking plan */
	const char *from;       /* --from: a source of data-sources.json */
	const char *rejects;    /* -r */
	const char *replay;     /* --replay: a file of reject rows */
	const char *resume;     /* --resume: the name that the place is kept under */
	const char *dedupe;     /* --dedupe: span, "" for a day, NULL for none */
	const char *store;      /* into the store there instead of that of -S, and no closing line; NULL: that of -S */
	int tee, no_store, follow, lossy;
};

/* Do it all: files (NULL at the end; none is stdin). Rejects, files that cannot be read and the closing line are said
 * on the way. 0, or what ended it. */
int ingest_run(struct ingest_spec *, char **files, struct err *);

#endif
