/* tls.h - TLS 1.2 and 1.3 at a socket that does not block (OpenSSL), with Mozilla's intermediate ciphers.
 *
 * Certificate and key can be read again while connections stand; those keep what they began with. Sessions are resumed by tickets,
 * whose keys live as long as the certificate, in all processes that were forked after tls_new.
 */
#ifndef HTTP_TLS_H
#define HTTP_TLS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/str.h"

struct tls;
struct tls_peer;

struct tls *tls_new(const char *cert, const char *key, struct err *);   /* PEM files: the chain, the key */
void tls_free(struct tls *);
int tls_reload(struct tls *, struct err *);     /* from any thread; when it fails nothing has changed */

struct tls_peer *tls_accept(struct tls *, int fd);      /* NULL: no memory for it */
void tls_peer_free(struct tls_peer *);                  /* the descriptor stays the caller's */
int tls_shake(struct tls_peer *);                       /* 1: done, 0: more is to come, -1: it failed */

/* As read(2) and write(2): > 0, 0 the peer has ended, -1 not now, -2 broken. */
ssize_t tls_read(struct tls_peer *, void *, size_t n);
ssize_t tls_write(struct tls_peer *, const void *, size_t n);
void tls_bye(struct tls_peer *);                        /* our side has said all */

/* What else of OpenSSL this room needs: the answer to a WebSocket's key, base64 of its SHA-1 (RFC 6455, 4.2.2). */
void tls_websocket_accept(struct str key, char out[28]);

#endif
