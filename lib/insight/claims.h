/* claims.h - what can be said of metrics, each with the figures that bear it.
 *
 * A claim is found by a test, never by a sentence: its value, what it is held against, the interval, the test with its z and p, and the
 * question that gives the value again stand in it. The sentence is made of them last (write.c), so that no figure is in the words that is
 * not in the claim.
 *
 *      score = effect x surprise x coverage       effect: how large, 0 to 1 · surprise: how unlikely by chance · coverage: of how much of the data
 *
 * Of many tests some come out by chance: a claim is kept when the false discovery rate over all tests that were made is at most LEVEL.
 */
#ifndef INSIGHT_CLAIMS_H
#define INSIGHT_CLAIMS_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "insight/explain.h"
#include "insight/series.h"

enum claim_kind { CLAIM_CHANGE, CLAIM_TREND, CLAIM_RECORD, CLAIM_SHIFT, CLAIM_SEASON, CLAIM_CONTRIBUTION, CLAIM_MIX, CLAIM_REVERSAL, CLAIM_CORRELATION,
	CLAIM_FORECAST, CLAIM_OUTLIER, CLAIM_QUALITY, CLAIM_TARGET, CLAIM_KINDS };

struct claim {
	enum claim_kind kind;
	struct str metric;              /* the name, no JSON */
	struct str title;               /* what it is called in words, where that is not its name */
	struct str field;               /* which number of it; p NULL: its count or value */
	struct str labels;              /* a JSON object */
	struct str other;               /* what it is related to: another metric, with its labels; a dimension */
	struct str other_labels;
	struct str note;                /* of data quality: what is wrong, in words; of a target: for when */
	struct str query;               /* what gives the value again; n 0: the rows that were read */
	const char *test;
	int64_t from, to;               /* what it is about */
	int64_t before_from, before_to; /* what it is held against, where that is a period; both 0: none */
	int64_t step_ms;
	double value, before;
	double effect;                  /* relative where relative is 1, else a difference */
	double lower, upper;            /* 95 %, of effect (of a forecast and a target: of value) */
	double z, p;
	double share;                   /* of a contribution: of the whole change; NAN: none */
	double mix;                     /* of a contribution to a ratio: what its share of the whole did */
	double least, most;             /* with bounded: what of the change of the whole can be from here; parts of it overlap */
	const char *more;               /* a further figure of both sides, "users"; NULL: none */
	double more_now, more_before;
	double target, so_far, chance;  /* of a target, whose value is what is expected (NAN: not known): chance of keeping to it, 0 to 1 */
	int at_most, certain;           /* it is not to be exceeded; it is reached, exceeded or over already */
	double group;                   /* of how many observations the smaller side is; 0: not known */
	double coverage;
	double score;
	int lag;                        /* of a correlation, in steps: the other comes first when > 0 */
	int n;                          /* values that it rests on; of a season its length in steps, in `lag` where it is highest */
	int is_rate;                    /* value is a ratio; shares are told in percent */
	int relative, bounded;
	double shared;                  /* of a change: what all that no cause has did alike, relative; 0: none to speak of, or no causes */
	int was_zero;                   /* before is a 0 that was measured, not that there was nothing */
	int other_counted;
	int counted;                    /* metric names an event, which is counted: told in the plural */
};

struct claims {
	struct claim *list;
	size_t n, cap;
	size_t tests;                   /* that were made */
	struct arena *arena;            /* of the texts */
	const struct zone *zone;
};

void claims_begin(struct claims *, const struct zone *);
void claims_release(struct claims *);

/* Take a claim in, texts copied. */
void claims_add(struct claims *, const struct claim *);

/* The change of a metric and what drove it. names: of the dimensions. from, to and before_…: the two periods. */
void claims_of_explain(struct claims *, const struct explain_answer *, struct str metric, const struct str *names, const struct claim *periods);

/* All that can be said of series, and of pairs of them; with forecast 1 what a season ahead will bring, too, with these holidays (NULL: none).
 * Series too short to say anything of are passed over. */
struct holidays;
void claims_of_series(struct claims *, struct series_set *, int forecast, const struct holidays *);

/* Keep those that hold (false discovery rate), the greatest score first, at most `most`, and not the same thing twice. */
void claims_rank(struct claims *, size_t most);

/* What may leave this machine: nothing of a group of fewer than CLAIMS_SMALL, or whose size is not known, or that names a user. 1, 0. */
#define CLAIMS_SMALL 10
int claims_may_leave(const struct claim *);

/* All as prose, a sentence a line: those of one subject stand together, and name it once. With a model (checked.h) in its words where they pass;
 * what kept it from answering is put to *why. */
void claims_put_prose(struct claims *, struct buf *, struct buf *why);

/* Its sentence, without a line end; an insight row, with one. */
void claims_write(const struct claims *, const struct claim *, int again, struct buf *);       /* again: the sentence before was of the same subject */
void claims_write_periods(const struct claims *, const struct claim *, struct buf *);     /* " (9 Nov 2026 to 15 Nov 2026, against the week before)" */
void claims_put_row(const struct claims *, const struct claim *, struct buf *);
void claims_put_rows(const struct claims *, struct buf *);      /* all, as the members of a JSON array */
const char *claims_kind(enum claim_kind);           /* that of insight rows */

#endif
