#!/usr/bin/env python3
"""SQLite's logic tests over stored events: each SELECT must give what the file says, over columns and row by row.

    logic.py FILE.test[.gz] ... [--every N]     with at-query, at-ingest and at-admin on PATH

The rows of all files become events of one store, named by file and table. A SELECT reads them through WITH tab0 AS (SELECT … FROM
events WHERE event = '0 tab0'), all of them in one session. One that reads a single table runs a second time in a store of that
table alone, FROM events. What is for another database only is not run: for nearly all of these the files have the same in SQLite's
words. Prints how many those are, and `N passed, N failed`; exit 1 when one failed. All 85,320 take a minute of one processor.
"""
import collections, gzip, hashlib, json, os, re, subprocess, sys, tempfile

import differ

Table = collections.namedtuple("Table", "columns rows")
Query = collections.namedtuple("Query", "sql types sort expected")


def records(text):
    """(kind, Query) of each record; kind is statement, query, or other: a query that is another database's."""
    for block in re.split(r"\n\s*\n", text):
        lines = [l for l in block.split("\n") if l and not l.startswith("#")]
        condition = []
        while lines and lines[0].split()[0] in ("skipif", "onlyif"):
            condition.append(lines.pop(0).split("#")[0].split())
        if not lines or lines[0].split()[0] not in ("statement", "query"):
            continue
        head, lines = lines[0].split(), lines[1:]
        foreign = any((c[0] == "onlyif") != (c[1] == "sqlite") for c in condition)
        if head[0] == "query":
            cut = lines.index("----") if "----" in lines else len(lines)
            yield "other" if foreign else "query", Query("\n".join(lines[:cut]), head[1], head[2] if len(head) > 2 else "nosort", lines[cut + 1:])
        elif not foreign:
            yield "statement", Query("\n".join(lines), None, None, None)


def read(text):
    """Of a file its tables by name, its queries, and how many it has that are not SQLite's."""
    tables, queries, others = {}, [], 0
    for kind, record in records(text):
        if kind == "query":
            queries.append(record)
        elif kind == "other":
            others += 1
        elif m := re.match(r"CREATE TABLE (\w+)\s*\((.*)\)", record.sql, re.S):
            tables[m[1]] = Table([c.split()[0] for c in m[2].split(",")], [])
        elif m := re.match(r"INSERT INTO (\w+)(?:\s*\(([^)]*)\))?\s*VALUES\s*\((.*)\)", record.sql, re.S):
            names = [c.strip() for c in m[2].split(",")] if m[2] else tables[m[1]].columns
            values = [None if v.strip() == "NULL" else v.strip()[1:-1] if v.strip()[0] == "'" else json.loads(v) for v in m[3].split(",")]
            tables[m[1]].rows.append(dict(zip(names, values)))
        else:
            sys.exit(f"a statement that is not understood: {record.sql}")
    return tables, queries, others


def load(store, tables):
    """Of each table the first half of its rows into a chunk, the others into the tail."""
    halves = [], []
    for of, table in tables.items():
        for i, row in enumerate(table.rows):
            halves[i * 2 >= len(table.rows)].append(json.dumps({"event": "%d %s" % of, "properties": row}))
    for some in halves:
        subprocess.run(["at-ingest", "-q", "-S", store], input="\n".join(some), text=True, check=True)
        if some is halves[0]:
            subprocess.run(["at-admin", "-q", "-S", store, "compact"], check=True, capture_output=True)


def head(number, tables, sql):
    """The tables that the statement names, of the file of this number."""
    used = [(t, table) for (n, t), table in tables.items() if n == number and re.search(rf"\b{t}\b", sql)]
    named = ", ".join(f"{t} AS (SELECT {', '.join(table.columns)} FROM events WHERE event = '{number} {t}')" for t, table in used)
    return f"WITH {named} " if used else ""


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
    cells = [[shown(v, types[i]) for i, v in enumerate(r.values())] for r in rows]
    if sort == "rowsort":
        cells.sort()
    flat = [v for r in cells for v in r]
    if sort == "valuesort":
        flat.sort()
    if len(expected) == 1 and (m := re.match(r"(\d+) values hashing to ([0-9a-f]+)$", expected[0])):
        return int(m[1]) == len(flat) and hashlib.md5("".join(v + "\n" for v in flat).encode()).hexdigest() == m[2]
    return flat == expected


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
    tables, queries, others = {}, [], 0
    for number, name in enumerate(files):
        text = (gzip.open if name.endswith(".gz") else open)(name, "rt").read()
        mine, taken, of_others = read(text)
        others += of_others
        tables.update({(number, t): table for t, table in mine.items()})
        queries += [(number, q) for q in taken[::every]]
    passed, failed, alone = 0, 0, 0
    with tempfile.TemporaryDirectory() as work:
        load(work + "/all", tables)
        runs = {work + "/all": [(head(number, tables, q.sql) + q.sql, number, q) for number, q in queries]}
        for of, table in tables.items():
            mine = [(sql, of[0], q) for number, q in queries if number == of[0] and (sql := over_events(q.sql, of[1]))]
            if mine:
                load(f"{work}/{of[0]}.{of[1]}", {of: table})
                runs[f"{work}/{of[0]}.{of[1]}"] = mine
                alone += len(mine)
        for vector in "1", "0":
            for store, mine in runs.items():
                for (sql, number, q), got in zip(mine, differ.ask(store, [r[0] for r in mine], vector, threads=None)):
                    good = not isinstance(got, str) and agrees(got, q.types, q.sort, q.expected)
                    passed, failed = passed + good, failed + (not good)
                    if not good and failed <= 20:
                        print(f"# AT_VECTOR={vector} {os.path.basename(files[number])}: {sql}\n#   got {str(got)[:300]}\n#   not {q.expected[:12]}")
    print(f"{len(queries)} SELECTs, {alone} of them over a store of their own too, each both ways; {others} not run, which are other databases' spellings")
    print(f"{passed} passed, {failed} failed")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
