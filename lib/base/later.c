#include "base/later.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stddef.h>

int
later_open(const char *library, const struct later_symbol *symbols, struct err *err)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	const struct later_symbol *s = symbols;
	int rc = 0;

	pthread_mutex_lock(&lock);
	if (!*symbols->to) {            /* the first is there when all are */
		void *handle = dlopen(library, RTLD_NOW);

		for (; handle && s->name; s++)
			if (!(*s->to = dlsym(handle, s->name)))
				handle = NULL;
		if (!handle) {
			*symbols->to = NULL;
			rc = err_set(err, ERR_IO, "a library is missing: %s", dlerror());
		}
	}
	pthread_mutex_unlock(&lock);
	return rc;
}
