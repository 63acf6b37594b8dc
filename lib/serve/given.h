/* given.h - of a record what somebody gave, and what only the server says of it.
 *
 * The schema of a record (schemas.json: RuleRecord, …) marks what the server says with readOnly: who changed it last and when, what is
 * wrong with it. That is the one list of it: /openapi.json has it for clients, and so has who writes here. A PUT takes what a GET gave, so it
 * leaves these members; two of them hold it to what it was read from: `tenant`, and `version`, as If-Match does. POST and PATCH say what is
 * to be, and refuse them.
 */
#ifndef SERVE_GIVEN_H
#define SERVE_GIVEN_H

#include "json/json.h"

int given_is_read_only(const char *schema, struct str member);
void given_put(struct buf *, const char *schema, struct json record);   /* the object without them */

#endif
