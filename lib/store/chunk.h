/* chunk.h - up to 65,536 events, sorted by time, column by column: how they are packed, and nothing about where they lie.
 *
 * The one door to the encoding: another one may replace what is behind it. Encoding gives a header and blocks; a reader is
 * given the header and fetches the blocks it needs. So a scan that the header says can bring nothing costs the header, one that does
 * not want properties never unpacks them, and one that wants a few of them unpacks these.
 *
 *      header        version, counts, time and seq range, names with counts and first and last time
 *      TIME SEQ RECEIVED NAME ID USER SESSION    a column each (values.h)
 *      PROPERTIES    taken apart into shapes and leaves (shapes.h): a column for each path, small ones several in a block (part)
 *      KEYS          property keys with counts
 *      USERS         a filter in front of the users (Bloom, 10 bits a user)
 *      SHAPES        the shapes, and where the leaves lie, with what kinds of values and between which numbers
 *      ROWS          the shape of each row
 *
 * Header (varints; "signed" zigzag; text is length and bytes):
 *      byte 2 · n · signed least time · greatest - least time · least seq · greatest - least seq · bytes of the rows as they came ·
 *      bytes of the packed blocks · names · for each name: text, count, first - least time, last - first
 * Blocks:
 *      TIME SEQ RECEIVED   integers as in values.h: time - least time, seq - least seq, received
 *      NAME                byte 0 · codes: which of the header's names, from 0. byte 1 · for each shape 0 (several names) or the name + 1
 *                          that all its rows have · codes of the rows that have a shape of several names
 *      ID USER SESSION     values; the first text of a dictionary is none
 *      PROPERTIES          values of one leaf or several, one behind the other
 *      KEYS                length · piece (pack.h): number of keys, for each: text as it stands between the quotes, count
 *      USERS               the filter's 64-byte lines (dedupe.h)
 *      SHAPES              length · piece: shapes (shapes.h), then for each leaf: 0 where it lies in the block of the leaf before, 1 in the
 *                          next · bytes · byte of the kinds of values (values.h) · nulls · distinct texts · with numbers, 8 bytes each
 *                          (little-endian IEEE 754), the least and the greatest of them
 *      ROWS                codes (values.h)
 *
 * Chunks whose first byte is 1 are of format 1, row by row in their properties: chunk_rows.c. They are read as well.
 */
#ifndef STORE_CHUNK_H
#define STORE_CHUNK_H

#include "base/buf.h"
#include "event/event.h"
#include "store/keys.h"
#include "store/shapes.h"
#include "store/values.h"

#define CHUNK_VERSION    2              /* of what is written */
#define CHUNK_ROWS_MOST  (1u << 20)     /* rows a reader accepts */
#define CHUNK_BLOCK_MOST (1u << 30)     /* bytes of one unpacked block */

enum chunk_column {
	CHUNK_TIME, CHUNK_SEQ, CHUNK_RECEIVED, CHUNK_NAME, CHUNK_ID, CHUNK_USER, CHUNK_SESSION, CHUNK_PROPERTIES, CHUNK_KEYS,
	CHUNK_USERS, CHUNK_SHAPES, CHUNK_ROWS, CHUNK_COLUMNS
};

#define CHUNK_ALL (~0u)                 /* every column, for chunk_row */

/* ---- writing */
struct chunk_block { int column, part; size_t at, len; };       /* bytes in chunk_packed.bytes */
struct chunk_name { struct str name; int64_t count, first, last; };
struct chunk_packed {
	struct buf header, bytes;
	struct chunk_name *name;        /* the events' names */
	size_t n_names;
	struct chunk_block *block;
	size_t n, cap;
	struct keys keys;               /* the property keys, counted on the way */
	struct chunk_packer *packer;    /* memory to use again */
};
void chunk_packed_release(struct chunk_packed *);

/* Pack n events that are sorted by (time, seq); 1 <= n <= CHUNK_ROWS_MOST. */
void chunk_pack(struct chunk_packed *, const struct event *, size_t n);

/* Events that were packed with seqs from 0 on come behind others: from now on theirs count from `seq`. Once for a packing. */
void chunk_packed_follow(struct chunk_packed *, uint64_t seq);

/* ---- the header alone */
struct chunk_info {
	int version;                    /* of the chunk's format: 1 or 2 */
	size_t n;
	int64_t min_time, max_time, raw_bytes, packed_bytes;
	uint64_t min_seq, max_seq;
	size_t n_names;
	struct str names;               /* still packed */
	size_t n_parts;                 /* of format 1 */
	struct str parts;
};
int chunk_info(struct str header, struct chunk_info *, struct err *);           /* borrows from header */
int chunk_next_name(struct chunk_info *, struct chunk_name *);  /* takes one off .names: 1, 0 at the end, -1 */

/* ---- reading */
typedef int chunk_fetch(void *self, int column, int part, struct buf *block, struct err *);    /* 0, or an ERR_ code */

struct chunk {                          /* zero-initialised is empty and ready; may be used again and again */
	struct chunk_info info;
	struct chunk_name *names;
	int64_t *time, *received;       /* [n], NULL where not loaded */
	uint64_t *seq;
	uint32_t *name;                 /* number in names + 1 */
	struct chunk_texts {
		int open;               /* values can be read one by one */
		struct str *text;       /* dictionary, text[0] none; or one a row, p NULL: none */
		uint32_t *code;         /* of each row where n > 0 */
		size_t n, n_cap, code_cap;      /* n: texts of the dictionary, 0 for one a row */
		struct buf bytes;
		struct values_reader values;
	} texts[3];                     /* id, user, session */
	unsigned loaded;                /* bits 1 << column */
	struct buf header, block, scratch, row;
	size_t cap, names_cap;
	struct pack pack;
	chunk_fetch *fetch;
	void *self;
	/* properties */
	struct shapes_read shapes;
	uint32_t *shape;                /* of each row */
	int counted;                    /* and each has as many as it should */
	struct chunk_names {
		int open;
		uint32_t *name, *has_several;   /* of a shape: number in names + 1, 0 several; all bits set where it has several */
		uint32_t *left;                 /* number in names of each row of such a shape */
		size_t several, name_cap, several_cap, left_cap;        /* such rows */
	} by_shape;
	struct chunk_leaf {
		int part;
		size_t at, len;         /* in the block */
		unsigned kinds;
		uint64_t nulls, distinct;
		double least, greatest;
		int open;
		size_t next;            /* value of the row at_row, or of the first one behind it that has the leaf */
		struct values_reader values;
	} *leaf;
	struct buf shape_bytes, *part_bytes;
	size_t leaf_cap, n_blocks, blocks_cap, at_row;
	struct chunk_rows {             /* of format 1 */
		size_t *end;            /* row behind each part */
		size_t part, from;      /* the part at hand, its first row; part == n_parts: none */
		struct buf bytes;
		struct str *property;   /* [row - from] */
		size_t end_cap, property_cap;
	} rows;
};
void chunk_release(struct chunk *);

/* Begin with a chunk; the header is copied. Loads nothing yet. */
int chunk_open(struct chunk *, struct str header, chunk_fetch *, void *self, struct err *);

/* Load whole columns; loaded ones are not loaded again. Not for PROPERTIES, KEYS. */
int chunk_load(struct chunk *, int column, struct err *);

/* The rows, of `n` from row `from` on and counted from there, whose id, user or session is that text; the column is not loaded. 1,
 * 0 that is not known so, < 0. */
int chunk_rows_with(struct chunk *, int column, struct str text, size_t from, size_t n, uint32_t *row, size_t *many, struct err *);

/* Of some rows, which rise and count from `from`: name[row[k]] is the number in names + 1; out[k] is the time of row[k]; the text of value[k] lives until the chunk is opened anew,
 * p NULL: none. 1, 0 to be loaded as a whole, < 0. */
int chunk_some_names(struct chunk *, size_t from, const uint32_t *row, size_t many, uint32_t *name, struct err *err);
int chunk_some_times(struct chunk *, size_t from, const uint32_t *row, size_t many, int64_t *out, struct err *);
int chunk_some_texts(struct chunk *, int column, size_t from, const uint32_t *row, size_t many, struct str *value, struct err *);

/* A row, with the columns of `want` (bits 1 << column) that are loaded here where they are not; name and time, seq always.
 * Borrowed until the next row or until the chunk is opened anew. Rows in order are fastest. */
int chunk_row(struct chunk *, size_t row, unsigned want, struct event *, struct err *);

/* May the user be in it? 1 yes or perhaps, 0 no, < 0. */
int chunk_has_user(struct chunk *, struct str user, struct err *);

/* Each property key with its count. */
int chunk_each_key(struct chunk *, int (*each)(void *, struct str raw, int64_t count), void *, struct err *);

#endif
