#!/usr/bin/env bats
load ../helper

ids() { at-query -f csv 'SELECT id FROM events ORDER BY timestamp, id' | tail -n +2 | tr -d '\r' | paste -sd' '; }
count() { at-query -f csv 'SELECT COUNT(*) FROM events' | tail -1 | tr -d '\r'; }
rows() { seq "$1" "$2" | sed 's/.*/{"event":"e","ts":1700000000,"id":"&"}/'; }

wait_for() {            # a count in the store
	for _ in $(seq 600); do [ "$(count 2>/dev/null)" = "$1" ] && return; sleep 0.05; done
	echo "$(count) instead of $1"; return 1
}

@test "events are stored, and -t writes them too" {
	run -0 --separate-stderr at-ingest -t -v <<<'{"event":"a","ts":0,"x":1}'
	[ "$output" = '{"event":"a","timestamp":"1970-01-01T00:00:00.000Z","properties":{"x":1}}' ]
	[[ ${stderr_lines[-1]} =~ ^at-ingest:\ 1\ stored,\ 0\ rejected,\ 0\ duplicate,\ [0-9.]+\ s,\ [0-9.]+\ (k|M)?/s$ ]]
	[ "$(count)" -eq 1 ]
}

@test "nothing is said when all is well, and nothing is stored with -n" {
	run -0 at-ingest -n <<<'{"event":"a"}'
	[ "${#lines[@]}" -eq 1 ]
	[ ! -e "$AT_STORE" ]
	run -0 at-ingest <<<'{"event":"a"}'
	[ -z "$output" ]
}

@test "a missing file is told, the rest is read, and the exit says so" {
	rows 1 2 >a
	run -1 --separate-stderr at-ingest none a
	[[ $stderr == *'none: No such file or directory'* ]]
	[ "$(count)" -eq 2 ]
}

@test "gzip is known by its first bytes" {
	rows 1 3 | gzip >a
	cat a a >b
	run -0 at-ingest -n a b
	[ "${#lines[@]}" -eq 9 ]
}

@test "-m makes events of rows: none, one or several" {
	run -0 --separate-stderr at-ingest -n -m '{event:.action, user_id:.uid, properties:.}' <<<'{"action":"a","uid":5,"ts":1}'
	[[ $output == *'"event":"a"'*'"user_id":"5","properties":{"action":"a","uid":5,"ts":1}}' ]]
	run -0 at-ingest -n -m '.items[] | {event:"item", sku:., ts:0}' <<<'{"items":["x","y"]}'
	[ "${#lines[@]}" -eq 2 ]
	run -0 at-ingest -n -m 'select(.level == "error") | {event:"e"}' <<<'{"level":"info"}'
	[ -z "$output" ]
	run -0 --separate-stderr at-ingest -n -m '.items[] | {event:., ts:0}' <<<'{"items":["x",1]}'
	[ -z "$output" ] && [[ $stderr == *'event: wants'*' 1 rejected'* ]]
	run -2 at-ingest -n -m '{event:' </dev/null
}

@test "--event names what has no name" {
	run -0 at-ingest -n --event row <<<'{"a":1,"event":null}'
	[[ $output == '{"event":"row",'* ]]
	run -2 at-ingest -n --event '' </dev/null
}

@test "--dedupe drops ids seen within the span, in the store and in memory" {
	cat >in <<-'END'
	{"event":"e","id":"1","ts":"2026-11-23T10:00:00Z"}
	{"event":"e","id":"2","ts":"2026-11-23T10:00:00Z"}
	{"event":"e","id":"1","ts":"2026-11-23T10:30:00Z"}
	{"event":"e","id":"1","ts":"2026-11-23T12:00:00Z"}
	{"event":"e","ts":"2026-11-23T12:00:00Z"}
	{"event":"e","ts":"2026-11-23T12:00:00Z"}
	END
	run -0 --separate-stderr at-ingest -n -v --dedupe in
	[ "${#lines[@]}" -eq 4 ] && [[ $stderr == *' 2 duplicate'* ]]
	run -0 --separate-stderr at-ingest -n -v --dedupe=1h in
	[ "${#lines[@]}" -eq 5 ] && [[ $stderr == *' 1 duplicate'* ]]
	run -0 --separate-stderr at-ingest -v --dedupe=1h in
	[[ $stderr == *'5 stored, 0 rejected, 1 duplicate'* ]]
	run -0 --separate-stderr at-ingest -v --dedupe=1h in
	[[ $stderr == *'2 stored, 0 rejected, 4 duplicate'* ]]
	run -2 at-ingest -n --dedupe=soon in
}

@test "--dedupe keeps the same events in the store and in memory, those exactly a span apart too" {
	awk 'BEGIN { srand(7); for (i = 0; i < 3000; i++) printf "{\"event\":\"e\",\"id\":\"%d\",\"ts\":%d}\n", rand() * 40, 1700000000 + 600 * int(rand() * 400) }' > in
	for span in 1h 10m 1ms; do
		at-ingest -q -n --dedupe=$span in > memory
		at-ingest -q -t -S "store-$span" --dedupe=$span in | cmp - memory
	done
	[ "$(jq -s 'group_by(.id)[] | map(.timestamp[:19] + "Z" | fromdate) | sort | [.[1:], .[:-1]] | transpose | map(.[0] - .[1]) | min' <(at-ingest -n --dedupe=1h in) | sort -n | head -1)" = 3600 ]
}

@test "--replay reads rejects again after a mend and says what is still bad" {
	printf '%s\n' '{"event":"a"}' '{"action":"b"}' '{"x":1}' >in
	at-ingest -n -q -r bad in
	[ "$(wc -l <bad)" -eq 2 ]
	run -3 --separate-stderr at-ingest -n --strict --replay bad -m 'if .action then {event:.action} else . end' -r still
	[ "$(jq -r .event <<<"$output")" = b ]
	[ "$(jq -c '[.source, .line, .input]' still)" = '["in",3,"{\"x\":1}"]' ]
	printf 'a,b\n1,2\n' >t.csv
	at-ingest -n -q -f csv -r bad t.csv
	run -0 at-ingest -n --replay bad -f csv --event row
	[ "$(jq -c .properties <<<"$output")" = '{"a":"1","b":"2"}' ]
	run -2 at-ingest -n --replay bad -r bad
}

@test "--resume goes on where the last run ended, over rotation" {
	rows 1 3 >log
	at-ingest --resume r log
	rows 4 5 >>log
	at-ingest --resume r log
	rows 6 6 >>log
	mv log log.1
	rows 7 8 >log
	at-ingest --resume r log
	at-ingest --resume r log
	at-ingest --resume other log
	[ "$(ids)" = "1 2 3 4 5 6 7 7 8 8" ]
}

@test "fault 26: a byte 0 is shown, it does not cut the message short" {
	printf '{"event":"x\0y"}\n' >zero
	run -0 at-ingest -n zero
	[[ "${lines[0]}" == "at-ingest: zero:1:12: "*": '{\"event\":\"x\\x00y\"}'" ]]
}

@test "--resume doubles nothing where .1 is the oldest, as Log4j rotates" {
	rows 11 13 >log
	at-ingest --resume r log
	rows 14 15 >>log
	mv log log.1
	sleep 0.02              # the file system's clock has steps
	rows 16 17 >log
	mv log log.2
	sleep 0.02
	rows 18 19 >log
	at-ingest --resume r log
	mv log log.3
	rows 20 21 >log
	at-ingest --resume r log
	[ "$(ids)" = "11 12 13 14 15 16 17 18 19 20 21" ]
}

@test "--resume leaves half a line to the next run, and knows a truncated file" {
	printf '%s\n' '{"event":"e","ts":1,"id":"1"}' >log
	printf '{"event":"e","ts":1,"i' >>log
	run -0 at-ingest --resume r log
	[ -z "$output" ]
	printf 'd":"2"}\n' >>log
	at-ingest --resume r log
	printf '%s\n' '{"event":"e","ts":1,"id":"3"}' >log
	run at-ingest --resume r log
	[ "$(ids)" = "1 2 3" ]
}

@test "--resume of a CSV file keeps its header" {
	printf 'event,id,ts\ne,1,1700000000\n' >t.csv
	at-ingest -f csv --resume r t.csv
	printf 'e,2,1700000000\n' >>t.csv
	touch -d '1 minute ago' t.csv
	at-ingest -f csv --resume r t.csv
	[ "$(ids)" = "1 2" ]
}

@test "--resume under one name twice at once: the second run says so, and nothing is doubled" {
	rows 1 5 >log
	at-ingest --follow --resume r log & pid=$!
	wait_for 5
	run -0 at-ingest --resume r log
	rows 6 7 >>log
	wait_for 7
	cp log other
	run -0 at-ingest --resume r other
	rows 8 8 >>log
	timeout 120 tail --pid=$pid -f /dev/null
	run -1 wait $pid
	[ "$(at-query -f csv "SELECT COUNT(*) FROM events" | tail -1 | tr -d '\r')" -eq 14 ]
}

@test "--resume wants files and a store" {
	run -2 at-ingest --resume r </dev/null
	run -2 at-ingest --resume r -n x
	run -2 at-ingest --resume r -
}

@test "--follow reads a file that comes late, grows, rotates and is truncated; SIGTERM drains" {
	rows 1 2 >log
	at-ingest --follow --resume f log late & pid=$!
	wait_for 2
	rows 3 4 >>log
	wait_for 4
	rows 5 6 >late
	wait_for 6
	mv log log.1
	rows 7 7 >>log.1
	rows 8 8 >log
	wait_for 8
	rows 9 9 >late          # it is shorter than it was, whenever that is looked at
	wait_for 9
	kill -TERM $pid
	wait $pid
	[ "$(ids)" = "1 2 3 4 5 6 7 8 9" ]
}

@test "a row is in the store at the latest 200 ms after it came" {
	mkfifo p
	at-ingest p & pid=$!
	exec 8>p
	in_time=0 pause=0.35
	for i in $(seq 60); do                  # a busy machine may hold many up, not all
		rows $i $i >&8
		sleep $pause
		[ "$(count)" != $i ] || in_time=$((in_time + 1))
		[ $in_time -lt 3 ] || break
		wait_for $i
		[ $((i % 10)) != 0 ] || {       # nor a slow disk, which may have what a commit takes it
			from=${EPOCHREALTIME/./}
			rows 1 1 | at-ingest -q -S other
			pause=$(awk -v us=$((${EPOCHREALTIME/./} - from)) 'BEGIN { print 0.35 + us / 1e6 }')
		}
	done
	[ $in_time -ge 1 ]
	exec 8>&-
	wait $pid
}

@test "a live row goes through at once" {
	mkfifo p
	at-ingest -n <p >out & pid=$!
	exec 8>p
	echo '{"event":"a"}' >&8
	for _ in $(seq 3000); do [ -s out ] && break; sleep 0.01; done
	[ -s out ]
	exec 8>&-
	wait $pid
}

@test "usage that makes no sense is told" {
	run -2 at-ingest -f nosuch x
	run -2 at-ingest --from x file
	run -2 at-ingest --nosuch
	[[ $output == *nosuch* ]]
}

@test "formats are found out by name and content" {
	printf 'event,ts,x\na,0,1\n' >t.csv
	[ "$(at-ingest -n t.csv)" = '{"event":"a","timestamp":"1970-01-01T00:00:00.000Z","properties":{"x":"1"}}' ]
	need_shared real/apache_access.log
	[ "$(at-ingest -n -q "$shared/real/apache_access.log" | wc -l)" -gt 9990 ]
}

@test "the bar shows on --progress always and leaves no trace in the output" {
	(for i in 1 2 3; do rows 1 5000; sleep 0.6; done) | at-ingest -n --progress always 2>err >out
	[ "$(wc -l <out)" -eq 15000 ]
	grep -q 'rows' err
}

@test "the same bytes and rejects, however many threads and in whatever pieces the input comes" {
	python3 - <<-'P'
		import random
		r = random.Random(3)
		def row(i):
		    return 'click,2026-11-23T10:%02d:%02d.%03dZ,u%d,s%d,/page/%d,%s' % (i // 60000 % 60, i // 1000 % 60, i % 1000, i % 97, i % 13, i % 31, i)
		odd = [lambda l: l + ',more', lambda l: l.replace(',', ',"two\nlines, ""q""\n\nx",', 1), lambda l: '', lambda l: l[:20], lambda l: l + '\r',
		    lambda l: l.replace(',', ',"a" b,', 1), lambda l: l.replace('page', 'p\udcffge'), lambda l: 'event,timestamp,user_id,session_id,page,n',
		    lambda l: l.replace('page', 'p\\g\te'), lambda l: l.replace('2026', 'x'), lambda l: l.replace(',u', ',"u", ')]
		lines = ['event,timestamp,user_id,session_id,page,n'] + [row(i) for i in range(16000)]
		lines = [r.choice(odd)(l) if i and r.randrange(50) == 0 else l for i, l in enumerate(lines)]
		open('table.csv', 'wb').write('\n'.join(lines).encode('utf-8', 'surrogateescape'))
		open('open.csv', 'wb').write('\n'.join(lines[:9000] + ['"never closed,'] + lines).encode('utf-8', 'surrogateescape'))
		def hit(i):
		    return '10.0.0.%d - u%d [23/Nov/2026:10:%02d:%02d +0000] "GET /page/%d HTTP/1.1" 200 %d "-" "Mozilla/5.0 (X11)"' % (i % 250, i % 97, i // 600 % 60, i // 10 % 60, i % 31, i)
		odd = [lambda l: l + ' "x"', lambda l: l[:40], lambda l: l.replace('"-"', '"a\\"b"'), lambda l: '', lambda l: l + '\r', lambda l: l.replace('GET', '-'),
		    lambda l: l.replace('Moz', 'M\udcffz'), lambda l: l.replace('+0000', '+0130'), lambda l: 'v.example:80 ' + l, lambda l: l.replace('/page', '/päge')]
		open('access.log', 'wb').write('\n'.join(r.choice(odd)(hit(i)) if r.randrange(50) == 0 else hit(i) for i in range(14000)).encode('utf-8', 'surrogateescape'))
		odd = [lambda l: l[:30], lambda l: l.replace('"n"', '"\\u006e"'), lambda l: '  ', lambda l: '[]', lambda l: l.replace('}', ',}'), lambda l: '{"metric":"m","timestamp":"2026-11-23T10:00:00Z","value":3}',
		    lambda l: l.replace('"event"', '"type"'), lambda l: l.replace(':', ' : '), lambda l: l.replace('page', 'p\udcffge')]
		def event(i):
		    return '{"event":"e","timestamp":"2026-11-23T10:%02d:00.000Z","user_id":"u%d","page":"/%d","properties":{"n":%d}}' % (i % 60, i % 97, i % 31, i)
		open('events.ndjson', 'wb').write('\n'.join(r.choice(odd)(event(i)) if r.randrange(50) == 0 else event(i) for i in range(14000)).encode('utf-8', 'surrogateescape'))
	P
	export AT_NOW=2026-11-23T12:00:00Z
	for input in 'csv table.csv' 'csv open.csv' 'combined access.log' 'ndjson events.ndjson'; do
		read -r format file <<< "$input"
		for more in '' '--lossy' '--event named'; do
			for threads in 1 2 5; do
				AT_THREADS=$threads at-ingest -n -q -f $format $more -r rejects.$threads $file > out.$threads
				AT_THREADS=$threads at-ingest -n -q -f $format $more -r rejects.pipe < <(python3 -c '
import random, sys
r, d, i = random.Random(7), open(sys.argv[1], "rb").read(), 0
while i < len(d):
    n = r.choice([1, 100, 5000, 70000, 300000]); sys.stdout.buffer.write(d[i:i + n]); sys.stdout.flush(); i += n' $file) | cmp - out.1
				cmp out.$threads out.1
				cmp rejects.$threads rejects.1
				cmp <(jq -c 'del(.source)' rejects.pipe) <(jq -c 'del(.source)' rejects.1)
			done
			[ -s out.1 ]
			[ -s rejects.1 ]
		done
	done
}

@test "a JSON array is stored, and an envelope, and what stands before a fault in one" {
	echo '[{"event":"a","ts":1},{"event":"b","ts":2}]' > array.json
	echo '{"events":[{"event":"c","ts":3},{"event":"d","ts":4}]}' > envelope.json
	printf '[{"event":"e","ts":5},\n{"event":"f","ts":6},{"event":"g"' > cut.json
	at-ingest array.json
	at-ingest envelope.json
	run -0 at-ingest cut.json
	[[ $output == *'the input ends in the middle of a value'*'2 stored, 1 rejected'* ]]
	[ "$(at-query "SELECT string_agg(event, '' ORDER BY timestamp) AS e FROM events")" = '{"e":"abcdef"}' ]
}

@test "a JSON array is read in groups: memory does not grow with it" {
	[ -z "$SANITIZED" ] || skip "a sanitizer takes memory of its own"
	run -0 bash -c '{ echo "["; seq 600000 | sed "s/.*/{\"event\":\"e\",\"ts\":&,\"text\":\"abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz\"},/"; echo "{\"event\":\"end\"}]"; } |
		/usr/bin/env python3 -c "
import resource, subprocess
subprocess.run([\"at-ingest\"], check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"'
	[ "$output" -lt 100000 ]
	[ "$(at-query 'SELECT count(*) AS n FROM events')" = '{"n":600001}' ]
}

@test "--resume goes on inside an array that grows, wherever it was cut, and never takes an element twice" {
	for text in '[{"event":"a","ts":1},\n{"event":"b","ts":2} , {"event":"c",\n"ts":3},\n{bad},\n{"event":"d","ts":4}]\n{"event":"e","ts":5}\n' \
	    '{"sent":1,"events":[{"event":"a","ts":1},\n{"event":"b","ts":2},{"event":"c",\n"ts":3},{bad}\n,{"event":"d","ts":4}],"n":2}\n{"event":"e","ts":5}\n'; do
		printf "$text" > whole
		for cut in $(seq 20 7 $(($(stat -c %s whole) - 1))); do
			rm -rf "$AT_STORE"
			head -c $cut whole > part
			touch -d '1 minute ago' part
			at-ingest -q -f json --resume x part 2>> said
			tail -c +$((cut + 1)) whole >> part
			touch -d '1 minute ago' part
			at-ingest -q -f json --resume x part 2>> said
			at-ingest -q -f json --resume x part 2>> said
			[ "$(at-query "SELECT string_agg(event, '' ORDER BY timestamp) AS e FROM events")" = '{"e":"abcde"}' ] || { echo "cut at $cut"; false; }
		done
	done
}

@test "kill -9 within an array: --resume loses nothing and doubles nothing" {
	{ echo '['; seq 200000 | sed 's/.*/{"event":"e","id":"&","ts":&},/'; echo '{"event":"end"}]'; } > array.json
	touch -d '1 minute ago' array.json
	for i in 1 2 3 4 5 6; do
		killed_after 0.$i at-ingest -q --resume x array.json || true
	done
	at-ingest -q --resume x array.json
	[ "$(at-query 'SELECT count(*) AS n, count(DISTINCT id) AS ids FROM events')" = '{"n":200001,"ids":200000}' ]
}

@test "each file of a rotation begins anew: its own header, its own array" {
	printf 'event,ts,x\na,1,2\n' > c.csv
	at-ingest --resume c c.csv
	echo d,4,5 >> c.csv; mv c.csv c.csv.1
	printf 'event,y,ts\nc,9,3\n' > c.csv
	touch -d '1 minute ago' c.csv.1 c.csv
	run -0 at-ingest --strict --resume c c.csv
	run -0 at-ingest --strict --resume c c.csv
	run -0 at-query "SELECT event, timestamp, x, y FROM events ORDER BY timestamp"
	[ "$output" = '{"event":"a","timestamp":"1970-01-01T00:00:01.000Z","x":"2","y":null}
{"event":"c","timestamp":"1970-01-01T00:00:03.000Z","x":null,"y":"9"}
{"event":"d","timestamp":"1970-01-01T00:00:04.000Z","x":"5","y":null}' ]
	printf 'event,ts,x\na,1,2\n' > f.csv
	at-ingest -n --follow f.csv > out & pid=$!
	soon test -s out
	mv f.csv f.csv.1
	printf 'event,ts,y\nb,2,"3, long enough"\n' > f.csv
	has() { [ "$(wc -l < out)" = "$1" ]; }
	soon has 2
	printf 'event,z,ts\n' > f.csv                                  # cut short, also with what comes then
	echo c,4,5 >> f.csv
	soon has 3
	kill $pid; wait $pid
	[ "$(jq -c '[.event, .properties]' out)" = $'["a",{"x":"2"}]\n["b",{"y":"3, long enough"}]\n["c",{"z":"4"}]' ]
}

@test "--replay reads the rejects of CSV from anywhere: the reject row has the header" {
	printf 'event,timestamp,x\na,soon,1\nb,2,"3\n4"\nc\n' | at-ingest -qn -r rejects -f csv > out
	[ "$(jq -c .header rejects)" = $'"event,timestamp,x"\n"event,timestamp,x"' ]
	run -0 --separate-stderr at-ingest -n -r still -m '.timestamp = 5' --replay rejects
	[[ $output = '{"event":"a","timestamp":"1970-01-01T00:00:05.000Z","properties":{"x":"1"}}' && $stderr == *'1 accepted, 1 rejected'* ]]
	[ "$(jq -c '[.source, .line, .input, .header]' still)" = '["stdin",5,"c","event,timestamp,x"]' ]
	printf 'n\n1\n' | at-ingest -qn -r rejects -f csv > out
	run -0 at-ingest -n --now 2026-01-01 --event e --replay rejects
	[ "$output" = '{"event":"e","timestamp":"2026-01-01T00:00:00.000Z","properties":{"n":"1"}}' ]
}

@test "--resume leaves a CSV record that is not whole yet for the next run" {
	printf 'event,ts,x\na,1,"multi\n' > m.csv
	run -0 at-ingest --strict --resume m m.csv
	printf 'line"\nb,2,3\n' >> m.csv
	run -0 at-ingest --strict --resume m m.csv
	[ "$(at-query "SELECT string_agg(event || x, ';' ORDER BY timestamp) AS e FROM events")" = '{"e":"amulti\nline;b3"}' ]
}

@test "what is read is not written to: rejects, late rows and standard output want a file of their own" {
	echo '{"event":"a","timestamp":1}' > in
	cp in copy
	ln -s in link
	for line in 'at-ingest -n -r in in' 'at-ingest -r link in' 'at-ingest -n -r in < in' 'at-ingest -n in >> in' 'at-agg -r in copy in' 'at-agg --late link in' 'at-agg in >> in' \
	    'at-detect -a - < in >> in' 'at-agg -r x --late x in'; do
		run -2 --separate-stderr bash -c "$line"
		[[ -z $output && ${#stderr_lines[@]} = 1 ]] || { echo "$line"; return 1; }
		cmp in copy || { echo "$line"; return 1; }
	done
	run -0 bash -c 'at-ingest -n -r - in && at-agg -r /dev/null --late /dev/null in && at-ingest -n -r in < copy'
	[ ! -s in ]
}

@test "-r - writes reject rows to standard output, among whole events" {
	for i in {1..3000}; do echo '{"event":"e","timestamp":1,"n":'$i'}'; echo '{"bad":'$i'}'; done > rows
	at-ingest -qn -r - rows > out
	[ ! -e ./- ]
	[ "$(jq -c 'select(.event)' out | wc -l) $(jq -c 'select(.error)' out | wc -l)" = '3000 3000' ]
	run -0 at-ingest -q -r - rows
	[ "${#lines[@]}" = 3000 ]
}

@test "a load of files leaves the processor to others, a stream does not" {
	local nice pid
	niceness() { cut -d ' ' -f 19 "/proc/$1/task/$1/stat"; }
	is_at() { [ "$(niceness "$pid")" = "$1" ]; }
	nice=$(niceness $$)
	seq 200000 > rows                   # more rejects than a pipe holds: it waits for us
	mkfifo bad
	at-ingest -q -r bad rows &
	pid=$!
	exec 9< bad
	soon is_at $((nice > 10 ? nice : 10))
	kill $pid                           # while it waits for the pipe: after it there may be nobody to end
	exec 9<&-
	wait $pid || true
	cat rows | at-ingest -q -r bad &
	pid=$!
	exec 9< bad
	read -r _ <&9
	is_at "$nice"
	kill $pid
	exec 9<&-
	wait $pid || true
}
