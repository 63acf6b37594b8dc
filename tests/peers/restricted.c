/* restricted STORE [ROLES]: statements as a caller with these roles gets them, to be compared with those of a store that holds nothing else.
 *
 * ROLES is a file with an array of {"rows","events","metrics","hide","mask"}; without it all is seen. Each line of stdin is a
 * statement, or "mask TEXT" for what TEXT is masked as. Each answer is a line: {"columns":[…],"rows":[[…],…]} or {"error":"…"}. AT_NOW
 * and AT_TZ are obeyed. */
#include <stdio.h>
#include <stdlib.h>

#include "auth/policy.h"
#include "base/arena.h"
#include "base/time.h"
#include "base/zone.h"
#include "query/query.h"

#define MOST 32

static int
list(struct json v, struct arena *a, const struct str **to)
{
	struct str *all = arena_get(a, MOST * sizeof(*all));
	int n = 0;

	for (struct json_iter it = json_iter(v); v.type == JSON_ARRAY && n < MOST && json_next(&it); )
		all[n++] = json_text_dup(it.value, a);
	*to = all;
	return n;
}

static struct policy *
read_roles(const char *path, struct err *err)
{
	struct policy_text role[MOST] = { 0 };
	struct arena *a = arena_new(0);
	struct buf file = { 0 };
	FILE *f = fopen(path, "r");
	struct policy *p;
	int n = 0, c;

	while (f && (c = getc(f)) != EOF)
		buf_byte(&file, (char)c);
	if (f)
		fclose(f);
	for (struct json_iter it = json_iter(json_value(buf_get(&file))); n < MOST && json_next(&it); n++) {
		role[n].rows = json_text_dup(json_get(it.value, STR("rows")), a);
		role[n].n_events = list(json_get(it.value, STR("events")), a, &role[n].events);
		role[n].n_metrics = list(json_get(it.value, STR("metrics")), a, &role[n].metrics);
		role[n].n_hide = list(json_get(it.value, STR("hide")), a, &role[n].hide);
		role[n].n_mask = list(json_get(it.value, STR("mask")), a, &role[n].mask);
	}
	p = policy_new(role, n, err);
	buf_release(&file);
	arena_free(a);
	return p;
}

struct answer { struct buf out; int rows; };

static int
columns(void *self, const struct str *names, int n, struct err *err)
{
	struct answer *a = self;

	(void)err;
	buf_lit(&a->out, "{\"columns\":[");
	for (int i = 0; i < n; i++) {
		if (i)
			buf_byte(&a->out, ',');
		json_put_string(&a->out, names[i]);
	}
	buf_lit(&a->out, "],\"rows\":[");
	return 0;
}

static int
row(void *self, const struct cell *cell, int n, struct err *err)
{
	struct answer *a = self;

	(void)err;
	buf_lit(&a->out, a->rows++ ? ",[" : "[");
	for (int i = 0; i < n; i++) {
		if (i)
			buf_byte(&a->out, ',');
		cell_put_json(&a->out, &cell[i]);
	}
	buf_byte(&a->out, ']');
	return 0;
}

int
main(int argc, char **argv)
{
	struct err err = { 0 };
	struct query_spec spec = { .keep_answers = 1 };
	struct query *q = NULL;
	struct store *store;
	char *line = NULL;
	size_t room = 0;
	ssize_t n;
	int64_t now;

	if (argc < 2)
		return 2;
	if (getenv("AT_NOW") && time_parse_rfc3339(str_of(getenv("AT_NOW")), &now) == 0)
		time_set_now(now);
	if ((store = store_open(argv[1], "default", STORE_READ, &err)) && argc > 2)
		spec.policy = read_roles(argv[2], &err);
	spec.opened = store;
	if (!err.code && getenv("AT_TZ"))
		spec.zone = zone_get(str_of(getenv("AT_TZ")), &err);
	if (err.code || !(q = query_open(&spec, &err))) {
		fprintf(stderr, "restricted: %s\n", err.text);
		return 1;
	}
	while ((n = getline(&line, &room, stdin)) > 0) {
		struct answer a = { 0 };
		const struct query_sink sink = { columns, row, &a };
		struct str sql = { line, (size_t)n - (line[n - 1] == '\n') };
		size_t at = 0;

		err_clear(&err);
		if (str_starts(sql, STR("mask "))) {
			char mask[STORE_MASK_LEN];

			store_mask(store, (struct str){ sql.p + 5, sql.n - 5 }, mask);
			printf("\"%.*s\"\n", STORE_MASK_LEN, mask);
			continue;
		}
		if (query_run(q, sql, &at, NULL, 0, &sink, &err) < 0) {
			buf_clear(&a.out);
			buf_lit(&a.out, "{\"error\":");
			json_put_string(&a.out, str_of(err.text));
			buf_lit(&a.out, "}");
		} else {
			buf_printf(&a.out, "],\"read\":%lld}", (long long)query_read(q));
		}
		printf("%.*s\n", (int)a.out.n, a.out.p);
		buf_release(&a.out);
	}
	free(line);
	query_close(q);
	policy_free(spec.policy);
	store_close(store);
	return 0;
}
