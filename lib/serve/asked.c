/* asked.c - who read what, for the audit, where serve.audit.queries is true.
 *
 *      {"action":"query","object":"POST /api/v1/query SELECT count(*) FROM events WHERE user_id = ?","result":"ok","rows":1,…}
 *
 * Told on the loop when the answer is on its way: it goes into a bounded queue and is committed with others (auth/later.c), so that a read
 * waits for no disk. The trail cannot forget, so what may be personal stays out of it: values in a statement are ?, comments are left
 * out, and of parameters those that name people or values. A question in English stays as it was asked, but for what stands in quotes,
 * addresses and long numbers.
 */
#include <stdio.h>

#include "auth/audit.h"
#include "query/token.h"
#include "serve/serve_priv.h"

#define TEXT_MOST   500                 /* bytes of a statement */
#define OBJECT_MOST 1000                /* bytes of all that is said of one, since many may wait */
#define DIGITS      5                   /* in a row, in words: somebody's number */

static int
is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || (c & 0x80);
}

/* Behind the quote that ends what begins at p; a double one stands for itself. */
static const char *
behind_quote(const char *p, const char *end)
{
	char quote = *p;

	for (p++; p < end; p++)
		if (*p == quote && !(p + 1 < end && p[1] == quote))
			return p + 1;
		else if (*p == quote)
			p++;
	return end;
}

/* A statement, behind something: texts, numbers and blobs are ?, names stay. It is cut as the engine cuts it, so that nothing is taken for a name
 * that is none; from where that cannot be done on all is one ?. */
static void
put_statement(struct buf *b, struct str sql)
{
	size_t most = b->n + TEXT_MOST, at = 0, end = 0;
	struct token token;
	struct err err = { 0 };
	int rc = 0;

	while (b->n < most && (rc = token_next(sql, &at, &token, &err)) > 0) {
		if (token.at > end && end)
			buf_byte(b, ' ');
		if (token.kind == TOKEN_STRING || token.kind == TOKEN_NUMBER)
			buf_byte(b, '?');
		else
			buf_str(b, token.text);
		end = at;
	}
	if (rc < 0)
		buf_lit(b, " ?");
	else if (rc > 0 && at < sql.n)
		buf_lit(b, "…");
}

/* Where a word ends; *private when it says who: it has an @, or many digits. */
static const char *
behind_word(const char *p, const char *end, int *private)
{
	int digits = 0;

	for (*private = 0; p < end && (is_word(*p) || strchr("@.+-", *p)); p++) {
		digits = *p >= '0' && *p <= '9' ? digits + 1 : 0;
		*private |= *p == '@' || digits >= DIGITS;
	}
	return p;
}

/* Words, and the small languages that are made of names: what stands in quotes is ?, and what says who. */
static void
put_words(struct buf *b, struct str text)
{
	const char *p = text.p, *end = p + text.n, *from;
	size_t most = b->n + TEXT_MOST;
	int private;

	while (p < end && b->n < most) {
		from = p;
		if ((*p == '"' || *p == '`' || *p == '\'') && (p == text.p || !is_word(p[-1]))) {
			p = behind_quote(p, end);
			buf_byte(b, '?');
		} else if (is_word(*p) || *p == '@') {
			p = behind_word(p, end, &private);
			if (private)
				buf_byte(b, '?');
			else
				buf_add(b, from, (size_t)(p - from));
		} else {
			buf_byte(b, *p++);
		}
	}
	if (p < end)
		buf_lit(b, "…");
}

/* Times are no persons: what a parameter of that type says stays. */
static void
put_params(struct buf *b, const struct exchange *ex)
{
	static const char *const named[] = { "user", "session", "filters", "lastEventId" };
	char mark = '?';

	for (const struct route_param *p = ex->route->params; p && p->name; p++) {
		struct str value = exchange_param(ex, p->name);
		int is_private = 0;

		if (!value.n || strcmp(p->name, "cursor") == 0)
			continue;
		for (size_t i = 0; i < sizeof(named) / sizeof(*named); i++)
			is_private |= strcmp(p->name, named[i]) == 0;
		buf_byte(b, mark);
		mark = '&';
		buf_lit(b, p->name);
		buf_byte(b, '=');
		if (is_private)
			buf_byte(b, '?');
		else if (strcmp(p->name, "timeRange") == 0 || strcmp(p->type, "string") != 0)
			buf_add(b, value.p, value.n > 200 ? 200 : value.n);
		else
			put_words(b, value);
	}
}

/* The queue is bounded: what finds it full is counted, and the trail itself says how much it lacks. */
static void
tell(struct serve *s, struct audit_entry e)
{
	e.object.n = e.object.n < OBJECT_MOST ? e.object.n : OBJECT_MOST;
	if (audit_later_read(s->auth, &e))
		figures_add(&figures_part(s->figures, s->worker)->audit_lost, 1);
}

void
serve_asked_tell(const struct serve_call *c)
{
	const struct exchange *ex = &c->ex;
	int is_denied = c->status == 403, ok = c->status > 0 && c->status < 400 && !c->is_cut;
	struct str who;
	struct buf object = { 0 };
	char rows[24];

	if (!c->setup->audit_queries || !ex->route || !ex->route->reads || !ex->who || c->is_refused)
		return;
	/* of a link it is not known who has it; its maker's name would tell the wrong one */
	who = str_starts(str_of(ex->route->path), STR("/api/v1/shared/")) ? STR("a shared link") : ex->who->name;
	buf_str(&object, http_method(ex->request));
	buf_byte(&object, ' ');
	buf_str(&object, http_path(ex->request));
	if (!ex->params.p)
		put_params(&object, ex);
	if (who.p != ex->who->name.p) {
		buf_lit(&object, " of ");
		buf_str(&object, ex->who->id);
	}
	if (ex->asked.n) {
		buf_byte(&object, ' ');
		(ex->asked_in_words ? put_words : put_statement)(&object, ex->asked);
	}
	snprintf(rows, sizeof(rows), "%lld", (long long)ex->rows);
	tell(ex->serve, (struct audit_entry){ .tenant = ex->who->tenant, .who = who, .from = str_of(http_client(ex->request)), .action = STR("query"),
	    .object = buf_get(&object), .result = ok ? STR("ok") : is_denied ? STR("denied") : STR("failed"), .request = str_of(ex->id), .rows = ok || ex->rows ? str_of(rows) : (struct str){ 0 } });
	buf_release(&object);
}

int
serve_asked_live(struct serve *s, const struct principal *who, const char *from, const char *action, const char *kind, struct str name, int rc, int64_t rows)
{
	struct serve_setup *setup = serve_setup_now(s);
	struct buf object = { 0 };
	char text[24];
	int told = setup->audit_queries && who;

	if (told) {
		buf_lit(&object, kind);
		if (name.n) {
			buf_byte(&object, ' ');
			put_words(&object, name);
		}
		snprintf(text, sizeof(text), "%lld", (long long)rows);
		tell(s, (struct audit_entry){ .tenant = who->tenant, .who = who->name, .from = str_of(from), .action = str_of(action), .object = buf_get(&object),
		    .result = rc == 0 ? STR("ok") : rc == ERR_DENIED ? STR("denied") : STR("failed"), .rows = rows < 0 ? (struct str){ 0 } : str_of(text) });
	}
	buf_release(&object);
	serve_setup_free(setup);
	return told;
}
