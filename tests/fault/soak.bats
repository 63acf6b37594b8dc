#!/usr/bin/env bats
# What grows when a filter runs for long. AT_SOAK_ROWS=10000000 for the long run.

load ../helper

rows=${AT_SOAK_ROWS:-200000}

# Events of 50 users and 200 pages, ten a second, for as many rows as asked.
events() {
	awk -v n="$rows" 'BEGIN { for (i = 0; i < n; i++)
		printf "{\"event\":\"view\",\"timestamp\":%.0f,\"id\":\"%d\",\"user_id\":\"u%d\",\"properties\":{\"page\":\"/p%d\",\"ms\":%d}}\n",
		    1700000000000 + i * 100, i, i * 7 % 50, i * 13 % 200, i * 31 % 997 }'
}

# Its resident memory, KB, at each tenth of the rows it has read; from the third on it stays within 5 %, and 256 KB for
# short runs, where that is less than a page here and there.
flat() {
	events | python3 -c '
import os, subprocess, sys
rows, words = int(sys.argv[1]), sys.argv[2:]
p = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
sizes = []
def resident():
    with open(f"/proc/{p.pid}/status") as f:
        return next(int(l.split()[1]) for l in f if l.startswith("VmRSS"))
n = 0
for line in iter(lambda: sys.stdin.buffer.readlines(1 << 20), []):
    p.stdin.write(b"".join(line))
    n += len(line)
    if n * 10 // rows > len(sizes):
        sizes.append(resident())
p.stdin.close()
assert p.wait() == 0, p.returncode
print(" ".join(words), *sizes)
settled = sizes[2:]
assert len(settled) >= 6 and max(settled) - min(settled) <= max(256, min(settled) * 0.05), sizes
' "$rows" "$@" || return
}

@test "fault 65: memory stays as it is over many rows: at-ingest -n, at-agg, at-detect" {
	[ -z "$SANITIZED" ] || skip "a sanitizer keeps what was freed"
	run -0 flat at-ingest -n
	echo "# $output" >&3
	run -0 flat at-agg -w 1m -b page -a 'count,p95(ms),distinct(user_id)'
	echo "# $output" >&3
	events | at-agg -w 1s -b page -a 'count,avg(ms)' > metrics
	events() { cat metrics; }
	rows=$(wc -l < metrics)
	run -0 flat at-detect -a
	echo "# $output" >&3
}
