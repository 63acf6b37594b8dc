#!/usr/bin/env python3
"""at-detect over many series: rows a second of CPU time, bytes a series.

    tests/bench/detect.py [SERIES [ROWS_EACH]]

A row a minute of each series, in the same order each minute as at-agg writes them, and then shuffled. 1 M rows/s over 10,000
series and 4 KiB a series are what was aimed at.
"""
import os
import random
import subprocess
import sys
import tempfile


def write(path, series, each, shuffled):
    rng = random.Random(1)
    order = list(range(series))
    with open(path, "w") as f:
        for t in range(each):
            if shuffled:
                rng.shuffle(order)
            f.write("".join('{"metric":"requests","timestamp":"2026-01-05T%02d:%02d:00.000Z","window":"1m","labels":{"host":"h%d"},"count":%d}\n'
                            % (t // 60 % 24, t % 60, i, 100 + rng.randrange(20)) for i in order))


def run(path, options):
    child = subprocess.Popen(["at-detect", *options, path], stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(child.pid, 0)
    if status:
        sys.exit("at-detect %s: status %d" % (" ".join(options), status))
    return used.ru_utime + used.ru_stime, used.ru_maxrss * 1024


def main():
    series, each = (int(a) for a in (sys.argv[1:] + ["10000", "200"][len(sys.argv) - 1:])[:2])
    with tempfile.TemporaryDirectory() as tmp:
        for shuffled in (False, True):
            path = os.path.join(tmp, "rows")
            write(path, series, each, shuffled)
            for options in ([], ["--changes"]):
                seconds, peak = min(run(path, options) for _ in range(3))
                print("at-detect %-10s %d series, %-14s %5.2f M rows/s of CPU, %4.0f bytes a series" % (
                    " ".join(options), series, "shuffled" if shuffled else "in order", series * each / seconds / 1e6, (peak - 8e6) / series), flush=True)


if __name__ == "__main__":
    main()
