/* cmd.h - how every at- command begins and ends, and the settings all of them share. */
#ifndef BASE_CMD_H
#define BASE_CMD_H

#include "base/opt.h"
#include "base/str.h"

struct cmd_verb { const char *name, *args, *does; };    /* for commands with verbs: "funnel", "'a,b,c'", "…" */

struct cmd {
	const char *name;       /* "at-agg" */
	const char *operands;   /* "[FILE…]" */
	const char *does;       /* one line, as in the man page's .Nd */
	const struct opt *opts;
	const char *const *examples;    /* three or so whole command lines, NULL at the end */
	const struct cmd_verb *verbs;   /* or NULL */
};

/* What the common options, the environment and the defaults say. */
struct cmd_settings {
	const char *store;      /* directory: -S, AT_STORE, $XDG_DATA_HOME/at */
	const char *tenant;     /* -T, AT_TENANT, "default" */
	const char *config;     /* directory: -c, AT_CONFIG, ./config, $XDG_CONFIG_HOME/at */
	const char *tz;         /* --tz, "UTC" */
	const struct zone *zone;/* of tz; NULL for UTC */
	int quiet, verbose;
	int color;              /* 1 when colours are wanted on stdout (already resolved from --color, NO_COLOR, CLICOLOR_FORCE, TERM) */
	int progress;           /* 1 when a bar on stderr is wanted if the work is long */
	int strict;             /* --strict: exit 3 when a row was rejected (in the tables of the filters) */
};
const struct cmd_settings *cmd_settings(void);

/* timeout(1) signals the process and then its group: two of so close a time are one. */
#define CMD_SAME_MS 300

/* Parse the command line. Returns the operands (NULL at the end, *n of them where n is given); does not return on --help,
 * --version, --show-config (exit 0) or wrong usage (exit 2). Sets up signals: SIGINT and SIGTERM set cmd_stopping and
 * wake a waiting read; a second one ends at once. */
char **cmd_start(const struct cmd *, int argc, char **argv, int *n);

/* 1 once SIGINT or SIGTERM came: drain and end with 0. */
int cmd_stopping(void);

/* poll(2) of n descriptors, or of none, that such a signal ends (< 0) also when it came just before. ms < 0: without end. */
struct pollfd;
int cmd_poll(struct pollfd *, int n, int ms);

/* A line on stderr, "at-agg: …"; the only way anything but rows is said. Control characters are shown (width.h). */
void cmd_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* From here on what is said waits until cmd_speak: a picture has the terminal. Where stderr is none it is written at once. */
void cmd_hold(void);
void cmd_speak(void);

/* The row for --strict in a filter's option table. */
#define CMD_OPT_STRICT { 0, "strict", NULL, "exit 3 when a row was rejected", cmd_set_strict, NULL }
int cmd_set_strict(void *, const char *, struct err *);

/* Something failed but the work goes on (a file that is not there): say it; the exit status will be 1. */
void cmd_fail(const struct err *);
int cmd_failed(void);                           /* did that happen? */

/* Rows were rejected; with --strict the exit status becomes 3. */
void cmd_rejected(void);
/* at-detect -e found something: exit status 3. */
void cmd_found(void);

/* Say what went wrong (err->code 0: nothing), check that stdout took everything, and give the exit status:
 * 0, 1, 2 for ERR_USAGE, 3. */
int cmd_end(struct err *);

const char *cmd_name(void);                     /* "at-agg" */

/* Stands in the one file that is an outside library's door: `--version -v` names what the binary has of it. The version is a
 * call of the library where it has one, so that a newer one in its place is seen. */
#define CMD_LIBRARY(name, version) \
	static const char *library_version(void) { return version; } \
	__attribute__((constructor)) static void library_is_here(void) { static struct cmd_library l = { name, library_version, NULL }; cmd_library(&l); }
struct cmd_library { const char *name; const char *(*version)(void); struct cmd_library *next; };
void cmd_library(struct cmd_library *);

#endif
