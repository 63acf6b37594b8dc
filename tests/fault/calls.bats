#!/usr/bin/env bats
# When the calls of the machine fail: interrupted, short, out of descriptors, out of memory (shim.c).

load ../helper

setup_file() {
	[ -z "$SANITIZED" ] || return 0
	${CC:-cc} -O1 -w -shared -fPIC -D_GNU_SOURCE "$BATS_TEST_DIRNAME/shim.c" -o "$BATS_FILE_TMPDIR/shim.so" -ldl
}

setup() {
	plain_only
	shim=$BATS_FILE_TMPDIR/shim.so
	seq 2000 | sed 's/.*/{"event":"e","timestamp":17000&00,"id":"&","user_id":"u1","properties":{"n":&}}/' > rows
	at-ingest -q rows
	at-agg -w 1m -a 'count,p95(n)' --states rows > metrics
}

# The same bytes and the same exit, whatever happens to the calls.
same() {
	local was=0 now seed
	"$@" > want 2> said || was=$?
	for seed in $seeds; do
		now=0
		timeout 120 env SHIM_IO="$seed" LD_PRELOAD="$shim" "$@" > got 2> said || now=$?
		cmp want got && [ $now = $was ] || { echo "seed $seed, exit $now: $*"; cat said; return 1; }
	done
}

@test "fault 6: reads and writes of one byte, interrupted, told to come again: each answer is the same" {
	seeds=${AT_SHIM_SEEDS:-1 2}
	gzip -k rows
	same at-ingest -n rows
	same at-ingest -n rows.gz
	same at-ingest -n -r /dev/stdout -f csv rows
	same at-ingest -n -m '. as $x | {event: "a", timestamp: .timestamp}' rows
	same sh -c 'at-ingest -n < rows | at-agg -w 1d --tz Europe/Zurich'
	same at-agg -w 1h -b user_id -a 'count,p95(n)' rows
	same at-agg -w 1h -W '.properties.n|tostring|ltrimstr("1")|length > 1' rows
	same at-detect -a metrics
	same at-query 'SELECT event, count(*), sum(n) FROM events GROUP BY 1'
	same at-query funnel e,e
	same at-query -f json -i rows 'SELECT count(*) FROM input'
	same at-admin stats -f ndjson
	same at-admin verify
}

@test "fault 6: what writes the store writes all of it once" {
	for seed in ${AT_SHIM_SEEDS:-1 2}; do
		rm -rf "$AT_STORE"
		head -1000 rows > log
		for more in 1001 1501; do
			timeout 120 env SHIM_IO="$seed" LD_PRELOAD="$shim" at-ingest --resume log log
			tail -n +$more rows | head -500 >> log
		done
		timeout 120 env SHIM_IO="$seed" LD_PRELOAD="$shim" at-ingest --resume log log
		timeout 120 env SHIM_IO="$seed" LD_PRELOAD="$shim" at-agg -s -w 1h --state "w$seed" rows > out
		timeout 120 env SHIM_IO="$seed" LD_PRELOAD="$shim" at-admin compact
		[ "$(at-query 'SELECT count(*) AS n, count(DISTINCT id) AS ids FROM events')" = '{"n":2000,"ids":2000}' ]
		at-admin verify
	done
}

# What a command may do when it gets no memory or no descriptor: its work, or exit 1 or 2 with a word.
clean() {
	local now=0
	timeout 120 "$@" > got 2> said || now=$?
	[ $now = 127 ] && grep -q "shared libraries" said && return      # the loader, not us
	[ $now = 0 ] || { [ $now -le 2 ] && [ -s said ]; } || { echo "exit $now: $*"; cat said; return 1; }
	[ $now != 0 ] || [ -z "$exact" ] || cmp want got || { echo "another answer: $*"; cat said; return 1; }
}

# AT_MALLOC=all fails each allocation in turn; else as many as take a second. exact=1: done means with the whole answer.
failing() {
	local n=1 most
	SHIM_COUNT=$PWD/counted LD_PRELOAD=$shim "$@" > want
	most=$(cat counted)
	[ "$most" -gt 10 ]
	while [ $n -le "$most" ]; do
		clean env SHIM_MALLOC=$n LD_PRELOAD="$shim" "$@"
		clean env SHIM_MALLOC=$n+ LD_PRELOAD="$shim" "$@"
		[ "$AT_MALLOC" = all ] && n=$((n + 1)) || n=$((n + 1 + n / 2))
	done
	at-admin verify
}

@test "fault 9: no memory at the n-th call, or from there on: a word and exit 1, and the store is whole" {
	failing at-ingest rows
	stored=$(at-query -f csv 'SELECT count(*) FROM events' | tail -1 | tr -d '\r')
	[ $((stored % 2000)) = 0 ]              # one transaction: all or nothing
	failing at-agg -w 1h -s --state x rows
	failing at-agg -w 1h -W '.properties.n|tostring|ltrimstr("1")|length > 1' metrics
	exact=1
	failing at-detect -a metrics
	failing at-query 'SELECT event, count(*), sum(n) FROM events WHERE n > 5 GROUP BY 1'
	failing at-query 'PIVOT events ON event USING sum(n) GROUP BY user_id'
	failing at-query "SELECT user_id, arg_max(id, n), string_agg(id, ',' ORDER BY n), last(id) FROM events GROUP BY user_id"
	failing at-query -f table funnel e,e
	failing at-query -f box 'SELECT n, id FROM events ORDER BY n LIMIT 5'
	failing at-query -f chart 'SELECT user_id, count(*) FROM events GROUP BY 1'
	failing at-query events --user u1
	failing at-query 'SELECT metric, count(*), sum(value) FROM metrics GROUP BY metric'
	failing at-query 'SELECT (SELECT count(*) FROM metrics) + (SELECT sum(value) FROM metrics) + (SELECT count(*) FROM events) AS n'
	failing at-query --max-memory 4M "SELECT id, count(*), max(n) FROM events GROUP BY id ORDER BY id"
	failing at-query metric '*' --every 1h
	failing at-detect -p 'e -> e within 1h by user_id' rows
	failing at-insight forecast - --horizon 3 metrics
	failing at-admin export --user u1
	exact=
	mkdir -p config
	echo '{"retention":{"metrics":"raw 1000d, 1m 2000d, 1h"}}' > config/analytics.json
	failing at-ingest -q metrics                            # with roll-ups
	failing at-query explain 'SELECT event, count(*) FROM events GROUP BY 1'          # the other way is a plan too
	failing at-admin retain -n --before 2000-01-01          # what writes the audit asks who it is, where glibc's getpwuid crashes without memory
	failing at-admin stats
	failing at-admin verify
	failing at-admin compact
}

@test "fault 8: few descriptors: a command does its work or says why not, and loses nothing" {
	for n in 5 6 7 8 9 10 12; do
		clean prlimit --nofile=$n at-ingest -n rows
		clean prlimit --nofile=$n at-ingest rows
		clean prlimit --nofile=$n at-agg -s rows
		clean prlimit --nofile=$n at-agg -W '.properties.n|tostring|ltrimstr("1")|length > 1' rows
		clean prlimit --nofile=$n at-query 'SELECT count(*) FROM events'
		clean prlimit --nofile=$n at-admin compact
	done
	prlimit --nofile=12 at-ingest rows
	at-admin verify
}
