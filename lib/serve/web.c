/* web.c - the dashboards' page: its files, packed when the program was built, and the site's own widgets from config/widgets/.
 *
 * The page is one document; what it shows stands behind the # of its address. Its files lie in serve/web/ as they are written, and
 * travel inside the program as gzip. Each has an ETag, so that a browser that was here before asks and is told 304.
 *
 * The policy lets the page load from this server alone: nothing inline, no eval, no form or frame of others, and texts never become HTML
 * (Trusted Types). What frames a shared dashboard stands in `serve.frames`; the rest is never framed.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/gz.h"
#include "serve/serve_priv.h"

#ifndef WEB_DIR
#define WEB_DIR "build/lib/serve/web"           /* the Makefile says where the packed files lie */
#endif
#define MODULE_MOST (512 << 10)                 /* bytes of a widget's module */
#define UNPACKED_MOST (4 << 20)

#define FILES(X) \
	X(index, "index.html", "text/html; charset=utf-8") \
	X(app_css, "app.css", "text/css; charset=utf-8") \
	X(icon, "icon.svg", "image/svg+xml") \
	X(admin, "admin.js", JS) \
	X(api, "api.js", JS) \
	X(app, "app.js", JS) \
	X(board, "board.js", JS) \
	X(chart, "chart.js", JS) \
	X(dom, "dom.js", JS) \
	X(early, "early.js", JS) \
	X(edit, "edit.js", JS) \
	X(explore, "explore.js", JS) \
	X(format, "format.js", JS) \
	X(live, "live.js", JS) \
	X(login, "login.js", JS) \
	X(picture, "picture.js", JS) \
	X(question, "question.js", JS) \
	X(shapes, "shapes.js", JS) \
	X(shared, "shared.js", JS) \
	X(widgets, "widgets.js", JS)
#define JS "text/javascript; charset=utf-8"

#define EMBED(name, file, type) \
	__asm__(".pushsection .rodata\n.globl serve_web_" #name "\n.hidden serve_web_" #name "\nserve_web_" #name ":\n.incbin \"" WEB_DIR "/" file ".gz\"\n" \
	    ".globl serve_web_" #name "_end\n.hidden serve_web_" #name "_end\nserve_web_" #name "_end:\n.popsection\n"); \
	extern const char serve_web_##name[], serve_web_##name##_end[];
FILES(EMBED)

#define ROW(name, file, type) { file, type, serve_web_##name, serve_web_##name##_end },
static const struct file { const char *name, *type, *from, *to; } files[] = { FILES(ROW) };

#define POLICY \
	"default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; object-src 'none'; base-uri 'none'; " \
	"form-action 'self'; require-trusted-types-for 'script'; trusted-types 'none'; frame-ancestors"

static int
takes_gzip(const struct exchange *ex)
{
	struct str list = http_header(ex->request, "Accept-Encoding"), piece;

	while (list.p && str_cut(&list, ',', &piece)) {
		piece = str_trim(piece);
		if (str_starts(piece, STR("gzip")))
			return !memmem(piece.p, piece.n, "q=0", 3) || memmem(piece.p, piece.n, "q=0.", 4) != NULL;
	}
	return 0;
}

static void
send_cached(struct exchange *ex, const char *type, struct str body, uint64_t hash)
{
	struct str tags = http_header(ex->request, "If-None-Match");
	char tag[24];
	int n = snprintf(tag, sizeof(tag), "%016llx", (unsigned long long)hash);

	exchange_etag(ex, (struct str){ tag, (size_t)n });
	exchange_head(ex, "Cache-Control", STR("no-cache"));
	if (tags.p && memmem(tags.p, tags.n, tag, (size_t)n))
		exchange_send(ex, 304, NULL, (struct str){ 0 });
	else
		exchange_send(ex, 200, type, body);
}

static void
send_file(struct exchange *ex, const struct file *f)
{
	struct str packed = { f->from, (size_t)(f->to - f->from) }, rest = packed;
	uint64_t hash = str_hash_stable(packed);
	struct buf plain = { 0 };
	struct gz *gz;
	struct err err = { 0 };
	size_t got = 1;

	if (takes_gzip(ex)) {
		exchange_head(ex, "Content-Encoding", STR("gzip"));
		exchange_head(ex, "Vary", STR("Accept-Encoding"));
		send_cached(ex, f->type, packed, hash);
		return;
	}
	gz = gz_new();
	while (got && plain.n < UNPACKED_MOST && gz_unpack(gz, &rest, buf_room(&plain, 65536), 65536, &got, &err) == 0)
		plain.n += got;
	gz_free(gz);
	send_cached(ex, f->type, buf_get(&plain), hash + 1);
	buf_release(&plain);
}

/* frame-ancestors: what `serve.frames` names; nobody else. */
static void
set_policy(struct exchange *ex)
{
	struct json list = config_get(ex->config, "analytics", "serve.frames");
	struct buf b = { 0 };
	struct json_iter it;
	int n = 0;

	buf_lit(&b, POLICY);
	for (it = json_iter(list); list.type == JSON_ARRAY && json_next(&it); n++) {
		struct str origin = exchange_text(ex, it.value);

		buf_byte(&b, ' ');
		for (size_t i = 0; i < origin.n; i++)           /* a name cannot end the directive */
			if (origin.p[i] != ';' && origin.p[i] != ',' && origin.p[i] > ' ')
				buf_byte(&b, origin.p[i]);
	}
	if (!n)
		buf_lit(&b, " 'none'");
	exchange_head(ex, "Content-Security-Policy", buf_get(&b));
	buf_release(&b);
}

static void
front(struct exchange *ex)
{
	set_policy(ex);
	exchange_head(ex, "Cross-Origin-Opener-Policy", STR("same-origin"));
	exchange_head(ex, "Permissions-Policy", STR("camera=(), microphone=(), geolocation=(), payment=(), usb=()"));
	send_file(ex, &files[0]);
}

static void
web_file(struct exchange *ex)
{
	for (size_t i = 1; i < sizeof(files) / sizeof(*files); i++)
		if (str_eq(ex->segment[0], str_of(files[i].name))) {
			exchange_head(ex, "Content-Security-Policy", STR("default-src 'none'; frame-ancestors 'none'"));
			send_file(ex, &files[i]);
			return;
		}
	exchange_problem(ex, 404, "there is nothing at this path");
}

/* ---- widgets of the site */

/* Small letters, digits, - and _, then .js: no way out of the folder. */
static int
module_name_is_good(struct str name)
{
	if (name.n < 4 || name.n > 64 || memcmp(name.p + name.n - 3, ".js", 3) != 0)
		return 0;
	for (size_t i = 0; i < name.n - 3; i++)
		if (!strchr("abcdefghijklmnopqrstuvwxyz0123456789-_", name.p[i]) || !name.p[i])
			return 0;
	return name.p[0] != '-' && name.p[0] != '_';
}

static void
widget_file(struct exchange *ex)
{
	struct buf path = { 0 }, text = { 0 };
	struct stat st;
	int fd = -1;

	if (module_name_is_good(ex->segment[0]) && ex->serve->spec.config) {
		buf_printf(&path, "%s/widgets/%.*s", ex->serve->spec.config, STR_FMT(ex->segment[0]));
		fd = open(buf_text(&path), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	}
	if (fd < 0 || fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_size > MODULE_MOST) {
		exchange_problem(ex, 404, "there is no widget of this name in config/widgets/, a .js file of at most %d KiB", MODULE_MOST >> 10);
	} else {
		ssize_t got;

		while (text.n <= MODULE_MOST && ((got = read(fd, buf_room(&text, 65536), 65536)) > 0 || (got < 0 && errno == EINTR)))
			text.n += got > 0 ? (size_t)got : 0;
		exchange_head(ex, "Content-Security-Policy", STR("default-src 'none'; frame-ancestors 'none'"));
		send_cached(ex, JS, buf_get(&text), str_hash_stable(buf_get(&text)));
	}
	if (fd >= 0)
		close(fd);
	buf_release(&path);
	buf_release(&text);
}

const struct route route_web[] = {
	{ "GET", "/", "The dashboards.", AUTH_READ, NULL, NULL, NULL, "text/html", 200, ROUTE_LOOP, 0, front },
	{ "GET", "/web/{file}", "A file of theirs.", AUTH_READ, NULL, NULL, NULL, "text/javascript", 200, ROUTE_LOOP, 0, web_file, .quiet = 1 },
	{ "GET", "/widgets/{file}", "A widget of the site, from config/widgets/.", AUTH_READ, NULL, NULL, NULL, "text/javascript", 200, ROUTE_POOL, 0, widget_file, .quiet = 1 },
	{ 0 }
};
