/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Loaded before libc: while the file $FAILING exists, netlink requests fail. If it
 * contains the inode number of a network namespace, only those in that namespace
 * fail. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* SIOCGSKNS opens the namespace that a socket is in. */
static bool fails(int socket)
{
	FILE *file = fopen(getenv("FAILING"), "re");
	unsigned long inode = 0;
	struct stat netns = {.st_ino = 0};
	int fd;

	if (!file)
		return false;
	if (fscanf(file, "%lu", &inode) != 1)
		inode = 0;
	fclose(file);
	if (!inode)
		return true;
	fd = ioctl(socket, SIOCGSKNS);
	if (fd >= 0) {
		fstat(fd, &netns);
		close(fd);
	}
	return netns.st_ino == inode;
}

static bool is_netlink(int socket)
{
	int domain = 0;
	socklen_t len = sizeof(domain);

	return getsockopt(socket, SOL_SOCKET, SO_DOMAIN, &domain, &len) == 0 &&
	       domain == AF_NETLINK;
}

ssize_t send(int fd, const void *data, size_t len, int flags)
{
	static ssize_t (*real)(int, const void *, size_t, int);

	if (!real)
		real = (ssize_t(*)(int, const void *, size_t, int))dlsym(RTLD_NEXT,
									 "send");
	if (is_netlink(fd) && fails(fd)) {
		errno = EIO;
		return -1;
	}
	return real(fd, data, len, flags);
}
