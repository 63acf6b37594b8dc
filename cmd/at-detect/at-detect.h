/* at-detect.h - what at-detect does, a file each. */
#ifndef AT_DETECT_H
#define AT_DETECT_H

#include "base/err.h"
#include "base/opt.h"
#include "detect/coprocess.h"
#include "detect/detect.h"
#include "pattern/pattern.h"
#include "store/store.h"

/* Judge metric rows. state: NULL, or the name in the store under which models are taken up and left. tell: an alarm is exit status 3. */
void anomalies(struct detect_spec *, char **files, struct store *, const char *state, int tell, struct err *);

/* Match events against each of the texts. tell: a match is exit status 3. */
struct patterns_keep {
	struct store *store;    /* NULL: nothing is kept */
	const char *state;      /* the name in it under which open matches are taken up and left; NULL */
	int matches;            /* they are stored, too */
};
void patterns(const struct opt_list *texts, struct pattern_spec *, char **files, const struct patterns_keep *, int tell, struct err *);

/* Alert rules over rows, and over the store. */
struct rules_wish {
	struct opt_list files;          /* -r */
	int64_t late_ms;
	int save, notify, tell, all, follow;
	const char *state;
	const char *range;              /* --backtest: of the store; "" all; NULL: no backtest */
	const char *labels;             /* a file of incidents as they were */
};
void rules_test(char **files, struct err *);    /* files of tests: each check a line; ERR_IO when one failed */
struct rules;
struct config;
void backtest(const struct rules_wish *, struct rules *, const struct config *, char **files, struct err *);
void rules(const struct rules_wish *, char **files, struct err *);

/* Score each row with the model of a file, its features taken of `fields` (NULL or "": by their names); or, where the path is NULL, send each
 * through a program. */
void models(const char *path, const char *fields, const struct coprocess_spec *, char **files, struct err *);

#endif
