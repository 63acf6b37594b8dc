#include "store/samples.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "codec/varint.h"

#define FORM        2
#define EXACT       9007199254740992.0  /* 2^53: integers up to it are doubles, and so are their quotients by a power of ten, rounded once */
#define WIDE        9223372036854775808.0
#define SCALES      19
#define BITS        255
#define ODD_SHARE   32                  /* of so many values one may be an exception */
#define STATES_MOST (64u << 20)         /* bytes of a piece's states */

static const double tens[SCALES] = { 1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18 };

void
samples_release(struct samples *s)
{
	free(s->time);
	free(s->value);
	free(s->state);
	arena_free(s->texts);
	*s = (struct samples){ 0 };
}

void
samples_clear(struct samples *s)
{
	s->n = s->n_states = 0;
	if (s->texts)
		arena_reset(s->texts);
}

void
samples_room(struct samples *s, size_t more)
{
	if (s->cap - s->n >= more)
		return;
	s->cap = s->cap * 2 > s->n + more ? s->cap * 2 : s->n + more;
	s->time = mem_grow(s->time, s->cap, sizeof(*s->time));
	s->value = mem_grow(s->value, s->cap, sizeof(*s->value));
	s->state = mem_grow(s->state, s->cap, sizeof(*s->state));
}

void
samples_add(struct samples *s, int64_t time, double value, struct str state)
{
	if (s->n == s->cap)
		samples_room(s, 1);
	s->time[s->n] = time;
	s->value[s->n] = value;
	s->state[s->n++] = state;
	s->n_states += state.p != NULL;
}

void
samples_coder_release(struct samples_coder *c)
{
	planes_release(&c->planes);
	free(c->whole);
	buf_release(&c->text);
	buf_release(&c->odd);
	*c = (struct samples_coder){ 0 };
}

/* ---- values as integers */

static uint64_t
bits_of(double v)
{
	uint64_t bits;

	memcpy(&bits, &v, 8);
	return bits;
}

static double
double_of(uint64_t bits)
{
	double v;

	memcpy(&v, &bits, 8);
	return v;
}

/* The bits of a negative value are turned round, so that integers lie as the values do. */
static uint64_t
turned(uint64_t bits)
{
	return bits ^ (uint64_t)((int64_t)bits >> 63) >> 1;
}

/* value × 10^k as an integer, where that loses nothing. */
static inline int
scaled(double v, int k, int64_t *i)
{
	double x = v * tens[k], most = k ? EXACT : WIDE;

	if (!(x >= -most && x < most))
		return 0;
	*i = k ? llrint(x) : (int64_t)x;
	return bits_of(k ? (double)*i / tens[k] : (double)*i) == bits_of(v);
}

/* The least scale at which all but a few are integers, or BITS. */
static int
scale_of(const double *v, size_t n)
{
	size_t odd = 0;
	int64_t i;
	int k = 0;

	for (size_t at = 0; at < n; at++) {
		int more = k;

		while (more < SCALES && !scaled(v[at], more, &i))
			more++;
		if (more < SCALES)
			k = more;
		else if (++odd > n / ODD_SHARE + 1)
			return BITS;
	}
	odd = 0;
	for (size_t at = 0; at < n; at++)       /* the greater scale must hold for those before, too */
		odd += !scaled(v[at], k, &i);
	return odd > n / ODD_SHARE + 1 ? BITS : k;
}

static void
put_values(struct samples_coder *c, struct buf *b, const double *v, size_t n)
{
	int scale = scale_of(v, n);
	uint64_t n_odd = 0;
	int64_t was = 0;
	size_t place = 0;

	buf_clear(&c->odd);
	for (size_t i = 0; i < n; i++)
		if (scale == BITS) {
			c->whole[i] = (int64_t)turned(bits_of(v[i]));
		} else if (!scaled(v[i], scale, &c->whole[i])) {
			uint64_t bits = bits_of(v[i]);

			c->whole[i] = was;
			varint_put(&c->odd, i - place);
			place = i;
			for (int k = 0; k < 8; k++)
				buf_byte(&c->odd, (char)(bits >> 8 * k));
			n_odd++;
		} else {
			was = c->whole[i];
		}
	buf_byte(b, (char)scale);
	planes_pack(&c->planes, b, c->whole, n);
	varint_put(b, n_odd);
	buf_str(b, buf_get(&c->odd));
}

static int
take_values(struct samples_coder *c, struct str *in, double *v, size_t n)
{
	uint64_t n_odd, step, place = 0;
	int scale;

	if (in->n < 1)
		return -1;
	scale = (unsigned char)in->p[0];
	in->p++;
	in->n--;
	if ((scale >= SCALES && scale != BITS) || planes_unpack(&c->planes, in, c->whole, n) || varint_take(in, &n_odd) || n_odd > n)
		return -1;
	if (scale == BITS)
		for (size_t i = 0; i < n; i++)
			v[i] = double_of(turned((uint64_t)c->whole[i]));
	else if (scale == 0)
		for (size_t i = 0; i < n; i++)
			v[i] = (double)c->whole[i];
	else
		for (size_t i = 0; i < n; i++)
			v[i] = (double)c->whole[i] / tens[scale];
	for (uint64_t i = 0; i < n_odd; i++) {
		uint64_t bits = 0;

		if (varint_take(in, &step) || step >= n || (place += step) >= n || in->n < 8)
			return -1;
		for (int k = 7; k >= 0; k--)
			bits = bits << 8 | (unsigned char)in->p[k];
		v[place] = double_of(bits);
		in->p += 8;
		in->n -= 8;
	}
	return 0;
}

/* ---- states */

static void
put_states(struct samples_coder *c, struct buf *b, const struct str *state, size_t n)
{
	size_t any = 0;

	while (any < n && !state[any].p)
		any++;
	buf_byte(b, any < n);
	if (any == n)
		return;
	buf_clear(&c->text);
	for (size_t i = 0; i < n; i++)
		varint_put(&c->text, state[i].p ? state[i].n + 1 : 0);
	for (size_t i = 0; i < n; i++)
		if (state[i].p)
			buf_str(&c->text, state[i]);
	planes_pack_bytes(&c->planes, b, buf_get(&c->text));
}

static int
take_states(struct samples_coder *c, struct str *in, struct samples *s, size_t n)
{
	struct str rest, bytes;
	uint64_t len;

	buf_clear(&c->text);
	if (planes_unpack_bytes(&c->planes, in, &c->text, STATES_MOST))
		return -1;
	rest = bytes = buf_get(&c->text);
	for (size_t i = 0; i < n; i++)
		if (varint_take(&bytes, &len))
			return -1;
	if (!s->texts)
		s->texts = arena_new(0);
	for (size_t i = 0; i < n; i++) {
		varint_take(&rest, &len);
		if (len == 0)
			continue;
		if (len - 1 > bytes.n)
			return -1;
		s->state[s->n + i] = (struct str){ arena_dup(s->texts, bytes.p, len - 1), len - 1 };
		s->n_states++;
		bytes.p += len - 1;
		bytes.n -= len - 1;
	}
	return bytes.n ? -1 : 0;
}

/* ---- pieces */

static void
make_ready(struct samples_coder *c)
{
	if (!c->whole)
		c->whole = mem_grow(NULL, SAMPLES_MOST, sizeof(*c->whole));
}

void
samples_pack(struct samples_coder *c, struct buf *b, const struct samples *s, size_t from, size_t n)
{
	make_ready(c);
	buf_byte(b, 0);
	buf_byte(b, FORM);
	varint_put(b, n);
	varint_put_signed(b, s->time[from]);
	varint_put(b, (uint64_t)s->time[from + n - 1] - (uint64_t)s->time[from]);
	planes_pack(&c->planes, b, s->time + from, n);
	put_values(c, b, s->value + from, n);
	put_states(c, b, s->state + from, s->n_states ? n : 0);
}

static int
take_head(struct str *in, struct samples_head *head)
{
	uint64_t n, span;

	if (in->n < 3 || in->p[0] != 0 || in->p[1] != FORM)
		return -1;
	in->p += 2;
	in->n -= 2;
	if (varint_take(in, &n) || n == 0 || n > SAMPLES_MOST || varint_take_signed(in, &head->first) || varint_take(in, &span))
		return -1;
	head->n = n;
	head->last = (int64_t)((uint64_t)head->first + span);
	return head->last < head->first ? -1 : 0;
}

static int
unpack_1(struct str in, struct samples *s)
{
	int64_t *time, d, was = 0;
	uint64_t n, step = 0, len;
	int form, states;

	if (varint_take(&in, &n) || n == 0 || n > 4096 || in.n == 0)
		return -1;
	form = (unsigned char)in.p[0];
	in.p++;
	in.n--;
	if (form > 10)
		return -1;
	samples_room(s, n);
	time = s->time + s->n;
	for (uint64_t i = 0; i < n; i++) {
		if (varint_take_signed(&in, &d))
			return -1;
		s->state[s->n + i] = (struct str){ 0 };
		if (i == 0) {
			time[0] = d;
			continue;
		}
		step += (uint64_t)d;
		if (step == 0 || step > INT64_MAX || __builtin_add_overflow(time[i - 1], (int64_t)step, &time[i]))
			return -1;
	}
	for (uint64_t i = 0; i < n; i++)
		if (form == 0) {
			uint64_t bits = 0;

			if (in.n < 8)
				return -1;
			for (int k = 7; k >= 0; k--)
				bits = bits << 8 | (unsigned char)in.p[k];
			s->value[s->n + i] = double_of(bits);
			in.p += 8;
			in.n -= 8;
		} else {
			if (varint_take_signed(&in, &d))
				return -1;
			was = (int64_t)((uint64_t)was + (uint64_t)d);
			s->value[s->n + i] = (double)was / tens[form - 1];
		}
	if (in.n == 0)
		return -1;
	states = in.p[0];
	in.p++;
	in.n--;
	if (states & ~1)
		return -1;
	if (states && !s->texts)
		s->texts = arena_new(0);
	for (uint64_t i = 0; i < n && states; i++) {
		if (varint_take(&in, &len) || (len && len - 1 > in.n))
			return -1;
		if (len) {
			s->state[s->n + i] = (struct str){ arena_dup(s->texts, in.p, len - 1), len - 1 };
			s->n_states++;
			in.p += len - 1;
			in.n -= len - 1;
		}
	}
	if (in.n)
		return -1;
	s->n += n;
	return (int)n;
}

int
samples_unpack(struct samples_coder *c, struct str in, struct samples *s)
{
	const int64_t *time;
	struct samples_head head;
	size_t n;

	make_ready(c);
	if (in.n < 3 || in.p[0] != 0)
		return unpack_1(in, s);
	if (take_head(&in, &head))
		return -1;
	n = head.n;
	samples_room(s, n);
	time = s->time + s->n;
	memset(s->state + s->n, 0, n * sizeof(*s->state));
	if (planes_unpack(&c->planes, &in, s->time + s->n, n) || take_values(c, &in, s->value + s->n, n) || in.n < 1)
		return -1;
	for (size_t i = 1; i < n; i++)
		if (time[i] <= time[i - 1])
			return -1;
	if (time[0] != head.first || time[n - 1] != head.last)
		return -1;
	in.p++;
	in.n--;
	if (in.p[-1] == 1 ? take_states(c, &in, s, n) : in.p[-1] != 0)
		return -1;
	if (in.n)
		return -1;
	s->n += n;
	return (int)n;
}

int
samples_peek(struct samples_coder *c, struct str in, struct samples_head *head)
{
	struct samples old = { 0 };
	int n;

	if (in.n >= 2 && in.p[0] == 0)
		return take_head(&in, head);
	if ((n = samples_unpack(c, in, &old)) > 0)
		*head = (struct samples_head){ (size_t)n, old.time[0], old.time[n - 1] };
	samples_release(&old);
	return n > 0 ? 0 : -1;
}

void
samples_put_value(struct buf *b, double v)
{
	uint64_t bits = bits_of(v);
	int64_t i;

	for (int k = 0; k < SCALES; k++)
		if (scaled(v, k, &i)) {
			buf_byte(b, (char)k);
			varint_put_signed(b, i);
			return;
		}
	buf_byte(b, (char)BITS);
	for (int k = 0; k < 8; k++)
		buf_byte(b, (char)(bits >> 8 * k));
}

int
samples_take_value(struct str *rest, double *v)
{
	uint64_t bits = 0;
	int64_t i;
	int scale;

	if (rest->n < 1)
		return -1;
	scale = (unsigned char)rest->p[0];
	rest->p++;
	rest->n--;
	if (scale == BITS && rest->n >= 8) {
		for (int k = 7; k >= 0; k--)
			bits = bits << 8 | (unsigned char)rest->p[k];
		*v = double_of(bits);
		rest->p += 8;
		rest->n -= 8;
		return 0;
	}
	if (scale >= SCALES || varint_take_signed(rest, &i))
		return -1;
	*v = scale ? (double)i / tens[scale] : (double)i;
	return 0;
}
