/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stddef.h>
#include <sys/types.h>
#include <sys/uio.h>

/*
 * Small files that are read and replaced completely. Anything else at their names (a
 * FIFO, a symbolic link, a directory, a device, an endless file) can neither block the
 * caller, nor lead it elsewhere, nor exhaust its memory. dir is the path of a
 * directory, name the name of a file in it.
 */

/* Reads a regular file of at least `least` and at most `most` bytes. The caller frees
 * *ret_data. Returns 0; -ENOENT: there is none; -EBADMSG: it has another type or size;
 * or another -errno. */
int safe_file_read(const char *dir, const char *name, size_t least, size_t most,
		   char **ret_data, size_t *ret_size);

/* Reads up to size bytes from the beginning of an open file. Returns their number, less
 * than size only at the end of the file; or -errno. */
ssize_t safe_file_read_fd(int fd, void *data, size_t size);

/*
 * Writes the parts one after the other to NAME.new with mode 0600, and renames it to
 * NAME. Anything in the way is removed, except a directory that is not empty. The data
 * are not synced to the disk. Returns 0, or -errno with NAME unchanged and NAME.new
 * removed.
 */
int safe_file_replace(const char *dir, const char *name, const struct iovec *parts,
		      int n_parts);

#define SAFE_FILE_TEMPORARY ".new"
