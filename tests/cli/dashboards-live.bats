#!/usr/bin/env bats
# at-dash in a terminal, under tmux: drawn at once, kept true, led by keys and the mouse, given back as it was.

load ../helper
load serve

none() { ! "$@"; }                    # a bare ! does not fail a test
setup() {
	command -v tmux > /dev/null || skip "tmux is not here"
	export AT_NOW=2026-11-23T23:59:59Z
	screen=at-dash-$$-$BATS_TEST_NUMBER begun=0
	awk -f "$root/examples/demo/shop.awk" -v days=1 | at-ingest -q
	cat > shop.json <<'END'
{"id":"shop","title":"The shop","widgets":[
 {"id":"buys","type":"metric_card","title":"Purchases","metric":"purchase","position":{"x":0,"y":0,"w":4,"h":2}},
 {"id":"new","type":"metric_card","title":"New ones","metric":"brand_new","position":{"x":4,"y":0,"w":4,"h":2}},
 {"id":"sources","type":"bar_chart","title":"Sources","metric":"page_view","groupBy":"source","position":{"x":0,"y":2,"w":6,"h":4}},
 {"id":"views","type":"line_chart","title":"Views","metric":"page_view","position":{"x":6,"y":2,"w":6,"h":4}},
 {"id":"pages","type":"table","title":"Pages","query":"SELECT page, COUNT(*) AS n FROM events WHERE page IS NOT NULL AND timestamp >= :from AND timestamp < :to GROUP BY 1 ORDER BY 1","position":{"x":0,"y":6,"w":12,"h":3}}]}
END
	echo '{"event":"brand_new","timestamp":"2026-11-23T01:00:00Z"}' | at-ingest -q
}
teardown() { [ -z "${screen:-}" ] || tmux -L "$screen" kill-server 2> /dev/null || true; serve_end; }

in_tmux() { tmux -L "$screen" "$@"; }
# begin WIDTH HEIGHT COMMAND…: what is left behind says how it ended and whether the terminal echoes
begin() {
	local w=$1 h=$2
	shift 2
	screen=at-dash-$$-$BATS_TEST_NUMBER-$((begun++))        # a server that ends is not met again
	in_tmux -f /dev/null new-session -d -x "$w" -y "$h" "echo before; sh -c 'echo \$\$ > pid; exec $*'; echo \"ended with \$?\"; stty -a | grep -o ' echo '; stty -a | grep -o ' icanon '; sleep 60"
}
[ -z "$SANITIZED" ] && tries=500 || tries=1000   # of 0.05 s
seen() { for _ in $(seq $tries); do in_tmux capture-pane -p > now; grep -q -- "$1" now && return; sleep 0.05; done; cat now; return 1; }
gone() { for _ in $(seq $tries); do in_tmux capture-pane -p > now; grep -q -- "$1" now || return 0; sleep 0.05; done; cat now; return 1; }
keys() { in_tmux send-keys "$@"; }
rests() {       # next to no processor time in 3 s
	local stat before after
	stat=/proc/$(cat pid)/stat
	before=$(awk '{ print $14 + $15 }' "$stat")
	sleep 3
	after=$(awk '{ print $14 + $15 }' "$stat")
	echo "$((after - before)) ticks in 3 s"
	[ -n "$SANITIZED" ] || [ $((after - before)) -le 9 ]
}
given_back() { seen '^ echo' && seen '^ icanon' && seen '^before'; }

@test "at 80x24, 120x40 and 200x60: title, widgets, numbers and the keys are there, and fit" {
	n=$(at-query -f csv "SELECT COUNT(*) FROM events WHERE event = 'purchase'" | tail -1)
	for size in 80x24 120x40 200x60; do
		begin "${size%x*}" "${size#*x}" at-dash shop.json
		seen 'The shop .*2026-11-23 23:59:59'
		seen "│ $(sed ':a;s/\B[0-9]\{3\}\>/,&/;ta' <<< "$n") "
		seen '█.* [0-9],[0-9]'
		LC_ALL=C grep -q "$(printf '\342[\240-\243]')" now
		grep -q '^ live .* q quit' now
		[ "$(wc -l < now)" -le "${size#*x}" ]
		keys q
		seen 'ended with 0'
		given_back
		in_tmux kill-server
	done
}

@test "what is committed is seen at once; while it is paused it is not" {
	begin 100 30 at-dash shop.json
	seen 'New ones'
	seen '│ 1  '
	echo '{"event":"brand_new","timestamp":"2026-11-23T02:00:00Z"}' | at-ingest -q
	seen '│ 2  '
	keys ' '
	seen '^ paused'
	echo '{"event":"brand_new","timestamp":"2026-11-23T03:00:00Z"}' | at-ingest -q
	sleep 0.4
	seen '│ 2  '
	keys ' '
	seen '│ 3  '
}

@test "a commit that is there long after its last write to the file is seen too" {
	plain_only
	cat > slow.c <<'END'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <time.h>
#include <unistd.h>
ssize_t pwrite(int fd, const void *from, size_t n, off_t at)   /* LMDB's of less than a page is what makes a commit valid */
{
	ssize_t (*real)(int, const void *, size_t, off_t) = dlsym(RTLD_NEXT, "pwrite");
	ssize_t done = real(fd, from, n, at);
	if (n < 4096)
		nanosleep(&(struct timespec){ 0, 500000000 }, NULL);
	return done;
}
END
	${CC:-cc} -shared -fPIC -o slow.so slow.c -ldl
	begin 100 30 at-dash shop.json
	seen '│ 1  '
	echo '{"event":"brand_new","timestamp":"2026-11-23T02:00:00Z"}' | LD_PRELOAD=$PWD/slow.so at-ingest -q
	seen '│ 2  '
}

@test "over at-serve too what is committed is seen at once, not when it is asked by the clock; a server that comes again is heard again" {
	unset AT_NOW
	echo '{"id":"hello","widgets":[{"id":"w","type":"metric_card","title":"Hellos","metric":"hello","timeRange":"24h","position":{"x":0,"y":0,"w":4,"h":2}}]}' > hello.json
	serve_start -l "$(serve_address)"
	post /api/v1/events '{"event":"hello"}' > /dev/null
	begin 100 30 env AT_KEY="$KEY" at-dash --url "$U" hello.json
	seen '│ 1  '
	told() { curl -s "$U/metrics" | grep -qx 'at_live_subscriptions 1'; }
	soon told
	for n in {2..6}; do             # while it is told, the clock would take a minute, which is longer than is waited for
		post /api/v1/events '{"event":"hello"}' > /dev/null
		seen "│ $n  "
	done
	told
	address=${U#http://}
	serve_stop
	at-serve -l "$address" 2> again.log &
	PID=$!
	for _ in $(seq 300); do curl -s -o /dev/null "$U/healthz" && break; sleep 0.1; done
	post /api/v1/events '{"event":"hello"}' > /dev/null
	seen "│ $((n + 1))  "
	keys q
	seen 'ended with 0'
}

@test "keys lead to a widget and open it; help, filter, range, time and a file are a key away" {
	begin 100 30 at-dash shop.json
	seen 'Pages'
	keys Tab Enter
	gone 'Sources'
	seen 'Purchases'
	keys Escape
	seen 'Sources'
	keys j Enter
	gone 'Purchases'
	seen 'Sources'
	keys Escape l Enter
	seen 'Views'
	gone 'Sources'
	keys Escape '?'
	seen 'shift tab'
	keys '?'
	seen 'Sources'
	keys / GOOGLE Enter
	gone twitter
	seen 'filter GOOGLE'
	keys / BSpace BSpace BSpace BSpace BSpace BSpace Enter
	seen twitter
	keys t 2026-11-23T00:00:00Z..2026-11-23T02:00:00Z Enter
	seen '2026-11-23T00:00:00Z\.\.2026'
	n=$(at-query -f csv "SELECT COUNT(*) FROM events WHERE event = 'purchase' AND timestamp < '2026-11-23T02:00:00Z'" | tail -1)
	seen "│ $n "
	keys t BSpace Escape
	gone '^ range:'
	keys t
	seen '^ range:'
	keys soon Enter
	seen 'is no time'
	keys '['
	seen '^ at an earlier time'
	keys ']'
	seen '^ live'
	keys e
	seen 'write to: shop.html'
	keys BSpace BSpace BSpace BSpace t x t Enter
	seen 'written to shop.txt'
	grep -q '^The shop' shop.txt
}

@test "the mouse chooses and opens; a resized window is drawn anew, down to 40 columns" {
	begin 100 30 at-dash shop.json
	seen 'Sources'
	keys -H 1b 5b 4d 20 2b 2b 1b 5b 4d 23 2b 2b             # a click in column 10, line 10
	seen 'Sources'
	keys Enter
	gone Purchases
	keys Escape
	keys g
	in_tmux resize-window -x 40 -y 20
	keys g
	seen '^╭ Purchases ─* 24h ╮$'
	in_tmux resize-window -x 160 -y 50
	seen 'Sources.*Views'
	keys q
	seen 'ended with 0'
}

@test "the terminal is given back on SIGTERM, an abort and a fault" {
	for signal in TERM ABRT $([ -n "${SANITIZED:-}" ] || echo SEGV); do       # a sanitizer takes faults for itself
		begin 90 24 at-dash shop.json
		seen 'Sources'
		kill -$signal "$(cat pid)"
		seen 'ended with'
		[ $signal != TERM ] || seen 'ended with 0'
		given_back
		none grep -q Sources now
		in_tmux kill-server
	done
}

@test "a locale without UTF-8 gets ASCII; NO_COLOR no colours; --plain sentences and then what changed" {
	begin 90 24 env LC_ALL=C at-dash shop.json
	seen '+ Purchases'
	none env LC_ALL=C grep -q '[^ -~]' now
	in_tmux kill-server
	begin 90 24 env NO_COLOR=1 at-dash shop.json
	seen 'Sources'
	in_tmux capture-pane -p -e > colored
	none grep -q "$(printf '\033')\[[0-9;]*3[0-8]" colored
	in_tmux kill-server
	begin 90 50 at-dash --plain shop.json
	seen '^New ones, 24h: 1'
	seen '^  label google, value'
}

@test "heat maps: exact colours where COLORTERM says so, else those of 256, else characters" {
	infocmp tmux-direct > /dev/null 2>&1 || skip 'ncurses-term is not here'
	echo '{"id":"heat","widgets":[{"id":"h","type":"heatmap","title":"Hours","metric":"page_view","timeRange":"1d","position":{"x":0,"y":0,"w":12,"h":6}}]}' > heat.json
	exact=$(printf '\033')'\[[0-9;]*48[;:]2[;:]' of_256=$(printf '\033')'\[[0-9;]*48;5;'
	shows() { in_tmux capture-pane -p -e > colored && grep -q "$1" colored; }
	look() {                                # look FOR ENV…
		begin 100 30 env "${@:2}" at-dash heat.json
		seen 'Hours'
		seen '12 13'                    # it is answered
		soon shows "$1"
		in_tmux kill-server
	}
	look "48[;:]2[;:]68[;:]1[;:]84" TERM=tmux-256color COLORTERM=truecolor    # viridis from its beginning on
	grep -q "$exact" colored
	none grep -q "$of_256" colored
	look "$of_256" TERM=tmux-256color COLORTERM=
	none grep -q "$exact" colored
	look '[░▒▓█]' TERM=tmux-256color COLORTERM=truecolor NO_COLOR=1
	none grep -q "$exact\|$of_256" colored
	COLORTERM=24bit at-dash --once --color=always heat.json | grep -q "$exact"
	COLORTERM= at-dash --once --color=always heat.json | grep -q "$of_256"
	none grep -q "$(printf '\033')" <(at-dash --once heat.json)
}

@test "nobody writes, nobody types: next to no work; over rows the same as ever" {
	unset AT_NOW
	begin 100 30 at-dash shop.json
	seen 'Sources'
	soon rests                      # once all is drawn
	in_tmux kill-server
	serve_start
	begin 100 30 env AT_KEY="$KEY" at-dash --url "$U" shop.json
	seen 'Sources'
	soon rests
}

@test "fault 27: hostile names, values and keys do not reach the terminal raw" {
	printf '{"event":"\\u001b]0;owned\\u0007\\u001b[2J","timestamp":"2026-11-23T23:59:58Z","properties":{"page":"\\u001b[31m\\u202e"}}\n' | at-ingest -q
	in_tmux -f /dev/null new-session -d -x 120 -y 40 "at-dash overview"
	in_tmux pipe-pane 'cat > raw'
	seen 'Newest events'
	seen '\\x1b\]0;owned'
	none grep -q owned <(in_tmux display-message -p '#{pane_title}')
	none env LC_ALL=C grep -aq "$(printf '\033\]0;owned\|\342\200\256')" raw
}
