#!/usr/bin/env bats
# at-detect: what comes out of streams of metric rows.

load ../helper

# season DAYS SEED [SPIKE_ROW]: metric rows, one every 15 minutes, of a noisy day-and-week pattern.
season() {
	awk -v days="$1" -v seed="$2" -v spike="${3:--1}" 'BEGIN {
		srand(seed)
		for (i = 0; i < days * 96; i++) {
			noise = -6; for (k = 0; k < 12; k++) noise += rand()
			v = 200 + 120 * sin((i % 96 / 96 - 0.4) * 6.283185) - (i % 672 >= 480 ? 40 : 0) + 8 * noise
			if (i >= spike && i < spike + 3 && spike >= 0) v += 500
			printf "{\"metric\":\"visits\",\"timestamp\":\"2026-%02d-%02dT%02d:%02d:00.000Z\",\"window\":\"15m\",\"labels\":{},\"count\":%d}\n",
			    1 + int((4 + i / 96) / 28), 1 + int(4 + i / 96) % 28, int(i % 96 / 4), i % 4 * 15, v
		}
	}'
}

@test "a spike in seasonal data is one alarm, the row as it came with the anomaly behind" {
	season 21 1 1500 > rows
	run -0 --separate-stderr at-detect -t 0.26 rows
	[ "${#lines[@]}" = 1 ]
	[ "$(jq -c 'del(.anomaly)' <<< "$output")" = "$(sed -n 1501p rows)" ]
	jq -e '.anomaly | .field == "count" and .alarm and .score > 0.5 and .direction == "high" and .upper < 600 and .lower < .expected and .expected < .upper' <<< "$output"
	[ -z "$stderr" ]
}

@test "four weeks of clean noisy seasons have one false alarm by default and none with less sensitivity, and -e is 0; with a spike it is 3" {
	for seed in 1 2 3 4 5; do
		run -0 at-detect -t 0.26 -e <(season 28 "$seed")
		[ -z "$output" ]
		[ "$(at-detect <(season 28 "$seed") | wc -l)" -le 1 ]
	done
	run -3 at-detect -t 0.26 -e <(season 28 1 2000)
}

@test "the demo shop's outage is found by default, and in eight days of its traffic nothing else" {
	awk -f "$root/examples/demo/shop.awk" | at-agg -w 15m -l 5m -b event > rows
	at-detect rows > got
	jq -e -s 'any(.[]; .timestamp == "2026-11-23T14:15:00.000Z" and .labels.event == "purchase" and .anomaly.direction == "low")' got
	[ "$(jq -r 'select(.timestamp < "2026-11-23T14")' got | jq -s length)" -le 1 ]
}

@test "-a writes every row with a score between 0 and 1, and the same bytes each time" {
	season 10 7 > rows
	at-detect -a rows > once
	at-detect -a < rows | cmp - once
	[ "$(wc -l < once)" = 960 ]
	jq -e -s 'all(.anomaly.score >= 0 and .anomaly.score <= 1)' once
}

@test "--state goes on where it was left: the bytes are those of one run" {
	season 21 3 1800 > rows
	at-detect -a rows > whole
	head -700 rows | at-detect -a --state s > parts
	sed -n 701,701p rows | at-detect -a --state s >> parts
	tail -n +702 rows | at-detect -a --state s >> parts
	cmp whole parts
	head -700 rows | at-detect -a --state other | cmp - <(head -700 whole)
}

@test "SIGTERM saves the state and ends well" {
	season 14 4 > rows
	mkfifo pipe
	at-detect -a --state s < pipe > first &
	pid=$!
	exec 7> pipe
	head -1000 rows >&7
	for i in $(seq 600); do [ "$(wc -l < first)" = 1000 ] && break; sleep 0.05; done
	kill -TERM $pid
	wait $pid
	exec 7>&-
	[ "$(wc -l < first)" = 1000 ]
	tail -n +1001 rows | at-detect -a --state s > second
	cat first second | cmp - <(at-detect -a rows)
}

@test "kill -9 in the midst: the same rows again, and the next run goes on where the last one was saved" {
	load_rows 3 600 > rows
	at-detect -a --absent 5m --state s < <(head -900 rows) > first
	mkfifo pipe
	at-detect -a --absent 5m --state s < pipe > lost &
	pid=$!
	exec 7> pipe
	sed -n 901,1500p rows >&7
	for i in $(seq 600); do [ "$(wc -l < lost)" = 600 ] && break; sleep 0.05; done
	kill -9 $pid
	wait $pid || true
	exec 7>&-
	at-detect -a --absent 5m --state s < <(tail -n +901 rows) > second
	# what came out behind the last save comes again, and nothing is missing
	cat first lost second | awk '!seen[$0]++' | cmp - <(at-detect -a rows)
}

@test "an open pipe is not held up" {
	mkfifo pipe
	at-detect -a < pipe > got &
	exec 7> pipe
	printf '{"metric":"m","timestamp":"2026-01-05T00:00:00Z","n":1}\n' >&7
	for i in $(seq 1500); do [ -s got ] && break; sleep 0.02; done
	[ "$(wc -l < got)" = 1 ]
	exec 7>&-
	wait
}

@test "times come out as all rows have them, whatever form they came in" {
	for when in 1767571260 1767571260000 '"2026-01-05T00:01:00Z"' '"2026-01-05T01:01:00+01:00"' '"2026-01-05T00:01:00.000Z"' '"2026-01-05T00:00:60.000Z"'; do
		echo '{"metric":"m", "timestamp": '"$when"' ,"n":1}'
	done > rows
	[ "$(at-detect -a rows | jq -r .timestamp | sort -u)" = 2026-01-05T00:01:00.000Z ]
	[ "$(at-detect -a rows | sed -n 1p | cut -d, -f1-3)" = '{"metric":"m", "timestamp": "2026-01-05T00:01:00.000Z" ,"n":1' ]
}

@test "plain rows and CSV become metric rows" {
	printf '2026-01-05T00:00:00Z,5\n2026-01-05T00:01:00Z,6\n' > cpu.csv
	run -0 at-detect -a cpu.csv
	[ "$(jq -c 'del(.anomaly)' <<< "${lines[1]}")" = '{"metric":"cpu","timestamp":"2026-01-05T00:01:00.000Z","value":6}' ]
	printf '\xef\xbb\xbfhost;Time;load;n\r\n"a;b";1767571200;1.5;\r\n' > x.csv
	run -0 at-detect -a x.csv
	[ "$(jq -c 'del(.anomaly)' <<< "$output")" = '{"metric":"x","timestamp":"2026-01-05T00:00:00.000Z","labels":{"host":"a;b"},"load":1.5}' ]
}

@test "a row of more columns than are taken is rejected, not judged in part" {
	wide() { echo "t,$(seq -s, -f c%.0f "$1")"; for i in 1 2; do echo "2026-11-23T10:0$i:00Z,$(seq -s, "$1")"; done; }
	wide 255 > widest
	[ "$(at-detect -a widest | wc -l)" = 510 ]
	wide 256 > wider
	run -0 --separate-stderr at-detect -a wider
	[ -z "$output" ]
	[[ $stderr == *'the row has more than 256 columns'* ]]
}

@test "-f judges the named fields only, each row comes for each field" {
	row='{"metric":"m","timestamp":"2026-01-05T00:00:00Z","a":1,"b":2,"c":3}'
	[ "$(at-detect -a -f a,c <<< "$row" | jq -r .anomaly.field | paste -sd,)" = a,c ]
	[ "$(at-detect -a <<< "$row" | jq -r .anomaly.field | paste -sd,)" = a,b,c ]
}

@test "series are told apart by metric, labels and field" {
	for i in $(seq 0 149); do
		for host in a b; do
			[ $host = a ] && v=$((i % 7)) || v=$((1000 + i % 7))
			printf '{"metric":"m","timestamp":"2026-01-05T%02d:%02d:00Z","labels":{"host":"%s"},"v":%d}\n' $((i / 60)) $((i % 60)) $host $v
		done
	done > rows
	run -0 at-detect rows
	[ -z "$output" ]
}

@test "labels in another order, or with blanks, are those of the same series, over a restart too" {
	load_rows 1 300 | sed 's/"labels":{"host":"h0"}/"labels":{"dc":"x","host":"h0"}/' > same
	awk 'NR % 3 == 1 { sub(/"labels":{[^}]*}/, "\"labels\":{\"host\": \"h0\", \"dc\":\"x\"}") } NR % 3 == 2 { sub(/"labels":{[^}]*}/, "\"labels\":{\"host\":\"h0\",\"dc\":\"x\"}") } 1' same > mixed
	judged() { jq -c .anomaly; }
	at-detect -a same | judged > want
	at-detect -a mixed | judged > got
	cmp want got
	{ head -150 mixed | at-detect -a --state s; tail -n +151 mixed | at-detect -a --state s; } | judged > got
	cmp want got
	sed '151,$s/"labels":{[^}]*}/"labels":{"host":"h0", "dc":"x"}/' same > turned
	[ -z "$(at-detect --absent 5m turned | jq -c 'select(.anomaly.direction == "absent")')" ]
	at-detect --changes same | jq -c .change > want
	at-detect --changes mixed | jq -c .change > got
	cmp want got
}

# load HOSTS ROWS [FAR]: a row a minute for each host; at row 290 the first three are far out.
load_rows() {
	awk -v hosts="$1" -v rows="$2" 'BEGIN { for (i = 0; i < rows; i++) for (h = 0; h < hosts; h++)
		printf "{\"metric\":\"load\",\"timestamp\":%d,\"labels\":{\"host\":\"h%d\"},\"v\":%d}\n", 1767571200 + 60 * i, h, i == 290 && h < 3 ? 500 + h : 100 + i % 7 }'
}

@test "series that move together are one alarm that names the others; --each tells them apart" {
	load_rows 5 300 > rows
	run -0 at-detect rows
	[ "${#lines[@]}" = 1 ]
	jq -e '.labels.host == "h2" and .v == 502 and .anomaly.with == [{"metric":"load","labels":{"host":"h0"},"field":"v"},{"metric":"load","labels":{"host":"h1"},"field":"v"}]' <<< "$output"
	[ "$(at-detect --each rows | wc -l)" = 3 ]
	[ "$(at-detect -a rows | jq -s 'map(select(.anomaly.alarm)) | length')" = 3 ]
	at-detect -s rows > /dev/null
	[ "$(at-query -f csv "SELECT COUNT(*) FROM anomalies" | tr -d '\r' | tail -1)" = 1 ]
	# the last rows of the input may be the alarm
	[ "$(head -1455 rows | at-detect | wc -l)" = 1 ]
}

@test "what is stored has its time in the form of all tables, whatever the row had" {
	load_rows 1 300 | at-detect -s -q
	[ "$(at-query "SELECT timestamp FROM anomalies WHERE timestamp > '2026'")" = '{"timestamp":"2026-01-05T04:50:00.000Z"}' ]
}

@test "feedback: anomalies marked false make their series alarm later, true ones sooner; another series is as it was" {
	load_rows 4 300 > rows
	at-detect rows > got
	run -0 --separate-stderr at-admin feedback false got
	[[ $stderr == 'at-admin: 3 series marked false' && -z $output ]]
	run -0 at-admin feedback list
	[ "${#lines[@]}" = 3 ]
	jq -e -s 'all(.[]; .true == false and .field == "v" and .timestamp == "2026-01-05T04:50:00.000Z") and (map(.labels.host) | sort) == ["h0", "h1", "h2"]' <<< "$output"
	at-admin -q feedback false got                  # the same again is no more
	[ "$(at-admin feedback list | wc -l)" = 3 ]
	score=$(jq .anomaly.score got)
	# the threshold is odds 1.25 to 1 after one mark: 0.5 is 0.556
	t=$(jq -n "1 - $score + 0.001")
	[ "$(at-detect -t "$t" rows | wc -l)" = 1 ]
	[ "$(at-detect -t "$t" --state s rows | wc -l)" = 0 ]
	at-admin -q feedback true got
	t=$(jq -n "1 - $score - 0.01")
	[ "$(at-detect -t "$t" rows | wc -l)" = 0 ]
	[ "$(at-detect -t "$t" --state s2 rows | wc -l)" = 1 ]
	run -0 --separate-stderr at-admin feedback -n false got
	[[ $stderr == *--dry-run* && $(at-admin feedback list | jq -s 'map(.true) | all') = true ]]
	run -0 --separate-stderr at-admin feedback true <<< '{"metric":"x"}'
	[[ $stderr == *'not an anomaly'*'0 series'* ]]
	run -2 at-admin feedback maybe
}

@test "feedback about a row counts for its series, in whatever order the labels stand" {
	for first in 0 1; do
		load_rows 1 300 | awk -v first=$first '{ sub(/"labels":{[^}]*}/, NR % 2 == first ? "\"labels\":{\"host\":\"h0\",\"dc\":\"x\"}" : "\"labels\":{\"dc\":\"x\", \"host\":\"h0\"}") } 1' > rows$first
	done
	at-detect rows0 > got
	at-admin -q feedback false got
	t=$(jq -n "1 - $(jq .anomaly.score got) + 0.001")
	for first in 0 1; do
		[ "$(at-detect -t "$t" rows$first | wc -l)" = 1 ]
		[ "$(at-detect -t "$t" --state s$first rows$first | wc -l)" = 0 ]
	done
}

@test "--changes tells level and variance with time and size, and goes on under --state" {
	awk 'BEGIN { srand(3); for (i = 0; i < 900; i++) { x = -6; for (k = 0; k < 12; k++) x += rand()
		print 1767571200 + 60 * i "," (i < 300 ? 100 : 200) + 2 * x * (i < 600 ? 1 : 5) } }' > v.csv
	run -0 at-detect --changes v.csv
	jq -e -s '.[0].change | .kind == "level" and .since == "2026-01-05T05:00:00.000Z" and .size > 90 and .size < 110 and .field == "value"' <<< "$output"
	jq -e -s 'any(.[]; .change.kind == "variance" and .change.size > 4 and .timestamp > "2026-01-05T10")' <<< "$output"
	head -305 v.csv | at-detect --changes --state c > parts
	tail -n +306 v.csv | at-detect --changes --state c >> parts
	at-detect --changes < v.csv | cmp - parts
	run -0 at-detect --changes -e <(seq 0 299 | awk '{ print 1767571200 + 60 * $1 "," 100 + $1 % 7 }')
	[ -z "$output" ]
}

@test "--absent: a regular series that stays away is told once by the time of the rows, over a restart too" {
	load_rows 2 60 | awk '!(/"h1"/ && n++ > 30 && n < 50)' > rows
	run -0 at-detect --absent 5m rows
	[ "${#lines[@]}" = 1 ]
	jq -e '.metric == "load" and .labels.host == "h1" and .timestamp == "2026-01-05T00:35:00.000Z" and .anomaly.direction == "absent"
	    and .anomaly.since == "2026-01-05T00:30:00.000Z" and .anomaly.usual_ms == 60000' <<< "$output"
	[ "$(head -65 rows | at-detect --absent 5m --state s; tail -n +66 rows | at-detect --absent 5m --state s)" = "$output" ]
	run -3 at-detect -e --absent 5m rows
	run -0 at-detect -e --absent 30m rows
}

@test "--absent: a row from the future, or a second file of the past, makes nobody absent" {
	load_rows 2 60 > rows
	{ head -60 rows; echo '{"metric":"load","timestamp":"2036-01-05T00:00:00Z","labels":{"host":"h9"},"v":5}'; tail -n +61 rows; } > future
	[ -z "$(at-detect --absent 5m future)" ]
	awk '{ sub("load", "other"); sub(/17675/, "17665"); print }' rows > past
	[ -z "$(at-detect --absent 5m rows past)" ]
	# all stop for an hour: that is told when rows come again
	{ head -60 rows; load_rows 2 200 | tail -n +261; } > gap
	[ "$(at-detect --absent 5m gap | wc -l)" -ge 1 ]
}

@test "--absent: by the clock when live input is silent" {
	now=$(date +%s)
	{ for i in $(seq 9 -1 0); do echo "{\"metric\":\"m\",\"timestamp\":$((now - i)),\"v\":5}"; done; for i in $(seq 300); do [ -s got ] && break; sleep 0.1; done; sleep 1; } | at-detect --absent 3s > got &
	for i in $(seq 300); do [ -s got ] && break; sleep 0.1; done
	jq -e '.anomaly.direction == "absent" and .metric == "m"' got
	wait
	[ "$(wc -l < got)" = 1 ]
}

@test "events are refused with the mend; other bad rows are told and the rest is read" {
	run -2 --separate-stderr at-detect <<< '{"event":"x","timestamp":"2026-01-05T00:00:00Z"}'
	[[ $stderr == *'events, not metric rows'*'at-agg'* && $(wc -l <<< "$stderr") = 1 ]]
	printf '{"metric":"m"}\n{"metric":\n{"metric":"m","timestamp":"2026-01-05T00:00:00Z","n":1}\n' > rows
	run -0 --separate-stderr at-detect -a rows
	[ "${#lines[@]}" = 1 ]
	[[ $stderr == *'at-detect: rows:1: the row has no timestamp'* ]]
	run -3 at-detect --strict rows
	run -1 --separate-stderr at-detect -a none rows
	[[ $stderr == *'none: No such file'* && ${#lines[@]} = 1 ]]
	run -2 at-detect -t 7 rows
}

@test "fault 20: a number that is no finite one rejects the row with its reason, and is counted; the largest are judged" {
	good='{"metric":"m","timestamp":"2026-01-05T00:00:00Z","n":1}'
	printf '%s\n' "$good" '{"metric":"m","timestamp":"2026-01-05T00:01:00Z","o":2,"n":1e999}' \
	    '{"metric":"m","timestamp":"2026-01-05T00:02:00Z","n":-1e999,"o":2}' '{"metric":"m","timestamp":"2026-01-05T00:03:00Z","n":NaN}' \
	    '{"metric":"m","timestamp":"2026-01-05T00:04:00Z","n":-0}' '{"metric":"m","timestamp":"2026-01-05T00:05:00Z","n":1e308}' > rows
	run -0 --separate-stderr at-detect -a rows
	[ "${#lines[@]}" = 3 ]
	[[ $stderr == *"rows:2: 1e999 in the field 'n' is no finite number"* && $stderr == *"rows:3: -1e999 in the field 'n' is no finite number"* && $stderr == *'rows:4:54: not valid JSON'* ]]
	run -3 at-detect --strict rows
	run -0 --separate-stderr at-detect -a -f o rows
	[[ ${#lines[@]} = 2 && $stderr != *finite* ]]
	printf 'time,n\n1767571200,5\n1767571260,1e999\n1767571320,inf\n' > rows.csv
	run -3 --separate-stderr at-detect -a --strict rows.csv
	[[ ${#lines[@]} = 1 && $stderr == *"rows.csv:3: '1e999' in the column 'n' is no number"* && $stderr == *"rows.csv:4: 'inf' in"* ]]
	seq 100 | awk '{ printf "{\"metric\":\"m\",\"timestamp\":%d,\"n\":1e999}\n", 1767571200 + $1 }' > bad
	run -0 --separate-stderr at-detect bad
	[[ $stderr == *'100 rows rejected'* ]]
}

# counter NAME [STALL_ROW]: four weeks of a counter, a row every 15 minutes, that begins anew every few hours.
counter() {
	awk -v name="$1" -v stall="${2:--1}" 'BEGIN {
		srand(3); next_reset = 20
		for (i = 0; i < 28 * 96; i++) {
			more = 2000 + 1200 * sin((i % 96 / 96 - 0.4) * 6.283185) + 300 * rand()
			if (i >= stall && i < stall + 12 && stall >= 0) more *= 0.02
			v += int(more)
			if (i == next_reset) { v = int(more * rand()); next_reset += 12 + int(rand() * 20) }
			printf "{\"metric\":\"%s\",\"timestamp\":%d,\"value\":%d}\n", name, 1767571200 + i * 900, v
		}
	}'
}

@test "a counter is judged by its increments: its resets are no alarm, its stall is one; what is expected is in terms of its value" {
	for name in requests_total requests; do
		run -0 at-detect -e -t 0.4 <(counter $name)
		[ -z "$output" ]
		counter $name 1830 | at-detect -t 0.4 > alarms
		[ "$(wc -l < alarms)" = 1 ]
		jq -e '.timestamp >= "2026-01-24T01:30" and .timestamp < "2026-01-24T04:30" and .anomaly.direction == "low" and .value < .anomaly.lower' alarms
	done
	counter requests_total | at-detect -a | jq -e -s 'all(.anomaly.lower <= .anomaly.expected and .anomaly.expected <= .anomaly.upper) and
		([.[200:][] | select(.value >= .anomaly.lower and .value <= .anomaly.upper)] | length) > 2300'
	# a window's figures are no counter for the name of what was counted
	printf '{"metric":"requests_total","timestamp":%d,"window":"1m","count":%d}\n' 1767571200 60 1767571260 59 | at-detect -a | tail -1 |
		jq -e '.anomaly.expected == 60'
	# nor for what a figure is called: the sums stop
	seq 0 599 | awk '{ printf "{\"metric\":\"events\",\"timestamp\":%d,\"window\":\"1m\",\"beats_total\":%d}\n", 1767571200 + 60 * $1, $1 < 500 ? 60 : 0 }' |
		at-detect | jq -e -s '.[0].timestamp == "2026-01-05T08:20:00.000Z" and .[0].anomaly.direction == "low" and .[0].anomaly.expected == 60'
	# but one that goes on from window to window shows it
	counter requests_total 1830 | sed 's/"value"/"window":"5m","requests_total"/' | at-detect -t 0.4 | jq -e -s 'length == 1 and .[0].anomaly.direction == "low"'
	printf '{"rules":[{"alert":"odd","metric":"requests_total","anomaly":{"sensitivity":0.4}}]}' > rules.json
	counter requests_total | at-detect -r rules.json > got
	[ ! -s got ]
	counter requests_total 1830 | at-detect -r rules.json | jq -e -s '.[0].state == "firing" and .[0].timestamp < "2026-01-24T04:30"'
}

@test "a counter goes on under --state, by name and by what it showed" {
	for name in requests_total requests; do
		counter $name 1830 > rows
		at-detect -a rows > whole
		for at in 1 15 40 1000 1835; do
			{ head -$at rows | at-detect -a --state $name$at; tail -n +$((at + 1)) rows | at-detect -a --state $name$at; } | cmp - whole
			{ head -$at rows | at-detect --changes --state $name$at; tail -n +$((at + 1)) rows | at-detect --changes --state $name$at; } |
				cmp - <(at-detect --changes rows)
		done
	done
}

@test "-s stores the alarms" {
	season 21 1 1500 > rows
	at-detect -t 0.26 -s rows > alarms
	[ "$(wc -l < alarms)" = 1 ]
	[ -e "$AT_STORE/tenants/default/data.mdb" ]
}

@test "a hundred thousand series take less than 4 KiB each" {
	(ulimit -v 410000; at-detect --version) > /dev/null 2>&1 || skip "a limit of memory does not go with this build"
	awk 'BEGIN { for (t = 0; t < 2; t++) for (i = 0; i < 100000; i++)
		printf "{\"metric\":\"m\",\"timestamp\":\"2026-01-05T00:0%d:00Z\",\"labels\":{\"user\":\"u%d\"},\"n\":%d}\n", t, i, i % 9 }' > rows
	(ulimit -v 410000; at-detect rows)
}

@test "scores on the Numenta files are those of a good first detector" {
	need_shared eval/nab_score.py
	python=$(command -v /usr/bin/python3 python3 | head -1)
	"$python" -c 'import numpy' 2> /dev/null || skip "no numpy"
	(cd "$shared/eval/nab/data" && printf '%s\n' */*.csv) > files
	while read -r f; do
		mkdir -p "scores/$(dirname "$f")"
		at-detect -f value "$shared/eval/nab/data/$f" > "scores/${f%.csv}.ndjson"
	done < files
	"$python" "$shared/eval/nab_score.py" --sparse scores | awk '$1 == "standard" { print; exit !($2 >= 74) }'
}

@test "fault 22: a line of 1 GB, 10^6 keys and a depth of 100,000 are rejected or read in bounded memory" {
	(ulimit -v 320000; at-detect --version) > /dev/null 2>&1 || skip "a limit of memory does not go with this build"
	good='{"metric":"m","timestamp":"2026-01-05T00:00:00Z","n":1}'
	(
		ulimit -v 250000
		{ echo "$good"; head -c 1000000000 /dev/zero | tr '\0' x; echo; echo "$good"; } | at-detect -a 2> told > got
	)
	[ "$(wc -l < got)" = 2 ]
	[[ $(< told) == *'stdin:2: the line is longer than 64 MiB'* ]]
	{ printf '{"metric":"m","timestamp":"2026-01-05T00:00:00Z","n":1'; awk 'BEGIN { for (i = 0; i < 1e6; i++) printf ",\"k%d\":\"\"", i }'; echo '}'; } > keys
	(ulimit -v 250000; at-detect -a keys | wc -l) | grep -qx 1
	{ head -c 100000 /dev/zero | tr '\0' '['; echo; echo "{\"metric\":\"m\",\"x\":$(head -c 100000 /dev/zero | tr '\0' '[')"; echo "$good"; } > deep
	(ulimit -v 250000; at-detect -a deep 2> /dev/null | wc -l) | grep -qx 1
}

@test "gzip is known by its bytes, and one that is cut gives its rows, then an error" {
	season 10 5 > rows
	gzip -c rows > data.ndjson
	at-detect -a data.ndjson | cmp - <(at-detect -a rows)
	head -c $(($(wc -c < data.ndjson) / 2)) data.ndjson > cut
	run -1 --separate-stderr at-detect -a cut
	[ "${#lines[@]}" -gt 10 ]
	[[ $stderr == 'at-detect: cut: the gzip data ends too early, the rest is lost' ]]
}

@test "a full disk is told and the exit is 1" {
	season 10 5 > rows
	run -1 --separate-stderr bash -c 'at-detect -a rows > /dev/full'
	[[ $stderr == *'No space left on device'* ]]
}

@test "the column value is a number, whatever its first row holds" {
	printf 'timestamp,value\n1,n/a\n2,5\n3,6\n' > rows
	run -3 --separate-stderr at-detect -a --strict rows
	[[ ${#lines[@]} = 2 && ${lines[0]} == *'"value":5,'* && $stderr == *"rows:2: 'n/a' in the column 'value' is no number"* ]]
}

@test "an option that has nothing to do in what was asked for is wrong usage, not passed over" {
	echo '{"metric":"m","timestamp":1767225600,"v":1}' > rows
	echo '{"rules":[{"alert":"many","expr":".v > 5"}]}' > rules.json
	for options in '--labels rows' '--name x' --timeouts '--exec-timeout 5s' '--changes -r rules.json' '--changes -a' '--exec cat --state x' \
	    '--exec cat -s' '-r rules.json --backtest=7d' '-p a -t 0.5' '-p a -f v' '-p a -a' '-p a --each' '-p a --absent 5m' '-r rules.json -t 0.9' \
	    '-r rules.json -f v' '-r rules.json -a' '-r rules.json --each' '-r rules.json --absent 5m' '-r rules.json -M x' '-r rules.json --backtest --notify' \
	    '-r rules.json --backtest --state x' '-r rules.json --backtest -s' '-l 5m' '--changes -t 0.5' '--exec cat -e' '--exec cat -f v'; do
		run -2 --separate-stderr at-detect $options rows
		[ -z "$output" ]
		[ -n "$stderr" ]
	done
	run -0 at-detect -r rules.json --backtest rows
	run -0 at-detect -e -r rules.json --backtest rows
	echo '{"rules":[{"alert":"many","expr":".v > 0"}]}' > rules.json
	run -3 at-detect -e -r rules.json --backtest rows
	run -2 --separate-stderr at-detect --each -p a rows
	[ "$stderr" = 'at-detect: --each does not go with --pattern' ]
	run -2 --separate-stderr at-detect --lateness 5m rows
	[ "$stderr" = 'at-detect: --lateness goes with --pattern, --rules, --backtest' ]
	run -0 --separate-stderr at-detect -f w,x rows
	[[ $stderr == *'no row has a number called as --fields says: w,x'* ]]
	run -0 --separate-stderr at-detect -f w,v rows
	[ -z "$stderr" ]
}

# step: a minute a row, a level of 100 that is 150 from 06:40 on.
step() { seq 0 599 | awk '{ print 1767571200 + 60 * $1 "," ($1 >= 400 ? 150 : 100) + $1 % 7 }' > load.csv; }

@test "--changes -s stores change points beside anomalies, once also under --state; a rule is about them" {
	export AT_STORE=$PWD/store
	step
	run -0 at-detect --changes -s load.csv
	change=$output
	jq -e '.change.kind == "level" and .change.since == "2026-01-05T06:40:00.000Z"' <<< "$change"
	[ "$(at-query "SELECT field, change, since, before < 110 AS low, after > 145 AS high, size > 40 AS far, score, alarm FROM anomalies")" = \
	    '{"field":"value","change":"level","since":"2026-01-05T06:40:00.000Z","low":1,"high":1,"far":1,"score":null,"alarm":null}' ]
	[ "$(at-query "SELECT row FROM anomalies" | jq -r .row)" = "$change" ]
	at-detect -s -q load.csv
	[ "$(at-query "SELECT field, change FROM anomalies WHERE alarm")" = '{"field":"value","change":null}' ]
	head -405 load.csv | at-detect --changes -s --state c -T two
	tail -n +406 load.csv | at-detect --changes -s --state c -T two > /dev/null
	[ "$(at-query -T two "SELECT COUNT(*) AS n FROM anomalies WHERE change = 'level'")" = '{"n":1}' ]
	echo '{"rules":[{"alert":"step","expr":".change.kind == \"level\" and .change.size > 20","no_data":"ok","no_data_after":"10m"}]}' > rules.json
	{ echo "$change"; echo '{"metric":"other","timestamp":"2026-01-05T07:00:00.000Z","value":1}'; } | at-detect -r rules.json > alerts
	[ "$(jq -c '[.alert, .state, .timestamp, (.value > 40)]' alerts)" = '["step","firing","2026-01-05T06:47:00.000Z",true]
["step","resolved","2026-01-05T06:57:00.000Z",true]' ]
	echo '{"rules":[{"alert":"step","sql":"SELECT metric, size AS value FROM anomalies WHERE change = '"'level'"' AND timestamp > NOW() - INTERVAL '"'1 hour'"'","condition":"> 20"}]}' > rules.json
	[ "$(at-detect --now 2026-01-05T07:00:00Z -r rules.json < /dev/null | jq -c '[.alert, .state, .labels.metric]')" = '["step","firing","load"]' ]
	[ -z "$(at-detect --now 2026-01-06T07:00:00Z -r rules.json < /dev/null)" ]
}

@test "a rule is about values outside the forecast band of at-detect -a" {
	step
	echo '{"rules":[{"alert":"over","expr":".value > .anomaly.upper","for":"2m"},{"alert":"under","expr":".value < .anomaly.lower","for":"2m"}]}' > rules.json
	at-detect -a load.csv | sed 1,100d | at-detect -r rules.json > alerts
	[ "$(jq -c '[.alert, .state, .timestamp[11:16]]' alerts | head -2)" = '["over","pending","06:40"]
["over","firing","06:42"]' ]
	[ "$(jq -r 'select(.state == "resolved") | .alert' alerts)" = over ]
}
