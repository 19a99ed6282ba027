/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "collector/netns_member.h"
#include "collector/snapshot.h"

/*
 * The network namespaces that are served: the daemon's own, and those of a directory
 * that the configuration names. Decides which are opened, released, remembered and
 * forgotten (netns_member.h). Logs what it does.
 *
 * It never waits: the caller watches its descriptors and calls it.
 */
struct netns_set;

/* Opens the daemon's own namespace, restores its state, and looks for the others.
 * Returns 0 or -errno, logged. */
int netns_set_open(const struct kernel_opener *opener, const struct netns_paths *paths,
		   const struct netns_config *config, struct netns_set **ret);
void netns_set_free(struct netns_set *set);

/* Checks whether the daemon's own namespace can be opened. Returns 0 or -errno, logged.
 */
int netns_set_probe(const struct kernel_opener *opener);

/* Readable (POLLIN) when netns_set_read_events() has something to do. */
int netns_set_event_fd(const struct netns_set *set);

/* In an exceptional condition (POLLPRI) when netns_set_look() has something to do; -1:
 * none. netns_set_look() and netns_set_configure() may change it. */
int netns_set_mounts_fd(const struct netns_set *set);

/* Reads the events that wait. Returns true if files have changed, so that
 * netns_set_look() may have something to do. */
bool netns_set_read_events(struct netns_set *set);

/* Releases namespaces that are gone and opens new ones. Returns true if there are any.
 */
bool netns_set_look(struct netns_set *set);

/* Applies another configuration. Returns 0, or -ENOMEM with the old one in force. */
int netns_set_configure(struct netns_set *set, const struct netns_config *config);

/* Polls all of them. Returns the result for the daemon's own namespace: 0 or -errno. */
int netns_set_poll(struct netns_set *set);

/* From a poll that left something open to the next one, in ns. */
#define NETNS_SETTLE_NS (20L * 1000 * 1000)

/* True if a poll soon would settle something, or see a namespace for the first time. */
bool netns_set_wants_poll(const struct netns_set *set);

/* Polls only such namespaces. */
void netns_set_settle(struct netns_set *set);

/* Fills an empty snapshot, sorted. A namespace whose last poll failed keeps its numbers
 * from old. Returns 0 or -ENOMEM. */
int netns_set_snapshot(const struct netns_set *set, struct snapshot *fresh,
		       const struct snapshot *old);

/* Fills an empty list with the SAs of all namespaces whose last poll was good, sorted.
 * Returns 0 or -ENOMEM. */
int netns_set_list_sas(const struct netns_set *set, struct sa_list *list);

/* True if the counters of the daemon's own namespace continue from a saved state. */
bool netns_set_is_restored(const struct netns_set *set);

/* Begins to save the state of each namespace, and removes those of others. last_at as
 * for state_image_make(). Does nothing while an earlier save still runs, or if no state
 * is saved. */
void netns_set_save(struct netns_set *set, uint64_t last_at);

/* Waits at most wait ns for the end of a save. Returns false if it still runs. */
bool netns_set_finish_save(struct netns_set *set, uint64_t wait);
