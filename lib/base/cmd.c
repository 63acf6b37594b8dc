#include "base/cmd.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/out.h"
#include "base/time.h"
#include "base/width.h"

#ifndef VERSION
#define VERSION "0"
#endif

static const char *progname = "at";
static int failed, rejected, found;
static volatile sig_atomic_t stopping;

/* A setting's text and where it came from, for --show-config. */
struct setting {
	const char *text, *from;
};
static struct setting store, tenant, config, tz, now, color, progress;
static struct cmd_settings settings = { .tenant = "default" };
static int want_version, want_help, want_show;
static const char *help_form;

static struct cmd_library *libraries;   /* by name */

void
cmd_library(struct cmd_library *l)
{
	struct cmd_library **at = &libraries;

	while (*at && strcmp((*at)->name, l->name) < 0)
		at = &(*at)->next;
	l->next = *at;
	*at = l;
}

static int
set_text(void *to, const char *text, struct err *err)
{
	(void)err;
	*(struct setting *)to = (struct setting){ text, "option" };
	return 0;
}

static int
set_when(void *to, const char *text, struct err *err)
{
	if (strcmp(text, "auto") && strcmp(text, "always") && strcmp(text, "never"))
		return err_set(err, ERR_USAGE, "'%s' is none of auto, always, never", text);
	return set_text(to, text, err);
}

static int
set_help(void *to, const char *text, struct err *err)
{
	(void)to, (void)err;
	want_help = 1;
	help_form = text;
	return 0;
}

int
cmd_set_strict(void *to, const char *text, struct err *err)
{
	(void)to, (void)text, (void)err;
	settings.strict = 1;
	return 0;
}

static const struct opt common[] = {
	{ 'S', "store", "DIR", "the store's directory (default $AT_STORE, else ~/.local/share/at)", set_text, &store },
	{ 'T', "tenant", "NAME", "the tenant (default $AT_TENANT, else default)", set_text, &tenant },
	{ 'c', "config", "DIR", "the configuration's directory (default $AT_CONFIG, else ./config)", set_text, &config },
	{ 'q', "quiet", NULL, "say nothing but errors", opt_flag, &settings.quiet },
	{ 'v', "verbose", NULL, "say more", opt_flag, &settings.verbose },
	{ 0, "color", "WHEN", "auto, always or never", set_when, &color },
	{ 0, "progress", "WHEN", "a bar on standard error: auto, always or never", set_when, &progress },
	{ 0, "now", "TIME", "what NOW(), 1h and yesterday count from (default $AT_NOW, else the clock)", set_text, &now },
	{ 0, "tz", "ZONE", "zone of days, weeks and printed local times (default UTC)", set_text, &tz },
	{ 0, "show-config", NULL, "print each setting with where it comes from", opt_flag, &want_show },
	{ 'h', "help", "[FORM]", "print this help", set_help, NULL },
	{ 'V', "version", NULL, "print the version, with -v those of the libraries too", opt_flag, &want_version },
	{ 0 }
};

const struct cmd_settings *
cmd_settings(void)
{
	return &settings;
}

const char *
cmd_name(void)
{
	return progname;
}

static void
on_signal(int sig)
{
	static struct timespec first;
	struct timespec here;

	clock_gettime(CLOCK_MONOTONIC, &here);
	if (!stopping)
		first = here;
	else if ((here.tv_sec - first.tv_sec) * 1000 + (here.tv_nsec - first.tv_nsec) / 1000000 > CMD_SAME_MS) {
		signal(sig, SIG_DFL);
		raise(sig);
	}
	stopping = 1;
}

int
cmd_stopping(void)
{
	return stopping;
}

/* A signal between the question and the wait would be slept over: it is held back until the wait lets it in. */
int
cmd_poll(struct pollfd *fds, int n, int ms)
{
	struct timespec span = { ms / 1000, ms % 1000 * 1000000L };
	sigset_t ends, before;
	int rc;

	sigemptyset(&ends);
	sigaddset(&ends, SIGINT);
	sigaddset(&ends, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &ends, &before);
	rc = stopping ? -1 : ppoll(fds, (nfds_t)n, ms < 0 ? NULL : &span, &before);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return rc;
}

/* No SA_RESTART: a waiting read must come back. What was ignored by the parent (nohup, a background job) stays so. */
static void
catch_signals(void)
{
	struct sigaction act = { .sa_handler = on_signal }, was;
	const int signals[] = { SIGINT, SIGTERM };

	for (int i = 0; i < 2; i++)
		if (sigaction(signals[i], NULL, &was) == 0 && was.sa_handler != SIG_IGN)
			sigaction(signals[i], &act, NULL);
	signal(SIGCHLD, SIG_DFL);       /* who started us may have ignored it: then nobody would hear how a child ended */
}

/* A closed standard descriptor must not become the next file that is opened. Each is filled with one that fails in the
 * direction it is used in, so that a read or write of it is reported. */
static void
hold_standard_fds(void)
{
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF && open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY) < 0)
			_exit(1);
}

static void
set_default(struct setting *s, const char *env, const char *fallback, const char *from)
{
	const char *value = env ? getenv(env) : NULL;

	if (s->text)
		return;
	if (value && *value)
		*s = (struct setting){ value, env };
	else
		*s = (struct setting){ fallback, from };
}

/* $XDG_…_HOME/at, or ~/REST/at. */
static char *
xdg_dir(const char *env, const char *rest)
{
	struct buf b = { 0 };
	const char *base = getenv(env), *home = getenv("HOME");

	if (base && base[0] == '/')
		buf_printf(&b, "%s/at", base);
	else
		buf_printf(&b, "%s/%s/at", home && *home ? home : ".", rest);
	buf_text(&b);
	return b.p;                     /* for the life of the process */
}

static int
wanted(const struct setting *when, int fd)
{
	const char *term = getenv("TERM");

	if (strcmp(when->text, "auto"))
		return strcmp(when->text, "always") == 0;
	return isatty(fd) && term && *term && strcmp(term, "dumb");
}

/* NO_COLOR, CLICOLOR_FORCE: set, and not to nothing or (the latter's habit) to 0. */
static int
set_by(const char *env)
{
	const char *value = getenv(env);

	return value && *value && (strcmp(env, "CLICOLOR_FORCE") || strcmp(value, "0"));
}

static int
settle(struct err *err)
{
	struct stat st;
	int here = stat("config", &st) == 0 && S_ISDIR(st.st_mode);
	static char *data_home, *config_home;   /* kept, whether or not they are the ones in use */

	data_home = xdg_dir("XDG_DATA_HOME", ".local/share");
	config_home = xdg_dir("XDG_CONFIG_HOME", ".config");
	set_default(&store, "AT_STORE", data_home, "default");
	set_default(&tenant, "AT_TENANT", "default", "default");
	set_default(&config, "AT_CONFIG", here ? "config" : config_home, "default");
	if (!*store.text)               /* "$DIR" that is not set: its folders would be those of the root */
		return err_set(err, ERR_USAGE, "--store: wants a directory");
	/* where rules were meant to be and are not, data would pass unmasked */
	if (strcmp(config.from, "option") == 0 && (stat(config.text, &st) || !S_ISDIR(st.st_mode)))
		return err_set(err, ERR_USAGE, "--config: there is no directory '%s'", config.text);
	set_default(&tz, NULL, "UTC", "default");
	set_default(&now, "AT_NOW", NULL, "clock");
	if ((!color.text || !strcmp(color.text, "auto")) && set_by("NO_COLOR"))
		color = (struct setting){ "never", "NO_COLOR" };
	else if ((!color.text || !strcmp(color.text, "auto")) && set_by("CLICOLOR_FORCE"))
		color = (struct setting){ "always", "CLICOLOR_FORCE" };
	set_default(&color, NULL, "auto", "default");
	set_default(&progress, NULL, "auto", "default");
	settings.store = store.text;
	settings.tenant = tenant.text;
	settings.config = config.text;
	settings.tz = tz.text;
	settings.color = wanted(&color, 1);
	settings.progress = !settings.quiet && wanted(&progress, 2);
	return err->code;
}

/* --now and --tz hold for every other option, wherever they stand, so they are looked for first. */
static int
early(int argc, char **argv, struct err *err)
{
	int64_t ms;

	for (int i = 1; i < argc && strcmp(argv[i], "--"); i++) {
		if (strncmp(argv[i], "--now=", 6) == 0)
			now = (struct setting){ argv[i] + 6, "option" };
		else if (strcmp(argv[i], "--now") == 0 && argv[i + 1])
			now = (struct setting){ argv[i + 1], "option" };
		else if (strncmp(argv[i], "--tz=", 5) == 0)
			tz = (struct setting){ argv[i] + 5, "option" };
		else if (strcmp(argv[i], "--tz") == 0 && argv[i + 1])
			tz = (struct setting){ argv[i + 1], "option" };
	}
	set_default(&now, "AT_NOW", NULL, "clock");
	if (tz.text)
		settings.zone = zone_get(str_of(tz.text), err);
	if (err->code)
		return err->code = ERR_USAGE, err_at(err, "--tz");
	if (now.text) {
		if (time_parse(str_of(now.text), settings.zone, &ms, err))
			return err->code = ERR_USAGE, err_at(err, strcmp(now.from, "option") ? "AT_NOW" : "--now");
		time_set_now(ms);
	}
	return 0;
}

static void
show_config(void)
{
	const struct { const char *name; const struct setting *s; } all[] = {
		{ "store", &store }, { "tenant", &tenant }, { "config", &config }, { "tz", &tz },
		{ "now", &now }, { "color", &color }, { "progress", &progress },
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		buf_printf(&out_stdout()->buf, "%-9s %-30s (%s)\n", all[i].name, all[i].s->text ? all[i].s->text : "",
		    all[i].s->from);
}

static void
version(const struct cmd *cmd)
{
	struct buf *b = &out_stdout()->buf;

	buf_printf(b, "%s " VERSION "\n", cmd->name);
	for (const struct cmd_library *l = libraries; l && settings.verbose; l = l->next)
		buf_printf(b, "  %s %s\n", l->name, l->version());
}

#define SCREEN 40               /* lines of help */

static int
lines(const struct opt *o)
{
	int n = 0;

	for (; o && o->name; o++)
		n++;
	return n;
}

/* What every command has, in two lines, where there is no room for one each. */
static void
put_common(struct buf *b)
{
	size_t from = b->n;

	buf_lit(b, "  and, as every command:");
	for (const struct opt *o = common; o->name; o++) {
		if (b->n - from > 85) {
			buf_lit(b, "\n   ");
			from = b->n;
		}
		if (o->key)
			buf_printf(b, " -%c", o->key);
		buf_printf(b, " --%s", o->name);
		if (o->arg && *o->arg != '[')
			buf_printf(b, "=%s", o->arg);
	}
	buf_byte(b, '\n');
}

static void
help(const struct cmd *cmd, const char *verb, struct err *err)
{
	struct buf *b = &out_stdout()->buf;
	int n = 3;              /* usage, what it does, exit */

	for (const struct cmd_verb *v = cmd->verbs; verb && v && v->name; v++)
		if (strcmp(v->name, verb) == 0) {
			buf_printf(b, "usage: %s [OPTION…] %s%s%s\n%s\n\nOptions: %s --help. More: man %s\n", cmd->name, v->name, *v->args ? " " : "",
			    v->args, v->does, cmd->name, cmd->name);
			return;
		}
	buf_printf(b, "usage: %s [OPTION…]%s%s\n%s\n", cmd->name, *cmd->operands ? " " : "", cmd->operands, cmd->does);
	for (const char *const *e = cmd->examples; e && *e; e++, n++)
		buf_printf(b, "  $ %s\n", *e);
	for (const struct cmd_verb *v = cmd->verbs; v && v->name; v++, n++)
		buf_printf(b, "  %-10s %-34s %s\n", v->name, v->args, v->does);
	n += lines(cmd->opts) + lines(common);
	opt_print(cmd->opts, n > SCREEN ? NULL : common, NULL, cmd->name, "text", err);
	if (n > SCREEN)
		put_common(b);
	buf_printf(b, "Exit: 0 done, 1 failed, 2 wrong usage, 3 rejected with --strict or found with -e. More: man %s\n", cmd->name);
}

char **
cmd_start(const struct cmd *cmd, int argc, char **argv, int *n)
{
	struct err err = { 0 };
	int operands;

	progname = cmd->name;
	hold_standard_fds();
	catch_signals();
	if (early(argc, argv, &err) || (operands = opt_parse(cmd->opts, common, argc, argv, &err)) < 0 || settle(&err))
		exit(cmd_end(&err));
	if (want_help && help_form && strcmp(help_form, "text"))
		opt_print(cmd->opts, common, cmd->verbs, cmd->name, help_form, &err);
	else if (want_help)
		help(cmd, operands ? argv[1] : NULL, &err);
	else if (want_version)
		version(cmd);
	else if (want_show)
		show_config();
	if (want_help || want_version || want_show)
		exit(cmd_end(&err));
	if (n)
		*n = operands;
	return argv + 1;
}

/* What waits for the terminal; the first of it, as the causes stand in front. */
#define HELD_MOST 65536
static pthread_mutex_t held_lock = PTHREAD_MUTEX_INITIALIZER;
static struct buf held;
static int is_held;

void
cmd_hold(void)
{
	pthread_mutex_lock(&held_lock);
	is_held = isatty(2);
	pthread_mutex_unlock(&held_lock);
}

void
cmd_speak(void)
{
	pthread_mutex_lock(&held_lock);
	is_held = 0;
	io_write(2, held.p, held.n);
	buf_release(&held);
	pthread_mutex_unlock(&held_lock);
}

void
cmd_say(const char *fmt, ...)
{
	char text[2048];
	struct buf b = { 0 };
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	buf_printf(&b, "%s: ", progname);
	width_put_shown(&b, str_of(text));      /* data may hold what a terminal would obey */
	buf_byte(&b, '\n');
	pthread_mutex_lock(&held_lock);
	if (!is_held)
		io_write(2, b.p, b.n);
	else if (held.n + b.n <= HELD_MOST)
		buf_str(&held, buf_get(&b));
	pthread_mutex_unlock(&held_lock);
	buf_release(&b);
}

void
cmd_fail(const struct err *err)
{
	cmd_say("%s", err->text);
	failed = 1;
}

int
cmd_failed(void)
{
	return failed;
}

void
cmd_rejected(void)
{
	rejected = 1;
}

void
cmd_found(void)
{
	found = 1;
}

int
cmd_end(struct err *err)
{
	struct err closing = { 0 };

	if (err->code)
		cmd_say("%s", err->text);
	if (out_close(out_stdout(), &closing) && !(err->code && strcmp(closing.text, err->text) == 0))
		cmd_fail(&closing);
	if (err->code == ERR_USAGE)
		return 2;
	if (err->code || failed)
		return 1;
	return (rejected && settings.strict) || found ? 3 : 0;
}
