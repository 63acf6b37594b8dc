/* board.js - a dashboard: a grid of cells, each with a widget that loads, hears what is new and draws itself.
 *
 *	address  #/d/ID?range=24h&f.country=DE&v.env=live&compare=1&refresh=30s&full=1      what a link carries is the whole state
 *
 * A cell asks when it comes into sight, hears what its widget wishes for (live.js), and asks anew at most once a second. What cannot be
 * heard is asked by the clock. Numbers are the server's: nothing is computed here that it could have said. */
import { fill, h, button, csv, dialog, download, icon, say, select, table, text } from './dom.js';
import { get, sql } from './api.js';
import { live } from './live.js';
import { bucket, clock, day, moment, span, titled } from './format.js';
import { empty, kit, typeOf } from './widgets.js';
import { forgetColors } from './chart.js';
import { rangeOf } from './question.js';

const ANEW_MS = 1000, RESYNC_MS = 60000, POLL_MS = 5000, UNHEARD_MS = 30000, FIRST_ROWS = 8;
export const RANGES = [['', 'As defined'], ['15m', '15 minutes'], ['1h', '1 hour'], ['6h', '6 hours'], ['24h', '24 hours'], ['7d', '7 days'], ['30d', '30 days'], ['90d', '90 days'], ['today', 'Today'], ['yesterday', 'Yesterday'], ['all', 'All time']];
const PICTURES = ['line_chart', 'area_chart', 'bar_chart', 'pie_chart', 'gauge', 'funnel_chart', 'heatmap', 'retention'];       /* that can be saved as PNG */
const REFRESH = [['', 'Live'], ['5s', 'Every 5 s'], ['30s', 'Every 30 s'], ['1m', 'Every minute'], ['5m', 'Every 5 min'], ['off', 'Paused']];

/* ---- where answers come from: the API, with the rights of who looks; shared.js has another for shared links */
let skew = null;
export const serverNow = () => skew || (skew = sql('SELECT NOW() AS now').then((a) => Date.parse(a.rows[0][0]) - Date.now()).catch(() => 0));

export const source = {
	metric: (p) => get('/api/v1/metrics', p),
	funnel: (p) => get('/api/v1/funnels', p),
	retention: (p) => get('/api/v1/retention', p),
	events: (p) => get('/api/v1/events', p),
	alerts: (p) => get('/api/v1/alerts', p),
	anomalies: (p) => get('/api/v1/anomalies', p),
	forecast: (p) => get('/api/v1/forecast', p),
	/* :from, :to, :before and :every are the period's, other names those of variables, filters and the widget itself. */
	async rows(widget, ctx) {
		const params = {}, all = { metric: widget.metric, by: [widget.groupBy].flat().join(','), event: widget.event || widget.metric, limit: widget.limit || 100, ...ctx.variables, ...ctx.filters };
		let period = null;

		for (const [, name] of String(widget.query).replace(/'(?:[^']|'')*'/g, '').matchAll(/(?<!:):([A-Za-z_]\w*)/g))
			if (['from', 'to', 'before', 'every'].includes(name)) {
				period ||= await bounds(ctx.range);
				params[name] = name === 'every' ? widget.interval || period.every : period[name];
			} else {
				params[name] = said(all[name] ?? '');
			}
		return sql(widget.query, params);
	},
};

/* Variables and filters lie in the address, which has no types: what is just how a number is printed is that number, as in a shared link and at-dash. */
const said = (v) => typeof v === 'number' || (/^-?\d+(\.\d+)?$/.test(v) && String(Number(v)) === String(v)) ? Number(v) : String(v);

/* As the server chooses where no interval is asked for: the first that gives about a hundred buckets. */
const everyOf = (ms) => ['1s', '10s', '1m', '5m', '15m', '1h', '6h', '1d', '7d'].find((e) => ms / span(e) <= 101) || '7d';

async function bounds(range) {
	const now = Date.now() + await serverNow(), ms = span(range.timeRange), midnight = now - now % 86400000;
	const [from, to] = range.from ? [Date.parse(range.from), range.to ? Date.parse(range.to) : now] : range.timeRange === 'today' ? [midnight, midnight + 86400000] :
		range.timeRange === 'yesterday' ? [midnight - 86400000, midnight] : /\/|\.\./.test(range.timeRange || '') ? range.timeRange.split(/\/|\.\./).map(Date.parse) : [Number.isNaN(ms) ? 0 : now - ms, now + 1];

	return { from: new Date(from).toISOString(), to: new Date(to).toISOString(), before: new Date(Math.max(from - (to - from), -62e12)).toISOString(), every: everyOf(to - from) };
}

/* $name in texts of a definition is a variable's value. */
const putIn = (v, variables) => typeof v === 'string' ? v.replace(/\$\{?([A-Za-z_]\w*)\}?/g, (all, name) => name in variables ? variables[name] : all) : Array.isArray(v) ? v.map((x) => putIn(x, variables)) :
	v && typeof v === 'object' ? Object.fromEntries(Object.entries(v).map(([k, x]) => [k, putIn(x, variables)])) : v;

function rangeText(range) {
	const [from, to] = range.split(/\/|\.\./), [, n, unit] = range.match(/^(\d+)([smhdw])$/) || [];

	return to ? `${day(Date.parse(from), true)} – ${day(Date.parse(to), true)}` : n ? `${n} ${{ s: 'second', m: 'minute', h: 'hour', d: 'day', w: 'week' }[unit]}${n === '1' ? '' : 's'}` : (RANGES.find(([v]) => v === range)?.[1] || range).toLowerCase();
}

/* ---- where widgets lie: as defined, further down where that place is taken; without a position where there is room, in at-dash's sizes */
const COLUMNS = 12, SIZES = { metric_card: [3, 2], gauge: [3, 3], pie_chart: [4, 4], custom: [4, 2], text: [12, 2] };
const within = (n, least, most) => Math.max(least, Math.min(most, Math.trunc(n) || 0));

/* As they are read: down, and from left to right. */
export const inOrder = (all) => [...all].sort((a, b) => (a.position?.y ?? 0) - (b.position?.y ?? 0) || (a.position?.x ?? 0) - (b.position?.x ?? 0));

/* As definition.c has it: positions of a grid of 24 columns, Grafana's, are halved. */
function fitted(all) {
	const end = (p) => within(p.x, 0, 1e5) + within(p.w ?? 4, 1, 1e5), given = all.map((w) => w.position).filter(Boolean), beyond = given.some((p) => p.x >= COLUMNS) && given.every((p) => end(p) <= 2 * COLUMNS);

	return beyond ? all.map((w) => w.position ? { ...w, position: { ...w.position, x: Math.floor(w.position.x / 2), w: Math.max(1, Math.floor(end(w.position) / 2) - Math.floor(w.position.x / 2)) } } : w) : all;
}

function placed(definition) {
	const to = new Map(), taken = [], all = fitted(definition.widgets || []);
	const isTaken = (p) => taken.find((o) => p.x < o.x + o.w && o.x < p.x + p.w && p.y < o.y + o.h && o.y < p.y + p.h);
	const order = all.filter((w) => w.position).sort((a, b) => (a.position.y || 0) - (b.position.y || 0) || (a.position.x || 0) - (b.position.x || 0));

	for (const w of [...order, ...all.filter((w) => !w.position)]) {
		const [wide, tall] = SIZES[w.type] || [6, 4], given = w.position || { w: wide, h: w.type === 'text' ? tall + within(String(w.text).split('\n').length / 2, 0, 10) : tall };
		const p = { x: within(given.x, 0, COLUMNS - 1), y: within(given.y, 0, 1e5), w: within(given.w ?? 4, 1, COLUMNS), h: within(given.h ?? 3, 1, 1000) };

		p.w = Math.min(p.w, COLUMNS - p.x);
		if (w.position) {
			for (let o; (o = isTaken(p)); )
				p.y = o.y + o.h;
		} else {
			const floors = Array.from({ length: COLUMNS - p.w + 1 }, (_, x) => Math.max(0, ...taken.filter((o) => x < o.x + o.w && o.x < x + p.w).map((o) => o.y + o.h)));
			p.y = Math.min(...floors);
			p.x = floors.indexOf(p.y);
		}
		taken.push(p);
		to.set(w, { ...w.position, ...p });
	}
	return { ...definition, widgets: all.map((w) => ({ ...w, position: to.get(w) })) };
}

/* ---- one cell */
class Cell {
	constructor(board, widget) {
		this.board = board;
		this.widget = widget;
		this.kept = {};
		this.stops = [];
		this.asks = 0;
		this.title = h('h2', { id: `t-${widget.id}` });
		this.note = h('small', { class: 'cell-note' });
		this.body = h('div', { class: 'cell-body' }, h('div', { class: 'skeleton', 'aria-hidden': 'true' }));
		this.menu = button('more', 'Widget menu', () => this.openMenu(), { 'aria-haspopup': 'menu' });
		this.element = h('section', { role: 'group', class: `cell type-${String(widget.type).replace(/[^a-z_]/g, '')}`, 'aria-labelledby': `t-${widget.id}`, 'data-id': widget.id },
			h('header', null, this.title, this.note, this.menu), this.body);
		this.place();
		board.seen.observe(this.element);
	}

	place() {
		const { x = 0, y = 0, w = 4, h: tall = 3 } = this.widget.position || {};

		this.title.textContent = putIn(this.widget.title ?? titled(this.widget.metric || this.widget.id), this.board.variables);
		this.element.style.setProperty('--x', Math.min(x, 11) + 1);
		this.element.style.setProperty('--y', y + 1);
		this.element.style.setProperty('--w', Math.max(1, Math.min(w, 12 - Math.min(x, 11))));
		this.element.style.setProperty('--h', Math.max(1, tall));
		this.element.style.setProperty('order', y * 100 + x);
	}

	ctx() {
		const b = this.board, w = {};

		for (const [k, v] of Object.entries(this.widget))
			w[k] = k === 'query' ? v : putIn(v, b.variables);
		const filters = { ...(w.filters || {}), ...b.filters };
		return { widget: w, range: b.rangeOf(w), filters, variables: b.variables, compare: b.state.compare === '1', source: b.source(this.widget), names: b.names, marks: b.marks, kit, interval: this.data?.answer?.interval,
			onRange: (from, to) => b.go({ from: new Date(from).toISOString(), to: new Date(to).toISOString(), range: null }), onReset: () => b.go({ from: null, to: null }),
			onFilter: b.canFilter ? (field, value) => b.filter(field, value) : null, onDrill: b.canDrill ? (what) => b.drill(w, what) : null, onPick: (at, e) => this.pick(at, e), onEvent: (e) => showEvent(e) };
	}

	/* Ask, and draw what comes; only the latest question counts. */
	async ask() {
		const mine = ++this.asks, ctx = this.ctx();

		this.askedAt = Date.now();
		this.dirty = false;
		clearTimeout(this.timer);
		this.timer = 0;
		this.element.setAttribute('aria-busy', 'true');
		try {
			this.type ||= await typeOf(this.widget);
			const data = await this.type.load(ctx);
			if (mine !== this.asks || this.gone)
				return;
			this.data = data;
			this.failed = null;
			this.drawNow();
			data.later?.then(() => this.data === data && this.drawNow());
			this.hearFor();
		} catch (e) {
			if (mine !== this.asks || this.gone || e.name === 'AbortError')
				return;
			this.failed = e;
			this.type?.free?.(this.kept);
			this.kept = {};
			empty(this.body, e.message, h('button', { type: 'button', onclick: () => this.ask() }, 'Try again'));
			if (e.retry || !e.status)
				this.timer = setTimeout(() => this.askSoon(), (e.retry || 5) * 1000);
		} finally {
			if (mine === this.asks)
				this.element.removeAttribute('aria-busy');
		}
	}

	askSoon() {
		this.dirty = true;
		if (this.timer || !this.visible || this.board.state.refresh === 'off')
			return;
		this.timer = setTimeout(() => { this.timer = 0; this.ask(); }, Math.max(0, ANEW_MS - (Date.now() - this.askedAt)));
	}

	drawNow() {
		const ctx = this.ctx();

		this.drawing = 0;
		if (this.gone || !this.data)
			return;
		this.place();
		const r = this.board.rangeOf(this.widget), a = this.data.answer;
		const timeless = this.widget.type === 'text' || (this.widget.query && !/:(from|to|before)\b/.test(this.widget.query));
		this.note.textContent = timeless ? '' : r.timeRange ? rangeText(r.timeRange) : '';
		if (a?.note)
			this.note.textContent = '';
		if (this.twin)
			this.drawTwin();
		else
			this.type.draw(this.body, this.data, ctx, this.kept);
	}

	draw() {
		this.drawing ||= requestAnimationFrame(() => this.drawNow());
	}

	hearFor() {
		const ctx = this.ctx(), wishes = this.board.state.refresh ? [] : this.type.wishes?.(ctx) || [], text = JSON.stringify(wishes);

		this.heard = wishes.length > 0;
		if (text === this.wished || this.board.isShared)
			return;
		this.quiet();
		this.wished = text;
		this.stops = wishes.map((w) => live.subscribe(w, (m) => {
			const what = this.type.hear ? this.type.hear(m, this.data, this.ctx()) : m.type === 'subscribed' ? -1 : 0;
			if (m.type === 'error')         /* too many at once: it is asked by the clock */
				this.heard = false;
			if (m.type === 'event' || m.type === 'delta' || m.type === 'alert')
				this.board.pulse();
			if (what > 0)
				this.draw();
			else if (what === 0)
				this.askSoon();
		}));
	}

	quiet() {
		this.stops.forEach((s) => s());
		this.stops = [];
		this.wished = null;
	}

	/* By the clock: who cannot hear, and everybody once in a while. */
	tick(now) {
		const refresh = this.board.state.refresh, every = refresh ? span(refresh) : !this.heard ? UNHEARD_MS : live.state === 'live' || live.state === 'stream' ? RESYNC_MS : POLL_MS;

		if (refresh === 'off' || !this.visible || this.widget.type === 'text' || this.element.hasAttribute('aria-busy') || this.board.editing)
			return;
		if (now - this.askedAt >= every || (this.dirty && !this.timer))
			this.ask();
	}

	/* Out of sight it hears nothing either: a long dashboard costs what is seen of it. */
	show(visible) {
		this.visible = visible;
		if (!visible && this.stops.length) {
			this.quiet();
			this.dirty = true;
		}
		if (visible && (!this.askedAt || this.dirty))
			this.ask();
	}

	change(widget) {
		const same = JSON.stringify({ ...widget, position: 0 }) === JSON.stringify({ ...this.widget, position: 0 });

		if (!same && widget.type !== this.widget.type) {
			this.type?.free?.(this.kept);
			this.type = null;
			this.kept = {};
			this.body.replaceChildren();
		}
		if (!same && widget.module !== this.widget.module)
			this.type = null;
		this.widget = widget;
		this.place();
		if (!same)
			this.ask();
	}

	free() {
		this.gone = true;
		this.quiet();
		clearTimeout(this.timer);
		this.type?.free?.(this.kept);
		this.board.seen.unobserve(this.element);
		this.element.remove();
	}

	/* ---- its table twin */
	rows() {
		return this.data && (this.type.rows?.(this.data, this.ctx()) || this.type.table?.(this.data, this.ctx()));
	}

	drawTwin() {
		const rows = this.type.table?.(this.data, this.ctx());

		this.type.free?.(this.kept);
		this.kept = {};
		if (rows)
			fill(this.body, h('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': `${this.title.textContent} as a table` }, table(rows.columns, rows.rows, { caption: this.title.textContent })));
	}

	setTwin(on) {
		this.twin = on;
		this.body.replaceChildren();
		this.type?.free?.(this.kept);
		this.kept = {};
		this.drawNow();
	}

	pick({ t, every, labels }, event) {
		const b = this.board, from = new Date(t).toISOString(), to = new Date(t + (every || 60000)).toISOString();
		const acts = [];

		for (const [field, value] of Object.entries(labels || {}))
			if (value != null && b.canFilter)
				acts.push([`Only ${field} = ${text(value)}`, () => b.filter(field, value)]);
		if (every && b.canZoom)
			acts.push([`Only ${bucket(t, every)}`, () => b.go({ from, to, range: null })]);
		if (b.canDrill)
			acts.push(['Events behind it', () => b.drill(this.ctx().widget, { from, to, filters: labels })]);
		if (acts.length)
			popup(acts, event instanceof PointerEvent ? { x: event.clientX, y: event.clientY } : this.element);
	}

	async png() {
		const { framed, paintedOf, pictureOf } = await import('./picture.js');
		const name = this.title.textContent || this.widget.id, chart = this.kept.chart, drawing = this.body.querySelector('.pie svg, .gauge svg'), boxes = this.body.querySelector('.bars, .funnel, .heat-wrap');
		const drawn = chart ? chart.base : drawing ? await pictureOf(drawing) : boxes ? paintedOf(boxes) : null;
		const keys = chart ? chart.keys() : [...this.body.querySelectorAll('.keys button')].map((k) => [getComputedStyle(k.querySelector('i')).backgroundColor, [...k.children].map((part) => part.textContent).filter(Boolean).join(' ')]);

		if (!drawn)
			return say('This widget has no picture; its table can be saved as CSV.');
		return download(`${name}.png`, 'image/png', await framed(drawn, chart ? devicePixelRatio || 1 : 2, name, keys));
	}

	openMenu() {
		const b = this.board, acts = [], rows = this.rows();

		if (this.type?.table?.(this.data || {}, this.ctx()) && this.data)
			acts.push([this.twin ? 'Show as chart' : 'Show as table', () => this.setTwin(!this.twin), 'table']);
		acts.push([this.element.classList.contains('whole') ? 'Leave full view' : 'Full view', () => b.whole(this), 'full']);
		if (rows)
			acts.push(['Save as CSV', () => download(`${this.title.textContent || this.widget.id}.csv`, 'text/csv', csv(rows.columns, rows.rows))]);
		if (PICTURES.includes(this.widget.type))
			acts.push(['Save as PNG', () => this.png()]);
		if (b.canDrill && (this.widget.metric || this.widget.event))
			acts.push(['Events behind it', () => b.drill(this.ctx().widget, {})]);
		if (this.widget.query && b.canDrill)
			acts.push(['Open in the explorer', () => { location.hash = `#/explore?sql=${encodeURIComponent(this.widget.query)}`; }]);
		acts.push(['Refresh', () => this.ask(), 'reload']);
		if (b.editing)
			acts.push(...b.editing.actions(this));
		popup(acts, this.menu);
	}
}

/* A menu beside a button, or where the pointer is. */
export function popup(acts, at) {
	const was = document.activeElement;
	const menu = h('div', { class: 'menu', role: 'menu', popover: 'auto' }, acts.map(([label, run, pic]) => h('button', { type: 'button', role: 'menuitem', onclick: () => { close(); run(); } }, pic ? icon(pic) : null, label)));
	const close = () => menu.hidePopover();

	menu.addEventListener('toggle', (e) => {
		if (e.newState === 'closed') {
			menu.remove();
			if (document.activeElement === document.body && was?.isConnected)
				was.focus();
		}
	});
	menu.addEventListener('keydown', (e) => {
		const all = [...menu.children], i = all.indexOf(document.activeElement);
		if (e.key === 'ArrowDown' || e.key === 'ArrowUp') {
			all[(i + (e.key === 'ArrowDown' ? 1 : all.length - 1)) % all.length].focus();
			e.preventDefault();
		} else if (e.key === 'Tab') {
			close();
		}
	});
	document.body.append(menu);
	menu.showPopover();
	const box = at instanceof Element ? at.getBoundingClientRect() : { right: at.x, bottom: at.y, left: at.x };
	menu.style.setProperty('left', `${Math.max(8, Math.min(box.right - menu.offsetWidth, innerWidth - menu.offsetWidth - 8))}px`);
	menu.style.setProperty('top', `${Math.max(8, Math.min(box.bottom + 4, innerHeight - menu.offsetHeight - 8))}px`);
	menu.firstElementChild?.focus();
}

export function showEvent(e) {
	const rows = [['event', e.event], ['time', moment(Date.parse(e.timestamp))], ['id', e.id], ['user', e.user_id], ['session', e.session_id]].filter(([, v]) => v != null);

	dialog(e.event, [h('dl', { class: 'facts' }, rows.map(([k, v]) => [h('dt', null, k), h('dd', null, text(v))])), h('pre', null, JSON.stringify(e.properties, null, 2))],
		[...(e.user_id ? [{ label: 'All of this user', run: (d) => { d.close(); location.hash = `#/events?user=${encodeURIComponent(e.user_id)}`; } }] : []), { label: 'Close', main: true, run: (d) => d.close() }]);
}

/* ---- the board */
export class Board {
	/* definition; state: the address's words. go(change) is the router's: it changes the address, which comes back as set(). */
	constructor(definition, state, { go, names = new Set(), mayEdit = false, share = false, sourceOf, isDefault = false, boards = [] }) {
		Object.assign(this, { definition, state, go, names, mayEdit, share, isDefault, boards });
		this.isShared = !!sourceOf;
		this.source = sourceOf || (() => source);
		this.canDrill = this.canFilter = !sourceOf;
		this.canZoom = true;
		this.cells = [];
		this.seen = new IntersectionObserver((all) => all.forEach((e) => this.cells.find((c) => c.element === e.target)?.show(e.isIntersecting)), { rootMargin: '200px' });
		this.grid = h('div', { class: 'grid' });
		this.bar = h('div', { class: 'board-bar' });
		this.chips = h('div', { class: 'chips' });
		this.element = h('div', { class: 'board' }, this.bar, this.chips, this.grid);
		this.clock = setInterval(() => {
			const now = Date.now();
			if (!document.hidden)
				this.cells.forEach((c) => c.askedAt && c.tick(now));
		}, 1000);
		this.onState = () => this.drawStatus();
		live.listeners.add(this.onState);
		this.read();
		this.drawBar();
		this.drawCells();
	}

	/* As it is shown: each widget has a position of its own. */
	get definition() {
		return this.shown;
	}

	set definition(definition) {
		this.shown = placed(definition);
	}

	free() {
		clearInterval(this.clock);
		live.listeners.delete(this.onState);
		this.editing?.end?.();
		this.cells.forEach((c) => c.free());
		this.seen.disconnect();
	}

	/* What of the address and the definition holds now. */
	read() {
		this.filters = {};
		this.variables = {};
		for (const v of this.definition.variables || [])
			this.variables[v.name] = v.default ?? (Array.isArray(v.values) ? v.values[0] : '') ?? '';
		for (const [k, v] of Object.entries(this.state)) {
			if (k.startsWith('f.'))
				this.filters[k.slice(2)] = v;
			if (k.startsWith('v.'))
				this.variables[k.slice(2)] = v;
		}
		this.marks = (this.definition.annotations || []).map((a) => ({ t: Date.parse(a.timestamp), end: a.end ? Date.parse(a.end) : 0, text: a.text || '' })).filter((m) => Number.isFinite(m.t));
		document.body.classList.toggle('full', this.state.full === '1');
	}

	set(state) {
		const was = this.state, words = (s) => JSON.stringify(Object.entries(s).filter(([k]) => k !== 'full').sort());

		this.state = state;
		this.read();
		this.drawBar();
		if (words(was) !== words(state))
			this.cells.forEach((c) => { c.quiet(); c.visible ? c.ask() : c.dirty = true; });
	}

	rangeOf(widget) {
		return rangeOf(this.definition, widget, this.state);
	}

	filter(field, value) {
		const key = this.definition.variables?.some((v) => v.name === field) ? `v.${field}` : `f.${field}`;

		this.go({ [key]: this.state[key] === String(value) ? null : String(value) });
	}

	drill(widget, { event, from, to, filters }) {
		const name = event || widget.event || widget.metric || '', one = this.names.has(name) ? name : this.names.has(name.replace(/s$/, '')) ? name.replace(/s$/, '') : '';
		const r = from ? { from, to } : this.rangeOf(widget);
		const q = new URLSearchParams({ ...(one ? { event: one } : {}), ...(r.timeRange ? { range: r.timeRange } : r) });

		for (const [k, v] of Object.entries({ ...this.filters, ...(filters || {}) }))
			if (v != null)
				q.set(`f.${k}`, text(v));
		location.hash = `#/events?${q}`;
	}

	whole(cell) {
		const on = !cell.element.classList.contains('whole');

		this.cells.forEach((c) => c.element.classList.remove('whole'));
		cell.element.classList.toggle('whole', on);
		this.element.classList.toggle('has-whole', on);
		if (on) {
			const back = (e) => {
				if (e.key === 'Escape' && !document.querySelector('dialog[open], .menu:popover-open')) {
					removeEventListener('keydown', back);
					if (cell.element.classList.contains('whole'))
						this.whole(cell);
				}
			};
			addEventListener('keydown', back);
			cell.menu.focus();
		}
		cell.draw();
	}

	pulse() {
		this.heardAt = Date.now();
		if (this.lamp && !this.beating) {
			this.beating = setTimeout(() => { this.beating = 0; this.drawStatus(); }, 900);
			this.lamp.title = `Last change ${clock(this.heardAt)}`;
		}
	}

	drawStatus() {
		const off = this.state.refresh, words = this.state.from ? 'Fixed period' : off === 'off' ? 'Paused' : off ? `Every ${off}` : this.isShared ? 'Refreshing' : { live: 'Live', stream: 'Live (stream)', polling: 'Polling', offline: 'Offline', idle: 'Up to date' }[live.state];

		if (this.lamp) {
			this.lamp.className = `lamp ${off || this.isShared || this.state.from ? 'off' : live.state}`;
			this.lamp.replaceChildren(h('i'), words);
		}
	}

	drawBar() {
		const { state } = this, refs = REFRESH;
		const custom = state.from ? [['custom', `${bucket(Date.parse(state.from), 60000)} – ${state.to ? bucket(Date.parse(state.to), 60000) : 'now'}`]] : [];
		const known = RANGES.some(([v]) => v === (state.range || ''));
		const ranges = [...RANGES, ...(known ? [] : [[state.range, state.range]]), ...custom, ['pick', 'Pick dates …']];

		this.lamp = h('span', { class: 'lamp', role: 'status' });
		const focus = document.activeElement?.dataset?.focus;
		fill(this.bar,
			h('h1', null, this.definition.title || titled(this.definition.id || 'Dashboard')),
			this.definition.description && h('p', { class: 'muted about' }, this.definition.description),
			h('div', { class: 'controls' }, this.lamp,
				!this.isShared && (this.definition.variables || []).map((v) => this.variableControl(v)),
				select(ranges, state.from ? 'custom' : state.range || '', (v) => v === 'pick' ? this.pickDates() : v !== 'custom' && this.go({ range: v || null, from: null, to: null }), { 'aria-label': 'Time range', 'data-focus': 'range' }),
				select(refs, state.refresh || '', (v) => this.go({ refresh: v || null }), { 'aria-label': 'Refresh', 'data-focus': 'refresh' }),
				h('button', { type: 'button', class: 'toggle', 'aria-pressed': String(state.compare === '1'), 'data-focus': 'compare', onclick: () => this.go({ compare: state.compare === '1' ? null : '1' }) }, 'Compare'),
				button('full', 'Full screen', () => this.fullscreen()),
				this.mayEdit && button('edit', 'Edit dashboard', () => this.edit()),
				button('more', 'Dashboard menu', (e) => this.openMenu(e.currentTarget), { 'aria-haspopup': 'menu' })));
		if (focus)
			this.bar.querySelector(`[data-focus="${CSS.escape(focus)}"]`)?.focus();
		fill(this.chips, Object.entries(this.filters).map(([k, v]) => h('button', { type: 'button', class: 'chip', 'aria-label': `Remove the filter ${k} = ${v}`, onclick: () => this.go({ [`f.${k}`]: null }) }, `${k} = ${v}`, icon('close'))),
			state.from && h('button', { type: 'button', class: 'chip', 'aria-label': 'Remove the period', onclick: () => this.go({ from: null, to: null }) }, custom[0][1], icon('close')));
		this.drawStatus();
	}

	variableControl(v) {
		const choose = (value) => this.go({ [`v.${v.name}`]: value });
		const box = h('span', { class: 'variable' });
		const put = (values) => fill(box, h('label', null, h('span', null, v.label || titled(v.name)), values ? select([...new Set([...values, this.variables[v.name]].map(String))], String(this.variables[v.name]), choose, { 'data-focus': `v-${v.name}` }) :
			h('input', { value: this.variables[v.name], size: 10, 'data-focus': `v-${v.name}`, onchange: (e) => choose(e.target.value) })));

		put(v.values || null);
		if (v.query && !this.isShared)
			sql(v.query).then((a) => put(a.rows.map((r) => text(r[0])).slice(0, 200))).catch(() => null);
		return box;
	}

	pickDates() {
		const local = (t) => new Date(t - new Date(t).getTimezoneOffset() * 60000).toISOString().slice(0, 16);
		const from = h('input', { type: 'datetime-local', value: local(this.state.from ? Date.parse(this.state.from) : Date.now() - 86400000), id: 'pick-from' });
		const to = h('input', { type: 'datetime-local', value: local(this.state.to ? Date.parse(this.state.to) : Date.now()), id: 'pick-to' });

		this.drawBar();
		dialog('Pick a period', [h('div', { class: 'field' }, h('label', { for: 'pick-from' }, 'From'), from), h('div', { class: 'field' }, h('label', { for: 'pick-to' }, 'To'), to)],
			[{ label: 'Show', main: true, run: (d) => {
				const a = new Date(from.value), b = new Date(to.value);
				if (!(a < b))
					return say('The end must be after the beginning.', 'bad');
				d.close();
				return this.go({ from: a.toISOString(), to: b.toISOString(), range: null });
			} }]);
	}

	fullscreen() {
		const on = this.state.full === '1';

		if (on && document.fullscreenElement)
			document.exitFullscreen();
		else if (!on)
			document.documentElement.requestFullscreen?.().catch(() => null);
		this.go({ full: on ? null : '1' });
	}

	openMenu(at) {
		const plain = given(this.definition);
		const acts = [['Refresh all', () => this.cells.forEach((c) => c.ask()), 'reload'],
			['Save the definition', () => download(`${plain.id || 'dashboard'}.json`, 'application/json', `${JSON.stringify(plain, null, 2)}\n`)],
			['Copy a link', () => navigator.clipboard?.writeText(location.href).then(() => say('The link with all that you see is in the clipboard.'), () => say(location.href))]];

		if (this.mayEdit)
			acts.push(['Versions', () => import('./edit.js').then((m) => m.versions(this))], ['New dashboard', () => import('./edit.js').then((m) => m.create())]);
		if (this.mayEdit && !this.definition.readonly && !this.isDefault)
			acts.push(['Delete the dashboard', () => import('./edit.js').then((m) => m.removeBoard(this))]);
		if (this.share && !this.isDefault)
			acts.push(['Share …', () => import('./edit.js').then((m) => m.shareBoard(this)), 'share']);
		popup(acts, at);
	}

	async edit() {
		const { Editing } = await import('./edit.js');

		this.editing ||= new Editing(this);
	}

	drawCells() {
		const all = this.definition.widgets || [];

		for (const c of this.cells.filter((x) => !all.some((w) => w.id === x.widget.id)))
			c.free();
		this.cells = this.cells.filter((c) => !c.gone);
		for (const w of all) {
			const c = this.cells.find((x) => x.widget.id === w.id);
			if (c) {
				c.change(w);
			} else {
				const made = new Cell(this, w);
				this.cells.push(made);
				this.grid.append(made.element);
				if (w.type === 'metric_card' && (w.position?.y ?? 0) < FIRST_ROWS)      /* in sight most likely: figures first */
					made.show(true);
			}
		}
		this.pair();
		/* the order of the keyboard is that of the eye */
		const sorted = inOrder(all).map((w) => this.cells.find((c) => c.widget.id === w.id));
		if (sorted.some((c, i) => this.grid.children[i] !== c.element) && !this.grid.contains(document.activeElement))
			sorted.forEach((c) => this.grid.append(c.element));
		if (all.length)
			this.grid.querySelector(':scope > .empty')?.remove();
		else
			empty(this.grid, 'This dashboard has no widgets yet.', this.mayEdit && h('button', { type: 'button', class: 'main', onclick: () => this.edit() }, 'Add one'));
	}

	/* Of six columns, where twelve are too many: two that are narrow beside each other, one that is left over has the line to itself. */
	pair() {
		const all = inOrder(this.definition.widgets || []), narrow = (w) => w && (w.position?.w ?? 4) < 6;

		for (let i = 0; i < all.length; i++) {
			const two = narrow(all[i]) && narrow(all[i + 1]);
			for (const w of two ? [all[i], all[++i]] : [all[i]])
				this.cells.find((c) => c.widget.id === w.id)?.element.style.setProperty('--m', two ? 3 : 6);
		}
	}

	/* now: the page is not drawn again by itself, as for paper. */
	repaint(now) {
		forgetColors();
		for (const c of this.cells)
			if (now) {
				c.drawNow();
				c.kept.chart?.paint();
			} else {
				c.draw();
			}
	}
}

/* A definition as somebody gave it, for a file or another dashboard: a PUT leaves what the server says of it by itself. */
export function given(d) {
	const { version, created, changed, by, readonly, ...rest } = d;

	return rest;
}

/* ---- with no dashboard defined: one of what the store holds, the events that come most, who comes back, what is rung */
export function defaultBoard(schema, now) {
	const events = schema.data.filter((r) => r.kind === 'event').sort((a, b) => b.count - a.count), properties = schema.data.filter((r) => r.kind === 'property');
	const metrics = schema.data.filter((r) => r.kind === 'metric'), widgets = [];
	const times = events.flatMap((e) => [Date.parse(e.first), Date.parse(e.last)]).filter(Number.isFinite), age = times.length ? Math.max(...times) - Math.min(...times) : 0;
	const fitting = age > 3 * 86400000 ? '7d' : age > 6 * 3600000 ? '24h' : age > 1800000 ? '6h' : '1h', newest = Math.max(...times);
	/* what ended long ago is shown as it was then */
	const timeRange = times.length && now - newest > span(fitting) ? `${new Date(newest - span(fitting)).toISOString()}/${new Date(newest + 1).toISOString()}` : fitting;
	let y = 0, n = 0;
	const add = (type, title, w, x, row, wide, tall) => widgets.push({ id: `w${++n}`, type, title, timeRange, ...w, position: { x, y: row, w: wide, h: tall } });
	const label = properties.find((p) => ['country', 'source', 'status', 'channel', 'platform', 'plan', 'level', 'service', 'method'].includes(p.name));

	events.slice(0, 4).forEach((e, i) => add('metric_card', titled(e.name), { metric: e.name }, i * 3, y, 3, 2));
	if (events.length) {
		y += 2;
		add('area_chart', 'Events by name', { query: 'SELECT TIME_BUCKET(:every, timestamp) AS time, event, COUNT(*) AS events FROM events WHERE timestamp >= :from AND timestamp < :to GROUP BY 1, 2 ORDER BY 1', interval: { '7d': '2h', '24h': '30m', '6h': '10m', '1h': '1m' }[fitting], stacked: true }, 0, y, 8, 4);
		add('event_feed', 'As it happens', { limit: 30 }, 8, y, 4, 4);
		y += 4;
		if (label)
			add('bar_chart', `${titled(events[0].name)} by ${label.name}`, { metric: events[0].name, groupBy: label.name }, 0, y, 4, 4);
		add('heatmap', `${titled(events[0].name)} by hour`, { metric: events[0].name }, label ? 4 : 0, y, 8, 4);
		y += 4;
		if (events.length > 2) {
			const known = ['page_view', 'signup_start', 'signup_complete', 'user_signup', 'add_to_cart', 'checkout', 'purchase'].filter((k) => events.some((e) => e.name === k));
			add('funnel_chart', 'How far users come', { steps: known.length > 1 ? known : events.slice(0, 3).map((e) => e.name) }, 0, y, 6, 4);
			add('retention', 'Who comes back', { periods: 8 }, 6, y, 6, 4);
			y += 4;
		}
	}
	metrics.slice(0, 6).forEach((m, i) => add('line_chart', titled(m.name), { metric: m.name }, (i % 2) * 6, y + Math.floor(i / 2) * 3, 6, 3));
	y += Math.ceil(Math.min(6, metrics.length) / 2) * 3;
	add('alert_list', 'Alerts', { timeRange: age ? timeRange : '7d' }, 0, y, 6, 3);
	add('table', 'All events', { query: 'SELECT event, COUNT(*) AS events, COUNT(DISTINCT user_id) AS users, MAX(timestamp) AS latest FROM events WHERE timestamp >= :from AND timestamp < :to GROUP BY event ORDER BY events DESC' }, 6, y, 6, 3);
	return { id: 'overview', title: 'Overview', layout: 'grid', widgets };
}
