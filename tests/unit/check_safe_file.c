/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/safe_file.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "privilege.h"
#include "runner.h"
#include "tree.h"

static struct tree tree;

static void setup(void)
{
	tree_make(&tree);
}

static void teardown(void)
{
	tree_remove(&tree);
}

static const char *path_of(const char *name)
{
	static char path[sizeof(tree.root) + 40];

	snprintf(path, sizeof(path), "%s/%s", tree.root, name);
	return path;
}

static void make_socket(const char *name)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path_of(name));
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	close(fd);
}

/* What can have the name instead of the program's own file. */
enum odd { ODD_FIFO, ODD_LINK, ODD_DANGLING_LINK, ODD_SOCKET, ODD_DIRECTORY, N_ODD };

static void put_odd(enum odd odd, const char *name)
{
	switch (odd) {
	case ODD_FIFO:
		ck_assert_int_eq(mkfifo(path_of(name), 0600), 0);
		break;
	case ODD_LINK:
		tree_text(&tree, "precious", "keep");
		tree_link(&tree, name, "precious");
		break;
	case ODD_DANGLING_LINK:
		tree_link(&tree, name, "nowhere");
		break;
	case ODD_SOCKET:
		make_socket(name);
		break;
	case ODD_DIRECTORY:
		ck_assert_int_eq(mkdir(path_of(name), 0700), 0);
		break;
	case N_ODD:
		break;
	}
}

static int get(const char *name, char **ret_data, size_t *ret_size)
{
	return safe_file_read(tree.root, name, 1, 100, ret_data, ret_size);
}

static int put(const char *text)
{
	size_t half = strlen(text) / 2;
	const struct iovec parts[] = {{(char *)text, half},
				      {(char *)text + half, strlen(text) - half}};

	return safe_file_replace(tree.root, "f", parts, 2);
}

CHAPTER(setup, teardown);

TEST(what_is_put_can_be_read)
{
	struct stat status;
	char *data;
	size_t size;

	ck_assert_int_eq(get("f", &data, &size), -ENOENT);
	ck_assert_int_eq(put("first"), 0);
	ck_assert_int_eq(put("second"), 0);
	ck_assert_int_eq(get("f", &data, &size), 0);
	ck_assert_uint_eq(size, 6);
	ck_assert_mem_eq(data, "second", 6);
	free(data);
	ck_assert_int_eq(stat(path_of("f"), &status), 0);
	ck_assert_uint_eq(status.st_mode & 07777, 0600);
	ck_assert_uint_eq(tree_count(&tree), 1);
}

/* A FIFO above all, since open(2) would wait for its writer. */
TEST(only_a_regular_file_is_read)
{
	for (enum odd odd = 0; odd < N_ODD; odd++) {
		char *data = NULL;
		size_t size;

		put_odd(odd, "f");
		ck_assert_int_eq(get("f", &data, &size), -EBADMSG);
		ck_assert_ptr_null(data);
		tree_delete(&tree, "f");
	}
}

TEST(only_a_file_of_a_fitting_size_is_read)
{
	char text[102];
	char *data;
	size_t size;

	memset(text, 'x', sizeof(text));
	for (size_t len = 0; len < sizeof(text); len++) {
		bool fits = len >= 1 && len <= 100;

		tree_write(&tree, "f", text, len);
		ck_assert_int_eq(get("f", &data, &size), fits ? 0 : -EBADMSG);
		if (fits)
			free(data);
	}
	/* sparse: no space on the disk, but too much for memory; its lower 32 bits are
	 * a size that fits */
	ck_assert_int_eq(truncate(path_of("f"), ((off_t)1 << 40) + 50), 0);
	ck_assert_int_eq(get("f", &data, &size), -EBADMSG);
}

TEST(what_is_in_the_way_is_replaced)
{
	static const char *const names[] = {"f", "f" SAFE_FILE_TEMPORARY};

	for (enum odd odd = 0; odd < N_ODD; odd++) {
		for (size_t i = 0; i < 2; i++) {
			put_odd(odd, names[i]);
			ck_assert_int_eq(put("data"), 0);
			tree_has(&tree, "f", "data");
			tree_delete(&tree, "f");
			if (odd == ODD_LINK) {
				tree_has(&tree, "precious", "keep");
				tree_delete(&tree, "precious");
			}
			ck_assert_uint_eq(tree_count(&tree), 0);
		}
	}
}

/* A second name of the replaced file keeps the old contents. */
TEST(hard_links_keep_what_they_had)
{
	tree_text(&tree, "precious", "keep");
	for (int i = 0; i < 2; i++) {
		char to[sizeof(tree.root) + 40];

		snprintf(to, sizeof(to), "%s",
			 path_of(i ? "f" SAFE_FILE_TEMPORARY : "f"));
		ck_assert_int_eq(link(path_of("precious"), to), 0);
		ck_assert_int_eq(put("data"), 0);
		tree_has(&tree, "precious", "keep");
		tree_has(&tree, "f", "data");
	}
}

TEST(a_directory_with_files_stays)
{
	tree_text(&tree, "f/in-it", "");
	ck_assert_int_eq(put("data"), -ENOTEMPTY);
	ck_assert_uint_eq(tree_count(&tree), 1);
	tree_delete(&tree, "f");
	tree_text(&tree, "f" SAFE_FILE_TEMPORARY "/in-it", "");
	ck_assert_int_eq(put("data"), -ENOTEMPTY);
	ck_assert_uint_eq(tree_count(&tree), 1);
}

/* As on a full disk: the old file stays. */
TEST(a_failed_write_replaces_nothing)
{
	static char much[100000]; /* which is not kept until the file is closed */

	ck_assert_int_eq(put("old"), 0);
	memset(much, 'x', sizeof(much) - 1);
	for (int i = 0; i < 2; i++) {
		int err;

		privilege_limit_files(3);
		err = put(i ? much : "longer");
		privilege_unlimited();
		ck_assert_int_eq(err, -EFBIG);
		tree_has(&tree, "f", "old");
		ck_assert_uint_eq(tree_count(&tree), 1);
	}
}

TEST(directories_that_cannot_be)
{
	struct iovec part = {(char[]){"data"}, 4};
	char name[300];
	char *data;
	size_t size;

	tree_text(&tree, "file", "");
	ck_assert_int_eq(safe_file_replace("/nonexistent", "f", &part, 1), -ENOENT);
	ck_assert_int_eq(safe_file_read("/nonexistent", "f", 1, 9, &data, &size),
			 -ENOENT);
	ck_assert_int_eq(safe_file_replace(path_of("file"), "f", &part, 1), -ENOTDIR);
	ck_assert_int_eq(safe_file_read(path_of("file"), "f", 1, 9, &data, &size),
			 -ENOTDIR);
	memset(name, 'n', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	ck_assert_int_eq(safe_file_replace(tree.root, name, &part, 1), -ENAMETOOLONG);
	ck_assert_int_eq(safe_file_read(tree.root, name, 1, 9, &data, &size),
			 -ENAMETOOLONG);
}

TEST(names_that_no_file_can_have)
{
	struct iovec part = {(char[]){"data"}, 4};

	ck_assert_int_eq(safe_file_replace(tree.root, ".", &part, 1), -EBUSY);
	ck_assert_uint_eq(tree_count(&tree), 0);
	/* nobody can make one there */
	ck_assert_int_eq(safe_file_replace("/proc", "f", &part, 1), -ENOENT);
}
