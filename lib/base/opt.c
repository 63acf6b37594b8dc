#include "base/opt.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cmd.h"
#include "base/mem.h"
#include "base/out.h"
#include "base/time.h"

int
opt_flag(void *to, const char *text, struct err *err)
{
	(void)text, (void)err;
	*(int *)to = 1;
	return 0;
}

int
opt_text(void *to, const char *text, struct err *err)
{
	(void)err;
	*(const char **)to = text ? text : "";
	return 0;
}

int
opt_list(void *to, const char *text, struct err *err)
{
	struct opt_list *list = to;

	(void)err;
	list->text = mem_grow(list->text, (size_t)list->n + 1, sizeof(*list->text));
	list->text[list->n++] = text;
	return 0;
}

/* A whole number with one unit letter of `units`, which are small ones, behind it, each `step` times the one before. */
static int
scaled(struct str s, const char *units, int64_t step, int64_t *out)
{
	const char *unit = s.n ? strchr(units, s.p[s.n - 1] | ('a' ^ 'A')) : NULL;
	int64_t v;

	if (unit)
		s.n--;
	if (str_int64(s, &v) || v < 0)
		return -1;
	for (; unit && unit >= units; unit--)
		if (__builtin_mul_overflow(v, step, &v))
			return -1;
	*out = v;
	return 0;
}

int
opt_count(void *to, const char *text, struct err *err)
{
	int64_t n;

	if (scaled(str_of(text), "kmg", 1000, &n) || n < 1 || n > INT64_MAX / 2)
		return err_set(err, ERR_USAGE, "'%s' is no count, give a whole number from 1", text);
	*(long *)to = (long)n;
	return 0;
}

int
opt_size(void *to, const char *text, struct err *err)
{
	struct str s = str_of(text);

	if (s.n > 3 && strcasecmp(s.p + s.n - 2, "ib") == 0 && strchr("kmgt", s.p[s.n - 3] | ('a' ^ 'A')))
		s.n -= 2;
	if (scaled(s, "kmgt", 1024, to))
		return err_set(err, ERR_USAGE, "'%s' is no size, try 64k, 10M or 2GiB", text);
	return 0;
}

int
opt_number(void *to, const char *text, struct err *err)
{
	if (str_double(str_of(text), to))
		return err_set(err, ERR_USAGE, "'%s' is no number", text);
	return 0;
}

int
opt_dur(void *to, const char *text, struct err *err)
{
	if (dur_parse(str_of(text), to, err))
		return err->code = ERR_USAGE;
	return *(int64_t *)to <= TIME_MAX - TIME_MIN ? 0 : err_set(err, ERR_USAGE, "'%.80s' is longer than from the year 0 to 9999", text);
}

int
opt_time(void *to, const char *text, struct err *err)
{
	return time_parse(str_of(text), NULL, to, err) ? (err->code = ERR_USAGE) : 0;
}

static const struct opt *
find_in(const struct opt *o, char key, const char *name, size_t len)
{
	for (; o && o->name; o++)
		if (key ? o->key == key : strlen(o->name) == len && !memcmp(o->name, name, len))
			return o;
	return NULL;
}

struct tables {
	const struct opt *own, *common;
};

static const struct opt *
find(const struct tables *t, char key, const char *name, size_t len)
{
	const struct opt *o = find_in(t->own, key, name, len);

	return o ? o : find_in(t->common, key, name, len);
}

static int
set(const struct opt *o, const char *text, struct err *err)
{
	if (o->set(o->to, text, err) == 0)
		return 0;
	return err_at(err, "--%s", o->name);
}

static int
optional(const struct opt *o)                   /* its value may be left out */
{
	return o->arg && o->arg[0] == '[';
}

/* The option nearest to what was typed, else one that begins so; NULL. */
static const struct opt *
nearest(const struct tables *t, const char *typed, size_t len)
{
	const struct opt *lists[] = { t->own, t->common }, *near = NULL, *begins = NULL;
	int most = len > 4 ? 2 : 1;

	for (int i = 0; i < 2; i++)
		for (const struct opt *o = lists[i]; o && o->name; o++)
			if (str_nearer(typed, o->name, &most))
				near = o;
			else if (!begins && len > 1 && strncmp(typed, o->name, len) == 0)
				begins = o;
	return near ? near : begins;
}

static int
unknown(const struct tables *t, const char *name, size_t len, struct err *err)
{
	const struct opt *near;
	char typed[64];

	if (len < sizeof(typed)) {
		memcpy(typed, name, len);
		typed[len] = 0;
		if ((near = nearest(t, typed, len)))
			return err_set(err, ERR_USAGE, "no option --%s, did you mean --%s?", typed, near->name);
	}
	return err_set(err, ERR_USAGE, "no option --%.*s, see --help", (int)len, name);
}

/* Both return how many further words were used, or < 0. */
static int
parse_long(const struct tables *t, const char *arg, char **next, struct err *err)
{
	const char *eq = strchr(arg, '=');
	size_t len = eq ? (size_t)(eq - arg) : strlen(arg);
	const struct opt *o = find(t, 0, arg, len);

	if (!o)
		return unknown(t, arg, len, err);
	if (!o->arg && eq)
		return err_set(err, ERR_USAGE, "--%s takes no value", o->name);
	if (!o->arg || eq || optional(o))
		return set(o, eq ? eq + 1 : NULL, err);
	if (!next[0])
		return err_set(err, ERR_USAGE, "--%s wants a value: %s", o->name, o->arg);
	return set(o, next[0], err) ? err->code : 1;
}

static int
parse_short(const struct tables *t, const char *arg, char **next, struct err *err)
{
	for (; *arg; arg++) {
		const struct opt *o = find(t, *arg, NULL, 0);

		if (!o)
			return err_set(err, ERR_USAGE, "no option -%c, see --help", *arg);
		if (!o->arg || optional(o)) {
			if (set(o, NULL, err))
				return err->code;
		} else if (arg[1]) {
			return set(o, arg + 1 + (arg[1] == '='), err);
		} else if (next[0]) {
			return set(o, next[0], err) ? err->code : 1;
		} else {
			return err_set(err, ERR_USAGE, "-%c wants a value: %s", *arg, o->arg);
		}
	}
	return 0;
}

int
opt_parse(const struct opt *own, const struct opt *common, int argc, char **argv, struct err *err)
{
	const struct tables t = { own, common };
	int operands = 0;

	for (int i = 1; i < argc; i++) {
		char *arg = argv[i];
		int used = 0;

		if (strcmp(arg, "--") == 0) {
			while (++i < argc)
				argv[1 + operands++] = argv[i];
			break;
		}
		if (arg[0] != '-' || !arg[1]) {
			argv[1 + operands++] = arg;
			continue;
		}
		used = arg[1] == '-' ? parse_long(&t, arg + 2, argv + i + 1, err)
		                     : parse_short(&t, arg + 1, argv + i + 1, err);
		if (used < 0)
			return used;
		i += used;
	}
	argv[1 + operands] = NULL;
	return operands;
}

/* ---- printing: one function a form, each given one option */

static void
print_text(struct buf *b, const struct opt *o)
{
	char left[48], key[4] = { o->key ? '-' : ' ', o->key ? o->key : ' ', o->key ? ',' : ' ', 0 };
	const char *arg = o->arg ? o->arg : "";

	snprintf(left, sizeof(left), optional(o) ? "%s --%s[=%s" : o->arg ? "%s --%s=%s" : "%s --%s%s", key, o->name,
	    arg + optional(o));
	buf_printf(b, "  %-25s %s\n", left, o->help);
}

/* Text for troff: a leading dot, dashes and backslashes mean themselves. */
static void
put_roff(struct buf *b, const char *text)
{
	for (; *text; text++)
		if (*text == '\\')
			buf_lit(b, "\\e");
		else if (*text == '-')
			buf_lit(b, "\\-");
		else
			buf_byte(b, *text);
}

static void
print_mdoc(struct buf *b, const struct opt *o)
{
	const char *arg = o->arg ? o->arg : "";
	size_t len = strlen(arg);

	buf_lit(b, ".It ");
	if (o->key)
		buf_printf(b, "Fl %c , ", o->key);
	buf_lit(b, "Fl \\-");
	put_roff(b, o->name);
	if (optional(o))
		buf_printf(b, " Ns Op = Ns Ar %.*s", (int)len - 2, arg + 1);
	else if (o->arg)
		buf_printf(b, " Ns = Ns Ar %s", arg);
	buf_byte(b, '\n');
	put_roff(b, o->help);
	buf_lit(b, ".\n");
}

static void
print_quoted(struct buf *b, const char *text)   /* inside single quotes of a shell */
{
	for (; *text; text++)
		if (*text == '\'')
			buf_lit(b, "'\\''");
		else if (*text == '[' || *text == ']' || *text == ':')
			buf_printf(b, "\\%c", *text);
		else
			buf_byte(b, *text);
}

/* What `at-query --complete` is asked for the value of the option, NULL where it cannot tell. */
static const char *
values_of(const struct opt *o, const char *command)
{
	static const struct { const char *command, *option, *kind; } known[] = {
		{ NULL, "tenant", "tenants" }, { "at-query", "format", "formats" }, { "at-query", "by", "columns" }, { "at-query", "event", "events" },
		{ "at-query", "start", "events" }, { "at-query", "return", "events" }, { "at-query", "without", "events" }, { "at-agg", "by", "columns" },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (strcmp(known[i].option, o->name) == 0 && (!known[i].command || strcmp(known[i].command, command) == 0))
			return known[i].kind;
	return NULL;
}

static void
print_zsh(struct buf *b, const struct opt *o, const char *command)
{
	const char *kind = values_of(o, command);

	buf_lit(b, "  '");
	if (o->key)
		buf_printf(b, "(-%c --%s)'{-%c,--%s%s}'[", o->key, o->name, o->key, o->name, o->arg ? "=" : "");
	else
		buf_printf(b, "--%s%s[", o->name, o->arg ? "=" : "");
	print_quoted(b, o->help);
	buf_byte(b, ']');
	if (o->arg) {
		buf_byte(b, ':');
		print_quoted(b, o->arg);
		if (kind)
			buf_printf(b, ":{compadd -- ${(f)\"$(at-query --complete %s 2>/dev/null)\"}}", kind);
		else
			buf_lit(b, ":_files");
	}
	buf_lit(b, "' \\\n");
}

static void
print_fish(struct buf *b, const struct opt *o, const char *command)
{
	buf_printf(b, "complete -c %s", command);
	if (o->key)
		buf_printf(b, " -s %c", o->key);
	buf_printf(b, " -l %s%s -d '", o->name, o->arg && !optional(o) ? " -r" : "");
	for (const char *p = o->help; *p; p++)
		buf_printf(b, *p == '\'' ? "\\'" : "%c", *p);
	buf_byte(b, '\'');
	if (values_of(o, command))
		buf_printf(b, " -f -a '(at-query --complete %s 2>/dev/null)'", values_of(o, command));
	buf_byte(b, '\n');
}

/* Names of the store are data: they are compared and quoted here, and never go through compgen -W, which would expand them. */
static void
print_bash(struct buf *b, const struct tables *t, const struct cmd_verb *verbs, const char *command)
{
	const struct opt *lists[] = { t->own, t->common };
	struct buf name = { 0 };

	buf_lit(&name, command);
	for (size_t i = 0; i < name.n; i++)
		if (name.p[i] == '-')
			name.p[i] = '_';
	buf_printf(b, "_%s() {\n\tlocal word cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} kind=\n"
	    "\t[ \"$cur\" != = ] || cur=\n\t[ \"$prev\" != = ] || prev=${COMP_WORDS[COMP_CWORD-2]}\n\tCOMPREPLY=()\n\tcase $prev in\n", buf_text(&name));
	for (int i = 0; i < 2; i++)
		for (const struct opt *o = lists[i]; o && o->name; o++) {
			if (!values_of(o, command))
				continue;
			buf_byte(b, '\t');
			if (o->key)
				buf_printf(b, "-%c|", o->key);
			buf_printf(b, "--%s) kind=%s ;;\n", o->name, values_of(o, command));
		}
	buf_lit(b, "\tesac\n\tif [ \"$kind\" ]; then\n\t\twhile IFS= read -r word; do\n"
	    "\t\t\t[[ $word != \"$cur\"* ]] || COMPREPLY+=(\"$(printf %q \"$word\")\")\n"
	    "\t\tdone < <(at-query --complete \"$kind\" 2> /dev/null)\n\t\treturn\n\tfi\n\tcase $cur in\n\t-*) COMPREPLY=($(compgen -W '");
	for (int i = 0; i < 2; i++)
		for (const struct opt *o = lists[i]; o && o->name; o++)
			buf_printf(b, "--%s%s ", o->name, o->arg && !optional(o) ? "=" : "");
	buf_lit(b, "' -- \"$cur\"))\n\t\t[[ ${COMPREPLY[0]} != *= ]] || compopt -o nospace ;;\n");
	if (verbs) {
		buf_lit(b, "\t*) [ \"$COMP_CWORD\" -gt 1 ] || COMPREPLY=($(compgen -W '");
		for (; verbs->name; verbs++)
			buf_printf(b, "%s ", verbs->name);
		buf_lit(b, "' -- \"$cur\")) ;;\n");
	}
	buf_printf(b, "\tesac\n}\ncomplete -o default -F _%s %s\n", buf_text(&name), command);
	buf_release(&name);
}

int
opt_print(const struct opt *own, const struct opt *common, const struct cmd_verb *verbs, const char *command, const char *form, struct err *err)
{
	const struct tables t = { own, common };
	const struct opt *lists[] = { own, common };
	struct buf *b = &out_stdout()->buf;
	int zsh = !strcmp(form, "zsh"), fish = !strcmp(form, "fish"), mdoc = !strcmp(form, "mdoc");

	if (strcmp(form, "bash") == 0) {
		print_bash(b, &t, verbs, command);
		return 0;
	}
	if (!zsh && !fish && !mdoc && strcmp(form, "text"))
		return err_set(err, ERR_USAGE, "no such form of help '%s', try text, mdoc, bash, zsh or fish", form);
	if (zsh)
		buf_printf(b, "#compdef %s\n_arguments -s \\\n", command);
	for (int i = 0; i < 2; i++)
		for (const struct opt *o = lists[i]; o && o->name; o++) {
			if (zsh)
				print_zsh(b, o, command);
			else if (fish)
				print_fish(b, o, command);
			else if (mdoc)
				print_mdoc(b, o);
			else
				print_text(b, o);
		}
	for (const struct cmd_verb *v = verbs; v && v->name && fish; v++) {
		buf_printf(b, "complete -c %s -n __fish_use_subcommand -a %s -d '", command, v->name);
		for (const char *p = v->does; *p; p++)
			buf_printf(b, *p == '\'' ? "\\'" : "%c", *p);
		buf_lit(b, "'\n");
	}
	if (zsh && verbs) {
		buf_lit(b, "  '1:verb:(");
		for (const struct cmd_verb *v = verbs; v->name; v++)
			buf_printf(b, "%s%s", v == verbs ? "" : " ", v->name);
		buf_lit(b, ")' \\\n");
	}
	if (zsh)
		buf_lit(b, "  '*:file:_files'\n");
	return 0;
}
