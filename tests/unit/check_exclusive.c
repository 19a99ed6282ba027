/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/exclusive.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "privilege.h"
#include "runner.h"
#include "tree.h"
#include "util/lock.h"
#include "util/log.h"

static struct tree tree;
static char pid_path[sizeof(tree.root) + 20];
static char state_dir[sizeof(tree.root) + 20];
static struct pid_file other; /* of another daemon */
static char logged[4096];
static int logged_level;

static void note(int level, const char *text)
{
	size_t used = strlen(logged);

	logged_level = level;
	snprintf(logged + used, sizeof(logged) - used, "%s\n", text);
}

static void setup(void)
{
	tree_make(&tree);
	snprintf(pid_path, sizeof(pid_path), "%s/pid", tree.root);
	snprintf(state_dir, sizeof(state_dir), "%s/state", tree.root);
	ck_assert_int_eq(mkdir(state_dir, 0700), 0);
	other = (struct pid_file){NULL, -1};
	logged[0] = '\0';
	log_set_sink(note);
}

static void teardown(void)
{
	exclusive_release();
	pid_file_remove(&other);
	log_set_sink(NULL);
	tree_remove(&tree);
}

static void has_logged(int level, const char *text)
{
	ck_assert_msg(strstr(logged, text) != NULL, "no \"%s\" in: %s", text, logged);
	ck_assert_int_eq(logged_level, level);
}

static void nothing_is_locked(void)
{
	pid_t holder;
	int fd = dir_lock_open(state_dir, &holder);

	ck_assert_int_ge(fd, 0);
	close(fd);
	ck_assert_int_eq(access(pid_path, F_OK), -1);
}

CHAPTER(setup, teardown);

TEST(both_are_locked_and_released)
{
	char text[30];

	ck_assert_int_eq(exclusive_claim(state_dir, pid_path), 0);
	ck_assert_int_eq(exclusive_settle(), 0);
	snprintf(text, sizeof(text), "%ld\n", (long)getpid());
	tree_has(&tree, "pid", text);
	exclusive_release();
	nothing_is_locked();
	ck_assert_str_eq(logged, "");
}

TEST(a_pid_file_of_another_process)
{
	char text[60];
	pid_t holder;

	ck_assert_int_eq(pid_file_open(pid_path, &other, &holder), 0);
	ck_assert_int_eq(exclusive_claim(state_dir, pid_path), -EBUSY);
	has_logged(LOG_ERR, "another process uses this PID file");
	ck_assert_int_eq(pid_file_write(&other), 0);
	ck_assert_int_eq(exclusive_claim(state_dir, pid_path), -EBUSY);
	snprintf(text, sizeof(text), "process %ld uses this PID file", (long)getpid());
	has_logged(LOG_ERR, text);
	pid_file_remove(&other);
	nothing_is_locked();
}

TEST(a_state_directory_of_another_process)
{
	pid_t holder;
	int fd = dir_lock_open(state_dir, &holder);

	ck_assert_int_eq(exclusive_claim(state_dir, pid_path), -EBUSY);
	has_logged(LOG_ERR, "keeps its state there");
	close(fd);
	nothing_is_locked(); /* the PID file is given back */
}

TEST(pid_files_that_cannot_be)
{
	tree_text(&tree, "pid", "not a number\n");
	ck_assert_int_eq(exclusive_claim(NULL, pid_path), -EEXIST);
	has_logged(LOG_ERR, "not a PID file");
	tree_has(&tree, "pid", "not a number\n");
	ck_assert_int_eq(exclusive_claim(NULL, "/nonexistent/pid"), -ENOENT);
	has_logged(LOG_ERR, "cannot open the PID file: No such file");
}

/* The daemon starts without that lock. */
TEST(a_state_directory_that_cannot_be_locked)
{
	tree_text(&tree, "file", "");
	snprintf(state_dir, sizeof(state_dir), "%s/file", tree.root);
	ck_assert_int_eq(exclusive_claim(state_dir, NULL), 0);
	has_logged(LOG_WARNING, "cannot lock it: Not a directory");
	logged[0] = '\0';
	ck_assert_int_eq(exclusive_claim("/nonexistent", NULL), 0);
	ck_assert_str_eq(logged, "");
	ck_assert_int_eq(exclusive_settle(), 0);
}

/* As on a full disk. */
TEST(a_pid_file_that_cannot_be_written)
{
	int err;

	ck_assert_int_eq(exclusive_claim(NULL, pid_path), 0);
	privilege_limit_files(0);
	err = exclusive_settle();
	privilege_unlimited();
	ck_assert_int_eq(err, -EFBIG);
	has_logged(LOG_ERR, "cannot write the PID file: File too large");
}
