#!/usr/bin/env python3
"""at-detect -p over events of 100,000 users: rows a second of processor time, on one core (the goal is 1 M/s)."""
import os, random, resource, subprocess, sys, tempfile

PATTERNS = ["signup -> purchase within 1h by user_id", "cart -> !purchase within 30m by user_id", "signup -> purchase{2,} within 1h by user_id",
            "view -> cart -> purchase within 10m by user_id", "view{3} >> purchase by user_id"]


def main():
    rows, r, t = int(sys.argv[1]) if len(sys.argv) > 1 else 1000000, random.Random(7), 1795000000000
    names = ["view"] * 4 + ["search", "cart", "purchase", "signup"]
    with tempfile.NamedTemporaryFile("w", suffix=".ndjson") as f:
        for _ in range(rows):
            t += r.choice([0, 1, 1, 2])
            f.write('{"event":"%s","timestamp":%d,"user_id":"u%d","properties":{"page":"/p/%d","amount":%d}}\n' % (r.choice(names), t, r.randrange(100000), r.randrange(500), r.randrange(300)))
        f.flush()
        for p in PATTERNS:
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            run = subprocess.run(["at-detect", "-p", p, f.name], stdout=subprocess.PIPE, env=dict(os.environ, AT_THREADS="1"), check=True)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            spent = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
            print("  %-52s %5.2f M/s, %d matches" % (p, rows / spent / 1e6, run.stdout.count(b"\n")))


if __name__ == "__main__":
    main()
