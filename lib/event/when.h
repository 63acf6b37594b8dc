/* when.h - the time of a row that did not come through at-ingest: what stands beside its timestamp, or when it came. */
#ifndef EVENT_WHEN_H
#define EVENT_WHEN_H

#include "base/buf.h"
#include "base/err.h"
#include "json/json.h"

/* timestamp: the row's field of that name; when it is none (or null) the row's ts, time, @timestamp or originalTimestamp counts, and when
 * there is none of these either, now. RFC 3339, or an epoch number (also as a text) that is s, ms, µs or ns by its size. 0, or
 * ERR_INPUT with err->col where the row is wrong. */
int when_row(struct json timestamp, struct str row, struct buf *scratch, int64_t *time, struct err *);

/* The same of a text alone: 0, or -1 when it is none. */
int when_text(struct str, int64_t *time);

#endif
