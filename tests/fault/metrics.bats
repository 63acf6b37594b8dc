#!/usr/bin/env bats
# Metric samples, their tail, pieces, index and roll-ups, when the machine does not do as it is told.

load ../helper

# n rows from row `from` on, of fourteen series, seven of them each 15 seconds
samples() { awk -v from="$1" -v n="$2" 'BEGIN { for (i = from; i < from + n; i++) printf "{\"metric\":\"m%d\",\"timestamp\":%d,\"labels\":{\"host\":\"h%d\"},\"value\":%d}\n", i % 2, 1767225600 + int(i / 7) * 15, i % 7, i % 100 }'; }
stat() { at-admin stats -f ndjson | jq ".$1"; }
ladder() { mkdir -p config; echo '{"retention":{"metrics":"raw 1d, 1m 30d, 1h"}}' > config/analytics.json; }

@test "faults 1 and 4: kill -9 of --resume over metric rows; no sample is lost, and each is there once" {
	ladder
	at-admin init -q                        # one that is half made verifies as such
	samples 0 700000 > rows
	for i in $(seq 12); do
		at-ingest --resume r rows & pid=$!
		sleep 0.$((RANDOM % 25 + 3))
		kill -9 $pid 2> /dev/null || true
		wait $pid 2> /dev/null || true
		[ $((i % 4)) != 0 ] || at-admin verify
	done
	at-ingest --resume r rows
	[ "$(stat samples)" = 700000 ]
	[ "$(stat series)" = 14 ]
	at-admin verify
	[ "$(at-query 'SELECT COUNT(*) n, CAST(SUM(value) AS INTEGER) s FROM metrics' | jq -c .)" = '{"n":700000,"s":34650000}' ]
	[ "$(at-query metric 'm*' --every 1h | jq -s length)" = 417 ]
}

@test "fault 1: kill -9 of at-admin compact and retain leaves the samples, or what retain leaves of them" {
	ladder
	samples 0 400000 | at-ingest
	for i in $(seq 6); do
		at-admin -q compact & pid=$!
		sleep 0.0$((RANDOM % 90 + 10))
		kill -9 $pid 2> /dev/null || true
		wait $pid 2> /dev/null || true
		[ "$(stat samples)" = 400000 ]
	done
	at-admin verify
	export AT_NOW=2026-01-10T00:00:00Z
	at-query -f csv metric 'm*' --every 1h > want
	for i in $(seq 6); do
		at-admin retain --yes & pid=$!
		sleep 0.0$((RANDOM % 90 + 10))
		kill -9 $pid 2> /dev/null || true
		wait $pid 2> /dev/null || true
		at-admin verify
		at-query -f csv metric 'm*' --every 1h > got
		cmp want got
	done
	at-admin retain --yes
	at-admin verify
	at-query -f csv metric 'm*' --every 1h > got
	cmp want got
	[ "$(stat samples)" -lt 400000 ]
}

@test "fault 5: EIO and ENOSPC at each write and sync of samples: said, nothing half done, and the store opens again" {
	plain_only
	strace -f -o /dev/null true 2> /dev/null || skip "strace cannot trace here"
	samples 0 100 | at-ingest
	was=100
	for call in pwrite64 pwritev fdatasync; do
		for when in 1 2 3; do
			status=0
			samples $was 50 > rows
			strace -f -qq -o /dev/null -e trace=$call -e inject=$call:error=ENOSPC:when=$when at-ingest rows 2> said || status=$?
			now=$(stat samples)
			[ $status = 0 ] && [ "$now" = $((was + 50)) ] || { [ $status = 1 ] && [ "$now" = "$was" ] && [ -s said ]; }
			was=$now
		done
	done
	at-admin verify
}

@test "retention up to a time between samples and their last roll-up leaves the samples behind it" {
	ladder
	for i in 1 2 3; do samples $((i * 7000 - 7000)) 7000 | at-ingest -q; at-admin compact -q; done
	samples 28000 70 | at-ingest -q                         # no bucket is made of these yet
	at-admin retain --before 2026-01-01T14:00:00Z --yes -q
	[ "$(stat series)" = 14 ]
	[ "$(at-query -f csv 'SELECT count(*) FROM metrics' | tail -1 | tr -d '\r')" = "$(stat samples)" ]
	at-admin verify
}
