"""beside.py STORE USER [N] - a user's events while a load of files runs at full rate into the same store: N queries one after the other, each a process.

The store is copied, since the load changes it; the load begins anew as often as it ends."""
import os, shutil, subprocess, sys, tempfile, time

store, user, n = sys.argv[1], sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 200
rows = os.environ.get("AT_BENCH_DATA", "/tmp/at-bench/data") + "/small14.ndjson"
sql = "SELECT timestamp, event, page FROM events WHERE user_id = :user ORDER BY timestamp, event, page"


def query(at):
    began = time.perf_counter()
    subprocess.run(["at-query", "-S", at, "-f", "csv", "-P", "user=" + user, sql], stdout=subprocess.DEVNULL, check=True)
    return (time.perf_counter() - began) * 1e3


def load(at):
    return subprocess.Popen(["at-ingest", "-q", "-S", at, rows])


def said(what, took):
    took.sort()
    print("  %-24s p50 %.1f ms, p90 %.1f, p99 %.1f, worst %.1f" % (what, took[len(took) // 2], took[len(took) * 9 // 10], took[len(took) * 99 // 100], took[-1]))


with tempfile.TemporaryDirectory(prefix="at-bench-beside-") as folder:
    at = folder + "/store"
    shutil.copytree(store, at)
    said("alone", [query(at) for _ in range(n)])
    running, loads, took, began = load(at), 1, [], time.perf_counter()
    for _ in range(n):
        if running.poll() is not None:
            running, loads = load(at), loads + 1
        took.append(query(at))
    seconds = time.perf_counter() - began
    running.terminate()
    running.wait()
    said("beside a load", took)
    print("  %d loads of %s in %.1f s meanwhile" % (loads, os.path.basename(rows), seconds))
