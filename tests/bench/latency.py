"""Latency of a live row through filters, memory of a long stream, time from start to first row.

Each row is written to an open pipe and waited for before the next: what a user of `tail -f | …` feels."""
import os, resource, subprocess, sys, time

ROWS = 2000


def event(i):
    t = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(1795000000 + i))
    return ('{"event":"page_view","timestamp":"%s.000Z","user_id":"u%d","properties":{"page":"/home","n":%d}}\n' % (t, i % 50, i)).encode()


def live(name, command, rows=ROWS, make=event):
    """p50 and p99 of one row in, one row out."""
    p = subprocess.Popen(command, shell=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
    took = []
    for i in range(rows):
        row = make(i)
        start = time.perf_counter()
        p.stdin.write(row)
        p.stdout.readline()
        took.append(time.perf_counter() - start)
    p.stdin.close()
    p.wait()
    took = sorted(took[50:])
    print("  %-44s p50 %.3f ms  p99 %.3f ms" % (name, took[len(took) // 2] * 1e3, took[len(took) * 99 // 100] * 1e3))


def memory(name, command, data, times):
    """Peak resident memory of one filter over a long input."""
    def feed(fd):
        with open(data, "rb") as f:
            body = f.read(64 << 20)
        body = body[: body.rfind(b"\n") + 1]
        with os.fdopen(fd, "wb") as out:
            for _ in range(times):
                out.write(body)

    r, w = os.pipe()
    if os.fork() == 0:
        os.close(r)
        try:
            feed(w)
        finally:
            os._exit(0)
    os.close(w)
    p = subprocess.Popen(["/usr/bin/env", "sh", "-c", "exec " + command], stdin=r, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    os.close(r)
    _, _, usage = os.wait4(p.pid, 0)
    print("  %-44s %.1f MiB at most, %d MB in" % (name, usage.ru_maxrss / 1024, times * 64))


def start(name, command, row):
    took = []
    for _ in range(20):
        begin = time.perf_counter()
        p = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
        p.stdin.write(row)
        p.stdout.readline()
        took.append(time.perf_counter() - begin)
        p.stdin.close()
        p.wait()
    print("  %-44s %.1f ms (median of 20)" % (name, sorted(took)[10] * 1e3))


live("at-ingest -n", "exec at-ingest -q -n")
live("at-ingest -n | at-agg -w count:1 | at-detect -a", "at-ingest -q -n | at-agg -q -w count:1 | at-detect -q -a")
if subprocess.run("command -v jq stdbuf", shell=True, stdout=subprocess.DEVNULL).returncode == 0:
    live("(peer) stdbuf -o0 jq -c .", "exec stdbuf -o0 jq -c .")
data = os.environ.get("AT_BENCH_DATA", "/tmp/at-bench/data") + "/small.ndjson"
if os.path.exists(data):
    memory("at-ingest -n", "at-ingest -q -n", data, 16)
    memory("at-agg -w 1m -b source, p95, distinct", "at-agg -q -w 1m -l 6m -b source -a 'count,sum(revenue),p95(duration_ms),distinct(user_id)'", data, 1)
    memory("at-agg -w all -b event", "at-agg -q -w all -b event", data, 16)
start("at-ingest -n, start to first row", ["at-ingest", "-q", "-n"], event(0))
start("at-agg -w count:1, start to first row", ["at-agg", "-q", "-w", "count:1"], event(0))
