/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Which network namespaces are to be watched: by their names, which are those of files
 * in one directory, as "ip netns" makes them. */

#define NETNS_NAME_MAX 255 /* NAME_MAX */

struct netns_list {
	char **names;
	size_t n;
	bool all; /* whatever is in the directory */
};

/* True if it can be a file's name. */
bool netns_name_is_valid(const char *name);

/*
 * Adds one line of configuration: a name, or "*" for all. Returns 0, -ENOMEM, or
 * -EINVAL with the reason in error (of error_size bytes); on an error the list is as it
 * was.
 */
int netns_list_add_line(struct netns_list *list, const char *line, char *error,
			size_t error_size);

/* True if that name is on the list itself, whatever all says. */
bool netns_list_names(const struct netns_list *list, const char *name);

void netns_list_free(struct netns_list *list);

/* Which namespace a file is: unique as long as somebody has it open. */
struct netns_id {
	uint64_t dev;
	uint64_t ino;
};

bool netns_id_equal(const struct netns_id *a, const struct netns_id *b);

/*
 * What DIR/NAME is now. Returns 0; -ENOENT; -EAGAIN: no namespace, perhaps not yet,
 * since "ip netns add" makes a plain file first and then mounts the namespace on it; or
 * another -errno.
 */
int netns_identify(const char *dir, const char *name, struct netns_id *ret);

/* Opens it. Returns the descriptor, which keeps the namespace alive, or -errno as
 * above. */
int netns_open(const char *dir, const char *name, struct netns_id *ret_id);

/* Returns 0 if the descriptor is of a network namespace, -ENOTTY if it is of anything
 * else, or another -errno. */
int netns_check(int fd);

/* The calling thread's own. Returns 0 or -errno. */
int netns_identify_own(struct netns_id *ret);

/* The cookie of a socket's namespace: unique for each that this boot ever had. Returns
 * 0, or -errno, -ENOPROTOOPT before Linux 5.14. */
int netns_cookie(int socket, uint64_t *ret);

/* Calls back for the name of each file in DIR. Returns 0, or -errno if it cannot be
 * read to its end. */
int netns_list_dir(const char *dir, void (*found)(void *ctx, const char *name),
		   void *ctx);
