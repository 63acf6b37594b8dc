"""10,000 alert rules on 10,000 series: processor time of one round (a row of each series, judged by all rules about it), and of reading the rules.

The difference of two runs that differ by ten rounds, so that start and reading the rules are out of it."""
import json, os, resource, subprocess, tempfile

RULES = SERIES = 10000
ROUNDS = 10


def rows(rounds, series):
    for t in range(rounds):
        for i in range(SERIES):
            metric, labels = series(i)
            yield '{"metric":"%s","timestamp":%d,"window":"1m","labels":%s,"count":%d}\n' % (metric, 1795000000 + 60 * t, labels, i * 7919 % 100)


def cpu(rules, data):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with open(data) as f:
        subprocess.run(["at-detect", "-r", rules], stdin=f, stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime - before.ru_utime) + (after.ru_stime - before.ru_stime)


def case(folder, name, rule, series):
    paths = [os.path.join(folder, n) for n in ("rules.json", "none", "one", "many")]
    with open(paths[0], "w") as f:
        json.dump({"rules": [rule(i) for i in range(RULES)]}, f)
    for path, n in zip(paths[1:], (0, 1, 1 + ROUNDS)):
        with open(path, "w") as f:
            f.writelines(rows(n, series))
    none, one, many = (min(cpu(paths[0], p) for _ in range(3)) for p in paths[1:])
    print("  %-66s %6.1f ms a round  (first round %.0f ms, reading the rules %.0f ms)" % (name, (many - one) / ROUNDS * 1e3, (one - none) * 1e3, none * 1e3))


with tempfile.TemporaryDirectory() as folder:
    host = lambda i: ("requests", '{"dc":"x","host":"h%d"}' % i)
    case(folder, "a rule a series, by a label",
         lambda i: {"alert": "r%d" % i, "expr": '.metric == "requests" and .labels.host == "h%d" and .count > 100' % i, "for": "5m", "message": "{{value}}"}, host)
    case(folder, "a rule a metric",
         lambda i: {"alert": "r%d" % i, "metric": "m%d" % i, "condition": "> 100", "for": "5m"}, lambda i: ("m%d" % i, "{}"))
    case(folder, "100 metrics of 100 series, 100 rules each: 1 M judgements",
         lambda i: {"alert": "r%d" % i, "metric": "m%d" % (i % 100), "condition": "> %d" % (100 + i), "for": "5m"}, lambda i: ("m%d" % (i % 100), '{"host":"h%d"}' % i))
