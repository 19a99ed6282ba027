/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "collector/faults.h"
#include "collector/room.h"
#include "collector/snapshot.h"
#include "instance/instance.h"
#include "kernel/kernel.h"

/*
 * One network namespace: the kernel's messages go in, rows come out. Reads no clock but
 * the kernel's, writes no log; what goes wrong is returned and counted in the health.
 */
struct collector;

struct collector_options {
	const char *netns;      /* its name, "": the daemon's own */
	const char *sysfs_root; /* "/sys"; NULL: there are no HBAs to be found */
	uint64_t stale_after;   /* ns without a good poll until rows are not active */
};

/* The kernel, its ops and the options' strings must outlive the collector; the
 * instances are copied. NULL: no memory. */
struct collector *collector_new(const struct kernel_ops *ops, void *kernel,
				const struct collector_options *options,
				struct instance_set *instances);
void collector_free(struct collector *collector);

/*
 * One poll: events, error counters, dump, events, totals. Returns 0 or -errno if the
 * SAs themselves could not be read, -EPERM without CAP_NET_ADMIN: then the totals may
 * hold half a dump, so serve those of the last good poll. Whatever else could not be
 * read, SAs are counted; collector_faults() and the health tell.
 */
int collector_poll(struct collector *collector);

/* Reads the events that wait, or as many as may be read at once. Returns 0 or -errno;
 * after ENOBUFS, which is counted, it returns 0 and wants a poll. */
int collector_read_events(struct collector *collector);

/*
 * The namespace is gone, or not to be watched any more: all SAs are given up with what
 * was last seen of them, and the rows stay. Until collector_attach() there is no
 * kernel: collector_poll() and collector_read_events() must not be called.
 */
void collector_detach(struct collector *collector);

/*
 * A namespace of that name is there again. same: it is the very one that was detached,
 * so that its counters go on; else they begin at 0. Returns 0, or -ENOMEM with the
 * collector still detached.
 */
int collector_attach(struct collector *collector, void *kernel, bool same);

/* True if any row has counted anything, in any column but the levels. */
bool collector_has_counted(const struct collector *collector);

/* Says that messages may have been missed: the next poll counts as a resync, and moves
 * every row's discontinuity. */
void collector_note_gap(struct collector *collector);

/* True if a poll now would settle what messages left open. */
bool collector_wants_poll(const struct collector *collector);

/* How the last poll read the error counters: 0 or -errno, -ENOENT if the kernel has
 * none, -EBADMSG if those of columns 7 and 8 are not among them; and how many lines it
 * could not make sense of. */
struct xfrm_stat_status {
	int err;
	size_t n_skipped;
};
struct xfrm_stat_status collector_xfrm_stat_status(const struct collector *collector);

/* What could not be read when it was last to be read, and the last fault in words. */
const struct faults *collector_faults(const struct collector *collector);

/* The counts alone: last_error is in a snapshot. */
const struct health *collector_health(const struct collector *collector);

/* Whether instances have too many rows, for the log. */
const struct collector_room *collector_room(const struct collector *collector);

/* New rules, which are copied. Returns 0, or -ENOMEM with the old ones in force. */
int collector_reconfigure(struct collector *collector, struct instance_set *instances,
			  uint64_t stale_after);

/*
 * Appends this namespace's rows and health, and its error counters unless it is
 * detached. Rows of other namespaces than the daemon's own have its name and "/" before
 * their own. Returns 0 or -ENOMEM.
 */
int collector_snapshot(const struct collector *collector, struct snapshot *snapshot);

/*
 * What outlives the daemon, written to and read from a stream: instances' names and
 * totals, every live SA's last sample. collector_load() is for a new collector, before
 * its first poll. Return 0 or -errno; -EBADMSG if it cannot have been saved, and then
 * the collector must be thrown away.
 */
int collector_save(const struct collector *collector, FILE *stream);
int collector_load(struct collector *collector, FILE *stream);
