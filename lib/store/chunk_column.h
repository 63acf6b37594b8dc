/* chunk_column.h - a property of a chunk as a column (batch.h), made of the leaf that it is, without its rows.
 *
 * Shapes say which rows have it; the others are NULL. So a column costs decoding its values and one step a row, 2 to 4 ns in all
 * (tests/bench/chunk, beside other work on the machine; 16 where texts hardly repeat; doubles of 17 digits 1.5 to 2.3), and what a text means is found out once for
 * each different one. Where the property is an object that was taken apart, or rows were kept as they stand, or a.b is a key in one
 * row and reached in another, there is no such leaf: such a column is made row by row.
 */
#ifndef STORE_CHUNK_COLUMN_H
#define STORE_CHUNK_COLUMN_H

#include "store/batch.h"
#include "store/chunk.h"

struct chunk_column_room {                           /* its memory; zero-initialised is ready, may be used again */
	uint32_t *code, *out, *place;
	uint64_t *valid, *there;        /* there: rows that have the leaf */
	int64_t *integer, *spread;
	double *real, *number;
	struct cell *value;
	uint32_t *has;                  /* by shape: all bits set where it has the leaf */
	struct chunk_leaf_place *leaf;  /* by leaf */
	size_t values_cap, rows_cap, value_cap, place_cap, has_cap, leaf_cap;
	struct arena *texts;
	struct buf scratch;
};
void chunk_column_release(struct chunk_column_room *);

/* How a name is meant (batch.h): one key; as options have it; a.b in the value of a, and then it has a point. */
enum chunk_reach { CHUNK_KEY, CHUNK_REACH, CHUNK_INSIDE };

/* Rows from … from + n. 1; 0 where it is to be made row by row; < 0. Borrowed from both until the chunk is opened anew. */
int chunk_column(struct chunk *, struct str name, enum chunk_reach, size_t from, size_t n, struct chunk_column_room *, struct column *, struct err *);

/* What the chunk says of it (batch.h). 1; 0 there is no such leaf; < 0. Costs the shapes. */
int chunk_bounds(struct chunk *, struct str name, enum chunk_reach, struct chunk_column_room *, struct store_bounds *, struct err *);

/* The same for some rows only, which rise and count from `from`: cells are in the arena, value[0] is NULL, code[row[k]] is row[k]'s. What is not
 * asked for is not decoded, but for the segments (values.h) that have it. */
int chunk_some_column(struct chunk *, struct str name, enum chunk_reach, size_t from, size_t n, const uint32_t *row, size_t many, struct chunk_column_room *,
    struct arena *, uint32_t *code, struct column *, struct err *);

#endif
