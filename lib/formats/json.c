/* JSON that is not lines: an array, {"events":[…]}, or values one behind the other, over as many lines as they like. */
#include "formats/formats_priv.h"
#include "formats/values.h"

static int
looks(struct str head, const char *file)
{
	struct str text = str_trim(head);
	int named = formats_named(file, ".json");

	if (!text.n || (text.p[0] != '{' && text.p[0] != '['))
		return named ? 30 : 0;
	if (text.p[0] == '[')
		return 85;
	for (text.p++, text.n--; text.n && (text.p[0] == ' ' || text.p[0] == '\n' || text.p[0] == '\r' || text.p[0] == '\t'); )
		text.p++, text.n--;
	if (str_starts(text, STR("\"events\"")))
		return 90;
	return named ? 70 : 60;         /* ndjson says more when most lines are whole objects */
}

static void *
json_open(struct in *in, struct err *err)
{
	(void)err;
	return values_new(in, STR("events"));
}

static int
next(void *self, struct record *r, struct err *err)
{
	return values_next(self, r, err);
}

static void
go_on(void *self, int inside)
{
	values_go_on(self, inside);
}

static void
json_close(void *self)
{
	values_free(self);
}

const struct format formats_json = {
	"json", "a JSON array, {\"events\":[...]}, or values one after another", looks, json_open, next, json_close, .go_on = go_on
};
