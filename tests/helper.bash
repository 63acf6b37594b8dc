bats_require_minimum_version 1.5.0
root=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
shared=$root/../shared
PATH="${B:-$root/build}/bin:$PATH"
export AT_STORE=$BATS_TEST_TMPDIR/store LC_ALL=C.UTF-8 TZ=UTC
unset AT_TENANT AT_CONFIG AT_NOW NO_COLOR CLICOLOR_FORCE
cd "$BATS_TEST_TMPDIR" || exit
# A test that needs what lies beside the project says so and is skipped where it is not there.
need_shared() { [ -e "$shared/$1" ] || skip "no ../shared/$1 here"; }
# A test that loads something of its own in front of a command, or traces it.
plain_only() { [ -z "$SANITIZED" ] || skip "not beside a sanitizer"; }
# What will be so soon, as fast as the machine is: until the command succeeds, for a minute and more, or so many tenths of a second.
soon() {
	local tries=${patience:-600}
	until "$@"; do
		[ $((tries -= 1)) -gt 0 ] || return 1
		sleep 0.1
	done
}
# With no more than so many seconds of processor time: whatever else the machine does counts for nothing. Who hangs without any is ended too.
within() { (ulimit -t "$1" && shift && exec timeout -s KILL 900 "$@"); }
# Does this process of ours hear SIGTERM? Sent earlier it would end it, unheard.
hears() { [[ $(cat "/proc/$1/comm") == at-* ]] && ((16#$(sed -n 's/^SigCgt:[[:space:]]*//p' "/proc/$1/status") & 16#4000)); } 2> /dev/null
# Has this process of ours a store open?
has_store() { grep -q '/data\.mdb$' "/proc/$1/maps" 2> /dev/null; }
# Was all that was written to this pipe read?
is_read() { python3 -c 'import fcntl, sys, termios; sys.exit(any(fcntl.ioctl(int(sys.argv[1]), termios.FIONREAD, bytes(4))))' "$1"; }
# Kill it after so many seconds and wait until it is gone; timeout(1) does not wait. 0: it ended well before that.
killed_after() {
	local seconds=$1 pid
	shift
	"$@" & pid=$!
	sleep "$seconds"
	kill -KILL $pid 2> /dev/null || true
	wait $pid 2> /dev/null
}
# In the middle of a test a bare `! command` fails nothing; this does.
not() { ! "$@"; }
# What a case that failed left running would hold bats, which waits for the end of its output, for ever.
end_jobs() {
	local left
	left=$(jobs -p)
	[ -z "$left" ] || kill -KILL $left 2> /dev/null || true
}
teardown() { end_jobs; }
