#!/usr/bin/env bats
# at-agg, from the outside.

load ../helper

# event TIME PROPERTIES: a row of 2026-11-23.
event() { printf '{"event":"e","timestamp":"2026-11-23T%sZ","properties":{%s}}\n' "$1" "${2-}"; }
# ago SECONDS: a time on the clock.
ago() { date -u -d "$((-$1)) seconds" +%Y-%m-%dT%H:%M:%S.%3NZ; }
fields() { jq -c "$1" <<< "$output"; }

@test "windows and aggregates agree with an independent reference on random streams" {
	python3 "$root/tests/cli/agg_reference.py" 1 "${AGG_ROUNDS:-80}" windows
}
@test "roll-ups of rows with states equal the windows of the rows, byte for byte" {
	python3 "$root/tests/cli/agg_reference.py" 1 "${AGG_ROUNDS:-60}" roll_ups
}
@test "windows kept over restarts come out once, as without a restart" {
	python3 "$root/tests/cli/agg_reference.py" 1 "${AGG_ROUNDS:-25}" restarts
}

@test "days and weeks of zones agree with an independent reference, over changes of the clock" {
	python3 "$root/tests/cli/agg_reference.py" 1 "${AGG_ROUNDS:-60}" zones
}
@test "deviations and means of numbers at the ends of their range are right" {
	python3 "$root/tests/cli/agg_reference.py" 1 "${AGG_ROUNDS:-60}" ends
}
@test "rows under an event's other keys come to what at-ingest -n makes of them" {
	python3 "$root/tests/cli/agg_reference.py" 1 "${AGG_ROUNDS:-60}" aliases
}

@test "a field may be written as jq writes it, and what is no field is told" {
	event 10:00:00 '"a":{"b":1},"c":2' > rows
	run -0 at-agg -b .properties.a.b,.c,.event -a 'sum(.properties.c),max(.a.b)' rows
	[ "$(fields '[.labels,."properties.c_sum",."a.b_max"]')" = '[{"properties.a.b":"1","c":"2","event":"e"},2,1]' ]
	for by in . '.a[0]' '.["a"]' ..a .a.; do
		run -2 --separate-stderr at-agg -b "$by" rows
		[[ $stderr == "at-agg: -b: '$by' is no field, name a key"* ]]
	done
	run -2 at-agg -a 'sum(.a[])' rows
	run -2 at-agg -b .c,c rows
}

@test "a minute is counted" {
	run -0 --separate-stderr at-agg < <(event 10:00:01; event 10:00:59.999; event 10:01:00)
	[ "${lines[0]}" = '{"metric":"events","timestamp":"2026-11-23T10:00:00.000Z","window":"1m","labels":{},"count":2}' ]
	[ "${lines[1]}" = '{"metric":"events","timestamp":"2026-11-23T10:01:00.000Z","window":"1m","labels":{},"count":1}' ]
	[ -z "$stderr" ]
}

@test "sums are those of decimals, and integers stay whole" {
	run -0 at-agg -w all -a 'sum(v),avg(v),max(v)' < <(event 10:00:00 '"v":0.1'; event 10:00:01 '"v":0.2'; event 10:00:02 '"v":"0.3"')
	[ "$(fields '[.v_sum,.v_avg,.v_max]')" = '[0.6,0.2,0.3]' ]
	run -0 at-agg -w all -a 'sum(v),min(v)' < <(event 10:00:00 '"v":9007199254740993'; event 10:00:01 '"v":9223372036854775807')
	[[ $output == *'"v_sum":9232379236109516800,"v_min":9007199254740993'* ]]
	run -0 at-agg -w all -a 'sum(v)' < <(event 10:00:00 '"v":1e308'; event 10:00:01 '"v":1e308'; event 10:00:02 '"v":-1e308'; event 10:00:02 '"v":5e-324')
	[[ $output == *'"v_sum":1e+308'* || $output == *'"v_sum":1e308'* ]]
}

@test "rows come out in the byte order of their text" {
	for i in 1 2 3 4 5 6 7 8 9; do event 10:0$((i % 3)):00 "\"s\":\"$((i * 7 % 10))!\",\"t\":$i"; event 10:00:00 '"s":null'; done > rows
	at-agg -w 5m/1m -l 1h -b s,t rows > out
	LC_ALL=C sort -c out
	at-agg -w 5m/1m -l 1h -b s,t < rows | cmp - out
}

@test "labels are texts: 200 and \"200\" are one, a missing field is null, objects keep their text" {
	run -0 at-agg -w all -b s < <(event 10:00:00 '"s":200'; event 10:00:00 '"s":"200"'; event 10:00:00; event 10:00:00 '"s":null'
		event 10:00:00 '"s":true'; event 10:00:00 '"s":{"a": [1, 2]}'; event 10:00:00 '"s":"\u00fc\""'; event 10:00:00 '"s":"ü\""')
	[ "$(fields '[.labels.s,.count]')" = '["200",2]
["true",1]
["{\"a\":[1,2]}",1]
["ü\"",2]
[null,2]' ]
}

@test "a text is one value however it is written: with or without escapes, of 0x7f too, and as a number" {
	printf '{"event":"x","timestamp":0,"k":"%b"}\n' '/\x7f' '\\u002f\\u007f' '\\/\x7f' > rows
	[ "$(at-agg -w all -b k rows | jq -c '[.labels.k,.count]')" = '["/\u007f",3]' ]
	[ "$(at-agg -w all -a 'distinct(k),topk(k,2)' rows | jq -c '[.k_distinct,.k_topk]')" = '[1,[{"value":"/\u007f","count":3}]]' ]
	[ "$(printf '{"event":"x","timestamp":0,"k":"1%s5"}\n' . '\u002e' | at-agg -w all -a 'sum(k)' | jq .k_sum)" = 3 ]
}

@test "an id that is a number is the text of its digits, as in the event" {
	printf '{"event":"x","timestamp":%s,"user_id":%s,"k":%s}\n' 0 7 7 1 '"7"' '"7"' 2 7 7 > rows
	local figures='count,distinct(user_id),topk(user_id,2),first(user_id),last(user_id),sum(user_id),distinct(k)'
	run -0 at-agg -w all -a "$figures" rows
	[ "$output" = "$(at-ingest -n rows | at-agg -w all -a "$figures")" ]
	[ "$(fields '[.user_id_distinct,.user_id_topk,.user_id_last,.user_id_sum,.k_distinct]')" = '[1,[{"value":"7","count":3}],"7",21,2]' ]
}

@test "a late row goes to the file, is counted and told" {
	run -0 --separate-stderr at-agg --late late < <(event 10:00:30; event 10:01:00; event 10:00:59 '"x":1'; event 10:01:01)
	[ "$(fields .count)" = $'1\n2' ]
	[ "$(< late)" = "$(event 10:00:59 '"x":1')" ]
	[[ $stderr == 'at-agg: 4 rows in, 2 out, 1 late, 0 rejected, '* ]]
	run -0 --separate-stderr at-agg -l 1s < <(event 10:00:30; event 10:01:00; event 10:00:59; event 10:01:01)
	[ "$(fields .count)" = $'2\n2' ]
	[ -z "$stderr" ]
}

@test "a window comes out once its end and the lateness have passed, not before" {
	mkfifo in
	at-agg -l 10s < in > out &
	exec 7> in
	event 10:00:30 >&7; event 10:01:09.999 >&7; sleep 0.2
	[ ! -s out ]
	event 10:01:10 >&7; soon test -s out
	[ "$(wc -l < out)" = 1 ]
	exec 7>&-; wait $!
	[ "$(wc -l < out)" = 2 ]
}

@test "-W takes rows by jq, natively or not" {
	event 10:00:00 '"r":5' > rows; event 10:00:01 '"r":50' >> rows; event 10:00:02 >> rows
	run -0 at-agg -w all -W '.properties.r > 10' rows
	[ "$(fields .count)" = 1 ]
	run -0 at-agg -w all -W '[.properties.r] | add // 0 | . < 10' rows
	[ "$(fields .count)" = 2 ]
	run -2 --separate-stderr at-agg -W '.properties.r >' rows
	[[ $stderr == 'at-agg: -W'* ]]
}

@test "-u shows open windows as partial rows, which a roll-up passes over" {
	run -0 at-agg -u 10s < <(event 10:00:01; event 10:00:12; event 10:00:25; event 10:01:05)
	[ "$(fields '[.partial,.count]')" = '[true,2]
[true,3]
[null,3]
[true,1]
[null,1]' ]
	run -0 at-agg -w 1h <<< "$output"
	[ "$(fields .count)" = 4 ]
}

@test "days begin at midnight of the zone, weeks on Monday" {
	rows=$(event 22:30:00; event 23:30:00)
	run -0 at-agg -w 1d --tz Europe/Zurich <<< "$rows"
	[ "$(fields '[.timestamp,.count]')" = '["2026-11-22T23:00:00.000Z",1]
["2026-11-23T23:00:00.000Z",1]' ]
	run -0 at-agg -w 1w < <(printf '{"event":"e","timestamp":"2026-11-22T23:59:59Z"}\n'; event 00:00:00)
	[ "$(fields .timestamp)" = $'"2026-11-16T00:00:00.000Z"\n"2026-11-23T00:00:00.000Z"' ]
	# a day of 25 hours
	run -0 at-agg -w 1d --tz Europe/Zurich -a count,rate < <(printf '{"event":"e","timestamp":"2026-10-%sZ"}\n' 24T22:00:00 25T22:59:59 25T23:00:00)
	[ "$(fields '[.timestamp,.count]')" = '["2026-10-24T22:00:00.000Z",2]
["2026-10-25T23:00:00.000Z",1]' ]
}

@test "times are read as events say them, and bad ones rejected with their place" {
	run -0 at-agg -w all <<< '{"event":"a","ts":1795428000}'
	[ "$(fields .timestamp)" = '"2026-11-23T10:00:00.000Z"' ]
	run -0 at-agg -w all --now 2026-11-23T10:00:00Z <<< '{"event":"a"}'
	[ "$(fields .timestamp)" = '"2026-11-23T10:00:00.000Z"' ]
	run -0 --separate-stderr at-agg -w all <<< '{"event":"a","timestamp":"yesterday"}'
	[[ ${stderr_lines[0]} == 'at-agg: stdin:1:26: "yesterday" is no time, try '* ]]
	run -3 at-agg --strict -w all <<< '{"event":"a","timestamp":"yesterday"}'
}

@test "fault 20: times and numbers at the ends of their range" {
	for t in 0000-01-01T00:00:00Z 0001-06-01T00:00:00Z 1969-12-31T23:59:59.999Z 1970-01-01T00:00:00Z 9999-12-31T23:59:59.999Z; do
		for v in 0 -0 1e308 -1e308 1e-320 5e400 -9223372036854775808 18446744073709551615; do
			printf '{"event":"e","timestamp":"%s","v":%s}\n' $t $v
		done
	done > rows
	for w in 1ms 1m 1d 1w 52w 5m/1m 7d/1d session:1h count:3 all; do
		at-agg -w $w -a 'count,sum(v),avg(v),min(v),max(v),var(v),p50(v),distinct(v),topk(v,3),first(v),last(v),rate' rows > out
		jq -e . out > /dev/null
		jq -s -e 'map(.count) | add >= 40' out
	done
}

@test "fault 4: kill -9 with --state: open windows are there, none comes out again, no row counts twice" {
	mkfifo in
	start() { at-agg --state k -s in > out 2> err 7>&- & pid=$!; exec 7> in; }
	die() { kill -9 $pid; exec 7>&-; wait $pid || true; }
	kept() {        # would the next run go on with so many?
		rm -rf copy
		[ -e "$AT_STORE" ] && at-admin -q backup copy > copies && [ "$(event 10:01:00 | at-agg -S "$(cat copies)" --state k | jq .count)" = "$1" ]
	}
	stored() { [ "$(at-query 'SELECT count(*) AS n FROM metrics' | jq .n)" = "$1" ]; }         # in one transaction with what is kept
	start; event 10:00:00 >&7; event 10:00:01 >&7; sleep 0.1; event 10:00:02 >&7; patience=600 soon kept 3; die            # once a second it is kept, more seldom where that takes long
	[ ! -s out ]
	start; event 10:00:03 >&7; event 10:01:00 >&7
	soon stored 1; die
	[ "$(jq -c '[.timestamp[11:16],.count]' out)" = '["10:00",4]' ]
	start; event 10:02:00 >&7
	soon stored 2
	[ "$(jq -c '[.timestamp[11:16],.count]' out)" = '["10:01",1]' ]
	die
	[ "$(at-query 'SELECT count(*) AS n, sum(value) AS events FROM metrics')" = '{"n":2,"events":5}' ]
}

@test "with -s nothing is left uncommitted while the input waits" {
	mkfifo in
	at-agg -s -w 1s --idle 200ms < in > out 2> err 7>&- & pid=$!
	exec 7> in
	printf '{"event":"e","timestamp":"%s"}\n' "$(ago 1)" >&7
	for i in $(seq 300); do [ -s out ] && break; sleep 0.1; done
	timeout 120 at-ingest <<< '{"event":"x"}'
	[ "$(at-query 'SELECT count(*) AS n FROM metrics')" = '{"n":1}' ]
	exec 7>&-; wait $pid
}

@test "live input that falls silent goes by the clock after --idle" {
	mkfifo in
	at-agg -w 1s --idle 300ms < in > out 2> err &
	exec 7> in
	printf '{"event":"e","timestamp":"%s"}\n' "$(ago 1)" >&7
	for i in $(seq 300); do [ -s out ] && break; sleep 0.1; done
	[ "$(wc -l < out)" = 1 ]
	exec 7>&-; wait $!
	[ "$(wc -l < out)" = 1 ]
}

@test "silent live sessions end by the clock" {
	mkfifo in
	at-agg -w session:500ms --idle 200ms < in > out &
	exec 7> in
	now=$(ago 0)
	printf '{"event":"e","timestamp":"%s"}\n' "$now" "$now" >&7
	for i in $(seq 300); do [ -s out ] && break; sleep 0.1; done
	exec 7>&-; wait $!
	[ "$(jq .count out)" = 2 ]
}

@test "a replay never goes by the clock" {
	mkfifo in
	at-agg -w 1s --idle 100ms < in > out &
	exec 7> in
	event 10:00:00 >&7; sleep 0.6
	[ ! -s out ]
	exec 7>&-; wait $!
	[ -s out ]
}

@test "one wrong clock does not close all windows" {
	# live: two rows from far ahead, then the true ones
	{ for s in 3 2; do printf '{"event":"e","timestamp":"%s"}\n' "$(ago $s)"; done
	  printf '{"event":"e","timestamp":"%s"}\n' "$(ago -200000)" "$(ago -200001)" "$(ago 1)" "$(ago 0)"; } > rows
	run -0 --separate-stderr at-agg -w 1h rows
	[ -z "$stderr" ]
	[ "$(jq -s 'map(.count)|add' <<< "$output")" = 6 ]
	# a replay: one row from 2106 among those of a day; the second one would be believed
	run -0 --separate-stderr at-agg < <(event 10:00:00; printf '{"event":"e","timestamp":4294967295}\n'; event 10:00:01; event 10:01:00)
	[ "$(fields .count)" = $'2\n1\n1' ]
	[ -z "$stderr" ]
	# and when it is the first of all
	run -0 --separate-stderr at-agg < <(printf '{"event":"e","timestamp":4294967295}\n'; event 10:00:00; event 10:01:00; event 10:01:01)
	[ "$(fields .count)" = $'1\n2\n1' ]
	[ -z "$stderr" ]
}

@test "SIGTERM lets the open windows come out and exits 0; with --state they stay for the next run" {
	mkfifo in
	at-agg < in > out & pid=$!
	exec 7> in; event 10:00:00 >&7; soon is_read 7
	kill -TERM $pid; wait $pid
	exec 7>&-
	[ "$(jq .count out)" = 1 ]
	at-agg --state s < in > out & pid=$!
	exec 7> in; event 10:00:00 >&7; soon is_read 7
	kill -TERM $pid; wait $pid
	exec 7>&-
	[ ! -s out ]
	run -0 at-agg --state s < <(event 10:00:30; event 10:01:00)
	[ "$(fields .count)" = 2 ]
	run -0 at-agg --state s < <(event 10:02:00)
	[ "$(fields .count)" = 1 ]
	run -2 --separate-stderr at-agg --state s -b x < <(event 10:02:00)
	[[ $stderr == 'at-agg: --state s: the state was saved with other '* ]]
}

@test "a span that is longer than all of time is wrong usage, and one that is nearly so waits" {
	{ event 10:00:00; event 10:30:00; event 10:01:00; } > rows
	run -2 --separate-stderr at-agg -l 9223372036854775807ms rows
	[[ $stderr == "at-agg: --lateness: '9223372036854775807ms' is longer than from the year 0 to 9999"* ]]
	run -0 at-agg -l 3000000d rows
	[ "$(fields .count)" = $'1\n1\n1' ]
}

@test "--state keeps nothing of windows that could not be written: the next run writes them" {
	{ event 10:00:00; event 10:01:00; event 10:02:00; } > rows
	run -1 --separate-stderr bash -c 'at-agg --state s rows > /dev/full'
	[[ $stderr == *'No space left on device'* ]]
	run -0 at-agg --state s rows
	[ "$(jq -r .timestamp <<< "$output" | paste -sd ' ')" = '2026-11-23T10:00:00.000Z 2026-11-23T10:01:00.000Z' ]
}

@test "--state takes up columns whatever stands in their names, and what was written before" {
	row() { printf '{"metric":"m","timestamp":"2026-11-23T10:%s:00Z",%s}\n' "$@"; }
	names='"labels":{},"a,b":5,"cpu (user)=x":4'
	run -0 at-agg -w 1h --state s < <(row 00 "$names"; row 01 '"window":"1m","labels":{},"y(_sum":3,"count":1')
	run -0 at-agg -w 1h --state s < <(row 59 "$names"; printf '{"metric":"m","timestamp":"2026-11-23T11:00:00Z",%s}\n' "$names")
	[ "$(jq -c 'del(.metric, .timestamp, .window, .labels)' <<< "$output")" = '{"a,b":5,"cpu (user)=x":4,"y(_sum":3,"count":3}' ]
}

@test "metric rows: all their fields and labels without -a and -b; fields of the row itself with -a" {
	row() { printf '{"metric":"m","timestamp":"2026-11-23T10:0%s:00Z","window":"1m","labels":{"h":"%s"},%s}\n' "$@"; }
	{ row 0 a '"count":3,"v_sum":0.1,"v_min":4,"v_max":9,"v_avg":10'; row 1 a '"count":1,"v_sum":0.2,"v_min":-1,"v_max":2,"v_avg":20'
	  row 1 b '"count":7'; } > rows
	run -0 at-agg -w 1h rows
	[ "${lines[0]}" = '{"metric":"m","timestamp":"2026-11-23T10:00:00.000Z","window":"1h","labels":{"h":"a"},"count":4,"v_sum":0.3,"v_min":-1,"v_max":9,"v_avg":0.075}' ]
	run -0 at-agg -w 1h -a 'max(count),n=count' -M all rows
	[ "$(fields '[.metric,.labels,.count_max,.n]')" = '["all",{"h":"a"},3,4]
["all",{"h":"b"},7,7]' ]
	run -0 at-agg -w 1h -b '' -a 'max(count),n=count' -M all rows
	[ "$(fields '[.metric,.labels,.count_max,.n]')" = '["all",{},7,11]' ]
	run -0 at-agg -w 1h -b g -a count rows
	[ "$(fields '[.labels,.count]')" = '[{"g":null},11]' ]
	run -0 at-agg -w 1h < <(printf '{"metric":"cpu","timestamp":"2026-11-23T10:0%s:00Z","labels":{},"value":%s}\n' 0 1 1 4)
	[ "$(fields '[.metric,.value]')" = '["cpu",2.5]' ]
}

@test "labels in another order are the same series, which keeps the order that came first, over a restart too; stored they are sorted" {
	row() { printf '{"metric":"m","timestamp":"2026-11-23T10:0%s:00Z","window":"1m","labels":{%s},"count":%s}\n' "$@"; }
	{ row 0 '"t":"x","s":"é"' 1; row 1 '"s":"\u00e9", "t":"x"' 2; row 2 '"s":"é"' 4; row 3 '"\u0074":"x","s":"é"' 8; row 4 '' 16; row 5 '"s":"x","t":"é"' 32; } > rows
	run -0 at-agg -s -w 1h rows
	[ "$(fields '[.labels,.count]')" = '[{"s":"é"},4]
[{"t":"x","s":"é"},11]
[{"t":"é","s":"x"},32]
[{},16]' ]
	[ "$(at-query "SELECT labels, value FROM metrics WHERE t = 'x'" | jq -c '[.labels,.value]')" = '["{\"s\":\"é\",\"t\":\"x\"}",11]' ]
	head -1 rows | at-agg --state k -w 1h
	run -0 at-agg --state k -w 1h < <(sed -n 2p rows; row 1 '"a":"1"' 1 | sed s/T10/T11/)
	[ "$(fields '[.labels,.count]')" = '[{"t":"x","s":"é"},3]' ]
	run -0 --separate-stderr at-agg < <(row 0 '"s":"x","s":"y"' 1)
	[[ $stderr == *'stdin:1: the label "s" is there twice'* ]]
}

@test "events and metric rows of one window make one row" {
	event 10:00:00 '"v":1' > events; event 10:10:00 '"v":2' >> events
	at-agg -a 'count,sum(v),p50(v)' --states < <(event 10:20:00 '"v":3') > metrics
	run -0 at-agg -w 1h -a 'count,sum(v),p50(v)' events metrics
	[ "$(fields '[.count,.v_sum]')" = '[3,6]' ]
}

@test "what cannot be merged is said" {
	run -0 --separate-stderr at-agg -w 1h <<< '{"metric":"m","timestamp":"2026-11-23T10:00:00Z","window":"1m","labels":{},"count":2,"v_p95":7}'
	[ "$(fields '[.count,.v_p95]')" = '[2,null]' ]
	[[ $stderr == "at-agg: 'v_p95' cannot be merged from metric rows without states, write them with at-agg --states" ]]
	run -0 --separate-stderr at-agg -w 1h <<< '{"metric":"m","timestamp":"2026-11-23T10:00:00Z","window":"1m","labels":{},"buyers":2}'
	[[ $stderr == "at-agg: the field 'buyers' of metric rows does not say how it merges"* ]]
}

@test "rows of two machines, one after the other, merge with no lateness; -l makes windows go by time again" {
	for m in 00 01 02 03 04; do event 10:$m:30 '"v":1'; done > one
	(at-agg --states -w 1m one; at-agg --states -w 1m one) > rows
	run -0 --separate-stderr at-agg -w 1m rows
	[ -z "$stderr" ]
	[ "$(fields .count | tr -d '\n')" = 22222 ]
	[ "$(at-agg -w 1m -l 0s -q rows | jq .count | tr -d '\n')" = 11112 ]
	# live rows do not wait for the end, which comes when one is out
	(now=$(date -u +%s); for i in {1..60}; do
		printf '{"metric":"m","timestamp":%d,"window":"1s","labels":{},"count":1}\n' $((now + i)); sleep 0.5; [ ! -e out ] || exit 0
	done; touch never) | at-agg -w 1s --idle 1h | (head -1 > first; touch out; cat > rest)
	[ -s first ] && [ ! -e never ]
}

@test "sessions of two machines become one where they touch, by the end that states tell" {
	for s in 10:00:00 10:00:40 10:01:20 10:02:00; do event $s; done > one
	for s in 10:01:00 10:02:30 10:03:00; do event $s; done > two
	(at-agg --states -w session:45s one; at-agg --states -w session:45s two) > rows
	run -0 --separate-stderr at-agg -w session:45s rows
	[ "$(fields '[.timestamp,.count]')" = '["2026-11-23T10:00:00.000Z",7]' ]
	[ -z "$stderr" ]
	jq -c 'del(.states)' rows > bare
	run -0 --separate-stderr at-agg -w session:45s bare
	[[ $stderr == *'--states'* ]]
}

@test "rows from two machines merge exactly" {
	for i in $(seq 200); do event 10:00:$((i % 50 + 10)) "\"v\":$((i * 37 % 101)).5,\"u\":\"u$((i % 77))\""; done > all
	awk 'NR % 2' all > one; awk 'NR % 2 == 0' all > two
	aggs='count,sum(v),avg(v),stddev(v),p95(v),distinct(u),topk(u,3)'
	run -0 at-agg -a "$aggs" < <(at-agg -l 1m --states -a "$aggs" one; at-agg -l 1m --states -a "$aggs" two)
	[ "$output" = "$(at-agg -l 1m -a "$aggs" all)" ]
}

@test "-s keeps the rows in the store as metrics" {
	at-agg -s -b s -a 'count,sum(v),p50(v)' < <(event 10:00:00 '"s":"g","v":2'; event 10:01:00 '"s":"h","v":3') > out
	[ "$(wc -l < out)" = 2 ]
	run -0 at-query -f csv "SELECT metric, timestamp, field, value, s FROM metrics ORDER BY timestamp, field"
	[[ $output == *'events,2026-11-23T10:00:00.000Z,count,1,g'* && $output == *'events,2026-11-23T10:01:00.000Z,v_sum,3,h'* ]]
}

@test "wrong usage is one line, names the fault, and exits 2" {
	while IFS='|' read -r args want; do
		eval "run -2 --separate-stderr at-agg $args" < /dev/null
		[[ $stderr == "at-agg: $want"* && $(wc -l <<< "$stderr") = 1 ]] || { echo "$args: $stderr"; return 1; }
	done <<-'END'
	-w 5x|-w
	-w 1m/5m|-w: a step longer than the window
	-w count:0|-w
	-w 0s|-w
	-a cuont|-a: 'cuont' is no aggregate, did you mean count
	--stroe x|no option --stroe, did you mean --store?
	--vers|no option --vers, did you mean --version?
	-a sum|-a: 'sum' of what
	-a 'sum(v'|-a: 'sum(v' has no closing parenthesis
	-a 'p101(v)'|-a: 'p101' is no aggregate
	-a count,count|-a: 'count' comes twice
	-a 'labels=sum(v)'|-a: 'labels' cannot be
	-a 'topk(v,0)'|-a: 'topk(v,0)'
	-b a,,b|-b: an empty field name
	-b a,a|-b: 'a' twice
	END
}

@test "a missing file is told, the rest is read, and the exit says so" {
	event 10:00:00 > a
	run -1 --separate-stderr at-agg none a
	[[ $stderr == *'none: No such file'* && $output == *'"count":1'* ]]
}

@test "a bad row names its place and the rest is read; --strict exits 3; -r keeps it" {
	{ event 10:00:00; echo '{"event":'; echo 'no row'; event 10:00:01; } > rows
	run -0 --separate-stderr at-agg rows
	[ "$(fields .count)" = 2 ]
	[[ ${stderr_lines[0]} == 'at-agg: rows:2:'* && ${stderr_lines[1]} == 'at-agg: rows:3:'* ]]
	run -3 at-agg --strict rows
	at-agg -q -r bad rows
	[ "$(jq -c '[.line,.input]' bad)" = '[2,"{\"event\":"]
[3,"no row"]' ]
}

@test "fault 11: a full or closed output is a failure, a closed pipe none" {
	run -1 --separate-stderr bash -c 'echo "{}" | at-agg > /dev/full'
	[[ $stderr == *'No space left'* ]]
	run -1 bash -c 'echo "{}" | at-agg >&-'
	for i in $(seq 3000); do event 10:00:00 "\"i\":$i"; done | at-agg -b i | head -1 | grep -q count
}

@test "fault 12: input that is closed, a directory or empty" {
	run -1 --separate-stderr at-agg / < /dev/null
	[[ $stderr == *'/: Is a directory'* ]]
	run -0 --separate-stderr at-agg < /dev/null
	[ -z "$output$stderr" ]
}

@test "fault 22: long lines, many keys and deep nesting cost no more than they are" {
	{ event 10:00:00; printf '{"event":"e","timestamp":"2026-11-23T10:00:01Z","x":"'; head -c 10000000 /dev/zero | tr '\0' x; echo '"}'
	  printf '{"event":"e","timestamp":"2026-11-23T10:00:02Z","x":'; head -c 100000 /dev/zero | tr '\0' '['; echo '}'
	  python3 -c 'print("{\"event\":\"e\",\"timestamp\":\"2026-11-23T10:00:03Z\"," + ",".join("\"k%d\":%d" % (i, i) for i in range(200000)) + "}")'; } > rows
	run -0 --separate-stderr within 20 at-agg rows
	[ "$(fields .count)" = 3 ]
}

@test "fault 23: prepared keys do not make groups slow, the hash is seeded" {
	python3 - > rows <<-'END'
	for i in range(100000):
	    print('{"event":"e","timestamp":"2026-11-23T10:00:00Z","k":"%016x"}' % (i << 44))
	END
	within 30 at-agg -b k rows | wc -l | grep -qx 100000
}

@test "fault 24: a million groups take memory in proportion, and none when they are over" {
	[ -z "$SANITIZED" ] || skip "a sanitizer takes memory of its own"
	python3 - > rows <<-'END'
	for i in range(600000):
	    print('{"event":"e","timestamp":%d,"k":"u%d"}' % (1795428000000 + i // 1000 * 1000, i))
	END
	run -0 bash -c 'ulimit -v 120000; at-agg -w 10s -b k rows | wc -l'
	[ "$output" = 600000 ]
	run -0 bash -c 'ulimit -v 120000; at-agg -w session:5s -b k rows | wc -l'
	[ "$output" = 600000 ]
	run -0 bash -c 'ulimit -v 700000; at-agg -w all -b k -a "count,distinct(k)" rows | wc -l'
	[ "$output" = 600000 ]
}

@test "fault 26: bytes that are no UTF-8 do not come out" {
	{ event 10:00:00 '"s":"a"'; event 10:00:00 $'"s":"\xff\xfe"'; event 10:00:00 $'"s":"\x01"'; event 10:00:00 '"s":"\ud800"'; } > rows
	at-agg -q -w all -b s rows > out
	iconv -f utf-8 -t utf-8 out > /dev/null
	jq -e . out > /dev/null
	at-agg -q -w all -a 'first(s),last(s),topk(s,5)' rows > out
	iconv -f utf-8 -t utf-8 out > /dev/null
	[ "$(jq -c '[.s_first,.s_last]' out)" = '["a","a"]' ]
}

@test "damaged states in metric rows are not believed" {
	row() { printf '{"metric":"m","timestamp":"2026-11-23T10:00:00Z","window":"1m","labels":{},"count":1,"v_p50":3,"states":{"v":%s}}\n' "$1"; }
	for s in '"dd1:"' '"dd1:1;2"' '"dd1:1;2;3;4*99999999999999999999;"' '"sum1:1;"' '["dd1:x","hll1:r","ss1:5;a"]' 7 '{"a":1}' '"dd1:5;1;0;1;"' '"sum1:-5;3"'; do
		row "$s"
	done > rows
	run -0 --separate-stderr at-agg -w 1h -a 'count,p50(v),avg(v),distinct(v),topk(v,3)' rows
	[[ "$(fields .count)" = 9 && $stderr == *'cannot be merged'* ]]
}

@test "what metric rows do not tell is no figure: it is null, and said" {
	row() { printf '{"metric":"x","timestamp":"2026-11-23T10:0%s:00.000Z","window":"1m","labels":{},%s}\n' "$1" "$2"; }
	without() { run -0 --separate-stderr at-agg -w 1h "$@" rows; [[ $stderr == *"cannot be merged from metric rows without states"* ]]; }
	{ row 0 '"q_sum":4'; row 1 '"q_sum":0'; } > rows                # of how many numbers?
	without -a 'avg(q)'
	[ "$(fields .q_avg)" = null ]
	{ row 0 '"r_avg":1'; row 1 '"r_avg":5'; } > rows                # never an average of averages
	without
	[ "$(fields .r_avg)" = null ]
	{ row 0 '"r_avg":1,"count":1'; row 1 '"r_avg":5,"count":3'; } > rows
	run -0 --separate-stderr at-agg -w 1h rows
	[[ "$(fields .r_avg)" = 4 && -z $stderr ]]
	{ row 0 '"r_min":1,"count":1'; row 1 '"r_min":5,"count":3'; } > rows
	without -a 'p95(r)'
	[ "$(fields .r_p95)" = null ]
	{ row 0 '"r_p95":1,"count":1,"states":{"r":"dd1:garbage"}'; row 1 '"r_p95":5,"count":3,"states":{"r":5}'; } > rows
	without
	[ "$(fields .r_p95)" = null ]
	{ row 0 '"u_distinct":1'; row 1 '"u_distinct":5'; } > rows
	without
	[ "$(fields .u_distinct)" = null ]
	# nor is what only some of them tell
	part() { printf '{"timestamp":1,"u":"a","r":5}\n{"timestamp":2,"u":"b","r":7}\n' | at-agg --states -a "count,$1"; }
	{ part 'distinct(u),p50(r)'; row 1 '"count":2,"u_distinct":2,"r_p50":6'; } > rows
	without -M m -w all
	[ "$(fields '[.count,.u_distinct,.r_p50]')" = '[4,null,null]' ]
	# nor when it is merged once more, with rows that tell all
	at-agg -q -M m -w all --states rows | cat - <(part 'distinct(u),p50(r)') > again
	run -0 at-agg -q -M m -w all again
	[ "$(fields '[.count,.u_distinct,.r_p50]')" = '[6,null,null]' ]
	{ part 'distinct(u),p50(r)'; row 1 '"count":2,"u_distinct":null,"r_p50":null,"r_max":7'; } > rows
	without -M m -w all -a 'distinct(u),p50(r)'
	[ "$(fields '[.u_distinct,.r_p50]')" = '[null,null]' ]
	{ row 0 '"r_sum":4'; row 1 '"r_sum":3,"count":2'; } > rows      # the sum is known all the same
	without -a 'sum(r),avg(r)'
	[ "$(fields '[.r_sum,.r_avg]')" = '[7,null]' ]
	run -0 at-agg -q -w 1d -a 'sum(r),avg(r)' <<< "$output"
	[ "$(fields '[.r_sum,.r_avg]')" = '[7,null]' ]
	{ row 0 '"r_avg":4'; row 1 '"r_sum":3,"count":2'; } > rows      # and here it is not
	without -a 'sum(r)'
	[ "$(fields .r_sum)" = null ]
	{ row 0 '"r_p95":4,"count":2'; row 1 '"r_sum":3,"count":2'; } > rows
	without -a 'sum(r)'
	[ "$(fields .r_sum)" = null ]
	{ row 0 '"r_sum":5,"r_var":null'; row 1 '"r_sum":6,"r_var":null'; } > rows      # of one number each
	run -0 at-agg -w 1h -q rows
	[ "$(fields '[.r_sum,.r_var]')" = '[11,null]' ]
	for m in 0 1; do row $m '"count":3,"r_sum":15,"r_avg":5,"r_stddev":4'; done > rows      # nor is a null that was written for want of them
	at-agg -q -w 1h rows > again
	run -0 at-agg -q -w 1d again
	[ "$(fields '[.count,.r_sum,.r_avg,.r_stddev]')" = '[6,30,5,null]' ]
	{ row 0 '"count":3,"r_sum":5,"r_avg":5,"r_stddev":null'; row 1 '"count":2,"r_sum":7,"r_avg":7,"r_stddev":null'; } > rows
	run -0 at-agg -q -w 1h rows
	[ "$(fields .r_avg)" = 6 ]
	cat <<-'END' > in                                               # a minute without the field is not that
	{"timestamp":1,"r":5}
	{"timestamp":61}
	END
	at-agg -w 1m --states -a 'count,avg(r),p95(r),distinct(r),stddev(r)' in > rows
	run -0 --separate-stderr at-agg -w 1h rows
	[[ $output = "$(at-agg -w 1h -a 'count,avg(r),p95(r),distinct(r),stddev(r)' in)" && -z $stderr ]]
}

@test "the count of a metric row is a number of rows: 42.0 is 42, -5 and 1.5 reject it" {
	row() { printf '{"metric":"x","timestamp":"2026-11-23T10:00:00.000Z","window":"1m","labels":{},"count":%s}\n' "$1"; }
	{ row 42.0; row 1e1; row 0; } > rows
	run -0 at-agg -w 1h rows
	[ "$(fields .count)" = 52 ]
	{ row -5; row 1.5; row 1e308; row 1; } > rows
	run -3 --separate-stderr at-agg --strict -w 1h rows
	[[ "$(fields .count)" = 1 && $stderr == *'rows:1: count: wants a number of rows, 0 or more, whole'* ]]
}

@test "a write that fails is told once" {
	seq 1000 | sed 's/.*/{"timestamp":&}/' > rows
	run -1 bash -c 'at-agg -w 1s rows > /dev/full'
	[ "$output" = 'at-agg: cannot write standard output: No space left on device' ]
}

@test "the benchmark's million events come out, in 64 MiB" {
	[ -z "$SANITIZED" ] || skip "a sanitizer takes memory of its own"
	need_shared bench/gen_events.c
	${CC:-cc} -O2 -o gen "$shared/bench/gen_events.c" -lm
	run -0 bash -c './gen -n 1000000 -d 1 | (ulimit -v 65536; at-agg -w 1m -l 6m -b source -a "count,sum(revenue),p95(duration_ms),distinct(user_id)") | wc -l'
	[ "$output" = 18704 ]
}

@test "rows of hopping windows are merged so that each event counts once" {
	seq 0 7 599 | sed 's/.*/{"event":"e","timestamp":"@&","n":&}/; s/"@\(.*\)","n/\1,"n/' >in
	at-agg -w 5m/1m --states -a 'count,avg(n),p95(n)' in >hops
	[ "$(at-agg -w all hops | jq -c '[.count, .n_avg, .n_p95]')" = "$(at-agg -w all -a 'count,avg(n),p95(n)' in | jq -c '[.count, .n_avg, .n_p95]')" ]
	at-agg -w 10m hops >merged
	at-agg -w 10m -a 'count,avg(n),p95(n)' in | cmp - merged
	run at-agg -w 6m/1m hops
	[[ "$output" == *"tell each event several times, make them with at-agg -w 1m --states"* ]]
	at-agg -w 1m --states in | at-agg -w 5m/1m >merged
	at-agg -w 5m/1m in | cmp - merged
}

@test "rows of overlapping windows from two machines are merged each in its window" {
	seq 0 7 3599 | sed 's/.*/{"event":"e","timestamp":"@&","n":&}/; s/"@\(.*\)","n/\1,"n/' >in
	awk 'NR % 3 == 1' in > a
	awk 'NR % 3 != 1' in > b
	for w in 5m/1m 7m/2m 36h/1d; do
		for f in a b; do at-agg -w $w --states -a 'count,avg(n),p95(n),rate' $f; done | at-agg -w $w --tz Europe/Zurich > merged
		at-agg -w $w -a 'count,avg(n),p95(n),rate' in | cmp - merged
	done
	at-agg -w 5m/1m --states a > rows
	run -3 --separate-stderr at-agg --strict -w 5m/1m rows b
	[[ $stderr == *'an event does not go with rows of the overlapping windows 5m/1m'* ]]
	[ "$output" = "$(at-agg -w 5m/1m a)" ]
	run -3 --separate-stderr at-agg --strict -w 5m/1m <(head -1 b) rows
	[[ $stderr == *'tell each event several times'* ]]
	run -3 --separate-stderr at-agg --strict -w 5m/1m rows <(at-agg -w 1m b)
	[[ $stderr == *'only rows of the same windows go with rows of the overlapping windows 5m/1m'* ]]
}

@test "a name that is no UTF-8 does not come into rows, and no name is none" {
	echo '{"event":"a","timestamp":0}' > row
	for line in 'at-agg -M "" row' 'at-agg --state "" row' 'at-detect --state "" row' 'at-detect --state "" -p a row'; do
		run -2 --separate-stderr bash -c "$line"
		[[ -z $output && $stderr == *': wants a name' ]] || { echo "$line"; return 1; }
	done
	for options in "-M $(printf '\xff')" "-b $(printf '\xff')" "-a sum($(printf '\xff'))"; do
		run -2 --separate-stderr at-agg $options row
		[[ -z $output && $stderr == *'is not UTF-8' ]]
	done
	run -2 --separate-stderr at-detect -M "$(printf '\xff')" -p a row
	[[ -z $output && $stderr == *'is not UTF-8' ]]
}

# pieces FILE: its bytes, in pieces of many sizes.
pieces() { python3 -c '
import sys, random
r, d, i = random.Random(7), open(sys.argv[1], "rb").read(), 0
while i < len(d):
    n = r.choice([1, 100, 5000, 70000, 300000, 1000000]); sys.stdout.buffer.write(d[i:i + n]); sys.stdout.flush(); i += n
' "$1"; }

@test "the same bytes, rejects and late rows, however many threads and in whatever pieces the rows come" {
	need_shared bench/gen_events.c
	${CC:-cc} -O2 -o gen "$shared/bench/gen_events.c" -lm
	./gen -n 15000 -d 1 -m 20 > events
	at-agg -q -w 1h -b source -a 'count,sum(revenue)' --states events > metrics 2> told
	{ cat metrics; head -c 2000000 events; cat metrics; echo 'cut'; } > mixed
	while read -r args; do
		for file in events mixed; do
			for threads in 1 2 5; do
				AT_THREADS=$threads eval "at-agg -q $args -r rejects.$threads --late late.$threads $file" > out.$threads
				AT_THREADS=$threads eval "at-agg -q $args -r rejects.pipe --late late.pipe" < <(pieces $file) | cmp - out.1
				cmp late.pipe late.1
				cmp <(jq -c 'del(.source)' rejects.pipe) <(jq -c 'del(.source)' rejects.1)
				cmp out.$threads out.1
				cmp rejects.$threads rejects.1
				cmp late.$threads late.1
			done
			[ -s out.1 ] && [ -s rejects.1 ]
		done
	done <<-'X'
		-w all -b event
		-w 1m -W '.properties.source == "google"' -a 'count,p95(duration_ms),distinct(user_id)'
		-w 5m/1m -l 1m -b country,viewport.w -a 'sum(revenue),topk(page,3),first(page)'
		-w session:10m -b user_id -a 'count,distinct(page),rate'
		-w count:100 -a 'stddev(duration_ms),last(user_id)'
	X
}

@test "tables and access logs come to what at-ingest -n makes of them, in however many threads and pieces" {
	need_shared bench/gen_events.c
	${CC:-cc} -O2 -o gen "$shared/bench/gen_events.c" -lm
	./gen -n 8000 -d 1 -f csv > clean.csv
	./gen -n 6000 -d 1 -f clf > clean.log
	python3 - <<-'P'
		import random
		r = random.Random(3)
		odd = [lambda l: l + ',x', lambda l: l[:20], lambda l: '"' + l.replace(',', '",', 1), lambda l: l.replace(',', ',"a ""b""\nc",', 1), lambda l: '', lambda l: l + '\r',
		    lambda l: l.replace('/', '/\udcff'), lambda l: l.replace('2026', 'x'), lambda l: l.replace('page', 'pä\x01ge'), lambda l: '"' + 'never closed']
		for name in 'csv', 'log':
		    lines = open('clean.' + name).read().splitlines()
		    mixed = [r.choice(odd)(l) if i and r.randrange(60) == 0 else l for i, l in enumerate(lines)]
		    if name == 'csv':           # a quote that is never closed takes the rest with it: only near the end
		        mixed = [l for l in mixed if l != '"never closed'] + ['"never closed'] + lines[1:50]
		    open('mixed.' + name, 'wb').write('\n'.join(mixed).encode('utf-8', 'surrogateescape'))
	P
	export AT_NOW=2026-11-10T12:00:00Z
	while read -r args; do
		for file in clean.csv mixed.csv clean.log mixed.log; do
			at-ingest -q -n -r rejects $file 2> told | eval "at-agg -q $args --late late" > out
			for threads in 1 2 5; do
				AT_THREADS=$threads eval "at-agg -q $args -r rejects.$threads --late late.$threads $file" > out.$threads
				AT_THREADS=$threads eval "at-agg -q $args $file" | cmp - out
				cmp out.$threads out
				cmp late.$threads late
				cmp rejects.$threads rejects
			done
			eval "at-agg -q $args" < <(pieces $file) | cmp - out
			[ -s out ]
		done
	done <<-'X'
		-w all -b source,status -a 'count,sum(revenue),sum(bytes)'
		-w 1m -b event -W '.properties.device == "mobile" or .properties.status == 200' -a 'count,p95(duration_ms),distinct(user_id)'
		-w 5m/1m -l 1m -b country,method -a 'first(page),topk(path,3),last(user)'
		-w session:10m -b user_id,user -a 'count,distinct(referrer),rate'
		-w all -W '.properties | length > 8'
		-w all -b event,timestamp -a count
	X
}

@test "a file's form is told by its name and bytes, or by -f; rows stay rows" {
	printf 'timestamp,price\n2026-11-23T10:00:00Z,3\n2026-11-23T10:00:01Z,4\n' > orders.csv
	run -0 --separate-stderr at-agg -w all -b event -a 'count,sum(price)' orders.csv
	[ "$output" = '{"metric":"events","timestamp":"2026-11-23T10:00:00.000Z","window":"all","labels":{"event":null},"count":2,"price_sum":7}' ]
	[ -z "$stderr" ]
	[ "$(at-agg -w all -b event -a 'count,sum(price)' < orders.csv)" = "$output" ]
	gzip -k orders.csv
	[ "$(at-agg -w all -b event -a 'count,sum(price)' orders.csv.gz)" = "$output" ]
	[ "$(sed 's/,/;/' orders.csv | at-agg -f csv -w all -b event -a 'count,sum(price)')" = "$output" ]
	run -0 at-agg -w all -a 'count,max(n)' < <(echo '[{"event":"a","n":1},'; echo '{"event":"a","n":2}]')
	[ "$(fields '[.count,.n_max]')" = '[2,2]' ]
	# a row in front of which there is rubbish, and rows that look like something else
	run -0 --separate-stderr at-agg -w all < <(echo 'a,b,c'; event 10:00:00; event 10:00:01)
	[ "$(fields .count)" = 2 ]
	[[ $stderr == *'stdin:1'* ]]
	run -0 --separate-stderr at-agg -f ndjson -w all orders.csv
	[[ -z $output && $stderr == *'orders.csv:1:'* ]]
	run -2 --separate-stderr at-agg -f cvs orders.csv
	[[ $stderr == *"unknown format 'cvs', did you mean csv?"* ]]
	# files of several forms in one run
	run -0 at-agg -w all -b event orders.csv <(event 10:00:02)
	[ "$(fields '[.labels.event,.count]')" = $'["e",1]\n[null,2]' ]
	for line in 'hits:3|c' 'cpu,host=a v=1 1700000000000000000' 'a=1 b="x y" msg=ok' '<34>Oct 11 22:14:15 mine su: failed'; do
		at-agg --now 2026-11-23T00:00:00Z -w all -b event,host -a 'sum(value),last(v)' <<< "$line" > out
		at-ingest --now 2026-11-23T00:00:00Z -n <<< "$line" | at-agg -w all -b event,host -a 'sum(value),last(v)' | cmp - out
	done
}

@test "a bad line of a table names its place, and what follows is read" {
	{ echo event,timestamp,n; echo a,2026-11-23T10:00:00Z,1; echo a,2026-11-23T10:00:00Z; echo a,never,1; echo a,2026-11-23T10:00:00Z,2; } > t.csv
	run -0 --separate-stderr at-agg -w all -a 'count,sum(n)' t.csv
	[ "$(fields '[.count,.n_sum]')" = '[2,3]' ]
	[[ $stderr == *"t.csv:3: 2 fields, but the header names 3: 'a,2026-11-23T10:00:00Z'"*"t.csv:4: "*"'never' is no time"* ]]
	run -3 at-agg --strict -q -w all t.csv
	printf '"never closed' > open.csv
	run -1 --separate-stderr at-agg -w all open.csv t.csv
	[[ $stderr == *'the quote that opens in this record is never closed'* && $output == *'"count":2'* ]]
}

@test "a row of a table whose id is too long is rejected wherever it stands, though nobody asked for the id" {
	awk 'BEGIN { print "event,timestamp,user_id,n"; for (i = 1; i <= 60000; i++)
		printf "a,2026-11-23T10:00:00Z,%s,1\n", i == 3 || i == 50000 ? sprintf("u%1025s", "u") : "u" }' > t.csv
	for file in t.csv -; do
		run -0 --separate-stderr at-agg -w all -a 'count,sum(n)' $file < t.csv
		[[ $output == *'"count":59998'* && $stderr == *":4: user_id is longer"*":50001: user_id is longer"* ]]
	done
}

@test "a signal in the middle of fast input: what was read comes out whole, exit 0" {
	need_shared bench/gen_events.c
	${CC:-cc} -O2 -o gen "$shared/bench/gen_events.c" -lm
	./gen -n 3000 -d 1 > events
	went() { [ "$(wc -l < sent)" -ge "$1" ]; }      # more than a pipe holds
	for threads in 1 2 4; do
		for times in 4 60; do
			: > sent
			AT_THREADS=$threads at-agg -q -w all < <(while cat events; do echo >> sent; done 2> /dev/null) > out & pid=$!
			soon went $times
			kill $pid
			wait $pid
			[ "$(wc -l < out)" = 1 ]
			jq -e '.count > 0' out
		done
	done
}

@test "what at-agg rejects of CSV can be read again by at-ingest --replay" {
	printf 'event,timestamp,x\na,soon,1\nb,2,3\n' | at-agg -q -r rejects > out
	[ "$(jq -c '[.input, .header]' rejects)" = '["a,soon,1","event,timestamp,x"]' ]
	run -0 at-ingest -n -m '.timestamp = 5' --replay rejects
	[ "$output" = '{"event":"a","timestamp":"1970-01-01T00:00:05.000Z","properties":{"x":"1"}}' ]
}

@test "-b '' takes the labels off metric rows; rows are rolled up as if they had never had them" {
	for i in 1 2 3 4 5 6; do echo '{"event":"e","timestamp":'$((i * 40))',"user_id":"u'$((i % 3))'","s":"'$((i % 2))'","v":'$i'}'; done > events
	at-agg -w 1h -a 'count,sum(v),p50(v),distinct(user_id)' events > whole
	at-agg --states -w 1m -b s,user_id -a 'count,sum(v),p50(v),distinct(user_id)' events | at-agg --states -w 5m -b s | at-agg -w 1h -b '' | cmp - whole
	run -0 at-agg -w 1h -b '' events
	[ "$output" = '{"metric":"events","timestamp":"1970-01-01T00:00:00.000Z","window":"1h","labels":{},"count":6}' ]
	at-agg -w 1h --state kept < events > first
	run -2 --separate-stderr at-agg -w 1h --state kept -b '' < events
	[[ $stderr == *'saved with other '* ]]
	at-agg -w 1h --state none -b '' < events > first
	at-agg -w 1h --state none -b '' < <(echo '{"event":"e","timestamp":4000}') > second
	[ "$(jq .count second)" = 6 ]
}

@test "- as a file to write is standard output, for late rows and rejects" {
	printf '{"event":"e","timestamp":70}\n{bad\n{"event":"e","timestamp":1}\n' | at-agg -q --late - -r - > out
	[ "$(grep -c . out)" = 3 ] && [ ! -e ./- ]
	[ "$(jq -rs 'map(.count // .line // .timestamp) | sort | join(" ")' out)" = '1 1 2' ]
}

@test "--lossy mends text that is no UTF-8, as at-ingest does, of rows of every filter and of any size of the input" {
	bad() { printf '{"event":"a\xffb","timestamp":%d,"properties":{"s":"\\ud800"}}\n' "$1"; }
	bad 1795000000 > bad
	run -3 --separate-stderr at-agg -w all -b event --strict bad
	[[ $stderr == *'bad:1:'*UTF-8* && -z $output ]]
	run -0 at-agg -w all -b event --strict --lossy bad
	jq -e '.labels.event == "a\ufffdb" and .count == 1' <<< "$output"
	for i in $(seq 3); do
		awk -v i="$i" 'BEGIN { for (k = 0; k < 20000; k++) printf "{\"event\":\"good\",\"timestamp\":%d,\"properties\":{}}\n", 1795000000 + i }'
		bad 1795000000
	done > many
	at-agg -q -w all -b event --strict --lossy many > out
	[ "$(jq -c .count out | sort -n | paste -sd ' ' -)" = '3 60000' ]
	printf 'time,s\n2026-11-23T10:00:00Z,x\xfe\n' > bad.csv
	at-agg -f csv -w all -b s --lossy bad.csv | jq -e '.labels.s == "x\ufffd" and .count == 1'
	LC_ALL=C sed 's/a\xffb/a/; s/}}/,"t":"\xff"}}/' bad > other
	run -3 at-detect -q -p 'x:a' --strict other
	at-detect -p 'x:a' --strict --lossy other | jq -e '.events[0].properties.t == "\ufffd"'
	at-dash --once --plain --strict --lossy bad | jq -Rse 'contains("  a\ufffdb")'
}
