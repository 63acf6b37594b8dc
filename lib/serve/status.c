/* status.c - how the service has been doing: since when it is up, and what it failed to answer in the last 24 hours.
 *
 * All workers together; a failure is an answer of 5xx, so what a caller did wrong is none, nor is /readyz's 503, which is an answer. Nothing of it is about a tenant, so it needs no key,
 * as /metrics does not. What was counted is kept in the system environment, kind "serve", name "status", once a minute and at the end:
 *
 *      {"first":MS,"starts":N,"requests":N,"failed":N,"slots":[[number,requests,failed],…]}
 *
 * and taken up by the next start, so that the last day is one whatever was begun anew in it. Of two servers over one store the one that keeps
 * last is believed.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "auth/audit.h"
#include "base/ticker.h"
#include "serve/serve_priv.h"

#define HOUR_MS 3600000LL
#define KEEP_MS 60000
#define FIRST_MS 8000                   /* the most that is waited for the first time */
#define SLOTS_AN_HOUR (HOUR_MS / FIGURES_SLOT_MS)
#define WELL 0.99               /* share of the last ten minutes' requests that were answered, below which it is not */

struct span { int64_t requests, failed; };

/* Of slots from `first` on, n of them. */
static struct span
span_of(const struct figures_part *f, int64_t first, int64_t n)
{
	struct span sum = { 0 };

	for (int i = 0; i < FIGURES_SLOTS; i++)
		if (f->slot[i].requests && f->slot[i].number >= first && f->slot[i].number < first + n) {
			sum.requests += f->slot[i].requests;
			sum.failed += f->slot[i].failed;
		}
	return sum;
}

static double
availability(struct span s)
{
	return s.requests ? 1 - (double)s.failed / (double)s.requests : 1;
}

struct status {
	struct figures_part *f;
	int64_t now, began, last;       /* last: the slot at hand */
	int workers, well;
	struct span run, ever;          /* since it began; and what was kept before */
	int64_t first;                  /* when it first ran over this store */
};

static struct status
look(const struct serve *s)
{
	struct status st = { .now = time_wall(), .began = s->began_ms, .workers = figures_workers(s->figures) };

	st.f = figures_sum(s->figures, st.now);
	st.last = st.now / FIGURES_SLOT_MS;
	st.well = availability(span_of(st.f, st.last - 1, 2)) >= WELL;
	for (int r = 0; r < FIGURES_ROUTES; r++) {
		const struct route *route = route_row(r);

		for (int c = 0; c < 6; c++)
			st.run.requests += st.f->status[r][c];
		st.run.failed += route && route->tells ? 0 : st.f->status[r][5];
	}
	st.ever = (struct span){ st.f->before_requests + st.run.requests, st.f->before_failed + st.run.failed };
	st.first = st.f->first_ms ? st.f->first_ms : st.began;
	return st;
}

static void
put_span(struct buf *b, const char *name, struct span s)
{
	buf_printf(b, "\"%s\":{\"requests\":%lld,\"failed\":%lld,\"availability\":%.6g}", name, (long long)s.requests, (long long)s.failed, availability(s));
}

static void
status(struct exchange *ex)
{
	struct status st = look(ex->serve);
	const struct figures_part *f = st.f;
	struct buf b = { 0 };
	int n = 0;

	buf_printf(&b, "{\"status\":\"%s\",\"since\":", st.well ? "ok" : "failing");
	json_put_time(&b, st.began);
	buf_printf(&b, ",\"uptime\":%lld,\"workers\":%d,\"restarts\":%lld,", (long long)((st.now - st.began) / 1000), st.workers, (long long)f->restarts);
	put_span(&b, "total", st.run);
	buf_lit(&b, ",\"ever\":{\"since\":");
	json_put_time(&b, st.first);
	buf_printf(&b, ",\"starts\":%lld,\"requests\":%lld,\"failed\":%lld,\"availability\":%.6g},", (long long)f->starts, (long long)st.ever.requests,
	    (long long)st.ever.failed, availability(st.ever));
	put_span(&b, "hour", span_of(f, st.last - SLOTS_AN_HOUR + 1, SLOTS_AN_HOUR));
	buf_byte(&b, ',');
	put_span(&b, "day", span_of(f, st.last - FIGURES_SLOTS + 1, FIGURES_SLOTS));
	buf_printf(&b, ",\"events\":{\"accepted\":%lld,\"rejected\":%lld},\"commits\":{\"done\":%lld,\"failed\":%lld},\"webhooks\":{\"sent\":%lld,\"failed\":%lld,\"dead\":%lld},\"failures\":[",
	    (long long)f->accepted, (long long)f->rejected, (long long)f->commits, (long long)f->commit_failures, (long long)f->hooks_sent,
	    (long long)f->hooks_failed, (long long)f->hooks_dead);
	for (int64_t k = st.last - FIGURES_SLOTS + 1; k <= st.last; k++) {
		struct span s = span_of(f, k, 1);

		if (!s.failed)
			continue;
		buf_lit(&b, n++ ? ",{\"from\":" : "{\"from\":");
		json_put_time(&b, k * FIGURES_SLOT_MS);
		buf_printf(&b, ",\"requests\":%lld,\"failed\":%lld}", (long long)s.requests, (long long)s.failed);
	}
	buf_lit(&b, "]}");
	exchange_send(ex, 200, "application/json", buf_get(&b));
	buf_release(&b);
	free(st.f);
}

/* ---- kept over a start */

struct status_keeper {                  /* the first worker's ticks; each keeps when it ends */
	struct serve *serve;
	struct ticker *ticker;
	pthread_mutex_t lock;
	pthread_cond_t once;            /* it was kept for the first time */
	int is_kept;
};

static int
put_status(struct serve *s, struct store *store, struct err *err)
{
	struct status st = look(s);
	struct buf b = { 0 };
	int n = 0, rc;

	buf_printf(&b, "{\"first\":%lld,\"starts\":%lld,\"requests\":%lld,\"failed\":%lld,\"slots\":[", (long long)st.first, (long long)st.f->starts,
	    (long long)st.ever.requests, (long long)st.ever.failed);
	for (int i = 0; i < FIGURES_SLOTS; i++)
		if (st.f->slot[i].requests)
			buf_printf(&b, "%s[%lld,%lld,%lld]", n++ ? "," : "", (long long)st.f->slot[i].number, (long long)st.f->slot[i].requests, (long long)st.f->slot[i].failed);
	buf_lit(&b, "]}");
	if ((rc = store_begin(store, err)) == 0) {
		if ((rc = store_put_state(store, "serve", STR("status"), buf_get(&b), err)) == 0)
			rc = store_commit(store, err);
		else
			store_abort(store);
	}
	buf_release(&b);
	free(st.f);
	return rc;
}

static void
keep(struct status_keeper *k)
{
	struct err err = { 0 };
	struct store *store;

	if (!figures_part(k->serve->figures, 0)->first_ms)      /* what was kept before is not taken up yet */
		return;
	store = store_share_write(audit_trail(k->serve->auth), &err);
	if (store)
		put_status(k->serve, store, &err);      /* a disk that is full is told by those whose events it refuses */
	store_close(store);
}

static void
tick(void *self, int woken)
{
	struct status_keeper *k = self;

	(void)woken;
	keep(k);
	pthread_mutex_lock(&k->lock);
	k->is_kept = 1;
	pthread_cond_signal(&k->once);
	pthread_mutex_unlock(&k->lock);
}

/* Whoever is answered is so by a start that counts, though the server be killed behind that; but who holds the store keeps nobody waiting for
 * long. */
static void
wait_kept(struct status_keeper *k)
{
	int64_t until = time_mono_ns() + FIRST_MS * 1000000LL;
	struct timespec at = { until / 1000000000, until % 1000000000 };

	pthread_mutex_lock(&k->lock);
	while (!k->is_kept && pthread_cond_timedwait(&k->once, &k->lock, &at) == 0)
		;
	pthread_mutex_unlock(&k->lock);
}

/* Once for all workers, before this one counts: what it counted itself lies in memory that outlives it. */
static void
take_up(struct serve *s)
{
	struct figures_part *f = figures_part(s->figures, 0);
	struct buf text = { 0 };
	struct err err = { 0 };
	int64_t oldest = time_wall() / FIGURES_SLOT_MS - FIGURES_SLOTS + 1;
	struct json v, slots;

	if (f->first_ms)
		return;
	v = store_get_state(audit_trail(s->auth), "serve", STR("status"), &text, &err) > 0 ? json_value(buf_get(&text)) : JSON_ABSENT;
	if (!json_int64(json_get(v, STR("first")), &f->first_ms) || f->first_ms <= 0)
		f->first_ms = s->began_ms;
	json_int64(json_get(v, STR("starts")), &f->starts);
	json_int64(json_get(v, STR("requests")), &f->before_requests);
	json_int64(json_get(v, STR("failed")), &f->before_failed);
	f->starts++;
	slots = json_get(v, STR("slots"));
	for (struct json_iter it = json_iter(slots); slots.type == JSON_ARRAY && json_next(&it); ) {
		struct figures_slot slot = { 0 };

		if (json_int64(json_index(it.value, 0), &slot.number) && json_int64(json_index(it.value, 1), &slot.requests) && json_int64(json_index(it.value, 2), &slot.failed) &&
		    slot.number >= oldest && slot.number < oldest + FIGURES_SLOTS)
			f->slot[slot.number % FIGURES_SLOTS] = slot;
	}
	buf_release(&text);
}

static void
let_go(struct status_keeper *k)
{
	ticker_free(k->ticker);
	pthread_mutex_destroy(&k->lock);
	pthread_cond_destroy(&k->once);
	free(k);
}

struct status_keeper *
serve_status_keep(struct serve *s, struct err *err)
{
	struct status_keeper *k = mem_new(sizeof(*k));
	pthread_condattr_t mono;

	k->serve = s;
	pthread_mutex_init(&k->lock, NULL);
	pthread_condattr_init(&mono);
	pthread_condattr_setclock(&mono, CLOCK_MONOTONIC);
	pthread_cond_init(&k->once, &mono);
	pthread_condattr_destroy(&mono);
	if (s->worker)
		return k;
	take_up(s);
	k->ticker = ticker_new(tick, k, KEEP_MS);
	if (ticker_start(k->ticker, err)) {
		let_go(k);
		return NULL;
	}
	wait_kept(k);
	return k;
}

void
serve_status_free(struct status_keeper *k)
{
	if (!k)
		return;
	ticker_free(k->ticker);
	k->ticker = NULL;
	keep(k);
	let_go(k);
}

static void
put_row(struct buf *b, const char *what, struct span s)
{
	buf_printf(b, "<tr><th scope=\"row\">%s</th><td>%lld</td><td>%lld</td><td>%.4g %%</td></tr>\n", what, (long long)s.requests, (long long)s.failed,
	    100 * availability(s));
}

static void
page(struct exchange *ex)
{
	struct status st = look(ex->serve);
	struct buf b = { 0 };
	char time[TIME_LEN + 1], ever[80];

	serve_page_begin(&b, "at: status");
	time_print(st.began, time);
	time[TIME_LEN] = 0;
	buf_printf(&b, "<h1>%s</h1>\n<p>Up for %lld h %lld min, since %s; %d %s, started again %lld times. %lld events accepted, %lld rejected; %lld of %lld commits failed.</p>\n",
	    st.well ? "All is well" : "Some requests fail", (long long)((st.now - st.began) / HOUR_MS), (long long)((st.now - st.began) / 60000 % 60), time,
	    st.workers, st.workers == 1 ? "worker" : "workers", (long long)st.f->restarts, (long long)st.f->accepted, (long long)st.f->rejected,
	    (long long)st.f->commit_failures, (long long)(st.f->commits + st.f->commit_failures));
	buf_lit(&b, "<table><tr><th scope=\"col\">When (UTC)</th><th scope=\"col\">Requests</th><th scope=\"col\">Failed</th><th scope=\"col\">Answered</th></tr>\n");
	time_print(st.first, time);
	snprintf(ever, sizeof(ever), "since %.10s, begun %lld times", time, (long long)st.f->starts);
	put_row(&b, ever, st.ever);
	put_row(&b, "since the last start", st.run);
	put_row(&b, "last 24 hours", span_of(st.f, st.last - FIGURES_SLOTS + 1, FIGURES_SLOTS));
	for (int64_t hour = st.last / SLOTS_AN_HOUR, h = hour; h > hour - 24; h--) {
		struct span s = span_of(st.f, h * SLOTS_AN_HOUR, SLOTS_AN_HOUR);

		if (!s.requests)
			continue;
		time_print(h * HOUR_MS, time);
		time[16] = 0;                   /* to the minute */
		time[10] = ' ';
		put_row(&b, time, s);
	}
	buf_lit(&b, "</table>\n<p><a href=\"/api/v1/status\">The same for machines</a>, and <a href=\"/metrics\">all that is counted</a>.</p>\n</main></body></html>\n");
	serve_page_send(ex, &b);
	free(st.f);
}

const struct route route_status[] = {
	{ "GET", "/api/v1/status", "Since when it is up, and what it failed to answer in the last hour and day.", AUTH_READ, NULL, NULL, NULL, "Status", 200,
	    ROUTE_POOL, 0, status },
	{ "GET", "/status", "The same as a page.", AUTH_READ, NULL, NULL, NULL, "text/html", 200, ROUTE_POOL, 0, page },
	{ 0 }
};
