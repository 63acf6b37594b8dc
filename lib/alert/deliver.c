/* deliver.c - the queue lies in the tenant's state, a kind for each receiver: "delivery/RECEIVER", and "dead/RECEIVER" for what was
 * put aside. A message's name is its id, which grows with time, so the state's order is the order of delivery. */
#include "alert/deliver.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/time.h"
#include "crypt/crypt.h"

#define FIRST_MS    5000
#define MOST_MS     (6 * 3600 * 1000)
#define WAIT_MOST   86400000LL  /* that a message may be asked to wait; what is due later than that, a clock that went back made so */
#define TRIES       12
#define TIMEOUT_MS  10000
#define OTHERS_MS   1000        /* another process delivers: look again whether it still does */
#define ID_MOST     48          /* bytes of a receiver's id, so that a kind holds it */
#define SECRET_SIZE 32
#define HEADS_MOST  16          /* headers of its own that a receiver may want */

/* ---- secrets and signatures */

int
deliver_secret(struct buf *out, struct err *err)
{
	uint8_t key[SECRET_SIZE];

	if (crypt_random(key, sizeof(key), err))
		return err->code;
	buf_lit(out, "whsec_");
	crypt_base64((struct str){ (char *)key, sizeof(key) }, out);
	crypt_wipe(key, sizeof(key));
	return 0;
}

int
deliver_sign(struct str secret, struct str id, int64_t seconds, struct str body, struct buf *out, struct err *err)
{
	struct buf key = {0}, text = {0};
	uint8_t mac[32];
	int rc = 0;

	if (str_starts(secret, STR("whsec_")))
		secret.p += 6, secret.n -= 6;
	if (!secret.n || crypt_base64url_read(secret, &key)) {
		rc = err_set(err, ERR_INPUT, "a webhook's secret is \"whsec_\" and base64");
	} else {
		buf_printf(&text, "%.*s.%lld.", STR_FMT(id), (long long)seconds);
		buf_str(&text, body);
		crypt_hmac_sha256(buf_get(&key), buf_get(&text), mac);
		buf_lit(out, "v1,");
		crypt_base64((struct str){ (char *)mac, sizeof(mac) }, out);
	}
	if (key.p)
		crypt_wipe(key.p, key.n);
	buf_release(&key);
	buf_release(&text);
	return rc;
}

/* ---- the queue */

static int
kind_of(char kind[64], const char *what, struct str receiver, struct err *err)
{
	if (!receiver.n || receiver.n > ID_MOST)
		return err_set(err, ERR_INPUT, "a webhook's id has 1 to %d bytes", ID_MOST);
	snprintf(kind, 64, "%s/%.*s", what, STR_FMT(receiver));
	return 0;
}

/* Ids grow with time, and within a millisecond of one process; the end is drawn, so that no two processes make the same. */
static int
new_id(int64_t now, char id[40], struct err *err)
{
	static _Atomic uint32_t count;
	static _Atomic int64_t newest;  /* a clock that goes back must not put a message in front of an earlier one */
	int64_t before = atomic_load(&newest);
	uint8_t random[6];

	if (crypt_random(random, sizeof(random), err))
		return err->code;
	while (now > before && !atomic_compare_exchange_weak(&newest, &before, now))
		;
	now = now > before ? now : before;
	snprintf(id, 40, "msg_%012llx%06x%02x%02x%02x%02x%02x%02x", (unsigned long long)now & 0xffffffffffffu, atomic_fetch_add(&count, 1) & 0xffffff,
	    random[0], random[1], random[2], random[3], random[4], random[5]);
	return 0;
}

struct message {
	struct str id, type, payload;
	int64_t created, next;
	int attempts, status;
	struct str error;
};

static void
put_message(struct buf *b, struct str receiver, const struct message *m, int dead)
{
	buf_lit(b, "{\"id\":");
	json_put_string(b, m->id);
	buf_lit(b, ",\"webhook\":");
	json_put_string(b, receiver);
	buf_lit(b, ",\"type\":");
	json_put_string(b, m->type);
	buf_lit(b, ",\"created\":");
	json_put_time(b, m->created);
	buf_printf(b, ",\"attempts\":%d,\"%s\":", m->attempts, dead ? "failed" : "next");
	json_put_time(b, m->next);
	if (m->status)
		buf_printf(b, ",\"status\":%d", m->status);
	if (m->error.n) {
		buf_lit(b, ",\"error\":");
		json_put_string(b, m->error);
	}
	buf_lit(b, ",\"payload\":");
	buf_str(b, m->payload);
	buf_byte(b, '}');
}

/* Texts without escapes, as they were written above, are borrowed; others are no longer than the scratch keeps them. */
static int
read_message(struct str text, struct message *m, struct buf scratch[3])
{
	struct json v = json_value(text);
	int64_t n;

	*m = (struct message){
		.id = json_text(json_get(v, STR("id")), &scratch[0]),
		.type = json_text(json_get(v, STR("type")), &scratch[1]),
		.error = json_text(json_get(v, STR("error")), &scratch[2]),
		.payload = json_raw(json_get(v, STR("payload"))),
	};
	m->attempts = json_int64(json_get(v, STR("attempts")), &n) ? (int)n : 0;
	m->status = json_int64(json_get(v, STR("status")), &n) ? (int)n : 0;
	for (int i = 0; i < 2; i++) {
		struct json t = json_get(v, i ? STR("created") : json_is(json_get(v, STR("next")), JSON_STRING) ? STR("next") : STR("failed"));
		struct buf b = {0};
		int bad = time_parse_rfc3339(json_text(t, &b), i ? &m->created : &m->next);

		buf_release(&b);
		if (bad)
			return -1;
	}
	return m->id.p && m->type.p && m->payload.p ? 0 : -1;
}

static int
store_message(struct store *s, const char *what, struct str receiver, const struct message *m, struct err *err)
{
	struct buf b = {0};
	char kind[64];
	int rc = kind_of(kind, what, receiver, err);

	if (rc == 0) {
		put_message(&b, receiver, m, strcmp(what, "dead") == 0);
		rc = store_put_state(s, kind, m->id, buf_get(&b), err);
	}
	buf_release(&b);
	return rc;
}

int
deliver_put(struct store *s, struct str receiver, struct str type, int64_t now, struct str body, struct err *err)
{
	struct buf payload = {0};
	char id[40];
	int rc = new_id(now, id, err);

	if (rc)
		return rc;
	buf_lit(&payload, "{\"type\":");
	json_put_string(&payload, type);
	buf_lit(&payload, ",\"timestamp\":");
	json_put_time(&payload, now);
	buf_lit(&payload, ",\"data\":");
	buf_str(&payload, body);
	buf_byte(&payload, '}');
	rc = store_message(s, "delivery", receiver,
	    &(struct message){ .id = str_of(id), .type = type, .payload = buf_get(&payload), .created = now, .next = now }, err);
	buf_release(&payload);
	return rc;
}

/* ---- receivers */

struct receivers { struct buf ids, values; struct { size_t id, id_n, value, value_n; } *at; int n; };

static int
add_receiver(void *self, struct str id, struct str value)
{
	struct receivers *r = self;

	r->at = mem_grow(r->at, (size_t)r->n + 1, sizeof(*r->at));
	r->at[r->n].id = r->ids.n, r->at[r->n].id_n = id.n;
	r->at[r->n].value = r->values.n, r->at[r->n].value_n = value.n;
	r->n++;
	buf_str(&r->ids, id);
	buf_str(&r->values, value);
	return 0;
}

/* ":NAME": ids of the API have no colon. */
static int
add_configured(void *self, struct str name, struct json receiver)
{
	char id[ID_MOST + 1];

	if (name.n && name.n < ID_MOST) {
		snprintf(id, sizeof(id), ":%.*s", STR_FMT(name));
		add_receiver(self, str_of(id), json_raw(receiver));
	}
	return 0;
}

static struct str
receiver_id(const struct receivers *r, int i)
{
	return (struct str){ r->ids.p + r->at[i].id, r->at[i].id_n };
}

static struct json
receiver(const struct receivers *r, int i)
{
	return json_value((struct str){ r->values.p + r->at[i].value, r->at[i].value_n });
}

static void
receivers_release(struct receivers *r)
{
	buf_release(&r->ids);
	buf_release(&r->values);
	free(r->at);
}

static int
is_on(struct json receiver)
{
	return !json_is(json_get(receiver, STR("enabled")), JSON_FALSE);
}

/* "*" takes all, "alert.*" what begins with "alert.", else the type itself; without a list it wants all. */
static int
wants(struct json receiver, struct str type)
{
	struct json events = json_get(receiver, STR("events"));
	int yes = !json_is(events, JSON_ARRAY);

	for (struct json_iter it = json_iter(events); json_next(&it) && !yes; ) {
		struct buf scratch = {0};
		struct str t = json_text(it.value, &scratch);

		if (t.n && t.p[t.n - 1] == '*')
			yes = str_starts(type, (struct str){ t.p, t.n - 1 });
		else
			yes = str_eq(t, type);
		buf_release(&scratch);
	}
	return yes;
}

int
deliver_publish(struct store *s, struct str type, int64_t now, struct str body, struct err *err)
{
	struct receivers r = {0};
	int rc = store_each_state(s, DELIVER_RECEIVERS, add_receiver, &r, err), n = 0;

	for (int i = 0; i < r.n && rc == 0; i++)
		if (is_on(receiver(&r, i)) && wants(receiver(&r, i), type) && (rc = deliver_put(s, receiver_id(&r, i), type, now, body, err)) == 0)
			n++;
	receivers_release(&r);
	return rc ? rc : n;
}

/* ---- sending */

/* What came of a try: taken, gone (410), or failed with the ms that the receiver asks us to wait. */
struct outcome { enum { TAKEN, GONE, FAILED } what; int64_t wait_ms; };

static struct outcome
post(struct json receiver, const struct message *m, const struct deliver_spec *spec, struct buf *why, int *status)
{
	struct buf url = {0}, secret = {0}, signature = {0}, own[HEADS_MOST][2] = {0};
	struct http_head heads[HEADS_MOST + 4] = { { "content-type", STR("application/json") }, { "webhook-id", m->id } };
	struct http_result result = {0};
	struct outcome o = { FAILED, 0 };
	struct err err = {0};
	char seconds[24];
	int64_t now = time_now() / 1000;
	int n = 2, n_own = 0, rc = 0;

	snprintf(seconds, sizeof(seconds), "%lld", (long long)now);
	heads[n++] = (struct http_head){ "webhook-timestamp", str_of(seconds) };
	if (json_is(json_get(receiver, STR("secret")), JSON_STRING)) {
		rc = deliver_sign(json_text(json_get(receiver, STR("secret")), &secret), m->id, now, m->payload, &signature, &err);
		heads[n++] = (struct http_head){ "webhook-signature", buf_get(&signature) };
	}
	for (struct json_iter it = json_iter(json_get(receiver, STR("headers"))); n_own < HEADS_MOST && json_next(&it); n_own++) {
		buf_str(&own[n_own][0], json_text(it.key, &url));
		heads[n++] = (struct http_head){ buf_text(&own[n_own][0]), json_text(it.value, &own[n_own][1]) };
	}
	buf_clear(&url);
	{
		struct buf scratch = {0};

		buf_str(&url, json_text(json_get(receiver, STR("url")), &scratch));
		buf_release(&scratch);
	}
	if (rc == 0)
		rc = http_fetch(&(struct http_call){ .method = "POST", .url = buf_text(&url), .heads = heads, .n_heads = n, .body = m->payload, .most = 4096,
		    .timeout_ms = spec->timeout_ms ? spec->timeout_ms : TIMEOUT_MS, .private_too = spec->private_too }, &result, &err);
	*status = rc ? 0 : result.status;
	if (rc)
		buf_lit(why, err.text);
	else if (result.status / 100 == 2)
		o.what = TAKEN;
	else if (result.status == 410)
		o.what = GONE, buf_lit(why, "it answered 410: it wants no more");
	else
		buf_printf(why, "it answered %d", result.status);
	if (!rc)
		o.wait_ms = http_result_retry_ms(&result, time_now());
	http_result_release(&result);
	for (int i = 0; i < HEADS_MOST; i++) {
		buf_release(&own[i][0]);
		buf_release(&own[i][1]);
	}
	buf_release(&url);
	if (secret.p)
		crypt_wipe(secret.p, secret.n);
	buf_release(&secret);
	buf_release(&signature);
	return o;
}

struct round {                          /* through one receiver's queue */
	struct store *store;
	const struct deliver_spec *spec;
	struct deliver_figures *figures;
	struct json receiver;
	struct str id;
	int64_t next_ms;                /* until the first message is due again; -1: the queue is empty */
	int off;                        /* it wants no more */
	int configured;                 /* a receiver of the configuration */
	struct err *err;
	int taken_away;                 /* the message at hand was, on its way: what is still there is to be looked at anew */
};

static int64_t
pause_of(const struct deliver_spec *spec, int attempts, int64_t asked_ms)
{
	int64_t ms = spec->first_ms ? spec->first_ms : FIRST_MS, most = spec->most_ms ? spec->most_ms : MOST_MS;

	for (int i = 1; i < attempts && ms < most; i++)
		ms *= 2;
	ms = ms < most ? ms : most;
	return asked_ms > ms ? asked_ms : ms;
}

/* A try, by whatever the receiver is. One of the configuration cannot be switched off by what it answers. */
static struct outcome
send_by_type(const struct round *r, const struct message *m, struct buf *why, int *status)
{
	const struct deliver_spec *spec = r->spec;
	int64_t timeout_ms = spec->timeout_ms ? spec->timeout_ms : TIMEOUT_MS;
	struct outcome o = { FAILED, 0 };

	if (r->configured && receivers_is_other(r->receiver)) {
		o.what = receivers_send(r->receiver, &(struct receivers_message){ m->id, m->payload }, timeout_ms, why, status, &o.wait_ms) ? FAILED : TAKEN;
	} else if (r->configured) {
		struct deliver_spec own = *spec;

		own.private_too = receivers_private(r->receiver);
		own.timeout_ms = receivers_timeout(r->receiver, timeout_ms);
		o = post(r->receiver, m, &own, why, status);
		o.what = o.what == GONE ? FAILED : o.what;
	} else {
		o = post(r->receiver, m, spec, why, status);
	}
	return o;
}

/* It wants no more. A receiver that was removed while it was asked stays removed, and what was changed of it meanwhile stays changed; where it
 * is another address now, that one did not say so. */
static int
switch_off(struct round *r)
{
	struct buf now = { 0 }, b = { 0 }, here = { 0 }, asked = { 0 };
	int rc = store_get_state(r->store, DELIVER_RECEIVERS, r->id, &now, r->err);
	struct json record = rc > 0 ? json_value(buf_get(&now)) : JSON_ABSENT;

	if (rc > 0 && str_eq(json_text(json_get(record, STR("url")), &here), json_text(json_get(r->receiver, STR("url")), &asked))) {
		buf_byte(&b, '{');
		for (struct json_iter it = json_iter(record); json_next(&it); )
			if (!json_text_eq(it.key, STR("enabled")))
				buf_printf(&b, "%.*s:%.*s,", (int)it.key.n, it.key.p, (int)it.value.n, it.value.p);
		buf_lit(&b, "\"enabled\":false}");
		rc = store_put_state(r->store, DELIVER_RECEIVERS, r->id, buf_get(&b), r->err);
	}
	buf_release(&now), buf_release(&b), buf_release(&here), buf_release(&asked);
	return rc < 0 ? rc : 0;
}

/* Is the message still in its queue? It may have been let go of while it was on its way, with its receiver or its user. */
static int
is_queued(struct round *r, const char *kind, struct str id)
{
	struct buf b = { 0 };
	int rc = store_get_state(r->store, kind, id, &b, r->err);

	buf_release(&b);
	return rc;
}

/* What a try came to, in one transaction. */
static int
keep_outcome(struct round *r, struct message *m, struct outcome o)
{
	char kind[64];
	int dead = 0, rc;

	if (o.what == FAILED) {
		m->attempts++;
		dead = m->attempts >= (r->spec->tries ? r->spec->tries : TRIES);
		m->next = time_now() + (dead ? 0 : pause_of(r->spec, m->attempts, o.wait_ms));
	}
	if ((rc = kind_of(kind, "delivery", r->id, r->err)) || (rc = store_begin(r->store, r->err)))
		return rc;
	if ((rc = is_queued(r, kind, m->id)) <= 0) {
		store_abort(r->store);
		r->taken_away = 1;
		return rc;
	}
	rc = 0;
	if (o.what == TAKEN || dead)
		rc = store_drop_state(r->store, kind, m->id, r->err);
	if (rc == 0 && o.what == FAILED)
		rc = store_message(r->store, dead ? "dead" : "delivery", r->id, m, r->err);
	if (rc == 0 && o.what == GONE) {
		rc = switch_off(r);
		r->off = 1;
	}
	if (rc) {
		store_abort(r->store);
		return rc;
	}
	if (r->figures)
		r->figures->delivered += o.what == TAKEN, r->figures->failed += o.what == FAILED, r->figures->dead += dead;
	return store_commit(r->store, r->err);
}

/* One message of the queue: 0 and on to the next, 1: those behind it wait. */
static int
send_one(void *self, struct str id, struct str text)
{
	struct round *r = self;
	struct buf scratch[3] = {0}, why = {0};
	struct message m;
	struct outcome o;
	int rc = 0;

	(void)id;
	if (http_client_is_ended() || (r->spec->stopping && r->spec->stopping(r->spec->self))) {
		rc = 1, r->next_ms = 0;
	} else if (read_message(text, &m, scratch)) {
		rc = err_set(r->err, ERR_CORRUPT, "webhook %.*s: a message of its queue is damaged", STR_FMT(r->id));
	} else if (m.attempts && m.next > time_now() && m.next <= time_now() + WAIT_MOST) {
		rc = 1, r->next_ms = m.next - time_now();
	} else {
		o = send_by_type(r, &m, &why, &m.status);
		m.error = buf_get(&why);
		if (o.what == FAILED && http_client_is_ended())         /* broken off: that was no try */
			rc = 1, r->next_ms = 0;
		else if ((rc = keep_outcome(r, &m, o)) == 0 && r->off)
			rc = 1, r->next_ms = -1;
		else if (rc == 0 && r->taken_away)
			rc = 1, r->next_ms = 0;
		else if (rc == 0 && o.what == FAILED && m.attempts < (r->spec->tries ? r->spec->tries : TRIES))
			rc = 1, r->next_ms = m.next > time_now() ? m.next - time_now() : 0;
	}
	for (int i = 0; i < 3; i++)
		buf_release(&scratch[i]);
	buf_release(&why);
	return rc;
}

/* The lock goes with the process, however it ends. -1: another has it. */
static int
lock(struct store *s)
{
	struct buf path = {0};
	struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int fd;

	buf_str(&path, store_path(s));
	buf_lit(&path, "/deliver.lock");
	fd = open(buf_text(&path), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	buf_release(&path);
	if (fd >= 0 && fcntl(fd, F_OFD_SETLK, &whole)) {
		close(fd);
		fd = -1;
	}
	return fd;
}

int64_t
deliver_due(struct store *s, const struct deliver_spec *spec, struct deliver_figures *figures, struct err *err)
{
	struct receivers all = {0};
	int64_t next_ms = -1;
	int fd = lock(s), rc, stored;

	if (fd < 0)
		return OTHERS_MS;
	rc = store_each_state(s, DELIVER_RECEIVERS, add_receiver, &all, err);
	stored = all.n;
	receivers_each(spec->receivers, add_configured, &all);
	for (int i = 0; i < all.n && rc >= 0; i++) {
		struct round r = { s, spec, figures, receiver(&all, i), receiver_id(&all, i), -1, 0, i >= stored, err };
		char kind[64];

		if (!is_on(r.receiver))
			continue;
		if ((rc = kind_of(kind, "delivery", r.id, err)) == 0)
			rc = store_each_state(s, kind, send_one, &r, err);
		if (rc >= 0 && r.next_ms >= 0 && (next_ms < 0 || r.next_ms < next_ms))
			next_ms = r.next_ms;
	}
	receivers_release(&all);
	close(fd);
	return rc < 0 ? (rc == -1 ? -2 : rc) : next_ms;
}

/* ---- looking after it */

static int
count_message(void *self, struct str id, struct str text)
{
	(void)id, (void)text;
	++*(int64_t *)self;
	return 0;
}

int64_t
deliver_waiting(struct store *s, struct json configured, struct err *err)
{
	struct receivers all = {0};
	int64_t n = 0;
	char kind[64];
	int rc = 0;

	receivers_each(configured, add_configured, &all);
	for (int i = 0; i < all.n && rc == 0; i++)
		if ((rc = kind_of(kind, "delivery", receiver_id(&all, i), err)) == 0)
			rc = store_each_state(s, kind, count_message, &n, err);
	receivers_release(&all);
	return rc < 0 ? rc : n;
}

int
deliver_each(struct store *s, struct str only, int dead, int (*each)(void *, struct str id, struct str json), void *self, struct err *err)
{
	struct receivers all = {0};
	char kind[64];
	int rc;

	if (only.p)
		return (rc = kind_of(kind, dead ? "dead" : "delivery", only, err)) ? rc : store_each_state(s, kind, each, self, err);
	rc = store_each_state(s, DELIVER_RECEIVERS, add_receiver, &all, err);
	for (int i = 0; i < all.n && rc == 0; i++)
		if ((rc = kind_of(kind, dead ? "dead" : "delivery", receiver_id(&all, i), err)) == 0)
			rc = store_each_state(s, kind, each, self, err);
	receivers_release(&all);
	return rc;
}

/* Messages that are put back or dropped: that of an id (p NULL: all) of a kind; n were. */
struct chosen { struct store *store; char kind[64]; struct str receiver, id; int64_t now; int n; struct err *err; };

static int
requeue(void *self, struct str id, struct str text)
{
	struct chosen *c = self;
	struct buf scratch[3] = {0};
	struct message m;
	int rc = 0;

	if (c->id.p && !str_eq(c->id, id))
		return 0;
	if (read_message(text, &m, scratch) == 0) {
		m.attempts = 0, m.next = c->now;
		if ((rc = store_drop_state(c->store, c->kind, id, c->err)) == 0)
			rc = store_message(c->store, "delivery", c->receiver, &m, c->err);
		c->n += rc == 0;
	}
	for (int i = 0; i < 3; i++)
		buf_release(&scratch[i]);
	return rc;
}

static int
drop(void *self, struct str id, struct str text)
{
	struct chosen *c = self;
	int rc;

	(void)text;
	if (c->id.p && !str_eq(c->id, id))
		return 0;
	if ((rc = store_drop_state(c->store, c->kind, id, c->err)) < 0)
		return rc;
	c->n++;
	return 0;
}

/* Each dead one, in a transaction of its own. */
static int
each_dead(struct chosen *c, int (*each)(void *, struct str id, struct str text))
{
	int rc;

	if ((rc = kind_of(c->kind, "dead", c->receiver, c->err)) || (rc = store_begin(c->store, c->err)))
		return rc;
	if ((rc = store_each_state(c->store, c->kind, each, c, c->err)) == 0)
		rc = store_commit(c->store, c->err);
	else
		store_abort(c->store);
	return rc ? rc : c->n;
}

int
deliver_replay(struct store *s, struct str receiver, struct str id, int64_t now, struct err *err)
{
	return each_dead(&(struct chosen){ .store = s, .receiver = receiver, .id = id, .now = now, .err = err }, requeue);
}

int
deliver_drop(struct store *s, struct str receiver, struct str id, struct err *err)
{
	return each_dead(&(struct chosen){ .store = s, .receiver = receiver, .id = id, .err = err }, drop);
}

int
deliver_forget(struct store *s, struct str receiver, struct err *err)
{
	struct chosen all = { .store = s, .err = err };
	int rc = 0;

	for (int i = 0; i < 2 && rc == 0; i++)
		if ((rc = kind_of(all.kind, i ? "dead" : "delivery", receiver, err)) == 0)
			rc = store_each_state(s, all.kind, drop, &all, err);
	return rc;
}
