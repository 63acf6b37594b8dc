#!/usr/bin/env python3
"""Random statements over the corners of what a column may hold: over columns, row by row, and in DuckDB, all the same.

    corners.py [STATEMENTS [SEED]]      with at-query, at-ingest and at-admin on PATH; default 200 statements, a seed of today

A store has values that are absent, null, of several kinds under one name, at the ends of int64 and of doubles, with 17 digits;
texts of many scripts, composed and decomposed; properties that come late or change their kind between two loads; lists and nested
objects; times at both changes of the clock. Its rows lie in several chunks and in the tail, and another tenant has rows of the same
names. For every seventh seed all rows are filtered away, each time otherwise. Each statement runs over columns with one thread, with
three and with little memory, and row by row; where DuckDB is here it is written in its dialect too, where what has several kinds is a
column for each. All must be the same, in days and hours of a zone too. Left out is what is meant otherwise there, such as the case of
ß and of a final sigma. Prints each difference and `N the same, N differ, …`; exit 1 when one differs.
"""
import collections, datetime, json, math, random, re, subprocess, sys, tempfile

import differ

ZONES = ["UTC", "Europe/Zurich", "America/St_Johns", "Asia/Kolkata", "Australia/Lord_Howe", "America/New_York", "Pacific/Apia", "Africa/Cairo", "America/Santiago"]        # the last two skip midnight
# How a statement is run: a name, AT_VECTOR, threads, options of at-query.
WAYS = [("over columns, one thread", "1", "1", []), ("over columns, three threads", "1", "3", []), ("over columns, 256 KiB", "1", "1", ["--max-memory", "256k"]), ("row by row", "0", "1", [])]

# A piece of a statement, in both dialects.
Both = collections.namedtuple("Both", "at duck")


def both(form, *parts):
    """The form with its %s filled in, each with a text or a Both."""
    return split(form, form, *parts)


def split(at, duck, *parts):
    """Another form in each dialect."""
    side = lambda form, i: form % tuple(p if isinstance(p, str) else p[i] for p in parts) if parts else form
    return Both(side(at, 0), side(duck, 1))


def listed(parts, by=", "):
    return Both(*(by.join(p if isinstance(p, str) else p[i] for p in parts) for i in (0, 1)))


# ---- rows

TEXTS = ["", "a", "A", "z", "Z", "\u00e9", "e\u0301", "\u00c9", "E\u0301", "caf\u00e9", "cafe\u0301", "CAF\u00c9", "\u00df", "SS", "ss", "i", "I", "\u03a3", "\u03c3", "\u03c2", "\u03a3\u0391\u03a3",
         "\u0416", "\u0436", "\u0416\u0443\u043a", "\u65e5\u672c", "\U0001f600", "\U0001f600\U0001f600", "\U0001f468\u200d\U0001f469\u200d\U0001f467", "\ufb01", "\U00010400", "\U00010428", "a b", "a  b", "a%b", "a_b",
         "%", "_", "\\", "it's", "say \"x\"", "tab\there", "line\nbreak", "\u00a0", "\u200b", "10", "9", "1e1", "09", " a", "a ", "\uff21", "\uff41", "\u01c4", "\u01c6", "\U0010fffd", "\ufffd", "\u007f", "x" * 300,
         "\u0130", "\u0131", "\u1e9e", "\u212a", "\u10d0", "\u1c90", "null", "NULL", "true", "[1]", "{}"]
REALS = [0.1, 0.2, 0.30000000000000004, 1 / 3, 2 / 3, 123456.78901234567, -9.869604401089358, 2.718281828459045, 1e-7, 0.0, -0.0, 1.0, 100.0, -1.5, 4503599627370497.5]
HUGE = [1e308, -1e308, 1.7976931348623157e308, 5e-324, -5e-324, 2.2250738585072014e-308, 0.0, 1.0, 9007199254740993.0]
BIG = [2 ** 63 - 1, 2 ** 63 - 2, -2 ** 63, -2 ** 63 + 1, 2 ** 53, 2 ** 53 + 1, 2 ** 53 - 1, -2 ** 53 - 1, 2 ** 62, 0, 1, -1, 2 ** 31, 2 ** 32]
MIXED = [1, 2, 2.0, 2.5, "2", "2.0", "two", "Two", True, False, None, "", " 2", "2e0", {"a": 1}, [1, 2], -0.0, 0, 10 ** 15, -3, "\u00e9", "z"]
TIMES = ["2026-10-25T00:59:59.999Z", "2026-10-25T01:00:00.000Z", "2026-10-25T00:30:00.000Z", "2026-10-25T01:30:00.000Z", "2026-03-29T00:59:59.999Z", "2026-03-29T01:00:00.000Z", "2026-11-01T05:59:59.999Z",
         "2026-11-01T06:00:00.000Z", "2026-03-08T06:59:59.999Z", "2026-03-08T07:00:00.000Z", "2026-04-04T14:59:59.999Z", "2026-04-04T15:00:00.000Z", "2026-10-03T15:30:00.000Z", "2026-12-31T23:59:59.999Z",
         "2026-01-01T00:00:00.000Z", "2024-02-29T12:00:00.000Z", "2025-12-29T00:00:00.000Z", "2026-04-23T21:59:59.999Z", "2026-04-23T22:30:00.000Z", "2026-10-29T20:30:00.000Z", "2026-10-29T21:30:00.000Z", "2026-09-06T03:59:59.000Z", "2026-09-06T04:30:00.000Z", "2026-04-05T02:30:00.000Z", "2026-04-05T03:30:00.000Z", "2027-01-03T23:59:59.000Z"]


def rows(r, n):
    out, t = [], datetime.datetime(2026, 10, 20)
    for i in range(n):
        t += datetime.timedelta(milliseconds=r.choice([0, 1, 1000, r.randrange(1, 7000000)]))
        phase = i * 4 // n          # of the loads
        p = {"n": r.randrange(-5, 40), "r": round(r.uniform(-3, 60), 2), "s": r.choice(TEXTS)}
        chance = lambda name, share, make: r.random() < share and p.__setitem__(name, make())
        chance("real", .8, lambda: r.choice(REALS + [r.uniform(-1e6, 1e6), r.random()]))
        chance("big", .6, lambda: r.choice(BIG + [r.randrange(-2 ** 63, 2 ** 63)]))
        chance("huge", .5, lambda: r.choice(HUGE + [r.uniform(-1e300, 1e300)]))
        chance("mixed", .8, lambda: r.choice(MIXED))
        chance("source", .7, lambda: r.choice(["google", "direct", "Google", "", None]))
        chance("flag", .6, lambda: r.random() < .5)
        chance("tags", .5, lambda: [r.choice(["a", "b", "\u00e9", "e\u0301", "", "c"]) for _ in range(r.randrange(0, 4))])
        chance("obj", .5, lambda: {"k": r.choice([r.randrange(6), None]), "deep": {"t": r.choice(TEXTS[:20])}} if r.random() < .9 else {})
        chance("none", .3, lambda: None)
        if phase >= 2:
            chance("late", .6, lambda: r.randrange(9))
        if phase == 3:
            chance("tail", .5, lambda: r.choice(TEXTS))
        chance("shift", .7, lambda: r.randrange(4) if phase < 2 else str(r.randrange(4)))      # its kind changes on the way
        chance("load", .9, lambda: phase)       # one value a chunk
        e = {"event": r.choice(["view", "view", "view", "click", "buy", "caf\u00e9", "cafe\u0301"]), "timestamp": t.isoformat(timespec="milliseconds") + "Z", "id": "e%04d" % i, "properties": p}
        if r.random() < .1:
            e["timestamp"] = r.choice(TIMES)
        if r.random() < .85:
            e["user_id"] = r.choice(["u%d" % r.randrange(25), "%d" % r.randrange(4), "\u00fc1"])
        if r.random() < .5:
            e["session_id"] = "s%d" % (i // 7)
        out.append(e)
    return out


def load(store, events, r):
    """In four loads: sealed, sealed, sealed (in a chunk of its own or with the others), and the tail; beside a tenant of others."""
    quarter = -(-len(events) // 4)
    subprocess.run(["at-admin", "-q", "-S", store, "init"], check=True, capture_output=True)
    for i in range(4):
        some = events[i * quarter : (i + 1) * quarter]
        subprocess.run(["at-ingest", "-q", "-S", store], input="\n".join(map(json.dumps, some)), text=True, check=True)
        if i < 3:
            subprocess.run(["at-admin", "-q", "-S", store, "compact"], check=True, capture_output=True)
    subprocess.run(["at-admin", "-q", "-S", store, "tenant", "add", "other"], check=True, capture_output=True)
    subprocess.run(["at-ingest", "-q", "-S", store, "-T", "other"], input="\n".join(map(json.dumps, rows(r, 50))), text=True, check=True)


# ---- statements

EMPTY = ["event = 'nothing'", "n > 1000", "user_id = 'nobody'", "timestamp > '2031-01-01T00:00:00Z'", "s = 'none of them'", "late < 0 AND n > 0", "none > 0"]


def without_rows(s, condition):
    return Both(*(re.sub(r"FROM events\b", "FROM (SELECT * FROM events WHERE %s)" % condition, sql) for sql in s))


class Maker:
    WHOLE = " OFFSET 0"         # behind what is in one order only
    FLOATING = "sum(", "avg(", "stddev", "var_", "corr(", "quantile", "median"

    def __init__(self, r, zone, dot=""):
        self.r, self.zone, self.dot = r, zone, dot

    def pick(self, *of):
        return self.r.choice(of)

    def name(self, *of):
        n = self.r.choice(of)
        return both(self.dot + n) if isinstance(n, str) else Both(self.dot + n.at, self.dot + n.duck)

    def literal(self, text):
        return both("'" + text.replace("'", "''") + "'")

    def integer(self, d=2):
        plain = self.name("n", "n", "late", "flag", "load", Both("obj.k", "obj_k"))
        if d <= 0 or self.r.random() < .4:
            return plain
        a = self.integer(d - 1)
        return self.pick(lambda: both("(%s + %s)", a, self.pick("1", "-7")), lambda: both("(%s) * 2", a), lambda: both("-(%s)", a), lambda: both("(%s) %% 3", a), lambda: both("coalesce(%s, -1)", a),
                         lambda: both("length(%s)", self.text(d - 1)), lambda: both("abs(%s)", a), lambda: both("nullif(%s, 2)", a), lambda: both("(%s) / 3", a), lambda: both("(%s + %s)", a, plain),
                         lambda: both("CASE WHEN %s THEN %s ELSE %s END", self.condition(d - 1), a, plain), lambda: both("CASE %s WHEN 1 THEN 10 WHEN 2 THEN %s END", plain, a), lambda: self.part(),
                         lambda: both("greatest(%s, 3)", a), lambda: both("strpos(%s, %s)", self.text(0), self.pick("'a'", "'\u00e9'", "'\u0301'", "'\U0001f600'")),
                         lambda: split("len(%s)", "len(%s)", self.name("tags")), lambda: both("least(%s, %s)", a, plain), lambda: split("sign(%s)", "sign(%s)", a),
                         lambda: both("(%s + CAST('%s' AS INTEGER))", plain, str(self.r.randrange(99))), lambda: both("bit_count(%s)", self.name("n")))()

    def real(self, d=2):
        plain = self.name("r", "real")
        if d <= 0 or self.r.random() < .5:
            return plain
        a = self.real(d - 1)
        return self.pick(lambda: both("(%s + 0.5)", a), lambda: both("(%s) * 2.0", a), lambda: both("-(%s)", a), lambda: both("coalesce(%s, 0.25)", a), lambda: both("abs(%s)", a), lambda: both("(%s / 4.0)", self.integer(0)),
                         lambda: both("CASE WHEN %s THEN %s END", self.condition(d - 1), a), lambda: both("floor(%s)", plain), lambda: both("(%s + %s)", self.name("n"), a), lambda: both("sqrt(abs(%s))", plain))()

    def plain_text(self):
        return self.name("s", "s", "event", "user_id", "source", "tail", Both("obj.deep.t", "obj_deep_t"), "session_id")

    def text(self, d=2):
        if d <= 0 or self.r.random() < .4:
            return self.plain_text()
        a = self.text(d - 1)
        return self.pick(lambda: both("lower(%s)", a), lambda: both("upper(replace(%s, '\u00df', '?'))", a), lambda: both("substr(%s, %s, %s)", a, str(self.r.randrange(1, 4)), str(self.r.randrange(0, 3))), lambda: both("(%s || '-')", a),
                         lambda: both("coalesce(%s, '\u2205')", a), lambda: both("replace(%s, %s, 'X')", a, self.pick("'a'", "'\u00e9'", "'\u0301'", "'\U0001f600'")), lambda: both("(%s || %s)", self.plain_text(), a),
                         lambda: both("CASE WHEN %s THEN %s END", self.condition(d - 1), a), lambda: both("trim(%s, ' ')", a), lambda: both("left(%s, 1)", a), lambda: both("right(%s, 1)", a), lambda: both("nullif(%s, '')", a),
                         lambda: split("CAST(%s AS TEXT)", "CAST(%s AS VARCHAR)", self.name("n", "big")), lambda: both("concat_ws('/', %s, %s)", a, self.plain_text()), lambda: both("split_part(%s, ' ', 1)", a),
                         lambda: both("ltrim(%s, ' a')", a), lambda: both("repeat(%s, 2)", a), lambda: self.local())()

    # of several kinds: what is a number, and what is a text

    def kinds(self):
        return self.dot + self.pick("mixed", "mixed", "shift")

    def mixed_number(self):
        m = self.kinds()
        return Both("CASE WHEN typeof(%s) <> 'text' THEN %s END" % (m, m), m + "_number")

    def mixed_text(self):
        m = self.kinds()
        return Both("CASE WHEN typeof(%s) = 'text' THEN %s END" % (m, m), m + "_text")

    # ---- times, in a zone

    def part(self):
        t = self.dot + "timestamp"
        return self.pick(lambda: both("%s(%s)" % (self.pick("year", "month", "day", "hour", "minute", "dayofweek"), t)), lambda: both("extract(%s FROM %s)" % (self.pick("week", "dow", "hour", "day", "quarter", "doy", "year", "second", "isodow"), t)),
                         lambda: self.instant(), lambda: split("datediff('%s', '2026-10-01T00:00:00Z', %s)", "datediff('%s', TIMESTAMPTZ '2026-10-01 00:00:00+00', %s)", self.pick("day", "month", "minute", "year", "second", "hour" if self.zone in ("UTC", "Asia/Kolkata") else "day"), t))()

    def hour(self, t):
        """DuckDB makes one hour of one that comes twice, but not of hours of UTC."""
        if self.zone == "Australia/Lord_Howe":
            return both("date_trunc('hour', %s)", t)
        return split("date_trunc('hour', %s)", "time_bucket(INTERVAL '1 hour', %s, INTERVAL '" + ("30" if self.zone in ("America/St_Johns", "Asia/Kolkata") else "0") + " minutes')", t)

    def instant(self):
        """A time in whole seconds since 1970."""
        t = self.dot + "timestamp"
        later = t + " + INTERVAL " + self.pick("'1 hour'", "'36 hours'", "'90 minutes'")
        w, day = self.pick("1 hour", "15 minutes", "6 hours"), self.pick("1 day", "1 month")
        cut = self.pick(both("date_trunc('%s', %s)", self.pick("second", "minute", "day", "week", "month", "quarter", "year"), t), self.hour(t), self.hour(later), both("date_trunc('%s', %s)", self.pick("day", "month"), later),
                        Both("time_bucket('%s', %s)" % (day, t), "time_bucket(INTERVAL '%s', %s, '%s')" % (day, t, self.zone)), Both("time_bucket('7 days', %s)" % t, "date_trunc('week', %s)" % t),
                        Both("time_bucket('%s', %s)" % (w, t), "time_bucket(INTERVAL '%s', %s)" % (w, t)))
        return split("CAST(epoch(%s) AS INTEGER)", "CAST(epoch(%s) AS BIGINT)", cut)

    def local(self):
        t = self.dot + "timestamp"
        return self.pick(both("strftime(%s, '%s')" % (t, self.pick("%Y-%m-%d", "%H:%M", "%Y-%m-%d %H:%M:%S", "%j", "%m", "%d %H"))), both("strftime(%s AT TIME ZONE '%s', '%%Y-%%m-%%d %%H:%%M:%%S')" % (t, self.r.choice(ZONES))),
                         split("CAST(CAST(%s AS DATE) AS TEXT)", "CAST(CAST(%s AS DATE) AS VARCHAR)", t))

    # ---- conditions

    def like(self, text):
        """SQLite's knows no case of ASCII letters."""
        form = self.pick("%a%", "a%", "%B", "%", "", "_", "__", "caf\u00e9", "CAF_", "%\u0301", "%\u00c9%", "\U0001f600%", "_\u0301", "a!%b", "%!_%", "%\u0436%", "I")
        low = "".join(c.lower() if c < "\x80" else c for c in form)
        escape = " ESCAPE '!'" if "!" in form else ""
        return split("%s LIKE '" + form.replace("%", "%%") + "'" + escape, "translate(%s, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', 'abcdefghijklmnopqrstuvwxyz') LIKE '" + low.replace("%", "%%") + "'" + escape, text)

    def condition(self, d=2):
        x = self.r.random()
        if d > 0 and x < .4:
            return both(self.pick("(%s AND %s)", "(%s OR %s)", "NOT (%s OR %s)", "(%s) = (%s)", "(%s) IS DISTINCT FROM (%s)"), self.condition(d - 1), self.condition(d - 1))
        if d > 0 and x < .48:
            other = Maker(self.r, self.zone)
            return self.pick(lambda: both("%s %sIN (SELECT %s FROM events%s)", self.integer(0), self.pick("", "NOT "), other.integer(1), other.where()),
                             lambda: both("%s %sIN (SELECT %s FROM events%s)", self.plain_text(), self.pick("", "NOT "), other.text(1), other.where()),
                             lambda: both("%s %s (SELECT %s FROM events%s)", self.real(0), self.pick(">", "<=", "<>"), both("%s(%s)", self.pick("min", "max", "avg"), other.real(0)), other.where()),
                             lambda: both("%sEXISTS (SELECT 1 FROM events%s)", self.pick("", "NOT "), other.where()),
                             lambda: both("%s %s %s (SELECT %s FROM events%s)", self.integer(0), self.pick("<", ">=", "=", "<>"), self.pick("ANY", "ALL"), other.name("n", "late"), other.where()))()
        op, d = self.pick("=", "<>", "<", "<=", ">", ">="), max(0, d - 1)
        return self.pick(
            lambda: both("%s %s %s", self.name("load", "late"), op, str(self.r.randrange(0, 4))), lambda: both("%s %s %s", self.integer(d), op, str(self.r.randrange(-6, 41))), lambda: both("%s %s %s", self.real(d), op, self.pick("0.1", "0.0", "-0.0", "20.5", "0.30000000000000004", "1", "1e308")),
            lambda: both("%s %s %s", self.name("big"), op, self.pick("9223372036854775807", "-9223372036854775807", "9007199254740993", "9007199254740992", "0", "4611686018427387904")),
            lambda: both("%s %s %s", self.name("huge"), op, self.pick("1e308", "0.0", "-1.7976931348623157e308", "5e-324", "1")), lambda: both("%s %s %s", self.text(d), op, self.literal(self.r.choice(TEXTS))),
            lambda: both("%s %s %s", self.text(d), op, self.text(0)), lambda: both("%s %s %s", self.integer(d), op, self.integer(0)), lambda: both("%s %s %s", self.name("n", "big"), op, self.name("big", "late", "n")),
            lambda: both("%s %s %s", self.name("real", "r", "n"), op, self.name("real", "huge", "r")),
            lambda: both("%s IS %sNULL", self.pick(self.text, self.integer, self.real)(d), self.pick("", "NOT ")), lambda: both("%s IS %sNULL", self.name("none", "tags", "tail", "late", "mixed", "huge", "obj"), self.pick("", "NOT ")),
            lambda: both("%s %sIN (%s)", self.plain_text(), self.pick("", "NOT "), listed([self.literal(self.r.choice(TEXTS + ["view", "google", "u1"])) for _ in range(self.r.randrange(1, 6))])),
            lambda: both("%s %sIN (%s)", self.integer(d), self.pick("", "NOT "), ", ".join(self.pick("1", "2", "NULL", "-5", "30") for _ in range(self.r.randrange(1, 5)))),
            lambda: both("%s %sBETWEEN %s AND %s", self.integer(d), self.pick("", "NOT "), str(self.r.randrange(-6, 20)), str(self.r.randrange(0, 41))),
            lambda: both("%s %sBETWEEN %s AND %s", self.plain_text(), self.pick("", "NOT "), self.literal(self.r.choice(TEXTS)), self.literal(self.r.choice(TEXTS))),
            lambda: self.like(self.text(d)), lambda: both("NOT %s", self.like(self.plain_text())), lambda: both("%s %sILIKE %s", self.text(d), self.pick("", "NOT "), self.literal(self.pick("%A%", "CAF\u00c9", "%\u0416%", "_", "%\u00c9", "\U00010400", "E\u0301"))),
            lambda: both("%s GLOB '%s'", self.plain_text(), self.pick("*a*", "[a-c]*", "?", "*\u00e9", "caf?")), lambda: both("starts_with(%s, %s)", self.text(d), self.literal(self.pick("a", "caf", "\u00e9", "e", ""))),
            lambda: both("contains(%s, %s)", self.text(d), self.literal(self.pick("a", "\u0301", "\U0001f600", " ", "b"))), lambda: both("%s = 1", self.name("flag")),
            lambda: split("list_contains(%s, %s)", "list_contains(%s, %s)", self.name("tags"), self.literal(self.pick("a", "\u00e9", "zz"))), lambda: both("%s IS %sTRUE", self.condition(d - 1) if d else both("%s > 3", self.name("late")), self.pick("", "NOT ")),
            lambda: self.several(op), lambda: both("%s %s %s", self.dot + "timestamp", op, self.pick(*(Both("'%s'" % t, "TIMESTAMPTZ '%s'" % t) for t in TIMES))),
            lambda: both("%s %s %s", self.instant(), op, "1793000000"), lambda: both("%s %s %s", self.local(), op, "'2026-10-25'"), lambda: both("regexp_matches(%s, %s)", self.plain_text(), self.literal(self.pick("^a", "[0-9]", "\u00e9$", "^.$", "^..$"))))()

    def several(self, op):
        m, n, t, k = self.kinds(), self.pick("2", "0", "1.5", "1000000000000000"), self.pick("'2'", "'two'", "''", "'z'"), self.pick("text", "integer", "real", "null")
        text = {"=": "FALSE", "<>": "TRUE", "<": "FALSE", "<=": "FALSE", ">": "TRUE", ">=": "TRUE"}[op]
        number = {"=": "FALSE", "<>": "TRUE", "<": "TRUE", "<=": "TRUE", ">": "FALSE", ">=": "FALSE"}[op]
        return self.pick(Both("%s %s %s" % (m, op, n), "CASE WHEN %s_text IS NOT NULL THEN %s ELSE %s_number %s %s END" % (m, text, m, op, n)),
                         Both("%s %s %s" % (m, op, t), "CASE WHEN %s_number IS NOT NULL THEN %s ELSE %s_text %s %s END" % (m, number, m, op, t)),
                         Both("typeof(%s) = '%s'" % (m, k), "coalesce(%s_kind, 'null') = '%s'" % (m, k)), Both("CAST(%s AS TEXT) %s %s" % (m, op, t), "%s_shown %s %s" % (m, op, t)))

    def where(self, share=.6):
        return both(" WHERE %s", self.condition()) if self.r.random() < share else both("")

    # ---- aggregates, windows

    def key(self, d=1):
        return self.pick(self.integer, self.integer, self.text, self.text, self.text, lambda d: self.name("big", "huge", "real"), lambda d: self.instant(), lambda d: self.local(), lambda d: self.mixed_number(), lambda d: self.mixed_text())(d)

    def aggregate(self, filtered=True):
        f = both(" FILTER (WHERE %s)", self.condition(1)) if filtered and self.r.random() < .25 else both("")
        m = self.kinds()
        return self.pick(
            lambda: both("count(*)%s", f), lambda: both("count(%s)%s", self.key(), f), lambda: both("count(DISTINCT %s)%s", self.key(), f), lambda: both("sum(%s)%s", self.integer(1), f), lambda: both("sum(%s)%s", self.name("r", "real"), f),
            lambda: both("avg(%s)%s", self.pick(self.integer, self.real)(1), f), lambda: both("%s(%s)%s", self.pick("min", "max"), self.pick(self.text, self.integer, self.real)(1), f), lambda: both("%s(%s)%s", self.pick("min", "max"), self.name("big", "huge"), f),
            lambda: both("sum(DISTINCT %s)%s", self.integer(1), f), lambda: both("median(%s)%s", self.name("n", "r", "late"), f), lambda: both("quantile_disc(%s, 0.3)%s", self.name("n", "r"), f), lambda: both("quantile_cont(%s, 0.9)%s", self.name("n", "r"), f),
            lambda: both("stddev_pop(%s)%s", self.name("n", "r"), f), lambda: both("var_samp(%s)%s", self.name("n", "r", "late"), f), lambda: both("arg_max(%s, %s)%s", self.name("id", "n"), self.name("id"), f), lambda: both("arg_min(%s, %s)%s", self.name("id", "s"), self.name("id"), f),
            lambda: both("string_agg(%s, ',' ORDER BY %s)%s", self.text(1), self.name("id"), f), lambda: split("count_if(%s)", "count(*) FILTER (WHERE %s)", self.condition(1)), lambda: both("bool_or(%s)%s", self.condition(1), f), lambda: both("bool_and(%s)%s", self.condition(1), f),
            lambda: both("bit_or(%s)%s", self.name("n", "late"), f), lambda: both("sum(CASE WHEN %s THEN %s ELSE 0 END)", self.condition(1), self.integer(0)), lambda: both("corr(%s, %s)", self.name("n"), self.name("r")),
            lambda: Both("count(DISTINCT %s)" % m, "count(DISTINCT %s_number) + count(DISTINCT %s_text)" % (m, m)),
            lambda: Both("CASE WHEN typeof(max(%s)) = 'text' THEN max(%s) END" % (m, m), "max(%s_text)" % m), lambda: Both("CASE WHEN typeof(min(%s)) <> 'text' THEN min(%s) END" % (m, m), "min(%s_number)" % m))()

    def frame(self):
        return self.pick("", "", " ROWS BETWEEN 3 PRECEDING AND CURRENT ROW", " ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING", " ROWS BETWEEN 2 PRECEDING AND 2 FOLLOWING", " ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING", " ROWS BETWEEN 1 FOLLOWING AND 3 FOLLOWING")

    def window(self, sums=True):
        by = both("PARTITION BY %s", self.key()) if self.r.random() < .6 else both("")
        order = both(" ORDER BY %s%s, %s", self.pick(self.text, self.integer, lambda d: self.name("big", "huge", "real"))(1), self.pick("", " DESC", " NULLS LAST", " DESC NULLS FIRST"), self.name("id"))
        f = self.pick(lambda: both(self.pick("row_number()", "rank()", "dense_rank()", "percent_rank()", "cume_dist()", "ntile(3)")), lambda: both("lag(%s)", self.key(0)), lambda: both("lead(%s, 2)", self.key(0)), lambda: both("lag(%s, 1, -9)", self.name("n", "late")),
                      *3 * [lambda: both("%s(%s)", self.pick("first_value", "last_value", "min", "max"), self.pick(self.text, self.integer)(1))], lambda: both("nth_value(%s, 2)", self.text(0)), lambda: both("sum(%s)", self.integer(1)), lambda: both("count(%s)", self.key(0)),
                      lambda: both("count(*)"), lambda: both("avg(%s)", self.name("n", "r")) if sums else both("max(%s)", self.name("r")), lambda: both("count(DISTINCT %s)", self.text(0)), lambda: both("median(%s)", self.name("n")), lambda: both("sum(%s) FILTER (WHERE %s)", self.name("n"), self.condition(1)))()
        framed = f.at.split("(")[0] in ("first_value", "last_value", "min", "max", "nth_value", "sum", "count", "avg", "median")
        return both("%s OVER (%s%s%s)", f, by, order, self.frame() if framed else "")

    # ---- whole statements; what is ordered by all that it gives says so

    def grouped(self):
        keys, values = [self.key() for _ in range(self.r.choice([0, 1, 1, 1, 2, 2, 3]))], [self.aggregate() for _ in range(self.r.randrange(1, 4))]
        items = [both("%s AS c%s", x, str(i)) for i, x in enumerate(keys + values)]
        sql = both("SELECT %s FROM events%s%s", listed(items), self.alias(), self.where())
        if keys:
            sql = both("%s GROUP BY %s", sql, self.pick("ALL", ", ".join(str(i + 1) for i in range(len(keys)))))
            if self.r.random() < .4:
                sql = both("%s HAVING %s", sql, self.pick(lambda: both("count(*) > %s", str(self.r.randrange(4))), lambda: both("%s(%s) %s 3", self.pick("min", "max"), self.name("n", "late"), self.pick("<", ">")), lambda: both("count(DISTINCT %s) > 1", self.text(0)))())
        elif self.r.random() < .2:
            sql = both("%s HAVING count(*) %s 3", sql, self.pick("<", ">"))
        return sql, len(items)

    def alias(self):
        return " " + self.dot[:-1] if self.dot else ""

    def plain(self, n=None):
        items = [self.pick(self.key, self.key, lambda: self.name("id"), lambda: self.name("big", "huge", "real"))() for _ in range(n or self.r.randrange(1, 4))]
        return both("SELECT %s%s FROM events%s%s", self.pick("", "", "DISTINCT "), listed([both("%s AS c%s", x, str(i)) for i, x in enumerate(items)]), self.alias(), self.where(.8))

    def ordered(self, sql, n):
        """The first rows by all that is given."""
        by = list(range(1, n + 1))
        self.r.shuffle(by)
        limit = "" if any(w in sql.at for w in self.FLOATING) else self.pick("", " LIMIT 5", " LIMIT 7")
        return both("%s ORDER BY %s%s%s", sql, ", ".join("%d%s" % (i, self.pick("", "", " DESC", " NULLS LAST", " DESC NULLS LAST")) for i in by), limit, self.WHOLE if limit else "")

    def set_operation(self, d=1):
        a, b = Maker(self.r, self.zone), Maker(self.r, self.zone)
        one = lambda m: both("SELECT %s AS c0, %s AS c1 FROM events%s", m.text(1), m.integer(1), m.where())
        left = one(a) if d <= 0 or self.r.random() < .6 else both("SELECT c0, c1 FROM (%s) AS x", self.set_operation(d - 1))
        return both("%s %s %s", left, self.pick("UNION", "UNION ALL", "EXCEPT", "INTERSECT"), one(b))

    def joined(self):
        a, b = Maker(self.r, self.zone, "a."), Maker(self.r, self.zone, "b.")
        k = self.pick(Both("user_id", "user_id"), Both("s", "s"), Both("n", "n"), Both("big", "big"), Both("source", "source"), Both("late", "late"), Both("real", "real"), Both("obj.k", "obj_k"), Both("session_id", "session_id"), Both("event", "event"))
        how = self.pick("JOIN", "JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN")
        on = both("a.%s = b.%s", k, k)
        if self.r.random() < .2:
            on = both("%s = %s", a.text(1), b.text(0))
        if self.r.random() < .3 and how in ("JOIN", "LEFT JOIN"):
            on = both("%s AND %s", on, self.pick(lambda: both("a.n < b.n"), lambda: b.condition(0), lambda: both("a.event = b.event"))())
        few = lambda: both("(SELECT * FROM events WHERE n %s %s)", self.pick("<", ">"), str(self.pick(0, 3, 33, 37)))
        if self.r.random() < .5:
            return both("SELECT %s AS c0, %s AS c1, %s AS c2 FROM %s a %s %s b ON %s%s", a.key(), b.key(0), b.name("id"), few(), how, few(), on, self.pick(both(""), both(" WHERE %s", b.condition(1)), both(" WHERE %s", a.condition(1))))
        return both("SELECT %s AS c0, count(*) AS c1, %s AS c2, %s AS c3 FROM %s a %s %s b ON %s%s GROUP BY 1", a.key(), a.aggregate(), b.aggregate(), few(), how, few(), on, self.pick(both(""), both(" WHERE %s", b.condition(1))))

    def grouped_join(self):
        k, a, b = self.key(), Maker(self.r, self.zone), Maker(self.r, self.zone)
        both_sides = [both("SELECT %s AS k, %s AS v, %s AS w FROM events%s GROUP BY 1", k, m.aggregate(), m.aggregate(), m.where()) for m in (a, b)]
        return both("WITH x AS (%s), y AS (%s) SELECT %s FROM x %s y ON x.k = y.k", *both_sides, self.pick("x.k AS c0, y.k AS c1, x.v AS c2, y.w AS c3", "count(*) AS c0, count(y.k) AS c1, max(x.k) AS c2", "coalesce(x.k, y.k) AS c0, x.w AS c1"), self.pick("JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"))

    def chain(self):
        a, b = Maker(self.r, self.zone), Maker(self.r, self.zone)
        return both("WITH a AS (SELECT %s AS k, %s AS t, id, n, r FROM events%s), b AS (SELECT k, t, count(*) AS m, min(id) AS i, sum(n) AS z FROM a WHERE %s GROUP BY 1, 2), c AS (SELECT *, rank() OVER (PARTITION BY k ORDER BY m DESC, i) AS o FROM b) %s",
                    a.integer(1), a.text(1), a.where(), self.pick("k IS NOT NULL", "n > 3", "t >= 'a'", "r < 30 OR t IS NULL", "k IN (SELECT n FROM a)"), self.pick(
                        "SELECT k AS c0, t AS c1, m AS c2, z AS c3 FROM c WHERE o = 1", "SELECT o AS c0, count(*) AS c1, sum(m) AS c2 FROM c GROUP BY 1", "SELECT count(*) AS c0, count(DISTINCT t) AS c1, max(m) AS c2 FROM c WHERE m > 1",
                        "SELECT c.k AS c0, a.id AS c1 FROM c JOIN a ON c.k = a.k AND c.i = a.id", "SELECT k AS c0, (SELECT max(m) FROM b) AS c1 FROM c WHERE o <= 2"))

    def correlated(self):
        e, p = Maker(self.r, self.zone, "e."), Maker(self.r, self.zone, "p.")
        k = self.pick(Both("user_id", "user_id"), Both("s", "s"), Both("n", "n"), Both("source", "source"), Both("late", "late"), Both("obj.k", "obj_k"))
        inner = both(" FROM events p WHERE p.%s = e.%s AND %s", k, k, p.condition(1))
        test = self.pick(lambda: both("%sEXISTS (SELECT 1%s)", self.pick("", "NOT "), inner), lambda: both("(SELECT %s%s) > 3", self.pick("count(*)", "max(p.n)", "sum(p.late)"), inner), lambda: both("e.n %sIN (SELECT p.n%s)", self.pick("", "NOT "), inner))()
        return self.pick(lambda: both("SELECT e.id AS c0, (SELECT %s%s) AS c1 FROM events e WHERE e.n < 2", p.aggregate(False), inner), lambda: both("SELECT %s AS c0, count(*) AS c1 FROM events e WHERE %s GROUP BY 1", e.key(), test))()

    def unnested(self):
        return both(self.pick("SELECT t.x AS c0, count(*) AS c1 FROM events, unnest(tags) AS t(x)%s GROUP BY 1", "SELECT id AS c0, t.x AS c1 FROM events, unnest(tags) AS t(x)%s"), both(" WHERE %s", self.condition(1)))

    def sets(self):
        return both("SELECT event AS c0, source AS c1, count(*) AS c2, grouping(event, source) AS c3, max(n) AS c4 FROM events%s GROUP BY %s", self.where(), self.pick("ROLLUP(event, source)", "CUBE(event, source)", "GROUPING SETS ((event), (source), ())"))

    def statement(self):
        x = self.r.random()
        if x < .3:
            sql, n = self.grouped()
            return self.ordered(sql, n) if self.r.random() < .4 else sql
        if x < .42:
            n = self.r.randrange(1, 4)
            sql = self.plain(n)
            return self.ordered(sql, n) if self.r.random() < .6 else sql
        if x < .48:
            return both("SELECT id AS c0, %s AS c1, %s AS c2 FROM events%s ORDER BY %s%s, id LIMIT %s", self.key(), self.text(0), self.where(), self.pick(self.text, self.integer, lambda d: self.name("big", "huge", "real"))(1), self.pick("", " DESC", " NULLS LAST"), str(self.r.randrange(1, 30)) + self.WHOLE)
        if x < .58:
            sql = both("SELECT id AS c0, %s AS c1, %s AS c2 FROM events%s", self.window(), self.window(), self.where())
            counted = both("SELECT c2, count(*) AS c FROM (SELECT id, %s AS c2 FROM events) AS x GROUP BY 1", self.window(False))
            return self.pick(sql, counted, both("%s QUALIFY row_number() OVER (PARTITION BY user_id ORDER BY timestamp, id) <= 2", sql))
        if x < .66:
            sql = self.set_operation(2)
            return self.pick(sql, both("SELECT c0, count(*) AS n, sum(c1) AS z FROM (%s) AS x GROUP BY 1", sql))
        if x < .76:
            return self.joined()
        return self.pick(self.grouped_join, self.grouped_join, self.chain, self.chain, self.correlated, self.correlated, self.unnested, self.sets)()


# ---- all ways

def ask(store, statements, zone, way):
    """The rows of each statement, as lists of what is in them."""
    _, vector, threads, options = way
    return [x if isinstance(x, str) else [list(row.values()) for row in x] for x in differ.ask(store, statements, vector, zone, threads, options)]


def shown(v):
    return "1" if v is True else "0" if v is False else repr(v) if isinstance(v, float) else json.dumps(v, separators=(",", ":"), ensure_ascii=False) if isinstance(v, (list, dict)) else str(v)


def duck_columns(e):
    """What an event is in DuckDB: a column of one type each, and for what has several kinds one for each of them."""
    p = e["properties"]
    o = p.get("obj") or {}
    columns = {"obj": json.dumps(o) if "obj" in p else None, "obj_k": o.get("k"), "obj_deep_t": o.get("deep", {}).get("t")}
    for name in "mixed", "shift":
        v = p.get(name)
        number = v if isinstance(v, (bool, int, float)) else None
        columns.update({name: None if v is None else shown(v), name + "_shown": None if v is None else shown(v), name + "_number": None if number is None else float(number),
                        name + "_text": None if v is None or number is not None else shown(v), name + "_kind": "null" if v is None else "real" if isinstance(v, float) else "integer" if number is not None else "text"})
    return {**e, **p, **columns}


class Duck:
    KINDS = dict([(name, kind) for kind, names in {
        "VARCHAR": "event user_id session_id id s source obj obj_deep_t tail mixed mixed_text mixed_shown mixed_kind shift shift_text shift_shown shift_kind", "BIGINT": "n big flag obj_k none late load",
        "DOUBLE": "r real huge mixed_number shift_number", "TIMESTAMPTZ": "timestamp", "VARCHAR[]": "tags"}.items() for name in names.split()])

    def __init__(self, events):
        import duckdb
        self.db = duckdb.connect()
        for s in ("default_null_order = 'nulls_first_on_asc_last_on_desc'", "integer_division = true", "threads = 1", "TimeZone = 'UTC'"):
            self.db.execute("SET " + s)
        self.db.execute("CREATE TABLE events(%s)" % ", ".join('"%s" %s' % k for k in self.KINDS.items()))
        self.db.executemany("INSERT INTO events VALUES (%s)" % ", ".join("?" * len(self.KINDS)), [[duck_columns(e).get(k) for k in self.KINDS] for e in events])

    def ask(self, sql):
        try:
            return [list(map(self.plain, row)) for row in self.db.execute(sql).fetchall()]
        except Exception as e:      # a text: why it does not say anything
            return str(e)

    @staticmethod
    def plain(v):
        return float(v) if type(v).__name__ == "Decimal" else int(v) if type(v) is bool else None if v != v else v


def apart(a, b, ordered, summed):
    """What only one of two answers has; None: nothing. Of what is summed or divided nobody has the only right last digit; a real of a whole
    number is written like an integer."""
    if isinstance(a, str) or isinstance(b, str):
        return None if isinstance(a, str) and isinstance(b, str) else (a, b)
    alike = lambda x, y: x == y and type(x) == type(y) or type(x) in (int, float) and type(y) in (int, float) and (x == y or (summed or type(x) is float is type(y)) and math.isclose(x, y, rel_tol=1e-9, abs_tol=1e-9))
    row = lambda x, y: len(x) == len(y) and all(map(alike, x, y))
    if not ordered:
        place = lambda x: [(0, 0) if v is None else (1, float("%.6g" % v)) if isinstance(v, (int, float)) else (2, str(v)) for v in x]
        a, b = sorted(a, key=place), sorted(b, key=place)
    if len(a) == len(b) and all(map(row, a, b)):
        return None
    if ordered and len(a) == len(b):
        return [x for x, y in zip(a, b) if not row(x, y)], [y for x, y in zip(a, b) if not row(x, y)]
    left, only = list(b), []
    for x in a:         # two that differ at the seventh digit may stand in another order
        at = next((i for i, y in enumerate(left) if row(x, y)), None)
        if at is None:
            only.append(x)
        else:
            del left[at]
    return (only, left) if only or left else None


def judge(s, zone, plan, answers, duck, count):
    """Of one statement: are all its answers what it gives row by row? Says what differs."""
    *fast, (_, last) = answers
    little = [name for name, x in fast if isinstance(x, str) and "memory" in x]         # said, where neither groups nor SQLite can do with it
    others = [(name, x) for name, x in fast if name not in little]
    theirs = duck.ask(s.duck) if duck else None
    if isinstance(theirs, list) and isinstance(last, list):
        others.append(("DuckDB", theirs))
    elif duck and isinstance(theirs, str) != isinstance(last, str):
        count["refused by one"] += 1
        if "-v" in sys.argv:
            print("# refused by one: %s\n#   at     %s\n#   DuckDB %s: %s" % (s.at, str(last)[:200], s.duck, str(theirs)[:300]))
    wrong = [(name, found) for name, x in others if (found := apart(last, x, s.at.endswith(Maker.WHOLE), any(w in s.at for w in Maker.FLOATING)))]
    count["without enough memory"] += len(little)
    count["over columns"] += isinstance(plan, list) and any("vector(" in str(p) for p in plan)
    count["in DuckDB"] += isinstance(theirs, list)
    count["refused"] += isinstance(last, str)
    count["differ" if wrong else "the same"] += 1
    if wrong and count["differ"] <= 20:
        few = lambda x: x[:300] if isinstance(x, str) else str(x[:3])[:400]
        print("# --tz %s: %s" % (zone, s.at))
        if wrong[-1][0] == "DuckDB":
            print("#   in DuckDB: %s" % s.duck)
        for name, (mine, other) in wrong:
            print("#   row by row only: %s\n#   %s only: %s" % (few(mine), name, few(other)))


def main():
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else datetime.date.today().toordinal()
    r, count = random.Random(seed), collections.Counter()
    with tempfile.TemporaryDirectory() as store:
        events = rows(r, 600)
        load(store, events, r)
        try:
            duck = Duck(events)
        except ImportError:
            duck = None
        for i in range(0, n, 100):
            zone = r.choice(ZONES)
            some = [Maker(r, zone).statement() for _ in range(min(100, n - i))]
            if seed % 7 == 0:
                some = [without_rows(s, r.choice(EMPTY)) for s in some]
            if duck:
                duck.db.execute("SET TimeZone = '%s'" % zone)
            said = [s.at for s in some]
            plans = ask(store, ["EXPLAIN " + s for s in said], zone, WAYS[0])
            ways = [[(way[0], x) for x in ask(store, said, zone, way)] for way in WAYS]
            for s, plan, answers in zip(some, plans, zip(*ways)):
                judge(s, zone, plan, answers, duck, count)
    names = "the same", "differ", "over columns", "in DuckDB", "refused", "refused by one", "without enough memory"
    print("seed %d: %s" % (seed, ", ".join("%d %s" % (count[name], name) for name in names)))
    return count["differ"] > 0


if __name__ == "__main__":
    sys.exit(main())
