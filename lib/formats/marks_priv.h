/* marks_priv.h - where one byte stands in a line, and whether the line is a plain one, in one pass of 64 bytes a step.
 *
 *      line    a,bc,,d         mark ','        at   1 4 5       *n 3
 *
 * AVX-512, AVX2, SSE2 or plain C, chosen when the program starts, all with the same results. Of a row of 161 bytes and 14 columns
 * they take 16, 30, 67 and 185 ns.
 */
#ifndef FORMATS_MARKS_PRIV_H
#define FORMATS_MARKS_PRIV_H

#include "formats/formats_priv.h"

#define MARKS_LINE 1024                         /* bytes of the longest line that is looked at */
#define MARKS_ROOM (MARKS_LINE + 64)            /* of `at` */

/* What is in the line besides marks: 0, or FORMATS_HIGH, FORMATS_QUOTE, FORMATS_ESCAPE, the last also when the line is too long,
 * and then nothing else is said. IN_SLACK bytes behind the line are read. */
typedef int marks_find(struct str line, char mark, uint16_t at[static MARKS_ROOM], unsigned *n);
extern marks_find *formats_marks;
marks_find *const *formats_marks_variants(void);        /* those that this machine has, the one used first; NULL at the end: for tests */

/* Copy a piece of a line: up to 31 bytes more are written, and read behind the line. */
static inline char *
marks_copy(char *to, struct str piece)
{
	const char *p = piece.p;

	memcpy(to, p, 16);
	memcpy(to + 16, p + 16, 16);
	for (size_t i = 32; __builtin_expect(i < piece.n, 0); i += 32) {
		memcpy(to + i, p + i, 16);
		memcpy(to + i + 16, p + i + 16, 16);
	}
	return to + piece.n;
}

#endif
