# serve.bash - an at-serve of the test's own: serve_start [OPTION…] sets U (its address), KEY (may do all) and PID; it ends with the test.
serve_start() {
	at-serve -l 127.0.0.1:0 "$@" 2> serve.log &
	PID=$!
	for _ in $(seq 600); do
		U=$(sed -n 's/.*listening on \(http[^ ]*\)$/\1/p' serve.log | head -1)
		[ -n "$U" ] && curl -s -o /dev/null -k "$U/healthz" && break
		kill -0 $PID 2> /dev/null || { cat serve.log; return 1; }
		sleep 0.05
	done
	local key
	key=$(sed -n "s/.*X-API-Key: \(at_[A-Za-z0-9_-]*\)'.*/\1/p" serve.log | head -1)
	[ -z "$key" ] || KEY=$key
}
# An address for a server that is to come again at it: its port is none of those that are given out, which who connects may have meanwhile.
serve_address() {
	python3 -c '
import random, socket
least, most = map(int, open("/proc/sys/net/ipv4/ip_local_port_range").read().split())
ports = [*range(max(least // 2, 1024), least), *range(most + 1, 65536)] or [0]         # all may be given out
for _ in range(1000):
    try:
        s = socket.socket(); s.bind(("127.0.0.1", random.choice(ports))); break
    except OSError: pass
print("127.0.0.1:%d" % s.getsockname()[1])'
}
serve_stop() {                  # how it ended is the test's matter, also as the last word of teardown
	local ended=0
	[ -z "${PID:-}" ] || { kill -TERM "$PID" 2> /dev/null; wait "$PID" || ended=$?; }
	PID=
	return $ended
}
serve_end() {                   # the same, and whatever else the case left running
	local ended=0
	serve_stop || ended=$?
	end_jobs
	return $ended
}
teardown() { serve_end; }
# A user who may do all, with COOKIE, his session's, and some events to see.
serve_example_user() {
	awk -f "$root/examples/demo/shop.awk" -v days=1 | at-ingest -q
	post /api/v1/users '{"name":"anna","password":"correct horse battery","roles":["admin"]}' > /dev/null
	COOKIE=$(curl -s -k -D - -o /dev/null "$U/api/v1/login" -H 'Content-Type: application/json' -d '{"user":"anna","password":"correct horse battery"}' | sed -n 's/^[Ss]et-[Cc]ookie: \([^;]*\);.*/\1/p')
	[ -n "$COOKIE" ]
}
# get PATH, post PATH BODY, … print the body; status, head and the rest lie in $status_code and the file head
call() {
	local method=$1 path=$2
	shift 2
	status_code=$(curl -s -k -o body -D head -w '%{http_code}' -X "$method" "$U$path" ${KEY:+-H "X-API-Key: $KEY"} "$@")
	cat body
}
get() { call GET "$@"; }
post() { local path=$1 body=$2; shift 2; call POST "$path" -H 'Content-Type: application/json' --data-binary "$body" "$@"; }
# status PATH [curl's options]: only that
status() { curl -s -k -o body -D head -w '%{http_code}' "$U$@"; }
code() { local path=$1; shift; curl -s -k -o body -D head -w '%{http_code}' "$U$path" "$@"; }
