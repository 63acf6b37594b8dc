/* Any bytes as statements over a table of rows, through SQLite and all functions: no crash, no write, an end in time. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/time.h"
#include "query/query.h"

static int
columns(void *self, const struct str *names, int n, struct err *err)
{
	(void)self, (void)names, (void)n, (void)err;
	return 0;
}

static int
row(void *self, const struct cell *cells, int n, struct err *err)
{
	int *rows = self;

	(void)cells, (void)n;
	return ++*rows > 100 ? err_set(err, ERR_LIMIT, "enough") : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char path[] = "/tmp/fuzz-sql-XXXXXX";
	static struct query *q;
	struct str sql = { (const char *)data, size };
	struct err err = {0};
	size_t at = 0;
	int rows = 0;
	const struct query_sink sink = { columns, row, &rows };

	if (!q) {
		static const char text[] = "{\"event\":\"a\",\"timestamp\":\"2026-11-23T10:00:00.000Z\",\"properties\":{\"x\":1,\"s\":\"t\"}}\n"
		    "{\"event\":\"b\",\"timestamp\":\"2026-11-24T10:00:00.000Z\",\"properties\":{\"x\":2.5,\"n\":[1]}}\n";
		const struct query_spec spec = { .input = path, .timeout_ms = 300, .memory = 64 << 20 };
		int fd = mkstemp(path);

		if (fd < 0 || write(fd, text, sizeof(text) - 1) < 0)
			abort();
		close(fd);
		time_set_now(1795000000000);
		q = query_open(&spec, &err);
	}
	while (!err.code && query_run(q, sql, &at, NULL, 0, &sink, &err) == 1)
		;
	unlink(path);
	return 0;
}
