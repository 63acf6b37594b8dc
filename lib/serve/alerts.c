#include "serve/alerts.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "alert/noise.h"
#include "alert/reads.h"
#include "alert/routes.h"
#include "alert/silences.h"
#include "alert/stored.h"
#include "auth/audit.h"
#include "base/ticker.h"
#include "serve/given.h"
#include "serve/serve_priv.h"
#include "store/admin.h"

#define STATE       ALERTS_STATE
#define TICK_MS     500                 /* between looks at what is new */
#define LOOK_MS     30000               /* between looks into tenants that are closed */
#define OPEN_MS     500                 /* between looks for tenants that were opened */
#define SAVE_MS     1000                /* what changed though nothing is said of it is saved no later */
#define RELOAD_MS   500                 /* between looks whether the rules changed */
#define LOOKBACK_MS 600000              /* samples so old may still come */
#define ASK_MS      1000                /* a rule is asked again when something came, not sooner than this */
#define SHARE       20                  /* nor than this many times the processor time that it took: who was held up need not rest */
#define ASKED_MS    10000               /* the most that one answer may take, and no more than query.timeout */
#define SLOW_MS     200                 /* what took longer waits SHARE times as long also when it is due */
#define TURN_MS     2000                /* of questions, before the next tenant has its turn */
#define ROW_NS      1000000             /* processor time of one rule for one event */
#define PATTERN_BYTES (16u << 20)       /* of open tries of one pattern */
#define LANES_MOST  64
#define LANE_NICE   5                   /* behind requests */
#define TROUBLE_MS  60000               /* the same trouble is told again so often */
#define OVER_MS     600000              /* trouble with events that did not come again is over */

struct trouble {                        /* of a rule: what is wrong with it */
	char text[256];                 /* "": nothing */
	int64_t since;                  /* ms since 1970 */
	int64_t last, told;             /* mono ms */
	int changed;                    /* and not stored yet */
};

struct judged {                         /* a tenant; its lane's alone */
	char *name;
	struct alerts *alerts;
	struct trouble *trouble;        /* of each rule */
	int n_configured;               /* rules in front that stand in analytics.json */
	int troubled;                   /* some trouble has changed */
	int turn;                       /* the rule that is asked first */
	struct store *store;
	int lock;                       /* its descriptor; -1: another process judges */
	uint64_t rules_hash, setup;     /* of what the rules below were made */
	uint64_t silences_hash;
	struct serve_setup *uses;
	struct rules *rules;
	struct evaluate *evaluate;
	struct routes *routes;
	struct noise *noise;
	struct query *query;
	struct asked { int is; int64_t next, sooner; } *asked;  /* a rule; mono ms: due in any case; due when something came */
	int wants_events, wants_samples;
	struct store_place place;
	int has_place;
	uint64_t version;
	int64_t looked, samples_due;    /* mono ms */
	int fresh, changed;             /* something came and was not judged yet; and may be rules */
	struct buf unsaved;             /* alert rows: "MS row" a line */
	struct serve_again again;       /* when all of it fails, as on a full disk */
	long changes;
	int64_t saved;                  /* mono ms */
};

/* A thread. A tenant whose rules take long holds up nobody but those of its lane, and those not for long: as many tenants as there are lanes
 * have one of their own. */
struct lane {
	struct alerts *alerts;
	struct ticker *ticker;
	pthread_mutex_t lock;
	struct judged **tenant;         /* grows under the lock */
	size_t n, cap;
	int is_behind;                  /* it has its priority */
};

struct alerts {
	struct serve *serve;
	struct ticker *ticker;          /* looks for tenants */
	struct lane lane[LANES_MOST];
	int n_lanes;
	atomic_int ending;
	int64_t began;                  /* the server, ms since 1970 */
	int64_t looked;                 /* for tenants that are closed; mono ms */
	int look_all;
	struct map tenants;             /* name -> struct judged; of the thread that looks for them */
};

static int
is_ending(const struct alerts *a)
{
	return atomic_load(&a->ending);
}

static void
tell(struct alerts *a, const char *name, struct err *err)
{
	struct buf more = { 0 };

	json_put_key(&more, STR("tenant"));
	json_put_string(&more, str_of(name));
	buf_byte(&more, ',');
	json_put_key(&more, STR("error"));
	json_put_string(&more, str_of(err->text));
	serve_log(a->serve, "error", "rules", buf_get(&more));
	buf_release(&more);
	err_clear(err);
}

/* ---- what is wrong with a rule: in the log, and in its state, kind "rule-state" */

static void
trouble_set(struct judged *j, int rule, const struct err *err)
{
	struct trouble *t = &j->trouble[rule];
	int64_t now = time_mono_ms();
	struct err again = { 0 }, said = *err;

	serve_reword_err(&said);
	t->last = now;
	if (*t->text && now - t->told < TROUBLE_MS)
		return;
	if (!*t->text)
		t->since = time_wall();
	t->told = now;
	t->changed = j->troubled = 1;
	snprintf(t->text, sizeof(t->text), "%s", said.text);
	if (str_utf8_fault(str_of(t->text)) >= 0)               /* cut within a character */
		t->text[str_utf8_fault(str_of(t->text))] = 0;
	err_set(&again, err->code, "rule '%.80s': %s", j->rules->rule[rule].key.p, t->text);
	tell(j->alerts, j->name, &again);
}

static void
trouble_over(struct judged *j, int rule)
{
	struct trouble *t = &j->trouble[rule];

	if (!*t->text)
		return;
	*t->text = 0;
	t->changed = j->troubled = 1;
}

static void
on_trouble(void *self, int rule, const struct err *err)
{
	trouble_set(self, rule, err);
}

/* What rules are asked of events is over when it did not come again; of questions the next answer tells. */
static void
trouble_age(struct judged *j)
{
	for (int i = 0; i < j->rules->n; i++)
		if (*j->trouble[i].text && !j->asked[i].is && time_mono_ms() - j->trouble[i].last > OVER_MS)
			trouble_over(j, i);
}

static int
trouble_save(struct judged *j, struct err *err)
{
	struct buf b = { 0 };
	int rc = 0;

	for (int i = 0; i < j->rules->n && rc >= 0; i++) {
		struct trouble *t = &j->trouble[i];
		struct str id = j->rules->rule[i].id;

		if (!t->changed || i < j->n_configured || !id.n)
			continue;
		buf_clear(&b);
		buf_lit(&b, "{\"error\":");
		json_put_string(&b, str_of(t->text));
		buf_lit(&b, ",\"since\":");
		json_put_time(&b, t->since);
		buf_byte(&b, '}');
		rc = *t->text ? store_put_state(j->store, ALERTS_TROUBLE, id, buf_get(&b), err) : store_drop_state(j->store, ALERTS_TROUBLE, id, err);
	}
	buf_release(&b);
	return rc < 0 ? rc : 0;
}

static int
trouble_load_one(void *self, struct str id, struct str value)
{
	struct judged *j = self;
	struct buf text = { 0 };

	for (int i = j->n_configured; i < j->rules->n; i++)
		if (str_eq(j->rules->rule[i].id, id)) {
			struct str said = json_text(json_get(json_value(value), STR("error")), &text);

			snprintf(j->trouble[i].text, sizeof(j->trouble[i].text), "%.*s", STR_FMT(said));
			if (time_parse_rfc3339(json_text(json_get(json_value(value), STR("since")), &text), &j->trouble[i].since))
				j->trouble[i].since = time_wall();
			j->trouble[i].last = j->trouble[i].told = time_mono_ms();
		}
	buf_release(&text);
	return 0;
}

/* ---- rules */

int
alerts_check_rule(struct json given, struct err *err)
{
	struct rules *rules = rules_new(EXPR_NATIVE_ONLY);
	int rc = rules_add(rules, given, err);

	rules_free(rules);
	return rc ? err->code = ERR_INPUT : 0;
}

static int
gather_rule(void *self, struct str id, struct str value)
{
	struct buf *all = self;

	(void)id;
	buf_lit(all, all->n > 1 ? "," : "");
	given_put(all, "RuleRecord", json_value(value));
	return 0;
}

/* Each rule by itself: one that cannot be judged any more is told, and the others go on. */
static void
add_rules(struct alerts *a, const char *name, struct rules *rules, int flags, struct json list)
{
	struct json_iter it;
	struct err err = { 0 };

	rules->flags = flags;
	for (it = json_iter(list); list.type == JSON_ARRAY && json_next(&it); )
		if (rules_add(rules, it.value, &err))
			tell(a, name, &err);
}

static void
say_noisy(struct judged *j, struct str text)
{
	struct buf more = { 0 };

	json_put_key(&more, STR("tenant"));
	json_put_string(&more, str_of(j->name));
	buf_byte(&more, ',');
	json_put_key(&more, STR("message"));
	json_put_string(&more, text);
	serve_log(j->alerts->serve, "warning", "rules", buf_get(&more));
	buf_release(&more);
}

static int
on_alert(void *self, const struct evaluate_alert *alert, struct err *err)
{
	struct judged *j = self;
	struct buf noisy = { 0 };
	int damped;

	(void)err;
	buf_printf(&j->unsaved, "%lld ", (long long)alert->time);
	reads_put_row(&j->unsaved, alert->json, alert->reads);
	buf_byte(&j->unsaved, '\n');
	damped = routes_alert(j->routes, alert);
	if (j->noise && noise_alert(j->noise, alert, damped, time_now(), &noisy))
		say_noisy(j, buf_get(&noisy));
	buf_release(&noisy);
	j->changes++;
	return 0;
}

static void
let_go(struct judged *j)
{
	query_close(j->query);
	routes_free(j->routes);
	noise_free(j->noise);
	evaluate_free(j->evaluate);
	rules_free(j->rules);
	free(j->asked);
	free(j->trouble);
	serve_setup_free(j->uses);
	j->trouble = NULL, j->troubled = 0, j->query = NULL, j->routes = NULL, j->noise = NULL, j->evaluate = NULL, j->rules = NULL, j->asked = NULL, j->uses = NULL;
}

static int
halting(void)
{
	return atomic_load(&serve_halting);
}

/* Has it a word that only events have? */
static int
is_about_events(struct json rule)
{
	struct str text = json_raw(json_get(rule, STR("expr")));

	return text.n && (memmem(text.p, text.n, ".event", 6) || memmem(text.p, text.n, ".properties", 11));
}

static void
see_wants(struct judged *j, struct json list)
{
	struct json_iter it;

	for (it = json_iter(list); list.type == JSON_ARRAY && json_next(&it); )
		j->wants_events |= is_about_events(it.value);
}

/* Rules and setup as they are now, what is known taken up from the store. */
static int
take_up(struct alerts *a, const char *name, struct judged *j, struct json ours, struct serve_setup *setup, struct err *err)
{
	struct json configured = config_get(setup->config, "analytics", "rules");

	j->uses = serve_setup_use(setup);
	j->rules = rules_new(0);
	j->wants_events = j->wants_samples = 0;
	add_rules(a, name, j->rules, 0, configured);
	j->n_configured = j->rules->n;
	add_rules(a, name, j->rules, EXPR_NATIVE_ONLY, ours);
	reads_find(j->rules, setup->config);
	see_wants(j, configured);
	see_wants(j, ours);
	for (int i = 0; i < j->rules->n; i++) {
		j->wants_events |= j->rules->rule[i].kind == RULES_PATTERN;
		j->wants_samples |= j->rules->rule[i].kind == RULES_ROW || j->rules->rule[i].kind == RULES_ANOMALY;
	}
	j->asked = mem_new((size_t)(j->rules->n + 1) * sizeof(*j->asked));
	j->trouble = mem_new((size_t)(j->rules->n + 1) * sizeof(*j->trouble));
	if (store_each_state(j->store, ALERTS_TROUBLE, trouble_load_one, j, err) < 0)
		return err->code;
	if (!(j->routes = routes_new(setup->config, err)) ||
	    !(j->evaluate = evaluate_new(&(struct evaluate_spec){ .rules = j->rules, .alert = on_alert, .self = j, .zone = a->serve->spec.zone,
	        .row_ns = ROW_NS, .pattern_bytes = PATTERN_BYTES, .trouble = on_trouble }, err)) ||
	    (j->rules->n && !(j->query = query_open(&(struct query_spec){ .store = a->serve->spec.store, .tenant = name, .opened = j->store, .config = setup->config, .zone = a->serve->spec.zone,
	        .timeout_ms = setup->query_ms, .memory = setup->query_bytes, .stopping = halting }, err))) ||
	    routes_load(j->routes, j->store, STATE, err) < 0)
		return err->code;
	if (evaluate_load(j->evaluate, j->store, STATE, err) || !(j->noise = noise_open(j->rules, j->store, STATE, time_now(), err)))
		return err->code;
	return 0;
}

static int
write_alerts(struct judged *j, int *told, struct err *err)
{
	struct str rest = buf_get(&j->unsaved), line, time;
	int64_t ms;
	int rc = store_begin(j->store, err);

	*told = 0;
	if (rc)
		return rc;
	while (rc == 0 && rest.n && str_cut(&rest, '\n', &line) && str_cut(&line, ' ', &time) && str_int64(time, &ms) == 0)
		rc = store_add_row(j->store, "alert", ms, line, err);
	if (rc == 0)
		rc = evaluate_save(j->evaluate, j->store, STATE, err);
	if (rc == 0)
		rc = noise_save(j->noise, j->store, err);
	if (rc == 0 && j->troubled)
		rc = trouble_save(j, err);
	if (rc == 0 && j->has_place && j->wants_events)
		rc = store_put_state(j->store, "alert-place", STR(STATE), (struct str){ (const char *)&j->place, sizeof(j->place) }, err);
	if (rc == 0 && (*told = routes_flush(j->routes, j->store, STATE, time_now(), evaluate_time(j->evaluate), err)) < 0)
		rc = *told, *told = 0;
	if (rc) {
		store_abort(j->store);
		return rc;
	}
	buf_clear(&j->unsaved);
	for (int i = 0; i < j->rules->n && j->troubled; i++)
		j->trouble[i].changed = 0;
	j->changes = j->troubled = 0;
	j->saved = time_mono_ms();
	if ((rc = store_commit(j->store, err)) == 0)
		serve_again_well(j->alerts->serve, &j->again, "rules", str_of(j->name));
	if (rc == 0 && store_version(j->store) == j->version + 1)
		j->version++;           /* nobody but us: nothing to look at */
	return rc;
}

static int
hash_silence(void *self, struct str name, struct str value)
{
	uint64_t *hash = self;

	*hash = *hash * 31 + str_hash_stable(name) + 7 * str_hash_stable(value);
	return 0;
}

/* What a silence withheld is told as soon as somebody takes it back. */
static int
look_at_silences(struct judged *j, struct err *err)
{
	uint64_t hash = 0;
	int rc = store_each_state(j->store, SILENCES, hash_silence, &hash, err);

	if (rc >= 0 && hash != j->silences_hash && j->routes)
		routes_look(j->routes);
	j->silences_hash = hash;
	return rc;
}

/* 1: there are rules, and they are judged here. */
static int
reload(struct alerts *a, const char *name, struct judged *j, struct err *err)
{
	struct serve_setup *setup = serve_setup_now(a->serve);
	struct buf ours = { 0 };
	uint64_t hash;
	int rc, told;

	buf_byte(&ours, '[');
	if ((rc = store_each_state(j->store, "rule", gather_rule, &ours, err)) < 0)
		goto out;
	buf_byte(&ours, ']');
	hash = str_hash_stable(buf_get(&ours));
	if (!j->rules || hash != j->rules_hash || setup->number != j->setup) {
		if (j->evaluate && (rc = write_alerts(j, &told, err)) < 0)
			goto out;
		let_go(j);
		j->rules_hash = hash, j->setup = setup->number;
		if ((rc = take_up(a, name, j, json_value(buf_get(&ours)), setup, err)))
			let_go(j);
		j->fresh = 1;
	}
	if (rc == 0)
		rc = look_at_silences(j, err);
	rc = rc ? rc : j->rules && (j->rules->n || j->changes);
out:
	serve_setup_free(setup);
	buf_release(&ours);
	return rc;
}

/* ---- what is new */

static int
new_event(void *self, const struct event *e, struct err *err)
{
	struct judged *j = self;
	struct buf row = { 0 };

	event_put(&row, e);
	if (evaluate_row(j->evaluate, buf_get(&row), "store", 1, err))
		err_clear(err);         /* a condition that this event has an error in */
	buf_release(&row);
	return 0;
}

static int
new_sample(void *self, int64_t time, struct str row, struct err *err)
{
	struct judged *j = self;

	(void)time;
	if (evaluate_row(j->evaluate, row, "store", 1, err))
		err_clear(err);
	return 0;
}

/* A tenant that is seen for the first time: what came since the server began, so that who makes a rule and sends an event at once is heard. */
static int
judge_first(struct judged *j, int64_t began, struct err *err)
{
	struct store_scan *scan;
	struct event e;
	int rc;

	if ((rc = store_place_now(j->store, &j->place, err)) < 0)
		return rc;
	scan = store_scan_open(j->store, &(struct store_range){ .from = began - LOOKBACK_MS, .to = time_wall() + LOOKBACK_MS, .until = j->place.seq, .by_time = 1 }, err);
	rc = scan ? 0 : err->code;
	while (scan && (rc = store_scan_next(scan, &e, err)) > 0)
		if (e.received >= began && e.seq <= j->place.seq)
			new_event(j, &e, err);
	store_scan_close(scan);
	j->changes++;
	return rc;
}

static int
judge_new(struct judged *j, int64_t server_began, struct err *err)
{
	static const char *const kinds[] = { NULL };
	const struct store_news news = { new_event, NULL, kinds, j };
	struct buf place = { 0 };
	int64_t cpu = time_cpu_ns(), now = time_now(), from;
	int samples, rc = 0;

	if (j->wants_events && !j->has_place) {
		if ((rc = store_get_state(j->store, "alert-place", STR(STATE), &place, err)) > 0 && place.n == sizeof(j->place))
			memcpy(&j->place, place.p, place.n);
		else if (rc >= 0)
			rc = judge_first(j, server_began, err);
		j->has_place = rc >= 0;
		buf_release(&place);
	}
	while (rc >= 0 && j->wants_events && (rc = store_each_new(j->store, &j->place, &news, &samples, err)) > 0)
		j->changes++;           /* the place is written with what came of it */
	if (rc < 0 || !j->wants_samples)
		return rc;
	from = evaluate_time(j->evaluate);
	from = (from == TIME_NONE || from > now ? now : from) - LOOKBACK_MS;
	rc = stored_samples(j->store, from, now + LOOKBACK_MS, new_sample, j, err);
	j->samples_due = time_mono_ms() + (time_cpu_ns() - cpu) / 1000000 * SHARE;
	return rc;
}

/* Rules that are asked: in any case every so often, and sooner when something came. Each has a deadline; those that are left when the turn is
 * over are first in the next one. 1: some are left. */
static int
ask(struct alerts *a, struct judged *j, int fresh)
{
	int64_t until = time_mono_ms() + TURN_MS, most = j->uses->query_ms > 0 && j->uses->query_ms < ASKED_MS ? j->uses->query_ms : ASKED_MS;
	int n = 0;

	for (; n < j->rules->n && !is_ending(a) && time_mono_ms() < until; n++) {
		int i = (j->turn + n) % j->rules->n;
		const struct rule *rule = &j->rules->rule[i];
		struct asked *q = &j->asked[i];
		struct err err = { 0 };
		int64_t began = time_mono_ms(), cpu = time_cpu_ns(), took;

		if (rule->kind == RULES_PATTERN || rule->kind == RULES_ANOMALY || (q->next > began && (!fresh || q->sooner > began)))
			continue;
		query_set_until(j->query, time_mono_ns() + most * 1000000);
		if ((q->is = stored_is_asked(rule, j->store, &err)) > 0 && stored_ask(j->evaluate, j->rules, i, j->query, time_now(), &err) && err.code != ERR_USAGE)
			trouble_set(j, i, &err);        /* a metric that nobody sent yet says nothing */
		else if (q->is > 0)
			trouble_over(j, i);
		took = (time_cpu_ns() - cpu) / 1000000;
		q->next = began + (took > SLOW_MS && took * SHARE > rule->every_ms ? took * SHARE : rule->every_ms);
		q->sooner = began + (took * SHARE > ASK_MS ? took * SHARE : ASK_MS);
	}
	query_set_until(j->query, 0);
	j->turn = j->rules->n ? (j->turn + n) % j->rules->n : 0;
	return n < j->rules->n;
}

/* The lock goes with the process, however it ends. */
static int
has_lock(struct judged *j)
{
	struct buf path = { 0 };
	struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	if (j->lock >= 0)
		return 1;
	buf_str(&path, store_path(j->store));
	buf_lit(&path, "/alerts.lock");
	j->lock = open(buf_text(&path), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	buf_release(&path);
	if (j->lock >= 0 && fcntl(j->lock, F_OFD_SETLK, &whole)) {
		close(j->lock);
		j->lock = -1;
	}
	return j->lock >= 0;
}

static void
judge(struct alerts *a, const char *name, struct judged *j)
{
	struct store_place now = { 0 };         /* before it is looked which rules there are, so that nothing of one that is made meanwhile is passed over */
	struct err err = { 0 };
	uint64_t version;
	int64_t next;
	int rc = 1, fresh, told;

	if (!serve_again_is_due(&j->again) || !has_lock(j))
		return;
	if (store_place_now(j->store, &now, &err) < 0)
		err_clear(&err);
	version = now.version;
	j->changed |= version != j->version;
	if (!j->rules || (j->changed && time_mono_ms() - j->looked >= RELOAD_MS)) {
		j->looked = time_mono_ms();
		j->changed = 0;
		rc = reload(a, name, j, &err);
	}
	j->fresh |= version != j->version;
	j->version = version;
	if (rc >= 0 && j->rules && !j->wants_events && j->fresh && version) {   /* a rule about events begins with what comes from here on */
		j->place = now;
		j->has_place = 1;
	}
	if (rc > 0 && j->rules->n) {
		fresh = j->fresh && time_mono_ms() >= j->samples_due;
		if (fresh) {
			j->fresh = 0;
			rc = judge_new(j, a->began, &err);
			if (rc >= 0 && (j->changes || j->troubled) && (rc = write_alerts(j, &told, &err)) >= 0 && told)       /* not behind slow questions */
				hooks_wake(a->serve->hooks);
		}
		if (ask(a, j, fresh) && fresh)
			j->fresh = 1;
		trouble_age(j);
		if (rc >= 0 && evaluate_silence(j->evaluate, &err) < -1)
			rc = err.code;
	}
	next = j->routes ? routes_next(j->routes, time_now()) : TIME_NONE;
	if (rc >= 0 && j->rules && (j->changes || j->troubled || (evaluate_is_dirty(j->evaluate) && time_mono_ms() - j->saved > SAVE_MS) || (next != TIME_NONE && next <= time_now()))) {
		rc = write_alerts(j, &told, &err);
		if (told)
			hooks_wake(a->serve->hooks);
	}
	if (rc < 0) {
		serve_again_failed(a->serve, &j->again, "rules", str_of(name), &err);
		let_go(j);              /* begins anew with what the store knows */
		buf_clear(&j->unsaved);
		j->changes = 0;
		j->has_place = 0;
	}
}

/* ---- lanes */

static void
judge_lane(void *self, int woken)
{
	struct lane *lane = self;
	size_t n;

	(void)woken;
	if (!lane->is_behind) {
		setpriority(PRIO_PROCESS, (id_t)gettid(), LANE_NICE);
		lane->is_behind = 1;
	}
	pthread_mutex_lock(&lane->lock);
	n = lane->n;
	pthread_mutex_unlock(&lane->lock);
	for (size_t i = 0; i < n && !is_ending(lane->alerts); i++) {
		struct judged *j;

		pthread_mutex_lock(&lane->lock);
		j = lane->tenant[i];
		pthread_mutex_unlock(&lane->lock);
		judge(lane->alerts, j->name, j);
	}
}

/* One of its own while there are, else the one with the fewest. */
static struct lane *
find_lane(struct alerts *a)
{
	struct lane *best = NULL;
	struct err err = { 0 };

	if (a->n_lanes < LANES_MOST) {
		struct lane *lane = &a->lane[a->n_lanes];

		lane->alerts = a;
		lane->ticker = ticker_new(judge_lane, lane, TICK_MS);
		pthread_mutex_init(&lane->lock, NULL);
		if (ticker_start(lane->ticker, &err) == 0)
			return &a->lane[a->n_lanes++];
		ticker_free(lane->ticker);
		pthread_mutex_destroy(&lane->lock);
	}
	for (int i = 0; i < a->n_lanes; i++)
		if (!best || a->lane[i].n < best->n)
			best = &a->lane[i];
	return best;
}

/* 0; -1: there is no thread to be had, it is tried again. */
static int
give_lane(struct alerts *a, struct judged *j)
{
	struct lane *lane = find_lane(a);

	if (!lane)
		return -1;
	pthread_mutex_lock(&lane->lock);
	if (lane->n == lane->cap)
		lane->tenant = mem_grow(lane->tenant, lane->cap = lane->cap ? 2 * lane->cap : 4, sizeof(*lane->tenant));
	lane->tenant[lane->n++] = j;
	pthread_mutex_unlock(&lane->lock);
	return 0;
}

/* ---- the thread that looks for tenants */

static int
has_rules(void *self, struct store *store, struct err *err)
{
	(void)self;
	return store_has_state(store, "rule", err);
}

/* Tenants that nobody uses stay closed, unless they have rules. */
static int
see_tenant(void *self, const char *name)
{
	struct alerts *a = self;
	struct err err = { 0 };
	struct store *store;
	struct serve_setup *setup;
	int configured, is_open = serve_tenant_is_open(a->serve, str_of(name));

	if (map_find(&a->tenants, str_of(name)) || !(is_open || a->look_all))
		return is_ending(a);
	setup = serve_setup_now(a->serve);
	configured = config_get(setup->config, "analytics", "rules").type == JSON_ARRAY;
	serve_setup_free(setup);
	if ((is_open || configured || serve_tenant_look(a->serve, str_of(name), has_rules, NULL, &err) > 0) && (store = serve_store(a->serve, str_of(name), &err)) &&
	    (store = store_share_write(store, &err))) {
		struct judged *j = mem_new(sizeof(*j));

		j->alerts = a;
		j->name = mem_text(name);
		j->store = store;
		j->lock = -1;
		if (give_lane(a, j) == 0) {
			map_put(&a->tenants, str_of(name), NULL)->ptr = j;
		} else {
			store_close(store);
			free(j->name);
			free(j);
		}
	}
	return is_ending(a);
}

static void
look_all(void *self, int woken)
{
	struct alerts *a = self;
	struct err err = { 0 };

	(void)woken;
	a->look_all = !a->looked || time_mono_ms() - a->looked > LOOK_MS;
	a->looked = a->look_all ? time_mono_ms() : a->looked;
	if (a->look_all)
		store_tenants(a->serve->spec.store, see_tenant, a, &err);
	else
		serve_tenants_open(a->serve, see_tenant, a);
	err_clear(&err);
}

struct alerts *
alerts_new(struct serve *s, struct err *err)
{
	struct alerts *a = mem_new(sizeof(*a));

	a->serve = s;
	a->began = time_wall();
	a->ticker = ticker_new(look_all, a, OPEN_MS);
	if (ticker_start(a->ticker, err)) {
		alerts_free(a);
		return NULL;
	}
	return a;
}

void
alerts_free(struct alerts *a)
{
	if (!a)
		return;
	atomic_store(&a->ending, 1);
	ticker_free(a->ticker);
	for (int i = 0; i < a->n_lanes; i++)
		ticker_free(a->lane[i].ticker);
	for (int i = 0; i < a->n_lanes; i++) {
		free(a->lane[i].tenant);
		pthread_mutex_destroy(&a->lane[i].lock);
	}
	for (struct map_entry *e = map_first(&a->tenants); e; e = map_next(&a->tenants, e)) {
		struct judged *j = e->ptr;

		let_go(j);
		if (j->lock >= 0)
			close(j->lock);
		buf_release(&j->unsaved);
		store_close(j->store);
		free(j->name);
		free(j);
	}
	map_release(&a->tenants);
	free(a);
}

/* ---- routes: silences */

struct silencing { struct serve_job job; struct exchange *ex; struct str id; struct buf record; int remove, was_there; };

static int
change_silence(struct serve_job *job, struct store *store, struct err *err)
{
	struct silencing *s = (struct silencing *)(void *)job;
	struct buf was = { 0 };
	int rc = s->id.p ? store_get_state(store, SILENCES, s->id, &was, err) : 0;

	buf_release(&was);
	if (rc < 0)
		return rc;
	s->was_there = rc;
	if (s->remove)
		return s->was_there ? store_drop_state(store, SILENCES, s->id, err) : 1;
	if ((rc = silences_tidy(store, time_now(), err)) < 0)
		return rc;
	rc = silences_put(store, s->id, s->ex->body, s->ex->who->name, time_now(), &s->record, err);
	return rc == ERR_INPUT ? 2 : rc;
}

static int
silence_id_is_good(struct exchange *ex)
{
	struct str id = ex->segment[0];

	for (size_t i = 0; i < id.n; i++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-", id.p[i]) || !id.p[i])
			id.n = 0;
	if (id.n >= 1 && id.n <= 64)
		return 1;
	exchange_problem(ex, 404, "there is no such silence");
	return 0;
}

static void
change(struct exchange *ex, struct str id, int remove)
{
	struct silencing s = { .job = { .run = change_silence }, .ex = ex, .id = id, .remove = remove };
	struct err err = { 0 };
	struct serve_tenant *t = serve_tenant(ex->serve, ex->who->tenant, &err);
	int rc = t ? serve_tenant_write(t, &s.job, &err) : err.code;
	struct buf shown = { 0 }, text = { 0 };

	if (rc < 0) {
		exchange_error(ex, &err);
	} else if (rc == 1) {
		exchange_problem(ex, 404, "no silence '%.*s'", (int)(id.n > 64 ? 64 : id.n), id.p);
	} else if (rc == 2) {
		exchange_problem(ex, 422, "%s", s.job.err.text);
	} else {
		struct json record = json_value(buf_get(&s.record));

		audit_add(ex->serve->auth, &(struct audit_entry){ .tenant = ex->who->tenant, .who = ex->who->name, .from = str_of(http_client(ex->request)),
		    .action = remove ? STR("silence.remove") : s.was_there ? STR("silence.change") : STR("silence.create"), .object = remove ? id : json_text(json_get(record, STR("id")), &text), .result = STR("ok"),
		    .request = str_of(ex->id) }, &(struct err){ 0 });
		if (!remove)
			silences_show(&shown, record, time_now());
		if (!s.was_there)
			exchange_place(ex, "silences", json_text(json_get(record, STR("id")), &text));
		if (remove)
			exchange_none(ex);
		else
			exchange_json(ex, s.was_there ? 200 : 201, &shown);
	}
	buf_release(&s.record);
	buf_release(&shown);
	buf_release(&text);
}

static void
create_silence(struct exchange *ex)
{
	if (serve_exchange_may(ex, STR("")) == 0)       /* its id is drawn: who may those of some names alone puts one of them */
		change(ex, (struct str){ 0 }, 0);
}

static void
put_silence(struct exchange *ex)
{
	if (silence_id_is_good(ex))
		change(ex, ex->segment[0], 0);
}

static void
remove_silence(struct exchange *ex)
{
	if (silence_id_is_good(ex))
		change(ex, ex->segment[0], 1);
}

static int
list_one(void *self, struct str id, struct str value)
{
	struct exchange_list *l = self;

	if (principal_may(l->ex->who, AUTH_READ, "silences", id))
		silences_show(exchange_list_item(l), json_value(value), time_now());
	return 0;
}

static void
list_silences(struct exchange *ex)
{
	struct store *store = exchange_store(ex);
	struct exchange_list l;
	struct err err = { 0 };

	if (!store)
		return;
	exchange_list_begin(&l, ex, "silences");
	store_each_state(store, SILENCES, list_one, &l, &err);
	exchange_list_end(&l, &err);
}

static void
get_silence(struct exchange *ex)
{
	struct store *store = exchange_store(ex);
	struct buf record = { 0 }, shown = { 0 };
	struct err err = { 0 };
	int rc;

	if (!store)
		return;
	if ((rc = store_get_state(store, SILENCES, ex->segment[0], &record, &err)) < 0) {
		exchange_error(ex, &err);
	} else if (rc == 0) {
		exchange_problem(ex, 404, "there is no such silence");
	} else {
		silences_show(&shown, json_value(buf_get(&record)), time_now());
		exchange_json(ex, 200, &shown);
	}
	buf_release(&record);
	buf_release(&shown);
}

const struct route route_alerts[] = {
	{ "GET", "/api/v1/silences", "All silences, those that ended of late too.", AUTH_READ, "silences", NULL, NULL, "Silences", 200, ROUTE_POOL, 0, list_silences },
	{ "POST", "/api/v1/silences", "Keep alerts from being notified for a while.", AUTH_WRITE, "silences", NULL, "Silence", "SilenceRecord", 201, ROUTE_POOL, 0, create_silence },
	{ "GET", "/api/v1/silences/{id}", "One of them.", AUTH_READ, "silences", NULL, NULL, "SilenceRecord", 200, ROUTE_POOL, 0, get_silence },
	{ "PUT", "/api/v1/silences/{id}", "Make it, or put this in its place.", AUTH_WRITE, "silences", NULL, "Silence", "SilenceRecord", 200, ROUTE_POOL, 0, put_silence },
	{ "DELETE", "/api/v1/silences/{id}", "End it.", AUTH_WRITE, "silences", NULL, NULL, NULL, 204, ROUTE_POOL, 0, remove_silence },
	{ 0 }
};
