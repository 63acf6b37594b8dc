/* Requests as the caller sees them, and what is made of an answer. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <time.h>

#include "base/gz.h"
#include "base/mem.h"
#include "http/http_priv.h"

#define ARENA_MOST (256u << 20)
#define PACK_LEAST 1024                 /* bytes of a body: below it packing saves no packet */

/* One block holds the request, its fields, its head and its decoded path. */
struct http_request *
http_request_new(struct connection *c, struct str text, int lines, int *status, const char **why)
{
	const char *lf = memchr(text.p + 2, '\n', text.n - 2);
	size_t fields = (size_t)lines * sizeof(struct head_field), path_room = lf ? (size_t)(lf - text.p) : text.n;
	struct http_request *r = mem_new(sizeof(*r) + fields + text.n + path_room);
	struct head_field *field = (struct head_field *)(r + 1);
	char *copy = (char *)field + fields, *path = copy + text.n;
	long n;

	memcpy(copy, text.p, text.n);
	r->mail.take = http_request_taken;
	r->server = c->server;
	r->connection = c;
	r->most = c->server->spec.body_bytes;
	r->began_us = c->began_us;
	memcpy(r->client, c->address, sizeof(r->client));
	*status = -head_parse(&r->head, (struct str){ copy, text.n }, field, why);
	if (!*status && !r->head.any_target) {
		if ((n = head_path(r->head.path, path)) < 0) {
			*why = "the path is none: a wrong escape, or a segment that is . or ..";
			*status = 400;
		}
		r->path = (struct str){ path, n > 0 ? (size_t)n : 0 };
	}
	if (*status) {
		free(r);
		return NULL;
	}
	r->is_head = str_eq(r->head.method, STR("HEAD"));
	c->server->n_requests++;
	return r;
}

void
http_request_free(struct http_request *r)
{
	if (!r)
		return;
	r->server->n_requests--;
	r->server->held -= (int64_t)r->body.n;
	http_socket_drop(r->socket);
	outbox_free(r->outbox);
	gz_free(r->gz);
	arena_free(r->arena);
	buf_release(&r->body);
	buf_release(&r->answer);
	free(r);
}

struct str
http_method(const struct http_request *r)
{
	return r->head.method;
}

struct str
http_path(const struct http_request *r)
{
	return r->path;
}

struct str
http_query(const struct http_request *r)
{
	return r->head.query.p ? r->head.query : STR("");
}

struct str
http_target(const struct http_request *r)
{
	struct str path = r->head.path;

	if (path.p < r->head.text.p || path.p >= r->head.text.p + r->head.text.n)
		return r->head.target;                  /* "http://host?query" has no path of its own */
	if (r->head.query.p)
		path.n = (size_t)(r->head.query.p + r->head.query.n - path.p);
	return path;
}

struct str
http_host(const struct http_request *r)
{
	return r->head.host;
}

struct str
http_header(const struct http_request *r, const char *name)
{
	return head_get(&r->head, name);
}

int
http_each_header(const struct http_request *r, int (*each)(void *, struct str, struct str), void *self)
{
	int rc = 0;

	for (int i = 0; i < r->head.n && !rc; i++) {
		const struct head_field *f = &r->head.field[i];

		rc = each(self, (struct str){ r->head.text.p + f->name, f->name_n }, (struct str){ r->head.text.p + f->value, f->value_n });
	}
	return rc;
}

struct str
http_body(const struct http_request *r)
{
	return buf_get(&r->body);
}

const char *
http_client(const struct http_request *r)
{
	return r->client;
}

int64_t
http_began_us(const struct http_request *r)
{
	return r->began_us;
}

int
http_gone(const struct http_request *r)
{
	return r->gone;
}

int
http_status(const struct http_request *r)
{
	return r->status;
}

struct arena *
http_arena(struct http_request *r)
{
	if (!r->arena)
		r->arena = arena_new(ARENA_MOST);
	return r->arena;
}

void
http_set_user(struct http_request *r, void *user)
{
	r->user = user;
}

void *
http_user(const struct http_request *r)
{
	return r->user;
}

void
http_body_most(struct http_request *r, int64_t bytes)
{
	r->most = bytes;
}

void
http_body_guessed(struct http_request *r)
{
	r->guessed = 1;
}

void
http_body_coded(struct http_request *r)
{
	r->coded = 1;
}

void
http_body_pieces(struct http_request *r, int (*piece)(void *, struct http_request *, struct str), void *self)
{
	r->piece = piece;
	r->piece_self = self;
}

void
http_resume(struct http_request *r)
{
	http_post(r->server, &r->mail, WANT_RESUME);
}

/* ---- answers */

/* Now, as RFC 9110 writes it; made once a second in each thread. */
static const char *
date(void)
{
	static _Thread_local char text[32];
	static _Thread_local time_t made;
	static const char days[] = "SunMonTueWedThuFriSat", months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	time_t now = time(NULL);

	if (now != made) {
		struct tm t;

		gmtime_r(&now, &t);
		snprintf(text, sizeof(text), "%.3s, %02d %.3s %04d %02d:%02d:%02d GMT", days + t.tm_wday * 3, t.tm_mday, months + t.tm_mon * 3,
		    (t.tm_year + 1900) % 10000, t.tm_hour, t.tm_min, t.tm_sec);
		made = now;
	}
	return text;
}

static int
has_control(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (((unsigned char)s.p[i] < ' ' && s.p[i] != '\t') || s.p[i] == 127)
			return 1;
	return 0;
}

/* Kinds of bodies that are not packed already. */
static int
packs(const char *type)
{
	struct str s = str_of(type);
	const char *end = memchr(s.p, ';', s.n);

	if (end)
		s.n = (size_t)(end - s.p);
	return str_starts(s, STR("text/")) || str_starts(s, STR("application/json")) || str_starts(s, STR("application/x-ndjson")) ||
	    str_starts(s, STR("application/javascript")) || str_starts(s, STR("application/openmetrics-text")) ||
	    str_starts(s, STR("image/svg+xml")) || (s.n > 5 && (!memcmp(s.p + s.n - 5, "+json", 5) || !memcmp(s.p + s.n - 4, "+xml", 4)));
}

/* The head of an answer up to the caller's own lines. Connection comes last of all, so that its value can be put in. */
static void
add_heads(struct buf *b, const struct http_answer *a, int vary)
{
	for (int i = 0; i < a->n_heads; i++) {
		const struct http_head *h = &a->heads[i];

		if (has_control(str_of(h->name)) || has_control(h->value))
			continue;
		buf_lit(b, h->name);
		buf_add(b, ": ", 2);
		buf_str(b, h->value);
		if (vary && !strcasecmp(h->name, "Vary")) {
			buf_lit(b, ", Accept-Encoding");
			vary = 0;
		}
		buf_add(b, "\r\n", 2);
	}
	if (vary)
		buf_lit(b, "Vary: Accept-Encoding\r\n");
}

static int
names(const struct http_answer *a, const char *head)
{
	for (int i = 0; i < a->n_heads; i++)
		if (!strcasecmp(a->heads[i].name, head))
			return 1;
	return 0;
}

void
http_request_build(struct buf *b, size_t *close_at, const struct http_answer *a, const struct http_request *r, int chunked)
{
	struct str body = a->type ? a->body : (struct str){ 0 };
	struct buf packed = { 0 };
	int may_pack = !chunked && a->type && body.n >= PACK_LEAST && packs(a->type) && !names(a, "Content-Encoding");
	int none = (a->status >= 100 && a->status < 200) || a->status == 204 || a->status == 304;

	if (may_pack && r && r->head.takes_gzip && a->status != 206) {
		gz_pack(body, 0, &packed);
		body = buf_get(&packed);
	}
	buf_room(b, 512 + (none || (r && r->is_head) ? 0 : body.n));
	buf_lit(b, "HTTP/1.1 ");
	buf_int64(b, a->status);
	buf_byte(b, ' ');
	buf_lit(b, http_reason(a->status));
	buf_lit(b, "\r\nDate: ");
	buf_lit(b, date());
	buf_add(b, "\r\n", 2);
	if (a->type && !none && !has_control(str_of(a->type))) {
		buf_lit(b, "Content-Type: ");
		buf_lit(b, a->type);
		buf_add(b, "\r\n", 2);
	}
	if (packed.n)
		buf_lit(b, "Content-Encoding: gzip\r\n");
	add_heads(b, a, may_pack);
	if (chunked)
		buf_lit(b, r && r->head.minor ? "Transfer-Encoding: chunked\r\n" : "");
	else if (!none) {
		buf_lit(b, "Content-Length: ");
		buf_int64(b, (int64_t)body.n);
		buf_add(b, "\r\n", 2);
	}
	buf_lit(b, "Connection: ");
	*close_at = b->n;
	buf_lit(b, "keep-alive\r\n\r\n");               /* a close of the same length may be put in its place */
	if (!none && !chunked && !(r && r->is_head))
		buf_str(b, body);
	buf_release(&packed);
}

/* After the call it is in, or by mail. */
void
http_request_answered(struct http_request *r)
{
	if (http_on_loop(r->server) && r->server->calling == r)
		r->direct = 1;
	else
		http_post(r->server, &r->mail, WANT_ANSWER);
}

void
http_answer(struct http_request *r, const struct http_answer *a)
{
	assert(!r->given);                              /* once */
	r->given = 1;
	r->status = a->status;
	r->closes = a->close;
	http_request_build(&r->answer, &r->close_at, a, r, 0);
	http_request_answered(r);
}

int
http_stream_begin(struct http_request *r, const struct http_answer *a)
{
	struct str first = a->body;

	assert(!r->given);
	r->given = 1;
	r->status = a->status;
	r->streams = 1;
	r->raw_stream = !r->head.minor;
	r->closes = a->close || r->raw_stream;
	r->outbox = outbox_new();
	http_request_build(&r->answer, &r->close_at, a, r, 1);
	if (r->gone)
		outbox_close(r->outbox);
	http_request_answered(r);
	return first.n ? http_stream_write(r, first) : r->gone ? -1 : 0;
}

/* A chunk; pieces of none would end the stream and are passed over. */
static int
give(struct http_request *r, struct str piece, size_t most, int block)
{
	char size[24];
	struct str part[3] = { { size, 0 }, piece, STR("\r\n") };
	int rc;

	if (!piece.n || r->is_head)
		return r->gone ? -1 : 0;
	part[0].n = (size_t)snprintf(size, sizeof(size), "%zx\r\n", piece.n);
	rc = r->raw_stream ? outbox_add(r->outbox, &piece, 1, most, block) : outbox_add(r->outbox, part, 3, most, block);
	if (rc == 0)
		http_post(r->server, &r->mail, WANT_STREAM);
	return rc;
}

int
http_stream_write(struct http_request *r, struct str piece)
{
	return give(r, piece, 1 << 20, !http_on_loop(r->server));
}

int
http_stream_push(struct http_request *r, struct str piece, size_t most)
{
	return give(r, piece, most, 0);
}

void
http_stream_end(struct http_request *r)
{
	struct str last = STR("0\r\n\r\n");

	if (!r->raw_stream && !r->is_head)
		outbox_add(r->outbox, &last, 1, SIZE_MAX, 0);
	http_post(r->server, &r->mail, WANT_END);
}

/* No last chunk, and nothing behind it. */
void
http_stream_cut(struct http_request *r)
{
	r->cut = 1;
	http_post(r->server, &r->mail, WANT_END);
}

/* ---- what threads wanted, on the loop's */
static void
over(struct http_request *r)
{
	if (r->server->spec.done)
		r->server->spec.done(r->server->spec.self, r);
	http_request_free(r);
}

void
http_request_taken(struct http_letter *mail, unsigned wants)
{
	struct http_request *r = (struct http_request *)mail;

	if (wants & WANT_END) {
		r->ended = 1;
		r->closes |= r->cut;
	}
	if (!r->connection) {                           /* nobody is there to send it to */
		if (r->streams ? r->ended : (wants & WANT_ANSWER) != 0)
			over(r);
		return;
	}
	if (wants & WANT_ANSWER)
		http_connection_answered(r->connection);
	else if (wants & WANT_RESUME)
		http_connection_resume(r->connection);
	else
		http_connection_work(r->connection);
}
