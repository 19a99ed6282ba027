/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/netns.h"
#include "kernel/netns_watch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "privilege.h"
#include "runner.h"
#include "tree.h"

static struct tree tree;
static struct netns_list list;
static struct netns_watch *watch;
static char dir[100];
static char seen[200];

/* In a tmpfs: on overlayfs a watch may have another inode number than stat(2). */
static void setup(void)
{
	if (!access("/dev/shm", W_OK | X_OK))
		setenv("TMPDIR", "/dev/shm", 1);
	tree_make(&tree);
	snprintf(dir, sizeof(dir), "%s/run/netns", tree.root);
	list = (struct netns_list){.n = 0};
	watch = NULL;
}

static void teardown(void)
{
	netns_watch_close(watch);
	netns_list_free(&list);
	tree_remove(&tree);
}

/* The list. */

static void take(const char *line)
{
	char error[200] = "";

	ck_assert_msg(netns_list_add_line(&list, line, error, sizeof(error)) == 0,
		      "%s: %s", line, error);
}

static void reject(const char *line, const char *reason)
{
	char error[400] = "";

	ck_assert_int_eq(netns_list_add_line(&list, line, error, sizeof(error)),
			 -EINVAL);
	ck_assert_str_eq(error, reason);
	ck_assert_uint_eq(list.n, 0);
	ck_assert(!list.all);
}

CHAPTER(setup, teardown);

TEST(names_and_all)
{
	take("blue");
	take("  \"with blank\"  ");
	take("blue");
	take("a*");
	ck_assert_uint_eq(list.n, 3);
	ck_assert(!list.all);
	ck_assert(netns_list_names(&list, "blue"));
	ck_assert(netns_list_names(&list, "with blank"));
	ck_assert(!netns_list_names(&list, "red"));
	take("*");
	ck_assert(list.all);
	ck_assert(!netns_list_names(&list, "red"));
}

TEST(not_a_name)
{
	char line[300];

	reject("", "the name is missing; write a name, or * for all");
	reject("  ", "the name is missing; write a name, or * for all");
	reject("a b", "there is more than one name");
	reject("* a", "there is more than one name");
	reject("\"\"", "\"\" is not the name of a file");
	reject(".", "\".\" is not the name of a file");
	reject("..", "\"..\" is not the name of a file");
	reject("/run/netns/a", "\"/run/netns/a\" is not the name of a file");
	reject("\"a", "the closing quote is missing");
	memset(line, 'n', sizeof(line));
	line[256] = '\0';
	reject(line, "\"nnnnnnnnnnnnnnnnnnnn...\" is too long (at most 255 "
		     "characters)");
	line[255] = '\0';
	take(line);
	ck_assert(netns_list_names(&list, line));
}

/* Files. */

static void note(void *ctx, const char *name)
{
	(void)ctx;
	strcat(strcat(seen, name), " ");
}

TEST(a_directory_is_listed)
{
	seen[0] = '\0';
	ck_assert_int_eq(netns_list_dir(dir, note, NULL), -ENOENT);
	tree_text(&tree, "run/netns/blue", "");
	tree_text(&tree, "run/netns/.hidden", "");
	ck_assert_int_eq(netns_list_dir(dir, note, NULL), 0);
	ck_assert_uint_eq(strlen(seen), strlen("blue .hidden "));
	ck_assert_ptr_nonnull(strstr(seen, "blue "));
	ck_assert_ptr_nonnull(strstr(seen, ".hidden "));
	tree_text(&tree, "file", "");
	snprintf(dir, sizeof(dir), "%s/file", tree.root);
	ck_assert_int_eq(netns_list_dir(dir, note, NULL), -ENOTDIR);
}

/* A link to the namespace of a process also works. */
TEST(a_namespace_and_other_files)
{
	struct netns_id id, own, again;
	int fd;

	tree_text(&tree, "run/netns/plain", "");
	tree_link(&tree, "run/netns/own", "/proc/self/ns/net");
	tree_link(&tree, "run/netns/dead", "/proc/0/ns/net");
	tree_text(&tree, "run/netns/folder/file", "");
	ck_assert_int_eq(netns_identify(dir, "none", &id), -ENOENT);
	ck_assert_int_eq(netns_identify(dir, "plain", &id), -EAGAIN);
	ck_assert_int_eq(netns_identify(dir, "folder", &id), -EAGAIN);
	ck_assert_int_eq(netns_identify(dir, "dead", &id), -ENOENT);
	ck_assert_int_eq(netns_open(dir, "plain", &id), -EAGAIN);
	ck_assert_int_eq(netns_open(dir, "none", &id), -ENOENT);
	ck_assert_int_eq(netns_identify_own(&own), 0);
	ck_assert_int_eq(netns_identify(dir, "own", &id), 0);
	fd = open(dir, O_PATH | O_DIRECTORY);
	ck_assert(netns_is(fd, "own", &id));
	ck_assert(!netns_is(fd, "plain", &id));
	ck_assert(!netns_is(fd, "none", &id));
	ck_assert_int_eq(close(fd), 0);
	ck_assert(netns_id_equal(&own, &id));
	fd = netns_open(dir, "own", &again);
	ck_assert_int_ge(fd, 0);
	ck_assert(netns_id_equal(&own, &again));
	close(fd);
	again.ino++;
	ck_assert(!netns_id_equal(&own, &again));
}

TEST(a_pipe_is_not_opened)
{
	struct netns_id id;
	char path[120];

	tree_text(&tree, "run/netns/plain", "");
	snprintf(path, sizeof(path), "%s/pipe", dir);
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	ck_assert_int_eq(netns_open(dir, "pipe", &id), -EAGAIN);
}

/* Watching. */

static bool told(void)
{
	struct pollfd fd = {.fd = netns_watch_files_fd(watch), .events = POLLIN};
	bool ready = poll(&fd, 1, 0) > 0;

	netns_watch_read(watch);
	return ready;
}

/* The directory that the kernel watches: fdinfo has its inode number. */
static void watches(const char *below)
{
	char path[200], line[200] = "";
	unsigned long long inode = 0;
	struct stat stat_of;
	unsigned n = 0;
	FILE *info;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d",
		 netns_watch_files_fd(watch));
	info = fopen(path, "r");
	ck_assert_ptr_nonnull(info);
	while (fgets(line, sizeof(line), info))
		n += sscanf(line, "inotify wd:%*x ino:%llx", &inode) == 1;
	fclose(info);
	ck_assert_uint_eq(n, 1);
	snprintf(path, sizeof(path), "%s%s", tree.root, below);
	ck_assert_int_eq(stat(path, &stat_of), 0);
	ck_assert_uint_eq(stat_of.st_ino, inode);
}

static void open_watch(void)
{
	ck_assert_int_eq(netns_watch_open(dir, &watch), 0);
}

TEST(files_appear_and_disappear)
{
	tree_text(&tree, "run/netns/first", "");
	open_watch();
	watches("/run/netns");
	ck_assert(!told());
	tree_text(&tree, "run/netns/second", "");
	ck_assert(told());
	ck_assert(!told());
	tree_delete(&tree, "run/netns/first");
	ck_assert(told());
	ck_assert(!told());
	ck_assert_int_ge(netns_watch_mounts_fd(watch), 0);
}

TEST(a_directory_that_comes_later)
{
	open_watch();
	watches("");
	tree_text(&tree, "run/else", "");
	ck_assert(told());
	watches("/run");
	while (told())
		;
	tree_text(&tree, "run/netns/first", "");
	ck_assert(told());
	watches("/run/netns");
	while (told())
		;
	tree_text(&tree, "run/netns/second", "");
	ck_assert(told());
}

TEST(a_directory_that_goes_and_comes)
{
	tree_text(&tree, "run/netns/first", "");
	open_watch();
	for (int i = 0; i < 3; i++) {
		tree_delete(&tree, "run/netns");
		ck_assert(told());
		watches("/run");
		tree_text(&tree, "run/netns/first", "");
		ck_assert(told());
		watches("/run/netns");
		while (told())
			;
		tree_delete(&tree, "run/netns/first");
		ck_assert(told());
	}
	tree_delete(&tree, "run");
	ck_assert(told());
	watches("");
}

/* Another directory gets the name, without an event from the watched one. */
TEST(a_directory_that_is_replaced)
{
	char from[120], to[120];

	tree_text(&tree, "run/netns/first", "");
	tree_text(&tree, "run/other/second", "");
	open_watch();
	snprintf(from, sizeof(from), "%s/run/netns", tree.root);
	snprintf(to, sizeof(to), "%s/run/old", tree.root);
	ck_assert_int_eq(rename(from, to), 0);
	snprintf(to, sizeof(to), "%s/run/other", tree.root);
	ck_assert_int_eq(rename(to, from), 0);
	ck_assert(told());
	while (told())
		;
	tree_text(&tree, "run/old/third", "");
	ck_assert(!told());
	tree_text(&tree, "run/netns/third", "");
	ck_assert(told());
}

/* A path that cannot be watched does not cause endless events. */
TEST(a_file_in_the_way)
{
	tree_text(&tree, "run/netns", "");
	open_watch();
	watches("/run");
	while (told())
		;
	ck_assert(!told());
}

TEST(more_events_than_are_kept)
{
	tree_text(&tree, "run/netns/first", "");
	open_watch();
	for (int i = 0; i < 20000; i++) {
		char path[40];

		snprintf(path, sizeof(path), "run/netns/%d", i % 2);
		tree_text(&tree, path, "");
		tree_delete(&tree, path);
	}
	ck_assert(told());
	ck_assert(!told());
	tree_text(&tree, "run/netns/second", "");
	ck_assert(told());
}

TEST(slashes_at_the_end)
{
	tree_text(&tree, "run/netns/first", "");
	strcat(dir, "//");
	open_watch();
	watches("/run/netns");
	tree_delete(&tree, "run/netns");
	ck_assert(told());
	watches("/run");
}

/* "/" is watched instead, or nothing. */
TEST(paths_without_a_directory_above)
{
	static const char *const paths[] = {"/no-such-directory", "no-such-directory"};

	for (size_t i = 0; i < 2; i++) {
		snprintf(dir, sizeof(dir), "%s", paths[i]);
		open_watch();
		tree_text(&tree, "file", "");
		ck_assert(!told());
		netns_watch_close(watch);
		watch = NULL;
	}
}

TEST(no_descriptor_is_left)
{
	int err;

	privilege_limit_fds();
	err = netns_watch_open("/run/netns", &watch);
	privilege_unlimited();
	ck_assert_int_eq(err, -EMFILE);
	ck_assert_ptr_null(watch);
}

TEST(a_path_that_is_too_long)
{
	static char path[5000];

	memset(path, '/', sizeof(path) - 1);
	ck_assert_int_eq(netns_watch_open(path, &watch), -ENAMETOOLONG);
	ck_assert_int_eq(netns_identify(path, "a", &(struct netns_id){0}),
			 -ENAMETOOLONG);
	ck_assert_int_eq(netns_open(path, "a", &(struct netns_id){0}), -ENAMETOOLONG);
}
