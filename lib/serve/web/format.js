/* format.js - numbers, times and spans as people read them. Figures are shown whole unless there is no room; then their title has them. */

const units = { ms: 1, s: 1000, m: 60000, min: 60000, h: 3600000, d: 86400000, w: 604800000, mo: 2629746000 };

/* "24h" or "1h30m" to ms, "1mo" to those of a month as they are in the mean; NaN: it is none. */
export function span(text) {
	let ms = 0, rest = String(text ?? '').trim();

	if (!/^(\d+(\.\d+)?(ms|min|mo|s|m|h|d|w))+$/.test(rest))
		return NaN;
	for (const [, n, , unit] of rest.matchAll(/(\d+(\.\d+)?)(ms|min|mo|s|m|h|d|w)/g))
		ms += n * units[unit];
	return ms;
}

/* Made when they are first wanted: a page has its first figure the sooner. */
const formats = { plain: { maximumFractionDigits: 2 }, closer: { maximumFractionDigits: 4 }, fine: { maximumSignificantDigits: 6 }, short: { notation: 'compact', maximumFractionDigits: 1 } }, made = {};
const write = (v, name) => (made[name] ||= new Intl.NumberFormat('en', formats[name])).format(v);

export function number(v, { unit, decimals } = {}) {
	let text;

	if (v == null || (typeof v === 'number' && !Number.isFinite(v)))
		return '–';
	if (typeof v !== 'number')
		return String(v);
	if (unit === '%')
		return `${(v * 100).toLocaleString('en', { maximumFractionDigits: decimals ?? 1 })} %`;
	if (unit === 'ms' && Math.abs(v) >= 1000)
		return duration(v / 1000);
	if (unit === 'bytes')
		return bytes(v);
	text = decimals != null ? v.toLocaleString('en', { minimumFractionDigits: decimals, maximumFractionDigits: decimals }) : write(v, Math.abs(v) < 1 ? 'fine' : Math.abs(v) < 1000 ? 'closer' : 'plain');
	return !unit ? text : /^[$€£¥]$/.test(unit) ? unit + text : `${text} ${unit}`;
}

export const compact = (v, { unit } = {}) => v == null ? '' : unit === '%' ? `${+(v * 100).toPrecision(3)} %` : unit === 'bytes' ? bytes(v) :
	write(v, Math.abs(v) >= 10000 ? 'short' : 'fine');

export function bytes(v) {
	const names = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
	let i = 0;

	for (; Math.abs(v) >= 1024 && i < 4; i++)
		v /= 1024;
	return `${+v.toPrecision(3)} ${names[i]}`;
}

export function duration(seconds) {
	const s = Math.abs(seconds);

	if (seconds == null)
		return '–';
	return s < 1 ? `${Math.round(seconds * 1000)} ms` : s < 60 ? `${+seconds.toPrecision(3)} s` : s < 3600 ? `${Math.floor(s / 60)} min ${Math.round(s % 60)} s` :
		s < 86400 ? `${Math.floor(s / 3600)} h ${Math.round(s % 3600 / 60)} min` : `${+(s / 86400).toPrecision(3)} d`;
}

export const percent = (share, digits = 1) => share == null ? '–' : `${(share * 100).toFixed(digits)} %`;

/* ---- times: of the viewer's zone, or UTC when that is wished; buckets of days and more begin at midnight of the server's UTC */
export const zone = { utc: localStorage.getItem('at.zone') === 'utc' };

const makers = new Map();
function maker(options, utc) {
	const key = JSON.stringify(options) + utc;

	if (!makers.has(key))
		makers.set(key, new Intl.DateTimeFormat('en-GB', { ...options, ...(utc ? { timeZone: 'UTC' } : {}) }));
	return makers.get(key);
}

const print = (t, options, utc = zone.utc) => maker(options, utc).format(t);
export const clock = (t) => print(t, { hour: '2-digit', minute: '2-digit', second: '2-digit' });
export const day = (t, utc) => print(t, { day: '2-digit', month: 'short' }, utc);
export const moment = (t) => print(t, { day: '2-digit', month: 'short', year: 'numeric', hour: '2-digit', minute: '2-digit', second: '2-digit' }) + (zone.utc ? ' UTC' : '');

/* A bucket's time, no finer than the bucket. */
export function bucket(t, every) {
	return every >= 86400000 ? print(t, { weekday: 'short', day: '2-digit', month: 'short' }, true) :
		every >= 60000 ? print(t, { day: '2-digit', month: 'short', hour: '2-digit', minute: '2-digit' }) : print(t, { day: '2-digit', month: 'short', hour: '2-digit', minute: '2-digit', second: '2-digit' });
}

export function ago(t, now = Date.now()) {
	const s = Math.round((now - t) / 1000);

	return s < 0 ? clock(t) : s < 5 ? 'now' : s < 60 ? `${s} s ago` : s < 3600 ? `${Math.floor(s / 60)} min ago` : s < 86400 ? `${Math.floor(s / 3600)} h ago` : day(t);
}

/* Where ticks of an axis of time stand, and what they say; about so many. */
const steps = [1, 5, 10, 15, 30, 60, 300, 600, 900, 1800, 3600, 3 * 3600, 6 * 3600, 12 * 3600, 86400, 2 * 86400, 7 * 86400, 14 * 86400, 28 * 86400, 91 * 86400, 365 * 86400].map((s) => s * 1000);

export function timeTicks(from, to, count) {
	const step = steps.find((s) => (to - from) / s <= count) || steps.at(-1) * Math.ceil((to - from) / steps.at(-1) / count);
	const utc = zone.utc || step >= 86400000;
	const shift = utc ? 0 : new Date(from).getTimezoneOffset() * -60000;
	const out = [];

	for (let t = Math.ceil((from + shift) / step) * step - shift; t <= to && out.length < 50; t += step) {
		const midnight = (t + shift) % 86400000 === 0;
		out.push([t, step >= 86400000 || midnight ? print(t, { day: 'numeric', month: 'short' }, utc) :
			step >= 60000 ? print(t, { hour: '2-digit', minute: '2-digit' }, utc) : print(t, { hour: '2-digit', minute: '2-digit', second: '2-digit' }, utc)]);
	}
	return out;
}

/* Round numbers between two values, about so many. */
export function ticks(low, high, count) {
	const raw = (high - low) / Math.max(1, count), magnitude = 10 ** Math.floor(Math.log10(raw || 1));
	const step = [1, 2, 2.5, 5, 10].map((m) => m * magnitude).find((s) => s >= raw) || 1;
	const out = [];

	for (let v = Math.ceil(low / step) * step; v <= high + step * 1e-9 && out.length < 30; v += step)
		out.push(Math.abs(v) < step * 1e-9 ? 0 : +v.toPrecision(12));
	return out;
}

export const titled = (id) => String(id).replace(/[_.-]+/g, ' ').replace(/^./, (c) => c.toUpperCase());
