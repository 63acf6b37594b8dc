"""Funnel, retention, paths and sessions by the plainest code there is, on random events, against at-query.

verbs_reference.py SEED [ROUNDS]   says nothing and exits 0 when every row agrees."""
import json, os, random, statistics, subprocess, sys, tempfile

MINUTE, DAY = 60_000, 86_400_000
START = 1_795_392_000_000          # 2026-11-23T00:00:00Z, a Monday


def stamp(ms):
    import datetime
    t = datetime.datetime(1970, 1, 1) + datetime.timedelta(milliseconds=ms)
    return t.strftime("%Y-%m-%dT%H:%M:%S.") + "%03dZ" % (t.microsecond // 1000)


def make(rng):
    users = ["u%d" % i for i in range(rng.randint(1, 12))]
    out = []
    for seq in range(rng.randint(1, 120)):
        t = START + rng.choice([rng.randint(0, 8 * DAY), rng.randint(0, 3 * 60 * MINUTE), rng.randrange(0, 60) * MINUTE])
        out.append({"event": rng.choice("abcd"), "time": t, "user": rng.choice(users + [None]), "seq": seq,
                    "by": rng.choice(["x", "y", None])})
    return out


def tracks(events):
    by = {}
    for e in sorted(events, key=lambda e: (e["time"], e["seq"])):
        if e["user"] is not None:
            by.setdefault(e["user"], []).append(e)
    return by


def funnel(events, steps, within, strict, end):
    """Every way of picking steps in order; the longest counts, the first among them."""
    depth, open_ = [0] * len(steps), [0] * len(steps)
    for mine in tracks(events).values():
        best, is_open = 0, False

        def extend(k, i, start, last):
            nonlocal best, is_open
            if k > best:
                best, is_open = k, False
            if k == best and k < len(steps) and end - start <= within:
                is_open = True
            for j in range(i, len(mine)):
                e = mine[j]
                if k < len(steps) and e["event"] == steps[k] and e["time"] - start <= within and not (strict and e["time"] == last):
                    extend(k + 1, j + 1, start, e["time"])

        for i, e in enumerate(mine):
            if e["event"] == steps[0]:
                extend(1, i + 1, e["time"], e["time"])
        for k in range(best):
            depth[k] += 1
        if best:
            open_[best - 1] += is_open
    return [(k + 1, steps[k], depth[k], open_[k]) for k in range(len(steps))]


def sessions(events, gap):
    out = []
    for user, mine in tracks(events).items():
        run = []
        for e in mine + [None]:
            if run and (e is None or e["time"] - run[-1]["time"] > gap):
                out.append((user, stamp(run[0]["time"]), stamp(run[-1]["time"]), (run[-1]["time"] - run[0]["time"]) / 1000, len(run),
                            run[0]["event"], run[-1]["event"]))
                run = []
            if e is not None:
                run.append(e)
    return sorted(out, key=lambda s: (s[1], s[0]))


def paths(events, start, depth, gap):
    count, users = {}, {}
    for user, mine in tracks(events).items():
        runs, run = [], []
        for e in mine:
            if run and e["time"] - run[-1]["time"] > gap:
                runs.append(run)
                run = []
            run.append(e)
        runs.append(run)
        for run in runs:
            names = [e["event"] for e in run]
            if start is not None:
                if start not in names:
                    continue
                names = names[names.index(start):]
            for d in range(1, min(depth, len(names) - 1) + 1):
                key = (d, names[d - 1], names[d])
                count[key] = count.get(key, 0) + 1
                users.setdefault(key, set()).add(user)
    return sorted(((d, a, b, len(users[d, a, b]), n) for (d, a, b), n in count.items()), key=lambda r: (r[0], -r[4], r[1], r[2]))


def retention(events, start, back, every, periods, end):
    size, users = {}, {}
    for user, mine in tracks(events).items():
        firsts = [i for i, e in enumerate(mine) if e["event"] == start]
        if not firsts:
            continue
        cohort = mine[firsts[0]]["time"] // every
        size[cohort] = size.get(cohort, 0) + 1
        for p in {e["time"] // every - cohort for e in mine[firsts[0]:] if e["event"] == back}:
            users[cohort, p] = users.get((cohort, p), 0) + 1
    return [(stamp(c * every), size[c], p, users.get((c, p), 0), (c + p + 1) * every <= end)
            for c in sorted(size) for p in range(periods) if (c + p) * every <= end]


def ask(*words):
    out = subprocess.run(["at-query", "-f", "json", *map(str, words)], capture_output=True, text=True)
    if out.returncode or out.stderr:
        sys.exit("%s: %s" % (words, out.stderr))
    return json.loads(out.stdout)


def same(what, got, want, seed):
    if got != want:
        sys.exit("seed %d, %s:\n got  %s\n want %s" % (seed, what, got, want))


def round_(seed):
    rng = random.Random(seed)
    events = make(rng)
    end = max(e["time"] for e in events)
    with tempfile.TemporaryDirectory() as store:
        os.environ["AT_STORE"] = store
        rows = "".join(json.dumps({k: v for k, v in {"event": e["event"], "timestamp": stamp(e["time"]), "user_id": e["user"],
                                   "properties": {"by": e["by"]}}.items() if v is not None}) + "\n" for e in events)
        subprocess.run(["at-ingest", "-q"], input=rows, text=True, check=True)
        for _ in range(3):
            steps = [rng.choice("abc") for _ in range(rng.randint(1, 4))]
            within, strict = rng.choice([5, 30, 600, 10000]) * MINUTE, rng.random() < 0.5
            got = ask("funnel", ",".join(steps), "--within", "%dms" % within, *(["--strict"] if strict else []))
            same("funnel %s %d" % (steps, within), [(r["step"], r["event"], r["users"], r["open"]) for r in got], funnel(events, steps, within, strict, end), seed)
        gap = rng.choice([1, 30, 300]) * MINUTE
        got = ask("sessions", "--gap", "%dms" % gap)
        same("sessions", [tuple(r[k] for k in ("user_id", "start", "end", "seconds", "events", "entry", "exit")) for r in got], sessions(events, gap), seed)
        start, depth = rng.choice(["a", None]), rng.randint(1, 6)
        got = ask("paths", "--depth", depth, *(["--from", start] if start else []))
        same("paths", [tuple(r[k] for k in ("depth", "from", "to", "users", "count")) for r in got], paths(events, start, depth, 30 * MINUTE), seed)
        every, n = rng.choice([DAY, 6 * 60 * MINUTE]), rng.randint(1, 9)
        got = ask("retention", "--start", "a", "--return", rng.choice("b"), "--every", "%dms" % every, "-n", n)
        same("retention", [(r["cohort"], r["size"], r["period"], r["users"], bool(r["complete"])) for r in got],
             retention(events, "a", "b", every, n, end), seed)


for seed in range(int(sys.argv[1]), int(sys.argv[1]) + int(sys.argv[2] if len(sys.argv) > 2 else 1)):
    round_(seed)
