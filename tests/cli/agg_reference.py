#!/usr/bin/env python3
"""at-agg against an independent reference: random streams of events (out of order, ties, before 1970), every kind of window,
every aggregate; roll-ups of rows with states; windows kept over restarts; days and weeks of zones; rows under other keys than
an event's own.  agg_reference.py SEED ROUNDS [WHICH…]"""
import json, math, os, random, shutil, subprocess, sys, tempfile
from collections import Counter, defaultdict
from datetime import datetime, timedelta, timezone
from decimal import Decimal, localcontext
from fractions import Fraction
from zoneinfo import ZoneInfo

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def text_of(ms):
    t = EPOCH + timedelta(milliseconds=ms)
    return "%04d-" % t.year + t.strftime("%m-%dT%H:%M:%S.") + "%03dZ" % (ms % 1000)


def at_agg(options, text, fail=False):
    p = subprocess.run(["at-agg"] + options, input=text, capture_output=True, text=True)
    assert p.returncode == 0, (options, p.stderr)
    return p.stdout


# ---------------------------------------------------------------- streams
def a_value(r):
    """a JSON literal, and what it counts as in sums: a Fraction or None"""
    kind = r.randrange(12)
    if kind < 4: lit = str(r.randrange(-50, 2000))
    elif kind < 7: lit = "%.2f" % r.uniform(-100, 1000)
    elif kind == 7: lit = repr(r.uniform(-1, 1) * 10 ** r.randrange(-12, 14))
    elif kind == 8: lit = str(9007199254740993 + r.randrange(9))
    elif kind == 9: return '"%s"' % (lit := "%.1f" % r.uniform(0, 99)), Fraction(Decimal(lit))
    else: return r.choice(["null", '"no number"', "true", '[1,2]', '{"a":1}', '""', '"x\\"y"']), None
    return lit, Fraction(Decimal(lit))


def a_stream(r, n, base, spread, disorder):
    rows, now = [], base
    for i in range(n):
        now += r.choice([0, 0, 1, r.randrange(max(1, spread))])
        t = now - (r.randrange(disorder) if disorder and r.random() < 0.3 else 0)
        row = {"t": t, "k": None, "c": None, "v": None, "number": None}
        parts = ['"event":"e%d"' % r.randrange(2), '"timestamp":"%s"' % text_of(t)]
        props = []
        if r.random() < 0.9:
            row["k"] = r.choice(["x", "y", "z", "\u00e9t\u00e9", 'q"uote', "7", "true"])
            raw = row["k"] if row["k"] in ("7", "true") and r.random() < 0.5 else json.dumps(row["k"], ensure_ascii=r.random() < 0.3)
            row["raw"] = json.dumps(json.loads(raw))
            props.append('"k":%s' % raw)
        if r.random() < 0.5:
            row["c"] = r.choice("ab")
            parts.append('"c":"%s"' % row["c"])
        if r.random() < 0.8:
            row["v"], row["number"] = a_value(r)
            props.append('"v":%s' % row["v"])
        r.shuffle(props)
        parts.append('"properties":{%s}' % ",".join(props))
        r.shuffle(parts)
        row["text"] = "{%s}" % ",".join(parts)
        rows.append(row)
    return rows


# ---------------------------------------------------------------- aggregates
def canonical(lit):
    v = json.loads(lit)
    return json.dumps(float(v) if isinstance(v, (int, float)) and not isinstance(v, bool) and abs(v) < 2 ** 53 else v, sort_keys=True)


def compact(lit):
    return json.loads(lit)


AGGREGATES = ["count", "sum(v)", "avg(v)", "min(v)", "max(v)", "var(v)", "stddev(v)", "p0(v)", "p50(v)", "p99.9(v)", "distinct(v)",
              "topk(k,2)", "first(v)", "last(v)", "rate", "m=max(v)"]


def expect(rows, seconds):
    numbers = sorted(x["number"] for x in rows if x["number"] is not None)
    n, total = len(numbers), sum(numbers, Fraction(0))
    values = [x for x in rows if x["v"] is not None and x["v"] != "null"]
    e = {"count": len(rows), "v_sum": total, "v_avg": total / n if n else None, "v_min": numbers[0] if n else None,
         "v_max": numbers[-1] if n else None, "m": numbers[-1] if n else None}
    var = sum((x - total / n) ** 2 for x in numbers) / (n - 1) if n > 1 else None
    e["v_var"] = var
    e["v_stddev"] = math.sqrt(var) if var is not None else None
    for name, share in ("v_p0", Fraction(0)), ("v_p50", Fraction(1, 2)), ("v_p99.9", Fraction(999, 1000)):
        e[name] = ("about", numbers[min(n - 1, int(share * n))] if n else None)
    e["v_distinct"] = len({canonical(x["v"]) for x in values})
    top = Counter(x["raw"] for x in rows if x["k"] is not None)
    e["k_topk"] = ("top", top)
    e["v_first"] = compact(min(values, key=lambda x: (x["t"], x["i"]))["v"]) if values else None
    e["v_last"] = compact(max(values, key=lambda x: (x["t"], x["i"]))["v"]) if values else None
    if seconds is None:
        seconds = Fraction(max(x["t"] for x in rows) - min(x["t"] for x in rows), 1000)
    e["rate"] = len(rows) / Fraction(seconds) if seconds else None
    return e


def near(got, want, tolerance=4e-16):
    if want is None or got is None:
        return got is None and want is None
    if tolerance < 1e-3 and isinstance(want, Fraction) and want.denominator == 1 and isinstance(got, int):
        return got == want
    return abs(Fraction(got) - Fraction(want)) <= abs(Fraction(want)) * Fraction(tolerance) + Fraction(1, 10 ** 330)


def check_fields(got, want, where):
    for name, value in want.items():
        g = got[name]
        if isinstance(value, tuple) and value[0] == "about":
            ok = near(g, value[1], 0.01)
        elif isinstance(value, tuple):
            least = sorted(value[1].values(), reverse=True)[:2]
            ok = [i["count"] for i in g] == least and all(value[1][json.dumps(i["value"])] == i["count"] for i in g)
        elif name == "v_avg":           # a double, also where the mean is a whole number
            ok = near(g if g is None else float(g), value)
        elif name in ("v_var", "v_stddev"):
            ok = near(g if g is None else float(g), value, 1e-14)
        elif name in ("v_first", "v_last"):
            ok = g == value or isinstance(value, float) and near(g, value)
        else:
            ok = near(g, value)
        assert ok, (where, name, g, value if not isinstance(value, Fraction) else float(value))


# ---------------------------------------------------------------- windows
def key_of(row, by):
    return "{" + ",".join("%s:%s" % (json.dumps(b), json.dumps(row[b], ensure_ascii=False)) for b in by) + "}"


def reference(rows, by, window, late):
    """the rows that come out, in order: (start, key, rows, seconds); and the late ones"""
    out, lost, greatest = [], [], None
    if window[0] in ("all", "count"):
        size = window[1] if window[0] == "count" else len(rows) + 1
        for at in range(0, len(rows), size):
            part = rows[at:at + size]
            groups = defaultdict(list)
            for x in part:
                groups[key_of(x, by)].append(x)
            out += [(min(x["t"] for x in part), k, g, None) for k, g in sorted(groups.items(), key=lambda i: i[0].encode())]
        return out, lost
    if window[0] == "session":
        gap, open_ = window[1], []

        def close(greatest):
            done = [s for s in open_ if greatest is None or max(x["t"] for x in s[1]) + gap + late < greatest]
            for s in done:
                open_.remove(s)
            out.extend(sorted(((min(x["t"] for x in s[1]), s[0], s[1], None) for s in done), key=lambda i: (i[0], i[1].encode())))
        for x in rows:
            k = key_of(x, by)
            mine = [s for s in open_ if s[0] == k and min(y["t"] for y in s[1]) - gap <= x["t"] <= max(y["t"] for y in s[1]) + gap]
            if not mine and greatest is not None and x["t"] + gap + late < greatest:
                lost.append(x)
            else:
                for s in mine:
                    open_.remove(s)
                open_.append((k, sum((s[1] for s in mine), []) + [x]))
            if greatest is None or x["t"] > greatest:
                greatest = x["t"]
            close(greatest)
        close(None)
        return out, lost
    _, size, step = window
    windows = defaultdict(list)
    for x in rows:
        first = (x["t"] - size) // step + 1
        mine = [k for k in range(first, x["t"] // step + 1) if greatest is None or k * step + size + late > greatest]
        if not mine:
            lost.append(x)
        for k in mine:
            windows[k].append(x)
        greatest = x["t"] if greatest is None else max(greatest, x["t"])
    for k in sorted(windows):
        groups = defaultdict(list)
        for x in windows[k]:
            groups[key_of(x, by)].append(x)
        out += [(k * step, key, g, Fraction(size, 1000)) for key, g in sorted(groups.items(), key=lambda i: i[0].encode())]
    return out, lost


def windows_agree(r):
    base = r.choice([0, -5_000_000, 1_795_000_000_000, -62_000_000_000_000, 86_399_000])
    unit = r.choice([50, 1000, 60_000])
    rows = a_stream(r, r.randrange(1, 160), base, unit, r.choice([0, unit * 3, unit * 20]))
    for i, x in enumerate(rows):
        x["i"] = i
    late = r.choice([0, 0, unit * 5, unit * 100])
    by = r.choice([[], ["k"], ["c", "k"], ["c"]])
    kind = r.randrange(6)
    size = unit * r.randrange(1, 12)
    step = max(1, r.choice([size // 2, size // 3, size - unit // 10, size]))
    if kind == 5:               # much overlap
        size, step, kind = unit * r.randrange(16, 300), unit * r.choice([1, 1, 3]), 1
    name, window = [("%dms" % size, ("time", size, size)), ("%dms/%dms" % (size, step), ("time", size, step)), ("session:%dms" % unit, ("session", unit)),
                    ("count:%d" % (n := r.randrange(1, 40)), ("count", n)), ("all", ("all",))][kind]
    want, lost = reference(rows, by, window, late)
    with tempfile.NamedTemporaryFile("r") as kept:
        options = ["-q", "-w", name, "-a", ",".join(AGGREGATES), "-l", "%dms" % late, "--late", kept.name] + (["-b", ",".join(by)] if by else [])
        text = "".join(x["text"] + "\n" for x in rows)
        got = [json.loads(l) for l in at_agg(options, text).splitlines()]
        assert kept.read() == "".join(x["text"] + "\n" for x in lost), (options, "late rows differ")
    where = (options, text)
    order = [(g["timestamp"], json.dumps(g["labels"], ensure_ascii=False, separators=(",", ":"))) for g in got]
    assert order == [(text_of(s), k) for s, k, _, _ in want], (where, order, [(text_of(s), k) for s, k, _, _ in want])
    for g, (start, key, mine, seconds) in zip(got, want):
        check_fields(g, expect(mine, seconds), where + (start, key))


# ---------------------------------------------------------------- roll-ups and restarts
def roll_ups_agree(r):
    rows = a_stream(r, r.randrange(1, 400), r.choice([0, -9_000_000, 1_795_000_000_000]), 20_000, r.choice([0, 100_000]))
    text = "".join(x["text"] + "\n" for x in rows)
    aggs = r.sample([a for a in AGGREGATES if a not in ("count",)], r.randrange(0, 9))
    if r.random() < 0.7:
        aggs.insert(0, "count")
    aggs = ["-a", ",".join(aggs)] if aggs else []
    by = r.choice([[], ["-b", "k"], ["-b", "c,k"]])
    large = r.choice([["-w", "1h"], ["-w", "10m/5m"], ["-w", "30m"], ["-w", "2m"]])
    late = ["-l", "10m", "-q"]
    small = at_agg(["--states", "-w", "1m"] + aggs + by + late, text)
    direct = at_agg(large + aggs + by + late, text)
    assert at_agg(large + late, small) == direct, (large, aggs, by, text)
    assert at_agg(large + aggs + by + late, small) == direct, ("with -a", large, aggs, by, text)
    # two machines, each with a part of the rows
    where = [r.random() < 0.5 for _ in rows]
    parts = [at_agg(["--states", "-w", "1m"] + aggs + by + late, "".join(x["text"] + "\n" for x, w in zip(rows, where) if w == side))
             for side in (False, True)]
    if not any(a.startswith(("first", "last")) for a in (aggs or ["", ""])[1].split(",")):
        assert at_agg(large + ["-l", "9999d", "-q"], parts[0] + parts[1]) == direct, ("two parts", large, aggs, by, text)
        assert at_agg(large + ["-q"], parts[0] + parts[1]) == direct, ("two parts, no lateness", large, aggs, by, text)
    # sessions, of the same gap and of a greater one; they come out as they end, so in another order
    ordered = lambda rows: sorted(rows.splitlines())
    gap = r.choice(["10s", "1m"])
    sessions = ordered(at_agg(["-w", "session:1m"] + aggs + by + late, text))
    whole = at_agg(["--states", "-w", "session:" + gap] + aggs + by + late, text)
    assert ordered(at_agg(["-w", "session:1m", "-q"], whole)) == sessions, ("sessions", gap, aggs, by, text)
    where = [r.random() < 0.5 for _ in rows]
    parts = [at_agg(["--states", "-w", "session:" + gap] + aggs + by + late, "".join(x["text"] + "\n" for x, w in zip(rows, where) if w == side))
             for side in (False, True)]
    if not any(a.startswith(("first", "last")) for a in (aggs or ["", ""])[1].split(",")):
        assert ordered(at_agg(["-w", "session:1m", "-q"], parts[0] + parts[1])) == sessions, ("sessions of two", gap, aggs, by, text)
    # metric rows for one part of the time and events for the rest are one stream
    if aggs:
        cut = r.randrange(len(rows) + 1)
        first = at_agg(["--states", "-w", "1m"] + aggs + by + late, "".join(x["text"] + "\n" for x in rows[:cut]))
        rest = "".join(x["text"] + "\n" for x in rows[cut:])
        got, want = (sorted(t.splitlines()) for t in (at_agg(large + aggs + by + ["-l", "9999d", "-q"], first + rest), direct))
        if not any(a.startswith(("first", "last")) for a in aggs[1].split(",")):
            assert got == want, ("mixed", large, aggs, by, text)


def restarts_agree(r):
    rows = a_stream(r, r.randrange(2, 200), r.choice([0, 1_795_000_000_000]), 20_000, r.choice([0, 100_000]))
    lines = [x["text"] + "\n" for x in rows]
    options = ["-q", "-w", r.choice(["1m", "5m/1m", "40m/1m", "session:10s", "count:7", "all"]), "-a", ",".join(r.sample(AGGREGATES, 6)), "-l", r.choice(["0s", "1m"])]
    options += r.choice([[], ["-b", "k"], ["-b", "c,k"]])
    store = tempfile.mkdtemp()
    try:
        whole = at_agg(options + ["-S", store, "--state", "whole"], "".join(lines))
        cuts = sorted(r.randrange(len(lines) + 1) for _ in range(3))
        parts = "".join(at_agg(options + ["-S", store, "--state", "parts"], "".join(lines[a:b]))
                        for a, b in zip([0] + cuts, cuts + [len(lines)]))
        assert parts == whole, (options, cuts, "".join(lines))
    finally:
        shutil.rmtree(store)


# ---------------------------------------------------------------- days of a zone
ZONES = ["America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia", "America/St_Johns",
         "America/Sao_Paulo", "Asia/Beirut", "America/Havana", "Pacific/Chatham", "Africa/Casablanca", "UTC", "Asia/Kolkata"]
CHANGES = ["2026-03-08", "2026-11-01", "2026-03-29", "2026-10-25", "2018-11-04", "2018-02-18", "2011-12-30", "2026-04-05", "2026-10-04", "1970-01-01",
           "1969-12-31", "2026-01-01", "2024-02-29", "2026-02-15"]


def local_day(ms, zone):
    return (EPOCH + timedelta(milliseconds=ms)).astimezone(zone).toordinal() - EPOCH.toordinal()


def midnight(day, zone):
    """the first moment of a local day; of one that the zone left out, of what came in its place"""
    low, high = (day - 3) * 86_400_000, (day + 3) * 86_400_000
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if local_day(middle, zone) >= day else (middle, high)
    return high


def zones_agree(r):
    name = r.choice(ZONES)
    zone = ZoneInfo(name)
    size, step = r.choice([(1, 1), (1, 1), (7, 7), (2, 2), (7, 1), (14, 7), (3, 3), (2, 1), (14, 14)])
    base = int(datetime.fromisoformat(r.choice(CHANGES) + "T00:00:00+00:00").timestamp() * 1000)
    times = sorted(base + r.choice([r.randrange(-3 * 86_400_000, 3 * 86_400_000), r.randrange(-48, 48) * 3_600_000, r.randrange(-96, 96) * 1_800_000 - 1])
                   for _ in range(r.randrange(1, 40)))
    origin = 4 if step % 7 == 0 else 0
    windows = defaultdict(int)
    for t in times:
        day = local_day(t, zone)
        for k in range((day - origin - size) // step + 1, (day - origin) // step + 1):
            windows[origin + k * step] += 1
    want = []
    for k, n in sorted(windows.items()):
        start, end = midnight(k, zone), midnight(k + size, zone)
        want.append((text_of(start), n, n / Fraction(end - start, 1000)))
    days = lambda n: "%dw" % (n // 7) if n % 7 == 0 and r.random() < 0.5 else "%dd" % n
    options = ["-q", "--tz", name, "-w", days(size) if size == step else days(size) + "/" + days(step), "-a", "count,rate"]
    text = "".join('{"event":"e","timestamp":"%s"}\n' % text_of(t) for t in times)
    got = [json.loads(l) for l in at_agg(options, text).splitlines()]
    assert [(g["timestamp"], g["count"]) for g in got] == [w[:2] for w in want], (options, text, got, want)
    for g, w in zip(got, want):
        assert near(float(g["rate"]), w[2]), (options, text, g, w)


# ---------------------------------------------------------------- numbers at the ends of their range
def root(f):
    with localcontext() as c:
        c.prec, c.Emax, c.Emin = 60, 10 ** 6, -10 ** 6
        return (Decimal(f.numerator) / Decimal(f.denominator)).sqrt()


def ends_agree(r):
    scale = r.choice([0, 150, 153, 154, 155, 200, 290, 307, -150, -155, -170, -300])
    lits = ["%.*fe%d" % (r.randrange(0, 16), r.uniform(-10, 10), scale + r.randrange(-3, 1)) for _ in range(r.randrange(1, 12))]
    if r.random() < 0.2:
        lits = [lits[0]] * len(lits)
    numbers = [Fraction(Decimal(l)) for l in lits]
    n, total = len(numbers), sum(numbers)
    var = sum((x - total / n) ** 2 for x in numbers) / (n - 1) if n > 1 else None
    text = "".join('{"event":"e","timestamp":0,"v":%s}\n' % l for l in lits)
    got = json.loads(at_agg(["-q", "-w", "all", "-a", "var(v),stddev(v),avg(v),min(v),max(v)"], text))
    most, least = Fraction(sys.float_info.max), Fraction(sys.float_info.min)
    for name, want in ("v_avg", total / n), ("v_min", min(numbers)), ("v_max", max(numbers)):
        assert abs(want) > most or near(float(got[name]), want, 4e-16 if abs(want) > least else 1), (name, text, got)
    if var is None or var > most:
        assert got["v_var"] is None, (text, got, var and float(root(var)))
    else:
        assert near(float(got["v_var"]), var, 1e-14) or var < least, (text, got, float(var))
    if var is not None:
        assert near(float(got["v_stddev"]), Fraction(root(var)), 1e-14), (text, got, root(var))


# ---------------------------------------------------------------- rows as they come, and as at-ingest makes them
ALIASES = {"event": ["event", "name", "type"], "user_id": ["user_id", "userId", "distinct_id", "anonymousId", "client_id"],
           "session_id": ["session_id", "sessionId"], "id": ["id", "messageId", "uuid", "event_id"],
           "timestamp": ["timestamp", "ts", "time", "@timestamp", "originalTimestamp"]}


def a_member(r, field, key):
    """what an alias may hold is more than what the field itself may"""
    if field == "timestamp":
        return r.choice(["null", '""', "%d" % r.randrange(10 ** 9), '"%s"' % text_of(r.randrange(10 ** 12))] + ([] if key == field else ["true", "{}"]))
    if field == "event":
        return r.choice(['"a"', '"b"', '"a\\u0020b"'] + ([] if key == field else ["null", "7", '""']))
    return r.choice(['"u1"', '"u2"', '"u\\u0031"', '"7"', "null", '""'] + ([] if key == field else ["[1]", "true"]))


def aliases_agree(r):
    rows = []
    for _ in range(r.randrange(1, 60)):
        row = {k: a_member(r, f, k) for f, keys in ALIASES.items() for k in keys if r.random() < 0.35}
        row["originalTimestamp"] = str(r.randrange(10 ** 9))    # one without a time has that of its arrival
        if "event" not in row:
            row["type"] = '"t"'
        props = {"userId": r.choice(['"u1"', '"u9"', "null", '""']), "user_id": r.choice(['"u1"', '"p"']), "session_id": '"s"', "x": "1"}
        props = {k: v for k, v in props.items() if r.random() < 0.3}
        if props or r.random() < 0.5:
            row["properties"] = "{%s}" % ",".join('"%s":%s' % m for m in props.items())
        members = list(row.items())
        r.shuffle(members)
        rows.append("{%s}" % ",".join('"%s":%s' % m for m in members))
    if r.random() < 0.3:        # rows of one writer, which have one shape
        rows = ([rows[0]] * 100 + [rows[0].replace("u1", "u2")] * 100 + [rows[0].replace('"u1"', '""')] * 50 + [rows[0].replace('"u1"', "null")] * 50)
    by = r.sample(["user_id", "session_id", "event", "id"], r.randrange(0, 3))
    options = ["-q", "-w", r.choice(["all", "365d"]), "-l", "20000d", "-a", "count,distinct(user_id),distinct(id),topk(event,3),first(session_id),last(user_id)"]
    text = "".join(x + "\n" for x in rows)
    options += ["-b", ",".join(by)] if by else []
    p = subprocess.run(["at-ingest", "-nq"], input=text, capture_output=True, text=True)
    assert p.returncode == 0 and p.stdout.count("\n") == len(rows), (text, p.stderr)
    got, want = ([json.loads(l) for l in at_agg(options, t).splitlines()] for t in (text, p.stdout))
    assert got == want, (options, text, p.stdout, got, want)


if __name__ == "__main__":
    seed, rounds = int(sys.argv[1]), int(sys.argv[2])
    which = sys.argv[3:] or ["windows", "roll_ups", "restarts", "zones", "ends", "aliases"]
    for i in range(seed, seed + rounds):
        for name in which:
            try:
                globals()[name + "_agree"](random.Random("%s %d" % (name, i)))
            except AssertionError as e:
                sys.exit("%s, seed %d: %s" % (name, i, "\n".join(map(str, e.args[0])) if e.args and isinstance(e.args[0], tuple) else e))
