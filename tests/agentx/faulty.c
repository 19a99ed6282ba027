/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Loaded before libc: while the file $FAULTS has a line "OPERATION KIND NUMBER", that
 * operation of the daemon's own code
 *	errno	fails with that error
 *	other	fails with that error every other time
 *	short	returns only so many bytes of a message
 *	forged	returns a message of this sender's port
 *	late	takes so many milliseconds
 * The operations on netlink sockets are socket, request, answer and event; those on
 * files open, create, replace and remove; setns; and clock, which also in the
 * libraries is
 *	step	so many seconds ahead, or behind
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define REAL(name) ((__typeof__(&(name)))dlsym(RTLD_NEXT, #name))

struct fault {
	char kind[16];
	int number;
};

static bool find_line(char *text, const char *operation, struct fault *ret)
{
	char *rest = NULL;
	char *line = strtok_r(text, "\n", &rest);
	char name[16];

	for (; line; line = strtok_r(NULL, "\n", &rest))
		if (sscanf(line, "%15s %15s %d", name, ret->kind, &ret->number) == 3 &&
		    !strcmp(name, operation))
			return true;
	return false;
}

/* Without the functions below. */
static bool find(const char *operation, struct fault *ret)
{
	int fd = (int)syscall(SYS_openat, AT_FDCWD, getenv("FAULTS"), O_RDONLY);
	char text[1024];
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	if (n <= 0)
		return false;
	text[n] = '\0';
	return find_line(text, operation, ret);
}

/* True, with errno, if the operation must fail. */
static bool fails(const char *operation)
{
	static bool other;
	struct fault fault;
	struct timespec time;

	if (!find(operation, &fault))
		return false;
	if (!strcmp(fault.kind, "other") && (other = !other))
		return false;
	if (!strcmp(fault.kind, "errno") || !strcmp(fault.kind, "other")) {
		errno = fault.number;
		return true;
	}
	if (!strcmp(fault.kind, "late")) {
		time.tv_sec = fault.number / 1000;
		time.tv_nsec = fault.number % 1000 * 1000000L;
		nanosleep(&time, NULL);
	}
	return false;
}

static bool is_netlink(int fd)
{
	int domain = 0;
	socklen_t size = sizeof(domain);

	return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 &&
	       domain == AF_NETLINK;
}

int socket(int domain, int type, int protocol)
{
	if (domain == AF_NETLINK && fails("socket"))
		return -1;
	return REAL(socket)(domain, type, protocol);
}

ssize_t send(int fd, const void *data, size_t size, int flags)
{
	if (is_netlink(fd) && fails("request"))
		return -1;
	return REAL(send)(fd, data, size, flags);
}

static void spoil(struct msghdr *msg, const struct fault *fault, ssize_t *len)
{
	if (!strcmp(fault->kind, "short") && *len > fault->number)
		*len = fault->number;
	if (!strcmp(fault->kind, "forged"))
		((struct sockaddr_nl *)msg->msg_name)->nl_pid = (unsigned)fault->number;
}

/* An error or a message takes the place of the next one. */
ssize_t recvmsg(int fd, struct msghdr *msg, int flags)
{
	const char *operation = fcntl(fd, F_GETFL) & O_NONBLOCK ? "event" : "answer";
	bool of_kernel = is_netlink(fd);
	struct fault fault;
	ssize_t len;

	if (of_kernel && fails(operation))
		return -1;
	len = REAL(recvmsg)(fd, msg, flags);
	if (of_kernel && len > 0 && find(operation, &fault))
		spoil(msg, &fault, &len);
	return len;
}

int openat64(int dir, const char *path, int flags, ...)
{
	va_list args;
	int mode;

	va_start(args, flags);
	mode = flags & O_CREAT ? va_arg(args, int) : 0;
	va_end(args);
	if (fails(flags & O_CREAT ? "create" : "open"))
		return -1;
	return REAL(openat64)(dir, path, flags, mode);
}

int openat(int dir, const char *path, int flags, ...)
    __attribute__((alias("openat64")));

int renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	return fails("replace") ? -1 : REAL(renameat)(from_dir, from, to_dir, to);
}

int unlinkat(int dir, const char *path, int flags)
{
	return fails("remove") ? -1 : REAL(unlinkat)(dir, path, flags);
}

int setns(int fd, int kind)
{
	return fails("setns") ? -1 : REAL(setns)(fd, kind);
}

static time_t step(void)
{
	struct fault fault;

	return find("clock", &fault) ? fault.number : 0;
}

int clock_gettime(clockid_t clock, struct timespec *ret)
{
	int err = REAL(clock_gettime)(clock, ret);

	if (!err && clock == CLOCK_REALTIME)
		ret->tv_sec += step();
	return err;
}

int gettimeofday(struct timeval *ret, void *zone)
{
	int err = REAL(gettimeofday)(ret, zone);

	if (!err)
		ret->tv_sec += step();
	return err;
}

time_t time(time_t *ret)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (ret)
		*ret = now.tv_sec;
	return now.tv_sec;
}
