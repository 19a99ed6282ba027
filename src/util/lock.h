/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <sys/types.h>

/*
 * Locks that admit one daemon at a time: on the directory of its state and on its PID
 * file. Child processes inherit them, and they end with the last process that has them.
 * *ret_holder is the process that has a lock already, 0 if that is unknown.
 */

/* Locks a directory, in which it leaves no file. Returns a descriptor that holds the
 * lock until it is closed; -EBUSY with *ret_holder; or another -errno, such as that of
 * a file system without locks. */
int dir_lock_open(const char *dir, pid_t *ret_holder);

/* Makes the kernel report the calling process as the holder. After a fork(2) that is
 * still the parent. Returns 0 or -errno. */
int dir_lock_adopt(int fd);

struct pid_file {
	const char *path; /* NULL: none */
	int fd;
};

/* Opens and locks a PID file, but does not change its contents. A file without a lock
 * is left over, and is used. Links are not followed. path must live as long as the
 * struct. Returns 0; -EBUSY with *ret_holder, 0 if that has not written its id yet;
 * -EEXIST: it is something other than a PID file; or another -errno. */
int pid_file_open(const char *path, struct pid_file *ret, pid_t *ret_holder);

/* Writes the calling process's id. Returns 0 or -errno. */
int pid_file_write(const struct pid_file *file);

/* Removes the file, unless another has replaced it, and ends the lock. */
void pid_file_remove(struct pid_file *file);
