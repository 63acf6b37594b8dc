/* The bytes: format 1 · number of streams · a stream each: bytes · lines · hash of the last line · n, hashes of the first n lines. All
 * are varints. */
#include "event/place.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "codec/sha256.h"
#include "codec/varint.h"

#define FORMAT 1
#define LINES   16
#define STREAMS_MOST 65536

struct stream {
	uint64_t bytes, lines;          /* read of it */
	uint64_t last;                  /* line */
	uint64_t first[LINES];
	int n;                          /* of first */
	int done;                       /* of an earlier run: met again in this one, whose own it is then */
};

struct place {
	struct stream *known;           /* of earlier runs */
	int n_known;
	struct stream *read;            /* of this run; the last is the one at hand */
	int n_read, cap_read;
	struct str line;                /* used last, not in `last` yet; p NULL: it is */
	/* is it a stream that is known? */
	int is_open;                    /* not decided */
	struct buf held, shown;         /* lines that came meanwhile; those that are used now */
	int matched;                    /* of its lines */
	struct stream *again;           /* it is this one */
	uint64_t to_pass;               /* bytes of it */
};

struct place *
place_new(void)
{
	return mem_new(sizeof(struct place));
}

void
place_free(struct place *p)
{
	if (!p)
		return;
	free(p->known);
	free(p->read);
	buf_release(&p->held);
	buf_release(&p->shown);
	free(p);
}

static uint64_t
hash_of(struct str line)
{
	uint8_t digest[SHA256_LEN];
	uint64_t hash = 0;

	while (line.n && (line.p[line.n - 1] == '\n' || line.p[line.n - 1] == '\r'))
		line.n--;
	sha256(line, digest);         /* not that of OpenSSL, which every filter would wait for when it starts */
	for (int i = 0; i < 8; i++)
		hash = hash << 8 | digest[i];
	return hash;
}

static struct stream *
at_hand(struct place *p)
{
	return p->n_read ? &p->read[p->n_read - 1] : NULL;
}

void
place_rest(struct place *p)
{
	if (p->line.p)
		at_hand(p)->last = hash_of(p->line);
	p->line = (struct str){ 0 };
}

/* ---- by the reader */

void
place_begin(struct place *p)
{
	place_rest(p);
	if (p->n_read == p->cap_read)
		p->read = mem_grow(p->read, (size_t)(p->cap_read = p->cap_read ? 2 * p->cap_read : 4), sizeof(*p->read));
	p->read[p->n_read++] = (struct stream){ 0 };
	p->is_open = p->matched = 0;
	p->again = NULL;
	p->to_pass = 0;
	buf_clear(&p->held);
	for (int i = 0; i < p->n_known; i++)
		p->is_open |= !p->known[i].done;
}

/* Does a known stream begin with the lines that matched and this one? The first that has no more to compare is it. */
static int
narrow(struct place *p, uint64_t hash)
{
	const struct stream *now = at_hand(p);
	int any = 0;

	for (int i = 0; i < p->n_known && !p->again; i++) {
		struct stream *k = &p->known[i];

		if (k->done || k->n <= p->matched || k->first[p->matched] != hash || memcmp(k->first, now->first, (size_t)p->matched * sizeof(hash)) != 0)
			continue;
		any = 1;
		if (k->n == p->matched + 1)
			p->again = k;
	}
	return any;
}

static struct str
next_line(struct str *block)
{
	const char *nl = memchr(block->p, '\n', block->n);
	size_t n = nl ? (size_t)(nl - block->p) + 1 : block->n;
	struct str line = { block->p, n };

	block->p += n, block->n -= n;
	return line;
}

/* Lines of a stream that is not decided: all that came is held, with what was held. */
static void
compare(struct place *p, struct str *block)
{
	struct stream *now = at_hand(p);
	size_t before = p->held.n;
	struct str rest;

	buf_str(&p->held, *block);
	rest = (struct str){ p->held.p + before, p->held.n - before };
	while (rest.n && p->is_open && !p->again) {
		uint64_t hash = hash_of(next_line(&rest));

		p->is_open = narrow(p, hash);
		if (p->is_open)
			now->first[p->matched++] = hash;
	}
	*block = (struct str){ 0 };
	if (p->again || !p->is_open) {          /* decided */
		struct buf other = p->shown;

		p->shown = p->held, p->held = other;
		buf_clear(&p->held);
		*block = buf_get(&p->shown);
	}
	if (p->again) {
		*now = *p->again;
		p->again->done = 1;
		p->to_pass = now->bytes;
		p->is_open = 0;
	}
}

static long
lines_of(struct str text)
{
	long n = 0;

	for (const char *nl; text.n && (nl = memchr(text.p, '\n', text.n)); n++)
		text.n -= (size_t)(nl + 1 - text.p), text.p = nl + 1;
	return n + (text.n > 0);
}

static int
pass_over(struct place *p, struct str *block, long *passed, struct err *err)
{
	size_t n = block->n < p->to_pass ? block->n : (size_t)p->to_pass, last = n;
	struct str gone = { block->p, n };

	*passed = lines_of(gone);
	p->to_pass -= n;
	block->p += n, block->n -= n;
	if (p->to_pass || !n)
		return 0;
	while (last > 1 && gone.p[last - 2] != '\n')
		last--;
	if (hash_of((struct str){ gone.p + last - 1, n - last + 1 }) != at_hand(p)->last)
		return err_set(err, ERR_IO, "the input begins like what was read before the last run was ended, but goes on otherwise: rows would be lost; "
		    "give --state another name to begin anew");
	return 0;
}

int
place_come(struct place *p, struct str *block, long *passed, struct err *err)
{
	*passed = 0;
	if (p->is_open)
		compare(p, block);
	return p->to_pass && block->n ? pass_over(p, block, passed, err) : 0;
}

void
place_used(struct place *p, struct str line, size_t n)
{
	struct stream *now = at_hand(p);

	if (now->n < LINES && now->lines == (uint64_t)now->n)
		now->first[now->n++] = hash_of(line);
	now->bytes += n;
	now->lines++;
	p->line = line;
}

/* ---- as bytes */

static void
put_stream(struct buf *to, const struct stream *s)
{
	varint_put(to, s->bytes);
	varint_put(to, s->lines);
	varint_put(to, s->last);
	varint_put(to, (uint64_t)s->n);
	for (int i = 0; i < s->n; i++)
		varint_put(to, s->first[i]);
}

void
place_put(struct place *p, struct buf *to)
{
	uint64_t n = 0;

	place_rest(p);
	for (int i = 0; i < p->n_read; i++)
		n += p->read[i].lines > 0;
	for (int i = 0; i < p->n_known; i++)
		n += !p->known[i].done;
	varint_put(to, FORMAT);
	varint_put(to, n);
	for (int i = 0; i < p->n_known; i++)
		if (!p->known[i].done)
			put_stream(to, &p->known[i]);
	for (int i = 0; i < p->n_read; i++)
		if (p->read[i].lines)
			put_stream(to, &p->read[i]);
}

static int
take_stream(struct str *from, struct stream *s)
{
	uint64_t n;

	*s = (struct stream){ 0 };
	if (varint_take(from, &s->bytes) || varint_take(from, &s->lines) || varint_take(from, &s->last) || varint_take(from, &n) || n < 1 || n > LINES ||
	    s->lines < n || s->bytes < s->lines || s->bytes > INT64_MAX)
		return -1;
	s->n = (int)n;
	for (int i = 0; i < s->n; i++)
		if (varint_take(from, &s->first[i]))
			return -1;
	return 0;
}

int
place_take(struct place *p, struct str from, struct err *err)
{
	uint64_t version, n;

	if (varint_take(&from, &version) || version != FORMAT || varint_take(&from, &n) || n > STREAMS_MOST)
		return err_set(err, ERR_CORRUPT, "what was saved of the place in the input is damaged");
	free(p->known);
	p->known = mem_grow(NULL, n ? n : 1, sizeof(*p->known));
	for (p->n_known = 0; p->n_known < (int)n; p->n_known++)
		if (take_stream(&from, &p->known[p->n_known])) {
			p->n_known = 0;
			return err_set(err, ERR_CORRUPT, "what was saved of the place in the input is damaged");
		}
	return 0;
}
