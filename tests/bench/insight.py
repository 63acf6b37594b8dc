#!/usr/bin/env python3
"""at-insight forecast, report and ask: CPU and wall time, the best of some rounds.

    tests/bench/insight.py STORE [ROUNDS]

Aimed at: 2,000 monthly series forecast a second on one core (1,000 made-up ones, as long as M4's: 42 to 800 values, 210 in the mean; reading
them counts), a report of a dashboard of 12 widgets over 10 M events in 3 s, an answer 20 ms beyond its query.
"""
import json
import math
import os
import random
import subprocess
import sys
import tempfile
import time

NOW = "2026-11-24T00:00:00Z"
WIDGETS = [("metric_card", "page_view", None), ("metric_card", "signup", None), ("metric_card", "purchase", None), ("line_chart", "page_view", None),
           ("line_chart", "purchase", "country"), ("bar_chart", "signup", "source"), ("pie_chart", "page_view", "device"), ("area_chart", "search", None),
           ("heatmap", "login", None), ("gauge", "login", None), ("funnel_chart", None, None), ("table", None, None)]
QUESTIONS = ["how many signups in the last hour?", "purchases by country yesterday", "which source brought the most signups last week?"]


def run(*command, stdout=subprocess.DEVNULL):
    begin = time.monotonic()
    child = subprocess.Popen(command, stdout=stdout)
    _, status, used = os.wait4(child.pid, 0)
    if status:
        sys.exit("%s: status %d" % (" ".join(command[:2]), status))
    return used.ru_utime + used.ru_stime, time.monotonic() - begin


def best(rounds, *command):
    return min(run(*command) for _ in range(rounds))


def series(to):
    draw = random.Random(3)
    for s in range(1000):
        level, amplitude = draw.uniform(500, 9000), draw.uniform(0, .25)
        trend, at = draw.gauss(0, level / 400), level
        for i in range(max(42, min(800, int(draw.gauss(210, 90))))):
            at += trend + draw.gauss(0, level / 60)
            to.write('{"metric":"m","timestamp":"%d-%02d-01T00:00:00Z","labels":{"series":"s%d"},"value":%.1f}\n' % (
                1950 + i // 12, i % 12 + 1, s, at * (1 + amplitude * math.sin(2 * math.pi * i / 12 + s)) + draw.gauss(0, level / 40)))


def board(to):
    widgets = []
    for i, (kind, metric, group) in enumerate(WIDGETS):
        w = {"id": "w%d" % i, "type": kind, "title": "%s %d" % (kind, i), "timeRange": "7d", "position": {"x": 4 * (i % 3), "y": 4 * (i // 3), "w": 4, "h": 4}}
        if metric:
            w["metric"] = metric
        if group:
            w["groupBy"] = [group]
        if kind == "gauge":
            w["max"] = 1000000
        if kind == "funnel_chart":
            w["steps"] = ["page_view", "add_to_cart", "checkout", "purchase"]
        if kind == "table":
            w["query"] = "SELECT page, COUNT(*) AS views FROM events WHERE event = 'page_view' GROUP BY page ORDER BY 2 DESC LIMIT 10"
        widgets.append(w)
    json.dump({"id": "week", "title": "Week", "layout": "grid", "widgets": widgets}, to)


def main():
    store, rounds = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 3
    with tempfile.TemporaryDirectory() as folder:
        rows, definition = os.path.join(folder, "rows"), os.path.join(folder, "board.json")
        with open(rows, "w") as to:
            series(to)
        cpu, wall = best(rounds, "at-insight", "forecast", "-", rows, "--horizon", "18")
        print("  forecast, 1,000 monthly series           %.2f s CPU, %.0f series a second on a core" % (cpu, 1000 / cpu))
        if not os.path.isdir(store):
            print("  report, ask: no store %s, it is made by the queries" % store)
            return
        with open(definition, "w") as to:
            board(to)
        for form in ("text", "markdown", "html", "pdf"):
            cpu, wall = best(rounds, "at-insight", "report", "-S", store, "--dashboard", definition, "--now", NOW, "-f", form, "-o", os.path.join(folder, "report"))
            print("  report, 12 widgets, %-20s %.2f s CPU, %.2f s" % (form, cpu, wall))
        for question in QUESTIONS:
            said = json.loads(subprocess.run(["at-insight", "ask", "-f", "ndjson", "-S", store, "--now", NOW, question], stdout=subprocess.PIPE, check=True).stdout)
            ask = best(3 * rounds, "at-insight", "ask", "-S", store, "--now", NOW, question)
            query = best(3 * rounds, "at-query", "-S", store, "--now", NOW, said["sql"])
            print("  ask, %-50s %.1f ms beyond its query (%.1f ms CPU)" % (question, 1000 * (ask[1] - query[1]), 1000 * (ask[0] - query[0])))


if __name__ == "__main__":
    main()
