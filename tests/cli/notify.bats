#!/usr/bin/env bats
# at-detect -r --notify: who is told of an alert, how, how often, and when not.

load ../helper

setup() { mkdir -p config; export AT_STORE=$PWD/store; }

# sink: receivers to test against at $HOOK and $MAIL; log prints what came, and forgets it.
sink() {
	need_shared clients/sinks/sinks.py
	local port
	for _ in 1 2 3 4 5; do                  # a port that somebody has ends it; below those that are given out by themselves
		port=$((20000 + RANDOM % 6000 * 2))
		python3 "$shared/clients/sinks/sinks.py" $port $((port + 1)) > sink.out 2>&1 3>&- &
		SINK=$!
		HOOK=http://127.0.0.1:$port MAIL=smtp://127.0.0.1:$((port + 1))
		for _ in $(seq 300); do
			kill -0 $SINK 2> /dev/null || break
			grep -q "^$HOOK" sink.out && curl -s "$HOOK/_log" > /dev/null && return
			sleep 0.1
		done
	done
	cat sink.out
	return 1
}
came() { curl -s "$HOOK/_log"; }
config() { jq -n "{receivers: $1, alerts: ${2:-{\}}}" > config/analytics.json; }
rule() { jq -n "{rules: [$1]}" > rules.json; }
rows() {
	for r; do
		set -- $r
		printf '{"metric":"m","timestamp":"2026-11-23T10:%02d:00.000Z","window":"1m","labels":{"source":"%s"},"count":%s}\n' "$1" "$2" "$3"
	done
}
notify() { at-detect -r rules.json --notify "$@" > alerts; }
# What the receiver `log` was told: "STATUS SERIES[,SERIES]", in order.
told() { jq -r '.data | "\(.status) \([.alerts[].labels.source] | join(","))"' log 2> /dev/null || true; }
many='{alert: "many", expr: ".count > 100", severity: "page", message: "{{value}} of {{labels.source}}"}'
log='{log: {type: "file", path: "log"}}'

@test "each kind of receiver is told of the beginning and the end, once, in order; webhooks are signed" {
	sink
	config "{hook: {type: \"webhook\", url: \"$HOOK/hook\", secret: \"whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\"}, chat: {type: \"slack\", url: \"$HOOK/slack\"},
	    pager: {type: \"pagerduty\", routing_key: \"k\", url: \"$HOOK/pager\"}, mail: {type: \"email\", smtp: \"$MAIL\", from: \"at@example.org\", to: [\"a@example.org\", \"b@example.org\"]},
	    log: {type: \"file\", path: \"log\"}, run: {type: \"command\", command: [\"tee\", \"-a\", \"ran; touch owned\"]}}"
	rule "$many"
	rows '0 a 150' '1 a 1' | notify
	came > sent
	[ "$(jq -r '.[] | select(.path == "/hook") | "\(.signature) \(.body | fromjson | .type)"' sent)" = "ok alert.firing
ok alert.resolved" ]
	[ "$(jq -r '.[] | select(.path == "/slack") | .body | fromjson | .text | split("\n")[0:2] | join("|")' sent)" = "*[FIRING:1] many*|- 150 of a (page, source=a) since 2026-11-23T10:00:00.000Z
*[RESOLVED:1] many*|- 1 of a (page, source=a) since 2026-11-23T10:00:00.000Z" ]
	jq -e '[.[] | select(.path == "/pager") | .body | fromjson] | (map(.event_action) == ["trigger", "resolve"]) and .[0].dedup_key == .[1].dedup_key and .[0].payload.severity == "critical"' sent
	jq -e '[.[] | select(.kind == "mail")] | length == 2 and (.[0].to | length) == 2 and (.[0].data | test("Subject: \\[FIRING:1\\] many\r\n"))' sent
	[ "$(told)" = "firing a
resolved a" ]
	[ "$(jq -r .data.status 'ran; touch owned')" = "firing
resolved" ]
	[ ! -e owned ]
}

@test "fault 61: a receiver that answers 500 and 429 is tried again, and gets all in order, once" {
	sink
	config "{hook: {type: \"webhook\", url: \"$HOOK/hook\"}}"
	rule "$many"
	curl -s "$HOOK/_ctl" -d '{"fail":[["/hook",500,1],["/hook",429,1,{"Retry-After":"1"}]]}' > /dev/null
	rows '0 a 150' '0 b 150' '1 a 1' | notify
	[ "$(came | jq -r '.[] | select(.answered == 200) | .body | fromjson | .data | "\(.status) \([.alerts[].labels.source] | join(","))"')" = "firing a,b
resolved a" ]
}

@test "fault 61: what could not be sent waits in the store, and the next run sends it before what is new" {
	config '{hook: {type: "webhook", url: "http://127.0.0.1:1/hook", timeout: "1s"}}'
	rule "$many"
	# A signal ends the waiting early: 5 s.
	rows '0 a 150' > first
	mkfifo in
	at-detect -r rules.json --state x --notify < in > alerts 2> err & pid=$!
	exec 9> in
	cat first >&9
	soon test -s alerts
	kill -TERM $pid; wait $pid || true
	exec 9>&-
	[[ $(cat err) == *'1 notifications wait in the store'* ]]
	sink
	config "{hook: {type: \"webhook\", url: \"$HOOK/hook\"}}"
	rows '1 a 1' | AT_NOW=now+1h at-detect -r rules.json --state x --notify --now now+1h > alerts
	[ "$(came | jq -r '.[].body | fromjson | .data.status')" = "firing
resolved" ]
}

@test "a receiver that hangs holds up no row" {
	sink
	curl -s "$HOOK/_ctl" -d '{"slow":["/slow",3]}' > /dev/null
	config "{hook: {type: \"webhook\", url: \"$HOOK/slow\", timeout: \"60s\"}}"
	rule "$many"
	mkfifo in
	at-detect -r rules.json --notify < in > alerts &
	exec 9> in
	rows '0 a 150' >&9
	sleep 0.5
	rows '1 a 1' >&9
	for _ in $(seq 300); do [ "$(grep -c . alerts)" = 2 ] && break; sleep 0.1; done
	[ "$(grep -c . alerts)" = 2 ]
	exec 9>&-
	wait $!
	[ "$(came | jq length)" = 2 ]
}

@test "SIGTERM ends it too when it comes just before it waits for rows" {
	plain_only
	cat > early.c <<'END'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <poll.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>
int ppoll(struct pollfd *fds, nfds_t n, const struct timespec *span, const sigset_t *mask)
{
	int (*real)(struct pollfd *, nfds_t, const struct timespec *, const sigset_t *) = dlsym(RTLD_NEXT, "ppoll");
	if (unlink("now") == 0) {
		kill(getpid(), SIGTERM);        /* whichever of its threads takes it */
		nanosleep(&(struct timespec){ 0, 200000000 }, NULL);
	}
	return real(fds, n, span, mask);
}
END
	${CC:-cc} -shared -fPIC -o early.so early.c -ldl
	config "$log"
	rule "$many"
	mkfifo in
	LD_PRELOAD=$PWD/early.so at-detect -r rules.json --notify < in > alerts & pid=$!
	exec 9> in
	rows '0 a 150' >&9
	soon grep -q firing log
	touch now
	rows '1 a 160' >&9
	ended() { not kill -0 $pid 2> /dev/null; }
	soon ended
	wait $pid
	exec 9>&-
}

@test "routes: the first that matches takes it, or goes on; alerts of a group come in one message" {
	config '{log: {type: "file", path: "log"}, other: {type: "file", path: "other"}}' \
	    '{routes: [{match: {source: "~a|b"}, receiver: "log", continue: true}, {match: {severity: "page", source: "!a"}, receiver: ["other"], group_by: ["source"]}]}'
	rule "$many"
	rows '0 a 150' '0 b 150' '0 c 150' | notify
	[ "$(told)" = "firing a,b" ]
	[ "$(jq -c '[.data.group, .data.alerts[].labels.source]' other)" = '[{"source":"b"},"b"]
[{"source":"c"},"c"]' ]
}

@test "the alert's name is known as alertname, too" {
	config '{log: {type: "file", path: "log"}, other: {type: "file", path: "other"}}' \
	    '{routes: [{match: {alertname: "some"}, receiver: "other", group_by: ["alertname"]}, {receiver: "log", group_by: ["alertname", "source"]}]}'
	rule "$many, {alert: \"some\", expr: \".count > 10\"}"
	rows '0 a 150' '0 b 20' | notify
	[ "$(jq -c .data.group log)" = '{"alertname":"many","source":"a"}' ]
	[ "$(jq -c '[.data.group, .data.alerts[].labels.source]' other)" = '[{"alertname":"some"},"a","b"]' ]
}

@test "silence: nothing is told while it lasts, but what was silenced is told to be over; what outlasts it is told then" {
	config "$log"
	rule "$many"
	id=$(at-admin silence add alert=many source=a --expires 1h)
	[ "$(at-admin silence list -f ndjson | jq -r '.id + .state')" = "${id}active" ]
	[[ $(at-admin silence list -f table) == "$id"*active*many* ]]
	rows '0 a 150' '0 b 150' | notify --state x
	[ "$(told)" = "firing b" ]
	rows '1 a 1' | notify --state x
	[ "$(told | tail -1)" = "resolved a" ]
	rows '2 a 150' | notify --state x
	[ "$(told | grep -c .)" = 2 ]
	at-admin silence remove "$id"
	rows '3 a 150' | notify --state x
	[ "$(told | tail -1)" = "firing a" ]
	[ -z "$(at-admin silence list -f ndjson)" ]
	run -2 at-admin silence add many
	[[ $output == *'is no NAME=VALUE'* ]]
	run -2 at-admin silence add 'source=~('
	run -1 at-admin silence remove none
}

@test "an alert that was told before it was silenced is told to be over during the silence" {
	config "$log"
	rule "$many"
	rows '0 a 150' | notify --state x
	at-admin silence add severity=page > id
	rows '1 a 1' | notify --state x
	[ "$(told)" = "firing a
resolved a" ]
}

@test "inhibition: while its cause fires an effect is not told, and then it is" {
	config "$log" '{inhibit: [{source: {severity: "page"}, target: {severity: "info"}, equal: ["source"]}]}'
	rule "$many, {alert: \"some\", expr: \".count > 10\", severity: \"info\"}"
	rows '0 a 150' '0 b 50' | notify --state x
	[ "$(jq -r '.data.alerts[] | .alert + .labels.source' log | sort | xargs)" = "manya someb" ]
	rows '1 a 50' | notify --state x
	[ "$(jq -r '.data | .status + .alerts[].alert' log | tail -2 | sort | xargs)" = "firingsome resolvedmany" ]
}

@test "rules of one name are alerts of their own: a warning and a page, each told and ended, one inhibiting the other" {
	config "$log"
	rule '{alert: "many", expr: ".count > 10", severity: "warning"}, {alert: "many", expr: ".count > 100", severity: "page"}'
	rows '0 a 50' '1 a 150' '2 a 50' '3 a 5' | notify --state x
	[ "$(jq -r '.data | .status + " " + .alerts[].severity' log)" = "firing warning
firing page
resolved page
resolved warning" ]
	rm log
	config "$log" '{inhibit: [{source: {severity: "page"}, target: {severity: "warning"}, equal: ["alert", "source"]}]}'
	rows '4 a 150' '4 b 50' | notify --state x
	rows '5 a 50' '5 b 50' | notify --state x
	[ "$(jq -r '.data | .status as $s | .alerts[] | $s + " " + .severity + " " + .labels.source' log | sort)" = "firing page a
firing warning a
firing warning b
resolved page a" ]
}

@test "an alert ends under the labels with which it began, whatever {{value}} in them came to and over a restart" {
	config "$log"
	rule '{alert: "many", expr: ".count > 100", labels: {at: "{{value}}"}}'
	rows '0 a 150' '1 a 160' | notify --state x
	rows '2 a 170' '3 a 1' | notify --state x
	[ "$(jq -r '.data | .status + " " + .alerts[].labels.at' log)" = "firing 150
resolved 150" ]
	rows '4 a 180' '5 a 2' | notify --state x
	[ "$(jq -r '.data | .status + " " + .alerts[].labels.at' log | tail -2)" = "firing 180
resolved 180" ]
}

@test "what is known of rules of one name stays theirs when another one comes before them, or goes" {
	config "$log"
	some='{alert: "many", expr: ".count > 10", severity: "warning"}'
	heard() { jq -r '.data | .status + " " + .alerts[].severity' log; rm -f log; }
	rule "$some"
	rows '0 a 50' | notify --state x
	rule "$many, $some"
	rows '1 a 150' | notify --state x
	[ "$(heard)" = "firing warning
firing page" ]
	rule "$some, $many"
	rows '2 a 150' | notify --state x
	[ ! -e log ]
	rows '3 a 50' | notify --state x
	[ "$(heard)" = "resolved page" ]
	rows '4 a 150' | notify --state x
	rule "$many"
	rows '5 a 150' | notify --state x
	[ "$(heard)" = "firing page
resolved warning" ]
	rows '6 a 1' | notify --state x
	[ "$(heard)" = "resolved page" ]
	rule '{alert: "many", expr: ".count > 10", labels: {team: "one"}}, {alert: "many", expr: ".count > 10", labels: {team: "two"}}'
	rows '7 a 50' | notify --state x
	rm log
	rule '{alert: "many", expr: ".count > 10", labels: {team: "two"}}'
	rows '8 a 50' '9 a 1' | notify --state x
	[ "$(jq -r '.data | .status + " " + .alerts[].labels.team' log)" = "resolved one
resolved two" ]
}

@test "an alert whose rule is gone is told to be over, once" {
	config "$log"
	rule "$many, {alert: \"other\", expr: \".count > 1000\"}"
	rows '0 a 150' | notify --state x
	rule '{alert: "other", expr: ".count > 1000"}'
	rows '1 a 160' | notify --state x
	notify --state x --now now+5h < /dev/null
	[ "$(told)" = "firing a
resolved a" ]
}

@test "what was silenced after it was told goes to nobody else until the silence is over" {
	config '{log: {type: "file", path: "log"}, boss: {type: "file", path: "boss"}}' '{routes: [{receiver: "log", escalate: [{after: "30m", receiver: "boss"}]}]}'
	rule "$many"
	rows '0 a 150' | notify --state x
	id=$(at-admin silence add alert=many --expires 2h)
	notify --state x --now now+40m < /dev/null
	[ ! -e boss ]
	at-admin silence remove "$id"
	notify --state x --now now+41m < /dev/null
	[ "$(jq -r .data.status boss)" = firing ]
}

@test "the severity of a rule that was edited is what its next alert is routed by" {
	config '{log: {type: "file", path: "log"}, page: {type: "file", path: "page"}}' '{routes: [{match: {severity: "page"}, receiver: "page"}, {receiver: "log"}]}'
	rule '{alert: "many", expr: ".count > 100", severity: "info"}'
	rows '0 a 150' '1 a 1' | notify --state x
	[ "$(told | xargs)" = 'firing a resolved a' ]
	rule "$many"
	rows '2 a 150' '3 a 1' | notify --state x
	[ "$(jq -r .data.status page | xargs)" = 'firing resolved' ] && [ "$(told | grep -c .)" = 2 ]
}

@test "mute times: what begins in one is told when it is over" {
	config "$log" '{routes: [{receiver: "log", mute: "nights"}], mute_times: {nights: {days: "mon-sun", from: "22:00", to: "06:00", tz: "Europe/Zurich"}}}'
	rule "$many"
	rows '0 a 150' | notify --state x --now 2026-11-23T03:00:00Z
	[ -z "$(told)" ]
	notify --state x --now 2026-11-23T05:30:00Z < /dev/null
	[ "$(told)" = "firing a" ]
}

@test "what still fires is told again after the repeat interval, and to others after a while; and these hear its end" {
	config '{log: {type: "file", path: "log"}, boss: {type: "file", path: "boss"}}' '{routes: [{receiver: "log", repeat: "1h", escalate: [{after: "30m", receiver: "boss"}]}]}'
	rule "$many"
	rows '0 a 150' | notify --state x --now 2026-11-23T10:00:00Z
	for t in 10:20 10:40 10:59 11:01 11:02; do notify --state x --now 2026-11-23T$t:00Z < /dev/null; done
	[ "$(told | xargs)" = "firing a firing a" ] && [ "$(jq -r .data.repeated log | tail -1)" = true ]
	[ "$(jq -r .data.status boss)" = firing ]
	rows '1 a 1' | notify --state x --now 2026-11-23T11:03:00Z
	[ "$(jq -r .data.status boss | xargs)" = "firing resolved" ]
	[ "$(told | tail -1)" = "resolved a" ]
}

@test "group_wait gathers, and what came and went meanwhile is not told" {
	config "$log" '{routes: [{receiver: "log", group_wait: "1m"}]}'
	rule "$many"
	rows '0 a 150' '0 b 150' | notify --state x --now 2026-11-23T10:00:00Z
	rows '1 b 1' '1 c 150' | notify --state x --now 2026-11-23T10:00:30Z
	[ -z "$(told)" ]
}

@test "an alert that flaps is told so, is quiet, and is told again when it is steady" {
	config "$log" '{flapping: {changes: 6, within: "10m"}}'
	rule "$many"
	for m in $(seq 0 2 20); do rows "$m a 150" "$((m + 1)) a 1"; done | notify --state x
	told > log1
	[ "$(grep -c . log1)" = 6 ]
	[ "$(jq -c .data.flapping log | tail -1)" = true ]
	rows '22 a 150' '23 a 150' '40 a 150' | notify --state x
	[ "$(told | tail -1)" = "firing a" ] && [ "$(told | grep -c .)" = 7 ]
}

@test "without a receiver, with a name that is none, with a wrong span: told with the path" {
	rule "$many"
	config '{}'
	run -2 at-detect -r rules.json --notify < /dev/null
	[[ $output == *'has no receivers'* ]]
	config "$log" '{routes: [{receiver: "nobody"}]}'
	run -2 at-detect -r rules.json --notify < /dev/null
	[[ $output == *"alerts.routes[0]: receiver: there is none of the name 'nobody'"* ]]
	config "$log" '{routes: [{receiver: "log", repeat: "4x"}]}'
	run -2 at-detect -r rules.json --notify < /dev/null
	[[ $output == *'alerts.routes[0]: repeat: is no span'* ]]
	config '{log: {type: "file"}}'
	run -2 at-detect -r rules.json --notify < /dev/null
	[[ $output == *'receivers.log.path: is missing'* ]]
}

@test "a program is run without a shell, and ended when it takes too long" {
	printf 'echo owned > owned\n' > script
	chmod +x script
	slow=61.$BASHPID        # by which it is known among those of others
	config "{run: {type: \"command\", command: [\"./script\"]}, slow: {type: \"command\", command: [\"sleep\", \"$slow\"], timeout: \"300ms\"}, log: {type: \"file\", path: \"log\"}}"
	rule "$many"
	mkfifo in
	at-detect -r rules.json --notify < in > alerts 2> err & pid=$!
	exec 9> in
	rows '0 a 150' >&9
	soon test -s log
	kill -TERM $pid; wait $pid || true
	exec 9>&-
	[ ! -e owned ]
	[ "$(told)" = "firing a" ]
	not pgrep -f "^sleep $slow\$" > /dev/null
}

@test "kill -9 at any moment: each notification once, and none is lost" {
	config "$log"
	rule '{alert: "many", expr: ".count > 100"}'
	for m in $(seq 0 2 56); do rows "$m s$m 150" "$((m + 1)) s$m 1"; done > rows
	for round in $(seq 12); do
		{ while read -r row; do echo "$row"; sleep 0.01; done < rows; sleep 1; } | at-detect -r rules.json --state x --notify > alerts &
		pid=$!
		sleep "0.$((RANDOM % 70 + 10))"
		kill -9 $pid 2> /dev/null || true
		wait $pid 2> /dev/null || true
	done
	notify --state x < rows
	for m in $(seq 0 2 56); do echo "firing s$m"; echo "resolved s$m"; done | sort > want
	# In one commit alerts of a group stand together: each is there once all the same.
	jq -r '.data | .status as $s | .alerts[] | "\($s) \(.labels.source)"' log | sort > got
	diff want got
}

@test "without -r the rules are those of analytics.json" {
	jq -n "{receivers: $log, rules: [$many]}" > config/analytics.json
	rows '0 a 150' | at-detect --notify > alerts
	[ "$(told)" = "firing a" ]
	[ "$(rows '0 a 150' | at-detect --backtest | jq .firings)" = 1 ]
	echo '{}' > config/analytics.json
	run -2 at-detect --notify < /dev/null
	[[ $output == *'no --rules FILE, and'*'has no rules' ]]
}
