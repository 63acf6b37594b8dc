/* aside.h - bytes put aside for later: in memory, and in a temporary file once that is too much.
 *
 * The file is in $TMPDIR (/tmp), has no name there, and is gone with the process whatever becomes of that. It is mapped, so what was put
 * aside lies at p either way; its blocks are there before anything is written to them, so a full disk is an error and no signal.
 */
#ifndef BASE_ASIDE_H
#define BASE_ASIDE_H

#include <stddef.h>
#include <string.h>

#include "base/err.h"

const char *aside_directory(void);      /* for temporary files and folders: $TMPDIR, or /tmp */
int aside_file(void);                   /* a file of that kind, for reading and writing; -1 and errno */

struct aside_bound { size_t most, taken; };     /* bytes of memory for all that share it; taken: atomic */

struct aside {                          /* zeros and a bound are ready. p moves when something is added */
	char *p;
	size_t n, cap;
	struct aside_bound *bound;
	int in_file, fd;
};
int aside_room(struct aside *, size_t more, struct err *);      /* 0; ERR_IO, and what was there still is */
void aside_release(struct aside *);     /* empty and ready again */

static inline int
aside_add(struct aside *a, const void *from, size_t n, struct err *err)
{
	int rc = a->cap - a->n < n ? aside_room(a, n, err) : 0;

	if (rc == 0 && n) {
		memcpy(a->p + a->n, from, n);
		a->n += n;
	}
	return rc;
}

#endif
