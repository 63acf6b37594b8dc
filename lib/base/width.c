#include "base/width.h"

#include "base/letter.h"

static void
put_shown(struct buf *b, struct str text)
{
	for (size_t i = 0; i < text.n; i++) {
		unsigned char at = (unsigned char)text.p[i], next = i + 1 < text.n ? (unsigned char)text.p[i + 1] : 0;

		if (at == '\n')
			buf_lit(b, "\\n");
		else if (at == '\t')
			buf_lit(b, "\\t");
		else if (at < 0x20 || at == 0x7f)
			buf_printf(b, "\\x%02x", at);
		else if (at == 0xc2 && next >= 0x80 && next < 0xa0)     /* C1 controls, which some terminals obey too */
			buf_printf(b, "\\x%02x", (unsigned char)text.p[++i]);
		else
			buf_byte(b, (char)at);
	}
}

void
width_put_shown(struct buf *b, struct str text)
{
	for (long wrong; (wrong = str_utf8_fault(text)) >= 0; text.p += wrong + 1, text.n -= (size_t)wrong + 1) {
		put_shown(b, (struct str){ text.p, (size_t)wrong });
		buf_printf(b, "\\x%02x", (unsigned char)text.p[wrong]);
	}
	put_shown(b, text);
}

static int
character_width(uint32_t c)
{
	if (c < 0x300)
		return 1;
	if ((c >= 0x300 && c <= 0x36f) || (c >= 0x200b && c <= 0x200f) || (c >= 0xfe00 && c <= 0xfe0f) || c == 0x20d0 || c == 0xfeff)
		return 0;
	return 1 + ((c >= 0x1100 && c <= 0x115f) || (c >= 0x2e80 && c <= 0xa4cf && c != 0x303f) || (c >= 0xac00 && c <= 0xd7a3) ||
	    (c >= 0xf900 && c <= 0xfaff) || (c >= 0xfe30 && c <= 0xfe6f) || (c >= 0xff00 && c <= 0xff60) || (c >= 0xffe0 && c <= 0xffe6) ||
	    (c >= 0x1f300 && c <= 0x1f64f) || (c >= 0x1f680 && c <= 0x1f6ff) || (c >= 0x1f900 && c <= 0x1f9ff) || (c >= 0x20000 && c <= 0x3fffd));
}

int
width_of(struct str s)
{
	int width = 0;

	while (s.n)
		width += character_width(letter_take(&s));
	return width;
}

void
width_repeat(struct buf *b, const char *text, int times)
{
	while (times-- > 0)
		buf_lit(b, text);
}

void
width_put(struct buf *b, struct str s, int width, int right, int ascii)
{
	int has = width_of(s);

	if (has <= width) {
		width_repeat(b, " ", right ? width - has : 0);
		buf_str(b, s);
		width_repeat(b, " ", right ? 0 : width - has);
		return;
	}
	for (int used = 0; s.n; ) {
		struct str before = s;
		int w = character_width(letter_take(&s));

		if (used + w > width - 1) {
			buf_lit(b, ascii ? "~" : "…");
			width_repeat(b, " ", width - 1 - used);
			return;
		}
		buf_add(b, before.p, (size_t)(s.p - before.p));
		used += w;
	}
}
