"""powercut.py LOG STORE TRIES KIND - what a power cut may leave, state by state.

LOG is what powercut.c noted, with lines "A" + 8 bytes: so many rows (KIND: events or samples, numbered from 0) are acknowledged from here
on, and "C" + 8 bytes: rows below that number are being dropped, and are gone with the next "A". Between two syncs the disk may have done
any of the writes, in any order, whole or in sectors of 512 bytes, and a file that took another's place may have done so or not until the
folder is synced. For each such span TRIES random states are made in STORE (whose other files are there) and looked at: the store must
open, verify, answer as one that was built afresh from the rows, all that are acknowledged among them, and take a write.
"""
import json, os, random, struct, subprocess, sys

log, store, tries, kind = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
path = os.path.join(store, "tenants/default/data.mdb")
random.seed(4)
records, data = [], open(log, "rb").read()
at = 0
while at < len(data):
    what, offset, n = data[at:at + 1].decode(), *struct.unpack("<qI", data[at + 1:at + 13])
    records.append((what, offset, data[at + 13:at + 13 + n]))
    at += 13 + n

def write(image, offset, piece):
    if len(image) < offset + len(piece):
        image.extend(bytes(offset + len(piece) - len(image)))
    image[offset:offset + len(piece)] = piece

def run(*words):
    return subprocess.run(words, capture_output=True, text=True, env={**os.environ, "AT_STORE": store})

def ask(*words):
    p = run("at-query", "-f", "ndjson", *words)
    assert p.returncode == 0, p.stderr
    return [json.loads(line) for line in p.stdout.splitlines()]

def value(i):
    return i if kind == "events" else i % 100

totals = sorted({offset for what, offset, _ in records if what == "A"})

def look(image, acked, most, least):
    with open(path, "wb") as f:
        f.write(image)
    if not acked and (not image or run("at-admin", "stats").returncode):
        return                          # not made yet: nothing was promised
    checked = run("at-admin", "verify")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    if kind == "events":
        got, = ask("SELECT count(*) AS n, coalesce(sum(i), 0) AS s, count(DISTINCT i) AS d FROM (SELECT CAST(properties ->> 'n' AS INTEGER) AS i FROM events WHERE event = 'e')")
    else:
        got, = ask("SELECT count(*) AS n, CAST(coalesce(sum(value), 0) AS INTEGER) AS s, count(*) AS d FROM metrics")
    # all that was acknowledged, and of what was tried as much as stood together: who is slow commits in parts
    whole = [n for cut in least for n in [cut + got["n"]] if acked <= n <= most and sum(map(value, range(cut, n))) == got["s"]]
    assert whole and got["d"] == got["n"], f"{got}, {acked} acknowledged, {most} tried, from {least} on"
    if kind == "samples" and got["n"]:
        n, hours = whole[0], {}
        for i in range(n):              # also of what is in roll-ups alone
            hours.setdefault((1767225600 + i // 7 * 15) // 3600, []).append(value(i))
        means = [row["value"] for row in ask("metric", "m*", "--every", "1h")]
        assert len(means) == len(hours) and all(abs(a - sum(b) / len(b)) < 1e-6 for a, b in zip(means, hours.values())), (means, n)
    wrote = subprocess.run(["at-ingest", "-S", store], input='{"event":"after"}\n', capture_output=True, text=True)
    assert wrote.returncode == 0, wrote.stderr

def torn(image, pending, k):
    """One of the states of a file: what is sure, and some of what is not."""
    image, share = bytearray(image), (0.1, 0.5, 0.9)[k % 3]
    for op, to, bytes_ in random.sample(pending, len(pending)):
        if op == "T":
            if random.random() < share:
                image = image[:to] + bytes(max(0, to - len(image)))
        elif op != "S" and k % 2 == 0:
            if random.random() < share:
                write(image, to, bytes_)
        elif op != "S":
            for s in range(0, len(bytes_), 512):
                if random.random() < share:
                    write(image, to + s, bytes_[s:s + 512])
    return image

def settle(image, pending):
    for op, to, bytes_ in pending:
        if op == "T":
            image = image[:to] + bytes(max(0, to - len(image)))
        elif op != "S":
            write(image, to, bytes_)
    pending.clear()
    return image

old = None                              # the file that has lost its name, as long as a power cut may give it back
file, fresh = [bytearray(), []], None   # what is sure of it, and what is not
acked, least, states, exchanges = 0, {0}, 0, 0
for what, offset, piece in records:
    if what in "AC":
        if what == "A":
            acked, least = offset, {max(least)}
        else:
            least = least | {offset}
        continue
    if what == "w" and fresh is None:
        fresh = [bytearray(), []]
    if what in "wst" and fresh:
        fresh[1].append((what.upper(), offset, piece))
    elif what == "R":
        old, file, fresh = file, fresh, None
        exchanges += 1
    elif what != "Y":
        file[1].append((what, offset, piece))
    if what not in "SDRY":
        if what == "s" and fresh:
            fresh[0] = settle(*fresh)
        continue
    most = min([t for t in totals if t > acked], default=acked)
    for k in range(tries):
        look(torn(*(random.choice([old, file]) if old else file), k), acked, most, least)
        states += 1
    if what == "Y":
        old = None
    elif what != "R":
        file[0] = settle(*file)
print(f"{states} states, {exchanges} files anew")
assert states >= tries * 10
