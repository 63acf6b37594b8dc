/* scorer_lightgbm.c - LightGBM's text (src/boosting/gbdt_model_text.cpp, src/io/tree.cpp; versions v2 to v4).
 *
 *      tree                                    lines KEY=VALUE: num_tree_per_iteration, max_feature_idx, objective, feature_names, feature_infos,
 *      …                                       and average_output alone for random forests
 *      Tree=0                                  then for each tree lists of its nodes, side by side, and of its leaves: a child < 0 is the leaf ~child
 *      …
 *      end of trees
 *      pandas_categorical:[["a","b"],…]        for each feature of categories, in their order
 *
 * decision_type, bit by bit: 1 categories, 2 the default is left, 4 and 8 what is missing (0 nothing, 1 zero, 2 not-a-number). The threshold of
 * a node of categories is the number of its set: words cat_boundaries[i] to [i + 1] of cat_threshold.
 */
#include <limits.h>
#include <math.h>
#include <stdlib.h>

#include "detect/scorer_priv.h"

static int
read_numbers(struct numbers *to, struct str text, struct err *err)
{
	struct str piece;

	to->n = 0;
	for (text = str_trim(text); text.n && str_cut(&text, ' ', &piece); ) {
		double v;

		if (str_double(piece, &v)) {
			if (str_eq(piece, STR("inf")) || str_eq(piece, STR("-inf")))
				v = piece.p[0] == '-' ? -INFINITY : INFINITY;
			else
				return err_set(err, ERR_INPUT, "'%.*s' is no number", (int)(piece.n < 40 ? piece.n : 40), piece.p);
		}
		scorer_numbers_add(to, v);
	}
	return 0;
}

enum { FEATURE, THRESHOLD, DECISION, LEFT, RIGHT, LEAF, BOUNDARIES, SETS, LINEAR, LEAVES, LISTS };
static const char *const lists[LISTS] = { "split_feature", "threshold", "decision_type", "left_child", "right_child", "leaf_value",
	"cat_boundaries", "cat_threshold", "is_linear", "num_leaves" };

/* The sets of a tree, behind those of the trees before. 0, or -1. */
static int
sets_of(struct scorer *s, const struct numbers *in)
{
	uint32_t *bits;

	if (s->words + in[SETS].n > NODES_MOST)
		return -1;
	for (size_t i = 0; i < in[BOUNDARIES].n; i++)
		if (!scorer_is_whole(in[BOUNDARIES].v[i], i ? in[BOUNDARIES].v[i - 1] : 0, (double)in[SETS].n))
			return -1;
	bits = scorer_add_bits(s, in[SETS].n);
	for (size_t i = 0; i < in[SETS].n; i++) {
		if (!scorer_is_whole(in[SETS].v[i], 0, UINT32_MAX))
			return -1;
		bits[i] = (uint32_t)in[SETS].v[i];
	}
	return 0;
}

static int
node_of(struct node *at, const struct numbers *in, size_t i, size_t set)
{
	double nodes = (double)in[LEFT].n, leaves = (double)in[LEAF].n;
	int decision;

	if (!scorer_is_whole(in[LEFT].v[i], -leaves, nodes - 1) || !scorer_is_whole(in[RIGHT].v[i], -leaves, nodes - 1) || !scorer_is_whole(in[DECISION].v[i], 0, 255) ||
	    !scorer_is_whole(in[FEATURE].v[i], 0, INT_MAX))
		return -1;
	decision = (int)in[DECISION].v[i];
	at->at = in[THRESHOLD].v[i];
	at->feature = (int32_t)in[FEATURE].v[i];
	at->child[0] = (int32_t)in[LEFT].v[i], at->child[1] = (int32_t)in[RIGHT].v[i];
	at->categories = decision & 1;
	at->default_left = decision >> 1 & 1;
	at->missing = (decision >> 2 & 3) == 2 ? MISSING_NAN : (decision >> 2 & 3) == 1 ? MISSING_ZERO : MISSING_IS_ZERO;
	if (!at->categories)
		return 0;
	if (!scorer_is_whole(at->at, 0, (double)in[BOUNDARIES].n - 2))
		return -1;
	at->set = (uint32_t)(set + (size_t)in[BOUNDARIES].v[(size_t)at->at]);
	at->words = (uint32_t)(in[BOUNDARIES].v[(size_t)at->at + 1] - in[BOUNDARIES].v[(size_t)at->at]);
	return 0;
}

static int
tree_of(struct scorer *s, struct numbers *in, struct err *err)
{
	struct tree *t = scorer_add_tree(s);
	size_t n = in[LEFT].n, leaves = in[LEAF].n, set = s->words;
	struct node *node;
	int bad = n > NODES_MOST || leaves != n + 1 || in[RIGHT].n != n || in[FEATURE].n != n || in[THRESHOLD].n != n || in[DECISION].n != n;

	if (in[LINEAR].n && in[LINEAR].v[0] != 0)
		return err_set(err, ERR_INPUT, "trees with linear leaves (linear_tree) are not read");
	t->output = (int)((s->trees - 1) % (size_t)s->outputs);
	if (!bad && !(bad = sets_of(s, in))) {
		t->nodes = (int32_t)n, t->leaves = (int32_t)leaves;
		node = scorer_add_nodes(s, n);
		for (size_t i = 0; i < n && !bad; i++)
			bad = node_of(&node[i], in, i, set);
		memcpy(scorer_add_leaves(s, leaves), in[LEAF].v, leaves * sizeof(double));
	}
	return bad ? err_set(err, ERR_INPUT, "tree %zu of the model is damaged", s->trees - 1) : scorer_check_tree(s, t, err);
}

/* The lines of a tree, up to the next one. rest begins behind "Tree=0". */
static int
read_tree(struct scorer *s, struct str *rest, struct numbers *in, struct err *err)
{
	struct str line, behind, key;

	for (int i = 0; i < LISTS; i++)
		in[i].n = 0;
	for (behind = *rest; str_cut(&behind, '\n', &line) && !str_starts(line, STR("Tree=")) && !str_starts(line, STR("end of trees")); *rest = behind) {
		str_cut(&line, '=', &key);
		for (int i = 0; i < LISTS; i++)
			if (str_eq(key, str_of(lists[i])) && read_numbers(&in[i], line, err))
				return err_at(err, "%s of tree %zu", lists[i], s->trees);
	}
	if (in[LEAVES].n == 1 && in[LEAVES].v[0] == 1)  /* one leaf alone: whatever the lists of nodes say, there is none */
		in[LEFT].n = in[RIGHT].n = in[FEATURE].n = in[THRESHOLD].n = in[DECISION].n = in[BOUNDARIES].n = in[SETS].n = 0;
	return tree_of(s, in, err);
}

/* "binary sigmoid:1": its name, and the number behind an option's colon, or `usual`. */
static double
option(struct str objective, const char *name, double usual)
{
	struct str word, key;
	double v;

	while (str_cut(&objective, ' ', &word))
		if (str_cut(&word, ':', &key) && str_eq(key, str_of(name)))
			return str_double(word, &v) == 0 ? v : usual ? usual : 1;
	return usual;
}

static const struct { const char *objective; enum link link; } links[] = {
	{ "binary", LINK_LOGISTIC }, { "multiclass", LINK_SOFTMAX }, { "multiclassova", LINK_LOGISTIC }, { "cross_entropy", LINK_LOGISTIC },
	{ "cross_entropy_lambda", LINK_LOG1P_EXP }, { "poisson", LINK_EXP }, { "gamma", LINK_EXP }, { "tweedie", LINK_EXP },
};

static void
set_link(struct scorer *s, struct str objective)
{
	struct str rest = objective, name;

	str_cut(&rest, ' ', &name);
	for (size_t i = 0; i < sizeof(links) / sizeof(*links); i++)
		if (str_eq(name, str_of(links[i].objective)))
			s->link = links[i].link;
	if (s->link == LINK_LOGISTIC)
		s->sigma = option(objective, "sigmoid", 1);
	if (str_starts(name, STR("regression")) && option(objective, "sqrt", 0) != 0)
		s->link = LINK_SIGNED_SQUARE;
}

/* What a feature's info says it is: "[0:1]" a number, "0:3:1" categories, "none" either, as no tree asks for it. */
enum info { INFO_NUMBER, INFO_NONE, INFO_CATEGORIES };

static enum info
next_info(struct str *infos)
{
	struct str info = STR("none");

	str_cut(infos, ' ', &info);
	return str_eq(info, STR("none")) || !info.n ? INFO_NONE : info.p[0] == '[' ? INFO_NUMBER : INFO_CATEGORIES;
}

static int
categories_of(struct scorer *s, struct feature *f, struct json list, struct err *err)
{
	struct json_iter it = json_iter(list);
	int n = 0;

	while (json_next(&it))
		n++;
	if (!(f->category = arena_get(s->arena, (size_t)n * sizeof(struct str) + 1)))
		return err_set(err, ERR_INPUT, "the model's categories are too long");
	for (it = json_iter(list); f->categories < n && json_next(&it); f->categories++) {
		struct str t = json_is(it.value, JSON_STRING) ? json_text(it.value, &s->scratch) : json_raw(it.value);

		if (!(f->category[f->categories] = (struct str){ arena_dup(s->arena, t.p, t.n), t.n }).p)
			return err_set(err, ERR_INPUT, "the model's categories are too long");
	}
	return 0;
}

/* Lists of texts, one for each feature of categories. Which of the features that no tree asks for are such is known when it is none or all. */
static int
read_categories(struct scorer *s, struct str infos, struct str text, struct err *err)
{
	struct json all = json_value(text);
	struct json_iter it = json_iter(all);
	struct str rest = infos;
	int lists_there = 0, n[3] = {0};
	enum info least;

	if (json_check(text, err) || !json_is(all, JSON_ARRAY))
		return err_set(err, ERR_INPUT, "pandas_categorical is no list");
	while (json_next(&it))
		lists_there++;
	for (int f = 0; f < s->features; f++)
		n[next_info(&rest)]++;
	if (lists_there != n[INFO_CATEGORIES] && lists_there != n[INFO_CATEGORIES] + n[INFO_NONE])
		return err_set(err, ERR_INPUT, "which of the features that no tree asks for has which categories cannot be known: train without them");
	least = lists_there == n[INFO_CATEGORIES] ? INFO_CATEGORIES : INFO_NONE;
	it = json_iter(all);
	for (int f = 0; f < s->features && !err->code; f++)
		if (next_info(&infos) >= least && json_next(&it))
			categories_of(s, &s->feature[f], it.value, err);
	return err->code;
}

/* "a b c" */
static int
name_features(struct scorer *s, struct str names, struct err *err)
{
	struct buf b = {0};
	struct str name;

	buf_byte(&b, '[');
	while (str_cut(&names, ' ', &name)) {
		if (b.n > 1)
			buf_byte(&b, ',');
		json_put_string(&b, name);
	}
	buf_byte(&b, ']');
	scorer_name_features(s, json_value(buf_get(&b)), err);
	buf_release(&b);
	return err->code;
}

static int
number_after(struct str value, int64_t *to, struct err *err)
{
	return str_int64(str_trim(value), to) ? err_set(err, ERR_INPUT, "the head of the model is damaged") : 0;
}

int
scorer_read_lightgbm(struct scorer *s, struct str text, struct err *err)
{
	struct numbers in[LISTS] = {{0}};
	struct str rest = text, line, key, names = STR(""), infos = STR("");
	int64_t last_feature = -1, outputs = 1;
	int average = 0;

	while (!err->code && str_cut(&rest, '\n', &line)) {
		line = str_trim(line);
		if (str_eq(line, STR("average_output")))
			average = 1;
		if (str_starts(line, STR("pandas_categorical:")) && s->features) {
			struct str lists_of = { line.p + strlen("pandas_categorical:"), line.n - strlen("pandas_categorical:") };

			if (!str_eq(lists_of, STR("null")))
				read_categories(s, infos, lists_of, err);
			continue;
		}
		str_cut(&line, '=', &key);
		if (str_eq(key, STR("num_tree_per_iteration")))
			number_after(line, &outputs, err);
		else if (str_eq(key, STR("max_feature_idx")))
			number_after(line, &last_feature, err);
		else if (str_eq(key, STR("objective")))
			set_link(s, line);
		else if (str_eq(key, STR("feature_names")))
			names = line;
		else if (str_eq(key, STR("feature_infos")))
			infos = line;
		else if (str_eq(key, STR("Tree")) && (s->features || (scorer_set_shape(s, last_feature + 1, outputs, err) == 0 && name_features(s, names, err) == 0)))
			read_tree(s, &rest, in, err);
	}
	if (!err->code && !s->trees)
		err_set(err, ERR_INPUT, "the model has no trees");
	if (average && s->trees)
		s->divide = (double)(s->trees / (size_t)s->outputs);
	if (s->divide < 1)
		s->divide = 1;
	for (int i = 0; i < LISTS; i++)
		free(in[i].v);
	return err->code;
}
