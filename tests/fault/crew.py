#!/usr/bin/env python3
"""crew.py URL KEY PID: an at-serve of two workers under load, whose workers are killed, which is told to reload, and at last to end.

Whoever got 200 has his event in the store once, whatever was killed when; who got nothing sends the same id again, to whichever worker. What was
sent once more with the same Idempotency-Key counts once. Those who listen, on both workers, hear what either commits. Prints the ids that
were acknowledged; exit 1 with what was wrong."""
import http.client, json, os, random, signal, subprocess, sys, threading, time
from urllib.parse import urlparse

URL, KEY, PID = urlparse(sys.argv[1]), sys.argv[2], int(sys.argv[3])
acked, wrong, heard, begun, ending = set(), [], {}, set(), threading.Event()
lock = threading.Lock()


def connect():
    return http.client.HTTPConnection(URL.hostname, URL.port, timeout=20)


def call(method, path, body=None, more={}, c=None):
    c = c or connect()
    c.request(method, path, json.dumps(body) if body is not None else None, {'X-API-Key': KEY, 'Content-Type': 'application/json', **more})
    r = c.getresponse()
    return r.status, dict(r.getheaders()), r.read()


def send(n):
    """Until told to stop: an event a request, each until somebody acknowledged it."""
    rng, c, i = random.Random(n), None, 0
    while not ending.is_set():
        i += 1
        id = f'{n}-{i}'
        body, more = ({'event': 'load', 'id': id}, {}) if i % 2 else ({'event': 'load', 'properties': {'mine': id}}, {'Idempotency-Key': id})
        while not ending.is_set():
            try:
                c = c if c and rng.random() > 0.2 else connect()
                status, heads, answer = call('POST', '/api/v1/events', body, more, c)
            except (OSError, http.client.HTTPException):
                c = None                # it was killed, and may have kept the event or not
                time.sleep(0.02)
                continue
            if status == 200:
                with lock: acked.add(id)
                if rng.random() < 0.1:  # once more, somewhere else
                    try: call('POST', '/api/v1/events', body, more)
                    except (OSError, http.client.HTTPException): pass
                break
            if status not in (429, 503) or 'Retry-After' not in heads:
                wrong.append(f'POST: {status} {answer[:200]}')
                return
            time.sleep(0.05)


def listen(n):
    """Hears the events `beat` of this connection's worker, and goes on elsewhere when it is killed."""
    last = None
    while not ending.is_set():
        try:
            c = connect()
            c.request('GET', '/api/v1/stream?event=beat', headers={'X-API-Key': KEY, **({'Last-Event-ID': last} if last else {})})
            r = c.getresponse()
            while line := r.readline():
                if line.startswith(b'id:'):
                    last = line[3:].decode().strip()
                    begun.add(n)
                if line.startswith(b'data:') and b'"beat"' in line: heard[n].append(json.loads(line[5:])['event']['properties']['n'])
        except (OSError, http.client.HTTPException, ValueError):
            time.sleep(0.05)


def kids():
    return [int(p) for p in subprocess.run(['pgrep', '-P', str(PID)], capture_output=True, text=True).stdout.split()]


def beat(n):
    for _ in range(100):
        try:
            if call('POST', '/api/v1/events', {'event': 'beat', 'id': f'beat-{n}', 'properties': {'n': n}})[0] == 200: return
        except (OSError, http.client.HTTPException): time.sleep(0.05)
    wrong.append(f'no beat {n}')


def until(what, test, seconds=60):
    end = time.time() + seconds
    while not test():
        if time.time() > end:
            wrong.append(what)
            with open('serve.log') as f: wrong.extend([line.strip() for line in f if '"what":"request"' not in line][-8:])
            return
        time.sleep(0.05)


def origins():
    """What the workers say to a page, over connections enough to have met both."""
    seen = set()
    for _ in range(24):
        try: seen.add(call('GET', '/healthz', more={'Origin': 'https://page.example'})[1].get('Access-Control-Allow-Origin'))
        except (OSError, http.client.HTTPException): pass
    return seen


def configure(text):
    with open('config/analytics.json.new', 'w') as f: f.write(text)
    os.rename('config/analytics.json.new', 'config/analytics.json')
    os.kill(PID, signal.SIGHUP)


def logged(what):
    with open('serve.log') as f: return sum(f'"what":"{what}"' in line for line in f)


def kill_one():
    """One worker; when this is over another has taken its place. A killed one is there until its parent looks: one look for both."""
    kid = random.choice(kids())
    os.kill(kid, signal.SIGKILL)

    def replaced():
        now = kids()
        return len(now) == 2 and kid not in now

    until('a killed worker is not started again', replaced)


threads = [threading.Thread(target=send, args=(n,)) for n in range(6)]
for n in range(6):
    heard[n] = []
    threads.append(threading.Thread(target=listen, args=(n,), daemon=True))
for t in threads: t.start()
until('not all listen', lambda: len(begun) == 6)
beats = 0
for _ in range(3):
    beats += 1
    beat(beats)
    until('not all hear', lambda: all(beats in h for h in heard.values()))
    kill_one()
    time.sleep(0.3)
beats += 1
beat(beats)
until('not all hear behind the kills', lambda: all(beats in h for h in heard.values()))
for n, h in heard.items():
    if len(h) != len(set(h)) or sorted(h) != list(range(1, beats + 1)): wrong.append(f'listener {n} heard {h}')

# ---- all workers have the new configuration, or all the old one: also where a wrong one came before each had seen the right one, and who
# is started later
configure('{"serve":{"cors":["https://page.example"]}}')
until('nobody reloads', lambda: 'https://page.example' in origins())
configure('{"serve":{"cors":[1]}}')
until('a wrong configuration is not told', lambda: logged('reload') == 1)
until('a reload comes to all', lambda: logged('reloaded') == 2)
if origins() != {'https://page.example'}: wrong.append(f'a wrong configuration changed something: {origins()}')
kill_one()
until('the new worker is not there', lambda: logged('worker died') == 4)
for _ in range(10):
    time.sleep(0.1)
    if origins() != {'https://page.example'}: wrong.append(f'who is started later has another configuration: {origins()}')

# ---- the end, under load
before = len(acked)
until('no load at the end', lambda: len(acked) > before + 10)
os.kill(PID, signal.SIGTERM)
time.sleep(0.5)
ending.set()
for t in threads[:6]: t.join(30)
print('\n'.join(sorted(acked)))
if wrong: print('\n'.join(wrong[:30]), file=sys.stderr)
sys.exit(1 if wrong else 0)
