#include "http/frame.h"

#include "http/http.h"

#define DIGITS_MOST 15          /* of a size: 2^60 is beyond every bound */
#define EXTRA_MOST  8192u       /* bytes of extensions and trailers of one body; nobody sends more than a few dozen */

/* An extension is ;NAME, ;NAME=VALUE or ;NAME="TEXT", without blanks. */
enum state { SIZE, NAME_BEGINS, NAME, VALUE_BEGINS, VALUE, QUOTED, QUOTED_PAIR, QUOTED_END, SIZE_LF, BODY, BODY_CR, BODY_LF, TRAILER, TRAILER_NAME, TRAILER_VALUE, TRAILER_LF, LAST_LF, END };

void
frame_init(struct frame *f, int chunked, int64_t length)
{
	*f = (struct frame){ .chunked = chunked };
	if (chunked)
		f->state = SIZE;
	else {
		f->left = length > 0 ? length : 0;
		f->state = f->left ? BODY : END;
	}
}

int
frame_ended(const struct frame *f)
{
	return f->state == END;
}

/* May it stand in an extension or the value of a trailer? */
static int
is_text(unsigned char c)
{
	return c == '\t' || (c >= ' ' && c != 127);
}

static int
step_extension(int state, unsigned char c)
{
	if (state == QUOTED)
		return !is_text(c) ? -1 : c == '"' ? QUOTED_END : c == '\\' ? QUOTED_PAIR : QUOTED;
	if (state == QUOTED_PAIR)
		return is_text(c) ? QUOTED : -1;
	if (state == VALUE_BEGINS && c == '"')
		return QUOTED;
	if (http_is_token_byte(c) && state != QUOTED_END)
		return state == NAME_BEGINS ? NAME : state == VALUE_BEGINS ? VALUE : state;
	if (state == NAME_BEGINS || state == VALUE_BEGINS)
		return -1;
	return c == '\r' ? SIZE_LF : c == ';' ? NAME_BEGINS : c == '=' && state == NAME ? VALUE_BEGINS : -1;
}

/* A byte of a trailer's name, from the first on. */
static int
step_name(struct frame *f, unsigned char c)
{
	static const char *const framing[] = { "Transfer-Encoding", "Content-Length", "Host" };

	if (c == ':') {                                 /* no reader may believe these here (RFC 9110, 6.5.1); one that does is cheated */
		for (size_t i = 0; i < sizeof(framing) / sizeof(*framing); i++)
			if (http_same((struct str){ f->name, f->name_n }, str_of(framing[i])))
				return -1;
		return TRAILER_VALUE;
	}
	if (!http_is_token_byte(c) || ++f->extra > EXTRA_MOST)
		return -1;
	if (f->name_n < sizeof(f->name))
		f->name[f->name_n++] = (char)c;
	return TRAILER_NAME;
}

/* A byte of framing: the next state, or -1. */
static int
step(struct frame *f, unsigned char c)
{
	switch (f->state) {
	case SIZE:
		if (str_hex_digit((char)c) >= 0) {
			if (++f->digits > DIGITS_MOST)
				return -1;
			f->left = f->left << 4 | str_hex_digit((char)c);
			return SIZE;
		}
		return !f->digits ? -1 : c == '\r' ? SIZE_LF : c == ';' ? NAME_BEGINS : -1;
	case NAME_BEGINS:
	case NAME:
	case VALUE_BEGINS:
	case VALUE:
	case QUOTED:
	case QUOTED_PAIR:
	case QUOTED_END:
		return ++f->extra > EXTRA_MOST ? -1 : step_extension(f->state, c);
	case SIZE_LF:
		f->digits = 0;
		return c != '\n' ? -1 : f->left ? BODY : TRAILER;
	case BODY_CR:
		return c == '\r' ? BODY_LF : -1;
	case BODY_LF:
		return c == '\n' ? SIZE : -1;
	case TRAILER:                           /* at the beginning of a line */
		f->name_n = 0;
		return c == '\r' ? LAST_LF : c == ':' ? -1 : step_name(f, c);
	case TRAILER_NAME:
		return step_name(f, c);
	case TRAILER_VALUE:
		return c == '\r' ? TRAILER_LF : is_text(c) && ++f->extra <= EXTRA_MOST ? TRAILER_VALUE : -1;
	case TRAILER_LF:
		return c == '\n' ? TRAILER : -1;
	case LAST_LF:
		return c == '\n' ? END : -1;
	}
	return -1;
}

int
frame_next(struct frame *f, struct str *wire, struct str *body)
{
	while (f->state != END) {
		int next;

		if (!wire->n)
			return 2;
		if (f->state == BODY) {
			*body = (struct str){ wire->p, (uint64_t)f->left < wire->n ? (size_t)f->left : wire->n };
			return 1;
		}
		if ((next = step(f, (unsigned char)*wire->p)) < 0)
			return -400;
		f->state = next;
		wire->p++, wire->n--;
	}
	return 0;
}

void
frame_take(struct frame *f, struct str *wire, size_t n)
{
	wire->p += n, wire->n -= n;
	f->left -= (int64_t)n;
	if (!f->left)
		f->state = f->chunked ? BODY_CR : END;
}
