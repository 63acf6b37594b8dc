/* rules.c - at-admin stats rules: how much alert rules say, the noisiest first. */
#include <stdlib.h>

#include "alert/noise.h"
#include "at-admin.h"
#include "base/cmd.h"
#include "base/mem.h"
#include "base/time.h"

struct line { struct noise_of of; size_t state, state_n, alert, alert_n, id, id_n; };   /* its texts lie in `text` */
struct listing { struct line *line; size_t n, cap; struct buf text; };

static size_t
keep(struct buf *text, struct str s)
{
	size_t at = text->n;

	buf_str(text, s);
	return at;
}

static int
take(void *self, const struct noise_of *of)
{
	struct listing *l = self;

	if (l->n == l->cap)
		l->line = mem_grow(l->line, l->cap = l->cap ? 2 * l->cap : 64, sizeof(*l->line));
	l->line[l->n++] = (struct line){ *of, keep(&l->text, of->state), of->state.n, keep(&l->text, of->alert), of->alert.n, keep(&l->text, of->id), of->id.n };
	return 0;
}

static int
by_noise(const void *a, const void *b)
{
	const struct noise_of *x = &((const struct line *)a)->of, *y = &((const struct line *)b)->of;
	int order;

	if (x->noisy != y->noisy)
		return y->noisy - x->noisy;
	if (x->a_day != y->a_day)
		return x->a_day > y->a_day ? -1 : 1;
	if ((order = str_cmp(x->alert, y->alert)) || (order = str_cmp(x->id, y->id)))
		return order;
	return str_cmp(x->state, y->state);
}

static void
put_one(const char *tenant, const struct noise_of *of, int rows)
{
	struct buf b = { 0 };

	if (rows) {
		buf_lit(&b, "{\"alert\":");
		json_put_string(&b, of->alert);
		buf_lit(&b, ",\"id\":");
		json_put_string(&b, of->id);
		buf_lit(&b, ",\"state\":");
		json_put_string(&b, of->state);
		buf_byte(&b, ',');
		noise_put(&b, of);
		buf_byte(&b, '}');
		put_row_of(tenant, buf_get(&b));
	} else {
		if (want.all)
			put_column(str_of(tenant), 16);
		buf_printf(&b, "%.1f a day", of->a_day);
		put_column(buf_get(&b), 14);
		buf_clear(&b);
		buf_printf(&b, "%lld in 7 days, %lld damped", (long long)of->firings, (long long)of->damped);
		put_column(buf_get(&b), 32);
		put_column(str_of(of->noisy ? "noisy" : ""), 6);
		put_column(of->state, 12);
		put_column(of->alert, 0);
		buf_byte(say(), '\n');
	}
	buf_release(&b);
}

static int
list(struct store *s, const char *name, struct err *err)
{
	struct listing l = { 0 };
	int rows, rc = as_rows(err, &rows) ? err->code : noise_each(s, time_now(), take, &l, err);

	for (size_t i = 0; i < l.n; i++) {
		struct line *at = &l.line[i];

		at->of.state = (struct str){ l.text.p + at->state, at->state_n };
		at->of.alert = (struct str){ l.text.p + at->alert, at->alert_n };
		at->of.id = (struct str){ l.text.p + at->id, at->id_n };
	}
	if (l.n && rc >= 0)
		qsort(l.line, l.n, sizeof(*l.line), by_noise);
	for (size_t i = 0; i < l.n && rc >= 0; i++)
		put_one(name, &l.line[i].of, rows);
	free(l.line);
	buf_release(&l.text);
	return rc < 0 ? rc : 0;
}

int
stats_rules(struct err *err)
{
	return on_tenants(list, STORE_READ, err);
}
