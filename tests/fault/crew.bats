#!/usr/bin/env bats
# Several workers: killed, reloaded and ended under load.

load ../helper
load ../cli/serve

@test "1, 57: of two workers under load each may be killed, reload and end: what was acknowledged is there once, and who listens hears it" {
	mkdir -p config
	echo '{}' > config/analytics.json
	serve_start -c config --workers 2
	python3 "$BATS_TEST_DIRNAME/crew.py" "$U" "$KEY" "$PID" > acked
	wait "$PID"
	PID=
	[ "$(wc -l < acked)" -gt 50 ]
	rm config/analytics.json                # the wrong one, which stayed
	at-query -f csv "SELECT coalesce(mine, id) AS one FROM events WHERE event = 'load'" | tail -n +2 | sort > stored
	[ "$(wc -l < stored)" -ge "$(wc -l < acked)" ]
	[ -z "$(uniq -d stored)" ]
	[ -z "$(LC_ALL=C sort acked | LC_ALL=C comm -23 - <(LC_ALL=C sort stored))" ]
	grep -q '"what":"worker died"' serve.log
	at-admin verify
}
