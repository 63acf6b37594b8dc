#!/usr/bin/env bats
# at-detect -r: alert rules over rows.

load ../helper

# rows 'MINUTE SERIES COUNT'…: a metric row each, from 10:00 on.
rows() {
	for r; do
		set -- $r
		printf '{"metric":"purchases","timestamp":"2026-11-23T10:%02d:00.000Z","window":"1m","labels":{"source":"%s"},"count":%s}\n' "$1" "$2" "$3"
	done
}
# The alerts as "MINUTE NAME SERIES STATE".
short() { jq -r '"\(.timestamp[14:16] | tonumber) \(.alert) \(.labels.source) \(.state)"'; }
rule() { jq -n "{rules: [$1]}" > rules.json; }

@test "a rule fires when its condition has held for long enough, once, and is resolved when it does not hold" {
	rule '{alert: "many", expr: ".count > 100 and .labels.source == \"google\"", for: "2m", severity: "page", labels: {team: "growth", to: "{{labels.source}}"}, message: "{{value}} of {{ $labels.source }}, {{.count}}"}'
	rows '0 google 150' '0 bing 999' '1 google 151' '2 google 152' '3 google 153' '4 google 20' > rows
	run -0 --separate-stderr at-detect -r rules.json rows
	[ -z "$stderr" ]
	[ "$(short <<< "$output")" = "0 many google pending
2 many google firing
4 many google resolved" ]
	[ "$(sed -n 2p <<< "$output")" = '{"alert":"many","state":"firing","timestamp":"2026-11-23T10:02:00.000Z","since":"2026-11-23T10:00:00.000Z","labels":{"source":"google","team":"growth","to":"google"},"value":152,"severity":"page","message":"152 of google, 152","metric":"purchases"}' ]
	run -3 at-detect -e -r rules.json rows
	head -3 rows > few
	run -0 at-detect -e -r rules.json few
}

@test "what was pending and ends says nothing more" {
	rule '{alert: "many", expr: ".count > 100", for: "2m"}'
	rows '0 a 150' '1 a 150' '2 a 1' '3 a 150' '4 a 150' '5 a 150' > rows
	[ "$(at-detect -r rules.json rows | short)" = "0 many a pending
3 many a pending
5 many a firing" ]
}

@test "a metric and a condition, a number with its metric, a list of rules and groups of them are rules too" {
	rows '0 a 3' > rows
	for r in '[{"name":"few","metric":"purchases","condition":"< 5"}]' '{"alert":"few","expr":"purchases < 5"}' '{"alert":"few","expr":"purchases.count < 5"}' \
	    '{"groups":[{"name":"g","rules":[{"alert":"few","metric":"purchases","field":"count","expr":"value < 5","annotations":{"summary":"{{value}}"}}]}]}'; do
		echo "$r" > rules.json
		[ "$(at-detect -r rules.json rows | short)" = "0 few a firing" ] || { echo "$r"; return 1; }
	done
	[ "$(at-detect -r rules.json rows | jq -r .message)" = 3 ]
}

@test "the severity of a rule of Prometheus is its label of that name" {
	severity() { jq -n "{groups: [{name: \"g\", rules: [$1]}]}" > rules.json; echo '{"metric":"m","timestamp":"2026-11-23T10:00:00Z","count":5}' | at-detect -r rules.json | jq -r '.severity + " " + (.labels.severity // "-")'; }
	[ "$(severity '{alert: "a", expr: "m > 1", labels: {severity: "critical"}}')" = 'critical critical' ]
	[ "$(severity '{alert: "a", expr: "m > 1", severity: "info", labels: {severity: "critical"}}')" = 'info critical' ]
	[ "$(severity '{alert: "a", expr: "m > 1"}')" = 'warning -' ]
}

@test "the value is what is compared, reckoned where it is: a ratio, in brackets or not, a default, a pipe" {
	metric() { printf '{"metric":"api","timestamp":"2026-11-23T10:%02d:00Z","window":"1m","errors":%s,"requests":%s}\n' "$1" "$2" "$3"; }
	value() {
		jq -n --arg expr "$1" '{alert: "x", expr: $expr, message: "{{value}}"}' > rule.json
		{ metric 0 30 200; metric 1 1 200; } | at-detect -r rule.json | jq -c '[.state, .value, .message]' | paste -sd ' '
	}
	for expr in '.errors / .requests > 0.05' '(.errors / .requests) > 0.05' '.metric == "api" and .errors / .requests >= 0.1' '(.errors / .requests > 0.1) and .requests > 10' '((.errors // 0) / .requests) > 0.05'; do
		[ "$(value "$expr")" = '["firing",0.15,"0.15"] ["resolved",0.005,"0.005"]' ] || { value "$expr"; false; }
	done
	[ "$(value '.errors > 0.05 * .requests')" = '["firing",30,"30"] ["resolved",1,"1"]' ]
	[ "$(value '.requests >= 200 and .errors > 20')" = '["firing",200,"200"] ["resolved",200,"200"]' ]
	[ "$(value '.metric == "api" and(.requests > 10)')" = '["firing",200,"200"]' ]
	[ "$(value '{e: .errors} | .e > 10' | grep -c 'resolved')" = 1 ]      # of something else than the row: not taken for its field
	[ "$(value '.labels | .errors > 10' | grep -c firing)" = 0 ]
}

@test "hysteresis: it stays firing between the two thresholds; keep_firing_for outlasts a dip" {
	rule '{alert: "few", metric: "purchases", condition: "< 5", resolve: "> 8"}'
	rows '0 a 3' '1 a 6' '2 a 8' '3 a 9' '4 a 6' > rows
	[ "$(at-detect -r rules.json rows | short)" = "0 few a firing
3 few a resolved" ]
	rule '{alert: "few", metric: "purchases", condition: "< 5", keep_firing_for: "2m"}'
	rows '0 a 3' '1 a 9' '2 a 3' '3 a 9' '4 a 9' '5 a 9' '6 a 9' > rows
	[ "$(at-detect -r rules.json rows | short)" = "0 few a firing
5 few a resolved" ]
}

@test "no data: all stays, all is well, or it is an alert; a series is silent when others go on" {
	for policy in keep ok alert; do
		rule "{alert: \"few\", metric: \"purchases\", condition: \"< 5\", no_data: \"$policy\", no_data_after: \"3m\"}"
		rows '0 a 3' '0 b 9' '1 b 9' '2 b 9' '3 b 9' '4 b 9' '5 b 9' '6 b 9' > rows
		at-detect -r rules.json rows > "$policy"
	done
	[ "$(short < keep)" = "0 few a firing" ]
	[ "$(short < ok)" = "0 few a firing
3 few a resolved" ]
	rows '0 a 9' '0 b 9' '1 b 9' '2 b 9' '3 b 9' '4 b 9' '5 a 9' '5 b 9' > rows
	at-detect -r rules.json rows > alert
	[ "$(short < alert)" = "3 few a firing
5 few a resolved" ]
	[ "$(head -1 alert | jq -c '[.value, .no_data]')" = '[null,true]' ]
}

@test "files one after the other, each from its beginning, come to what each comes to alone" {
	rule '{alert: "many", expr: ".count > 100", for: "2m"}'
	rows '0 a 150' '1 a 150' '2 a 1' '9 a 1' > a
	rows '0 b 150' '1 b 150' '2 b 150' '9 b 1' > b
	[ "$(at-detect -r rules.json a b | short)" = "0 many a pending
0 many b pending
2 many b firing
9 many b resolved" ]
}

@test "a row that is years ahead does not let every deadline pass" {
	rule '{alert: "many", expr: ".count > 100", for: "2m"}'
	{ rows '0 a 150'; rows '0 z 1' | sed s/2026/9000/; rows '1 a 150' '2 a 1'; } > rows
	[ "$(at-detect -r rules.json rows | short)" = "0 many a pending" ]
}

@test "an alarm of the detector is an alert, of judged rows and of rows as they are" {
	rule '{alert: "odd", anomaly: true}'
	seq 0 299 | awk '{ print 1767571200 + 60 * $1 "," ($1 == 290 ? 500 : 100 + $1 % 7) }' > load.csv
	run -0 at-detect -r rules.json load.csv
	[ "$(jq -r .state <<< "$output")" = "firing
resolved" ]
	[ "$(head -1 <<< "$output" | jq -c '[.timestamp, .value, .metric]')" = '["2026-01-05T04:50:00.000Z",500,"load"]' ]
	at-detect -a load.csv > judged
	[ "$(at-detect -r rules.json judged)" = "$output" ]
}

@test "a match of a pattern is an alert with its key as labels, for a while" {
	rule '{alert: "left", pattern: "cart -> !buy within 30m by user_id", message: "{{labels.user_id}} left"}'
	for e in 'cart 10:00 u1' 'cart 10:05 u2' 'buy 10:10 u2' 'view 10:40 u3' 'view 11:00 u3'; do
		set -- $e
		printf '{"event":"%s","timestamp":"2026-11-23T%s:00Z","user_id":"%s"}\n' $1 $2 $3
	done > events
	run -0 at-detect -r rules.json events
	[ "$(jq -c '[.state, .timestamp[11:16], .labels, .message]' <<< "$output")" = '["firing","10:30",{"user_id":"u1"},"u1 left"]
["resolved","10:35",{"user_id":"u1"},"u1 left"]' ]
}

@test "under a state a restart neither resolves nor repeats, wherever the input is cut and from where it is read again" {
	rule '{alert: "many", expr: ".count > 100", for: "2m"}, {alert: "gone", metric: "purchases", condition: "< 0", no_data: "alert", no_data_after: "2m"}'
	rows '0 a 150' '0 b 1' '1 a 150' '1 b 150' '2 a 150' '2 b 150' '3 b 150' '4 b 150' '5 b 1' '6 a 150' '6 b 1' '7 a 1' '9 b 1' > rows
	at-detect -r rules.json rows > whole
	for cut in $(seq 1 12); do
		for from in $cut 0 $((cut / 2)); do
			rm -rf store
			{ head -n "$cut" rows | at-detect -S store --state x -r rules.json; tail -n +$((from + 1)) rows | at-detect -S store --state x -r rules.json; } > parts
			diff <(sort whole) <(sort parts) || { echo "cut at $cut, read again from $from"; return 1; }
		done
	done
}

@test "no_data alert: a series that is named and never came fires after its span and for, is resolved when it comes, and survives a restart" {
	rule '{alert: "gone", metric: "orders", condition: "< 0", no_data: "alert", no_data_after: "2m", for: "1m"},
	    {alert: "shop", expr: ".labels.shop == \"east\" and .count < 0", no_data: "alert", no_data_after: "3m"}, {alert: "loose", expr: ".count < 0", no_data: "alert"}'
	said() { jq -r '"\(.timestamp[14:16]) \(.alert) \(.state) \(.labels | tojson) \(.metric // "-") \(.value)"'; }
	rows '0 a 1' '1 a 1' '2 a 1' '3 a 1' '4 a 1' '5 a 1' > rows
	run -0 at-detect -r rules.json rows
	said <<< "$output" > out
	cat > due <<- 'E'
	02 gone pending {} orders null
	03 shop firing {"shop":"east"} - null
	03 gone firing {} orders null
	E
	cmp out due
	head -4 rows | at-detect --state x -r rules.json | said > first
	{ tail -n +5 rows; echo '{"metric":"orders","timestamp":"2026-11-23T10:06:00.000Z","labels":{"eu":"1"},"count":3}'; } | at-detect --state x -r rules.json | said > second
	cat first second | cmp - <(cat due; echo '06 gone resolved {} orders null')
	[ -z "$(echo '{"metric":"orders","timestamp":"2026-11-23T10:07:00.000Z","labels":{"eu":"1"},"count":3}' | at-detect --state x -r rules.json)" ]
	# by the clock, when no row comes at all
	rule '{alert: "gone", metric: "orders", condition: "< 0", no_data: "alert", no_data_after: "1s"}'
	soon test -s out | at-detect -r rules.json > out
	jq -e '.state == "firing" and .no_data' out
	# and what came is not missed
	rule '{alert: "gone", metric: "purchases", condition: "< 0", no_data: "alert", no_data_after: "2m"}'
	[ -z "$(at-detect -r rules.json rows)" ]
}

@test "rules read CSV and plain rows as at-detect does" {
	rule '{alert: "high", expr: ".load > 5"}, {alert: "site", metric: "x", field: "load", condition: "> 6"}'
	printf 'host,time,load\nweb,1767571200,4\nweb,1767571260,7\ndb,1767571260,6\n' > x.csv
	run -0 at-detect -r rules.json x.csv
	[ "$(jq -r '"\(.alert) \(.labels.host) \(.metric) \(.value)"' <<< "$output")" = "high web x 7
site web x 7
high db x 6" ]
	run -0 --separate-stderr at-detect -r rules.json <(echo '{"metric":"x","timestamp":1767571200,"load":9}'; echo 'a,b')
	[[ $stderr == *'no row of JSON'* ]]
}

@test "an alert whose rule is gone is resolved, once" {
	rule '{alert: "many", expr: ".count > 100"}'
	rows '0 a 150' | at-detect --state x -r rules.json > out
	rule '{alert: "other", expr: ".count > 100"}'
	[ "$(rows '1 b 1' | at-detect --state x -r rules.json | short)" = "0 many a resolved" ]
	[ -z "$(rows '2 b 1' | at-detect --state x -r rules.json)" ]
}

@test "what was saved with -s is in the table alerts" {
	rule '{alert: "many", expr: ".count > 100"}'
	rows '0 a 150' '1 a 1' | at-detect -s -r rules.json > out
	[ "$(at-query "SELECT state, json_extract(labels, '$.source') AS s FROM alerts ORDER BY timestamp" | jq -r '.state + .s')" = "firinga
resolveda" ]
}

@test "in live input that fell silent the clock lets deadlines pass" {
	rule '{alert: "many", expr: ".value > 100", for: "1s", no_data_after: "1m"}'
	now=$(date +%s%3N)
	{ printf '{"metric":"m","timestamp":%s,"value":150}\n' "$now"; soon grep -q firing out; } | at-detect -r rules.json > out
	[ "$(jq -r .state out)" = "pending
firing" ]
	[ "$(jq -r '.timestamp' out | tail -1)" = "$(jq -rn "($now + 1000) / 1000 | floor | todate[0:19] + \".\"")$(printf %03dZ $(((now + 1000) % 1000)))" ]
}

@test "a wrong rule is told with its file and its place" {
	for c in '{alert: "x", expr: ".count >"}|rules\[0\]: expr: column 9' '{alert: "x", expr: ".c > 1", foor: "5m"}|rules\[0\]: foor: no such key, did you mean "for"' \
	    '{alert: "x", expr: ".c > 1", for: "5x"}|for: .5x. is no span' '{expr: ".c > 1"}|alert: is missing' '{alert: "x"}|expr: is missing' \
	    '{alert: "x", pattern: "a ->"}|pattern: ' '{alert: "x", expr: "> 5"}|compares no metric' '{alert: "x", expr: ".c > 1", no_data: "no"}|no_data'; do
		rule "${c%%|*}"
		run -2 at-detect -r rules.json < /dev/null
		[[ $output =~ rules.json && $output =~ ${c#*|} ]] || { echo "$c: $output"; return 1; }
	done
	echo '{"rules":[' > rules.json
	run -2 at-detect -r rules.json < /dev/null
	[[ $output == *rules.json:2:1* ]]
	run -1 at-detect -r none.json < /dev/null
	[[ $output == *'none.json: No such file'* ]]
}

@test "rules are asked of the store: SQL, a metric over events, a funnel; once, or again and again" {
	for i in $(seq 0 9); do
		printf '{"event":"buy","timestamp":"2026-11-23T10:%02d:00Z","user_id":"u%d","properties":{"source":"%s"}}\n' $i $i "$([ $i -lt 8 ] && echo a || echo b)"
	done | at-ingest -q
	rule '{alert: "sql", sql: "SELECT source, COUNT(*) AS value FROM events GROUP BY source", condition: "> 5", every: "5m"},
	    {alert: "buys", metric: "buy", every: "10m", group_by: "source", condition: ">= 8", message: "{{value}}"},
	    {alert: "funnel", funnel: ["buy", "refund"], condition: "< 0.1", range: "1h"}, {alert: "none", sql: "SELECT 1 WHERE 0"}'
	run -0 at-detect --state x -r rules.json --now 2026-11-23T10:10:00Z
	[ "$(jq -r '"\(.alert) \(.labels.source // "-") \(.state) \(.value)"' <<< "$output")" = "sql a firing 8
buys a firing 8
funnel - firing 0" ]
	run -0 at-detect --state x -r rules.json --now 2026-11-23T10:15:00Z
	[ "$(jq -r '"\(.alert) \(.state)"' <<< "$output")" = "buys resolved" ]
	rule '{alert: "new", sql: "SELECT COUNT(*) AS value FROM events", condition: "> 10", every: "1s"}'
	timeout -s TERM 900 at-detect --follow -r rules.json > out &
	sleep 1
	echo '{"event":"buy"}' | at-ingest -q
	for _ in $(seq 300); do [ -s out ] && break; sleep 0.1; done
	[ "$(jq -r .state out)" = firing ]
	kill %1; wait %1
	rule '{alert: "bad", sql: "SELECT x FROM nowhere"}'
	run -1 at-detect -r rules.json
	[[ $output == *'bad: '*nowhere* ]]
}

@test "what a rule's SQL answers is bounded in bytes too: each of its rows is kept, stored and told" {
	echo '{"event":"buy"}' | at-ingest -q
	rule '{alert: "wide", sql: "SELECT hex(zeroblob(20000)) AS a, 1 AS value"}'
	run -1 at-detect -r rules.json
	[[ $output == *'wide: labels of more than 16 KiB'* ]]
	rule '{alert: "many", sql: "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT 3000) SELECT x || hex(zeroblob(4000)) AS a, 1 AS value FROM c"}'
	run -1 at-detect -r rules.json
	[[ $output == *'many: an answer with more than 16 MiB of labels'* ]]
}

@test "--backtest counts what the rules would have done, the noisiest first, against incidents as they were" {
	rule '{alert: "many", expr: ".count > 100", for: "2m"}, {alert: "some", expr: ".count > 50"}'
	rows '0 a 150' '1 a 150' '2 a 150' '3 a 150' '4 a 1' '5 a 60' '6 a 1' '30 a 60' '31 a 1' > rows
	run -0 at-detect -r rules.json --backtest rows
	[ "$(jq -c '[.backtest, .firings, .minutes, .open]' <<< "$output")" = '["some",3,6,0]
["many",1,2,0]' ]
	echo '{"from":"2026-11-23T10:03:00Z","to":"2026-11-23T10:05:00Z"}
{"from":"2026-11-23T11:00:00Z","to":"2026-11-23T12:00:00Z","alert":"many"}' > labels
	run -0 at-detect -r rules.json --backtest --labels labels rows
	[ "$(jq -c '[.backtest, .precision, .recall, .lead_seconds]' <<< "$output")" = '["some",0.6667,1,180]
["many",1,0.5,60]' ]
	at-detect -r rules.json rows > alerts
	[ "$(at-detect -a -r rules.json --backtest < rows | grep '"alert":')" = "$(cat alerts)" ]
}

@test "--backtest of the store gives what the same rows give" {
	rule '{alert: "many", expr: ".count > 100", for: "2m"}, {alert: "left", pattern: "cart -> !buy within 5m by user_id"}, {alert: "sql", sql: "SELECT COUNT(*) AS value FROM events WHERE timestamp <= NOW()", condition: "> 1", every: "1m"}'
	for m in $(seq 0 20); do printf '{"event":"%s","timestamp":"2026-11-23T10:%02d:00Z","user_id":"u%d"}\n' "$([ $((m % 5)) = 0 ] && echo cart || echo view)" $m $m; done | at-ingest -q -t | at-agg -s -w 1m -M purchases -q > rows
	rule '{alert: "one", expr: ".metric == \"purchases\" and .count >= 1", for: "2m"}, {alert: "left", pattern: "cart -> !buy within 5m by user_id"}, {alert: "sql", sql: "SELECT COUNT(*) AS value FROM events WHERE timestamp <= NOW()", condition: "> 1", every: "1m"}'
	run -0 at-detect -r rules.json --backtest < /dev/null
	[ "$(jq -r '"\(.backtest) \(.firings)"' <<< "$output" | sort | xargs)" = "left 3 one 1 sql 1" ]
	run -0 at-detect -r rules.json --backtest=2026-11-23T10:10:00Z..2026-11-23T10:12:00Z < /dev/null
	[ "$(jq -r '"\(.backtest) \(.firings)"' <<< "$output" | sort | xargs)" = "left 0 one 0 sql 1" ]
}

@test "at-detect test: expectations of rules, in the manner of promtool" {
	rule '{alert: "many", expr: ".count > 100", for: "2m", message: "{{value}}"}'
	cat > tests.json <<-'J'
	{"rule_files":["rules.json"],"tests":[{"name":"rise","interval":"1m",
	  "input_series":[{"series":"m{source=\"a\"}","field":"count","values":"0 150x3 101+10x2 _ 1"},{"series":"m{source=\"b\"}","field":"count","values":"1x9"}],
	  "alert_rule_test":[
	    {"eval_time":"2m","alertname":"many","exp_alerts":[]},
	    {"eval_time":"2m","alertname":"many","exp_alerts":[{"state":"pending","exp_labels":{"source":"a"}}]},
	    {"eval_time":"3m","alertname":"many","exp_alerts":[{"exp_labels":{"source":"a"},"exp_message":"150"}]},
	    {"eval_time":"7m","alertname":"many","exp_alerts":[{"exp_labels":{"source":"a"}}]},
	    {"eval_time":"9m","exp_alerts":[]}]}]}
	J
	run -0 at-detect test tests.json
	[ "$(grep -c '^ok ' <<< "$output")" = 5 ]
	sed -i 's/"exp_message":"150"/"exp_message":"151"/' tests.json
	run -1 at-detect test tests.json
	[[ $output == *'FAILED rise at 3m: many'*'expected!'*'151'*'got'* && $output == *'1 expectations failed'* ]]
	sed -i 's/"values":"1x9"/"values":"1y9"/' tests.json
	run -2 at-detect test tests.json
	[[ $output == *"tests[0]: values: '1y9' is none"* ]]
}

@test "fault 19: a clock that goes back a day says nothing, one that goes on lets deadlines pass, once" {
	rule '{alert: "many", expr: ".count > 100", for: "10m", no_data_after: "2h", keep_firing_for: "1h"}'
	go() { at-detect -r rules.json --state x --now "$@"; }
	[ "$(rows '0 a 150' | go 2026-11-23T10:00:30Z | short)" = "0 many a pending" ]
	[ -z "$(go 2026-11-22T10:00:00Z < /dev/null)" ]
	[ -z "$(go 2026-11-23T10:09:00Z < /dev/null)" ]
	[ "$(go 2026-11-23T10:12:00Z < /dev/null | short)" = "10 many a firing" ]
	[ -z "$(go 2026-11-24T10:12:00Z < /dev/null)" ]
	[ -z "$(go 2026-11-22T10:12:00Z < /dev/null)" ]
	[ -z "$(rows '11 a 1' | go 2026-11-23T10:11:30Z)" ]
	[ "$(go 2026-11-23T12:00:00Z < /dev/null | jq -r '.timestamp[11:16] + .state')" = 11:11resolved ]
}

@test "fault 65: a long stream takes no more memory than a short one" {
	[ -z "${SANITIZED:-}" ] || skip "a sanitizer keeps what was freed"
	rule '{alert: "many", expr: ".count > 100", for: "2m", message: "{{value}} {{.count}}"}, {alert: "gone", metric: "m", condition: "< 0", no_data: "alert"}'
	measure() {
		awk -v n="$1" 'BEGIN { for (t = 0; t < n; t++) for (s = 0; s < 200; s++) printf "{\"metric\":\"m\",\"timestamp\":%d,\"window\":\"1m\",\"labels\":{\"s\":\"%d\"},\"count\":%d}\n", 1795000000 + 60 * t, s, (t * 7 + s) % 13 * 10 }' |
		    python3 -c 'import resource, subprocess, sys; subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True); print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)' at-detect -r rules.json
	}
	short=$(measure 50) long=$(measure 1000)
	echo "$short $long"
	[ "$long" -lt $((short * 11 / 10)) ]
}

# swings FROM TO: the series a is high in each even minute, and low in each odd one.
swings() { for m in $(seq "$1" "$2"); do rows "$m a $((m % 2 ? 5 : 150))"; done; }

@test "a rule's alerts are counted from run to run: which one is noisy is said once a day, and at-admin stats rules has it first" {
	export AT_STORE=$PWD/store AT_NOW=2026-11-23T12:00:00Z
	rule '{alert: "quiet", expr: ".count > 1000"}, {alert: "many", expr: ".count > 100"}'
	swings 0 19 > rows              # ten firings
	run -0 --separate-stderr at-detect -r rules.json --state s rows
	[ -z "$stderr" ]
	[ "$(at-admin stats rules -f ndjson)" = '{"alert":"many","id":"","state":"s","alerts_per_day":10,"firings":10,"damped":0,"noisy":false}
{"alert":"quiet","id":"","state":"s","alerts_per_day":0,"firings":0,"damped":0,"noisy":false}' ]
	swings 20 23 > rows             # and two more
	run -0 --separate-stderr at-detect -r rules.json --state s rows
	[ "$stderr" = "at-detect: rule 'many' is noisy: 11.0 alerts a day, 11 in the last 7 days, of which 0 were damped because they flapped, see at-admin stats rules" ]
	swings 24 25 > rows
	run -0 --separate-stderr at-detect -r rules.json --state s rows
	[ -z "$stderr" ]
	[ "$(at-admin stats rules -f ndjson | jq -c '[.alert, .alerts_per_day, .noisy]' | head -1)" = '["many",13,true]' ]
	run -0 at-admin stats rules -f table
	[[ ${lines[0]} == '13.0 a day'*'13 in 7 days, 0 damped'*noisy*many ]]
	[ "$(AT_NOW=2026-11-25T12:00:00Z at-admin stats rules -f ndjson | jq -c '[.alerts_per_day, .noisy]' | head -1)" = '[6.5,false]' ]
	[ "$(AT_NOW=2026-11-30T12:00:00Z at-admin stats rules -f ndjson | jq -c '[.firings, .noisy]' | sort -u)" = '[0,false]' ]
	swings 26 27 > rows             # a day later it is said again, and of a rule that is gone nothing is known
	rule '{alert: "many", expr: ".count > 100"}'
	AT_NOW=2026-11-24T00:00:01Z run -0 --separate-stderr at-detect -r rules.json --state s rows
	[[ $stderr == *"'many' is noisy: 14.0 alerts a day"* ]]
	[ "$(at-admin stats rules -f ndjson | jq -r .alert)" = many ]
	[ -z "$(at-detect -r rules.json --backtest rows | jq 'select(.noisy)')" ]
}

@test "a rule most of whose alerts are damped is noisy, live as in --backtest" {
	mkdir config
	echo '{"receivers":{"log":{"type":"file","path":"'$PWD'/log"}},"alerts":{"flapping":{"changes":4}}}' > config/analytics.json
	export AT_STORE=$PWD/store AT_NOW=2026-11-23T12:00:00Z
	rule '{alert: "many", expr: ".count > 100"}'
	swings 0 17 > rows
	run -0 --separate-stderr at-detect -r rules.json --notify --state s rows
	[[ $stderr == *"'many' is noisy: 5.0 alerts a day, 5 in the last 7 days, of which 3 were damped because they flapped"* ]]
	[ "$(at-admin stats rules -f ndjson | jq -c '[.firings, .damped, .noisy]')" = '[9,7,true]' ]
}
