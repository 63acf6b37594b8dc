/* rules.c - at-detect -r: rows in, or questions to the store, and alerts out; what is known kept under --state. */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "alert/deliver.h"
#include "alert/evaluate.h"
#include "alert/noise.h"
#include "alert/reads.h"
#include "alert/routes.h"
#include "alert/ruletest.h"
#include "alert/stored.h"
#include "base/cmd.h"
#include "base/mem.h"
#include "base/time.h"
#include "event/rows.h"

#include "at-detect.h"
#include "resume.h"

#define COMMIT_MOST 10000               /* so many changes wait for the store while rows come */
#define WAIT_MOST   60000
#define RETRY_MS    1000
#define LINGER_MS   30000               /* at the end of the input messages are tried so long */
#define STOP_MS     5000                /* and so long after a signal */

/* Messages go out in a thread of their own, so that a receiver that hangs holds up no row. */
struct sender {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t due;
	struct store *store;            /* its own */
	struct json receivers;
	int private_too;                /* webhooks of the API may go to addresses that are not public */
	int running, woken, ending;
	int64_t until;                  /* ending: mono ms after which nothing more is tried */
	struct deliver_figures sent;
	struct err err;
};

struct run {
	const struct rules_wish *wish;
	struct rules *rules;
	struct evaluate *evaluate;
	struct store *store;            /* NULL: nothing is kept */
	struct rows rows;
	struct buf unsaved;             /* alert rows, a line each, that wait for the store */
	long changes;                   /* since the last commit */
	struct resume *resume;
	long firings;
	struct config *config;
	struct routes *routes;          /* NULL: nobody is told */
	struct noise *noise;            /* NULL: nothing is kept that it could be counted over */
	struct sender sender;
	struct query *query;            /* for rules that are asked of the store */
	int64_t *next;                  /* when each is asked again; TIME_NONE: it judges rows */
	int asked;                      /* how many are */
};

/* ---- sending */

static int
is_stopping(void *self)
{
	struct sender *s = self;
	int stopping;

	pthread_mutex_lock(&s->lock);
	stopping = s->ending && time_mono_ms() > s->until;
	pthread_mutex_unlock(&s->lock);
	return stopping;
}

/* Until the queue is empty at the end, or that takes too long: what is left waits in the store for the next who delivers. */
static void *
send_all(void *self)
{
	struct sender *s = self;
	const struct deliver_spec spec = { .receivers = s->receivers, .private_too = s->private_too, .stopping = is_stopping, .self = s };
	struct err err = { 0 };
	int64_t next;

	pthread_mutex_lock(&s->lock);
	for (;;) {
		int was_ending = s->ending;
		int64_t at;
		struct timespec t;

		s->woken = 0;
		pthread_mutex_unlock(&s->lock);
		next = deliver_due(s->store, &spec, &s->sent, &err);
		pthread_mutex_lock(&s->lock);
		if (err.code) {
			s->err = err;
			break;
		}
		if (s->woken || s->ending != was_ending)
			continue;
		if (s->ending && (next < 0 || time_mono_ms() + next > s->until))
			break;
		at = time_mono_ns() + (next < 0 || next > RETRY_MS ? RETRY_MS : next > 0 ? next : 1) * 1000000;
		t = (struct timespec){ at / 1000000000, at % 1000000000 };
		while (!s->woken && s->ending == was_ending && pthread_cond_timedwait(&s->due, &s->lock, &t) == 0)
			;
	}
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

static int
sender_start(struct sender *s, struct store *store, struct json receivers, struct err *err)
{
	pthread_condattr_t mono;
	sigset_t all, was;

	pthread_mutex_init(&s->lock, NULL);
	pthread_condattr_init(&mono);
	pthread_condattr_setclock(&mono, CLOCK_MONOTONIC);
	pthread_cond_init(&s->due, &mono);
	pthread_condattr_destroy(&mono);
	s->receivers = receivers;
	if (!(s->store = store_share_write(store, err)))
		return err->code;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &was);       /* signals must wake the reader, also one that comes just before it waits */
	s->running = pthread_create(&s->thread, NULL, send_all, s) == 0;
	pthread_sigmask(SIG_SETMASK, &was, NULL);
	return s->running ? 0 : err_set(err, ERR_LIMIT, "cannot start a thread");
}

static void
sender_wake(struct sender *s)
{
	pthread_mutex_lock(&s->lock);
	s->woken = 1;
	pthread_cond_signal(&s->due);
	pthread_mutex_unlock(&s->lock);
}

static void
sender_end(struct sender *s)
{
	struct err err = { 0 };
	int64_t waiting;

	if (s->running) {
		pthread_mutex_lock(&s->lock);
		s->ending = 1;
		s->until = time_mono_ms() + (cmd_stopping() ? STOP_MS : LINGER_MS);
		pthread_cond_signal(&s->due);
		pthread_mutex_unlock(&s->lock);
		pthread_join(s->thread, NULL);
	}
	if (s->err.code)
		cmd_fail(&s->err);
	if (s->running && (waiting = deliver_waiting(s->store, s->receivers, &err)) > 0 && !cmd_settings()->quiet)
		cmd_say("%lld notifications wait in the store: the next run with --notify, or at-serve, sends them", (long long)waiting);
	store_close(s->store);
}

static int
on_alert(void *self, const struct evaluate_alert *alert, struct err *err)
{
	struct run *run = self;
	struct out *out = out_stdout();
	struct buf noisy = { 0 };
	int damped;

	(void)err;
	buf_str(&out->buf, alert->json);
	buf_byte(&out->buf, '\n');
	out_row(out);
	run->firings += alert->state == EVALUATE_FIRING;
	if (!run->store)
		return 0;
	if (run->wish->save) {
		buf_printf(&run->unsaved, "%lld ", (long long)alert->time);
		reads_put_row(&run->unsaved, alert->json, alert->reads);
		buf_byte(&run->unsaved, '\n');
	}
	damped = run->routes ? routes_alert(run->routes, alert) : 0;
	if (run->noise && noise_alert(run->noise, alert, damped, time_now(), &noisy) && !cmd_settings()->quiet)
		cmd_say("%s, see at-admin stats rules", buf_text(&noisy));
	buf_release(&noisy);
	run->changes++;
	return 0;
}

static int
save_rows(struct run *run, struct err *err)
{
	struct str rest = buf_get(&run->unsaved), line, time;
	int64_t ms;
	int rc = 0;

	while (rc == 0 && rest.n && str_cut(&rest, '\n', &line) && str_cut(&line, ' ', &time) && str_int64(time, &ms) == 0)
		rc = store_add_row(run->store, "alert", ms, line, err);
	return rc;
}

struct commit { struct run *run; int told; };

static int
put_changes(void *self, struct store *store, struct err *err)
{
	struct commit *c = self;
	struct run *run = c->run;
	int rc = save_rows(run, err);

	if (rc == 0 && run->wish->state)
		rc = evaluate_save(run->evaluate, store, run->wish->state, err);
	if (rc == 0 && run->noise)
		rc = noise_save(run->noise, store, err);
	if (rc == 0 && run->routes && (c->told = routes_flush(run->routes, store, run->wish->state, time_now(), evaluate_time(run->evaluate), err)) < 0)
		rc = c->told;
	return rc;
}

/* What changed and what was made of it, in one transaction. end: of the input. */
static int
commit(struct run *run, int end, struct err *err)
{
	struct commit c = { run, 0 };
	int rc;

	if (!run->store)
		return 0;
	if ((rc = resume_save(run->resume, put_changes, &c, end, err)))
		return rc;
	buf_clear(&run->unsaved);
	run->changes = 0;
	if (c.told)
		sender_wake(&run->sender);
	return 0;
}

static int
on_row(void *self, struct str row, struct err *err)
{
	struct run *run = self;
	int rc = evaluate_row(run->evaluate, row, run->rows.file, run->rows.line, err), due = resume_is_due(run->resume) && (run->wish->state || run->changes);

	if (rc == 0 && (due || (run->changes >= COMMIT_MOST && time_mono_ms() >= resume_due_at(run->resume, 0))))
		rc = commit(run, 0, err);
	return rc;
}

/* ---- rules over the store */

static int64_t
sooner(int64_t a, int64_t b)
{
	return a == TIME_NONE || (b != TIME_NONE && b < a) ? b : a;
}

/* Ask those that are due. A question that cannot be answered is told, and asked again in time. */
static int64_t
ask_due(struct run *run)
{
	int64_t now = time_now(), next = TIME_NONE;

	for (int i = 0; i < run->rules->n && run->asked; i++) {
		struct err err = { 0 };

		if (run->next[i] == TIME_NONE)
			continue;
		if (run->next[i] <= now) {
			if (stored_ask(run->evaluate, run->rules, i, run->query, now, &err))
				cmd_fail(&err);
			run->next[i] = run->wish->follow ? now + run->rules->rule[i].every_ms : INT64_MAX;
		}
		next = sooner(next, run->next[i]);
	}
	return next;
}

static int
open_query(struct run *run, struct err *err)
{
	run->next = mem_new((size_t)run->rules->n * sizeof(*run->next));
	for (int i = 0; i < run->rules->n; i++) {
		run->next[i] = run->rules->rule[i].from_store ? 0 : TIME_NONE;
		run->asked += run->rules->rule[i].from_store;
	}
	if (!run->asked)
		return 0;
	if (!run->config && !(run->config = config_open(cmd_settings()->config, err)))
		return err->code;
	run->query = query_open(&(struct query_spec){ .store = cmd_settings()->store, .tenant = cmd_settings()->tenant, .opened = run->store, .config = run->config,
	    .zone = cmd_settings()->zone, .stopping = cmd_stopping }, err);
	return run->query ? 0 : err->code;
}

/* Ms until what there is to commit is committed, 0: now; -1: there is nothing. */
static int64_t
commit_in(struct run *run, int64_t now)
{
	int64_t next = run->routes ? routes_next(run->routes, now) : TIME_NONE, at;
	int is_urgent = run->changes || (next != TIME_NONE && next <= now), is_kept;

	if (run->wish->state && evaluate_is_dirty(run->evaluate))
		resume_touch(run->resume);
	is_kept = resume_silence(run->resume) >= 0 && run->wish->state;         /* rows came that are */
	if (!is_urgent && !is_kept)
		return -1;
	at = resume_due_at(run->resume, is_urgent ? 0 : RESUME_MS);
	return at > time_mono_ms() ? at - time_mono_ms() : 0;
}

static int
on_silence(void *self, struct err *err)
{
	struct run *run = self;
	int64_t asked = run->asked && run->wish->follow ? ask_due(run) : TIME_NONE;
	int ms = evaluate_silence(run->evaluate, err);
	int64_t now = time_now(), next, wait = ms >= -1 ? commit_in(run, now) : -1;

	if (wait == 0) {
		if (run->store && commit(run, 0, err))
			return err->code - 1;
		wait = -1;
	}
	next = sooner(run->routes ? routes_next(run->routes, now) : TIME_NONE, asked);
	if (ms >= -1 && wait >= 0)
		ms = ms < 0 || wait < ms ? (int)wait : ms;
	if (ms >= -1 && next != TIME_NONE) {
		next = next > now ? next - now : 1;
		next = next < WAIT_MOST ? next : WAIT_MOST;
		ms = ms < 0 || next < ms ? (int)next : ms;
	}
	return ms;
}

static void
closing_line(struct run *run)
{
	struct evaluate_figures f;

	evaluate_figures(run->evaluate, &f);
	if (run->wish->tell && run->firings)
		cmd_found();
	if (!cmd_settings()->quiet && (cmd_settings()->verbose || (f.late && !run->wish->state)))
		cmd_say("%ld firings of %d rules on %lld series, %lld rows older than one of their series left out, %lld pending, %lld firing", run->firings, run->rules->n,
		    (long long)f.series, (long long)f.late, (long long)f.pending, (long long)f.firing);
}

/* What is stored says what was read for it. Without a configuration it is not known what a metric is of. */
static void
find_reads(struct run *run)
{
	struct err err = { 0 };

	if (run->wish->save && !run->config)
		run->config = config_open(cmd_settings()->config, &err);
	reads_find(run->rules, run->config);
}

static int
read_rules(struct run *run, struct err *err)
{
	struct json configured;

	run->rules = rules_new(0);
	if (!run->wish->files.n) {
		if (!(run->config = config_open(cmd_settings()->config, err)))
			return err->code;
		configured = config_get(run->config, "analytics", "rules");
		if (configured.type == JSON_ARRAY && rules_add_all(run->rules, configured, err)) {
			err->code = ERR_USAGE;
			return err_at(err, "%s/analytics.json: rules", cmd_settings()->config);
		}
		find_reads(run);
		return run->rules->n ? 0 : err_set(err, ERR_USAGE, "no --rules FILE, and %s/analytics.json has no rules", cmd_settings()->config);
	}
	for (int i = 0; i < run->wish->files.n; i++)
		if (rules_add_file(run->rules, run->wish->files.text[i], err))
			return err->code;
	find_reads(run);
	return run->rules->n ? 0 : err_set(err, ERR_USAGE, "%s: has no rules that are enabled", run->wish->files.text[0]);
}

/* Only questions: no row is waited for. */
static int
follow(struct run *run, struct err *err)
{
	while (run->wish->follow && !cmd_stopping() && !err->code && !out_failed(out_stdout(), err)) {
		int ms = on_silence(run, err);

		if (ms < -1)
			return err->code;
		out_flush(out_stdout());
		cmd_poll(NULL, 0, ms < 0 ? 1000 : ms);
	}
	return err->code;
}

/* Questions first, then the rows, when there are rules for them. */
static int
evaluate_all(struct run *run, char **files, struct err *err)
{
	if (open_query(run, err))
		return err->code;
	if (run->asked) {
		ask_due(run);
		if (commit(run, 0, err))
			return err->code;
		out_flush(out_stdout());
	}
	return run->asked < run->rules->n || *files ? rows_read(&run->rows, files, err) : follow(run, err);
}

void
rules(const struct rules_wish *wish, char **files, struct err *err)
{
	struct run run = { .wish = wish, .rows = { .row = on_row, .wait = on_silence, .self = &run } };

	if (read_rules(&run, err))
		goto out;
	if (wish->range) {
		if (run.config || (run.config = config_open(cmd_settings()->config, err)))
			backtest(wish, run.rules, run.config, files, err);
		goto out;
	}
	if (wish->notify && ((!run.config && !(run.config = config_open(cmd_settings()->config, err))) || !(run.routes = routes_new(run.config, err))))
		goto out;
	if (wish->notify && !routes_receivers(run.routes)) {
		err_set(err, ERR_USAGE, "--notify: %s/analytics.json has no receivers", cmd_settings()->config);
		goto out;
	}
	if ((wish->state || wish->save || wish->notify) && !(run.store = store_open(cmd_settings()->store, cmd_settings()->tenant, STORE_CREATE, err)))
		goto out;
	if (!(run.resume = resume_open(run.store, "alert", wish->state, err)))
		goto out;
	run.rows.place = resume_place(run.resume);
	if (run.routes && wish->state && routes_load(run.routes, run.store, wish->state, err))
		goto out;
	/* what it finds over, because its rule is gone, is told to who knows of it: so the routes are there first */
	if (!(run.evaluate = evaluate_new(&(struct evaluate_spec){ .rules = run.rules, .alert = on_alert, .self = &run, .zone = cmd_settings()->zone, .late_ms = wish->late_ms,
	    .exact = 1 }, err)) || (wish->state && evaluate_load(run.evaluate, run.store, wish->state, err)))
		goto out;
	if (wish->state && !(run.noise = noise_open(run.rules, run.store, wish->state, time_now(), err)))
		goto out;
	run.sender.private_too = run.routes && config_get(run.config, "analytics", "serve.webhooks.private").type == JSON_TRUE;
	if (run.routes && sender_start(&run.sender, run.store, config_get(run.config, "analytics", "receivers"), err))
		goto out;
	if (evaluate_all(&run, files, err) == 0 && (wish->state ? evaluate_silence(run.evaluate, err) >= -1 : evaluate_finish(run.evaluate, err) == 0) && commit(&run, !cmd_stopping(), err) == 0)
		closing_line(&run);
out:
	reject_close(&run.rows.rejects);
	sender_end(&run.sender);
	routes_free(run.routes);
	noise_free(run.noise);
	query_close(run.query);
	free(run.next);
	config_close(run.config);
	evaluate_free(run.evaluate);
	rules_free(run.rules);
	buf_release(&run.unsaved);
	resume_free(run.resume);
	store_close(run.store);
}

/* ---- at-detect test FILE… */

static void
say_check(void *self, int ok, struct str line)
{
	struct buf *b = &out_stdout()->buf;

	(void)self;
	buf_lit(b, ok ? "ok     " : "FAILED ");
	buf_str(b, line);
	buf_byte(b, '\n');
}

void
rules_test(char **files, struct err *err)
{
	int failed = 0, rc;

	for (; *files && !err->code; files++)
		if ((rc = ruletest_run(*files, say_check, NULL, err)) > 0)
			failed += rc;
	if (failed && !err->code)
		err_set(err, ERR_IO, "%d expectations failed", failed);
}
