#!/usr/bin/env python3
"""Random patterns over random events: at-detect -p against a plain reference that tries each start by itself.

    patterns.py [ROUNDS [SEED]]         prints what differs and ends with 1 when something does

The reference knows nothing of streams: for each key it takes the events from the first to the last as a start, follows the
rules of pattern.h one event at a time to a match or an end, and goes on where the skip clause says.
"""
import datetime, json, random, subprocess, sys

NAMES = "abcd"


def a_pattern(r):
    steps, gaps = [], r.random() < 0.5
    n = r.randint(1, 4)
    for i in range(n):
        s = {"any": [], "min": 1, "max": 1, "strict": i > 0 and r.random() < 0.25, "absent": False, "reluctant": False, "name": None, "near": None}
        last = i == n - 1
        for _ in range(1 if r.random() < 0.75 else 2):
            s["any"].append((r.choice(NAMES), r.choice([None, None, None, ("x", ">", r.randint(1, 6))])))
        if i and r.random() < 0.25:
            s["absent"] = True
        elif r.random() < 0.4:
            s["min"], s["max"] = r.choice([(0, 1), (0, None), (1, None), (2, 2), (1, 3), (2, None), (0, 2)])
            s["reluctant"] = r.random() < 0.3
        if i and gaps and not s["absent"] and r.random() < 0.5:
            s["near"] = r.choice([1, 3, 6, 10])
        if not s["absent"] and r.random() < 0.3:
            s["name"] = "S%d" % i
        steps.append(s)
    p = {"steps": steps, "within": r.choice([None, 5, 10, 30]), "by": r.choice([[], ["user_id"], ["user_id", "x"]]), "skip": r.choice(["past-last", "to-next", "to-last"])}
    if steps[-1]["absent"] and p["within"] is None:
        p["within"] = 7
    if not any(not s["absent"] and s["min"] for s in steps):
        steps[0]["min"], steps[0]["max"] = 1, 1
    named = [s["name"] for s in steps if s["name"]]
    if p["skip"] == "to-last":
        if named:
            p["to"] = r.choice(named)
        else:
            p["skip"] = "past-last"
    return p


def text_of(p, r):
    out = ""
    for i, s in enumerate(p["steps"]):
        if i:
            out += r.choice([" ", ""]) + (">>" if s["strict"] else "->") + r.choice([" ", ""])
        out += r.choice([" ", ""]) + "within %ds " % s["near"] if s["near"] else ""
        out += "!" if s["absent"] else ""
        out += s["name"] + ":" if s["name"] else ""
        atoms = [n + ("" if w is None else "[.properties.%s %s %d]" % w) for n, w in s["any"]]
        out += atoms[0] if len(atoms) == 1 else "(" + " | ".join(atoms) + ")"
        lo, hi = s["min"], s["max"]
        if (lo, hi) != (1, 1):
            out += {(0, 1): "?", (0, None): "*", (1, None): "+"}.get((lo, hi)) or ("{%d}" % lo if lo == hi else "{%d,}" % lo if hi is None else "{%d,%d}" % (lo, hi))
            out += "?" if s["reluctant"] else ""
    if p["within"] is not None:
        out += " within %ds" % p["within"]
    if p["by"]:
        out += " by " + ",".join(p["by"])
    if p["skip"] != "past-last":
        out += " skip " + p["skip"] + (" " + p["to"] if p["skip"] == "to-last" else "")
    return out


def fits(step, e):
    for name, where in step["any"]:
        if e["event"] == name and (where is None or e["properties"]["x"] > where[2]):
            return True
    return False


def follow(p, events, start, clock):
    """One try that begins at events[start]: (taken, step of each, time) or None."""
    steps, taken, at = p["steps"], [], []

    def open_rest(step):
        """Nothing that must come is left: 'now', or 'wait' when the end is an absence."""
        for s in steps[step + 1:]:
            if not s["absent"] and s["min"] > 0:
                return None
        return "wait" if steps[-1]["absent"] else "now"

    def in_time(s, e):
        return s["near"] is None or not taken or e["t"] - events[taken[-1]]["t"] <= s["near"]

    def following(step, gap, e):
        """(index | None | 'x' for what must not come, a later event could still go on)"""
        later = False
        for i in range(step + 1, len(steps)):
            s = steps[i]
            near = i == 0 or not s["strict"] or not gap
            if s["absent"]:
                if near and fits(s, e):
                    return "x", later
                continue
            near = near and in_time(s, e)
            later = later or i == 0 or (not s["strict"] and in_time(s, e))
            if near and fits(s, e):
                return i, later
            if s["min"]:
                break
        return None, later

    first, _ = following(-1, False, events[start])
    if first in (None, "x"):
        return None
    step, count, gap = first, 1, False
    taken.append(start), at.append(step)
    waiting = False
    i = start
    while True:
        if not waiting and count >= steps[step]["min"]:
            state = open_rest(step)
            if state == "now":
                return taken, at, events[i]["t"]
            waiting = state == "wait"
        i += 1
        limit = None if p["within"] is None else events[start]["t"] + p["within"]
        if i >= len(events) or (limit is not None and events[i]["t"] > limit):
            return (taken, at, limit) if waiting and clock > limit else None
        e, s = events[i], steps[step]
        nxt, later = following(step, gap, e) if count >= s["min"] else (None, False)
        if nxt == "x":
            return None
        if waiting:
            gap = True
            continue
        more = (s["max"] is None or count < s["max"]) and (step == 0 or in_time(s, e))
        strict = s["strict"] and step > 0
        again = more and not (strict and gap) and fits(s, e)
        if again and (nxt is None or not s["reluctant"]):
            count, gap = count + 1, False
        elif nxt is not None:
            step, count, gap = nxt, 1, False
        else:
            gap = True
            if not (later or (more and not strict)):
                return None
            continue
        taken.append(i), at.append(step)


def reference(p, events):
    keys, clock, out = {}, max(e["t"] for e in events), []
    for e in events:
        k = []
        for f in p["by"]:
            v = e.get(f) if f != "x" else e["properties"].get("x")
            if v is None:
                break
            k.append((f, v))
        else:
            keys.setdefault(tuple(k), []).append(e)
    for k, own in keys.items():
        start = 0
        while start < len(own):
            m = follow(p, own, start, clock)
            if m is None:
                start += 1
                continue
            taken, at, t = m
            out.append((json.dumps(dict(k)), [own[i]["id"] for i in taken], t))
            if p["skip"] == "past-last":
                start = taken[-1] + 1
            elif p["skip"] == "to-next":
                start += 1
            else:
                want = next(i for i, s in enumerate(p["steps"]) if s["name"] == p["to"])
                last = [i for i, s in zip(taken, at) if s == want]
                start = max(start + 1, last[-1] if last else 0)
    return sorted(out)


def seconds(text):
    return int(datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()) - 1795000000


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    bad = 0
    for n in range(rounds):
        r = random.Random(seed * 1000003 + n)
        p, t, events = a_pattern(r), 0, []
        for i in range(r.randint(1, 60)):
            t += r.choice([0, 1, 1, 2, 5])
            e = {"event": r.choice(NAMES + "e"), "t": t, "id": "e%d" % i, "properties": {"x": r.randint(0, 7)}}
            if r.random() < 0.9:
                e["user_id"] = r.choice(["u1", "u2"])
            events.append(e)
        text = text_of(p, r)
        rows = "".join(json.dumps({"event": e["event"], "timestamp": 1795000000 + e["t"], "id": e["id"], **({"user_id": e["user_id"]} if "user_id" in e else {}), "properties": e["properties"]}) + "\n" for e in events)
        run = subprocess.run(["at-detect", "-p", text], input=rows, capture_output=True, text=True)
        got = []
        for line in run.stdout.splitlines():
            m = json.loads(line)
            stamp = seconds(m["timestamp"])
            got.append((json.dumps(m["key"]), [e["id"] for e in m["events"]], stamp))
        want = reference(p, events)
        if run.returncode or sorted(got) != want:
            bad += 1
            print("round %d: %s\n  want %s\n  got  %s %s" % (n, text, want, sorted(got), run.stderr.strip()))
            if bad == 5:
                break
    print("%d rounds, %d differ" % (n + 1, bad))
    sys.exit(bad > 0)


if __name__ == "__main__":
    main()
