#!/usr/bin/env bats
# The TypeScript client, built by tsc and run by Node.
load ../helper

setup() {
	command -v tsc >/dev/null && command -v node >/dev/null || skip "tsc and node are not here"
	cp "$BATS_TEST_DIRNAME"/../../lib/sdk/typescript/{analytics-engine.ts,tsconfig.json,package.json} "$BATS_TEST_TMPDIR"
	cd "$BATS_TEST_TMPDIR"
	tsc -p .
}

@test "the client builds without a warning and keeps its promises: batches, verdicts, retries, what it could not send" {
	run -0 node "$BATS_TEST_DIRNAME/sdk-typescript.mjs" "$PWD/dist/analytics-engine.js" "$PWD/kept.json"
	[ -z "$output" ]
}
