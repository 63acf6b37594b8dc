/* JSON that is not lines: an array, {"events":[…]}, or values one behind the other, over as many lines as they like. */
#include "formats/formats_priv.h"
#include "formats/values.h"

static size_t
blanks(struct str s, size_t i)
{
	while (i < s.n && (s.p[i] == ' ' || s.p[i] == '\n' || s.p[i] == '\r' || s.p[i] == '\t'))
		i++;
	return i;
}

/* Is the first object one with a key `events` that holds objects, and before it none that names an event? As far as the head goes. */
static int
is_envelope(struct str s)
{
	int depth = 0, key = 0;         /* key: the next string is one, of the first object */

	for (size_t i = 0; i < s.n; i++) {
		size_t from = i + 1;
		struct str name;

		if (s.p[i] == '{' || s.p[i] == '[')
			key = ++depth == 1;
		else if ((s.p[i] == '}' || s.p[i] == ']') && --depth <= 0)
			return 0;
		else if (s.p[i] == ',')
			key = depth == 1;
		if (s.p[i] != '"')
			continue;
		for (i = from; i < s.n && s.p[i] != '"'; i++)
			i += s.p[i] == '\\';
		if (!key || i >= s.n)
			continue;
		key = 0;
		name = (struct str){ s.p + from, i - from };
		if (str_eq(name, STR("event")) || str_eq(name, STR("name")) || str_eq(name, STR("type")))
			return 0;
		if (!str_eq(name, STR("events")))
			continue;
		if ((i = blanks(s, i + 1)) >= s.n || s.p[i] != ':' || (i = blanks(s, i + 1)) >= s.n || s.p[i] != '[')
			return 0;
		i = blanks(s, i + 1);
		return i >= s.n || s.p[i] == '{' || s.p[i] == ']';
	}
	return 0;
}

static int
looks(struct str head, const char *file)
{
	struct str text = str_trim(head);
	int named = formats_named(file, ".json");

	if (!text.n || (text.p[0] != '{' && text.p[0] != '['))
		return named ? 30 : 0;
	if (text.p[0] == '[')
		return 85;
	if (is_envelope(text))
		return 97;              /* also where it is one line */
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
