/* zone.h - zones of local time, read from the system's zoneinfo (TZif, RFC 8536).
 *
 * Own reader: libc's is not thread-safe and knows one zone at a time. Zones are
 * cached for the life of the process and shared by all threads; nobody frees one
 * that zone_get gave. NULL is UTC everywhere.
 */
#ifndef BASE_ZONE_H
#define BASE_ZONE_H

#include "base/err.h"
#include "base/str.h"

struct zone;

/* "UTC", "Europe/Zurich", or "+02:00". NULL and an error when there is no such zone. */
const struct zone *zone_get(struct str name, struct err *);

int zone_is_utc(const struct zone *);           /* at all times */

/* ms to add to UTC to get local time. */
int64_t zone_offset(const struct zone *, int64_t ms);

/* The first instant with that local time; for one in a gap, the jump. */
int64_t zone_to_utc(const struct zone *, int64_t local_ms);

/* The bytes of a TZif file as a zone of the caller's own, freed by zone_free. For zone_get and its tests. */
struct zone *zone_of_tzif(struct str bytes, struct err *);
void zone_free(struct zone *);

#endif
