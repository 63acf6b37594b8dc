#include "http/messages.h"

#include <stdlib.h>

#include "base/gz.h"
#include "base/mem.h"

#define KEPT 4096                       /* bytes of a message buffer that are kept for the next one */

/* A frame (RFC 6455, 5.2):
 *
 *      FIN RSV1-3 opcode │ MASK length │ 0, 2 or 8 bytes of length │ 4 of the mask, from clients │ the text, each byte XOR mask[i % 4]
 */
enum { CONTINUATION = 0, TEXT = 1, BINARY = 2, CLOSE = 8, PING = 9, PONG = 10 };
#define FIN     0x80
#define PACKED  0x40                    /* RSV1, of permessage-deflate */
#define RSV     0x70
#define MASK    0x80
#define CONTROL_MOST 125

enum { CODE_NONE = 1005, CODE_PROTOCOL = 1002, CODE_TEXT = 1007, CODE_SIZE = 1009 };

struct messages {
	size_t most;
	int packs;
	void (*message)(void *, struct str, int);
	void (*say)(void *, struct str, int);
	void *self;
	int code, deaf;

	unsigned char head[14];         /* of the frame that comes, as far as it is there */
	unsigned head_n;
	int in_text;                    /* the head is whole */
	uint64_t left;                  /* bytes of the frame to come */
	unsigned mask_at;               /* which byte of the mask is next */

	int opcode, packed;             /* of the message that comes in fragments; opcode 0: none */
	struct buf text;
	size_t checked;                 /* bytes of it that are known to be UTF-8 */
	char control[CONTROL_MOST];     /* text of a control frame, which may stand between fragments */
	size_t control_n;
};

/* ---- frames out. A server's have no mask, so a head and the text are all there is to it. */
static void
add_head(struct buf *b, int first, size_t n)
{
	unsigned char head[10] = { (unsigned char)first };
	size_t extra = n < 126 ? 0 : n < 65536 ? 2 : 8;

	head[1] = (unsigned char)(extra == 0 ? n : extra == 2 ? 126 : 127);
	for (size_t i = 0; i < extra; i++)
		head[2 + i] = (unsigned char)(n >> 8 * (extra - 1 - i));
	buf_add(b, head, 2 + extra);
}

void
messages_frame(struct buf *b, struct str text, int binary, int packs)
{
	int first = FIN | (binary ? BINARY : TEXT);
	struct buf packed = { 0 };

	if (packs && text.n >= MESSAGES_PACKED_LEAST) {
		gz_pack(text, 1, &packed);
		if (packed.n < text.n) {
			text = buf_get(&packed);
			first |= PACKED;
		}
	}
	buf_room(b, text.n + 10);
	add_head(b, first, text.n);
	buf_str(b, text);
	buf_release(&packed);
}

void
messages_ping(struct buf *b)
{
	add_head(b, FIN | PING, 0);
}

void
messages_close(struct buf *b, int code, const char *reason)
{
	struct str why = str_of(reason ? reason : "");
	unsigned char number[2] = { (unsigned char)(code >> 8), (unsigned char)code };

	if (code == CODE_NONE) {                        /* the name of there being none */
		add_head(b, FIN | CLOSE, 0);
		return;
	}
	why.n = why.n < CONTROL_MOST - 2 ? why.n : CONTROL_MOST - 2;
	while (why.n && str_utf8_fault(why) >= 0)       /* cut within a letter */
		why.n--;
	add_head(b, FIN | CLOSE, 2 + why.n);
	buf_add(b, number, 2);
	buf_str(b, why);
}

/* ---- frames in */

/* It is over, by the peer's wish or its fault: our close has the code. */
static void
end(struct messages *m, int code)
{
	struct buf frame = { 0 };

	m->code = code;
	messages_close(&frame, code, NULL);
	m->say(m->self, buf_get(&frame), 1);
	buf_release(&frame);
}

/* Bytes that a head has, as far as is known of it. */
static unsigned
head_wants(const struct messages *m)
{
	unsigned length = m->head_n > 1 ? m->head[1] & 127u : 0;

	return m->head_n < 2 ? 2 : 2 + 4 + (length == 126 ? 2 : length == 127 ? 8 : 0);
}

/* The first two bytes are here: may there be such a frame now? */
static int
may_come(const struct messages *m)
{
	int opcode = m->head[0] & 15, rsv = m->head[0] & RSV, first = opcode == TEXT || opcode == BINARY;

	if (!(m->head[1] & MASK) || (rsv && !(m->packs && rsv == PACKED && first)))
		return 0;
	if (opcode == CLOSE || opcode == PING || opcode == PONG)
		return (m->head[0] & FIN) && (m->head[1] & 127) <= CONTROL_MOST;
	return first ? !m->opcode : opcode == CONTINUATION && m->opcode;
}

/* The head is whole. */
static void
frame_begins(struct messages *m)
{
	int opcode = m->head[0] & 15, length = m->head[1] & 127, wide = length == 126 ? 2 : length == 127 ? 8 : 0;

	m->left = wide ? 0 : (unsigned)length;
	for (int i = 0; i < wide; i++)
		m->left = m->left << 8 | m->head[2 + i];
	m->in_text = 1;
	m->mask_at = 0;
	m->control_n = 0;
	if ((wide == 2 && m->left < 126) || (wide == 8 && (m->left < 65536 || m->left >> 63))) {
		end(m, CODE_PROTOCOL);                 /* it is to be told in as few bytes as can be */
		return;
	}
	if (opcode & 8)
		return;
	if (opcode != CONTINUATION) {
		m->opcode = opcode;
		m->packed = (m->head[0] & PACKED) != 0;
		m->checked = 0;
		buf_clear(&m->text);
	}
	if (m->left > m->most - m->text.n)              /* told before anything is kept of it */
		end(m, CODE_SIZE);
}

static void
unmask(char *to, const char *from, size_t n, const unsigned char mask[4], unsigned at)
{
	unsigned char turned[8];
	uint64_t wide, x;
	size_t i = 0;

	for (unsigned k = 0; k < 8; k++)
		turned[k] = mask[(at + k) % 4];
	memcpy(&wide, turned, 8);
	for (; i + 8 <= n; i += 8) {
		memcpy(&x, from + i, 8);
		x ^= wide;
		memcpy(to + i, &x, 8);
	}
	for (; i < n; i++)
		to[i] = (char)(from[i] ^ (char)turned[i % 8]);
}

/* Up to three bytes at the end of a text: may they be the beginning of a letter? */
static int
is_half_letter(struct str s)
{
	unsigned char c = (unsigned char)s.p[0], second = s.n > 1 ? (unsigned char)s.p[1] : 0;

	if (c < 0xc2 || c > 0xf4 || s.n > 3 || s.n > (c < 0xe0 ? 1u : c < 0xf0 ? 2u : 3u))
		return 0;
	if (s.n > 1 && (second < (c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80) || second > (c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf)))
		return 0;
	return s.n < 3 || ((unsigned char)s.p[2] & 0xc0) == 0x80;
}

/* A text that is no UTF-8 is told as soon as it can be known, not at its end. */
static int
is_text_so_far(struct messages *m)
{
	struct str rest = { m->text.p + m->checked, m->text.n - m->checked };
	long wrong = rest.n ? str_utf8_fault(rest) : -1;

	m->checked += wrong < 0 ? rest.n : (size_t)wrong;
	return wrong < 0 || is_half_letter((struct str){ rest.p + wrong, rest.n - (size_t)wrong });
}

static void
message_ended(struct messages *m)
{
	struct buf plain = { 0 };
	struct err err = { 0 };
	int rc = m->packed && !m->deaf ? gz_unpack_raw(buf_get(&m->text), &plain, m->most, &err) : 0;
	struct str text = buf_get(m->packed ? &plain : &m->text);

	if (rc)
		end(m, rc == ERR_LIMIT ? CODE_SIZE : CODE_TEXT);
	else if (m->opcode == TEXT && (m->packed ? str_utf8_fault(text) >= 0 : m->checked < text.n))
		end(m, CODE_TEXT);
	else if (!m->deaf)
		m->message(m->self, text, m->opcode == BINARY);
	m->opcode = 0;
	buf_release(&plain);
	buf_clear(&m->text);
	m->checked = 0;
	if (m->text.cap > KEPT)
		buf_release(&m->text);
}

/* The codes that may be sent (RFC 6455, 7.4, and IANA's list of what came later). */
static int
is_code(int code)
{
	return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
}

static void
control_ended(struct messages *m)
{
	struct str text = { m->control, m->control_n };
	struct buf frame = { 0 };
	int code;

	switch (m->head[0] & 15) {
	case PING:
		add_head(&frame, FIN | PONG, text.n);
		buf_str(&frame, text);
		m->say(m->self, buf_get(&frame), 0);
		buf_release(&frame);
		break;
	case CLOSE:
		code = text.n > 1 ? (unsigned char)text.p[0] << 8 | (unsigned char)text.p[1] : 0;
		if (text.n && !is_code(code))
			end(m, CODE_PROTOCOL);
		else if (text.n > 2 && str_utf8_fault((struct str){ text.p + 2, text.n - 2 }) >= 0)
			end(m, CODE_TEXT);
		else
			end(m, text.n ? code : CODE_NONE);
		break;
	}
}

static void
take_text(struct messages *m, struct str *wire)
{
	const unsigned char *mask = m->head + head_wants(m) - 4;
	size_t n = m->left < wire->n ? (size_t)m->left : wire->n;
	int control = m->head[0] & 8;

	if (control) {
		unmask(m->control + m->control_n, wire->p, n, mask, m->mask_at);
		m->control_n += n;
	} else if (n) {
		unmask(buf_room(&m->text, n), wire->p, n, mask, m->mask_at);
		m->text.n += n;
		if (m->opcode == TEXT && !m->packed && !is_text_so_far(m))
			end(m, CODE_TEXT);
	}
	wire->p += n, wire->n -= n;
	m->left -= n;
	m->mask_at = (m->mask_at + (unsigned)(n % 4)) % 4;
	if (m->left || m->code)
		return;
	m->in_text = 0;
	if (control)
		control_ended(m);
	else if (m->head[0] & FIN)
		message_ended(m);
	m->head_n = 0;
}

struct messages *
messages_new(size_t most, int packs, void (*message)(void *, struct str, int), void (*say)(void *, struct str, int), void *self)
{
	struct messages *m = mem_new(sizeof(*m));

	*m = (struct messages){ .most = most, .packs = packs, .message = message, .say = say, .self = self };
	return m;
}

void
messages_free(struct messages *m)
{
	if (!m)
		return;
	buf_release(&m->text);
	free(m);
}

void
messages_deaf(struct messages *m)
{
	m->deaf = 1;
}

int
messages_feed(struct messages *m, struct str wire)
{
	while (!m->code && (wire.n || (m->in_text && !m->left))) {
		if (m->in_text) {
			take_text(m, &wire);
			continue;
		}
		m->head[m->head_n++] = (unsigned char)*wire.p++, wire.n--;
		if (m->head_n == 2 && !may_come(m))
			end(m, CODE_PROTOCOL);
		else if (m->head_n >= 2 && m->head_n == head_wants(m))
			frame_begins(m);
	}
	return m->code;
}
