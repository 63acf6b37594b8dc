/* The store under blows: killed writers and readers, many processes at once, flipped bits, cut files, links in the way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/in.h"
#include "base/mem.h"
#include "base/time.h"
#include "codec/crc32c.h"
#include "codec/varint.h"
#include "store/admin.h"
#include "folder.h"
#include "skip.h"

#define KEPT_VALUES 4574         /* what the dump of each kept store comes to */
#define KEPT_CRC    0xcfa3195cu

/* The thread sanitizer does not let a program out of a fault by siglongjmp. */
#ifdef __SANITIZE_THREAD__
#define NOT_BESIDE_TSAN SKIP("the thread sanitizer is here")
#else
#define NOT_BESIDE_TSAN (void)0
#endif

/* In a child, where cmocka's asserts do not reach. */
#define MUST(what) do { if (!(what)) { fprintf(stderr, "# child, line %d: %s: %s\n", __LINE__, #what, err.text); _exit(9); } } while (0)

static int
how_many(const char *variable, int usual)
{
	const char *text = getenv(variable);

	return text ? atoi(text) : usual;
}

static void
told(void *self, const char *what)
{
	(void)self;
	printf("# %s\n", what);
}

/* Event `i` of writer `w`. */
static int
add_numbered(struct store *s, unsigned w, unsigned i, struct err *err)
{
	char name[16], properties[200];
	struct event ev = { .time = 1700000000000 + i % 1000 * 50 + i, .received = 1700000000000 };

	ev.name = (struct str){ name, (size_t)sprintf(name, "w%u", w) };
	ev.user_id = STR("u1");
	ev.properties = (struct str){ properties, (size_t)sprintf(properties, "{\"n\":%u,\"fill\":\"%0*u\"}", i, (int)(i % 100), i) };
	return store_add(s, &ev, err);
}

/* The number that begins at byte `at` of a borrowed text, which nothing ends but its length. */
static unsigned
number_at(struct str s, size_t at)
{
	unsigned number = 0;

	for (; at < s.n && s.p[at] >= '0' && s.p[at] <= '9'; at++)
		number = number * 10 + (unsigned)(s.p[at] - '0');
	return number;
}

/* Count the events of each writer; each must have exactly 0 … count - 1. -1 when not. */
static int
count_numbered(struct store *s, unsigned *count, unsigned writers, struct err *err)
{
	struct store_range all = { .from = TIME_MIN, .to = TIME_MAX + 1 };
	struct store_scan *scan = store_scan_open(s, &all, err);
	unsigned char **seen = mem_new(writers * sizeof(*seen));
	unsigned *cap = mem_new(writers * sizeof(*cap));
	struct event ev;
	int rc = scan ? 0 : -1;

	memset(count, 0, writers * sizeof(*count));
	while (rc == 0 && (rc = store_scan_next(scan, &ev, err)) > 0) {
		unsigned w = number_at(ev.name, 1), n = number_at(ev.properties, 5);

		rc = w < writers ? 0 : err_set(err, -1, "an event of writer %u", w);
		if (rc == 0 && n >= cap[w]) {
			unsigned more = n * 2 + 64;

			seen[w] = mem_grow(seen[w], more, 1);
			memset(seen[w] + cap[w], 0, more - cap[w]);
			cap[w] = more;
		}
		if (rc == 0 && seen[w][n]++)
			rc = err_set(err, -1, "event %u of writer %u twice", n, w);
		if (rc == 0)
			count[w]++;
	}
	for (unsigned w = 0; w < writers; w++) {
		for (unsigned n = 0; n < count[w] && rc == 0; n++)
			if (n >= cap[w] || !seen[w][n])
				rc = err_set(err, -1, "event %u of writer %u is lost", n, w);
		free(seen[w]);
	}
	free(seen);
	free(cap);
	store_scan_close(scan);
	return rc;
}

struct shared { volatile unsigned acked[4], tried[4]; volatile int stop; volatile long longest_wait_ms; };

static struct shared *
share(void)
{
	struct shared *m = mmap(NULL, sizeof(*m), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	assert_true(m != MAP_FAILED);
	return m;
}

/* Write until killed or told to stop: transactions of all sizes, sealing and compacting in between. */
static void
write_on(const char *where, unsigned w, unsigned from, struct shared *m, unsigned seed)
{
	struct err err = { 0 };
	struct store *s = store_open(where, "default", STORE_CREATE, &err);
	unsigned next = from;

	MUST(s);
	for (int round = 0; !m->stop; round++) {
		unsigned kind = (unsigned)rand_r(&seed) % 100, n = kind < 60 ? 1 : kind < 97 ? (unsigned)rand_r(&seed) % 2000 : 70000;
		int64_t before = time_mono_ns();
		char place[16];

		MUST(store_begin(s, &err) == 0);
		if ((time_mono_ns() - before) / 1000000 > m->longest_wait_ms)
			m->longest_wait_ms = (long)((time_mono_ns() - before) / 1000000);
		for (unsigned i = 0; i < n; i++)
			MUST(add_numbered(s, w, next + i, &err) == 0);
		MUST(store_put_state(s, "place", STR("x"), (struct str){ place, (size_t)sprintf(place, "%u", next + n) }, &err) == 0);
		m->tried[w] = next + n;
		MUST(store_commit(s, &err) == 0);
		m->acked[w] = next += n;
		if (round % 7 == 6)
			MUST(store_compact(s, &err) >= 0);
		if (next > 400000)
			break;
	}
	store_close(s);
	_exit(0);
}

/* Whenever the writer dies, what was acknowledged is there, nothing is there twice, and offset and data agree. */
static void
faults_1_and_3_a_killed_writer_loses_and_doubles_nothing(void **state)
{
	struct shared *m = share();
	struct err err = { 0 };
	struct store *s;
	int rounds = how_many("AT_KILL_ROUNDS", 30);
	unsigned seed = 7, count = 0;

	(void)state;
	for (int round = 0; round < rounds; round++) {
		char where[100];
		struct buf place = { 0 };
		pid_t pid;

		sprintf(where, "%s/kill%d", dir, round / 10);
		if (round % 10 == 0)
			count = 0;
		m->acked[0] = m->tried[0] = count;
		if ((pid = fork()) == 0)
			write_on(where, 0, count, m, (unsigned)round);
		usleep(2000 + (unsigned)rand_r(&seed) % (round % 3 ? 30000 : 200000));
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		s = store_open(where, "default", STORE_WRITE, &err);
		if (!s && m->acked[0] == 0) {           /* killed before it was made */
			err_clear(&err);
			count = 0;
			continue;
		}
		if (!s)
			fail_msg("round %d: %s", round, err.text);
		OK(count_numbered(s, &count, 1, &err));
		assert_true(count >= m->acked[0]);
		assert_true(count == m->acked[0] || count == m->tried[0]);
		if (count) {
			OK(store_get_state(s, "place", STR("x"), &place, &err));
			assert_int_equal(atoi(buf_text(&place)), count);
		}
		assert_int_equal(store_verify(s, told, NULL, &err), 0);
		buf_release(&place);
		store_close(s);
	}
	munmap(m, sizeof(*m));
}

static int
nothing(void *self, struct str name, int64_t count, int64_t first, int64_t last)
{
	(void)self, (void)name, (void)count, (void)first, (void)last;
	return 0;
}

/* A reader killed in the middle of reading keeps no page from being used again. */
static void
fault_13_readers_that_were_killed_do_not_make_the_file_grow(void **state)
{
	struct err err = { 0 };
	char where[100], big[4000];
	struct store_stats before, after;
	struct store *s;
	unsigned seed = 3;

	(void)state;
	memset(big, 'x', sizeof(big));
	sprintf(where, "%s/stale", dir);
	assert_non_null(s = store_open(where, "default", STORE_CREATE, &err));
	OK(store_begin(s, &err));
	for (unsigned i = 0; i < 5000; i++)
		OK(add_numbered(s, 0, i, &err));
	OK(store_commit(s, &err));
	store_close(s);
	for (int i = 0; i < 12; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			struct store_range all = { .from = TIME_MIN, .to = TIME_MAX + 1 };

			MUST(s = store_open(where, "default", STORE_READ, &err));
			for (;;) {
				struct store_scan *scan = store_scan_open(s, &all, &err);

				MUST(scan && store_each_name(s, nothing, NULL, &err) == 0);
				if (rand_r(&seed) % 2)
					store_scan_close(scan);
			}
		}
		usleep(5000 + (unsigned)rand_r(&seed) % 10000);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	assert_non_null(s = store_open(where, "default", STORE_WRITE, &err));
	OK(store_stats(s, &before, &err));
	for (int i = 0; i < 400; i++) {
		OK(store_begin(s, &err));
		OK(store_put_state(s, "big", STR("one"), (struct str){ big, sizeof(big) }, &err));
		OK(store_commit(s, &err));
	}
	OK(store_stats(s, &after, &err));
	assert_true(after.bytes_file - before.bytes_file < 400 * 1000);
	assert_int_equal(after.readers, 0);
	store_close(s);
}

/* Two writers, four readers and one who compacts, at once: every reader sees of each writer a beginning without gaps, at
 * least as much as had been acknowledged when it began to look, and nothing twice. */
static void
faults_14_and_15_many_at_once_see_a_ledger_without_gaps(void **state)
{
	struct shared *m = share();
	struct err err = { 0 };
	struct store *s;
	unsigned count[2];
	pid_t pid[7];
	char where[100];
	int status, seconds = how_many("AT_SOAK_SECONDS", 3);

	(void)state;
	sprintf(where, "%s/many", dir);
	assert_non_null(s = store_open(where, "default", STORE_CREATE, &err));
	store_close(s);
	for (int i = 0; i < 7; i++) {
		if ((pid[i] = fork()))
			continue;
		if (i < 2)
			write_on(where, (unsigned)i, 0, m, (unsigned)i + 10);
		MUST(s = store_open(where, "default", i == 6 ? STORE_WRITE : STORE_READ, &err));
		while (!m->stop) {
			unsigned least[2] = { m->acked[0], m->acked[1] };

			if (i == 6) {
				MUST(store_compact(s, &err) >= 0);
				usleep(20000);
				continue;
			}
			MUST(count_numbered(s, count, 2, &err) == 0);
			MUST(count[0] >= least[0] && count[1] >= least[1]);
		}
		store_close(s);
		_exit(0);
	}
	sleep((unsigned)seconds);
	for (int tries = 0; (!m->acked[0] || !m->acked[1]) && tries < 6000; tries++)
		usleep(10000);                  /* a disk may take its time with the first commit */
	m->stop = 1;
	for (int i = 0; i < 7; i++) {
		waitpid(pid[i], &status, 0);
		assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	}
	assert_non_null(s = store_open(where, "default", STORE_WRITE, &err));
	OK(count_numbered(s, count, 2, &err));
	assert_true(count[0] == m->acked[0] && count[1] == m->acked[1]);
	assert_true(count[0] > 0 && count[1] > 0);
	printf("# %u and %u events, longest wait for the writer's lock %ld ms\n", count[0], count[1], m->longest_wait_ms);
	assert_int_equal(store_verify(s, told, NULL, &err), 0);
	store_close(s);
	munmap(m, sizeof(*m));
}

/* A writer that comes back at once does not pass one that waits already. */
static void
fault_15_who_waits_for_the_writers_lock_is_next(void **state)
{
	struct shared *m = share();
	struct err err = { 0 };
	struct store *s;
	char where[100], path[160];
	int fd, status;
	pid_t pid;

	(void)state;
	sprintf(where, "%s/turns", dir);
	assert_non_null(s = store_open(where, "default", STORE_CREATE, &err));
	store_close(s);
	for (int round = 0; round < 20; round++) {
		m->stop = 0;
		m->acked[0] = 0;
		if ((pid = fork()) == 0) {
			MUST(s = store_open(where, "default", STORE_WRITE, &err));
			m->stop = 1;
			while (m->stop == 1)
				usleep(100);
			MUST(store_begin(s, &err) == 0);
			m->acked[0] = 1;
			MUST(add_numbered(s, 0, (unsigned)round, &err) == 0 && store_commit(s, &err) == 0);
			store_close(s);
			_exit(0);
		}
		assert_non_null(s = store_open(where, "default", STORE_WRITE, &err));
		while (!m->stop)
			usleep(100);
		OK(store_begin(s, &err));
		m->stop = 2;
		sprintf(path, "%s/tenants/default/scans.lock", where);
		assert_true((fd = open(path, O_RDWR)) >= 0);
		for (int tries = 0; ; tries++) {        /* until the other one waits */
			struct flock turn = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = INT64_MAX - 2, .l_len = 1 };

			assert_int_equal(fcntl(fd, F_OFD_GETLK, &turn), 0);
			if (turn.l_type != F_UNLCK)
				break;
			assert_true(tries < 300000);
			usleep(100);
		}
		close(fd);
		OK(store_commit(s, &err));
		OK(store_begin(s, &err));
		assert_int_equal(m->acked[0], 1);
		store_close(s);
		waitpid(pid, &status, 0);
		assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	}
	munmap(m, sizeof(*m));
}

/* A name is borrowed and ends where it ends: behind "w0" in a chunk's header stands the count of its events, and 49 of them
 * are the byte '1'. */
static void
a_name_is_read_no_further_than_it_goes(void **state)
{
	struct err err = { 0 };
	char where[100];
	struct store *s;
	unsigned count[2];

	(void)state;
	sprintf(where, "%s/names", dir);
	assert_non_null(s = store_open(where, "default", STORE_CREATE, &err));
	OK(store_begin(s, &err));
	for (unsigned i = 0; i < 2 * 49; i++)
		OK(add_numbered(s, i % 2, i / 2, &err));
	OK(store_commit(s, &err));
	OK(store_compact(s, &err));
	OK(count_numbered(s, count, 2, &err));
	assert_int_equal(count[0], 49);
	assert_int_equal(count[1], 49);
	store_close(s);
}

static void
put_megabytes(struct store *s, int from, int to)
{
	struct err err = { 0 };
	char *big = mem_new(1 << 20), name[16];

	for (int i = from; i < to; i++) {
		memset(big, i, 1 << 20);
		MUST(store_begin(s, &err) == 0);
		MUST(store_put_state(s, "big", (struct str){ name, (size_t)sprintf(name, "%d", i) }, (struct str){ big, 1 << 20 }, &err) == 0);
		MUST(store_commit(s, &err) == 0);
	}
	free(big);
}

/* Where there is little address space the map begins small; it grows when it is written full, and when another process has
 * written beyond it. */
static void
fault_10_a_small_map_grows_and_follows(void **state)
{
	char where[100];
	int turn[2], done[2], status;
	pid_t pid;

	(void)state;
	if (getenv("SANITIZED") && *getenv("SANITIZED"))
		return;                         /* a sanitizer takes the address space itself */
	sprintf(where, "%s/small", dir);
	assert_int_equal(pipe(turn) | pipe(done), 0);
	if ((pid = fork()) == 0) {
		struct rlimit little = { 240 << 20, 240 << 20 };
		struct err err = { 0 };
		struct buf value = { 0 };
		struct store *s;
		char c;

		MUST(setrlimit(RLIMIT_AS, &little) == 0);
		MUST(s = store_open(where, "default", STORE_CREATE, &err));
		put_megabytes(s, 0, 110);       /* beyond three quarters of 128 MiB */
		MUST(write(done[1], "x", 1) == 1 && read(turn[0], &c, 1) == 1);
		for (int i = 0; i < 142; i++) {
			char name[16];

			MUST(store_get_state(s, "big", (struct str){ name, (size_t)sprintf(name, "%d", i) }, &value, &err) == 1);
			MUST(value.n == 1 << 20 && value.p[77] == (char)i);
		}
		put_megabytes(s, 142, 143);
		store_close(s);
		_exit(0);
	} else {
		struct err err = { 0 };
		struct store *s;
		char c;

		close(done[1]);                 /* a child that dies is the end of the pipe, not a wait for ever */
		close(turn[0]);
		assert_int_equal(read(done[0], &c, 1), 1);
		assert_non_null(s = store_open(where, "default", STORE_WRITE, &err));
		put_megabytes(s, 110, 142);
		store_close(s);
		assert_int_equal(write(turn[1], "x", 1), 1);
		waitpid(pid, &status, 0);
		assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	}
	close(turn[1]);
	close(done[0]);
}

/* ---- damage */

/* A little of everything. */
static void
make_small(const char *where)
{
	struct err err = { 0 };
	struct store *s = store_open(where, "default", STORE_CREATE, &err);
	struct store_sample x = { .metric = STR("m"), .labels = STR("{\"a\":\"b\"}"), .field = STR("count"), .state = STR("dd1:1") };
	char id[16];

	assert_non_null(s);
	OK(store_begin(s, &err));
	for (unsigned i = 0; i < 400; i++)
		OK(add_numbered(s, i % 3, i, &err));
	for (int i = 0; i < 100; i++) {
		x.time = i * 60000;
		x.value = i * 0.5;
		OK(store_add_sample(s, &x, &err));
		OK(store_seen(s, (struct str){ id, (size_t)sprintf(id, "id%d", i) }, i, 86400000, &err));
	}
	OK(store_add_row(s, "alert", 1000, STR("{\"alert\":\"a\"}"), &err));
	OK(store_commit(s, &err));
	OK(store_compact(s, &err));
	OK(store_begin(s, &err));
	for (unsigned i = 400; i < 420; i++)
		OK(add_numbered(s, i % 3, i, &err));
	OK(store_put_state(s, "place", STR("file"), STR("12345"), &err));
	OK(store_commit(s, &err));
	store_close(s);
}

struct dump { uint32_t crc; long n; };

static void
dump_bytes(struct dump *d, const void *p, size_t n)
{
	d->crc = crc32c(d->crc, p, n);
	d->n++;
}

static void
dump_str(struct dump *d, struct str s)
{
	dump_bytes(d, s.p ? s.p : "-", s.p ? s.n : 1);
}

static int
dump_sample(void *self, const struct store_sample *x)
{
	dump_str(self, x->metric);
	dump_str(self, x->labels);
	dump_str(self, x->field);
	dump_str(self, x->state);
	dump_bytes(self, &x->time, 8);
	dump_bytes(self, &x->value, 8);
	return 0;
}

static int
dump_state(void *self, struct str name, struct str value)
{
	dump_str(self, name);
	dump_str(self, value);
	return 0;
}

static int
dump_row(void *self, int64_t time, struct str json)
{
	dump_bytes(self, &time, 8);
	dump_str(self, json);
	return 0;
}

static int
dump_name(void *self, struct str name, int64_t count, int64_t first, int64_t last)
{
	int64_t all[3] = { count, first, last };

	dump_str(self, name);
	dump_bytes(self, all, sizeof(all));
	return 0;
}

static int
dump_key(void *self, struct str key, int64_t count)
{
	dump_str(self, key);
	dump_bytes(self, &count, sizeof(count));
	return 0;
}

/* Everything a user can read, in a number. 0, or < 0 when something was reported. */
static int
dump(struct store *s, struct dump *d, struct err *err)
{
	struct store_range all = { .from = TIME_MIN, .to = TIME_MAX + 1, .by_time = 1 };
	struct store_scan *scan = store_scan_open(s, &all, err);
	struct event ev;
	int rc = scan ? 0 : -1;

	*d = (struct dump){ 0 };
	while (rc == 0 && (rc = store_scan_next(scan, &ev, err)) > 0) {
		dump_str(d, ev.name);
		dump_bytes(d, &ev.time, 8);
		dump_bytes(d, &ev.received, 8);
		dump_bytes(d, &ev.seq, 8);
		dump_str(d, ev.id);
		dump_str(d, ev.user_id);
		dump_str(d, ev.session_id);
		dump_str(d, ev.properties);
		rc = 0;
	}
	store_scan_close(scan);
	if (rc || (rc = store_each_sample(s, (struct str){ 0 }, INT64_MIN, INT64_MAX, dump_sample, d, err)) ||
	    (rc = store_each_sample(s, STR("m"), INT64_MIN, INT64_MAX, dump_sample, d, err)) ||
	    (rc = store_each_state(s, "place", dump_state, d, err)) ||
	    (rc = store_each_row(s, "alert", INT64_MIN, INT64_MAX, dump_row, d, err)) ||
	    (rc = store_each_name(s, dump_name, d, err)) || (rc = store_each_property(s, dump_key, d, err)))
		return rc;
	return 0;
}

static struct buf
slurp(const char *path)
{
	struct buf b = { 0 };
	int fd = open(path, O_RDONLY);
	ssize_t n;

	assert_true(fd >= 0);
	while ((n = read(fd, buf_room(&b, 65536), 65536)) > 0)
		b.n += (size_t)n;
	close(fd);
	return b;
}

static void
spill(const char *path, const char *p, size_t n)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0 && write(fd, p, n) == (ssize_t)n);
	close(fd);
}

static void
count_told(void *self, const char *what)
{
	(void)what;
	++*(int *)self;
}

/* Open, verify and read a damaged file: nothing crashes, and what is read is right or an error says that it is not. */
static void
look_at(const char *where, const struct dump *truth, int how, int *refused, int *found, int *harmless, const char *what, size_t at)
{
	struct err err = { 0 };
	struct store *s = store_open(where, "default", how, &err);
	struct dump d;
	int told_n = 0, rc;

	if (!s) {
		assert_true(err.text[0]);
		++*refused;
		return;
	}
	rc = store_verify(s, count_told, &told_n, &err);
	err_clear(&err);
	if (dump(s, &d, &err) == 0 && (d.crc != truth->crc || d.n != truth->n)) {
		if (rc == 0)
			fail_msg("%s at %zu: another content, and nobody says so", what, at);
	}
	if (err.code && rc == 0)
		fail_msg("%s at %zu: reading says '%s', verify nothing", what, at, err.text);
	if (rc)
		++*found;
	else
		++*harmless;
	if (how & STORE_WRITE && store_begin(s, &err) == 0) {   /* may fail, must not crash */
		if (add_numbered(s, 0, 999, &err) == 0 && store_put_state(s, "place", STR("file"), STR("1"), &err) == 0 &&
		    store_commit(s, &err) == 0)
			store_compact(s, &err);
		store_abort(s);
	}
	store_close(s);
}

static void
fault_16_a_flipped_bit_is_reported_and_never_crashes(void **state)
{
	struct err err = { 0 };
	char where[100], path[160];
	struct buf whole;
	struct dump truth;
	struct store *s;
	int refused = 0, found = 0, harmless = 0, tries = how_many("AT_FLIPS", 2500);
	unsigned seed = 11;

	(void)state;
	NOT_BESIDE_TSAN;
	sprintf(where, "%s/flip", dir);
	make_small(where);
	assert_non_null(s = store_open(where, "default", STORE_READ, &err));
	OK(dump(s, &truth, &err));
	store_close(s);
	sprintf(path, "%s/tenants/default/data.mdb", where);
	whole = slurp(path);
	for (int i = 0; i < tries; i++) {
		/* Beginnings of pages hold what LMDB trusts: they come more often. */
		size_t at = (size_t)rand_r(&seed) % whole.n;

		if (i % 2)
			at = at / 4096 * 4096 + (size_t)rand_r(&seed) % 160;
		if (at >= whole.n)
			continue;
		whole.p[at] ^= (char)(1 << i % 8);
		spill(path, whole.p, whole.n);
		look_at(where, &truth, i % 16 ? STORE_READ : STORE_WRITE, &refused, &found, &harmless, "flip", at);
		whole.p[at] ^= (char)(1 << i % 8);
	}
	printf("# %d flips: %d found by verify, %d refused at opening, %d in bytes that hold nothing\n", tries, found, refused, harmless);
	assert_true(found + refused > tries / 20);
	spill(path, whole.p, whole.n);
	look_at(where, &truth, STORE_WRITE, &refused, &found, &harmless, "nothing", 0);
	buf_release(&whole);
}

static void
fault_17_a_file_cut_short_is_refused_or_reported(void **state)
{
	struct err err = { 0 };
	char where[100], path[160];
	struct buf whole;
	struct dump truth;
	struct store *s;
	int refused = 0, found = 0, harmless = 0;

	(void)state;
	NOT_BESIDE_TSAN;
	sprintf(where, "%s/cut", dir);
	make_small(where);
	assert_non_null(s = store_open(where, "default", STORE_READ, &err));
	OK(dump(s, &truth, &err));
	store_close(s);
	sprintf(path, "%s/tenants/default/data.mdb", where);
	whole = slurp(path);
	for (size_t n = 0, i = 0; n < whole.n; n += n < 9000 ? 97 : 1999, i++) {
		spill(path, whole.p, n);
		look_at(where, &truth, i % 2 ? STORE_READ : STORE_WRITE, &refused, &found, &harmless, "cut", n);
	}
	printf("# cut short: %d refused, %d found, %d without loss\n", refused, found, harmless);
	assert_true(refused > 0 && harmless < 10);
	buf_release(&whole);
}

static void
fault_17_foreign_files_and_newer_formats_are_refused_with_the_reason(void **state)
{
	struct err err = { 0 };
	char where[100], path[160];

	(void)state;
	sprintf(where, "%s/foreign", dir);
	make_small(where);
	sprintf(path, "%s/tenants/default/data.mdb", where);
	spill(path, "SQLite format 3", 15);
	assert_null(store_open(where, "default", STORE_WRITE, &err));
	assert_non_null(strstr(err.text, "no LMDB file"));
	err_clear(&err);
	sprintf(path, "%s/format", where);
	spill(path, "at-store 3\n", 11);
	assert_null(store_open(where, "default", STORE_WRITE, &err));
	assert_non_null(strstr(err.text, "newer at (format 3"));
	err_clear(&err);
	spill(path, "hello\n", 6);
	assert_null(store_open(where, "default", STORE_CREATE, &err));
	assert_non_null(strstr(err.text, "no store"));
}

/* ---- links and modes */

static void
fault_63_nothing_inside_a_store_is_followed_through_a_link(void **state)
{
	struct err err = { 0 };
	char where[100], path[160], other[160];
	struct stat st;
	const char *const names[] = { "tenants/default/data.mdb", "tenants/default/lock.mdb", "tenants/default/scans.lock", "format",
		"tenants/default" };

	(void)state;
	sprintf(where, "%s/links", dir);
	make_small(where);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		sprintf(path, "%s/%s", where, names[i]);
		assert_int_equal(lstat(path, &st), 0);
		assert_int_equal(st.st_mode & 0777, S_ISDIR(st.st_mode) ? 0700 : 0600);
		sprintf(other, "%s/elsewhere%zu", dir, i);
		assert_int_equal(rename(path, other), 0);
		assert_int_equal(symlink(other, path), 0);
		err_clear(&err);
		assert_null(store_open(where, "default", STORE_CREATE, &err));
		assert_non_null(strstr(err.text, "symbolic link"));
		assert_int_equal(remove(path), 0);
		assert_int_equal(rename(other, path), 0);
	}
	store_close(store_open(where, "default", STORE_READ, &err));
}

/* ---- formats of before */

/* tests/golden/store/N.mdb.gz was written by the first release of format N; AT_MAKE_STORE=FILE writes one of this program's. */
static void
fault_58_stores_of_the_formats_before_are_read_and_become_this_one(void **state)
{
	struct err err = { 0 };
	char where[100], path[160], kept[64];
	const char *make = getenv("AT_MAKE_STORE");
	struct store_stats st;
	struct dump d;
	struct store *s;
	struct buf whole;

	(void)state;
	if (sizeof(void *) != 8 || htonl(1) == 1)
		return;                         /* LMDB's files are those of machines of one kind */
	sprintf(where, "%s/old", dir);
	make_small(where);
	assert_non_null(s = store_open(where, "default", STORE_READ, &err));
	OK(dump(s, &d, &err));
	store_close(s);
	sprintf(path, "%s/tenants/default/data.mdb", where);
	if (make) {
		whole = slurp(path);
		spill(make, whole.p, whole.n);
		printf("# %08x %ld\n", d.crc, d.n);
		buf_release(&whole);
		return;
	}
	for (int format = 1; format <= 2; format++) {
		struct in *in;
		struct str bytes;

		whole = (struct buf){ 0 };
		sprintf(kept, "tests/golden/store/%d.mdb.gz", format);
		assert_non_null(in = in_open(kept, &err));
		while (in_bytes(in, &bytes, &err) == IN_LINE)
			buf_str(&whole, bytes);
		in_close(in);
		spill(path, whole.p, whole.n);
		buf_release(&whole);
		assert_non_null(s = store_open(where, "default", STORE_WRITE, &err));
		assert_int_equal(store_verify(s, told, NULL, &err), 0);
		OK(dump(s, &d, &err));
		assert_int_equal(d.n, KEPT_VALUES);
		assert_int_equal(d.crc, KEPT_CRC);
		OK(store_stats(s, &st, &err));
		assert_int_equal(st.format, format);    /* reading changes nothing */
		OK(store_begin(s, &err));
		OK(add_numbered(s, 0, 420, &err));
		OK(store_commit(s, &err));
		store_close(s);
		assert_non_null(s = store_open(where, "default", STORE_WRITE, &err));
		OK(store_stats(s, &st, &err));
		assert_int_equal(st.format, 2);
		OK(store_compact(s, &err));
		assert_int_equal(store_verify(s, told, NULL, &err), 0);
		store_close(s);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(faults_1_and_3_a_killed_writer_loses_and_doubles_nothing),
		cmocka_unit_test(fault_13_readers_that_were_killed_do_not_make_the_file_grow),
		cmocka_unit_test(faults_14_and_15_many_at_once_see_a_ledger_without_gaps),
		cmocka_unit_test(fault_15_who_waits_for_the_writers_lock_is_next),
		cmocka_unit_test(a_name_is_read_no_further_than_it_goes),
		cmocka_unit_test(fault_10_a_small_map_grows_and_follows),
		cmocka_unit_test(fault_16_a_flipped_bit_is_reported_and_never_crashes),
		cmocka_unit_test(fault_17_a_file_cut_short_is_refused_or_reported),
		cmocka_unit_test(fault_17_foreign_files_and_newer_formats_are_refused_with_the_reason),
		cmocka_unit_test(fault_63_nothing_inside_a_store_is_followed_through_a_link),
		cmocka_unit_test(fault_58_stores_of_the_formats_before_are_read_and_become_this_one),
	};

	return cmocka_run_group_tests(tests, folder_set_up, folder_tear_down);
}
