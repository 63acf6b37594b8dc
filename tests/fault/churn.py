#!/usr/bin/env python3
"""Everything at once on one store: writers, a compactor, retention, queries. Nobody waits long, no answer mixes two states,
the file stops growing once retention keeps pace.

    churn.py SECONDS DIR        with the commands on PATH; prints what it saw, exit 1 where a promise was broken

Each writer stores batches in which every "in" has its "out" at the same time, by one user, with the same number: whatever state a
statement sees, the two agree in count, sum, users and funnel. Metric rows with count 1 a second go in beside.
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
        for n in range(r.choice([1, 10, 1000])):
            at, user, x = now - r.randrange(500), f"u{r.randrange(500)}", r.randrange(10**6)
            for name in "in", "out":
                lines.append(json.dumps({"event": name, "timestamp": at, "user_id": user, "properties": {
                    "n": x, "page": f"/p{x % 50}", "note": "x" * (x % 60), "deep": {"a": x % 7}, f"k{x % 300}": x % 2 == 0}}))
        run("ingest", ["at-ingest", "-q"], "\n".join(lines) + "\n")
        run("metrics", ["at-agg", "-s", "-q", "-M", f"m{seed}", "-w", "1s", "-b", "page"], "\n".join(lines) + "\n")


def tidy(seed):
    while time.time() < end and not broken:
        run("compact", ["at-admin", "compact", "-q"])
        run("retain", ["at-admin", "retain", "--yes", "-q", "--before", f"{int(keep * 1000)}ms"])
        sizes.append((time.time() - end + seconds, os.path.getsize(store + "/tenants/default/data.mdb")))
        time.sleep(0.2)


CHECKS = [
    "SELECT (SELECT count(*) FROM events WHERE event = 'in') = (SELECT count(*) FROM events WHERE event = 'out') AS same",
    "SELECT coalesce(sum(CASE event WHEN 'in' THEN n ELSE -n END), 0) = 0 AS same FROM events",
    "SELECT (SELECT count(DISTINCT user_id) FROM events WHERE event = 'in') = (SELECT count(DISTINCT user_id) FROM events WHERE event = 'out') AS same",
    "SELECT count(*) = 0 AS same FROM (SELECT page, sum(event = 'in') AS a, sum(event = 'out') AS b FROM events GROUP BY page) WHERE a <> b",
    "SELECT count(*) = 0 AS same FROM (SELECT deep.a, min(n) FROM events WHERE event = 'in' GROUP BY 1 EXCEPT SELECT deep.a, min(n) FROM events WHERE event = 'out' GROUP BY 1)",
    "SELECT (SELECT max(timestamp) FROM events WHERE event = 'in') IS (SELECT max(timestamp) FROM events WHERE event = 'out') AS same",
    "SELECT coalesce(max(users), 0) = coalesce(min(users), 0) AS same FROM funnel('in,out', '1h')",
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
run("ingest", ["at-ingest", "-q"], '{"event":"in","properties":{"n":0,"page":"/","deep":{"a":0}},"user_id":"u"}\n{"event":"out","properties":{"n":0,"page":"/","deep":{"a":0}},"user_id":"u"}\n')
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
