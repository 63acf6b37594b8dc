#include "event/when.h"

#include "base/time.h"
#include "event/event.h"

/* Null, or the empty text, as in an event. */
static int
says_nothing(struct json v)
{
	return v.type <= JSON_NULL || (v.type == JSON_STRING && v.n == 2);
}

/* An alias that is of another kind is an ordinary property. */
static struct json
other_time(struct str row)
{
	struct json v = JSON_ABSENT, whole = json_value(row);
	struct str key;

	for (int i = 1; (key = event_key_of(STR("timestamp"), i)).p && v.type != JSON_STRING && v.type != JSON_NUMBER; i++)
		if (says_nothing(v = json_get(whole, key)))
			v = JSON_ABSENT;
	return v.type == JSON_STRING || v.type == JSON_NUMBER ? v : JSON_ABSENT;
}

int
when_text(struct str text, int64_t *time)
{
	int64_t whole;
	double d;

	if (time_parse_rfc3339(text, time) == 0)
		return 0;
	if (str_int64(text, &whole) == 0)
		return time_of_epoch_int(whole, time);
	return str_double(text, &d) == 0 ? time_of_epoch(d, time) : -1;
}

int
when_row(struct json v, struct str row, struct buf *scratch, int64_t *time, struct err *err)
{
	struct str text = { 0 };
	int64_t epoch;
	double d;
	int rc = -1;

	if (says_nothing(v) && (v = other_time(row)).type == JSON_NONE) {
		*time = time_now();
		return 0;
	}
	if (v.type == JSON_NUMBER)
		rc = json_int64(v, &epoch) ? time_of_epoch_int(epoch, time) : json_double(v, &d) ? time_of_epoch(d, time) : -1;
	else if ((text = json_text(v, scratch)).p)
		rc = when_text(text, time);
	if (rc)
		return err_col(err, v.p - row.p + 1, ERR_INPUT, "%.*s is no time, try \"2026-11-23T10:15:30Z\" or epoch seconds",
		    v.n > 60 ? 60 : (int)v.n, v.p);
	return 0;
}
