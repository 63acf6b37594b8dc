#!/usr/bin/env bats
# What leaves a store and comes back: backup, restore, archive, export, erase.

load ../helper

setup() {
	seq 200 | awk '{ printf "{\"event\":\"buy\",\"timestamp\":17000%d00,\"id\":\"i%d\",\"user_id\":\"u%d\",\"properties\":{\"n\":%d}}\n", $1, $1, $1 % 4, $1 }' > rows
	head -100 rows > first
	sed -n 101,150p rows > second
	tail -50 rows > third
	at-ingest -q first
}

count() { at-query -f csv "SELECT count(*) FROM events $1" | tail -1 | tr -d '\r'; }
moment() { sleep 0.02; date -u +%FT%T.%3NZ; sleep 0.02; }

@test "backup: a store of its own, its name on stdout, whole while others write" {
	at-admin key create app --role ingest > key
	( for i in $(seq 20); do at-ingest -q second; done ) &
	one=$(at-admin backup copies)
	wait
	[ -d "$one" ]
	at-query -S "$one" "SELECT count(*) AS n FROM events" | grep -E '"n":(100|[1-9]50|[1-9]00|1[01]50|1000|1100)}'
	at-admin -S "$one" verify -a
	at-admin -S "$one" key list | grep -q app
	[ "$(at-admin audit list -a | grep -c '"action":"backup"')" = 1 ]
}

@test "backup: --keep lets older ones go, and no half one has a name" {
	for i in 1 2 3 4; do at-admin backup copies --keep 2 > last; done
	[ "$(ls copies | wc -l)" = 2 ]
	[ -d "$(cat last)" ]
	[ -z "$(ls -A copies | grep '^\.')" ]
	run -1 at-admin backup /dev/null/copies
	[[ $output == *"Not a directory"* ]]
	run -2 at-admin backup
	run -1 at-admin -S nothing backup copies
}

@test "restore: the newest; asked for on a store that has something" {
	at-admin backup copies
	at-ingest -q second
	run -2 at-admin restore copies
	[[ $output == *"add --yes"* ]]
	[ "$(count)" = 150 ]
	at-admin restore copies -n | grep -q 'would be taken'
	at-admin restore copies -yq
	[ "$(count)" = 100 ]
	at-ingest -q third
	[ "$(count)" = 150 ]
	at-admin verify -a
}

@test "restore: a store that is gone, or damaged, all tenants with users, keys and audit" {
	at-admin -T shop init
	at-ingest -q -T shop second
	at-admin key create app --role ingest > key
	at-admin backup copies
	rm -rf "$AT_STORE"
	at-admin restore copies -q
	[ "$(count)" = 100 ]
	[ "$(at-query -T shop -f csv 'SELECT count(*) FROM events' | tail -1 | tr -d '\r')" = 50 ]
	at-admin key list | grep -q app
	at-admin audit verify
	for damage in 'truncate -s 0' 'truncate -s 9000' 'dd status=none conv=notrunc bs=4096 count=2 if=/dev/urandom of='; do
		case $damage in
		*of=) $damage"$AT_STORE/tenants/default/data.mdb" ;;
		*) $damage "$AT_STORE/tenants/default/data.mdb" ;;
		esac
		at-admin restore copies -yq
		[ "$(count)" = 100 ]
		at-admin verify
	done
}

@test "restore --until: events in order of arrival up to that moment, whatever their own time" {
	before=$(moment)
	at-agg -q -s -w 1m -M n rows > /dev/null
	at-admin backup copies
	at-ingest -q second
	then=$(moment)
	at-ingest -q third
	at-admin backup copies
	at-admin compact
	at-admin restore copies --until "$then" -yq
	[ "$(count)" = 150 ]
	[ "$(at-query -f csv 'SELECT max(n) FROM events' | tail -1 | tr -d '\r')" = 150 ]
	at-admin verify
	at-admin restore copies --until "$before" -yq           # before the first backup: all out of it, by when it came
	[ "$(count)" = 100 ]
	at-admin restore copies -yq
	[ "$(count)" = 200 ]
}

@test "restore --until before all that is known is a slip: the tenant stays" {
	at-admin backup copies
	run -1 at-admin restore copies --until 2020-01-01 -y
	[[ $output == *'nothing had come by then'*'nothing was changed'* ]]
	[ "$(count)" = 100 ]
}

@test "restore --until: what came after the last backup is in the store itself" {
	at-admin backup copies
	at-ingest -q second
	then=$(moment)
	at-ingest -q third                              # the mistake
	at-admin restore copies --until "$then" -y 2> said
	grep -q '150 events' said
	[ "$(count)" = 150 ]
	truncate -s 5000 "$AT_STORE/tenants/default/data.mdb"
	run -1 at-admin restore copies --until "$then" -y
	[[ $output == *"leave --until out"* ]]
}

@test "restore: not under a process that has the tenant open; the store stays as it is" {
	at-admin backup copies
	at-ingest -q second
	mkfifo hold
	at-ingest -q < hold &
	exec 7> hold
	head -1 third >&7
	soon has_store $!
	run -1 at-admin restore copies -y
	exec 7>&-
	wait
	[[ $output == *"another process has the tenant open"* ]]
	[ "$(count)" = 151 ]
	[ ! -e "$AT_STORE/.restoring" ]
}

@test "restore: killed at any time, the store is the old one or the new one" {
	at-admin backup copies
	for i in 1 2 3 4 5 6 7 8; do
		at-ingest -q second
		at-admin restore copies -yq & pid=$!
		sleep "0.0$i"
		kill -9 $pid 2> /dev/null || true
		wait $pid || true
		n=$(count)
		[ "$n" = 100 ] || [ $((n % 50)) = 0 ]
		at-admin verify
	done
}

@test "restore: two at once do not take away each other's work; backup: what killed ones left goes with the next" {
	at-admin -q backup copies
	at-ingest -q second
	run -1 flock "$AT_STORE" at-admin restore copies -yq
	[[ $output == *"another restore is under way: nothing was changed"* ]]
	[ "$(count)" = 150 ]
	at-admin restore copies -yq
	mkdir -p copies/.part-20200101T000000.000Z/tenants/default copies/.gone-20200101T000000.000Z copies/.part-20200102T000000.000Z copies/.part-of-mine
	touch copies/.part-20200101T000000.000Z/tenants/default/data.mdb
	flock copies/.part-20200102T000000.000Z at-admin -q backup copies
	[ "$(ls -A copies | grep '^\.' | tr '\n' ' ')" = '.part-20200102T000000.000Z .part-of-mine ' ]
	at-admin -q backup copies
	[ "$(ls -A copies | grep '^\.')" = .part-of-mine ]
}

@test "restore: a damaged backup is told, and nothing is changed" {
	one=$(at-admin backup copies)
	at-ingest -q second
	dd status=none conv=notrunc bs=4096 seek=3 count=4 if=/dev/urandom of="$one/tenants/default/data.mdb"
	run -1 at-admin restore copies -y
	[ "$(count)" = 150 ]
	run -1 at-admin restore . -y
	[[ $output == *"no backups there"* ]]
	run -1 at-admin restore nowhere -y
}

@test "erase: a user's events, series and rows, out of the file too, and a restore does not bring them back" {
	at-agg -q -s -w 1m -b user_id rows > /dev/null
	for user in u1 u2; do
		echo '{"metric":"m","timestamp":"2026-01-01T00:00:00Z","labels":{"user_id":"'$user'"},"v":9,"anomaly":{"field":"v","score":0.9,"alarm":true}}'
	done | at-admin -q feedback false
	echo '{"rules":[{"alert":"many","expr":".v > 5"}]}' > rules.json
	printf '{"metric":"m","timestamp":1767225600,"labels":{"user_id":"%s"},"v":9}\n' u1 u2 | at-detect --state a -r rules.json > /dev/null
	for user in u1 u2; do
		for i in {1..40}; do
			printf '{"metric":"m","timestamp":%d,"labels":{"user_id":"%s"},"v":%d}\n' $((1767225600 + i * 60)) $user $((i * i % 11))
		done
	done > series
	next='{"metric":"m","timestamp":1767228060,"labels":{"user_id":"u2"},"v":9}'
	at-detect --state m --absent 1h series > /dev/null
	at-detect --state c --changes series > /dev/null
	at-admin compact
	at-admin backup copies
	at-admin erase --user u1 -n | grep -q '25 events would go'
	[ "$(count)" = 100 ]
	run -2 at-admin erase --user u1
	at-admin erase --user u1 -y 2> said
	grep -q '25 events and' said
	[ "$(count)" = 75 ]
	[ "$(count "WHERE user_id = 'u1'")" = 0 ]
	[ -z "$(at-admin export --user u1)" ]
	[ "$(at-query -f csv "SELECT count(*) FROM metrics WHERE user_id = 'u1'" | tail -1 | tr -d '\r')" = 0 ]
	not grep -qa '"u1"' "$AT_STORE/tenants/default/data.mdb"
	[ "$(at-admin feedback list | grep -c '"u2"')" = 1 ]
	[ -z "$(echo '{"metric":"m","timestamp":1767225660,"labels":{"user_id":"u2"},"v":9}' | at-detect --state a -r rules.json)" ]     # u2's fires on
	cmp <(echo "$next" | at-detect -a --state m) <({ grep u2 series; echo "$next"; } | at-detect -a | tail -1)     # what was learned of u2 stays
	echo "$next" | at-detect --changes --state c
	[ "$(at-admin audit list | grep user.erase | grep -c u1)" = 0 ]
	at-admin verify
	at-admin restore copies -yq
	[ "$(count)" = 75 ]
	[ -z "$(at-admin export --user u1)" ]
	not grep -qa '"u1"' "$AT_STORE/tenants/default/data.mdb"
	grep '"u1"' second | at-ingest -q               # the user comes again: that is kept
	more=$(at-admin export --user u1 | wc -l)
	[ "$more" -gt 0 ]
	at-admin backup copies
	at-admin restore copies -yq
	[ "$(at-admin export --user u1 | wc -l)" = "$more" ]
	run -2 at-admin erase -y
}

@test "54: erase takes matches too, whatever they are by, and numbers as labels" {
	rm -rf "$AT_STORE"
	at-ingest -q <<-'E'
		{"event":"a","user_id":7,"session_id":"s","timestamp":"2026-11-01T00:00:00Z","secret":"CANARY"}
		{"event":"b","user_id":"u2","session_id":"s","timestamp":"2026-11-02T00:00:00Z"}
		{"event":"b","user_id":"u2","session_id":"t","timestamp":"2026-11-02T00:00:00Z"}
		{"metric":"m","timestamp":"2026-11-02T00:00:00Z","labels":{"user_id":7},"value":3}
		{"metric":"m","timestamp":"2026-11-02T00:00:00Z","labels":{"user_id":77},"value":3}
	E
	at-query events | at-detect -q -s -p 'A:a -> b'
	at-query events | at-detect -q -s -p 'a -> b by session_id'
	at-query events | at-detect -q -s -p 'b -> b'
	at-admin export --user 7 > of
	[ "$(grep -c '"match"' of)" = 2 ] && [ "$(grep -c '"metric":"m"' of)" = 1 ] && [ "$(wc -l < of)" = 4 ]
	at-admin erase --user 7 -yq
	[ -z "$(at-admin export --user 7)" ]
	not grep -qa CANARY "$AT_STORE/tenants/default/data.mdb"
	[ "$(at-query 'SELECT count(*) AS n FROM metrics' | jq .n)" = 1 ]
	[ "$(at-admin export --user u2 | grep -c '"match"')" = 1 ]
}

@test "export: all there is of a user, as rows that can be read again" {
	at-agg -q -s -w 1m -b user_id first > /dev/null
	at-admin export --user u2 > of
	[ "$(grep -c '"event":"buy"' of)" = 25 ]
	[ "$(grep -c '"metric":"events"' of)" -gt 0 ]
	not grep -q '"u[013]"' of
	grep '"event"' of | at-ingest -n | cmp - <(grep '"event"' of)
	run -2 at-admin export
}

@test "archive: events by day into files, and off the store; later ones beside them" {
	run -2 at-admin archive old
	at-admin archive old --before 2100-01-01 -n | grep -q '100 events would go'
	run -2 at-admin archive old --before 2100-01-01
	at-admin archive old --before 2100-01-01 -yq
	[ "$(count)" = 0 ]
	at-ingest -q second
	at-admin archive old --before 2100-01-01 -yq
	[ -z "$(find old -name '*.part')" ]
	at-ingest -q old/default/*.ndjson.gz
	[ "$(count)" = 150 ]
	[ "$(count 'WHERE n <= 150')" = 150 ]
	at-query "SELECT id, event, timestamp, user_id, n FROM events ORDER BY n" > got
	rm -rf "$AT_STORE"
	cat first second | at-ingest -q
	at-query "SELECT id, event, timestamp, user_id, n FROM events ORDER BY n" | cmp - got
}

@test "an archive that is killed anywhere: the next has each event once, in a file or in the store" {
	plain_only
	strace -f -o /dev/null true 2> /dev/null || skip "strace cannot trace here"
	for day in 01 02 03; do echo "{\"event\":\"x\",\"timestamp\":\"2026-01-${day}T00:00:00Z\",\"id\":\"$day\"}"; done | AT_STORE=$PWD/days at-ingest -q
	AT_STORE=$PWD/days at-admin init
	killed=0
	for at in rename:{1..4} fdatasync:{1..5} fsync:{1..7}; do
		rm -rf store old; cp -r days store
		{ AT_STORE=$PWD/store strace -f -qq -o /dev/null -e trace=${at%:*} -e inject=${at%:*}:signal=SIGKILL:when=${at#*:} \
		    at-admin archive old --before 2026-02-01 -yq && continue; } 2> said || killed=$((killed + 1))
		AT_STORE=$PWD/store at-admin archive old --before 2026-02-01 -yq
		[ "$(zcat old/default/*.gz | at-ingest -nq | jq -r .id | paste -sd,)" = 01,02,03 ]
		[ -z "$(find old -name '*.part')" ]
		[ "$(AT_STORE=$PWD/store count)" = 0 ]
		AT_STORE=$PWD/store at-admin verify
	done
	[ $killed -gt 8 ]
}

@test "an archive that was cut off, whose files are gone: what the store has is archived anew; two at once are refused" {
	plain_only
	strace -f -o /dev/null true 2> /dev/null || skip "strace cannot trace here"
	{ strace -f -qq -o /dev/null -e trace=rename -e inject=rename:signal=SIGKILL:when=1 at-admin archive old --before 2100-01-01 -yq || true; } 2> said
	[ "$(count)" = 100 ]
	rm -r old
	run -0 --separate-stderr at-admin archive new --before 2100-01-01 -y
	[[ $stderr == *'was cut off left '*'which are gone'* ]]
	[ "$(zcat new/default/*.gz | wc -l)" = 100 ]
	[ "$(count)" = 0 ]
	at-ingest -q second
	exec 8< "$AT_STORE/tenants/default"
	flock -n 8
	run -1 --separate-stderr at-admin archive new --before 2100-01-01 -y
	[[ $stderr == *'another archive is at work'* ]]
	[ "$(count)" = 50 ]
}

@test "two stores archive into one folder: what one was cut off from is not taken for the file of the other" {
	plain_only
	strace -f -o /dev/null true 2> /dev/null || skip "strace cannot trace here"
	for store in one two; do
		for i in 1 2 3; do echo "{\"event\":\"x\",\"timestamp\":\"2026-01-01T00:00:00Z\",\"id\":\"$store$i\"}"; done | AT_STORE=$PWD/$store at-ingest -q
		AT_STORE=$PWD/$store at-admin init
	done
	{ AT_STORE=$PWD/one strace -f -qq -o /dev/null -e trace=rename -e inject=rename:signal=SIGKILL:when=1 \
	    at-admin archive old --before 2026-02-01 -yq || true; } 2> said
	[ -e old/default/2026-01-01.ndjson.gz.part ]
	AT_STORE=$PWD/two at-admin archive old --before 2026-02-01 -yq
	AT_STORE=$PWD/one at-admin archive old --before 2026-02-01 -yq
	[ "$(zcat old/default/*.gz | at-ingest -nq | jq -r .id | sort | paste -sd,)" = one1,one2,one3,two1,two2,two3 ]
	[ "$(AT_STORE=$PWD/one count),$(AT_STORE=$PWD/two count)" = 0,0 ]
	AT_STORE=$PWD/two at-ingest -q <<< '{"event":"x","timestamp":"2026-01-01T00:00:00Z"}'
	exec 8< old/default
	flock -n 8
	AT_STORE=$PWD/two run -1 --separate-stderr at-admin archive old --before 2026-02-01 -y
	[[ $stderr == *'old/default: another archive is at work'* ]]
	exec 8>&-
	AT_STORE=$PWD/two at-admin archive old --before 2026-02-01 -yq
	[ "$(zcat old/default/*.gz | wc -l)" = 7 ]
}
@test "an archive that fails leaves no files behind, so that the next has each event once" {
	for day in 01 02 03; do echo "{\"event\":\"x\",\"timestamp\":\"2026-01-${day}T00:00:00Z\"}"; done | AT_STORE=$PWD/days at-ingest -q
	mkdir -p old/default/2026-01-02.ndjson.gz.part/in-the-way
	AT_STORE=$PWD/days run -1 at-admin archive old --before 2026-02-01 -yq
	[ "$(ls old/default)" = 2026-01-02.ndjson.gz.part ]
	rm -r old/default/2026-01-02.ndjson.gz.part
	AT_STORE=$PWD/days at-admin archive old --before 2026-02-01 -yq
	[ "$(zcat old/default/*.gz | wc -l)" = 3 ]
}
