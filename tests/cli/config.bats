#!/usr/bin/env bats
load ../helper

setup() { mkdir config; }

@test "an unknown key is an error with file and path, and what was meant" {
	echo '{"events":{"buy":{"clean":{"price":{"corce":"number"}}}}}' >config/analytics.json
	run -2 --separate-stderr at-ingest -n </dev/null
	[ "$stderr" = 'at-ingest: config/analytics.json: events.buy.clean.price.corce: no such key, did you mean "coerce"' ]
}

@test "broken JSON is told with line and column" {
	printf '{\n  "events": {\n    "a": tru\n  }\n}\n' >config/analytics.json
	run -2 --separate-stderr at-ingest -n </dev/null
	[[ $stderr == 'at-ingest: config/analytics.json:3:10: '* ]]
}

@test "a value from the environment that is not set is an error" {
	echo '{"governance":{"salt":"${AT_NO_SUCH_THING}"}}' >config/analytics.json
	run -2 --separate-stderr at-ingest -n </dev/null
	[ "$stderr" = 'at-ingest: config/analytics.json: governance.salt: ${AT_NO_SUCH_THING} is not set in the environment' ]
}

@test "a pattern that is none is an error with its path" {
	echo '{"events":{"a":{"clean":{"b":{"pattern":"("}}}}}' >config/analytics.json
	run -2 --separate-stderr at-ingest -n </dev/null
	[[ $stderr == *'config/analytics.json: events.a.clean: b: pattern: '* ]]
}

@test "a folder that -c names and that is not there is an error: rules that were meant to mask would be missed" {
	run -2 at-ingest -n -c typo <<<'{"event":"a"}'
	[ "$output" = "at-ingest: --config: there is no directory 'typo'" ]
}

@test "an AT_CONFIG that names no folder is a place without files, as ./config is" {
	AT_CONFIG=none run -0 at-ingest -n <<< '{"event":"a"}'
	AT_CONFIG=none run -2 --separate-stderr at-ingest -n -c gone <<< '{"event":"a"}'
	[ "$stderr" = "at-ingest: --config: there is no directory 'gone'" ]
	AT_CONFIG='' run -0 at-ingest -n <<< '{"event":"a"}'
}

@test "AT_CONFIG and -c name another folder; files that are not there are empty" {
	mkdir other
	echo '{"x":1}' >config/analytics.json
	run -0 at-ingest -n -c other <<<'{"event":"a"}'
	AT_CONFIG=other run -0 at-ingest -n <<<'{"event":"a"}'
	run -2 at-ingest -n </dev/null
}

@test "a source of type file is read by name; other types say that they are not in this build" {
	cat >config/data-sources.json <<-'END'
	{"sources":{"shop":{"type":"file","path":"${PLACE}/*.csv","format":"csv","event":"order"},"stream":{"type":"kafka","brokers":"b","topics":["t"]},
	"sales":{"type":"events","events":["order","refund*"],"where":".user_id != null"}}}
	END
	printf 'sku,n\na,1\n' >1.csv
	printf 'sku,n\nb,2\n' >2.csv
	export PLACE=$PWD
	run -0 at-ingest -n --from shop
	[ "$(jq -c '[.event, .properties.sku, .properties.n]' <<<"$output" | paste -sd' ')" = '["order","a","1"] ["order","b","2"]' ]
	run -2 --separate-stderr at-ingest -n --from stream
	[[ $stderr == *"source 'stream' is of type kafka, which is not in this build"* ]]
	run -2 --separate-stderr at-ingest -n --from sales
	[[ $stderr == *"source 'sales' is a name for events that are stored"* ]]
	run -2 --separate-stderr at-ingest -n --from none
	[[ $stderr == *"no source 'none' in config/data-sources.json"* ]]
}

@test "a key that a source does not have is told with the nearest, of Kafka too" {
	echo '{"sources":{"k":{"type":"kafka","brokers":"b","topics":["t"],"grup":"g"}}}' >config/data-sources.json
	run -2 at-ingest -n --from k
	[[ $output == *'sources.k.grup: no such key, did you mean "group"'* ]]
	echo '{"sources":{"k":{"type":"kafka","topics":["t"]}}}' >config/data-sources.json
	run -2 at-ingest -n --from k
	[[ $output == *brokers* ]]
}

@test "a wrong type of widget is told with all that there are" {
	mkdir -p config
	echo '{"dashboards":[{"id":"a","title":"t","layout":"grid","widgets":[{"id":"w","type":"pie","title":"x","metric":"m","position":{"x":0,"y":0,"w":1,"h":1}}]}]}' > config/dashboards.json
	at-admin init
	run -2 at-dash --once a
	[[ $output == *'dashboards[0].widgets[0].type: "pie" is none of ["metric_card"'*'"alert_list", "text"'*']' ]]
}
