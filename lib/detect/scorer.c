/* scorer.c - trees are walked and rows are read; the three forms are read beside it. */
#include "detect/scorer.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "detect/scorer_priv.h"

#define TEXT_MOST (1ull << 30)
#define NAMES_MOST (64u << 20)  /* bytes of names and categories */
#define NEAR_ZERO 1e-35f        /* LightGBM's kZeroThreshold */
#define CATEGORY_MOST (1 << 24) /* XGBoost: above it, and below 0, is no category */

/* ---- what the readers share */

int
scorer_set_shape(struct scorer *s, int64_t features, int64_t outputs, struct err *err)
{
	if (features < 1 || features > FEATURES_MOST)
		return err_set(err, ERR_INPUT, "a model of %lld features, 1 to %d are read", (long long)features, FEATURES_MOST);
	if (outputs < 1 || outputs > OUTPUTS_MOST)
		return err_set(err, ERR_INPUT, "a model of %lld outputs, 1 to %d are read", (long long)outputs, OUTPUTS_MOST);
	s->features = (int)features, s->outputs = (int)outputs;
	s->feature = mem_new((size_t)features * sizeof(*s->feature));
	s->base = mem_new((size_t)outputs * sizeof(*s->base));
	s->x = mem_new((size_t)features * sizeof(*s->x));
	s->out = mem_new((size_t)outputs * sizeof(*s->out));
	return 0;
}

/* Room for `add` more of `size` bytes, zeros; there is a list even of none. */
static void *
more(void *list, size_t *n, size_t *cap, size_t add, size_t size)
{
	if (!list || *cap - *n < add)
		list = mem_grow(list, *cap = *cap + *cap / 2 + add, size);
	memset((char *)list + *n * size, 0, add * size);
	*n += add;
	return list;
}

struct node *
scorer_add_nodes(struct scorer *s, size_t n)
{
	s->node = more(s->node, &s->nodes, &s->cap_nodes, n, sizeof(*s->node));
	return s->node + s->nodes - n;
}

double *
scorer_add_leaves(struct scorer *s, size_t n)
{
	s->leaf = more(s->leaf, &s->leaves, &s->cap_leaves, n, sizeof(*s->leaf));
	return s->leaf + s->leaves - n;
}

uint32_t *
scorer_add_bits(struct scorer *s, size_t words)
{
	s->bits = more(s->bits, &s->words, &s->cap_words, words, sizeof(*s->bits));
	return s->bits + s->words - words;
}

struct tree *
scorer_add_tree(struct scorer *s)
{
	struct tree *t;

	s->tree = more(s->tree, &s->trees, &s->cap_trees, 1, sizeof(*s->tree));
	t = &s->tree[s->trees - 1];
	t->node = s->nodes, t->leaf = s->leaves, t->weight = 1;
	return t;
}

/* From the root each node and each leaf is met once: then it is a tree, and a walk ends. */
int
scorer_check_tree(const struct scorer *s, const struct tree *t, struct err *err)
{
	const struct node *node = t->nodes ? s->node + t->node : NULL;
	uint8_t *met = mem_new((size_t)t->nodes + (size_t)t->leaves + 1);
	int32_t *stack = mem_new(((size_t)t->nodes + 1) * sizeof(*stack)), n = 0;
	int bad = t->leaves < 1 || (!t->nodes && t->leaves != 1) || t->output < 0 || t->output >= s->outputs;

	if (t->nodes)
		stack[n++] = 0, met[0] = 1;
	while (n && !bad) {
		const struct node *at = &node[stack[--n]];

		bad = at->feature < 0 || at->feature >= s->features || (at->categories && (size_t)at->set + at->words > s->words);
		for (int i = 0; i < 2 && !bad; i++) {
			int32_t c = at->child[i];

			if (c >= t->nodes || ~c >= t->leaves || met[c >= 0 ? c : t->nodes + ~c]++)
				bad = 1;
			else if (c >= 0)
				stack[n++] = c;
		}
	}
	free(stack);
	free(met);
	return bad ? err_set(err, ERR_INPUT, "tree %zu of the model is damaged: its nodes are no tree", s->trees - 1) : 0;
}

int
scorer_name_features(struct scorer *s, struct json names, struct err *err)
{
	struct json_iter it = json_iter(names);
	int n = 0;

	for (; json_is(names, JSON_ARRAY) && json_next(&it); n++)
		if (n < s->features && !(s->feature[n].name = json_text_dup(it.value, s->arena)).p)
			return err_set(err, ERR_INPUT, "a feature's name is no text, or too long");
	if (n && n != s->features)
		return err_set(err, ERR_INPUT, "%d names for %d features", n, s->features);
	for (int i = 0; i < s->features; i++)
		if (!s->feature[i].name.p) {
			char text[16];
			int len = snprintf(text, sizeof(text), "f%d", i);

			s->feature[i].name = (struct str){ arena_dup(s->arena, text, (size_t)len), (size_t)len };
			if (!s->feature[i].name.p)
				return err_set(err, ERR_INPUT, "names of features are too long");
		}
	return 0;
}

/* ---- reading */

struct scorer *
scorer_new(struct str text, struct err *err)
{
	struct scorer *s = mem_new(sizeof(*s));
	struct str body = str_trim(text);

	s->arena = arena_new(NAMES_MOST);
	s->divide = s->sigma = 1;
	if (text.n && body.n && body.p[0] == '{') {
		struct json all, learner;

		if (json_check(body, err))
			goto out;
		all = json_checked(body);
		learner = json_get(all, STR("learner"));
		(void)(json_is(learner, JSON_OBJECT) ? scorer_read_xgboost(s, learner, err) : scorer_read_linear(s, all, err));
	} else if (str_starts(body, STR("tree\n")) || str_starts(body, STR("tree\r\n"))) {
		scorer_read_lightgbm(s, body, err);
	} else {
		err_set(err, ERR_INPUT, "no model that is known: XGBoost's JSON (save_model(\"x.json\")), LightGBM's text (save_model(\"x.txt\")) and "
		    "a linear one in JSON are read");
	}
	if (!err->code)
		scorer_bind(s, NULL, err);
out:
	if (err->code) {
		scorer_free(s);
		return NULL;
	}
	return s;
}

struct scorer *
scorer_open(const char *path, struct err *err)
{
	struct scorer *s = NULL;
	char *text = NULL;
	struct stat st;
	ssize_t n = -1;
	int fd = io_open(path, O_RDONLY | O_CLOEXEC, 0);

	if (fd < 0 || fstat(fd, &st) < 0) {
		err_set(err, ERR_IO, "%s: %s", path, strerror(errno));
	} else if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size > TEXT_MOST) {
		err_set(err, ERR_INPUT, "%s: a model is a file of 1 GiB at most", path);
	} else {
		text = mem_new((size_t)st.st_size + 1);
		if ((n = io_read(fd, text, (size_t)st.st_size)) < 0)
			err_set(err, ERR_IO, "%s: %s", path, strerror(errno));
		else if (!(s = scorer_new((struct str){ text, (size_t)n }, err)))
			err_at(err, "%s", path);
	}
	if (fd >= 0)
		close(fd);
	free(text);
	return s;
}

static void
unbind(struct scorer *s)
{
	for (int i = 0; i < s->projects; i++)
		project_free(s->project[i]);
	free(s->project);
	free(s->field);
	free(s->value);
	s->project = NULL, s->field = NULL, s->value = NULL, s->projects = 0;
}

void
scorer_free(struct scorer *s)
{
	if (!s)
		return;
	unbind(s);
	arena_free(s->arena);
	free(s->feature);
	free(s->base);
	free(s->node);
	free(s->leaf);
	free(s->bits);
	free(s->tree);
	free(s->weight);
	free(s->mean);
	free(s->scale);
	free(s->class);
	free(s->x);
	free(s->out);
	buf_release(&s->scratch);
	free(s);
}

int
scorer_features(const struct scorer *s)
{
	return s->features;
}

int
scorer_outputs(const struct scorer *s)
{
	return s->outputs;
}

struct str
scorer_feature(const struct scorer *s, int i)
{
	return s->feature[i].name;
}

double
scorer_value(const struct scorer *s, int feature, struct str text)
{
	const struct feature *f = &s->feature[feature];
	double v;

	for (int i = 0; i < f->categories; i++)
		if (str_eq(f->category[i], text))
			return i;
	return !f->categories && str_double(text, &v) == 0 ? v : NAN;
}

/* ---- scoring */

static int
in_set(const struct scorer *s, const struct node *n, double v)
{
	uint32_t i = (uint32_t)v;

	return i / 32 < n->words && (s->bits[n->set + i / 32] >> i % 32 & 1);
}

/* XGBoost: those of the set go right; what is no category goes left. LightGBM: those of the set go left, all else right. */
static int
goes_left(const struct scorer *s, const struct node *n, double v)
{
	if (n->categories && s->is_float)
		return isnan(v) ? n->default_left : v < 0 || v >= CATEGORY_MOST || !in_set(s, n, v);
	if (n->categories)
		return v > -1 && v < INT32_MAX && in_set(s, n, v < 0 ? 0 : v);
	if (s->is_float)
		return isnan(v) ? n->default_left : v < n->at;
	if (isnan(v) && n->missing != MISSING_NAN)
		v = 0;
	if (isnan(v) || (n->missing == MISSING_ZERO && fabs(v) <= NEAR_ZERO))
		return n->default_left;
	return v <= n->at;
}

static double
walk(const struct scorer *s, const struct tree *t, const double *x)
{
	const struct node *node = t->nodes ? s->node + t->node : NULL;
	int32_t at = t->nodes ? 0 : ~0;

	while (at >= 0)
		at = node[at].child[!goes_left(s, &node[at], s->is_float ? (float)x[node[at].feature] : x[node[at].feature])];
	return s->leaf[t->leaf + (size_t)~at];
}

static double
logistic(double x)
{
	return x >= 0 ? 1 / (1 + exp(-x)) : exp(x) / (1 + exp(x));
}

static void
softmax(double *out, int n)
{
	double most = out[0], sum = 0;

	for (int i = 1; i < n; i++)
		most = out[i] > most ? out[i] : most;
	for (int i = 0; i < n; i++)
		sum += out[i] = exp(out[i] - most);
	for (int i = 0; i < n; i++)
		out[i] /= sum;
}

static double
linked(enum link link, double sigma, double v)
{
	switch (link) {
	case LINK_LOGISTIC:
		return logistic(sigma * v);
	case LINK_EXP:
		return exp(v);
	case LINK_LOG1P_EXP:
		return v > 0 ? v + log1p(exp(-v)) : log1p(exp(v));
	case LINK_SIGNED_SQUARE:
		return copysign(v * v, v);
	case LINK_STEP:
		return v > 0;
	case LINK_NONE:
	case LINK_SOFTMAX:
		break;
	}
	return v;
}

static void
add_linear(const struct scorer *s, const double *x, double *out)
{
	for (int f = 0; f < s->features; f++) {
		double v = (x[f] - (s->mean ? s->mean[f] : 0)) / (s->scale ? s->scale[f] : 1);

		for (int i = 0; i < s->outputs && !isnan(v); i++)       /* what is missing is usual: its mean, or 0 */
			out[i] += v * s->weight[(size_t)f * (size_t)s->outputs + (size_t)i];
	}
}

void
scorer_score(const struct scorer *s, const double *x, double *out)
{
	memcpy(out, s->base, (size_t)s->outputs * sizeof(*out));
	for (size_t i = 0; i < s->trees; i++) {
		const struct tree *t = &s->tree[i];
		double v = walk(s, t, x);

		if (s->is_float)
			out[t->output] = (float)out[t->output] + (float)v * t->weight;
		else
			out[t->output] += v;
	}
	if (s->weight)
		add_linear(s, x, out);
	for (int i = 0; i < s->outputs; i++)
		out[i] = linked(s->link, s->sigma, out[i] / s->divide);
	if (s->link == LINK_SOFTMAX)
		softmax(out, s->outputs);
}

/* ---- rows */

/* Only what some node or weight looks at is taken out of a row. */
static void
mark_used(const struct scorer *s, int *field)
{
	for (int i = 0; i < s->features; i++)
		field[i] = s->weight ? 0 : -1;
	for (size_t i = 0; i < s->nodes; i++) {
		int feature = s->node[i].feature;

		if (feature >= 0 && feature < s->features)      /* else no walk comes by: scorer_check_tree */
			field[feature] = 0;
	}
}

int
scorer_bind(struct scorer *s, const char *fields, struct err *err)
{
	struct str rest = str_of(fields), name = {0};
	int used = 0;

	unbind(s);
	s->field = mem_new((size_t)s->features * sizeof(*s->field));
	s->project = mem_new(((size_t)s->features / PROJECT_MOST + 1) * sizeof(*s->project));
	mark_used(s, s->field);
	for (int i = 0; i < s->features; i++) {
		if (fields && !str_cut(&rest, ',', &name))
			return err_set(err, ERR_USAGE, "the model has %d features, and fewer fields were named", s->features);
		name = fields ? str_trim(name) : s->feature[i].name;
		if (s->field[i] < 0)
			continue;
		if (used++ % PROJECT_MOST == 0)
			s->project[s->projects++] = project_new();
		if ((s->field[i] = project_field(s->project[s->projects - 1], name, err)) < 0)
			return err->code;
		s->field[i] += (s->projects - 1) * PROJECT_MOST;
	}
	if (fields && str_cut(&rest, ',', &name))
		return err_set(err, ERR_USAGE, "the model has %d features, and more fields were named", s->features);
	s->value = mem_new(((size_t)s->projects * PROJECT_MOST + 1) * sizeof(*s->value));
	return 0;
}

static double
number_of(struct scorer *s, int feature, struct json v)
{
	double x = NAN;

	if (json_is(v, JSON_TRUE) || json_is(v, JSON_FALSE))
		return json_is(v, JSON_TRUE);
	if (json_is(v, JSON_STRING))
		return scorer_value(s, feature, json_text(v, &s->scratch));
	return json_double(v, &x) ? x : NAN;
}

static void
put_class(const struct scorer *s, struct buf *to, int i)
{
	if (s->class)
		json_put_string(to, s->class[i]);
	else
		json_put_int64(to, i);
}

static void
put_scores(const struct scorer *s, struct buf *to)
{
	int best = 0;

	for (int i = 1; i < s->outputs; i++)
		best = s->out[i] > s->out[best] ? i : best;
	buf_lit(to, "\"model\":{");
	if (s->outputs > 1) {
		buf_lit(to, "\"class\":");
		put_class(s, to, best);
		buf_byte(to, ',');
	}
	buf_lit(to, "\"score\":");
	json_put_double(to, s->out[best]);
	for (int i = 0; i < s->outputs && s->outputs > 1; i++) {
		buf_lit(to, i ? "," : ",\"scores\":[");
		json_put_double(to, s->out[i]);
	}
	buf_lit(to, s->outputs > 1 ? "]}}\n" : "}}\n");
}

int
scorer_row(struct scorer *s, struct str row, struct buf *to, struct err *err)
{
	struct json all;
	struct str head;

	if (json_check(row, err))
		return err->code;
	all = json_checked(row);
	if (!json_is(all, JSON_OBJECT))
		return err_set(err, ERR_INPUT, "no row: an object is due");
	if (!json_is(json_get(all, STR("model")), JSON_NONE))
		return err_set(err, ERR_INPUT, "the row has a model already");
	for (int i = 0; i < s->projects; i++)
		if (project_row(s->project[i], row, s->value + i * PROJECT_MOST, err))
			return err->code;
	for (int i = 0; i < s->features; i++)
		s->x[i] = s->field[i] < 0 ? NAN : number_of(s, i, s->value[s->field[i]]);
	scorer_score(s, s->x, s->out);
	head = str_trim((struct str){ all.p, all.n - 1 });
	buf_str(to, head);
	if (head.n > 1)
		buf_byte(to, ',');
	put_scores(s, to);
	return 0;
}
