/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/lock.h"

#include <errno.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runner.h"
#include "tree.h"

static struct tree tree;
static pid_t holder;

/* In a tmpfs, as the state directory usually is: /proc/locks has the device of the
 * file system, which on overlayfs and btrfs is not that of stat(2). */
static void setup(void)
{
	if (!access("/dev/shm", W_OK | X_OK))
		setenv("TMPDIR", "/dev/shm", 1);
	tree_make(&tree);
}

static void teardown(void)
{
	tree_remove(&tree);
}

CHAPTER(setup, teardown);

TEST(one_at_a_time)
{
	int fd = dir_lock_open(tree.root, &holder);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(dir_lock_open(tree.root, &holder), -EBUSY);
	ck_assert_uint_eq(tree_count(&tree), 0);
	close(fd);
	fd = dir_lock_open(tree.root, &holder);
	ck_assert_int_ge(fd, 0);
	close(fd);
}

TEST(a_child_has_it_after_its_parent)
{
	int fd = dir_lock_open(tree.root, &holder);
	int ready[2], go[2];
	char byte = 0;
	pid_t child;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(dir_lock_open(tree.root, &holder), -EBUSY);
	ck_assert_int_eq(holder, getpid());
	ck_assert_int_eq(pipe(ready), 0);
	ck_assert_int_eq(pipe(go), 0);
	child = fork();
	if (child == 0) {
		byte = (char)dir_lock_adopt(fd);
		if (write(ready[1], &byte, 1) != 1 || read(go[0], &byte, 1) != 1)
			_exit(1);
		_exit(0);
	}
	ck_assert_int_eq(read(ready[0], &byte, 1), 1);
	ck_assert_int_eq(byte, 0);
	close(fd);
	ck_assert_int_eq(dir_lock_open(tree.root, &holder), -EBUSY);
	ck_assert_int_eq(holder, child);
	ck_assert_int_eq(write(go[1], &byte, 1), 1);
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
	fd = dir_lock_open(tree.root, &holder);
	ck_assert_int_ge(fd, 0);
	close(fd);
}

TEST(no_directory)
{
	char path[sizeof(tree.root) + 20];

	tree_text(&tree, "file", "");
	snprintf(path, sizeof(path), "%s/file", tree.root);
	ck_assert_int_eq(dir_lock_open(path, &holder), -ENOTDIR);
	ck_assert_int_eq(dir_lock_open("/nonexistent", &holder), -ENOENT);
}
