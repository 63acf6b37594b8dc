/**
 * The client of at-serve for browsers and Node (18 and later), without dependencies.
 *
 *     const engine = new AnalyticsEngine({ apiKey: '…', endpoint: 'https://analytics.yourapp.com' });
 *     await engine.track('user_signup', { userId: '12345', source: 'website' });
 *     const metrics = await engine.getMetrics('user_signups', { timeRange: '1h', groupBy: 'source' });
 *
 * Events queue up while a request is on its way and go out together with the next one, so that a busy page costs one request a round
 * trip and a single event goes at once. Each has an id made here: however often it is sent again, it counts once. What could not be
 * sent is kept (in the page's localStorage, in a file where `keepIn` says so, else in memory) and tried again, later and later.
 */

export type Properties = Record<string, unknown>;

export interface EngineOptions {
  apiKey: string;
  /** Where at-serve is; the page's own origin, or http://127.0.0.1:8321. */
  endpoint?: string;
  /** Events in one request, at most. */
  batchSize?: number;
  /** Events kept while the server cannot be reached; the oldest go first. */
  queueSize?: number;
  /** Milliseconds until a request is given up. */
  timeout?: number;
  /** Milliseconds to the first new try, doubled each time up to `retryMost`; each is spread at random over its half. */
  retry?: number;
  retryMost?: number;
  /** Tries of a read (metrics, queries, insights) before its promise fails. Events are tried until they are accepted. */
  tries?: number;
  /** Where unsent events outlive the program: a key of localStorage in a browser, a file's path in Node; null: nowhere. */
  keepIn?: string | null;
  /** Node before 20.16, for keepIn: its module `node:fs`, which this file does not import, as browsers have none. */
  files?: NodeFiles;
  /** Told of events that were refused or had to be forgotten. */
  onLost?: (events: TrackedEvent[], why: Error) => void;
  /** Another fetch, for tests and old programs. */
  fetch?: typeof fetch;
}

export interface TrackedEvent {
  event: string;
  timestamp: string;
  id: string;
  user_id?: string;
  session_id?: string;
  properties: Properties;
}

export interface TrackOptions {
  timestamp?: Date | number | string;
  id?: string;
  userId?: string;
  sessionId?: string;
}

export interface TrackResult {
  id: string;
  /** It is durable on the server. */
  accepted: boolean;
  /** The server could not be reached: it is kept and will be sent. */
  queued: boolean;
}

export interface RangeOptions {
  /** "1h", "7d", "today", or "FROM/TO". */
  timeRange?: string;
  from?: Date | string;
  to?: Date | string;
}

export interface MetricsOptions extends RangeOptions {
  groupBy?: string | string[];
  interval?: string;
}

export interface Series {
  labels: Record<string, string | null>;
  total: number | null;
  points: [string, number | null][];
}

export interface Metrics {
  metric: string;
  from: string;
  to: string;
  interval: string | null;
  groupBy: string[];
  total: number | null;
  series: Series[];
}

export interface QueryResult<Row = Record<string, unknown>> {
  meta: { name: string; type: string }[];
  data: Row[];
  rows: number;
  statistics: { elapsed: number; rows_read: number };
}

export interface InsightsOptions extends RangeOptions {
  metrics?: string[];
  includeRecommendations?: boolean;
}

export interface Insight {
  insight: string;
  kind: string;
  score: number;
  metric?: string;
  labels?: Record<string, string | null>;
  timestamp?: string;
  evidence?: Record<string, unknown>;
}

export interface Insights {
  insights: Insight[];
  recommendations: Record<string, unknown>[];
}

/** What to hear of: new events by name, a metric's updates, anomalies or alerts. */
export interface Subscription {
  event?: string;
  metric?: string;
  topic?: 'anomalies' | 'alerts';
  timeRange?: string;
  interval?: string;
  groupBy?: string | string[];
}

/** An answer that is no success; `problem` is the server's RFC 9457 document where there is one. */
export class EngineError extends Error {
  status: number;
  problem: Record<string, unknown> | null;

  constructor(status: number, message: string, problem: Record<string, unknown> | null = null) {
    super(message);
    this.name = 'EngineError';
    this.status = status;
    this.problem = problem;
  }
}

interface Waiting {
  event: TrackedEvent;
  settle?: (result: TrackResult) => void;
  fail?: (why: Error) => void;
}

const PAGE_END_BYTES = 60_000;          // what browsers let a request carry that outlives its page
const AGAIN = [408, 425, 429, 500, 502, 503, 504];

export class AnalyticsEngine {
  private readonly options: Required<Omit<EngineOptions, 'onLost' | 'keepIn' | 'files'>> & Pick<EngineOptions, 'onLost'>;
  private readonly keep: Keep;
  private queue: Waiting[] = [];
  private sending: Promise<void> | null = null;
  private delay = 0;                      // until the next try; 0: the server answers
  private wake: (() => void) | null = null;
  private closed = false;
  private readonly sockets = new Set<{ close(): void }>();
  private readonly onEnd: () => void;

  constructor(options: EngineOptions) {
    if (!options || !options.apiKey) throw new TypeError("AnalyticsEngine: apiKey is missing, make one with 'at-admin key create'");
    this.options = {
      batchSize: 500, queueSize: 10_000, timeout: 10_000, retry: 500, retryMost: 60_000, tries: 4,
      fetch: (input, init) => globalThis.fetch(input, init),
      ...options,
      endpoint: (options.endpoint ?? ownOrigin()).replace(/\/+$/, ''),
    };
    this.keep = openKeep(options.keepIn === undefined ? (isPage() ? 'analytics-engine' : null) : options.keepIn, options.files);
    this.queue = this.keep.read().map((event) => ({ event }));
    this.onEnd = isPage() ? () => this.pageEnds() : () => this.programEnds();
    if (isPage()) addEventListener('pagehide', this.onEnd);
    else host.process?.on('beforeExit', this.onEnd);
    if (this.queue.length) this.start();
  }

  /** Send one event. Resolves once it is durable, or kept because the server cannot be reached; fails when it is refused. */
  track(event: string, properties: Properties = {}, options: TrackOptions = {}): Promise<TrackResult> {
    if (this.closed) return Promise.reject(new Error('AnalyticsEngine: closed'));
    const row: TrackedEvent = {
      event, timestamp: new Date(options.timestamp ?? Date.now()).toISOString(), id: options.id ?? uuid7(), properties,
    };
    if (options.userId !== undefined) row.user_id = options.userId;
    if (options.sessionId !== undefined) row.session_id = options.sessionId;
    JSON.stringify(row);                  // what cannot be sent is told here, to who made it
    return new Promise((settle, fail) => {
      this.queue.push({ event: row, settle, fail });
      if (this.delay) this.park();
      this.start();
    });
  }

  /** Everything tracked so far is durable on the server, or the promise fails with why it is not; it stays queued then. */
  async flush(): Promise<void> {
    this.wake?.();
    while (this.queue.length || this.sending) {
      await (this.sending ?? Promise.resolve());
      if (this.delay) throw new EngineError(0, `AnalyticsEngine: ${this.queue.length} events wait, ${this.options.endpoint} cannot be reached`);
    }
  }

  /** Flush, end subscriptions and take no more. What could not be sent stays in `keepIn`. */
  async close(): Promise<void> {
    this.closed = true;
    for (const socket of this.sockets) socket.close();
    if (isPage()) removeEventListener('pagehide', this.onEnd);
    else host.process?.off('beforeExit', this.onEnd);
    try {
      await this.flush();
    } finally {
      this.keep.write(this.queue.map((w) => w.event));
      this.wake?.();
    }
  }

  getMetrics(metric: string, options: MetricsOptions = {}): Promise<Metrics> {
    const { groupBy, interval, ...range } = options;
    return this.read('GET', '/api/v1/metrics?' + form({ metric, ...rangeOf(range), groupBy: listOf(groupBy), interval }));
  }

  query<Row = Record<string, unknown>>(sql: string, parameters: Record<string, unknown> = {}): Promise<QueryResult<Row>> {
    return this.read('POST', '/api/v1/query', { query: sql, format: 'json', parameters });
  }

  generateInsights(dataSource: string, options: InsightsOptions = {}): Promise<Insights> {
    const { metrics, includeRecommendations, ...range } = options;
    return this.read('POST', '/api/v1/insights', { dataSource, ...rangeOf(range), metrics, includeRecommendations });
  }

  /** Hear of what comes, as it comes. Goes on by itself after the connection broke. Returns how to end it. */
  subscribe(what: Subscription, each: (message: Record<string, unknown>) => void): () => void {
    const Socket = (globalThis as { WebSocket?: typeof WebSocket }).WebSocket;
    if (!Socket) throw new Error('AnalyticsEngine: this runtime has no WebSocket (Node has one from version 22 on)');
    let socket: WebSocket | null = null;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let delay = 0;
    let ended = false;
    const open = () => {
      socket = new Socket(this.options.endpoint.replace(/^http/, 'ws') + '/ws');
      socket.onopen = () => {
        socket?.send(JSON.stringify({ auth: this.options.apiKey }));
        socket?.send(JSON.stringify({ subscribe: what }));
      };
      socket.onmessage = (m) => {
        delay = 0;
        each(JSON.parse(String(m.data)));
      };
      socket.onclose = () => {
        if (ended) return;
        delay = this.later(delay);
        timer = setTimeout(open, jitter(delay));
      };
    };
    const handle = {
      close: () => {
        ended = true;
        clearTimeout(timer);
        socket?.close(1000);
        this.sockets.delete(handle);
      },
    };
    this.sockets.add(handle);
    open();
    return handle.close;
  }

  // ---- sending

  private start(): void {
    if (this.sending) return;
    this.sending = Promise.resolve().then(() => this.send()).finally(() => {
      this.sending = null;
      if (this.queue.length && !this.closed) this.start();
    });
  }

  private async send(): Promise<void> {
    if (this.delay && !this.closed) await this.pause(jitter(this.delay));
    const batch = this.queue.slice(0, this.options.batchSize);
    if (!batch.length) return;
    try {
      await this.sendBatch(batch);
      this.delay = 0;
    } catch (why) {
      this.delay = Math.max(this.later(this.delay), (why as { retryAfter?: number }).retryAfter ?? 0);
      this.park();
    }
    this.keep.write(this.delay ? this.queue.map((w) => w.event) : []);
  }

  /** One request. What the server has judged leaves the queue; throws when it was not reached or wants it later. */
  private async sendBatch(batch: Waiting[]): Promise<void> {
    const answer = await this.fetch('POST', '/api/v1/events/batch', { events: batch.map((w) => w.event) });
    if (AGAIN.includes(answer.status)) throw await tooEarly(answer);
    if (answer.status === 413 && batch.length > 1) {
      const half = batch.length >> 1;
      await this.sendBatch(batch.slice(0, half));
      return this.sendBatch(batch.slice(half));
    }
    const verdict = (await answer.json().catch(() => null)) as { errors?: { index: number; error: string }[] } | null;
    const refused = new Map<number, Error>();
    for (const e of verdict?.errors ?? []) refused.set(e.index, new EngineError(422, e.error));
    if (!answer.ok && !refused.size) {
      const why = new EngineError(answer.status, sayProblem(answer.status, verdict), verdict as Record<string, unknown> | null);
      batch.forEach((_, i) => refused.set(i, why));
    }
    const gone = new Set(batch);
    this.queue = this.queue.filter((w) => !gone.has(w));
    batch.forEach((w, i) => {
      const why = refused.get(i);
      if (!why) w.settle?.({ id: w.event.id, accepted: true, queued: false });
      else if (w.fail) w.fail(why);
      else this.options.onLost?.([w.event], why);
    });
  }

  /** The server is away: who waits is told that the event is kept, and what is too much is forgotten. */
  private park(): void {
    for (const w of this.queue) {
      w.settle?.({ id: w.event.id, accepted: false, queued: true });
      w.settle = w.fail = undefined;
    }
    const over = this.queue.length - this.options.queueSize;
    if (over > 0) this.options.onLost?.(this.queue.splice(0, over).map((w) => w.event), new Error('AnalyticsEngine: the queue is full'));
  }

  private pageEnds(): void {
    let events = this.queue.map((w) => w.event);
    this.keep.write(events);
    while (events.length && JSON.stringify(events).length > PAGE_END_BYTES) events = events.slice(0, events.length >> 1);
    if (events.length) void this.fetch('POST', '/api/v1/events/batch', { events }, true).catch(() => undefined);
  }

  /** A program that has nothing else to do is not held up by a server that is away: one more try, then what is left is kept. */
  private programEnds(): void {
    host.process?.off('beforeExit', this.onEnd);
    this.wake?.();
  }

  private async pause(ms: number): Promise<void> {
    await new Promise<void>((done) => {
      const timer = setTimeout(done, ms);
      (timer as { unref?(): void }).unref?.();
      this.wake = () => {
        clearTimeout(timer);
        done();
      };
    });
    this.wake = null;
  }

  private later(delay: number): number {
    return Math.min(this.options.retryMost, delay ? delay * 2 : this.options.retry);
  }

  // ---- reading

  private async read<T>(method: string, path: string, body?: unknown): Promise<T> {
    let delay = 0;
    for (let n = 1; ; n++) {
      try {
        const answer = await this.fetch(method, path, body);
        if (answer.ok) return (await answer.json()) as T;
        if (AGAIN.includes(answer.status)) throw await tooEarly(answer);
        const problem = (await answer.json().catch(() => null)) as Record<string, unknown> | null;
        throw Object.assign(new EngineError(answer.status, sayProblem(answer.status, problem), problem), { final: true });
      } catch (why) {
        if ((why as { final?: boolean }).final || n >= this.options.tries) throw why;
        delay = this.later(delay);
        await new Promise((done) => setTimeout(done, Math.max(jitter(delay), (why as { retryAfter?: number }).retryAfter ?? 0)));
      }
    }
  }

  private async fetch(method: string, path: string, body?: unknown, keepalive = false): Promise<Response> {
    const stop = new AbortController();
    const timer = setTimeout(() => stop.abort(), this.options.timeout);
    try {
      return await this.options.fetch(this.options.endpoint + path, {
        method,
        headers: { Authorization: 'Bearer ' + this.options.apiKey, ...(body === undefined ? {} : { 'Content-Type': 'application/json' }) },
        body: body === undefined ? undefined : JSON.stringify(body),
        signal: stop.signal,
        keepalive,
      });
    } finally {
      clearTimeout(timer);
    }
  }
}

export default AnalyticsEngine;

// ---- what outlives the program

interface Keep {
  read(): TrackedEvent[];
  write(events: TrackedEvent[]): void;
}

/** What keepIn needs of the module node:fs. */
export interface NodeFiles {
  readFileSync(path: string, coding: 'utf8'): string;
  writeFileSync(path: string, text: string, options: { mode: number }): void;
  renameSync(from: string, to: string): void;
  unlinkSync(path: string): void;
}

/** What Node has and a browser has not. */
const host = globalThis as {
  process?: { getBuiltinModule?(name: string): NodeFiles; on(what: string, call: () => void): void; off(what: string, call: () => void): void };
};

function openKeep(where: string | null, given?: NodeFiles): Keep {
  if (where === null) return { read: () => [], write: () => undefined };
  if (isPage()) return pageKeep(where);
  const files = given ?? host.process?.getBuiltinModule?.('node:fs');
  if (!files) throw new Error('AnalyticsEngine: keepIn needs a browser, Node 20.16 and later, or the option files: the module node:fs');
  return fileKeep(files, where);
}

function pageKeep(key: string): Keep {
  return {
    read: () => guarded(() => JSON.parse(localStorage.getItem(key) ?? '[]')) ?? [],
    write: (events) => guarded(() => (events.length ? localStorage.setItem(key, JSON.stringify(events)) : localStorage.removeItem(key))),
  };
}

function fileKeep(files: NodeFiles, path: string): Keep {
  return {
    read: () => guarded(() => JSON.parse(files.readFileSync(path, 'utf8'))) ?? [],
    write: (events) => {
      if (!events.length) return guarded(() => files.unlinkSync(path));
      files.writeFileSync(path + '.new', JSON.stringify(events), { mode: 0o600 });
      files.renameSync(path + '.new', path);        // whole or not at all
    },
  };
}

/** Storage that is full, forbidden or not there yet is as good as none. */
function guarded<T>(what: () => T): T | undefined {
  try {
    return what();
  } catch {
    return undefined;
  }
}

// ---- small things

function isPage(): boolean {
  return typeof window !== 'undefined' && typeof localStorage !== 'undefined';
}

function ownOrigin(): string {
  return isPage() && location.origin.startsWith('http') ? location.origin : 'http://127.0.0.1:8321';
}

function form(values: Record<string, string | undefined>): string {
  const f = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) if (value !== undefined) f.set(name, value);
  return f.toString();
}

function rangeOf(range: RangeOptions): { timeRange?: string; from?: string; to?: string } {
  const time = (t?: Date | string) => (t === undefined ? undefined : new Date(t).toISOString());
  return { timeRange: range.timeRange, from: time(range.from), to: time(range.to) };
}

function listOf(list?: string | string[]): string | undefined {
  return Array.isArray(list) ? list.join(',') : list;
}

function jitter(ms: number): number {
  return ms / 2 + (Math.random() * ms) / 2;
}

function sayProblem(status: number, problem: unknown): string {
  const p = problem as { title?: string; detail?: string } | null;
  return [String(status), p?.title, p?.detail].filter(Boolean).join(': ');
}

async function tooEarly(answer: Response): Promise<Error> {
  const wait = Number(answer.headers.get('retry-after'));
  const problem = (await answer.json().catch(() => null)) as Record<string, unknown> | null;
  return Object.assign(new EngineError(answer.status, sayProblem(answer.status, problem), problem), { retryAfter: wait > 0 ? wait * 1000 : 0 });
}

/** RFC 9562, version 7: begins with the time, so that ids of one moment lie together. */
function uuid7(): string {
  const b = new Uint8Array(16);
  if (globalThis.crypto) crypto.getRandomValues(b);
  else b.forEach((_, i) => (b[i] = Math.random() * 256));      // Node 18: it need only be another each time
  let t = Date.now();
  for (let i = 5; i >= 0; i--, t = Math.floor(t / 256)) b[i] = t % 256;
  b[6] = (b[6] & 0x0f) | 0x70;
  b[8] = (b[8] & 0x3f) | 0x80;
  return Array.from(b, (x, i) => ([4, 6, 8, 10].includes(i) ? '-' : '') + x.toString(16).padStart(2, '0')).join('');
}
