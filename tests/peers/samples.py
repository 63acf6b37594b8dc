#!/usr/bin/env python3
"""Random statements over the table metrics, counted over columns and row by row by SQLite: both must give the same answer.

    samples.py [QUERIES [SEED]]     with at-query, at-ingest and at-admin on PATH; default 200 queries, seed 1

The store has series with labels of every type, several fields and windows, in sealed pieces and in the tail. Rows are compared as a set,
or in their order where ORDER BY names all of them; reals within 1e-9. Prints each difference and `N the same, N differ, N over
columns`; exit 1 when one differs.
"""
import json, math, os, random, subprocess, sys, tempfile

queries, seed = int(sys.argv[1]) if len(sys.argv) > 1 else 200, int(sys.argv[2]) if len(sys.argv) > 2 else 1
r = random.Random(seed)
T = 1795428000000


def rows(n, late):
    for _ in range(n):
        labels = {"host": r.choice(["a", "b", "c"])}
        for key, some in ("n", [1, 1.5, "1", True, 10 ** 15]), ("Region", ["eu", "EU", "märz", ""]), ("odd name", ["x", 5]), ("value", ["hidden"]):
            if r.random() < .4:
                labels[key] = r.choice(some)
        row = {"metric": r.choice(["cpu", "load", "req_total"]), "timestamp": T + r.randrange(late, 40000) * 1000, "labels": labels}
        if r.random() < .3:
            row["window"] = r.choice(["1m", "1h"])
            row["count"], row["ms_sum"] = r.randrange(100), r.randrange(-50, 1000) / 4
        else:
            row["value"] = r.choice([r.randrange(-5, 50), r.randrange(1000) / 8, 0, 2 ** 53, -0.0, 1e300])
        yield json.dumps(row)


KEYS = ["metric", "field", "host", "n", "region", "\"odd name\"", "labels", "TIME_BUCKET('1h', timestamp)", "DATE_TRUNC('hour', timestamp)", "strftime('%H:%M', timestamp)",
        "upper(host)", "metric || field", "labels ->> 'host'", "value", "value > 10", "typeof(n)", "CASE WHEN value < 0 THEN 'neg' ELSE host END", "timestamp"]
AGGREGATES = ["COUNT(*)", "COUNT(n)", "COUNT(DISTINCT host)", "SUM(value)", "AVG(value)", "MIN(value)", "MAX(timestamp)", "MAX(n)", "SUM(value) FILTER (WHERE host = 'a')",
              "QUANTILE(value, 0.5)", "ARG_MAX(host, value)", "ARG_MIN(timestamp, value)", "COUNT_IF(value > 5)", "SUM(n)", "MIN(region)", "TOTAL(value) / COUNT(*)"]
FILTERS = ["metric = 'cpu'", "metric IN ('cpu', 'load')", "metric LIKE 'r%'", "field = 'value'", "field <> 'count'", "host = 'a'", "host <> 'b'", "n = 1", "n = '1'", "n IS NULL",
           "region = 'eu'", "region ILIKE 'eu'", "value > 5", "value = '0'", "value BETWEEN 0 AND 20", "timestamp >= '2026-11-23T12:00:00Z'", "timestamp < '2026-11-23T13:30:00.000Z'",
           "timestamp BETWEEN '2026-11-23T10:30:00.000Z' AND '2026-11-23T15:00:00.000Z'", "NOT host = 'c'", "host = 'a' OR n = 1.5", "\"odd name\" = 5", "labels ->> 'host' = 'b'",
           "value = (SELECT MAX(value) FROM metrics)", "host IN (SELECT host FROM metrics WHERE value < 0)", "metrics.metric = 'load'"]


def statement():
    where = " WHERE " + r.choice([" AND ", " AND ", " OR "]).join(r.sample(FILTERS, r.randrange(1, 4))) if r.random() < .7 else ""
    keys = r.sample(KEYS, r.randrange(0, 3))
    kind = r.random()
    if kind < .7:
        some = r.sample(AGGREGATES, r.randrange(1, 4))
        if "host IN" in where or " OR " in where:       # SQLite has another order of rows then, which shows among equals
            some = [a for a in some if not a.startswith("ARG_")] or ["COUNT(*)"]
        sql = f"SELECT {', '.join(keys + some)} FROM metrics{where}"
        if keys:
            sql += " GROUP BY " + ", ".join(str(i + 1) for i in range(len(keys)))
            if r.random() < .2:
                sql += " HAVING COUNT(*) > 2"
            if r.random() < .4:
                return sql + " ORDER BY " + ", ".join(str(i + 1) for i in range(len(keys))) + r.choice(["", " LIMIT 7"]), True
        return sql, False
    if kind < .8:
        return f"SELECT DISTINCT {', '.join(keys or ['host'])} FROM metrics{where}", False
    if kind < .9:
        return f"SELECT metric, field, labels, timestamp, value FROM metrics{where} ORDER BY value DESC, metric, field, labels, timestamp LIMIT {r.randrange(1, 30)}", True
    if kind < .95:
        return f"SELECT metric, timestamp, value, SUM(value) OVER (PARTITION BY metric, field, labels ORDER BY timestamp) FROM metrics{where}", False
    return f"SELECT a.host, COUNT(*), SUM(b.most) FROM metrics a JOIN (SELECT host, MAX(value) AS most FROM metrics{where} GROUP BY 1) b ON a.host = b.host GROUP BY 1", False


def ask(sql, vector):
    p = subprocess.run(["at-query", "-f", "ndjson", sql], capture_output=True, text=True, env={**os.environ, "AT_VECTOR": vector})
    return (p.returncode, p.stderr if p.returncode else ""), [list(json.loads(x).values()) for x in p.stdout.splitlines()]


def same(a, b):
    if isinstance(a, (int, float)) and isinstance(b, (int, float)) and not isinstance(a, bool):
        return a == b or math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-9)
    return a == b


def order(row):
    return [f"#{v:.6g}" if isinstance(v, (int, float)) else repr(v) for v in row]


with tempfile.TemporaryDirectory() as d:
    os.environ["AT_STORE"] = d + "/store"
    os.chdir(d)
    for n, late in (4000, 0), (3000, -20000):
        subprocess.run(["at-ingest", "-q"], input="\n".join(rows(n, late)), text=True, check=True)
        if late == 0:
            subprocess.run(["at-admin", "compact", "-q"], check=True)
    agree = differ = columns = 0
    for _ in range(queries):
        sql, ordered = statement()
        (a, x), (b, y) = ask(sql, "0"), ask(sql, "1")
        columns += "over columns" in subprocess.run(["at-query", "EXPLAIN " + sql], capture_output=True, text=True).stdout
        if not ordered:
            x, y = sorted(x, key=order), sorted(y, key=order)
        if a[0] == b[0] and len(x) == len(y) and all(len(p) == len(q) and all(map(same, p, q)) for p, q in zip(x, y)):
            agree += 1
            continue
        differ += 1
        print(sql, "\n  by rows   ", a, x[:4], "\n  by columns", b, y[:4])
    print(f"{agree} the same, {differ} differ, {columns} over columns")
    sys.exit(differ > 0)
