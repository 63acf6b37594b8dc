/* shared.js - a dashboard behind a link: the server knows by the link which one it is and asks what its widgets say; nothing else can be
 * asked for with it. */
import { h } from './dom.js';
import { query, rowsOf, send } from './api.js';
import { Board } from './board.js';

export async function sharedView(state, { path, go }) {
	/* the secret goes in a header: addresses are written into logs */
	const get = async (where, params) => (await send('GET', `/api/v1/shared${where}${query(params)}`, undefined, { headers: { Authorization: `Bearer ${path[1] || ''}` } })).json;

	try {
		const definition = await get('');
		const of = (widget) => {
			const ask = (p = {}) => get(`/${encodeURIComponent(widget.id)}`, { timeRange: p.timeRange, from: p.from, to: p.to, interval: p.interval });
			return { metric: ask, funnel: ask, retention: ask, events: ask, alerts: ask, rows: async (w, ctx) => rowsOf(await ask(ctx.range)) };
		};
		document.title = `${definition.title || definition.id} – at`;
		const board = new Board(definition, state, { go, sourceOf: of });
		return Object.assign(board, { element: board.element });
	} catch (e) {
		return { element: h('div', { class: 'empty' }, h('h1', null, 'This link does not hold'), h('p', null, e.message)) };
	}
}
