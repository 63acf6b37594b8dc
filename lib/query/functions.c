#include "query/functions_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/mem.h"
#include "expr/expr.h"
#include "json/cell.h"

static const struct function *const tables[] = { functions_time, functions_text, functions_list, functions_bounded, functions_aggregate, functions_window, NULL };

void
functions_give(sqlite3_context *c, const struct cell *cell)
{
	switch (cell->type) {
	case CELL_INTEGER:
		sqlite3_result_int64(c, cell->integer);
		break;
	case CELL_REAL:
		sqlite3_result_double(c, cell->real);
		break;
	case CELL_TEXT:
		functions_give_text(c, cell->text);
		break;
	default:
		sqlite3_result_null(c);
	}
}

struct cell
functions_cell(sqlite3_value *v)
{
	switch (sqlite3_value_type(v)) {
	case SQLITE_INTEGER:
		return cell_integer(sqlite3_value_int64(v));
	case SQLITE_FLOAT:
		return cell_real(sqlite3_value_double(v));
	case SQLITE_NULL:
		return cell_null();
	default:
		return cell_text(functions_text_of(v));
	}
}

void
functions_error(sqlite3_context *c, const char *fmt, ...)
{
	va_list args;
	char text[300];

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	sqlite3_result_error(c, text, -1);
}

/* A function of the configuration: the array of its arguments is the jq program's input, its first result the value. */
static void
run_jq(sqlite3_context *c, int n, sqlite3_value **v)
{
	struct jq_function *f = sqlite3_user_data(c);
	struct buf scratch = {0};
	struct err err = {0};
	const char *end;
	int rc;

	buf_clear(&f->args), buf_clear(&f->out);
	buf_byte(&f->args, '[');
	for (int i = 0; i < n; i++) {
		struct cell cell = functions_cell(v[i]);

		if (i)
			buf_byte(&f->args, ',');
		cell_put_json(&f->args, &cell);
	}
	buf_byte(&f->args, ']');
	rc = expr_run(f->expr, buf_get(&f->args), &f->out, &err);
	if (rc < 0) {
		functions_error(c, "%s: %s", f->name, err.text);
	} else if (rc > 0 && (end = memchr(f->out.p, '\n', f->out.n))) {
		struct cell cell = cell_of_json(json_value((struct str){ f->out.p, (size_t)(end - f->out.p) }), &scratch);

		functions_give(c, &cell);
	}
	buf_release(&scratch);
}

static int
add_jq(struct functions *all, sqlite3 *db, const struct config *config, struct err *err)
{
	struct json set = config ? config_get(config, "analytics", "functions") : JSON_ABSENT;
	struct buf name = {0}, program = {0};
	struct json_iter it;
	int rc = 0;

	for (it = json_iter(set); set.type == JSON_OBJECT && rc == 0 && json_next(&it); ) {
		struct jq_function *f;
		struct str text = json_text(it.key, &name);
		char *copy;

		all->jq = mem_grow(all->jq, (size_t)all->n_jq + 1, sizeof(*all->jq));
		f = &all->jq[all->n_jq++];
		*f = (struct jq_function){ .name = mem_dup(text.p, text.n) };
		text = json_text(it.value, &program);
		copy = mem_dup(text.p ? text.p : "", text.n);
		if (!(f->expr = expr_new(copy, 0, err)))
			rc = err_at(err, "functions.%s", f->name);
		free(copy);
	}
	for (int i = 0; rc == 0 && i < all->n_jq; i++)
		if (sqlite3_create_function_v2(db, all->jq[i].name, -1, SQLITE_UTF8 | (expr_reads_clock(all->jq[i].expr) ? 0 : SQLITE_DETERMINISTIC),
		    &all->jq[i], run_jq, NULL, NULL, NULL) != SQLITE_OK)
			rc = err_set(err, ERR_USAGE, "functions.%s: SQLite refuses this name", all->jq[i].name);
	buf_release(&name), buf_release(&program);
	return rc;
}

/* What takes any number of arguments is asked for no count by SQLite: fewer than it wants go here. */
static void
too_few(sqlite3_context *c, int n, sqlite3_value **v)
{
	(void)n, (void)v;
	functions_error(c, "wrong number of arguments to function %s()", functions_self(c)->row->name);
}

struct functions *
functions_add(struct sqlite3 *db, const struct zone *zone, const struct config *config, struct err *err)
{
	struct functions *all = mem_new(sizeof(*all));
	size_t n = 0;

	all->zone = zone;
	for (int t = 0; tables[t]; t++)
		for (const struct function *f = tables[t]; f->name; f++)
			n++;
	all->bound = mem_grow(NULL, n, sizeof(*all->bound));
	n = 0;
	for (int t = 0; tables[t]; t++)
		for (const struct function *f = tables[t]; f->name; f++) {
			struct functions_bound *bound = &all->bound[n++];
			int flags = SQLITE_UTF8 | (f->flags & FUNCTIONS_VOLATILE ? 0 : SQLITE_DETERMINISTIC) | SQLITE_INNOCUOUS, rc = SQLITE_OK;

			*bound = (struct functions_bound){ f, all };
			for (int args = f->most < 0 ? -1 : f->args; rc == SQLITE_OK && args <= f->most; args++)
				rc = f->inverse ? sqlite3_create_window_function(db, f->name, args, flags, bound, f->step, f->final, f->value, f->inverse, NULL) :
				    sqlite3_create_function_v2(db, f->name, args, flags, bound, f->call, f->step, f->final, NULL);
			for (int args = 0; rc == SQLITE_OK && f->most < 0 && args < f->args; args++)
				rc = sqlite3_create_function_v2(db, f->name, args, flags, bound, too_few, NULL, NULL, NULL);
			if (rc != SQLITE_OK) {
				err_set(err, ERR_IO, "SQLite does not take the function %s: %s", f->name, sqlite3_errmsg(db));
				functions_free(all);
				return NULL;
			}
		}
	if (add_jq(all, db, config, err) < 0) {
		functions_free(all);
		return NULL;
	}
	return all;
}

void
functions_free(struct functions *all)
{
	if (!all)
		return;
	for (int i = 0; i < all->n_jq; i++) {
		expr_free(all->jq[i].expr);
		buf_release(&all->jq[i].args), buf_release(&all->jq[i].out);
		free(all->jq[i].name);
	}
	for (int i = 0; i < FUNCTIONS_PATTERNS; i++)
		functions_pattern_release(&all->pattern[i]);
	functions_bounded_close(all);
	free(all->jq);
	free(all->bound);
	free(all);
}

int
functions_is_volatile(struct str name)
{
	static const struct function *const all[] = { functions_time, functions_text, functions_aggregate };

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		for (const struct function *f = all[i]; f->name; f++)
			if (strlen(f->name) == name.n && strncasecmp(f->name, name.p, name.n) == 0)
				return (f->flags & FUNCTIONS_VOLATILE) != 0;
	return name.n >= 6 && strncasecmp(name.p, "random", 6) == 0;    /* random(), randomblob() */
}

int
functions_is_aggregate(struct str name)
{
	static const char *const builtin[] = { "count", "sum", "avg", "total", "group_concat", "json_group_array", "json_group_object", "min", "max", NULL };

	for (int i = 0; builtin[i]; i++)
		if (strlen(builtin[i]) == name.n && strncasecmp(builtin[i], name.p, name.n) == 0)
			return 1;
	for (const struct function *f = functions_aggregate; f->name; f++)
		if (strlen(f->name) == name.n && strncasecmp(f->name, name.p, name.n) == 0)
			return 1;
	return 0;
}

int
functions_is_ordered(struct str name)
{
	static const char *const builtin[] = { "group_concat", "json_group_array", "json_group_object", NULL };

	for (int i = 0; builtin[i]; i++)
		if (strlen(builtin[i]) == name.n && strncasecmp(builtin[i], name.p, name.n) == 0)
			return 1;
	for (const struct function *f = functions_aggregate; f->name; f++)
		if (f->flags & FUNCTIONS_ORDERED && strlen(f->name) == name.n && strncasecmp(f->name, name.p, name.n) == 0)
			return 1;
	return 0;
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void
functions_each(void (*each)(void *, const char *name), void *self)
{
	static const char *const internal[] = { "at_time", "at_alike", "at_midnight", "at_zone", "time_add", "span_add", "gap_seconds", "time_minus", "seconds_between", "time_plus", "interval_of", "interval_sum", "interval_seconds", "span_part", "cast_to", "try_cast_to", "sample_share", "sample_key",
		"str_left", "str_right", "ordered_first", "ordered_last", "ordered_text", "ordered_list", "order_key", "ordered_texts_once", "ordered_list_once", "distinct_text", "list_at", "rows_as_list", "nth_there", "nth_last_there", "nth_of_all", "nth_last_of_all", NULL };
	static const char *const rewritten[] = { "sum_if", "avg_if", NULL };    /* FILTER by another name */
	const char *names[1000];
	size_t n = 0;

	for (int t = 0; tables[t]; t++)
		for (const struct function *f = tables[t]; f->name && n < 1000; f++) {
			int hide = strncmp(f->name, "window_", 7) == 0;

			for (int i = 0; internal[i]; i++)
				hide |= strcmp(internal[i], f->name) == 0;
			if (!hide)
				names[n++] = f->name;
		}
	for (int i = 0; rewritten[i] && n < 1000; i++)
		names[n++] = rewritten[i];
	qsort(names, n, sizeof(*names), by_name);
	for (size_t i = 0; i < n; i++)
		if (i == 0 || strcmp(names[i], names[i - 1]) != 0)
			each(self, names[i]);
}
