/* One JSON object a line: the record is the line, untouched and unchecked. Blank lines are passed over. */
#include "formats/formats_priv.h"

static int
fits(struct str line)
{
	struct str rest = line = str_trim(line);

	if (line.n < 2 || line.p[0] != '{' || line.p[line.n - 1] != '}')
		return 0;
	json_take(&rest);
	rest = str_trim(rest);
	return !rest.n || *rest.p != '{';       /* {"a":1}{"a":2}: values one behind the other are not lines */
}

static int
looks(struct str head, const char *file)
{
	int share = formats_share(head, fits), named = formats_named(file, ".ndjson.jsonl.ldjson");
	struct str line = str_trim(formats_first_line(head));

	if (share >= 50)
		return named ? 95 : 80;
	return named ? 60 : line.n && line.p[0] == '{' ? 40 : 0;
}

static int
next(void *self, struct record *r, struct err *err)
{
	struct formats_state *s = self;
	struct str line;
	int rc;

	do {
		if ((rc = in_line(s->in, &line, err)) != IN_LINE) {
			r->input = STR("");
			r->line = in_lineno(s->in);
			r->end = in_offset(s->in);
			r->more = 0;
			return rc == ERR_LIMIT ? (err->code = ERR_INPUT) : rc;
		}
	} while (!line.n || (line.p[0] <= ' ' && !str_trim(line).n));
	r->json = r->input = line;
	r->line = in_lineno(s->in);
	r->end = in_offset(s->in);
	r->checked = r->more = 0;
	r->properties = (struct str){ NULL, 0 };
	return IN_LINE;
}

static int
plain(void *self, struct str line, struct record *r)
{
	(void)self;
	if (!line.n || line.p[0] != '{')
		return 0;
	r->json = r->input = line;
	r->checked = r->more = 0;
	r->properties = (struct str){ NULL, 0 };
	return 1;
}

static void *
another(void *self, int (*wants)(void *of, struct str key), void *of)
{
	(void)self, (void)wants, (void)of;
	return formats_open(NULL, NULL);
}

const struct format formats_ndjson = {
	"ndjson", "one JSON object a line", looks, formats_open, next, formats_close, another, plain, formats_is_inside, formats_forget
};
