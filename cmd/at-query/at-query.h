/* at-query.h - the parts of at-query beside its shell: verbs, rows of -i as a store of their own, names for completion. */
#ifndef AT_QUERY_H
#define AT_QUERY_H

#include "base/opt.h"
#include "query/history.h"
#include "query/query.h"
#include "query/table_function.h"
#include "shell.h"
#include "store/store.h"

/* ---- verbs.c */

/* Options of verbs, said once in their tables: each name once here, its help naming the verbs. */
struct verb_options {
	struct opt opt[64];             /* what cmd_start is to be given too */
	const char *value[64];
	int flag[64];
	char *help[64];
	int n;
};

struct verb_options *verb_options_new(void);
void verb_options_free(struct verb_options *);

const struct table_function *verb_named(const char *name);      /* NULL */
const char *verb_near(const char *word);                /* of a word that is none, the verb it is near to; NULL */
void verb_help(const struct table_function *);          /* at-query funnel --help, printed */

/* args from options and operands, as many as the verb has parameters. 0 or ERR_USAGE: what is too many, or no option of this verb. */
int verb_arguments(const struct table_function *, const struct verb_options *, char **operands, struct cell *args, struct err *);

/* Without a verb: SQL has no use for a verb's option, which was meant for a verb that is not there; only --strict means something. 0 or ERR_USAGE. */
int verb_none(const struct verb_options *, struct err *);

/* Events in canonical form, and a metric as metric rows, so that they go on through a pipe. 0 or < 0. */
int verb_print_events(struct query *, const struct table_function *, const struct cell *args, struct err *);
int verb_print_metric(struct query *, const struct table_function *, const struct cell *args, struct err *);

/* ---- aside.c */

/* The rows of spec->input as at-ingest takes them, events and metrics; the spec then reads that store. The caller closes it. NULL: none, err
 * says why. */
struct store *aside_open(struct query_spec *, struct err *);

/* ---- complete.c */

/* Names of a kind (tables, columns, events, …), a line each. 0 or < 0. */
int complete(struct query *, const char *kind, struct err *);

#endif
