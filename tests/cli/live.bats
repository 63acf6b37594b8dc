#!/usr/bin/env bats
# What is live: WebSockets and Server-Sent Events, for whom they are, and what they cost nobody else.

load ../helper
load serve

live() { U=$U KEY=$KEY PID=$PID python3 "$root/tests/cli/live.py" "$@"; }

@test "an event comes to who subscribed to it, by name, pattern or field, whichever process committed it; a subscription goes on where it was" {
	serve_start
	live events
}

@test "a hundred subscribers hear; one that does not read is ended with 1013, counted, and slows nobody" {
	serve_start
	live many
}

@test "what is no subscription is told, and the socket stays" {
	serve_start
	live wrong
}

@test "a metric comes whole, then what changed of it" {
	serve_start
	live metrics
}

@test "conversion_rate comes anew for the day when a user began, whenever he came to the end; buckets may be months" {
	serve_start
	live built_in
}

@test "anomalies come as at-detect stores them" {
	serve_start
	live anomalies
}

@test "40: a browser's first message is its key, within five seconds; it may name another tenant in the address" {
	serve_start
	at-admin -q tenant add shop
	OTHER=$(at-admin -q -T shop key create)
	export OTHER
	live browsers
}

@test "40: a session counts for pages of this server alone, and ends with it" {
	serve_start
	export PASSWORD='correct horse battery staple'
	at-admin -q user add anna --role editor <<< "$PASSWORD"
	live sessions
}

@test "32, 33, 34: tenants, roles, policies and revoked keys hold for what is live" {
	serve_start
	at-admin -q tenant add shop
	at-admin -q role add some read:events read:webhooks write:webhooks write:rules --sees 'rows=.properties.country == "DE"' --sees hide=secret --sees mask=email
	at-admin -q role add only_metrics read:metrics
	OTHER=$(at-admin -q -T shop key create) SOME=$(at-admin -q key create some --role some) METRICS=$(at-admin -q key create metrics --role only_metrics)
	SOME_ID=$(at-admin -q key list -f ndjson | jq -r 'select(.name == "some").id')
	export OTHER SOME METRICS SOME_ID
	live rights
}

@test "32: what was subscribed to under other credentials ends with them" {
	serve_start
	at-admin -q role add only_metrics read:metrics
	SOME=$(at-admin -q key create some --role viewer) METRICS=$(at-admin -q key create metrics --role only_metrics)
	SOME_ID=$(at-admin -q key list -f ndjson | jq -r 'select(.name == "some").id')
	export SOME METRICS SOME_ID
	live taken_back
}

@test "Server-Sent Events: several things in one stream, an id with each, and Last-Event-ID goes on behind it" {
	serve_start
	live streams
}

@test "the same over TLS: WebSockets, Server-Sent Events, slow readers" {
	command -v openssl > /dev/null || skip 'no openssl here'
	openssl req -x509 -newkey rsa:2048 -nodes -keyout k.pem -out c.pem -days 2 -subj /CN=localhost 2> /dev/null
	serve_start --tls-cert c.pem --tls-key k.pem
	[[ $U == https://* ]]
	live events
	live metrics
	live streams
	live echo
	live many
}

@test "/ws/echo sends back what it gets, and needs no key" {
	serve_start
	live echo
}

@test "SIGTERM closes sockets with 1001 and ends streams, at once" {
	mkdir config
	echo '{"serve":{"drain":"2m"}}' > config/analytics.json         # which they do not wait for
	serve_start -c config
	SECONDS=0
	live stops
	wait $PID
	PID=
	((SECONDS < 60))
}
