"""Raw bytes to a server (tests/bench/http.c): hostile_http.py NAME HOST:PORT runs the function of that name; what is wrong ends it.

Python's standard library alone. Each function says what the server promises; http.bats starts the server and gives the limits.
"""
import base64, gzip, hashlib, os, signal, socket, ssl, struct, sys, threading, time, zlib

HOST, PORT = sys.argv[2].rsplit(':', 1) if len(sys.argv) > 2 else ('127.0.0.1', '0')
PORT = int(PORT)
TLS = os.environ.get('TLS') == '1'
HD = 'Host: h\r\n'
TE = 'Transfer-Encoding: chunked\r\n'
GET = b'GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n'


def conn(timeout=120):          # of who waits for an answer: a machine may be slow
    s = socket.create_connection((HOST, PORT), timeout=timeout)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return ssl._create_unverified_context().wrap_socket(s, server_hostname='localhost') if TLS else s


class Reader:
    def __init__(self, s):
        self.s, self.b = s, b''

    def more(self):
        d = self.s.recv(65536)
        if not d:
            raise EOFError
        self.b += d

    def answer(self, head=False):
        """(status, headers, body); status 0: the connection ended first."""
        try:
            while b'\r\n\r\n' not in self.b:
                self.more()
        except (EOFError, OSError):
            return 0, {}, self.b
        top, self.b = self.b.split(b'\r\n\r\n', 1)
        lines = top.decode('latin1').split('\r\n')
        status, heads = int(lines[0].split(' ')[1]), {}
        for line in lines[1:]:
            k, v = line.split(':', 1)
            assert k.lower() not in heads, ('twice', k)
            heads[k.lower()] = v.strip()
        body = b''
        if head or status in (204, 304) or status < 200:
            pass
        elif heads.get('transfer-encoding') == 'chunked':
            while True:
                while b'\r\n' not in self.b:
                    self.more()
                size, self.b = self.b.split(b'\r\n', 1)
                size = int(size, 16)
                while len(self.b) < size + 2:
                    self.more()
                body, self.b = body + self.b[:size], self.b[size + 2:]
                if not size:
                    break
        elif 'content-length' in heads:
            n = int(heads['content-length'])
            while len(self.b) < n:
                self.more()
            body, self.b = self.b[:n], self.b[n:]
        else:
            try:
                while True:
                    self.more()
            except EOFError:
                body, self.b = self.b, b''
        return status, heads, body

    def ended(self, within=120):
        self.s.settimeout(within)
        try:
            while True:
                self.more()
        except EOFError:
            return True
        except socket.timeout:
            return False
        except OSError:
            return True


def post(body, extra='', path='/echo', length=True):
    return (f'POST {path} HTTP/1.1\r\n{HD}{extra}' + (f'Content-Length: {len(body)}\r\n' if length else '') + '\r\n').encode() + body


def chunks(*parts, trailer=b''):
    return b''.join(b'%x\r\n%s\r\n' % (len(p), p) for p in parts) + b'0\r\n' + trailer + b'\r\n'


def ask(data, n=1, head=False):
    s = conn()
    try:
        s.sendall(data)
    except OSError:
        pass
    r = Reader(s)
    out = [r.answer(head) for _ in range(n)]
    s.close()
    return out if n > 1 else out[0]


def alive():
    assert ask(GET)[0] == 200, 'the server does not answer any more'


def until(what, test):
    """What will be so soon, as fast as the machine is."""
    end = time.time() + 60
    while not test():
        assert time.time() < end, what
        time.sleep(0.05)


def figures():
    import json
    return json.loads(ask(b'GET /figures HTTP/1.1\r\nHost: h\r\n\r\n')[2])


# ---- fault 35
def smuggling():
    """Each is refused, and what lies behind it in the same connection is never taken for a request."""
    e = b'{"event":"a"}'
    behind = b'GET /stolen HTTP/1.1\r\nHost: h\r\n\r\n'
    table = {
        'CL and TE': post(chunks(e), TE + 'Content-Length: 5\r\n', length=False),
        'TE and CL': post(chunks(e), 'Content-Length: 5\r\n' + TE, length=False),
        'two lengths': post(e, 'Content-Length: 5\r\n'), 'the same length twice': post(e, f'Content-Length: {len(e)}\r\n'),
        '+5': post(e, f'Content-Length: +{len(e)}\r\n', length=False), '-1': post(e, 'Content-Length: -1\r\n', length=False),
        'a list': post(e, f'Content-Length: {len(e)}, {len(e)}\r\n', length=False), 'hex': post(e, 'Content-Length: 0xd\r\n', length=False),
        'no digits': post(e, 'Content-Length: \r\n', length=False), 'a blank in it': post(e, 'Content-Length: 1 3\r\n', length=False),
        'xchunked': post(chunks(e), 'Transfer-Encoding: xchunked\r\n', length=False),
        'chunked, identity': post(chunks(e), 'Transfer-Encoding: chunked, identity\r\n', length=False),
        'TE twice': post(chunks(e), TE + TE, length=False), 'TE twice, one odd': post(chunks(e), TE + 'Transfer-Encoding: x\r\n', length=False),
        'TE with a tab': post(chunks(e), 'Transfer-Encoding:\x0bchunked\r\n', length=False),
        'TE "chunked"': post(chunks(e), 'Transfer-Encoding: "chunked"\r\n', length=False),
        'TE in HTTP/1.0': post(chunks(e), TE, length=False).replace(b'HTTP/1.1', b'HTTP/1.0'),
        '0x10': post(b'0x10\r\n' + e + b'xxx\r\n0\r\n\r\n', TE, length=False), 'size -1': post(b'-1\r\n\r\n', TE, length=False),
        'size +d': post(b'+d\r\n' + e + b'\r\n0\r\n\r\n', TE, length=False), '20 digits': post(b'f' * 20 + b'\r\n' + e, TE, length=False),
        'no CRLF behind a chunk': post(b'%x\r\n%sXX0\r\n\r\n' % (len(e), e), TE, length=False),
        'LF behind a size': post(b'%x\n%s\r\n0\r\n\r\n' % (len(e), e), TE, length=False), 'LF behind a chunk': post(b'%x\r\n%s\n0\r\n\r\n' % (len(e), e), TE, length=False),
        'a blank behind a size': post(b'%x \r\n%s\r\n0\r\n\r\n' % (len(e), e), TE, length=False), 'LF in an extension': post(b'%x;a\nb\r\n%s\r\n0\r\n\r\n' % (len(e), e), TE, length=False),
        'X :': post(e, 'X-Y : 1\r\n'), 'CL :': post(e, f'Content-Length : {len(e)}\r\n', length=False), 'a fold': post(e, 'X-Y: 1\r\n folded\r\n'),
        'a fold of TE': post(chunks(e), 'Transfer-Encoding:\r\n chunked\r\n', length=False), 'LF in a value': post(e, 'X-Y: a\nTransfer-Encoding: chunked\r\n'),
        'CR in a value': post(e, 'X-Y: a\rTransfer-Encoding: chunked\r\n'), 'NUL in a value': post(e, 'X-Y: a\0b\r\n'), 'NUL in a name': post(e, 'X\0Y: b\r\n'),
        'no name': post(e, ': 1\r\n'), 'no colon': post(e, 'abc\r\n'), 'a blank first': post(e, ' X: 1\r\n'), 'LF alone': post(e).replace(b'\r\n', b'\n'),
        'no Host': b'GET / HTTP/1.1\r\n\r\n', 'two Hosts': b'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n', 'a list of Hosts': b'GET / HTTP/1.1\r\nHost: a, b\r\n\r\n',
        'two blanks': b'GET  / HTTP/1.1\r\nHost: h\r\n\r\n', 'a tab': b'GET\t/ HTTP/1.1\r\nHost: h\r\n\r\n', 'HTTP/3.7': b'GET / HTTP/3.7\r\nHost: h\r\n\r\n',
        'TLS at a plain port': b'\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03' + b'\0' * 40,
    }
    for name, data in table.items():
        s = conn()
        s.sendall(data + behind)
        r = Reader(s)
        status, heads, _ = r.answer()
        assert status in (400, 501, 505), (name, status)
        assert heads['connection'] == 'close', name
        assert r.ended() and r.b == b'', (name, r.b)
        s.close()
    alive()


def framing():
    """What is right goes through, however it is cut."""
    e = b'{"event":"a"}'
    assert ask(post(e))[2] == e
    for step in (1, 2, 3, 7, 1000):
        s = conn()
        whole = post(b'%x;ext="a;b"\r\n' % len(e) + e + b'\r\n' + chunks(b'x' * 300, trailer=b'X-T: 1\r\n'), TE + 'Trailer: X-T\r\n', length=False) + post(e) + GET
        for i in range(0, len(whole), step):
            s.sendall(whole[i:i + step])
        r = Reader(s)
        assert r.answer()[2] == e + b'x' * 300 and r.answer()[2] == e and r.answer()[2] == b'ok\n'
        s.close()
    for size in (0, 1, 65535, 65536, 65537, 3000000):
        b = (b'x' + os.urandom(size))[:size]             # (0x1f would be gzip)
        assert ask(post(b))[2] == b and ask(post(chunks(*[b[i:i + 70000] for i in range(0, size, 70000)]), TE, length=False))[2] == b, size
        z = gzip.compress(b, 1)
        assert ask(post(z, 'Content-Encoding: gzip\r\n'))[2] == b and ask(post(z))[2] == b, size
    assert ask(post(gzip.compress(b'a') + gzip.compress(b'b'), 'Content-Encoding: gzip\r\n'))[2] == b'ab'
    assert ask(post(b'x', 'Content-Encoding: identity\r\n'))[2] == b'x'
    assert ask(post(b'x', 'Content-Encoding: snappy\r\n'))[0] == 415
    assert ask(post(b'\x1fx', 'Content-Encoding: snappy\r\n', '/coded'))[2] == b'\x1fx'


# ---- fault 38
def connections():
    e = b'{"event":"a"}'
    a = ask(post(e) + post(e * 2) + GET + GET * 50, 53)
    assert [x[0] for x in a] == [200] * 53 and a[1][2] == e * 2, 'pipelined'
    a = ask(b'GET /slow?ms=100 HTTP/1.1\r\nHost: h\r\n\r\n' + GET, 2)
    assert [x[2] for x in a] == [b'slow\n', b'ok\n'], 'in order, though the first takes its time'
    a = ask(b'HEAD /healthz HTTP/1.1\r\nHost: h\r\n\r\n' + GET, 1, head=True)
    assert a[0] == 200 and a[1]['content-length'] == '3'
    s = conn(); s.sendall(b'HEAD /healthz HTTP/1.1\r\nHost: h\r\n\r\n' + GET); r = Reader(s)
    assert r.answer(head=True)[0] == 200 and r.answer()[2] == b'ok\n', 'HEAD has no body'
    # HTTP/1.0
    s = conn(); s.sendall(b'GET /healthz HTTP/1.0\r\n\r\n'); r = Reader(s)
    assert r.answer()[2] == b'ok\n' and r.ended(), '1.0 closes'
    s = conn(); s.sendall(b'GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n' * 2); r = Reader(s)
    assert r.answer()[2] == b'ok\n' and r.answer()[2] == b'ok\n', '1.0 that keeps'
    s = conn(); s.sendall(b'GET /stream?n=3&size=5 HTTP/1.0\r\n\r\n'); r = Reader(s); a = r.answer()
    assert 'transfer-encoding' not in a[1] and a[2].endswith(b'piece 2\n') and r.ended(), '1.0 knows no chunks'
    s = conn(); s.sendall(GET.replace(b'\r\n\r\n', b'\r\nConnection: close\r\n\r\n') + GET); r = Reader(s)
    assert r.answer()[1]['connection'] == 'close' and r.ended() and r.b == b'', 'close closes'
    # 100-continue: asked for, not asked for, refused
    s = conn(); s.sendall(post(b'', f'Expect: 100-continue\r\nContent-Length: {len(e)}\r\n', length=False)); r = Reader(s)
    assert r.answer()[0] == 100; s.sendall(e); assert r.answer()[2] == e
    assert ask(post(e, 'Expect: 100-continue\r\n'))[2] == e, 'the body came with it: no 100'
    s = conn(); s.sendall(post(b'', f'Expect: 100-continue\r\nContent-Length: {len(e)}\r\n', '/early', length=False)); r = Reader(s)
    a = r.answer(); assert a[0] == 401 and a[1]['connection'] == 'close' and r.ended(), 'refused before the body'
    assert ask(post(e, 'Expect: tea\r\n'))[0] == 417
    # answered before the body was there: it is passed over, or too much for that
    a = ask(post(b'x' * 1000, path='/early') + GET, 2); assert [x[0] for x in a] == [401, 200], a
    s = conn(); r = Reader(s)
    try: s.sendall(post(b'x' * 10000000, path='/early'))
    except OSError: pass
    assert r.answer()[0] == 401, 'the answer is heard by who still sends'
    # forms of the target
    assert ask(b'GET http://other:1/healthz?x HTTP/1.1\r\nHost: h\r\n\r\n')[0] == 200 and ask(b'OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n')[0] == 204
    # half close is no end; going away is
    s = conn(); s.sendall(GET)
    if not TLS: s.shutdown(socket.SHUT_WR)
    assert Reader(s).answer()[2] == b'ok\n', 'half closed'
    if not TLS:
        s = conn(); s.sendall(b'GET /slow?ms=50 HTTP/1.1\r\nHost: h\r\n\r\n'); s.shutdown(socket.SHUT_WR); assert Reader(s).answer()[2] == b'slow\n', 'half closed while it waits'
    for i in range(50):
        s = conn(); s.sendall(post(b'x' * 100)[:-5]); s.close()
        s = conn(); s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0)); s.sendall(GET * 20 + b'GET /slow?ms=30 HTTP/1.1\r\nHost: h\r\n\r\n'); s.close()
        s = conn(); s.sendall(b'GET /stream?n=1000&size=10000 HTTP/1.1\r\nHost: h\r\n\r\n'); s.recv(100); s.close()
    alive()
    until('connections stay behind', lambda: figures()['connections'] <= 1)


# ---- faults 37, 46
def floods():
    assert ask(b'GET /' + b'a' * 100000 + b' HTTP/1.1\r\nHost: h\r\n\r\n')[0] == 414
    assert ask(f'GET / HTTP/1.1\r\n{HD}'.encode() + b''.join(b'X-%d: %s\r\n' % (i, b'v' * 990) for i in range(200)) + b'\r\n')[0] == 431
    assert ask(f'GET / HTTP/1.1\r\n{HD}'.encode() + b''.join(b'X-%d: v\r\n' % i for i in range(2000)) + b'\r\n')[0] == 431
    assert ask(f'GET /healthz HTTP/1.1\r\n{HD}'.encode() + b''.join(b'X-%d: v\r\n' % i for i in range(200)) + b'\r\n')[0] == 200
    assert ask(b'A' * 5000 + b' / HTTP/1.1\r\nHost: x\r\n\r\n')[0] == 501
    assert ask(post(b'', 'Content-Length: 99999999999999999999999\r\n', length=False))[0] == 413
    assert ask(post(b'', 'Content-Length: 33554433\r\n', length=False))[0] == 413
    assert ask(post(chunks(*[b'x' * 1000000] * 40), TE, length=False))[0] in (413, 0)
    for extra in (b';' + b'a' * 100000, b''):
        trailer = b'' if extra else b''.join(b'T%d: x\r\n' % i for i in range(5000))
        assert ask(post(b'1' + extra + b'\r\nx\r\n0\r\n' + trailer + b'\r\n', TE, length=False))[0] == 400
    alive()


def traversal():
    for path in ('/../../etc/passwd', '/%2e%2e/%2e%2e/etc/passwd', '/a/%2E./b', '/a/..', '/./x', '/a%00b', '/%ff', '/%c0%ae%c0%ae/', '/%zz', '/..%2fetc'):
        status = ask(f'GET {path} HTTP/1.1\r\n{HD}\r\n'.encode())[0]
        assert status == 400, (path, status)


# ---- fault 25
def bombs():
    pid = int(os.environ['SERVER'])
    z = gzip.compress(b'0' * (16 << 20), 9) * 20            # members behind each other are one stream
    for times in range(4):
        assert ask(post(z, 'Content-Encoding: gzip\r\n'))[0] == 413
    z = gzip.compress(b'0' * (16 << 20), 9)
    nested = gzip.compress(z, 9)
    assert ask(post(nested, 'Content-Encoding: gzip\r\n'))[2] == z, 'unpacked once and no further'
    assert ask(post(z * 60, 'Content-Encoding: gzip\r\n', '/count'))[0] == 413, 'a ratio of a thousand, also where there is no other bound'
    e = gzip.compress(b'{"event":"a"}')
    assert ask(post(e[:-6], 'Content-Encoding: gzip\r\n'))[0] == 400 and ask(post(e[:10] + b'x' + e[11:], 'Content-Encoding: gzip\r\n'))[0] == 400
    assert ask(post(b'plain', 'Content-Encoding: gzip\r\n'))[0] == 400
    alive()
    peak = [int(l.split()[1]) for l in open(f'/proc/{pid}/status') if l.startswith('VmHWM')][0]
    assert peak < 200000 or os.environ.get('SANITIZED'), peak


# ---- fault 36
def slow():
    """With HEAD_MS=4000 and IDLE_MS=5000: whoever is slow is cut off, nobody else waits for them."""
    def begun():
        s = conn(); s.sendall(b'GET /healthz HTTP/1.1\r\nX-Slow: '); return s
    dribble = conn(); silent = conn(); many = [begun() for _ in range(300)]
    idle = conn(); idle.sendall(GET); Reader(idle).answer()
    gone = False
    for i in range(300):
        try: dribble.sendall(b'GET /healthz HTTP/1.1\r\nX: '[i:i + 1] or b'a')
        except OSError: gone = True
        if gone: break
        assert ask(GET)[0] == 200
        time.sleep(0.1)
    assert gone, 'a head that comes byte by byte'
    assert Reader(silent).ended() and Reader(idle).ended()
    for s in many:
        r = Reader(s); a = r.answer(); assert a[0] == 408 and r.ended(), a


def slow_bodies():
    """A body and a reader that move by less than 100 bytes a second for 10 s are cut off. (What is sent counts until the buffers between
    are full, and the 10 s at hand are let pass.)"""
    pid = int(os.environ['SERVER'])
    open_files = lambda: len(os.listdir(f'/proc/{pid}/fd'))
    before = open_files()
    body = conn(); body.sendall(post(b'', 'Content-Length: 1000000\r\n', length=False))
    pieces = conn(); pieces.sendall(post(b'', 'Content-Length: 1000000\r\n', '/count', length=False) + b'x')
    reader = conn(); reader.sendall(b'GET /stream?n=3000&size=10000 HTTP/1.1\r\nHost: h\r\n\r\n')
    fine = conn(); fine.sendall(post(b'', 'Content-Length: 14000\r\n', length=False))
    for i in range(14):
        for s in (body, pieces):
            try: s.sendall(b'x' * 20)
            except OSError: pass
        fine.sendall(b'x' * 1000)
        time.sleep(1)
    r = Reader(body); assert r.answer()[0] == 408 and r.ended()
    r = Reader(pieces); assert r.answer()[0] == 408 and r.ended()
    assert Reader(fine).answer()[0] == 200
    until('a reader that does not read is still there', lambda: open_files() <= before + 1)
    r = Reader(reader); assert r.ended() and not r.b.endswith(b'0\r\n\r\n')
    alive()


def crowd():
    """CONNECTIONS=50: the next is told 503, and may come when one has gone."""
    s = [conn() for _ in range(50)]
    for x in s:
        x.sendall(GET); assert Reader(x).answer()[0] == 200
    for i in range(20):
        a = ask(GET); assert a[0] == 503 and 'retry-after' in a[1], a
    s.pop().close()
    until('nobody gets in when one has gone', lambda: ask(GET)[0] == 200)


def each_address():
    """EACH_ADDRESS=5: others are not kept out by one."""
    s = [conn() for _ in range(5)]
    for x in s:
        x.sendall(GET); assert Reader(x).answer()[0] == 200
    assert ask(GET)[0] == 503
    other = socket.create_connection((HOST, PORT), source_address=('127.0.0.9', 0)); other.sendall(b'GET /client HTTP/1.1\r\nHost: h\r\n\r\n')
    assert Reader(other).answer()[2] == b'127.0.0.9'


def descriptors():
    """With 32 of them: served, told 503 or made to wait, without a spin; and all is well when they have gone."""
    pid = int(os.environ['SERVER'])
    cpu = lambda: sum(int(x) for x in open(f'/proc/{pid}/stat').read().rsplit(')', 1)[1].split()[11:13]) / os.sysconf('SC_CLK_TCK')
    s = []
    for i in range(60):
        x = socket.create_connection((HOST, PORT), timeout=120); s.append(x)
    a = cpu(); time.sleep(2); used = cpu() - a
    assert used < 0.3, used
    s[0].sendall(GET); assert Reader(s[0]).answer()[0] == 200, 'who is in is served'
    for x in s: x.close()
    def gets_in():
        try: return ask(GET)[0] == 200
        except OSError: return False
    until('nobody gets in any more', gets_in)


def idle_many():
    """10,000 kept connections: less than 16 KiB each, and another is served."""
    import resource
    n = 10000 if resource.getrlimit(resource.RLIMIT_NOFILE)[1] > 10100 else 1000
    resource.setrlimit(resource.RLIMIT_NOFILE, (n + 50, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    pid = int(os.environ['SERVER'])
    rss = lambda: [int(l.split()[1]) for l in open(f'/proc/{pid}/status') if l.startswith('VmRSS')][0]
    before, s = rss(), []
    for i in range(n - 10):
        x = conn(); x.sendall(post(b'{"event":"a"}')); Reader(x).answer(); s.append(x)
    each = (rss() - before) / len(s)
    alive()
    print(f'{len(s)} kept: {each:.2f} KiB each')
    assert each < 16 or os.environ.get('SANITIZED'), each


def upload():
    """500 MB in pieces: all of it, in constant memory."""
    pid = int(os.environ['SERVER'])
    peak = lambda: [int(l.split()[1]) for l in open(f'/proc/{pid}/status') if l.startswith('VmHWM')][0]
    alive(); before, n = peak(), 500 << 20
    s = conn(); s.sendall(post(b'', f'Content-Length: {n}\r\n', '/count', length=False)); b = b'x' * (1 << 20)
    for i in range(500): s.sendall(b)
    assert Reader(s).answer()[2] == b'%d\n' % n
    grew = peak() - before
    print(f'500 MB: {grew} KiB more')
    assert grew < 4096 or os.environ.get('SANITIZED'), grew


def stream():
    """An answer of 100 MB to a reader that takes its time: the writer waits, memory stays."""
    pid = int(os.environ['SERVER'])
    s = conn(); s.sendall(b'GET /stream?n=10000&size=10000 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n'); time.sleep(0.5)
    n, end = 0, b''
    while True:
        d = s.recv(1 << 20)
        if not d: break
        n, end = n + len(d), (end + d)[-50:]
    assert n > 100000000 and end.endswith(b'piece 9999\n\r\n0\r\n\r\n'), (n, end)
    peak = [int(l.split()[1]) for l in open(f'/proc/{pid}/status') if l.startswith('VmHWM')][0]
    assert peak < 40000 or os.environ.get('SANITIZED'), peak


# ---- fault 39: after the cases of the Autobahn test suite, by their sections
def masked(data, mask):
    n = len(data)
    return (int.from_bytes(data, 'big') ^ int.from_bytes((mask * (n // 4 + 1))[:n], 'big')).to_bytes(n, 'big')


class Web:
    def __init__(self, path='/ws/echo', extra='', timeout=120):
        self.s = conn(timeout); self.r = Reader(self.s)
        self.s.sendall(f'GET {path} HTTP/1.1\r\n{HD}Upgrade: websocket\r\nConnection: keep-alive, Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n{extra}\r\n'.encode())
        self.status, self.heads, _ = self.r.answer()

    def send(self, op, data=b'', fin=True, rsv=0, mask=b'\x01\x02\x03\x04', n=None, step=0):
        n = len(data) if n is None else n
        m = 0x80 if mask else 0
        h = bytes([(0x80 if fin else 0) | rsv << 4 | op]) + (bytes([m | n]) if n < 126 else bytes([m | 126]) + struct.pack('>H', n) if n < 65536 else bytes([m | 127]) + struct.pack('>Q', n))
        f = h + (mask or b'') + (masked(data, mask) if mask else data)
        try:
            for i in range(0, len(f), step or len(f)):
                self.s.sendall(f[i:i + (step or len(f))])
        except OSError:
            pass

    def need(self, n):
        while len(self.r.b) < n:
            self.r.more()
        d, self.r.b = self.r.b[:n], self.r.b[n:]
        return d

    def frame(self):
        h = self.need(2); n = h[1] & 127
        assert not h[1] & 0x80, 'a server masks nothing'
        n = struct.unpack('>H', self.need(2))[0] if n == 126 else struct.unpack('>Q', self.need(8))[0] if n == 127 else n
        return h[0] & 15, self.need(n), h[0] >> 4

    def closed(self):
        """The code of the close that comes; 'eof' without one."""
        try:
            while True:
                op, d, _ = self.frame()
                if op == 8:
                    code = struct.unpack('>H', d[:2])[0] if len(d) >= 2 else 1005
                    assert self.r.ended(), 'the server ends the connection behind its close'
                    return code
        except (EOFError, ConnectionError):
            return 'eof'


def closes(name, codes, *frames, extra=''):
    w = Web(extra=extra)
    for f in frames:
        w.send(**f)
    code = w.closed()
    assert code in codes, (name, code)
    w.s.close()


def echoes(name, want, *frames, extra=''):
    """Frames go out, the echoes `want` come back in their order, then the socket closes by 1000."""
    w = Web(extra=extra)
    for f in frames:
        w.send(**f)
    for op, data in want:
        got = w.frame()
        assert got[:2] == (op, data), (name, got[0], got[1][:50], data[:50])
    w.send(8, struct.pack('>H', 1000))
    assert w.closed() == 1000, name
    w.s.close()


def websockets():
    T, B = (lambda d=b'', **k: dict(op=1, data=d, **k)), (lambda d=b'', **k: dict(op=2, data=d, **k))
    C, P = (lambda d=b'', **k: dict(op=0, data=d, **k)), (lambda d=b'', **k: dict(op=9, data=d, **k))
    w = Web(); accept = base64.b64encode(hashlib.sha1(b'dGhlIHNhbXBsZSBub25jZQ==258EAFA5-E914-47DA-95CA-C5AB0DC85B11').digest()).decode()
    assert w.status == 101 and w.heads['sec-websocket-accept'] == accept and 'sec-websocket-extensions' not in w.heads
    # 1: texts and bytes of all sizes, also byte by byte
    for n in (0, 125, 126, 127, 128, 65535, 65536):
        t, b = b'*' * n, bytes(range(256)) * 257
        echoes(f'1.1 {n}', [(1, t)], T(t)); echoes(f'1.2 {n}', [(2, b[:n])], B(b[:n], step=997))
    echoes('1.1 dribbled', [(1, b'hello' * 50)], T(b'hello' * 50, step=1))
    # 2: pings
    for d in (b'', b'hello', bytes([0, 255, 254, 253, 252, 251, 0, 255]), b'\xfe' * 125):
        echoes('2 ping', [(10, d)], P(d, step=1))
    closes('2.5 ping of 126', (1002,), P(b'x' * 126))
    echoes('2.7 a pong nobody asked for', [(10, b'x')], dict(op=10, data=b'zz'), P(b'x'))
    echoes('2.10 ten pings', [(10, b'p%d' % i) for i in range(10)], *[P(b'p%d' % i) for i in range(10)])
    # 3, 4: reserved bits and opcodes
    for rsv in range(1, 8):
        closes(f'3 rsv {rsv}', (1002,), T(b'x', rsv=rsv)); closes(f'3 rsv {rsv} ping', (1002,), P(b'x', rsv=rsv)); closes('3 close', (1002,), dict(op=8, rsv=rsv))
    for op in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15):
        closes(f'4 opcode {op}', (1002,), dict(op=op)); closes(f'4 opcode {op}, text before', (1002,), T(b'x'), dict(op=op, data=b'x'))
    # 5: fragments
    closes('5.1 ping in two', (1002,), P(b'a', fin=False), C(b'b')); closes('5.2 pong in two', (1002,), dict(op=10, data=b'a', fin=False), C(b'b'))
    echoes('5.3', [(1, b'ab')], T(b'a', fin=False), C(b'b')); echoes('5.6 ping between', [(10, b'p'), (1, b'ab')], T(b'a', fin=False), P(b'p'), C(b'b'))
    closes('5.9 continuation of nothing', (1002,), C(b'x'), T(b'y')); closes('5.10', (1002,), C(b'x', fin=False), T(b'y')); closes('5.15', (1002,), T(b'a', fin=False), C(b'b'), C(b'c', fin=False), T(b'd'))
    closes('5.18 text within text', (1002,), T(b'a', fin=False), T(b'b'))
    echoes('5.19', [(10, b'p1'), (10, b'p2'), (1, b'abcde')], T(b'a', fin=False), C(b'b', fin=False), P(b'p1'), C(b'c', fin=False), C(b'd', fin=False), P(b'p2'), C(b'e'))
    echoes('5 empty ones', [(1, b'')], T(fin=False), C(fin=False), C()); echoes('5 of one byte', [(1, b'x' * 500)], T(b'x', fin=False), *[C(b'x', fin=False)] * 498, C(b'x'))
    # 6: UTF-8
    good = ['Hello-µ@ßöäüàá-UTF-8!!', '\u0000', '\ud7ff', '\ue000', '\uffff', '\U00010000', '\U0010ffff', 'κόσμε', '\ufdd0']
    for g in good:
        g = g.encode(); echoes('6', [(1, g)], T(g)); echoes('6 cut', [(1, g)], *[dict(op=0 if i else 1, data=g[i:i + 1], fin=i + 1 == len(g)) for i in range(len(g))])
    bad = [b'\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80edited', b'\xf8\x88\x80\x80\x80', b'\xfc\x84\x80\x80\x80\x80', b'\xf4\x90\x80\x80', b'\xfe', b'\xff', b'\x80', b'\xbf',
           b'\xc0\xaf', b'\xe0\x80\xaf', b'\xf0\x80\x80\xaf', b'\xc1\xbf', b'\xed\xa0\x80', b'\xed\xbf\xbf', b'\xed\xa0\x80\xed\xb0\x80', b'\xc2', b'\xe1\x80', b'\xf1\x80\x80', b'\xe0\x9f\xbf', b'\xf0\x8f\xbf\xbf']
    for b in bad:
        closes(f'6 {b!r}', (1007,), T(b)); closes(f'6 {b!r} cut', (1007,), *[dict(op=0 if i else 1, data=b[i:i + 1], fin=i + 1 == len(b)) for i in range(len(b))])
        echoes('6 as bytes', [(2, b)], B(b))
    closes('6.4 told at once, before the end', (1007,), T(b'\xf4', fin=False), C(b'\x90', fin=False))
    # 7: closing
    def code(c, r=b''): return dict(op=8, data=struct.pack('>H', c) + r)
    closes('7.1.1', (1000,), code(1000)); closes('7.1.2 two closes', (1000,), code(1000), code(1000)); closes('7.1.3 ping behind', (1000,), code(1000), P(b'x')); closes('7.1.4 text behind', (1000,), code(1000), T(b'x'))
    closes('7.3.1 empty', (1000, 1005), dict(op=8)); closes('7.3.2 one byte', (1002,), dict(op=8, data=b'\x03')); closes('7.3.5 reason of 123', (1000,), code(1000, b'*' * 123)); closes('7.3.6 of 124', (1002,), dict(op=8, data=b'\x03\xe8' + b'*' * 124))
    closes('7.5.1 reason no UTF-8', (1007, 1002), code(1000, b'\xce\xba\xed\xa0\x80'))
    for c in (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999):
        closes(f'7.7 {c}', (c,), code(c))
    for c in (0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999, 5000, 65535):
        closes(f'7.9 {c}', (1002,), code(c))
    # 9, 10: sizes; a bound is told before anything is kept
    big = os.urandom(1 << 20); echoes('9', [(2, big)], B(big)); echoes('9 in fragments', [(2, big)], *[dict(op=0 if i else 2, data=big[i:i + 65536], fin=i + 65536 >= len(big)) for i in range(0, len(big), 65536)])
    for n in ((16 << 20) + 1, 1 << 31, 1 << 32, 1 << 62): closes(f'announces {n}', (1009,), T(b'x', n=n))
    closes('the top bit', (1002,), T(b'x', n=1 << 63)); closes('no mask', (1002,), T(b'x', mask=None))
    w = Web(); [w.send(0 if i else 1, b'a' * 65536, fin=False) for i in range(300)]; assert w.closed() in (1009, 'eof')
    w = Web(); w.s.sendall(bytes([0x81, 0xfe, 0, 5]) + b'\0\0\0\0hello'); assert w.closed() == 1002, 'a length that could be shorter'
    # handshakes that are none
    for name, h, status in (('no key', 'Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n', 400), ('no version', 'Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n', 400),
                            ('version 7', 'Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 7\r\n', 426), ('key', 'Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: short\r\nSec-WebSocket-Version: 13\r\n', 400), ('plain', '', 426)):
        a = ask(f'GET /ws/echo HTTP/1.1\r\n{HD}{h}\r\n'.encode() + GET, 2); assert a[0][0] == status and a[1][0] == 200, (name, a)
        assert status != 426 or a[0][1]['sec-websocket-version'] == '13'
    alive()


def packed_websockets():
    """permessage-deflate: offers, echoes, what is broken, what is a bomb."""
    offer = lambda x: f'Sec-WebSocket-Extensions: {x}\r\n'
    ours = 'permessage-deflate; server_no_context_takeover; client_no_context_takeover'
    for x in ('permessage-deflate', 'permessage-deflate; client_max_window_bits', 'permessage-deflate; client_max_window_bits=10', 'permessage-deflate; server_max_window_bits=15', 'permessage-deflate; server_max_window_bits=10, permessage-deflate',
              'x-webkit-deflate-frame, permessage-deflate', 'permessage-deflate; server_no_context_takeover; client_no_context_takeover', 'permessage-deflate; client_max_window_bits="12"'):
        assert Web(extra=offer(x)).heads.get('sec-websocket-extensions') == ours, x
    assert Web(extra=offer('a') + offer('permessage-deflate')).heads.get('sec-websocket-extensions') == ours, 'two lines are one list'
    for x in ('permessage-deflate; server_max_window_bits=10', 'permessage-deflate; server_max_window_bits', 'permessage-deflate; client_max_window_bits=16', 'permessage-deflate; client_max_window_bits=7', 'permessage-deflate; x=1',
              'permessage-deflate; server_no_context_takeover=1', 'permessage-deflate; client_max_window_bits; client_max_window_bits', 'permessage-deflat', ''):
        assert 'sec-websocket-extensions' not in Web(extra=offer(x)).heads, x
    def pack(d, level=6):
        c = zlib.compressobj(level, zlib.DEFLATED, -15); z = c.compress(d) + c.flush(zlib.Z_SYNC_FLUSH); return z[:-4]
    on = offer('permessage-deflate')
    for n in (0, 1, 125, 126, 300, 65535, 65536, 1000000):
        for d in (b'a' * n, os.urandom(n).hex().encode()[:n]):
            for cut in (0, 1, 2):
                w = Web(extra=on); z = pack(d)
                if cut == 0: w.send(1, z, rsv=4)
                elif cut == 1: w.send(1, z[:1], fin=False, rsv=4); w.send(9, b'p'); w.send(0, z[1:])
                else: w.send(1, d)
                got = w.frame()
                if cut == 1: assert got[:2] == (10, b'p'); got = w.frame()
                plain = zlib.decompressobj(-15).decompress(got[1] + b'\0\0\xff\xff') if got[2] & 4 else got[1]
                assert plain == d and got[2] in (8, 12), (n, cut, len(plain))
                w.s.close()
    T = lambda d, **k: dict(op=1, data=d, **k)
    closes('a packed continuation', (1002,), T(pack(b'ab')[:1], rsv=4, fin=False), dict(op=0, data=pack(b'ab')[1:], rsv=4), extra=on)
    closes('a packed ping', (1002,), dict(op=9, data=b'x', rsv=4), extra=on)
    closes('no deflate data', (1007,), T(b'\xff\xff\xff\xff', rsv=4), extra=on); closes('packed, no UTF-8', (1007,), T(pack(b'\xc0\xaf'), rsv=4), extra=on)
    c = zlib.compressobj(9, zlib.DEFLATED, -15); bomb = c.compress(b'\0' * (100 << 20)) + c.flush(zlib.Z_SYNC_FLUSH)
    closes('a bomb', (1009,), dict(op=2, data=bomb[:-4], rsv=4), extra=on)
    echoes('a last block, as some send', [(1, b'hello')], T(zlib.compressobj(6, zlib.DEFLATED, -15).compress(b'') + (lambda o: o.compress(b'hello') + o.flush(zlib.Z_FINISH))(zlib.compressobj(6, zlib.DEFLATED, -15)) + b'\0', rsv=4), extra=on)
    alive()


def socket_that_stalls():
    """One that does not read slows nobody, and costs no more than its bound."""
    w = Web(); w.s.settimeout(0.5)
    try:
        for i in range(200): w.s.sendall(bytes([0x82, 0xff]) + struct.pack('>Q', 1 << 20) + b'\0\0\0\0' + b'x' * (1 << 20))
    except OSError: pass
    alive()                                     # within the time that anybody has for an answer here
    w.s.close()


def batches():
    """Batches of events to at-serve that break off, are refused or reset anywhere: it lives, and answers the next one."""
    import random
    heads = f'X-API-Key: {os.environ["KEY"]}\r\nContent-Type: application/x-ndjson\r\n'
    line = b'{"event":"a","properties":{"x":1}}\n'

    def send(body, extra='', n=None, cut=None, reset=False, half=False):
        d = f'POST /api/v1/events/batch HTTP/1.1\r\nHost: {HOST}:{PORT}\r\n{heads}{extra}Content-Length: {len(body) if n is None else n}\r\n\r\n'.encode() + body
        s = conn()
        try:
            s.sendall(d[:cut])
            if half: s.shutdown(socket.SHUT_WR)
            if reset: s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
            return 0 if reset or (cut and not half) else Reader(s).answer()[0]
        except OSError:
            return 0
        finally:
            s.close()

    assert send(line) == 200 and send(line, 'Content-Encoding: br\r\n') == 415 and send(b'', n=100, half=True) == 0 and send(line * 1000, n=10 ** 6, half=True) == 0
    assert send(gzip.compress(b'0' * (16 << 20), 9) * 20, 'Content-Encoding: gzip\r\n') == 413 and send(gzip.compress(line * 20000)[:-9], 'Content-Encoding: gzip\r\n') == 400
    def some(seed):
        r = random.Random(seed)
        for i in range(25):
            body = line * r.choice((1, 10, 3000, 20000))
            send(body, n=len(body) + r.choice((0, 10)), cut=r.choice((None, r.randrange(len(body) + 300))), reset=r.random() < .3, half=True)
    threads = [threading.Thread(target=some, args=(i,)) for i in range(4)]
    for t in threads: t.start()
    for t in threads: t.join()
    assert send(line) == 200


# ---- fault 57
def drain():
    """SIGTERM: what is in hand is answered, sockets hear 1001, nobody new comes in; then the process ends."""
    pid = int(os.environ['SERVER'])
    idle = conn(); idle.sendall(GET); Reader(idle).answer(); w = Web(); up = conn(); busy = conn()
    up.sendall(post(b'x' * 100)[:-50]); busy.sendall(b'GET /slow?ms=6000 HTTP/1.1\r\nHost: h\r\n\r\n'); alive()         # who is answered behind them: they are in hand
    os.kill(pid, 15)
    assert w.frame()[:2] == (8, struct.pack('>H', 1001) + b'the server stops'); w.send(8, struct.pack('>H', 1001)); assert w.r.ended()
    assert Reader(idle).ended()
    try: conn(); assert False, 'somebody new'
    except ConnectionRefusedError: pass
    up.sendall(b'x' * 50); a = Reader(up).answer(); assert a[2] == b'x' * 100 and a[1]['connection'] == 'close'
    r = Reader(busy); a = r.answer(); assert a[2] == b'slow\n' and a[1]['connection'] == 'close' and r.ended()


def stopped():
    """Asleep for a while (SIGSTOP), it goes on where it was."""
    pid = int(os.environ['SERVER'])
    s = conn(); s.sendall(GET); Reader(s).answer(); w = Web()
    os.kill(pid, 19); time.sleep(1); s.sendall(GET); w.send(9, b'x'); os.kill(pid, 18)
    assert Reader(s).answer()[0] == 200 and w.frame()[:2] == (10, b'x')


def versions():
    for v, ok in ((ssl.TLSVersion.TLSv1_1, False), (ssl.TLSVersion.TLSv1_2, True), (ssl.TLSVersion.TLSv1_3, True)):
        c = ssl._create_unverified_context(); c.set_ciphers('ALL:@SECLEVEL=0'); c.minimum_version = c.maximum_version = v; c.set_alpn_protocols(['h2', 'http/1.1'])
        try:
            s = c.wrap_socket(socket.create_connection((HOST, PORT), timeout=120)); got = True
            assert s.selected_alpn_protocol() == 'http/1.1'
            assert v == ssl.TLSVersion.TLSv1_3 or s.cipher()[0].startswith('ECDHE-')
        except (ssl.SSLError, OSError): got = False
        assert got == ok, v
    plain = socket.create_connection((HOST, PORT), timeout=120); plain.sendall(GET)
    r = Reader(plain); assert r.ended() and not r.b.startswith(b'HTTP'), 'text on TLS'


def certificate():
    """The common name of the certificate that is shown now."""
    s = ssl._create_unverified_context().wrap_socket(socket.create_connection((HOST, PORT), timeout=120))
    der = s.getpeercert(True)
    print(next(n for n in (b'first', b'second', b'none') if n in der or n == b'none').decode())


def workers():
    """All processes that share the socket answer."""
    seen = set()
    for i in range(400):
        s = conn(); s.sendall(GET); assert Reader(s).answer()[0] == 200; s.close()


def listens():
    """systemd's way: a socket from before exec, as descriptor 3: hostile_http.py listens 0 COMMAND…"""
    l = socket.socket(); l.bind(('127.0.0.1', 0)); l.listen(10); os.dup2(l.fileno(), 3); os.set_inheritable(3, True)
    server = os.fork()
    if server == 0:
        os.environ['LISTEN_FDS'] = '1'; os.environ['LISTEN_PID'] = str(os.getpid()); os.execvp(sys.argv[3], sys.argv[3:])
    s = socket.create_connection(l.getsockname()[:2], timeout=120); s.sendall(GET.replace(b'\r\n\r\n', b'\r\nConnection: close\r\n\r\n')); assert Reader(s).answer()[0] == 200
    os.kill(server, signal.SIGTERM); os.waitpid(server, 0)


if __name__ == '__main__':
    globals()[sys.argv[1]]()
