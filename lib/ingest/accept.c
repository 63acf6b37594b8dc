#include "ingest/accept.h"

#include "base/cmd.h"

int
accept_open(struct accept *a, const struct config *config, const char *plan, struct err *err)
{
	struct json events = config_get(config, "analytics", "events");
	struct buf scratch = { 0 };

	*a = (struct accept){ 0 };
	if (plan && !(a->plan = plan_open(plan, err)))
		return err->code;
	if (events.type != JSON_OBJECT)
		return 0;
	buf_str(&a->salt, json_text(config_get(config, "analytics", "governance.salt"), &scratch));
	buf_release(&scratch);
	if (!(a->clean = clean_new(events, buf_get(&a->salt), err))) {
		accept_release(a);
		return err->code = ERR_USAGE, err_at(err, "%s/analytics.json", cmd_settings()->config);
	}
	return 0;
}

void
accept_release(struct accept *a)
{
	event_reader_release(&a->reader);
	clean_free(a->clean);
	plan_free(a->plan);
	buf_release(&a->salt);
	*a = (struct accept){ 0 };
}

static int
by_rules(struct accept *a, struct event *e, struct err *err)
{
	int keep = 1;

	if (a->clean && (keep = clean_event(a->clean, e, err)) <= 0)
		return keep;
	return a->plan ? plan_check(a->plan, e, err) : 1;
}

int
accept_checked(struct accept *a, struct str row, struct event *e, struct err *err)
{
	int rc = event_read_checked(&a->reader, row, e, err);

	return rc ? rc : by_rules(a, e, err);
}

int
accept_own(struct accept *a, struct str row, struct str properties, struct event *e, struct err *err)
{
	int rc = event_read_own(&a->reader, row, properties, e, err);

	return rc ? rc : by_rules(a, e, err);
}

int
accept_row(struct accept *a, struct str row, struct event *e, struct err *err)
{
	int rc = json_check(row, err);

	return rc ? rc : accept_checked(a, row, e, err);
}
