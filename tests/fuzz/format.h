/* Any bytes into a format: no crash, good records, and the same ones in whatever pieces the bytes come. */
#ifndef FUZZ_FORMAT_H
#define FUZZ_FORMAT_H

#include <stdlib.h>

#include "formats/formats.h"
#include "json/json.h"

int LLVMFuzzerTestOneInput(const unsigned char *, size_t);

struct fuzz_feed { struct str rest; size_t step; int turn; };

static int
fuzz_read(void *self, char *to, size_t n, size_t *got, struct err *err)
{
	struct fuzz_feed *f = self;

	(void)err;
	if (!f->rest.n)
		return IN_END;
	if (f->step < 1000 && (f->turn = !f->turn))
		return IN_IDLE;
	*got = f->rest.n < f->step ? f->rest.n : f->step;
	*got = *got < n ? *got : n;
	memcpy(to, f->rest.p, *got);
	f->rest.p += *got;
	f->rest.n -= *got;
	return IN_LINE;
}

/* All that comes of it, as text. */
static inline void
fuzz_convert(const struct format *format, struct str text, size_t step, struct buf *to)
{
	struct fuzz_feed feed = { text, step, 0 };
	struct in *in = in_open_read(fuzz_read, &feed, "fuzz");
	struct err err = {0};
	struct record r = {0};
	static struct buf key;
	void *it = format->open(in, &err);
	int64_t end = 0;
	int rc;

	buf_clear(to);
	while ((rc = format->next(it, &r, &err)) != IN_END) {
		if (rc == IN_IDLE)
			continue;
		if (r.end < end || r.end > (int64_t)text.n)
			abort();
		end = r.end;
		if (rc == IN_LINE && r.checked) {
			if (json_check(r.json, &err))
				abort();
			for (struct json_iter a = json_iter(json_value(r.json)); json_next(&a); )
				if (json_get(json_value(r.json), json_text(a.key, &key)).p != a.value.p && !a.key.escaped)
					abort();        /* a key that comes twice */
			if (r.properties.p && (json_check(r.properties, &err) || r.properties.p + r.properties.n + 1 != r.json.p + r.json.n))
				abort();
		}
		if (rc == IN_LINE)
			buf_str(to, r.json);
		else
			buf_printf(to, "%ld %s", err.col, err.text);
		buf_printf(to, " %ld %d\n", r.line, r.more);
		if (rc < 0 && rc != ERR_INPUT)
			break;
		err_clear(&err);
	}
	format->close(it);
	in_close(in);
}

static inline int
fuzz_format(const char *name, const unsigned char *data, size_t size)
{
	static struct buf whole, pieces;
	struct err err = {0};
	const struct format *format = formats_find(name, &err);
	struct str text = { (const char *)data, size };

	formats_settings.lossy = size && data[size - 1] % 2;
	formats_settings.as_events = size / 2 % 2;
	formats_detect(text, "");
	fuzz_convert(format, text, 1 << 20, &whole);
	fuzz_convert(format, text, 1 + size % 13, &pieces);
	if (!str_eq(buf_get(&whole), buf_get(&pieces)))
		abort();
	return 0;
}

#define FUZZ_FORMAT(name) \
	int \
	LLVMFuzzerTestOneInput(const unsigned char *data, size_t size) \
	{ \
		return fuzz_format(name, data, size); \
	}

#endif
