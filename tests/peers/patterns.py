#!/usr/bin/env python3
"""Random patterns over random events: at-detect -p against a plain reference that tries each start by itself.

    patterns.py [ROUNDS [SEED]]         prints what differs and ends with 1 when something does

The reference knows nothing of streams: for each key it takes the events from the first to the last as a start, follows the
rules of pattern.h one event at a time to a match or an end, and goes on where the skip clause says. A round is a stream of events
and some patterns over it: as it lies, with late rows, put in order by -l, or cut into several runs that go on by --state.
"""
import datetime, json, operator, random, subprocess, sys, tempfile

NAMES = "abcd"
PATTERNS = 8                            # of a round
FAR = 5000                              # when all bounds are over
OPS = {">": operator.gt, "<": operator.lt, ">=": operator.ge, "<=": operator.le, "==": operator.eq, "!=": operator.ne}


def a_condition(r, steps):
    """None, [x, op, number], or [x, op, step]: that step's last event is compared with."""
    k = r.random()
    named = [i for i, s in enumerate(steps) if s["name"]]
    if k < 0.15 and named:
        return ["$", r.choice(list(OPS)), r.choice(named)]
    return ["x", r.choice(list(OPS)), r.randint(1, 6)] if k < 0.4 else None


def a_pattern(r, bounded):
    steps, gaps = [], r.random() < 0.4
    n = r.choice([1, 2, 2, 3, 3, 3, 4, 4, 5])
    for i in range(n):
        s = {"any": [], "min": 1, "max": 1, "strict": i > 0 and r.random() < 0.25, "absent": False, "reluctant": False, "name": None, "near": None}
        for _ in range(r.choice([1, 1, 1, 2, 3])):
            s["any"].append((r.choice(NAMES), a_condition(r, steps)))
        if i and r.random() < 0.25:
            s["absent"] = True
        elif r.random() < 0.5:
            s["min"], s["max"] = r.choice([(0, 1), (0, None), (1, None), (2, 2), (1, 3), (2, None), (0, 2)])
            s["reluctant"] = r.random() < 0.4
        if i and gaps and not s["absent"] and r.random() < 0.5:
            s["near"] = r.choice([1, 3, 6, 10])
        if not s["absent"] and r.random() < 0.4:
            s["name"] = "S%d" % i
        steps.append(s)
    p = {"steps": steps, "within": r.choice([None, 0.5, 5, 10, 30]), "skip": r.choice(["past-last", "to-next", "to-last"]),
         "by": r.choice([[], ["user_id"], ["user_id", "x"], ["properties.x"], ["y", "user_id"]])}
    if (steps[-1]["absent"] or bounded) and p["within"] is None:
        p["within"] = 7
    if not any(not s["absent"] and s["min"] for s in steps):
        steps[0]["min"], steps[0]["max"] = 1, 1
    named = [i for i, s in enumerate(steps) if s["name"] or (len(s["any"]) == 1 and not s["absent"] and
             sum(len(t["any"]) == 1 and not t["name"] and t["any"][0][0] == s["any"][0][0] for t in steps) == 1)]
    if p["skip"] == "to-last":
        if named:
            p["to"] = r.choice(named)
        else:
            p["skip"] = "past-last"
    return p


def condition_text(w, r):
    if w is None:
        return ""
    x = r.choice([".properties.x", '.properties["x"]', "(.properties | .x)"])
    if w[0] == "$":
        return "[%s %s $S%d.properties.x]" % (x, w[1], w[2])
    return r.choice(["[%s %s %d]", "[ %s %s %d ]", "[%s %s %d and .event != \"]\"]"]) % (x, w[1], w[2])


def text_of(p, r):
    out, blank = "", lambda: r.choice(["", " "])
    for i, s in enumerate(p["steps"]):
        if i:
            out += blank() + (">>" if s["strict"] else "->") + blank()
        out += " within %s " % r.choice(["%ds" % s["near"], "%dms" % (1000 * s["near"])]) if s["near"] else ""
        out += "!" + blank() if s["absent"] else ""
        out += s["name"] + blank() + ":" + blank() if s["name"] else ""
        atoms = [(n if r.random() < 0.9 else '"%s"' % n) + condition_text(w, r) for n, w in s["any"]]
        out += atoms[0] if len(atoms) == 1 and r.random() < 0.9 else "(" + blank() + r.choice([" | ", "|"]).join(atoms) + blank() + ")"
        lo, hi = s["min"], s["max"]
        if (lo, hi) != (1, 1):
            out += {(0, 1): "?", (0, None): "*", (1, None): "+"}.get((lo, hi)) or ("{%d}" % lo if lo == hi else "{%d,}" % lo if hi is None else "{%d,%d}" % (lo, hi))
            out += "?" if s["reluctant"] else ""
    tail = []
    if p["within"] is not None:
        tail.append(" within %dms" % (1000 * p["within"]))
    if p["by"]:
        tail.append(" by " + ",".join(p["by"]))
    if p["skip"] == "to-last":
        s = p["steps"][p["to"]]
        tail.append(" skip to-last " + (s["name"] or s["any"][0][0]))
    elif p["skip"] == "to-next" or r.random() < 0.3:
        tail.append(" skip " + p["skip"])
    r.shuffle(tail)
    return out + "".join(tail)


def holds(w, e, last):
    x = e["properties"]["x"]
    if w is None:
        return True
    if w[0] == "x":
        return OPS[w[1]](x, w[2])
    other = last(w[2])
    if other is None:                   # null is less than every number
        return w[1] in (">", ">=", "!=")
    return OPS[w[1]](x, other["properties"]["x"])


def follow(p, events, start, clock):
    """One try that begins at events[start]: (what, taken, step of each, time) or None."""
    steps, taken, at = p["steps"], [], []

    def last(step):
        return next((events[i] for i, s in zip(reversed(taken), reversed(at)) if s == step), None)

    def fits(i, e):
        return any(e["event"] == n and holds(w, e, last) for n, w in steps[i]["any"])

    def in_time(s, e):
        return s["near"] is None or not taken or e["t"] - events[taken[-1]]["t"] <= s["near"]

    def ways(i):
        """Steps from i on that the next event may be for, in the order of preference: a reluctant one that may be missing comes last."""
        if i == len(steps):
            return []
        if steps[i]["absent"]:
            return [i] + ways(i + 1)
        if steps[i]["min"]:
            return [i]
        return ways(i + 1) + [i] if steps[i]["reluctant"] else [i] + ways(i + 1)

    def is_near(i, gap):
        return i == 0 or not steps[i]["strict"] or not gap

    def following(step, gap, e):
        """The step that takes the event; 'x' for what must not come; None."""
        for i in ways(step + 1):
            if is_near(i, gap) and (steps[i]["absent"] or in_time(steps[i], e)) and fits(i, e):
                return "x" if steps[i]["absent"] else i
        return None

    def fulfilled(step):
        """Nothing that must come is left: 'now', or 'wait' when the end is an absence."""
        if any(not s["absent"] and s["min"] for s in steps[step + 1:]):
            return None
        return "wait" if steps[-1]["absent"] else "now"

    first = following(-1, False, events[start])
    if first in (None, "x"):
        return None
    step, count, gap, waiting, i = first, 1, False, False, start
    taken.append(start), at.append(step)
    limit = None if p["within"] is None else events[start]["t"] + p["within"]
    while True:
        if not waiting and count >= steps[step]["min"]:
            state = fulfilled(step)
            if state == "now":
                return "match", taken, at, events[i]["t"]
            waiting = state == "wait"
        i += 1
        if i >= len(events) or (limit is not None and events[i]["t"] > limit):
            if limit is None or clock <= limit:
                return None
            return "match" if waiting else "timeout", taken, at, limit
        e, s = events[i], steps[step]
        if waiting:
            if any(t["absent"] and is_near(step + 1 + n, gap) and fits(step + 1 + n, e) for n, t in enumerate(steps[step + 1:])):
                return None
            gap = True
            continue
        nxt = following(step, gap, e) if count >= s["min"] else None
        if nxt == "x":
            return None
        more = (s["max"] is None or count < s["max"]) and (step == 0 or in_time(s, e))
        strict = s["strict"] and step > 0
        again = more and not (strict and gap) and fits(step, e)
        if again and (nxt is None or not s["reluctant"]):
            count, gap = count + 1, False
        elif nxt is not None:
            step, count, gap = nxt, 1, False
        else:
            gap = True
            later = count >= s["min"] and any(not steps[n]["absent"] and (n == 0 or not steps[n]["strict"]) and in_time(steps[n], e) for n in ways(step + 1))
            if not (later or (more and not strict)):
                return None
            continue
        taken.append(i), at.append(step)


def field(e, f):
    return e["properties"].get(f.split(".")[-1]) if f in ("x", "y", "properties.x") else e.get(f)


def reference(p, events, timeouts):
    keys, clock, out = {}, max(e["t"] for e in events), []
    for e in events:
        k = [(f, field(e, f)) for f in p["by"]]
        if all(v is not None for _, v in k):
            keys.setdefault(json.dumps(dict(k)), []).append(e)
    for key, own in keys.items():
        start = 0
        while start < len(own):
            m = follow(p, own, start, clock)
            if m is None or m[0] == "timeout":
                if m and timeouts:
                    out.append(("timeout", key, [own[i]["id"] for i in m[1]], m[3]))
                start += 1
                continue
            _, taken, at, t = m
            out.append(("match", key, [own[i]["id"] for i in taken], t))
            if p["skip"] == "past-last":
                start = taken[-1] + 1
            elif p["skip"] == "to-next":
                start += 1
            else:
                last = [i for i, s in zip(taken, at) if s == p["to"]]
                start = max(start + 1, last[-1] if last else 0)
    return sorted(out)


# ---- streams
def a_stream(r):
    t, events = 0, []
    for i in range(r.randint(1, 60)):
        t += r.choice([0, 1, 1, 2, 5])
        e = {"event": r.choice(NAMES + "e"), "t": t, "id": "e%d" % i, "properties": {"x": r.randint(0, 7)}}
        if r.random() < 0.9:
            e["user_id"] = r.choice(["u1", "u2", "u1", "ü\"3"])
        if r.random() < 0.5:
            e["properties"]["y"] = r.choice([None, 1, True, "y"])
        events.append(e)
    return events


def disorder(events, r, most):
    return [e for _, _, e in sorted((e["t"] + r.uniform(0, most), i, e) for i, e in enumerate(events))]


def rows_of(events):
    return "".join(json.dumps({"event": e["event"], "timestamp": 1795000000 + e["t"], "id": e["id"], **({"user_id": e["user_id"]} if "user_id" in e else {}), "properties": e["properties"]}) + "\n" for e in events)


def seconds(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() - 1795000000


def taken_in_order(events):
    out, greatest = [], -1
    for e in events:
        if e["t"] >= greatest:
            out.append(e)
            greatest = e["t"]
    return out


def run(args, rows, parts, state):
    out = ""
    for i in range(len(parts) - 1):
        args_now = args + (["--state", "s", "-S", state] if state else [])
        done = subprocess.run(args_now, input=rows_of(rows[parts[i]:parts[i + 1]]), capture_output=True, text=True)
        if done.returncode:
            return None, done.stderr
        out += done.stdout
    found = {}
    for line in out.splitlines():
        m = json.loads(line)
        kind = "match" if "match" in m else "timeout"
        found.setdefault(m[kind], []).append((kind, json.dumps(m["key"]), [e["id"] for e in m["events"]], seconds(m["timestamp"])))
    return found, ""


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    bad = 0
    for n in range(rounds):
        r = random.Random(seed * 1000003 + n)
        way = r.choice(["as it lies", "as it lies", "late", "-l", "--state"])
        events = a_stream(r)
        patterns = [a_pattern(r, way == "--state") for _ in range(PATTERNS)]
        texts = {text_of(p, r): p for p in patterns}
        args, parts, rows, timeouts = ["at-detect"], [0, len(events)], events, r.random() < 0.5
        if way == "late":
            rows = disorder(events, r, 3)
            events = taken_in_order(rows)
        elif way == "-l":
            most = r.choice([1, 4, 20])
            rows = disorder(events, r, most)
            events = sorted(rows, key=lambda e: e["t"])
            args += ["-l", "%ds" % most]
        elif way == "--state":
            events.append({"event": "e", "t": FAR, "id": "far", "properties": {"x": 0}})
            parts = sorted([0, len(events)] + [r.randint(0, len(events)) for _ in range(r.randint(1, 3))])
        for t in texts:
            args += ["-p", t]
        with tempfile.TemporaryDirectory(dir=".") as state:
            found, said = run(args + (["--timeouts"] if timeouts else []), rows, parts, state if way == "--state" else None)
        for t, p in texts.items():
            # tries whose gaps are bounded run out in another order than that of their beginning
            ask = timeouts and not any(s["near"] for s in p["steps"])
            want = reference(p, events, ask)
            got = None if found is None else sorted(m for m in found.get(t, []) if m[0] == "match" or ask)
            if got != want:
                bad += 1
                print("round %d, %s: %s\n  rows %s\n  want %s\n  got  %s %s" % (n, way, t, [(e["id"], e["event"], e["t"], e.get("user_id"), e["properties"]) for e in events], want, got, said.strip()))
        if bad >= 5:
            break
    print("%d rounds, %d differ" % (n + 1, bad))
    sys.exit(bad > 0)


if __name__ == "__main__":
    main()
