/* An array of n numbers, as bytes. n is not in it; 0 numbers are 0 bytes, codes < 1 too. It begins with one of these bytes; 177…252
 * are none of them, and entropy.c has 200…203.
 *
 *      linear  253  first step              v[i] = first + i * step (a constant: step 0)
 *      runs    254  n len frames frames     n runs: their values (len bytes of frames), their lengths - 1
 *      frames  for each 1,024 numbers, the last of which may be fewer:
 *
 *              kind first [step] [least] bits                                     kind = order * 59 + width, width 58 stands for 64
 *              255 kind first [step] [least] bits  count above places parts       the same, patched
 *
 *              order 0: first is the least number, and the numbers - first are in the bits
 *              order 1: first is the first number, least the least difference, and the differences - least are in the bits
 *              order 2: likewise with the first difference, step, and the differences of differences
 *
 * first, step and least are signed varints (varint.h), as is n and len unsigned; `first` is told as its distance from the last
 * number of the frame before (from 0 in the first). Bits: see integers_priv.h.
 *
 * A patched frame has bits for most of its numbers, and `count` (a byte, 1…255) that do not fit: their indexes (10 bits each) and
 * what is above their low bits (`above` bits each, written like width). A number far below the others is one of these: it wraps
 * around to the far end.
 */
#include "codec/integers.h"

#include <stdlib.h>

#include "base/mem.h"
#include "codec/integers_priv.h"
#include "codec/varint.h"

#define FRAME   1024
#define WIDTHS  59              /* 0…57, and 64 */
#define LINEAR  253
#define RUNS    254
#define PATCHED 255
#define PATCHES 255             /* of a frame at most */
#define PLACE   10              /* bits of an index in a frame */
#define SAMPLE  8               /* every 8th number is looked at before a patched frame is thought of */

static unsigned
bits_of(uint64_t v)                                     /* a width: 0…57, 64 */
{
	unsigned bits = v ? 64 - (unsigned)__builtin_clzll(v) : 0;

	return bits > INTEGERS_WIDEST ? 64 : bits;
}

static unsigned
index_of(unsigned width)
{
	return width == 64 ? WIDTHS - 1 : width;
}

static unsigned
width_of(unsigned index)
{
	return index == WIDTHS - 1 ? 64 : index;
}

static size_t
signed_size(uint64_t v)                                 /* of a signed varint */
{
	uint64_t u = v << 1 ^ (0 - (v >> 63));

	return u ? (size_t)(63 - __builtin_clzll(u)) / 7 + 1 : 1;
}

/* ---- choosing ---- */

struct plan {
	size_t size;                    /* bytes; SIZE_MAX: none yet */
	unsigned order, width, above, patches;
	uint64_t base;                  /* of the bits */
};

struct frame {
	const uint64_t *v;              /* n numbers */
	size_t n;
	uint64_t before;                /* the number before them */
	const uint64_t *rest[3];        /* what is packed, for each order: n - order of them */
};

static size_t
head_size(const struct frame *f, unsigned order, uint64_t base)
{
	if (order == 0)
		return 1 + signed_size(base - f->before);
	return 1 + signed_size(f->v[0] - f->before) + signed_size(base) + (order == 2 ? signed_size(f->v[1] - f->v[0]) : 0);
}

static void
offer(struct plan *best, size_t size, unsigned order, unsigned width, unsigned above, unsigned patches, uint64_t base)
{
	if (size < best->size)
		*best = (struct plan){ size, order, width, above, patches, base };
}

/* The best patched frame of this order and base is offered. Gives the width that most numbers have, and how many are less wide. */
static unsigned
offer_patched(struct plan *best, const struct frame *f, unsigned order, uint64_t base, size_t *below)
{
	uint32_t count[65];
	size_t n = f->n - order, head = head_size(f, order, base) + 3, patches = 0;
	unsigned widest = 64, usual = 0;

	integers_priv_used->count(f->rest[order], n, 1, base, count);
	while (widest && !count[widest])
		widest--;
	for (unsigned width = widest; width-- > 0; ) {
		unsigned above = widest - width > INTEGERS_WIDEST ? 64 : widest - width;

		if ((patches += count[width + 1]) > PATCHES)
			break;
		if (width <= INTEGERS_WIDEST)
			offer(best, head + integers_priv_bytes(n, width) + integers_priv_bytes(patches, PLACE) + integers_priv_bytes(patches, above),
			    order, width, above, (unsigned)patches, base);
	}
	for (unsigned k = 0; k <= widest; k++)
		usual = count[k] > count[usual] ? k : usual;
	*below = 0;
	for (unsigned k = 0; k < usual; k++)
		*below += count[k];
	return usual;
}

/* About how many bits a patched frame of this order would take, by a few of its numbers: outliers are mostly not among them. */
static size_t
patched_bits(const struct frame *f, unsigned order)
{
	const uint64_t *v = f->rest[order];
	uint32_t count[65];
	size_t n = f->n - order, patches = 0, least_bits = SIZE_MAX;
	int64_t least = INT64_MAX;
	unsigned widest = 64;

	for (size_t i = 0; i < n; i += SAMPLE)
		least = (int64_t)v[i] < least ? (int64_t)v[i] : least;
	integers_priv_used->count(v, n, SAMPLE, (uint64_t)least, count);
	while (widest && !count[widest])
		widest--;
	for (unsigned width = widest; patches * SAMPLE <= PATCHES + SAMPLE; width--) {
		size_t bits = n * width + patches * SAMPLE * (PLACE + widest - width);

		least_bits = bits < least_bits ? bits : least_bits;
		if (width == 0)
			break;
		patches += count[width];
	}
	return least_bits + 8 * (head_size(f, order, (uint64_t)least) + 3 + 4);         /* one patch at least */
}

/* The least of those that lie 2^(width-1) or more above base. */
static uint64_t
least_beyond(const uint64_t *v, size_t n, uint64_t base, unsigned width)
{
	uint64_t least = UINT64_MAX, from = (uint64_t)1 << (width - 1);

	for (size_t i = 0; i < n; i++) {
		uint64_t u = v[i] - base;

		least = u >= from && u < least ? u : least;
	}
	return base + least;
}

/* The sizes of unpatched frames are known from the least and the greatest. What patches can do takes looking at each number: this
 * is done for one order, if a sample says that it may be smaller. */
static void
choose(const struct frame *f, const struct integers_measure *m, struct plan *best)
{
	unsigned orders = f->n < 3 ? (unsigned)f->n : 3, patched = 0;
	size_t least_bits = SIZE_MAX, below;
	uint64_t base;

	best->size = SIZE_MAX;
	for (unsigned order = 0; order < orders; order++) {
		unsigned width = bits_of((uint64_t)m->most[order] - (uint64_t)m->least[order]);

		base = (uint64_t)m->least[order];
		offer(best, head_size(f, order, base) + integers_priv_bytes(f->n - order, width), order, width, 0, 0, base);
	}
	if (best->width == 0)
		return;
	for (unsigned order = 0; order < orders; order++) {
		size_t bits = patched_bits(f, order);

		if (bits < least_bits)
			least_bits = bits, patched = order;
	}
	if (least_bits < 8 * best->size) {
		unsigned usual = offer_patched(best, f, patched, base = (uint64_t)m->least[patched], &below);

		if (below && below <= PATCHES)  /* few far below: rather those are the outliers */
			offer_patched(best, f, patched, least_beyond(f->rest[patched], f->n - patched, base, usual), &below);
	}
}

/* ---- frames ---- */

static void
put_frame(struct buf *b, const struct frame *f, const struct plan *plan)
{
	const uint64_t *v = f->rest[plan->order];
	size_t n = f->n - plan->order, k;
	uint64_t places[PATCHES + 4] MEM_RAW, parts[PATCHES + 4] MEM_RAW;
	unsigned char *p;

	if (plan->patches)
		buf_byte(b, (char)PATCHED);
	buf_byte(b, (char)(plan->order * WIDTHS + index_of(plan->width)));
	varint_put_signed(b, (int64_t)((plan->order ? f->v[0] : plan->base) - f->before));
	if (plan->order == 2)
		varint_put_signed(b, (int64_t)(f->v[1] - f->v[0]));
	if (plan->order)
		varint_put_signed(b, (int64_t)plan->base);
	p = (unsigned char *)buf_room(b, plan->size + 3 * INTEGERS_SLACK);
	p = integers_priv_pack(p, plan->width, plan->base, v, n);
	if (plan->patches) {
		k = integers_priv_used->part(v, n, plan->width, plan->base, places, parts);
		*p++ = (unsigned char)plan->patches;
		*p++ = (unsigned char)index_of(plan->above);
		p = integers_priv_pack(p, PLACE, 0, places, k);
		p = integers_priv_pack(p, plan->above, 0, parts, k);
	}
	b->n = (size_t)((char *)p - b->p);
}

/* Append the frames of n numbers, or of codes where v is NULL; b NULL: only count. Gives their bytes, and how many numbers differ
 * from the one before. */
static size_t
put_frames(struct buf *b, const uint64_t *v, const uint32_t *codes, size_t n, size_t *changes)
{
	uint64_t copy[FRAME] MEM_RAW, first[FRAME] MEM_RAW, second[FRAME] MEM_RAW, *difference[2] = { first, second }, before = 0;
	size_t bytes = 0;

	*changes = 0;
	for (size_t at = 0, m; at < n; at += m) {
		struct frame f;
		struct integers_measure measure;
		struct plan plan;

		m = n - at < FRAME ? n - at : FRAME;
		for (size_t i = 0; !v && i < m; i++)
			copy[i] = codes[at + i];
		f = (struct frame){ v ? v + at : copy, m, before, { v ? v + at : copy, first, second } };
		integers_priv_used->measure(f.v, m, difference, &measure);
		*changes += m - 1 - measure.repeats + (at && f.v[0] != before);
		choose(&f, &measure, &plan);
		bytes += plan.size;
		if (b)
			put_frame(b, &f, &plan);
		before = f.v[m - 1];
	}
	return bytes;
}

/* `width` packed numbers off the front, with INTEGERS_SLACK bytes behind them: where they are, or copied into `room`. NULL: cut short. */
static const unsigned char *
take_bits(struct str *rest, size_t n, unsigned width, unsigned char *room)
{
	size_t len = integers_priv_bytes(n, width);
	const unsigned char *p = (const unsigned char *)rest->p;

	if (len > rest->n)
		return NULL;
	if (rest->n - len < INTEGERS_SLACK) {
		memcpy(room, p, len);
		memset(room + len, 0, INTEGERS_SLACK);
		p = room;
	}
	rest->p += len;
	rest->n -= len;
	return p;
}

static int
take_byte(struct str *rest)
{
	if (rest->n == 0)
		return -1;
	rest->n--;
	return (unsigned char)*rest->p++;
}

static int
take_signed(struct str *rest, uint64_t *v)
{
	int64_t s;

	if (varint_take_signed(rest, &s) < 0)
		return -1;
	*v = (uint64_t)s;
	return 0;
}

struct head { unsigned order, width; int patched; uint64_t first, step, base; };

static int
take_head(struct str *rest, size_t n, uint64_t before, struct head *h)
{
	int kind = take_byte(rest);

	*h = (struct head){ .patched = kind == PATCHED };
	if (h->patched)
		kind = take_byte(rest);
	if (kind < 0 || kind >= 3 * WIDTHS)
		return -1;
	h->order = (unsigned)kind / WIDTHS;
	h->width = width_of((unsigned)kind % WIDTHS);
	if (n <= h->order || (h->patched && h->width == 64) || take_signed(rest, &h->first) < 0 ||
	    (h->order == 2 && take_signed(rest, &h->step) < 0) || (h->order && take_signed(rest, &h->base) < 0))
		return -1;
	h->first += before;
	if (h->order == 0)
		h->base = h->first;
	return 0;
}

struct room { _Alignas(32) unsigned char bytes[8 * FRAME + INTEGERS_SLACK]; };

static int
take_patches(struct str *rest, uint64_t *v, size_t n, unsigned width, struct room *room)
{
	uint64_t places[PATCHES] MEM_RAW, parts[PATCHES] MEM_RAW;
	int count = take_byte(rest), above = take_byte(rest);
	const unsigned char *p;

	if (count <= 0 || above < 0 || above >= WIDTHS)
		return -1;
	if (!(p = take_bits(rest, (size_t)count, PLACE, room->bytes)))
		return -1;
	integers_priv_used->unpack(p, PLACE, 0, places, (size_t)count);
	if (!(p = take_bits(rest, (size_t)count, width_of((unsigned)above), room->bytes)))
		return -1;
	integers_priv_used->unpack(p, width_of((unsigned)above), 0, parts, (size_t)count);
	for (int k = 0; k < count; k++) {
		if (places[k] >= n)
			return -1;
		v[places[k]] += parts[k] << width;
	}
	return 0;
}

/* The next n <= FRAME numbers. */
static int
take_frame(struct str *rest, uint64_t *out, size_t n, uint64_t before, struct room *room)
{
	struct head h;
	const unsigned char *p;
	uint64_t *v;

	if (take_head(rest, n, before, &h) < 0)
		return -1;
	v = out + h.order;
	if (!(p = take_bits(rest, n - h.order, h.width, room->bytes)))
		return -1;
	integers_priv_used->unpack(p, h.width, h.base, v, n - h.order);
	if (h.patched && take_patches(rest, v, n - h.order, h.width, room) < 0)
		return -1;
	if (h.order == 0)
		return 0;
	if (h.order == 2) {
		out[1] = h.step;
		integers_priv_used->sum(out + 1, n - 1, 0);
	}
	out[0] = h.first;
	integers_priv_used->sum(out, n, 0);
	return 0;
}

/* ---- arrays ---- */

static size_t
unsigned_size(uint64_t v)
{
	return v ? (size_t)(63 - __builtin_clzll(v)) / 7 + 1 : 1;
}

/* The runs of an array of r of them, if those take fewer than `bytes`: their size, appended to b unless NULL; else 0. */
static size_t
put_runs(struct buf *b, const uint64_t *v, const uint32_t *codes, size_t n, size_t r, size_t bytes)
{
	uint64_t *value = mem_grow(NULL, 2 * r, sizeof(*value)), *length = value + r;
	size_t k = 0, begin = 0, values, size, none;

#define AT(i) (v ? v[i] : codes[i])
	for (size_t i = 1; i <= n; i++)
		if (i == n || AT(i) != AT(i - 1)) {
			value[k] = AT(begin);
			length[k++] = i - begin - 1;
			begin = i;
		}
#undef AT
	values = put_frames(NULL, value, NULL, r, &none);
	size = 1 + unsigned_size(r) + unsigned_size(values) + values + put_frames(NULL, length, NULL, r, &none);
	if (size >= bytes) {
		size = 0;
	} else if (b) {
		buf_byte(b, (char)RUNS);
		varint_put(b, r);
		varint_put(b, values);
		put_frames(b, value, NULL, r, &none);
		put_frames(b, length, NULL, r, &none);
	}
	free(value);
	return size;
}

static int
is_linear(const uint64_t *v, const uint32_t *codes, size_t n)
{
	if (n < 3)
		return 0;
	if (v)
		for (size_t i = 2; i < n; i++) {
			if (v[i] - v[i - 1] != v[1] - v[0])
				return 0;
		}
	else
		for (size_t i = 2; i < n; i++)
			if (codes[i] - codes[i - 1] != codes[1] - codes[0])
				return 0;
	return 1;
}

/* Numbers, or codes where v is NULL; b NULL: only count. */
static size_t
put(struct buf *b, const uint64_t *v, const uint32_t *codes, size_t n)
{
	size_t start = b ? b->n : 0, changes, bytes, fewer;

	if (n == 0)
		return 0;
	if (is_linear(v, codes, n)) {
		uint64_t first = v ? v[0] : codes[0], step = (v ? v[1] : codes[1]) - first;

		if (b) {
			buf_byte(b, (char)LINEAR);
			varint_put_signed(b, (int64_t)first);
			varint_put_signed(b, (int64_t)step);
		}
		return 1 + signed_size(first) + signed_size(step);
	}
	bytes = put_frames(b, v, codes, n, &changes);
	if (changes >= n / 4 || changes + 1 >= bytes)
		return bytes;
	if (b)
		b->n = start;
	if ((fewer = put_runs(b, v, codes, n, changes + 1, bytes)))
		return fewer;
	if (b)
		b->n = start + bytes;   /* they still stand there */
	return bytes;
}

void
integers_put(struct buf *b, const int64_t *v, size_t n)
{
	put(b, (const uint64_t *)v, NULL, n);
}

size_t
integers_size(const int64_t *v, size_t n)
{
	return put(NULL, (const uint64_t *)v, NULL, n);
}

void
integers_put_codes(struct buf *b, const uint32_t *codes, size_t n, uint32_t limit)
{
	if (limit > 1)
		put(b, NULL, codes, n);
}

/* The same numbers as codes, if all are < limit. */
static int
hand_out(const uint64_t *from, size_t n, uint32_t *codes, uint32_t limit)
{
	uint32_t most;

	return integers_priv_used->narrow(from, n, codes, &most) > UINT32_MAX || most >= limit ? -1 : 0;
}

static int
take_linear(struct str *rest, uint64_t *v, uint32_t *codes, size_t n, uint32_t limit)
{
	static const unsigned char none[INTEGERS_SLACK];
	uint64_t block[FRAME] MEM_RAW, first, step;

	if (take_signed(rest, &first) < 0 || take_signed(rest, &step) < 0)
		return -1;
	first -= step;
	for (size_t at = 0, m; at < n; at += m) {
		uint64_t *out = v ? v + at : block;

		m = n - at < FRAME ? n - at : FRAME;
		integers_priv_used->unpack(none, 0, step, out, m);
		integers_priv_used->sum(out, m, first);
		first = out[m - 1];
		if (!v && hand_out(block, m, codes + at, limit) < 0)
			return -1;
	}
	return 0;
}

static int
take_runs(struct str *rest, uint64_t *v, uint32_t *codes, size_t n, uint32_t limit)
{
	struct room room MEM_RAW;
	uint64_t value[FRAME] MEM_RAW, length[FRAME] MEM_RAW, r, len, last[2] = { 0, 0 };
	struct str values;
	size_t at = 0;

	if (varint_take(rest, &r) < 0 || varint_take(rest, &len) < 0 || r > n || len > rest->n)
		return -1;
	values = (struct str){ rest->p, (size_t)len };
	*rest = (struct str){ rest->p + len, rest->n - (size_t)len };
	for (size_t m; r; r -= m) {
		m = r < FRAME ? (size_t)r : FRAME;
		if (take_frame(&values, value, m, last[0], &room) < 0 || take_frame(rest, length, m, last[1], &room) < 0)
			return -1;
		last[0] = value[m - 1];
		last[1] = length[m - 1];
		for (size_t i = 0; i < m; i++) {
			if (length[i] >= n - at || (!v && value[i] >= limit))
				return -1;
			for (size_t end = at + (size_t)length[i] + 1; at < end; at++)
				if (v)
					v[at] = value[i];
				else
					codes[at] = (uint32_t)value[i];
		}
	}
	return at == n && values.n == 0 ? 0 : -1;
}

/* Codes of one frame, the usual way: straight to where they belong. 1 done, 0 it is none of this kind, -1 */
static int
take_code_frame(struct str *rest, uint32_t *codes, size_t m, uint64_t before, uint32_t limit, struct room *room)
{
	struct str r = *rest;
	struct head h;
	const unsigned char *p;
	uint64_t most;

	if (take_head(&r, m, before, &h) < 0)
		return -1;
	most = h.base + (((uint64_t)1 << (h.width & 31)) - 1);
	if (h.order || h.patched || h.width > INTEGERS_NARROW || h.base > UINT32_MAX || most > UINT32_MAX)
		return 0;
	if (!(p = take_bits(&r, m, h.width, room->bytes)) ||
	    (integers_priv_used->unpack_codes(p, h.width, (uint32_t)h.base, codes, m) >= limit))
		return -1;
	*rest = r;
	return 1;
}

static int
take_frames(struct str *rest, uint64_t *v, uint32_t *codes, size_t n, uint32_t limit)
{
	struct room room MEM_RAW;
	uint64_t block[FRAME] MEM_RAW, before = 0;

	for (size_t at = 0, m; at < n; at += m) {
		int done = 0;

		m = n - at < FRAME ? n - at : FRAME;
		if (v)
			done = take_frame(rest, v + at, m, before, &room) < 0 ? -1 : 1;
		else
			done = take_code_frame(rest, codes + at, m, before, limit, &room);
		if (done < 0 || (!done && (take_frame(rest, block, m, before, &room) < 0 || hand_out(block, m, codes + at, limit) < 0)))
			return -1;
		before = v ? v[at + m - 1] : codes[at + m - 1];
	}
	return 0;
}

static int
take(struct str *rest, uint64_t *v, uint32_t *codes, size_t n, uint32_t limit)
{
	struct str r = *rest;
	int kind, rc;

	if (n == 0)
		return 0;
	if (r.n == 0)
		return -1;
	kind = (unsigned char)*r.p;
	if (kind == LINEAR || kind == RUNS)
		r.p++, r.n--;
	rc = kind == LINEAR ? take_linear(&r, v, codes, n, limit) : kind == RUNS ? take_runs(&r, v, codes, n, limit) :
	    take_frames(&r, v, codes, n, limit);
	if (rc == 0)
		*rest = r;
	return rc;
}

int
integers_take(struct str *rest, int64_t *out, size_t n)
{
	return take(rest, (uint64_t *)out, NULL, n, 0);
}

int
integers_take_codes(struct str *rest, uint32_t *out, size_t n, uint32_t limit)
{
	if (limit > 1)
		return take(rest, NULL, out, n, limit);
	if (n && limit == 0)
		return -1;
	if (n)
		memset(out, 0, n * sizeof(*out));
	return 0;
}
