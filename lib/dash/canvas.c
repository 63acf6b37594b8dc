#include "dash/canvas.h"

#include <math.h>
#include <stdlib.h>

#include "base/letter.h"
#include "base/mem.h"
#include "base/width.h"

#define LARGEST 20000                   /* columns, lines */

/* Curves: the colours of Okabe and Ito, which people tell apart whatever their eyes; heats: viridis. Dark ones are lighter. */
static const struct { int16_t number; uint32_t light, dark; } colors[CANVAS_ROLES] = {
	[CANVAS_PLAIN] = { -1, 0x1f2933, 0xe6e9ee }, [CANVAS_FAINT] = { 245, 0x5f6b7a, 0x9aa5b4 }, [CANVAS_FRAME] = { 240, 0xc9d1da, 0x3a4452 },
	[CANVAS_TITLE] = { -1, 0x1f2933, 0xe6e9ee }, [CANVAS_GOOD] = { 35, 0x007a59, 0x35c79b }, [CANVAS_BAD] = { 203, 0xb3261e, 0xff8a80 },
	[CANVAS_FOCUS] = { 39, 0x0072b2, 0x56b4e9 }, [CANVAS_CHOSEN] = { -1, 0x1f2933, 0xe6e9ee },
	[CANVAS_CURVE] = { 39, 0x0072b2, 0x56b4e9 }, { 214, 0xb87a00, 0xe69f00 }, { 36, 0x00805c, 0x1fbf94 }, { 202, 0xc14a00, 0xff8a4c }, { 175, 0xa8457f, 0xe08bbd },
	    { 227, 0x857a00, 0xf0e442 }, { 250, 0x4a5560, 0xb8c2cc }, { 63, 0x4b3fb0, 0x9a90ff },
	[CANVAS_HEAT] = { 17, 0x440154, 0x440154 }, { 18, 0x481a6c, 0x481a6c }, { 54, 0x472f7d, 0x472f7d }, { 60, 0x414487, 0x414487 },
	    { 24, 0x39568c, 0x39568c }, { 25, 0x31688e, 0x31688e }, { 30, 0x2a788e, 0x2a788e }, { 31, 0x23888e, 0x23888e }, { 36, 0x1f988b, 0x1f988b },
	    { 35, 0x22a884, 0x22a884 }, { 71, 0x35b779, 0x35b779 }, { 77, 0x54c568, 0x54c568 }, { 113, 0x7ad151, 0x7ad151 }, { 149, 0xa5db36, 0xa5db36 },
	    { 185, 0xd2e21b, 0xd2e21b }, { 227, 0xfde725, 0xfde725 },
};

int
canvas_256(enum canvas_role role)
{
	return colors[role].number;
}

uint32_t
canvas_rgb(enum canvas_role role, int dark)
{
	return dark ? colors[role].dark : colors[role].light;
}

void
canvas_init(struct canvas *c, int width, int height, int ascii)
{
	*c = (struct canvas){ width < 1 ? 1 : width > LARGEST ? LARGEST : width, height < 1 ? 1 : height > LARGEST ? LARGEST : height, ascii, NULL };
	c->cell = mem_new((size_t)c->width * (size_t)c->height * sizeof(*c->cell));
}

void
canvas_release(struct canvas *c)
{
	free(c->cell);
	*c = (struct canvas){0};
}

/* What half of a wide character remains when the other is drawn over is a blank. */
static void
put_wide(struct canvas *c, int x, int y, uint32_t character, enum canvas_role role, int wide)
{
	struct canvas_cell *cell;

	if (x < 0 || y < 0 || y >= c->height || x + wide >= c->width)
		return;
	cell = canvas_at(c, x, y);
	if (!cell->c[0] && x > 0 && cell[-1].wide)
		cell[-1] = (struct canvas_cell){ { ' ' }, cell[-1].role, 0 };
	if (x + wide + 1 < c->width && (wide ? cell[1].wide : cell->wide))
		cell[wide + 1] = (struct canvas_cell){ { ' ' }, cell[wide + 1].role, 0 };
	*cell = (struct canvas_cell){ { character }, (uint8_t)role, (uint8_t)wide };
	if (wide)
		cell[1] = (struct canvas_cell){ { 0 }, (uint8_t)role, 0 };
}

void
canvas_put(struct canvas *c, int x, int y, uint32_t character, enum canvas_role role)
{
	put_wide(c, x, y, character, role, 0);
}

/* Characters that are not to be seen and change how others are. */
static int
is_hidden(uint32_t c)
{
	return c == 0x61c || c == 0x180e || (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) || c == 0xfeff ||
	    (c >= 0xfff9 && c <= 0xfffb) || (c >= 0xe0000 && c <= 0xe0fff);
}

/* Text of others as text that is harmless. */
static void
put_harmless(struct buf *b, struct str text)
{
	struct buf shown = {0};
	struct str rest;

	width_put_shown(&shown, text);
	for (rest = buf_get(&shown); rest.n; ) {
		uint32_t c = letter_take(&rest);

		if (c & LETTER_NONE)
			buf_lit(b, "\xef\xbf\xbd");
		else if (c == 0x200d || (c >= 0xfe00 && c <= 0xfe0f))
			continue;               /* joins emoji, chooses how they look: terminals disagree about their width then */
		else if (is_hidden(c))
			buf_printf(b, "\\u%04x", c);
		else
			letter_put(b, c);
	}
	buf_release(&shown);
}

int
canvas_text(struct canvas *c, int x, int y, int most, struct str text, enum canvas_role role)
{
	struct buf harmless = {0};
	struct str rest, from;
	int used = 0, all;

	put_harmless(&harmless, (struct str){ text.p, text.n > 4096 ? 4096 : text.n });
	rest = buf_get(&harmless);
	all = width_of(rest);
	while (rest.n && used < most) {
		uint32_t character;
		int width;

		from = rest;
		character = letter_take(&rest);
		width = width_of((struct str){ from.p, (size_t)(rest.p - from.p) });
		if (width == 0) {
			struct canvas_cell *before = used > 0 && x + used >= 1 && x + used <= c->width && y >= 0 && y < c->height ? canvas_at(c, x + used - 1, y) : NULL;

			if (before && !before->c[0] && x + used >= 2)
				before--;
			if (before && before->c[0] && !c->ascii && !before->c[2])
				before->c[before->c[1] ? 2 : 1] = character;
			continue;
		}
		if (used + width > most || (all > most && used + width > most - 1)) {
			canvas_put(c, x + used++, y, c->ascii ? '~' : 0x2026, role);
			break;
		}
		if (c->ascii && character > 0x7e)
			for (int i = 0; i < width; i++)
				canvas_put(c, x + used + i, y, '?', role);
		else
			put_wide(c, x + used, y, character, role, width - 1);
		used += width;
	}
	buf_release(&harmless);
	return used;
}

int
canvas_right(struct canvas *c, int x, int y, int most, struct str text, enum canvas_role role)
{
	struct buf harmless = {0};
	int width;

	put_harmless(&harmless, (struct str){ text.p, text.n > 4096 ? 4096 : text.n });
	width = width_of(buf_get(&harmless));
	buf_release(&harmless);
	return canvas_text(c, x - (width < most ? width : most), y, most, text, role);
}

int
canvas_lit(struct canvas *c, int x, int y, int most, const char *text, enum canvas_role role)
{
	return canvas_text(c, x, y, most, str_of(text), role);
}

void
canvas_box(struct canvas *c, int x, int y, int width, int height, enum canvas_role role)
{
	static const uint32_t lines[2][6] = { { 0x256d, 0x256e, 0x2570, 0x256f, 0x2500, 0x2502 }, { '+', '+', '+', '+', '-', '|' } };
	const uint32_t *l = lines[c->ascii != 0];

	for (int i = 1; i < width - 1; i++) {
		canvas_put(c, x + i, y, l[4], role);
		canvas_put(c, x + i, y + height - 1, l[4], role);
	}
	for (int i = 1; i < height - 1; i++) {
		canvas_put(c, x, y + i, l[5], role);
		canvas_put(c, x + width - 1, y + i, l[5], role);
	}
	canvas_put(c, x, y, l[0], role);
	canvas_put(c, x + width - 1, y, l[1], role);
	canvas_put(c, x, y + height - 1, l[2], role);
	canvas_put(c, x + width - 1, y + height - 1, l[3], role);
}

/* In eighths; something is never nothing. */
static int
eighths(double length, int most)
{
	double n = length > 0 ? fmin(length, most) * 8 : 0;

	return n > 0 && n < 1 ? 1 : (int)lround(n);
}

void
canvas_bar(struct canvas *c, int x, int y, double columns, int most, enum canvas_role role)
{
	int n = eighths(columns, most);

	if (c->ascii)
		n = n > 0 && n < 8 ? 8 : (n + 4) / 8 * 8;
	for (int i = 0; i < n / 8; i++)
		canvas_put(c, x + i, y, c->ascii ? '#' : 0x2588, role);
	if (n % 8)
		canvas_put(c, x + n / 8, y, 0x2590 - (uint32_t)(n % 8), role);
}

void
canvas_column(struct canvas *c, int x, int y, double lines, int most, enum canvas_role role)
{
	int n = eighths(lines, most);

	if (c->ascii)
		n = n > 0 && n < 8 ? 8 : (n + 4) / 8 * 8;
	for (int i = 0; i < n / 8; i++)
		canvas_put(c, x, y - i, c->ascii ? '#' : 0x2588, role);
	if (n % 8)
		canvas_put(c, x, y - n / 8, 0x2580 + (uint32_t)(n % 8), role);
}

char
canvas_shade(double heat)
{
	static const char shades[] = " .:-=+*#%@";

	return shades[heat <= 0 ? 0 : heat >= 1 ? 9 : (int)(heat * 9.999)];
}

void
canvas_heat(struct canvas *c, int x, int y, double heat)
{
	static const uint32_t shades[] = { ' ', 0x2591, 0x2592, 0x2593, 0x2588 };
	double h = heat <= 0 ? 0 : heat >= 1 ? 1 : heat;

	canvas_put(c, x, y, c->ascii ? (uint32_t)canvas_shade(h) : shades[h <= 0 ? 0 : 1 + (int)fmin(h * 4, 3)],
	    (enum canvas_role)(CANVAS_HEAT + (int)fmin(h * CANVAS_HEATS, CANVAS_HEATS - 1)));
}

/* ---- as text */

static void
put_color(struct buf *to, int ground, enum canvas_role role, int depth)
{
	uint32_t rgb = canvas_rgb(role, 1);

	if (depth > 256)
		buf_printf(to, "%d;2;%u;%u;%u", ground, rgb >> 16, rgb >> 8 & 255, rgb & 255);
	else
		buf_printf(to, "%d;5;%d", ground, canvas_256(role));
}

static void
put_role(struct buf *to, enum canvas_role role, int depth)
{
	buf_lit(to, "\033[0");
	if (role == CANVAS_TITLE)
		buf_lit(to, ";1");
	else if (role == CANVAS_CHOSEN)
		buf_lit(to, ";7");
	else if (role >= CANVAS_HEAT) {
		buf_printf(to, ";38;5;%d;", role - CANVAS_HEAT > CANVAS_HEATS / 2 ? 16 : 231);
		put_color(to, 48, role, depth);
	} else if (canvas_256(role) >= 0) {
		buf_byte(to, ';');
		put_color(to, 38, role, depth);
	}
	buf_byte(to, 'm');
}

/* Shades, which colours replace. */
static int
is_shade(uint32_t c)
{
	return c >= 0x2588 && c <= 0x2593;
}

void
canvas_print(const struct canvas *c, int depth, struct buf *to)
{
	for (int y = 0; y < c->height; y++) {
		int role = CANVAS_PLAIN, end = c->width;

		while (end > 0) {
			const struct canvas_cell *cell = canvas_at(c, end - 1, y);

			if ((cell->c[0] && cell->c[0] != ' ') || (depth && cell->role >= CANVAS_CHOSEN) || (end > 1 && cell[-1].wide))
				break;
			end--;
		}
		for (int x = 0; x < end; x++) {
			const struct canvas_cell *cell = canvas_at(c, x, y);

			if (!cell->c[0] && x > 0 && cell[-1].wide)
				continue;
			if (depth && cell->role != role)
				put_role(to, (enum canvas_role)(role = cell->role), depth);
			letter_put(to, !cell->c[0] || (depth && cell->role >= CANVAS_HEAT && is_shade(cell->c[0])) ? ' ' : cell->c[0]);
			for (int i = 1; i < 3 && cell->c[i]; i++)
				letter_put(to, cell->c[i]);
		}
		if (role != CANVAS_PLAIN)
			buf_lit(to, "\033[0m");
		buf_byte(to, '\n');
	}
}
