#!/usr/bin/env python3
"""at-insight explain over a store of the workload: six fields named, and fields it takes by itself; CPU time and wall time.

    tests/bench/explain.py STORE [ROUNDS]

2 s over 10 M events were aimed at.
"""
import os
import subprocess
import sys
import time


def main():
    store, rounds = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 3
    if not os.path.isdir(store):
        print("  explain: no store %s, it is made by the queries" % store)
        return
    for name, by in (("six fields", ["--by", "browser,country,device,source,plan,currency"]), ("its own choice", [])):
        best = None
        for _ in range(rounds):
            begin = time.monotonic()
            child = subprocess.Popen(["at-insight", "explain", "page_view", "-S", store, "--now", "2026-11-24T00:00:00Z", *by], stdout=subprocess.DEVNULL)
            _, status, used = os.wait4(child.pid, 0)
            if status:
                sys.exit("at-insight explain: status %d" % status)
            took = (used.ru_utime + used.ru_stime, time.monotonic() - begin, used.ru_maxrss >> 10)
            best = min(best, took) if best else took
        print("  explain page_view, %-16s %.2f s CPU, %.2f s, %d MiB" % (name, *best))


if __name__ == "__main__":
    main()
