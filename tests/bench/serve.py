"""What a request costs at-serve: processor time, latency and memory, loaded by wrk (apt-get install wrk) on loopback.

    serve.py [SECONDS [WORKERS]]

Processor time is the server's own (all its processes), so that the load generator on the same cores does not count. fsync is
measured in the same minute, since durable answers wait for it."""
import json, os, re, shutil, socket, subprocess, sys, tempfile, time

SECONDS = int(sys.argv[1]) if len(sys.argv) > 1 else 5
WORKERS = sys.argv[2] if len(sys.argv) > 2 else "1"
TICK = os.sysconf("SC_CLK_TCK")
EVENT = '{"event":"page_view","user_id":"u1","properties":{"page":"/products/42","source":"google","country":"DE","duration_ms":123,"revenue":12.5,"plan":"pro","referrer":"https://example.org/"}}'


class Server:
    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="at-bench-serve-")
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
        upload(s)
        print("  %-44s %8.1f MiB" % ("the largest worker now", s.rss() / (1 << 20)))
    finally:
        s.stop()


main()
