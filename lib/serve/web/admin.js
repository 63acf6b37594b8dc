/* admin.js - alerts with their rules and silences; keys, users, roles, tenants and the audit trail; one's own account. What is shown once
 * (a key, a one-time secret) is shown until the dialogue is closed, and kept nowhere. */
import { dialog, field, fill, h, say, select, table, text } from './dom.js';
import { ApiError, get, patch, post, put, remove, setTenant, tenant } from './api.js';
import { alertLine } from './widgets.js';
import { ago, moment, number } from './format.js';
import { live } from './live.js';
import { allows, go } from './app.js';

const when = (t) => t ? moment(Date.parse(t)) : '–';
const trouble = (e) => say(e.message, 'bad');
const sure = (title, what, label, run) => dialog(title, h('p', null, what), [{ label: 'Cancel' }, { label, main: true, run: async (d) => { d.close(); await run().catch(trouble); } }]);
const once = (title, ...content) => dialog(title, h('div', { class: 'once' }, content), [{ label: 'I have it', main: true, run: (d) => d.close() }]);
const lines = (s) => s.split(/[,\n]/).map((x) => x.trim()).filter(Boolean);

function form(title, fields, label, run) {
	const box = dialog(title, fields.map(([name, input, hint]) => field(name, input, hint)), [{ label: 'Cancel' }, { label, main: true, run: async (d) => {
		try {
			await run(d);
			d.close();
		} catch (e) {
			trouble(e);
		}
	} }]);
	return box;
}

/* ---- alerts */
export async function alertView(state, { session: who }) {
	const part = state.part || 'now', place = h('div', { class: 'page' });
	const may = allows(who.me, 'write', 'rules');
	const tabs = h('nav', { class: 'tabs', 'aria-label': 'Alerts' }, [['now', 'Alerts'], ['rules', 'Rules'], ['silences', 'Silences'], ['anomalies', 'Anomalies']].map(([k, name]) => h('a', { href: `#/alerts?part=${k}`, 'aria-current': k === part ? 'page' : null }, name)));
	let stop = () => null;
	const parts = {
		async now() {
			const { alerts } = await get('/api/v1/alerts', { timeRange: state.range || '7d', state: state.state, limit: 200 });
			fill(place, h('div', { class: 'line' }, field('State', select([['', 'all'], 'firing', 'pending', 'resolved'].map((s) => Array.isArray(s) ? s : [s, s]), state.state || '', (v) => go({ state: v || null }))), field('Period', select(['1h', '24h', '7d', '30d', 'all'], state.range || '7d', (v) => go({ range: v })))),
				h('div', { class: 'panel' }, alerts.length ? h('ul', { class: 'alerts' }, alerts.map((a) => {
					const line = alertLine(a);
					if (may)
						line.append(h('button', { type: 'button', onclick: () => silence(a.labels || {}, a.alert?.name || a.alert || a.name) }, 'Silence'));
					return line;
				})) : h('div', { class: 'empty' }, h('p', null, 'All quiet in this period.'))));
		},
		async rules() {
			const { rules } = await get('/api/v1/rules');
			fill(place, may && h('div', { class: 'line' }, h('button', { type: 'button', class: 'main', onclick: () => rule({}) }, 'New rule')), h('div', { class: 'panel scroll' }, rules.length ? table(['Alert', 'When', 'For', 'Severity', 'On', ''], rules.map((r) => [r.alert || r.name, r.expr || (r.metric ? `${r.metric} ${r.condition || ''}` : r.sql || r.pattern || JSON.stringify(r.anomaly ?? r.funnel ?? '')), r.for || '', r.severity || '', r.enabled === false ? 'no' : 'yes', r]), { cell: (v, i) => i < 5 ? i === 1 ? h('code', null, v) : text(v) :
				may && h('span', { class: 'line' }, h('button', { type: 'button', onclick: () => rule(v) }, 'Change'), h('button', { type: 'button', class: 'bad', onclick: () => sure('Delete the rule?', v.alert, 'Delete', async () => { await remove(`/api/v1/rules/${encodeURIComponent(v.id)}`); show(); }) }, 'Delete')) }) :
				h('div', { class: 'empty' }, h('p', null, 'No rules yet. A rule says when somebody is to be told.'))));
		},
		async silences() {
			let silences;
			try {
				({ silences } = await get('/api/v1/silences'));
			} catch (e) {
				if (!(e instanceof ApiError) || e.status !== 404)
					throw e;
				fill(place, h('div', { class: 'panel empty' }, h('p', null, 'This server keeps no silences.')));
				return;
			}
			fill(place, may && h('div', { class: 'line' }, h('button', { type: 'button', class: 'main', onclick: () => silence({}) }, 'New silence')), h('div', { class: 'panel scroll' }, silences.length ? table(['Matches', 'State', 'Until', 'By', 'Why', ''], silences.map((s) => [Object.entries(s.match).map(([k, v]) => `${k} = ${v}`).join(', '), s.state, when(s.until), s.by || '', s.comment || '', s]), { cell: (v, i) => i < 5 ? text(v) :
				may && v.state !== 'expired' && h('button', { type: 'button', class: 'bad', onclick: () => sure('End the silence?', 'Alerts that match are told again.', 'End', async () => { await remove(`/api/v1/silences/${encodeURIComponent(v.id)}`); show(); }) }, 'End') }) : h('div', { class: 'empty' }, h('p', null, 'Nothing is silenced.'))));
		},
		async anomalies() {
			const { anomalies } = await get('/api/v1/anomalies', { timeRange: state.range || '7d', limit: 200 });
			fill(place, h('div', { class: 'panel scroll' }, anomalies.length ? table(['Time', 'Metric', 'Labels', 'Value', 'Expected', 'Score'], anomalies.map((a) => [when(a.timestamp), a.metric, JSON.stringify(a.labels || {}), a[(a.anomaly || a.change)?.field] ?? a.value ?? null, a.anomaly?.expected ?? a.change?.before ?? null, a.anomaly?.score ?? null]), { cell: (v) => typeof v === 'number' ? number(v) : text(v) }) : h('div', { class: 'empty' }, h('p', null, 'The detectors found nothing in this period.'))));
		},
	};
	const show = () => parts[part]().catch((e) => fill(place, h('div', { class: 'panel empty' }, h('p', { class: 'problem' }, e.message))));

	function rule(r) {
		const name = h('input', { value: r.alert || r.name || '', required: true }), expr = h('textarea', { class: 'code', rows: 3, value: r.expr || '' }), span = h('input', { value: r.for || '' }), severity = h('input', { value: r.severity || '', list: 'sev' }), message = h('input', { value: r.message || '' }), on = h('input', { type: 'checkbox', checked: r.enabled !== false });
		form(r.id ? `Change ${r.alert || r.name}` : 'New rule', [['Alert', name, 'Its name.'], ['When', expr, 'As in at-detect -r: count > 100.'], ['For', span, 'How long it must hold: 5m.'], ['Severity', severity], ['Message', message], ['On', on]], 'Save', async () => {
			const body = { ...r, [r.name && !r.alert ? 'name' : 'alert']: name.value.trim(), enabled: on.checked };
			for (const [k, input] of [['expr', expr], ['for', span], ['severity', severity], ['message', message]])
				if (input.value.trim())
					body[k] = input.value.trim();
				else
					delete body[k];
			await (r.id ? put(`/api/v1/rules/${encodeURIComponent(r.id)}`, body, r.version) : post('/api/v1/rules', body));
			await show();
		});
	}

	function silence(labels, name) {
		const match = h('textarea', { class: 'code', rows: 3, value: JSON.stringify(Object.fromEntries(Object.entries(name ? { alert: name, ...labels } : labels).map(([k, v]) => [k, String(v)]))) }), span = h('input', { value: '2h' }), why = h('input');
		form('Silence', [['What matches', match, '{"alert":"slow","host":"!a","severity":"~warn.*"}: a value, !value, ~regular expression.'], ['For', span, '2h, 1d'], ['Why', why]], 'Silence', async () => {
			await post('/api/v1/silences', { match: JSON.parse(match.value), duration: span.value.trim(), ...(why.value ? { comment: why.value } : {}) });
			say('Silenced.');
			await show();
		});
	}

	await show();
	if (part === 'now')
		stop = live.subscribe({ alerts: true }, (m) => m.type === 'alert' && show());
	const view = { element: h('div', { class: 'page' }, h('h1', null, 'Alerts'), tabs, place), free: () => stop(), set: async (next) => {
		stop();
		const made = await alertView(next, { session: who });
		view.element.replaceWith(made.element);
		Object.assign(view, made);
	} };
	return view;
}

/* ---- administration */
export async function adminView(state, { path, session: who }) {
	const me = who.me, can = (r) => allows(me, r === 'audit' ? 'read' : 'admin', r);
	const all = [['keys', 'Keys'], ['users', 'Users'], ['roles', 'Roles'], ['tenants', 'Tenants'], ['audit', 'Audit']].filter(([k]) => can(k)), part = path[1] || all[0]?.[0] || 'keys';
	const tabs = h('nav', { class: 'tabs', 'aria-label': 'Administration' }, all.map(([k, name]) => h('a', { href: `#/admin/${k}`, 'aria-current': k === part ? 'page' : null }, name)));
	const place = h('div', { class: 'page' });
	const acts = (...list) => h('span', { class: 'line' }, list.map(([label, run, bad]) => h('button', { type: 'button', class: bad ? 'bad' : '', onclick: run }, label)));
	const listOf = (columns, rows, cell) => h('div', { class: 'panel scroll', tabindex: 0, role: 'region', 'aria-label': 'List, scrolls' }, rows.length ? table(columns, rows, { cell }) : h('div', { class: 'empty' }, h('p', null, 'None yet.')));
	const roleNames = async () => (await get('/api/v1/roles').catch(() => ({ roles: ['admin', 'editor', 'viewer', 'ingest'].map((name) => ({ name })) }))).roles.map((r) => r.name);
	const rolePick = (names, chosen = []) => {
		const boxes = names.map((n) => h('input', { type: 'checkbox', value: n, checked: chosen.includes(n) }));
		return { element: h('div', { class: 'line', role: 'group', 'aria-label': 'Roles' }, boxes.map((b) => h('label', null, b, ' ', b.value))), get: () => boxes.filter((b) => b.checked).map((b) => b.value) };
	};
	const parts = {
		async keys() {
			const { keys } = await get('/api/v1/keys'), names = await roleNames();
			fill(place, h('div', { class: 'line' }, h('button', { type: 'button', class: 'main', onclick: () => {
				const name = h('input', { required: true }), ends = h('input', { placeholder: '90d' }), roles = rolePick(names, ['viewer']);
				form('New key', [['Name', name, 'Who or what uses it.'], ['Ends after', ends, 'A span; without one it does not end.'], ['Roles', roles.element]], 'Make it', async () => {
					const made = await post('/api/v1/keys', { name: name.value.trim(), roles: roles.get(), ...(ends.value ? { expires: ends.value.trim() } : {}) });
					once('The new key', h('p', null, 'It is shown this once:'), h('code', null, made.key));
					show();
				});
			} }, 'New key')), listOf(['Name', 'Roles', 'Made', 'Used', 'Ends', ''], keys.map((k) => [k.name, (k.roles || []).join(', '), when(k.created), k.used ? ago(Date.parse(k.used)) : 'never', when(k.expires), k]), (v, i) => i < 5 ? text(v) : acts(
				['New secret', () => sure('Make a new secret?', `The old one of ${v.name} lives for an hour.`, 'Make it', async () => { const made = await post(`/api/v1/keys/${v.id}/rotate`); once('The new secret', h('code', null, made.key)); show(); })],
				['Revoke', () => sure('Revoke the key?', `${v.name} is refused at once.`, 'Revoke', async () => { await remove(`/api/v1/keys/${v.id}`); show(); }), true])));
		},
		async users() {
			const { users } = await get('/api/v1/users'), names = await roleNames();
			fill(place, h('div', { class: 'line' }, h('button', { type: 'button', class: 'main', onclick: () => {
				const name = h('input', { required: true, autocomplete: 'off' }), secret = h('input', { type: 'password', autocomplete: 'new-password', minlength: 12 }), roles = rolePick(names, ['viewer']);
				form('New user', [['Name', name], ['Password', secret, '12 characters or more.'], ['Roles', roles.element]], 'Make it', async () => { await post('/api/v1/users', { name: name.value.trim(), password: secret.value, roles: roles.get() }); show(); });
			} }, 'New user')), listOf(['Name', 'Roles', 'One-time codes', 'State', ''], users.map((u) => [u.name, (u.roles || []).join(', '), u.mfa ? 'on' : 'off', u.disabled ? 'disabled' : 'active', u]), (v, i) => i < 4 ? text(v) : acts(
				['Change', () => {
					const roles = rolePick(names, v.roles), secret = h('input', { type: 'password', autocomplete: 'new-password' }), off = h('input', { type: 'checkbox', checked: !!v.disabled });
					form(`Change ${v.name}`, [['Roles', roles.element], ['New password', secret, 'Empty: it stays.'], ['Disabled', off]], 'Save', async () => { await patch(`/api/v1/users/${encodeURIComponent(v.name)}`, { roles: roles.get(), disabled: off.checked, ...(secret.value ? { password: secret.value } : {}) }); show(); });
				}],
				[v.mfa ? 'Codes off' : 'Codes on', () => mfa(v.name, !v.mfa, show)],
				['Delete', () => sure('Delete the user?', `${v.name} is signed out everywhere.`, 'Delete', async () => { await remove(`/api/v1/users/${encodeURIComponent(v.name)}`); show(); }), true])));
		},
		async roles() {
			const { roles } = await get('/api/v1/roles');
			const edit = (r) => {
				const name = h('input', { value: r.name || '', disabled: !!r.name }), may = h('textarea', { class: 'code', rows: 3, value: (r.permissions || ['read:*']).join('\n') }), rows = h('input', { class: 'mono', value: r.rows || '' }), hide = h('input', { value: (r.hide || []).join(', ') }), mask = h('input', { value: (r.mask || []).join(', ') }), events = h('input', { value: (r.events || []).join(', ') });
				form(r.name ? `Change ${r.name}` : 'New role', [['Name', name], ['May', may, 'One a line: read:*, write:dashboards.'], ['Rows', rows, 'Which events: .properties.country == "DE"'], ['Events', events, 'Names or patterns; empty: all.'], ['Hidden fields', hide], ['Masked fields', mask]], 'Save', async () => {
					const body = { permissions: lines(may.value), ...(rows.value ? { rows: rows.value } : r.rows ? { rows: null } : {}), hide: lines(hide.value), mask: lines(mask.value), events: lines(events.value) };
					for (const k of ['hide', 'mask', 'events'])
						if (!body[k].length && !r[k])
							delete body[k];
					await (r.name ? patch(`/api/v1/roles/${encodeURIComponent(r.name)}`, body) : post('/api/v1/roles', { name: name.value.trim(), ...body }));
					show();
				});
			};
			fill(place, h('div', { class: 'line' }, h('button', { type: 'button', class: 'main', onclick: () => edit({}) }, 'New role')), listOf(['Name', 'May', 'Rows', 'Hidden', ''], roles.map((r) => [r.name, (r.permissions || []).join(', '), r.rows || '', [...(r.hide || []), ...(r.mask || [])].join(', '), r]), (v, i) => i < 4 ? i === 2 && v ? h('code', null, v) : text(v) : v.builtin ? h('small', null, 'always there') : acts(['Change', () => edit(v)],
				['Delete', () => sure('Delete the role?', v.name, 'Delete', async () => { await remove(`/api/v1/roles/${encodeURIComponent(v.name)}`); show(); }), true])));
		},
		async tenants() {
			const { tenants } = await get('/api/v1/tenants'), facts = await Promise.all(tenants.slice(0, 50).map((t) => get(`/api/v1/tenants/${encodeURIComponent(t.name)}`).catch(() => t)));
			fill(place, h('div', { class: 'line' }, h('button', { type: 'button', class: 'main', onclick: () => {
				const name = h('input', { required: true });
				form('New tenant', [['Name', name, 'Small letters, digits, - and _.']], 'Make it', async () => { await post('/api/v1/tenants', { name: name.value.trim() }); show(); });
			} }, 'New tenant')), listOf(['Name', 'Events', 'Series', 'Bytes', 'Newest', ''], facts.map((t) => [t.name, t.events ?? null, t.series ?? null, t.bytes ?? null, when(t.last), t]), (v, i) => i < 5 ? typeof v === 'number' ? number(v, i === 3 ? { unit: 'bytes' } : {}) : text(v) : acts(
				[(tenant() || me.tenant) === v.name ? 'Shown now' : 'Look at it', () => { setTenant(v.name); location.hash = '#/'; location.reload(); }],
				['Delete', () => sure('Delete the tenant?', `All that ${v.name} holds is gone.`, 'Delete', async () => { await remove(`/api/v1/tenants/${encodeURIComponent(v.name)}`); show(); }), true])));
		},
		async audit() {
			const a = await get('/api/v1/audit', { timeRange: state.range || '30d', limit: 200, cursor: state.cursor });
			fill(place, h('div', { class: 'line' }, field('Period', select(['1h', '24h', '7d', '30d', 'all'], state.range || '30d', (v) => go({ range: v, cursor: null })))), listOf(['Time', 'Who', 'Did', 'What', 'From', 'Result'], a.audit.map((e) => [when(e.time || e.timestamp), e.who, e.action, e.object, e.from, e.result]), (v) => text(v)), a.next && h('button', { type: 'button', onclick: () => go({ cursor: a.next }) }, 'Older ones'));
		},
	};
	const show = () => parts[part]?.().catch((e) => fill(place, h('div', { class: 'panel empty' }, h('p', { class: 'problem' }, e.message))));

	await show();
	const view = { element: h('div', { class: 'page' }, h('h1', null, 'Administration'), tabs, place), set: (next) => { state = next; return show(); } };
	return view;
}

async function mfa(name, on, then) {
	sure(on ? 'One-time codes on?' : 'One-time codes off?', on ? `${name} is asked for a code at each sign in.` : `${name} signs in with the password alone.`, on ? 'Turn on' : 'Turn off', async () => {
		const made = await post(`/api/v1/users/${encodeURIComponent(name)}/mfa`, { on });
		if (made?.secret)
			once('The secret', h('p', null, 'Put it into an authenticator; it is shown this once.'), h('p', null, h('code', null, made.secret)), h('p', null, h('small', { class: 'mono' }, made.uri)), h('p', null, 'Recovery codes, each good for one time:'), h('pre', null, (made.codes || []).join('\n')));
		then?.();
	});
}

/* ---- one's own */
export async function accountView() {
	const me = await get('/api/v1/me'), old = h('input', { type: 'password', autocomplete: 'current-password', required: true }), first = h('input', { type: 'password', autocomplete: 'new-password', minlength: 12, required: true }), again = h('input', { type: 'password', autocomplete: 'new-password', required: true }), problem = h('p', { class: 'problem', role: 'alert', hidden: true });

	return { element: h('div', { class: 'page' }, h('h1', null, 'Account'), h('div', { class: 'panel' }, h('dl', { class: 'facts' }, [['Name', me.name], ['Tenant', tenant() || me.tenant], ['Signed in by', me.by], ['Roles', me.roles.join(', ')], ['Ends', when(me.expires)]].map(([k, v]) => [h('dt', null, k), h('dd', null, v)])),
		tenant() && h('button', { type: 'button', onclick: () => { setTenant(''); location.reload(); } }, 'Back to the own tenant')),
	me.by === 'session' && h('form', { class: 'panel', onsubmit: async (e) => {
		e.preventDefault();
		problem.hidden = true;
		try {
			if (first.value !== again.value)
				throw new Error('The two new passwords are not the same.');
			await post('/api/v1/password', { password: old.value, new: first.value });
			e.target.reset();
			say('The password is changed; other sessions have ended.');
		} catch (x) {
			problem.hidden = false;
			problem.textContent = x.message;
		}
	} }, h('h2', null, 'Change the password'), h('input', { type: 'text', autocomplete: 'username', value: me.name, hidden: true, 'aria-hidden': 'true' }), problem, field('Password now', old), field('New password', first, '12 characters or more.'), field('New password again', again), h('button', { type: 'submit', class: 'main' }, 'Change it'))), set: () => null };
}
