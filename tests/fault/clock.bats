#!/usr/bin/env bats
# When the clock jumps, stands still, or its hours and seconds are of another number (shim.c).

load ../helper

setup_file() {
	[ -z "$SANITIZED" ] || return 0
	${CC:-cc} -O1 -w -shared -fPIC -D_GNU_SOURCE "$BATS_TEST_DIRNAME/shim.c" -o "$BATS_FILE_TMPDIR/shim.so" -ldl
}

wrong_clock() {
	plain_only
	export SHIM_CLOCK=$PWD/clock
	clock +0
}
clock() { echo "$1" > clock.new; mv clock.new clock; }
shimmed() { LD_PRELOAD=$BATS_FILE_TMPDIR/shim.so "$@"; }
day=86400000
# Until `n` lines are in a file.
lines() { for _ in $(seq 600); do [ "$(wc -l < "$2")" -ge "$1" ] && return; sleep 0.05; done; cat "$2"; return 1; }

@test "fault 19: windows come in order and count each row once, though the clock jumps a day on and back and stands still" {
	wrong_clock
	mkfifo in
	shimmed at-ingest -n in 2> said > rows & reader=$!
	exec 7> in
	n=0
	for jump in +0 +$day +0 -$day +0 "=$(date +%s)000" "=$(date +%s)000" +$((2 * day)); do
		clock "$jump"
		echo '{"event":"e"}' >&7
		lines $((++n)) rows
	done
	exec 7>&-
	wait $reader
	for w in 1m 5m/1m session:30m 1d; do
		rm -f late
		at-agg -w $w --late late rows > out 2> said
		jq -es 'map(.timestamp) | . == sort' out
		[ "$w" = 5m/1m ] || jq -es --argjson late "$(wc -l < late)" 'map(.count) | add + $late == 8' out
	done
}

@test "fault 19: --idle goes by the steady clock: a jump brings no window out, a wall clock that stands keeps none back" {
	wrong_clock
	mkfifo in
	shimmed at-agg -w 1h --idle 1m < in > out 7>&- & pid=$!
	exec 7> in
	printf '{"event":"e","timestamp":"%s"}\n' "$(date -u +%FT%TZ)" >&7
	sleep 0.2
	for jump in +$day -$day +$((400 * day)); do
		clock "$jump"
		kill -CONT $pid                 # it looks at the clock
		sleep 0.1
		[ ! -s out ]
	done
	exec 7>&-
	wait $pid
	[ "$(wc -l < out)" = 1 ]
	clock "=$(date +%s)000"
	shimmed at-agg -w 1s --idle 200ms < in > out 7>&- & pid=$!
	exec 7> in
	printf '{"event":"e","timestamp":"%s"}\n' "$(date -u -d '10 seconds ago' +%FT%TZ)" >&7
	lines 1 out
	exec 7>&-
	wait $pid
}

@test "fault 19: what is stored keeps its order of arrival, and a follower sees all of it, whatever the clock says" {
	wrong_clock
	shimmed at-ingest <<< '{"event":"e","id":"0"}'
	at-query events --follow > seen & pid=$!
	lines 1 seen
	n=0
	for jump in +$day -$day "=$(date +%s)000" "=$(date +%s)000" +0; do
		clock "$jump"
		shimmed at-ingest <<< '{"event":"e","id":"'$((++n))'"}'
		lines $((n + 1)) seen
	done
	kill $pid
	wait $pid
	[ "$(jq -r .id seen | paste -sd ' ')" = "0 1 2 3 4 5" ]
	at-admin compact
	at-admin verify
}

@test "fault 19: an event id is known again after a jump within its span" {
	wrong_clock
	for jump in +0 +$((day - 3600000)) -$((day - 3600000)) "=$(date +%s)000"; do
		clock "$jump"
		shimmed at-ingest --dedupe <<< '{"event":"e","id":"once"}'
		shimmed at-ingest --dedupe <<< '{"event":"e","id":"once"}'
	done
	[ "$(at-query 'SELECT count(*) AS n FROM events')" = '{"n":1}' ]
}

@test "fault 19: days of 23 and 25 hours and a second 60 make windows in order, and no row is late" {
	for from in 2026-03-27T23:00:00Z 2026-10-23T22:00:00Z; do
		jq -cn --arg from "$from" '($from | fromdate) as $t | range(72) | {event: "e", timestamp: ($t + . * 3600)}' > rows
		run -0 --separate-stderr at-agg -w 1d --tz Europe/Zurich rows
		[ -z "$stderr" ]
		jq -es 'map(.timestamp) | . == (sort | unique)' <<< "$output"
		counts+=" $(jq .count <<< "$output" | paste -sd ' ')"
	done
	[ "$counts" = " 24 23 24 1 24 25 23" ]
	printf '{"event":"e","timestamp":"2016-12-31T%sZ"}\n' 23:59:59 23:59:59.9 23:59:60 23:59:60.9 > rows
	printf '{"event":"e","timestamp":"2017-01-01T00:00:00Z"}\n' >> rows
	run -0 --separate-stderr at-agg -w 1s rows
	[ -z "$stderr" ]
	[ "$(jq -c '[.timestamp, .count]' <<< "$output")" = $'["2016-12-31T23:59:59.000Z",2]\n["2017-01-01T00:00:00.000Z",3]' ]
}
