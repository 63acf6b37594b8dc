/* values.h - one column of a chunk: texts, numbers or both, each packed as what it is.
 *
 * A value is a text (a JSON token as it stands, or a decoded id), none, or a number. A number is one whose token can be made again
 * from digits and the place of the point: 12, -0.5, 150.00; or from the bits of the double that it is, as the fewest digits that read
 * back the same: 0.30000000000000004, 1.5e-05. Everything else that JSON calls a number stays a text. So the tokens come back byte by
 * byte, and whoever counts gets int64s and doubles.
 *
 * The numbers of a column are all digits or all doubles. They are doubles where some could not be digits, or where their digits are
 * too many to be divided as doubles (above 2^53), if no more of them have to be texts for it. Sums over 2,000,000 such values of 16 and
 * 17 digits then cost 7 to 40 times less than by reading them, and they take 3 to 7 bytes each (decimals.h), not 6 to 18.
 *
 *      form 0 NOTHING     no values
 *      form 1 DICTIONARY  section numbers (distinct, rising) · section texts (distinct) · section codes: for each value first the
 *                         numbers, then the texts
 *      form 2 NUMBERS     section numbers, one a value
 *      form 3 MIXED       section texts · section codes: 0 a number, k the k-th text · section numbers, one for each code 0
 *      form 4 PLAIN       section texts, one a value: texts that hardly repeat
 *
 * What stands first: byte form; for 1: varint numbers, varint texts; for 3: varint texts, varint numbers. A section is a text of
 * varint length and bytes:
 *      numbers  byte places + 32 * style · segments. A number is its value times 10 to the power of places; style says how it was
 *               written: 0 with as many places as it needs, 1 the same but whole ones as 12.0, 2 always with all places.
 *               Style 3: doubles (decimals.h), written with the fewest digits that read back the same; places is their layout, bits
 *               JSON_DOUBLE_ of json.h.
 *      texts    in order of their bytes but for PLAIN and where they came and went together: then none has anything in common with
 *               the one before. Lengths: segments of length + 1, 0 for none · segments of how many bytes each has
 *               in common with the one before · pieces (pack.h) of the other bytes: a piece ends with the text that makes the texts
 *               in it 32 KiB or more, and its first has nothing in common
 *      codes    segments: a column of two different values (a boolean) is a bitmap, one bit a row, and less
 *               where one of them is rare or they come in runs
 * Segments: arrays (integers.h, decimals.h) of 8,192 values each, so that one value does not cost the whole column; where there are several,
 * their lengths as varints stand in front.
 */
#ifndef STORE_VALUES_H
#define STORE_VALUES_H

#include "base/arena.h"
#include "base/err.h"
#include "json/cell.h"
#include "store/pack.h"

#define VALUES_SEGMENT 8192
#define VALUES_BYTES_MOST (1u << 30)            /* of all texts of a column */
#define VALUES_SLACK 32                         /* bytes behind the texts that may be read */

/* ---- writing: add, put, clear, and again */
struct values {
	size_t n;                               /* values */
	uint32_t *code;                         /* for each: its text, or VALUES_NUMBER */
	struct values_text { uint32_t at, n; } *text;   /* place in bytes, length + 1 (0 none) */
	struct buf bytes;                       /* of the texts, one behind the other */
	int64_t *digits;                        /* of each number; the bits of a double */
	uint8_t *places;                        /* behind the point; of a double, above all of them: how it may be written */
	size_t n_texts, n_numbers, n_doubles;   /* doubles: of the numbers */
	int plain;                              /* texts hardly repeat: no longer looked up */
	int unsorted;                           /* they stand as the values come */
	uint32_t none;                          /* number + 1 of the text that is none */
	uint64_t *slot;                         /* hash table of texts: number + 1, and above it the hash */
	size_t slots, code_cap, text_cap, number_cap;
	struct buf scratch;
	struct values_facts {                   /* of a column of JSON; after values_put */
		unsigned kinds;                 /* VALUES_HAS_ bits */
		uint64_t nulls, distinct;       /* distinct texts */
		double least, greatest;         /* of the numbers */
	} facts;
};
enum { VALUES_HAS_NUMBERS = 1, VALUES_HAS_TEXTS = 2, VALUES_HAS_NULLS = 4, VALUES_HAS_BOOLEANS = 8, VALUES_HAS_NESTED = 16 };
#define VALUES_NUMBER UINT32_MAX

void values_release(struct values *);
void values_clear(struct values *);
void values_with_none(struct values *);                         /* before the first: none is text 0, whether or not a value is */
void values_add(struct values *, struct str text);              /* p NULL: none */

/* Tokens of one row, each to the column of its number: a text or a number. That all are looked up together hides that each waits for
 * memory. */
struct values_token { uint32_t column, hash; struct str token; };
void values_add_json(struct values *columns, struct values_token *, size_t n);
void values_put(struct values *, struct pack *, struct buf *);  /* append the column */

/* Numbers without a text beside: times, seqs. byte 0 segments, or 1 and a varint length and a piece: for each signed the difference
 * to the one before. */
void values_put_integers(struct pack *, struct buf *, const int64_t *, size_t n);
int values_take_integers(struct pack *, struct str column, int64_t *, size_t n);        /* 0 or -1 */

/* Segments of codes < limit, alone. */
void values_put_codes(struct buf *, const uint32_t *, size_t n, uint32_t limit);
int values_take_codes(struct str, uint32_t *, size_t n, uint32_t limit);

/* ---- reading */
enum values_form { VALUES_NOTHING, VALUES_DICTIONARY, VALUES_NUMBERS, VALUES_MIXED, VALUES_PLAIN };
enum values_style { VALUES_BARE, VALUES_POINT, VALUES_FIXED, VALUES_DOUBLE };

struct values_reader {                          /* zero-initialised is ready; may be opened again and again */
	enum values_form form;
	enum values_style style;
	int places;                             /* VALUES_DOUBLE: layout */
	size_t n;                               /* values */
	size_t n_numbers, n_texts;              /* of the dictionary, or of all */
	struct str codes, numbers, pieces;      /* packed */
	int64_t *number;                        /* the dictionary's; MIXED: all; else of the segment. VALUES_DOUBLE: the bits of doubles */
	uint32_t *code;                         /* of the segment; MIXED: all */
	uint32_t *rank;                         /* MIXED: which number */
	uint64_t *end;                          /* of each text in bytes, from 1 on; end[0] is 0 */
	uint8_t *none;
	char *bytes;                            /* of all texts; pieces are unpacked when one of their texts is asked for */
	struct values_piece { struct str packed; size_t first, end, n; int there; } *piece;    /* texts first … end, their bytes unpacked */
	uint32_t *front;                        /* what each text shares with the one before */
	struct buf scratch;
	size_t n_pieces, segment;               /* at hand; SIZE_MAX none */
	int numbers_there, texts_there, all_there;      /* all: every piece of the texts */
	int sorted;                             /* the texts are in order for sure: one has something in common with the one before */
	unsigned asked;                         /* times for one value: after a few, all pieces are unpacked at once */
	size_t number_cap, code_cap, rank_cap, end_cap, none_cap, front_cap, bytes_cap, piece_cap;
	struct pack *pack;
};
void values_reader_release(struct values_reader *);
int values_open(struct values_reader *, struct pack *, struct str column, size_t n, struct err *);      /* borrows the column */

static inline double
values_double(int64_t bits)
{
	double d;

	memcpy(&d, &bits, sizeof(d));
	return d;
}

/* The text of value i (p NULL: none), or its number. 1 a number, 0 a text, < 0. */
int values_get(struct values_reader *, size_t i, struct str *, int64_t *number, struct err *);

/* Append value i as it was added. p NULL of values_at: none. */
int values_append(struct values_reader *, size_t i, struct buf *, struct err *);
int values_at(struct values_reader *, size_t i, struct buf *scratch, struct str *, struct err *);

/* Append a few bytes behind which VALUES_SLACK may be read: most of what a row is made of is shorter than 16, and a call of memcpy
 * costs as much as all else. */
static inline void
values_put_short(struct buf *b, const char *p, size_t n)
{
	char *to;

	if (b->cap - b->n < n + 16)
		buf_room(b, n + 16);
	to = b->p + b->n;
	b->n += n;
	memcpy(to, p, 16);
	if (n > 16)
		memcpy(to + 16, p + 16, n - 16);
}

/* The dictionary's number of value i: numbers first, then texts. DICTIONARY only. */
int values_code(struct values_reader *, size_t i, uint32_t *code, struct err *);
/* The text that this is, of a dictionary without numbers whose first text is none: its number, n_texts where there is none such. Costs
 * one piece of the texts, or all where they are not in order. */
int values_find(struct values_reader *, struct str text, uint32_t *code, struct err *);

/* Some numbers of a column without texts: of each index i, which rise, out[k] is the number. 1, 0 they cannot be taken alone, -1. */
int values_some_integers(struct str column, size_t n, const uint32_t *i, size_t many, int64_t *out);

/* All values at once. Codes: of the dictionary (numbers first), DICTIONARY only. */
int values_codes(struct values_reader *, uint32_t *out, struct err *);
int values_numbers(struct values_reader *, struct err *);       /* .number[] of the dictionary or of all values */
int values_mixed(struct values_reader *, struct err *);         /* MIXED: .code[], .number[], .rank[] of all */
int values_text(struct values_reader *, size_t i, struct str *, struct err *);
int values_all_texts(struct values_reader *, struct err *);
void values_put_number(const struct values_reader *, int64_t number, struct buf *);     /* append a number as it was written */

#endif
