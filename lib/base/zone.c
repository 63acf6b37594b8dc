/* A TZif file (RFC 8536), numbers big-endian:
 *
 *      "TZif" version:1 zeros:15 isutc:4 isstd:4 leaps:4 times:4 types:4 chars:4       header
 *      times × (4 or 8)        instants, in seconds, at which the type changes         4 bytes in the first block, which
 *      times × 1               the type from then on                                   version 2 and later repeat with 8
 *      types × 6               offset:4 is_dst:1 name:1
 *      chars, leaps × (8 or 12), isstd, isutc                                          not needed here
 *      "\n" rule "\n"          version 2 and later: a POSIX TZ rule for what comes after the last instant
 */
#include "base/zone.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/time.h"

#define FILE_MOST   (1u << 20)          /* the largest zone of tzdata has 4 KB */
#define TIMES_MOST  20000
#define OFFSET_MOST (26 * 3600)         /* RFC 8536: -25 h < offset < 26 h */
#define DAY         86400
#define ALL_BEFORE  (INT64_MIN / 4)     /* seconds; no clock comes here */
#define ALL_AFTER   (INT64_MAX / 4)

/* When a rule's change takes place: Mm.w.d, Jn or n, and the second of that day. */
struct change { char kind; int month, week, day, second; };

struct zone {
	struct zone *next;
	char   *name;
	int     n;                      /* changes */
	int64_t *at;                    /* seconds */
	int    *offset;                 /* of the time after each */
	int     first;                  /* offset before all of them */
	int     has_rule, rule_std, rule_dst, rule_has_dst;
	struct change to_dst, to_std;
};

/* A stretch of time with one offset: from ≤ t < to, in seconds. */
struct stretch { int64_t from, to; int offset; };

static int
cut_number(const char **p, const char *end, int most)
{
	int n = 0;

	if (*p == end || **p < '0' || **p > '9')
		return -1;
	for (; *p < end && **p >= '0' && **p <= '9'; (*p)++)
		if ((n = n * 10 + (**p - '0')) > most)
			return -1;
	return n;
}

/* [+-]hh[:mm[:ss]] in seconds. 0, or -1 when it is none. */
static int
cut_hms(const char **p, const char *end, int hours_most, int *seconds)
{
	int sign = 1, part, scale = 3600;

	if (*p < end && (**p == '+' || **p == '-'))
		sign = *(*p)++ == '-' ? -1 : 1;
	if ((part = cut_number(p, end, hours_most)) < 0)
		return -1;
	*seconds = part * scale;
	while (scale > 1 && *p < end && **p == ':') {
		(*p)++;
		scale /= 60;
		if ((part = cut_number(p, end, 59)) < 0)
			return -1;
		*seconds += part * scale;
	}
	*seconds *= sign;
	return 0;
}

static int
cut_name(const char **p, const char *end)
{
	const char *from = *p;

	if (*p < end && **p == '<') {
		while (*p < end && **p != '>')
			(*p)++;
		return *p < end ? ((*p)++, 0) : -1;
	}
	while (*p < end && ((**p >= 'A' && **p <= 'Z') || (**p >= 'a' && **p <= 'z')))
		(*p)++;
	return *p - from >= 3 ? 0 : -1;
}

static int
cut_change(const char **p, const char *end, struct change *c)
{
	if (*p == end || *(*p)++ != ',' || *p == end)
		return -1;
	*c = (struct change){ .kind = **p, .second = 2 * 3600 };
	if (c->kind == 'M') {
		(*p)++;
		if ((c->month = cut_number(p, end, 12)) < 1 || *p == end || *(*p)++ != '.' ||
		    (c->week = cut_number(p, end, 5)) < 1 || *p == end || *(*p)++ != '.' ||
		    (c->day = cut_number(p, end, 6)) < 0)
			return -1;
	} else {
		if (c->kind == 'J')
			(*p)++;
		else
			c->kind = '0';
		if ((c->day = cut_number(p, end, 365)) < (c->kind == 'J'))
			return -1;
	}
	if (*p < end && **p == '/') {
		(*p)++;
		return cut_hms(p, end, 167, &c->second);
	}
	return 0;
}

/* "CET-1CEST,M3.5.0,M10.5.0/3" */
static int
parse_rule(struct zone *z, const char *p, const char *end)
{
	int west;

	if (cut_name(&p, end) < 0 || cut_hms(&p, end, 24, &west) < 0)
		return -1;
	z->rule_std = -west;
	if (p < end) {
		if (cut_name(&p, end) < 0)
			return -1;
		z->rule_dst = z->rule_std + 3600;
		if (p < end && *p != ',') {
			if (cut_hms(&p, end, 24, &west) < 0)
				return -1;
			z->rule_dst = -west;
		}
		if (cut_change(&p, end, &z->to_dst) < 0 || cut_change(&p, end, &z->to_std) < 0 || p < end)
			return -1;
		z->rule_has_dst = 1;
	}
	z->has_rule = 1;
	return 0;
}

/* The start of a change's day, local time, in seconds. */
static int64_t
change_day(const struct change *c, int year)
{
	struct civil civil = { .year = year, .month = 1, .day = 1 };
	int64_t january = time_of_civil(&civil) / 1000;
	int64_t length;
	int first;

	if (c->kind == '0')
		return january + (int64_t)c->day * DAY;
	civil = (struct civil){ .year = year, .month = 3, .day = 1 };
	if (c->kind == 'J') {           /* 1-365, the 29th of February is never counted */
		int leap = time_of_civil(&civil) / 1000 - january == 60 * DAY;

		return january + (int64_t)(c->day - 1 + (leap && c->day >= 60)) * DAY;
	}
	civil = (struct civil){ .year = year, .month = c->month, .day = 1 };
	january = time_of_civil(&civil) / 1000;
	time_civil(january * 1000, &civil);
	first = (c->day - civil.weekday + 7) % 7 + (c->week - 1) * 7;
	civil.month++;
	length = (time_of_civil(&civil) / 1000 - january) / DAY;
	while (first >= length)         /* week 5 is the last one */
		first -= 7;
	return january + (int64_t)first * DAY;
}

/* The stretch by rule that holds t, cut at `from`. */
static struct stretch
by_rule(const struct zone *z, int64_t t, int64_t from)
{
	struct stretch s = { from, ALL_AFTER, z->rule_std };
	int64_t at[6];
	int dst[6], n = 0;
	struct civil civil;

	if (!z->rule_has_dst)
		return s;
	time_civil((t + z->rule_std) * 1000, &civil);
	for (int year = civil.year - 1; year <= civil.year + 1; year++)
		for (int k = 1; k >= 0; k--) {
			int64_t when = k ? change_day(&z->to_dst, year) + z->to_dst.second - z->rule_std :
			    change_day(&z->to_std, year) + z->to_std.second - z->rule_dst;
			int i = n++;

			/* in order; of two at once the one to summer time counts (summer all year is written that way) */
			for (; i > 0 && (at[i - 1] > when || (at[i - 1] == when && dst[i - 1] > k)); i--)
				at[i] = at[i - 1], dst[i] = dst[i - 1];
			at[i] = when, dst[i] = k;
		}
	s.to = at[0];
	for (int i = 0; i < n && at[i] <= t; i++) {
		s.offset = dst[i] ? z->rule_dst : z->rule_std;
		if (at[i] > s.from)
			s.from = at[i];
		s.to = i + 1 < n ? at[i + 1] : t + DAY;
	}
	return s;
}

static struct stretch
find(const struct zone *z, int64_t t)
{
	int low = 0, high = z->n;       /* changes before `low` are ≤ t, those from `high` on are > t */

	if (z->n == 0 && z->has_rule)
		return by_rule(z, t, ALL_BEFORE);
	while (low < high) {
		int mid = (low + high) / 2;

		if (z->at[mid] <= t)
			low = mid + 1;
		else
			high = mid;
	}
	if (low == z->n && z->n && z->has_rule)
		return by_rule(z, t, z->at[z->n - 1]);
	return (struct stretch){ low ? z->at[low - 1] : ALL_BEFORE, low < z->n ? z->at[low] : ALL_AFTER,
	    low ? z->offset[low - 1] : z->first };
}

static int64_t
to_seconds(int64_t ms)                          /* kept where no sum can overflow */
{
	if (ms < TIME_MIN * 2)
		ms = TIME_MIN * 2;
	if (ms > TIME_MAX * 2)
		ms = TIME_MAX * 2;
	return ms / 1000 - (ms % 1000 < 0);
}

int64_t
zone_offset(const struct zone *z, int64_t ms)
{
	/* Rows of a stream share their stretch: the last one is kept, in each thread. Zones live as long as the process. */
	static _Thread_local struct { const struct zone *zone; struct stretch s; } last;
	int64_t t = to_seconds(ms);

	if (!z)
		return 0;
	if (!z->name)                   /* a caller's own, which may be gone tomorrow */
		return find(z, t).offset * 1000LL;
	if (last.zone != z || t < last.s.from || t >= last.s.to) {
		last.s = find(z, t);
		last.zone = z;
	}
	return last.s.offset * 1000LL;
}

int64_t
zone_to_utc(const struct zone *z, int64_t local_ms)
{
	int64_t local = to_seconds(local_ms), rest = local_ms - local * 1000, t;
	struct stretch s;

	if (!z)
		return local_ms;
	if (rest < 0 || rest > 999)     /* out of any calendar */
		rest = 0;
	for (s = find(z, local - OFFSET_MOST); ; s = find(z, s.to)) {
		t = local - s.offset;
		if (t < s.from)
			return s.from * 1000;
		if (t < s.to || s.to >= ALL_AFTER)
			return t * 1000 + rest;
	}
}

static int64_t
big_endian(const unsigned char *p, int bytes)
{
	uint64_t n = p[0] & 0x80 ? UINT64_MAX : 0;

	for (int i = 0; i < bytes; i++)
		n = n << 8 | p[i];
	return (int64_t)n;
}

struct block { uint32_t isutc, isstd, leaps, times, types, chars; size_t size; };

/* A header and the size of what follows it. 0, or -1. */
static int
read_header(const unsigned char *p, size_t n, int wide, struct block *b)
{
	uint32_t *count[] = { &b->isutc, &b->isstd, &b->leaps, &b->times, &b->types, &b->chars };
	size_t unit = wide ? 8 : 4;

	if (n < 44 || memcmp(p, "TZif", 4) != 0)
		return -1;
	for (int i = 0; i < 6; i++)
		if ((*count[i] = (uint32_t)big_endian(p + 20 + 4 * i, 4)) > FILE_MOST)
			return -1;
	b->size = b->times * (unit + 1) + b->types * 6 + b->chars + b->leaps * (unit + 4) + b->isstd + b->isutc;
	return n - 44 < b->size ? -1 : 0;
}

static int
read_block(struct zone *z, const unsigned char *p, const struct block *b, int wide)
{
	size_t unit = wide ? 8 : 4;
	const unsigned char *index = p + b->times * unit, *type = index + b->times;

	if (b->types < 1 || b->types > 256 || b->times > TIMES_MOST)
		return -1;
	for (uint32_t i = 0; i < b->types; i++) {
		int64_t offset = big_endian(type + 6 * i, 4);

		if (offset < -OFFSET_MOST || offset > OFFSET_MOST)
			return -1;
	}
	z->first = (int)big_endian(type, 4);
	z->at = mem_new((b->times + 1) * sizeof(*z->at));
	z->offset = mem_new((b->times + 1) * sizeof(*z->offset));
	for (uint32_t i = 0; i < b->times; i++) {
		int64_t at = big_endian(p + i * unit, (int)unit);

		if (index[i] >= b->types || (i && at <= big_endian(p + (i - 1) * unit, (int)unit)))
			return -1;
		if (at <= ALL_BEFORE || at >= ALL_AFTER)        /* "since the big bang" */
			continue;
		z->at[z->n] = at;
		z->offset[z->n++] = (int)big_endian(type + 6 * index[i], 4);
	}
	return 0;
}

struct zone *
zone_of_tzif(struct str bytes, struct err *err)
{
	const unsigned char *p = (const unsigned char *)bytes.p, *end = p + bytes.n, *line;
	struct zone *z = mem_new(sizeof(*z));
	struct block b;
	int wide = 0;

	if (bytes.n > FILE_MOST || read_header(p, bytes.n, 0, &b) < 0)
		goto wrong;
	if (p[4] >= '2') {
		wide = 1;
		p += 44 + b.size;
		if (read_header(p, (size_t)(end - p), 1, &b) < 0)
			goto wrong;
	}
	if (read_block(z, p + 44, &b, wide) < 0)
		goto wrong;
	p += 44 + b.size;
	if (wide) {
		if (p == end || *p++ != '\n' || !(line = memchr(p, '\n', (size_t)(end - p))))
			goto wrong;
		if (line > p && parse_rule(z, (const char *)p, (const char *)line) < 0)
			goto wrong;
	}
	return z;
wrong:
	zone_free(z);
	err_set(err, ERR_CORRUPT, "no zone data by RFC 8536");
	return NULL;
}

void
zone_free(struct zone *z)
{
	if (!z)
		return;
	free(z->name);
	free(z->at);
	free(z->offset);
	free(z);
}

/* "+02:00", "-0330", "+05" */
static struct zone *
fixed(struct str name)
{
	const char *p = name.p + 1, *end = name.p + name.n;
	int digit[4] = {0}, n = 0;
	struct zone *z;

	for (; p < end && n < 4; p++) {
		if (*p == ':' && n == 2 && p + 1 < end)
			continue;
		if (*p < '0' || *p > '9')
			return NULL;
		digit[n++] = *p - '0';
	}
	if (p < end || (n != 2 && n != 4) || digit[0] * 10 + digit[1] > 23 || digit[2] > 5)
		return NULL;
	z = mem_new(sizeof(*z));
	z->first = ((digit[0] * 10 + digit[1]) * 60 + digit[2] * 10 + digit[3]) * (name.p[0] == '-' ? -60 : 60);
	return z;
}

/* A name may only lead to a file below the folder of zones, and each file has one: zones are kept for ever. */
static int
is_safe(struct str name)
{
	if (name.n == 0 || name.n > 80 || name.p[0] == '/')
		return 0;
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];

		if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '+' ||
		    (c == '/' && name.p[i - 1] != '/')))
			return 0;
	}
	return 1;
}

static struct zone *
from_file(struct str name, struct err *err)
{
	const char *dir = getenv("TZDIR");
	char path[4096], *bytes = NULL;
	struct zone *z = NULL;
	struct stat st;
	ssize_t n;
	int fd = -1, len;

	len = snprintf(path, sizeof(path), "%s/%.*s", dir && *dir ? dir : "/usr/share/zoneinfo", STR_FMT(name));
	if (len < 0 || (size_t)len >= sizeof(path) || (fd = io_open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0)) < 0 ||
	    fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > FILE_MOST) {
		err_set(err, ERR_USAGE, "'%.*s' is no time zone, try UTC, Europe/Zurich or +02:00", STR_FMT(name));
		goto out;
	}
	bytes = mem_new((size_t)st.st_size + 1);
	n = io_read(fd, bytes, (size_t)st.st_size);
	if (!(z = zone_of_tzif((struct str){ bytes, n > 0 ? (size_t)n : 0 }, err)))
		err_at(err, "%s", path);
out:
	free(bytes);
	if (fd >= 0)
		close(fd);
	return z;
}

int
zone_is_utc(const struct zone *z)
{
	return !z || (z->n == 0 && !z->has_rule && z->first == 0);
}

const struct zone *
zone_get(struct str name, struct err *err)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static struct zone utc = { .name = (char *)"UTC" }, *zones;
	struct zone *z;

	if (str_eq(name, STR("UTC")) || str_eq(name, STR("Z")) || str_eq(name, STR("utc")))
		return &utc;
	if (!is_safe(name) && (name.n == 0 || name.n > 6 || !memchr("+-", name.p[0], 2))) {
		err_set(err, ERR_USAGE, "'%.*s' is no time zone, try UTC, Europe/Zurich or +02:00", (int)(name.n < 80 ? name.n : 80), name.p ? name.p : "");
		return NULL;
	}
	pthread_mutex_lock(&lock);
	for (z = zones; z && !str_eq(str_of(z->name), name); )
		z = z->next;
	if (!z && (z = name.p[0] == '+' || name.p[0] == '-' ? fixed(name) : from_file(name, err))) {
		z->name = mem_dup(name.p, name.n);
		z->next = zones;
		zones = z;
	} else if (!z && (name.p[0] == '+' || name.p[0] == '-'))
		err_set(err, ERR_USAGE, "'%.*s' is no offset from UTC, try +02:00", STR_FMT(name));
	pthread_mutex_unlock(&lock);
	return z;
}
