#!/usr/bin/env bats
# at-detect --model and --exec: models of others.

load ../helper

golden=$root/tests/golden/models

@test "scores of trees are those of XGBoost and LightGBM within 1e-6: what they predicted is kept beside small models" {
	for scores in "$golden"/*.scores; do
		for model in "${scores%.scores}".json "${scores%.scores}".txt; do [ -e "$model" ] && break; done
		at-detect --model "$model" "${scores%.scores}.rows" > out
		python3 - "$scores" <<-'PY' || { echo "$model"; return 1; }
		import json, sys
		want = [json.loads(line) for line in open(sys.argv[1])]
		got = [json.loads(line)["model"] for line in open("out")]
		assert len(want) == len(got) == 30
		for w, g in zip(want, got):
		    g = g.get("scores", [g["score"]])
		    assert len(w) == len(g) and all(abs(a - b) <= 1e-6 * max(1, abs(a)) for a, b in zip(w, g)), (w, g)
		PY
	done
}

@test "random models of every objective that the packages train here score as they predict" {
	python=${AT_MODELS_PYTHON:-python3}
	"$python" -c 'import xgboost, lightgbm, pandas' 2> /dev/null || skip "no xgboost, lightgbm and pandas for $python (pip install xgboost-cpu lightgbm pandas; AT_MODELS_PYTHON)"
	run -0 "$python" "$root/tests/peers/models.py" "${AT_MODELS_ROUNDS:-1}" 1
}

@test "the example that trains with XGBoost scores in the pipe" {
	python=${AT_MODELS_PYTHON:-python3}
	"$python" -c 'import xgboost, pandas' 2> /dev/null || skip "no xgboost and pandas for $python (pip install xgboost-cpu pandas; AT_MODELS_PYTHON)"
	for i in $(seq 200); do echo "{\"properties\":{\"amount\":$((i * 37 % 300)),\"night\":$((i % 3 == 0)),\"tries\":$((i % 5)),\"fraud\":$((i * 37 % 300 > 200 && i % 3 == 0))}}"; done > past.ndjson
	sed -n "s/^    //; /^python3 - <<'END'/,/^END/p" "$root/examples/score-in-the-pipe.md" | sed '1d;/^END/d' > train.py
	"$python" train.py
	echo '{"properties":{"amount":299,"night":true,"tries":4}}' | at-detect --model fraud.json | jq -e '.model.score > 0.5'
}

@test "a linear model in JSON: weights by field, means and scales, classes; what is missing is usual" {
	echo '{"model":"logistic","intercept":-1,"weights":{"amount":2,"visits":0.5},"mean":{"amount":10},"scale":{"amount":5}}' > m.json
	printf '%s\n' '{"event":"a","properties":{"amount":20,"visits":2}}' '{"amount":"10","visits":null}' '{ }' '{"amount":true}' > rows
	at-detect --model m.json rows > out
	[ "$(sed -n 2p out)" = '{"amount":"10","visits":null,"model":{"score":0.2689414213699951}}' ]
	[ "$(sed -n 3p out)" = '{"model":{"score":0.2689414213699951}}' ]
	jq -es '.[0].model.score == 0.9820137900379085 and .[0].event == "a" and .[3].model.score < 0.01' out
	echo '{"model":"softmax","classes":["low","high"],"intercept":[0,0],"weights":{"amount":[-1,1]}}' > m.json
	[ "$(echo '{"amount":1}' | at-detect --model m.json | jq -c '.model | [.class, (.score, .scores[] | . * 1e6 | round)]')" = '["high",880797,119203,880797]' ]
	echo '{"model":"linear","weights":{"a":2,"b":1}}' > m.json
	[ "$(echo '{"x":1,"y":{"z":3}}' | at-detect --model m.json -f x,y.z | jq .model.score)" = 5 ]
}

@test "what is no model, or is damaged, is told; a row that is none is rejected" {
	no() { run -"$1" --separate-stderr at-detect --model "$2" -f "${4:-}" /dev/null; [[ $stderr == *"$3"* ]] || { echo "$stderr"; return 1; }; }
	no 1 none.json 'none.json: No such file'
	no 1 /dev/zero 'a model is a file of 1 GiB at most'
	echo 'PK' > m; no 1 m 'no model that is known'
	echo '{"learner":{}}' > m; no 1 m 'features'
	echo '{"model":"linear"}' > m; no 1 m '"weights" is to be an object'
	echo '{"model":"tree"}' > m; no 1 m 'neither XGBoost'
	echo '{"model":"linear","weights":{"a":1},"scale":{"a":0}}' > m; no 1 m 'no scale is 0'
	echo '{"model":"linear","weights":{"a":1}}' > m; no 2 m 'more fields' x,y
	jq -c '.learner.gradient_booster.model.trees[0].left_children[0] = 0' "$golden/xgboost-logistic.json" > m; no 1 m 'tree 0 of the model is damaged'
	jq -c '.learner.gradient_booster.model.trees[1].split_indices[0] = 99' "$golden/xgboost-logistic.json" > m; no 1 m 'tree 1 of the model is damaged'
	sed '0,/left_child=1/s//left_child=0/' "$golden/lightgbm-binary.txt" > m; no 1 m 'tree 0 of the model is damaged'
	head -30 "$golden/lightgbm-binary.txt" | sed 's/^leaf_value=.*/leaf_value=1 x/' > m; no 1 m "'x' is no number"
	run -2 --separate-stderr at-detect --model m --exec cat /dev/null
	[[ $stderr == *'different works'* ]]
	printf '%s\n' '{"a":1}' nonsense '{"model":1}' '[1]' > rows
	echo '{"model":"linear","weights":{"a":1}}' > m
	run -3 --separate-stderr at-detect --strict --model m rows
	[ "$output" = '{"a":1,"model":{"score":1}}' ]
	[[ $stderr == *rows:2:* && $stderr == *'rows:3: the row has a model already'* && $stderr == *rows:4:* ]]
}

@test "rows go through a program, in order, more than pipes hold; what it says is taken as it is" {
	seq 100000 | sed 's/.*/{"x":&,"pad":"0123456789012345678901234567890123456789"}/' > rows
	at-detect --exec "sed -u 's/}/,\"y\": \"z z\"}/'" rows > out
	sed 's/}/,"y": "z z"}/' rows | cmp - out
	echo ' {"x":1} ' | at-detect --exec 'cat' > out
	[ "$(cat out)" = '{"x":1}' ]
}

@test "answers come while the input is open, each at once" {
	mkfifo live
	at-detect --exec "sed -u s/x/y/" < live > out & pid=$!
	exec 9> live
	for i in 1 2 3; do
		echo "{\"x\":$i}" >&9
		for _ in $(seq 600); do [ "$(wc -l < out)" = $i ] && break; sleep 0.05; done
		[ "$(tail -1 out)" = "{\"y\":$i}" ]
	done
	exec 9>&-
	wait $pid
}

@test "a program that answers when it has seen the end is asked until then, and not for longer" {
	run -0 --separate-stderr at-detect --exec-timeout 1h --exec "sed -n '1!G;h;\$p'" <<< '{"x":1}'
	[[ $output == '{"x":1}' && -z $stderr ]]
	run -0 --separate-stderr at-detect --exec-timeout 1h --exec 'sh -c "in=\$(cat); echo \"\$in\""' < <(printf '{"x":%d}\n' 1 2 3)
	[[ ${#lines[@]} = 3 && -z $stderr ]]
}

@test "of a program that ends it is said how, and what became of its rows" {
	run -0 --separate-stderr at-detect --exec 'sh -c "cat > /dev/null; exit 3"' <<< '{"x":1}'
	[ "$output" = '{"x":1}' ]
	[[ ${stderr_lines[0]} == 'at-detect: --exec sh: it ended, exit 3; 1 row passes as it came, and it is started again' ]]
	[ "${stderr_lines[1]}" = 'at-detect: 1 row, 1 without an answer passed as it came, the program was started 1 time' ]
}

@test "a program that dies again and again, hangs or answers rubbish holds up nothing: rows pass as they came, in order, each once" {
	seq 30000 | sed 's/.*/{"x":&}/' > rows
	{ for part in 1 2 3; do sed -n "$((part * 10000 - 9999)),$((part * 10000))p" rows; sleep 0.4; done; } |
	    at-detect --exec "awk '{ sub(/x/, \"y\"); print; fflush() } NR == 1000 { exit }'" > out 2> said
	sed 's/y/x/' out | cmp - rows
	grep -q y out && grep -q x out
	grep -q 'it is started again' said && grep -q 'without an answer passed as they came' said
	run -0 --separate-stderr at-detect --exec-timeout 300ms --exec 'sleep 60' rows
	[ "$output" = "$(cat rows)" ] && [[ $stderr == *'no answer in time'* ]]
	head -3 rows | at-detect --exec 'yes' > out 2> said
	cmp <(head -3 rows) out
	run -2 --separate-stderr at-detect --exec './none here' rows
	[[ $stderr == *'--exec ./none: No such file'* ]]
	run -2 --separate-stderr at-detect --exec "sh -c 'x" rows
	[[ $stderr == *'a quote is not closed'* ]]
	run -0 --separate-stderr at-detect -q --exec 'head -c 20000' rows           # it reads no more, and writes half a row
	sed 's/y/x/' <<< "$output" | cmp - rows
}
