/* batch_samples.h - stored samples by columns: what batch.c gives where it was opened on them.
 *
 * A batch has the samples of one series after the other, each in order of time. What a series says is the same for all its rows, so metric,
 * field and labels are codes that cost a text a series.
 */
#ifndef STORE_BATCH_SAMPLES_H
#define STORE_BATCH_SAMPLES_H

#include "store/batch.h"

struct batch_samples;                   /* of one reader */
struct batch_samples *batch_samples_new(struct store_samples *shared, int n_fields);
void batch_samples_free(struct batch_samples *);
int batch_samples_next(struct batch_samples *, struct store_batch *, struct err *);     /* as store_batch_next */
void batch_samples_column(struct batch_samples *, const struct store_field *, int field, struct column *);

#endif
