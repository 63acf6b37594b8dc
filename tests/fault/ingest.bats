#!/usr/bin/env bats
load ../helper

rounds=${FAULT_ROUNDS:-30}      # 300 for the long run
count() { at-query -f csv "$@" | tail -1 | tr -d '\r'; }
rows() { seq "$1" "$2" | sed 's/.*/{"event":"e","ts":1700000000,"id":"&","pad":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"}/'; }

@test "fault 1: kill -9 at any moment; what was acknowledged is there, once" {
	rows 1 20000 >in
	from=${EPOCHREALTIME/./}
	at-ingest -S other in
	took=$((${EPOCHREALTIME/./} - from))    # on a machine where that is longer the kills come later
	acked=0
	for i in $(seq "$rounds"); do
		rows $((acked + 1)) $((acked + 20000)) >in
		: >out                          # the kill may come before the shell has opened it
		at-ingest -t in >out & pid=$!
		sleep "$(awk "BEGIN { print $took * $((i * 7 % 30)) / 25e6 }")"
		kill -9 $pid 2>/dev/null || true
		wait $pid 2>/dev/null || true
		# A row on stdout was stored before. What was stored may be more: the next rows begin behind it.
		told=$(grep -c '}$' out || true)
		stored=$(count 'SELECT COUNT(*) FROM events' 2>/dev/null) || true
		[ -n "$stored" ] || [ $((acked + told)) -gt 0 ] || stored=0     # killed while it made the store
		[ "$stored" -ge $((acked + told)) ]
		acked=$stored
	done
	rows $((acked + 1)) $((acked + 10)) | at-ingest        # there is a store, whenever it was killed
	acked=$((acked + 10))
	[ "$(count 'SELECT COUNT(DISTINCT id) FROM events')" -eq "$acked" ]
	[ "$(count 'SELECT MAX(CAST(id AS INTEGER)) FROM events')" -eq "$acked" ]
	at-admin verify
}

@test "fault 1: kill -9 of a load of many chunks with --resume; it goes on behind what was committed, and each row is there once" {
	rows 1 400000 >in
	going=0
	for i in $(seq "$rounds"); do
		at-ingest --resume big in & pid=$!
		sleep "0.$((1 + i % 4))$((i * 7 % 10))"
		kill -9 $pid 2>/dev/null || true
		wait $pid 2>/dev/null || true
		was=$going
		going=$(count 'SELECT COUNT(*) FROM events' 2>/dev/null) || going=0
		[ "${going:=0}" -ge "$was" ]
	done
	at-ingest --resume big in
	at-ingest --resume big in
	[ "$(count 'SELECT COUNT(*) FROM events')" -eq 400000 ]
	[ "$(count 'SELECT COUNT(DISTINCT id) FROM events')" -eq 400000 ]
	[ "$(count "SELECT SUM(\"count\") FROM (SELECT COUNT(*) AS \"count\" FROM events GROUP BY event)")" -eq 400000 ]
	at-admin verify
}

@test "fault 4: kill -9 of --resume over a growing file and rotation; offset and data agree" {
	rows 1 50 >log
	at-ingest --resume k log        # the first run knows nothing of files that were rotated before it
	(
		for i in $(seq 2 200); do
			rows $((i * 50 - 49)) $((i * 50)) >>log
			[ $((i % 60)) -ne 0 ] || { [ ! -e log.2 ] || mv log.2 log.3; [ ! -e log.1 ] || mv log.1 log.2; mv log log.1; : >log; }
			sleep 0.01
		done
	) & writer=$!
	for i in $(seq "$rounds"); do
		at-ingest --follow --resume k log & pid=$!
		sleep "0.$((i % 2))$((i * 7 % 10))"
		kill -9 $pid
		wait $pid 2>/dev/null || true
	done
	wait $writer
	at-ingest --resume k log
	[ "$(count 'SELECT COUNT(*) FROM events')" -eq 10000 ]
	[ "$(count 'SELECT COUNT(DISTINCT id) FROM events')" -eq 10000 ]
}

@test "fault 6: reads and writes that are interrupted or short are seen through" {
	command -v strace >/dev/null || skip "no strace"
	[ -z "$SANITIZED" ] || skip "leaks cannot be looked for under strace"
	rows 1 300000 >in
	# The loader, which gives up, has read its libraries by the fortieth call.
	strace -f -o calls -e trace=read,write -e inject=read,write:error=EINTR:when=40+2 at-ingest -n in >out
	[ "$(grep -c INJECTED calls)" -gt 10 ]
	cmp <(at-ingest -n in) out
}

@test "fault 7: a full disk is told, nothing is half done, and it works again after" {
	[ "$(id -u)" -eq 0 ] || skip "needs root for a small file system"
	mkdir small
	mount -t tmpfs -o size=6m none small 2>/dev/null || skip "cannot mount"
	python3 -c 'import os
for i in range(40000): print("{\"event\":\"e\",\"ts\":1700000000,\"id\":\"%d\",\"pad\":\"%s\"}" % (i, os.urandom(200).hex()))' >in
	run -1 --separate-stderr at-ingest -S small/store in
	[[ $stderr == *[Nn]o\ space* || $stderr == *full* ]]
	had=$(AT_STORE=small/store count 'SELECT COUNT(*) FROM events')
	[ "$had" = "$(AT_STORE=small/store count 'SELECT COUNT(DISTINCT id) FROM events')" ]
	mount -o remount,size=200m small
	at-ingest -S small/store -q in
	[ "$(AT_STORE=small/store count 'SELECT COUNT(*) FROM events')" -eq $((had + 40000)) ]
	umount small
}

teardown() {
	end_jobs
	[ ! -d small ] || umount small 2>/dev/null || true
}

@test "fault 11: stdout that is full or closed is told; a pipe that closes ends it quietly" {
	rows 1 100000 >in
	run -1 --separate-stderr bash -c 'at-ingest -n in >/dev/full'
	[[ $stderr == *'standard output: No space left on device'* ]]
	run -1 --separate-stderr bash -c 'at-ingest -n in >&-'
	[ -n "$stderr" ]
	run -0 --separate-stderr bash -c 'at-ingest -n in | head -1'
	[ -z "$stderr" ]
	run -1 --separate-stderr bash -c 'at-ingest -t in >/dev/full'
	[[ $stderr == *'standard output: No space left on device'* ]]
	rows 1 10 >bad; sed -i 's/event/evnt/' bad
	run -1 --separate-stderr at-ingest -n -r /dev/full bad
	[[ $stderr == *'/dev/full: No space left on device'* ]]
}

@test "fault 12: stdin closed, a folder, a socket, nothing at all" {
	run -1 --separate-stderr bash -c 'at-ingest -n <&-'
	[ -n "$stderr" ]
	run -1 --separate-stderr at-ingest -n /
	[[ $stderr == *': Is a directory'* ]]
	run -1 --separate-stderr bash -c 'at-ingest -n </'
	[[ $stderr == *'s a directory'* ]]
	python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("sock")'
	run -1 --separate-stderr at-ingest -n sock
	[[ $stderr == *sock* ]]
	run -0 at-ingest -n </dev/null
	[ -z "$output" ]
	: >empty
	run -0 at-ingest -n empty
	[ -z "$output" ]
}

@test "fault 25: a zip bomb is stopped, and gzip cut short gives its rows and is told" {
	head -c 1G /dev/zero | gzip -9 >bomb.gz
	run --separate-stderr within 60 bash -c '[ -n "$SANITIZED" ] || ulimit -v 300000; exec at-ingest -n bomb.gz'
	[ "$status" -le 1 ]                     # one line too long, or a member that unpacks to too much
	[ -z "$output" ] && [[ $stderr == *bomb.gz* ]]
	rows 1 5000 | gzip | head -c 8000 >cut.gz
	run -1 --separate-stderr at-ingest -n cut.gz
	[ "${#lines[@]}" -gt 10 ]
	[[ $stderr == *cut.gz* ]]
}

# A shell's background job ignores SIGINT from the start: give it back.
ingest_alone() { exec python3 -c 'import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); os.execvp("at-ingest", ["at-ingest"] + sys.argv[1:])' "$@"; }

@test "fault 57: SIGINT and SIGTERM drain and commit" {
	mkfifo p
	for sig in INT TERM; do
		rm -rf "$AT_STORE"
		ingest_alone p & pid=$!
		exec 8>p
		rows 1 10 >&8
		soon is_read 8
		kill -$sig $pid
		timeout 120 tail --pid=$pid -f /dev/null || kill -9 $pid
		wait $pid
		exec 8>&-
		[ "$(count 'SELECT COUNT(*) FROM events')" -eq 10 ]
	done
}

@test "fault 57: SIGHUP and SIGUSR1 end it as any filter, and what was committed is there" {
	mkfifo p
	for sig in HUP USR1; do
		rm -rf "$AT_STORE"
		at-ingest p & pid=$!
		exec 8>p
		rows 1 10 >&8
		for i in $(seq 600); do [ "$(count 'SELECT COUNT(*) FROM events' 2>/dev/null)" = 10 ] && break; sleep 0.05; done
		kill -$sig $pid
		timeout 120 tail --pid=$pid -f /dev/null || kill -9 $pid
		wait $pid || true
		exec 8>&-
		[ "$(count 'SELECT COUNT(*) FROM events')" -eq 10 ]
		at-admin verify
	done
}

# Has it filled this pipe, and waits for who reads?
is_stuck() {
	python3 - "$@" <<'P'
import array, fcntl, glob, sys, termios, time
def look():
    n = array.array("i", [0])
    fcntl.ioctl(int(sys.argv[2]), termios.FIONREAD, n)
    return n[0], {open(f).read().rsplit(")", 1)[1].split()[0] for f in glob.glob(f"/proc/{sys.argv[1]}/task/*/stat")}
one = look()
time.sleep(0.1)
sys.exit(one != look() or one[0] == 0 or one[1] != {"S"})
P
}

@test "fault 57: a second signal ends at once what cannot drain" {
	mkfifo p
	rows 1 20000 >in
	exec 8<>p                               # nobody reads
	at-ingest -n in >p 8<&- & pid=$!
	soon hears $pid
	soon is_stuck $pid 8
	kill -TERM $pid
	sleep 0.4
	kill -0 $pid                            # the rest of its rows must be taken first
	ends() { kill -TERM $pid; sleep 0.4; not kill -0 $pid; } 2> /dev/null        # two that come as one, to a process that is held up, are one
	soon ends
	run -143 wait $pid
	exec 8>&-
}

@test "fault 57: a process that was stopped goes on" {
	rows 1 50000 >in
	mkfifo p
	at-ingest p & pid=$!
	exec 8>p                                # as long as this is open, it does not end
	head -c 3000000 in >&8
	kill -STOP $pid
	sleep 0.3
	kill -CONT $pid
	tail -c +3000001 in >&8
	exec 8>&-
	wait $pid
	[ "$(count 'SELECT COUNT(*) FROM events')" -eq 50000 ]
}

@test "fault 62: names of files and sources never meet a shell" {
	mkdir config
	echo '{"sources":{"s":{"type":"file","path":"$(touch owned);x.ndjson"}}}' >config/data-sources.json
	run at-ingest -n --from s
	run at-ingest -n '| touch owned' '; touch owned' '`touch owned`'
	[ ! -e owned ]
}

@test "fault 63: the store is private to its owner" {
	at-ingest <<<'{"event":"a"}'
	[ "$(find "$AT_STORE" -name '*.mdb' -perm /077 | wc -l)" -eq 0 ]
}
