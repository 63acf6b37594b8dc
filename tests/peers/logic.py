#!/usr/bin/env python3
"""SQLite's logic tests over stored events: each SELECT must give what the file says, over columns and row by row.

    logic.py FILE.test[.gz] ... [--every N]     with at-query and at-ingest on PATH

A table's rows become events of its name, in one store. A SELECT reads them through WITH tab0 AS (SELECT … FROM events WHERE
event = 'tab0'). One that reads a single table runs a second time in a store of that table alone, FROM events, where
aggregates are counted over columns. Prints `N passed, N failed`; exit 1 when one failed.
"""
import gzip, hashlib, json, os, re, subprocess, sys, tempfile

MARK = "@@"


def records(text):
    """(kind, condition, SQL, types, sort, expected) of each record; kind is statement or query."""
    for block in re.split(r"\n\s*\n", text):
        lines = [l for l in block.split("\n") if l and not l.startswith("#")]
        condition = []
        while lines and lines[0].split()[0] in ("skipif", "onlyif"):
            condition.append(lines.pop(0).split("#")[0].split())
        if not lines or lines[0].split()[0] not in ("statement", "query"):
            continue
        if any((c[0] == "onlyif") != (c[1] == "sqlite") for c in condition):
            continue
        head, lines = lines[0].split(), lines[1:]
        if head[0] == "statement":
            yield "statement", "\n".join(lines), None, None, head[1]
        else:
            cut = lines.index("----") if "----" in lines else len(lines)
            yield "query", "\n".join(lines[:cut]), head[1], head[2] if len(head) > 2 else "nosort", lines[cut + 1:]


def shown(value, kind):
    if value is None:
        return "NULL"
    if kind == "I":
        try:
            return str(int(float(value)) if not isinstance(value, int) else value)
        except ValueError:
            return "0"
    if kind == "R":
        return "%.3f" % float(value)
    return str(value) if value != "" else "(empty)"


def agrees(rows, types, sort, expected):
    cells = [[shown(v, types[i]) for i, v in enumerate(r)] for r in rows]
    if sort == "rowsort":
        cells.sort()
    flat = [v for r in cells for v in r]
    if sort == "valuesort":
        flat.sort()
    if len(expected) == 1 and (m := re.match(r"(\d+) values hashing to ([0-9a-f]+)$", expected[0])):
        return int(m[1]) == len(flat) and hashlib.md5("".join(v + "\n" for v in flat).encode()).hexdigest() == m[2]
    return flat == expected


def ask(store, statements, vector):
    """The rows of each statement (a text: its error), in as few processes as there are errors."""
    answers = []
    while len(answers) < len(statements):
        script = "".join(f"{s};\nSELECT '{MARK}' AS m;\n" for s in statements[len(answers):])
        run = subprocess.run(["at-query", "-S", store, "-f", "ndjson"], input=script, capture_output=True, text=True,
                             env=dict(os.environ, AT_VECTOR=vector))
        rows = []
        for line in run.stdout.split("\n")[:-1]:
            row = list(json.loads(line).values())
            if row == [MARK]:
                answers.append(rows)
                rows = []
            else:
                rows.append(row)
        if run.returncode:
            answers.append(run.stderr.strip() or f"exit {run.returncode}")
    return answers


def over_events(sql, table):
    """The statement FROM events, where it reads this table alone, once and by the names of its columns; else None."""
    words = "WHERE|GROUP|ORDER|HAVING|LIMIT|UNION|EXCEPT|INTERSECT|CROSS|JOIN|INNER|LEFT|NATURAL|ON"
    froms = re.findall(r"(?i)\bFROM\b", sql)
    one = re.search(rf"(?is)\bFROM\s+{table}\b(\s+AS\s+\w+|\s+(?!(?:{words})\b)[a-z]\w*)?", sql)
    if not one or len(froms) != 1 or "," in sql[one.end():].split("WHERE")[0].split("ORDER")[0].split("GROUP")[0] or re.search(
            r"(?i)(?:SELECT|DISTINCT|ALL|,)\s*\*|\w\s*\.\s*\*|\bJOIN\b", sql):
        return None
    return sql[: one.start()] + "FROM events" + (one[1] or f" AS {table}") + sql[one.end():]


def main():
    files = [a for a in sys.argv[1:] if not a.startswith("--") and not a.isdigit()]
    every = int(sys.argv[sys.argv.index("--every") + 1]) if "--every" in sys.argv else 1
    passed = failed = 0
    for name in files:
        text = (gzip.open if name.endswith(".gz") else open)(name, "rt").read()
        columns, rows, queries = {}, {}, []
        for kind, sql, types, sort, expected in records(text):
            if kind == "query":
                queries.append((sql, types, sort, expected))
            elif m := re.match(r"CREATE TABLE (\w+)\s*\((.*)\)", sql, re.S):
                columns[m[1]] = [c.split()[0] for c in m[2].split(",")]
                rows[m[1]] = []
            elif m := re.match(r"INSERT INTO (\w+)(?:\s*\(([^)]*)\))?\s*VALUES\s*\((.*)\)", sql, re.S):
                names = [c.strip() for c in m[2].split(",")] if m[2] else columns[m[1]]
                values = [None if v.strip() == "NULL" else v.strip()[1:-1] if v.strip()[0] == "'" else json.loads(v) for v in m[3].split(",")]
                rows[m[1]].append(dict(zip(names, values)))
        queries = queries[::every]
        with tempfile.TemporaryDirectory() as work:
            def load(store, tables):
                lines = [json.dumps({"event": t, "properties": r}) for t in tables for r in rows[t]] or ['{"event":"none"}']
                for half in lines[: len(lines) // 2], lines[len(lines) // 2 :]:     # part of them sealed, part in the tail
                    subprocess.run(["at-ingest", "-q", "-S", store], input="\n".join(half), text=True, check=True)
                    if half is not lines[len(lines) // 2 :] and half:
                        subprocess.run(["at-admin", "-q", "-S", store, "compact"], check=True, capture_output=True)
            load(work + "/all", rows)
            head = "WITH " + ", ".join(f"{t} AS (SELECT {', '.join(c)} FROM events WHERE event = '{t}')" for t, c in columns.items()) + " "
            runs = [(work + "/all", head + q[0], q) for q in queries]
            for t in columns:
                load(work + "/" + t, [t])
                runs += [(work + "/" + t, sql, q) for q in queries if (sql := over_events(q[0], t))]
            for vector in "1", "0":
                for store in sorted({r[0] for r in runs}):
                    mine = [r for r in runs if r[0] == store]
                    for (_, sql, q), got in zip(mine, ask(store, [r[1] for r in mine], vector)):
                        good = not isinstance(got, str) and agrees(got, q[1], q[2], q[3])
                        passed, failed = passed + good, failed + (not good)
                        if not good and failed <= 20:
                            print(f"# AT_VECTOR={vector} {os.path.basename(name)}: {sql}\n#   got {str(got)[:300]}\n#   not {q[3][:12]}")
    print(f"{passed} passed, {failed} failed")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
