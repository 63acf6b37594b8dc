#include "auth/trail.h"

#include "base/time.h"
#include "store/admin.h"

struct store *
trail_open(const char *dir, struct err *err)
{
	err_clear(err);
	return store_has_system(dir) ? store_open(dir, NULL, STORE_READ, err) : NULL;
}

struct reading { struct str tenant; int64_t from, to; int (*each)(void *, struct str json); void *self; };

static int
read_one(void *self, int64_t time, struct str json)
{
	struct reading *r = self;
	struct json entry = json_value(json), v = json_get(entry, STR("timestamp"));
	int64_t at = TIME_NONE;

	(void)time;                     /* the key's, which is never before the one in front of it; the entry tells the clock's */
	if (v.type == JSON_STRING && v.n > 2 && time_parse_rfc3339((struct str){ v.p + 1, v.n - 2 }, &at))
		at = TIME_NONE;
	if (at < r->from || at >= r->to || (r->tenant.p && !json_text_eq(json_get(entry, STR("tenant")), r->tenant)))
		return 0;
	return r->each(r->self, json);
}

int
trail_each(struct store *s, struct str tenant, int64_t from, int64_t to, int (*each)(void *, struct str json), void *self, struct err *err)
{
	struct reading r = { tenant, from, to, each, self };

	return store_each_row(s, "audit", from, TIME_MAX + 1, read_one, &r, err);
}
