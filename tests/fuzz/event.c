/* Any bytes: event_read says no with a reason, or gives an event whose canonical form reads back as the same event. */
#include <stdlib.h>

#include "event/event.h"

int LLVMFuzzerTestOneInput(const unsigned char *, size_t);

static void
must(int holds)
{
	if (!holds)
		abort();
}

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	static struct event_reader a, b;
	static struct buf one, two, mended;
	struct event e, again;
	struct err err = { 0 };

	a.default_name = size && data[0] == ' ' ? STR("named") : (struct str){ 0 };
	buf_clear(&mended);
	event_put_lossy(&mended, (struct str){ (const char *)data, size });
	must(str_utf8_fault(buf_get(&mended)) < 0);
	if (event_read(&a, (struct str){ (const char *)data, size }, &e, &err)) {
		must(err.code == ERR_INPUT && err.text[0]);
		return 0;
	}
	must(e.name.n >= 1 && e.name.n <= EVENT_NAME_MOST && e.time >= TIME_MIN && e.time <= TIME_MAX);
	buf_clear(&one);
	event_put(&one, &e);
	must(event_read(&b, buf_get(&one), &again, &err) == 0);
	must(str_eq(e.name, again.name) && e.time == again.time && str_eq(e.properties, again.properties));
	must(str_eq(e.id, again.id) && !e.id.p == !again.id.p && str_eq(e.session_id, again.session_id));
	must(str_eq(e.user_id, again.user_id));
	buf_clear(&two);
	event_put(&two, &again);
	must(str_eq(buf_get(&one), buf_get(&two)));
	return 0;
}
