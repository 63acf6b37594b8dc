/* Any bytes: event_read says no with a reason, or gives an event whose canonical form reads back as the same event; and a reader
 * that has seen other rows, and this one twice, says the same as one that has seen none. */
#include <stdlib.h>

#include "event/event.h"

int LLVMFuzzerTestOneInput(const unsigned char *, size_t);

static void
must(int holds)
{
	if (!holds)
		abort();
}

static void
must_be_same(struct str a, struct str b)
{
	must(!a.p == !b.p && str_eq(a, b));
}

static void
read_again(struct str row, struct str name)
{
	static struct event_reader old = { .now = 1 };
	struct event_reader fresh = { .now = 1 };
	struct event a, b;
	struct err err = { 0 }, other = { 0 };
	int rc, again;

	old.default_name = fresh.default_name = name;
	event_read(&old, row, &a, &err);
	err_clear(&err);
	event_read(&old, row, &a, &err);
	err_clear(&err);
	rc = event_read(&old, row, &a, &err);
	again = event_read(&fresh, row, &b, &other);
	must(rc == again && err.col == other.col);
	if (!rc) {
		must_be_same(a.name, b.name);
		must_be_same(a.id, b.id);
		must_be_same(a.user_id, b.user_id);
		must_be_same(a.session_id, b.session_id);
		must_be_same(a.properties, b.properties);
		must(a.time == b.time && a.received == b.received);
	}
	event_reader_release(&fresh);
}

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	static struct event_reader a, b;
	static struct buf one, two, mended;
	struct event e, again;
	struct err err = { 0 };

	a.default_name = size && data[0] == ' ' ? STR("named") : (struct str){ 0 };
	read_again((struct str){ (const char *)data, size }, a.default_name);
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
