/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stddef.h>

/* A directory of one's own, such as a made-up sysfs or a state directory. */
struct tree {
	char root[64];
};

/* Makes an empty one under TMPDIR or /tmp. */
void tree_make(struct tree *tree);

/* Writes a file, or makes a symbolic link; missing folders are made. */
void tree_write(const struct tree *tree, const char *path, const void *data,
		size_t len);
void tree_text(const struct tree *tree, const char *path, const char *text);
void tree_link(const struct tree *tree, const char *path, const char *target);

/* Removes a file, a link, or a folder and all that is in it. */
void tree_delete(const struct tree *tree, const char *path);

/* The whole file on the heap, its length in *ret_len. */
void *tree_read(const struct tree *tree, const char *path, size_t *ret_len);

/* The file has exactly this text. */
void tree_has(const struct tree *tree, const char *path, const char *text);

/* How many entries the root has. */
size_t tree_count(const struct tree *tree);

/* An iSCSI session over TCP as the kernel shows it in sysfs. */
void tree_session(const struct tree *tree, unsigned host, unsigned session,
		  const char *local, const char *remote, const char *initiator);

/* Removes all of it. */
void tree_remove(const struct tree *tree);
