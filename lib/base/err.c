#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int
err_set(struct err *err, int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	err->col = 0;
	return err->code = code;
}

int
err_col(struct err *err, long col, int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	err->col = col;
	return err->code = code;
}

int
err_at(struct err *err, const char *fmt, ...)
{
	char was[sizeof(err->text)];
	va_list ap;
	int n;

	memcpy(was, err->text, sizeof(was));
	va_start(ap, fmt);
	n = vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	if (n >= 0 && (size_t)n < sizeof(err->text))
		snprintf(err->text + n, sizeof(err->text) - n, ": %.*s", (int)sizeof(was), was);
	return err->code;
}

void
err_clear(struct err *err)
{
	err->code = 0;
	err->col = 0;
	err->text[0] = 0;
}
