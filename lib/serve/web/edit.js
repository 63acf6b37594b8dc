/* edit.js - a dashboard is changed where it stands: widgets moved, sized, set and added, each step undone and done again, saved as a new
 * version. Pointer: drag a header to move, the corner to size; on a phone, where they stand one below the other, up and down. Keyboard, on the handle of a widget: arrows move, Shift and arrows size,
 * Enter opens its settings, Delete removes it. Nothing is saved before Save; who saved meanwhile is not overwritten (If-Match). */
import { button, dialog, field, fill, h, icon, link, say, select, table, text } from './dom.js';
import { ApiError, get, post, put, remove } from './api.js';
import { boardsChanged } from './app.js';
import { given, inOrder } from './board.js';
import { widgets } from './widgets.js';
import { moment, titled } from './format.js';

const COLUMNS = 12, EDGE = 90;          /* pixels from the window's edge where a drag scrolls: the bars are as high */
const clone = (v) => structuredClone(v);
const place = (w) => ({ x: 0, y: 0, w: 4, h: 3, ...w.position });
const overlap = (a, b) => a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h;

/* No two on the same place: the one that was moved stays, others go down as far as they must, then all go up as far as they can. */
export function settle(all, moved) {
	const order = [...all].sort((a, b) => (b.id === moved) - (a.id === moved) || place(a).y - place(b).y || place(a).x - place(b).x), done = [];

	for (const w of order) {
		const p = place(w);
		p.w = Math.max(1, Math.min(COLUMNS, p.w));
		p.x = Math.max(0, Math.min(COLUMNS - p.w, p.x));
		p.y = Math.max(0, p.y);
		p.h = Math.max(1, Math.min(40, p.h));
		while (done.some((d) => overlap(d.position, p)))
			p.y++;
		done.push({ ...w, position: p });
	}
	for (const w of done.sort((a, b) => a.position.y - b.position.y || a.position.x - b.position.x))
		while (w.position.y > 0 && !done.some((d) => d !== w && overlap(d.position, { ...w.position, y: w.position.y - 1 })))
			w.position.y--;
	return all.map((w) => done.find((d) => d.id === w.id));
}

/* One before another: beside each other they change places, else it goes where the other is, which makes room. */
function earlier(all, widget, over) {
	const a = place(widget), b = place(over), side = a.y === b.y && a.x === b.x + b.w;
	const to = { [widget.id]: side ? { ...a, x: b.x } : { ...a, x: Math.min(b.x, COLUMNS - a.w), y: b.y }, [over.id]: side ? { ...b, x: b.x + a.w } : b };

	return settle(all.map((w) => to[w.id] ? { ...w, position: to[w.id] } : w), widget.id);
}

/* One by so many places in that order, -1 or 1; undefined: there it ends. */
function shifted(all, id, by) {
	const list = inOrder(all), i = list.findIndex((w) => w.id === id), other = list[i + by];

	return other && (by < 0 ? earlier(all, list[i], other) : earlier(all, other, list[i]));
}

export class Editing {
	constructor(board) {
		this.board = board;
		this.was = clone(board.definition);
		this.steps = [clone(board.definition)];
		this.at = 0;
		this.bar = h('div', { class: 'edit-bar', role: 'toolbar', 'aria-label': 'Editing' });
		board.element.append(this.bar);
		board.element.classList.add('editing');
		this.onkey = (e) => {
			if ((e.ctrlKey || e.metaKey) && e.key.toLowerCase() === 'z' && !/INPUT|TEXTAREA/.test(e.target.tagName)) {
				e.preventDefault();
				this.step(e.shiftKey ? 1 : -1);
			} else if ((e.ctrlKey || e.metaKey) && e.key === 's') {
				e.preventDefault();
				this.save();
			}
		};
		this.onleave = (e) => this.dirty && e.preventDefault();
		addEventListener('keydown', this.onkey);
		addEventListener('beforeunload', this.onleave);
		this.dress();
		this.drawBar();
	}

	get dirty() {
		return JSON.stringify(given(this.steps[this.at])) !== JSON.stringify(given(this.was));
	}

	get definition() {
		return this.steps[this.at];
	}

	drawBar() {
		const focus = document.activeElement?.dataset?.focus;

		fill(this.bar, h('b', null, this.board.definition.readonly || this.board.isDefault ? 'Editing a copy' : 'Editing'),
			h('button', { type: 'button', onclick: () => this.add(), 'data-focus': 'add' }, icon('plus'), 'Add a widget'),
			h('button', { type: 'button', onclick: () => this.settings(), 'data-focus': 'settings' }, icon('gear'), 'Settings'),
			button('undo', 'Undo', () => this.step(-1), { disabled: this.at === 0, 'data-focus': 'undo' }), button('redo', 'Redo', () => this.step(1), { disabled: this.at === this.steps.length - 1, 'data-focus': 'redo' }),
			h('span', { class: 'gap' }), h('button', { type: 'button', onclick: () => this.cancel() }, this.dirty ? 'Discard' : 'Close'),
			h('button', { type: 'button', class: 'main', disabled: !this.dirty && !this.board.isDefault, onclick: () => this.save(), 'data-focus': 'save' }, 'Save'));
		if (focus)
			this.bar.querySelector(`[data-focus="${focus}"]`)?.focus();
	}

	/* Handles on each cell. */
	dress() {
		for (const c of this.board.cells) {
			if (c.element.querySelector('.corner'))
				continue;
			const grip = button('grip', `Move ${c.title.textContent}: arrows move, Shift and arrows size, Enter sets, Delete removes`, () => this.configure(c.widget), { class: 'icon-button grip' });
			const corner = h('div', { class: 'corner', 'aria-hidden': 'true' });
			c.element.querySelector('header').prepend(grip);
			c.element.append(corner);
			grip.addEventListener('keydown', (e) => this.keydown(e, c));
			c.element.querySelector('header').addEventListener('pointerdown', (e) => !e.target.closest('button:not(.grip)') && this.drag(e, c, false));
			corner.addEventListener('pointerdown', (e) => this.drag(e, c, true));
		}
	}

	undress() {
		this.board.element.querySelectorAll('.grip, .corner').forEach((e) => e.remove());
	}

	/* A new state, with what was undone before it gone. */
	change(definition) {
		if (JSON.stringify(definition) === JSON.stringify(this.definition))
			return;
		this.steps = [...this.steps.slice(Math.max(0, this.at - 98), this.at + 1), clone(definition)];
		this.at = this.steps.length - 1;
		this.apply();
	}

	step(by) {
		if (this.at + by < 0 || this.at + by >= this.steps.length)
			return;
		this.at += by;
		this.apply();
		say(by < 0 ? 'Undone.' : 'Done again.');
	}

	apply() {
		const focus = document.activeElement?.closest?.('.cell')?.dataset.id, grip = document.activeElement?.classList?.contains('grip');

		this.board.definition = clone(this.definition);
		this.board.read();
		this.board.drawBar();
		this.board.drawCells();
		this.dress();
		this.drawBar();
		if (focus && grip)
			this.board.cells.find((c) => c.widget.id === focus)?.element.querySelector('.grip')?.focus();
	}

	move(id, change) {
		const all = this.definition.widgets.map((w) => w.id === id ? { ...w, position: { ...place(w), ...change } } : w);

		this.change({ ...this.definition, widgets: settle(all, id) });
	}

	shift(id, by) {
		const widgets = shifted(this.definition.widgets, id, by);

		if (widgets)
			this.change({ ...this.definition, widgets });
	}

	keydown(e, c) {
		const p = place(this.definition.widgets.find((w) => w.id === c.widget.id)), step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[e.key];

		if (step) {
			e.preventDefault();
			const next = e.shiftKey ? { w: Math.max(1, Math.min(COLUMNS - p.x, p.w + step[0])), h: Math.max(1, p.h + step[1]) } : { x: Math.max(0, Math.min(COLUMNS - p.w, p.x + step[0])), y: Math.max(0, p.y + step[1]) };
			/* one up is past whoever stands there */
			if (!e.shiftKey && step[1] < 0) {
				const above = this.definition.widgets.filter((w) => w.id !== c.widget.id && overlap({ ...place(w) }, { ...p, y: p.y - 1 }));
				if (above.length)
					next.y = Math.min(...above.map((w) => place(w).y));
			} else if (!e.shiftKey && step[1] > 0) {
				const below = this.definition.widgets.filter((w) => w.id !== c.widget.id && overlap({ ...place(w) }, { ...p, y: p.y + 1 }));
				if (below.length)
					next.y = Math.max(...below.map((w) => place(w).y + place(w).h));
			}
			this.move(c.widget.id, next);
		} else if (e.key === 'Delete' || e.key === 'Backspace') {
			e.preventDefault();
			this.removeWidget(c.widget.id);
		}
	}

	drag(e, c, sizing) {
		const grid = this.board.grid.getBoundingClientRect(), style = getComputedStyle(this.board.grid), gap = parseFloat(style.columnGap) || 12, row = parseFloat(style.gridAutoRows) || 70;
		const column = (grid.width + gap) / COLUMNS, tall = row + gap, p = place(this.definition.widgets.find((w) => w.id === c.widget.id)), x0 = e.clientX, y0 = e.clientY;
		let last = null;

		if (e.button)
			return;
		e.preventDefault();
		if (style.display !== 'grid') {
			this.dragInColumn(e, c, sizing);
			return;
		}
		const on = (m) => {
			const dx = Math.round((m.clientX - x0) / column), dy = Math.round((m.clientY - y0) / tall);
			const next = sizing ? { w: Math.max(1, Math.min(COLUMNS - p.x, p.w + dx)), h: Math.max(1, p.h + dy) } : { x: Math.max(0, Math.min(COLUMNS - p.w, p.x + dx)), y: Math.max(0, p.y + dy) };
			const key = JSON.stringify(next);
			if (key === last)
				return;
			last = key;
			c.element.classList.add('moving');
			/* shown while it is dragged, one step when it is let go */
			const all = settle(this.definition.widgets.map((w) => w.id === c.widget.id ? { ...w, position: { ...place(w), ...next } } : w), c.widget.id);
			this.show(this.dragged = all);
		};
		const off = () => {
			removeEventListener('pointermove', on);
			removeEventListener('pointerup', off);
			removeEventListener('pointercancel', off);
			c.element.classList.remove('moving');
			if (this.dragged && JSON.stringify(this.dragged) !== JSON.stringify(this.definition.widgets))
				this.change({ ...this.definition, widgets: this.dragged });
			this.dragged = null;
			this.board.cells.forEach((cell) => cell.draw());
		};
		addEventListener('pointermove', on);
		addEventListener('pointerup', off);
		addEventListener('pointercancel', off);
	}

	/* Shown while it is dragged: each where it would be. */
	show(widgets) {
		for (const w of widgets) {
			const cell = this.board.cells.find((o) => o.widget.id === w.id);
			cell.widget = w;
			cell.place();
		}
	}

	/* One below the other: past each neighbour whose middle is passed; near an edge of the window the page scrolls along. */
	dragInColumn(e, c, sizing) {
		const id = c.widget.id, tall = c.element.getBoundingClientRect().height, rows = place(c.widget).h, y0 = e.clientY + scrollY;
		const box = (w) => this.board.cells.find((o) => o.widget.id === w?.id)?.element.getBoundingClientRect();
		let y = e.clientY, ended = false, all = this.definition.widgets;

		const follow = () => {
			if (ended)
				return;
			const edge = y < EDGE ? y - EDGE : y > innerHeight - EDGE ? y - innerHeight + EDGE : 0, list = inOrder(all), i = list.findIndex((w) => w.id === id);
			let next = null;
			if (edge)
				scrollBy(0, edge / 4);
			if (sizing) {
				const h = Math.max(1, Math.min(40, Math.round((tall + y + scrollY - y0) / (tall / rows))));
				if (h !== place(list[i]).h)
					next = settle(all.map((w) => w.id === id ? { ...w, position: { ...place(w), h } } : w), id);
			} else {
				const before = box(list[i - 1]), after = box(list[i + 1]);
				if (before && y < before.top + before.height / 2)
					next = shifted(all, id, -1);
				else if (after && y > after.top + after.height / 2)
					next = shifted(all, id, 1);
			}
			if (next)
				this.show(all = next);
			requestAnimationFrame(follow);
		};
		const on = (m) => { y = m.clientY; };
		const off = () => {
			ended = true;
			removeEventListener('pointermove', on);
			removeEventListener('pointerup', off);
			removeEventListener('pointercancel', off);
			c.element.classList.remove('moving');
			this.change({ ...this.definition, widgets: all });
			this.board.cells.forEach((cell) => cell.draw());
		};
		c.element.classList.add('moving');
		addEventListener('pointermove', on);
		addEventListener('pointerup', off);
		addEventListener('pointercancel', off);
		requestAnimationFrame(follow);
	}

	removeWidget(id) {
		this.change({ ...this.definition, widgets: this.definition.widgets.filter((w) => w.id !== id) });
		say('Removed. Undo brings it back.');
	}

	/* What a widget's menu has more while editing. */
	actions(c) {
		const id = c.widget.id, p = place(this.definition.widgets.find((w) => w.id === id)), all = inOrder(this.definition.widgets);

		/* moving and sizing are here too: not everybody can drag */
		return [['Settings', () => this.configure(this.definition.widgets.find((w) => w.id === id))],
			...(all[0].id !== id ? [['Move earlier', () => this.shift(id, -1)]] : []), ...(all.at(-1).id !== id ? [['Move later', () => this.shift(id, 1)]] : []),
			['Taller', () => this.move(id, { h: p.h + 1 })], ...(p.h > 1 ? [['Shorter', () => this.move(id, { h: p.h - 1 })]] : []),
			...(p.w < COLUMNS ? [['Wider', () => this.move(id, { w: p.w + 1, x: Math.min(p.x, COLUMNS - p.w - 1) })]] : []), ...(p.w > 1 ? [['Narrower', () => this.move(id, { w: p.w - 1 })]] : []),
			['Make a copy', () => {
				const w = clone(this.definition.widgets.find((x) => x.id === id));
				w.id = this.freeId(w.id);
				w.position = { ...place(w), y: place(w).y + place(w).h };
				this.change({ ...this.definition, widgets: settle([...this.definition.widgets, w], w.id) });
			}], ['Remove', () => this.removeWidget(id)]];
	}

	freeId(base) {
		const stem = String(base).replace(/_\d+$/, '');
		let n = 2;

		if (!this.definition.widgets.some((w) => w.id === stem))
			return stem;
		while (this.definition.widgets.some((w) => w.id === `${stem}_${n}`))
			n++;
		return `${stem}_${n}`;
	}

	add() {
		const types = [...Object.entries(widgets).map(([k, t]) => [k, t.title]), ['custom', 'A module of the site']];

		const box = dialog('Add a widget', h('div', { class: 'chips' }, types.map(([type, name]) => h('button', { type: 'button', onclick: () => {
			box.close();
			this.configure({ id: this.freeId(type), type, title: '', position: { x: 0, y: Math.max(0, ...this.definition.widgets.map((w) => place(w).y + place(w).h)), w: type === 'metric_card' || type === 'gauge' ? 3 : 6, h: type === 'metric_card' ? 2 : type === 'text' ? 2 : 4 } }, true);
		} }, name))), [], {});
	}

	/* The form of one widget, made of what its type reads. */
	async configure(widget, isNew = false) {
		const schema = await get('/api/v1/schema').then((s) => s.data).catch(() => []), of = (...kinds) => [...new Set(schema.filter((r) => kinds.includes(r.kind)).map((r) => r.name))];
		const lists = [h('datalist', { id: 'l-metric' }, of('event', 'metric').map((n) => h('option', { value: n }))), h('datalist', { id: 'l-event' }, of('event').map((n) => h('option', { value: n }))), h('datalist', { id: 'l-label' }, of('property').map((n) => h('option', { value: n })))];
		const w = clone(widget), inputs = {}, fields = widgets[w.type]?.fields || ['module', 'options'];
		const line = (name, label, props, hint, read = (v) => v.trim()) => {
			inputs[name] = { input: h(props.rows ? 'textarea' : 'input', { autocomplete: 'off', ...props }), read };
			return field(label, inputs[name].input, hint);
		};
		const joined = (v) => Array.isArray(v) ? v.join(', ') : v ?? '', many = (v) => v.split(',').map((s) => s.trim()).filter(Boolean), num = (v) => v.trim() === '' ? '' : Number(v);
		const json = (v) => v.trim() ? JSON.parse(v) : '';
		const makers = {
			metric: () => line('metric', 'Metric', { value: w.metric || '', list: 'l-metric' }, 'A metric or an event.'),
			query: () => line('query', 'or SQL', { class: 'code', rows: 5, value: w.query || '', spellcheck: 'false' }, ':from and :to are the period; other names are variables and filters.'),
			groupBy: () => line('groupBy', 'By', { value: joined(w.groupBy), list: 'l-label' }, 'Fields, separated by commas.', (v) => many(v).join(',')),
			interval: () => line('interval', 'Each', { value: w.interval || '' }, '1m, 1h, 1d; empty: fitting.'),
			steps: () => line('steps', 'Steps', { value: joined(w.steps) }, 'Events in their order, separated by commas.', many),
			within: () => line('within', 'Within', { value: w.within || '' }, 'From the first step to the last, at most: 7d.'),
			start: () => line('start', 'Begins with', { value: w.start || '', list: 'l-event' }, 'An event; empty: any.'), return: () => line('return', 'Comes back with', { value: w.return || '', list: 'l-event' }),
			periods: () => line('periods', 'Periods', { type: 'number', min: 1, max: 100, value: w.periods ?? '' }, null, num), event: () => line('event', 'Event', { value: w.event || '', list: 'l-event' }, 'Empty: all.'),
			limit: () => line('limit', 'Rows', { type: 'number', min: 1, max: 1000, value: w.limit ?? '' }, null, num), unit: () => line('unit', 'Unit', { value: w.unit || '' }, '%, ms, bytes, €, or a word.'),
			decimals: () => line('decimals', 'Decimals', { type: 'number', min: 0, max: 10, value: w.decimals ?? '' }, null, num), min: () => line('min', 'Least', { type: 'number', step: 'any', value: w.min ?? '' }, null, num), max: () => line('max', 'Greatest', { type: 'number', step: 'any', value: w.max ?? '' }, null, num),
			filters: () => line('filters', 'Only where', { class: 'mono', value: w.filters ? JSON.stringify(w.filters) : '' }, '{"country":"DE"}', json), text: () => line('text', 'Text', { rows: 6, value: w.text || '' }, '# heading, - list, **strong**, `code`, [name](address)'),
			module: () => line('module', 'Module', { value: w.module || '' }, 'A file in config/widgets/: clock.js'), options: () => line('options', 'Options', { class: 'code', rows: 3, value: w.options ? JSON.stringify(w.options) : '' }, 'JSON, for the module.', json),
		};
		for (const [name, label] of [['compare', 'With the period before'], ['forecast', 'With a forecast'], ['stacked', 'Stacked']])
			makers[name] = () => {
				inputs[name] = { input: h('input', { type: 'checkbox', checked: !!w[name] }), read: () => inputs[name].input.checked ? w[name] || true : '' };
				return field(label, inputs[name].input);
			};
		const box = dialog(isNew ? `New: ${widgets[w.type]?.title || 'module'}` : 'Widget', [lists, line('title', 'Title', { value: w.title || '' }),
			field('Type', select([...Object.entries(widgets).map(([k, t]) => [k, t.title]), ['custom', 'A module of the site']], w.type, (v) => {
				const next = read(w);
				box.close();
				this.configure({ ...next, type: v }, isNew);
			})), fields.map((f) => makers[f]?.()), ['text'].includes(w.type) ? null : line('timeRange', 'Period', { value: w.timeRange || '', list: 'l-range' }, '1h, 24h, 7d, today'), h('datalist', { id: 'l-range' }, ['1h', '24h', '7d', '30d', 'today'].map((v) => h('option', { value: v })))],
		[{ label: 'Cancel' }, { label: isNew ? 'Add' : 'Use it', main: true, run: (d) => {
			let next;
			try {
				next = read(w);
			} catch (e) {
				say(`That is no JSON: ${e.message}`, 'bad');
				return;
			}
			d.close();
			if (isNew)
				this.change({ ...this.definition, widgets: settle([...this.definition.widgets, next], null) });
			else
				this.change({ ...this.definition, widgets: this.definition.widgets.map((o) => o.id === next.id ? next : o) });
		} }]);

		function read(from) {
			const next = clone(from);
			for (const [name, { input, read: how }] of Object.entries(inputs)) {
				const v = how(input.value);
				if (v === '' || (Array.isArray(v) && !v.length))
					delete next[name];
				else
					next[name] = v;
			}
			return next;
		}
	}

	settings() {
		const d = this.definition, title = h('input', { value: d.title || '' }), about = h('textarea', { rows: 2, value: d.description || '' }), range = h('input', { value: d.timeRange || '' });
		const variables = h('textarea', { class: 'code', rows: 4, value: d.variables ? JSON.stringify(d.variables, null, 1) : '' }), notes = h('textarea', { class: 'code', rows: 3, value: d.annotations ? JSON.stringify(d.annotations, null, 1) : '' });

		dialog('Dashboard', [field('Title', title), field('Description', about), field('Period of widgets that have none', range, '24h'), field('Variables', variables, '[{"name":"country","values":["DE","FR"],"default":"DE"}] or with "query"; $country in texts, :country in SQL'), field('Annotations', notes, '[{"timestamp":"2026-11-23T14:05:00Z","text":"deploy"}]')],
			[{ label: 'Cancel' }, { label: 'Use it', main: true, run: (box) => {
				const next = clone(d), set = (k, v) => v === '' || v == null ? delete next[k] : next[k] = v;
				try {
					set('title', title.value.trim());
					set('description', about.value.trim());
					set('timeRange', range.value.trim());
					set('variables', variables.value.trim() ? JSON.parse(variables.value) : '');
					set('annotations', notes.value.trim() ? JSON.parse(notes.value) : '');
				} catch (e) {
					return say(`That is no JSON: ${e.message}`, 'bad');
				}
				box.close();
				return this.change(next);
			} }]);
	}

	async save() {
		const d = given(this.definition), copy = this.board.definition.readonly || this.board.isDefault;

		try {
			if (copy) {
				const name = h('input', { value: `${d.title || titled(d.id)}${this.board.isDefault ? '' : ' (copy)'}`, required: true });
				dialog('Save as', field('Title', name), [{ label: 'Cancel' }, { label: 'Save', main: true, run: async (box) => {
					const { id, ...rest } = d;
					void id;
					try {
						const made = await post('/api/v1/dashboards', { ...rest, title: name.value.trim() });
						box.close();
						this.was = this.definition;
						this.end();
						await boardsChanged();
						location.hash = `#/d/${encodeURIComponent(made.id)}`;
					} catch (e) {
						say(e.message, 'bad');
					}
				} }]);
				return;
			}
			const saved = await put(`/api/v1/dashboards/${encodeURIComponent(d.id)}`, d, this.was.version);
			this.board.definition = saved;
			this.was = clone(saved);
			this.end();
			say(`Saved as version ${saved.version}.`);
			boardsChanged();
		} catch (e) {
			if (e instanceof ApiError && e.status === 412)
				dialog('Somebody saved meanwhile', h('p', null, 'Your changes are still here. Keep theirs and lose yours, or put yours over theirs? Theirs stays among the versions.'), [
					{ label: 'Keep theirs', run: (box) => { box.close(); this.steps = [this.was]; this.at = 0; this.end(); location.reload(); } },
					{ label: 'Put mine over it', main: true, run: async (box) => { box.close(); this.was = { ...this.was, version: (await get(`/api/v1/dashboards/${encodeURIComponent(d.id)}`)).version }; this.save(); } }]);
			else
				say(e.message, 'bad');
		}
	}

	cancel() {
		const leave = () => {
			this.at = 0;
			this.apply();
			this.end();
		};

		if (this.dirty)
			dialog('Discard the changes?', h('p', null, 'What was changed since the last save is lost.'), [{ label: 'Keep editing' }, { label: 'Discard', main: true, run: (box) => { box.close(); leave(); } }]);
		else
			leave();
	}

	end() {
		removeEventListener('keydown', this.onkey);
		removeEventListener('beforeunload', this.onleave);
		this.undress();
		this.bar.remove();
		this.board.element.classList.remove('editing');
		this.board.editing = null;
		this.board.read();
		this.board.drawBar();
		this.board.drawCells();
	}
}

/* ---- versions */
export async function versions(board) {
	const id = board.definition.id;

	try {
		const { versions: all } = await get(`/api/v1/dashboards/${encodeURIComponent(id)}/versions`);
		const box = dialog('Versions', all.length ? table(['Version', 'Saved', 'By', 'Widgets', ''], all.map((v) => [v.version, moment(Date.parse(v.changed)), v.by, v.widgets, v]), { cell: (v, i) => i < 4 ? text(v) : v.version === board.definition.version ? 'now' : h('button', { type: 'button', onclick: async () => {
			try {
				const old = given(await get(`/api/v1/dashboards/${encodeURIComponent(id)}/versions/${v.version}`));
				board.definition = await put(`/api/v1/dashboards/${encodeURIComponent(id)}`, old, board.definition.version);
				box.close();
				board.read();
				board.drawBar();
				board.drawCells();
				say(`Version ${v.version} is back, as version ${board.definition.version}.`);
			} catch (e) {
				say(e.message, 'bad');
			}
		} }, 'Bring back') }) : h('p', null, 'There is one version only.'), [{ label: 'Close', main: true, run: (d) => d.close() }]);
	} catch (e) {
		say(e.message, 'bad');
	}
}

export function create() {
	const title = h('input', { required: true }), from = h('textarea', { class: 'code', rows: 4 });

	dialog('New dashboard', [field('Title', title), field('Definition', from, 'JSON of another one, if you have it.')], [{ label: 'Cancel' }, { label: 'Make it', main: true, run: async (box) => {
		try {
			const { id, ...rest } = from.value.trim() ? given(JSON.parse(from.value)) : { layout: 'grid', widgets: [] };
			const made = await post('/api/v1/dashboards', { ...(id ? { id } : {}), ...rest, title: title.value.trim() || rest.title || 'Dashboard' });
			box.close();
			await boardsChanged();
			location.hash = `#/d/${encodeURIComponent(made.id)}`;
		} catch (e) {
			say(e.message, 'bad');
		}
	} }]);
}

export function removeBoard(board) {
	dialog('Delete the dashboard?', h('p', null, `${board.definition.title || board.definition.id} is gone for everybody.`), [{ label: 'Cancel' }, { label: 'Delete', main: true, run: async (box) => {
		try {
			await remove(`/api/v1/dashboards/${encodeURIComponent(board.definition.id)}`);
			box.close();
			await boardsChanged();
			location.hash = '#/d/overview';
		} catch (e) {
			say(e.message, 'bad');
		}
	} }]);
}

/* ---- links for who has no account: one dashboard, read only, with the rights of who shares it, until it ends or is taken back */
export async function shareBoard(board) {
	const base = `/api/v1/dashboards/${encodeURIComponent(board.definition.id)}`, ends = h('input', { value: '7d' }), made = h('div', { role: 'status' }), list = h('div');
	const address = (token) => `${location.origin}/#/s/${token}`;
	const show = async () => {
		const { shares } = await get(`${base}/shares`);
		fill(list, shares.length > 0 && [h('h3', null, 'Links that hold'), table(['Made', 'By', 'Until', ''], shares.map((s) => [moment(Date.parse(s.created)), s.by, moment(Date.parse(s.expires)), s]), { cell: (v, i) => i < 3 ? text(v) : h('button', { type: 'button', class: 'bad', onclick: async () => { await remove(`${base}/shares/${v.id}`).catch((e) => say(e.message, 'bad')); show(); } }, 'Take back') })]);
	};

	dialog('Share', [h('p', null, 'Who has the link sees this dashboard and nothing else, with what you yourself may see.'), field('Holds for', ends, '1h, 7d, 90d at most.'), made, list], [{ label: 'Close' }, { label: 'Make a link', main: true, run: async () => {
		try {
			const s = await post(`${base}/shares`, { expires: ends.value.trim() }), a = address(s.token);
			fill(made, h('div', { class: 'once' }, h('p', null, 'The link is shown this once:'), link(a.replace(location.origin, '/').replace('//', '/'), { class: 'mono' }, a), h('p', null, 'In a frame of a page that serve.frames names:'), h('code', null, `<iframe src="${a}"></iframe>`)));
			navigator.clipboard?.writeText(a).then(() => say('The link is in the clipboard.'), () => null);
			show();
		} catch (e) {
			say(e.message, 'bad');
		}
	} }]);
	show().catch(() => null);
}
