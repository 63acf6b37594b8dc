#!/usr/bin/env python3
"""Heads and bodies that the server takes beside two readers of others: http_readers.py BIN [SEED [N]], BIN being build/bench/http.

Wants h11 and httptools (pip). Requests to /echo are damaged at random, with a whole one behind them, and sent. The server may refuse what
another reader takes: it is stricter. But what it answers with 200 both must have read with the same body, as far as they read on, else two machines
in a row would not agree where a request ends (request smuggling); and the first request of a connection none of them may refuse, but for
UTF-8 in the target that was not escaped, which curl sends, and for an empty line in front (RFC 9112, 2.2).
"""
import random, socket, subprocess, sys
try:
    import h11, httptools
except ImportError:
    print('skipped: h11 and httptools are not here')
    sys.exit(0)

BITS = [b'\r\n', b'\n', b'\r', b' ', b'\t', b':', b',', b';', b'\0', b'0', b'5', b'-', b'+', b'0x', b'f', b'Content-Length: 5\r\n', b'Content-Length: 3\r\n', b'Transfer-Encoding: chunked\r\n',
        b'Transfer-Encoding: identity\r\n', b'chunked', b'identity, ', b'Host: x\r\n', b'5\r\nhello\r\n', b'0\r\n\r\n', b'HTTP/1.0', b'Connection: close\r\n', b'\x0b', b'\xff', b'"', b'GET /echo HTTP/1.1\r\nHost: h\r\n\r\n',
        b'Expect: 100-continue\r\n', b'\r\n ', b'X: y\r\n', b'X : y\r\n', b'%', b'?', b'#', b'http://h', b';a=b', b'ffffffffffffffff']
WHOLE = [b'POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello', b'POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n3;x=y\r\nabc\r\n0\r\nT: u\r\n\r\n',
         b'GET /echo HTTP/1.1\r\nHost: h\r\nAccept: */*\r\n\r\n', b'POST /echo HTTP/1.0\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\nhello', b'POST http://h/echo?a=b HTTP/1.1\r\nHost: h\r\nX: y\r\nContent-Length: 5\r\n\r\nhello']
BEHIND = b'POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\nbehind'
METHODS = b'GET HEAD POST PUT PATCH DELETE OPTIONS'.split()


def damaged(r):
    b = bytearray(r.choice(WHOLE))
    for _ in range(r.choice((1, 1, 1, 2, 3))):
        at, what = r.randrange(len(b) + 1), r.random()
        if what < .5: b[at:at] = r.choice(BITS)
        elif what < .7: del b[at:at + r.randrange(1, 4)]
        elif what < .85: b[at:at + 1] = r.choice(BITS)
        else: b[at:at + 1] = bytes([r.randrange(256)])
    return bytes(b) + BEHIND


def ours(address, wire):
    """The bodies of what is answered with 200, in order; None for each other answer."""
    s = socket.create_connection(address, timeout=10)
    s.sendall(wire)
    s.shutdown(socket.SHUT_WR)
    got = b''
    try:
        while d := s.recv(65536): got += d
    except OSError: pass
    out = []
    while got:
        top, got = got.split(b'\r\n\r\n', 1)
        lines = top.split(b'\r\n')
        heads = {l.split(b':')[0].lower(): l.split(b':', 1)[1].strip() for l in lines[1:]}
        n = int(heads.get(b'content-length', b'0'))
        if heads.get(b'x-method', b'POST') not in METHODS:
            break                                   # a token, and so a method (RFC 9110, 9.1); httptools has a list of its own
        if lines[0].split()[1] != b'100':
            out.append(got[:n] if lines[0].split()[1] == b'200' and not lines[0].startswith(b'HTTP/1.1 204') else None)
            got = got[n:]
    return out


def by_h11(wire):
    c, out = h11.Connection(h11.SERVER, max_incomplete_event_size=1 << 20), []
    c.receive_data(wire)
    try:
        while True:
            e = c.next_event()
            if isinstance(e, h11.Request): body = b''
            elif isinstance(e, h11.Data): body += bytes(e.data)
            elif isinstance(e, h11.EndOfMessage):
                out.append(body)
                c.send(h11.Response(status_code=200, headers=[('content-length', '0')])); c.send(h11.EndOfMessage())
                if c.our_state is not h11.DONE or c.their_state is not h11.DONE: break
                c.start_next_cycle()
            else: break
    except (h11.RemoteProtocolError, h11.LocalProtocolError): pass
    return out


def by_httptools(wire):
    class P:
        def __init__(s): s.out, s.body = [], b''
        def on_message_begin(s): s.body = b''
        def on_body(s, b): s.body += b
        def on_message_complete(s): s.out.append(s.body)
    p = P()
    try: httptools.HttpRequestParser(p).feed_data(wire)
    except (httptools.HttpParserError, httptools.HttpParserUpgrade): pass
    return p.out


seed, n = int(sys.argv[2]) if len(sys.argv) > 2 else random.randrange(1 << 30), int(sys.argv[3]) if len(sys.argv) > 3 else 5000
r = random.Random(seed)
server = subprocess.Popen([sys.argv[1], '127.0.0.1:0'], stdout=subprocess.PIPE, text=True)
bad = taken = 0
try:
    host, port = server.stdout.readline().strip().rsplit(':', 1)
    for i in range(n):
        wire = damaged(r)
        mine, both = ours((host, int(port)), wire), {'h11': by_h11(wire), 'httptools': by_httptools(wire)}
        taken += len([x for x in mine if x is not None])
        for k, body in enumerate(mine):
            for name, theirs in both.items():
                if body is not None and (theirs[k] != body if k < len(theirs) else k == 0 and max(wire) < 128 and not wire.startswith(b'\r\n')):
                    bad += 1
                    print(f'{name} reads otherwise: {wire!r}\n  {mine}\n  {theirs}')
finally:
    server.terminate()
print(f'seed {seed}: {n} connections, {taken} requests taken, {bad} read otherwise')
sys.exit(bad > 0)
