#include "base/gz.h"

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
