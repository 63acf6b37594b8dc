/* login.js - by password and one-time code, through the provider, or with a key. */
import { field, fill, h, link } from './dom.js';
import { ApiError, get, post, setKey } from './api.js';
import { entered } from './app.js';

export async function loginView(state) {
	const problem = h('p', { class: 'problem', role: 'alert', hidden: true });
	const place = h('div');
	const failed = (e) => {
		problem.hidden = false;
		problem.textContent = e.message + (e.retry ? ` Wait ${e.retry} s.` : '');
	};
	const busy = async (form, work) => {
		const all = [...form.elements];
		problem.hidden = true;
		all.forEach((x) => { x.disabled = true; });
		try {
			await work();
		} catch (e) {
			failed(e);
			all.forEach((x) => { x.disabled = false; });
			form.querySelector('input')?.focus();
		}
	};

	function password(tenants = null, name = '') {
		const user = h('input', { name: 'user', autocomplete: 'username', value: name, required: true, autocapitalize: 'none', spellcheck: 'false' }), secret = h('input', { name: 'password', type: 'password', autocomplete: 'current-password', required: true }), tenant = tenants && (tenants.length ? h('select', { name: 'tenant' }, tenants.map((t) => h('option', { value: t }, t))) : h('input', { name: 'tenant', autocapitalize: 'none', spellcheck: 'false' }));
		fill(place, h('form', { onsubmit: (e) => {
			e.preventDefault();
			busy(e.target, async () => {
				try {
					await post('/api/v1/login', { user: user.value, password: secret.value, ...(tenant?.value ? { tenant: tenant.value } : {}) });
					await entered();
				} catch (x) {
					if (!(x instanceof ApiError) || x.status !== 401 || !(x.body?.mfa || x.body?.tenants))
						throw x;
					if (x.body.mfa)
						return code(x.body.mfa);
					password(x.body.tenants, user.value);
					failed(x);
				}
			});
		} }, field('User', user), field('Password', secret), tenant && field('Tenant', tenant), h('button', { type: 'submit', class: 'main' }, 'Sign in')),
		h('p', { class: 'other' }, h('button', { type: 'button', class: 'text', onclick: withKey }, 'Use an API key'), state.oidc !== '0' && link('/auth/login?then=/', { class: 'oidc', hidden: true }, 'Sign in with the provider')));
		offer();
		(name ? secret : user).focus();
	}

	function code(challenge) {
		const input = h('input', { name: 'code', inputmode: 'numeric', autocomplete: 'one-time-code', required: true, maxlength: 64 });
		fill(place, h('form', { onsubmit: (e) => {
			e.preventDefault();
			busy(e.target, async () => {
				await post('/api/v1/login/mfa', { challenge, code: input.value.trim() });
				await entered();
			});
		} }, field('One-time code', input, 'Of your authenticator, or a recovery code.'), h('button', { type: 'submit', class: 'main' }, 'Continue')), h('p', { class: 'other' }, h('button', { type: 'button', class: 'text', onclick: () => password() }, 'Back')));
		input.focus();
	}

	function withKey() {
		const input = h('input', { name: 'key', type: 'password', autocomplete: 'off', required: true });
		fill(place, h('form', { onsubmit: (e) => {
			e.preventDefault();
			busy(e.target, async () => {
				setKey(input.value.trim());
				try {
					await get('/api/v1/me');
				} catch (x) {
					setKey('');
					throw x;
				}
				await entered();
			});
		} }, field('API key', input, 'Kept in this tab only, until it is closed.'), h('button', { type: 'submit', class: 'main' }, 'Sign in')), h('p', { class: 'other' }, h('button', { type: 'button', class: 'text', onclick: () => password() }, 'Use a password')));
		input.focus();
	}

	/* The provider is offered where there is one. */
	function offer() {
		get('/api/v1/login').then((ways) => { const a = place.querySelector('.oidc'); if (a) a.hidden = !ways.oidc; }).catch(() => null);
	}

	password();
	return { element: h('div', { class: 'login' }, h('div', { class: 'login-box' }, h('img', { src: '/web/icon.svg', alt: '', width: 48, height: 48 }), h('h1', null, 'Sign in to at'), problem, place)), focus: () => place.querySelector('input')?.focus() };
}
