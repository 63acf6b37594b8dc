#!/usr/bin/env python3
"""outbound.py sinks|oidc CLIENTS: what at-serve sends, and whom it asks, against the sinks and the provider of ../shared/clients. An at-serve of its
own, on loopback; a line a check (ok, FAIL); exit 0, 1, or 2 where it cannot run here.

    sinks   alerts and webhooks at receivers that judge signatures, refuse, ask for time, and take mail
    oidc    tokens of a real OpenID provider (npm oidc-provider), forged ones, keys that turn, and a login through its pages"""
import base64, html, http.cookiejar, json, os, re, shutil, socket, subprocess, sys, tempfile, time, urllib.error, urllib.parse, urllib.request

WHAT, CLIENTS = sys.argv[1:3]
DIR = tempfile.mkdtemp(prefix='at-outbound-')
faults = checks = 0


def check(name, good, *why):
    global faults, checks
    checks += 1
    faults += not good
    print('ok' if good else 'FAIL', name, *([] if good else [str(w)[:300] for w in why]), flush=True)


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


def call(method, url, body=None, heads={}, opener=urllib.request):
    data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    r = urllib.request.Request(url, data, {**({'Content-Type': 'application/json'} if data is not None else {}), **heads}, method=method)
    try:
        with (opener.urlopen if opener is urllib.request else opener.open)(r, timeout=20) as a: return a.status, dict(a.headers), a.read().decode()
    except urllib.error.HTTPError as e: return e.code, dict(e.headers), e.read().decode()


def serve(config, port):
    os.makedirs(DIR + '/config', exist_ok=True)
    with open(DIR + '/config/analytics.json', 'w') as f: json.dump(config, f)
    log = open(DIR + '/log', 'w')
    p = subprocess.Popen(['at-serve', '-l', f'127.0.0.1:{port}', '-S', DIR + '/store', '-c', DIR + '/config'], stderr=log)
    for _ in range(200):
        m = re.search(r"X-API-Key: (at_[\w-]+)'", open(DIR + '/log').read())
        if m: return p, f'http://127.0.0.1:{port}', m[1]
        time.sleep(0.05)
    print(open(DIR + '/log').read())
    sys.exit(2)


def until(what, seconds=30):
    end = time.time() + seconds
    while time.time() < end:
        if got := what(): return got
        time.sleep(0.2)
    return None


def sinks():
    web, mail = free_port(), free_port()
    sink = subprocess.Popen([sys.executable, CLIENTS + '/sinks/sinks.py', str(web), str(mail)], stdout=subprocess.PIPE)
    sink.stdout.readline()
    at, secret, log = f'http://127.0.0.1:{web}', 'whsec_' + base64.b64encode(b'0123456789abcdef0123456789abcdef').decode(), []
    p, url, key = serve({'serve': {'webhooks': {'private': True}}, 'receivers': {
        'hook': {'type': 'webhook', 'url': at + '/hook', 'secret': secret}, 'chat': {'type': 'slack', 'url': at + '/slack'},
        'mail': {'type': 'email', 'smtp': f'smtp://127.0.0.1:{mail}', 'from': 'at@example.org', 'to': ['ops@example.org']}}}, free_port())
    api = lambda method, path, body=None: call(method, url + '/api/v1' + path, body, {'X-API-Key': key})
    def came(kind, fits):
        log.extend(json.loads(call('GET', at + '/_log')[2]))
        return [x for x in log if x['kind'] == kind and fits(x)]
    def hooks(path): return lambda x: x['path'] == path
    try:
        call('POST', at + '/_ctl', {'fail': [['/hook', 503, 1, {'Retry-After': '1'}], ['/own', 500, 1], ['/slack', 429, 1, {'Retry-After': '1'}]], 'mail_fail': ['451 later', 1]})
        api('POST', '/webhooks', {'id': 'own', 'url': at + '/own', 'events': ['order', 'alert.*'], 'secret': secret, 'headers': {'X-Mine': 'yes'}})
        api('POST', '/rules', {'alert': 'many', 'sql': 'SELECT country, COUNT(*) AS value FROM events GROUP BY 1', 'condition': '> 1', 'every': '1s', 'message': '{{value}} in {{labels.country}}'})
        api('POST', '/events/batch', {'events': [{'event': 'order', 'id': f'o{i}', 'properties': {'country': 'Ö', 'n': i}} for i in range(3)]})
        taken = until(lambda: [x for x in came('http', hooks('/hook')) if x['answered'] == 200])
        check('a receiver gets the alert', taken)
        tries = came('http', hooks('/hook'))
        check('each try is signed as Standard Webhooks has it', tries and all(x['signature'] == 'ok' for x in tries), tries)
        check('what was refused comes again with the same id', len({h for x in tries for k, h in x['headers'].items() if k.lower() == 'webhook-id'}) == 1 and len(tries) == 2, tries)
        check('no sooner than Retry-After asks', len(tries) > 1 and tries[1]['t'] - tries[0]['t'] >= 1, tries)
        body = json.loads(tries[-1]['body']) if tries else {}
        check('the message names type, time, status and alerts', body.get('type') == 'alert.firing' and body.get('timestamp') and body['data']['status'] == 'firing' and body['data']['alerts'][0]['labels'] == {'country': 'Ö'}, body)
        check('Slack gets a text', until(lambda: [x for x in came('http', hooks('/slack')) if x['answered'] == 200 and '3 in Ö' in json.loads(x['body'])['text']]), log)
        own = until(lambda: (lambda got: got if sum(x['answered'] == 200 for x in got) >= 4 else None)(came('http', hooks('/own'))), 60)
        check('a webhook of the API gets events and alerts', own, log)
        good = [json.loads(x['body']) for x in own or [] if x['answered'] == 200]
        check('signed, with its own headers', own and all(x['signature'] == 'ok' and {k.lower(): v for k, v in x['headers'].items()}.get('x-mine') == 'yes' for x in own), own)
        check('in order, each once', [o['data']['properties']['n'] for o in good if o['type'] == 'order'] == [0, 1, 2], good)
        letters = until(lambda: came('mail', lambda x: True), 60)
        check('mail is sent again after 451, and comes once', letters and len(letters) == 1, letters)
        check('it is to whom it should, with a Message-ID and the text', letters and 'ops@example.org' in letters[0]['to'][0] and re.search(r'(?im)^message-id: <.+@.+>', letters[0]['data']), letters)
        check('nothing waits', until(lambda: all(r['waiting'] == r['dead'] == 0 for r in json.loads(api('GET', '/receivers')[2])['receivers'])), api('GET', '/receivers')[2])
    finally:
        p.terminate(), p.wait(), sink.terminate()


def provider(port, redirect):
    """The driver's folder may not be writable: its packages go into the cache, once."""
    if not shutil.which('npm') or not shutil.which('node'): return None
    to = os.path.expanduser(os.environ.get('XDG_CACHE_HOME', '~/.cache')) + '/at-drivers/oidc'
    os.makedirs(to, exist_ok=True)
    for name in os.listdir(CLIENTS + '/oidc'):
        if os.path.isfile(f'{CLIENTS}/oidc/{name}'): shutil.copy(f'{CLIENTS}/oidc/{name}', to)
    if subprocess.run(['bash', to + '/idp.sh', 'start', str(port)], env={**os.environ, 'REDIRECT': redirect}, timeout=300, stdout=subprocess.DEVNULL).returncode: return None
    return to


def oidc():
    idp_port, port = free_port(), free_port()
    folder = provider(idp_port, f'http://127.0.0.1:{port}/auth/callback')
    if not folder: print('node and npm are not here, or the packages are not to be had'); sys.exit(2)
    issuer = f'http://127.0.0.1:{idp_port}'
    p, url, key = serve({'auth': {'oidc': {'issuer': issuer, 'client_id': 'at', 'client_secret': 's3cret-of-the-test-client', 'audience': 'at-serve', 'scope': 'openid',
                                           'roles_claim': 'sub', 'roles': {'anna': 'viewer', 'at': 'editor'}}}}, port)
    me = lambda token: call('GET', url + '/api/v1/me', None, {'Authorization': 'Bearer ' + token})
    now = int(time.time())
    base = {'iss': issuer, 'aud': 'at-serve', 'sub': 'anna', 'iat': now, 'exp': now + 600}
    def sign(claims={}, **how): return call('POST', issuer + '/__sign', {'claims': {k: v for k, v in {**base, **claims}.items() if v is not None}, **how})[2]
    try:
        basic = base64.b64encode(b'at:s3cret-of-the-test-client').decode()
        status, _, answer = call('POST', issuer + '/token', b'grant_type=client_credentials&scope=read&resource=urn%3Aat', {'Content-Type': 'application/x-www-form-urlencoded', 'Authorization': 'Basic ' + basic})
        status, _, who = me(json.loads(answer).get('access_token', 'none'))
        check("the provider's own access token, with its role", status == 200 and json.loads(who)['roles'] == ['editor'], status, who, answer)
        for k in 'rsa', 'ec', 'ps', 'ed': check(f'a key of the set: {k}', me(sign(key=k))[0] == 200, me(sign(key=k)))
        check('an audience among several', me(sign({'aud': ['x', 'at-serve']}))[0] == 200)
        forged = {
            'expired': sign({'exp': now - 120}), 'without an end': sign({'exp': None}), 'not yet': sign({'nbf': now + 600}), 'for somebody else': sign({'aud': 'other'}), 'for nobody': sign({'aud': None}),
            'of another issuer': sign({'iss': 'http://127.0.0.1:1'}), 'alg none': sign(header={'alg': 'none'}, nosig=True), 'alg nOnE': sign(header={'alg': 'nOnE'}, nosig=True),
            'HS256 with the public key as secret': sign(header={'alg': 'HS256'}, mac='spki'), 'HS256 with the modulus': sign(header={'alg': 'HS256'}, mac='n'), 'HS256 with nothing': sign(header={'alg': 'HS256'}, mac=''),
            "a stranger's signature under a known kid": sign(key='stranger'), 'a key that comes along': sign(key='stranger', embed=True), 'a key set that it names': sign(key='stranger', header={'jku': issuer + '/__evil-jwks', 'kid': 'evil'}),
            'a certificate that it names': sign(key='stranger', header={'x5u': issuer + '/x', 'kid': 'evil'}), 'a kid that leads elsewhere': sign(header={'kid': '../../etc/passwd'}), "a kid with a quote": sign(header={'kid': "' OR 1=1 --"}),
            'another algorithm than the key has': sign(header={'alg': 'PS256'}), 'a critical header that nobody knows': sign(header={'crit': ['x'], 'x': 1}), 'no signature': sign(nosig=True),
            'claims that are no JSON': sign(raw='!!!!'), 'claims that are a list': sign(raw=base64.urlsafe_b64encode(b'[1]').decode().rstrip('=')), 'cut': sign()[:-9], 'longer': sign() + 'AAAA', 'with a fourth part': sign() + '.x',
        }
        for name, token in forged.items():
            status = me(token)[0]
            check(f'refused: {name}', status == 401, status, me(token)[2])
            time.sleep(0.05)
            if status == 429: break
        check('the good one still comes in, behind all of them', until(lambda: me(sign())[0] == 200, 60))
        nobody = call('GET', url + '/api/v1/events', None, {'Authorization': 'Bearer ' + sign({'sub': 'bob'})})
        check('no role, no right', nobody[0] == 403, nobody)
        # a login, as a browser does it
        jar = http.cookiejar.CookieJar()
        browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
        page = browser.open(url + '/auth/login?then=/', timeout=20)
        for _ in range(4):
            text, at = page.read().decode(), page.geturl()
            form = re.search(r'<form[^>]*action="([^"]+)"', text)
            if at.startswith(url) or not form: break
            fields = dict(re.findall(r'<input[^>]*name="([^"]+)"[^>]*value="([^"]*)"', text))
            fields.update({'login': 'anna', 'password': 'x'} if 'name="login"' in text else {})
            try: page = browser.open(urllib.parse.urljoin(at, html.unescape(form[1])), urllib.parse.urlencode(fields).encode(), timeout=20)
            except urllib.error.HTTPError as e: page = e
        session = [c for c in jar if c.name == 'at_session']
        check('a login through its pages makes a session', session and session[0].has_nonstandard_attr('HttpOnly'), at, text)
        status, _, who = call('GET', url + '/api/v1/me', None, {'Cookie': 'at_session=' + (session[0].value if session else '')})
        check('with the role of who logged in', status == 200 and json.loads(who)['roles'] == ['viewer'], status, who)
        check('a code of another login is refused', call('GET', url + '/auth/callback?code=x&state=y')[0] in (400, 401, 403))
        # keys turn
        call('GET', issuer + '/__rotate')
        check('a new key is learnt of', until(lambda: me(sign(key='next'))[0] == 200, 90))
        fetches = json.loads(call('GET', issuer + '/__stats')[2])['fetches']
        for i in range(20): me(sign(header={'kid': f'unknown-{i}'}))
        check('unknown kids do not make it ask each time', json.loads(call('GET', issuer + '/__stats')[2])['fetches'] - fetches <= 2)
        call('GET', issuer + '/__reset')
    finally:
        p.terminate(), p.wait()
        subprocess.run(['bash', folder + '/idp.sh', 'stop', str(idp_port)])


try:
    {'sinks': sinks, 'oidc': oidc}[WHAT]()
finally:
    shutil.rmtree(DIR, ignore_errors=True)
print(f'{WHAT}: {checks - faults} of {checks} passed')
sys.exit(1 if faults else 0)
