#!/usr/bin/env bats
# What the disk may hold when the power goes, by replay of a log of writes and syncs (powercut.c, powercut.py).

load ../helper

@test "fault 2: after a power cut with lost, reordered and torn writes the store opens and has all that was acknowledged" {
	plain_only
	${CC:-cc} -O1 -w -shared -fPIC -D_GNU_SOURCE "$root/tests/fault/powercut.c" -o powercut.so -ldl
	events() { awk -v from="$1" -v n="$2" 'BEGIN { for (i = from; i < from + n; i++) printf "{\"event\":\"e\",\"timestamp\":%d,\"properties\":{\"n\":%d}}\n", 1767225600 + i, i }'; }
	acked() { python3 -c 'import struct, sys; sys.stdout.buffer.write(b"A" + struct.pack("<qI", int(sys.argv[1]), 0))' "$1" >> log; }
	export POWERCUT_LOG=$PWD/log
	total=0
	for n in 1 30 500 20 3000 1 1; do
		events $total $n | LD_PRELOAD=$PWD/powercut.so at-ingest
		total=$((total + n))
		acked $total
		if [ $n = 3000 ]; then              # seal them; with the store open elsewhere the file is not written anew
			mkfifo hold
			at-ingest < hold & exec 9> hold
			sleep 0.3
			LD_PRELOAD=$PWD/powercut.so at-admin -q compact
			exec 9>&-
			wait $!
			acked $total
		fi
	done
	run -0 python3 "$root/tests/fault/powercut.py" log "$AT_STORE" "${AT_POWERCUT_TRIES:-6}"
	echo "# $output" >&3
}
