#!/usr/bin/env bats
# The service over HTTP: events in, questions, administration, errors, limits, signals.

load ../helper
load serve

setup() { command -v curl > /dev/null || skip 'no curl here'; }
json() { python3 -c "import json,sys; o=json.load(open(sys.argv[1])); print(($1))" body; }

@test "with no configuration it makes a key, says once how to send the first event, and that line works" {
	serve_start
	[ -n "$KEY" ] && grep -q "send the first event:  curl" serve.log
	eval "$(sed -n 's/.*send the first event:  //p' serve.log)" > body
	[ "$(json "o['accepted'], len(o['ids'])")" = '(1, 1)' ]
	serve_stop
	mv serve.log first.log
	serve_start
	grep -q "X-API-Key: \$KEY'" serve.log && ! grep -q "$KEY" serve.log
	[ "$(code /api/v1/me -H "X-API-Key: $KEY")" = 200 ]
}

@test "beyond this machine it wants TLS or --insecure" {
	run -2 at-serve -l 0.0.0.0:0
	[[ $output == *'--tls-cert'*'--insecure'* ]]
	run -2 at-serve -l rubbish
	[[ $output == *"--listen: 'rubbish' is no ADDR:PORT"* ]]
	run -2 at-serve --tls-cert x
	[[ $output == *'belong together'* ]]
}

@test "the contract's own examples run as printed" {
	serve_start
	post /api/v1/events '{"event":"user_action","properties":{"userId":"12345","action":"click","element":"signup_button"},"timestamp":"2025-01-01T00:00:00Z"}' > /dev/null
	[ "$(json "o['accepted'], len(o['ids'])")" = '(1, 1)' ]
	post /api/v1/events/batch '{"events":[{"event":"page_view","properties":{"page":"/home"}},{"event":"user_signup","properties":{"email":"user@example.com","source":"google"}}]}' > /dev/null
	[ "$(json "o['accepted'], o['rejected'], o['errors']")" = '(2, 0, [])' ]
	get '/api/v1/metrics?metric=user_signups&timeRange=1h&groupBy=source' > /dev/null
	[ "$(json "o['metric'], o['interval'], o['groupBy'], o['total'], o['series'][0]['labels'], o['series'][0]['total'], sum(p[1] for p in o['series'][0]['points'])")" = \
	    "('user_signups', '1m', ['source'], 1, {'source': 'google'}, 1, 1)" ]
	post /api/v1/query "{\"query\":\"SELECT COUNT(*) FROM events WHERE event = 'user_signup' AND timestamp > NOW() - INTERVAL 1 HOUR\",\"format\":\"json\"}" > /dev/null
	[ "$(json "o['meta'], o['data'], o['rows'], sorted(o['statistics'])")" = \
	    "([{'name': 'COUNT(*)', 'type': 'integer'}], [{'COUNT(*)': 1}], 1, ['elapsed', 'rows_read'])" ]
	post /api/v1/insights '{"dataSource":"user_behavior","timeRange":"7d","metrics":["conversion_rate","user_engagement"],"includeRecommendations":true}' > /dev/null
	[ "$(json "sorted(o)[:2], type(o['insights'])")" = "(['from', 'insights'], <class 'list'>)" ]
	not grep -q '"score":-0' body
	jq -e '[.insights[].insight | select(contains("against the"))] | all(contains("against the week before"))' body
	[ "$(at-query "SELECT user_id FROM events WHERE event = 'user_action'")" = '{"user_id":"12345"}' ]
}

@test "a parameter that is given twice is refused, as nobody reads the second; a batch with nothing good is a whole problem" {
	serve_start
	[ "$(code '/api/v1/metrics?metric=a&metric=b' -H "X-API-Key: $KEY")" = 400 ]
	[ "$(json "o['detail']")" = 'metric is given twice' ]
	[ "$(code '/api/v1/events?event=a&limit=3&%65vent=b' -H "X-API-Key: $KEY")" = 400 ]
	[ "$(json "o['detail']")" = 'event is given twice' ]
	[ "$(code '/api/v1/events?event=a&limit=3&timeRange=1h' -H "X-API-Key: $KEY")" = 200 ]
	post /api/v1/events/batch '{"events":[{"x":1}]}' > /dev/null
	[ "$(json "o['status'], o['instance'], o['rejected']")" = "(400, '/api/v1/events/batch', 1)" ]
}

@test "a parameter that nobody reads is refused on every path, those that take events and those of a link too" {
	serve_start
	for path in '/api/v1/events?evnt=a' '/api/v1/events/batch?x=1'; do
		[ "$(code "$path" -H "X-API-Key: $KEY" -d '{"event":"a"}')" = 400 ]
		[[ "$(json "o['detail']")" == "no parameter '"*"' is known here"* ]]
	done
	[ "$(code "/api/v1/events?api_secret=$KEY" -d '{"event":"a"}')" = 200 ]
	[ "$(code '/api/v1/shared/a?timerange=1h' -H 'Authorization: Bearer x')" = 400 ]
	[ "$(post /api/v1/query '{"query":"SELECT COUNT(*) AS n FROM events"}' | jq '.data[0].n')" = 1 ]
}

@test "who comes back of all time: the period is that of the events that the caller sees" {
	serve_start
	[ "$(get /api/v1/retention | jq -c '[.from == .to, .data]')" = '[true,[]]' ]
	at-ingest -q <<-'E'
		{"event":"a","user_id":"u","timestamp":"2026-11-01T00:00:00Z","country":"FR"}
		{"event":"a","user_id":"u","timestamp":"2026-11-03T00:00:00Z","country":"DE"}
		{"event":"a","user_id":"u","timestamp":"2026-11-04T00:00:00Z","country":"DE"}
	E
	for path in /api/v1/retention '/api/v1/funnels?steps=a' /api/v1/paths '/api/v1/retention?timeRange=all'; do
		[ "$(get "$path" | jq -c '[.from, .to]')" = '["2026-11-01T00:00:00.000Z","2026-11-04T00:00:00.001Z"]' ]
	done
	get '/api/v1/retention?from=2026-11-02T00:00:00Z&to=2026-12-01T00:00:00Z' | jq -e '.from == "2026-11-02T00:00:00.000Z" and .to == "2026-12-01T00:00:00.000Z"'
	at-admin -q role add german read:retention --sees 'rows=.properties.country == "DE"'
	KEY=$(at-admin -q key create part --role german)
	[ "$(get /api/v1/retention | jq -c '[.from, .to]')" = '["2026-11-03T00:00:00.000Z","2026-11-04T00:00:00.001Z"]' ]
}

@test "200 is durable: kill -9 behind it loses nothing, and what is sent again counts once" {
	serve_start
	for i in 1 2 3 4 5; do post /api/v1/events "{\"event\":\"e\",\"id\":\"i$i\"}" > /dev/null; [ "$status_code" = 200 ]; done
	kill -KILL $PID; wait $PID || true
	[ "$(at-query 'SELECT count(*) AS n FROM events')" = '{"n":5}' ]
	serve_start
	post /api/v1/events '{"event":"e","id":"i3"}' > /dev/null
	[ "$status_code" = 200 ]
	a=$(post /api/v1/events '{"event":"k"}' -H 'Idempotency-Key: abc')
	[ "$a" = "$(post /api/v1/events '{"event":"k"}' -H 'Idempotency-Key: abc')" ]
	[ "$(at-query 'SELECT event, count(*) AS n FROM events GROUP BY 1 ORDER BY 1')" = $'{"event":"e","n":5}\n{"event":"k","n":1}' ]
}

@test "an Idempotency-Key with another body is 422 and stores nothing: one event, batches, lines in parts, over a start and over workers" {
	at-admin init
	KEY=$(at-admin key create k --role admin)
	OTHER=$(at-admin key create l --role admin)
	serve_start --workers 2
	told() { [ "$status_code" = 422 ] && jq -e '.detail | test("Idempotency-Key")' body; }
	keyed() { local key=$1 path=$2 body=$3; shift 3; post "$path" "$body" -H "Idempotency-Key: $key" "$@" > /dev/null; }
	keyed one /api/v1/events '{"event":"a"}' && [ "$status_code" = 200 ]
	for i in 1 2 3; do
		keyed one /api/v1/events '{"event":"b"}'
		told
		keyed one /api/v1/events '{"event":"a"}' && [ "$status_code" = 200 ]
	done
	keyed one /api/v1/events '{"event":"a","id":"mine"}'
	told
	KEY=$OTHER keyed one /api/v1/events '{"event":"of another caller"}' && [ "$status_code" = 200 ]
	post /api/v1/events "{\"event\":\"id\",\"id\":\"\\u0000key\\u0000${KEY:3:12}\\u0000/api/v1/events\\u0000two\\u0000\"}" > /dev/null && [ "$status_code" = 200 ]
	keyed two /api/v1/events '{"event":"id"}' && [ "$status_code" = 200 ]           # no id of an event takes a key away
	keyed many /api/v1/events/batch '[{"event":"m"},{"event":"m"}]' && [ "$status_code" = 200 ]
	for body in '[{"event":"m"},{"event":"m"},{"event":"n"}]' '[{"event":"m"}]' '[{"event":"m"},{"event":"m"},{"bad":1}]' '[{"event":"m"},{"metric":"x","value":1}]'; do
		keyed many /api/v1/events/batch "$body"
		told
	done
	keyed many /api/v1/events/batch $'{"event":"m"}\n{"event":"m"}' -H 'Content-Type: application/x-ndjson' && [ "$status_code" = 200 ]
	serve_stop
	serve_start
	keyed one /api/v1/events '{"event":"b"}'
	told
	awk 'BEGIN { for (i = 0; i < 30000; i++) printf "{\"event\":\"long\",\"properties\":{\"n\":%d,\"pad\":\"%060d\"}}\n", i, i }' > lines
	for i in 1 2; do
		keyed long /api/v1/events/batch @lines -H 'Content-Type: application/x-ndjson' && [ "$status_code" = 200 ]
		jq -e '.accepted == 30000' body
	done
	lines() { keyed long /api/v1/events/batch "@$1" -H 'Content-Type: application/x-ndjson' "${@:2}"; }
	lines lines -H 'Transfer-Encoding: chunked' && [ "$status_code" = 200 ]          # cut otherwise on its way
	sed 's/"n":29000,/"n":-1,/' lines > late && cat lines - <<< '{"event":"more"}' > longer && head -29000 lines > shorter && sed '3s/"event":"long"/"event":"other"/' lines > early
	for other in late longer shorter early; do
		lines $other
		told || { echo $other; return 1; }
	done
	head -c 1500000 lines | curl -s -o /dev/null -X POST "$U/api/v1/events/batch" -H "X-API-Key: $KEY" -H 'Idempotency-Key: cut' -H 'Content-Type: application/x-ndjson' \
	    -H "Content-Length: $(stat -c %s lines)" --data-binary @- & left=$!
	parts() { [ "$(at-query "SELECT count(*) AS n FROM events WHERE event = 'long'" | jq .n)" -gt 30000 ]; }
	soon parts
	kill $left; wait $left || true
	keyed cut /api/v1/events/batch @lines -H 'Content-Type: application/x-ndjson' && [ "$status_code" = 200 ]         # the rest of it too
	sed -i 's/"event":"long"/"event":"long2"/' lines
	keyed cut2 /api/v1/events/batch @lines -H 'Content-Type: application/x-ndjson' && [ "$status_code" = 200 ]
	keyed long /api/v1/events/batch '[{"event":"short"}]'
	told
	keyed many /api/v1/events/batch @lines -H 'Content-Type: application/x-ndjson'
	told
	[ "$(post /api/v1/query '{"query":"SELECT event, COUNT(*) AS n FROM events GROUP BY 1 ORDER BY 1"}' | jq -c '[.data[] | [.event, .n]]')" = '[["a",1],["id",2],["long",60000],["long2",30000],["m",2],["of another caller",1]]' ]
	[ "$(post /api/v1/query '{"query":"SELECT COUNT(*) AS n FROM metrics"}' | jq '.data[0].n')" = 0 ]
}

@test "CloudEvents over HTTP: structured, batch, and attributes in headers" {
	serve_start
	cloud() { local type=$1 body=$2; shift 2; call POST /api/v1/events -H "Content-Type: $type" --data-binary "$body" "$@"; }
	whole='{"specversion":"1.0","type":"signup","source":"/web","id":"1","time":"2026-11-23T22:21:36.297Z","subject":"u1","data":{"plan":"pro"}}'
	cloud 'application/cloudevents+json; charset=utf-8' "$whole" | jq -e '. == {"accepted":1,"ids":["1"]}'
	cloud application/json '{"plan":"pro"}' -H 'ce-specversion: 1.0' -H 'Ce-Type: signup' -H 'ce-source: /web' -H 'ce-id: 2' -H 'ce-time: 2026-11-23T22:21:36.297Z' \
	    -H 'ce-subject: u1' | jq -e '. == {"accepted":1,"ids":["2"]}'
	cloud application/json '{"plan":"pro"}' -H 'ce-specversion: 1.0' -H 'ce-type: signup' -H 'ce-source: /web' -H 'ce-id: 2' -H 'ce-time: 2026-11-23T22:21:36.297Z' > /dev/null      # again: once
	cloud text/plain 'h"i' -H 'ce-specversion: 1.0' -H 'ce-type: said' -H 'ce-source: /web' -H 'ce-id: 3' -H 'ce-who: Zo%C3%AB' > /dev/null
	cloud '' '' -H 'ce-specversion: 1.0' -H 'ce-type: empty' -H 'ce-source: /web' -H 'ce-id: 4' > /dev/null
	[ "$status_code" = 200 ]
	cloud application/cloudevents-batch+json '[{"specversion":"1.0","type":"b","source":"/","id":"5"},{"specversion":"1.0","source":"/","id":"6"},{"type":"b"},3]' > /dev/null
	jq -e '.accepted == 1 and .rejected == 3 and [.errors[].index] == [1,2,3]' body
	cloud application/cloudevents-batch+json '[{"type":"b"}]' > /dev/null && [ "$status_code" = 400 ]
	for bad in "$whole" '{}' 3; do cloud application/cloudevents-batch+json "$bad" > /dev/null && [ "$status_code" = 422 ]; done
	cloud application/cloudevents+json '{"type":"a"}' > /dev/null && [ "$status_code" = 422 ]
	cloud application/cloudevents+json '{' > /dev/null && [ "$status_code" = 400 ]
	cloud application/json '{}' -H 'ce-specversion: 1.0' -H 'ce-source: /web' -H 'ce-id: 7' > /dev/null && [ "$status_code" = 422 ]         # no type
	cloud application/json $'\xff' -H 'ce-specversion: 1.0' -H 'ce-type: x' > /dev/null && [ "$status_code" = 422 ]
	binary() { local id=$1; shift; cloud "$@" -H 'ce-specversion: 1.0' -H 'ce-type: x' -H 'ce-source: /x' -H "ce-id: $id" > /dev/null; [ "$status_code" = 200 ]; }
	binary x1 application/xml '<a/>' && printf '\211PNG\0\377' > picture && binary x2 image/png @picture && binary x3 Application/JSON '{"a":1}'
	[ "$(at-query "SELECT json_group_array(json(properties)) AS p FROM (SELECT properties FROM events WHERE event = 'x' ORDER BY id)" | jq -r .p)" = \
	    '[{"data":"<a/>","source":"/x"},{"source":"/x","data_base64":"iVBORwD/"},{"a":1,"source":"/x"}]' ]
	cloud 'Application/CloudEvents+JSON' '{"specversion":"1.0","type":"x","source":"/","id":"x4"}' | jq -e '.ids == ["x4"]'
	deep() { printf '{"specversion":"1.0","type":"deep","source":"/","id":"%s","data":%s%s}' "$1" "$(printf '%*s' "$1" '' | tr ' ' '[')" "$(printf '%*s' "$1" '' | tr ' ' ']')"; }
	cloud application/cloudevents+json "$(deep 511)" > /dev/null && [ "$status_code" = 422 ]        # as an event it would be deeper than what can be read
	cloud application/cloudevents-batch+json "[$(deep 510),$(deep 510)]" > /dev/null && [ "$status_code" = 200 ]
	at-query -o ndjson 'SELECT properties FROM events WHERE event = '"'deep'" > deep && [ "$(wc -l < deep)" = 1 ]
	[ "$(post /api/v1/query '{"query":"SELECT id, event, timestamp = '"'2026-11-23T22:21:36.297Z'"' AS then_, properties FROM events WHERE event != '"'x'"' ORDER BY id"}' | jq -c '.data[] | [.id, .event, .then_, (.properties | fromjson)]')" = \
'["1","signup",1,{"plan":"pro","source":"/web","subject":"u1"}]
["2","signup",1,{"plan":"pro","source":"/web","subject":"u1"}]
["3","said",0,{"data":"h\"i","source":"/web","who":"Zoë"}]
["4","empty",0,{"source":"/web"}]
["5","b",0,{"source":"/"}]' ]
}

@test "a batch has a verdict for each item: JSON, an array, lines, gzip, lies about the type; 400 when none is good" {
	serve_start
	post /api/v1/events/batch '{"events":[{"event":"a"},{"no":1},{"event":"b"}]}' > /dev/null
	[ "$(json "o['accepted'], o['rejected'], o['errors'][0]['index']")" = '(2, 1, 1)' ]
	post /api/v1/events/batch '[{"event":"a"}]' > /dev/null && [ "$status_code" = 200 ]
	printf '{"event":"l"}\nrubbish\n\n{"event":"l"}' > lines
	post /api/v1/events/batch @lines -H 'Content-Type: application/x-ndjson' > /dev/null
	[ "$(json "o['accepted'], o['rejected'], o['errors'][0]['index']")" = '(2, 1, 1)' ]
	of() { post /api/v1/events/batch "$2" -H "Content-Type: $1" | jq -c '[.accepted, .rejected]'; }
	[ "$(of application/x-ndjson '{"events":[{"event":"m"},{"event":"m"}]}')" = '[2,0]' ]
	[ "$(of Application/NDJSON "$(printf '{\n "events": [{"event":"m"}]\n}')")" = '[1,0]' ]
	[ "$(of application/x-ndjson '{"sentAt":1,"batch":[{"event":"m"}]}')" = '[1,0]' ]
	[ "$(of application/jsonl "$(printf '{"event":"m","batch":[1]}\n{"event":"m","events":[1]}')")" = '[2,0]' ]
	[ "$(of application/jsonl "$(printf '{"events":[1],"event":"m"}\n{"event":"m"}')")" = '[2,0]' ]
	[ "$(of application/x-ndjson "$(printf '{"events":[\n{"event":"m"},\n{"event":"m"}]}')")" = '[2,0]' ]
	[ "$(of application/json '{"event":"m","batch":[1]}')" = '[1,0]' ]
	[ "$(of 'application/json charset=utf-8' '{"event":"m"}')" = '[1,0]' ]
	post /api/v1/events '{"event":"m"}' -H 'Content-Encoding: gzip' > /dev/null && [ "$status_code" = 200 ]       # gzip is what begins as it does
	gzip -k lines
	post /api/v1/events/batch @lines.gz -H 'Content-Type: text/plain' -H 'Content-Encoding: gzip' > /dev/null
	[ "$(json "o['accepted']")" = 2 ]
	post /api/v1/events/batch @lines.gz -H 'Content-Type: application/x-www-form-urlencoded' > /dev/null
	[ "$(json "o['accepted']")" = 2 ]
	for bad in '{"events":[{"x":1}]}' '{"events":[]}' '[]' 'rubbish'; do
		post /api/v1/events/batch "$bad" > /dev/null
		[ "$status_code" = 400 ] && grep -qi '^content-type: application/problem+json' head
	done
	[ "$(at-query "SELECT count(*) AS n FROM events WHERE event = 'l'")" = '{"n":6}' ]
}

@test "a byte order mark in front of a body is passed over; a field that is asked for twice is one label; what is no state of an alert is told" {
	serve_start
	printf '\xef\xbb\xbf{"event":"x","properties":{"a":1}}' > body.json
	printf '\xef\xbb\xbf{"event":"x"}\n{"event":"y"}\n' > body.ndjson
	printf '\xef\xbb\xbf[{"event":"x"}]' > body.array
	printf '\xef\xbb\xbf{"query":"SELECT COUNT(*) AS n FROM events"}' > body.query
	call POST /api/v1/events --data-binary @body.json > /dev/null && [ "$status_code" = 200 ]
	for type in application/x-ndjson application/json; do
		call POST /api/v1/events/batch -H "Content-Type: $type" --data-binary @body.ndjson | jq -e '.accepted == 2 and .rejected == 0'
	done
	call POST /api/v1/events/batch --data-binary @body.array | jq -e '.accepted == 1'
	call POST /api/v1/query -H 'Content-Type: application/json' --data-binary @body.query | jq -e '.data == [{"n":6}]'
	printf '\xef\xbb' > body.cut
	call POST /api/v1/events/batch --data-binary @body.cut > /dev/null && [ "$status_code" = 400 ]
	get '/api/v1/metrics?metric=x&groupBy=a,a&interval=all' | jq -e '.groupBy == ["a"]'
	[ "$(grep -o '"a":1' body | wc -l)" = 1 ]
	get '/api/v1/alerts?state=bogus' > /dev/null && [ "$status_code" = 400 ]
	get '/api/v1/metrics?metric=x&to=2001-01-01' | jq -e '.from == "2000-12-31T23:00:00.000Z"'
}

@test "a stream of lines has no bound: 300,000 events, 30 MB, in constant memory" {
	serve_start
	before=$(awk '/VmHWM/ { print $2 }' /proc/$PID/status)
	python3 -c 'for i in range(300000): print("{\"event\":\"s\",\"properties\":{\"n\":%d,\"pad\":\"%s\"}}" % (i, "x" * 60))' |
	    curl -s -o body -T - -X POST "$U/api/v1/events/batch" -H "X-API-Key: $KEY" -H 'Content-Type: application/x-ndjson'
	[ "$(json "o['accepted'], o['rejected']")" = '(300000, 0)' ]
	after=$(awk '/VmHWM/ { print $2 }' /proc/$PID/status)
	[ -n "${SANITIZED:-}" ] || [ $((after - before)) -lt 65536 ]
	[ "$(at-query 'SELECT count(*) AS n, sum(n) AS s FROM events')" = '{"n":300000,"s":44999850000}' ]
}

@test "the rules of analytics.json hold for what comes over HTTP as for at-ingest" {
	mkdir config
	echo '{"events":{"buy":{"clean":{"email":{"trim":true,"case":"lower"},"amount":{"coerce":"number","range":[0,100]}}},"noise":{"drop":true}}}' > config/analytics.json
	serve_start
	row='{"event":"buy","properties":{"email":" A@B.C ","amount":"5"}}'
	post /api/v1/events "$row" > /dev/null
	[ "$(at-query 'SELECT email, amount FROM events')" = "$(at-ingest -n <<< "$row" | at-query -i - 'SELECT properties.email AS email, properties.amount AS amount FROM input')" ]
	post /api/v1/events '{"event":"buy","properties":{"amount":1000}}' > /dev/null
	[ "$status_code" = 422 ] && grep -q 'at most 100' body
	post /api/v1/events '{"event":"noise"}' > /dev/null && [ "$status_code" = 200 ]
	[ "$(at-query 'SELECT count(*) AS n FROM events')" = '{"n":1}' ]
}

@test "SQL: formats, parameters, repeated names, and that it only reads (fault 30)" {
	serve_start
	post /api/v1/query '{"query":"SELECT 1 AS a, 2 AS a, :x AS x","parameters":{"x":"it'"'"'s"}}' > /dev/null
	[ "$(json "o['data']")" = "[{'a': 1, 'a_2': 2, 'x': \"it's\"}]" ]
	[ "$(post /api/v1/query '{"query":"SELECT 1 AS a, 2 AS a","format":"csv"}')" = $'a,a\n1,2' ]
	[ "$(post /api/v1/query '{"query":"SELECT ? AS a UNION ALL SELECT 2","format":"ndjson","parameters":[1]}')" = $'{"a":1}\n{"a":2}' ]
	for bad in "DELETE FROM events" "ATTACH 'x' AS y" "PRAGMA user_version" "SELECT load_extension('x')" "SELEC 1" "SELECT 1; SELECT 2" "" "SELECT * FROM nothing"; do
		post /api/v1/query "$(python3 -c 'import json,sys; print(json.dumps({"query": sys.argv[1]}))' "$bad")" > /dev/null
		[[ $status_code == 4?? ]] || { echo "$bad: $status_code"; return 1; }
	done
	post /api/v1/query '{"query":"SELECT 1","more":1}' > /dev/null && [ "$status_code" = 422 ]
	post /api/v1/query '{"query":"WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM t LIMIT 300000) SELECT n, printf('"'%060d'"', n) AS pad FROM t","format":"csv"}' > /dev/null
	[ "$status_code" = 200 ] && [ "$(wc -l < body)" = 300001 ]
}

@test "fault 31: a statement that would run for ever is ended: 408" {
	mkdir config
	echo '{"serve":{"query":{"timeout":"200ms"}}}' > config/analytics.json
	serve_start
	post /api/v1/query '{"query":"WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM t) SELECT count(*) FROM t"}' > /dev/null
	[ "$status_code" = 408 ] && grep -q serve.query.timeout body
}

@test "31: an answer that is ended on its way is not taken for a whole one: CSV breaks off, lines say it" {
	mkdir config
	echo '{"serve":{"query":{"timeout":"2s"}}}' > config/analytics.json
	serve_start
	cut() {         # curl's exit, what it was answered
		local ended=0 status
		status=$(curl -s -o body -w '%{http_code}' "$U/api/v1/query" -H "X-API-Key: $KEY" -H 'Content-Type: application/json' \
		    -d '{"query":"WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM t) SELECT n, hex(n) FROM t","format":"'$1'"}') || ended=$?
		echo $ended/$status
	}
	[[ $(cut csv) =~ ^(18/200|0/408)$ ]]             # a part of a file, says curl; or it was too slow to begin
	said=$(cut ndjson)
	[ $said = 0/408 ] || [[ $said/$(tail -1 body) == 0/200/*'"error"'*serve.query.timeout* ]]
}

@test "the same rows have the same ETag, however long they took" {
	tag() { get /api/v1/schema > /dev/null && sed -n 's/^[Ee][Tt]ag: \(.*\)\r$/\1/p' head; }
	serve_start
	post /api/v1/events '{"event":"a","timestamp":"2026-11-23T10:00:00Z"}' > /dev/null && [ "$status_code" = 200 ]
	first=$(tag)
	[[ $first = W/* ]]
	sleep 1.1               # a kept answer is no older than a second
	[ "$(tag)" = "$first" ]
	[ "$(curl -s -o /dev/null -w '%{http_code}' "$U/api/v1/schema" -H "X-API-Key: $KEY" -H "If-None-Match: $first")" = 304 ]
	post /api/v1/events '{"event":"b","timestamp":"2026-11-23T10:00:00Z"}' > /dev/null
	[ "$(tag)" != "$first" ]
}

@test "HEAD says what GET would, with its ETag; a stream that nobody reads ends behind its head" {
	serve_start
	post /api/v1/events '{"event":"a","timestamp":"2026-11-23T10:00:00Z"}' > /dev/null && [ "$status_code" = 200 ]
	get /api/v1/schema > /dev/null
	tag=$(sed -n 's/^[Ee][Tt]ag: \(.*\)\r$/\1/p' head)
	curl -sI "$U/api/v1/schema" -H "X-API-Key: $KEY" | grep -F "$tag"
	[ "$(curl -sI -o /dev/null -w '%{http_code}' "$U/api/v1/schema" -H "X-API-Key: $KEY" -H "If-None-Match: $tag")" = 304 ]
	curl -sI -m 20 "$U/api/v1/stream?event=a" -H "X-API-Key: $KEY" | grep -i '^content-type: text/event-stream'
	[ "$(curl -sI -m 20 -o /dev/null -w '%{http_code}' "$U/api/v1/stream" -H "X-API-Key: $KEY")" = 400 ]
}

@test "a name that no path leads to, or that ends within, is no name" {
	serve_start
	for name in . ..; do
		post /api/v1/users '{"name":"'$name'","password":"correct horse battery","roles":[]}' > /dev/null && [ "$status_code" = 422 ]
	done
	post /api/v1/tenants '{"name":"a\u0000b"}' > /dev/null && [ "$status_code" = 422 ]
	[ "$(at-admin tenant list)" = default ]
}

@test "events come newest first, page by page, each once" {
	serve_start
	python3 -c 'for i in range(57): print("{\"event\":\"p\",\"timestamp\":\"2026-11-23T10:00:%02d.000Z\",\"properties\":{\"n\":%d}}" % (i // 10, i))' > rows
	post /api/v1/events/batch @rows -H 'Content-Type: application/x-ndjson' > /dev/null
	next=
	while :; do
		get "/api/v1/events?limit=10${next:+&cursor=$next}" > /dev/null
		json "'\n'.join(str(e['properties']['n']) for e in o['events'])" >> seen
		next=$(json "o['next'] or ''")
		[ -n "$next" ] || break
	done
	[ "$(sort -n seen | tr '\n' ' ')" = "$(seq -s ' ' 0 56) " ]
	[ "$(head -1 seen)" -ge 50 ]
}

@test "funnels, retention, paths, sessions, schema, forecast: what at-query says" {
	serve_start
	python3 -c '
for u in range(20):
    for i, e in enumerate(("view", "cart", "buy")[: 1 + u % 3]):
        print("{\"event\":\"%s\",\"user_id\":\"u%d\",\"timestamp\":\"2026-11-%02dT10:%02d:00Z\"}" % (e, u, 1 + u, i))' > rows
	post /api/v1/events/batch @rows -H 'Content-Type: application/x-ndjson' > /dev/null
	get '/api/v1/funnels?steps=view,cart,buy&timeRange=2026-11-01/2026-12-01' > /dev/null
	[ "$(json "[r['users'] for r in o['data']]")" = '[20, 13, 6]' ]
	get '/api/v1/retention?interval=1d&periods=2&timeRange=2026-11-01/2026-12-01' > /dev/null && [ "$status_code" = 200 ]
	get '/api/v1/retention?interval=month&periods=2&timeRange=2026-11-01/2026-12-01' > /dev/null && [ "$status_code" = 200 ]
	[ "$(get '/api/v1/retention?interval=x' | jq -r .detail)" = "interval: 'x' is no span, try 30m, 1h, 7d or 1 month" ]
	[ "$(get '/api/v1/retention?periods=0' | jq -r .detail)" = 'periods: wants 1 to 10000' ]
	get '/api/v1/paths?depth=1&timeRange=2026-11-01/2026-12-01' > /dev/null
	[ "$(json "o['data'][0]['from'], o['data'][0]['to'], o['data'][0]['count']")" = "('view', 'cart', 13)" ]
	get '/api/v1/matches?pattern=view%20-%3E%20cart%20-%3E%20!buy%20within%205m%20by%20user_id&timeRange=2026-11-01/2026-12-01&limit=6' > /dev/null
	[ "$(json "len(o['matches']), o['more'], o['matches'][0]['key'], [e['event'] for e in o['matches'][0]['events']]")" = "(6, True, {'user_id': 'u1'}, ['view', 'cart'])" ]
	[ "$(json "sorted(o['matches'][0])")" = "['events', 'key', 'match', 'timestamp']" ]
	get '/api/v1/matches?pattern=view%20-%3E' > /dev/null; [ "$status_code" = 400 ]
	get '/api/v1/matches?pattern=view%5Binput%5D' > /dev/null; [ "$status_code" = 400 ]
	get '/api/v1/sessions?timeRange=2026-11-01/2026-12-01' > /dev/null && [ "$(json "o['rows']")" = 20 ]
	get '/api/v1/schema' > /dev/null && [ "$(json "sorted(r['name'] for r in o['data'])")" = "['buy', 'cart', 'view']" ]
	get '/api/v1/forecast?metric=view&timeRange=2026-11-01/2026-11-21&horizon=3d' > /dev/null
	[ "$(json "len(o['forecast']), o['forecast'][0]['timestamp'], all(r['lower'] <= r['mean'] <= r['upper'] for r in o['forecast'])")" = "(3, '2026-11-21T00:00:00.000Z', True)" ]
}

@test "forecast: buckets that the period cuts at its ends are whole or none, as at-insight has them" {
	serve_start
	# 24 a day; a period from noon to noon
	python3 -c '
for h in range(24 * 25):
    print("{\"event\":\"tick\",\"timestamp\":%d}" % (1793491200 + 3600 * h))' > rows
	post /api/v1/events/batch @rows -H 'Content-Type: application/x-ndjson' > /dev/null
	get '/api/v1/forecast?metric=tick&from=2026-11-05T12:00:00Z&to=2026-11-15T12:00:00Z&horizon=7' > /dev/null
	[ "$(json "[(r['timestamp'][8:10], round(r['lower']), round(r['upper'])) for r in o['forecast']]")" = \
	    "[$(for d in 15 16 17 18 19 20 21; do printf "%s('%s', 24, 24)" "$([ $d = 15 ] || echo ', ')" $d; done)]" ]
	get '/api/v1/forecast?metric=tick&from=2026-11-05T12:00:00Z&to=2026-11-05T18:00:00Z' > /dev/null
	[ "$status_code" = 422 ]
}

@test "insights: a change is told with its figures" {
	serve_start
	python3 - > rows <<'P'
import datetime, json
now = datetime.datetime.now(datetime.timezone.utc)
for u in range(400):
    for week, rate in ((0, 4), (1, 2)):        # users of this week came to the end twice as often
        at = now - datetime.timedelta(days=1 + 7 * (1 - week) + u % 5)
        user = f'w{week}u{u}'
        print(json.dumps({'event': 'page_view', 'user_id': user, 'timestamp': at.isoformat()}))
        if u % rate == 0:
            print(json.dumps({'event': 'user_signup', 'user_id': user, 'timestamp': (at + datetime.timedelta(minutes=1)).isoformat()}))
P
	post /api/v1/events/batch @rows -H 'Content-Type: application/x-ndjson' > /dev/null
	post /api/v1/insights '{"timeRange":"7d","metrics":["conversion_rate","page_views"],"includeRecommendations":true}' > /dev/null
	[ "$(json "o['insights'][0]['metric'], round(o['insights'][0]['evidence']['current'], 2), round(o['insights'][0]['evidence']['previous'], 2), o['insights'][0]['score'] > 0.5 and o['insights'][0]['evidence']['p'] < 0.001")" = \
	    "('conversion_rate', 0.5, 0.25, True)" ]
	[[ $(json "o['insights'][0]['insight']") == *'rose by 25 points from 25 % to 50 %'* ]]
	[[ $(json "o['insights'][1]['insight']") == *'may be chance'* ]]
	[ "$(json "o['recommendations'][0]['evidence']['lost']")" = 200 ]
	post /api/v1/insights '{"dataSource":"nobody"}' > /dev/null && [ "$status_code" = 404 ]
}

@test "metrics of all time: the period is that of the buckets that have something; buckets may be months" {
	serve_start
	[ "$(get '/api/v1/metrics?metric=a&timeRange=all' | jq -c '[.from == .to, (.from | .[:3]), .total]')" = '[true,"202",0]' ]
	at-ingest -q <<-'E'
		{"event":"a","user_id":"u","timestamp":"2026-09-30T23:10:00Z"}
		{"event":"a","user_id":"u","timestamp":"2026-11-03T10:00:00Z"}
		{"metric":"cpu","timestamp":"2026-10-03T10:00:00Z","value":3}
	E
	ends() { get "/api/v1/metrics?metric=$1" | jq -c '[.from[:16], .to[:16], .interval, (.series[0].points | length)]'; }
	[ "$(ends 'a&timeRange=all')" = '["2026-09-30T00:00","2026-11-04T00:00","1d",35]' ]
	[ "$(ends 'a&timeRange=all&interval=1h')" = '["2026-09-30T23:00","2026-11-03T11:00","1h",804]' ]
	[ "$(ends 'a&timeRange=all&interval=all')" = '["2026-09-30T00:00","2026-11-04T00:00",null,1]' ]
	[ "$(ends 'a&timeRange=2026-10-01/')" = '["2026-10-01T00:00","2026-11-04T00:00","1d",34]' ]
	[ "$(ends 'a&timeRange=/2026-11-20&interval=month')" = '["2026-09-01T00:00","2026-11-20T00:00","1mo",3]' ]
	[ "$(ends 'a&timeRange=all&interval=1%20month&groupBy=x')" = '["2026-09-01T00:00","2026-12-01T00:00","1mo",3]' ]
	[ "$(ends 'a&timeRange=all&interval=quarter')" = '["2026-07-01T00:00","2027-01-01T00:00","3mo",2]' ]
	[ "$(get '/api/v1/metrics?metric=a&timeRange=all&interval=1.5%20months' | jq -r .detail)" = "interval: '1.5 months' is no span, try 1m, 1h or 1 month" ]
	[ "$(get '/api/v1/matches?timeRange=all&pattern=a%20-%3E%20a%20within%2090d%20by%20user_id' | jq -c '[.from, .to]')" = '["2026-09-30T23:10:00.000Z","2026-11-03T10:00:00.001Z"]' ]
}

@test "a metric's total is that of decimals, of series and of all of them" {
	serve_start
	for i in 1 2 3; do
		for h in a b; do echo "{\"metric\":\"m\",\"timestamp\":\"2026-11-01T1$i:00:00Z\",\"labels\":{\"h\":\"$h\"},\"revenue_sum\":0.1}"; done
	done | at-ingest -q
	[ "$(get '/api/v1/metrics?metric=m.revenue_sum&groupBy=h&timeRange=all&interval=1h' | jq -c '[.total, [.series[].total]]')" = '[0.6,[0.3,0.3]]' ]
}

@test "conversion_rate and user_engagement are metrics over time, by a field, and what insights say of them" {
	serve_start
	[ "$(get '/api/v1/metrics?metric=conversion_rate&timeRange=all' | jq -c '[.series, .additive, (.note | test("funnel"))]')" = '[[],false,true]' ]
	at-ingest -q <<-'E'
		{"event":"page_view","user_id":"a","timestamp":"2026-11-01T10:00:00Z","country":"FR"}
		{"event":"page_view","user_id":"b","timestamp":"2026-11-01T11:00:00Z","country":"DE"}
		{"event":"page_view","user_id":"c","timestamp":"2026-11-01T12:00:00Z","country":"DE"}
		{"event":"user_signup","user_id":"b","timestamp":"2026-11-02T11:00:00Z","country":"DE"}
		{"event":"page_view","user_id":"a","timestamp":"2026-11-03T10:00:00Z","country":"FR"}
		{"event":"page_view","user_id":"a","timestamp":"2026-11-03T10:10:00Z","country":"FR"}
		{"event":"page_view","user_id":"a","timestamp":"2026-11-12T10:10:00Z","country":"FR"}
	E
	of() { get "/api/v1/metrics?timeRange=2026-11-01/2026-11-20&interval=1d&metric=$1" | jq -c "[.total, .additive, [.series[] | [.labels.country, .total, [.points[] | [.[0][:10], .[1]]]]]]"; }
	# of the first day three entered, and one came to the end on the next
	[ "$(of conversion_rate)" = '[0.3333333333333333,false,[[null,0.3333333333333333,[["2026-11-01",0.3333333333333333],["2026-11-03",0],["2026-11-12",0]]]]]' ]
	[ "$(of 'conversion_rate&groupBy=country')" = '[0.3333333333333333,false,[["DE",0.5,[["2026-11-01",0.5]]],["FR",0,[["2026-11-01",0],["2026-11-03",0],["2026-11-12",0]]]]]' ]
	[ "$(of 'conversion_rate&filters=%7B%22country%22:%22DE%22%7D')" = '[0.5,false,[[null,0.5,[["2026-11-01",0.5]]]]]' ]
	[ "$(of user_engagement | jq -c '[.[0], (.[2][0][2] | length)]')" = '[2,4]' ]                     # 6 visits of 3 users
	[ "$(of user_engagement.events | jq -c '[.[0], .[2][0][2][2]]')" = '[2.3333333333333335,["2026-11-03",2]]' ]
	get '/api/v1/metrics?metric=conversion_rate&groupBy=country,page' > /dev/null && [ "$status_code" = 400 ]
	[ "$(at-query metric conversion_rate --range 2026-11-01..2026-11-20 | jq -c '.value')" = 0.3333333333333333 ]
	post /api/v1/query '{"query":"SELECT value FROM metric('"'user_engagement'"')"}' | jq -e '.data[0].value == 2'
	post /api/v1/insights '{"timeRange":"2026-11-01/2026-11-20","metrics":["conversion_rate","user_engagement"]}' > /dev/null
	[ "$(jq -c '[.insights[].evidence.current]' body)" = '[0.3333333333333333,2,2.3333333333333335]' ]
	at-admin -q role add german read:metrics --sees 'rows=.properties.country == "DE"'
	KEY=$(at-admin -q key create part --role german)
	[ "$(of conversion_rate)" = '[0.5,false,[[null,0.5,[["2026-11-01",0.5]]]]]' ]
	at-admin -q role add few read:metrics --sees metric=cpu
	KEY=$(at-admin -q key create few --role few)
	get '/api/v1/metrics?metric=conversion_rate' | jq -e '.series == []'
}

@test "conversion_rate is what the configuration says where that says it: a metric of this name, or the default funnel" {
	mkdir config
	echo '{"funnels":{"default":{"steps":["cart","buy"],"within":"1h"}}}' > config/analytics.json
	serve_start -c config
	at-ingest -q <<-'E'
		{"event":"cart","user_id":"a","timestamp":"2026-11-01T10:00:00Z"}
		{"event":"buy","user_id":"a","timestamp":"2026-11-01T12:00:00Z"}
		{"event":"cart","user_id":"b","timestamp":"2026-11-01T10:00:00Z"}
		{"event":"buy","user_id":"b","timestamp":"2026-11-01T10:30:00Z"}
	E
	of() { get '/api/v1/metrics?timeRange=all&interval=all&metric=conversion_rate' | jq -c .total; }
	[ "$(of)" = 0.5 ]
	echo '{"metrics":{"conversion_rate":{"event":"buy"}}}' > config/analytics.json
	kill -HUP $PID
	is_two() { [ "$(of)" = 2 ]; }
	soon is_two
}

@test "insights: what drove a change is named, and of no named metrics the whole store is looked at" {
	serve_start
	python3 - > rows <<'P'
import datetime, json, random
r = random.Random(4)
now = datetime.datetime.now(datetime.timezone.utc)
for day in range(28):
    for i in range(60):
        c = r.choice('NL DE US FR'.split())
        if day < 7 and c == 'NL' and r.random() < 0.9:
            continue
        print(json.dumps({'event': 'page_view', 'user_id': 'u%d' % i, 'timestamp': (now - datetime.timedelta(days=day, minutes=5 + i)).isoformat(), 'properties': {'country': c, 'device': r.choice('ab')}}))
P
	post /api/v1/events/batch @rows -H 'Content-Type: application/x-ndjson' > /dev/null
	post /api/v1/insights '{"timeRange":"7d","metrics":["page_view"]}' > /dev/null
	[ "$(json "[(i['kind'], i['labels']) for i in o['insights'][:2]]")" = "[('change', {}), ('contribution', {'country': 'NL'})]" ]
	[ "$(json "all('test' in i['evidence'] and 0 <= i['score'] <= 1 for i in o['insights'])")" = True ]
	post /api/v1/insights '{"timeRange":"7d"}' > /dev/null
	[ "$(json "any(i['labels'] == {'country': 'NL'} for i in o['insights'])")" = True ]
}

@test "metric rows come in with a batch, for who may write metrics; series beyond limits.series are refused and counted (fault 24)" {
	mkdir config
	echo '{"limits":{"series":3}}' > config/analytics.json
	serve_start -c config
	at-admin -q role add only_events write:events
	EVENTS=$(at-admin -q key create e --role only_events)
	rows='{"event":"a"}
{"metric":"cpu","labels":{"host":"a"},"value":0.5}
{"metric":"mem","labels":{},"used":1,"free":2}'
	post /api/v1/events/batch "$rows" -H 'Content-Type: application/x-ndjson' > /dev/null
	[ "$status_code" = 200 ] && [ "$(json "o['accepted'], o['rejected'], o['samples']")" = '(3, 0, 3)' ]
	for i in $(seq 2000); do echo "{\"metric\":\"many\",\"labels\":{\"i\":\"$i\"},\"value\":1}"; done > many
	echo '{"metric":"cpu","labels":{"host":"a"},"value":0.7}' >> many
	post /api/v1/events/batch @many -H 'Content-Type: application/x-ndjson' > /dev/null
	[ "$(json "o['accepted'], o['samples'], o['samples_refused']")" = '(2001, 1, 2000)' ]
	post /api/v1/events/batch '{"events":[{"metric":"cpu","labels":{"host":"b"},"value":1},{"metric":"","value":1},{"event":"b"}]}' > /dev/null
	[ "$(json "o['samples_refused']")" = 1 ]
	code /metrics > /dev/null && grep -q '^at_ingest_samples_refused_total 2001' body && grep -q '^at_store_series 3' body
	KEY=$EVENTS post /api/v1/events/batch "$rows" -H 'Content-Type: application/x-ndjson' > /dev/null
	[ "$(json "o['accepted'], o['rejected'], o['errors'][0]['error']")" = "(1, 2, 'a metric row: your roles do not allow write:metrics')" ]
	get '/api/v1/metrics?metric=cpu&timeRange=1h&interval=all' > /dev/null && [ "$(json "len(o['series'])")" = 1 ]
	# the same bound for who saves by a pipe
	at-agg -q -c config -s -w all -b i -M other < <(for i in 1 2 3; do echo "{\"event\":\"e\",\"i\":$i}"; done) > /dev/null 2> said
	grep -q 'at-agg: 3 samples of new series were not saved: the tenant has as many as limits.series' said
	at-ingest -q -c config < many 2> said
	grep -q 'at-ingest: 2000 samples of new series were not stored' said
	at-admin verify
}

@test "a data source narrows insights to its events: by name, by a condition, and for user_behavior to those that have a user" {
	mkdir config
	cat > config/data-sources.json <<-'END'
	{"sources":{"web":{"type":"events","events":"page_*","where":".properties.plan == \"pro\""},"all":{"type":"events"},
	"log":{"type":"file","path":"x","events":["boot"]},"odd":{"type":"events","where":"$ENV"}}}
	END
	serve_start -c config
	for i in 1 2 3; do printf '{"event":"page_view","user_id":"u%s","properties":{"plan":"pro"}}\n' $i; done > rows
	printf '{"event":"page_view","user_id":"u9","properties":{"plan":"free"}}\n{"event":"boot"}\n{"event":"boot"}\n{"event":"boot","user_id":"u1"}\n' >> rows
	post /api/v1/events/batch @rows -H 'Content-Type: application/x-ndjson' > /dev/null
	current() { post /api/v1/insights "{\"dataSource\":\"$1\",\"timeRange\":\"1h\",\"metrics\":[\"$2\"]}" > /dev/null; json "[i['evidence']['current'] for i in o['insights']]"; }
	[ "$(current web page_view) $(current all page_view) $(current user_behavior page_view) $(current log page_view)" = '[3] [4] [4] []' ]
	[ "$(current web boot) $(current all boot) $(current user_behavior boot) $(current log boot)" = '[] [3] [1] [3]' ]
	post /api/v1/insights '{"dataSource":"web","timeRange":"1h","metrics":["user_engagement"]}' > /dev/null
	[ "$(json "o['insights'][0]['evidence']['users']")" = 3 ]
	post /api/v1/insights '{"dataSource":"odd"}' > /dev/null && [ "$status_code" = 422 ]
	post /api/v1/query '{"query":"SELECT COUNT(*) AS n FROM events"}' > /dev/null          # the view ends with the answer
	[ "$(json "o['data'][0]['n']")" = 7 ]
}

@test "dashboards, rules, webhooks: made, read, changed under If-Match, removed; unknown members are refused (fault 33)" {
	serve_start
	board='{"id":"main_dashboard","title":"Main","layout":"grid","widgets":[{"id":"w","type":"metric_card","metric":"user_signups","timeRange":"24h","position":{"x":0,"y":0,"w":3,"h":2}}]}'
	post /api/v1/dashboards "$board" > /dev/null
	[ "$status_code" = 201 ] && grep -qi '^location: /api/v1/dashboards/main_dashboard' head && grep -qi '^etag: "v1"' head
	post /api/v1/dashboards "$board" > /dev/null && [ "$status_code" = 409 ]
	call PATCH /api/v1/dashboards/main_dashboard -H 'Content-Type: application/json' -H 'If-Match: "v1"' -d '{"title":"New"}' > /dev/null
	[ "$status_code" = 200 ] && [ "$(json "o['title'], o['version'], len(o['widgets'])")" = "('New', 2, 1)" ]
	call PATCH /api/v1/dashboards/main_dashboard -H 'Content-Type: application/json' -H 'If-Match: "v1"' -d '{"title":"Old"}' > /dev/null
	[ "$status_code" = 412 ]
	call PATCH /api/v1/dashboards/main_dashboard -H 'Content-Type: application/json' -d '{"version":99}' > /dev/null && [ "$status_code" = 422 ]
	post /api/v1/dashboards '{"widgets":[],"by":"me"}' > /dev/null && [ "$status_code" = 422 ]
	call PUT /api/v1/dashboards/other -H 'Content-Type: application/json' -d '{"widgets":[]}' > /dev/null && [ "$status_code" = 201 ]
	get /api/v1/dashboards > /dev/null && [ "$(json "[d['id'] for d in o['dashboards']]")" = "['main_dashboard', 'other']" ]
	call DELETE /api/v1/dashboards/other > /dev/null && [ "$status_code" = 204 ]
	get /api/v1/dashboards/other > /dev/null && [ "$status_code" = 404 ]
	get /api/v1/dashboards/main_dashboard -H 'If-None-Match: "v2"' > /dev/null && [ "$status_code" = 304 ]
	for url in file:///etc/passwd ftp://a/ javascript:alert gopher://x http:///x; do
		post /api/v1/webhooks "{\"url\":\"$url\",\"events\":[\"alert\"]}" > /dev/null && [ "$status_code" = 422 ]
	done
	for headers in '{"X-A\r\nB":"c"}' '{"":"c"}' '{"X A":"c"}' '{"X-A":"b\r\nC: d"}' '{"Webhook-Id":"x"}' '{"Host":"x"}'; do
		post /api/v1/webhooks '{"url":"https://example.com/x","events":["alert"],"headers":'"$headers"'}' > /dev/null && [ "$status_code" = 422 ]
		[[ $(json "o['detail']") == headers* ]]
	done
	post /api/v1/dashboards '{"widgets":[{"id":"w","type":"text"},{"id":"v","type":"text"},{"id":"w","type":"text"}]}' > /dev/null && [ "$status_code" = 422 ]
	[ "$(json "o['detail']")" = 'widgets[2].id: wants one that no other item has, has "w" again' ]
	for id in a/b . ..; do
		post /api/v1/dashboards '{"widgets":[{"id":"'$id'","type":"text"}]}' > /dev/null && [ "$status_code" = 422 ]
	done
	for sql in 'DELETE FROM events' 'SELEC 1' "ATTACH 'x' AS y"; do
		post /api/v1/rules "{\"alert\":\"a\",\"sql\":\"$sql\"}" > /dev/null && [ "$status_code" = 422 ]
		[[ $(json "o['detail']") == 'sql: '* ]]
	done
	post /api/v1/rules '{"id":"yet","alert":"a","sql":"SELECT to_come AS value FROM events"}' > /dev/null && [ "$status_code" = 201 ]
	call DELETE /api/v1/rules/yet > /dev/null
	post /api/v1/webhooks '{"url":"https://example.com/x","events":["alert"]}' > /dev/null
	[ "$status_code" = 201 ] && [[ $(json "o['secret']") == whsec_* ]]
	id=$(json "o['id']")
	get "/api/v1/webhooks/$id" > shown
	not grep -q secret shown
	call PATCH "/api/v1/webhooks/$id" -H 'Content-Type: application/json' -d '{"headers":{"Authorization":"Bearer canary","X-A":"b"}}' > /dev/null
	[ "$(json "o['headers']")" = "{'Authorization': '***', 'X-A': '***'}" ]
	call PUT "/api/v1/webhooks/$id" -H 'Content-Type: application/json' -d '{"url":"https://example.com/y","events":["*"],"headers":{"Authorization":"***","X-A":"c"}}' > /dev/null
	[ "$status_code" = 200 ] && ! grep -q canary body
	# what is hidden goes nowhere else: another address needs it said again
	for url in https://example.org/y http://example.com/y https://example.com:8443/y https://example.com@example.org/y; do
		call PATCH "/api/v1/webhooks/$id" -H 'Content-Type: application/json' -d "{\"url\":\"$url\"}" > /dev/null && [ "$status_code" = 422 ]
		call PUT "/api/v1/webhooks/$id" -H 'Content-Type: application/json' -d "{\"url\":\"$url\",\"events\":[\"*\"],\"headers\":{\"Authorization\":\"***\"}}" > /dev/null && [ "$status_code" = 422 ]
	done
	call PATCH "/api/v1/webhooks/$id" -H 'Content-Type: application/json' -d '{"url":"https://example.com/z"}' > /dev/null && [ "$status_code" = 200 ]
	call PATCH "/api/v1/webhooks/$id" -H 'Content-Type: application/json' -d '{"url":"https://example.org/","headers":{"Authorization":"new","X-A":null}}' > /dev/null
	[ "$status_code" = 200 ] && [ "$(json "o['headers']")" = "{'Authorization': '***'}" ]
	call PUT "/api/v1/webhooks/$id" -H 'Content-Type: application/json' -d '{"url":"https://example.net/","events":["*"]}' > /dev/null && [ "$status_code" = 200 ]
	post /api/v1/rules '{"alert":"High","expr":"count > 100","for":"5m"}' > /dev/null && [ "$status_code" = 201 ]
	new() { call PUT /api/v1/dashboards/fresh -H 'Content-Type: application/json' -H 'If-None-Match: *' -d '{"widgets":[]}' > /dev/null; }
	new && [ "$status_code" = 201 ] && grep -qi '^location: /api/v1/dashboards/fresh' head
	new && [ "$status_code" = 412 ] && [ "$(get /api/v1/dashboards/fresh | jq .version)" = 1 ]
	for one in 'tenants {"name":"elsewhere"}' 'silences {"match":{"alert":"x"},"duration":"1h"}' 'keys {"name":"k","roles":["viewer"]}'; do
		post "/api/v1/${one%% *}" "${one#* }" > /dev/null && [ "$status_code" = 201 ]
		place=$(sed -n 's/^[Ll]ocation: \([^[:space:]]*\).*/\1/p' head)
		get "$place" > /dev/null && [ "$status_code" = 200 ]
	done
}

@test "dashboards of the configuration are shown and stay as they are" {
	mkdir config
	echo '{"dashboards":[{"id":"fixed","widgets":[]}]}' > config/dashboards.json
	serve_start
	get /api/v1/dashboards/fixed > /dev/null && [ "$(json "o['readonly']")" = True ]
	call DELETE /api/v1/dashboards/fixed > /dev/null && [ "$status_code" = 409 ]
	post /api/v1/dashboards '{"id":"fixed","widgets":[]}' > /dev/null && [ "$status_code" = 409 ]
}

@test "credentials: each way in, none, wrong ones; 405 has Allow, 404 and 415 say so, all as problems" {
	serve_start
	for h in "Authorization: Bearer $KEY" "Authorization: Token $KEY" "X-API-Key: $KEY" "Authorization: Basic $(printf %s: "$KEY" | base64 -w0)"; do
		[ "$(code /api/v1/me -H "$h")" = 200 ]
	done
	[ "$(code "/api/v1/me?api_secret=$KEY")" = 200 ]
	[ "$(code /api/v1/me)" = 401 ] && grep -qi '^www-authenticate: Bearer' head && grep -q 'X-API-Key' body
	[ "$(code /api/v1/me -H 'X-API-Key: at_wrong')" = 401 ]
	[ "$(code /healthz -X DELETE)" = 405 ] && grep -qi '^allow: GET, HEAD, OPTIONS' head
	[ "$(code /no/such)" = 404 ]
	[ "$(code /api/v1/query -H "X-API-Key: $KEY" -H 'Content-Type: application/xml' -d '<a/>')" = 415 ]
	[ "$(code /api/v1/query -H "X-API-Key: $KEY" -d '{"query":"SELECT 1"}')" = 200 ]        # what curl -d says of any body
	[ "$(code /api/v1/query -H "X-API-Key: $KEY" -H 'Content-Type: text/plain' -d '{"query":"SELECT 1"}')" = 415 ]
	for page in 'Origin: http://evil.example' 'Sec-Fetch-Site: cross-site' 'Cookie: a=b'; do        # a form of some page (fault 40)
		[ "$(code /api/v1/query -H "X-API-Key: $KEY" -H "$page" -d '{"query":"SELECT 1"}')" = 415 ] || { echo "$page"; return 1; }
	done
	grep -qi '^content-type: application/problem+json' head
	[ "$(json "o['status'], sorted(o)")" = "(415, ['detail', 'instance', 'request', 'status', 'title', 'type'])" ]
	[ "$(code '/api/v1/metrics?metric=%zz' -H "X-API-Key: $KEY")" = 400 ]
}

@test "fault 47: keys never come to the log" {
	serve_start
	code "/api/v1/me?api_secret=$KEY" > /dev/null
	post /api/v1/keys '{"name":"k","roles":["viewer"]}' > /dev/null
	other=$(json "o['key']")
	KEY=$other get /api/v1/me > /dev/null
	serve_stop
	[ "$(grep -c '"what":"request"' serve.log)" -ge 3 ]
	grep '^{' serve.log > log
	not grep -e "$KEY" -e "$other" log
	python3 -c 'import json; [json.loads(l) for l in open("serve.log") if l.startswith("{")]'
}

@test "answers carry the headers of a careful server; a trace is in the log" {
	serve_start
	id=00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01
	code /api/v1/me -H "X-API-Key: $KEY" -H "traceparent: $id" > /dev/null
	for h in 'x-content-type-options: nosniff' "content-security-policy: default-src 'none'" 'referrer-policy: no-referrer' 'cache-control: no-store' 'x-request-id: [0-9a-f]{32}'; do
		grep -qiE "^$h" head || { echo "no $h"; return 1; }
	done
	not grep -qi '^server:' head
	serve_stop
	grep -q '"trace":"4bf92f3577b34da6a3ce929d0e0e4736"' serve.log
}

@test "fault 40: CORS from the configuration, never * with credentials; a strange Host is refused" {
	mkdir config
	echo '{"serve":{"cors":["https://app.example.com"]}}' > config/analytics.json
	serve_start
	[ "$(code /api/v1/metrics -X OPTIONS -H 'Origin: https://app.example.com' -H 'Access-Control-Request-Method: GET')" = 204 ]
	grep -qi '^access-control-allow-origin: https://app.example.com' head && grep -qi '^access-control-allow-headers:.*X-API-Key' head
	[ "$(code /api/v1/me -H 'Origin: https://app.example.com')" = 401 ] && grep -qi '^access-control-allow-origin: https://app' head
	code /api/v1/me -H 'Origin: https://evil.example.com' > /dev/null
	not grep -qi '^access-control-allow' head
	[ "$(code /healthz -H 'Host: evil.example.com')" = 421 ]
	[ "$(code /healthz -H 'Host: 127.evil.example.com:80')" = 421 ] && [ "$(code /healthz -H 'Host: 127.1.2.3:80')" = 200 ] && [ "$(code /healthz -H 'Host: 127.1')" = 200 ]
	[ "$(code /healthz -H 'Host: localhost:1')" = 200 ]
	serve_stop
	echo '{"serve":{"cors":["*"]}}' > config/analytics.json
	serve_start
	code /api/v1/me -H 'Origin: https://any.example.com' > /dev/null
	grep -qi '^access-control-allow-origin: \*' head && ! grep -qi '^access-control-allow-credentials' head
}

@test "a key that asks too often is told when to come again" {
	mkdir config
	echo '{"serve":{"rate":{"perSecond":0.01,"burst":3}}}' > config/analytics.json
	serve_start
	for i in 1 2 3 4 5; do code /api/v1/me -H "X-API-Key: $KEY"; echo; done > codes
	grep -q 200 codes && grep -q 429 codes && grep -qiE '^retry-after: [1-9]' head
}

@test "fault 57: SIGHUP reads a good configuration and keeps the old one for a bad; SIGTERM drains, exit 0" {
	mkdir config
	echo '{}' > config/analytics.json
	serve_start
	echo '{"serve":{"cors":["https://new.example.com"]}}' > config/analytics.json
	kill -HUP $PID
	for _ in $(seq 600); do grep -q '"what":"reloaded"' serve.log && break; sleep 0.05; done
	code /healthz -H 'Origin: https://new.example.com' > /dev/null && grep -qi '^access-control-allow-origin' head
	echo '{"serve":{"cors":5}}' > config/analytics.json
	kill -HUP $PID
	for _ in $(seq 600); do grep -q '"what":"reload"' serve.log && break; sleep 0.05; done
	grep -q 'serve.cors' serve.log
	code /healthz -H 'Origin: https://new.example.com' > /dev/null && grep -qi '^access-control-allow-origin' head
	kill -TERM $PID
	wait $PID
	PID=
}

@test "fault 57: what is still asked when the drain is over is told so, with 503; a signal that means nothing ends nobody" {
	mkdir config
	echo '{"serve":{"drain":"1s"}}' > config/analytics.json
	serve_start -c config
	kill -USR1 $PID && kill -USR2 $PID && [ "$(code /healthz)" = 200 ]
	echo '{"query":"WITH RECURSIVE t(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM t) SELECT max(x) FROM t"}' > endless
	curl -s -o late -D late.head -w '%{http_code}' "$U/api/v1/query" -H "X-API-Key: $KEY" -H 'Content-Type: application/json' -d @endless > late.code &
	asked=$!
	asks() { [ "$(curl -s "$U/metrics" | awk '/^at_query_engines / { print $2 }')" -ge 1 ]; }
	soon asks
	kill -TERM $PID
	wait $asked
	[ "$(cat late.code)" = 503 ] && grep -qi '^retry-after' late.head
	wait $PID
	PID=
}

@test "several workers answer over one store; one that dies is started again" {
	serve_start -l "$(serve_address)" --workers 2
	for i in $(seq 20); do post /api/v1/events '{"event":"w"}' > /dev/null; [ "$status_code" = 200 ]; done
	post /api/v1/query '{"query":"SELECT count(*) AS n FROM events"}' > /dev/null && [ "$(json "o['data']")" = "[{'n': 20}]" ]
	kill -KILL "$(pgrep -P $PID | head -1)"
	for _ in $(seq 600); do grep -q '"what":"worker died"' serve.log && break; sleep 0.05; done
	for _ in $(seq 600); do [ "$(pgrep -P $PID | wc -l)" = 2 ] && break; sleep 0.05; done
	for i in $(seq 10); do post /api/v1/events '{"event":"w"}' > /dev/null; [ "$status_code" = 200 ]; done
	kill -KILL $PID         # with the parent they all go, and the address is free
	wait $PID || [ $? = 137 ]
	refused() { local ended=0; curl -s -o /dev/null "$U/healthz" || ended=$?; [ $ended = 7 ]; }
	soon refused
	serve_start -l "${U#http://}" --workers 2
	for i in $(seq 10); do post /api/v1/events '{"event":"w"}' > /dev/null; [ "$status_code" = 200 ]; done
	post /api/v1/query '{"query":"SELECT count(*) AS n FROM events"}' > /dev/null && [ "$(json "o['data']")" = "[{'n': 40}]" ]
	kill -TERM $PID && wait $PID
	PID=
}

@test "connections of one address are counted over all workers, and those of one that died no more; SIGHUP reads another bound" {
	mkdir config
	echo '{"serve":{"connectionsPerAddress":6}}' > config/analytics.json
	serve_start -c config --workers 2
	cat > hold.py <<-'PY'
		import socket, sys, time
		port, most = int(sys.argv[1]), int(sys.argv[2])
		def one():
		    s = socket.create_connection(('127.0.0.1', port), source_address=('127.0.0.3', 0), timeout=20)
		    s.sendall(b'GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n')
		    try: return s, s.recv(4096)[9:12]
		    except ConnectionError: return s, b''
		def hold(n):
		    held = [one() for _ in range(n)]
		    assert all(got == b'200' for _, got in held), held
		    return [s for s, _ in held]
		def becomes(want):
		    for _ in range(200):
		        s, got = one()
		        if (got == b'200') == want: return s
		        s.close()
		        time.sleep(0.1)
		    raise SystemExit(f'never {want}')
		held = hold(most)
		for _ in range(20): assert one()[1] != b'200'            # whichever worker takes it
		held.pop().close()
		held.append(becomes(True))
		print('held', flush=True)
		sys.stdin.readline()                                    # a worker dies, and its successor is there
		def gone(s):
		    s.settimeout(0.2)
		    try: return s.recv(1) == b''
		    except TimeoutError: return False
		    except ConnectionError: return True
		died = sum(map(gone, held))
		def fill():
		    left = []
		    for _ in range(2 * most):
		        s, got = one()
		        if got != b'200': break
		        left.append(s)
		    return left
		for _ in range(200):                                    # the successor forgets them as it begins
		    left = fill()
		    if len(left) == died: break
		    for s in left: s.close()
		    time.sleep(0.1)
		assert len(left) == died, (len(left), died)
		print('held', flush=True)
		sys.stdin.readline()
		for s in held + left: s.close()
		for _ in range(200):
		    held = [one() for _ in range(most + 2)]
		    if all(got == b'200' for _, got in held): break
		    for s, _ in held: s.close()
		    time.sleep(0.1)
		assert all(got == b'200' for _, got in held) and one()[1] != b'200', held
		print('held', flush=True)
	PY
	coproc HOLD { exec python3 hold.py "${U##*:}" 6 2> hold.err; }
	read -r -t 600 word <&"${HOLD[0]}" && [ "$word" = held ]
	[ "$(curl -s -o /dev/null -w '%{http_code}' "$U/healthz")" = 200 ]         # from elsewhere
	worker=$(pgrep -P $PID | sort -n | head -1)
	kill -KILL "$worker"
	started() { [ "$(pgrep -P $PID | grep -vx "$worker" | wc -l)" = 2 ] && grep -q 'worker died' serve.log; }
	soon started
	serves() { for _ in 1 2 3 4 5 6 7 8; do curl -s -o /dev/null "$U/healthz" || return 1; done; }
	soon serves
	echo go >&"${HOLD[1]}"
	read -r -t 600 word <&"${HOLD[0]}" && [ "$word" = held ]
	echo '{"serve":{"connectionsPerAddress":8}}' > config/analytics.json
	kill -HUP $PID
	reloaded() { [ "$(grep -c '"what":"reloaded"' serve.log)" = 2 ]; }
	soon reloaded
	echo go >&"${HOLD[1]}"
	read -r -t 600 word <&"${HOLD[0]}" && [ "$word" = held ]
}

@test "57: a stop that the whole group gets, as of a terminal or a service manager, drains several workers too; nobody's SIGCHLD is ignored" {
	mkdir -p config
	echo '{"serve":{"drain":"60s"}}' > config/analytics.json
	# who starts the server ignores SIGCHLD, and it has a group of its own
	python3 -c 'import os, signal
os.setsid(); signal.signal(signal.SIGCHLD, signal.SIG_IGN)
os.execvp("at-serve", ["at-serve", "-l", "127.0.0.1:0", "--workers", "2"])' 2> serve.log &
	PID=$!
	heard() { U=$(sed -n 's/.*listening on \(http[^ ]*\)$/\1/p' serve.log | head -1); [ -n "$U" ] && curl -s -o /dev/null "$U/healthz"; }
	soon heard
	KEY=$(sed -n "s/.*X-API-Key: \(at_[A-Za-z0-9_-]*\)'.*/\1/p" serve.log | head -1)
	kill -KILL "$(pgrep -P "$PID" | head -1)"
	again() { grep -q '"what":"worker died"' serve.log && [ "$(pgrep -P "$PID" | wc -l)" = 2 ]; }
	soon again
	python3 - "${U#http://}" "$KEY" "$PID" <<'P'
import os, signal, socket, sys, time
host, port = sys.argv[1].split(":")
s = socket.create_connection((host, int(port)))
s.settimeout(60)
s.sendall(b"POST /api/v1/events HTTP/1.1\r\nHost: %s\r\nX-API-Key: %s\r\nContent-Type: application/json\r\nContent-Length: 100000\r\nExpect: 100-continue\r\n\r\n" % (sys.argv[1].encode(), sys.argv[2].encode()))
assert s.recv(65536).startswith(b"HTTP/1.1 100 ")
body = b'{"event":"in_hand"}' + 99981 * b" "
os.killpg(int(sys.argv[3]), signal.SIGINT)
for i in range(200):                    # who comes now goes elsewhere at once, while the body comes on
    try:
        socket.create_connection((host, int(port)), 1).close()
    except ConnectionRefusedError:
        break
    s.sendall(body[:200])
    body = body[200:]
    time.sleep(0.1)
else:
    sys.exit("callers are still taken in")
s.sendall(body)
assert s.recv(65536).startswith(b"HTTP/1.1 200 "), "what was in hand was not answered"
P
	wait "$PID"
	PID=
}

@test "33: a permission for some names holds for what a body names, and for lists" {
	mkdir -p config
	echo '{}' > config/analytics.json
	echo '{"dashboards":[{"id":"shown","title":"x","layout":"grid","widgets":[]},{"id":"team-a","title":"x","layout":"grid","widgets":[]}]}' > config/dashboards.json
	serve_start -c config
	post /api/v1/roles '{"name":"team","permissions":["read:dashboards:team-*","write:dashboards:team-*","admin:users:team-*","admin:roles:team-*","write:events"]}' > /dev/null
	post /api/v1/keys '{"name":"k","roles":["team"]}' > made
	team=$(jq -r .key made)
	as_team() { KEY=$team post "$@" > /dev/null; echo "$status_code"; }
	d='"title":"x","layout":"grid","widgets":[]'
	[ "$(as_team /api/v1/dashboards "{\"id\":\"other\",$d}")" = 403 ]
	[ "$(as_team /api/v1/dashboards "{$d}")" = 403 ]                # the id that is drawn would be none of theirs
	[ "$(as_team /api/v1/dashboards "{\"id\":\"team-b\",$d}")" = 201 ]
	[ "$(KEY=$team get /api/v1/dashboards | jq -c '[.dashboards[].id]')" = '["team-a","team-b"]' ]
	[ "$(as_team /api/v1/users '{"name":"boss","password":"correct horse battery","roles":["ingest"]}')" = 403 ]
	[ "$(as_team /api/v1/users '{"name":"team-x","password":"correct horse battery"}')" = 201 ]
	[ "$(as_team /api/v1/roles '{"name":"mine","permissions":["write:events"]}')" = 403 ]
	[ "$(as_team /api/v1/roles '{"name":"team-r","permissions":["write:events"]}')" = 201 ]
	post /api/v1/users '{"name":"anna","password":"correct horse battery"}' > /dev/null
	[ "$(KEY=$team get /api/v1/users | jq -c '[.users[].name]')" = '["team-x"]' ]
	[ "$(get /api/v1/users | jq -c '[.users[].name] | sort')" = '["anna","team-x"]' ]
}

@test "33: lists of silences, receivers and tenants hold what a permission for some names covers" {
	mkdir -p config
	echo '{"receivers":{"team-r":{"type":"webhook","url":"https://example.com/"},"other-r":{"type":"webhook","url":"https://example.com/"}}}' > config/analytics.json
	serve_start -c config
	for tenant in team-t other-t; do post /api/v1/tenants '{"name":"'$tenant'"}' > /dev/null && [ "$status_code" = 201 ]; done
	for id in team-s other-s; do call PUT /api/v1/silences/$id -H 'Content-Type: application/json' -d '{"match":{"alert":"a"},"duration":"1h"}' > /dev/null && [ "$status_code" = 201 ]; done
	team=$(at-admin -T '*' role add team read:alerts read:silences:team-\* write:silences:team-\* read:webhooks:team-\* admin:tenants:team-\* && at-admin -T '*' key create k --role team)
	[ "$(KEY=$team get /api/v1/silences | jq -c '[.silences[].id]')" = '["team-s"]' ]
	[ "$(KEY=$team get /api/v1/receivers | jq -c '[.receivers[].name]')" = '["team-r"]' ]
	[ "$(KEY=$team get /api/v1/tenants | jq -c '[.tenants[].name]')" = '["team-t"]' ]
	[ "$(get /api/v1/silences | jq '.silences | length')" = 2 ]
	as_team() { KEY=$team call "$@" -H 'Content-Type: application/json' -d '{"match":{"alert":"a"},"duration":"1h"}' > /dev/null; echo "$status_code"; }
	[ "$(as_team POST /api/v1/silences)" = 403 ]            # the id that is drawn would be none of theirs
	[ "$(as_team PUT /api/v1/silences/team-b)" = 201 ] && grep -qi '^location: /api/v1/silences/team-b' head
	[ "$(as_team PUT /api/v1/silences/team-b)" = 200 ]
	[ "$(as_team PUT /api/v1/silences/other-s)" = 403 ]
}

@test "one permission opens each door of the audit: GET /api/v1/audit and SQL" {
	serve_start
	for role in read:audit admin:audit admin:\* \*:\* read:\*; do
		name=r$((++n))
		post /api/v1/roles '{"name":"'$name'","permissions":["'"$role"'","read:query"]}' > /dev/null && [ "$status_code" = 201 ]
		key=$(post /api/v1/keys '{"name":"k","roles":["'$name'"]}' | jq -r .key)
		one=$(code /api/v1/audit -H "X-API-Key: $key")
		two=$(code /api/v1/query -H "X-API-Key: $key" -H 'Content-Type: application/json' -d '{"query":"SELECT count(*) AS n FROM audit"}')
		entries=$(jq '.data[0].n // 0' body)
		case $role in
		read:\*) [ "$one" = 403 ] && [ "$entries" = 0 ];;
		*) [ "$one" = 200 ] && [ "$two" = 200 ] && [ "$entries" -gt 0 ] && KEY=$key get /api/v1/me | jq -e '.permissions | index("read:audit")';;
		esac || { echo "$role: $one $two $entries"; return 1; }
	done
}

@test "one sees one's own sessions and ends one of them, nobody else's" {
	serve_start
	log_in() { curl -s "$U/api/v1/login" -H 'Content-Type: application/json' -d '{"user":"'$1'","password":"correct horse battery"}' | jq -r .session; }
	as() { local session=$1 path=$2; shift 2; code "$path" -H "Cookie: at_session=$session" "$@"; }
	for user in anna bert; do
		post /api/v1/users '{"name":"'$user'","password":"correct horse battery","roles":["viewer"]}' > /dev/null && [ "$status_code" = 201 ]
	done
	one=$(log_in anna) two=$(log_in anna) his=$(log_in bert)
	[ "$(as $one /api/v1/auth/sessions)" = 200 ]
	[ "$(jq -c '[.sessions | length, (map(select(.current)) | length), (map(.address) | unique)]' body)" = '[2,1,["127.0.0.1"]]' ]
	jq -e '.sessions[] | .expires > .seen and .seen >= .created' body
	! grep -q "$one\|$two" body
	other=$(jq -r '.sessions[] | select(.current | not).id' body) mine=$(jq -r '.sessions[] | select(.current).id' body)
	[ "$(as $his /api/v1/auth/sessions)" = 200 ] && [ "$(jq '.sessions | length' body)" = 1 ] && ! grep -q "$other\|$mine" body
	[ "$(as $his /api/v1/auth/sessions/$other -X DELETE)" = 404 ]
	[ "$(as $one /api/v1/auth/sessions/$other -X DELETE -H 'Origin: https://evil.example')" = 403 ]
	[ "$(as $one /api/v1/auth/sessions/${other:0:8} -X DELETE)" = 404 ]
	[ "$(as $two /api/v1/me)" = 200 ]
	[ "$(as $one /api/v1/auth/sessions/$other -X DELETE)" = 204 ]
	[ "$(as $two /api/v1/me)" = 401 ] && [ "$(as $one /api/v1/me)" = 200 ] && [ "$(as $his /api/v1/me)" = 200 ]
	[ "$(as $one /api/v1/auth/sessions/$other -X DELETE)" = 404 ]
	[ "$(at-admin audit | jq -r 'select(.action == "session.end") | [.who, .object, .from] | join(" ")')" = "anna $other 127.0.0.1" ]
	[ "$(code /api/v1/auth/sessions)" = 401 ]
	[ "$(get /api/v1/auth/sessions)" = '{"sessions":[]}' ]          # a key has none
	get /openapi.json | jq -e '.paths."/api/v1/auth/sessions".get and .paths."/api/v1/auth/sessions/{id}".delete'
}

@test "by choice what is read is in the audit: who, what without values, how it ended, how many rows" {
	echo '{"event":"signup","user_id":"anna","ts":"2026-11-01T10:00:00Z"}' | at-ingest -q
	queries() { at-admin audit | jq -r 'select(.action == "query" or .action == "subscribe" or .action == "unsubscribe") | [.who, .action, .object, .result, (.rows // "-")] | join("|")'; }
	ask() { post /api/v1/query "{\"query\":\"$1\"${2:+,$2}}" > /dev/null; }
	serve_start
	ask 'SELECT 1'
	serve_stop
	[ -z "$(queries)" ]                                     # off, as long as nobody wished for it
	mkdir -p config && echo '{"serve":{"audit":{"queries":true}}}' > config/analytics.json
	serve_start
	me=$(get /api/v1/me | jq -r .name)
	ask "SELECT user_id FROM events WHERE user_id = 'anna' -- it is anna\nAND 4711 > 12"
	ask "SELECT user_id FROM events WHERE user_id = :who" '"parameters":{"who":"anna"}'
	ask "SELECT * FROM events" '"format":"csv"'
	ask "SELECT nothing FROM events"
	ask "SELECT 1 AS [it's], 'anna' AS n, 'Berlin' AS y FROM events"
	ask "SELECT user_id FROM events WHERE user_id = 'anna"
	get '/api/v1/events?timeRange=all&user=anna' > /dev/null
	get '/api/v1/events?timeRange=all&user=anna' > /dev/null        # given again: read again
	get '/api/v1/metrics?metric=signup&timeRange=2026-11-01/2026-11-02&interval=1d' > /dev/null
	get '/api/v1/matches?pattern=signup%20-%3E%20%21buy%20within%2030m&timeRange=all' > /dev/null
	get '/api/v1/funnels?steps=signup&timeRange=all' > /dev/null
	post /api/v1/ask '{"question":"how many signups of \"anna\", anna@example.com or 1234567 today?"}' > /dev/null
	post /api/v1/insights '{"metrics":["signup"]}' > /dev/null
	get '/api/v1/forecast?metric=signup&timeRange=all' > /dev/null
	get '/api/v1/dashboards' > /dev/null                    # no data of the tenant
	curl -s -N -m 60 "$U/api/v1/stream?metric=signup" -H "X-API-Key: $KEY" > stream.out & stream=$!
	soon grep -q '^event: snapshot' stream.out
	post /api/v1/roles '{"name":"few","permissions":["read:query"]}' > /dev/null
	few=$(post /api/v1/keys '{"name":"few","roles":["few"]}' | jq -r .key)
	KEY=$few get '/api/v1/events' > /dev/null
	serve_stop                                              # nothing is lost at a stop
	wait $stream || true
	queries > got
	! grep -q 'anna\|4711\|1234567' got
	sed -i "s/^$me|/me|/" got
	grep -qx 'me|query|POST /api/v1/query SELECT user_id FROM events WHERE user_id = ? AND ? > ?|ok|1' got
	grep -qx 'me|query|POST /api/v1/query SELECT user_id FROM events WHERE user_id = :who|ok|1' got
	grep -qx 'me|query|POST /api/v1/query SELECT \* FROM events|ok|1' got
	grep -qx "me|query|POST /api/v1/query SELECT ? AS \[it's\], ? AS n, ? AS y FROM events|ok|1" got
	grep -qx 'me|query|POST /api/v1/query SELECT user_id FROM events WHERE user_id = ?|failed|-' got
	grep -qx 'me|query|POST /api/v1/query SELECT nothing FROM events|failed|-' got
	[ "$(grep -cx 'me|query|GET /api/v1/events?timeRange=all&user=?|ok|1' got)" = 2 ]
	grep -qx 'me|query|GET /api/v1/metrics?metric=signup&timeRange=2026-11-01/2026-11-02&interval=1d|ok|1' got
	grep -qx 'me|query|GET /api/v1/matches?pattern=signup -> !buy within 30m&timeRange=all|ok|[0-9]*' got
	grep -q 'me|query|GET /api/v1/funnels?steps=signup&timeRange=all|ok|1' got
	grep -q 'me|query|POST /api/v1/ask how many signups of ?, ? or ? today?|ok|[0-9]*$' got
	grep -qx 'me|query|POST /api/v1/insights \["signup"\]|ok|[0-9]*' got
	grep -q 'me|query|GET /api/v1/forecast?metric=signup&timeRange=all|' got
	grep -qx 'me|subscribe|metric signup|ok|-' got
	grep -qx 'me|unsubscribe|/api/v1/stream|ok|[1-9][0-9]*' got
	! grep -q dashboards got
	! grep -q '^few|' got
	[ "$(at-admin audit | jq -r 'select(.who == "few") | .action')" = deny ]       # told once
	at-admin audit verify
}

@test "tenants have users of the same name: the password tells which one it is, or who logs in says so" {
	serve_start
	for tenant in shop bank; do
		post /api/v1/tenants '{"name":"'$tenant'"}' > /dev/null
		post /api/v1/users '{"name":"anna","password":"correct horse '$tenant'","roles":["viewer"]}' -H "X-Tenant: $tenant" > /dev/null && [ "$status_code" = 201 ]
		post /api/v1/users '{"name":"anna","password":"correct horse '$tenant'","roles":["viewer"]}' -H "X-Tenant: $tenant" > /dev/null && [ "$status_code" = 409 ]
	done
	log_in() { code /api/v1/login -H 'Content-Type: application/json' -d "$1" "${@:2}"; }
	whose() { curl -s "$U/api/v1/me" -H "Cookie: at_session=$(jq -r .session body)" | jq -r '.name + "@" + .tenant'; }
	[ "$(log_in '{"user":"anna","password":"correct horse bank"}')" = 200 ] && [ "$(whose)" = anna@bank ]
	[ "$(log_in '{"user":"anna","password":"correct horse shop"}')" = 200 ] && [ "$(whose)" = anna@shop ]
	[ "$(log_in '{"user":"anna","password":"correct horse shop","tenant":"bank"}')" = 401 ] && jq -e 'has("tenants") | not' body
	session=$(log_in '{"user":"anna","password":"correct horse shop","tenant":"shop"}' > /dev/null; jq -r .session body)
	call PATCH /api/v1/users/anna -H 'X-Tenant: bank' -H 'Content-Type: application/json' -d '{"password":"correct horse shop"}' > /dev/null && [ "$status_code" = 200 ]
	[ "$(code /api/v1/me -H "Cookie: at_session=$session")" = 200 ]                # hers is another's no matter
	[ "$(log_in '{"user":"anna","password":"correct horse shop"}')" = 401 ] && jq -e '.tenants == ["bank","shop"] and .status == 401 and (.detail | test("tenant"))' body
	[ "$(log_in '{"user":"anna","password":"correct horse shop","tenant":"shop"}')" = 200 ] && [ "$(whose)" = anna@shop ]
	[ "$(log_in '{"user":"anna","password":"correct horse shop"}' -H 'X-Tenant: bank')" = 200 ] && [ "$(whose)" = anna@bank ]
	[ "$(code /api/v1/password -H "Cookie: at_session=$session" -H 'Content-Type: application/json' -d '{"password":"correct horse shop","new":"another horse shop"}')" = 200 ]
	[ "$(log_in '{"user":"anna","password":"another horse shop"}')" = 200 ] && [ "$(whose)" = anna@shop ]
	[ "$(log_in '{"user":"anna","password":"correct horse shop"}')" = 200 ] && [ "$(whose)" = anna@bank ]
	call DELETE /api/v1/users/anna -H 'X-Tenant: shop' > /dev/null && [ "$status_code" = 204 ]
	[ "$(code /api/v1/me -H "Cookie: at_session=$(jq -r .session body)")" = 401 ] || true
	[ "$(log_in '{"user":"anna","password":"another horse shop"}')" = 401 ]
	[ "$(get /api/v1/users -H 'X-Tenant: bank' | jq -c '[.users[].name]')" = '["anna"]' ]
	echo 'correct horse anna' | at-admin -T shop user add anna --role viewer
	[ "$(at-admin -T shop user list -f ndjson | jq -r .tenant)" = shop ]
}

@test "TLS: spoken, with HSTS" {
	command -v openssl > /dev/null || skip 'no openssl here'
	openssl req -x509 -newkey rsa:2048 -nodes -keyout k.pem -out c.pem -days 2 -subj /CN=localhost 2> /dev/null
	serve_start --tls-cert c.pem --tls-key k.pem
	[[ $U == https://* ]] && [ "$(code /healthz)" = 200 ] && grep -qi '^strict-transport-security' head
}

@test "over TLS the session's cookie is one that no other host and no page without TLS can set" {
	command -v openssl > /dev/null || skip 'no openssl here'
	openssl req -x509 -newkey rsa:2048 -nodes -keyout k.pem -out c.pem -days 2 -subj /CN=localhost 2> /dev/null
	serve_start --tls-cert c.pem --tls-key k.pem
	post /api/v1/users '{"name":"anna","password":"correct horse battery","roles":["viewer"]}' > /dev/null
	[ "$(code /api/v1/login -H 'Content-Type: application/json' -d '{"user":"anna","password":"correct horse battery"}')" = 200 ]
	session=$(json "o['session']")
	grep -qi "^set-cookie: __Host-at_session=$session; Path=/; HttpOnly; SameSite=Strict; Secure.\?$" head
	[ "$(code /api/v1/me -H "Cookie: at_session=$session")" = 401 ]
	[ "$(code /api/v1/me -H "Cookie: at_session=other; __Host-at_session=$session")" = 200 ]
	[ "$(code /api/v1/logout -X POST -H "Cookie: __Host-at_session=$session")" = 204 ]
	grep -qi '^set-cookie: __Host-at_session=; Path=/; HttpOnly; SameSite=Strict; Secure; Max-Age=0' head
	[ "$(code /api/v1/me -H "Cookie: __Host-at_session=$session")" = 401 ]
}

@test "/metrics pleases promtool, and says OpenMetrics to who asks for it" {
	serve_start
	post /api/v1/events '{"event":"m"}' > /dev/null
	code /metrics > /dev/null
	if command -v promtool > /dev/null; then promtool check metrics < body; fi
	grep -q '^at_ingest_events_total{result="accepted"} 1' body
	code /metrics -H 'Accept: application/openmetrics-text; version=1.0.0' > /dev/null
	[ "$(tail -1 body)" = '# EOF' ] && grep -qi '^content-type: application/openmetrics-text' head
}

@test "sd_notify: the manager hears READY, RELOADING, STOPPING" {
	python3 - "$PWD/notify" > heard 2>&1 <<'P' &
import os, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.bind(sys.argv[1]); s.settimeout(100)
while True:
    m = s.recv(4096).decode(); print(m.split('\n')[0], flush=True)
    if m.startswith('STOPPING'): break
P
	reader=$!
	for _ in $(seq 600); do [ -S notify ] && break; sleep 0.05; done
	NOTIFY_SOCKET=$PWD/notify serve_start
	kill -HUP $PID
	for _ in $(seq 600); do [ "$(grep -c READY heard)" = 2 ] && break; sleep 0.05; done
	serve_stop
	wait $reader
	[ "$(tr '\n' ' ' < heard)" = 'READY=1 RELOADING=1 READY=1 STOPPING=1 ' ]
}

@test "--user: root binds the address, and what serves is somebody else for good; nobody gains by a program (fault 63)" {
	[ "$(id -u)" = 0 ] || skip "only root can become somebody"
	chmod 711 "$BATS_TEST_TMPDIR" "$(dirname "$BATS_TEST_TMPDIR")" "$(dirname "$(dirname "$BATS_TEST_TMPDIR")")"
	mkdir -m 700 theirs && chown nobody theirs
	AT_STORE=$PWD/theirs/store serve_start --user nobody --workers 2
	for pid in $PID $(pgrep -P $PID); do
		[ "$(awk '/^Uid:/ { print $2, $3, $4 }' /proc/$pid/status)" = "$(id -u nobody) $(id -u nobody) $(id -u nobody)" ]
		grep -q '^NoNewPrivs:[[:space:]]*1' /proc/$pid/status
		grep -q '^CapEff:[[:space:]]*0*$' /proc/$pid/status
	done
	[ "$(stat -c %U theirs/store/tenants/default/data.mdb)" = nobody ]
	post /api/v1/events '{"event":"a"}' > /dev/null && [ "$status_code" = 200 ]
	run -2 --separate-stderr at-serve -l 127.0.0.1:0 --user no-such-user
	[[ $stderr == *"--user: there is no user 'no-such-user'"* ]]
}

@test "status: since when it is up, what was answered and what failed, for machines and as a page" {
	serve_start
	post /api/v1/events '{"event":"a"}' > /dev/null
	code /api/v1/status > /dev/null                         # without a key
	[ "$(json "o['status'], o['workers'], o['hour']['requests'] >= 2, o['hour']['failed'], o['day']['availability'], o['events']['accepted'], o['failures']")" = \
	    "('ok', 1, True, 0, 1, 1, [])" ]
	[ "$(code /status)" = 200 ] && grep -q 'All is well' body && grep -q '/docs.css' body && ! grep -q '<script' body
	grep -qi "^content-security-policy: default-src 'none'" head
}

@test "faults 32, 33: every operation of /openapi.json as every role of two tenants; each reply is as documented" {
	serve_start
	python3 "$BATS_TEST_DIRNAME/serve_walk.py" "$U" "$KEY"
}

@test "fault 45: webhooks are signed, sent again until they are taken, in order, and none twice; who refuses for good is left" {
	mkdir config
	echo '{"serve":{"webhooks":{"private":true}}}' > config/analytics.json
	python3 - > receiver.log 2>&1 <<'P' &
import base64, hashlib, hmac, http.server, json
left = [2]                              # so many are refused at first
class H(http.server.BaseHTTPRequestHandler):
    def log_message(self, *a): pass
    def do_POST(self):
        body = self.rfile.read(int(self.headers['Content-Length']))
        if self.path == '/gone': self.send_response(410); self.end_headers(); return
        if left[0]: left[0] -= 1; self.send_response(503); self.end_headers(); return
        secret = base64.b64decode(open('secret').read().strip()[6:] + '==')
        text = f"{self.headers['webhook-id']}.{self.headers['webhook-timestamp']}.".encode() + body
        good = 'v1,' + base64.b64encode(hmac.new(secret, text, hashlib.sha256).digest()).decode() == self.headers['webhook-signature']
        o = json.loads(body)
        print(good, o["type"], o["data"].get("properties", {}).get("n"), flush=True)
        self.send_response(204); self.end_headers()
s = http.server.HTTPServer(('127.0.0.1', 0), H); print('port', s.server_port, flush=True); s.serve_forever()
P
	receiver=$!
	for _ in $(seq 600); do port=$(sed -n 's/^port //p' receiver.log 2> /dev/null) || true; [ -n "$port" ] && break; sleep 0.05; done
	serve_start
	post /api/v1/events '{"event":"order","properties":{"n":0}}' > /dev/null               # before anybody asked
	post /api/v1/webhooks "{\"id\":\"w\",\"url\":\"http://127.0.0.1:$port/\",\"events\":[\"order\"]}" > /dev/null
	json "o['secret']" > secret
	post /api/v1/webhooks "{\"id\":\"gone\",\"url\":\"http://127.0.0.1:$port/gone\",\"events\":[\"order\"]}" > /dev/null
	for n in 1 2 3; do post /api/v1/events "{\"event\":\"order\",\"properties\":{\"n\":$n}}" > /dev/null; post /api/v1/events '{"event":"other"}' > /dev/null; done
	at-ingest -q <<< '{"event":"order","properties":{"n":4}}'                              # of another process
	for _ in $(seq 600); do [ "$(grep -c ^True receiver.log)" = 4 ] && break; sleep 0.1; done
	[ "$(grep -v port receiver.log)" = $'True order 1\nTrue order 2\nTrue order 3\nTrue order 4' ]
	for _ in $(seq 300); do get /api/v1/webhooks/gone > /dev/null; [ "$(json "o.get('enabled')")" = False ] && break; sleep 0.1; done
	[ "$(json "o.get('enabled')")" = False ]
	get /api/v1/webhooks/gone/dead > /dev/null && [ "$status_code" = 200 ]
	taken() { [ "$(get /api/v1/webhooks/w/queue | jq -c .messages)" = '[]' ]; }
	soon taken                                                                              # that it answered is written down behind it
	post /api/v1/webhooks/w/test '{}' > /dev/null
	for _ in $(seq 300); do grep -q '^True test' receiver.log && break; sleep 0.1; done
	grep -q '^True test' receiver.log
	serve_stop
	serve_start
	sleep 2
	[ "$(grep -c '^True order' receiver.log)" = 4 ]
	kill $receiver
}

# A receiver of webhooks at $receiver that writes down the path and the type of each.
receive() {
	python3 -u - > receiver.log 2>&1 <<'P' &
import http.server, json
class H(http.server.BaseHTTPRequestHandler):
    def log_message(self, *a): pass
    def do_POST(self):
        print(self.path, json.loads(self.rfile.read(int(self.headers['Content-Length'])))["type"])
        self.send_response(204); self.end_headers()
s = http.server.HTTPServer(('127.0.0.1', 0), H); print('port', s.server_port); s.serve_forever()
P
	soon grep -q '^port' receiver.log
	receiver=http://127.0.0.1:$(sed -n 's/^port //p' receiver.log)
}

@test "a webhook of a tenant that was made while the server runs gets what comes from then on" {
	mkdir config
	echo '{"serve":{"webhooks":{"private":true}}}' > config/analytics.json
	receive
	serve_start -c config
	post /api/v1/webhooks "{\"id\":\"w\",\"url\":\"$receiver/own\",\"events\":[\"order\"]}" > /dev/null && [ "$status_code" = 201 ]
	post /api/v1/events '{"event":"order"}' > /dev/null
	soon grep -q '^/own order' receiver.log         # by now it has looked which tenants there are
	at-admin -q tenant add shop
	KEY=$(at-admin -q -T shop key create)
	post /api/v1/events '{"event":"order"}' > /dev/null && [ "$status_code" = 200 ]         # before anybody asked
	post /api/v1/webhooks "{\"id\":\"w\",\"url\":\"$receiver/shop\",\"events\":[\"order\",\"pay\"]}" > /dev/null && [ "$status_code" = 201 ]
	post /api/v1/events '{"event":"pay"}' > /dev/null && [ "$status_code" = 200 ]
	serve_stop                                      # perhaps before it was looked at
	serve_start -c config
	soon grep -q '^/shop pay' receiver.log
	not grep -q '^/shop order' receiver.log
}

@test "a webhook that is made where there were some once is not told what was found meanwhile" {
	mkdir config
	echo '{"serve":{"webhooks":{"private":true}}}' > config/analytics.json
	receive
	at-admin -q tenant add shop
	serve_start -c config
	post /api/v1/webhooks "{\"id\":\"w\",\"url\":\"$receiver/first\",\"events\":[\"anomaly\"]}" -H 'X-Tenant: shop' > /dev/null && [ "$status_code" = 201 ]
	call DELETE /api/v1/webhooks/w -H 'X-Tenant: shop' > /dev/null && [ "$status_code" = 204 ]
	serve_stop
	serve_start -c config                           # who has no webhooks is not looked at
	for i in $(seq 0 200); do echo "{\"metric\":\"m\",\"timestamp\":$((1790000000 + i * 60)),\"count\":$((i == 150 ? 5000 : 100 + i % 7))}"; done |
		at-detect -T shop -s > found && [ -s found ]
	post /api/v1/webhooks "{\"id\":\"w\",\"url\":\"$receiver/again\",\"events\":[\"anomaly\",\"order\"]}" -H 'X-Tenant: shop' > /dev/null && [ "$status_code" = 201 ]
	post /api/v1/events '{"event":"order"}' -H 'X-Tenant: shop' > /dev/null && [ "$status_code" = 200 ]
	soon grep -q '^/again order' receiver.log
	all_sent() { [ "$(get /api/v1/webhooks/w/queue -H 'X-Tenant: shop' | jq '.messages | length')" = 0 ]; }
	soon all_sent
	not grep -q anomaly receiver.log
}

@test "54: erase takes what waits for a webhook too" {
	mkdir config
	echo '{"serve":{"webhooks":{"private":true}}}' > config/analytics.json
	serve_start -c config
	post /api/v1/webhooks '{"id":"w","url":"http://127.0.0.1:9/closed","events":["*"]}' > /dev/null && [ "$status_code" = 201 ]
	for user in u1 u2; do post /api/v1/events '{"event":"a","user_id":"'$user'","properties":{"secret":"CANARY'$user'"}}' > /dev/null; done
	waiting() { [ "$(get /api/v1/webhooks/w/queue | jq '.messages | length')" = "$1" ]; }
	soon waiting 2
	serve_stop
	grep -qa CANARYu1 "$AT_STORE/tenants/default/data.mdb"
	at-admin erase --user u1 -yq
	not grep -qa CANARYu1 "$AT_STORE/tenants/default/data.mdb"
	serve_start -c config
	waiting 1
}

@test "fault 44: a webhook to an address of this network is not sent, unless the configuration allows it" {
	serve_start
	post /api/v1/webhooks '{"id":"w","url":"http://127.0.0.1:9/","events":["*"]}' > /dev/null
	post /api/v1/webhooks/w/test '{}' > /dev/null
	for _ in $(seq 300); do curl -s "$U/metrics" | grep -q '^at_hooks_failed_total [1-9]' && break; sleep 0.1; done
	curl -s "$U/metrics" | grep -q '^at_hooks_failed_total [1-9]'
	curl -s "$U/metrics" | grep -q '^at_hooks_sent_total 0'
}

@test "a token whose issuer is not known yet is asked about by a thread that may wait; nothing else waits, and the server lives" {
	mkdir config
	echo '{"auth":{"oidc":{"issuer":"http://127.0.0.1:9","client_id":"at","audience":"at"}}}' > config/analytics.json
	serve_start
	part() { printf %s "$1" | base64 -w0 | tr '+/' '-_' | tr -d =; }
	token="$(part '{"alg":"RS256","kid":"k"}').$(part "{\"iss\":\"http://127.0.0.1:9\",\"aud\":\"at\",\"sub\":\"x\",\"exp\":$(($(date +%s) + 600))}").$(part x)"
	for call in '/api/v1/me' '/api/v1/events -d {"event":"x"}' '/api/v1/events/batch -d {"events":[{"event":"x"}]}' '/api/v1/metrics?metric=x'; do
		got=$(code $call -H "Authorization: Bearer $token")
		[[ $got == 401 || $got == 503 ]] || { echo "$call: $got"; return 1; }
	done
	[ "$(code /api/v1/me -H "X-API-Key: $KEY")" = 200 ]
	[ "$(code /auth/login)" != 404 ]
	[ "$(at-query 'SELECT count(*) AS n FROM events')" = '{"n":0}' ]
}

@test "a user logs in with password and one-time code, is known by the cookie, and logs out" {
	serve_start
	post /api/v1/users '{"name":"anna","password":"correct horse battery","roles":["viewer"]}' > /dev/null && [ "$status_code" = 201 ]
	not grep -q horse body
	[ "$(code /api/v1/login -H 'Content-Type: application/json' -d '{"user":"anna","password":"wrong horse battery"}')" = 401 ]
	[ "$(code /api/v1/login -H 'Content-Type: application/json' -d '{"user":"anna","password":"correct horse battery"}')" = 200 ]
	grep -qi '^set-cookie: at_session=.*HttpOnly; SameSite=Strict' head
	session=$(json "o['session']")
	[ "$(code /api/v1/me -H "Cookie: at_session=$session")" = 200 ] && [ "$(json "o['name'], o['by'], o['roles']")" = "('anna', 'session', ['viewer'])" ]
	[ "$(code /api/v1/keys -H "Cookie: at_session=$session")" = 403 ]
	[ "$(code /api/v1/query -H "Cookie: at_session=$session" -H 'Content-Type: text/plain' -d '{"query":"SELECT 1"}')" = 415 ]
	[ "$(code /api/v1/logout -X POST -H "Cookie: at_session=$session")" = 204 ]
	[ "$(code /api/v1/me -H "Cookie: at_session=$session")" = 401 ]
	[ "$(code /api/v1/login -H 'Content-Type: application/json' -d '{"user":"anna","password":"correct horse battery"}')" = 200 ]
	session=$(json "o['session']")
	for disabled in true false; do          # who was shut out has to come in anew
		call PATCH /api/v1/users/anna -H 'Content-Type: application/json' -d '{"disabled":'$disabled'}' > /dev/null && [ "$status_code" = 200 ]
		[ "$(code /api/v1/me -H "Cookie: at_session=$session")" = 401 ]
	done
	post /api/v1/users/anna/mfa '{"on":true}' > /dev/null && [ "$status_code" = 200 ]
	recovery=$(json "o['codes'][0]")
	[ "$(code /api/v1/login -H 'Content-Type: application/json' -d '{"user":"anna","password":"correct horse battery"}')" = 401 ]
	challenge=$(json "o['mfa']")
	[ "$(code /api/v1/login/mfa -H 'Content-Type: application/json' -d "{\"challenge\":\"$challenge\",\"code\":\"$recovery\"}")" = 200 ]
	post /api/v1/users/anna/mfa '{"on":false}' > /dev/null && [ "$status_code" = 200 ]
	get /api/v1/audit > /dev/null && [ "$(json "any(a['action'].startswith('login') for a in o['audit'])")" = True ]
}

@test "what is slow is told in the log, with its beginning; what detectors and rules stored is read back" {
	mkdir config
	echo '{"serve":{"query":{"slow":"1ms"},"log":"errors"}}' > config/analytics.json
	serve_start
	post /api/v1/query '{"query":"WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM t LIMIT 300000) SELECT count(*) AS ü FROM t"}' > /dev/null && [ "$status_code" = 200 ]
	get /api/v1/anomalies > /dev/null && [ "$(json "o")" = "{'anomalies': [], 'next': None}" ]
	get '/api/v1/alerts?state=firing&timeRange=7d' > /dev/null && [ "$(json "o")" = "{'alerts': [], 'next': None}" ]
	serve_stop
	[ "$(grep -c '"what":"slow".*"statement":"WITH RECURSIVE' serve.log)" = 1 ] && ! grep -q '"what":"request"' serve.log
}

@test "what the status page counts is there after a start, a kill, and of a worker that died" {
	serve_start --workers 2
	for _ in $(seq 30); do code /healthz > /dev/null; done
	kill -KILL "$(pgrep -P $PID | sort -n | head -1)"
	for _ in $(seq 600); do grep -q '"what":"worker died"' serve.log && break; sleep 0.05; done
	serve_stop
	serve_start
	code /api/v1/status > /dev/null
	jq -e '.ever.starts == 2 and .ever.requests >= 30 and .day.requests >= 30 and .hour.requests >= 30 and .total.requests < 20 and .ever.failed == 0 and .ever.since < .since' body
	code /status > /dev/null && grep -q 'begun 2 times' body
	kill -KILL $PID; wait $PID || true
	serve_start
	code /api/v1/status > /dev/null
	jq -e '.ever.starts == 3 and .day.requests >= 30' body
	at-admin verify
}

@test "a start counts once somebody was answered, though the disk takes its time and the server is killed" {
	plain_only
	cat > slow.c <<'END'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <time.h>
int fdatasync(int fd)
{
	int (*real)(int) = dlsym(RTLD_NEXT, "fdatasync");
	nanosleep(&(struct timespec){ 0, 500000000 }, NULL);
	return real(fd);
}
END
	${CC:-cc} -shared -fPIC -o slow.so slow.c -ldl
	serve_start
	serve_stop
	LD_PRELOAD=$PWD/slow.so serve_start
	kill -KILL $PID; wait $PID || true
	serve_start
	get /api/v1/status | jq -e '.ever.starts == 3'
}

@test "who holds the store of keys and counts for long keeps nobody from being answered" {
	strace -f -o /dev/null true 2> /dev/null || skip "strace cannot trace here"
	plain_only
	at-admin -q key create > /dev/null
	strace -f -qq -o calls -e trace=fdatasync -e inject=fdatasync:delay_enter=600000000 at-admin -q key create > /dev/null 2>&1 & holder=$!
	soon grep -q fdatasync calls
	at-serve -l 127.0.0.1:0 2> serve.log & PID=$!
	answers() { U=$(sed -n 's/.*listening on \(http[^ ]*\)$/\1/p' serve.log | head -1); [ -n "$U" ] && [ "$(curl -s -m 20 -o /dev/null -w '%{http_code}' "$U/healthz")" = 200 ]; }
	soon answers
	kill -KILL $holder $(pgrep -P $holder) 2> /dev/null || true
}

@test "a shared link has a rate of its own, over all workers; keys too" {
	mkdir config
	echo '{"serve":{"links":{"perSecond":0.01,"burst":5},"rate":{"perSecond":0.01,"burst":40}}}' > config/analytics.json
	serve_start -c config --workers 2
	post /api/v1/dashboards '{"id":"d","widgets":[{"id":"a","type":"metric_card","metric":"x","position":{"x":0,"y":0,"w":1,"h":1}}]}' > /dev/null
	one=$(post /api/v1/dashboards/d/shares '{"expires":"1h"}' | jq -r .token) two=$(post /api/v1/dashboards/d/shares '{"expires":"1h"}' | jq -r .token)
	for i in $(seq 12); do code /api/v1/shared -H "Authorization: Bearer $one"; echo; done > codes
	[ "$(grep -c 429 codes)" -ge 5 ] && [ "$(grep -c 200 codes)" -ge 5 ]
	[ "$(code /api/v1/shared/a -H "Authorization: Bearer $one")" = 429 ] && grep -qi '^retry-after: [1-9]' head
	[ "$(code /api/v1/shared -H "Authorization: Bearer $two")" = 200 ]
	for i in $(seq 60); do code /api/v1/me -H "X-API-Key: $KEY"; echo; done > codes
	[ "$(grep -c 200 codes)" -ge 30 ] && [ "$(grep -c 200 codes)" -le 50 ] && grep -q 429 codes         # of two workers, not 80
	grep -qi '^retry-after: [1-9]' head
}

@test "with who made them links go: another user, another tenant of that name has none of them; a role is PUT whole, and who had one that is gone can be disabled" {
	serve_start
	post /api/v1/dashboards '{"id":"d","widgets":[{"id":"a","type":"metric_card","metric":"x","position":{"x":0,"y":0,"w":1,"h":1}}]}' > /dev/null
	make_user() { post /api/v1/users '{"name":"anna","password":"correct horse battery","roles":["editor"]}' > /dev/null && [ "$status_code" = 201 ]; }
	make_user && grep -qi '^location: /api/v1/users/anna' head
	cookie=at_session=$(curl -s "$U/api/v1/login" -H 'Content-Type: application/json' -d '{"user":"anna","password":"correct horse battery"}' | jq -r .session)
	link=$(curl -s "$U/api/v1/dashboards/d/shares" -H "Cookie: $cookie" -H "Origin: $U" -H 'Content-Type: application/json' -d '{}' | jq -r .token)
	[ "$(code /api/v1/shared -H "Authorization: Bearer $link")" = 200 ]
	call DELETE /api/v1/users/anna && make_user
	[ "$(code /api/v1/shared -H "Authorization: Bearer $link")" = 401 ]
	get /api/v1/dashboards/d/shares | jq -e '.shares == []'

	post /api/v1/roles '{"name":"r","permissions":["read:events"],"rows":".properties.a == 1","mask":["email"],"description":"x"}' > /dev/null && [ "$status_code" = 201 ]
	call PUT /api/v1/roles/r -H 'Content-Type: application/json' -d '{"permissions":["read:events"],"hide":["email"]}' | jq -ce '[has("rows", "mask", "description"), .hide] == [false, false, false, ["email"]]'
	call PATCH /api/v1/roles/r -H 'Content-Type: application/json' -d '{"rows":".properties.a == 2"}' | jq -ce '.hide == ["email"] and .rows == ".properties.a == 2"'
	call PUT /api/v1/roles/r -H 'Content-Type: application/json' -d '{"hide":["email"]}' > /dev/null && [ "$status_code" = 422 ]

	call PATCH /api/v1/users/anna -H 'Content-Type: application/json' -d '{"roles":["r"]}' > /dev/null && [ "$status_code" = 200 ]
	call DELETE /api/v1/roles/r && [ "$status_code" = 204 ]
	call PATCH /api/v1/users/anna -H 'Content-Type: application/json' -d '{"disabled":true}' | jq -ce '.disabled and .roles == ["r"]'         # a role that is gone holds up nobody's end
	call PATCH /api/v1/users/anna -H 'Content-Type: application/json' -d '{"roles":["viewer","r"]}' > /dev/null && [ "$status_code" = 422 ]
}

@test "a user is one caller in all his sessions: one rate, and what is sent again after a new login counts once" {
	mkdir config
	echo '{"serve":{"rate":{"perSecond":0.01,"burst":20}}}' > config/analytics.json
	serve_start -c config
	for user in anna bob; do post /api/v1/users '{"name":"'$user'","password":"correct horse battery","roles":["admin"]}' > /dev/null && [ "$status_code" = 201 ]; done
	sign_in() { curl -s "$U/api/v1/login" -H 'Content-Type: application/json' -d '{"user":"'"$1"'","password":"correct horse battery"}' | jq -r .session; }
	one=$(sign_in anna) two=$(sign_in anna) bob=$(sign_in bob)
	for cookie in "$one" "$two" "$bob"; do
		[ "$(code /api/v1/events -H "Cookie: at_session=$cookie" -H 'Content-Type: application/json' -H 'Idempotency-Key: k' -d '{"event":"x"}')" = 200 ]
	done
	[ "$(at-query 'SELECT count(*) AS n FROM events')" = '{"n":2}' ]
	for i in $(seq 15); do for cookie in "$one" "$two"; do code /api/v1/me -H "Cookie: at_session=$cookie"; echo; done; done > codes
	grep -q 429 codes
	[ "$(code /api/v1/me -H "Cookie: at_session=$bob")" = 200 ]
}

@test "whoever may make tenants sees in his trail that they were made; a tenant's own administrator sees his own alone" {
	serve_start
	post /api/v1/tenants '{"name":"shop"}' > /dev/null && [ "$status_code" = 201 ]
	get /api/v1/audit | jq -e '.audit[] | select(.action == "tenant.create") | .tenant == "shop"'
	own=$(post /api/v1/keys '{"name":"own","roles":["admin"]}' | jq -r .key)
	[ "$(KEY=$own get /api/v1/audit | jq '[.audit[] | select(.action == "tenant.create")] | length')" = 0 ]
	[ "$(get /api/v1/audit -H 'X-Tenant: shop' | jq -r '.audit[].tenant' | sort -u)" = shop ]
}

@test "a body that says a member twice is refused, at any depth, for what is kept would go to readers who differ in which one they take" {
	serve_start
	refused() { post "$1" "$2" > /dev/null; [ "$status_code" = 422 ] && jq -e '.detail | test("twice")' body; }
	refused /api/v1/dashboards '{"id":"d","widgets":[],"widgets":[]}'
	refused /api/v1/dashboards '{"id":"d","widgets":[{"id":"w","type":"text","text":"a","te\u0078t":"b"}]}'
	refused /api/v1/query '{"query":"SELECT 1","query":"SELECT 2"}'
	refused /api/v1/roles '{"name":"r","permissions":["read:events"],"permissions":["*:*"]}'
	refused /api/v1/silences '{"match":{"alert":"a","alert":"b"},"duration":"1h"}'
	[ "$(get /api/v1/dashboards | jq '.dashboards | length')" = 0 ]
	post /api/v1/events '{"event":"a","event":"b"}' > /dev/null && [ "$status_code" = 200 ]         # of events the last one is meant (at-rows(5))
	[ "$(at-query 'SELECT event FROM events')" = '{"event":"b"}' ]
}

@test "behind a statement there may be a comment; what only plans one refuses writing as what runs it does, a rule too" {
	serve_start
	for behind in ';' ' -- c' '; -- c' '; /* c */ ;' ";\n-- c\n"; do
		post /api/v1/query '{"query":"SELECT 1 AS n'"$behind"'"}' | jq -e '.data == [{"n": 1}]'
	done
	for sql in 'SELECT 1; SELECT 2' 'SELECT 1; -- c\n SELECT 2' 'EXPLAIN DROP TABLE x' 'EXPLAIN VACUUM' 'EXPLAIN SELECT 1; SELECT 2'; do
		post /api/v1/query '{"query":"'"$sql"'"}' > /dev/null && [ "$status_code" = 400 ] || { echo "$sql"; return 1; }
	done
	for sql in 'DROP TABLE x' VACUUM 'SELECT 1; DROP TABLE x' 'SELEC 1'; do
		post /api/v1/rules '{"alert":"a","sql":"'"$sql"'"}' > /dev/null && [ "$status_code" = 422 ] || { echo "$sql"; return 1; }
	done
	post /api/v1/rules '{"alert":"a","sql":"SELECT 1 AS n; -- c"}' > /dev/null && [ "$status_code" = 201 ]
}

@test "a parameter of a statement has the type that it has in JSON, over columns and row by row" {
	serve_start
	post /api/v1/events/batch '{"events":[{"event":"a","user_id":"7","properties":{"code":"7","n":7}},{"event":"a","user_id":"007","properties":{"code":"007","n":100}},{"event":"7","properties":{"n":1.5}}]}' > /dev/null
	count() {
		local one two
		one=$(post /api/v1/query '{"query":"SELECT COUNT(*) AS n FROM events WHERE '"$1"' :a","parameters":{"a":'"$2"'}}' | jq '.data[0].n')
		two=$(post /api/v1/query '{"query":"SELECT COUNT(*) AS n FROM (SELECT *, row_number() OVER () AS r FROM events) WHERE '"$1"' ?","parameters":['"$2"']}' | jq '.data[0].n')
		echo "$one $two"
	}
	[ "$(count 'code =' '"7"')" = '1 1' ] && [ "$(count 'code =' 7)" = '0 0' ] && [ "$(count 'code =' '"007"')" = '1 1' ]
	[ "$(count 'user_id =' '"7"')" = '1 1' ] && [ "$(count 'event =' '"7"')" = '1 1' ]
	for seven in 7 7.0 0.7e1 70e-1; do [ "$(count 'n =' $seven)" = '1 1' ]; done
	[ "$(count 'n =' '"7"')" = '0 0' ] && [ "$(count 'n >=' 100.0)" = '1 1' ] && [ "$(count 'n >=' 1e2)" = '1 1' ] && [ "$(count 'n <' 99999999999999999999)" = '3 3' ] && [ "$(count 'n =' 1.5)" = '1 1' ]
	[ "$(count 'n =' null)" = '0 0' ] && [ "$(count 'n IS NOT' null)" = '3 3' ] && [ "$(count 'code IS' null)" = '1 1' ]
	for code in null '"007"'; do
		post /api/v1/query '{"query":"SELECT count(*) AS n FROM events WHERE (:code IS NULL OR code = :code)","parameters":{"code":'$code'}}' | jq '.data[0].n'
	done > both
	[ "$(paste -sd' ' both)" = '3 1' ]
	post /api/v1/query '{"query":"SELECT 1 AS n LIMIT :n","parameters":{"n":"1"}}' | jq -e '.rows == 1'
	[ "$(get '/api/v1/events?event=7' | jq '.events | length')" = 1 ]
	post /api/v1/dashboards '{"id":"d","variables":[{"name":"least","default":"5"},{"name":"code","default":"007"}],"widgets":[{"id":"w","type":"table","query":"SELECT COUNT(*) AS n FROM events WHERE n > :least"},{"id":"c","type":"table","query":"SELECT COUNT(*) AS n FROM events WHERE code = :code"}]}' > /dev/null && [ "$status_code" = 201 ]
	link=$(post /api/v1/dashboards/d/shares '{}' | jq -r .token)
	[ "$(curl -s "$U/api/v1/shared/w" -H "Authorization: Bearer $link" | jq .data[0].n)" = 2 ]
	[ "$(curl -s "$U/api/v1/shared/c" -H "Authorization: Bearer $link" | jq .data[0].n)" = 1 ]
}

@test "periods and groups are said the same way everywhere: to alone, from= with nothing, fields twice or too many" {
	serve_start
	for day in $(seq 10 30); do
		for n in 1 2; do echo '{"event":"a","timestamp":"2026-10-'$day'T10:00:00Z","properties":{"f1":'$n'}}'; done
	done | at-ingest -q
	post /api/v1/insights '{"to":"2026-10-25"}' | jq -e '.from == "2026-10-18T00:00:00.000Z" and .to == "2026-10-25T00:00:00.000Z"'
	post /api/v1/insights '{"from":"2026-10-20","to":"2026-10-25"}' | jq -e '.from == "2026-10-20T00:00:00.000Z" and .to == "2026-10-25T00:00:00.000Z"'
	post /api/v1/insights '{"from":"x"}' > /dev/null && [ "$status_code" = 400 ]
	get '/api/v1/metrics?metric=a&from=&to=' > /dev/null && [ "$status_code" = 200 ]
	where='metric=a&from=2026-10-01&to=2026-10-31&horizon=1'
	get "/api/v1/forecast?$where&groupBy=f1,f1" | jq -ce '[.forecast[].labels]' | grep -Fx '[{"f1":1},{"f1":2}]'
	get "/api/v1/forecast?$where&groupBy=a,b,c,d,e,f,g,h,i,j,f1" | jq -e '[.forecast[].labels | length == 11 and has("f1")] == [true, true]'
	for path in forecast; do
		get "/api/v1/$path?$where&groupBy=a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q" > /dev/null; [ "$status_code" = 400 ]
		get "/api/v1/$path?metric=a&groupBy=," > /dev/null && [ "$status_code" = 400 ]
	done
}

@test "an answer to a question speaks of the API's ways" {
	serve_start
	post /api/v1/events '{"event":"a"}' > /dev/null
	post /api/v1/ask '{"question":"how many zorks yesterday?"}' | jq -e '.refuse and (.text | test("GET /api/v1/schema lists them") and (test("at-query") | not))'
	[ "$(code /api/v1/me -H "X-API-Key: $KEY" -H 'X-Tenant;')" = 200 ]             # a header that says nothing
}

@test "funnels and their kin say how many events they looked at" {
	serve_start
	post /api/v1/events/batch '{"events":[{"event":"a","user_id":"u"},{"event":"b","user_id":"u"},{"event":"c"}]}' > /dev/null
	for path in 'funnels?steps=a,b' retention paths sessions; do
		[ "$(get "/api/v1/$path" | jq .statistics.rows_read)" = 3 ] || { echo "$path"; cat body; return 1; }
	done
}
