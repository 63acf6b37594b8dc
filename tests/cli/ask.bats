#!/usr/bin/env bats
# at-insight ask: questions in plain English, answered from the store or refused.

load ../helper

setup() {
	export AT_NOW=2026-06-17T12:00:00Z
	cat > events.ndjson <<-'E'
		{"event":"signup","timestamp":"2026-06-16T08:00:00Z","user_id":"u1","session_id":"s1","properties":{"source":"ads","country":"DE","page":"/signup"}}
		{"event":"signup","timestamp":"2026-06-16T09:00:00Z","user_id":"u2","session_id":"s2","properties":{"source":"ads","country":"FR","page":"/signup"}}
		{"event":"signup","timestamp":"2026-06-17T09:00:00Z","user_id":"u3","session_id":"s3","properties":{"source":"mail","country":"DE","page":"/signup"}}
		{"event":"purchase","timestamp":"2026-06-16T10:00:00Z","user_id":"u1","session_id":"s1","properties":{"source":"ads","country":"DE","revenue":30.5}}
		{"event":"purchase","timestamp":"2026-06-17T10:00:00Z","user_id":"u3","session_id":"s3","properties":{"source":"mail","country":"DE","revenue":10}}
	E
	at-ingest -q events.ndjson
}

@test "a question is answered in words; -v shows the SQL and how it was read" {
	run -0 --separate-stderr at-insight ask -v "which country had the most revenue yesterday?"
	[ "$output" = "DE: 30.50 (total revenue), yesterday." ]
	[[ $stderr == *"SELECT country, SUM(revenue)"* && $stderr == *"read as total revenue, by country"* ]]
	run -0 at-insight ask how many signups from germany so far
	[ "$output" = "2 signups, country DE." ]
}

@test "-f ndjson gives a row with rows and refuse; - takes one question a line" {
	printf '%s\n' 'signups today vs yesterday' '' 'how old are our users?' 'delete all signups' > questions
	at-insight ask -f ndjson - < questions > out
	[ "$(jq -c '[.refuse, (.rows | length)]' out | paste -sd ' ' -)" = '[false,1] [true,0] [true,0]' ]
	jq -se '.[0].rows[0][0:3] == [1, 2, -1] and .[1].sql == null and (.[1].text | contains("\"old\""))' out
	jq -r '.text' out | sed -n '2,3p' | grep -vq '[0-9]'
}
