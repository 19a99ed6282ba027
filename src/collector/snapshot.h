/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "instance/instance.h"
#include "kernel/xfrm_stat.h"
#include "ledger/peer.h"
#include "ledger/totals.h"

/* The values that requests are answered from, all of one moment. Times are nanoseconds
 * of CLOCK_MONOTONIC. */

#define SNAPSHOT_NETNS_MAX 64

/* Whether columns 7 and 8 count for the instance alone or for its namespace. */
enum error_scope {
	ERROR_SCOPE_INSTANCE = 1,
	ERROR_SCOPE_NAMESPACE = 2,
};

struct snapshot_row {
	char name[INSTANCE_NAME_MAX + 1]; /* the index */
	bool active;
	bool unattributed; /* it has what belongs to no HBA */
	bool software;     /* the kernel's own TCP/IP carries its sessions */
	char descr[INSTANCE_TEXT_MAX + 1];
	char transport[33];
	char netns[SNAPSHOT_NETNS_MAX + 1]; /* "": the daemon's own */
	char initiator_name[224];
	uint32_t if_index;
	uint32_t sessions;
	enum error_scope error_scope;
	uint64_t replay_failures;
	uint64_t packets_sent;
	uint64_t packets_received;
	uint64_t discontinuity; /* when a counter last may have missed something */
	struct stats stats;
	size_t first_peer; /* of the row's peers, which follow one another */
	size_t n_peers;
};

/* One peer of one row: the remote endpoint of some of its SAs, or the row's `other`. */
struct snapshot_peer {
	char instance[INSTANCE_NAME_MAX + 1];
	char name[PEER_NAME_MAX + 1];
	char label[PEER_LABEL_MAX + 1];
	bool active;            /* has a keyed SA, or had one within the hold-down */
	uint64_t last_change;   /* of active; 0: it has never been active */
	uint64_t discontinuity; /* when a counter last may have missed something */
	uint64_t bytes_sent;
	uint64_t bytes_received;
	struct totals totals;
};

/* One counter of one namespace's xfrm_stat. */
struct snapshot_xfrm {
	char netns[SNAPSHOT_NETNS_MAX + 1];
	struct xfrm_counter counter;
};

/* The state of the daemon itself. The counts begin at 0 when it starts. */
struct health {
	uint64_t last_poll;          /* end of the last that succeeded, 0: none yet */
	uint64_t last_poll_duration; /* ns */
	uint32_t tracked_sas;        /* including IPComp and proto-4 SAs */
	uint64_t events;             /* messages read from event sockets */
	uint64_t event_losses;       /* how often the kernel dropped events (ENOBUFS) */
	uint64_t resyncs;            /* polls after events were lost */
	uint64_t polls;              /* that succeeded */
	uint64_t failed_polls;
	uint64_t foreign; /* messages dropped because the kernel did not send them */
	/* at the last poll a namespace had no counters for columns 7 and 8 */
	bool xfrm_stat_missing;
	char last_error[INSTANCE_TEXT_MAX + 1]; /* "": none yet */
};

/* Adds the counts of one namespace to those of all, but not last_poll and last_error.
 */
void health_add(struct health *to, const struct health *from);

struct snapshot {
	struct snapshot_row *rows; /* in the order of their SNMP index */
	size_t n_rows;
	struct snapshot_peer *peers; /* in the order of their SNMP index */
	size_t n_peers;
	struct snapshot_xfrm *xfrm; /* in the order of their SNMP index */
	size_t n_xfrm;
	struct health health;
};

/* Appends a row, all zeros, which is still to be set, without peers. Returns NULL if
 * there is no memory. */
struct snapshot_row *snapshot_add_row(struct snapshot *snapshot);

/* Appends the counters of a namespace. Returns 0 or -ENOMEM. */
int snapshot_add_xfrm(struct snapshot *snapshot, const char *netns,
		      const struct xfrm_stat *stat);

/* Appends a peer of the row, of which all but the instance is still to be set. The
 * peers of a row must follow one another, in the order of their index. Returns NULL if
 * there is no memory. */
struct snapshot_peer *snapshot_add_peer(struct snapshot *snapshot,
					struct snapshot_row *row);

/* Sorts rows and counters by their SNMP index, as of a string that is not IMPLIED: by
 * length, then by characters. If two rows have one name, since two hashes of
 * instance_name_fit() are equal, the second row is dropped. Returns 0 or -ENOMEM. */
int snapshot_sort(struct snapshot *snapshot);

/* The row of that name in a sorted snapshot, or NULL. */
const struct snapshot_row *snapshot_find(const struct snapshot *snapshot,
					 const char *name);

void snapshot_free(struct snapshot *snapshot);
