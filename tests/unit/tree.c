/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tree.h"

#include <check.h>
#include <dirent.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void need(int good)
{
	if (!good) {
		perror("tree");
		abort();
	}
}

void tree_make(struct tree *tree)
{
	const char *tmp = getenv("TMPDIR");

	if (!tmp || strlen(tmp) > 32)
		tmp = "/tmp";
	snprintf(tree->root, sizeof(tree->root), "%s/qmipsec-check.XXXXXX", tmp);
	need(mkdtemp(tree->root) != NULL);
}

static void full_path(char *full, const struct tree *tree, const char *path)
{
	need(snprintf(full, PATH_MAX, "%s/%s", tree->root, path) < PATH_MAX);
	for (char *at = full + strlen(tree->root) + 1; (at = strchr(at, '/')); at++) {
		*at = '\0';
		mkdir(full, 0700);
		*at = '/';
	}
}

void tree_write(const struct tree *tree, const char *path, const void *data, size_t len)
{
	char full[PATH_MAX];
	FILE *file;

	full_path(full, tree, path);
	file = fopen(full, "w");
	need(file != NULL);
	need(len == 0 || fwrite(data, len, 1, file) == 1);
	need(fclose(file) == 0);
}

void tree_text(const struct tree *tree, const char *path, const char *text)
{
	tree_write(tree, path, text, strlen(text));
}

void tree_link(const struct tree *tree, const char *path, const char *target)
{
	char full[PATH_MAX];

	full_path(full, tree, path);
	need(symlink(target, full) == 0);
}

void *tree_read(const struct tree *tree, const char *path, size_t *ret_len)
{
	char full[PATH_MAX];
	struct stat stat_buf;
	FILE *file;
	void *data;

	full_path(full, tree, path);
	file = fopen(full, "r");
	need(file != NULL);
	need(fstat(fileno(file), &stat_buf) == 0);
	*ret_len = (size_t)stat_buf.st_size;
	data = malloc(*ret_len + 1);
	need(data != NULL);
	need(*ret_len == 0 || fread(data, *ret_len, 1, file) == 1);
	fclose(file);
	return data;
}

size_t tree_count(const struct tree *tree)
{
	DIR *dir = opendir(tree->root);
	const struct dirent *entry;
	size_t n = 0;

	need(dir != NULL);
	while ((entry = readdir(dir)))
		n += entry->d_name[0] != '.';
	closedir(dir);
	return n;
}

void tree_session(const struct tree *tree, unsigned host, unsigned session,
		  const char *local, const char *remote, const char *initiator)
{
	char path[200];
	char text[200];

	snprintf(path, sizeof(path), "class/iscsi_session/session%u", session);
	snprintf(text, sizeof(text),
		 "../../devices/platform/host%u/session%u/iscsi_session/session%u",
		 host, session, session);
	tree_link(tree, path, text);
	snprintf(
	    path, sizeof(path),
	    "devices/platform/host%u/session%u/iscsi_session/session%u/initiatorname",
	    host, session, session);
	snprintf(text, sizeof(text), "%s\n", initiator);
	tree_text(tree, path, text);
	snprintf(path, sizeof(path), "class/iscsi_session/session%u/state", session);
	tree_text(tree, path, "LOGGED_IN\n");
	snprintf(path, sizeof(path), "class/iscsi_host/host%u", host);
	snprintf(text, sizeof(text), "../../devices/platform/host%u/iscsi_host/host%u",
		 host, host);
	tree_link(tree, path, text);
	snprintf(path, sizeof(path),
		 "devices/platform/host%u/iscsi_host/host%u/ipaddress", host, host);
	snprintf(text, sizeof(text), "%s\n", local);
	tree_text(tree, path, text);
	snprintf(path, sizeof(path), "class/scsi_host/host%u/proc_name", host);
	tree_text(tree, path, "iscsi_tcp\n");
	snprintf(path, sizeof(path), "class/iscsi_connection/connection%u:0/address",
		 session);
	snprintf(text, sizeof(text), "%s\n", remote);
	tree_text(tree, path, text);
}

static int remove_one(const char *path, const struct stat *stat_buf, int type,
		      struct FTW *ftw)
{
	(void)stat_buf;
	(void)type;
	(void)ftw;
	return remove(path);
}

void tree_delete(const struct tree *tree, const char *path)
{
	char full[PATH_MAX];

	full_path(full, tree, path);
	need(nftw(full, remove_one, 16, FTW_DEPTH | FTW_PHYS) == 0);
}

void tree_remove(const struct tree *tree)
{
	need(nftw(tree->root, remove_one, 16, FTW_DEPTH | FTW_PHYS) == 0);
}

void tree_has(const struct tree *tree, const char *name, const char *text)
{
	size_t len;
	char *data = tree_read(tree, name, &len);

	ck_assert_uint_eq(len, strlen(text));
	ck_assert_mem_eq(data, text, len);
	free(data);
}
