#include "query/sequences.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/out.h"
#include "base/time.h"
#include "event/event.h"
#include "pattern/pattern.h"
#include "query/history.h"

#define MEMORY (64u << 20)      /* of open matches */
#define ASK_EVERY 8             /* events between two looks at the clock: conditions may take a while over each */

struct reading {
	struct query *query;
	unsigned looked;
	struct pattern *pattern;
	struct buf row;
	struct out out;                 /* matches come here, a line each */
	int (*each)(void *, struct str, struct err *);
	void *self;
};

/* What came out goes on. */
static int
hand_on(struct reading *r, struct err *err)
{
	struct str rest = buf_get(&r->out.buf), row;
	int rc = 0;

	while (rc == 0 && rest.n && str_cut(&rest, '\n', &row))
		rc = row.n ? r->each(r->self, row, err) : 0;
	buf_clear(&r->out.buf);
	return rc;
}

static int
one_event(void *self, const struct event *e, struct err *err)
{
	struct reading *r = self;
	struct pattern_figures f;

	if (++r->looked % ASK_EVERY == 0 && query_stopped(r->query, err) < 0)
		return err->code;
	buf_clear(&r->row);
	event_put(&r->row, e);
	if (pattern_row(r->pattern, str_trim(buf_get(&r->row)), err) < 0)
		return err->code;
	pattern_figures(r->pattern, &f);
	if (f.given_up)
		return err_set(err, ERR_LIMIT, "more open matches than %u MiB hold: a 'within', or a narrower first step, keeps them fewer", MEMORY >> 20);
	return r->out.buf.n ? hand_on(r, err) : 0;
}

static int
nowhere(void *self, struct str bytes)
{
	(void)self, (void)bytes;
	return 0;
}

int
sequences_run(struct query *q, const struct sequences_spec *spec, int (*each)(void *, struct str, struct err *), void *self, struct err *err)
{
	const struct history_spec history = { .from = spec->from, .to = spec->to, .limit = -1 };
	struct reading r = { .query = q, .out = { .fd = -1, .name = "matches", .give = nowhere }, .each = each, .self = self };
	char *text = mem_dup(spec->pattern.p ? spec->pattern.p : "", spec->pattern.n);
	int64_t now = time_now();
	int rc = -1;

	if (memchr(text, 0, spec->pattern.n))
		err_set(err, ERR_USAGE, "a pattern with a byte 0x00");
	else if ((r.pattern = pattern_new(&(struct pattern_spec){ .text = text, .timeouts = spec->timeouts, .memory = MEMORY, .native = 1 }, &r.out, err)) &&
	    (rc = history_run(q, &history, one_event, NULL, &r, err)) == 0) {
		pattern_pass(r.pattern, spec->to - 1 < now ? spec->to - 1 : now);
		pattern_finish(r.pattern, err);
		rc = hand_on(&r, err);
	}
	pattern_free(r.pattern);
	buf_release(&r.row);
	buf_release(&r.out.buf);
	free(text);
	return err->code ? err->code : rc;
}
