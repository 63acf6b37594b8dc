/* api.js - questions to the server: one function a verb, errors with what the server says how to mend.
 *
 * A session lies in a cookie that no script can read. A key that somebody signed in with lies in sessionStorage: in this tab, until it is
 * closed. The same question asked by several widgets at once goes out once, and one that was asked before carries its ETag. */

const known = new Map();        /* path -> { etag, json }, the latest 200 */
const asked = new Map();        /* path -> promise */
const early = new Map();        /* path -> { promise, at }: asked before anybody wanted it */
const KNOWN_MOST = 200;
const EARLY_MS = 5000;          /* after that it is no answer to who asks */

export class ApiError extends Error {
	constructor(status, body, retry) {
		super(body?.detail || body?.title || `the server answered ${status}`);
		this.status = status;
		this.body = body;
		this.retry = retry;
	}
}

export const key = () => sessionStorage.getItem('at.key') || '';
export function setKey(k) {
	if (k)
		sessionStorage.setItem('at.key', k);
	else
		sessionStorage.removeItem('at.key');
	known.clear();
}

export const tenant = () => sessionStorage.getItem('at.tenant') || '';
export function setTenant(t) {
	if (t)
		sessionStorage.setItem('at.tenant', t);
	else
		sessionStorage.removeItem('at.tenant');
	known.clear();
}

/* Called when the server no longer knows who we are. */
export const on = { signedOut: null, figures: { requests: 0 } };

export async function send(method, path, body, { headers = {}, signal, raw } = {}) {
	const all = { Accept: 'application/json', ...headers };
	let response, json = null;

	if (key() && !all.Authorization)
		all.Authorization = `Bearer ${key()}`;
	if (tenant())
		all['X-Tenant'] = tenant();
	if (body !== undefined)
		all['Content-Type'] = 'application/json';
	on.figures.requests++;
	try {
		response = await fetch(path, { method, headers: all, signal, body: body === undefined ? undefined : JSON.stringify(body), credentials: 'same-origin', cache: 'no-store' });
	} catch (e) {
		if (e.name === 'AbortError')
			throw e;
		throw new ApiError(0, { detail: 'The server does not answer.' });
	}
	if (response.status === 304)
		return { response, json: null };
	if (raw && response.ok)
		return { response, json: null };
	if (/json/.test(response.headers.get('Content-Type') || ''))
		json = await response.json();
	if (!response.ok) {
		if (response.status === 401 && on.signedOut && !path.startsWith('/api/v1/login') && !path.startsWith('/api/v1/me'))
			on.signedOut();
		throw new ApiError(response.status, json, +response.headers.get('Retry-After') || 0);
	}
	return { response, json };
}

export const query = (params) => {
	const q = new URLSearchParams();

	for (const [k, v] of Object.entries(params || {}))
		if (v != null && v !== '')
			q.set(k, v);
	return q.size ? `?${q}` : '';
};

const named = (target) => `${key()} ${tenant()} ${target}`;

/* Ask what somebody will want in a moment: the next get() of the same has this answer. */
export function ahead(path, params) {
	const promise = get(path, params);

	early.set(named(path + query(params)), { promise, at: performance.now() });
	return promise;
}

export function get(path, params, options) {
	const target = path + query(params), whose = named(target);
	const was = known.get(whose), before = early.get(whose);

	early.delete(whose);
	if (before && performance.now() - before.at < EARLY_MS)
		return before.promise;
	if (asked.has(whose))
		return asked.get(whose);
	const p = (async () => {
		try {
			const { response, json } = await send('GET', target, undefined, { ...options, headers: was ? { 'If-None-Match': was.etag } : {} });

			if (response.status === 304)
				return was.json;
			if (response.headers.get('ETag')) {
				known.delete(whose);
				known.set(whose, { etag: response.headers.get('ETag'), json });
				if (known.size > KNOWN_MOST)
					known.delete(known.keys().next().value);
			}
			return json;
		} finally {
			asked.delete(whose);
		}
	})();
	asked.set(whose, p);
	return p;
}

export const post = async (path, body, options) => (await send('POST', path, body, options)).json;
export const put = async (path, body, version) => (await send('PUT', path, body, version ? { headers: { 'If-Match': `"v${version}"` } } : {})).json;
export const patch = async (path, body) => (await send('PATCH', path, body)).json;
export const remove = async (path) => (await send('DELETE', path)).json;

/* SQL, as rows of values in the order of the columns. */
export async function sql(statement, parameters, options) {
	const answer = await post('/api/v1/query', { query: statement, format: 'json', ...(parameters && Object.keys(parameters).length ? { parameters } : {}) }, options);

	return rowsOf(answer);
}

export function rowsOf(answer) {
	const columns = answer.meta.map((m) => m.name);

	return { columns, types: answer.meta.map((m) => m.type), rows: answer.data.map((d) => columns.map((c) => d[c])), statistics: answer.statistics };
}
