/* chunk.h - up to 65,536 events, sorted by time, column by column: how they are packed, and nothing about where they lie.
 *
 * The one door to the encoding: another one may replace what is behind it. Encoding gives a header and blocks; a reader is
 * given the header and fetches the blocks it needs. So a scan that the header says can bring nothing costs the header, and a
 * scan that does not want properties never unpacks them.
 *
 *      header   version, counts, time and seq range, rows in each part, names with counts and first and last time
 *      blocks   TIME SEQ RECEIVED NAME ID USER SESSION   the whole column, part 0
 *               PROPERTIES                               parts of about 128 KiB, so few are unpacked for few rows
 *               KEYS                                     property keys with counts
 *               USERS                                    a filter in front of the users (Bloom, 10 bits a user)
 *
 * Header (varints; "signed" zigzag; text is length and bytes):
 *      byte 1 · n · signed least time · greatest - least time · least seq · greatest - least seq · bytes of the rows as they came ·
 *      bytes of the packed blocks · parts · rows in each part · names · for each name: text, count, first - least time, last - first
 * Block: byte 0 plain, 1 zstd · 4 bytes little-endian length unpacked · the bytes. Unpacked:
 *      TIME      for each row: time - time of the row before (first: least time)
 *      SEQ       for each row: signed seq - seq of the row before - 1 (first: least seq - 1)
 *      RECEIVED  for each row: signed received - received of the row before (first: 0)
 *      NAME      for each row: which of the header's names, from 0; 1, 2 or 4 bytes little-endian as their number asks
 *      ID USER SESSION
 *                byte 0: no row has one. byte 1: number of texts, the texts, for each row 1, 2 or 4 bytes: 0 none, k the k-th text.
 *                byte 2: for each row 0 for none or length + 1, then all bytes
 *      PROPERTIES for each row its length, then all bytes
 *      KEYS      number of keys, for each: text as it stands between the quotes, count
 *      USERS     the filter's 64-byte lines (dedupe.h)
 */
#ifndef STORE_CHUNK_H
#define STORE_CHUNK_H

#include "base/buf.h"
#include "event/event.h"
#include "store/keys.h"

#define CHUNK_ROWS_MOST  (1u << 20)     /* rows a reader accepts */
#define CHUNK_BLOCK_MOST (1u << 30)     /* bytes of one unpacked block */

enum chunk_column {
	CHUNK_TIME, CHUNK_SEQ, CHUNK_RECEIVED, CHUNK_NAME, CHUNK_ID, CHUNK_USER, CHUNK_SESSION, CHUNK_PROPERTIES, CHUNK_KEYS,
	CHUNK_USERS, CHUNK_COLUMNS
};

#define CHUNK_ALL (~0u)                 /* every column, for chunk_row */

/* ---- writing */
struct chunk_block { int column, part; size_t at, len; };       /* bytes in chunk_packed.bytes */
struct chunk_packed {
	struct buf header, bytes;
	struct chunk_block *block;
	size_t n, cap;
	struct keys keys;               /* the property keys, counted on the way */
	void *zstd;
};
void chunk_packed_release(struct chunk_packed *);

/* Pack n events that are sorted by (time, seq); 1 <= n <= CHUNK_ROWS_MOST. */
void chunk_pack(struct chunk_packed *, const struct event *, size_t n);

/* ---- the header alone */
struct chunk_name { struct str name; int64_t count, first, last; };
struct chunk_info {
	size_t n;
	int64_t min_time, max_time, raw_bytes, packed_bytes;
	uint64_t min_seq, max_seq;
	size_t n_parts, n_names;
	struct str parts, names;        /* still packed */
};
int chunk_info(struct str header, struct chunk_info *, struct err *);           /* borrows from header */
int chunk_next_name(struct chunk_info *, struct chunk_name *);  /* takes one off .names: 1, 0 at the end, -1 */

/* ---- reading */
typedef int chunk_fetch(void *self, int column, int part, struct buf *block, struct err *);    /* 0, or an ERR_ code */

struct chunk {                          /* zero-initialised is empty and ready; may be used again and again */
	struct chunk_info info;
	struct chunk_name *names;
	size_t *part_end;               /* row behind each part */
	int64_t *time, *received;       /* [n], NULL where not loaded */
	uint64_t *seq;
	uint32_t *name;
	struct chunk_texts {
		struct buf bytes;
		struct str *text;       /* dictionary (text[0] is none) or one a row */
		uint32_t *code;         /* NULL: text[row] */
		size_t n, n_cap, code_cap;      /* n: texts of the dictionary, 0 for one a row */
	} texts[3];                     /* id, user, session */
	unsigned loaded;                /* bits 1 << column */
	struct buf properties, block, scratch;
	struct str *property;           /* [row - part_from] */
	size_t part, part_from;         /* the part at hand; part == n_parts: none */
	size_t cap, names_cap, parts_cap, property_cap;
	struct buf header;
	void *zstd;
	chunk_fetch *fetch;
	void *self;
};
void chunk_release(struct chunk *);

/* Begin with a chunk; the header is copied. Loads nothing yet. */
int chunk_open(struct chunk *, struct str header, chunk_fetch *, void *self, struct err *);

/* Load whole columns; loaded ones are not loaded again. Not for PROPERTIES, KEYS. */
int chunk_load(struct chunk *, int column, struct err *);

/* A row, with the columns of `want` (bits 1 << column) that are loaded here where they are not; name and time, seq always.
 * Borrowed until the part of the properties changes (the row goes to another part) or the chunk is opened anew. */
int chunk_row(struct chunk *, size_t row, unsigned want, struct event *, struct err *);

/* May the user be in it? 1 yes or perhaps, 0 no, < 0. */
int chunk_has_user(struct chunk *, struct str user, struct err *);

/* Each property key with its count. */
int chunk_each_key(struct chunk *, int (*each)(void *, struct str raw, int64_t count), void *, struct err *);

/* Take one block apart by itself (for tests): 0 or ERR_CORRUPT. */
int chunk_unpack(void **zstd, struct str block, struct buf *out, struct err *);

#endif
