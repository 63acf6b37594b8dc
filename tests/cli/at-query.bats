#!/usr/bin/env bats
# The command: formats, parameters, -i, statements on stdin, messages, verbs, the shell.

load ../helper

rows='{"a":1,"b":"x,y"}
{"a":2.5,"b":"\u001b[1m"}'
ask() { at-query -i - "$@" <<< "$rows"; }

@test "a verb that is none is told with the nearest" {
	run -2 at-query funnle a,b
	[ "$output" = "at-query: 'funnle' is no verb, did you mean funnel?" ]
	run -2 at-query shema
	[ "$output" = "at-query: 'shema' is no verb, did you mean schema?" ]
	run -2 at-query select
}

@test "a size is bytes, or has k, M, G or T behind it, small or capital, or KiB, MiB, GiB, TiB" {
	local size
	for size in 67108864 65536k 65536K 65536KiB 65536kib 64m 64M 64MiB 1g 1GIB 1t 1TiB; do
		run -0 at-query --max-memory $size -f csv "SELECT 1 AS one"
		[ "$output" = $'one\n1' ]
	done
	for size in 64X 64KB 64Ki 64iB MiB k 1.5G -1k 8388608TiB; do
		run -2 at-query --max-memory=$size "SELECT 1"
		[ "$output" = "at-query: --max-memory: '$size' is no size, try 64k, 10M or 2GiB" ]
	done
}

@test "a table on a terminal, NDJSON on a pipe" {
	[ "$(ask 'SELECT a FROM input')" = $'{"a":1}\n{"a":2.5}' ]
	run -0 script -qec "at-query --no-pager 'SELECT 1 AS one'" /dev/null < /dev/null
	[[ $output == *one*1*'(1 row, '* ]]
}

@test "colour: names of columns in bold, when it is wanted and NO_COLOR says nothing" {
	for format in table box vertical; do
		at-query --color always -f $format 'SELECT 1 AS name' | grep -q $'\e\\[1mname\e\\[0m'
		CLICOLOR_FORCE=1 at-query -f $format 'SELECT 1 AS name' | grep -q $'\e\\[1mname\e\\[0m'
		for never in 'at-query' 'env NO_COLOR=1 at-query' 'at-query --color never' 'env CLICOLOR_FORCE=1 NO_COLOR=1 at-query'; do
			run -0 $never -f $format 'SELECT 1 AS name'
			[[ $output != *$'\e'* ]]
		done
	done
	run -0 at-query --color always -f ndjson 'SELECT 1 AS name'
	[ "$output" = '{"name":1}' ]
}

@test "rows of any format are queried without being stored" {
	printf 'a;b\n' > /dev/null
	printf 'name,n\nx,1\ny,2\n' > t.csv
	[ "$(at-query -i t.csv 'SELECT sum(n) AS s FROM input')" = '{"s":3}' ]
	printf '[{"k":1},{"k":2}]' > t.json
	[ "$(at-query -i t.json 'SELECT count(*) AS c FROM input')" = '{"c":2}' ]
	printf '{"metric":"m","timestamp":"2026-11-23T10:00:00.000Z","labels":{"s":"g"},"count":3}\n' > m
	[ "$(at-query -i m 'SELECT s, count FROM input')" = '{"s":"g","count":3}' ]
	[ ! -e "$AT_STORE" ]
}

@test "a missing -i is told, also to a statement that does not read it" {
	run -1 --separate-stderr at-query -i none.ndjson 'SELECT 1'
	[[ -z $output && $stderr == 'at-query: none.ndjson: No such file or directory' ]]
	run -1 --separate-stderr at-query -i / 'SELECT 1'
	[[ -z $output && $stderr == 'at-query: /: Is a directory' ]]
}

@test "the fields of CSV are numbers, texts and NULL by their looks" {
	printf 'a,b,c\n10,x,0012\n9,,12345678901234567890\n9223372036854775807,-,1.2.3\n-0.5,1e5,-7\n' > t.csv
	[ "$(at-query -i t.csv 'SELECT a FROM input WHERE a > 5 ORDER BY a')" = $'{"a":9}\n{"a":10}\n{"a":9223372036854775807}' ]
	[ "$(at-query -i t.csv 'SELECT typeof(a) a, typeof(b) b, typeof(c) c FROM input WHERE a < 10')" = $'{"a":"integer","b":"null","c":"text"}\n{"a":"real","b":"text","c":"integer"}' ]
	[ "$(at-query -i t.csv "SELECT b, c FROM input WHERE a = '10'")" = '{"b":"x","c":"0012"}' ]
}

@test "a write that fails is told once" {
	run -1 bash -c 'at-query "SELECT 1" 2>&1 > /dev/full'
	[ "${#lines[@]}" = 1 ]
}

@test "data in a Markdown table is neither HTML nor obeyed by a terminal" {
	run -0 at-query -f markdown "SELECT '<b>&|' || char(27, 155) AS x"
	[ "${lines[2]}" = '| &lt;b>&amp;\|\x1b\x9b |' ]
}

@test "a bad row of -i is told with its place and the rest is read" {
	printf '{"a":1}\nnot json\n{"a":2}\n' > bad
	run -0 --separate-stderr at-query -i bad --input-format ndjson 'SELECT sum(a) AS s FROM input'
	[ "$output" = '{"s":3}' ] && [[ $stderr == *'bad:2:'* ]]
}

@test "each format; JSON numbers a repeated column, CSV keeps it" {
	[ "$(ask -f json 'SELECT a, a FROM input LIMIT 1')" = '[{"a":1,"a_2":1}]' ]
	[ "$(ask -f csv 'SELECT a, a, b FROM input LIMIT 1' | tr -d '\r')" = $'a,a,b\n1,1,"x,y"' ]
	for f in table box tsv markdown html chart vertical; do ask -f $f 'SELECT * FROM input' > $f && [ -s $f ]; done
	run -2 at-query -f tabel 'SELECT 1'
	[[ $output == *"table"* ]]
}

@test "fault 27: control characters never reach a terminal's table" {
	for f in table box vertical chart; do
		ask -f $f 'SELECT b, a FROM input' > out
		not grep -q $'\x1b' out
		grep -qF '\x1b[1m' out
	done
}

@test "fault 27: a key with control characters is as harmless as the name of a column" {
	printf '{"event":"a\\u001b[31m","timestamp":0,"\\u001b]0;x":1,"y\\nz":2,"c\\u009bd":3}\n' | at-ingest
	for format in table box markdown html chart vertical; do
		at-query -f $format 'SELECT * FROM events' > out
		[[ "$(LC_ALL=C tr -d '\n\40-\176\200-\377' < out | wc -c)" = 0 ]] || { echo $format; cat -v out; false; }
		LC_ALL=C run -1 grep -c $'\xc2\x9b' out
	done
	for kind in columns events; do
		at-query --complete $kind > out
		[ "$(LC_ALL=C tr -d '\n\40-\176\200-\377' < out | wc -c)" = 0 ]
	done
	run -2 at-query "SELECT 1 FROM \"$(printf '\xc2\x9b31m')\""       # nor in what is said
	[[ $output == *'\x9b31m'* ]]
	run -0 at-query -f table 'SELECT * FROM events'
	[[ $output == *'\x1b]0;x'*'c\x9bd'*'y\nz'* ]]
	[ "${#lines[@]}" = 3 ]
}

@test "fault 28: --csv-safe disarms formulas" {
	[ "$(at-query -f csv --csv-safe "SELECT '=cmd' AS x, -1 AS n" | tr -d '\r' | tail -1)" = "'=cmd,-1" ]
	[ "$(at-query -f csv "SELECT '=cmd' AS x" | tr -d '\r' | tail -1)" = "=cmd" ]
}

@test "parameters by name and by place; a number is a number, 007 a text" {
	[ "$(at-query -P n=2 -P t=007 'SELECT :n + 1 AS a, typeof($n) AS b, @t AS c')" = '{"a":3,"b":"integer","c":"007"}' ]
	[ "$(at-query -P x=1 -P y=z 'SELECT ? AS a, ? AS b')" = '{"a":1,"b":"z"}' ]
	run -2 at-query 'SELECT :none'
	[[ $output == *'-P none='* ]]
}

@test "statements on stdin, several of them" {
	[ "$(printf 'SELECT 1 AS a;\n-- x\nSELECT 2 AS b' | at-query)" = $'{"a":1}\n{"b":2}' ]
}

@test "- is the SQL on stdin" {
	run -0 at-query - <<< 'SELECT 1 AS a'
	[ "$output" = '{"a":1}' ]
}

@test "a column without AS is called as it is written" {
	run -0 at-query -P x=1 --now 2026-11-23 'SELECT abs(:x), (:x), coalesce(NULL,.5), current_timestamp'
	[ "$output" = '{"abs(:x)":1,"(:x)":1,"coalesce(NULL,.5)":0.5,"current_timestamp":"2026-11-23T00:00:00.000Z"}' ]
}

@test "SQL may begin with a comment" {
	[ "$(at-query '-- one
SELECT 1 AS a')" = '{"a":1}' ]
}

@test "an error is one line that points into the statement and says what was meant" {
	wrong() { run -2 --separate-stderr ask "$1"; [ "$stderr" = "at-query: $2" ] || { echo "$stderr"; return 1; }; }
	at-ingest -q <<< '{"event":"e","properties":{"revenue":1}}'
	run -2 at-query $'SELECT a,\n  revenu FROM events'
	[[ $output == *"no column"* ]]
	run -2 at-query $'SELECT event,\n  revenu FROM events'
	[ "$output" = "at-query: 2:3: no column 'revenu', did you mean 'revenue'?" ]
	wrong 'SELECT medain(a) FROM input' "1:8: no function 'medain', did you mean 'median'?"
	wrong 'SELECT a FROM inputs' "1:15: no table 'inputs', did you mean 'input'?"
	wrong $'SELECT inputs.a\nFROM input x,\n  "inputs"' "3:3: no table 'inputs', did you mean 'input'?"
	wrong 'SELECT a FROM input WHERE' '1:26: the statement ends too early'
	wrong 'EXPLAIN' '1:8: the statement ends too early'
	wrong 'SELECT 1; EXPLAIN ANALYZE ; SELECT 2' '1:26: the statement ends too early'
	wrong 'SELECT (1' '1:8: a ( without its )'
	wrong 'SELECT a FROM input WHERE b = "x"' "1:31: no column \"x\", a text is written 'x'"
}

@test "what fails before its first row prints nothing, in any format; an answer without rows has its head" {
	for format in table box json ndjson csv tsv markdown html chart vertical; do
		run -2 --separate-stderr at-query -f $format 'SELECT abs(-9223372036854775808) AS a'
		[ -z "$output" ] && [ "$stderr" = 'at-query: integer overflow' ] || { echo "$format: $output"; return 1; }
	done
	[ "$(at-query -f csv 'SELECT 1 AS a WHERE 0' | tr -d '\r')" = a ]
	[[ $(at-query -f html 'SELECT 1 AS a WHERE 0') == *'<th>a</th>'* ]]
}

@test "without a store the reason is said; plain SQL needs none" {
	[ "$(at-query 'SELECT 1 AS x')" = '{"x":1}' ]
	run -1 at-query 'SELECT * FROM events'
	[[ $output == "at-query: "*"$AT_STORE"* ]]
}

@test "events go on through a pipe in canonical form, and --follow shows new ones at once" {
	at-ingest -q <<< '{"event":"a","timestamp":"2026-11-23T10:00:00Z","user_id":"u1","properties":{"n":{"x":1}}}'
	[ "$(at-query events --user u1)" = '{"event":"a","timestamp":"2026-11-23T10:00:00.000Z","user_id":"u1","properties":{"n":{"x":1}}}' ]
	[ -z "$(at-query events --user u2)" ]
	at-query events --follow > followed & pid=$!
	soon test -s followed
	at-ingest -q <<< '{"event":"b","timestamp":"2026-11-23T09:59:00Z"}'
	has_two() { [ "$(wc -l < followed)" = 2 ]; }
	soon has_two
	kill $pid; wait $pid
	[[ $(tail -1 followed) == '{"event":"b"'* ]]
}

@test "metric: an event's count by field and span, in the singular too, as metric rows" {
	for h in 10 10 12; do echo '{"event":"user_signup","timestamp":"2026-11-23T'$h':00:00Z","properties":{"source":"google"}}'; done | at-ingest -q
	[ "$(at-query metric user_signups --every 1h --by source | wc -l)" = 3 ]
	[ "$(at-query metric user_signups --every 1h | jq -c '[.timestamp[11:13], .value]' | paste -sd' ')" = '["10",2] ["11",0] ["12",1]' ]
	[ "$(at-query -f csv "SELECT value FROM metric('user_signup')" | tr -d '\r' | tail -1)" = 3 ]
	run -2 at-query metric nothing
	[[ $output == *"no metric 'nothing'"* ]]
	run -2 at-query metric user_singup
	[ "$output" = "at-query: no metric 'user_singup', did you mean 'user_signup'?" ]
	mkdir -p config && echo '{"metrics":{"big_buys":{"event":"buy"}}}' > config/analytics.json
	run -2 at-query -f csv "SELECT * FROM metric('bigbuys')"
	[ "$output" = "at-query: no metric 'bigbuys', did you mean 'big_buys'?" ]
}

@test "a metric of the configuration: events, condition, value" {
	mkdir config
	echo '{"metrics":{"big":{"event":"buy","where":".properties.revenue > 10","value":"sum(revenue)"}}}' > config/analytics.json
	printf '{"event":"buy","properties":{"revenue":%s}}\n' 5 20 30 | at-ingest -q
	[ "$(at-query metric big | jq .value)" = 50 ]
}

@test "schema and explain" {
	at-ingest -q <<< '{"event":"e","properties":{"p":1}}'
	[ "$(at-query schema | jq -r '.kind + " " + .name' | paste -sd,)" = 'event e,property p' ]
	run -0 at-query -f csv explain "SELECT * FROM events WHERE timestamp > NOW() - INTERVAL 1 DAY"
	[[ $output == *'time_add('*SCAN* ]]
	run -0 at-query -f csv "EXPLAIN SELECT 1"
}

@test "--complete gives names" {
	at-ingest -q <<< '{"event":"e","properties":{"p":1}}'
	[ "$(at-query --complete events)" = e ]
	at-query --complete columns | grep -qx p
	at-query --complete tables | grep -qx events
	at-query --complete verbs | grep -qx funnel
	at-query --complete metrics | grep -qx e
}

@test "the shell: statements over lines, dot commands, history of its own with mode 0600" {
	command -v script > /dev/null || skip 'no script(1) here'
	at-ingest -q <<< '{"event":"e","properties":{"p":1}}'
	printf '.tables\nSELECT event,\n count(*) AS n FROM events GROUP BY 1;\n.mode csv\n\\d events\nSELECT 7*6 AS answer;\n.nothing\n.quit\n' |
	    XDG_STATE_HOME=$PWD/state TERM=xterm script -qec 'at-query --no-pager' /dev/null > out
	grep -q 'anomalies' out && grep -q '  received_at' out && grep -q '^answer' out && grep -q 'no command .nothing' out
	[ "$(stat -c %a state/at/history)" = 600 ]
	grep -q 'SELECT 7\*6' state/at/history
}

@test "the shell: a semicolon ends verbs too, .timer says how it is and refuses the rest, what fails has no head of a table" {
	command -v script > /dev/null || skip 'no script(1) here'
	at-ingest -q <<< '{"event":"e","timestamp":"2026-11-23T10:15:30Z"}'
	printf '.timer\n.timer off\n.timer\n.timer maybe\nmetric e;\nmetric e --every 1d ;\nmetric none;\n.schema nope\n.quit\n' |
	    XDG_STATE_HOME=$PWD/state TERM=xterm script -qec 'at-query --no-pager' /dev/null | sed 's/\x1b\[[?0-9;]*[a-zA-Z]//g; s/\r//g' > out
	[ "$(grep -cx on out)" = 1 ]
	[ "$(grep -cx off out)" = 1 ]
	grep -q "at-query: .timer: 'maybe' is neither on nor off" out
	[ "$(grep -c '^2026-11-23T00:00:00.000Z  *1' out)" = 2 ]
	grep -q "no metric 'none':" out
	[ "$(grep -c '^timestamp  ' out)" = 2 ]
	grep -q 'no such table: nope' out
	not grep -qx nope out
}

@test "a signal ends reading and what was read is answered, with 0; a statement that it interrupts fails with 1" {
	for signal in INT TERM; do
		mkfifo rows.$signal
		env --default-signal=INT at-query -i - 'SELECT count(*) AS n FROM input' < rows.$signal > n & pid=$!
		exec 9> rows.$signal
		echo '{"v":1}' >&9
		soon is_read 9
		kill -$signal $pid; wait $pid
		exec 9>&-
		[ "$(cat n)" = '{"n":1}' ]
		env --default-signal=INT at-query 'WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT max(x) FROM c' 2> said & pid=$!
		soon hears $pid
		sleep 0.3
		kill -$signal $pid
		ended=0
		wait $pid || ended=$?
		[ $ended = 1 ]
		[ "$(cat said)" = 'at-query: interrupted' ]
	done
}

@test "--strict exits 3 when a row of -i was rejected; options of verbs are refused without one" {
	printf '{"a":1}\n{bad\n' > rows
	run -3 --separate-stderr at-query --strict -i rows 'SELECT count(*) AS n FROM input'
	[[ $output = '{"n":1}' && $stderr == 'at-query: rows:2:2: '* ]]
	run -0 at-query -qi rows 'SELECT count(*) AS n FROM input'
	run -2 at-query --within 7d 'SELECT 1'
	[[ $output == *'--within is an option of verbs (funnel'* ]]
}

@test "a.b reaches into nested objects of stored events and of -i alike, behind an alias too; a key called a.b is found, it first" {
	cat > rows <<-'END'
	{"event":"a","timestamp":1,"properties":{"service.name":"s","http":{"method":"GET","n":[5,6]},"http.status.code":5}}
	{"event":"a","timestamp":2,"properties":{"http.method":"POST","http":{"status":{"code":7}}}}
	END
	at-ingest -q rows
	for table in events input; do
		run -0 at-query -i rows -f csv "SELECT service.name, e.service.name, http.method, e.http.method, http.status.code, e.http.n.\"1\" FROM $table e ORDER BY timestamp"
		[ "$(tr -d '\r' <<< "$output")" = "$(printf '%s\n' 'service.name,e.service.name,http.method,e.http.method,http.status.code,"e.http.n.""1"""' s,s,GET,GET,5,6 ,,POST,POST,7,)" ]
	done
	echo '{"c":{"d":{"e":3}}}' > other
	run -0 env AT_STORE=none at-query -i other 'SELECT i.c.d.e y, input.c.d z FROM input, input i WHERE i.c.d.e > 2'
	[ "$output" = '{"y":3,"z":"{\"e\":3}"}' ]
	run -0 at-query -i other 'SELECT c.d.e x, sum(input.c.d.e) y FROM input GROUP BY c.d.e'
	[ "$output" = '{"x":3,"y":3}' ]
}

@test "weeks are those of ISO 8601, at the ends of years too, as date(1) has them" {
	python3 -c 'import datetime
for i in range(0, 10500): print(datetime.date(1999, 12, 20) + datetime.timedelta(i))' > days
	date -u -f days +%Y-%m-%d,%-V,%G,%u,%-j,%G%V,%G-%V > expected
	(echo d; cat days) > days.csv
	at-query -i days.csv -f csv "SELECT d, EXTRACT(week FROM d), EXTRACT(isoyear FROM d), EXTRACT(isodow FROM d), EXTRACT(doy FROM d), YEARWEEK(d),
		TO_CHAR(d::timestamp, 'IYYY-IW') FROM input" | tail -n +2 | tr -d '\r' | cmp - expected
}

@test "verbs look at the rows of -i where there are any: of a file or a pipe, in any format, and nothing of them is left" {
	mkdir room
	printf 'event,timestamp,user_id\na,2026-11-01T00:00:00Z,u\nb,2026-11-01T01:00:00Z,u\na,2026-11-02T00:00:00Z,v\n' > rows.csv
	echo '{"event":"a","timestamp":1,"user_id":"stored"}' | at-ingest -q
	export TMPDIR=$PWD/room
	run -0 at-query -i rows.csv funnel a,b -f csv
	[ "$(tr -d '\r' <<< "$output")" = "$(printf '%s\n' step,event,users,from_start,from_previous,median_seconds,open 1,a,2,1,1,,1 2,b,1,0.5,0.5,3600,0)" ]
	[ "$(at-ingest -n rows.csv | at-query -i - metric a | jq .value)" = 2 ]
	[ "$(at-agg -w 1h rows.csv 2> /dev/null | at-query -i - metric events | jq .value)" = 3 ]
	[ "$(at-query -i rows.csv events --user u | wc -l) $(at-query events | wc -l)" = '2 1' ]
	mkfifo rows
	at-query -i - funnel a < rows > answer & pid=$!
	exec 9> rows
	head -2 rows.csv >&9
	soon is_begun
	soon is_read 9
	kill -TERM $pid; wait $pid
	exec 9>&-
	[ "$(jq .users answer)" = 1 ]
	run -1 at-query -i none funnel a
	[ "$output" = 'at-query: none: No such file or directory' ]
	[ -z "$(ls -A room)" ]
}

is_begun() { [ -n "$(ls -A room)" ]; }
is_used() { compgen -G 'room/*/*' > files; }     # what is read is being stored there
is_left() { [ -z "$(ls -A room)" ]; }

@test "nothing is left of the rows of -i when who reads the answer of a verb goes, or the terminal does while they are read" {
	mkdir room
	export TMPDIR=$PWD/room
	for i in {1..20000}; do echo '{"event":"a","timestamp":'$((1780000000 + i))',"user_id":"u"}'; done > rows
	at-query -i rows events | head -1 > first
	[ -s first ]
	[ -z "$(ls -A room)" ]
	mkfifo pipe
	env --default-signal=HUP at-query -i - funnel a < pipe > answer & pid=$!     # also where the suite runs under nohup
	exec 9> pipe
	head -2 rows >&9
	soon is_begun
	soon is_read 9
	kill -HUP $pid; wait $pid
	exec 9>&-
	[ "$(jq .users answer)" = 1 ]
	[ -z "$(ls -A room)" ]
	# nor when it is killed, alone or with all of its group; and the end of its output is told at once
	for whom in '' -; do
		setsid at-query -i - funnel a < pipe > answer & pid=$!
		exec 9> pipe
		head -2 rows >&9
		soon is_used
		kill -KILL -- $whom$pid; wait $pid || true
		soon is_left
		exec 9>&-
	done
}

@test "nor where who looks after them did not run yet when all of the group is killed" {
	plain_only
	cat > late.c <<'END'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <unistd.h>
pid_t fork(void)                        /* the child runs a second later */
{
	pid_t (*real)(void) = (pid_t (*)(void))dlsym(RTLD_NEXT, "fork"), pid = real();
	if (pid == 0)
		usleep(1000000);
	return pid;
}
END
	${CC:-cc} -w -shared -fPIC -o late.so late.c -ldl
	mkdir room
	mkfifo pipe
	TMPDIR=$PWD/room LD_PRELOAD=$PWD/late.so setsid at-query -i - funnel a < pipe > answer & pid=$!
	exec 9> pipe
	echo '{"event":"a","timestamp":1780000000,"user_id":"u"}' >&9
	soon is_used
	kill -KILL -- -$pid
	wait $pid || true
	soon is_left
	exec 9>&-
}

@test "SQL and arguments of verbs that are no UTF-8 are told, in every place, and nothing else is printed" {
	at-admin init
	for sql in $'SELECT 1 AS "x\xff"' $'SELECT \'x\xff\'' $'EXPLAIN SELECT \'x\xff\'' $'EXPLAIN QUERY PLAN SELECT 1 AS "x\xff"' $'SELECT 1; SELECT \'\xff\''; do
		run -2 --separate-stderr at-query "$sql"
		[[ $stderr == *'not UTF-8'* && $output != *x* ]]
	done
	run -2 --separate-stderr at-query $'SELECT 1\n, \'x\xff\''
	[[ $stderr == *'2:5: not UTF-8'* && -z $output ]]
	for words in 'funnel %,b' 'events --user %' 'explain %' 'metric %' 'match %' 'paths --from %' 'retention --start %'; do
		IFS=' ' read -ra word <<< "${words//%/x$'\xff'}"
		run -2 --separate-stderr at-query "${word[@]}"
		[[ $stderr == *'not UTF-8'* && -z $output ]]
	done
}

@test "an empty field among those of --by is told, as at-agg does" {
	at-admin init
	for by in '' 'a,,b' ',a' 'a,'; do
		run -2 --separate-stderr at-query metric e --by "$by"
		[[ $stderr == *'--by: an empty field name'* ]]
	done
}
