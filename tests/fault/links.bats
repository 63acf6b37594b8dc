#!/usr/bin/env bats
# Links and modes: what another user of the machine may have put in the way, and what he may read.

load ../helper

owners_only() { [ -z "$(find "$@" \( -type d ! -perm 0700 \) -o \( -type f ! -perm 0600 \))" ] || { find "$@" -ls; return 1; }; }

# A folder that everybody may write to, as /tmp, and somebody else.
others() {
	[ "$(id -u)" = 0 ] || skip "needs root"
	setpriv --reuid 65534 --clear-groups true 2> /dev/null || skip "setpriv cannot here"
	chmod 755 "$BATS_TEST_TMPDIR" "$BATS_RUN_TMPDIR" 2> /dev/null || true
	mkdir -m 1777 common
	other test -w common || skip "they cannot get here"
}
other() { setpriv --reuid 65534 --clear-groups "$@"; }

@test "fault 63: all that is made is for its owner, whatever the umask" {
	umask 0
	at-admin init
	at-admin tenant add t
	printf '%s\n' '{"event":"e","timestamp":100}' '{"event":"e","timestamp":0}' nothing > rows
	at-ingest -r rejected --resume r rows 2> said
	at-agg --late late -s --state w --rejects refused -w 1s rows > out 2> said || true
	at-admin compact
	owners_only "$AT_STORE" rejected late refused
	[ -s rejected ] && [ -s late ] && [ -s refused ]
}

@test "fault 63: no folder or file of a store is followed through a link, by any command" {
	at-admin init
	at-ingest <<< '{"event":"e"}'
	for name in tenants tenants/default tenants/default/data.mdb tenants/default/lock.mdb tenants/default/scans.lock format system; do
		mv "$AT_STORE/$name" aside
		ln -s "$PWD/aside" "$AT_STORE/$name"
		for command in 'at-ingest rows' 'at-query schema' 'at-admin compact' 'at-admin tenant list'; do
			[ "$command" = 'at-admin tenant list' ] && [[ $name = tenants/* ]] && continue
			echo '{"event":"e"}' > rows
			run -1 $command
			[[ $output == *"symbolic link"* ]] || { echo "$name, $command: $output"; return 1; }
		done
		rm "$AT_STORE/$name"
		mv aside "$AT_STORE/$name"
	done
	at-admin verify
	[ "$(at-query 'SELECT count(*) AS n FROM events')" = '{"n":1}' ]
}

@test "fault 63: what compact and init left half made may be a link, and is not written through" {
	for i in {1..3000}; do echo '{"event":"e","timestamp":'$i',"fill":"'$i$i$i$i$i'"}'; done | at-ingest
	echo keep > target
	ln -s "$PWD/target" "$AT_STORE/tenants/default/data.mdb.new"
	at-admin retain --before 2000-01-01 --yes
	at-admin compact
	[ "$(cat target)" = keep ]
	at-admin verify
	mkdir fresh
	ln -s "$PWD/target" fresh/format
	run -1 at-admin -S fresh init
	[ "$(cat target)" = keep ]
}

@test "fault 63: rejected and late rows are not written through another user's link, through one's own and root's they are" {
	others
	printf '%s\n' '{"event":"e","timestamp":100}' '{"event":"e","timestamp":0}' nothing > rows
	echo keep > target
	chmod 666 target
	other ln -s "$PWD/target" common/theirs
	for command in 'at-ingest -n -r' 'at-agg -r' 'at-agg --late'; do
		run -1 $command common/theirs rows
		[[ $output == *"another user"* ]] || { echo "$command: $output"; return 1; }
		[ "$(cat target)" = keep ]
	done
	ln -s "$PWD/mine" common/mine
	at-agg -w 1s --late common/mine rows > out 2> said
	grep -q '"timestamp":0' mine
	at-agg -w 1s --late /dev/stdout rows 2> said | grep '^{"event"'
}

@test "fault 63: another user can neither read nor write what is ours, and gets a word" {
	others
	at-ingest <<< '{"event":"e"}'
	at-agg -w 1s --late common/late -r common/rejects > out 2> said <<< $'{"event":"e","timestamp":100}\n{"event":"e","timestamp":0}\nx'
	run ! other cat common/late
	run ! other cat common/rejects
	for command in 'at-query schema' 'at-ingest rows' 'at-agg -s rows' 'at-admin verify'; do
		echo '{"event":"e"}' > rows
		chmod 644 rows
		run -1 other "$(command -v "${command%% *}")" -S "$AT_STORE" ${command#* }
		[[ $output == *"Permission denied"* ]] || { echo "$command: $output"; return 1; }
	done
}

@test "fault 63: the history is for its owner, and neither a link nor another's file is taken for it" {
	command -v script > /dev/null || skip 'no script(1) here'
	at-query --version -v | grep -qi readline || skip 'no readline here'
	umask 0
	shell() { printf 'SELECT 4711;\n.quit\n' | XDG_STATE_HOME=$PWD/state TERM=xterm script -qec at-query /dev/null > /dev/null; }
	shell
	grep -q 4711 state/at/history
	owners_only state
	[ "$(id -u)" = 0 ] || return 0
	echo other > state/at/history
	chown 65534 state/at/history
	shell
	[ "$(cat state/at/history)" = other ]
}
