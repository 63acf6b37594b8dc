/* field.h - fields as options name them, of rows that did not come through at-ingest.
 *
 * A field is a key of the row, else of its properties (json/project.h). Of an event's own fields the aliases of at-rows(5) stand
 * for them, in the order of at-ingest: so what is said of user_id is the same of the rows before it and behind it. What jq writes
 * with a dot in front, `.properties.country`, is the field of that name without it. Programs of jq see rows as they are.
 */
#ifndef EVENT_FIELD_H
#define EVENT_FIELD_H

#include "base/err.h"
#include "json/project.h"

/* The name that an option gave, without blanks and jq's dot. 0, or ERR_USAGE: `.a[0]` and the like are no field. */
int field_name(struct str *, struct err *);

/* As project_field, by such a name. */
int field_project(struct project *, struct str name, struct err *);

#endif
