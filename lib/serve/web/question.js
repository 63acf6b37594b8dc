/* question.js - what a widget asks of a metric. It is said here once, apart from the widgets: early.js asks while their code is under way,
 * and what it asked must be, letter by letter, what they will ask. */

export const listOf = (widget) => Array.isArray(widget.groupBy) ? widget.groupBy : widget.groupBy ? String(widget.groupBy).split(',').map((s) => s.trim()).filter(Boolean) : [];

/* Which types show one value, and which one total a name; the others show buckets of time. */
const single = new Set(['metric_card', 'gauge']), totals = new Set(['pie_chart', 'bar_chart', 'table']);

export function metricQuestion(widget, range, filters) {
	const by = single.has(widget.type) ? [] : listOf(widget);
	const whole = widget.type === 'gauge' || widget.type === 'pie_chart' || (totals.has(widget.type) && by.length);

	return { metric: widget.metric, ...range, interval: whole ? 'all' : widget.interval || (widget.type === 'heatmap' && !by.length ? '1h' : undefined), groupBy: by.join(','),
		...(filters && Object.keys(filters).length ? { filters: JSON.stringify(filters) } : {}) };
}

/* The period of a widget: the address's, its own, its dashboard's. */
export function rangeOf(definition, widget, { range, from, to }) {
	return from ? { from, to } : { timeRange: range || widget.timeRange || definition.timeRange || '24h' };
}
