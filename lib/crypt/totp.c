/* totp.c - the door to liboath. */
#include "crypt/totp.h"

#include <liboath/oath.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/cmd.h"
#include "crypt/crypt.h"

#define STEP_S 30

static const char *
oath_version(void)
{
	return oath_check_version(NULL);
}
CMD_LIBRARY("liboath", oath_version())

static void
start(void)
{
	oath_init();
}

static int
fail(struct err *err, int rc)
{
	return err_set(err, rc == OATH_INVALID_BASE32 ? ERR_INPUT : ERR_IO, "one-time codes: %s", oath_strerror(rc));
}

int
totp_code(struct str secret, int64_t time, int digits, char out[9], struct err *err)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	int rc;

	pthread_once(&once, start);
	rc = oath_totp_generate(secret.p, secret.n, (time_t)(time / 1000), STEP_S, OATH_TOTP_DEFAULT_START_TIME, (unsigned)digits, out);
	return rc == OATH_OK ? 0 : fail(err, rc);
}

int
totp_is(struct str secret, struct str code, int64_t now, int64_t used, int64_t *step, struct err *err)
{
	int64_t current = now / 1000 / STEP_S;
	int found = 0;
	char want[9];

	if (code.n != 6)
		return 0;
	for (int64_t at = current - 1; at <= current + 1; at++) {       /* all three, so that time does not tell which */
		if (totp_code(secret, at * STEP_S * 1000, 6, want, err))
			return err->code;
		if (crypt_equal(want, code.p, 6) & (at > used) & !found) {
			*step = at;
			found = 1;
		}
	}
	return found;
}

int
totp_base32(struct str secret, struct buf *out, struct err *err)
{
	char *text;
	size_t n;
	int rc = oath_base32_encode(secret.p, secret.n, &text, &n);

	if (rc != OATH_OK)
		return fail(err, rc);
	while (n && text[n - 1] == '=')
		n--;
	buf_add(out, text, n);
	crypt_wipe(text, n);
	free(text);
	return 0;
}

int
totp_base32_read(struct str text, struct buf *secret, struct err *err)
{
	char *bytes;
	size_t n;
	int rc = oath_base32_decode(text.p, text.n, &bytes, &n);

	if (rc != OATH_OK)
		return fail(err, rc);
	buf_add(secret, bytes, n);
	crypt_wipe(bytes, n);
	free(bytes);
	return 0;
}

int
totp_uri(struct str secret, const char *issuer, struct str user, struct buf *out, struct err *err)
{
	int rc;

	buf_printf(out, "otpauth://totp/%s:", issuer);
	for (size_t i = 0; i < user.n; i++)
		if (strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-", user.p[i]))
			buf_byte(out, user.p[i]);
		else
			buf_printf(out, "%%%02X", (unsigned char)user.p[i]);
	buf_lit(out, "?secret=");
	if ((rc = totp_base32(secret, out, err)) == 0)
		buf_printf(out, "&issuer=%s", issuer);
	return rc;
}
