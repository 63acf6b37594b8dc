/* data_priv.h - what a back end of data.h does. */
#ifndef DASH_DATA_PRIV_H
#define DASH_DATA_PRIV_H

#include "dash/data.h"

struct answer_maker;

struct data {
	int (*ask)(struct data *, const char *sql, const struct query_param *, int n_params, struct arena *, struct answer *, struct err *);
	int (*forecast)(struct data *, const struct data_ahead *, struct answer_maker *, struct err *);
	int (*dashboards)(struct data *, int (*each)(void *, struct json, struct err *), void *, struct err *);
	int (*watch)(struct data *, struct err *);      /* NULL: there is nothing to watch */
	uint64_t (*version)(struct data *);             /* NULL: never known */
	void (*free)(struct data *);
};

/* An answer as it grows: columns first, then rows; texts are copied. 0 or ERR_LIMIT; 1: there are enough rows. */
struct answer_maker { struct answer *answer; struct arena *arena; size_t cap; };
int data_put_columns(struct answer_maker *, const struct str *, int n, struct err *);
int data_put_row(struct answer_maker *, const struct cell *, int n, struct err *);
void data_put_end(struct answer_maker *);
int data_put_step(struct answer_maker *, struct str time, double mean, double lower, double upper, struct err *);      /* a row of data_forecast */

#endif
