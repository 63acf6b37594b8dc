#!/usr/bin/env bats
# at-detect --state under kill -9: the same command again, until it ends, comes to what one run comes to.
load ../helper

rounds=${FAULT_ROUNDS:-2}       # 20 for the long run
again() { python3 "$BATS_TEST_DIRNAME/resume.py" "$PWD" "$rounds" "$@"; }

events() {
	awk 'BEGIN { srand(5); split("view view view cart purchase signup", name, " ")
		for (i = 0; i < 300000; i++)
			printf "{\"event\":\"%s\",\"timestamp\":%.0f,\"id\":\"e%d\",\"user_id\":\"u%d\"}\n", name[1 + int(rand() * 6)], 1795000000000 + i * 15, i, rand() * 2000 }'
}

load_of() {
	awk -v csv="$1" 'BEGIN { srand(5); if (csv) print "host,time,load,zone"
		for (t = 0; t < 700; t++) for (h = 0; h < 60; h++) {
			if (h % 20 == 5 && t % 300 > 250) continue
			v = 10 + rand() * 3 + ((t + h * 5) % 149 < 2 ? 50 : 0)
			if (csv) printf "h%d,%d,%.3f,%s\n", h, 1767571200 + t * 60, v, rand() < 0.1 ? "" : "z" h % 3
			else printf "{\"metric\":\"load\",\"timestamp\":%d,\"labels\":{\"host\":\"h%d\"},\"load\":%.3f}\n", 1767571200 + t * 60, h, v
		} }'
}

@test "kill -9 of -p at any moment: in one file that is appended to each match is there once, in files and by pipes none is lost" {
	events > rows
	for how in append file pipe; do
		again --state a -p 'signup -> purchase{2,} within 1h by user_id' -p 'cart -> !purchase within 1m by user_id' -- $how rows
		rm -rf store* out*
	done
}

@test "kill -9 of the detector: models, absence, alarms of one time and the columns of CSV go on where they were" {
	load_of 1 > rows.csv
	again --state a --absent 10m -- append rows.csv
	rm -rf store* out*
	load_of > rows
	again --state a -a -- append rows
	rm -rf store* out*
	again --state a --changes -- file rows
}

@test "kill -9 of alert rules: pending, firing and no data, detectors and patterns of rules go on, and nothing is told twice" {
	load_of > rows
	echo '{"rules":[{"alert":"high","expr":".load > 55","for":"1m"},{"alert":"odd","metric":"load","anomaly":true,"keep_firing_for":"3m"},
		{"alert":"gone","metric":"load","condition":"< 0","no_data":"alert","no_data_after":"5m"}]}' > rules.json
	again --state a -r rules.json -- append rows
}

@test "matches that are stored with -s are there once, whenever the run was killed" {
	events > rows
	for i in $(seq $((rounds * 3))); do
		killed_after "0.$((1 + i % 3))" at-detect -s --state m -p 'signup -> purchase within 2m by user_id' rows > /dev/null 2>&1 && break
	done
	[ "$i" -lt $((rounds * 3)) ] || at-detect -s --state m -p 'signup -> purchase within 2m by user_id' rows > /dev/null
	at-detect -p 'signup -> purchase within 2m by user_id' rows | jq -c 'select(.key.user_id | test("^u1.$"))' | sort > due
	for user in u10 u11 u12 u13 u14 u15 u16 u17 u18 u19; do at-admin export --user $user; done | jq -c 'select(.match)' | sort | cmp - due
}
