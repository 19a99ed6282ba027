/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/netns_watch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

struct netns_watch {
	char dir[PATH_MAX];
	int inotify;
	int mounts;
	int wd; /* of the watched directory, -1: none */
};

/* "/run/netns" becomes "/run", that "/", that "". */
static void cut_last(char *path)
{
	char *slash = strrchr(path, '/');

	if (slash && slash > path)
		*slash = '\0';
	else if (slash && slash[1])
		slash[1] = '\0';
	else
		*path = '\0';
}

/* Returns the watch of the directory, or of the nearest existing one above it. A
 * directory that is watched already keeps its number, and causes no event. */
static int add_nearest(const struct netns_watch *watch)
{
	char path[PATH_MAX];
	int wd = -1;

	strcpy(path, watch->dir);
	for (; *path && wd < 0; cut_last(path))
		wd = inotify_add_watch(watch->inotify, path,
				       IN_CREATE | IN_MOVED_TO | IN_DELETE |
					   IN_MOVED_FROM | IN_DELETE_SELF |
					   IN_MOVE_SELF | IN_ONLYDIR);
	return wd;
}

/* A new watch may have come too late for a directory that was created below it, so the
 * search is repeated, a few times, until it finds what is watched. */
static void arm(struct netns_watch *watch)
{
	for (int i = 0; i < 8; i++) {
		int wd = add_nearest(watch);

		if (wd == watch->wd)
			return;
		if (watch->wd >= 0)
			inotify_rm_watch(watch->inotify, watch->wd);
		watch->wd = wd;
	}
}

int netns_watch_open(const char *dir, struct netns_watch **ret)
{
	struct netns_watch *watch;

	if (strlen(dir) >= sizeof(watch->dir))
		return -ENAMETOOLONG;
	watch = calloc(1, sizeof(*watch));
	if (!watch)
		return -ENOMEM;
	strcpy(watch->dir, dir);
	watch->wd = -1;
	watch->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (watch->inotify < 0) {
		int err = -errno;

		free(watch);
		return err;
	}
	watch->mounts = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	arm(watch);
	*ret = watch;
	return 0;
}

void netns_watch_close(struct netns_watch *watch)
{
	if (!watch)
		return;
	close(watch->inotify);
	if (watch->mounts >= 0)
		close(watch->mounts);
	free(watch);
}

int netns_watch_files_fd(const struct netns_watch *watch)
{
	return watch->inotify;
}

int netns_watch_mounts_fd(const struct netns_watch *watch)
{
	return watch->mounts;
}

/* The events are not parsed, because the caller looks at all files again. That is right
 * after an overflow, too. */
void netns_watch_read(struct netns_watch *watch)
{
	char buffer[4096] __attribute__((aligned(__alignof__(struct inotify_event))));

	while (read(watch->inotify, buffer, sizeof(buffer)) > 0)
		;
	arm(watch);
}
