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
const formats = { plain: { maximumFractionDigits: 2 }, closer: { maximumFractionDigits: 4 }, fine: { maximumSignificantDigits: 6 }, short: { notation: 'compact', maximumFractionDigits: 1 },
	power: { notation: 'scientific', maximumFractionDigits: 3 } }, made = {};
const write = (v, name, digits) => (made[name + (digits ?? '')] ||= new Intl.NumberFormat('en', digits ? { ...formats[name], maximumFractionDigits: undefined, maximumSignificantDigits: digits } : formats[name])).format(v);

/* So large or so near to zero that its zeros would have to be counted. */
const isFar = (v) => Math.abs(v) >= 1e18 || (v !== 0 && Math.abs(v) < 1e-6);

/* A text of a number with its unit: a currency stands behind the sign and before the figure, all else behind. */
const withUnit = (text, unit) => !unit ? text : /^[$€£¥]$/.test(unit) ? text.replace(/^-?/, (sign) => sign + unit) : `${text} ${unit}`;

export function number(v, { unit, decimals } = {}) {
	let text;

	if (v == null || (typeof v === 'number' && !Number.isFinite(v)))
		return '–';
	if (typeof v !== 'number')
		return String(v);
	if (unit === '%')
		return `${isFar(v * 100) ? write(v * 100, 'power') : (v * 100).toLocaleString('en', { maximumFractionDigits: decimals ?? 1 })} %`;
	if (unit === 'ms' && Math.abs(v) >= 1000)
		return duration(v / 1000);
	if (unit === 'bytes')
		return bytes(v);
	text = isFar(v) ? write(v, 'power') : decimals != null ? v.toLocaleString('en', { minimumFractionDigits: decimals, maximumFractionDigits: decimals }) :
		write(v, Math.abs(v) < 1 ? 'fine' : Math.abs(v) < 1000 ? 'closer' : 'plain');
	return withUnit(text, unit);
}

/* Where there is little room; `digits`: how many count, else as few as go. A unit of more letters than that has to stand elsewhere. */
export const UNIT_LETTERS = 6;
export const compact = (v, { unit } = {}, digits) => v == null ? '' : unit === '%' ? `${isFar(v * 100) ? write(v * 100, 'power') : +(v * 100).toPrecision(digits || 3)} %` : unit === 'bytes' ? bytes(v, digits) :
	unit === 'ms' && Math.abs(v) >= 1000 ? duration(v / 1000) :
		withUnit(isFar(v) ? write(v, 'power') : Math.abs(v) >= 10000 ? write(v, 'short', digits) : write(v, 'fine', digits && Math.max(6, digits)), unit?.length > UNIT_LETTERS ? '' : unit);

/* What the marks of an axis say: with as many digits as the longest of them has, since marks that say the same say nothing. */
export function axis(marks, options = {}) {
	const { size: scale, name } = scaleOf(Math.max(...marks.map(Math.abs)), options.unit);
	const digits = Math.max(3, ...marks.map((m) => (m / scale).toPrecision(10).replace(/e.*/, '').replace(/(\.\d*?)0+$/, '$1').replace(/^[-0.]+|[.]/g, '').length));

	if (name)
		return marks.map((m) => `${+(m / scale).toPrecision(Math.min(digits, 10))} ${name}`);
	return marks.map((m) => compact(m, options, Math.min(digits, 10)));
}

/* What a scale is said in, and in what its marks are round: bytes in KiB, MiB, …, milliseconds in s, min, h and d. No name: as it is. */
const spans = [['d', 172800000, 86400000], ['h', 7200000, 3600000], ['min', 120000, 60000], ['s', 1000, 1000]];
function scaleOf(most, unit) {
	const [name, , size] = (unit === 'ms' && !isFar(most) && spans.find(([, from]) => most >= from)) || [];

	return name ? { name, size } : unit === 'bytes' && !isFar(most) ? bytesUnit(most) : { size: 1 };
}

const byteNames = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'];
export function bytesUnit(v) {
	let i = 0, size = 1;

	for (; Math.abs(v) >= 1024 * size && i < byteNames.length - 1; i++)
		size *= 1024;
	return { name: byteNames[i], size };
}

export function bytes(v, digits = 3) {
	const { name, size } = bytesUnit(v);

	return `${isFar(v / size) ? write(v / size, 'power') : +(v / size).toPrecision(Math.abs(v / size) >= 1000 ? Math.max(4, digits) : digits)} ${name}`;
}

export function duration(seconds) {
	const s = Math.abs(seconds), sign = seconds < 0 ? '-' : '', minutes = Math.round(s / 60);

	if (seconds == null)
		return '–';
	return sign + (s < 0.9995 ? `${Math.round(s * 1000)} ms` : s < 59.95 ? `${+s.toPrecision(3)} s` : s < 3599.5 ? `${Math.floor(Math.round(s) / 60)} min ${Math.round(s) % 60} s` :
		minutes < 1440 ? `${Math.floor(minutes / 60)} h ${minutes % 60} min` : `${isFar(s / 86400) ? write(s / 86400, 'power') : write(+(s / 86400).toPrecision(3), 'plain')} d`);
}

export const percent = (share, digits = 1) => share == null ? '–' : `${Math.abs(share) >= 10 ? number(+(share * 100).toPrecision(6), { decimals: 0 }) : (share * 100).toFixed(digits)} %`;

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
/* The year where it is not this one. */
const yearOf = (t, utc = zone.utc) => (utc ? new Date(t).getUTCFullYear() === new Date().getUTCFullYear() : new Date(t).getFullYear() === new Date().getFullYear()) ? {} : { year: 'numeric' };
export const day = (t, utc) => print(t, { day: '2-digit', month: 'short', ...yearOf(t, utc) }, utc);
export const moment = (t) => print(t, { day: '2-digit', month: 'short', year: 'numeric', hour: '2-digit', minute: '2-digit', second: '2-digit' }) + (zone.utc ? ' UTC' : '');

/* A bucket's time, no finer than the bucket. */
export function bucket(t, every) {
	const year = yearOf(t, every >= 86400000 || zone.utc);

	return every >= 86400000 ? print(t, { weekday: 'short', day: '2-digit', month: 'short', ...year }, true) :
		every >= 60000 ? print(t, { day: '2-digit', month: 'short', ...year, hour: '2-digit', minute: '2-digit' }) : print(t, { day: '2-digit', month: 'short', ...year, hour: '2-digit', minute: '2-digit', second: '2-digit' });
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
	const months = step < 28 * 86400000 ? 0 : step < 91 * 86400000 ? 1 : step < 365 * 86400000 ? 3 : 12 * Math.round(step / steps.at(-1));
	const out = [];

	if (months) {                           /* as the calendar has them, and with their year */
		const first = new Date(from - 1), next = first.getUTCFullYear() * 12 + first.getUTCMonth() + 1;

		for (let i = Math.ceil(next / months) * months, t; (t = Date.UTC(Math.floor(i / 12), i % 12, 1)) <= to && out.length < 50; i += months)
			out.push([t, print(t, months < 12 ? { month: 'short', year: 'numeric' } : { year: 'numeric' }, true)]);
		return out;
	}
	for (let t = Math.ceil((from + shift) / step) * step - shift; t <= to && out.length < 50; t += step) {
		const midnight = (t + shift) % 86400000 === 0;
		out.push([t, step >= 86400000 || midnight ? print(t, { day: 'numeric', month: 'short' }, utc) :
			step >= 60000 ? print(t, { hour: '2-digit', minute: '2-digit' }, utc) : print(t, { hour: '2-digit', minute: '2-digit', second: '2-digit' }, utc)]);
	}
	return out;
}

/* Round numbers between two values, about so many, in the unit that they are said in. */
export function ticks(low, high, count, { unit } = {}) {
	const { size } = scaleOf(Math.max(Math.abs(low), Math.abs(high)), unit);

	if (size > 1)
		return ticks(low / size, high / size, count).map((v) => v * size);
	const raw = (high - low) / Math.max(1, count), magnitude = 10 ** Math.floor(Math.log10(raw || 1));
	const step = [1, 2, 2.5, 5, 10].map((m) => m * magnitude).find((s) => s >= raw) || 1;
	const out = [];

	for (let v = Math.ceil(low / step) * step; v <= high + step * 1e-9 && out.length < 30; v += step)
		out.push(Math.abs(v) < step * 1e-9 ? 0 : +v.toPrecision(12));
	return out;
}

export const titled = (id) => String(id).replace(/[_.-]+/g, ' ').replace(/^./, (c) => c.toUpperCase());
