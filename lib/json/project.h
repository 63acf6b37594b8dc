/* project.h - a few fields out of each row, in one pass, without a document.
 *
 * The fields are named once; then each row costs one walk over its bytes with SIMD steps over what nobody asked for
 * (AVX-512, AVX2, SSE2 or NEON chosen at run time, plain C with the same results). The keys of recent rows are remembered
 * in their order, so that mostly one comparison leads from a key to its value. On events of 300 bytes 6.2 GB/s a core with
 * AVX-512 (where such rows need no walk, project_shape_priv.h), 2.9 with AVX2, 2.0 in plain C when all have the same keys; 2.2, 2.1,
 * 1.2 when keys come and go, as each that is not the expected one costs a wrong guess (tests/bench/project).
 *
 * A *field* is, as everywhere in at, a top-level key of the row, else a key of its `properties`. `a.b.c` is first taken as
 * such a key; when there is none, it reaches into the objects of the row, or else of its `properties`: "b.c" in a, then c
 * in b in a. A key whose value is null is there. A *path* is exact, as in jq's `.properties.revenue`; a path of no keys is the row.
 *
 * What is checked: the row is one object, its strings end and its brackets are as many closing as opening; keys, colons
 * and commas stand where they must in the objects that are walked (the row, its `properties`, those that a field reaches
 * into); values that are asked for are values. What is skipped is not read. Where a row is stored it is checked whole by
 * json_check.
 */
#ifndef JSON_PROJECT_H
#define JSON_PROJECT_H

#include "json/json.h"

#define PROJECT_MOST 256                        /* fields of one projection */

struct project;
struct project *project_new(void);
void project_free(struct project *);

/* Each returns the index of the value in out[], the same for the same field; < 0 with ERR_LIMIT beyond PROJECT_MOST. */
int project_field(struct project *, struct str name, struct err *);
int project_path(struct project *, const struct str *keys, int n, struct err *);

/* The field that goes by this name in place of project_field's: its value is the first, in the order of the places, that is of one of
 * these types (bits, 1 << JSON_STRING) and no empty text. */
struct project_place { struct str key[2]; };    /* of a key of the row key[1].p is NULL, else it is a key of the object key[0] */
int project_first(struct project *, struct str name, const struct project_place *, int n, unsigned types, struct err *);
int project_count(const struct project *);

/* May a member of that key, of the row or of its `properties`, matter to the fields? 0: the row may as well not have it. */
int project_wants(const struct project *, struct str key);

/* Take the fields out of one row: out[project_count()] values, type JSON_NONE for what is not there. The last of
 * duplicate keys is meant. 0, or ERR_INPUT with err->col. Not const: it learns the order of keys of recent rows. */
int project_row(struct project *, struct str row, struct json *out, struct err *);

#endif
