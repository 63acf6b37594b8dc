/* opt.h - a command's options, said once.
 *
 * The table is the only place that names an option. From it come the parser,
 * --help, the man page's OPTIONS and the three shells' completions
 * (`at-agg --help=mdoc|bash|zsh|fish`), so none of them can be wrong alone.
 */
#ifndef BASE_OPT_H
#define BASE_OPT_H

#include "base/err.h"

struct opt {
	char        key;        /* 'w', or 0 for a long option only */
	const char *name;       /* "window"; a table ends with a row of zeros */
	const char *arg;        /* "WIN"; NULL for a flag; "[DUR]" for a value that may be left out (then only --name=VALUE gives one) */
	const char *help;       /* what it does; begins in lower case, no full stop */
	int       (*set)(void *to, const char *text, struct err *);   /* text is NULL for a flag or a left-out value */
	void       *to;
};

/* Parse argv with the tables `own` and then `common` (NULL when there is none). Options may stand after operands;
 * "--" ends them; "-" is an operand. Short options cluster. Unknown ones are ERR_USAGE with "did you mean --x".
 * The operands are moved together to the front of argv[1…]; returns their number, or < 0. */
int opt_parse(const struct opt *own, const struct opt *common, int argc, char **argv, struct err *);

/* Print the tables as form: "text", "mdoc", "bash", "zsh" or "fish" to stdout. Completions know the verbs too (NULL: none), and
 * ask `at-query --complete` for names that the store has. */
struct cmd_verb;
int opt_print(const struct opt *own, const struct opt *common, const struct cmd_verb *, const char *command, const char *form, struct err *);

/* Setters for the `set` column. */
int opt_flag(void *to, const char *text, struct err *);   /* int: 1 */
int opt_text(void *to, const char *text, struct err *);   /* const char *, borrowed from argv; "" for a left-out value */
int opt_count(void *to, const char *text, struct err *);  /* long, 1 or more; k, M, G, small or capital, multiply by 1000 */
int opt_number(void *to, const char *text, struct err *); /* double, finite */
int opt_size(void *to, const char *text, struct err *);   /* int64_t bytes: 64k 10M 1G, small or capital, 2GiB too, by 1024 */
int opt_dur(void *to, const char *text, struct err *);    /* int64_t ms, >= 0, at most the years 0 to 9999 */
int opt_time(void *to, const char *text, struct err *);   /* int64_t ms since 1970 */
int opt_list(void *to, const char *text, struct err *);   /* struct opt_list: each use adds one text, borrowed */

struct opt_list { const char **text; int n; };

#endif
