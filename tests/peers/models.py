#!/usr/bin/env python3
"""at-detect --model against the packages themselves: XGBoost and LightGBM train random models on random data, and predict.

    models.py [ROUNDS [SEED]]       a round is a model of each kind below; prints what differs and ends with 1 when something does
    models.py --golden DIR          writes small ones with their rows and scores, for machines without the packages (tests/golden/models)

Wants: pip install xgboost-cpu lightgbm pandas
"""
import json, os, subprocess, sys, tempfile

try:
    import lightgbm as lgb, numpy as np, pandas as pd, xgboost as xgb
except ImportError as e:
    print("skipped: %s" % e)
    sys.exit(77)

COLORS = ["red", "green", "blue", "a \"quoted\" one", "grün", "black", "white", "grey"]


def a_table(r, n, features, colors):
    """Numbers of several scales with gaps, and a column of categories."""
    t = pd.DataFrame({"n%d" % i: r.normal(size=n) * 10 ** float(r.integers(-3, 4)) for i in range(features)})
    t["n0"] = np.round(t["n0"] * 4) / 4                     # values that are thresholds
    t["n1"] = np.where(r.random(n) < 0.4, 0.0, t["n1"])      # zeros
    for c in t:
        t.loc[r.random(n) < r.choice([0, 0.1, 0.3]), c] = np.nan
    t["color"] = pd.Categorical(r.choice(colors[: int(r.integers(3, 9))], n))
    t.loc[r.random(n) < 0.1, "color"] = np.nan
    return t


def target(r, t, kind):
    s = sum(np.nan_to_num(t[c]) / (np.nanstd(t[c]) + 1e-9) for c in t if c != "color") + t["color"].cat.codes.to_numpy() % 3 + r.normal(size=len(t)) * 0.3
    s = np.asarray(s, float)
    if kind == "binary":
        return (s > np.median(s)).astype(int)
    if kind == "classes":
        return np.digitize(s, np.quantile(s, [0.3, 0.7]))
    if kind == "positive":
        return np.exp(s / 4) + 0.01
    if kind == "counts":
        return r.poisson(np.exp(s / 4))
    if kind == "share":
        return 1 / (1 + np.exp(-s))
    return s


XGB = [("reg:squarederror", "number", {}), ("binary:logistic", "binary", {}), ("multi:softprob", "classes", {"num_class": 3}), ("count:poisson", "counts", {}),
       ("reg:tweedie", "counts", {}), ("reg:gamma", "positive", {}), ("reg:absoluteerror", "number", {}), ("binary:hinge", "binary", {}), ("reg:logistic", "share", {}),
       ("binary:logitraw", "binary", {}), ("rank:pairwise", "binary", {}), ("binary:logistic", "binary", {"booster": "dart", "rate_drop": 0.4}),
       ("multi:softprob", "classes", {"num_class": 3, "booster": "dart", "rate_drop": 0.4}), ("reg:squarederror", "number", {"booster": "gblinear"}),
       ("multi:softprob", "classes", {"num_class": 3, "booster": "gblinear"}), ("binary:logistic", "binary", {"num_parallel_tree": 3, "subsample": 0.6}),
       ("reg:squarederror", "number", {"grow_policy": "lossguide", "max_leaves": 20, "max_depth": 0}), ("reg:quantileerror", "number", {"quantile_alpha": 0.8})]
LGB = [("regression", "number", {}), ("binary", "binary", {}), ("binary", "binary", {"sigmoid": 2.5}), ("multiclass", "classes", {"num_class": 3}),
       ("multiclassova", "classes", {"num_class": 3}), ("poisson", "counts", {}), ("gamma", "positive", {}), ("tweedie", "counts", {}), ("regression", "number", {"reg_sqrt": True}),
       ("cross_entropy", "share", {}), ("cross_entropy_lambda", "share", {}), ("regression_l1", "number", {}), ("quantile", "number", {"alpha": 0.8}),
       ("binary", "binary", {"boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.6}), ("binary", "binary", {"boosting": "dart"}), ("regression", "number", {"zero_as_missing": True}),
       ("binary", "binary", {"use_missing": False}), ("huber", "number", {})]


def train_xgb(r, t, objective, y, more, rounds, depth):
    linear = more.get("booster") == "gblinear"
    data = t.drop(columns="color") if linear or r.random() < 0.3 else t
    if linear:
        data = data.fillna(0)                                # there, missing is 0
    p = {"objective": objective, "max_depth": depth, "eta": 0.3, "seed": int(r.integers(1e6)), "max_cat_to_onehot": int(r.choice([1, 4, 10])), "nthread": 1, **more}
    if linear:
        p = {k: v for k, v in p.items() if k not in ("max_depth", "max_cat_to_onehot")}
    b = xgb.train(p, xgb.DMatrix(data, y, enable_categorical=True), rounds)
    return b, data, lambda rows: b.predict(xgb.DMatrix(rows, enable_categorical=True))


def train_lgb(r, t, objective, y, more, rounds, depth):
    data = t.drop(columns="color") if r.random() < 0.3 else t
    p = {"objective": objective, "num_leaves": 2 ** depth, "verbose": -1, "min_data_in_leaf": 3, "min_data_per_group": 3, "cat_smooth": 1, "num_threads": 1,
         "max_cat_to_onehot": int(r.choice([1, 4])), "seed": int(r.integers(1e6)), "deterministic": True, **more}
    b = lgb.train(p, lgb.Dataset(data, y), rounds)
    return b, data, b.predict


def rows_of(t):
    """As events: what is missing is null or not there."""
    out = []
    for i in range(len(t)):
        props = {}
        for c in t:
            v = t[c].iloc[i]
            if isinstance(v, str):
                props[c] = v
            elif v == v and v is not None:
                props[c] = float(v)
            elif i % 2:
                props[c] = None
        out.append(json.dumps({"event": "e", "properties": props}))
    return "\n".join(out) + "\n"


def scores(path, rows):
    run = subprocess.run(["at-detect", "--model", path], input=rows, capture_output=True, text=True)
    if run.returncode or run.stderr:
        print(path, run.stderr.strip())
    return [m.get("scores", m["score"]) for m in (json.loads(line)["model"] for line in run.stdout.splitlines())]


def differ(got, want):
    got, want = np.asarray(got, float), np.asarray(want, float)
    if got.shape != want.shape:
        return "shapes %s and %s" % (got.shape, want.shape)
    far = np.abs(got - want) / np.maximum(1, np.abs(want))
    return "by %g" % far.max() if far.max() > 1e-6 else None


def kinds(r, small):
    for family, list_of, train, suffix in (("xgboost", XGB, train_xgb, ".json"), ("lightgbm", LGB, train_lgb, ".txt")):
        for objective, kind, more in list_of:
            t = a_table(r, 120 if small else int(r.integers(60, 500)), 3 if small else int(r.integers(2, 8)),
                        [c for c in COLORS if c.isascii()] if family == "xgboost" else COLORS)  # XGBoost 3.2 cuts others wrongly, and is refused
            b, data, predict = train(r, t, objective, target(r, t, kind), more, 3 if small else int(r.integers(1, 40)), 2 if small else int(r.integers(1, 7)))
            yield family, objective, more, suffix, b, data, predict


def golden(where):
    wanted = {("xgboost", "binary:logistic"), ("xgboost", "multi:softprob"), ("xgboost", "count:poisson"), ("lightgbm", "binary"), ("lightgbm", "multiclass"), ("lightgbm", "regression")}
    os.makedirs(where, exist_ok=True)
    for family, objective, more, suffix, b, data, predict in kinds(np.random.default_rng(5), True):
        if more.get("booster", more.get("boosting", "")) or (family, objective) not in wanted:
            continue
        wanted.remove((family, objective))
        name = os.path.join(where, family + "-" + objective.split(":")[-1])
        b.save_model(name + suffix)
        rows = data.iloc[:30]
        with open(name + ".rows", "w") as f:
            f.write(rows_of(rows))
        with open(name + ".scores", "w") as f:
            for s in predict(rows):
                f.write(json.dumps([float(x) for x in np.atleast_1d(s)]) + "\n")


def main():
    if sys.argv[1:2] == ["--golden"]:
        return golden(sys.argv[2])
    rounds, seed = int((sys.argv + ["1"])[1]), int((sys.argv[1:] + ["1", "1"])[1])
    bad = n = 0
    with tempfile.TemporaryDirectory() as folder:
        for i in range(rounds):
            for family, objective, more, suffix, b, data, predict in kinds(np.random.default_rng(seed * 1009 + i), False):
                path = os.path.join(folder, "model" + suffix)
                b.save_model(path)
                far = differ(scores(path, rows_of(data)), predict(data))
                n += 1
                if far:
                    bad += 1
                    print("round %d: %s %s %s differs %s" % (i, family, objective, more, far))
    print("%d models, %d differ" % (n, bad))
    sys.exit(bad > 0)


if __name__ == "__main__":
    main()
