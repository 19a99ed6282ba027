/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stddef.h>
#include <sys/uio.h>

/*
 * Small files that are read and replaced whole. Whatever stands at their names (a FIFO,
 * a symbolic link, a directory, a device, an endless file) cannot block the caller,
 * lead it elsewhere or exhaust its memory. dir is the path of a directory, name a
 * file's name in it.
 */

/*
 * Reads a regular file of at least `least` and at most `most` bytes. The caller frees
 * *ret_data. Returns 0; -ENOENT: there is none; -EBADMSG: of another kind or size; or
 * another -errno.
 */
int safe_file_read(const char *dir, const char *name, size_t least, size_t most,
		   char **ret_data, size_t *ret_size);

/*
 * Writes the parts one after the other to NAME.new, mode 0600, which then takes the
 * place of NAME. What is in the way, other than a directory that is not empty, is
 * removed. It need not outlive the machine: nothing waits for a disk. Returns 0, or
 * -errno with NAME as it was and nothing left beside it.
 */
int safe_file_replace(const char *dir, const char *name, const struct iovec *parts,
		      int n_parts);

#define SAFE_FILE_TEMPORARY ".new"
