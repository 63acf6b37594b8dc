"""dash.py STORE [ROUNDS] - at-dash in a terminal of 120 by 40: from its start to the title and to a whole first picture, from a commit to the screen,
and the bytes that a picture costs which changes each second, as over ssh.

The store is copied, since events are added to it."""
import fcntl, json, os, pty, re, select, shutil, struct, subprocess, sys, tempfile, termios, time

store, rounds = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 5
board = {"id": "bench", "title": "Bench board", "widgets": [
    {"id": "w%d" % i, "type": t, "title": "W%d" % i, "metric": "bench_seen" if t == "metric_card" else "page_view", "timeRange": "24h",
     **({"groupBy": "source"} if t in ("bar_chart", "pie_chart") else {}), "position": {"x": i % 4 * 3, "y": i // 4 * 3, "w": 3, "h": 3}}
    for i, t in enumerate(["metric_card", "line_chart", "bar_chart", "area_chart"] * 3)]}


class Terminal:
    def __init__(self, words):
        self.began, self.seen = time.perf_counter(), b""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ.update(TERM="xterm-256color", LINES="40", COLUMNS="120")
            os.execvp(words[0], words)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))

    def read(self, seconds):
        if select.select([self.fd], [], [], seconds)[0]:
            self.seen += os.read(self.fd, 1 << 16)

    def until(self, what, seconds=20):
        end = time.perf_counter() + seconds
        while not re.search(what, self.seen):
            if time.perf_counter() > end:
                raise SystemExit("%r did not come:\n%r" % (what, self.seen[-2000:]))
            self.read(0.1)
        return (time.perf_counter() - self.began) * 1e3

    def end(self):
        os.write(self.fd, b"q")
        try:
            while True:
                os.read(self.fd, 1 << 16)
        except OSError:
            pass
        os.waitpid(self.pid, 0)
        os.close(self.fd)


def ingest(at, n):
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    subprocess.run(["at-ingest", "-q", "-S", at], input="".join('{"event":"bench_seen","timestamp":"%s"}\n' % now for _ in range(n)).encode(), check=True)


def middle(took):
    return sorted(took)[len(took) // 2]


with tempfile.TemporaryDirectory(prefix="at-bench-dash-") as folder:
    at = folder + "/store"
    shutil.copytree(store, at)
    with open(folder + "/board.json", "w") as f:
        json.dump(board, f)
    words = ["at-dash", "-S", at, folder + "/board.json"]
    ingest(at, 7)
    title, whole = [], []
    for _ in range(rounds):
        t = Terminal(words)
        title.append(t.until(rb"Bench board"))
        whole.append(t.until(rb"W11"))
        t.until(rb"[^0-9]7[^0-9]")
        t.end()
    print("  first picture %.0f ms, all 12 frames %.0f ms after the start (median of %d)" % (middle(title), middle(whole), rounds))
    t, took = Terminal(words), []
    t.until(rb"[^0-9]7[^0-9]")
    for _ in range(10):
        end = time.perf_counter() + 0.5     # what is still to be drawn of the one before
        while time.perf_counter() < end:
            t.read(max(0, end - time.perf_counter()))
        t.seen = b""
        ingest(at, 1)
        t.began = time.perf_counter()
        took.append(t.until(rb"[0-9]"))     # of a picture only what changed is written
    t.seen, end = b"", time.perf_counter() + 10
    while time.perf_counter() < end:
        ingest(at, 1)
        pause = time.perf_counter() + 1
        while time.perf_counter() < pause:
            t.read(max(0, pause - time.perf_counter()))
    print("  from a commit to the screen: %.0f ms in the middle, %.0f at most (of %d); %.1f KB/s while 12 widgets change each second" % (middle(took), max(took), len(took), len(t.seen) / 10 / 1e3))
    t.end()
