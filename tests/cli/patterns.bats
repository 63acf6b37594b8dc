#!/usr/bin/env bats
# at-detect -p: sequences of events.

load ../helper

# events 'NAME SECONDS USER [X]'…: an event row each.
events() {
	for e; do
		set -- $e
		printf '{"event":"%s","timestamp":%d,"id":"%s","user_id":"%s","properties":{"x":%s}}\n' "$1" $((1795000000 + $2)) "$1$2" "$3" "${4:-0}"
	done
}
ids() { jq -r '[.events[].id] | join(" ")'; }
is() { [ "$(at-detect -p "$1" rows | ids)" = "$2" ] || { echo "$1:"; at-detect -p "$1" rows; return 1; }; }

@test "a match has the pattern's name, its time, its key, the events as they came, and the named ones apart" {
	events 'signup 0 u1' 'view 1 u1' 'purchase 2 u1 5' 'purchase 3 u1 6' > rows
	run -0 --separate-stderr at-detect -p 'signup -> P:purchase{2} within 1h by user_id' rows
	[ "${#lines[@]}" = 1 ] && [ -z "$stderr" ]
	jq -e '.match == "signup -> P:purchase{2} within 1h by user_id" and .timestamp == "2026-11-18T11:06:43.000Z" and .key == {user_id: "u1"} and
	    (.events | length) == 3 and .bindings.P == .events[1:]' <<< "$output"
	[ "$(jq -c .events[0] <<< "$output")" = "$(head -1 rows)" ]
	run -0 at-detect -M buyers -p 'signup -> purchase' rows
	[ "$(jq -r .match <<< "$output")" = buyers ]
	run -3 at-detect -e -p 'signup -> purchase' rows
	run -0 at-detect -e -p 'purchase -> signup' rows
}

@test "a user whose id comes as a number, as its text or under another key is one, as in the store; other fields are told apart" {
	printf '{"event":"%s","timestamp":%s,%s}\n' a 1 '"user_id":7,"k":7' b 2 '"user_id":"7","k":"7"' a 3 '"userId":"8"' b 4 '"properties":{"userId":8}' > rows
	[ "$(at-detect -p 'a -> b within 1h by user_id' rows | jq -c .key)" = '{"user_id":"7"}
{"user_id":"8"}' ]
	[ "$(at-ingest -n rows | at-detect -p 'a -> b within 1h by user_id' | jq -c .key)" = '{"user_id":"7"}
{"user_id":"8"}' ]
	[ "$(at-detect -p 'a -> b within 1h by k' rows)" = "" ]
}

@test "the published cases of the grammar" {
	need_shared eval/cep_score.py
	run -0 python3 "$shared/eval/cep_score.py" --time --run "at-detect -p {pattern}"
	[[ $output == *"15 of 15" ]]
}

@test "conditions that take long end at the deadline all the same" {
	python3 -c '
import json
for i in range(2000):
    print(json.dumps({"event":"e","timestamp":1.7e9+i,"properties":{"s":"a"*3000+"b"}}))' | at-ingest -q -S st -f ndjson
	run -1 --separate-stderr at-query -S st --timeout 100ms match 'e[.properties.s | test("^(a+)+$")]'
	[[ $stderr == *"it took longer than --timeout allows"* ]]
}

@test "random patterns over random events match as a reference does that tries each start by itself" {
	run -0 python3 "$root/tests/peers/patterns.py" "${AT_PATTERN_ROUNDS:-150}" 1
}

@test "what is complete waits while one that began before it is open, which may end it" {
	events 'a 0 u1 5' 'b 1 u1' 'a 2 u1 1' 'a 3 u1 3' 'b 4 u1 9' > rows
	is 'A:a -> a[.properties.x > 2 * $A.properties.x] by user_id' 'a2 a3'   # a0 waits for more than 10, until the end
	events 'a 0 u1 5' 'b 1 u1' 'a 2 u1 1' 'a 3 u1 3' 'a 4 u1 11' > rows
	is 'A:a -> a[.properties.x > 2 * $A.properties.x] by user_id' 'a0 a4'
	is 'A:a -> a[.properties.x > 2 * $A.properties.x] within 2s by user_id' 'a2 a3'
	is 'A:a -> a[.properties.x > 2 * $A.properties.x] by user_id skip to-next' 'a2 a3
a0 a4
a3 a4'
	head -4 rows | at-detect --state s -p 'A:a -> a[.properties.x > 2 * $A.properties.x] by user_id' > out && [ ! -s out ]
	tail -1 rows | at-detect --state s -p 'A:a -> a[.properties.x > 2 * $A.properties.x] by user_id' > out
	[ "$(ids < out)" = 'a0 a4' ]
}

@test "a condition may look at events taken before" {
	events 'bid 0 u1 10' 'bid 1 u1 15' 'bid 2 u1 30' 'bid 3 u2 99' > rows
	is 'A:bid -> bid[.properties.x > 2 * $A.properties.x] by user_id' 'bid0 bid2'
	is 'bid -> B:bid[.properties.x > $bid.properties.x]' 'bid0 bid1
bid2 bid3'
	is 'A:bid -> bid[.properties | .x > 2 * $A.properties.x] by user_id' 'bid0 bid2'        # the same in libjq
	is 'A:bid -> bid[$A.properties.x == 10 and "$A" != .id] by user_id' 'bid0 bid1'
}

@test "a reluctant count leaves an event to the next step from the first one on" {
	events 'a 0 u1' 'b 1 u1 9' 'b 2 u1 9' 'b 3 u1 9' > rows
	is 'a -> b+ -> b' ''
	is 'a -> b+? -> b' 'a0 b1 b2'
	is 'a -> b*? -> b' 'a0 b1'
	is 'a -> b?? -> b' 'a0 b1'
	is 'a -> b{0,2}? -> b' 'a0 b1'
	is 'a -> b? -> b' 'a0 b1 b2'
	is 'b*? -> b' 'b1
b2
b3'
	is 'a -> b[.properties.x > 5]*? -> c?? -> b[.properties.x < 5]' ''
	events 'a 0 u1' 'b 1 u1 9' 'c 2 u1' 'b 3 u1 1' > rows
	is 'a -> b*? -> c?? -> b[.properties.x < 5]' 'a0 b1 c2 b3'
	# a wait is for what must not come, and for nothing else
	events 'a 0 u1' 'b 1 u1' 'x 9000 u2' > rows
	is 'a -> b? -> !(b | c) within 1h' ''
	is 'a -> b? -> !c within 1h' 'a0'
}

@test "what ran out of time comes out when asked for, and what must not come when it did not" {
	events 'cart 0 u1' 'cart 10 u2' 'buy 20 u2' 'x 4000 u3' > rows
	run -0 at-detect --timeouts -M cart -p 'cart -> buy within 1h by user_id' rows
	[ "$(jq -c '[.match // "-", .timeout // "-", .key.user_id, .timestamp]' <<< "$output")" = '["cart","-","u2","2026-11-18T11:07:00.000Z"]
["-","cart","u1","2026-11-18T12:06:40.000Z"]' ]
	is 'cart -> !buy within 1h by user_id' cart0
}

@test "in live input a deadline passes by the clock, though nothing comes" {
	mkfifo live
	at-detect -p 'cart -> !buy within 1s by user_id' < live > out & pid=$!
	exec 9> live
	jq -nc '{event: "cart", timestamp: now, user_id: "u1", id: "c"}' >&9
	for _ in $(seq 300); do [ -s out ] && break; sleep 0.1; done
	[ "$(ids < out)" = c ]
	exec 9>&-
	wait $pid
}

@test "a deadline that passes while nobody reads comes out in the next run, though nothing comes" {
	jq -nc '{event: "cart", timestamp: now, user_id: "u1", id: "c"}' | at-detect --state s -p 'cart -> !buy within 8s by user_id' > out
	[ ! -s out ]
	mkfifo live
	at-detect --state s -p 'cart -> !buy within 8s by user_id' < live > out & pid=$!
	exec 9> live
	for _ in $(seq 300); do [ -s out ] && break; sleep 0.1; done
	[ "$(ids < out)" = c ]
	exec 9>&-
	wait $pid
}

@test "what came while nobody read is not late, and neither is a row that was on its way" {
	row() { jq -nc --arg e "$1" --argjson back "$2" '{event: $e, timestamp: (now - $back), user_id: "u1", id: $e}'; }
	row cart 1 | at-detect --state s -p 'cart -> !buy within 50s by user_id' -p 'cart -> view by user_id' > out
	{ sleep 0.5; row view 0.9; } | at-detect --state s -p 'cart -> !buy within 50s by user_id' -p 'cart -> view by user_id' > out
	[ "$(ids < out)" = 'cart view' ]
	mkfifo live
	at-detect -v -p 'cart -> !buy within 50s by user_id' < live > out 2> said & pid=$!
	exec 9> live
	row cart 0.1 >&9; sleep 0.3; row buy 0.35 >&9
	exec 9>&-
	wait $pid
	[[ $(<said) == *'0 matches, 0 rows late'* ]]
}

@test "the same over stored events: a verb, and a table in SQL" {
	events 'signup 0 u1' 'buy 10 u1 5' 'buy 20 u1 20' 'signup 30 u2' | tee rows | at-ingest -q
	for p in 'signup -> buy within 1h by user_id' 'signup -> !buy within 1m by user_id' 'B:buy -> buy[.properties.x > 2 * $B.properties.x] by user_id'; do
		{ cat rows; echo '{"event":"end","timestamp":1795900000}'; } | at-detect -p "$p" | jq -c '[.timestamp, .key, [.events[].id], (.bindings.B | length)]' > want
		[ -s want ]
		at-query match "$p" | jq -c '[.timestamp, (.key | fromjson), [.events | fromjson[].id], ((.bindings // "{}") | fromjson | .B | length)]' > got
		cmp want got
	done
	[ "$(at-query -f csv "SELECT m.key->>'user_id', m.count FROM match('signup -> buy by user_id') AS m" | tail -1)" = u1,2 ]
	[ "$(at-query -f csv "SELECT x, m.count FROM (SELECT 7 AS x) AS s, match('signup -> buy by user_id') AS m" | tail -1)" = 7,2 ]
	[ -z "$(at-query match 'signup -> buy' --to 2026-11-18T11:06:45Z)" ]
	[ -z "$(at-query match 'signup -> !buy within 1h by user_id' --now 2026-11-18T11:30:00Z)" ]
	run -2 --separate-stderr at-query match 'signup -> '
	[[ $stderr == *'column 11 of the pattern'* ]]
	run -2 --separate-stderr at-query match 'signup[input]'
	[[ $stderr == *'native subset'* ]]
}

@test "late rows are left out and counted; -l puts rows in order first" {
	events 'b 5 u1' 'a 3 u1' 'b 6 u1' > rows
	run -0 --separate-stderr at-detect -p 'a -> b' rows
	[ -z "$output" ] && [[ $stderr == *'1 rows late (-l holds'* ]]
	run -0 --separate-stderr at-detect -l 10s -p 'a -> b' rows
	[ "$(ids <<< "$output")" = 'a3 b5' ] && [ -z "$stderr" ]
}

@test "--state goes on with what was open, exactly where it was cut" {
	for i in $(seq 200); do echo "$(shuf -n1 -e a b c --random-source=<(yes $i)) $i u$((i % 3)) $((i % 7))"; done > list
	mapfile -t all < list
	events "${all[@]}" > rows
	at-detect -p 'a -> b+ -> c[.properties.x > 2] within 40s by user_id' -p 'a -> !c within 9s by user_id' rows > whole
	[ "$(wc -l < whole)" -gt 5 ]
	: > parts
	for part in 1,50 51,51 52,140 141,200; do
		sed -n "${part}p" rows | at-detect --state s -p 'a -> b+ -> c[.properties.x > 2] within 40s by user_id' -p 'a -> !c within 9s by user_id' >> parts
	done
	cmp whole parts
	run -1 --separate-stderr at-detect --state s -p 'a -> b' rows
	[[ $stderr == *'another pattern'* ]]
}

@test "the gap between two steps may be bounded: since the event before, at each repeat, and the try ends then" {
	events 'a 0 u1' 'b 5 u1' 'b 9 u1' 'b 15 u1' 'c 16 u1' > rows
	is 'a -> within 5s b' 'a0 b5'
	is 'a -> within 4s b' ''
	is 'a -> within 5s b{2} -> c' 'a0 b5 b9 c16'
	is 'a -> within 5s b{3} -> c' ''
	is 'a -> within 6s b+ -> within 1s c' 'a0 b5 b9 b15 c16'
	is 'a -> within 4s b? -> c' 'a0 c16'
	is 'a -> within 5s b >> within 4s b within 9s' 'a0 b5 b9'
	is 'a -> within 5s b >> within 4s b within 8s' ''
	at-detect --timeouts -p 'a -> within 4s b within 1h' rows > out
	[ "$(jq -r .timestamp out)" = 2026-11-18T11:06:44.000Z ]
	# what is complete waits no longer than an earlier one can go on
	events 'a 0 u1 9' 'a 2 u1 1' 'b 3 u1 2' 'c 30 u2' > rows
	at-detect -p 'A:a -> within 5s b[.properties.x > $A.properties.x] by user_id' rows | ids > out
	[ "$(cat out)" = 'a2 b3' ]
	# an event may be called so
	events 'a 0 u1' 'within 1 u1' 'b 2 u1' > rows
	is 'a -> within -> b' 'a0 within1 b2'
	is 'a -> within within 1s' 'a0 within1'
}

@test "a bounded gap ends by the clock in live input, and goes on under --state" {
	now=$(date +%s%3N)
	{ printf '{"event":"a","timestamp":%s}\n' "$now"; soon test -s out; } | at-detect --timeouts -p 'a -> within 1s b' > out
	jq -e '.timeout' out
	for i in $(seq 200); do echo "$(shuf -n1 -e a b c --random-source=<(yes $i)) $i u$((i % 3)) $((i % 7))"; done > list
	mapfile -t all < list
	events "${all[@]}" > rows
	at-detect -p 'a -> within 9s b+ -> within 12s c[.properties.x > 2] by user_id' rows > whole
	[ "$(wc -l < whole)" -gt 5 ]
	for part in 1,50 51,51 52,140 141,200; do
		sed -n "${part}p" rows | at-detect --state s -p 'a -> within 9s b+ -> within 12s c[.properties.x > 2] by user_id' >> parts
	done
	cmp whole parts
}

@test "blanks around a row are no part of the event" {
	printf ' {"event":"a","timestamp":1} \t\n{"event":"b","timestamp":2}\n' | at-detect -p 'a -> b' > out
	grep -qF '"events":[{"event":"a","timestamp":1},{"event":"b","timestamp":2}]' out
}

@test "faults of a pattern say the column and the mend" {
	no() { run -2 --separate-stderr at-detect -p "$1" /dev/null; [[ $stderr == *"$2"* ]] || { echo "$1: $stderr"; return 1; }; }
	no '' "column 1 of the pattern: the pattern ends"
	no 'a -> ' "column 6 of the pattern: the pattern ends"
	no 'a - b' "column 3"
	no 'a b' "column 3 of the pattern: -> STEP, >> STEP, within, by or skip"
	no 'a[.x' "column 2 of the pattern: a [ without its ]"
	no 'a[.x +]' "column 3"
	no 'a -> within 5s !b' "column 6 of the pattern: what must not come has no bound of its own"
	no 'within 5s a -> b' "column 1 of the pattern: nothing is before the first step"
	no $'a -> b\xa2' "column 7 of the pattern: it is not UTF-8"
	no '!a -> b' "begins with what comes"
	no 'a? -> b*' "every step may be missing"
	no 'a -> !b' "add within"
	no 'a{3,1}' "column 2"
	no 'a{99999}' "10000 at most"
	no '(a | b' "alternatives end with )"
	no 'A:a -> A:b' "two steps of one name"
	no 'a -> b skip to-last c' "no step has this name"
	no 'a -> b within soon' "column 15 of the pattern: within wants a span"
}

@test "when no event has the fields that a pattern is by, that is said" {
	printf '{"event":"%s","ts":%d,"uid":"u"}\n' a 0 b 1 > rows
	run -0 --separate-stderr at-detect -p 'a -> b by user_id' rows
	[[ -z $output && $stderr == 'at-detect: no event of the pattern has all the fields that it is by;'* ]]
	[ "$(at-ingest -n -m '. + {user_id:.uid}' rows | at-detect -p 'a -> b by user_id' | jq -c .key)" = '{"user_id":"u"}' ]
	run -0 --separate-stderr at-detect -p 'a -> b by uid' rows
	[[ ${#lines[@]} = 1 && -z $stderr ]]
	run -0 --separate-stderr at-detect -p 'c -> d by user_id' rows
	[[ -z $output && -z $stderr ]]
}

@test "events are known by their other keys, as at-ingest knows them, and fields may be written as in jq" {
	cat <<-'END' > rows
	{"type":"a","ts":0,"userId":"u","page":{"path":"/x"}}
	{"name":"a","time":1,"properties":{"userId":"v"},"user_id":null}
	{"name":7,"type":"b","ts":2,"anonymousId":"v"}
	{"event":"b","type":"a","ts":3,"userId":"w","distinct_id":"u"}
	{"event":"b","ts":4,"user_id":"u","page":{"path":"/x"}}
	END
	run -0 --separate-stderr at-detect -p 'a -> b by user_id' rows
	[[ "$(jq -c '[.key.user_id,.timestamp]' <<< "$output")" = '["v","1970-01-01T00:00:02.000Z"]
["u","1970-01-01T00:00:04.000Z"]' && -z $stderr ]]
	[ "$(at-ingest -n rows | at-detect -p 'a -> b by user_id' | jq -c .key)" = "$(jq -c .key <<< "$output")" ]
	echo '{"rules":[{"name":"r","pattern":"a -> b by user_id"}]}' > rules.json
	[ "$(at-detect -r rules.json rows | jq -c .labels)" = "$(jq -c .key <<< "$output")" ]
	[ "$(at-detect -p 'a -> b by .page.path, .user_id' rows | jq -c .key)" = '{"page.path":"/x","user_id":"u"}' ]
	run -2 --separate-stderr at-detect -p 'a -> b by ..page' rows
	[[ $stderr == *"column 11 of the pattern"* ]]
}

@test "rows that are no events are rejected one by one" {
	{ echo '{"metric":"x","count":1}'; echo nonsense; events 'a 1 u'; echo '{"event":"a","timestamp":"then"}'; } > rows
	run -0 --separate-stderr at-detect -p a rows
	[ "${#lines[@]}" = 1 ]
	[[ $stderr == *'rows:1:'*'no event row'*'rows:2:'*'rows:4:'*'is no time'* ]]
	run -3 at-detect --strict -p a rows
}

@test "open tries are bounded: the oldest are given up, and it is said" {
	awk 'BEGIN { for (i = 0; i < 1500000; i++) printf "{\"event\":\"a\",\"timestamp\":%d,\"user_id\":\"u%d\",\"properties\":{\"pad\":\"%0120d\"}}\n", 1795000000 + i / 1000, i, i }' |
	    { [ -n "$SANITIZED" ] || ulimit -v 1000000; run -0 --separate-stderr at-detect -p 'a -> b by user_id'; echo "$stderr" > said; }
	grep -q 'the oldest are given up' said
}
