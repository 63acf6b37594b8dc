#!/usr/bin/env bats
# at-insight ask: questions in plain English, answered from the store or refused.

load ../helper

setup() {
	export AT_NOW=2026-06-17T12:00:00Z
	cat > events.ndjson <<-'E'
		{"event":"signup","timestamp":"2026-06-16T08:00:00Z","user_id":"u1","session_id":"s1","properties":{"source":"ads","country":"DE","page":"/signup"}}
		{"event":"signup","timestamp":"2026-06-16T09:00:00Z","user_id":"u2","session_id":"s2","properties":{"source":"ads","country":"FR","page":"/signup"}}
		{"event":"signup","timestamp":"2026-06-17T09:00:00Z","user_id":"u3","session_id":"s3","properties":{"source":"mail","country":"DE","page":"/signup"}}
		{"event":"purchase","timestamp":"2026-06-16T10:00:00Z","user_id":"u1","session_id":"s1","properties":{"source":"ads","country":"DE","revenue":30.5}}
		{"event":"purchase","timestamp":"2026-06-17T10:00:00Z","user_id":"u3","session_id":"s3","properties":{"source":"mail","country":"DE","revenue":10}}
	E
	at-ingest -q events.ndjson
}
asked() { at-insight ask -f ndjson "$1" | jq -c "if .refuse then .text else .rows end"; }

@test "a question is answered in words; -v shows the SQL and how it was read" {
	run -0 --separate-stderr at-insight ask -v "which country had the most revenue yesterday?"
	[ "$output" = "DE: 30.50 (total revenue), yesterday." ]
	[[ $stderr == *"SELECT country, SUM(revenue)"* && $stderr == *"read as total revenue, by country"* ]]
	run -0 at-insight ask how many signups from germany so far
	[ "$output" = "2 signups, country DE." ]
}

@test "-f ndjson gives a row with rows and refuse; - takes one question a line" {
	printf '%s\n' 'signups today vs yesterday' '' 'how old are our users?' 'delete all signups' > questions
	at-insight ask -f ndjson - < questions > out
	[ "$(jq -c '[.refuse, (.rows | length)]' out | paste -sd ' ' -)" = '[false,1] [true,0] [true,0]' ]
	jq -se '.[0].rows[0][0:3] == [1, 2, -1] and .[1].sql == null and (.[1].text | contains("\"old\""))' out
	jq -r '.text' out | sed -n '2,3p' | grep -vq '[0-9]'
}

@test "two hundred questions over a shop's events give what hand-written SQL gives, or are refused" {
	export AT_STORE=$BATS_TEST_TMPDIR/shop AT_NOW=2026-06-17T12:00:00.000Z
	python3 "$BATS_TEST_DIRNAME/ask_questions.py" --events | at-ingest -q
	python3 "$BATS_TEST_DIRNAME/ask_questions.py" --ask > questions
	[ "$(wc -l < questions)" -ge 200 ]
	at-insight ask -f ndjson - < questions > answers
	python3 "$BATS_TEST_DIRNAME/ask_questions.py" answers
}

@test "questions over stores of other vocabularies, one with numbers for names, are right or refused, never wrong" {
	export AT_NOW=2026-06-17T12:00:00.000Z
	for store in bazaar desk plant; do
		export AT_STORE=$BATS_TEST_TMPDIR/$store
		python3 "$BATS_TEST_DIRNAME/ask_questions.py" --store $store --events | at-ingest -q
		python3 "$BATS_TEST_DIRNAME/ask_questions.py" --store $store --ask > questions
		at-insight ask -f ndjson - < questions > answers
		python3 "$BATS_TEST_DIRNAME/ask_questions.py" --store $store answers
	done
}

@test "the public questions of the evaluation: nine of ten right, and nothing told that cannot be" {
	need_shared eval/nlq_score.py
	score=$shared/eval/nlq_score.py
	export AT_STORE=$BATS_TEST_TMPDIR/nlq AT_NOW=2026-11-26T15:00:00.000Z
	python3 "$score" --events | at-ingest -q
	python3 "$score" --ask > asked
	cut -f 2- asked | at-insight ask -f ndjson - > answers
	paste -d '\t' <(cut -f 1 asked) answers | python3 -c 'import json, sys
for line in sys.stdin:
    id, answer = line.rstrip("\n").split("\t", 1)
    a = json.loads(answer)
    print(json.dumps({"id": id, "refuse": True} if a["refuse"] else {"id": id, "rows": a["rows"]}))' > scored
	python3 "$score" scored --json | jq -e '.accuracy >= 0.9 and .answered_unanswerable == 0'
}

@test "the store's own words: names of events as they are, values with a quote in them, synonyms" {
	export AT_STORE=$BATS_TEST_TMPDIR/videos
	at-ingest -q <<-'E'
		{"event":"video_played","timestamp":"2026-06-17T09:00:00Z","user_id":"u1","properties":{"plan":"pro","title":"it's \"on\"; DROP TABLE events","seconds_watched":30}}
		{"event":"video_played","timestamp":"2026-06-17T09:01:00Z","user_id":"u2","properties":{"plan":"free","title":"other","seconds_watched":50}}
		{"event":"Order Completed","timestamp":"2026-06-17T09:02:00Z","user_id":"u2","properties":{"plan":"free","amount":12.5}}
	E
	[ "$(asked 'how many users played a video today?')" = '[[2]]' ]
	[ "$(asked 'videos played by plan')" = '[["free",1],["pro",1]]' ]
	[ "$(asked 'how many orders on the free plan')" = '[[1]]' ]
	[ "$(asked 'turnover today')" = '[[12.5]]' ]
	[ "$(asked 'total seconds watched by users on the pro plan')" = '[[30]]' ]
	[ "$(asked "how many videos played with title \`it's \"on\"; DROP TABLE events\`")" = '[[1]]' ]
	[[ $(asked 'how many clips today') == *'"clips"'* || $(asked 'how many clips today') == *clips* ]]
	mkdir config && echo '{"synonyms":{"clips":"video played","the boss plan":"pro"}}' > config/analytics.json
	[ "$(asked 'how many clips today')" = '[[2]]' ]
	[ "$(asked 'how many clips on the boss plan')" = '[[1]]' ]
	echo '{"synonyms":{"clips":1}}' > config/analytics.json
	run -2 --separate-stderr at-insight ask clips
	[[ $stderr == *analytics.json*synonyms.clips* ]]
}

@test "months back from the end of a long one begin at the end of a short one" {
	run -0 --separate-stderr at-insight ask -v --now 2027-05-31T12:00:00Z 'how many signups in the last 3 months'
	[[ $stderr == *"timestamp >= '2027-02-28T12:00:00.000Z'"* ]]
	run -0 --separate-stderr at-insight ask -v --now 2028-02-29T12:00:00Z 'how many signups in the last 2 years'
	[[ $stderr == *"timestamp >= '2026-02-28T12:00:00.000Z'"* ]]
}

@test "days are those of --tz" {
	export AT_STORE=$BATS_TEST_TMPDIR/days
	at-ingest -q <<-'E'
		{"event":"login","timestamp":"2026-06-16T22:30:00Z","user_id":"u1"}
		{"event":"login","timestamp":"2026-06-17T10:00:00Z","user_id":"u1"}
	E
	[ "$(at-insight ask 'logins today')" = "1 login, today." ]
	[ "$(at-insight ask --tz Europe/Zurich 'logins today')" = "2 logins, today." ]
}

@test "anything may be asked: nothing, very much, no UTF-8, no events" {
	AT_STORE=$BATS_TEST_TMPDIR/none run -1 at-insight ask 'how many purchases today?'
	AT_STORE=$BATS_TEST_TMPDIR/empty at-admin -q init
	AT_STORE=$BATS_TEST_TMPDIR/empty run -0 at-insight ask 'how many purchases today?'
	[[ $output == *urchase* ]]
	at-insight ask '' > out && [ -s out ]
	head -c 100000 /dev/zero | tr '\0' a > long
	run -0 at-insight ask - < long
	[[ $output == *"too long"* ]]
	printf 'how many \xff signups\n' | at-insight ask -f ndjson - | jq -e '.refuse and .question == null'
	for i in $(seq 300); do printf 'signups by country '; done > many
	at-insight ask - < many
	run -0 at-insight ask "signups from ads or mail in $(printf 'germany or france and ads and mail and %.0s' 1 2 3 4)germany"
	[[ $output == *"more than 8"* ]]
	run -2 at-insight ask -f xml 'signups'
}

@test "a number that every event has is an amount, not a name to group by" {
	export AT_STORE=$BATS_TEST_TMPDIR/dense
	at-ingest -q <<-'E'
		{"event":"purchase","timestamp":"2026-06-16T08:00:00Z","user_id":"u1","properties":{"country":"DE","revenue":10.5}}
		{"event":"purchase","timestamp":"2026-06-16T09:00:00Z","user_id":"u2","properties":{"country":"FR","revenue":30}}
		{"event":"page_view","timestamp":"2026-06-16T09:01:00Z","user_id":"u2","properties":{"country":"FR","revenue":0.25}}
	E
	at-insight ask -f ndjson 'which country had the most revenue yesterday?' | jq -e '.refuse == false and .rows[0][0] == "FR"'
	at-insight ask -f ndjson 'total revenue yesterday' | jq -e '.refuse == false and (.sql | contains("SUM(revenue)"))'
}

@test "POST /api/v1/ask answers under the caller's rights" {
	source "$BATS_TEST_DIRNAME/serve.bash"
	serve_start
	post /api/v1/ask '{"question":"signups by source"}' > /dev/null
	[ "$status_code" = 200 ]
	jq -e '.refuse == false and .rows == [["ads",2],["mail",1]]' body
	post /api/v1/ask '{"question":"why did signups fall?"}' | jq -e '.refuse and .rows == [] and .sql == null'
	post /api/v1/ask '{"ask":1}' > /dev/null && [ "$status_code" = 422 ]
	at-admin -q role add de read:insights --sees 'rows=.properties.country == "DE"' --sees hide=source
	KEY=$(at-admin -q key create --role de)
	post /api/v1/ask '{"question":"how many signups?"}' | jq -e '.rows == [[2]]'
	post /api/v1/ask '{"question":"signups by source"}' | jq -e '.refuse and (.text | contains("source"))'
	post /api/v1/ask '{"question":"how many signups from ads"}' | jq -e '.refuse'
	post /api/v1/ask '{"question":"signups from france"}' | jq -e '.refuse or .rows == [[0]]'
	at-admin -q role add blind read:insights read:events --sees hide=user_id --sees hide=id --sees hide=session_id
	KEY=$(at-admin -q key create --role blind)
	for question in 'how many users?' 'how many sessions?' 'top 3 users by revenue'; do
		post /api/v1/ask '{"question":"'"$question"'"}' > /dev/null && [ "$status_code" = 200 ] && jq -e '.refuse and .sql == null and .rows == []' body
	done
	post /api/v1/ask '{"question":"how many signups?"}' | jq -e '.rows == [[3]]'
	get /api/v1/events | jq -e '(.events | length) > 2 and all(.events[]; has("user_id") or has("id") or has("session_id") | not)'
	get '/api/v1/events?user=u1' | jq -e '.events == []'
	serve_stop
}

@test "what was learnt for one question serves the next, never an old state, never another caller" {
	source "$BATS_TEST_DIRNAME/serve.bash"
	serve_start
	all=$KEY
	at-admin -q role add de read:insights --sees 'rows=.properties.country == "DE"' --sees hide=source
	de=$(at-admin -q key create --role de)
	for round in 1 2 3; do
		KEY=$all post /api/v1/ask '{"question":"signups by source"}' | jq -e '.rows == [["ads",2],["mail",1]]'
		KEY=$de post /api/v1/ask '{"question":"signups by source"}' | jq -e '.refuse'
		KEY=$de post /api/v1/ask '{"question":"how many signups?"}' | jq -e '.rows == [[2]]'
		KEY=$all post /api/v1/ask '{"question":"how many signups?"}' | jq -e '.rows == [[3]]'
	done
	KEY=$all post /api/v1/ask '{"question":"how many wombats?"}' | jq -e '.refuse'
	echo '{"event":"wombat","timestamp":"2026-06-17T09:00:00Z","user_id":"u1","properties":{"country":"FR"}}' | at-ingest -q
	KEY=$all post /api/v1/ask '{"question":"how many wombats?"}' | jq -e '.rows == [[1]]'
	KEY=$de post /api/v1/ask '{"question":"how many wombats?"}' | jq -e '.refuse or .rows == [[0]]'
	serve_stop
}

@test "metrics of the configuration are words, with their condition and value; what SQL cannot say is told" {
	export AT_STORE=$BATS_TEST_TMPDIR/metrics AT_NOW=2026-06-17T12:00:00Z
	mkdir config
	cat > config/analytics.json <<-'EOS'
	{"metrics":{
	"pro_signups":{"event":"signup","where":".properties.plan == \"pro\""},
	"engaged accounts":{"event":["login","report"],"value":"distinct(user_id)"},
	"mrr":{"event":"subscription","value":"sum(amount)"},
	"big_deals":{"event":"subscription","where":".properties.amount > 20 and .properties.plan != \"free\""},
	"short":{"event":"report","where":".properties.seconds < 30"},
	"gone":{"event":"nothing_of_this"}},
	"synonyms":{"bookings":"mrr"}}
	EOS
	at-ingest -q <<-'E'
		{"event":"signup","timestamp":"2026-06-17T09:00:00Z","user_id":"u1","properties":{"plan":"pro","region":"emea"}}
		{"event":"signup","timestamp":"2026-06-17T09:00:00Z","user_id":"u2","properties":{"plan":"free","region":"emea"}}
		{"event":"signup","timestamp":"2026-06-16T09:00:00Z","user_id":"u3","properties":{"plan":"pro","region":"apac"}}
		{"event":"login","timestamp":"2026-06-17T09:00:00Z","user_id":"u1","properties":{"region":"emea"}}
		{"event":"report","timestamp":"2026-06-17T09:00:00Z","user_id":"u1","properties":{"seconds":12}}
		{"event":"report","timestamp":"2026-06-17T09:00:00Z","user_id":"u4","properties":{"seconds":50}}
		{"event":"subscription","timestamp":"2026-06-17T09:00:00Z","user_id":"u1","properties":{"plan":"pro","amount":30,"region":"emea"}}
		{"event":"subscription","timestamp":"2026-06-16T09:00:00Z","user_id":"u2","properties":{"plan":"free","amount":25,"region":"emea"}}
		{"event":"subscription","timestamp":"2026-06-16T10:00:00Z","user_id":"u3","properties":{"amount":45,"region":"apac"}}
	E
	[ "$(asked 'how many pro signups today?')" = '[[1]]' ]
	[ "$(asked 'pro signups by region')" = '[["apac",1],["emea",1]]' ]
	[ "$(asked 'engaged accounts today')" = '[[2]]' ]
	[ "$(asked 'what was the mrr yesterday')" = '[[70]]' ]
	[ "$(asked 'which region had the most bookings')" = '[["emea",55]]' ]
	[ "$(asked 'share of mrr from apac')" = '[[0.45]]' ]
	[ "$(asked 'how many big deals')" = '[[2]]' ]
	[[ $(asked 'short today') == *'at-query metric short tells it'* ]]
	[[ $(at-insight ask 'pro signups today') == '1 pro signup, today.' ]]
	[[ $(asked 'how many gone today') == *'"gone"'* || $(asked 'how many gone today') != '[['* ]]
	[[ $(asked 'pro signups who logged in') == *'belongs to the rest'* ]]
	jq -n --argjson a "$(asked 'bookings yesterday vs today')" '$a[0][0:2] == [30, 70]' -e
}

# A store in which 20 users of DE and 15 of FR bought today, 10 of each yesterday, and 2 of IT.
many_buyers() {
	export AT_STORE=$BATS_TEST_TMPDIR/many
	for i in $(seq 20); do echo "{\"event\":\"purchase\",\"timestamp\":\"2026-06-17T08:00:00Z\",\"user_id\":\"d$i\",\"properties\":{\"country\":\"DE\",\"revenue\":10}}"; done > rows
	for i in $(seq 15); do echo "{\"event\":\"purchase\",\"timestamp\":\"2026-06-17T08:00:00Z\",\"user_id\":\"f$i\",\"properties\":{\"country\":\"FR\",\"revenue\":10}}"; done >> rows
	for i in $(seq 10); do echo "{\"event\":\"purchase\",\"timestamp\":\"2026-06-16T08:00:00Z\",\"user_id\":\"d$i\",\"properties\":{\"country\":\"DE\",\"revenue\":10}}"; done >> rows
	for i in 1 2; do echo "{\"event\":\"purchase\",\"timestamp\":\"2026-06-15T08:00:00Z\",\"user_id\":\"i$i\",\"properties\":{\"country\":\"IT\",\"revenue\":10,\"mail\":\"secret$i@example.com\"}}"; done >> rows
	at-ingest -q rows
	: > say
	python3 "$BATS_TEST_DIRNAME/ask_liar.py" > port &
	liar=$!
	for _ in $(seq 600); do [ -s port ] && break; sleep 0.05; done
	export AT_LLM_URL=http://127.0.0.1:$(cat port)/v1
}
teardown() {
	local ended=0
	[ -z "${liar:-}" ] || kill "$liar" || ended=$?
	end_jobs
	return $ended
}

@test "stored metrics are words, with their labels; what events tell is meant first, and neither has what is the other's" {
	export AT_STORE=$BATS_TEST_TMPDIR/stored AT_NOW=2026-06-17T12:00:00Z
	at-ingest -q <<-'E'
		{"event":"signup","timestamp":"2026-06-16T09:00:00Z","user_id":"u1","properties":{"region":"eu","plan":"pro"}}
		{"metric":"cpu","timestamp":"2026-06-16T09:00:00Z","value":20,"labels":{"host":"web-1","region":"eu"}}
		{"metric":"cpu","timestamp":"2026-06-16T10:00:00Z","value":60,"labels":{"host":"web-1","region":"eu"}}
		{"metric":"cpu","timestamp":"2026-06-16T10:00:00Z","value":90,"labels":{"host":"db-1","region":"us"}}
		{"metric":"cpu","timestamp":"2026-06-17T10:00:00Z","value":10,"labels":{"host":"db-1","region":"us"}}
		{"metric":"wait_time","timestamp":"2026-06-16T10:00:00Z","count":4,"avg":2.5,"labels":{"host":"db-1"}}
		{"metric":"temperature","timestamp":"2026-06-16T10:00:00Z","value":99,"labels":{"host":"web-1"}}
		{"metric":"signup","timestamp":"2026-06-16T10:00:00Z","value":1000}
		{"metric":"load","timestamp":"2026-06-16T10:00:00Z","window":"5m","value":1}
		{"metric":"load","timestamp":"2026-06-16T10:00:00Z","window":"1h","value":1}
	E
	asked() { at-insight ask -f ndjson "$1" | jq -c "if .refuse then .text else .rows end"; }
	[ "$(asked 'what was the average cpu of web-1 yesterday')" = '[[40]]' ]
	[ "$(asked 'cpu by host yesterday')" = '[["db-1",90],["web-1",40]]' ]
	[ "$(asked 'highest cpu on web-1')" = '[[60]]' ]
	[ "$(asked 'which host had the lowest cpu yesterday')" = '[["web-1",40]]' ]
	[ "$(asked 'cpu in the us today vs yesterday' | jq -c '.[0][:2]')" = '[10,90]' ]
	[ "$(asked 'how many hosts are there')" = '[[2]]' ]
	[ "$(asked 'how many hosts have cpu over 80')" = '[[1]]' ]       # web-1's 99 is another metric's
	for q in 'how many hosts have wait time over 80' 'average cpu of web-1 with temperature over 50'; do
		[[ $(asked "$q") == *'no property of another metric'* ]]
	done
	[ "$(asked 'wait time')" = '[[4]]' ]
	[ "$(asked 'how many signups yesterday')" = '[[1]]' ]
	[ "$(asked 'signups in eu')" = '[[1]]' ]
	for q in 'total cpu' 'cpu per user' 'signups by host' 'signups on web-1' 'cpu by plan' 'cpu of users on the pro plan' 'users with cpu over 50' 'load' 'cpu of web-9' \
	    'what was the cpu of users who signed up' 'share of cpu'; do
		at-insight ask -f ndjson "$q" | jq -e '.refuse and .rows == []'
	done
	source "$BATS_TEST_DIRNAME/serve.bash"
	serve_start
	at-admin -q role add eu read:insights --sees metric=signup
	KEY=$(at-admin -q key create --role eu)
	post /api/v1/ask '{"question":"average cpu"}' | jq -e '.refuse'
	post /api/v1/ask '{"question":"how many hosts are there"}' | jq -e '.refuse'
	serve_stop
}

@test "a model may phrase an answer; a figure, direction or name of its own is thrown away" {
	many_buyers
	says() { case $1 in RAW*) echo "$1" ;; *) echo "1. $1" ;; esac > say; at-insight ask "$2"; }
	good='Purchases were 35 today and 10 yesterday, up by 250.0 %.'
	[ "$(says "$good" 'purchases today vs yesterday')" = "$good" ]
	while read -r lie; do
		[ "$(says "$lie" 'purchases today vs yesterday')" = 'Purchases: 35 today, 10 yesterday, up by 250.0 %.' ]
	done <<-'LIES'
		Today there were 36 purchases and 10 yesterday, which is up by 250.0 %.
		Today there were 35 purchases and 10 yesterday, which is down by 250.0 %.
		Today there were 35 purchases and 10 yesterday, which is up by 25.0 %.
		Purchases tripled to 35.
		Today there were 35 refunds and 10 yesterday, up by 250.0 %.
		Last week there were 35 purchases and 10 yesterday, up by 250.0 %.
		Today there were $35 of purchases and 10 yesterday, up by 250.0 %.
		Today there were 35 purchases an hour and 10 yesterday, up by 250.0 %.
		Business is good.
		RAW 500
		RAW {"choices":[]}
	LIES
	good='DE had 20 purchases today.'
	[ "$(says "$good" 'which country had the most purchases today?')" = "$good" ]
	[ "$(says 'FR had 20 purchases today.' 'which country had the most purchases today?')" = 'DE: 20 purchases, today.' ]
}

@test "answers that stand for few users do not leave the machine" {
	many_buyers
	echo '1. There were 2 purchases on monday.' > say
	at-insight ask 'purchases by country' > /dev/null
	at-insight ask 'which user had the most purchases' > /dev/null
	at-insight ask 'purchases on monday' > /dev/null
	[ ! -e heard ]
	mkdir config && echo '{"model":{"leastUsers":2}}' > config/analytics.json
	[ "$(at-insight ask 'purchases on monday')" = 'There were 2 purchases on monday.' ]
}

@test "a model may read a question that the grammar does not know; its SQL only reads events" {
	many_buyers
	asked() { echo "$1" > say; at-insight ask -f ndjson "how many splendid deals?" | jq -c '[.refuse, .rows]'; }
	[ "$(asked '{"sql":"SELECT COUNT(*) FROM events"}')" = '[false,[[47]]]' ]
	[ "$(asked 'Sure! ```{"sql":"WITH a AS (SELECT user_id FROM events) SELECT COUNT(*) FROM a;"}```')" = '[false,[[47]]]' ]
	while read -r lie; do
		[ "$(asked "$lie")" = '[true,[]]' ]
	done <<-'LIES'
		{"sql":"DELETE FROM events"}
		{"sql":"SELECT 1; DROP TABLE events"}
		{"sql":"SELECT * FROM audit"}
		{"sql":"SELECT * FROM events, audit"}
		{"sql":"SELECT * FROM events e JOIN sqlite_master s"}
		{"sql":"SELECT * FROM (SELECT * FROM alerts)"}
		{"sql":"SELECT * FROM events e JOIN events f ON e.id = f.id, audit"}
		{"sql":"SELECT (SELECT COUNT(*) FROM metrics) FROM events"}
		{"sql":"SELECT * FROM funnel('a,b')"}
		{"sql":"SELECT nothing FROM events"}
		{"sql":"PRAGMA table_info(events)"}
		{"sql":42}
		{"refuse":true}
		I think there were 12.
	LIES
	grep -q 'splendid deals' heard
	run -1 grep -q 'secret\|"DE"\|d1' heard
	echo '{"sql":"SELECT 12"}' > say
	for q in 'why did purchases fall?' 'delete all purchases' 'purchases tomorrow'; do
		at-insight ask -f ndjson "$q" | jq -e .refuse
	done
	AT_LLM_URL=http://127.0.0.1:1/v1 at-insight ask -f ndjson 'how many splendid deals?' | jq -e .refuse
	AT_LLM_URL=nonsense at-insight ask -f ndjson 'how many splendid deals?' | jq -e .refuse
}

# A store of software subscriptions, and one of devices: names of other forms than a shop has.
other_stores() {
	export AT_NOW=2026-06-17T12:00:00Z AT_STORE=$BATS_TEST_TMPDIR/$1
	if [ "$1" = saas ]; then
		at-ingest -q <<-'E'
			{"event":"account_created","timestamp":"2026-06-16T09:00:00Z","user_id":"acc1","properties":{"plan":"pro","referral_code":"friend"}}
			{"event":"account_created","timestamp":"2026-06-17T09:00:00Z","user_id":"acc2","properties":{"plan":"free","referral_code":"none"}}
			{"event":"user_login","timestamp":"2026-06-16T09:30:00Z","user_id":"acc1","properties":{"method":"sso"}}
			{"event":"user_login","timestamp":"2026-06-16T18:30:00Z","user_id":"acc2","properties":{"method":"password"}}
			{"event":"ticket_opened","timestamp":"2026-06-16T10:00:00Z","user_id":"acc1","properties":{"severity":"high"}}
			{"event":"dashboard_opened","timestamp":"2026-06-16T10:00:00Z","user_id":"acc2","properties":{"dashboard":"ops","load_ms":300}}
			{"event":"dashboard_opened","timestamp":"2026-06-16T10:00:00Z","user_id":"acc2","properties":{"dashboard":"sales","load_ms":900}}
			{"event":"invoice_paid","timestamp":"2026-06-16T10:00:00Z","user_id":"acc1","properties":{"amount_eur":19}}
			{"event":"invoice_paid","timestamp":"2026-06-16T10:00:00Z","user_id":"acc1","properties":{"amount_eur":49}}
			{"event":"invoice_paid","timestamp":"2026-06-16T10:00:00Z","user_id":"acc2","properties":{"amount_eur":500}}
			{"event":"api_called","timestamp":"2026-06-16T10:00:00Z","user_id":"acc2","properties":{"endpoint":"/v1/users","status":500}}
			{"event":"api_called","timestamp":"2026-06-16T10:00:00Z","user_id":"acc2","properties":{"endpoint":"/v1/users","status":200}}
		E
	elif [ "$1" = school ]; then
		at-ingest -q <<-'E'
			{"event":"registered","timestamp":"2026-06-15T09:00:00Z","user_id":"stu_1","properties":{"country":"ES","language":"en"}}
			{"event":"registered","timestamp":"2026-06-15T09:00:00Z","user_id":"stu_2","properties":{"country":"IN","language":"es"}}
			{"event":"lesson_started","timestamp":"2026-06-16T09:00:00Z","user_id":"stu_1","properties":{"course":"Rust","language":"en","country":"ES"}}
			{"event":"lesson_started","timestamp":"2026-06-16T09:00:00Z","user_id":"stu_1","properties":{"course":"Algebra","language":"en","country":"ES"}}
			{"event":"lesson_started","timestamp":"2026-06-16T09:00:00Z","user_id":"stu_2","properties":{"course":"Rust","language":"es","country":"IN"}}
			{"event":"lesson_completed","timestamp":"2026-06-16T09:30:00Z","user_id":"stu_2","properties":{"course":"Rust","minutes":30,"language":"es","country":"IN"}}
			{"event":"quiz_submitted","timestamp":"2026-06-16T10:00:00Z","user_id":"stu_1","properties":{"course":"Rust","score":95,"passed":true,"attempts":1}}
			{"event":"quiz_submitted","timestamp":"2026-06-16T10:00:00Z","user_id":"stu_1","properties":{"course":"Algebra","score":40,"passed":false,"attempts":3}}
			{"event":"quiz_submitted","timestamp":"2026-06-16T10:00:00Z","user_id":"stu_2","properties":{"course":"Algebra","score":70,"passed":true,"attempts":2}}
			{"event":"subscription_started","timestamp":"2026-06-16T11:00:00Z","user_id":"stu_1","properties":{"plan":"yearly","price":99}}
			{"event":"subscription_started","timestamp":"2026-05-16T11:00:00Z","user_id":"stu_2","properties":{"plan":"monthly","price":12}}
			{"event":"subscription_cancelled","timestamp":"2026-06-17T11:00:00Z","user_id":"stu_2","properties":{"reason":"no time"}}
			{"event":"forum_post_created","timestamp":"2026-06-16T11:00:00Z","user_id":"stu_2","properties":{"words":250}}
		E
	elif [ "$1" = food ]; then
		at-ingest -q <<-'E'
			{"event":"app_opened","timestamp":"2026-06-16T10:00:00Z","user_id":"cust_1","properties":{"city":"Lyon"}}
			{"event":"app_opened","timestamp":"2026-06-16T10:00:00Z","user_id":"cust_2","properties":{"city":"Lyon"}}
			{"event":"order_placed","timestamp":"2026-06-16T10:05:00Z","user_id":"cust_1","properties":{"restaurant":"Umi","total":40,"items":6,"voucher":"LUNCH"}}
			{"event":"order_placed","timestamp":"2026-06-16T11:05:00Z","user_id":"cust_1","properties":{"restaurant":"Umi","total":20,"items":2,"voucher":null}}
			{"event":"order_placed","timestamp":"2026-06-16T11:05:00Z","user_id":"cust_3","properties":{"restaurant":"Roma","total":50,"items":1,"voucher":null}}
			{"event":"order_delivered","timestamp":"2026-06-16T11:00:00Z","user_id":"cust_1","properties":{"courier":"ana","delivery_minutes":50,"tip":2,"restaurant":"Umi"}}
			{"event":"order_delivered","timestamp":"2026-06-16T12:00:00Z","user_id":"cust_3","properties":{"courier":"bob","delivery_minutes":30,"tip":1,"restaurant":"Roma"}}
			{"event":"order_cancelled","timestamp":"2026-06-16T12:00:00Z","user_id":"cust_1","properties":{"cancel_reason":"late"}}
			{"event":"rating_given","timestamp":"2026-06-16T13:00:00Z","user_id":"cust_1","properties":{"stars":1,"restaurant":"Umi"}}
			{"event":"rating_given","timestamp":"2026-06-16T13:00:00Z","user_id":"cust_3","properties":{"stars":5,"restaurant":"Roma"}}
		E
	else
		at-ingest -q <<-'E'
			{"event":"reading","timestamp":"2026-06-16T09:00:00Z","user_id":"dev001","properties":{"site":"oslo","firmware":"1.2","temperature":20.5,"battery_pct":90}}
			{"event":"reading","timestamp":"2026-06-16T09:00:00Z","user_id":"dev002","properties":{"site":"porto","firmware":"1.3","temperature":30.5,"battery_pct":10}}
			{"event":"alarm_raised","timestamp":"2026-06-16T22:00:00Z","user_id":"dev001","properties":{"site":"oslo","level":"critical"}}
			{"event":"alarm_raised","timestamp":"2026-06-16T22:30:00Z","user_id":"dev002","properties":{"site":"porto","level":"warning"}}
			{"event":"heartbeat_missed","timestamp":"2026-06-16T22:00:00Z","user_id":"dev001","properties":{"site":"oslo"}}
			{"event":"heartbeat_missed","timestamp":"2026-06-16T22:00:00Z","user_id":"dev003","properties":{"site":"oslo"}}
			{"event":"firmware_updated","timestamp":"2026-06-16T22:00:00Z","user_id":"dev003","properties":{"site":"oslo","duration_s":400}}
			{"event":"firmware_updated","timestamp":"2026-06-16T22:00:00Z","user_id":"dev003","properties":{"site":"oslo","duration_s":40}}
		E
	fi
}

@test "a country's code in small letters is no word to pass over" {
	export AT_STORE=$BATS_TEST_TMPDIR/small
	for c in de de it at no; do echo "{\"event\":\"order\",\"properties\":{\"country\":\"$c\"}}"; done | at-ingest -q
	[ "$(asked 'orders in de')" = '[[2]]' ]
	[ "$(asked 'how many de orders were there')" = '[[2]]' ]
	[ "$(asked 'orders from at')" = '[[1]]' ]
	[ "$(asked 'orders from no and de')" = '[[3]]' ]
	[ "$(asked 'how many orders are there at all')" = '[[5]]' ]
}

@test "parts of names: what was done to what, in any order, shared words told apart or asked back" {
	other_stores saas
	[ "$(asked 'How many accounts were created yesterday?')" = '[[1]]' ]
	[ "$(asked 'tickets by severity')" = '[["high",1]]' ]
	[ "$(asked 'how many tickets were opened')" = '[[1]]' ]
	[ "$(asked 'what percent of dashboards were opened on tuesday')" != '[[1]]' ]
	[ "$(asked 'median invoice')" = '[[49]]' ]
	[ "$(asked 'total amount of invoices')" = '[[568]]' ]
	[ "$(asked 'who paid the most invoices')" = '[["acc1",2]]' ]
	[ "$(asked 'p50 load time by dashboard' | jq length)" = 2 ]
	[ "$(asked '2 worst dashboards by average load time' | jq -c '.[0][0]')" = '"sales"' ]
	[ "$(asked 'how many users opened a dashboard but no ticket')" = '[[1]]' ]
	[ "$(asked 'how many accounts logged in yesterday')" = '[[2]]' ]
	[ "$(asked 'acounts created by referal code')" = '[["friend",1],["none",1]]' ]
	[ "$(asked 'invoices over 40 euros')" = '[[2]]' ]
	[ "$(asked 'api calls with status 500')" = '[[1]]' ]
	[[ $(asked 'how often was it opened') == *'dashboard_opened, ticket_opened'* || $(asked 'how often was it opened') == *'ticket_opened, dashboard_opened'* ]]
	for order in 'open a ticket' 'create an account for bob' 'cancel all subscriptions'; do
		at-insight ask -f ndjson "$order" | jq -e '.refuse and .sql == null'
	done
	at-insight ask -f ndjson 'smallest and largest invoice' | jq -e .refuse
	[ "$(asked 'invoices of 49')" = '[[1]]' ]
	[ "$(asked 'average load time of dashboards')" = '[[600]]' ]
	[ "$(asked 'how many api calls failed with status 500')" = '[[1]]' ]
}

@test "what was done, as a noun; true and false; a rate of what was begun; numbers of properties" {
	other_stores school
	[ "$(asked 'lesson completions by course')" = '[["Rust",1]]' ]
	[ "$(asked 'completion rate of lessons')" = '[[0.3333333333333333]]' ]
	[ "$(asked 'number of cancellations today')" = '[[1]]' ]
	[ "$(asked 'most common cancellation reason')" = '[["no time",1]]' ]
	[ "$(asked 'how many quizzes were passed')" = '[[2]]' ]
	[ "$(asked 'quizzes that were not passed')" = '[[1]]' ]
	[ "$(asked 'how many students failed a quiz')" = '[[1]]' ]
	[ "$(asked 'what percentage of quizzes were passed by course' | jq -c sort)" = '[["Algebra",0.5],["Rust",1]]' ]
	[ "$(asked 'quizzes with a score above 90')" = '[[1]]' ]
	[ "$(asked 'forum posts longer than 200 words')" = '[[1]]' ]
	[ "$(asked 'average number of attempts per quiz')" = '[[2]]' ]
	[ "$(asked 'distinct courses started yesterday')" = '[[2]]' ]
	[ "$(asked 'registered students from India')" = '[[1]]' ]
	[ "$(asked 'revenue from subscriptions')" = '[[111]]' ]
	[ "$(asked 'pass rate of quizzes')" = '[[0.6666666666666666]]' ]
	[ "$(asked 'pass rate')" = '[[0.6666666666666666]]' ]           # of the quizzes, not of all students
	[ "$(asked 'pass rate of students')" = '[[1]]' ]
	for lacking in 'pass rate by plan' 'pass rate of quizzes by country'; do
		at-insight ask -f ndjson "$lacking" | jq -e '.refuse and (.text | test("has the property"))'
	done
	[ "$(asked 'how many registrations were there')" = '[[2]]' ]
	[ "$(asked 'price of the yearly plan')" = '[[99]]' ]
	[ "$(asked 'lessons completed in spanish')" = '[[1]]' ]          # no lesson was completed in Spain
	[ "$(asked 'lessons started by spanish students')" = '[[2]]' ]
	# a word of the store and of time
	[ "$(asked 'yearly subscriptions started this month')" = '[[1]]' ]
	[[ $(asked 'monthly subscriptions started') == *'two ways'* ]]
	at-insight ask -f ndjson 'average score per student' | jq -e .refuse
}

@test "the other part of a name is meant, not another event; who did not buy; how much beside how many" {
	other_stores food
	[ "$(asked 'which courier delivered the most orders')" = '[["ana",1]]' ]
	[ "$(asked 'how many customers opened the app but did not order')" = '[[1]]' ]
	[ "$(asked 'orders of more than 5 items')" = '[[1]]' ]
	[ "$(asked 'cancellation rate')" = '[[0.3333333333333333]]' ]
	for lacking in 'cancellation rate by restaurant' 'cancellation rate by cancel_reason' 'conversion from order_placed to order_delivered by courier'; do
		at-insight ask -f ndjson "$lacking" | jq -e '.refuse and (.text | test("has the property"))'
	done
	[ "$(asked 'deliveries that took longer than 45 minutes')" = '[[1]]' ]
	[ "$(asked 'deliveries slower than half an hour')" != '[[2]]' ]
	[ "$(asked 'how many deliveries were there')" = '[[2]]' ]
	[ "$(asked 'average delivery time')" = '[[40]]' ]
	[ "$(asked 'total tips')" = '[[3]]' ]
	[ "$(asked 'total orders')" = '[[3]]' ]
	[ "$(asked 'how many customers used a voucher')" = '[[1]]' ]
	[ "$(asked 'what is the cancellation rate')" = '[[0.3333333333333333]]' ]
	[ "$(asked 'cancellation rate per delivery')" = '[[0.5]]' ]
	[ "$(asked 'how many one star ratings did Umi get')" = '[[1]]' ]
	[ "$(asked '5 star ratings')" = '[[1]]' ]
	[ "$(asked 'orders of cust_3')" = '[[1]]' ]
	[ "$(asked 'orders in the last 2 days compared with the 2 days before that')" = '[[3,0,3,null]]' ]
	[ "$(asked 'orders today compared to the same time yesterday')" = '[[0,3,-3,-1]]' ]
	[ "$(asked 'slowest delivery')" = '[[50]]' ]
	[ "$(asked 'orders that were paid')" = '[[3]]' ]
	[ "$(asked 'how much did customers tip')" = '[[3]]' ]
	[ "$(asked 'average tip per delivery')" = '[[1.5]]' ]
	[ "$(asked 'how many customers ordered more than once')" = '[[1]]' ]
	[ "$(asked 'how many customers ordered more than twice')" = '[[0]]' ]
	[ "$(asked 'orders on the weekend last week')" = '[[0]]' ]
	at-insight ask -f ndjson 'orders in the last 2 days compared with the 7 days before that' | jq -e .refuse
}

@test "devices are users where ids say so; units, versions and hours of the day are read" {
	other_stores iot
	[ "$(asked 'how many devices raised a critical alarm')" = '[[1]]' ]
	[ "$(asked 'devices that missed a heartbeat but raised no alarm')" = '[[1]]' ]
	[ "$(asked 'which device missed the most heartbeats')" = '[["dev001",1]]' ]
	[ "$(asked 'temperature of dev002')" = '[[30.5]]' ]
	[ "$(asked 'lowest battery by site')" = '[["oslo",90],["porto",10]]' ]
	[ "$(asked 'readings on firmware 1.2')" = '[[1]]' ]
	[ "$(asked 'number of firmware versions')" = '[[2]]' ]
	[ "$(asked 'how many firmware updates took longer than 5 minutes')" = '[[1]]' ]
	[ "$(asked 'how many firmware updates took less than a minute')" = '[[1]]' ]
	[ "$(asked 'how long does a firmware update take on average')" = '[[220]]' ]
	[ "$(asked 'ratio of critical to warning alarms')" = '[[1]]' ]
	[ "$(asked 'alarms between 9 and 11 pm yesterday')" = '[[2]]' ]
	[ "$(asked 'alarms after 10 pm yesterday')" = '[[2]]' ]
	[ "$(asked 'readings before 9 am')" = '[[0]]' ]
	[ "$(asked 'readings in the second half of june')" = '[[2]]' ]
	[ "$(asked 'readings in q2')" = '[[2]]' ]
	[ "$(asked 'which site lost the most readings this week compared to last week' | jq length)" = 1 ]
	at-insight ask -f ndjson 'co2 in oslo yesterday' | jq -e .refuse
	at-insight ask -f ndjson 'which developers missed heartbeats' | jq -e .refuse
}

# Signups over two weeks, who logs in and who buys later; the data ends on Wednesday, 25 November.
retention_store() {
	export AT_NOW=2026-11-25T12:00:00Z AT_STORE=$BATS_TEST_TMPDIR/retention
	at-ingest -q <<-'E'
		{"event":"page_view","timestamp":"2026-10-30T09:00:00Z","user_id":"u0","properties":{"country":"DE"}}
		{"event":"signup","timestamp":"2026-11-02T09:00:00Z","user_id":"u1","properties":{"country":"DE"}}
		{"event":"signup","timestamp":"2026-11-03T09:00:00Z","user_id":"u2","properties":{"country":"DE"}}
		{"event":"signup","timestamp":"2026-11-04T09:00:00Z","user_id":"u0","properties":{"country":"DE"}}
		{"event":"login","timestamp":"2026-11-03T08:00:00Z","user_id":"u1","properties":{"country":"DE"}}
		{"event":"login","timestamp":"2026-11-10T10:00:00Z","user_id":"u2","properties":{"country":"DE"}}
		{"event":"purchase","timestamp":"2026-11-10T11:00:00Z","user_id":"u2","properties":{"country":"DE","revenue":10}}
		{"event":"purchase","timestamp":"2026-11-12T11:00:00Z","user_id":"u2","properties":{"country":"DE","revenue":20}}
		{"event":"purchase","timestamp":"2026-11-11T11:00:00Z","user_id":"u1","properties":{"country":"DE","revenue":20}}
		{"event":"signup","timestamp":"2026-11-10T09:00:00Z","user_id":"u3","properties":{"country":"FR"}}
		{"event":"login","timestamp":"2026-11-17T09:00:00Z","user_id":"u3","properties":{"country":"FR"}}
		{"event":"signup","timestamp":"2026-11-24T09:00:00Z","user_id":"u4","properties":{"country":"FR"}}
		{"event":"login","timestamp":"2026-11-25T09:00:00Z","user_id":"u4","properties":{"country":"FR"}}
	E
}

@test "who comes back: cohorts as at-query has them, one period of them with those it is of" {
	retention_store
	[ "$(asked 'weekly retention of users who signed up')" = "$(at-query -f ndjson retention --start signup --every 1w | jq -c '[.cohort, .size, .period, .users, .rate, .complete]' | jq -sc .)" ]
	[ "$(asked 'retention from signup to login by day')" = "$(at-query -f ndjson retention --start signup --return login --every 1d | jq -c '[.cohort, .size, .period, .users, .rate, .complete]' | jq -sc .)" ]
	# share, users, of so many, too young for it
	[ "$(asked 'week 1 retention of users who signed up')" = '[[0.75,3,4,1]]' ]
	[ "$(asked 'how many users who signed up came back the next week')" = '[[3,4,0.75,1]]' ]
	[ "$(asked 'how many users who signed up logged in again the next day')" = '[[1,4,0.25,1]]' ]
	[ "$(asked 'what is the retention of new users after 7 days')" = '[[0.5,2,4,1]]' ]
	for q in '7-day retention' 'day 7 retention' 'D7 retention of new users' 'what share of users come back 7 days later?'; do
		[ "$(asked "$q")" = '[[0.5,2,4,1]]' ]
	done
	[ "$(asked 'day 1 retention')" = '[[0.25,1,4,1]]' ]
	[ "$(asked 'what share of users return the next day')" = '[[0.25,1,4,1]]' ]
	[ "$(asked 'retention by week of users who signed up last month')" = '[]' ]
	[ "$(asked 'retention by week of users who signed up this month' | jq -c '[.[] | select(.[2] == 0) | .[1]]')" = '[3,1,1]' ]
	run -0 --separate-stderr at-insight ask -v 'how many users who signed up came back the next week'
	[ "$output" = '3 of 4 users with a first "signup" had any event in the next calendar week (75.0 %). 1 began too late for that to be over, and is left out.' ]
	[[ $stderr == *"retention('signup', NULL, '1 week', 2)"* && $stderr == *'read as retention: users with a first "signup"; coming back: any event in the next calendar week'* ]]
	run -0 at-insight ask 'weekly retention of users who signed up'
	[[ $output == *$'\n  2026-11-02, 3 users: 100.0 %, 66.7 %, 0.0 %, 0.0 %*'* ]]
}

@test "who comes back within some days of their own first event; bought again; any event counts from the next day on" {
	retention_store
	[ "$(asked 'how many of those who signed up in the first week of November logged in again within 7 days')" = '[[1,3,0.3333333333333333,0]]' ]
	[ "$(asked 'which share of buyers bought again within 7 days')" = '[[0.5,1,2,0]]' ]
	[ "$(asked 'how many customers purchased again within 1 day')" = '[[0,2,0,0]]' ]
	[ "$(asked 'which share of buyers bought again within 30 days')" = '[[null,0,0,2]]' ]
	[ "$(asked 'how many users came back within 7 days of signing up')" = '[[2,4,0.5,1]]' ]
	[ "$(asked 'how many new users this month came back within a week')" = '[[2,3,0.6666666666666666,1]]' ]
	run -0 at-insight ask 'which share of buyers bought again within 30 days'
	[ "$output" = 'It cannot be told yet: for none of 2 users with a first "purchase" the time to come back is over.' ]
	run -0 at-insight ask 'which share of buyers bought again within 7 days'
	[ "$output" = '50.0 %: 1 of 2 users with a first "purchase" had another "purchase" within 7 days.' ]
}

@test "what retention cannot tell is asked back: no step, two steps, names, filters, unknown events, what lies ahead" {
	retention_store
	for q in retention 'what is our retention rate' 'retention day 3 vs day 7' 'which users came back the next day' 'who came back within 3 days' \
	    '7-day retention by country' '7-day retention in germany' 'how many users did not come back within 7 days' 'average weekly retention' \
	    'how many gnomes came back the next week' '7-day retention of users who subscribed' 'how many users return next week' \
	    'what will the 7-day retention be' 'why did 7-day retention fall' 'delete the weekly retention' 'how many users came back this week' \
	    'how many purchases returned within 7 days' 'day 0 retention' 'day 99999999999 retention' '7-day retention last week vs this week' \
	    'retention of users who signed up and logged in and bought by week'; do
		at-insight ask -f ndjson "$q" | jq -e '.refuse and .sql == null and .rows == []' > /dev/null || { echo "$q"; false; }
	done
	[[ $(asked 'how many gnomes came back the next week') == *gnomes* ]]
	[[ $(asked 'how many users return next week') == *'what will be'* ]]
	[[ $(asked retention) == *'weekly retention'* ]]
}

@test "the size of a basket in items is no money" {
	retention_store
	at-insight ask -f ndjson 'average basket size in items' | jq -e '.refuse and (.text | contains("items"))'
	[ "$(asked 'average basket size')" = '[[16.666666666666668]]' ]
}

@test "POST /api/v1/ask tells of retention what the caller's rights show" {
	source "$BATS_TEST_DIRNAME/serve.bash"
	retention_store
	serve_start
	post /api/v1/ask '{"question":"day 1 retention of users who signed up"}' | jq -e '.rows == [[0.25,1,4,1]] and (.sql | contains("retention("))'
	at-admin -q role add de read:insights --sees 'rows=.properties.country == "DE"'
	KEY=$(at-admin -q key create --role de)
	post /api/v1/ask '{"question":"how many users who signed up came back the next day"}' | jq -e '.rows[0][0:2] == [1,3] and .rows[0][3] == 0'
	post /api/v1/ask '{"question":"which share of buyers bought again within 1 day"}' | jq -e '.rows == [[0,0,2,0]]'
	at-admin -q role add blind read:insights --sees hide=user_id
	KEY=$(at-admin -q key create --role blind)
	for question in 'weekly retention' '7-day retention' 'how many users came back within 7 days'; do
		post /api/v1/ask '{"question":"'"$question"'"}' > /dev/null && [ "$status_code" = 200 ] && jq -e '.refuse and .sql == null and .rows == []' body
	done
	serve_stop
}

@test "a value of the store that is a word of English, too, is a filter where it stands as one, else it is asked back; it is never passed over" {
	export AT_STORE=$BATS_TEST_TMPDIR/words
	row() { echo "{\"event\":\"$1\",\"timestamp\":\"2026-06-16T0$2:00:00Z\",\"user_id\":\"u$2\",\"properties\":{$3}}"; }
	{
		row order_placed 1 '"channel":"app","status":"new","payment":"cash","amount":10,"kind":"repeat"'
		row order_placed 2 '"channel":"website","status":"lost","payment":"card","amount":20,"kind":"single"'
		row order_placed 2 '"channel":"shop","status":"active","payment":"cash","amount":40,"kind":"single"'
		row order_placed 3 '"channel":"phone","status":"done","payment":"card","amount":80,"kind":"repeat"'
		row ticket_updated 4 '"state":"cancelled","role":"member","slot":"morning"'
		row ticket_updated 5 '"state":"paid","role":"guest","slot":"evening"'
		row ticket_updated 5 '"state":"refunded","role":"member","slot":"evening"'
	} | at-ingest -q
	while IFS='|' read -r question rows; do
		[ "$(asked "$question")" = "$rows" ] || { echo "$question: $(asked "$question")"; return 1; }
	done <<-'E'
		how many orders via app|[[1]]
		orders on the website|[[1]]
		orders in the shop|[[1]]
		orders not via app|[[3]]
		total amount of cash orders|[[50]]
		orders paid in cash|[[2]]
		revenue in cash|[[50]]
		new orders|[[1]]
		active orders|[[1]]
		how many orders were lost yesterday|[[1]]
		done orders|[[1]]
		repeat orders|[[2]]
		app vs website orders|[["app",1],["website",1]]
		share of orders via the app|[[0.25]]
		how many tickets were cancelled|[[1]]
		paid tickets|[[1]]
		refunded tickets|[[1]]
		how many members had a ticket|[[2]]
		tickets of members|[[2]]
		how many users does our app have|[[5]]
	E
	for q in 'how much cash did we take in' 'morning tickets' 'how many users paid' 'how many orders did we lose yesterday' 'delete all orders' 'amount of orders'; do
		at-insight ask -f ndjson "$q" | jq -e '.refuse and .rows == []'
	done
	[[ $(asked 'how much cash did we take in') == *'payment cash'* ]]
}

@test "a property written true and false is named by itself, whatever it is called" {
	export AT_STORE=$BATS_TEST_TMPDIR/booleans
	row() { echo "{\"event\":\"$1\",\"timestamp\":\"2026-06-16T0$2:00:00Z\",\"user_id\":\"u$2\",\"properties\":{$3}}"; }
	{
		row lab_result 1 '"test":"blood","abnormal":true,"retries":1'
		row lab_result 2 '"test":"blood","abnormal":false,"retries":0'
		row lab_result 3 '"test":"urine","abnormal":true,"retries":1'
		row delivery 1 '"zone":"docks","on_time":true'
		row delivery 2 '"zone":"docks","on_time":false'
	} | at-ingest -q
	for sealed in 0 1; do
		[ "$(asked 'abnormal lab results by test')" = '[["blood",1],["urine",1]]' ]
		[ "$(asked 'on time deliveries by zone')" = '[["docks",1]]' ]
		[ "$(asked 'how many deliveries were not on time')" = '[[1]]' ]
		[ "$(asked 'share of lab results that were abnormal' | jq '.[0][0] * 3 | round')" = 2 ]
		[ "$(asked 'average retries by test')" = '[["urine",1],["blood",0.5]]' ]         # numbers stay numbers
		at-admin -q compact
	done
	at-insight ask -f ndjson 'share of abnormal blood tests' | jq -e .refuse
}

@test "an amount that several events carry is the total of none: it is asked back, unless it says of which" {
	export AT_STORE=$BATS_TEST_TMPDIR/amounts
	row() { echo "{\"event\":\"$1\",\"timestamp\":\"2026-06-16T0$2:00:00Z\",\"user_id\":\"u$2\",\"properties\":{$3}}"; }
	{
		row invoice_sent 1 '"insurer":"Acme","amount":100'
		row invoice_sent 2 '"insurer":"Best","amount":70'
		row payment_received 3 '"insurer":"Acme","amount":60,"method":"card"'
		row delivery_failed 3 '"zone":"docks"'
	} | at-ingest -q
	for q in 'revenue yesterday' 'total amount by insurer' 'average amount' 'which insurer had the highest amount' 'failure rate of deliveries'; do
		at-insight ask -f ndjson "$q" | jq -e '.refuse and .rows == []' || { echo "$q"; return 1; }
	done
	[[ $(asked 'revenue yesterday') == *'invoice_sent'*'payment_received'* ]]
	[ "$(asked 'total amount of invoices')" = '[[170]]' ]
	[ "$(asked 'total invoiced yesterday')" = '[[170]]' ]
	[ "$(asked 'total amount by method')" = '[["card",60]]' ]
	[ "$(asked 'how much did Acme pay')" = '[[60]]' ]
	[ "$(asked 'which insurer paid the most')" = '[["Acme",60]]' ]
	[ "$(asked 'total amount by event' | jq -c '.[:2]')" = '[["invoice_sent",170],["payment_received",60]]' ]
}

@test "who did both, who never did, and which value goes with which deed; what a word bounds or counts" {
	export AT_STORE=$BATS_TEST_TMPDIR/exams
	row() { echo "{\"event\":\"$1\",\"timestamp\":\"2026-06-16T0$3:00:00Z\",\"user_id\":\"student0$2\",\"properties\":{$4}}"; }
	{
		row exam_failed 1 3 '"course":"math"'
		row exam_passed 1 4 '"course":"art"'
		row exam_failed 2 3 '"course":"art"'
		row exam_passed 2 4 '"course":"math"'
		row book_loaned 3 5 '"plan":"pupil","genre":"crime"'
		row book_loaned 3 6 '"plan":"pupil","genre":"poetry"'
		row member_joined 1 1 '"age":70'
		row member_joined 2 1 '"age":30'
	} | at-ingest -q
	while IFS='|' read -r question rows; do
		[ "$(asked "$question")" = "$rows" ] || { echo "$question: $(asked "$question")"; return 1; }
	done <<-'E'
		how many students failed math and passed art|[[1]]
		how many students failed an exam and passed an exam|[[2]]
		how many loans by pupils|[[2]]
		how many loans yesterday|[[2]]
		members who joined with age over 60|[[1]]
	E
	at-insight ask -f ndjson 'top 2 genres per plan' | jq -e .refuse
	at-insight ask -f ndjson 'cumulative loans per day' | jq -e .refuse
	at-insight ask -f ndjson 'exams failed but passed' | jq -e .refuse
	export AT_STORE=$BATS_TEST_TMPDIR/quizzes
	{
		row quiz_taken 1 1 '"course":"math","passed":false'
		row quiz_taken 1 2 '"course":"art","passed":true'
		row quiz_taken 2 1 '"course":"art","passed":false'
		row quiz_taken 3 1 '"course":"math","passed":true'
	} | at-ingest -q
	[ "$(asked 'share of passed quizzes')" = '[[0.5]]' ]
	[ "$(asked 'students who failed and passed')" = '[[1]]' ]
	[ "$(asked 'how many students failed or passed')" = '[[3]]' ]
	[ "$(asked 'how many students never failed')" = '[[1]]' ]
	[ "$(asked 'students who failed but never passed')" = '[[1]]' ]
	at-insight ask -f ndjson 'students who failed math and passed art' | jq -e .refuse
}

@test "users by a name that a number has, too; the most of what is counted is a sum; what was done is the event of that word" {
	export AT_STORE=$BATS_TEST_TMPDIR/hotel
	row() { echo "{\"event\":\"$1\",\"timestamp\":\"2026-06-1$3T08:00:00Z\",\"user_id\":\"guest00$2\",\"properties\":{$4}}"; }
	{
		row room_booked 1 1 '"nights":3,"guests":2,"room_type":"suite"'
		row room_booked 1 2 '"nights":3,"guests":1,"room_type":"single"'
		row room_booked 2 1 '"nights":5,"guests":4,"room_type":"suite"'
		row booking_cancelled 2 3 '"reason":"price"'
		row checked_in 1 4 '"floor":2'
		row page_view 1 1 '"page":"/","duration_ms":500'
	} | at-ingest -q
	[ "$(asked 'who booked the most nights')" = '[["guest001",6]]' ]
	[ "$(asked 'guests who booked but never checked in')" = '[[1]]' ]
	[ "$(asked 'how many suites were booked')" = '[[2]]' ]
	[ "$(asked 'total guests')" = '[[7]]' ]
	[ "$(asked 'how many rooms were booked')" = '[[3]]' ]
	[ "$(asked 'how many room types were booked')" = '[[2]]' ]
	for q in 'how many guests booked a room' 'longest stay' 'how many bookings'; do
		at-insight ask -f ndjson "$q" | jq -e '.refuse and .rows == []' || { echo "$q"; return 1; }
	done
}

@test "who comes back within some days is told of a property of what began it, and of the event that has it" {
	export AT_STORE=$BATS_TEST_TMPDIR/places
	row() { echo "{\"event\":\"$1\",\"timestamp\":\"2026-06-0$3T08:00:00Z\",\"user_id\":\"u$2\",\"properties\":{$4}}"; }
	{
		row signup 1 1 '"country":"DE","channel":"app"'
		row signup 2 1 '"country":"DE","channel":"ads"'
		row signup 3 1 '"country":"FR","channel":"ads"'
		row signup 4 1 '"country":"IT","channel":"ads"'
		row login 1 3 '"device":"phone"'
		row login 3 4 '"device":"phone"'
		echo '{"event":"login","timestamp":"2026-06-16T08:00:00Z","user_id":"u2"}'
	} | at-ingest -q
	[ "$(asked 'how many users who signed up came back within 7 days' | jq -c '.[0][:2]')" = '[2,4]' ]
	[ "$(asked 'how many users from germany who signed up came back within 7 days' | jq -c '.[0][:2]')" = '[1,2]' ]
	[ "$(asked 'how many users who signed up from germany or france logged in within 7 days again' | jq -c '.[0][:2]')" = '[2,3]' ]
	[ "$(asked 'how many users who signed up via ads came back within 2 weeks' | jq -c '.[0][:2]')" = '[1,3]' ]
	[[ $(at-insight ask 'how many users from germany who signed up came back within 7 days') == *'country DE'* ]]
	for q in 'weekly retention of users from germany who signed up' 'how many users on a phone who signed up came back within 7 days' \
	    'how many users not from germany who signed up came back within 7 days' '7-day retention in germany'; do
		at-insight ask -f ndjson "$q" | jq -e '.refuse and .rows == []' || { echo "$q"; return 1; }
	done
}

@test "both of two things that were done by the same word; no bound on an average; which there are; a word that has its event keeps it" {
	export AT_STORE=$BATS_TEST_TMPDIR/clinic
	row() { echo "{\"event\":\"$1\",\"timestamp\":\"2026-06-1$3T08:00:00Z\",\"user_id\":\"u$2\",\"properties\":{$4}}"; }
	{
		row workshop_attended 1 1 '"topic":"chess"'
		row workshop_attended 1 2 '"topic":"knitting"'
		row workshop_attended 2 2 '"topic":"chess"'
		row appointment_booked 3 3 '"channel":"phone"'
		row appointment_missed 3 4 '"department":"eyes","wait_min":5'
		row appointment_attended 4 4 '"department":"ears","wait_min":50'
	} | at-ingest -q
	[ "$(asked 'users who attended knitting and chess')" = '[[1]]' ]
	[ "$(asked 'users who attended knitting or chess')" = '[[2]]' ]
	[ "$(asked 'what departments are there')" = '[["ears",1],["eyes",1]]' ]
	for q in 'departments with an average wait above 30' 'how many appointments were missed by phone bookings'; do
		at-insight ask -f ndjson "$q" | jq -e '.refuse and .rows == []' || { echo "$q"; return 1; }
	done
}

@test "an area is measured, a lot is a name: no average or greatest of names is told, and of what is measured it is" {
	export AT_STORE=$BATS_TEST_TMPDIR/flats
	for i in 1 2 3 4; do
		echo '{"event":"flat_listed","timestamp":"2026-06-1'$i'T10:00:00Z","properties":{"area":'$((i * 20))',"lot":'$((5 - i))'}}'
	done | at-ingest -q
	[ "$(asked 'average area of flats')" = '[[50]]' ]
	[ "$(asked 'which flat has the greatest area')" = '[[80]]' ]
	for question in 'which flat has the highest lot' 'sum of lots' 'lowest lot'; do
		[[ $(asked "$question") == '"\"lot\" are names, of which there is no '*'; ask '* ]]
	done
	not grep -q 'sum of;' <<< "$(asked 'sum of lots')"
	[ "$(asked 'how many lots')" = '[[4]]' ]
}
