#!/usr/bin/env python3
"""Every number of a dashboard equals SQL over the same store: page_numbers.py URL ALL PART, two keys of the server at URL; PART sees country DE alone.

For each type of widget there is a statement in plain SQL over `events`, of a run that sees all, with the part's condition written out: it
shares nothing with the way in which dashboards ask, nor with the way in which rights are kept. Compared are at-dash's files (json, csv, html,
svg), its text and its screen under tmux, from the store and from the server, and the server's own answers to what the pages ask."""
import csv, html.parser, io, json, os, re, subprocess, sys, time, urllib.parse, urllib.request

URL, ALL, PART = sys.argv[1:4]
FROM, TO = "2026-11-20T00:00:00.000Z", "2026-11-24T00:00:00.000Z"
SOURCES, COUNTRIES = ["google", "direct", "news"], ["DE", "FR", "JP", "DE", "CH"]

BOARD = {"id": "all", "title": "Everything", "layout": "grid", "timeRange": "2026-11-20/2026-11-24", "widgets": [
    {"id": "card", "type": "metric_card", "title": "Purchases", "metric": "purchase"},
    {"id": "gauge", "type": "gauge", "title": "Carts", "metric": "add_to_cart", "max": 5000},
    {"id": "funnel", "type": "funnel_chart", "title": "Funnel", "steps": ["page_view", "purchase"]},
    {"id": "pie", "type": "pie_chart", "title": "Sources", "metric": "page_view", "groupBy": "source"},
    {"id": "line", "type": "line_chart", "title": "By source", "metric": "page_view", "groupBy": ["source"], "interval": "6h"},
    {"id": "area", "type": "area_chart", "title": "Views", "metric": "page_view", "interval": "6h"},
    {"id": "heat", "type": "heatmap", "title": "Heat", "metric": "purchase", "groupBy": "source", "interval": "1d"},
    {"id": "back", "type": "retention", "title": "Back", "start": "page_view", "return": "purchase", "interval": "1d", "periods": 4},
    {"id": "table", "type": "table", "title": "Pages", "query": "SELECT page, COUNT(*) AS views, SUM(price) AS sum FROM events WHERE event = 'page_view' AND timestamp >= :from AND timestamp < :to GROUP BY 1 ORDER BY 1"},
    {"id": "bars", "type": "bar_chart", "title": "Countries", "metric": "purchase", "groupBy": "country"},
    {"id": "feed", "type": "event_feed", "title": "Feed", "event": "purchase", "limit": 5},
    {"id": "alerts", "type": "alert_list", "title": "Alerts"},
    {"id": "words", "type": "text", "title": "Words", "text": "some words"}]}
for i, w in enumerate(BOARD["widgets"]):
    w["position"] = {"x": i % 3 * 4, "y": i // 3 * 4, "w": 4, "h": 4}


def events():
    for i in range(3000):
        t, u = i * 7919 % 345000, i * 31 % 257
        at = "2026-11-%02dT%02d:%02d:%02d.%03dZ" % (20 + t // 86400, t // 3600 % 24, t // 60 % 60, t % 60, i % 1000)
        yield json.dumps({"event": "page_view" if i % 5 < 3 else "add_to_cart" if i % 7 else "purchase", "timestamp": at, "id": "e%d" % i, "user_id": "u%d" % u,
                          "properties": {"country": COUNTRIES[u % 5], "source": SOURCES[(i * i + u) % 3], "page": "/p%d" % (i % 4), "price": i % 89}})


def run(*args, key=None):
    r = subprocess.run(args, capture_output=True, text=True, env={**os.environ, **({"AT_KEY": key} if key else {})})
    assert r.returncode == 0 and not r.stderr, (args, r.returncode, r.stderr)
    return r.stdout


def sql(statement):
    return [list(json.loads(line).values()) for line in run("at-query", "-f", "ndjson", statement).splitlines()]


def truth(only):
    """What each widget shows, of the events for which `only` holds."""
    where = "timestamp >= '%s' AND timestamp < '%s' AND %s" % (FROM, TO, only)
    buckets = "SELECT {by}, SUBSTR(timestamp, 1, {cut}) AS t, COUNT(*) FROM events WHERE event = '{event}' AND " + where + " GROUP BY 1, 2"
    six = lambda rows: collect((b, t[:11] + "%02d" % (int(t[11:13]) // 6 * 6), n) for b, t, n in rows)
    firsts = "SELECT user_id, MIN(timestamp) AS t FROM events WHERE event = 'page_view' AND %s GROUP BY 1" % where
    cohorts = {}
    for d, n in sql("WITH v AS (%s) SELECT SUBSTR(t, 1, 10), COUNT(*) FROM v GROUP BY 1" % firsts):
        cohorts[d] = n
    returns = {(d, k): n for d, k, n in sql(
        "WITH v AS (%s) SELECT SUBSTR(v.t, 1, 10), CAST(JULIANDAY(SUBSTR(e.timestamp, 1, 10)) - JULIANDAY(SUBSTR(v.t, 1, 10)) AS INTEGER), COUNT(DISTINCT e.user_id) FROM v JOIN events e "
        "ON e.user_id = v.user_id WHERE e.event = 'purchase' AND e.timestamp > v.t AND e.timestamp < '%s' AND %s GROUP BY 1, 2" % (firsts, TO, only.replace("country", "e.country")))}
    return {
        "card": sql("SELECT COUNT(*) FROM events WHERE event = 'purchase' AND " + where)[0][0],
        "gauge": sql("SELECT COUNT(*) FROM events WHERE event = 'add_to_cart' AND " + where)[0][0],
        "funnel": [sql("WITH v AS (%s) SELECT COUNT(*) FROM v" % firsts)[0][0],
                   sql("WITH v AS (%s) SELECT COUNT(DISTINCT e.user_id) FROM v JOIN events e ON e.user_id = v.user_id WHERE e.event = 'purchase' AND e.timestamp > v.t AND e.timestamp < '%s' AND %s" %
                       (firsts, TO, only.replace("country", "e.country")))[0][0]],
        "pie": {b: n for b, n in sql("SELECT source, COUNT(*) FROM events WHERE event = 'page_view' AND " + where + " GROUP BY 1")},
        "bars": {b: n for b, n in sql("SELECT country, COUNT(*) FROM events WHERE event = 'purchase' AND " + where + " GROUP BY 1")},
        "line": six(sql(buckets.format(by="source", cut=13, event="page_view"))),
        "area": {t: n for (_, t), n in six(sql(buckets.format(by="''", cut=13, event="page_view"))).items()},
        "heat": collect(sql(buckets.format(by="source", cut=10, event="purchase"))),
        "cohorts": cohorts, "returns": returns,
        "table": sql("SELECT page, COUNT(*), SUM(price) FROM events WHERE event = 'page_view' AND " + where + " GROUP BY 1 ORDER BY 1"),
        "feed": sql("SELECT timestamp, user_id, country FROM events WHERE event = 'purchase' AND " + where + " ORDER BY timestamp DESC LIMIT 5"),
        "alerts": sql("SELECT COUNT(*) FROM alerts")[0][0] if only == "1" else None}


def collect(rows):
    sums = {}
    for b, t, n in rows:
        sums[b, t] = sums.get((b, t), 0) + n
    return sums


def nonzero(d):
    return {k: v for k, v in d.items() if v}


def check_rows(board, want, who):
    """The rows of a .json file."""
    w = {x["id"]: x for x in board["widgets"]}
    assert not [x for x in board["widgets"] if x.get("error")] and w["card"]["from"] == FROM and w["card"]["to"] == TO, board
    assert w["card"]["value"] == want["card"] and w["gauge"]["value"] == want["gauge"], (who, w["card"], want["card"])
    assert [r[2] for r in w["funnel"]["rows"]] == want["funnel"], (who, w["funnel"]["rows"], want["funnel"])
    assert dict(w["pie"]["rows"]) == want["pie"] and dict(w["bars"]["rows"]) == want["bars"], who
    assert nonzero({(b, t[:13]): n for b, t, n in w["line"]["rows"]}) == want["line"], who
    assert nonzero({t[:13]: n for t, n in w["area"]["rows"]}) == want["area"], who
    assert nonzero({(b, t[:10]): n for b, t, n in w["heat"]["rows"]}) == want["heat"], who
    for cohort, period, rate, size, users, _ in w["back"]["rows"]:
        assert size == want["cohorts"][cohort[:10]] and users == want["returns"].get((cohort[:10], period), 0) and abs(rate - users / size) < 1e-9, (who, cohort, period, users)
    assert w["table"]["rows"] == want["table"], who
    assert [[r[0], r[2], json.loads(r[3])["country"]] for r in w["feed"]["rows"]] == want["feed"], who
    assert want["alerts"] is None or len(w["alerts"]["rows"]) == want["alerts"] > 0, (who, w["alerts"], want["alerts"])


def cells(board):
    """As the .csv has them: widget, row, column, value."""
    for w in board["widgets"]:
        for i, r in enumerate(w["rows"]):
            for c, v in zip(w["columns"], r):
                yield [w["id"], str(i + 1), c, "" if v is None else v if isinstance(v, str) else json.dumps(v)]


class Tables(html.parser.HTMLParser):
    def __init__(self, page):
        super().__init__()
        self.tables, self.cell = [], None
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag == "td":
            self.tables[-1][-1].append("")
            self.cell = 1

    def handle_endtag(self, tag):
        if tag == "td":
            self.cell = None

    def handle_data(self, data):
        if self.cell:
            self.tables[-1][-1][-1] += data


def shown(n):
    return "{:,}".format(n)


def check_text(text, want, who):
    """A picture, as letters: what has its number written on it. A word for each: 667 is not in 1,667."""
    words = set(re.findall(r"[\w.,%/-]+", text))
    numbers = [want["card"], want["gauge"], *want["funnel"], *want["pie"].values(), *want["bars"].values(), *[n for r in want["table"] for n in r[1:]]]
    for n in numbers:
        assert shown(n) in words, (who, n, text)
    for (d, k), users in want["returns"].items():
        assert k > 3 or "%.0f%%" % (users / want["cohorts"][d] * 100) in words, (who, d, k, users)


def api(path, key, **params):
    r = urllib.request.Request(URL + path + "?" + urllib.parse.urlencode(params), headers={"X-API-Key": key})
    return json.load(urllib.request.urlopen(r))


def check_api(key, want, who):
    """What the pages ask, by the rights of the key."""
    metric = lambda name, **more: api("/api/v1/metrics", key, metric=name, timeRange=BOARD["timeRange"], **more)
    by = lambda a: {list(s["labels"].values())[0]: s["total"] for s in a["series"]}
    assert metric("purchase")["total"] == want["card"] and metric("add_to_cart", interval="all")["total"] == want["gauge"], who
    assert by(metric("page_view", interval="all", groupBy="source")) == want["pie"] and by(metric("purchase", interval="all", groupBy="country")) == want["bars"], who
    line = metric("page_view", interval="6h", groupBy="source")
    assert nonzero({(s["labels"]["source"], t[:13]): n for s in line["series"] for t, n in s["points"]}) == want["line"], who
    assert [r["users"] for r in api("/api/v1/funnels", key, steps="page_view,purchase", timeRange=BOARD["timeRange"])["data"]] == want["funnel"], who
    for r in api("/api/v1/retention", key, start="page_view", **{"return": "purchase"}, interval="1d", periods=4, timeRange=BOARD["timeRange"])["data"]:
        assert r["size"] == want["cohorts"][r["cohort"][:10]] and r["users"] == want["returns"].get((r["cohort"][:10], r["period"]), 0), (who, r)
    assert [[e["timestamp"], e["user_id"], e["properties"]["country"]] for e in api("/api/v1/events", key, event="purchase", limit=5, timeRange=BOARD["timeRange"])["events"]] == want["feed"], who


def screen(command, key):
    """The same under tmux, as soon as all is there."""
    name = "at-numbers-%d" % os.getpid()
    tmux = lambda *a: subprocess.run(["tmux", "-L", name, *a], capture_output=True, text=True, env={**os.environ, "AT_KEY": key or ""}).stdout
    tmux("-f", "/dev/null", "new-session", "-d", "-x", "200", "-y", "100", command)
    try:
        for _ in range(1200):
            now = tmux("capture-pane", "-p")
            if "some words" in now and not re.search(r"│ … *│", now) and "Heat" in now:    # where a widget's answer is still to come
                break
            time.sleep(0.05)
        time.sleep(0.5)
        return tmux("capture-pane", "-p")
    finally:
        tmux("kill-server")


subprocess.run(["at-ingest", "-q"], input="\n".join(events()).encode(), check=True)
subprocess.run(["at-detect", "-q", "-s", "-r", "rules.json"], input=b'{"metric":"m","timestamp":"2026-11-22T10:00:00Z","value":9}\n', stdout=subprocess.DEVNULL, check=True)
json.dump(BOARD, open("all.json", "w"))
for who, key, only in ("all", ALL, "1"), ("part", PART, "country = 'DE'"):
    want = truth(only)
    ways = [("server, " + who, ["--url", URL], key)] + ([("store", [], None)] if who == "all" else [])
    for name, options, k in ways:
        for form in "json", "csv", "html", "svg", "txt":
            run("at-dash", *options, "--width", "200", "--render", "out." + form, "all.json", key=k)
        board = json.load(open("out.json"))
        check_rows(board, want, name)
        assert list(csv.reader(open("out.csv", newline="")))[1:] == list(cells(board)), name
        page = Tables(open("out.html").read())
        tables = [w for w in board["widgets"] if w["columns"]]
        assert len(page.tables) == len(tables), name
        for w, t in zip(tables, page.tables):
            rows = [r for r in t if r]
            assert len(rows) == len(w["rows"]), (name, w["id"])
            for r, v in zip(rows, w["rows"]):
                for a, b in zip(r, v):
                    if isinstance(b, int):
                        assert a.replace(",", "") == str(b), (name, w["id"], a, b)
        check_text(re.sub(r"<style.*?</style>|<[^>]*>", " ", open("out.svg").read(), flags=re.S), want, name + ", svg")
        check_text(open("out.txt").read(), want, name + ", text")
        check_text(screen("at-dash %s all.json" % " ".join(options), k), want, name + ", screen")
    check_api(key, want, who)
    print(who, {k: v for k, v in want.items() if not isinstance(v, (dict, list))})
