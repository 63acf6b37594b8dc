/* web.mjs CASE URL KEY [MORE] - the dashboards in a real browser, a promise a case; exit 1 and what was not as promised. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { open } from './browser.mjs';

const [, , name, url, key, ...more] = process.argv;
const headers = { 'Content-Type': 'application/json', Authorization: `Bearer ${key}` };
const api = async (method, path, body, as = headers) => {
	const r = await fetch(url + path, { method, headers: as, body: body && JSON.stringify(body) });
	return { status: r.status, body: await r.json().catch(() => null) };
};
const send = (...events) => api('POST', '/api/v1/events/batch', { events });
const sql = async (query) => (await api('POST', '/api/v1/query', { query })).body.data;
const digits = (text) => Number(String(text).replace(/[^\d.-]/g, ''));
const cell = (title) => `[...document.querySelectorAll('.cell')].find((c) => c.querySelector('h3').textContent === ${JSON.stringify(title)})`;
const board = async (id, widgets, rest = {}) => {
	const r = await api('PUT', `/api/v1/dashboards/${id}`, { id, title: id, layout: 'grid', widgets, ...rest });
	assert.ok(r.status === 200 || r.status === 201, JSON.stringify(r));
};
const at = (x, y, w, h) => ({ x, y, w, h });

async function entered(options, path = '#/') {
	const b = await open(options);
	await b.before(`sessionStorage.setItem('at.key', ${JSON.stringify(key)})`);
	await b.go(`${url}/${path}`);
	return b;
}

/* A little of everything, over the last three hours. */
async function shop() {
	const now = Date.now(), events = [];
	for (let i = 0; i < 300; i++) {
		const t = new Date(now - (i * 37 % 170) * 60000 - 1000).toISOString(), user_id = `u${i % 60}`, country = ['DE', 'FR', 'JP'][i % 3];
		events.push({ event: 'page_view', timestamp: t, user_id, properties: { country, ms: i % 90 } });
		if (i % 2)
			events.push({ event: 'signup_start', timestamp: new Date(Date.parse(t) + 1000).toISOString(), user_id, properties: { country } });
		if (i % 5 === 0)
			events.push({ event: 'purchase', timestamp: new Date(Date.parse(t) + 2000).toISOString(), user_id, properties: { country, revenue: i / 4 } });
	}
	await send(...events);
}

const cases = {
	async numbers() {
		await shop();
		await board('n', [
			{ id: 'a', type: 'metric_card', title: 'Views', metric: 'page_view', timeRange: '24h', position: at(0, 0, 3, 2) },
			{ id: 'b', type: 'bar_chart', title: 'By country', metric: 'page_view', groupBy: 'country', timeRange: '24h', position: at(3, 0, 4, 4) },
			{ id: 'c', type: 'table', title: 'SQL', query: 'SELECT country, COUNT(*) AS n, SUM(revenue) AS revenue FROM events WHERE event = \'purchase\' GROUP BY country ORDER BY country', position: at(0, 4, 6, 4) },
			{ id: 'd', type: 'funnel_chart', title: 'Funnel', steps: ['page_view', 'signup_start', 'purchase'], timeRange: '24h', position: at(7, 0, 5, 4) },
			{ id: 'e', type: 'line_chart', title: 'Line', metric: 'page_view', timeRange: '24h', position: at(6, 4, 6, 4) },
			{ id: 'f', type: 'gauge', title: 'Gauge', metric: 'purchase', timeRange: '24h', max: 100, position: at(0, 8, 3, 3) },
			{ id: 'g', type: 'pie_chart', title: 'Pie', metric: 'purchase', groupBy: 'country', timeRange: '24h', position: at(3, 8, 4, 3) }]);
		for (const as of [key, ...more]) {      /* who sees all, and who sees a part */
			const b = await open({ height: 1200 });
			await b.before(`sessionStorage.setItem('at.key', ${JSON.stringify(as)})`);
			await b.go(`${url}/#/d/n`);
			const own = async (query) => (await api('POST', '/api/v1/query', { query }, { ...headers, Authorization: `Bearer ${as}` })).body.data;
			const [{ n }] = await own('SELECT COUNT(*) AS n FROM events WHERE event = \'page_view\'');
			assert.ok(n > 0);
			assert.equal(digits(await b.until(`${cell('Views')}?.querySelector('.card-value')?.textContent`)), n);
			const rows = await own('SELECT country, COUNT(*) AS n FROM events WHERE event = \'page_view\' GROUP BY 1 ORDER BY 2 DESC, 1');
			await b.until(`${cell('By country')}?.querySelectorAll('.bars li').length === ${rows.length}`);
			const bars = await b.eval(`[...${cell('By country')}.querySelectorAll('.bars li')].map((l) => [l.querySelector('.bar-name').textContent, l.querySelector('.bar-value').textContent])`);
			assert.deepEqual(new Map(bars.map(([c, v]) => [c, digits(v)])), new Map(rows.map((r) => [r.country, r.n])));
			const sums = await own('SELECT country, COUNT(*) AS n, SUM(revenue) AS revenue FROM events WHERE event = \'purchase\' GROUP BY country ORDER BY country');
			await b.until(`${cell('SQL')}?.querySelectorAll('tbody tr').length`);
			assert.deepEqual(await b.eval(`[...${cell('SQL')}.querySelectorAll('tbody tr')].map((r) => [r.children[0].textContent, r.children[1].textContent, r.children[2].textContent])`).then((t) => t.map(([c, m, r]) => [c, digits(m), digits(r)])), sums.map((r) => [r.country, r.n, r.revenue]));
			const steps = await own('SELECT * FROM funnel(\'page_view,signup_start,purchase\', \'7d\')');
			assert.deepEqual((await b.until(`${cell('Funnel')}?.querySelectorAll('.funnel li').length && [...${cell('Funnel')}.querySelectorAll('.funnel-name span:nth-child(2)')].map((s) => s.textContent)`)).map(digits), steps.map((s) => s.users));
			const [{ p }] = await own('SELECT COUNT(*) AS p FROM events WHERE event = \'purchase\'');
			assert.equal(digits(await b.until(`${cell('Gauge')}?.querySelector('.gauge-value')?.textContent`)), p);
			assert.equal((await b.until(`${cell('Pie')}?.querySelectorAll('.keys b').length && [...${cell('Pie')}.querySelectorAll('.keys b')].map((s) => s.textContent)`)).map(digits).reduce((x, y) => x + y), p);
			/* the line's twin has the same */
			await b.click(`(${cell('Line')}).querySelector('[aria-label="Widget menu"]')`);
			await b.click('[...document.querySelectorAll(\'[role=menuitem]\')].find((m) => m.textContent === \'Show as table\')');
			assert.equal((await b.until(`${cell('Line')}.querySelectorAll('tbody tr').length && [...${cell('Line')}.querySelectorAll('tbody tr td:last-child')].map((s) => s.textContent)`)).map(digits).reduce((x, y) => x + y), n);
			assert.deepEqual(b.faults, []);
			await b.close();
		}
	},

	async overview() {
		const b = await entered({});
		await b.until('document.querySelector(".welcome")');
		await shop();
		await b.until('document.querySelectorAll(".cell").length > 5');
		await b.until('document.querySelector(".card-value")?.textContent === "300"');
		await b.until('document.querySelector(".plot canvas")');
		assert.deepEqual([...b.hosts], [new URL(url).host]);
		assert.deepEqual(b.faults, []);
		await b.close();
	},

	async live() {
		await send({ event: 'tick' });
		await board('l', [{ id: 'a', type: 'metric_card', title: 'Ticks', metric: 'tick', timeRange: '1h', position: at(0, 0, 3, 2) }, { id: 'b', type: 'event_feed', title: 'Feed', event: 'tick', timeRange: '1h', position: at(3, 0, 4, 3) },
			{ id: 'c', type: 'line_chart', title: 'Line', metric: 'tick', timeRange: '1h', position: at(0, 3, 6, 3) }, { id: 'd', type: 'funnel_chart', title: 'Funnel', steps: ['tick', 'tock'], timeRange: '1h', position: at(6, 3, 6, 3) }]);
		for (const without of ['', 'WebSocket']) {
			const b = await open({});
			await b.before(`sessionStorage.setItem('at.key', ${JSON.stringify(key)}); ${without ? 'window.WebSocket = class { constructor() { setTimeout(() => this.onclose?.({}), 1); } close() {} };' : ''}`);
			await b.go(`${url}/#/d/l`);
			const was = digits(await b.until('document.querySelector(".card-value")?.textContent'));
			await b.until(`document.querySelector('.lamp').textContent.startsWith('Live')`);
			await b.until('document.querySelector(".funnel, .cell-body .empty")');
			await new Promise((done) => setTimeout(done, 1000));
			await send({ event: 'tick', user_id: 'x1', properties: { said: without || 'socket' } }, { event: 'tick' });
			await b.until(`document.querySelector('.card-value').textContent === '${was + 2}'`, 10000);
			await b.until(`document.querySelector('.feed')?.textContent.includes('${without || 'socket'}')`, 10000);
			await b.until('document.querySelector(".funnel-name")?.textContent.includes("1. tick1")', 15000);
			assert.deepEqual(b.faults, []);
			await b.close();
		}
	},

	/* faults 27-29: values that would be code anywhere else */
	async hostile() {
		const bad = ['<img src=x onerror=alert(1)>', '"><script>alert(1)</script>', 'javascript:alert(1)', '{{constructor.constructor("alert(1)")()}}', '<svg/onload=alert(1)>', '\u001b[31mred', '=cmd|\'/c calc\'!A0', '__proto__', '<iframe srcdoc="<script>alert(1)</script>">', '${alert(1)}', '\u202Eevil', '<a href="javascript:alert(1)">x</a>', '--><img src=x onerror=alert(1)>', '<style>*{display:none}</style>', '\'; DROP TABLE events; --'];
		const now = new Date().toISOString();
		await send(...bad.flatMap((v, i) => [{ event: `e${v}`.slice(0, 200), user_id: v, timestamp: now, properties: { country: v, [`p${i}${v}`.slice(0, 100)]: v } }, { event: 'page_view', user_id: v, timestamp: now, properties: { country: v } }]));
		await board('h', [
			{ id: 'a', type: 'bar_chart', title: bad[0], metric: 'page_view', groupBy: 'country', timeRange: '1h', position: at(0, 0, 4, 4) },
			{ id: 'b', type: 'pie_chart', title: bad[1], metric: 'page_view', groupBy: 'country', timeRange: '1h', position: at(4, 0, 4, 4) },
			{ id: 'c', type: 'table', title: bad[4], query: 'SELECT * FROM events', position: at(8, 0, 4, 4) },
			{ id: 'd', type: 'event_feed', title: bad[8], timeRange: '1h', position: at(0, 4, 4, 4) },
			{ id: 'e', type: 'text', title: bad[11], text: bad.join('\n') + '\n[x](javascript:alert(1)) [y](data:text/html,<script>alert(1)</script>)', position: at(4, 4, 4, 4) },
			{ id: 'f', type: 'line_chart', title: bad[12], metric: 'page_view', groupBy: 'country', timeRange: '1h', position: at(8, 4, 4, 4) },
			{ id: 'g', type: 'heatmap', title: bad[13], metric: 'page_view', groupBy: 'country', timeRange: '1h', position: at(0, 8, 6, 4) },
			{ id: 'h', type: 'funnel_chart', title: bad[14], steps: ['page_view', `e${bad[1]}`], timeRange: '1h', position: at(6, 8, 6, 4) }], { title: bad.join(' ') });
		const b = await entered({ height: 1400 }, '#/d/h');
		await b.until('document.querySelectorAll(".bars li").length > 3 && document.querySelector("tbody td") && document.querySelector(".feed li") && document.querySelector(".plot") && document.querySelector(".funnel li")');
		assert.equal(await b.eval('document.querySelectorAll("#app script, #app iframe, #app a[href^=javascript], #app style, #app img:not([src^=\'/web/\'])").length'), 0);
		await b.go(`${url}/#/d/overview`);
		await b.until('document.querySelectorAll(".cell").length > 5 && document.querySelector(".card-value")?.textContent');
		await b.go(`${url}/#/events?range=1h`);
		assert.deepEqual(b.faults, []);
		assert.deepEqual([...b.hosts].filter((x) => x), [new URL(url).host]);
		/* the policy holds even where a node is put in by hand */
		assert.equal(await b.eval('(() => { try { document.body.innerHTML = "<b>x</b>"; return "taken"; } catch (e) { return e.name; } })()'), 'TypeError');
		await b.close();
	},
};

await cases[name]();
console.log('ok');
process.exit(0);
