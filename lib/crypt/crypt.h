/* crypt.h - what needs OpenSSL: hashes, scrypt, random bytes, authenticated encryption. Tokens are in jwt.h, one-time codes in totp.h. */
#ifndef CRYPT_CRYPT_H
#define CRYPT_CRYPT_H

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

int  crypt_random(void *, size_t n, struct err *);
void crypt_sha256(struct str, uint8_t out[32]);
void crypt_hmac_sha256(struct str key, struct str text, uint8_t out[32]);
int  crypt_equal(const void *, const void *, size_t n);         /* 1 when equal, in time that does not depend on where they differ */
void crypt_wipe(void *, size_t n);

/* A password as "scrypt$15$8$1$SALT$HASH" (RFC 7914, N 2^15), appended; and whether one is that. Takes 32 MiB and about 0.1 s. */
int crypt_password(struct str password, struct buf *out, struct err *);
int crypt_password_is(struct str password, struct str kept, struct err *);      /* 1, 0, < 0: kept is none of these */

/* AES-256-GCM: nonce, text, tag, appended. The extra text is authenticated with it. */
int crypt_seal(const uint8_t key[32], struct str plain, struct str extra, struct buf *out, struct err *);
int crypt_open(const uint8_t key[32], struct str sealed, struct str extra, struct buf *out, struct err *);      /* ERR_CORRUPT: not by this key */

/* n random characters of 0-9 A-Z a-z, appended: 43 of them are 256 bits. */
int crypt_random_text(size_t n, struct buf *out, struct err *);

void crypt_hex(struct str, struct buf *out);
void crypt_base64(struct str, struct buf *out);                 /* RFC 4648 */
void crypt_base64url(struct str, struct buf *out);              /* without '=' */
int  crypt_base64url_read(struct str, struct buf *out);         /* -1: none; also reads the plain alphabet and '=' */

#endif
