/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/dir_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* One line of /proc/locks (lock_get_status() in fs/locks.c). Waiting locks have an
 * arrow behind their number and do not match. */
static bool is_lock_on(const char *line, const struct stat *stat, pid_t *ret_holder)
{
	unsigned major, minor;
	unsigned long inode;
	long pid;

	if (sscanf(line, "%*d: FLOCK %*s %*s %ld %x:%x:%lu", &pid, &major, &minor,
		   &inode) != 4)
		return false;
	if (makedev(major, minor) != stat->st_dev || inode != stat->st_ino)
		return false;
	*ret_holder = pid > 0 ? (pid_t)pid : 0;
	return true;
}

static pid_t find_holder(int fd)
{
	FILE *stream = fopen("/proc/locks", "re");
	pid_t holder = 0;
	char line[128];
	struct stat stat;

	if (!stream)
		return 0;
	if (fstat(fd, &stat) == 0)
		while (fgets(line, sizeof(line), stream) &&
		       !is_lock_on(line, &stat, &holder))
			;
	fclose(stream);
	return holder;
}

int dir_lock_open(const char *dir, pid_t *ret_holder)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_NONBLOCK | O_CLOEXEC);
	int err;

	*ret_holder = 0;
	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return fd;
	err = errno == EWOULDBLOCK ? -EBUSY : -errno;
	if (err == -EBUSY)
		*ret_holder = find_holder(fd);
	close(fd);
	return err;
}

/* The kernel names who took the lock last, so it is taken again, as one of the other
 * kind, which refuses the exclusive one as well. */
int dir_lock_adopt(int fd)
{
	return flock(fd, LOCK_SH | LOCK_NB) < 0 ? -errno : 0;
}
