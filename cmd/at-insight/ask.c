/* ask.c - the verb ask: questions in plain English over the store. */
#include <string.h>

#include "base/cmd.h"
#include "base/in.h"
#include "base/out.h"
#include "config/config.h"
#include "insight/ask.h"

#include "at-insight.h"

static int
answer(struct ask *ask, struct str question, int json, struct err *err)
{
	struct buf *b = &out_stdout()->buf;
	struct ask_answer a = {0};
	int rc = ask_answer(ask, question, &a, err);

	if (rc == 0) {
		if (json)
			ask_put_json(b, question, &a);
		else
			buf_str(b, buf_get(&a.text));
		buf_byte(b, '\n');
		out_row(out_stdout());
		if (cmd_settings()->verbose && !json && a.sql.n) {
			cmd_say("read as %.*s", STR_FMT(buf_get(&a.understood)));
			cmd_say("%.*s", STR_FMT(buf_get(&a.sql)));
		}
	}
	ask_answer_release(&a);
	return rc;
}

static int
flush_first(void *self)
{
	(void)self;
	out_flush(out_stdout());
	return -1;
}

static int
each_line(struct ask *ask, int json, struct err *err)
{
	struct in *in = in_open("-", err);
	struct str line;
	int rc, got;

	if (!in)
		return err->code;
	in_on_wait(in, flush_first, NULL);
	for (rc = 0; rc == 0 && (got = in_line(in, &line, err)) != IN_END; )
		if (got == IN_LINE && str_trim(line).n)
			rc = answer(ask, line, json, err);
		else if (got < 0)
			rc = got;
	in_close(in);
	return rc;
}

int
ask(char **words, int n, struct err *err)
{
	const struct cmd_settings *settings = cmd_settings();
	int json = want.format && strcmp(want.format, "ndjson") == 0, from_stdin = n == 0 || (n == 1 && strcmp(words[0], "-") == 0), rc;
	struct config *config;
	struct query *query = NULL;
	struct ask *asking = NULL;
	struct buf question = {0};

	if (want.format && !json && strcmp(want.format, "text"))
		return err_set(err, ERR_USAGE, "--format: ask gives text or ndjson, not '%s'", want.format);
	if (!(config = config_open(settings->config, err)))
		return err->code;
	struct query_spec spec = { .store = settings->store, .tenant = settings->tenant, .config = config, .zone = settings->zone, .stopping = cmd_stopping };

	for (int i = 0; i < n; i++) {           /* without quotes around it, too */
		if (i)
			buf_byte(&question, ' ');
		buf_lit(&question, words[i]);
	}
	rc = (query = query_open(&spec, err)) && (asking = ask_open(query, config, err)) ? 0 : err->code;
	if (rc == 0)
		rc = from_stdin ? each_line(asking, json, err) : answer(asking, buf_get(&question), json, err);
	ask_close(asking);
	query_close(query);
	config_close(config);
	buf_release(&question);
	return rc;
}
