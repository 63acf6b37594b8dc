/* io.h - system calls seen through: what was interrupted is done again, what came short goes on, and a descriptor that would
 * block is waited for. For small files; rows go through in.h and out.h.
 */
#ifndef BASE_IO_H
#define BASE_IO_H

#include <stdint.h>
#include <sys/types.h>

/* open(2). While the program is asked to end (cmd_stopping) an interrupted one fails with EINTR: a FIFO may have no other end. */
int io_open(const char *path, int flags, int mode);

/* n bytes, fewer only at the end of the file; -1 and errno. */
ssize_t io_read(int fd, void *to, size_t n);
ssize_t io_read_at(int fd, void *to, size_t n, int64_t offset);

/* All n bytes: 0; -1 and errno, and then some may have been written. */
int io_write(int fd, const void *from, size_t n);

/* The same of bytes that are never written again (pages.h): a pipe then points to them. */
int io_give(int fd, const void *from, size_t n);

#endif
