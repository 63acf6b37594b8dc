/* later.h - a library that is loaded when it is first wanted, not whenever the command starts.
 *
 * Loading readline takes 0.4 ms, a tenth of what a short question takes in all, and only the shell wants it; libjq and Oniguruma take as
 * much, and most commands want neither. So the file that is a library's door lists the names that it uses, and everything else in it stays as if the library had been linked:
 *
 *      #define NAMES(f) f(using_history) f(rl_catch_signals)
 *      static struct { NAMES(LATER_POINTER) } lib;
 *      static const struct later_symbol symbols[] = { NAMES(LATER_SYMBOL) { 0 } };
 *      #define using_history    (*lib.using_history)
 *      #define rl_catch_signals (*lib.rl_catch_signals)
 *
 *      later_open("libreadline.so.8", symbols, err)
 */
#ifndef BASE_LATER_H
#define BASE_LATER_H

#include "base/err.h"

struct later_symbol { const char *name; void **to; };
#define LATER_POINTER(name) __typeof__(name) *name;
#define LATER_SYMBOL(name)  { #name, (void **)&lib.name },

/* Load it and find all its symbols, once; it stays. From any thread, as often as one likes. 0 or < 0. */
int later_open(const char *library, const struct later_symbol *, struct err *);

#endif
