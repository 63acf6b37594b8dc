#!/usr/bin/env bats
# at-admin: users, keys, roles, tenants, and the audit of what was done.

load ../helper
load serve

teardown() {
	local ended=0
	[ -z "${PROVIDER:-}" ] || kill "$PROVIDER" || ended=$?
	serve_end || ended=$?
	return $ended
}

password='correct horse canary'
add_user() { at-admin -q user add "$@" <<< "$password"; }

@test "KEY=\$(at-admin key create) is the key, and what it is stands on stderr" {
	run -0 --separate-stderr at-admin key create
	[[ $output =~ ^at_[0-9A-Za-z]{55}$ ]]
	[[ $stderr == "at-admin: key ${output:3:12} 'key' of tenant default, roles admin, without an end" ]]
	run -0 --separate-stderr at-admin -q key create site --role ingest --scope write:events --expires 90d -f ndjson
	[ -z "$stderr" ]
	[ "$(jq -c '[.name, .tenant, .roles, .scopes, (.key | length), (.expires | length)]' <<< "$output")" = \
	  '["site","default",["ingest"],["write:events"],58,24]' ]
}

@test "keys are listed without their secrets, rotated and revoked" {
	key=$(at-admin -q key create a --role viewer)
	id=${key:3:12}
	run -0 at-admin key list
	[ "$(jq -r .id <<< "$output")" = "$id" ]
	[[ $output != *"${key:15}"* && $output != *hash* ]]
	new=$(at-admin -q key rotate "$id")
	[[ $new == at_$id* && $new != "$key" ]]
	run -0 at-admin key list -f table
	[[ $output == *"$id"*viewer* && $output != *"${new:15}"* ]]
	run -0 at-admin -n key revoke "$id"
	[ "$output" = "key $id: would go" ]
	at-admin key revoke "$id"
	[ -z "$(at-admin key list)" ]
	run -1 --separate-stderr at-admin key revoke "$id"
	[[ $stderr == "at-admin: tenant default has no key '$id'" ]]
}

@test "a key is its tenant's" {
	at-admin tenant add shop
	key=$(at-admin -q -T shop key create)
	[ -z "$(at-admin key list)" ]
	[ "$(at-admin key list -a | jq -r .tenant)" = shop ]
	run -1 at-admin key revoke "${key:3:12}"
	at-admin tenant remove -y shop
	[ -z "$(at-admin key list -a)" ]
	run -1 --separate-stderr at-admin -T nowhere key create
	[[ $stderr == *"there is no tenant 'nowhere'"* ]]
	run -1 at-admin -T ../x key create
	at-admin -q -T '*' key create > /dev/null
}

@test "what is wrong with a key is said" {
	run -1 --separate-stderr at-admin key create --role king
	[[ $stderr == *"there is no role 'king'"* ]]
	run -1 --separate-stderr at-admin key create --scope everything
	[[ $stderr == *"scopes: 'everything' is no permission"* ]]
	run -2 --separate-stderr at-admin key create --expires soon
	[[ $stderr == *"--expires: 'soon' is none, it wants a span as 90d"* ]]
	run -2 --separate-stderr at-admin key create --expires 2020-01-01
	[[ $stderr == *"--expires: '2020-01-01' is not in the future"* ]]
	run -2 --separate-stderr at-admin key burn
	[[ $stderr == *"key: say create"* ]]
	run -2 at-admin key rotate
	at-admin init
	for what in key user role; do
		run -1 at-admin -T nope $what list
		[[ $output == *"there is no tenant 'nope'"* ]]
	done
	run -0 at-admin -T '*' key list
}

@test "users: the password comes from stdin and is never shown" {
	run -0 --separate-stderr at-admin user add anna --role editor <<< "$password"
	[[ -z $output && $stderr == "at-admin: user anna of tenant default" ]]
	run -0 at-admin user list
	[ "$(jq -c '[.name, .roles, .mfa, .disabled]' <<< "$output")" = '["anna",["editor"],false,false]' ]
	[[ $output != *canary* && $output != *scrypt* ]]
	at-admin user password anna <<< 'another long password'
	run -1 --separate-stderr at-admin user add anna <<< "$password"
	[[ $stderr == *"there is a user 'anna' already"* ]]
	run -1 --separate-stderr at-admin user add bob <<< 'short'
	[[ $stderr == "at-admin: password: wants 12 to 128 characters" ]]
	run -1 at-admin user add bob < /dev/null
	at-admin user remove anna
	[ -z "$(at-admin user list)" ]
	run -1 at-admin user password anna <<< "$password"
	not grep -r -q -e canary -e 'another long' "$AT_STORE"
}

@test "user mfa: a secret, a URI and ten codes, once; off again" {
	add_user anna
	run -0 --separate-stderr at-admin user mfa anna
	[ "${#lines[@]}" = 12 ]
	[[ ${lines[0]} =~ ^secret\ [A-Z2-7]{32}$ && ${lines[1]} == "otpauth://totp/at:anna?secret=${lines[0]#secret }&issuer=at" ]]
	[[ ${lines[11]} =~ ^[0-9A-Za-z]{4}(-[0-9A-Za-z]{4}){4}$ ]]
	code=${lines[11]}
	run -0 at-admin user list
	[ "$(jq .mfa <<< "$output")" = true ]
	[[ $output != *secret* ]]
	not grep -r -q "$code" "$AT_STORE"
	at-admin -q user mfa anna off
	[ "$(at-admin user list | jq .mfa)" = false ]
	[ "$(at-admin -q user mfa anna -f ndjson | jq '.codes | length')" = 10 ]
	run -1 at-admin user mfa bob
	run -2 at-admin user mfa anna sometimes
}

@test "roles: the four that are always there, and one's own" {
	[ "$(at-admin role list | jq -r .name | paste -sd' ')" = 'admin editor viewer ingest' ]
	at-admin -q role add de read:events 'write:dashboards:de_*' --sees 'rows=.properties.country == "DE"' --sees 'event=page_*' --sees hide=email --sees mask=user_id
	[ "$(at-admin role list | tail -1 | jq -c '[.name, .permissions, .rows, .events, .hide, .mask]')" = \
	  '["de",["read:events","write:dashboards:de_*"],".properties.country == \"DE\"",["page_*"],["email"],["user_id"]]' ]
	at-admin -q key create --role de > /dev/null
	at-admin role remove de
	run -1 at-admin role add admin '*:*'
	run -1 --separate-stderr at-admin role add x fly
	[[ $stderr == *"'fly' is no permission, try read:events"* ]]
	run -1 at-admin role remove viewer
	run -2 at-admin role add x
	run -2 at-admin role add x read:events --sees everything
	run -2 at-admin role add x read:events --sees rows=.a --sees rows=.b
}

@test "the audit has each act, in order, of one tenant or all" {
	at-admin -q key create > /dev/null
	at-admin tenant add shop
	at-admin -q -T shop role add r read:events
	add_user anna
	[ "$(at-admin audit | jq -r '.action + " " + .who + " " + .from + " " + .result' | paste -sd,)" = \
	  "key.create $(id -un) cli ok,user.create $(id -un) cli ok" ]
	[ "$(at-admin audit list -a | jq -r .action | paste -sd' ')" = 'key.create tenant.create role.create user.create' ]
	[ -z "$(at-admin audit --from now+1h)" ]
	[ -z "$(at-admin audit --to 2020-01-01)" ]
	run -0 at-admin audit -f table
	[[ $output == *key.create*user.create* ]]
}

@test "what retain took away is in the audit too" {
	echo '{"event":"a","timestamp":"2020-01-01T00:00:00Z"}' | at-ingest
	at-admin retain --before 2021-01-01 -n
	at-admin retain --before 2021-01-01 --yes
	[ "$(at-admin audit | jq -r '[.action, .object] | join(" ")' | paste -sd,)" = 'retain 1 events and 0 samples' ]
}

@test "verify -a reads users, keys and the audit back too" {
	at-admin init
	at-admin -q key create > /dev/null
	run -0 --separate-stderr at-admin verify -a -v
	[[ $stderr == *"system: all is well"* ]]
	python3 - "$AT_STORE/system/data.mdb" <<-'E'
	import sys
	b = bytearray(open(sys.argv[1], 'rb').read())
	at = 0
	while (at := b.find(b'"roles":["admin"]', at)) >= 0:
	    b[at + 10] ^= 1
	    at += 1
	open(sys.argv[1], 'wb').write(b)
	E
	run -1 at-admin verify -a -f ndjson
	[[ $output == *'"tenant":"system"'* ]]
}

@test "the table audit has the entries of the tenant" {
	at-admin init
	[ -z "$(at-query 'SELECT * FROM audit')" ]
	at-admin -q key create > /dev/null
	at-admin tenant add shop
	[ "$(at-query -f csv "SELECT who, address, action, result FROM audit WHERE timestamp > '2020-01-01'" | tail -n +2)" = "$(id -un),cli,key.create,ok" ]
	[ "$(at-query -T shop -f csv 'SELECT action FROM audit' | tail -n +2)" = tenant.create ]
	[ -z "$(at-query "SELECT * FROM audit WHERE timestamp < '2020-01-01'")" ]
}

@test "over HTTP the audit is for who may read it, and a revoked key is one no longer" {
	command -v curl > /dev/null || skip 'no curl here'
	serve_start
	viewer=$(at-admin -q key create --role viewer)
	question='{"query":"SELECT count(*) > 0 AS there FROM audit"}'
	post /api/v1/query "$question" > /dev/null
	[ "$(jq -c .data body)" = '[{"there":1}]' ]
	KEY=$viewer post /api/v1/query "$question" > /dev/null
	[ "$(jq -c .data body)" = '[{"there":0}]' ]
	at-admin key revoke "${viewer:3:12}"
	KEY=$viewer post /api/v1/query "$question" > /dev/null
	[ "$status_code" = 401 ]
}

# A provider on this machine, and a configuration that names it.
provider_start() {
	command -v curl > /dev/null || skip 'no curl here'
	command -v openssl > /dev/null || skip 'no openssl here'
	echo staff > roles
	python3 "$BATS_TEST_DIRNAME/provider.py" . > issuer &
	PROVIDER=$!
	for _ in $(seq 600); do [ -s issuer ] && break; sleep 0.05; done
	ISSUER=$(cat issuer)
	mkdir -p config
	echo "{\"auth\":{\"oidc\":{\"issuer\":\"$ISSUER\",\"client_id\":\"at\",\"client_secret\":\"the-secret\",\"audience\":\"at-serve\",\"roles_claim\":\"groups\",\"roles\":{\"staff\":\"viewer\"}}}}" > config/analytics.json
}
# Through the provider and back, as a browser goes; the status of the last answer.
log_in() { curl -s -L -o body -w '%{http_code}' -c jar -b jar "$U/auth/login?then=$1"; }

@test "login through a provider gives a session, with the roles that are mapped" {
	provider_start
	serve_start -c config
	[ "$(log_in /api/v1/me)" = 200 ]
	grep -q anna body && grep -q viewer body
	[ "$(curl -s -o body -w '%{http_code}' -b jar "$U/api/v1/keys")" = 403 ]
	# a browser would keep the Strict cookie back while it follows what the provider began: a page of ours sends it on
	rm jar
	[ "$(curl -s -L -H 'Accept: text/html,*/*;q=0.8' -o body -D head -w '%{http_code}' -c jar -b jar "$U/auth/login" -G --data-urlencode 'then=/a?x="<&y=1')" = 200 ]
	grep -qF 'content="0;url=/a?x=&quot;&lt;&amp;y=1"' body && ! grep -qF '"<' body
	grep -qi '^set-cookie: at_session=.*HttpOnly; SameSite=Strict' head
	[ "$(curl -s -o body -w '%{http_code}' -b jar "$U/api/v1/me")" = 200 ]
	echo strangers > roles
	rm jar
	[ "$(log_in /)" = 403 ]
	[ "$(curl -s -o body -w '%{http_code}' "$U/auth/callback?code=c1&state=x")" = 401 ]
	at-admin audit -a | jq -r '.action + " " + .who + " " + .result' | grep -qx 'login anna ok'
	not grep -q 'the-secret' serve.log
}

@test "a token of the provider is taken, and a changed one is not" {
	provider_start
	serve_start -c config
	claims="{\"iss\":\"$ISSUER\",\"aud\":\"at-serve\",\"sub\":\"robot\",\"exp\":$(($(date +%s) + 3600)),\"groups\":\"staff\"}"
	token=$(curl -s -G "$ISSUER/sign" --data-urlencode "claims=$claims")
	# events are taken as they come, so who sends them first is asked to come again while the provider's keys are fetched
	[ "$(code /api/v1/events/batch -H "Authorization: Bearer $token" -H 'Content-Type: application/json' -d '[]')" = 503 ]
	grep -qi '^retry-after: 1' head
	for _ in $(seq 600); do
		[ "$(code /api/v1/events/batch -H "Authorization: Bearer $token" -H 'Content-Type: application/json' -d '[]')" = 503 ] || break
		sleep 0.05
	done
	[ "$(code /api/v1/events/batch -H "Authorization: Bearer $token" -H 'Content-Type: application/json' -d '[]')" = 403 ]
	[ "$(code /api/v1/me -H "Authorization: Bearer $token")" = 200 ]
	grep -q robot body
	[ "$(code /api/v1/me -H "Authorization: Bearer ${token%????}AAAA")" = 401 ]
	[ "$(code /api/v1/keys -H "Authorization: Bearer $token")" = 403 ]
	kill "$PROVIDER"
	PROVIDER=
	[ "$(code /api/v1/me -H "Authorization: Bearer $token")" = 200 ]       # its keys are known
}

@test "audit verify: a whole log gives its anchor, a cut one fails (fault 51)" {
	at-admin -q key create > /dev/null
	at-admin -q key create > /dev/null
	run -0 --separate-stderr at-admin audit verify -v
	[[ $output =~ ^2:[0-9a-f]{64}$ && $stderr == "at-admin: 2 entries hold" ]]
	anchor=$output
	at-admin -q key create > /dev/null
	at-admin audit verify "$anchor" > /dev/null
	run -1 --separate-stderr at-admin audit verify "2:${anchor:3}0"
	run -2 at-admin audit verify rubbish
	cp -r "$AT_STORE/system" old
	at-admin -q key create > /dev/null
	cp "$AT_STORE/system/audit.anchor" old/
	rm -r "$AT_STORE/system"
	mv old "$AT_STORE/system"
	run -1 --separate-stderr at-admin audit verify
	[[ $stderr == *"the log ends with entry 3, and there were 4"*"its tail was cut"* ]]
}

@test "a damaged byte of the audit is found and the entry named (fault 51)" {
	for i in 1 2 3 4 5; do at-admin -q key create > /dev/null; done
	# the last page that has the entry; LMDB keeps older ones
	python3 - "$AT_STORE/system/data.mdb" <<-'E'
	import sys
	b = bytearray(open(sys.argv[1], 'rb').read())
	at = 0
	while (at := b.find(b'{"seq":3,', at)) >= 0:
	    b[at + 30] ^= 1
	    at += 1
	open(sys.argv[1], 'wb').write(b)
	E
	run -1 --separate-stderr at-admin audit verify
	[[ $stderr == *"entry 3 cannot be read"* ]]
}

@test "files of the system are their owner's alone, and no link is followed (fault 63)" {
	at-admin -q key create > /dev/null
	[ "$(stat -c %a "$AT_STORE/system")" = 700 ]
	[ "$(stat -c %a "$AT_STORE"/system/* | sort -u)" = 600 ]
	mkdir away
	rm -r "$AT_STORE/system"
	ln -s "$PWD/away" "$AT_STORE/system"
	run -1 at-admin key create
	[ -z "$(ls away)" ]
	rm "$AT_STORE/system"
	mkdir -m 700 "$AT_STORE/system"
	ln -s "$PWD/away/x" "$AT_STORE/system/data.mdb"
	run -1 at-admin key create
	[ ! -e away/x ]
}

@test "several at once: every key is there, and the chain holds" {
	at-admin init
	for i in $(seq 20); do at-admin -q key create "k$i" > /dev/null & done
	wait
	[ "$(at-admin key list | wc -l)" = 20 ]
	run -0 at-admin audit verify
	[[ $output == 20:* ]]
}
