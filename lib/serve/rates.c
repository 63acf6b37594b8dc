#include "serve/rates.h"

#include <sys/mman.h>

#define WAYS 8
#define SETS 8192                       /* 65,536 callers in 1 MiB */

struct seat { uint64_t who; int64_t until; };   /* hash of the name, 0: nobody; ns */

struct rates { struct seat seat[SETS][WAYS]; };

struct rates *
rates_new(struct err *err)
{
	struct rates *r = mmap(NULL, sizeof(*r), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (r != MAP_FAILED)
		return r;
	err_set(err, ERR_LIMIT, "no memory for rates");
	return NULL;
}

void
rates_free(struct rates *r)
{
	if (r)
		munmap(r, sizeof(*r));
}

/* Workers that seat somebody at the same moment may both write: one request is then counted for the other, which nobody needs to know. */
static struct seat *
seat_of(struct rates *r, uint64_t who)
{
	struct seat *set = r->seat[who % SETS], *least = set;

	for (int i = 0; i < WAYS; i++)
		if (__atomic_load_n(&set[i].who, __ATOMIC_RELAXED) == who)
			return &set[i];
	for (int i = 1; i < WAYS; i++)
		if (__atomic_load_n(&set[i].until, __ATOMIC_RELAXED) < __atomic_load_n(&least->until, __ATOMIC_RELAXED))
			least = &set[i];
	__atomic_store_n(&least->until, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&least->who, who, __ATOMIC_RELAXED);
	return least;
}

/* So long that nobody waits for it, and far from what a number can hold. */
static int64_t
span_of(double n, double per_second)
{
	double ns = n * 1e9 / per_second;

	return ns < 1e17 ? (int64_t)ns : (int64_t)1e17;
}

double
rates_take(struct rates *r, struct str name, double per_second, double burst, int64_t now_ns)
{
	uint64_t who = str_hash_stable(name);
	struct seat *s = seat_of(r, who ? who : 1);
	int64_t step = span_of(1, per_second), ahead = span_of(burst, per_second), was = __atomic_load_n(&s->until, __ATOMIC_RELAXED), next;

	do {
		next = (was > now_ns ? was : now_ns) + step;
		if (next - now_ns > ahead)
			return (double)(next - now_ns - ahead) / 1e9;
	} while (!__atomic_compare_exchange_n(&s->until, &was, next, 0, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
	return 0;
}
