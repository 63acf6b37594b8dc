/* at-insight.h - what the files of at-insight share: the options, and a function for each verb. */
#ifndef AT_INSIGHT_H
#define AT_INSIGHT_H

#include "base/err.h"
#include "config/config.h"
#include "insight/claims.h"
#include "query/query.h"

struct want {
	const char *horizon, *by, *every, *range, *format, *dashboard, *output, *user, *item, *holidays;
	long top;               /* --top; 0: not given */
	double level;           /* NAN: not given */
	double reach;
	int save;               /* --save */
	int reaches;            /* --reach was given */
};
extern struct want want;

/* A verb: the n words behind it; 0 or < 0. */
int forecast(char **words, int n, struct err *);
int ask(char **words, int n, struct err *);
int explain(char **words, int n, struct err *);
int summary(char **words, int n, struct err *);
int notable(char **files, struct err *);                /* without a verb: of metric rows on stdin */
int report(char **words, int n, struct err *);
int recommend(char **words, int n, struct err *);

int actions(struct query *, const struct config *, struct err *);        /* recommend without a user or item */

int put_rows(void);                                      /* --format wants rows, no prose */
int put_claims(struct claims *, struct err *);           /* to stdout, as --format says, and to the store with --save */

#endif
