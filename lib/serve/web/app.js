/* app.js - the page around everything: who is signed in, where the address leads, what stands at the edges.
 *
 * The address behind # is all the state there is: #/d/ID?…, #/explore?sql=…, #/metrics?…, #/events?…, #/ask?q=…, #/alerts, #/admin/KEYS,
 * #/account, #/login, #/s/TOKEN (a shared link). A view is { element, set(state)?, free()? }; those that are seldom opened are loaded then. */
import { button, fill, h, icon, say, select } from './dom.js';
import { ApiError, get, key, on, post, setKey, setTenant, tenant } from './api.js';
import { live } from './live.js';
import { Board, defaultBoard, popup, serverNow } from './board.js';
import { zone } from './format.js';

export const session = { me: null, boards: [], learned: 0, may: { edit: false, admin: false } };
const FRESH_MS = 3000;
const app = document.getElementById('app');
let view = null, viewKey = '', main = null;

/* ---- dark and light: the system's, or what was chosen */
function applyTheme() {
	const chosen = localStorage.getItem('at.theme');

	document.documentElement.dataset.theme = chosen || (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light');
	view?.repaint?.();
}
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', applyTheme);

function toggleTheme() {
	localStorage.setItem('at.theme', document.documentElement.dataset.theme === 'dark' ? 'light' : 'dark');
	applyTheme();
	drawShell();
}

/* ---- the address */
export function address() {
	const [path, rest] = location.hash.replace(/^#\/?/, '').split(/\?(.*)/s);

	return { path: path.split('/').map(decodeURIComponent), state: Object.fromEntries(new URLSearchParams(rest || '')) };
}

/* Change words of the state; null takes one out. A step that may be gone back to, unless it only follows typing. */
export function go(change, { replace = false } = {}) {
	const { path, state } = address(), q = new URLSearchParams();

	for (const [k, v] of Object.entries({ ...state, ...change }))
		if (v != null && v !== '')
			q.set(k, v);
	const target = `#/${path.map(encodeURIComponent).join('/')}${q.size ? `?${q}` : ''}`;
	if (replace)
		history.replaceState(null, '', target);
	else
		history.pushState(null, '', target);
	return route();
}

const lazily = {
	explore: () => import('./explore.js').then((m) => m.sqlView), metrics: () => import('./explore.js').then((m) => m.metricView), events: () => import('./explore.js').then((m) => m.eventView),
	ask: () => import('./explore.js').then((m) => m.askView), alerts: () => import('./admin.js').then((m) => m.alertView), admin: () => import('./admin.js').then((m) => m.adminView),
	account: () => import('./admin.js').then((m) => m.accountView), login: () => import('./login.js').then((m) => m.loginView), s: () => import('./shared.js').then((m) => m.sharedView),
};

async function boardView(id, state) {
	let definition, isDefault = false;

	if (!id && session.boards.length)
		id = session.boards[0].id;
	const known = session.boards.find((b) => b.id === id);
	if (known && Date.now() - session.learned < FRESH_MS)   /* the list has them whole */
		definition = known;
	else if (known || (id && id !== 'overview'))
		definition = await get(`/api/v1/dashboards/${encodeURIComponent(id)}`);
	const names = new Set(), asked = get('/api/v1/schema').catch(() => null).then((schema) => {
		for (const r of schema?.data || [])
			if (r.kind === 'event')
				names.add(r.name);
		return schema;
	});
	if (!definition) {
		const schema = await asked;
		isDefault = true;
		if (!schema?.data.some((r) => r.kind === 'event' || r.kind === 'metric'))
			return { element: welcome() };
		definition = defaultBoard(schema, Date.now() + await serverNow());
	}
	document.title = `${definition.title || definition.id} – at`;
	return new Board(definition, state, { go, names, mayEdit: session.may.edit, share: session.may.edit, isDefault, boards: session.boards });
}

function welcome() {
	const at = location.origin, code = (text) => h('pre', null, h('code', null, text));

	setTimeout(async function look() {      /* the first event brings the dashboard */
		const schema = await get('/api/v1/schema').catch(() => null);
		if (schema?.data.length)
			route(true);
		else if (document.querySelector('.welcome'))
			setTimeout(look, 2000);
	}, 2000);
	return h('div', { class: 'welcome' }, h('h1', null, 'Nothing is stored yet'), h('p', null, 'Send a first event, and this page fills itself. It waits.'),
		code(`curl ${at}/api/v1/events -H "X-API-Key: $KEY" \\\n  -d '{"event":"hello","user_id":"me","properties":{"from":"curl"}}'`), h('p', null, 'Or read a file into the store, on the machine itself:'), code('at-ingest access.log'),
		h('p', null, h('a', { href: '/docs' }, 'All of the API'), ' · ', h('a', { href: '/openapi.json' }, 'the same for machines')));
}

async function route(force = false) {
	const { path, state } = address(), [kind = '', id = ''] = path;

	if (!session.me && kind !== 'login' && kind !== 's') {
		if (!await signIn())
			return;
	}
	const isBoard = kind === '' || kind === 'd', where = `${kind}/${isBoard || kind === 's' || kind === 'admin' ? id : ''}`;
	if (where === viewKey && view?.set && force !== true) {
		view.set(state);
		return;
	}
	viewKey = where;
	try {
		const make = isBoard ? null : await lazily[kind]?.();
		const made = isBoard ? await boardView(id, state) : make ? await make(state, { path, go, session }) : { element: h('div', { class: 'empty' }, h('p', null, 'There is no such page.'), h('a', { href: '#/' }, 'To the dashboards')) };
		if (viewKey !== where)
			return made.free?.();
		view?.free?.();
		view = made;
	} catch (e) {
		view?.free?.();
		view = { element: h('div', { class: 'empty' }, h('h1', null, 'That cannot be shown'), h('p', null, e.message), h('button', { type: 'button', onclick: () => route(true) }, 'Try again')) };
	}
	document.body.classList.toggle('bare', kind === 'login' || kind === 's' || state.bare === '1');
	document.body.classList.toggle('embedded', window !== window.top);
	if (!isBoard && kind !== 's')
		document.title = `${{ explore: 'Explore', metrics: 'Metrics', events: 'Events', ask: 'Ask', alerts: 'Alerts', admin: 'Administration', account: 'Account', login: 'Sign in' }[kind] || 'at'} – at`;
	drawShell();
	fill(main, view.element);
	view.focus?.();
}

/* ---- who is it */
async function signIn() {
	try {
		if (!key() && !localStorage.getItem('at.in') && !(await get('/api/v1/login')).session)
			throw new ApiError(401);
		/* who was here before most likely still is: then nothing waits for the other */
		const boards = key() || localStorage.getItem('at.in') ? get('/api/v1/dashboards').catch(() => null) : null;
		if (boards)
			get('/api/v1/schema').catch(() => null);
		session.me = await get('/api/v1/me');
		await learn(boards);
		localStorage.setItem('at.in', '1');
		return true;
	} catch (e) {
		if (!(e instanceof ApiError) || (e.status !== 401 && e.status !== 403)) {
			fill(app, h('div', { class: 'empty' }, h('p', null, e.message), h('button', { type: 'button', onclick: () => route(true) }, 'Try again')));
			setTimeout(() => !session.me && route(true), 3000);
			return false;
		}
		setKey('');
		localStorage.removeItem('at.in');
		const back = location.hash;
		location.hash = `#/login${back && !back.startsWith('#/login') ? `?then=${encodeURIComponent(back)}` : ''}`;
		return false;
	}
}

/* What the roles let him do is the server's to say: nothing here grants anything, it only leaves out what would be refused. */
async function learn(boards) {
	session.boards = ((boards && await boards) || await get('/api/v1/dashboards').catch(() => ({ dashboards: [] }))).dashboards;
	session.learned = Date.now();
	session.may = { edit: allows(session.me, 'write', 'dashboards'), rules: allows(session.me, 'write', 'rules'), admin: ['keys', 'users', 'roles', 'tenants'].some((r) => allows(session.me, 'admin', r)) || allows(session.me, 'read', 'audit') };
}

export function allows(me, action, resource) {
	return (me.permissions || ['*:*']).some((p) => {
		const [a, r] = p.split(':');
		return (a === '*' || a === action) && (r === '*' || r === resource);
	});
}

export async function entered() {
	session.me = null;
	live.start();
	const then = address().state.then;
	history.replaceState(null, '', then && then.startsWith('#/') ? then : '#/');
	await route(true);
}

on.signedOut = () => {
	if (!session.me)
		return;
	session.me = null;
	live.stop();
	say('The session has ended: sign in again.', 'bad');
	route(true);
};

async function signOut() {
	live.stop();
	await post('/api/v1/logout').catch(() => null);
	setKey('');
	setTenant('');
	session.me = null;
	location.hash = '#/login';
}

export async function boardsChanged() {
	session.boards = (await get('/api/v1/dashboards')).dashboards;
	session.learned = Date.now();
	drawShell();
}

/* ---- the edges of the page */
function drawShell() {
	const kind = address().path[0] || 'd', dark = document.documentElement.dataset.theme === 'dark', me = session.me;
	const tab = (href, name, pic, kinds) => h('a', { href, 'aria-current': kinds.includes(kind) ? 'page' : null }, icon(pic), h('span', null, name));

	if (!main) {
		main = h('main', { id: 'main', tabindex: -1 });
		fill(app, h('a', { class: 'skip', href: '#main', onclick: (e) => { e.preventDefault(); main.focus(); } }, 'Skip to the content'), h('div', { id: 'top' }), main);
	}
	const top = document.getElementById('top');
	if (!me || document.body.classList.contains('bare')) {
		top.replaceChildren();
		return;
	}
	fill(top, h('header', { class: 'top' },
		h('a', { class: 'brand', href: '#/', 'aria-label': 'at, to the first dashboard' }, h('img', { src: '/web/icon.svg', alt: '', width: 26, height: 26 }), h('b', null, 'at')),
		h('nav', { 'aria-label': 'Main' }, tab('#/', 'Dashboards', 'board', ['d', '']), tab('#/explore', 'Explore', 'explore', ['explore', 'metrics', 'events']), tab('#/ask', 'Ask', 'ask', ['ask']), tab('#/alerts', 'Alerts', 'bell', ['alerts']),
			session.may.admin && tab('#/admin/keys', 'Admin', 'gear', ['admin'])),
		h('span', { class: 'gap' }),
		session.boards.length > 0 && (kind === 'd' || kind === '') && select([...session.boards.map((b) => [b.id, b.title || b.id]), ...(session.boards.some((b) => b.id === 'overview') ? [] : [['overview', 'Overview']])], address().path[1] || session.boards[0].id, (id) => { location.hash = `#/d/${encodeURIComponent(id)}`; }, { 'aria-label': 'Dashboard', class: 'board-pick' }),
		button(dark ? 'sun' : 'moon', dark ? 'Light colours' : 'Dark colours', toggleTheme),
		button('user', `${me.name}, menu`, (e) => popup([
			[`${me.name} · ${tenant() || me.tenant}`, () => { location.hash = '#/account'; }],
			[zone.utc ? 'Times of this machine' : 'Times in UTC', () => { localStorage.setItem('at.zone', zone.utc ? 'local' : 'utc'); location.reload(); }],
			['The API', () => { location.href = '/docs'; }],
			['Sign out', signOut],
		], e.currentTarget), { 'aria-haspopup': 'menu' })));
}

/* Paper is light, whatever the screen is. */
addEventListener('beforeprint', () => {
	document.documentElement.dataset.theme = 'light';
	view?.repaint?.(true);
});
addEventListener('afterprint', applyTheme);
addEventListener('hashchange', () => route());
applyTheme();
if (key())
	live.start();
route(true);
