#include "config/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"
#include "config/schema.h"

#define FILE_MOST (16u << 20)                   /* bytes of one file: people write these by hand */

/* The schemas stand beside this file and are put into the program as they are. */
#define EMBED(symbol, file) \
	__asm__(".pushsection .rodata\n" #symbol ":\n.incbin \"lib/config/" file "\"\n.byte 0\n.popsection\n"); \
	extern const char symbol[] __attribute__((visibility("hidden")))
EMBED(config_schema_analytics, "analytics.json");
EMBED(config_schema_sources, "data-sources.json");
EMBED(config_schema_dashboards, "dashboards.json");

enum { FILES = 3 };
static const struct { const char *name, *schema; } files[FILES] = {
	{ "analytics", config_schema_analytics },
	{ "data-sources", config_schema_sources },
	{ "dashboards", config_schema_dashboards },
};

struct config {
	struct buf text[FILES]; /* with the environment in it */
	struct json value[FILES];
};

/* The whole file. 1, 0 when it is not there, < 0. */
static int
slurp(const char *path, struct buf *b, struct err *err)
{
	int fd = io_open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0);
	struct stat st;
	ssize_t got = 0;

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	if (fd < 0 || fstat(fd, &st))
		goto fail;
	if (!S_ISREG(st.st_mode)) {
		close(fd);
		return err_set(err, ERR_IO, "%s: is no regular file", path);
	}
	while ((got = io_read(fd, buf_room(b, 65536), 65536)) != 0) {
		if (got < 0)
			goto fail;
		b->n += (size_t)got;
		if (b->n > FILE_MOST) {
			close(fd);
			return err_set(err, ERR_LIMIT, "%s: is larger than %u MiB", path, FILE_MOST >> 20);
		}
	}
	close(fd);
	return 1;
fail:
	err_set(err, ERR_IO, "%s: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return err->code;
}

static int
is_name(struct str s)
{
	if (!s.n || s.n > 128 || (s.p[0] >= '0' && s.p[0] <= '9'))
		return 0;
	for (size_t i = 0; i < s.n; i++)
		if (!((s.p[i] | 0x20) >= 'a' && (s.p[i] | 0x20) <= 'z') && !(s.p[i] >= '0' && s.p[i] <= '9') && s.p[i] != '_')
			return 0;
	return 1;
}

/* Text with ${NAME} replaced; "$${" is a plain "${". */
static int
expand_text(struct str text, struct buf *out, struct err *err)
{
	for (size_t i = 0; i < text.n; i++) {
		struct str rest = { text.p + i, text.n - i }, name;
		const char *close, *value;
		char word[129];

		if (str_starts(rest, STR("$${"))) {
			buf_lit(out, "${");
			i += 2;
			continue;
		}
		if (!str_starts(rest, STR("${"))) {
			buf_byte(out, text.p[i]);
			continue;
		}
		close = memchr(rest.p, '}', rest.n);
		name = (struct str){ rest.p + 2, close ? (size_t)(close - rest.p) - 2 : 0 };
		if (!is_name(name))
			return err_set(err, ERR_INPUT, "'%.*s' is no ${NAME} of the environment, write $${ for a plain ${",
			    (int)(rest.n > 40 ? 40 : rest.n), rest.p);
		memcpy(word, name.p, name.n);
		word[name.n] = 0;
		if (!(value = getenv(word)))
			return err_set(err, ERR_INPUT, "${%s} is not set in the environment", word);
		if (str_utf8_fault(str_of(value)) >= 0)
			return err_set(err, ERR_INPUT, "${%s} is no UTF-8", word);
		buf_lit(out, value);
		i += name.n + 2;
	}
	return 0;
}

/* Copy a value, with the environment put into its texts. When it fails, path leads to the culprit. */
static int
expand(struct json v, struct buf *out, struct buf *path, struct err *err)
{
	struct json_iter it;
	struct buf text = { 0 }, scratch = { 0 };
	size_t from, here = path->n;
	int rc = 0;

	switch (v.type) {
	case JSON_STRING:
		if (!(rc = expand_text(json_text(v, &scratch), &text, err)))
			json_put_string(out, buf_get(&text));
		break;
	case JSON_OBJECT:
	case JSON_ARRAY:
		buf_byte(out, v.type == JSON_OBJECT ? '{' : '[');
		from = out->n;
		for (it = json_iter(v); !rc && json_next(&it); ) {
			path->n = here;
			if (out->n > from)
				buf_byte(out, ',');
			if (v.type == JSON_OBJECT) {
				if (here)
					buf_byte(path, '.');
				buf_str(path, json_text(it.key, &scratch));
				buf_str(out, json_raw(it.key));
				buf_byte(out, ':');
			}
			rc = expand(it.value, out, path, err);
		}
		buf_byte(out, v.type == JSON_OBJECT ? '}' : ']');
		break;
	default:
		buf_str(out, json_raw(v));
	}
	buf_release(&text);
	buf_release(&scratch);
	return rc;
}

static int
check_text(const char *path, struct buf *text, struct err *err)
{
	struct str all = buf_get(text);
	long line = 1, col;

	if (str_starts(all, STR("\xef\xbb\xbf")))
		memset(text->p, ' ', 3);
	if (json_check(all, err)) {
		col = err->col > 0 && (size_t)err->col <= all.n + 1 ? err->col : 1;
		for (const char *p = all.p, *end = all.p + col - 1; (p = memchr(p, '\n', (size_t)(end - p))); line++)
			col = end - ++p + 1;
		return err_at(err, "%s:%ld:%ld", path, line, col);
	}
	return 0;
}

int
config_read(const char *path, struct buf *text, struct err *err)
{
	int rc = slurp(path, text, err);

	if (rc == 0)
		return err_set(err, ERR_IO, "%s: No such file or directory", path);
	return rc < 0 ? rc : check_text(path, text, err);
}

static int
load(struct config *c, int i, const char *dir, struct err *err)
{
	struct buf path = { 0 }, raw = { 0 }, at = { 0 };
	struct schema *schema = NULL;
	struct json rules = json_value(str_of(files[i].schema));
	int rc;

	buf_printf(&path, "%s/%s.json", dir, files[i].name);
	if ((rc = slurp(buf_text(&path), &raw, err)) <= 0)
		goto out;
	if ((rc = check_text(path.p, &raw, err)))
		goto out;
	if (json_value(buf_get(&raw)).type != JSON_OBJECT) {
		rc = err_set(err, ERR_INPUT, "%s: wants an object, {…}", path.p);
		goto out;
	}
	if ((rc = expand(json_value(buf_get(&raw)), &c->text[i], &at, err))) {
		err_at(err, "%s: %.80s", path.p, buf_text(&at));
		goto out;
	}
	c->value[i] = json_value(buf_get(&c->text[i]));
	schema = schema_new(rules, rules, NULL, err);
	if (!schema || (rc = schema_check(schema, c->value[i], NULL, NULL, err)))
		rc = err_at(err, "%s", path.p);
out:
	buf_release(&at);
	schema_free(schema);
	buf_release(&raw);
	buf_release(&path);
	return rc;
}

struct config *
config_open(const char *dir, struct err *err)
{
	struct config *c = mem_new(sizeof(*c));

	for (int i = 0; i < FILES; i++)
		if (dir && load(c, i, dir, err) < 0) {
			if (err->code == ERR_INPUT)     /* of the configuration, not of a row: wrong usage */
				err->code = ERR_USAGE;
			err->col = 0;
			config_close(c);
			return NULL;
		}
	return c;
}

void
config_pack(const struct config *c, struct buf *text)
{
	for (int i = 0; i < FILES; i++) {
		buf_byte(text, i ? ',' : '[');
		if (c->value[i].type)
			buf_str(text, buf_get(&c->text[i]));
		else
			buf_lit(text, "null");
	}
	buf_byte(text, ']');
}

struct config *
config_unpack(struct str text, struct err *err)
{
	struct json all = json_check(text, err) ? JSON_ABSENT : json_value(text);
	struct config *c = mem_new(sizeof(*c));
	struct json_iter it = json_iter(all);

	for (int i = 0; i < FILES; i++) {
		if (all.type != JSON_ARRAY || !json_next(&it) || (it.value.type != JSON_OBJECT && it.value.type != JSON_NULL)) {
			config_close(c);
			if (!err->code)
				err_set(err, ERR_INPUT, "no packed configuration");
			return NULL;
		}
		if (it.value.type == JSON_OBJECT) {
			buf_str(&c->text[i], json_raw(it.value));
			c->value[i] = json_value(buf_get(&c->text[i]));
		}
	}
	return c;
}

void
config_close(struct config *c)
{
	if (!c)
		return;
	for (int i = 0; i < FILES; i++)
		buf_release(&c->text[i]);
	free(c);
}

struct json
config_get(const struct config *c, const char *file, const char *path)
{
	for (int i = 0; c && i < FILES; i++)
		if (strcmp(files[i].name, file) == 0) {
			struct json v = c->value[i];
			struct str rest = str_of(path), key;

			while (v.type && rest.p && rest.n && str_cut(&rest, '.', &key))
				v = json_get(v, key);
			return v;
		}
	return JSON_ABSENT;
}

const char *
config_schema(const char *file)
{
	for (int i = 0; i < FILES; i++)
		if (strcmp(files[i].name, file) == 0)
			return files[i].schema;
	return NULL;
}
