load ../helper

rounds=${FAULT_ROUNDS:-30}      # 300 for the long run
count() { at-query -f csv "$@" | tail -1 | tr -d '\r'; }
rows() { seq "$1" "$2" | sed 's/.*/{"event":"e","ts":1700000000,"id":"&","pad":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"}/'; }

@test "fault 1: kill -9 at any moment; what was acknowledged is there, once" {
	acked=0
	for i in $(seq "$rounds"); do
		rows $((acked + 1)) $((acked + 20000)) >in
		at-ingest -t in >out & pid=$!
		sleep "0.0$((i % 9))$((i * 7 % 10))"
		kill -9 $pid 2>/dev/null || true
		wait $pid 2>/dev/null || true
		# A row on stdout was stored before. What was stored may be more: the next rows begin behind it.
		told=$(grep -c '}$' out || true)
		stored=$(count 'SELECT COUNT(*) FROM events')
		[ "$stored" -ge $((acked + told)) ]
		acked=$stored
	done
	[ "$(count 'SELECT COUNT(DISTINCT id) FROM events')" -eq "$acked" ]
	[ "$acked" -eq 0 ] || [ "$(count 'SELECT MAX(CAST(id AS INTEGER)) FROM events')" -eq "$acked" ]
	at-admin verify
}

@test "fault 4: kill -9 of --resume over a growing file and rotation; offset and data agree" {
	: >log
	(
		for i in $(seq 1 200); do
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
	rows 1 3000 >in
	strace -f -o /dev/null -e trace=read,write,pread64,pwrite64 -e inject=read,write:error=EINTR:when=3+2 at-ingest -n in >out
	cmp <(at-ingest -n in) out
}

@test "fault 7: a full disk is told, nothing is half done, and it works again after" {
	[ "$(id -u)" -eq 0 ] || skip "needs root for a small file system"
	mkdir small
	mount -t tmpfs -o size=6m none small 2>/dev/null || skip "cannot mount"
	rows 1 200000 >in
	run -1 --separate-stderr at-ingest -S small/store in
	[[ $stderr == *[Nn]o\ space* || $stderr == *full* ]]
	umount_later=1
	had=$(AT_STORE=small/store count 'SELECT COUNT(*) FROM events')
	[ "$had" = "$(AT_STORE=small/store count 'SELECT COUNT(DISTINCT id) FROM events')" ]
	mount -o remount,size=200m small
	at-ingest -S small/store -q in
	[ "$(AT_STORE=small/store count 'SELECT COUNT(*) FROM events')" -eq $((had + 200000)) ]
	umount small
}

teardown() {
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
	run -1 --separate-stderr timeout 20 bash -c 'ulimit -v 1000000; exec at-ingest -n bomb.gz'
	[[ $stderr == *bomb.gz* ]]
	rows 1 5000 | gzip | head -c 20000 >cut.gz
	run -1 --separate-stderr at-ingest -n cut.gz
	[ "${#lines[@]}" -gt 10 ]
	[[ $stderr == *cut.gz* ]]
}

@test "fault 57: SIGINT and SIGTERM drain and commit; a second one ends at once" {
	mkfifo p
	for sig in INT TERM; do
		rm -rf "$AT_STORE"
		env -i PATH="$PATH" AT_STORE="$AT_STORE" setsid at-ingest p & pid=$!
		exec 8>p
		rows 1 10 >&8
		sleep 0.1
		kill -$sig $pid
		wait $pid || [ "$sig" = INT ]           # a job in the background ignores SIGINT from the start
		exec 8>&-
		[ "$sig" = INT ] || [ "$(count 'SELECT COUNT(*) FROM events')" -eq 10 ]
	done
}

@test "fault 57: a process that was stopped goes on" {
	rows 1 50000 >in
	at-ingest in & pid=$!
	kill -STOP $pid 2>/dev/null && sleep 0.3 && kill -CONT $pid
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

@test "fault 63: a reject file is no way through a link of somebody else's; the store is private" {
	at-ingest <<<'{"event":"a"}'
	[ "$(find "$AT_STORE" -name '*.mdb' -perm /077 | wc -l)" -eq 0 ]
}
