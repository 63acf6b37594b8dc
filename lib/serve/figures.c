#include "serve/figures.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/mem.h"
#include "json/json.h"

static const double bounds[FIGURES_BOUNDS] = { 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10 };

struct figures {
	int workers;
	struct figures_part part[];
};

static size_t
size_of(int workers)
{
	return sizeof(struct figures) + (size_t)workers * sizeof(struct figures_part);
}

struct figures *
figures_new(int workers, struct err *err)
{
	struct figures *f = mmap(NULL, size_of(workers), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (f == MAP_FAILED) {
		err_set(err, ERR_LIMIT, "no memory for figures");
		return NULL;
	}
	f->workers = workers;
	return f;
}

void
figures_free(struct figures *f)
{
	if (f)
		munmap(f, size_of(f->workers));
}

struct figures_part *
figures_part(struct figures *f, int worker)
{
	return &f->part[worker];
}

void
figures_observe(struct figures_histogram *h, double seconds)
{
	int i = 0;

	while (i < FIGURES_BOUNDS && seconds > bounds[i])
		i++;
	figures_add(&h->bucket[i], 1);
	seconds += h->sum;
	__atomic_store(&h->sum, &seconds, __ATOMIC_RELAXED);
}

/* ---- # TYPE and # HELP, then the samples. A counter's samples end with _total; in OpenMetrics its family does not, in the older text
 * format, which knows no families, it does. */

static void
family(struct figures_text *out, const char *name, const char *type, const char *help)
{
	const char *total = !out->open && strcmp(type, "counter") == 0 ? "_total" : "";

	buf_printf(&out->text, "# HELP %s%s %s\n# TYPE %s%s %s\n", name, total, help, name, total, type);
}

static void
number(struct buf *out, double v)
{
	if (v == floor(v) && fabs(v) < 1e15)
		buf_printf(out, " %lld\n", (long long)v);
	else
		buf_printf(out, " %.9g\n", v);
}

void
figures_put_one(struct figures_text *out, const char *name, const char *type, const char *help, double value)
{
	family(out, name, type, help);
	buf_printf(&out->text, "%s%s", name, strcmp(type, "counter") ? "" : "_total");
	number(&out->text, value);
}

static void
put_histogram(struct buf *out, const char *name, const char *labels, const struct figures_histogram *h)
{
	int64_t n = 0;

	for (int i = 0; i <= FIGURES_BOUNDS; i++) {
		n += h->bucket[i];
		if (i < FIGURES_BOUNDS)
			buf_printf(out, "%s_bucket{%s%sle=\"%g\"} %lld\n", name, labels, *labels ? "," : "", bounds[i], (long long)n);
		else
			buf_printf(out, "%s_bucket{%s%sle=\"+Inf\"} %lld\n", name, labels, *labels ? "," : "", (long long)n);
	}
	buf_printf(out, *labels ? "%s_count{%s} %lld\n" : "%s_count%s %lld\n", name, labels, (long long)n);
	buf_printf(out, *labels ? "%s_sum{%s}" : "%s_sum%s", name, labels);
	number(out, h->sum);
}

static void
add_histogram(struct figures_histogram *to, const struct figures_histogram *from)
{
	double sum;

	for (int i = 0; i <= FIGURES_BOUNDS; i++)
		to->bucket[i] += __atomic_load_n(&from->bucket[i], __ATOMIC_RELAXED);
	__atomic_load(&from->sum, &sum, __ATOMIC_RELAXED);
	to->sum += sum;
}

static void
sum_parts(const struct figures *f, struct figures_part *all)
{
	for (int w = 0; w < f->workers; w++) {
		const struct figures_part *p = &f->part[w];
		double lag;

		for (int r = 0; r < FIGURES_ROUTES; r++) {
			for (int s = 0; s < 6; s++)
				all->status[r][s] += __atomic_load_n(&p->status[r][s], __ATOMIC_RELAXED);
			add_histogram(&all->seconds[r], &p->seconds[r]);
		}
		add_histogram(&all->commit_seconds, &p->commit_seconds);
		__atomic_load(&p->lag_seconds, &lag, __ATOMIC_RELAXED);
		all->lag_seconds = fmax(all->lag_seconds, lag);
#define SUM(field) all->field += __atomic_load_n(&p->field, __ATOMIC_RELAXED)
		SUM(accepted), SUM(rejected), SUM(duplicates), SUM(commits), SUM(commit_failures), SUM(commit_events), SUM(samples), SUM(samples_refused);
		SUM(limited), SUM(overloaded), SUM(unauthorized), SUM(forbidden), SUM(audit_lost), SUM(queries), SUM(slow_queries), SUM(answers_kept), SUM(engines);
		SUM(pool_waiting), SUM(pending_bytes), SUM(connections), SUM(sockets), SUM(live_subscriptions), SUM(live_messages), SUM(live_slow), SUM(bytes_in), SUM(bytes_out);
		SUM(hooks_sent), SUM(hooks_failed), SUM(hooks_dead), SUM(restarts), SUM(first_ms), SUM(starts), SUM(before_requests), SUM(before_failed);
#undef SUM
	}
}

void
figures_count_slot(struct figures_part *f, int64_t now_ms, int failed)
{
	int64_t number = now_ms / FIGURES_SLOT_MS;
	struct figures_slot *slot = &f->slot[number % FIGURES_SLOTS];

	if (slot->number != number) {           /* that of a day ago; who reads it just now may see half of it */
		figures_set(&slot->requests, 0);
		figures_set(&slot->failed, 0);
		figures_set(&slot->number, number);
	}
	figures_add(&slot->requests, 1);
	figures_add(&slot->failed, failed);
}

struct figures_part *
figures_sum(const struct figures *f, int64_t now_ms)
{
	struct figures_part *all = mem_new(sizeof(*all));
	int64_t last = now_ms / FIGURES_SLOT_MS;

	sum_parts(f, all);
	for (int w = 0; w < f->workers; w++)
		for (int i = 0; i < FIGURES_SLOTS; i++) {
			const struct figures_slot *slot = &f->part[w].slot[i];
			int64_t number = __atomic_load_n(&slot->number, __ATOMIC_RELAXED);

			if (number <= last - FIGURES_SLOTS || number > last)
				continue;
			all->slot[i].number = number;
			all->slot[i].requests += __atomic_load_n(&slot->requests, __ATOMIC_RELAXED);
			all->slot[i].failed += __atomic_load_n(&slot->failed, __ATOMIC_RELAXED);
		}
	return all;
}

int
figures_workers(const struct figures *f)
{
	return f->workers;
}

void
figures_put(const struct figures *f, const char *(*route)(int row, const char **method), struct figures_text *out)
{
	struct figures_part *all = mem_new(sizeof(*all));
	const char *path, *method;

	sum_parts(f, all);
	family(out, "at_http_requests", "counter", "Requests answered.");
	for (int r = 0; r < FIGURES_ROUTES; r++)
		for (int s = 1; s < 6; s++)
			if (all->status[r][s]) {
				path = route(r, &method);
				buf_printf(&out->text, "at_http_requests_total{method=\"%s\",path=\"%s\",status=\"%dxx\"} %lld\n", method, path, s,
				    (long long)all->status[r][s]);
			}
	family(out, "at_http_request_seconds", "histogram", "From a request's first byte to its answer.");
	for (int r = 0; r < FIGURES_ROUTES; r++) {
		struct buf labels = { 0 };
		int64_t n = 0;

		for (int i = 0; i <= FIGURES_BOUNDS; i++)
			n += all->seconds[r].bucket[i];
		if (!n)
			continue;
		path = route(r, &method);
		buf_printf(&labels, "method=\"%s\",path=\"%s\"", method, path);
		put_histogram(&out->text, "at_http_request_seconds", buf_text(&labels), &all->seconds[r]);
		buf_release(&labels);
	}
	family(out, "at_ingest_events", "counter", "Events that came in, by what became of them.");
	buf_printf(&out->text, "at_ingest_events_total{result=\"accepted\"} %lld\nat_ingest_events_total{result=\"rejected\"} %lld\n"
	    "at_ingest_events_total{result=\"duplicate\"} %lld\n", (long long)all->accepted, (long long)all->rejected, (long long)all->duplicates);
	figures_put_one(out, "at_ingest_samples", "counter", "Samples of metric rows that came in.", (double)all->samples);
	figures_put_one(out, "at_ingest_samples_refused", "counter", "Of them, those of series beyond limits.series, which are not stored.", (double)all->samples_refused);
	figures_put_one(out, "at_ingest_commits", "counter", "Commits that made events durable.", (double)all->commits);
	figures_put_one(out, "at_ingest_commit_failures", "counter", "Commits that failed; nothing of them was acknowledged.", (double)all->commit_failures);
	family(out, "at_ingest_commit_seconds", "histogram", "How long commits took.");
	put_histogram(&out->text, "at_ingest_commit_seconds", "", &all->commit_seconds);
	figures_put_one(out, "at_ingest_lag_seconds", "gauge", "From the first event of a commit coming in to its being durable, the last time.", all->lag_seconds);
	figures_put_one(out, "at_ingest_pending_bytes", "gauge", "Bytes of events that wait for a commit.", (double)all->pending_bytes);
	figures_put_one(out, "at_pool_waiting", "gauge", "Requests that wait for a thread.", (double)all->pool_waiting);
	figures_put_one(out, "at_pool_overloaded", "counter", "Requests answered 503, as too many waited.", (double)all->overloaded);
	figures_put_one(out, "at_rate_limited", "counter", "Requests answered 429.", (double)all->limited);
	figures_put_one(out, "at_unauthorized", "counter", "Requests answered 401.", (double)all->unauthorized);
	figures_put_one(out, "at_forbidden", "counter", "Requests answered 403.", (double)all->forbidden);
	figures_put_one(out, "at_audit_lost", "counter", "Reads that the audit has only by their number, as too many waited to be written.", (double)all->audit_lost);
	figures_put_one(out, "at_queries", "counter", "Statements and functions run.", (double)all->queries);
	figures_put_one(out, "at_slow_queries", "counter", "Of them, those that took longer than serve.slow.", (double)all->slow_queries);
	figures_put_one(out, "at_answers_kept", "counter", "Answers given again, as nothing had changed.", (double)all->answers_kept);
	figures_put_one(out, "at_query_engines", "gauge", "Engines that are open.", (double)all->engines);
	figures_put_one(out, "at_http_connections", "gauge", "Connections that are open.", (double)all->connections);
	figures_put_one(out, "at_websockets", "gauge", "WebSockets that are open.", (double)all->sockets);
	figures_put_one(out, "at_live_subscriptions", "gauge", "Subscriptions to what is live.", (double)all->live_subscriptions);
	figures_put_one(out, "at_live_messages", "counter", "Messages sent to subscribers.", (double)all->live_messages);
	figures_put_one(out, "at_live_slow", "counter", "Subscriptions ended because their reader was too slow.", (double)all->live_slow);
	figures_put_one(out, "at_http_received_bytes", "counter", "Bytes read from clients.", (double)all->bytes_in);
	figures_put_one(out, "at_http_sent_bytes", "counter", "Bytes written to clients.", (double)all->bytes_out);
	figures_put_one(out, "at_hooks_sent", "counter", "Outgoing webhooks delivered.", (double)all->hooks_sent);
	figures_put_one(out, "at_hooks_failed", "counter", "Attempts at outgoing webhooks that failed.", (double)all->hooks_failed);
	figures_put_one(out, "at_hooks_dead", "counter", "Outgoing webhooks given up.", (double)all->hooks_dead);
	figures_put_one(out, "at_worker_restarts", "counter", "Workers that died and were started again.", (double)all->restarts);
	free(all);
}
