#!/usr/bin/env bats
# The dashboards in a real browser: web.mjs has what is looked at; each case has a store and a server of its own.

load ../helper
load serve

setup() {
	command -v node > /dev/null || skip 'no node here'
	command -v "${CHROMIUM:-chromium}" > /dev/null || skip 'no chromium here'
	export HERE=$BATS_TEST_DIRNAME HOME=${HOME:-/tmp}
}
web() { run timeout 1800 node "$HERE/web.mjs" "$1" "$U" "$KEY" "${@:2}"; [ "$status" = 0 ] || { echo "$output"; return 1; }; }

@test "with nothing stored it says how to begin, and the first events bring a dashboard of what there is" {
	serve_start
	web overview
}

@test "each number is what SQL says of the same store, for who sees all and for who sees a part" {
	serve_start
	post /api/v1/roles '{"name":"german","permissions":["read:*"],"rows":".properties.country == \"DE\""}' > /dev/null
	post /api/v1/keys '{"name":"part","roles":["german"]}' > /dev/null
	web numbers "$(python3 -c 'import json; print(json.load(open("body"))["key"])')"
}

@test "what is unusual is shown as what it is: no value, no position, below zero, two labels, units, old years" {
	serve_start
	post /api/v1/dashboards '{"id":"t","widgets":[{"id":"a","type":"text","text":"x"},{"id":"a","type":"text","text":"y"}]}' > /dev/null
	[ "$status_code" = 422 ]
	grep -q 'widgets\[1\].id: wants one that no other item has' body
	web odd
}

@test "what is committed is seen at once, over a WebSocket, and over a stream where there is none" {
	serve_start
	web live
}

@test "another tenant than one's own is heard over a WebSocket too, by a key and by a session" {
	at-admin -q tenant add shop
	serve_start
	at-admin -q -T '*' user add root --role admin <<< 'correct horse battery'
	web elsewhere
}

@test "faults 27, 28, 29: values that are code elsewhere are text here" {
	serve_start
	web hostile
}

@test "axe-core finds nothing on any page, dark or light, and nothing scrolls sideways, from 320 pixels to 4K" {
	axe=${AXE:-${XDG_CACHE_HOME:-$HOME/.cache}/at-tests/node_modules/axe-core/axe.min.js}
	[ -s "$axe" ] || { command -v npm > /dev/null && timeout 60 npm i --silent --no-audit --no-fund --prefix "${axe%/node_modules/*}" axe-core > /dev/null 2>&1; } || true
	[ -s "$axe" ] || skip 'no axe-core here, and none to be had'
	serve_start
	web access "$axe"
}

@test "Lighthouse: accessibility and best practices at 95 of 100 or more, signed out and in" {
	lighthouse=${LIGHTHOUSE:-${XDG_CACHE_HOME:-$HOME/.cache}/at-tests/node_modules/.bin/lighthouse}
	[ -x "$lighthouse" ] || skip "no Lighthouse here; npm i --prefix '${lighthouse%/node_modules/*}' lighthouse brings it"
	"$lighthouse" --version > /dev/null 2>&1 || skip 'this Lighthouse wants another node'
	serve_start
	serve_example_user
	for page in '' '#/d/overview' '#/events' '#/explore'; do
		"$HERE/../bench/lighthouse" "$lighthouse" "$U/$page" "${page:+$COOKIE}" accessibility,best-practices > scores
		cat scores
		awk '{ n++; if ($2 < 95) bad = 1 } END { exit bad || n != 2 }' scores
	done
}

@test "the keyboard alone suffices" {
	serve_start
	web keyboard
}

@test "zoom by brush, links that carry the state, variables, comparing, full view" {
	serve_start
	web looking
}

@test "exploring: SQL with completion and a chart, metrics, events, questions in words" {
	serve_start
	web exploring
}

@test "administration: keys, users, roles, tenants, audit, rules, silences" {
	serve_start
	web administration
}

@test "the example of a widget of one's own works as it stands" {
	mkdir -p config
	cp -r "$HERE/../../examples/config/widgets" config/
	serve_start
	web custom
}

@test "login by password and one-time code, one's own password, signing out" {
	serve_start
	web login
}

@test "widgets are moved, sized, added and set by pointer and by keyboard, undone, saved as versions, and nobody's are overwritten" {
	serve_start
	web editing
}

@test "on a phone a finger moves and sizes widgets, and so does their menu" {
	serve_start
	web thumbs
}

@test "a shared link shows one dashboard as its maker sees it, to read, until it is taken back; no log has its secret" {
	serve_start -v
	post /api/v1/roles '{"name":"german","permissions":["read:*","write:dashboards"],"rows":".properties.country == \"DE\""}' > /dev/null
	web share
	not grep -q 'shared/[A-Za-z0-9_-]\{43\}' serve.log
}

@test "a shared link is no way to see more: who sees less than its maker does not change what it shows; with the dashboard it goes" {
	serve_start
	post /api/v1/roles '{"name":"german","permissions":["read:*","write:dashboards"],"rows":".properties.country == \"DE\""}' > /dev/null
	post /api/v1/roles '{"name":"editor","permissions":["read:dashboards","read:metrics","write:dashboards"]}' > /dev/null
	post /api/v1/events '{"event":"a","user_id":"u1","properties":{"country":"FR"}}' > /dev/null
	board='{"id":"d","widgets":[{"id":"w","type":"table","filters":{"country":"FR"},"query":"SELECT COUNT(*) AS n FROM events"}]}'
	post /api/v1/dashboards "$board" > /dev/null
	link=$(post /api/v1/dashboards/d/shares '{}' | jq -r .token)
	[ "$(curl -s "$U/api/v1/shared/w" -H "Authorization: Bearer $link" | jq .data[0].n)" = 1 ]
	[ "$(curl -s "$U/api/v1/shared" -H "Authorization: Bearer $link" | jq -c '.widgets[0] | [.query, .filters]')" = '["-",null]' ]
	other=${board/COUNT(*)/MIN(user_id)}
	for role in german editor; do
		less=$(post /api/v1/keys "{\"name\":\"$role\",\"roles\":[\"$role\"]}" | jq -r .key)
		[ "$(code /api/v1/dashboards/d -X PUT -H "X-API-Key: $less" -H 'Content-Type: application/json' -d "$other")" = 403 ]
		[ "$(code /api/v1/dashboards/d -X PATCH -H "X-API-Key: $less" -H 'Content-Type: application/json' -d '{"title":"x"}')" = 403 ]
		[ "$(code /api/v1/dashboards/e -X PUT -H "X-API-Key: $less" -H 'Content-Type: application/json' -d '{"widgets":[]}')" -lt 300 ]
	done
	[ "$(code /api/v1/dashboards/d -X DELETE -H "X-API-Key: $less")" = 204 ]
	[ "$(code /api/v1/dashboards/d -X PUT -H "X-API-Key: $less" -H 'Content-Type: application/json' -d "$other")" = 201 ]
	[ "$(code /api/v1/shared/w -H "Authorization: Bearer $link")" = 401 ]
}

@test "fault 40: a session changes nothing for a page of another origin, and makes none" {
	serve_start
	post /api/v1/users '{"name":"anna","password":"correct horse battery","roles":["admin"]}' > /dev/null
	login() { curl -s -o body -w '%{http_code}' -c jar "$U/api/v1/login" -H 'Content-Type: application/json' -d '{"user":"anna","password":"correct horse battery"}' "$@"; }
	[ "$(login -H 'Origin: http://127.0.0.1:1')" = 403 ]
	[ "$(login -H 'Sec-Fetch-Site: cross-site')" = 403 ]
	[ "$(login -H "Origin: $U")" = 200 ]
	mine() { curl -s -o body -w '%{http_code}' -b jar "$@"; }
	for origin in http://127.0.0.1:1 https://evil.example null; do
		[ "$(mine -X PUT "$U/api/v1/dashboards/x" -H "Origin: $origin" -H 'Content-Type: application/json' -d '{"widgets":[]}')" = 403 ]
		[ "$(mine -X DELETE "$U/api/v1/dashboards/x" -H "Origin: $origin")" = 403 ]
		[ "$(mine -X POST "$U/api/v1/logout" -H "Origin: $origin")" = 403 ]
	done
	[ "$(mine -X POST "$U/api/v1/logout" -H 'Sec-Fetch-Site: same-site')" = 403 ]
	[ "$(mine -X PUT "$U/api/v1/dashboards/x" -H "Origin: $U" -H 'Content-Type: application/json' -d '{"widgets":[]}')" = 201 ]
	[ "$(mine -X PUT "$U/api/v1/dashboards/x" -H "Origin: $U" -H 'Content-Type: text/plain' -d '{"widgets":[]}')" = 415 ]
	[ "$(mine -X DELETE "$U/api/v1/dashboards/x")" = 204 ]
}

@test "the page is small, packed, known again by its ETag, and its policy allows nothing inline and nobody else" {
	serve_start
	total=0
	for f in / $(curl -s "$U/" | grep -o '/web/[a-z.]*' | sort -u); do
		n=$(curl -s -D head -o body -w '%{size_download}' -H 'Accept-Encoding: gzip' "$U$f")
		total=$((total + n))
		grep -qi '^content-encoding: gzip' head && grep -qi '^etag:' head
		etag=$(sed -n 's/^[Ee][Tt]ag: \(.*\)\r/\1/p' head)
		[ "$(code "$f" -H 'Accept-Encoding: gzip' -H "If-None-Match: $etag")" = 304 ]
		gunzip < body > plain
		curl -s "$U$f" | cmp - plain
	done
	[ $total -gt 1000 ] && [ $total -lt 153600 ]
	policy=$(curl -s -D - -o /dev/null "$U/" | sed -n 's/^[Cc]ontent-[Ss]ecurity-[Pp]olicy: //p')
	[[ $policy == *"default-src 'self'"*"require-trusted-types-for 'script'"*"frame-ancestors 'none'"* && $policy != *unsafe* && $policy != *http* ]]
	not grep -nE 'style=|innerHTML|insertAdjacentHTML|document\.write|eval\(|[[:space:]]on[a-z]+="' "$HERE"/../../lib/serve/web/*
	[ "$(code /web/../../etc/passwd --path-as-is)" = 400 ] || [ "$(code /web/../../etc/passwd --path-as-is)" = 404 ]
	[ "$(code /web/none.js)" = 404 ]
}

@test "who may show dashboards in a frame is said by serve.frames, and cannot say more than that" {
	mkdir config
	echo '{"serve":{"frames":["https://wiki.example","https://x.example; script-src *"]}}' > config/analytics.json
	serve_start
	policy=$(curl -s -D - -o /dev/null "$U/" | tr -d '\r' | sed -n 's/^[Cc]ontent-[Ss]ecurity-[Pp]olicy: //p')
	[[ $policy == *"frame-ancestors https://wiki.example https://x.examplescript-src*" && $policy == *"script-src 'self';"* ]]
}

@test "widgets of the site come from config/widgets and from nowhere else (fault 46)" {
	mkdir -p config/widgets
	echo 'export default {};' > config/widgets/clock.js
	echo secret > config/analytics.txt
	ln -s ../analytics.txt config/widgets/link.js
	serve_start
	[ "$(curl -s "$U/widgets/clock.js")" = 'export default {};' ]
	for bad in link.js ../analytics.txt %2e%2e%2fanalytics.txt .hidden.js clock.json CLOCK.js a%00.js; do
		[ "$(code "/widgets/$bad" --path-as-is)" != 200 ]
	done
}

@test "a metric with filters is that of the events that fit them, also where values cannot be added up" {
	mkdir config
	echo '{"metrics":{"ms":{"event":"v","value":"avg(ms)"}}}' > config/analytics.json
	serve_start
	for r in DE,1,a DE,3,b FR,5,a; do
		IFS=, read -r c ms p <<< "$r"
		post /api/v1/events "{\"event\":\"v\",\"properties\":{\"c\":\"$c\",\"ms\":$ms,\"p\":\"$p\"}}" > /dev/null
	done
	f=$(python3 -c 'import urllib.parse; print(urllib.parse.quote("{\"c\":\"DE\"}"))')
	[ "$(get "/api/v1/metrics?metric=v&filters=$f" | jq -c '[.total,.groupBy,(.series|map(.labels)),.additive]')" = '[2,[],[{}],true]' ]
	[ "$(get "/api/v1/metrics?metric=v&groupBy=p&filters=$f" | jq -c '[.total,(.series|map([.labels,.total]))]')" = '[2,[[{"p":"a"},1],[{"p":"b"},1]]]' ]
	[ "$(get "/api/v1/metrics?metric=v&groupBy=c&filters=$f" | jq -c '[.total,(.series|map([.labels,.total]))]')" = '[2,[[{"c":"DE"},2]]]' ]
	[ "$(get "/api/v1/metrics?metric=ms&groupBy=p&filters=$f" | jq -c '[.total,(.series|map([.labels,.total]))]')" = '[2,[[{"p":"a"},1],[{"p":"b"},3]]]' ]
	[ "$(get "/api/v1/metrics?metric=v&filters=%7B%22n%22:%22x%22%7D" | jq -c '[.total,.series]')" = '[0,[]]' ]
	for bad in x '[1]' '{"a":[1]}' '{"":1}'; do
		[ "$(code "/api/v1/metrics?metric=v&filters=$(python3 -c 'import sys, urllib.parse; print(urllib.parse.quote(sys.argv[1]))' "$bad")" -H "X-API-Key: $KEY")" = 400 ]
	done
}
