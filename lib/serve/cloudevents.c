/* cloudevents.c - a request that is a CloudEvent (CloudEvents 1.0, HTTP protocol binding), as the row of an event.
 *
 *      structured   Content-Type: application/cloudevents+json          the body has all of it
 *      batch        Content-Type: application/cloudevents-batch+json    an array of them
 *      binary       ce-specversion, ce-type, ce-id, ce-time, …          attributes are headers, percent-encoded; the body is the data, of any type: bytes that
 *                   are no text become data_base64
 */
#include "crypt/crypt.h"
#include "formats/formats.h"
#include "serve/serve_priv.h"

enum cloud
serve_cloudevent_kind(const struct exchange *ex)
{
	struct str type = http_media(http_header(ex->request, "Content-Type"));

	if (http_same(type, STR("application/cloudevents-batch+json")))
		return CLOUD_MANY;
	if (http_same(type, STR("application/cloudevents+json")))
		return CLOUD_ONE;
	return http_header(ex->request, "ce-specversion").p ? CLOUD_HEADERS : CLOUD_NONE;
}

/* A header is an attribute: letters and digits behind "ce-", told in any case and written small. */
static int
put_attribute(void *self, struct str name, struct str value)
{
	struct buf *b = self, key = { 0 }, plain = { 0 };

	if (name.n <= 3 || !http_same((struct str){ name.p, 3 }, STR("ce-")))
		return 0;
	buf_small(&key, (struct str){ name.p + 3, name.n - 3 });
	if (!str_eq(buf_get(&key), STR("data"))) {
		if (buf_percent(&plain, value)) {
			buf_clear(&plain);
			buf_str(&plain, value);
		}
		buf_byte(b, b->n > 1 ? ',' : '{');
		json_put_key(b, buf_get(&key));
		json_put_string(b, str_utf8_fault(buf_get(&plain)) < 0 ? buf_get(&plain) : STR("?"));
	}
	buf_release(&key);
	buf_release(&plain);
	return 0;
}

/* The event that headers and body are together, as its structured form. */
static int
gather(const struct exchange *ex, struct str data, struct buf *b, struct err *err)
{
	struct str type = http_media(http_header(ex->request, "Content-Type"));
	int is_json = !type.n || (type.n >= 4 && http_same((struct str){ type.p + type.n - 4, 4 }, STR("json")));
	struct err none = { 0 };

	http_each_header(ex->request, put_attribute, b);
	if (data.n && json_check(data, &none) == 0) {
		buf_lit(b, ",\"data\":");
		buf_str(b, data);
	} else if (data.n && str_utf8_fault(data) < 0 && !memchr(data.p, 0, data.n)) {
		buf_lit(b, ",\"data\":");
		json_put_string(b, data);
	} else if (data.n && !is_json) {
		buf_lit(b, ",\"data_base64\":\"");
		crypt_base64(data, b);
		buf_byte(b, '"');
	} else if (data.n) {
		return err_set(err, ERR_INPUT, "the data of this CloudEvent is neither JSON nor text");
	}
	buf_byte(b, '}');
	return 0;
}

int
serve_cloudevent_row(const struct exchange *ex, struct str body, struct buf *row, struct err *err)
{
	struct buf whole = { 0 };
	int rc = 0;

	if (serve_cloudevent_kind(ex) == CLOUD_HEADERS) {
		if ((rc = gather(ex, body, &whole, err)) == 0)
			rc = json_check(buf_get(&whole), err);          /* the data is a level deeper than it was */
		body = buf_get(&whole);
	}
	if (rc == 0)
		rc = formats_cloudevent(json_checked(body), row, err);
	buf_release(&whole);
	return rc;
}
