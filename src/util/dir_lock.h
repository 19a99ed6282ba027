/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <sys/types.h>

/*
 * A lock on a directory, so that two daemons do not keep their state in one. It leaves
 * no file, whoever may read the directory can take it, and it ends with its process.
 */

/*
 * Returns a descriptor that holds the lock until it is closed, in child processes too;
 * -EBUSY: another process has it, its id in *ret_holder, 0 if that is not known; or
 * another -errno, such as that of a file system without locks.
 */
int dir_lock_open(const char *dir, pid_t *ret_holder);

/* Has the kernel name the calling process as the holder: after a fork(2) that is still
 * the parent, which has ended. Returns 0 or -errno. */
int dir_lock_adopt(int fd);
