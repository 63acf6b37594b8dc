/* folder.h - a folder of a test's own, gone when the test is over; and a call that must go well. */
#ifndef UNIT_FOLDER_H
#define UNIT_FOLDER_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char dir[64];

#define OK(call) do { int rc_ = (int)(call); if (rc_ < 0) fail_msg("%s: %s", #call, err.text); } while (0)

static inline int
folder_remove_one(const char *path, const struct stat *st, int what, struct FTW *f)
{
	(void)st, (void)what, (void)f;
	return remove(path);
}

static inline int
folder_set_up(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/at-unit-XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static inline int
folder_tear_down(void **state)
{
	(void)state;
	return nftw(dir, folder_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

#endif
