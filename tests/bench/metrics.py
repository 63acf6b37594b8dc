"""metrics.py [ROUNDS] - the metric store beside VictoriaMetrics, where it is installed: 10 M samples of 1,000 series over 41 hours.

Loading (both from their own best form of input), bytes a sample, and five range queries in turn, A B A B; medians, the least, and
at-query's processor time. VictoriaMetrics runs as a server without its cache, asked by curl; at-query is a process for each.

    M1  one series as it is        M2  100 series, mean by 5 minutes and job        M3  100 series, sum by hour and region
    M4  1,000 series, mean by 5 minutes and job                                     M5  1,000 series, mean by hour and metric
"""
import os, resource, shutil, statistics, subprocess, sys, tempfile, time, urllib.parse

rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
port = 18428
start, end = 1795305600, 1795455585
queries = [
    ("M1", "15s", 'cpu_usage_percent{instance="10.0.0.7:9100"}',
     ["SELECT timestamp, value FROM metrics WHERE metric = 'cpu_usage_percent' AND instance = '10.0.0.7:9100'"]),
    ("M2", "5m", "avg by (job) (avg_over_time(cpu_usage_percent[5m]))", "metric cpu_usage_percent --every 5m --by job".split()),
    ("M3", "1h", "sum by (region) (sum_over_time(queue_length[1h]))", "metric queue_length --every 1h --by region".split()),
    ("M4", "5m", 'avg by (job) (avg_over_time({__name__=~".+"}[5m]))', "metric * --every 5m --by job".split()),
    ("M5", "1h", 'avg by (__name__) (avg_over_time({__name__=~".+"}[1h]) keep_metric_names)', "metric * --every 1h --by metric".split()),
]

def timed(words):
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.time()
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    wall, after = time.time() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0, done.stderr.decode()
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, done.stdout

with tempfile.TemporaryDirectory(prefix="at-bench-metrics-") as where:
    gen, store = where + "/gen", where + "/store"
    subprocess.run(["cc", "-O2", "-w", "-o", gen, "../shared/bench/gen_metrics.c"], check=True)
    with open(where + "/rows", "wb") as f:
        subprocess.run([gen], stdout=f, check=True)
    wall, cpu, _ = timed(["at-ingest", "-S", store, where + "/rows"])
    size = os.path.getsize(store + "/tenants/default/data.mdb")
    timed(["at-admin", "-S", store, "compact"])
    compact = os.path.getsize(store + "/tenants/default/data.mdb")
    print(f"  at-ingest of 10 M metric rows {wall:.2f} s, cpu {cpu:.2f} s; {size / 1e7:.2f} bytes a sample, {compact / 1e7:.3f} after compact")
    os.unlink(where + "/rows")
    server = None
    if shutil.which("victoria-metrics"):
        server = subprocess.Popen(["victoria-metrics", "-storageDataPath=" + where + "/vm", f"-httpListenAddr=127.0.0.1:{port}",
                                   "-retentionPeriod=100y", "-search.disableCache"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(2)
        with open(where + "/vm.json", "wb") as f:
            subprocess.run([gen, "-f", "vm"], stdout=f, check=True)
        base = f"http://127.0.0.1:{port}"
        wall, _, _ = timed(["curl", "-s", "-X", "POST", base + "/api/v1/import", "-T", where + "/vm.json"])
        for path in ("force_flush", "force_merge"):
            subprocess.run(["curl", "-s", base + "/internal/" + path], stdout=subprocess.DEVNULL)
        time.sleep(4)
        size = int(subprocess.run(["du", "-sb", where + "/vm/data"], capture_output=True, text=True).stdout.split()[0])
        print(f"  VictoriaMetrics {wall:.2f} s; {size / 1e7:.3f} bytes a sample")
    try:
        for name, step, promql, words in queries:
            ours, cpu, theirs = [], [], []
            for _ in range(rounds):
                wall, used, out = timed(["at-query", "-S", store] + words)
                ours.append(wall)
                cpu.append(used)
                if server:
                    url = f"{base}/api/v1/query_range?start={start}&end={end}&nocache=1&step={step}&query={urllib.parse.quote(promql)}"
                    theirs.append(timed(["curl", "-s", url])[0])
            ms = lambda x: f"{statistics.median(x) * 1e3:.0f} ms (least {min(x) * 1e3:.0f})"
            print(f"  {name} at {ms(ours)}, cpu {statistics.median(cpu) * 1e3:.0f} ms, {len(out.splitlines())} rows" +
                  (f"; VictoriaMetrics {ms(theirs)}, {statistics.median(theirs) / statistics.median(ours):.2f} of ours" if server else ""))
    finally:
        if server:
            server.terminate()
            server.wait()
