/* All instruction sets find the same in any bytes, or the same fault at the same place; and in what json_check accepts, what
 * the plain walk with json_get finds. */
#include <stdlib.h>

#include "json/project_priv.h"

int LLVMFuzzerTestOneInput(const unsigned char *, size_t);

static const char *const fields[] = { "a", "properties", "a.b", "b", "source", "", "properties.a", "a.b.c" };
#define FIELDS (int)(sizeof(fields) / sizeof(*fields))

/* "b.c" in a, then c in b in a. */
static struct json
reach(struct json v, struct str dotted)
{
	const char *dot = memchr(dotted.p, '.', dotted.n);
	struct json inner = JSON_ABSENT, found;

	if (!dot)
		return inner;
	inner = json_get(v, (struct str){ dotted.p, (size_t)(dot - dotted.p) });
	dotted = (struct str){ dot + 1, dotted.n - (size_t)(dot + 1 - dotted.p) };
	found = json_get(inner, dotted);
	return found.type ? found : reach(inner, dotted);
}

static struct json
plain(struct json row, struct str name)
{
	struct json properties = json_get(row, STR("properties")), v = json_get(row, name);

	if (!v.type)
		v = json_get(properties, name);
	if (!v.type)
		v = reach(row, name);
	return v.type ? v : reach(properties, name);
}

static int
same(struct json a, struct json b)
{
	return a.type == b.type && a.p == b.p && a.n == b.n && a.escaped == b.escaped;
}

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	static struct project *project;
	struct str row = { (const char *)data, size };
	struct json first[FIELDS], out[FIELDS], v = json_value(row);
	struct err err = { 0 }, other = { 0 };
	int rc;

	if (!project) {
		project = project_new();
		for (int i = 0; i < FIELDS; i++)
			if (project_field(project, str_of(fields[i]), &err) != i)
				abort();
	}
	json_use(json_variants()[0]);
	rc = project_row(project, row, first, &err);
	for (int i = 0; json_variants()[i]; i++) {
		json_use(json_variants()[i]);
		other = (struct err){ 0 };
		if (project_row(project, row, out, &other) != rc || other.col != err.col || strcmp(other.text, err.text) != 0)
			abort();
		for (int k = 0; k < FIELDS; k++)
			if (!same(out[k], first[k]))
				abort();
	}
	if (v.type == JSON_OBJECT && json_check(row, &err) == 0) {
		if (rc != 0)
			abort();
		for (int k = 0; k < FIELDS; k++)
			if (!same(first[k], plain(v, str_of(fields[k]))))
				abort();
	}
	return 0;
}
