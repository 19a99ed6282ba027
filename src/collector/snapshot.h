/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "instance/instance.h"
#include "ledger/stats.h"
#include "kernel/xfrm_stat.h"

/* What is served: plain values, all of one moment. Times are nanoseconds of
 * CLOCK_MONOTONIC. */

#define SNAPSHOT_NETNS_MAX 64

/* Whether columns 7 and 8 are the instance's own, or those of its namespace. */
enum error_scope {
	ERROR_SCOPE_INSTANCE = 1,
	ERROR_SCOPE_NAMESPACE = 2,
};

struct snapshot_row {
	char name[INSTANCE_NAME_MAX + 1]; /* the index */
	bool active;
	char descr[INSTANCE_TEXT_MAX + 1];
	char transport[33];
	char netns[SNAPSHOT_NETNS_MAX + 1]; /* "": the daemon's own */
	char initiator_name[224];
	uint32_t if_index;
	uint32_t sessions;
	enum error_scope error_scope;
	uint64_t replay_failures;
	uint64_t discontinuity; /* when a counter last may have missed something */
	struct stats stats;
};

/* One counter of one namespace's xfrm_stat. */
struct snapshot_xfrm {
	char netns[SNAPSHOT_NETNS_MAX + 1];
	struct xfrm_counter counter;
};

/* How the collecting itself is doing; the counts start from 0 with the daemon. */
struct health {
	uint64_t last_poll;          /* when the last good one ended, 0: none yet */
	uint64_t last_poll_duration; /* nanoseconds */
	uint32_t tracked_sas;        /* IPComp and proto-4 included */
	uint64_t events;             /* messages read from event sockets */
	uint64_t event_losses; /* times that the kernel dropped events (ENOBUFS) */
	uint64_t resyncs;      /* polls because something was missed */
	uint64_t failed_polls;
	uint64_t foreign; /* messages dropped because the kernel did not send them */
	/* a namespace has no counters for columns 7 and 8, at the last poll */
	bool xfrm_stat_missing;
	char last_error[INSTANCE_TEXT_MAX + 1]; /* "": none yet */
};

/* Adds the counts of one namespace to those of all; not last_poll and last_error. */
void health_add(struct health *to, const struct health *from);

struct snapshot {
	struct snapshot_row *rows; /* in the order of their SNMP index */
	size_t n_rows;
	struct snapshot_xfrm *xfrm; /* likewise */
	size_t n_xfrm;
	struct health health;
};

/* Appends a row, or the counters of a namespace. Return 0 or -ENOMEM. */
int snapshot_add_row(struct snapshot *snapshot, const struct snapshot_row *row);
int snapshot_add_xfrm(struct snapshot *snapshot, const char *netns,
		      const struct xfrm_stat *stat);

/* Puts rows and counters into the order of their SNMP index: as strings that are not
 * IMPLIED have it, a shorter one first, equally long ones by their characters. A table
 * cannot have two rows of one name: should two hashes of instance_name_fit() ever be
 * the same, the second row is left out. */
void snapshot_sort(struct snapshot *snapshot);

/* The row of that name in a sorted snapshot, or NULL. */
const struct snapshot_row *snapshot_find(const struct snapshot *snapshot,
					 const char *name);

/* Empties it and gives its memory back. */
void snapshot_free(struct snapshot *snapshot);
