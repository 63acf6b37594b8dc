/* match.h - sequences of rows: SQL's MATCH_RECOGNIZE, and patterns over stored events.
 *
 *      FROM t MATCH_RECOGNIZE (PARTITION BY u ORDER BY ts MEASURES … PATTERN (A B+) DEFINE B AS x > PREV(x))
 *
 * becomes, in rewrite_match.c, a subquery over match_rows('PROGRAM'), a function that nobody types. The program is JSON:
 *
 *      {"sql":SELECT,"partition":N,"order":COLUMN,"within":MS,"pattern":TEXT,"rows":MODE,"skip":WHERE,"to":SET,
 *       "define":[[VARIABLE,SQL,[NAV,…]],…],"out":[COLUMN | [SQL,[NAV,…]],…]}
 *
 * The SELECT gives the rows in order of partition (its first N columns) and order. A condition or measure is a SELECT of one value over
 * ?1, ?2, …, each the value that a NAV leads to from the row at hand:
 *
 *      [KIND,COLUMN,SET,LOGICAL,PHYSICAL,FINAL]        SET: of variables, a bit each; the LOGICAL-th row of them from the first or the last on,
 *                                                      then PHYSICAL rows on; FINAL: in the whole match, not up to the row at hand. In the
 *                                                      place of a column CLASSIFIER has 0 when it counts from the first on, -1 from the last
 *
 * Conditions are evaluated by SQLite, so that they mean what they mean elsewhere; rows are matched by pattern/recognize.h. The rows of one
 * partition are in memory.
 */
#ifndef QUERY_MATCH_H
#define QUERY_MATCH_H

#include "query/table_function.h"

enum match_nav { MATCH_LAST, MATCH_FIRST, MATCH_CLASSIFIER, MATCH_NUMBER, MATCH_COUNT, MATCH_SUM, MATCH_AVG, MATCH_MIN, MATCH_MAX, MATCH_NAVS };
enum match_rows { MATCH_ONE_ROW, MATCH_ALL_ROWS, MATCH_OMIT_EMPTY, MATCH_WITH_UNMATCHED, MATCH_ROWS };
enum match_skip { MATCH_PAST_LAST, MATCH_TO_NEXT, MATCH_TO_FIRST, MATCH_TO_LAST, MATCH_SKIPS };

#define MATCH_COLUMNS 100                       /* of what comes out */

extern const struct table_function match_rows_function;

#endif
