#!/usr/bin/env python3
"""at-detect under kill -9: the same command again and again, until it ends by itself, must come to what one run comes to.

    tests/fault/resume.py WORKDIR ROUNDS OPTIONS… -- [pipe|file|append] ROWS

With `append` stdout is one file that is appended to: its bytes must be those of one run. Else each run writes a file of its own, what
was written behind the last save comes again, and nothing else may: without repeats it must be the whole, in order.
"""
import os, random, signal, subprocess, sys, time


def main():
    at = sys.argv.index("--")
    work, rounds, options = sys.argv[1], int(sys.argv[2]), sys.argv[3:at]
    how, rows = sys.argv[at + 1:]
    began = time.monotonic()
    whole = subprocess.run(["at-detect", *options, rows], stdout=subprocess.PIPE, check=True, env=dict(os.environ, AT_STORE=work + "/store-whole"))
    took = max(0.02, time.monotonic() - began)
    if "--state" not in options:
        sys.exit("no --state")
    kills = repeats = 0
    for n in range(rounds):
        store, out, rng, tries = "%s/store%d" % (work, n), "%s/out%d" % (work, n), random.Random(n), 0
        parts = []
        while True:
            tries += 1
            to = open(out if how == "append" else "%s.%d" % (out, tries), "ab")
            feed = open(rows, "rb") if how == "pipe" else None
            run = subprocess.Popen(["at-detect", *options, *([] if feed else [rows])], stdout=to, stdin=feed, env=dict(os.environ, AT_STORE=store))
            if tries < 12:
                time.sleep(rng.uniform(0, took * 0.9))
                run.send_signal(signal.SIGKILL)
            status = run.wait()
            to.close()
            parts.append(open(to.name, "rb").read())
            # Killed behind its last save: all is there, and another run would read the rows once more.
            last = whole.stdout if how == "append" else parts[-1]
            if status == 0 or last and parts[-1] == last and whole.stdout.endswith(last) and last.endswith(b"\n"):
                break
            if status != -9:
                sys.exit("round %d: status %d" % (n, status))
            kills += 1
        if how == "append":
            if parts[-1] != whole.stdout:
                sys.exit("round %d: other bytes than one run (%d, %d are due)" % (n, len(parts[-1]), len(whole.stdout)))
            continue
        got, lines = 0, whole.stdout.splitlines(True)
        for part in parts:
            part = [l for l in part.splitlines(True) if l.endswith(b"\n")]
            if not part:
                continue
            if part[0] not in lines:
                sys.exit("round %d: a row that one run does not have: %r" % (n, part[0][:200]))
            begins = lines.index(part[0]) if lines.count(part[0]) == 1 else got
            if begins > got or lines[begins:begins + len(part)] != part:
                sys.exit("round %d: rows are lost or other than those of one run" % n)
            repeats += got - begins
            got = max(got, begins + len(part))
        if got != len(lines):
            sys.exit("round %d: %d rows of %d" % (n, got, len(lines)))
    print("%d rounds, %d kills, %d rows repeated, %d rows each" % (rounds, kills, repeats, len(whole.stdout.splitlines())))


if __name__ == "__main__":
    main()
