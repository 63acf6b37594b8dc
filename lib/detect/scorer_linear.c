/* scorer_linear.c - a linear model in JSON, as scorer.h has it: few lines of any language write one. */
#include <math.h>
#include <stdlib.h>

#include "detect/scorer_priv.h"

#define WEIGHTS_MOST (1 << 24)

/* A number, or a list of one for each output. 0, or -1. */
static int
row_of(struct json v, double *to, int outputs)
{
	struct json_iter it = json_iter(v);
	int n = 0;

	if (json_is(v, JSON_NUMBER))
		return outputs == 1 && json_double(v, to) ? 0 : -1;
	for (; json_is(v, JSON_ARRAY) && json_next(&it); n++)
		if (n == outputs || !json_double(it.value, &to[n]))
			return -1;
	return n == outputs ? 0 : -1;
}

/* {"amount":3.5,…} for each feature, by its name; what is not named is `usual`. NULL: nothing of this name. */
static double *
each_feature(struct scorer *s, struct json of, double usual, struct err *err)
{
	double *to;

	if (json_is(of, JSON_NONE))
		return NULL;
	to = mem_new((size_t)s->features * sizeof(*to));
	for (int f = 0; f < s->features && !err->code; f++) {
		struct json v = json_get(of, s->feature[f].name);

		to[f] = usual;
		if (!json_is(v, JSON_NONE) && (!json_double(v, &to[f]) || (usual == 1 && to[f] == 0)))
			err_set(err, ERR_INPUT, "mean and scale are a number for each feature, and no scale is 0");
	}
	return to;
}

static int
weights(struct scorer *s, struct json all, struct err *err)
{
	int f = 0;

	s->weight = mem_new((size_t)s->features * (size_t)s->outputs * sizeof(*s->weight));
	for (struct json_iter it = json_iter(all); f < s->features && json_next(&it); f++) {
		s->feature[f].name = json_text_dup(it.key, s->arena);
		if (!s->feature[f].name.p)
			return err_set(err, ERR_INPUT, "the names of features are too long");
		if (row_of(it.value, s->weight + (size_t)f * (size_t)s->outputs, s->outputs))
			return err_set(err, ERR_INPUT, "the weight of %.*s is no number, or for classes no list of one for each", STR_FMT(s->feature[f].name));
	}
	return 0;
}

static int64_t
count(struct json v)
{
	struct json_iter it = json_iter(v);
	int64_t n = 0;

	while (json_next(&it))
		n++;
	return n;
}

static int
classes(struct scorer *s, struct json names, struct err *err)
{
	struct json_iter it = json_iter(names);

	s->class = mem_new((size_t)s->outputs * sizeof(*s->class));
	for (int i = 0; i < s->outputs && json_next(&it); i++)
		if (!(s->class[i] = json_text_dup(it.value, s->arena)).p)
			return err_set(err, ERR_INPUT, "the name of a class is no text");
	return 0;
}

int
scorer_read_linear(struct scorer *s, struct json all, struct err *err)
{
	struct json kind = json_get(all, STR("model")), named = json_get(all, STR("classes")), weight = json_get(all, STR("weights"));
	struct json base = json_get(all, STR("intercept"));
	int64_t outputs = json_is(named, JSON_ARRAY) ? count(named) : json_is(base, JSON_ARRAY) ? count(base) : 1;

	if (json_text_eq(kind, STR("logistic")))
		s->link = LINK_LOGISTIC;
	else if (json_text_eq(kind, STR("softmax")))
		s->link = LINK_SOFTMAX;
	else if (!json_text_eq(kind, STR("linear")))
		return err_set(err, ERR_INPUT, "neither XGBoost's JSON, which has a \"learner\", nor a linear one: {\"model\":\"linear|logistic|softmax\",\"intercept\":0,"
		    "\"weights\":{\"FIELD\":0,…}}");
	if (!json_is(weight, JSON_OBJECT))
		return err_set(err, ERR_INPUT, "\"weights\" is to be an object, a weight for each field");
	if (scorer_set_shape(s, count(weight), outputs, err))
		return err->code;
	if ((int64_t)s->features * s->outputs > WEIGHTS_MOST)
		return err_set(err, ERR_INPUT, "more than %d weights", WEIGHTS_MOST);
	if (!json_is(base, JSON_NONE) && row_of(base, s->base, s->outputs))
		return err_set(err, ERR_INPUT, "\"intercept\" is to be a number, or for classes a list of one for each");
	if (weights(s, weight, err) || (json_is(named, JSON_ARRAY) && classes(s, named, err)))
		return err->code;
	s->mean = each_feature(s, json_get(all, STR("mean")), 0, err);
	s->scale = each_feature(s, json_get(all, STR("scale")), 1, err);
	return err->code;
}
