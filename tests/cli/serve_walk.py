#!/usr/bin/env python3
"""serve_walk.py URL KEY - walks /openapi.json and holds real replies against it, and tries every operation as every role of two tenants.

    documented   each status and body of a reply is one that the document has for the operation
    matrix       operation x role x tenant: 401 without a key, 403 where the role does not grant it, never 403 where it does
    names        a parameter that is not in the document is refused by every operation but intake, which vendors' clients call
    forms        a body that curl -d calls a form is taken by its content, and not from another site's page, and not with a session (fault 40)
    put back     what a GET gave a PUT takes, whatever the server says in it, and nothing else changes; a member of nobody is refused still (fault 33)
    other's      what one tenant made is 404 to the other's admin (faults 32 and 33)

A line for each fault; exit 1 when there was one."""
import datetime, json, sys, time, urllib.error, urllib.request

BASE, KEY = sys.argv[1:3]
faults = 0


def fault(*what):
    global faults
    faults += 1
    print('not as documented:' if faults < 40 else '', *[str(w)[:300] for w in what])


def call(method, path, key=None, body=None, tenant=None, more={}):
    heads = {'X-API-Key': key} if key else {}
    if tenant: heads['X-Tenant'] = tenant
    data = None
    if body is not None: data, heads['Content-Type'] = json.dumps(body).encode(), more.get('Content-Type', 'application/json')
    try:
        with urllib.request.urlopen(urllib.request.Request(BASE + path, data, {**heads, **more}, method=method), timeout=30) as r:
            return r.status, r.headers, r.read()
    except urllib.error.HTTPError as e:
        return e.code, e.headers, e.read()


DOC = json.loads(call('GET', '/openapi.json')[2])


def resolve(s):
    while isinstance(s, dict) and '$ref' in s:
        at = DOC
        for part in s['$ref'][2:].split('/'): at = at[part]
        s = at
    return s


def holds(v, s, where=''):
    """What of JSON Schema the document uses. Gives the first fault, or None."""
    s = resolve(s)
    if 'anyOf' in s and all(holds(v, one, where) for one in s['anyOf']): return f'{where}: is none of anyOf: {holds(v, s["anyOf"][0], where)}'
    if 'enum' in s and v not in s['enum']: return f'{where}: {v!r} is none of {s["enum"]}'
    types = s.get('type')
    names = {'object': dict, 'array': list, 'string': str, 'boolean': bool, 'null': type(None)}
    if types:
        types = types if isinstance(types, list) else [types]
        ok = any(isinstance(v, names[t]) if t in names else isinstance(v, (int, float)) and not isinstance(v, bool) and (t == 'number' or v == int(v)) for t in types)
        if not ok: return f'{where}: {v!r} is no {types}'
    if isinstance(v, dict):
        for k in s.get('required', []):
            if k not in v: return f'{where}: no {k}'
        for k, x in v.items():
            inner = s.get('properties', {}).get(k, s.get('additionalProperties'))
            if inner is False: return f'{where}: {k} is not documented'
            if isinstance(inner, dict):
                bad = holds(x, inner, f'{where}.{k}')
                if bad: return bad
    if isinstance(v, list):
        for i, x in enumerate(v):
            bad = holds(x, s.get('items', {}), f'{where}[{i}]')
            if bad: return bad
    return None


def documented(method, path, op, status, heads, body):
    answers = op['responses']
    answer = resolve(answers.get(str(status), {}))
    if str(status) not in answers:
        return fault(method, path, status, 'is not documented', body)
    content = answer.get('content', {})
    kind = (heads.get('Content-Type') or '').split(';')[0]
    if content and kind and kind not in content: fault(method, path, status, 'has the type', kind, 'not one of', list(content))
    if kind.endswith('json') and kind in content and content[kind].get('schema'):
        bad = holds(json.loads(body), content[kind]['schema'], '$')
        if bad: fault(method, path, status, bad)


BODIES = {
    'Event': {'event': 'walk', 'user_id': 'u1', 'properties': {'n': 1}}, 'Batch': {'events': [{'event': 'walk'}]}, 'Query': {'query': 'SELECT event, count(*) AS n FROM events GROUP BY 1'},
    'Ask': {'question': 'how many page views yesterday?'}, 'Insights': {'timeRange': '7d', 'includeRecommendations': True}, 'Dashboard': {'widgets': []}, 'Rule': {'alert': 'a', 'expr': 'count > 1'},
    'Webhook': {'url': 'https://example.com/h', 'events': ['alert']}, 'Patch': {}, 'Key': {'name': 'made', 'roles': ['viewer']},
    'User': {'name': 'anna', 'password': 'correct horse battery', 'roles': ['viewer']}, 'Role': {'name': 'own', 'permissions': ['read:metrics']}, 'Mfa': {'on': True},
    'Silence': {'match': {'alert': 'a'}, 'duration': '1h'}, 'Tenant': {'name': 'third'}, 'Login': {'user': 'nobody', 'password': 'nothing at all'}, 'LoginMfa': {'challenge': 'x', 'code': '123456'}, 'Share': {'expires': '1h'}, 'Password': {'password': 'nothing at all', 'new': 'nothing at all either'},
}
PARAMS = {'metric': 'walk', 'steps': 'walk,walk', 'timeRange': '1h'}
OPEN = {'/healthz', '/readyz', '/metrics', '/openapi.json', '/docs', '/', '/status', '/api/v1/status', '/ws/echo', '/api/v1/login', '/api/v1/login/mfa', '/api/v1/shared', '/api/v1/shared/{widget}'}
ADMINISTRATION = {'keys', 'users', 'roles', 'tenants', 'audit'}
ANYONE = {'/api/v1/me', '/api/v1/password', '/api/v1/logout', '/api/v1/auth/sessions', '/api/v1/auth/sessions/{id}', '/ws'}
FURNITURE = {'dashboards', 'rules', 'silences', 'webhooks', 'receivers'}


def operations():
    for path, item in DOC['paths'].items():
        for method, op in item.items():
            yield method.upper(), path, op


def body_of(op):
    content = op.get('requestBody', {}).get('content', {}).get('application/json')
    return dict(BODIES[content['schema']['$ref'].split('/')[-1]]) if content else None


def with_params(path, op):
    query = '&'.join(f'{p["name"]}={PARAMS[p["name"]]}' for p in op['parameters'] if p['in'] == 'query' and p['name'] in PARAMS)
    return path + ('?' + query if query else '')


def may(role, method, path):
    """The roles that are always there, as at-serve(1) and auth say them."""
    resource = path.split('/')[3] if path.startswith('/api/') else path
    reads = (method == 'GET' and not path.endswith('/shares')) or resource in ('query', 'insights', 'ask')
    if path in ANYONE or role == 'admin': return resource != 'tenants'
    if resource in ADMINISTRATION: return False
    if role == 'viewer': return reads
    if role == 'editor': return reads or resource in FURNITURE | {'events', 'metrics'}
    return not reads and resource in ('events', 'metrics')               # ingest


# ---- two tenants, a key of each role in both
status, _, body = call('POST', '/api/v1/tenants', KEY, {'name': 'other'})
if status not in (201, 409): fault('POST /api/v1/tenants', status, body)
keys = {}
for tenant in ('default', 'other'):
    for role in ('admin', 'editor', 'viewer', 'ingest'):
        status, _, body = call('POST', '/api/v1/keys', KEY, {'name': f'{role} of {tenant}', 'roles': [role]}, tenant)
        if status != 201: fault('POST /api/v1/keys', tenant, role, status, body); sys.exit(1)
        keys[tenant, role] = json.loads(body)['key']
call('POST', '/api/v1/events', keys['default', 'admin'], {'event': 'walk', 'user_id': 'secret-user'})

# ---- things of the first tenant, by which ids the rest is tried
ids = {}
for kind, body in (('dashboards', BODIES['Dashboard']), ('rules', BODIES['Rule']), ('silences', BODIES['Silence']), ('webhooks', BODIES['Webhook']), ('keys', BODIES['Key']), ('users', BODIES['User']), ('roles', BODIES['Role'])):
    status, _, answer = call('POST', '/api/v1/' + kind, keys['default', 'admin'], body)
    if status != 201: fault('POST', kind, status, answer)
    made = json.loads(answer)
    ids[kind] = made.get('id') or made.get('name')

own = set()
for method, path, op in operations():
    real = with_params(path, op).replace('{id}', str(ids.get(path.split('/')[3] if path.startswith('/api/v1/') else '', 'none')))
    body = body_of(op)
    if path in OPEN:
        documented(method, path, op, *call(method, real, None, body))
        continue
    status, heads, answer = call(method, real, None, body)
    if status != 401 or not heads.get('WWW-Authenticate'): fault(method, path, 'without a key:', status)
    documented(method, path, op, status, heads, answer)
    for (tenant, role), key in keys.items():
        if path == '/api/v1/logout' or (role in ('admin', 'editor') and method == 'DELETE'): continue       # tried below
        sent = dict(body) if body else body
        if sent and 'name' in sent and method == 'POST': sent['name'] = f'{sent["name"]}-{tenant}-{role}'
        status, heads, answer = call(method, real, key, sent)
        granted = may(role, method, path)
        if (status == 403) == granted: fault(method, path, 'as', role, 'of', tenant, 'is', status, answer)
        kind = path.split('/')[3] if path.startswith('/api/') else path
        if tenant == 'other' and status == 201: own.add(kind)                # PUT made one of that id, of his own
        if tenant == 'other' and granted and '{id}' in path and kind in ids and kind not in own and status != 404:
            fault(method, path, "with the other tenant's id is", status, answer)
        if b'secret-user' in answer and tenant == 'other': fault(method, path, "shows the other tenant's data")
        documented(method, path, op, status, heads, answer)

# ---- names that nobody reads; bodies that are called forms
INTAKE = {'/api/v1/events', '/api/v1/events/batch'}
PASSES = {'/api/v1/shared/{widget}'}          # a link knows itself what is asked
FORM = {'Content-Type': 'application/x-www-form-urlencoded'}
for method, path, op in operations():
    body, admin = body_of(op), None if path in OPEN else keys['default', 'admin']
    real = path.replace('{id}', str(ids.get(path.split('/')[3] if path.startswith('/api/v1/') else '', 'none')))
    takes_any = path in INTAKE and method == 'POST'
    if path.startswith('/api/v1/') and not path.startswith('/api/v1/tenants') and path not in PASSES and not takes_any:
        status, heads, answer = call(method, real + '?' + '&'.join([f'{k}={v}' for k, v in PARAMS.items() if any(p['name'] == k for p in op['parameters'])] + ['timerange=1h']), admin, body)
        if status != 400 or b'timerange' not in answer: fault(method, path, 'takes a parameter that it does not know:', status, answer)
    if body is None or path.startswith('/api/v1/tenants') or path == '/api/v1/password': continue
    status, _, answer = call(method, real, admin, body, more=FORM)
    if status == 415: fault(method, path, 'does not take what curl -d sends:', answer)
    for page in {'Origin': 'http://evil.example'}, {'Sec-Fetch-Site': 'cross-site'}:
        status, _, answer = call(method, real, admin, body, more={**FORM, **page})
        if status not in (403, 415) and not takes_any: fault(method, path, 'takes a form of', page, status, answer)
password = 'correct horse battery staple'
call('POST', '/api/v1/users', keys['default', 'admin'], {'name': 'formed', 'password': password, 'roles': ['admin']})
session = json.loads(call('POST', '/api/v1/login', None, {'user': 'formed', 'password': password}, more=FORM)[2])['session']
for method, path, op in operations():
    body = body_of(op)
    if body is None or path in OPEN: continue
    for page in {'Origin': 'http://evil.example'}, {'Sec-Fetch-Site': 'cross-site'}, {}:
        status, _, answer = call(method, path.replace('{id}', 'none'), None, body, more={**FORM, **page, 'Cookie': 'at_session=' + session})
        if status not in (403, 415) and not (path in INTAKE and not page): fault(method, path, 'takes a form with a session of', page, status, answer)

# ---- what a GET gave is put back; first with all that the server has to say of it
FULL = {
    'dashboards': {'title': 'T', 'timeRange': '1h', 'widgets': [{'id': 'w', 'type': 'metric_card', 'metric': 'walk', 'position': {'x': 0, 'y': 0, 'w': 3, 'h': 2}}]},
    'rules': {'alert': 'often', 'expr': '.event == "slow" and (.properties.t | test("^(([a-z])+.)+[A-Z]([a-z])+$"))', 'labels': {'team': 'a'}, 'annotations': {'summary': '\u201cwhat\u201d'}},
    'silences': {'match': {'alert': 'a', 'host': '!b'}, 'from': '2020-01-01T00:00:00Z', 'until': '2020-01-02T00:00:00Z', 'comment': 'over'},
    'webhooks': {'url': 'https://example.com/h', 'events': ['alert.*'], 'headers': {'X-Kept': 'secret'}, 'description': 'd', 'enabled': False},
    'keys': {'name': 'k', 'roles': ['viewer'], 'scopes': ['read:events'], 'expires': '1s'}, 'users': {'name': 'berta', 'password': 'correct horse battery', 'roles': ['viewer'], 'disabled': True},
    'roles': {'name': 'full', 'permissions': ['read:*'], 'description': 'd', 'rows': '.event == "a"', 'events': ['a'], 'metrics': ['m'], 'hide': ['email'], 'mask': ['ip']},
}
admin = keys['default', 'admin']
back = [p.split('/')[3] for p, item in DOC['paths'].items() if p.startswith('/api/v1/') and {'get', 'put'} <= item.keys()]
if set(back) != set(FULL): fault('what can be put back is', back)
made = {}
for kind in back:
    status, _, answer = call('POST', '/api/v1/' + kind, admin, FULL[kind])
    if status != 201: fault('POST', kind, status, answer)
    made[kind] = json.loads(answer)
call('POST', '/api/v1/users/berta/mfa', admin, {'on': True})
call('POST', f'/api/v1/keys/{made["keys"]["id"]}/rotate', admin)
for _ in range(240):
    call('POST', '/api/v1/events', admin, {'event': 'slow', 'properties': {'t': 'a' * 60}})
    if json.loads(call('GET', f'/api/v1/rules/{made["rules"]["id"]}', admin)[2]).get('state'): break         # what is wrong with it
    time.sleep(0.25)
while time.time() < datetime.datetime.fromisoformat(made['keys']['expires'].replace('Z', '+00:00')).timestamp(): time.sleep(0.05)
for kind in back:
    path = f'/api/v1/{kind}/{made[kind].get("id") or made[kind]["name"]}'
    says = {k for k, v in DOC['components']['schemas'][kind[:-1].title() + 'Record']['properties'].items() if v.get('readOnly')}
    was = json.loads(call('GET', path, admin)[2])
    if not {'rules': {'version', 'state', 'noisy'}, 'users': {'mfa', 'created'}, 'keys': {'rotated', 'by'}}.get(kind, set()) <= says & was.keys() or not says & was.keys(): fault(path, 'says nothing of its own:', was)
    status, _, answer = call('PUT', path, admin, was)
    now = json.loads(call('GET', path, admin)[2])
    if status != 200: fault('PUT', path, 'of what GET gave is', status, answer)
    if {k: v for k, v in was.items() if k not in says} != {k: v for k, v in now.items() if k not in says}: fault('PUT', path, 'of', was, 'made', now)
    if was.keys() - now.keys() - says: fault('PUT', path, 'lost', was.keys() - now.keys())
    documented('PUT', f'/api/v1/{kind}/{{id}}', DOC['paths'][f'/api/v1/{kind}/{{id}}']['put'], status, {'Content-Type': 'application/json'}, answer)
    refused = [{'nobody': 1}, {'id': 'another'}] + [{'tenant': 'other'}] * ('tenant' in was)
    if 'version' in was:
        refused.append({'version': 'v1'})
        if call('PUT', path, admin, was)[0] != 412: fault('PUT', path, 'takes what was read before the last change')
        if call('PUT', path, admin, was, more={'If-Match': '*'})[0] != 200: fault('PUT', path, 'does not take it by If-Match: *')
    for more in refused:
        status, _, answer = call('PUT', path, admin, {**now, **more})
        if status != 422 or next(iter(more)) not in json.loads(answer)['detail']: fault('PUT', path, 'with', more, 'is', status, answer)
    for k in says & was.keys():
        if kind != 'silences' and call('PATCH', path, admin, {k: was[k]})[0] != 422: fault('PATCH', path, 'takes', k)
if call('GET', '/api/v1/events', made['keys']['key'])[0] != 401: fault('a key lives again')
if call('POST', '/api/v1/login', None, {'user': 'berta', 'password': 'correct horse battery'})[0] != 401: fault('a user lives again')
made['dashboards'].update(id='moved', version=7)
if call('PUT', '/api/v1/dashboards/moved', admin, made['dashboards'])[0] != 201: fault('what was read elsewhere is not made')

# ---- the other's admin cannot remove what is not his; its own can
for kind, id in ids.items():
    op = DOC['paths'][f'/api/v1/{kind}/{{id}}']['delete']
    call('DELETE', f'/api/v1/{kind}/{id}', keys['other', 'admin'])
    for key, want in ((keys['default', 'viewer'], 403), (keys['default', 'admin'], 204), (keys['default', 'admin'], 404)):
        status, heads, answer = call('DELETE', f'/api/v1/{kind}/{id}', key)
        if status != want: fault('DELETE', kind, status, 'not', want, answer)
        documented('DELETE', f'/api/v1/{kind}/{{id}}', op, status, heads, answer)

# ---- what is live is described too; a tenant is not made by naming it
if DOC['paths']['/ws']['get']['responses'].keys() < {'101', '426'} or not DOC['paths']['/ws']['get']['x-messages']['send']: fault('/ws in the document')
if 'text/event-stream' not in DOC['x-streams']['/api/v1/stream']['get']['responses']['200']['content']: fault('/api/v1/stream in the document')
for method, path, body in (('GET', '/api/v1/events', None), ('POST', '/api/v1/events', {'event': 'x'}), ('POST', '/api/v1/events/batch', {'events': [{'event': 'x'}]}), ('GET', '/api/v1/keys', None)):
    for name in ('typo', '../system', 'a' * 70, '%2e'):
        status, _, answer = call(method, path, KEY, body, name)
        if status != 404: fault(method, path, 'of tenant', name, 'is', status, answer)
if {t['name'] for t in json.loads(call('GET', '/api/v1/tenants', KEY)[2])['tenants']} != {'default', 'other'}: fault('tenants were made by their names')

# ---- a tenant cannot be named by who is of another
if call('GET', '/api/v1/events', keys['other', 'admin'], tenant='default')[0] != 403: fault("another's tenant by X-Tenant")
status, _, body = call('GET', '/api/v1/events', keys['other', 'admin'])
if any(e['event'] == 'walk' and e.get('user_id') == 'secret-user' for e in json.loads(body)['events']): fault('events of another tenant')
print(f'{sum(1 for _ in operations())} operations, {len(keys)} callers, {faults} faults')
sys.exit(1 if faults else 0)
