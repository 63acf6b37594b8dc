#!/usr/bin/env python3
"""Analysts' statements through at-query and DuckDB on the same events: how many answers are right.

usage: statements.py FILE [-v] [-e]     FILE: one statement a line. Prints what differs and "N of M right".
-e: each of them says all about its order, so that rows and their members are the same, and all of them are.
Where DuckDB does not accept a statement, answering it without an error counts, if it has as many rows as expected of its form.
"""
import datetime, decimal, json, os, random, re, subprocess, sys, tempfile

import duckdb

PROPS = ["country", "duration_ms", "page", "revenue", "source"]


def events(n=1500):
    r = random.Random(7)
    t = datetime.datetime(2025, 1, 1) - datetime.timedelta(days=3)
    out = []
    for i in range(n):
        t += datetime.timedelta(milliseconds=r.randrange(1, 900000))
        p = {"page": r.choice(["/", "/home", "/pricing", "/cart"]), "country": r.choice(["CH", "DE", "US", "IN"])}
        if r.random() < .9:
            p["source"] = r.choice(["google", "direct", "news-letter", "42", "good-ads"])
        if r.random() < .8:
            p["duration_ms"] = r.randrange(1, 5000)
        if r.random() < .5:
            p["revenue"] = round(r.uniform(0, 60), 2)
        e = {"event": r.choice(["page_view", "click", "purchase", "user_signup"]), "timestamp": t.isoformat(timespec="milliseconds") + "Z",
             "id": "e%d" % i, "session_id": "s%d" % (i // 7), "properties": p}
        if r.random() < .95:
            e["user_id"] = "u%d" % r.randrange(60)
        out.append(e)
    return out


def ours(store, sql):
    p = subprocess.run(["at-query", "-S", store, "-f", "json", "--now", NOW, "--timeout", "60s", sql], capture_output=True, text=True)
    if p.returncode:
        raise ValueError(p.stderr.strip())
    rows = json.loads(p.stdout)
    rows = rows["data"] if isinstance(rows, dict) else rows
    return [list(r.values()) for r in rows]


def cell(v):
    if isinstance(v, bool):
        v = int(v)
    if isinstance(v, decimal.Decimal):
        v = float(v)
    if isinstance(v, float):
        return "%.9g" % v
    if isinstance(v, int):
        return "%.9g" % v
    if isinstance(v, datetime.datetime):
        return v.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"
    if isinstance(v, datetime.date):
        return v.isoformat()
    if isinstance(v, str):
        if re.match(r"[\[{\"]", v):
            try:
                return cell(json.loads(v))
            except ValueError:
                pass
        if re.match(r"\d{4}-\d\d-\d\dT[\d:.]+$", v):
            return v + "Z"
        return v
    if isinstance(v, (list, tuple)):
        return json.dumps([cell(x) for x in v])
    if isinstance(v, dict):
        return json.dumps({str(k): cell(x) for k, x in v.items()}, sort_keys=True)
    return v


def key(row):
    return json.dumps([cell(v) for v in row], sort_keys=True)


NOW = "2025-01-10T00:00:00Z"
# How an answer is compared where it is not the rows: any rows, so many; a share; nearly.
LOOSE = [(r"uuid\(\)", "shape"), (r"USING SAMPLE", "share"), (r"approx_count|uniq\(", "near"), (r"^EXPLAIN", "any"), (r"LIMIT 1$|LIMIT 5", "count"),
         (r"DISTINCT ON", "first"), (r"string_agg|array_agg|first\(|last\(", "members"), (r"mode\(", "mode")]


def main():
    verbose, exact = "-v" in sys.argv, "-e" in sys.argv
    statements = [s.strip() for s in open(sys.argv[1]) if s.strip()]
    rows = events()
    db = duckdb.connect()
    db.execute("SET TimeZone='UTC'")
    if exact:
        db.execute("SET default_null_order='nulls_first'")     # as SQLite has it
    right = accepted = 0
    with tempfile.TemporaryDirectory() as store:
        subprocess.run(["at-ingest", "-q", "-S", store], input="\n".join(map(json.dumps, rows)), text=True, check=True)
        received = dict(ours(store, "SELECT id, received_at FROM events"))
        db.execute("CREATE TABLE events(event VARCHAR, timestamp TIMESTAMP, received_at TIMESTAMP, id VARCHAR, user_id VARCHAR, session_id VARCHAR,"
                   " properties JSON, country VARCHAR, duration_ms BIGINT, page VARCHAR, revenue DOUBLE, source VARCHAR)")
        db.executemany("INSERT INTO events VALUES (?,?,?,?,?,?,?,?,?,?,?,?)",
                       [[e["event"], e["timestamp"][:-1], received[e["id"]][:-1], e["id"], e.get("user_id"), e["session_id"], json.dumps(e["properties"])] +
                        [e["properties"].get(p) for p in PROPS] for e in rows])
        for sql in statements:
            try:
                for_duck = re.sub(r"(?i)now\(\)|current_timestamp", "TIMESTAMP '%s'" % NOW[:-1], sql)
                if "AT TIME ZONE" in sql:       # our times are instants
                    for_duck = for_duck.replace("timestamp AT", "timestamp::TIMESTAMPTZ AT")
                want = [list(r) for r in db.execute(for_duck).fetchall()]
                accepted += 1
            except Exception as e:
                want, why = None, str(e).split("\n")[0]
            try:
                got = ours(store, sql)
            except ValueError as e:
                print("FAILS  %s\n       %s" % (sql, e))
                continue
            form = "rows" if exact else next((f for pattern, f in LOOSE if re.search(pattern, sql)), "rows")
            if want is None:
                ok = len(got) > 0
                if verbose:
                    print("alone  %s\n       %s\n       %s" % (sql, why, got[:2]))
            elif form == "rows":
                ok = sorted(map(key, got)) == sorted(map(key, want))
            elif form == "near":
                ok = abs(got[0][0] - want[0][0]) <= .05 * want[0][0] + 2
            elif form == "any":
                ok = True
            elif form == "share":
                ok = 0 < len(got) < len(rows)
            elif form == "mode":
                counts = {}
                for e in rows:
                    s = e["properties"].get("source")
                    counts[s] = counts.get(s, 0) + 1
                counts.pop(None, None)
                ok = counts[got[0][0]] == max(counts.values())
            elif form == "members":
                split = lambda x: sorted(map(str, json.loads(x))) if isinstance(x, str) and x[:1] == "[" else sorted(str(x).split(",")) if isinstance(x, str) else sorted(map(str, x)) if x else x
                ok = [split(x) for x in got[0]] == [split(x) for x in want[0]]
            elif form == "first":
                ok = sorted(map(key, got)) == sorted(map(key, want))
            else:
                ok = len(got) == len(want) and all(len(a) == len(b) for a, b in zip(got, want))
            right += ok
            if not ok:
                print("WRONG  %s\n       ours %s … (%d)\n       duck %s … (%d)" % (sql, sorted(map(key, got))[:3], len(got), sorted(map(key, want))[:3] if want is not None else None,
                      len(want) if want is not None else 0))
    print("%d of %d right (DuckDB %s accepts %d)" % (right, len(statements), duckdb.__version__, accepted))
    return 0 if right >= (1 if exact else .93) * len(statements) else 1


sys.exit(main())
