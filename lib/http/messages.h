/* messages.h - the bytes of a WebSocket to messages and back (RFC 6455; permessage-deflate, RFC 7692, by zlib).
 *
 * What comes is held to the RFC: frames that are no protocol are answered with a close of 1002, text that is no UTF-8 with 1007, more
 * than the bound (packed or unpacked) with 1009. Pings are answered. Both sides pack each message for itself
 * (no_context_takeover), so that an idle socket holds no dictionary.
 */
#ifndef HTTP_MESSAGES_H
#define HTTP_MESSAGES_H

#include "base/buf.h"
#include "base/str.h"

#define MESSAGES_PACKED_LEAST 256       /* bytes of a message: below it packing saves less than it costs */

struct messages;

/* `message` is called for each whole one; `say` with frames that answer the peer, pongs in their order between the messages, at last a
 * close (`closes` 1). Both texts are borrowed. `packs`: permessage-deflate was agreed on. */
struct messages *messages_new(size_t most, int packs, void (*message)(void *self, struct str, int binary),
    void (*say)(void *self, struct str frames, int closes), void *self);
void messages_free(struct messages *);

/* What came. 0; or the code when it was closed, by what the peer said or did. Nothing is read behind that. */
int messages_feed(struct messages *, struct str);
void messages_deaf(struct messages *);                  /* from within `message`: no more of them; only the peer's close is heard */

/* Frames, appended: a message, packed where that makes it shorter; a ping; a close. */
void messages_frame(struct buf *, struct str, int binary, int packs);
void messages_ping(struct buf *);
void messages_close(struct buf *, int code, const char *reason);

#endif
