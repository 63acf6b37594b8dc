/* ask_priv.h - how a question becomes an answer; for the files of ask and its tests.
 *
 *      text ──► words (ask_words.c) ──► items: each word or phrase with what it means here (ask_terms.c, ask_time.c)
 *           ──► a reading: what is measured, of what, by what, when, in which order (ask_reader.h)
 *           ──► SQL (ask_sql.c) ──► rows ──► a sentence (ask_say.c)
 *
 * Who comes back is read from the words before all that (ask_retention.c), for "the next week" is no future there.
 *
 * Every word must have a meaning: of the store's own vocabulary, of the grammar, or of the list of words that carry none. One that
 * has none is told and nothing is answered: a figure beside a word that was passed over would be an answer to another question.
 */
#ifndef INSIGHT_ASK_PRIV_H
#define INSIGHT_ASK_PRIV_H

#include "base/map.h"
#include "base/time.h"
#include "insight/ask.h"

#define ASK_WORDS  120                  /* of a question */
#define ASK_EVENTS 63                   /* names that are known, the most frequent; bits of a mask */
#define ASK_FIELDS 96
#define ASK_VALUES 250                  /* of a field; one with more is known to have many */
#define ASK_METRICS 64                  /* of the configuration */
#define ASK_STORED 40                   /* metrics whose samples are stored, of those that share the mask with the events */
#define ASK_LIST   8                    /* values of a filter, filters, groups of one reading */
#define ASK_ADDED  16                   /* items that reading may put between those of the question */

/* ---- words */
struct ask_word {
	struct str text;                /* lower case */
	struct str stem;
	struct str as_typed;
	int is_number, ordinal, money, percent, verbatim;       /* verbatim: quoted, or a path */
	int comma;                      /* a comma or the like stands in front */
	int upper;                      /* typed in capitals */
	double number;
	int64_t date_from, date_to;     /* of 2026-11-05, 2026-11: local days; else TIME_NONE */
};
int ask_words(struct arena *, struct str question, struct ask_word *, int most);        /* how many; -1: too many */
struct str ask_stem(struct arena *, struct str word);
int ask_word_is(const struct ask_word *, int n, int i, const char *words);      /* is the i-th of n there, and one of these, with blanks between? Quoted it is none */
int ask_near(struct str typed, struct str word);        /* 1: a likely misspelling of it */

/* ---- what words mean */
enum ask_is {
	ASK_NOTHING, ASK_UNKNOWN, ASK_NUMBER,
	ASK_EVENT, ASK_FIELD, ASK_VALUE, ASK_METRIC,            /* of the store; METRIC: of the configuration */
	ASK_USERS, ASK_SESSIONS, ASK_ALL_EVENTS, ASK_BUYERS, ASK_TRAFFIC, ASK_VISIT, ASK_ACTIVE, ASK_NEW, ASK_RETURNING,
	ASK_ANY,                                                /* did anything at all */
	ASK_PERIOD, ASK_UNIT, ASK_EVERY, ASK_TREND, ASK_PART,   /* UNIT: a day; EVERY: daily; PART: of the day or week */
	ASK_HOURS,                                              /* between 9 and 11 am: `number` to `ordinal` */
	ASK_AGG, ASK_UNIQUE, ASK_ORDER_VALUE, ASK_MONEY, ASK_SPEND, ASK_LENGTH,
	ASK_HOW_MANY, ASK_HOW_MUCH, ASK_HOW_LONG, ASK_HOW_IS, ASK_WHICH, ASK_WHO, ASK_WHEN, ASK_WHERE,
	ASK_BY, ASK_PER, ASK_TOP, ASK_BOTTOM, ASK_MOST, ASK_LEAST, ASK_BEST, ASK_USED, ASK_RANKED,
	ASK_VERSUS, ASK_COMPARE, ASK_COMPARATIVE, ASK_THAN, ASK_CHANGE, ASK_OR, ASK_AND, ASK_PREVIOUS, ASK_BOTH,
	ASK_CONVERSION, ASK_SHARE, ASK_RATE, ASK_FUNNEL, ASK_RETENTION, ASK_BOUNCE, ASK_DROP,
	ASK_NOT, ASK_OVER, ASK_TIMES, ASK_OR_MORE, ASK_DURATION_UNIT, ASK_MONEY_UNIT, ASK_PLAIN_UNIT,
	ASK_FROM, ASK_TO, ASK_THEN, ASK_OF, ASK_IN, ASK_WITH, ASK_WITHOUT, ASK_THAT, ASK_WE, ASK_ALSO, ASK_FIRST, ASK_LAST, ASK_NOW,
	ASK_WHY, ASK_FUTURE, ASK_WRITE, ASK_OPINION
};

struct ask_sense {
	enum ask_is is;
	int arg;                        /* of EVENT, FIELD, METRIC: its index; of VALUE: its field's; else as the list of words has it */
	int verb;                       /* EVENT: as what somebody did */
	int part;                       /* EVENT: 1 the words are a part of its name, "alarms" or "raised" of alarm_raised, which others may share;
					 * 2 they are its name turned round, "raise alarm" */
	struct str value;               /* VALUE: as stored; FIELD: values begin so */
	uint64_t events;                /* VALUE, FIELD with a beginning: events that have it */
	struct ask_sense *next;         /* what else the same words mean */
};

enum ask_role { ASK_PLAIN, ASK_AMOUNT, ASK_SPAN };      /* amounts add up; of spans the mean is meant */
struct ask_event { struct str name; int64_t count; };
struct ask_field {
	struct str name, sql;           /* as it is called, and as SQL wants it */
	int number;                     /* 1: its values are numbers */
	int flag;                       /* 1: they are true and false, to SQL 1 and 0; a question names them by the property, "passed" */
	int label;                      /* 1: they are whole numbers that name something, "zone 3", "status 404": compared and counted, as text is, never added up */
	int many;                       /* more values than are known */
	int path, country;
	int stored;                     /* 1: a stored metric; its rows are not events (ask_stored.c) */
	struct str part;                /* of a stored metric that has several numbers: which; p NULL: its only one */
	enum ask_role role;
	double unit_ms;                 /* of a span */
	uint64_t events;                /* bit i: event i has it; behind the events the stored metrics */
};

/* ---- what is measured, of which events */
#define ASK_SUNDAYS 10                  /* of a PART: on Sundays, on Mondays behind it, … */
enum ask_op { ASK_EQ, ASK_GT, ASK_GE, ASK_LT, ASK_LE };
enum ask_agg { ASK_SUM = 1, ASK_AVG, ASK_MIN, ASK_MAX, ASK_MEDIAN, ASK_QUANTILE };
enum ask_of { ASK_COUNT, ASK_DISTINCT_USERS, ASK_DISTINCT_SESSIONS, ASK_DISTINCT_FIELD, ASK_OF_FIELD, ASK_OF_SESSION_LENGTH, ASK_COUNT_GROUPS };

struct ask_filter {
	int field;                      /* -1: user_id, -2: session_id, -3: hour of the day, -4: day of the week, without values the weekend */
	int not, prefix, is_null, is_number;
	int or;                         /* 1: it, or the one before it in the list */
	struct str value[ASK_LIST];
	int n;
	enum ask_op op;
	double number;
};
struct ask_filters { struct ask_filter f[ASK_LIST]; int n, full; };     /* full: one did not fit */

struct ask_measure {
	enum ask_of of;
	uint64_t events;                /* 0: all */
	int field;
	enum ask_agg agg;
	double q;
	struct ask_filters where;       /* beside those of the whole reading */
	struct str called;              /* a metric of the configuration; p NULL: none */
};

struct ask_metric { struct str name; struct ask_measure m; int opaque; };      /* opaque: it is more than a measure can be */

struct ask {
	struct query *query;
	const struct config *config;
	struct arena *arena;
	struct ask_event event[ASK_EVENTS];
	int n_events, n_stored;         /* behind the events the stored metrics, which no loop over events sees */
	struct ask_field field[ASK_FIELDS];
	int n_fields;
	struct ask_metric metric[ASK_METRICS];
	int n_metrics;
	int purchase, view;             /* events that play that part; -1: none */
	int money, span;                /* fields likewise */
	struct str id_prefix;           /* what most user ids begin with, "dev" of dev017; p NULL: nothing */
	struct map phrases;             /* stems with blanks between → ask_sense */
	struct map words;               /* stems of the phrases of several words that name something of the store */
	int longest;                    /* words of a phrase */
	int model;                      /* 1: a language model may be asked, too (checked.h) */
	int least_users;                /* rows that stand for fewer are not shown to it */
};

/* The vocabulary of the store as the query's policy shows it. 0 or < 0. */
int ask_learn(struct ask *, struct err *);
/* Its parts: once events and fields are there, what they are called, with the words of the grammar; then values, one by one. */
void ask_teach_names(struct ask *);
void ask_teach_parts(struct ask *);             /* what is left of names once all else is taught */
void ask_teach_metric(struct ask *, int metric);
void ask_learn_metrics(struct ask *);           /* those of the configuration; once events and fields are there */
int ask_learn_stored(struct ask *, struct store *, struct err *);       /* those whose samples are stored, with their labels; likewise. 0 or < 0 */
int ask_add_field(struct ask *, struct str name);       /* its index; -1: no room */
int ask_is_stored(const struct ask *, const struct ask_measure *);      /* 1: it is of stored metrics, of which no event tells */
/* The value of that field that stands so in the store. 1 or 0. */
int ask_value_of(struct ask *, int field, struct str text, struct ask_sense *);
void ask_teach_value(struct ask *, int field, struct str value, uint64_t events);

/* ---- periods */
struct ask_period {
	int64_t from, to;               /* from <= t < to; TIME_NONE: open */
	int reference;                  /* changed since last week: what the one behind it is compared with */
	int named;                      /* a week, a month, a day: what two of them are is a comparison, not a range */
	int64_t step_ms;                /* to the one before it; 0: months */
	int months;
	char label[60];
};
/* Hours of the day that words[i…] name: between 9 and 11 am, after 6 pm. Words taken; 0: none. */
int ask_hours(const struct ask_word *, int n, int i, int *from, int *to);

/* The period that words[i…] name, with its preposition. Words taken; 0: none; -1: it lies ahead. apart: from one week to another are
 * two periods, which are compared, and no range. */
int ask_time(const struct ask_word *, int n, int i, int64_t now, const struct zone *, int apart, struct ask_period *);
/* How many units of a reading (1 minute … 7 year) the period touches, as far as now; 0: it is open, or they are too many. */
int ask_steps(const struct ask_period *, int unit, int64_t now, const struct zone *);
void ask_period_before(const struct ask_period *, const struct zone *, struct ask_period *);

/* ---- items */
struct ask_item {
	enum ask_is is;
	int arg, verb, used;
	struct ask_sense *sense;        /* of the store: with the others that the words have */
	struct str value;
	uint64_t events;
	int also_users;                 /* EVENT, FIELD that is a number: what users are called here, too */
	struct str text;                /* as typed, for messages */
	int word, n_words;
	double number;
	int ordinal, money, comma;
	struct ask_period period;
};

/* ---- a reading */
struct ask_condition {                  /* what a user (or session) did */
	int event;                      /* -1: anything */
	int not, has_count, has_period;
	enum ask_op op;
	double count;
	int sum;                        /* the count is of the sum of the amount */
	struct ask_filters where;
	struct ask_period period;
};

struct ask_reading {
	struct ask_measure m, base;     /* ratio: m / base */
	int ratio;                      /* 1; 2: share of the total over all groups */
	int per;                        /* a ratio that is no share: page views per session */
	struct ask_filters where;
	int group[ASK_LIST], n_groups;  /* fields; -1 user_id, -2 session_id, -5 event */
	int unit, part;                 /* bucket of time: 1 minute … 6 year; part: 1 hour of the day, 2 day of the week */
	struct ask_period period[2];
	int n_periods;
	int rank;                       /* 1 highest first, -1 lowest first */
	int limit, offset;
	int plural;
	int having; enum ask_op having_op; double having_number;
	int average_over;               /* mean of the measure over the buckets of `unit` */
	int steps;                      /* how many these are, where that is known and each that is empty is a 0; 0: those that there are */
	int count_groups;
	struct ask_condition condition[ASK_LIST];
	int n_conditions, ordered;
	int by_session;                 /* conditions are of sessions */
	int list;                       /* no measure: which there are */
	int edge;                       /* when: 1 first, 2 last */
	int funnel;
	int of_metric;                  /* the measure is one of the configuration, as it stands there */
	int want_change;                /* asked for the difference of two periods */
};

/* ---- who comes back: a reading of its own, which retention() of SQL answers */
#define ASK_UNIT_DAY 3                  /* of the units of a reading: 3 day, 4 week, 5 month, 6 quarter, 7 year */
struct ask_retention {
	int start, back;                /* events; -1: any */
	int unit;
	int period;                     /* so many units later; 0: all, one by one */
	int within;                     /* 1: at any time until then; else in that unit of the calendar */
	int has_range;                  /* users who began then */
	struct ask_period range;
	int count_first;                /* asked how many: the count stands in front of the share */
	struct ask_filters where;       /* of the event that begins */
};

/* 1: understood; 0: not, and `why` says so; ASK_NO_RETENTION: it asks for something else. */
#define ASK_NO_RETENTION (-1)
int ask_retention_read(struct ask *, const struct ask_word *, int n, int64_t now, const struct zone *, struct ask_retention *, struct buf *why);
void ask_retention_sql(const struct ask *, const struct ask_retention *, struct buf *sql);
void ask_retention_understood(const struct ask *, const struct ask_retention *, struct buf *);
void ask_retention_say(const struct ask *, const struct ask_retention *, const struct ask_rows *, struct buf *text);

/* What a model makes of a question that the grammar does not know: names of events and properties are sent, no values. 1 and SQL, one
 * statement that reads events and nothing else; 0. */
int ask_model_interpret(struct ask *, struct str question, int64_t now, struct buf *sql);
int ask_model_reads_only(struct str sql);

/* The answer's one sentence in a model's words, when they say the same: 1, and it is the answer's text. */
int ask_model_phrase(struct ask_answer *);

/* Items of the words; unknown ones stay ASK_UNKNOWN. */
int ask_items(struct ask *, struct ask_word *, int n, int64_t now, const struct zone *, struct ask_item *);
/* 1: understood; 0: not, and `why` says so; ASK_NEVER: nor can anybody. There is room for ASK_LIST items more. */
#define ASK_NEVER (-1)
void ask_item_text(const struct ask_item *, char to[80]);               /* its words, to show them: cut, without quotes */
int ask_say_unknown(const struct ask_item *, struct buf *why);          /* 0: that its word is not known */
int ask_read(struct ask *, struct ask_item *, int n, int64_t now, const struct zone *, struct ask_reading *, struct buf *why);

void ask_sql(const struct ask *, const struct ask_reading *, int64_t now, struct buf *sql);
void ask_understood(const struct ask *, const struct ask_reading *, struct buf *);
void ask_say(const struct ask *, const struct ask_reading *, const struct ask_rows *, struct buf *text);

#endif
