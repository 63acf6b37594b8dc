#!/usr/bin/env python3
"""Items for users, leave-last-out: each user's last item is hidden, at-insight recommend gives ten, and is scored by recall@10 (the hidden one
is among them) and NDCG@10 (how far in front), beside popularity and a plain Python/numpy reference of the same two methods.

    tests/eval/recommend.py [USERS]     prints a line a method; default 1500 users

The interactions are drawn: users and items have tastes in a space of eight, items a popularity that falls like one over their rank, and a user's
items drift from one to the next. No data set of others is used, for none may be copied here. The seed is fixed.
"""
import json
import os
import subprocess
import sys
import tempfile

import numpy as np


def draw(users, items=600, seed=3):
    r = np.random.default_rng(seed)
    taste, kind = r.normal(size=(users, 8)), r.normal(size=(items, 8))
    popular = np.log(1 / np.arange(1, items + 1)) * 0.7
    for u in range(users):
        seen, at = [], taste[u]
        for _ in range(int(r.integers(4, 30))):
            score = popular + 1.1 * kind @ at / np.sqrt(8)
            score[seen] = -np.inf
            p = np.exp(score - score.max())
            seen.append(int(r.choice(items, p=p / p.sum())))
            at = 0.8 * at + 0.2 * (taste[u] + kind[seen[-1]])
        yield seen


def score(name, lists, hidden):
    hits = [row.index(h) if h in row[:10] else -1 for row, h in zip(lists, hidden)]
    recall = sum(h >= 0 for h in hits) / len(hits)
    ndcg = sum(1 / np.log2(h + 2) for h in hits if h >= 0) / len(hits)
    print("recommend %-28s recall@10 %.4f   NDCG@10 %.4f" % (name, recall, ndcg), flush=True)
    return recall, ndcg


def reference(train, items, k=32, rounds=10, alpha=4.0, ridge=1.0):
    """Cosine neighbours plus iALS (Hu, Koren, Volinsky 2008), each as part of its greatest: dense, and plain."""
    m = np.zeros((len(train), items))
    for u, row in enumerate(train):
        m[u, row] = 1
    count = m.sum(0)
    co = m.T @ (m / np.log(2 + m.sum(1))[:, None])
    np.fill_diagonal(co, 0)
    near = co / np.sqrt(np.maximum(1, np.outer(count, count))) * co / (co + 1.25)
    first = m @ near
    y = np.random.default_rng(1).uniform(-0.1, 0.1, size=(items, k))
    x = np.zeros((len(train), k))

    def half(of, other, ratings):
        g = other.T @ other
        for i in range(len(of)):
            on = np.flatnonzero(ratings[i])
            c = alpha * np.log1p(ratings[i, on])
            v = other[on]
            of[i] = np.linalg.solve(g + (v * c[:, None]).T @ v + ridge * (len(on) + 1) * np.eye(k), v.T @ (c + 1))
    for _ in range(rounds):
        half(x, y, m)
        half(y, x, m.T)
    half(x, y, m)
    second = x @ y.T
    out = []
    for a, b in ((first, None), (None, second), (first, second)):
        s = sum((np.maximum(0, np.where(m > 0, 0, z)) / np.maximum(1e-12, np.where(m > 0, 0, z).max(1))[:, None] for z in (a, b) if z is not None), np.zeros(m.shape))
        out.append([list(np.argsort(-np.where(m[u] > 0, -1, s[u]), kind="stable")[:10]) for u in range(len(train))])
    return out


def main():
    rows = list(draw(int(sys.argv[1]) if len(sys.argv) > 1 else 1500))
    train, hidden, items = [row[:-1] for row in rows], [row[-1] for row in rows], 600
    with tempfile.TemporaryDirectory() as tmp:
        env = dict(os.environ, AT_STORE=tmp + "/store", AT_CONFIG=tmp, AT_NOW="2026-11-28T00:00:00Z")
        events = "".join(json.dumps({"event": "view", "timestamp": 1795000000 + t, "user_id": "u%d" % u, "properties": {"item_id": "i%d" % i}}) + "\n"
                         for u, row in enumerate(train) for t, i in enumerate(row))
        subprocess.run(["at-ingest", "-q"], input=events, text=True, check=True, env=env)
        said = subprocess.run(["at-insight", "recommend", "--user", "-", "-f", "ndjson"], input="".join("u%d\n" % u for u in range(len(train))), text=True,
                              check=True, env=env, stdout=subprocess.PIPE).stdout
    ours = [[] for _ in train]
    for line in said.splitlines():
        labels = json.loads(line)["labels"]
        ours[int(labels["user_id"][1:])].append(int(labels["item_id"][1:]))
    count = np.bincount([i for row in train for i in row], minlength=items)
    order = list(np.argsort(-count, kind="stable"))
    popular = score("popularity", [[i for i in order if i not in set(row)][:10] for row in train], hidden)
    for name, lists in zip(("reference, neighbours", "reference, factors", "reference, both"), reference(train, items)):
        peer = score(name, lists, hidden)
    got = score("at-insight", ours, hidden)
    sys.exit(0 if got[0] > popular[0] and got[0] >= 0.97 * peer[0] and got[1] >= 0.97 * peer[1] else 1)


if __name__ == "__main__":
    main()
