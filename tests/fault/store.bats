#!/usr/bin/env bats
# The store when the machine does not do as it is told.

load ../helper

setup() { file=$AT_STORE/tenants/default/data.mdb; }
events() { awk -v n="$1" 'BEGIN { for (i = 0; i < n; i++) printf "{\"event\":\"e\",\"timestamp\":%d,\"properties\":{\"n\":%d,\"fill\":\"%0200d\"}}\n", 1767225600 + i, i, i }'; }
stored() { at-admin stats -f ndjson | jq .events; }
teardown() {
	end_jobs
	[ ! -d small ] || umount small 2> /dev/null || true
}
root_only() { [ "$(id -u)" = 0 ] || skip "needs root"; }

@test "fault 5: EIO and ENOSPC at each write and sync: said, nothing half done, and the store opens again" {
	plain_only
	strace -f -o /dev/null true 2> /dev/null || skip "strace cannot trace here"
	events 50 > rows
	events 10 | at-ingest
	was=10
	for call in pwrite64 pwritev writev fdatasync fsync; do
		for error in EIO ENOSPC; do
			for when in 1 2 3 4 5 6; do
				status=0
				strace -f -qq -o /dev/null -e trace=$call -e inject=$call:error=$error:when=$when at-ingest rows 2> said || status=$?
				now=$(stored)
				if [ $status = 0 ]; then
					[ "$now" = $((was + 50)) ]
				else
					[ $status = 1 ]
					[ "$now" = "$was" ]
					[ "$(grep -c . said)" -ge 1 ]
				fi
				was=$now
				[ $status = 0 ] && break
			done
		done
	done
	at-admin verify
	at-ingest rows
	[ "$(stored)" = $((was + 50)) ]
}

@test "fault 7: a full disk is a clear word, nothing is half done, and with room again it goes on" {
	root_only
	mkdir small
	mount -t tmpfs -o size=3m tmpfs small 2> /dev/null || skip "cannot mount a tmpfs here"
	export AT_STORE=$PWD/small/store
	events 500 | at-ingest
	# digits by chance: what repeats is packed away
	events 60000 | awk 'BEGIN { srand(1) } { fill = ""; for (i = 0; i < 16; i++) fill = fill sprintf("%.15f", rand()); sub(/"fill":"0+/, "\"fill\":\"" fill) } 1' > rows
	run -1 --separate-stderr at-ingest rows
	[[ $stderr == *"full"* ]]
	before=$(stored)
	at-admin verify
	mount -o remount,size=200m small
	at-ingest rows
	[ "$(stored)" = $((before + 60000)) ]
	at-admin verify
	umount small
}

@test "fault 18: a network file system is refused with a clear word" {
	plain_only
	at-admin init
	cat > nfs.c <<-'C'
	#include <sys/vfs.h>
	int statfs(const char *p, struct statfs *s) { (void)p; __builtin_memset(s, 0, sizeof *s); s->f_type = 0x6969; return 0; }
	C
	${CC:-cc} -shared -fPIC -o nfs.so nfs.c
	LD_PRELOAD=$PWD/nfs.so run -1 --separate-stderr at-admin stats
	[[ $stderr == *"NFS"*"local disk"* ]]
}

@test "fault 18: a read-only medium can be read, and writing says why not" {
	root_only
	events 100 | at-ingest
	mkdir disk
	cp -r "$AT_STORE" copy
	mount --bind copy disk 2> /dev/null && mount -o remount,ro,bind disk || skip "cannot mount here"
	run -0 at-admin -S disk stats
	[ "$(jq .events <<< "$output")" = 100 ]
	at-admin -S disk verify
	run -1 --separate-stderr at-admin -S disk compact
	umount disk
	[[ $stderr == *"Read-only file system"* ]]
}

@test "faults 18 and 63: another user gets a clear word and reads nothing" {
	root_only
	setpriv --reuid 65534 --clear-groups true 2> /dev/null || skip "setpriv cannot here"
	events 3 | at-ingest
	chmod 755 "$BATS_TEST_TMPDIR" "$BATS_RUN_TMPDIR" 2> /dev/null || true
	run -1 --separate-stderr setpriv --reuid 65534 --clear-groups "$(command -v at-admin)" -S "$AT_STORE" stats
	[[ $stderr == *"Permission denied"* ]]
	[ -z "$output" ]
}

@test "faults 18 and 63: what root does in somebody's store leaves it to that somebody" {
	root_only
	setpriv --reuid 65534 --clear-groups true 2> /dev/null || skip "setpriv cannot here"
	mkdir theirs
	chown 65534 theirs
	chmod 755 "$BATS_TEST_TMPDIR" "$BATS_RUN_TMPDIR" 2> /dev/null || true
	as_them() { setpriv --reuid 65534 --clear-groups "$@"; }
	as_them true && [ -r theirs ] && as_them test -w theirs || skip "they cannot get here"
	export AT_STORE=$PWD/theirs/store AT_CONFIG=$PWD/theirs
	events 3000 | as_them "$(command -v at-ingest)"
	rm theirs/store/tenants/default/*.lock theirs/store/tenants/default/lock.mdb
	at-admin retain --before 2027-01-01 --yes
	at-admin compact
	[ -z "$(find theirs -user root)" ]
	events 3 | as_them "$(command -v at-ingest)"
	[ "$(stored)" = 3 ]
}

@test "fault 17: truncated, foreign and newer stores are refused with the reason" {
	events 2000 | at-ingest
	at-admin compact
	cp "$file" good
	for n in 0 1 4000; do
		head -c $n good > "$file"
		for command in 'at-admin stats' 'at-admin verify' 'at-query schema' at-ingest; do
			run -1 --separate-stderr $command < <(echo '{"event":"x"}')
			[[ $stderr == *"data.mdb"*"cut off"* ]] || { echo "$n, $command: $stderr"; return 1; }
		done
		[ "$(stat -c %s "$file")" = $n ]
	done
	rm "$file"
	at-ingest <<< '{"event":"anew"}'
	[ "$(stored)" = 1 ]
	head -c 4000 good > "$file"
	run -1 --separate-stderr at-admin stats
	[[ $stderr == *"data.mdb"* ]]
	head -c $(($(stat -c %s good) / 2)) good > "$file"
	run -1 at-admin verify
	printf 'SQLite format 3' > "$file"
	run -1 --separate-stderr at-admin stats
	[[ $stderr == *"no LMDB file"* ]]
	cp good "$file"
	at-admin verify
	echo 'at-store 7' > "$AT_STORE/format"
	run -1 --separate-stderr at-admin stats
	[[ $stderr == *"newer at (format 7"*"install the newer version"* ]]
	mkdir other
	touch other/thing
	run -1 --separate-stderr at-ingest -S other <<< '{"event":"x"}'
	[[ $stderr == *"holds other files"* ]]
}

@test "fault 10: with little address space the map is small, and grows" {
	plain_only
	events 20000 > rows
	for i in 1 2 3; do (ulimit -v 400000; at-ingest rows); done
	[ "$(stored)" = 60000 ]
	(ulimit -v 400000; at-admin verify)
}

@test "fault 15: two writers take turns, and nobody waits for long" {
	events 3000 > rows
	at-admin init
	for w in 1 2; do (for i in 1 2 3 4 5; do at-ingest rows; done) & done
	wait
	[ "$(stored)" = 30000 ]
	at-admin verify
}

@test "compact while LMDB's lock file is still held by a process that is being ended: nothing is taken for empty" {
	for n in 1 2 3; do              # the number of the last transaction is even and odd
		events $n | at-ingest
		was=$(stored)
		python3 - <<-'EOF'
			import fcntl, os, subprocess
			f = os.open(os.environ["AT_STORE"] + "/tenants/default/lock.mdb", os.O_RDWR)
			fcntl.lockf(f, fcntl.LOCK_SH, 1)
			subprocess.run(["at-admin", "compact"], check=True)
			subprocess.run(["at-ingest"], input=b'{"event":"e"}\n', check=True)
		EOF
		[ "$(stored)" = $((was + 1)) ]
		at-admin verify
	done
}

@test "faults 14 and 15: writers, a compactor, retention and queries at once (AT_CHURN_SECONDS, 600 for the long run)" {
	unset AT_STORE
	run -0 python3 "$root/tests/fault/churn.py" "${AT_CHURN_SECONDS:-5}" "$BATS_TEST_TMPDIR/churn"
	echo "# $output" >&3
}

@test "a page that LMDB has lost sight of: the file is copied and written anew all the same, without it" {
	seq 3000 | sed 's/.*/{"event":"e","properties":{"n":&}}/' | at-ingest -q
	at-admin retain --before 2000-01-01 -y
	python3 - "$AT_STORE/tenants/default/data.mdb" <<-'END'
		import struct, sys                      # one page more in the file than its lists know of
		f = open(sys.argv[1], "r+b")
		page = 4096
		last = []
		for meta in 0, 1:
		    f.seek(meta * page + 136)
		    last.append(struct.unpack("<Q", f.read(8))[0])
		for meta in 0, 1:
		    f.seek(meta * page + 136)
		    f.write(struct.pack("<Q", max(last) + 1))
		f.truncate((max(last) + 2) * page)
	END
	copy=$(at-admin backup "$BATS_TEST_TMPDIR/copies")
	[ "$(at-query -S "$copy" 'SELECT count(*) AS n FROM events')" = '{"n":3000}' ]
	at-admin -S "$copy" verify
	at-admin erase --user nobody -y -q
	[ "$(at-query 'SELECT count(*) AS n FROM events')" = '{"n":3000}' ]
	at-admin verify
}

@test "fault 16: of a chunk with a damaged block nothing is left where retention drops it" {
	for i in 1 2 3; do
		printf '{"event":"e","timestamp":"2025-01-01T00:00:0%dZ","user_id":"CANARY%d"}\n' $i $i
	done | at-ingest -q
	at-admin compact -q
	at-ingest -q <<< '{"event":"e","timestamp":"2026-01-01T00:00:00Z"}'
	LC_ALL=C sed -i 's/CANARY/DANARY/g' "$AT_STORE/tenants/default/data.mdb"
	run -1 at-admin -q verify
	at-admin retain --before 2025-06-01 --yes
	run -0 at-admin -q verify
}

@test "fault 16: compact leaves a chunk that cannot be read as it is, does the rest, and says what it is and how to go on" {
	for hour in 01 11; do
		echo "{\"event\":\"e\",\"timestamp\":\"2025-01-01T$hour:00:01Z\",\"user_id\":\"CANARY$hour\"}"
	done | at-ingest -q
	at-admin compact -q
	LC_ALL=C sed -i 's/CANARY/DANARY/g' "$AT_STORE/tenants/default/data.mdb"
	for day in 2 3 4; do
		at-ingest -q <<< "{\"event\":\"e\",\"timestamp\":\"2025-01-0${day}T00:00:00Z\",\"user_id\":\"u$day\"}"
		run -1 --separate-stderr at-admin compact
		[[ $stderr == *"chunk 1: "*"at-admin verify"*"stays as it is (1), all else is compact"*"at-admin restore"* ]]
		[ "$(at-admin stats -f ndjson | jq -c '[.tail_events, .chunks]')" = '[0,2]' ]
	done
	[ "$(at-query -q -f csv "SELECT count(*) AS n, max(user_id) AS u FROM events WHERE timestamp >= '2025-01-02'" | tr -d '\r' | tail -1)" = 3,u4 ]
	run -1 --separate-stderr at-admin retain --before 2025-01-01T06:00:00Z --yes
	[[ $stderr == *"chunk 1: "*"stays as it is (1), all else that is older is gone"*"at-admin restore"* ]]
	[ "$(stored)" = 5 ]
	at-admin retain --before 2025-01-03 --yes               # it is older as a whole
	[ "$(stored)" = 2 ]
	at-admin verify
}

@test "fault 16: a restore over a store that no longer tells who was erased brings nobody back" {
	for i in {1..6}; do echo "{\"event\":\"e\",\"user_id\":\"u$((i % 2))\",\"timestamp\":$((1767225600 + i))}"; done | at-ingest -q
	at-admin -q backup copies
	at-admin erase --user u1 -yq
	python3 - "$file" <<-'P'
	import sys
	b = bytearray(open(sys.argv[1], 'rb').read())
	at = b.find(b'erased\0')
	assert at > 0
	b[at + 20] ^= 1
	open(sys.argv[1], 'wb').write(b)
	P
	mv "$AT_STORE/system" system
	run -1 at-admin restore copies -yq
	[[ $output == *"not known which users were erased"* ]]
	[ "$(stored)" = 3 ]
	truncate -s 5000 "$file"                                # nor can it be opened at all
	run -1 at-admin restore copies -yq
	[[ $output == *"data.mdb"*"not known which users were erased"*"move the tenant's folder away"* || $output == *"damaged"*"move the tenant's folder away"* ]]
	[ "$(stat -c %s "$file")" = 5000 ]
	for i in 1 2; do
		run -1 at-admin restore copies -yaq             # the audit out of the backup does not know of it
		[[ $output == *"not known which users were erased"* && ! -e $AT_STORE/system ]]
	done
	cp -r system "$AT_STORE/system"
	at-admin restore copies -yq                             # the audit of the store does, and it is kept
	[ "$(stored)" = 3 ]
	at-admin restore copies -yq
	[ "$(stored)" = 3 ]
	rm "$file"                                              # lost: the audit knows still
	at-admin restore copies -yq
	[ "$(stored)" = 3 ]
	mv "$AT_STORE/system" system.away
	rm "$file"                                              # and where there is none, nobody does
	at-admin restore copies -yq
	[ "$(stored)" = 6 ]
	rm -rf "$AT_STORE/system"
	mv system.away "$AT_STORE/system"
	mv "$AT_STORE/tenants/default" away
	at-admin restore copies -yq
	[ "$(stored)" = 6 ]
}

@test "fault 16: a tenant that was restored and then cut off is not begun anew" {
	events 3 | at-ingest -q
	at-admin -q backup copies
	rm -r "$AT_STORE"
	at-admin restore copies -yq
	truncate -s 0 "$AT_STORE/tenants/default/data.mdb"
	run -1 at-ingest -q < <(events 1)
	[[ $output == *"cut off"* ]]
	at-admin restore copies -yq
	[ "$(stored)" = 3 ]
}

@test "fault 54: a user who was erased stays away after a restore to a time before the first backup, and the next one" {
	for i in {1..3}; do echo "{\"event\":\"e\",\"user_id\":\"u$((i % 2))\",\"timestamp\":$((1767225600 + i))}"; done | at-ingest -q
	sleep 0.02
	then=$(date -u +%FT%T.%3NZ)
	sleep 0.02
	for i in {4..6}; do echo "{\"event\":\"e\",\"user_id\":\"u$((i % 2))\",\"timestamp\":$((1767225600 + i))}"; done | at-ingest -q
	at-admin -q backup copies
	at-admin erase --user u1 -yq
	at-admin restore copies --until "$then" -yq
	[ "$(stored)" = 1 ]
	at-admin restore copies -yq
	[ "$(stored)" = 3 ]
	at-admin verify
}

@test "fault 7: a tenant that a full disk had no room for is none, and is made once there is room" {
	root_only
	plain_only
	mkdir small
	for size in 4k 12k 16k 20k; do
		mount -t tmpfs -o size=$size tmpfs small 2> /dev/null || skip "cannot mount a tmpfs here"
		run -1 --separate-stderr at-ingest -S small/store -T new < <(events 1)
		[[ $stderr == *'the disk is full'* ]]
		[ -z "$(at-admin -S small/store tenant list)" ]
		run -1 at-query -S small/store -T new 'SELECT 1 FROM events'
		mount -o remount,size=10m small
		at-admin -S small/store verify -a
		if [ $size != 4k ]; then at-admin -S small/store tenant add new; fi
		events 3 | at-ingest -S small/store -T new
		[ "$(at-query -S small/store -T new 'SELECT count(*) AS n FROM events')" = '{"n":3}' ]
		umount small
	done
}

@test "fault 7: keys and a tenant that a full disk has no room for leave the rest as it was" {
	root_only
	plain_only
	mkdir small
	mount -t tmpfs -o size=600k tmpfs small 2> /dev/null || skip "cannot mount a tmpfs here"
	export AT_STORE=$PWD/small/store
	events 100 | at-ingest
	dd if=/dev/zero of=small/fill bs=4k 2> /dev/null || true
	run -1 --separate-stderr at-admin key create
	[[ $stderr == *'the disk is full'* && -z $output ]]
	run -0 at-admin key list
	[ -z "$output" ]
	run -0 at-admin audit
	run -0 at-admin verify -a
	run -1 --separate-stderr at-ingest -T new < <(events 1)
	[[ $stderr == *'the disk is full'* ]]
	rm small/fill
	at-admin -q key create
	events 1 | at-ingest -T new
	at-admin verify -a
	umount small
}

@test "fault 16: a damaged batch of the tail is told, what else there is can be read, and events go on coming in" {
	for i in 1 2 3; do echo "{\"event\":\"e\",\"timestamp\":\"2025-01-01T00:00:0${i}Z\",\"user_id\":\"CANARY$i\"}" | at-ingest -q; done
	LC_ALL=C sed -i 's/CANARY2/DANARY2/g' "$file"
	run -1 --separate-stderr at-query -f csv 'SELECT user_id FROM events ORDER BY 1'
	[[ $stderr == *damaged* && -z $output ]] || [ "$output" = $'user_id\nCANARY1\nCANARY3' ]
	for columns in 0 1; do
		AT_VECTOR=$columns run -1 --separate-stderr at-query -f csv 'SELECT user_id FROM events'
		[[ $stderr == *damaged* && $output == *CANARY1*CANARY3* && $output != *NARY2* ]]
		AT_VECTOR=$columns run -1 --separate-stderr at-query -f csv 'SELECT count(*) FROM events'
		[[ $stderr == *damaged* && -z $output ]]
	done
	run -1 --separate-stderr at-query -f csv events
	[[ $stderr == *damaged* && $output == *CANARY1*CANARY3* ]]
	run -1 at-admin verify
	[[ $output == *"events from number 2 on"* ]]
	events 140000 | split -l 3000 - part.
	for part in part.*; do at-ingest -q "$part"; done               # they become chunks
	[ "$(at-admin stats -f ndjson | jq '.chunks > 0 and .events == 140003')" = true ]
	[ "$(at-query -q -f csv 'SELECT n FROM events WHERE n IS NOT NULL' 2> said | wc -l)" = 140001 ]
	grep -q damaged said
	run -1 --separate-stderr at-admin compact
	[[ $stderr == *"stays as it is (1), all else is compact"* ]]
	[ "$(at-admin stats -f ndjson | jq .tail_events)" = 1 ]
	run -1 --separate-stderr at-admin retain --before 2025-06-01 --yes
	[[ $stderr == *"stays as it is (1)"* ]]
	[ "$(at-query -q -f csv "SELECT user_id FROM events WHERE event = 'e' AND user_id IS NOT NULL" 2>&1 | grep -c CANARY)" = 0 ]
}

@test "fault 16: a damaged batch of samples is told, and samples go on coming in" {
	row() { echo "{\"metric\":\"$1\",\"timestamp\":\"2025-01-01T00:00:0${2}Z\",\"labels\":{\"host\":\"a\"},\"value\":$2}"; }
	for i in 1 2 3; do row m $i | at-ingest -q; done
	python3 - "$file" <<-'P'
	import sys
	b = bytearray(open(sys.argv[1], 'rb').read())
	key = bytes(15) + b'\2'                                 # the second batch of the tail: samples under the series 0
	at, hits = -1, 0
	while (at := b.find(key, at + 1)) >= 0:
	    if b[at + 20:at + 21] == b'\1':                     # behind its check, byte 1
	        b[at + 21] ^= 0x40
	        hits += 1
	assert hits
	open(sys.argv[1], 'wb').write(b)
	P
	run -1 at-admin verify
	AT_VECTOR=0 run -1 --separate-stderr at-query -f csv 'SELECT value FROM metrics'
	[[ $stderr == *damaged* && $output == *1*3* ]]
	run -1 --separate-stderr at-query -f csv 'SELECT sum(value) FROM metrics'
	[[ $stderr == *damaged* && -z $output ]]
	run -1 --separate-stderr at-query metric m
	[[ $stderr == *damaged* && -z $output ]]
	seq 1700000001 1700300000 | sed 's/.*/{"metric":"n","timestamp":&,"value":&}/' | at-ingest -q
	row m 4 | at-ingest -q
	[ "$(at-query -q -f csv "SELECT value FROM metrics WHERE metric = 'n'" 2> said | wc -l)" = 300001 ]
	run -1 --separate-stderr at-admin compact
	[[ $stderr == *"stays as it is (1), all else is compact"* ]]
}

# While a command stands at each of its syncs, as one does for long where the disk is slow.
read_at_each_sync() {
	local pid n=0 gate=$PWD/gate
	SHIM_GATE=$gate LD_PRELOAD=$PWD/shim.so "$@" & pid=$!
	while kill -0 $pid 2> /dev/null; do
		[ -e "$gate" ] || { sleep 0.01; continue; }
		n=$((n + 1))
		timeout -s KILL 60 at-query -f csv 'SELECT count(*) > 0 FROM events' > /dev/null || { echo "at sync $n of $*"; return 1; }
		timeout -s KILL 60 at-query -f csv 'SELECT count(*) > 0 FROM metrics' > /dev/null || { echo "metrics, at sync $n of $*"; return 1; }
		rm "$gate"
	done
	wait $pid
	[ $n -gt 0 ]
}

@test "nobody who reads waits for a writer: ingest, sealing, compaction of the file, retention" {
	plain_only
	${CC:-cc} -O1 -w -shared -fPIC -D_GNU_SOURCE "$root/tests/fault/shim.c" -o shim.so -ldl
	events 70000 > rows
	at-ingest -q < <(head -100 rows)
	at-agg -s -q -w 1m rows > out
	read_at_each_sync at-ingest -q < <(head -500 rows)
	read_at_each_sync at-ingest -q rows
	read_at_each_sync at-agg -s -q -w 1h rows > out
	read_at_each_sync at-admin -q compact
	read_at_each_sync at-admin -q retain --before 2025-12-31 --yes
	at-admin -q retain --before 2026-01-01T12:00:00Z --yes
	was=$(stat -c %s "$file")
	read_at_each_sync at-admin -q compact
	[ "$(stat -c %s "$file")" -lt "$was" ]                  # it was written anew
	at-admin verify
}

@test "fault 7: sealing, roll-ups, compact and retention that a full disk has no room for leave all as it was, and go on with room" {
	root_only
	plain_only
	mkdir small config
	echo '{"retention":{"metrics":"raw 1000d, 1m 2000d, 1h"}}' > config/analytics.json
	mount -t tmpfs -o size=12m tmpfs small 2> /dev/null || skip "cannot mount a tmpfs here"
	export AT_STORE=$PWD/small/store
	samples() { awk -v from="$1" -v n="$2" 'BEGIN { srand(from); for (i = from; i < from + n; i++) printf "{\"metric\":\"m\",\"timestamp\":%d,\"labels\":{\"host\":\"h%d\"},\"value\":%.9f}\n", 1767225600 + int(i / 5), i % 5, rand() }'; }
	figures() { at-query -f csv 'SELECT count(*), sum(n) FROM events'; at-query -f csv 'SELECT count(*) FROM metrics'; at-query -f csv metric m --every 1h; }
	for i in 1 2 3; do events 5000 | at-ingest -q; at-admin compact -q; done
	samples 0 200000 | at-ingest -q
	events 30000 | at-ingest -q
	figures > want
	dd if=/dev/zero of=small/fill bs=4k 2> /dev/null || true
	samples 200000 100000 > more                            # with what is in the tail enough for pieces and buckets
	run -1 --separate-stderr at-ingest -q more
	[[ $stderr == *'the disk is full'* ]]
	for i in 1 2; do
		run -1 --separate-stderr at-admin -q compact
		[[ $stderr == *'the disk is full'* ]]
		[ ! -e "$AT_STORE/tenants/default/data.mdb.new" ]
		run -1 --separate-stderr at-admin retain --before 2026-01-01T01:00:00Z --yes -q
		[[ $stderr == *'the disk is full'* ]]
		figures > got
		cmp want got
		at-admin verify
	done
	rm small/fill
	at-admin -q compact
	figures > got
	cmp want got
	at-ingest -q more
	[ "$(at-admin stats -f ndjson | jq .samples)" = 300000 ]
	at-admin retain --before 2026-01-01T01:00:00Z --yes -q
	at-admin -q compact
	at-admin verify
	umount small
}

@test "fault 16: verify mend takes out what cannot be read, into files, and all else answers again" {
	for day in 01 02; do
		for i in 1 2 3; do echo "{\"event\":\"e$i\",\"timestamp\":\"2025-01-${day}T00:00:0${i}Z\",\"user_id\":\"CANARY$day\",\"properties\":{\"k$day\":$i}}"; done | at-ingest -q
		at-admin compact -q
		events 70000 | at-ingest -q                     # so that a chunk stays as it is
	done
	at-ingest -q <<< '{"event":"e1","timestamp":"2025-01-03T00:00:00Z","user_id":"CANARY03"}'
	at-ingest -q <<< '{"event":"e1","timestamp":"2025-01-04T00:00:00Z","user_id":"u4"}'
	run -0 at-admin verify mend aside -n
	[[ $output == *': 0 damaged pieces with 0 events would be taken out, 0 chunks made anew' && ! -e aside ]]
	LC_ALL=C sed -i 's/CANARY/DANARY/g' "$file"
	run -1 at-admin verify
	run -1 at-query 'SELECT count(*) FROM events'
	run -2 at-admin verify mend
	run -0 at-admin verify mend aside -n
	[[ $output != *': 0 damaged'* && ! -e aside ]]
	run -1 at-admin verify
	run -0 at-admin verify mend aside -y
	gone=$(sed -n 's/.* pieces with \([0-9]*\) events.*/\1/p' <<< "$output")
	[ "$gone" -gt 0 ]
	run -0 at-admin verify
	[ -z "$output" ]
	grep -aqr DANARY03 aside
	[ "$(stat -c %a aside)" = 700 ]
	[ "$(at-query -f csv 'SELECT count(*) FROM events' | tail -1 | tr -d '\r')" = $((140008 - gone)) ]
	[ "$(at-query -f csv "SELECT user_id FROM events WHERE timestamp >= '2025-01-03' AND timestamp < '2025-02-01'" | tail -1 | tr -d '\r')" = u4 ]
	at-admin compact -q
	at-admin verify
	at-ingest -q <<< '{"event":"e1"}'
	at-admin audit | grep -q mend
}
