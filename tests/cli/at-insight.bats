#!/usr/bin/env bats
# at-insight forecast: what comes next, and how sure that is.

load ../helper

# series STEP N EXPRESSION(of i): metric rows.
series() { awk -v step="$1" -v n="$2" "BEGIN { srand(7); for (i = 0; i < n; i++) printf \"{\\\"metric\\\":\\\"m\\\",\\\"timestamp\\\":%d,\\\"labels\\\":{\\\"a\\\":\\\"b\\\"},\\\"value\\\":%.6f}\\n\", 1795000000 + i * step, $3 }"; }

@test "a line goes on, the interval holds it, and steps go on in time" {
	series 3600 60 '100 + 2 * i' | at-insight forecast - --horizon 5 > out
	[ "$(wc -l < out)" = 5 ]
	jq -se 'to_entries | all((.value.mean - (220 + 2 * .key) | fabs) < 4 and .value.lower < .value.mean and .value.mean < .value.upper and .value.labels == {a: "b"})' out
	[ "$(jq -r .timestamp out | head -1)" = "$(date -u -d @$((1795000000 + 60 * 3600)) +%FT%T.000Z)" ]
}

@test "a season of a day, and one of a week over it, come again" {
	series 3600 500 '100 + 50 * sin(i * 6.2831853 / 24) + rand()' | at-insight forecast - > out
	[ "$(wc -l < out)" = 24 ]
	jq -se 'to_entries | all((.value.mean - (100 + 50 * ((.key + 500) * 6.2831853 / 24 | sin))) | fabs < 8)' out
	series 3600 1000 '100 + 50 * sin(i * 6.2831853 / 24) - (int(i / 24) % 7 >= 5 ? 40 : 0) + rand()' | at-insight forecast - --horizon 168 > out
	jq -se '[.[range(0; 168)].mean] | (max - min) > 110' out
}

@test "nineteen of twenty values of a noisy walk lie in the interval" {
	python3 - <<-'PY' > rows
	import json, random
	r = random.Random(5)
	future = open("future", "w")
	for s in range(200):
	    v = 100.0
	    for i in range(92):
	        v += r.gauss(0, 1)
	        row = {"metric": "m", "timestamp": 1795000000 + i * 86400, "labels": {"s": str(s)}, "value": round(v, 4)}
	        print(json.dumps(row)) if i < 80 else future.write(json.dumps(row) + "\n")
	PY
	at-insight forecast - --horizon 12 < rows > out
	python3 - <<-'PY'
	import json
	want = {(o["labels"]["s"], i % 12): o["value"] for i, o in enumerate(map(json.loads, open("future")))}
	got = list(map(json.loads, open("out")))
	inside = sum(o["lower"] <= want[o["labels"]["s"], i % 12] <= o["upper"] for i, o in enumerate(got)) / len(got)
	assert len(got) == 2400 and 0.9 <= inside <= 0.99, inside
	PY
}

@test "months are months of the calendar, whatever their length" {
	for y in 2020 2021 2022 2023; do for m in 01 02 03 04 05 06 07 08 09 10 11 12; do echo "{\"metric\":\"m\",\"timestamp\":\"$y-$m-01T00:00:00Z\",\"value\":$((100 + 10#$m * 3))}"; done; done > rows
	at-insight forecast - --horizon 3 < rows | jq -r .timestamp > out
	[ "$(paste -sd ' ' out)" = "2024-01-01T00:00:00.000Z 2024-02-01T00:00:00.000Z 2024-03-01T00:00:00.000Z" ]
}

@test "the last days of months go on as last days" {
	for day in 2023-01-31 2023-02-28 2023-03-31 2023-04-30 2023-05-31 2023-06-30; do printf '{"metric":"m","timestamp":"%sT00:00:00Z","count":7}\n' $day; done > rows
	[ "$(at-insight forecast - --horizon 9 < rows | jq -r '.timestamp[:10]' | tr '\n' ' ')" = '2023-07-31 2023-08-31 2023-09-30 2023-10-31 2023-11-30 2023-12-31 2024-01-31 2024-02-29 2024-03-31 ' ]
	[ "$(tail -n 5 rows | at-insight forecast - --horizon 3 | jq -r '.timestamp[:10]' | tr '\n' ' ')" = '2023-07-31 2023-08-31 2023-09-30 ' ]
	[ "$(sed 's/-[0-9]*T/-28T/' rows | tail -n 5 | at-insight forecast - --horizon 3 | jq -r '.timestamp[:10]' | tr '\n' ' ')" = '2023-07-28 2023-08-28 2023-09-28 ' ]
}

@test "counts: a missing window is nothing, and no count is negative" {
	for i in $(seq 0 5 200); do echo "{\"metric\":\"m\",\"timestamp\":$((1795000000 + 60 * i)),\"count\":1}"; done > rows
	echo "{\"metric\":\"m\",\"timestamp\":$((1795000000 + 60 * 201)),\"count\":1}" >> rows
	at-insight forecast - --horizon 4 < rows | jq -se 'all(.lower >= 0 and .mean < 5)'
}

@test "--reach gives the one row where a value is reached, or none; --horizon takes a span" {
	series 86400 60 '40 + i / 2' > rows
	run -0 at-insight forecast - --horizon 60d --reach 75 < rows
	[ "${#lines[@]}" = 1 ]
	jq -e '.mean >= 75 and .mean < 77' <<< "$output"
	run -0 at-insight forecast - --horizon 60d --reach 1000 < rows
	[ -z "$output" ]
	[ "$(at-insight forecast - --horizon 2w < rows | wc -l)" = 14 ]
}

@test "values whose squares are beyond every number are forecast as the same in other units" {
	i=0
	for v in 6.823986354126963 1.891050238483528 7.515800640503503 7.783358985820368 4.806149925676308 7.584514445950031 6.465910623499124; do echo "{\"metric\":\"m\",\"timestamp\":$((1767225600 + 86400 * i++)),\"value\":${v}e299}"; done > rows
	at-insight forecast - --horizon 1 < rows | jq '[.mean, .lower, .upper] | map(. / 1e299 * 1e6 | round)' > large
	sed 's/e299//' rows | at-insight forecast - --horizon 1 | jq '[.mean, .lower, .upper] | map(. * 1e6 | round)' > small
	cmp large small
}

@test "holidays of a file move the forecast of their days as they did before, and no other" {
	# Two years of days around 1000, 600 at weekends; of 24 to 26 December 60, 20 and 30 percent, of 1 May 40; hours of the same
	awk 'function row(t, v) { print "{\"metric\":\"m\",\"timestamp\":" t ",\"labels\":{},\"count\":" int(v) "}" }
		BEGIN { srand(1); share["12-24"] = .6; share["12-25"] = .2; share["12-26"] = .3; share["05-01"] = .4
			for (t = 1730419200; t < 1797724800; t += 86400) {
				day = strftime("%m-%d", t, 1); v = (strftime("%u", t, 1) > 5 ? 600 : 1000) * (day in share ? share[day] : 1)
				row(t, v * (1 + (rand() - .5) / 20)) } }' > days
	printf '%s\n' '# what we know' 'date,name' '12-24 Christmas' '12-25,Christmas' '2024-12-26,"Christmas"' '2025-12-26 Christmas' '2026-12-26 Christmas' \
	    '05-01 Labour Day' '2026-12-28 New' > holidays
	at-insight forecast - --horizon 14 < days > plain
	at-insight forecast - --horizon 14 --holidays holidays < days > moved
	[ "$(jq -r 'select(.holiday) | .timestamp[:10] + " " + .holiday' moved)" = $'2026-12-24 Christmas\n2026-12-25 Christmas\n2026-12-26 Christmas\n2026-12-28 New' ]
	at() { jq -se --arg d "$1" --argjson v "$2" 'any(.[]; .timestamp[:10] == $d and (.mean - $v | fabs) < $v * .08 and .lower < $v and .upper > $v)' moved; }
	at 2026-12-23 1000
	at 2026-12-24 600
	at 2026-12-25 200
	at 2026-12-26 180                    # a Saturday
	at 2026-12-28 1000                   # nothing is known of a new one
	[ "$(jq -c 'select(.timestamp[:10] == "2026-12-25") | .mean > 700' plain)" = true ]
	jq -c '{a: 1}' plain | cmp - <(jq -c '{a: 1}' moved)
	sed 's/"count"/"level"/; s/:\([0-9]*\)}$/:-\1}/' days | at-insight forecast - --horizon 14 --holidays holidays > below        # differences
	[ "$(jq -c 'select(.timestamp[:10] == "2026-12-25") | .mean > -300 and .mean < -100' below)" = true ]
	# hours, on the clock of a zone: 1 May begins at 22:00 of the day before in UTC
	awk 'BEGIN { for (t = 1772323200; t < 1777500000; t += 3600) { d = strftime("%Y-%m-%d", t + 7200, 1)
		print "{\"metric\":\"m\",\"timestamp\":" t ",\"labels\":{},\"count\":" (d == "2026-04-03" || d == "2026-04-10" ? 20 : 100) + t / 3600 % 5 "}" } }' > hours
	printf '%s\n' '2026-04-03 Shut' '2026-04-10 Shut' '2026-05-01 Shut' > shut
	at-insight forecast - --horizon 48 --holidays shut --tz Europe/Zurich < hours > moved
	[ "$(jq -r 'select(.holiday) | .timestamp' moved | sed -n '1p;$p' | paste -sd ' ' -)" = '2026-04-30T22:00:00.000Z 2026-05-01T21:00:00.000Z' ]
	jq -se 'all(.[] | select(.holiday); .mean < 40) and all(.[] | select(.holiday | not); .mean > 90)' moved
	# what is no such file
	printf '2026-12-25 Christmas\n2026-02-30 Never\n' > bad
	run -1 --separate-stderr at-insight forecast - --holidays bad days
	[[ $stderr == "at-insight: bad:2: '2026-02-30' is no date,"* ]]
	run -1 at-insight forecast - --holidays none days
	run -2 at-insight explain --holidays holidays
	awk 'BEGIN { for (t = 0; t < 30; t++) print "{\"metric\":\"m\",\"timestamp\":" 1730419200 + t * 604800 ",\"labels\":{},\"count\":" t + 1 "}" }' > weeks
	run -0 --separate-stderr at-insight forecast - --holidays holidays weeks
	[[ $stderr == *'no part of a day have no holidays'* ]]
}

@test "a metric of the store is forecast, by labels too" {
	for i in $(seq 200); do for c in de fr; do echo "{\"event\":\"signup\",\"timestamp\":$((1795000000 + 1800 * i)),\"properties\":{\"country\":\"$c\"}}"; done; done | at-ingest -q
	export AT_NOW=$((1795000000 + 1800 * 201))
	at-insight forecast signup --horizon 6 -b country --range 4d > out
	[ "$(wc -l < out)" = 12 ]
	jq -se 'all((.mean - 2 | fabs) < 0.5) and (map(.labels.country) | unique == ["de", "fr"])' out
	run -2 --separate-stderr at-insight forecast nothing
	[[ $stderr == *nothing* ]]
}

@test "days of a zone and weeks are whole ones: none is left open at the end, and steps stay at midnight over a change of the clock" {
	export AT_STORE=$BATS_TEST_TMPDIR/zone AT_NOW=2026-06-17T12:00:00Z
	# 24 a day, one in each hour, over the spring's change of the clock and up to now
	for h in $(seq 0 2400); do echo "{\"event\":\"tick\",\"timestamp\":$((1781697600 - h * 3600)),\"user_id\":\"u\"}"; done | at-ingest -q
	run -0 at-insight forecast tick --every 1d --horizon 2 --tz Europe/Zurich
	[ "$(jq -r .timestamp <<< "$output" | tr '\n' ' ')" = '2026-06-16T22:00:00.000Z 2026-06-17T22:00:00.000Z ' ]
	jq -se 'all(.[]; .mean > 23.5 and .mean < 24.5)' <<< "$output"
	run -0 at-insight forecast tick --every 1d --horizon 2 --tz Europe/Zurich --now 2026-10-26T12:00:00Z        # behind the autumn's
	[ "$(jq -r .timestamp <<< "$output" | tr '\n' ' ')" = '2026-10-25T23:00:00.000Z 2026-10-26T23:00:00.000Z ' ]
	run -0 at-insight forecast tick --every 7d --horizon 1          # from Monday
	[ "$(jq -r .timestamp <<< "$output")" = 2026-06-15T00:00:00.000Z ]
	jq -e '.mean > 160 and .mean < 176' <<< "$output"
	run -0 at-insight summary --tz Europe/Zurich --range 60d
	[[ $output != *fell* && $output != *'stepped down'* ]]
}

@test "wrong usage and bad rows are told; other series go on" {
	run -2 --separate-stderr at-insight foresee
	[[ $stderr == *"'foresee' is no verb"* ]]
	at-admin init
	run -2 --separate-stderr at-insight forecast x --every 0
	[[ $stderr == *"--every: '0' is no length"* ]]
	run -2 at-insight forecast - --level 100
	run -2 at-insight forecast - --horizon soon < <(series 60 9 i)
	{ echo '{"metric":"x","timestamp":1795000000,"value":1}'; echo nope; series 60 30 'i + 1'; } > rows
	run -0 --separate-stderr at-insight forecast - --horizon 2 < rows
	[ "${#lines[@]}" = 2 ] && [[ $stderr == *'one time is no series'* && $stderr == *'2:1'* ]]
}

@test "on the public series of the M3 and M4 competitions it stays ahead of its peers" {
	need_shared eval/m4_score.py
	python3 -c 'import numpy' 2>/dev/null || skip "numpy is not here"
	for g in m3_quarterly:8 m3_yearly:6; do
		python3 "$shared/eval/m4_score.py" --rows "${g%:*}" | at-insight forecast - --horizon "${g#*:}" | jq -sc 'group_by(.labels.series)[] | {id: .[0].labels.series, forecast: map(.mean), lower: map(.lower), upper: map(.upper)}' > f
		python3 "$shared/eval/m4_score.py" -g "${g%:*}" --json f | jq -e '.all.owa < 0.93 and .all.coverage95 > 0.9'
	done
}

# ---- explain

# cells FACTOR: counts of country x device x browser of two weeks; those of NL times FACTOR in the second.
cells() {
	python3 - "$1" <<-'PY'
	import json, random, sys
	r = random.Random(3)
	size = {c: 40 + 30 * i for i, c in enumerate(["NL", "DE", "US", "FR", "JP"])}
	for t in ("2026-11-16", "2026-11-23"):
	    for c in size:
	        for d in ("mobile", "desktop"):
	            for b in ("chrome", "safari", "edge"):
	                n = size[c] * (float(sys.argv[1]) if c == "NL" and t > "2026-11-20" else 1)
	                print(json.dumps({"metric": "signups", "timestamp": t + "T00:00:00Z", "window": "7d", "labels": {"country": c, "device": d, "browser": b}, "count": int(r.gauss(n, n ** 0.5))}))
	PY
}

@test "explain names the value that drove a change, by how much, and what part of the whole that was" {
	run -0 at-insight explain - <<< "$(cells 0.4)"
	[[ ${lines[0]} == 'Signups fell '*' % from '* ]]
	[[ ${lines[1]} == 'Country NL: signups fell '*' % of the change.' || ${lines[1]} == *'more than the whole change.' ]]
	[ ${#lines[@]} = 2 ]
	cells 0.4 | at-insight explain - -f ndjson > out
	jq -se 'length == 2 and .[0].kind == "change" and .[1].kind == "contribution" and .[1].labels == {country: "NL"} and
	    (.[1].evidence | .current < .previous and .lower < .change and .change < .upper and .p < 0.001)' out
}

# two_times LABEL-VALUE-VALUE …: rows of the metric m at two times
two_times() {
	for x in "$@"; do
		IFS=/ read -r k a b <<< "$x"
		echo "{\"metric\":\"m\",\"timestamp\":\"2026-06-01T00:00:00Z\",\"labels\":{\"k\":\"$k\"},\"$field\":$a}"
		echo "{\"metric\":\"m\",\"timestamp\":\"2026-06-02T00:00:00Z\",\"labels\":{\"k\":\"$k\"},\"$field\":$b}"
	done
}

@test "explain: what a cause has is no chance of the whole; below zero proportions are those of the size; a label that no row has is told" {
	field=count
	run -0 at-insight explain - < <(two_times a/1000/3000 b/1000/1000)
	[[ $output == *'M rose 100 % from 2,000 to 4,000'*'K a: m rose 200 % from 1,000 to 3,000, all of the change.'* ]]
	field=value
	run -0 at-insight explain - < <(two_times a/-100/-400 b/50/50 c/60/61)
	[[ $output == *'K a: m fell 300 % from -100 to -400'* ]]
	run -0 at-insight explain - < <(two_times a/100/300 b/-100/-100)
	[[ $output == *'M came to 200; in the period before it was 0'* ]]
	field=count
	at-insight explain -f ndjson - < <(two_times a/1000/1010 b/1000/490 c/1000/505 d/1000/500 e/1000/495) > out       # what did not fall is named; the fall is told
	jq -se '.[0].evidence.shared < -0.45 and .[0].evidence.shared > -0.55 and (.[0].insight | contains("; without what is named for it the rest fell 50 %")) and .[1].labels == {"k":"a"}' out
	run -2 --separate-stderr at-insight explain --by city - < <(two_times a/1/2 b/1/2)
	[[ $stderr == *"--by: no row has a label 'city'"* ]]
}

@test "explain does not make up a reason where there is none" {
	run -0 at-insight explain - <<< "$(cells 1)"
	[[ $output == *'may be chance'* && $output == *'No value stands out'* && ${#lines[@]} = 2 ]]
}

@test "explain takes the dimensions that --by names, and a ratio as num and den with its mix" {
	run -0 at-insight explain - --by device <<< "$(cells 0.4)"
	[[ $output != *NL* ]]
	printf '%s\n' '{"metric":"rate","timestamp":"2026-11-16","labels":{"device":"desktop"},"num":8000,"den":80000}' \
	    '{"metric":"rate","timestamp":"2026-11-16","labels":{"device":"mobile"},"num":400,"den":20000}' \
	    '{"metric":"rate","timestamp":"2026-11-23","labels":{"device":"desktop"},"num":2400,"den":20000}' \
	    '{"metric":"rate","timestamp":"2026-11-23","labels":{"device":"mobile"},"num":2400,"den":80000}' > rows
	run -0 at-insight explain - rows
	[[ ${lines[0]} == 'Rate fell by 3.6 points from 8.4 % to 4.8 %'* ]]
	[[ $output == *"Nearly every device by itself rose, though the whole fell"* ]]
}

@test "explain says what it cannot: one time, different things, events, no labels, too many periods" {
	run -1 --separate-stderr at-insight explain - <<< '{"metric":"m","timestamp":"2026-11-16","labels":{"a":"b"},"count":1}'
	[[ $stderr == *'rows of one time only'* ]]
	run -2 --separate-stderr at-insight explain - <<< '{"metric":"m","timestamp":"2026-11-16","labels":{"a":"b"},"user_id_distinct":1}'
	[[ $stderr == *'do not add up'* ]]
	run -1 --separate-stderr at-insight explain - <<< '{"event":"a","timestamp":"2026-11-16"}'
	[[ $stderr == *'counted first'* ]]
	{ cells 0.4; echo '{"metric":"signups","timestamp":"2026-11-23","labels":{"country":"NL"},"count":-4}'; } > rows
	run -0 --separate-stderr at-insight explain - rows
	[[ $stderr == *'rows:61: a count below 0'* && $output == *'Country NL'* ]]
	run -2 at-insight explain a b
	run -2 at-insight explain - --range 0 < /dev/null
	run -2 at-insight explain - -f pdf <<< "$(cells 1)"
}

@test "a metric of the store is explained: a count, a mean with its mix, a ratio of two, a number of different things with bounds" {
	python3 - <<-'PY' | at-ingest -q
	import json, random
	r = random.Random(8)
	for day in range(14):
	    for i in range(600):
	        c, d = r.choice("NL DE US FR JP".split()), r.choice(["mobile", "desktop"])
	        if day >= 7 and c == "NL" and r.random() < 0.6:
	            continue
	        t = "2026-11-%02dT%02d:%02d:00Z" % (10 + day, i % 24, i // 24)
	        print(json.dumps({"event": "page_view", "timestamp": t, "user_id": "u%d" % r.randrange(2000), "properties": {"country": c, "device": d}}))
	        if r.random() < (0.1 if day >= 7 and d == "mobile" else 0.3):
	            print(json.dumps({"event": "purchase", "timestamp": t, "user_id": "u%d" % r.randrange(2000), "properties": {"country": c, "device": d, "revenue": r.choice([5, 10, 20])}}))
	PY
	mkdir -p config
	echo '{"metrics":{"basket":{"event":"purchase","value":"avg(revenue)"},"visitors":{"event":"page_view","value":"distinct(user_id)"}}}' > config/analytics.json
	export AT_NOW=2026-11-24T00:00:00Z
	at-insight explain page_view -f ndjson > out
	jq -se '[.[] | select(.kind == "contribution") | .labels] == [{country: "NL"}]' out
	at-insight explain purchase/page_view --by country,device -f ndjson > out
	jq -se '[.[] | select(.kind == "contribution" and .labels != {}) | .labels] == [{device: "mobile"}]' out
	at-insight explain basket --by country,device -f ndjson > out
	jq -se 'length >= 1 and (.[0].evidence.current | . > 8 and . < 16)' out
	at-insight explain visitors --by country,device -f ndjson > out
	jq -se '.[1].labels == {country: "NL"} and (.[1].evidence | has("share") | not) and (.[1].evidence | .least <= .most)' out
	run -2 --separate-stderr at-insight explain nothing_of_this
	[[ $stderr == *"nothing_of_this"* ]]
}

@test "a mean is one of all values, those of a part that are 0 too; what does not change has an interval" {
	mkdir -p config
	echo '{"metrics":{"discount":{"event":"buy","value":"avg(discount)"},"buyers":{"event":"buy","value":"distinct(user_id)"}}}' > config/analytics.json
	for week in 1 2; do for i in $(seq 0 199); do
		echo "{\"event\":\"buy\",\"timestamp\":\"2026-11-$((9 + 7 * week - i % 7))T10:00:00Z\",\"user_id\":\"u$i\",\"properties\":{\"country\":\"$( ((i % 2)) && echo NL || echo DE)\",\"discount\":$((i % 2 * 10 * week))}}"
	done; done | at-ingest -q
	export AT_NOW=2026-11-24T00:00:00Z
	at-insight explain discount --by country -f ndjson | jq -se '.[0].evidence | .previous == 5 and .current == 10'
	at-insight explain buyers --by country -f ndjson | jq -se '.[0].evidence | .current == 200 and .change == 0 and .lower < 0 and .upper > 0'
}

# ---- what is worth saying

# days MODE: 60 days of signups by source and of a load; MODE null: nothing but noise.
days() {
	python3 - "$1" <<-'PY'
	import datetime, json, random, sys
	r = random.Random(1)
	null = sys.argv[1] == "null"
	for i in range(60):
	    t = (datetime.datetime(2026, 9, 1) + datetime.timedelta(days=i)).strftime("%Y-%m-%dT00:00:00Z")
	    for s in ("google", "bing"):
	        n = (200 if s == "google" else 60) * (1 if null else (1 + 0.3 * (i % 7 < 2)) * (1.5 if s == "google" and i >= 40 else 1))
	        print(json.dumps({"metric": "signups", "timestamp": t, "window": "1d", "labels": {"source": s}, "count": max(0, int(r.gauss(n, n ** 0.5)))}))
	    print(json.dumps({"metric": "load", "timestamp": t, "window": "1d", "labels": {}, "value": round(50 + (0 if null else 0.4 * i) + r.gauss(0, 2), 3)}))
	PY
}

@test "metric rows without a verb: a step, a trend and a season are told, each once, with figures that are right" {
	run -0 at-insight <<< "$(days real)"
	[[ $output =~ 'Load rose steadily, 4'[5-9]' % over 60 days' || $output =~ 'Load rose steadily, 5'[0-3]' % over 60 days' ]]
	[[ $output == *'Signups stepped up from 2'*' on 11 Oct 2026 and stayed there.'* ]]
	[ "$(grep -c rhythm <<< "$output")" = 1 ]
	days real | at-insight -f ndjson > out
	jq -se 'length >= 3 and all(.insight and .kind and (.score | . > 0 and . <= 1) and .metric and .timestamp and (.evidence | .test and (.p == null or .p < 0.05)))' out
	jq -se '[.[].score] | . == (sort | reverse)' out
}

@test "a name that is cut is cut between characters" {
	name=$(printf 'a%.0s' $(seq 119))ééé
	for i in $(seq 30); do echo "{\"metric\":\"$name\",\"timestamp\":$((1795000000 + 86400 * i)),\"value\":$((i * i))}"; done > rows
	at-insight -f ndjson < rows > out
	[ -s out ]
	iconv -f UTF-8 -t UTF-8 out > /dev/null
	run -2 --separate-stderr at-insight forecast one two
	[[ $stderr == *"'two' is more"* ]]
}

@test "where nothing is notable that is said, and rows are none" {
	run -0 at-insight <<< "$(days null)"
	[ "$output" = 'Nothing notable.' ]
	run -0 at-insight -f ndjson <<< "$(days null)"
	[ -z "$output" ]
	run -0 at-insight < /dev/null
	[ "$output" = 'Nothing notable.' ]
}

@test "of what cannot be read nothing is said to be nothing notable" {
	for form in '' 'explain -' 'explain - none.ndjson'; do
		run -1 --separate-stderr at-insight $form < /
		[ -z "$output" ]
		[[ $stderr == *irectory* ]]
	done
}

@test "--save stores insights for at-query" {
	days real | at-insight --save -f ndjson > out
	at-query -f ndjson 'SELECT insight, kind, score, metric FROM insights' > stored
	[ "$(wc -l < stored)" = "$(wc -l < out)" ]
	[ "$(jq -r .insight stored | sort)" = "$(jq -r .insight out | sort)" ]
}

# model MODE: a stub that speaks the OpenAI protocol on $port and writes what it got to `asked`.
model() {
	cat > model.py <<-'PY'
	import http.server, json, re, sys
	mode = sys.argv[1]
	class Model(http.server.BaseHTTPRequestHandler):
	    def log_message(self, *a): pass
	    def do_POST(self):
	        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
	        open("asked", "a").write(json.dumps(body) + "\n")
	        text = body["messages"][1]["content"]
	        if mode == "honest": text = re.sub("stepped up", "climbed", text)
	        if mode == "turns": text = text.replace("stepped up", "dropped").replace("rose", "fell")
	        if mode == "figures": text = re.sub(r"(\d)(?=[^\d.]*$)", "9", re.sub(r"\b(\d)(\d+)\b", r"\g<1>1\2", text), flags=re.M)
	        if mode == "chatty": text = "Sure! Here you are:\n" + text.replace("days", "days, which earned us 3 million")
	        out = json.dumps({"choices": [{"message": {"role": "assistant", "content": text}}]}).encode()
	        self.send_response(500 if mode == "broken" else 200); self.send_header("Content-Length", str(len(out))); self.end_headers(); self.wfile.write(out)
	s = http.server.HTTPServer(("127.0.0.1", 0), Model)
	open("port", "w").write(str(s.server_port))
	s.serve_forever()
	PY
	rm -f port
	python3 model.py "$1" 3>&- & echo $! > model.pid
	for _ in $(seq 600); do [ -s port ] && break; sleep 0.05; done
	export AT_LLM_URL=http://127.0.0.1:$(cat port)/v1
}
no_model() { kill "$(cat model.pid)"; unset AT_LLM_URL; }

@test "a model may phrase; a figure or direction that is not in the evidence falls back to our own words" {
	days real > rows
	at-insight < rows > own
	model honest; at-insight < rows > said; no_model
	[[ $(< said) == *'Signups climbed from 2'* ]]
	for lie in turns figures chatty broken; do
		model $lie; at-insight < rows > said; no_model
		grep -v rhythm said | cmp - <(grep -v rhythm own) || { echo "$lie"; cat said; false; }
	done
	AT_LLM_URL=http://127.0.0.1:1/v1 at-insight < rows | cmp - own
}

@test "small groups and users do not leave the machine" {
	python3 - > rows <<-'PY'
	import json, random
	r = random.Random(2)
	for t in ("2026-11-16", "2026-11-23"):
	    for c, n in (("big", 900), ("wide", 700), ("Rare", 9)):
	        for d in ("a", "b", "c", "d"):
	            m = n * (0.2 if t > "2026-11-20" and c in ("big", "Rare") else 1)
	            if c == "Rare": m = 30 if t < "2026-11-20" else 0
	            print(json.dumps({"metric": "m", "timestamp": t, "window": "7d", "labels": {"c": c, "d": d}, "count": int(m)}))
	PY
	model honest; at-insight explain - < rows > said; no_model
	[[ $(< said) == *'C Rare'* ]]
	run ! grep Rare asked
	grep -q 'C big' asked
}

@test "summary tells of the whole store, with the reasons of what changed" {
	python3 - <<-'PY' | at-ingest -q
	import json, random
	r = random.Random(8)
	for day in range(28):
	    for i in range(120):
	        c = r.choice("NL DE US FR JP".split())
	        if day >= 21 and c == "NL" and r.random() < 0.9:
	            continue
	        print(json.dumps({"event": "page_view", "timestamp": "2026-11-%02dT%02d:%02d:00Z" % (1 + day, i % 24, i // 24), "user_id": "u%d" % i, "properties": {"country": c, "device": r.choice(["a", "b"])}}))
	PY
	run -0 at-insight summary --now 2026-11-29T00:00:00Z
	[[ $output == *'Page views'*' from '*' to '* && $output == *'Country NL: page views fell '* ]]
	run -2 at-insight summary page_view
}

# ---- recommendations

@test "recommend gives items that users like this one took, not what was taken; who is new gets what is popular" {
	python3 - <<-'PY' | at-ingest -q
	import json, random
	r = random.Random(5)
	for u in range(80):
	    for i in r.sample(range(12), 6):
	        print(json.dumps({"event": "view", "timestamp": "2026-11-20T10:00:00Z", "user_id": "u%d" % u, "properties": {"product_id": "%s%d" % ("ab"[u % 2], i)}}))
	PY
	export AT_NOW=2026-11-24T00:00:00Z
	at-insight recommend --user u2 --top 4 -f ndjson > out
	jq -se 'length == 4 and all(.kind == "recommendation" and .labels.user_id == "u2" and (.labels.product_id | startswith("a")) and .evidence.because)' out
	at-query -f ndjson "SELECT DISTINCT product_id FROM events WHERE user_id = 'u2'" | jq -r .product_id | sort > took
	[ -z "$(jq -r .labels.product_id out | sort | comm -12 - took)" ]
	at-insight recommend --item b3 -f ndjson | jq -se 'length == 10 and all(.labels.product_id | startswith("b") and . != "b3")'
	at-insight recommend --user nobody -f ndjson | jq -se 'length == 10 and all(.evidence.method == "popularity")'
	printf 'u1\nu2\n' | at-insight recommend --user - --top 2 -f ndjson | jq -se 'map(.labels.user_id) == ["u1", "u1", "u2", "u2"]'
	run -0 at-insight recommend --user u2 --top 1
	[[ $output == a*' goes with a'*' users took it).' ]]
	run -1 --separate-stderr at-insight recommend --item none
	[[ $stderr == *"nobody took 'none'"* ]]
	run -2 at-insight recommend --user u1 --by nothing
	run -2 at-insight recommend --user u1 --item a1
}

@test "recommended actions say rule, precondition, effect and check, are kept, and a week later their outcome is told" {
	python3 - <<-'PY' | at-ingest -q
	import json, random
	r = random.Random(6)
	for day in range(21):
	    for i in range(60):
	        u, t = "u%d-%d" % (day, i), "2026-11-%02dT10:%02d:00Z" % (1 + day, i)
	        print(json.dumps({"event": "page_view", "timestamp": t, "user_id": u, "properties": {"c": r.choice("xyz")}}))
	        if r.random() < 0.5: print(json.dumps({"event": "signup_start", "timestamp": t, "user_id": u}))
	        else: continue
	        if r.random() < (0.2 if day < 14 else 0.6): print(json.dumps({"event": "signup_complete", "timestamp": t, "user_id": u}))
	PY
	mkdir -p config
	echo '{"funnels":{"default":{"steps":["signup_start","signup_complete"]}}}' > config/analytics.json
	at-insight recommend --save -f ndjson --now 2026-11-15T00:00:00Z > out
	jq -se 'any(.kind == "recommendation" and .evidence.rule == "funnel step" and (.evidence | .precondition and .expected and .check and .check_after and .measure < 0.3))' out
	run -0 at-insight recommend --now 2026-11-18T00:00:00Z
	[[ $output != *'Since then'* && $output == *'Look at the way from signup_start to signup_complete first'*'Expect: '*'Check in a week: at-query funnel '* ]]
	at-insight recommend --save -f ndjson --now 2026-11-22T00:00:00Z > later
	jq -se 'any(.evidence.outcome == "rose" and .evidence.rule == "funnel step" and .evidence.current > 0.5 and (.insight | contains("more than chance")))' later
	at-query -f ndjson "SELECT insight FROM insights WHERE kind = 'recommendation'" | grep -q 'Since then signup_start > signup_complete went up'
	run -0 at-insight recommend --now 2026-11-22T00:00:00Z
	[[ $output != *'Since then'* ]]
}

@test "a span that is none is named once with its option" {
	series 3600 60 '100 + 2 * i' > rows
	run -2 at-insight forecast - --horizon rubbish rows
	[ "${lines[0]}" = "at-insight: --horizon: 'rubbish' is no span of time, try 30s, 5m, 1h, 7d or 1h30m" ]
}

@test "explain of a metric that is not there says that, not that it has no parts" {
	echo '{"event":"hit","timestamp":"2026-11-14T10:00:00Z"}' | at-ingest -q
	run -2 at-insight explain nosuch
	[[ $output == *"no metric 'nosuch'"* ]]
	run -0 at-insight explain hit --now 2026-11-15T00:00:00Z
	[[ $output == 'Hits came to 1; in the period before there was nothing'*$'\n''What drove it cannot be told: hit: no field tells parts of it apart, name some by --by.' ]]
}

@test "explain of what has no parts tells what the whole did, and that no more can be told" {
	export AT_NOW=2026-11-15T00:00:00Z
	# eight a day, then twenty-four; a gauge about 40, then about 70
	awk 'BEGIN { for (d = 1; d <= 14; d++) for (i = 0; i < (d < 8 ? 8 : 24) + d * 7 % 5 - 2; i++) printf "{\"event\":\"hit\",\"timestamp\":\"2026-11-%02dT%02d:00:00Z\"}\n", d, i % 24 }' | at-ingest -q
	awk 'BEGIN { for (d = 1; d <= 14; d++) printf "{\"metric\":\"load\",\"timestamp\":\"2026-11-%02dT01:00:00Z\",\"labels\":{},\"value\":%d}\n", d, (d < 8 ? 40 : 70) + d * 7 % 5 }' | at-ingest -q
	at-insight explain hit > said
	grep -q '^Hits rose [12][0-9][0-9] % from ' said
	grep -q '^What drove it cannot be told: hit: no field tells parts of it apart' said
	at-insight explain hit -f ndjson 2> why | head -1 | jq -e '.kind == "change" and .evidence.current > 160 and .evidence.previous < 60 and .evidence.p < 1e-6 and .evidence.lower > 1 and .evidence.upper < 3'
	grep -q 'what drove it cannot be told' why
	at-insight explain load -f ndjson 2> why | head -1 | jq -e '.kind == "change" and (.evidence.current - 72 | fabs) < 2 and (.evidence.previous - 42 | fabs) < 2 and .evidence.p < 1e-6'
	# the same on both sides: chance
	at-insight explain hit --range 3d | head -1 | grep -q 'may be chance'
}

@test "explain of a metric over all events takes their properties" {
	mkdir config
	echo '{"metrics":{"all":{"value":"count"}}}' > config/analytics.json
	awk 'BEGIN { for (d = 1; d <= 14; d++) for (i = 0; i < 90; i++) if (d < 8 || i % 3 || i % 5 == 0) printf "{\"event\":\"e%d\",\"timestamp\":\"2026-11-%02dT%02d:00:00Z\",\"properties\":{\"k\":\"%s\"}}\n", i % 2, d, i % 24, substr("abc", i % 3 + 1, 1) }' | at-ingest -q
	at-insight explain all --now 2026-11-15T00:00:00Z | grep -q '^K a: all fell '
}

@test "the time before a metric's first event says nothing of how much it varies" {
	export AT_NOW=2026-11-15T00:00:00Z
	for i in $(seq 1 14); do for k in $(seq $((i * 5 % 9 + 1))); do printf '{"event":"hit","timestamp":"2026-11-%02dT10:00:00Z"}\n' "$i"; done; done | at-ingest -q
	at-insight forecast hit --every 1d --horizon 3 > out
	at-insight forecast hit --every 1d --horizon 3 --range 14d | cmp - out
	jq -se 'length == 3 and all(.upper - .lower > 6)' out
}

@test "explain: a change that all values have in common is none of chance" {
	awk 'BEGIN { for (d = 1; d <= 14; d++) for (i = 0; i < (d < 8 ? 30 : 90); i++)
		printf "{\"event\":\"hits\",\"timestamp\":\"2026-11-%02dT%02d:00:00Z\",\"properties\":{\"k\":\"%s\"}}\n", d, i % 24, substr("abc", i % 3 + 1, 1) }' | at-ingest -q
	at-insight explain hits --range 7d --by k --now 2026-11-15T00:00:00Z > said
	grep -q '^Hits rose 200 % from 210 to 630' said
}

# ---- targets

# About forty signups on weekdays and twenty-four on other days from June to the 20th of November, six failures a week.
signups() {
	python3 - <<-'PY' | at-ingest -q
	import datetime, json
	day, n = datetime.datetime(2026, 6, 1), 0
	while day < datetime.datetime(2026, 11, 21):
	    for i in range((40 if day.weekday() < 5 else 24) + day.toordinal() * 7 % 11 % 5 - 2):
	        n += 1
	        print(json.dumps({"event": "signup", "id": str(n), "timestamp": (day + datetime.timedelta(minutes=30 * i)).isoformat() + "Z",
	            "user_id": "u%d" % ((n * 7919) % 900), "properties": {"seconds": 20 + n % 3}}))
	    if day.weekday() < 6:
	        print(json.dumps({"event": "failure", "id": "f" + day.isoformat(), "timestamp": day.isoformat() + "Z"}))
	    day += datetime.timedelta(days=1)
	PY
}

# target NAME: its row, of the summary at $AT_NOW.
target() { at-insight summary -f ndjson | jq -c --arg m "$1" 'select(.metric == $m and .evidence.claim == "target")'; }

@test "a target is told with what is there, what is to be expected, how sure that is, and the question that gives it again" {
	mkdir config
	export AT_NOW=2026-11-21T00:00:00Z
	cat > config/analytics.json <<-'EOS'
	{"metrics":{
	"wanted":{"event":"signup","target":{"value":1000}},
	"wished":{"event":"signup","target":{"value":1500,"per":"month"}},
	"signup":{"target":{"value":5,"per":"day"}},
	"year":{"event":"signup","target":{"value":9000,"from":"2026-06-01","by":"2026-12-31"}},
	"failures":{"event":"failure","target":{"value":20,"direction":"down"}},
	"wait":{"event":"signup","value":"avg(seconds)","target":{"value":20.5,"direction":"down"}},
	"people":{"event":"signup","value":"distinct(user_id)","target":{"value":700,"per":"week"}},
	"done":{"event":"signup","target":{"value":500,"from":"2026-11-01","by":"2026-11-15"}},
	"old":{"event":"signup","target":{"value":5,"from":"2026-07-01","by":"2026-07-03"}},
	"later":{"event":"signup","target":{"value":5,"from":"2026-12-01","by":"2026-12-03"}}}}
	EOS
	signups
	# 15 of the 20 days were weekdays: some 720 are there, and 6 weekdays and 4 others to come
	target wanted > row
	so_far=$(at-query "SELECT COUNT(*) AS n FROM events WHERE event = 'signup' AND timestamp >= '2026-11-01'" | jq .n)
	jq -e --argjson n "$so_far" '.kind == "forecast" and .evidence.target == 1000 and .evidence.so_far == $n and (.evidence.value - 1056 | fabs) < 25 and .evidence.lower < 1056 and .evidence.upper > 1056 and
	    .evidence.chance > 0.9 and .evidence.from == "2026-11-01T00:00:00.000Z" and .evidence.to == "2026-12-01T00:00:00.000Z"' row
	jq -e '.insight | test("^Wanted is likely to reach the target of 1,000 for November 2026: 7[0-9]{2} so far, 1,0[0-9][0-9] expected by its end, between ")' row
	[ "$(eval "$(jq -r .evidence.query row)" | jq .value)" = "$so_far" ]
	target wished | jq -e '.evidence.chance < 0.05 and (.insight | test("^Wished is likely to miss the target of 1,500 "))'
	[ -z "$(target signup)" ]       # of today nothing is there yet
	target year | jq -e '(.evidence.value - 7560 | fabs) < 75 and (.insight | test("miss the target of 9,000 by 31 Dec 2026"))'
	target failures | jq -e '.evidence.so_far == 17 and .evidence.direction == "down" and (.insight | test("^Failures are likely to exceed the target of at most 20 "))'
	target wait | jq -e '(.evidence.value - 21 | fabs) < 0.2 and (.insight | test("exceed the target of at most 20.5 "))'
	target people | jq -e '.evidence.so_far > 180 and .evidence.value > 235 and .evidence.value < 265 and .evidence.lower < 248 and .evidence.upper > 248 and (.insight | test("^People .* the week of 16 Nov 2026"))'
	target done | jq -e '.evidence.so_far == .evidence.value and (.insight | test("^Done reached the target of 500 by 15 Nov 2026: 5[0-9]{2}, [0-9.]+ % above it$"))'
	[ -z "$(target old)$(target later)" ]
	AT_NOW=2026-11-19T20:00:00Z target signup | jq -e '.evidence.so_far > 30 and (.insight | test("^Signups have reached the target of 5 for 19 Nov 2026: [34][0-9] so far"))'
	at-insight summary | grep -q '^Wanted is likely to reach the target of 1,000 '
}

@test "holidays of the configuration are known to targets and to what is told of the time ahead, by the command and by the server" {
	mkdir open shut
	export AT_NOW=2026-11-21T00:00:00Z
	echo '{"metrics":{"visits":{"event":"visit","target":{"value":2000}}}}' > open/analytics.json
	# a hundred a day and half of it at weekends, but forty on three Mondays and their Tuesdays, which come again on the 23rd
	jq '.holidays = {"Shut": ["2026-08-31","2026-09-01","2026-09-28","2026-09-29","2026-10-26","2026-10-27","2026-11-23","2026-11-24"]}' open/analytics.json > shut/analytics.json
	python3 - <<-'PY' | at-ingest -q
	import datetime, json
	shut = {"08-31", "09-01", "09-28", "09-29", "10-26", "10-27"}
	day = datetime.datetime(2026, 8, 3)
	while day < datetime.datetime(2026, 11, 21):
	    for i in range(40 if day.strftime("%m-%d") in shut else (100 if day.weekday() < 5 else 50) + (day.toordinal() * 7919) % 5):
	        print(json.dumps({"event": "visit", "timestamp": (day + datetime.timedelta(minutes=10 * i)).isoformat() + "Z"}))
	    day += datetime.timedelta(days=1)
	PY
	expected() { at-insight -c "$1" summary --range 15w -f ndjson | jq -ce 'select(.evidence.claim == "target" and .metric == "visits") | .evidence | [.value - .so_far, .upper - .value]'; }
	expected open > open.json
	expected shut > shut.json
	jq -se '.[0][0] > 760 and (.[1][0] - 696 | fabs) < 25 and .[1][1] < .[0][1]' open.json shut.json     # six hundreds and four halves, less two times sixty, and surer of it
	ahead() { at-insight -c "$1" summary --range 15w -f ndjson | jq -c 'select(.evidence.claim == "forecast" and .metric == "visit") | .evidence.current'; }
	[ -z "$(ahead open)" ]          # a week like any other is not worth telling
	jq -ne --argjson shut "$(ahead shut)" '$shut - 488 | fabs < 20'
	source "$BATS_TEST_DIRNAME/serve.bash"
	serve_start -c shut
	post /api/v1/insights '{"timeRange":"2026-10-24/2026-11-21","metrics":["visits"]}' > /dev/null
	jq -e '.insights | map(select(.metric == "visits").evidence) | (map(select(.claim == "target"))[0] | (.value - .so_far - 696 | fabs) < 25) and (map(select(.claim == "forecast"))[0].current - 488 | fabs) < 20' body
}

@test "a target that is none is an error with its path" {
	mkdir config
	for bad in '{"value":5,"by":"soon"}' '{"per":"week"}' '{"value":5,"per":"fortnight"}' '{"value":"5"}' '{"value":5,"direction":"sideways"}'; do
		echo "{\"metrics\":{\"m\":{\"event\":\"signup\",\"target\":$bad}}}" > config/analytics.json
		run -2 --separate-stderr at-insight summary
		[[ $stderr == *'config/analytics.json: metrics.m.target'* ]]
	done
	echo '{"event":"signup","timestamp":"2026-11-20T00:00:00Z"}' | at-ingest -q -c "$BATS_TEST_TMPDIR"
	echo '{"metrics":{"m":{"event":"signup","target":{"value":5,"from":"2026-12-02","by":"2026-12-01"}}}}' > config/analytics.json
	run -1 --separate-stderr at-insight summary --now 2026-11-21
	[[ $stderr == *'metrics.m.target.by: lies before its beginning'* ]]
}

@test "insights of a metric and a report tell of its target" {
	mkdir config
	export AT_NOW=2026-11-21T00:00:00Z
	echo '{"metrics":{"wanted":{"event":"signup","target":{"value":1000}}}}' > config/analytics.json
	echo '{"id":"d","title":"D","widgets":[{"id":"w","type":"line_chart","title":"W","metric":"wanted","timeRange":"28d","position":{"x":0,"y":0,"w":6,"h":4}}]}' > board.json
	signups
	run -0 at-insight report --dashboard board.json
	[[ $output == *'is likely to reach the target of 1,000 for November 2026'* ]]
}

@test "one thing under two names is told once, and does not move together with itself" {
	mkdir config
	echo '{"metrics":{"joined":{"event":"signup"}}}' > config/analytics.json
	signups
	run -0 at-insight summary --now 2026-11-21T00:00:00Z
	[[ $output == *'Signups'* && $output != *'oined'* ]]
}

@test "no rows are nothing to say, and no failure; where no series can be forecast it failed, where one can it did not" {
	run -0 at-insight explain - < /dev/null
	[ "$output" = 'Nothing notable.' ]
	run -0 at-insight explain - -f ndjson < /dev/null
	[ -z "$output" ]
	run -0 at-insight forecast - < /dev/null
	run -1 at-insight forecast - <<< '{"metric":"m","timestamp":1,"labels":{},"value":1}'
	[[ $output == *'nothing could be forecast'* ]]
	{ echo '{"metric":"short","timestamp":1,"labels":{},"value":1}'; series 3600 60 '100 + 2 * i'; } > rows
	run -0 at-insight forecast - rows
	[[ $output == *'"short" {}: '* ]]
}

@test "a forecast of stored numbers below zero is below zero, takes the step it was given, and fills no hole with nothing; sums may be negative" {
	export AT_NOW=2026-11-29T00:00:00Z
	for i in $(seq 10 28); do echo "{\"metric\":\"temperature\",\"timestamp\":\"2026-11-${i}T00:00:00Z\",\"window\":\"1d\",\"value\":-$i}"; done > rows
	for i in 10 11 12 14 15 16 18 19 20 22 24 26 28; do echo "{\"metric\":\"level\",\"timestamp\":\"2026-11-${i}T00:00:00Z\",\"window\":\"1d\",\"value\":20}"; done >> rows
	at-ingest -q rows
	at-insight forecast temperature --every 1d --horizon 2 | jq -se 'all(.[]; .lower < .mean and .mean < -28 and .upper < -27)'
	[ "$(at-insight forecast level --every 1d --horizon 2 | jq -c '[.timestamp[:10], .mean]' | paste -sd ' ' -)" = '["2026-11-29",20] ["2026-11-30",20]' ]
	for i in $(seq 10 28); do echo "{\"metric\":\"profit\",\"timestamp\":\"2026-11-${i}T00:00:00Z\",\"profit_sum\":$((15 - i))}"; done | at-insight forecast - --horizon 1 | jq -e '.mean < -13'
	for i in $(seq 1 28); do echo "{\"metric\":\"visits\",\"timestamp\":\"2026-11-$(printf %02d "$i")T00:00:00Z\",\"window\":\"1d\",\"value\":$((i == 11 || i == 18 ? 20 : 100))}"; done | at-ingest -q
	mkdir shut
	echo '{"holidays":{"Shut":["2026-11-11","2026-11-18","12-01"]}}' > shut/analytics.json
	at-insight -c shut forecast visits --every 1d --horizon 4 | jq -se '.[2].holiday == "Shut" and .[2].mean < 30 and all(.[0, 1, 3]; .mean > 90 and (has("holiday") | not))'
	echo '{"holidays":{"Shut":["2026-11-31"]}}' > bad.json
	mkdir bad
	mv bad.json bad/analytics.json
	run -1 --separate-stderr at-insight -c bad forecast visits --every 1d
	[[ $stderr == 'at-insight: analytics.json: holidays.Shut: '*"2026-11-31' is no date"* ]]
	run -1 --separate-stderr at-serve -c bad -l 127.0.0.1:0
	[[ $stderr == *'analytics.json: holidays.Shut: '* ]]
	source "$BATS_TEST_DIRNAME/serve.bash"
	serve_start -c shut
	get '/api/v1/forecast?metric=visits&timeRange=2026-11-01/2026-11-29&horizon=4' | jq -e '.forecast[2].holiday == "Shut" and .forecast[2].mean < 30 and .forecast[3].mean > 90'
	get '/api/v1/forecast?metric=temperature&timeRange=2026-11-10/2026-11-29&horizon=2' | jq -e '.forecast | length == 2 and all(.mean < -28)'
	get '/api/v1/forecast?metric=level&timeRange=2026-11-10/2026-11-29&horizon=2' | jq -e '.forecast | map(.timestamp[:10]) == ["2026-11-29", "2026-11-30"]'
	get '/api/v1/forecast?metric=temperature&timeRange=2026-11-10/2026-11-29&horizon=10&reach=-30.5' | jq -e '.forecast | length == 1 and .[0].mean <= -30.5 and .[0].mean > -32'
	get '/api/v1/forecast?metric=temperature&timeRange=2026-11-10/2026-11-29&horizon=10&reach=-1e3' | jq -e '.forecast == []'
	for q in horizon=soon level=high level=0 reach=far; do
		get "/api/v1/forecast?metric=level&$q" > /dev/null
		[ "$status_code" = 400 ] || { echo "$q $status_code"; return 1; }
	done
	serve_stop
}

@test "very large and very small numbers are forecast as others are" {
	one() { for i in $(seq 10 28); do echo "{\"metric\":\"m\",\"timestamp\":\"2026-11-${i}T00:00:00Z\",\"value\":${i}e$1}"; done | at-insight forecast - --horizon 1 | jq "[.mean, .lower, .upper] | map(. / 1e$1 * 1000 | round)" -c; }
	[ "$(one 300)" = "$(one 0)" ]
	[ "$(one -300)" = "$(one 0)" ]
}

@test "- alone is standard input, as no verb is" {
	rows='{"metric":"m","timestamp":"2026-01-01T00:00:00Z","labels":{},"count":1}'
	run -0 at-insight - <<< "$rows"
	[ "$output" = "$(at-insight <<< "$rows")" ]
	run -2 at-insight - more <<< "$rows"
}

@test "an option that a verb does not know is wrong usage" {
	while read -r words; do
		run -2 --separate-stderr at-insight $words < /dev/null
		[[ $stderr == 'at-insight: --'*' goes with '* ]] || { echo "$words: $stderr"; return 1; }
	done <<-'E'
		forecast - --user u1
		forecast - --every 1d
		ask --horizon 3 hello
		explain --top 3 m
		report --save
		--by country
	E
	run -2 --separate-stderr at-insight forecast m -f csv
	run -2 --separate-stderr at-insight recommend -f csv
	[[ $stderr == *"'csv' is no form"* ]]
	for words in '--by page' '--top 3' '--range 7d'; do
		run -2 --separate-stderr at-insight recommend $words
		[[ $stderr == *' goes with --user or --item'* ]]
	done
	run -2 --separate-stderr at-insight recommend --user u --save
}

@test "that a minute had none, of a thing that comes now and then, is no news" {
	for t in 14:20:36 15:17:08; do echo "{\"event\":\"delivery\",\"timestamp\":\"2026-11-18T${t}Z\",\"user_id\":\"u1\"}"; done | at-ingest -q
	run -0 at-insight summary --range 1h --now 2026-11-18T15:20:00Z
	[ "$output" = 'Nothing notable.' ]
}
