/* totp.h - one-time codes by time (RFC 6238), as authenticator apps make them: HMAC-SHA1, 6 digits, 30 s. By liboath. */
#ifndef CRYPT_TOTP_H
#define CRYPT_TOTP_H

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

#define TOTP_SECRET 20          /* bytes of a new secret (RFC 4226: 160 bits) */

/* The code of an instant (ms since 1970), with 6 to 8 digits and a 0 behind them. */
int totp_code(struct str secret, int64_t time, int digits, char out[9], struct err *);

/* Is this the code of now, of the step before or the one after? 1 and its step, which is then not taken again: steps up to
 * `used` are passed over. 0 it is none; < 0. */
int totp_is(struct str secret, struct str code, int64_t now, int64_t used, int64_t *step, struct err *);

/* What an app is given: the secret in base32, and otpauth://totp/… for a QR code; appended. */
int totp_base32(struct str secret, struct buf *out, struct err *);
int totp_base32_read(struct str text, struct buf *secret, struct err *);
int totp_uri(struct str secret, const char *issuer, struct str user, struct buf *out, struct err *);

#endif
