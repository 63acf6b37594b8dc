/* listen.h - the sockets that a server accepts from: bound by address, or handed over by systemd (sd_listen_fds(3)). */
#ifndef HTTP_LISTEN_H
#define HTTP_LISTEN_H

#include <stddef.h>
#include <sys/socket.h>

#include "base/err.h"

/* Up to `most` listening sockets that do not block; how many, or < 0. What systemd passed comes instead of `address`, once. */
int listen_open(const char *address, int fd[], int most, struct err *);

/* "127.0.0.1:8321", "[::1]:8321"; and the host alone, an IPv4 address in IPv6 as what it is. */
void listen_name(int fd, char *to, size_t room);
void listen_host(const struct sockaddr_storage *, char *to, size_t room);

#endif
