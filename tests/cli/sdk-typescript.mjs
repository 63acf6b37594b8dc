// What the TypeScript client promises, against a server that refuses, fails and comes back. argv: the built module, a file to keep events in.
import assert from 'node:assert/strict';
import http from 'node:http';
import fs from 'node:fs';

const { AnalyticsEngine, EngineError } = await import(process.argv[2]);
const keepIn = process.argv[3];
const files = process.getBuiltinModule ? undefined : fs;       // Node before 20.16
let answer = 200, seen = [], requests = 0, last;

const server = http.createServer(async (q, r) => {
  let body = '';
  for await (const piece of q) body += piece;
  requests++;
  last = { method: q.method, url: q.url, key: q.headers.authorization, body: body && JSON.parse(body) };
  const events = last.body?.events ?? [];
  if (answer === 503) return r.writeHead(503, { 'Retry-After': '0' }).end('{}');
  if (answer === 413 && events.length > 1) return r.writeHead(413).end('{}');
  const errors = events.flatMap((e, index) => (e.event === 'bad' ? [{ index, error: 'it is bad' }] : (seen.push(e.id), [])));
  r.writeHead(errors.length && errors.length === events.length ? 400 : 200, { 'Content-Type': 'application/json' });
  r.end(JSON.stringify({ accepted: events.length - errors.length, rejected: errors.length, errors, total: 7 }));
});
await new Promise((up) => server.listen(0, '127.0.0.1', up));
const endpoint = `http://127.0.0.1:${server.address().port}/`;
const engine = new AnalyticsEngine({ apiKey: 'k', endpoint, retry: 20 });
const tests = [];
const test = (name, run) => tests.push([name, run]);

test('an event is sent at once, with the key, a time and an id', async () => {
  const got = await engine.track('user_signup', { userId: '1' });
  assert.deepEqual([got.accepted, got.queued, seen.at(-1)], [true, false, got.id]);
  assert.deepEqual([last.method, last.url, last.key], ['POST', '/api/v1/events/batch', 'Bearer k']);
  assert.match(last.body.events[0].timestamp, /^\d{4}-\d\d-\d\dT[\d:.]{12}Z$/);
});
test('events of one moment share a request, and each has its own verdict', async () => {
  const before = requests;
  const got = await Promise.allSettled([engine.track('a'), engine.track('bad'), engine.track('c')]);
  assert.deepEqual(got.map((g) => g.status), ['fulfilled', 'rejected', 'fulfilled']);
  assert.equal(got[1].reason.message, 'it is bad');
  assert.equal(requests, before + 1);
});
test('what is too large for one request is halved until it fits', async () => {
  answer = 413;
  const before = seen.length;
  await Promise.all([1, 2, 3, 4, 5].map((i) => engine.track('m' + i)));
  assert.equal(seen.length, before + 5);
});
test('a server that is away: the event is kept, sent later, once', async () => {
  answer = 503;
  const got = await engine.track('later');
  assert.deepEqual([got.accepted, got.queued], [false, true]);
  await assert.rejects(engine.flush(), EngineError);
  answer = 200;
  await new Promise((t) => setTimeout(t, 200));
  await engine.flush();
  assert.equal(seen.filter((id) => id === got.id).length, 1);
});
test('reads are tried again, and their parameters arrive', async () => {
  answer = 503;
  setTimeout(() => (answer = 200), 30);
  assert.equal((await engine.getMetrics('user_signups', { timeRange: '1h', groupBy: ['source', 'country'] })).total, 7);
  assert.equal(last.url, '/api/v1/metrics?metric=user_signups&timeRange=1h&groupBy=source%2Ccountry');
  await engine.generateInsights('user_behavior', { timeRange: '7d', includeRecommendations: true });
  assert.deepEqual(last.body, { dataSource: 'user_behavior', timeRange: '7d', includeRecommendations: true });
});
test('what could not be sent outlives the program', async () => {
  const away = new AnalyticsEngine({ apiKey: 'k', endpoint: 'http://127.0.0.1:9', keepIn, files, retry: 20 });
  const got = await away.track('kept');
  await away.close().catch(() => undefined);
  assert.equal(JSON.parse(fs.readFileSync(keepIn, 'utf8'))[0].id, got.id);
  const next = new AnalyticsEngine({ apiKey: 'k', endpoint, keepIn, files });
  await next.flush();
  assert.equal(seen.at(-1), got.id);
  assert.equal(fs.existsSync(keepIn), false);
  await next.close();
});
test('after close nothing is taken', async () => {
  await engine.close();
  await assert.rejects(engine.track('x'), /closed/);
});

let failed = 0;
for (const [name, run] of tests) {
  try {
    await run();
  } catch (why) {
    failed++;
    console.log(`not ok - ${name}: ${why.stack}`);
  }
}
server.close();
server.closeAllConnections();
process.exit(failed ? 1 : 0);
