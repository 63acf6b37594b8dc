#!/usr/bin/env bats
# Hostile programs behind -W and -m.

load ../helper

row='{"event":"a","timestamp":"2026-01-01T00:00:00Z"}'

@test "fault 49: programs that loop, eat memory, import or abort end in an error, and the filter lives" {
	for program in '[repeat(1)]' 'def f: 1 + f; f'; do         # tests/unit/expr.c has more of them
		run -0 --separate-stderr timeout 120 at-agg -w all -W "$program" <<< "$row"
		[[ $stderr == *'expression '* ]] || { echo "$program: $stderr"; return 1; }
	done
	run -2 --separate-stderr at-agg -W 'import "x" as $x; .' <<< "$row"
	[[ $stderr == *'module not found: x'* ]]
}

@test "fault 49: a row that breaks the program is a reject, the next one is served" {
	printf '%s\n' "$row" '{"event":"b","timestamp":0}' |
	    timeout 120 at-ingest -n -r rejects -m 'if .event == "a" then [range(1e9)] else . end' > out
	[ "$(jq -r .event out)" = b ]
	[ "$(wc -l < rejects)" = 1 ]
}

@test "fault 47: no secret of the environment comes through jq" {
	CANARY=secret-canary at-ingest -n -m '. + {e: [env, $ENV]}' <<< "$row" > out
	[ -s out ]
	not grep -q canary out
}

@test "fault 48: a pattern that backtracks without end is an error of its row, soon" {
	jq -cn '{event: ("a" * 5000 + "!"), timestamp: 0}' > in
	run -0 --separate-stderr within 30 at-agg -w all -W '.event | test("^(a+)+$")' in
	[[ $stderr == *'retry-limit'* ]]
}

@test "the libjq child ends with its command, also when that is killed" {
	mkfifo pipe
	at-ingest -n -m 'def f: .; f' < pipe > out 3>&- &
	pid=$!
	exec 9> pipe
	echo "$row" >&9
	for _ in $(seq 1500); do
		child=$(cat "/proc/$pid/task/$pid/children" 2> /dev/null)
		[ -n "$child" ] && [ -s out ] && break
		sleep 0.02
	done
	[ -n "$child" ]
	kill -9 $pid
	exec 9>&-
	for _ in $(seq 1500); do
		[ -d "/proc/${child% }" ] || return 0
		sleep 0.02
	done
	return 1
}
