/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <sys/types.h>

/*
 * The file that holds a daemon's process id. Whoever has it holds a lock on it, which a
 * child process inherits and which ends with the last of them; a file without a lock is
 * left over and is taken over. Links are not followed, and nothing but a PID file is
 * overwritten.
 */
struct pid_file {
	const char *path; /* NULL: none */
	int fd;
};

/*
 * Takes the file without changing what is in it. path must live as long as the struct.
 * Returns 0; -EBUSY: another process has it, its id in *ret_holder, 0 if it has not
 * written it yet; -EEXIST: what is there is not a PID file; or another -errno.
 */
int pid_file_open(const char *path, struct pid_file *ret, pid_t *ret_holder);

/* Writes the calling process's id into it. Returns 0 or -errno. */
int pid_file_write(const struct pid_file *file);

/* Removes it, unless somebody has put another one in its place, and ends the lock. */
void pid_file_remove(struct pid_file *file);
