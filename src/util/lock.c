/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "util/safe_file.h"

enum {
	PID_TEXT_SIZE = 24, /* of a PID, its newline and a terminating 0 */
	MAX_TRIES = 10,
};

/* Returns -EBUSY if another process has a lock, or another -errno. */
static int lock(int fd)
{
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	return errno == EWOULDBLOCK ? -EBUSY : -errno;
}

/* Directories. */

/* Looks for the lock in /proc/locks (lock_get_status() in fs/locks.c). Waiting locks
 * have an arrow behind their number and do not match. */
static pid_t find_holder(int fd)
{
	FILE *stream = fopen("/proc/locks", "re");
	unsigned major, minor;
	uint64_t inode;
	struct stat stat = {0};
	char line[128];
	int pid, holder = 0;

	if (!stream)
		return 0;
	fstat(fd, &stat);
	while (!holder && fgets(line, sizeof(line), stream))
		if (sscanf(line, "%*d: FLOCK %*s %*s %d %x:%x:%" SCNu64, &pid, &major,
			   &minor, &inode) == 4 &&
		    makedev(major, minor) == stat.st_dev && inode == stat.st_ino)
			holder = pid;
	fclose(stream);
	return holder > 0 ? holder : 0;
}

int dir_lock_open(const char *dir, pid_t *ret_holder)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_NONBLOCK | O_CLOEXEC);
	int err;

	*ret_holder = 0;
	if (fd < 0)
		return -errno;
	err = lock(fd);
	if (!err)
		return fd;
	if (err == -EBUSY)
		*ret_holder = find_holder(fd);
	close(fd);
	return err;
}

/* The kernel reports who took the lock last, so it is taken again: as a shared lock,
 * which excludes an exclusive one, too. */
int dir_lock_adopt(int fd)
{
	return flock(fd, LOCK_SH | LOCK_NB) < 0 ? -errno : 0;
}

/* PID files. */

/* Reads a file that has a PID, or nothing, which gives 0. Returns 0; -EEXIST if it has
 * anything else; or another -errno. */
static int read_pid(int fd, pid_t *ret)
{
	char text[PID_TEXT_SIZE];
	ssize_t n = safe_file_read_fd(fd, text, sizeof(text));
	size_t digits;
	long long pid; /* a long of 32 bits would cut it at INT_MAX */

	if (n < 0)
		return (int)n;
	if (n == sizeof(text))
		return -EEXIST;
	text[n] = '\0';
	digits = strspn(text, "0123456789");
	if (n > 0 && (digits == 0 || text[digits + (text[digits] == '\n')]))
		return -EEXIST;
	pid = strtoll(text, NULL, 10);
	*ret = pid <= INT_MAX ? (pid_t)pid : 0;
	return 0;
}

/* Returns true if the path still names the open file: its last holder may have removed
 * it between open(2) and flock(2). */
static bool is_at(int fd, const char *path)
{
	struct stat open_file, named;

	return fstat(fd, &open_file) == 0 && lstat(path, &named) == 0 &&
	       open_file.st_dev == named.st_dev && open_file.st_ino == named.st_ino;
}

/* Returns 0 if the open file is a PID file of no other process. One that has a second
 * name may be any file. */
static int take(int fd, const char *path, pid_t *ret_holder)
{
	struct stat stat;
	pid_t written = 0;
	int err, content;

	if (fstat(fd, &stat) < 0)
		return -errno;
	if (!S_ISREG(stat.st_mode) || stat.st_nlink > 1)
		return -EEXIST;
	err = lock(fd);
	content = read_pid(fd, &written);
	if (err == -EBUSY)
		*ret_holder = written;
	if (err)
		return err;
	return is_at(fd, path) ? content : -EAGAIN;
}

static int try_to_open(const char *path, pid_t *ret_holder)
{
	int fd = open(path,
		      O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
		      0644);
	int err;

	if (fd < 0)
		/* a symbolic link, a directory, a socket */
		return errno == ELOOP || errno == EISDIR || errno == ENXIO ? -EEXIST
									   : -errno;
	err = take(fd, path, ret_holder);
	if (err)
		close(fd);
	return err ? err : fd;
}

int pid_file_open(const char *path, struct pid_file *ret, pid_t *ret_holder)
{
	int fd = -EAGAIN;

	*ret_holder = 0;
	for (int i = 0; i < MAX_TRIES && fd == -EAGAIN; i++)
		fd = try_to_open(path, ret_holder);
	if (fd < 0)
		return fd;
	*ret = (struct pid_file){path, fd};
	return 0;
}

int pid_file_write(const struct pid_file *file)
{
	char text[PID_TEXT_SIZE];
	int len = snprintf(text, sizeof(text), "%ld\n", (long)getpid());
	ssize_t n;

	if (ftruncate(file->fd, 0) < 0)
		return -errno;
	n = pwrite(file->fd, text, (size_t)len, 0);
	if (n < 0)
		return -errno;
	return n == len ? 0 : -ENOSPC;
}

void pid_file_remove(struct pid_file *file)
{
	if (!file->path)
		return;
	if (is_at(file->fd, file->path))
		unlink(file->path);
	close(file->fd);
	*file = (struct pid_file){NULL, -1};
}
