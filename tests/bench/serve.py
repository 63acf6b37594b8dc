"""What a request costs at-serve: processor time, latency and memory, loaded by wrk (apt-get install wrk) on loopback.

    serve.py [SECONDS [WORKERS]]

Processor time is the server's own (all its processes), so that the load generator on the same cores does not count. fsync is
measured in the same minute, since durable answers wait for it."""
import json, os, re, shutil, socket, subprocess, sys, tempfile, time, urllib.request

SECONDS = int(sys.argv[1]) if len(sys.argv) > 1 else 5
WORKERS = sys.argv[2] if len(sys.argv) > 2 else "1"
TICK = os.sysconf("SC_CLK_TCK")
EVENT = '{"event":"page_view","user_id":"u1","properties":{"page":"/products/42","source":"google","country":"DE","duration_ms":123,"revenue":12.5,"plan":"pro","referrer":"https://example.org/"}}'


class Server:
    def __init__(self, store=None):
        self.dir = tempfile.mkdtemp(prefix="at-bench-serve-")
        if store:
            shutil.copytree(store, self.dir + "/store")
        self.log = open(self.dir + "/log", "w+")
        self.p = subprocess.Popen(["at-serve", "-l", "127.0.0.1:0", "-S", self.dir + "/store", "--workers", WORKERS], stderr=self.log, stdout=subprocess.DEVNULL)
        for _ in range(100):
            text = open(self.dir + "/log").read()
            m = re.search(r"listening on http://([\d.]+):(\d+)", text)
            k = re.search(r"X-API-Key: (at_[\w-]+)", text)
            if m and k:
                break
            time.sleep(0.05)
        self.host, self.port, self.key = m[1], int(m[2]), k[1]

    def pids(self):
        kids = subprocess.run(["pgrep", "-P", str(self.p.pid)], capture_output=True, text=True).stdout.split()
        return [str(self.p.pid)] + kids

    def cpu(self):
        total = 0
        for pid in self.pids():
            f = open("/proc/%s/stat" % pid).read().rsplit(")", 1)[1].split()
            total += int(f[11]) + int(f[12])
        return total / TICK

    def rss(self, pid=None):
        return max(int(re.search(r"VmRSS:\s+(\d+)", open("/proc/%s/status" % p).read())[1]) for p in ([pid] if pid else self.pids())) * 1024

    def stop(self):
        self.p.terminate()
        self.p.wait()
        shutil.rmtree(self.dir, ignore_errors=True)


def fsync_ms(folder):
    took = []
    with open(folder + "/fsync", "wb") as f:
        for _ in range(300):
            f.write(b"x" * 4096)
            f.flush()
            t = time.perf_counter()
            os.fdatasync(f.fileno())
            took.append((time.perf_counter() - t) * 1e3)
    took.sort()
    return took[150], took[297]


def wrk(s, name, path, body=None, connections=64, events=1):
    script = s.dir + "/wrk.lua"
    with open(script, "w") as f:
        f.write('wrk.headers["X-API-Key"] = "%s"\n' % s.key)
        if body:
            f.write('wrk.method = "POST"\nwrk.headers["Content-Type"] = "application/json"\nwrk.body = [==[%s]==]\n' % body)
    before = s.cpu()
    out = subprocess.run(["wrk", "-t1", "-c%d" % connections, "-d%ds" % SECONDS, "--latency", "-s", script, "http://%s:%d%s" % (s.host, s.port, path)], capture_output=True, text=True).stdout
    used = s.cpu() - before
    n = int(re.search(r"(\d+) requests in", out)[1])
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)", out)
    p50, p99 = (re.search(r"^ +%s%% +(\S+)$" % p, out, re.M)[1] for p in (50, 99))
    print("  %-44s %8.0f /s%s  %6.1f µs of CPU each  p50 %s  p99 %s%s" % (name, n / SECONDS, "" if events == 1 else " = %.0f k events/s" % (n * events / SECONDS / 1e3),
          used / max(n, 1) * 1e6, p50, p99, "  %s REFUSED" % bad[1] if bad else ""))


def idle(s, n=2000):
    """Keep-alive connections that have had an answer and wait."""
    before, socks = s.rss(), []
    for _ in range(n):
        c = socket.create_connection((s.host, s.port))
        c.sendall(("GET /healthz HTTP/1.1\r\nHost: %s\r\n\r\n" % s.host).encode())
        c.recv(4096)
        socks.append(c)
    print("  %-44s %8.1f KiB each" % ("%d idle connections" % n, (s.rss() - before) / n / 1024))
    for c in socks:
        c.close()


def upload(s, mb=500):
    """One body of many lines, as fast as it is taken."""
    line = (EVENT + "\n").encode()
    block = line * ((1 << 20) // len(line))
    blocks = (mb << 20) // len(block)
    time.sleep(1)
    before, most = s.rss(), 0
    c = socket.create_connection((s.host, s.port))
    c.sendall(("POST /api/v1/events/batch HTTP/1.1\r\nHost: %s\r\nX-API-Key: %s\r\nContent-Type: application/x-ndjson\r\nContent-Length: %d\r\n\r\n" % (s.host, s.key, len(block) * blocks)).encode())
    start = time.perf_counter()
    for i in range(blocks):
        c.sendall(block)
        if i % 20 == 0:
            most = max(most, s.rss())
    answer = c.recv(4096)
    took = time.perf_counter() - start
    print("  %-44s %8.0f MB/s, %.0f k events/s, %.1f MiB more memory, %s" % ("a body of %d MB" % mb, mb / took, blocks * (len(block) // len(line)) / took / 1e3,
          (most - before) / (1 << 20), answer.split(b"\r\n")[0].decode()))


def loaded(pids, url, head, body, seconds):
    """Requests answered well in that time, and the server's processor seconds for them."""
    script = tempfile.mktemp(suffix=".lua")
    with open(script, "w") as f:
        f.write('%s\nwrk.method = "POST"\nwrk.body = [==[%s]==]\n' % ("\n".join('wrk.headers["%s"] = "%s"' % h for h in head.items()), body))
    def used():
        return sum(sum(map(int, open("/proc/%s/stat" % p).read().rsplit(")", 1)[1].split()[11:13])) for p in pids) / TICK
    before = used()
    out = subprocess.run(["wrk", "-t1", "-c16", "-d%ds" % seconds, "-s", script, url], capture_output=True, text=True).stdout
    os.unlink(script)
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)", out)
    return int(re.search(r"(\d+) requests in", out)[1]) - int(bad[1] if bad else 0), used() - before


def at_port(command):
    """A server of somebody else's in a folder and on a port of its own: (process, folder, address)."""
    folder, port = tempfile.mkdtemp(prefix="at-bench-race-"), socket.socket()
    port.bind(("127.0.0.1", 0))
    address = "127.0.0.1:%d" % port.getsockname()[1]
    port.close()
    p = subprocess.Popen(command(folder, address), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for _ in range(100):
        try:
            socket.create_connection(address.split(":")).close()
            break
        except OSError:
            time.sleep(0.1)
    return p, folder, address


def influx(folder, address):
    """InfluxDB 1.x (apt-get install influxdb) as it comes, with its log of writes; its other port moved out of the way."""
    with open(folder + "/conf", "w") as f:
        f.write('bind-address = "127.0.0.1:0"\nreporting-disabled = true\n[meta]\ndir = "%s/meta"\n[data]\ndir = "%s/data"\nwal-dir = "%s/wal"\n[http]\nbind-address = "%s"\nlog-enabled = false\n'
                % (folder, folder, folder, address))
    return ["influxd", "-config", folder + "/conf"]


def race(s, rounds=3):
    """The same thousand rows a request, in turn: ours as events and as metric rows (two numbers each), durable when answered; VictoriaMetrics'
    as lines of two fields, in memory for a second or so when answered; InfluxDB's likewise, synced into its log when answered."""
    now = int(time.time())
    lines = "\n".join("view,page=/p/%d,source=google,country=DE duration_ms=%d,revenue=%d.5 %d" % (i % 50, i, i % 90, (now - i) * 10**9) for i in range(1000))
    rows = "\n".join(json.dumps({"metric": "view", "timestamp": (now - i) * 1000, "labels": {"country": "DE", "page": "/p/%d" % (i % 50), "source": "google"},
                                "duration_ms": i, "revenue": i % 90 + .5}) for i in range(1000))
    ours = {"X-API-Key": s.key, "Content-Type": "application/x-ndjson"}
    us = "http://%s:%d/api/v1/events/batch" % (s.host, s.port)
    runs = {"at-serve, events": (s.pids(), us, ours, "\n".join([EVENT] * 1000)), "at-serve, metric rows": (s.pids(), us, ours, rows)}
    others = []
    if shutil.which("victoria-metrics"):
        others.append(at_port(lambda folder, address: ["victoria-metrics", "-storageDataPath", folder, "-httpListenAddr", address]))
        runs["VictoriaMetrics, lines"] = ([others[-1][0].pid], "http://%s/write" % others[-1][2], {}, lines)
    if shutil.which("influxd"):
        others.append(at_port(influx))
        time.sleep(1)
        urllib.request.urlopen("http://%s/query" % others[-1][2], b"q=CREATE+DATABASE+at").read()
        runs["InfluxDB, lines"] = ([others[-1][0].pid], "http://%s/write?db=at" % others[-1][2], {}, lines)
    try:
        seen = {name: [] for name in runs}
        for _ in range(rounds if others else 0):
            for name, run in runs.items():
                n, cpu = loaded(*run, 3)
                seen[name].append((n / 3, cpu / max(n, 1) * 1e3))
        for name, r in seen.items():
            r.sort()
            if r:
                print("  %-44s %8.0f k rows/s, %.2f µs of CPU a row (median of %d in turn)" % ("race: " + name, r[len(r) // 2][0], sorted(x[1] for x in r)[len(r) // 2], rounds))
    finally:
        for p, folder, _ in others:
            p.terminate()
            p.wait()
            shutil.rmtree(folder, ignore_errors=True)


def large(store):
    """Metrics over 10 M events: another question each time, of what is kept by minute; then the same one by many."""
    s = Server(store)
    try:
        def ask(query):
            used = s.cpu()
            began = time.perf_counter()
            body = urllib.request.urlopen(urllib.request.Request("http://%s:%d/api/v1/metrics?%s" % (s.host, s.port, query), headers={"X-API-Key": s.key})).read()
            took = time.perf_counter() - began
            return took * 1e3, (s.cpu() - used) * 1e3, body
        last = json.loads(urllib.request.urlopen(urllib.request.Request("http://%s:%d/api/v1/query" % (s.host, s.port), json.dumps({"query": "SELECT MIN(timestamp) AS f, MAX(timestamp) AS t FROM events"}).encode(),
                          {"X-API-Key": s.key, "Content-Type": "application/json"})).read())["data"][0]
        for what in "", "&groupBy=source", "&groupBy=source&interval=1h":
            took = [ask("metric=page_view&from=%s%02d%s&to=%s%s" % (last["f"][:17], i, last["f"][19:], last["t"], what)) for i in range(30)]
            print("  %-44s %8.1f ms the first time, then median %.1f ms, %.1f ms of CPU" % ("10 M events: page_view" + what, took[0][0], sorted(t[0] for t in took[1:])[14], sum(t[1] for t in took[1:]) / 29))
        wrk(s, "10 M events: the same one by many", "/api/v1/metrics?metric=page_view&timeRange=all&groupBy=source")
    finally:
        s.stop()


def main():
    if not shutil.which("wrk"):
        print("  skipped: wrk is not here")
        return
    s = Server()
    fsync = fsync_ms(s.dir)
    try:
        print("  %-44s %8.1f MiB" % ("a worker at rest", s.rss() / (1 << 20)))
        print("  %-44s %8.2f ms, p99 %.2f ms: of one durable event 2 x that + 5 ms = %.1f ms is asked" % (("fsync, p50",) + fsync + (2 * fsync[1] + 5,)))
        idle(s)
        wrk(s, "GET /healthz", "/healthz")
        wrk(s, "POST one event, durable", "/api/v1/events", EVENT)
        wrk(s, "POST batches of 1,000, durable", "/api/v1/events/batch", json.dumps({"events": [json.loads(EVENT)] * 1000}), 16, 1000)
        wrk(s, "GET /api/v1/metrics, asked again", "/api/v1/metrics?metric=page_view&timeRange=1h&groupBy=source&interval=1m")
        race(s)
        upload(s)
        print("  %-44s %8.1f MiB" % ("the largest worker now", s.rss() / (1 << 20)))
    finally:
        s.stop()
    store = os.environ.get("AT_BENCH_STORE", "/tmp/at-bench/store") + "/at-large"
    if os.path.isdir(store):
        large(store)


main()
