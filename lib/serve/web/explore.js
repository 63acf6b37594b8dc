/* explore.js - looking for oneself: SQL with completion and a chart of the answer, metrics by their labels, events, questions in words. */
import { csv, download, field, fill, h, select, table, text } from './dom.js';
import { ApiError, get, post, query, sql } from './api.js';
import { go } from './app.js';
import { Board, RANGES, showEvent, source } from './board.js';
import { eventLine, kit, typeOf } from './widgets.js';
import { duration, moment, number, titled } from './format.js';
import { live } from './live.js';

const tabs = (here) => h('nav', { class: 'tabs', 'aria-label': 'Explore' }, [['explore', 'SQL'], ['metrics', 'Metrics'], ['events', 'Events']].map(([k, name]) => h('a', { href: `#/${k}`, 'aria-current': k === here ? 'page' : null }, name)));
const schemaOf = () => get('/api/v1/schema').then((s) => s.data).catch(() => []);

/* A widget by itself, outside of a board. */
class Shown {
	constructor() {
		this.place = h('div', { class: 'cell-body' });
		this.element = h('div', { class: 'panel tall' }, this.place);
		this.kept = {};
	}

	async show(widget, data, rest = {}) {
		const type = await typeOf(widget);

		if (this.type !== widget.type) {
			this.last?.free?.(this.kept);
			this.kept = {};
			this.place.replaceChildren();
		}
		this.type = widget.type;
		this.last = type;
		type.draw(this.place, data, { widget, range: {}, filters: {}, variables: {}, source, kit, onRange: () => null, onReset: () => null, ...rest }, this.kept);
	}
}

/* ---- SQL */
const words = 'SELECT FROM WHERE GROUP BY ORDER BY HAVING LIMIT WITH AS JOIN LEFT ON AND OR NOT IN LIKE ILIKE BETWEEN IS NULL CASE WHEN THEN ELSE END DISTINCT UNION ALL DESC ASC INTERVAL OVER PARTITION'.split(' ');
const functions = 'COUNT SUM AVG MIN MAX NOW DATE_TRUNC TIME_BUCKET COUNT_IF APPROX_COUNT_DISTINCT QUANTILE MEDIAN STDDEV ARG_MAX TOPK ROUND COALESCE SUBSTR LOWER UPPER funnel retention paths sessions metric'.split(' ');
const tables = ['events', 'metrics', 'anomalies', 'alerts', 'insights'];
const columns = ['event', 'timestamp', 'received_at', 'id', 'user_id', 'session_id', 'properties', 'metric', 'field', 'value', 'labels'];

/* What may follow the word before the caret, the likely ones first. */
export function completions(before, schema) {
	const word = before.match(/[\w.]*$/)[0], quoted = before.match(/'([^']*)$/), head = before.slice(0, before.length - word.length);
	const names = (kind) => schema.filter((r) => r.kind === kind).map((r) => r.name);
	const all = quoted && /(event|metric)\s*(=|IN|LIKE)\s*\(?\s*(?:'[^']*',\s*)*'[^']*$/i.test(before) ? [...names('event').map((n) => [n, 'event']), ...names('metric').map((n) => [n, 'metric'])] :
		quoted ? [] : /\b(FROM|JOIN)\s+$/i.test(head) ? [...tables.map((t) => [t, 'table']), ...functions.slice(-5).map((f) => [f, 'function'])] :
			[...names('property').map((n) => [/^[A-Za-z_]\w*$/.test(n) ? n : `"${n.replaceAll('"', '""')}"`, 'property']), ...columns.map((c) => [c, 'column']), ...functions.map((f) => [f, 'function']), ...words.map((w) => [w, 'word']), ...tables.map((t) => [t, 'table'])];
	const typed = quoted ? quoted[1] : word;

	if (!typed && !quoted && !/\b(FROM|JOIN)\s+$/i.test(head))
		return { typed, list: [] };
	const seen = new Set();
	const list = all.filter(([n]) => n.toLowerCase().startsWith(typed.toLowerCase()) && n !== typed && !seen.has(n) && seen.add(n));
	return { typed, list: list.slice(0, 12) };
}

function editor(value, schema, run) {
	const list = h('ul', { class: 'complete', role: 'listbox', id: 'complete', hidden: true });
	const area = h('textarea', { class: 'code', id: 'sql', spellcheck: 'false', autocapitalize: 'none', 'aria-label': 'SQL', rows: 6, value, 'aria-controls': 'complete', 'aria-autocomplete': 'list' });
	const spoken = h('span', { class: 'hidden', 'aria-live': 'polite' });
	let found = { list: [] }, at = 0;
	const close = () => { list.hidden = true; spoken.textContent = ''; area.removeAttribute('aria-activedescendant'); };
	const put = (i) => {
		const [name] = found.list[i], end = area.selectionStart;
		area.setRangeText(name, end - found.typed.length, end, 'end');
		close();
	};
	const draw = () => {
		if (!found.list.length) {
			close();
			return;
		}
		list.hidden = false;
		spoken.textContent = `${found.list.length} suggestions, ${found.list[at][0]}; arrows choose, Enter takes`;
		area.setAttribute('aria-activedescendant', `c${at}`);
		const lines = area.value.slice(0, area.selectionStart).split('\n');
		list.style.setProperty('top', `${Math.min(lines.length * 1.3 + 1, 8)}rem`);
		list.style.setProperty('left', `${Math.min(lines.at(-1).length * 0.5, 20)}rem`);
		fill(list, found.list.map(([n, kind], i) => h('li', { role: 'option', id: `c${i}`, 'aria-selected': String(i === at), onmousedown: (e) => { e.preventDefault(); put(i); } }, n, h('small', null, kind))));
	};

	area.addEventListener('input', () => {
		found = completions(area.value.slice(0, area.selectionStart), schema());
		at = 0;
		draw();
	});
	area.addEventListener('blur', close);
	area.addEventListener('keydown', (e) => {
		if (e.key === 'Enter' && (e.ctrlKey || e.metaKey)) {
			e.preventDefault();
			close();
			run(area.value);
		} else if (!list.hidden && (e.key === 'ArrowDown' || e.key === 'ArrowUp')) {
			e.preventDefault();
			at = (at + (e.key === 'ArrowDown' ? 1 : found.list.length - 1)) % found.list.length;
			draw();
		} else if (!list.hidden && (e.key === 'Enter' || e.key === 'Tab')) {
			e.preventDefault();
			put(at);
		} else if (!list.hidden && e.key === 'Escape') {
			e.stopPropagation();
			close();
		}
	});
	return { area, element: h('div', { class: 'editor' }, area, list, spoken) };
}

const isTime = (v) => typeof v === 'string' && /^\d{4}-\d\d-\d\d/.test(v);
function fitting({ columns: names, rows }) {
	const numbers = names.filter((_, i) => rows.some((r) => typeof r[i] === 'number')).length;

	return !rows.length || !numbers ? 'table' : rows.length === 1 && names.length === 1 ? 'metric_card' : isTime(rows[0][0]) && rows.length > 1 ? 'line_chart' : names.length === 2 && rows.length <= 40 ? 'bar_chart' : 'table';
}

const samples = [['Events by name', 'SELECT event, COUNT(*) AS events\nFROM events\nGROUP BY event\nORDER BY events DESC'], ['Per hour', "SELECT TIME_BUCKET('1h', timestamp) AS hour, COUNT(*) AS events\nFROM events\nWHERE timestamp > NOW() - INTERVAL 7 DAY\nGROUP BY 1\nORDER BY 1"],
	['Active users', "SELECT DATE_TRUNC('day', timestamp) AS day, COUNT(DISTINCT user_id) AS users\nFROM events\nGROUP BY 1\nORDER BY 1"]];

export async function sqlView(state) {
	let schema = [], answer = null, chosen = state.as || '';
	const status = h('p', { class: 'muted', role: 'status' }), problem = h('p', { class: 'problem', role: 'alert', hidden: true });
	const shown = new Shown(), result = h('div', { class: 'panel', hidden: true });
	const kinds = [['', 'Fitting chart'], ['table', 'Table'], ['line_chart', 'Lines'], ['area_chart', 'Areas'], ['bar_chart', 'Bars'], ['pie_chart', 'Pie'], ['heatmap', 'Heat map'], ['metric_card', 'Figure']];
	const history = () => JSON.parse(localStorage.getItem('at.sql') || '[]');
	const draw = () => {
		const kind = chosen || fitting(answer);
		shown.element.hidden = kind === 'table' || !answer.rows.length;
		if (!shown.element.hidden)
			shown.show({ id: 'x', type: kind, title: 'Answer', query: 'x' }, { rows: answer, time: isTime(answer.rows[0]?.[0]), anomalies: [], forecast: [] });
		fill(result, h('div', { class: 'line' }, h('h2', null, `${answer.rows.length} ${answer.rows.length === 1 ? 'row' : 'rows'}`), h('span', { class: 'gap' }),
			h('button', { type: 'button', onclick: () => download('answer.csv', 'text/csv', csv(answer.columns, answer.rows)) }, 'Save as CSV')),
		h('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Rows, scrolls' }, table(answer.columns, answer.rows, { caption: 'Rows of the answer', cell: (v) => typeof v === 'number' ? number(v) : text(v) })));
		result.hidden = false;
	};
	const run = async (statement) => {
		problem.hidden = true;
		status.textContent = 'Running …';
		go({ sql: statement, as: chosen || null }, { replace: true });
		try {
			answer = await sql(statement);
			localStorage.setItem('at.sql', JSON.stringify([statement, ...history().filter((s) => s !== statement)].slice(0, 30)));
			status.textContent = `${number(answer.rows.length)} rows in ${duration(answer.statistics.elapsed)}, ${number(answer.statistics.rows_read)} read`;
			draw();
		} catch (e) {
			status.textContent = '';
			problem.hidden = false;
			problem.textContent = e.message;
		}
	};
	const edit = editor(state.sql || samples[0][1], () => schema, run);
	const side = h('div', { class: 'schema' });
	const set = (statement) => { edit.area.value = statement; edit.area.focus(); };

	schemaOf().then((s) => {
		schema = s;
		fill(side, [['event', 'Events'], ['property', 'Properties'], ['metric', 'Metrics']].map(([kind, name]) => {
			const mine = s.filter((r) => r.kind === kind);
			return mine.length > 0 && h('details', { open: kind === 'event' }, h('summary', null, `${name} (${mine.length})`), mine.slice(0, 100).map((r) => h('div', null, h('button', { type: 'button', title: 'Put into the statement', onclick: () => {
				edit.area.setRangeText(kind === 'property' ? r.name : `'${r.name.replaceAll("'", "''")}'`, edit.area.selectionStart, edit.area.selectionEnd, 'end');
				edit.area.focus();
			} }, r.name), h('small', null, number(r.count)))));
		}));
	});
	shown.element.hidden = true;
	if (state.sql)
		run(state.sql);
	return { element: h('div', { class: 'page' }, h('h1', { class: 'hidden' }, 'Explore with SQL'), tabs('explore'),
		h('div', { class: 'panel' }, edit.element, h('div', { class: 'line' },
			h('button', { type: 'button', class: 'main', onclick: () => run(edit.area.value) }, 'Run'), h('small', { class: 'muted' }, 'Ctrl Enter runs'),
			select(kinds, chosen, (v) => { chosen = v; go({ as: v || null }, { replace: true }); if (answer) draw(); }, { 'aria-label': 'Draw the answer as' }),
			select([['', 'Examples and history'], ...samples.map(([n, s]) => [s, n]), ...history().map((s) => [s, s.replace(/\s+/g, ' ').slice(0, 70)])], '', (v) => v && set(v), { 'aria-label': 'Examples and history' })), problem, status),
		shown.element, result, h('div', { class: 'panel' }, h('h2', null, 'What there is'), side)), set: () => null, repaint: () => answer && draw() };
}

/* Fields that tell groups apart: those of the latest such events that have few values. Of stored metrics, their labels. */
async function labelsOf(metric, properties) {
	const { events } = await get('/api/v1/events', { event: metric, limit: 200 }).catch(() => ({ events: [] })), values = new Map();

	if (!events.length)
		return sql('SELECT labels FROM metrics WHERE metric = :m LIMIT 50', { m: metric }).then((a) => [...new Set(a.rows.flatMap((r) => Object.keys(JSON.parse(r[0] || '{}'))))]).catch(() => []);
	for (const e of events)
		for (const [k, v] of Object.entries(e.properties))
			if (typeof v !== 'object' && properties.includes(k))
				values.set(k, (values.get(k) || new Set()).add(v));
	return [...values].filter(([, s]) => s.size > 1 && s.size <= 40).sort((a, b) => a[1].size - b[1].size).map(([k]) => k);
}

/* ---- metrics: a board of one, so that range, zoom, filters and comparing are as everywhere */
export async function metricView(state) {
	const schema = await schemaOf(), names = [...new Set([...schema.filter((r) => r.kind === 'event'), ...schema.filter((r) => r.kind === 'metric')].map((r) => r.name))], labels = schema.filter((r) => r.kind === 'property').map((r) => r.name);
	const metric = state.metric || names[0] || '', by = state.by || '', type = state.as || 'line_chart', near = await labelsOf(metric, labels);
	const definition = { id: 'metric', title: titled(metric || 'Metrics'), widgets: metric ? [
		{ id: 'm', type, title: metric, metric, ...(by ? { groupBy: by } : {}), ...(state.every ? { interval: state.every } : {}), ...(state.forecast ? { forecast: true } : {}), timeRange: '24h', position: { x: 0, y: 0, w: 12, h: 6 } },
		{ id: 't', type: 'metric_card', title: 'In all', metric, timeRange: '24h', position: { x: 0, y: 6, w: 3, h: 2 } },
		...near.slice(0, 6).map((l, i) => ({ id: `l${i}`, type: 'bar_chart', title: `By ${l}`, metric, groupBy: l, timeRange: '24h', position: { x: 3 + (i % 3) * 3, y: 6 + Math.floor(i / 3) * 4, w: 3, h: 4 } }))] : [] };
	const board = new Board(definition, state, { go, names: new Set(schema.filter((r) => r.kind === 'event').map((r) => r.name)) });
	const input = h('input', { list: 'metrics', value: metric, id: 'metric', autocomplete: 'off', onchange: (e) => go({ metric: e.target.value }).then(again) });
	const again = () => null;
	const key = (s) => `${s.metric} ${s.by} ${s.as} ${s.every} ${s.forecast}`;
	const was = key(state);
	const view = { element: h('div', { class: 'page' }, tabs('metrics'), h('div', { class: 'panel line' }, field('Metric', input), h('datalist', { id: 'metrics' }, names.map((n) => h('option', { value: n }))),
		field('By', select([['', 'nothing'], ...labels.map((l) => [l, l])], by, (v) => go({ by: v || null }))), field('As', select([['line_chart', 'Lines'], ['area_chart', 'Areas'], ['bar_chart', 'Bars'], ['pie_chart', 'Pie'], ['heatmap', 'Heat map'], ['table', 'Table']], type, (v) => go({ as: v }))),
		field('Each', select([['', 'fitting'], '1m', '5m', '15m', '1h', '6h', '1d', '7d'].map((v) => Array.isArray(v) ? v : [v, v]), state.every || '', (v) => go({ every: v || null }))),
		h('label', { class: 'line' }, h('input', { type: 'checkbox', checked: !!state.forecast, onchange: (e) => go({ forecast: e.target.checked ? '1' : null }) }), 'Forecast')), board.element),
	free: () => board.free(), repaint: () => board.repaint(),
	set: async (next) => {
		if (key(next) === was) {
			board.set(next);
		} else {
			const made = await metricView(next);
			view.element.replaceWith(made.element);
			board.free();
			Object.assign(view, made);
		}
	} };
	return view;
}

/* ---- events: newest first, by name, user and properties; new ones come in on top */
export async function eventView(state) {
	const list = h('ul', { class: 'feed', 'aria-label': 'Events, newest first' }), more = h('button', { type: 'button', hidden: true }, 'Older ones'), note = h('p', { class: 'muted', role: 'status' }), fresh = h('button', { type: 'button', class: 'chip', hidden: true });
	const filters = Object.entries(state).filter(([k]) => k.startsWith('f.')).map(([k, v]) => [k.slice(2), v]);
	const range = state.from ? { from: state.from, to: state.to } : { timeRange: state.range || '24h' };
	const ctx = { onEvent: showEvent };
	const names = (await schemaOf()).filter((r) => r.kind === 'event').map((r) => r.name);
	const fits = (e) => filters.every(([k, v]) => text(e.properties?.[k] ?? e[k]) === v);
	let cursor = null, all = [], waiting = [];
	const draw = () => {
		fill(list, all.map((e) => eventLine(e, ctx)));
		more.hidden = !cursor;
		note.textContent = all.length ? `${number(all.length)} shown${cursor ? ', there are older ones' : ''}` : 'No such events in this period.';
	};
	const load = async () => {
		more.disabled = true;
		try {
			let found = [], tries = 0;
			do {
				const page = await get('/api/v1/events', { ...range, event: state.event, user: state.user, session: state.session, limit: filters.length ? 1000 : 100, cursor });
				cursor = page.next;
				found.push(...page.events.filter(fits));
			} while (cursor && found.length < 50 && ++tries < 10);
			all.push(...found);
			draw();
		} catch (e) {
			note.textContent = e.message;
		}
		more.disabled = false;
	};
	more.addEventListener('click', load);
	fresh.addEventListener('click', () => { all.unshift(...waiting.reverse()); waiting = []; fresh.hidden = true; draw(); });
	const stop = range.timeRange ? live.subscribe({ event: state.event || '*' }, (m) => {
		if (m.type !== 'event' || !fits(m.event) || (state.user && m.event.user_id !== state.user))
			return;
		waiting.push(m.event);
		waiting = waiting.slice(-500);
		fresh.hidden = false;
		fresh.textContent = `${waiting.length} new`;
	}) : () => null;
	const view = { element: h('div', { class: 'page' }, h('h1', { class: 'hidden' }, 'Events'), tabs('events'), h('div', { class: 'panel line' },
		field('Event', select([['', 'all'], ...names.map((n) => [n, n])], state.event || '', (v) => go({ event: v || null }))), field('User', h('input', { value: state.user || '', onchange: (e) => go({ user: e.target.value || null }) })),
		field('Period', select([...RANGES.slice(1), ...(state.from ? [['', `${moment(Date.parse(state.from))} – ${state.to ? moment(Date.parse(state.to)) : 'now'}`]] : [])], state.from ? '' : state.range || '24h', (v) => v && go({ range: v, from: null, to: null })))),
	h('div', { class: 'chips' }, filters.map(([k, v]) => h('button', { type: 'button', class: 'chip', 'aria-label': `Remove the filter ${k} = ${v}`, onclick: () => go({ [`f.${k}`]: null }) }, `${k} = ${v} ×`)), fresh),
	h('div', { class: 'panel' }, list, h('div', { class: 'line' }, more, note, h('span', { class: 'gap' }), h('button', { type: 'button', onclick: () => download('events.csv', 'text/csv', csv(['timestamp', 'event', 'id', 'user_id', 'session_id', 'properties'], all.map((e) => [e.timestamp, e.event, e.id, e.user_id, e.session_id, JSON.stringify(e.properties)]))) }, 'Save as CSV')))),
	free: () => stop(), set: async (next) => {
		const made = await eventView(next);
		stop();
		view.element.replaceWith(made.element);
		Object.assign(view, made);
	} };
	await load();
	return view;
}

/* ---- questions in words */
export async function askView(state) {
	const input = h('input', { id: 'question', value: state.q || '', placeholder: 'Which country had the most revenue yesterday?', autocomplete: 'off', 'aria-label': 'Your question' }), place = h('div', { class: 'page' });
	const shown = new Shown();
	const ask = async (question) => {
		go({ q: question }, { replace: true });
		fill(place, h('div', { class: 'panel' }, h('div', { class: 'skeleton', 'aria-hidden': 'true' }), h('p', { role: 'status' }, 'Thinking …')));
		try {
			const a = await post('/api/v1/ask', { question });
			const rows = (a.rows || a.data || []).map((r) => Array.isArray(r) ? r : Object.values(r)), names = a.columns || a.meta?.map((m) => m.name) || (rows[0] || []).map((_, i) => i ? `value ${i}` : 'name');
			const answer = { columns: names, rows };
			fill(place, h('div', { class: 'panel' }, h('h2', null, a.text || a.answer || ''), a.refuse && h('p', { class: 'muted' }, 'It answers what the stored events and metrics bear out.'),
				a.understood && h('p', { class: 'muted' }, `Read as: ${a.understood}`), a.sql && h('details', null, h('summary', null, 'How it was answered'), h('pre', null, a.sql), h('a', { href: `#/explore${query({ sql: a.sql })}` }, 'Open in the SQL explorer'))),
			rows.length > 1 && fitting(answer) !== 'table' && shown.element, rows.length > 0 && h('div', { class: 'panel' }, h('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Rows' }, table(names, rows, { cell: (v) => typeof v === 'number' ? number(v) : text(v) }))));
			if (rows.length > 1 && fitting(answer) !== 'table')
				shown.show({ id: 'a', type: fitting(answer), title: question, query: 'x' }, { rows: answer, time: isTime(rows[0][0]), anomalies: [], forecast: [] });
		} catch (e) {
			fill(place, h('div', { class: 'panel' }, h('p', { class: 'problem', role: 'alert' }, e instanceof ApiError && e.status === 404 ? 'This server does not answer questions in words yet.' : e.message)));
		}
	};
	const schema = await schemaOf(), events = schema.filter((r) => r.kind === 'event').sort((x, y) => y.count - x.count), label = schema.find((r) => r.kind === 'property' && ['country', 'source', 'status'].includes(r.name))?.name;
	const ideas = events.length ? [`How many ${events[0].name} events were there in the last 24 hours?`, ...(label ? [`Which ${label} had the most ${events[0].name} events in the last 7 days?`] : []), `How many users did ${(events[1] || events[0]).name} per day in the last week?`] : [];

	if (state.q)
		ask(state.q);
	return { element: h('div', { class: 'page' }, h('h1', null, 'Ask'), h('form', { class: 'panel line', onsubmit: (e) => { e.preventDefault(); if (input.value.trim()) ask(input.value.trim()); } }, h('div', { class: 'field' }, input), h('button', { type: 'submit', class: 'main' }, 'Ask')),
		h('div', { class: 'chips' }, ideas.map((q) => h('button', { type: 'button', class: 'chip', onclick: () => { input.value = q; ask(q); } }, q))), place), focus: () => input.focus(), set: () => null };
}
