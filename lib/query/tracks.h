/* tracks.h - what each user did, in order: the ground on which funnels, retention, paths and sessions stand.
 *
 * Events are taken in any order and kept as 24 bytes each: names, users and the values of one field become numbers. Then
 * they lie user by user, each user's by time and, at the same time, by arrival. Events without a user are passed over.
 *
 *      user 0 │ t e │ t e │ t e │ user 1 │ t e │ …           first[user] … first[user + 1]
 */
#ifndef QUERY_TRACKS_H
#define QUERY_TRACKS_H

#include "base/map.h"
#include "event/event.h"
#include "store/store.h"

struct track_event {
	int64_t  time;          /* ms since 1970 */
	uint64_t seq;           /* order of arrival */
	uint32_t name;          /* number in tracks.names */
	uint32_t group;         /* number in tracks.groups; 0 is NULL */
};

struct tracks {
	struct map names, users, groups;        /* text to number; a number's text by tracks_name and its kin */
	struct str *name, *user, *group;
	struct track_event *event;
	uint32_t *owner;                        /* the user of each event; gone once sorted */
	size_t n, cap, *first;                  /* events; where each user begins, users.n + 1 of them */
	int64_t read;                           /* events looked at by tracks_load */
	int64_t last;                           /* the greatest time of any event seen, with a user or not; TIME_NONE: none */
	struct str by;                          /* the field whose values are the groups; p NULL: none */
	const struct str *keep;                 /* only events of these names are kept; n_keep 0: all */
	int n_keep;
	struct buf scratch;
};

/* Zero-initialised (with `by` and `keep` set, if wanted) is empty and ready. */
void tracks_release(struct tracks *);

void tracks_add(struct tracks *, const struct event *);
void tracks_sort(struct tracks *);              /* call once, after the last add */

/* All events of a store that is held (store_hold), sorted: from its columns, in two looks, each name and user looked up once a
 * batch. 24 bytes an event that is kept, and each user's name; 60 to 90 ns an event. `stopped` (may be NULL) is asked once a batch
 * and ends it by other than 0. 0 or < 0. */
int tracks_load(struct tracks *, struct store *, int (*stopped)(void *, struct err *), void *, struct err *);

/* A field of an event as text, as SQL has its value (true is 1, a nested value its JSON); p NULL when there is none or it is null. */
struct str tracks_field(const struct event *, struct str field, struct buf *scratch);
struct store_field tracks_batch_field(struct str field);        /* what that reads, as a column of a batch */

#endif
