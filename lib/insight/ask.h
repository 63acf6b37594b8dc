/* ask.h - questions in plain English over a store: "which country had the most revenue yesterday?"
 *
 * A question is understood by a grammar over the store's own vocabulary (names of events, properties and stored metrics, their values), or not at all: a
 * word that means something and is not known is told, never passed over. What is understood is one statement of SQL, run by
 * lib/query like any other, so it sees what its caller may see. Two readings that would differ are asked back; what no event can tell,
 * the future, reasons, opinions and changes are refused. A refusal has no figure in it.
 *
 * Where AT_LLM_URL names a language model (checked.h) it is asked for the SQL of a question that the grammar does not know, which is run when
 * it is one statement that reads events and nothing else; and for other words for a sentence whose figures stand for model.leastUsers users
 * (analytics.json) or more.
 */
#ifndef INSIGHT_ASK_H
#define INSIGHT_ASK_H

#include "query/query.h"

#define ASK_QUESTION_MOST 2000                  /* of a question */
#define ASK_ROWS_MOST  10000                 /* of an answer; more are not read */

/* The rows of an answer; texts in the answer's arena. */
struct ask_rows {
	struct str *column;
	int n_columns;
	struct cell *cell;              /* row after row */
	int n_rows;
	int more;                       /* 1: there were more than ASK_ROWS_MOST */
};

struct ask_answer {
	int refused;                    /* 1: it cannot be told, or was asked back; text says why */
	struct buf sql;                 /* what was run; empty where nothing was */
	struct buf understood;          /* how the question was read */
	struct buf text;                /* the answer in a sentence, the rows beneath where they are several */
	struct ask_rows rows;
	struct arena *arena;
	int phrased;                    /* 1: the text is a model's, checked */
};

struct ask;

/* Learns the vocabulary of the query's store under its policy, values from its newest 16,000 events or so: some 10 ms. Query
 * and configuration (NULL: none) must last as long.
 * NULL on an error. */
struct ask *ask_open(struct query *, const struct config *, struct err *);
void ask_close(struct ask *);

/* The same for who asks again and again with one query: what was learnt is kept, for the few policies that came last, and learnt anew once the
 * store has changed. *kept begins as NULL. Borrowed until the next call. Query and configuration are the same each time. */
struct ask_kept;
struct ask *ask_keep(struct ask_kept **kept, struct query *, const struct config *, struct err *);
void ask_kept_free(struct ask_kept *);

/* 0 and an answer, which may be a refusal; < 0 when the store or the statement failed. The answer is released by the caller either way;
 * it begins zeroed. Any bytes may be asked. */
int ask_answer(struct ask *, struct str question, struct ask_answer *, struct err *);
void ask_answer_release(struct ask_answer *);

/* {"question":…,"sql":…,"understood":…,"rows":[[…]],"text":…,"refuse":true|false}; no newline. */
void ask_put_json(struct buf *, struct str question, const struct ask_answer *);

#endif
