/* Events that others have wrapped: CloudEvents, Segment calls and what Singer's taps write, one a value, in an array, or (Segment) in a batch.
 *
 *      {"specversion":"1.0","type":"user_signup","source":"/web","id":"7","time":"…","subject":"u1","data":{"plan":"pro"}}
 *      {"event":"user_signup","timestamp":"…","id":"7","properties":{"plan":"pro","source":"/web","subject":"u1"}}
 *
 * CloudEvents: `data` gives the properties when it is an object, else it is one of them, as is `data_base64`; the other
 * attributes follow (a name that the data has becomes name_2).
 *
 *      {"type":"track","event":"Signed Up","userId":"u1","messageId":"7","timestamp":"…","properties":{"plan":"pro"}}
 *      {"event":"Signed Up","timestamp":"…","id":"7","user_id":"u1","properties":{"plan":"pro"}}
 *
 * Segment: the event of a track call is its own, of page, screen, identify, group and alias it is that word. Traits are
 * properties. `name` and `category` of a page, `group_id`, `previous_id`, `context`, and the anonymous id as `anonymous_id`
 * when there is a user id as well, stand beside them.
 *
 *      {"type":"RECORD","stream":"orders","record":{"id":7,"total":30.1},"time_extracted":"…"}
 *      {"event":"orders","timestamp":"…","properties":{"id":7,"total":30.1}}
 *
 * Singer: a RECORD is an event of its stream's name; the time and the user are the record's own where it names them as an event
 * does, else it is the time of extraction. SCHEMA, STATE and ACTIVATE_VERSION say nothing of an event and are passed over.
 */
#include <stdio.h>

#include "base/mem.h"
#include "base/time.h"
#include "formats/formats_priv.h"
#include "formats/values.h"

#define PASSED 100      /* beside IN_LINE: a value that is no event, and well so */

struct envelope {
	struct formats_state s;
	struct values *values;
	int (*unwrap)(struct formats_state *, struct json, struct record *, struct err *);
};

static void *
open_with(struct in *in, struct str array, int (*unwrap)(struct formats_state *, struct json, struct record *, struct err *))
{
	struct envelope *e = mem_new(sizeof(*e));

	e->values = values_new(in, array);
	e->unwrap = unwrap;
	return e;
}

static void
envelope_close(void *self)
{
	struct envelope *e = self;

	if (e)
		values_free(e->values);
	formats_close(e);
}

static void
go_on(void *self, int inside)
{
	values_go_on(((struct envelope *)self)->values, inside);
}

static int
next(void *self, struct record *r, struct err *err)
{
	struct envelope *e = self;
	struct buf *mended = &e->s.mended;
	struct str text;
	int rc;

	do {
		if ((rc = values_next(e->values, r, err)) != IN_LINE)
			return rc;
		text = r->json;
		if ((rc = formats_text_good(&text, formats_scan(text.p, text.n), mended, err)) || (rc = json_check(text, err)))
			return rc;
		r->checked = 1;
		formats_begin(&e->s);
	} while ((rc = e->unwrap(&e->s, json_value(text), r, err)) == PASSED);
	return rc;
}

#define GET(of, key) json_get(of, STR(key))

/* A member of the top that is text or a number. */
static void
put_top(struct formats_state *s, const char *key, struct json v)
{
	if (!json_is(v, JSON_STRING) && !json_is(v, JSON_NUMBER))
		return;
	formats_top(s, key);
	json_put_compact(&s->json, v);
}

static struct json
either(struct json a, struct json b)
{
	return json_is(a, JSON_NONE) || json_is(a, JSON_NULL) ? b : a;
}

/* ---- CloudEvents */

static int
cloudevent(struct formats_state *s, struct json v, struct record *r, struct err *err)
{
	struct json type = GET(v, "type"), data = GET(v, "data");

	if (!json_is(GET(v, "specversion"), JSON_STRING))
		return err_set(err, ERR_INPUT, "no specversion: this is no CloudEvent");
	if (!json_is(type, JSON_STRING) || type.n == 2)
		return err_set(err, ERR_INPUT, "a CloudEvent without a type");
	put_top(s, "event", type);
	put_top(s, "timestamp", GET(v, "time"));
	put_top(s, "id", GET(v, "id"));
	formats_properties(s);
	if (json_is(data, JSON_OBJECT))
		formats_members(s, data);
	else
		formats_value(s, "data", data);
	for (struct json_iter it = json_iter(v); json_next(&it); ) {
		static const char *const taken[] = { "specversion", "type", "time", "id", "data", "datacontenttype" };
		int known = 0;

		for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++)
			known |= json_text_eq(it.key, str_of(taken[i]));
		if (known)
			continue;
		formats_key(s, json_text(it.key, &s->scratch));
		json_put_compact(&s->json, it.value);
	}
	formats_end(s, r, 2);
	return IN_LINE;
}

int
formats_cloudevent(struct json v, struct buf *row, struct err *err)
{
	struct formats_state *s = mem_new(sizeof(*s));
	struct record r = { 0 };
	int rc;

	formats_begin(s);
	if ((rc = cloudevent(s, v, &r, err)) == IN_LINE && (rc = json_check(r.json, err)) == 0)         /* the data is a level deeper than it was */
		buf_str(row, r.json);
	formats_close(s);
	return rc;
}

static void *
open_cloudevents(struct in *in, struct err *err)
{
	(void)err;
	return open_with(in, (struct str){ NULL, 0 }, cloudevent);
}

/* The first object of the head, also of an array; JSON_NONE where it does not end in it: *rest is what there is then. */
static struct json
first_of(struct str head, struct str *rest)
{
	*rest = str_trim(head);
	if (rest->n && rest->p[0] == '[')
		rest->p++, rest->n--;
	*rest = str_trim(*rest);
	if (!rest->n || rest->p[0] != '{')
		*rest = STR("");
	return json_take(rest);
}

/* The first value of the head, as far as it is there; a key at its top that a string follows. */
static int
top_key(struct str head, const char *key)
{
	struct str rest;
	struct json v = first_of(head, &rest);

	if (!rest.n && json_is(v, JSON_NONE))
		return 0;
	if (json_is(v, JSON_NONE))              /* more than the head: its beginning must do */
		return memmem(rest.p, rest.n < 4096 ? rest.n : 4096, key, strlen(key)) != NULL;
	return !json_is(json_get(v, str_of(key)), JSON_NONE);
}

static int
looks_cloudevents(struct str head, const char *file)
{
	(void)file;
	return top_key(head, "specversion") ? 97 : 0;
}

/* ---- Segment */

static const char *const calls[] = { "track", "page", "screen", "identify", "group", "alias" };
#define CALLS (sizeof(calls) / sizeof(calls[0]))

static int
call(struct formats_state *s, struct json v, struct record *r, struct err *err)
{
	struct json type = GET(v, "type"), user = either(GET(v, "userId"), GET(v, "user_id")), anonymous = GET(v, "anonymousId"), event;
	const char *what = NULL;

	for (size_t i = 0; i < CALLS; i++)
		if (json_text_eq(type, str_of(calls[i])))
			what = calls[i];
	if (!what && json_is(type, JSON_NONE) && json_is(GET(v, "event"), JSON_STRING))
		what = "track";
	if (!what)
		return err_set(err, ERR_INPUT, "the type is none of track, page, screen, identify, group, alias: this is no Segment call");
	event = GET(v, "event");
	if (strcmp(what, "track") == 0) {
		if (!json_is(event, JSON_STRING) || event.n == 2)
			return err_set(err, ERR_INPUT, "a track call without an event");
		put_top(s, "event", event);
	} else
		formats_event(s, str_of(what));
	put_top(s, "timestamp", either(either(GET(v, "timestamp"), GET(v, "originalTimestamp")), GET(v, "sentAt")));
	put_top(s, "id", GET(v, "messageId"));
	put_top(s, "user_id", either(user, anonymous));
	formats_properties(s);
	formats_members(s, GET(v, "properties"));
	formats_members(s, GET(v, "traits"));
	if (strcmp(what, "track") != 0) {
		static const char *const own[] = { "name", "category" };

		for (int i = 0; i < 2; i++) {           /* most senders say them in the properties as well */
			struct json value = json_get(v, str_of(own[i]));

			if (json_is(value, JSON_STRING) && formats_member(s, str_of(own[i])))
				json_put_compact(&s->json, value);
		}
	}
	formats_value(s, "group_id", GET(v, "groupId"));
	formats_value(s, "previous_id", GET(v, "previousId"));
	if (json_is(user, JSON_STRING) || json_is(user, JSON_NUMBER))
		formats_value(s, "anonymous_id", anonymous);
	formats_value(s, "context", GET(v, "context"));
	formats_end(s, r, 2);
	return IN_LINE;
}

static void *
open_segment(struct in *in, struct err *err)
{
	(void)err;
	return open_with(in, STR("batch"), call);
}

/* Is a word of these in the text, in quotes? */
static int
has_call(struct str text)
{
	char word[16];

	for (size_t i = 0; i < CALLS && text.n; i++) {
		int n = snprintf(word, sizeof(word), "\"%s\"", calls[i]);

		if (memmem(text.p, text.n, word, (size_t)n))
			return 1;
	}
	return 0;
}

/* An event may have a type, a userId and a page of its own, and be made by the batch. */
static int
looks_segment(struct str head, const char *file)
{
	struct str rest;
	struct json v = first_of(head, &rest), type = GET(v, "type"), batch = GET(v, "batch"), first = json_index(batch, 0);
	int typed = 0;

	(void)file;
	if (head.n > 8192)
		head.n = 8192;
	head = str_trim(head);
	if (head.n > 1 && head.p[0] == '{' && str_starts(str_trim((struct str){ head.p + 1, head.n - 1 }), STR("\"batch\"")) &&
	    (batch.type == JSON_NONE || (batch.type == JSON_ARRAY && (first.type == JSON_NONE || first.type == JSON_OBJECT))))
		return has_call(head) ? 96 : 91;
	if (json_is(v, JSON_NONE)) {            /* not the whole of a call, or of a batch */
		if (!has_call(head))
			return 0;
		return top_key(head, "batch") ? 96 :
		    top_key(head, "type") && (top_key(head, "anonymousId") || top_key(head, "userId") || top_key(head, "messageId")) ? 93 : 0;
	}
	if (first.type == JSON_OBJECT)
		return has_call(json_raw(batch)) ? 96 : 0;
	for (size_t i = 0; i < CALLS; i++)
		typed |= json_text_eq(type, str_of(calls[i]));
	return typed && (GET(v, "anonymousId").type || GET(v, "userId").type || GET(v, "messageId").type) ? 93 : 0;
}

/* ---- Singer */

static const char *const singer_types[] = { "RECORD", "SCHEMA", "STATE", "ACTIVATE_VERSION" };

/* A column may be called time and be none. */
static struct json
time_of(struct formats_state *s, struct json record)
{
	static const char *const names[] = { "timestamp", "ts", "time", "@timestamp" };
	int64_t ms;

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		struct json v = json_get(record, str_of(names[i]));

		if (json_is(v, JSON_NUMBER) || (json_is(v, JSON_STRING) && time_parse_rfc3339(json_text(v, &s->scratch), &ms) == 0))
			return v;
	}
	return JSON_ABSENT;
}

static int
singer(struct formats_state *s, struct json v, struct record *r, struct err *err)
{
	struct json type = GET(v, "type"), stream = GET(v, "stream"), record = GET(v, "record");
	size_t what = 0;

	while (what < sizeof(singer_types) / sizeof(*singer_types) && !json_text_eq(type, str_of(singer_types[what])))
		what++;
	if (what == sizeof(singer_types) / sizeof(*singer_types))
		return err_set(err, ERR_INPUT, "the type is none of RECORD, SCHEMA, STATE, ACTIVATE_VERSION: this is no message of Singer");
	if (what)
		return PASSED;
	if (!json_is(stream, JSON_STRING) || stream.n == 2 || !json_is(record, JSON_OBJECT))
		return err_set(err, ERR_INPUT, "a RECORD without a stream's name and an object as its record");
	put_top(s, "event", stream);
	put_top(s, "timestamp", either(time_of(s, record), GET(v, "time_extracted")));
	put_top(s, "user_id", either(GET(record, "user_id"), GET(record, "userId")));
	formats_properties(s);
	formats_members(s, record);
	formats_end(s, r, 2);
	return IN_LINE;
}

static void *
open_singer(struct in *in, struct err *err)
{
	(void)err;
	return open_with(in, (struct str){ NULL, 0 }, singer);
}

static int
looks_singer(struct str head, const char *file)
{
	struct str rest = str_trim(head);
	struct json type;

	(void)file;
	if (!rest.n || rest.p[0] != '{' || !top_key(head, "type"))
		return 0;
	type = json_get(json_take(&rest), STR("type"));
	if (json_is(type, JSON_NONE))           /* a SCHEMA longer than the head */
		return memmem(head.p, head.n, "\"SCHEMA\"", 8) && memmem(head.p, head.n, "\"stream\"", 8) ? 90 : 0;
	for (size_t i = 0; i < sizeof(singer_types) / sizeof(*singer_types); i++)
		if (json_text_eq(type, str_of(singer_types[i])))
			return top_key(head, i == 2 ? "value" : "stream") ? 95 : 0;
	return 0;
}

const struct format formats_cloudevents = {
	"cloudevents", "CloudEvents as JSON, single or in batches", looks_cloudevents, open_cloudevents, next, envelope_close, .go_on = go_on
};
const struct format formats_segment = {
	"segment", "Segment calls, single or in batches", looks_segment, open_segment, next, envelope_close, .go_on = go_on
};
const struct format formats_singer = {
	"singer", "messages of Singer's taps", looks_singer, open_singer, next, envelope_close, .go_on = go_on
};
