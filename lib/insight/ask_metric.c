/* ask_metric.c - metrics of the configuration as words of a question: what each counts, as a measure.
 *
 *      {"pro_signups":{"event":"signup","where":".properties.plan == \"pro\" and .properties.seats > 3","value":"count"}}
 *
 * Its condition is a jq program. Comparisons of one field with a literal, joined by `and`, are filters of a measure; whatever else it
 * may be is not turned into SQL by guess: such a metric is known, and at-query metric is named as what tells it.
 */
#include "config/config.h"
#include "insight/ask_priv.h"
#include "query/metric.h"

struct reading_jq { const char *p, *end; };

static void
skip_blanks(struct reading_jq *j)
{
	while (j->p < j->end && (*j->p == ' ' || *j->p == '\n' || *j->p == '\t'))
		j->p++;
}

static int
take(struct reading_jq *j, const char *text)
{
	size_t n = strlen(text);

	skip_blanks(j);
	if ((size_t)(j->end - j->p) < n || memcmp(j->p, text, n))
		return 0;
	j->p += n;
	return 1;
}

static int
is_name_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* .name or ."name", without escapes; {0} where none stands there. */
static struct str
take_key(struct reading_jq *j)
{
	const char *from, *close;

	if (!take(j, "."))
		return (struct str){ 0 };
	if (j->p < j->end && *j->p == '"') {
		from = j->p + 1;
		close = memchr(from, '"', (size_t)(j->end - from));
		if (!close || memchr(from, '\\', (size_t)(close - from)))
			return (struct str){ 0 };
		j->p = close + 1;
		return (struct str){ from, (size_t)(close - from) };
	}
	for (from = j->p; j->p < j->end && is_name_byte(*j->p); )
		j->p++;
	return (struct str){ j->p > from ? from : NULL, (size_t)(j->p - from) };
}

static int
field_index(const struct ask *ask, struct str name)
{
	for (int i = 0; i < ask->n_fields; i++)
		if (str_eq(ask->field[i].name, name))
			return i;
	return str_eq(name, STR("user_id")) ? -1 : str_eq(name, STR("session_id")) ? -2 : -9;
}

static int
event_index(const struct ask *ask, struct str name)
{
	for (int i = 0; i < ask->n_events; i++)
		if (str_eq(ask->event[i].name, name))
			return i;
	return -1;
}

/* The literal at j as a filter's value. 1 or 0. */
static int
take_literal(struct ask *ask, struct reading_jq *j, struct ask_filter *f)
{
	struct str text;
	const char *from;

	skip_blanks(j);
	if (take(j, "null")) {
		f->is_null = 1;
		return 1;
	}
	from = j->p;
	if (j->p < j->end && *j->p == '"') {
		const char *close = memchr(from + 1, '"', (size_t)(j->end - from - 1));

		if (!close || memchr(from, '\\', (size_t)(close - from)))
			return 0;
		text = (struct str){ from + 1, (size_t)(close - from - 1) };
		j->p = close + 1;
		f->value[f->n++] = (struct str){ arena_dup(ask->arena, text.p, text.n), text.n };
		return f->value[0].p != NULL;
	}
	while (j->p < j->end && ((*j->p >= '0' && *j->p <= '9') || *j->p == '.' || *j->p == '-'))
		j->p++;
	f->is_number = 1;
	return j->p > from && str_double((struct str){ from, (size_t)(j->p - from) }, &f->number) == 0;
}

/* One comparison. 1 or 0. */
static int
take_comparison(struct ask *ask, struct reading_jq *j, struct ask_measure *m)
{
	static const struct { const char *text; enum ask_op op; int not; } ops[] = { { "==", ASK_EQ, 0 }, { "!=", ASK_EQ, 1 }, { ">=", ASK_GE, 0 }, { "<=", ASK_LE, 0 },
		{ ">", ASK_GT, 0 }, { "<", ASK_LT, 0 } };
	struct str key = take_key(j);
	struct ask_filter f = { .n = 0 };
	size_t op = 0;

	if (str_eq(key, STR("properties")))
		key = take_key(j);
	while (op < sizeof(ops) / sizeof(*ops) && !take(j, ops[op].text))
		op++;
	if (!key.p || op == sizeof(ops) / sizeof(*ops) || !take_literal(ask, j, &f))
		return 0;
	f.op = ops[op].op, f.not = ops[op].not;
	if (str_eq(key, STR("event"))) {
		int i = f.n == 1 && !f.not && f.op == ASK_EQ ? event_index(ask, f.value[0]) : -1;

		if (i < 0 || (m->events && !(m->events >> i & 1)))
			return 0;
		m->events = 1ull << i;
		return 1;
	}
	/* of texts equality only, of numbers no inequality; null is less than all in jq, and in SQL nothing */
	if ((f.field = field_index(ask, key)) == -9 || m->where.n == ASK_LIST || (!f.is_number && f.op != ASK_EQ) ||
	    (f.is_number && (f.not || f.op == ASK_LT || f.op == ASK_LE)))
		return 0;
	m->where.f[m->where.n++] = f;
	return 1;
}

static int
read_where(struct ask *ask, struct str where, struct ask_measure *m)
{
	struct reading_jq j = { where.p, where.p + where.n };

	if (!where.p)
		return 1;
	do
		if (!take_comparison(ask, &j, m))
			return 0;
	while (take(&j, "and "));
	skip_blanks(&j);
	return j.p == j.end;
}

/* "sum(revenue)", "p95(wait)", "distinct(user_id)". 1 or 0. */
static int
read_value(const struct ask *ask, struct str value, struct ask_measure *m)
{
	static const struct { const char *name; enum ask_agg agg; } aggs[] = { { "sum", ASK_SUM }, { "avg", ASK_AVG }, { "min", ASK_MIN }, { "max", ASK_MAX } };
	const char *open = value.p ? memchr(value.p, '(', value.n) : NULL;
	struct str call = { value.p, open ? (size_t)(open - value.p) : value.n }, name = { 0 };

	m->of = ASK_COUNT;
	if (!value.p || str_eq(value, STR("count")))
		return 1;
	if (!open || value.p[value.n - 1] != ')')
		return 0;
	name = str_trim((struct str){ open + 1, value.n - call.n - 2 });
	m->field = field_index(ask, name);
	if (str_eq(call, STR("distinct"))) {
		m->of = m->field == -1 ? ASK_DISTINCT_USERS : m->field == -2 ? ASK_DISTINCT_SESSIONS : ASK_DISTINCT_FIELD;
		return m->field != -9;
	}
	if (m->field < 0 || !ask->field[m->field].number)
		return 0;
	m->of = ASK_OF_FIELD;
	for (size_t i = 0; i < sizeof(aggs) / sizeof(*aggs); i++)
		if (str_eq(call, str_of(aggs[i].name)))
			m->agg = aggs[i].agg;
	if (!m->agg && call.n > 1 && call.p[0] == 'p' && str_double((struct str){ call.p + 1, call.n - 1 }, &m->q) == 0 && m->q > 0 && m->q < 100)
		m->agg = ASK_QUANTILE, m->q /= 100;
	return m->agg != 0;
}

/* Its events, of which the store has none of some and perhaps of all: 0. */
static int
read_events(const struct ask *ask, struct json event, struct ask_measure *m)
{
	struct buf scratch = { 0 };
	int named = 0;

	for (int i = 0; ; i++) {
		struct json one = json_is(event, JSON_ARRAY) ? json_index(event, i) : i ? JSON_ABSENT : event;
		int k;

		if (!json_is(one, JSON_STRING))
			break;
		named = 1;
		if ((k = event_index(ask, json_text(one, &scratch))) >= 0)
			m->events |= 1ull << k;
	}
	buf_release(&scratch);
	return !named || m->events;
}

void
ask_learn_metrics(struct ask *ask)
{
	struct json all = config_get(ask->config, "analytics", "metrics");
	struct buf name = { 0 }, scratch = { 0 };

	for (struct json_iter it = json_iter(all); json_is(all, JSON_OBJECT) && ask->n_metrics < ASK_METRICS && json_next(&it); ) {
		struct ask_metric *to = &ask->metric[ask->n_metrics];
		struct str called = json_text(it.key, &name);
		struct json own = metric_definition(ask->query, called);

		*to = (struct ask_metric){ .name = { arena_dup(ask->arena, called.p, called.n), called.n } };
		if (!json_is(own, JSON_OBJECT) || !to->name.p || !policy_metric_name(query_policy(ask->query), called) ||
		    !read_events(ask, json_get(own, STR("event")), &to->m))
			continue;
		to->m.called = to->name;
		to->opaque = !read_where(ask, json_text(json_get(own, STR("where")), &scratch), &to->m) ||
		    !read_value(ask, json_text(json_get(own, STR("value")), &scratch), &to->m);
		ask_teach_metric(ask, ask->n_metrics++);
	}
	buf_release(&name);
	buf_release(&scratch);
}
