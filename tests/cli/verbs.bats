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
	for i in {1..300}; do echo '{"event":"b","timestamp":4}' | at-ingest; [ -s new ] && break; sleep 0.1; done
	kill $pid; wait $pid
	[ "$(jq -r .event new | sort -u)" = b ]
}

@test "metric --every: no bucket for a day that begins now; days of a zone are one bucket each where its clock is put back" {
	for time in 2026-11-22T12:00 2026-11-23T12:00 2026-10-24T22:30 2026-10-25T12:00 2026-10-27T12:00 2026-03-27T12:00 2026-03-31T12:00; do
		echo "{\"event\":\"x\",\"timestamp\":\"$time:00Z\"}"
	done | at-ingest
	metric() { at-query -f csv metric x "$@" | tail -n +2 | tr -d '\r' | sed 's/:00:00.000Z//' | paste -sd' '; }
	[ "$(metric --now 2026-11-24T00:00:00Z --range 2d --every 1d)" = '2026-11-22T00,1 2026-11-23T00,1' ]
	[ "$(metric --now 2026-11-23T12:00:00Z --range 1d --every 12h)" = '2026-11-22T12,1 2026-11-23T00,0 2026-11-23T12,1' ]
	[ "$(metric --tz Europe/Berlin --from 2026-10-24 --to 2026-10-28 --every 1d)" = '2026-10-23T22,0 2026-10-24T22,2 2026-10-25T23,0 2026-10-26T23,1' ]
	[ "$(metric --tz Europe/Berlin --from 2026-03-27 --to 2026-04-01 --every 1d)" = \
		'2026-03-26T23,1 2026-03-27T23,0 2026-03-28T23,0 2026-03-29T22,0 2026-03-30T22,1' ]
	[ "$(metric --tz Europe/Berlin --from 2026-10-25 --to 2026-10-26 --every 6h)" = '2026-10-24T22,1 2026-10-25T05,0 2026-10-25T11,1 2026-10-25T17,0' ]
	[ "$(metric --tz Europe/Berlin --from 2026-10-25 --to 2026-10-26 --every 1h | wc -w)" = 25 ]
	[ "$(at-query metric x --every 3600s | jq -r .window | sort -u)" = 1h ]         # as at-agg writes it: the same series
}

@test "a range is two times with .. or / between them, a whole day by name, or all" {
	for day in 01 05 06; do echo "{\"event\":\"a\",\"timestamp\":\"2026-11-${day}T10:00:00Z\",\"user_id\":\"u$day\"}"; done | at-ingest -q
	n() { at-query --now 2026-11-06T12:00:00Z funnel a --range "$1" | jq .users; }
	[ "$(n 2026-11-01/2026-11-06) $(n 2026-11-01..2026-11-06) $(n /2026-11-05) $(n 2026-11-05/) $(n yesterday) $(n today) $(n all) $(n 1d)" = '2 2 1 2 1 1 3 1' ]
	run -2 at-query funnel a --range 2026-11-06/2026-11-01
	[[ $output == *"'2026-11-06/2026-11-01' is no range, or ends before it begins"* ]]
}

@test "--every month, quarter and year are those of the calendar, in the zone, across the end of a year" {
	i=0
	for t in 2026-11-30T23:30:00 2026-12-31T22:30:00 2026-12-31T23:30:00 2027-01-31T12:00:00 2027-02-28T23:59:59; do
		echo "{\"event\":\"s\",\"timestamp\":\"${t}Z\",\"user_id\":\"u$((i++ % 2))\"}"
	done | at-ingest -q
	r() { at-query -f csv retention "$@" | tail -n +2 | tr -d '\r' | sed 's/T[0-9:.]*Z//' | cut -d, -f1-4,6 | paste -sd' '; }
	[ "$(r --every month -n 3)" = '2026-11-01,1,0,1,1 2026-11-01,1,1,1,1 2026-11-01,1,2,0,1 2026-12-01,1,0,1,1 2026-12-01,1,1,1,1 2026-12-01,1,2,0,0' ]
	[ "$(r --every 1M -n 3 --tz Europe/Berlin)" = '2026-11-30,2,0,2,1 2026-11-30,2,1,2,1 2026-11-30,2,2,0,1' ]
	m() { at-query -f csv --now 2027-03-05 metric s "$@" | tail -n +2 | tr -d '\r' | sed 's/:00:00.000Z//' | paste -sd' '; }
	[ "$(m --every '1 month' --range 2026-10-15/2027-03-01)" = '2026-10-01T00,0 2026-11-01T00,1 2026-12-01T00,2 2027-01-01T00,1 2027-02-01T00,1' ]
	[ "$(m --every month --tz Europe/Berlin)" = '2026-11-30T23,2 2026-12-31T23,2 2027-01-31T23,0 2027-02-28T23,1' ]
	[ "$(m --every quarter) $(m --every 1y)" = '2026-10-01T00,3 2027-01-01T00,2 2026-01-01T00,3 2027-01-01T00,2' ]
	[ "$(m --every M) $(m --every "1 M")" = "$(m --every month) $(m --every month)" ]
	[ "$(at-query metric s --every 1mo | jq -r .window | sort -u)" = 1mo ]
	run -2 at-query metric s --every '1 month 2 days'
	[[ $output == *"'1 month 2 days' is no span"* ]]
}

@test "a range of retention selects users who began in it: who began before is no one new, and a cohort is the same whatever the range" {
	printf '{"event":"%s","timestamp":"2026-11-%sT10:00:00Z","user_id":"%s"}\n' a 01 old a 05 old b 06 old a 05 new b 05 new | at-ingest -q
	cohorts() { at-query -f csv retention --start a --return b -n 2 "$@" | tail -n +2 | tr -d '\r' | sed 's/T[0-9:.]*Z//' | cut -d, -f1-4 | paste -sd' '; }
	[ "$(cohorts)" = '2026-11-01,1,0,0 2026-11-01,1,1,0 2026-11-05,1,0,1 2026-11-05,1,1,0' ]
	[ "$(cohorts --range 2026-11-03..2026-11-06)" = '2026-11-05,1,0,1 2026-11-05,1,1,0' ]
	[ "$(cohorts --to 2026-11-03)" = '2026-11-01,1,0,0 2026-11-01,1,1,0' ]
	[ -z "$(cohorts --from 2026-11-06)" ]
}

@test "an event that ends an attempt may begin the next one" {
	printf '{"event":"%s","timestamp":"2026-11-23T%s:00Z","user_id":"u"}\n' a 10:00 b 10:05 a 11:00 c 11:10 | at-ingest -q
	[ "$(at-query -f csv funnel a,c --without a | tr -d '\r' | cut -d, -f1-3,6 | paste -sd' ')" = 'step,event,users,median_seconds 1,a,1, 2,c,1,600' ]
	[ "$(at-query -f csv funnel a,b,c --without a | tr -d '\r' | cut -d, -f1-3 | paste -sd' ')" = 'step,event,users 1,a,1 2,b,1 3,c,0' ]
}
