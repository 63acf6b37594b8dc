/* The queries of the bench as plans, without SQL:  vector STORE [ROUNDS [QUERY]]  (build/bench/vector; AT_THREADS bounds the cores)
 * Prints for each the fastest round in ms, its processor time over all threads, the rows of the answer, and what was read. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/mem.h"
#include "base/time.h"
#include "query/query.h"
#include "query/vector.h"

enum { EVENT, TIME, USER, SOURCE, PAGE, COUNTRY, DURATION, CAMPAIGN, REVENUE, REFERRER, FIELDS };
static const struct store_field fields[FIELDS] = { { FIELD_EVENT }, { FIELD_TIME }, { FIELD_USER }, { FIELD_PROPERTY, STR("source") }, { FIELD_PROPERTY, STR("page") },
	{ FIELD_PROPERTY, STR("country") }, { FIELD_PROPERTY, STR("duration_ms") }, { FIELD_PROPERTY, STR("utm_campaign") }, { FIELD_PROPERTY, STR("revenue") },
	{ FIELD_PROPERTY, STR("referrer") } };
static struct vector_expr field[FIELDS], null = { .op = VECTOR_CONSTANT }, page_view = { .op = VECTOR_CONSTANT, .constant = { .type = CELL_TEXT, .text = STR("page_view") } };
static struct vector_expr invoice = { .op = VECTOR_CONSTANT, .constant = { .type = CELL_TEXT, .text = STR("%invoice%") } };
static struct vector_expr *page_views[] = { &field[EVENT], &page_view }, *no_revenue[] = { &field[REVENUE], &null }, *invoices[] = { &field[REFERRER], &invoice };
static struct vector_expr minute = { .op = VECTOR_TIME, .field = TIME, .sql = STR("date_trunc('minute', ?1)"), .every_ms = 60000 },
	day = { .op = VECTOR_TIME, .field = TIME, .sql = STR("date(?1)"), .every_ms = 86400000 },
	is_page_view = { .op = VECTOR_EQ, .n_args = 2, .arg = page_views }, has_revenue = { .op = VECTOR_IS_NOT, .n_args = 2, .arg = no_revenue },
	has_invoice = { .op = VECTOR_LIKE, .n_args = 2, .arg = invoices };

#define KEYS(...) .grouped = 1, .key = (struct vector_expr *[]){ __VA_ARGS__ }, .n_keys = sizeof((struct vector_expr *[]){ __VA_ARGS__ }) / sizeof(struct vector_expr *)
#define AGGREGATES(...) .aggregate = (struct vector_aggregate[]){ __VA_ARGS__ }, .n_aggregates = sizeof((struct vector_aggregate[]){ __VA_ARGS__ }) / sizeof(struct vector_aggregate)
#define ROWS { .of = AGGREGATE_ROWS }
#define ALWAYS .range = { .from = TIME_MIN, .to = TIME_MAX + 1 }, .limit = -1

static int64_t
cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int
main(int argc, char **argv)
{
	const struct query_spec spec = { .store = argc > 1 ? argv[1] : "", .tenant = "default", .memory = 2LL << 30 };
	struct str user = STR("u773345");
	struct vector_plan plans[] = {
		{ ALWAYS, .grouped = 1, AGGREGATES(ROWS) },
		{ .limit = -1, .range = { .from = 1795474800000, .to = TIME_MAX + 1 }, .grouped = 1, .where = &is_page_view, AGGREGATES(ROWS) },
		{ ALWAYS, KEYS(&field[EVENT]), AGGREGATES(ROWS) },
		{ .limit = -1, .range = { .from = 1795392000000, .to = TIME_MAX + 1 }, KEYS(&minute, &field[SOURCE]), AGGREGATES(ROWS) },
		{ ALWAYS, .where = &is_page_view, KEYS(&field[PAGE]), AGGREGATES(ROWS) },
		{ ALWAYS, KEYS(&day), AGGREGATES({ .of = AGGREGATE_COUNT, .arg = &field[USER], .distinct = 1 }) },
		{ ALWAYS, KEYS(&field[COUNTRY]), AGGREGATES({ .of = AGGREGATE_COUNT, .arg = &field[DURATION] }, { .of = AGGREGATE_QUANTILE_CONT, .arg = &field[DURATION], .share = 0.5 },
			{ .of = AGGREGATE_QUANTILE_CONT, .arg = &field[DURATION], .share = 0.95 }, { .of = AGGREGATE_QUANTILE_CONT, .arg = &field[DURATION], .share = 0.99 }) },
		{ ALWAYS, .where = &has_revenue, KEYS(&field[CAMPAIGN]), AGGREGATES({ .of = AGGREGATE_SUM, .arg = &field[REVENUE] }, ROWS) },
		{ ALWAYS, KEYS(&field[USER], &day), .aggregate = NULL },
		{ ALWAYS, KEYS(&field[USER]), AGGREGATES(ROWS) },
		{ ALWAYS, .where = &has_invoice, KEYS(&field[COUNTRY]), AGGREGATES(ROWS) },
		{ .limit = -1, .range = { .from = TIME_MIN, .to = TIME_MAX + 1, .user_id = user }, .key = (struct vector_expr *[]){ &field[TIME], &field[EVENT], &field[PAGE] }, .n_keys = 3 },
	};
	int rounds = argc > 2 ? atoi(argv[2]) : 3, only = argc > 3 ? atoi(argv[3]) : 0;
	struct err err = { 0 };
	struct query *q = query_open(&spec, &err);

	for (int i = 0; i < FIELDS; i++)
		field[i] = (struct vector_expr){ .op = VECTOR_FIELD, .field = i };
	for (int i = 0; q && i < (int)(sizeof(plans) / sizeof(*plans)) && !err.code; i++) {
		int64_t best = INT64_MAX, cpu = INT64_MAX;
		struct vector_result *r = NULL;
		struct buf read = { 0 };

		if (only && only != i + 1)
			continue;
		memcpy(plans[i].field, fields, sizeof(fields));
		plans[i].n_fields = FIELDS;
		for (int k = 0; k < rounds && !err.code; k++) {
			int64_t began = time_mono_ns(), cpu_began = cpu_ns(), took;

			vector_result_free(r);
			r = vector_run(q, &plans[i], &err);
			took = time_mono_ns() - began;
			best = took < best ? took : best;
			took = cpu_ns() - cpu_began;
			cpu = took < cpu ? took : cpu;
		}
		if (r)
			vector_result_explain(r, &read);
		if (r)
			printf("Q%-2d %8.1f ms %8.1f ms cpu %9lld rows   %s\n", i + 1, (double)best / 1e6, (double)cpu / 1e6, (long long)vector_result_rows(r), buf_text(&read));
		vector_result_free(r);
		buf_release(&read);
	}
	if (err.code)
		fprintf(stderr, "%s\n", err.text);
	query_close(q);
	return err.code != 0;
}
