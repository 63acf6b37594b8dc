#!/usr/bin/env python3
"""Everything at once on one store: writers, a compactor, retention, queries. Nobody waits for a writer, no answer mixes two states,
the file stops growing once retention keeps pace, and no read transaction lasts.

    churn.py SECONDS DIR        with the commands on PATH; prints what it saw, exit 1 where a promise was broken

Events say their number, their user and how many their writer made before; metric rows have two values that are the same. Whatever state
a statement sees, and wherever a writer that had to wait committed, its readings, of which it makes two at least, agree, and of no writer
an event is missing between others. One reader takes its rows slower than they are made; one looks at LMDB's table of readers, fifty
times a second. Bounds of time are for the long run (60 s and more): a loaded machine may hold anybody up for a moment.
"""
import datetime, json, os, random, struct, subprocess, sys, tempfile, threading, time

seconds, store = float(sys.argv[1]), sys.argv[2]
long_run = seconds >= 60
keep = max(2, seconds / 20)                     # seconds of history that retention leaves
begun = time.time()
end = begun + seconds
broken, took, sizes, held = [], {}, [], {"longest": 0.0, "looks": 0, "seen": 0}
lock = threading.Lock()
config = tempfile.mkdtemp()
with open(config + "/analytics.json", "w") as f:
    f.write('{"retention":{"metrics":"raw %ds, 1s %ds, 10s"}}' % (keep + 1, max(20, keep + 1)))
os.environ["AT_CONFIG"] = config


def note(what, start):
    with lock:
        took.setdefault(what, []).append(time.time() - start)


def run(what, argv, lines=None):
    """lines: a file of them."""
    with tempfile.NamedTemporaryFile("w", suffix=".ndjson") as f:
        if lines is not None:
            f.write("\n".join(lines) + "\n")
            f.flush()
            argv = argv + [f.name]
        start = time.time()
        p = subprocess.run(argv + ["-S", store], capture_output=True, text=True)
        note(what, start)
    if p.returncode or p.stderr:
        with lock:
            broken.append(f"{what}: exit {p.returncode}: {p.stderr.strip()[:300]}")
    return p.stdout


def write(seed):
    r, made = random.Random(seed), 0
    while time.time() < end and not broken:
        now, lines = int(time.time() * 1000), []
        for _ in range(r.choice([2, 20, 2000])):
            made += 1
            at, user, x = now - r.randrange(500), f"u{r.randrange(500)}", r.randrange(10**6)
            lines.append(json.dumps({"event": r.choice(["in", "out"]), "timestamp": at, "user_id": user, "properties": {
                "n": x, "same": x, "who": user, "writer": seed, "made": made, "page": f"/p{x % 50}", "note": "x" * (x % 60),
                "deep": {"a": x % 7, "b": x % 7}, f"k{x % 300}": x % 2 == 0}}))
        run("ingest", ["at-ingest", "-q"], lines)
        run("metrics", ["at-agg", "-s", "-q", "-M", f"m{seed}", "-w", "1s", "-b", "page"], lines)
        pairs = []
        for i in range(r.choice([2, 200, 20000])):
            at, x = now - 10 * (i % 100), r.randrange(1000)
            pairs.append('{"metric":"pair","timestamp":%d,"labels":{"host":"%d-%d"},"left":%d,"right":%d}' % (at, seed, i // 100, x, x))
        run("pairs", ["at-ingest", "-q"], pairs)


def tidy(seed):
    while time.time() < end and not broken:
        run("compact", ["at-admin", "compact", "-q"])
        run("retain", ["at-admin", "retain", "--yes", "-q", "--before", f"{int(keep * 1000)}ms"])
        sizes.append((time.time() - begun, os.path.getsize(store + "/tenants/default/data.mdb")))
        time.sleep(0.2)


# What retention cuts through is not whole any more: only what is far from being cut is looked at.
FRESH = "timestamp > (SELECT min(timestamp) FROM events WHERE event <> 'always') + INTERVAL 1 SECOND AND event <> 'always'"
CHECKS = [
    "SELECT (SELECT count(*) FROM events WHERE event = 'in') + (SELECT count(*) FROM events WHERE event = 'out') + 1 = (SELECT count(*) FROM events) AS same",
    "SELECT (SELECT coalesce(sum(n), 0) FROM events) = (SELECT coalesce(sum(same), 0) FROM events) AS same",
    "SELECT (SELECT count(DISTINCT user_id) FROM events) = (SELECT count(DISTINCT who) FROM events) AS same",
    "SELECT count(*) = 0 AS same FROM (SELECT page, sum(n), count(*) FROM events GROUP BY page EXCEPT SELECT page, sum(same), count(who) FROM events GROUP BY page)",
    "SELECT count(*) = 0 AS same FROM (SELECT deep.a, min(n) FROM events GROUP BY 1 EXCEPT SELECT deep.b, min(same) FROM events GROUP BY 1)",
    "SELECT (SELECT max(timestamp) FROM events) IS (SELECT max(t) FROM (SELECT event, max(timestamp) AS t FROM events GROUP BY event)) AS same",
    "SELECT (SELECT coalesce(max(users), 0) FROM funnel('in', '1h')) = (SELECT count(DISTINCT who) FROM events WHERE event = 'in') AS same",
    f"SELECT count(*) = 0 AS same FROM (SELECT a.writer, a.most - a.least + 1 AS meant, count(*) AS there FROM (SELECT writer, min(made) AS least, max(made) AS most "
    f"FROM events WHERE {FRESH} GROUP BY 1) a JOIN events e ON e.writer = a.writer AND e.made BETWEEN a.least AND a.most GROUP BY 1, 2) WHERE meant <> there",
    "SELECT count(*) = 0 AS same FROM (SELECT a.page, a.n, b.n FROM (SELECT page, count(*) AS n FROM events GROUP BY 1) a JOIN "
    "(SELECT page, count(who) AS n FROM events GROUP BY 1) b ON a.page = b.page WHERE a.n <> b.n)",
    "SELECT (SELECT count(*) FROM metrics WHERE field = 'left') = (SELECT count(*) FROM metrics WHERE field = 'right') AS same",
    "SELECT (SELECT coalesce(sum(value), 0) FROM metrics WHERE field = 'left') = (SELECT coalesce(sum(value), 0) FROM metrics WHERE field = 'right') AS same",
    "SELECT coalesce(sum(CASE field WHEN 'left' THEN value ELSE -value END), 0) = 0 AS same FROM metrics WHERE metric = 'pair'",
    "SELECT count(*) = 0 AS same FROM (SELECT host, timestamp, value FROM metrics WHERE field = 'left' EXCEPT SELECT host, timestamp, value FROM metrics WHERE field = 'right')",
    "SELECT (SELECT coalesce(sum(value), 0) FROM metric('pair.left', NULL, NULL, '10s')) = (SELECT coalesce(sum(value), 0) FROM metric('pair.right', NULL, NULL, '10s')) AS same",
]


def ask(seed):
    r = random.Random(seed)
    while time.time() < end and not broken:
        sql = r.choice(CHECKS)
        got = run("query %d" % CHECKS.index(sql), ["at-query", "-f", "csv", sql])
        if not broken and got.split() != ["same", "1"]:
            broken.append(f"mixed states: {sql}: {got!r}")


def crawl(seed):
    """All rows, as slowly as somebody pages through them: of one state they are all the same."""
    while time.time() < end - 2 and not broken:
        start = time.time()
        for sql in ("SELECT writer, made, n, same, timestamp FROM events WHERE event <> 'always'",
                    "SELECT host, field, sum(value), count(*) FROM metrics WHERE metric = 'pair' GROUP BY 1, 2 ORDER BY 1, 2"):
            p = subprocess.Popen(["at-query", "-f", "csv", "-S", store, sql], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            rows = [p.stdout.readline()]
            for i, line in enumerate(p.stdout):
                rows.append(line)
                if i % 1000 == 0 and time.time() < start + min(10, seconds / 5):
                    time.sleep(0.05)
            if p.wait() or p.stderr.read():
                broken.append(f"crawl: exit {p.returncode}")
            rows = [row.strip().split(",") for row in rows[1:]]
            if "events" in sql:
                there, fresh, oldest = set(), {}, ""
                for writer, made, a, b, at in sorted(rows, key=lambda row: row[4]):
                    there.add((writer, int(made)))
                    at = at[:23].replace("T", " ")
                    oldest = oldest or str(datetime.datetime.fromisoformat(at) + datetime.timedelta(seconds=1))
                    if at > oldest:                 # before that retention may have been cutting through
                        fresh.setdefault(writer, []).append(int(made))
                    if a != b:
                        broken.append(f"crawl: {a} beside {b}")
                for writer, made in fresh.items():
                    missing = [i for i in range(min(made), max(made)) if (writer, i) not in there]
                    if missing:
                        broken.append(f"crawl: of writer {writer} {min(made)} to {max(made)} are there, but not {missing[:9]}")
            else:
                for left, right in zip(rows[::2], rows[1::2]):
                    if left[0] != right[0] or left[2:] != right[2:]:
                        broken.append(f"crawl: {left} beside {right}")
        note("crawl", start)


def watch(seed):
    """How long does anybody keep a read transaction? LMDB 0.9: 128 bytes of head, 64 a reader: transaction, process."""
    path, since = store + "/tenants/default/lock.mdb", {}
    while time.time() < end and not broken:
        now = time.time()
        try:
            with open(path, "rb") as f:
                table = f.read()
        except OSError:
            continue
        held["looks"] += 1
        there = {}
        for at in range(128, len(table) - 63, 64):
            txn, pid = struct.unpack_from("<QI", table, at)
            if txn != 2**64 - 1 and pid and os.path.exists(f"/proc/{pid}"):
                there[at, txn, pid] = since.get((at, txn, pid), now)
                held["seen"] += 1
                if now - there[at, txn, pid] > held["longest"]:
                    held["longest"] = now - there[at, txn, pid]
                    try:
                        with open(f"/proc/{pid}/cmdline") as f:
                            held["by"] = f.read().replace("\0", " ")[:100]
                    except OSError:
                        pass
        since = there
        time.sleep(0.02)


subprocess.run(["at-admin", "init", "-S", store, "-q"], check=True)
tomorrow = int((time.time() + 86400) * 1000)     # retention leaves one row, so every column is always known
run("ingest", ["at-ingest", "-q"],
    ['{"event":"always","timestamp":%d,"user_id":"u","properties":{"n":0,"same":0,"who":"u","writer":-1,"made":0,"page":"/","deep":{"a":0,"b":0}}}' % tomorrow])
run("pairs", ["at-ingest", "-q"], ['{"metric":"pair","timestamp":%d,"labels":{"host":"-"},"left":0,"right":0}' % tomorrow])
threading.excepthook = lambda e: broken.append(f"{e.exc_type.__name__}: {e.exc_value}")
threads = [threading.Thread(target=f, args=(i,)) for i, f in enumerate([write, write, tidy, ask, ask, crawl, watch])]
for t in threads:
    t.start()
for t in threads:
    t.join()
verify = subprocess.run(["at-admin", "verify", "-S", store], capture_output=True, text=True)
if verify.returncode:
    broken.append("verify: " + verify.stderr.strip()[:500])
quarter = [max((s for at, s in sizes if seconds * q / 4 <= at < seconds * (q + 1) / 4), default=0) for q in range(4)]
if long_run and max(quarter[2:]) > 1.5 * quarter[1]:
    broken.append(f"the file still grows: {quarter} bytes at most in each quarter")
if held["longest"] > (1 if long_run else 20):
    broken.append(f"a read transaction was open for {held['longest']:.2f} s: {held.get('by')}")
for what, all in sorted(took.items()):
    all.sort()
    print(f"{what} {len(all)} times, {all[len(all) // 2]:.3f} s in the middle, {all[len(all) * 99 // 100]:.3f} at p99, {all[-1]:.3f} at most;")
print(f"read transactions: seen {held['seen']} times in {held['looks']} looks, {held['longest']:.3f} s at most; the file, by quarters: {quarter} bytes at most")
for b in broken[:10]:
    print("# broken:", b)
sys.exit(bool(broken))
