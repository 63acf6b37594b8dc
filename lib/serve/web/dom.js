/* dom.js - elements from calls. Whatever is text becomes a text node: nothing that came from outside is ever read as HTML.
 *
 *	h('button', { class: 'quiet', onclick: save, disabled: !ready }, 'Save')
 *
 * on… listens; a boolean sets or leaves out the attribute; `style` is an object set through the CSSOM, so that the page's policy needs no
 * inline styles; `value`, `checked` and `selected` are properties. Children: texts, numbers, nodes, arrays of these; null and false are none. */

const properties = new Set(['value', 'checked', 'selected', 'indeterminate', 'disabled']);

function make(element, props, children) {
	for (const [name, value] of Object.entries(props || {})) {
		if (value == null)
			continue;
		if (name.startsWith('on'))
			element.addEventListener(name.slice(2), value);
		else if (name === 'style')
			for (const [key, v] of Object.entries(value))
				element.style.setProperty(key, v);
		else if (properties.has(name))
			element[name] = value;
		else if (value === true)
			element.setAttribute(name, '');
		else if (value !== false)
			element.setAttribute(name, value);
	}
	append(element, children);
	return element;
}

export function append(element, children) {
	for (const child of [children].flat(9))
		if (child != null && child !== false)
			element.append(child instanceof Node ? child : document.createTextNode(String(child)));
	return element;
}

export const h = (tag, props, ...children) => make(document.createElement(tag), props, children);
export const svg = (tag, props, ...children) => make(document.createElementNS('http://www.w3.org/2000/svg', tag), props, children);

/* Once what was changed until now can be seen: texts and figures come first, pictures after them. */
export const afterPaint = (run) => requestAnimationFrame(() => setTimeout(run));

/* In place of what is in it. */
export function fill(element, ...children) {
	element.replaceChildren();
	return append(element, children);
}

/* A link for this page's own addresses, and for http(s) elsewhere; anything else (javascript:, data:) stays text. */
export function link(href, props, ...children) {
	const own = href.startsWith('#') || (href.startsWith('/') && !href.startsWith('//'));

	if (!own && !/^https?:\/\//i.test(href))
		return h('span', props, ...children);
	return h('a', own ? { href, ...props } : { href, rel: 'noopener noreferrer', target: '_blank', ...props }, ...children);
}

const icons = {
	board: 'M3 3h8v8H3zM13 3h8v5h-8zM13 10h8v11h-8zM3 13h8v8H3z', explore: 'M10 4a6 6 0 1 0 0 12 6 6 0 0 0 0-12zM21 21l-6-6', bell: 'M6 16V10a6 6 0 0 1 12 0v6l2 2H4zM10 21h4',
	gear: 'M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2v3M12 19v3M2 12h3M19 12h3M5 5l2 2M17 17l2 2M5 19l2-2M17 7l2-2', ask: 'M4 4h16v12H9l-5 4z', user: 'M12 4a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM4 21a8 8 0 0 1 16 0',
	more: 'M12 5v.1M12 12v.1M12 19v.1', full: 'M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5', close: 'M5 5l14 14M19 5L5 19', plus: 'M12 5v14M5 12h14', sun: 'M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2v2M12 20v2M2 12h2M20 12h2M5 5l1 1M18 18l1 1M5 19l1-1M18 6l1-1',
	moon: 'M20 14A8 8 0 1 1 10 4a7 7 0 0 0 10 10z', edit: 'M4 20l1-5L16 4l4 4L9 19z', share: 'M12 3v12M7 8l5-5 5 5M5 13v8h14v-8', undo: 'M4 9h10a6 6 0 0 1 0 12H9M4 9l4-4M4 9l4 4', redo: 'M20 9H10a6 6 0 0 0 0 12h5M20 9l-4-4M20 9l-4 4',
	table: 'M3 5h18v14H3zM3 10h18M9 5v14', back: 'M15 5l-7 7 7 7', down: 'M6 9l6 6 6-6', grip: 'M9 5v.1M9 12v.1M9 19v.1M15 5v.1M15 12v.1M15 19v.1', check: 'M5 12l5 5L19 7', reload: 'M20 8a8 8 0 1 0 1 6M20 3v5h-5',
};

/* A picture beside a text, or with a name of its own. */
export function icon(name, label) {
	return svg('svg', { class: 'icon', viewBox: '0 0 24 24', ...(label ? { role: 'img', 'aria-label': label } : { 'aria-hidden': 'true' }) },
		svg('path', { d: icons[name] || '' }));
}

export function button(name, label, onclick, props) {
	return h('button', { type: 'button', class: 'icon-button', 'aria-label': label, title: label, onclick, ...props }, icon(name));
}

/* ---- a table of rows: what stands in each chart's twin, and in table widgets */
export function table(columns, rows, { caption, most = 500, cell, onrow } = {}) {
	const numeric = columns.map((_, i) => rows.some((r) => typeof r[i] === 'number') && rows.every((r) => r[i] == null || typeof r[i] === 'number'));

	return h('table', { class: onrow ? 'rows pick' : 'rows' },
		caption && h('caption', { class: 'hidden' }, caption),
		h('thead', null, h('tr', null, columns.map((c, i) => h('th', { scope: 'col', class: numeric[i] && 'number' }, c === '' ? h('span', { class: 'hidden' }, 'What can be done') : c)))),
		h('tbody', null, rows.slice(0, most).map((r) => h('tr', onrow ? { tabindex: 0, onclick: () => onrow(r), onkeydown: (e) => e.key === 'Enter' && onrow(r) } : null,
			columns.map((_, i) => h('td', { class: numeric[i] && 'number' }, cell ? cell(r[i], i, r) : text(r[i])))))),
		rows.length > most && h('tfoot', null, h('tr', null, h('td', { colspan: columns.length }, `${rows.length - most} more rows: export them as CSV`))));
}

export const text = (v) => v == null ? '–' : typeof v === 'object' ? JSON.stringify(v) : String(v);

/* CSV as RFC 4180 has it. What a spreadsheet would take for a formula begins with ' there, so that opening the file runs nothing. */
export function csv(columns, rows) {
	const one = (v) => {
		let s = v == null ? '' : typeof v === 'object' ? JSON.stringify(v) : String(v);

		if (typeof v !== 'number' && /^[=+\-@\t\r]/.test(s))
			s = "'" + s;
		return /[",\r\n]/.test(s) ? '"' + s.replaceAll('"', '""') + '"' : s;
	};
	return [columns, ...rows].map((r) => r.map(one).join(',')).join('\r\n') + '\r\n';
}

export function download(name, type, content) {
	const url = URL.createObjectURL(content instanceof Blob ? content : new Blob([content], { type }));
	const a = h('a', { href: url, download: name.replace(/[^\w.-]+/g, '_') });

	a.click();
	setTimeout(() => URL.revokeObjectURL(url), 10000);
}

/* ---- talking to whoever looks: a line that goes by itself, read out too; and a dialogue that takes the keyboard and gives it back */
export function say(message, kind = 'info') {
	let place = document.getElementById('said');
	const host = [...document.querySelectorAll('dialog[open]')].at(-1) || document.body;   /* what lies behind a dialogue is neither seen nor read */

	place ||= h('div', { id: 'said', role: 'status', 'aria-live': 'polite' });
	if (place.parentNode !== host)
		host.append(place);
	const line = h('p', { class: `said ${kind}` }, message);
	place.append(line);
	setTimeout(() => line.remove(), kind === 'bad' ? 9000 : 4000);
}

export function dialog(title, content, actions = [], props) {
	const id = `d${Math.random().toString(36).slice(2)}`;
	const box = h('dialog', { 'aria-labelledby': id, ...props }, h('form', { method: 'dialog', onsubmit: (e) => {
		e.preventDefault();
		actions.find((a) => a.main)?.run?.(box);
	} },
	h('header', null, h('h2', { id }, title), button('close', 'Close', () => box.close())),
	h('div', { class: 'content' }, content),
	actions.length > 0 && h('footer', null, actions.map((a) => h('button', { type: a.main ? 'submit' : 'button', class: a.main ? 'main' : a.bad ? 'bad' : '',
		onclick: a.main ? null : () => a.run ? a.run(box) : box.close() }, a.label)))));

	box.addEventListener('close', () => {
		const said = box.querySelector('#said');

		if (said)
			document.body.append(said);
		box.remove();
	});
	box.addEventListener('click', (e) => e.target === box && box.close());
	document.body.append(box);
	box.showModal();
	return box;
}

export function field(label, input, hint) {
	const id = input.id || (input.id = `f${Math.random().toString(36).slice(2)}`);

	if (hint)
		input.setAttribute('aria-describedby', `${id}h`);
	return h('div', { class: 'field' }, h('label', { for: id }, label), input, hint && h('small', { id: `${id}h` }, hint));
}

export function select(options, value, onchange, props) {
	return h('select', { onchange: (e) => onchange?.(e.target.value), ...props }, options.map((o) => {
		const [v, label] = Array.isArray(o) ? o : [o, o];
		return h('option', { value: v, selected: v === value }, label);
	}));
}
