/* A mark is a state of kind "feedback". Its name: 32 hexadecimal digits of SHA-256 over time, byte 0, key. Its value: byte '1' true or
 * '0' false, the time as it stands in the row, byte 0, the key. */
#include "detect/feedback.h"

#include <stdio.h>

#include "base/buf.h"
#include "crypt/crypt.h"
#include "json/json.h"

#define KIND        "feedback"
#define FALSE_TIMES 1.25
#define TRUE_TIMES  1.1

double
feedback_odds(double odds, int is_true)
{
	odds *= is_true ? 1 / TRUE_TIMES : FALSE_TIMES;
	return odds < 0.25 ? 0.25 : odds > 8 ? 8 : odds;
}

static int
mark_one(struct store *s, struct json metric, struct json labels, struct json field, struct json time, int is_true, struct err *err)
{
	struct buf value = { 0 }, named = { 0 };
	char name[33];
	uint8_t hash[32];
	int rc;

	buf_byte(&value, is_true ? '1' : '0');
	buf_str(&value, json_raw(time));
	buf_byte(&value, 0);
	buf_str(&value, json_raw(metric));
	buf_byte(&value, 0);
	buf_str(&value, json_raw(labels));
	buf_byte(&value, 0);
	buf_str(&value, json_text(field, &named));
	crypt_sha256((struct str){ value.p + 1, value.n - 1 }, hash);
	for (int i = 0; i < 16; i++)
		snprintf(name + 2 * i, 3, "%02x", hash[i]);
	rc = store_put_state(s, KIND, str_of(name), buf_get(&value), err);
	buf_release(&value);
	buf_release(&named);
	return rc;
}

int
feedback_mark(struct store *s, struct str row, int is_true, struct err *err)
{
	struct json all, anomaly, time;
	struct json_iter with;
	int n = 1;

	row = str_trim(row);
	if (json_check(row, err) < 0)
		return err->code;
	all = json_checked(row), anomaly = json_get(all, STR("anomaly")), time = json_get(all, STR("timestamp"));
	if (!json_is(anomaly, JSON_OBJECT) || json_is(time, JSON_NONE) || !json_is(json_get(anomaly, STR("field")), JSON_STRING))
		return err_set(err, ERR_INPUT, "not an anomaly: a row that at-detect wrote is due");
	if (mark_one(s, json_get(all, STR("metric")), json_get(all, STR("labels")), json_get(anomaly, STR("field")), time, is_true, err))
		return err->code;
	for (with = json_iter(json_get(anomaly, STR("with"))); json_next(&with); n++)
		if (mark_one(s, json_get(with.value, STR("metric")), json_get(with.value, STR("labels")), json_get(with.value, STR("field")), time, is_true, err))
			return err->code;
	return n;
}

struct walk { void (*each)(void *, struct str, struct str, int); void *self; };

static int
one(void *self, struct str name, struct str value)
{
	const struct walk *walk = self;
	struct str key, time;

	(void)name;
	if (value.n < 2 || (*value.p != '0' && *value.p != '1'))
		return 0;
	key = (struct str){ value.p + 1, value.n - 1 };
	str_cut(&key, 0, &time);
	walk->each(walk->self, key, time, *value.p == '1');
	return 0;
}

int
feedback_each(struct store *s, void (*each)(void *, struct str, struct str, int), void *self, struct err *err)
{
	struct walk walk = { each, self };
	int rc = store_each_state(s, KIND, one, &walk, err);

	return rc < 0 ? rc : 0;
}
