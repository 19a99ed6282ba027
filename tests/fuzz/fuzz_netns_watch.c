/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A directory for namespaces and what happens to it: each byte of the input is an
 * operation on it, on the directory above it, or on a file there. After each, the watch
 * must be readable if anything below the directory is different from the last reading;
 * and soon after a reading it must be silent.
 *
 * A directory that is moved while it contains the watched one is left out: inotify says
 * nothing about that, and the next poll finds it.
 */
#include "fuzz.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kernel/netns_watch.h"
#include "tests/unit/tree.h"
#include "util/array.h"

enum {
	MAX_STEPS = 200,
	SILENT_AFTER = 3, /* readings */
	MANY = 300,       /* files: more events than one read(2) takes */
};

/* Ways to write the path of the directory. The last one needs run/other. */
static const char *const spellings[] = {
    "run/netns",   "run/netns/",    "run//netns",
    "run/./netns", "./run/netns//", "run/other/../netns",
};

static const char *const names[] = {"a", "b", "c"};

static struct tree tree;
static const char *watched; /* a spelling */
static struct netns_watch *watch;

static char *path_of(char path[PATH_MAX], const char *below)
{
	snprintf(path, PATH_MAX, "%s/%s", tree.root, below);
	return path;
}

static bool exists(const char *below)
{
	char path[PATH_MAX];

	return access(path_of(path, below), F_OK) == 0;
}

/* What the directory has: the sum of the hashes of its names and their inodes, 0 if it
 * does not exist. */
static uint64_t contents(void)
{
	char path[PATH_MAX];
	DIR *dir = opendir(path_of(path, watched));
	const struct dirent *entry;
	uint64_t sum = 1;

	if (!dir)
		return 0;
	while ((entry = readdir(dir))) {
		uint64_t hash = entry->d_ino;

		if (!strcmp(entry->d_name, "..")) /* of another directory */
			continue;
		for (const char *at = entry->d_name; *at; at++)
			hash = hash * 31 + (unsigned char)*at;
		sum += hash * UINT64_C(0x9e3779b97f4a7c15);
	}
	closedir(dir);
	return sum;
}

static bool is_readable(void)
{
	struct pollfd it = {.fd = netns_watch_files_fd(watch), .events = POLLIN};

	HOLDS(poll(&it, 1, 0) >= 0);
	HOLDS(!(it.revents & (POLLERR | POLLHUP | POLLNVAL)));
	return it.revents & POLLIN;
}

/* Operations. What is impossible has no effect. */

static void make_file(const char *below)
{
	char path[PATH_MAX];
	int fd = open(path_of(path, below), O_WRONLY | O_CREAT | O_NOFOLLOW, 0600);

	if (fd >= 0)
		close(fd);
}

static void make_dir(const char *below)
{
	char path[PATH_MAX];

	if (mkdir(path_of(path, below), 0700) < 0)
		HOLDS(errno == EEXIST || errno == ENOENT || errno == ENOTDIR);
}

static void delete(const char *below)
{
	char path[PATH_MAX];

	if (unlink(path_of(path, below)) < 0 && rmdir(path) < 0)
		HOLDS(errno == ENOENT || errno == ENOTDIR || errno == ENOTEMPTY);
}

static void move(const char *from, const char *to)
{
	char old[PATH_MAX], new[PATH_MAX];

	if (rename(path_of(old, from), path_of(new, to)) < 0)
		HOLDS(errno == ENOENT || errno == ENOTDIR || errno == ENOTEMPTY ||
		      errno == EISDIR || errno == EEXIST || errno == EINVAL);
}

static void make_link(const char *below)
{
	char path[PATH_MAX];

	if (symlink("nowhere", path_of(path, below)) < 0)
		HOLDS(errno == EEXIST || errno == ENOENT || errno == ENOTDIR);
}

/* That does not concern a watch of a directory that exists. */
static void make_dir_beside(void)
{
	bool was_silent = contents() && !is_readable();

	make_dir("run/other");
	HOLDS(!was_silent || !is_readable());
}

static void make_many(void)
{
	for (int i = 0; i < MANY; i++) {
		char name[40];

		snprintf(name, sizeof(name), "run/netns/many%d", i);
		make_file(name);
		delete (name);
	}
}

static void change_directories(unsigned which)
{
	switch (which) {
	case 0:
		make_dir("run");
		break;
	case 1:
		make_dir("run/netns");
		break;
	case 2:
		delete ("run/netns");
		break;
	case 3:
		delete ("run");
		break;
	case 4:
		move("run/netns", "elsewhere");
		break;
	case 5:
		move("elsewhere", "run/netns");
		break;
	case 6:
		if (!exists("run/netns"))
			move("run", "before");
		break;
	case 7:
		move("before", "run");
		break;
	}
}

/* Two of the bits choose a name. */
static void take_step(uint8_t step)
{
	char name[40];

	snprintf(name, sizeof(name), "run/netns/%s",
		 names[(step >> 4) % ARRAY_SIZE(names)]);
	switch (step % 16) {
	case 8:
		make_file(name);
		break;
	case 9:
		delete (name);
		break;
	case 10:
		move(name, "run/netns/a");
		break;
	case 11:
		move(name, "moved");
		break;
	case 12:
		move("moved", name);
		break;
	case 13:
		make_link(name);
		break;
	case 14:
		make_file("run/netns"); /* not a directory */
		break;
	case 15:
		make_dir_beside();
		if (step >> 4 == 0)
			make_many();
		break;
	default:
		change_directories(step % 16);
	}
}

/* Reads until it is silent. That is at once, but a watch that has been removed says so
 * itself. */
static uint64_t read_all(void)
{
	unsigned n = 0;

	do {
		netns_watch_read(watch);
		HOLDS(++n <= SILENT_AFTER);
	} while (is_readable());
	return contents();
}

static void play(struct bytes *bytes)
{
	uint64_t seen = read_all();

	for (int i = 0; i < MAX_STEPS && bytes->left; i++) {
		uint8_t step = take_u8(bytes);

		if (step == 0xff) {
			seen = read_all();
			continue;
		}
		take_step(step);
		HOLDS(contents() == seen || is_readable());
	}
	read_all();
	HOLDS(!is_readable());
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes bytes = {data, size};
	char path[PATH_MAX];

	tree_make(&tree);
	watched = spellings[take_u8(&bytes) % ARRAY_SIZE(spellings)];
	HOLDS(netns_watch_open(path_of(path, watched), &watch) == 0);
	HOLDS(netns_watch_mounts_fd(watch) >= 0);
	play(&bytes);
	netns_watch_close(watch);
	tree_remove(&tree);
	return 0;
}
