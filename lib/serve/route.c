#include "serve/route.h"

#include <stdlib.h>

const struct route *const route_groups[] = {    /* searched in this order: what comes most often first */
	route_intake, route_reads, route_insights, route_ask, route_records, route_hooks, route_alerts, route_pages, route_status, route_live, route_provider, route_shared, route_web, NULL
};

/* The schemas travel inside the program as they stand beside this file. */
__asm__(".pushsection .rodata\n.globl route_schemas\n.hidden route_schemas\nroute_schemas:\n.incbin \"lib/serve/schemas.json\"\n.byte 0\n.popsection\n");

/* Does the path fit? segment gets what stands for {…}. */
static int
fits(const char *pattern, struct str path, struct str *segment)
{
	const char *p = pattern, *at = path.p, *end = path.p + path.n;
	int n = 0;

	while (*p) {
		if (*p == '{') {
			const char *slash = at < end ? memchr(at, '/', (size_t)(end - at)) : NULL;

			p = strchr(p, '}') + 1;
			if (n == EXCHANGE_SEGMENTS || at == end || at == slash)
				return 0;
			segment[n++] = (struct str){ at, (size_t)((slash ? slash : end) - at) };
			at = slash ? slash : end;
			continue;
		}
		if (at == end || *at != *p)
			return 0;
		p++, at++;
	}
	return at == end;
}

const struct route *
route_row(int number)
{
	for (int g = 0, n = 0; route_groups[g]; g++)
		for (const struct route *row = route_groups[g]; row->method; row++, n++)
			if (n == number)
				return row;
	return NULL;
}

const struct route *
route_find(struct str method, struct str path, struct str *segment, struct buf *allow)
{
	struct str wanted = str_eq(method, STR("HEAD")) ? STR("GET") : method, found[EXCHANGE_SEGMENTS] = { { 0 } };
	int gets = 0;

	for (int g = 0; route_groups[g]; g++)
		for (const struct route *row = route_groups[g]; row->method; row++) {
			if (!fits(row->path, path, found))
				continue;
			if (str_eq(wanted, str_of(row->method))) {
				memcpy(segment, found, sizeof(found));
				return row;
			}
			buf_lit(allow, allow->n ? ", " : "");
			buf_lit(allow, row->method);
			gets |= strcmp(row->method, "GET") == 0;
		}
	if (allow->n)
		buf_lit(allow, gets ? ", HEAD, OPTIONS" : ", OPTIONS");
	return NULL;
}
