#!/usr/bin/env python3
"""Everything at once on one store: writers, a compactor, retention, queries. Nobody waits long, no answer mixes two states,
the file stops growing once retention keeps pace.

    churn.py SECONDS DIR        with the commands on PATH; prints what it saw, exit 1 where a promise was broken

Each row says its number and its user twice, and each statement reads the store at least twice: whatever state it sees, and
wherever a writer that had to wait for its input committed, the readings agree. Metric rows go in beside.
"""
import json, os, random, subprocess, sys, threading, time

seconds, store = float(sys.argv[1]), sys.argv[2]
keep = max(2, seconds / 20)                     # seconds of history that retention leaves
end = time.time() + seconds
broken, longest, counts, sizes = [], {}, {}, []
lock = threading.Lock()


def run(what, argv, text=None):
    start = time.time()
    p = subprocess.run(argv + ["-S", store], input=text, capture_output=True, text=True)
    took = time.time() - start
    with lock:
        counts[what] = counts.get(what, 0) + 1
        longest[what] = max(longest.get(what, 0), took)
        if p.returncode or p.stderr:
            broken.append(f"{what}: exit {p.returncode}: {p.stderr.strip()[:300]}")
    return p.stdout


def write(seed):
    r = random.Random(seed)
    while time.time() < end and not broken:
        now, lines = int(time.time() * 1000), []
        for _ in range(r.choice([2, 20, 2000])):
            at, user, x = now - r.randrange(500), f"u{r.randrange(500)}", r.randrange(10**6)
            lines.append(json.dumps({"event": r.choice(["in", "out"]), "timestamp": at, "user_id": user, "properties": {
                "n": x, "same": x, "who": user, "page": f"/p{x % 50}", "note": "x" * (x % 60), "deep": {"a": x % 7, "b": x % 7},
                f"k{x % 300}": x % 2 == 0}}))
        run("ingest", ["at-ingest", "-q"], "\n".join(lines) + "\n")
        run("metrics", ["at-agg", "-s", "-q", "-M", f"m{seed}", "-w", "1s", "-b", "page"], "\n".join(lines) + "\n")


def tidy(seed):
    while time.time() < end and not broken:
        run("compact", ["at-admin", "compact", "-q"])
        run("retain", ["at-admin", "retain", "--yes", "-q", "--before", f"{int(keep * 1000)}ms"])
        sizes.append((time.time() - end + seconds, os.path.getsize(store + "/tenants/default/data.mdb")))
        time.sleep(0.2)


CHECKS = [
    "SELECT (SELECT count(*) FROM events WHERE event = 'in') + (SELECT count(*) FROM events WHERE event = 'out') = (SELECT count(*) FROM events) AS same",
    "SELECT (SELECT coalesce(sum(n), 0) FROM events) = (SELECT coalesce(sum(same), 0) FROM events) AS same",
    "SELECT (SELECT count(DISTINCT user_id) FROM events) = (SELECT count(DISTINCT who) FROM events) AS same",
    "SELECT count(*) = 0 AS same FROM (SELECT page, sum(n), count(*) FROM events GROUP BY page EXCEPT SELECT page, sum(same), count(who) FROM events GROUP BY page)",
    "SELECT count(*) = 0 AS same FROM (SELECT deep.a, min(n) FROM events GROUP BY 1 EXCEPT SELECT deep.b, min(same) FROM events GROUP BY 1)",
    "SELECT (SELECT max(timestamp) FROM events) IS (SELECT max(t) FROM (SELECT event, max(timestamp) AS t FROM events GROUP BY event)) AS same",
    "SELECT (SELECT coalesce(max(users), 0) FROM funnel('in', '1h')) = (SELECT count(DISTINCT who) FROM events WHERE event = 'in') AS same",
]


def ask(seed):
    r = random.Random(seed)
    while time.time() < end and not broken:
        sql = r.choice(CHECKS)
        got = run("query", ["at-query", "-f", "csv", sql])
        if not broken and got.split() != ["same", "1"]:
            broken.append(f"mixed states: {sql}: {got!r}")
        run("metric", ["at-query", "-f", "csv", "SELECT metric, count(*), sum(value) FROM metrics GROUP BY metric"])


subprocess.run(["at-admin", "init", "-S", store, "-q"], check=True)
tomorrow = int((time.time() + 86400) * 1000)     # retention leaves one row, so every column is always known
run("ingest", ["at-ingest", "-q"],
    f'{{"event":"in","timestamp":{tomorrow},"user_id":"u","properties":{{"n":0,"same":0,"who":"u","page":"/","deep":{{"a":0,"b":0}}}}}}\n')
threading.excepthook = lambda e: broken.append(f"{e.exc_type.__name__}: {e.exc_value}")
threads = [threading.Thread(target=f, args=(i,)) for i, f in enumerate([write, write, tidy, ask, ask])]
for t in threads:
    t.start()
for t in threads:
    t.join()
verify = subprocess.run(["at-admin", "verify", "-S", store], capture_output=True, text=True)
if verify.returncode:
    broken.append("verify: " + verify.stderr.strip()[:500])
half = [s for at, s in sizes if at > seconds / 2]
early = [s for at, s in sizes if seconds / 4 < at <= seconds / 2]
if seconds >= 60 and early and half and max(half) > 1.5 * max(early):
    broken.append(f"the file still grows: {max(early)} bytes in the second quarter, {max(half)} in the second half")
print(" ".join(f"{k} {n} times, {longest[k]:.2f} s at most;" for k, n in sorted(counts.items())), "file", sizes[-1][1] if sizes else "?", "bytes")
for b in broken[:10]:
    print("# broken:", b)
sys.exit(bool(broken))
