/* scorer_xgboost.c - XGBoost's JSON (doc/model.schema of the package, versions 1 to 3).
 *
 *      {"learner":{"feature_names":[…],"learner_model_param":{"base_score":"5E-1" | "[5E-1,…]","num_class":"0","num_feature":"3","num_target":"1"},
 *       "objective":{"name":"binary:logistic"},
 *       "gradient_booster":{"name":"gbtree","model":{"trees":[TREE,…],"tree_info":[the output of each],"cats":{"enc":[…]}}}}}
 *
 * dart has the trees one deeper and "weight_drop"; gblinear has "weights", of each feature for each output, and behind them the biases.
 * In a TREE the lists of nodes lie side by side; a node without a left child is a leaf, and its split_condition the leaf's value.
 */
#include <limits.h>
#include <math.h>
#include <stdlib.h>

#include "detect/scorer_priv.h"

#define CATEGORY_MOST (1 << 24)

/* A list of numbers (or truths). 0, or ERR_INPUT. */
static int
read_numbers(struct numbers *to, struct json list, struct err *err)
{
	to->n = 0;
	for (struct json_iter it = json_iter(list); json_next(&it); ) {
		double v = json_is(it.value, JSON_TRUE);

		if (!json_is(it.value, JSON_TRUE) && !json_is(it.value, JSON_FALSE) && !json_double(it.value, &v))
			return err_set(err, ERR_INPUT, "a list of the model holds what is no number");
		scorer_numbers_add(to, v);
	}
	return 0;
}

enum { LEFT, RIGHT, FEATURE, CONDITION, DEFAULT_LEFT, SPLIT_TYPE, CATEGORIES, CATEGORY_NODES, CATEGORY_SEGMENTS, CATEGORY_SIZES, LISTS };
static const char *const lists[LISTS] = { "left_children", "right_children", "split_indices", "split_conditions", "default_left", "split_type",
	"categories", "categories_nodes", "categories_segments", "categories_sizes" };

static int64_t
whole(const struct numbers *list, size_t i, int64_t most)       /* -1: not there, or none from 0 to most */
{
	return i < list->n && scorer_is_whole(list->v[i], 0, (double)most) ? (int64_t)list->v[i] : -1;
}

/* The categories of the i-th node that has some, as bits. 0, or -1. */
static int
set_of(struct scorer *s, struct node *node, const struct numbers *in, size_t i)
{
	int64_t from = whole(&in[CATEGORY_SEGMENTS], i, INT_MAX), n = whole(&in[CATEGORY_SIZES], i, INT_MAX), most = -1;
	uint32_t *bits;

	if (from < 0 || n < 0 || (size_t)(from + n) > in[CATEGORIES].n)
		return -1;
	for (int64_t c = from; c < from + n; c++) {
		int64_t category = whole(&in[CATEGORIES], (size_t)c, CATEGORY_MOST - 1);

		if (category < 0)
			return -1;
		most = category > most ? category : most;
	}
	node->set = (uint32_t)s->words;
	node->words = (uint32_t)(most / 32 + 1);
	if (s->words + node->words > NODES_MOST)
		return -1;
	bits = scorer_add_bits(s, node->words);
	for (int64_t c = from; c < from + n; c++)
		bits[(int64_t)in[CATEGORIES].v[c] / 32] |= 1u << (int64_t)in[CATEGORIES].v[c] % 32;
	return 0;
}

/* Nodes keep their places; each leaf becomes a leaf and its place is given up: a child's number is looked up in `place`. */
static int
tree_of(struct scorer *s, const struct numbers *in, int output, struct err *err)
{
	size_t n = in[LEFT].n, inner = 0, leaves = 0, set = 0;
	struct tree *t = scorer_add_tree(s);
	int32_t *place = NULL;
	struct node *node;
	double *leaf;
	int bad = !n || n > NODES_MOST || in[RIGHT].n != n || in[FEATURE].n != n || in[CONDITION].n != n || in[DEFAULT_LEFT].n != n;

	if (bad)
		goto out;
	place = mem_new(n * sizeof(*place));
	for (size_t i = 0; i < n; i++)
		place[i] = in[LEFT].v[i] < 0 ? ~(int32_t)leaves++ : (int32_t)inner++;
	t->nodes = (int32_t)inner, t->leaves = (int32_t)leaves, t->output = output;
	node = scorer_add_nodes(s, inner);
	leaf = scorer_add_leaves(s, leaves);
	bad = inner && place[0] < 0;
	for (size_t i = 0; i < n && !bad; i++) {
		struct node *at = &node[place[i] < 0 ? 0 : place[i]];
		int64_t child[2] = { whole(&in[LEFT], i, (int64_t)n - 1), whole(&in[RIGHT], i, (int64_t)n - 1) };

		if (place[i] < 0) {
			leaf[~place[i]] = in[CONDITION].v[i];
			continue;
		}
		if ((bad = child[0] < 0 || child[1] < 0))
			break;
		at->at = (float)in[CONDITION].v[i];
		at->feature = (int32_t)whole(&in[FEATURE], i, INT_MAX);
		at->child[0] = place[child[0]], at->child[1] = place[child[1]];
		at->default_left = in[DEFAULT_LEFT].v[i] != 0;
		at->categories = whole(&in[SPLIT_TYPE], i, 1) == 1;
		if (at->categories)
			bad = whole(&in[CATEGORY_NODES], set, INT_MAX) != (int64_t)i || set_of(s, at, in, set++);
	}
out:
	free(place);
	return bad ? err_set(err, ERR_INPUT, "tree %zu of the model is damaged", s->trees - 1) : scorer_check_tree(s, t, err);
}

static int
read_tree(struct scorer *s, struct json tree, struct numbers *in, int64_t output, struct err *err)
{
	struct json vector = json_get(json_get(tree, STR("tree_param")), STR("size_leaf_vector"));

	if (json_is(vector, JSON_STRING) && !json_text_eq(vector, STR("1")) && !json_text_eq(vector, STR("0")))
		return err_set(err, ERR_INPUT, "trees of several outputs (multi_strategy multi_output_tree) are not read, one_output_per_tree are");
	for (int i = 0; i < LISTS; i++)
		in[i].n = 0;
	for (struct json_iter it = json_iter(tree); json_next(&it); )
		for (int i = 0; i < LISTS; i++)
			if (json_text_eq(it.key, str_of(lists[i])) && read_numbers(&in[i], it.value, err))
				return err->code;
	return tree_of(s, in, (int)output, err);
}

static int
read_trees(struct scorer *s, struct json model, struct json drop, struct err *err)
{
	struct numbers in[LISTS] = {{0}}, outputs = {0}, weights = {0};
	size_t i = 0;

	(void)(read_numbers(&outputs, json_get(model, STR("tree_info")), err) || read_numbers(&weights, drop, err));
	for (struct json_iter it = json_iter(json_get(model, STR("trees"))); !err->code && json_next(&it); i++) {
		int64_t output = whole(&outputs, i, s->outputs - 1);

		if (output < 0)
			err_set(err, ERR_INPUT, "tree %zu of the model has no output", i);
		else if (read_tree(s, it.value, in, output, err) == 0 && i < weights.n)
			s->tree[i].weight = (float)weights.v[i];
	}
	for (int n = 0; n < LISTS; n++)
		free(in[n].v);
	free(outputs.v);
	free(weights.v);
	return err->code;
}

static int
read_linear_part(struct scorer *s, struct json model, struct err *err)
{
	struct numbers w = {0};
	size_t n = (size_t)s->features * (size_t)s->outputs;

	if (read_numbers(&w, json_get(model, STR("weights")), err) == 0) {
		if (w.n != n + (size_t)s->outputs)
			err_set(err, ERR_INPUT, "%zu weights, but %zu features and outputs", w.n, n);
		for (int i = s->outputs; i-- > 0 && !err->code; )       /* here all begin with the first one's base_score */
			s->base[i] = s->base[0] + w.v[n + (size_t)i];
	}
	s->weight = w.v;
	return err->code;
}

/* The texts of pandas' categories: for each feature {"offsets":[0,1,…],"values":[bytes]}. Numbers as categories have no offsets, and stay. */
static int
read_categories(struct scorer *s, struct json enc, struct err *err)
{
	struct numbers offset = {0}, byte = {0};
	struct json_iter it = json_iter(enc);

	for (int f = 0; f < s->features && !err->code && json_next(&it); f++) {
		char *bytes;
		size_t n;

		if (read_numbers(&offset, json_get(it.value, STR("offsets")), err) || offset.n < 2 || read_numbers(&byte, json_get(it.value, STR("values")), err))
			continue;
		n = offset.n - 1;
		s->feature[f].category = arena_get(s->arena, n * sizeof(struct str));
		bytes = arena_get(s->arena, byte.n + 1);
		if (!s->feature[f].category || !bytes) {
			err_set(err, ERR_INPUT, "the model's categories are too long");
			break;
		}
		for (size_t i = 0; i < byte.n && !err->code; i++)
			if (!scorer_is_whole(byte.v[i], 0, 127))
				err_set(err, ERR_INPUT, "the categories of %.*s are not in ASCII, and XGBoost cuts such names wrongly: give them others",
				    STR_FMT(s->feature[f].name));
			else
				bytes[i] = (char)byte.v[i];
		for (size_t i = 0; i < n && !err->code; i++) {
			int64_t from = whole(&offset, i, (int64_t)byte.n), to = whole(&offset, i + 1, (int64_t)byte.n);

			if (from < 0 || to < from)
				err_set(err, ERR_INPUT, "the categories of feature %d are damaged", f);
			else
				s->feature[f].category[i] = (struct str){ bytes + from, (size_t)(to - from) };
		}
		s->feature[f].categories = (int)n;
	}
	free(offset.v);
	free(byte.v);
	return err->code;
}

/* "3", as all numbers there are written. -1: none. */
static int64_t
parameter(struct scorer *s, struct json param, const char *name)
{
	struct json v = json_get(param, str_of(name));
	int64_t n;

	return str_int64(json_text(v, &s->scratch), &n) == 0 || json_int64(v, &n) ? n : -1;
}

/* How the sum becomes the score, and what the score that all begin with is as a sum. */
static const struct { const char *objective; enum link link; } links[] = {
	{ "binary:logistic", LINK_LOGISTIC }, { "reg:logistic", LINK_LOGISTIC }, { "count:poisson", LINK_EXP }, { "reg:gamma", LINK_EXP },
	{ "reg:tweedie", LINK_EXP }, { "survival:cox", LINK_EXP }, { "survival:aft", LINK_EXP }, { "multi:softprob", LINK_SOFTMAX },
	{ "multi:softmax", LINK_SOFTMAX }, { "binary:hinge", LINK_STEP },
};

static double
as_sum(enum link link, double score)
{
	return link == LINK_LOGISTIC ? -log(1 / score - 1) : link == LINK_EXP ? log(score) : score;
}

/* "5E-1", or since version 3.1 "[5E-1,…]", one for each output. */
static int
read_base(struct scorer *s, struct json param, struct err *err)
{
	struct str text = str_trim(json_text(json_get(param, STR("base_score")), &s->scratch)), piece;
	int n = 0;

	if (text.n > 1 && text.p[0] == '[')
		text = (struct str){ text.p + 1, text.n - 2 };
	for (; n < s->outputs && str_cut(&text, ',', &piece); n++)
		if (str_double(str_trim(piece), &s->base[n]))
			return err_set(err, ERR_INPUT, "base_score is no number");
	if (n != 1 && n != s->outputs)
		return err_set(err, ERR_INPUT, "%d base_scores for %d outputs", n, s->outputs);
	for (int i = 0; i < s->outputs; i++)
		s->base[i] = (float)as_sum(s->link, (float)s->base[i < n ? i : 0]);
	return 0;
}

int
scorer_read_xgboost(struct scorer *s, struct json learner, struct err *err)
{
	struct json param = json_get(learner, STR("learner_model_param")), booster = json_get(learner, STR("gradient_booster"));
	struct json name = json_get(booster, STR("name")), model = json_get(booster, STR("model")), drop = JSON_ABSENT;
	struct json objective = json_get(json_get(learner, STR("objective")), STR("name"));
	int64_t classes = parameter(s, param, "num_class"), targets = parameter(s, param, "num_target");

	s->is_float = 1;
	for (size_t i = 0; i < sizeof(links) / sizeof(*links); i++)
		if (json_text_eq(objective, str_of(links[i].objective)))
			s->link = links[i].link;
	classes = classes > 1 ? classes : 1;
	if (scorer_set_shape(s, parameter(s, param, "num_feature"), classes > targets ? classes : targets, err) || read_base(s, param, err) ||
	    scorer_name_features(s, json_get(learner, STR("feature_names")), err))
		return err->code;
	if (json_text_eq(name, STR("gblinear")))
		return read_linear_part(s, model, err);
	if (json_text_eq(name, STR("dart"))) {
		drop = json_get(booster, STR("weight_drop"));
		model = json_get(json_get(booster, STR("gbtree")), STR("model"));
	} else if (!json_text_eq(name, STR("gbtree"))) {
		return err_set(err, ERR_INPUT, "its booster is none of gbtree, dart and gblinear");
	}
	if (read_categories(s, json_get(json_get(model, STR("cats")), STR("enc")), err))
		return err->code;
	return read_trees(s, model, drop, err);
}
