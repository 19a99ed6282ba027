/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "collector/row_room.h"
#include "collector/sa_list.h"
#include "collector/snapshot.h"
#include "collector/surroundings.h"
#include "instance/instance.h"
#include "kernel/kernel.h"

/*
 * One network namespace: makes rows from the kernel's messages. Reads no clock but the
 * kernel's, and writes no log: errors are returned, or kept in the status.
 */
struct collector;

struct collector_options {
	const char *netns;      /* its name, "": the daemon's own */
	const char *sysfs_root; /* "/sys"; NULL: no HBAs are discovered */
	uint64_t stale_after; /* ns without a successful poll until no row is active */
	const struct peer_config *peers; /* copied */
};

/* How the last poll read the error counters. */
struct xfrm_stat_status {
	int err; /* 0 or -errno, -ENOENT: the kernel has no counters; -EBADMSG: those
		  * for columns 7 and 8 are missing */
	size_t n_skipped; /* lines that are not counters */
};

struct collector_status {
	struct faults faults;
	struct health health; /* its counts; last_error is only in a snapshot */
	struct xfrm_stat_status xfrm_stat;
	struct row_room room;
};

/* The kernel, its ops and the options' strings must outlive the collector. The
 * instances are taken as instance_set_merge() takes them. NULL: no memory. */
struct collector *collector_new(const struct kernel_ops *ops, void *kernel,
				const struct collector_options *options,
				struct instance_set *instances);
void collector_free(struct collector *collector);

/*
 * Polls once: events, error counters, dump, events, totals. Returns 0; or -errno if the
 * SAs themselves could not be read, -EPERM without CAP_NET_ADMIN. The totals may then
 * contain half a dump: serve those of the last successful poll. If anything else could
 * not be read, the SAs are counted nevertheless, and the status says so.
 */
int collector_poll(struct collector *collector);

/* Reads the events that wait, or as many as may be read at once. Returns 0 or -errno. A
 * loss of events (ENOBUFS) is no error: it is counted, and wants a poll. */
int collector_read_events(struct collector *collector);

/*
 * The namespace is gone, or is not to be watched any more: all SAs end with the last
 * sample, and the rows stay. Do not call collector_poll() or collector_read_events()
 * until collector_attach().
 */
void collector_detach(struct collector *collector);

/*
 * A namespace of that name is there again. same: it is the one that was detached, so
 * its error counters continue; otherwise they begin at 0. Returns 0, or -ENOMEM with
 * the collector still detached.
 */
int collector_attach(struct collector *collector, void *kernel, bool same);

/* The interfaces that rules name and that the last poll did not find. */
struct missing_devices collector_missing_devices(const struct collector *collector);

/* For the state file, and to see what was counted. */
struct rows *collector_rows(struct collector *collector);

/* Notes that events may have been lost: the next poll counts as a resync, and every row
 * gets a discontinuity. */
void collector_note_gap(struct collector *collector);

/* True if a poll now would settle what events left open. */
bool collector_wants_poll(const struct collector *collector);

const struct collector_status *collector_status(const struct collector *collector);

/* Applies another configuration, taken as by collector_new(). Returns 0, or -ENOMEM
 * with the old one in force. */
int collector_reconfigure(struct collector *collector, struct instance_set *instances,
			  const struct peer_config *peers, uint64_t stale_after);

/* Appends this namespace's rows (as rows_snapshot() names them) and health; unless it
 * is detached, also its error counters. Returns 0 or -ENOMEM. */
int collector_snapshot(const struct collector *collector, struct snapshot *snapshot);

/* Appends this namespace's SAs, as of the last poll, with what gives each its row and
 * direction now. Not while it is detached. Returns 0 or -ENOMEM. */
int collector_list_sas(struct collector *collector, struct sa_list *list);
