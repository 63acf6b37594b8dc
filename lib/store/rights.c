/* rights.c - reading under rights: chunks row by row, and the vocabulary of what is seen.
 *
 * The vocabulary that the store keeps counts everything, so under rights it is counted anew: chunk by chunk, each once for the
 * same rights as long as the first handle is open, since chunks never change; the tail each time. Costs one pass over the events, about
 * 1 µs each, the first time, and after that what came since. Rights that look at no event for it (by_name, all_names) need none.
 */
#include <pthread.h>
#include <stdlib.h>

#include "base/mem.h"
#include "codec/varint.h"
#include "store/store_priv.h"

#define VOCABS_MOST 64          /* rights whose vocabulary is kept; beyond them the one asked for longest ago goes */

void
store_restrict(struct store *s, const struct store_rights *rights)
{
	s->rights = rights;
}

const struct store_rights *
store_rights(const struct store *s)
{
	return s->rights;
}

void
store_mask(const struct store *s, struct str value, char out[STORE_MASK_LEN])
{
	static const char hex[] = "0123456789abcdef";
	struct buf text = { 0 };
	uint64_t hash[2];

	buf_lit(&text, "mask ");        /* so that it is no hash that anything else in the store shows */
	buf_str(&text, value);
	store_hash(s, buf_get(&text), hash);
	for (int i = 0; i < STORE_MASK_LEN; i++)
		out[i] = hex[hash[i / 16] >> (60 - 4 * (i % 16)) & 15];
	buf_release(&text);
}

/* ---- events */

unsigned
store_columns(unsigned skip)
{
	static const struct { unsigned skip; int column; } all[] = { { STORE_SKIP_RECEIVED, CHUNK_RECEIVED }, { STORE_SKIP_ID, CHUNK_ID },
		{ STORE_SKIP_USER, CHUNK_USER }, { STORE_SKIP_SESSION, CHUNK_SESSION }, { STORE_SKIP_PROPERTIES, CHUNK_PROPERTIES } };
	unsigned want = 0;

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		if (!(skip & all[i].skip))
			want |= 1u << all[i].column;
	return want;
}

void
store_seer_release(struct store_seer *seer, const struct store *s)
{
	if (s && s->rights)
		s->rights->close(seer->reader);
	chunk_release(&seer->chunk);
	*seer = (struct store_seer){ 0 };
}

int
store_seer_event(struct store_seer *seer, const struct store *s, struct event *ev, struct err *err)
{
	if (!seer->reader && !(seer->reader = s->rights->open(s->rights->self, s, err)))
		return err->code;
	return s->rights->event(seer->reader, ev, err);
}

static int
fetch(void *self, int column, int part, struct buf *out, struct err *err)
{
	const struct store_seer *seer = self;

	return store_snapshot_fetch(seer->snap, seer->id, column, part, out, err);
}

/* Which of the chunk's names are wanted and may be seen: 1 any. */
static int
names_seen(const struct store_snapshot *snap, const struct chunk *k, unsigned char *seen)
{
	const struct store_rights *rights = snap->s->rights;
	int any = 0;

	for (size_t i = 0; i < k->info.n_names; i++) {
		seen[i] = store_snapshot_name_wanted(snap, k->names[i].name) && rights->event_name(rights->self, k->names[i].name);
		any |= seen[i];
	}
	return any;
}

static int
see_rows(struct store_seer *seer, unsigned want, const unsigned char *seen, int (*each)(void *, const struct event *, struct err *), void *self,
    struct err *err)
{
	const struct store_range *range = &seer->snap->range;
	struct chunk *k = &seer->chunk;
	struct event ev;
	size_t end;
	int rc;

	if ((rc = chunk_load(k, CHUNK_TIME, err)) || (rc = chunk_load(k, CHUNK_SEQ, err)) || (rc = chunk_load(k, CHUNK_NAME, err)))
		return rc;
	end = store_first_not_before(k->time, k->info.n, range->to);
	for (size_t row = store_first_not_before(k->time, k->info.n, range->from); row < end; row++) {
		if (!seen[k->name[row] - 1])
			continue;
		if ((rc = chunk_row(k, row, want, &ev, err)) < 0 || (rc = store_seer_event(seer, seer->snap->s, &ev, err)) < 0)
			return rc;
		if (rc > 0 && (rc = each(self, &ev, err)) != 0)
			return rc;
	}
	return 0;
}

int
store_seer_chunk(struct store_seer *seer, const struct store_snapshot *snap, const struct store_source *from, unsigned want,
    int (*each)(void *, const struct event *, struct err *), void *self, struct err *err)
{
	struct chunk *k = &seer->chunk;
	unsigned char *seen = NULL;
	int rc;

	seer->snap = snap;
	seer->id = from->id;
	if ((rc = chunk_open(k, (struct str){ snap->headers.p + from->at, from->len }, fetch, seer, err)) == 0) {
		seen = mem_grow(NULL, k->info.n_names + 1, 1);
		if (names_seen(snap, k, seen))
			rc = see_rows(seer, want | store_columns(~snap->s->rights->needs), seen, each, self, err);
	}
	free(seen);
	return rc < 0 ? err_at(err, "%s: chunk %llu", snap->s->path, (unsigned long long)from->id) : rc;
}

/* ---- the vocabulary
 *
 * As events.c has it: 'n' name -> count, first, last; 'k' property key -> count. */

struct count { int64_t count, first, last; };

struct part {                           /* of one chunk */
	uint64_t chunk;
	struct map names;               /* -> struct count * of the arena */
	struct keys keys;
	struct arena *arena;
};

struct vocab {                          /* under one set of rights */
	uint64_t hash, asked;
	int users;
	pthread_mutex_t lock;           /* of the parts */
	struct part *part;              /* by chunk */
	size_t n, cap;
};

struct store_vocabs {
	pthread_mutex_t lock;           /* of what stands here, and of users and asked of each */
	struct vocab *one[VOCABS_MOST];
	int n;
	uint64_t asked;
};

static int
count_event(void *self, const struct event *ev, struct err *err)
{
	struct part *p = self;
	struct map_entry *e;
	struct count *c;
	int is_new;

	(void)err;
	e = map_put(&p->names, ev->name, &is_new);
	if (is_new) {
		e->ptr = arena_get(p->arena, sizeof(*c));
		*(struct count *)e->ptr = (struct count){ 0, ev->time, ev->time };
	}
	c = e->ptr;
	c->count++;
	c->first = ev->time < c->first ? ev->time : c->first;
	c->last = ev->time > c->last ? ev->time : c->last;
	keys_count(&p->keys, ev->properties);
	return 0;
}

static void
begin_part(struct part *p, uint64_t chunk)
{
	*p = (struct part){ .chunk = chunk, .arena = arena_new(0) };
}

static void
release_part(struct part *p)
{
	map_release(&p->names);
	keys_release(&p->keys);
	arena_free(p->arena);
}

static void
free_vocab(struct vocab *v)
{
	for (size_t i = 0; i < v->n; i++)
		release_part(&v->part[i]);
	pthread_mutex_destroy(&v->lock);
	free(v->part);
	free(v);
}

void
store_vocabs_free(struct store_vocabs *all)
{
	if (!all)
		return;
	for (int i = 0; i < all->n; i++)
		free_vocab(all->one[i]);
	pthread_mutex_destroy(&all->lock);
	free(all);
}

static struct store_vocabs *
vocabs_of(struct store *s)
{
	static pthread_mutex_t making = PTHREAD_MUTEX_INITIALIZER;
	struct store *of = s->of ? s->of : s;
	struct store_vocabs *all;

	pthread_mutex_lock(&making);
	if (!(all = of->vocabs)) {
		all = of->vocabs = mem_new(sizeof(*all));
		pthread_mutex_init(&all->lock, NULL);
	}
	pthread_mutex_unlock(&making);
	return all;
}

/* The one of these rights, locked; it stays until put_back. */
static struct vocab *
take(struct store_vocabs *all, uint64_t hash)
{
	struct vocab *v = NULL;
	int oldest = -1;

	pthread_mutex_lock(&all->lock);
	for (int i = 0; i < all->n; i++) {
		if (all->one[i]->hash == hash)
			v = all->one[i];
		else if (!all->one[i]->users && (oldest < 0 || all->one[i]->asked < all->one[oldest]->asked))
			oldest = i;
	}
	if (!v) {
		v = mem_new(sizeof(*v));
		v->hash = hash;
		pthread_mutex_init(&v->lock, NULL);
		if (all->n < VOCABS_MOST) {
			all->one[all->n++] = v;
		} else if (oldest >= 0) {
			free_vocab(all->one[oldest]);
			all->one[oldest] = v;
		}                       /* else all are in use: this one is for one time */
	}
	v->asked = ++all->asked;
	v->users++;
	pthread_mutex_unlock(&all->lock);
	pthread_mutex_lock(&v->lock);
	return v;
}

static void
put_back(struct store_vocabs *all, struct vocab *v)
{
	int kept = 0;

	pthread_mutex_unlock(&v->lock);
	pthread_mutex_lock(&all->lock);
	for (int i = 0; i < all->n; i++)
		kept |= all->one[i] == v;
	v->users--;
	pthread_mutex_unlock(&all->lock);
	if (!kept)
		free_vocab(v);
}

static struct part *
part_of(struct vocab *v, uint64_t chunk)
{
	size_t low = 0, high = v->n;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (v->part[middle].chunk < chunk)
			low = middle + 1;
		else
			high = middle;
	}
	return low < v->n && v->part[low].chunk == chunk ? &v->part[low] : NULL;
}

/* Chunks that are not counted yet. Those that are gone from the list are forgotten once they are the larger part. A damaged chunk
 * is passed over: who reads its rows is told. */
static int
count_chunks(struct vocab *v, const struct store_snapshot *snap, struct store_seer *seer, struct err *err)
{
	if (v->n > 2 * snap->n_sources + 16) {
		while (v->n)
			release_part(&v->part[--v->n]);
	}
	for (size_t i = 0; i < snap->n_sources; i++) {
		struct part p;
		size_t at;
		int rc;

		if (part_of(v, snap->source[i].id))
			continue;
		begin_part(&p, snap->source[i].id);
		if ((rc = store_seer_chunk(seer, snap, &snap->source[i], store_columns(~(unsigned)STORE_SKIP_PROPERTIES), count_event, &p, err)) < 0) {
			release_part(&p);
			if (rc != ERR_CORRUPT)
				return rc;
			err_clear(err);
			continue;
		}
		if (v->n == v->cap)
			v->part = mem_grow(v->part, v->cap = v->cap ? 2 * v->cap : 64, sizeof(*v->part));
		for (at = v->n; at && v->part[at - 1].chunk > p.chunk; at--)
			v->part[at] = v->part[at - 1];
		v->part[at] = p;
		v->n++;
	}
	return 0;
}

static void
add_part(struct part *sum, const struct part *p)
{
	for (struct map_entry *e = map_first(&p->names); e; e = map_next(&p->names, e)) {
		const struct count *c = e->ptr;
		struct map_entry *to;
		struct count *all;
		int is_new;

		to = map_put(&sum->names, e->key, &is_new);
		if (is_new)
			*(struct count *)(to->ptr = arena_get(sum->arena, sizeof(*all))) = (struct count){ 0, c->first, c->last };
		all = to->ptr;
		all->count += c->count;
		all->first = c->first < all->first ? c->first : all->first;
		all->last = c->last > all->last ? c->last : all->last;
	}
	keys_add(&sum->keys, &p->keys);
}

struct word { struct str key; struct count count; };

static int
by_key(const void *a, const void *b)
{
	return str_cmp(((const struct word *)a)->key, ((const struct word *)b)->key);
}

static void
put64(struct buf *b, int64_t v)
{
	for (int i = 0; i < 8; i++)
		buf_byte(b, (char)((uint64_t)v >> (8 * i)));
}

/* The names or keys of a part as text, in order of their bytes. */
static void
put_words(struct part *sum, char what, struct buf *out)
{
	struct word *word = mem_grow(NULL, sum->names.n + sum->keys.n + 1, sizeof(*word));
	struct buf scratch = { 0 }, key = { 0 }, value = { 0 };
	size_t n = 0;

	for (struct map_entry *e = map_first(&sum->names); what == 'n' && e; e = map_next(&sum->names, e))
		word[n++] = (struct word){ e->key, *(struct count *)e->ptr };
	for (size_t i = 0; what == 'k' && i < sum->keys.n; i++) {
		struct str text = keys_text(sum->keys.one[i].raw, &scratch);

		if (sum->keys.one[i].count && text.n <= STORE_KEY_MOST)
			word[n++] = (struct word){ { arena_dup(sum->arena, text.p, text.n), text.n }, { .count = sum->keys.one[i].count } };
	}
	qsort(word, n, sizeof(*word), by_key);
	for (size_t i = 0; i < n; i++) {
		if (i + 1 < n && str_eq(word[i].key, word[i + 1].key)) {        /* one key, written in two ways */
			word[i + 1].count.count += word[i].count.count;
			continue;
		}
		buf_clear(&key), buf_clear(&value);
		buf_byte(&key, what);
		buf_str(&key, word[i].key);
		put64(&value, word[i].count.count);
		if (what == 'n')
			put64(&value, word[i].count.first), put64(&value, word[i].count.last);
		varint_put_str(out, buf_get(&key));
		varint_put_str(out, buf_get(&value));
	}
	buf_release(&scratch), buf_release(&key), buf_release(&value);
	free(word);
}

int
store_rights_vocab(struct store *s, char what, struct buf *out, struct err *err)
{
	static const struct store_range all = { .from = TIME_MIN, .to = TIME_MAX + 1 };
	struct store_vocabs *vocabs = vocabs_of(s);
	struct store_snapshot snap;
	struct store_seer seer = { 0 };
	struct vocab *v = NULL;
	struct part sum;
	struct event ev;
	int rc;

	begin_part(&sum, 0);
	if ((rc = store_snapshot_take(&snap, s, &all, err)) < 0)
		goto out;
	v = take(vocabs, s->rights->hash);
	if ((rc = count_chunks(v, &snap, &seer, err)) < 0)
		goto out;
	for (size_t i = 0; i < snap.n_sources; i++) {
		const struct part *p = part_of(v, snap.source[i].id);

		if (p)
			add_part(&sum, p);
	}
	while ((rc = store_snapshot_tail(&snap, &ev, err)) > 0 || rc == ERR_CORRUPT) {
		if (rc < 0) {
			err_clear(err);         /* who reads the events is told */
			continue;
		}
		if (!s->rights->event_name(s->rights->self, ev.name))
			continue;
		if ((rc = store_seer_event(&seer, s, &ev, err)) < 0)
			break;
		if (rc)
			count_event(&sum, &ev, err);
	}
	if (rc == 0)
		put_words(&sum, what, out);
out:
	if (v)
		put_back(vocabs, v);
	store_seer_release(&seer, s);
	store_snapshot_release(&snap);
	release_part(&sum);
	return rc;
}
