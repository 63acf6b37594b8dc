/* verbs.c - verbs on the command line: their options, arguments and help, and events and metrics as rows that go on through a pipe. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cmd.h"
#include "base/mem.h"
#include "json/cell.h"
#include "query/metric.h"
#include "query/verbs.h"
#include "at-query.h"

struct verb_options *
verb_options_new(void)
{
	struct verb_options *o = mem_new(sizeof(*o));

	for (const struct table_function *const *f = verbs_all; *f && !(*f)->sql_only; f++)
		for (const struct table_function_param *p = (*f)->params; p->name; p++) {
			struct buf help = {0};
			int i;

			if (p->operand)
				continue;
			for (i = 0; i < o->n && strcmp(o->opt[i].name, p->name) != 0; i++)
				;
			if (i < o->n) {         /* another verb has it: say which */
				const char *colon = strchr(o->help[i], ':');

				buf_add(&help, o->help[i], (size_t)(colon - o->help[i]));
				buf_printf(&help, ", %s%s", (*f)->name, colon);
				free(o->help[i]);
			} else if (o->n < 63) {
				o->n++;
				o->opt[i] = (struct opt){ .name = p->name, .arg = p->value, .set = p->value ? opt_text : opt_flag,
					.to = p->value ? (void *)&o->value[i] : (void *)&o->flag[i] };
				if (strlen(p->name) == 1)       /* -n */
					o->opt[i].key = *p->name;
				buf_printf(&help, "%s: %s", (*f)->name, p->does);
			}
			o->opt[i].help = o->help[i] = mem_text(buf_text(&help));
			buf_release(&help);
		}
	return o;
}

void
verb_options_free(struct verb_options *o)
{
	for (int i = 0; i < o->n; i++)
		free(o->help[i]);
	free(o);
}

static int
has_empty(struct str list)
{
	struct str piece;

	while (str_cut(&list, ',', &piece))
		if (str_trim(piece).n == 0)
			return 1;
	return 0;
}

int
verb_arguments(const struct table_function *f, const struct verb_options *o, char **operands, struct cell *args, struct err *err)
{
	for (int i = 0; f->params[i].name; i++) {
		args[i] = cell_null();
		if (f->params[i].operand) {
			if (*operands)
				args[i] = cell_text(str_of(*operands++));
			continue;
		}
		for (int k = 0; k < o->n; k++)
			if (strcmp(o->opt[k].name, f->params[i].name) == 0 && (o->value[k] || o->flag[k]))
				args[i] = o->flag[k] ? cell_integer(1) : cell_text(str_of(o->value[k]));
	}
	if (*operands)
		return err_set(err, ERR_USAGE, "%s: '%s' is one operand too many", f->name, *operands);
	for (int i = 0; f->params[i].name; i++)
		if (args[i].type == CELL_TEXT && strcmp(f->params[i].name, "by") == 0 && has_empty(args[i].text))
			return err_set(err, ERR_USAGE, "%s: --by: an empty field name, give them as source,country", f->name);
	for (int i = 0; f->params[i].name; i++)
		if (args[i].type == CELL_TEXT && str_utf8_fault(args[i].text) >= 0)
			return err_set(err, ERR_USAGE, "%s: '%.80s' is not UTF-8", f->name, args[i].text.p);
	for (int k = 0; k < o->n; k++) {
		int has = !o->value[k] && !o->flag[k];

		for (int i = 0; f->params[i].name; i++)
			has |= strcmp(o->opt[k].name, f->params[i].name) == 0;
		if (!has)
			return err_set(err, ERR_USAGE, "%s has no %s%s, see at-query %s --help", f->name, strlen(o->opt[k].name) == 1 ? "-" : "--",
			    o->opt[k].name, f->name);
	}
	return 0;
}

int
verb_none(const struct verb_options *o, struct err *err)
{
	for (int k = 0; k < o->n; k++) {
		const char *name = o->opt[k].name;

		if (!o->value[k] && !o->flag[k])
			continue;
		if (strcmp(name, "strict"))
			return err_set(err, ERR_USAGE, "%s%s is an option of verbs (%s), SQL has none", strlen(name) == 1 ? "-" : "--", name, o->help[k]);
		cmd_set_strict(NULL, NULL, err);
	}
	return 0;
}

void
verb_help(const struct table_function *f)
{
	printf("usage: at-query %s", f->name);
	for (const struct table_function_param *p = f->params; p->name; p++) {
		const char *dashes = strlen(p->name) == 1 ? "-" : "--";

		if (p->operand)
			printf(" %s", p->value);
		else if (p->value)
			printf(" [%s%s %s]", dashes, p->name, p->value);
		else
			printf(" [%s%s]", dashes, p->name);
	}
	printf("\n%s.\n\n", f->does);
	for (const struct table_function_param *p = f->params; p->name; p++) {
		char left[64];

		snprintf(left, sizeof(left), "%s%s%s%s", p->operand ? "" : strlen(p->name) == 1 ? "-" : "--", p->operand ? p->value : p->name,
		    !p->operand && p->value ? " " : "", !p->operand && p->value ? p->value : "");
		printf("  %-20s %s\n", left, p->does);
	}
	printf("\ncolumns: ");
	for (const char *const *c = f->columns; *c; c++)
		printf("%s%s", c == f->columns ? "" : ", ", *c);
	printf("\nin SQL:  SELECT * FROM %s(", f->name);
	for (const struct table_function_param *p = f->params; p->name; p++)
		printf("%s%s", p == f->params ? "" : ", ", p->name);
	printf(")\nOptions of every command: at-query --help. Pages: at-query(1), at-sql(7).\n");
}

const struct table_function *
verb_named(const char *name)
{
	const struct table_function *f = verbs_find(name);

	return f && !f->sql_only ? f : NULL;
}

const char *
verb_near(const char *word)
{
	const size_t n = strlen(word);
	const char *near = NULL;
	int most = n > 4 ? 2 : 1;

	if (strspn(word, "abcdefghijklmnopqrstuvwxyz") != n)
		return NULL;
	for (const struct table_function *const *f = verbs_all; *f && !(*f)->sql_only; f++)
		if (str_nearer(word, (*f)->name, &most))
			near = (*f)->name;
	return near;
}

/* ---- events in canonical form, so that they go on through a pipe */

static int
put_event(void *out, const struct event *e, struct err *err)
{
	struct out *to = out;

	(void)err;
	event_put(&to->buf, e);
	buf_byte(&to->buf, '\n');
	out_row(to);
	return 0;
}

static void
idle(void *out)
{
	out_flush(out);
}

static void
skipped(const struct err *why)
{
	cmd_fail(why);
}

int
verb_print_events(struct query *q, const struct table_function *f, const struct cell *args, struct err *err)
{
	struct table_function_call call = { q, args, f };
	struct history_spec spec;

	if (verbs_events(&call, &spec, err) < 0)
		return err->code;
	spec.skipped = skipped;
	return history_run(q, &spec, put_event, idle, out_stdout(), err);
}

/* A metric as metric rows: {"metric":…,"timestamp":…,"window":…,"labels":{…},"value":…} */
struct metric_rows { const char *name; char every[32]; struct str names[64]; int n; };

static int
metric_names(void *self, const struct str *names, int n, struct err *err)
{
	struct metric_rows *m = self;

	(void)err;
	m->n = n < 64 ? n : 64;
	memcpy(m->names, names, (size_t)m->n * sizeof(*names));
	return 0;
}

static int
metric_row(void *self, const struct cell *cells, int n, struct err *err)
{
	struct metric_rows *m = self;
	struct buf *to = &out_stdout()->buf;

	(void)err;
	buf_lit(to, "{\"metric\":");
	json_put_string(to, str_of(m->name));
	buf_lit(to, ",\"timestamp\":");
	cell_put_json(to, &cells[n - 2]);
	if (*m->every) {
		buf_lit(to, ",\"window\":");
		json_put_string(to, str_of(m->every));
	}
	buf_lit(to, ",\"labels\":");
	cell_put_object(to, m->names, cells, n - 2);
	buf_lit(to, ",\"value\":");
	cell_put_json(to, &cells[n - 1]);
	buf_lit(to, "}\n");
	out_row(out_stdout());
	return 0;
}

int
verb_print_metric(struct query *q, const struct table_function *f, const struct cell *args, struct err *err)
{
	struct metric_rows rows = { .name = args[0].type == CELL_TEXT ? args[0].text.p : "" };
	const struct query_sink sink = { metric_names, metric_row, &rows };
	int64_t every, months;

	for (int i = 0; f->params[i].name; i++)
		if (strcmp(f->params[i].name, "every") == 0 && args[i].type == CELL_TEXT && table_function_read_every(args[i].text, &every, &months) == 0) {
			metric_every_print(every, (int)months, rows.every);     /* 60s is 1m, as at-agg has it: one series */
		}
	return query_call(q, f, args, &sink, err);
}
