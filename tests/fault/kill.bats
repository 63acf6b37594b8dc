#!/usr/bin/env bats
# kill -9 of whatever works on a store, at any moment.

load ../helper

rounds=${FAULT_ROUNDS:-12}      # 300 for the long run

# Events and samples of a round; all together are more than a chunk.
rows() {
	awk -v r="$1" -v n="$2" 'BEGIN { for (i = 0; i < n; i++) {
		printf "{\"event\":\"e%d\",\"id\":\"%d-%d\",\"timestamp\":%d,\"user_id\":\"u%d\",\"properties\":{\"n\":%d,\"page\":\"/p%d\"}}\n", i % 3, r, i, 1767225600 + r * 600 + i % 600, i * 7 % 31, i % 1000, i % 5
		printf "{\"metric\":\"cpu\",\"timestamp\":%d.%d,\"labels\":{\"host\":\"h%d\"},\"value\":%d}\n", 1767225600 + r * 600 + i % 600, r % 10, i % 7, i % 100 } }'
}

answers() {
	at-query -S "$1" -f csv 'SELECT event, count(*), sum(n), count(DISTINCT user_id), min(timestamp), max(id) FROM events GROUP BY event ORDER BY event'
	at-query -S "$1" -f csv 'SELECT id, user_id, timestamp, n, page FROM events ORDER BY id' | cksum
	at-query -S "$1" -f csv metric spend --every 1h --by page
	at-query -S "$1" -f csv 'SELECT host, count(*), sum(value), max(timestamp) FROM metrics GROUP BY host ORDER BY host'
	at-query -S "$1" -f csv metric cpu --every 1m
	at-query -S "$1" -f csv metric cpu --every 1h --by host
}

@test "faults 1 and 3: kill -9 while events are sealed, merged and counted, samples sealed and rolled up: what was acknowledged is there, and each answer is that of a store built afresh" {
	mkdir config
	echo '{"retention":{"metrics":"raw 1000d, 1m 2000d, 1h"},"metrics":{"spend":{"event":"e1","value":"sum(n)"}}}' > config/analytics.json
	export AT_STORE=$PWD/store
	at-admin init -q
	was=0
	for r in $(seq "$rounds"); do
		rows "$r" $((r % 3 * 4000 + 40)) > "part.$r"
		at-ingest -q --resume "r$r" "part.$r" & writer=$!
		at-admin compact -q 2> /dev/null & others=$!
		at-query metric spend --every 1h --by page > out 2> said & others+=" $!"
		at-admin retain --before 2020-01-01 --yes -q 2> /dev/null & others+=" $!"
		sleep "0.$((RANDOM % 3))$((RANDOM % 10))"
		[ $((r % 4)) = 0 ] || kill -KILL $writer 2> /dev/null || true
		kill -KILL $others 2> /dev/null || true
		wait $writer $others 2> /dev/null || true
		now=$(at-query -f csv 'SELECT count(*) FROM events' | tail -1 | tr -d '\r') || now=$was        # none is there yet
		[ "$now" -ge "$was" ]
		was=$now
	done
	for r in $(seq "$rounds"); do
		at-ingest -q --resume "r$r" "part.$r"           # the rest of each
		at-ingest -q -S fresh "part.$r"
	done
	at-admin verify
	answers fresh > want
	answers store > got
	diff want got
	at-admin compact -q
	answers store > got
	diff want got
	at-admin verify
}
