#include "http/messages.h"

#include <stdlib.h>

#include <wslay/wslay.h>

#include "base/cmd.h"
#include "base/gz.h"
#include "base/mem.h"

CMD_LIBRARY("wslay", WSLAY_VERSION)

#define KEPT 4096                       /* bytes of a message buffer that are kept for the next one */

struct messages {
	wslay_event_context_ptr wslay;
	size_t most;
	void (*message)(void *, struct str, int);
	void (*say)(void *, struct str, int);
	void *self;
	struct str wire;                /* what wslay has not taken yet */
	struct buf out;                 /* frames that wslay has made */
	struct buf text;                /* of the message that comes */
	int opcode, packed, control, code, deaf;
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
	int first = 0x80 | (binary ? WSLAY_BINARY_FRAME : WSLAY_TEXT_FRAME);
	struct buf packed = { 0 };

	if (packs && text.n >= MESSAGES_PACKED_LEAST) {
		gz_pack(text, 1, &packed);
		if (packed.n < text.n) {
			text = buf_get(&packed);
			first |= 0x40;
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
	add_head(b, 0x80 | WSLAY_PING, 0);
}

void
messages_close(struct buf *b, int code, const char *reason)
{
	struct str why = str_of(reason ? reason : "");
	unsigned char number[2] = { (unsigned char)(code >> 8), (unsigned char)code };

	why.n = why.n < 123 ? why.n : 123;
	while (why.n && str_utf8_fault(why) >= 0)       /* cut within a letter */
		why.n--;
	add_head(b, 0x80 | WSLAY_CONNECTION_CLOSE, 2 + why.n);
	buf_add(b, number, 2);
	buf_str(b, why);
}

/* ---- frames in, as wslay tells them */
static ssize_t
give_wslay(wslay_event_context_ptr wslay, uint8_t *to, size_t n, int flags __attribute__((unused)), void *self)
{
	struct messages *m = self;

	if (!m->wire.n) {
		wslay_event_set_error(wslay, WSLAY_ERR_WOULDBLOCK);
		return -1;
	}
	n = n < m->wire.n ? n : m->wire.n;
	memcpy(to, m->wire.p, n);
	m->wire.p += n, m->wire.n -= n;
	return (ssize_t)n;
}

static ssize_t
take_wslay(wslay_event_context_ptr wslay __attribute__((unused)), const uint8_t *from, size_t n, int flags __attribute__((unused)), void *self)
{
	buf_add(&((struct messages *)self)->out, from, n);
	return (ssize_t)n;
}

/* What wslay wants to be sent is sent. */
static void
say(struct messages *m)
{
	wslay_event_send(m->wslay);
	if (m->out.n)
		m->say(m->self, buf_get(&m->out), wslay_event_get_close_sent(m->wslay));
	buf_release(&m->out);
}

/* End it: nothing more is read. */
static void
fail(struct messages *m, int code)
{
	if (m->code)
		return;
	m->code = code;
	wslay_event_shutdown_read(m->wslay);
	wslay_event_queue_close(m->wslay, (uint16_t)code, NULL, 0);
}

static void
frame_begins(wslay_event_context_ptr wslay __attribute__((unused)), const struct wslay_event_on_frame_recv_start_arg *arg, void *self)
{
	struct messages *m = self;

	m->control = wslay_is_ctrl_frame(arg->opcode);
	if (arg->opcode == WSLAY_CONNECTION_CLOSE && arg->payload_length == 1)
		fail(m, WSLAY_CODE_PROTOCOL_ERROR);     /* half a code; wslay would take it for none */
	if (m->control)
		return;
	if (arg->opcode != WSLAY_CONTINUATION_FRAME) {
		m->opcode = arg->opcode;
		m->packed = wslay_get_rsv1(arg->rsv);
		buf_clear(&m->text);
	}
	if (arg->payload_length > m->most - m->text.n)  /* told before anything is kept of it */
		fail(m, WSLAY_CODE_MESSAGE_TOO_BIG);
}

static void
frame_goes_on(wslay_event_context_ptr wslay __attribute__((unused)), const struct wslay_event_on_frame_recv_chunk_arg *arg, void *self)
{
	struct messages *m = self;

	if (!m->control && !m->code && !m->deaf)
		buf_add(&m->text, arg->data, arg->data_length);
}

static void
message_ended(wslay_event_context_ptr wslay __attribute__((unused)), const struct wslay_event_on_msg_recv_arg *arg, void *self)
{
	struct messages *m = self;
	struct buf plain = { 0 };
	struct err err = { 0 };
	int rc = 0;

	if (arg->opcode == WSLAY_PING)
		say(m);                                 /* now: messages behind it are answered behind it */
	if (wslay_is_ctrl_frame(arg->opcode) || m->code || m->deaf)
		return;
	if (m->packed && (rc = gz_unpack_raw(buf_get(&m->text), &plain, m->most, &err)))
		fail(m, rc == ERR_LIMIT ? WSLAY_CODE_MESSAGE_TOO_BIG : WSLAY_CODE_INVALID_FRAME_PAYLOAD_DATA);
	else if (m->packed && m->opcode == WSLAY_TEXT_FRAME && str_utf8_fault(buf_get(&plain)) >= 0)
		fail(m, WSLAY_CODE_INVALID_FRAME_PAYLOAD_DATA);         /* what is not packed wslay has looked at */
	else
		m->message(m->self, buf_get(m->packed ? &plain : &m->text), m->opcode == WSLAY_BINARY_FRAME);
	buf_release(&plain);
	buf_clear(&m->text);
	if (m->text.cap > KEPT)
		buf_release(&m->text);
}

struct messages *
messages_new(size_t most, int packs, void (*message)(void *, struct str, int), void (*answer)(void *, struct str, int), void *self)
{
	static const struct wslay_event_callbacks callbacks = { .recv_callback = give_wslay, .send_callback = take_wslay,
		.on_frame_recv_start_callback = frame_begins, .on_frame_recv_chunk_callback = frame_goes_on, .on_msg_recv_callback = message_ended };
	struct messages *m = mem_new(sizeof(*m));

	m->most = most;
	m->message = message;
	m->say = answer;
	m->self = self;
	if (wslay_event_context_server_init(&m->wslay, &callbacks, m))
		abort();                                /* no memory, as in mem_new */
	wslay_event_config_set_no_buffering(m->wslay, 1);
	wslay_event_config_set_max_recv_msg_length(m->wslay, most);
	wslay_event_config_set_allowed_rsv_bits(m->wslay, packs ? WSLAY_RSV1_BIT : WSLAY_RSV_NONE);
	return m;
}

void
messages_free(struct messages *m)
{
	if (!m)
		return;
	wslay_event_context_free(m->wslay);
	buf_release(&m->text);
	buf_release(&m->out);
	free(m);
}

int
messages_heard_close(const struct messages *m)
{
	return wslay_event_get_close_received(m->wslay);
}

void
messages_deaf(struct messages *m)
{
	m->deaf = 1;
}

int
messages_feed(struct messages *m, struct str wire)
{
	if (m->code)
		return m->code;
	m->wire = wire;
	if (wslay_event_recv(m->wslay)) {
		/* A frame that is none: wslay would close without a code, which the peer could not tell from a wish of ours. */
		m->code = WSLAY_CODE_PROTOCOL_ERROR;
		messages_close(&m->out, m->code, NULL);
		m->say(m->self, buf_get(&m->out), 1);
		return m->code;
	}
	say(m);
	if (wslay_event_get_close_received(m->wslay))
		m->code = wslay_event_get_status_code_received(m->wslay);
	else if (wslay_event_get_close_sent(m->wslay))
		m->code = wslay_event_get_status_code_sent(m->wslay);
	return m->code;
}
