#!/usr/bin/env python3
"""Metrics over events that are kept equal those computed anew, to the row, whatever happens to the events.

    kept.py SEED ROUNDS     with the commands on PATH, in an empty folder, AT_STORE set; exit 1 where two answers differ

Each round something happens to the store (events in order, late ones, duplicates, many small commits, compaction, retention, a reader
that is killed), then questions are asked: as kept, once more (what the first made is taken now), and with AT_KEPT=0. Counts are also
compared with SQL, aggregates with at-agg over the events themselves.
"""
import json, os, random, signal, subprocess, sys, time

seed, rounds = int(sys.argv[1]), int(sys.argv[2])
r = random.Random(seed)
DAY = 86400000
BEGIN = 1794787200000 if seed % 5 else -200 * DAY       # 2026-11-16; sometimes when zones were odd
METRICS = {
    "buys": {"event": "buy"},
    "all": {},
    "revenue": {"event": "buy", "value": "sum(revenue)"},
    "dear": {"event": ["buy", "refund"], "where": ".properties.revenue > 10", "value": "avg(revenue)"},
    "p95": {"event": "view", "value": "p95(ms)"},
    "users": {"value": "distinct(user_id)"},
    "spread": {"event": "view", "value": "stddev(ms)"},
    "least": {"event": "buy", "value": "least=min(revenue)"},
    "greatest": {"event": "buy", "value": "max(revenue)"},
    "newest": {"event": "buy", "value": "last(revenue)"},
    "child": {"event": "buy", "where": "[.properties.revenue] | add > 10", "value": "sum(revenue)"},
}
os.makedirs("config", exist_ok=True)
json.dump({"metrics": METRICS}, open("config/analytics.json", "w"))
now = BEGIN


def run(argv, text=None, kept=None):
    env = dict(os.environ)
    if kept is not None:
        env["AT_KEPT"] = kept
    p = subprocess.run(argv, input=text, capture_output=True, text=True, env=env)
    if "no metric" in p.stderr:                     # retention left none of that name
        return ""
    if p.returncode:
        print(" ".join(argv), "\n", p.stderr, file=sys.stderr)
        sys.exit(1)
    return p.stdout


def iso(t):
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(t // 1000)) + f".{t % 1000:03}Z"


def event(t):
    p = {"source": r.choice(["google", "direct", "märz", "a\"b"]), "n": r.choice([1, 1.0, "1", True, None, 2.5, 10**15]), "page": f"/p{r.randrange(3000)}"}
    if r.random() < 0.1:
        del p["source"]
    if r.random() < 0.1:
        p["deep"] = {"a": r.randrange(3)}
    if r.random() < 0.9:
        p["revenue"] = r.choice([r.randrange(-50, 100), round(r.uniform(-5, 50), 2), "12.5", "x", 0.1])
    p["ms"] = int(r.lognormvariate(7, 1))
    e = {"event": r.choices(["view", "buy", "refund"], [8, 3, 1])[0], "timestamp": iso(t), "user_id": f"u{r.randrange(300)}", "properties": p}
    if r.random() < 0.05:
        del e["user_id"]
    return json.dumps(e)


def ingest(n, late):
    global now
    lines = []
    for _ in range(n):
        now += r.randrange(0, 20 * 60000000 // n)
        lines.append(event(now - (r.randrange(0, 3 * DAY) if r.random() < late else 0)))
    run(["at-ingest", "-q"], "\n".join(lines) + "\n")


def happen():
    what = r.randrange(8)
    if what < 4:
        ingest(r.choice([30, 5000, 9000]), r.choice([0, 0.02, 0.5]))
    elif what == 4:
        for _ in range(5):
            ingest(r.choice([1, 20, 400]), 0.1)
    elif what == 5:
        run(["at-admin", "compact", "-q"])
    elif what == 6:
        run(["at-admin", "retain", "--yes", "-q", "--before", iso(now - r.randrange(2 * DAY, 10 * DAY))])
    else:
        p = subprocess.Popen(["at-query", "metric", r.choice(list(METRICS)), "--by", "source"], stdout=subprocess.DEVNULL)
        time.sleep(r.random() * 0.02)
        p.send_signal(signal.SIGKILL)
        p.wait()
    return what


def differ(question, a, b, other):
    a, b = sorted(a), sorted(b)
    if a == b:
        return
    print(f"seed {seed}: {' '.join(question)}: kept and {other} differ", file=sys.stderr)
    for x in sorted(set(a) - set(b))[:5]:
        print("  kept ", x, file=sys.stderr)
    for x in sorted(set(b) - set(a))[:5]:
        print("  other", x, file=sys.stderr)
    sys.exit(1)


def ask():
    name = r.choice(list(METRICS) + ["view", "refunds"])
    counts = "value" not in METRICS.get(name, {})
    by = r.choice(["", "source", "source", "n", "source,deep.a", "event", "page", "user_id,source"] if counts else ["", "source", "source,event"])
    many = "page" in by or "user_id" in by          # a bucket without any is a row as well: few buckets for many series
    every = r.choice(["", "6h", "1d", "7d"] if many else ["", "1m", "7m", "1h", "6h", "1d", "7d", "90s"])
    zone = r.choice(["UTC", "UTC", "Asia/Kolkata", "America/New_York", "Africa/Monrovia"])
    question = ["at-query", "metric", name, "-f", "ndjson", "--tz", zone, "--now", iso(now + 1)]
    ranged = r.random() < 0.7
    if ranged and not many and counts and r.random() < 0.1:
        every = "1s"
    if ranged:
        question += ["--range", f"{61 if every == '1s' else r.choice([61, 3600, 90000, 7 * 86400, 5 * DAY // 1000 + 17])}s"]
    if by:
        question += ["--by", by]
    if every:
        question += ["--every", every]
    fresh = run(question, kept="0").splitlines()
    differ(question, run(question).splitlines(), fresh, "fresh")
    differ(question, run(question).splitlines(), fresh, "fresh")
    if ranged or zone != "UTC" or every not in ("1m", "1h", "6h", "1d") or "where" in METRICS.get(name, {}) or "deep" in by or "user_id" in by:
        return
    names = METRICS.get(name, {}).get("event", {"view": "view", "refunds": "refund"}.get(name))
    if counts:
        keys = ["t"] + [k for k in by.split(",") if k]
        sql = run(["at-query", "-f", "ndjson", f"SELECT TIME_BUCKET('{every}', timestamp) AS t, {', '.join(keys[1:] + [''])} COUNT(*) AS x FROM events "
                   f"{'WHERE event = ' + repr(names) if names else ''} GROUP BY {', '.join(keys)}"])
        got = [json.loads(x) for x in fresh]
        differ(question, [str([g["timestamp"]] + [g.get("labels", {}).get(k) for k in keys[1:]] + [g["value"]]) for g in got if g["value"]],
               [str([g["t"]] + [g[k] for k in keys[1:]] + [g["x"]]) for g in map(json.loads, sql.splitlines())], "SQL")
    else:
        rows = run(["at-query", "-f", "ndjson", "SELECT event, timestamp, user_id, properties FROM events ORDER BY timestamp" if not names else
                    f"SELECT event, timestamp, user_id, properties FROM events WHERE event = {names!r} ORDER BY timestamp"])
        events = "".join(json.dumps({**json.loads(x), "properties": json.loads(json.loads(x)["properties"])}) + "\n" if isinstance(json.loads(x)["properties"], str)
                         else x + "\n" for x in rows.splitlines())
        agg = [json.loads(x) for x in run(["at-agg", "-q", "-w", every, "-b", by, "-l", "9999d", "-a", METRICS[name]["value"]], events).splitlines()]
        skip = ("metric", "timestamp", "window", "labels")
        want = [[a["timestamp"], a.get("labels", {}), *[v for k, v in a.items() if k not in skip]] for a in agg]
        got = [[g["timestamp"], g.get("labels", {}), g["value"]] for g in map(json.loads, fresh)]
        zero = METRICS[name]["value"].startswith("sum")
        differ(question, [json.dumps(g) for g in got if not (zero and g[2] == 0)],
               [json.dumps(w) for w in want if isinstance(w[2], (int, float)) and not (zero and w[2] == 0)], "at-agg")


ingest(6000, 0.02)
for i in range(rounds):
    happen()
    for _ in range(6):
        ask()
print(run(["at-admin", "verify"]).strip())
