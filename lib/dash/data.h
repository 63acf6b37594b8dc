/* data.h - where a dashboard's numbers come from: SQL that somebody answers, the store or at-serve.
 *
 * Whatever a widget shows is an answer to a statement of at-sql(7) (reading.h has them), so that every number is one that at-query gives
 * too, and both back ends draw the same picture; but how a metric may go on, which is at-insight's to say and GET /api/v1/forecast's. The store answers under the policy of its query, at-serve under the rights of the key.
 */
#ifndef DASH_DATA_H
#define DASH_DATA_H

#include "base/arena.h"
#include "json/cell.h"
#include "query/query.h"

struct data;

struct data *data_of_query(struct query *);     /* borrowed: closed by the caller, behind data_free */

/* at-serve at "https://…"; key: of at-admin key create. Nothing is asked yet. NULL: no URL, or no key. */
struct data *data_of_url(const char *url, const char *key, struct err *);
void data_free(struct data *);

/* Columns and rows, in the arena they were asked into. */
struct answer {
	struct str *column;
	int columns;
	struct cell *cell;              /* row by row */
	int rows;
	int more;                       /* 1: there were more than DATA_ROWS */
};
#define DATA_ROWS 100000

static inline const struct cell *
answer_cell(const struct answer *a, int row, int column)
{
	return &a->cell[(size_t)row * (size_t)a->columns + (size_t)column];
}

/* One statement. 0; ERR_USAGE, ERR_LIMIT, ERR_CANCEL, ERR_DENIED, ERR_IO with the reason. */
int data_ask(struct data *, const char *sql, const struct query_param *, int n_params, struct arena *, struct answer *, struct err *);

/* How a metric may go on behind `to`, learnt from the time since `from`, in so many steps: rows of timestamp, mean, and the ends of the interval
 * of 95 %, lower and upper. With the holidays of who answers. Errors as above; none where there is too little to learn from. */
struct data_ahead { struct str metric; int64_t from, to, every_ms; int steps; };
int data_forecast(struct data *, const struct data_ahead *, struct arena *, struct answer *, struct err *);

/* What is told when something was committed: a descriptor for poll, read and closed by the caller, < 0 where there is none; and a number that
 * is another then, 0: nobody tells, as while at-serve is not there: ask by the clock. */
int data_watch(struct data *, struct err *);
uint64_t data_version(struct data *);

/* Each dashboard that is stored: of config/dashboards.json and of the tenant's records. Other than 0 of `each` ends it, and is given. */
int data_dashboards(struct data *, int (*each)(void *self, struct json dashboard, struct err *), void *self, struct err *);

#endif
