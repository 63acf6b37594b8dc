#!/usr/bin/env python3
"""How long after a commit its event is at each of N subscribers, and what that costs the server: live.py URL KEY PID [N [EVENTS [ingest STORE]]].

Times count from the moment the writer knew of its commit: the answer to POST /api/v1/events, or the end of an at-ingest beside the
server. All N sockets are read by this one process, so its own time is in the figures."""
import base64, json, os, selectors, socket, subprocess, sys, time, urllib.parse, urllib.request

url, key, pid = sys.argv[1:4]
n, events = int(sys.argv[4]) if len(sys.argv) > 4 else 1000, int(sys.argv[5]) if len(sys.argv) > 5 else 50
store = sys.argv[7] if len(sys.argv) > 7 else None
u = urllib.parse.urlsplit(url)


def cpu():
    f = open("/proc/%s/stat" % pid).read().rsplit(")", 1)[1].split()
    return (int(f[11]) + int(f[12])) / os.sysconf("SC_CLK_TCK")


def frame(text):
    b, mask = text.encode(), b"\1\2\3\4"
    head = bytes([0x81, 0x80 | len(b)]) if len(b) < 126 else bytes([0x81, 0xfe]) + len(b).to_bytes(2, "big")
    return head + mask + bytes(c ^ mask[i & 3] for i, c in enumerate(b))


def connect(wish):
    s = socket.create_connection((u.hostname, u.port))
    s.sendall(("GET /ws HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\nX-API-Key: %s\r\n\r\n"
               % (u.netloc, base64.b64encode(os.urandom(16)).decode(), key)).encode() + frame(json.dumps(wish)))
    return s


def post(i):
    body = json.dumps({"event": "live_bench", "properties": {"i": i}}).encode()
    if store:
        subprocess.run(["at-ingest", "-q", "-S", store], input=body, check=True)
    else:
        urllib.request.urlopen(urllib.request.Request(url + "/api/v1/events", body, {"X-API-Key": key, "Content-Type": "application/json"})).read()


wish = {"subscribe": {"event": "live_bench"}} if "metric" not in sys.argv else {"subscribe": {"metric": "live_bench", "interval": "1m", "timeRange": "1h"}}
marker = b'"type":"event"' if "metric" not in sys.argv else b'"type":"delta"'
socks = [connect(wish) for _ in range(n)]
sel = selectors.DefaultSelector()
for s in socks:
    s.setblocking(False)
    sel.register(s, selectors.EVENT_READ)
ready, end = {}, time.time() + 30
begun = marker.replace(b"event", b"subscribed") if "metric" not in sys.argv else b'"type":"snapshot"'
while len(ready) < n and time.time() < end:
    for k, _ in sel.select(1):
        if begun in k.fileobj.recv(65536):
            ready[k.fileobj] = 1
print("%d of %d subscribed" % (len(ready), n))
time.sleep(1)
idle0, t = cpu(), time.time()
time.sleep(3)
idle = (cpu() - idle0) / (time.time() - t)
all, before, mine = [], cpu(), time.process_time()
for i in range(events):
    post(i)
    known, seen, end = time.perf_counter(), set(), time.time() + 5
    while len(seen) < n and time.time() < end:
        for k, _ in sel.select(0.5):
            if marker in k.fileobj.recv(65536) and k.fileobj not in seen:
                seen.add(k.fileobj)
                all.append((time.perf_counter() - known) * 1e3)
    if len(seen) < n:
        print("event %d came to %d of %d" % (i, len(seen), n))
    time.sleep(0.1)
spent = cpu() - before
all.sort()
print("%d frames: p50 %.1f ms, p99 %.1f ms, worst %.1f ms after the commit was known" % (len(all), all[len(all) // 2], all[len(all) * 99 // 100], all[-1]))
print("server: %.2f ms of CPU an event, %.2f µs a frame; %.3f %% of a core while nothing comes; this client: %.2f ms an event" %
      (spent / events * 1e3, spent / max(1, len(all)) * 1e6, idle * 100, (time.process_time() - mine) / events * 1e3))
