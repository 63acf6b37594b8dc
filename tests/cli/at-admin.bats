#!/usr/bin/env bats
# at-admin: making, looking at, checking and clearing a store.

load ../helper

# events N [FROM]: an event a minute from 2026-01-01 on
events() {
	awk -v n="$1" -v from="${2:-0}" 'BEGIN { for (i = from; i < from + n; i++) {
		printf "{\"event\":\"e%d\",\"timestamp\":%d,\"user_id\":\"u%d\",\"properties\":{\"n\":%d}}\n", i % 3, 1767225600 + i * 60, i % 100, i } }'
}
stat_of() { at-admin stats -f ndjson | jq ".$1"; }

@test "init makes an empty store, and is fine when it is there" {
	at-admin init
	at-admin init
	[ "$(cat "$AT_STORE/format")" = "at-store 2" ]
	[ "$(at-admin tenant list)" = default ]
	[ "$(stat_of events)" = 0 ]
	at-admin verify
}

@test "init -n makes nothing" {
	run -0 at-admin init -n
	[[ $output == *"would be made"* ]]
	[ ! -e "$AT_STORE" ]
}

@test "no store, no tenant, no verb: each is said with the mend" {
	run -1 --separate-stderr at-admin stats
	[[ $stderr == *"no store there, make one with \`at-admin init\`"* ]]
	at-admin init
	run -1 --separate-stderr at-admin -T shop stats
	[[ $stderr == *"no tenant 'shop', make it with \`at-admin tenant add shop\`"* ]]
	run -2 --separate-stderr at-admin
	[[ $stderr == *"say what: init, stats"* ]]
	run -2 --separate-stderr at-admin burn
	[[ $stderr == *"there is no verb 'burn'"* ]]
	run -2 --separate-stderr at-admin stats now
	[[ $stderr == *"'now' is too much"* ]]
	run -2 --separate-stderr at-admin -T ../x stats
	[[ $stderr == *"no tenant's name"* ]]
}

@test "help for a verb" {
	run -0 at-admin retain --help
	[[ $output == "usage: at-admin [OPTION…] retain [--before TIME]"* ]]
}

@test "stats are a row on a pipe and a table when asked" {
	events 10 | at-ingest
	run -0 at-admin stats
	[ "$(jq -c '[.tenant, .events, .tail_events, .chunks, .first, .last]' <<< "$output")" = \
	  '["default",10,10,0,"2026-01-01T00:00:00.000Z","2026-01-01T00:09:00.000Z"]' ]
	run -0 at-admin stats -f table
	[[ $output =~ events\ +10 ]]
	run -2 at-admin stats -f xml
}

@test "a trickle of single commits and a bulk load both end in well-filled chunks" {
	for i in $(seq 0 40); do events 1 "$i" | at-ingest; done
	events 140000 100 | at-ingest
	[ "$(stat_of events)" = 140041 ]
	[ "$(stat_of chunks)" -ge 2 ]
	at-admin compact
	[ "$(stat_of tail_events)" = 0 ]
	[ "$(stat_of chunks)" = 3 ]
	at-admin verify
}

@test "compact fills chunks and makes the file smaller" {
	events 60000 | at-ingest
	at-admin compact
	events 60000 60000 | at-ingest
	at-admin compact
	before=$(stat_of bytes_file)
	at-admin retain --before 2026-02-10 --yes
	[ "$(stat_of bytes_free)" -gt 100000 ]
	at-admin compact -v
	[ "$(stat_of bytes_file)" -lt $((before * 3 / 4)) ]
	[ "$(stat_of bytes_free)" -lt $((before / 8)) ]
	at-admin verify
}

@test "compact -n changes nothing" {
	events 100 | at-ingest
	run -0 at-admin compact -n
	[[ $output == "default: 100 events in the tail to seal"* ]]
	[ "$(stat_of tail_events)" = 100 ]
}

@test "tenants are apart: added, listed, removed only when meant" {
	events 5 | at-ingest
	at-admin tenant add shop
	run -1 --separate-stderr at-admin tenant add shop
	[[ $stderr == *"already"* ]]
	events 7 | at-ingest -T shop
	[ "$(at-admin stats --all | jq -c '[.tenant, .events]' | paste -sd' ')" = '["default",5] ["shop",7]' ]
	run -2 --separate-stderr at-admin tenant remove shop < /dev/null
	[[ $stderr == *"add --yes, or -n"* ]]
	run -0 at-admin tenant remove shop -n
	[ -d "$AT_STORE/tenants/shop" ]
	at-admin tenant remove shop --yes
	[ "$(ls "$AT_STORE/tenants")" = default ]
	run -1 at-admin tenant remove shop --yes
	run -2 at-admin tenant remove
}

@test "retain by time: what is older goes, from chunks and tail, and the vocabulary agrees" {
	events 70000 | at-ingest
	events 10 70000 | at-ingest
	run -0 at-admin retain --before 2026-01-02 -n
	[ "$output" = "default: 1440 events and 0 samples would go" ]
	[ "$(stat_of events)" = 70010 ]
	run -2 at-admin retain --before 2026-01-02 < /dev/null
	at-admin retain --before 2026-01-02 --yes
	[ "$(stat_of events)" = 68570 ]
	[ "$(stat_of first)" = '"2026-01-02T00:00:00.000Z"' ]
	at-admin verify
	at-admin retain --before 2027-01-01 --yes
	[ "$(stat_of events)" = 0 ]
	at-admin verify
}

@test "retain by configuration counts back from now, and wants one or the other" {
	mkdir config
	echo '{"retention":{"events":"90d"}}' > config/analytics.json
	events 3 | at-ingest
	events 2 100000 | at-ingest
	AT_NOW=2026-04-10 at-admin retain -v --yes
	[ "$(stat_of events)" = 2 ]
	echo '{}' > config/analytics.json
	run -2 --separate-stderr at-admin retain --yes
	[[ $stderr == *"--before TIME"* ]]
	echo '{"retention":{"events":"soon"}}' > config/analytics.json
	run -2 --separate-stderr at-admin retain --yes
	[[ $stderr == *"retention.events"*"'soon'"* ]]
}

@test "an option of another verb is wrong usage: what it would narrow is not taken whole" {
	echo '{"event":"e","ts":0,"user_id":"u"}' | at-ingest
	for line in 'erase --user u --before 1960-01-01' 'erase --user u --to 1960-01-01' 'retain --before 2020-01-01 --user x' 'retain --before 2020-01-01 --from 2019-01-01' \
	    'export --user u --until 2020-01-01' 'backup b --until 2020-01-01' 'restore b --before 2020-01-01' 'stats --user u' 'verify --keep 1' 'tenant add t --role viewer' \
	    'user add n --scope read:*' 'role add r read:* --role viewer' 'silence add a=b --from 2020-01-01' 'archive a --before 2020-01-01 --keep 3' 'key list --sees event=e'; do
		run -2 --separate-stderr at-admin -y $line
		[[ -z $output && $stderr == "at-admin: ${line%% *}: --"*' does not go with it, '* ]] || { echo "$line: $stderr"; return 1; }
	done
	[ "$(at-query 'SELECT COUNT(*) AS n FROM events')" = '{"n":1}' ]
}

@test "fault 16: verify finds a flipped byte, says where, and exits 1" {
	events 1000 | at-ingest
	at-admin compact
	file=$AT_STORE/tenants/default/data.mdb
	at=$(grep -obUa e0 "$file" | tail -1 | cut -d: -f1)
	printf X | dd of="$file" bs=1 seek="$at" conv=notrunc status=none
	run -1 --separate-stderr at-admin verify
	[[ $output == *"default: "*"damaged"* ]]
	[[ $stderr == *"restore the tenant from a backup"* ]]
	run -1 --separate-stderr at-admin verify -f ndjson
	jq -se 'all(.finding)' <<< "${lines[0]}"
}

@test "who lists where no store is makes none; tenants as rows when asked for" {
	for verb in 'audit' 'audit verify' 'user list' 'key list' 'tenant list'; do
		run -1 at-admin -S "$BATS_TEST_TMPDIR/none" $verb
		[[ $output == *'no store there'* ]]
		[ ! -e "$BATS_TEST_TMPDIR/none" ]
	done
	at-admin init
	[ "$(at-admin tenant list)" = default ]
	[ "$(at-admin tenant list -f ndjson)" = '{"name":"default"}' ]
	run -2 at-admin tenant list -f xml
}

@test "nothing is made by a word that is wrong, by who only looks, or with --dry-run" {
	none=$BATS_TEST_TMPDIR/none
	wrong() {       # EXIT WORD…
		run "-$1" at-admin -S "$none" "${@:2}" < /dev/null
		[ ! -e "$none" ] || { echo "made by ${*:2}"; return 1; }
	}
	for verb in user key role; do
		wrong 2 $verb
		wrong 2 $verb burn
		wrong 2 $verb list more
	done
	wrong 2 audit burn
	wrong 2 tenant add ../x
	wrong 2 tenant add ../x -n
	wrong 2 key create -f xml
	wrong 2 key create --expires soon
	wrong 1 key create --role nobody
	wrong 1 -T nowhere key create
	wrong 1 user add ann
	wrong 1 user remove ann
	wrong 1 user password ann
	wrong 1 key revoke k
	wrong 1 key rotate k
	wrong 1 role add r fly
	wrong 2 role add r read:events --sees everything
	wrong 1 role add r read:events --sees 'rows=(('
	wrong 0 role list
	wrong 2 silence add a
	wrong 2 silence add 'a=~(('
	wrong 2 silence add a=b --expires soon
	wrong 1 silence remove s
	wrong 0 feedback true
	wrong 1 backup -n copies
	for words in 'user add ann' 'key create' 'role add r read:events' 'silence add a=b' 'tenant add shop' init; do
		wrong 0 $words -n
		[[ $output == *"would be made"* ]]
	done
}

@test "--dry-run changes nothing of users, keys and silences, and tells what is not there" {
	at-admin -q user add ann <<< 'correct horse battery'
	before=$(at-admin user list; at-admin key list; at-admin audit)
	for words in 'user remove ann' 'user password ann' 'user mfa ann'; do
		run -0 at-admin $words -n <<< 'another horse battery'
		[[ $output == 'user ann: would '* ]]
	done
	run -1 at-admin key rotate nobody -n
	[[ $output == *"has no key 'nobody'"* ]]
	run -1 at-admin user add ann -n
	[[ $output == *'already'* ]]
	[ "$before" = "$(at-admin user list; at-admin key list; at-admin audit)" ]
	id=$(at-admin silence add a=b)
	run -0 at-admin silence remove "$id" -n
	[ "$(at-admin silence list -f ndjson | jq -r .id)" = "$id" ]
}

@test "--all lists silences, letters and feedback of every tenant, each with its own; what is done to one refuses it" {
	anomaly='{"metric":"m","timestamp":"2025-11-24T00:00:00Z","labels":{"a":"x"},"count":5,"anomaly":{"field":"count","score":0.99,"alarm":true,"expected":1,"lower":0,"upper":2,"direction":"high"}}'
	at-admin init
	at-admin tenant add two
	for t in default two; do
		at-admin -T $t silence add alert=$t
		at-admin -q -T $t feedback true <<< "$anomaly"
	done
	[ "$(at-admin silence list -a -f ndjson | jq -c '[.tenant, .match.alert]' | tr -d '\n')" = '["default","default"]["two","two"]' ]
	[ "$(at-admin silence list -f ndjson | jq -c 'has("tenant")')" = false ]
	[ "$(at-admin feedback list -a -f ndjson | jq -c '[.tenant, .metric, .labels.a]' | tr -d '\n')" = '["default","m","x"]["two","m","x"]' ]
	at-admin silence list -a -f table | grep -q '^two  .* active .*{"alert":"two"}$'
	run -0 at-admin feedback list -f table
	[[ $output =~ ^2025-11-24T00:00:00Z\ +true\ +m\ +count\ +\{\"a\":\"x\"\}$ ]]
	run -0 at-admin letters list -a
	for words in 'silence add a=b' 'silence remove s' 'feedback true' 'letters replay r' 'key create' 'key revoke k' 'user remove u' 'role add r read:events' 'tenant remove two -y'; do
		run -2 at-admin $words -a < /dev/null
		[[ $output == *'--all goes with list'* ]]
	done
	[ "$(at-admin tenant list | wc -l)" = 2 ]
}

@test "a form of listing that is none is refused by every verb" {
	at-admin init
	for words in stats verify compact 'tenant list' 'user list' 'key list' 'role list' audit 'silence list' 'letters list' 'feedback list' 'stats rules' \
	    'retain --before 2020-01-01 -n' 'backup copies' 'restore copies -n' 'archive files --before 2020-01-01 -n' 'export --user u' 'erase --user u -n' init; do
		run -2 --separate-stderr at-admin $words -f xml
		[[ $stderr == *"--format: 'xml' is none of table, ndjson"* ]]
	done
	[ ! -e copies ]
}

@test "a tenant that is not there is not made by a slip of the pen, and a folder without a name is none" {
	at-admin init
	for words in 'silence add a=b' 'silence add a=b -n' 'feedback true' 'feedback true -n' 'user list' 'key list'; do
		run -1 at-admin -T shpo $words < /dev/null
		[[ $output == *"no tenant 'shpo'"* ]]
		run -2 at-admin -T ../x $words < /dev/null
	done
	[ "$(at-admin tenant list)" = default ]
	for command in 'at-admin init' 'at-admin stats' 'at-query schema' 'at-ingest'; do
		run -2 $command -S '' < /dev/null
		[[ $output == *'--store: wants a directory'* ]]
	done
	run -2 at-admin backup ''
	run -2 at-admin restore '' -y
	run -2 at-admin archive '' --before 2025-11-25 -y
}

@test "what is kept of a command line is UTF-8, and who silenced is who did it, not what USER says" {
	at-admin init
	run -1 --separate-stderr at-admin key create $'a\xff'
	[[ $stderr == *'name: is not UTF-8'* ]]
	run -1 --separate-stderr at-admin role add r read:events --sees $'hide=a\xff'
	[[ $stderr == *'hide: is not UTF-8'* ]]
	[ -z "$(at-admin key list)" ]
	USER=$'\xff' at-admin silence add a=b
	[ "$(at-admin silence list -f ndjson | jq -r .by)" = "$(id -un)" ]
}

@test "a role that is always there is refused by --dry-run too" {
	at-admin init
	run -1 at-admin role remove admin -n
	[[ $output == *"'admin' is a role that is always there"* ]]
}
