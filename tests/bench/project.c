/* How fast rows are checked and projected on this machine, for each instruction set it has:
 *
 *      make build/bench/project && build/bench/project FILE [FIELD…]
 *
 * The best of five rounds over the file's lines, which are read before. */
#include <stdio.h>
#include <stdlib.h>

#include "base/time.h"
#include "json/project_priv.h"

static struct str *row;
static size_t rows, bytes;

static void
read_rows(const char *path)
{
	FILE *f = fopen(path, "rb");
	char *text, *p, *line_end;

	if (!f) {
		perror(path);
		exit(1);
	}
	fseek(f, 0, SEEK_END);
	bytes = (size_t)ftell(f);
	rewind(f);
	text = malloc(bytes + 1);
	if (fread(text, 1, bytes, f) != bytes)
		exit(1);
	fclose(f);
	row = malloc((bytes / 2 + 1) * sizeof(*row));
	for (p = text; (line_end = memchr(p, '\n', (size_t)(text + bytes - p))); p = line_end + 1)
		row[rows++] = (struct str){ p, (size_t)(line_end - p) };
}

static void
tell(const char *what, const char *variant, int64_t ns)
{
	printf("%-8s %-9s %6.3f s  %5.2f GB/s  %6.1f ns a row\n", what, variant, (double)ns / 1e9, (double)bytes / (double)ns,
	    (double)ns / (double)rows);
}

int
main(int argc, char **argv)
{
	static const char *const usual[] = { "timestamp", "source", "revenue", "user_id" };
	struct json out[PROJECT_MOST];
	struct err err = { 0 };

	if (argc < 2)
		return 2;
	read_rows(argv[1]);
	for (const struct json_variant *const *v = json_variants(); *v; v++) {
		int64_t best[2] = { INT64_MAX, INT64_MAX };

		json_use(*v);
		for (int round = 0; round < 5; round++) {
			struct project *project = project_new();
			int64_t from;

			for (int i = 0; i < (argc > 2 ? argc - 2 : 4); i++)
				project_field(project, str_of(argc > 2 ? argv[i + 2] : usual[i]), &err);
			from = time_mono_ns();
			for (size_t i = 0; i < rows; i++)
				if (project_row(project, row[i], out, &err) < 0) {
					puts(err.text);
					return 1;
				}
			from = time_mono_ns() - from;
			best[0] = from < best[0] ? from : best[0];
			project_free(project);
			from = time_mono_ns();
			for (size_t i = 0; i < rows; i++)
				if (json_check(row[i], &err) < 0) {
					puts(err.text);
					return 1;
				}
			from = time_mono_ns() - from;
			best[1] = from < best[1] ? from : best[1];
		}
		tell("project", (*v)->name, best[0]);
		tell("check", (*v)->name, best[1]);
	}
	return 0;
}
