/* at-insight.h - what the files of at-insight share: the options, and a function for each verb. */
#ifndef AT_INSIGHT_H
#define AT_INSIGHT_H

#include "base/err.h"

struct want {
	const char *horizon, *by, *every, *range, *format;
	double level, reach;
	int reaches;            /* --reach was given */
};
extern struct want want;

/* A verb: the n words behind it; 0 or < 0. */
int forecast(char **words, int n, struct err *);
int ask(char **words, int n, struct err *);

#endif
