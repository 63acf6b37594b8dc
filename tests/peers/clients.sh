#!/bin/sh
# make conformance: the reader of requests beside those of others (http_readers.py), and the suites of ../shared/clients against an at-serve
# of their own, on loopback. A line for each suite; the exit says whether all passed. DRIVERS names some of them; suites that cannot run here (exit 2) are told and passed over.
cd "$(dirname "$0")/../.." || exit
clients=$PWD/../shared/clients
: "${DRIVERS:=readers http-wire websocket json-suite openapi sinks oidc}"
PATH=$B/bin:$PATH
export PATH
work=$(mktemp -d)
server= bad=0
trap 'kill $server 2>/dev/null; wait; rm -rf "$work"' EXIT
cache=${XDG_CACHE_HOME:-$HOME/.cache}/at-drivers
# Beside h11 and httptools, from pip at the first use. 2: they cannot be had here.
readers() {
	python=$cache/readers/bin/python3
	[ -e "$cache/readers/.ok" ] || { python3 -m venv "$cache/readers" && "$python" -m pip install -q 'h11<1' 'httptools<1' && touch "$cache/readers/.ok"; } || {
		echo "readers: pip gives no h11 and httptools"
		return 2
	}
	"$python" tests/peers/http_readers.py "$B/bench/http"
}
# Told as the others are: what failed, then the last line.
told() {
	case $2 in
	0) ;;
	2) echo "$1: cannot run here" ;;
	*) bad=1; grep '^FAIL\|reads otherwise' "$work/$1" ;;
	esac
	tail -1 "$work/$1"
}
case " $DRIVERS " in *" readers "*)
	readers > "$work/readers" 2>&1
	told readers $? ;;
esac
[ -d "$clients" ] || { echo "make conformance: the rest is skipped, ../shared/clients is not here (it holds the suites)"; exit $bad; }
at-serve -l 127.0.0.1:0 -S "$work/store" 2> "$work/log" &
server=$!
for i in $(seq 100); do
	url=$(sed -n 's/.*listening on \(http[^ ]*\)$/\1/p' "$work/log")
	key=$(sed -n "s/.*X-API-Key: \(at_[A-Za-z0-9_-]*\)'.*/\1/p" "$work/log")
	[ -n "$url" ] && [ -n "$key" ] && break
	sleep 0.1
done
# The driver of WebSockets sends its event 1.2 s after it started node, which on a busy machine has not connected by then: this copy waits
# for node's word first, and the 1.2 s begin there. What does not have that line any more runs as it is.
kept=$cache/copy
mkdir -p "$kept/websocket" && cp -r "$clients/lib" "$kept/" && for f in "$clients"/websocket/*.*; do
	sed 's/cwd=HERE); time\.sleep(1\.2); /cwd=HERE); p.stdout.readline(); time.sleep(1.2); /' "$f" > "$kept/websocket/${f##*/}"
done && chmod -R u+rwX "$kept"
for driver in $DRIVERS; do
	case $driver in
	readers) continue ;;
	websocket) WS_ECHO=/ws/echo bash "$kept/websocket/run.sh" "$url" "$key" ;;
	sinks|oidc) python3 tests/peers/outbound.py $driver "$clients" ;;       # what the server itself sends and asks: with one of its own
	*) AT_BIN=$B/bin WS_ECHO=/ws/echo "$clients/$driver/run.sh" "$url" "$key" ;;
	esac > "$work/$driver" 2>&1
	told $driver $?
done
if command -v promtool > /dev/null; then
	curl -s "$url/metrics" | promtool check metrics && echo "promtool: ok" || bad=1
fi
exit $bad
