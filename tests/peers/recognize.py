#!/usr/bin/env python3
"""Random MATCH_RECOGNIZE over random rows: at-query against a plain reference that tries every way in the order of preference.

    recognize.py [ROUNDS [SEED]]        prints what differs and ends with 1 when something does
"""
import json, random, subprocess, sys

VARS = "ABCD"


# ---- patterns: ("v", name) ("s", [nodes]) ("a", [nodes]) ("q", node, least, most, greedy) ("p", [nodes]) ("x", node) ("^",) ("$",) ("e",)
def a_node(r, depth):
    k = r.random()
    if depth == 0 or k < 0.5:
        node = ("v", r.choice(VARS))
    elif k < 0.7:
        node = ("s", [a_node(r, depth - 1) for _ in range(r.randint(1, 3))])
    elif k < 0.85:
        node = ("a", [a_node(r, depth - 1) for _ in range(r.randint(2, 3))])
    elif k < 0.88:
        node = ("x", a_node(r, depth - 1))
    elif k < 0.92:
        node = ("p", [a_node(r, depth - 1) for _ in range(r.randint(2, 3))])
    else:
        node = r.choice([("^",), ("$",), ("e",), ("v", "A")])
    if r.random() < 0.45 and node[0] not in "^$":
        least, most = r.choice([(0, 1), (0, None), (1, None), (2, 2), (1, 3), (0, 2), (2, None)])
        node = ("q", node, least, most, r.random() < 0.65)
    return node


def text_of(n, r):
    if n[0] == "v":
        return n[1]
    if n[0] == "s":
        return "(" + " ".join(text_of(x, r) for x in n[1]) + ")"
    if n[0] == "a":
        return "(" + r.choice(["|", " | "]).join(text_of(x, r) for x in n[1]) + ")"
    if n[0] == "p":
        return "PERMUTE(" + ", ".join(text_of(x, r) for x in n[1]) + ")"
    if n[0] == "x":
        return "{-" + r.choice(["", " "]) + text_of(n[1], r) + r.choice(["", " "]) + "-}"
    if n[0] == "e":
        return "()"
    if n[0] == "q":
        _, x, lo, hi, greedy = n
        count = {(0, 1): "?", (0, None): "*", (1, None): "+"}.get((lo, hi)) or ("{%d}" % lo if lo == hi else "{%d,}" % lo if hi is None else "{,%d}" % hi if lo == 0 else "{%d,%d}" % (lo, hi))
        inner = text_of(x, r)
        if x[0] == "q":
            inner = "(" + inner + ")"
        return inner + count + ("" if greedy else "?")
    return n[0]


def variables(n):
    if n[0] == "v":
        return {n[1]}
    if n[0] in "sap":
        return set().union(*map(variables, n[1]))
    return variables(n[1]) if n[0] in "qx" else set()


# ---- values: a match so far is (rows, start, taken): taken[i] is the variable of rows[start + i]
def nav(m, col, var=None, first=False, n=0, off=0):
    rows, start, taken = m
    at = [start + i for i, v in enumerate(taken) if var is None or v in var]
    if n >= len(at):
        return None
    at = (at[n] if first else at[-1 - n]) + off
    return rows[at][col] if 0 <= at < len(rows) else None


def agg(m, kind, col=None, var=None):
    rows, start, taken = m
    at = [rows[start + i] for i, v in enumerate(taken) if var is None or v in var]
    if kind == "count" and col is None:
        return len(at)
    values = [x[col] for x in at if x[col] is not None]
    if kind == "count":
        return len(values)
    if not values:
        return None
    return {"sum": sum, "min": min, "max": max, "avg": lambda v: sum(v) // len(v) if sum(v) % len(v) == 0 else sum(v) / len(v)}[kind](values)


def classifier(m, var):
    return next((v for v in reversed(m[2]) if v in var), None)


def both(m, off, var=None, first=False, n=0):
    x, ts = nav(m, "x", var, first, n, off), nav(m, "ts", var, first, n, off)
    return None if x is None or ts is None else x + ts % 7


def cmp(op, a, b):
    if a is None or b is None:
        return None
    return {"<": a < b, ">": a > b, "=": a == b, "<>": a != b, "<=": a <= b}[op]


def conditions(v, w, k, op):
    """(SQL, function of the match) of variable v, about it and another w."""
    return [
        ("x %s %d" % (op, k), lambda m: cmp(op, nav(m, "x"), k)),
        ("%s.x %s %d" % (v, op, k), lambda m: cmp(op, nav(m, "x", v), k)),
        ("x %s PREV(x)" % op, lambda m: cmp(op, nav(m, "x"), nav(m, "x", off=-1))),
        ("%s.x %s PREV(%s.x, 2)" % (v, op, v), lambda m: cmp(op, nav(m, "x", v), nav(m, "x", v, off=-2))),
        ("NEXT(x) %s x" % op, lambda m: cmp(op, nav(m, "x", off=1), nav(m, "x"))),
        ("x %s LAST(%s.x)" % (op, w), lambda m: cmp(op, nav(m, "x"), nav(m, "x", w))),
        ("x %s FIRST(%s.x)" % (op, w), lambda m: cmp(op, nav(m, "x"), nav(m, "x", w, True))),
        ("COUNT(%s.*) < 3" % w, lambda m: agg(m, "count", None, w) < 3),
        ("SUM(%s.x) %s %d" % (w, op, 3 * k), lambda m: cmp(op, agg(m, "sum", "x", w), 3 * k)),
        ("LAST(%s.x, 1) IS NULL OR x %s LAST(%s.x, 1)" % (v, op, v),
         lambda m: nav(m, "x", v, n=1) is None or cmp(op, nav(m, "x"), nav(m, "x", v, n=1))),
        ("PREV(FIRST(x), 1) IS NULL", lambda m: nav(m, "x", None, True, off=-1) is None),
        ("x %s NEXT(LAST(%s.x), 1)" % (op, w), lambda m: cmp(op, nav(m, "x"), nav(m, "x", w, off=1))),
        ("s = 'p' AND PREV(s) <> s", lambda m: nav(m, "s") == "p" and cmp("<>", nav(m, "s", off=-1), nav(m, "s"))),
        ("MAX(U.x) %s %d" % (op, k + 1), lambda m: cmp(op, agg(m, "max", "x", "AB"), k + 1)),
        ("abs(x - PREV(x)) %s 2" % op, lambda m: None if nav(m, "x") is None or nav(m, "x", off=-1) is None else cmp(op, abs(nav(m, "x") - nav(m, "x", off=-1)), 2)),
    ]


def some_measures(r, used):
    v, w = r.choice(used), r.choice(used)
    full = [
        ("FIRST(%s.x)" % v, lambda m, f, no: nav(m, "x", v, True)), ("LAST(%s.x)" % v, lambda m, f, no: nav(m, "x", v)), ("%s.x" % v, lambda m, f, no: nav(m, "x", v)),
        ("COUNT(*)", lambda m, f, no: agg(m, "count")), ("SUM(%s.x)" % w, lambda m, f, no: agg(m, "sum", "x", w)), ("CLASSIFIER()", lambda m, f, no: m[2][-1] if m[2] else None),
        ("MATCH_NUMBER()", lambda m, f, no: no), ("x", lambda m, f, no: nav(m, "x")), ("FIRST(x, 1)", lambda m, f, no: nav(m, "x", None, True, 1)),
        ("FINAL LAST(%s.x)" % v, lambda m, f, no: nav(f, "x", v)), ("FINAL COUNT(*)", lambda m, f, no: agg(f, "count")), ("RUNNING COUNT(%s.x)" % v, lambda m, f, no: agg(m, "count", "x", v)),
        ("PREV(LAST(%s.x), 1)" % v, lambda m, f, no: nav(m, "x", v, off=-1)), ("MIN(%s.x) + COUNT(U.*)" % v, lambda m, f, no: None if agg(m, "min", "x", v) is None else agg(m, "min", "x", v) + agg(m, "count", None, "AB")),
        ("FINAL LAST(s)", lambda m, f, no: nav(f, "s")), ("CLASSIFIER(U)", lambda m, f, no: classifier(m, "AB")), ("CLASSIFIER(%s)" % v, lambda m, f, no: classifier(m, v)),
        ("FINAL FIRST(CLASSIFIER(), 1)", lambda m, f, no: f[2][1] if len(f[2]) > 1 else None), ("FINAL LAST(%s.x, 2)" % v, lambda m, f, no: nav(f, "x", v, n=2)),
        ("PREV(CLASSIFIER())", lambda m, f, no: m[2][-2] if len(m[2]) > 1 else None), ("NEXT(LAST(U.x, 1), 2)", lambda m, f, no: nav(m, "x", "AB", n=1, off=2)), ("PREV(x + ts % 7)", lambda m, f, no: both(m, -1)),
        ("FIRST(%s.x + %s.ts %% 7, 1)" % (v, v), lambda m, f, no: both(m, 0, v, True, 1)), ("FINAL AVG(%s.x)" % w, lambda m, f, no: agg(f, "avg", "x", w)),
        ("CASE WHEN COUNT(*) > 2 THEN FINAL MAX(x) ELSE RUNNING MIN(x) END", lambda m, f, no: agg(f, "max", "x") if agg(m, "count") > 2 else agg(m, "min", "x")),
    ]
    return r.sample(full, r.randint(1, 5))


# ---- the reference
class Slow(Exception):
    pass


class Out(str):
    """A variable whose row does not come out."""


def left_out(n):
    if n[0] == "v":
        return ("v", Out(n[1]))
    if n[0] in "sap":
        return (n[0], [left_out(x) for x in n[1]])
    return (n[0], left_out(n[1])) + n[2:] if n[0] in "qx" else n


def ways(node, i, taken, ok, budget):
    budget[0] -= 1
    if budget[0] < 0:
        raise Slow
    k = node[0]
    if k == "v":
        if ok(i, taken + [node[1]]):
            yield i + 1, taken + [node[1]]
    elif k == "s":
        yield from sequence(node[1], i, taken, ok, budget)
    elif k == "x":
        yield from ways(left_out(node[1]), i, taken, ok, budget)
    elif k == "a":
        for x in node[1]:
            yield from ways(x, i, taken, ok, budget)
    elif k == "p":
        import itertools
        for order in itertools.permutations(node[1]):
            yield from sequence(list(order), i, taken, ok, budget)
    elif k == "q":
        yield from repeat(node, 0, i, taken, ok, budget)
    elif k == "^":
        if i == 0:
            yield i, taken
    elif k == "$":
        if i == ok(None, None):
            yield i, taken
    else:
        yield i, taken


def sequence(nodes, i, taken, ok, budget):
    if not nodes:
        yield i, taken
        return
    for j, t in ways(nodes[0], i, taken, ok, budget):
        yield from sequence(nodes[1:], j, t, ok, budget)


def repeat(node, count, i, taken, ok, budget):
    _, x, least, most, greedy = node
    if count < least:
        for j, t in ways(x, i, taken, ok, budget):
            yield from repeat(node, count + 1, j, t, ok, budget)
        return
    if most is not None and count >= most:
        yield i, taken
        return
    if not greedy:
        yield i, taken
    for j, t in ways(x, i, taken, ok, budget):
        if most is None and j == i:
            yield j, t                                      # an empty round ends the loop
        else:
            yield from repeat(node, count + 1, j, t, ok, budget)
    if greedy:
        yield i, taken


def reference(q, rows):
    out, by = [], q["by"]
    for key in sorted({tuple(x[b] for b in by) for x in rows}):
        own = sorted((x for x in rows if tuple(x[b] for b in by) == key), key=lambda x: x["ts"], reverse=q["desc"])

        def row(x, *measured):
            """Keys, measures, and of all rows what is left of it."""
            m = {"m%d" % i: f(*measured) if measured else None for i, (_, f) in enumerate(q["measures"])}
            one = q["rows"] == "ONE ROW PER MATCH"
            return {**dict(zip(by, key)), **({} if one else {"ts": x["ts"]}), **m, **({} if one else x)}

        start = number = covered = 0
        while start < len(own):
            def ok(i, taken):
                if i is None:
                    return len(own)
                if i >= len(own) or (q["within"] is not None and abs(own[i]["ts"] - own[start]["ts"]) > q["within"]):
                    return False
                cond = q["define"].get(taken[-1])
                return cond is None or bool(cond[1]((own, start, taken)))

            found = next(ways(q["pattern"], start, [], ok, q["budget"]), None)
            if found is None:
                if q["rows"] == "ALL ROWS PER MATCH WITH UNMATCHED ROWS" and start >= covered:
                    out.append(row(own[start]))
                start += 1
                continue
            number += 1
            end, taken = found
            full = (own, start, taken)
            if q["rows"] == "ONE ROW PER MATCH":
                out.append(row(None, full, full, number))
            elif not taken and q["rows"] != "ALL ROWS PER MATCH OMIT EMPTY MATCHES":
                out.append(row(own[start], full, full, number))
            for n in range(1, len(taken) + 1) if q["rows"] != "ONE ROW PER MATCH" else ():
                if not isinstance(taken[n - 1], Out):
                    out.append(row(own[start + n - 1], (own, start, taken[:n]), full, number))
            covered = max(covered, end)
            if not taken or q["skip"] == "TO NEXT ROW":
                start += 1
            elif q["skip"] == "PAST LAST ROW":
                start = end
            else:
                which, v = q["skip"].split()[-2:]
                at = [i for i, t in enumerate(taken) if t == v]
                if not at or (at[0] if which == "FIRST" else at[-1]) == 0:
                    return "error"
                start += at[0] if which == "FIRST" else at[-1]
    return out


def a_query(r):
    pattern = ("s", [a_node(r, 2) for _ in range(r.randint(1, 3))])
    used = sorted(variables(pattern))
    if not used:
        return None
    define = {}
    for v in used:
        if r.random() < 0.8:
            w = r.choice(used)
            some = conditions(v, w, r.randint(1, 6), r.choice(["<", ">", "=", "<>", "<="]))
            define[v] = r.choice([c for c in some if "U." not in c[0] or {"A", "B"} <= set(used)])
    q = {"pattern": pattern, "define": define, "within": r.choice([None, None, 3, 8]), "budget": [30000],
         "rows": r.choice(["ONE ROW PER MATCH", "ONE ROW PER MATCH", "ALL ROWS PER MATCH", "ALL ROWS PER MATCH OMIT EMPTY MATCHES", "ALL ROWS PER MATCH WITH UNMATCHED ROWS"]),
         "skip": r.choice(["PAST LAST ROW", "PAST LAST ROW", "TO NEXT ROW", "TO FIRST " + r.choice(used), "TO LAST " + r.choice(used), "TO " + r.choice(used)]),
         "by": r.choice([["k"], ["k"], ["k", "s"], ["s"], []]), "desc": r.random() < 0.2,
         "measures": [m for m in some_measures(r, used) if "U." not in m[0] and "(U" not in m[0] or {"A", "B"} <= set(used)] or [("COUNT(*)", lambda m, f, no: agg(m, "count"))]}
    text = " ".join(text_of(x, r) for x in pattern[1])
    q["sql"] = "SELECT * FROM input MATCH_RECOGNIZE (%sORDER BY ts%s MEASURES %s %s AFTER MATCH SKIP %s PATTERN (%s)%s%s%s)" % (
        "PARTITION BY %s " % ", ".join(q["by"]) if q["by"] else "", " DESC" if q["desc"] else "", ", ".join("%s AS m%d" % (sql, i) for i, (sql, _) in enumerate(q["measures"])), q["rows"], q["skip"], text,
        "" if q["within"] is None else " WITHIN INTERVAL '%d' SECOND" % q["within"], " SUBSET U = (A, B)" if {"A", "B"} <= set(used) else "",
        " DEFINE " + ", ".join("%s AS %s" % (v, c[0]) for v, c in define.items()) if define else "")
    return q


def main():
    rounds, seed = int((sys.argv + ["300"])[1]), int((sys.argv[1:] + ["300", "1"])[1])
    bad = done = 0
    for n in range(rounds):
        r = random.Random(seed * 1000003 + n)
        q = a_query(r)
        if not q:
            continue
        rows, t = [], 1795000000
        for _ in range(r.randint(1, 25)):
            t += r.choice([1, 1, 2, 4])
            rows.append({"k": r.choice("uv"), "ts": t, "x": r.choice([None] + list(range(1, 9)) * 2), "s": r.choice("pq")})
        try:
            want = reference(q, rows)
        except (Slow, RecursionError):
            continue
        done += 1
        run = subprocess.run(["at-query", "-f", "ndjson", "-i", "-", q["sql"]], input="".join(json.dumps(x) + "\n" for x in rows), capture_output=True, text=True)
        got = "error" if run.returncode and "AFTER MATCH SKIP to" in run.stderr else [json.loads(x) for x in run.stdout.splitlines()]
        if got != "error" and run.returncode:
            got = run.stderr
        key = lambda x: [json.dumps(y) for y in x] if isinstance(x, list) else x
        if key(got) != key(want):
            bad += 1
            print("round %d: %s\n  rows %s\n  want %s\n  got  %s %s" % (n, q["sql"], json.dumps(rows), json.dumps(want), json.dumps(got), run.stderr.strip()))
            if bad == 3:
                break
    print("%d rounds, %d differ" % (done, bad))
    sys.exit(bad > 0)


if __name__ == "__main__":
    main()
