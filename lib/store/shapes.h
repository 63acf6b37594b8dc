/* shapes.h - JSON objects taken apart: what rows have in common, and what not.
 *
 *      {"page":"/","size":{"w":320,"h":568},"n":1}
 *
 * is the *shape* {"page":□,"size":{"w":□,"h":□},"n":□} and the *leaves* "/", 320, 568 and 1 at the *paths* page, size.w, size.h
 * and n. A shape keeps the keys as they were spelled and in their order, so that shape and leaves make the text again byte by
 * byte. Objects are opened, up to SHAPES_DEPTH of them; arrays, empty objects and what lies deeper are leaves. A row that is no
 * compact object, that has a key twice in an object or that brings too much that is new is one leaf as it stands, at the path of
 * no keys.
 *
 * The shapes of many rows are a tree: an edge is a *literal*, the text up to the next leaf, and the leaf; or the text behind the
 * last one, and then the shape is complete. So the next row is mostly a few comparisons of 8 bytes, about 10 ns a leaf. As bytes
 * (varints and texts as in at-store(5)):
 *
 *      paths, for each: its parent (0 the root; the k-th path is k), text key (decoded)
 *      literals, for each a text
 *      edges, for each: its own number less its parent's (the root is edge 0), literal, 0 where a shape ends, else path + 1
 *      shapes, for each its rows (edges that end a shape, in their order)
 *
 * A leaf's number is the order in which paths first occur as leaves among the edges.
 */
#ifndef STORE_SHAPES_H
#define STORE_SHAPES_H

#include "base/buf.h"
#include "base/err.h"
#include "base/map.h"
#include "store/values.h"

#define SHAPES_DEPTH       8
#define SHAPES_LEAVES_MOST 12000        /* paths that are leaves */
#define SHAPES_EDGES_MOST  65536
#define SHAPES_PIECES_MOST (1u << 20)   /* leaves of all shapes together */
#define SHAPES_NONE        UINT32_MAX

struct shapes_path { uint32_t parent, leaf, seen; struct str key; };    /* leaf SHAPES_NONE: is none */
struct shapes_edge {
	uint32_t parent, child, next;   /* child: the last taken first */
	uint32_t literal, path, shape;  /* shape SHAPES_NONE: no end */
	uint32_t leaves, len;           /* leaves from the root to here; bytes of the literal */
	uint64_t head[2], mask[2];      /* its first 16 bytes */
	const char *text;
	uint8_t opens, depth, is_end;   /* objects opened in the literal; that are open behind it */
};

/* ---- writing. Zero-initialised is empty and ready. */
struct shapes {
	struct shapes_path *path;       /* [0]: no keys */
	struct shapes_edge *edge;       /* [0]: the root */
	struct shapes_one { uint32_t edge, rows; int raw; struct str sample; } *shape;
	size_t n_paths, n_edges, n_shapes, n_leaves, n_pieces;
	size_t paths_cap, edges_cap, shapes_cap, found_cap;
	struct map paths, literals, edges;
	struct values_token *found;     /* leaves of the last row */
	size_t n_found;
	uint32_t stamp, raw;            /* raw: the shape of rows as they stand, SHAPES_NONE while there is none */
	struct buf scratch;
};
void shapes_release(struct shapes *);
void shapes_clear(struct shapes *);

/* The shape of a row; its leaves are found[0 … n_found). */
uint32_t shapes_row(struct shapes *, struct str object);

void shapes_put(const struct shapes *, struct buf *);

/* ---- reading */
struct shapes_piece { struct str literal; uint32_t leaf; };             /* literal, then the leaf's value */
struct shapes_read {
	struct shapes_path *path;       /* keys borrowed from the bytes */
	struct shape { uint32_t first, n; struct str end; uint64_t rows; } *shape;      /* pieces first … first + n, then the text `end` */
	struct shapes_piece *piece;
	uint32_t *leaf_path;            /* of each leaf */
	uint64_t *leaf_rows;            /* values of each leaf */
	size_t n_paths, n_shapes, n_pieces, n_leaves;
};
void shapes_read_release(struct shapes_read *);
int shapes_take(struct shapes_read *, struct str *rest, uint64_t rows, struct err *);   /* the bytes must stay; rows: of all shapes */

#endif
