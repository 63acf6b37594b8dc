#include "dash/render.h"

static void
put_text(const struct drawing *d, const struct rendering *r, struct buf *to)
{
	struct canvas c;

	if (d->is_plain) {
		draw_plain(d, to);
		return;
	}
	draw_dashboard(&c, d, r->width, 0, r->ascii, NULL);
	canvas_print(&c, r->colors, to);
	canvas_release(&c);
}

const struct render_format render_formats[] = { { "txt", put_text }, { NULL, NULL } };

const struct render_format *
render_find(const char *file, struct err *err)
{
	const char *dot = strrchr(file, '.'), *name = dot ? dot + 1 : file;

	for (const struct render_format *f = render_formats; f->name; f++)
		if (strcmp(f->name, name) == 0)
			return f;
	err_set(err, ERR_USAGE, "'%s' is no kind of file that a dashboard can be, try .txt", file);
	return NULL;
}
