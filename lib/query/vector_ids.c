/* vector_ids.c - values numbered by hash tables with open addressing.
 *
 * The new values of a batch are hashed first and looked up afterwards, a few ahead: bound by one miss of the cache for each
 * different value of a batch, and those overlap.
 */
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "query/vector_priv.h"

#define AHEAD       16          /* look-ups under way at once */
#define NARROW      131072      /* integers of a batch that span no more are numbered by an array */
#define NARROW_MOST 0x1p52       /* a real whose distance from the least of them is exact */
#define DIRECT_BITS 20          /* pairs by an array of up to 4 MiB */
#define NO_ID       UINT32_MAX

static uint64_t
fold(uint64_t a, uint64_t b)
{
	__uint128_t m = (__uint128_t)a * b;

	return (uint64_t)m ^ (uint64_t)(m >> 64);
}

/* Seeded as str_hash is, once for each process. */
static uint64_t
seed(void)
{
	static uint64_t drawn;
	uint64_t s = __atomic_load_n(&drawn, __ATOMIC_RELAXED);

	if (!s) {
		s = str_hash(STR("numbers")) | 1;
		__atomic_store_n(&drawn, s, __ATOMIC_RELAXED);
	}
	return s;
}

uint64_t
vector_hash_number(uint64_t v)
{
	uint64_t s = seed();

	return fold(v ^ s, fold(s ^ 0xe7037ed1a0b428dbu, v ^ 0xa0761d6478bd642fu) | 1);
}

/* ---- ids */

void
vector_ids_init(struct vector_ids *ids, int keep)
{
	*ids = (struct vector_ids){ .keep = keep, .n = 1, .room = SIZE_MAX };
}

void
vector_ids_release(struct vector_ids *ids)
{
	free(ids->slot);
	if (!ids->adopted)
		free(ids->cell);
	free(ids->used);
	arena_free(ids->texts);
	*ids = (struct vector_ids){ .n = 1, .room = SIZE_MAX };
}

size_t
vector_ids_held(const struct vector_ids *ids)
{
	return ids->slots * sizeof(*ids->slot) + ids->cell_cap * sizeof(*ids->cell) + (ids->texts ? arena_used(ids->texts) : 0) + ids->used_cap;
}

size_t
vector_ids_ahead(struct vector_ids *ids)
{
	size_t slots = ids->slots, cells = ids->cell_cap, n = 2 * (size_t)ids->n - ids->foretold;

	ids->foretold = ids->n;
	if (ids->adopted)
		return 0;
	while (slots && 2 * n >= slots)
		slots *= 2;
	while (cells && n >= cells)
		cells *= 2;
	return (slots > ids->slots ? slots : 0) * sizeof(*ids->slot) + (cells - ids->cell_cap) * sizeof(*ids->cell);
}

struct hashed { uint64_t hash; uint32_t more; };

static struct hashed
hash_cell(const struct cell *c)
{
	uint64_t bits;
	struct hashed h;

	switch (c->type) {
	case CELL_TEXT:
		return (struct hashed){ str_hash(c->text), (uint32_t)(str_hash_stable(c->text) >> 32) };
	case CELL_REAL:
		if (c->real == floor(c->real) && c->real >= -9223372036854775808.0 && c->real < 9223372036854775808.0)
			bits = (uint64_t)(int64_t)c->real;      /* 1.0 is 1 */
		else
			memcpy(&bits, &c->real, sizeof(bits)), bits ^= 0x5851f42d4c957f2du;
		break;
	default:
		bits = (uint64_t)c->integer;
	}
	h.hash = vector_hash_number(bits);
	h.more = (uint32_t)(fold(bits ^ 0x8ebc6af09c88c6e3u, h.hash | 1) >> 32);
	return h;
}

/* 0: there is no room for more. */
static int
grow_slots(struct vector_ids *ids)
{
	size_t cap = ids->slots ? 2 * ids->slots : 64;
	struct vector_ids_slot *slot;

	if (cap * sizeof(*slot) > ids->room) {
		ids->over = 1;
		return 0;
	}
	slot = mem_table(cap * sizeof(*slot));
	for (size_t i = 0; i < ids->slots; i++)
		if (ids->slot[i].id) {
			size_t k = ids->slot[i].hash & (cap - 1);

			while (slot[k].id)
				k = (k + 1) & (cap - 1);
			slot[k] = ids->slot[i];
		}
	free(ids->slot);
	ids->slot = slot;
	ids->room -= ids->room == SIZE_MAX ? 0 : (cap - ids->slots) * sizeof(*slot);
	ids->slots = cap;
	return 1;
}

static void
keep_cell(struct vector_ids *ids, uint32_t id, const struct cell *c)
{
	if (id >= ids->cell_cap) {
		ids->cell_cap = ids->cell_cap ? 2 * ids->cell_cap : 64;
		ids->cell = mem_grow(ids->cell, ids->cell_cap, sizeof(*ids->cell));
	}
	if (!ids->texts)
		ids->texts = arena_new(0);
	ids->cell[id] = *c;
	if (c->type == CELL_TEXT)
		ids->cell[id].text.p = arena_dup(ids->texts, c->text.p, c->text.n);
}

/* Numbers that were another's get values and a hash table of their own: something came that is not among them. */
static void
disown(struct vector_ids *ids)
{
	const struct cell *cell = ids->adopted;

	ids->adopted = NULL;
	ids->cell = NULL;
	for (uint32_t i = 1; i < ids->n; i++) {
		struct hashed h = hash_cell(&cell[i]);
		size_t k;

		while (2 * (size_t)ids->n >= ids->slots)
			if (!grow_slots(ids))
				return;
		for (k = h.hash & (ids->slots - 1); ids->slot[k].id; k = (k + 1) & (ids->slots - 1))
			;
		ids->slot[k] = (struct vector_ids_slot){ h.hash, h.more, i };
		if (ids->keep)
			keep_cell(ids, i, &cell[i]);
	}
}

static void
use(struct vector_ids *ids, uint32_t id)
{
	if (id >= ids->used_cap) {
		size_t cap = 2 * (size_t)id + 64;

		ids->used = mem_grow(ids->used, cap, 1);
		memset(ids->used + ids->used_cap, 0, cap - ids->used_cap);
		ids->used_cap = cap;
	}
	ids->used[id] = 1;
}

/* Two that are equal to SQL, but not the same: 1 and 1.0, 0.0 and -0.0. */
static int
is_same(const struct cell *a, const struct cell *b)
{
	return a->type == b->type && (a->type != CELL_REAL || memcmp(&a->real, &b->real, sizeof(a->real)) == 0);
}

static uint32_t
put_hashed(struct vector_ids *ids, const struct cell *c, struct hashed h)
{
	size_t k;

	if (ids->adopted)
		disown(ids);
	if (ids->over || (2 * (size_t)ids->n >= ids->slots && !grow_slots(ids)))
		return 0;
	for (k = h.hash & (ids->slots - 1); ids->slot[k].id; k = (k + 1) & (ids->slots - 1)) {
		struct vector_ids_slot *s = &ids->slot[k];

		if (s->hash == h.hash && s->more == h.more) {
			if (ids->keep && c->type != CELL_TEXT) {        /* of texts the hashes tell enough, whose seed nobody knows */
				if (vector_compare(&ids->cell[s->id], c) != 0 || (ids->exact && !is_same(&ids->cell[s->id], c)))
					continue;
				if (vector_stands_for(c, &ids->cell[s->id]))
					ids->cell[s->id] = *c;
			}
			if (ids->used)
				use(ids, s->id);
			return s->id;
		}
	}
	if (ids->used)
		use(ids, ids->n);
	ids->slot[k] = (struct vector_ids_slot){ h.hash, h.more, ids->n };
	if (ids->keep)
		keep_cell(ids, ids->n, c);
	return ids->n++;
}

uint32_t
vector_ids_find(const struct vector_ids *ids, const struct cell *c)
{
	struct hashed h;

	if (c->type == CELL_NULL || !ids->slots)
		return 0;
	h = hash_cell(c);
	for (size_t k = h.hash & (ids->slots - 1); ids->slot[k].id; k = (k + 1) & (ids->slots - 1)) {
		const struct vector_ids_slot *s = &ids->slot[k];

		if (s->hash == h.hash && s->more == h.more && (c->type == CELL_TEXT || !ids->keep || vector_compare(&ids->cell[s->id], c) == 0))
			return s->id;
	}
	return 0;
}

uint32_t
vector_ids_put(struct vector_ids *ids, const struct cell *c)
{
	if (c->type == CELL_NULL) {
		ids->null = 1;
		return 0;
	}
	return put_hashed(ids, c, hash_cell(c));
}

/* Codes of values that differ from each other are numbers already. */
static int
adopt(struct vector_ids *ids, const struct column *c, struct vector_rows rows, uint32_t *id)
{
	if (!c->unique || c->n_values < 2)
		return 0;
	if (ids->n == 1 && !ids->slots) {
		ids->adopted = c->value;
		ids->cell = (struct cell *)(uintptr_t)c->value;         /* read only, while they are another's */
		ids->n = c->n_values;
		use(ids, ids->n);
		ids->used[ids->n] = 0;
	}
	if (ids->adopted != c->value)
		return 0;
	for (size_t k = 0; k < rows.n; k++) {
		size_t i = vector_row(rows, k);

		id[i] = c->code[i];
		ids->used[c->code[i]] = 1;
	}
	ids->null |= ids->used[0];
	return 1;
}

/* The codes that the rows have, each looked up once. */
static void
map_codes(struct vector_ids *ids, struct vector_worker *w, const struct column *c, struct vector_rows rows, uint32_t *id)
{
	uint32_t *number = c->n_values <= VECTOR_ROWS ? vector_array(w, 4) : arena_get(w->arena, c->n_values * sizeof(*number));
	uint32_t *seen = c->n_values <= VECTOR_ROWS ? vector_array(w, 4) : arena_get(w->arena, c->n_values * sizeof(*seen)), n = 0;

	memset(number, 0xff, c->n_values * sizeof(*number));
	for (size_t k = 0; k < rows.n; k++) {
		uint32_t code = c->code[vector_row(rows, k)];

		if (number[code] == NO_ID) {
			number[code] = 0;
			seen[n++] = code;
		}
	}
	for (uint32_t from = 0; from < n; from += AHEAD) {
		struct hashed h[AHEAD];
		uint32_t end = n - from < AHEAD ? n - from : AHEAD;

		for (uint32_t k = 0; k < end; k++) {
			const struct cell *v = &c->value[seen[from + k]];

			if (v->type == CELL_NULL)
				continue;
			h[k] = hash_cell(v);
			if (ids->slots)
				__builtin_prefetch(&ids->slot[h[k].hash & (ids->slots - 1)]);
		}
		for (uint32_t k = 0; k < end; k++) {
			const struct cell *v = &c->value[seen[from + k]];

			if (v->type == CELL_NULL)
				ids->null = 1;
			else
				number[seen[from + k]] = put_hashed(ids, v, h[k]);
		}
	}
	for (size_t k = 0; k < rows.n; k++) {
		size_t i = vector_row(rows, k);

		id[i] = number[c->code[i]];
	}
}

/* Numbers without a fraction that are near each other, like those of floor(x / 10), are put once for each type and then found by their
 * place. */
static void
map_reals(struct vector_ids *ids, struct vector_worker *w, const struct column *c, struct vector_rows rows, uint32_t *id)
{
	double least = INFINITY, most = -INFINITY;
	uint32_t *number = NULL;
	size_t n = 0;

	for (size_t k = 0; k < rows.n; k++) {
		size_t i = vector_row(rows, k);

		if (vector_valid(c->valid, i)) {
			least = c->real[i] < least ? c->real[i] : least;
			most = c->real[i] > most ? c->real[i] : most;
		}
	}
	least = floor(least);
	if (least <= most && fabs(least) < NARROW_MOST && most - least < NARROW && most - least < 2 * (double)rows.n) {
		n = (size_t)(most - least) + 1;
		number = arena_get(w->arena, 2 * n * sizeof(*number));
		memset(number, 0xff, 2 * n * sizeof(*number));
	}
	for (size_t k = 0; k < rows.n; k++) {
		size_t i = vector_row(rows, k);
		double place = number && vector_valid(c->valid, i) ? c->real[i] - least : 0.5;
		uint32_t *to = place == (double)(size_t)place ? &number[(size_t)place + (vector_is_integer(c, i) ? n : 0)] : NULL;
		struct cell v;

		if (to && *to != NO_ID) {
			id[i] = *to;
			continue;
		}
		v = vector_cell(w, c, i);
		id[i] = vector_ids_put(ids, &v);
		if (to)
			*to = id[i];
	}
}

static void
map_integers(struct vector_ids *ids, struct vector_worker *w, const struct column *c, struct vector_rows rows, uint32_t *id)
{
	int64_t least = INT64_MAX, most = INT64_MIN;
	uint32_t *number = NULL;

	for (size_t k = 0; k < rows.n; k++) {
		size_t i = vector_row(rows, k);

		if (vector_valid(c->valid, i)) {
			least = c->integer[i] < least ? c->integer[i] : least;
			most = c->integer[i] > most ? c->integer[i] : most;
		}
	}
	if (least <= most && (uint64_t)most - (uint64_t)least < NARROW && (uint64_t)most - (uint64_t)least < 4 * rows.n) {
		size_t n = (size_t)(most - least) + 1;

		number = n <= VECTOR_ROWS ? vector_array(w, 4) : arena_get(w->arena, n * sizeof(*number));
		memset(number, 0xff, n * sizeof(*number));
	}
	for (size_t k = 0; k < rows.n; k++) {
		size_t i = vector_row(rows, k);
		struct cell v = cell_integer(c->integer[i]);

		if (!vector_valid(c->valid, i)) {
			ids->null = 1;
			id[i] = 0;
		} else if (!number) {
			id[i] = put_hashed(ids, &v, hash_cell(&v));
		} else {
			uint32_t *to = &number[v.integer - least];

			if (*to == NO_ID)
				*to = put_hashed(ids, &v, hash_cell(&v));
			id[i] = *to;
		}
	}
}

/* Never 0; 1 of NULL. */
static uint64_t
hash_part(const struct cell *c)
{
	return c->type == CELL_NULL ? 1 : c->type == CELL_TEXT ? str_hash(c->text) | 1 : hash_cell(c).hash | 1;
}

void
vector_ids_hash(struct vector_worker *w, const struct column *c, struct vector_rows rows, uint64_t *hash)
{
	uint64_t *of = NULL;
	struct cell v;

	if (c->form == COLUMN_CODES) {
		of = arena_get(w->arena, c->n_values * sizeof(*of));
		memset(of, 0, c->n_values * sizeof(*of));       /* 0: not looked at */
	}
	for (size_t k = 0; k < rows.n; k++) {
		size_t i = vector_row(rows, k);
		uint64_t one = 1;               /* NULL, which also has a place */

		if (of) {
			uint64_t *known = &of[c->code[i]];

			if (!*known)
				*known = hash_part(&c->value[c->code[i]]);
			one = *known;
		} else if (c->form == COLUMN_INTEGER && vector_valid(c->valid, i)) {
			v = cell_integer(c->integer[i]);
			one = hash_part(&v);
		} else if (c->form == COLUMN_REAL && vector_valid(c->valid, i)) {
			v = cell_real(c->real[i]);
			one = hash_part(&v);
		}
		hash[i] = fold(hash[i] ^ one, 0x9e3779b97f4a7c15u);
	}
}

struct vector_rows
vector_ids_part(struct vector_worker *w, const struct vector_part *part, const struct column *column, int n_columns, struct vector_rows rows)
{
	uint64_t *hash = vector_array(w, 8);
	uint32_t *row = vector_array(w, 4);
	size_t n = 0;

	for (size_t k = 0; k < rows.n; k++)
		hash[vector_row(rows, k)] = 0;
	for (int k = 0; k < n_columns; k++)
		vector_ids_hash(w, &column[k], rows, hash);
	for (size_t k = 0; k < rows.n; k++) {
		size_t i = vector_row(rows, k);

		if ((hash[i] >> 32) * part->n >> 32 == part->at)
			row[n++] = (uint32_t)i;
	}
	return (struct vector_rows){ row, n };
}

void
vector_ids_map(struct vector_ids *ids, struct vector_worker *w, const struct column *c, struct vector_rows rows, uint32_t *id)
{
	switch (c->form) {
	case COLUMN_CODES:
		if (!adopt(ids, c, rows, id))
			map_codes(ids, w, c, rows, id);
		break;
	case COLUMN_INTEGER:
		ids->instant |= c->instant;
		map_integers(ids, w, c, rows, id);
		break;
	case COLUMN_REAL:
		map_reals(ids, w, c, rows, id);
		break;
	default:
		ids->null |= rows.n > 0;
		for (size_t k = 0; k < rows.n; k++)
			id[vector_row(rows, k)] = 0;
	}
}

uint32_t *
vector_ids_merge(struct vector_ids *ids, const struct vector_ids *from)
{
	uint32_t *number = mem_new((size_t)from->n * sizeof(*number));

	ids->null |= from->null;
	ids->instant |= from->instant;
	if (from->adopted && ids->n == 1 && !ids->slots) {
		ids->adopted = from->adopted;
		ids->cell = from->cell;
		ids->n = from->n;
		use(ids, ids->n);
		ids->used[ids->n] = 0;
	}
	if (from->adopted) {
		for (uint32_t i = 1; i < from->n; i++) {
			if (ids->adopted == from->adopted)
				number[i] = i, ids->used[i] |= from->used[i];
			else if (from->used[i])
				number[i] = put_hashed(ids, &from->cell[i], hash_cell(&from->cell[i]));
		}
		return number;
	}
	for (size_t at = 0; at < from->slots; at += AHEAD) {
		size_t end = at + AHEAD < from->slots ? at + AHEAD : from->slots;

		for (size_t i = at; ids->slots && i < end; i++)
			if (from->slot[i].id)
				__builtin_prefetch(&ids->slot[from->slot[i].hash & (ids->slots - 1)]);
		for (size_t i = at; i < end; i++) {
			const struct vector_ids_slot *s = &from->slot[i];
			struct hashed h = { s->hash, s->more };

			if (s->id && (!from->used || from->used[s->id]))
				number[s->id] = put_hashed(ids, ids->keep ? &from->cell[s->id] : NULL, h);
		}
	}
	return number;
}

static int
has_hashed(const struct vector_ids *ids, uint64_t hash, uint32_t more)
{
	size_t k;

	for (k = hash & (ids->slots - 1); ids->slot[k].id; k = (k + 1) & (ids->slots - 1))
		if (ids->slot[k].hash == hash && ids->slot[k].more == more)
			return 1;
	return 0;
}

size_t
vector_ids_different(const struct vector_ids *const *ids, int n)
{
	const struct vector_ids *last = ids[n - 1];
	size_t many = 0;

	for (size_t at = 0; at < last->slots; at += AHEAD) {
		size_t end = at + AHEAD < last->slots ? at + AHEAD : last->slots;

		for (size_t i = at; i < end; i++)
			for (int k = 0; last->slot[i].id && k < n - 1; k++)
				if (ids[k]->slots)
					__builtin_prefetch(&ids[k]->slot[last->slot[i].hash & (ids[k]->slots - 1)]);
		for (size_t i = at; i < end; i++) {
			int known = !last->slot[i].id;

			for (int k = 0; !known && k < n - 1; k++)
				known = ids[k]->slots && has_hashed(ids[k], last->slot[i].hash, last->slot[i].more);
			many += !known;
		}
	}
	return many;
}

/* ---- pairs */

void
vector_pairs_release(struct vector_pairs *p)
{
	free(p->pair), free(p->direct), free(p->slot);
	*p = (struct vector_pairs){ 0 };
}

size_t
vector_pairs_held(const struct vector_pairs *p)
{
	return p->cap * sizeof(*p->pair) + (p->direct ? sizeof(uint32_t) << (p->left_bits + p->right_bits) : 0) + p->slots * sizeof(*p->slot);
}

static uint32_t
new_pair(struct vector_pairs *p, uint32_t left, uint32_t right)
{
	if (p->n == p->cap)
		p->pair = mem_grow(p->pair, p->cap = p->cap ? 2 * p->cap : 64, sizeof(*p->pair));
	p->pair[p->n].left = left;
	p->pair[p->n].right = right;
	return p->n++;
}

static size_t
slot_of(const struct vector_pairs *p, uint64_t key)
{
	size_t k = vector_hash_number(key) & (p->slots - 1);

	while (p->slot[k].number && p->slot[k].key != key)
		k = (k + 1) & (p->slots - 1);
	return k;
}

static void
rehash(struct vector_pairs *p)
{
	p->slots = p->slots ? 2 * p->slots : 64;
	while (p->slots < 2 * (size_t)p->n)
		p->slots *= 2;
	free(p->slot);
	p->slot = mem_table(p->slots * sizeof(*p->slot));
	for (uint32_t i = 0; i < p->n; i++) {
		uint64_t key = (uint64_t)p->pair[i].left << 32 | p->pair[i].right;

		p->slot[slot_of(p, key)] = (struct vector_pairs_slot){ key, i + 1 };
	}
}

static uint32_t
put_slot(struct vector_pairs *p, uint32_t left, uint32_t right)
{
	uint64_t key = (uint64_t)left << 32 | right;
	size_t k;

	if (2 * (size_t)p->n >= p->slots)
		rehash(p);
	k = slot_of(p, key);
	if (!p->slot[k].number)
		p->slot[k] = (struct vector_pairs_slot){ key, new_pair(p, left, right) + 1 };
	return p->slot[k].number - 1;
}

static unsigned
bits_for(uint32_t n)
{
	unsigned bits = 0;

	while (bits < 32 && n > 1u << bits)
		bits++;
	return bits;
}

/* Is there an array for so many? Else the hash table is ready. */
static int
aim(struct vector_pairs *p, uint32_t n_left, uint32_t n_right)
{
	if (!p->slot && (!p->direct || n_left > 1u << p->left_bits || n_right > 1u << p->right_bits)) {
		unsigned left = bits_for(n_left), right = bits_for(n_right);

		if (p->n) {             /* once more is seen, still more is to come */
			left += left > p->left_bits;
			right += right > p->right_bits;
		}
		free(p->direct);
		p->direct = NULL;
		if (left + right <= DIRECT_BITS) {
			p->left_bits = left, p->right_bits = right;
			p->direct = mem_table(sizeof(uint32_t) << (left + right));
			for (uint32_t i = 0; i < p->n; i++)
				p->direct[(size_t)p->pair[i].left << right | p->pair[i].right] = i + 1;
		} else {
			rehash(p);
		}
	}
	return p->direct != NULL;
}

void
vector_pairs_map(struct vector_pairs *p, const uint32_t *left, uint32_t n_left, const uint32_t *right, uint32_t n_right, struct vector_rows rows, uint32_t *out)
{
	if (aim(p, n_left, n_right)) {
		for (size_t k = 0; k < rows.n; k++) {
			size_t i = vector_row(rows, k);
			uint32_t *number = &p->direct[(size_t)left[i] << p->right_bits | right[i]];

			if (!*number)
				*number = new_pair(p, left[i], right[i]) + 1;
			out[i] = *number - 1;
		}
		return;
	}
	for (size_t k = 0; k < rows.n; k++) {
		size_t i = vector_row(rows, k);

		out[i] = put_slot(p, left[i], right[i]);
	}
}

uint32_t
vector_pairs_put(struct vector_pairs *p, uint32_t left, uint32_t right)
{
	if (!p->slot) {
		free(p->direct);
		p->direct = NULL;
		rehash(p);
	}
	return put_slot(p, left, right);
}

/* ---- sets */

void
vector_set_release(struct vector_set *s)
{
	free(s->slot);
	*s = (struct vector_set){ 0 };
}

static void
put_in_slot(uint32_t *slot, uint32_t cap, uint32_t id)
{
	uint32_t k = (id * 0x9e3779b1u >> 7) & (cap - 1);

	while (slot[k])
		k = (k + 1) & (cap - 1);
	slot[k] = id;
}

static void
make_dense(struct vector_set *s, uint32_t words, size_t *held)
{
	uint64_t *bits = mem_new((size_t)words * sizeof(*bits));

	*held += words * sizeof(*bits);
	if (s->dense) {
		memcpy(bits, s->bits, s->cap * sizeof(*bits));
		*held -= s->cap * sizeof(*bits);
	} else {
		for (uint32_t k = 0; k < s->cap; k++)
			if (s->slot[k])
				bits[s->slot[k] / 64] |= 1ULL << (s->slot[k] % 64);
		*held -= s->cap * sizeof(*s->slot);
	}
	free(s->slot);
	s->bits = bits;
	s->cap = words;
	s->dense = 1;
}

int
vector_set_add_slow(struct vector_set *s, uint32_t id, uint32_t n_ids, size_t *held)
{
	uint32_t k, *slot, cap;

	if (!s->dense && 2 * s->n >= s->cap && s->cap >= 64 && (uint64_t)s->cap * 64 >= n_ids)      /* twice the slots would take as much as bits do */
		make_dense(s, n_ids / 64 + n_ids / 256 + 2, held);
	if (s->dense) {
		if (id / 64 >= s->cap)
			make_dense(s, (id > n_ids ? id : n_ids) / 64 + id / 256 + 2, held);
		return vector_set_add(s, id, n_ids, held);
	}
	if (2 * s->n >= s->cap) {
		cap = s->cap ? 2 * s->cap : 4;
		slot = mem_new(cap * sizeof(*slot));
		for (k = 0; k < s->cap; k++)
			if (s->slot[k])
				put_in_slot(slot, cap, s->slot[k]);
		*held += (cap - s->cap) * sizeof(*slot);
		free(s->slot);
		s->slot = slot;
		s->cap = cap;
	}
	for (k = (id * 0x9e3779b1u >> 7) & (s->cap - 1); s->slot[k]; k = (k + 1) & (s->cap - 1))
		if (s->slot[k] == id)
			return 0;
	s->slot[k] = id;
	s->n++;
	return 1;
}

void
vector_set_each(const struct vector_set *s, void (*each)(void *, uint32_t), void *self)
{
	for (uint32_t k = 0; k < s->cap; k++) {
		if (!s->dense) {
			if (s->slot[k])
				each(self, s->slot[k]);
			continue;
		}
		for (uint64_t word = s->bits[k]; word; word &= word - 1)
			each(self, k * 64 + (uint32_t)__builtin_ctzll(word));
	}
}
