#include "store/batch_samples.h"

#include <math.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/mem.h"

#define ROWS 65536              /* of a batch at most */

struct batch_samples {
	struct store_samples *from;
	struct store_run run;           /* what has been read and not given out */
	size_t at;
	int64_t *time;
	double *value;
	uint64_t *valid;
	int missing;                    /* values that are not numbers, which SQL has as NULL */
	size_t taken;                   /* of the batch: store_samples_taken */
	uint64_t first, piece;          /* the series that the last batch began with, and how many did */
	struct stretch { const struct store_sample *series; size_t rows; } *stretch;
	size_t n, cap, rows;
	struct texts { uint32_t *code; struct cell *cell; size_t cap; } *texts;         /* by field */
	int n_fields;
	struct err failed;              /* told by the next call */
	struct arena *arena;            /* labels, of this batch */
	struct buf scratch;
};

struct batch_samples *
batch_samples_new(struct store_samples *shared, int n_fields)
{
	struct batch_samples *b = mem_new(sizeof(*b));

	b->from = store_samples_share(shared);
	b->time = mem_grow(NULL, ROWS, sizeof(*b->time));
	b->value = mem_grow(NULL, ROWS, sizeof(*b->value));
	b->valid = mem_grow(NULL, ROWS / 64, sizeof(*b->valid));
	b->texts = mem_new(((size_t)n_fields + 1) * sizeof(*b->texts));
	b->n_fields = n_fields;
	b->arena = arena_new(0);
	return b;
}

void
batch_samples_free(struct batch_samples *b)
{
	if (!b)
		return;
	for (int i = 0; i < b->n_fields; i++)
		free(b->texts[i].code), free(b->texts[i].cell);
	free(b->texts), free(b->stretch);
	free(b->time), free(b->value), free(b->valid);
	store_samples_close(b->from);
	arena_free(b->arena);
	buf_release(&b->scratch);
	free(b);
}

/* Rows of the run at hand into the batch, as many as it takes. Bound by memory, 2 ns each. */
static void
take_rows(struct batch_samples *b, struct store_batch *batch)
{
	size_t n = b->run.n - b->at < ROWS - b->rows ? b->run.n - b->at : ROWS - b->rows;
	const double *value = b->run.value + b->at;

	if (b->n == b->cap)
		b->stretch = mem_grow(b->stretch, b->cap = b->cap ? 2 * b->cap : 64, sizeof(*b->stretch));
	b->stretch[b->n++] = (struct stretch){ b->run.series, n };
	memcpy(b->time + b->rows, b->run.time + b->at, n * sizeof(*b->time));
	memcpy(b->value + b->rows, value, n * sizeof(*b->value));
	for (size_t i = 0; i < n; i++)
		b->missing |= isnan(value[i]) != 0;
	if (b->rows == 0 || b->time[b->rows] < batch->min_time)
		batch->min_time = b->time[b->rows];
	if (b->rows == 0 || b->time[b->rows + n - 1] > batch->max_time)
		batch->max_time = b->time[b->rows + n - 1];
	b->rows += n;
	b->at += n;
}

int
batch_samples_next(struct batch_samples *b, struct store_batch *batch, struct err *err)
{
	int rc = 1;

	*batch = (struct store_batch){ 0 };
	if (b->failed.code) {
		*err = b->failed;
		err_clear(&b->failed);
		return err->code;
	}
	b->rows = b->n = 0;
	b->missing = 0;
	arena_reset(b->arena);
	while (b->rows < ROWS) {
		if (b->at == b->run.n) {
			b->run.n = b->at = 0;
			if ((rc = store_samples_next(b->from, &b->run, err)) <= 0)
				break;
		}
		if (b->rows && b->taken != store_samples_taken(b->from))        /* others have the series in between */
			break;
		b->taken = store_samples_taken(b->from);
		if (b->rows == 0) {             /* ids rise with the order of the samples */
			b->piece = b->first == b->run.number + 1 ? b->piece + 1 : 0;
			b->first = b->run.number + 1;
			batch->id = b->first << 24 | b->piece;
		}
		take_rows(b, batch);
	}
	batch->n = b->rows;
	if (rc < 0 && b->rows) {                /* what was read before comes first */
		b->failed = *err;
		err_clear(err);
	}
	return b->rows ? 1 : rc;
}

/* ---- columns */

static struct cell
value_of(struct batch_samples *b, const struct store_sample *series, const struct store_field *field)
{
	struct cell v;

	switch (field->of) {
	case FIELD_EVENT:
		return cell_text(series->metric);
	case FIELD_OF_METRIC:
		return cell_text(series->field);
	case FIELD_PROPERTIES:
		return cell_text(series->labels);
	default:
		v = cell_of_json(json_get(json_value(series->labels), field->name), &b->scratch);
		if (v.type == CELL_TEXT)
			v.text.p = arena_dup(b->arena, v.text.p, v.text.n);
		return v;
	}
}

static int
is_same(const struct cell *a, const struct cell *b)
{
	return a->type == b->type && (a->type == CELL_NULL || (a->type == CELL_TEXT ? str_eq(a->text, b->text) :
	    a->type == CELL_INTEGER ? a->integer == b->integer : a->real == b->real));
}

static void
texts_column(struct batch_samples *b, const struct store_field *field, struct texts *t, struct column *column)
{
	uint32_t n = 1;
	size_t row = 0;

	if (!t->code)
		t->code = mem_grow(NULL, ROWS, sizeof(*t->code));
	if (b->n + 1 > t->cap)
		t->cell = mem_grow(t->cell, t->cap = 2 * b->n + 1, sizeof(*t->cell));
	t->cell[0] = cell_null();
	for (size_t i = 0; i < b->n; i++) {
		struct cell v = value_of(b, b->stretch[i].series, field);
		uint32_t code = 0;

		if (v.type != CELL_NULL && n > 1 && is_same(&v, &t->cell[n - 1]))
			code = n - 1;
		else if (v.type != CELL_NULL)
			t->cell[code = n++] = v;
		for (size_t end = row + b->stretch[i].rows; row < end; row++)
			t->code[row] = code;
	}
	*column = (struct column){ .form = COLUMN_CODES, .code = t->code, .value = t->cell, .n_values = n };
}

static const uint64_t *
valid_values(struct batch_samples *b)
{
	if (!b->missing)
		return NULL;
	memset(b->valid, 0, (b->rows + 63) / 64 * sizeof(*b->valid));
	for (size_t i = 0; i < b->rows; i++)
		b->valid[i / 64] |= (uint64_t)!isnan(b->value[i]) << (i % 64);
	return b->valid;
}

void
batch_samples_column(struct batch_samples *b, const struct store_field *field, int at, struct column *column)
{
	switch (field->of) {
	case FIELD_TIME:
		*column = (struct column){ .form = COLUMN_INTEGER, .integer = b->time };
		return;
	case FIELD_VALUE:
		*column = (struct column){ .form = COLUMN_REAL, .real = b->value, .valid = valid_values(b) };
		return;
	default:
		texts_column(b, field, &b->texts[at], column);
	}
}
