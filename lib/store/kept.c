/* kept.c - states that were made of a chunk, kept among its blocks (batch.h says why that is right).
 *
 * STORE_BLOCKS: chunk · byte 255 · number (3 bytes, big-endian) -> the 16 bytes of the name · varint length · piece (pack.h): the state.
 * STORE_META, "kept" -> varint next · names of 16 bytes each, by their numbers. `next` is the number that a new name gets once all are
 * given out: its states are then under another name than they say, which is to have none.
 */
#include <string.h>

#include "codec/varint.h"
#include "store/batch.h"
#include "store/store_priv.h"

#define NAMES STR("kept")

static void
block_key(char key[12], uint64_t chunk, int number)
{
	store_key64(key, chunk);
	key[8] = (char)STORE_KEPT_COLUMN;
	key[9] = 0;
	key[10] = (char)(number >> 8);
	key[11] = (char)number;
}

/* Of a list, which may be damaged or none at all: the names in it, and the number of one. */
static int
take_names(struct str value, uint64_t *next, struct str *names)
{
	if (varint_take(&value, next) || *next >= STORE_KEPT_MOST || value.n % STORE_KEPT_NAME || value.n > STORE_KEPT_MOST * STORE_KEPT_NAME)
		return -1;
	*names = value;
	return 0;
}

static int
number_of(struct str names, const unsigned char *name)
{
	for (size_t i = 0; i < names.n / STORE_KEPT_NAME; i++)
		if (memcmp(names.p + i * STORE_KEPT_NAME, name, STORE_KEPT_NAME) == 0)
			return (int)i;
	return -1;
}

int
store_kept_find(struct store *s, const unsigned char name[STORE_KEPT_NAME])
{
	struct err ignore = { 0 };
	struct store_view v;
	struct str value, names;
	uint64_t next;
	int number = -1;

	if (s->rights || store_view_open(&v, s, &ignore))      /* it would tell of what is not seen */
		return -1;
	if (store_fetch(&v, STORE_META, NAMES, &value, &ignore) > 0 && take_names(value, &next, &names) == 0)
		number = number_of(names, name);
	store_view_close(&v);
	return number;
}

int
store_kept_get(struct store *s, int number, const unsigned char name[STORE_KEPT_NAME], uint64_t chunk, struct pack *pack, struct buf *state)
{
	struct err ignore = { 0 };
	struct store_view v;
	struct str value;
	uint64_t n;
	char key[12];
	int got = 0;

	buf_clear(state);
	block_key(key, chunk, number);
	if (number < 0 || store_view_open(&v, s, &ignore))
		return 0;
	if (store_fetch(&v, STORE_BLOCKS, (struct str){ key, 12 }, &value, &ignore) > 0 && value.n > STORE_KEPT_NAME &&
	    memcmp(value.p, name, STORE_KEPT_NAME) == 0) {
		value.p += STORE_KEPT_NAME, value.n -= STORE_KEPT_NAME;
		if (varint_take(&value, &n) == 0 && n <= STORE_KEPT_BYTES && pack_take(pack, &value, buf_room(state, n), n) == 0) {
			state->n = n;
			got = 1;
		}
	}
	store_view_close(&v);
	return got;
}

/* The number of a name, given now where it has none. */
static int
give_number(struct store *s, const unsigned char *name, int *number, struct err *err)
{
	struct store_view v;
	struct str value, names = { 0 };
	struct buf list = { 0 };
	uint64_t next = 0;
	int rc;

	store_view_of_txn(s, &v);
	rc = store_fetch(&v, STORE_META, NAMES, &value, err);
	if (rc == ERR_CORRUPT || (rc > 0 && take_names(value, &next, &names))) {
		err_clear(err);                 /* begun anew */
		next = 0;
		names = (struct str){ 0 };
	} else if (rc < 0) {
		return rc;
	}
	if ((*number = number_of(names, name)) >= 0)
		return 0;
	*number = names.n < STORE_KEPT_MOST * STORE_KEPT_NAME ? (int)(names.n / STORE_KEPT_NAME) : (int)next++;
	varint_put(&list, next % STORE_KEPT_MOST);
	buf_add(&list, names.p, (size_t)*number * STORE_KEPT_NAME);
	buf_add(&list, name, STORE_KEPT_NAME);
	if (names.n > ((size_t)*number + 1) * STORE_KEPT_NAME)
		buf_add(&list, names.p + ((size_t)*number + 1) * STORE_KEPT_NAME, names.n - ((size_t)*number + 1) * STORE_KEPT_NAME);
	rc = store_put(s, STORE_META, NAMES, buf_get(&list), err);
	buf_release(&list);
	return rc;
}

static int
put_one(struct store *s, const unsigned char *name, int number, const struct store_kept *kept, struct pack *pack, struct buf *value, struct err *err)
{
	struct store_view v;
	struct str header;
	char key[12];
	int rc;

	if (kept->state.n > STORE_KEPT_BYTES)
		return 0;
	store_view_of_txn(s, &v);
	block_key(key, kept->chunk, number);
	if ((rc = store_fetch(&v, STORE_CHUNKS, (struct str){ key, 8 }, &header, err)) <= 0)
		return rc;              /* it has gone */
	buf_clear(value);
	buf_add(value, name, STORE_KEPT_NAME);
	varint_put(value, kept->state.n);
	pack_put(pack, value, kept->state);
	rc = store_put(s, STORE_BLOCKS, (struct str){ key, 12 }, buf_get(value), err);
	return rc ? rc : 1;
}

int
store_kept_put(struct store *s, const unsigned char name[STORE_KEPT_NAME], const struct store_kept *kept, size_t n, struct err *err)
{
	struct store *mine = n && !s->rights ? store_begin_aside(s, err) : NULL;
	struct pack pack = { 0 };
	struct buf value = { 0 };
	int number, done = 0, rc;

	if (!mine)
		return err->code;
	rc = give_number(mine, name, &number, err);
	for (size_t i = 0; rc >= 0 && i < n; i++)
		if ((rc = put_one(mine, name, number, &kept[i], &pack, &value, err)) > 0)
			done++;
	if (rc < 0)
		store_end_aside(mine, 0, &(struct err){ 0 });
	else
		rc = store_end_aside(mine, done > 0, err);
	pack_release(&pack);
	buf_release(&value);
	return rc < 0 ? rc : done;
}
