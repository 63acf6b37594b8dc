#!/usr/bin/env python3
"""at-agg against an independent reference: random streams of events (out of order, ties, before 1970), every kind of window,
every aggregate; roll-ups of rows with states; and windows kept over restarts.  agg_reference.py SEED ROUNDS"""
import json, math, os, random, shutil, subprocess, sys, tempfile
from collections import Counter, defaultdict
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from fractions import Fraction

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


if __name__ == "__main__":
    seed, rounds = int(sys.argv[1]), int(sys.argv[2])
    which = sys.argv[3:] or ["windows", "roll_ups", "restarts"]
    for i in range(seed, seed + rounds):
        for name in which:
            try:
                globals()[name + "_agree"](random.Random("%s %d" % (name, i)))
            except AssertionError as e:
                sys.exit("%s, seed %d: %s" % (name, i, "\n".join(map(str, e.args[0])) if e.args and isinstance(e.args[0], tuple) else e))
