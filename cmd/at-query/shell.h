/* shell.h - statements and their answers, alone or one after the other at a prompt. */
#ifndef AT_QUERY_SHELL_H
#define AT_QUERY_SHELL_H

#include <sys/types.h>

#include "query/history.h"
#include "query/output.h"
#include "query/query.h"
#include "query/table_function.h"

struct shell {
	const char *format_name;        /* NULL: a table on a terminal, NDJSON elsewhere */
	enum output_format format;
	int safe_csv, ascii, no_pager;
	int terminal;                   /* stdout is one */
	enum { TIMER_OF_TABLES, TIMER_ON, TIMER_OFF } timer;    /* "(12 rows, 3.1 ms)": below what is for reading, always, never */
	struct query_spec *spec;
	struct query_param *params;
	int n_params;
	pid_t pager;
	int saved;                      /* stdout while the pager runs */
};

int shell_format(struct shell *, struct err *);         /* resolve the format; 0 or ERR_USAGE */

/* All statements of a text; stops at the first that fails. 0 or < 0. */
int shell_statements(struct shell *, struct query *, struct str sql, struct err *);
int shell_verb(struct shell *, struct query *, const struct table_function *, const struct cell *args, struct err *);

/* A prompt, until .quit or the end of input. The query is opened again when .mode or the store ask for it. */
int shell_interact(struct shell *, struct query **, struct err *);

void shell_wait_pager(struct shell *);

/* A row of a sink, which prints its first cell on a line. */
int shell_print_first(void *, const struct cell *, int, struct err *);

#endif
