#include "store/pack.h"

#include <zstd.h>

#include "base/cmd.h"
#include "codec/varint.h"

CMD_LIBRARY("zstd", ZSTD_versionString())

#define LEVEL     1             /* of zstd */
#define TOO_SMALL 64            /* bytes not worth packing */
#define MOST_RATIO (1u << 18)   /* zstd packs at most about 1 : 2^17: a piece of nonsense must not cost a gigabyte */

void
pack_release(struct pack *p)
{
	ZSTD_freeCCtx(p->in);
	ZSTD_freeDCtx(p->out);
	*p = (struct pack){ 0 };
}

void
pack_put(struct pack *p, struct buf *b, struct str raw)
{
	size_t most = raw.n - raw.n / 8, packed = 0, from = b->n;

	if (raw.n >= TOO_SMALL && (p->in || (p->in = ZSTD_createCCtx()))) {
		varint_put(b, most);            /* as many bytes as the length will need at most; then moved */
		buf_room(b, most);
		packed = ZSTD_compressCCtx(p->in, b->p + b->n, most, raw.p, raw.n, LEVEL);
		if (ZSTD_isError(packed))       /* does not fit: not worth it */
			packed = 0;
	}
	if (packed) {
		size_t at = b->n;

		b->n = from;
		varint_put(b, packed);
		memmove(b->p + b->n, b->p + at, packed);
		b->n += packed;
		return;
	}
	b->n = from;
	buf_byte(b, 0);
	buf_str(b, raw);
}

int
pack_skip(struct str *rest, size_t raw_n, struct str *piece)
{
	struct str from = *rest;
	uint64_t packed;

	if (varint_take(rest, &packed))
		return -1;
	if (packed == 0)
		packed = raw_n;
	else if (raw_n / MOST_RATIO > packed)
		return -1;
	if (packed > rest->n)
		return -1;
	rest->p += packed;
	rest->n -= packed;
	*piece = (struct str){ from.p, (size_t)(rest->p - from.p) };
	return 0;
}

int
pack_take(struct pack *p, struct str *rest, char *raw, size_t raw_n)
{
	struct str piece;
	uint64_t packed;

	if (pack_skip(rest, raw_n, &piece))
		return -1;
	varint_take(&piece, &packed);
	if (packed == 0) {
		if (raw_n)
			memcpy(raw, piece.p, raw_n);
		return 0;
	}
	if (!p->out && !(p->out = ZSTD_createDCtx()))
		return -1;
	return ZSTD_decompressDCtx(p->out, raw, raw_n, piece.p, piece.n) == raw_n ? 0 : -1;
}
