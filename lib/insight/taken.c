#include "insight/taken.h"

#include "base/time.h"

struct look { struct str wanted; int best, found; };

static const char *const usual[] = { "item_id", "product_id", "sku", "item", "product", "content_id", "article_id", "video_id", "movie_id", "song_id", "listing_id", "page" };
#define USUAL ((int)(sizeof(usual) / sizeof(*usual)))

static int
see_column(void *self, struct str name, struct err *err)
{
	struct look *l = self;

	(void)err;
	l->found |= l->wanted.p && str_eq(name, l->wanted);
	for (int i = 0; i < l->best; i++)
		if (str_eq(name, str_of(usual[i])))
			l->best = i;
	return 0;
}

int
taken_field(struct query *q, struct str field, struct buf *name, struct err *err)
{
	struct look look = { .wanted = field, .best = USUAL };
	int rc = query_each_column(q, "events", see_column, &look, err);

	if (rc)
		return rc;
	if (field.p && (!look.found || memchr(field.p, '"', field.n)))
		return err_set(err, ERR_USAGE, "--by: events have no property '%.*s'", field.n > 80 ? 80 : (int)field.n, field.p);
	if (!field.p && look.best == USUAL)
		return err_set(err, ERR_USAGE, "which property holds the item?  Say it by --by, product_id is not there");
	buf_str(name, field.p ? field : str_of(usual[look.best]));
	return 0;
}

struct adding { struct recommend *to; struct buf text; };

static int
take_pair(void *self, const struct cell *cells, int n, struct err *err)
{
	struct adding *a = self;
	struct str item = cells[1].text;

	(void)n;
	if (cells[0].type != CELL_TEXT || cells[1].type == CELL_NULL)
		return 0;
	if (cells[1].type != CELL_TEXT) {
		buf_clear(&a->text);
		cell_put_json(&a->text, &cells[1]);
		item = buf_get(&a->text);
	}
	return recommend_add(a->to, cells[0].text, item, cells[2].type == CELL_REAL ? cells[2].real : (double)cells[2].integer, err);
}

int
taken_add(struct query *q, struct str field, int64_t from, int64_t to, struct recommend *r, struct err *err)
{
	struct adding adding = { .to = r };
	const struct query_sink sink = { NULL, take_pair, &adding };
	char since[TIME_LEN], until[TIME_LEN];
	const struct query_param params[] = { { STR("from"), { since, TIME_LEN } }, { STR("to"), { until, TIME_LEN } } };
	struct buf sql = {0};
	size_t at = 0;
	int rc;

	time_print(from, since);
	time_print(to, until);
	buf_printf(&sql, "SELECT user_id, \"%.*s\", SUM(CASE WHEN event IN ('purchase', 'order', 'buy', 'order_completed', 'checkout_completed') THEN 4 ELSE 1 END) FROM events "
	    "WHERE user_id IS NOT NULL AND \"%.*s\" IS NOT NULL AND timestamp >= :from AND timestamp < :to GROUP BY 1, 2", STR_FMT(field), STR_FMT(field));
	rc = query_run(q, buf_get(&sql), &at, params, 2, &sink, err);
	buf_release(&sql);
	buf_release(&adding.text);
	return rc < 0 ? rc : 0;
}
