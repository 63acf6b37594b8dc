/* chunk_priv.h - what the files of the chunk share. */
#ifndef STORE_CHUNK_PRIV_H
#define STORE_CHUNK_PRIV_H

#include "store/chunk.h"

int chunk_damaged(struct err *, const char *what);
int chunk_fetch_block(struct chunk *, int column, int part, struct buf *, struct err *);        /* cleared first */

int chunk_open_leaf(struct chunk *, size_t leaf, struct err *);

/* Room for n items in an array that keeps none of them. */
#define CHUNK_ROOM(array, array_cap, many) do { \
	if ((many) > (array_cap)) { \
		free(array); \
		(array) = mem_grow(NULL, (array_cap) = (many), sizeof(*(array))); \
	} } while (0)

/* chunk_rows.c: chunks of format 1 */
void chunk_rows_open(struct chunk *);
int chunk_rows_load(struct chunk *, int column, struct err *);
int chunk_rows_block(struct chunk *, int column, int part, struct buf *, struct err *);         /* unpacked */
int chunk_rows_properties(struct chunk *, size_t row, struct str *, struct err *);
void chunk_rows_release(struct chunk *);

#endif
