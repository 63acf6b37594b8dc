#!/usr/bin/env bats
load ../helper

now=2026-11-23T10:00:00Z
clean() { at-ingest -n --now "$now" "$@"; }

@test "loose rows become canonical events" {
	run -0 clean <<-'END'
	{"event":"a","ts":1700000000,"userId":"u","anonymousId":"x","sessionId":"s","messageId":9,"page":"/"}
	{"type":"b","time":"2026-11-23T11:15:30.5+01:00","distinct_id":"d","properties":{"page":"/p"},"page":"/"}
	{"name":"c","userId":null,"client_id":"cl"}
	END
	[ "${lines[0]}" = '{"event":"a","timestamp":"2023-11-14T22:13:20.000Z","id":"9","user_id":"u","session_id":"s","properties":{"anonymousId":"x","page":"/"}}' ]
	[ "${lines[1]}" = '{"event":"b","timestamp":"2026-11-23T10:15:30.500Z","user_id":"d","properties":{"page":"/p"}}' ]
	[ "${lines[2]}" = '{"event":"c","timestamp":"2026-11-23T10:00:00.000Z","user_id":"cl","properties":{}}' ]
}

@test "a userId in the properties is the user's, however its key is written" {
	run -0 clean <<-'END'
	{"event":"a","properties":{"userId":"u1"}}
	{"event":"a","properties":{"u\u0073erId":"u2"}}
	{"event":"a","properties":{"userId":"u1","\u0075serId":"u3"}}
	END
	[ "$(jq -c '[.user_id,.properties]' <<<"$output")" = '["u1",{"userId":"u1"}]
["u2",{"userId":"u2"}]
["u3",{"userId":"u3"}]' ]
}

@test "times come in s, ms, µs and ns" {
	run -0 clean <<-'END'
	{"event":"a","ts":1700000000}
	{"event":"a","ts":1700000000000}
	{"event":"a","ts":1700000000000000}
	{"event":"a","ts":1700000000000000000}
	END
	[ "$(sort -u <<<"$output" | wc -l)" -eq 1 ]
	[[ $output == *'"timestamp":"2023-11-14T22:13:20.000Z"'* ]]
}

@test "what is canonical comes back byte for byte" {
	printf '%s\n' '{"event":"a b","timestamp":"2026-11-23T10:15:30.123Z","id":"i","user_id":"u","session_id":"s","properties":{"x":[1,{"y":null}],"z":9007199254740993}}' >in
	clean in | cmp - in
	clean in | clean | cmp - in
}

@test "blank lines, CRLF, a BOM and no last newline are no fault" {
	printf '\xef\xbb\xbf{"event":"a"}\r\n\r\n  \n{"event":"b"}' >in
	run -0 --separate-stderr clean in
	[ "${#lines[@]}" -eq 2 ] && [ -z "$stderr" ]
}

@test "rejects say file, line, column, reason and input; ten at most" {
	for i in 1 2 3 4 5 6 7 8 9 10 11 12; do echo '{"event":1}'; done >bad.ndjson
	run -0 --separate-stderr clean bad.ndjson
	[ "${#stderr_lines[@]}" -eq 11 ]
	[ "${stderr_lines[0]}" = "at-ingest: bad.ndjson:1:10: event: wants 1 to 255 bytes of text: '{\"event\":1}'" ]
	[[ ${stderr_lines[10]} == 'at-ingest: 0 accepted, 12 rejected, 0 duplicate, '* ]]
}

@test "reject rows go to a file, and --strict to the exit status" {
	printf '{"event":"a"}\n{"event":\n\xff\n' >in
	run -3 --separate-stderr clean -f ndjson --strict -r rejects in
	[ "${#lines[@]}" -eq 1 ]
	[ "$(wc -l <rejects)" -eq 2 ]
	[ "$(jq -r '[.source, .line] | join(":")' rejects | paste -sd' ')" = "in:2 in:3" ]
	[ "$(jq -r .input rejects | head -1)" = '{"event":' ]
	jq -e .error rejects >/dev/null
}

@test "a reason that quotes the input in the middle of a character is still UTF-8" {
	printf '{"event":"a","ts":"%s"}\n' "$(printf 'ä%.0s' {1..60})x" "x$(printf 'ä%.0s' {1..60})" >in
	run -0 clean -q -r rejects in
	jq -e . rejects >/dev/null && iconv -f utf-8 -t utf-8 rejects >/dev/null
	at-ingest -n -q in 2>&1 | iconv -f utf-8 -t utf-8 >/dev/null
}

@test "a plan refuses what breaks it, with the path" {
	cat >plan.json <<-'END'
	{"events":{"purchase":{"required":["revenue","user_id"],"properties":{"revenue":{"type":"number","minimum":0},
	"items":{"type":"array","items":{"type":"object","required":["sku"]}}}}},"unknown":"reject"}
	END
	run -0 --separate-stderr clean --schema plan.json <<-'END'
	{"event":"purchase","user_id":"u","revenue":9.5,"items":[{"sku":"a"}]}
	{"event":"purchase","user_id":"u","revenue":"9.5"}
	{"event":"purchase","user_id":"u","revenue":1,"items":[{"sku":"a"},{}]}
	{"event":"purchase","revenue":1}
	{"event":"purchese"}
	END
	[ "${#lines[@]}" -eq 1 ]
	[[ $stderr == *'stdin:2: purchase: revenue: wants a number, has "9.5"'* ]]
	[[ $stderr == *'stdin:3: purchase: items[1]: "sku" is required'* ]]
	[[ $stderr == *'stdin:4: purchase: "user_id" is required'* ]]
	[[ $stderr == *"stdin:5: 'purchese' is not in the plan"* ]]
}

@test "a wrong plan is wrong usage" {
	echo '{"events":{"a":{"minimun":1}}}' >plan.json
	run -2 at-ingest -n --schema plan.json </dev/null
	[[ $output == *'plan.json: a: minimun: no such keyword, did you mean "minimum"'* ]]
	run -1 at-ingest -n --schema none.json </dev/null
	[[ $output == *'none.json: No such file or directory'* ]]
}

@test "cleansing is declared per event" {
	mkdir config
	cat >config/analytics.json <<-'END'
	{"governance":{"salt":"${SALT}"},
	 "events":{
	  "*":{"trim":true,"clean":{"debug":{"drop":true},"ip":{"pii":"mask"}}},
	  "signup":{"rename":"user_signup","clean":{"email":{"case":"lower","pattern":"@","pii":"hash"},"plan":{"enum":["free","pro"],"default":"free"},
	   "age":{"coerce":"integer","range":[0,150]},"uid":{"rename":"user_id"}}},
	  "heartbeat":{"drop":true}}}
	END
	SALT=s run -0 --separate-stderr clean -v <<-'END'
	{"event":"signup","uid":7,"email":" Anna@Example.com ","age":"42","debug":1,"ip":"84.65.138.53"}
	{"event":"signup","email":"anna@example.com","plan":"gold"}
	{"event":"signup","email":"anna@example.com","age":200}
	{"event":"heartbeat"}
	END
	hash=$(printf anna@example.com | openssl dgst -sha256 -hmac s | sed 's/.* //' | cut -c1-32)
	[ "${lines[0]}" = '{"event":"user_signup","timestamp":"2026-11-23T10:00:00.000Z","user_id":"7","properties":{"email":"'"$hash"'","age":42,"ip":"84.65.138.0","plan":"free"}}' ]
	[ "${#lines[@]}" -eq 1 ]
	[[ $stderr == *"stdin:2: plan: 'gold' is none of"* && $stderr == *'stdin:3: age: wants at most 150, has 200'* && $stderr == *' 1 dropped'* ]]
}

@test "properties renamed to one name are one: a key that stays wins, then the first; names may change places" {
	mkdir config
	echo '{"events":{"e":{"clean":{"a":{"rename":"x"},"b":{"rename":"x"},"c":{"rename":"d"},"d":{"rename":"c"},"k":{"rename":"gone"},"gone":{"drop":true},"x":{"default":5}}}}}' > config/analytics.json
	run -0 clean <<-'END'
	{"event":"e","a":1,"b":2}
	{"event":"e","b":2,"x":3}
	{"event":"e","c":1,"d":2}
	{"event":"e","k":1,"gone":2}
	END
	[ "$(jq -c .properties <<< "$output")" = '{"x":1}
{"x":3}
{"d":1,"c":2,"x":5}
{"gone":1,"x":5}' ]
	[ "${output//\"x\"/}" = "$(jq -c . <<< "$output" | sed 's/"x"//')" ]    # no key twice
}

@test "trim of an event cuts blanks off all its texts: its name, its ids, and however deep they lie" {
	mkdir config
	echo '{"events":{"*":{"trim":true},"a":{"clean":{"user_id":{"case":"upper"},"p.q":{"default":"d"}}},"b":{"drop":true}}}' > config/analytics.json
	run -3 --separate-stderr clean --strict <<-'END'
	{"event":" a ","id":" i ","user_id":" u ","session_id":"  ","x":[" 1 ",{"y":" \u00e9\t","z":[[" "]], " k ":1.50}],"p":{"r":" s "},"n":null}
	{"event":" b "}
	{"event":"  "}
	END
	[ "$output" = '{"event":"a","timestamp":"2026-11-23T10:00:00.000Z","id":"i","user_id":"U","properties":{"x":["1",{"y":"é","z":[[""]]," k ":1.50}],"p":{"r":"s","q":"d"},"n":null}}' ]
	[[ $stderr == *'stdin:3: event: is nothing but blanks'* ]]
}

@test "a default within an object is for objects that are there, and makes none" {
	mkdir config
	echo '{"events":{"*":{"clean":{"p.q":{"default":"d"}}}}}' > config/analytics.json
	run -0 clean <<-'END'
	{"event":"a","p":{"r":1}}
	{"event":"a","p":{"q":""}}
	{"event":"a","p":{"q":0}}
	{"event":"a","p":7,"p.q":null}
	{"event":"a"}
	END
	[ "$(jq -c .properties <<< "$output")" = '{"p":{"r":1,"q":"d"}}
{"p":{"q":"d"}}
{"p":{"q":0}}
{"p":7,"p.q":"d"}
{}' ]
}

@test "pii mask of an address keeps its network" {
	mkdir config
	echo '{"events":{"*":{"clean":{"ip":{"pii":"mask"}}}}}' > config/analytics.json
	for ip in 84.65.138.53=84.65.138.0 2001:db8:1:2::53=2001:db8:1:: ::1=:: ::ffff:84.65.138.53=::ffff:84.65.138.0 1:2:3=*****; do
		[ "$(clean <<< '{"event":"a","ip":"'"${ip%=*}"'"}' | jq -r .properties.ip)" = "${ip#*=}" ] || { echo "$ip"; return 1; }
	done
}

@test "case folds the letters of any script" {
	mkdir config
	echo '{"events":{"*":{"clean":{"low":{"case":"lower"},"high":{"case":"upper"}}}}}' > config/analytics.json
	run -0 --separate-stderr clean <<< '{"event":"a","low":"ÀΣЖԱ𐐀Ⱥ","high":"àςжա𐐨ⱥß"}'
	[[ ${lines[0]} == *'{"low":"àσжա𐐨ⱥ","high":"ÀΣЖԱ𐐀Ⱥß"}'* ]]
}

@test "fault 20: times from year 0 to 9999, and numbers at their limits, by rule" {
	run -0 --separate-stderr clean <<-'END'
	{"event":"a","ts":"0000-01-01T00:00:00Z"}
	{"event":"a","ts":"1970-01-01T00:00:00Z"}
	{"event":"a","ts":"9999-12-31T23:59:59.999Z"}
	{"event":"a","ts":-1}
	{"event":"a","ts":-0.0}
	{"event":"a","ts":0,"v":1e308,"w":-0,"x":9223372036854775807,"y":-9223372036854775808,"z":18446744073709551615}
	{"event":"a","ts":"10000-01-01T00:00:00Z"}
	{"event":"a","ts":1e308}
	{"event":"a","v":NaN}
	{"event":"a","v":Infinity}
	{"event":"a","v":1e}
	{"event":"a","ts":"2026-02-30T00:00:00Z"}
	END
	[ "${#lines[@]}" -eq 6 ]
	[[ ${lines[5]} == *'"v":1e308,"w":-0,"x":9223372036854775807,"y":-9223372036854775808,"z":18446744073709551615'* ]]
	[[ $stderr == *' 6 rejected'* ]]
}

@test "fault 22: a line beyond the limit, many keys, and depth are refused in little memory" {
	{
		echo '{"event":"first"}'
		printf '{"event":"a","x":"'; head -c 1000000000 /dev/zero | tr '\0' x; echo '"}'
		python3 -c 'print("{\"event\":\"a\",\"properties\":{" + ",".join("\"k%d\":1" % i for i in range(1000000)) + "}}")'
		python3 -c 'print("{\"event\":\"a\",\"x\":" + "[" * 100000 + "]" * 100000 + "}")'
		echo '{"event":"last"}'
	} | ([ -n "$SANITIZED" ] || ulimit -v 1000000; exec at-ingest -n >out 2>err)
	[ "$(jq -r .event out | paste -sd' ')" = "first last" ]
	[[ $(<err) == *' 3 rejected'* ]]
	[[ $(<err) == *'stdin:2'*'stdin:3'*'more than'*'stdin:4'* ]]
}

@test "a line of 10 MB, nested 400 deep, is no fault" {
	python3 -c 'print("{\"event\":\"a\",\"x\":\"" + "y" * 10000000 + "\",\"d\":" + "[" * 400 + "]" * 400 + "}")' >in
	clean in | python3 -c 'import json, sys; p = json.load(sys.stdin)["properties"]; assert len(p["x"]) == 10000000 and p["d"]'
}

@test "fault 26: text that is no UTF-8 is refused with its place, or mended with --lossy" {
	printf '%b\n' '{"event":"a","x":"\0377"}' '{"event":"a","x":"\0300\0257"}' '{"event":"a","x":"\0355\0240\0200"}' '{"event":"a","x":"\0000"}' >in
	printf '%s\n' '{"event":"a","x":"\ud800"}' '{"event":"a","x":"\u0000 \ud83d\ude00"}' >>in
	run -0 --separate-stderr clean in
	[ "${#lines[@]}" -eq 1 ] && [[ ${lines[0]} == *'\u0000 \ud83d\ude00'* ]]
	[[ ${stderr_lines[0]} == *in:1:19:* && ${stderr_lines[0]} == *'"x":"\xff"}'* && $stderr == *' 5 rejected'* ]]
	run -0 --separate-stderr clean --lossy in
	[ "${#lines[@]}" -eq 5 ]
	[[ ${lines[0]} == *$'"x":"\xef\xbf\xbd"'* ]]
}

@test "JSONTestSuite: y is accepted and comes back, n is refused" {
	need_shared eval/conformance/json/test_parsing
	python3 - "$shared/eval/conformance/json/test_parsing" <<-'END'
	import json, os, subprocess, sys
	bad = 0
	for name in sorted(os.listdir(sys.argv[1])):
	    data = open(os.path.join(sys.argv[1], name), "rb").read()
	    if b"\n" in data or b"\r" in data:      # a row is a line
	        data = data.replace(b"\r", b" ").replace(b"\n", b" ") if name[0] == "y" else data
	        if name[0] != "y": continue
	    p = subprocess.run(["at-ingest", "-n", "-q", "-f", "ndjson"], input=b'{"event":"a","value":' + data + b"}\n", capture_output=True)
	    if p.returncode not in (0,):
	        print(name, "exit", p.returncode); bad = 1
	    got = p.stdout.count(b"\n")
	    if name[0] == "y" and (got != 1 or json.loads(p.stdout)["properties"].get("value") != json.loads(data)):
	        print(name, "not taken, or changed"); bad = 1
	    if name[0] == "n" and got != 0:
	        print(name, "taken"); bad = 1
	sys.exit(bad)
	END
}
