/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef QMIPSEC_NAMESPACES_H
#define QMIPSEC_NAMESPACES_H

#include <stdbool.h>
#include <stdint.h>

#include "directives.h"
#include "collector/snapshot.h"

/*
 * The network namespaces that are served: the daemon's own, and those of a directory
 * that the configuration names. Each has its sockets, its collector, its state file.
 * One that has gone is let go at once, since open sockets keep it and its SAs alive;
 * its rows stay, and go on if one of that name comes again. Logs what it does.
 */

/* The strings must live until namespaces_close(). */
struct namespaces_paths {
	const char *sysfs_root;
	const char *netns_dir;
	const char *state_dir; /* NULL: keep no state */
};

/*
 * Opens the daemon's own namespace, loads its state, and looks for the others. settings
 * must live until namespaces_close(). Returns 0 or -errno.
 */
int namespaces_open(const struct settings *settings,
		    const struct namespaces_paths *paths);
void namespaces_close(void);

/* Says why the kernel cannot be read, as xfrm_netlink_open() returned it. */
void namespaces_log_open_error(int err);

/* Reads and watches by the agent's select loop from now on. changed() is called after
 * anything that may want another poll or, came_or_went, another snapshot. Returns 0 or
 * -errno. */
int namespaces_start(void (*changed)(bool came_or_went));

/* There are other values in the settings. Returns 0, or -ENOMEM before anything has
 * changed. */
int namespaces_configure(void);

/* Lets go what has gone, opens what has come. */
void namespaces_look(void);

/* Polls all of them. Returns what it came to in the daemon's own: 0 or -errno. */
int namespaces_poll(void);

/* True if a poll soon would settle something, or see a namespace for the first time. */
bool namespaces_want_poll(void);

/*
 * Fills an empty snapshot, sorted. Where the last poll failed the numbers of the old
 * one stand. Returns 0 or -ENOMEM.
 */
int namespaces_snapshot(struct snapshot *fresh, const struct snapshot *old);

/* Saves the state of each. last_at: nothing is counted after this time; 0: it goes on.
 */
void namespaces_save(uint64_t last_at);

/* Nanoseconds of CLOCK_MONOTONIC. */
uint64_t namespaces_now(void);

#endif
