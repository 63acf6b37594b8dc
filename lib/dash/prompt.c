#include "dash/prompt.h"

#include <string.h>

#include "base/letter.h"
#include "base/width.h"
#include "dash/screen.h"

#define LONGEST 1000                    /* bytes that may be typed */

const char *const prompt_ranges[] = { "15m", "1h", "6h", "24h", "7d", "30d", NULL };

void
prompt_begin(struct prompt *p, const char *label, struct str text, const char *const *offers)
{
	p->label = label;
	p->offers = offers;
	buf_clear(&p->typed);
	buf_str(&p->typed, text);
}

void
prompt_release(struct prompt *p)
{
	buf_release(&p->typed);
	p->label = NULL;
}

/* The offer behind the one that stands there, else the first. */
static void
offer(struct prompt *p)
{
	int i = 0;

	if (!p->offers)
		return;
	while (p->offers[i] && !str_eq(buf_get(&p->typed), str_of(p->offers[i])))
		i++;
	prompt_begin(p, p->label, str_of(p->offers[i] && p->offers[i + 1] ? p->offers[i + 1] : p->offers[0]), p->offers);
}

int
prompt_key(struct prompt *p, int key)
{
	switch (key) {
	case SCREEN_ENTER:
		p->label = NULL;
		return 1;
	case SCREEN_ESCAPE:
		p->label = NULL;
		break;
	case SCREEN_BACKSPACE:
		while (p->typed.n && ((unsigned char)p->typed.p[--p->typed.n] & 0xc0) == 0x80)
			;
		break;
	case 'u' & 0x1f:                        /* as readline has it: all of it goes */
		buf_clear(&p->typed);
		break;
	case SCREEN_TAB:
		offer(p);
		break;
	default:
		if (key >= ' ' && key < SCREEN_UP && p->typed.n < LONGEST)
			letter_put(&p->typed, (uint32_t)key);
	}
	return 0;
}

int
prompt_put(const struct prompt *p, int width, struct buf *to)
{
	struct buf label = {0}, shown = {0};
	struct str end;
	int room, before;

	buf_printf(&label, " %s: ", p->label);
	before = width_of(buf_get(&label));
	room = width - before - 1;              /* and the cursor */
	width_put_shown(&shown, buf_get(&p->typed));
	for (end = buf_get(&shown); end.n && width_of(end) > room; )
		letter_take(&end);
	buf_str(&label, end);
	width_put(to, buf_get(&label), width, 0, 1);
	before += width_of(end);
	buf_release(&label);
	buf_release(&shown);
	return before;
}

void
prompt_put_state(struct buf *to, const struct buf *message, const struct buf *range, const struct buf *filter, const char *keys)
{
	if (message->n) {
		buf_lit(to, "   ");
		width_put_shown(to, buf_get(message));
		return;
	}
	if (range->n) {
		buf_lit(to, "   range ");
		width_put_shown(to, buf_get(range));
	}
	if (filter->n) {
		buf_lit(to, "   filter ");
		width_put_shown(to, buf_get(filter));
	}
	buf_printf(to, "   %s", keys);
}

void
prompt_put_file(struct buf *to, struct str id)
{
	for (size_t i = 0; i < id.n && i < 64; i++)
		buf_byte(to, strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-", id.p[i]) && id.p[i] ? id.p[i] : '_');
	buf_lit(to, ".html");
}

void
prompt_help(struct canvas *c, int width, int height, int ascii, const char *keys)
{
	struct str rest = str_of(keys), line;
	int y = 2;

	canvas_init(c, width, height, ascii);
	canvas_box(c, 0, 0, width, height, CANVAS_FRAME);
	canvas_lit(c, 2, 0, width - 4, " Keys ", CANVAS_TITLE);
	while (str_cut(&rest, '\n', &line) && y < height - 1)
		canvas_text(c, 2, y++, width - 4, line, CANVAS_PLAIN);
}
