/* samples.h - a piece of a series: samples in order of time, packed.
 *
 *      byte 0 · byte 2 · varint n · signed first time · varint last less first · times · byte scale · values ·
 *      varint exceptions, each varint step of place · 8 bytes ·
 *      byte 0, or byte 1 and the states: for each sample varint 0 or length + 1, then all their bytes, packed as bytes
 *
 * Times and values are columns of planes.h. Scale k <= 18: the values are integers times 10^-k, and what is none (not a
 * number, infinite, -0, of too many digits) is an exception and stands as 8 bytes (little-endian IEEE 754), its integer being
 * the one before. Scale 255: most are none, so the integers are all values' bits, put so that their order is that of
 * the values. Either way every value comes back bit for bit.
 *
 * The older form 1, which is still read (no piece of it begins with a byte 0):
 *
 *      varint n · byte form · signed first time · for each further one: signed (step - step before) ·
 *      values · byte 1 when there are states, then for each sample 0 or length + 1 and the bytes
 *
 * Form 0: 8 bytes a value. Form 1 + k: value × 10^k as an integer, signed difference to the one before.
 */
#ifndef STORE_SAMPLES_H
#define STORE_SAMPLES_H

#include "base/arena.h"
#include "base/err.h"
#include "store/planes.h"

#define SAMPLES_MOST PLANES_MOST          /* of a piece that is read */

struct samples {                        /* zero-initialised is empty and ready */
	int64_t *time;                  /* rising */
	double *value;
	struct str *state;              /* p NULL: none; all NULL while n_states is 0 */
	size_t n, cap, n_states;
	struct arena *texts;            /* of the states that were unpacked */
};
void samples_release(struct samples *);
void samples_clear(struct samples *);                           /* empty, keep the memory */
void samples_room(struct samples *, size_t more);
void samples_add(struct samples *, int64_t time, double value, struct str state);       /* the state is borrowed */

struct samples_coder {                  /* zero-initialised is ready; one a thread */
	struct planes_coder planes;
	int64_t *whole;
	struct buf text, odd;
};
void samples_coder_release(struct samples_coder *);

/* Samples [from, from + n) of it, n <= SAMPLES_MOST. */
void samples_pack(struct samples_coder *, struct buf *, const struct samples *, size_t from, size_t n);

/* Append a piece: 1 to SAMPLES_MOST samples in rising order, their states copied. Their number, or -1 when the bytes are none. */
int samples_unpack(struct samples_coder *, struct str, struct samples *out);

/* How many there are and when, without unpacking more of it than that takes. 0 or -1. */
struct samples_head { size_t n; int64_t first, last; };
int samples_peek(struct samples_coder *, struct str, struct samples_head *);

/* A value by itself: byte scale · signed integer, or byte 255 · 8 bytes. */
void samples_put_value(struct buf *, double);
int samples_take_value(struct str *rest, double *);

#endif
