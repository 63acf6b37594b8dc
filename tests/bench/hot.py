"""The queries of the bench in one shell: milliseconds of the third run, computed anew (a comment makes it another question) and
answered from what the shell keeps.

    hot.py STORE NEEDLE QUERIES.sql [Q…]
"""
import os, pty, re, sys

store, needle, path, only = sys.argv[1], sys.argv[2], sys.argv[3], [q.upper() for q in sys.argv[4:]]
text = open(path).read()
queries = {m[1]: " ".join(l for l in m[2].splitlines() if not l.startswith("--")).strip().rstrip(";")
           for m in re.finditer(r"^-- (Q\d+):.*?\n(.*?)(?=^-- Q\d+:|\Z)", text, re.S | re.M)}

pid, fd = pty.fork()
if pid == 0:
    os.environ.update(TERM="dumb", PAGER="")
    os.execvp("at-query", ["at-query", "-S", store, "-f", "table", "--color", "never", "-P", "needle=" + needle])


def ask(line):
    os.write(fd, line.encode() + b"\n")
    seen = b""
    while not (m := re.search(rb"\(\d+ rows?, ([\d.]+) (ms|s)\)", seen)):
        seen += os.read(fd, 1 << 16)
    return float(m[1]) * (1 if m[2] == b"ms" else 1000)


os.write(fd, b".timer on\n")
for name, sql in queries.items():
    if only and name not in only:
        continue
    anew = [ask(f"{sql} /* {i} */;") for i in range(3)][-1]
    kept = [ask(f"{sql};") for i in range(3)][-1]
    print(f"  {name}: {anew:.1f} ms computed anew, {kept:.1f} ms kept", flush=True)
os.write(fd, b".quit\n")
