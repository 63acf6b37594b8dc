/* chart.js - lines, areas and bars over time, on a canvas.
 *
 *	const chart = new TimeChart({ onrange, onpick, onreset });  place.append(chart.element);
 *	chart.set({ series: [{ name, color, t, v, kind }], from, to, every, unit, marks, more })      more: how many series are left out
 *
 * t and v are Float64Array; a gap is a NaN. kind: line, area, bar, dashed (the period before), band (low, high beside v). What is drawn of a
 * line is the least and the greatest value of each column of pixels, so a hundred thousand points cost a pass over the visible ones and two
 * strokes a column, and no peak is lost. The base and what follows the pointer are two canvases: a move repaints only the upper one.
 *
 * Pointer: drag picks a range, with Shift (or two fingers) it pans, Ctrl and wheel zoom, a double click goes back, a click picks a point.
 * Keyboard: arrows walk along the points and say them, + and - zoom, Shift with arrows pans, Enter picks, Escape goes back. */
import { afterPaint, h } from './dom.js';
import { UNIT_LETTERS, axis, bucket, number, ticks, timeTicks } from './format.js';

const PAD = { top: 10, right: 12 };     /* below: a line of text */
let theme = null;

/* Colours of the page as they are now; read once a theme. */
export function colors() {
	if (!theme) {
		const css = getComputedStyle(document.documentElement), of = (name) => css.getPropertyValue(name).trim();
		theme = { text: of('--muted'), line: of('--line'), ink: of('--ink'), accent: of('--accent'), bad: of('--bad'), surface: of('--surface'), series: [1, 2, 3, 4, 5, 6, 7, 8].map((i) => of(`--c${i}`)) };
	}
	return theme;
}
export const forgetColors = () => { theme = null; };
export const seriesColor = (i) => colors().series[i % 8];

/* The first index whose time is not before t. */
function lower(times, t) {
	let low = 0, high = times.length;

	while (low < high) {
		const mid = (low + high) >> 1;
		if (times[mid] < t)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* Least and greatest of each block of a long series, so that a scale is found without a look at every point. */
const BLOCK = 256, blocks = new WeakMap();
function blocksOf(v) {
	if (!blocks.has(v)) {
		const n = Math.ceil(v.length / BLOCK), low = new Float64Array(n).fill(Infinity), high = new Float64Array(n).fill(-Infinity);

		for (let i = 0; i < v.length; i++) {
			const b = (i / BLOCK) | 0;
			if (v[i] < low[b])
				low[b] = v[i];
			if (v[i] > high[b])
				high[b] = v[i];
		}
		blocks.set(v, { low, high });
	}
	return blocks.get(v);
}

export class TimeChart {
	constructor({ onrange, onpick, onreset, label = 'Chart', zero = true, stacked = false } = {}) {
		Object.assign(this, { onrange, onpick, onreset, zero, stacked });
		this.base = h('canvas', { 'aria-hidden': 'true' });
		this.over = h('canvas', { 'aria-hidden': 'true' });
		this.tip = h('div', { class: 'tip', hidden: true });
		this.spoken = h('span', { class: 'hidden', 'aria-live': 'polite' });
		this.plot = h('div', { class: 'plot', role: 'application', tabindex: 0, 'aria-label': label, 'aria-roledescription': 'chart; arrow keys read its points' }, this.base, this.over, this.tip, this.spoken);
		this.legend = h('div', { class: 'legend' });
		this.element = h('div', { class: 'chart' }, this.plot, this.legend);
		this.hiddenNames = new Set();
		this.data = { series: [], from: 0, to: 1 };
		this.view = null;
		this.at = -1;
		this.top = PAD.top;
		this.bottom = 24;
		this.observer = new ResizeObserver(() => this.resize());
		afterPaint(() => this.observer.observe(this.plot));     /* it is told its size then, and paints */
	}

	free() {
		this.observer.disconnect();
	}

	set(data) {
		this.data = data;
		if (this.view && (this.view.from < data.from || this.view.to > data.to) && !this.dragging)
			this.view = null;
		this.drawLegend();
		this.draw();
	}

	get range() {
		return this.view || this.data;
	}

	shown() {
		return this.data.series.filter((s) => !this.hiddenNames.has(s.name));
	}

	resize() {
		const box = this.plot.getBoundingClientRect(), scale = devicePixelRatio || 1;

		this.width = Math.max(10, box.width), this.height = Math.max(10, box.height);
		for (const c of [this.base, this.over]) {
			c.width = Math.round(this.width * scale);
			c.height = Math.round(this.height * scale);
			c.getContext('2d').setTransform(scale, 0, 0, scale, 0, 0);
		}
		this.paint();
	}

	draw() {
		if (!this.pending)
			this.pending = requestAnimationFrame(() => { this.pending = 0; this.paint(); });
	}

	/* ---- the scale of values: of what is visible */
	measure() {
		const { from, to } = this.range;
		let low = Infinity, high = -Infinity;
		const sums = this.stacked ? new Map() : null, below = new Map();

		for (const s of this.shown()) {
			const first = Math.max(0, lower(s.t, from) - 1), last = Math.min(s.t.length, lower(s.t, to) + 1);
			const whole = last - first > 8 * BLOCK && !sums && !s.high ? blocksOf(s.v) : null;
			for (let i = first; i < last; i++) {
				if (whole && i % BLOCK === 0 && i + BLOCK <= last) {
					low = Math.min(low, whole.low[i / BLOCK]);
					high = Math.max(high, whole.high[i / BLOCK]);
					i += BLOCK - 1;
					continue;
				}
				if (s.high && s.high[i] > high)
					high = s.high[i];
				if (s.low && s.low[i] < low)
					low = s.low[i];
				if (sums && (s.kind === 'area' || s.kind === 'bar')) {
					const on = s.v[i] < 0 ? below : sums;
					on.set(s.t[i], (on.get(s.t[i]) || 0) + (s.v[i] || 0));
					continue;
				}
				if (s.v[i] < low)
					low = s.v[i];
				if (s.v[i] > high)
					high = s.v[i];
			}
		}
		for (const v of sums ? [...sums.values(), ...below.values()] : []) {
			high = Math.max(high, v);
			low = Math.min(low, v, 0);
		}
		if (low > high)
			low = 0, high = 1;
		if (this.zero && low > 0)
			low = 0;
		if (this.zero && high < 0)
			high = 0;
		if (low === high)
			high = low + Math.max(1, Math.abs(low) * 0.1);
		const marks = ticks(low, high + (high - low) * 0.05, this.height < 120 ? 2 : this.height < 300 ? 4 : 6, this.data);
		const room = (high - low) * 0.05;       /* beyond what no mark ends */
		return { low: marks[0] <= low ? marks[0] : low - room, high: marks.at(-1) >= high ? marks.at(-1) : high + room, marks };
	}

	paint() {
		const ctx = this.base.getContext('2d'), c = colors();

		if (!this.width)
			return;
		ctx.clearRect(0, 0, this.width, this.height);
		ctx.font = `${this.fontSize = Math.max(11, parseFloat(getComputedStyle(this.plot).fontSize) * 0.78)}px system-ui, sans-serif`;
		this.bottom = Math.round(this.fontSize * 2.1);
		const y = this.measure();
		const labels = axis(y.marks, this.data), named = this.data.unit?.length > UNIT_LETTERS;
		this.top = PAD.top + (named ? Math.round(this.fontSize * 1.2) : 0);
		this.left = Math.ceil(Math.max(...labels.map((l) => ctx.measureText(l).width), 12)) + 10;
		const { from, to } = this.range, w = this.width - this.left - PAD.right, hgt = this.height - this.top - this.bottom;
		this.x = (t) => this.left + (t - from) / (to - from) * w;
		this.time = (px) => from + (px - this.left) / w * (to - from);
		this.y = (v) => this.top + (1 - (v - y.low) / (y.high - y.low)) * hgt;
		if (!this.listens) {            /* before there is a picture nothing of it can be pointed at */
			this.listens = true;
			this.listen();
		}
		ctx.fillStyle = c.text;
		ctx.strokeStyle = c.line;
		ctx.lineWidth = 1;
		ctx.textBaseline = 'middle';
		ctx.textAlign = 'right';
		y.marks.forEach((m, i) => {
			const py = Math.round(this.y(m)) + 0.5;
			ctx.beginPath();
			ctx.moveTo(this.left, py);
			ctx.lineTo(this.width - PAD.right, py);
			ctx.stroke();
			ctx.fillText(labels[i], this.left - 6, py);
		});
		if (named) {                    /* too long to stand at each mark */
			ctx.textAlign = 'left';
			ctx.fillText(this.data.unit, 2, this.fontSize * 0.7, this.width - 4);
		}
		ctx.textAlign = 'center';
		ctx.textBaseline = 'alphabetic';
		let right = -Infinity;
		for (const [t, label] of timeTicks(from, to, Math.max(2, Math.floor(w / (this.fontSize * 5.5))))) {
			const px = this.x(t), half = ctx.measureText(label).width / 2;
			if (px - half < right + 8 || px + half > this.width)
				continue;
			right = px + half;
			ctx.fillText(label, px, this.height - this.fontSize * 0.55);
		}
		ctx.save();
		ctx.beginPath();
		ctx.rect(this.left - 3, 0, w + 6, this.height - this.bottom + 3);       /* points at its ends are whole */
		ctx.clip();
		this.paintMarks(ctx, c);
		const base = { above: new Map(), below: new Map() };
		const shown = this.shown();
		for (const s of shown)
			if (s.kind === 'band')
				this.paintBand(ctx, s);
		for (const s of shown)
			if (s.kind === 'bar')
				this.paintBars(ctx, s, shown.filter((o) => o.kind === 'bar'), base);
			else if (this.stacked && s.kind === 'area')
				this.paintStack(ctx, s, base);
			else
				this.paintLine(ctx, s, y);
		for (const a of this.data.anomalies || []) {
			const s = shown[0], i = s ? Math.min(s.t.length - 1, lower(s.t, a.t)) : -1;
			if (i < 0 || a.t < from || a.t > to)
				continue;
			ctx.fillStyle = c.bad;
			ctx.strokeStyle = c.surface;
			ctx.lineWidth = 1.5;
			ctx.beginPath();
			ctx.arc(this.x(a.t), this.y(s.t[i] === a.t ? s.v[i] : a.v ?? s.v[i]), 4.5, 0, 7);
			ctx.fill();
			ctx.stroke();
		}
		ctx.restore();
		this.paintOver();
	}

	/* Annotations: a line, or a span with an end. */
	paintMarks(ctx, c) {
		const rows = [];                /* where the texts of each row end */

		for (const m of [...(this.data.marks || [])].sort((a, b) => a.t - b.t)) {
			const px = this.x(m.t);

			ctx.fillStyle = ctx.strokeStyle = c.accent;
			if (m.end) {
				ctx.globalAlpha = 0.12;
				ctx.fillRect(px, 0, this.x(m.end) - px, this.height);
			}
			ctx.globalAlpha = 0.8;
			ctx.setLineDash([4, 3]);
			ctx.beginPath();
			ctx.moveTo(px, 0);
			ctx.lineTo(px, this.height);
			ctx.stroke();
			ctx.setLineDash([]);
			ctx.textAlign = 'left';
			const row = rows.findIndex((end) => end < px), at = row < 0 ? rows.length : row;
			rows[at] = px + 12 + ctx.measureText(m.text).width;
			if (at < 4)
				ctx.fillText(m.text, px + 4, this.top + 6 + at * 1.3 * this.fontSize);
			ctx.globalAlpha = 1;
		}
	}

	/* The path of what is visible; few points as they are, many by column. With a base each piece between gaps is closed there. */
	trace(ctx, t, v, base) {
		const { from, to } = this.range;
		const first = Math.max(0, lower(t, from) - 1), last = Math.min(t.length, lower(t, to) + 1);
		let down = false, start = 0, at = 0;
		const go = (px, py) => {
			if (down) {
				ctx.lineTo(px, py);
			} else {
				ctx.moveTo(px, py);
				start = px;
			}
			at = px;
			down = true;
		};
		const lift = () => {
			if (down && base !== undefined) {
				ctx.lineTo(at, base);
				ctx.lineTo(start, base);
			}
			down = false;
		};

		if (last - first <= 2 * this.width) {
			for (let i = first; i < last; i++)
				if (Number.isNaN(v[i]))
					lift();
				else
					go(this.x(t[i]), this.y(v[i]));
			lift();
			return [first, last];
		}
		let column = NaN, low = 0, high = 0, begin = 0, end = 0;
		const put = () => {
			if (Number.isNaN(column))
				return;
			go(column, this.y(begin));
			if (low !== high) {
				go(column, this.y(low));
				go(column, this.y(high));
			}
			go(column, this.y(end));
		};
		const scale = (this.width - this.left - PAD.right) / (to - from);
		for (let i = first; i < last; i++) {
			const value = v[i], px = Math.round(this.left + (t[i] - from) * scale);

			if (value !== value) {
				put();
				column = NaN;
				lift();
			} else if (px !== column) {
				put();
				column = px;
				low = high = begin = end = value;
			} else {
				if (value < low)
					low = value;
				if (value > high)
					high = value;
				end = value;
			}
		}
		put();
		lift();
		return [first, last];
	}

	paintLine(ctx, s, y) {
		if (s.kind === 'band')
			ctx.setLineDash([5, 4]);
		if (s.kind === 'dashed')
			ctx.setLineDash([3, 4]);
		ctx.lineWidth = s.kind === 'dashed' ? 1.3 : 1.8;
		ctx.lineJoin = 'round';
		ctx.strokeStyle = s.color;
		ctx.beginPath();
		const [first, last] = this.trace(ctx, s.t, s.v);
		ctx.stroke();
		ctx.setLineDash([]);
		if (s.kind === 'area' && last > first) {
			ctx.beginPath();
			this.trace(ctx, s.t, s.v, this.y(Math.max(y.low, Math.min(0, y.high))));
			ctx.globalAlpha = 0.16 / Math.sqrt(this.shown().length);        /* what lies behind many is seen too */
			ctx.fillStyle = s.color;
			ctx.fill();
			ctx.globalAlpha = 1;
		}
		if (last - first <= 1 || (last - first < 40 && s.kind !== 'dashed' && s.kind !== 'band')) {
			ctx.fillStyle = s.color;
			for (let i = first; i < last; i++)
				if (last - first < 25 || ((i === 0 || Number.isNaN(s.v[i - 1])) && (i + 1 === last || Number.isNaN(s.v[i + 1])))) {
					ctx.beginPath();
					ctx.arc(this.x(s.t[i]), this.y(s.v[i]), 2.2, 0, 7);
					ctx.fill();
				}
		}
	}

	/* Where a value stands on those before it, those below nothing hang one below the other: its two ends. */
	stand(base, t, v) {
		const on = v < 0 ? base.below : base.above, floor = on.get(t) || 0;

		on.set(t, floor + (v || 0));
		return [floor, floor + (v || 0)];
	}

	paintStack(ctx, s, base) {
		const n = s.t.length, top = new Float64Array(n), floor = new Float64Array(n);

		for (let i = 0; i < n; i++)
			[floor[i], top[i]] = this.stand(base, s.t[i], s.v[i]);
		ctx.beginPath();
		this.trace(ctx, s.t, top);
		ctx.strokeStyle = s.color;
		ctx.lineWidth = 1.3;
		ctx.stroke();
		for (let i = n - 1; i >= 0; i--)
			ctx.lineTo(this.x(s.t[i]), this.y(floor[i]));
		ctx.globalAlpha = 0.35;
		ctx.fillStyle = s.color;
		ctx.fill();
		ctx.globalAlpha = 1;
	}

	paintBand(ctx, s) {
		const n = s.t.length;

		ctx.beginPath();
		for (let i = 0; i < n; i++)
			ctx.lineTo(this.x(s.t[i]), this.y(s.high[i]));
		for (let i = n - 1; i >= 0; i--)
			ctx.lineTo(this.x(s.t[i]), this.y(s.low[i]));
		ctx.globalAlpha = 0.15;
		ctx.fillStyle = s.color;
		ctx.fill();
		ctx.globalAlpha = 1;
	}

	paintBars(ctx, s, all, base) {
		const every = this.data.every || (s.t.length > 1 ? s.t[1] - s.t[0] : 60000), { from, to } = this.range;
		const whole = Math.max(1, this.x(from + every) - this.x(from)), wide = Math.max(1, whole * 0.8 / (this.stacked ? 1 : all.length)), shift = whole * 0.1 + (this.stacked ? 0 : all.indexOf(s) * wide);

		ctx.fillStyle = s.color;
		for (let i = Math.max(0, lower(s.t, from - every)); i < s.t.length && s.t[i] < to; i++) {
			const [foot, head] = (this.stacked ? this.stand(base, s.t[i], s.v[i]) : [0, s.v[i]]).map((v) => this.y(v));
			if (!Number.isNaN(head))
				ctx.fillRect(this.x(s.t[i]) + shift, Math.min(head, foot), Math.max(1, wide - 0.5), Math.abs(foot - head));
		}
	}

	/* ---- what follows pointer and keyboard */
	paintOver() {
		const ctx = this.over.getContext('2d'), c = colors();

		ctx.clearRect(0, 0, this.width, this.height);
		if (this.brush) {
			ctx.globalAlpha = 0.15;
			ctx.fillStyle = c.accent;
			ctx.fillRect(Math.min(...this.brush), this.top, Math.abs(this.brush[0] - this.brush[1]), this.height - this.top - this.bottom);
			ctx.globalAlpha = 1;
		}
		if (this.point == null) {
			this.tip.hidden = true;
			return;
		}
		const px = Math.round(this.x(this.point)) + 0.5;
		ctx.strokeStyle = c.text;
		ctx.globalAlpha = 0.5;
		ctx.beginPath();
		ctx.moveTo(px, this.top);
		ctx.lineTo(px, this.height - this.bottom);
		ctx.stroke();
		ctx.globalAlpha = 1;
		for (const [s, i] of this.near(this.point)) {
			ctx.fillStyle = s.color;
			ctx.beginPath();
			ctx.arc(this.x(s.t[i]), this.y(s.v[i]), 3.5, 0, 7);
			ctx.fill();
		}
	}

	/* Each series with the index of its point nearest to that time. */
	near(t) {
		const out = [], every = this.data.every || Infinity;

		for (const s of this.shown()) {
			let i = lower(s.t, t);
			if (i > 0 && (i === s.t.length || t - s.t[i - 1] < s.t[i] - t))
				i--;
			if (i < s.t.length && Math.abs(s.t[i] - t) <= every && !Number.isNaN(s.v[i]))
				out.push([s, i]);
		}
		return out;
	}

	values(t) {
		return this.near(t).slice(0, 12).map(([s, i]) => [s.name, number(s.v[i], this.data) + (s.low ? ` (${number(s.low[i], this.data)} – ${number(s.high[i], this.data)})` : ''), s.color]);
	}

	show(t, px) {
		const longest = this.shown().reduce((a, b) => b.t.length > (a?.t.length || 0) ? b : a, null);
		const i = longest ? lower(longest.t, t) : 0;

		if (!longest?.t.length)
			return;
		const best = i === longest.t.length || (i > 0 && t - longest.t[i - 1] < longest.t[i] - t) ? i - 1 : i;
		this.at = best;
		this.point = longest.t[best];
		const found = [...(this.data.anomalies || [])].find((a) => a.t === this.point), mark = (this.data.marks || []).find((m) => Math.abs(this.x(m.t) - this.x(this.point)) < 4);
		this.tip.replaceChildren(h('b', null, bucket(this.point, this.data.every || 0)),
			...this.values(this.point).map(([name, v, color]) => h('div', null, h('i', { style: { background: color } }), h('span', null, name), h('b', null, v))),
			...(found ? [h('div', { class: 'bad' }, found.text)] : []), ...(mark ? [h('div', null, mark.text)] : []));
		this.tip.hidden = false;
		const x = px ?? this.x(this.point), wide = this.tip.offsetWidth;
		this.tip.style.setProperty('transform', `translate(${Math.round(x + wide + 16 > this.width ? Math.max(0, x - wide - 12) : x + 12)}px, 8px)`);
		this.paintOver();
	}

	hide() {
		this.point = null;
		this.paintOver();
	}

	zoom(factor, around) {
		const { from, to } = this.range, middle = around ?? (from + to) / 2;

		this.look(middle - (middle - from) * factor, middle + (to - middle) * factor);
	}

	look(from, to) {
		const least = Math.max(this.data.every || 1, 1) * 2, all = this.data;

		if (to - from < least)
			return;
		if (from < all.from)
			to += all.from - from, from = all.from;
		if (to > all.to)
			from = Math.max(all.from, from - (to - all.to)), to = all.to;
		this.view = from <= all.from && to >= all.to ? null : { from, to };
		this.draw();
	}

	pan(ms) {
		const { from, to } = this.range;

		this.look(from + ms, to + ms);
	}

	listen() {
		const p = this.plot, fingers = new Map();
		let start = null, apart = 0;
		const where = (e) => e.clientX - p.getBoundingClientRect().left;

		p.addEventListener('pointerdown', (e) => {
			if (e.button > 1)
				return;
			fingers.set(e.pointerId, where(e));
			p.setPointerCapture(e.pointerId);
			start = { x: where(e), range: { ...this.range }, pan: e.shiftKey || e.button === 1 || (e.pointerType === 'touch' && this.view), moved: false };
			this.dragging = true;
		});
		p.addEventListener('pointermove', (e) => {
			const x = where(e);

			if (fingers.has(e.pointerId))
				fingers.set(e.pointerId, x);
			if (fingers.size === 2) {
				const [a, b] = [...fingers.values()], d = Math.abs(a - b);
				if (apart && d)
					this.zoom(apart / d, this.time((a + b) / 2));
				apart = d;
				this.brush = null;
				return;
			}
			if (!start) {
				this.show(this.time(x), x);
				return;
			}
			if (Math.abs(x - start.x) > 4)
				start.moved = true;
			if (start.pan && start.moved) {
				const { from, to } = start.range, ms = (start.x - x) / (this.width - this.left - PAD.right) * (to - from);
				this.look(from + ms, to + ms);
			} else if (start.moved && e.pointerType !== 'touch') {
				this.brush = [start.x, x];
				this.paintOver();
			} else {
				this.show(this.time(x), x);
			}
		});
		const up = (e) => {
			fingers.delete(e.pointerId);
			apart = 0;
			this.dragging = false;
			if (!start)
				return;
			const s = start, brush = this.brush;
			start = this.brush = null;
			this.paintOver();
			if (e.type === 'pointercancel')
				return;
			if (brush && Math.abs(brush[0] - brush[1]) > 6) {
				const [a, b] = brush.sort((m, n) => m - n);
				this.pickRange(this.time(Math.max(a, this.left)), this.time(b));
			} else if (!s.moved && this.point != null) {
				this.onpick?.(this.point, this.nearest(e), e);
			}
		};
		p.addEventListener('pointerup', up);
		p.addEventListener('pointercancel', up);
		p.addEventListener('pointerleave', () => !start && this.hide());
		p.addEventListener('dblclick', () => this.reset());
		p.addEventListener('wheel', (e) => {
			if (e.ctrlKey || e.metaKey) {
				e.preventDefault();
				this.zoom(e.deltaY > 0 ? 1.25 : 0.8, this.time(where(e)));
			} else if (this.view && Math.abs(e.deltaX) > Math.abs(e.deltaY)) {
				e.preventDefault();
				this.pan(e.deltaX / this.width * (this.range.to - this.range.from));
			}
		}, { passive: false });
		p.addEventListener('blur', () => this.hide());
		p.addEventListener('keydown', (e) => this.keydown(e));
	}

	/* The series nearest to the pointer, among those at the point. */
	nearest(e) {
		const y = e.clientY - this.plot.getBoundingClientRect().top;

		return this.near(this.point).sort((a, b) => Math.abs(this.y(a[0].v[a[1]]) - y) - Math.abs(this.y(b[0].v[b[1]]) - y))[0]?.[0];
	}

	pickRange(from, to) {
		if (this.onrange)
			this.onrange(Math.floor(from), Math.ceil(to));
		else
			this.look(from, to);
	}

	reset() {
		const was = this.view;

		this.view = null;
		this.draw();
		if (!was)
			this.onreset?.();
	}

	keydown(e) {
		const step = (this.range.to - this.range.from) / 10;
		const longest = this.shown().reduce((a, b) => b.t.length > (a?.t.length || 0) ? b : a, null);
		const go = (i) => {
			if (!longest?.t.length)
				return;
			const t = longest.t[Math.max(0, Math.min(longest.t.length - 1, i))];
			if (t < this.range.from || t >= this.range.to)
				this.pan(t < this.range.from ? -step : step);
			this.show(t);
			this.spoken.textContent = `${bucket(this.point, this.data.every || 0)}: ${this.values(this.point).map(([n, v]) => `${n} ${v}`).join(', ')}`;
		};
		const acts = {
			ArrowRight: () => e.shiftKey ? this.pan(step) : go(this.point == null ? lower(longest?.t || [], this.range.from) : this.at + 1),
			ArrowLeft: () => e.shiftKey ? this.pan(-step) : go(this.point == null ? (longest?.t.length || 1) - 1 : this.at - 1),
			Home: () => go(0), End: () => go(Infinity),
			'+': () => this.zoom(0.7, this.point ?? undefined), '=': () => this.zoom(0.7, this.point ?? undefined), '-': () => this.zoom(1.4, this.point ?? undefined),
			Enter: () => this.point != null && this.onpick?.(this.point, this.near(this.point)[0]?.[0], e),
			Escape: () => this.view || this.point != null ? (this.hide(), this.reset()) : this.onreset?.(),
		};

		if (acts[e.key] && !e.ctrlKey && !e.metaKey && !e.altKey) {
			acts[e.key]();
			e.preventDefault();
			e.stopPropagation();
		}
	}

	drawLegend() {
		const all = this.data.series, names = JSON.stringify([all.map((s) => [s.name, s.color]), this.data.more]);

		if (names === this.legendOf)
			return;
		this.legendOf = names;
		this.legend.replaceChildren();
		this.legend.hidden = all.length < 2;
		for (const s of all.length < 2 ? [] : all.slice(0, 24)) {
			const b = h('button', { type: 'button', 'aria-pressed': String(!this.hiddenNames.has(s.name)), onclick: () => {
				if (!this.hiddenNames.delete(s.name))
					this.hiddenNames.add(s.name);
				b.setAttribute('aria-pressed', String(!this.hiddenNames.has(s.name)));
				this.draw();
			}, title: s.name }, h('i', s.kind === 'dashed' ? { class: 'dashed', style: { color: s.color } } : { style: { background: s.color } }), h('span', null, s.name));
			this.legend.append(b);
		}
		if (this.data.more > 0)
			this.legend.prepend(h('span', { class: 'muted' }, `${this.data.more} more are not drawn`));
	}

	/* Colour and name of each line, where there are several. */
	keys() {
		const all = this.shown();

		return all.length > 1 ? all.map((s) => [s.color, s.name]) : [];
	}
}

/* A small line without axes, for cards. */
export function sparkline(canvas, values, color) {
	const ctx = canvas.getContext('2d'), scale = devicePixelRatio || 1, box = canvas.getBoundingClientRect();
	const w = canvas.width = Math.max(1, Math.round(box.width * scale)), hgt = canvas.height = Math.max(1, Math.round(box.height * scale));
	let low = 0, high = 0;

	for (const v of values) {
		low = Math.min(low, v || 0);
		high = Math.max(high, v || 0);
	}
	if (values.length < 2 || high === low)
		return;
	ctx.beginPath();
	values.forEach((v, i) => ctx.lineTo(i / (values.length - 1) * w, hgt - 2 - ((v || 0) - low) / (high - low) * (hgt - 4)));
	ctx.lineWidth = 1.6 * scale;
	ctx.lineJoin = 'round';
	ctx.strokeStyle = color;
	ctx.stroke();
	ctx.lineTo(w, hgt);
	ctx.lineTo(0, hgt);
	ctx.globalAlpha = 0.14;
	ctx.fillStyle = color;
	ctx.fill();
}
