/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/pid_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	PID_TEXT_SIZE = 24, /* of a PID, its newline and a terminating 0 */
	MAX_TRIES = 10,
};

/* Of a file that holds a PID or nothing: 0 and the PID, 0 for none; else -EEXIST. */
static int read_pid(int fd, pid_t *ret)
{
	char text[PID_TEXT_SIZE];
	ssize_t n = pread(fd, text, sizeof(text), 0);
	size_t digits;
	long pid;

	if (n < 0)
		return -errno;
	if (n == sizeof(text))
		return -EEXIST;
	text[n] = '\0';
	digits = strspn(text, "0123456789");
	if (n > 0 && (digits == 0 || text[digits + (text[digits] == '\n')]))
		return -EEXIST;
	pid = strtol(text, NULL, 10);
	*ret = pid <= INT_MAX ? (pid_t)pid : 0;
	return 0;
}

/* True if the path still names the open file: its last holder may have removed it
 * between open(2) and flock(2). */
static bool is_still_there(int fd, const char *path)
{
	struct stat open_file, named;

	return fstat(fd, &open_file) == 0 && lstat(path, &named) == 0 &&
	       open_file.st_dev == named.st_dev && open_file.st_ino == named.st_ino;
}

/* A file with a second name may be anybody's. */
static int check_kind(int fd)
{
	struct stat stat;

	if (fstat(fd, &stat) < 0)
		return -errno;
	return S_ISREG(stat.st_mode) && stat.st_nlink <= 1 ? 0 : -EEXIST;
}

static int lock(int fd, pid_t *ret_holder)
{
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	if (errno != EWOULDBLOCK)
		return -errno;
	if (read_pid(fd, ret_holder) < 0)
		*ret_holder = 0;
	return -EBUSY;
}

static int try_to_open(const char *path, pid_t *ret_holder)
{
	pid_t left;
	int err;
	int fd = open(path,
		      O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
		      0644);

	if (fd < 0)
		/* a symbolic link, a directory, a socket */
		return errno == ELOOP || errno == EISDIR || errno == ENXIO ? -EEXIST
									   : -errno;
	err = check_kind(fd);
	if (!err)
		err = lock(fd, ret_holder);
	if (!err && !is_still_there(fd, path))
		err = -EAGAIN;
	if (!err)
		err = read_pid(fd, &left);
	if (!err)
		return fd;
	close(fd);
	return err;
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
	if (is_still_there(file->fd, file->path))
		unlink(file->path);
	close(file->fd);
	*file = (struct pid_file){NULL, -1};
}
