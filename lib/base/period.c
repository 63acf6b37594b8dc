#include "base/period.h"

#include <string.h>

#include "base/dur.h"

#define SPAN_MOST (200LL * 366 * 86400000)

static int
wrong(const char *name, struct str text, const char *why, struct err *err)
{
	err_clear(err);
	return err_set(err, ERR_INPUT, "%s: '%.*s': %s", name, (int)(text.n > 60 ? 60 : text.n), text.p, why);
}

int
period_is_fixed(struct str range)
{
	return memchr(range.p, '/', range.n) || memmem(range.p, range.n, "..", 2) || str_eq(range, STR("today")) || str_eq(range, STR("yesterday")) ||
	       str_eq(range, STR("all"));
}

static int
read_range(struct str range, const struct zone *zone, int64_t *from, int64_t *to, struct err *err)
{
	static const char try[] = "try 1h, 7d, today, yesterday or 2026-11-01/2026-11-08";
	const char *gap = memchr(range.p, '/', range.n);
	size_t gap_n = gap ? 1 : 2;
	int64_t now = time_now(), span;

	if (!gap)
		gap = memmem(range.p, range.n, "..", 2);
	if (gap) {
		struct str start = { range.p, (size_t)(gap - range.p) }, end = { gap + gap_n, range.n - (size_t)(gap - range.p) - gap_n };

		*from = TIME_MIN, *to = TIME_MAX + 1;
		if ((start.n && time_parse(start, zone, from, err)) || (end.n && time_parse(end, zone, to, err)))
			return wrong("timeRange", range, try, err);
	} else if (dur_parse(range, &span, err) == 0) {
		if (span <= 0 || span > SPAN_MOST)
			return wrong("timeRange", range, try, err);
		*from = now - span;
		*to = now + 1;
	} else if (str_eq(range, STR("today")) || str_eq(range, STR("yesterday"))) {
		err_clear(err);
		time_parse(range, zone, from, err);
		time_parse(str_eq(range, STR("today")) ? STR("tomorrow") : STR("today"), zone, to, err);
	} else if (str_eq(range, STR("all"))) {
		err_clear(err);
		*from = TIME_MIN, *to = TIME_MAX + 1;
	} else {
		err_clear(err);
		if (time_parse(range, zone, from, err))
			return wrong("timeRange", range, try, err);
		*to = now + 1;
	}
	return 0;
}

int
period_read(const struct period_text *text, int64_t default_ms, const struct zone *zone, int64_t *from, int64_t *to, struct err *err)
{
	int64_t now = time_now();

	*from = default_ms ? now - default_ms : TIME_MIN;
	*to = default_ms ? now + 1 : TIME_MAX + 1;
	if (text->range.p && text->range.n) {
		if (read_range(text->range, zone, from, to, err))
			return err->code;
	} else {
		if (text->from.p && time_parse(text->from, zone, from, err))
			return wrong("from", text->from, "try 2026-11-01, 2026-11-01T10:00:00Z or yesterday", err);
		if (text->from.p && !text->to.p)
			*to = now + 1;
		if (text->to.p && time_parse(text->to, zone, to, err))
			return wrong("to", text->to, "try 2026-11-01, 2026-11-01T10:00:00Z or yesterday", err);
		if (text->to.p && !text->from.p && default_ms)
			*from = *to - default_ms < TIME_MIN ? TIME_MIN : *to - default_ms;
		if (*from >= *to)
			return wrong(text->to.p ? "to" : "from", text->to.p ? text->to : text->from, "it ends before it begins", err);
	}
	return *from < *to ? 0 : wrong("timeRange", text->range, "it ends before it begins", err);
}
