/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/safe_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* Without O_NONBLOCK open(2) waits for the writer of a FIFO, or until a lease is
 * broken. ELOOP means a symbolic link, ENXIO a socket or a device without a driver. */
static int open_regular(int dir, const char *name, struct stat *ret_stat)
{
	int fd = openat(dir, name,
			O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC);

	if (fd < 0)
		return errno == ELOOP || errno == ENXIO ? -EBADMSG : -errno;
	if (fstat(fd, ret_stat) < 0 || !S_ISREG(ret_stat->st_mode)) {
		close(fd);
		return -EBADMSG;
	}
	return fd;
}

ssize_t safe_file_read_fd(int fd, void *data, size_t size)
{
	size_t len = 0;

	while (len < size) {
		ssize_t n = pread(fd, (char *)data + len, size - len, (off_t)len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		len += (size_t)n;
	}
	return (ssize_t)len;
}

int safe_file_read(const char *dir, const char *name, size_t least, size_t most,
		   char **ret_data, size_t *ret_size)
{
	int dir_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct stat stat = {.st_size = -1};
	char *data;
	size_t size;
	ssize_t n;
	int fd, err;

	if (dir_fd < 0)
		return -errno;
	fd = open_regular(dir_fd, name, &stat);
	close(dir_fd);
	if (fd < 0)
		return fd;
	/* a size_t of 32 bits does not hold the size of every file */
	err = stat.st_size < (off_t)least || stat.st_size > (off_t)most ? -EBADMSG : 0;
	size = err ? 0 : (size_t)stat.st_size;
	data = err ? NULL : malloc(size ? size : 1);
	if (!err && !data)
		err = -ENOMEM;
	n = err ? err : safe_file_read_fd(fd, data, size);
	close(fd);
	if (n != (ssize_t)size) {
		free(data);
		return n < 0 ? (int)n : -EBADMSG;
	}
	*ret_data = data;
	*ret_size = size;
	return 0;
}

/* Removes a file of any kind, or an empty directory. */
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
	FILE *stream;
	int fd;

	if (err)
		return err;
	fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		    0600);
	if (fd < 0)
		return -errno;
	stream = fdopen(fd, "w");
	if (!stream) {
		close(fd);
		return -ENOMEM;
	}
	for (int i = 0; i < n_parts && !err; i++)
		if (fwrite(parts[i].iov_base, 1, parts[i].iov_len, stream) !=
		    parts[i].iov_len)
			err = -errno;
	if (fclose(stream) != 0 && !err)
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
	dir_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir_fd < 0)
		return -errno;
	err = write_new(dir_fd, temporary, parts, n_parts);
	if (!err)
		err = put_in_place(dir_fd, temporary, name);
	if (err)
		unlinkat(dir_fd, temporary, 0);
	close(dir_fd);
	return err;
}
