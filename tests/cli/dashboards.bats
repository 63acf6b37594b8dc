#!/usr/bin/env bats
# at-dash over the store: each widget drawn, as text and as files, with the numbers that at-query gives.

load ../helper
load serve

none() { ! "$@"; }                    # a bare ! does not fail a test
export AT_NOW=2026-11-23T23:59:59Z

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
		none env LC_ALL=C grep -q '[^ -~]' out
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

@test "units stand at the marks of a scale, at figures and ends; a long one stands above them" {
	chart() { printf '{"id":"%s","type":"%s","title":"%s","unit":"%s","query":"SELECT %s","position":{"x":%s,"y":%s,"w":4,"h":4}}' "$1" "$2" "$1" "$3" "$4" "$5" "$6"; }
	over_time() { echo "'2026-01-01T00:00:00.000Z' AS t, $1 AS v UNION ALL SELECT '2026-01-02T00:00:00.000Z', $2"; }
	{
		echo '{"id":"u","widgets":['
		chart ms line_chart ms "$(over_time 120 340)" 0 0; echo ,
		chart slow line_chart ms "$(over_time 12000 34000)" 4 0; echo ,
		chart part line_chart % "$(over_time 0.05 0.071)" 8 0; echo ,
		chart euro area_chart € "$(over_time -3 1234.5)" 0 4; echo ,
		chart size line_chart bytes "$(over_time 0 6442450944)" 4 4; echo ,
		chart long line_chart requests/s "$(over_time 10 30)" 8 4; echo ,
		chart cols bar_chart ms "$(over_time 8 16)" 0 8; echo ,
		chart arc gauge % "0.25, 0, 1" 4 8; echo ,
		chart heat heatmap % "'a' AS x, 'b' AS y, 0.5 AS v UNION ALL SELECT 'c', 'b', 0.25" 8 8
		echo ']}'
	} > u.json
	at-dash --once --width 160 u.json > out
	for mark in '400 ms ┤' '0 ms ┤' '40 s ┤' ' 9 % ┤' ' 5 % ┤' '€1,500 ┤' '-€500 ┤' '8 GiB ┤' '4 GiB ┤' '│ requests/s ' ' 32 ┤' '16 ms ┤' '│ 0 % .* 100.0 %' ' 0 %  .* 50 %'; do
		grep -q -- "$mark" out || { echo "no '$mark'"; cat out; return 1; }
	done
	grep -q '│   -€500 ┤  *│' out                           # an area stands on nothing, not on the scale's foot
	at-dash --once --plain u.json > out
	grep -q 'from 120 ms at .* to 340 ms at .*; lowest 120 ms, highest 340 ms' out
	at-dash -o u.svg u.json
	for mark in '400 ms' '40 s' '9 %' '€1,500' '8 GiB' 'requests/s' '16 ms'; do
		grep -q -- ">$mark<" u.svg || { echo "no '$mark'"; return 1; }
	done
}

@test "a position beyond the grid is no fault: it lies within, or is of a grid of 24 columns" {
	serve_start
	for at in '"x":9,"y":0,"w":4' '"x":0,"y":0,"w":200' '"x":40,"y":0,"w":1'; do
		echo '{"id":"wide","widgets":[{"id":"a","type":"text","title":"Here","text":"some words","position":{'"$at"',"h":2}}]}' > wide.json
		at-dash --once --width 120 wide.json | grep -q 'words'
		call PUT /api/v1/dashboards/wide -H 'Content-Type: application/json' -d @wide.json > /dev/null
		[[ $status_code == 20[01] ]]
	done
	half() { echo "{\"id\":\"$1\",\"type\":\"text\",\"title\":\"Part $1\",\"text\":\"words\",\"position\":{\"x\":$2,\"y\":$3,\"w\":$4,\"h\":2}}"; }
	echo "{\"id\":\"wide\",\"widgets\":[$(half a 0 0 12),$(half b 12 0 12),$(half c 0 2 24)]}" > wide.json
	at-dash --once --width 120 wide.json > out
	grep -q '^╭ Part a ─*╮╭ Part b ─*╮$' out && grep -q '^╭ Part c ─*╮$' out || { cat out; return 1; }
}

@test "milliseconds are said as in the browser: as seconds, minutes, hours, days" {
	command -v node > /dev/null || skip "node is not here"
	values='-1500 -3 0 7 40 999 1000 1499.6 1500 59940 59950 59999 60000 754000 3599400 3599600 9000000 86369000 86370000 86400000 400000000 1e13'
	for v in $values; do printf '%s{"id":"w%s","type":"metric_card","title":"T","unit":"ms","query":"SELECT %s AS v"}' "${sep:-}" "$((n += 1))" "$v"; sep=,; done > widgets
	echo "{\"id\":\"spans\",\"widgets\":[$(cat widgets)]}" > spans.json
	at-dash --once --plain spans.json | sed -n 's/^T: //p' > here
	mkdir page                          # where they are modules for older ones of node, too
	cp "$root"/lib/serve/web/*.js page
	echo '{"type":"module"}' > page/package.json
	node --input-type=module -e 'globalThis.localStorage = { getItem() {} }; const f = await import(process.argv[1]);
	for (const v of process.argv.slice(2)) console.log(f.number(+v, { unit: "ms" }));' "$PWD/page/format.js" $values > there
	diff here there
	echo '{"id":"s","widgets":[{"id":"s","type":"line_chart","title":"S","unit":"ms","query":"SELECT '"'2026-01-01T00:00:00.000Z' AS t, 120000 AS v UNION ALL SELECT '2026-01-02T00:00:00.000Z', 850000"'","position":{"x":0,"y":0,"w":12,"h":6}}]}' > s.json
	at-dash --once s.json > out
	grep -q ' 16 min ┤' out && grep -q ' 0 min ┤' out || { cat out; return 1; }
}

@test "bars of a query with a time and a label are over time, by label, as in the browser" {
	query="SELECT column1 AS t, column2 AS k, column3 AS v FROM (VALUES ('2026-01-01T00:00:00.000Z', 'north', 3), ('2026-01-01T00:00:00.000Z', 'south', 9), ('2026-01-02T00:00:00.000Z', 'north', 5))"
	bars() { echo "{\"id\":\"b\",\"widgets\":[{\"id\":\"b\",\"type\":\"bar_chart\",\"title\":\"B\",\"query\":\"$1\",\"position\":{\"x\":0,\"y\":0,\"w\":12,\"h\":4}}]}" > b.json; }
	bars "$query"
	at-dash --once b.json > out
	grep -q '█ south 9 *▓ north 5' out && grep -q ' 0 ┤' out || { cat out; return 1; }
	at-dash --once --plain b.json | grep -q 'north: from 3 at .* to 5 at '
	at-dash -o b.svg b.json
	grep -q '>south<' b.svg && grep -q '>north<' b.svg
	bars "SELECT t, k, v FROM ($query) WHERE t < '2026-01-02'"              # at one time: by name
	at-dash --once b.json | grep -q '│ *south .* 9 *│'
	bars "SELECT k, t, v FROM ($query)"                                     # names come first: by name
	at-dash --once b.json | grep -c '│ *north .* [35] *│' | grep -qx 2
	bars "SELECT t, SUM(v) AS sum, COUNT(*) AS n FROM ($query) GROUP BY t"
	at-dash --once b.json | grep -q '█ sum 5 *▓ n 1'
}

# The lines of a plot: what stands behind its scale.
plot() { sed -n 's/^|[ 0-9-]*[0-9 ] |\(.*\) |$/\1/p' "$1" | sed 's/ *$//'; }

@test "bars over time stand beside each other, or stacked on each other, in the terminal and in pictures; areas are stacked too" {
	query="SELECT column1 AS t, column2 AS k, column3 AS v FROM (VALUES ('2026-01-01T00:00:00.000Z', 'south', 8), ('2026-01-01T00:00:00.000Z', 'north', 4), ('2026-01-02T00:00:00.000Z', 'south', 4), ('2026-01-04T00:00:00.000Z', 'north', 4))"
	widget() { echo "{\"id\":\"b\",\"widgets\":[{\"id\":\"b\",\"type\":\"$1\",\"title\":\"B\",\"stacked\":$2,\"query\":\"${3:-$query}\",\"position\":{\"x\":0,\"y\":0,\"w\":12,\"h\":4}}]}" > b.json; }
	widget bar_chart false
	at-dash --once --ascii --width 60 b.json > out
	# a place for each day, the third is empty
	diff <(plot out) - <<'END' || { cat out; return 1; }
#####
#####
#####
#####
#####===== #####                        =====
#####===== #####                        =====
#####===== #####                        =====
#####===== #####                        =====
END
	widget bar_chart true
	at-dash --once --ascii --width 60 b.json > out
	diff <(plot out) - <<'END' || { cat out; return 1; }
==========
==========
==========
##########
##########
########## ##########              ==========
########## ##########              ==========
########## ##########              ==========
END
	at-dash --render b.svg b.json
	[ "$(grep -o '<rect class="f8"' b.svg | wc -l)" -ge 2 ]
	# where there is no room for each beside each: the smaller in front of the larger
	widget bar_chart false "WITH RECURSIVE t(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM t WHERE i < 199) SELECT DATETIME(1767225600 + 3600 * i, 'unixepoch') || 'Z' AS t, 4 AS low, 8 AS high FROM t"
	at-dash --once --ascii --width 60 b.json > out
	diff <(plot out | sort | uniq -c | sed 's/^ *//') - <<'END' || { cat out; return 1; }
4 ###############################################
4 ===============================================
END
	widget area_chart true
	at-dash --once --ascii --width 60 b.json > out
	diff <(plot out) - <<'END' || { cat out; return 1; }
==
=====
========
#####=====
###########==
#################    ==========================
#############################==================
#########################################======
END
	at-dash --render b.svg b.json
	[ "$(grep -o '<polygon class="f[89] a"' b.svg | sort -u | wc -l)" = 2 ]
	# above and below nothing, each for itself
	widget bar_chart true "SELECT column1 AS t, column2 AS came, column3 AS went, column4 AS lost FROM (VALUES ('2026-01-01T00:00:00.000Z', 4, -2, -2), ('2026-01-02T00:00:00.000Z', 2, -4, NULL))"
	at-dash --once --ascii --width 60 b.json > out
	diff <(plot out) - <<'END' || { cat out; return 1; }
######################
######################
###################### ######################
###################### ######################
====================== ======================
====================== ======================
********************** ======================
********************** ======================
END
}

@test "how a metric may go on is drawn behind it, in the terminal and in pictures: what at-insight forecasts, and at-serve" {
	echo '{"id":"f","widgets":[{"id":"f","type":"line_chart","title":"F","metric":"page_view","interval":"1h","timeRange":"2d","forecast":true,"position":{"x":0,"y":0,"w":12,"h":4}}]}' > f.json
	at-dash --once --ascii --width 100 f.json > out
	grep -q '\* value .*: forecast' out && grep -q ':::' out && grep -q '11-24 ..:00 |$' out || { cat out; return 1; }        # the times go on
	at-dash --once --width 100 f.json | grep -q '░ forecast'
	at-dash --once --plain f.json | sed -n 's/^  forecast: \([0-9.,]*\) at 11-24 \(..:..\), between \([0-9.,]*\) and \([0-9.,]*\)$/\2 \1 \3 \4/p' | tr -d , > said
	at-insight forecast page_view --every 1h --range 15d --horizon 12 | tail -1 | jq -r '[.timestamp[11:16], .mean, .lower, .upper] | join(" ")' > found
	python3 - <<-'END'
	said, found = (open(f).read().split() for f in ("said", "found"))
	assert said[0] == found[0] and all(abs(float(a) - float(b)) <= 0.051 for a, b in zip(said[1:], found[1:])), (said, found)
	END
	at-dash --render f.svg f.json
	grep -q '<polygon class="f8 a"' f.svg && grep -q '>forecast<' f.svg
	for change in '.widgets[0].timeRange = "2026-11-20/2026-11-22"' '.widgets[0].groupBy = "country"' '.widgets[0].filters = {"country": "DE"}' '.widgets[0].forecast = "much"' '.widgets[0].forecast = false'; do
		jq "$change" f.json > none.json
		at-dash --once none.json > out
		none grep -q forecast out || { echo "$change"; return 1; }
	done
	serve_start
	export AT_KEY=$KEY
	at-dash --once --plain f.json > store.txt
	at-dash --once --plain --url "$U" f.json | diff store.txt -
}

@test "numbers of a table stand with their points below each other" {
	echo '{"id":"t","widgets":[{"id":"t","type":"table","title":"T","query":"SELECT column1 AS name, column2 AS n FROM (VALUES ('"'a', 12), ('b', 0.5), ('c', 1234567), ('d', NULL), ('e', -3.25), ('f', 1e-9)"')","position":{"x":0,"y":0,"w":12,"h":4}}]}' > t.json
	at-dash --once --ascii --width 40 t.json | sed -n 's/^| \(.*[^ ]\)  *|$/\1/p' > out
	diff out - <<'END'
name               n
a            12
b             0.5000
c     1,234,567
d
e            -3.25
f             1e-09
END
}

@test "what has no room is counted: names of curves, parts of a whole; one time is said once" {
	cat > many.json <<'END'
{"id":"m","widgets":[
 {"id":"l","type":"line_chart","title":"Lines","query":"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40) SELECT '2026-01-01T00:00:00.000Z' AS t, 'a name of series ' || i AS k, i AS v FROM n UNION ALL SELECT '2026-01-02T00:00:00.000Z', 'a name of series ' || i, i FROM n","position":{"x":0,"y":0,"w":6,"h":3}},
 {"id":"p","type":"pie_chart","title":"Parts","query":"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40) SELECT 'part ' || i AS k, 41 - i AS v FROM n","position":{"x":6,"y":0,"w":6,"h":5}},
 {"id":"o","type":"area_chart","title":"Once","query":"SELECT '2026-01-01T00:00:00.000Z' AS t, 42 AS v","position":{"x":0,"y":4,"w":6,"h":4}}]}
END
	at-dash --once --width 120 many.json > out
	grep -q '● a name of series 40 .*and 3[89] more' out
	grep -q 'and 32 more *528 *64.4%' out                   # 1 + … + 32 of 1 + … + 40
	grep -q '00:00 │' out && none grep -q '00:00  *00:00 │' out
	at-dash -o many.svg many.json
	echo '{"id":"p","widgets":[{"id":"p","type":"text","text":"**now** see [there](https://a.b) `x`"},{"id":"t","type":"table","query":"SELECT '"'long name '"' || HEX(ZEROBLOB(200)) AS k, 4711 AS v"},{"id":"c","type":"bar_chart","title":"C","query":"SELECT '"'2026-01-01T00:00:00.000Z'"' AS t, 312.8 AS v UNION ALL SELECT '"'2026-01-02T00:00:00.000Z'"', 7"}]}' > prose.json
	at-dash --once prose.json | grep -q 'now see there x'
	at-dash -o prose.svg prose.json
	grep -q '>now see there x<' prose.svg && grep -q '>4,711<' prose.svg && grep -q '>320<' prose.svg && grep -q '>240<' prose.svg
	grep -q '>and 3[0-9] more<' many.svg && grep -q '>64.4%<' many.svg && grep -q '>528<' many.svg
}

@test "what is unusual is drawn as what it is: no value, a text, below zero, units, old years, near marks" {
	cat > odd.json <<'END'
{"id":"odd","widgets":[
 {"id":"none","type":"metric_card","title":"None","query":"SELECT NULL, 5","position":{"x":0,"y":0,"w":3,"h":2}},
 {"id":"word","type":"metric_card","title":"Word","query":"SELECT 'a ' || CHAR(27) || '[31mword'","position":{"x":3,"y":0,"w":3,"h":2}},
 {"id":"owed","type":"metric_card","title":"Owed","query":"SELECT -1234.5, 1000","unit":"€","decimals":2,"position":{"x":6,"y":0,"w":3,"h":2}},
 {"id":"vast","type":"metric_card","title":"Vast","query":"SELECT 1e300, 5","position":{"x":9,"y":0,"w":3,"h":2}},
 {"id":"full","type":"metric_card","title":"Full","query":"SELECT 1020, 0","unit":"bytes","position":{"x":0,"y":2,"w":3,"h":2}},
 {"id":"years","type":"line_chart","title":"Years","query":"SELECT '2016-01-01T00:00:00.000Z' AS t, 4 AS v UNION ALL SELECT '2026-06-01T00:00:00.000Z', 8","position":{"x":0,"y":4,"w":6,"h":4}},
 {"id":"near","type":"line_chart","title":"Near","query":"SELECT '2026-01-01T00:00:00.000Z' AS t, 1000700 AS v UNION ALL SELECT '2026-01-02T00:00:00.000Z', 1000790","min":1,"position":{"x":6,"y":4,"w":6,"h":4}},
 {"id":"bars","type":"bar_chart","title":"Bars","query":"SELECT '2026-01-01T00:00:00.000Z' AS t, 8 AS v UNION ALL SELECT '2026-01-02T00:00:00.000Z', -8","position":{"x":0,"y":8,"w":6,"h":4}},
 {"id":"pie","type":"pie_chart","title":"Pie","query":"SELECT 'north' AS k, 8 AS v UNION ALL SELECT 'south', 8","position":{"x":6,"y":8,"w":2,"h":4}},
 {"id":"same","type":"line_chart","title":"Same","query":"SELECT '2026-01-01T00:00:00.000Z' AS t, 80 AS v","position":{"x":8,"y":8,"w":4,"h":4}}]}
END
	at-dash --once --plain odd.json > out
	grep -qx 'None: -' out
	grep -q '^Word: a .*\[31mword$' out && none grep -q $'\033' out
	grep -qx 'Owed: -€1,234.50, -223.5% from €1,000.00' out
	grep -qx 'Vast: 1e+300, +2e+301% from 5' out
	grep -qx 'Full: 1020 B.*' out
	grep -q 'from 4 at 2016-01-01 to 8 at 2026-06-01' out
	grep -q 'from 1,000,700 at 01-01 00:00 to 1,000,790 at 01-02 00:00' out
	at-dash --once --ascii --width 120 odd.json > out
	grep -q '2016-01-01  *2026-06-01' out
	grep -q ' 1000800 |' out && grep -q ' 1000700 |' out
	grep -q 'north *50.0%' out
	grep -q ' 80 |' out && grep -q ' 0 |  *' out && [ "$(grep -c ' 80 |' out)" = 1 ]          # one value has a scale too
	grep -q '^|       8 |##*  ' out && grep -q '^|      -8 |   *##*' out        # one bar above nothing, one below it
	none grep -q $'\033' out
	at-dash --render odd.svg odd.json
	[[ $(cat odd.svg) == *'>-8<'* && $(cat odd.svg) == *'1000700'* ]]
	sed 's/AS t, 8 AS v/AS t, 9e999 AS v/' odd.json > endless.json
	at-dash --once --ascii --width 120 endless.json > out
	grep -q '^|       0 |  *|' out && grep -q '^|      -8 |   *##*' out     # what is endless is no bar, the other stays one
	[ "$(grep -o '>2016-01-01<' odd.svg | wc -l)" = 1 ]           # no times over each other
}

@test "a widget that cannot be answered says why, the others are drawn" {
	cat > bad.json <<'END'
{"id":"bad","widgets":[{"id":"one","type":"table","query":"SELECT x FROM nowhere"},{"id":"two","type":"metric_card","metric":"no_such"},
 {"id":"three","type":"metric_card","metric":"purchase","timeRange":"soon"},{"id":"four","type":"metric_card","title":"Fine","metric":"purchase"}]}
END
	run -1 --separate-stderr at-dash --once --width 200 bad.json
	[[ $stderr == *'one: '*nowhere*'three: timeRange: '* && $output == *Fine* ]]
	cat > odd.json <<'END'
{"id":"odd","widgets":[{"id":"ever","type":"metric_card","metric":"purchase","timeRange":".."},{"id":"second","type":"table","query":"SELECT 1; SELECT 2"},
 {"id":"fine","type":"line_chart","query":"SELECT value FROM generate_series(1, 200000)"},{"id":"write","type":"table","query":"DELETE FROM events"},
 {"id":"rows","type":"table","query":"SELECT value FROM generate_series(1, 200000)"}]}
END
	run -1 --separate-stderr at-dash --render odd.out.json odd.json
	[[ $stderr == *"second: one statement at a time"*'fine: more than 100000 values'*'write: '*'only reading'* && $stderr != *ever:* && $stderr != *rows:* ]]
	[ "$(jq '.widgets[0].value' odd.out.json)" = "$(at-query -f csv "SELECT COUNT(*) FROM events WHERE event = 'purchase'" | tail -1 | tr -d '\r')" ]
	[ "$(jq -c '.widgets[4] | [.more, (.rows | length)]' odd.out.json)" = '[true,100000]' ]
	echo '{"id":"x","widgets":[{"id":"w","type":"cube"}]}' > wrong.json
	run -1 at-dash --once wrong.json
	[[ $output == *'wrong.json:1:32: widgets'* ]]
	run -1 at-dash --once no_such
	[[ $output == *"'no_such' is no dashboard and no file; there are: overview"* ]]
}

@test "what is wrong in a file is told with its line and column; a query that asks for no range is not said to be of one" {
	echo '{"event":"order","timestamp":"2026-06-17T09:00:00Z","user_id":"u1"}' | at-ingest -q
	printf '{\n "id":"b",\n "widgets":[\n  {"id":"a","type":"text","text":"x"},\n  {"id":"c","type":"text",\n   "titel":"x"}]}\n' > key.json
	printf '{"id":"b","widgets":[\n{"id":"a","type":"metric_crd","metric":"m"}]}' > type.json
	printf '{"id":"b","widgets":[{"id":"a","type":"funnel_chart",\n\n"steps":[]}]}' > steps.json
	printf '{"id":"b","widgets":[{"id":"a","type":"text","text":"x"},\n{"type":"text","id":"a"}]}' > twice.json
	for one in key.json:6:4 type.json:2:11 steps.json:3:1 twice.json:2:16; do
		run -1 --separate-stderr at-dash --once "${one%%:*}"
		[[ $stderr == "at-dash: $one: widgets["* ]] || { echo "$one: $stderr"; return 1; }
	done
	echo '{"id":"b","title":"B","widgets":[{"id":"q","type":"table","title":"Whole","query":"SELECT COUNT(*) AS n FROM events"},
	{"id":"r","type":"table","title":"Part","query":"SELECT COUNT(*) AS n FROM events WHERE timestamp >= :from"}]}' > b.json
	at-dash --once b.json | grep -q 'Whole [^0-9]*Part [^0-9]*24h'
	at-dash --plain b.json < /dev/null > out
	[[ $(grep Whole out) != *24h* && $(grep Part out) == *24h* ]]
	at-insight report --dashboard b.json -f markdown > out
	[[ $(grep Whole out) != *24h* && $(grep Part out) == *24h* ]]
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
		none env LC_ALL=C grep -q "$(printf '[\001-\011\013-\037\177]')" out
		none env LC_ALL=C grep -q "$(printf '\302[\200-\237]\|\342\200\256\|\342\201\246')" out
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
	post /api/v1/roles '{"name":"blind","permissions":["read:*"],"hide":["user_id"]}' > /dev/null
	post /api/v1/keys '{"name":"b","roles":["blind"]}' > blind.json
	echo '{"id":"feed","widgets":[{"id":"f","type":"event_feed","limit":3}]}' > feed.json
	AT_KEY=$(jq -r .key blind.json) at-dash --once --plain --range 2d --url "$U" feed.json > blind.txt
	grep -q purchase blind.txt && ! grep -q 'column' blind.txt
	AT_KEY=wrong run -1 at-dash --once --url "$U" all
	[ -z "$(AT_KEY= at-dash --once --url "$U" all 2> /dev/null)" ]
	serve_stop
}

@test "--render: JSON and CSV have the cells that at-query gives; SVG and HTML are well-formed, need nothing else, and are the same twice" {
	cat_all
	for f in txt svg html json csv; do at-dash --render one.$f all.json; at-dash --render two.$f all.json; cmp one.$f two.$f; done
	[ "$(jq -c '.widgets[] | select(.id == "table") | .rows' one.json)" = \
	  "$(at-query "SELECT page, COUNT(*) AS views FROM events WHERE event = 'page_view' AND timestamp >= '2026-11-22T23:59:59.000Z' AND timestamp < '2026-11-23T23:59:59.001Z' GROUP BY 1 ORDER BY 2 DESC, 1" | jq -c '[.page, .views]' | jq -sc .)" ]
	[ "$(jq -c '.widgets[] | select(.id == "line") | .rows' one.json)" = \
	  "$(at-query "SELECT \"by\", timestamp, value FROM metric('page_view', NULL, 'source', '1h', '2026-11-21T23:59:59Z', '2026-11-23T23:59:59.001Z')" | jq -c '[.by, .timestamp, .value]' | jq -sc .)" ]
	[ "$(jq -c '.widgets[] | select(.id == "back") | [.rows[] | .[:3]]' one.json)" = \
	  "$(at-query "SELECT cohort, period, rate FROM retention('page_view', 'purchase', '1d', 8, '2d')" | jq -c '[.cohort, .period, .rate]' | jq -sc .)" ]
	[ "$(jq '.widgets[] | select(.id == "card") | .value' one.json)" = "$(grep -m1 '^card,1,value,' one.csv | tr -d '\r' | cut -d, -f4)" ]
	[ "$(head -1 one.csv | tr -d '\r')" = widget,row,column,value ]
	python3 -c "import xml.dom.minidom as m; m.parse('one.svg')"
	python3 - <<'END'
import html.parser, re
page = open('one.html').read()
class P(html.parser.HTMLParser):
	def __init__(self): super().__init__(); self.open = []; self.seen = {}
	def handle_starttag(self, tag, attrs):
		self.seen[tag] = self.seen.get(tag, 0) + 1
		assert not any(k in ('src', 'href') or k.startswith('on') for k, _ in attrs), (tag, attrs)
		if tag not in ('meta', 'rect', 'polyline', 'polygon'): self.open.append(tag)
	def handle_endtag(self, tag):
		if tag not in ('meta', 'rect', 'polyline', 'polygon'): assert self.open.pop() == tag
p = P(); p.feed(page); p.close()
assert not p.open and 'script' not in p.seen and p.seen['svg'] == 13 and p.seen['table'] == 12, p.seen
END
	echo '{"metric":"m","timestamp":60,"count":5}' | at-dash --render rows.txt
	grep -q '^m .* 5$' rows.txt
	run -2 at-dash --render x.doc all.json
	[[ $output == *'try .txt, .svg, .html, .json or .csv'* ]]
	[ ! -e x.doc ]
}

@test "faults 28, 29: hostile texts in a page, a picture and a table are text" {
	printf '{"event":"page_view","timestamp":"2026-11-23T12:00:00Z","properties":{"page":"=cmd|calc","x":"<script>alert(1)</script>\\"'"'"'&\\u001b[2J\\u202e"}}\n' | at-ingest -q
	cat > hostile.json <<'END'
{"id":"h","title":"</title><script>alert(1)</script>","widgets":[{"id":"a","type":"bar_chart","title":"<img src=x onerror=alert(1)>","metric":"page_view","groupBy":"x"},
 {"id":"b","type":"table","title":"\u001b]0;x","query":"SELECT x, page FROM events WHERE x IS NOT NULL"},{"id":"c","type":"text","text":"]]><script>"}]}
END
	for f in svg html; do
		at-dash --render h.$f hostile.json
		none grep -q '<script\|<img' h.$f
		none env LC_ALL=C grep -q "$(printf '[\001-\010\013-\037]')" h.$f
	done
	python3 -c "import xml.dom.minidom as m; m.parse('h.svg')"
	at-dash --csv-safe --render h.csv hostile.json
	grep -q "page,'=cmd" h.csv
}

@test "definitions may say more: variables, filters, units, bounds, thresholds, annotations, a range for all" {
	cat > more.json <<'END'
{"id":"m","title":"$who only","timeRange":"2d","variables":[{"name":"who","default":"DE"}],"annotations":[{"timestamp":"2026-11-23T14:05:00Z","text":"down"}],"widgets":[
 {"id":"euros","type":"metric_card","metric":"purchase","unit":"€","decimals":2,"filters":{"country":"DE"}},
 {"id":"parts","type":"bar_chart","metric":"purchase","groupBy":"source","filters":{"country":"DE"},"limit":2},
 {"id":"none","type":"metric_card","metric":"purchase","filters":{"country":"XX"}},
 {"id":"var","type":"table","query":"SELECT COUNT(*) AS n FROM events WHERE event = 'purchase' AND country = :who AND timestamp >= :from AND timestamp < :to"},
 {"id":"level","type":"gauge","metric":"purchase","max":100000,"thresholds":[{"value":10,"level":"bad"}]},
 {"id":"marks","type":"line_chart","metric":"purchase"},{"id":"mod","type":"custom","module":"x"},
 {"id":"feed","type":"event_feed","event":"purchase","limit":3}]}
END
	at-dash --render more.json.json more.json
	n=$(at-query -f csv "SELECT COUNT(*) FROM events WHERE event = 'purchase' AND country = 'DE' AND timestamp >= '2026-11-21T23:59:59.000Z' AND timestamp < '2026-11-23T23:59:59.001Z'" | tail -1)
	value() { jq -c ".widgets[] | select(.id == \"$1\") | $2" more.json.json; }
	[ "$(value euros .value)" = "$n" ]
	[ "$(value var '.rows[0][0]')" = "$n" ]
	[ "$(value none .value)" = 0 ]
	[ "$(value parts '.rows | length')" = 2 ]
	[ "$(value feed '[.rows[][1]] | unique')" = '["purchase"]' ]
	run -0 at-dash --once --width 120 more.json
	[[ $output == 'DE only'* && $output == *"€$(sed ':a;s/\B[0-9]\{3\}\>/,&/;ta' <<< "$n").00"*'^'*'a module of the page'* ]]
}

@test "each template in examples/config/dashboards opens on the demo's data, and each widget of it shows something" {
	awk -f "$root/examples/demo/company.awk" -v days=3 | at-ingest -q
	awk -f "$root/examples/demo/company.awk" -v days=3 -v weblog=1 > access.log
	at-ingest -q access.log
	[ "$(ls "$root"/examples/config/dashboards/*.json | wc -l)" -ge 4 ]
	for f in "$root"/examples/config/dashboards/*.json; do
		run -0 --separate-stderr at-dash --render out.json "$f"
		[ -z "$stderr" ]
		[ "$(jq -c '[.widgets[] | select(.error or (.type != "alert_list" and .type != "text" and (.rows | length) == 0)) | .id]' out.json)" = '[]' ]
		[ "$(jq '.widgets | length' out.json)" -ge 10 ]
	done
	at-dash --width 96 --render out.term.svg "$root/examples/config/dashboards/web-analytics.json"
	python3 -c "import xml.dom.minidom as m; m.parse('out.term.svg')"
}

@test "every number of every type of widget, in files, on the screen and of the server, is what plain SQL says, for who sees all and for who sees a part" {
	command -v tmux > /dev/null || skip 'tmux is not here'
	rm -rf "$AT_STORE"
	echo '[{"alert":"high","expr":".value > 5"}]' > rules.json
	serve_start
	post /api/v1/roles '{"name":"german","permissions":["read:*"],"rows":".properties.country == \"DE\""}' > /dev/null
	run python3 "$root/tests/cli/page_numbers.py" "$U" "$KEY" "$(post /api/v1/keys '{"name":"k","roles":["german"]}' | jq -r .key)"
	[ "$status" = 0 ] || { tail -c 3000 <<< "$output"; return 1; }
}
