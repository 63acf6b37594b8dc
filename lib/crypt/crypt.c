/* crypt.c - the door to OpenSSL's EVP, but for keys and signatures (jwt.c). */
#include "crypt/crypt.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/rand.h>
#include <pthread.h>

#include "base/cmd.h"

static const char *
openssl_version(void)
{
	return OpenSSL_version(OPENSSL_VERSION_STRING);
}
CMD_LIBRARY("OpenSSL", openssl_version())

static int
fail(struct err *err, const char *doing)
{
	unsigned long code = ERR_get_error();
	const char *why = ERR_reason_error_string(code);

	ERR_clear_error();
	return err_set(err, ERR_IO, "%s: %s", doing, why ? why : "OpenSSL would not");
}

int
crypt_random(void *to, size_t n, struct err *err)
{
	return RAND_bytes(to, (int)n) == 1 ? 0 : fail(err, "random numbers");
}

/* Fetched once: asking for it by name at each call costs as much as hashing a key. */
static EVP_MD *sha256;

static void
fetch_sha256(void)
{
	sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
}

void
crypt_sha256(struct str text, uint8_t out[32])
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, fetch_sha256);
	if (EVP_Digest(text.p, text.n, out, NULL, sha256, NULL) != 1)
		OPENSSL_die("SHA-256 failed", __FILE__, __LINE__);      /* no memory: going on with no hash would let anybody in */
}

void
crypt_hmac_sha256(struct str key, struct str text, uint8_t out[32])
{
	size_t n;

	if (!EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, key.p ? key.p : "", key.n, (const unsigned char *)text.p, text.n, out, 32, &n))
		OPENSSL_die("HMAC failed", __FILE__, __LINE__);
}

int
crypt_equal(const void *a, const void *b, size_t n)
{
	return CRYPTO_memcmp(a, b, n) == 0;
}

void
crypt_wipe(void *p, size_t n)
{
	OPENSSL_cleanse(p, n);
}

/* ---- passwords: scrypt$LOG2N$R$P$SALT$HASH, salt 16 and hash 32 bytes in base64url */

#define LOG2N 15
#define R     8
#define P     1
#define SALT  16
#define HASH  32
#define LOG2N_MOST 17           /* what a kept text may ask for: 128 MiB */

static int
scrypt(struct str password, const uint8_t *salt, size_t n, int log2n, uint8_t out[HASH], struct err *err)
{
	if (EVP_PBE_scrypt(password.p ? password.p : "", password.n, salt, n, 1ULL << log2n, R, P, (uint64_t)192 << 20, out, HASH) != 1)
		return fail(err, "scrypt");
	return 0;
}

int
crypt_password(struct str password, struct buf *out, struct err *err)
{
	uint8_t salt[SALT], hash[HASH];
	int rc;

	if ((rc = crypt_random(salt, SALT, err)) || (rc = scrypt(password, salt, SALT, LOG2N, hash, err)))
		return rc;
	buf_printf(out, "scrypt$%d$%d$%d$", LOG2N, R, P);
	crypt_base64url((struct str){ (const char *)salt, SALT }, out);
	buf_byte(out, '$');
	crypt_base64url((struct str){ (const char *)hash, HASH }, out);
	crypt_wipe(hash, HASH);
	return 0;
}

int
crypt_password_is(struct str password, struct str kept, struct err *err)
{
	struct buf salt = { 0 }, hash = { 0 };
	struct str part[6], rest = kept;
	uint8_t got[HASH];
	int64_t log2n = 0;
	int n = 0, rc;

	while (n < 6 && str_cut(&rest, '$', &part[n]))
		n++;
	if (n != 6 || rest.n || !str_eq(part[0], STR("scrypt")) || str_int64(part[1], &log2n) || log2n < 10 || log2n > LOG2N_MOST ||
	    !str_eq(part[2], STR("8")) || !str_eq(part[3], STR("1")) || crypt_base64url_read(part[4], &salt) || salt.n < 8 ||
	    crypt_base64url_read(part[5], &hash) || hash.n != HASH) {
		rc = err_set(err, ERR_CORRUPT, "a kept password is none");
		goto out;
	}
	if ((rc = scrypt(password, (const uint8_t *)salt.p, salt.n, (int)log2n, got, err)) == 0)
		rc = crypt_equal(got, hash.p, HASH);
	crypt_wipe(got, HASH);
out:
	buf_release(&salt);
	buf_release(&hash);
	return rc;
}

/* ---- AES-256-GCM: 12 bytes nonce, drawn each time; the text; 16 bytes tag. 2^32 texts a key are safe with drawn nonces. */

#define NONCE 12
#define TAG   16

int
crypt_seal(const uint8_t key[32], struct str plain, struct str extra, struct buf *out, struct err *err)
{
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	uint8_t *p = (uint8_t *)buf_room(out, NONCE + plain.n + TAG);
	int n, rc;

	if (plain.n > INT32_MAX / 2 || extra.n > INT32_MAX / 2)
		rc = err_set(err, ERR_LIMIT, "too much to encrypt at once");
	else if ((rc = crypt_random(p, NONCE, err)) == 0 &&
	    (!c || EVP_EncryptInit_ex2(c, EVP_aes_256_gcm(), key, p, NULL) != 1 ||
	    (extra.n && EVP_EncryptUpdate(c, NULL, &n, (const uint8_t *)extra.p, (int)extra.n) != 1) ||
	    (plain.n && EVP_EncryptUpdate(c, p + NONCE, &n, (const uint8_t *)plain.p, (int)plain.n) != 1) ||
	    EVP_EncryptFinal_ex(c, p + NONCE + plain.n, &n) != 1 ||
	    EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, TAG, p + NONCE + plain.n) != 1))
		rc = fail(err, "encrypting");
	if (rc == 0)
		out->n += NONCE + plain.n + TAG;
	EVP_CIPHER_CTX_free(c);
	return rc;
}

int
crypt_open(const uint8_t key[32], struct str sealed, struct str extra, struct buf *out, struct err *err)
{
	EVP_CIPHER_CTX *c = NULL;
	const uint8_t *p = (const uint8_t *)sealed.p;
	uint8_t *to;
	size_t len;
	int n, rc = 0;

	if (sealed.n < NONCE + TAG || sealed.n > INT32_MAX / 2 || extra.n > INT32_MAX / 2)
		return err_set(err, ERR_CORRUPT, "nothing that was encrypted here");
	len = sealed.n - NONCE - TAG;
	to = (uint8_t *)buf_room(out, len + 1);
	c = EVP_CIPHER_CTX_new();
	if (!c || EVP_DecryptInit_ex2(c, EVP_aes_256_gcm(), key, p, NULL) != 1 ||
	    (extra.n && EVP_DecryptUpdate(c, NULL, &n, (const uint8_t *)extra.p, (int)extra.n) != 1) ||
	    (len && EVP_DecryptUpdate(c, to, &n, p + NONCE, (int)len) != 1) ||
	    EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, TAG, (void *)(p + NONCE + len)) != 1 ||
	    EVP_DecryptFinal_ex(c, to + len, &n) != 1) {
		crypt_wipe(to, len);
		ERR_clear_error();
		rc = err_set(err, ERR_CORRUPT, "encrypted with another key, or changed");
	} else {
		out->n += len;
	}
	EVP_CIPHER_CTX_free(c);
	return rc;
}

/* ---- texts */

int
crypt_random_text(size_t n, struct buf *out, struct err *err)
{
	static const char alphabet[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
	uint8_t drawn[64];
	size_t start = out->n, at = sizeof(drawn);
	int rc;

	while (out->n - start < n) {
		if (at == sizeof(drawn)) {
			if ((rc = crypt_random(drawn, sizeof(drawn), err)))
				return rc;
			at = 0;
		}
		if (drawn[at] < 4 * 62)         /* beyond it some letters would come more often */
			buf_byte(out, alphabet[drawn[at] % 62]);
		at++;
	}
	crypt_wipe(drawn, sizeof(drawn));
	return 0;
}

void
crypt_hex(struct str s, struct buf *out)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < s.n; i++) {
		buf_byte(out, digits[(unsigned char)s.p[i] >> 4]);
		buf_byte(out, digits[s.p[i] & 15]);
	}
}

#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

static void
put_sextets(struct str s, const char *alphabet, struct buf *out)
{
	uint32_t bits = 0;
	int have = 0;

	for (size_t i = 0; i < s.n; i++) {
		bits = bits << 8 | (unsigned char)s.p[i];
		for (have += 8; have >= 6; have -= 6)
			buf_byte(out, alphabet[bits >> (have - 6) & 63]);
	}
	if (have)
		buf_byte(out, alphabet[bits << (6 - have) & 63]);
}

void
crypt_base64url(struct str s, struct buf *out)
{
	put_sextets(s, LETTERS "-_", out);
}

void
crypt_base64(struct str s, struct buf *out)
{
	put_sextets(s, LETTERS "+/", out);
	for (size_t i = s.n; i % 3; i++)
		buf_byte(out, '=');
}

static int
sextet(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '-' || c == '+' ? 62 : c == '_' || c == '/' ? 63 : -1;
}

int
crypt_base64url_read(struct str s, struct buf *out)
{
	uint32_t bits = 0;
	int have = 0, v;

	if (s.n % 4 == 0)
		for (int i = 0; i < 2 && s.n && s.p[s.n - 1] == '='; i++)
			s.n--;
	if (s.n % 4 == 1)
		return -1;
	for (size_t i = 0; i < s.n; i++) {
		if ((v = sextet(s.p[i])) < 0)
			return -1;
		bits = bits << 6 | (uint32_t)v;
		if ((have += 6) >= 8) {
			have -= 8;
			buf_byte(out, (char)(bits >> have));
		}
	}
	return bits & ((1u << have) - 1) ? -1 : 0;      /* bits left over are 0, or two texts would say the same */
}
