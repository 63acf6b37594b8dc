/* pattern.c - tries, their keys, and the clock.
 *
 *      key ──► try ─► try ─► …          in order of their beginning; and a lane for each step: the tries that stand there
 *               │
 *               └─ (event, step), …     events are shared by the tries that took them
 *
 * An event costs only the lanes that it can matter to: a million carts that wait for a purchase are not looked at when another cart comes.
 * All tries also stand in one queue. Rows are taken in order of time and the bound `within` is one for all, so that the queue's
 * front is always the next to run out: the clock costs nothing until something is due. Where gaps between steps are bounded, tries run out in
 * another order, and stand in a heap by when, too. What bounds a row that matters to nobody is the
 * walk over its bytes (json/project.h).
 */
#include "pattern/pattern.h"

#include <ctype.h>
#include <limits.h>
#include <stddef.h>
#include <stdlib.h>

#include "base/cmd.h"
#include "base/map.h"
#include "base/pool.h"
#include "base/time.h"
#include "event/event.h"
#include "event/rows.h"
#include "event/field.h"
#include "event/when.h"
#include "pattern/pattern_priv.h"

#define MEMORY     (256u << 20)
#define LIVE_MS    60000        /* input whose newest row is no older than this is live */
#define SILENT_MS  500          /* so long a row may be on its way: deadlines by the clock pass so much later */
#define RESUME_MS  2000
#define KEYS_FIRST 64
#define FEW        4
#define LOOK_EACH  64           /* tries between two looks at the processor's time */

struct kept {                           /* an event that some try took */
	int refs;
	uint64_t seq;
	int64_t time;
	size_t n;
	char text[];
};

struct taken { struct kept *event; int step; };

struct try {
	struct try *next, *before;      /* of the key */
	struct try *later, *earlier;    /* of all */
	struct try *lane_next, *lane_before;    /* of the lane of its step */
	uint64_t turn;                  /* the last event that it had to do with */
	struct key *key;
	int step, count;                /* the last step that took an event, and how many */
	int gap;                        /* events of the key were passed over since */
	int waits;                      /* fulfilled, but for what must not come */
	int complete;                   /* a match, unless one that began before it ends it: then in no lane */
	uint64_t seq;                   /* its first event's */
	int64_t since;
	int64_t due;                    /* the last instant at which it may go on, and */
	size_t place;                   /* where it is in the heap, from 1; 0: not */
	int n, cap;
	struct taken *taken;            /* few, until there are more */
	struct taken few[FEW];
};

struct key {
	uint64_t hash;
	struct try *first, *last;
	char *text;                     /* {"user_id":"u1"}, behind the lanes */
	size_t n;
	struct lane { struct try *first, *last; } lane[];
};

/* What a row says, known before its turn, so that what it will look at is on its way from memory meanwhile: with 100,000 keys nothing is
 * in the caches. */
struct ahead {
	struct str row;
	int64_t time;
	const struct map_entry *steps;  /* that name its event; NULL */
	int has_key;                    /* it matters, and has all fields of `by` */
	struct buf key;
	uint64_t hash;                  /* of key */
	struct json *value;             /* of the projection */
};

struct held { int64_t time; uint64_t seq; char *text; size_t n; };      /* a row that waits for its turn */

struct pattern {
	struct program program;
	struct buf name;                /* as JSON */
	int64_t late_ms;
	int timeouts, native;
	size_t memory, used;
	int64_t row_ns;
	struct out *out;

	struct project *project;
	struct ahead *ahead;            /* rows that were looked at before their turn, a ring; in order of their turns */
	unsigned first, n_ahead;
	int at_event, at_time, at_by[16];
	struct map names;               /* event → the steps that name it */
	uint64_t matters[STEPS_MOST];   /* to a try that stands at a step: the steps whose events can change something */
	struct buf scratch, row_copy, compound;
	struct pool pool;               /* of events, tries and keys */

	struct slot { uint64_t hash; struct key *key; } *slot;  /* half of them empty at least; a key stands in the first free one behind its hash's */
	size_t slots, keys;
	struct try *oldest, *newest;
	struct try **heap;              /* the first to run out on top; empty when no gap is bounded */
	size_t n_heap, cap_heap;

	struct held *held;              /* a heap, the earliest on top */
	size_t n_held, cap_held;
	uint64_t held_seq;              /* equal times keep the order in which they came */

	int64_t greatest, clock;        /* of the rows seen; of those taken, and of the clock when it is silent */
	uint64_t seq;
	int live;                       /* judged when the input fell silent */
	int resumed, was_live;          /* no row came yet since it was loaded; it was live when it was saved */
	int64_t silent_since;           /* and was asked for the first time then, of time_mono_ns */
	struct pattern_figures figures;

	/* of the row at hand */
	const struct ahead *at;
	struct str row;
	int64_t time;
	struct kept *event;             /* its copy, once a try took it */
	int8_t fits[STEPS_MOST];        /* -1: not known yet */
};

/* ---- compiling */

static int
is_name(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

/* May `$a` be `.["$a"]`? Where `.` is the row everywhere: no pipe, no function, no text that has programs in it. */
static int
is_flat(struct str where)
{
	for (size_t i = 0; i < where.n; i++)
		if (strchr("|;\\", where.p[i]) || (where.p[i] == '(' && i && is_name(where.p[i - 1])))
			return 0;
	return memmem(where.p, where.n, " as ", 4) == NULL;
}

/* The condition with `.["$NAME"]` in place of $NAME, but in texts. */
static void
put_flat(const struct pattern *p, const struct atom *a, struct buf *to)
{
	int quoted = 0;

	for (size_t i = 0; i < a->where.n; i++) {
		size_t end = i + 1;
		struct str name;
		int is_step = 0;

		quoted ^= a->where.p[i] == '"';
		while (end < a->where.n && is_name(a->where.p[end]))
			end++;
		name = (struct str){ a->where.p + i + 1, end - i - 1 };
		for (int s = 0; s < p->program.steps; s++)
			is_step |= (int)(a->looks_at >> s & 1) && str_eq(p->program.step[s].name, name);
		if (!quoted && a->where.p[i] == '$' && is_step) {
			buf_printf(to, ".[\"$%.*s\"]", STR_FMT(name));
			i = end - 1;
		} else {
			buf_byte(to, a->where.p[i]);
		}
	}
}

/* A condition that looks back runs over the row with the events as members "$NAME" more; or, where that could mean something else, over
 * {"row":…,"NAME":…}, its names bound as jq's variables. */
static int
compile(struct pattern *p, struct atom *a, struct err *err)
{
	struct buf text = {0};
	int rc = 0;

	if (a->looks_at && is_flat(a->where)) {
		put_flat(p, a, &text);
		a->flat = 1;
		a->expr = expr_new(buf_text(&text), p->native ? EXPR_NATIVE_ONLY : 0, err);
		if (!a->expr)
			err_at(err, "the condition at column %zu of the pattern", a->where_at + 1);
		buf_release(&text);
		return err->code;
	}
	for (int i = 0; i < p->program.steps; i++)
		if (a->looks_at >> i & 1)
			buf_printf(&text, ".[\"%.*s\"] as $%.*s | ", STR_FMT(p->program.step[i].name), STR_FMT(p->program.step[i].name));
	if (a->looks_at)
		buf_lit(&text, ".row | (");
	buf_str(&text, a->where);
	if (a->looks_at)
		buf_lit(&text, ")");
	if (!(a->expr = expr_new(buf_text(&text), p->native ? EXPR_NATIVE_ONLY : 0, err)) || (!a->looks_at && (rc = expr_bind(a->expr, p->project, err)) < 0))
		err_at(err, "the condition at column %zu of the pattern", a->where_at + 1);
	a->fields = !a->looks_at && rc == 0;
	buf_release(&text);
	return err->code;
}

/* What a try at each step may take next, or must not meet. */
static void
look_ahead(struct pattern *p)
{
	const struct program *g = &p->program;

	for (int s = 0; s < g->steps; s++) {
		p->matters[s] = g->step[s].max > 1 ? 1ull << s : 0;
		for (int n = s + 1; n < g->steps; n++) {
			p->matters[s] |= 1ull << n;
			if (!g->step[n].absent && g->step[n].min > 0)
				break;
		}
	}
}

static int
bind(struct pattern *p, struct err *err)
{
	struct program *g = &p->program;

	p->project = project_new();
	if ((p->at_event = field_project(p->project, STR("event"), err)) < 0 ||
	    (p->at_time = project_path(p->project, &STR("timestamp"), 1, err)) < 0)
		return err->code;
	for (int i = 0; i < g->n_by; i++)
		if ((p->at_by[i] = field_project(p->project, g->by[i], err)) < 0)
			return err->code;
	for (int s = 0; s < g->steps; s++)
		for (int i = 0; i < g->step[s].atoms; i++) {
			struct atom *a = &g->step[s].atom[i];

			map_put(&p->names, a->event, NULL)->bits |= 1ull << s;
			if (a->where.p && compile(p, a, err))
				return err->code;
		}
	return 0;
}

struct pattern *
pattern_new(const struct pattern_spec *spec, struct out *out, struct err *err)
{
	struct pattern *p = mem_new(sizeof(*p));

	p->late_ms = spec->late_ms;
	p->timeouts = spec->timeouts;
	p->native = spec->native;
	p->memory = spec->memory ? spec->memory : MEMORY;
	p->row_ns = spec->row_ns;
	p->out = out;
	p->greatest = p->clock = TIME_NONE;
	p->slots = KEYS_FIRST;
	p->slot = mem_table(p->slots * sizeof(*p->slot));
	json_put_string(&p->name, str_of(spec->name ? spec->name : spec->text));
	if ((spec->name && str_utf8_fault(str_of(spec->name)) >= 0 && err_set(err, ERR_USAGE, "-M: '%s' is not UTF-8", spec->name)) ||
	    pattern_parse(&p->program, spec->text, err) || bind(p, err)) {
		pattern_free(p);
		return NULL;
	}
	look_ahead(p);
	p->ahead = mem_new(ROWS_AHEAD * sizeof(*p->ahead));
	for (int i = 0; i < ROWS_AHEAD; i++)
		p->ahead[i].value = mem_new((size_t)project_count(p->project) * sizeof(struct json));
	return p;
}

/* ---- events, tries and keys */

static struct kept *
keep(struct pattern *p, struct str row, int64_t time, uint64_t seq)
{
	struct kept *k = pool_get(&p->pool, sizeof(*k) + row.n);

	*k = (struct kept){ .seq = seq, .time = time, .n = row.n };
	memcpy(k->text, row.p, row.n);
	p->used += sizeof(*k) + row.n;
	return k;
}

static void
let_go(struct pattern *p, struct kept *k)
{
	if (--k->refs > 0)
		return;
	if (p->event == k)
		p->event = NULL;
	p->used -= sizeof(*k) + k->n;
	pool_put(&p->pool, k, sizeof(*k) + k->n);
}

static struct key *
key_find(const struct pattern *p, struct str text, uint64_t hash)
{
	for (size_t i = hash & (p->slots - 1); p->slot[i].key; i = (i + 1) & (p->slots - 1))
		if (p->slot[i].hash == hash && str_eq(text, (struct str){ p->slot[i].key->text, p->slot[i].key->n }))
			return p->slot[i].key;
	return NULL;
}

static void
slot_in(struct slot *slot, size_t slots, struct key *k)
{
	size_t i = k->hash & (slots - 1);

	while (slot[i].key)
		i = (i + 1) & (slots - 1);
	slot[i] = (struct slot){ k->hash, k };
}

static void
keys_grow(struct pattern *p)
{
	size_t slots = 2 * p->slots;
	struct slot *slot = mem_table(slots * sizeof(*slot));

	for (size_t i = 0; i < p->slots; i++)
		if (p->slot[i].key)
			slot_in(slot, slots, p->slot[i].key);
	free(p->slot);
	p->slot = slot;
	p->slots = slots;
}

static struct key *
key_add(struct pattern *p, struct str text, uint64_t hash)
{
	size_t lanes = (size_t)p->program.steps * sizeof(struct lane);
	struct key *k = pool_get(&p->pool, sizeof(*k) + lanes + text.n);

	memset(k, 0, sizeof(*k) + lanes);
	if (2 * ++p->keys > p->slots)
		keys_grow(p);
	k->hash = hash;
	k->text = (char *)k->lane + lanes;
	k->n = text.n;
	memcpy(k->text, text.p, text.n);
	slot_in(p->slot, p->slots, k);
	p->used += sizeof(*k) + lanes + text.n;
	return k;
}

/* A key without tries is no longer needed. Those behind it that it kept from their place move up. */
static void
key_drop(struct pattern *p, struct key *k)
{
	size_t mask = p->slots - 1, hole = k->hash & mask;

	while (p->slot[hole].key != k)
		hole = (hole + 1) & mask;
	for (size_t i = (hole + 1) & mask; p->slot[i].key; i = (i + 1) & mask)
		if (((i - p->slot[i].hash) & mask) >= ((i - hole) & mask)) {
			p->slot[hole] = p->slot[i];
			hole = i;
		}
	p->slot[hole].key = NULL;
	p->keys--;
	p->used -= (size_t)(k->text + k->n - (char *)k);
	pool_put(&p->pool, k, (size_t)(k->text + k->n - (char *)k));
}

/* Into the lane of its step, behind those that began before it: mostly at the end. */
static void
lane_in(struct try *t)
{
	struct lane *l = &t->key->lane[t->step];
	struct try *before = l->last;

	while (before && before->seq > t->seq)
		before = before->lane_before;
	t->lane_before = before;
	t->lane_next = before ? before->lane_next : l->first;
	*(t->lane_next ? &t->lane_next->lane_before : &l->last) = t;
	*(before ? &before->lane_next : &l->first) = t;
}

static void
lane_out(struct try *t)
{
	struct lane *l = &t->key->lane[t->step];

	*(t->lane_before ? &t->lane_before->lane_next : &l->first) = t->lane_next;
	*(t->lane_next ? &t->lane_next->lane_before : &l->last) = t->lane_before;
}

/* ---- when tries run out, where gaps are bounded */

static int
runs_out_before(const struct try *a, const struct try *b)
{
	return a->due != b->due ? a->due < b->due : a->seq < b->seq;
}

static void
heap_put(struct pattern *p, struct try *t, size_t place)
{
	for (; place > 1 && runs_out_before(t, p->heap[place / 2]); place /= 2)
		(p->heap[place] = p->heap[place / 2])->place = place;
	for (size_t child; (child = 2 * place) <= p->n_heap; place = child) {
		if (child < p->n_heap && runs_out_before(p->heap[child + 1], p->heap[child]))
			child++;
		if (!runs_out_before(p->heap[child], t))
			break;
		(p->heap[place] = p->heap[child])->place = place;
	}
	(p->heap[place] = t)->place = place;
}

static void
heap_out(struct pattern *p, struct try *t)
{
	size_t place = t->place;
	struct try *last;

	if (!place)
		return;
	t->place = 0;
	last = p->heap[p->n_heap--];
	if (last != t)
		heap_put(p, last, place);
}

static int64_t
later_by(int64_t time, int64_t ms)
{
	return ms < 0 || time > INT64_MAX - ms ? INT64_MAX : time + ms;
}

/* Until when the try may go on: to repeat its step, to take one behind it, or as `within` has it. */
static int64_t
runs_out(const struct program *g, const struct try *t)
{
	int64_t whole = later_by(t->since, g->within_ms), last = t->taken[t->n - 1].event->time, due = 0;
	const struct step *s = &g->step[t->step];

	if (t->waits)
		return whole;
	due = t->count < s->max ? later_by(last, t->step ? s->gap_ms : -1) : last;
	for (int i = t->step + 1; t->count >= s->min && i < g->steps; i++) {
		if (g->step[i].absent)
			continue;
		if (later_by(last, g->step[i].gap_ms) > due)
			due = later_by(last, g->step[i].gap_ms);
		if (g->step[i].min > 0)
			break;
	}
	return due < whole ? due : whole;
}

/* What it took changed, or that it waits. */
static void
schedule(struct pattern *p, struct try *t)
{
	if (!p->program.any_gap)
		return;
	t->due = runs_out(&p->program, t);
	if (!t->place) {
		if (p->n_heap + 2 > p->cap_heap)
			p->heap = mem_grow(p->heap, p->cap_heap = p->cap_heap ? 2 * p->cap_heap : 64, sizeof(*p->heap));
		t->place = ++p->n_heap;
	}
	heap_put(p, t, t->place);
}

/* The first to run out, and the last instant at which it may go on; NULL: none does. */
static struct try *
first_to_run_out(const struct pattern *p, int64_t *due)
{
	struct try *t = p->program.any_gap ? p->n_heap ? p->heap[1] : NULL : p->program.within_ms >= 0 ? p->oldest : NULL;

	*due = !t ? INT64_MAX : p->program.any_gap ? t->due : t->since + p->program.within_ms;
	return *due < INT64_MAX ? t : NULL;
}

/* ---- */

static struct try *
try_add(struct pattern *p, struct key *k)
{
	struct try *t = pool_get(&p->pool, sizeof(*t));

	memset(t, 0, offsetof(struct try, few));
	t->taken = t->few, t->cap = FEW;
	t->key = k;
	t->before = k->last;
	*(k->last ? &k->last->next : &k->first) = t;
	k->last = t;
	t->earlier = p->newest;
	*(p->newest ? &p->newest->later : &p->oldest) = t;
	p->newest = t;
	p->figures.open++;
	p->used += sizeof(*t);
	return t;
}

/* Its key stays, also when it was the last. */
static void
try_drop(struct pattern *p, struct try *t)
{
	if (t->n && !t->complete)
		lane_out(t);
	heap_out(p, t);
	*(t->before ? &t->before->next : &t->key->first) = t->next;
	*(t->next ? &t->next->before : &t->key->last) = t->before;
	*(t->earlier ? &t->earlier->later : &p->oldest) = t->later;
	*(t->later ? &t->later->earlier : &p->newest) = t->earlier;
	for (int i = 0; i < t->n; i++)
		let_go(p, t->taken[i].event);
	p->figures.open--;
	p->used -= sizeof(*t) + (t->taken != t->few ? (size_t)t->cap * sizeof(*t->taken) : 0);
	if (t->taken != t->few)
		free(t->taken);
	pool_put(&p->pool, t, sizeof(*t));
}

static void
try_take(struct pattern *p, struct try *t, struct kept *event, int step)
{
	struct taken *few = t->taken == t->few ? t->few : NULL;

	if (t->n == t->cap) {
		t->cap *= 2;
		t->taken = mem_grow(few ? NULL : t->taken, (size_t)t->cap, sizeof(*t->taken));
		if (few)
			memcpy(t->taken, few, FEW * sizeof(*few));
		p->used += (size_t)(few ? t->cap : t->cap / 2) * sizeof(*t->taken);
	}
	if (!t->n)
		t->seq = event->seq, t->since = event->time;
	event->refs++;
	t->taken[t->n++] = (struct taken){ event, step };
}

void
pattern_free(struct pattern *p)
{
	if (!p)
		return;
	while (p->oldest) {
		struct key *k = p->oldest->key;

		try_drop(p, p->oldest);
		if (!k->first)
			key_drop(p, k);
	}
	for (size_t i = 0; i < p->n_held; i++)
		free(p->held[i].text);
	free(p->held);
	free(p->heap);
	free(p->slot);
	project_free(p->project);
	map_release(&p->names);
	pattern_release(&p->program);
	buf_release(&p->name);
	buf_release(&p->scratch);
	pool_release(&p->pool);
	for (int i = 0; p->ahead && i < ROWS_AHEAD; i++) {
		buf_release(&p->ahead[i].key);
		free(p->ahead[i].value);
	}
	free(p->ahead);
	buf_release(&p->row_copy);
	buf_release(&p->compound);
	free(p);
}

/* ---- what comes out */

static void
put_events(struct buf *b, const struct try *t, int step)        /* -1: all */
{
	int first = 1;

	buf_byte(b, '[');
	for (int i = 0; i < t->n; i++) {
		if (step >= 0 && t->taken[i].step != step)
			continue;
		if (!first)
			buf_byte(b, ',');
		first = 0;
		buf_add(b, t->taken[i].event->text, t->taken[i].event->n);
	}
	buf_byte(b, ']');
}

static void
put_row(struct pattern *p, const char *what, const struct try *t, int64_t time)
{
	struct buf *b = &p->out->buf;
	int named = 0;

	buf_printf(b, "{\"%s\":", what);
	buf_str(b, buf_get(&p->name));
	buf_lit(b, ",\"timestamp\":");
	json_put_time(b, time);
	buf_lit(b, ",\"key\":");
	buf_add(b, t->key->text, t->key->n);
	buf_lit(b, ",\"events\":");
	put_events(b, t, -1);
	for (int s = 0; s < p->program.steps; s++) {
		if (!p->program.step[s].named || p->program.step[s].absent)
			continue;
		buf_lit(b, named++ ? "," : ",\"bindings\":{");
		json_put_key(b, p->program.step[s].name);
		put_events(b, t, s);
	}
	buf_lit(b, named ? "}}\n" : "}\n");
	out_row(p->out);
}

/* Where the search goes on behind a match: tries that began before this event's number are over. */
static uint64_t
goes_on_at(const struct program *g, const struct try *t)
{
	if (g->skip == SKIP_PAST_LAST)
		return t->taken[t->n - 1].event->seq + 1;
	if (g->skip == SKIP_TO_LAST)
		for (int i = t->n; i-- > 0; )
			if (t->taken[i].step == g->skip_to)
				return t->taken[i].event->seq > t->seq ? t->taken[i].event->seq : t->seq + 1;
	return t->seq + 1;
}

/* Write a match, and end what it ends. Returns where the search goes on. */
static uint64_t
match(struct pattern *p, struct try *t, int64_t time)
{
	uint64_t on = goes_on_at(&p->program, t);
	struct key *k = t->key;

	put_row(p, "match", t, time);
	p->figures.matches++;
	if (p->program.skip == SKIP_TO_NEXT) {
		try_drop(p, t);
		return on;
	}
	while (k->first && k->first->seq < on)
		try_drop(p, k->first);
	return on;
}

/* Before those that are complete nothing is open any more: they are the matches. Returns where the search goes on, 0 without one. */
static uint64_t
come_out(struct pattern *p, struct key *k)
{
	uint64_t on = 0;

	while (k->first && k->first->complete)
		on = match(p, k->first, k->first->taken[k->first->n - 1].event->time);
	return on;
}

/* The try took all that must come. A try that began before it may still be a match that ends this one, so this one waits for it;
 * but where the search goes on behind the first event, each is a match for itself. As come_out. */
static uint64_t
complete(struct pattern *p, struct try *t)
{
	if (p->program.skip == SKIP_TO_NEXT)
		return match(p, t, p->time);
	lane_out(t);
	heap_out(p, t);
	t->complete = 1;
	return come_out(p, t->key);
}

/* A try is over without a match. As come_out. */
static uint64_t
fail(struct pattern *p, struct try *t)
{
	struct key *k = t->key;

	try_drop(p, t);
	return come_out(p, k);
}

/* ---- the clock */

static void
move_clock(struct pattern *p, int64_t now)
{
	struct try *t;
	int64_t due;

	if (now <= p->clock)
		return;
	p->clock = now;
	while ((t = first_to_run_out(p, &due)) && now > due) {
		struct key *k = t->key;

		if (t->waits) {
			match(p, t, due);
			come_out(p, k);
		} else {
			if (p->timeouts)
				put_row(p, "timeout", t, due);
			fail(p, t);
		}
		if (!k->first)
			key_drop(p, k);
	}
}

/* ---- one event */

/* {"row":ROW,"NAME":EVENT,…}, or flat {…,"$NAME":EVENT,…}: the last event that each of the steps took. */
static struct str
compound(struct pattern *p, const struct atom *a, const struct try *t)
{
	struct buf *b = &p->compound;
	int comma = 1;

	buf_clear(b);
	if (a->flat) {
		struct str head = str_trim(p->row);

		head = str_trim((struct str){ head.p, head.n - 1 });
		buf_str(b, head);
		comma = head.n > 1;
	} else {
		buf_lit(b, "{\"row\":");
		buf_str(b, p->row);
	}
	for (int s = 0; s < p->program.steps; s++) {
		const struct kept *last = NULL;

		if (!(a->looks_at >> s & 1))
			continue;
		for (int i = 0; t && i < t->n; i++)
			if (t->taken[i].step == s)
				last = t->taken[i].event;
		if (comma)
			buf_byte(b, ',');
		comma = 1;
		if (a->flat)
			buf_printf(b, "\"$%.*s\":", STR_FMT(p->program.step[s].name));
		else
			json_put_key(b, p->program.step[s].name);
		if (last)
			buf_add(b, last->text, last->n);
		else
			buf_lit(b, "null");
	}
	buf_byte(b, '}');
	return buf_get(b);
}

/* A condition that fails on a row (a text compared with nothing is none such) is one that does not hold. */
static int
holds(struct pattern *p, const struct atom *a, const struct try *t)
{
	struct err why = {0};
	int rc;

	if (!a->expr)
		return 1;
	rc = a->looks_at ? expr_test(a->expr, compound(p, a, t), &why) : a->fields ? expr_test_fields(a->expr, p->at->value, &why) :
	    expr_test(a->expr, p->row, &why);
	return rc > 0;
}

static int
fits(struct pattern *p, int step, const struct try *t)
{
	const struct step *s = &p->program.step[step];
	int yes = 0, looks_back = 0;

	if (p->fits[step] >= 0)
		return p->fits[step];
	for (int i = 0; i < s->atoms && !yes; i++) {
		looks_back |= s->atom[i].looks_at != 0;
		yes = json_text_eq(p->at->value[p->at_event], s->atom[i].event) && holds(p, &s->atom[i], t);
	}
	if (!looks_back)
		p->fits[step] = (int8_t)yes;
	return yes;
}

/* The event becomes part of a try. */
static void
take(struct pattern *p, struct try *t, int step)
{
	if (!p->event)
		p->event = keep(p, p->row, p->time, p->seq);
	t->count = step == t->step && t->n ? t->count + 1 : 1;
	t->gap = 0;
	if (t->n && step != t->step)
		lane_out(t);
	if (!t->n || step != t->step) {
		t->step = step;
		try_take(p, t, p->event, step);
		lane_in(t);
	} else {
		try_take(p, t, p->event, step);
	}
	schedule(p, t);
}

/* It has all that must come, and waits for what must not. */
static void
await(struct pattern *p, struct try *t)
{
	t->waits = 1;
	schedule(p, t);
}

/* Is all that must come there? Then 1, or 2 when something must not come yet. */
static int
fulfilled(const struct program *g, const struct try *t)
{
	int waits = 0;

	if (t->count < g->step[t->step].min)
		return 0;
	for (int s = t->step + 1; s < g->steps; s++) {
		if (g->step[s].absent)
			waits = s;
		else if (g->step[s].min > 0)
			return 0;
	}
	return waits == g->steps - 1 && waits ? 2 : 1;
}

/* Is the event at hand no further from the one before it than the step allows? */
static int
is_near(const struct pattern *p, const struct step *s, const struct try *t)
{
	return s->gap_ms < 0 || !t || p->time - t->taken[t->n - 1].event->time <= s->gap_ms;
}

/* The step from `from` on that takes the event, past those that may be missing; -1: none, -2: what must not come there came. A reluctant
 * step that may be missing takes it only when none behind it does; nothing is taken by a try that waits for what must not come.
 * open: is set when a step could still be reached by a later event. */
static int
next_step(struct pattern *p, const struct try *t, int from, int *open)
{
	const struct program *g = &p->program;
	int reluctant = -1;

	for (int s = from; s < g->steps; s++) {
		const struct step *step = &g->step[s];
		int reachable = (!step->strict || !t || !t->gap || s == 0) && is_near(p, step, t);

		if (step->absent) {
			if (reachable && fits(p, s, t))
				return -2;
			continue;
		}
		if (t && t->waits)
			continue;
		if ((!step->strict || s == 0) && is_near(p, step, t))
			*open = 1;
		if (reachable && fits(p, s, t)) {
			if (!step->reluctant || step->min > 0)
				return s;
			reluctant = s;
		}
		if (step->min > 0)
			break;
	}
	return reluctant;
}

enum came { GOES_ON, ENDS, COMPLETE };

static enum came
advance(struct pattern *p, struct try *t)
{
	const struct program *g = &p->program;
	const struct step *s = &g->step[t->step];
	int enough = t->count >= s->min, more = !t->waits && t->count < s->max && (t->step == 0 || is_near(p, s, t)), open = 0, next = -1, again;
	int strict = s->strict && t->step > 0;

	if (enough && (next = next_step(p, t, t->step + 1, &open)) == -2)
		return ENDS;
	if (t->waits) {
		t->gap = 1;
		return GOES_ON;
	}
	again = more && (!strict || !t->gap) && fits(p, t->step, t);
	if (again && (next < 0 || !s->reluctant)) {
		take(p, t, t->step);
	} else if (next >= 0) {
		take(p, t, next);
	} else {
		t->gap = 1;
		return open || (more && !strict) ? GOES_ON : ENDS;
	}
	switch (fulfilled(g, t)) {
	case 1:
		return COMPLETE;
	case 2:
		await(p, t);
	}
	return GOES_ON;
}

/* A try that stands exactly where an older one stands would end with it, and the older one would be the match. */
static int
is_covered(const struct pattern *p, const struct try *t)
{
	if (p->program.skip != SKIP_PAST_LAST || p->program.within_ms >= 0 || p->program.any_gap || p->program.looks_back)
		return 0;
	for (const struct try *o = t->lane_before; o; o = o->lane_before)
		if (o->count == t->count && o->gap == t->gap && o->waits == t->waits)
			return 1;
	return 0;
}

static void
begin(struct pattern *p, struct key **key, struct str text, uint64_t hash)
{
	int open, step = next_step(p, NULL, 0, &open);
	struct try *t;

	if (step < 0)
		return;
	if (!*key)
		*key = key_add(p, text, hash);
	t = try_add(p, *key);
	take(p, t, step);
	switch (fulfilled(&p->program, t)) {
	case 1:
		complete(p, t);
		return;
	case 2:
		await(p, t);
	}
	if (is_covered(p, t))
		try_drop(p, t);
}

/* {"user_id":"u1"}, in the order of `by`: a number is another value than its text, but for ids. 0: a field is missing. */
static int
key_of(struct pattern *p, struct ahead *a)
{
	struct buf *b = &a->key;

	buf_clear(b);
	buf_byte(b, '{');
	for (int i = 0; i < p->program.n_by; i++) {
		struct json v = a->value[p->at_by[i]];

		if (v.type == JSON_NONE || v.type == JSON_NULL)
			return 0;
		if (i)
			buf_byte(b, ',');
		json_put_key(b, p->program.by[i]);
		if (json_is(v, JSON_STRING))
			json_put_string(b, json_text(v, &p->scratch));
		else if (json_is(v, JSON_NUMBER) && event_is_id(p->program.by[i]))
			json_put_string(b, json_raw(v));        /* the event's id is this text */
		else
			json_put_compact(b, v);
	}
	buf_byte(b, '}');
	return 1;
}

static void
give_up(struct pattern *p)
{
	while (p->used > p->memory && p->oldest) {
		struct key *k = p->oldest->key;

		if (p->figures.given_up++ == 0)
			cmd_say("more open matches than %zu MiB hold: the oldest are given up; a shorter 'within' or a narrower first step keeps them fewer",
			    p->memory >> 20);
		fail(p, p->oldest);
		if (!k->first)
			key_drop(p, k);
	}
}

static void
first_of_lanes(const struct pattern *p, const struct key *key, uint64_t steps, struct try **next)
{
	for (int s = 0; s < p->program.steps; s++)
		next[s] = p->program.any_strict || (p->matters[s] & steps) ? key->lane[s].first : NULL;
}

/* The tries of a key that the event can matter to, the earliest first. Returns where the search goes on, 0 without a match. */
static uint64_t
advance_all(struct pattern *p, struct key *key, uint64_t steps)
{
	const struct program *g = &p->program;
	struct try *next[STEPS_MOST];
	uint64_t on = 0, now = 0;
	int64_t until = p->row_ns ? time_cpu_ns() + p->row_ns : 0;
	unsigned looked = 0;
	int over = 0;

	first_of_lanes(p, key, steps, next);
	for (;;) {
		struct try *t = NULL;

		for (int s = 0; s < g->steps; s++) {
			while (next[s] && next[s]->turn == p->seq)
				next[s] = next[s]->lane_next;
			if (next[s] && (!t || next[s]->seq < t->seq))
				t = next[s];
		}
		if (!t)
			return on;
		next[t->step] = t->lane_next;
		t->turn = p->seq;
		if (until && !over && ++looked % LOOK_EACH == 0)
			over = time_cpu_ns() > until;
		p->figures.given_up += over;
		switch (over ? ENDS : advance(p, t)) {
		case GOES_ON:
			continue;
		case ENDS:
			now = fail(p, t);
			break;
		case COMPLETE:
			now = complete(p, t);
		}
		if (now && g->skip != SKIP_TO_NEXT) {
			on = now > on ? now : on;
			first_of_lanes(p, key, steps, next);    /* it ended others, too */
		}
	}
}

/* The row's turn has come. */
static int
use(struct pattern *p, const struct ahead *a, struct err *err)
{
	struct str text = buf_get(&a->key);
	struct key *key;
	uint64_t on = 0;

	move_clock(p, a->time);
	p->seq++;
	if (!a->has_key)
		return 0;
	key = key_find(p, text, a->hash);
	if (!key && !a->steps)
		return 0;
	if (a->steps && json_check(a->row, err))        /* it may become part of what comes out */
		return err->code;
	p->at = a, p->row = a->row, p->time = a->time, p->event = NULL;
	memset(p->fits, -1, sizeof(p->fits));
	if (key)
		on = advance_all(p, key, a->steps ? a->steps->bits : 0);
	if (on <= p->seq && a->steps)
		begin(p, &key, text, a->hash);
	if (key && !key->first)
		key_drop(p, key);
	p->event = NULL;
	give_up(p);
	return 0;
}

/* ---- what is known of a row before its turn */

static int
look_at(struct pattern *p, struct ahead *a, struct str row, struct err *err)
{
	struct json event;
	int rc;

	a->row = row;
	if ((rc = project_row(p->project, row, a->value, err)) || (rc = when_row(a->value[p->at_time], row, &p->scratch, &a->time, err)))
		return rc;
	event = a->value[p->at_event];
	if (!json_is(event, JSON_STRING))
		return err_set(err, ERR_INPUT, "no event row: \"event\" is missing, patterns are matched over events");
	a->steps = map_find(&p->names, json_text(event, &p->scratch));
	a->has_key = (a->steps || p->program.any_strict) && key_of(p, a);
	if (a->has_key)
		a->hash = str_hash(buf_get(&a->key));
	p->figures.keyed += a->has_key;
	p->figures.keyless += a->steps && !a->has_key;
	return 0;
}

/* The first key of this hash, without a look at it. */
static struct key *
key_guess(const struct pattern *p, uint64_t hash)
{
	for (size_t i = hash & (p->slots - 1); p->slot[i].key; i = (i + 1) & (p->slots - 1))
		if (p->slot[i].hash == hash)
			return p->slot[i].key;
	return NULL;
}

static struct ahead *
ahead_at(struct pattern *p, unsigned i)
{
	return &p->ahead[(p->first + i) % ROWS_AHEAD];
}

/* Each row is asked for in three turns: its slot, its key, its key's tries and the events they took. */
static void
fetch(struct pattern *p)
{
	const struct ahead *a = ahead_at(p, p->n_ahead - 1);
	struct key *key;

	if (a->has_key)
		__builtin_prefetch(&p->slot[a->hash & (p->slots - 1)]);
	if (p->n_ahead > 5 && (a = ahead_at(p, p->n_ahead - 6))->has_key && (key = key_guess(p, a->hash))) {
		__builtin_prefetch(key);
		__builtin_prefetch((char *)key + 64);
		__builtin_prefetch((char *)key + 128);
	}
	if (p->n_ahead > 9 && (a = ahead_at(p, p->n_ahead - 10))->has_key && (key = key_guess(p, a->hash))) {
		for (int i = 0; i < 3; i++) {
			__builtin_prefetch((const char *)key->first + 64 * i);
			__builtin_prefetch((const char *)key->last + 64 * i);
		}
	}
}

void
pattern_ahead(struct pattern *p, struct str row)
{
	struct err ignored = {0};

	if (p->late_ms || p->n_ahead == ROWS_AHEAD)
		return;
	row = str_trim(row);
	if (look_at(p, ahead_at(p, p->n_ahead), row, &ignored) == 0) {   /* what is wrong with it is told when its turn comes */
		p->n_ahead++;
		fetch(p);
	}
}

/* What is known of the row; NULL: it is wrong. What was looked at ahead and did not come is dropped. */
static const struct ahead *
known(struct pattern *p, struct str row, struct err *err)
{
	const struct ahead *a = NULL;

	while (p->n_ahead && !a) {
		if (p->ahead[p->first].row.p == row.p && p->ahead[p->first].row.n == row.n)
			a = &p->ahead[p->first];
		p->first = (p->first + 1) % ROWS_AHEAD;
		p->n_ahead--;
	}
	if (!a && look_at(p, &p->ahead[p->first], row, err) == 0)
		a = &p->ahead[p->first];
	return a;
}

/* ---- rows in order of time */

static int
is_before(const struct held *a, const struct held *b)
{
	return a->time != b->time ? a->time < b->time : a->seq < b->seq;
}

static void
hold(struct pattern *p, struct str row, int64_t time, uint64_t seq)
{
	struct held h = { time, seq, mem_dup(row.p, row.n), row.n };
	size_t i = p->n_held++;

	if (p->n_held > p->cap_held)
		p->held = mem_grow(p->held, p->cap_held = p->cap_held ? 2 * p->cap_held : 64, sizeof(*p->held));
	p->used += row.n + sizeof(h);
	for (; i > 0 && is_before(&h, &p->held[(i - 1) / 2]); i = (i - 1) / 2)
		p->held[i] = p->held[(i - 1) / 2];
	p->held[i] = h;
}

static struct held
unhold(struct pattern *p)
{
	struct held top = p->held[0], last = p->held[--p->n_held];
	size_t i = 0, child;

	for (; (child = 2 * i + 1) < p->n_held; i = child) {
		if (child + 1 < p->n_held && is_before(&p->held[child + 1], &p->held[child]))
			child++;
		if (!is_before(&p->held[child], &last))
			break;
		p->held[i] = p->held[child];
	}
	if (p->n_held)
		p->held[i] = last;
	p->used -= top.n + sizeof(top);
	return top;
}

/* Take the rows whose time is no later. */
static int
release(struct pattern *p, int64_t time, struct err *err)
{
	int rc = 0;

	while (rc == 0 && p->n_held && (p->held[0].time <= time || p->used > p->memory)) {
		struct held h = unhold(p);
		struct ahead *a = &p->ahead[p->first];

		if ((rc = look_at(p, a, (struct str){ h.text, h.n }, err)) == 0) {
			a->time = h.time;       /* also where it was the time of arrival */
			rc = use(p, a, err);
		}
		free(h.text);
	}
	return rc;
}

int
pattern_row(struct pattern *p, struct str row, struct err *err)
{
	const struct ahead *a;

	row = str_trim(row);
	if (!(a = known(p, row, err)))
		return err->code;
	if (a->time < p->clock) {
		p->figures.late++;
		return 0;
	}
	if (p->late_ms && json_check(row, err))         /* it may become part of what is saved */
		return err->code;
	p->greatest = a->time > p->greatest ? a->time : p->greatest;
	p->live = p->resumed = 0;
	if (!p->late_ms)
		return use(p, a, err);
	hold(p, row, a->time, p->held_seq++);
	return release(p, p->greatest - p->late_ms, err);
}

/* The newest row is of just now. */
static int
is_recent(const struct pattern *p, int64_t now)
{
	return p->greatest != TIME_NONE && p->greatest >= now - LIVE_MS && p->greatest <= now + LIVE_MS;
}

/* What goes on by its state may first get what came while nobody read: so the clock waits until the input had the time. */
static int
resumes_in(struct pattern *p)
{
	int64_t now = time_mono_ns();

	if (!p->resumed)
		return 0;
	if (!p->silent_since)
		p->silent_since = now;
	return (int)(RESUME_MS - (now - p->silent_since) / 1000000);
}

int
pattern_silence(struct pattern *p)
{
	int64_t now = time_now(), due = 0, back = p->late_ms > SILENT_MS ? p->late_ms : SILENT_MS;
	struct err ignored = {0};
	int ms;

	if (!p->live && !is_recent(p, now) && !(p->resumed && p->was_live))
		return -1;
	if ((ms = resumes_in(p)) > 0)
		return ms;
	p->live = 1;
	now -= back;
	release(p, now, &ignored);
	if (p->n_held)
		return (int)(p->held[0].time - now < 60000 ? p->held[0].time - now + 1 : 60000);
	/* no further than to what is due: a row that is on its way shall not be late */
	while (first_to_run_out(p, &due) && due < now)
		move_clock(p, due + 1);
	if (due == INT64_MAX)
		return -1;
	due += 1 - now;
	return (int)(due < 1 ? 1 : due < 60000 ? due : 60000);
}

void
pattern_pass(struct pattern *p, int64_t now)
{
	move_clock(p, now);
}

/* Nothing comes any more that could end what is complete, or fulfil what is open. */
int
pattern_finish(struct pattern *p, struct err *err)
{
	int rc = release(p, INT64_MAX, err);

	while (rc == 0 && p->oldest) {
		struct key *k = p->oldest->key;

		fail(p, p->oldest);
		if (!k->first)
			key_drop(p, k);
	}
	return rc;
}

void
pattern_figures(const struct pattern *p, struct pattern_figures *f)
{
	*f = p->figures;
}

/* ---- state: {"pattern","clock","greatest","events":[[SEQ,TIME,ROW],…],"tries":[[KEY,STEP,COUNT,GAP,WAITS,[EVENT,STEP,…]],…],
 * "held":[[TIME,SEQ,ROW],…],"live":true}. Tries stand in the order of their beginning; an event is named by its place in the list. WAITS: 1
 * for what must not come, 2 complete. */

void
pattern_save(const struct pattern *p, struct buf *out)
{
	struct map place = {0};         /* an event's address → its place */
	int64_t n = 0;

	buf_lit(out, "{\"pattern\":");
	json_put_string(out, str_of(p->program.text));
	buf_printf(out, ",\"clock\":%lld,\"greatest\":%lld,\"seq\":%llu,\"events\":[", (long long)p->clock, (long long)p->greatest, (unsigned long long)p->seq);
	for (const struct try *t = p->oldest; t; t = t->later)
		for (int i = 0; i < t->n; i++) {
			const struct kept *k = t->taken[i].event;
			int is_new;
			struct map_entry *e = map_put(&place, (struct str){ (const char *)&k, sizeof(k) }, &is_new);

			if (!is_new)
				continue;
			e->num = n++;
			buf_printf(out, "%s[%llu,%lld,", e->num ? "," : "", (unsigned long long)k->seq, (long long)k->time);
			buf_add(out, k->text, k->n);
			buf_byte(out, ']');
		}
	buf_lit(out, "],\"tries\":[");
	for (const struct try *t = p->oldest; t; t = t->later) {
		buf_lit(out, t->earlier ? ",[" : "[");
		buf_add(out, t->key->text, t->key->n);
		buf_printf(out, ",%d,%d,%d,%d,[", t->step, t->count, t->gap, t->complete ? 2 : t->waits);
		for (int i = 0; i < t->n; i++)
			buf_printf(out, "%s%lld,%d", i ? "," : "", (long long)map_find(&place, (struct str){ (const char *)&t->taken[i].event, sizeof(void *) })->num,
			    t->taken[i].step);
		buf_lit(out, "]]");
	}
	buf_lit(out, "],\"held\":[");
	for (size_t i = 0; i < p->n_held; i++) {
		buf_printf(out, "%s[%lld,%llu,", i ? "," : "", (long long)p->held[i].time, (unsigned long long)p->held[i].seq);
		buf_add(out, p->held[i].text, p->held[i].n);
		buf_byte(out, ']');
	}
	buf_printf(out, "],\"live\":%s}", p->live || (p->resumed && p->was_live) || is_recent(p, time_now()) ? "true" : "false");
	map_release(&place);
}

static int64_t
number_at(struct json list, int64_t i, int64_t least, int64_t most, int *bad)
{
	int64_t v = 0;

	if (!json_int64(json_index(list, i), &v) || v < least || v > most)
		*bad = 1;
	return *bad ? least : v;
}

static int
load_try(struct pattern *p, struct json v, struct kept **event, size_t events)
{
	int bad = 0, steps = p->program.steps;
	struct json key = json_index(v, 0), taken = json_index(v, 5);
	struct str text = json_raw(key);
	struct json_iter it = json_iter(taken);
	struct key *k;
	struct try *t;
	int64_t numbers[4];

	for (int i = 0; i < 4; i++)
		numbers[i] = number_at(v, 1 + i, 0, i == 0 ? steps - 1 : i == 1 ? INT_MAX : i == 2 ? 1 : 2, &bad);
	if (bad || !json_is(key, JSON_OBJECT) || !json_is(taken, JSON_ARRAY))
		return -1;
	if (!(k = key_find(p, text, str_hash(text))))
		k = key_add(p, text, str_hash(text));
	t = try_add(p, k);
	t->step = (int)numbers[0], t->count = (int)numbers[1], t->gap = (int)numbers[2], t->waits = numbers[3] == 1, t->complete = numbers[3] == 2;
	while (json_next(&it)) {
		int64_t e, step;

		if (!json_int64(it.value, &e) || e < 0 || (uint64_t)e >= events || !json_next(&it) || !json_int64(it.value, &step) || step < 0 || step >= steps)
			return -1;
		try_take(p, t, event[e], (int)step);
		if (t->n == 1 && !t->complete)
			lane_in(t);
	}
	if (t->complete && !t->before)          /* it would have come out */
		return -1;
	if (t->n && !t->complete)
		schedule(p, t);
	return t->n && (!t->earlier || t->earlier->seq <= t->seq) ? 0 : -1;
}

int
pattern_load(struct pattern *p, struct str text, struct err *err)
{
	struct json v = json_value(text);
	struct kept **event = NULL;
	size_t n = 0, cap = 0;
	int bad = json_check(text, err) != 0 || !json_is(v, JSON_OBJECT);
	int64_t clock, greatest, seq;

	if (!bad && !json_text_eq(json_get(v, STR("pattern")), str_of(p->program.text)))
		return err_set(err, ERR_INPUT, "it was saved by another pattern; another name begins anew");
	bad |= !json_int64(json_get(v, STR("clock")), &clock) || !json_int64(json_get(v, STR("greatest")), &greatest) ||
	    !json_int64(json_get(v, STR("seq")), &seq) || seq < 0;
	for (struct json_iter it = json_iter(json_get(v, STR("events"))); !bad && json_next(&it); ) {
		int64_t number = number_at(it.value, 0, 0, seq, &bad), time = number_at(it.value, 1, TIME_MIN, TIME_MAX, &bad);
		struct json row = json_index(it.value, 2);

		if (bad || (bad = !json_is(row, JSON_OBJECT)))
			break;
		if (n == cap)
			event = mem_grow(event, cap = cap ? 2 * cap : 64, sizeof(*event));
		event[n] = keep(p, json_raw(row), time, (uint64_t)number);
		event[n++]->refs = 1;           /* until all tries are there */
	}
	for (struct json_iter it = json_iter(json_get(v, STR("tries"))); !bad && json_next(&it); )
		bad = load_try(p, it.value, event, n);
	for (struct json_iter it = json_iter(json_get(v, STR("held"))); !bad && json_next(&it); ) {
		int64_t time = number_at(it.value, 0, TIME_MIN, TIME_MAX, &bad), number = number_at(it.value, 1, 0, INT64_MAX - 1, &bad);

		if (!bad && !(bad = !json_is(json_index(it.value, 2), JSON_OBJECT))) {
			hold(p, json_raw(json_index(it.value, 2)), time, (uint64_t)number);
			p->held_seq = (uint64_t)number >= p->held_seq ? (uint64_t)number + 1 : p->held_seq;
		}
	}
	for (size_t i = 0; i < n; i++)
		let_go(p, event[i]);
	free(event);
	if (bad)
		return err_set(err, ERR_INPUT, "what was saved is damaged; another name begins anew");
	p->clock = clock, p->greatest = greatest, p->seq = (uint64_t)seq;
	p->resumed = 1, p->was_live = json_get(v, STR("live")).type == JSON_TRUE;
	return 0;
}
