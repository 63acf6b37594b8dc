#!/usr/bin/env bats
# Expressions as a user meets them: at-agg -W and at-ingest -m.

load ../helper

rows() {
	printf '%s\n' '{"event":"purchase","timestamp":"2026-01-01T00:00:00Z","user_id":"u1","properties":{"revenue":12.5,"id":9007199254740993}}' \
	    '{"event":"purchase","timestamp":"2026-01-01T00:00:01Z","user_id":"u2","properties":{"revenue":5}}' \
	    '{"event":"view","timestamp":"2026-01-01T00:00:02Z","user_id":"u1","properties":{"page":"/cart"}}'
}
counted() { rows | at-agg -w all -W "$1" | jq -c .count; }

@test "now is what --now says, and errors keep their column" {
	run -0 at-ingest -n --now 2026-01-01 -m '{event: "a", timestamp: now, day: (now | todate)}' <<< '{}'
	[ "$output" = '{"event":"a","timestamp":"2026-01-01T00:00:00.000Z","properties":{"day":"2026-01-01T00:00:00Z"}}' ]
	run -2 at-ingest -n --now 2026-01-01 -m '{event: nowhere}' <<< '{}'
	[[ $output == *'column 9: nowhere/0 is not defined'* ]]
}

@test "the same condition natively and in libjq counts the same rows" {
	for condition in '.event=="purchase" and .properties.revenue > 10' '.properties.page | . != null and startswith("/c")' \
	    'select(.user_id == "u1")' '.properties.revenue // 0 | . > 1' '[.event, .user_id] | any(. == "u2")' \
	    '.properties | has("page")' '.event | test("^PUR"; "i")' '.properties.revenue >= 5 or .event == "view"' '.event[0:1] == "p"'; do
		native=$(counted "$condition")
		libjq=$(counted "def same: .; same | $condition")
		jq=$(rows | jq -c "select([$condition | if . then 1 else empty end][0] == 1)" | wc -l)
		[ "${native:-0}" = "$jq" ] && [ "${libjq:-0}" = "$jq" ] || { echo "$condition: $native $libjq $jq"; return 1; }
	done
}

@test "an integer beyond 2^53 stays exact through -W and -m" {
	[ "$(counted '.properties.id == 9007199254740993')" = 1 ]
	[ "$(counted '.properties.id == 9007199254740992')" = "" ]
	rows | at-ingest -n -m 'select(.properties.id) | {event, timestamp, properties: {id: .properties.id}}' > out
	grep -q '"id":9007199254740993' out
}

@test "a fault in an expression is one line with its column and the mend, and exit 2" {
	run -2 --separate-stderr at-agg -W '.event = "purchase" && .a' <<< '{}'
	[ "$stderr" = "at-agg: -W: column 21: '&' means nothing here, write and" ]
	run -2 --separate-stderr at-ingest -n -m '{event: .a | nofunction(1)}' <<< '{}'
	[[ $stderr == 'at-ingest: -m: column 14: nofunction/1 is not defined'* ]]
	run -2 --separate-stderr at-agg -W '.event | test("(")' <<< '{}'
	[[ $stderr == 'at-agg: -W: column 15: Regex failure: '* ]]
}

@test "-m gives an event for each result, and none" {
	printf '%s\n' '{"t":1,"names":["a","b"]}' '{"t":2,"names":[]}' |
	    at-ingest -n -m '.t as $t | .names[] | {event: ., timestamp: $t}' > out
	[ "$(jq -c .event out | paste -sd' ')" = '"a" "b"' ]
}

@test "what a program raises on a row makes that row a reject in jq's words, the others are kept" {
	printf '%s\n' '{"event":"a","timestamp":0,"n":"5"}' '{"event":"b","timestamp":0,"n":7}' |
	    at-ingest -n -r rejects -m '. + {n: (.n + 1)}' > out
	[ "$(jq -c .properties.n out)" = 8 ]
	[[ $(jq -r .error rejects) == *'string ("5") and number (1) cannot be added' ]]
}

@test "output is there at once when a filter runs in libjq" {
	mkfifo pipe
	at-ingest -n -m 'def f: .; f' < pipe > out 3>&- &
	exec 9> pipe
	echo '{"event":"a","timestamp":0}' >&9
	for _ in $(seq 1500); do
		[ -s out ] && break
		sleep 0.02
	done
	[ -s out ]
	exec 9>&-
	wait $!
}

@test "golden: our triples are what the jq that is installed gives" {
	command -v jq > /dev/null || skip "no jq here"
	[ "$(jq --version)" = jq-1.6 ] || skip "the triples are those of jq 1.6"
	awk 'BEGIN { RS = ""; FS = "\n" }
	     { i = 1; while (i <= NF && $i ~ /^#/) i++ }
	     i + 1 <= NF && $i != "%%FAIL" { printf "%s\034%s\034", $i, $(i + 1); for (k = i + 2; k <= NF; k++) printf "%s%s", $k, k < NF ? "\035" : ""; print "" }' \
	    "$root/tests/golden/expr/native.test" > triples
	[ "$(wc -l < triples)" -ge 60 ]
	while IFS=$'\034' read -r program input want; do
		got=$(jq -c "$program" <<< "$input" | jq -cs .)
		want=$(tr '\035' '\n' <<< "$want" | jq -cs .)
		[ "$(jq -n --argjson a "$got" --argjson b "$want" '$a == $b')" = true ] || { echo "$program on $input: $got, not $want"; return 1; }
	done < triples
}
