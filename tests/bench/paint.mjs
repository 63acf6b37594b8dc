/* paint.mjs [ROUNDS] - how long a cold browser waits for a dashboard: wants at-serve on PATH, chromium and node.
 *
 * Each round is a new profile (nothing kept, nothing compiled before) that opens a trivially small page of another server first and then,
 * in a new profile again, a dashboard of twelve widgets of ours: as somebody with a session cookie, and with a key in the tab. Measured in the
 * page, from the start of the navigation: the first paint of anything, the first figure of a widget painted, and all widgets with what
 * they show; and what the page's process spent of a core until then. The small page is the floor: what the browser itself takes on this
 * machine, in this minute. Medians, and all values beside them. On a machine that is busy with other things the browser's dozen threads
 * wait for each other: `chrt -r 1 node tests/bench/paint.mjs 3` gives them the turn, and shows what it takes by itself. */
import { spawn } from 'node:child_process';
import { createServer } from 'node:http';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { open } from '../cli/browser.mjs';

const rounds = Number(process.argv[2] || 7), home = mkdtempSync(join(tmpdir(), 'at-paint-'));
const wait = (ms) => new Promise((done) => setTimeout(done, ms));

/* What the page notes for us: when its first figure and its last one were painted. A frame after the change is a paint of it. */
const watch = `
	window.seen = {};
	const painted = (what) => requestAnimationFrame(() => setTimeout(() => { seen[what] ??= performance.now(); }));
	const look = () => {
		const cells = [...document.querySelectorAll('.cell')], has = (c) => c.querySelector('.cell-body > :not(.skeleton)') && (!c.querySelector('.card') || c.querySelector('.card-value').textContent);
		if (!seen.first && cells.some((c) => /\\d/.test(c.querySelector('.cell-body')?.textContent || '')))
			painted('first');
		if (!seen.all && cells.length && cells.every(has))
			painted('all');
	};
	addEventListener('DOMContentLoaded', () => new MutationObserver(look).observe(document.documentElement, { childList: true, subtree: true, characterData: true }));
`;

async function server() {
	const child = spawn('at-serve', ['-S', join(home, 'store'), '-l', '127.0.0.1:0'], { stdio: ['ignore', 'ignore', 'pipe'] });
	let log = '';

	child.stderr.on('data', (d) => { log += d; });
	for (let i = 0; i < 200 && !/listening on \S+/.test(log) | !/X-API-Key: at_/.test(log); i++)
		await wait(50);
	return { child, url: log.match(/listening on (\S+)/)[1], key: log.match(/X-API-Key: (at_[\w-]+)/)[1] };
}

async function fill({ url, key }) {
	const send = (method, path, body) => fetch(url + path, { method, headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${key}` }, body: JSON.stringify(body) });
	const now = Date.now(), events = [], widgets = [], types = [['metric_card', {}], ['metric_card', {}], ['metric_card', {}], ['metric_card', {}], ['line_chart', {}], ['bar_chart', { groupBy: 'country' }], ['pie_chart', { groupBy: 'country' }], ['area_chart', { groupBy: 'country' }],
		['gauge', { max: 3000 }], ['event_feed', {}], ['funnel_chart', { steps: ['page_view', 'purchase'] }], ['heatmap', {}]];

	for (let i = 0; i < 5000; i++)
		events.push({ event: i % 5 ? 'page_view' : 'purchase', timestamp: new Date(now - (i * 37 % 1380) * 60000 - 5000).toISOString(), user_id: `u${i % 300}`, properties: { country: ['DE', 'FR', 'JP', 'US'][i % 4], revenue: i % 90 } });
	for (let i = 0; i < events.length; i += 500)
		await send('POST', '/api/v1/events/batch', { events: events.slice(i, i + 500) });
	types.forEach(([type, more], i) => widgets.push({ id: `w${i}`, type, title: `${type} ${i}`, metric: i % 2 ? 'purchase' : 'page_view', timeRange: '24h', ...more, position: { x: i % 4 * 3, y: Math.floor(i / 4) * 3, w: 3, h: 3 } }));
	await send('PUT', '/api/v1/dashboards/main', { title: 'Main', layout: 'grid', widgets });
	await send('POST', '/api/v1/users', { name: 'anna', password: 'correct horse battery', roles: ['admin'] });
	const r = await fetch(`${url}/api/v1/login`, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ user: 'anna', password: 'correct horse battery' }) });
	return r.headers.get('set-cookie').split(';')[0].split(/=(.*)/s);
}

async function once(target, prepare, done) {
	const b = await open({ width: 1280, height: 900 });

	try {
		await b.send('Performance.enable', { timeDomain: 'threadTicks' });
		await prepare(b);
		await wait(1500);               /* the browser's own beginning is over */
		await b.send('Page.navigate', { url: target });
		await b.until(done);
		const m = Object.fromEntries((await b.send('Performance.getMetrics')).metrics.map((x) => [x.name, x.value]));
		const page = await b.eval('({ first: window.seen?.first, all: window.seen?.all, paint: performance.getEntriesByName("first-contentful-paint")[0]?.startTime, html: performance.getEntriesByType("navigation")[0].responseEnd, requests: performance.getEntriesByType("resource").length })');
		if (process.env.WATERFALL)
			for (const r of await b.eval('performance.getEntriesByType("resource").map((r) => ({ name: r.name, from: r.startTime, to: r.responseEnd, sent: r.requestStart, got: r.responseStart, size: r.transferSize }))'))
				console.log(`  ${r.from.toFixed(0).padStart(5)} sent ${r.sent.toFixed(0).padStart(5)} first ${r.got.toFixed(0).padStart(5)} end ${r.to.toFixed(0).padStart(5)} ms ${String(r.size).padStart(6)}  ${r.name.replace(/^http:..[^/]*/, '').slice(0, 100)}`);
		return { ...page, cpu: m.TaskDuration * 1000, script: m.ScriptDuration * 1000 };
	} finally {
		await b.close();
	}
}

const median = (all) => [...all].sort((a, b) => a - b)[all.length >> 1];
const tell = (name, runs) => {
	const line = (what, of) => runs[0][of] == null ? '' : `${what} ${median(runs.map((r) => r[of])).toFixed(0)} ms`;
	console.log(`${name}: ${[line('first paint', 'paint'), line('first figure', 'first'), line('all widgets', 'all'), line('page busy', 'cpu'), line('scripts', 'script')].filter(Boolean).join(', ')}, ${runs[0].requests} requests   [${runs.map((r) => (r.first ?? r.paint).toFixed(0)).join(' ')}]`);
};

const s = await server();
const small = createServer((q, a) => { a.setHeader('Content-Type', 'text/html'); a.end('<!DOCTYPE html><title>small</title><h1>42</h1>'); }).listen(0, '127.0.0.1');
try {
	const cookie = await fill(s), all = { small: [], session: [], key: [] };

	for (let i = 0; i < rounds; i++) {
		all.small.push(await once(`http://127.0.0.1:${small.address().port}/`, async () => null, 'performance.getEntriesByName("first-contentful-paint").length'));
		all.session.push(await once(`${s.url}/`, async (b) => { await b.send('Network.setCookie', { name: cookie[0], value: cookie[1], url: s.url, httpOnly: true, sameSite: 'Strict' }); await b.before(`localStorage.setItem('at.in', '1'); ${watch}`); }, 'window.seen?.first && window.seen?.all'));
		all.key.push(await once(`${s.url}/`, async (b) => { await b.before(`sessionStorage.setItem('at.key', ${JSON.stringify(s.key)}); ${watch}`); }, 'window.seen?.first && window.seen?.all'));
	}
	tell('a page of 60 bytes   ', all.small);
	tell('dashboard, by session', all.session);
	tell('dashboard, by key    ', all.key);
} finally {
	small.close();
	s.child.kill('SIGTERM');
	await new Promise((done) => s.child.once('exit', done));
	rmSync(home, { recursive: true, force: true });
}
