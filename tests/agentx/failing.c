/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Loaded before libc: while the file $FAILING is there, the kernel takes no request
 * over netlink. */
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

ssize_t sendto(int fd, const void *data, size_t len, int flags,
	       const struct sockaddr *addr, socklen_t addr_len)
{
	static ssize_t (*real)(int, const void *, size_t, int, const struct sockaddr *,
			       socklen_t);

	if (!real)
		real =
		    (ssize_t(*)(int, const void *, size_t, int, const struct sockaddr *,
				socklen_t))dlsym(RTLD_NEXT, "sendto");
	if (addr && addr->sa_family == AF_NETLINK && !access(getenv("FAILING"), F_OK)) {
		errno = EIO;
		return -1;
	}
	return real(fd, data, len, flags, addr, addr_len);
}
