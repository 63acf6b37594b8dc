/* value.h - a JSON value as a cell of a row: int64 stays exact, true and false are 1 and 0, nested values their JSON text. */
#ifndef QUERY_VALUE_H
#define QUERY_VALUE_H

#include "base/buf.h"
#include "json/json.h"
#include "query/cell.h"

/* Text is borrowed from the JSON or from scratch (cleared first). What is not there is NULL. */
struct cell value_of_json(struct json, struct buf *scratch);

/* The other way: appended as JSON. Text that is UTF-8 only. */
void value_put_json(struct buf *, const struct cell *);

#endif
