/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Network namespaces by name: the names of the files in one directory, as "ip netns"
 * creates them. */

#define NETNS_NAME_MAX 255 /* NAME_MAX */

/* The namespaces that the configuration names. */
struct netns_list {
	char **names;
	size_t n;
	bool all; /* any file in the directory */
};

/* Returns true if it can be the name of a file. */
bool netns_name_is_valid(const char *name);

/* Adds one line of configuration: a name, or "*" for all. Returns 0, -ENOMEM, or
 * -EINVAL with the reason in error (error_size bytes); on an error the list is
 * unchanged. */
int netns_list_add_line(struct netns_list *list, const char *line, char *error,
			size_t error_size);

/* Returns true if that name is on the list, whatever `all` is. */
bool netns_list_names(const struct netns_list *list, const char *name);

void netns_list_free(struct netns_list *list);

/* Identifies a namespace, as long as any process has it open. */
struct netns_id {
	uint64_t dev;
	uint64_t ino;
};

bool netns_id_equal(const struct netns_id *a, const struct netns_id *b);

/* Identifies the namespace at DIR/NAME. Returns 0; -ENOENT; -EAGAIN: it is not a
 * namespace, or not yet: "ip netns add" creates a plain file and then mounts the
 * namespace on it; or another -errno. */
int netns_identify(const char *dir, const char *name, struct netns_id *ret);

/* Returns true if NAME in an open directory is the namespace that a process has open.
 * Costs less than netns_identify(). */
bool netns_is(int dir, const char *name, const struct netns_id *id);

/* Opens it. Returns the descriptor, which keeps the namespace alive, or -errno as
 * above. */
int netns_open(const char *dir, const char *name, struct netns_id *ret_id);

/* Identifies the calling thread's namespace. Returns 0 or -errno. */
int netns_identify_own(struct netns_id *ret);

/* Returns 0 if the descriptor is of a network namespace, -ENOTTY if it is of something
 * else, or another -errno. */
int netns_check(int fd);

/* Gives the cookie of a socket's namespace, which is unique until the next boot.
 * Returns 0, or -errno: -ENOPROTOOPT before Linux 5.14. */
int netns_cookie(int socket, uint64_t *ret);

/* Calls back for the name of each file in DIR. Returns 0, or -errno if the directory
 * cannot be read to its end. */
int netns_list_dir(const char *dir, void (*found)(void *ctx, const char *name),
		   void *ctx);
