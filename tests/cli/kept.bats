#!/usr/bin/env bats
# Metrics over events that are kept, not recomputed.
load ../helper

reference() { PYTHONDONTWRITEBYTECODE=1 python3 "$BATS_TEST_DIRNAME/kept.py" "$@"; }
events() { awk -v n="$1" -v from="${2:-0}" 'BEGIN { for (i = from; i < from + n; i++) printf "{\"event\":\"view\",\"timestamp\":%d,\"properties\":{\"source\":\"s%d\",\"x\":%d}}\n", 1795428000 + i, i % 3, i % 7 }'; }

@test "kept metrics equal fresh ones to the row: late events, compaction, retention, killed readers" {
	for seed in 1 2; do rm -rf store && reference "$seed" 6; done
}

@test "the same before 1973, in zones that were off by seconds" {
	reference 5 4
}

@test "what a first answer has made the next one takes; AT_KEPT=0 takes and keeps nothing" {
	events 20000 | at-ingest -q
	at-admin compact                        # they are kept beside chunks, of which the tail is none
	size=$(stat -c %Y.%s store/tenants/default/data.mdb)
	AT_KEPT=0 at-query metric view --by source --every 1h >fresh
	[ "$(stat -c %Y.%s store/tenants/default/data.mdb)" = "$size" ]
	cp -r store before
	at-query metric view --by source --every 1h | cmp - fresh
	not cmp -s store/tenants/default/data.mdb before/tenants/default/data.mdb
	cp store/tenants/default/data.mdb after
	at-query metric view --by source --every 1h | cmp - fresh
	cmp store/tenants/default/data.mdb after
	run -0 at-admin verify
}

@test "who may only read answers as well" {
	events 20000 | at-ingest -q
	at-query metric view --by source --every 1m >a
	events 20000 | at-ingest -q -S other
	chmod -R a-w other
	at-query -S other metric view --by source --every 1m | cmp - a
	chmod -R u+w other
}

@test "a changed definition is another metric" {
	mkdir config
	events 20000 | at-ingest -q
	echo '{"metrics":{"m":{"event":"view","value":"sum(x)"}}}' >config/analytics.json
	[ "$(at-query -f csv metric m | tail -1 | cut -d, -f2 | tr -d '\r')" = 59997 ]
	[ "$(at-query -f csv metric m | tail -1 | cut -d, -f2 | tr -d '\r')" = 59997 ]
	echo '{"metrics":{"m":{"event":"view","value":"max(x)"}}}' >config/analytics.json
	[ "$(at-query -f csv metric m | tail -1 | cut -d, -f2 | tr -d '\r')" = 6 ]
	echo '{"metrics":{"m":{"event":"view","where":".properties.x > 3","value":"sum(x)"}}}' >config/analytics.json
	[ "$(at-query -f csv metric m | tail -1 | cut -d, -f2 | tr -d '\r')" = 42855 ]
}
