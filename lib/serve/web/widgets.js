/* widgets.js - every type of widget as one row of a table: what it asks, how it is drawn, which rows its table twin has.
 *
 *	title          its name in the editor
 *	fields         what of a definition it reads, for the editor
 *	load(ctx)      asks and gives its data, a promise; `later` in it is a promise of more of it, after which it is drawn again
 *	draw(place, data, ctx, kept)    draws into the element; again and again, `kept` is its own between the times
 *	table(data, ctx)                { columns, rows }, what the twin, CSV and screen readers have; null: it is a table or text itself
 *	wishes(ctx)    what it wishes to hear of (live.js); none: it is asked again by the clock
 *	hear(message, data, ctx)        1: data was changed, draw it; 0: ask anew; -1: that changes nothing. None: all but 'subscribed' is 0
 *	free(kept)     when it goes
 *
 * ctx: widget (variables put in), range { timeRange } or { from, to }, filters, compare, source (below), names (of the events there are),
 * onRange(from, to), onReset(), onFilter(field, value), onDrill({ event, from, to, filters }). A module in config/widgets/ is such a row,
 * its default export: see at-serve(1), WIDGETS. */
import { afterPaint, h, link, table as tableOf, text } from './dom.js';
import { ago, bucket, clock, day, duration, moment, number, percent, span, titled } from './format.js';
import { TimeChart, colors, seriesColor, sparkline } from './chart.js';
import { bars, funnel, gauge, heatmap, pie, retention } from './shapes.js';
import { listOf, metricQuestion } from './question.js';

/* ---- metrics: the answer of GET /metrics, kept as it came, and changed by what is heard */

const SERIES_MOST = 20, HOUR = 3600000;
const labelText = (labels) => Object.values(labels).map((v) => v === null ? 'none' : text(v)).join(' · ') || '';

function before(answer) {
	const from = Date.parse(answer.from), to = Date.parse(answer.to);

	return { from: new Date(from - (to - from)).toISOString(), to: answer.from };
}

const question = (ctx) => metricQuestion(ctx.widget, ctx.range, ctx.filters);

async function loadMetric(ctx) {
	const answer = structuredClone(await ctx.source.metric(question(ctx)));

	answer.loaded = Date.now();
	answer.skew = Date.parse(answer.to) - answer.loaded;
	return answer;
}

async function loadLines(ctx) {
	const { widget } = ctx;
	const quietly = (p) => p.catch(() => null);

	if (widget.query)
		return { rows: await ctx.source.rows(widget, ctx) };
	const answer = await loadMetric(ctx);
	const relative = ctx.range.timeRange, single = !listOf(widget).length && !Object.keys(ctx.filters || {}).length;
	const data = { answer, past: null, anomalies: [], forecast: [] }, more = [
		ctx.compare || widget.compare ? quietly(ctx.source.metric({ ...question(ctx), timeRange: null, ...before(answer), interval: answer.interval })) : null,
		widget.anomalies !== false && ctx.source.anomalies ? quietly(ctx.source.anomalies({ metric: widget.metric, ...ctx.range, limit: 200 })) : null,
		widget.forecast && single && relative && answer.interval ? quietly(ctx.source.forecast({ metric: widget.metric, timeRange: lengthened(answer), interval: answer.interval, horizon: typeof widget.forecast === 'string' ? widget.forecast : 12 })) : null,
	];
	data.later = Promise.all(more).then(([past, anomalies, forecast]) => Object.assign(data, { past, anomalies: anomalies?.anomalies || [], forecast: forecast?.forecast || [] }));
	return data;
}

/* Two weeks back at least, so that days and weeks may be seen; no more steps than are taken. */
const lengthened = (a) => `${Math.ceil(Math.min(Math.max((Date.parse(a.to) - Date.parse(a.from)) * 2, 15 * 86400000), 19000 * span(a.interval)) / 1000)}s`;

function pointsOf(points, shift = 0) {
	const t = new Float64Array(points.length), v = new Float64Array(points.length);

	points.forEach((p, i) => {
		t[i] = Date.parse(p[0]) + shift;
		v[i] = p[1] == null ? NaN : p[1];
	});
	return { t, v };
}

/* What a chart wants, of a metric or of rows whose first column is a time. */
function chartData(data, ctx, kind) {
	const { widget } = ctx;

	if (data.rows)
		return rowsChart(data.rows, ctx, kind);
	const a = data.answer, from = Date.parse(a.from), to = Date.parse(a.to), every = span(a.interval) || 0;
	const all = [...a.series].sort((x, y) => Math.abs(y.total) - Math.abs(x.total)).slice(0, SERIES_MOST);
	const series = all.map((s, i) => ({ name: labelText(s.labels) || widget.metric, labels: s.labels, color: seriesColor(i), kind, ...pointsOf(s.points) }));
	const place = (s) => all.findIndex((o) => JSON.stringify(o.labels) === JSON.stringify(s.labels));
	let end = to;

	if (data.past)
		data.past.series.slice(0, SERIES_MOST).sort((x, y) => place(x) - place(y)).forEach((s) => {
			const i = place(s);
			series.push({ name: `${labelText(s.labels) || 'the period'} before`, color: i >= 0 && all.length > 1 ? seriesColor(i) : colors().text, kind: 'dashed', ...pointsOf(s.points, to - from) });
		});
	if (data.forecast.length) {
		const f = data.forecast.filter((r) => Date.parse(r.timestamp) + every > to - every);
		series.push({ name: 'forecast', color: seriesColor(0), kind: 'band', t: Float64Array.from(f, (r) => Date.parse(r.timestamp)), v: Float64Array.from(f, (r) => r.mean), low: Float64Array.from(f, (r) => r.lower), high: Float64Array.from(f, (r) => r.upper) });
		end = Math.max(to, ...f.map((r) => Date.parse(r.timestamp)));
	}
	const floor = (t) => every ? t - ((t % every) + every) % every : t;
	return { series, more: a.series.length - all.length, from: series[0]?.t.length ? Math.min(from, series[0].t[0]) : from, to: end, every, unit: widget.unit, marks: ctx.marks,
		anomalies: data.anomalies.map((x) => ({ t: floor(Date.parse(x.timestamp)), v: x[(x.anomaly || x.change)?.field] ?? x.value, text: x.change ? `${x.change.kind} changed from ${number(x.change.before)} to ${number(x.change.after)}` : `anomaly: ${x.anomaly?.direction || ''}, expected ${number(x.anomaly?.expected)}` })) };
}

/* A time as SQL writes it, in ms; NaN: it is none. Without a zone it is UTC's, as everything in the store. */
function timeOf(v) {
	if (typeof v !== 'string' || !/^\d{4}(-|$)/.test(v))
		return NaN;
	return Date.parse(/^\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d(\.\d+)?)?$/.test(v) ? `${v.replace(' ', 'T')}Z` : v);
}
const isTime = (v) => /^\d{4}-\d\d-\d\d/.test(v) && Number.isFinite(timeOf(v));

/* time, value…; or time, name, value. null: the first column has no time. */
function rowsChart({ columns, rows: all }, ctx, kind) {
	const rows = all.map((r) => [timeOf(r[0]), ...r.slice(1)]).filter((r) => Number.isFinite(r[0])).sort((a, b) => a[0] - b[0]);
	const names = columns.map((_, i) => i).filter((i) => i && rows.some((r) => typeof r[i] === 'string'));
	const values = columns.map((_, i) => i).filter((i) => i && rows.some((r) => typeof r[i] === 'number'));
	const groups = new Map();

	if (all.length && !rows.length)
		return null;
	for (const r of rows)
		for (const v of values) {
			const name = [...names.map((n) => r[n] ?? 'none'), ...(values.length > 1 || !names.length ? [columns[v]] : [])].join(' · ');
			if (!groups.has(name))
				groups.set(name, []);
			groups.get(name).push([r[0], r[v]]);
		}
	if (ctx.widget.stacked && kind === 'area') {    /* what has no row at a time is nothing there, so that sums stay sums */
		const times = [...new Set(rows.map((r) => r[0]))];
		for (const [name, p] of groups) {
			const known = new Map(p);
			groups.set(name, times.map((t) => [t, known.get(t) ?? 0]));
		}
	}
	const series = [...groups].slice(0, SERIES_MOST).map(([name, p], i) => ({ name, color: seriesColor(i), kind, t: Float64Array.from(p, (x) => x[0]), v: Float64Array.from(p, (x) => x[1] ?? NaN) }));
	const times = series.flatMap((s) => [s.t[0], s.t.at(-1)]);
	let every = Infinity;                   /* the least step: where one has no row, the next one is no wider for it */
	for (const s of series)
		for (let i = 1; i < s.t.length; i++)
			if (s.t[i] > s.t[i - 1])
				every = Math.min(every, s.t[i] - s.t[i - 1]);
	let from = Math.min(...times), to = Math.max(...times);
	if (from === to && kind === 'bar')      /* a single time has an hour around it */
		every = HOUR;
	else if (from === to)
		from -= HOUR / 2, to += HOUR / 2;
	return { series, more: groups.size - series.length, from, to: to + (kind === 'bar' && Number.isFinite(every) ? every : 0), every: Number.isFinite(every) ? every : 0,
		unit: ctx.widget.unit, marks: ctx.marks, anomalies: [] };
}

function drawLines(kind) {
	return (place, data, ctx, kept) => {
		const d = chartData(data, ctx, kind);

		if (!d?.series.some((s) => s.t.length)) {
			kept.chart?.free();
			kept.chart = null;
			empty(place, !d ? 'The first column has to be a time.' : data.answer?.note ? 'No data yet.' : 'Nothing in this period.');
			return;
		}
		if (!kept.chart) {
			kept.chart = new TimeChart({ label: `${ctx.widget.title || ctx.widget.metric || 'Chart'}, a chart over time`, stacked: !!ctx.widget.stacked, zero: ctx.widget.min == null,
				onrange: (from, to) => kept.ctx.onRange(from, to), onreset: () => kept.ctx.onReset(), onpick: (t, s, e) => kept.ctx.onPick?.({ t, every: kept.chart.data.every, labels: s?.labels }, e) });
			place.replaceChildren(kept.chart.element);
		}
		kept.ctx = ctx;
		kept.chart.set(d);
	};
}

function tableLines(data) {
	if (data.rows)
		return data.rows;
	const by = data.answer.groupBy, rows = data.answer.series.flatMap((s) => s.points.map(([t, v]) => [t, ...by.map((b) => s.labels[b]), v]));
	return { columns: ['time', ...by, data.answer.metric], rows };
}

/* Does a snapshot say what is known? Of its last points: the first ones leave with the clock. */
function same(m, a) {
	return m.series.every((s) => {
		const mine = a.series.find((o) => JSON.stringify(o.labels) === JSON.stringify(s.labels));

		if (!m.interval)
			return s.points.at(-1)?.[1] === (mine ? mine.total : 0);
		const known = new Map(mine?.points);
		return s.points.slice(-20).every(([t, v]) => (known.get(t) ?? 0) === v);
	});
}

/* What is asked anew whenever something changed, and once when the hearing begins: between asking and hearing something may have come. */
const hearAnew = (m) => m.type === 'subscribed' || m.type === 'error' ? -1 : 0;

/* Deltas of a metric into its answer. */
function hearMetric(m, data) {
	const a = data?.answer, every = a && span(a.interval);

	if (m.type === 'subscribed' || m.type === 'gap' || m.type === 'error')
		return m.type === 'gap' ? 0 : -1;
	if (!a || m.type === 'changed')
		return 0;
	if (m.type === 'snapshot')              /* mostly what was asked for says the same; if not, something came between the two */
		return same(m, a) ? -1 : 0;
	for (const s of m.series || []) {
		const key = JSON.stringify(s.labels);
		let mine = a.series.find((o) => JSON.stringify(o.labels) === key);

		if (!mine)
			a.series.push(mine = { labels: s.labels, total: 0, points: [] });
		if (!m.interval) {
			mine.total = s.points.at(-1)[1];
			if (!a.groupBy.length)
				a.total = mine.total;
			continue;
		}
		for (const [t, v] of s.points) {
			const last = mine.points.at(-1);

			if (last && t > last[0]) {
				for (let g = Date.parse(last[0]) + every; every && a.additive && g < Date.parse(t); g += every)
					mine.points.push([new Date(g).toISOString(), 0]);
				mine.points.push([t, v]);
			} else if (last) {
				const at = mine.points.findIndex((p) => p[0] >= t);
				mine.points.splice(at, mine.points[at][0] === t ? 1 : 0, [t, v]);
			} else {
				mine.points.push([t, v]);
			}
		}
		if (a.additive && m.interval && !data.totals)
			mine.total = mine.points.reduce((sum, p) => sum + p[1], 0);
	}
	slide(a);
	return 1;
}

/* The period moves on with the clock. */
function slide(a) {
	const now = Date.now() + a.skew, from = Date.parse(a.from) + (now - Date.parse(a.to)), every = span(a.interval) || 0;

	if (now <= Date.parse(a.to))
		return;
	a.from = new Date(from).toISOString();
	a.to = new Date(now).toISOString();
	for (const s of a.series)
		while (s.points.length && Date.parse(s.points[0][0]) + every <= from)
			s.points.shift();
}

const isLive = (ctx) => ctx.widget.metric && ctx.range.timeRange && !Number.isNaN(span(ctx.range.timeRange));
const filtered = (ctx) => ctx.filters && Object.keys(ctx.filters).length ? { filters: ctx.filters } : {};

/* Buckets and totals; with filters the server's counts come anew, since a stream looks at labels only. */
function wishesOf(...kinds) {
	return (ctx) => {
		const { widget, range } = ctx, by = listOf(widget).join(',');

		if (!isLive(ctx))
			return [];
		return kinds.map((k) => ({ metric: widget.metric, timeRange: range.timeRange, ...(by ? { groupBy: by } : {}), ...(k === 'points' ? { interval: ctx.interval || '1m' } : {}) }));
	};
}
/* Of one value, whatever the definition groups by. */
const wishesOfOne = (...kinds) => (ctx) => wishesOf(...kinds)({ ...ctx, widget: { ...ctx.widget, groupBy: null } });
const hearUnfiltered = (m, data, ctx) => Object.keys(filtered(ctx)).length || ctx.compare || ctx.widget.compare ? hearAnew(m) : hearMetric(m, data);

export function empty(place, message, ...more) {
	place.replaceChildren(h('div', { class: 'empty' }, h('p', null, message), more));
}

/* ---- totals by name: of a metric's series, or of rows: name, value */
async function loadTotals(ctx) {
	if (ctx.widget.query)
		return { rows: await ctx.source.rows(ctx.widget, ctx) };
	return { answer: await loadMetric(ctx), totals: true };
}

function items(data) {
	if (data.rows) {
		const { columns, rows } = data.rows, value = columns.findIndex((_, i) => rows.some((r) => typeof r[i] === 'number'));
		const name = columns.findIndex((_, i) => i !== value);
		return { field: name >= 0 ? columns[name] : null, at: name, list: rows.map((r) => ({ name: name < 0 ? columns[value] : isTime(r[name]) && r[name].length > 10 ? bucket(timeOf(r[name]), 60000) : text(r[name]), raw: r[name], value: typeof r[value] === 'number' ? r[value] : null })) };
	}
	const by = data.answer.groupBy;
	return { field: by.length === 1 ? by[0] : null, at: 0, list: data.answer.series.map((s) => ({ labels: by.map((b) => s.labels[b]), name: labelText(s.labels) || data.answer.metric, raw: Object.values(s.labels)[0], value: s.total })).sort((a, b) => b.value - a.value) };
}

function drawItems(draw) {
	return (place, data, ctx) => {
		const { field, list } = items(data);

		if (!list.length || list.every((i) => !i.value)) {
			empty(place, data.answer?.note ? 'No data yet.' : 'Nothing in this period.');
			return;
		}
		place.replaceChildren(draw(list, { unit: ctx.widget.unit, title: ctx.widget.title, onpick: field && ctx.onFilter ? (item) => item.raw != null && ctx.onFilter(field, item.raw) : null }));
	};
}

function tableItems(data) {
	if (data.rows)
		return data.rows;
	const by = data.answer.groupBy;
	return { columns: [...by, data.answer.metric], rows: items(data).list.map((i) => [...i.labels.map((l) => l === null ? 'none' : l), i.value]) };
}

/* ---- cards */

/* The numbers of a query's row, NULLs among them; a text alone is shown as it is. */
function figures(rows) {
	const row = rows.rows[0] || [], all = row.filter((v) => typeof v !== 'string');

	return all[0] == null && typeof row[0] === 'string' ? [row[0]] : all;
}

const card = {
	title: 'Figure', fields: ['metric', 'query', 'unit', 'decimals', 'compare', 'filters'],
	async load(ctx) {
		if (ctx.widget.query)
			return { rows: await ctx.source.rows(ctx.widget, ctx) };
		const data = { answer: await loadMetric(ctx), past: null, totals: true };
		if (ctx.range.timeRange !== 'all')
			data.later = ctx.source.metric({ ...question(ctx), timeRange: null, ...before(data.answer), interval: 'all' }).then((past) => { data.past = past; }, () => null);
		return data;
	},
	draw(place, data, ctx, kept) {
		const { widget } = ctx, a = data.answer;
		const [value, previous] = a ? [a.total, data.past?.total] : figures(data.rows);

		if (!kept.value) {
			kept.value = h('span', { class: 'card-value' });
			kept.change = h('span', { class: 'card-change' });
			kept.spark = h('canvas', { class: 'card-spark', 'aria-hidden': 'true' });
			place.replaceChildren(h('div', { class: 'card' }, kept.value, kept.change, kept.spark));
		}
		const shown = number(value, widget);
		if (kept.value.textContent !== shown) {
			kept.value.textContent = shown;
			kept.value.title = String(value ?? '');
			kept.value.classList.toggle('long', shown.length > 9);
			kept.value.classList.toggle('name', typeof value === 'string');
		}
		const was = previous, change = was && typeof value === 'number' && typeof was === 'number' ? (value - was) / Math.abs(was) : null;
		kept.change.title = a?.note || (change == null ? '' : 'The period before');
		kept.change.textContent = a?.note ? 'No data yet' : (change == null ? '' : `${change >= 0 ? '▲' : '▼'} ${percent(Math.abs(change))} from ${number(was, widget)}`);
		kept.change.className = `card-change ${change == null ? '' : change >= 0 ? 'up' : 'down'}`;
		if (a) {
			const points = a.series[0]?.points || [];
			kept.spark.hidden = points.length < 3;
			kept.points = points.slice(-240).map((p) => p[1]);
			kept.sparking ||= afterPaint(() => {
				kept.sparking = 0;
				sparkline(kept.spark, kept.points, seriesColor(0));
			});
		} else {
			kept.spark.hidden = true;
		}
	},
	table: (data) => data.rows || { columns: ['metric', 'value', 'before'], rows: [[data.answer.metric, data.answer.total, data.past?.total ?? null]] },
	wishes: wishesOfOne('points', 'total'),
	hear: (m, data, ctx) => Object.keys(filtered(ctx)).length ? hearAnew(m) : hearMetric(m, data),
};

/* ---- heat maps */
async function loadHeat(ctx) {
	const { widget } = ctx;

	if (widget.query)
		return { rows: await ctx.source.rows(widget, ctx) };
	return { answer: await loadMetric(ctx) };
}

function heatOf(data) {
	const cells = new Map(), xs = new Set(), ys = new Set();
	const put = (x, y, v) => { xs.add(x); ys.add(y); cells.set(`${x}\n${y}`, (cells.get(`${x}\n${y}`) || 0) + v); };

	if (data.rows) {
		for (const r of data.rows.rows)
			if (typeof r[2] === 'number')   /* what has no value is nothing there, and not 0 */
				put(text(r[0]), text(r[1]), r[2]);
		return { xs: [...xs], ys: [...ys], value: (x, y) => cells.get(`${x}\n${y}`), xlabel: (x) => isTime(x) && x.length > 10 ? bucket(timeOf(x), 60000) : x };
	}
	const a = data.answer, every = span(a.interval);
	if (a.groupBy.length) {
		for (const s of [...a.series].sort((m, n) => n.total - m.total).slice(0, 24))
			for (const [t, v] of s.points)
				put(t, labelText(s.labels), v ?? 0);
		return { xs: [...xs].sort(), ys: [...ys], value: (x, y) => cells.get(`${x}\n${y}`), xlabel: (t) => every >= 86400000 ? day(Date.parse(t), true) : bucket(Date.parse(t), every).replace(/^.*, /, ''), time: true };
	}
	for (const s of a.series)               /* hours of days */
		for (const [t, v] of s.points)
			put(+t.slice(11, 13), t.slice(0, 10), v ?? 0);
	return { xs: [...Array(24).keys()], ys: [...ys].sort(), value: (x, y) => cells.get(`${x}\n${y}`), ylabel: (d) => bucket(Date.parse(d), 86400000), hours: true };
}

/* ---- text: headings, lists, **strong**, `code` and [links](…), all as text nodes */
function prose(source) {
	const inline = (line) => line.split(/(\*\*[^*]+\*\*|`[^`]+`|\[[^\]]+\]\([^)\s]+\))/).map((part) =>
		part.startsWith('**') ? h('strong', null, part.slice(2, -2)) : part.startsWith('`') && part.length > 1 ? h('code', null, part.slice(1, -1)) :
			/^\[[^\]]+\]\([^)\s]+\)$/.test(part) ? link(part.slice(part.indexOf('](') + 2, -1), null, part.slice(1, part.indexOf(']('))) : part);
	const out = h('div', { class: 'prose' });
	let list = null;

	for (const line of String(source).split('\n')) {
		const item = line.match(/^\s*[-*] (.*)/), head = line.match(/^(#{1,4}) (.*)/);
		if (!item)
			list = null;
		if (item) {
			if (!list)
				out.append(list = h('ul'));
			list.append(h('li', null, inline(item[1])));
		} else if (head) {
			out.append(h('p', { class: `head${head[1].length}`, role: 'heading', 'aria-level': head[1].length + 2 }, inline(head[2])));
		} else if (line.trim()) {
			out.append(h('p', null, inline(line)));
		}
	}
	return out;
}

export function eventLine(e, ctx) {
	const props = Object.entries(e.properties || {}), t = Date.parse(e.timestamp), date = day(t);

	return h('li', null, h('button', { type: 'button', onclick: () => ctx?.onEvent?.(e) },
		h('time', { datetime: e.timestamp, title: moment(t) }, date === day(Date.now()) ? clock(t) : `${date}, ${clock(t)}`),
		h('b', null, e.event), e.user_id && h('span', { class: 'who' }, e.user_id),
		h('span', { class: 'props' }, props.slice(0, 8).map(([k, v]) => h('span', null, h('i', null, `${k} `), text(v).slice(0, 80))))));
}

const alertOf = (a) => a.alert && typeof a.alert === 'object' ? a.alert : a;
export function alertLine(row) {
	const a = alertOf(row), name = a.name || a.alert || row.alert || row.rule || 'alert', state = a.state || row.state || '';

	return h('li', { class: `alert ${state}` }, h('span', { class: `state ${state}` }, state), h('b', null, text(name)),
		h('span', { class: 'muted' }, labelText(row.labels || a.labels || {})), h('span', null, text(row.message || a.message || '') === '–' ? '' : text(row.message || a.message || '')),
		h('time', { datetime: row.timestamp, title: moment(Date.parse(row.timestamp)) }, ago(Date.parse(row.timestamp))));
}

const FEED = 60;

function drawRows(place, { columns, rows }, ctx, onrow = null) {
	const most = ctx.widget.limit || 200, { unit } = ctx.widget;
	/* one column, as many decimals in each row: points stand below points */
	const places = columns.map((_, i) => rows.slice(0, most).reduce((n, r) => Math.max(n, typeof r[i] === 'number' ? number(r[i], ctx.widget).match(/\.(\d+)$/)?.[1].length || 0 : 0), 0));

	place.replaceChildren(h('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': `${ctx.widget.title || 'Table'}, scrolls` }, tableOf(columns, rows, { caption: ctx.widget.title, most,
		cell: (v, i) => typeof v === 'number' ? number(v, { unit, decimals: ctx.widget.decimals ?? (places[i] && places[i] <= 4 ? places[i] : undefined) }) : isTime(v) && v.length > 10 ? moment(timeOf(v)) : text(v), onrow })));
}

/* Names and numbers of a query as the steps of a funnel; cohort, period, rate and what else there is as those of a retention. */
function ownSteps(own) {
	const { list } = items({ rows: own });

	return { own, data: list.map((s, i) => ({ step: i + 1, event: s.name, users: s.value ?? 0, from_start: list[0].value ? s.value / list[0].value : null, from_previous: i && list[i - 1].value ? s.value / list[i - 1].value : null })) };
}
const ownCohorts = (own) => ({ own, data: own.rows.map(([cohort, period, rate, size, users, complete]) => ({ cohort, period, rate, size, users, complete: complete ?? 1 })) });

/* ---- the table */
export const widgets = {
	metric_card: card,
	line_chart: { title: 'Line', fields: ['metric', 'query', 'groupBy', 'interval', 'unit', 'compare', 'forecast', 'filters'], load: loadLines, draw: drawLines('line'), table: tableLines, wishes: wishesOf('points'), hear: hearUnfiltered, free: (k) => k.chart?.free() },
	area_chart: { title: 'Area', fields: ['metric', 'query', 'groupBy', 'interval', 'unit', 'stacked', 'compare', 'forecast', 'filters'], load: loadLines, draw: drawLines('area'), table: tableLines, wishes: wishesOf('points'), hear: hearUnfiltered, free: (k) => k.chart?.free() },
	bar_chart: {
		title: 'Bars', fields: ['metric', 'query', 'groupBy', 'interval', 'unit', 'stacked', 'filters'],
		async load(ctx) {
			if (ctx.widget.query) {
				const rows = await ctx.source.rows(ctx.widget, ctx);
				return { rows, time: isTime(rows.rows[0]?.[0]) };
			}
			return listOf(ctx.widget).length ? loadTotals(ctx) : Object.assign(await loadLines({ ...ctx, widget: { ...ctx.widget, forecast: false } }), { time: true });
		},
		draw: (place, data, ctx, kept) => data.time ? drawLines('bar')(place, { anomalies: [], forecast: [], ...data }, ctx, kept) : drawItems(bars)(place, data, ctx, kept),
		table: (data) => data.time ? tableLines(data) : tableItems(data),
		wishes: (ctx) => wishesOf(listOf(ctx.widget).length ? 'total' : 'points')(ctx), hear: hearUnfiltered, free: (k) => k.chart?.free(),
	},
	pie_chart: { title: 'Pie', fields: ['metric', 'query', 'groupBy', 'unit', 'filters'], load: loadTotals, draw: drawItems(pie), table: tableItems, wishes: wishesOf('total'), hear: hearUnfiltered },
	table: {
		title: 'Table', fields: ['metric', 'query', 'groupBy', 'unit', 'limit', 'filters'],
		load: (ctx) => ctx.widget.query || listOf(ctx.widget).length ? loadTotals(ctx) : loadLines(ctx),
		draw(place, data, ctx) {
			const { columns, rows } = data.rows || (data.totals ? tableItems(data) : tableLines(data)), { field, at } = data.rows || data.totals ? items(data) : {};

			if (!rows.length) {
				empty(place, data.answer?.note ? 'No data yet.' : 'No rows.');
				return;
			}
			drawRows(place, { columns, rows }, ctx, field && ctx.onFilter ? (r) => r[at] != null && ctx.onFilter(field, r[at]) : null);
		},
		table: () => null, rows: (data) => data.rows || (data.totals ? tableItems(data) : tableLines(data)),
		wishes: (ctx) => wishesOf(listOf(ctx.widget).length ? 'total' : 'points')(ctx), hear: hearUnfiltered,
	},
	funnel_chart: {
		title: 'Funnel', fields: ['steps', 'query', 'within'],
		load: async (ctx) => ctx.widget.query ? ownSteps(await ctx.source.rows(ctx.widget, ctx)) : ctx.source.funnel({ steps: (ctx.widget.steps || []).join(','), within: ctx.widget.within, ...ctx.range }),
		draw(place, data, ctx) {
			if (!data.data.length || !data.data[0].users)
				empty(place, 'Nobody entered this funnel in this period.');
			else
				place.replaceChildren(funnel(data.data, { onpick: ctx.onDrill && !data.own ? (s) => ctx.onDrill({ event: s.event }) : null }));
		},
		table: (data) => data.own || ({ columns: data.meta.map((m) => m.name), rows: data.data.map((d) => data.meta.map((m) => d[m.name])) }),
		wishes: (ctx) => !ctx.widget.query && isLive({ ...ctx, widget: { metric: 'x' } }) ? (ctx.widget.steps || []).slice(0, 8).map((s) => ({ metric: s, timeRange: ctx.range.timeRange })) : [],
		hear: hearAnew,
	},
	heatmap: {
		title: 'Heat map', fields: ['metric', 'query', 'groupBy', 'interval', 'unit', 'filters'], load: loadHeat,
		draw(place, data, ctx) {
			const heat = heatOf(data);

			if (!heat.ys.length)
				empty(place, data.answer?.note ? 'No data yet.' : 'Nothing in this period.');
			else
				place.replaceChildren(heatmap(heat, { unit: ctx.widget.unit, title: ctx.widget.title, onpick: (x, y) => {
					const from = heat.hours ? Date.parse(`${y}T${String(x).padStart(2, '0')}:00:00Z`) : heat.time ? Date.parse(x) : NaN;
					if (from)
						ctx.onPick?.({ t: from, every: span(data.answer.interval) });
				} }));
		},
		table(data) {
			const heat = heatOf(data);
			return { columns: ['', ...heat.xs.map((x) => (heat.xlabel || String)(x))], rows: heat.ys.map((y) => [(heat.ylabel || String)(y), ...heat.xs.map((x) => heat.value(x, y) ?? null)]) };
		},
		wishes: (ctx) => listOf(ctx.widget).length ? wishesOf('points')(ctx) : wishesOf('total')(ctx), hear: hearAnew,
	},
	retention: {
		title: 'Retention', fields: ['start', 'return', 'query', 'interval', 'periods'],
		load: async (ctx) => ctx.widget.query ? ownCohorts(await ctx.source.rows(ctx.widget, ctx)) : ctx.source.retention({ start: ctx.widget.start || ctx.widget.steps?.[0], return: ctx.widget.return || ctx.widget.steps?.[1], interval: ctx.widget.interval, periods: ctx.widget.periods, ...ctx.range }),
		draw(place, data, ctx) {
			if (!data.data.length)
				empty(place, 'No cohorts in this period.');
			else
				place.replaceChildren(retention(data.data, (c) => isTime(c) ? bucket(timeOf(c), Math.max(span(ctx.widget.interval || '1d'), 1)) : text(c)));
		},
		table: (data) => data.own || ({ columns: data.meta.map((m) => m.name), rows: data.data.map((d) => data.meta.map((m) => d[m.name])) }),
		wishes: () => [],
	},
	gauge: {
		title: 'Gauge', fields: ['metric', 'query', 'unit', 'min', 'max', 'filters'],
		load: (ctx) => ctx.widget.query ? card.load(ctx) : loadMetric(ctx).then((answer) => ({ answer, totals: true })),
		draw(place, data, ctx) {
			const row = data.rows ? figures(data.rows).map((v) => typeof v === 'number' ? v : null) : [];
			const ends = row.length === 2 ? { max: row[1] } : row.length > 2 ? { min: row[1], max: row[2] } : {};
			place.replaceChildren(gauge(data.answer ? data.answer.total : row[0], { ...ctx.widget, ...ends }));
		},
		table: (data) => data.rows || { columns: ['metric', 'value'], rows: [[data.answer.metric, data.answer.total]] },
		wishes: wishesOfOne('total'), hear: hearUnfiltered,
	},
	event_feed: {
		title: 'Events', fields: ['event', 'query', 'limit'],
		load: async (ctx) => ctx.widget.query ? { rows: await ctx.source.rows(ctx.widget, ctx) } : ctx.source.events({ event: ctx.widget.event || ctx.widget.metric, limit: Math.min(ctx.widget.limit || FEED, 200), ...ctx.range }).then((a) => ({ events: a.events.filter((e) => fits(e, ctx.filters)) })),
		draw(place, data, ctx) {
			if (!(data.rows?.rows || data.events).length)
				empty(place, 'No events in this period.');
			else if (data.rows)
				drawRows(place, data.rows, ctx);
			else
				place.replaceChildren(h('ul', { class: 'feed', tabindex: 0, 'aria-label': 'Events, newest first' }, data.events.slice(0, ctx.widget.limit || FEED).map((e) => eventLine(e, ctx))));
		},
		table: (data) => data.rows || ({ columns: ['timestamp', 'event', 'user_id', 'properties'], rows: data.events.map((e) => [e.timestamp, e.event, e.user_id ?? null, JSON.stringify(e.properties)]) }),
		wishes: (ctx) => ctx.range.timeRange && !ctx.widget.query ? [{ event: ctx.widget.event || ctx.widget.metric || '*', ...filtered(ctx) }] : [],
		hear(m, data, ctx) {
			if (m.type !== 'event' || !data?.events)
				return m.type === 'error' ? -1 : 0;
			if (data.events.some((e) => e.id && e.id === m.event.id))
				return -1;
			data.events.unshift(m.event);
			data.events.length = Math.min(data.events.length, ctx.widget.limit || FEED);
			return 1;
		},
	},
	alert_list: {
		title: 'Alerts', fields: ['query', 'limit'],
		load: async (ctx) => ctx.widget.query ? { rows: await ctx.source.rows(ctx.widget, ctx) } : ctx.source.alerts({ limit: ctx.widget.limit || 50, ...ctx.range }),
		draw(place, data, ctx) {
			if (!(data.rows?.rows || data.alerts).length)
				empty(place, 'All quiet: no alerts in this period.');
			else if (data.rows)
				drawRows(place, data.rows, ctx);
			else
				place.replaceChildren(h('ul', { class: 'alerts', tabindex: 0, 'aria-label': 'Alerts, newest first' }, data.alerts.map(alertLine)));
		},
		table: (data) => data.rows || ({ columns: ['timestamp', 'alert'], rows: data.alerts.map((a) => [a.timestamp, JSON.stringify(a)]) }),
		wishes: () => [{ alerts: true }], hear: (m) => m.type === 'error' ? -1 : 0,
	},
	text: { title: 'Text', fields: ['text'], load: async () => ({}), draw: (place, data, ctx) => place.replaceChildren(prose(ctx.widget.text || '')), table: () => null, wishes: () => [] },
};

const fits = (e, filters) => Object.entries(filters || {}).every(([k, v]) => text(e.properties?.[k] ?? e[k]) === text(v));

/* ---- widgets of the site: a row like those above, in a module that the server gives from config/widgets/ */
const modules = new Map();
export async function typeOf(widget) {
	if (widget.type !== 'custom')
		return widgets[widget.type] || { title: widget.type, load: async () => ({}), draw: (place) => empty(place, `This page knows no widget '${widget.type}'.`), table: () => null, wishes: () => [] };
	if (!/^[a-z0-9][a-z0-9_-]{0,60}\.js$/.test(widget.module || ''))
		throw new Error('module: wants the name of a file in config/widgets/, gauge.js');
	if (!modules.has(widget.module))
		modules.set(widget.module, import(`/widgets/${widget.module}`).then((m) => ({ table: () => null, wishes: () => [], load: async () => ({}), fields: ['module', 'options'], ...m.default })));
	try {
		return await modules.get(widget.module);
	} catch (e) {
		modules.delete(widget.module);
		throw e;
	}
}

/* What modules get in hand, so that they need import nothing. */
export const kit = { h, table: tableOf, number, percent, duration, bucket, moment, titled, colors, seriesColor, TimeChart, bars, pie, gauge, heatmap, empty };
