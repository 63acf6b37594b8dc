#include "expr/expr.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/time.h"
#include "expr/expr_priv.h"

struct expr {
	struct expr_program prog;
	char *text;
	int native;
	int reads_clock;
	struct expr_child *child;       /* of a program that is not native */
	struct expr_run run;
	struct err err;                 /* of the evaluation; errors that `?` takes away end here */
	struct project *own;            /* the paths of the row calls */
	struct json *fields;
	int paths;                      /* nodes that read a path of the row */
	int whole;                      /* the row itself is looked at, not only its fields */
	int bound;
	struct buf result;
};

/* ---- which paths are read, and is anything else of the row?
 *
 * A node's input and result is the row always, never, or sometimes. Paths count where the input is always the row. */
enum where { NEVER, ALWAYS, SOMETIMES };

static enum where
either(enum where a, enum where b)
{
	return a == b ? a : SOMETIMES;
}

struct walk {
	struct expr *e;
	struct project *project;        /* NULL: only look */
	struct arena *arena;
	struct err *err;
	int failed;
};

static void
bind_path(struct walk *w, struct expr_node *x)
{
	w->e->paths++;
	if (!w->project || w->failed)
		return;
	if (!x->slots)
		x->slots = arena_get(w->arena, sizeof(*x->slots) * (size_t)x->nkeys);
	for (int i = 0; i < x->nkeys; i++) {
		x->slots[i] = project_path(w->project, x->keys, i + 1, w->err);
		if (x->slots[i] < 0)
			w->failed = x->slots[i];
	}
}

static enum where visit(struct walk *w, struct expr_node *x, enum where in);

/* A node whose result is looked into: when that is the row, it must be there whole. */
static void
visit_used(struct walk *w, struct expr_node *x, enum where in)
{
	if (visit(w, x, in) != NEVER)
		w->e->whole = 1;
}

static enum where
visit(struct walk *w, struct expr_node *x, enum where in)
{
	enum where left;

	switch (x->op) {
	case EXPR_DOT:
		return in;
	case EXPR_PATH:
		if (in == ALWAYS)
			bind_path(w, x);
		else if (in == SOMETIMES)
			w->e->whole = 1;
		return NEVER;
	case EXPR_CONST:
	case EXPR_VAR:
	case EXPR_BREAK:
		return NEVER;
	case EXPR_PIPE:
		left = visit(w, x->kid[0], in);
		if (left == SOMETIMES)
			w->e->whole = 1;
		return visit(w, x->kid[1], left == ALWAYS ? ALWAYS : NEVER);
	case EXPR_COMMA:
		left = NEVER;
		for (int i = 0; i < x->n; i++)
			left = i ? either(left, visit(w, x->kid[i], in)) : visit(w, x->kid[i], in);
		return left;
	case EXPR_AND:
	case EXPR_OR:
		visit(w, x->kid[0], in);        /* only true or false is asked of them */
		visit(w, x->kid[1], in);
		return NEVER;
	case EXPR_ALT:
		left = visit(w, x->kid[0], in);
		return either(left, visit(w, x->kid[1], in));
	case EXPR_IF:
		visit(w, x->kid[0], in);
		left = visit(w, x->kid[1], in);
		return either(left, visit(w, x->kid[2], in));
	case EXPR_SELECT:
		visit(w, x->kid[0], in);
		return in;
	case EXPR_TRY:
	case EXPR_LABEL:
		return visit(w, x->kid[0], in);
	case EXPR_RECURSE:
		if (in != NEVER)
			w->e->whole = 1;
		return NEVER;
	case EXPR_AS:
		visit_used(w, x->kid[0], in);
		return visit(w, x->kid[1], in);
	case EXPR_MAPF:
	case EXPR_SORTF:
		if (in != NEVER)
			w->e->whole = 1;
		visit(w, x->kid[0], NEVER);
		return NEVER;
	case EXPR_UPDATE:
	case EXPR_DELETE:
		if (in != NEVER)
			w->e->whole = 1;
		if (x->op == EXPR_UPDATE && x->which != EXPR_PIPE)
			visit_used(w, x->kid[0], in);
		else
			visit(w, x->kid[0], NEVER);
		if (x->op == EXPR_UPDATE)
			visit(w, x->kid[1], NEVER);
		return NEVER;
	case EXPR_REDUCE:
	case EXPR_FOREACH:
		visit_used(w, x->kid[0], in);
		visit_used(w, x->kid[1], in);
		for (int i = 2; i < x->n; i++)
			visit(w, x->kid[i], NEVER);
		return NEVER;
	case EXPR_CALL:
		if (in != NEVER)
			w->e->whole = 1;
		/* fall through */
	default:
		for (int i = 0; i < x->n; i++)
			visit_used(w, x->kid[i], in);
		return NEVER;
	}
}

/* ---- making */

static int
is_of_word(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

/* The word now, wherever it stands: nearly always the function. */
static int
names_now(const char *text)
{
	for (const char *p = text; (p = strstr(p, "now")); p += 3)
		if ((p == text || !is_of_word(p[-1])) && !is_of_word(p[3]))
			return 1;
	return 0;
}

/* So that who asks (time_asked) learns that another time may give another result. */
static void
ask_clock(const struct expr *e)
{
	if (e->reads_clock)
		time_now();
}

struct expr *
expr_new(const char *program, int flags, struct err *err)
{
	struct expr *e = mem_new(sizeof(*e));
	struct walk w = { .e = e };
	struct err syntax = {0};
	int rc;

	e->text = mem_text(program);
	rc = expr_parse(&e->prog, str_of(e->text), &syntax);
	e->native = rc == 0 && !e->prog.other_col && !(flags & EXPR_LIBJQ_ONLY);
	if (rc == 0 && !e->native && flags & EXPR_NATIVE_ONLY) {
		err_col(err, e->prog.other_col, ERR_USAGE,
		    "column %ld: '%s' is not in the native subset of jq, write it with paths, comparisons and functions (at-expr(7))",
		    e->prog.other_col, e->prog.other);
		expr_free(e);
		return NULL;
	}
	if (rc < 0 && (flags & EXPR_NATIVE_ONLY || e->prog.wrong)) {
		*err = syntax;
		expr_free(e);
		return NULL;
	}
	if (!e->native) {
		/* What our parser refuses, a newer libjq may know; when it does not either, our words have the column. */
		e->child = expr_child_new(str_of(e->text), err);
		if (!e->child) {
			if (rc < 0)
				*err = syntax;
			expr_free(e);
			return NULL;
		}
		e->reads_clock = names_now(e->text);
		ask_clock(e);
		return e;
	}
	e->run.arena = arena_new(EXPR_MEMORY);
	e->run.vars = mem_new(sizeof(*e->run.vars) * (size_t)(e->prog.nvars + 1));
	e->run.err = &e->err;
	visit(&w, e->prog.top, ALWAYS);
	return e;
}

void
expr_free(struct expr *e)
{
	if (!e)
		return;
	expr_unparse(&e->prog);
	expr_child_free(e->child);
	if (e->run.arena)
		arena_free(e->run.arena);
	free(e->run.vars);
	buf_release(&e->run.scratch);
	project_free(e->own);
	free(e->fields);
	buf_release(&e->result);
	free(e->text);
	free(e);
}

int
expr_is_native(const struct expr *e)
{
	return e->native;
}

int
expr_reads_clock(const struct expr *e)
{
	return e->reads_clock;
}

void
expr_limits(struct expr *e, int row_ms, size_t memory)
{
	if (e->child)
		expr_child_limits(e->child, row_ms, memory);
}

int
expr_bind(struct expr *e, struct project *project, struct err *err)
{
	struct walk w = { e, project, e->prog.arena, err, 0 };

	if (!e->native || e->whole)
		return 1;
	e->paths = 0;
	project_free(e->own);           /* its indexes are no longer those in the tree */
	e->own = NULL;
	visit(&w, e->prog.top, ALWAYS);
	e->bound = !w.failed;
	return w.failed;
}

/* ---- running */

struct test { int any, is; };

static int
first_is_true(void *to, struct expr_run *run, const struct expr_value *v)
{
	struct test *t = to;

	(void)run;
	t->is = expr_true(v);
	t->any = 1;
	return EXPR_STOP;
}

static int
failed(struct expr *e, int rc, struct err *err)
{
	if (rc == EXPR_BREAKING)        /* cannot be: break stands within its label */
		rc = err_set(&e->err, ERR_INPUT, "break");
	*err = e->err;
	return err->code = rc;
}

static int
test(struct expr *e, struct err *err)
{
	struct expr_run *run = &e->run;
	struct test t = {0};
	struct expr_value v;
	int rc;

	run->steps = 0;
	if (!e->prog.top->many) {
		rc = expr_eval_one(run, e->prog.top, &run->root, &v);
		if (rc > 0)
			rc = expr_true(&v);
	} else {
		rc = expr_eval(run, e->prog.top, &run->root, first_is_true, &t);
		if (rc == 0 || rc == EXPR_STOP)
			rc = t.is;
	}
	if (arena_used(run->arena))
		arena_reset(run->arena);
	return rc < 0 ? failed(e, rc, err) : rc;
}

int
expr_test_fields(struct expr *e, const struct json *fields, struct err *err)
{
	e->run.fields = fields;
	e->run.root = (struct expr_value){ .type = JSON_OBJECT, .form = EXPR_ROW };
	return test(e, err);
}

/* The row as a checked value, its paths taken in one walk. */
static int
begin(struct expr *e, struct str row, struct err *err)
{
	struct json j;
	int rc;

	if (json_check(row, err) < 0)
		return ERR_INPUT;
	j = json_value(row);
	e->run.root = expr_raw(j);
	e->run.fields = NULL;
	e->run.steps = 0;
	if (e->bound || !e->paths || j.type != JSON_OBJECT)
		return 0;               /* bound elsewhere: walk for each path */
	if (!e->own) {
		struct walk w = { e, e->own = project_new(), e->prog.arena, err, 0 };

		e->paths = 0;
		visit(&w, e->prog.top, ALWAYS);
		if (w.failed) {         /* more paths than a projection holds: walk for each */
			err_clear(err);
			e->paths = 0;
			return 0;
		}
		e->fields = mem_new(sizeof(*e->fields) * (size_t)(project_count(e->own) + 1));
	}
	if ((rc = project_row(e->own, json_raw(j), e->fields, err)) < 0)
		return rc;
	e->run.fields = e->fields;
	return 0;
}

int
expr_test(struct expr *e, struct str row, struct err *err)
{
	int rc;

	if (!e->native) {
		ask_clock(e);
		buf_clear(&e->result);          /* words of an error come through it */
		return expr_child_run(e->child, row, 1, &e->result, err);
	}
	if ((rc = begin(e, row, err)) < 0)
		return rc;
	return test(e, err);
}

struct printing { struct buf *out; int n; };

static int
print(void *to, struct expr_run *run, const struct expr_value *v)
{
	struct printing *p = to;
	int rc = expr_put(run, p->out, v, 0);

	if (rc < 0)
		return rc;
	buf_byte(p->out, '\n');
	p->n++;
	return 0;
}

int
expr_run(struct expr *e, struct str row, struct buf *out, struct err *err)
{
	struct printing p = { out, 0 };
	size_t was = out->n;
	int rc;

	if (!e->native) {
		ask_clock(e);
		rc = expr_child_run(e->child, row, 0, out, err);
	} else if ((rc = begin(e, row, err)) == 0) {
		rc = expr_eval(&e->run, e->prog.top, &e->run.root, print, &p);
		if (arena_used(e->run.arena))
			arena_reset(e->run.arena);
		rc = rc < 0 ? failed(e, rc, err) : p.n;
	}
	if (rc < 0)
		out->n = was;
	return rc;
}
