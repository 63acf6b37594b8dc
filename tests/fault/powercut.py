"""powercut.py LOG STORE TRIES - what a power cut may leave, state by state.

LOG is what powercut.c noted, with lines "A" + 8 bytes: so many events and samples are acknowledged from here on. Between two syncs the disk
may have done any of the writes, in any order, whole or in sectors of 512 bytes. For each such span TRIES random states are made
in STORE (whose other files are there) and looked at: the store must open, verify, take a write, and hold all that had been
acknowledged.
"""
import json, os, random, struct, subprocess, sys

log, store, tries = sys.argv[1], sys.argv[2], int(sys.argv[3])
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

def admin(*words):
    return subprocess.run(["at-admin", "-S", store, *words], capture_output=True, text=True)

def look(image, acked, most):
    with open(path, "wb") as f:
        f.write(image)
    if not acked and (not image or admin("stats").returncode):
        return                          # not made yet: nothing was promised
    checked = admin("verify")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    stats = json.loads(admin("stats", "-f", "ndjson").stdout)
    rows = stats["events"] + stats["samples"]
    assert acked <= rows <= most, f"{rows} events and samples, {acked} acknowledged, {most} tried"
    wrote = subprocess.run(["at-ingest", "-S", store], input='{"event":"after"}\n', capture_output=True, text=True)
    assert wrote.returncode == 0, wrote.stderr

sure, pending, acked, states = bytearray(), [], 0, 0
totals = [offset for what, offset, _ in records if what == "A"]
for what, offset, piece in records:
    if what == "A":
        acked = offset
        continue
    pending.append((what, offset, piece))
    if what not in "SD":
        continue
    most = min([t for t in totals if t > acked], default=acked)
    for k in range(tries):
        image = bytearray(sure)
        share = (0.1, 0.5, 0.9)[k % 3]
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
        look(image, acked, most)
        states += 1
    for op, to, bytes_ in pending:
        if op == "T":
            sure = sure[:to] + bytes(max(0, to - len(sure)))
        elif op != "S":
            write(sure, to, bytes_)
    pending = []
print(f"{states} states")
assert states >= tries * 10
