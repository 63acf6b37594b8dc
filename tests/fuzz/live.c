/* Any JSON as a wish: it is taken within its bounds, or refused with a reason. */
#include <stdlib.h>

#include "serve/live.h"

int LLVMFuzzerTestOneInput(const unsigned char *, size_t);

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	struct str text = { (const char *)data, size };
	struct arena *a = arena_new(0);
	struct err err = { 0 };
	struct live_wish w;

	if (json_check(text, &err) == 0) {
		if (live_wish_read(json_value(text), a, &w, &err) < 0) {
			if (!err.code || !err.text[0])
				abort();
		} else if (w.kind > LIVE_CHANGES || (w.kind <= LIVE_METRIC && (!w.name.n || w.name.n > EVENT_NAME_MOST)) || w.range_ms <= 0 || w.every_ms < 0 ||
		    (w.every_ms && w.range_ms / w.every_ms > 10000) || w.n_filters < 0 || w.n_filters > METRIC_FILTERS_MOST || w.id.n > 100) {
			abort();
		}
	}
	arena_free(a);
	return 0;
}
