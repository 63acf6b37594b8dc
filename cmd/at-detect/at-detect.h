/* at-detect.h - what at-detect does instead of judging metric rows. */
#ifndef AT_DETECT_H
#define AT_DETECT_H

#include "base/err.h"
#include "base/opt.h"
#include "pattern/pattern.h"
#include "store/store.h"

/* Match events against each of the texts. state: NULL, or the name in the store under which open matches are taken up and left. tell:
 * a match is exit status 3. */
void patterns(const struct opt_list *texts, struct pattern_spec *, char **files, struct store *, const char *state, int tell, struct err *);

#endif
