#!/usr/bin/env python3
"""Questions with the SQL that answers them, written by hand, over a small shop's events made here, or those of a store of ask_stores.py.

    ask_questions.py [--store NAME] --events             the events, as rows
    ask_questions.py [--store NAME] --ask                the questions, one a line
    ask_questions.py [--store NAME] ANSWERS [EVENTS]     compare at-insight ask -f ndjson's rows with what SQLite says; exit 1 when one is wrong
                                                         (EVENTS: other events of the same shape)

A row is (how, question, SQL): how "one" wants the figure in a single row, "rows" every row in any order, "top" the rows in this order,
"cells" every figure somewhere, "no" a refusal; with a "?" behind it may be refused, but not told wrong. Several SQLs: any of them is right, of
none nothing is. {today} and the like are conditions on the time.
"""
import json
import os
import random
import re
import sqlite3
import sys
from datetime import datetime, timedelta, timezone

import ask_stores

STORE = sys.argv[2] if sys.argv[1:2] == ["--store"] else None
if STORE:
    del sys.argv[1:3]
NOW = datetime.strptime(os.environ.get("AT_NOW", "2026-06-17T12:00:00.000Z"), "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=timezone.utc)


def iso(t):
    return t.strftime("%Y-%m-%dT%H:%M:%S.") + "%03dZ" % (t.microsecond // 1000)


def events():
    r = random.Random(4711)
    users = [{"id": "u%d" % (i + 1), "country": r.choice(["US"] * 5 + ["DE", "DE", "GB", "IN", "FR", "BR", "CA", "JP"]), "device": r.choice(["desktop", "desktop", "mobile", "mobile", "tablet"]),
              "source": r.choice(["google"] * 3 + ["direct", "facebook", "newsletter", "twitter", "bing"]), "campaign": r.choice([None] * 3 + ["spring_sale", "black_friday", "brand", "retargeting"])} for i in range(160)]
    browsers = {"desktop": ["chrome", "chrome", "firefox", "edge"], "mobile": ["safari", "chrome"], "tablet": ["safari", "chrome"]}
    for u in users:
        u["browser"] = r.choice(browsers[u["device"]])
    out, session = [], 0
    starts = [r.random() * 70 * 86400 for _ in range(620)] + [r.random() * 4 * 86400 for _ in range(150)] + [r.random() * 7200 for _ in range(40)]
    for ago in sorted(starts, reverse=True):
        u, t, session = users[int(r.random() ** 1.5 * 160)], NOW - timedelta(seconds=ago), session + 1

        def emit(event, **more):
            nonlocal t
            if t <= NOW:
                p = dict({"source": u["source"], "country": u["country"], "device": u["device"], "browser": u["browser"], "utm_campaign": u["campaign"]}, **more)
                out.append({"event": event, "timestamp": iso(t), "id": "i%d" % len(out), "user_id": u["id"], "session_id": "s%d" % session, "properties": {k: v for k, v in p.items() if v is not None}})
            t += timedelta(seconds=r.randint(3, 200))
        for _ in range(r.randint(1, 6)):
            emit("page_view", page=r.choice(["/", "/", "/", "/pricing", "/docs", "/docs", "/blog", "/about", "/product/1", "/product/1", "/product/2", "/product/3"]), duration_ms=int(r.lognormvariate(8.5, 0.9)))
        if r.random() < .3:
            emit("search", page="/")
        if r.random() < .15:
            emit("signup", page="/signup")
        elif r.random() < .3:
            emit("login", page="/login")
        if r.random() < .4:
            emit("add_to_cart", page="/product/%d" % r.randint(1, 3))
            if r.random() < .7:
                emit("checkout", page="/checkout")
                if r.random() < .7:
                    emit("purchase", page="/checkout", revenue=round(r.lognormvariate(4, .8), 2))
    return out


COLUMNS = ["event", "timestamp", "id", "user_id", "session_id", "source", "page", "country", "device", "browser", "duration_ms", "revenue", "utm_campaign"]
T = "timestamp"


def between(a, b=None):
    return "(timestamp >= '%s'%s)" % (iso(a), " AND timestamp < '%s'" % iso(b) if b else "")


day = NOW.replace(hour=0, minute=0, second=0, microsecond=0)
week = day - timedelta(days=day.weekday())
month = day.replace(day=1)
before = (month - timedelta(days=1)).replace(day=1)
DAY = timedelta(days=1)
WHEN = {
    "today": between(day), "yesterday": between(day - DAY, day), "yday2": between(day - 2 * DAY, day - DAY), "week": between(week), "lastweek": between(week - 7 * DAY, week),
    "month": between(month), "lastmonth": between(before, month), "hour": between(NOW - timedelta(hours=1)), "24h": between(NOW - DAY), "48h": between(NOW - 2 * DAY), "7d": between(NOW - 7 * DAY),
    "14d": between(NOW - 14 * DAY), "30d": between(NOW - 30 * DAY), "60d": between(NOW - 60 * DAY), "3h": between(NOW - timedelta(hours=3)), "90min": between(NOW - timedelta(minutes=90)),
    "weekend": between(week - 2 * DAY, week), "year": between(day.replace(month=1, day=1)), "day": "substr(timestamp, 1, 10)", "hr": "substr(timestamp, 1, 13) || ':00'",
    "2w": between(week - 14 * DAY, week - 7 * DAY), "morning": between(day, day + DAY / 2), "buyer": "COUNT(DISTINCT CASE WHEN event = 'purchase' THEN user_id END)", "p": "event = 'purchase'", "v": "event = 'page_view'",
    "first": between(month), "lastfriday": between(*(lambda f: (f, f + DAY))(next(day - k * DAY for k in range(1, 8) if (day - k * DAY).weekday() == 4))),
    "april": between(datetime(2026, 4, 1, tzinfo=timezone.utc), datetime(2026, 5, 1, tzinfo=timezone.utc)), "10d": between(NOW - timedelta(days=10)),
    "3ago": between(day - 3 * DAY, day - 2 * DAY), "monday": between(week), "quarter": between(day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1)),
}
DATES = {"D10": day - 10 * DAY, "D5": day - 5 * DAY}
MONTHS = "January February March April May June July August September October November December".split()


def spoken(d):
    return "%s %d" % (MONTHS[d.month - 1], d.day)


Q = [l for l in open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "ask_questions%s.txt" % ("_" + STORE if STORE else ""))).read().split("\n\n") if l.strip()]


def questions():
    for block in Q:
        lines = [l for l in block.strip().split("\n") if not l.startswith("#")]
        if not lines:
            continue
        how, question = lines[0].split(" ", 1)
        names = {"SPOKEN10": spoken(DATES["D10"]), "SPOKEN5": spoken(DATES["D5"]), "ISO10": iso(DATES["D10"])[:10], "LASTMONTH": MONTHS[before.month - 1],
                 "BETWEEN": between(DATES["D10"], DATES["D5"] + DAY), "ON10": between(DATES["D10"], DATES["D10"] + DAY), "SINCE10": between(DATES["D10"])}
        fill = lambda s: re.sub(r"\{(\w+)\}", lambda m: names.get(m.group(1)) or WHEN[m.group(1)], s)
        yield how, fill(question), [fill(l.strip()) for l in lines[1:]]


TIME = re.compile(r"^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?Z?)?$")


def plain(v):
    if isinstance(v, str) and TIME.match(v):
        return (v.rstrip("Z") + "T00:00")[:16] if "T" not in v else v[:16]
    return float(v) if isinstance(v, (int, float)) else "null" if v is None else v


def near(a, b):
    if isinstance(a, float) and isinstance(b, float):
        return abs(a - b) <= max(1e-4 * abs(a), 1e-6)
    return a == b


def columns_match(want, got, ordered):
    if len(want) != len(got):
        return False
    if not want:
        return True
    n, m = len(want[0]), len(got[0])

    def search(i, used):
        if i == n:
            rest = list(got)
            for k, w in enumerate(want):
                hit = next((g for g in (rest[:1] if ordered else rest) if all(near(w[x], g[c]) for x, c in enumerate(used))), None)
                if hit is None:
                    return False
                rest.remove(hit)
            return True
        return any(search(i + 1, used + [c]) for c in range(m) if c not in used)
    return m >= n and search(0, [])


def right(how, sqls, answer, db):
    if how == "no":
        return answer["refuse"] and not answer["rows"]
    if how.endswith("?"):
        how = how[:-1]
        if answer["refuse"]:
            return True
    if answer["refuse"]:
        return False
    got = [[plain(v) for v in row] for row in answer["rows"]]
    for sql in sqls:
        want = [[plain(v) for v in row] for row in db.execute(sql).fetchall()]
        if how == "one":
            ok = len(got) == 1 and any(near(want[0][0], v) for v in got[0])
        elif how == "cells":
            flat = [v for row in got for v in row]
            ok = all(any(near(w, v) for v in flat) for row in want for w in row)
        else:
            ok = columns_match(want, got, how == "top")
        if ok:
            return True
    return False


class Quantile:
    def __init__(self):
        self.values, self.share = [], 0.5

    def step(self, value, share=0.5):
        self.share = share
        if value is not None:
            self.values.append(value)

    def finalize(self):
        v, at = sorted(self.values), (len(self.values) - 1) * self.share
        return v[int(at)] + (v[min(int(at) + 1, len(v) - 1)] - v[int(at)]) * (at - int(at)) if v else None


def main():
    made = ask_stores.make(STORE, NOW) if STORE else events()
    if sys.argv[1:] == ["--events"]:
        for e in made:
            print(json.dumps(e, separators=(",", ":")))
        return
    if sys.argv[1:] == ["--ask"]:
        for _, question, _ in questions():
            print(question)
        return
    rows = [json.loads(l) for l in open(sys.argv[2])] if len(sys.argv) > 2 else made
    columns = COLUMNS[:5] + sorted({k for e in rows for k in e["properties"]}) if STORE else COLUMNS
    db = sqlite3.connect(":memory:")
    db.create_aggregate("MEDIAN", 1, Quantile)
    db.create_aggregate("QUANTILE", 2, Quantile)
    db.execute("CREATE TABLE events(%s)" % ", ".join(columns))
    db.executemany("INSERT INTO events VALUES(%s)" % ",".join("?" * len(columns)), [[e.get(c, e["properties"].get(c)) for c in columns] for e in rows])
    answers = [json.loads(l) for l in open(sys.argv[1])]
    all_questions = list(questions())
    assert len(answers) == len(all_questions), (len(answers), len(all_questions))
    wrong = 0
    for (how, question, sqls), a in zip(all_questions, answers):
        if not right(how, sqls, a, db):
            wrong += 1
            print("%s: %s\n   %s\n   %s\n   wanted %s" % (how, question, a["sql"], a["text"][:150].replace("\n", " | "), [db.execute(s).fetchall()[:4] for s in sqls]))
    print("%d of %d right" % (len(answers) - wrong, len(answers)))
    sys.exit(wrong > 0)


main()
