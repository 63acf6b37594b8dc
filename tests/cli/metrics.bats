#!/usr/bin/env bats
# Metric rows into the store and back.
load ../helper
load serve

row() { printf '{"metric":"%s","timestamp":"2026-11-23T10:%02d:%02d.000Z","labels":{"host":"%s"},"value":%s}\n' "$@"; }
rows() { at-query -f csv "SELECT metric, timestamp, field, value, labels FROM metrics ORDER BY metric, labels, field, timestamp" | tail -n +2 | tr -d '\r'; }

@test "one value of all time has the day of the first as its time, so that at-detect takes it" {
	printf '{"event":"a","timestamp":"2026-11-2%s","properties":{"x":%d}}\n' 1T10:15:30Z 1 3T00:00:00Z 5 | at-ingest
	printf '{"metric":"m","timestamp":"2026-11-2%s","value":%d,"labels":{"k":"%s"}}\n' 2T08:00:00Z 4 b 1T10:15:30Z 3 a | at-agg -q -w 1m -M m -s > /dev/null
	for name in a m; do
		[ "$(at-query metric $name | jq -r .timestamp)" = 2026-11-21T00:00:00.000Z ]
		[ "$(at-query metric $name | at-detect -f value -a 2>&1 | jq -r .timestamp)" = 2026-11-21T00:00:00.000Z ]
		[ "$(at-query metric $name --from 2026-11-21T09:00:00Z | jq -r .timestamp)" = 2026-11-21T09:00:00.000Z ]
	done
	at-admin -q compact
	[ "$(at-query metric a | jq -r .timestamp)" = 2026-11-21T00:00:00.000Z ]
	[ "$(at-query metric m --by k | jq -r .timestamp | sort -u)" = 2026-11-21T00:00:00.000Z ]
	[ "$(at-query metric a --filters '{"x":9}' --now 2026-11-28T01:00:00Z | jq -c '[.timestamp, .value]')" = '["2026-11-28T00:00:00.000Z",0]' ]
	mkdir config
	echo '{"metrics":{"s":{"event":"a","value":"p50(x)"},"d":{"event":"a","value":"distinct(x)"},"r":{"event":"a","value":"first(x)"}}}' > config/analytics.json
	for name in s d r; do
		[ "$(at-query metric $name | jq -r .timestamp)" = 2026-11-21T00:00:00.000Z ]
	done
}

@test "what does not add up, different values, percentiles, deviations, is counted anew for each month, quarter and local hour" {
	mkdir config
	echo '{"metrics":{"d":{"value":"distinct(user_id)"},"p":{"value":"p100(x)"},"s":{"value":"stddev(x)"},"l":{"value":"last(x)"},"r":{"value":"rate"}}}' > config/analytics.json
	for i in $(seq 0 119); do
		echo "{\"event\":\"a\",\"timestamp\":$((1792800000 + i * 17200 + i * 60)),\"user_id\":\"u$((i % 7 + i / 20))\",\"properties\":{\"x\":$((i * 37 % 101))}}"
	done | at-ingest -q
	m() { at-query metric "$@" | jq -c '[.timestamp, (.value * 1e6 | round)]'; }
	sql() { at-query --tz "$1" "SELECT date_trunc('$2', timestamp) AS t, $3 AS v FROM events GROUP BY t HAVING v IS NOT NULL ORDER BY t" | jq -c '[.t, (.v * 1e6 | round)]'; }
	for kept in 0 1; do
		for zone in UTC Europe/Zurich; do
			export AT_KEPT=$kept
			for unit in month quarter; do
				[ "$(m d --every $unit --tz $zone)" = "$(sql $zone $unit 'count(DISTINCT user_id)')" ]
				[ "$(m s --every $unit --tz $zone)" = "$(sql $zone $unit 'stddev(x)')" ]
				[ "$(m l --every $unit --tz $zone)" = "$(sql $zone $unit 'arg_max(x, timestamp)')" ]
			done
			[ "$(m d --every 1d --tz $zone)" = "$(sql $zone day 'count(DISTINCT user_id)')" ]
		done
		hours() { at-query --tz "$1" "SELECT count(DISTINCT user_id) AS v FROM events GROUP BY date_trunc('day', timestamp), hour(timestamp) / $2" | jq .v | sort; }
		for zone in Asia/Kolkata Europe/Zurich; do
			for every in 6 1; do
				[ "$(at-query metric d --every ${every}h --tz $zone | jq .value | sort)" = "$(hours $zone $every)" ]
			done
		done
		at-admin -q compact
	done
	[ "$(at-query metric r --every month | jq -s '.[0].value * 31 * 86400 | round')" = "$(at-query metric a --every month | jq -s '.[0].value')" ]
	unset AT_KEPT
}

@test "a filter takes the value however it was sent, true as well, and gives one answer of all that have it" {
	mkdir config
	echo '{"metrics":{"sum":{"event":"a","value":"sum(x)"},"users":{"event":"a","value":"distinct(user_id)"}}}' > config/analytics.json
	i=0
	for n in true 1 '"1"' 1 false 0 null 2; do
		i=$((i + 1))
		echo "{\"event\":\"a\",\"timestamp\":\"2026-11-23T10:00:0${i}Z\",\"user_id\":\"u$((i % 3))\",\"properties\":{\"n\":$n,\"x\":$((10 ** (i - 1)))}}"
	done | at-ingest -q
	v() { at-query metric "$1" --filters "{\"n\":$2}" "${@:3}" | jq -c .value | paste -sd' '; }
	[ "$(v a 1) $(v a '"1"') $(v a 2) $(v a 3) $(v a false)" = '4 4 1 0 2' ]
	[ "$(v sum true) $(v sum 1) $(v sum false) $(v sum null)" = '1 1110 10000 1000000' ]
	[ "$(v users 1) $(v users true)" = '3 1' ]
	[ "$(v a true)" = 3 ]                   # a count knows true and 1 as one
	[ "$(v a 1 --every 2s)" = '1 2 1 0 0' ]
	[ "$(v a 1 --by x | wc -w)" = 4 ]
	serve_start
	g() { get "/api/v1/metrics?metric=$1&timeRange=all&interval=2s&filters=%7B%22n%22:$2%7D" | jq -c '[.total, [.series[].points[][1]]]'; }
	[ "$(g a 1)" = '[4,[1,2,1,0,0]]' ]
	[ "$(g a true | jq -c '.[0]')" = 3 ]
	[ "$(g sum true | jq -c '.[0]') $(g users 1 | jq -c '.[0]')" = '1 3' ]
}

@test "metric rows are stored as samples, in any spelling of the row" {
	{
		row cpu 0 0 a 1.5
		row cpu 0 15 a 2
		row cpu 0 30 a -0.25
		echo '{ "value": 7, "labels": {"host": "a"}, "metric": "cpu", "timestamp": "2026-11-23T11:00:45+01:00" }'
		echo '{"metric":"cpu","timestamp":1795428060,"labels":{"host":"a"},"value":1e3}'
	} | at-ingest -v 2>log
	grep -q '5 stored, 0 rejected' log
	[ "$(rows | cut -d, -f2,4 | paste -sd' ')" = '2026-11-23T10:00:00.000Z,1.5 2026-11-23T10:00:15.000Z,2 2026-11-23T10:00:30.000Z,-0.25 2026-11-23T10:00:45.000Z,7 2026-11-23T10:01:00.000Z,1000' ]
	run -0 at-admin verify
}

@test "labels in another order are the same series, other labels another" {
	at-ingest <<-'E'
	{"metric":"m","timestamp":1,"labels":{"b":"2","a":"1"},"value":1}
	{"metric":"m","timestamp":2,"labels":{"a":"1","b":"\u0032"},"value":1}
	{"metric":"m","timestamp":3,"labels":{"a":"1"},"value":1}
	{"metric":"m","timestamp":3,"value":1}
	E
	[ "$(at-admin stats -f ndjson | jq .series)" -eq 3 ]
}

@test "several numbers of a row are several series, and a sample at the same time replaces" {
	at-ingest <<<'{"metric":"m","timestamp":"2026-11-23T10:00:00.000Z","window":"1m","labels":{},"count":3,"x_sum":1.25,"note":"text"}'
	at-ingest <<<'{"metric":"m","timestamp":"2026-11-23T10:00:00.000Z","window":"1m","labels":{},"count":4}'
	[ "$(rows | cut -d, -f3,4 | paste -sd' ')" = 'count,4 x_sum,1.25' ]
}

@test "events and metric rows may be mixed, and -t passes both on in their order" {
	{ echo '{"event":"a","timestamp":1}'; row m 0 0 x 1; echo '{"event":"b","timestamp":2}'; } >in
	at-ingest -t in >out
	[ "$(jq -r '.event // .metric' out | paste -sd' ')" = 'a m b' ]
	[ "$(at-ingest -n in | jq -r '.event // .metric' | paste -sd' ')" = 'a m b' ]
	[ "$(at-query -f csv 'SELECT COUNT(*) FROM events' | tail -1 | tr -d '\r')" -eq 2 ]
}

@test "a row that only mentions a metric is an event; with --event every row is" {
	[[ $(at-ingest -n <<<'{"event":"e","timestamp":1,"metric":"m","value":1}') == '{"event":"e"'* ]]
	[[ $(at-ingest -n <<<'{"name":"e","timestamp":1,"metric":"m","value":1}') == '{"event":"e"'* ]]
	[[ $(at-ingest -n --event e <<<'{"metric":"m","timestamp":1,"value":1}') == '{"event":"e"'* ]]
}

@test "wrong metric rows are rejected with the reason" {
	{
		row good 0 0 a 1
		echo '{"metric":"m","timestamp":1,"labels":{"a":"b"}}'
		echo '{"metric":"m","timestamp":"soon","value":1}'
		echo '{"metric":"","timestamp":1,"value":1}'
		echo '{"metric":"m","timestamp":1,"value":1,"states":{}}'
		echo '{"metric":"m","timestamp":1,"labels":{"a":"1","a":"2"},"value":1}'
		row good 0 15 a 1
		row good 0 30 a 01
		row good 0 45 a 1e
		row good 60 0 a 1
	} >in
	run -3 --separate-stderr at-ingest --strict -r bad in
	[ "$(jq -s length bad)" -eq 8 ]
	[ "$(jq -r .error bad | head -5 | paste -sd'|')" = 'a metric row without a number, give it "value"|"soon" is no time, write "2026-11-23T10:15:30.123Z" or a number|a metric'"'"'s name has 1 to 4,096 bytes|rows with states are stored by at-agg -s, which merges them|the label '"'"'a'"'"' is there twice' ]
	[ "$(rows | wc -l)" -eq 2 ]
}

@test "a partial row gives nothing" {
	at-ingest <<<'{"metric":"m","timestamp":1,"partial":true,"count":5}'
	run -0 at-query 'SELECT COUNT(*) FROM metrics'
	[[ $output == *0* ]]
}

# The quick way and the long way read the same: a row is read the long way when blanks are in it.
@test "numbers are the same whichever way a row is read" {
	printf '%s\n' 0 -0 1 0.1 123456789012345 1234567890.12345 0.000000000000001 -99.5 1e300 1.7976931348623157e308 9007199254740993 12345678901234567 0.30000000000000004 >numbers
	row warm 0 0 a 1 >in
	awk '{ printf "{\"metric\":\"quick\",\"timestamp\":\"2026-11-23T10:00:%02d.000Z\",\"labels\":{\"a\":\"b\"},\"value\":%s}\n", NR, $0 }' numbers >>in
	awk '{ printf "{\"metric\": \"long\",\"timestamp\":\"2026-11-23T10:00:%02d.000Z\",\"labels\":{\"a\":\"b\"},\"value\":%s}\n", NR, $0 }' numbers >>in
	at-ingest in
	at-query -f csv "SELECT timestamp, value FROM metrics WHERE metric = 'quick' ORDER BY 1" >quick
	at-query -f csv "SELECT timestamp, value FROM metrics WHERE metric = 'long' ORDER BY 1" >long
	cmp quick long
	[ "$(wc -l <quick)" -eq 14 ]
}

@test "what gen_metrics makes is counted and summed as it is" {
	need_shared bench/gen_metrics.c
	${CC:-cc} -O1 -w -o gen "$shared/bench/gen_metrics.c"
	./gen -s 30 -n 2000 >in
	at-ingest in
	want=$(jq -n '[inputs | select(.metric == "queue_length") | .value] | "\(length) \(add)"' in)
	[ "$want" = "$(at-query "SELECT COUNT(*) || ' ' || CAST(SUM(value) AS INTEGER) x FROM metrics WHERE metric = 'queue_length'" | jq .x)" ]
	run -0 at-admin compact
	[ "$want" = "$(at-query "SELECT COUNT(*) || ' ' || CAST(SUM(value) AS INTEGER) x FROM metrics WHERE metric = 'queue_length'" | jq .x)" ]
	run -0 at-admin verify
}

@test "labels, fields and times in WHERE find the samples that a look at each row finds" {
	need_shared bench/gen_metrics.c
	${CC:-cc} -O1 -w -o gen "$shared/bench/gen_metrics.c"
	./gen -s 200 -n 300 >in
	echo '{"metric":"up","timestamp":"2026-11-22T00:10:00.000Z","labels":{"job":5,"instance":"x"},"value":1,"other":2}' >>in
	at-ingest in
	for where in "metric = 'up' AND job = 'api-1'" "job = 5" "job = '5'" "instance = 'x' AND field = 'other'" "region IS NULL" \
		"region IN ('eu-west-1', 'us-east-1') AND path = '/v1/2'" "timestamp = '2026-11-22T00:10:00.000Z' AND job = 'api-0'" \
		"timestamp >= '2026-11-22T00:30' AND timestamp < '2026-11-22T00:45' AND metric = 'queue_length'" "job = 'none'" "metric = 'none'"; do
		quick=$(at-query -f csv "SELECT COUNT(*), SUM(CAST(value AS INTEGER)), MIN(timestamp) FROM metrics WHERE $where")
		slow=$(at-query -f csv "SELECT COUNT(*), SUM(CAST(value AS INTEGER)), MIN(timestamp) FROM (SELECT +metric metric, +timestamp timestamp, +field field, value, +job job, +instance instance, +region region, +path path FROM metrics) WHERE $where")
		[ "$quick" = "$slow" ] || { echo "$where: $quick instead of $slow"; false; }
	done
}

@test "metric takes a pattern, and tells the metrics apart by the field metric" {
	{ row cpu_a 0 0 x 1; row cpu_a 0 15 y 3; row cpu_b 0 0 x 10; row disk 0 0 x 100; } | at-ingest
	[ "$(at-query -f csv metric 'cpu_*' | tail -1 | tr -d '\r' | cut -d, -f2)" = 4.666666666666667 ]
	[ "$(at-query -f csv metric 'cpu_*' --by metric,host | tail -n +2 | tr -d '\r' | cut -d, -f1,2,4 | paste -sd' ')" = 'cpu_a,x,1 cpu_a,y,3 cpu_b,x,10' ]
	at-ingest <<<'{"metric":"cpu_n","timestamp":1,"count":1}'
	run -2 at-query metric 'cpu_*'
	[[ $output == *'different kinds'* ]]
}

@test "of a metric saved by the minute and by the hour, the minutes are summed" {
	at-ingest <<-'E'
	{"metric":"m","timestamp":"2026-11-23T10:00:00.000Z","window":"1h","labels":{"a":"x"},"count":5}
	{"metric":"m","timestamp":"2026-11-23T10:00:00.000Z","window":"1m","labels":{"a":"x"},"count":2}
	{"metric":"m","timestamp":"2026-11-23T10:59:00.000Z","window":"1m","labels":{"a":"x"},"count":3}
	{"metric":"m","timestamp":"2026-11-23T10:00:00.000Z","window":"1h","labels":{"a":"y"},"count":7}
	E
	[ "$(at-query -f csv metric m --by a --every 1h | tail -n +2 | tr -d '\r' | cut -d, -f1,3 | paste -sd' ')" = 'x,5 y,7' ]
}

@test "sums are the same whatever the number of threads" {
	need_shared bench/gen_metrics.c
	${CC:-cc} -O1 -w -o gen "$shared/bench/gen_metrics.c"
	./gen -s 400 -n 400 | at-ingest
	AT_THREADS=1 at-query metric '*' --every 5m --by job >one
	AT_THREADS=5 at-query metric '*' --every 5m --by job >five
	cmp one five
	[ "$(wc -l <one)" -eq 100 ]
}

@test "a ladder rolls samples up, retain keeps the roll-ups, and metric stitches them with the samples" {
	need_shared bench/gen_metrics.c
	${CC:-cc} -O1 -w -o gen "$shared/bench/gen_metrics.c"
	mkdir config
	echo '{"retention":{"metrics":"raw 2h, 1m 5h, 1h 2y"}}' >config/analytics.json
	./gen -s 100 -n 2400 >in                                        # ten hours
	mkdir none
	at-ingest -S plain -c none in
	head -n 200000 in | at-ingest
	tail -n +200001 in | at-ingest
	ask() {
		for every in 1m 5m 1h; do at-query "$@" -f csv metric http_requests_total --every $every --by job; done
		at-query "$@" -f csv metric queue_length --by region
		at-query "$@" -f csv metric temperature_celsius --every 3h --range 2026-11-22T03:00..2026-11-22T09:00
	}
	ask -S plain >want
	ask >got
	cmp want got
	run -0 at-admin verify
	export AT_NOW=2026-11-22T10:00:00Z
	run -0 at-admin retain -n
	[[ $output == *'0 events and 192000 samples would go'* ]]
	at-admin retain --yes
	run -0 at-admin verify
	[ "$(at-query 'SELECT MIN(timestamp) t FROM metrics' | jq -r .t)" = 2026-11-22T08:00:00.000Z ]
	at-query -f csv metric http_requests_total --every 1h --by job >got
	at-query -S plain -f csv metric http_requests_total --every 1h --by job >want
	cmp want got
	# by the minute there are hours only before the last five
	at-query metric queue_length --every 1m --range 2026-11-22..2026-11-22T10:00 >got
	[ "$(jq -r 'select(.timestamp < "2026-11-22T05") | .timestamp' got | wc -l)" -eq 5 ]
	[ "$(jq -r 'select(.timestamp >= "2026-11-22T05") | .timestamp' got | wc -l)" -eq 300 ]
	# what comes later than that is added all the same
	at-ingest <<<'{"metric":"queue_length","timestamp":"2026-11-22T00:30:00.000Z","labels":{"job":"late"},"value":77}'
	[ "$(at-query metric queue_length --every 1d --by job | jq -r 'select(.labels.job == "late") | .value')" = 77 ]
	run -0 at-admin verify
}

@test "weeks, days and months of a zone are those of its clock, of samples that are rolled up too" {
	mkdir config
	echo '{"retention":{"metrics":"raw 1d, 1h 30d, 1d"}}' >config/analytics.json
	for i in $(seq 0 999); do
		echo "{\"metric\":\"m\",\"timestamp\":$((1792800000 + i * 3000)),\"window\":\"1m\",\"labels\":{},\"x_sum\":$((i * i))}"
	done | at-ingest -q
	for zone in Asia/Kolkata America/New_York UTC; do
		for every in 1w 1d 'month'; do
			at-query --tz $zone metric m --every $every | jq -c '[.timestamp, .value]' > got
			at-query -f ndjson --tz $zone "SELECT date_trunc('$(case $every in 1w) echo week;; 1d) echo day;; *) echo month; esac)', timestamp) AS t, sum(value) AS v FROM metrics GROUP BY t ORDER BY t" | jq -c '[.t, .v]' > want
			cmp got want
		done
	done
}

@test "a ladder that cannot be is told" {
	mkdir config
	echo '{"retention":{"metrics":"1m 90d, raw 7d"}}' >config/analytics.json
	run -2 at-ingest <<<'{"metric":"m","timestamp":1,"value":1}'
	[[ $output == *'retention.metrics: raw comes first'* ]]
	run -2 at-admin retain --yes
}

@test "percentiles and distinct counts of stored metrics are those of all values, of roll-ups too" {
	mkdir config
	echo '{"retention":{"metrics":"raw 2h, 5m 5h, 1h 2y"}}' >config/analytics.json
	awk 'BEGIN { srand(7); for (i = 0; i < 40000; i++) printf "{\"event\":\"view\",\"timestamp\":%d,\"user_id\":\"u%d\",\"properties\":{\"source\":\"s%d\"%s}}\n",
	    1795428000 + i * 0.9, rand() * 3000, i % 3, rand() < 0.1 ? "" : sprintf(",\"ms\":%d", 20 + exp(rand() * 9)) }' >in
	values='p50(ms),p95(ms),p99.9(ms),distinct(user_id)'
	at-agg -l 1h -s -w 1m -b source -a "$values" -M lat in >/dev/null
	ask() {
		for field in ms_p50 ms_p95 ms_p99.9 user_id_distinct; do
			for every in 5m 1h 1d; do
				for by in source ''; do
					at-query metric "lat.$field" --every $every ${by:+--by $by} | jq -c --arg f $field '[.timestamp, .labels.source, $f, .value]'
				done
			done
		done | sort
	}
	for every in 5m 1h 1d; do
		for by in source ''; do
			at-agg -l 1h -w $every -b "$by" -a "$values" in | jq -c '. as $r | keys[] | select(startswith("ms_") or startswith("user_")) | [$r.timestamp, $r.labels.source, ., $r[.]]'
		done
	done | sort >want
	ask | cmp - want
	AT_NOW=2026-11-23T20:00:00Z at-admin retain --yes               # hours are left of the first, and five minutes of the rest
	run -0 at-admin verify
	[ "$(at-query 'SELECT COUNT(*) n FROM metrics' | jq .n)" -lt 2000 ]
	at-query metric lat.ms_p95 --every 1d --by source | jq -c '[.timestamp, .labels.source, "ms_p95", .value]' | sort >got
	grep p95 want | grep -F 'T00:00:00.000Z","s' | cmp - got
}

@test "SELECT over metrics is counted over columns, with the answers that SQLite gives row by row" {
	run -0 python3 "$root/tests/peers/samples.py" 40 3
	[[ $output == *' 0 differ, '* && $output != *' 0 over columns'* ]]
}

@test "OR over metrics finds each sample once" {
	for i in 1 2 3 4 5 6; do echo "{\"metric\":\"m\",\"timestamp\":$i,\"labels\":{\"a\":\"$((i % 2))\",\"b\":\"$((i % 3))\"},\"value\":$i}"; done | at-ingest
	for vector in 0 1; do
		[ "$(AT_VECTOR=$vector at-query -f csv "SELECT COUNT(*), SUM(value) FROM metrics WHERE a = '1' OR b = '2'" | tail -1 | tr -d '\r')" = 4,11 ]
	done
	[[ $(at-query "EXPLAIN SELECT a, SUM(value) FROM metrics WHERE metric = 'm' GROUP BY a") == *'groups of samples over columns, metric m'* ]]
}

@test "sums of stored metrics are those of decimals, as at-agg makes them: of samples, roll-ups and their parts" {
	mkdir config
	echo '{"retention":{"metrics":"raw 2h, 1m 5h, 1h 2y"}}' >config/analytics.json
	awk 'BEGIN { srand(5); for (i = 0; i < 4000; i++) printf "{\"metric\":\"m\",\"timestamp\":%d,\"labels\":{\"a\":\"%d\"},\"revenue_sum\":%d.%d,\"value\":%d.%02d}\n",
	    1795428000 + i * 7, i % 3, rand() * 20, rand() * 10, rand() * 3000000, rand() * 100 }' >in
	jq -c '.window = "1m" | del(.value)' in | at-agg -l 9999d -w 1h -b a | jq -c '[.timestamp, .labels.a, .revenue_sum]' >sums
	jq -c '{event: "m", timestamp, a: .labels.a, value}' in | at-agg -l 9999d -w 1h -b a -a 'avg(value)' | jq -c '[.timestamp, .labels.a, .value_avg]' >means
	ask() { at-query metric "m.$1" --every 1h --by a | jq -c '[.timestamp, .labels.a, .value]' | sort; }
	head -n 1000 in | at-ingest
	tail -n +1001 in | at-ingest
	for i in 1 2 3; do
		ask revenue_sum | cmp - <(sort sums)
		ask value | cmp - <(sort means)
		[ "$i" = 1 ] && at-admin compact -q
		[ "$i" = 2 ] && AT_NOW=2026-11-23T20:00:00Z at-admin retain --yes
		run -0 at-admin verify
	done
	[ "$(at-query 'SELECT COUNT(*) n FROM metrics' | jq .n)" -lt 8000 ]
}
