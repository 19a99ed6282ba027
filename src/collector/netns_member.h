/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "collector/collector.h"
#include "collector/netns_log.h"
#include "collector/snapshot.h"
#include "collector/state.h"
#include "kernel/flood.h"
#include "kernel/kernel.h"
#include "kernel/netns.h"

/*
 * One network namespace of a netns_set: its sockets, its collector, its state file.
 * Logs what happens to it.
 *
 *	          open                      release, counters > 0
 *	WAITING ---------> WATCHED ----------------------------------> REMEMBERED
 *	   ^                |   ^                                        |    |
 *	   |    release, 0  |   '------------------ open ----------------'    |
 *	   '----------------+------------------------ forget -----------------'
 *
 * WAITING has no rows. REMEMBERED keeps its rows, which no longer change; they go on
 * counting if a namespace of that name is opened again. Open sockets keep a namespace
 * and its SAs alive, so that it must be released as soon as its file is gone.
 */

/* The strings must live as long as the set. */
struct netns_paths {
	const char *sysfs_root;
	const char *netns_dir; /* holds a file for each namespace, as /run/netns does */
	const char *state_dir; /* NULL: save no state */
};

/* The configuration. What it points to must live as long as it is in force. */
struct netns_config {
	const struct instance_set *instances; /* of all namespaces */
	const struct netns_list *namespaces;
	uint64_t stale_after;  /* ns without a good poll until rows are inactive */
	size_t receive_buffer; /* bytes, of a namespace that is opened from now on */
};

/* What the members of a set share. */
struct netns_env {
	const struct kernel_opener *opener;
	struct netns_paths paths;
	struct netns_config config;
	int epoll; /* of all event sockets; the data is the member */
	const struct netns_member *own;
};

struct netns_member {
	const struct netns_env *env;
	char name[NETNS_NAME_MAX + 1]; /* "": the daemon's own */
	bool present;                  /* the directory has a file of that name */
	struct netns_id id;            /* of what is open */
	void *kernel;                  /* NULL: it is not watched */
	struct collector *collector;   /* NULL: it has no rows */
	struct state_id state_id;      /* of what is open, or was last */
	bool has_state_id;
	bool polled;    /* since it was opened */
	bool failing;   /* the last poll failed */
	bool listening; /* its events wake the daemon; otherwise polls read them */
	struct flood flood;
	uint64_t released_at; /* ns of CLOCK_MONOTONIC */
	struct netns_log log;
};

/* A member that waits. NULL: no memory. */
struct netns_member *netns_member_new(const struct netns_env *env, const char *name);
void netns_member_free(struct netns_member *member);

bool netns_member_is_own(const struct netns_member *member);

/*
 * Opens the sockets, restores the state or goes on with the remembered rows, and begins
 * to listen for events. netns: a descriptor of the namespace, which stays the caller's;
 * of no meaning for the daemon's own. Returns 0 or -errno with nothing left open.
 */
int netns_member_open(struct netns_member *member, int netns);

/* Takes the last numbers of its SAs, closes the sockets and removes the state file.
 * why: for the log. */
void netns_member_release(struct netns_member *member, const char *why);

/* Drops its rows. What the daemon itself has counted is added to past. */
void netns_member_forget(struct netns_member *member, struct health *past);

/* The configuration has changed. Returns 0, or -ENOMEM with the old one in force. */
int netns_member_configure(struct netns_member *member);

/* Reads the events that wait. Stops listening if they cannot be read, or if another
 * process floods the socket: it would stay readable. */
void netns_member_read_events(struct netns_member *member);

/* Returns 0 or -errno, as collector_poll() does. */
int netns_member_poll(struct netns_member *member);

/* True if a poll soon would settle something, or is the first. */
bool netns_member_wants_poll(const struct netns_member *member);

/* Appends its rows and counters. If the last poll failed, rows keep the numbers that
 * they have in old. Returns 0 or -ENOMEM. */
int netns_member_snapshot(const struct netns_member *member, struct snapshot *fresh,
			  const struct snapshot *old);

/* Saves its state, if it has one. last_at: as state_save() takes it. Returns 0 or
 * -errno. */
int netns_member_save(const struct netns_member *member, uint64_t last_at);
