/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/exclusive.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "util/lock.h"
#include "util/log.h"

static struct {
	struct pid_file pid_file;
	int dir;
} self = {.pid_file = {NULL, -1}, .dir = -1};

static const char *process_name(char text[40], pid_t pid)
{
	if (!pid)
		return "another process";
	snprintf(text, 40, "process %ld", (long)pid);
	return text;
}

static int claim_dir(const char *path)
{
	char name[40];
	pid_t holder;
	int fd = dir_lock_open(path, &holder);

	if (fd == -EBUSY) {
		log_message(LOG_ERR,
			    "%s: %s keeps its state there; stop it, or give this "
			    "daemon its own directory with --state-dir",
			    path, process_name(name, holder));
		return fd;
	}
	/* if it does not exist, the loading of the state reports that */
	if (fd < 0 && fd != -ENOENT)
		log_message(LOG_WARNING,
			    "%s: cannot lock it: %s; a second daemon that keeps its "
			    "state there will not be noticed",
			    path, strerror(-fd));
	self.dir = fd < 0 ? -1 : fd;
	return 0;
}

static int claim_pid_file(const char *path)
{
	char name[40];
	pid_t holder;
	int err = pid_file_open(path, &self.pid_file, &holder);

	if (err == -EBUSY)
		log_message(LOG_ERR,
			    "%s: %s uses this PID file; stop it, or name another "
			    "file with -p",
			    path, process_name(name, holder));
	else if (err == -EEXIST)
		log_message(LOG_ERR,
			    "%s: not a PID file; remove it, or name another file with "
			    "-p",
			    path);
	else if (err)
		log_message(LOG_ERR, "%s: cannot open the PID file: %s", path,
			    strerror(-err));
	return err;
}

int exclusive_claim(const char *state_dir, const char *pid_file)
{
	int err = pid_file ? claim_pid_file(pid_file) : 0;

	if (!err && state_dir)
		err = claim_dir(state_dir);
	if (err)
		exclusive_release();
	return err;
}

int exclusive_settle(void)
{
	int err = self.pid_file.path ? pid_file_write(&self.pid_file) : 0;

	if (err)
		log_message(LOG_ERR, "%s: cannot write the PID file: %s",
			    self.pid_file.path, strerror(-err));
	if (self.dir >= 0)
		dir_lock_adopt(self.dir); /* on failure only the holder is unknown */
	return err;
}

void exclusive_release(void)
{
	pid_file_remove(&self.pid_file);
	if (self.dir >= 0)
		close(self.dir);
	self.dir = -1;
}
