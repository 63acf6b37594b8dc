#include "event/field.h"

#include "event/event.h"

#define PLACES_MOST 8

int
field_name(struct str *name, struct err *err)
{
	struct str typed = str_trim(*name);

	*name = typed;
	if (!typed.n || typed.p[0] != '.')
		return 0;
	if (typed.n == 1 || typed.p[1] == '.' || typed.p[typed.n - 1] == '.' || memchr(typed.p, '[', typed.n) || memchr(typed.p, '"', typed.n))
		return err_set(err, ERR_USAGE, "'%.*s' is no field, name a key, country, or a path of keys, .properties.country",
		    typed.n > 60 ? 60 : STR_FMT(typed));
	*name = (struct str){ typed.p + 1, typed.n - 1 };
	return 0;
}

/* Of user_id: user_id, userId and so on of the row; the userId of its properties, as that of an event; their user_id, as any field. */
static int
own_places(struct str name, struct project_place *to)
{
	const struct str properties = STR("properties");
	struct str key;
	int n = 0;

	while (n < PLACES_MOST - 2 && (key = event_key_of(name, n)).p)
		to[n++] = (struct project_place){ { key } };
	if (n && str_eq(name, STR("user_id")))
		to[n++] = (struct project_place){ { properties, STR("userId") } };
	if (n)
		to[n++] = (struct project_place){ { properties, name } };
	return n;
}

int
field_project(struct project *project, struct str name, struct err *err)
{
	struct project_place places[PLACES_MOST];
	const unsigned text = 1 << JSON_STRING, number = 1 << JSON_NUMBER;
	int n = own_places(name, places);

	return n ? project_first(project, name, places, n, str_eq(name, STR("event")) ? text : text | number, err) :
	    project_field(project, name, err);
}
