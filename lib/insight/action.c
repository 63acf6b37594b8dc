/* A kept recommendation is its row as JSON, in the state "recommendation" under "RULE\nKEY"; evidence.check_after says when it is due. One that
 * was looked at is kept with "done":true, so that the same can be recommended again. */
#include "insight/action.h"

#include <math.h>

#include "base/time.h"
#include "insight/words.h"
#include "json/json.h"

#define KIND "recommendation"

void
action_put(const struct action *a, struct buf *b)
{
	buf_lit(b, "{\"insight\":");
	json_put_string(b, a->text);
	buf_lit(b, ",\"kind\":\"recommendation\",\"score\":");
	json_put_double(b, nearbyint(a->score * 1e4) / 1e4);
	json_put_more_text(b, "metric", a->metric);
	buf_lit(b, ",\"labels\":");
	buf_str(b, a->labels.n ? a->labels : STR("{}"));
	json_put_more_time(b, "timestamp", a->to);
	buf_lit(b, ",\"evidence\":{\"rule\":");
	json_put_string(b, str_of(a->rule));
	json_put_more_text(b, "key", a->key);
	json_put_more_text(b, "precondition", str_of(a->precondition));
	json_put_more_text(b, "expected", a->expected);
	json_put_more_text(b, "check", a->check);
	json_put_more_time(b, "check_after", a->to + ACTION_WAITS);
	json_put_more_double(b, "measure", a->measure);
	if (a->of > 0)
		json_put_more_double(b, "of", a->of);
	for (int i = 0; i < 4 && a->fields[i]; i++)
		json_put_more_double(b, a->fields[i], a->figures[i]);
	for (int i = 0; i < 2 && a->text_fields[i][0].p; i++)
		json_put_more_text(b, a->text_fields[i][0].p, a->text_fields[i][1]);
	json_put_more_time(b, "from", a->from);
	json_put_more_time(b, "to", a->to);
	json_put_more_time(b, "previous_from", a->before_from);
	json_put_more_time(b, "previous_to", a->before_to);
	buf_lit(b, "}}");
}

static void
state_name(struct json row, struct buf *name)
{
	struct buf scratch = {0};
	struct json evidence = json_get(row, STR("evidence"));

	buf_clear(name);
	buf_str(name, json_text(json_get(evidence, STR("rule")), &scratch));
	buf_byte(name, '\n');
	buf_str(name, json_text(json_get(evidence, STR("key")), &scratch));
	buf_release(&scratch);
}

int
action_keep(struct store *store, struct str row, struct err *err)
{
	struct buf name = {0}, old = {0};
	int rc;

	state_name(json_value(row), &name);
	if ((rc = store_get_state(store, KIND, buf_get(&name), &old, err)) >= 0) {
		int waits = rc > 0 && !json_is(json_get(json_value(buf_get(&old)), STR("done")), JSON_TRUE);

		rc = waits ? 0 : store_put_state(store, KIND, buf_get(&name), row, err);
	}
	buf_release(&name);
	buf_release(&old);
	return rc;
}

struct looking { int64_t now; struct buf due; };

static int
see_kept(void *self, struct str name, struct str value)
{
	struct looking *l = self;
	struct json row = json_value(value);
	struct buf scratch = {0};
	int64_t after;

	(void)name;
	if (!json_is(json_get(row, STR("done")), JSON_TRUE) &&
	    time_parse_rfc3339(json_text(json_get(json_get(row, STR("evidence")), STR("check_after")), &scratch), &after) == 0 && after <= l->now) {
		buf_str(&l->due, value);
		buf_byte(&l->due, '\n');
	}
	buf_release(&scratch);
	return 0;
}

static double
number(struct json v, struct str key)
{
	double x = NAN;

	json_double(json_get(v, key), &x);
	return x;
}

static void
put_measure(struct buf *b, double v, int is_share)
{
	if (is_share)
		words_percent(b, v);
	else
		words_number(b, v);
}

/* What was, what is, and whether that is more than chance: two shares, or two counts over times of their own lengths. */
static void
put_outcome(struct json row, int64_t since, int64_t now, double measure, double of, struct buf *b)
{
	struct json evidence = json_get(row, STR("evidence"));
	double was = number(evidence, STR("measure")), was_of = number(evidence, STR("of")), z, pooled;
	int64_t from, to;
	struct buf text = {0}, scratch = {0};
	int is_share = was_of > 0;

	if (is_share) {
		pooled = (was * was_of + measure * of) / (was_of + of);
		z = of > 0 && pooled > 0 && pooled < 1 ? (measure - was) / sqrt(pooled * (1 - pooled) * (1 / was_of + 1 / of)) : 0;
	} else {                                        /* per as long a time as the recommendation was made of */
		double days = 1;

		if (time_parse_rfc3339(json_text(json_get(evidence, STR("from")), &scratch), &from) == 0 && time_parse_rfc3339(json_text(json_get(evidence, STR("to")), &scratch), &to) == 0 && to > from)
			days = (double)(now - since) / (double)(to - from);
		z = was * days + measure > 0 ? (measure - was * days) / sqrt(was * days * days + measure) : 0;
		measure /= days;
	}
	buf_lit(&text, "Recommended on ");
	words_time(&text, since, 86400000, NULL);
	buf_lit(&text, ": ");
	buf_str(&text, json_text(json_get(row, STR("insight")), &scratch));
	buf_lit(&text, ". Since then ");
	buf_str(&text, json_text(json_get(evidence, STR("key")), &scratch));
	buf_lit(&text, measure > was ? " went up from " : measure < was ? " went down from " : " stayed from ");
	put_measure(&text, was, is_share);
	buf_lit(&text, " to ");
	put_measure(&text, measure, is_share);
	buf_lit(&text, fabs(z) > 1.96 ? ", which is more than chance" : ", which may be chance");
	buf_lit(b, "{\"insight\":");
	json_put_string(b, buf_get(&text));
	buf_lit(b, ",\"kind\":\"recommendation\",\"score\":");
	json_put_double(b, nearbyint(erf(fabs(z) / M_SQRT2) * 1e4) / 1e4);
	json_put_more_text(b, "metric", json_text(json_get(row, STR("metric")), &scratch));
	buf_lit(b, ",\"labels\":");
	json_put_compact(b, json_get(row, STR("labels")));
	json_put_more_time(b, "timestamp", now);
	buf_lit(b, ",\"evidence\":{\"outcome\":");
	json_put_string(b, fabs(z) <= 1.96 ? STR("no change beyond chance") : measure > was ? STR("rose") : STR("fell"));
	json_put_more_text(b, "rule", json_text(json_get(evidence, STR("rule")), &scratch));
	json_put_more_text(b, "key", json_text(json_get(evidence, STR("key")), &scratch));
	json_put_more_double(b, "current", measure);
	json_put_more_double(b, "previous", was);
	json_put_more_double(b, "z", z);
	json_put_more_time(b, "from", since);
	json_put_more_time(b, "to", now);
	buf_lit(b, "}}\n");
	buf_release(&text);
	buf_release(&scratch);
}

int
action_outcomes(struct store *store, int64_t now, action_measure again, void *self, struct buf *rows, struct err *err)
{
	struct looking looking = { .now = now };
	struct buf rule = {0}, key = {0}, scratch = {0};
	struct str rest, line;
	int rc = store_each_state(store, KIND, see_kept, &looking, err);

	for (rest = buf_get(&looking.due); rc >= 0 && rest.n && str_cut(&rest, '\n', &line); ) {
		struct json row = json_value(line), evidence = json_get(row, STR("evidence"));
		double measure = 0, of = 0;
		int64_t since;

		buf_clear(&rule), buf_clear(&key);
		buf_str(&rule, json_text(json_get(evidence, STR("rule")), &scratch));
		buf_str(&key, json_text(json_get(evidence, STR("key")), &scratch));
		if (time_parse_rfc3339(json_text(json_get(row, STR("timestamp")), &scratch), &since))
			continue;
		if ((rc = again(self, buf_text(&rule), buf_get(&key), since, now, &measure, &of, err)) > 0)
			put_outcome(row, since, now, measure, of, rows);
	}
	buf_release(&looking.due), buf_release(&rule), buf_release(&key), buf_release(&scratch);
	return rc < 0 ? rc : 0;
}

int
action_done(struct store *store, struct str row, struct err *err)
{
	struct buf name = {0}, old = {0};
	int rc;

	if (!row.n)
		return 0;
	state_name(json_value(row), &name);
	if ((rc = store_get_state(store, KIND, buf_get(&name), &old, err)) > 0) {
		old.n--;                                /* its closing bracket */
		buf_lit(&old, ",\"done\":true}");
		rc = store_put_state(store, KIND, buf_get(&name), buf_get(&old), err);
	}
	if (rc == 0)
		rc = store_add_row(store, "insight", time_now(), row, err);
	buf_release(&name);
	buf_release(&old);
	return rc;
}
