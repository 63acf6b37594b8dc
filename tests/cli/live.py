"""What is live, over WebSockets and Server-Sent Events: live.py NAME runs the function of that name; what is wrong ends it.

Python's standard library alone. U is the server's address, KEY a key that may do all; other keys come by name from the environment.
Each function says what the server promises; live.bats starts the server.
"""
import base64, http.client, json, os, select, socket, ssl, struct, subprocess, sys, time, urllib.error, urllib.parse, urllib.request

U, KEY = os.environ["U"], os.environ["KEY"]
HOST, PORT = urllib.parse.urlsplit(U).hostname, urllib.parse.urlsplit(U).port
TLS = ssl.create_default_context() if U.startswith("https:") else None
if TLS:                                 # its certificate is the test's own
    TLS.check_hostname, TLS.verify_mode = False, ssl.CERT_NONE
NOW = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


class Socket:
    def __init__(self, key=KEY, path="/ws", room=None, **head):
        self.s = socket.socket()
        self.s.settimeout(120)
        if room:
            self.s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
        self.s.connect((HOST, PORT))
        if TLS:
            self.s = TLS.wrap_socket(self.s, server_hostname=HOST)
        self.b, self.fragments = b"", b""
        head = {"Host": "%s:%d" % (HOST, PORT), "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
                "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(), **({"X-API-Key": key} if key else {}), **head}
        self.s.sendall(("GET %s HTTP/1.1\r\n%s\r\n" % (path, "".join("%s: %s\r\n" % h for h in head.items()))).encode())
        while b"\r\n\r\n" not in self.b:
            self.more()
        line, self.b = self.b.split(b"\r\n\r\n", 1)
        self.status = int(line.split(b" ")[1])

    def more(self):
        d = self.s.recv(65536)
        if not d:
            raise EOFError
        self.b += d

    def take(self, n):
        while len(self.b) < n:
            self.more()
        d, self.b = self.b[:n], self.b[n:]
        return d

    def send(self, what, op=1):
        d = what if isinstance(what, bytes) else (what if isinstance(what, str) else json.dumps(what)).encode()
        n = bytes([0x80 | len(d)]) if len(d) < 126 else b"\xfe" + struct.pack(">H", len(d)) if len(d) < 65536 else b"\xff" + struct.pack(">Q", len(d))
        m = os.urandom(4)
        self.s.sendall(bytes([0x80 | op]) + n + m + bytes(c ^ m[i & 3] for i, c in enumerate(d)))

    def frame(self):
        a, n = self.take(2)
        n = struct.unpack(">H", self.take(2))[0] if n == 126 else struct.unpack(">Q", self.take(8))[0] if n == 127 else n
        return a & 15, self.take(n)

    def hear(self, timeout=120):
        """The next message; (code, reason) of a close."""
        self.s.settimeout(timeout)
        while True:
            op, d = self.frame()
            if op == 8:
                return struct.unpack(">H", d[:2])[0], d[2:].decode()
            if op == 9:
                self.send(d, 10)
            elif op < 3:
                return json.loads(d) if op == 1 else d

    def subscribe(self, **wish):
        self.send({"subscribe": wish})
        m = self.hear()
        assert m["type"] == "subscribed", m
        return self

    def subscribe_as(self, key, **wish):
        self.send({"auth": key})
        assert self.hear() == {"type": "authenticated"}
        return self.subscribe(**wish)


class Stream:
    def __init__(self, query, key=KEY, **head):
        self.c = http.client.HTTPSConnection(HOST, PORT, timeout=120, context=TLS) if TLS else http.client.HTTPConnection(HOST, PORT, timeout=120)
        self.c.request("GET", "/api/v1/stream?" + query, headers={"X-API-Key": key, **head})
        self.r = self.c.getresponse()
        self.status = self.r.status

    def hear(self):
        """(id, event, data) of the next one; None at the end."""
        e = {}
        while True:
            line = self.r.readline()
            if not line:
                return None
            line = line.decode().rstrip("\n")
            if not line and "data" in e:
                return e.get("id"), e.get("event"), json.loads(e["data"])
            if ": " in line and not line.startswith(":"):
                k, v = line.split(": ", 1)
                e[k] = v


def call(method, path, body=None, key=KEY, **head):
    r = urllib.request.Request(U + path, json.dumps(body).encode() if body is not None else None, {"Content-Type": "application/json", **({"X-API-Key": key} if key else {}), **head}, method=method)
    try:
        with urllib.request.urlopen(r, context=TLS) as a:
            return a.status, json.loads(a.read() or b"null"), a.headers
    except urllib.error.HTTPError as a:
        return a.code, a.read().decode(), a.headers


def post(event, key=KEY, **properties):
    status, answer, _ = call("POST", "/api/v1/events", {"event": event, "user_id": "u1", "properties": properties}, key)
    assert status == 200, answer


def ingest(event, **properties):
    subprocess.run(["at-ingest", "-q"], input=json.dumps({"event": event, "properties": properties}).encode(), check=True)


# ---- events

def events():
    """An event comes to who subscribed to its name, a pattern or a field, whoever committed it, with a text to go on from."""
    name, pattern, field = Socket().subscribe(event="page_view", id="mine"), Socket().subscribe(event="page_*"), Socket().subscribe(event="*", filters={"country": "DE", "n": 2})
    for i in range(4):
        (post if i % 2 else ingest)("page_view" if i < 3 else "page_leave", n=i, country="DE")
    for i in range(3):
        m = name.hear()
        assert m["type"] == "event" and m["id"] == "mine" and m["event"]["properties"] == {"n": i, "country": "DE"} and len(m["resume"]) == 32, m
    assert [pattern.hear()["event"]["properties"]["n"] for _ in range(4)] == [0, 1, 2, 3]
    assert field.hear()["event"]["properties"]["n"] == 2
    name.send({"unsubscribe": "mine"})
    name.send({"ping": 7})
    assert name.hear() == {"type": "pong", "ping": 7}
    post("page_view")
    name.send({"ping": [1]})
    assert name.hear() == {"type": "pong", "ping": [1]}
    again = Socket()
    again.send({"subscribe": {"event": "page_*", "resume": m["resume"]}})
    assert again.hear()["type"] == "subscribed" and again.hear()["event"]["event"] == "page_leave" and again.hear()["event"]["event"] == "page_view"


def many():
    """All of a hundred subscribers hear; one that does not read is ended with 1013, is counted, and slows nobody."""
    lazy = Socket(room=65536).subscribe(event="big")
    rest = [Socket().subscribe(event="big") for _ in range(100)]
    post("big", pad="x")
    assert all(s.hear()["event"]["event"] == "big" for s in rest)
    for s in rest[1:]:
        s.s.close()
    t = time.time()
    for i in range(40):
        assert call("POST", "/api/v1/events/batch", {"events": [{"event": "big", "properties": {"pad": "x" * 4000}} for _ in range(100)]})[0] == 200
        for _ in range(100):
            assert rest[0].hear()["type"] == "event"
    assert time.time() - t < 60, time.time() - t
    m, n = None, 0
    try:
        while not isinstance(m, tuple):
            m, n = lazy.hear(), n + 1
        assert m == (1013, "slow reader"), m
    except (EOFError, ConnectionError):         # it read too late even for that
        pass
    assert n < 4000, n
    figures, end = "", time.time() + 60
    while "at_live_slow_total 1" not in figures and time.time() < end:
        figures = urllib.request.urlopen(urllib.request.Request(U + "/metrics"), context=TLS).read().decode()
    assert "at_live_slow_total 1" in figures, [x for x in figures.split("\n") if "live" in x]


def wrong():
    """What is no subscription is told, and the socket stays."""
    grouped = Socket().subscribe(metric="m", groupBy="g,g,h")
    assert grouped.hear()["groupBy"] == ["g", "h"]              # as GET /metrics has it: a label is there once
    for by in ",", "g,,h", ["g", ""], ",".join("f%d" % i for i in range(17)):
        grouped.send({"subscribe": {"metric": "m", "groupBy": by}})
        assert grouped.hear()["error"].startswith("groupBy: wants 1 to 16"), by
    grouped.send({"subscribe": {"metric": "m", "groupBy": ",".join("f%d" % i for i in range(16)), "filters": {"g": 1}}})
    assert grouped.hear()["error"].startswith("filters: at most 8")
    s = Socket()
    for what, says in ("x", "JSON object"), ("{}", "send one of"), ({"subscribe": {}}, "subscribe to one of"), ({"subscribe": {"metric": "m", "interval": "x"}}, "interval"), \
            ({"subscribe": {"event": "a", "id": "q", "filters": 3}}, "filters"):
        s.send(what)
        m = s.hear()
        assert m["type"] == "error" and says in m["error"], m
    for wish in {"metric": "m", "interval": "x"}, {"event": ""}, {"nothing": 1}:
        s.send({"subscribe": {**wish, "id": "mine"}})
        assert s.hear()["id"] == "mine"                         # which of them it was
    s.send({"subscribe": {"event": "a", "id": [1]}})
    assert "id:" in s.hear()["error"]
    s.send({"subscribe": {"event": "a", "id": 7}})
    assert s.hear()["id"] == "7"
    s.send({"unsubscribe": 7})
    post("a")
    s.send({"ping": 1})
    assert s.hear()["type"] == "pong"
    for i in range(65):
        s.send({"subscribe": {"event": "a", "id": str(i)}})
        m = s.hear()
    assert "64 subscriptions" in m["error"], m
    s.send(b"\1\2", 2)
    m = s.hear()
    while not isinstance(m, tuple):
        m = s.hear()
    assert m[0] == 1003, m


# ---- metrics, anomalies

def metrics():
    """A metric comes whole, then what changed of it, by labels too."""
    post("user_signup", source="google")
    one = Socket()
    one.send({"subscribe": {"metric": "user_signups", "timeRange": "1h", "interval": "1m", "groupBy": "source", "id": "m"}})
    assert one.hear()["type"] == "subscribed"
    m = one.hear()
    assert m["type"] == "snapshot" and m["id"] == "m" and m["groupBy"] == ["source"] and m["interval"] == "1m", m
    assert [s["labels"] for s in m["series"]] == [{"source": "google"}] and sum(p[1] for p in m["series"][0]["points"]) == 1, m
    ingest("user_signup", source="direct")
    m = one.hear()
    assert m["type"] == "delta" and m["series"][0]["labels"] == {"source": "direct"} and m["series"][0]["points"][-1][1] == 1, m
    total = Socket()
    total.send({"subscribe": {"metric": "user_signup", "timeRange": "1h"}})
    assert total.hear()["type"] == "subscribed" and total.hear()["series"][0]["points"][0][1] == 2
    post("user_signup", source="direct")
    m = one.hear()
    assert m["series"][0]["points"][-1][1] in (1, 2), m         # of this minute or the next
    assert total.hear()["series"][0]["points"][0][1] == 3
    short = Socket()
    short.send({"subscribe": {"metric": "user_signup", "timeRange": "8s"}})
    assert short.hear()["type"] == "subscribed"
    post("user_signup")
    m = short.hear()
    while m["type"] == "snapshot" or m["series"][0]["points"][0][1] != 0:       # what is too old by now no longer counts
        m = short.hear()


def built_in():
    """An end of a funnel changes the value of the day when it began; buckets may be months."""
    now = time.time()
    def send(event, user, days):
        status, answer, _ = call("POST", "/api/v1/events", {"event": event, "user_id": user, "timestamp": now - days * 86400})
        assert status == 200, answer
    send("page_view", "a", 2.5), send("page_view", "b", 2.5), send("user_signup", "c", 2.5)
    one = Socket()
    one.send({"subscribe": {"metric": "conversion_rate", "timeRange": "5d", "interval": "1d"}})
    assert one.hear()["type"] == "subscribed"
    (at, value), = one.hear()["series"][0]["points"]
    assert value == 0
    send("user_signup", "a", 0)
    m = one.hear()
    assert m["type"] == "delta" and m["series"][0]["points"] == [[at, 0.5]], m
    months = Socket()
    months.send({"subscribe": {"metric": "page_view", "timeRange": "100d", "interval": "1 month"}})
    assert months.hear()["type"] == "subscribed"
    m = months.hear()
    assert m["interval"] == "1mo" and sum(p[1] for p in m["series"][0]["points"]) == 2, m


def anomalies():
    """What at-detect stores comes too."""
    s = Socket()
    s.send({"subscribe": "anomalies"})
    assert s.hear()["type"] == "subscribed"
    rows = [{"metric": "load", "timestamp": 1764000000 + 60 * i, "value": 10 + i % 3} for i in range(300)] + [{"metric": "load", "timestamp": 1764000000 + 60 * 300, "value": 9000}]
    subprocess.run(["at-detect", "-q", "-s"], input="\n".join(map(json.dumps, rows)).encode(), stdout=subprocess.DEVNULL, check=True)
    m = s.hear()
    assert m["type"] == "anomaly" and m["anomaly"]["metric"] == "load" and m["anomaly"]["anomaly"]["alarm"], m


# ---- who may

def come(sock):
    """What comes within half a second, without taking it; a ping may come at any time."""
    return sock.recv(65536, socket.MSG_PEEK) if select.select([sock], [], [], 0.5)[0] else b""


def browsers():
    """Without a header a page's first message is its key, within five seconds; 40: a session counts for pages of ours alone."""
    assert Socket(key=None).status == 401
    assert Socket(key="at_wrong").status == 401
    s = Socket(key=None, Origin="https://elsewhere.example")
    assert s.status == 101
    s.send({"auth": KEY})
    assert s.hear() == {"type": "authenticated"}
    s.subscribe(event="hello")
    post("hello")
    assert s.hear()["event"]["event"] == "hello"
    here, s = Socket(key=None, Origin=U).subscribe_as(KEY, event="*"), Socket(key=None, path="/ws?tenant=shop", Origin=U).subscribe_as(KEY, event="*")
    assert call("POST", "/api/v1/events", {"event": "theirs"}, **{"X-Tenant": "shop"})[0] == 200
    post("ours")
    assert s.hear()["event"]["event"] == "theirs" and here.hear()["event"]["event"] == "ours"
    for key, tenant in (KEY, "none"), (os.environ["OTHER"], "default"):
        s = Socket(key=None, path="/ws?tenant=" + tenant, Origin=U)
        s.send({"auth": key})
        assert s.hear()[0] == 1008
    assert Socket(path="/ws?tenant=none").status == 404 and Socket(key=os.environ["OTHER"], path="/ws?tenant=default").status == 403
    for first in {"auth": "at_wrong"}, {"auth": 3}, {"subscribe": {"event": "a"}}:
        s = Socket(key=None, Origin="https://elsewhere.example")
        s.send(first)
        assert s.hear()[0] == 1008
    t = time.time()
    assert Socket(key=None, Origin="https://elsewhere.example").hear()[0] == 1008 and time.time() - t > 4


def sessions():
    status, answer, head = call("POST", "/api/v1/login", {"user": "anna", "password": os.environ["PASSWORD"]})
    assert status == 200, answer
    cookie = head["Set-Cookie"].split(";")[0]
    assert Socket(key=None, Cookie=cookie, Origin="https://elsewhere.example").status == 403
    assert Socket(key=None, Cookie=cookie, Origin="null").status == 403
    assert Socket(key=None, Cookie=cookie).status == 403
    s = Socket(key=None, Cookie=cookie, Origin=U)
    assert s.status == 101
    s.subscribe(event="hello")
    post("hello")
    assert s.hear()["event"]["event"] == "hello"
    assert call("POST", "/api/v1/logout", {}, key=None, Cookie=cookie)[0] in (200, 204)
    assert s.hear()[0] == 1008                  # and it hears no more


def rights():
    """32, 33, 34: another tenant's events are not heard, roles and policies hold, a revoked key is closed."""
    other, viewer, metrics = Socket(key=os.environ["OTHER"]).subscribe(event="*"), Socket(key=os.environ["SOME"]).subscribe(event="*"), Socket(key=os.environ["METRICS"])
    stream = Stream("event=*", key=os.environ["SOME"])
    assert stream.hear()[1] == "subscribed"
    metrics.send({"subscribe": {"event": "a"}})
    assert "read:events" in metrics.hear()["error"]
    metrics.send({"subscribe": {"metric": "sale"}})
    assert metrics.hear()["type"] == "subscribed"
    assert Stream("event=a", key=os.environ["METRICS"]).status == 403 and Stream("changes=true", key=os.environ["METRICS"]).status == 403
    changes = Stream("changes=true", key=os.environ["OTHER"])      # of one's own tenant
    assert changes.hear()[1] == "subscribed"
    part, whole = Stream("changes=true", key=os.environ["SOME"]), Stream("changes=true")
    assert part.hear()[1] == "subscribed" and whole.hear()[1] == "subscribed"
    post("sale", country="FR", email="f@x", secret=1)
    assert whole.hear()[1] == "changed"
    assert b"changed" not in come(part.c.sock)                  # when what he does not see came is not his to know
    post("sale", country="DE", email="d@x", secret=1)
    for m in viewer.hear(), stream.hear()[2]:
        p = m["event"]["properties"]
        assert p["country"] == "DE" and "secret" not in p and len(p["email"]) == 32, m
    assert part.hear()[1] == "changed"
    for path in "/api/v1/webhooks", "/api/v1/rules":            # they would show him the rest
        assert call("POST", path, {"name": "x"}, os.environ["SOME"])[0] == 403
    assert call("GET", "/api/v1/webhooks", key=os.environ["SOME"])[0] == 403
    assert b"event" not in come(changes.c.sock)                 # what the others committed is no change there
    post("theirs", key=os.environ["OTHER"])
    assert changes.hear()[1] == "changed"
    assert other.hear()["event"]["event"] == "theirs"
    assert call("PUT", "/api/v1/roles/only_metrics", {"permissions": ["read:schema"]})[0] == 200
    m = metrics.hear()                                          # what a role may no more is no more heard, though it sees the same rows
    while isinstance(m, dict):
        m = metrics.hear()
    assert m[0] == 1008, m
    subprocess.run(["at-admin", "-q", "key", "revoke", os.environ["SOME_ID"]], check=True)
    assert viewer.hear()[0] == 1008
    assert stream.hear()[1] == "end" and stream.hear() is None


def taken_back():
    """32: who says anew who he is hears no more by what he was before; bad credentials without end do not keep a revoked key's stream open."""
    some, metrics = os.environ["SOME"], os.environ["METRICS"]
    renewed = Socket(key=some).subscribe(event="*")
    renewed.send({"auth": metrics})
    assert renewed.hear() == {"type": "authenticated"}
    same = Socket(key=None, Origin=U).subscribe_as(KEY, event="*")
    same.send({"auth": KEY})                                    # as who has a new token does
    assert same.hear() == {"type": "authenticated"}
    held = Socket(key=some).subscribe(event="*")
    post("sale", country="DE")
    assert same.hear()["event"]["event"] == "sale" and held.hear()["event"]["event"] == "sale"
    assert come(renewed.s)[:1] in (b"", b"\x89")
    for _ in range(5000):                                       # more than an address has in a minute
        if call("GET", "/api/v1/me", key="at_" + 55 * "x")[0] == 429: break
    else: raise AssertionError("bad credentials have no end")
    subprocess.run(["at-admin", "-q", "key", "revoke", os.environ["SOME_ID"]], check=True)
    assert held.hear()[0] == 1008


# ---- streams

def streams():
    """Server-Sent Events: an id with each, and Last-Event-ID goes on behind it; several things in one stream."""
    s = Stream("event=a,b*&anomalies=true&metric=a")
    assert s.status == 200 and s.r.headers["Content-Type"].startswith("text/event-stream") and s.r.headers["Cache-Control"] == "no-store"
    seen = []
    while sorted(seen) != ["snapshot"] + 4 * ["subscribed"]:
        seen.append(s.hear()[1])
    post("a", i=1)
    post("bb", i=2)
    got = []
    while len(got) < 2:
        id, what, data = s.hear()
        if what == "event":
            got.append((id, data))
    assert [d["event"]["properties"]["i"] for _, d in got] == [1, 2] and all(d["resume"] == i for i, d in got)
    s.c.close()
    post("a", i=3)
    again = Stream("event=a,bb", **{"Last-Event-ID": got[0][0]})
    heard = []
    while len(heard) < 2:
        id, what, data = again.hear()
        if what == "event":
            heard.append(data["event"]["properties"]["i"])
    assert sorted(heard) == [2, 3], heard
    s = Stream("changes=true")
    assert s.hear()[1] == "subscribed"
    post("whatever")
    assert s.hear()[1:] == ("changed", {"type": "changed"})
    for bad in "", "event=", "changes=false", "metric=m&interval=x", "event=a&filters=x", "event=" + ",".join("e%d" % i for i in range(40)):
        assert Stream(bad).status == 400, bad


def echo():
    for s in Socket(path="/ws/echo"), Socket(path="/ws/echo", key=None):
        assert s.status == 101
        for what, op in ("x" * 70000, 1), (b"\0\1", 2):
            s.send(json.dumps(what) if op == 1 else what, op)
            assert s.hear() == what


def stops():
    """SIGTERM: sockets hear 1001, streams end, and the server is gone soon."""
    s, t = Socket().subscribe(event="a"), Stream("event=a")
    assert t.hear()[1] == "subscribed"
    os.kill(int(os.environ["PID"]), 15)
    assert s.hear()[0] == 1001
    assert t.hear() == (None, "end", {"type": "end", "reason": "going away"}) and t.hear() is None


globals()[sys.argv[1]]()
