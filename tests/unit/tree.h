/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stddef.h>

/* A temporary directory, for example a fake sysfs or a state directory. */
struct tree {
	char root[64];
};

/* Makes an empty directory in TMPDIR or /tmp. */
void tree_make(struct tree *tree);

/* Write a file, or make a symbolic link, with all missing directories. */
void tree_write(const struct tree *tree, const char *path, const void *data,
		size_t len);
void tree_text(const struct tree *tree, const char *path, const char *text);
void tree_link(const struct tree *tree, const char *path, const char *target);

/* Removes a file, a link, or a directory with its contents. */
void tree_delete(const struct tree *tree, const char *path);

/* Reads the whole file, with its length in *ret_len. The caller frees it. */
void *tree_read(const struct tree *tree, const char *path, size_t *ret_len);

/* The file has exactly this text. */
void tree_has(const struct tree *tree, const char *path, const char *text);

/* The number of entries in the root. */
size_t tree_count(const struct tree *tree);

/* An iSCSI session over TCP as the kernel shows it in sysfs. */
void tree_session(const struct tree *tree, unsigned host, unsigned session,
		  const char *local, const char *remote, const char *initiator);

/* Removes the directory. */
void tree_remove(const struct tree *tree);
