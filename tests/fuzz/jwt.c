/* Any bytes as a token, up to the first newline, and as a set of keys behind it: nothing is a crash, every refusal has its reason, and
 * without a secret or a private key no input is ever signed. */
#include <stdlib.h>

#include "crypt/jwt.h"

int LLVMFuzzerTestOneInput(const unsigned char *, size_t);

static const char own[] = "{\"keys\":["
    "{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"e\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\",\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"},"
    "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}]}";

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	static struct jwt_keys *known;
	const unsigned char *nl = size ? memchr(data, '\n', size) : NULL;
	struct str token = { (const char *)data, nl ? (size_t)(nl - data) : size };
	struct str set = nl ? (struct str){ (const char *)nl + 1, size - token.n - 1 } : (struct str){ "", 0 };
	struct jwt_keys *keys = jwt_keys_new();
	struct err err = { 0 };
	struct jwt t;
	int rc;

	if (!known) {
		known = jwt_keys_new();
		if (jwt_keys_add_set(known, json_value(str_of(own)), &err) != 2 ||
		    jwt_keys_add_secret(known, STR("a secret that no fuzzer knows, of 64 bytes: 0123456789 012345678"), "HS256", &err))
			abort();
	}
	rc = jwt_read(token, known, &t, &err);
	if (rc < 0 && !err.text[0])
		abort();
	if (rc == 0) {                  /* only the RFCs' own examples, which are in the corpus, may be */
		struct str sign = { memrchr(token.p, '.', token.n), 0 };

		sign.n = (size_t)(token.p + token.n - sign.p);
		if (!str_eq(sign, STR(".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q")) &&
		    !str_eq(sign, STR(".hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg")))
			abort();
		if (jwt_check(&t, STR("joe"), STR("x"), 1300819000000, &err) == 0)
			abort();
	}
	if (jwt_looks(token) == 0 && rc >= 0)
		abort();
	jwt_release(&t);
	if (json_check(set, &err) == 0 && jwt_keys_add_set(keys, json_value(set), &err) >= 0) {
		if (jwt_keys_count(keys) > 64)
			abort();
		rc = jwt_read(token, keys, &t, &err);
		jwt_release(&t);
	}
	jwt_keys_free(keys);
	return 0;
}
