/* syslog, as it is sent and as it is kept in files:
 *
 *      <165>1 2003-10-11T22:14:15.003Z host app 8710 ID47 [ex@1 iut="3"] message          RFC 5424
 *      <34>Oct 11 22:14:15 host su[230]: message                                          RFC 3164
 *      Oct 11 22:14:15 host su[230]: message                                              files of old
 *      2026-11-23T10:15:30.123456+01:00 host su[230]: message                             files of rsyslog now
 *
 *      {"event":"su","timestamp":"…","properties":{"facility":"auth","severity":"crit","host":"host","app":"su","pid":230,
 *       "message":"message"}}
 *
 * The event is the program's name, "syslog" when there is none. RFC 5424 adds `msgid` and `structured_data` as
 * {"ex@1":{"iut":"3"}}. A time without a year is the latest that is not more than a day ahead; without a zone it is of --tz.
 */
#include <ctype.h>

#include "base/time.h"
#include "formats/formats_priv.h"

#define AHEAD 86400000LL        /* ms */

static const char *const severities[] = { "emerg", "alert", "crit", "err", "warning", "notice", "info", "debug" };
static const char *const facilities[] = { "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron",
	"authpriv", "ftp", "ntp", "audit", "alert", "clock", "local0", "local1", "local2", "local3", "local4", "local5", "local6",
	"local7" };

struct message {
	int priority;           /* -1: none */
	int64_t time;
	struct str host, app, pid, msgid, data, text;
};

static int
token(struct str *rest, struct str *to)         /* up to the next blank */
{
	if (!str_cut(rest, ' ', to))
		return 0;
	if (!rest->p)
		rest->p = to->p + to->n, rest->n = 0;
	return to->n > 0;
}

static struct str
absent(struct str s)                            /* the nil value */
{
	return s.n == 1 && s.p[0] == '-' ? (struct str){ NULL, 0 } : s;
}

/* The program's name as TAG, `app[pid]:` or `app:`; when there is none nothing is taken. */
static void
tag(struct str *rest, struct message *m)
{
	size_t i = 0, open;

	while (i < rest->n && i < 64 && (isalnum((unsigned char)rest->p[i]) || strchr("-_./@+()", rest->p[i] ? rest->p[i] : ' ')))
		i++;
	if (!i || i == rest->n)
		return;
	if (rest->p[i] == '[') {
		const char *close = memchr(rest->p + i, ']', rest->n - i);

		open = i;
		if (!close || close - rest->p - (long)open > 64)
			return;
		i = (size_t)(close - rest->p) + 1;
		m->pid = (struct str){ rest->p + open + 1, i - open - 2 };
		m->app = (struct str){ rest->p, open };
		i += i < rest->n && rest->p[i] == ':';
	} else if (rest->p[i] == ':' && (i + 1 == rest->n || rest->p[i + 1] == ' ')) {
		m->app = (struct str){ rest->p, i };
		i++;
	} else
		return;
	while (i < rest->n && rest->p[i] == ' ')
		i++;
	rest->p += i;
	rest->n -= i;
}

/* `Oct 11 22:14:15 `, also with a year behind the day. 1 and *rest behind it. */
static int
old_time(struct str *rest, int64_t *ms)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	const char *p = rest->p, *end = p + rest->n;
	struct civil c = {0}, now;
	int64_t clock;
	int month = 0;

	if (rest->n < 15)
		return 0;
	while (month < 12 && memcmp(months + 3 * month, p, 3) != 0)
		month++;
	if (month == 12 || p[3] != ' ' || (p[4] != ' ' && !isdigit((unsigned char)p[4])) || !isdigit((unsigned char)p[5]) || p[6] != ' ')
		return 0;
	c.month = month + 1;
	c.day = (p[4] == ' ' ? 0 : p[4] - '0') * 10 + p[5] - '0';
	p += 7;
	if (end - p >= 13 && isdigit((unsigned char)p[0]) && isdigit((unsigned char)p[1]) && isdigit((unsigned char)p[2]) &&
	    isdigit((unsigned char)p[3]) && p[4] == ' ') {
		c.year = (p[0] - '0') * 1000 + (p[1] - '0') * 100 + (p[2] - '0') * 10 + p[3] - '0';
		p += 5;
	}
	for (int i = 0; i < 8; i++)
		if (i % 3 == 2 ? p[i] != ':' : !isdigit((unsigned char)p[i]))
			return 0;
	c.hour = (p[0] - '0') * 10 + p[1] - '0';
	c.minute = (p[3] - '0') * 10 + p[4] - '0';
	c.second = (p[6] - '0') * 10 + p[7] - '0';
	if (c.day < 1 || c.day > 31 || c.hour > 23 || c.minute > 59 || c.second > 60)
		return 0;
	p += 8;
	if (p < end && *p == '.') {
		for (int i = 0, unit = 100; p + 1 < end && isdigit((unsigned char)p[1]); i++, p++, unit /= 10)
			c.ms += i < 3 ? (p[1] - '0') * unit : 0;
		p++;
	}
	if (p < end && *p == ':')                       /* Cisco */
		p++;
	if (p < end && *p != ' ')
		return 0;
	clock = time_now();
	if (c.year)
		*ms = zone_to_utc(formats_settings.zone, time_of_civil(&c));
	else {
		time_civil(clock + zone_offset(formats_settings.zone, clock), &now);
		for (c.year = now.year + 1; ; c.year--) {
			struct civil back;
			int64_t local = time_of_civil(&c);

			time_civil(local, &back);               /* 29 February is not in each year */
			*ms = zone_to_utc(formats_settings.zone, local);
			if ((*ms <= clock + AHEAD && (back.day == c.day || c.second == 60)) || c.year < now.year - 8)
				break;
		}
	}
	rest->p = p;
	rest->n = (size_t)(end - p);
	while (rest->n && *rest->p == ' ')
		rest->p++, rest->n--;
	return 1;
}

/* `[id name="value" …]…` or `-`: what lies before the message. */
static int
structured(struct str *rest, struct str *data)
{
	size_t i = 0;

	if (rest->n && rest->p[0] == '-')
		i = 1;
	while (i < rest->n && rest->p[i] == '[') {
		int in_text = 0;

		for (i++; i < rest->n && (in_text || rest->p[i] != ']'); i++)
			if (rest->p[i] == '\\' && in_text)
				i++;
			else if (rest->p[i] == '"')
				in_text = !in_text;
		if (i >= rest->n)
			return 0;
		i++;
	}
	if (!i || (i < rest->n && rest->p[i] != ' '))
		return 0;
	*data = (struct str){ rest->p, rest->p[0] == '-' ? 0 : i };
	i += i < rest->n;
	rest->p += i;
	rest->n -= i;
	*rest = str_unmarked(*rest);
	return 1;
}

/* NULL, or what is wrong. */
static const char *
parts(struct str line, struct message *m)
{
	struct str rest = line, word;

	memset(m, 0, sizeof(*m));
	m->priority = -1;
	m->time = TIME_NONE;
	if (rest.n && rest.p[0] == '<') {
		size_t i = 1;
		int value = 0;

		while (i < rest.n && i < 4 && isdigit((unsigned char)rest.p[i]))
			value = value * 10 + rest.p[i++] - '0';
		if (i == 1 || i >= rest.n || rest.p[i] != '>' || value > 191)
			return "the priority is none, like <34>";
		m->priority = value;
		rest.p += i + 1;
		rest.n -= i + 1;
		if (rest.n > 2 && rest.p[0] == '1' && rest.p[1] == ' ') {       /* RFC 5424 */
			rest.p += 2;
			rest.n -= 2;
			if (!token(&rest, &word) || (absent(word).p && time_parse_rfc3339(word, &m->time)))
				return "the time is none";
			if (!token(&rest, &m->host) || !token(&rest, &m->app) || !token(&rest, &m->pid) || !token(&rest, &m->msgid))
				return "host, app, process or message id is missing";
			m->host = absent(m->host);
			m->app = absent(m->app);
			m->pid = absent(m->pid);
			m->msgid = absent(m->msgid);
			if (!structured(&rest, &m->data))
				return "the structured data is none, like - or [id name=\"value\"]";
			m->text = rest;
			return NULL;
		}
	}
	if (!old_time(&rest, &m->time)) {
		struct str saved = rest;

		if (!token(&rest, &word) || word.n < 19 || word.p[10] != 'T' || time_parse_rfc3339(word, &m->time)) {
			if (m->priority < 0)
				return "no time like Oct 11 22:14:15 or 2026-10-11T22:14:15Z";
			rest = saved;                           /* RFC 3164 allows just a message */
			tag(&rest, m);
			m->text = rest;
			return NULL;
		}
	}
	tag(&rest, m);
	if (!m->app.p) {
		if (!token(&rest, &m->host))
			return "no host behind the time";
		while (rest.n && rest.p[0] == ' ')
			rest.p++, rest.n--;
		tag(&rest, m);
	}
	m->text = rest;
	return NULL;
}

static void
unescape(struct str text, struct buf *to)       /* \" \\ \] */
{
	buf_clear(to);
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '\\' && i + 1 < text.n && strchr("\"\\]", text.p[i + 1] ? text.p[i + 1] : 'x'))
			i++;
		buf_byte(to, text.p[i]);
	}
}

/* A key of an object of its own: unique within `of`. */
static void
inner_key(struct formats_state *s, struct str of, struct str key)
{
	int n = 1;

	do {
		buf_clear(&s->scratch2);
		buf_str(&s->scratch2, of);
		buf_byte(&s->scratch2, '\n');
		buf_str(&s->scratch2, key);
		if (n > 1)
			buf_printf(&s->scratch2, "_%d", n);
		n++;
	} while (!formats_is_new(s, buf_get(&s->scratch2)));
	if (s->json.p[s->json.n - 1] != '{')
		buf_byte(&s->json, ',');
	json_put_key(&s->json, (struct str){ s->scratch2.p + of.n + 1, s->scratch2.n - of.n - 1 });
}

static int
put_structured(struct formats_state *s, struct str data)
{
	const char *p = data.p, *end = p + data.n;

	formats_key(s, STR("structured_data"));
	buf_byte(&s->json, '{');
	while (p < end && *p == '[') {
		struct str id, name, value;

		for (id.p = ++p; p < end && *p != ' ' && *p != ']'; p++)
			;
		id.n = (size_t)(p - id.p);
		if (!id.n)
			return 0;
		inner_key(s, STR("["), id);
		buf_byte(&s->json, '{');
		while (p < end && *p == ' ') {
			for (name.p = ++p; p < end && *p != '=' && *p != ']' && *p != ' ' && *p != '"'; p++)
				;
			name.n = (size_t)(p - name.p);
			if (end - p < 2 || !name.n || p[0] != '=' || p[1] != '"')
				return 0;
			for (value.p = p += 2; p < end && *p != '"'; p++)
				p += *p == '\\' && p + 1 < end;
			if (p >= end)
				return 0;
			value.n = (size_t)(p - value.p);
			p++;
			inner_key(s, id, name);
			unescape(value, &s->scratch);
			json_put_string(&s->json, buf_get(&s->scratch));
		}
		if (p >= end || *p != ']')
			return 0;
		p++;
		buf_byte(&s->json, '}');
	}
	buf_byte(&s->json, '}');
	return p == end;
}

static int
next(void *self, struct record *r, struct err *err)
{
	struct formats_state *s = self;
	struct message m;
	struct str line;
	const char *wrong;
	int rc;

	if ((rc = formats_line(s, r, &line, err)) != IN_LINE)
		return rc;
	if ((wrong = parts(line, &m)))
		return err_set(err, ERR_INPUT, "%s", wrong);
	formats_begin(s);
	if (!formats_settings.unnamed)
		formats_event(s, m.app.n ? m.app : STR("syslog"));
	formats_time(s, m.time);
	formats_properties(s);
	if (m.priority >= 0) {
		formats_text(s, "facility", str_of(facilities[m.priority >> 3]));
		formats_text(s, "severity", str_of(severities[m.priority & 7]));
	}
	formats_text(s, "host", m.host);
	formats_text(s, "app", m.app);
	if (m.pid.n) {
		formats_key(s, STR("pid"));
		formats_scalar(s, m.pid);
	}
	formats_text(s, "msgid", m.msgid);
	if (m.data.n && !put_structured(s, m.data))
		return err_col(err, m.data.p - line.p + 1, ERR_INPUT, "the structured data is none, like [id name=\"value\"]");
	formats_text(s, "message", m.text);
	formats_end(s, r, 2);
	return IN_LINE;
}

static int
fits(struct str line)
{
	struct message m;

	return !parts(line, &m) && (m.time != TIME_NONE || m.app.n);
}

static int
looks(struct str head, const char *file)
{
	int share = formats_share(head, fits);

	(void)file;
	return share >= 50 ? 88 : 0;
}

const struct format formats_syslog = {
	"syslog", "RFC 3164, RFC 5424 and the files of syslog daemons", looks, formats_open, next, formats_close
};
