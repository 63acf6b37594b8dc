#!/usr/bin/env bats
# The TypeScript client, built by tsc and run by Node.
load ../helper
load serve

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

@test "the example of the contract runs as printed against at-serve, and a visitor's key may only write" {
	serve_start
	sed "s#ENDPOINT#$U#; s#KEY#$KEY#" > usage.ts <<-'TS'
	import { AnalyticsEngine } from './analytics-engine';
	const engine = new AnalyticsEngine({ apiKey: 'KEY', endpoint: 'ENDPOINT' });
	await engine.track('user_signup', { userId: '12345', email: 'user@example.com', source: 'website' });
	const metrics = await engine.getMetrics('user_signups', { timeRange: '1h', groupBy: 'source' });
	const insights = await engine.generateInsights('user_behavior', { timeRange: '7d', includeRecommendations: true });
	const rows = await engine.query<{ user_id: string }>('SELECT user_id FROM events WHERE event = :name', { name: 'user_signup' });
	console.log(JSON.stringify([metrics.total, metrics.series.map((s) => s.labels), Array.isArray(insights.insights), Array.isArray(insights.recommendations), rows.data]));
	const web = new AnalyticsEngine({ apiKey: 'WEB', endpoint: 'ENDPOINT', tries: 1 });
	console.log((await web.track('view')).accepted, await web.getMetrics('view').then(() => 'read', (why) => why.status));
	console.log(await engine.track('').then(() => 'taken', (why) => why.status));
	await engine.close();
	await web.close();
	TS
	sed -i "s#'WEB'#'$(at-admin key create web --role ingest 2> /dev/null)'#; s#ENDPOINT#$U#" usage.ts
	tsc --target es2022 --module es2022 --moduleResolution node --lib es2022,dom --strict --outDir run usage.ts analytics-engine.ts
	sed -i "s#'./analytics-engine'#'./analytics-engine.js'#" run/usage.js
	echo '{"type":"module"}' > run/package.json
	run -0 node run/usage.js
	[ "${lines[0]}" = '[1,[{"source":"website"}],true,true,[{"user_id":"12345"}]]' ]
	[ "${lines[1]}" = 'true 403' ]
	[ "${lines[2]}" = 422 ]
}
