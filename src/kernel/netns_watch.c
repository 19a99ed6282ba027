/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/netns_watch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	/* While directories are made one in another faster than they are followed. */
	MAX_ATTEMPTS = 8,
};

static const uint32_t events = IN_CREATE | IN_MOVED_TO | IN_DELETE | IN_MOVED_FROM |
			       IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;

struct netns_watch {
	char dir[PATH_MAX];
	int inotify;
	int mounts;
	int wd;               /* -1: nothing could be watched */
	char place[PATH_MAX]; /* what wd watches */
	uint64_t dev, ino;    /* and which directory that is */
};

/* "/run/netns" becomes "/run", that "/", that "". */
static void cut_last(char *path)
{
	char *slash = strrchr(path, '/');

	if (!slash || !slash[1])
		*path = '\0';
	else
		slash[slash == path] = '\0';
}

/* Watches the place, and nothing else any more. To watch again what is watched already
 * has no effect; a watch that is removed shows in an event. */
static bool add(struct netns_watch *watch)
{
	int wd = inotify_add_watch(watch->inotify, watch->place, events);
	struct stat place;

	if (wd < 0)
		return false;
	if (watch->wd >= 0 && watch->wd != wd)
		inotify_rm_watch(watch->inotify, watch->wd);
	watch->wd = wd;
	watch->dev = watch->ino = 0;
	if (stat(watch->place, &place) == 0) {
		watch->dev = place.st_dev;
		watch->ino = place.st_ino;
	}
	return true;
}

/* Whether what the place stands in for can be watched itself by now. */
static bool deeper_exists(const struct netns_watch *watch)
{
	size_t len = strlen(watch->place);
	struct stat deeper;
	char path[PATH_MAX];
	size_t next;

	if (!strcmp(watch->place, watch->dir))
		return false;
	next = len + strspn(watch->dir + len, "/");
	next += strcspn(watch->dir + next, "/");
	snprintf(path, sizeof(path), "%.*s", (int)next, watch->dir);
	return stat(path, &deeper) == 0 && S_ISDIR(deeper.st_mode);
}

/* The directory, or the nearest above it. */
static void arm(struct netns_watch *watch)
{
	for (int i = 0; i < MAX_ATTEMPTS; i++) {
		memcpy(watch->place, watch->dir, sizeof(watch->place));
		while (*watch->place && !add(watch))
			cut_last(watch->place);
		if (!deeper_exists(watch))
			return;
	}
}

/* Without slashes at the end. */
static void set_dir(struct netns_watch *watch, const char *dir)
{
	size_t len = strlen(dir);

	while (len > 1 && dir[len - 1] == '/')
		len--;
	memcpy(watch->dir, dir, len);
	watch->dir[len] = '\0';
}

int netns_watch_open(const char *dir, struct netns_watch **ret)
{
	struct netns_watch *watch;
	int err;

	if (strlen(dir) >= sizeof(watch->dir))
		return -ENAMETOOLONG;
	watch = calloc(1, sizeof(*watch));
	if (!watch)
		return -ENOMEM;
	set_dir(watch, dir);
	watch->wd = -1;
	watch->mounts = -1;
	watch->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (watch->inotify < 0) {
		err = -errno;
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

static bool still_there(const struct netns_watch *watch)
{
	struct stat place;

	return watch->wd >= 0 && *watch->place && stat(watch->place, &place) == 0 &&
	       place.st_dev == watch->dev && place.st_ino == watch->ino;
}

/* What the events say does not matter: whoever reads them looks at everything anew,
 * which is right after an overflow too. */
void netns_watch_read(struct netns_watch *watch)
{
	char buffer[4096] __attribute__((aligned(__alignof__(struct inotify_event))));

	while (read(watch->inotify, buffer, sizeof(buffer)) > 0)
		;
	if (!still_there(watch) || deeper_exists(watch))
		arm(watch);
}

const char *netns_watch_place(const struct netns_watch *watch)
{
	return watch->place;
}
