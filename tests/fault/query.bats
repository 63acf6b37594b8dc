#!/usr/bin/env bats
# What at-query must survive.

load ../helper

refused() { run -2 --separate-stderr at-query "$1"; [[ $stderr == *'only reading is allowed'* || $stderr == *'no table'* || $stderr == *'no function'* || $stderr == *'syntax error'* ]] || { echo "$1: $stderr"; return 1; }; }

@test "fault 30: whatever writes, attaches, loads or looks elsewhere is refused" {
	at-ingest -q <<< '{"event":"e"}'
	for s in "CREATE TABLE t(a)" "CREATE TEMP TABLE t(a)" "DROP TABLE events" "DELETE FROM events" "INSERT INTO events(event) VALUES ('x')" \
	    "UPDATE events SET event = 'x'" "ATTACH 'x' AS y" "DETACH main" "PRAGMA table_info(events)" "PRAGMA trusted_schema=on" "SELECT load_extension('x')" \
	    "SELECT * FROM pragma_table_info('events')" "VACUUM" "VACUUM INTO 'f'" "REINDEX" "ANALYZE" "BEGIN" "COMMIT" "SAVEPOINT s" "SELECT * FROM sqlite_stmt" \
	    "CREATE VIRTUAL TABLE t USING fts5(a)" "CREATE VIEW v AS SELECT 1" "CREATE TRIGGER g INSERT ON events BEGIN SELECT 1; END" "ALTER TABLE events RENAME TO x" \
	    "WITH x AS (SELECT 1) DELETE FROM events" "REPLACE INTO events(event) VALUES (1)" "SELECT fts3_tokenizer('x')" "SELECT readfile('/etc/passwd')" \
	    "SELECT writefile('x','y')" "SELECT edit('x')" "SELECT * FROM dbstat" "EXPLAIN DELETE FROM events"; do
		refused "$s"
	done
	[ "$(at-query 'SELECT count(*) AS n FROM events')" = '{"n":1}' ]
	[ ! -e f ] && [ ! -e x ]
}

@test "fault 31: a runaway statement ends at --timeout, one that wants memory at --max-memory" {
	run -1 timeout 120 at-query --timeout 200ms "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
	[[ $output == *'--timeout'* ]]
	run -1 timeout 120 at-query --timeout 200ms "SELECT count(*) FROM generate_series(1, 100000000)"
	run -1 timeout 300 at-query --max-memory 20M "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 300000) SELECT group_concat(printf('%1000d', i)) FROM n"
	[[ $output == *'--max-memory'* ]]
	# what is only sorted goes on in files
	[ "$(at-query --max-memory 8M -f csv "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 600000) SELECT sum(i) AS s, max(i) AS m FROM (SELECT i, 'some text' || i AS t FROM n ORDER BY -i LIMIT -1)")" = $'s,m\n180000300000,600000' ]
	run -1 bash -c "trap '' XFSZ; ulimit -f 512; at-query --max-memory 8M 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 600000) SELECT max(i) FROM (SELECT i, hex(i) || i AS t FROM n ORDER BY -i LIMIT -1)'"
	[[ $output == *'cannot put rows aside in a temporary file: '*'set TMPDIR'* ]]
}

@test "fault 10: more groups than --max-memory holds are counted part by part, through temporary files, with the same answer" {
	awk 'BEGIN { for (i = 0; i < 120000; i++) printf "{\"event\":\"e%d\",\"timestamp\":%d,\"user_id\":\"u%d\",\"properties\":{\"n\":%d,\"r\":%d.5,\"m\":%s}}\n",
		i % 3, 1793000000000 + i * 7, i * 7919 % 90000, i % 1000, i % 77, i % 5 ? i % 4 : "\"" i % 4 "\"" }' | at-ingest -q
	export AT_THREADS=2
	while read -r sql; do
		at-query -f csv "$sql" > whole
		at-query --max-memory 12M -f csv "$sql" > parts
		cmp whole parts || { echo "$sql"; return 1; }
	done <<-'END'
	SELECT user_id, count(*), sum(n), avg(r), total(r), min(n), max(r), count(DISTINCT m), median(n), max(event), stddev(n), arg_max(event, n) FROM events GROUP BY user_id
	SELECT user_id, count(*) AS n, max(timestamp) AS t FROM events GROUP BY user_id ORDER BY n DESC, t DESC, user_id LIMIT 5
	SELECT timestamp, m, uniq(user_id) FROM events GROUP BY timestamp, m ORDER BY timestamp, m
	SELECT DISTINCT n, user_id, m FROM events ORDER BY 1, 2, 3
	SELECT count(*) AS n FROM (SELECT user_id, m FROM events GROUP BY 1, 2 HAVING count(*) = 1)
	SELECT n, user_id, m FROM events ORDER BY n % 7, user_id DESC, m, n
	SELECT count(*) AS n, sum(c), max(u) FROM (SELECT user_id AS u, n, count(*) AS c FROM events GROUP BY 1, 2)
	SELECT count(*), sum(c), max(t) FROM (SELECT user_id, count(*) AS c FROM events GROUP BY 1) a JOIN (SELECT user_id, max(timestamp) AS t FROM events GROUP BY 1) b ON a.user_id = b.user_id
	SELECT user_id, c, rank() OVER (ORDER BY c DESC, user_id) AS r FROM (SELECT user_id, count(*) AS c FROM events GROUP BY 1) ORDER BY 3 LIMIT 9
	END
	nested="SELECT count(*) AS n, sum(c) FROM (SELECT user_id AS u, n, count(*) AS c FROM events GROUP BY 1, 2)"
	[[ $(at-query --max-memory 12M "EXPLAIN ANALYZE $nested") =~ 'so it is run otherwise'.*'of '[0-9]+' parts, '[0-9]+' MiB in a temporary file' ]]
	sql="SELECT user_id, count(*), sum(n) FROM events GROUP BY user_id"
	[[ $(at-query --max-memory 12M "EXPLAIN ANALYZE $sql") =~ 'of '[0-9]+' parts, '[0-9]+' MiB in a temporary file' ]]
	mkdir tmp
	TMPDIR=$PWD/tmp at-query --max-memory 12M -f csv "$sql" | cmp - <(at-query -f csv "$sql")
	[ -z "$(ls -A tmp)" ]
	TMPDIR=$PWD/none run -1 at-query --max-memory 12M "$sql"
	[[ $output == *"no temporary file in $PWD/none: No such file or directory"* ]]
	run -1 bash -c "trap '' XFSZ; ulimit -f 512; TMPDIR=tmp at-query --max-memory 12M '$sql'"      # 512 KiB, as a full disk
	[[ $output == *'cannot write groups to a temporary file in tmp, behind '*': File too large'* ]]
	run -1 at-query --max-memory 200k "$sql"
	[[ $output == *'--max-memory'* || $output == *'for the memory there is'* ]]
}

@test "what is put in order row by row takes no more than --max-memory, the heap's own share of small pieces too" {
	[ -z "$SANITIZED" ] || skip "a sanitizer takes memory of its own"
	# 5 MiB without; asked for pieces of 48 bytes the heap gives 64
	python3 - <<-'P'
		import resource, subprocess
		subprocess.run(["at-query", "--max-memory", "16M", "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 400000) "
		    "SELECT max(c) FROM (SELECT 0 * i AS u, count(*) AS c FROM n GROUP BY u)"], check=True)
		peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
		assert peak <= 21 << 10, peak
	P
}

@test "a join of groupings takes no more than --max-memory, and gives back what it no longer needs" {
	[ -z "$SANITIZED" ] || skip "a sanitizer takes memory of its own"
	awk 'BEGIN { for (i = 0; i < 400000; i++) printf "{\"event\":\"e%d\",\"timestamp\":%d,\"user_id\":\"user-%d\"}\n", i % 3, 1793000000000 + i * 7, i * 7919 % 390001 }' | at-ingest -q
	python3 - <<-'P'
		import resource, subprocess
		subprocess.run(["at-query", "--max-memory", "48M", "SELECT count(*), max(t) FROM (SELECT user_id, count(*) AS c FROM events GROUP BY 1) a "
		    "JOIN (SELECT user_id, max(timestamp) AS t FROM events GROUP BY 1) b ON a.user_id = b.user_id"], check=True)
		peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
		assert peak <= 53 << 10, peak                   # 5 MiB without
	P
}

@test "different values that --max-memory does not hold are counted part by part, with the same answer" {
	awk 'BEGIN { for (i = 0; i < 600000; i++) printf "{\"event\":\"e%d\",\"timestamp\":%d,\"user_id\":\"user-%d\",\"properties\":{\"n\":%d}}\n",
		i % 3, 1793000000000 + i * 7, i * 7919 % 590001, i % 5 ? i : 7 }' | at-ingest -q
	export AT_THREADS=2
	while read -r sql; do
		at-query -f csv "$sql" > whole
		at-query --max-memory 16M -f csv "$sql" > parts
		cmp whole parts || { echo "$sql"; return 1; }
		[[ $(at-query --max-memory 16M "EXPLAIN ANALYZE $sql") =~ 'of '[0-9]+' parts of the values' ]] || { echo "$sql"; return 1; }
	done <<-'END'
	SELECT count(DISTINCT user_id) AS n FROM events
	SELECT count(DISTINCT user_id), count(*), sum(n), count(DISTINCT timestamp), max(n), uniq(user_id) FROM events WHERE n > 6
	SELECT event, count(DISTINCT user_id) FILTER (WHERE n = 7), count(DISTINCT user_id) AS c, min(timestamp) FROM events WHERE event < 'e2' GROUP BY 1 ORDER BY c
	END
	[ "$(at-query -f csv 'SELECT count(DISTINCT user_id) AS n FROM events')" = $'n\n590001' ]
	[ -z "$SANITIZED" ] || skip "a sanitizer takes memory of its own"
	python3 - <<-'P'
		import resource, subprocess
		subprocess.run(["at-query", "--max-memory", "64M", "SELECT count(DISTINCT user_id) FROM events"], check=True)
		peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
		assert peak <= 84 << 10, peak                   # 62 to 73; 87 to 90 when each thread's values were put into the table of one
	P
}

@test "fault 31: rows of a table function and what replace makes take no more than --max-memory" {
	[ -z "$SANITIZED" ] || skip "a sanitizer takes memory of its own"
	seq 100000 | sed 's/.*/{"event":"e","user_id":"u&"}/' | at-ingest -q
	python3 - <<-'P'
		import resource, subprocess
		for sql, word in ("SELECT count(*) FROM sessions('1m')", "for the memory there is"), \
		    ("SELECT length(replace(repeat('x', 10000000), 'x', repeat('y', 1000)))", "--max-memory"):
		    p = subprocess.run(["at-query", "--max-memory", "16M", sql], capture_output=True, text=True)
		    assert p.returncode == 1 and word in p.stderr and p.stderr.count("\n") == 1, (sql, p)
		p = subprocess.run(["at-query", "--max-memory", "8M", "SELECT count(*) FROM generate_series(1, 3000000)"], capture_output=True, text=True)
		assert p.stdout == '{"count(*)":3000000}\n', p
		peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
		assert peak <= 64 << 10, peak
	P
	[ "$(at-query -f csv "SELECT group_concat(value) FROM generate_series(9223372036854775805, 9223372036854775807)" | tail -1 | tr -d '\r')" = '"9223372036854775805,9223372036854775806,9223372036854775807"' ]
}

@test "SIGINT ends a statement at once" {
	at-query "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n" 2> said & pid=$!
	soon hears $pid
	sleep 0.3
	kill -TERM $pid
	timeout 120 tail --pid=$pid -f /dev/null
	grep -q interrupted said
}

@test "fault 48: a regular expression that backtracks without end is an error soon" {
	run -2 within 30 at-query "SELECT repeat('a', 40) || '!' REGEXP '^(a+)+\$'" || [ "$status" -eq 0 ]
}

@test "fault 11: a full or closed output is an error, a closed pipe none" {
	for f in table ndjson csv json; do
		run -1 --separate-stderr bash -c "at-query -f $f 'SELECT * FROM generate_series(1, 100000)' > /dev/full"
		[[ $stderr == *'No space left'* ]]
		run -1 bash -c "at-query -f $f 'SELECT 1' >&-"
		run -0 bash -c "set +o pipefail; at-query -f $f 'SELECT * FROM generate_series(1, 1000000)' 2> said | head -1; [ ! -s said ]"
	done
}

@test "fault 14: a reader that stands still does not let the store grow" {
	for i in {1..2000}; do echo '{"event":"e","properties":{"text":"'$i'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}}'; done > rows
	for i in {1..20}; do cat rows; done | at-ingest -q
	mkfifo still
	at-query 'SELECT * FROM events' > still & pid=$!
	exec 9< still
	read -r -N 10 <&9
	before=$(stat -c %s "$AT_STORE"/tenants/default/data.mdb)
	for i in {1..30}; do at-ingest -q --event x <<< '{"n":1}'; done
	after=$(stat -c %s "$AT_STORE"/tenants/default/data.mdb)
	exec 9<&-
	wait $pid || true
	[ "$after" -le $((before * 2)) ]
}

@test "fault 16: damage in the store is told, and the rest is read" {
	for i in {1..3000}; do echo '{"event":"e","properties":{"n":'$i'}}'; done | at-ingest -q
	cp -r "$AT_STORE" whole
	size=$(stat -c %s "$AT_STORE"/tenants/default/data.mdb)
	for at in 8192 12288 20480 $((size / 2)) $((size - 4096)); do
		rm -rf "$AT_STORE"; cp -r whole "$AT_STORE"
		printf '\xff\x00\xff' | dd of="$AT_STORE"/tenants/default/data.mdb bs=1 seek=$((at + 100)) conv=notrunc status=none
		run timeout 120 at-query 'SELECT count(*), sum(n) FROM events'
		[ "$status" -le 2 ]
	done
}

@test "fault 16: what is put together from a damaged store is no answer, what can be read of its rows is" {
	seq 200000 | sed 's/.*/{"event":"e","id":"&","user_id":"u1","properties":{"n":&}}/' | at-ingest -q
	at-admin compact
	cp -r "$AT_STORE" whole
	size=$(stat -c %s "$AT_STORE"/tenants/default/data.mdb)
	hits=0
	for part in 3 4 5 6 7; do
		rm -rf "$AT_STORE"; cp -r whole "$AT_STORE"
		printf '\xff\x00\xff' | dd of="$AT_STORE"/tenants/default/data.mdb bs=1 seek=$((size * part / 8 + 100)) conv=notrunc status=none
		at-query 'SELECT id FROM events' > rows 2> said && continue
		grep -q damaged said
		hits=$((hits + 1))
		[ "$(wc -l < rows)" -gt 0 ]
		for columns in 1 0; do
			for sql in 'SELECT count(DISTINCT id) AS n FROM events' 'SELECT event, max(id) AS n FROM events GROUP BY event' \
			    'SELECT id FROM events ORDER BY id DESC LIMIT 1' \
			    'SELECT event, sum(length(id)) OVER () AS n FROM events' 'SELECT (SELECT sum(length(id)) FROM events) AS n'; do
				AT_VECTOR=$columns run -1 --separate-stderr at-query "$sql"
				[[ -z $output && $stderr == *damaged* ]] || { echo "$sql: ${output:0:200}"; false; }
			done
		done
	done
	[ $hits -gt 0 ]
}

@test "fault 16: of a damaged store the events that can be read come out; who follows it goes on" {
	seq 200000 | sed 's/.*/{"event":"e","id":"&","properties":{"n":&}}/' | at-ingest -q
	at-admin compact
	cp -r "$AT_STORE" whole
	size=$(stat -c %s "$AT_STORE"/tenants/default/data.mdb)
	for part in 3 4 5 6 7; do
		rm -rf "$AT_STORE"; cp -r whole "$AT_STORE"
		printf '\xff\x00\xff' | dd of="$AT_STORE"/tenants/default/data.mdb bs=1 seek=$((size * part / 8 + 100)) conv=notrunc status=none
		at-query events > rows 2> said && continue
		grep -q damaged said
		[ "$(wc -l < rows)" -gt 0 ]
		at-query 'SELECT id FROM events' 2> other | wc -l | grep -qx "$(wc -l < rows)"
		at-query events --follow > followed 2> said & pid=$!
		soon grep -q damaged said
		at-ingest -q --event late <<< '{"n":1}'
		soon grep -q '"late"' followed
		at-ingest -q --event later <<< '{"n":2}'
		soon grep -q '"later"' followed
		kill -TERM $pid
		local rc=0; wait $pid || rc=$?
		[ $rc = 1 ]
		[ "$(grep -c damaged said)" = "$(sort -u said | grep -c damaged)" ]
		return
	done
	false   # nothing was hit
}

@test "fault 20: the ends of time and of numbers" {
	at-ingest -q <<-'END'
	{"event":"e","timestamp":"9999-12-31T23:59:59.999Z","properties":{"x":1e308}}
	{"event":"e","timestamp":"0001-01-01T00:00:00Z","properties":{"x":-9223372036854775808}}
	END
	run -0 at-query "SELECT timestamp, date_trunc('year', timestamp), timestamp + INTERVAL 1 DAY, timestamp - INTERVAL 9000 YEAR, time_bucket('7d', timestamp), x, x - 1, -x FROM events"
	run -0 at-query "SELECT datediff('year', '0001-01-01', '9999-12-31') AS d, to_timestamp(1e300) AS t"
	[ "$output" = '{"d":9998,"t":null}' ]
}

@test "fault 26: bytes that are no UTF-8 come out as U+FFFD" {
	[ "$(at-query "SELECT CAST(x'61ff62' AS TEXT) AS t")" = $'{"t":"a\xef\xbf\xbdb"}' ]
}

@test "fault 63: the history file is not followed through a link" {
	command -v script > /dev/null || skip 'no script(1) here'
	mkdir -p state/at && echo keep > target && ln -s ../../target state/at/history
	printf 'SELECT 1;\n.quit\n' | XDG_STATE_HOME=$PWD/state TERM=xterm script -qec at-query /dev/null > /dev/null
	[ "$(cat target)" = keep ]
}

@test "fault 15: an answer that reads the events twice sees one state of them" {
	seq 60000 | sed 's/.*/{"event":"old","timestamp":&}/' | at-ingest -q
	: > go > written
	while [ -e go ]; do printf '{"event":"a"}\n{"event":"b"}\n' | at-ingest -q; echo >> written; done & writer=$!
	for ((look = 0; look < 12 || $(wc -l < written) < 6; look++)); do        # however much slower than questions a disk makes it
		run -0 at-query -f csv "SELECT a.n = b.n AS same FROM (SELECT count(*) AS n FROM events WHERE event = 'a' OR properties LIKE '%x') a,
		    (SELECT count(*) AS n FROM events WHERE event = 'b' OR properties LIKE '%y') b"
		[ "$output" = $'same\n1' ] || break
	done
	rm go
	wait $writer
	[ "$output" = $'same\n1' ]
	[ "$(at-query -f csv "SELECT count(*) > 5 FROM events WHERE event = 'a'" | tail -1)" = 1 ]
}

@test "fault 15: what is written together is seen together, whatever a statement reads (AT_STATES_SECONDS, 600 for the long run)" {
	unset AT_STORE
	run -0 python3 "$root/tests/fault/states.py" "${AT_STATES_SECONDS:-2}" "$BATS_TEST_TMPDIR/states"
	echo "# $output" >&3
}

@test "fault 15: events that are read again for each row of another table, by any function, are of one state" {
	local from columns n=0
	seq 100 | sed 's/.*/{"event":"e","user_id":"u&","timestamp":&}/' | at-ingest -q
	mkfifo rows
	for from in "generate_series(1, 400) g, events() e" "generate_series(1, 400) g CROSS JOIN match('e') m" "generate_series(1, 400) g, events e"; do
		for columns in 0 1; do
			AT_VECTOR=$columns timeout -s KILL 300 at-query -f csv "SELECT g.value, 'something that fills the pipe' FROM $from" > rows & pid=$!
			exec 8< rows
			read -r -u 8
			n=$((n + 1000))
			seq 50 | sed 's/.*/{"event":"e","user_id":"v'$n'&","timestamp":'$n'&}/' | at-ingest -q
			cut -d, -f1 <&8 | uniq -c | awk '{ print $1 }' | sort -u > often
			exec 8<&-
			wait $pid
			[ "$(wc -l < often)" = 1 ] || { echo "$from, AT_VECTOR=$columns:" $(cat often) rows; false; }
		done
	done
}

@test "fault 15: samples that are read again for each row of another table are of one state" {
	local from columns n=0
	seq 100 | sed 's/.*/{"metric":"m","timestamp":&,"value":1}/' | at-ingest -q
	mkfifo rows
	for from in "generate_series(1, 400) g, metrics m" "generate_series(1, 400) g, metric('m', NULL, NULL, '1ms') m" 'generate_series(1, 400) g JOIN "METRICS" m'; do
		for columns in 0 1; do
			AT_VECTOR=$columns timeout -s KILL 300 at-query -f csv "SELECT g.value, m.timestamp FROM $from" > rows & pid=$!
			exec 8< rows
			read -r -u 8                            # some are there, the others wait for room in the pipe
			n=$((n + 1000))
			seq 50 | sed 's/.*/{"metric":"m","timestamp":'$n'&,"value":1}/' | at-ingest -q
			cut -d, -f1 <&8 | uniq -c | awk '{ print $1 }' | sort -u > often
			exec 8<&-
			wait $pid
			[ "$(wc -l < often)" = 1 ] || { echo "$from, AT_VECTOR=$columns:" $(cat often) samples; false; }
		done
	done
}

@test "fault 15: an answer that reads samples twice, or beside events, sees one state of them" {
	seq 20000 | sed 's/.*/{"metric":"m&","value":1}/' | at-ingest -q
	at-ingest -q <<< '{"event":"a"}'
	: > go > written
	n=0
	while [ -e go ]; do n=$((n + 1)); printf '%s\n' '{"event":"a"}' '{"metric":"pair","left":1,"right":1,"timestamp":'$n'}' | at-ingest -q; echo >> written; done & writer=$!
	for ((look = 0; look < 6 || $(wc -l < written) < 6; look++)); do
		while read -r sql; do
			for columns in 0 1; do
				AT_VECTOR=$columns run -0 at-query -f csv "SELECT ($sql) AS same"
				[ "$output" = $'same\n1' ] || break 3
			done
		done <<-'END'
		(SELECT count(*) FROM metrics WHERE field = 'left') = (SELECT count(*) FROM metrics WHERE field = 'right')
		SELECT count(*) = 0 FROM (SELECT timestamp FROM metrics WHERE field = 'left' EXCEPT SELECT timestamp FROM metrics WHERE field = 'right')
		(SELECT count(*) FROM events) - (SELECT count(*) FROM metrics WHERE field = 'left') BETWEEN 1 AND 2
		SELECT count(*) = 2 * (SELECT count(*) FROM metric('pair.left', NULL, NULL, '1s')) FROM metrics WHERE metric = 'pair'
		END
	done
	rm go
	wait $writer
	echo "$sql"
	[ "$output" = $'same\n1' ]
	[ "$(at-query -f csv "SELECT count(*) > 5 FROM metrics WHERE field = 'left'" | tail -1)" = 1 ]
}
