#include <stdio.h>

#include "window/window_priv.h"

static int64_t
common_part(int64_t a, int64_t b)
{
	while (b) {
		int64_t rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

static int
parse_dur(struct str text, int64_t *ms, struct err *err)
{
	if (dur_parse(text, ms, err))
		return err->code = ERR_USAGE;
	if (*ms < 1 || *ms > 36600LL * 86400000)
		return err_set(err, ERR_USAGE, "'%.*s' is no window, try 1m", STR_FMT(text));
	return 0;
}

static int
parse_time(struct span *s, struct str text, struct err *err)
{
	struct str size;
	char one[32], two[32];

	str_cut(&text, '/', &size);
	if (parse_dur(size, &s->size_ms, err))
		return err->code;
	s->slide_ms = s->size_ms;
	if (text.p && parse_dur(text, &s->slide_ms, err))
		return err->code;
	if (s->slide_ms > s->size_ms)
		return err_set(err, ERR_USAGE, "a step longer than the window leaves rows out, give the longer one first: 5m/1m");
	s->pane_ms = common_part(s->size_ms, s->slide_ms);
	if (s->size_ms / s->pane_ms > 100000)
		return err_set(err, ERR_USAGE, "windows of more than 100,000 parts, choose a step that divides the window");
	dur_print(s->size_ms, one);
	dur_print(s->slide_ms, two);
	snprintf(s->label, sizeof(s->label), s->slide_ms == s->size_ms ? "%s" : "%s/%s", one, two);
	return 0;
}

int
window_span_parse(struct span *s, struct str text, struct err *err)
{
	static const struct str session = { "session:", 8 }, count = { "count:", 6 };
	char gap[32];
	int64_t n;

	if (str_eq(text, STR("all"))) {
		s->kind = SPAN_ALL;
		snprintf(s->label, sizeof(s->label), "all");
		return 0;
	}
	if (str_starts(text, session)) {
		s->kind = SPAN_SESSION;
		if (parse_dur((struct str){ text.p + session.n, text.n - session.n }, &s->size_ms, err))
			return err_at(err, "session");
		dur_print(s->size_ms, gap);
		snprintf(s->label, sizeof(s->label), "session:%s", gap);
		return 0;
	}
	if (str_starts(text, count)) {
		s->kind = SPAN_COUNT;
		if (str_int64((struct str){ text.p + count.n, text.n - count.n }, &n) || n < 1)
			return err_set(err, ERR_USAGE, "'%.*s': try count:1000", STR_FMT(text));
		s->rows = (uint64_t)n;
		snprintf(s->label, sizeof(s->label), "count:%ld", (long)n);
		return 0;
	}
	return parse_time(s, text, err);
}
