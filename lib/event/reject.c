#include "event/reject.h"

#include "base/cmd.h"
#include "event/event.h"
#include "json/json.h"

#define SHOWN_BYTES 60                          /* of the input in a message */

static int
inside(char c)                                  /* not the first byte of a character */
{
	return (c & 0xc0) == 0x80;
}

/* The piece of the input around the column, cut between characters. */
static struct str
clip(struct str input, long col, size_t most, int *cut_front, int *cut_back)
{
	size_t from = 0, n;

	if (col > 0 && (size_t)col > most * 2 / 3 && (size_t)col <= input.n + 1)
		from = (size_t)col - most / 2;
	while (from && from < input.n && inside(input.p[from]))
		from--;
	n = input.n - from;
	if (n > most)
		for (n = most; n && inside(input.p[from + n]); n--)
			;
	*cut_front = from > 0;
	*cut_back = from + n < input.n;
	return (struct str){ input.p + from, n };
}

/* Text with bytes that are no UTF-8 as U+FFFD; escapes stay as they are written. */
static void
put_mended(struct buf *out, struct str text)
{
	for (long bad; (bad = str_utf8_fault(text)) >= 0; text.p += bad + 1, text.n -= (size_t)bad + 1) {
		buf_add(out, text.p, (size_t)bad);
		buf_lit(out, "\xef\xbf\xbd");
	}
	buf_str(out, text);
}

/* For a message, which would end at a byte 0: that is shown as cmd_say shows the other control characters, and bytes that are no UTF-8. */
static void
put_shown(struct buf *out, struct str text)
{
	const char *zero;

	for (; text.n && (zero = memchr(text.p, 0, text.n)); text = (struct str){ zero + 1, text.n - (size_t)(zero + 1 - text.p) }) {
		buf_add(out, text.p, (size_t)(zero - text.p));
		buf_lit(out, "\\x00");
	}
	buf_str(out, text);
}

static void
show(const char *source, long line, struct str input, const struct err *why)
{
	static _Thread_local struct buf text;
	int front, back;
	struct str piece = clip(input, why->col, SHOWN_BYTES, &front, &back);

	buf_clear(&text);
	buf_printf(&text, "%s:%ld:", source, line);
	if (why->col)
		buf_printf(&text, "%ld:", why->col);
	buf_byte(&text, ' ');
	put_mended(&text, str_of(why->text));           /* it may quote the input, cut in the middle of a character */
	buf_lit(&text, front ? ": '…" : ": '");
	put_shown(&text, piece);
	buf_lit(&text, back ? "…'" : "'");
	cmd_say("%s", buf_text(&text));
}

void
reject_row(struct rejects *r, const char *source, long line, struct str input, const struct err *why)
{
	int front, back;
	struct buf *out, mended = { 0 }, error = { 0 };

	cmd_rejected();
	if (++r->count > REJECT_SHOWN && !r->to)
		return;
	if (!r->to) {
		show(source, line, input, why);
		return;
	}
	input = clip(input, 0, REJECT_INPUT_MOST, &front, &back);
	if (str_utf8_fault(input) >= 0) {
		put_mended(&mended, input);
		input = buf_get(&mended);
	}
	out = &r->to->buf;
	buf_lit(out, "{\"error\":");
	if (why->col)
		buf_printf(&error, "column %ld: ", why->col);
	put_mended(&error, str_of(why->text));
	json_put_string(out, buf_get(&error));
	buf_lit(out, ",\"source\":");
	json_put_string(out, str_of(source));
	buf_printf(out, ",\"line\":%ld,\"input\":", line);
	json_put_string(out, input);
	if (r->header.p && str_utf8_fault(r->header) < 0) {
		buf_lit(out, ",\"header\":");
		json_put_string(out, r->header);
	}
	buf_lit(out, "}\n");
	out_row(r->to);
	buf_release(&error);
	buf_release(&mended);
}

void
reject_close(struct rejects *r)
{
	if (r->count && (r->to || r->count > REJECT_SHOWN) && !cmd_settings()->quiet)
		cmd_say("%ld row%s rejected", r->count, r->count == 1 ? "" : "s");
}
