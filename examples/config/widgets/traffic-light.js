/* traffic-light.js - a widget of one's own: a metric as red, amber or green.
 *
 * It goes into config/widgets/, and a dashboard names it:
 *
 *	{"id":"errors","type":"custom","module":"traffic-light.js","title":"Errors","metric":"payment_error","timeRange":"1h",
 *	 "options":{"amber":10,"red":50},"position":{"x":0,"y":0,"w":2,"h":3}}
 *
 * The module's default export is what at-serve(1) calls a widget: load asks, draw draws, table says the same in rows. Nothing is imported:
 * ctx.kit has what it takes. Texts are given as texts; the page's policy lets no widget make HTML of them. */
const levels = ['green', 'amber', 'red'];

function level(value, { amber = 1, red = 10 } = {}) {
	return value >= red ? 'red' : value >= amber ? 'amber' : 'green';
}

export default {
	title: 'Traffic light',

	/* What is asked for: a promise of this widget's data. The source asks with the rights of who looks. */
	load: (ctx) => ctx.source.metric({ metric: ctx.widget.metric, ...ctx.range, interval: 'all' }),

	/* Drawn into `place`, again whenever there is something new. */
	draw(place, data, ctx) {
		const { h, number } = ctx.kit, now = level(data.total, ctx.widget.options);
		const colors = { green: '#2f9e44', amber: '#f08c00', red: '#e03131' };

		place.replaceChildren(h('div', { style: { display: 'flex', 'align-items': 'center', gap: '1rem', height: '100%' } },
			h('div', { role: 'img', 'aria-label': `${now}: ${number(data.total)}`, style: { display: 'grid', gap: '.4rem', background: '#212529', padding: '.6rem', 'border-radius': '1rem' } },
				[...levels].reverse().map((l) => h('span', { style: { width: '2rem', height: '2rem', 'border-radius': '50%', background: l === now ? colors[l] : '#495057' } }))),
			h('strong', { style: { 'font-size': '1.6rem' } }, number(data.total))));
	},

	/* The same for who cannot see it, and for CSV. */
	table: (data) => ({ columns: ['metric', 'value'], rows: [[data.metric, data.total]] }),

	/* What it wishes to hear of; what comes makes it load again, at most once a second. */
	wishes: (ctx) => ctx.range.timeRange ? [{ metric: ctx.widget.metric, timeRange: ctx.range.timeRange }] : [],
};
