#!/usr/bin/env bats
# What the disk may hold when the power goes, by replay of a log of writes and syncs (powercut.c, powercut.py).

load ../helper

events() { awk -v from="$1" -v n="$2" 'BEGIN { for (i = from; i < from + n; i++) printf "{\"event\":\"e\",\"timestamp\":%d,\"user_id\":\"u%d\",\"properties\":{\"n\":%d}}\n", 1767225600 + i, i % 7, i }'; }
samples() { awk -v from="$1" -v n="$2" 'BEGIN { for (i = from; i < from + n; i++) printf "{\"metric\":\"m%d\",\"timestamp\":%d,\"labels\":{\"host\":\"h%d\"},\"value\":%d}\n", i % 2, 1767225600 + int(i / 7) * 15, i % 7, i % 100 }'; }
note() { python3 -c 'import struct, sys; sys.stdout.buffer.write(sys.argv[1].encode() + struct.pack("<qI", int(sys.argv[2]), 0))' "$@" >> log; }
noted() { LD_PRELOAD=$PWD/powercut.so POWERCUT_LOG=$PWD/log "$@"; }
# With the store open elsewhere the file is not written anew: it is changed in place.
in_place() {
	mkfifo hold
	at-ingest < hold & exec 9> hold
	soon has_store $!
	noted "$@"
	exec 9>&-
	wait $!
	rm hold
}

setup() {
	plain_only
	${CC:-cc} -O1 -w -shared -fPIC -D_GNU_SOURCE "$root/tests/fault/powercut.c" -o powercut.so -ldl
}

@test "faults 2 and 3: after a power cut with lost, reordered and torn writes the store answers as one of the acknowledged events: tail, sealing, compaction, retention, a file anew" {
	total=0
	add() { events $total "$1" | noted at-ingest -q; total=$((total + $1)); note A $total; }
	for n in 1 500 3000; do add $n; done
	in_place at-admin -q compact
	for n in 20 3000; do add $n; done
	in_place at-admin -q compact                            # two chunks become one
	note C 1500
	noted at-admin retain --before 2026-01-01T00:25:00Z --yes -q
	note A $total
	noted at-admin -q compact
	add 7
	add 70000                                               # as a chunk of its own
	noted at-admin -q compact
	add 1
	run python3 "$root/tests/fault/powercut.py" log "$AT_STORE" "${AT_POWERCUT_TRIES:-3}" events
	[ "$status" = 0 ] || { echo "$output"; false; }
	echo "# $output" >&3
	[[ $output != *' 0 files anew' ]]
}

@test "fault 2: after a power cut with lost, reordered and torn writes all samples that were acknowledged are there, and their roll-ups" {
	mkdir -p config
	echo '{"retention":{"metrics":"raw 1d, 1m 30d, 1h"}}' > config/analytics.json
	total=0
	add() { samples $total "$1" | noted at-ingest -q; total=$((total + $1)); note A $total; }
	for n in 1 500 5000; do add $n; done
	in_place at-admin -q compact
	for n in 20 3000; do add $n; done
	in_place at-admin -q compact
	note C 1680                                             # an hour of them
	in_place env AT_NOW=2026-01-02T01:00:00Z at-admin retain --yes -q
	note A $total
	add 700
	noted at-admin -q compact
	add 1
	run python3 "$root/tests/fault/powercut.py" log "$AT_STORE" "${AT_POWERCUT_TRIES:-3}" samples
	[ "$status" = 0 ] || { echo "$output"; false; }
	echo "# $output" >&3
}
