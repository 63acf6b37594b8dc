/* shapes.js - what is no line over time, as SVG and HTML: bars of names, pies, gauges, funnels, heat maps, retention. */
import { h, svg } from './dom.js';
import { UNIT_LETTERS, compact, duration, number, percent } from './format.js';
import { colors, seriesColor } from './chart.js';

/* One row a name, the longest bar fills the width. onpick(name) for clicks and Enter. */
export function bars(items, { unit, onpick, most = 12 } = {}) {
	const high = Math.max(...items.map((i) => Math.abs(i.value)), 0) || 1;
	const rest = items.length - most;

	return h('ul', { class: 'bars' }, items.slice(0, most).map((item, i) => {
		const inner = [h('span', { class: 'bar-name', title: item.name }, item.name),
			h('span', { class: 'bar-track' }, h('span', { class: 'bar-fill', style: { width: `${Math.abs(item.value) / high * 100}%`, background: item.color || (item.value < 0 ? colors().bad : seriesColor(item.single ? i : 0)) } })),
			h('span', { class: 'bar-value' }, number(item.value, { unit }), item.note && h('small', null, ` ${item.note}`))];
		return h('li', null, onpick ? h('button', { type: 'button', title: `Only ${item.name}`, onclick: () => onpick(item) }, inner) : h('div', null, inner));
	}), rest > 0 && h('li', { class: 'muted' }, `and ${rest} more`));
}

/* Letters as large as go into so much width. */
const fitting = (words, most, room) => ({ 'font-size': `${Math.min(most, room / (0.62 * Math.max(words.length, 1))).toFixed(1)}px` });

const around = (cx, cy, r, share) => [cx + r * Math.sin(share * 2 * Math.PI), cy - r * Math.cos(share * 2 * Math.PI)];

function arc(cx, cy, r, inner, from, to) {
	const [x1, y1] = around(cx, cy, r, from), [x2, y2] = around(cx, cy, r, to), [x3, y3] = around(cx, cy, inner, to), [x4, y4] = around(cx, cy, inner, from), large = to - from > 0.5 ? 1 : 0;

	return `M${x1} ${y1}A${r} ${r} 0 ${large} 1 ${x2} ${y2}L${x3} ${y3}A${inner} ${inner} 0 ${large} 0 ${x4} ${y4}Z`;
}

export function pie(items, { unit, onpick, title } = {}) {
	const positive = items.filter((i) => i.value > 0), sum = positive.reduce((a, i) => a + i.value, 0);
	const kept = positive.length > 8 ? [...positive.slice(0, 7), { name: `${positive.length - 7} others`, value: positive.slice(7).reduce((a, i) => a + i.value, 0), other: true }] : positive;
	let at = 0;

	if (!sum)
		return h('div', { class: 'empty' }, h('p', null, 'Nothing is above zero, so there are no shares.'));
	return h('div', { class: 'pie' },
		svg('svg', { viewBox: '0 0 100 100', role: 'img', 'aria-label': `${title || 'Shares'}: ${kept.map((i) => `${i.name} ${percent(i.value / sum)}`).join(', ')}` },
			kept.map((item, i) => {
				const from = at;
				at += item.value / sum;
				return svg('path', { d: arc(50, 50, 48, 29, from, Math.min(at, from + 0.99999)), fill: item.other ? colors().text : seriesColor(i), class: 'slice', onclick: () => !item.other && onpick?.(item) }, svg('title', null, `${item.name}: ${number(item.value, { unit })} (${percent(item.value / sum)})`));
			}),
			svg('text', { x: 50, y: 53, class: 'pie-sum', style: fitting(compact(sum, { unit }), 11, 50) }, compact(sum, { unit }))),
		h('ul', { class: 'keys' }, kept.map((item, i) => h('li', null, h('button', { type: 'button', disabled: !onpick || !!item.other, onclick: () => onpick?.(item) },
			h('i', { style: { background: item.other ? colors().text : seriesColor(i) } }), h('span', null, item.name), h('b', null, number(item.value, { unit })), h('small', null, percent(item.value / sum)))))));
}

export function gauge(value, { min = 0, max, unit, thresholds = [], title } = {}) {
	const top = max ?? (unit === '%' ? 1 : Math.max(1, 10 ** Math.ceil(Math.log10(Math.max(value || 0, 1)))));
	const share = Math.max(0, Math.min(1, ((value ?? min) - min) / (top - min || 1)));
	const level = [...thresholds].sort((a, b) => a.value - b.value).filter((t) => value >= t.value).at(-1)?.level || 'accent';
	const ring = (from, to) => {
		const turn = (s) => -0.36 + s * 0.72;
		const [x1, y1] = around(50, 52, 42, turn(from)), [x2, y2] = around(50, 52, 42, turn(to));
		return `M${x1} ${y1}A42 42 0 ${(to - from) * 0.72 > 0.5 ? 1 : 0} 1 ${x2} ${y2}`;
	};

	return h('div', { class: 'gauge' }, svg('svg', { viewBox: '0 0 100 84', role: 'img', 'aria-label': `${title || 'Gauge'}: ${number(value, { unit })} of ${number(top, { unit })}` },
		svg('title', null, number(value, { unit })),
		svg('path', { d: ring(0, 1), class: 'gauge-track' }),
		share > 0.002 && svg('path', { d: ring(0, share), class: `gauge-fill level-${level}` }),
		svg('text', { x: 50, y: 56, class: 'gauge-value', style: fitting(compact(value, { unit }, 4), 17, 66) }, compact(value, { unit }, 4) || '–'),
		svg('text', { x: 50, y: 70, class: 'gauge-range' }, `${compact(min, { unit })} to ${compact(top, { unit })}${unit?.length > UNIT_LETTERS ? ` ${unit}` : ''}`)));
}

/* rows of GET /funnels: step, event, users, from_start, from_previous, median_seconds, open. */
export function funnel(steps, { onpick } = {}) {
	const first = steps[0]?.users || 0;

	return h('ol', { class: 'funnel' }, steps.map((s, i) => {
		const lost = i ? steps[i - 1].users - s.users : 0;
		const fill = svg('svg', { class: 'funnel-shape', viewBox: '0 0 100 20', preserveAspectRatio: 'none', 'aria-hidden': 'true' },
			svg('rect', { x: 0, y: 0, width: 100, height: 20, class: 'funnel-track' }),
			i > 0 && svg('rect', { x: 0, y: 0, width: first ? steps[i - 1].users / first * 100 : 0, height: 20, class: 'funnel-lost' }),
			svg('rect', { x: 0, y: 0, width: first ? s.users / first * 100 : 0, height: 20, class: 'funnel-fill' }));
		const content = [h('span', { class: 'funnel-name' }, h('b', null, `${i + 1}. ${s.event}`), h('span', null, number(s.users)), h('span', { class: 'muted' }, percent(s.from_start))),
			fill, i > 0 && h('small', { class: 'muted' }, `${percent(s.from_previous)} of the step before · ${number(lost)} left${s.median_seconds != null ? ` · median ${duration(s.median_seconds)}` : ''}${s.open ? ` · ${number(s.open)} still open` : ''}`)];
		return h('li', null, onpick ? h('button', { type: 'button', title: `Events ${s.event}`, onclick: () => onpick(s) }, content) : content);
	}));
}

/* A share of the accent, readable text on it. Five classes, no inline colour needed beyond opacity. */
const shade = (share) => share <= 0 ? 'q0' : `q${Math.min(5, Math.ceil(share * 5))}`;

export function heatmap({ xs, ys, value, xlabel = String, ylabel = String }, { unit, onpick, title } = {}) {
	const narrow = /^(%|bytes|[$€£¥])$/.test(unit || '') ? unit : undefined;        /* cells have room for these */
	let low = 0, high = 0;

	for (const y of ys)
		for (const x of xs) {
			low = Math.min(low, value(x, y) || 0);
			high = Math.max(high, value(x, y) || 0);
		}

	/* as many names of columns as have room, 56 letters or so; the last one does not stand out */
	const names = xs.map((x) => String(xlabel(x))), step = Math.max(xs.length > 14 ? 3 : 1, Math.ceil(xs.length * (Math.max(...names.map((n) => n.length), 0) + 1) / 56));
	return h('div', { class: 'heat-wrap', tabindex: 0, role: 'region', 'aria-label': `${title || 'Heat map'}, scrolls` }, h('table', { class: 'heat hours', style: { '--n': xs.length } },
		h('thead', null, h('tr', null, h('td', null), names.map((name, i) => h('th', { scope: 'col', class: i % step || (step > 3 && i > xs.length - 1 - step / 2) ? 'thin' : null }, name)))),
		h('tbody', null, ys.map((y) => h('tr', null, h('th', { scope: 'row', title: ylabel(y) }, ylabel(y)), xs.map((x) => {
			const v = value(x, y);
			return h('td', { class: v == null ? 'none' : shade((v - low) / (high - low || 1)), title: `${ylabel(y)}, ${xlabel(x)}: ${number(v, { unit })}`, onclick: () => onpick?.(x, y) }, h('span', null, xs.length > 16 ? '' : compact(v, { unit: narrow })), xs.length > 16 && h('span', { class: 'hidden' }, number(v, { unit })));
		}))))), h('p', { class: 'scale', 'aria-hidden': 'true' }, compact(low, { unit }), [0, 1, 2, 3, 4, 5].map((i) => h('i', { class: `q${i}` })), compact(high, { unit })));
}

/* rows of GET /retention: cohort, size, period, users, rate, complete. */
export function retention(rows, label) {
	const cohorts = [...new Map(rows.map((r) => [r.cohort, r.size]))], periods = [...new Set(rows.map((r) => r.period))].sort((a, b) => a - b);
	const at = new Map(rows.map((r) => [`${r.cohort} ${r.period}`, r]));

	return h('div', { class: 'heat-wrap', tabindex: 0, role: 'region', 'aria-label': 'Retention, scrolls' }, h('table', { class: 'heat' },
		h('thead', null, h('tr', null, h('th', { scope: 'col' }, 'Began'), h('th', { scope: 'col' }, 'Users'), periods.map((p) => h('th', { scope: 'col' }, p)))),
		h('tbody', null, cohorts.map(([cohort, size]) => h('tr', null, h('th', { scope: 'row' }, label(cohort)), h('td', { class: 'size' }, size == null ? '' : number(size)), periods.map((p) => {
			const r = at.get(`${cohort} ${p}`);
			return r ? h('td', { class: `${shade(r.rate)}${r.complete ? '' : ' partial'}`, title: `${r.users == null ? percent(r.rate) : `${number(r.users)} of ${number(size)}`}${r.complete ? '' : ', the period is not over'}` }, percent(r.rate, r.rate < 0.1 ? 1 : 0)) : h('td', { class: 'none' });
		}))))));
}
