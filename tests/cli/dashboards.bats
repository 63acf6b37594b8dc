#!/usr/bin/env bats
# at-dash over the store: each widget drawn, as text and as files, with the numbers that at-query gives.

load ../helper
load serve

export AT_NOW=2026-11-23T23:59:59Z

teardown() { serve_stop; }
setup() { awk -f "$root/examples/demo/shop.awk" -v days=3 > shop.ndjson; at-ingest -q shop.ndjson; }

# Every type there is, as the contract has them.
cat_all() {
	cat > all.json <<'END'
{"id":"all","title":"Everything","layout":"grid","widgets":[
 {"id":"card","type":"metric_card","title":"Purchases","metric":"purchases","timeRange":"24h","position":{"x":0,"y":0,"w":3,"h":2}},
 {"id":"gauge","type":"gauge","title":"Gauge","metric":"purchase","timeRange":"24h","position":{"x":0,"y":2,"w":3,"h":2}},
 {"id":"funnel","type":"funnel_chart","title":"Funnel","steps":["page_view","add_to_cart","checkout","purchase"],"timeRange":"2d","position":{"x":3,"y":0,"w":6,"h":4}},
 {"id":"pie","type":"pie_chart","title":"Sources","metric":"page_view","groupBy":"source","position":{"x":9,"y":0,"w":3,"h":4}},
 {"id":"line","type":"line_chart","title":"Views by source","metric":"page_view","groupBy":["source"],"timeRange":"2d","interval":"1h","position":{"x":0,"y":4,"w":6,"h":4}},
 {"id":"area","type":"area_chart","title":"Views","metric":"page_view","timeRange":"2d","position":{"x":6,"y":4,"w":6,"h":4}},
 {"id":"heat","type":"heatmap","title":"Heat","metric":"purchase","timeRange":"2d","position":{"x":0,"y":8,"w":6,"h":4}},
 {"id":"back","type":"retention","title":"Coming back","steps":["page_view","purchase"],"timeRange":"2d","position":{"x":6,"y":8,"w":6,"h":4}},
 {"id":"table","type":"table","title":"Pages","query":"SELECT page, COUNT(*) AS views FROM events WHERE event = 'page_view' AND timestamp >= :from AND timestamp < :to GROUP BY 1 ORDER BY 2 DESC, 1"},
 {"id":"bars","type":"bar_chart","title":"Countries","metric":"purchase","groupBy":"country"},
 {"id":"feed","type":"event_feed","title":"Feed"},
 {"id":"alerts","type":"alert_list","title":"Alerts"},
 {"id":"words","type":"text","title":"Words","text":"some words"}]}
END
}

@test "every type of widget is drawn, at any width, no line too wide; --ascii is ASCII" {
	cat_all
	for w in 40 80 120 200 300; do
		run -0 --separate-stderr at-dash --once --width $w all.json
		[ -z "$stderr" ]
		for title in Everything Purchases Gauge Funnel Sources 'Views by source' Heat 'Coming back' Pages Countries Feed 'no alerts' 'some words'; do
			[[ $output == *"$title"* ]] || { echo "$w: no $title"; return 1; }
		done
		[ "$(wc -L <<< "$output")" -le "$w" ]
		at-dash --once --ascii --width $w all.json > out
		! LC_ALL=C grep -q '[^ -~]' out
	done
}

@test "its numbers are those of SQL over the same store" {
	cat_all
	at-dash --once --plain all.json > out
	n=$(at-query -f csv "SELECT COUNT(*) FROM events WHERE event = 'purchase' AND timestamp >= '2026-11-22T23:59:59.000Z' AND timestamp < '2026-11-23T23:59:59.001Z'" | tail -1)
	grep -q "^Purchases, 24h: $(sed ':a;s/\B[0-9]\{3\}\>/,&/;ta' <<< "$n"), " out
	while IFS=, read -r step users; do
		grep -q "event $step, users $(sed ':a;s/\B[0-9]\{3\}\>/,&/;ta' <<< "$users")," out
	done < <(at-query -f csv "SELECT event, users FROM funnel('page_view,add_to_cart,checkout,purchase', NULL, NULL, '2d')" | tail -n +2 | tr -d '\r')
}

@test "a widget that cannot be answered says why, the others are drawn" {
	cat > bad.json <<'END'
{"id":"bad","widgets":[{"id":"one","type":"table","query":"SELECT x FROM nowhere"},{"id":"two","type":"metric_card","metric":"no_such"},
 {"id":"three","type":"metric_card","metric":"purchase","timeRange":"soon"},{"id":"four","type":"metric_card","title":"Fine","metric":"purchase"}]}
END
	run -1 --separate-stderr at-dash --once --width 200 bad.json
	[[ $stderr == *'one: '*nowhere*'three: timeRange: '* && $output == *Fine* ]]
	echo '{"id":"x","widgets":[{"id":"w","type":"cube"}]}' > wrong.json
	run -1 at-dash --once wrong.json
	[[ $output == *'wrong.json: '*'widgets'* ]]
	run -1 at-dash --once no_such
	[[ $output == *"'no_such' is no dashboard and no file; there are: overview"* ]]
}

@test "found by its id: in the configuration, in the records; without a name one is made of what there is" {
	cat_all
	mkdir config
	jq -c '{dashboards: [.]}' all.json > config/dashboards.json
	run -0 at-dash --once -c config all
	[[ $output == Everything* ]]
	run -0 at-dash --once overview
	[[ $output == Overview*page_view*'Events by name'*'Newest events'* ]]
	export AT_STORE=empty
	at-admin init > /dev/null
	run -0 at-dash --once < /dev/null
	[[ $output == *'The store is empty'* ]]
}

@test "--range and --filter hold for all widgets" {
	cat_all
	run -0 at-dash --once --plain --range 2026-11-22..2026-11-23 --filter GOOGLE all.json
	n=$(at-query -f csv "SELECT COUNT(*) FROM events WHERE event = 'purchase' AND timestamp >= '2026-11-22' AND timestamp < '2026-11-23'" | tail -1)
	[[ $output == *"Purchases, 2026-11-22..2026-11-23: $(sed ':a;s/\B[0-9]\{3\}\>/,&/;ta' <<< "$n"),"* ]]
	[[ $output == *'label google, '* && $output != *'label twitter'* ]]
}

@test "fault 27: control characters, marks of direction and broken letters of the data are shown, not obeyed" {
	printf '{"event":"e\\u001b[2J","timestamp":"2026-11-23T12:00:00Z","properties":{"page":"\\u202eevil\\u0007\\u009b2J","wide":"日本語日本語","zalgo":"a\\u0301\\u0302\\u0303\\u0304"}}\n' | at-ingest -q
	cat > hostile.json <<'END'
{"id":"h","title":"t\u001b]0;x\u0007","widgets":[{"id":"a","type":"event_feed","title":"\u001b[31m\u202e","timeRange":"2026-11-23T12:00:00Z..2026-11-23T12:00:01Z"},
 {"id":"b","type":"table","query":"SELECT page, wide, zalgo FROM events WHERE page IS NOT NULL AND wide IS NOT NULL"},
 {"id":"c","type":"text","text":"\u001bc words \u2066"}]}
END
	for how in '' --plain --ascii --color=always; do
		at-dash --once --width 120 $how hostile.json > out
		if [ "$how" = --color=always ]; then sed -i 's/\x1b\[[0-9;]*m//g' out; fi
		! LC_ALL=C grep -q "$(printf '[\001-\011\013-\037\177]')" out
		! LC_ALL=C grep -q "$(printf '\302[\200-\237]\|\342\200\256\|\342\201\246')" out
		grep -q 'e\\x1b\[2J' out
		[ "$(wc -L < out)" -le 120 ] || [ "$how" = --plain ]
	done
}

@test "--url: at-serve gives the same picture, also of a dashboard saved there; a restricted key sees what it may" {
	cat_all
	serve_start
	post /api/v1/dashboards "$(cat all.json)" > /dev/null
	export AT_KEY=$KEY
	at-dash --once --width 120 all > store.txt
	at-dash --once --width 120 --url "$U/" all > url.txt
	diff store.txt url.txt
	at-dash --once --plain --range 2d --url "$U" all.json > url.txt
	at-dash --once --plain --range 2d all.json | diff - url.txt
	post /api/v1/roles '{"name":"swiss","permissions":["read:*"],"rows":".properties.country == \"CH\""}' > /dev/null
	AT_KEY=$(post /api/v1/keys '{"name":"k","roles":["swiss"]}' | jq -r .key)
	n=$(at-query -f csv "SELECT COUNT(*) FROM events WHERE event = 'purchase' AND country = 'CH' AND timestamp >= '2026-11-22T23:59:59.000Z' AND timestamp < '2026-11-23T23:59:59.001Z'" | tail -1)
	at-dash --once --plain --url "$U" all > swiss.txt
	grep -q "^Purchases, 24h: $n, " swiss.txt
	AT_KEY=wrong run -1 at-dash --once --url "$U" all
	[ -z "$(AT_KEY= at-dash --once --url "$U" all 2> /dev/null)" ]
	serve_stop
}
