"""Tables and logs read by at-agg itself, beside the pipe from at-ingest: wall time and processor time, least of N runs.

    python3 tests/bench/direct.py [N]      wants the data sets csv and log of ../shared/bench/peers.sh
"""
import os, resource, subprocess, sys, time

data = os.environ.get("AT_BENCH_DATA", "/tmp/at-bench/data")
tasks = {
    "csvgroup": ("small.csv", "-w all -b source -a 'count,sum(revenue)'"),
    "logstatus": ("small.log", "-w all -b status"),
}


def spent(command):
    """seconds by the clock and of processors, and what came out"""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.time()
    out = subprocess.run(["bash", "-c", "set -o pipefail; " + command], check=True, capture_output=True).stdout
    took, after = time.time() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return took, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, out


for task, (name, how) in tasks.items():
    path = os.path.join(data, name)
    if not os.path.exists(path):
        print("  %-10s left out: no %s" % (task, path))
        continue
    ways = {"file": "at-agg %s %s" % (how, path), "pipe": "at-ingest -q -n %s | at-agg %s" % (path, how)}
    best, answers = {}, set()
    for _ in range(int(sys.argv[1]) if len(sys.argv) > 1 else 3):
        for way, command in ways.items():           # in turn, so that a drifting machine does no harm
            took, cpu, out = spent(command)
            best[way] = min(best.get(way, (took, cpu)), (took, cpu))
            answers.add(out)
    print("  %-10s at-agg FILE %.3f s (cpu %.2f)   at-ingest -n FILE | at-agg %.3f s (cpu %.2f)   answers %s"
          % (task, *best["file"], *best["pipe"], "agree" if len(answers) == 1 else "DISAGREE"))
