/* live.js - what is committed, as it is committed: over a WebSocket; where there is none, over Server-Sent Events; else asked for again.
 *
 *	const stop = live.subscribe({ metric: 'signups', timeRange: '1h', interval: '1m' }, (message) => …)
 *
 * Each wish has an id, so that its messages find their way; a connection that is lost comes again with all wishes, and each hears a
 * snapshot first. A stream has no ids: one carries the names of all wishes, and who wished for one of them hears { type: 'changed' } and
 * asks anew. `state` is 'live', 'stream', 'polling' or 'offline', 'idle' before anybody wished for
 * anything; listeners are told when it changes. */
import { key, tenant } from './api.js';

const WAIT = [500, 1000, 2000, 5000, 10000];
const wishes = new Map();       /* id -> { wish, tell } */
let next = 1, socket = null, open = false, tries = 0, timer = 0, stream = null, everOpen = false, stopped = false;

export const live = {
	state: 'idle',
	listeners: new Set(),
	subscribe(wish, tell) {
		const id = `w${next++}`;

		wishes.set(id, { wish, tell });
		if (open)
			socket.send(JSON.stringify({ subscribe: { ...wish, id } }));
		else if (stream)
			restream();
		else if (!socket && !timer)
			connect();
		return () => {
			wishes.delete(id);
			if (open)
				socket.send(JSON.stringify({ unsubscribe: id }));
		};
	},
	stop() {
		stopped = true;
		clearTimeout(timer);
		timer = 0;
		socket?.close();
		stream?.abort();
		socket = stream = null;
		open = false;
	},
	start() {
		stopped = false;
		tries = 0;
		if (!socket && wishes.size)
			connect();
	},
};

function be(state) {
	if (live.state === state)
		return;
	live.state = state;
	for (const l of live.listeners)
		l(state);
}

function hear(text) {
	let m;

	try {
		m = JSON.parse(text);
	} catch {
		return;
	}
	if (m.type === 'authenticated')
		subscribeAll();
	else
		wishes.get(m.id)?.tell(m);
}

function subscribeAll() {
	open = everOpen = true;
	tries = 0;
	be('live');
	for (const [id, { wish }] of wishes)
		socket.send(JSON.stringify({ subscribe: { ...wish, id } }));
}

function again() {
	clearTimeout(timer);
	if (stopped || document.hidden)
		return;
	timer = setTimeout(connect, WAIT[Math.min(tries++, WAIT.length - 1)]);
}

function connect() {
	timer = 0;
	if (stopped || !wishes.size)
		return;
	if (!everOpen && tries >= 2) {                  /* something between us and the server lets none through */
		restream();
		return;
	}
	const s = socket = new WebSocket(`${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/ws${tenant() ? `?tenant=${encodeURIComponent(tenant())}` : ''}`);

	s.onopen = () => key() ? s.send(JSON.stringify({ auth: key() })) : subscribeAll();
	s.onmessage = (e) => hear(e.data);
	s.onclose = () => {
		if (socket !== s)
			return;
		socket = null;
		open = false;
		be(navigator.onLine === false ? 'offline' : 'polling');
		again();
	};
}

/* ---- Server-Sent Events, through fetch so that a key can go along */
let restreaming = 0;
function restream() {
	clearTimeout(restreaming);
	restreaming = setTimeout(openStream, 100);
}

async function openStream() {
	const names = (kind) => [...new Set([...wishes.values()].map((w) => w.wish[kind]).filter((n) => typeof n === 'string'))].slice(0, 15).join(',');
	const has = (kind) => [...wishes.values()].some((w) => w.wish[kind] === true || w.wish === kind);
	const q = new URLSearchParams();
	const mine = new AbortController();

	for (const kind of ['event', 'metric'])
		if (names(kind))
			q.set(kind, names(kind));
	for (const kind of ['anomalies', 'alerts'])
		if (has(kind))
			q.set(kind, 'true');
	stream?.abort();
	stream = mine;
	try {
		const response = await fetch(`/api/v1/stream?${q}`, { signal: mine.signal, cache: 'no-store', credentials: 'same-origin',
			headers: { Accept: 'text/event-stream', ...(key() ? { Authorization: `Bearer ${key()}` } : {}), ...(tenant() ? { 'X-Tenant': tenant() } : {}) } });
		const reader = response.ok && response.body.pipeThrough(new TextDecoderStream()).getReader();
		let rest = '';

		if (!reader)
			throw new Error(response.status);
		be('stream');
		for (const { tell } of wishes.values())         /* what came before it was open */
			tell({ type: 'changed' });
		for (;;) {
			const { value, done } = await reader.read();

			if (done)
				break;
			const parts = (rest + value).split('\n\n');
			rest = parts.pop();
			for (const part of parts) {
				const data = part.split('\n').find((l) => l.startsWith('data: '));

				if (data)
					spread(JSON.parse(data.slice(6)));
			}
		}
	} catch (e) {
		if (e.name === 'AbortError')
			return;
	}
	if (stream === mine) {
		stream = null;
		be('polling');
		again();
	}
}

function spread(m) {
	for (const { wish, tell } of wishes.values())
		if ((m.type === 'event' && (wish.event === m.event?.event || wish.event === '*')) || (m.type === 'anomaly' && wish.anomalies) || (m.type === 'alert' && wish.alerts))
			tell(m);
		else if (m.metric && wish.metric === m.metric && m.type !== 'snapshot')
			tell({ type: 'changed' });
}

/* A page that nobody sees asks for nothing. */
document.addEventListener('visibilitychange', () => {
	if (!document.hidden && !socket && !stream)
		live.start();
});
addEventListener('online', () => live.start());
