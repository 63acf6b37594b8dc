#!/usr/bin/env bats
# at-serve judges the rules of its tenants: alerts are stored, told live, and to the receivers.

load ../helper
load serve

setup() { mkdir -p config; echo '{"receivers":{"log":{"type":"file","path":"'$PWD'/log"}}}' > config/analytics.json; }
until_it() { for _ in $(seq 900); do "$@" > /dev/null 2>&1 && return; sleep 0.1; done; echo "not in time: $*"; return 1; }
states() { get '/api/v1/alerts' | jq -r '[.alerts | reverse[] | "\(.alert) \(.state)"] | join(",")'; }
part() { [[ $(states) == *"$1"* ]]; }
has() { [[ $(states) == "$1" ]]; }

@test "webhooks go on behind more at once than one transaction queues" {
	mkdir -p config
	echo '{"serve":{"webhooks":{"private":true}}}' > config/analytics.json
	python3 -u -c '
import http.server
class H(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        open("got", "ab").write(body.replace(b"\n", b" ") + b"\n")
        self.send_response(200); self.send_header("Content-Length", "0"); self.end_headers()
    def log_message(*a): pass
s = http.server.ThreadingHTTPServer(("127.0.0.1", 0), H)
print(s.server_port)
s.serve_forever()' > port &
	for _ in $(seq 300); do [ -s port ] && break; sleep 0.1; done
	serve_start
	post /api/v1/webhooks "{\"id\":\"w\",\"url\":\"http://127.0.0.1:$(cat port)/\",\"events\":[\"many\"]}" > /dev/null
	post /api/v1/events/batch "$(jq -nc '{events: [range(1200) | {event: "many", properties: {n: "e\(.)"}}]}')" > /dev/null
	for _ in $(seq 3000); do [ -e got ] && [ "$(wc -l < got)" -gt 1001 ] && break; sleep 0.1; done
	[ "$(wc -l < got)" -gt 1001 ]
	[ -z "$(jq -r .data.properties.n got | sort | uniq -d)" ]
	kill %1
}

@test "61: a receiver that was down until ten thousand messages wait gets them when it is up again" {
	mkdir -p config
	echo '{"serve":{"webhooks":{"private":true}}}' > config/analytics.json
	python3 -u -c '
import http.server, os
class H(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        up = os.path.exists("up")
        open("got" if up else "refused", "ab").write(b".")
        self.send_response(200 if up else 503); self.send_header("Content-Length", "0"); self.end_headers()
    def log_message(*a): pass
s = http.server.ThreadingHTTPServer(("127.0.0.1", 0), H)
print(s.server_port)
s.serve_forever()' > port &
	soon test -s port
	serve_start -c config
	post /api/v1/webhooks "{\"id\":\"w\",\"url\":\"http://127.0.0.1:$(cat port)/\",\"events\":[\"many\"]}" > /dev/null
	jq -nc 'range(10100) | {event: "many", properties: {n: .}}' > many
	call POST /api/v1/events/batch -H 'Content-Type: application/x-ndjson' --data-binary @many > /dev/null
	full() { [ "$(get /api/v1/webhooks/w/queue | jq '.messages | length')" = 1000 ] && [ -s refused ]; }      # of them an answer has a thousand
	soon full
	taken() { [ "$(stat -c %s got 2> /dev/null || echo 0)" -ge 100 ]; }
	touch up
	for _ in $(seq 1800); do taken && break; sleep 0.1; done        # it is asked again after as long as it was down
	taken
	kill %1
}

@test "what another process queues for a receiver is sent by the server that runs" {
	mkdir -p down
	echo '{"receivers":{"log":{"type":"webhook","url":"http://127.0.0.1:1/"}}}' > down/analytics.json
	echo '{"rules":[{"alert":"many","expr":".count > 100"}]}' > rules.json
	serve_start -c config
	post /api/v1/receivers/log/test '' > /dev/null
	until_it grep -q '"type":"test"' log            # and nothing else waits
	mkfifo in
	at-detect -c down -r rules.json --notify < in > alerts 3>&- & pid=$!
	exec 9> in
	echo '{"metric":"m","timestamp":"2026-11-23T10:00:00Z","count":150}' >&9
	tried() { get /api/v1/receivers/log/queue | jq -e '.messages[0].attempts > 0' || [ -n "$(grep firing log)" ]; }
	until_it tried
	kill -KILL $pid; wait $pid || true
	exec 9>&-
	until_it grep -q '"status":"firing"' log
}

@test "a rule asks no SQL for who may not ask any himself" {
	serve_start
	post /api/v1/roles '{"name":"rules","permissions":["write:rules","read:alerts"]}' > /dev/null
	less=$(post /api/v1/keys '{"name":"k","roles":["rules"]}' | jq -r .key)
	sql='{"alert":"a","sql":"SELECT user_id, 1 AS value FROM events"}'
	[ "$(code /api/v1/rules -X POST -H "X-API-Key: $less" -H 'Content-Type: application/json' -d "$sql")" = 403 ]
	[ "$(code /api/v1/rules/b -X PUT -H "X-API-Key: $less" -H 'Content-Type: application/json' -d '{"alert":"b","expr":".count > 1"}')" = 201 ]
	[ "$(code /api/v1/rules/b -X PATCH -H "X-API-Key: $less" -H 'Content-Type: application/json' -d '{"expr":null,"sql":"SELECT 1"}')" = 403 ]
	[ "$(code /api/v1/rules -X POST -H "X-API-Key: $KEY" -H 'Content-Type: application/json' -d "$sql")" = 201 ]
}

@test "a rule of the API over events, over stored metrics, and in SQL: it fires, is told, and is resolved" {
	serve_start -c config --workers 2
	post /api/v1/rules '{"alert":"buys","metric":"buy","condition":"> 2","every":"8s","message":"{{value}} bought"}' > /dev/null
	[ "$status_code" = 201 ]
	post /api/v1/events/batch '{"events":[{"event":"buy"},{"event":"buy"},{"event":"buy"}]}' > /dev/null
	until_it grep -q '"status":"firing".*3 bought' log
	until_it has 'buys firing,buys resolved'
	until_it grep -q '"status":"resolved"' log
	post /api/v1/rules '{"alert":"rows","expr":".metric == \"cpu\" and .value > 90 and .labels.host == \"a\"","severity":"page"}' > /dev/null
	post /api/v1/rules '{"alert":"sql","sql":"SELECT event, COUNT(*) AS value FROM events GROUP BY event","condition":"> 3","every":"1s"}' > /dev/null
	printf '{"metric":"cpu","timestamp":"%s","labels":{"host":"a"},"value":97}\n' "$(date -u +%FT%TZ)" | at-agg -s -q -w 1s > /dev/null || true
	post /api/v1/events '{"event":"buy"}' > /dev/null
	until_it grep -q '"alert":"sql"' log
	[ "$(jq -r '.data.alerts[] | select(.alert == "sql").labels.event' log | tail -1)" = buy ]
	[ "$(at-query "SELECT count(*) AS n FROM alerts WHERE alert = 'buys'" | jq .n)" = 2 ]
}

@test "a rule of the name of one that fires is told for itself, whichever of them is listed first" {
	serve_start -c config
	told() { jq -r '.data | .status + " " + .alerts[].severity' log | paste -sd,; }
	is_told() { [ "$(told)" = "$1" ]; }
	rule() { post /api/v1/rules "{\"id\":\"$1\",\"alert\":\"many\",\"severity\":\"$2\",\"sql\":\"SELECT COUNT(*) AS value FROM events\",\"condition\":\"> 0\",\"every\":\"1s\"}" > /dev/null; }
	rule b warning
	post /api/v1/events '{"event":"buy"}' > /dev/null
	until_it is_told 'firing warning'
	rule a page
	until_it is_told 'firing warning,firing page'
	call DELETE /api/v1/rules/b > /dev/null
	until_it is_told 'firing warning,firing page,resolved warning'
}

@test "rules are checked: what cannot be judged is 422 with its place, in PUT and PATCH too" {
	serve_start -c config
	for rule in '{"alert":"x","expr":".count >"}' '{"alert":"x"}' '{"alert":"x","expr":".c > 1","for":"5x"}' '{"expr":".c > 1"}' '{"alert":"x","pattern":"a ->"}' \
	    '{"alert":"x","expr":".c > 1","no_data":"never"}' '{"alert":"x","expr":"input"}' \
	    '{"alert":"x","pattern":"a[input == 1] -> b within 1h"}' '{"alert":"x","pattern":"a[[range(1e9)] == 1] -> b within 1h"}'; do
		post /api/v1/rules "$rule" > /dev/null
		[ "$status_code" = 422 ] || { echo "$rule: $status_code"; cat body; return 1; }
	done
	post /api/v1/rules '{"id":"r","alert":"x","expr":".c > 1","for":"5m","labels":{"a":"b"},"group_by":"a"}' > /dev/null
	[ "$status_code" = 201 ] && [ "$(jq -r .group_by body)" = a ]
	call PATCH /api/v1/rules/r -H 'Content-Type: application/json' --data-binary '{"for":"x"}' > /dev/null
	[ "$status_code" = 422 ] && [[ $(jq -r .detail body) == *'for: '* ]]
}

@test "a firing alert is still firing after the server was killed: nothing is told twice, and its end is" {
	serve_start -c config
	post /api/v1/rules '{"alert":"many","sql":"SELECT COUNT(*) AS value FROM events WHERE event = '"'buy'"'","condition":"> 0","resolve":"< 0","every":"1s"}' > /dev/null
	post /api/v1/events '{"event":"buy"}' > /dev/null
	until_it grep -q firing log
	for round in 1 2 3; do
		kill -9 "$PID"; wait "$PID" 2> /dev/null || true
		serve_start -c config
		sleep 1.2
	done
	[ "$(grep -c . log)" = 1 ]
	call DELETE "/api/v1/rules/$(get /api/v1/rules | jq -r '.rules[0].id')" > /dev/null
	until_it grep -q resolved log
	[ "$(grep -c . log)" = 2 ]
}

@test "silences over HTTP: made, listed, ended; what they match is not told" {
	serve_start -c config
	post /api/v1/silences '{"match":{"alert":"many"},"duration":"1h","comment":"we know"}' > /dev/null
	[ "$status_code" = 201 ] && [ "$(jq -r .state body)" = active ]
	id=$(jq -r .id body)
	for bad in '{"match":{}}' '{"match":{"a":"~("},"duration":"1h"}' '{"match":{"a":"b"},"duration":"1x"}' '{"match":{"a":"b"},"until":"2020-01-01T00:00:00Z"}' '{"duration":"1h"}'; do
		post /api/v1/silences "$bad" > /dev/null
		[ "$status_code" = 422 ] || { echo "$bad: $status_code"; return 1; }
	done
	post /api/v1/rules '{"alert":"many","sql":"SELECT COUNT(*) AS value FROM events","condition":"> 0","every":"1s"}' > /dev/null
	post /api/v1/events '{"event":"buy"}' > /dev/null
	until_it has 'many firing'
	sleep 1
	[ ! -s log ]
	[ "$(get /api/v1/silences | jq -r '.silences[].id')" = "$id" ]
	call DELETE "/api/v1/silences/$id" > /dev/null
	[ "$status_code" = 204 ]
	[ "$(get "/api/v1/silences/$id" > /dev/null; echo "$status_code")" = 404 ]
	[ -z "$(at-admin silence list -f ndjson)" ]
	until_it grep -q '"firing"' log          # what it withheld is told, within seconds
}

@test "a silence ends when one thing says so: until and duration together are refused, and so is an end that no time can tell" {
	serve_start
	silence() { post /api/v1/silences "$1" > /dev/null; echo "$status_code $(jq -r .detail body)"; }
	[[ $(silence '{"match":{"alert":"a"},"until":"2030-01-01T00:00:00Z","duration":"2h"}') == '422 duration: is there beside until,'* ]]
	[[ $(silence '{"match":{"alert":"a"},"from":"9999-12-31T00:00:00Z","duration":"2d"}') == '422 duration: '*10000 ]]
	[[ $(silence '{"match":{"alert":"a"}}') == '422 until: is missing'* ]]
	[[ $(silence '{"match":{"alert":"a"},"from":"9999-12-31T00:00:00Z","duration":"2h"}') == 201* ]]
	[ "$(get /api/v1/silences | jq '.silences | length')" = 1 ]
}

@test "a rule that is edited while it fires, and then removed: what it says last stands first, also of the same time" {
	serve_start -c config
	post /api/v1/rules '{"id":"hot","alert":"hot","metric":"cpu","condition":"> 90"}' > /dev/null && [ "$status_code" = 201 ]
	now=$(date -u +%Y-%m-%dT%H:%M:%S.000Z)
	post /api/v1/events/batch '[{"metric":"cpu","timestamp":"'$now'","labels":{"host":"a"},"value":95}]' > /dev/null
	until_it part 'hot firing'
	call PATCH /api/v1/rules/hot -H 'Content-Type: application/json' -d '{"condition":"> 99"}' > /dev/null && [ "$status_code" = 200 ]
	until_it has 'hot firing,hot resolved'
	[ "$(get /api/v1/alerts | jq -c '[.alerts[] | [.state, .timestamp]]')" = '[["resolved","'$now'"],["firing","'$now'"]]' ]
	call PATCH /api/v1/rules/hot -H 'Content-Type: application/json' -d '{"condition":"> 90"}' > /dev/null
	until_it has 'hot firing,hot resolved,hot firing'
	call DELETE /api/v1/rules/hot > /dev/null && [ "$status_code" = 204 ]
	until_it has 'hot firing,hot resolved,hot firing,hot resolved'
}

@test "rules of analytics.json are judged too, patterns over events as they come" {
	echo '{"rules":[{"alert":"twice","pattern":"buy -> buy within 1h by user_id"}],"receivers":{"log":{"type":"file","path":"'$PWD'/log"}}}' > config/analytics.json
	serve_start -c config
	for i in 1 2; do post /api/v1/events '{"event":"buy","user_id":"u1"}' > /dev/null; done
	until_it has 'twice firing'
	[ "$(get /api/v1/alerts | jq -c '.alerts[0].labels')" = '{"user_id":"u1"}' ]
}

@test "who makes a rule about events and sends one at once is heard" {
	serve_start -c config
	post /api/v1/rules '{"alert":"big","expr":".event == \"buy\" and .properties.amount > 100","message":"{{value}}"}' > /dev/null
	post /api/v1/events '{"event":"buy","properties":{"amount":500}}' > /dev/null
	until_it has 'big firing'
	[ "$(get /api/v1/alerts | jq -r '.alerts[0].message')" = 500 ]
	post /api/v1/rules '{"alert":"small","expr":".event == \"sell\" and .properties.amount < 5"}' > /dev/null
	post /api/v1/events '{"event":"sell","properties":{"amount":2}}' > /dev/null
	until_it part 'small firing'
}

@test "so is who does both while it is looked which rules there are" {
	plain_only
	cat > between.c <<'END'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <lmdb.h>
#include <string.h>
#include <unistd.h>
static __thread int rules;              /* this thread read them last */
int mdb_cursor_get(MDB_cursor *c, MDB_val *key, MDB_val *data, MDB_cursor_op op)
{
	int (*real)(MDB_cursor *, MDB_val *, MDB_val *, MDB_cursor_op) = dlsym(RTLD_NEXT, "mdb_cursor_get");
	if (key && op == MDB_SET_RANGE && key->mv_size >= 5 && memcmp(key->mv_data, "rule", 5) == 0)
		rules = 1;
	return real(c, key, data, op);
}
int mdb_txn_begin(MDB_env *env, MDB_txn *parent, unsigned flags, MDB_txn **txn)
{
	int (*real)(MDB_env *, MDB_txn *, unsigned, MDB_txn **) = dlsym(RTLD_NEXT, "mdb_txn_begin");
	if (rules && unlink("arm") == 0) {
		close(open("between", O_CREAT | O_WRONLY, 0600));
		while (access("go", F_OK))
			usleep(10000);
	}
	rules = 0;
	return real(env, parent, flags, txn);
}
END
	${CC:-cc} -shared -fPIC -o between.so between.c -ldl
	LD_PRELOAD=$PWD/between.so serve_start -c config
	touch arm
	post /api/v1/events '{"event":"other"}' > /dev/null     # so that it looks
	soon test -e between
	post /api/v1/rules '{"alert":"big","expr":".event == \"buy\" and .properties.amount > 100"}' > /dev/null && [ "$status_code" = 201 ]
	post /api/v1/events '{"event":"buy","properties":{"amount":500}}' > /dev/null && [ "$status_code" = 200 ]
	touch go
	until_it has 'big firing'
}

@test "a question that was held up is asked again as soon as any other" {
	plain_only
	cat > held.c <<'END'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <lmdb.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
static __thread int judges;             /* this thread has read rules */
int mdb_cursor_get(MDB_cursor *c, MDB_val *key, MDB_val *data, MDB_cursor_op op)
{
	int (*real)(MDB_cursor *, MDB_val *, MDB_val *, MDB_cursor_op) = dlsym(RTLD_NEXT, "mdb_cursor_get");
	judges |= key && op == MDB_SET_RANGE && key->mv_size >= 5 && memcmp(key->mv_data, "rule", 5) == 0;
	return real(c, key, data, op);
}
int mdb_txn_begin(MDB_env *env, MDB_txn *parent, unsigned flags, MDB_txn **txn)
{
	int (*real)(MDB_env *, MDB_txn *, unsigned, MDB_txn **) = dlsym(RTLD_NEXT, "mdb_txn_begin");
	if (judges && access("slow", F_OK) == 0)
		nanosleep(&(struct timespec){ 0, 800000000 }, NULL);
	return real(env, parent, flags, txn);
}
END
	${CC:-cc} -shared -fPIC -o held.so held.c -ldl
	LD_PRELOAD=$PWD/held.so serve_start -c config
	post /api/v1/rules '{"id":"a","alert":"many","sql":"SELECT COUNT(*) AS value FROM events","condition":"> 0","every":"1s"}' > /dev/null && [ "$status_code" = 201 ]
	touch slow
	post /api/v1/rules '{"id":"b","alert":"one","sql":"SELECT 1 AS value","condition":"> 0","every":"1h"}' > /dev/null && [ "$status_code" = 201 ]
	until_it part 'one firing'                              # which is asked behind the other
	rm slow
	post /api/v1/events '{"event":"buy"}' > /dev/null
	patience=200 soon part 'many firing'    # had it to rest for as long as it was held up, that would be longer
}

@test "34: what a rule read under another name is not seen by who may not see it: in lists, SQL, live and after a change of the rule" {
	serve_start -c config
	at-admin -q role add masked read:events read:alerts read:query read:rules read:silences --sees mask=email
	at-admin -q role add hidden read:events read:alerts read:query --sees hide=email
	masked=$(at-admin -q key create m --role masked) hidden=$(at-admin -q key create h --role hidden) all=$KEY
	post /api/v1/rules '{"id":"r","alert":"alias","sql":"SELECT email AS contact, country, COUNT(*) AS value FROM events GROUP BY 1, 2","condition":"> 0","every":"1s"}' > /dev/null
	post /api/v1/rules '{"alert":"star","sql":"WITH t(a,b,c,d,e,f,g,h,i,j) AS (SELECT * FROM events) SELECT h AS x, i AS y, 1 AS value FROM t","every":"1s"}' > /dev/null
	post /api/v1/rules '{"alert":"clean","sql":"SELECT country AS land, COUNT(*) AS value FROM events GROUP BY 1","condition":"> 0","every":"1s"}' > /dev/null
	post /api/v1/rules '{"alert":"told","expr":".event == \"buy\" and .properties.n > 0","message":"{{properties.email}} bought"}' > /dev/null
	for key in $masked $hidden; do
		curl -s -N "$U/api/v1/stream?alerts=true" -H "X-API-Key: $key" > "live.${key: -6}" 3>&- &
		soon grep -q subscribed "live.${key: -6}"
	done
	post /api/v1/events '{"event":"buy","properties":{"email":"bob@x.example","country":"DE","n":1}}' > /dev/null
	until_it part 'told firing'; until_it part 'clean firing'; until_it part 'alias firing'; until_it part 'star firing'
	get /api/v1/alerts | grep -q bob@x.example
	for key in $masked $hidden; do
		KEY=$key get /api/v1/alerts > seen
		[ "$(jq -r '[.alerts[].alert] | unique | join(",")' seen)" = clean ]
		[ "$(jq -c '.alerts[0] | [.labels, has("reads")]' seen)" = '[{"land":"DE"},false]' ]
		KEY=$key post /api/v1/query '{"query":"SELECT alert, labels, message, row FROM alerts"}' >> seen
		[ "$(jq -r '.data[0].alert' body)" = clean ] && [ "$(jq .rows body)" = 1 ]
		[ "$(KEY=$key post /api/v1/query '{"query":"SELECT count(*) AS n FROM alerts WHERE message LIKE '"'%bob%'"'"}' | jq '.data[0].n')" = 0 ]
		run ! grep bob seen
	done
	# the rule is another one now: what it said before is still what it read before
	call PATCH /api/v1/rules/r -H 'Content-Type: application/json' --data-binary '{"sql":"SELECT country AS contact, 1 AS value FROM events WHERE 1 = 0"}' > /dev/null
	[ "$status_code" = 200 ]
	until_it part 'alias resolved'
	get /api/v1/alerts | jq -e '[.alerts[] | select(.alert == "alias" and .state == "resolved")][0].labels.contact == "bob@x.example"'
	for key in $masked $hidden; do
		KEY=$key get /api/v1/alerts > seen
		run ! grep bob seen
	done
	[ "$(KEY=$masked get /api/v1/silences > /dev/null; code /api/v1/silences -H "X-API-Key: $masked")" = 403 ]      # they name labels
	soon grep -q clean live.*
	run ! grep bob live.*
}

@test "31, 48: a tenant's rules that take long hold up neither another tenant's nor requests; what is wrong with them is said, until it is over" {
	serve_start -c config
	at-admin -q tenant add shop
	shop=$(at-admin -q -T shop key create)
	forever='WITH RECURSIVE t(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM t) SELECT count(*) AS value FROM t'
	for i in 1 2 3 4 5; do
		post /api/v1/rules "{\"id\":\"sql$i\",\"alert\":\"forever$i\",\"every\":\"1s\",\"sql\":\"$forever\"}" > /dev/null
		[ "$status_code" = 201 ]
	done
	# nested repeats: each start of the text is tried in all ways, so long as the steps reach
	post /api/v1/rules '{"id":"regex","alert":"regex","expr":".event == \"x\" and (.properties.t | test(\"^(([a-z])+.)+[A-Z]([a-z])+$\"))"}' > /dev/null
	[ "$status_code" = 201 ]
	post /api/v1/rules '{"id":"tries","alert":"tries","pattern":"x -> y[(.properties.t + $x.properties.t) | test(\"^(([a-z])+.)+[A-Z]([a-z])+$\")] within 1h"}' > /dev/null
	[ "$status_code" = 201 ]
	text=$(printf 'a%.0s' $(seq 60))
	for _ in 1 2 3; do
		jq -nc "{events: [range(300) | {event: (if . % 2 == 0 then \"x\" else \"y\" end), properties: {t: \"$text\"}}]}" > batch
		post /api/v1/events/batch @batch > /dev/null
		[ "$status_code" = 200 ]
	done
	KEY=$shop post /api/v1/rules '{"alert":"buys","expr":".event == \"buy\""}' > /dev/null
	KEY=$shop post /api/v1/rules '{"alert":"asked","sql":"SELECT count(*) AS value FROM events","condition":"> 0","every":"1s"}' > /dev/null
	KEY=$shop post /api/v1/events '{"event":"buy"}' > /dev/null
	began=$SECONDS
	all=$KEY KEY=$shop
	until_it part 'buys firing'
	until_it part 'asked firing'
	[ $((SECONDS - began)) -lt 45 ]         # the five others' questions take ten seconds each
	KEY=$all
	wrong() { get "/api/v1/rules/$1" | jq -e '.state.error' | grep -E "$2"; }
	for _ in 1 2 3 4; do until_it wrong sql1 'longer|time|took' && break; done
	for _ in 1 2 3 4; do until_it wrong regex 'Regex failure|takes .* ms for a row' && break; done
	get /api/v1/rules | jq -e '[.rules[] | select(.id == "sql1")][0].state | (.error | length > 0) and (.since | length > 0)'
	at-admin -q role add some read:rules read:events --sees mask=t
	[ "$(KEY=$(at-admin -q key create some --role some) get /api/v1/rules/sql1 | jq 'has("state")')" = false ]
	call PATCH /api/v1/rules/sql1 -H 'Content-Type: application/json' -d '{"expr":17}' > /dev/null
	[ "$status_code" = 422 ] && get /api/v1/rules/sql1 | jq -e '.state.error'               # a change that is refused changes nothing
	call PUT /api/v1/rules/sql1 -H 'Content-Type: application/json' -d '{"alert":"forever1","every":"1s","sql":"SELECT 1 AS value"}' > /dev/null
	[ "$status_code" = 200 ] && [ "$(jq 'has("state")' body)" = false ]
	for _ in 1 2 3; do until_it part 'forever1 firing' && break; done           # behind a question that is being asked
	[ "$(get /api/v1/rules/sql1 | jq 'has("state")')" = false ]
	kill -TERM "$PID"
	began=$SECONDS
	wait "$PID"
	PID=
	[ $((SECONDS - began)) -lt 45 ]
}

@test "what waits for receivers of analytics.json, and what they did not take, is shown, sent again and let go, over HTTP and by at-admin" {
	echo '{"receivers":{"down":{"type":"webhook","url":"http://127.0.0.1:9/","secret":"whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="},"log":{"type":"file","path":"'$PWD'/log"}}}' > config/analytics.json
	serve_start -c config
	post /api/v1/rules '{"alert":"many","sql":"SELECT COUNT(*) AS value FROM events","condition":"> 0","every":"1s"}' > /dev/null
	post /api/v1/events '{"event":"buy"}' > /dev/null
	until_it grep -q firing log
	waits() { get /api/v1/receivers | jq -e '[.receivers[] | [.name, .type, .waiting, .dead]] == [["down","webhook",1,0],["log","file",0,0]]'; }
	until_it waits
	tried() { get /api/v1/receivers/down/queue | jq -e '.messages[0] | .attempts > 0 and (.error | length > 0) and .type == "alert.firing"'; }
	until_it tried
	[ "$(get /api/v1/receivers/down/dead)" = '{"messages":[]}' ]
	post /api/v1/receivers/down/replay '' > /dev/null && [ "$(cat body)" = '{"queued":0}' ]
	call DELETE /api/v1/receivers/down/dead > /dev/null && [ "$(cat body)" = '{"dropped":0}' ]
	post /api/v1/receivers/log/test '' > /dev/null && until_it grep -q '"type":"test"' log
	for path in queue dead; do get /api/v1/receivers/none/$path > /dev/null; [ "$status_code" = 404 ]; done
	at-admin -q role add some read:webhooks read:events --sees mask=email
	[ "$(code /api/v1/receivers -H "X-API-Key: $(at-admin -q key create some --role some)")" = 403 ]
	[ "$(code /api/v1/receivers/down/queue -H "X-API-Key: $(at-admin -q key create some2 --role ingest)")" = 403 ]
	[ "$(at-admin -c config letters list down)" = '' ]
	[ "$(at-admin -c config letters replay down)" = '0 wait to be sent again' ]
	run -2 at-admin -c config letters drop down < /dev/null
	[ "$(at-admin -y -c config letters drop :gone)" = '0 dropped' ]
	run -2 at-admin letters send
	get /api/v1/audit | jq -e '[.audit[].action] | index("receiver.replay") and index("receiver.drop") and index("letters.replay")'
}

@test "a rule that fires again and again is noisy: the API says so, at-admin too, and the log once" {
	serve_start -c config
	post /api/v1/rules '{"id":"hot","alert":"hot","metric":"cpu","condition":"> 90"}' > /dev/null && [ "$status_code" = 201 ]
	post /api/v1/rules '{"id":"calm","alert":"calm","metric":"cpu","condition":"> 1000"}' > /dev/null && [ "$status_code" = 201 ]
	[ "$(get /api/v1/rules/hot | jq -c '[.alerts_per_day, .firings, .noisy]')" = '[0,0,false]' ]
	now=$(date -u +%s)
	post /api/v1/events/batch "$(jq -nc "[range(30) | {metric: \"cpu\", timestamp: (($now - 60 + .) | todate), labels: {host: \"a\"}, value: (if . % 2 == 0 then 95 else 5 end)}]")" > /dev/null
	noisy() { [ "$(get /api/v1/rules/hot | jq -c '[.firings, .noisy]')" = '[15,true]' ]; }
	until_it noisy
	[ "$(get /api/v1/rules | jq -c '[.rules[] | [.id, .noisy]] | sort')" = '[["calm",false],["hot",true]]' ]
	[ "$(at-admin stats rules -f ndjson | jq -c '[.id, .state, .firings, .noisy]' | head -1)" = '["hot",":serve",15,true]' ]
	[ "$(grep -c '"level":"warning".*hot.* is noisy' serve.log)" = 1 ]
}
