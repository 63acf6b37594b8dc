#include "base/gz.h"

#include <pthread.h>
#include <stdlib.h>
#include <zlib.h>

#include "base/cmd.h"
#include "base/mem.h"

CMD_LIBRARY("zlib", zlibVersion())

#define RATIO_MOST 1000u                /* zlib's own bound is 1032 to 1; what is near it for long is no data */
#define FREE_BYTES (64u << 20)          /* and may be unpacked whatever the ratio */

struct gz {
	z_stream z;
	int between;                    /* members: the next byte begins one, or is padding */
	int any;                        /* member was seen */
};

struct gz *
gz_new(void)
{
	struct gz *gz = mem_new(sizeof(*gz));

	if (inflateInit2(&gz->z, 15 + 16) != Z_OK)
		abort();                /* no memory at the start, as in mem_new */
	gz->between = 1;
	return gz;
}

void
gz_free(struct gz *gz)
{
	if (!gz)
		return;
	inflateEnd(&gz->z);
	free(gz);
}

int
gz_unpack(struct gz *gz, struct str *packed, char *to, size_t room, size_t *got, struct err *err)
{
	z_stream *z = &gz->z;
	int rc;

	*got = 0;
	while (*got < room) {
		if (gz->between) {
			while (gz->any && packed->n && *packed->p == 0)         /* tapes are padded with zeros */
				packed->p++, packed->n--;
			if (!packed->n)
				return 0;
			if (gz->any && (unsigned char)*packed->p != 0x1f)
				return err_set(err, ERR_IO, "bytes behind the end of the gzip data are not gzip");
			inflateReset(z);
			gz->between = 0;
			gz->any = 1;
		}
		z->next_in = (Bytef *)(uintptr_t)packed->p;
		z->avail_in = packed->n < UINT32_MAX ? (uInt)packed->n : UINT32_MAX;
		z->next_out = (Bytef *)to + *got;
		z->avail_out = room - *got < UINT32_MAX ? (uInt)(room - *got) : UINT32_MAX;
		rc = inflate(z, Z_NO_FLUSH);
		packed->n -= (size_t)((const char *)z->next_in - packed->p);
		packed->p = (const char *)z->next_in;
		*got = (size_t)((char *)z->next_out - to);
		if (rc == Z_STREAM_END)
			gz->between = 1;
		else if (rc != Z_OK && rc != Z_BUF_ERROR)
			return err_set(err, ERR_IO, "gzip data is damaged: %s", rc == Z_MEM_ERROR ? "out of memory" : z->msg ? z->msg : "wrong bytes");
		if (z->total_out > FREE_BYTES && (z->total_out - FREE_BYTES) / RATIO_MOST > z->total_in)
			return err_set(err, ERR_LIMIT, "gzip data unpacks to more than %u times its size, refused", RATIO_MOST);
		if (rc == Z_BUF_ERROR || (rc == Z_OK && !packed->n))
			return 0;
	}
	return 0;
}

int
gz_whole(const struct gz *gz)
{
	return gz->between;
}

/* Packers and raw unpackers are 260 and 40 KB and take longer to make than a small text to pack: some are kept. */
enum kind { PACK_GZIP, PACK_RAW, UNPACK_RAW, KINDS };
#define KEPT 4                          /* of each kind: threads that are at it at once, as a rule */
static struct { pthread_mutex_t lock; z_stream *free[KINDS][KEPT]; } pool = { .lock = PTHREAD_MUTEX_INITIALIZER };

static z_stream *
borrow(enum kind kind)
{
	z_stream *z = NULL;
	int rc;

	pthread_mutex_lock(&pool.lock);
	for (int i = 0; i < KEPT && !z; i++) {
		z = pool.free[kind][i];
		pool.free[kind][i] = NULL;
	}
	pthread_mutex_unlock(&pool.lock);
	if (z)
		return z;
	z = mem_new(sizeof(*z));
	rc = kind == UNPACK_RAW ? inflateInit2(z, -15) : deflateInit2(z, 1, Z_DEFLATED, kind == PACK_RAW ? -15 : 15 + 16, 8, Z_DEFAULT_STRATEGY);
	if (rc != Z_OK)
		abort();                /* no memory, as in mem_new */
	return z;
}

static void
give_back(enum kind kind, z_stream *z)
{
	if (kind == UNPACK_RAW)
		inflateReset(z);
	else
		deflateReset(z);
	pthread_mutex_lock(&pool.lock);
	for (int i = 0; i < KEPT && z; i++)
		if (!pool.free[kind][i]) {
			pool.free[kind][i] = z;
			z = NULL;
		}
	pthread_mutex_unlock(&pool.lock);
	if (!z)
		return;
	if (kind == UNPACK_RAW)
		inflateEnd(z);
	else
		deflateEnd(z);
	free(z);
}

#define STEP (1u << 30)                 /* zlib counts in 32 bits */

void
gz_pack(struct str text, int raw, struct buf *to)
{
	enum kind kind = raw ? PACK_RAW : PACK_GZIP;
	z_stream *z = borrow(kind);
	int last, rc;

	do {
		z->next_in = (Bytef *)(uintptr_t)text.p;
		z->avail_in = text.n < STEP ? (uInt)text.n : STEP;
		text.p += z->avail_in, text.n -= z->avail_in;
		last = !text.n;
		do {
			size_t room = to->cap - to->n;

			z->next_out = (Bytef *)buf_room(to, room > 64 ? room : 512 + z->avail_in / 4);
			z->avail_out = to->cap - to->n < STEP ? (uInt)(to->cap - to->n) : STEP;
			rc = deflate(z, !last ? Z_NO_FLUSH : raw ? Z_SYNC_FLUSH : Z_FINISH);
			to->n = (size_t)((char *)z->next_out - to->p);
		} while (z->avail_in || (last && !z->avail_out) || (last && !raw && rc != Z_STREAM_END));
	} while (!last);
	if (raw && to->n >= 4)
		to->n -= 4;
	give_back(kind, z);
}

int
gz_unpack_raw(struct str packed, struct buf *to, size_t most, struct err *err)
{
	static const Bytef tail[4] = { 0, 0, 0xff, 0xff };
	z_stream *z = borrow(UNPACK_RAW);
	size_t began = to->n;
	int rc = 0, at_tail = 0;

	z->avail_in = 0;
	while (!rc) {
		size_t room;
		int did;

		if (!z->avail_in && !at_tail) {
			at_tail = !packed.n;
			z->next_in = (Bytef *)(uintptr_t)(at_tail ? (const char *)tail : packed.p);
			z->avail_in = at_tail ? sizeof(tail) : packed.n < STEP ? (uInt)packed.n : STEP;
			if (!at_tail)
				packed.p += z->avail_in, packed.n -= z->avail_in;
		}
		buf_room(to, 1024 + z->avail_in * 2);
		room = to->cap - to->n < STEP ? to->cap - to->n : STEP;
		z->next_out = (Bytef *)to->p + to->n;
		z->avail_out = (uInt)room;
		did = inflate(z, Z_SYNC_FLUSH);
		to->n = (size_t)((char *)z->next_out - to->p);
		if (to->n - began > most)
			rc = err_set(err, ERR_LIMIT, "unpacks to more than %zu bytes", most);
		else if (did == Z_STREAM_END)           /* a last block: what may follow it is another stream */
			inflateReset(z);
		else if (did != Z_OK && did != Z_BUF_ERROR)
			rc = err_set(err, ERR_IO, "deflate data is damaged: %s", z->msg ? z->msg : "wrong bytes");
		if (!rc && at_tail && !z->avail_in && z->avail_out)
			break;
		if (!rc && did == Z_BUF_ERROR && z->avail_out && z->avail_in)
			rc = err_set(err, ERR_IO, "deflate data is damaged");
	}
	give_back(UNPACK_RAW, z);
	return rc;
}
