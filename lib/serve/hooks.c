#include "serve/hooks.h"

#include <stdio.h>
#include <stdlib.h>

#include "alert/deliver.h"
#include "auth/audit.h"
#include "base/ticker.h"
#include "serve/serve_priv.h"
#include "store/admin.h"

#define TICK_MS 500                     /* between looks at what is new, and for tenants that were opened */
#define LOOK_MS 30000                   /* between looks into tenants that are closed */
#define QUEUE_MS 1000                   /* between looks at the queue that only commits ask for, */
#define SHARE 20                        /* and so many times the processor time that one takes */
#define PLACE_MS 10000                  /* a place that moved is written no later, though nothing was queued */
#define MESSAGES_MOST 1000              /* queued in one transaction */
#define QUEUE_MOST 10000                /* waiting in a tenant; beyond it what is new waits in the store itself */
#define LETTERS_MOST 1000               /* dead ones in an answer */

struct hooks {
	struct serve *serve;
	struct ticker *ticker;
	int64_t looked;                 /* into tenants that are closed, mono ms; 0: never */
	int look_all;
	struct map tenants;             /* name -> struct watched; the thread's alone */
};

struct watched {
	struct store *store;            /* to read and to write */
	uint64_t version;               /* of the store, when nothing new was left */
	int64_t due;                    /* when the next message is, mono ms; INT64_MAX: none waits */
	int64_t may;                    /* and when the queue may be looked at again because of a commit, which may have put something there; mono ms */
	struct store_place place;
	int has_place, moved;           /* moved: since it was written */
	int64_t written;                /* mono ms */
	int wrote;                      /* something, since it was looked at last */
	struct serve_again again;
};

/* ---- what is new */

struct want { char *text; struct str id; struct json events; int64_t created; };        /* of a webhook that is on */
struct message { struct str receiver; char *type; struct str body; };

struct news {
	struct want *want;
	int n_wants, cap;
	struct buf scratch;
	struct message *message;
	int n, cap_messages;
	uint64_t seq, row;              /* of what was looked at: the last event; the row behind the last one, 0: none */
};

static int
keep_want(void *self, struct str name, struct str value)
{
	struct news *w = self;
	struct want *want;
	struct json record;

	if (w->n_wants == w->cap)
		w->want = mem_grow(w->want, (size_t)(w->cap = w->cap ? w->cap * 2 : 8), sizeof(*w->want));
	want = &w->want[w->n_wants++];
	*want = (struct want){ .text = mem_dup(value.p, value.n), .id = { mem_dup(name.p, name.n), name.n } };
	record = json_value((struct str){ want->text, value.n });
	want->events = json_get(record, STR("enabled")).type == JSON_FALSE ? JSON_ABSENT : json_get(record, STR("events"));
	if (time_parse_rfc3339(json_text(json_get(record, STR("created")), &w->scratch), &want->created))
		want->created = TIME_MIN;
	return 0;
}

/* The type itself, "*", or "alert.*". */
static int
is_wanted(struct news *w, const struct want *want, struct str type)
{
	struct json_iter it;
	int wanted = 0;

	for (it = json_iter(want->events); want->events.type == JSON_ARRAY && !wanted && json_next(&it); ) {
		struct str text = json_text(it.value, &w->scratch);

		wanted = str_eq(text, type) || str_eq(text, STR("*")) ||
		    (text.n > 2 && memcmp(text.p + text.n - 2, ".*", 2) == 0 && type.n >= text.n - 1 && memcmp(type.p, text.p, text.n - 1) == 0);
	}
	return wanted;
}

/* One for each webhook that wants it and was there when it came. */
static void
keep_messages(struct news *w, struct str type, int64_t received, const struct event *e, struct str json)
{
	struct buf body = { 0 };

	for (int i = 0; i < w->n_wants; i++) {
		if (received < w->want[i].created || !is_wanted(w, &w->want[i], type))
			continue;
		if (e && !body.n)
			event_put(&body, e);
		if (e)
			json = buf_get(&body);
		if (w->n == w->cap_messages)
			w->message = mem_grow(w->message, (size_t)(w->cap_messages = w->cap_messages ? w->cap_messages * 2 : 16), sizeof(*w->message));
		w->message[w->n++] = (struct message){ w->want[i].id, mem_dup(type.p, type.n), { mem_dup(json.p, json.n), json.n } };
	}
	buf_release(&body);
}

static int
new_event(void *self, const struct event *e, struct err *err)
{
	struct news *w = self;

	(void)err;
	keep_messages(w, e->name, e->received, e, (struct str){ 0 });
	w->seq = e->seq;
	return w->n >= MESSAGES_MOST;
}

static int
new_row(void *self, const char *kind, uint64_t number, struct str json, struct err *err)
{
	struct news *w = self;
	struct buf state = { 0 }, type = { 0 };

	(void)err;
	w->row = number + 1;
	buf_lit(&type, kind);
	if (strcmp(kind, "alert") == 0) {
		buf_byte(&type, '.');
		buf_str(&type, json_text(json_get(json_value(json), STR("state")), &state));
	}
	keep_messages(w, buf_get(&type), TIME_MAX, NULL, json);
	buf_release(&state);
	buf_release(&type);
	return w->n >= MESSAGES_MOST;
}

static void
release_news(struct news *w)
{
	for (int i = 0; i < w->n_wants; i++) {
		free(w->want[i].text);
		free((char *)w->want[i].id.p);
	}
	for (int i = 0; i < w->n; i++) {
		free(w->message[i].type);
		free((char *)w->message[i].body.p);
	}
	free(w->want);
	free(w->message);
	buf_release(&w->scratch);
}

static int
has_webhooks(void *self, struct store *store, struct err *err)
{
	(void)self;
	return store_has_state(store, DELIVER_RECEIVERS, err);
}

static int
put_place(struct store *store, const struct store_place *place, struct err *err)
{
	return store_put_state(store, "hooks", STR("place"), (struct str){ (const char *)place, sizeof(*place) }, err);
}

/* The place that is stored. 1, 0: there is none, < 0. */
static int
get_place(struct store *store, struct store_place *place, struct err *err)
{
	struct buf text = { 0 };
	int rc = store_get_state(store, "hooks", STR("place"), &text, err);

	if (rc > 0 && (rc = text.n == sizeof(*place)))
		memcpy(place, text.p, text.n);
	buf_release(&text);
	return rc;
}

int
hooks_begin(struct store *store, struct err *err)
{
	struct store_place place;
	int rc = has_webhooks(NULL, store, err);

	if (rc > 0)                     /* else one that is stored is that of webhooks that are gone */
		rc = get_place(store, &place, err);
	if (rc == 0 && (rc = store_place_now(store, &place, err)) == 0)
		rc = put_place(store, &place, err);
	return rc < 0 ? rc : 0;
}

/* Where the last server stopped, or the first webhook was made; else from now on. */
static int
find_place(struct watched *t, struct err *err)
{
	int rc = get_place(t->store, &t->place, err);

	if (rc == 0)
		rc = store_place_now(t->store, &t->place, err);
	t->has_place = rc >= 0;
	return rc < 0 ? rc : 0;
}

/* Queue the messages and write the place, or, where nobody asks any more, forget it; a webhook may have been made meanwhile. */
static int
write_all(struct watched *t, const struct news *w, const struct store_place *place, struct err *err)
{
	int rc = store_begin(t->store, err);

	for (int i = 0; rc >= 0 && i < w->n; i++)
		rc = deliver_put(t->store, w->message[i].receiver, str_of(w->message[i].type), time_now(), w->message[i].body, err);
	if (rc >= 0 && w->n_wants)
		rc = put_place(t->store, place, err);
	else if (rc >= 0 && (rc = has_webhooks(NULL, t->store, err)) == 0)
		rc = store_drop_state(t->store, "hooks", STR("place"), err);
	if (rc < 0) {
		store_abort(t->store);
		return rc;
	}
	if ((rc = store_commit(t->store, err)) == 0) {
		t->moved = 0;
		t->wrote = 1;
		t->written = time_mono_ms();
	}
	return rc;
}

static int
count_one(void *self, struct str id, struct str json)
{
	(void)id, (void)json;
	return ++*(int *)self >= QUEUE_MOST;
}

/* 1: there may be more; 0; < 0. */
static int
gather(struct watched *t, struct err *err)
{
	struct news w = { .n = 0 };
	const struct store_news news = { new_event, new_row, store_row_kinds, &w };
	struct store_place place, now;          /* now: before it is asked who wants what, so that nothing of who comes meanwhile is passed over */
	int samples = 0, waiting = 0, rc, full;

	if ((!t->has_place && (rc = find_place(t, err))) || (rc = store_place_now(t->store, &now, err)) < 0 ||
	    (rc = store_each_state(t->store, DELIVER_RECEIVERS, keep_want, &w, err)) < 0 ||
	    (rc = deliver_each(t->store, (struct str){ 0 }, 0, count_one, &waiting, err)) < 0)
		goto out;
	if (waiting >= QUEUE_MOST) {            /* what is delivered meanwhile makes room, and is a new version to look at */
		rc = 0;
		goto out;
	}
	place = w.n_wants ? t->place : now;
	if (w.n_wants && (rc = store_each_new(t->store, &place, &news, &samples, err)) < 0)
		goto out;
	if ((full = w.n >= MESSAGES_MOST)) {    /* it was ended there, so the place was not moved over what was given */
		place.seq = w.seq > place.seq ? w.seq : place.seq;
		place.row = w.row > place.row ? w.row : place.row;
	}
	t->moved |= w.n_wants && memcmp(&place, &t->place, sizeof(place));
	if ((w.n || (t->moved && time_mono_ms() - t->written > PLACE_MS)) && (rc = write_all(t, &w, &place, err)))
		goto out;
	t->place = place;
	if (w.n)
		t->due = 0;
	rc = full;
out:
	release_news(&w);
	return rc;
}

/* ---- the thread */

static int
is_ending(void *self)
{
	const struct hooks *h = self;

	return ticker_ending(h->ticker);
}

static int
deliver(struct hooks *h, struct watched *t, struct err *err)
{
	struct figures_part *f = figures_part(h->serve->figures, h->serve->worker);
	struct serve_setup *setup = serve_setup_now(h->serve);
	const struct deliver_spec spec = { .receivers = config_get(setup->config, "analytics", "receivers"), .private_too = config_get(setup->config, "analytics", "serve.webhooks.private").type == JSON_TRUE,
		.stopping = is_ending, .self = h };
	struct deliver_figures sent = { 0 };
	int64_t cpu = time_cpu_ns(), next = deliver_due(t->store, &spec, &sent, err);

	t->due = next < 0 ? INT64_MAX : time_mono_ms() + next;
	t->may = time_mono_ms() + QUEUE_MS + (time_cpu_ns() - cpu) / 1000000 * SHARE;
	figures_add(&f->hooks_sent, sent.delivered);
	figures_add(&f->hooks_failed, sent.failed);
	figures_add(&f->hooks_dead, sent.dead);
	t->wrote |= next >= -1 && sent.delivered + sent.failed + sent.dead > 0;
	serve_setup_free(setup);
	return next < -1 ? (int)next : 0;
}

/* Tenants that nobody uses stay closed, unless they have webhooks. */
static int
see_tenant(void *self, const char *name)
{
	struct hooks *h = self;
	struct err err = { 0 };
	struct map_entry *e = map_find(&h->tenants, str_of(name));
	struct store *store;

	if (!e && (serve_tenant_is_open(h->serve, str_of(name)) || (h->look_all && serve_tenant_look(h->serve, str_of(name), has_webhooks, NULL, &err) > 0)) &&
	    (store = serve_store(h->serve, str_of(name), &err)) && (store = store_share_write(store, &err))) {
		struct watched *t = mem_new(sizeof(*t));

		t->store = store;
		map_put(&h->tenants, str_of(name), NULL)->ptr = t;
	}
	return is_ending(h);
}

static void
look(void *self, int woken)
{
	struct hooks *h = self;
	struct err err = { 0 };

	h->look_all = !h->looked || time_mono_ms() - h->looked > LOOK_MS;
	h->looked = h->look_all ? time_mono_ms() : h->looked;
	if (h->look_all)
		store_tenants(h->serve->spec.store, see_tenant, h, &err);
	else
		serve_tenants_open(h->serve, see_tenant, h);
	err_clear(&err);
	for (struct map_entry *e = map_first(&h->tenants); e && !is_ending(h); e = map_next(&h->tenants, e)) {
		struct watched *t = e->ptr;
		uint64_t version = store_version(t->store);
		int rc = 0;

		if (!serve_again_is_due(&t->again))
			continue;
		if (version != t->version && t->may < t->due)           /* another worker or process may have queued some */
			t->due = t->may;
		if (version != t->version || (t->moved && time_mono_ms() - t->written > PLACE_MS))
			while (!is_ending(h) && (rc = gather(t, &err)) > 0)
				;
		if (rc == 0)
			t->version = version;   /* what is written here is looked at once more, and brings nothing */
		if (rc == 0 && (woken || t->due <= time_mono_ms()))
			rc = deliver(h, t, &err);
		if (rc < 0) {
			serve_again_failed(h->serve, &t->again, "webhooks", e->key, &err);
			t->due = 0;
		} else if (t->wrote) {
			serve_again_well(h->serve, &t->again, "webhooks", e->key);
		}
		t->wrote = 0;
	}
}

struct hooks *
hooks_new(struct serve *s, struct err *err)
{
	struct hooks *h = mem_new(sizeof(*h));

	h->serve = s;
	h->ticker = ticker_new(look, h, TICK_MS);
	if (ticker_start(h->ticker, err)) {
		hooks_free(h);
		return NULL;
	}
	return h;
}

void
hooks_wake(struct hooks *h)
{
	if (h)
		ticker_wake(h->ticker);
}

void
hooks_free(struct hooks *h)
{
	if (!h)
		return;
	ticker_free(h->ticker);
	for (struct map_entry *e = map_first(&h->tenants); e; e = map_next(&h->tenants, e)) {
		store_close(((struct watched *)e->ptr)->store);
		free(e->ptr);
	}
	map_release(&h->tenants);
	free(h);
}

/* ---- routes: what could not be delivered, sending it again, letting it go, a test; of webhooks, and of receivers of the configuration */

static int
is_configured(const struct exchange *ex)
{
	return str_starts(str_of(ex->route->path), STR("/api/v1/receivers"));
}

/* The id under which its messages lie; p NULL, and answered: there is no such webhook or receiver. */
static struct str
find_hook(struct exchange *ex, struct store *store)
{
	struct str id = ex->segment[0];
	struct buf record = { 0 };
	struct err err = { 0 };
	int rc;

	if (is_configured(ex)) {
		rc = receivers_has(config_get(ex->config, "analytics", "receivers"), id);
		buf_lit(&record, DELIVER_CONFIGURED);
		buf_str(&record, id);
		id = (struct str){ arena_dup(ex->arena, record.p, record.n), record.n };
	} else {
		rc = store_get_state(store, DELIVER_RECEIVERS, id, &record, &err);
	}
	buf_release(&record);
	if (rc > 0)
		return id;
	if (rc < 0)
		exchange_error(ex, &err);
	else
		exchange_problem(ex, 404, "no %s '%.*s'", is_configured(ex) ? "receiver" : "webhook", (int)(ex->segment[0].n > 64 ? 64 : ex->segment[0].n), ex->segment[0].p);
	return (struct str){ 0 };
}

static int
list_letter(void *self, struct str id, struct str json)
{
	struct exchange_list *l = self;

	(void)id;
	buf_str(exchange_list_item(l), json);
	return l->n == LETTERS_MOST;
}

static void
list_letters(struct exchange *ex, int dead)
{
	struct exchange_list l;
	struct store *store = exchange_store(ex);
	struct err err = { 0 };
	struct str id;

	if (!store || !(id = find_hook(ex, store)).p)
		return;
	exchange_list_begin(&l, ex, "messages");
	deliver_each(store, id, dead, list_letter, &l, &err);
	exchange_list_end(&l, &err);
}

static void
queued(struct exchange *ex)
{
	list_letters(ex, 0);
}

static void
dead(struct exchange *ex)
{
	list_letters(ex, 1);
}

static void
answer_number(struct exchange *ex, const char *what, int n, const char *action)
{
	struct buf json = { 0 };
	char whole[40];

	snprintf(whole, sizeof(whole), "%s.%s", is_configured(ex) ? "receiver" : "webhook", action);
	audit_add(ex->serve->auth, &(struct audit_entry){ .tenant = ex->who->tenant, .who = ex->who->name, .from = str_of(http_client(ex->request)),
	    .action = str_of(whole), .object = ex->segment[0], .result = STR("ok"), .request = str_of(ex->id) }, &(struct err){ 0 });
	hooks_wake(ex->serve->hooks);
	buf_printf(&json, "{\"%s\":%d}", what, n);
	exchange_json(ex, 200, &json);
	buf_release(&json);
}

static void
change_dead(struct exchange *ex, int again)
{
	struct store *store = exchange_store(ex), *mine;
	struct str message = exchange_param(ex, "message"), id;
	struct err err = { 0 };
	int rc;

	if (!store || !(id = find_hook(ex, store)).p)
		return;
	mine = store_share_write(store, &err);
	rc = !mine ? err.code : again ? deliver_replay(mine, id, message, time_now(), &err) : deliver_drop(mine, id, message, &err);
	store_close(mine);
	if (rc < 0)
		exchange_error(ex, &err);
	else
		answer_number(ex, again ? "queued" : "dropped", rc, again ? "replay" : "drop");
}

static void
replay(struct exchange *ex)
{
	change_dead(ex, 1);
}

static void
drop_dead(struct exchange *ex)
{
	change_dead(ex, 0);
}

struct test { struct serve_job job; struct str hook; };

static int
put_test(struct serve_job *job, struct store *store, struct err *err)
{
	return deliver_put(store, ((struct test *)(void *)job)->hook, STR("test"), time_now(), STR("{}"), err);
}

static void
test(struct exchange *ex)
{
	struct test job = { .job = { .run = put_test } };
	struct store *store = exchange_store(ex);
	struct err err = { 0 };
	struct serve_tenant *t;

	if (!store || !(job.hook = find_hook(ex, store)).p)
		return;
	if (!(t = serve_tenant(ex->serve, ex->who->tenant, &err)) || serve_tenant_write(t, &job.job, &err) < 0)
		exchange_error(ex, &err);
	else
		answer_number(ex, "queued", 1, "test");
}

static int
count_letter(void *self, struct str id, struct str json)
{
	(void)id, (void)json;
	++*(int *)self;
	return 0;
}

struct listing { struct exchange_list list; struct store *store; struct err err; };

static int
list_receiver(void *self, struct str name, struct json receiver)
{
	struct listing *l = self;
	struct buf id = { 0 }, *b, type = { 0 };
	int waiting = 0, gone = 0, rc;

	if (!principal_may(l->list.ex->who, AUTH_READ, "webhooks", name))
		return 0;
	b = exchange_list_item(&l->list);
	buf_lit(&id, DELIVER_CONFIGURED);
	buf_str(&id, name);
	if ((rc = deliver_each(l->store, buf_get(&id), 0, count_letter, &waiting, &l->err)) == 0)
		rc = deliver_each(l->store, buf_get(&id), 1, count_letter, &gone, &l->err);
	buf_lit(b, "{\"name\":");
	json_put_string(b, name);
	json_put_more_text(b, "type", json_text(json_get(receiver, STR("type")), &type));
	buf_printf(b, ",\"waiting\":%d,\"dead\":%d}", waiting, gone);
	buf_release(&id);
	buf_release(&type);
	return rc < 0 ? rc : 0;
}

static void
receivers(struct exchange *ex)
{
	struct listing l = { .store = exchange_store(ex) };

	if (!l.store)
		return;
	exchange_list_begin(&l.list, ex, "receivers");
	receivers_each(config_get(ex->config, "analytics", "receivers"), list_receiver, &l);
	exchange_list_end(&l.list, &l.err);
}

static const struct route_param message_params[] = { { "message", "string", 0, "only this one; all when not given" }, { 0 } };

#define LETTERS(of, what) \
	{ "GET", "/api/v1/" of "/{id}/queue", "What waits to be delivered to a " what ".", AUTH_READ, "webhooks", NULL, NULL, "Messages", 200, ROUTE_POOL, 0, queued }, \
	{ "GET", "/api/v1/" of "/{id}/dead", "What could not be delivered to a " what ".", AUTH_READ, "webhooks", NULL, NULL, "Messages", 200, ROUTE_POOL, 0, dead }, \
	{ "DELETE", "/api/v1/" of "/{id}/dead", "Let go of what could not be delivered to a " what ".", AUTH_WRITE, "webhooks", message_params, NULL, "Dropped", 200, ROUTE_POOL, 0, drop_dead }, \
	{ "POST", "/api/v1/" of "/{id}/replay", "Send what could not be delivered to a " what " once more.", AUTH_WRITE, "webhooks", message_params, NULL, "Queued", 200, ROUTE_POOL, 0, replay }, \
	{ "POST", "/api/v1/" of "/{id}/test", "Send a " what " a message of type test.", AUTH_WRITE, "webhooks", NULL, NULL, "Queued", 200, ROUTE_POOL, 0, test }

const struct route route_hooks[] = {
	LETTERS("webhooks", "webhook"),
	{ "GET", "/api/v1/receivers", "Receivers of config/analytics.json, and how many messages wait for them or could not be delivered.", AUTH_READ, "webhooks", NULL, NULL,
	    "Receivers", 200, ROUTE_POOL, 0, receivers },
	LETTERS("receivers", "receiver"),
	{ 0 }
};
