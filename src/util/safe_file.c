/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/safe_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static int open_dir(const char *dir)
{
	int fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* Without O_NONBLOCK open(2) waits for a FIFO's writer, and for a lease to be broken.
 */
static int open_regular(int dir, const char *name, struct stat *ret_stat)
{
	int fd = openat(dir, name,
			O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC);

	if (fd < 0)
		/* a symbolic link; a socket or a device without a driver */
		return errno == ELOOP || errno == ENXIO ? -EBADMSG : -errno;
	if (fstat(fd, ret_stat) < 0) {
		int err = -errno;

		close(fd);
		return err;
	}
	if (!S_ISREG(ret_stat->st_mode)) {
		close(fd);
		return -EBADMSG;
	}
	return fd;
}

static int read_whole(int fd, char *data, size_t size)
{
	while (size > 0) {
		ssize_t n = read(fd, data, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EBADMSG;
		data += n;
		size -= (size_t)n;
	}
	return 0;
}

int safe_file_read(const char *dir, const char *name, size_t least, size_t most,
		   char **ret_data, size_t *ret_size)
{
	int dir_fd = open_dir(dir);
	struct stat stat;
	char *data = NULL;
	size_t size;
	int fd;
	int err;

	if (dir_fd < 0)
		return dir_fd;
	fd = open_regular(dir_fd, name, &stat);
	close(dir_fd);
	if (fd < 0)
		return fd;
	size = (size_t)stat.st_size;
	err = size < least || size > most ? -EBADMSG : 0;
	if (!err) {
		data = malloc(size ? size : 1);
		err = data ? read_whole(fd, data, size) : -ENOMEM;
	}
	close(fd);
	if (err) {
		free(data);
		return err;
	}
	*ret_data = data;
	*ret_size = size;
	return 0;
}

static int write_whole(int fd, const struct iovec *part)
{
	const char *data = part->iov_base;
	size_t size = part->iov_len;

	while (size > 0) {
		ssize_t n = write(fd, data, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		data += n;
		size -= (size_t)n;
	}
	return 0;
}

/* A file of any kind, or an empty directory. */
static int clear_way(int dir, const char *name)
{
	if (unlinkat(dir, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno == EISDIR && unlinkat(dir, name, AT_REMOVEDIR) == 0)
		return 0;
	return -errno;
}

static int write_new(int dir, const char *name, const struct iovec *parts, int n_parts)
{
	int err = clear_way(dir, name);
	int fd;

	if (err)
		return err;
	fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		    0600);
	if (fd < 0)
		return -errno;
	for (int i = 0; i < n_parts && !err; i++)
		err = write_whole(fd, &parts[i]);
	if (close(fd) < 0 && !err)
		err = -errno;
	return err;
}

/* rename(2) replaces anything but a directory. */
static int put_in_place(int dir, const char *from, const char *to)
{
	int err;

	if (renameat(dir, from, dir, to) == 0)
		return 0;
	if (errno != EISDIR)
		return -errno;
	err = clear_way(dir, to);
	if (!err && renameat(dir, from, dir, to) < 0)
		err = -errno;
	return err;
}

int safe_file_replace(const char *dir, const char *name, const struct iovec *parts,
		      int n_parts)
{
	char temporary[NAME_MAX + 1];
	int dir_fd;
	int err;

	if (snprintf(temporary, sizeof(temporary), "%s" SAFE_FILE_TEMPORARY, name) >=
	    (int)sizeof(temporary))
		return -ENAMETOOLONG;
	dir_fd = open_dir(dir);
	if (dir_fd < 0)
		return dir_fd;
	err = write_new(dir_fd, temporary, parts, n_parts);
	if (!err)
		err = put_in_place(dir_fd, temporary, name);
	if (err)
		unlinkat(dir_fd, temporary, 0);
	close(dir_fd);
	return err;
}
