#!/usr/bin/env bats
# at-serve when the machine below it fails.

load ../helper
load ../cli/serve

# The store is on a disk of that size.
small_disk() {
	[ "$(id -u)" = 0 ] || skip "needs root for a small file system"
	mkdir small
	mount -t tmpfs -o size="$1" none small 2> /dev/null || skip "cannot mount"
	export AT_STORE=$PWD/small/store
}
teardown() { serve_end; [ ! -d small ] || umount small 2> /dev/null || :; }

@test "fault 7: a full disk is said to who sends, at once and as a problem; questions are answered, and with room again it goes on" {
	small_disk 4m
	serve_start
	python3 -c 'import os
for i in range(20000): print("{\"event\":\"e\",\"id\":\"%d\",\"pad\":\"%s\"}" % (i, os.urandom(200).hex()))' > rows
	full() {
		[ "$status_code" = 503 ] || { cat body; return 1; }
		jq -e '.status == 503 and (.detail | test("disk is full"))' body
		grep -qi '^content-type: application/problem+json' head
		grep -qi '^retry-after: ' head
	}
	post /api/v1/events/batch @rows -H 'Content-Type: application/x-ndjson' --max-time 60 > /dev/null
	full
	for i in $(seq 60); do          # one at a time until nothing fits
		post /api/v1/events "{\"event\":\"one\",\"pad\":\"$(head -c 60000 /dev/urandom | base64 -w0)\"}" --max-time 60 > /dev/null
		[ "$status_code" = 200 ] || break
		kept=$i
	done
	full
	post /api/v1/roles '{"name":"german","permissions":["read:*"]}' --max-time 60 > /dev/null
	full
	[ "$(post /api/v1/query '{"query":"SELECT COUNT(*) AS n FROM events WHERE event = '"'one'"'"}' | jq '.data[0].n')" = "${kept:-0}" ]
	before=$(get /api/v1/status | jq .total.failed)
	[ "$(code /readyz)" = 503 ]
	jq -e '.reasons == ["the disk is nearly full"]' body
	[ "$(get /api/v1/status | jq .total.failed)" = "$before" ]      # an answer, and no failure
	mount -o remount,size=200m small
	[ "$(code /readyz)" = 200 ]
	post /api/v1/events/batch @rows -H 'Content-Type: application/x-ndjson' | jq -e '.accepted == 20000'
	post /api/v1/query '{"query":"SELECT COUNT(*) AS n, COUNT(DISTINCT id) AS ids FROM events WHERE event = '"'e'"'"}' | jq -e '.data[0] == {"n": 20000, "ids": 20000}'
	serve_stop
	at-admin verify
	umount small
}

@test "fault 5: a disk that fails is a 503 with a reason, nothing of it is stored, and later it goes on" {
	strace -f -o /dev/null true 2> /dev/null || skip "strace cannot trace here"
	[ -z "$SANITIZED" ] || skip "strace beside a sanitizer"
	serve_start
	post /api/v1/events '{"event":"before"}' > /dev/null
	strace -f -qq -o /dev/null -e trace=fdatasync -e inject=fdatasync:error=EIO -p "$PID" & tracer=$!
	traced() { not grep -q '^TracerPid:[[:space:]]*0' /proc/$PID/task/*/status; }
	soon traced
	post /api/v1/events '{"event":"lost"}' --max-time 60 > /dev/null
	[ "$status_code" = 503 ]
	jq -e '.detail == "the store does not answer, send it again"' body
	kill $tracer
	wait $tracer || :
	for _ in $(seq 150); do
		post /api/v1/events '{"event":"after"}' > /dev/null
		[ "$status_code" = 200 ] && break
		sleep 0.2
	done
	[ "$(post /api/v1/query '{"query":"SELECT event FROM events ORDER BY event"}' | jq -c '[.data[].event]')" = '["after","before"]' ]
}

@test "57: a server ends in time though a commit hangs that nobody can end; what was acknowledged is there" {
	strace -f -o /dev/null true 2> /dev/null || skip "strace cannot trace here"
	plain_only
	mkdir config
	echo '{"serve":{"drain":"1s"}}' > config/analytics.json
	for workers in 1 2; do
		serve_start -c config --workers $workers
		post /api/v1/events '{"event":"before"}' > /dev/null && [ "$status_code" = 200 ]
		# somebody else is in the middle of his commit, and stays there with the store's lock
		rm -f calls
		echo '{"event":"other"}' | strace -f -qq -o calls -e trace=fdatasync -e inject=fdatasync:delay_enter=600000000 at-ingest -q & holder=$!
		soon grep -q fdatasync calls                            # else it may be the disk that is slow, and nobody who holds it
		stuck() { [ "$(code /api/v1/events -H "X-API-Key: $KEY" -d '{"event":"stuck"}' --max-time 1)" = 000 ]; }
		soon stuck
		for _ in 1 2 3; do curl -s -o /dev/null "$U/api/v1/events" -H "X-API-Key: $KEY" -d '{"event":"stuck"}' & done
		code /api/v1/dashboards -H "X-API-Key: $KEY" -H 'Content-Type: application/json' -d '{"widgets":[]}' --max-time 1 || true
		kill -TERM $PID
		has_ended() { not kill -0 $PID 2> /dev/null || grep -q '^State:.Z' /proc/$PID/status; }
		soon has_ended
		ended=0
		wait $PID || ended=$?
		[ $ended = 1 ] && grep -q '"what":"stopped hard"' serve.log
		PID=
		kill -KILL $holder $(pgrep -P $holder) 2> /dev/null || true
		end_jobs
		wait || true
		[ "$(at-query "SELECT count(*) AS n FROM events WHERE event = 'before'")" = '{"n":'$workers'}' ]
	done
	at-admin verify
}

@test "57: a receiver that does not answer holds no stop up, and the message broken off was no try" {
	mkdir config
	echo '{"serve":{"drain":"1s","webhooks":{"private":true}}}' > config/analytics.json
	python3 -u - > receiver.log 2>&1 <<'P' &
import socket
s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen(); print('port', s.getsockname()[1])
kept = []
while True:
    kept.append(s.accept()); print('came')
P
	soon grep -q '^port' receiver.log
	serve_start -c config
	post /api/v1/webhooks "{\"id\":\"w\",\"url\":\"http://127.0.0.1:$(sed -n 's/^port //p' receiver.log)/\",\"events\":[\"order\"]}" > /dev/null && [ "$status_code" = 201 ]
	post /api/v1/events '{"event":"order"}' > /dev/null && [ "$status_code" = 200 ]
	soon grep -q '^came' receiver.log
	serve_stop                                      # status 0
	not grep -q 'stopped hard' serve.log
	# nobody tries again while it is looked at
	python3 -u -c 'import fcntl, sys, time; f = open(sys.argv[1], "r+"); fcntl.lockf(f, fcntl.LOCK_EX); print("held"); time.sleep(600)' "$AT_STORE/tenants/default/deliver.lock" > holder.log 2>&1 &
	soon grep -q '^held' holder.log
	serve_start -c config
	[ "$(get /api/v1/webhooks/w/queue | jq -c '[.messages[].attempts]')" = '[0]' ]
}

@test "57: a server that waits at its start for who holds the store ends when it is told to" {
	strace -f -o /dev/null true 2> /dev/null || skip "strace cannot trace here"
	plain_only
	at-admin -q key create > /dev/null
	strace -f -qq -o calls -e trace=fdatasync -e inject=fdatasync:delay_enter=600000000 at-admin -q key create > /dev/null 2>&1 & holder=$!
	soon grep -q fdatasync calls
	mkdir config
	echo '{"serve":{"drain":"1s"}}' > config/analytics.json         # else the eighteen seconds it may take are nearly those of `soon`
	at-serve -c config -l 127.0.0.1:0 2> serve.log & PID=$!
	sleep 1
	kill -TERM $PID
	has_ended() { not kill -0 $PID 2> /dev/null || grep -q '^State:.Z' /proc/$PID/status; }
	soon has_ended
	wait $PID || true
	PID=
	kill -KILL $holder $(pgrep -P $holder) 2> /dev/null || true
}

@test "7: rules and webhooks that a full disk keeps from being written are told of once, and once more when they go on" {
	small_disk 6m
	serve_start
	post /api/v1/rules '{"id":"all","alert":"all","expr":".event == \"e\""}' > /dev/null && [ "$status_code" = 201 ]
	post /api/v1/webhooks '{"id":"w","url":"https://127.0.0.1:9/","events":["e"]}' > /dev/null && [ "$status_code" = 201 ]
	# rows that come while the disk has room, and fill it before they are judged
	for i in $(seq 100); do
		post /api/v1/events "{\"event\":\"e\",\"pad\":\"$(head -c 60000 /dev/urandom | base64 -w0)\"}" --max-time 60 > /dev/null
		[ "$status_code" = 200 ] || break
	done
	[ "$status_code" = 503 ]
	dd if=/dev/zero of=small/filled bs=1k 2> /dev/null || true
	told() { grep -q '"level":"error","what":"\(rules\|webhooks\)"' serve.log; }
	soon told
	for _ in $(seq 8); do sleep 1; code /healthz > /dev/null; done
	for what in rules webhooks; do [ "$(grep -c '"level":"error","what":"'$what'"' serve.log)" -le 2 ] || { cat serve.log; return 1; }; done
	rm small/filled
	mount -o remount,size=200m small
	well() { grep -q '"what":"\(rules\|webhooks\)".*"well":true' serve.log; }
	soon well
	serve_stop
	umount small
}
