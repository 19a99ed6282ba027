/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "collector/netns_set.h"
#include "collector/sa_list.h"
#include "collector/snapshot.h"

/* What a poll has found, for people and for programs. */

enum report_view { REPORT_INSTANCES, REPORT_PEERS, REPORT_SAS, N_REPORT_VIEWS };

extern const char *const report_view_names[N_REPORT_VIEWS];

/* What qmipsecd --once is asked for. */
struct report_options {
	enum report_view view;
	bool json;
	const char *const *names; /* only these rows */
	size_t n_names;           /* 0: all rows */
	const char *version;      /* the program's */
};

/* Polls every namespace and prints the result on the standard output, as a table or as
 * JSON. Continues from the state in paths, and leaves it as it is. Returns 0 or -errno,
 * logged; -ENOENT if there is no row of a name. */
int report_once(const struct kernel_opener *opener, const struct netns_paths *paths,
		const struct netns_config *config,
		const struct report_options *options);

/* Polls, and again soon if the poll left something open: an SA of a saved state is lost
 * only if it is missing from two dumps. Returns as netns_set_poll() does. */
int report_poll(struct netns_set *set);

/* Returns 0, or -ENOENT if there is no row of a name, with the reason in error
 * (error_size bytes). */
int report_check_names(const struct snapshot *snapshot, const char *const *names,
		       size_t n_names, char *error, size_t error_size);

/* Remove the other rows, or their SAs. Without names all are kept. */
void report_keep_names(struct snapshot *snapshot, const char *const *names,
		       size_t n_names);
void report_keep_sas(struct sa_list *list, const char *const *names, size_t n_names);

/* For people. The caller checks the streams for errors. */

/* A line for each field, a column for each instance, as many side by side as fit into
 * width characters. */
void report_table(FILE *stream, const struct snapshot *snapshot, unsigned width);

/* A line for each peer, in the order of the SNMP index. */
void report_peers(FILE *stream, const struct snapshot *snapshot);

/* Two lines for each SA: what it is, and why it counts where it does. now: seconds
 * since the epoch. */
void report_sas(FILE *stream, const struct sa_list *list, uint64_t now);

/* "up 3d 4h", "down": whether a peer is active, and since when, at a time of
 * CLOCK_MONOTONIC in ns. Returns text, which has size bytes. */
const char *report_peer_state(const struct snapshot_peer *peer, uint64_t now,
			      char *text, size_t size);

/* Where a snapshot was made. */
struct report_origin {
	const char *version; /* of the program */
	const char *kernel;  /* its release */
	int64_t epoch; /* ns of CLOCK_MONOTONIC at 1970-01-01 00:00 UTC; negative */
	bool restored; /* the counters continue from a saved state */
};

/* The seconds since the epoch at a time of CLOCK_MONOTONIC in ns. */
uint64_t report_seconds_at(const struct report_origin *origin, uint64_t monotonic);

/* For programs: one JSON object (RFC 8259), as docs/schema.json describes it: names as
 * in the WMI class, times as of RFC 3339, in UTC. list is read for REPORT_SAS only. */
void report_json(FILE *stream, enum report_view view, const struct snapshot *snapshot,
		 const struct sa_list *list, const struct report_origin *origin);
