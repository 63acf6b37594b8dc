/* at.h - the analytics store and engine as a C library. See at(3). */
#ifndef AT_AT_H
#define AT_AT_H

#pragma GCC visibility push(default)

const char *at_version(void);                   /* "0.1.0" */

#pragma GCC visibility pop
#endif
