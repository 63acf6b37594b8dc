#include "serve/given.h"

#include <pthread.h>

#include "base/map.h"
#include "base/mem.h"
#include "serve/route.h"

/* Its properties, found once: the text of all schemas is long. */
static struct json
properties_of(const char *schema)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static struct map known;
	struct map_entry *e;
	struct json found;

	pthread_mutex_lock(&lock);
	e = map_put(&known, str_of(schema), NULL);
	if (!e->ptr) {
		struct json all = json_get(json_get(json_value(str_of(route_schemas)), STR("components")), STR("schemas"));

		e->ptr = mem_new(sizeof(found));
		*(struct json *)e->ptr = json_get(json_get(all, str_of(schema)), STR("properties"));
	}
	found = *(struct json *)e->ptr;
	pthread_mutex_unlock(&lock);
	return found;
}

int
given_is_read_only(const char *schema, struct str member)
{
	return json_get(json_get(properties_of(schema), member), STR("readOnly")).type == JSON_TRUE;
}

void
given_put(struct buf *b, const char *schema, struct json record)
{
	struct json_iter it;
	struct buf scratch = { 0 };
	int n = 0;

	buf_byte(b, '{');
	for (it = json_iter(record); json_next(&it); ) {
		if (given_is_read_only(schema, json_text(it.key, &scratch)))
			continue;
		buf_lit(b, n++ ? "," : "");
		buf_str(b, json_raw(it.key));
		buf_byte(b, ':');
		buf_str(b, json_raw(it.value));
	}
	buf_byte(b, '}');
	buf_release(&scratch);
}
