/* early.js - the first questions of a dashboard, asked while the code that will draw it is still on its way: who is it, which dashboards are
 * there, and what the first widgets show. It imports next to nothing, so it runs first; the answers wait in api.js for who asks them. */
import { ahead, key } from './api.js';
import { metricQuestion, rangeOf } from './question.js';

const WIDGETS_MOST = 12;
const [path, words] = location.hash.replace(/^#\/?/, '').split(/\?(.*)/s), [kind, id] = path.split('/'), state = Object.fromEntries(new URLSearchParams(words || ''));

async function first() {
	const boards = ahead('/api/v1/dashboards');

	ahead('/api/v1/me').catch(() => null);
	ahead('/api/v1/schema').catch(() => null);
	const { dashboards } = await boards, board = id ? dashboards.find((d) => d.id === decodeURIComponent(id)) : dashboards[0];
	if (!board || board.variables?.length || Object.keys(state).some((k) => /^[fv]\./.test(k)))
		return;
	const row = (w) => w.position?.y ?? 0;
	for (const w of [...board.widgets].sort((a, b) => row(a) - row(b)).slice(0, WIDGETS_MOST))
		if (w.metric && !w.query && !/\$/.test(w.metric))
			ahead('/api/v1/metrics', metricQuestion(w, rangeOf(board, w, state), w.filters)).catch(() => null);
}

/* Only where somebody most likely is signed in: a stranger's questions would all be refused. */
if ((!kind || kind === 'd') && (key() || localStorage.getItem('at.in')))
	first().catch(() => null);
