/* failure.c - bad credentials by address, counted in this process: keys have 256 bits, so this bounds the work and the noise, and
 * nobody guesses one. Login is counted in the store, by all processes together (login.c).
 *
 * A table of fixed size, the slot by a hash of what is counted; who comes into a used slot takes it over when its minute is
 * past or its count smaller, so a flood of addresses costs no memory.
 */
#include <stdlib.h>

#include "auth/auth_priv.h"
#include "base/mem.h"
#include "base/time.h"

#define SLOTS     4096
#define WINDOW_NS 60000000000LL

struct auth_failures {
	pthread_mutex_t lock;
	struct slot { uint64_t of; int64_t since; int n; } slot[SLOTS];
};

struct auth_failures *
auth_failures_new(void)
{
	struct auth_failures *f = mem_new(sizeof(*f));

	pthread_mutex_init(&f->lock, NULL);
	return f;
}

void
auth_failures_free(struct auth_failures *f)
{
	if (f)
		pthread_mutex_destroy(&f->lock);
	free(f);
}

int
auth_failed(struct auth *a, const char *address, struct str id, int most)
{
	struct auth_failures *f = a->failures;
	int64_t now = time_mono_ns();
	uint64_t of = str_hash(str_of(address ? address : "")) ^ (id.p ? str_hash(id) * 3 : 0);
	struct slot *slot = &f->slot[of % SLOTS];
	int wait = 0, n;

	pthread_mutex_lock(&f->lock);
	if (now - slot->since >= WINDOW_NS || (slot->of != of && slot->n <= 1)) {
		slot->of = of;
		slot->since = now;
		slot->n = 0;
	}
	n = slot->of == of ? ++slot->n : (slot->n--, 0);
	if (n > most)
		wait = (int)((slot->since + WINDOW_NS - now) / 1000000000) + 1;
	pthread_mutex_unlock(&f->lock);
	if (n == 1 || n == most + 1)    /* the first and the one too many: the audit is no place for a flood */
		audit_later(a, &(struct audit_entry){ .from = str_of(address), .action = STR("authenticate"),
		    .object = n == 1 ? STR("bad credentials") : STR("too many bad credentials"), .result = STR("denied") });
	return wait;
}
