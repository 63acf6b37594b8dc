/* scorer_priv.h - a model as it is walked, for those who read it from its text. */
#ifndef SCORER_PRIV_H
#define SCORER_PRIV_H

#include <math.h>
#include <stdint.h>

#include "base/mem.h"
#include "detect/scorer.h"
#include "json/project.h"

#define FEATURES_MOST (1 << 16)
#define OUTPUTS_MOST  (1 << 12)
#define NODES_MOST    (1 << 28)

struct node {
	double at;              /* of a number: goes left below it (XGBoost), or at most it (LightGBM) */
	int32_t feature;
	int32_t child[2];       /* left, right; < 0: the leaf ~child of the tree */
	uint32_t set, words;    /* of categories: where their bits begin, and how many words */
	uint8_t categories;
	uint8_t missing;        /* what is missing: */
	uint8_t default_left;
};
enum { MISSING_NAN, MISSING_ZERO, MISSING_IS_ZERO };    /* not-a-number; that and 0; nothing, not-a-number is 0 */

struct tree {
	size_t node, leaf;      /* its first */
	int32_t nodes, leaves;
	int output;
	float weight;           /* of dart */
};

enum link { LINK_NONE, LINK_LOGISTIC, LINK_EXP, LINK_SOFTMAX, LINK_LOG1P_EXP, LINK_SIGNED_SQUARE, LINK_STEP };

struct feature {
	struct str name;
	struct str *category;   /* by its number */
	int categories;
};

struct scorer {
	struct arena *arena;
	int is_float;           /* XGBoost: values, sums and comparisons in float */
	struct feature *feature;
	int features, outputs;
	double *base;           /* an output's sum begins with it */
	enum link link;
	double sigma;           /* of the logistic */
	double divide;          /* the sum, by the number of iterations; 1 */

	struct node *node;
	double *leaf;
	uint32_t *bits;
	struct tree *tree;
	size_t nodes, leaves, words, trees, cap_nodes, cap_leaves, cap_words, cap_trees;

	double *weight;         /* linear: of each feature for each output; NULL: none */
	double *mean, *scale;   /* of each feature; NULL: as it is */
	struct str *class;      /* names of outputs; NULL: numbers */

	struct project **project;       /* PROJECT_MOST fields each */
	int projects;
	int *field;             /* of each feature: its place in value; -1: nobody looks at it */
	struct json *value;
	double *x, *out;
	struct buf scratch;
};

/* Text into a model that is empty but for its arena. 0 or ERR_INPUT. */
int scorer_read_xgboost(struct scorer *, struct json all, struct err *);
int scorer_read_linear(struct scorer *, struct json all, struct err *);
int scorer_read_lightgbm(struct scorer *, struct str text, struct err *);

/* A list of a model as it is read; the caller frees v. */
struct numbers { double *v; size_t n, cap; };
static inline void
scorer_numbers_add(struct numbers *to, double v)
{
	if (to->n == to->cap)
		to->v = mem_grow(to->v, to->cap = to->cap ? 2 * to->cap : 256, sizeof(*to->v));
	to->v[to->n++] = v;
}
static inline int
scorer_is_whole(double v, double least, double most)
{
	return v >= least && v <= most && v == floor(v);
}

/* What they share: lists that grow, and what must hold of a tree whose nodes and leaves are there: ERR_INPUT. */
int scorer_set_shape(struct scorer *, int64_t features, int64_t outputs, struct err *);
struct node *scorer_add_nodes(struct scorer *, size_t n);
double *scorer_add_leaves(struct scorer *, size_t n);
uint32_t *scorer_add_bits(struct scorer *, size_t words);               /* zeros */
struct tree *scorer_add_tree(struct scorer *);                          /* its nodes and leaves are the next ones */
int scorer_check_tree(const struct scorer *, const struct tree *, struct err *);
int scorer_name_features(struct scorer *, struct json names, struct err *);     /* a list, or absent */

#endif
