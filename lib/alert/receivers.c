#include "alert/receivers.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "alert/rules.h"
#include "base/dur.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/time.h"

#define PAGERDUTY "https://events.pagerduty.com/v2/enqueue"
#define TO_MOST   100                   /* addresses of a mail */
#define ARGS_MOST 64
#define TAIL      (256u << 10)          /* bytes of a file in which a line is looked for that may be there already */
#define SHOWN     20                    /* alerts that a text names one by one */

/* ---- what a message says, in words */

static struct json
data_of(const struct receivers_message *m)
{
	return json_get(json_value(m->payload), STR("data"));
}

static int
is_firing(struct json data)
{
	return json_text_eq(json_get(data, STR("status")), STR("firing"));
}

static int
count(struct json list)
{
	struct json_iter it;
	int n = 0;

	for (it = json_iter(list); json_next(&it); )
		n++;
	return n;
}

static void
put_text(struct buf *b, struct json v)
{
	struct buf scratch = { 0 };

	buf_str(b, json_text(v, &scratch));
	buf_release(&scratch);
}

/* "[FIRING:2] many" and so on: the group's own labels, of which the alert's name is mostly one. */
static void
put_title(struct buf *b, struct json data)
{
	struct json alerts = json_get(data, STR("alerts"));
	struct json_iter it;

	buf_printf(b, "[%s:%d]", is_firing(data) ? "FIRING" : "RESOLVED", count(alerts));
	for (it = json_iter(json_get(data, STR("group"))); json_next(&it); ) {
		buf_byte(b, ' ');
		put_text(b, it.value);
	}
	if (json_get(data, STR("flapping")).type == JSON_TRUE)
		buf_lit(b, " (flapping: quiet until it is steady)");
}

/* A line an alert: its message, its severity, its labels. */
static void
put_lines(struct buf *b, struct json data, const char *end)
{
	struct json_iter it, label;
	int n = 0;

	for (it = json_iter(json_get(data, STR("alerts"))); json_next(&it); n++) {
		if (n == SHOWN) {
			buf_printf(b, "… and %d more%s", count(json_get(data, STR("alerts"))) - SHOWN, end);
			return;
		}
		buf_lit(b, "- ");
		put_text(b, json_get(it.value, STR("message")));
		buf_lit(b, " (");
		put_text(b, json_get(it.value, STR("severity")));
		for (label = json_iter(json_get(it.value, STR("labels"))); json_next(&label); ) {
			buf_lit(b, ", ");
			put_text(b, label.key);
			buf_byte(b, '=');
			if (label.value.type == JSON_STRING)
				put_text(b, label.value);
			else
				buf_str(b, json_raw(label.value));
		}
		buf_lit(b, ") since ");
		put_text(b, json_get(it.value, STR("since")));
		buf_lit(b, end);
	}
}

/* Slack reads commands between < and >: what comes of data is none. */
static void
put_slack(struct buf *b, struct str text)
{
	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] == '<')
			buf_lit(b, "&lt;");
		else if (text.p[i] == '>')
			buf_lit(b, "&gt;");
		else if (text.p[i] == '&')
			buf_lit(b, "&amp;");
		else
			buf_byte(b, text.p[i]);
}

/* ---- over HTTP */

static int
post(struct json receiver, const char *url, struct str body, int64_t timeout_ms, struct buf *why, int *status, int64_t *wait_ms)
{
	const struct http_head heads[] = { { "content-type", STR("application/json") } };
	struct http_result result = { 0 };
	struct err err = { 0 };
	int rc = http_fetch(&(struct http_call){ .method = "POST", .url = url, .heads = heads, .n_heads = 1, .body = body, .most = 4096, .timeout_ms = timeout_ms,
	    .private_too = receivers_private(receiver) }, &result, &err);

	*status = rc ? 0 : result.status;
	if (rc)
		buf_lit(why, err.text);
	else if (result.status / 100 != 2)
		buf_printf(why, "it answered %d", result.status);
	if (!rc)
		*wait_ms = http_result_retry_ms(&result, time_now());
	rc = rc || result.status / 100 != 2;
	http_result_release(&result);
	return rc;
}

static int
send_slack(struct json receiver, const struct receivers_message *m, int64_t timeout_ms, struct buf *why, int *status, int64_t *wait_ms)
{
	struct buf text = { 0 }, plain = { 0 }, body = { 0 }, url = { 0 };
	struct json data = data_of(m);
	int rc;

	buf_byte(&plain, '*');
	put_title(&plain, data);
	buf_lit(&plain, "*\n");
	put_lines(&plain, data, "\n");
	put_slack(&text, buf_get(&plain));
	buf_lit(&body, "{\"text\":");
	json_put_string(&body, buf_get(&text));
	buf_byte(&body, '}');
	put_text(&url, json_get(receiver, STR("url")));
	rc = post(receiver, buf_text(&url), buf_get(&body), timeout_ms, why, status, wait_ms);
	buf_release(&text);
	buf_release(&plain);
	buf_release(&body);
	buf_release(&url);
	return rc;
}

/* Severities that PagerDuty knows; others by how they sound. */
static const char *
pagerduty_severity(struct json severity)
{
	static const char *const known[][2] = { { "critical", "critical" }, { "page", "critical" }, { "error", "error" }, { "warning", "warning" }, { "info", "info" } };

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (json_text_eq(severity, str_of(known[i][0])))
			return known[i][1];
	return "error";
}

static int
send_pagerduty(struct json receiver, const struct receivers_message *m, int64_t timeout_ms, struct buf *why, int *status, int64_t *wait_ms)
{
	struct buf body = { 0 }, title = { 0 }, url = { 0 };
	struct json data = data_of(m), first = json_index(json_get(data, STR("alerts")), 0);
	int64_t firing = 0;
	int rc;

	put_title(&title, data);
	if (title.n > 1024)
		for (title.n = 1024; title.n && ((unsigned char)title.p[title.n] & 0xc0) == 0x80; )
			title.n--;
	buf_lit(&body, "{\"routing_key\":");
	buf_str(&body, json_raw(json_get(receiver, STR("routing_key"))));
	/* An incident is a group: it is over when none of its alerts fires. */
	json_int64(json_get(data, STR("firing")), &firing);
	buf_printf(&body, ",\"event_action\":\"%s\",\"dedup_key\":\"at-%016llx\",\"client\":\"at\",\"payload\":{\"summary\":", is_firing(data) || firing > 0 ? "trigger" : "resolve",
	    (unsigned long long)str_hash_stable(json_raw(json_get(data, STR("key")))));
	json_put_string(&body, buf_get(&title));
	buf_printf(&body, ",\"source\":\"at\",\"severity\":\"%s\",\"timestamp\":", pagerduty_severity(json_get(first, STR("severity"))));
	buf_str(&body, first.type ? json_raw(json_get(first, STR("timestamp"))) : STR("null"));
	buf_lit(&body, ",\"custom_details\":");
	buf_str(&body, data.type ? json_raw(data) : STR("{}"));
	buf_lit(&body, "}}");
	put_text(&url, json_get(receiver, STR("url")));
	if (!url.n)
		buf_lit(&url, PAGERDUTY);
	rc = post(receiver, buf_text(&url), buf_get(&body), timeout_ms, why, status, wait_ms);
	buf_release(&body);
	buf_release(&title);
	buf_release(&url);
	return rc;
}

/* ---- mail */

/* Text of others in a header: no line of theirs begins another one; what is not ASCII as RFC 2047 has it. */
static void
put_header(struct buf *b, struct str s)
{
	size_t line = 0;
	int plain = 1;

	for (size_t i = 0; i < s.n; i++)
		plain &= (unsigned char)s.p[i] < 127;
	if (plain) {
		for (size_t i = 0; i < s.n && i < 900; i++)
			buf_byte(b, (unsigned char)s.p[i] < ' ' ? ' ' : s.p[i]);
		return;
	}
	for (size_t i = 0; i < s.n; ) {
		size_t n = 1;

		while (i + n < s.n && ((unsigned char)s.p[i + n] & 0xc0) == 0x80)
			n++;
		if (line == 0)
			buf_lit(b, "=?UTF-8?Q?");
		for (size_t k = 0; k < n; k++)
			buf_printf(b, "=%02X", (unsigned char)s.p[i + k]);
		line += 3 * n, i += n;
		if (line > 45 || i == s.n) {
			buf_lit(b, i == s.n ? "?=" : "?=\r\n ");
			line = 0;
		}
	}
}

static void
put_body(struct buf *b, struct str text)
{
	for (size_t i = 0, line = 0; i < text.n; i++) {
		if (text.p[i] == '\n') {
			buf_lit(b, "\r\n");
			line = 0;
		} else if (text.p[i] != '\r') {
			if (++line > 900 && ((unsigned char)text.p[i] & 0xc0) != 0x80) {        /* a line of mail has 998 bytes */
				buf_lit(b, "\r\n");
				line = 0;
			}
			buf_byte(b, text.p[i]);
		}
	}
}

static void
put_date(struct buf *b, int64_t ms)
{
	static const char *const days[] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" }, *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug",
		"Sep", "Oct", "Nov", "Dec" };
	struct civil c;

	time_civil(ms, &c);
	buf_printf(b, "%s, %02d %s %04d %02d:%02d:%02d +0000", days[c.weekday], c.day, months[c.month - 1], c.year, c.hour, c.minute, c.second);
}

static void
put_subject(struct buf *b, struct json receiver, struct json data)
{
	struct json wanted = json_get(receiver, STR("subject")), first = json_index(json_get(data, STR("alerts")), 0);
	struct buf scratch = { 0 }, title = { 0 }, words[3] = { 0 };

	if (wanted.type == JSON_STRING)
		rules_fill(&title, json_text(wanted, &scratch), &(struct rules_words){ .alert = json_text(json_get(first, STR("alert")), &words[0]),
		    .severity = json_text(json_get(first, STR("severity")), &words[1]), .state = json_text(json_get(data, STR("status")), &words[2]),
		    .labels = json_get(first, STR("labels")), .row = first });
	else
		put_title(&title, data);
	put_header(b, buf_get(&title));
	for (int i = 0; i < 3; i++)
		buf_release(&words[i]);
	buf_release(&scratch);
	buf_release(&title);
}

static int
send_email(struct json receiver, const struct receivers_message *m, int64_t timeout_ms, struct buf *why, int *status, int64_t *wait_ms)
{
	struct buf texts[4] = { 0 }, all = { 0 }, lines = { 0 }, *text[TO_MOST];
	struct json to = json_get(receiver, STR("to")), data = data_of(m);
	static const char *const keys[] = { "smtp", "from", "user", "password" };
	const char *address[TO_MOST];
	struct json_iter it;
	struct err err = { 0 };
	int n = 0, rc;

	(void)status, (void)wait_ms;
	for (int i = 0; i < 4; i++)
		put_text(&texts[i], json_get(receiver, str_of(keys[i])));
	for (it = json_iter(to); to.type == JSON_ARRAY && n < TO_MOST && json_next(&it); n++) {
		text[n] = mem_new(sizeof(struct buf));
		put_text(text[n], it.value);
		address[n] = buf_text(text[n]);
	}
	if (to.type == JSON_STRING) {
		text[0] = mem_new(sizeof(struct buf));
		put_text(text[0], to);
		address[n++] = buf_text(text[0]);
	}
	buf_lit(&all, "From: ");
	put_header(&all, buf_get(&texts[1]));
	buf_lit(&all, "\r\nTo: ");
	for (int i = 0; i < n; i++) {
		buf_lit(&all, i ? ",\r\n " : "");
		put_header(&all, str_of(address[i]));
	}
	buf_lit(&all, "\r\nSubject: ");
	put_subject(&all, receiver, data);
	buf_lit(&all, "\r\nDate: ");
	put_date(&all, time_now());
	buf_printf(&all, "\r\nMessage-ID: <%.*s@at>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=UTF-8\r\nContent-Transfer-Encoding: 8bit\r\nAuto-Submitted: auto-generated\r\n\r\n",
	    STR_FMT(m->id));
	put_title(&lines, data);
	buf_lit(&lines, "\n\n");
	put_lines(&lines, data, "\n");
	put_body(&all, buf_get(&lines));
	rc = http_mail(&(struct http_mail){ .url = buf_text(&texts[0]), .user = texts[2].n ? buf_text(&texts[2]) : NULL, .password = texts[3].n ? buf_text(&texts[3]) : NULL,
	    .from = buf_text(&texts[1]), .to = address, .n_to = n, .text = buf_get(&all), .timeout_ms = timeout_ms, .private_too = receivers_private(receiver) }, &err);
	if (rc)
		buf_lit(why, err.text);
	for (int i = 0; i < n; i++) {
		buf_release(text[i]);
		free(text[i]);
	}
	for (int i = 0; i < 4; i++)
		buf_release(&texts[i]);
	buf_release(&all);
	buf_release(&lines);
	return rc != 0;
}

/* ---- a program of the user's */

/* The child: nothing of ours but stdin, and its own session, so that all it starts can be ended. */
static void
become(const char *program, char *const *argv, char *const *env, int in)
{
	sigset_t none;
	int null = open("/dev/null", O_WRONLY);

	setsid();
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	if (dup2(in, 0) < 0 || dup2(null, 1) < 0)
		_exit(126);
	close_range(3, ~0U, 0);
	execve(program, argv, env);     /* not execvp: that hands what is no program to a shell */
	_exit(127);
}

/* Where a program of that name lies. */
static const char *
find_program(const char *name, struct str folders, struct buf *at)
{
	struct str folder;

	buf_lit(at, name);
	while (!strchr(name, '/') && folders.n && str_cut(&folders, ':', &folder)) {
		buf_clear(at);
		buf_str(at, folder);
		buf_byte(at, '/');
		buf_lit(at, name);
		if (access(buf_text(at), X_OK) == 0)
			break;
	}
	return buf_text(at);
}

/* Feed it and wait for its end, no longer than it may take. The exit status, or -1 when it was ended by us or a signal. */
static int
look_after(pid_t pid, int to, struct str text, int64_t timeout_ms)
{
	int64_t until = time_mono_ms() + timeout_ms;
	int status = 0, done = 0, pause = 1;

	fcntl(to, F_SETFL, O_NONBLOCK);
	while (!done && time_mono_ms() < until && !http_client_is_ended()) {
		struct pollfd p = { to, POLLOUT, 0 };
		ssize_t n = 0;

		if (to >= 0 && poll(&p, 1, 50) > 0 && (n = write(to, text.p, text.n)) > 0)
			text.p += n, text.n -= (size_t)n;
		if (to >= 0 && (!text.n || (n < 0 && errno != EAGAIN && errno != EINTR))) {
			close(to);
			to = -1;
		}
		if (to < 0)
			poll(NULL, 0, pause = pause < 50 ? 2 * pause : 50);
		done = waitpid(pid, &status, WNOHANG) == pid;
	}
	if (to >= 0)
		close(to);
	if (!done) {
		kill(-pid, SIGKILL);
		kill(pid, SIGKILL);
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
		return -1;
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int
send_command(struct json receiver, const struct receivers_message *m, int64_t timeout_ms, struct buf *why, int *status, int64_t *wait_ms)
{
	struct buf words = { 0 }, line = { 0 }, id = { 0 }, path = { 0 }, where = { 0 };
	const char *program;
	size_t at[ARGS_MOST];
	char *argv[ARGS_MOST + 1], *env[4] = { NULL };
	const char *own = getenv("PATH");
	struct json_iter it;
	sigset_t pipe_signal, before;
	int n = 0, ends[2], code;
	pid_t pid;

	(void)wait_ms;
	for (it = json_iter(json_get(receiver, STR("command"))); n < ARGS_MOST && json_next(&it); n++) {
		at[n] = words.n;
		put_text(&words, it.value);
		buf_byte(&words, 0);
	}
	for (int i = 0; i < n; i++)
		argv[i] = words.p + at[i];
	argv[n] = NULL;
	buf_printf(&id, "AT_MESSAGE=%.*s", STR_FMT(m->id));
	buf_printf(&path, "PATH=%s", own ? own : "/usr/bin:/bin");
	env[0] = (char *)buf_text(&id);
	env[1] = (char *)buf_text(&path);
	buf_str(&line, m->payload);
	buf_byte(&line, '\n');
	program = n ? find_program(argv[0], (struct str){ path.p + 5, path.n - 5 }, &where) : "";
	if (n == 0 || pipe2(ends, O_CLOEXEC)) {
		buf_printf(why, "no pipe: %s", strerror(errno));
		n = 0;
		goto out;
	}
	sigemptyset(&pipe_signal);
	sigaddset(&pipe_signal, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &pipe_signal, &before);      /* a program that reads nothing is no fault of ours */
	if ((pid = fork()) == 0)
		become(program, argv, env, ends[0]);
	close(ends[0]);
	if (pid < 0) {
		close(ends[1]);
		buf_printf(why, "%s: %s", argv[0], strerror(errno));
		n = 0;
	} else if ((code = look_after(pid, ends[1], buf_get(&line), timeout_ms))) {
		*status = code > 0 ? code : 0;
		if (code < 0)
			buf_printf(why, "%.100s: did not end in time, or by a signal", argv[0]);
		else
			buf_printf(why, code == 127 ? "%.100s: could not be run (127)" : "%.100s: ended with %d", argv[0], code);
		n = 0;
	}
	sigtimedwait(&pipe_signal, NULL, &(struct timespec){ 0, 0 });
	pthread_sigmask(SIG_SETMASK, &before, NULL);
out:
	buf_release(&words);
	buf_release(&line);
	buf_release(&id);
	buf_release(&path);
	buf_release(&where);
	return n == 0;
}

/* ---- a file */

/* A crash between writing and noting it must not make a second line. */
static int
is_there(int fd, struct str id)
{
	struct buf tail = { 0 };
	struct stat st;
	ssize_t got = 0;
	int yes = 0;

	if (fstat(fd, &st) == 0 && st.st_size > 0) {
		int64_t from = st.st_size > TAIL ? st.st_size - TAIL : 0;

		got = io_read_at(fd, buf_room(&tail, TAIL), TAIL, from);
		yes = got > 0 && memmem(tail.p, (size_t)got, id.p, id.n);
	}
	buf_release(&tail);
	return yes;
}

static int
send_file(struct json receiver, const struct receivers_message *m, int64_t timeout_ms, struct buf *why, int *status, int64_t *wait_ms)
{
	struct buf path = { 0 }, line = { 0 };
	struct str rest = m->payload;
	int fd, failed = 0;

	(void)timeout_ms, (void)status, (void)wait_ms;
	put_text(&path, json_get(receiver, STR("path")));
	buf_lit(&line, "{\"id\":");
	json_put_string(&line, m->id);
	buf_byte(&line, ',');
	buf_str(&line, (struct str){ rest.p + 1, rest.n - 1 });
	buf_byte(&line, '\n');
	fd = io_open(buf_text(&path), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0600);
	if (fd < 0 || (!is_there(fd, m->id) && (io_write(fd, line.p, line.n) || (fsync(fd) && errno != EINVAL && errno != EROFS))))
		failed = 1, buf_printf(why, "%.200s: %s", buf_text(&path), strerror(errno));
	if (fd >= 0)
		close(fd);
	buf_release(&path);
	buf_release(&line);
	return failed;
}

/* ---- the table */

struct type {
	const char *name;
	const char *needs[4];
	int (*send)(struct json receiver, const struct receivers_message *, int64_t timeout_ms, struct buf *why, int *status, int64_t *wait_ms);
};
static const struct type types[] = {
	{ "webhook", { "url" }, NULL },
	{ "slack", { "url" }, send_slack },
	{ "pagerduty", { "routing_key" }, send_pagerduty },
	{ "email", { "smtp", "from", "to" }, send_email },
	{ "command", { "command" }, send_command },
	{ "file", { "path" }, send_file },
};

static const struct type *
type_of(struct json receiver)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
		if (json_text_eq(json_get(receiver, STR("type")), str_of(types[i].name)))
			return &types[i];
	return NULL;
}

int
receivers_is_other(struct json receiver)
{
	const struct type *type = type_of(receiver);

	return type && type->send;
}

int
receivers_send(struct json receiver, const struct receivers_message *m, int64_t timeout_ms, struct buf *why, int *status, int64_t *wait_ms)
{
	*wait_ms = 0;
	return type_of(receiver)->send(receiver, m, receivers_timeout(receiver, timeout_ms), why, status, wait_ms);
}

int
receivers_private(struct json receiver)
{
	return json_get(receiver, STR("private")).type != JSON_FALSE;
}

int64_t
receivers_timeout(struct json receiver, int64_t otherwise)
{
	struct buf scratch = { 0 };
	struct err err = { 0 };
	struct json v = json_get(receiver, STR("timeout"));
	int64_t ms;

	if (v.type != JSON_STRING || dur_parse(json_text(v, &scratch), &ms, &err) || ms <= 0)
		ms = otherwise;
	buf_release(&scratch);
	return ms;
}

static int
name_is_good(struct str name)
{
	for (size_t i = 0; i < name.n; i++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-", name.p[i]) || !name.p[i])
			return 0;
	return name.n >= 1 && name.n <= RECEIVERS_NAME;
}

static int
check_one(struct str name, struct json receiver, struct err *err)
{
	const struct type *type = type_of(receiver);
	struct buf scratch = { 0 };
	struct json timeout = json_get(receiver, STR("timeout"));
	int64_t ms;
	int rc = 0;

	if (!name_is_good(name))
		return err_set(err, ERR_USAGE, "receivers: a name has 1 to %d letters, digits, _, . or -: '%.*s'", RECEIVERS_NAME, (int)(name.n > 60 ? 60 : name.n), name.p);
	if (!type)
		return err_set(err, ERR_USAGE, "receivers.%.*s.type: is none of webhook, slack, pagerduty, email, command, file", STR_FMT(name));
	for (int i = 0; i < 4 && type->needs[i]; i++)
		if (!json_get(receiver, str_of(type->needs[i])).type)
			return err_set(err, ERR_USAGE, "receivers.%.*s.%s: is missing, %s wants it", STR_FMT(name), type->needs[i], type->name);
	if (timeout.type == JSON_STRING && dur_parse(json_text(timeout, &scratch), &ms, err))
		rc = err_set(err, ERR_USAGE, "receivers.%.*s.timeout: is no span, try 10s", STR_FMT(name));
	buf_release(&scratch);
	return rc;
}

struct checking { struct err *err; };

static int
check_each(void *self, struct str name, struct json receiver)
{
	return check_one(name, receiver, ((struct checking *)self)->err);
}

static int
each_one(struct json receivers, int all, int (*each)(void *, struct str name, struct json receiver), void *self)
{
	struct json_iter it;
	struct buf name = { 0 };
	int rc = 0;

	for (it = json_iter(receivers); rc == 0 && json_next(&it); )
		if (all || json_get(it.value, STR("enabled")).type != JSON_FALSE)
			rc = each(self, json_text(receivers.type == JSON_OBJECT ? it.key : json_get(it.value, STR("name")), &name), it.value);
	buf_release(&name);
	return rc;
}

int
receivers_check(struct json receivers, struct err *err)
{
	struct checking checking = { err };

	return each_one(receivers, 1, check_each, &checking);
}

int
receivers_each(struct json receivers, int (*each)(void *, struct str name, struct json receiver), void *self)
{
	return each_one(receivers, 0, each, self);
}

static int
is_named(void *self, struct str name, struct json receiver)
{
	(void)receiver;
	return str_eq(name, *(const struct str *)self);
}

int
receivers_has(struct json receivers, struct str name)
{
	return receivers_each(receivers, is_named, &name);
}
