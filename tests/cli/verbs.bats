#!/usr/bin/env bats
# funnel, retention, paths and sessions, as verbs.

load ../helper

@test "funnels, retention, paths and sessions agree with an independent reference on random events" {
	python3 "$root/tests/cli/verbs_reference.py" 1 "${VERB_ROUNDS:-15}"
}

@test "a funnel's conversion after the range but within the window counts" {
	at-ingest -q <<-'END'
	{"event":"a","timestamp":"2026-11-23T10:00:00Z","user_id":"u"}
	{"event":"b","timestamp":"2026-11-23T11:30:00Z","user_id":"u"}
	{"event":"a","timestamp":"2026-11-23T11:45:00Z","user_id":"v"}
	END
	run -0 at-query -f csv funnel a,b --within 2h --from 2026-11-23T09:00:00Z --to 2026-11-23T11:00:00Z
	[ "${lines[1]}" = '1,a,1,1,1,,0' ]
	[ "${lines[2]}" = '2,b,1,1,1,5400,0' ]
}

@test "verbs are table functions in SQL" {
	at-ingest -q <<-'END'
	{"event":"a","timestamp":"2026-11-23T10:00:00Z","user_id":"u"}
	{"event":"b","timestamp":"2026-11-23T10:30:00Z","user_id":"u"}
	END
	run -0 at-query -f csv "SELECT event, users FROM funnel('a,b', '1h') WHERE step = 2"
	[ "${lines[1]}" = 'b,1' ]
	run -0 at-query -f csv "SELECT user_id, events FROM sessions('30m')"
	[ "${lines[1]}" = 'u,2' ]
}

@test "each verb has its own help" {
	for verb in metric funnel retention paths sessions events schema explain; do
		run -0 at-query "$verb" --help
		[[ $output == "usage: at-query"*"$verb"* ]]
	done
}

@test "what asks for nothing is refused or gives nothing: --every 0s, --last 0" {
	printf '{"event":"a","timestamp":%d}\n' 1 2 3 | at-ingest
	run -2 at-query metric a --every 0s
	[ "$output" = 'at-query: metric: every wants more than nothing, try 1h' ]
	run -0 at-query events --last 0
	[ -z "$output" ]
	[ "$(at-query events --last 2 | wc -l)" = 2 ]
	[ "$(at-query -f csv events --last 0 | wc -l)" = 1 ]
	run -2 at-query sessions -n 5
	[ "$output" = 'at-query: sessions has no -n, see at-query sessions --help' ]
	at-query events --follow --last 0 > new & pid=$!
	sleep 0.5
	echo '{"event":"b","timestamp":4}' | at-ingest
	for i in {1..50}; do [ -s new ] && break; sleep 0.1; done
	kill $pid; wait $pid
	[ "$(jq -r .event new)" = b ]
}
