/* routes.h - which alert is told to whom, when, with which others, and when not.
 *
 *      alert ─► told so already? ─► its routes ─► group ─► silenced, muted, inhibited, flapping? ─► the queues of its receivers (deliver.h)
 *                                                   │             │ then: as soon as it is not any more
 *                                                   └ wait, interval, repeat, escalate: by the clock
 *
 * An alert is its rule and its labels. One that was told as firing is told as resolved too, whatever silences it meanwhile; so is one
 * that was silenced from its beginning. What is inhibited or muted and was never told ends untold. Config:
 *
 *      "alerts":{"routes":[{"match":{"severity":"page"},"receiver":"pager","group_by":["alert"],"group_wait":"30s","group_interval":"5m",
 *                           "repeat":"4h","continue":true,"mute":"nights","escalate":[{"after":"15m","receiver":"boss"}]}, …],
 *                "inhibit":[{"source":{…},"target":{…},"equal":["host"]}],
 *                "mute_times":{"nights":{"days":"mon-fri","from":"22:00","to":"06:00","tz":"Europe/Zurich"}},
 *                "flapping":{"changes":10,"within":"1h"}}
 *
 * Without routes each receiver is told of each alert. Times here are the clock's, but for flapping, which is of the alerts' own times, so
 * that history is damped as what is live. What must be kept is in the tenant's state, kind "notify/NAME", written in the transaction
 * in which messages are queued: a crash at any moment repeats and loses nothing.
 */
#ifndef ALERT_ROUTES_H
#define ALERT_ROUTES_H

#include "alert/evaluate.h"
#include "config/config.h"

struct routes;
struct routes *routes_new(const struct config *, struct err *);         /* borrowed; ERR_USAGE with the path of what is wrong */
void routes_free(struct routes *);
int routes_receivers(const struct routes *);                            /* how many there are */

/* An alert changed. Pending ones are nobody's business. 1: nobody is told of it, as it flaps. */
int routes_alert(struct routes *, const struct evaluate_alert *);

/* Queue what is due. In a write transaction. event_time: the latest time of rows. name: of the state, NULL: nothing is kept. The number of
 * messages, or < 0. */
int routes_flush(struct routes *, struct store *, const char *name, int64_t now, int64_t event_time, struct err *);

/* When routes_flush has something to do again though no alert comes; TIME_NONE: never. */
int64_t routes_next(const struct routes *, int64_t now);

/* Silences are others than before: routes_flush has something to do now. */
void routes_look(struct routes *);

int routes_load(struct routes *, struct store *, const char *name, struct err *);

#endif
