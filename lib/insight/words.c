#include "insight/words.h"

#include <math.h>
#include <stdio.h>

#include "base/time.h"
#include "json/json.h"

/* Digits with a comma before each three. */
static void
put_grouped(struct buf *b, const char *digits)
{
	size_t whole = strcspn(digits, ".");

	for (size_t i = 0; i < whole; i++) {
		if (i && (whole - i) % 3 == 0)
			buf_byte(b, ',');
		buf_byte(b, digits[i]);
	}
	buf_lit(b, digits + whole);
}

static void
cut_zeros(char *digits)
{
	size_t n = strlen(digits);

	if (!strchr(digits, '.'))
		return;
	while (n && digits[n - 1] == '0')
		digits[--n] = 0;
	if (n && digits[n - 1] == '.')
		digits[--n] = 0;
}

static void
put_number(struct buf *b, double v, int decimals)       /* at least so many */
{
	double size = fabs(v);
	int usual = size >= 100 || v == floor(v) ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : size >= 0.1 ? 3 : 5;
	char digits[400];

	if (!isfinite(v)) {
		buf_lit(b, "no number");
		return;
	}
	if (size != 0 && (size >= 1e15 || size < 1e-4)) {
		buf_printf(b, "%.3g", v);
		return;
	}
	snprintf(digits, sizeof(digits), "%.*f", decimals > usual ? decimals : usual, size);
	cut_zeros(digits);
	if (v < 0 && strcmp(digits, "0"))
		buf_byte(b, '-');
	put_grouped(b, digits);
}

void
words_number(struct buf *b, double v)
{
	put_number(b, v, 0);
}

/* How many decimals two figures want so that `digits` of what lies between them can be seen. */
static int
decimals_between(double from, double to, int digits)
{
	double between = fabs(to - from);
	int n = between > 0 && isfinite(between) ? (int)ceil(digits - 1 - log10(between)) : 0;

	return n < 0 ? 0 : n > 6 ? 6 : n;
}

void
words_from_to(struct buf *b, double from, double to)
{
	int decimals = decimals_between(from, to, 3);

	buf_lit(b, " from ");
	put_number(b, from, decimals);
	buf_lit(b, " to ");
	put_number(b, to, decimals);
}

/* Of a percentage: what is shown of it, in its own unit. */
static double
shown(double share, int decimals)
{
	double unit = pow(10, decimals);

	return nearbyint(share * 100 * unit) / unit;
}

static int
decimals_of_shares(double from, double to)
{
	int needed = decimals_between(100 * from, 100 * to, 2), usual = fabs(from) >= 0.0995 && fabs(to) >= 0.0995 ? 0 : 1;

	return needed > usual ? needed : usual;
}

static void
put_share(struct buf *b, double share, int decimals)
{
	char digits[400];

	if (!isfinite(share)) {
		buf_lit(b, "beyond measure");
		return;
	}
	snprintf(digits, sizeof(digits), "%.*f", decimals, fabs(shown(share, decimals)));
	cut_zeros(digits);
	if (share < 0 && strcmp(digits, "0"))
		buf_byte(b, '-');
	put_grouped(b, digits);
	buf_lit(b, " %");
}

void
words_from_to_percent(struct buf *b, double from, double to)
{
	int decimals = decimals_of_shares(from, to);

	buf_lit(b, " from ");
	put_share(b, from, decimals);
	buf_lit(b, " to ");
	put_share(b, to, decimals);
}

void
words_points_between(struct buf *b, double from, double to)
{
	int decimals = decimals_of_shares(from, to);

	char digits[400];

	snprintf(digits, sizeof(digits), "%.*f", decimals, fabs(shown(to, decimals) - shown(from, decimals)));
	cut_zeros(digits);
	buf_printf(b, "%s %s", digits, strcmp(digits, "1") ? "points" : "point");
}

void
words_percent(struct buf *b, double share)
{
	double percent = fabs(share) * 100;
	char digits[400];

	if (!isfinite(percent)) {
		buf_lit(b, "beyond measure");
		return;
	}
	snprintf(digits, sizeof(digits), "%.*f", percent >= 9.95 ? 0 : percent >= 0.095 || percent == 0 ? 1 : 2, percent);
	cut_zeros(digits);
	put_grouped(b, digits);
	buf_lit(b, " %");
}

void
words_points(struct buf *b, double share)
{
	double points = fabs(share) * 100;
	char digits[400];

	snprintf(digits, sizeof(digits), "%.*f", points >= 9.95 ? 0 : points >= 0.095 ? 1 : 2, points);
	cut_zeros(digits);
	buf_printf(b, "%s %s", digits, strcmp(digits, "1") ? "points" : "point");
}

void
words_count(struct buf *b, double n, const char *one, const char *many)
{
	words_number(b, n);
	buf_byte(b, ' ');
	buf_lit(b, n == 1 ? one : many);
}

/* So much of a text as is told: not to within a character. */
static size_t
told(struct str text)
{
	size_t n = text.n;

	if (n > 120)
		for (n = 120; n > 0 && ((unsigned char)text.p[n] & 0xc0) == 0x80; )
			n--;
	return n;
}

void
words_name(struct buf *b, struct str name, int at_start)
{
	size_t n = told(name);

	for (size_t i = 0; i < n; i++) {
		char c = name.p[i];

		if (c == '_')
			c = ' ';
		if ((unsigned char)c < 32 || c == 127)
			c = '?';
		if (i == 0 && at_start && c >= 'a' && c <= 'z' && !memchr(name.p, '.', name.n))
			c = (char)(c - 32);
		buf_byte(b, c);
	}
}

static int
ends(struct str s, const char *with)
{
	size_t n = strlen(with);

	return s.n >= n && memcmp(s.p + s.n - n, with, n) == 0;
}

void
words_plural(struct buf *b, struct str name, int at_start)
{
	static const char *const done[] = { "ed", "_in", "_up", "_out", "_off", "_on", "ing", "_sent", "_seen", "_left", "_lost", "_paid", "_shown", NULL };

	for (int i = 0; done[i]; i++)
		if (ends(name, done[i])) {
			const char *last = memrchr(name.p, '_', name.n);
			size_t n = strlen(done[i]);

			/* invoice_paid, report_exported: invoices paid; but events signed up */
			if (last && last > name.p && (strcmp(done[i], "ed") == 0 || (n > 4 && done[i][0] == '_' && last == name.p + name.n - n))) {
				words_plural(b, (struct str){ name.p, (size_t)(last - name.p) }, at_start);
				buf_byte(b, ' ');
				words_name(b, (struct str){ last + 1, (size_t)(name.p + name.n - last - 1) }, 0);
				return;
			}
			buf_lit(b, at_start ? "Events " : "events ");
			words_name(b, name, 0);
			return;
		}
	if (ends(name, "y") && name.n > 1 && !strchr("aeiou", name.p[name.n - 2])) {
		name.n--;
		words_name(b, name, at_start);
		buf_lit(b, "ies");
		return;
	}
	words_name(b, name, at_start);
	if (!ends(name, "s") || ends(name, "ss"))
		buf_lit(b, ends(name, "ss") || ends(name, "x") || ends(name, "ch") || ends(name, "sh") ? "es" : "s");
}

void
words_time(struct buf *b, int64_t time, int64_t step_ms, const struct zone *zone)
{
	static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
	struct civil c;

	time_civil(time + (zone ? zone_offset(zone, time) : 0), &c);
	buf_printf(b, "%d %s %d", c.day, months[c.month - 1], c.year);
	if ((step_ms && step_ms % 86400000) || c.hour || c.minute)
		buf_printf(b, " %02d:%02d", c.hour, c.minute);
}

void
words_text(struct buf *b, struct str text)
{
	size_t n = told(text);

	for (size_t i = 0; i < n; i++)
		buf_byte(b, (unsigned char)text.p[i] < 32 || text.p[i] == 127 ? '?' : text.p[i]);
}

void
words_labels(struct buf *b, struct str json)
{
	struct buf scratch = {0};
	int n = 0;

	for (struct json_iter it = json_iter(json_value(json)); json_next(&it); n++) {
		buf_lit(b, n ? ", " : "");
		words_name(b, json_text(it.key, &scratch), 0);
		buf_byte(b, ' ');
		if (json_is(it.value, JSON_STRING)) {
			struct str text = json_text(it.value, &scratch);

			if (!text.n)
				buf_lit(b, "''");
			words_text(b, text);
		} else {
			buf_str(b, json_is(it.value, JSON_NULL) ? STR("unknown") : json_raw(it.value));
		}
	}
	buf_release(&scratch);
}
