#!/usr/bin/env bats
# The units in the examples are right, and the service is as closed as they say.

load ../helper

@test "at-serve's unit has an exposure of 1.5 at most, by systemd-analyze security" {
	command -v systemd-analyze > /dev/null || skip "systemd-analyze is not here"
	awk '/^# \/etc\/systemd\/system\// { sub(".*/", ""); file = $0 } /^```$/ { file = "" } file && !/^# / { print > file }' "$root/examples/serve-systemd.md"
	[ -s at-serve.socket ] && [ -s at-serve.service ]
	run systemd-analyze security --offline=true --threshold=15 --no-pager ./at-serve.service
	[ "$status" = 0 ] || [[ $output == *"Unknown option"* || $output == *"unrecognized option"* ]]
}
