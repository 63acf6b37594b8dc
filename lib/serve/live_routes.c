/* live_routes.c - GET /ws and GET /api/v1/stream: what is live over WebSockets and Server-Sent Events; GET /ws/echo, for diagnosis.
 *
 *      loop: handshake, messages, end ──► subscriptions ──► live.h ──► send, in its threads ──► the socket's or stream's outbox
 *
 * A connection lives until its socket or stream has ended and the last subscription has let go of it. All of it but sending belongs to
 * the loop. A browser cannot send headers with a WebSocket: it is let in by its session's cookie when the page is one of ours, or sends
 * {"auth":"KEY"} first, within five seconds. What somebody was let in by is asked again every five seconds, so that a key that was revoked
 * or a session that ended hears no more. */
#include <stdio.h>
#include <stdlib.h>

#include "crypt/crypt.h"
#include "serve/live.h"
#include "serve/serve_priv.h"

#define BACKLOG      (1u << 20)         /* bytes that may wait for one reader */
#define MESSAGE_MOST (256u << 10)
#define ECHO_MOST    (16u << 20)
#define SUBSCRIBED   64                 /* subscriptions of one connection */
#define KNOCK_MS     5000
#define ASK_MS       5000
#define PING_MS      15000              /* of a stream: so that what lies between does not end it */
#define TICK_MS      1000
#define NAMES_MOST   32                 /* of one stream */

struct connection {
	atomic_int users;               /* the loop, each subscription */
	struct serve *serve;
	struct http_socket *socket;     /* NULL: a stream */
	struct exchange *stream;
	pthread_mutex_t lock;           /* of `stream`: who sends is another thread than who ends it */
	struct connection *next, **self;/* in the loop's list */
	struct principal *who;          /* NULL: not known yet */
	struct buf credentials;         /* what it was let in by: authorization, key, session, tenant; with a length each */
	char address[64];
	char *tenant;                   /* that the handshake named, for who says only then who he is; NULL: none */
	int64_t opened_ms, asked_ms, pinged_ms;
	struct kept { struct live_subscription *sub; char id[104]; } kept[SUBSCRIBED];
	int n;
	int is_told;                    /* the audit has a subscription of this one: its end belongs there too, with */
	_Atomic int64_t sent;           /* rows, metrics and changes of them */
	atomic_int ended;
};

/* The loop's. */
static _Thread_local struct connection *connections;

/* ---- its life */

static void
let_go(void *self)
{
	struct connection *c = self;

	if (--c->users)
		return;
	if (c->socket)
		http_socket_let_go(c->socket);
	principal_free(c->who);
	crypt_wipe(c->credentials.p, c->credentials.n);
	buf_release(&c->credentials);
	free(c->tenant);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

static struct connection *
connection_new(struct exchange *ex)
{
	struct connection *c = mem_new(sizeof(*c));
	const char *address = http_client(ex->request);

	c->users = 1;
	c->serve = ex->serve;
	c->opened_ms = c->asked_ms = c->pinged_ms = time_mono_ms();
	snprintf(c->address, sizeof(c->address), "%s", address);
	pthread_mutex_init(&c->lock, NULL);
	if ((c->next = connections))
		c->next->self = &c->next;
	connections = c;
	c->self = &connections;
	return c;
}

static void
unsubscribe_all(struct connection *c)
{
	while (c->n)
		live_unsubscribe(c->kept[--c->n].sub);
}

/* What was sent to the one who subscribed, into his trail: at the end, and when somebody else goes on. */
static void
tell_end(struct connection *c)
{
	if (c->is_told)
		serve_asked_live(c->serve, c->who, c->address, "unsubscribe", c->socket ? "/ws" : "/api/v1/stream", (struct str){ 0 }, 0, c->sent);
	c->is_told = 0;
	c->sent = 0;
}

static void
forget(struct connection *c)
{
	if ((*c->self = c->next))
		c->next->self = c->self;
	unsubscribe_all(c);
	tell_end(c);
	let_go(c);
}

/* ---- what is sent, by the threads of live.h */

/* Of the subscriber's messages, those that have data. */
static void
count_sent(struct connection *c, const struct live_message *m)
{
	if (m->type && strcmp(m->type, "subscribed") != 0 && strcmp(m->type, "gap") != 0 && strcmp(m->type, "changed") != 0)
		c->sent++;
}

static void
free_frame(void *made)
{
	http_message_free(made);
}

static int
send_to_socket(void *self, const struct live_message *m)
{
	struct connection *c = self;
	int rc;

	if (m->shared && !m->shared->made)
		*m->shared = (struct live_shared){ http_message_new(m->json, 0), free_frame };
	rc = m->shared && m->shared->free == free_frame ? http_socket_give(c->socket, m->shared->made, BACKLOG) : http_socket_send(c->socket, m->json, 0, BACKLOG);
	if (rc == 0)
		count_sent(c, m);
	return rc;
}

static void
end_socket(void *self, const char *reason)
{
	struct connection *c = self;

	http_socket_close(c->socket, strcmp(reason, "going away") == 0 ? 1001 : 1013, reason);
}

static int
push(struct connection *c, struct str text)
{
	int rc = -1;

	pthread_mutex_lock(&c->lock);
	if (c->stream)
		rc = http_stream_push(c->stream->request, text, BACKLOG);
	pthread_mutex_unlock(&c->lock);
	return rc;
}

static int
send_to_stream(void *self, const struct live_message *m)
{
	struct buf text = { 0 };
	int rc;

	if (m->resume.p)
		buf_printf(&text, "id: %.*s\n", STR_FMT(m->resume));
	buf_printf(&text, "event: %s\ndata: ", m->type);
	buf_str(&text, m->json);                /* compact JSON: no line ends in it */
	buf_lit(&text, "\n\n");
	if ((rc = push(self, buf_get(&text))) == 0)
		count_sent(self, m);
	buf_release(&text);
	return rc;
}

static void
end_stream(void *self, const char *reason)
{
	struct connection *c = self;
	struct buf text = { 0 };

	buf_printf(&text, "event: end\ndata: {\"type\":\"end\",\"reason\":\"%s\"}\n\n", reason);
	push(c, buf_get(&text));
	buf_release(&text);
	c->ended = 1;                           /* the loop's next look ends it */
}

/* On the loop. */
static void
finish_stream(struct connection *c)
{
	struct exchange *ex;

	pthread_mutex_lock(&c->lock);
	ex = c->stream;
	c->stream = NULL;
	pthread_mutex_unlock(&c->lock);
	if (ex)
		exchange_stream_end(ex);
	forget(c);
}

/* ---- subscriptions */

static void
say_error(struct connection *c, struct str id, const char *text)
{
	struct buf b = { 0 };

	buf_byte(&b, '{');
	if (id.p) {
		buf_lit(&b, "\"id\":");
		json_put_string(&b, id);
		buf_byte(&b, ',');
	}
	buf_lit(&b, "\"type\":\"error\",\"error\":");
	json_put_string(&b, str_of(text));
	buf_byte(&b, '}');
	if (c->socket)
		send_to_socket(c, &(struct live_message){ .json = buf_get(&b) });
	buf_release(&b);
}

static void
unsubscribe(struct connection *c, struct str id)
{
	for (int i = 0; id.p && i < c->n; i++)
		if (str_eq(str_of(c->kept[i].id), id)) {
			live_unsubscribe(c->kept[i].sub);
			c->kept[i] = c->kept[--c->n];
			break;
		}
}

static int
subscribe_checked(struct connection *c, const struct live_wish *w, struct err *err)
{
	static const char *const resource[] = { [LIVE_EVENTS] = "events", [LIVE_METRIC] = "metrics", [LIVE_ANOMALIES] = "anomalies", [LIVE_ALERTS] = "alerts",
		[LIVE_CHANGES] = "events" };
	const struct live_sink sink = { c->socket ? send_to_socket : send_to_stream, c->socket ? end_socket : end_stream, let_go, c };
	struct kept k = { 0 };

	if (!principal_may(c->who, AUTH_READ, resource[w->kind], w->name))
		return err_set(err, ERR_DENIED, "your roles do not allow read:%s", resource[w->kind]);
	unsubscribe(c, w->id);                  /* the same id again takes the other's place */
	if (c->n == SUBSCRIBED)
		return err_set(err, ERR_LIMIT, "more than %d subscriptions at once", SUBSCRIBED);
	snprintf(k.id, sizeof(k.id), "%.*s", STR_FMT(w->id));
	c->users++;
	if (!(k.sub = live_subscribe(c->serve->live, c->who->tenant, c->who->policy, w, &sink, err))) {
		c->users--;
		return err->code;
	}
	c->kept[c->n++] = k;
	return 0;
}

static int
subscribe(struct connection *c, const struct live_wish *w, struct err *err)
{
	static const char *const kinds[] = { [LIVE_EVENTS] = "events", [LIVE_METRIC] = "metric", [LIVE_ANOMALIES] = "anomalies", [LIVE_ALERTS] = "alerts",
		[LIVE_CHANGES] = "changes" };
	int rc = subscribe_checked(c, w, err);

	if (serve_asked_live(c->serve, c->who, c->address, "subscribe", kinds[w->kind], w->name, rc, -1) && rc == 0)
		c->is_told = 1;
	return rc;
}

/* ---- messages */

/* A live message's subscription needs somebody who is known. */
static void
read_credentials(struct connection *c, const struct auth_credentials *with)
{
	buf_clear(&c->credentials);
	for (const struct str *s[] = { &with->authorization, &with->key, &with->session, &with->tenant }, **p = s; p < s + 4; p++) {
		uint32_t n = (*p)->p ? (uint32_t)(*p)->n + 1 : 0;

		buf_add(&c->credentials, &n, sizeof(n));
		buf_str(&c->credentials, **p);
	}
}

static struct auth_credentials
credentials_of(const struct connection *c)
{
	struct auth_credentials with = { .address = c->address };
	size_t at = 0;

	for (struct str *s[] = { &with.authorization, &with.key, &with.session, &with.tenant }, **p = s; p < s + 4 && at + 4 <= c->credentials.n; p++) {
		uint32_t n;

		memcpy(&n, c->credentials.p + at, sizeof(n));
		at += sizeof(n);
		if (n) {
			**p = (struct str){ c->credentials.p + at, n - 1 };
			at += n - 1;
		}
	}
	return with;
}

static void
close_socket(struct connection *c, int code, const char *reason)
{
	http_socket_close(c->socket, code, reason);
}

/* {"auth":"KEY"}: a key or a token; it is for the tenant that the handshake named. */
static void
authenticate(struct connection *c, struct json said)
{
	struct buf scratch = { 0 }, bearer = { 0 };
	struct str key = json_text(said, &scratch);
	struct auth_credentials with = { .address = c->address, .tenant = c->tenant ? str_of(c->tenant) : (struct str){ 0 } };
	struct principal *who = NULL;
	struct err err = { 0 };
	int rc;

	buf_lit(&bearer, "Bearer ");
	buf_str(&bearer, key);
	with.authorization = buf_get(&bearer);
	rc = key.p ? auth_check_now(c->serve->auth, &with, &who, &err) : ERR_INPUT;
	if (rc == 0 && who && c->tenant && !serve_tenant_is_there(c->serve, who->tenant)) {
		principal_free(who);
		close_socket(c, 1008, "there is no such tenant");
	} else if (rc == 0 && who) {
		if (c->who && (!str_eq(who->tenant, c->who->tenant) || !principal_same_rights(who, c->who)))
			unsubscribe_all(c);             /* from here on only the new ones are asked about */
		if (c->who && (!str_eq(who->tenant, c->who->tenant) || !str_eq(who->name, c->who->name))) {
			tell_end(c);
			c->is_told = c->n > 0;  /* what goes on is the other one's */
		}
		principal_free(c->who);
		c->who = who;
		read_credentials(c, &with);
		c->asked_ms = time_mono_ms();
		send_to_socket(c, &(struct live_message){ .json = STR("{\"type\":\"authenticated\"}") });
	} else if (rc == 1) {
		close_socket(c, 1013, "the issuer of this token is not known yet, connect again");
	} else if (rc == ERR_DENIED) {
		close_socket(c, 1008, "these credentials are not for this tenant");
	} else {
		close_socket(c, 1008, "these credentials are not valid");
	}
	crypt_wipe(bearer.p, bearer.n);
	buf_release(&scratch), buf_release(&bearer);
}

static void
answer_ping(struct connection *c, struct json said)
{
	struct buf b = { 0 };

	buf_lit(&b, "{\"type\":\"pong\",\"ping\":");
	buf_str(&b, said.n < 200 ? json_raw(said) : STR("null"));
	buf_byte(&b, '}');
	send_to_socket(c, &(struct live_message){ .json = buf_get(&b) });
	buf_release(&b);
}

static void
on_message(void *self, struct http_socket *socket, struct str text, int binary)
{
	struct connection *c = self;
	struct json m = JSON_ABSENT, said;
	struct live_wish w = { 0 };
	struct err err = { 0 };
	struct buf id = { 0 };
	struct arena *a;

	(void)socket;
	if (binary) {
		close_socket(c, 1003, "text only, please");
		return;
	}
	if (json_check(text, &err) == 0)
		m = json_value(text);
	if (m.type != JSON_OBJECT) {
		say_error(c, (struct str){ 0 }, "no JSON object, send {\"subscribe\":{\"event\":NAME}}");
		return;
	}
	if ((said = json_get(m, STR("auth"))).type != JSON_NONE)
		authenticate(c, said);
	else if (!c->who)
		close_socket(c, 1008, "the first message is {\"auth\":KEY}");
	else if ((said = json_get(m, STR("subscribe"))).type != JSON_NONE) {
		a = arena_new(0);
		err_clear(&err);
		if (live_wish_read(said, a, &w, &err) < 0 || subscribe(c, &w, &err) < 0)
			say_error(c, w.id, err.text);
		arena_free(a);
	} else if ((said = json_get(m, STR("unsubscribe"))).type != JSON_NONE) {
		unsubscribe(c, said.type == JSON_NUMBER ? json_raw(said) : json_text(said, &id));
	} else if ((said = json_get(m, STR("ping"))).type != JSON_NONE)
		answer_ping(c, said);
	else
		say_error(c, (struct str){ 0 }, "send one of {\"subscribe\":…}, {\"unsubscribe\":ID}, {\"ping\":…}, {\"auth\":KEY}");
	buf_release(&id);
}

static void
on_closed(void *self, struct http_socket *socket, int code)
{
	(void)socket, (void)code;
	forget(self);
}

/* ---- the routes */

/* The connection's own from now on: the exchange is over when the socket is open. */
static void
take_who(struct connection *c, struct exchange *ex)
{
	struct auth_credentials with = serve_exchange_credentials(ex);

	c->who = ex->who;
	ex->who = NULL;
	read_credentials(c, &with);
}

static void
open_socket(struct exchange *ex)
{
	struct connection *c = connection_new(ex);
	const struct http_socket_spec spec = { .message_bytes = MESSAGE_MOST, .message = on_message, .closed = on_closed, .self = c };
	struct str tenant = serve_exchange_credentials(ex).tenant;

	if (tenant.n)
		c->tenant = mem_dup(tenant.p, tenant.n);
	if (!(c->socket = http_socket_open(ex->request, &spec))) {
		forget(c);
		return;
	}
	http_socket_hold(c->socket);
	if (ex->who)
		take_who(c, ex);
}

static void
on_echo(void *self, struct http_socket *socket, struct str text, int binary)
{
	(void)self;
	if (http_socket_send(socket, text, binary, 2 * ECHO_MOST) > 0)
		http_socket_close(socket, 1013, "slow reader");
}

static void
on_echo_closed(void *self, struct http_socket *socket, int code)
{
	(void)self, (void)socket, (void)code;
}

static void
open_echo(struct exchange *ex)
{
	const struct http_socket_spec spec = { .message_bytes = ex->who ? ECHO_MOST : MESSAGE_MOST, .message = on_echo, .closed = on_echo_closed };

	http_socket_open(ex->request, &spec);
}

/* The wishes of a stream's parameters, each as the object that a WebSocket would have sent. */
static void
put_param(struct buf *b, const char *key, struct str value, int raw)
{
	if (!value.p || !value.n)
		return;
	buf_byte(b, b->n > 1 ? ',' : ' ');
	json_put_key(b, str_of(key));
	if (raw)
		buf_str(b, value);
	else
		json_put_string(b, value);
}

static int
subscribe_one(struct connection *c, struct exchange *ex, const char *what, struct str name, struct str resume, struct err *err)
{
	struct buf b = { 0 };
	struct live_wish w;
	struct str filters = exchange_param(ex, "filters"), yes = STR("true");
	struct err ignore = { 0 };
	int rc;

	buf_byte(&b, '{');
	put_param(&b, what, name.p ? name : yes, !name.p);
	for (const char *const keys[] = { "timeRange", "interval", "groupBy", "id" }, *const *k = keys; k < keys + 4; k++)
		put_param(&b, *k, exchange_param(ex, *k), 0);
	put_param(&b, "resume", resume, 0);
	if (filters.p && json_check(filters, &ignore))
		rc = err_set(err, ERR_INPUT, "filters: a JSON object, {\"country\":\"DE\"}");
	else {
		put_param(&b, "filters", filters, 1);
		buf_byte(&b, '}');
		rc = live_wish_read(json_value(buf_get(&b)), ex->arena, &w, err);
	}
	if (rc == 0)
		rc = subscribe(c, &w, err);
	buf_release(&b);
	return rc;
}

static int
is_on(struct exchange *ex, const char *name)
{
	struct str v = exchange_param(ex, name);

	return v.p && !str_eq(v, STR("false")) && !str_eq(v, STR("0"));
}

/* All that the parameters name. The number of subscriptions, or < 0. */
static int
subscribe_all(struct connection *c, struct exchange *ex, struct err *err)
{
	static const char *const named[] = { "event", "metric" }, *const plain[] = { "anomalies", "alerts", "changes" };
	struct str resume = http_header(ex->request, "Last-Event-ID");
	int rc = 0, n = 0;

	if (!resume.p)
		resume = exchange_param(ex, "lastEventId");
	for (int i = 0; i < 2 && rc == 0; i++) {
		struct str rest = exchange_param(ex, named[i]), name;

		while (rc == 0 && rest.p && rest.n && str_cut(&rest, ',', &name))
			rc = ++n > NAMES_MOST ? err_set(err, ERR_LIMIT, "more than %d names", NAMES_MOST) : subscribe_one(c, ex, named[i], str_trim(name), resume, err);
	}
	for (int i = 0; i < 3 && rc == 0; i++)
		if (is_on(ex, plain[i])) {
			n++;
			rc = subscribe_one(c, ex, plain[i], (struct str){ 0 }, resume, err);
		}
	if (rc == 0 && n == 0)
		rc = err_set(err, ERR_INPUT, "name what is to be sent: event=NAME, metric=NAME, anomalies=true, alerts=true or changes=true");
	return rc < 0 ? rc : n;
}

/* The stream is begun before anything is subscribed to, so that nothing is sent to what is not there; what is wrong is looked for first. */
static void
open_stream(struct exchange *ex)
{
	struct connection *c = connection_new(ex);
	int is_head = str_eq(http_method(ex->request), STR("HEAD"));
	struct err err = { 0 };

	c->stream = ex;
	c->who = ex->who;
	pthread_mutex_lock(&c->lock);           /* what is sent waits until the head is out */
	if (subscribe_all(c, ex, &err) < 0) {
		c->stream = NULL;
		c->who = NULL;
		pthread_mutex_unlock(&c->lock);
		forget(c);
		if (err.code == ERR_DENIED)
			exchange_problem(ex, 403, "%s", err.text);
		else if (err.code == ERR_INPUT || err.code == ERR_LIMIT)
			exchange_problem(ex, 400, "%s", err.text);
		else
			exchange_error(ex, &err);
		return;
	}
	exchange_head(ex, "X-Accel-Buffering", STR("no"));
	exchange_stream(ex, "text/event-stream");
	http_stream_push(ex->request, STR("retry: 2000\n\n"), BACKLOG);
	take_who(c, ex);
	pthread_mutex_unlock(&c->lock);
	if (is_head)                            /* that was all */
		finish_stream(c);
}

/* ---- time goes by */

/* May it still? 0, or why not. */
static const char *
is_over(struct connection *c, int64_t now_ms)
{
	struct auth_credentials with;
	struct principal *who = NULL;
	struct err err = { 0 };
	const char *why = NULL;
	int rc;

	if (!c->who)
		return now_ms - c->opened_ms > KNOCK_MS ? "no credentials came within five seconds" : NULL;
	if (c->who->expires <= time_now())
		return "the credentials have expired";
	if (now_ms - c->asked_ms < ASK_MS)
		return NULL;
	c->asked_ms = now_ms;
	with = credentials_of(c);
	rc = auth_check_now(c->serve->auth, &with, &who, &err);
	if (rc == ERR_INPUT || rc == ERR_DENIED || rc == ERR_LIMIT)     /* too many bad ones from there: these are bad, too */
		why = "the credentials are no longer valid";
	else if (rc == 0 && who && !principal_same_rights(who, c->who))
		why = "other rights than before, connect again";
	else if (rc == 0 && who)
		c->who->expires = who->expires;         /* of a key it may have been moved */
	principal_free(who);
	return why;
}

static void
look_after(struct connection *c, int64_t now_ms)
{
	const char *why = is_over(c, now_ms);

	if (c->socket) {
		if (why)
			close_socket(c, 1008, why);
		return;
	}
	if (why && !c->ended)
		end_stream(c, why);
	if (!c->ended && now_ms - c->pinged_ms >= PING_MS) {
		c->pinged_ms = now_ms;
		c->ended = push(c, STR(": ping\n\n")) != 0;
	}
	if (c->ended || (c->stream && http_gone(c->stream->request)))
		finish_stream(c);
}

static void
on_tick(void *self)
{
	int64_t now_ms = time_mono_ms();

	(void)self;
	for (struct connection *c = connections, *next; c; c = next) {
		next = c->next;
		look_after(c, now_ms);
	}
}

/* ---- for the service */

static struct store *
host_store(void *self, struct str tenant, struct err *err)
{
	return serve_store(self, tenant, err);
}

static int
is_halting(void)
{
	return atomic_load_explicit(&serve_halting, memory_order_relaxed);
}

static struct query *
host_open(void *self, struct str tenant, void **held, struct err *err)
{
	struct serve *s = self;
	struct store *store = serve_store(s, tenant, err);
	struct serve_setup *setup = store ? serve_setup_now(s) : NULL;
	char *name = mem_dup(tenant.p, tenant.n);
	const struct query_spec spec = { .store = s->spec.store, .tenant = name, .opened = store, .config = setup ? setup->config : NULL,
		.zone = s->spec.zone, .memory = setup ? setup->query_bytes : 0, .timeout_ms = setup ? setup->query_ms : 0, .stopping = is_halting };
	struct query *q = setup ? query_open(&spec, err) : NULL;

	*held = setup;
	if (!q && setup)
		serve_setup_free(setup);
	free(name);                             /* the store is open: only messages would have it */
	return q;
}

static void
host_shut(void *self, struct query *q, void *held)
{
	(void)self;
	query_close(q);
	serve_setup_free(held);
}

struct live *
serve_live_new(struct serve *s)
{
	const struct live_spec spec = { host_store, host_open, host_shut, s->spec.zone, s };

	http_server_every(s->http, TICK_MS, on_tick, s);
	return live_new(&spec);
}

/* On the loop, as the server stops: streams would never end by themselves. Sockets are closed by the server. */
void
serve_live_stop(void *self)
{
	(void)self;
	for (struct connection *c = connections, *next; c; c = next) {
		next = c->next;
		if (!c->socket) {
			end_stream(c, "going away");
			finish_stream(c);
		}
	}
}

static const struct route_param socket_params[] = {
	{ "tenant", "string", 0, "the tenant that is meant, as X-Tenant says it elsewhere: a browser sends no such header with a WebSocket" },
	{ 0 }
};

static const struct route_param stream_params[] = {
	{ "event", "list", 0, "events by name or pattern, page_*" },
	{ "metric", "list", 0, "metrics: a snapshot, then what changes" },
	{ "anomalies", "boolean", 0, "anomalies as they are found" },
	{ "alerts", "boolean", 0, "alerts as they change" },
	{ "changes", "boolean", 0, "that something was committed, whatever it is: who shows answers asks again" },
	{ "timeRange", "duration", 0, "of metrics: how far back (1h)" },
	{ "interval", "string", 0, "of metrics: the length of a bucket, 1m, 1 month; without it one value" },
	{ "groupBy", "list", 0, "of metrics: a series for each value of these" },
	{ "filters", "string", 0, "fields and their values, a JSON object" },
	{ "lastEventId", "string", 0, "go on behind this id, as Last-Event-ID does" },
	{ 0 }
};

static const char messages[] = "{\"send\":[{\"auth\":\"KEY\"},{\"subscribe\":{\"event\":\"page_*\",\"filters\":{\"country\":\"DE\"},\"id\":\"mine\"}},"
    "{\"subscribe\":{\"metric\":\"user_signups\",\"timeRange\":\"1h\",\"interval\":\"1m\",\"groupBy\":\"source\",\"resume\":\"TEXT\"}},"
    "{\"subscribe\":\"anomalies\"},{\"subscribe\":\"alerts\"},{\"subscribe\":\"changes\"},{\"unsubscribe\":\"mine\"},{\"ping\":1}],"
    "\"receive\":{\"type\":[\"authenticated\",\"subscribed\",\"event\",\"snapshot\",\"delta\",\"anomaly\",\"alert\",\"changed\",\"gap\",\"error\",\"pong\"]}}";
static const char stream_messages[] = "{\"receive\":{\"event\":[\"subscribed\",\"event\",\"snapshot\",\"delta\",\"anomaly\",\"alert\",\"changed\",\"gap\",\"error\"]}}";

const struct route route_live[] = {
	{ "GET", "/ws", "Subscribe to events, metrics, anomalies and alerts over a WebSocket.", AUTH_READ, "events", socket_params, NULL, NULL, 101,
	    ROUTE_HEAD, 0, open_socket, .anyone = 1, .greets = 1, .messages = messages },
	{ "GET", "/ws/echo", "A WebSocket that sends back what it gets, for diagnosis.", AUTH_READ, "events", NULL, NULL, NULL, 101,
	    ROUTE_HEAD, 0, open_echo, .anyone = 1, .greets = 2 },
	{ "GET", "/api/v1/stream", "Subscribe over Server-Sent Events.", AUTH_READ, "events", stream_params, NULL, "text/event-stream", 200,
	    ROUTE_LOOP, 0, open_stream, .anyone = 1, .messages = stream_messages },
	{ 0 }
};
