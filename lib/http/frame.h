/* frame.h - where a body begins and ends on the wire: by its length, or in chunks (RFC 9112, 7.1), read strictly.
 *
 * A size is 1 to 15 hex digits; an extension behind it is passed over, a trailer too, both by their grammar and with a bound; each
 * line ends with CR LF. A trailer that would change the framing is refused. frame_next passes over what is framing and shows what is body; frame_take says how much of it was used,
 * so that a reader that is full leaves the rest where it is.
 */
#ifndef HTTP_FRAME_H
#define HTTP_FRAME_H

#include <stdint.h>

#include "base/str.h"

struct frame {
	int chunked, state;
	int64_t left;                   /* bytes of the body, or of this chunk, to come */
	uint32_t digits, extra;         /* of the size; bytes of extensions and trailers so far */
	char name[20];                  /* of the trailer that comes, as far as it fits */
	uint8_t name_n;
};

void frame_init(struct frame *, int chunked, int64_t length);

/* 1: *body begins with bytes of the body, cut to what there is of them; 0: the body is at its end; 2: more bytes are needed, all of
 * *wire is used; minus a status: what came is no framing. *wire is cut. */
int frame_next(struct frame *, struct str *wire, struct str *body);
void frame_take(struct frame *, struct str *wire, size_t n);

int frame_ended(const struct frame *);

#endif
