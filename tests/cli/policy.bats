#!/usr/bin/env bats
# What a caller under a policy gets is what he would get from a store that holds nothing else.

load ../helper

@test "34: a policy's user gets of every statement, verb and metric what the filtered store gives (AT_POLICY='50 7': rounds, seed)" {
	PATH="${B:-$root/build}/peers:$PATH"
	statements=$shared/eval/sql/analyst_statements.txt
	[ -e "$statements" ] || statements=
	run -0 python3 "$root/tests/peers/policy.py" ${AT_POLICY:-4 1} $statements
	[[ $output == *' 0 differ,'* ]]
}
