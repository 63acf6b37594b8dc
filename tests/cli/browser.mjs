/* browser.mjs - a headless Chromium, spoken to over a pipe (Chrome DevTools Protocol): no packages needed beyond chromium and nodejs.
 *
 *	const b = await open({ width: 1280 });  await b.go(url);  await b.until('document.querySelector("h1")');  await b.close();
 *
 * What the page logs as an error, throws, or asks of other hosts is kept in b.faults and b.hosts. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const PATIENCE = 60000;

export async function open({ width = 1280, height = 900, dark = false, touch = false } = {}) {
	const home = mkdtempSync(join(tmpdir(), 'at-web-'));
	const child = spawn(process.env.CHROMIUM || 'chromium', ['--headless=new', '--no-sandbox', '--disable-gpu', '--hide-scrollbars', '--disable-dev-shm-usage', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync',
		'--password-store=basic', `--user-data-dir=${home}`, '--remote-debugging-pipe', 'about:blank'], { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'], env: { ...process.env, HOME: home } });
	const waiting = new Map(), hearing = new Map();
	let next = 1, rest = '';

	child.stdio[4].setEncoding('utf8');
	child.stdio[4].on('data', (text) => {
		const parts = (rest + text).split('\0');

		rest = parts.pop();
		for (const m of parts.map((p) => JSON.parse(p)))
			if (m.id) {
				const { done, fail } = waiting.get(m.id);
				waiting.delete(m.id);
				m.error ? fail(new Error(`${m.error.message} ${m.error.data || ""}`)) : done(m.result);
			} else {
				hearing.get(m.method)?.(m.params);
			}
	});
	const send = (method, params = {}, sessionId) => new Promise((done, fail) => {
		waiting.set(next, { done, fail });
		child.stdio[3].write(`${JSON.stringify({ id: next++, method, params, ...(sessionId ? { sessionId } : {}) })}\0`);
	});
	const { targetId } = await send('Target.createTarget', { url: 'about:blank' });
	const { sessionId } = await send('Target.attachToTarget', { targetId, flatten: true });
	const s = (method, params) => send(method, params, sessionId);
	const faults = [], hosts = new Set(), requests = [];

	hearing.set('Runtime.exceptionThrown', (p) => faults.push(p.exceptionDetails.exception?.description || p.exceptionDetails.text));
	hearing.set('Log.entryAdded', (p) => p.entry.level === 'error' && !/status of 40[0-9]|status of 4[12]\d/.test(p.entry.text) && faults.push(p.entry.text));
	hearing.set('Runtime.consoleAPICalled', (p) => p.type === 'error' && faults.push(p.args.map((a) => a.value || a.description).join(' ')));
	hearing.set('Network.requestWillBeSent', (p) => { hosts.add(new URL(p.request.url).host); requests.push(p.request); });
	hearing.set('Page.javascriptDialogOpening', (p) => { faults.push(`a dialogue: ${p.message}`); s('Page.handleJavaScriptDialog', { accept: true }); });
	for (const domain of ['Page', 'Runtime', 'Log', 'Network'])
		await s(`${domain}.enable`);
	const b = {
		faults, hosts, requests, send: s,
		size: (w, hgt) => s('Emulation.setDeviceMetricsOverride', { width: w, height: hgt, deviceScaleFactor: 1, mobile: touch }),
		dark: (on) => s('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value: on ? 'dark' : 'light' }] }),
		before: (source) => s('Page.addScriptToEvaluateOnNewDocument', { source: `if (location.protocol !== 'about:') { ${source} }` }),
		async go(url) {
			await s('Page.navigate', { url: 'about:blank' });
			await s('Page.navigate', { url });
			await b.until('document.readyState === "complete"');
		},
		async eval(expression) {
			const r = await s('Runtime.evaluate', { expression: `(async () => (${expression}))()`, awaitPromise: true, returnByValue: true });

			if (r.exceptionDetails)
				throw new Error(`${expression}: ${r.exceptionDetails.exception?.description || r.exceptionDetails.text}`);
			return r.result.value;
		},
		async until(expression, ms = PATIENCE) {
			const end = Date.now() + ms;

			for (;;) {
				const v = await b.eval(expression).catch((e) => { if (Date.now() > end) throw e; });
				if (v)
					return v;
				if (Date.now() > end)
					throw new Error(`in vain: ${expression}\n${(await b.eval('document.body.innerText')).slice(0, 800)}`);
				await new Promise((done) => setTimeout(done, 50));
			}
		},
		/* A press of a key: 'a', 'Enter', 'Shift+ArrowRight'. */
		async key(name) {
			const parts = name.split('+'), k = parts.pop() || '+', mods = { Alt: 1, Control: 2, Meta: 4, Shift: 8 };
			const codes = { Enter: 13, Tab: 9, Escape: 27, ArrowLeft: 37, ArrowUp: 38, ArrowRight: 39, ArrowDown: 40, Home: 36, End: 35, Delete: 46, Backspace: 8, ' ': 32 };
			const p = { key: k, code: k.length === 1 ? `Key${k.toUpperCase()}` : k, windowsVirtualKeyCode: codes[k] || k.toUpperCase().charCodeAt(0), modifiers: parts.reduce((m, x) => m + mods[x], 0), text: k === 'Enter' ? '\r' : k.length === 1 ? k : undefined };

			await s('Input.dispatchKeyEvent', { type: 'keyDown', ...p });
			await s('Input.dispatchKeyEvent', { type: 'keyUp', ...p, text: undefined });
		},
		type: (text) => s('Input.insertText', { text }),
		async click(selector, at) {
			const box = await b.until(`(() => { const e = ${selector.startsWith('(') || selector.startsWith('[...') ? selector : `document.querySelector(${JSON.stringify(selector)})`}; if (!e) return null; e.scrollIntoView({ block: 'center' }); const r = e.getBoundingClientRect(); return { x: r.x, y: r.y, w: r.width, h: r.height }; })()`);
			const x = box.x + (at?.x ?? box.w / 2), y = box.y + (at?.y ?? box.h / 2);

			for (const type of ['mouseMoved', 'mousePressed', 'mouseReleased'])
				await s('Input.dispatchMouseEvent', { type, x, y, button: type === 'mouseMoved' ? 'none' : 'left', clickCount: 1 });
		},
		async drag(selector, from, by, steps = 8) {
			const box = await b.until(`(() => { const e = document.querySelector(${JSON.stringify(selector)}); if (!e) return null; e.scrollIntoView({ block: 'center' }); const r = e.getBoundingClientRect(); return { x: r.x, y: r.y }; })()`);
			const x = box.x + from.x, y = box.y + from.y;

			await s('Input.dispatchMouseEvent', { type: 'mouseMoved', x, y });
			await s('Input.dispatchMouseEvent', { type: 'mousePressed', x, y, button: 'left', clickCount: 1 });
			for (let i = 1; i <= steps; i++)
				await s('Input.dispatchMouseEvent', { type: 'mouseMoved', x: x + by.x * i / steps, y: y + by.y * i / steps, button: 'left', buttons: 1 });
			await s('Input.dispatchMouseEvent', { type: 'mouseReleased', x: x + by.x, y: y + by.y, button: 'left', clickCount: 1 });
		},
		/* A finger put down on an element's middle, moved to other points of the window, and lifted; each move waits for the page. */
		async touch(selector, ...to) {
			const box = await b.until(`(() => { const e = document.querySelector(${JSON.stringify(selector)}); if (!e) return null; const r = e.getBoundingClientRect(); return { x: r.x + r.width / 2, y: r.y + r.height / 2 }; })()`);
			const at = (type, x, y) =>  s('Input.dispatchTouchEvent', { type, touchPoints: type === 'touchEnd' ? [] : [{ x, y }] });

			await at('touchStart', box.x, box.y);
			for (const [x, y] of to) {
				await at('touchMove', x ?? box.x, y);
				await new Promise((done) => setTimeout(done, 200));
			}
			await at('touchEnd');
		},
		async shot(path) {
			writeFileSync(path, Buffer.from((await s('Page.captureScreenshot', { format: 'png' })).data, 'base64'));
		},
		async close() {
			await send('Browser.close').catch(() => null);
			await new Promise((done) => { child.exitCode != null ? done() : child.once('exit', done); setTimeout(() => { child.kill('SIGKILL'); done(); }, 5000).unref(); });
			rmSync(home, { recursive: true, force: true, maxRetries: 3 });
		},
	};
	await b.size(width, height);
	if (touch)
		await s('Emulation.setTouchEmulationEnabled', { enabled: true });
	await b.dark(dark);
	return b;
}
