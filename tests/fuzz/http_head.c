/* The head of a request: wherever it is cut it ends in the same place; what is taken is taken the same when it is written anew by what
 * was understood of it, and a path never climbs. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "http/head.h"

#define MOST 8192

static long
ends(struct str text, size_t step, int *lines)
{
	struct head_scan scan = { 0 };
	long n = 0;

	for (size_t at = step; !n; at += step) {
		n = head_scan(&scan, (struct str){ text.p, at < text.n ? at : text.n }, MOST);
		if (at >= text.n)
			break;
	}
	*lines = scan.lines;
	return n;
}

static void
check_path(const struct head *h)
{
	char *to = malloc(h->path.n + 1);
	long n = head_path(h->path, to);
	struct str rest, piece;

	assert(n <= (long)h->path.n);
	for (rest = (struct str){ to, n > 0 ? (size_t)n : 0 }; n > 0 && str_cut(&rest, '/', &piece); )
		assert(!str_eq(piece, STR("..")) && !str_eq(piece, STR(".")) && !memchr(piece.p, 0, piece.n));
	free(to);
}

int LLVMFuzzerTestOneInput(const unsigned char *, size_t);
int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	struct str text = { (const char *)data, size };
	int lines, again;
	long n = ends(text, size ? size : 1, &lines);
	struct head_field *room;
	struct head h, same;
	struct buf anew = { 0 };
	const char *why = NULL;

	assert(n <= (long)size && ends(text, 1, &again) == n && (n <= 0 || again == lines) && ends(text, 5, &again) == n);
	if (n <= 0)
		return 0;
	room = calloc((size_t)lines * 2, sizeof(*room));        /* as many fields as lines, for each of the two */
	text.n = (size_t)n;
	if (head_parse(&h, text, room, &why) == 0) {
		assert(h.n < lines && h.method.n && h.method.n <= HEAD_NAME_MOST && h.target.n && !(h.chunked && h.length >= 0));
		check_path(&h);
		buf_str(&anew, h.method);
		buf_byte(&anew, ' ');
		buf_str(&anew, h.target);
		buf_lit(&anew, h.minor ? " HTTP/1.1\r\n" : " HTTP/1.0\r\n");
		for (int i = 0; i < h.n; i++) {
			struct str name = { text.p + h.field[i].name, h.field[i].name_n }, value = { text.p + h.field[i].value, h.field[i].value_n };

			assert(name.n && !memchr(value.p, '\n', value.n) && !memchr(value.p, '\r', value.n) && !memchr(value.p, 0, value.n) && !memchr(name.p, ' ', name.n));
			buf_str(&anew, name);
			buf_lit(&anew, ": ");
			buf_str(&anew, value);
			buf_lit(&anew, "\r\n");
		}
		buf_lit(&anew, "\r\n");
		assert(head_parse(&same, buf_get(&anew), room + lines, &why) == 0);
		assert(same.n == h.n && same.minor == h.minor && same.length == h.length && same.chunked == h.chunked && same.keep == h.keep);
		assert(same.coding == h.coding && same.takes_gzip == h.takes_gzip && same.expects == h.expects && str_eq(same.host, h.host) && str_eq(same.path, h.path));
	} else
		assert(why);
	free(room);
	buf_release(&anew);
	return 0;
}
