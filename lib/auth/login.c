/* login.c - passwords, one-time codes, sessions, and how long who fails has to wait.
 *
 * Each try is counted before its password is looked at, in the store, so that many tries at once in many processes are no way
 * around the waiting; one that goes well takes its count away again.
 *
 *      session     {"user":…,"tenant":…,"roles":[…],"created":…,"seen":…,"address":…}    roles: of a foreign identity (oidc.c) only
 *      challenge   {"user":…,"tenant":…,"created":…,"tries":N}
 *      failure     {"n":N,"last":…}
 */
#include <stdlib.h>

#include "auth/auth_priv.h"
#include "base/mem.h"
#include "base/time.h"
#include "crypt/crypt.h"
#include "crypt/totp.h"
#include "store/admin.h"

#define MINUTE        60000LL
#define IDLE_MS       (30 * MINUTE)     /* OWASP ASVS 3.3.2 */
#define ABSOLUTE_MS   (12 * 60 * MINUTE)
#define SEEN_MS       MINUTE            /* a session's last use is written down no more often */
#define CHALLENGE_MS  (5 * MINUTE)
#define CODES_MOST    5                 /* wrong ones for one challenge */
#define SECRET        43                /* characters: 256 bits */
#define RECOVERY      10                /* codes */
#define RECOVERY_LEN  20                /* characters of one: 119 bits, so that its hash gives nothing away (ASVS 2.6.2: 112) */
#define SWEEP_NS      (300 * 1000000000LL)
#define PASSWORD_MOST 1024              /* bytes that scrypt is asked to look at */
#define ALIKE_MOST    16                /* users of one name whose passwords are looked at: a fifth of a second each */

/* What a password is held against when there is no such user. */
#define NOBODY "scrypt$15$8$1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

/* ---- what has passed */

struct sweeping { struct auth *auth; const char *kind; const char *since; int64_t before; struct err *err; };

static int
sweep_one(void *self, struct str name, struct str value)
{
	struct sweeping *s = self;

	return auth_time(json_value(value), s->since) < s->before ? store_drop_state(s->auth->store, s->kind, name, s->err) : 0;
}

static int
sweep(struct auth *a, struct err *err)
{
	int64_t now = time_now(), mono = time_mono_ns();
	struct sweeping what[] = {
		{ a, "session", "created", now - ABSOLUTE_MS, err }, { a, "session", "seen", now - IDLE_MS - SEEN_MS, err },
		{ a, "challenge", "created", now - CHALLENGE_MS, err }, { a, "failure", "last", now - 60 * MINUTE, err },
	};
	int rc = 0;

	if (a->swept && mono - a->swept < SWEEP_NS)
		return 0;
	a->swept = mono;
	for (size_t i = 0; i < sizeof(what) / sizeof(*what) && rc == 0; i++)
		rc = store_each_state(a->store, what[i].kind, sweep_one, &what[i], err);
	return rc;
}

/* ---- waiting */

struct count { const char *of; int64_t free, window_ms; };      /* tries without waiting; what is older than the window is forgotten */
static const struct count counts[] = {
	{ "user from", 5, 60 * MINUTE },        /* of a user from one address */
	{ "from",      20, 60 * MINUTE },       /* from an address, whichever users */
	{ "user",      100, 60 * MINUTE },      /* of a user, from wherever (ASVS 2.2.1) */
};
enum { USER_FROM, FROM, USER, COUNTS };

/* Somebody who tries to log in: a user of a tenant, or a name that no tenant has (its p NULL). */
struct trier { struct str tenant, user; };

static void
count_name(int i, const struct trier *who, const char *address, struct buf *out)
{
	struct buf text = { 0 };

	buf_printf(&text, "%s", counts[i].of);
	buf_byte(&text, 0);
	if (i != FROM) {
		buf_str(&text, who->tenant);
		buf_byte(&text, 0);
		buf_str(&text, who->user);
	}
	buf_byte(&text, 0);
	if (i != USER)
		buf_lit(&text, address ? address : "");
	buf_clear(out);
	auth_hash_hex(buf_get(&text), out);
	buf_release(&text);
}

/* After so many: 1, 2, 4 … seconds, a quarter of an hour at most. */
static int64_t
wait_ms(int64_t n, int64_t free)
{
	int64_t more = n - free;

	return more < 0 ? 0 : more >= 10 ? 15 * MINUTE : 1000LL << more;
}

/* How long one count lets wait, and what it stands at. */
static int
read_count(struct auth *a, int i, const struct trier *who, const char *address, int64_t at, int64_t *n, int64_t *wait, struct err *err)
{
	struct buf name = { 0 }, was = { 0 };
	int rc;

	*n = 0;
	count_name(i, who, address, &name);
	if ((rc = store_get_state(a->store, "failure", buf_get(&name), &was, err)) > 0) {
		struct json record = json_value(buf_get(&was));
		int64_t last = auth_time(record, "last");

		if (last > at)          /* the clock went back */
			last = at;
		if (last == TIME_NONE || at - last >= counts[i].window_ms || !json_int64(json_get(record, STR("n")), n))
			*n = 0;
		else if (*n >= counts[i].free && last + wait_ms(*n, counts[i].free) - at > *wait)
			*wait = last + wait_ms(*n, counts[i].free) - at;
	}
	buf_release(&name), buf_release(&was);
	return rc < 0 ? rc : 0;
}

static int
put_count(struct auth *a, int i, const struct trier *who, const char *address, int64_t at, int64_t n, struct err *err)
{
	struct buf name = { 0 }, now = { 0 };
	int rc;

	count_name(i, who, address, &name);
	buf_printf(&now, "{\"n\":%lld,\"last\":", (long long)n);
	json_put_time(&now, at);
	buf_byte(&now, '}');
	rc = store_put_state(a->store, "failure", buf_get(&name), buf_get(&now), err);
	buf_release(&name), buf_release(&now);
	return rc;
}

/* One more try for each of those that may be meant, of which those that have to wait are let out; ERR_LIMIT when that is all of them, with the
 * seconds until one need not, and then it does not count. In a transaction. */
static int
count_try(struct auth *a, const struct trier *who, int n_who, int *may, const char *address, struct err *err)
{
	int64_t at = time_now(), n[COUNTS], mine[ALIKE_MOST][COUNTS], all = 0, least = INT64_MAX;
	int rc = read_count(a, FROM, who, address, at, &n[FROM], &all, err);

	for (int k = 0; k < n_who && rc == 0; k++) {
		int64_t wait = all;

		if ((rc = read_count(a, USER_FROM, &who[k], address, at, &mine[k][USER_FROM], &wait, err)) == 0)
			rc = read_count(a, USER, &who[k], address, at, &mine[k][USER], &wait, err);
		may[k] = wait <= 0;
		least = wait < least ? wait : least;
	}
	if (rc == 0 && least > 0) {
		rc = err_set(err, ERR_LIMIT, "too many tries, wait %lld s", (long long)(least + 999) / 1000);
		err->col = (long)((least + 999) / 1000);
	}
	if (rc == 0)
		rc = put_count(a, FROM, who, address, at, n[FROM] + 1, err);
	for (int k = 0; k < n_who && rc == 0; k++)
		if (may[k] && (rc = put_count(a, USER_FROM, &who[k], address, at, mine[k][USER_FROM] + 1, err)) == 0)
			rc = put_count(a, USER, &who[k], address, at, mine[k][USER] + 1, err);
	return rc ? rc : sweep(a, err);
}

/* One try less; whole: there was none. */
static int
lower_count(struct auth *a, int i, const struct trier *who, const char *address, int whole, struct err *err)
{
	struct buf name = { 0 }, was = { 0 }, now = { 0 };
	int64_t n = 0;
	int rc;

	count_name(i, who, address, &name);
	rc = store_get_state(a->store, "failure", buf_get(&name), &was, err);
	if (rc > 0 && !whole && json_int64(json_get(json_value(buf_get(&was)), STR("n")), &n) && n > 1) {
		buf_printf(&now, "{\"n\":%lld,\"last\":%.*s}", (long long)n - 1, STR_FMT(json_raw(json_get(json_value(buf_get(&was)), STR("last")))));
		rc = store_put_state(a->store, "failure", buf_get(&name), buf_get(&now), err);
	} else if (rc > 0) {
		rc = store_drop_state(a->store, "failure", buf_get(&name), err);
	}
	buf_release(&name), buf_release(&was), buf_release(&now);
	return rc < 0 ? rc : 0;
}

/* It went well: the user's counts are gone, the address has this try back, but not those for others. */
static int
uncount(struct auth *a, const struct trier *who, const char *address, struct err *err)
{
	int rc = 0;

	for (int i = 0; i < COUNTS && rc == 0; i++)
		rc = lower_count(a, i, who, address, i != FROM, err);
	return rc;
}

/* The try was not meant for him. */
static int
give_back(struct auth *a, const struct trier *who, const char *address, struct err *err)
{
	int rc = lower_count(a, USER_FROM, who, address, 0, err);

	return rc ? rc : lower_count(a, USER, who, address, 0, err);
}

/* ---- audit */

static int
audit_login(struct auth *a, const char *action, struct str tenant, struct str user, const char *address, int good, struct err *err)
{
	return audit_put(a, &(struct audit_entry){ .tenant = tenant, .who = good ? user : (struct str){ 0 }, .from = str_of(address),
	    .action = str_of(action), .object = user.p ? user : STR("an unknown user"), .result = good ? STR("ok") : STR("denied") }, err);
}

static int
refused(struct err *err)
{
	return err_set(err, ERR_INPUT, "user, password or code is wrong");
}

/* ---- sessions */

void
auth_login_release(struct auth_login *l)
{
	buf_release(&l->session);
	buf_release(&l->challenge);
	buf_release(&l->tenants);
}

/* A new secret for the caller, and what is kept under its hash. */
static int
keep(struct auth *a, const char *kind, struct buf *record, struct buf *secret, struct err *err)
{
	struct buf hash = { 0 };
	int rc;

	buf_clear(secret);
	if ((rc = crypt_random_text(SECRET, secret, err)) == 0) {
		auth_hash_hex(buf_get(secret), &hash);
		rc = store_put_state(a->store, kind, buf_get(&hash), buf_get(record), err);
	}
	buf_release(&hash);
	return rc;
}

int
auth_session_begin(struct auth *a, struct str tenant, struct str user, struct json roles, const char *address, struct auth_login *l, struct err *err)
{
	struct buf b = { 0 };
	int64_t now = time_now();
	int rc;

	auth_put_text(&b, "user", user);
	auth_put_text(&b, "tenant", tenant);
	if (json_is(roles, JSON_ARRAY)) {
		buf_lit(&b, ",\"roles\":");
		buf_str(&b, json_raw(roles));
	}
	auth_put_time(&b, "created", now);
	auth_put_time(&b, "seen", now);
	auth_put_text(&b, "address", str_of(address ? address : "-"));
	buf_byte(&b, '}');
	l->expires = now + ABSOLUTE_MS;
	if ((rc = keep(a, "session", &b, &l->session, err)) == 0 && (rc = audit_login(a, "login", tenant, user, address, 1, err)) == 0)
		rc = sweep(a, err);
	buf_release(&b);
	return rc;
}

/* Write down that it was used, at most once a minute. */
static void
touch(struct auth *a, struct str hash, struct json session, int64_t now)
{
	struct json_iter it = json_iter(session);
	struct buf b = { 0 };

	while (json_next(&it)) {
		buf_byte(&b, b.n ? ',' : '{');
		buf_str(&b, json_raw(it.key));
		buf_byte(&b, ':');
		if (json_text_eq(it.key, STR("seen")))
			json_put_time(&b, now);
		else
			buf_str(&b, json_raw(it.value));
	}
	buf_byte(&b, '}');
	auth_later_state(a, "session", hash, buf_get(&b));
	buf_release(&b);
}

int64_t
auth_session_expires(struct json session)
{
	int64_t last = auth_time(session, "created") + ABSOLUTE_MS, idle = auth_time(session, "seen") + IDLE_MS;

	return idle < last ? idle : last;
}

int
auth_session_good(struct json session, int64_t now)
{
	int64_t created = auth_time(session, "created"), seen = auth_time(session, "seen");

	return created != TIME_NONE && seen != TIME_NONE && now < created + ABSOLUTE_MS && now < seen + IDLE_MS;
}

static int
principal_of(struct auth *a, const struct auth_credentials *c, struct json session, struct str hash, struct principal **who, struct err *err)
{
	struct principal p = { .kind = AUTH_SESSION, .id = { hash.p, AUTH_SESSION_ID } };
	struct json roles = json_get(session, STR("roles"));
	struct arena *arena = arena_new(0);
	int64_t created = auth_time(session, "created");
	struct str user = auth_text(session, "user", arena), tenant = auth_text(session, "tenant", arena);
	struct auth_caller *k;
	int rc = 0;

	pthread_mutex_lock(&a->lock);
	k = json_is(roles, JSON_ARRAY) ? auth_caller_roles(a, tenant, roles, err) : auth_caller_user(a, tenant, user, err);
	if (k && !k->disabled && (json_is(roles, JSON_ARRAY) || (created >= k->since && str_eq(k->tenant, tenant)))) {
		p.name = user, p.roles = k->roles, p.rights = k->rights, p.expires = created + ABSOLUTE_MS;
		if ((rc = auth_tenant_of(c, k->tenant, &p, err)) == 0)
			*who = principal_new(&p);
	} else {
		rc = err->code ? err->code : 1;
	}
	pthread_mutex_unlock(&a->lock);
	arena_free(arena);
	return rc;
}

int
auth_check_session(struct auth *a, const struct auth_credentials *c, struct principal **who, struct err *err)
{
	struct buf hash = { 0 }, record = { 0 };
	int64_t now = time_now();
	int rc = 1;             /* none */

	if (c->session.n == SECRET) {
		auth_hash_hex(c->session, &hash);
		if ((rc = store_get_state(a->reader, "session", buf_get(&hash), &record, err)) == 0)
			rc = 1;
		else if (rc > 0)
			rc = auth_session_good(json_value(buf_get(&record)), now) ? principal_of(a, c, json_value(buf_get(&record)), buf_get(&hash), who, err) : 1;
		if (rc == 0 && now - auth_time(json_value(buf_get(&record)), "seen") >= SEEN_MS)
			touch(a, buf_get(&hash), json_value(buf_get(&record)), now);
	}
	buf_release(&hash);
	buf_release(&record);
	return rc > 0 ? auth_refuse(a, c, (struct str){ 0 }, err) : rc;
}

int
auth_logout(struct auth *a, struct str session, const char *address, struct err *err)
{
	struct buf hash = { 0 }, record = { 0 };
	struct arena *arena = arena_new(0);
	int rc;

	auth_hash_hex(session, &hash);
	if ((rc = auth_begin(a, err)))
		goto out;
	if ((rc = store_get_state(a->store, "session", buf_get(&hash), &record, err)) > 0 &&
	    (rc = store_drop_state(a->store, "session", buf_get(&hash), err)) == 0) {
		struct json was = json_value(buf_get(&record));
		struct str user = auth_text(was, "user", arena);

		if ((rc = audit_login(a, "logout", auth_text(was, "tenant", arena), user, address, 1, err)) == 0)
			rc = 1;
	}
	rc = auth_end(a, rc, err);
out:
	buf_release(&hash);
	buf_release(&record);
	arena_free(arena);
	return rc;
}

/* ---- one-time codes */

/* The record with another mfa (JSON; p NULL: none). Caches do not hold it, so the generation stays. */
static int
put_mfa(struct auth *a, struct json user, const struct trier *who, struct str mfa, struct err *err)
{
	struct auth_set set = { "mfa", mfa };
	struct buf b = { 0 };
	int rc = auth_record_make(a, auth_user_fields, "user", user, json_checked(STR("{}")), &set, 1, &b, err);

	if (rc == 0)
		rc = auth_user_put(a, who->tenant, who->user, buf_get(&b), err);
	buf_release(&b);
	return rc;
}

static void
hash_code(struct str code, struct buf *out)
{
	struct buf plain = { 0 };

	for (size_t i = 0; i < code.n; i++)     /* as people write it: with dashes and blanks */
		if (code.p[i] != '-' && code.p[i] != ' ')
			buf_byte(&plain, code.p[i]);
	auth_hash_hex(buf_get(&plain), out);
	buf_release(&plain);
}

static int
draw_codes(struct buf *shown, struct buf *kept, struct err *err)
{
	struct buf code = { 0 };
	int rc = 0;

	for (int i = 0; i < RECOVERY && rc == 0; i++) {
		buf_clear(&code);
		if ((rc = crypt_random_text(RECOVERY_LEN, &code, err)))
			break;
		buf_lit(shown, i ? ",\"" : "[\"");
		buf_lit(kept, i ? ",\"" : "[\"");
		for (int k = 0; k < RECOVERY_LEN; k += 4) {
			if (k)
				buf_byte(shown, '-');
			buf_add(shown, code.p + k, 4);
		}
		hash_code(buf_get(&code), kept);
		buf_byte(shown, '"');
		buf_byte(kept, '"');
	}
	buf_byte(shown, ']');
	buf_byte(kept, ']');
	buf_release(&code);
	return rc;
}

int
auth_seal_key(struct auth *a, uint8_t key[32])
{
	int sealed;

	pthread_mutex_lock(&a->lock);
	sealed = a->sealed;
	memcpy(key, a->seal, 32);
	pthread_mutex_unlock(&a->lock);
	return sealed;
}

/* The secret as it is kept: base32, or with auth.secret in the configuration sealed by that, for this user. */
static int
keep_secret(struct auth *a, struct str user, struct str secret, struct buf *mfa, struct err *err)
{
	struct buf text = { 0 };
	uint8_t key[32];
	int rc;

	if (auth_seal_key(a, key)) {
		if ((rc = crypt_seal(key, secret, user, &text, err)) == 0) {
			buf_lit(mfa, "\"sealed\":\"");
			crypt_base64url(buf_get(&text), mfa);
		}
	} else if ((rc = totp_base32(secret, &text, err)) == 0) {
		buf_lit(mfa, "\"secret\":\"");
		buf_str(mfa, buf_get(&text));
	}
	buf_byte(mfa, '"');
	buf_release(&text);
	return rc;
}

static int
read_secret(struct auth *a, struct str user, struct json mfa, struct buf *secret, struct err *err)
{
	struct arena *arena = arena_new(0);
	struct str plain = auth_text(mfa, "secret", arena), sealed = auth_text(mfa, "sealed", arena);
	struct buf b = { 0 };
	uint8_t key[32];
	int rc;

	if (plain.p)
		rc = totp_base32_read(plain, secret, err);
	else if (!sealed.p || crypt_base64url_read(sealed, &b))
		rc = err_set(err, ERR_CORRUPT, "the one-time codes of a user are damaged");
	else if (!auth_seal_key(a, key))
		rc = err_set(err, ERR_IO, "one-time codes are sealed: auth.secret is missing in analytics.json");
	else
		rc = crypt_open(key, buf_get(&b), user, secret, err);
	buf_release(&b);
	arena_free(arena);
	return rc;
}

static int
make_mfa(struct auth *a, struct str user, struct buf *mfa, struct buf *out, struct err *err)
{
	struct buf secret = { 0 }, kept = { 0 };
	int rc;

	if ((rc = crypt_random(buf_room(&secret, TOTP_SECRET), TOTP_SECRET, err)))
		return rc;
	secret.n = TOTP_SECRET;
	buf_lit(mfa, "{");
	buf_lit(out, "{\"name\":");
	json_put_string(out, user);
	buf_lit(out, ",\"secret\":\"");
	if ((rc = keep_secret(a, user, buf_get(&secret), mfa, err)) == 0 && (rc = totp_base32(buf_get(&secret), out, err)) == 0) {
		buf_lit(out, "\",\"uri\":\"");
		rc = totp_uri(buf_get(&secret), "at", user, out, err);
		buf_lit(out, "\",\"codes\":");
		if (rc == 0)
			rc = draw_codes(out, &kept, err);
		buf_printf(mfa, ",\"step\":0,\"codes\":%.*s}", STR_FMT(buf_get(&kept)));
		buf_byte(out, '}');
	}
	crypt_wipe(secret.p, secret.cap);
	buf_release(&secret);
	buf_release(&kept);
	return rc;
}

int
auth_mfa(struct auth *a, const struct auth_actor *actor, struct str tenant, struct str user, int on, struct buf *out, struct err *err)
{
	struct buf was = { 0 }, mfa = { 0 };
	struct json record;
	int rc;

	if ((rc = auth_begin(a, err)))
		return rc;
	record = (rc = auth_user_get(a->store, tenant, user, &was, err)) > 0 ? json_value(buf_get(&was)) : JSON_ABSENT;
	if (rc <= 0) {
		auth_end(a, -1, err);
	} else {
		if ((rc = principal_may_give(a, actor, tenant, json_get(record, STR("roles")), JSON_ABSENT, err)) == 0 &&
		    (rc = on ? make_mfa(a, user, &mfa, out, err) : 0) == 0 &&
		    (rc = put_mfa(a, record, &(struct trier){ tenant, user }, on ? buf_get(&mfa) : (struct str){ 0 }, err)) == 0)
			rc = audit_put_act(a, actor, tenant, on ? "user.mfa.on" : "user.mfa.off", "user", user, err);
		if ((rc = auth_end(a, rc, err)) == 0)
			rc = 1;
	}
	buf_release(&was);
	buf_release(&mfa);
	return rc;
}

/* The mfa record behind a good code, so that it is not taken again: 1; 0 it is wrong. */
static int
use_code(struct auth *a, struct str user, struct json mfa, struct str code, struct buf *next, struct err *err)
{
	struct json_iter it;
	struct buf secret = { 0 }, hash = { 0 };
	int64_t used = 0, step = 0;
	int rc, n = 0, found = 0;

	json_int64(json_get(mfa, STR("step")), &used);
	if ((rc = read_secret(a, user, mfa, &secret, err)))
		goto out;
	rc = totp_is(buf_get(&secret), code, time_now(), used, &step, err);
	hash_code(code, &hash);
	buf_byte(next, '{');
	for (it = json_iter(mfa); json_next(&it); )
		if (json_text_eq(it.key, STR("secret")) || json_text_eq(it.key, STR("sealed")))
			buf_printf(next, "%.*s:%.*s,", STR_FMT(json_raw(it.key)), STR_FMT(json_raw(it.value)));
	buf_printf(next, "\"step\":%lld,\"codes\":[", (long long)(rc > 0 ? step : used));
	for (it = json_iter(json_get(mfa, STR("codes"))); json_next(&it); ) {
		int same = it.value.n == 66 && crypt_equal(it.value.p + 1, hash.p, 64);

		if (same)
			found = 1;
		else
			buf_printf(next, "%s%.*s", n++ ? "," : "", STR_FMT(json_raw(it.value)));
	}
	buf_lit(next, "]}");
	rc = rc == 0 ? found : rc;
out:
	if (secret.p)
		crypt_wipe(secret.p, secret.cap);
	buf_release(&secret);
	buf_release(&hash);
	return rc;
}

/* ---- the two steps */

static int
begin_challenge(struct auth *a, const struct trier *who, struct auth_login *l, struct err *err)
{
	struct buf b = { 0 };
	int rc;

	auth_put_text(&b, "user", who->user);
	auth_put_text(&b, "tenant", who->tenant);
	auth_put_time(&b, "created", time_now());
	buf_lit(&b, ",\"tries\":0}");
	l->expires = time_now() + CHALLENGE_MS;
	rc = keep(a, "challenge", &b, &l->challenge, err);
	buf_release(&b);
	return rc;
}

/* Does what the password was held against still stand? That took a fifth of a second, in which the user may have got another one, or one-time
 * codes, or be disabled. In a transaction. */
static int
is_still(struct auth *a, const struct trier *who, struct json record, struct err *err)
{
	static const char *const decisive[] = { "password", "disabled" };
	struct buf now = { 0 };
	int rc = auth_user_get(a->store, who->tenant, who->user, &now, err);
	struct json fresh = rc > 0 ? json_value(buf_get(&now)) : JSON_ABSENT;

	for (size_t i = 0; rc > 0 && i < sizeof(decisive) / sizeof(*decisive); i++)
		rc = str_eq(json_raw(json_get(fresh, str_of(decisive[i]))), json_raw(json_get(record, str_of(decisive[i]))));
	if (rc > 0)
		rc = json_get(fresh, STR("mfa")).type == json_get(record, STR("mfa")).type;
	buf_release(&now);
	return rc;
}

/* ---- who is meant: users of one name, of as many tenants */

struct alike {
	struct trier who[ALIKE_MOST];           /* texts in the arena */
	struct str record[ALIKE_MOST];
	int may[ALIKE_MOST], good[ALIKE_MOST];  /* has not to wait; has this password */
	int n, more;                            /* more: there are more of them than are looked at */
	struct auth *auth;
	struct arena *arena;
	struct str name, near;
	struct err *err;
};

static int
look_in(void *self, const char *tenant)
{
	struct alike *m = self;
	struct buf record = { 0 };
	struct str of = str_of(tenant);
	int rc = auth_user_get(m->auth->reader, of, m->name, &record, m->err);

	m->more = rc > 0 && m->n == ALIKE_MOST;
	if (rc > 0 && !m->more) {
		m->who[m->n] = (struct trier){ { arena_dup(m->arena, of.p, of.n), of.n }, m->name };
		m->record[m->n++] = (struct str){ arena_dup(m->arena, record.p, record.n), record.n };
	}
	buf_release(&record);
	return rc < 0 ? rc : m->more;
}

static int
look_in_other(void *self, const char *tenant)
{
	const struct alike *m = self;

	return str_eq(m->near, str_of(tenant)) ? 0 : look_in(self, tenant);
}

static int
look_in_folder(void *self, const char *tenant)
{
	return strcmp(tenant, "default") ? look_in_other(self, tenant) : 0;
}

static int
look_in_named(struct alike *m, struct str tenant)
{
	return tenant.p && tenant.n < 64 && !memchr(tenant.p, 0, tenant.n) ? look_in(m, arena_dup(m->arena, tenant.p, tenant.n)) : 0;
}

/* Where nobody says which tenant he is of it is any that has the name, the nearer one first. */
static int
find_alike(struct alike *m, const struct auth_user *user, struct err *err)
{
	int rc = 0;

	if (user->name.n > 200)
		return 0;
	if (user->tenant.p)
		rc = look_in_named(m, user->tenant);
	else if ((rc = look_in_named(m, m->near)) == 0 && (rc = look_in_other(m, "*")) == 0 &&
	    (rc = look_in_other(m, "default")) == 0)            /* has no folder before its first event */
		rc = store_tenants(m->auth->dir, look_in_folder, m, err);
	return rc < 0 ? rc : 0;
}

/* Which of them have this password: how many. A name that nobody has costs as much as one that somebody has. */
static int
hold_against(struct alike *m, struct str password, struct err *err)
{
	int rc = 0, n = 0;

	if (password.n > PASSWORD_MOST)
		password.n = PASSWORD_MOST;
	if (!m->n)
		return crypt_password_is(password, STR(NOBODY), err) < 0 ? err->code : 0;
	for (int i = 0; i < m->n && rc >= 0; i++) {
		struct json record = json_value(m->record[i]);
		struct str kept = auth_text(record, "password", m->arena);

		if (!m->may[i])
			continue;
		rc = crypt_password_is(password, kept.p ? kept : STR(NOBODY), err);
		m->good[i] = rc > 0 && kept.p && !json_is(json_get(record, STR("disabled")), JSON_TRUE);
		n += m->good[i];
	}
	return rc < 0 ? rc : n;
}

/* Of several with this password the one who is nearer; -1: it cannot be told, and l has the tenants. */
static int
which(const struct alike *m, int n, struct auth_login *l)
{
	int one = -1, said = 0;

	for (int i = 0; i < m->n; i++)
		if (m->good[i] && (n == 1 || (m->near.p && str_eq(m->near, m->who[i].tenant))))
			one = i;
	if (one >= 0)
		return one;
	for (int i = 0; i < m->n; i++)
		if (m->good[i]) {
			buf_byte(&l->tenants, said++ ? ',' : '[');
			json_put_string(&l->tenants, m->who[i].tenant);
		}
	buf_byte(&l->tenants, ']');
	return one;
}

/* The tries that were counted for the others. */
static int
give_others_back(struct auth *a, const struct alike *m, int one, const char *address, struct err *err)
{
	int rc = 0;

	for (int i = 0; i < m->n && rc == 0; i++)
		if (i != one && m->may[i])
			rc = give_back(a, &m->who[i], address, err);
	return rc;
}

/* What a right password leads to; 1: it is none any more. In a transaction. */
static int
enter(struct auth *a, const struct alike *m, int one, const char *address, struct auth_login *l, struct err *err)
{
	struct json record = json_value(m->record[one]);
	const struct trier *who = &m->who[one];
	int rc = is_still(a, who, record, err);

	if (rc <= 0)
		return rc < 0 ? rc : 1;
	if ((rc = give_others_back(a, m, one, address, err)))
		return rc;
	if (json_is(json_get(record, STR("mfa")), JSON_OBJECT))
		return begin_challenge(a, who, l, err);
	if ((rc = uncount(a, who, address, err)) == 0)
		rc = auth_session_begin(a, who->tenant, who->user, JSON_ABSENT, address, l, err);
	return rc;
}

/* Each tenant that may have been meant has it in its trail. */
static int
audit_wrong(struct auth *a, const struct alike *m, const char *address, struct err *err)
{
	int rc = m->n ? 0 : audit_login(a, "login", (struct str){ 0 }, (struct str){ 0 }, address, 0, err);

	for (int i = 0; i < m->n && rc == 0; i++)
		if (m->may[i])
			rc = audit_login(a, "login", m->who[i].tenant, m->name, address, 0, err);
	return rc;
}

/* What a right or wrong password leads to, in a transaction of its own. */
static int
after_password(struct auth *a, const struct alike *m, int n, const char *address, struct auth_login *l, struct err *err)
{
	int one = n ? which(m, n, l) : -1, rc = auth_begin(a, err), wrong = n == 0;

	if (rc)
		return rc;
	if (n && one < 0)
		rc = give_others_back(a, m, -1, address, err);
	else if (n && (rc = enter(a, m, one, address, l, err)) > 0)
		wrong = 1, rc = 0;
	if (rc == 0 && wrong)
		rc = audit_wrong(a, m, address, err);
	if ((rc = auth_end(a, rc, err)) == 0 && wrong && m->more) {
		buf_lit(&l->tenants, "[]");
		rc = err_set(err, ERR_INPUT, "user or password is wrong, or say which tenant is meant: tenant");
	} else if (rc == 0 && wrong)
		rc = refused(err);
	else if (rc == 0 && one < 0)
		rc = err_set(err, ERR_INPUT, "several tenants have this user, say which one is meant: tenant");
	return rc;
}

int
auth_login(struct auth *a, const struct auth_user *user, struct str password, const char *address, struct auth_login *l, struct err *err)
{
	struct alike m = { .auth = a, .arena = arena_new(0), .name = user->name, .near = user->near, .err = err };
	const struct trier nobody = { { 0 }, user->name };
	int rc, n;

	*l = (struct auth_login){ 0 };
	if ((rc = find_alike(&m, user, err)) == 0 && (rc = auth_begin(a, err)) == 0)
		rc = auth_end(a, count_try(a, m.n ? m.who : &nobody, m.n ? m.n : 1, m.may, address, err), err);
	if (rc == 0 && (rc = n = hold_against(&m, password, err)) >= 0)
		rc = after_password(a, &m, n, address, l, err);
	arena_free(m.arena);
	return rc;
}

/* ---- one's own password */

static int
put_password(struct auth *a, const struct auth_actor *actor, const struct trier *who, struct str fresh, const char *address, struct auth_login *l, struct err *err)
{
	struct buf in = { 0 }, was = { 0 }, made = { 0 }, at = { 0 };
	struct auth_set set[] = { { "changed", { 0 } }, { "since", { 0 } } };
	int rc;

	buf_lit(&in, "{\"password\":");
	json_put_string(&in, fresh);
	buf_byte(&in, '}');
	json_put_time(&at, time_now());
	set[0].json = set[1].json = buf_get(&at);
	if ((rc = auth_begin(a, err)))
		goto out;
	if ((rc = auth_user_get(a->store, who->tenant, who->user, &was, err)) <= 0) {
		rc = rc < 0 ? rc : refused(err);
	} else if ((rc = auth_record_make(a, auth_user_fields, "user", json_value(buf_get(&was)), json_value(buf_get(&in)), set, 2, &made, err))) {
		err->col = 1;
	} else if ((rc = auth_user_put(a, who->tenant, who->user, buf_get(&made), err)) == 0 && (rc = auth_changed(a, err)) == 0 &&
	    (rc = audit_put_act(a, actor, who->tenant, "user.password", "user", who->user, err)) == 0 && (rc = uncount(a, who, address, err)) == 0) {
		rc = auth_session_begin(a, who->tenant, who->user, JSON_ABSENT, address, l, err);
	}
	rc = auth_end(a, rc, err);
out:
	if (in.p)
		crypt_wipe(in.p, in.cap);
	buf_release(&in), buf_release(&was), buf_release(&made), buf_release(&at);
	return rc;
}

int
auth_password(struct auth *a, const struct auth_actor *actor, struct str password, struct str fresh, const char *address, struct auth_login *l, struct err *err)
{
	const struct trier who = { principal_home(actor->who), actor->who->name };
	struct arena *arena = arena_new(0);
	struct buf record = { 0 };
	struct str kept;
	int rc, may;

	*l = (struct auth_login){ 0 };
	if (actor->who->kind != AUTH_SESSION || (rc = auth_user_get(a->reader, who.tenant, who.user, &record, err)) == 0) {
		rc = err_set(err, ERR_DENIED, "only who signed in with a password has one to change");
		goto out;
	}
	if (rc < 0 || (rc = auth_begin(a, err)) || (rc = auth_end(a, count_try(a, &who, 1, &may, address, err), err)))
		goto out;
	kept = auth_text(json_value(buf_get(&record)), "password", arena);
	if (password.n > PASSWORD_MOST)
		password.n = PASSWORD_MOST;
	if ((rc = crypt_password_is(password, kept.p ? kept : STR(NOBODY), err)) < 0)
		goto out;
	if (rc == 0 || !kept.p) {
		if ((rc = auth_begin(a, err)) == 0)
			rc = auth_end(a, audit_login(a, "user.password", who.tenant, who.user, address, 0, err), err);
		rc = rc < 0 ? rc : refused(err);
	} else {
		rc = put_password(a, actor, &who, fresh, address, l, err);
	}
out:
	buf_release(&record);
	arena_free(arena);
	return rc;
}

/* The challenge with one more try; gone when it has had enough of them. */
static int
put_tries(struct auth *a, struct str hash, struct json challenge, int64_t tries, struct err *err)
{
	struct buf b = { 0 };
	int rc;

	if (tries >= CODES_MOST)
		return store_drop_state(a->store, "challenge", hash, err);
	buf_printf(&b, "{\"user\":%.*s,\"tenant\":%.*s,\"created\":%.*s,\"tries\":%lld}", STR_FMT(json_raw(json_get(challenge, STR("user")))),
	    STR_FMT(json_raw(json_get(challenge, STR("tenant")))), STR_FMT(json_raw(json_get(challenge, STR("created")))), (long long)tries);
	rc = store_put_state(a->store, "challenge", hash, buf_get(&b), err);
	buf_release(&b);
	return rc;
}

/* In the transaction: 1 with a session, 0 wrong, < 0. */
static int
try_code(struct auth *a, struct str hash, struct json challenge, struct str code, const char *address, struct auth_login *l, struct err *err)
{
	struct arena *arena = arena_new(0);
	struct buf record = { 0 }, next = { 0 };
	const struct trier who = { auth_text(challenge, "tenant", arena), auth_text(challenge, "user", arena) };
	struct json found;
	int64_t tries = 0;
	int rc, may;

	if ((rc = who.tenant.p ? auth_user_get(a->store, who.tenant, who.user, &record, err) : 0) <= 0)
		goto out;
	found = json_value(buf_get(&record));
	if (json_is(json_get(found, STR("disabled")), JSON_TRUE) || !json_is(json_get(found, STR("mfa")), JSON_OBJECT) ||
	    auth_time(challenge, "created") < auth_time(found, "since")) {      /* it was given for a password that is one no longer */
		rc = 0;
		goto out;
	}
	json_int64(json_get(challenge, STR("tries")), &tries);
	if ((rc = count_try(a, &who, 1, &may, address, err)) || (rc = use_code(a, who.user, json_get(found, STR("mfa")), code, &next, err)) < 0)
		goto out;
	if (rc == 0) {
		rc = put_tries(a, hash, challenge, tries + 1, err);
		if (rc == 0)
			rc = audit_login(a, "login.mfa", who.tenant, who.user, address, 0, err);
	} else if ((rc = put_mfa(a, found, &who, buf_get(&next), err)) == 0 && (rc = store_drop_state(a->store, "challenge", hash, err)) == 0 &&
	    (rc = uncount(a, &who, address, err)) == 0 &&
	    (rc = auth_session_begin(a, who.tenant, who.user, JSON_ABSENT, address, l, err)) == 0) {
		rc = 1;
	}
out:
	buf_release(&record);
	buf_release(&next);
	arena_free(arena);
	return rc;
}

int
auth_login_mfa(struct auth *a, struct str challenge, struct str code, const char *address, struct auth_login *l, struct err *err)
{
	struct buf hash = { 0 }, record = { 0 };
	int64_t created, now = time_now();
	int rc;

	*l = (struct auth_login){ 0 };
	auth_hash_hex(challenge, &hash);
	if ((rc = auth_begin(a, err)))
		goto out;
	if ((rc = store_get_state(a->store, "challenge", buf_get(&hash), &record, err)) > 0) {
		created = auth_time(json_value(buf_get(&record)), "created");
		rc = created != TIME_NONE && now >= created && now < created + CHALLENGE_MS;
		if (rc && code.n <= 64)
			rc = try_code(a, buf_get(&hash), json_value(buf_get(&record)), code, address, l, err);
		else
			rc = 0;
	}
	rc = auth_end(a, rc, err);      /* a wrong code is committed too: it was counted */
	if (rc == 0)
		rc = refused(err);
	else if (rc > 0)
		rc = 0;
out:
	buf_release(&hash);
	buf_release(&record);
	return rc;
}
