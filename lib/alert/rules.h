/* rules.h - alert rules as their file says them: checked, compiled, with their defaults.
 *
 *      {"rules":[
 *        {"alert":"many signups","expr":".metric == \"signups\" and .count > 100","for":"5m","severity":"page",
 *         "resolve":".count < 80","labels":{"team":"growth"},"message":"{{value}} from {{labels.source}}"}
 *      ]}
 *
 * A file holds that object, a list of rules, one rule, or groups of rules as Prometheus has them. lib/config/analytics.json has the
 * schema ($defs/rule), so the same objects stand under `rules` in config/analytics.json. What a rule judges is one of: a row (expr, or
 * metric and condition), an alarm of the detector (anomaly), a sequence of events (pattern), and what is asked of the
 * store every so often (funnel, sql).
 */
#ifndef ALERT_RULES_H
#define ALERT_RULES_H

#include "base/map.h"
#include "config/config.h"
#include "expr/expr.h"

enum rules_kind { RULES_ROW, RULES_ANOMALY, RULES_PATTERN, RULES_FUNNEL, RULES_SQL };
enum rules_no_data { RULES_KEEP, RULES_OK, RULES_ALERT };

/* "> 100" of the value, or a jq condition on the row. */
struct rules_test {
	enum { RULES_NONE, RULES_COMPARE, RULES_EXPR } how;
	enum { RULES_GT, RULES_GE, RULES_LT, RULES_LE, RULES_EQ, RULES_NE } op;
	double than;
	struct expr *expr;              /* of one thread at a time */
};

/* A row can make the test true only when this label (or the metric, p NULL) has that value: so most rules need not be asked. */
struct rules_pin { struct str label, value; };

struct rule_label { struct str key, text; };    /* text: with {{…}} */

struct rule {
	struct str name;                /* of the alert */
	struct str key;                 /* of its state: the name, "NAME#2" for the second of that name; what is known of it from before keeps the key it had */
	struct str id;                  /* "" when it has none */
	unsigned sign;                  /* what tells it from others of its name wherever it stands: a hash of its id, else of its text */
	enum rules_kind kind;
	struct rules_test when, resolve;
	struct str condition, resolve_condition;        /* as they are written; p NULL: none */
	struct str metric, field;       /* p NULL: any; the usual one */
	struct str path[8];             /* what the expression compares with a number, `.properties.amount`; n_path 0: field */
	int n_path;
	struct expr *amount;            /* what it compares is reckoned, `.errors / .requests`; NULL */
	struct rules_pin pin[2];        /* what a row must have; n_pins of them */
	int n_pins;
	double sensitivity;             /* of an anomaly rule */
	int direction;                  /* 1 high, -1 low, 0 both */
	struct str pattern, funnel, sql, by;
	int64_t within_ms, every_ms, range_ms;  /* 0: the default */
	int64_t for_ms, keep_ms, stale_ms;      /* stale_ms 0: three windows, or 5m */
	enum rules_no_data no_data;
	int no_data_given;              /* it stands in the rule */
	struct str severity, message;   /* message: with {{…}}, p NULL: the default */
	const struct rule_label *labels;
	int n_labels;
	int from_store;                 /* funnel, sql, or a metric with `every` */
	struct str reads;               /* a JSON array of names, once reads_find was called (reads.h) */
};

struct rules {
	struct rule *rule;
	int n, cap;
	struct map names;               /* how many rules have that name */
	int flags;                      /* of expr_new: EXPR_NATIVE_ONLY for those of the API */
	struct arena *arena;
	struct schema *schema;
};

#define RULES_MOST 100000
#define RULES_EVERY 60000               /* ms; without `every` */
#define RULES_RANGE 86400000            /* ms; a funnel without `range` */

struct rules *rules_new(int flags);
void rules_free(struct rules *);

/* Add one rule, or each of a list, a file's object. What is said begins with its place, "rules[3]: for: …". Disabled ones are left out. */
int rules_add(struct rules *, struct json rule, struct err *);
int rules_add_all(struct rules *, struct json, struct err *);
int rules_add_file(struct rules *, const char *path, struct err *);    /* "-": stdin. ERR_USAGE with the file's name in front */

/* Fill {{…}} in, of `row` (what the alert is: see evaluate.h) and labels. */
struct rules_words { struct str alert, metric, severity, state, since, timestamp, value; struct json labels, row; };
void rules_fill(struct buf *, struct str text, const struct rules_words *);

/* Compare a value. */
int rules_compare(const struct rules_test *, double);

#endif
