/* pattern.h - sequences of events: who did this, then that, in time, and what did not happen.
 *
 *      'signup -> purchase{2,} within 1h by user_id'
 *
 *      PATTERN = STEP { ("->" | ">>") [within DUR] STEP } [within DUR] [by FIELD{,FIELD}] [skip (past-last | to-next | to-last NAME)]
 *      STEP    = ["!"] [NAME ":"] (ATOM | "(" ATOM { "|" ATOM } ")") [COUNT]
 *      ATOM    = EVENT [ "[" JQ "]" ]                  EVENT: a word, or a text in double quotes
 *      COUNT   = ("?" | "*" | "+" | "{n}" | "{n,}" | "{n,m}") ["?"]    a trailing "?" makes it reluctant
 *
 * Each event that fits the first step begins a *try*, and a try never branches: at each further event of its key it takes the event
 * for the step being repeated, or for the next one, passes it over, or ends. So a row costs as many steps as its key has tries,
 * and the same input gives the same matches. A try is complete at the first event that fulfils the pattern; when several are at one
 * event, the one that began first is the match. A try that is complete while an earlier one of its key is still open (`a[x]*? >> a`) is
 * held back until that one is over, as in Flink: the earliest start has its match first, and it may end the later one. Where the search
 * goes on behind the first event (`skip to-next`) no match ends another, and none waits.
 * A reluctant count leaves an event to the steps behind it where one of them may take it, also its first: `a -> b*? -> b` is a and one b.
 *
 * `within` behind a join bounds the gap: the step's event, and each of its repeats, comes so long at most after the event taken before it.
 * At the end it bounds the time from the first event to the last. Exactly DUR is still in.
 *
 * The condition of an atom may look at events taken before by the names of their steps,
 * `b[.properties.amount > 2 * $a.properties.amount]`: the last one of that step, or null. A step's name is its NAME, or that of its one event.
 *
 * Time is the rows': a deadline passes when a row of any key is later, or, in live input that fell silent, by the wall clock, half a second
 * late, as rows may be on their way; what goes on by its state is given two seconds to read what came in between. Words and meaning follow SQL's MATCH_RECOGNIZE (ISO/IEC 9075-2:2016) and the CEP library of Apache Flink; what is greedy there by looking
 * back is decided here at each event, as at-detect(1) says.
 */
#ifndef PATTERN_PATTERN_H
#define PATTERN_PATTERN_H

#include "base/err.h"
#include "base/out.h"
#include "store/store.h"

struct pattern_spec {
	const char *text;       /* the pattern */
	const char *name;       /* what its matches are called; NULL: the text */
	int64_t late_ms;        /* rows are held back so long and put in order of time; older ones are left out and counted */
	int timeouts;           /* tries that ran out of time come out too, as {"timeout":NAME,"timestamp","key","events"} */
	int native;             /* conditions are of jq's native subset (callers from outside) */
	int64_t row_ns;         /* processor time that a row may take with the tries of its key: those that were not reached by then are given up. 0: no bound */
	size_t memory;          /* bytes of open tries and held rows, at most: the oldest tries are given up. 0: 256 MiB */
};

struct pattern;
struct pattern *pattern_new(const struct pattern_spec *, struct out *, struct err *);   /* ERR_USAGE with the column in the pattern */
void pattern_free(struct pattern *);

/* A row that will come, in its order, after those that were told of before and have not come yet; its text stays until then. It makes
 * no difference but that many keys cost half as much. */
void pattern_ahead(struct pattern *, struct str row);

/* One event row. Matches are written at once. ERR_INPUT rejects it. */
int pattern_row(struct pattern *, struct str row, struct err *);

/* The input is silent: in live input what is due by the clock comes out. Ms until it wants to be called again, -1: never. */
int pattern_silence(struct pattern *);

/* It is that late, though no row says so: what is due comes out. */
void pattern_pass(struct pattern *, int64_t now);

/* The input is at its end: held rows are taken, what is complete comes out, and a wait that is not over gives nothing. Not for a stream that
 * goes on by its state. */
int pattern_finish(struct pattern *, struct err *);

struct pattern_figures {
	long matches, late, given_up, open;
	long keyed, keyless;            /* events that it names, with all the fields of `by`, and without one */
};
void pattern_figures(const struct pattern *, struct pattern_figures *);

/* Open tries, held rows and the clock as text, and back into a new one of the same spec. ERR_INPUT: of another pattern, or no state. */
void pattern_save(const struct pattern *, struct buf *);
int pattern_load(struct pattern *, struct str, struct err *);

#endif
