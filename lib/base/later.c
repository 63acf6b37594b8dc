#include "base/later.h"

#include <dlfcn.h>
#include <stddef.h>

int
later_open(const char *library, const struct later_symbol *symbol, struct err *err)
{
	void *handle = dlopen(library, RTLD_NOW);

	for (; handle && symbol->name; symbol++)
		if (!(*symbol->to = dlsym(handle, symbol->name)))
			handle = NULL;
	return handle ? 0 : err_set(err, ERR_IO, "a library is missing: %s", dlerror());
}
