#!/usr/bin/env python3
"""A caller under a policy gets what a caller without one gets from a store that holds nothing else: of every statement, verb and metric.

    policy.py [ROUNDS [SEED [STATEMENTS]]]     with at-ingest, at-admin and build/peers/restricted on PATH; default 3 rounds

Each round makes events and series, and roles; what the roles show is worked out here, filtered and masked, and loaded into a second
store. Statements (random ones of differ.py, those of the file STATEMENTS, verbs, metrics, names that are not there) must give the same
rows, columns and errors from both, over columns and row by row. Prints each difference and `N the same, N differ`; exit 1 when one
differs.
"""
import datetime, json, os, random, subprocess, sys, tempfile

import differ

FIELDS = {"user_id": ["user_id", "userid", "distinct_id", "anonymousid", "client_id"], "session_id": ["session_id", "sessionid"], "id": ["id", "messageid", "uuid", "event_id"]}
p = lambda e: e["properties"]
ROWS = [
    ('.properties.source == "google"', lambda e: p(e).get("source") == "google", ["source"]),
    ('.event != "purchase" and .properties.n > 10', lambda e: e["event"] != "purchase" and p(e)["n"] > 10, None),
    ('(.user_id // "") | startswith("u1")', lambda e: e.get("user_id", "").startswith("u1"), ["user_id"]),
    ('.properties.page | startswith("/c")', lambda e: p(e)["page"].startswith("/c"), ["page"]),
    ('.properties.source == "direct" or .properties.page == "/a"', lambda e: p(e).get("source") == "direct" or p(e)["page"] == "/a", ["source", "page"]),
    ('.properties.obj | ascii_downcase == "x"', lambda e: False, ["obj"]),
    ('.timestamp < "2026-10-25"', lambda e: e["timestamp"] < "2026-10-25", None),
    ('.properties.nowhere == 1', lambda e: False, ["nowhere"]),
]
HIDE = ["page", "source", "n", "user_id", "session_id", "id", "userId", "mixed", "obj.a", "obj.b.c", "Page", "odd name", "ref", "big", "obj", "uuid"]
EVENTS = [["page_view"], ["p*"], ["*c*", "sign?up"], ["nothing"], ["caf\u00e9", "click"]]
METRICS = [["load"], ["http_*"], ["*"], ["none"]]


def roles(r):
    out = []
    for _ in range(r.choice([1, 1, 1, 2, 3])):
        role = {}
        if r.random() < .6:
            role["rows"] = r.choice(ROWS)[0]
        if r.random() < .4:
            role["events"] = r.choice(EVENTS)
        if r.random() < .4:
            role["metrics"] = r.choice(METRICS)
        if r.random() < .5:
            role["hide"] = r.sample(HIDE, r.randrange(1, 4))
        if r.random() < .5 or not role:
            role["mask"] = r.sample(HIDE, r.randrange(1, 4))
        out.append(role)
    return out


# ---- what they show, from the words of policy.h

def fits(patterns, name):
    import re
    return not patterns or any(re.fullmatch(x.replace("*", ".*").replace("?", "."), name, re.S) for x in patterns)


def column_of(name):
    for field, names in FIELDS.items():
        if name.lower() in names and name in ("user_id", "userId", "distinct_id", "anonymousId", "client_id", "session_id", "sessionId", "id", "messageId", "uuid", "event_id"):
            return field
    return name.lower()


def sight(allowing, name):
    best = 2
    for role in allowing:
        in_ = lambda names: any(column_of(x) == column_of(name) or x.lower() == name.lower() for x in names)
        best = min(best, 2 if in_(role.get("hide", [])) else 1 if in_(role.get("mask", [])) else 0)
    return best


class Mask:
    """The masks of a store, asked of it: first gathered, then known."""
    def __init__(self):
        self.known, self.wanted = {}, []

    def __call__(self, v):
        if v is None:
            return None
        text = v if isinstance(v, str) else json.dumps(v, ensure_ascii=False, separators=(",", ":"))
        if text not in self.known:
            self.wanted.append(text)
            self.known[text] = "?"
        return self.known[text]

    def ask(self, store):
        run = subprocess.run(["restricted", store], input="".join("mask %s\n" % t for t in self.wanted), capture_output=True, text=True, check=True)
        self.known.update(zip(self.wanted, map(json.loads, run.stdout.split("\n")[:-1])))


def shown(v, allowing, mask, prefix=""):
    if isinstance(v, list):
        return [shown(x, allowing, mask, prefix) for x in v]
    if not isinstance(v, dict):
        return v
    out = {}
    for k, x in v.items():
        s = sight(allowing, prefix + k)
        if s < 2:
            out[k] = mask(x) if s else shown(x, allowing, mask, prefix + k + ".")
    return out


def see(e, all, mask):
    allowing = [x for x in all if fits(x.get("events"), e["event"]) and ("rows" not in x or dict((a, b) for a, b, _ in ROWS)[x["rows"]](e))]
    if not allowing:
        return None
    e = dict(e, properties=shown(e["properties"], allowing, mask))
    for field in FIELDS:
        s = sight(allowing, field) if field in e else 0
        if s == 2:
            del e[field]
        elif s:
            e[field] = mask(e[field])
    return e


def see_series(s, all, mask):
    """Metric, labels, field, time."""
    allowing = []
    for x in all:
        if not fits(x.get("metrics"), s[0]) or ("event" in s[1] and not fits(x.get("events"), s[1]["event"])):
            continue
        if "rows" in x:
            _, holds, reads = next(a for a in ROWS if a[0] == x["rows"])
            if reads is None or any(k not in s[1] for k in reads) or not holds({"event": "", "properties": s[1], **s[1]}):
                continue
        if any(sight([{"hide": x.get("hide", [])}], k) == 2 for k in s[1]):
            continue
        allowing.append(x)
    return (s[0], shown(s[1], allowing, mask), s[2], s[3]) if allowing else None


# ---- stores

def series(r):
    out, start = [], datetime.datetime(2026, 11, 20)
    for name in "load", "http_requests", "http_bytes", "signups":
        for i in range(8):
            labels = {k: v for k, v in {"source": r.choice(["google", "direct"]), "page": r.choice(["/a", "/cart"]), "event": r.choice(["page_view", "click"]),
                                        "user_id": r.choice(["u1", "u2"]), "host": "h%d" % i}.items() if r.random() < .5}
            for k in range(20):
                out.append((name, labels, "value", (start + datetime.timedelta(minutes=k)).strftime("%s"), k * i))
    return out


def line(s):
    return json.dumps({"metric": s[0], "timestamp": int(s[3]), "labels": s[1], s[2]: s[4]})


def load(store, rows, lines):
    env = dict(os.environ, AT_NOW=differ.NOW)
    for half in rows[: len(rows) * 2 // 3], rows[len(rows) * 2 // 3 :]:
        subprocess.run(["at-ingest", "-q", "-S", store, "-f", "ndjson"], input="\n".join(map(json.dumps, half)), text=True, check=True, env=env)
        if half and half[0] is rows[0]:
            subprocess.run(["at-admin", "-q", "-S", store, "compact"], check=True, capture_output=True)
    subprocess.run(["at-ingest", "-q", "-S", store, "-f", "ndjson"], input="\n".join(map(line, lines)), text=True, check=True, env=env)


def ask(store, statements, vector, roles=None):
    run = subprocess.run(["restricted", store] + ([roles] if roles else []), input="".join(s + "\n" for s in statements), capture_output=True, text=True,
                         env=dict(os.environ, AT_VECTOR=vector, AT_THREADS="3", AT_NOW=differ.NOW))
    answers = [json.loads(x) for x in run.stdout.split("\n")[:-1]]
    if len(answers) < len(statements):
        sys.exit("restricted ended with %d after: %s\n%s" % (run.returncode, statements[len(answers)], run.stderr[:2000]))
    return [x["error"] if "error" in x else [dict(enumerate(row)) for row in x["rows"]] + [dict(enumerate(x["columns"]))] for x in answers]


VERBS = ["SELECT * FROM funnel('page_view,click,purchase', '7d')", "SELECT * FROM funnel('page_view,purchase', '2d', by => 'source')", "SELECT * FROM retention('page_view', 'click')",
         "SELECT * FROM paths()", "SELECT * FROM sessions()", "SELECT * FROM schema()", "SELECT * FROM metric('page_view')", "SELECT * FROM metric('page_views', '90d', 'source')",
         "SELECT * FROM metric('load')", "SELECT * FROM metric('http_*', '30d')", "SELECT * FROM metric('load', '30d', 'source,user_id')", "SELECT * FROM metric('purchase')",
         "SELECT * FROM metrics ORDER BY 1,2,3,4", "SELECT labels, count(*), sum(value) FROM metrics GROUP BY 1", "SELECT metric, source, max(value) FROM metrics WHERE source = 'google' GROUP BY 1, 2",
         "SELECT count(*) FROM events", "SELECT min(timestamp), max(timestamp) FROM events", "SELECT event, count(*) FROM events GROUP BY 1", "SELECT * FROM events ORDER BY timestamp DESC LIMIT 20",
         "SELECT * FROM events WHERE user_id = 'u1'", "SELECT * FROM events WHERE event = 'purchase'", "SELECT properties FROM events ORDER BY timestamp, properties LIMIT 50", "SELECT pag FROM events",
         "SELECT soruce FROM events", "SELECT bgi FROM events", "SELECT user_di FROM events", "SELECT length(properties) FROM events", "SELECT sum(length(properties)) FROM events",
         "SELECT * FROM metric('signup')", "SELECT user_id, count(*) FROM events GROUP BY 1", "SELECT count(DISTINCT user_id), count(user_id), count(id) FROM events",
         "SELECT a.id FROM events a JOIN events b ON a.id = b.id", "SELECT * FROM anomalies", "SELECT * FROM alerts"]


def hidden_at_best(all):
    return [f for f in FIELDS if sight(all, f) == 2]


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else datetime.date.today().toordinal()
    said = [s.strip() for s in open(sys.argv[3]) if s.strip()] if len(sys.argv) > 3 else []
    r = random.Random(seed)
    agree = differs = refused = 0
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            everything, some, file = folder + "/all", folder + "/some", folder + "/roles"
            rows, lines, all = differ.events(r, 900), series(r), roles(r)
            for e in rows:
                if r.random() < .1:
                    e["properties"][r.choice(["userId", "uuid", "sessionId"])] = r.choice(["u7", "x1", "s3"])
            json.dump(all, open(file, "w"))
            load(everything, rows, lines)
            mask = Mask()
            for _ in range(2):                  # first to learn which masks are needed
                seen = [x for x in (see(e, all, mask) for e in rows) if x]
                seen_lines = [x + (s[4],) for s, x in ((s, see_series(s, all, mask)) for s in lines) if x]
                mask.ask(everything)
            load(some, seen, seen_lines)
            statements = VERBS + said + [differ.Maker(r, r.choice(["", "", "e"])).statement() for _ in range(120)]
            absent = hidden_at_best(all)
            for vector in "1", "0":
                for sql, a, b in zip(statements, ask(everything, statements, vector, file), ask(some, statements, vector)):
                    summed = any(w in sql for w in differ.FLOATING) and (1e4 if "big" in sql or "mixed" in sql else 1e-9)
                    if isinstance(a, str) and absent and ("no such column" in a or "no column" in a or "not present in both tables" in a):
                        refused += 1            # it names a column that is not there at all
                        continue
                    if "uuid(" in sql or "random" in sql or "SAMPLE" in sql or ("LIMIT" in sql and any(sight([x], "id") == 2 for x in all)):
                        continue                # no two have the same; which rows they are, where no id is left to put them in order
                    if "LIMIT" in sql and "ORDER BY" not in sql and not isinstance(a, str) and not isinstance(b, str):     # some of them
                        a, b = [{0: len(a)}, a[-1]], [{0: len(b)}, b[-1]]
                    if "_agg(" in sql and not isinstance(a, str) and not isinstance(b, str):    # in the order in which events lie
                        a, b = ([{i: "".join(sorted(v)) if isinstance(v, str) else v for i, v in row.items()} for row in x] for x in (a, b))
                    if absent and not isinstance(a, str) and not isinstance(b, str):    # nor is it among all of them
                        gone = [i for i, name in b[-1].items() if name in absent]
                        if len(b[-1]) != len(a[-1]):
                            b = [dict(enumerate(v for i, v in row.items() if i not in gone)) for row in b]
                    good = a == b if isinstance(a, str) and isinstance(b, str) and not "overflow" in a else differ.same(a, b, " ORDER BY " in sql and not summed and "OVER" not in sql and "JOIN" not in sql and "LIMIT" not in sql, summed)
                    if isinstance(b, str) and isinstance(a, str) and absent:
                        good = True             # the nearest name may be the one that is not there
                    agree, differs = agree + good, differs + (not good)
                    if not good and differs <= 20:
                        print("# AT_VECTOR=%s %s: %s" % (vector, json.dumps(all), sql))
                        for which, x in ("policy", a), ("filtered", b):
                            other = b if x is a else a
                            print("#   %-8s %s" % (which, x[:300] if isinstance(x, str) else "%d rows, of its own: %s" % (len(x), str([y for y in x if isinstance(other, str) or y not in other][:3])[:400])))
    print("seed %d: %d the same, %d differ, %d name what is not there" % (seed, agree, differs, refused))
    return differs > 0


if __name__ == "__main__":
    sys.exit(main())
