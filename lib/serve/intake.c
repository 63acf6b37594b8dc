/* intake.c - events in: one a request, many in a body, or a stream of lines as long as you like.
 *
 *      POST /events          loop: read, add ──► the tenant's next commit ──► 200
 *      POST /events/batch    lines: pieces of the body as they come, read and added on the loop, the client held back while much waits
 *                            JSON:  the whole body, read in a thread of the pool
 *
 * 200 means durable. A batch has a verdict for each item. Nothing of a body is stored before either its end or 1 MiB of it came, so
 * that a small one is taken whole or not at all.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include "codec/sha256.h"
#include "formats/formats.h"
#include "serve/serve_priv.h"

#define ERRORS_MOST 100                 /* verdicts in an answer; more are counted */
#define PART (1u << 20)                 /* bytes of a stream that are added at once, each item with */
#define ITEM 64                         /* more, for what is kept of it */
#define LINE_MOST (8u << 20)            /* bytes of one event in a stream */
#define LOOK 4096                       /* bytes after which a body is what it seems to be */

/* ---- ids */

/* Random bytes, 4 KiB at a time: a system call for each id would cost as much as reading the event. */
static void
random_bytes(unsigned char *to, size_t n)
{
	static _Thread_local unsigned char kept[4096];
	static _Thread_local size_t left;

	if (left < n) {
		left = 0;
		while (left < sizeof(kept)) {
			ssize_t got = getrandom(kept + left, sizeof(kept) - left, 0);

			if (got > 0)
				left += (size_t)got;
		}
	}
	left -= n;
	memcpy(to, kept + left, n);
}

static void
put_uuid(const unsigned char b[16], char out[36])
{
	static const char hex[] = "0123456789abcdef";

	for (int i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*out++ = '-';
		*out++ = hex[b[i] >> 4];
		*out++ = hex[b[i] & 15];
	}
}

/* UUIDv7 (RFC 9562): they grow with time, so they lie together wherever they are kept in order. */
static void
make_id(char out[36])
{
	unsigned char b[16];
	int64_t ms = time_wall();

	random_bytes(b + 6, 10);
	for (int i = 0; i < 6; i++)
		b[i] = (unsigned char)(ms >> (8 * (5 - i)));
	b[6] = (unsigned char)(0x70 | (b[6] & 15));
	b[8] = (unsigned char)(0x80 | (b[8] & 63));
	put_uuid(b, out);
}

static struct str
key_of(const struct serve_call *c)
{
	return http_header(c->ex.request, "Idempotency-Key");
}

/* Whose key it is, for what, and the key. */
static void
put_key(struct buf *b, const struct serve_call *c, struct str key)
{
	serve_exchange_caller(&c->ex, b);
	buf_byte(b, 0);
	buf_str(b, http_path(c->ex.request));
	buf_byte(b, 0);
	buf_str(b, key);
	buf_byte(b, 0);
}

/* UUIDv8 of the caller, his Idempotency-Key and the event's place: the same request again has the same ids, so it counts once. */
static void
derive_id(const struct serve_call *c, struct str key, int64_t index, char out[36])
{
	struct buf text = { 0 };
	unsigned char b[32];

	put_key(&text, c, key);
	buf_int64(&text, index);
	sha256(buf_get(&text), b);
	buf_release(&text);
	b[6] = (unsigned char)(0x80 | (b[6] & 15));
	b[8] = (unsigned char)(0x80 | (b[8] & 63));
	put_uuid(b, out);
}

/* The id that the event gets when it has none. 1: nobody can have sent it before. */
static int
give_id(const struct serve_call *c, struct event *e, int64_t index, char id[36])
{
	struct str key = key_of(c);

	if (e->id.p)
		return 0;
	if (key.n)
		derive_id(c, key, index, id);
	else
		make_id(id);
	e->id = (struct str){ id, 36 };
	return !key.n;
}

/* What is added next belongs to the call's key, which holds for this body alone; each part of a body has a key of its own. Under the
 * tenant's lock. */
static void
add_key(struct serve_tenant *t, struct serve_call *c, int64_t part, struct str print)
{
	struct buf text = { 0 };
	size_t n;

	if (!key_of(c).n)
		return;
	buf_lit(&text, "\xff" "key");          /* no event has an id like this: ids are UTF-8 */
	buf_byte(&text, 0);
	put_key(&text, c, key_of(c));
	if (part) {                             /* shorter than any print */
		buf_int64(&text, part);
		buf_byte(&text, 0);
	}
	n = text.n;
	buf_str(&text, print);
	serve_tenant_key(t, (struct str){ text.p, n }, buf_get(&text), c);
	buf_release(&text);
}

/* (draft-ietf-httpapi-idempotency-key-header, 2.7) */
static void
say_conflict(struct serve_call *c)
{
	exchange_problem(&c->ex, 422, "this Idempotency-Key came with another body before, nothing of this one was stored: send a new request with a new key");
}

/* ---- what a batch has come to */

struct batch {
	struct serve_call *call;
	struct serve_tenant *tenant;
	enum { UNDECIDED, LINES, WHOLE } form;
	struct buf text;                /* what is not read yet: the rest of a line, or the whole */
	struct buf kept;                /* texts of events that are read and not added yet */
	struct item { struct event event; int fresh; } *item;
	size_t n_items, cap;
	struct store_sample *sample;    /* of metric rows; texts as those of events */
	size_t n_samples, cap_samples;
	int64_t samples;                /* all that came */
	struct store_sample row[METRICS_FIELDS];        /* of the row at hand: here, since locals are filled with zeros for each row */
	struct buf errors;
	int64_t index, accepted, rejected, dropped, shown;
	int ended, waiting, told;       /* the body is whole; a commit is awaited; the last was handed over */
	int64_t parts, weight;          /* committed before; of what is not: so heavy is the part by now */
	unsigned char print[SHA256_LEN + 1];    /* with an Idempotency-Key: tells these items from others */
	struct buf printed;
	int64_t bytes;
};

static void
free_batch(struct batch *b)
{
	buf_release(&b->text);
	buf_release(&b->kept);
	buf_release(&b->errors);
	buf_release(&b->printed);
	free(b->item);
	free(b->sample);
	free(b);
}

static void
refuse(struct batch *b, struct err *err)
{
	serve_reword_err(err);
	b->rejected++;
	if (b->shown++ >= ERRORS_MOST)
		return;
	buf_printf(&b->errors, "%s{\"index\":%lld,\"error\":", b->errors.n ? "," : "", (long long)b->index);
	json_put_string(&b->errors, str_of(err->text));
	buf_byte(&b->errors, '}');
}

static struct str
keep(struct buf *to, struct str text)
{
	struct str at = { text.p ? (const char *)(to->n + 1) : NULL, text.n };

	buf_str(to, text);
	return at;
}

static struct str
found(const struct buf *b, struct str at)
{
	return at.p ? (struct str){ b->p + ((uintptr_t)at.p - 1), at.n } : at;
}

/* A metric row's samples. 1 it was one, 0 it is none, < 0. */
static int
take_samples(struct batch *b, struct accept *accept, struct str row, int checked, struct err *err)
{
	struct store_sample *x = b->row, *mine;
	int n, rc;

	if (!memmem(row.p, row.n, "\"metric\"", 8))     /* as nearly all: 10 ns */
		return 0;
	if ((rc = accept_samples(accept, row, checked, x, &n, err)) <= 0)
		return rc;
	if (!principal_may(b->call->ex.who, AUTH_WRITE, "metrics", (struct str){ 0 }))
		return err_set(err, ERR_INPUT, "a metric row: your roles do not allow write:metrics");
	for (int i = 0; i < n; i++) {
		if (b->n_samples == b->cap_samples)
			b->sample = mem_grow(b->sample, b->cap_samples = b->cap_samples ? b->cap_samples * 2 : 64, sizeof(*b->sample));
		mine = &b->sample[b->n_samples++];
		*mine = (struct store_sample){ .metric = keep(&b->kept, x[i].metric), .labels = keep(&b->kept, x[i].labels),
			.field = keep(&b->kept, x[i].field), .window = keep(&b->kept, x[i].window), .time = x[i].time, .value = x[i].value };
	}
	b->samples += n;
	return 1;
}

/* A chain: it is that of all items so far, in their order. */
static void
print_item(struct batch *b, struct str row)
{
	buf_clear(&b->printed);
	buf_add(&b->printed, b->print, SHA256_LEN);
	buf_str(&b->printed, row);
	sha256(buf_get(&b->printed), b->print);
}

/* Of lines that come in parts the first is committed before the last is known. Each part is compared with the one that came in its place under
 * this key, and all items before it: they are cut at the same places each time. The last says that it is that. */
static struct str
print_of(struct batch *b, int last)
{
	b->print[SHA256_LEN] = last ? '.' : '+';
	return (struct str){ (const char *)b->print, SHA256_LEN + (b->parts || !last) };
}

/* So much of a body is one part, by its items alone. */
static int
is_part(const struct batch *b)
{
	return b->weight >= PART;
}

/* One item, an event or a metric row. row: any bytes. */
static void
take_item(struct batch *b, struct accept *accept, struct str row, int checked)
{
	struct err err = { 0 };
	struct item *mine;
	struct event e;
	char id[36];
	int rc = take_samples(b, accept, row, checked, &err);

	b->weight += (int64_t)row.n + ITEM;

	if (key_of(b->call).n)
		print_item(b, row);
	if (rc > 0) {
		b->accepted++;
		b->index++;
		return;
	}
	if (rc == 0)
		rc = checked ? accept_checked(accept, row, &e, &err) : accept_row(accept, row, &e, &err);
	if (rc < 0) {
		refuse(b, &err);
	} else if (rc == 0) {
		b->dropped++;
		b->accepted++;
	} else {
		if (b->n_items == b->cap)
			b->item = mem_grow(b->item, b->cap = b->cap ? b->cap * 2 : 64, sizeof(*b->item));
		mine = &b->item[b->n_items++];
		mine->event = e;
		mine->fresh = give_id(b->call, &e, b->index, id);
		mine->event.id = keep(&b->kept, e.id);
		mine->event.name = keep(&b->kept, e.name);
		mine->event.user_id = keep(&b->kept, e.user_id);
		mine->event.session_id = keep(&b->kept, e.session_id);
		mine->event.properties = keep(&b->kept, e.properties);
		b->accepted++;
	}
	b->index++;
}

static void committed(struct serve_call *, const struct err *);

/* What was read goes to the next commit, and the request waits for it. last: no more comes. */
static void
hand_over(struct batch *b, int last)
{
	serve_tenant_lock(b->tenant);
	add_key(b->tenant, b->call, b->parts, print_of(b, last));
	for (size_t i = 0; i < b->n_items; i++) {
		struct event e = b->item[i].event;

		e.id = found(&b->kept, e.id);
		e.name = found(&b->kept, e.name);
		e.user_id = found(&b->kept, e.user_id);
		e.session_id = found(&b->kept, e.session_id);
		e.properties = found(&b->kept, e.properties);
		serve_tenant_add(b->tenant, &e, b->item[i].fresh);
	}
	for (size_t i = 0; i < b->n_samples; i++) {
		struct store_sample x = b->sample[i];

		x.metric = found(&b->kept, x.metric);
		x.labels = found(&b->kept, x.labels);
		x.field = found(&b->kept, x.field);
		x.window = found(&b->kept, x.window);
		serve_tenant_add_sample(b->tenant, &x, b->call);
	}
	b->n_items = b->n_samples = 0;
	buf_clear(&b->kept);
	b->parts++;
	b->weight = 0;
	b->waiting = 1;
	b->call->committed = committed;
	serve_tenant_wait(b->tenant, b->call);
	serve_tenant_unlock(b->tenant);
}

static void
put_verdict(struct buf *json, const struct batch *b)
{
	buf_printf(json, "\"accepted\":%lld,\"rejected\":%lld,\"errors\":[", (long long)b->accepted, (long long)b->rejected);
	buf_str(json, buf_get(&b->errors));
	buf_byte(json, ']');
	if (b->shown > ERRORS_MOST)
		buf_printf(json, ",\"errors_left_out\":%lld", (long long)(b->shown - ERRORS_MOST));
	if (b->dropped)
		buf_printf(json, ",\"dropped\":%lld", (long long)b->dropped);
	if (b->samples)
		buf_printf(json, ",\"samples\":%lld", (long long)(b->samples - b->call->refused));
	if (b->call->refused)
		buf_printf(json, ",\"samples_refused\":%lld", (long long)b->call->refused);
}

static void
answer(struct batch *b)
{
	struct serve_call *c = b->call;
	struct figures_part *f = figures_part(c->ex.serve->figures, c->ex.serve->worker);
	struct buf json = { 0 };

	figures_add(&f->accepted, b->accepted);
	figures_add(&f->rejected, b->rejected);
	figures_add(&f->samples, b->samples);
	if (b->accepted) {
		buf_byte(&json, '{');
		put_verdict(&json, b);
		buf_byte(&json, '}');
		exchange_json(&c->ex, 200, &json);
	} else {
		buf_printf(&json, "{\"type\":\"about:blank\",\"title\":\"Bad Request\",\"status\":400,\"detail\":\"%s\",",
		    b->rejected ? "no event of the batch is good, see errors" : "there is no event in it, send {\\\"events\\\":[…]}, an array, or a line for each");
		put_verdict(&json, b);
		buf_lit(&json, ",\"instance\":");
		json_put_string(&json, http_path(c->ex.request));
		buf_printf(&json, ",\"request\":\"%s\"}", c->ex.id);
		exchange_send(&c->ex, 400, "application/problem+json", buf_get(&json));
	}
	buf_release(&json);
	free_batch(b);
}

static void
give_up(struct batch *b, const struct err *err)
{
	exchange_error(&b->call->ex, err);
	free_batch(b);
}

/* All is read: the last part is handed over, or there is nothing to wait for. An end is a part too where parts are compared. */
static void
finish(struct batch *b)
{
	struct serve_call *c = b->call;

	if (b->n_items || b->n_samples || (b->parts && !b->told && key_of(c).n)) {
		b->told = 1;
		c->load = b;
		hand_over(b, 1);
	} else {
		c->load = NULL;
		answer(b);
	}
}

/* ---- lines, in pieces, on the loop */

static void
take_lines(struct batch *b, struct accept *accept, int all)
{
	struct str rest = buf_get(&b->text);
	const char *end;

	while (rest.n && !is_part(b)) {
		struct str line;

		if (!(end = memchr(rest.p, '\n', rest.n)) && !all)
			break;
		line = (struct str){ rest.p, end ? (size_t)(end - rest.p) : rest.n };
		rest.p += line.n + (end != NULL);
		rest.n -= line.n + (end != NULL);
		line = str_trim(line);
		if (line.n)
			take_item(b, accept, line, 0);
	}
	if (rest.n)
		memmove(b->text.p, rest.p, rest.n);
	b->text.n = rest.n;
}

static struct accept *
loop_accept(struct serve_call *c)
{
	struct accept *a = &c->setup->accept;

	a->reader.now = time_now();
	return a;
}

/* The body is whole: part by part of what is left of it. */
static void
finish_lines(struct batch *b)
{
	take_lines(b, loop_accept(b->call), 1);
	if (is_part(b))
		hand_over(b, 0);
	else
		finish(b);
}

/* On the loop, when a part is durable: go on with the body, or answer. */
static void
committed(struct serve_call *c, const struct err *err)
{
	struct batch *b = c->load;

	b->waiting = 0;
	if (err->code) {
		c->load = NULL;
		give_up(b, err);
	} else if (c->conflict) {
		c->load = NULL;
		free_batch(b);
		say_conflict(c);
	} else if (b->ended && b->form == LINES) {
		finish_lines(b);
	} else if (b->ended) {
		finish(b);
	} else {
		http_resume(c->ex.request);
	}
}

/* {"events":[…]}, and {"batch":[…]} as Segment and PostHog call it; an event may have members of these names too. JSON_ABSENT: it is none. */
static struct json
envelope(struct json v)
{
	struct json events = json_get(v, STR("events")), batch = json_get(v, STR("batch"));

	if (v.type != JSON_OBJECT || json_get(v, STR("event")).type != JSON_NONE)
		return JSON_ABSENT;
	return events.type != JSON_NONE ? events : batch;
}

/* Does it begin as one: { "events" : [ */
static int
begins_envelope(struct str text)
{
	static const struct str words[] = { { "{", 1 }, { "\"events\"", 8 }, { ":", 1 }, { "[", 1 } };

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		text = str_trim(text);
		if (!str_starts(text, words[i]))
			return 0;
		text.p += words[i].n, text.n -= words[i].n;
	}
	return 1;
}

/* Of a body that says to be lines: is it an envelope all the same? One may go on behind the first line; an event may have members called so. */
static int
is_envelope(struct str text, struct str line, int whole)
{
	struct err ignore = { 0 };

	if (whole && (!begins_envelope(text) || json_check(line, &ignore) == 0))
		return envelope(json_value(line)).type == JSON_ARRAY;
	return begins_envelope(text);
}

/* What the body is: an object or array that goes on behind its first line, or lines of objects. Its type says which where the first line
 * does not. */
static void
decide(struct batch *b, int all)
{
	struct str given = buf_get(&b->text), body = str_unmarked(given), text, line, type = http_media(http_header(b->call->ex.request, "Content-Type"));
	int says_lines = type.n >= 6 && (http_same((struct str){ type.p + type.n - 6, 6 }, STR("ndjson")) || http_same((struct str){ type.p + type.n - 5, 5 }, STR("jsonl")));
	const char *end;
	struct json first;

	if (given.n < 3 && !all)
		return;
	if (body.n < given.n) {
		memmove(b->text.p, body.p, body.n);
		b->text.n = body.n;
	}
	text = str_trim(buf_get(&b->text));
	if (!text.n)
		return;
	end = memchr(text.p, '\n', text.n);
	if (!end && !all && text.n <= LOOK)
		return;
	line = (struct str){ text.p, end ? (size_t)(end - text.p) : text.n };
	first = json_value(line);
	if (*text.p != '{')
		b->form = says_lines && *text.p != '[' ? LINES : WHOLE;
	else if (says_lines)
		b->form = is_envelope(text, line, end || all) ? WHOLE : LINES;
	else
		b->form = end && first.type == JSON_OBJECT && envelope(first).type != JSON_ARRAY ? LINES : WHOLE;
}

static int
take_piece(void *self, struct http_request *r, struct str piece)
{
	struct batch *b = ((struct serve_call *)self)->load;
	struct serve_call *c = self;

	if (!b)
		return 0;
	b->bytes += (int64_t)piece.n;
	buf_str(&b->text, piece);
	if (b->form == UNDECIDED)
		decide(b, 0);
	if (b->form != LINES) {
		if (b->bytes <= c->setup->body_bytes)
			return 0;
		c->load = NULL;
		free_batch(b);
		exchange_problem(&c->ex, 413, "more than %lld bytes in one JSON value (serve.body), send lines: application/x-ndjson has no bound",
		    (long long)c->setup->body_bytes);
		return 0;
	}
	take_lines(b, loop_accept(c), 0);
	if (!is_part(b) && b->text.n > LINE_MOST) {
		c->load = NULL;
		free_batch(b);
		exchange_problem(&c->ex, 413, "a line of more than %u bytes", LINE_MOST);
		return 0;
	}
	if (!is_part(b))
		return 0;
	hand_over(b, 0);
	(void)r;
	return 1;
}

/* The caller's tenant, when it can take events now. NULL: answered. */
static struct serve_tenant *
tenant_of(struct exchange *ex)
{
	struct err err = { 0 };
	struct serve_tenant *t = serve_tenant(ex->serve, ex->who->tenant, &err);

	if (!t) {
		exchange_error(ex, &err);
	} else if (serve_tenant_full(t)) {
		exchange_head(ex, "Retry-After", STR("1"));
		exchange_problem(ex, 503, "events come faster than the disk takes them, send it again in a second");
		return NULL;
	}
	return t;
}

static void batch_ended(struct serve_call *);

static void
batch_drop(struct serve_call *c)
{
	free_batch(c->load);
	c->load = NULL;
}

/* The call's; NULL: answered. */
static struct batch *
batch_new(struct serve_call *c)
{
	struct serve_tenant *t = tenant_of(&c->ex);
	struct batch *b;

	if (!t)
		return NULL;
	b = mem_new(sizeof(*b));
	b->call = c;
	b->tenant = t;
	c->load = b;
	c->drop = batch_drop;
	return b;
}

static void
batch_begin(struct exchange *ex)
{
	struct serve_call *c = serve_call_of(ex);

	if (!batch_new(c))
		return;
	c->ended = batch_ended;
	http_body_most(ex->request, INT64_MAX / 2);
	http_body_pieces(ex->request, take_piece, c);
}

/* ---- a whole value */

/* In a thread of the pool. */
static void
take_whole(struct serve_call *c)
{
	struct batch *b = c->load;
	struct err err = { 0 };
	struct accept *accept = serve_pool_accept(c, &err);
	struct json all, list;
	struct json_iter it;

	c->load = NULL;
	if (!accept) {
		give_up(b, &err);
		return;
	}
	if (json_check(buf_get(&b->text), &err)) {
		exchange_problem(&c->ex, 400, "the body is no JSON, byte %ld: %s", err.col, err.text);
		free_batch(b);
		return;
	}
	all = json_checked(buf_get(&b->text));
	list = all.type == JSON_ARRAY ? all : envelope(all);
	if (list.type == JSON_NONE && all.type == JSON_OBJECT) {
		take_item(b, accept, json_raw(all), 1); /* one event by itself */
	} else if (list.type != JSON_ARRAY) {
		exchange_problem(&c->ex, 422, "events: wants an array, send {\"events\":[{\"event\":\"…\"}]}");
		free_batch(b);
		return;
	} else {
		for (it = json_iter(list); json_next(&it); )
			take_item(b, accept, json_raw(it.value), 1);
	}
	b->ended = 1;
	buf_release(&b->text);
	finish(b);
}

static void
give_to_pool(struct serve_call *c)
{
	if (serve_pool_give(c->ex.serve->pool, c) == 0)
		return;
	batch_drop(c);
	exchange_head(&c->ex, "Retry-After", STR("1"));
	exchange_problem(&c->ex, 503, "too many requests wait already, send it again in a second");
}

/* The body is whole. On the loop. */
static void
batch_ended(struct serve_call *c)
{
	struct batch *b = c->load;

	if (!b)
		return;
	if (http_gone(c->ex.request)) {         /* in the middle: what was not handed over is forgotten; nobody hears the answer */
		buf_clear(&b->text);
		b->n_items = b->n_samples = 0;
		b->told = 1;                    /* where it ended is not where its sender would have */
		b->form = LINES;
	}
	if (b->form == UNDECIDED)
		decide(b, 1);
	if (b->form == WHOLE) {
		c->run = take_whole;
		give_to_pool(c);
		return;
	}
	b->ended = 1;
	if (!b->waiting)
		finish_lines(b);
}

/* ---- CloudEvents, many in an array: a batch that lies in memory already */

static void
take_cloudevent(struct batch *b, struct accept *accept, struct json v, struct buf *row)
{
	struct err err = { 0 };

	buf_clear(row);
	if (formats_cloudevent(v, row, &err)) {
		if (key_of(b->call).n)
			print_item(b, json_raw(v));
		refuse(b, &err);
		b->index++;
	} else {
		take_item(b, accept, buf_get(row), 1);
	}
}

/* In a thread of the pool: a body of this route is small, but half a million of wrong ones fit into it. */
static void
take_cloudevents(struct serve_call *c)
{
	struct batch *b = c->load;
	struct err err = { 0 };
	struct accept *accept = serve_pool_accept(c, &err);
	struct buf row = { 0 };
	struct json_iter it;

	c->load = NULL;
	if (!accept) {
		give_up(b, &err);
		return;
	}
	for (it = json_iter(json_checked(str_unmarked(http_body(c->ex.request)))); json_next(&it); )
		take_cloudevent(b, accept, it.value, &row);
	buf_release(&row);
	b->ended = 1;
	finish(b);
}

static void
cloudevents(struct serve_call *c, struct str body)
{
	struct batch *b;

	if (json_checked(body).type != JSON_ARRAY) {
		exchange_problem(&c->ex, 422, "a batch of CloudEvents is an array of them");
		return;
	}
	if (!(b = batch_new(c)))
		return;
	b->form = WHOLE;
	c->run = take_cloudevents;
	give_to_pool(c);
}

/* ---- one event */

static void
one_committed(struct serve_call *c, const struct err *err)
{
	struct figures_part *f = figures_part(c->ex.serve->figures, c->ex.serve->worker);

	if (err->code) {
		exchange_error(&c->ex, err);
	} else if (c->conflict) {
		say_conflict(c);
	} else {
		figures_add(&f->accepted, 1);
		exchange_send(&c->ex, 200, "application/json", buf_get(&c->answer));
	}
}

/* The answer as it will be. */
static void
one_answer(struct serve_call *c, struct str id)
{
	buf_room(&c->answer, 96);               /* (with a UUID) */
	buf_lit(&c->answer, "{\"accepted\":1,\"ids\":[");
	if (id.p)
		json_put_string(&c->answer, id);
	buf_lit(&c->answer, "]}");
}

/* Its row, in the arena. 0, or answered. */
static int
cloudevent(struct exchange *ex, struct str body, struct str *row)
{
	struct buf text = { 0 };
	struct err err = { 0 };

	if (serve_cloudevent_row(ex, body, &text, &err) == 0 && !(row->p = arena_dup(ex->arena, text.p, row->n = text.n)))
		err_set(&err, ERR_LIMIT, "the event is too large");
	buf_release(&text);
	if (err.code) {
		figures_add(&figures_part(ex->serve->figures, ex->serve->worker)->rejected, 1);
		exchange_problem(ex, 422, "%s", err.text);
	}
	return err.code;
}

static void
one_event(struct exchange *ex)
{
	struct serve_call *c = serve_call_of(ex);
	struct figures_part *f = figures_part(ex->serve->figures, ex->serve->worker);
	struct str body = str_unmarked(http_body(ex->request));
	struct accept *accept = loop_accept(c);
	struct err err = { 0 };
	struct serve_tenant *t;
	struct event e;
	char id[36];
	unsigned char print[SHA256_LEN] = { 0 };
	enum cloud cloud = serve_cloudevent_kind(ex);
	struct str row = body;
	int rc, fresh;

	if (!body.n && cloud != CLOUD_HEADERS) {
		exchange_problem(ex, 400, "the body is empty, send {\"event\":\"name\",\"properties\":{}}");
		return;
	}
	if (cloud != CLOUD_HEADERS && json_check(body, &err)) {
		figures_add(&f->rejected, 1);
		exchange_problem(ex, 400, "the body is no JSON, byte %ld: %s", err.col, err.text);
		return;
	}
	if (cloud == CLOUD_MANY) {
		cloudevents(c, body);
		return;
	}
	if (cloud != CLOUD_NONE && cloudevent(ex, body, &row))
		return;
	if (!(t = tenant_of(ex)))
		return;
	if ((rc = accept_checked(accept, row, &e, &err)) < 0) {
		figures_add(&f->rejected, 1);
		serve_reword_err(&err);
		exchange_problem(ex, 422, "%s", err.text);
		return;
	}
	fresh = give_id(c, &e, 0, id);
	one_answer(c, rc ? e.id : (struct str){ 0 });
	if (rc == 0) {                          /* a rule of the configuration wants no such event */
		one_committed(c, &err);
		return;
	}
	c->committed = one_committed;
	if (key_of(c).n)
		sha256(row, print);
	serve_tenant_lock(t);
	add_key(t, c, 0, (struct str){ (const char *)print, sizeof(print) });
	serve_tenant_add(t, &e, fresh);
	serve_tenant_wait(t, c);
	serve_tenant_unlock(t);
}

#define KEPT_KEY { "Idempotency-Key", "string", 0, "Events without an id get theirs by it, so that what is sent again counts once; the same with another body is 422." }

static const struct route_param batch_heads[] = { KEPT_KEY, { 0 } };
static const struct route_param event_heads[] = { KEPT_KEY,
	{ "ce-specversion", "string", 0, "1.0: a CloudEvent in binary mode, whose attributes are headers and whose data is the body, of any type; ce-type, ce-source and ce-id belong to it." },
	{ "ce-type", "string", 0, "The event." }, { "ce-source", "string", 0, "Where it happened, a URI." }, { "ce-id", "string", 0, "Its id: the same again within 24 h counts once." },
	{ "ce-time", "string", 0, "When, RFC 3339; arrival when left out." }, { 0 } };

const struct route route_intake[] = {
	{ "POST", "/api/v1/events", "Send one event, or CloudEvents; the answer says that it is durable.", AUTH_WRITE, "events", NULL, "Event", "AcceptedEvents", 200,
	    ROUTE_LOOP, 1 << 20, one_event, .loose = 1, .heads = event_heads, .bodies = "\"application/cloudevents+json\":{\"schema\":{\"$ref\":\"#/components/schemas/CloudEvent\"}},"
	    "\"application/cloudevents-batch+json\":{\"schema\":{\"type\":\"array\",\"items\":{\"$ref\":\"#/components/schemas/CloudEvent\"}}}" },
	{ "POST", "/api/v1/events/batch", "Send many events, and metric rows: {\"events\":[…]}, an array, or a line for each; a verdict for each item.", AUTH_WRITE, "events", NULL,
	    "Batch", "Verdict", 200, ROUTE_HEAD, 0, batch_begin, .loose = 1, .heads = batch_heads,
	    .bodies = "\"application/x-ndjson\":{\"schema\":{\"type\":\"string\",\"description\":\"An event a line.\"}}" },
	{ 0 }
};
