/* Any bytes as analytics.json: refused with a reason, or taken, and then its cleansing rules work on any event. */
#include <stdlib.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "config/config.h"
#include "event/clean.h"

int LLVMFuzzerTestOneInput(const unsigned char *, size_t);

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	static char dir[64];
	static struct event_reader reader;
	static const char *const rows[] = {
		"{\"event\":\"a\",\"user_id\":\" U \",\"x\":\" 1.5 \",\"y\":{\"z\":[1]},\"email\":\"anna@example.com\"}",
		"{\"event\":\"b\",\"id\":7,\"x\":null,\"t\":1700000000,\"flag\":\"yes\"}",
	};
	char path[100];
	struct err err = { 0 };
	struct config *c;
	struct clean *clean;
	FILE *f;

	if (!dir[0]) {
		snprintf(dir, sizeof(dir), "/dev/shm/at-fuzz-XXXXXX");
		if (!mkdtemp(dir))
			return 0;
	}
	snprintf(path, sizeof(path), "%s/analytics.json", dir);
	if (!(f = fopen(path, "w")))
		return 0;
	fwrite(data, 1, size, f);
	fclose(f);
	c = config_open(dir, &err);
	if (!c && (!err.code || !err.text[0]))
		abort();
	clean = c ? clean_new(config_get(c, "analytics", "events"), STR("salt"), &err) : NULL;
	for (size_t i = 0; clean && i < 2; i++) {
		struct event e;

		if (event_read(&reader, str_of(rows[i]), &e, &err))
			abort();
		if (clean_event(clean, &e, &err) == 1 && (json_check(e.properties, &err) || !e.name.n))
			abort();
		err_clear(&err);
	}
	clean_free(clean);
	config_close(c);
	return 0;
}
