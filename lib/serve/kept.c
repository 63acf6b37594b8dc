/* kept.c - answers of GET given again: many pages ask the same at once.
 *
 * An answer is kept under the tenant, the caller's policy, the configuration and the target, with the version of the store that it saw.
 * It is given again while the version is the same and it is younger than a second, since most ranges of time move with the clock.
 * On the loop, so a question that was answered costs no thread: two hashes and a look at the store's version.
 */
#include <stdlib.h>

#include "serve/serve_priv.h"

#define SLOTS 1024                      /* each for the answers whose hash leads there; the newest stays */
#define ANSWER_MOST (64u << 10)         /* bytes of one: all are 64 MiB at most */
#define AGE_NS 1000000000LL

struct kept { struct buf key, body; uint64_t version; int64_t ns, rows; size_t said; };

struct serve_kept {
	pthread_mutex_t lock;
	struct kept slot[SLOTS];
};

struct serve_kept *
serve_kept_new(void)
{
	struct serve_kept *k = mem_new(sizeof(*k));

	pthread_mutex_init(&k->lock, NULL);
	return k;
}

void
serve_kept_free(struct serve_kept *k)
{
	if (!k)
		return;
	for (int i = 0; i < SLOTS; i++) {
		buf_release(&k->slot[i].key);
		buf_release(&k->slot[i].body);
	}
	pthread_mutex_destroy(&k->lock);
	free(k);
}

static void
key_of(const struct serve_call *c, struct buf *key)
{
	uint64_t more[2] = { policy_hash(c->ex.who->policy), c->setup->number };

	buf_str(key, c->ex.who->tenant);
	buf_byte(key, 0);
	buf_add(key, more, sizeof(more));
	buf_str(key, http_target(c->ex.request));
}

int
serve_kept_answer(struct serve_call *c)
{
	struct serve_kept *k = c->ex.serve->kept;
	struct buf key = { 0 }, body = { 0 };
	struct err err = { 0 };
	struct store *store;
	struct kept *slot;
	uint64_t version;

	if (!(store = serve_store(c->ex.serve, c->ex.who->tenant, &err)) || !(version = store_version(store)))
		return 0;
	key_of(c, &key);
	slot = &k->slot[str_hash(buf_get(&key)) % SLOTS];
	pthread_mutex_lock(&k->lock);
	if (slot->version == version && c->began_ns - slot->ns < AGE_NS && str_eq(buf_get(&slot->key), buf_get(&key)))
		buf_str(&body, buf_get(&slot->body)), c->ex.rows = slot->rows, c->ex.said = slot->said;
	pthread_mutex_unlock(&k->lock);
	buf_release(&key);
	if (!body.n)
		return 0;
	figures_add(&figures_part(c->ex.serve->figures, c->ex.serve->worker)->answers_kept, 1);
	exchange_json(&c->ex, 200, &body);
	buf_release(&body);
	return 1;
}

void
serve_kept_put(struct serve_call *c, struct str body)
{
	struct serve_kept *k = c->ex.serve->kept;
	struct buf key = { 0 };
	struct kept *slot;

	if (!c->version || body.n > ANSWER_MOST)
		return;
	key_of(c, &key);
	slot = &k->slot[str_hash(buf_get(&key)) % SLOTS];
	pthread_mutex_lock(&k->lock);
	buf_clear(&slot->key);
	buf_str(&slot->key, buf_get(&key));
	buf_clear(&slot->body);
	buf_str(&slot->body, body);
	slot->version = c->version;
	slot->rows = c->ex.rows;
	slot->said = c->ex.said;
	slot->ns = time_mono_ns();
	pthread_mutex_unlock(&k->lock);
	buf_release(&key);
}
