/* series_priv.h - what the files about samples share: keys, the tail, postings. */
#ifndef STORE_SERIES_PRIV_H
#define STORE_SERIES_PRIV_H

#include "store/samples.h"
#include "store/store_priv.h"

/* Identity: texts metric, labels, field, window. */
void store_put_identity(struct buf *, const struct store_sample *);
int store_take_identity(struct str, struct store_sample *);             /* 0, or -1 when the bytes are none; borrowed */
void store_index_key(const struct store *, struct buf *, struct str metric, struct str identity);      /* identity p NULL: what it begins with */
void store_piece_key(char key[16], uint64_t series, int64_t time);
void store_tidy_samples(struct samples *);      /* in order of time, of each time the last */

/* Batches of the tail. */
struct store_tail_head { uint64_t samples, widest; };

/* How often a commit changed pieces, or the ladder: while it is the same, what is not in the tail is the same. 0, < 0. */
int store_seals(const struct store_view *, uint64_t *, struct err *);
int store_tail_head(struct str batch, struct store_tail_head *, struct str *rest);
/* Each sample of a batch, in order. 0, -1 when the bytes are none, or what `each` gave. */
int store_batch_each(struct samples_coder *, struct str batch, struct buf *scratch,
    int (*each)(void *, uint64_t series, int64_t time, double value, struct str state), void *);

int store_seal_series(struct store *, uint64_t series, struct samples *add, struct err *);         /* merged with its pieces; add is put in order */
/* Its first and last piece: 1, 0 there is none, < 0. */
int store_first_piece(const struct store_view *, struct samples_coder *, uint64_t series, struct samples_head *, struct err *);
int store_last_piece(const struct store_view *, struct samples_coder *, uint64_t series, struct samples_head *, struct err *);
int store_put_samples(struct store *, uint64_t series, const struct samples *, struct err *);     /* as pieces; none may be there */

/* ---- series_copy.c: series and samples of one moment, packed as they lie, for who reads longer than a transaction may last */
#define STORE_VIEW_NS   500000000               /* how long a transaction is kept, ns: half of what none may outlive */
static inline int64_t
store_view_ns(const struct store *s)
{
	return s->view_ns ? s->view_ns : STORE_VIEW_NS;
}

struct store_series_copy;
struct store_series_copy *store_series_copy_new(struct store *);                        /* of this handle, which outlives it */
struct store_series_copy *store_series_copy_use(struct store_series_copy *);            /* one user more, of any thread; NULL is fine */
void store_series_copy_release(struct store_series_copy *);                             /* NULL is fine */

/* It is made in passes: as long as it is not done, each begins under a view that was just opened, copies all over again what it wants, which is
 * little to do after the first, and may leave another view behind. 0 or < 0; ERR_CORRUPT: what is damaged cannot be copied. */
int store_series_copy_pass(struct store_series_copy *, const struct store_view *, struct err *);
int store_series_copy_series(struct store_series_copy *, struct store_view *, struct err *);            /* identities, postings, ladder: first */
int store_series_copy_samples(struct store_series_copy *, struct store_view *, struct err *);           /* all, roll-ups too, as of the view at hand */
int store_series_copy_pieces(struct store_series_copy *, struct store_view *, uint64_t series, int64_t from, int64_t to, struct err *); /* or those of
				 * a series from <= time < to; series one after the other, rising */
int store_series_copy_done(struct store_series_copy *);

int store_series_copy_indexed(const struct store_series_copy *);                        /* of everything: has it postings? */
const struct store_ladder *store_series_copy_ladder(const struct store_series_copy *);  /* likewise */
struct store_series_copy *store_held_series(const struct store *);      /* snapshot.c: of store_hold; NULL when there is none */

/* As store_walk and its kin, over the tables STORE_SERIES and STORE_SAMPLES, and STORE_INDEX for postings, of the file or of a copy. Begin with
 * c.table and copy or c.view. */
struct store_series_walk { struct store_cursor c; const struct store_series_copy *copy; size_t at; int tail; };
int store_series_walk(struct store_series_walk *, struct str from, struct str *key, struct str *value, struct err *);
int store_series_walk_before(struct store_series_walk *, struct str at, struct str *key, struct str *value, struct err *);
int store_series_walk_next(struct store_series_walk *, struct str *key, struct str *value, struct err *);
void store_series_walk_end(struct store_series_walk *);

/* series_read.c: the samples of a series from <= time < to, its pieces stitched with a tail (in order, within the bounds), in runs. */
struct store_reader {                   /* zeros are ready; one a thread */
	struct samples_coder coder;
	struct samples piece, both;
	struct buf lot;
	struct str rest;                /* of the lot: pieces not given yet */
	uint64_t series;
	const struct samples *tail;
	size_t k;                       /* samples of the tail given */
	int64_t at, to;
	int more;                       /* there may be pieces behind the lot */
	const struct store_series_copy *copy;   /* all lots are of this; NULL: of the store */
	const struct store_view *view;  /* all lots are read under this; NULL: each under a transaction of its own */
};
void store_reader_release(struct store_reader *);
void store_reader_begin(struct store_reader *, uint64_t series, const struct samples *tail, int64_t from, int64_t to);
/* 1 and samples [from, from + n) of *x, borrowed until the next call; 0 at the end, < 0. */
int store_reader_next(struct store *, struct store_reader *, const struct samples **x, size_t *from, size_t *n, struct err *);

/* ---- postings.c: from a metric, a field, a label and its value to series, and which labels there are
 *
 * In the table STORE_INDEX beside the metrics, under keys that begin with 0xff, as no name does:
 *
 *      0xff 'v'                         -> byte 1: what follows is complete
 *      0xff 'k' label                   -> varint series that have it (labels of at most 400 bytes)
 *      0xff 'p' hash(16) first series(8)-> varint steps to the others, at most 1,024 of them, rising
 *
 * The hash is that of a kind, 'm' metric, 'f' field or 'l' label with its value, when that is a text: of the byte, the label
 * as a text with its length, and the value unquoted.
 */
struct postings;                        /* of series that are new in a transaction */
struct postings *store_postings_new(void);
void store_postings_free(struct postings *);
void store_postings_forget(struct postings *);
int store_postings_ready(struct store *, struct postings *, struct err *);      /* built for a store that has none yet */
void store_postings_add(struct store *, struct postings *, uint64_t series, const struct store_sample *);
int store_postings_flush(struct store *, struct postings *, struct err *);
int store_postings_remove(struct store *, uint64_t series, const struct store_sample *, struct err *);

/* Each label name. 1 when there was an index, 0 when there is none (an older store), < 0. */
int store_postings_labels(const struct store_view *, int (*each)(void *, struct str label, uint64_t series), void *, struct err *);

/* The series of one of them, rising, appended. 1, 0 when there is no index, < 0. */
struct store_ids { uint64_t *id; size_t n, cap; };
int store_postings_find(const struct store_view *, const struct store_series_copy *, char kind, struct str label, struct str value, struct store_ids *,
    struct err *);                      /* in the copy, unless it is NULL */

/* For the copy: is there an index? And under what its entries stand: keys that begin so, all of the same length. */
int store_postings_complete(const struct store_view *, struct err *);
#define STORE_POSTINGS STR("\xffp")
#define STORE_POSTINGS_END STR("\xffq")
#define STORE_POSTINGS_KEY (2 + 16 + 8)

/* For verify: what a series has to stand in (kind 'm', 'f', 'l' with the hash, 'k' with the label), and what an entry whose key
 * begins with 0xff is: 'v', 'k', 'p' with its series, or < 0. */
void store_postings_expect(struct store *, const struct store_sample *, void (*each)(void *, char kind, struct str what), void *);
int store_postings_entry(struct store *, struct str key, struct str value, struct store_ids *, struct err *);

#endif
