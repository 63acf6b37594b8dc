/* silences.h - alerts that are not to be heard for a while, and how an alert is told by its labels.
 *
 *      {"id":"…","match":{"alert":"many","source":"~goo.*"},"from":TIME,"until":TIME,"by":"…","comment":"…"}
 *
 * They lie in the tenant's state, kind "silence". A matcher names `alert` (or `alertname`), `severity` or a label, and its value: "VALUE", "!VALUE" for all
 * others, "~REGEX" (the whole value), "!~REGEX"; what is not there is "". A silence whose end is long past is forgotten.
 */
#ifndef ALERT_SILENCES_H
#define ALERT_SILENCES_H

#include "expr/regex.h"
#include "json/json.h"
#include "store/store.h"

#define SILENCES "silence"              /* the state's kind */
#define SILENCES_MOST 10000

/* ---- matchers */
struct silences_matchers;
struct silences_matchers *silences_matchers_new(struct json match, struct err *);       /* ERR_INPUT: no object of texts, no regex */
void silences_matchers_free(struct silences_matchers *);
int silences_match(const struct silences_matchers *, struct str alert, struct str severity, struct json labels);        /* none match everything */

/* What an alert has there: its name, its severity, or a label ("" when it has none). scratch holds it where it must be decoded. */
struct str silences_part(struct str key, struct str alert, struct str severity, struct json labels, struct buf *scratch);

/* ---- silences */
struct silences;
struct silences *silences_load(struct store *, struct err *);
void silences_free(struct silences *);
int silences_hold(const struct silences *, int64_t now, struct str alert, struct str severity, struct json labels);
int64_t silences_next(const struct silences *, int64_t now);            /* when one begins or ends; TIME_NONE */

/* ERR_INPUT says what is wrong with {"match":…,"until":…}. */
int silences_check(struct json given, int64_t now, struct err *);

/* Check and write one; in a write transaction. id p NULL: one is drawn; `record` gets it whole. ERR_INPUT says what is wrong. */
int silences_put(struct store *, struct str id, struct json given, struct str by, int64_t now, struct buf *record, struct err *);

/* {"id":…,"match":…,"from":…,"until":…,"state":"active"|"pending"|"expired"}: with what it is now. */
void silences_show(struct buf *, struct json record, int64_t now);

/* Drop those that ended more than a week ago; in a write transaction. */
int silences_tidy(struct store *, int64_t now, struct err *);

#endif
