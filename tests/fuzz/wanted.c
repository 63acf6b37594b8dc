/* Any lines of a table or an access log: records with only the members that a projection wants say the same to it as whole
 * ones, and are records for the same lines. */
#include <stdlib.h>

#include "formats/formats.h"
#include "json/project.h"

int LLVMFuzzerTestOneInput(const unsigned char *, size_t);

static int
wants(void *project, struct str key)
{
	return project_wants(project, key);
}

static struct str text;

static int
give(void *self, char *to, size_t n, size_t *got, struct err *err)
{
	(void)self, (void)err;
	if (!text.n)
		return IN_END;
	*got = text.n < n ? text.n : n;
	memcpy(to, text.p, *got);
	text.p += *got;
	text.n -= *got;
	return IN_LINE;
}

/* The fields of two records of one line. */
static void
compare(struct project *p, const struct record *whole, const struct record *few)
{
	static struct json a[PROJECT_MOST], b[PROJECT_MOST];
	struct err err = { 0 };

	if (json_check(few->json, &err) || project_row(p, whole->json, a, &err) || project_row(p, few->json, b, &err))
		abort();
	for (int i = 0; i < project_count(p); i++)
		if (a[i].type != b[i].type || (a[i].type != JSON_NONE && !str_eq(json_raw(a[i]), json_raw(b[i]))))
			abort();
	if (!whole->properties.p != !few->properties.p || (few->properties.p && few->properties.p + few->properties.n + 1 != few->json.p + few->json.n))
		abort();
}

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	static const char *const kinds[] = { "csv", "tsv", "combined", "common" };
	static const char *const fields[] = { "event", "timestamp", "user_id", "a", "b.c", "status", "bytes", "path", "user_agent", "properties", "name" };
	struct err err = { 0 };
	const struct format *format = formats_find(kinds[size ? data[0] % 4 : 0], &err);
	struct project *project = project_new();
	struct record whole = { 0 }, few = { 0 }, r = { 0 };
	struct in *in;
	char *copy;
	void *state, *one = NULL, *other = NULL;

	for (int i = 0; size > 2 && i < (int)(sizeof(fields) / sizeof(*fields)); i++)
		if ((data[1] + 256 * data[2]) >> i & 1)
			project_field(project, str_of(fields[i]), &err);
	formats_settings.as_events = 1;
	text = (struct str){ size > 3 ? (const char *)data + 3 : "", size > 3 ? size - 3 : 0 };
	copy = malloc(text.n + IN_SLACK);
	memcpy(copy, text.p, text.n);
	memset(copy + text.n, 'x', IN_SLACK);
	in = in_open_read(give, NULL, "fuzz");
	state = format->open(in, &err);
	for (size_t n = text.n, from = 0; format->next(state, &r, &err) != IN_END; )
		if (!one && (one = format->fork(state, NULL, NULL))) {
			other = format->fork(state, wants, project);
			for (size_t to; from < n; from = to + 1) {
				const char *nl = memchr(copy + from, '\n', n - from);
				struct str line = { copy + from, (to = nl ? (size_t)(nl - copy) : n) - from };
				int got = format->plain(one, line, &whole);

				if (format->plain(other, line, &few) != got)
					abort();
				if (got)
					compare(project, &whole, &few);
			}
		}
	if (one)
		format->close(one), format->close(other);
	format->close(state);
	in_close(in);
	project_free(project);
	free(copy);
	return 0;
}
