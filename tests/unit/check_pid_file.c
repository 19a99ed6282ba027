/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runner.h"
#include "tree.h"

static struct tree tree;
static char path[sizeof(tree.root) + 20];
static struct pid_file file;
static pid_t holder;

static void setup(void)
{
	tree_make(&tree);
	snprintf(path, sizeof(path), "%s/pid", tree.root);
	file = (struct pid_file){NULL, -1};
}

static void teardown(void)
{
	pid_file_remove(&file);
	tree_remove(&tree);
}

/* Locks belong to open files, so one process can act as both. */
static int open_second(void)
{
	struct pid_file second = {NULL, -1};
	int err = pid_file_open(path, &second, &holder);

	ck_assert_int_eq(err == 0, second.path != NULL);
	pid_file_remove(&second);
	return err;
}

CHAPTER(setup, teardown);

TEST(written_and_removed)
{
	char text[30];

	ck_assert_int_eq(pid_file_open(path, &file, &holder), 0);
	ck_assert_int_eq(pid_file_write(&file), 0);
	snprintf(text, sizeof(text), "%ld\n", (long)getpid());
	tree_has(&tree, "pid", text);
	pid_file_remove(&file);
	ck_assert_uint_eq(tree_count(&tree), 0);
	pid_file_remove(&file);
}

TEST(a_second_one_is_told_who_has_it)
{
	ck_assert_int_eq(pid_file_open(path, &file, &holder), 0);
	holder = 1;
	ck_assert_int_eq(open_second(), -EBUSY);
	ck_assert_int_eq(holder, 0); /* not written yet */
	ck_assert_int_eq(pid_file_write(&file), 0);
	ck_assert_int_eq(open_second(), -EBUSY);
	ck_assert_int_eq(holder, getpid());
	pid_file_remove(&file);
	ck_assert_int_eq(open_second(), 0);
}

TEST(a_number_that_is_no_pid_is_not_reported)
{
	static const char *const texts[] = {"2147483648\n", "99999999999999999999\n"};

	ck_assert_int_eq(pid_file_open(path, &file, &holder), 0);
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		tree_text(&tree, "pid", texts[i]);
		holder = 1;
		ck_assert_int_eq(open_second(), -EBUSY);
		ck_assert_int_eq(holder, 0);
	}
}

/* The file of a killed daemon is not locked any more. */
TEST(a_file_of_a_killed_daemon_is_taken_over)
{
	static const char *const texts[] = {"", "1\n", "4194304\n", "77",
					    "99999999999999999999\n"};

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		tree_text(&tree, "pid", texts[i]);
		ck_assert_int_eq(pid_file_open(path, &file, &holder), 0);
		tree_has(&tree, "pid", texts[i]); /* not changed before it is written */
		ck_assert_int_eq(pid_file_write(&file), 0);
		pid_file_remove(&file);
		ck_assert_uint_eq(tree_count(&tree), 0);
	}
}

TEST(another_file_is_not_overwritten)
{
	static const char *const texts[] = {
	    "root:x:0:0:root:/root:/bin/bash\n", "\n", "1 2\n", "-1\n", "1\n\n", " 1\n",
	    "1234567890123456789012345\n"};

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		tree_text(&tree, "pid", texts[i]);
		ck_assert_int_eq(open_second(), -EEXIST);
		tree_has(&tree, "pid", texts[i]);
	}
}

TEST(only_a_regular_file_with_one_name)
{
	char target[sizeof(tree.root) + 20];

	tree_text(&tree, "1", "1\n");
	tree_link(&tree, "pid", "1");
	ck_assert_int_eq(open_second(), -EEXIST);
	tree_delete(&tree, "pid");
	tree_link(&tree, "pid", "nowhere");
	ck_assert_int_eq(open_second(), -EEXIST);
	tree_delete(&tree, "pid");
	snprintf(target, sizeof(target), "%s/1", tree.root);
	ck_assert_int_eq(link(target, path), 0);
	ck_assert_int_eq(open_second(), -EEXIST);
	tree_has(&tree, "1", "1\n");
	tree_delete(&tree, "pid");
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	ck_assert_int_eq(open_second(), -EEXIST);
	tree_delete(&tree, "pid");
	ck_assert_int_eq(mkdir(path, 0700), 0);
	ck_assert_int_eq(open_second(), -EEXIST);
	ck_assert_uint_eq(tree_count(&tree), 2);
}

TEST(no_such_directory)
{
	ck_assert_int_eq(pid_file_open("/nonexistent/pid", &file, &holder), -ENOENT);
}

/* Another file has the name: it belongs to another daemon. */
TEST(only_the_own_file_is_removed)
{
	ck_assert_int_eq(pid_file_open(path, &file, &holder), 0);
	ck_assert_int_eq(pid_file_write(&file), 0);
	tree_delete(&tree, "pid");
	tree_text(&tree, "pid", "1\n");
	pid_file_remove(&file);
	tree_has(&tree, "pid", "1\n");
	ck_assert_int_eq(pid_file_open(path, &file, &holder), 0);
	tree_delete(&tree, "pid");
	pid_file_remove(&file);
	ck_assert_uint_eq(tree_count(&tree), 0);
}

/* The daemon is a child of the process that took the file. */
TEST(a_child_has_it_after_its_parent)
{
	int ready[2], go[2];
	char byte = 0;
	pid_t child;

	ck_assert_int_eq(pipe(ready), 0);
	ck_assert_int_eq(pipe(go), 0);
	ck_assert_int_eq(pid_file_open(path, &file, &holder), 0);
	child = fork();
	if (child == 0) {
		byte = (char)pid_file_write(&file);
		if (write(ready[1], &byte, 1) == 1 && read(go[0], &byte, 1) == 1)
			pid_file_remove(&file);
		_exit(0);
	}
	ck_assert_int_eq(read(ready[0], &byte, 1), 1);
	ck_assert_int_eq(byte, 0);
	close(file.fd); /* as at the end of this process */
	file = (struct pid_file){NULL, -1};
	ck_assert_int_eq(open_second(), -EBUSY);
	ck_assert_int_eq(holder, child);
	ck_assert_int_eq(write(go[1], &byte, 1), 1);
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
	ck_assert_uint_eq(tree_count(&tree), 0);
	ck_assert_int_eq(open_second(), 0);
}

/* Many start at the same time and end at once. The owner removes the file while
 * others wait for it. Two never own it at the same time. */
TEST(never_two_at_a_time)
{
	char witness[sizeof(tree.root) + 20];
	int failed = 0;

	snprintf(witness, sizeof(witness), "%s/witness", tree.root);
	for (int i = 0; i < 4; i++) {
		if (fork() != 0)
			continue;
		for (int n = 0; n < 300; n++) {
			int fd;

			if (pid_file_open(path, &file, &holder) != 0)
				continue;
			fd = open(witness, O_CREAT | O_EXCL | O_WRONLY, 0600);
			if (fd < 0)
				_exit(1);
			close(fd);
			unlink(witness);
			pid_file_remove(&file);
		}
		_exit(0);
	}
	for (int i = 0; i < 4; i++) {
		int status;

		ck_assert_int_gt(wait(&status), 0);
		failed += status != 0;
	}
	ck_assert_int_eq(failed, 0);
}
