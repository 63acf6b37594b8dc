/* The property of all formats, and: what is cut by us says the same when libcsv does all that holds a quote, and rows without one
 * say the same when a quote is put around a field. */
#include "format.h"
#include "formats/formats_priv.h"

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	static struct buf plain, quoted, a, b;
	struct err err = {0};
	const struct format *csv = formats_find("csv", &err);
	struct str rest = { (const char *)data, size }, line;
	int first = 1;

	fuzz_format("csv", data, size);
	fuzz_convert(csv, (struct str){ (const char *)data, size }, 1 << 20, &a);
	formats_csv_by_library = 1;
	fuzz_convert(csv, (struct str){ (const char *)data, size }, 1 << 20, &b);
	formats_csv_by_library = 0;
	if (!str_eq(buf_get(&a), buf_get(&b)))
		abort();
	if (memchr(data, '"', size))
		return 0;
	buf_clear(&plain);
	buf_clear(&quoted);
	while (str_cut(&rest, '\n', &line)) {
		if (line.n && line.p[line.n - 1] == '\r')
			line.n--;
		if (line.n == 0)
			continue;
		/* one column more, so that no line is empty and the quoted field is whole; the header is the same in both */
		buf_printf(&plain, "%s,", first ? "x" : "a b");
		buf_printf(&quoted, "%s,", first ? "x" : "\"a b\"");
		buf_str(&plain, line);
		buf_str(&quoted, line);
		buf_byte(&plain, '\n');
		buf_byte(&quoted, '\n');
		first = 0;
	}
	formats_settings.lossy = 1;             /* places differ by the quotes: only what comes of good bytes is compared */
	fuzz_convert(csv, buf_get(&plain), 1 << 20, &a);
	formats_csv_by_library = 1;
	fuzz_convert(csv, buf_get(&quoted), 1 << 20, &b);
	formats_csv_by_library = 0;
	formats_settings.lossy = 0;
	if (!str_eq(buf_get(&a), buf_get(&b)))
		abort();
	return 0;
}
