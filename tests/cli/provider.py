#!/usr/bin/env python3
"""An OpenID provider for tests: provider.py DIR. Keys by openssl; says its address on stdout. Whoever comes to /auth is anna, with the
roles in DIR/roles; /sign?claims=JSON signs what a test wants."""
import base64, hashlib, http.server, json, os, subprocess, sys, time, urllib.parse

folder = sys.argv[1]
key = os.path.join(folder, 'key.pem')
subprocess.run(['openssl', 'genrsa', '-out', key, '2048'], check=True, stderr=subprocess.DEVNULL)
modulus = subprocess.run(['openssl', 'rsa', '-in', key, '-noout', '-modulus'], check=True, capture_output=True, text=True).stdout
codes = {}


def b64(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b'=').decode()


def sign(claims):
    text = b64(json.dumps({'alg': 'RS256', 'kid': 'k'}).encode()) + '.' + b64(json.dumps(claims).encode())
    done = subprocess.run(['openssl', 'dgst', '-sha256', '-sign', key], input=text.encode(), check=True, capture_output=True)
    return text + '.' + b64(done.stdout)


class Provider(http.server.BaseHTTPRequestHandler):
    def answer(self, body, status=200, **heads):
        self.send_response(status)
        for name, value in heads.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body if isinstance(body, bytes) else json.dumps(body).encode())

    def log_message(self, *_):
        pass

    def do_GET(self):
        url = urllib.parse.urlparse(self.path)
        q = dict(urllib.parse.parse_qsl(url.query))
        if url.path == '/.well-known/openid-configuration':
            self.answer({'issuer': issuer, 'jwks_uri': issuer + '/jwks', 'authorization_endpoint': issuer + '/auth', 'token_endpoint': issuer + '/token'})
        elif url.path == '/jwks':
            n = bytes.fromhex(modulus.strip().split('=')[1])
            self.answer({'keys': [{'kty': 'RSA', 'kid': 'k', 'use': 'sig', 'alg': 'RS256', 'n': b64(n), 'e': 'AQAB'}]})
        elif url.path == '/auth':
            codes['c1'] = q
            self.answer(b'', 302, Location=q['redirect_uri'] + '?' + urllib.parse.urlencode({'code': 'c1', 'state': q['state'], 'iss': issuer}))
        elif url.path == '/sign':
            self.answer(sign(json.loads(q['claims'])).encode())
        else:
            self.answer(b'', 404)

    def do_POST(self):
        form = dict(urllib.parse.parse_qsl(self.rfile.read(int(self.headers['Content-Length'])).decode()))
        begun = codes.pop(form.get('code'), None)
        ours = self.headers.get('Authorization') == 'Basic ' + base64.b64encode(b'at:the-secret').decode()
        if not begun or not ours or b64(hashlib.sha256(form['code_verifier'].encode()).digest()) != begun['code_challenge'] or \
                form['redirect_uri'] != begun['redirect_uri']:
            return self.answer({'error': 'invalid_grant'}, 400)
        roles = open(os.path.join(folder, 'roles')).read().split()
        claims = {'iss': issuer, 'aud': 'at', 'sub': 'anna', 'exp': int(time.time()) + 3600, 'nonce': begun['nonce'], 'groups': roles}
        self.answer({'access_token': 'x', 'token_type': 'Bearer', 'id_token': sign(claims)})


server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Provider)
issuer = 'http://127.0.0.1:%d' % server.server_port
print(issuer, flush=True)
server.serve_forever()
