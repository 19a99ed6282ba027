/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/netns.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "util/array.h"
#include "util/parser.h"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71 /* Linux 5.14 */
#endif

bool netns_name_is_valid(const char *name)
{
	return *name && strlen(name) <= NETNS_NAME_MAX && !strchr(name, '/') &&
	       strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

bool netns_list_names(const struct netns_list *list, const char *name)
{
	for (size_t i = 0; i < list->n; i++)
		if (!strcmp(list->names[i], name))
			return true;
	return false;
}

static int add_name(struct netns_list *list, const char *name)
{
	int err = array_reserve(&list->names, list->n, 1);
	char *copy;

	if (err)
		return err;
	copy = strdup(name);
	if (!copy)
		return -ENOMEM;
	list->names[list->n++] = copy;
	return 0;
}

int netns_list_add_line(struct netns_list *list, const char *line, char *error,
			size_t error_size)
{
	struct parser parser = {line, error, error_size};
	char name[NETNS_NAME_MAX + 1] = "";
	char rest[2];
	int ret = parser_word(&parser, name, sizeof(name));

	if (ret < 0)
		return ret;
	if (ret == 0)
		return parser_fail(&parser,
				   "the name is missing; write a name, or * for all");
	if (parser_word(&parser, rest, sizeof(rest)) != 0)
		return parser_fail(&parser, "there is more than one name");
	if (!strcmp(name, "*")) {
		list->all = true;
		return 0;
	}
	if (!netns_name_is_valid(name))
		return parser_fail(&parser, "\"%s\" is not the name of a file", name);
	return netns_list_names(list, name) ? 0 : add_name(list, name);
}

void netns_list_free(struct netns_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		free(list->names[i]);
	free(list->names);
	*list = (struct netns_list){.n = 0};
}

bool netns_id_equal(const struct netns_id *a, const struct netns_id *b)
{
	return a->dev == b->dev && a->ino == b->ino;
}

static struct netns_id id_of(const struct stat *stat)
{
	return (struct netns_id){.dev = stat->st_dev, .ino = stat->st_ino};
}

static int make_path(char *path, const char *dir, const char *name)
{
	int len = snprintf(path, PATH_MAX, "%s/%s", dir, name);

	return len < PATH_MAX ? 0 : -ENAMETOOLONG;
}

static int identify(const char *path, struct netns_id *ret)
{
	struct statfs fs;
	struct stat file;

	if (statfs(path, &fs) < 0 || stat(path, &file) < 0)
		return -errno;
	if (fs.f_type != NSFS_MAGIC)
		return -EAGAIN;
	*ret = id_of(&file);
	return 0;
}

int netns_identify(const char *dir, const char *name, struct netns_id *ret)
{
	char path[PATH_MAX];
	int err = make_path(path, dir, name);

	return err ? err : identify(path, ret);
}

/* Nothing else has its device and inode. */
bool netns_is(int dir, const char *name, const struct netns_id *id)
{
	struct netns_id found;
	struct stat file;

	if (fstatat(dir, name, &file, 0) < 0)
		return false;
	found = id_of(&file);
	return netns_id_equal(&found, id);
}

/* The file is identified first, because opening a device or a pipe can have effects;
 * and again when it is open, because it may have been replaced. */
int netns_open(const char *dir, const char *name, struct netns_id *ret_id)
{
	char path[PATH_MAX];
	struct stat file;
	int err = make_path(path, dir, name);
	int fd;

	if (!err)
		err = identify(path, ret_id);
	if (err)
		return err;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &file) == 0)
		*ret_id = id_of(&file);
	return fd;
}

int netns_identify_own(struct netns_id *ret)
{
	return identify("/proc/thread-self/ns/net", ret);
}

/* setns() itself rejects other kinds of namespaces, but a file that is not in nsfs may
 * be anything. */
int netns_check(int fd)
{
	struct statfs fs;

	if (fstatfs(fd, &fs) < 0)
		return -errno;
	return fs.f_type == NSFS_MAGIC && ioctl(fd, NS_GET_NSTYPE) == CLONE_NEWNET
		   ? 0
		   : -ENOTTY;
}

int netns_cookie(int socket, uint64_t *ret)
{
	socklen_t len = sizeof(*ret);

	return getsockopt(socket, SOL_SOCKET, SO_NETNS_COOKIE, ret, &len) < 0 ? -errno
									      : 0;
}

int netns_list_dir(const char *dir, void (*found)(void *ctx, const char *name),
		   void *ctx)
{
	DIR *stream = opendir(dir);
	const struct dirent *entry;
	int err;

	if (!stream)
		return -errno;
	while ((void)(errno = 0), (entry = readdir(stream)))
		if (netns_name_is_valid(entry->d_name))
			found(ctx, entry->d_name);
	err = -errno;
	closedir(stream);
	return err;
}
