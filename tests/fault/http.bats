#!/usr/bin/env bats
# Hostile and broken clients at raw sockets (hostile_http.py), against a server that answers (tests/bench/http.c).

load ../helper

server() {      # server ENV… : starts it, gives its address in $at and its pid in $SERVER
	env "$@" "${B:-$root/build}/bench/http" 127.0.0.1:0 $tls > address 2> said &
	SERVER=$!
	export SERVER
	soon test -s address
	at=$(cat address)
}

try() {         # try NAME… : what hostile_http.py promises by that name
	local name
	for name; do python3 "$BATS_TEST_DIRNAME/hostile_http.py" "$name" "$at" || { cat said; return 1; }; done
	kill -0 "$SERVER"
}

certificate() { # certificate NAME : cert.pem and key.pem of that common name
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=$1" -keyout key.pem -out cert.pem 2> /dev/null
}

@test "fault 35: what two readers could understand differently is refused, and nothing behind it is read" {
	server
	try smuggling framing
}

@test "fault 38: pipelining, HTTP/1.0, HEAD, 100-continue, half close, early close" {
	server
	try connections
}

@test "faults 37 and 46: floods of heads and bodies, paths that climb" {
	server
	try floods traversal
}

@test "fault 25: gzip that unpacks to too much" {
	server
	try bombs
}

@test "fault 36: slow heads are cut off, nobody waits for them" {
	server HEAD_MS=4000 IDLE_MS=5000
	try slow
}

@test "fault 36: slow bodies and slow readers are cut off" {
	server
	try slow_bodies
}

@test "fault 36: more connections than are allowed are told 503" {
	server CONNECTIONS=50
	try crowd
	kill "$SERVER"
	rm address
	server EACH_ADDRESS=5
	try each_address
}

@test "fault 36: ten thousand kept connections take little" {
	ulimit -Sn "$(ulimit -Hn)"      # the client asks for as many as that
	server
	try idle_many
}

@test "fault 8: without descriptors the server goes on, and does not spin" {
	plain_only
	local before
	before=$(ulimit -Sn)
	ulimit -Sn 32
	server
	ulimit -Sn "$before"
	try descriptors
}

@test "bodies and answers of any size go through in constant memory" {
	server
	try upload stream
}

@test "fault 39: WebSockets, after the Autobahn cases" {
	server
	try websockets packed_websockets socket_that_stalls
}

@test "fault 57: SIGTERM drains, SIGSTOP does no harm" {
	server
	try stopped
	python3 "$BATS_TEST_DIRNAME/hostile_http.py" drain "$at"
	wait "$SERVER"
}

@test "TLS: the same over it, 1.2 and 1.3 only; a certificate is read again, a wrong one is not taken" {
	command -v openssl > /dev/null || skip "no openssl here"
	certificate first
	tls='cert.pem key.pem 1' server
	export TLS=1
	try versions connections framing websockets
	[ "$(python3 "$BATS_TEST_DIRNAME/hostile_http.py" certificate "$at")" = first ]
	echo rubbish > key.pem
	kill -HUP "$SERVER"
	soon grep -q key.pem said
	[ "$(python3 "$BATS_TEST_DIRNAME/hostile_http.py" certificate "$at")" = first ]
	certificate second
	kill -HUP "$SERVER"
	is_second() { [ "$(python3 "$BATS_TEST_DIRNAME/hostile_http.py" certificate "$at")" = second ]; }
	soon is_second
}

@test "several processes share the socket" {
	tls=3 server
	try workers
	pkill -P "$SERVER"
}

@test "a socket that systemd passed is taken" {
	SERVER=
	python3 "$BATS_TEST_DIRNAME/hostile_http.py" listens 0:0 "${B:-$root/build}/bench/http" 127.0.0.1:1
}

@test "fault 38: batches that break off or are refused leave nothing behind in at-serve" {
	at-admin init
	KEY=$(at-admin key create broken --role admin)
	export KEY
	at-serve -l 127.0.0.1:0 2> said &
	SERVER=$!
	export SERVER
	soon grep -q 'listening on' said
	at=$(sed -n 's,.*listening on http://,,p' said)
	try batches
	kill "$SERVER"
	wait "$SERVER"
}
