/* sha256.h - SHA-256 (FIPS 180-4) and its keyed form, HMAC (RFC 2104): pseudonyms that cannot be turned back. */
#ifndef CODEC_SHA256_H
#define CODEC_SHA256_H

#include "base/str.h"

#define SHA256_LEN 32

void sha256(struct str text, uint8_t out[SHA256_LEN]);
void sha256_hmac(struct str key, struct str text, uint8_t out[SHA256_LEN]);

#endif
