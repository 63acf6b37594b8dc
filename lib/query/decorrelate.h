/* decorrelate.h - subqueries that name the row around them, made once instead of once for each row.
 *
 *      SELECT e.user_id, (SELECT max(p.x) FROM events p WHERE p.user_id = e.user_id AND p.event = 'buy') FROM events e
 *
 * What such a subquery reads is taken out of it, as a table that names nothing outside. SQLite makes that once, over columns (vector.h),
 * with an index by what the two sides meet in; what is left of the subquery looks there:
 *
 *      (SELECT CASE count(*) WHEN 0 THEN (… of no row) ELSE max(at_value) END
 *       FROM (SELECT p.user_id AS at_key0, max(p.x) AS at_value FROM events p WHERE p.event = 'buy' GROUP BY p.user_id)
 *       WHERE at_key0 = e.user_id)
 *
 *      groups      an aggregate where all that names the outside are equalities: a group for each of their values
 *      values      EXISTS and IN of the same kind: the different values
 *      rows        whatever else has such an equality beside other terms: the rows, with the columns that are read
 *
 * Each says what it said: the terms stay what they were, over values with the same affinity, so NULL and the kinds of values mean what
 * they meant. Two groups (1 and '1') may be equal to one value outside where the columns differ; then the rows are looked at.
 * What has none of these forms stays as it is, and is run for each row.
 */
#ifndef QUERY_DECORRELATE_H
#define QUERY_DECORRELATE_H

#include "base/buf.h"
#include "query/query.h"

/* The statement in SQLite's own words (rewrite.h has been over it), to *out. 1; 0 when nothing is changed, and *out is empty. */
int decorrelate(struct query *, struct str sql, struct buf *out);

#endif
