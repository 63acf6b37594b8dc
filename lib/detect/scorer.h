/* scorer.h - models that were trained elsewhere: a row's fields in, a score out.
 *
 * Read are, by what the text begins with,
 *
 *      XGBoost     what save_model("x.json") writes: gbtree, dart and gblinear, categories, any objective but trees of several outputs
 *      LightGBM    what save_model("x.txt") writes: categories (pandas' too), linear trees not, any objective
 *      linear      {"model":"linear|logistic|softmax","intercept":0.1,"weights":{"amount":0.2,…},                  optional: "mean", "scale",
 *                  each {"amount":…}: (x - mean) / scale is what is weighed; "classes":["a",…]}, and then intercepts and weights are lists
 *
 * A tree is walked from its root by the value of one feature a node; what is missing goes the way that the training found. Scores are those
 * of predict() in the package itself within 1e-6 (tests/peers/models.py): sums are made in the package's own precision, in its order.
 * Sources: XGBoost doc/tutorials/saving_model.rst and src/predictor; LightGBM src/io/tree.cpp and include/LightGBM/tree.h.
 *
 * A model's text is as hostile as any: each index is checked, and that the nodes of a tree are one, so a walk ends.
 */
#ifndef DETECT_SCORER_H
#define DETECT_SCORER_H

#include "base/buf.h"
#include "base/err.h"

struct scorer;
struct scorer *scorer_new(struct str text, struct err *);               /* ERR_INPUT: no model, or a damaged one */
struct scorer *scorer_open(const char *path, struct err *);             /* of a file of 1 GiB at most */
void scorer_free(struct scorer *);

int scorer_features(const struct scorer *);
int scorer_outputs(const struct scorer *);                              /* classes, or 1 */
struct str scorer_feature(const struct scorer *, int);                  /* its name; "f0", "f1", … where the model has none */

/* The feature's number for a text: its category's, else what it reads as a number, else NAN. */
double scorer_value(const struct scorer *, int feature, struct str text);

/* x: a value for each feature, NAN where it is missing. out: scorer_outputs of them. */
void scorer_score(const struct scorer *, const double *x, double *out);

/* ---- rows */

/* From now on features are taken of these fields, "a,b,c", in the model's order (NULL: of those of their names). ERR_USAGE. */
int scorer_bind(struct scorer *, const char *fields, struct err *);

/* The row with "model":{"score":0.83} at its end, for classes "model":{"class":1,"score":0.7,"scores":[…]}, and a newline, appended to `to`.
 * ERR_INPUT: no row, and nothing is appended. */
int scorer_row(struct scorer *, struct str row, struct buf *to, struct err *);

#endif
