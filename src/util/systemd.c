/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/systemd.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

/* Returns the length of the address, 0 if there is none. */
static socklen_t read_address(struct sockaddr_un *ret)
{
	const char *path = getenv("NOTIFY_SOCKET");
	size_t len = path ? strlen(path) : 0;

	*ret = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (len < 2 || len >= sizeof(ret->sun_path) ||
	    (path[0] != '/' && path[0] != '@'))
		return 0;
	memcpy(ret->sun_path, path, len);
	if (path[0] == '@') /* in the abstract namespace */
		ret->sun_path[0] = '\0';
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
}

void systemd_notify(const char *state)
{
	const struct timeval timeout = {.tv_sec = 1};
	struct sockaddr_un address;
	socklen_t len = read_address(&address);
	int fd;

	if (!len)
		return;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
	sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&address,
	       len);
	close(fd);
}

/* Returns false unless the variable is a whole number. */
static bool read_number(const char *variable, uint64_t *ret)
{
	const char *text = getenv(variable);
	char *end;

	if (!text || *text < '0' || *text > '9')
		return false;
	errno = 0;
	*ret = strtoull(text, &end, 10);
	return !errno && !*end;
}

uint64_t systemd_watchdog_usec(void)
{
	uint64_t usec;
	uint64_t pid;

	if (!read_number("WATCHDOG_USEC", &usec))
		return 0;
	if (getenv("WATCHDOG_PID") &&
	    (!read_number("WATCHDOG_PID", &pid) || pid != (uint64_t)getpid()))
		return 0;
	return usec;
}
