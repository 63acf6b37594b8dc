/* functions_bounded.c - functions that SQLite has too, where its own take time without bound, in one step that no deadline ends:
 * instr and replace look in n bytes for m in n x m steps, trim compares each character with each of the set, printf pads as wide as the
 * text says. Here they are linear, or n log m, and printf refuses what would be longer than any text here. The answers are the same.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "query/functions_priv.h"

#define TEXT_MOST (16 << 20)            /* bytes that printf may pad to, all its fields together */

/* As SQLite counts: a byte that begins a character, with all that follow and begin none. */
static size_t
character(struct str s)
{
	size_t n = 1;

	if (s.n && (unsigned char)*s.p >= 0xc0)
		while (n < s.n && ((unsigned char)s.p[n] & 0xc0) == 0x80)
			n++;
	return n;
}

static void
instr(sqlite3_context *c, int n, sqlite3_value **v)
{
	int blobs = sqlite3_value_type(v[0]) == SQLITE_BLOB && sqlite3_value_type(v[1]) == SQLITE_BLOB;
	struct str in, what;
	const char *at;
	int64_t place = 1;

	(void)n;
	if (functions_is_null(v[0]) || functions_is_null(v[1]))
		return;
	if (blobs) {
		what = (struct str){ sqlite3_value_blob(v[1]), (size_t)sqlite3_value_bytes(v[1]) };
		in = (struct str){ sqlite3_value_blob(v[0]), (size_t)sqlite3_value_bytes(v[0]) };
	} else {
		what = functions_text_of(v[1]);
		in = functions_text_of(v[0]);
	}
	at = what.n ? in.n ? memmem(in.p, in.n, what.p, what.n) : NULL : in.p;
	if (!at && what.n) {
		sqlite3_result_int(c, 0);
		return;
	}
	if (blobs)
		place += at ? at - in.p : 0;
	else
		for (struct str rest = { in.p, at ? (size_t)(at - in.p) : 0 }; rest.n; place++) {
			size_t step = character(rest);

			rest.p += step, rest.n -= step;
		}
	sqlite3_result_int64(c, place);
}

static void
replace(sqlite3_context *c, int n, sqlite3_value **v)
{
	struct str in = functions_text_of(v[0]), what = functions_text_of(v[1]), with;
	size_t most = (size_t)sqlite3_limit(sqlite3_context_db_handle(c), SQLITE_LIMIT_LENGTH, -1), heap = (size_t)sqlite3_hard_heap_limit64(-1);
	int little = heap && heap / 4 < most;           /* it is there twice before SQLite has it, as large as it will be */
	struct buf out = { 0 };
	const char *at;

	(void)n;
	if (!in.p || !what.p)
		return;
	if (!what.n || !*what.p) {
		sqlite3_result_value(c, v[0]);
		return;
	}
	with = functions_text_of(v[2]);
	if (!with.p)
		return;
	most = little ? heap / 4 : most;
	while (in.n && (at = memmem(in.p, in.n, what.p, what.n)) && out.n <= most) {
		buf_add(&out, in.p, (size_t)(at - in.p));
		buf_str(&out, with);
		in.n -= (size_t)(at - in.p) + what.n;
		in.p = at + what.n;
	}
	if (out.n + in.n > most && little) {
		sqlite3_result_error_nomem(c);
	} else if (out.n + in.n > most) {
		sqlite3_result_error_toobig(c);
	} else {
		buf_str(&out, in);
		sqlite3_result_text64(c, buf_text(&out), out.n, SQLITE_TRANSIENT, SQLITE_UTF8);
	}
	buf_release(&out);
}

/* ---- trim(text, set) */

static int
by_bytes(const void *a, const void *b)
{
	return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

static int
among(const struct str *set, size_t n, struct str one)
{
	return n && bsearch(&one, set, n, sizeof(*set), by_bytes) != NULL;
}

enum { LEFT = 1, RIGHT = 2 };

static void
trim(sqlite3_context *c, int n, sqlite3_value **v)              /* which: the sides */
{
	int sides = functions_which(c);
	struct str in = functions_text_of(v[0]), rest = functions_text_of(v[1]), *set;
	size_t count = 0, step;

	(void)n;
	if (!in.p || !rest.p)
		return;
	set = mem_grow(NULL, rest.n + 1, sizeof(*set));
	for (; rest.n; rest.p += step, rest.n -= step) {
		step = character(rest);
		set[count++] = (struct str){ rest.p, step };
	}
	qsort(set, count, sizeof(*set), by_bytes);
	while (sides & LEFT && in.n && among(set, count, (struct str){ in.p, step = character(in) }))
		in.p += step, in.n -= step;
	while (sides & RIGHT && in.n) {
		step = 1;
		while (step < in.n && ((unsigned char)in.p[in.n - step] & 0xc0) == 0x80)
			step++;
		if (!among(set, count, (struct str){ in.p + in.n - step, step }))
			break;
		in.n -= step;
	}
	free(set);
	sqlite3_result_text64(c, in.p, in.n, SQLITE_TRANSIENT, SQLITE_UTF8);
}

/* ---- printf: SQLite's own, on a database of its own, once what it is asked for is known to be no more than TEXT_MOST */

/* A width or a precision, in the text or (*) the next argument. */
static int64_t
number_at(struct str *rest, int n, sqlite3_value **v, int *next)
{
	int64_t number = 0;

	if (rest->n && *rest->p == '*') {
		rest->p++, rest->n--;
		if (*next >= n)
			return 0;
		number = sqlite3_value_int(v[(*next)++]);
		return number < 0 ? -number : number;
	}
	for (; rest->n && *rest->p >= '0' && *rest->p <= '9'; rest->p++, rest->n--)
		number = number < TEXT_MOST ? number * 10 + (*rest->p - '0') : number;
	return number;
}

/* Bytes that all fields may be padded to, at most. */
static int64_t
padding(int n, sqlite3_value **v)
{
	struct str rest = functions_text_of(v[0]);
	int64_t sum = 0;
	int next = 1;

	while (rest.n && sum <= TEXT_MOST) {
		if (*rest.p != '%') {
			rest.p++, rest.n--;
			continue;
		}
		do
			rest.p++, rest.n--;
		while (rest.n && *rest.p && strchr("-+ #!0,", *rest.p));
		sum += number_at(&rest, n, v, &next);
		if (rest.n && *rest.p == '.') {
			rest.p++, rest.n--;
			sum += number_at(&rest, n, v, &next);
		}
		while (rest.n && *rest.p == 'l')
			rest.p++, rest.n--;
		next += rest.n && *rest.p != '%';
		rest.p += rest.n != 0, rest.n -= rest.n != 0;
	}
	return sum;
}

static sqlite3_stmt *
printer(struct functions *all, int n)
{
	struct buf sql = { 0 };

	if (all->printer && all->printer_args == n)
		return all->printer;
	sqlite3_finalize(all->printer);
	all->printer = NULL;
	if (!all->plain && sqlite3_open_v2(":memory:", &all->plain, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
		return NULL;
	sqlite3_limit(all->plain, SQLITE_LIMIT_LENGTH, 2 * TEXT_MOST);
	for (int i = 0; i < n; i++)
		buf_lit(&sql, i ? ",?" : "SELECT printf(?");
	buf_byte(&sql, ')');
	sqlite3_prepare_v2(all->plain, buf_text(&sql), (int)sql.n, &all->printer, NULL);
	all->printer_args = n;
	buf_release(&sql);
	return all->printer;
}

static void
print(sqlite3_context *c, int n, sqlite3_value **v)
{
	sqlite3_stmt *stmt;
	int rc = SQLITE_OK;

	if (n == 0 || functions_is_null(v[0]))
		return;
	if (padding(n, v) > TEXT_MOST) {
		functions_error(c, "a text of more than 16 MiB");
		return;
	}
	if (!(stmt = printer(functions_self(c)->all, n))) {
		sqlite3_result_error_nomem(c);
		return;
	}
	for (int i = 0; i < n && rc == SQLITE_OK; i++)
		rc = sqlite3_bind_value(stmt, i + 1, v[i]);
	if (rc == SQLITE_OK && sqlite3_step(stmt) == SQLITE_ROW)
		sqlite3_result_value(c, sqlite3_column_value(stmt, 0));
	else
		sqlite3_result_error_toobig(c);
	sqlite3_reset(stmt);
	sqlite3_clear_bindings(stmt);
}

void
functions_bounded_close(struct functions *all)
{
	sqlite3_finalize(all->printer);
	sqlite3_close(all->plain);
}

const struct function functions_bounded[] = {
	{ "instr", 2, 2, 0, instr }, { "replace", 3, 3, 0, replace },
	{ "trim", 2, 2, LEFT | RIGHT, trim }, { "ltrim", 2, 2, LEFT, trim }, { "rtrim", 2, 2, RIGHT, trim },
	{ "printf", 0, -1, 0, print }, { "format", 0, -1, 0, print },
	{ 0 }
};
