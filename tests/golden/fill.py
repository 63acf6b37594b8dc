"""Rewrite what the documents show by what comes now; `git diff` is then the review.  fill.py FILE.md …

Each ```console block is run in an empty folder, a document at a time, as tests/cli/examples.sh does it."""
import os, re, subprocess, sys, tempfile

root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def same(want, got):
    """"…" in what is shown stands for any text within a line, alone on a line for any lines."""
    parts = ["(?:.*\n)*" if line == "…" else ".*".join(map(re.escape, line.split("…"))) + "\n" for line in want]
    return re.fullmatch("".join(parts), "".join(line + "\n" for line in got)) is not None


def fill(path):
    lines = open(path, encoding="utf-8").read().split("\n")
    work = tempfile.mkdtemp()
    env = dict(os.environ, PATH=os.environ.get("B", root + "/build") + "/bin:" + os.environ["PATH"], AT_STORE=work + "/store",
               HOME=work, LC_ALL="C.UTF-8", TZ="UTC", TERM="dumb", B=os.environ.get("B", root + "/build"))
    shell = subprocess.Popen(["bash"], cwd=work, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    out, on, i = [], False, 0
    while i < len(lines):
        line = lines[i]
        i += 1
        if line == "```console":
            on = True
        elif line == "```":
            on = False
        elif on and line.startswith("$ "):
            command = [line[2:]]
            out.append(line)
            while i < len(lines) and lines[i].startswith("> "):
                command.append(lines[i][2:])
                out.append(lines[i])
                i += 1
            shell.stdin.write(("{\n%s\n} < /dev/null; echo; echo '<end>'\n" % "\n".join(command)).encode())
            shell.stdin.flush()
            got = b""
            while not got.endswith(b"\n<end>\n"):
                got += os.read(shell.stdout.fileno(), 65536)
            got = got[:-7].decode()
            shown = []
            while lines[i] != "```" and not lines[i].startswith("$ "):
                shown.append(lines[i])
                i += 1
            came = got.rstrip("\n").split("\n") if got.strip("\n") else []
            out += shown if same(shown, came) else came
            continue
        elif on:
            continue
        out.append(line)
    shell.stdin.close()
    shell.wait()
    open(path, "w", encoding="utf-8").write("\n".join(out))


for name in sys.argv[1:]:
    fill(name)
