/* project_priv.h - a projection's inside, for the files that walk rows with one instruction set each. */
#ifndef JSON_PROJECT_PRIV_H
#define JSON_PROJECT_PRIV_H

#include "json/json_priv.h"
#include "json/project.h"

/* A key as rows of late had it: `"user_id":`, so that one comparison takes the walk from the key's quote to its value. */
#define PROJECT_KEY 32
struct project_key {
	char     text[PROJECT_KEY];     /* zeros behind it */
	struct project_key *after;      /* what followed it the last time, or NULL */
	uint64_t mask;                  /* a bit for each byte of text */
	uint16_t len;                   /* of text */
	int      owner;                 /* the node whose key it is; -1: this place is empty */
	int      node;                  /* its own node; 0: nobody asked for it */
};

/* The keys that are asked for, as a tree: node 0 is the row, each other node a key of the object above it. */
struct project_node {
	struct str key;
	int child, next;                /* first child and next sibling, 0 for none (node 0 is nobody's child) */
	struct project_key *first;      /* the key that began this object the last time, or NULL */
	uint64_t row;                   /* in which row `value` was found */
	struct json value;
};

/* Where a field may be found, the best first. */
struct project_field {
	struct str name;                /* of a field; {NULL,0} for a path */
	int *node, n;
	unsigned types;                 /* of project_first: a value of others counts as none; 0: of project_field and _path */
};

/* Where the quotes of a row are, for a walk that need not look for them (project_index_priv.h): rows up to so many bytes. */
#define PROJECT_INDEXED 8192
struct project_index {
	uint64_t row;                           /* of which row it is, when that is indexed before it is walked */
	unsigned quotes;
	int escapes;                            /* there is a backslash */
	uint16_t quote[PROJECT_INDEXED + 64];   /* of those that no backslash escapes, behind each other */
	uint16_t before[PROJECT_INDEXED / 64];  /* so many of them before each 64 bytes */
	uint64_t bits[PROJECT_INDEXED / 64];    /* and those in them */
};

/* What stands between the values of a row (project_shape_priv.h). A piece is placed by a quote of the row, or by its end, which
 * is as one quote more. */
#define PROJECT_PIECES 48
#define PROJECT_PIECE  32
#define PROJECT_SHAPES 8                /* by half the number of quotes */
struct project_piece {
	char     text[PROJECT_PIECE];   /* up to the value behind it, and its quote; zeros behind that */
	uint32_t mask;                  /* a bit for each byte of text */
	uint16_t quote;
	int16_t  by;                    /* so many bytes behind the quote, or before it */
	uint8_t  n, before;             /* bytes of text; and of those before the value */
	uint8_t  is_text, is_asked;     /* the value; its key may be one that somebody asked for: it must be a value */
};
struct project_shape {
	int pieces, fields;             /* 0: none is known; of the projection then */
	unsigned quotes, missed;        /* in the row; rows since with as many quotes, or half as many, that were others */
	int scalars;
	uint8_t scalar[PROJECT_PIECES]; /* the pieces before values without quotes */
	int8_t  value[PROJECT_MOST];    /* of each field: the piece before it; -1: it is not there */
	struct project_piece piece[PROJECT_PIECES];
};

#define PROJECT_KEYS 512                /* a power of 2; fewer than a row has and it only becomes slower */

struct project {
	struct project_node *node;
	struct project_field *field;
	int nodes, fields;
	int firsts;                     /* of the fields, those of project_first */
	uint64_t row;                   /* rows so far */
	const char *start, *end;        /* of this row */
	const char *at;                 /* behind the key that project_find found */
	const char *wrong;              /* its first wrong byte */
	struct project_key long_key;    /* stands for one that is too long to be remembered */
	struct project_key keys[PROJECT_KEYS];
	struct project_index index;
	struct project_shape *learn;    /* the row at hand is to be learned as this one, when it is a row */
	unsigned tried, fitted, rest, next_rest;        /* rows by shape, and that were; rows that are not tried, and the next time */
	struct project_shape shape[PROJECT_SHAPES];
};

/* A key that was not the expected one: finds or learns it, and expects it here the next time. project->at is the place of
 * its value or of blanks before it. NULL (and project->wrong) when no key and colon stand here. */
struct project_key *project_find(struct project *, int owner, const char *at, struct project_key **expect);

/* A key of n bytes is kept, if it is, in one of PROJECT_PROBES places from here on. */
#define PROJECT_PROBES 4
static inline unsigned
project_place(const char *p, size_t n, int owner)
{
	uint64_t a = 0, b = 0;

	if (n >= 8) {
		memcpy(&a, p, 8);
		memcpy(&b, p + n - 8, 8);
	} else {
		memcpy(&a, p, n);
	}
	a = (a + (uint64_t)owner * 0x9e3779b97f4a7c15) ^ (b * 0xff51afd7ed558ccd + n);
	a *= 0xc4ceb9fe1a85ec53;
	return (unsigned)(a >> 40) % PROJECT_KEYS;
}

/* A node's values are of no more use: a later one of duplicate keys stands in the row. */
void project_forget(struct project *, int node);

#endif
