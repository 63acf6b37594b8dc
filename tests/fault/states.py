#!/usr/bin/env python3
"""Pairs that always agree, and statements that would tell if they did not.

    states.py SECONDS DIR       with the commands on PATH; prints how often what was asked, exit 1 where an answer is of two states

Each transaction adds events a and b and samples of metrics ma, mb, ca and cb, as many of each, with the same users, numbers and times. Others seal
and merge what is there. Each statement reads several of them, each twice or by different ways, over columns and row by row,
with much memory and with so little that what is held lies in temporary files: whichever state it sees, all counts are the same.
"""
import os, random, subprocess, sys, tempfile, threading, time

seconds, store = float(sys.argv[1]), sys.argv[2]
config = tempfile.TemporaryDirectory()
with open(config.name + "/analytics.json", "w") as f:
    f.write('{"retention":{"metrics":"raw 30d, 1s 60d, 10s"},"metrics":{"bought":{"event":"a","value":"count"}}}')
os.environ.update(AT_CONFIG=config.name, AT_STORE=store)
base = int(time.time()) * 1000 - 86400000
n_a, n_b = "(SELECT count(*) FROM events WHERE event = 'a')", "(SELECT count(*) FROM events WHERE event = 'b')"
n_ma, n_mb = "(SELECT count(*) FROM metrics WHERE metric = 'ma')", "(SELECT count(*) FROM metrics WHERE metric = 'mb')"
same = {
    "events twice": f"{n_a} = {n_b}",
    "samples twice": f"{n_ma} = {n_mb}",
    "events beside samples": f"{n_a} = {n_ma} AND {n_mb} = {n_b}",
    "samples beside events": f"{n_ma} = {n_a} AND {n_b} = {n_mb}",
    "self join": f"(SELECT count(*) FROM events x JOIN events y ON x.n = y.n WHERE x.event = 'a' AND y.event = 'b') = {n_a}",
    "self join of samples": f"(SELECT count(*) FROM metrics x JOIN metrics y ON x.timestamp = y.timestamp WHERE x.metric = 'ma' AND y.metric = 'mb') = {n_ma}",
    "events joined with samples": f"(SELECT count(*) FROM metrics m JOIN events e ON m.timestamp = e.timestamp WHERE m.metric = 'ma' AND e.event = 'a') = {n_mb}",
    "no sample is alone": "(SELECT count(*) FROM events e LEFT JOIN metrics m ON m.timestamp = e.timestamp AND m.metric = 'ma' WHERE e.event = 'b' AND m.metric IS NULL) = 0",
    "CTE twice": "(WITH e AS (SELECT event, n FROM events) SELECT (SELECT count(*) FROM e WHERE event = 'a') = (SELECT count(*) FROM e WHERE event = 'b'))",
    "CTE of samples twice": "(WITH m AS (SELECT metric, value FROM metrics) SELECT (SELECT sum(value) FROM m WHERE metric = 'ma') = (SELECT sum(value) FROM m WHERE metric = 'mb'))",
    "CTE made once": "(WITH m AS MATERIALIZED (SELECT metric, count(*) AS n FROM metrics WHERE metric <> 'fill' GROUP BY 1), e AS MATERIALIZED (SELECT event, count(*) AS n FROM events GROUP BY 1) "
        "SELECT count(DISTINCT n) = 1 FROM (SELECT n FROM m UNION ALL SELECT n FROM e))",
    "UNION": "(SELECT count(DISTINCT c) = 1 FROM (SELECT count(*) AS c FROM events WHERE event = 'a' UNION ALL SELECT count(*) FROM metrics WHERE metric = 'mb' "
        "UNION ALL SELECT count(*) FROM events WHERE event = 'b' UNION ALL SELECT count(*) FROM metrics WHERE metric = 'ma'))",
    "EXCEPT": "(SELECT count(*) = 0 FROM (SELECT timestamp, n FROM events WHERE event = 'a' EXCEPT SELECT timestamp, value FROM metrics WHERE metric = 'mb'))",
    "NOT IN": "(SELECT count(*) = 0 FROM events WHERE event = 'a' AND n NOT IN (SELECT n FROM events WHERE event = 'b'))",
    "NOT IN of samples": "(SELECT count(*) = 0 FROM metrics WHERE metric = 'mb' AND timestamp NOT IN (SELECT timestamp FROM metrics WHERE metric = 'ma'))",
    "EXISTS": "(SELECT count(*) = 0 FROM events e WHERE event = 'b' AND NOT EXISTS (SELECT 1 FROM events f WHERE f.n = e.n AND f.event = 'a'))",
    "groups joined": "(SELECT count(*) = 0 FROM (SELECT user_id, count(*) AS n FROM events WHERE event = 'a' GROUP BY 1) x JOIN "
        "(SELECT user_id, count(*) AS n FROM events WHERE event = 'b' GROUP BY 1) y ON x.user_id = y.user_id WHERE x.n <> y.n)",
    "groups of samples joined": "(SELECT count(*) = 0 FROM (SELECT host, count(*) AS n FROM metrics WHERE metric = 'ma' GROUP BY 1) x JOIN "
        "(SELECT user_id, count(*) AS n FROM events WHERE event = 'b' GROUP BY 1) y ON x.host = y.user_id WHERE x.n <> y.n)",
    "funnel beside events": "(SELECT max(users) FROM funnel('a,b', '30d')) = (SELECT count(DISTINCT user_id) FROM events WHERE event = 'b')",
    "sessions beside events": f"(SELECT sum(events) FROM sessions('30d')) = {n_a} + {n_b}",
    "retention beside events": "(SELECT sum(size) FROM (SELECT DISTINCT cohort, size FROM retention('a', 'b'))) = (SELECT count(DISTINCT user_id) FROM events WHERE event = 'b')",
    "paths beside events": "(SELECT sum(count) FROM paths('a', 2) WHERE depth = 1) <= " + n_b,
    "matches beside events": "(SELECT count(*) FROM match('a')) = " + n_b,
    "roll-ups beside samples": f"(SELECT sum(value) FROM metric('ca', NULL, NULL, '10s')) = (SELECT sum(value) FROM metrics WHERE metric = 'cb') AND {n_a} = {n_mb}",
    "roll-ups twice": "(SELECT sum(value) FROM metric('ca', NULL, NULL, '1m')) = (SELECT sum(value) FROM metric('cb', NULL, NULL, '1s'))",
    "metric of events beside events": f"(SELECT sum(value) FROM metric('a', NULL, NULL, '1h')) = {n_b}",
    "defined metric beside samples": f"(SELECT sum(value) FROM metric('bought', NULL, NULL, '1m')) = {n_mb}",
    "roll-ups beside events": f"(SELECT sum(value) FROM metric('ca', NULL, 'host', '1h')) = {n_b}",
    "metric of events beside roll-ups": "(SELECT sum(value) FROM metric('bought', NULL, NULL, '1h')) = (SELECT sum(value) FROM metric('cb', NULL, NULL, '1m'))",
    "schema": "(SELECT count(DISTINCT count) = 1 FROM schema() WHERE kind IN ('event', 'metric') AND name <> 'fill')",
    "schema beside events": f"(SELECT max(count) FROM schema() WHERE kind = 'event') = {n_a}",
    "days between": f"(SELECT count(*) FROM generate_series(1, 3) g, metrics m WHERE m.metric = 'ma') = 3 * {n_b}",
    "window": "(SELECT count(*) = 0 FROM (SELECT n, count(*) OVER (PARTITION BY n) AS c FROM events) WHERE c <> 2)",
    "names in quotes": 'SELECT count(*) FROM "Metrics" WHERE metric = \'ma\'',
}
same["names in quotes"] = f"({same['names in quotes']}) = {n_a}"
ways = [{}, {"AT_VECTOR": "0"}, {"memory": "8M"}, {"AT_VECTOR": "0", "memory": "8M"}, {"AT_THREADS": "1"}]
broken, asked, lock, answered = [], {}, threading.Lock(), threading.Event()


def run(argv, **more):
    p = subprocess.run(argv, capture_output=True, text=True, **more)
    if p.returncode or p.stderr:
        broken.append(f"{' '.join(argv)[:80]}: exit {p.returncode}: {p.stderr.strip()[:500]}")
    return p.stdout


def add(r, first, size):
    """A transaction: a pair is a row of each kind at a time of its own. The first one has samples besides that are more than lies in little memory."""
    lines = [] if first else ['{"metric":"fill","timestamp":%d,"value":%r}' % (base + i, r.random()) for i in range(300000)]
    for i in range(first, first + size):
        at, user, x = base + i * 7, f"u{i % 50}", r.randrange(10**9)
        for e in "ab":
            lines.append('{"event":"%s","timestamp":%d,"user_id":"%s","properties":{"n":%d}}' % (e, at, user, i))
            lines.append('{"metric":"m%s","timestamp":%d,"labels":{"host":"%s"},"value":%d}' % (e, at, user, i))
            lines.append('{"metric":"c%s","timestamp":%d,"labels":{"host":"%s"},"count":1}' % (e, at, user))
    with tempfile.NamedTemporaryFile("w", suffix=".ndjson") as f:
        f.write("\n".join(lines) + "\n")
        f.flush()
        run(["at-ingest", "-q", f.name])
    return first + size


def write(n):
    r = random.Random(1)
    while not answered.is_set() and not broken:
        n = add(r, n, r.choice([1, 5, 50]) if n < 3000 else 1)
        time.sleep(0.1 if n > 3000 else 0)      # what joins row by row looks at grows by the square


def tidy():
    while not answered.wait(0.2) and not broken:
        run(["at-admin", "compact", "-q"])


def ask(seed):
    """All of them at least once, some at a time, and in each way."""
    r = random.Random(seed)
    left, rounds, end = [], 0, time.time() + seconds
    while (time.time() < end or rounds < 5) and not broken:
        way = dict(ways[rounds % len(ways)])
        memory = way.pop("memory", None)
        rounds += 1
        left = left or r.sample(sorted(same), len(same))
        names, left = left[:8], left[8:]
        got = run(["at-query", "-f", "csv"] + (["--max-memory", memory] if memory else []), env={**os.environ, **way},
                  input="".join(f"SELECT '{name}', {same[name]};\n" for name in names))
        told = dict(line.rsplit(",", 1) for line in got.splitlines()[1:] if line.rsplit(",", 1)[0].strip('"') in same)
        with lock:
            for name in names:
                asked[name] = asked.get(name, 0) + 1
                if told.get(name) != "1" and not broken:
                    broken.append(f"{name}, {way}, memory {memory}: {told.get(name)!r}")


run(["at-admin", "init", "-q"])
n = add(random.Random(0), 0, 300)
threads = [threading.Thread(target=f, args=a) for f, a in [(write, (n,)), (tidy, ()), (ask, (1,)), (ask, (2,))]]
threading.excepthook = lambda e: broken.append(f"{e.exc_type.__name__}: {e.exc_value}")
for t in threads:
    t.start()
for t in threads[2:]:
    t.join()
answered.set()
for t in threads[:2]:
    t.join()
run(["at-admin", "verify", "-q"])
print(sum(asked.values()), "answers to", len(asked), "of", len(same), "statements")
for b in broken[:5]:
    print("# broken:", b)
sys.exit(bool(broken))
