#!/usr/bin/env bats
# The SQL: what analysts type, beside DuckDB where it is here; what at-sql(7) promises.

load ../helper

setup() {
	at-ingest -q <<-'END'
	{"event":"page_view","timestamp":"2026-11-23T10:00:00.123Z","user_id":"u1","id":"e1","properties":{"page":"/home","Page":"P","id":7,"revenue":2.5,"ok":true,"big":9007199254740993,"viewport":{"w":320},"none":null}}
	{"event":"page_view","timestamp":"2026-11-23T11:30:00Z","user_id":"u2","properties":{"page":"/cart","revenue":4}}
	{"event":"signup","timestamp":"2026-11-24T00:00:00Z","user_id":"u1","properties":{"source":"google"}}
	END
}
sql() { at-query -f csv --now 2026-11-24T00:30:00Z "$@" | tr -d '\r' | tail -n +2; }
is() { local got; got=$(sql "$1") || return; [ "$got" = "$2" ] || { printf '%s\n got  %s\n want %s\n' "$1" "$got" "$2"; return 1; }; }

# Sets `python` to one that has DuckDB, where there is one.
find_duckdb() {
	for python in "${AT_BENCH_HOME:-$HOME/.cache/at-bench}/venv/bin/python" python3; do
		"$python" -c 'import duckdb' 2> /dev/null && return
	done
	return 1
}

@test "analysts' statements: at least 90 of 97 give DuckDB's answer" {
	need_shared eval/sql/analyst_statements.txt
	if find_duckdb; then
		run -0 "$python" "$root/tests/peers/statements.py" "$shared/eval/sql/analyst_statements.txt"
		return
	fi
	# no oracle: each of them is at least answered
	run -0 python3 "$root/tests/peers/answered.py" "$shared/eval/sql/analyst_statements.txt"
}

@test "what analysts write, cohorts, sessions, islands, funnels, pivots, JSON, zones: each gives DuckDB's answer" {
	if find_duckdb; then
		run -0 "$python" "$root/tests/peers/statements.py" "$root/tests/peers/analysts.txt" -e
		return
	fi
	run -0 python3 "$root/tests/peers/answered.py" "$root/tests/peers/analysts.txt"
	[[ $output != *'at-query:'* ]]
}

@test "SQLite's logic tests over events, by columns and row by row (AT_LOGIC_EVERY=1: all of them)" {
	need_shared eval/conformance/sqllogictest
	run -0 python3 -B "$root/tests/peers/logic.py" "$shared"/eval/conformance/sqllogictest/*.gz --every "${AT_LOGIC_EVERY:-50}"
	[[ $output == *' passed, 0 failed' ]]
}

@test "counted over columns or row by row, random statements give the same (AT_DIFFER=5000: so many, of a seed of today)" {
	run -0 python3 "$root/tests/peers/differ.py" ${AT_DIFFER:-200 1}
	[[ $output == *' 0 differ'* ]]
}

@test "values at their ends and of all kinds, texts of many scripts, zones: over columns, in little memory, row by row and in DuckDB the same (AT_CORNERS=5000)" {
	find_duckdb || true
	run -0 "$python" -B "$root/tests/peers/corners.py" ${AT_CORNERS:-100 5}
	[[ $output == *' 0 differ'* ]]
}

@test "anything beside anything: no statement ends at-query by a signal, and what both answer is the same" {
	run -0 python3 "$root/tests/peers/differ.py" ${AT_DIFFER:-400 7} wild
	[[ $output == *' 0 differ'* ]]
}

@test "values: int64 exact, booleans 1 and 0, nested values as JSON, absent and null NULL" {
	is "SELECT big, ok, viewport, none, source FROM events WHERE id = 'e1'" '9007199254740993,1,"{""w"":320}",,'
	is "SELECT typeof(big), typeof(revenue), typeof(ok), typeof(page) FROM events WHERE id = 'e1'" 'integer,real,integer,text'
}

@test "each property is reached by its exact name, whatever its case and whatever else has it" {
	is "SELECT id, properties.id, page, properties.Page, properties.viewport.w FROM events WHERE user_id = 'u1' AND event = 'page_view'" 'e1,7,/home,P,320'
	is "SELECT page, \"Page_2\" FROM events WHERE id = 'e1'" '/home,P'
}

@test "what is nested is a column of its own in chunks, also where some rows have a text there that holds an object" {
	python3 -c '
for i in range(9000):
    v = ["{\"w\":%d}" % (i % 7), "\"{\\\"w\\\": 100}\"", "[1]", "3", "null"][0 if i < 5000 or i % 5 == 0 else i % 5]
    print("{\"event\":\"a\",\"timestamp\":\"2026-11-%02dT00:00:00Z\",\"properties\":{\"box\":%s}}" % (1 + i // 5000, v))' > nested.ndjson
	at-ingest -q -S nested nested.ndjson
	at-admin compact -S nested > /dev/null
	for way in 1 0; do
		AT_VECTOR=$way at-query -S nested -f csv "SELECT box.w, count(*) FROM events GROUP BY 1 ORDER BY 1" > got.$way
	done
	cmp got.1 got.0
	grep -qx 100,800 got.1
	at-query -S nested -f csv "EXPLAIN SELECT sum(box.w) FROM events" | grep -F 'sum(box.w)'
}

@test "what is nested is reached though a column is called so, beside DISTINCT FROM, in EXTRACT, ANY and ALL; a table of that name goes first" {
	for sql in "SELECT viewport.w AS viewport" "SELECT viewport.w viewport" "SELECT max(viewport.w) AS viewport" "SELECT v.viewport FROM (SELECT viewport.w AS viewport FROM events WHERE id = 'e1') AS v" \
		"SELECT viewport.w AS x, viewport AS y" "SELECT id AS viewport, viewport.w"; do
		[[ $sql == *WHERE* ]] || sql+=" FROM events WHERE id = 'e1'"
		[[ $(sql "$sql") == *320* ]] || { echo "$sql"; return 1; }
	done
	is "SELECT id IS DISTINCT FROM viewport.w, extract(year FROM viewport.w), viewport.w > ALL (SELECT revenue FROM events WHERE revenue > 0), viewport.w < ANY ([1, 321]) FROM events WHERE id = 'e1'" 1,1970,1,1
	is "WITH viewport AS (SELECT 7 AS w) SELECT viewport.w, events.viewport.w FROM viewport, events WHERE id = 'e1'" 7,320
	is "SELECT viewport.w FROM (events JOIN (SELECT 8 AS w) AS viewport) WHERE id = 'e1'" 8
}

@test "a time beside timestamp may be written in any form" {
	for t in "'2026-11-23T11:30:00Z'" "'2026-11-23 11:30:00'" "'2026-11-23T12:30:00+01:00'" "TIMESTAMP '2026-11-23 11:30'"; do
		is "SELECT count(*) FROM events WHERE timestamp = $t" 1
		is "SELECT count(*) FROM events WHERE $t <= timestamp" 2
	done
	is "SELECT count(*) FROM events WHERE timestamp BETWEEN '2026-11-23' AND '2026-11-24'" 3
	is "SELECT count(*) FROM events WHERE timestamp < '2026-11-24'" 2
	is "SELECT count(*) FROM events WHERE timestamp > NOW() - INTERVAL 1 HOUR" 1
	is "SELECT count(*) FROM events WHERE timestamp >= 'yesterday'" 3
	[ "$(sql -P t=2026-11-23T12:30:00+01:00 'SELECT count(*) FROM events WHERE timestamp = :t')" = 1 ]
}

@test "a number beside timestamp is epoch seconds, ms, µs or ns" {
	for op in '<' '<=' '=' '<>' '>=' '>'; do
		for n in 1795433400 1795433400000 1795433400000000 1795433400.0 :t "unixepoch('2026-11-23 11:30')" "1795433399 + 1" "strftime('%s', '2026-11-23 11:30')"; do
			want=$(sql "SELECT count(*) FROM events WHERE timestamp $op '2026-11-23T11:30:00Z'")
			got=$(sql -P t=1795433400 "SELECT count(*) FROM events WHERE timestamp $op $n")
			[ "$got" = "$want" ] || { echo "timestamp $op $n: $got, not $want"; return 1; }
		done
	done
	is "SELECT count(*) FROM events WHERE 1795433400 < timestamp" 1
	is "SELECT count(*) FROM events WHERE timestamp BETWEEN 1795433400 AND 1795433401" 1
	is "SELECT count(*) FROM events WHERE timestamp NOT IN (1795433400, 1)" 2
	is "SELECT count(*) FROM events WHERE event = 'page_view' HAVING max(timestamp) > 1795433400" ''
	is "SELECT count(*) FROM events WHERE timestamp > NOW() - 3600" 1
	is "SELECT min(timestamp) + 60, max(timestamp) - 0.5 FROM events" 2026-11-23T10:01:00.123Z,2026-11-23T23:59:59.500Z
	# a timestamp of one's own, that is a number, stays one
	is "WITH x(timestamp) AS (VALUES (5), (6)) SELECT timestamp + 1 FROM x WHERE timestamp > 5" 7
	run -0 at-query -i - "SELECT v FROM input WHERE timestamp > 12" <<< '{"timestamp":12,"v":1}
{"timestamp":13,"v":2}'
	[ "$output" = '{"v":2}' ]
}

@test "ILIKE, upper and lower know the letters of all scripts, in any locale" {
	for locale in C C.UTF-8 en_US.UTF-8; do
		LC_ALL=$locale is "SELECT 'ÉCOLE' ILIKE 'éc%', 'Σίσυφος' ILIKE '%ΦΟΣ', 'ЖУК' ILIKE 'ж_к', 'école' NOT ILIKE 'É%', 'É' ~~* 'é'" 1,1,1,0,1
		LC_ALL=$locale is "SELECT upper('straße é ж'), lower('ÀÉÎ ΣΑΣ Ж'), initcap('élan VITAL')" 'STRAßE É Ж,àéî σασ ж,Élan Vital'
	done
	is "SELECT 'a%b' ILIKE 'A!%_' ESCAPE '!', 'axb' ILIKE 'A!%_' ESCAPE '!', 'aab' ILIKE '%ab', '' ILIKE '%', 'a' ILIKE '', NULL ILIKE 'a' IS NULL" 1,0,1,1,0,1
	is "SELECT 'É' LIKE 'é', 'E' LIKE 'e'" 0,1
	is "SELECT count(*) FROM events WHERE event ILIKE 'PAGE%' AND 'a'||page ILIKE 'A/H%'" 1
	is "SELECT match('abc', '^a.c')" 1
}

@test "pushed down or not, a condition means the same" {
	for c in "timestamp > '2026-11-23T10'" "timestamp <= '2026-11-23T10:00:00.123Z'" "event IN ('signup','x')" "event = 'page_view' AND user_id = 'u2'" \
	    "user_id = 'U1' COLLATE NOCASE" "event IN (SELECT 'signup')" "timestamp = '2026-11-24'" "timestamp > ''" "timestamp < 'x'" "event = NULL"; do
		[ "$(sql "SELECT count(*) FROM events WHERE $c")" = "$(sql "SELECT count(*) FROM (SELECT event||'' AS event, timestamp, user_id||'' AS user_id FROM events LIMIT 99) WHERE $c")" ] || { echo "$c"; return 1; }
	done
}

@test "days are those of --tz" {
	[ "$(sql --tz America/New_York "SELECT count(*) FROM events GROUP BY date_trunc('day', timestamp)")" = 3 ]
	[ "$(sql --tz Asia/Kolkata "SELECT date_trunc('day', timestamp) FROM events WHERE event = 'signup'")" = 2026-11-23T18:30:00.000Z ]
	is "SELECT timestamp AT TIME ZONE 'Europe/Zurich' FROM events WHERE id = 'e1'" 2026-11-23T11:00:00.123
}

@test "SQLite's own words keep its meaning, and its dates count from --now" {
	is "SELECT 1/2, 'A' LIKE 'a', CAST('12x' AS INTEGER), date('now'), datetime('now','-1 day')" '0,1,12,2026-11-24,2026-11-23 00:30:00'
}

@test "windows: quantiles, deviations and conditions over frames" {
	is "SELECT median(x) OVER (ORDER BY x ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING) FROM (VALUES (1),(2),(9)) AS v(x)" $'1.5\n2\n5.5'
	is "SELECT round(stddev(x) OVER (ORDER BY x ROWS 1 PRECEDING), 3) FROM (VALUES (1),(2),(9)) AS v(x)" $'\n0.707\n4.95'
	run -2 at-query "SELECT min_if(x, ) FROM (VALUES (1)) AS v(x)"          # ends at all
	[[ $output == *'syntax error'* ]]
	is "SELECT count_if(x > 1) OVER (ORDER BY x ROWS 1 PRECEDING) FROM (VALUES (1),(2),(9)) AS v(x)" $'0\n1\n2'
}

@test "shapes: QUALIFY, DISTINCT ON, ROLLUP, PIVOT, EXCLUDE, COLUMNS, ASOF, samples" {
	is "SELECT event, row_number() OVER (PARTITION BY event ORDER BY timestamp) AS r FROM events QUALIFY r = 2" page_view,2
	is "SELECT DISTINCT ON (event) event, page FROM events ORDER BY event, timestamp DESC" $'page_view,/cart\nsignup,'
	is "SELECT event, GROUPING(event) AS g, count(*) AS n FROM events GROUP BY ROLLUP(event) ORDER BY g, event" $'page_view,0,2\nsignup,0,1\n,1,3'
	is "PIVOT events ON event USING count(*) GROUP BY user_id ORDER BY user_id" $'u1,1,1\nu2,1,0'
	is "SELECT * EXCLUDE (b) REPLACE (a + 1 AS a) FROM (VALUES (1,2,3)) AS t(a,b,c)" 2,3
	run -2 at-query "SELECT * EXCLUDE (id, reveneu) FROM events"
	[[ $output == *"1:23: no column 'reveneu', did you mean 'revenue'?"* ]]
	run -2 at-query "SELECT * REPLACE (1 AS d) FROM (VALUES (1,2,3)) AS t(a,b,zz)"
	[[ $output == *"1:24: no column 'd'"* ]]
	is "SELECT COLUMNS('^[ac]') FROM (VALUES (1,2,3)) AS t(a,b,c)" 1,3
	is "SELECT a.event, b.event FROM events a ASOF JOIN events b ON a.user_id = b.user_id AND a.timestamp > b.timestamp" signup,page_view
	is "SELECT count(*) FROM generate_series(1, 1000) USING SAMPLE 100 ROWS" 100
	is "SELECT count(*) FROM (FROM generate_series(1, 1000) SELECT value USING SAMPLE 100 ROWS)" 100
}

@test "ASOF JOIN: what is compared may stand in brackets, on either side, in a subquery, in rows that are not stored; what is cut off is told" {
	printf '{"event":"%s","timestamp":"2026-11-23T1%s:00:00Z","user_id":"u","n":%s}\n' a 0 1 b 1 2 b 2 3 > rows
	near() { run -0 within 60 at-query -i rows -f csv "$1"; [ "$(tail -n +2 <<< "$output" | tr -d '\r')" = "$2" ] || { printf '%s\n' "$1" "$output"; return 1; }; }
	on='FROM input a ASOF JOIN input b ON a.user_id = b.user_id AND'
	near "SELECT a.n, b.n $on a.timestamp > b.timestamp ORDER BY 1" $'2,1\n3,2'
	near "SELECT a.n, b.n $on b.timestamp < a.timestamp ORDER BY 1" $'2,1\n3,2'
	near "SELECT a.n, b.n $on a.n < (b.n) ORDER BY 1" $'1,2\n2,3'
	near "SELECT * FROM (SELECT a.n, b.n AS m $on a.timestamp > b.timestamp) AS x ORDER BY 1" $'2,1\n3,2'
	near "SELECT a.n, b.m FROM input a ASOF LEFT JOIN (SELECT user_id AS u, n AS m FROM input) b ON a.user_id = b.u AND a.n > abs(b.m) ORDER BY 1" $'1,\n2,1\n3,2'
	for cut in 'ASOF JOIN' 'ASOF JOIN input' 'ASOF JOIN input b' 'ASOF JOIN input b ON'; do
		run -2 within 60 at-query -i rows "SELECT * FROM input a $cut"
		[[ $output == *': ASOF JOIN wants a named table and ON …' ]]
		run -2 within 60 at-query -i rows "SELECT * FROM (SELECT * FROM input a $cut) x ON 1"
		[[ $output == *': ASOF JOIN wants a named table and ON …' ]]
	done
}

@test "own functions are written in jq" {
	mkdir config
	echo '{"functions":{"net":".[0] - (.[0] * .[1] / 100)","tag":"\"<\" + .[0] + \">\"","pair":". "}}' > config/analytics.json
	is "SELECT net(200, 10), tag('x'), pair(1, 'a')" '180,<x>,"[1,""a""]"'
}

@test "an own function that says now is asked anew each time, also where its answer was kept" {
	mkdir config
	echo '{"functions":{"age":"now - (.[0] // 0)"}}' > config/analytics.json
	for i in 1 2 3; do echo "{\"event\":\"e\",\"n\":$i}"; done | at-ingest
	for what in 'age(1)' 'max(age(n))' 'age(count(*))'; do
		printf '%s;' 'SELECT count(*) FROM events' "SELECT $what AS x FROM events LIMIT 1"{,,} > asked
		run -0 at-query -f csv < asked
		[ "$(grep -c '^[0-9.]\{6,\}' <<< "$output")" = 3 ]
		[ "$(sort -u <<< "$output" | grep -c '^[0-9.]\{6,\}')" = 3 ] || { echo "$output"; return 1; }
	done
}

@test "twelve bench queries run" {
	need_shared bench/queries.sql
	at-ingest -q <<< '{"event":"e","properties":{"country":"CH","duration_ms":1,"utm_campaign":"x","referrer":"r"}}'
	run -0 at-query -f csv -P needle=u1 < "$shared/bench/queries.sql"
}

# Both ways, without the reals' last digits: they are whole here.
both() { is "$1" "$2" && AT_VECTOR=0 is "$1" "$2" && at-query "EXPLAIN $1" | grep -q 'vector(0): groups '; }

@test "aggregates see events in order of time, then as they came, however they lie; over columns and row by row" {
	for part in '05 n5,07 n7,07 n8' '01 n1,06 n6' '07 n9,02 n2'; do        # late ones; two chunks and a tail whose times overlap
		tr , '\n' <<< "$part" | while read -r hour name; do
			echo "{\"event\":\"late\",\"timestamp\":\"2026-11-25T$hour:00:00Z\",\"properties\":{\"name\":\"$name\",\"half\":$((${name#n} % 2))}}"
		done | at-ingest -q
		[[ $part == 07* ]] || at-admin -q compact
	done
	local late="FROM events WHERE event = 'late'"
	both "SELECT first(name), last(name), any_value(CASE WHEN half THEN name END), arg_max(name, half), arg_min(name, half), mode(half), mode(name) $late" n1,n9,n1,n1,n2,1,n1
	both "SELECT string_agg(name, ' ') $late" 'n1 n2 n5 n6 n7 n8 n9'
	both "SELECT half, array_agg(name), last(name), group_concat(DISTINCT half) $late GROUP BY half ORDER BY half" $'0,"[""n2"",""n6"",""n8""]",n8,0\n1,"[""n1"",""n5"",""n7"",""n9""]",n9,1'
	both "SELECT half, string_agg(name, '>' ORDER BY half), first(name ORDER BY timestamp DESC), last(name ORDER BY half) $late GROUP BY 1" $'0,n2>n6>n8,n8,n8\n1,n1>n5>n7>n9,n7,n9'
	both "SELECT string_agg(DISTINCT half, ',' ORDER BY half DESC), topk(half, 1), histogram(half), bool_and(half), bit_or(half) $late" '"1,0","[""1""]","{""0"":3,""1"":4}",0,1'
	both "SELECT string_agg(name, ','), array_agg(name), first(name), topk(name), mode(name), histogram(name), bool_or(half), sum_if(half, half), approx_quantile(half, 0.5) FROM events WHERE event = 'none'" ',,,[],,,,,'
}

@test "what lies between a time and the one before it is computed over columns, however it is said" {
	printf '{"event":"e","timestamp":"%s","user_id":"u%d"}\n' 2026-11-02T10:00:00.000Z 1 2026-11-02T10:30:00.999Z 1 2026-11-02T23:59:59.500Z 2 2026-11-03T00:00:00.250Z 2 \
		1969-12-31T23:59:58.500Z 3 1970-01-01T00:00:00.100Z 3 2026-10-25T00:30:00.000Z 4 2026-10-25T02:30:00.000Z 4 | at-ingest -q
	at-admin compact -q
	while read -r gap; do
		for zone in UTC Europe/Zurich Asia/Kolkata; do
			q="SELECT user_id, $gap AS gap, typeof($gap) FROM (SELECT user_id, timestamp AS t, lag(timestamp) OVER (PARTITION BY user_id ORDER BY timestamp) AS p FROM events WHERE event = 'e') ORDER BY user_id, t"
			[ "$(at-query -f csv --tz $zone "$q")" = "$(AT_VECTOR=0 at-query -f csv --tz $zone "$q")" ] || { echo "$zone: $q"; return 1; }
		done
		[[ $(sql "EXPLAIN SELECT count(*) FROM (SELECT timestamp AS t, lag(timestamp) OVER (PARTITION BY user_id ORDER BY timestamp) AS p FROM events) WHERE $gap > 1") != *'['* ]] || { echo "row by row: $gap"; return 1; }
	done <<-'END'
		unixepoch(t) - unixepoch(p)
		strftime('%s', t) - strftime('%s', p)
		CAST(strftime('%s', t) AS INTEGER) - CAST(strftime('%s', p) AS INTEGER)
		epoch_ms(t) - epoch_ms(p)
		epoch(t) - epoch(p)
		extract(epoch FROM t) - extract(epoch FROM p)
		extract(epoch FROM (t - p))
		t - p
		date_diff('second', p, t)
		date_diff('minute', p, t)
		datediff('hour', p, t)
		date_diff('day', p, t)
		julianday(t) - julianday(p)
	END
	[ "$(sql "SELECT strftime('%S', timestamp) - 0 FROM events WHERE user_id = 'u1' AND event = 'e' LIMIT 1 OFFSET 1")" = 0 ]
}

@test "the first groups in an order are found over columns: by values, by what is computed of them, after HAVING, with ties, NULLs and OFFSET" {
	for i in $(seq 400); do
		printf '{"event":"e","timestamp":"2026-11-02T%02d:%02d:00Z","user_id":"u%d","properties":{"n":%s,"r":%d.5,"m":%s}}\n' $((i % 24)) $((i % 60)) $((i * 7 % 90)) \
			"$([ $((i % 5)) = 0 ] && echo null || echo $((i % 13)))" $((i % 9)) "$([ $((i % 4)) = 0 ] && echo "\"$i\"" || echo "$((i % 3)).0")"
	done | at-ingest -q
	at-admin compact -q
	for order in 'c DESC, 1' 'c, user_id DESC' 'least, 1' 'least DESC, most, 1' 'least NULLS LAST, 1' 'sum(r) / count(*) DESC, 1' '2, 3 DESC, 1' 'most - least DESC NULLS FIRST, 1' 'max(timestamp) DESC, c, 1' 'odd, 1' 'odd DESC, user_id'; do
		for rest in 'LIMIT 7' 'LIMIT 5 OFFSET 20' 'LIMIT 0' 'LIMIT 1000'; do
			for having in '' 'HAVING c > 4' 'HAVING sum(n) IS NOT NULL AND least < 3'; do
				q="SELECT user_id, count(*) AS c, min(n) AS least, max(n) AS most, min(timestamp), sum(r), max(m) AS odd FROM events WHERE event = 'e' GROUP BY user_id $having ORDER BY $order $rest"
				[ "$(sql "$q")" = "$(AT_VECTOR=0 sql "$q")" ] || { echo "$q"; return 1; }
			done
		done
		[[ $(sql "EXPLAIN $q") == *'the first 1000'* ]] || { echo "$q"; return 1; }
	done
	is "SELECT user_id, count(*) AS c FROM events WHERE event = 'e' GROUP BY user_id ORDER BY c DESC LIMIT 3" $'u1,5\nu10,5\nu14,5'       # of equals those with the least keys
	run -0 at-query -f csv "EXPLAIN SELECT DISTINCT count(*) FROM events GROUP BY user_id ORDER BY 1 LIMIT 3"
	[[ $output != *'the first 3'* ]]
}

@test "the least and the greatest of times are times, of numbers what they are, whatever is mixed" {
	printf '{"event":"e","timestamp":"2026-11-02T10:00:0%d.250Z","session_id":"s%d","properties":{"w":%s,"m":%s}}\n' 1 1 1 -0.5 2 2 2.5 '"x"' 3 1 3 0.0 4 2 -4 null 5 3 null null | at-ingest -q
	at-admin compact -q
	printf '{"event":"e","timestamp":"2026-11-02T10:00:0%d.250Z","session_id":"s%d","properties":{"w":%s,"m":%s}}\n' 6 1 '"7"' 1.5 7 2 2.5 2 | at-ingest -q
	for item in 'min(timestamp), max(timestamp)' 'min(w), max(w), typeof(min(w)), typeof(max(w))' 'min(m), max(m), typeof(max(m))' 'julianday(max(timestamp)) - julianday(min(timestamp)), date(max(timestamp))' 'max(timestamp) - min(timestamp)'; do
		both "SELECT session_id, $item FROM events WHERE event = 'e' GROUP BY 1 ORDER BY 1" "$(AT_VECTOR=0 sql "SELECT session_id, $item FROM events WHERE event = 'e' GROUP BY 1 ORDER BY 1")"
		both "SELECT $item FROM events WHERE event = 'e'" "$(AT_VECTOR=0 sql "SELECT $item FROM events WHERE event = 'e'")"
	done
	[[ $(sql "EXPLAIN SELECT avg(julianday(b) - julianday(a)) FROM (SELECT min(timestamp) AS a, max(timestamp) AS b FROM events GROUP BY session_id)") != *'['* ]]
}

@test "what lies behind a deep OFFSET is what lies there row by row: in any order, filtered, of NULLs and kinds, where chunks overlap, beyond the end" {
	awk 'BEGIN { for (i = 0; i < 130000; i++) { t = (i * 7919) % 86400; printf "{\"event\":\"e%d\",\"timestamp\":\"2026-11-02T%02d:%02d:%02d.%03dZ\",\"user_id\":\"u%d\",\"properties\":{\"n\":%d,\"r\":%s,\"m\":%s}}\n",
		i % 3, t / 3600, t / 60 % 60, t % 60, i % 1000, i % 977, i, i % 10 ? sprintf("%.2f", (i * 31 % 1000) / 8) : "null", i % 4 ? i % 100 : i % 5 ? "\"t" i % 100 "\"" : "null" } }' | at-ingest -q
	at-admin compact -q
	printf '{"event":"e0","timestamp":"2026-11-02T12:00:00.5Z","properties":{"n":-1}}\n' | at-ingest -q
	while read -r rest; do
		for items in n '*'; do
			[[ $items == n || $rest == *'OFFSET 129000'* ]] || continue
			q="SELECT $items FROM events $rest"
			[ "$(sql "$q")" = "$(AT_VECTOR=0 sql "$q")" ] || { echo "$q"; return 1; }
			[ "$(sql "$q")" = "$(AT_THREADS=3 sql "$q")" ]
		done
		[[ $(sql "EXPLAIN SELECT n FROM events $rest") == *' behind the first 1'* ]] || { echo "$rest"; return 1; }
	done <<-'END'
		ORDER BY timestamp, n LIMIT 3 OFFSET 129000
		ORDER BY timestamp DESC, n LIMIT 3 OFFSET 129000
		ORDER BY r, n DESC LIMIT 3 OFFSET 110000
		ORDER BY r DESC NULLS FIRST, n LIMIT 3 OFFSET 111111
		ORDER BY r NULLS LAST, n LIMIT 2 OFFSET 129999
		ORDER BY m, n LIMIT 4 OFFSET 101000
		ORDER BY m DESC, n LIMIT 4 OFFSET 127000
		ORDER BY user_id, n LIMIT 109999, 5
		ORDER BY -n, 1 LIMIT 1 OFFSET 120000
		WHERE n > 5 OR n < 0 ORDER BY n LIMIT 9 OFFSET 129995
		WHERE event <> 'e9' AND n % 9 > 0 ORDER BY timestamp, n LIMIT 3 OFFSET 110000
		ORDER BY n LIMIT 3 OFFSET 1300000
		LIMIT 3 OFFSET 129000
		WHERE n <> 7 LIMIT 3 OFFSET 100500
	END
	[ "$(at-query -f csv -P a=129990 "SELECT n FROM events ORDER BY n LIMIT 2 OFFSET :a" | tr -d '\r' | paste -sd' ')" = "n 129986 129987" ]
}

@test "LIKE of several parts takes each where it is first, and both ends where they are" {
	for text in google.com/kafka kafka/google aXbXc aXc abab ab a '' İstanbul; do
		printf '{"event":"like","properties":{"t":"%s"}}\n' "$text"
	done | at-ingest -q
	local all="FROM events WHERE event = 'like' AND t"
	both "SELECT string_agg(t, ' ' ORDER BY t) $all LIKE '%GOOGLE%kafka%'" google.com/kafka
	both "SELECT string_agg(t, ' ' ORDER BY t) $all LIKE 'a%b%c'" aXbXc
	both "SELECT string_agg(t, ' ' ORDER BY t) $all LIKE 'ab%ab'" abab
	both "SELECT string_agg(t, ' ' ORDER BY t) $all LIKE '%a%a%'" 'abab google.com/kafka kafka/google'
	both "SELECT count(*) $all LIKE ''" 1
	both "SELECT count(*) $all LIKE '%%'" 9
	both "SELECT string_agg(t, ' ' ORDER BY t) $all LIKE 'a%a'" ''
	both "SELECT count(*) $all LIKE 'İ%ST%l'" 1
	both "SELECT count(*) $all LIKE 'a_%'" 4
}

@test "what lies between times, roots and roundings are computed over columns as row by row, of texts and of no time too" {
	for i in $(seq 40); do
		printf '{"event":"calls","timestamp":"2026-10-2%dT0%d:59:59.%03dZ","properties":{"end":%s,"n":%s,"r":%d.%d5}}\n' $((i % 9)) $((i % 7)) "$i" \
			"$([ $((i % 5)) = 0 ] && echo null || echo "\"2026-11-0$((i % 9 + 1))T00:00:0$((i % 7))Z\"")" "$([ $((i % 4)) = 0 ] && echo "$i.5" || echo "$i")" "$i" $((i % 10))
	done | at-ingest -q
	local calls="FROM events WHERE event = 'calls'"
	for unit in millisecond second minute hour day week month quarter year; do
		for zone in UTC Europe/Zurich Asia/Kolkata; do
			for pair in 'timestamp, "end"' '"end", timestamp' "'2026-10-25', timestamp" "timestamp, '2026-10-25T01:30:00'" "timestamp, '2026-10-25T01:30:00Z'" 'timestamp, NULL' 'timestamp, event'; do
				q="SELECT date_diff('$unit', $pair) AS d, count(*) AS n $calls GROUP BY 1 ORDER BY 1"
				[ "$(at-query --tz "$zone" "$q")" = "$(AT_VECTOR=0 at-query --tz "$zone" "$q")" ] || { echo "$zone: $q"; return 1; }
			done
		done
	done
	for call in 'epoch("end")' 'epoch_ms(timestamp)' 'julianday("end")' 'epoch(n)' 'julianday(n)' 'timestamp - "end"::timestamp' 'sqrt(n)' 'sqrt(0 - n)' 'sqrt(event)' 'ln(n - 20)' 'exp(n)' 'power(n, 0.5)' \
	    'round(r, 1)' 'round(n, 1)' 'round(-r, 1)' 'round(r / 3, 2)' 'round(event, 2)' 'round(r, 0)' 'round(r, -1)' 'round(n * 1e14, 3)'; do
		for q in "SELECT $call AS c, typeof($call) AS t $calls ORDER BY timestamp, id" "SELECT max($call), min($call), count($call), count(DISTINCT $call) $calls"; do
			[ "$(at-query "$q")" = "$(AT_VECTOR=0 at-query "$q")" ] || { echo "$q"; return 1; }
		done
	done
	both "SELECT round(max(r) + 0.04, 1), round(1e20, 2), round(-0.5, 1) $calls" 40.1,1e+20,-0.5
	run -0 at-query "EXPLAIN SELECT avg(date_diff('hour', timestamp, \"end\")), max(round(r, 1)) $calls"
	[[ $output == *'avg(date_diff('*'max(round('* ]]
}

@test "integers among fractions stay what they are through arithmetic, choices and functions, over columns as row by row" {
	for i in $(seq -3 60); do
		printf '{"event":"mixed","properties":{"n":%s,"m":%s,"i":%d,"r":%d.0}}\n' "$([ $((i % 9)) = 0 ] && echo "$i.25" || echo "$i")" "$([ $((i % 4)) = 0 ] && echo "$i.5" || echo "$i")" "$i" "$i"
	done | at-ingest -q
	at-admin -q compact
	for x in 'n + 1' 'n * 2' 'n * 4' 'n / 7' '700 / n' 'n % 5' '7 % n' '-n' 'n + m' 'n * m' 'n / m' 'm - i' 'n * 0.5' 'n + 1e300' 'n * 100000000000000000' '(n + 9007199254740991) * 1' 'abs(n - 20)' 'abs(i)' \
	    'floor(n / 10)' 'ceil(n * 2)' 'floor(n)' 'round(n * 2)' 'CAST(n * 4 AS INTEGER)' 'CAST(n * 4 AS REAL)' 'CAST(n * 4 AS TEXT)' "if(i > 9, r, n)" "if(i > 9, n, i > 5, 1.0, 0)" 'coalesce(nullif(r, 3), n)' \
	    'min(n, 20)' 'max(n * 4, r)' 'least(n, r, 7)' 'least(i, n)' 'greatest(n, 20.0)' 'greatest(nullif(i, 5), n)' 'max(i, 9007199254740993)' 'min(n, NULL)' 'n + 1 > m' 'sqrt(n * 4)'; do
		for q in "SELECT $x AS x, typeof($x) AS t FROM events WHERE event = 'mixed'" "SELECT typeof($x) AS t, $x AS x, count(*) AS k FROM events WHERE event = 'mixed' GROUP BY 1, 2" \
		    "SELECT max($x), min($x), printf('%.9e', sum($x)), typeof(sum($x)), count(DISTINCT $x), median($x), group_concat($x) FROM events WHERE event = 'mixed'" \
		    "SELECT x + 1 AS y, typeof(x) AS t, count(*) AS k FROM (SELECT $x AS x FROM events WHERE event = 'mixed') GROUP BY 1, 2"; do
			[ "$(at-query "$q" | sort)" = "$(AT_VECTOR=0 at-query "$q" | sort)" ] || { echo "$q"; return 1; }
		done
	done
}

@test "more regular expressions in a statement than are kept compiled, with flags, of each row, and bad ones among them" {
	for i in $(seq 9); do
		printf '{"event":"re","properties":{"t":"a%dB","p":"^A%d"}}\n' "$i" $((i + i % 2))
	done | at-ingest -q
	local many='' re="FROM events WHERE event = 're'"
	for i in $(seq 40); do
		many+=" + (t REGEXP 'a${i}B') + (CASE WHEN t = 'a9B' THEN regexp_matches(t, 'a${i}b', 'i') ELSE 0 END)"
	done
	for vector in 1 0; do
		AT_VECTOR=$vector is "SELECT sum(0$many) $re" 10
		AT_VECTOR=$vector is "SELECT string_agg(t, ' ' ORDER BY t) $re AND regexp_matches(t, p, 'i')" 'a2B a4B a6B a8B'
		AT_VECTOR=$vector is "SELECT count(*) $re AND regexp_matches(t, p)" 0
		AT_VECTOR=$vector run -2 at-query "SELECT count(*) $re AND t REGEXP (CASE WHEN t = 'a5B' THEN '(' ELSE 'a' END)"
	done
}

@test "EXPLAIN shows what is counted over columns, EXPLAIN ANALYZE what that took; AT_VECTOR=0 counts nothing there" {
	run -0 at-query -f csv "EXPLAIN SELECT page, count(*) FROM events WHERE event = 'page_view' GROUP BY page"
	[[ $output == *'vector(0): groups over columns, event page_view; by page; count(*)'* ]]
	run -0 at-query -f csv -P e=page_view "EXPLAIN ANALYZE SELECT page FROM events WHERE event = :e AND revenue > 3"
	[[ $output == *'vector(0): '*' chunks read, '*' skipped, '*'1 rows of '* ]]
	run -0 at-query -f csv "SELECT plan FROM explain('SELECT max(revenue) FROM events'), (SELECT count(*) AS n FROM events) WHERE plan LIKE 'vector%' AND n = 3"
	[[ ${lines[1]} == 'vector(0): groups over columns; max(revenue)'* ]]
	AT_VECTOR=0 run -0 at-query -f csv "EXPLAIN SELECT count(*) FROM events"
	[[ $output != *vector* ]]
}

@test "groups come in the order of their keys: ORDER BY them is not sorted again, and means what it means row by row; 40 columns at once" {
	many=$(for i in $(seq 40); do printf ', count(*) + %s' "$i"; done)
	wide=$(for i in $(seq 40); do printf ', max(revenue * %s)' "$i"; done)
	for order in 'ORDER BY 1, 2' 'ORDER BY 1' 'ORDER BY day, event' 'ORDER BY 1 DESC, 2' 'ORDER BY 2, 1' 'ORDER BY 1, 2 COLLATE NOCASE' 'ORDER BY 1 NULLS LAST, 2' 'ORDER BY n, 1, 2'; do
		q="SELECT DATE_TRUNC('day', timestamp) AS day, event, count(*) AS n $many $wide FROM events GROUP BY 1, 2 $order"
		[ "$(sql "$q")" = "$(AT_VECTOR=0 sql "$q")" ]
		q="SELECT source, page, count(*) AS n FROM events GROUP BY 1, 2 ${order//day, event/page, source}"
		[ "$(sql "$q")" = "$(AT_VECTOR=0 sql "$q")" ]
	done
	run -0 sql "EXPLAIN SELECT source, page, count(*) FROM events GROUP BY 1, 2 ORDER BY 1, 2"
	[[ $output == *'SCAN vector'* && $output != *'TEMP B-TREE'* ]]
	run -0 sql "EXPLAIN SELECT source, page, count(*) FROM events GROUP BY 1, 2 ORDER BY 1 DESC"
	[[ $output == *'TEMP B-TREE'* ]]
}

@test "chunks in which no value can pass a filter are skipped, and only those: by kinds and bounds of a property" {
	for i in $(seq 40); do
		printf '{"event":"e","timestamp":"2026-11-2%dT00:00:00Z","user_id":"u%d","properties":{"n":%d,"r":%d.5,"t":"t%d","b":%s,"m":%s,"o":{"x":%d},"z":null,"big":%s}}\n' \
			$((i % 2)) "$i" "$i" "$i" "$i" "$([ $((i % 2)) = 0 ] && echo true || echo false)" "$([ $((i % 3)) = 0 ] && echo "\"$i\"" || echo "$i")" "$i" \
			"$([ "$i" = 7 ] && echo 9007199254740993 || echo 9007199254740991)"
	done | at-ingest -q
	at-admin compact -q
	for what in n r t b m o z big o.x user_id nosuch; do
		[ "$what" = nosuch ] || for op in '=' '<' '<=' '>' '>=' '!=' 'IS' 'IS NOT'; do
			for value in 0 1 40 41 0.5 1.5 40.5 -1 "'t1'" "'t9'" "''" "'z'" NULL 9007199254740992 9007199254740993 9007199254740994.0; do
				printf "SELECT count(*) AS n, 1 AS m FROM events WHERE %s %s %s;" "$what" "$op" "$value"
				printf "SELECT count(*) AS n, 2 AS m FROM events WHERE NOT (%s %s %s) OR %s IN (%s, 77);" "$what" "$op" "$value" "$what" "$value"
				printf "SELECT count(*) AS n, 3 AS m FROM events WHERE %s %s %s AND n IS NOT NULL;" "$value" "$op" "$what"
			done
		done
	done > q
	[ "$(at-query -f csv < q)" = "$(AT_VECTOR=0 at-query -f csv < q)" ]
	for filter in 'n > 40' 'r < 1' "n = 'x'" "t = 3" 'b > 1' 'n IN (0, 41)' 'z > 0' "user_id IN ('nobody', 'none')" "user_id IN ('nobody') AND n > 0" "n > 40 AND t = 't1'" 'n > 40 OR r < 0'; do
		run -0 sql "EXPLAIN ANALYZE SELECT count(*) FROM events WHERE $filter"
		[[ $output == *'0 chunks read, 1 skipped, 0 rows'* ]] || { echo "$filter: $output"; return 1; }
	done
	for filter in 'n > 39' "t > 3" "user_id IN ('nobody', 'u7')" "user_id NOT IN ('nobody', 'none')" "user_id IN ('nobody', 'none') OR n > 3" "n < 'x'" 'n > 40 OR r > 0' 'NOT (n > 40)' 'm > 40'; do
		run -0 sql "EXPLAIN ANALYZE SELECT count(*) FROM events WHERE $filter"
		[[ $output == *'1 chunks read, 0 skipped'* ]] || { echo "$filter: $output"; return 1; }
	done
}

@test "FETCH FIRST, OFFSET before LIMIT or alone, = ANY and <> ALL of a SELECT are what SQLite writes otherwise" {
	local of="WITH t(x) AS (VALUES (1), (2), (3), (4)) SELECT group_concat(x) FROM (SELECT x FROM t ORDER BY x"
	for how in "OFFSET 1 LIMIT 2" "LIMIT 2 OFFSET 1" "LIMIT 2 OFFSET 1 ROW" "OFFSET 1 ROWS FETCH NEXT 2 ROWS ONLY" "OFFSET (1) LIMIT (2)" "OFFSET 1 FETCH FIRST (2) ROW ONLY"; do
		is "$of $how)" '"2,3"'
	done
	is "$of OFFSET 2 ROWS)" '"3,4"'
	is "$of FETCH FIRST ROW ONLY)" 1
	is "SELECT offset, fetch FROM (SELECT 3 AS offset, 4 AS fetch) OFFSET 0" 3,4
	is "WITH t(x) AS (VALUES (1), (2), (3)) SELECT group_concat(x) FILTER (WHERE x = ANY (SELECT 2)), group_concat(x) FILTER (WHERE x <> ALL (VALUES (2))), group_concat(x) FILTER (WHERE x=some(WITH y AS (SELECT 3) SELECT * FROM y)) FROM t" '2,"1,3",3'
	is "SELECT count(*) FROM events WHERE timestamp = ANY (SELECT max(timestamp) FROM events)" 1
}

@test "ORDER BY a number counts the columns of *, with LIMIT too; +2 and 0x2 are such numbers, x IN () is FALSE" {
	at-ingest -q <<< '{"event":"a","timestamp":"2026-11-25T00:00:00Z","id":"a0","properties":{"revenue":1}}'
	is "SELECT id FROM (SELECT page, * FROM events ORDER BY 3 DESC LIMIT 1)" a0
	is "SELECT event, revenue FROM events ORDER BY +2 DESC, 1 LIMIT 1" page_view,4
	is "SELECT event, revenue FROM events ORDER BY 0x2 DESC, 1 LIMIT 1" page_view,4
	is "SELECT count(*) FROM events WHERE hex(source) IS NOT (page IN ())" 1          # IS NOT FALSE
}

@test "a name of WITH means what stands around it, events too" {
	is "WITH y AS (SELECT event FROM events WHERE revenue > 3), x AS (SELECT event FROM y)
	    SELECT * FROM (WITH y AS (SELECT event FROM events WHERE source = 'google') SELECT event, count(*) FROM x GROUP BY event)" page_view,1
	is "WITH x AS (SELECT revenue AS a, event AS b FROM events)
	    SELECT * FROM (WITH x AS (SELECT event AS b, revenue AS a FROM events) SELECT * FROM x WHERE a > 1 ORDER BY a LIMIT 1)" page_view,2.5
	is "SELECT count(*) FROM generate_series(1, (WITH events AS (SELECT 5 AS n) SELECT sum(n) FROM events))" 5
	is "SELECT max(value) FROM generate_series(1, 9) GROUP BY value > (WITH events AS (SELECT 5 AS n) SELECT sum(n) FROM events)" $'5\n9'
}

@test "a cast keeps its numbers, whatever its column is called; whole rows in another order are those that were found" {
	is "SELECT texture, typeof(texture), sum(big) OVER (ORDER BY texture) FROM (SELECT CAST(revenue AS INTEGER) AS texture, big FROM events)" \
	    $',null,\n2,integer,9007199254740993\n4,integer,9007199254740993'
	is "SELECT texture, typeof(texture), group_concat(event) OVER () FROM (SELECT CAST(revenue AS INTEGER) AS texture, event FROM events WHERE revenue > 3)" 4,integer,page_view
	is "SELECT id, page, properties.Page FROM (SELECT *, revenue + 1 AS more FROM events ORDER BY revenue, timestamp LIMIT 3)" $',,\ne1,/home,P\n,/cart,'
	run -0 at-query -f csv "SELECT * FROM events ORDER BY revenue DESC, timestamp LIMIT 1"
	[[ ${lines[0]} == event,timestamp,received_at,id,* && ${lines[1]} == page_view,2026-11-23T11:30:00.000Z,* && ${#lines[@]} = 2 ]]
	run -0 at-query -f csv "EXPLAIN SELECT *, 'x' FROM events ORDER BY revenue DESC, timestamp LIMIT 1"
	[[ $output == *'gives timestamp, rowid; ordered by revenue descending, timestamp; the first 1'* ]]
}

@test "a bare ? keeps its name in the answer, whatever is counted over columns beside it" {
	run -0 at-query -f csv -P x=5 "SELECT ?, (SELECT count(*) FROM events) AS n FROM (SELECT 1)"
	[ "${lines[0]%$'\r'}" = '?,n' ]
	run -0 at-query -f csv -P x=5 -P y=1 "SELECT ?, * FROM events ORDER BY timestamp DESC LIMIT ?"
	[[ ${lines[0]} == '?,event,'* ]]
}

@test "json_each and json_tree unfold arrays and objects" {
	echo '{"event":"order","timestamp":0,"user_id":"u1","items":[{"sku":"a","n":2},{"sku":"b","n":3}],"o":{"k":[1]}}' | at-ingest
	run -0 at-query "SELECT e.user_id, i.value->>'sku' AS sku, i.value->>'n' AS n FROM events e, json_each(e.items) i"
	[ "$output" = '{"user_id":"u1","sku":"a","n":2}
{"user_id":"u1","sku":"b","n":3}' ]
	run -0 at-query "SELECT count(*) AS n, max(fullkey) AS last FROM json_tree('{\"k\":[1]}')"
	[ "$output" = '{"n":3,"last":"$.k[0]"}' ]
	run -0 at-query "SELECT value FROM unnest('[1,2]')"
	[ "$output" = $'{"value":1}\n{"value":2}' ]
	for sql in 'SELECT * FROM pragma_database_list' 'SELECT * FROM pragma_function_list'; do
		run -2 at-query "$sql"
		[[ $output == *'only reading is allowed'* ]]
	done
}

@test "instr, replace, trim and printf answer as SQLite's own, and none of them takes without bound (fault 31)" {
	python3 "$root/tests/peers/sqlite_functions.py" ${AT_SQLITE_SEED:-7} 500
	half=2000000
	[ -z "$SANITIZED" ] || half=20000               # a sanitizer looks at all that memmem might at each call, which is the square
	big="replace(hex(zeroblob($half)), '0', 'a')"
	asked() { if [ -n "$SANITIZED" ]; then at-query "$@"; else within 60 at-query "$@"; fi; }         # where it grew with the square: hours
	[ "$(asked -f csv "SELECT instr($big, $big || 'b') AS x" | tail -1)" = 0 ]
	[ "$(asked -f csv "SELECT length(replace($big, substr($big, 1, $half) || 'b', 'c')) AS x" | tail -1)" = $((2 * half)) ]
	[ "$(asked -f csv "SELECT length(trim($big, replace(hex(zeroblob($half)), '0', 'b') || 'a')) AS x" | tail -1)" = 0 ]
	[ "$(asked -f csv "SELECT length(translate($big, replace(hex(zeroblob($half)), '0', 'b') || 'a', '')) AS x" | tail -1)" = 0 ]
	for wide in "printf('%.*c', 2000000000, 'x')" "format('%2000000000d', 1)" "printf('%s%*d', 'a', -2000000000, 1)"; do
		run -2 --separate-stderr at-query "SELECT $wide"
		[[ $stderr == *'a text of more than 16 MiB'* ]]
	done
}

@test "EXISTS over one column of the query outside is computed once, and says what it says row by row" {
	python3 - > rows <<'P'
import json, random
random.seed(3)
for i in range(400):
    e = {'event': random.choice(['a', 'b', 'c']), 'timestamp': f'2026-11-{1 + i % 20:02}T10:00:00Z', 'properties': {'n': random.choice([1, '1', 1.0, 2, None, 'x', True]), 'k': i % 7}}
    if i % 5: e['user_id'] = f'u{random.randint(1, 60)}'
    if i % 11 == 0: del e['properties']['n']
    print(json.dumps(e))
P
	at-ingest -q rows
	n=0
	# the same column in brackets is no such comparison, so that SQLite goes through it row by row
	while read -r not column term; do
		not=${not#-}
		for outer in user_id n k; do
			fast="SELECT COUNT(*) AS n, MIN(e.timestamp) AS t FROM events e WHERE e.k < 6 AND $not EXISTS (SELECT 1 FROM events p WHERE p.$column = e.$outer AND $term)"
			slow=${fast/= e.$outer/= (e.$outer)}
			[ "$(at-query -f csv "$fast")" = "$(at-query -f csv "$slow")" ] || { echo "$fast"; return 1; }
			n=$((n + 1))
		done
	done <<-'END'
	NOT user_id p.event = 'b'
	- user_id p.event = 'b' AND p.timestamp BETWEEN '2026-11-03' AND '2026-11-09' LIMIT 1
	- n p.event IN ('a', 'c') AND p.k > 2
	NOT n p.k = 1 AND CASE WHEN p.event = 'a' AND p.k = 1 THEN 1 ELSE 0 END = 1
	- k p.n IS NOT NULL AND NOT p.event = 'c'
	- user_id p.event = 'b' AND p.timestamp > e.timestamp
	NOT user_id e.timestamp >= p.timestamp AND p.event = 'b'
	NOT k p.timestamp <= e.timestamp AND p.n = 2
	- user_id p.n < e.n
	- n e.k > p.k AND p.event = 'a' LIMIT 3
	- user_id p.k > e.k AND p.timestamp < e.timestamp
	NOT k p.event = 'none'
	- user_id p.event = 'a' OR p.event = 'b'
	- user_id p.event = 'a' AND p.k = e.k
	- user_id p.event = 'a' AND EXISTS (SELECT 1 FROM events q WHERE q.user_id = p.user_id AND q.event = 'c')
	END
	[ "$n" = 45 ]
	[[ $(at-query "EXPLAIN SELECT COUNT(*) FROM events e WHERE NOT EXISTS (SELECT * FROM events p WHERE e.user_id = p.user_id AND p.event = 'b')") == *'groups over columns; filter NOT'*'by user_id'* ]]
	[ "$(at-query -f csv "SELECT EXISTS (SELECT 1 FROM events p WHERE p.user_id = e.user_id AND p.event = 'none') AS x FROM events e LIMIT 1")" = $'x\n0' ]
	run -2 at-query "SELECT COUNT(*) FROM events e WHERE EXISTS (SELECT 1 FROM events p WHERE p.user_id = nobody.user_id)"
}

@test "an INTERVAL in quotes says its unit itself: the word after it is a name; of a parameter given twice the last one holds" {
	[ "$(at-query -f csv --now 2026-11-24T00:30:00Z "SELECT NOW() - INTERVAL '1 hour' c, NOW() - INTERVAL '2' DAY d, NOW() - INTERVAL '3 hours' hour" | tr -d '\r')" = \
		$'c,d,hour\n2026-11-23T23:30:00.000Z,2026-11-22T00:30:00.000Z,2026-11-23T21:30:00.000Z' ]
	[ "$(sql -P x=signup -P x=page_view "SELECT count(*) FROM events WHERE event = :x")" = 2 ]
	[ "$(sql -P x=signup -P x=page_view "SELECT :x")" = page_view ]
	[ "$(sql -P x=1 -P x=2 "SELECT ?, ?")" = 1,2 ]
}

@test "which of equal numbers stands for a group does not depend on which came first" {
	for x in 2.5 -0.0 0.0 0 1.0 1 1e0 true; do echo "{\"event\":\"a\",\"properties\":{\"r\":$x}}"; done > rows
	sql="SELECT r || '' AS k, typeof(r) AS t, min(r) || '' AS a, max(r) || '' AS z, count(*) AS n FROM events GROUP BY r"
	at-ingest -q -S one rows
	tac rows | at-ingest -q -S two
	[ "$(at-query -S one -f csv "$sql" | tr -d '\r')" = $'k,t,a,z,n\n0,integer,0,0,3\n1,integer,1,1,4\n2.5,real,2.5,2.5,1' ]
	[ "$(at-query -S one -f csv "$sql")" = "$(at-query -S two -f csv "$sql")" ]
	grep -v -e ':0}' rows | at-ingest -q -S three
	grep -v -e ':0}' rows | tac | at-ingest -q -S four
	[ "$(at-query -S three -f ndjson "SELECT min(r), r FROM events WHERE r < 1 GROUP BY r")" = "$(at-query -S four -f ndjson "SELECT min(r), r FROM events WHERE r < 1 GROUP BY r")" ]
}

@test "a subquery that names the row around it is compared as row by row: with the type of its CAST, by the COLLATE of either side, whatever its columns are called" {
	for i in $(seq 60); do
		s=(g G h)
		echo "{\"event\":\"a\",\"id\":\"i$i\",\"user_id\":\"u$((i % 5))\",\"properties\":{\"n\":$((i % 4)),\"s\":\"${s[i % 3]}\"}}"
	done | at-ingest -q
	n=0
	while read -r sql; do
		answer=$(AT_VECTOR=0 at-query -f csv "$sql" | md5sum)
		[ "$(at-query -f csv "$sql" | md5sum)" = "$answer" ] || { echo "$sql"; return 1; }
		n=$((n + 1))
	done <<-'END'
	SELECT count(*) AS n FROM events e WHERE (SELECT CAST(count(*) AS TEXT) FROM events p WHERE p.user_id = e.user_id) > 5
	SELECT count(*) AS n FROM events e WHERE (SELECT count(*)::text FROM events p WHERE p.user_id = e.user_id) = 12
	SELECT count(*) AS n FROM events e WHERE (SELECT CAST(max(p.n) AS INTEGER) FROM events p WHERE p.user_id = e.user_id) = '3'
	SELECT count(*) AS n FROM events e WHERE (SELECT CAST(max(p.n) AS VARCHAR(3)) FROM events p WHERE p.n = e.n + 1) = 3
	WITH c AS (SELECT DISTINCT s COLLATE NOCASE AS s FROM events) SELECT lower(s), (SELECT count(*) FROM events p WHERE c.s = p.s) AS k FROM c ORDER BY 1
	WITH c AS (SELECT DISTINCT s COLLATE NOCASE AS s FROM events) SELECT lower(s), EXISTS (SELECT 1 FROM events p WHERE c.s = p.s AND p.n = 2 AND p.user_id = 'u1') AS k FROM c ORDER BY 1
	WITH c AS (SELECT s COLLATE NOCASE AS s, n FROM events) SELECT e.id, (SELECT sum(c.n) FROM c WHERE e.s = c.s) AS k FROM events e ORDER BY 1
	WITH c AS (SELECT s COLLATE NOCASE AS s, n FROM events) SELECT e.id, (SELECT sum(c.n) FROM c WHERE c.s = e.s) AS k FROM events e ORDER BY 1
	SELECT e.id FROM events e WHERE e.s IN (SELECT p.s COLLATE NOCASE FROM events p WHERE p.n = e.n AND p.id <> e.id) ORDER BY e.id
	SELECT e.id FROM events e WHERE e.s IN (SELECT p.s COLLATE NOCASE FROM events p WHERE p.n = e.n) ORDER BY e.id
	WITH p AS (SELECT s AS at_k0, n AS at_row, n + 1 AS m, id FROM events) SELECT e.id, (SELECT p.id FROM p WHERE p.m % 3 = e.n AND p.at_k0 < e.s ORDER BY p.at_row, p.id LIMIT 1) AS v FROM events e ORDER BY e.id
	END
	[ $n = 11 ]
	[ "$(at-query -f csv "SELECT count(*) AS n FROM events e WHERE (SELECT CAST(max(p.n) AS INTEGER) FROM events p WHERE p.user_id = e.user_id) = '3'" | tr -d '\r')" = $'n\n63' ]
}

@test "a subquery that names the row around it is made once, and says what it says row by row" {
	run -0 python3 "$root/tests/peers/differ.py" ${AT_DIFFER_CORRELATED:-60 5} correlated
	[[ $output == *' 0 differ'* ]]
	for i in $(seq 3000); do
		echo "{\"event\":\"e$((i % 3))\",\"timestamp\":\"2026-11-01T00:$((10 + i / 61)):$((10 + i % 50))Z\",\"id\":\"i$i\",\"user_id\":\"u$((i % 500))\",\"properties\":{\"n\":$((i % 7)),\"page\":\"p$((i % 11))\"}}"
	done | at-ingest -q
	while read -r sql; do
		fast=$(at-query -f csv "$sql" | md5sum)
		[ "$fast" = "$(AT_VECTOR=0 at-query -f csv "$sql" | md5sum)" ] || { echo "$sql"; return 1; }
		ran=$(at-query -f csv "EXPLAIN ANALYZE $sql")
		[[ $ran == *'vector(0): '* ]]
		[[ $ran =~ rows\ of\ ([0-9]+)\ read ]]
		((BASH_REMATCH[1] <= 9000)) || { echo "$sql: ${BASH_REMATCH[1]} rows read"; return 1; }
	done <<-'END'
	SELECT e.id, (SELECT max(p.n) FROM events p WHERE p.user_id = e.user_id AND p.event = 'e1') FROM events e WHERE e.n > 4 ORDER BY e.id
	SELECT e.n, sum((SELECT count(*) FROM events p WHERE p.user_id = e.user_id AND p.page = e.page)) AS s FROM events e GROUP BY e.n ORDER BY 1
	SELECT sum((SELECT count(*) FROM events p WHERE p.user_id = e.user_id AND p.timestamp < e.timestamp)) AS s FROM events e
	SELECT count(*) AS n FROM events e WHERE NOT EXISTS (SELECT 1 FROM events p WHERE p.user_id = e.user_id AND p.n = e.n AND p.event = 'e2')
	SELECT count(*) AS n FROM events e WHERE e.page NOT IN (SELECT p.page FROM events p WHERE p.user_id = e.user_id AND p.id <> e.id)
	SELECT e.id, (SELECT p.id FROM events p WHERE p.user_id = e.user_id AND p.timestamp < e.timestamp ORDER BY p.timestamp DESC LIMIT 1) AS before FROM events e WHERE e.n = 3 ORDER BY e.id
	END
	# the number 1 and the text '1' are two groups, and both are equal to the number outside, not to the text
	printf '%s\n' '{"event":"m","properties":{"k":1,"v":5}}' '{"event":"m","properties":{"k":"1","v":7}}' '{"event":"o","user_id":"1"}' | at-ingest -q
	[ "$(at-query -f csv "SELECT (SELECT sum(p.v) FROM events p WHERE p.k = e.user_id AND p.event = 'm') AS s FROM events e WHERE e.event = 'o'")" = $'s\n7' ]
	[ "$(at-query -f csv "WITH e AS (SELECT CAST(user_id AS INTEGER) AS u FROM events WHERE event = 'o') SELECT (SELECT sum(p.v) FROM events p WHERE p.k = e.u) AS s FROM e")" = $'s\n12' ]
	[ "$(at-query -f csv "SELECT (SELECT count(*) * 2 + 1 FROM events p WHERE p.user_id = e.event) AS s FROM events e WHERE e.event = 'o'")" = $'s\n1' ]
	[ "$(at-query -f csv -P who=1 "SELECT (SELECT sum(p.v) FROM events p WHERE p.k = e.user_id AND p.v > :who) AS s FROM events e WHERE e.user_id = :who")" = $'s\n7' ]
}

@test "days less days are days and times less times seconds, also of casts, literals and the names that a statement gives them" {
	for t in 2026-12-28T12:00:00 2027-01-04T00:00:00; do echo "{\"event\":\"e\",\"timestamp\":\"${t}Z\",\"user_id\":\"u\",\"n\":5}"; done | at-ingest -q
	one() { at-query -f csv "$@" | tail -n +2 | tr -d '\r' | paste -sd' '; }
	[ "$(one "SELECT DATE '2027-03-01' - DATE '2027-02-01', '2027-01-01'::date - 1, DATE '2027-02-28' + 1, TIMESTAMP '2027-01-01 12:00:00' - TIMESTAMP '2027-01-01'")" = 28,2026-12-31,2027-03-01,43200 ]
	[ "$(one --now 2026-11-29 'SELECT current_date - 1, current_date + 7, current_date - min(timestamp)::date FROM events WHERE event = '\''e'\''')" = 2026-11-28,2026-12-06,-29 ]
	[ "$(one 'WITH f AS (SELECT user_id, min(timestamp) AS a, max(timestamp) b FROM events WHERE event = '\''e'\'' GROUP BY 1) SELECT b - a, f.b::date - a::date, EXTRACT(epoch FROM b - a) / 3600, avg(b - a) FROM f')" = 561600,7,156,561600 ]
	[ "$(one 'WITH c AS (SELECT user_id, min(timestamp)::date AS first FROM events WHERE event = '\''e'\'' GROUP BY 1) SELECT timestamp::date - first AS day, count(*) FROM events JOIN c USING (user_id) WHERE event = '\''e'\'' GROUP BY 1 ORDER BY 1')" = '0,1 7,1' ]
	[ "$(one 'SELECT cast(max(timestamp) AS timestamp) - cast(min(timestamp) AS timestamp), max(n) - min(n), min(n) - 7 AS a FROM events WHERE event = '\''e'\''')" = 561600,0,-2 ]
	[ "$(echo '{"a":"2027-01-02 00:00:00","b":"2027-01-01 00:00:01"}' | one -i - 'SELECT a::timestamp - b::timestamp, a::date - b::date FROM input')" = 86399,1 ]
}

@test "a text beside a time that was cut, moved, chosen or named is that time, in any form; beside a day it is a day" {
	for t in 2027-01-04T00:00:00 2027-01-04T10:00:00 2027-01-05T00:00:00; do echo "{\"event\":\"e\",\"timestamp\":\"${t}Z\",\"user_id\":\"u$((n++ % 2))\"}"; done > rows
	at-ingest -q rows
	one() { at-query -i rows -f csv "$@" | tail -n +2 | tr -d '\r' | paste -sd' '; }
	for from in "events WHERE event = 'e'" "(SELECT * FROM input) AS i WHERE event = 'e'" "input WHERE event = 'e'"; do
		[ "$(one "SELECT count(*) FROM $from AND date_trunc('day', timestamp) = '2027-01-04'")" = 2 ]
		[ "$(one "SELECT count(*) FROM $from AND time_bucket('1d', timestamp) IN ('2027-01-05', 'x') AND '2027-01-05 00:00:00' <= date_trunc('hour', timestamp)")" = 1 ]
		[ "$(one "SELECT user_id FROM $from GROUP BY 1 HAVING max(timestamp) >= '2027-01-05T00:00:00Z'")" = u0 ]
		[ "$(one "WITH d AS (SELECT date_trunc('day', timestamp) AS day, count(*) n FROM $from GROUP BY 1) SELECT n FROM d WHERE day = '2027-01-04'")" = 2 ]
		[ "$(one "WITH f AS (SELECT user_id, min(timestamp) AS first FROM $from GROUP BY 1) SELECT user_id FROM f WHERE first BETWEEN '2027-01-04T00:00:01Z' AND '2027-01-04T10:00:00Z'")" = u1 ]
		[ "$(one "WITH f AS (SELECT user_id, min(timestamp)::date AS first FROM $from GROUP BY 1) SELECT count(*) FROM f WHERE first = '2027-01-04'")" = 2 ]
		[ "$(one "WITH f AS (SELECT min(timestamp)::date AS d FROM $from GROUP BY user_id), g AS (SELECT date_trunc('day', timestamp) AS d FROM $from)
			SELECT count(*) FROM f WHERE d = '2027-01-04' AND EXISTS (SELECT 1 FROM g)")" = 2 ]
	done
	[ "$(one -P day=2027-01-04 "SELECT count(*) FROM events WHERE date_trunc('day', timestamp) = :day AND event = 'e'")" = 2 ]
	[ "$(one -P n=1 "WITH f AS (SELECT min(timestamp) AS a, count(*) AS b FROM events WHERE event = 'e' GROUP BY user_id) SELECT count(*) FROM f WHERE b = :n")" = 1 ]
	for where in "= '2027-01-04T10:00:00Z'" "BETWEEN '2027-01-04T09:00:00Z' AND '2027-01-04 10:00:00'" "IN ('2027-01-04T10:00:00.000Z', NULL)"; do
		[ "$(one "SELECT count(*) FROM input WHERE timestamp $where"),$(one "SELECT count(*) FROM events WHERE timestamp $where")" = 1,1 ]
	done
	[ "$(printf '{"timestamp":1799028000,"v":1}\n{"timestamp":1799028001,"v":2}\n' | at-query -i - -f csv "SELECT v FROM input WHERE timestamp > '2027-01-04T02:00:00Z'" | tail -n 1)" = 2 ]
}

@test "what is said of a time that a LEFT JOIN did not find is said of NULL, over columns too" {
	at-admin -q compact
	for said in "date(b.timestamp) IS NULL" "coalesce(date_trunc('hour', b.timestamp), 'none') = 'none'" "datetime(b.timestamp, '+1 hours') IS NULL" "NOT (year(b.timestamp) = 2026) IS TRUE"; do
		for vector in 1 0; do
			AT_VECTOR=$vector is "SELECT count(*) FROM events a LEFT JOIN (SELECT user_id, timestamp FROM events WHERE event = 'signup') b ON a.user_id = b.user_id WHERE $said" 1
			AT_VECTOR=$vector is "SELECT count(*) FROM events a LEFT JOIN (SELECT user_id, timestamp FROM events WHERE event = 'nope') b ON a.user_id = b.user_id WHERE $said" 3
		done
	done
	is "SELECT coalesce(date(b.timestamp), 'none') AS day, count(*) FROM events a LEFT JOIN (SELECT user_id, timestamp FROM events WHERE event = 'signup') b ON a.user_id = b.user_id GROUP BY 1 ORDER BY 1" $'2026-11-24,2\nnone,1'
}

@test "of comparisons in a row each takes what SQLite takes: beside a time only what is compared with it becomes one; ~~x turns bits twice" {
	is "SELECT count(*) FROM events WHERE (user_id = 'u2') <> timestamp >= '2026-11-24'" 2
	is "SELECT count(*) FROM events WHERE user_id IN ('u1', 'u3') = timestamp < '2026-11-24'" 1
	is "SELECT count(*) FROM events WHERE (user_id, event) IN (VALUES ('u1', 'signup')) = timestamp BETWEEN '2026-11-24' AND '2026-11-25'" 0
	is "SELECT count(*) FROM events WHERE NOT timestamp < '2026-11-24' AND timestamp NOT IN (VALUES ('x'), (NULL), (1)) IS NULL" 1
	is "SELECT count(*) FROM events WHERE (0 = timestamp NOT IN (9223372036854775807, -9223372036854775808))" 3
	is "SELECT ~~7, 1 ~~ '1', 'a' ~~ 'A', -~~ 7" 7,1,1,-7
}

@test "an INTERVAL in a comparison, behind a difference or below a line counts as seconds; spans are added to spans; parts of what lies between two times" {
	local gap="TIMESTAMP '2026-11-24 12:30:15' - TIMESTAMP '2026-11-20 10:00'"
	is "SELECT $gap > INTERVAL '4 days', $gap < INTERVAL '4 days', INTERVAL 5 DAY > $gap, $gap BETWEEN INTERVAL 1 HOUR AND INTERVAL 1 MONTH, $gap NOT BETWEEN INTERVAL '1 hour' AND INTERVAL '100 hours'" 1,0,1,1,0
	is "SELECT count(*) FROM events a JOIN events b ON b.user_id = a.user_id AND b.timestamp > a.timestamp AND b.timestamp - a.timestamp < INTERVAL '1 hour'" 0
	is "SELECT count(*) FROM events a JOIN events b ON b.user_id = a.user_id AND b.timestamp > a.timestamp AND b.timestamp - a.timestamp < INTERVAL '14 hours'" 1
	is "WITH g AS (SELECT max(timestamp) - min(timestamp) AS gap FROM events GROUP BY user_id) SELECT count(*) FROM g WHERE gap >= INTERVAL 1 HOUR" 1
	is "SELECT now() - max(timestamp) <= INTERVAL 30 MINUTE, now() - max(timestamp) <= INTERVAL '29 minutes 59 seconds', INTERVAL '1 day' > INTERVAL '23 hours' FROM events" 1,0,1
	is "SELECT $gap + INTERVAL 1 DAY, $gap - INTERVAL 1 DAY, ($gap) / INTERVAL '1 hour', INTERVAL '1 day' / INTERVAL '90 minutes'" 441015,268215,98.50416666666666,16
	is "SELECT now() - (INTERVAL 1 DAY + INTERVAL 1 HOUR), INTERVAL 1 MONTH - INTERVAL '1 day' + now(), now() - INTERVAL '3 hours' / 2" 2026-11-22T23:30:00.000Z,2026-12-23T00:30:00.000Z,2026-11-23T23:00:00.000Z
	is "SELECT extract(day FROM $gap), extract(hour FROM $gap), minute($gap), second($gap), epoch($gap), epoch(INTERVAL '1 hour'), date_part('hour', INTERVAL '26 hours')" 4,2,30,15,354615,3600,2
	is "SELECT min(timestamp) - 5 + 7, min(timestamp) + 5 - 2 * 5, min(timestamp) - 5 + INTERVAL 1 DAY FROM events" 2026-11-23T10:00:02.123Z,2026-11-23T09:59:55.123Z,2026-11-24T09:59:55.123Z
	[ "$(sql -P span='2 hours' -P n=90 "SELECT now() - INTERVAL :span, now() - INTERVAL :n MINUTE, 7200 = INTERVAL :span")" = 2026-11-23T22:30:00.000Z,2026-11-23T23:00:00.000Z,1 ]
	is "SELECT hour(a - now()), day(b - a) FROM (SELECT 1e300 AS a, 7 AS b)" ,
	local days="d - DATE '2026-11-20'" from="FROM (SELECT DATE '2026-11-27' AS d, 2 AS n)"
	is "SELECT $days, $days > INTERVAL 6 DAY, $days > INTERVAL 7 DAY, ($days) < INTERVAL '8 days', INTERVAL 1 WEEK = $days, $days BETWEEN INTERVAL 1 DAY AND INTERVAL 8 DAY, $days NOT BETWEEN INTERVAL 8 DAY AND INTERVAL 9 DAY $from" 7,1,0,1,1,1,1
	is "SELECT ($days) / INTERVAL '1 day', $days - INTERVAL 1 DAY, $days + INTERVAL 1 DAY = INTERVAL 8 DAY, d - n - INTERVAL 1 DAY, d - n + INTERVAL '6 hours', n / INTERVAL 1 MINUTE < 0.04, INTERVAL '1 day' / INTERVAL '16 hours' $from" 7,518400,1,2026-11-24,2026-11-25T06:00:00.000,1,1.5
	run -2 at-query "SELECT INTERVAL 5"
	[[ $output == *'INTERVAL wants a unit'* ]]
	run -2 at-query "SELECT extract(month FROM $gap)"
	[[ $output == *'weeks, days, hours'* ]]
}

@test "IS NOT NULL of what every row has may stand in an OR, and be asked as a value" {
	for condition in "timestamp IS NOT NULL OR page = '/home'" "page = '/x' OR event NOTNULL OR n = 1" "NOT (timestamp IS NULL AND page = '/home')" "received_at IS NOT NULL OR timestamp IS NOT NULL"; do
		is "SELECT count(*) FROM (SELECT *, 1 AS n FROM events) WHERE $condition" 3
		is "SELECT count(*) FROM events WHERE ${condition/ OR n = 1/}" 3
		is "SELECT sum(${condition/ OR n = 1/}) FROM events" 3
	done
	is "SELECT count(*) FROM events WHERE timestamp IS NULL OR page = '/home'" 1
}

@test "a text that max(), greatest(), coalesce(), iif() or CASE chooses from beside a time is one; a name that is a day here and a time there is compared as what it is" {
	is "SELECT max('2026-11-23 12:00', timestamp), min('2026-11-23 12:00', timestamp), greatest(timestamp, '2026-11-23'), coalesce(timestamp, 'none') FROM events WHERE user_id = 'u2'" 2026-11-23T12:00:00.000Z,2026-11-23T11:30:00.000Z,2026-11-23T11:30:00.000Z,2026-11-23T11:30:00.000Z
	is "SELECT iif(user_id = 'u2', '2026-11-23 12:00', timestamp), iif(user_id = 'u2', timestamp, '2026-11-23'), iif('2026-11-23' = 1, 'x', '2026-11-23') FROM events WHERE user_id = 'u2'" 2026-11-23T12:00:00.000Z,2026-11-23T11:30:00.000Z,2026-11-23
	is "SELECT CASE WHEN user_id = 'u1' THEN timestamp ELSE '2026-11-23' END, CASE user_id WHEN 'u2' THEN '2026-11-23 12:00' WHEN 'x' THEN (timestamp) ELSE timestamp END, CASE WHEN user_id = 'u2' THEN '2026-11-23' END, CASE WHEN user_id = 'u2' THEN 'none' ELSE timestamp END FROM events WHERE user_id = 'u2'" 2026-11-23T00:00:00.000Z,2026-11-23T12:00:00.000Z,2026-11-23,none
	is "SELECT count(*) FROM events WHERE max(timestamp, '2026-11-23 11:30') = '2026-11-23 11:30:00' AND nullif(timestamp, '2026-11-23 11:30') IS NULL" 1
	local day="SELECT min(timestamp)::date AS d FROM events" time="SELECT date_trunc('day', min(timestamp)) AS d FROM events"
	for where in "d = '2026-11-23'" "d IN ('2026-11-23', 'x')" "d BETWEEN '2026-11-22' AND '2026-11-23'" "'2026-11-23' = d" "d >= '2026-11-23' AND d <= '2026-11-23'"; do
		is "WITH f AS ($day), g AS ($time) SELECT (SELECT count(*) FROM f WHERE $where), (SELECT count(*) FROM g WHERE $where)" 1,1
	done
}

@test "the times of -i are compared as times, in whatever form each is, with each other and with parameters; numbers as numbers" {
	printf '%s\n' '{"event":"e","timestamp":"2026-11-20 10:00:00","received_at":"2026-11-20T10:00:00Z"}' \
	    '{"event":"f","timestamp":"2026-11-20 12:00:00+02:00","received_at":"2026-11-20T09:59:59Z"}' > times
	printf '%s\n' '{"timestamp":12,"v":1}' '{"timestamp":1795168800,"v":2}' > numbers
	of() { at-query -i "$1" -f csv -P day=2026-11-20 -P next=2026-11-21 -P at=2026-11-20T10:00:00Z -P n=12 "SELECT $2" | tail -n +2 | tr -d '\r' | paste -sd' '; }
	[ "$(of times "event, timestamp = received_at, timestamp > received_at, received_at < timestamp FROM input")" = 'e,1,0,0 f,0,1,1' ]
	for where in ">= :day" "BETWEEN :day AND '2026-11-21'" "BETWEEN '2026-11-19' AND :next" "IN (:day, :at)" "= :at"; do
		[ "$(of times "event FROM input WHERE (timestamp $where)")" = 'e f' ] || { echo "$where"; return 1; }
	done
	for where in "> :n" "> 12" "> '2026-11-01'" "> :day"; do
		[ "$(of numbers "v FROM input WHERE timestamp $where")" = 2 ] || { echo "$where"; return 1; }
	done
	for where in "= 12" "< 13" "IN (:n)" "BETWEEN :n AND :n"; do
		[ "$(of numbers "v FROM input WHERE timestamp $where")" = 1 ] || { echo "$where"; return 1; }
	done
}

@test "a list of each value once may be ordered; count(DISTINCT (a, b)) counts pairs; PIVOT stands behind a SELECT in brackets and a name" {
	local v="(VALUES (1, 'b'), (1, 'a'), (2, 'b'), (NULL, NULL), (1, 'b')) AS v(x, y)"
	local w="(VALUES (1, 3, 'b'), (2, NULL, 'a'), (3, -1, 'a'), (4, 3, 'a'), (5, 2.5, NULL), (6, 9007199254740993, 'z'), (7, 9007199254740992, 'z'), (8, 't', ''), (9, 3, 'aa')) AS v(i, x, y)"
	for order in "x" "x DESC" "x, y" "x DESC, y DESC" "x NULLS LAST" "x DESC NULLS FIRST, i DESC" "y NULLS LAST, x DESC" "length(coalesce(y, 'q,r')), i"; do
		is "SELECT array_agg(i ORDER BY $order) = (SELECT json_group_array(i) FROM (SELECT i FROM $w ORDER BY $order, i)) FROM $w" 1
	done
	is "SELECT string_agg(event, ' > ' ORDER BY timestamp DESC, user_id), first(event ORDER BY page NULLS LAST, timestamp) FROM events" 'signup > page_view > page_view,page_view'
	is "SELECT string_agg(DISTINCT y, '-' ORDER BY y DESC), string_agg(DISTINCT y ORDER BY x, y), array_agg(DISTINCT x ORDER BY x), listagg(DISTINCT x, '+') WITHIN GROUP (ORDER BY x) FROM $v" 'b-a,"a,b","[null,1,2]",1+2'
	is "SELECT array_agg(DISTINCT x ORDER BY x) FROM (VALUES (1), (1.0), ('1'), (2.5)) AS v(x)" '"[1,2.5,""1""]"'
	is "SELECT count(DISTINCT (x, y)), count(DISTINCT (x)), count(DISTINCT x + 1) FROM $v" 4,2,2
	for from in "(SELECT event, user_id AS u, 1 AS n FROM events)" "(SELECT event, user_id AS u, 1 AS n FROM events) AS p" "(SELECT event, user_id AS u, 1 AS n FROM events) p"; do
		is "SELECT * FROM $from PIVOT (sum(n) FOR u IN ('u1', 'u2')) ORDER BY event" $'page_view,1,1\nsignup,1,'
	done
	is "SELECT * FROM events e PIVOT (count(*) FOR user_id IN ('u1', 'u2') GROUP BY event) ORDER BY event" $'page_view,1,1\nsignup,1,0'
}

@test "IS NOT NULL of what is never NULL, beside another condition, in AND, OR, CASE" {
	local from='(SELECT event, count(*) AS n FROM events GROUP BY event)'

	is "SELECT count(*) FROM $from WHERE n IS NOT NULL OR event = 'x'" 2
	is "SELECT count(*) FROM $from WHERE event = 'x' OR NOT (n IS NULL)" 2
	is "SELECT sum(CASE WHEN n IS NOT NULL THEN n ELSE -1 END) FROM $from" 3
	is "SELECT n IS NOT NULL AND event IS NOT NULL, count(*) FROM $from GROUP BY 1" 1,2
}

@test "a choice of a time or something else is one value, whichever of them a chunk has" {
	local text="CASE WHEN event = 'signup' THEN 'none' ELSE timestamp END" number="CASE WHEN event = 'signup' THEN 5 ELSE timestamp END"
	local early="CASE WHEN event = 'signup' THEN '0' ELSE timestamp END"

	at-admin compact -q                     # signups and others in one chunk; the tail has no signup
	at-ingest -q <<< '{"event":"page_view","timestamp":"2026-11-23T11:30:00Z","user_id":"u3"}'
	is "SELECT $text, count(*) FROM events GROUP BY 1 ORDER BY 1" $'2026-11-23T10:00:00.123Z,1\n2026-11-23T11:30:00.000Z,2\nnone,1'
	is "SELECT $number, count(*) FROM events GROUP BY 1 ORDER BY 1" $'5,1\n2026-11-23T10:00:00.123Z,1\n2026-11-23T11:30:00.000Z,2'
	is "SELECT count(DISTINCT $text), count(DISTINCT $number) FROM events" 3,3
	is "SELECT min($number), max($early), min($early) FROM events" 5,2026-11-23T11:30:00.000Z,0
	is "SELECT arg_max(event, $number), arg_min($number, timestamp) FROM events" 'page_view,2026-11-23T10:00:00.123Z'
	is "SELECT $number FROM events ORDER BY 1 LIMIT 2" $'5\n2026-11-23T10:00:00.123Z'
	is "SELECT $text FROM events ORDER BY 1 DESC LIMIT 2" $'none\n2026-11-23T11:30:00.000Z'
	is "SELECT min(coalesce(CASE WHEN event <> 'signup' THEN timestamp END, received_at)) FROM events" 2026-11-23T10:00:00.123Z
}

@test "a time is that of its row, also behind a batch in which no row had asked for it" {
	local sql="SELECT CASE WHEN user_id = 'zz' THEN strftime('%Y-%m-%d', timestamp) ELSE 'x' END AS day, count(*) FROM events GROUP BY 1 ORDER BY 1"
	local q='{event: "e", timestamp: ("2026-01-0" + $day + "T00:00:00Z"), user_id: ("u" + (. % 50 | tostring))}'

	export AT_STORE=$BATS_TEST_TMPDIR/days
	{
		jq -nc --arg day 1 "range(65535) | $q"
		echo '{"event":"e","timestamp":"2026-01-01T10:00:00Z","user_id":"zz"}'  # the last of a full chunk
		jq -nc --arg day 2 "range(100) | $q"                                    # and a short one without
	} | at-ingest -q
	at-admin compact -q
	at-ingest -q <<< '{"event":"e","timestamp":"2026-01-02T12:00:00Z","user_id":"zz"}'
	AT_THREADS=1 is "$sql" $'2026-01-01,1\n2026-01-02,1\nx,65635'
}

@test "a user is found beside others that differ from it by zeros at the end" {
	export AT_STORE=$BATS_TEST_TMPDIR/zeros
	for user in 'aaaaaaaa\u0000' aaaaaaaa aaaaaaab aaaaaaaac 'aaaaaaaa\u0000\u0000'; do
		for _ in 1 2 3; do
			printf '{"event":"e","timestamp":"2026-11-23T10:00:00Z","user_id":"%s"}\n' "$user"
		done
	done | at-ingest -q
	at-admin compact -q
	is "SELECT count(*) FROM events WHERE user_id = 'aaaaaaaa'" 3
	is "SELECT count(*) FROM events WHERE user_id = 'aaaaaaaa' || char(0)" 3
	is "SELECT count(*) FROM events WHERE user_id = 'aaaaaaaa' || char(0, 0)" 3
	is "SELECT count(*) FROM events WHERE user_id = 'aaaaaaaac'" 3
	is "SELECT count(*) FROM events WHERE user_id = 'aaaaaaa'" 0
}

@test "regular expressions: flags are those of each row, and why one could not be looked for is told" {
	local flags="(SELECT '' AS f UNION ALL SELECT 'i')"

	is "SELECT regexp_matches('abc', 'B', f) FROM $flags" $'0\n1'
	is "SELECT regexp_replace('abc', 'B', 'x', f) FROM $flags" $'abc\naxc'
	for f in "regexp_replace(t, p, 'y')" 'regexp_count(t, p)' 'regexp_extract_all(t, p)'; do
		run -2 --separate-stderr at-query "SELECT $f FROM (SELECT 'x' || replace(hex(zeroblob(2500)), '0', 'a') AS t, '(a+)+\$b' AS p)"
		[[ ${#stderr} -lt 300 && $stderr != *aaaa* && $stderr != 'at-query: 0' ]]
	done
}

@test "translate takes characters, lists find integers to the last digit" {
	is "SELECT translate('è é ü', 'éü', 'eu'), translate('abc', 'ab', 'x'), translate('12-3', '-', ''), hex(translate('è', 'é', 'e'))" 'è e u,xc,123,C3A8'
	is "SELECT has('[9007199254740993, 2.5]', 9007199254740992), has('[9007199254740993, 2.5]', 9007199254740993), has('[1, 2.5]', 2.5), has('[1]', 1.0)" 0,1,1,1
}

@test "a day beside a time begins where --tz has it: today(), current_date, 'today', date('now'), with days added and taken; a date that is written out is that of UTC" {
	printf '{"event":"day","timestamp":"2026-11-23T%s:00:00Z"}\n' 02 06 12 23 | at-ingest -q
	for where in "timestamp >= today()" "timestamp >= current_date" "timestamp >= 'today'" "timestamp >= date('now')" "today() <= timestamp" "timestamp::date = current_date" "timestamp BETWEEN today() AND today() + 1" \
	    "date_trunc('day', timestamp) = today()" "current_date = date_trunc('day', timestamp)" "date_trunc('day', timestamp) IN (today(), today() + 1)" "timestamp >= yesterday() + 1" "timestamp > today() - INTERVAL 1 SECOND" \
	    "date_trunc('day', timestamp) BETWEEN today() - 0 AND today()"; do
		[ "$(sql --tz America/New_York "SELECT count(*) FROM events WHERE event = 'day' AND $where")" = 3 ] || { echo "$where"; return 1; }
	done
	for where in "timestamp >= '2026-11-23'" "timestamp >= today() - 7" "timestamp < current_date + INTERVAL 1 DAY" "timestamp >= 'yesterday'"; do
		[ "$(sql --tz America/New_York "SELECT count(*) FROM events WHERE event = 'day' AND $where")" = 4 ] || { echo "$where"; return 1; }
	done
	is "SELECT count(*) FROM events WHERE event = 'day' AND date_trunc('day', timestamp) = today() - 1" 4
	is "SELECT today() - 7, today() + 1, current_date - INTERVAL 1 MONTH, current_date - yesterday(), date('now') - 1" 2026-11-17,2026-11-25,2026-10-24,1,2026-11-23
	[ "$(at-query --tz America/New_York --now 2026-11-24T00:30:00Z 'SELECT current_date, today()')" = '{"current_date":"2026-11-23","today()":"2026-11-23"}' ]
}

@test "a date moved by more days than there are is the last or first of all, not that of some rest" {
	is "SELECT date_add('2026-01-01', 10000001), date_add('2026-01-01', 9000000), date_sub('2026-01-01', 9223372036854775807), date_sub('2026-01-01', 1)" \
		"$(at-query -f csv "SELECT date_add('2026-01-01', INTERVAL '9000000 days'), date_add('2026-01-01', INTERVAL '9000000 days'), date_add('2026-01-01', INTERVAL '-9000000 days'), '2025-12-31'" | tail -1)"
}

@test "what has no spread has none to the last digit, and what is its own is correlated by 1: CORR, REGR_, STDDEV; over columns and row by row" {
	for n in {1..60}; do
		echo "{\"event\":\"line\",\"timestamp\":\"2026-11-25T10:00:00Z\",\"properties\":{\"n\":$n}}"
	done | at-ingest -q
	local lines="(SELECT c.value AS c, c.value / 7.0 AS same, n * (c.value / 7.0) AS y FROM events, generate_series(1, 100) c WHERE event = 'line')"
	both "SELECT count(*) FROM (SELECT c, regr_sxx(y, same) AS x, regr_syy(same, y) AS y, stddev_pop(same) AS d FROM $lines GROUP BY 1) WHERE x = 0 AND y = 0 AND d = 0" 100
	both "SELECT count(*), count(b), count(r), count(s) FROM (SELECT c, regr_slope(y, same) AS b, corr(y, same) AS r, regr_r2(y, same) AS s FROM $lines GROUP BY 1)" 100,0,0,0
	both "SELECT count(*) FROM (SELECT c, corr(y, y) AS one, corr(y, -y) AS other, regr_r2(y, 3.7 * y) AS r2 FROM $lines GROUP BY 1) WHERE one = 1 AND other = -1 AND r2 BETWEEN 0.999999 AND 1" 100
}

@test "hours and less between two times are those that passed, also where the clock changes; days are those of the zone" {
	of() { [ "$(at-query --tz "$1" -f csv "SELECT $2" | tr -d '\r' | tail -1)" = "$3" ] || { at-query --tz "$1" -f csv "SELECT $2"; return 1; }; }
	of Europe/Zurich "datediff('hour', '2026-03-29T00:00:00Z', '2026-03-29T02:00:00Z'), datediff('second', '2026-03-29T00:00:00Z', '2026-03-29T02:00:00Z'), datediff('day', '2026-03-28T23:30:00Z', '2026-03-29T22:30:00Z')" 2,7200,1
	of Europe/Zurich "datediff('hour', '2026-10-25T00:30:00Z', '2026-10-25T01:30:00Z'), datesub('minute', '2026-10-25T00:30:00Z', '2026-10-25T02:00:00Z'), datesub('day', '2026-10-24T22:00:00Z', '2026-10-25T23:00:00Z')" 1,90,1
	of Europe/Zurich "datediff('hour', DATE '2026-03-29', '2026-03-29T22:00:00Z'), datediff('hour', DATE '2026-03-29', DATE '2026-03-30'), datediff('minute', '2026-01-01T00:00:30Z', '2026-01-01T00:01:00Z')" 23,24,1
	of America/St_Johns "datediff('hour', '2025-12-29T00:00:00Z', '2026-10-01T00:00:00Z'), datediff('hour', '2026-10-01T00:29:00Z', '2026-10-01T00:30:00Z')" 6624,1
	of Australia/Lord_Howe "datediff('hour', '2026-10-03T14:45:00Z', '2026-10-03T15:31:00Z'), datediff('hour', '2026-10-01T00:00:00Z', '2026-10-05T00:00:00Z')" 1,97
	of UTC "datediff('hour', '2026-03-29 00:59:59', '2026-03-29T01:00:00Z'), datediff('ms', '2026-03-29T00:00:00Z', '2026-03-29T00:00:00.250Z')" 1,250
}

@test "a call with fewer arguments than it wants is told, with nothing or * in its brackets too" {
	for call in "concat_ws()" "concat_ws(*)" "property()" "property(page)" "order_key(*)" "order_key(1)" "greatest()" "least(*)" "if(1)" "multiif(1, 2)" "rows_as_list()"; do
		for vector in 0 1; do
			AT_VECTOR=$vector run -2 at-query "SELECT $call FROM events"
			[[ $output == *'wrong number of arguments'* ]] || { echo "$call: $output"; return 1; }
		done
	done
}

@test "whatever --max-memory allows: a statement that has to be planned once more gives the right answer, or says that it does not fit" {
	awk 'BEGIN { for (i = 0; i < 600; i++) printf "{\"event\":\"e%d\",\"timestamp\":\"2026-11-%02dT10:%02d:00Z\",\"id\":\"i%04d\",\"properties\":{\"n\":%d,\"s\":\"text %d\",\"r\":%d.5}}\n", i % 5, 1 + i % 20, i % 60, i, i % 45, i % 70, i * 7 % 60 }' |
		at-ingest -q -S s
	local kib got rc right=0 told=0 sql="WITH a AS (SELECT n AS k, CASE WHEN r < 40 THEN s END AS t, id, n, r FROM events WHERE n < r), b AS (SELECT k, t, count(*) AS m, min(id) AS i, sum(n) AS z FROM a WHERE k IN (SELECT n FROM a) GROUP BY 1, 2), c AS (SELECT *, rank() OVER (PARTITION BY k ORDER BY m DESC, i) AS o FROM b) SELECT k AS c0, (SELECT max(m) FROM b) AS c1 FROM c WHERE o <= 2 ORDER BY 1, 2;"
	for kib in $(seq 200 8 420); do
		got=$(AT_VECTOR=1 AT_THREADS=1 at-query -S s --max-memory "${kib}k" -f csv <<< "$sql"$'\n'"$sql"$'\n'"$sql"$'\n'"$sql"$'\n'"$sql"$'\n'"$sql" 2>&1) && rc=0 || rc=$?
		[ "$rc" -le 1 ] || { echo "$kib KiB: exit $rc"; return 1; }
		right=$((right + 1 - rc)) told=$((told + rc))
		got=$(tr -d '\r' <<< "$got" | grep -v -e '^c0,c1$' -e ',8$' -e memory || true)
		[ -z "$got" ] || { echo "$kib KiB: $got"; return 1; }
	done
	[ "$right" -gt 0 ] && [ "$told" -gt 0 ]
}

@test "lists: what is in [] or ARRAY[], its items by number, as rows by UNNEST, = ANY and <> ALL of them" {
	at-ingest -q <<-'END'
	{"event":"tagged","timestamp":"2026-11-25T00:00:00Z","id":"t1","properties":{"tags":["a","b"],"n":1}}
	{"event":"tagged","timestamp":"2026-11-25T00:00:01Z","id":"t2","properties":{"tags":["b"],"n":2}}
	{"event":"tagged","timestamp":"2026-11-25T00:00:02Z","id":"t3","properties":{"tags":[],"n":3}}
	{"event":"tagged","timestamp":"2026-11-25T00:00:03Z","id":"t4","properties":{"tags":"c","n":4}}
	END
	is "SELECT [1, 2], ARRAY['a'], [], [[1], ['x]']], [2.5, NULL][1], string_split('a-b', '-')[-1], 'abc'[2], '[7]'::int[]" '"[1,2]","[""a""]",[],"[[1],[""x]""]]",2.5,b,b,[7]'
	is "SELECT [event] FROM [events] WHERE [id] = 'e1'" page_view               # a name stays one
	for from in "events, unnest(tags) AS t(tag)" "events e CROSS JOIN unnest(e.tags) AS t(tag)" "events e JOIN UNNEST(e.tags) t(tag) ON 1" "events, unnest(tags) AS tag"; do
		is "SELECT id, tag FROM $from ORDER BY 1, 2" $'t1,a\nt1,b\nt2,b\nt4,c'
	done
	is "SELECT id, t.tag FROM events LEFT JOIN unnest(tags) AS t(tag) ON true WHERE event = 'tagged' ORDER BY 1, 2" $'t1,a\nt1,b\nt2,b\nt3,\nt4,c'
	is "SELECT unnest(tags) AS tag, count(*) AS n FROM events GROUP BY tag ORDER BY tag" $'a,1\nb,2\nc,1'
	is "SELECT unnest([3, 4]) AS x" $'3\n4'
	is "SELECT * FROM unnest([5, 6]) AS t(x) WHERE x > 5" 6
	is "SELECT a.x, b.y FROM (VALUES (1)) a(x) CROSS JOIN (VALUES (2)) b(y) JOIN unnest([3]) AS c(z) ON 1" 1,2
	is "SELECT group_concat(id ORDER BY id) FROM events WHERE id = ANY (ARRAY['e1', 't2']) AND event <> ALL (['x', 'y'])" '"e1,t2"'
	is "SELECT group_concat(id ORDER BY id) FROM events WHERE 'b' = ANY(tags)" '"t1,t2"'
	is "SELECT group_concat(id ORDER BY id) FROM events WHERE event = 'tagged' AND 'b' <> ALL(tags)" '"t3,t4"'
	is "SELECT sum(range) FROM range(1, 4)" 6
	is "SELECT value FROM generate_series(DATE '2026-01-31', DATE '2026-03-31', INTERVAL 1 MONTH)" $'2026-01-31T00:00:00.000Z\n2026-02-28T00:00:00.000Z\n2026-03-31T00:00:00.000Z'
	run -2 at-query "SELECT [1, 2"
	[[ $output == *'a [ without its ]'* ]]
	is "SELECT len(['[7]'::int[], '[8,9]'::int[]])" 2
	run -2 at-query "SELECT [[1], '[7]'::int[]"
	[[ $output == *'1:8: a [ without its ]'* ]]
	run -2 at-query "SELECT (1]"
	[[ $output == *'a ] without its ['* ]]
}

@test "ANY and ALL beside any comparison: the least or the greatest decides, none of nothing, a NULL leaves open" {
	local v="(VALUES (1), (2), (3), (NULL)) AS v(x)"
	of() { is "SELECT group_concat(coalesce($1, 'null'), ' ') FROM (SELECT * FROM $v ORDER BY x NULLS LAST)" "$2"; }
	of "x > ALL (SELECT 2)" '0 0 1 null'
	of "x >= ALL (VALUES (1), (2))" '0 1 1 null'
	of "x < ANY (SELECT 3 UNION SELECT 1)" '1 1 0 null'
	of "x > ALL ([1, NULL])" '0 null null null'
	of "x > SOME (ARRAY[1, NULL])" 'null 1 1 null'
	of "x > ALL (SELECT 1 WHERE 0)" '1 1 1 1'
	of "x > ANY (SELECT 1 WHERE 0)" '0 0 0 0'
	of "x = ALL (VALUES (2), (2))" '0 1 0 null'
	of "x <> ANY (VALUES (2), (2))" '1 0 1 null'
	of "NOT x + 1 >= ALL (SELECT 3)" '1 0 0 null'
	is "SELECT count(*) FROM events e WHERE revenue >= ALL (SELECT revenue FROM events f WHERE f.event = e.event)" 1
	# the items of a list may be called as one likes beside it
	is "SELECT x, t.x FROM events, unnest([1, 2, 3]) AS t(x) WHERE x > ANY (SELECT revenue FROM events) AND event = 'signup'" 3,3
	is "SELECT x, (SELECT max(x) FROM (VALUES (5)) AS v(x)), (SELECT t.x + y.x FROM (SELECT 10 AS x) AS y WHERE x = 10), (SELECT x * 2) FROM (SELECT 1), unnest([1, 2]) AS t(x) WHERE EXISTS (SELECT 1 FROM (SELECT 5 AS x) WHERE x = 5)" $'1,5,11,2\n2,5,12,4'
}

@test "IGNORE NULLS: lag, lead, first, last and n-th value of those that are there" {
	local v="(VALUES (1, 'a'), (2, NULL), (3, 'b'), (4, NULL), (5, NULL), (6, 'c')) AS v(i, x)"
	of() { is "SELECT string_agg(coalesce(y, '-'), '' ORDER BY i) FROM (SELECT i, $1 AS y FROM $v WINDOW w AS (ORDER BY i))" "$2"; }
	of "last_value(x IGNORE NULLS) OVER w" aabbbc
	of "last_value(x) IGNORE NULLS OVER (ORDER BY i)" aabbbc
	of "lag(x IGNORE NULLS) OVER w" -aabbb
	of "lag(x, 2) IGNORE NULLS OVER (ORDER BY i ROWS 1 PRECEDING)" ---aaa
	of "lag(x, 2, 'z' IGNORE NULLS) OVER w" zzzaaa
	of "lead(x) IGNORE NULLS OVER w" bbccc-
	of "first_value(x IGNORE NULLS) OVER (ORDER BY i ROWS BETWEEN CURRENT ROW AND 1 FOLLOWING)" abb-cc
	of "nth_value(x, 2) IGNORE NULLS OVER (ORDER BY i ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)" bbbbbb
	of "lag(x) RESPECT NULLS OVER w" -a-b--
	is "SELECT first(x IGNORE NULLS ORDER BY i DESC), array_agg(x IGNORE NULLS) FROM $v WHERE i IN (3, 4)" 'b,"[""b""]"'
}

@test "days between two days under a name or counted are seconds beside an INTERVAL; a month taken from a time less something is one of the calendar" {
	local g="(SELECT user_id AS u, max(timestamp)::date - min(timestamp)::date AS gap, max(timestamp) - min(timestamp) AS seconds FROM events WHERE user_id IS NOT NULL GROUP BY 1)"
	is "SELECT user_id, max(timestamp)::date - min(timestamp)::date AS gap FROM events GROUP BY 1 HAVING gap > INTERVAL '23 hours'" u1,1
	is "SELECT u FROM $g WHERE gap >= INTERVAL 1 DAY AND seconds < INTERVAL 1 DAY AND seconds > INTERVAL '13 hours'" u1
	is "SELECT max(gap) = INTERVAL 1 DAY, avg(gap) < INTERVAL 1 DAY, avg(gap) BETWEEN INTERVAL 11 HOUR AND INTERVAL 12 HOUR, max(gap) / INTERVAL 1 HOUR FROM $g" 1,1,1,24
	is "SELECT u, gap + INTERVAL 1 HOUR FROM $g ORDER BY u" $'u1,90000\nu2,3600'
	is "SELECT avg(timestamp::date - DATE '2026-11-20') AS mean FROM events HAVING mean > INTERVAL 3 DAY AND mean < INTERVAL 4 DAY" 3.3333333333333335
	is "SELECT today() - n - INTERVAL 1 MONTH, now() - n - INTERVAL 1 MONTH, (today() - n) - INTERVAL '1 month' + INTERVAL 1 DAY, today() + n, today() + n - INTERVAL 1 YEAR FROM (SELECT 2 AS n)" 2026-10-22,2026-10-24T00:29:58.000Z,2026-10-23,2026-11-26,2025-11-26
	is "SELECT count(*) FROM events, (SELECT 30 AS n) WHERE timestamp > today() - n - INTERVAL 1 MONTH" 3
}

@test "deviations of numbers near the end of all doubles; a group by the name of a column that is called otherwise" {
	printf '{"event":"big","timestamp":"2026-11-25T00:00:00Z","properties":{"x":%s,"y":%s,"big":%s}}\n' 1e308 3e200 9007199254740993 -1e308 1e200 9007199254740992 | at-ingest -q
	for vector in 0 1; do
		AT_VECTOR=$vector is "SELECT stddev_pop(x), stddev_pop(y), var_pop(y * 1e-100) > 9.9e199, stddev(x) > 1.41e308, arg_max(x, big) FROM events WHERE event = 'big'" 1e+308,1e+200,1,1,1e+308
	done
	is "SELECT event AS e, user_id AS u, grouping(e) AS g, count(*) FROM events WHERE user_id > '' GROUP BY GROUPING SETS ((e), (u)) ORDER BY g, e, u" $'page_view,,0,2\nsignup,,0,1\n,u1,1,2\n,u2,1,1'
}

@test "aggregates over frames: different values, the value beside the greatest, texts, lists, bits, first and last" {
	local v="(VALUES (1, 'a', 3), (2, NULL, 5), (3, 'b', 4), (4, 'a', 4), (5, 'c', NULL)) AS v(i, x, k)" w="OVER (ORDER BY i ROWS 2 PRECEDING)"
	of() { is "SELECT string_agg(coalesce(y, '-'), ' ' ORDER BY i) FROM (SELECT i, $1 AS y FROM $v)" "$2"; }
	of "count(DISTINCT x) $w" '1 1 2 2 3'
	of "count(DISTINCT x) FILTER (WHERE k > 3) $w" '0 0 1 2 2'
	of "arg_max(x, k) $w" 'a a b b b'
	of "min_by(x, k) $w" 'a a a b b'
	of "string_agg(x, '') $w" 'a a ab ba bac'
	of "array_agg(k) $w" '"[3] [3,5] [3,5,4] [5,4,4] [4,4,null]"'
	of "list(x) OVER (ORDER BY i ROWS BETWEEN 1 FOLLOWING AND 1 FOLLOWING)" '"[null] [""b""] [""a""] [""c""] -"'
	of "mode(x) OVER (ORDER BY i)" 'a a a a a'
	of "bit_or(k) $w" '3 7 7 5 4'
	of "first(x) $w || last(x) $w" 'aa - ab - bc'
	of "any_value(x) OVER (ORDER BY i ROWS BETWEEN CURRENT ROW AND 1 FOLLOWING)" 'a b b a c'
}

@test "several quantiles at once; buckets with an offset; whole units between two times; COLUMNS of names; columns called otherwise" {
	is "SELECT quantile_cont(revenue, [0, 0.5, 1]), quantile_disc(revenue, ARRAY[0.5]), percentile_cont([0.5]) WITHIN GROUP (ORDER BY revenue) FROM events" '"[2.5,3.25,4]",[2.5],[3.25]'
	is "SELECT time_bucket(INTERVAL 1 DAY, timestamp, INTERVAL '11 hours') AS t, count(*) FROM events GROUP BY 1 ORDER BY 1" $'2026-11-22T11:00:00.000Z,1\n2026-11-23T11:00:00.000Z,2'
	run -2 at-query "SELECT time_bucket('1 day', timestamp, 'x') FROM events"
	[[ $output == *"neither a time to count from nor a span"* ]]
	is "SELECT date_sub('day', TIMESTAMP '2026-01-01 12:00', TIMESTAMP '2026-01-03 11:00'), datesub('month', DATE '2026-02-28', DATE '2026-01-31'), date_sub(HOUR, 2, now()), date_sub(now(), 1, 'day')" 1,-1,2026-11-23T22:30:00.000Z,2026-11-23T00:30:00.000Z
	is "SELECT COLUMNS(* EXCLUDE (b)), COLUMNS(['a', 'c']) FROM (SELECT 1 AS a, 2 AS b, 3 AS c)" 1,3,1,3
	run -0 at-query "SELECT * RENAME (a AS x) FROM (SELECT 1 AS a, 2 AS b)"
	[ "$output" = '{"x":1,"b":2}' ]
	run -2 at-query "SELECT COLUMNS(c -> c LIKE 'e%') FROM events"
	[[ $output == *'COLUMNS wants a regular expression'* ]]
	is "SELECT count(*) FROM (SELECT * FROM events LIMIT ALL)" 3
}

@test "events beside VALUES, functions that give rows, other tables and what cannot be planned: joined over columns, and what meets nothing is not read" {
	while IFS='|' read -r statement want; do
		[ "$(sql "$statement" | paste -sd' ')" = "$want" ] || { echo "$statement"; sql "$statement"; return 1; }
		[ "$(AT_VECTOR=0 at-query -f csv "$statement" | tr -d '\r' | tail -n +2 | paste -sd' ')" = "$want" ]
		[[ $(at-query -f tsv "EXPLAIN $statement") == *'join of vector(1)'* ]] || { echo "$statement"; return 1; }
	done <<-'END'
	SELECT v.what, count(*) FROM events e JOIN (VALUES ('/home', 'first'), ('/cart', 'last')) AS v(page, what) ON e.page = v.page GROUP BY 1 ORDER BY 1|first,1 last,1
	WITH v(u, k) AS (VALUES ('u1', 'a'), ('u3', 'b'), (7, 'c')) SELECT k, count(e.event) FROM v LEFT JOIN events e ON e.user_id = v.u GROUP BY k ORDER BY k|a,2 b,0 c,0
	WITH v AS (SELECT 'u1' AS user_id, 5 AS target UNION ALL SELECT 'u2', 6) SELECT user_id, target, sum(revenue) FROM events JOIN v USING (user_id) GROUP BY 1, 2 ORDER BY 1|u1,5,2.5 u2,6,4
	SELECT g.value, count(e.event) FROM generate_series(9, 12) AS g LEFT JOIN events e ON hour(e.timestamp) = g.value GROUP BY 1 ORDER BY 1|9,0 10,1 11,1 12,0
	SELECT e.user_id, x.pages, count(*) FROM events e JOIN (SELECT user_id, group_concat(page) AS pages FROM events GROUP BY 1) x USING (user_id) GROUP BY 1, 2 ORDER BY 1|u1,/home,2 u2,/cart,1
	WITH RECURSIVE d(d) AS (SELECT '2026-11-23' UNION ALL SELECT date(d, '1 day') FROM d WHERE d < '2026-11-25') SELECT d.d, count(e.t) FROM d LEFT JOIN (SELECT date(timestamp) AS t FROM events) e ON e.t = d.d GROUP BY 1 ORDER BY 1|2026-11-23,2 2026-11-24,1 2026-11-25,0
	SELECT count(*) FROM events e, (VALUES (2), (3)) AS b(least) WHERE e.revenue >= b.least|3
	WITH p AS (SELECT '2026-11-23' AS lo, '2026-11-24' AS hi) SELECT count(*) FROM events, p WHERE timestamp >= lo AND timestamp < hi|2
	WITH b AS (SELECT max(timestamp) AS hi FROM events) SELECT count(*) FROM b, events WHERE timestamp > hi - INTERVAL 13 HOUR|2
	WITH b AS (SELECT max(timestamp) AS hi FROM events WHERE event = 'none') SELECT count(*) FROM events, b WHERE timestamp > hi|0
	END
	# a number beside a column of texts is a text there, and none beside a property
	is "SELECT count(*) FROM (VALUES (5), ('5'), (6)) AS v(x) JOIN (SELECT user_id FROM events UNION ALL SELECT CAST(5 AS TEXT)) e ON e.user_id = v.x" 2
	printf '{"who":"u1","plan":"pro"}\n{"who":"u2","plan":"free"}\n' > plans
	is_input() { [ "$(at-query -i plans -f csv "$1" | tr -d '\r' | tail -n +2 | paste -sd' ')" = "$2" ]; }
	is_input "SELECT i.plan, count(*) FROM events e JOIN input i ON i.who = e.user_id GROUP BY 1 ORDER BY 1" 'free,1 pro,2'
	# of the rows of events only those that may meet one are read
	run -0 at-query -f tsv "EXPLAIN ANALYZE SELECT count(*) FROM events e JOIN (VALUES ('nobody')) AS v(u) ON e.user_id = v.u"
	[[ $output == *'join of 0 rows'* ]]
	# too many for the memory there is: SQLite has it row by row
	run -0 at-query --max-memory 12M -f csv "SELECT count(*), count(e.event) FROM generate_series(1, 400000) AS g(n) LEFT JOIN events e ON e.revenue = g.n WHERE g.n > 0"
	[[ ${output//$'\r'/} == *400000,1* ]]
}

@test "bounds of time that meet nothing, from a row of another table, end the reading of chunks before it begins" {
	for n in 0 1 2 3 4 5; do echo '{"event":"e","timestamp":'$((1700000000 + n))',"n":'$n'}'; done | at-ingest -q -S bounds
	at-admin compact -q -S bounds
	for vector in 0 1; do
		run -0 env AT_VECTOR=$vector at-query -S bounds -f csv "WITH p AS (SELECT min(timestamp) AS lo, max(timestamp) AS hi FROM events WHERE n IN (2, 4))
			SELECT count(*) FROM p CROSS JOIN events e WHERE e.timestamp < lo AND e.timestamp > hi"
		[[ ${lines[1]} == 0* ]]
	done
}

@test "the last rows by time are looked for in the last chunks alone, ties, late rows and bounds or not" {
	for day in 1 2 3; do    # a chunk or more of each, with times that many share
		seq 0 39999 | awk -v day=$day '{ printf "{\"event\":\"e%d\",\"timestamp\":\"2026-12-0%dT%02d:%02d:%02dZ\",\"properties\":{\"n\":%d}}\n", $1 % 3, day, $1 / 3600, $1 / 60 % 60, int($1 / 7) * 7 % 60, $1 }' | at-ingest -q
		at-admin -q compact
	done
	run -0 at-query -f tsv "EXPLAIN ANALYZE SELECT timestamp, event FROM events ORDER BY timestamp DESC LIMIT 10"
	[[ $output =~ '10 rows of '([0-9]+)' read' && ${BASH_REMATCH[1]} -lt 70000 ]]
	# late ones among them, and the tail
	seq 0 999 | awk '{ printf "{\"event\":\"late\",\"timestamp\":\"2026-12-0%dT0%d:00:00Z\",\"properties\":{\"n\":%d}}\n", 1 + $1 % 3, $1 % 7, $1 }' | at-ingest -q
	at-admin -q compact
	printf '{"event":"tail","timestamp":"2026-12-02T23:00:00Z"}\n{"event":"tail","timestamp":"2026-12-03T23:00:00Z"}\n' | at-ingest -q
	while read -r statement; do
		[ "$(at-query -f csv "$statement" | cksum)" = "$(AT_VECTOR=0 at-query -f csv "$statement" | cksum)" ] || { echo "$statement"; return 1; }
	done <<-'END'
	SELECT timestamp, event, n FROM events ORDER BY timestamp DESC, n LIMIT 20
	SELECT timestamp FROM events ORDER BY timestamp DESC LIMIT 30 OFFSET 50000
	SELECT timestamp, n FROM events ORDER BY timestamp DESC, event, n DESC LIMIT 200 OFFSET 39990
	SELECT timestamp, event, n FROM events WHERE timestamp < '2026-12-02T11:00:00Z' ORDER BY timestamp DESC, n LIMIT 15
	SELECT timestamp, n FROM events WHERE timestamp BETWEEN '2026-12-02T01:00:00Z' AND '2026-12-02T02:00:00Z' ORDER BY timestamp DESC, n LIMIT 5000
	SELECT timestamp, n FROM events WHERE event = 'e1' AND n % 1000 = 1 ORDER BY timestamp DESC, n LIMIT 90
	SELECT max(n), count(*) FROM (SELECT n FROM events ORDER BY timestamp DESC, n LIMIT 45000)
	SELECT timestamp, n FROM events ORDER BY timestamp DESC, n LIMIT 99999
	END
}

@test "LATERAL names the row before it; SEMI and ANTI JOIN keep rows that have a match, or none" {
	is "SELECT e.user_id, t.event, t.n FROM (SELECT DISTINCT user_id FROM events) e CROSS JOIN LATERAL (SELECT f.event, count(*) OVER () AS n FROM events f WHERE f.user_id = e.user_id ORDER BY f.timestamp DESC LIMIT 1) t ORDER BY 1" $'u1,signup,2\nu2,page_view,1'
	is "SELECT v.x, m FROM (VALUES ('u1'), ('u9')) AS v(x) LEFT JOIN LATERAL (SELECT max(big) AS m FROM events WHERE user_id = x GROUP BY user_id) t ON true ORDER BY 1" $'u1,9007199254740993\nu9,'
	is "SELECT event, t.v FROM events, LATERAL (SELECT revenue * 0.1) AS t(v) WHERE revenue IS NOT NULL ORDER BY 1, 2" $'page_view,0.25\npage_view,0.4'
	is "SELECT group_concat(a.event ORDER BY a.event) FROM events a SEMI JOIN (VALUES ('signup'), ('signup')) AS v(e) ON v.e = a.event" signup
	is "SELECT count(*) FROM events a ANTI JOIN (SELECT user_id FROM events WHERE event = 'signup') b USING (user_id) WHERE revenue > 9 OR revenue < 5" 1
	run -2 at-query "SELECT 1 FROM events e, LATERAL (SELECT count(*), * FROM events f WHERE f.event = e.event) t"
	[[ $output == *'want names'* ]]
}

@test "what others call it: aggregates with If, casts of ClickHouse, // and **, SIMILAR TO, TRIM(BOTH … FROM …)" {
	is "SELECT minIf(revenue, page = '/cart'), anyIf(event, revenue > 3), uniqExact(user_id), uniqExactIf(user_id, event = 'signup'), quantileIf(0.5)(revenue, revenue < 3) FROM events" 4,page_view,2,1,2.5
	for sql in "SELECT minIf() FROM events" "SELECT quantileIf(0.5)() FROM events" "SELECT quantile_cont(revenue, []) FROM events" "SELECT 1 FROM events a SEMI JOIN events b USING"; do
		run -2 at-query "$sql"
	done
	is "SELECT toInt64('5') + toFloat64('2.5'), toString(5) || 'x', toInt64OrNull('x'), addDays(DATE '2026-01-31', 1), JSONExtractInt('{\"a\":{\"b\":7}}', 'a', 'b')" 7.5,5x,,2026-02-01,7
	is "SELECT -7 // 2, 7 // 2 * 2, 2 ** 3 ** 2, 2 ^ 0.5 > 1.41, 3 * 2 // 4, 7 // 0" -3,6,64,1,1,
	is "SELECT 'abc' SIMILAR TO 'a_?.c', 'abc' NOT SIMILAR TO '(a|b)+', regexp_full_match('abc', 'b'), trim(BOTH 'x' FROM 'xaxx'), trim(LEADING FROM '  a '), json_extract_string('{\"a\":1}', '$.a')" '1,1,0,a,a ,1'
	is "SELECT levenshtein('kitten', 'sitting'), gcd(12, 18), lcm(4, 6), chr(65), to_hex(255), url_decode(url_encode('ä b')), list_value(1, 'a')" '3,6,12,A,FF,ä b,"[1,""a""]"'
}

@test "over a frame that moves along a deviation keeps nothing of what left, and least and greatest keep their filter" {
	local v="(VALUES (1, 1e9, 1), (2, 0.1, 0), (3, 0.1, 1), (4, 0.1, 0), (5, 7, 1)) AS v(i, x, c)"
	is "SELECT group_concat(coalesce(round(s, 3), '-'), ' ') FROM (SELECT stddev_pop(x) OVER (ORDER BY i ROWS 2 PRECEDING) AS s FROM $v)" '0.0 499999999.95 471404520.744 0.0 3.253'
	is "SELECT group_concat(coalesce(s, '-'), ' ') FROM (SELECT max(x) FILTER (WHERE c) OVER (ORDER BY i ROWS BETWEEN CURRENT ROW AND 1 FOLLOWING) AS s FROM $v)" '1000000000.0 0.1 0.1 7 7'
	is "SELECT group_concat(coalesce(s, '-'), ' ') FROM (SELECT min(i + 0) FILTER (WHERE c = 0 AND x < 1) OVER (ORDER BY i ROWS 1 PRECEDING) AS s FROM $v)" '- 2 2 4 4'
	[ "$(sql "SELECT stddev(x), var_pop(x) FROM $v")" = "$(AT_VECTOR=0 sql "SELECT stddev(x), var_pop(x) FROM $v")" ]
}

@test "names that look like what others type: in brackets, after units, as list, semi or leading, and value beside UNNEST, ANY and LATERAL" {
	at-ingest -q <<-'END'
	{"event":"odd","timestamp":"2026-11-25T00:00:00Z","id":"o1","properties":{"price (USD)":3,"a,b":9,"f(x)":8,"2fa":true,"7 days":1,"leading":" x ","list":["p","q"],"day":"2026-11-20","value":"v","path":"[1]"}}
	END
	of() { is "SELECT $1 FROM events WHERE id = 'o1'" "$2"; }
	of "[price (USD)], [a,b], [f(x)], [2fa], [7 days]" 3,9,8,1,1
	of "[7 ], [-1.5], [lower('A')], [length(day)], 1 IN [1, 2], 1 NOT IN [1]" '[7],[-1.5],"[""a""]",[10],1,0'
	[ "$(at-query -f csv "SELECT count(*) AS [1st], 2 AS [n, all], sum(revenue) AS [Revenue (USD)] FROM events ORDER BY [Revenue (USD)]" | tr -d '\r')" = $'1st,"n, all",Revenue (USD)\n4,2,6.5' ]
	of "trim(leading), trim('a' || 'x' FROM 'xaxxb')" x,b
	of "date_add(day, 1, 'day'), date_sub(day, 1, 'day'), date_trunc('month', day), datediff(day, day, now()), last_day(day), dateadd(day, 1, day)" 2026-11-21,2026-11-19,2026-11-01,4,2026-11-30,2026-11-21
	is "SELECT anti.id FROM events AS semi JOIN events AS anti JOIN (SELECT 'o1' AS o) ON anti.id = o AND semi.id = o" o1
	is "WITH semi AS (SELECT 1 AS n) SELECT n, m FROM semi JOIN (SELECT 2 AS m) ON 1" 1,2
	is "SELECT x, value, l FROM events, unnest(list) AS t(x), LATERAL (SELECT list || value AS l) AS u WHERE x > 'p'" 'q,v,"[""p"",""q""]v"'
	is "SELECT unnest(list) FROM events" $'p\nq'
	is "SELECT id FROM events WHERE EXISTS (SELECT 1 FROM unnest(list) AS t(x) WHERE x = 'q') AND 'q' = ANY(list) AND 1 = ANY(path) AND 'w' <> ALL(value)" o1
	is "SELECT (WITH w AS (SELECT 1) SELECT max(value) FROM unnest(list)) FROM events WHERE id = 'o1'" q
	[ "$(at-query -f csv "SELECT * FROM (VALUES ('[1,2]')) AS m(v), unnest(v) AS t(x)" | tr -d '\r')" = $'v,x\n"[1,2]",1\n"[1,2]",2' ]
	[ "$(at-query -f csv "SELECT *, t.* FROM (VALUES (1)) AS m(v), LATERAL (SELECT v * 2 AS d, v * 3) AS t(d, f)" | tr -d '\r')" = $'v,d,f,d,f\n1,2,3,2,3' ]
}

@test "columns are called as ANY, ALL and IGNORE NULLS were typed; a list of parameters; LATERAL with nothing before it" {
	[ "$(at-query "SELECT 2 > ANY ([1, 3]), 2 > ALL ([]), count(page IGNORE NULLS) FROM events")" = '{"2 > ANY ([1, 3])":1,"2 > ALL ([])":1,"count(page IGNORE NULLS)":2}' ]
	[ "$(at-query -f csv -P a=1 -P b=x "SELECT [:a], [:a, :b], 1 = ANY ([:a]) AS x, 2 AS [:c]" | tr -d '\r')" = $'[:a],"[:a, :b]",x,:c\n[1],"[1,""x""]",1,2' ]
	is "SELECT t.n FROM LATERAL (SELECT 5 AS n) AS t" 5
}

@test "a name that a difference has in one SELECT and something else in another is no difference; nor is that of a property" {
	is "WITH a AS (SELECT now() - timestamp AS gap FROM events), b AS (SELECT 1800 AS gap) SELECT b.gap > INTERVAL 1 HOUR FROM b" 0
	is "WITH a AS (SELECT now()::date - timestamp::date AS gap FROM events), b AS (SELECT 30 * 60 AS gap) SELECT b.gap > INTERVAL 1 HOUR FROM b" 0
	is "SELECT big > INTERVAL 1 HOUR, n FROM (SELECT max(3) AS big), (SELECT max(n) AS n FROM (SELECT now() - timestamp AS big, 1 AS n FROM events))" 0,1
	is "SELECT max(gap) AS gap FROM (SELECT max(timestamp)::date - min(timestamp)::date AS gap FROM events) HAVING gap >= INTERVAL 1 DAY" 1
}

@test "of more properties than columns can be, the rarest are told to be read as properties.name, and are" {
	jq -cn 'range(2000) | {event: "x", timestamp: ., properties: {("p\(. % 1950)"): 1, common: .}}' | at-ingest
	[ "$(at-query 'SELECT count(p3) AS n FROM events')" = '{"n":2}' ]
	run -2 at-query 'SELECT count(p999) FROM events'
	[ "$output" = "at-query: 1:14: of so many properties 'p999' is among those without a column, write properties.\"p999\"" ]
	[ "$(at-query 'SELECT count(properties."p999") AS n, count(properties.p99) AS m FROM events')" = '{"n":1,"m":1}' ]
	run -2 at-query 'SELECT count(p1950) FROM events'
	[[ $output == *"no column 'p1950', did you mean"* ]]
	run -2 at-query 'SELECT m.common FROM metrics m'
	[[ $output == *"no column 'm.common'"* ]]
}

@test "EXCEPT ALL, INTERSECT ALL and UNION BY NAME; SELECTs in brackets of their own are joined, each with its LIMIT" {
	is "SELECT * FROM (VALUES (1), (1), (2)) EXCEPT ALL SELECT 1 ORDER BY 1" $'1\n2'
	is "SELECT * FROM (VALUES (1), (1), (2)) INTERSECT ALL SELECT * FROM (VALUES (1), (1), (1)) ORDER BY 1" $'1\n1'
	is "WITH t(a) AS (VALUES (1), (1), (NULL), (NULL)) SELECT a FROM t EXCEPT ALL SELECT NULL ORDER BY a" $'\n1\n1'
	is "SELECT 1 AS a EXCEPT ALL SELECT 2 UNION ALL SELECT 1 EXCEPT ALL SELECT 1" 1
	is "SELECT count(*) FROM (SELECT event, event FROM events EXCEPT ALL SELECT event, event FROM events WHERE user_id = 'u1')" 1
	is "SELECT 1 AS a, 2 AS b UNION ALL BY NAME SELECT 3 AS b, 4 AS c" $'1,2,\n,3,4'
	is "SELECT 1 UNION DISTINCT SELECT 1" 1
	is "(SELECT event FROM events ORDER BY timestamp LIMIT 1) UNION ALL (SELECT event FROM events ORDER BY timestamp DESC LIMIT 1)" $'page_view\nsignup'
	run -2 at-query "SELECT 1, 2 EXCEPT ALL SELECT 1"
	[[ $output == *'1:13: EXCEPT ALL of 2 columns and 1'* ]]
}

@test "the name of an item stands for it in those behind it, unless a column is called so" {
	is "SELECT revenue * 2 AS y, y + 1 AS z, y * z FROM events WHERE z > 6 ORDER BY 1" $'8,9,72'
	is "SELECT count(*) AS n, n * 2, count(revenue) v, round(1.0 * v / n, 2) FROM events" 3,6,2,0.67
	is "SELECT event AS page, page || '!' FROM events WHERE id = 'e1'" 'page_view,/home!'
	is "SELECT date_trunc('day', timestamp) AS day, count(*) AS n, sum(n) OVER (ORDER BY day) FROM events GROUP BY day ORDER BY day" $'2026-11-23T00:00:00.000Z,2,2\n2026-11-24T00:00:00.000Z,1,3'
	is "SELECT 1 AS one, one + 1 AS two, (SELECT max(one) FROM (SELECT 7 AS one))" 1,2,7
	is "SELECT user_id, timestamp - lag(timestamp) OVER w AS gap, gap / 60 FROM events WHERE event = 'page_view' WINDOW w AS (ORDER BY timestamp) ORDER BY 1" $'u1,,\nu2,5399.877,89.99795'
	run -2 at-query "SELECT y + 1, 2 AS y"
	[[ $output == *"1:8: no column 'y'"* ]]
}

@test "UNPIVOT makes rows of columns, as a statement and in FROM; by twos, with NULLs, of COLUMNS" {
	is "UNPIVOT (SELECT 1 AS id, 2 AS a, 3 AS b) ON a, b INTO NAME k VALUE v" $'1,a,2\n1,b,3'
	is "UNPIVOT (SELECT 1 AS id, 2 AS a, NULL AS b UNION ALL SELECT 2, 5, 6) ON COLUMNS(* EXCLUDE (id)) ORDER BY value DESC" $'2,b,6\n2,a,5\n1,a,2'
	is "SELECT u.k, sum(u.v) FROM (SELECT 1 AS id, 2 AS a, NULL AS b) UNPIVOT INCLUDE NULLS (v FOR k IN (a AS 'x', b)) AS u GROUP BY 1 ORDER BY 1" $'b,\nx,2'
	is "FROM (SELECT 1 AS id, 2 AS a, 3 AS b, 4 AS c, 5 AS d) UNPIVOT ((v, w) FOR k IN ((a, b) AS 'one', (c, d)))" $'1,one,2,3\n1,c_d,4,5'
	is "WITH m AS (SELECT event, count(*) AS n, sum(revenue) AS r FROM events GROUP BY event) SELECT * FROM m UNPIVOT (v FOR metric IN (n, r)) ORDER BY event, metric" $'page_view,n,2\npage_view,r,6.5\nsignup,n,1'
	run -2 at-query "UNPIVOT events INTO NAME a VALUE b"
	[[ $output == *'1:1: UNPIVOT wants ON'* ]]
	run -2 at-query "SELECT * FROM events UNPIVOT (v IN (revenue))"
	[[ $output == *'1:22: UNPIVOT (…) wants'* ]]
}

@test "ASOF JOIN: the nearest row of each key, of equal times the last; USING; a row of its own per row, not a search" {
	is "SELECT * FROM (VALUES (1, 1)) a(k, t) ASOF JOIN (VALUES (1, 0, 9)) b(k, t, v) USING (k, t)" 1,1,9
	is "SELECT k, t, v FROM (VALUES (1, 5), (2, 1)) a(k, t) ASOF LEFT JOIN (VALUES (1, 0, 9)) b(k, t, v) USING (k, t) ORDER BY k" $'1,5,9\n2,1,'
	is "SELECT * FROM (VALUES (1, 5)) a(k, t) ASOF JOIN (VALUES (1, 0, 9), (1, 2, 7), (1, 2, 8), (1, 5, 1)) AS b(k, t, v) ON a.k = b.k AND a.t > b.t" 1,5,1,2,8
	is "SELECT * FROM (VALUES (1, 5)) a(k, t) ASOF LEFT JOIN (VALUES (1, 5, 9), (1, 7, 8), (1, 6, 100)) AS b(k, t, v) ON a.k = b.k AND b.t > a.t AND b.v < 100" 1,5,1,7,8
	is "SELECT a.user_id, b.page FROM events a ASOF JOIN events b ON a.user_id = b.user_id AND a.timestamp > b.timestamp" u1,/home
	is "SELECT count(*), count(b.event) FROM events a ASOF LEFT JOIN events b ON a.user_id = b.user_id AND b.event = 'page_view' AND a.timestamp >= b.timestamp" 3,3
	is "SELECT count(*) FROM events a ASOF JOIN events b ON a.timestamp > b.timestamp OR a.user_id = b.page" 2
	seq 20000 | jq -c '{event: "a", timestamp: (1795000000 + . ), user_id: "u\(. % 3)"}' | at-ingest -q
	[ "$(within 60 at-query -f csv "SELECT count(*) FROM (SELECT user_id, timestamp FROM events WHERE event = 'a' LIMIT 2000) a ASOF JOIN events b ON a.user_id = b.user_id AND a.timestamp >= b.timestamp" | tail -n 1 | tr -d '\r')" = 2000 ]
}

@test "first and last of a frame with a FILTER; -2 ** 2 is 4; DIV, MOD, <=>, IS UNKNOWN, BETWEEN SYMMETRIC, LIKE ANY" {
	is "SELECT x, last(x) FILTER (WHERE x IS NULL OR x < 2) OVER (ORDER BY y), first(x) FILTER (WHERE y > 1) OVER (ORDER BY y), last_value(x) FILTER (WHERE x > 0) OVER (ORDER BY y ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM (VALUES (1, 1), (NULL, 2), (3, 3)) t(x, y)" $'1,1,,1\n,,,1\n3,,,3'
	is "SELECT -2 ** 2, 2 ** 3 ** 2, 2 * -3 ** 2, 2 ** -1, 5 - 2 ** 2, -(2) ^ 2" 4,64,18,0.5,1,4
	is "SELECT 5 DIV 2, 5 MOD 2, mod(5, 3), NULL <=> NULL, NULL IS UNKNOWN, TRUE IS NOT UNKNOWN, 3 BETWEEN SYMMETRIC 5 AND 1, 1_000" 2,1,2,1,1,1,1,1000
	is "SELECT count(*) FILTER (event LIKE ANY ('p%', 'x')), count_if(event NOT LIKE ALL (['p%', 'q%'])) FROM events" 2,1
	is "SELECT sum(x) OVER (ORDER BY x RANGE BETWEEN 9e999 PRECEDING AND CURRENT ROW) FROM (VALUES (1), (2)) t(x)" $'1\n3'
}

@test "LIMIT 10%, WITH TIES, LIMIT n BY, TOP, QUALIFY before WINDOW; * where LATERAL stands before other sources" {
	is "SELECT event FROM events ORDER BY timestamp LIMIT 67%" $'page_view\npage_view'
	run -2 at-query "SELECT event FROM events LIMIT %"
	[[ $output == *'near "%": syntax error'* ]]
	is "SELECT x FROM (VALUES (1), (2), (3), (4)) t(x) ORDER BY x DESC LIMIT 50 PERCENT OFFSET 1" $'3\n2'
	is "SELECT x FROM (VALUES (1), (2), (2), (3)) t(x) ORDER BY x LIMIT 2 WITH TIES" $'1\n2\n2'
	is "SELECT x FROM (VALUES (1), (2), (2), (3)) t(x) ORDER BY x FETCH FIRST 2 ROWS WITH TIES" $'1\n2\n2'
	is "SELECT user_id, event FROM events ORDER BY user_id, timestamp DESC LIMIT 1 BY user_id" $'u1,signup\nu2,page_view'
	is "SELECT user_id, event FROM events ORDER BY user_id, timestamp LIMIT 1 OFFSET 1 BY user_id LIMIT 5" u1,signup
	is "SELECT event FROM events ORDER BY timestamp LIMIT -1 OFFSET 2" signup
	is "SELECT TOP 1 event FROM events ORDER BY timestamp DESC" signup
	is "SELECT event, row_number() OVER w AS rn FROM events QUALIFY rn = 1 WINDOW w AS (PARTITION BY event ORDER BY timestamp) ORDER BY event" $'page_view,1\nsignup,1'
	is "SELECT * FROM (SELECT 1 AS k) a, LATERAL (SELECT a.k + 1 AS m) AS t JOIN (SELECT 7 AS z) b ON b.z > t.m" 1,2,7
	run -2 at-query "SELECT event FROM events LIMIT 2 WITH TIES"
	[[ $output == *'1:26: WITH TIES wants an ORDER BY'* ]]
}

@test "{'a': 1} is JSON, reached into with a dot; slices, properties:a.b, lambdas of lists" {
	is "SELECT {'a': 1, b: {'c': [5, 6]}} AS s, {'a': 1, 'b': 'q'}.b, MAP {'x': revenue}['x'] FROM events WHERE id = 'e1'" '"{""a"":1,""b"":{""c"":[5,6]}}",q,2.5'
	is "SELECT s.e, s.o.n + 1 FROM (SELECT {'e': event, 'o': {'n': count(*)}} AS s FROM events GROUP BY event) ORDER BY 1" $'page_view,3\nsignup,2'
	is "SELECT [1, 2, 3, 4][2:3], [1, 2, 3][2:], [1, 2, 3][:2], 'hello'[2:3], (array_agg(event ORDER BY timestamp))[1:2] FROM events" '"[2,3]","[2,3]","[1,2]",el,"[""page_view"",""page_view""]"'
	[ "$(sql -P p=/home "SELECT properties:page, properties:viewport.w::int, PARSE_JSON('{\"a\":{\"b\":1}}'):a.b, properties:page = :p FROM events WHERE id = 'e1'")" = /home,320,1,1 ]
	is "SELECT list_transform(list_filter([1, 2, 3], x -> x > 1), x -> x * 10), arrayMap(y -> y || 'a', ['q']), [z * 2 FOR z IN [1, 2] IF z > 1], [z FOR z IN [1]]" '"[20,30]","[""qa""]",[4],[1]'
	is "SELECT unnest(generate_series(1, 3)) AS n" $'1\n2\n3'
	is "SELECT count(*) FROM events WHERE timestamp::time BETWEEN TIME '09:00' AND TIME '10:30' AND json_exists(properties, '$.page')" 1
	is "SELECT percentile_disc(0.9) WITHIN GROUP (ORDER BY x DESC), percentile_disc(0) WITHIN GROUP (ORDER BY x DESC) FROM range(1, 11) t(x)" 2,10
	run -2 at-query "SELECT {'a': 1"
	[[ $output == *'1:8: a { without its }'* ]]
}

@test "what is wrong with a join, a window, HAVING or an aggregate is told where it stands, with its mend" {
	wrong() { run -2 at-query "$1"; [ "$output" = "at-query: $2" ] || { printf '%s\n got %s\n' "$1" "$output"; return 1; }; }
	wrong 'SELECT 1 FROM events e JOIN events f USING (usr_id)' "1:45: 'usr_id' is no column of both tables, did you mean 'user_id'?"
	wrong 'SELECT count(*) OVER w FROM events' "1:22: no window 'w', write WINDOW w AS (…) or OVER (…)"
	wrong 'SELECT event FROM events HAVING revenue > 1' '1:26: HAVING wants GROUP BY or an aggregate; a condition on rows is WHERE, on windows QUALIFY'
	wrong 'SELECT lag(event) FROM events' '1:8: lag() wants OVER (…) behind it, in the columns, QUALIFY or ORDER BY'
	wrong 'SELECT event FROM events WHERE count(*) > 1 GROUP BY event' '1:32: count() is an aggregate and cannot stand here: a condition on groups is HAVING'
}
