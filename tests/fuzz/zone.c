/* Any bytes as a zone file: refused, or a zone whose answers hold together. */
#include <assert.h>
#include <stdlib.h>

#include "base/time.h"

int LLVMFuzzerTestOneInput(const unsigned char *, size_t);

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t n)
{
	static const int64_t around[] = { TIME_MIN, -2208988800000, -1, 0, 1774746000000, 1793000000000, 4102444800000, TIME_MAX, TIME_NONE, INT64_MAX };
	struct err err = {0};
	struct zone *z = zone_of_tzif((struct str){ (const char *)data, n }, &err);

	if (!z) {
		assert(err.code == ERR_CORRUPT);
		return 0;
	}
	for (size_t i = 0; i < sizeof(around) / sizeof(around[0]); i++) {
		int64_t offset = zone_offset(z, around[i]), utc;

		assert(offset >= -26 * 3600000LL && offset <= 26 * 3600000LL);
		utc = zone_to_utc(z, around[i]);
		if (i < 8) {            /* back to the same local time, or the jump over it */
			int64_t local = utc + zone_offset(z, utc);

			assert(local == around[i] || (local > around[i] && utc % 1000 == 0));
		}
	}
	zone_free(z);
	return 0;
}
