/* skip.h - a test that cannot run here says why and passes: what cmocka's own skip() prints is a failure to prove. */
#ifndef UNIT_SKIP_H
#define UNIT_SKIP_H

#define SKIP(why) do { print_message("# skipped: %s\n", (why)); return; } while (0)

#endif
