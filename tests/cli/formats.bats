load ../helper

samples=$root/tests/golden/formats

@test "csv-spectrum: at-ingest -f csv --event row gives the rows of its json" {
	need_shared eval/conformance/csv/csvs
	for f in "$shared"/eval/conformance/csv/csvs/*.csv; do
		at-ingest -q -n -f csv --event row "$f" >rows || { echo "$f"; false; }
		diff <(jq -cS '.[]' "$shared/eval/conformance/csv/json/$(basename "$f" .csv).json") <(jq -cS .properties rows)
	done
}

@test "the real access log passes whole, and is known without -f" {
	need_shared real/apache_access.log
	run -0 --separate-stderr at-ingest -n -v "$shared/real/apache_access.log"
	[ "${#lines[@]}" -eq 10000 ]
	[[ $stderr == *'reading as combined'* && $stderr == *' 0 rejected'* ]]
	[ "$(printf '%s\n' "$output" | jq -r .properties.status | sort | uniq -c | sort -rn | awk '{print $2"="$1}' | paste -sd' ')" = \
	    "$(awk -F'"' '{split($3,a," "); print a[1]}' "$shared/real/apache_access.log" | sort | uniq -c | sort -rn | awk '{print $2"="$1}' | paste -sd' ')" ]
}

@test "a short access log of combined, common and damaged lines is known, and each good line is read" {
	common='h - - [10/Oct/2000:13:55:36 +0000] "GET /a HTTP/1.1" 200 1'
	combined='h - - [10/Oct/2000:13:55:37 +0000] "GET /b HTTP/1.1" 200 2 "-" "curl/8"'
	printf '%s\n' 'h - - [10/Oct' "$common" '????' "$combined" 'broken "line' > log
	run -0 --separate-stderr at-ingest -n log
	[ "$(jq -rc '[.properties.path, .properties.user_agent]' <<< "$output")" = $'["/a",null]\n["/b","curl/8"]' ]
	[ "$(grep -c '^at-ingest: log:[135]:' <<< "$stderr")" = 3 ]
	[ "$(at-ingest -n -f combined <<< "$common")" = "$(at-ingest -n -f common <<< "$common")" ]
	at-ingest -nv <<< "$common" 2>&1 | grep -q 'reading as common'
	at-ingest -nv <<< "$combined" 2>&1 | grep -q 'reading as combined'
}

@test "values one behind the other on a line are known as json" {
	for rows in '{"event":"a"}{"event":"b"}' '{"event":"a"} {"event":"b"}' $'{"event":"a"}{"event":"b"}\n{"event":"c"}\n{"event":"d"}{"event":"e"}'; do
		run -0 --separate-stderr at-ingest -n <<< "$rows"
		[[ $(jq -r .event <<< "$output" | tr -d '\n') = ab* && -z $stderr ]]
	done
}

@test "every sample is known by its content on a pipe, packed or not, and its good records become events" {
	for f in "$samples"/*; do
		[[ $f != *.out ]] || continue
		name=$(basename "$f") format=${name%%[-.]*}
		good=$(grep -c '^[0-9]* {' "$f.out")
		at-ingest -n -v --event row <"$f" >rows 2>err || true
		grep -q "reading as $format\$" err || { echo "$name"; cat err; false; }
		[ "$(wc -l <rows)" -eq "$good" ] || { echo "$name: $(wc -l <rows) of $good"; cat err; false; }
		gzip -c "$f" | at-ingest -q -n -f "$format" --event row | cmp - <(at-ingest -q -n -f "$format" --event row "$f") ||
		    grep -vq timestamp "$f"
	done
}

@test "fields keep their values through ingest" {
	at-ingest -q -n -f combined <<<'192.0.2.7 - ann [10/Oct/2000:13:55:36 -0700] "GET /a HTTP/1.0" 404 - "-" "say \"hi\""' >rows
	[ "$(cat rows)" = '{"event":"request","timestamp":"2000-10-10T20:55:36.000Z","properties":{"ip":"192.0.2.7","user":"ann","method":"GET","path":"/a","protocol":"HTTP/1.0","status":404,"user_agent":"say \"hi\""}}' ]
	at-ingest -q -n -f influx <<<'cpu,host=a usage=12i 1465839830100400200' >rows
	[ "$(cat rows)" = '{"event":"cpu","timestamp":"2016-06-13T17:43:50.100Z","properties":{"host":"a","usage":12}}' ]
	at-ingest -q -n -f csv <<<$'event,timestamp,user_id,revenue\nbuy,2026-11-23T10:00:00Z,007,12.50' >rows
	[ "$(cat rows)" = '{"event":"buy","timestamp":"2026-11-23T10:00:00.000Z","user_id":"007","properties":{"revenue":"12.50"}}' ]
}

@test "rows that are wrong are told with file, line and reason, and the rest goes on" {
	printf 'a,b\n1,2\n1,2,3\n"x"y,2\n3,4\n' >t.csv
	run -3 --separate-stderr at-ingest -n --strict --event row t.csv
	[ "${#lines[@]}" -eq 2 ]
	[[ $stderr == *'t.csv:3'*'3 fields, but the header names 2'* && $stderr == *'t.csv:4'*'text behind a closing quote'* ]]
	run -0 --separate-stderr at-ingest -n -f logfmt <<<'no pairs here'
	[[ $stderr == *'stdin:1'*'no key=value in the line'* ]]
}

@test "fault 26: text that is no UTF-8 or holds a byte 0 is refused, or mended with --lossy" {
	printf 'a=x\377\n' >bad.log
	run -0 --separate-stderr at-ingest -n -f logfmt bad.log
	[ -z "$output" ] && [[ $stderr == *'bad.log:1:4: byte 0xff is no UTF-8'* ]]
	run -0 at-ingest -n -f logfmt --lossy bad.log
	[ "$(printf '%s' "$output" | jq -r .properties.a)" = 'x�' ]
	{ printf a=; head -c 500000 /dev/zero; echo; } > zeros.log      # each once, not all that is behind it for each
	[ "$(within 60 at-ingest -n -f logfmt --lossy zeros.log | wc -c)" -gt 1500000 ]
	printf 'a,b\n1\0,2\n' >zero.csv
	run -0 --separate-stderr at-ingest -n -f csv --event row zero.csv
	[[ $stderr == *'zero.csv:2:2: a byte 0'* ]]
}

@test "a live pipe of any format goes through at once, known by its first line" {
	for sample in 'cpu,host=a v=1' 'hits:1|c' 'level=info msg=hi' 'up{job="a"} 1' '<34>Oct 11 22:14:15 host su: hi' \
	    '127.0.0.1 - - [10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.0" 200 1'; do
		mkfifo in
		at-ingest -n <in >out & pid=$!
		exec 7>in
		echo "$sample" >&7
		soon test -s out || { echo "$sample"; false; }
		exec 7>&-
		wait $pid
		rm -f in out
	done
}

@test "what at-query writes at-ingest reads, in each form, told from its content; properties may be text" {
	printf '%s\n' '{"event":"a","timestamp":"2026-11-23T10:00:00.000Z","id":"i","user_id":"u","properties":{"x":"a, \"b\"","n":9007199254740993,"o":{"y":[1,null]}}}' \
	    '{"event":"b","timestamp":"2026-11-23T10:00:01.000Z","properties":{}}' > rows
	at-ingest rows
	for format in csv tsv json ndjson; do
		at-query events -f $format | at-ingest -n | diff rows -
		at-query -f $format 'SELECT event, timestamp, id, user_id, properties FROM events ORDER BY timestamp' | at-ingest -n | diff rows -
	done
	run -0 at-ingest -n <<< '{"event":"a","timestamp":0,"properties":" {\"a\": 1} ","b":2}'
	[ "$output" = '{"event":"a","timestamp":"1970-01-01T00:00:00.000Z","properties":{"a":1,"b":2}}' ]
	for text in '[1]' '{bad' 5 '{\"a\":1}}'; do
		run -0 at-ingest -n <<< '{"event":"a","properties":"'"$text"'"}'
		[[ $output == *'properties: wants an object'*' 1 rejected'* ]]
	done
}

@test "tsv has tabs, newlines, returns and backslashes as at-query writes them; other backslashes and quotes are text" {
	printf '%s\n' '{"event":"a","timestamp":0,"properties":{"a\tb":"x\ty\nz\r\\w\\t","c:\\d":"\"q\" \\","e":"\"\t\\n","f":"\\x \"in\""}}' | at-ingest
	at-query -f tsv "SELECT event, timestamp, \"a	b\", \"c:\\d\", e, f FROM events" > out
	[ "$(wc -l < out)" = 2 ]
	at-query -f ndjson 'SELECT properties FROM events' | jq -cS '.properties | fromjson' > want
	at-ingest -n -f tsv out | jq -cS .properties | diff want -
	for how in '' '--lossy'; do
		run -0 at-ingest -n $how -f tsv <<< $'event\ta\tb\nx\tC:\\dir\\temp\t"C:\\\\temp"'
		[ "$(jq -c .properties <<< "$output")" = '{"a":"C:\\dir\temp","b":"C:\\temp"}' ]
	done
	run -0 at-ingest -n -f csv <<< $'event,a\nx,\\t'
	[ "$(jq -c .properties.a <<< "$output")" = '"\\t"' ]
}

@test "no byte of the input that a terminal would obey, or that is no text, comes to the terminal in a message" {
	local nasty=$'\x1b[2J\xc2\x9b31m\xff\x7f\x01' command
	clean() {       # COMMAND… with that on stdin and in its words: stderr is UTF-8 without control characters
		"$@" < rows > out 2> err || [ $? -lt 126 ]      # it ran, and no signal ended it
		[ -s err ]
		iconv -f UTF-8 -t UTF-16 err > utf16 || { echo "not UTF-8: $*"; return 1; }
		not grep -qP '[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]|\xff' err
		[ "$(LC_ALL=C tr -d '\n' < err | LC_ALL=C grep -cP '[\x00-\x1f\x7f]|\xc2[\x80-\x9f]')" = 0 ]
	}
	printf '%s\n' "{\"event\":\"$nasty" "{\"metric\":\"$nasty\",\"timestamp\":\"$nasty\"}" "$nasty" "event,$nasty" > rows
	for command in at-ingest at-agg at-detect at-query at-insight at-dash at-admin at-serve; do
		clean $command "--$nasty"
		clean $command "$nasty"
		clean $command -c "$nasty"
		clean $command --now "$nasty"
		clean $command --tz "$nasty"
		clean $command --color "$nasty"
	done
	for format in ndjson json csv tsv combined logfmt syslog statsd influx prometheus otlp cloudevents segment singer; do
		clean at-ingest -v -n -f $format
	done
	clean at-ingest -f "$nasty"
	clean at-ingest -n -m "$nasty"
	clean at-ingest -n -m '{event:.nothing|error}'
	clean at-agg -w "$nasty"
	clean at-agg -a "$nasty"
	clean at-agg -W "$nasty"
	clean at-agg
	clean at-agg -b "$nasty" -a "sum($nasty)" "$nasty"
	clean at-detect -p "$nasty"
	clean at-detect -r "$nasty"
	clean at-detect
	clean at-query "SELECT '$nasty"
	clean at-query "SELECT $nasty FROM events"
	clean at-query "SELECT x'zz$nasty' FROM \"$nasty\""
	clean at-query metric "$nasty"
	clean at-query funnel "$nasty" --within "$nasty"
	clean at-query -P "$nasty"
	clean at-query -f "$nasty" 'SELECT 1'
	clean at-query -i - 'SELECT * FROM input'
	clean at-query
	clean at-insight explain "$nasty"
	clean at-insight forecast -
	clean at-insight report --dashboard "$nasty"
	clean at-dash --once "$nasty"
	clean at-dash --once --url "$nasty"
	clean at-admin tenant add "$nasty"
	clean at-admin user add "$nasty"
	clean at-admin key create "$nasty" --role "$nasty"
	clean at-admin role add "$nasty" "$nasty"
	clean at-admin erase --user "$nasty"
	clean at-admin restore "$nasty"
	clean at-serve -l "$nasty"
	mkdir config
	for file in analytics data-sources dashboards; do
		printf '{"%s":1}' "$nasty" > config/$file.json
		clean at-query 'SELECT 1'
		clean at-ingest --from "$nasty"
		clean at-dash --once
		printf '{}' > config/$file.json
	done
}

@test "a table cut by | is told from its content; lines that end with a carriage return alone are told" {
	[ "$(printf 'event|a b\nx|1\n' | at-ingest -n | jq -c '[.event, .properties]')" = '["x",{"a b":"1"}]' ]
	[ "$(printf 'gorets:1|c\n' | at-ingest -n | jq -r .properties.type)" = counter ]
	run -1 at-ingest -n -f csv <<< $'event,a\rx,1\ry,2\r'
	[[ $output == *'a carriage return alone'* ]]
}

@test "unknown formats are told with the nearest" {
	run -2 at-ingest -n -f cvs </dev/null
	[[ $output == *"unknown format 'cvs', did you mean csv?"* ]]
	run -2 at-ingest -n -f gelf </dev/null
	[[ $output == *"unknown format 'gelf', try auto, ndjson"* ]]
}

@test "an envelope of events is known wherever its key stands, and an event with such a property is none" {
	run -0 at-ingest -n <<< '{"sent":1,"meta":{"events":"x","event":2},"events" : [ {"event":"a","ts":1},{"event":"b","ts":2}]}'
	[ "$(jq -r .event <<< "$output")" = $'a\nb' ]
	run -0 at-ingest -n <<< '{"events":[{"event":"a","ts":1}]}'
	[ "$(jq -r .event <<< "$output")" = a ]
	run -0 at-ingest -n <<< '{"event":"x","ts":1,"events":[{"event":"a"}]}'
	[ "$(jq -r .event <<< "$output")" = x ]
	run -0 at-ingest -n <<< '{"name":"x","ts":1,"events":[{"event":"a"}]}'
	[ "$(jq -r .event <<< "$output")" = x ]
	run -0 at-ingest -n <<< '{"name":"x","ts":1,"o":{"events":[{"event":"a"}]},"t":"\"events\":[{"}'
	[ "$(jq -r .event <<< "$output")" = x ]
}

@test "an event with a type, a userId and a page, or made by a batch, is no call of Segment" {
	for row in '{"type":"click","userId":"u","ts":0,"page":"/"}' '{"type":"click","messageId":"m","ts":0,"properties":{"track":"track"}}' \
	    '{"event":"made","ts":0,"batch":"page"}' '{"event":"made","ts":0,"batch":["page"]}' '{"batch":["a"],"event":"e","ts":0}' '{"event":"e","ts":0,"batch":[{"n":1}]}'; do
		run -0 --separate-stderr at-ingest -nv <<< "$row"
		[[ $stderr == *'reading as ndjson'*' 0 rejected'* ]] || { echo "$row: $stderr"; false; }
	done
	for row in '{"type":"page","userId":"u"}' '{"userId":"u","type":"track","event":"e"}' '{"batch":[{"type":"track","event":"e","userId":"u"}]}' \
	    '{"sentAt":"2026-01-01T00:00:00Z","batch":[{"type":"identify","userId":"u"}]}'; do
		run -0 --separate-stderr at-ingest -nv <<< "$row"
		[[ $stderr == *'reading as segment'*' 0 rejected'* ]] || { echo "$row: $stderr"; false; }
	done
}

@test "singer: records are events of their stream, the other messages none; told from its content, by name, and when the schema is long" {
	{
		printf '{"type":"SCHEMA","stream":"orders","schema":{"properties":{%s"id":{}}},"key_properties":["id"]}\n' "$(seq -f '"c%.0f":{"type":"null"},' 5000 | tr -d '\n')"
		echo '{"type":"RECORD","stream":"orders","record":{"id":7,"time":"noon","user_id":5},"time_extracted":"2026-11-23T10:00:00Z"}'
		echo '{"type":"RECORD","stream":"orders","record":{"id":8,"ts":"2026-11-22T10:00:00Z"},"time_extracted":"2026-11-23T10:00:00Z"}'
		echo '{"type":"ACTIVATE_VERSION","stream":"orders","version":1}'
		echo '{"type":"STATE","value":{"bookmark":8}}'
		echo '{"type":"RECORD","record":{}}'
	} > tap
	cat > want <<-'E'
	{"event":"orders","timestamp":"2026-11-23T10:00:00.000Z","user_id":"5","properties":{"id":7,"time":"noon","user_id":5}}
	{"event":"orders","timestamp":"2026-11-22T10:00:00.000Z","properties":{"id":8,"ts":"2026-11-22T10:00:00Z"}}
	E
	at-ingest -n < tap 2> said | diff want -
	grep -q "stdin:6: a RECORD without a stream's name" said
	at-ingest -n -f singer tap 2> said | diff want -
	tail -n +2 tap | at-ingest -nq 2> said | diff want -
}
