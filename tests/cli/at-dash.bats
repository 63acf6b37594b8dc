#!/usr/bin/env bats
# at-dash: rows as a picture, as text and in a terminal.

load ../helper

teardown() { [ -z "$screen" ] || tmux -L "$screen" kill-server 2> /dev/null || true; end_jobs; }

rows() { awk -v n="$1" 'BEGIN { for (i = 0; i < n; i++) for (s = 0; s < 3; s++) printf "{\"metric\":\"hits\",\"timestamp\":%d,\"window\":\"1m\",\"labels\":{\"status\":\"%d\"},\"count\":%d}\n", 1795000020 + 60 * i, 200 + 100 * s, (3 - s) * (10 + i % 7) }'; }

@test "a definition that is no JSON is told with its place, and not read as rows; what is no range is wrong usage" {
	printf '{\n  "id": "d",\n  "widgets": [],,\n}\n' > broken.json
	printf '{"id":"d","widgets":[{"id":"w"' > cut.json
	run -1 --separate-stderr at-dash --once broken.json
	[[ $stderr == 'at-dash: broken.json:3:17: '* && -z $output ]]
	run -1 --separate-stderr at-dash --once cut.json
	[[ $stderr == 'at-dash: cut.json:1:'* && -z $output ]]
	run -0 --separate-stderr at-dash --once - <<< '{"metric":"m'
	[[ $stderr == 'at-dash: stdin:1:'* ]]
	echo '{"event":"a"}' | at-ingest -q
	run -1 --separate-stderr at-insight report --dashboard broken.json
	[[ $stderr == *'broken.json:3:17: '* ]]
	run -2 --separate-stderr at-dash --once --range soon
	[[ $stderr == "at-dash: --range: 'soon' is no time"* && -z $output ]]
	run -2 --separate-stderr at-insight report --range soon
	[[ $stderr == "at-insight: --range: 'soon' is no time"* && -z $output ]]
	run -2 --separate-stderr at-insight summary --range soon
	[[ $stderr == "at-insight: --range: 'soon' is no span"* ]]
}

@test "a metric: its sum as a curve, its series below it by size, with their newest values" {
	rows 60 | at-dash --once --width 80 > out
	[ "$(head -c 5 out)" = 'hits ' ]
	[[ $(head -1 out) == *' 78' ]]
	LC_ALL=C grep -q "$(printf '\342[\240-\243]')" out
	[ "$(grep -o 'status=[0-9]*' out | paste -sd ' ')" = 'status=200 status=300 status=400' ]
	[[ $(grep status=300 out) == *' 26' ]]
	[ "$(wc -L < out)" -le 80 ]
}

@test "no line is wider than was asked for, from 20 columns on; --ascii is ASCII" {
	for w in 20 39 40 61 200; do
		rows 50 | at-dash --once --ascii --width $w > out
		not env LC_ALL=C grep -q '[^ -~]' out
		[ "$(awk '{ print length }' out | sort -n | tail -1)" -le "$w" ]
	done
}

@test "rows in sentences for screen readers, of a filter, and of a range" {
	rows 30 > in
	at-dash --plain --once in > out
	[ "$(head -2 out)" = "$(printf 'hits: 66, at 11-18 11:36:00; from 60 to 96 since 11-18 11:07:00.\n  status=200: 33, at 11-18 11:36:00; from 30 to 48 since 11-18 11:07:00.')" ]
	[ "$(LC_ALL=C tr -d '\0-\177' < out | wc -c)" = 0 ]
	at-dash --filter STATUS=300 --once in > out
	[[ $(head -1 out) == 'hits '*' 22' ]]
	[ "$(at-dash --filter nothing --once in)" = 'no rows with this filter and range' ]
	at-dash --plain --once --range 5m in > out              # back from the newest row, whatever the clock says
	[[ $(head -1 out) == 'hits: 66, at 11-18 11:36:00; from 60 to 96 since 11-18 11:31:00.' ]]
	at-dash --plain --once --range 2026-11-18T11:10:00Z/2026-11-18T11:12:00Z in > out
	[[ $(head -1 out) == 'hits: '*'at 11-18 11:11:00; '*' since 11-18 11:10:00.' ]]
	at-dash --plain --once --range 2026-11-18T11:35:00Z in > out
	[[ $(head -1 out) == 'hits: '*'at 11-18 11:36:00; '*' since 11-18 11:35:00.' ]]
	at-dash --plain --once --tz Asia/Kolkata in > out
	[[ $(head -1 out) == 'hits: 66, at 11-18 17:06:00; '* ]]
	run -2 --separate-stderr at-dash --range soon --once in
	[[ $stderr == *"'soon' is no time"* ]]
	! command -v script > /dev/null || {
		(cat in; sleep 1; sed 's/hits/misses/' in) > in2
		timeout 120 script -qec "sh -c 'cat in2 | at-dash --plain'" /dev/null < /dev/null > said
		grep -q 'misses: 66' said
		run -1 grep -q "$(printf '\033')" said
	}
}

@test "what a detector calls an alarm is marked and told; events are counted and told; alerts stand on top" {
	{
		rows 30
		echo '{"metric":"hits","timestamp":1795001820,"labels":{"status":"200"},"count":900,"anomaly":{"field":"count","score":0.9,"alarm":true,"expected":40,"lower":30,"upper":50,"direction":"high"}}'
		echo '{"event":"signup","timestamp":1795001821,"user_id":"ann","properties":{"page":"/x"}}'
		echo '{"alert":"errors","state":"firing","timestamp":"2026-11-23T10:00:00Z","severity":"page","message":"too many"}'
	} | at-dash --once --width 80 > out
	[[ $(sed -n 1,4p out) == *'alerts'*'errors  firing  page  too many'*'anomalies'*'hits count 900 instead of 40  status=200'* ]]
	grep -q '^ *!$\|^ .*!' out
	grep -q 'signup  ann  page=/x' out
}

@test "fault 27: control characters of the data do not reach the terminal" {
	printf '{"event":"\\u001b[31mred","timestamp":1795000000,"user_id":"\\u009b2J","properties":{"a\\u0007":"b\\nc"}}\n{"metric":"m\\u001b","timestamp":1,"labels":{"l":"\\u001b]0;x"},"count":1}\n' | at-dash --once > out
	not env LC_ALL=C grep -q "$(printf '[\001-\011\013-\037]')" out
	not grep -q "$(printf '\302\233')" out
	grep -q '\\x1b\[31mred' out
}

@test "a window that comes again replaces what it was; rows that are none are rejected" {
	printf '%s\n' '{"metric":"m","timestamp":60,"count":5,"partial":true}' '{"metric":"m","timestamp":60,"count":7}' '{"metric":"m","timestamp":120,"count":8}' nonsense '{"x":"y"}' '[1]' > rows
	run -0 --separate-stderr at-dash --once rows
	[[ ${lines[0]} == *' 8' && ${lines[1]} == *' 8 '* && $stderr == *'rows:4:'*'rows:5:'*'rows:6:'* && $output != *value* ]]
	run -3 at-dash --once --strict rows
	run -1 --separate-stderr env AT_STORE=/nowhere at-dash --once none.json
	[[ $stderr == "at-dash: 'none.json' is no file, and for a dashboard of that name: /nowhere: no store there"* ]]
	run -0 at-dash --once /dev/null
	[ "$output" = 'no rows yet' ]
}

@test "rows become files of each kind that dashboards become, with each value as it came" {
	{
		rows 30
		echo '{"metric":"hits","timestamp":1795001820,"labels":{"status":"200"},"count":900,"anomaly":{"field":"count","score":0.9,"alarm":true,"expected":40,"lower":30,"upper":50,"direction":"high"}}'
		echo '{"event":"signup","timestamp":1795001821,"user_id":"ann","properties":{"page":"/<x>"}}'
		echo '{"metric":"<b>","timestamp":1795001821,"labels":{"a":"&"},"tiny":-1.5e-300}'
		echo '{"alert":"errors","state":"firing","timestamp":"2026-11-18T11:37:00Z","severity":"page","message":"too many"}'
	} > in
	for f in txt svg term.svg html json csv; do at-dash -o out.$f in; at-dash -o again.$f < in; cmp out.$f again.$f; done
	[ "$(jq -c '[.widgets[] | [.id, .type]]' out.json)" = '[["Alerts","alert_list"],["Anomalies","table"],["hits count","line_chart"],["events a second count","line_chart"],["<b> tiny","line_chart"],["Events","event_feed"]]' ]
	[ "$(jq -c '.widgets[] | select(.id == "hits count") | [.rows[] | .[2]]' out.json)" = "$(jq -sc '[.[] | select(.metric == "hits")] | group_by(.labels.status) | sort_by(-([.[].count] | add)) | map(.[].count)' in)" ]
	[ "$(jq -c '.widgets[4].rows' out.json)" = '[["a=&","2026-11-18T11:37:01.000Z",-1.5e-300]]' ]
	[ "$(jq -c '.widgets[0].rows' out.json)" = '[["2026-11-18T11:37:00.000Z","errors  firing  page  too many"]]' ]
	[ "$(grep -c '^hits count,.*,count,' out.csv)" = 91 ]
	python3 -c "import xml.dom.minidom as m; m.parse('out.svg'); m.parse('out.term.svg')"
	grep -q 'status=200' out.svg && grep -q '>900<' out.html && not grep -q '<b>\|<x>' out.html
	at-dash -o part.json --filter status=300 --range 10m in
	[ "$(jq -c '[.widgets[] | [.id, (.rows | length)]]' part.json)" = '[["hits count",9]]' ]
	seq 300 | sed 's/.*/{"metric":"m&","timestamp":60,"value":1}/' > lots
	at-dash -o lots.json lots
	[ "$(jq -c '[(.widgets | length), .widgets[-1].title]' lots.json)" = '[199,"102 more metrics and fields are not shown here"]' ]
	at-dash -o none.html /dev/null
	grep -q 'This dashboard\|<main>' none.html
	run -2 --separate-stderr at-dash -o out.doc in
	[[ $stderr == *'try .txt, .svg, .html, .json or .csv'* && ! -e out.doc ]]
}

@test "a filter and a range find what lies far behind the newest rows" {
	{
		echo '{"event":"signup","timestamp":1795000000,"user_id":"ann","properties":{}}'
		awk 'BEGIN { for (i = 1; i < 1500; i++) printf "{\"event\":\"view\",\"timestamp\":%d,\"properties\":{}}\n{\"metric\":\"m\",\"timestamp\":%d,\"value\":%d}\n", 1795000000 + i, 1795000000 + i, i }'
	} > in
	at-dash --once --filter signup in | grep -q 'signup  ann'
	at-dash --once in > out
	grep -q view out && not grep -q 'signup  ann' out
	at-dash --plain --once --range 2026-11-18T11:06:40Z/2026-11-18T11:06:45Z in > out       # m has 1000 newer values
	grep -q 'signup  ann' out && grep -q '^m: 4, at 11-18 11:06:44; from 1 to 4 since 11-18 11:06:41' out || { cat out; return 1; }
	awk 'BEGIN { for (i = 0; i < 12000; i++) printf "{\"metric\":\"m%d\",\"timestamp\":%d,\"value\":1}\n", i, 60 + i }' > lots
	[ "$(at-dash --plain --once --filter nothing lots)" = 'no rows with this filter and range' ]
	at-dash --plain --once --filter m11999 lots > out
	[ "$(cat out)" = 'm11999: 1, at 01-01 03:20:59.' ]
}

@test "in a terminal rows have the keys of dashboards: filter, range, file, help" {
	command -v tmux > /dev/null || skip "tmux is not here"
	screen=at-dash-$$-keys
	rows 60 > in
	echo '{"event":"signup","timestamp":1795000100,"user_id":"ann","properties":{}}' >> in
	tmux -L "$screen" -f /dev/null new-session -d -x 110 -y 30 "at-dash in; sleep 30"
	seen() { for _ in $(seq 300); do tmux -L "$screen" capture-pane -p > now; grep -q -- "$1" now && return; sleep 0.1; done; cat now; return 1; }
	gone() { for _ in $(seq 300); do tmux -L "$screen" capture-pane -p > now; grep -q -- "$1" now || return 0; sleep 0.1; done; cat now; return 1; }
	keys() { tmux -L "$screen" send-keys "$@"; }
	seen '^hits .* 78$'
	keys '?'
	seen ' Keys .*'
	seen 'page up, page down'
	keys Escape
	seen '^hits'
	keys / STATUS=300 Enter
	seen 'filter STATUS=300'
	gone 'status=200'
	seen '^hits .* 26$'
	keys / C-u Enter
	seen 'status=200'
	keys t Tab
	seen '^ range: 15m'
	keys C-u 5m Enter
	seen ' range 5m'
	seen '11-18 12:01:00 .*11-18 12:06:00'
	keys t BSpace BSpace soon Enter
	seen "'soon' is no time"
	keys e
	seen '^ write to: rows.html'
	keys BSpace BSpace BSpace BSpace json Enter
	seen 'written to rows.json'
	[ "$(jq '.widgets[0].rows | length' rows.json)" = 18 ]
	keys t BSpace BSpace C-u Enter
	seen 'signup  ann'
	keys Tab Tab Enter                              # hits, then the events of each second, alone
	gone '^hits'
	seen '^events a second'
	gone 'signup  ann'
	keys l                                          # the next one: what they were
	seen 'signup  ann'
	gone '^events a second'
	keys h h
	seen '^hits'
	gone 'signup  ann'
	keys Escape
	seen 'signup  ann'
	line=$(grep -n '^events a second' now | cut -d: -f1)
	press=$(printf %02x $((line + 32)))             # a click in column 1 of its line
	keys -H 1b 5b 4d 20 21 "$press" 1b 5b 4d 23 21 "$press"
	keys Enter
	gone '^hits'
	seen '^events a second'
	keys Escape
	seen '^hits .* 78$'
	keys '['                                        # earlier, what is left comes later
	seen ', at an earlier time'
	gone '^hits .* 78$'
	seen 'signup  ann'
	keys ']'
	gone 'at an earlier time'
	seen '^hits .* 78$'
	keys t 5m Enter
	seen ' range 5m'
	keys '['
	seen ', at an earlier time'
	gone '11-18 12:06:00'
	keys ']'
	seen '11-18 12:01:00 .*11-18 12:06:00'
	keys ' ' / signup Enter                         # what is held is another picture too, when one is asked for
	seen 'no rows with this filter and range'
	keys t BSpace BSpace Enter
	seen 'signup  ann'
	grep -q paused now
}

@test "in a terminal: drawn as rows come, paused, scrolled, resized; q gives the terminal back" {
	command -v tmux > /dev/null || skip "tmux is not here"
	screen=at-dash-$$
	rows 40 > all
	mkfifo feed
	tmux -L "$screen" -f /dev/null new-session -d -x 90 -y 20 "at-dash < feed; echo \"ended with \$?\"; stty -a | grep -o ' echo '; sleep 30"
	exec 8> feed
	seen() { for _ in $(seq 300); do tmux -L "$screen" capture-pane -p > now; grep -q "$1" now && return; sleep 0.1; done; cat now; return 1; }
	seen 'no rows yet'
	head -60 all >&8
	seen 'status=400'
	seen ' 60 rows '
	tmux -L "$screen" send-keys ' '
	seen 'paused'
	tail -60 all >&8
	seen ' 120 rows, paused'
	tmux -L "$screen" send-keys ' ' j
	seen ' 120 rows  '
	scrolled() { tmux -L "$screen" capture-pane -p > now && [[ $(head -1 now) != hits* ]]; }
	soon scrolled
	tmux -L "$screen" send-keys g
	seen '^hits'
	tmux -L "$screen" resize-window -x 50 -y 12
	seen 'status=200 .* [0-9][0-9]$'
	tmux -L "$screen" send-keys G NPage j j j       # no further than to the last line
	seen 'status=[0-9]'
	tmux -L "$screen" send-keys g
	seen '^hits'
	echo 'no row' >&8
	seen ', 1 rejected'                             # and the picture stays as it is
	[[ $(head -1 now) == hits* && $(cat now) != *'not valid JSON'* ]]
	tmux -L "$screen" resize-window -x 110 -y 12
	exec 8>&-
	seen 'at its end'
	tmux -L "$screen" send-keys q
	seen 'ended with 0'
	seen 'at-dash: stdin:121:1: not valid JSON'     # it is said once the terminal is given back
	seen ' echo'
}

@test "more series than are kept are counted, whatever their metrics are called; and the ends of all doubles are drawn" {
	seq 10005 | sed 's/.*/{"metric":"m&","timestamp":"2026-11-23T10:00:00Z","value":1}/' > many
	at-dash --once many > out
	[ "$(tail -n 1 out)" = '5 values of further series are not shown' ]
	for h in a b; do for t in '00:00Z","value":1.7e308' '01:00Z","value":-1.7e308'; do echo "{\"metric\":\"x\",\"labels\":{\"h\":\"$h\"},\"timestamp\":\"2026-11-23T10:$t}"; done; done > ends
	at-dash --once --ascii ends > out
	grep -q ' 2e+308 |' out
	grep -q 'h=a .*#_  -2e+308' out
}
