#include "http/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"

#define BACKLOG 4096                    /* the kernel cuts it to net.core.somaxconn */

/* LISTEN_PID and LISTEN_FDS: descriptors from 3 on. They are for this process alone, not for its children. */
static int
passed(int fd[], int most)
{
	const char *pid = getenv("LISTEN_PID"), *n = getenv("LISTEN_FDS");
	int64_t whose = 0, count = 0;
	int found = 0;

	if (!pid || !n || str_int64(str_of(pid), &whose) || str_int64(str_of(n), &count) || whose != getpid())
		return 0;
	for (int i = 3; i < 3 + count && i < 1024 && found < most; i++) {
		int listens = 0;
		socklen_t size = sizeof(listens);

		fcntl(i, F_SETFD, FD_CLOEXEC);
		if (getsockopt(i, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) || !listens)
			continue;
		fcntl(i, F_SETFL, fcntl(i, F_GETFL) | O_NONBLOCK);
		fd[found++] = i;
	}
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	return found;
}

/* "host:port", "[v6]:port", ":port" and "*:port" for all addresses. 0 or ERR_USAGE. */
static int
split(const char *address, char host[256], char port[16], struct err *err)
{
	const char *colon = strrchr(address, ':');
	struct str name = { address, colon ? (size_t)(colon - address) : 0 };
	int64_t number;

	if (!colon || str_int64(str_of(colon + 1), &number) || number < 0 || number > 65535)
		return err_set(err, ERR_USAGE, "'%s' is no address to listen at, try 127.0.0.1:8321", address);
	if (name.n >= 2 && *name.p == '[' && name.p[name.n - 1] == ']')
		name.p++, name.n -= 2;
	else if (memchr(name.p, ':', name.n))
		return err_set(err, ERR_USAGE, "'%s' is no address to listen at, an IPv6 address stands in brackets: [::1]:8321", address);
	if (name.n >= 256)
		return err_set(err, ERR_USAGE, "'%.40s…' is too long for an address", address);
	snprintf(host, 256, "%.*s", str_eq(name, STR("*")) ? 0 : STR_FMT(name));
	snprintf(port, 16, "%d", (int)number);
	return 0;
}

static int
bind_one(const struct addrinfo *a)
{
	int fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1, off = 0;

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));      /* what is accepted has it from here */
	if (a->ai_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	if (bind(fd, a->ai_addr, a->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	off = errno;
	close(fd);
	errno = off;
	return -1;
}

int
listen_open(const char *address, int fd[], int most, struct err *err)
{
	const struct addrinfo hints = { .ai_flags = AI_PASSIVE | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM };
	struct addrinfo *found = NULL;
	char host[256], port[16];
	int rc, n = passed(fd, most);

	if (n > 0)
		return n;
	if ((rc = split(address, host, port, err)))
		return rc;
	if ((rc = getaddrinfo(*host ? host : NULL, port, &hints, &found)))
		return err_set(err, ERR_IO, "%s: %s", address, gai_strerror(rc));
	errno = EADDRNOTAVAIL;
	for (struct addrinfo *a = found; a && n == 0; a = a->ai_next)
		if ((fd[n] = bind_one(a)) >= 0)
			n++;
	rc = errno;
	freeaddrinfo(found);
	return n ? n : err_set(err, ERR_IO, "%s: %s%s", address, strerror(rc), rc == EADDRINUSE ? ", another server may run there" : "");
}

void
listen_host(const struct sockaddr_storage *from, char *to, size_t room)
{
	const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)from;

	if (from->ss_family == AF_INET)
		inet_ntop(AF_INET, &((const struct sockaddr_in *)from)->sin_addr, to, (socklen_t)room);
	else if (from->ss_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&six->sin6_addr))
		inet_ntop(AF_INET, six->sin6_addr.s6_addr + 12, to, (socklen_t)room);
	else if (from->ss_family == AF_INET6)
		inet_ntop(AF_INET6, &six->sin6_addr, to, (socklen_t)room);
	else
		snprintf(to, room, "unix");
}

void
listen_name(int fd, char *to, size_t room)
{
	struct sockaddr_storage at = { 0 };
	socklen_t size = sizeof(at);
	char host[64];

	if (getsockname(fd, (struct sockaddr *)&at, &size)) {
		*to = 0;
		return;
	}
	if (at.ss_family == AF_INET6) {
		inet_ntop(AF_INET6, &((struct sockaddr_in6 *)&at)->sin6_addr, host, sizeof(host));
		snprintf(to, room, "[%s]:%d", host, ntohs(((struct sockaddr_in6 *)&at)->sin6_port));
		return;
	}
	listen_host(&at, host, sizeof(host));
	snprintf(to, room, at.ss_family == AF_INET ? "%s:%d" : "%s", host, ntohs(((struct sockaddr_in *)&at)->sin_port));
}
