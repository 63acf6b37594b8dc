/* A store whose values somebody has changed who knows the format: checks hold, and nothing else does. Whatever a value says, nothing crashes,
 * hangs or takes memory without end; what is wrong is an error or a finding. AT_HOSTILE=TRIES, AT_HOSTILE_SEED=SEED for longer runs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/time.h"
#include "codec/varint.h"
#include "store/admin.h"
#include "store/batch.h"
#include "store/store_priv.h"
#include "folder.h"
#include "skip.h"

#define SECONDS 60              /* of CPU that a store may take for all that is done to it; a second is much */
#define MEMORY  (1LL << 30)     /* bytes of addresses besides the map's */

static int
how_many(const char *variable, int usual)
{
	const char *text = getenv(variable);

	return text ? atoi(text) : usual;
}

static uint64_t
next(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	return *seed ^= *seed << 17;
}

/* ---- a store with something in each table */

static int
add_event(struct store *s, int i, struct err *err)
{
	static const char *const form[] = { "{\"n\":%d,\"price\":%d.25,\"page\":\"/p%d\"}", "{\"n\":%d,\"deep\":{\"a\":%d,\"b\":{\"c\":\"x%d\"}}}",
		"{\"n\":\"%d\",\"list\":[%d,%d]}", "{\"flag\":true,\"none\":null,\"k%d\":%d,\"z\":%d}",
		"{\"real\":0.%d1234567890123,\"n\":%d,\"x\":%d}" };
	char name[16], user[16], id[24], properties[200];
	struct event ev = { .time = 1700000000000 + i * 7919 % 5000 * 1000, .received = 1700000000000 + i };

	ev.name = (struct str){ name, (size_t)sprintf(name, "e%d", i % 5) };
	ev.user_id = (struct str){ user, (size_t)sprintf(user, "user%d", i % 37) };
	ev.id = (struct str){ id, (size_t)sprintf(id, "id-%d", i) };
	if (i % 3 == 0)
		ev.session_id = STR("session");
	ev.properties = (struct str){ properties, (size_t)sprintf(properties, form[i % 5], i, i % 100, i % 10) };
	return store_add(s, &ev, err);
}

static int
add_sample(struct store *s, int series, int64_t time, struct err *err)
{
	char labels[64];
	struct store_sample x = { .metric = series % 2 ? STR("load") : STR("heat"), .field = STR("value"), .window = STR(""), .time = time,
		.value = (double)(time / 60000 % 1000) / 4 };

	x.labels = (struct str){ labels, (size_t)sprintf(labels, "{\"host\":\"h%d\",\"user_id\":\"user%d\"}", series, series) };
	if (series == 3)
		x.state = STR("hll1:abc");
	return store_add_sample(s, &x, err);
}

static void
make_one(const char *where)
{
	static const unsigned char name[STORE_KEPT_NAME] = "a name of 16 by";
	struct err err = { 0 };
	struct store *s = store_open(where, "default", STORE_CREATE, &err);
	struct store_kept kept = { .chunk = 1, .state = STR("a state that was made of the chunk") };
	const struct store same = { .hash_key = { 1, 2 } };     /* or a seed would find something else each time */
	struct store_ladder ladder;
	struct store_dropped dropped;
	char id[24];

	assert_non_null(s);
	OK(store_ladder_parse(STR("raw 1d, 1m 10d, 1h 2y"), &ladder, &err));
	OK(store_ladder_set(s, &ladder, &err));
	for (int round = 0; round < 2; round++) {
		OK(store_begin(s, &err));
		if (round == 0)
			OK(store_hash_as(s, &same, &err));
		for (int i = round * 900; i < (round + 1) * 900; i++)
			OK(add_event(s, i, &err));
		for (int k = round * 2500; k < (round + 1) * 2500; k++)
			for (int series = 0; series < 4; series++)
				if (series != 3 || k % 10 == 0)
					OK(add_sample(s, series, (int64_t)k * 60000, &err));
		for (int i = round * 9000; i < (round + 1) * 9000; i++)
			OK(store_seen(s, (struct str){ id, (size_t)sprintf(id, "seen%d", i) }, 1700000000000 + i, 86400000, &err));
		OK(store_add_row(s, "alert", 1700000000000 + round, STR("{\"alert\":\"a\",\"user_id\":\"user1\"}"), &err));
		OK(store_put_state(s, "place", STR("file"), STR("12345"), &err));
		OK(store_put_state(s, "detect", STR("m"), STR("\1\2\3\xf4\4\0\0\0m\0{}\2\0\0\0ab"), &err));
		OK(store_commit(s, &err));
		OK(store_compact(s, &err));
	}
	OK(store_kept_put(s, name, &kept, 1, &err));
	OK(store_retain_ladder(s, 5000 * 60000, 0, &dropped, &err));
	OK(store_begin(s, &err));
	for (int i = 1800; i < 1900; i++)
		OK(add_event(s, i, &err));
	for (int k = 0; k < 20; k++)
		OK(add_sample(s, k % 4, k % 2 ? k * 3600000 : (5000 + k) * 60000, &err));
	OK(store_commit(s, &err));
	store_close(s);
}

/* ---- changing it */

static void
put_varint(struct buf *b, uint64_t *seed)
{
	static const uint64_t odd[] = { 0, 1, 127, 128, 65535, 65536, 1ULL << 20, 1ULL << 30, UINT32_MAX, 1ULL << 32, 1ULL << 40, 1ULL << 56, INT64_MAX, 1ULL << 63,
		UINT64_MAX };

	varint_put(b, odd[next(seed) % (sizeof(odd) / sizeof(*odd))]);
}

/* Another value of the same kind, more or less. */
static void
change(struct buf *to, struct str was, uint64_t *seed)
{
	size_t at = was.n ? next(seed) % was.n : 0;

	if (was.n > 64 && next(seed) % 2)
		at = next(seed) % 64;   /* where lengths and numbers stand */
	buf_clear(to);
	buf_str(to, was);
	switch (was.n ? next(seed) % 8 : 6) {
	case 0: case 1:
		to->p[at] ^= (char)(1 << next(seed) % 8);
		break;
	case 2:
		to->p[at] = (char)next(seed);
		break;
	case 3:                                 /* cut */
		to->n = at;
		break;
	case 4: case 5:                         /* a number in its place */
		to->n = at;
		put_varint(to, seed);
		if (at + 1 < was.n)
			buf_add(to, was.p + at + 1, was.n - at - 1);
		break;
	case 6:                                 /* more of it */
		put_varint(to, seed);
		buf_str(to, was);
		break;
	default:
		for (size_t i = 0; i < 8 && at + i < to->n; i++)
			to->p[at + i] = (char)0xff;
	}
}

static uint64_t
odd_number(uint64_t was, uint64_t *seed)
{
	static const uint64_t odd[] = { 0, 1, 1ULL << 20, 1ULL << 32, 1ULL << 40, 1ULL << 56, 1ULL << 62, INT64_MAX, UINT64_MAX - 1, UINT64_MAX };

	return next(seed) % 3 ? odd[next(seed) % (sizeof(odd) / sizeof(*odd))] : was + next(seed) % 3 - 1;
}

/* One entry of one table, or one number of the head. */
static void
change_one(const char *where, uint64_t *seed, char what[80])
{
	struct err err = { 0 };
	struct store *s = store_open(where, "default", STORE_WRITE, &err);
	enum store_table table = (enum store_table)(next(seed) % STORE_TABLES);
	struct store_view v;
	struct store_cursor c = { .view = &v, .table = table };
	struct str key, value;
	struct buf k = { 0 }, to = { 0 };
	uint64_t n = 0, at;

	if (!s || store_begin(s, &err)) {       /* by a change before */
		store_close(s);
		return;
	}
	store_view_of_txn(s, &v);
	store_count(&v, table, &n, &err);
	if (n == 0 || next(seed) % 12 == 0) {
		uint64_t *number = (uint64_t *)&s->head + next(seed) % STORE_HEAD_N;

		sprintf(what, "head %zu was %llu", (size_t)(number - (uint64_t *)&s->head), (unsigned long long)*number);
		*number = odd_number(*number, seed);
		s->changed = 1;
	} else {
		for (at = next(seed) % n; store_walk_next(&c, &key, &value, &err) > 0 && at > 0; at--)
			;
		buf_str(&k, key);
		sprintf(what, "table %s, %zu bytes", store_table_names[table], value.n);
		change(&to, value, seed);
		store_walk_end(&c);
		if (k.n && next(seed) % 8 == 0) {       /* another key, of the same length */
			store_delete(s, table, buf_get(&k), &err);
			k.p[next(seed) % k.n] ^= (char)(1 << next(seed) % 8);
		}
		store_put(s, table, buf_get(&k), buf_get(&to), &err);
	}
	store_commit(s, &err);
	store_close(s);
	buf_release(&k);
	buf_release(&to);
}

/* ---- all that is done with a store */

static int
see_sample(void *self, int part, const struct store_run *run)  /* by several threads */
{
	uint64_t sum = 0;

	(void)part;
	for (size_t i = 0; i < run->n; i++)
		sum += (uint64_t)run->time[i] + (run->state && run->state[i].n ? (uint64_t)run->state[i].p[run->state[i].n - 1] : 0);
	__atomic_fetch_add((uint64_t *)self, sum, __ATOMIC_RELAXED);
	return 0;
}

static int
see_state(void *self, struct str name, struct str value)
{
	*(uint64_t *)self += name.n + value.n + (value.n ? (uint64_t)value.p[value.n - 1] : 0);
	return 0;
}

static int
see_row(void *self, int64_t time, struct str json)
{
	*(uint64_t *)self += (uint64_t)time + (json.n ? (uint64_t)json.p[json.n - 1] : 0);
	return 0;
}

static int
see_name(void *self, struct str name, int64_t count, int64_t first, int64_t last)
{
	*(uint64_t *)self += name.n + (uint64_t)count + (uint64_t)first + (uint64_t)last;
	return 0;
}

static int
see_key(void *self, struct str key, int64_t count)
{
	*(uint64_t *)self += key.n + (uint64_t)count;
	return 0;
}

static int
see_label(void *self, struct str label, uint64_t series)
{
	*(uint64_t *)self += label.n + series;
	return 0;
}

static void
see_event(uint64_t *sum, const struct event *ev)
{
	*sum += (uint64_t)ev->time + (ev->properties.n ? (uint64_t)ev->properties.p[ev->properties.n - 1] : 0) + (ev->user_id.n ? (uint64_t)*ev->user_id.p : 0);
}

static int
see_new(void *self, const struct event *ev, struct err *err)
{
	(void)err;
	see_event(self, ev);
	return 0;
}

static void
tell_nobody(void *self, const char *what)
{
	(void)self, (void)what;
}

static void
scan(struct store *s, int by_time, struct str user, uint64_t *sum)
{
	struct store_range range = { .from = TIME_MIN, .to = TIME_MAX + 1, .by_time = by_time, .user_id = user };
	struct err err = { 0 };
	struct store_scan *scan = store_scan_open(s, &range, &err);
	struct event ev;
	int rc, damaged = 0;

	while (scan && ((rc = store_scan_next(scan, &ev, &err)) > 0 || (rc == ERR_CORRUPT && ++damaged < 100)))
		if (rc > 0)
			see_event(sum, &ev);
	store_scan_close(scan);
}

static void
columns(struct store *s, uint64_t *sum)
{
	static const struct store_field field[] = { { FIELD_EVENT, STR("") }, { FIELD_TIME, STR("") }, { FIELD_USER, STR("") }, { FIELD_ID, STR("") },
		{ FIELD_PROPERTY, STR("n") }, { FIELD_REACH, STR("deep.b.c") }, { FIELD_INSIDE, STR("deep.b") }, { FIELD_PROPERTY, STR("price") }, { FIELD_PROPERTY, STR("list") }, { FIELD_PROPERTIES, STR("") } };
	enum { FIELDS = sizeof(field) / sizeof(*field) };
	struct store_range range = { .from = TIME_MIN, .to = TIME_MAX + 1 };
	struct err err = { 0 };
	struct store_batches *all = store_batches_open(s, &range, field, FIELDS, &err);
	struct store_batch *batch = all ? store_batch_open(all, &err) : NULL;
	struct column column;
	int rc, damaged = 0;

	while (batch && ((rc = store_batch_next(batch, &err)) > 0 || (rc == ERR_CORRUPT && ++damaged < 100)))
		for (int f = 0; rc > 0 && f < FIELDS; f++) {
			struct store_bounds bounds;

			store_batch_bounds(batch, f, &bounds, &err);
			if (store_batch_column(batch, f, &column, &err) == 0)
				for (size_t i = 0; i < batch->n; i++)
					*sum += column.form == COLUMN_CODES ? (uint64_t)column.value[column.code[i]].type : column.form == COLUMN_INTEGER ?
					    (uint64_t)column.integer[i] : 0;
		}
	store_batch_close(batch);
	store_batches_close(all);
}

static void
read_all(struct store *s, uint64_t *sum)
{
	struct store_news news = { .event = see_new, .kinds = (const char *const[]){ NULL }, .self = sum };
	struct store_match match = { .from = TIME_MIN, .to = TIME_MAX + 1 };
	struct store_place place = { 0 };
	struct store_samples *samples;
	struct store_stats stats;
	struct store_run run;
	struct err err = { 0 };
	int some, rc, damaged = 0;

	scan(s, 0, (struct str){ 0 }, sum);
	scan(s, 1, (struct str){ 0 }, sum);
	scan(s, 1, STR("user7"), sum);
	columns(s, sum);
	for (int rung = 0; rung < 3; rung++) {
		match.rung = rung == 2 ? 3600000 : rung * 60000;
		match.of = rung == 2 ? STORE_STATES : STORE_SUM;
		store_each_run(s, &match, 2, see_sample, NULL, sum, &err);
	}
	match.rung = 0;
	samples = store_samples_open(s, &match, &err);
	while (samples && ((rc = store_samples_next(samples, &run, &err)) > 0 || (rc == ERR_CORRUPT && ++damaged < 100)))
		if (rc > 0)
			see_sample(sum, 0, &run);
	store_samples_close(samples);
	store_each_label(s, see_label, sum, &err);
	store_each_name(s, see_name, sum, &err);
	store_each_property(s, see_key, sum, &err);
	store_each_state(s, "place", see_state, sum, &err);
	store_each_row(s, "alert", TIME_MIN, TIME_MAX + 1, see_row, sum, &err);
	while (store_each_new(s, &place, &news, &some, &err) > 0)
		;
	store_stats(s, &stats, &err);
}

static void
write_some(struct store *s, int from)
{
	struct err err = { 0 };
	char id[24];
	int rc = store_begin(s, &err);

	for (int i = from; rc == 0 && i < from + 300; i++)
		rc = add_event(s, i, &err);
	for (int k = 0; rc == 0 && k < 40; k++)
		rc = add_sample(s, k % 6, k * 1800000, &err);
	for (int i = from; rc >= 0 && i < from + 8000; i++)
		rc = store_seen(s, (struct str){ id, (size_t)sprintf(id, "seen%d", i) }, 1700000000000 + i, 86400000, &err);
	if (rc >= 0 && store_put_state(s, "place", STR("file"), STR("6"), &err) == 0)
		store_commit(s, &err);
	store_abort(s);
}

static void
use(const char *where, const char *copies)
{
	struct store_dropped dropped;
	struct err err = { 0 };
	struct store *s = store_open(where, "default", STORE_WRITE, &err);
	uint64_t sum = 0;

	if (!s)
		return;
	store_verify(s, tell_nobody, NULL, &err);
	read_all(s, &sum);
	store_backup(s, "default", copies, &err);
	write_some(s, 20000);
	store_seal(s, &err);
	store_retain(s, 1700000000000 + 1000000, 2000 * 60000, 1, &dropped, &err);
	store_retain(s, 1700000000000 + 1000000, TIME_NONE, 0, &dropped, &err);
	store_retain_ladder(s, 5500 * 60000, 0, &dropped, &err);
	store_erase_user(s, STR("user5"), 1700000000000, 0, &dropped, &err);
	store_compact(s, &err);
	write_some(s, 40000);
	read_all(s, &sum);
	store_verify(s, tell_nobody, NULL, &err);
	store_close(s);
}

static void
copy_whole(const char *to, const struct buf *whole)
{
	int fd = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0 && write(fd, whole->p, whole->n) == (ssize_t)whole->n);
	close(fd);
}

static void
try_one(const char *where, const char *data, const struct buf *whole, uint64_t number)
{
	uint64_t seed = number * 0x9e3779b97f4a7c15;
	char copies[100], what[80] = "?";
	int status;
	pid_t pid;

	copy_whole(data, whole);
	sprintf(copies, "%s/copy%llu", dir, (unsigned long long)number);
	if ((pid = fork()) == 0) {
		struct rlimit memory = { MEMORY, MEMORY }, time = { SECONDS, SECONDS };

		for (int n = 1 + (int)(next(&seed) % 3); n > 0; n--)
			change_one(where, &seed, what);
		if (getenv("AT_HOSTILE_SEED"))
			fprintf(stderr, "# %llu: %s\n", (unsigned long long)number, what);
		if (!getenv("SANITIZED") || !*getenv("SANITIZED"))
			setrlimit(RLIMIT_AS, &memory);
		setrlimit(RLIMIT_CPU, &time);
		alarm(20 * SECONDS);    /* for what waits for ever */
		use(where, copies);
		_exit(0);
	}
	assert_true(pid > 0 && waitpid(pid, &status, 0) == pid);
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		fail_msg("seed %llu: status %x", (unsigned long long)number, (unsigned)status);
}

static void
fault_16_no_value_makes_a_store_crash_hang_or_take_all_memory(void **state)
{
	static const int once[] = { 184, 525 };         /* that found something */
	int tries = how_many("AT_HOSTILE", 20), first = how_many("AT_HOSTILE_SEED", 1), fd;
	char where[100], data[160];
	struct buf whole = { 0 };
	struct stat st;

	(void)state;
	sprintf(where, "%s/hostile", dir);
	sprintf(data, "%s/tenants/default/data.mdb", where);
	make_one(where);
	assert_true((fd = open(data, O_RDONLY)) >= 0 && fstat(fd, &st) == 0);
	assert_true(read(fd, buf_room(&whole, (size_t)st.st_size), (size_t)st.st_size) == st.st_size);
	whole.n = (size_t)st.st_size;
	close(fd);
	for (size_t i = 0; i < sizeof(once) / sizeof(*once); i++)
		try_one(where, data, &whole, (uint64_t)once[i]);
	for (int i = first; i < first + tries; i++)
		try_one(where, data, &whole, (uint64_t)i);
	buf_release(&whole);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fault_16_no_value_makes_a_store_crash_hang_or_take_all_memory),
	};

	return cmocka_run_group_tests(tests, folder_set_up, folder_tear_down);
}
